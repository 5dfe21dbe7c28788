# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The apps and versions that blueprints can contain, for each platform.

Rests on the lists of apps: /v1/enterprise/{enterprise_id}/application/ of v1.yaml for Android, /v2/tenant-apps of
v2.yaml for Apple and Windows. The contract does not define the latest version: here it is the version with the highest
version code, or the one created last if no version has a code.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from urllib.parse import quote

from ..base.errors import Ambiguous, ApiError, InvalidParameter, NotFound
from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape
from ..model.unknowns import KnownAfterApply
from .app import APP_VERSION
from .app_list import APPS

LATEST = "latest"
VERSION_TERMS = ("app_version_id", "version_name", "version_code")
"""The options that select a version of an app."""

# The time of creation of a version that the task uploads: later than all others.
_LAST = "~"
# Apps that do not belong to the tenant can have no ID. In a URL, dots lead to another path.
_NO_IDS = ("", ".", "..", "None")


@dataclass(frozen=True)
class CatalogRoutes:
    """What the apps of a platform are in the API: their kind, the path of the versions of an app, the kind of these if
    the module ``app`` uploads them, the query that selects the platform, the key of the version name, the field with
    the type of an app in a blueprint, and the type of the apps of the tenant."""

    kind: Kind
    versions: str
    name_key: str
    type_field: str
    own_type: str
    version_kind: Kind | None = None
    query: t.Mapping[str, str] = field(default_factory=dict)


_TENANT_APPS = Kind(
    name="tenant_app",
    title="app",
    plural="apps",
    routes=Routes(list="/v2/tenant-apps", object="/v2/tenant-apps/{id}", name_filter="package_name"),
    shape=Shape.READ_ONLY,
    fields=(Field("id", writable=False), Field("package_name", writable=False)),
    name_key="package_name",
)


def _tenant_apps(platform: str, own_type: str) -> CatalogRoutes:
    return CatalogRoutes(
        kind=_TENANT_APPS,
        versions=_TENANT_APPS.routes.list + "/{app_id}/versions",
        name_key="version_name",
        type_field="app_type",
        own_type=own_type,
        query={"platform": platform},
    )


CATALOGS = {
    "android": CatalogRoutes(
        kind=APPS,
        versions=APPS.routes.list + "{app_id}/version/",
        # The API calls the name of a version version_code.
        name_key="version_code",
        type_field="type",
        own_type="ENTERPRISE",
        version_kind=APP_VERSION,
    ),
    "ios": _tenant_apps("APPLE", "TENANT_IOS"),
    "windows": _tenant_apps("WINDOWS", "TENANT_WINDOWS"),
}
"""The catalog of each platform in the settings of a blueprint."""


@dataclass(frozen=True)
class CatalogVersion:
    """A version of an app. ``code`` is None if it is not known; ``type`` is the type of the app in a blueprint."""

    app_id: str | KnownAfterApply
    id: str | KnownAfterApply
    name: str | None
    code: int | None
    type: str
    created: str

    @property
    def terms(self) -> Row:
        """The values of the options that select a version."""
        return {"app_version_id": self.id, "version_name": self.name, "version_code": self.code}

    @property
    def age(self) -> tuple[int, str]:
        """The place of the version among those of its app: the latest has the highest."""
        return -1 if self.code is None else self.code, self.created


class Catalog:
    """The apps of one platform, as a tenant has them and as the task plans them. Raises what Client.request raises."""

    def __init__(self, view: TenantView, routes: CatalogRoutes) -> None:
        self._view = view
        self._routes = routes
        # The view would request a deleted app again.
        self._versions: dict[str, list[CatalogVersion]] = {}

    @property
    def type_field(self) -> str:
        """The field with the type of an app in a blueprint."""
        return self._routes.type_field

    def apps(self, package: str | None = None) -> list[Row]:
        """Return the apps with a package name, all without one. Includes apps that the same task uploads."""
        kind = self._routes.kind
        query = {**self._routes.query, **({kind.routes.name_filter: package} if package else {})}
        uploads = [row for row in self._view.planned(kind) if isinstance(row["id"], KnownAfterApply)]
        rows = [*self._view.list_objects(kind, query), *uploads]
        return [row for row in rows if package in (None, row.get("package_name"))]

    def package_of(self, app_id: t.Any) -> str | None:
        """Return the package name of an app, None if the catalog does not have the app."""
        return next((row.get("package_name") for row in self.apps() if str(row["id"]) == str(app_id)), None)

    def versions(self, app_id: t.Any) -> list[CatalogVersion]:
        """Return the versions of an app. Includes versions that the same task uploads. Empty if the app does not
        exist."""
        found = self._versions.get(str(app_id))
        if found is None:
            known = app_id if isinstance(app_id, KnownAfterApply) else str(app_id)
            rows = [*self._read_versions(known), *self._uploads_of(known)]
            found = [self._version(known, row) for row in rows]
            self._versions[str(app_id)] = found
        return found

    def version(self, app_id: t.Any, version_id: t.Any) -> CatalogVersion | None:
        """Return a version of an app, None if it does not exist."""
        return next((each for each in self.versions(app_id) if each.id == version_id), None)

    def _read_versions(self, app_id: str | KnownAfterApply) -> list[Row]:
        """Return the versions of an app that exist, without those that the task deletes."""
        if isinstance(app_id, KnownAfterApply) or app_id in _NO_IDS:
            return []
        path, kind = self._routes.versions.replace("{app_id}", quote(app_id, safe="")), self._routes.version_kind
        try:
            rows = self._view.list_at(path, kind=kind, purpose=f"Reading the versions of the app {app_id}")
        except ApiError as error:
            if error.status != 404:
                raise
            return []
        return rows if kind is None else [row for row in rows if not self._view.is_deleted(kind, row["id"])]

    def _uploads_of(self, app_id: str | KnownAfterApply) -> list[Row]:
        """Return the versions of an app that the task uploads."""
        planned = self._view.planned(self._routes.version_kind) if self._routes.version_kind else []
        return [row for row in planned if row["app_id"] == app_id and isinstance(row["id"], KnownAfterApply)]

    def _version(self, app_id: str | KnownAfterApply, row: Row) -> CatalogVersion:
        code = str(row.get("build_number"))
        is_new = isinstance(row["id"], KnownAfterApply)
        return CatalogVersion(
            app_id=app_id,
            id=row["id"],
            name=row.get(self._routes.name_key),
            code=int(code) if code.isdecimal() else None,
            type=row.get("app_type") or ("PLAYSTORE" if row.get("is_g_play") else self._routes.own_type),
            created=_LAST if is_new else str(row.get("created_on") or row.get("created_at") or ""),
        )

    # --- the version that a task selects ----------------------------------------------------------------------------

    def select(self, app: Row, item: Row | None, path: str) -> CatalogVersion:
        """Return the version that an app of a task selects. ``item`` is the same app in the blueprint, which comes
        first, because it needs no lookup. ``path`` is the path of the option in messages.

        Raise NotFound, Ambiguous or InvalidParameter if the app does not select one version.
        """
        package, app_id, type_ = app.get("package_name"), app.get("app_id"), app.get(self.type_field)
        if app_id is None and item is not None and type_ in (None, item.get(self.type_field)):
            versions = self.versions(item.get("app_id"))
            _check_version(versions, app, path)
            found = _matching(versions, app)
            if len(found) == 1:
                return found[0]
        ids = [app_id] if app_id else [row["id"] for row in self.apps(str(package))]
        if not ids:
            others = [str(row.get("package_name")) for row in self.apps()]
            raise NotFound("app", str(package), others, "Upload it before you add it to a blueprint.")
        versions = [version for each in ids for version in self.versions(each)]
        if type_ is not None and len(ids) > 1:
            versions = [version for version in versions if version.type == type_]
        _check_version(versions, app, path)
        return _only_match(versions, app)


def _only_match(versions: list[CatalogVersion], app: Row) -> CatalogVersion:
    """Return the version that an app of a task selects. Raise NotFound or Ambiguous."""
    found = _matching(versions, app)
    package = app.get("package_name")
    title = package or app.get("app_id")
    if not found:
        version_id = app.get("app_version_id")
        note = f"The app has no version with the app_version_id '{version_id}'." if version_id else ""
        raise NotFound("app", _label(title, app), [_label(title, each.terms) for each in versions], note)
    if len(found) > 1:
        names = [f"{_label(package, each.terms)} (id {each.id})" for each in found]
        raise Ambiguous("app", _label(title, app), names, "Set version_code, type or app_version_id too.")
    return found[0]


def _matching(versions: list[CatalogVersion], app: Row) -> list[CatalogVersion]:
    """Return the versions that an app of a task can mean."""
    is_latest = app.get("version_name") == LATEST
    terms = [key for key in VERSION_TERMS if app.get(key) is not None and not (is_latest and key == "version_name")]
    found = [each for each in versions if all(str(each.terms[key]) == str(app[key]) for key in terms)]
    if not is_latest:
        return found
    unknown = [each for each in found if each.code is None]
    if len(unknown) < len(found) and any(isinstance(each.id, KnownAfterApply) for each in unknown):
        raise InvalidParameter(
            f"The {LATEST} version of the app '{app.get('package_name') or app.get('app_id')}' is not known, because"
            " this task uploads a version without a version code. Set version_code for the upload."
        )
    return sorted(found, key=lambda each: each.age)[-1:]


def _check_version(versions: list[CatalogVersion], app: Row, path: str) -> None:
    """Raise InvalidParameter if an ID and another property of the version are those of two versions."""
    version_id = app.get("app_version_id")
    version = next((each for each in versions if str(each.id) == str(version_id)), None)
    if version_id is None or version is None:
        return
    others = {key: app[key] for key in ("version_name", "version_code") if key in app}
    if version not in _matching(versions, {**app, "app_version_id": None}):
        wrong = " and ".join(f"{key} '{value}'" for key, value in others.items())
        raise InvalidParameter(
            f"{path} has the {wrong}, but the app_version_id '{version_id}' belongs to the version"
            f" '{version.name}' ({version.code}). Set only one of them."
        )


def _label(package: t.Any, version: Row) -> str:
    """Return the text for a version in messages: package name, name and code of the version."""
    code = version.get("version_code")
    name = version.get("version_name") or version.get("app_version_id")
    parts = [package, name, f"({code})" if code is not None else None]
    return " ".join(str(part) for part in parts if part)
