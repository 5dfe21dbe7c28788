# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup of the versions of apps by app and version name, version code or ID: for apps of all platforms."""

from __future__ import annotations

import typing as t

from ..base.row import Params, Row
from ..engine.lookup import Lookup, lookup_of
from ..model.kind import Kind
from ..model.unknowns import KnownAfterApply
from .app_version import has_version, matches_target, may_match_target, target_label, validate
from .blueprint_usage import Usage


class VersionLookup(Lookup):
    """Finds versions of apps, and the blueprints that use them. Subclasses are for the apps of one API."""

    apps: Kind
    """The kind of the apps, by ID and package name."""

    def task_key(self, params: Params) -> str:
        """Return the text for the version that the options name."""
        return target_label(self.with_file(params))

    def dependency_ids(self, row: Row) -> set[str]:
        """Return the IDs of the version and of its app."""
        return {str(row["id"]), str(row.get("app_id"))}

    def find(self, params: Params) -> Row | None:
        """Return the version that the options of a task address, or None. Options without a version address the app.
        Raise Ambiguous or InvalidParameter."""
        validate(params)
        target = self.with_file(params)
        app = self.find_app(target)
        if app and not has_version(target):
            return self.whole_app(app)
        matching: list[Row] = []
        if app:
            uploads = [row for row in self.uploads_of(app) if may_match_target(self.kind, row, target)]
            matching = [*self.find_existing(app, target), *uploads]
        if not matching and target["version_id"] is not None:
            self.check_app_of(target)
        return self.one_or_none(matching, target_label(target), "Set version_code too.")

    def list_existing(self) -> list[Row]:
        """Return the versions of all apps."""
        return [row for app in self.view.list_objects(self.apps) for row in self.versions_of(app)]

    def find_app(self, target: Params) -> Row | None:
        """Return the app that the options name, or None."""
        return lookup_of(self.view, self.apps).find({"id": target["id"], "name": target["package_name"]})

    def whole_app(self, app: Row) -> Row | None:
        """Return an app that exists, None if Esper keeps it although it counts as deleted."""
        return app

    def uploads_of(self, app: Row) -> list[Row]:
        """Return the versions of an app that the same task uploads."""
        planned = self.view.planned(self.kind)
        return [row for row in planned if isinstance(row["id"], KnownAfterApply) and row["app_id"] == app["id"]]

    def check_app_of(self, target: Params) -> None:
        """Raise InvalidParameter if the version ID of a task is that of a version of another app, as far as Esper shows
        this with few requests."""

    def matches(self, row: Row, target: Params) -> bool:
        """Return whether a version is the one of the options."""
        return matches_target(self.kind, row, target)

    # --- of each API --------------------------------------------------------------------------------------------------

    def with_file(self, params: Params) -> Params:
        """Return the options, completed from the file to upload. Raise InvalidParameter if the file is invalid."""
        raise NotImplementedError

    def versions_of(self, app: Row) -> list[Row]:
        """Return all versions of an app as Esper has them, each with the properties of the app."""
        raise NotImplementedError

    def find_existing(self, app: Row, target: Params) -> list[Row]:
        """Return the versions of an app that match the options of a task."""
        raise NotImplementedError

    def with_app(self, app: Row, version: Row) -> Row:
        """Return a version with the properties of its app."""
        raise NotImplementedError

    def app_of(self, version: Row) -> Row:
        """Return the app of a version that has its properties."""
        raise NotImplementedError

    def rank_of(self, version: Row) -> t.Any:
        """Return the value by which versions are ordered, None if it is unknown: newer versions have higher ranks."""
        raise NotImplementedError

    def rank_label(self, version: Row) -> str:
        """Return the rank of a version for messages."""
        raise NotImplementedError

    def usage_of_app(self, app: Row) -> Usage:
        """Return the usage of an app with all of its versions by blueprints."""
        raise NotImplementedError

    def usage_of_version(self, version: Row, *, shared: bool = False) -> Usage:
        """Return the usage of a version by blueprints. With ``shared``, one request serves all versions of its app."""
        raise NotImplementedError
