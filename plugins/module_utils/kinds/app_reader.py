# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the module app_info."""

from __future__ import annotations

from ..base.row import Params, Row
from ..engine.lookup import lookup_of
from .app_list import devices_with, label_of, versions_of
from .app_version_reader import VersionReader


class AppReader(VersionReader):
    """Reads Android apps."""

    def read_rows(self, params: Params) -> list[Row]:
        """Return the apps that the options address, or all apps."""
        if params["name"] is not None:
            rows = self.view.list_objects(self.kind, {"application_name": params["name"]})
            return [row for row in rows if row.get("application_name") == params["name"]]
        if params["id"] is None and params["package_name"] is None:
            return self.view.list_objects(self.kind)
        row = lookup_of(self.view, self.kind).find({"id": params["id"], "name": params["package_name"]})
        return [row] if row else []

    def versions_of(self, app: Row, params: Params) -> list[Row]:
        """Return the versions of an app."""
        return versions_of(self.view, app)

    def devices_of(self, app: Row, version: Row) -> list[Row]:
        """Return the devices that have a version of an app."""
        purpose = f"Reading the devices with the app '{label_of(version)}'"
        return devices_with(self.view, app["id"], version["id"], purpose=purpose)

    def platform_of(self, app: Row) -> str:
        """Return the platform of an app in the settings of blueprints."""
        return "android"
