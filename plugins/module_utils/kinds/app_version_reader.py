# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the _info modules of apps: for apps of all platforms."""

from __future__ import annotations

from ..base.row import Params, Row
from ..engine.reader import Reader
from .blueprint_list import BLUEPRINTS


class VersionReader(Reader):
    """Reads apps, and on request their versions with their blueprints and devices. Subclasses are for the apps of one
    API."""

    with_versions: tuple[str, ...] = ("versions", "blueprints", "devices")
    """The options with which the versions are returned."""

    def get_info(self, params: Params) -> Row:
        """Return the apps that the options address, or all apps."""
        rows = self.read_rows(params)
        if any(params[option] for option in self.with_versions):
            rows = [{**row, "versions": self._versions_of(row, params)} for row in rows]
        return {self.kind.plural: [self.view.to_result(self.kind, row) for row in rows]}

    def _versions_of(self, app: Row, params: Params) -> list[Row]:
        rows = []
        for row in self.versions_of(app, params):
            version = {**row}
            if params["blueprints"]:
                # The filter finds the blueprints that have the version in any of their versions.
                query = {f"settings__{self.platform_of(app)}__app_version_id": row["id"]}
                version["blueprints"] = self.view.list_objects(BLUEPRINTS, query)
            if params["devices"]:
                version["devices"] = self.devices_of(app, row)
            rows.append(version)
        return rows

    # --- of each API --------------------------------------------------------------------------------------------------

    def versions_of(self, app: Row, params: Params) -> list[Row]:
        """Return the versions of an app, with the properties that a task asks for."""
        raise NotImplementedError

    def devices_of(self, app: Row, version: Row) -> list[Row]:
        """Return the devices that have a version of an app."""
        raise NotImplementedError

    def platform_of(self, app: Row) -> str:
        """Return the platform of an app in the settings of blueprints."""
        raise NotImplementedError
