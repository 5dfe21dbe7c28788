# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names for the IDs in the settings of a blueprint: package names and versions of apps, names of content files.

Rests on the lists of apps (/v1/enterprise/{enterprise_id}/application/ of v1.yaml for Android, /v2/tenant-apps of
v2.yaml for Apple and Windows) and of content files (v0.yaml). The contract does not define the latest version: here it
is the version with the highest version code, or the one created last if no version has a code.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from urllib.parse import quote

from ..base.errors import Ambiguous, ApiError, InvalidParameter, NotFound
from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.unknowns import ResultOf
from .app import APP, APP_VERSION
from .content import CONTENT

LATEST = "latest"
# The time of creation of a version that the task uploads: later than all others.
_LAST = "~"

# The name that stands for an ID. IDs without a name are useless in another tenant.
_TERMS = {"app_id": "package_name", "app_version_id": "version_name", "file_id": "content"}
_IDS = frozenset({*_TERMS, "wifi_network_id", "wallpaper_id", "profile_id", "profile_version_id", "id", "options_key"})
# Apps that do not belong to the tenant can have no ID. In a URL, dots lead to another path.
_NO_IDS = ("", ".", "..", "None")
_VERSION_TERMS = ("app_version_id", "version_name", "version_code")


@dataclass(frozen=True)
class _Catalogue:
    """The API routes of the apps of a platform: the lists of apps and of versions, the filter by package name, the key
    of the version name, the field with the type of an app in a blueprint, the type of the apps of the tenant, and
    whether the module ``app`` uploads these."""

    apps: str
    versions: str
    package_filter: str
    query: t.Mapping[str, str]
    name_key: str
    type_field: str
    own_type: str
    has_own: bool = False

    def apps_of(self, view: TenantView, package: str | None = None) -> list[Row]:
        query = {**self.query, **({self.package_filter: package} if package else {})}
        rows = view.list_at(self.apps, query, purpose="Reading the apps")
        planned = view.planned(APP) if self.has_own else []
        return [row for row in [*rows, *planned] if package in (None, row.get("package_name"))]

    def versions_of(self, view: TenantView, app_id: str | ResultOf) -> list[Row]:
        """Return the versions of an app in one form: app_id, app_version_id, version_name, version_code (None if
        unknown), type and created. Includes versions that the same task uploads. Empty if the app does not exist."""
        planned = [row for row in view.planned(APP_VERSION) if self.has_own and row["app_id"] == app_id]
        return [self._version(app_id, row) for row in [*self._read_versions(view, app_id), *planned]]

    def _read_versions(self, view: TenantView, app_id: str | ResultOf) -> list[Row]:
        if isinstance(app_id, ResultOf) or app_id in _NO_IDS:
            return []
        path = self.versions.replace("{app_id}", quote(app_id, safe=""))
        try:
            rows = view.list_at(path, purpose=f"Reading the versions of the app {app_id}")
        except ApiError as error:
            if error.status != 404:
                raise
            return []
        return [row for row in rows if not view.is_deleted(APP_VERSION, row["id"])]

    def _version(self, app_id: str | ResultOf, row: Row) -> Row:
        code = str(row.get("build_number"))
        type_ = "PLAYSTORE" if row.get("is_g_play") else self.own_type
        return {
            "app_id": app_id,
            "app_version_id": row["id"],
            "version_name": row.get(self.name_key),
            "version_code": int(code) if code.isdecimal() else None,
            "created": _LAST if isinstance(row["id"], ResultOf) else _creation(row),
            self.type_field: row.get("app_type") or type_,
        }


_ANDROID = _Catalogue(
    apps="/v1/enterprise/{enterprise_id}/application/",
    versions="/v1/enterprise/{enterprise_id}/application/{app_id}/version/",
    package_filter="package_name_exact",
    query={},
    # The API calls the name of a version version_code.
    name_key="version_code",
    type_field="type",
    own_type="ENTERPRISE",
    has_own=True,
)


def _tenant_apps(platform: str, own_type: str) -> _Catalogue:
    return _Catalogue(
        apps="/v2/tenant-apps",
        versions="/v2/tenant-apps/{app_id}/versions",
        package_filter="package_name",
        query={"platform": platform},
        name_key="version_name",
        type_field="app_type",
        own_type=own_type,
    )


_CATALOGUES = {
    "android": _ANDROID,
    "ios": _tenant_apps("APPLE", "TENANT_IOS"),
    "windows": _tenant_apps("WINDOWS", "TENANT_WINDOWS"),
}
_WITH_FILES = ("android", "linux")


class Names:
    """Conversion of names to IDs and back, for one task."""

    def __init__(self, view: TenantView) -> None:
        self._references = references
        # The references would request a deleted app again.
        self._versions: dict[tuple[str, str], list[Row]] = {}

    def _versions_of(self, catalogue: _Catalogue, app_id: t.Any) -> list[Row]:
        place = (catalogue.versions, str(app_id))
        if place not in self._versions:
            known = app_id if isinstance(app_id, ResultOf) else str(app_id)
            self._versions[place] = catalogue.versions_of(self._references, known)
        return self._versions[place]

    # --- the user's settings ----------------------------------------------------------------------------------------

    def resolved(self, given: Row, current: Row) -> tuple[Row, Row]:
        """Return the settings of a task with the IDs of all names in them, and the current settings (in API terms) with
        the names of the apps and files in the task.

        Raise NotFound, Ambiguous or InvalidParameter if a name does not select one object.
        """
        given, current = dict(given), dict(current)
        for platform, catalogue in _CATALOGUES.items():
            if (apps := (given.get(platform) or {}).get("apps")) is not None:
                there = dict(current.get(platform) or {})
                items = [dict(item) for item in there.get("apps") or []]
                place = f"settings.{platform}.apps"
                apps = [self._app(catalogue, app, items, f"{place}[{number}]") for number, app in enumerate(apps)]
                given[platform] = {**given[platform], "apps": apps}
                current[platform] = {**there, "apps": items}
        for platform in _WITH_FILES:
            if (files := (given.get(platform) or {}).get("files")) is not None:
                there = dict(current.get(platform) or {})
                known = {str(item.get("file_id")) for item in there.get("files") or []}
                place = f"settings.{platform}.files"
                files = [self._file(file, known, f"{place}[{number}]") for number, file in enumerate(files)]
                given[platform] = {**given[platform], "files": files}
                current[platform] = {**there, "files": self._predecessors(there.get("files") or [], files)}
        return given, current

    def _app(self, catalogue: _Catalogue, given: Row, items: list[Row], place: str) -> Row:
        """Return an app of the task with its IDs. ``items`` are those of the blueprint; the same app gets its names."""
        nulls = {key: None for key, value in given.items() if value is None}
        return {**nulls, **self._known_app(catalogue, {**given}, items, place)}

    def _known_app(self, catalogue: _Catalogue, given: Row, items: list[Row], place: str) -> Row:
        app = {key: value for key, value in given.items() if value is not None}
        package, app_id = app.get("package_name"), app.get("app_id")
        if package is None and app_id is None:
            raise InvalidParameter(f"{place} has no app: set package_name.")
        if package is not None and app_id is not None:
            self._check_app(catalogue, package, app_id, items, place)
        item = self._same_app(catalogue, app, items)
        if item is not None and (known := item.get("package_name") or package):
            app["package_name"] = item["package_name"] = known
        if item is not None and _has_version_of(item, app, catalogue.type_field):
            kept = ("app_id", "app_version_id", catalogue.type_field)
            return {**{key: item[key] for key in kept if key in item}, **app}
        if not any(key in app for key in _VERSION_TERMS):
            raise InvalidParameter(
                f"{place} has no version, but the blueprint does not have the app '{package or app_id}' yet: set"
                f" version_name, for example {LATEST}."
            )
        version = self._version(catalogue, app, item, place)
        if item is not None:
            former = self._versions_of(catalogue, item.get("app_id"))
            item.update(
                _named(next((row for row in former if row["app_version_id"] == item.get("app_version_id")), {}))
            )
        # The type in the blueprint wins over the type in the catalog, for example of a preloaded app.
        is_same = item is not None and item.get("app_id") == version["app_id"]
        type_ = (item if item and is_same else version).get(catalogue.type_field)
        ids = {key: version[key] for key in ("app_id", "app_version_id")}
        return {catalogue.type_field: type_, **app, **ids, **_named(version)}

    def _check_app(self, catalogue: _Catalogue, package: str, app_id: t.Any, items: list[Row], place: str) -> None:
        """Raise InvalidParameter if a package name and an ID are those of two apps."""
        known = next((str(item["package_name"]) for item in items if _is_app(item, app_id)), None)
        if known is None:
            ids = {str(row["id"]) for row in catalogue.apps_of(self._references, package)}
            if str(app_id) in ids:
                return
            # An app that is not in the catalog, for example a preloaded one, can have any package name.
            apps = catalogue.apps_of(self._references)
            other = next((str(row.get("package_name")) for row in apps if str(row["id"]) == str(app_id)), "")
            if not ids and not other:
                return
        elif known == package:
            return
        else:
            other = known
        whose = f"belongs to the app '{other}'" if other else "is no app with this package name"
        raise InvalidParameter(
            f"{place} has the package_name '{package}', but the app_id '{app_id}' {whose}. Set only one of them."
        )

    def _same_app(self, catalogue: _Catalogue, app: Row, items: list[Row]) -> Row | None:
        """Return the item of the blueprint with the same app. Android items have a package name, others only an ID."""
        package, app_id = app.get("package_name"), app.get("app_id")
        known = [item for item in items if app_id is not None and item.get("app_id") == app_id]
        known += [item for item in items if package is not None and item.get("package_name") == package]
        if not known and package is not None and any(item.get("package_name") is None for item in items):
            ids = {row["id"] for row in catalogue.apps_of(self._references, package)}
            known = [item for item in items if item.get("app_id") in ids]
        return known[0] if known else None

    def _version(self, catalogue: _Catalogue, app: Row, item: Row | None, place: str) -> Row:
        """Return the version that the task selects. The app of the blueprint comes first: it needs no lookup."""
        package, app_id = app.get("package_name"), app.get("app_id")
        type_ = app.get(catalogue.type_field)
        if app_id is None and item is not None and type_ in (None, item.get(catalogue.type_field)):
            versions = self._versions_of(catalogue, item.get("app_id"))
            _check_version(versions, app, place)
            found = _matching(versions, app)
            if len(found) == 1:
                return found[0]
        ids = [app_id] if app_id else [row["id"] for row in catalogue.apps_of(self._references, str(package))]
        if not ids:
            others = [str(row.get("package_name")) for row in catalogue.apps_of(self._references)]
            raise NotFound("app", str(package), others, "Upload it before you add it to a blueprint.")
        versions = [row for each in ids for row in self._versions_of(catalogue, each)]
        if type_ is not None and len(ids) > 1:
            versions = [row for row in versions if row[catalogue.type_field] == type_]
        _check_version(versions, app, place)
        found = _matching(versions, app)
        label = _label({**app, "package_name": package or app_id})
        if not found:
            others = [_label({**row, "package_name": package or app_id}) for row in versions]
            version_id = app.get("app_version_id")
            note = f"The app has no version with the app_version_id '{version_id}'." if version_id else ""
            raise NotFound("app", label, others, note)
        if len(found) > 1:
            tell_apart = [f"{_label({**row, 'package_name': package})} (id {row['app_version_id']})" for row in found]
            raise Ambiguous("app", label, tell_apart, "Set version_code, type or app_version_id too.")
        return found[0]

    def _file(self, given: Row, known: set[str], place: str) -> Row:
        """Return a file of the task with its ID. ``known`` are the IDs of the content files in the blueprint."""
        file = {key: value for key, value in given.items() if value is not None}
        if "file_id" in file:
            self._check_file(file, known, place)
            return file
        if "content" not in file:
            return file
        row = CONTENT.referred(self._references, file["content"])
        if row is None:
            others = (CONTENT.label(each) for each in self._references.rows(CONTENT, {}))
            raise NotFound(CONTENT.title, file["content"], others, "Upload it before you add it to a blueprint.")
        return {**file, "file_id": row["id"].in_form(str) if isinstance(row["id"], ResultOf) else str(row["id"])}

    def _check_file(self, file: Row, known: set[str], place: str) -> None:
        """Raise InvalidParameter or NotFound if the ID is that of another content file, or of none."""
        file_id, name = str(file["file_id"]), file.get("content")
        if name is None and file_id in known:
            return
        names = self._contents()
        if file_id not in names:
            both = f"{place} has this file_id" + (f" and the content '{name}'." if name else ".")
            raise NotFound(CONTENT.title, file_id, note=both)
        if name is not None and str(name).strip() not in (names[file_id].strip(), file_id):
            raise InvalidParameter(
                f"{place} has the content '{name}', but the file_id '{file_id}' belongs to the {CONTENT.title}"
                f" '{names[file_id]}'. Set only one of them."
            )

    def _predecessors(self, items: list[Row], given: list[Row]) -> list[Row]:
        """Return the files of the blueprint, with names if the task has names. A file whose content file was deleted
        gets the name of the task's file with the same path, because that one replaces it."""
        if not any("content" in file for file in given):
            return items
        names = self._contents()
        places = {
            file["destination_path"]: file["content"]
            for file in given
            if {"destination_path", "content"} <= file.keys()
        }
        return [
            {**item, "content": names.get(str(item.get("file_id"))) or places.get(item.get("destination_path"))}
            for item in items
        ]

    # --- the server's settings --------------------------------------------------------------------------------------

    def named(self, settings: Row, beside: Row | None = None) -> Row:
        """Return settings in API terms with the names of all apps and files that are not in ``beside`` too."""
        settings = dict(settings)
        for kind, platforms, name in (
            ("apps", tuple(_CATALOGUES), self._named_app),
            ("files", _WITH_FILES, self._named_file),
        ):
            for platform in platforms:
                parts, others = ((each.get(platform) or {}) for each in (settings, beside or {}))
                if items := parts.get(kind):
                    known = others.get(kind) or ()
                    items = [item if item in known else name(platform, item) for item in items]
                    settings[platform] = {**parts, kind: items}
        return settings

    def _named_file(self, _platform: str, file: Row) -> Row:
        return {**file, "content": self._contents().get(str(file.get("file_id"))) or file.get("content")}

    def _named_app(self, platform: str, app: Row) -> Row:
        catalogue = _CATALOGUES[platform]
        versions = self._versions_of(catalogue, app.get("app_id"))
        version: Row = next((row for row in versions if row["app_version_id"] == app.get("app_version_id")), {})
        package = app.get("package_name")
        if package is None and version:
            apps = catalogue.apps_of(self._references)
            package = next((row.get("package_name") for row in apps if row["id"] == app.get("app_id")), None)
        return {**app, "package_name": package, **_named(version)}

    def _contents(self) -> dict[str, str]:
        return {str(row["id"]): CONTENT.label(row) for row in self._references.rows(CONTENT, {})}


def with_names_of(settings: Row, planned: Row) -> Row:
    """Return the settings of a response with the names that were known during planning."""
    settings = dict(settings)
    for platform, parts in planned.items():
        for kind, key in (("apps", "app_version_id"), ("files", "file_id")):
            items = (settings.get(platform) or {}).get(kind)
            if not items:
                continue
            known = {
                str(item.get(key)): {
                    name: item[name]
                    for name in ("package_name", "version_name", "version_code", "content")
                    if name in item
                }
                for item in (parts or {}).get(kind) or []
            }
            items = [{**known.get(str(item.get(key)), {}), **item} for item in items]
            settings[platform] = {**settings[platform], kind: items}
    return settings


def exported(field: Field, value: Row, path: str, omitted: list[str]) -> Row:
    """Return a dict, in the terms of the collection, without the IDs, and without the list items that have only an ID.
    Append the paths of the lost values to ``omitted``."""
    kept: Row = {}
    for each in field.fields:
        inside = value.get(each.name)
        place = f"{path}.{each.name}"
        if inside is None:
            continue
        if each.name in _IDS:
            if _is_nameless(value, each.name):
                omitted.append(place)
        elif isinstance(inside, dict) and each.fields:
            if part := exported(each, inside, place, omitted):
                kept[each.name] = part
        elif isinstance(inside, list) and each.fields:
            kept[each.name] = _exported_items(each, inside, place, omitted)
        else:
            kept[each.name] = inside
    return kept


def _exported_items(field: Field, items: list[Row], path: str, omitted: list[str]) -> list[Row]:
    ids = [each.name for each in field.fields if each.name in _IDS]
    lost = [f"{path}[{place}]" for place, item in enumerate(items) if any(_is_nameless(item, key) for key in ids)]
    omitted += lost
    return [
        exported(field, item, f"{path}[{place}]", omitted)
        for place, item in enumerate(items)
        if f"{path}[{place}]" not in lost
    ]


def _is_nameless(item: Row, key: str) -> bool:
    return item.get(key) is not None and not (key in _TERMS and item.get(_TERMS[key]))


def _creation(row: Row) -> str:
    return str(row.get("created_on") or row.get("created_at") or "")


def _has_version_of(item: Row, app: Row, type_field: str) -> bool:
    """Return whether the item of the blueprint has the version of the task, judged by IDs only."""
    ids = ("app_id", "app_version_id", type_field)
    said = [key for key in {*ids, *_VERSION_TERMS} if key in app]
    return all(key in ids and app[key] == item.get(key, app[key]) for key in said)


def _is_app(item: Row, app_id: t.Any) -> bool:
    """Return whether an item of a blueprint is the app with that ID, and has a package name."""
    return item.get("package_name") is not None and str(item.get("app_id")) == str(app_id)


def _check_version(versions: list[Row], app: Row, place: str) -> None:
    """Raise InvalidParameter if an ID and another property of the version are those of two versions."""
    version_id = app.get("app_version_id")
    row = next((row for row in versions if str(row["app_version_id"]) == str(version_id)), None)
    if version_id is None or row is None:
        return
    others = {key: app[key] for key in ("version_name", "version_code") if key in app}
    if row not in _matching(versions, {**app, "app_version_id": None}):
        wrong = " and ".join(f"{key} '{value}'" for key, value in others.items())
        raise InvalidParameter(
            f"{place} has the {wrong}, but the app_version_id '{version_id}' belongs to the version"
            f" '{row['version_name']}' ({row['version_code']}). Set only one of them."
        )


def _named(version: Row) -> Row:
    return {key: version.get(key) for key in ("version_name", "version_code")}


def _label(version: Row) -> str:
    code = version.get("version_code")
    name = version.get("version_name") or version.get("app_version_id")
    parts = [version.get("package_name"), name, f"({code})" if code is not None else None]
    return " ".join(str(part) for part in parts if part)


def _matching(versions: list[Row], app: Row) -> list[Row]:
    """Return the versions that the task can mean."""
    latest = app.get("version_name") == LATEST
    terms = [key for key in _VERSION_TERMS if app.get(key) is not None and not (latest and key == "version_name")]
    found = [row for row in versions if all(str(row[key]) == str(app[key]) for key in terms)]
    if latest:
        unknown = [row for row in found if row["version_code"] is None]
        if len(unknown) < len(found) and any(isinstance(row["app_version_id"], ResultOf) for row in unknown):
            raise InvalidParameter(
                f"The {LATEST} version of the app '{app.get('package_name') or app.get('app_id')}' is not known,"
                " because this task uploads a version without a version code. Set version_code for the upload."
            )
        found.sort(key=lambda row: (-1 if row["version_code"] is None else row["version_code"], row["created"]))
        return found[-1:]
    return found
