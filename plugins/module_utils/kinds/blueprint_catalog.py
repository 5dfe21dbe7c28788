# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The apps and versions that blueprints can contain, for each platform.

Based on the lists of apps: /v1/enterprise/{enterprise_id}/application/ of v1.yaml for Android, /v2/tenant-apps of
v2.yaml for Apple and Windows. The contract does not define the latest version: here it is the version with the highest
version code, for Apple and Windows the one with the highest numbers in its name and code, or the one created last if no
version has a code or numbers.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from urllib.parse import quote

from ..base.errors import Ambiguous, ApiError, InvalidParameter, NotFound
from ..base.limits import FEW_LOOKUPS
from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..model.kind import Kind
from ..model.unknowns import KnownAfterApply
from .app import APP_VERSION
from .app_list import APPS, version_code
from .tenant_app import TENANT_APP_VERSION
from .tenant_app_list import TENANT_APPS, VERSIONS, rank_of

LATEST = "latest"
VERSION_TERMS = ("app_version_id", "version_name", "version_code")
"""The options that select a version of an app."""

# The time of creation of a version that the task uploads: later than all others.
_LAST = "~"
# Apps that do not belong to the tenant can have no ID. In a URL, dots lead to another path.
_NO_IDS = ("", ".", "..", "None")


@dataclass(frozen=True)
class CatalogRoutes:
    """The apps of a platform in the API.

    ``versions`` is the path of the versions of an app, and ``version_kind`` their kind. ``name_key`` is the key of the
    version name. ``rank`` returns the value by which versions are ordered, None if it is unknown. ``type_field`` is the
    field with the type of an app in a blueprint, and ``own_type`` the type of the apps of the tenant. ``query`` selects
    the platform.
    """

    kind: Kind
    versions: str
    name_key: str
    type_field: str
    own_type: str
    version_kind: Kind
    rank: t.Callable[[Row], t.Any]
    query: t.Mapping[str, str] = field(default_factory=dict)


def _tenant_apps(platform: str, own_type: str) -> CatalogRoutes:
    return CatalogRoutes(
        kind=TENANT_APPS,
        versions=VERSIONS,
        name_key="version_name",
        rank=rank_of,
        type_field="app_type",
        own_type=own_type,
        version_kind=TENANT_APP_VERSION,
        query={"platform": platform},
    )


CATALOGS = {
    "android": CatalogRoutes(
        kind=APPS,
        versions=APPS.routes.list + "{app_id}/version/",
        # The API calls the name of a version version_code.
        name_key="version_code",
        rank=version_code,
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
    rank: t.Any

    @property
    def terms(self) -> Row:
        """The values of the options that select a version."""
        return {"app_version_id": self.id, "version_name": self.name, "version_code": self.code}

    @property
    def age(self) -> tuple[bool, t.Any, str]:
        """The key that sorts the versions of an app: the latest has the highest."""
        return self.rank is not None, self.rank, self.created


class Catalog:
    """The apps of one platform that exist or that the task plans. Raises what Client.request raises."""

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
        uploads = [
            row
            for row in self._view.planned(kind)
            if isinstance(row["id"], KnownAfterApply) and self._routes.query.items() <= row.items()
        ]
        all_rows = self._view.objects_by_id(kind) if package and not self._routes.query else None
        rows = [*(self._view.list_objects(kind, query) if all_rows is None else all_rows.values()), *uploads]
        return [row for row in rows if package in (None, row.get("package_name"))]

    def ids_of(self, packages: t.Collection[str]) -> list[str]:
        """Return the IDs of the existing apps with some package names. Empty if the names are few, and the list of all
        apps is not read yet."""
        if len(packages) <= FEW_LOOKUPS and (self._routes.query or self._view.objects_by_id(self._routes.kind) is None):
            return []
        return [
            str(row["id"])
            for row in self.apps()
            if row.get("package_name") in packages and not isinstance(row["id"], KnownAfterApply)
        ]

    def package_of(self, app_id: t.Any) -> str | None:
        """Return the package name of an app, None if the catalog does not have the app."""
        return next((row.get("package_name") for row in self.apps() if str(row["id"]) == str(app_id)), None)

    def versions(self, app_id: t.Any) -> list[CatalogVersion]:
        """Return the versions of an app. Includes versions that the same task uploads. Empty if the app does not
        exist."""
        cached = self._versions.get(str(app_id))
        if cached is None:
            key = app_id if isinstance(app_id, KnownAfterApply) else str(app_id)
            rows = [*self._read_versions(key), *self._uploads_of(key)]
            cached = [self._version(key, row) for row in rows]
            self._versions[str(app_id)] = cached
        return cached

    def version(self, app_id: t.Any, version_id: t.Any) -> CatalogVersion | None:
        """Return a version of an app, None if it does not exist."""
        return next((version for version in self.versions(app_id) if version.id == version_id), None)

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
        return [row for row in rows if not self._view.is_deleted(kind, row["id"])]

    def _uploads_of(self, app_id: str | KnownAfterApply) -> list[Row]:
        """Return the versions of an app that the task uploads."""
        planned = self._view.planned(self._routes.version_kind)
        return [row for row in planned if row["app_id"] == app_id and isinstance(row["id"], KnownAfterApply)]

    def _version(self, app_id: str | KnownAfterApply, row: Row) -> CatalogVersion:
        code = str(row.get("build_number"))
        is_planned = isinstance(row["id"], KnownAfterApply)
        return CatalogVersion(
            app_id=app_id,
            id=row["id"],
            name=row.get(self._routes.name_key),
            code=int(code) if code.isdecimal() else None,
            type=row.get("app_type") or ("PLAYSTORE" if row.get("is_g_play") else self._routes.own_type),
            created=_LAST if is_planned else str(row.get("created_on") or row.get("created_at") or ""),
            rank=self._routes.rank(row),
        )

    # --- the version that a task selects ------------------------------------------------------------------------------

    def select(self, app: Row, item: Row | None, path: str) -> CatalogVersion:
        """Return the version that an app of a task selects. ``item`` is the same app in the blueprint, which comes
        first, because it needs no lookup. ``path`` is the path of the option in messages.

        Raise NotFound, Ambiguous or InvalidParameter if the app does not select one version.
        """
        package, app_id, type_ = app.get("package_name"), app.get("app_id"), app.get(self.type_field)
        if app_id is None and item is not None and type_ in (None, item.get(self.type_field)):
            versions = self.versions(item.get("app_id"))
            _check_version(versions, app, path)
            matching = _matching(versions, app)
            if len(matching) == 1:
                return matching[0]
        ids = [app_id] if app_id else [row["id"] for row in self.apps(str(package))]
        if not ids:
            others = [str(row.get("package_name")) for row in self.apps()]
            advice = "Upload it before you add it to a blueprint."
            if type_ == "PLAYSTORE":
                # Esper assigns the ID of the app in a blueprint when it approves the Play app.
                advice = "Approve it with esper.cloud.google_play_app in an earlier task."
            raise NotFound("app", str(package), others, advice)
        versions = [version for candidate_id in ids for version in self.versions(candidate_id)]
        if type_ is not None and len(ids) > 1:
            versions = [version for version in versions if version.type == type_]
        _check_version(versions, app, path)
        return _only_match(versions, app)


def _only_match(versions: list[CatalogVersion], app: Row) -> CatalogVersion:
    """Return the version that an app of a task selects. Raise NotFound or Ambiguous."""
    matching = _matching(versions, app)
    package = app.get("package_name")
    title = package or app.get("app_id")
    if not matching:
        version_id = app.get("app_version_id")
        note = f"The app has no version with the app_version_id '{version_id}'." if version_id else ""
        raise NotFound("app", _label(title, app), [_label(title, version.terms) for version in versions], note)
    if len(matching) > 1:
        names = [f"{_label(package, version.terms)} (ID {version.id})" for version in matching]
        raise Ambiguous("app", _label(title, app), names, "Set version_code, type or app_version_id too.")
    return matching[0]


def _matching(versions: list[CatalogVersion], app: Row) -> list[CatalogVersion]:
    """Return the versions that an app of a task can mean."""
    is_latest = app.get("version_name") == LATEST
    terms = [key for key in VERSION_TERMS if app.get(key) is not None and not (is_latest and key == "version_name")]
    matching = [version for version in versions if all(str(version.terms[key]) == str(app[key]) for key in terms)]
    if not is_latest:
        return matching
    unknown = [version for version in matching if version.rank is None]
    if len(unknown) < len(matching) and any(isinstance(version.id, KnownAfterApply) for version in unknown):
        raise InvalidParameter(
            f"Cannot determine the {LATEST} version of the app '{app.get('package_name') or app.get('app_id')}': this"
            " task uploads a version without a version code. Set version_code for the upload."
        )
    return sorted(matching, key=lambda version: version.age)[-1:]


def _check_version(versions: list[CatalogVersion], app: Row, path: str) -> None:
    """Raise InvalidParameter if an ID and another property of the version are those of two versions."""
    version_id = app.get("app_version_id")
    version = next((candidate for candidate in versions if str(candidate.id) == str(version_id)), None)
    if version_id is None or version is None:
        return
    others = {key: app[key] for key in ("version_name", "version_code") if key in app}
    if version not in _matching(versions, {**app, "app_version_id": None}):
        wrong = " and ".join(f"{key} '{value}'" for key, value in others.items())
        raise InvalidParameter(
            f"Invalid parameters for the blueprint: {path} has the {wrong}, but the app_version_id"
            f" '{version_id}' belongs to the version '{version.name}' ({version.code}). Set only one of them."
        )


def _label(package: t.Any, version: Row) -> str:
    """Return the text for a version in messages: package name, name and code of the version."""
    code = version.get("version_code")
    name = version.get("version_name") or version.get("app_version_id")
    parts = [package, name, f"({code})" if code is not None else None]
    return " ".join(str(part) for part in parts if part)
