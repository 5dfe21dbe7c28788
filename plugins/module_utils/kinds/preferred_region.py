# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The App Store regions of the tenant, a singleton.

Based on /v2/preferred-regions of the contract (v2.yaml), whose POST replaces the whole list.

Choice: the order of the countries has no meaning, so a task that only changes the order changes nothing.
Choice: a POST request that replaces the list can be repeated after an unclear failure.
"""

from __future__ import annotations

import re

from ..model.field import Field
from ..model.kind import Routes
from ..model.plain import plain_singleton


def _country(value: str) -> str:
    return "" if re.fullmatch("[A-Z]{2}", value) else f"is not a two-letter country code: '{value}'"


PREFERRED_REGION = plain_singleton(
    name="preferred_region",
    title="preferred regions",
    doc="Esper looks up apps in the App Stores of these regions.",
    routes=Routes(object="/v2/preferred-regions", update="POST"),
    fields=(
        Field(
            "countries",
            "Country codes of the regions (ISO 3166-1 alpha-2), in upper or lower case. Compared without order. An"
            " empty list removes all regions.",
            type="list",
            elements="str",
            list_type="set",
            normalize=lambda countries: list(dict.fromkeys(str(country).upper() for country in countries)),
            validator=_country,
            returns="Country codes of the regions.",
            sample=["DE", "AT"],
            changed=["DE"],
        ),
        Field("created_at", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("created_by", "User who set the regions first.", writable=False, sample="ops@example.com"),
        Field("updated_at", "Time of the last change.", writable=False, sample="2026-03-02T11:00:00Z"),
        Field("updated_by", "User who changed the regions last.", writable=False, sample="ops@example.com"),
    ),
)
