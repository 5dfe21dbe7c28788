# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup of versions of apps for Apple and Windows."""

from __future__ import annotations

import typing as t

from ..base.ids import is_uuid
from ..base.row import Params, Row
from ..engine.lookup import lookup_of
from .app_version import matches_target
from .app_version_lookup import VersionLookup
from .blueprint_usage import Usage, usage_of
from .tenant_app_list import TENANT_APPS, app_of, rank_of, settings_of, versions_of, with_app
from .tenant_app_package import with_package


class TenantAppLookup(VersionLookup):
    """Finds versions of apps for Apple and Windows, and the blueprints that use them."""

    apps = TENANT_APPS

    def with_file(self, params: Params) -> Params:
        """Return the options, completed from the file to upload. Raise InvalidParameter if the file is invalid."""
        return with_package(params)

    def find_app(self, target: Params) -> Row | None:
        """Return the app that the options name, or None. Two platforms can have apps with the same package name."""
        lookup, name, platform = lookup_of(self.view, self.apps), target["package_name"], target["platform"]
        if target["id"] is not None:
            rows = [row for row in [lookup.find_by_id(target["id"])] if row is not None]
        else:
            rows = lookup.find_by_name(name)
            if not rows and is_uuid(name.strip()):
                rows = [row for row in [lookup.find_by_id(name.strip())] if row is not None]
        rows = [row for row in rows if platform in (None, row.get("platform"))]
        return lookup.one_or_none(rows, name or target["id"], "Set platform too.")

    def whole_app(self, app: Row) -> Row | None:
        """Return an app, None if it has no versions, because Esper cannot delete apps."""
        return app if self.versions_of(app) else None

    def versions_of(self, app: Row) -> list[Row]:
        """Return all versions of an app as Esper has them."""
        return versions_of(self.view, app, self.kind)

    def find_existing(self, app: Row, target: Params) -> list[Row]:
        """Return the versions of an app that match the options of a task."""
        return [row for row in self.versions_of(app) if self.matches(row, target)]

    def matches(self, row: Row, target: Params) -> bool:
        """Return whether a version is the one of the options. A code is only compared if Esper returns one."""
        if row.get("build_number") in (None, ""):
            target = {**target, "version_code": None}
        return matches_target(self.kind, row, target)

    def with_app(self, app: Row, version: Row) -> Row:
        """Return a version with the properties of its app."""
        return with_app(app, version)

    def app_of(self, version: Row) -> Row:
        """Return the app of a version that has its properties."""
        return app_of(version)

    def rank_of(self, version: Row) -> t.Any:
        """Return the numbers in the name and in the code of a version, None if its name does not consist of numbers."""
        return rank_of(version)

    def rank_label(self, version: Row) -> str:
        """Return the version number for messages."""
        code = version.get("build_number")
        return f"{version.get('version_name')}" + (f" ({code})" if code else "")

    # --- usage --------------------------------------------------------------------------------------------------------

    def usage_of_app(self, app: Row) -> Usage:
        """Return the usage of an app with all of its versions."""
        platform = settings_of(app)
        keys = [f"{platform}.apps.app_id", f"{platform}.kiosk_app.app_id"]
        return usage_of(self.view, app["id"], keys, {f"settings__{platform}__app_id": app["id"]})

    def usage_of_version(self, version: Row, *, shared: bool = False) -> Usage:
        """Return the usage of a version. With ``shared``, one request serves all versions of its app."""
        platform = settings_of(version)
        query = {"app_id": version["app_id"]} if shared else {"app_version_id": version["id"]}
        candidates = {f"settings__{platform}__{key}": value for key, value in query.items()}
        return usage_of(self.view, version["id"], [f"{platform}.apps.app_version_id"], candidates)
