# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The company settings of the tenant, a singleton.

Based on GET and PATCH /v1/enterprise/{enterprise_id}/ of the contract (v1.yaml).

Choice: a tenant whose response has no ``wifi_lte_toggle_flag`` does not have the feature, so setting it is an error.
"""

from __future__ import annotations

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.validators import email, length
from ..engine.planner import Planner
from ..model.field import Field
from ..model.kind import Routes, Tenant
from ..model.plain import plain_singleton
from ..model.plan import Plan

_DATA_SAVER = "wifi_lte_toggle_flag"


class EnterprisePlanner(Planner):
    """Plans changes of the company settings."""

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan of Planner. Raise InvalidParameter if the tenant does not have a setting of the task."""
        if params.get("data_saver") is not None and _DATA_SAVER not in current:
            # Esper may accept and ignore the value, so each run would send it again.
            raise InvalidParameter(
                "Invalid parameters for the company settings: data_saver is not available, because this tenant does not"
                " have the data saver feature."
            )
        return super().plan_update(current, params)


def _text(name: str, doc: str, maximum: int, sample: str, *, null_if_empty: bool = False) -> Field:
    return Field(name, doc, validator=length(1, maximum), sample=sample, null_if_empty=null_if_empty)


ENTERPRISE = plain_singleton(
    name="enterprise",
    title="company settings",
    doc="The company settings contain the names, the address and the contact of the company that owns the tenant.",
    routes=Routes(object="/v1/enterprise/{enterprise_id}/"),
    planner=EnterprisePlanner,
    tenant=Tenant(export="on_request", prune=False, reason="The company settings often differ from tenant to tenant."),
    fields=(
        Field("id", "ID of the tenant.", writable=False, sample="0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d"),
        _text("name", "Name of the company, which does not affect the URL of the tenant.", 255, "Example Stores"),
        Field("short_code", "Short code that Esper generated for the company.", writable=False, sample="EXMP"),
        _text("registered_name", "Registered name of the company.", 255, "Example Stores Ltd."),
        _text("registered_address", "Registered address of the company.", 255, "1 High Street"),
        _text("location", "Location of the company: city, state, country.", 255, "London, England, GB"),
        _text("zipcode", "Postal code of the company. Quote it, because YAML reads 01234 as a number.", 8, "AB1 2CD"),
        _text("contact_person", "Name of the contact.", 255, "Service desk", null_if_empty=True),
        _text("contact_number", "Phone number of the contact.", 20, "+49 30 1234567", null_if_empty=True),
        Field(
            "contact_email",
            "Email address of the contact, at most 254 characters.",
            validator=lambda value: email(value) or length(1, 254)(value),
            sample="servicedesk@example.com",
            changed="operations@example.com",
        ),
        Field(
            "data_saver",
            "If V(true), devices can use the data saver mode. The task fails if the tenant does not have this feature.",
            api=_DATA_SAVER,
            type="bool",
            returns="Whether devices can use the data saver mode. V(null) if the tenant does not have this feature.",
            sample=True,
        ),
        Field(
            "google_enterprise_id",
            "ID of the Android Enterprise enrollment. V(null) if the tenant is not enrolled.",
            api="emm.google_enterprise_id",
            writable=False,
            sample="LC02k9x4pz",
        ),
        Field("created_on", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("updated_on", "Time of the last change.", writable=False, sample="2026-03-02T11:00:00Z"),
    ),
)
