# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the module blueprint_info: blueprints, their versions, differences of versions, and exports."""

from __future__ import annotations

import itertools

from ..base.errors import InvalidParameter, NotFound
from ..base.row import Params, Row
from ..engine.exporter import exporter_of, without_secrets
from ..engine.reader import Reader
from ..engine.tenant_view import TenantView
from ..model.kind import Kind
from . import blueprint_comparison as comparison
from .blueprint_history import VersionFilter, history_entry, version_filter
from .blueprint_lookup import BlueprintLookup
from .blueprint_names import Names


class BlueprintReader(Reader):
    """Reads blueprints for their _info module."""

    def __init__(self, view: TenantView, kind: Kind) -> None:
        super().__init__(view, kind)
        self._lookup = BlueprintLookup(view, kind)
        self._names = Names(view)

    def get_info(self, params: Params) -> Row:
        """Return the values of the module. Raise InvalidParameter or NotFound if versions cannot be compared."""
        if params["compare"] is not None and (len(params["compare"]) != 2 or not (params["id"] or params["name"])):
            raise InvalidParameter("The option compare requires two versions, and name or id.")
        if params["version_filter"] is not None and not params["versions"] and not params["history"]:
            raise InvalidParameter("The option version_filter requires versions=true or history=true.")
        rows = self._select_blueprints(params)
        if params["export"]:
            return self._export(rows)
        if params["compare"] is not None:
            result = {self.kind.plural: [self.kind.to_result(row) for row in rows]}
            return {**result, "differences": self._differences(rows, params)}
        result = {self.kind.plural: [self.kind.to_result(self._with_names(row, params)) for row in rows]}
        result |= self._versions_and_history(rows, params)
        return result

    def _versions_and_history(self, rows: list[Row], params: Params) -> Row:
        """Return the versions of blueprints and their history, if the task asks for them."""
        if not params["versions"] and not params["history"]:
            return {}
        selected = (
            version_filter(self.view, params["version_filter"]) if params["version_filter"] else VersionFilter({})
        )
        result: Row = {name: [] for name in ("versions", "history") if params[name]}
        for row in rows:
            # The differences to the version before need the versions that do not match too.
            versions = self._lookup.versions_of(row, {} if params["history"] else selected.query)
            matching = [version for version in versions if selected.matches(version)]
            if params["versions"]:
                result["versions"] += [self.kind.to_result(self._with_names(version, params)) for version in matching]
            if params["history"]:
                result["history"] += self._history(row, versions, matching, params)
        return result

    def _history(self, blueprint: Row, versions: list[Row], matching: list[Row], params: Params) -> list[Row]:
        """Return those of the versions of a blueprint that match, with their differences to the versions before."""
        previous = {newer["version_id"]: older for newer, older in itertools.pairwise(versions)}

        def changes(version: Row) -> list[Row]:
            before = previous.get(version["version_id"])
            return [] if before is None else self._changes(before, version, params)

        return [history_entry(self.kind.name_of(blueprint), version, changes(version)) for version in matching]

    def _changes(self, before: Row, after: Row, params: Params) -> list[Row]:
        """Return the differences between two versions with settings."""
        return comparison.differences(
            *(comparison.to_result(self._with_names(version, params)["settings"]) for version in (before, after))
        )

    def _select_blueprints(self, params: Params) -> list[Row]:
        if params["id"] is None and params["name"] is None:
            return self._lookup.find_all()
        row = self._lookup.find(params)
        return [row] if row else []

    def _with_names(self, row: Row, params: Params) -> Row:
        """Return a blueprint with its settings, and with names in them if the task asks for names."""
        settings = row.get("settings") or {}
        return {**row, "settings": self._names.add_names(settings) if params["resolve_names"] else settings}

    def _differences(self, rows: list[Row], params: Params) -> list[Row]:
        """Return the differences between two versions of a blueprint."""
        if not rows:
            raise NotFound(self.kind.title, params["id"] or params["name"])
        before, after = (self._lookup.version_of(rows[0], version) for version in params["compare"])
        return self._changes(before, after, params)

    def _export(self, rows: list[Row]) -> Row:
        """Return blueprints as options of the module for another tenant, and the paths of omitted values."""
        exporter = exporter_of(self.view, self.kind)
        exported = exporter.export_each(exporter.complete(rows))
        return {
            self.kind.plural: [_copied(without_secrets(each.options)) for _row, each in exported],
            "omitted": [
                {"blueprint": each.key, "path": path}
                for row, each in exported
                for path in _omitted(each.omitted, row.get("settings") or {})
            ],
        }


def _copied(options: Row) -> Row:
    """Return exported options for a task that decides by itself what it publishes and removes."""
    return {name: value for name, value in options.items() if name not in ("publish", "exact")}


def _omitted(paths: list[str], settings: Row) -> list[str]:
    """Return the paths of an export and those of all secrets, also in items that the export omits."""
    unreadable = comparison.unreadable_paths(settings)
    return [*(path for path in paths if path not in unreadable), *unreadable]
