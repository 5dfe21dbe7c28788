# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of Android apps and of their versions, in both families of the Esper API.

/v1/enterprise/{enterprise_id}/application/ (v1.yaml) lists all apps. /enterprise/{enterprise_id}/application/
(legacy.yaml) accepts uploads and has more properties of a version, but lacks some apps. In both families,
`version_code` is the name of a version and `build_number` its code.

Only the list of apps in the legacy family contains the versions of each app, with some of their properties.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape
from ..model.unknowns import KnownAfterApply
from .app_version import version_label

LEGACY = "/enterprise/{enterprise_id}/application/"
V1 = "/v1/enterprise/{enterprise_id}/application/"
VERSION = "{app_id}/version/{id}/"
"""The path of a version below that of a family."""

APP_NAME = Field("name", "Name of the app.", api="application_name", writable=False, sample="Till")
PACKAGE_NAME = Field("package_name", "Package name of the app.", writable=False, sample="com.example.till")
_FIELDS = (Field("id", writable=False), APP_NAME, PACKAGE_NAME)

APPS = Kind(
    name="app",
    title="app",
    plural="apps",
    routes=Routes(list=V1, object=V1 + "{id}/", name_filter="package_name_exact"),
    shape=Shape.READ_ONLY,
    fields=_FIELDS,
    name_key="package_name",
)
"""Apps by ID and package name, for their versions. The kind with all fields is APP."""

LEGACY_APPS = replace(
    APPS,
    view_key="legacy_app",
    routes=replace(APPS.routes, list=LEGACY, object=LEGACY + "{id}/"),
    fields=(*_FIELDS, Field("versions", type="list", elements="dict", fields=(Field("id"),), writable=False)),
)
"""The apps of the legacy family, with their versions."""


label_of = version_label("version_code")
"""Return the text for a version in messages."""


def version_number(value: t.Any) -> t.Any:
    """Return the code of a version as a number. The API has it as text."""
    return int(value) if str(value).isdecimal() else value


def version_code(version: Row) -> int | None:
    """Return the code of a version, by which versions are ordered, None if it is no number."""
    code = version_number(version.get("build_number"))
    return code if isinstance(code, int) else None


def versions_of(
    view: TenantView, app: Row, query: Row | None = None, *, family: str = V1, kind: Kind | None = None
) -> list[Row]:
    """Return the versions of an app that a family has, each with the properties of the app. They have the types of the
    fields of ``kind``, if it is set. An app that this task uploads has no versions yet."""
    if isinstance(app["id"], KnownAfterApply):
        return []
    purpose = f"Reading the versions of the app '{APPS.name_of(app)}'"
    rows = view.list_at(f"{family}{app['id']}/version/", query, kind=kind, purpose=purpose)
    return [with_app(app, row) for row in rows]


def devices_with(view: TenantView, app_id: str, version_id: str, *, purpose: str) -> list[Row]:
    """Return the devices that have a version of an app. ``purpose`` is the start of an error message."""
    return view.list_at(f"{V1}{app_id}/version/{version_id}/installdevices", purpose=purpose)


def with_app(app: Row, version: Row) -> Row:
    """Return a version with the properties of its app."""
    about = {key: app.get(key) for key in ("package_name", "application_name")}
    # Only v1 has the versions of Google Play.
    return {"is_g_play": False, **version, **about, "app_id": app.get("id")}


def app_of(version: Row) -> Row:
    """Return the app of a version that has its properties."""
    return {"id": version["app_id"], **{key: version.get(key) for key in ("package_name", "application_name")}}
