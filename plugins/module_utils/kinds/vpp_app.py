# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps that the tenant bought in Apple Business Manager (VPP), which modules read. tasks/vpp_app.py refreshes one.

Based on GET /v2/itunesapps of the contract (v2.yaml), which requires an ID. The list of all apps is that of their
licenses.

Choice: an unknown ID is an empty list or HTTP 404. The contract has neither.
"""

from __future__ import annotations

import re

from ..base.errors import ApiError, InvalidParameter
from ..base.ids import is_uuid
from ..base.row import Params, Row
from ..engine.reader import Reader
from ..engine.tenant_view import TenantView
from ..http.client import Query
from ..http.parallel import CONCURRENCY, in_parallel
from ..model.field import Field
from ..model.kind import Related, Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading
from .vpp_license import APPLE_APP_ID, VPP_LICENSE, check_apple_app_id, licenses_of


def find_vpp_apps(view: TenantView, query: Query) -> list[Row]:
    """Return the apps that a query selects: one, or none."""
    try:
        return view.list_objects(VPP_APP_ROWS, query)
    except ApiError as error:
        if error.status != 404:
            raise
        return []


def check_ids(params: Params) -> None:
    """Raise InvalidParameter if an ID in the options of a module is invalid."""
    check_apple_app_id(params["apple_app_id"])
    if params["id"] is not None and not is_uuid(params["id"]):
        raise InvalidParameter(f"Invalid id: '{params['id']}' is not a UUID. For the ID at Apple, set apple_app_id.")


def check_region(name: str, text: str | None) -> None:
    """Raise InvalidParameter if the value of an option is not the code of a country."""
    if text is not None and not re.fullmatch("[A-Za-z]{2}", text):
        raise InvalidParameter(f"Invalid {name}: '{text}' is not a two-letter country code.")


class VppAppReader(Reader):
    """Reads apps. Each takes a request."""

    def read_rows(self, params: Params) -> list[Row]:
        """Return the app that the options select, or all apps."""
        check_ids(params)
        check_region("country_code", params["country_code"])
        query = self.query(params) or {}
        if not {"app_id", "apple_app_id"}.isdisjoint(query):
            return find_vpp_apps(self.view, query)
        if "version_id" in query:
            raise InvalidParameter("version_id requires apple_app_id or id.")
        queries = [{**query, "apple_app_id": row[VPP_LICENSE.id_key]} for row in self.view.list_objects(VPP_LICENSE)]
        found = in_parallel(self.view.client, lambda one: find_vpp_apps(self.view, one), queries, CONCURRENCY)
        return [row for rows in found for row in rows]


def _licenses(view: TenantView, row: Row, params: Params) -> Row | None:
    """Return the licenses of an app. Those of several apps are in one list."""
    apple_app_id = row.get("apple_app_id")
    if not apple_app_id:
        return None
    if params["apple_app_id"] is not None or params["id"] is not None:
        return next(iter(licenses_of(view, apple_app_id)), None)
    return next((each for each in view.list_objects(VPP_LICENSE) if each[VPP_LICENSE.id_key] == apple_app_id), None)


_LICENSES = Related(
    Field(
        "licenses",
        "Numbers of licenses. Only returned if O(licenses=true). Null if the tenant has none.",
        type="dict",
        fields=tuple(field for field in VPP_LICENSE.fields if field.name in ("total", "assigned", "available")),
    ),
    Option("licenses", "If V(true), also returns the licenses of the apps.", type="bool", default=False),
    _licenses,
)

VPP_APP_ROWS = plain_reading(
    name="vpp_app",
    title="VPP app",
    plural="vpp_apps",
    short_description="Get information about Esper VPP apps",
    doc=(
        "Returns one app, or all apps that the tenant bought in Apple Business Manager (Volume Purchase Program, VPP),"
        " with their properties in the App Store.",
        "If the app does not exist, the list is empty.",
    ),
    routes=Routes(list="/v2/itunesapps", page_size=None, name_filter=""),
    name_key="app_name",
    id_key="app_id",
    reader=VppAppReader,
    options=(
        APPLE_APP_ID,
        Option("id", "ID of the app in Esper.", identifier=True, query="app_id"),
        Option(
            "version_id",
            "ID of a version of the app in Esper. Requires O(apple_app_id) or O(id).",
            identifier=True,
            query="version_id",
        ),
        Option(
            "country_code",
            "Country code of the App Store region (ISO 3166-1 alpha-2). Esper uses V(us) if it is omitted.",
            identifier=True,
            query="country_code",
        ),
        _LICENSES.option,
    ),
    rules={"mutually_exclusive": [("apple_app_id", "id")]},
    related=(_LICENSES,),
    seealso=("vpp_app", "vpp_license_info"),
    fields=(
        Field("id", "ID of the app in Esper.", api="app_id", sample="2c1f8a4e-6b3d-4f70-8a95-1d2e3f4a5b6c"),
        Field("apple_app_id", "ID of the app at Apple.", sample="361309726"),
        Field("bundle_id", "Bundle ID of the app.", sample="com.example.browser"),
        Field("name", "Name of the app.", api="app_name", sample="Example Browser"),
        Field(
            "version_id",
            "ID of the current version in Esper.",
            api="app_version_id",
            sample="7d0e9c2b-5a41-4b8f-9c63-0e1f2a3b4c5d",
        ),
        Field("version", "Current version of the app.", api="apple_app_version", sample="2.0"),
        Field("developer", "Developer of the app.", sample="Example Ltd."),
        Field("genres", "Genres of the app.", type="list", elements="str", sample=["Business"]),
        Field(
            "device_families", "Devices that the app supports.", type="list", elements="str", sample=["iphone", "ipad"]
        ),
        Field("price", "Price of the app, in the currency of the region.", type="float", sample=0.0),
        Field("size", "Size of the app in bytes.", api="app_size", type="int", sample=52428800),
        Field("minimum_os_version", "Minimum version of the operating system.", sample="16.0"),
        Field("icon_url", "URL of the icon.", sample="https://apps.apple.com/icon/com.example.browser.png"),
        Field("itunes_url", "URL of the app in the App Store.", sample="https://apps.apple.com/app/id361309726"),
        Field("description", "Description of the app.", sample="A browser for kiosks"),
        Field("updated", "Time of the last update in the App Store.", api="last_updated_date", sample="2026-01-10"),
        Field("pricing_param", "Kind of the licenses, which Esper does not document.", sample="STDQ"),
    ),
)
