# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter for versions of blueprints, and their history.

Based on the filters of /v2/blueprints/{blueprint_id}/versions/ of the contract (v2.yaml), which look at the settings
for Android only.

Choice: Esper may ignore a filter, for example one for a content file, whose ID is not a UUID as the contract says. So
this file filters the versions again.
Choice: a version number selects the version that was published with this number, and the drafts after it.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..base.errors import InvalidParameter, NotFound
from ..base.ids import normal_id
from ..base.row import Params, Row
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..model.conform import to_text
from ..model.module_spec import Option, Value
from .blueprint_catalog import CATALOGS, Catalog
from .content import CONTENT

_PREFIX = "settings__android__"

VERSION_FILTER = Option(
    "version_filter",
    (
        "Filter for versions. Only versions that match all of its values are returned. Requires O(versions=true) or"
        " O(history=true).",
        "Apps, content files and Wi-Fi networks are those in the settings for Android.",
    ),
    type="dict",
    options=(
        Option("published", "If V(true), only published versions. If V(false), only drafts.", type="bool"),
        Option("number", "Number of a published version. Drafts after it have the same number.", type="int"),
        Option("package_name", "Package name of an app in the version.", identifier=True),
        Option(
            "version_name",
            "Name of the version of the app. Requires O(version_filter.package_name) or O(version_filter.app_id).",
            identifier=True,
            numbers=True,
        ),
        Option("app_id", "ID of an app in the version, instead of its package name.", identifier=True),
        Option("app_version_id", "ID of the version of an app, instead of its name.", identifier=True),
        Option("content", "File name of a content file in the version.", identifier=True),
        Option(
            "file_id",
            "ID of a content file in the version, instead of its file name.",
            identifier=True,
            numbers=True,
        ),
        Option("wifi_network_id", "ID of a Wi-Fi network in the version.", identifier=True),
    ),
    rules={
        "mutually_exclusive": [("package_name", "app_id"), ("version_name", "app_version_id"), ("content", "file_id")]
    },
)
HISTORY = Value(
    "history",
    "Versions of each blueprint, newest first, with the differences to the version before.",
    type="list",
    elements="dict",
    returned="with O(history=true)",
    contains=(
        Value("blueprint", "Name of the blueprint.", sample="Self-service kiosks"),
        Value("version_id", "ID of the version.", sample="1a1f0d3c-5a77-4dd1-9a3c-26b9e3f0a7e2"),
        Value("version_number", "Number of the version.", type="int", sample=3),
        Value("minor_version_number", "Number of the draft.", type="int", sample=0),
        Value("publish", "Whether the version is published.", type="bool", sample=True),
        Value("comments", "Comment on the version.", sample="Spring release"),
        Value("created_at", "Time of creation, as Esper returns it for the version.", sample="2026-03-01T09:30:00Z"),
        Value("created_by", "ID of the user who created it.", sample="17"),
        Value("updated_at", "Time of the save.", sample="2026-03-02T11:00:00Z"),
        Value("updated_by", "ID of the user who saved the version.", sample="17"),
        Value(
            "differences",
            "Differences to the version before, as in RV(differences). Empty for the first version.",
            type="list",
            elements="dict",
            sample=[
                {
                    "path": "settings.android.apps[com.example.kiosk].version_name",
                    "before": "1.0.0",
                    "after": "1.1.0",
                }
            ],
        ),
    ),
)
_KEYS = tuple(value.name for value in HISTORY.contains)[1:-1]


def history_entry(blueprint: str, version: Row, differences: list[Row]) -> Row:
    """Return an entry of the history. ``blueprint`` is a name, ``version`` a version with the types of the kind."""
    users = {name: to_text(version.get(name)) for name in ("created_by", "updated_by")}
    return {"blueprint": blueprint, **{name: version.get(name) for name in _KEYS}, **users, "differences": differences}


@dataclass(frozen=True)
class VersionFilter:
    """A filter for versions: the query for Esper, and the same as values to compare. ``app_ids`` and ``version_ids``
    are None if any app or version matches."""

    query: Row
    app_ids: frozenset[str] | None = None
    version_ids: frozenset[str] | None = None

    def matches(self, version: Row) -> bool:
        """Return whether a version with its settings matches."""
        query = self.query
        settings = version.get("settings")
        parts = list(_dicts(settings.get("android") if isinstance(settings, dict) else None))
        return (
            query.get("publish") in (None, str(bool(version.get("publish"))).lower())
            and query.get("version_number") in (None, str(version.get("version_number")))
            and all(
                query.get(_PREFIX + key) is None
                or any(normal_id(str(part.get(key))) == query[_PREFIX + key] for part in parts)
                for key in ("file_id", "wifi_network_id")
            )
            and (
                (self.app_ids is None and self.version_ids is None)
                or any(
                    _is_in(part.get("app_id"), self.app_ids) and _is_in(part.get("app_version_id"), self.version_ids)
                    for part in parts
                )
            )
        )


def version_filter(view: TenantView, options: Params) -> VersionFilter:
    """Return the filter that the option version_filter describes. Raise InvalidParameter if options are missing, and
    NotFound or Ambiguous for a name."""
    query: Row = {}
    if options["published"] is not None:
        query["publish"] = str(options["published"]).lower()
    if options["number"] is not None:
        query["version_number"] = str(options["number"])
    file_id = options["file_id"]
    if options["content"] is not None:
        file_id = lookup_of(view, CONTENT).resolve(options["content"])["id"]
    if file_id is not None:
        query[f"{_PREFIX}file_id"] = str(file_id)
    if options["wifi_network_id"] is not None:
        query[f"{_PREFIX}wifi_network_id"] = normal_id(options["wifi_network_id"])
    app_ids, version_ids = _apps(Catalog(view, CATALOGS["android"]), options)
    for key, ids in (("app_id", app_ids), ("app_version_id", version_ids)):
        # The filter of Esper takes one ID.
        if ids is not None and len(ids) == 1:
            query[_PREFIX + key] = next(iter(ids))
    return VersionFilter(query, app_ids, version_ids)


def _apps(catalog: Catalog, options: Params) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    """Return the IDs of the apps and of the versions of apps in a filter, None for any."""
    package, name = options["package_name"], options["version_name"]
    app_ids = version_ids = None
    if options["app_id"] is not None:
        app_ids = frozenset([normal_id(options["app_id"])])
    elif package is not None:
        app_ids = frozenset(str(app["id"]) for app in catalog.apps(package))
        if not app_ids:
            raise NotFound("app", package, [str(app.get("package_name")) for app in catalog.apps()])
    if options["app_version_id"] is not None:
        version_ids = frozenset([normal_id(options["app_version_id"])])
    elif name is not None:
        if app_ids is None:
            raise InvalidParameter("The option version_filter.version_name requires package_name or app_id.")
        versions = [version for app_id in app_ids for version in catalog.versions(app_id)]
        version_ids = frozenset(str(version.id) for version in versions if version.name == str(name))
        if not version_ids:
            names = [str(version.name) for version in versions]
            raise NotFound("version", str(name), names, f"The app is '{package or options['app_id']}'.")
    return app_ids, version_ids


def _is_in(value: t.Any, ids: frozenset[str] | None) -> bool:
    return ids is None or normal_id(str(value)) in ids


def _dicts(value: t.Any) -> t.Iterator[Row]:
    """Yield all dicts in some settings."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _dicts(item)
