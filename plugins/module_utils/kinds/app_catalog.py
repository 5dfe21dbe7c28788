# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of all apps for Apple devices: uploaded apps and webclips.

Based on /v2/apps of the contract (v2.yaml). An app is identified by two IDs, of which a webclip can lack one.

Choice: the filters are those of Esper, and need not be exact.
Choice: the version code is the value of ``version_code``, or of ``build_number`` if that is missing.
"""

from __future__ import annotations

from ..base.row import Row
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading


def _adapted(row: Row) -> Row:
    return row if row.get("version_code") is not None else {**row, "version_code": row.get("build_number")}


APP_CATALOG = plain_reading(
    name="app_catalog",
    title="app for Apple devices",
    plural="apps",
    short_description="Get information about Esper apps for Apple devices",
    doc=(
        "Returns the apps that blueprints can install on Apple devices: uploaded apps and webclips.",
        "Each version of an app is an item of its own.",
    ),
    routes=Routes(
        list="/v2/apps", list_query={"legacy_format": False}, counts_page=True, rows_key="results", name_filter=""
    ),
    id_key="",
    adapt=_adapted,
    options=(
        Option(
            "search",
            "Text to search for. Esper does not document which properties it searches.",
            identifier=True,
            query="search",
        ),
        Option(
            "app_type",
            "Type of the apps, for example V(VPP), V(TENANT_IOS), V(ESPER_IOS) or V(WEBCLIP).",
            identifier=True,
            query="app_type",
        ),
        Option(
            "ordering",
            "Property by which Esper sorts the apps.",
            choices=("name", "created_at", "updated_at"),
            query="ordering",
        ),
    ),
    seealso=("webclip", "vpp_app_info", "blueprint"),
    fields=(
        Field(
            "app_id",
            "ID of the app. That of a webclip is the ID of the webclip.",
            sample="2c1f8a4e-6b3d-4f70-8a95-1d2e3f4a5b6c",
        ),
        Field("app_version_id", "ID of the version.", sample="7d0e9c2b-5a41-4b8f-9c63-0e1f2a3b4c5d"),
        Field("app_type", "Type of the app.", sample="TENANT_IOS"),
        Field("name", "Name of the app in the Esper console.", sample="Catalogue"),
        Field("label", "Name of the app on devices.", sample="Catalogue"),
        Field("package_name", "Bundle ID of the app.", sample="com.example.catalogue"),
        Field("version_name", "Name of the version.", sample="1.1"),
        Field("version_code", "Code of the version, a number as text.", sample="11"),
        Field("url", "URL of a webclip.", sample="https://menu.example.com"),
        Field("is_removable", "Whether users can remove the app.", type="bool", sample=True),
        Field(
            "is_full_screen", "Whether a webclip is shown without the bars of the browser.", type="bool", sample=False
        ),
        Field("size_kb", "Size of the app in kilobytes.", api="file_size_in_kb", type="int", sample=51200),
        Field("min_sdk_version", "Minimum version of the operating system.", sample="16.0"),
        Field("release_notes", "Release notes of the version.", sample="Faster search"),
        Field("description", "Description of the app.", sample="The catalogue of the stores"),
        Field("icon_url", "URL of the icon.", sample="https://storage.example.com/catalogue.png"),
        Field("created_at", "Time of creation.", sample="2026-03-01T09:30:00Z"),
        Field("created_by", "ID of the user who created the app.", sample="17"),
        Field("updated_at", "Time of the last change.", sample="2026-03-02T11:00:00Z"),
        Field("updated_by", "ID of the user who changed the app last.", sample="17"),
    ),
)
