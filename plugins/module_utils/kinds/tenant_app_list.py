# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The apps for Apple and Windows, and the lists of their versions (/v2/tenant-apps, v2.yaml)."""

from __future__ import annotations

import re
import typing as t

from ..base.errors import EsperError
from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape
from ..model.unknowns import KnownAfterApply
from .app_version import version_label

PATH = "/v2/tenant-apps"
VERSIONS = f"{PATH}/{{app_id}}/versions"
VERSION = f"{VERSIONS}/{{id}}"

PLATFORMS = {"APPLE": "ios", "WINDOWS": "windows"}
"""The platforms of apps, and their names in the settings of blueprints."""

ID = Field("id", "ID of the app.", writable=False, sample="5d0a5f86-4c5b-4c3f-9a54-3f1f6f0ba001")
PLATFORM = Field("platform", "Platform of the app: V(APPLE) or V(WINDOWS).", writable=False, sample="APPLE")
PACKAGE_NAME = Field(
    "package_name",
    "Package name of the app: the bundle ID of an app for Apple, the name of the package of an app for Windows.",
    writable=False,
    sample="com.example.till",
)

TENANT_APPS = Kind(
    name="tenant_app",
    title="tenant app",
    plural="tenant_apps",
    routes=Routes(list=PATH, object=f"{PATH}/{{id}}", name_filter="package_name"),
    shape=Shape.READ_ONLY,
    fields=(ID, PLATFORM, PACKAGE_NAME),
    name_key="package_name",
)
"""Apps by ID and package name, for their versions. The kind with all fields is TENANT_APP."""

label_of = version_label("version_name")
"""Return the text for a version in messages."""

_NUMBERS = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18}){0,9}")
_Numbers = tuple[int, ...]


def with_code(row: Row) -> Row:
    """Return a version with its code as `build_number`: the parameter `legacy_format` determines its key."""
    return row if row.get("build_number") is not None else {**row, "build_number": row.get("version_code")}


def with_app(app: Row, version: Row) -> Row:
    """Return a version with the properties of its app."""
    return {
        **with_code(version),
        **{key: app.get(key) for key in ("platform", "package_name")},
        "app_id": app.get("id"),
    }


def app_of(version: Row) -> Row:
    """Return the app of a version that has its properties."""
    return {"id": version["app_id"], **{key: version.get(key) for key in ("platform", "package_name")}}


def versions_of(view: TenantView, app: Row, kind: Kind | None = None) -> list[Row]:
    """Return the versions of an app, each with the properties of the app. They have the types of the
    fields of ``kind``, if it is set. An app that this task uploads has no versions yet."""
    if isinstance(app["id"], KnownAfterApply):
        return []
    purpose = f"Reading the versions of the {TENANT_APPS.phrase(app)}"
    rows = view.list_at(VERSIONS.format(app_id=app["id"]), kind=kind, purpose=purpose)
    return [with_app(app, row) for row in rows]


def read_version(view: TenantView, version: Row, kind: Kind | None = None) -> Row:
    """Return a version with all of its properties, such as its checksum. It has the types of the
    fields of ``kind``, if it is set."""
    ids = {"app_id": str(version["app_id"]), "id": str(version["id"])}
    purpose = f"Reading the {TENANT_APPS.title} '{label_of(version)}'"
    return with_app(app_of(version), view.get_at(VERSION, ids, kind=kind, purpose=purpose))


def settings_of(row: Row) -> str:
    """Return the platform of an app or a version in the settings of blueprints. Raise EsperError if it is unknown."""
    platform = PLATFORMS.get(str(row.get("platform")))
    if platform is None:
        raise EsperError(
            f"Esper returned the unknown platform '{row.get('platform')}' for the {TENANT_APPS.title}"
            f" '{row.get('package_name')}', so the module cannot determine which blueprints use it."
        )
    return platform


def devices_with(view: TenantView, app_id: str, version_id: str, *, purpose: str) -> list[Row]:
    """Return the IDs of the devices that have a version of an app. ``purpose`` is the start of an error message."""
    query = {"app_id": app_id, "app_version_id": version_id}
    return view.list_at("/v2/device-apps", query, page_size=None, key="device_id", purpose=purpose)


def devices_of_version(view: TenantView, version: Row) -> list[Row]:
    """Return the IDs of the devices that have a version."""
    purpose = f"Reading the devices with the {TENANT_APPS.title} '{label_of(version)}'"
    return devices_with(view, str(version["app_id"]), str(version["id"]), purpose=purpose)


def rank_of(version: Row) -> tuple[_Numbers, _Numbers] | None:
    """Return the numbers in the name and in the code of a version, None if its name does not consist of numbers. Newer
    versions have higher numbers. The codes of Apple can start again with each version."""
    name = _numbers(version.get("version_name"))
    return None if name is None else (name, _numbers(version.get("build_number")) or ())


def _numbers(text: t.Any) -> _Numbers | None:
    """Return the numbers in a text such as 1.2.0, without zeros at its end, None if it is another text."""
    if not _NUMBERS.fullmatch(str(text)):
        return None
    return tuple(map(int, re.sub(r"(\.0+)+$", "", str(text)).split(".")))


def latest_of(versions: t.Sequence[Row]) -> Row:
    """Return the latest version of an app: the one with the highest numbers, or the one created last if the name of
    none consists of numbers."""
    return max(versions, key=lambda row: (rank_of(row) or (), str(row.get("created_at") or "")))
