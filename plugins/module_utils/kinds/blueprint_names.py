# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names for the IDs in the settings of a blueprint: package names and versions of apps, names of content files.

Objects of other kinds are in blueprint_terms.py. Which lists have names follows from ``references`` of their fields.
Apps come from blueprint_catalog.py, content files from the list of v0.yaml.
"""

from __future__ import annotations

import functools
import typing as t
from dataclasses import dataclass

from ..base.errors import InvalidParameter, NotFound
from ..base.ids import normal_id
from ..base.row import Row
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.parallel import together
from ..model.conform import to_row
from ..model.field import Reference
from ..model.unknowns import KnownAfterApply
from .blueprint_catalog import CATALOGS, LATEST, VERSION_TERMS, Catalog, CatalogVersion
from .blueprint_settings import SETTINGS
from .blueprint_terms import Terms
from .blueprint_terms import with_planned_names as with_planned_terms
from .content import CONTENT
from .webclip_apps import is_webclip


@dataclass(frozen=True)
class _NamedList:
    """A list of the settings whose items refer to objects by names, such as ``android.apps``."""

    platform: str
    key: str
    reference: Reference

    def items_of(self, settings: Row) -> list[Row] | None:
        """Return the items in some settings, None if the settings do not have the list."""
        items = to_row(settings.get(self.platform)).get(self.key)
        return items if isinstance(items, list) and all(isinstance(item, dict) for item in items) else None

    def with_items(self, settings: Row, items: list[Row]) -> Row:
        """Return settings with other items."""
        return {**settings, self.platform: {**to_row(settings.get(self.platform)), self.key: items}}


def _lists_of(kind: str) -> tuple[_NamedList, ...]:
    """Return the lists whose items refer to objects of a kind by names."""
    return tuple(
        _NamedList(platform.name, field.name, reference)
        for platform in SETTINGS.fields
        for field in platform.fields
        for reference in field.references
        if reference.kind == kind and reference.options
    )


_APPS = (*_lists_of("app"), *_lists_of("tenant_app"))
_FILES = _lists_of("content")
_APP_NAMES = sorted({name for named_list in _APPS for name in named_list.reference.options})


class Names:
    """Conversion of names to IDs and back, for one task. Raises what Client.request raises."""

    def __init__(self, view: TenantView) -> None:
        self._view = view
        self._catalogs = {platform: Catalog(view, routes) for platform, routes in CATALOGS.items()}
        self._terms = Terms(view)
        # The list of content files, and the names by ID that follow from it.
        self._named_contents: tuple[list[Row], dict[str, str]] | None = None

    # --- the settings of a task ---------------------------------------------------------------------------------------

    def resolve(self, desired: Row, current: Row) -> tuple[Row, Row]:
        """Return the settings of a task with the IDs of all names in them, and the current settings (in API format)
        with the names of the apps, files and other objects in the task.

        Raise NotFound, Ambiguous or InvalidParameter if a name does not select one object.
        """
        desired, current = self._terms.resolve(SETTINGS, desired, current, SETTINGS.name)
        for lists, resolve_items in ((_APPS, self._resolve_apps), (_FILES, self._resolve_files)):
            for named_list in lists:
                items = named_list.items_of(desired)
                if items is not None:
                    current_items = named_list.items_of(current) or []
                    items, current_items = resolve_items(
                        named_list.platform, items, current_items, f"{SETTINGS.name}.{named_list.platform}"
                    )
                    desired, current = (
                        named_list.with_items(desired, items),
                        named_list.with_items(current, current_items),
                    )
        return desired, current

    def _resolve_apps(
        self, platform: str, desired: list[Row], current: list[Row], path: str
    ) -> tuple[list[Row], list[Row]]:
        items = [dict(item) for item in current]
        catalog = self._catalogs[platform]
        return [
            self._resolve_app(catalog, app, items, f"{path}.apps[{number}]") for number, app in enumerate(desired)
        ], items

    def _resolve_app(self, catalog: Catalog, desired: Row, items: list[Row], path: str) -> Row:
        """Return an app of the task with its IDs. ``items`` are copies of those of the blueprint; the same app gets its
        names."""
        if is_webclip(desired):
            # Its IDs are set, or are those of the blueprint: see blueprint_terms.py.
            if wrong := [key for key in _APP_NAMES if desired.get(key) is not None]:
                raise InvalidParameter(
                    f"Invalid parameters for the blueprint: {path} is a webclip, so {' and '.join(wrong)} is not"
                    " allowed. Omit it."
                )
            return desired
        nulls = {key: None for key, value in desired.items() if value is None}
        app = {key: normal_id(value) for key, value in desired.items() if value is not None}
        package, app_id = app.get("package_name"), app.get("app_id")
        if package is None and app_id is None:
            raise InvalidParameter(f"Invalid parameters for the blueprint: {path}.package_name is required.")
        if package is not None and app_id is not None:
            _check_app(catalog, package, app_id, items, path)
        item = _same_app(catalog, app, items)
        if item is not None and (name := item.get("package_name") or package):
            app["package_name"] = item["package_name"] = name
        if item is not None and _has_version_of(item, app, catalog.type_field):
            kept = ("app_id", "app_version_id", catalog.type_field)
            return {**nulls, **{key: item[key] for key in kept if key in item}, **app}
        if not any(key in app for key in VERSION_TERMS):
            state = "does not have the app yet" if item is None else "has the app with another ID or type"
            raise InvalidParameter(
                f"Invalid parameters for the blueprint: {path}.version_name of the app '{package or app_id}' is"
                f" required, because the blueprint {state}. Set it, for example to {LATEST}."
            )
        version = catalog.select(app, item, path)
        type_: t.Any = version.type
        if item is not None:
            item.update(_names_of(catalog.version(item.get("app_id"), item.get("app_version_id"))))
            if item.get("app_id") == version.app_id:
                # The type in the blueprint wins over the type in the catalog, for example of a preloaded app.
                type_ = item.get(catalog.type_field)
        ids = {"app_id": version.app_id, "app_version_id": version.id}
        if package is None and item is None and (own_package := catalog.package_of(app_id)):
            app["package_name"] = own_package
        return {**nulls, catalog.type_field: type_, **app, **ids, **_names_of(version)}

    def _resolve_files(
        self, _platform: str, desired: list[Row], current: list[Row], path: str
    ) -> tuple[list[Row], list[Row]]:
        known = {str(item.get("file_id")) for item in current}
        files = [self._resolve_file(file, known, f"{path}.files[{number}]") for number, file in enumerate(desired)]
        return files, self._name_replaced_files(current, files)

    def _resolve_file(self, desired: Row, known: set[str], path: str) -> Row:
        """Return a file of the task with its ID. ``known`` are the IDs of the content files in the blueprint."""
        file = {key: value for key, value in desired.items() if value is not None}
        if "file_id" in file:
            self._check_file(file, known, path)
            return file
        if "content" not in file:
            return file
        row = lookup_of(self._view, CONTENT).resolve(file["content"])
        return {
            **file,
            "file_id": row["id"].transformed(str) if isinstance(row["id"], KnownAfterApply) else str(row["id"]),
        }

    def _check_file(self, file: Row, known: set[str], path: str) -> None:
        """Raise InvalidParameter or NotFound if the ID is that of another content file, or of none."""
        file_id, name = str(file["file_id"]), file.get("content")
        if name is None and file_id in known:
            return
        names = self._contents()
        if file_id not in names:
            both = f"{path} has this file_id" + (f" and the content '{name}'." if name else ".")
            raise NotFound(CONTENT.title, file_id, note=both)
        if name is not None and str(name).strip() not in (names[file_id].strip(), file_id):
            raise InvalidParameter(
                f"Invalid parameters for the blueprint: {path} has the content '{name}', but the file_id"
                f" '{file_id}' belongs to the {CONTENT.title} '{names[file_id]}'. Set only one of them."
            )

    def _name_replaced_files(self, items: list[Row], desired: list[Row]) -> list[Row]:
        """Return the files of the blueprint, with names if the task has names. A file whose content file was deleted
        gets the name of the task's file with the same path, because that one replaces it."""
        if not any("content" in file for file in desired):
            return items
        names = self._contents()
        by_path = {
            file["destination_path"]: file["content"]
            for file in desired
            if {"destination_path", "content"} <= file.keys()
        }
        return [
            {**item, "content": names.get(str(item.get("file_id"))) or by_path.get(item.get("destination_path"))}
            for item in items
        ]

    # --- the settings of Esper ----------------------------------------------------------------------------------------

    def prefetch(self, several: t.Iterable[Row]) -> None:
        """Read the versions of all apps in some settings at the same time, for add_names()."""
        apps = {
            (named_list.platform, app.get("app_id"))
            for settings in several
            for named_list in _APPS
            for app in named_list.items_of(settings) or ()
            if not is_webclip(app)
        }
        self._read_versions(apps)

    def prefetch_desired(self, several: t.Iterable[Row]) -> None:
        """Read the versions of all apps of which the settings of tasks name versions at the same time, for
        resolve()."""
        apps: set[tuple[str, t.Any]] = set()
        packages: dict[str, set[str]] = {}
        for settings in several:
            for named_list in _APPS:
                for app in named_list.items_of(settings) or ():
                    if is_webclip(app) or all(app.get(key) is None for key in ("version_name", "version_code")):
                        continue
                    if app.get("app_id") is not None:
                        apps.add((named_list.platform, normal_id(app["app_id"])))
                    elif app.get("package_name") is not None:
                        packages.setdefault(named_list.platform, set()).add(app["package_name"])
        for platform, names in packages.items():
            apps |= {(platform, app_id) for app_id in self._catalogs[platform].ids_of(names)}
        self._read_versions(apps)

    def _read_versions(self, apps: t.Collection[tuple[str, t.Any]]) -> None:
        """Read the versions of apps, each with its platform, at the same time."""
        reads = [functools.partial(self._catalogs[app[0]].versions, app[1]) for app in sorted(apps, key=str)]
        together(self._view.client, *reads)

    def add_names(self, settings: Row, other: Row | None = None) -> Row:
        """Return settings in API format with the names of all apps, files and other objects, except those that
        ``other`` has too."""
        settings = self._terms.add_names(SETTINGS, settings, other or {})
        for lists, add_name in ((_APPS, self._name_app), (_FILES, self._name_file)):
            for named_list in lists:
                if items := named_list.items_of(settings):
                    known = named_list.items_of(other or {}) or ()
                    items = [item if item in known else add_name(named_list.platform, item) for item in items]
                    settings = named_list.with_items(settings, items)
        return settings

    def _name_app(self, platform: str, app: Row) -> Row:
        catalog = self._catalogs[platform]
        if is_webclip(app):
            return {**app, "package_name": app.get("package_name"), **_names_of(None)}
        version = catalog.version(app.get("app_id"), app.get("app_version_id"))
        package = app.get("package_name")
        if package is None and version is not None:
            package = catalog.package_of(app.get("app_id"))
        return {**app, "package_name": package, **_names_of(version)}

    def _name_file(self, _platform: str, file: Row) -> Row:
        return {**file, "content": self._contents().get(str(file.get("file_id"))) or file.get("content")}

    def _contents(self) -> dict[str, str]:
        """Return the names of all content files by ID."""
        rows = self._view.list_objects(CONTENT)
        if self._named_contents is None or self._named_contents[0] is not rows:
            self._named_contents = rows, {str(row["id"]): CONTENT.name_of(row) for row in rows}
        return self._named_contents[1]


def with_planned_names(settings: t.Any, planned: Row) -> t.Any:
    """Return the settings of a response with the names that were known during planning. Parts of an unexpected type,
    which the result does not contain, are unchanged."""
    if not isinstance(settings, dict):
        return settings
    for named_list in (*_APPS, *_FILES):
        if items := named_list.items_of(settings):
            # The last ID is the most specific one: that of the version of an app.
            key, names = named_list.reference.api_keys[-1], named_list.reference.options
            known = {
                str(item.get(key)): {name: item[name] for name in names if name in item}
                for item in named_list.items_of(planned) or []
            }
            settings = named_list.with_items(
                settings, [{**known.get(str(item.get(key)), {}), **item} for item in items]
            )
    return with_planned_terms(SETTINGS, settings, planned)


def _check_app(catalog: Catalog, package: str, app_id: t.Any, items: list[Row], path: str) -> None:
    """Raise InvalidParameter if a package name and an ID are those of two apps."""
    other = next((str(item["package_name"]) for item in items if _is_app(item, app_id)), None)
    if other == package:
        return
    if other is None:
        ids = {str(row["id"]) for row in catalog.apps(package)}
        if str(app_id) in ids:
            return
        # An app that is not in the catalog, for example a preloaded one, can have any package name.
        other = catalog.package_of(app_id)
        if not ids and not other:
            return
    owner = f"belongs to the app '{other}'" if other else "is not an app with this package name"
    raise InvalidParameter(
        f"Invalid parameters for the blueprint: {path} has the package_name '{package}', but the app_id"
        f" '{app_id}' {owner}. Set only one of them."
    )


def _is_app(item: Row, app_id: t.Any) -> bool:
    """Return whether an item of a blueprint is the app with that ID, and has a package name."""
    return item.get("package_name") is not None and str(item.get("app_id")) == str(app_id)


def _same_app(catalog: Catalog, app: Row, items: list[Row]) -> Row | None:
    """Return the item of the blueprint with the same app. Android items have a package name, others only an ID."""
    package, app_id = app.get("package_name"), app.get("app_id")
    known = [item for item in items if app_id is not None and item.get("app_id") == app_id]
    known += [item for item in items if package is not None and item.get("package_name") == package]
    if not known and package is not None and any(item.get("package_name") is None for item in items):
        ids = {row["id"] for row in catalog.apps(package)}
        known = [item for item in items if item.get("app_id") in ids]
    return known[0] if known else None


def _has_version_of(item: Row, app: Row, type_field: str) -> bool:
    """Return whether the item of the blueprint has the version of the task, judged by IDs only."""
    ids = ("app_id", "app_version_id", type_field)
    set_keys = [key for key in {*ids, *VERSION_TERMS} if key in app]
    return all(key in ids and app[key] == item.get(key, app[key]) for key in set_keys)


def _names_of(version: CatalogVersion | None) -> Row:
    """Return the names of a version in a blueprint, null if it does not exist."""
    return {"version_name": version and version.name, "version_code": version and version.code}
