# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Licenses of the apps that the tenant bought in Apple Business Manager (VPP).

Based on /apps/v0/vpp and /apps/v0/vpp/{appId} of the contract (v0.yaml), where ``app_id`` is the ID of Apple.

Choice: HTTP 404 and an empty object both mean that the tenant has no licenses of an app. The contract has neither.
"""

from __future__ import annotations

from dataclasses import replace

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..engine.reader import Reader
from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading

APPLE_APP_ID = Option(
    "apple_app_id",
    "ID of the app at Apple. The number in the link to the app in the App Store, for example V(361309726).",
    identifier=True,
    query="apple_app_id",
)
"""The option for an app by the ID of Apple."""


def check_apple_app_id(text: str | None) -> None:
    """Raise InvalidParameter if a text is not the ID of an app at Apple."""
    if text is not None and not (text.isascii() and text.isdigit()):
        raise InvalidParameter(f"Invalid apple_app_id: '{text}' is not a number. It is in the link to the app.")


class VppLicenseReader(Reader):
    """Reads licenses. Esper cannot filter the list."""

    def read_rows(self, params: Params) -> list[Row]:
        """Return the licenses that the options select."""
        apple_app_id, maximum = params["apple_app_id"], params["available_below"]
        check_apple_app_id(apple_app_id)
        rows = self.view.list_objects(self.kind) if apple_app_id is None else licenses_of(self.view, apple_app_id)
        return [row for row in rows if maximum is None or _available(row) < maximum]


def _available(row: Row) -> float:
    """Return the number of available licenses. An unknown number is not below any other."""
    number = row.get("available_count")
    return float("inf") if number is None else number


def licenses_of(view: TenantView, apple_app_id: str) -> list[Row]:
    """Return the licenses of an app: one object, or none."""
    purpose = f"Reading the licenses of the app {apple_app_id}"
    routes = VPP_LICENSE.routes
    found = view.client.find_object(routes.object, ids={"id": apple_app_id}, key=None, purpose=purpose)
    row = view.typed(VPP_LICENSE, found) if found and found.get(VPP_LICENSE.id_key) else None
    return [row] if row else []


VPP_LICENSE = plain_reading(
    name="vpp_license",
    title="VPP license",
    plural="vpp_licenses",
    short_description="Get information about Esper VPP licenses",
    doc=(
        "Returns the numbers of licenses of the apps that the tenant bought in Apple Business Manager (Volume Purchase"
        " Program, VPP).",
        "If the tenant has no licenses of an app, the list is empty.",
    ),
    routes=Routes(list="/apps/v0/vpp", object="/apps/v0/vpp/{id}", page_size=None, name_filter=""),
    id_key="app_id",
    reader=VppLicenseReader,
    options=(
        replace(APPLE_APP_ID, query=""),
        Option("available_below", "Only returns apps with fewer available licenses than this number.", type="int"),
    ),
    seealso=("vpp_app_info", "vpp_app"),
    fields=(
        Field("apple_app_id", "ID of the app at Apple.", api="app_id", sample="361309726"),
        Field("total", "Number of licenses.", api="total_count", type="int", sample=100),
        Field("assigned", "Number of assigned licenses.", api="assigned_count", type="int", sample=95),
        Field("available", "Number of available licenses.", api="available_count", type="int", sample=5),
        Field("pricing_param", "Kind of the licenses, which Esper does not document.", sample="STDQ"),
        Field(
            "platforms",
            "Platforms of the app.",
            api="supported_platforms",
            type="list",
            elements="str",
            sample=["iOS"],
        ),
    ),
)
