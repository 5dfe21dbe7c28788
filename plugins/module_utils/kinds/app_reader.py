# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the module app_info."""

from __future__ import annotations

from ..base.row import Params, Row
from ..engine.lookup import lookup_of
from ..engine.reader import Reader
from ..http.paging import list_all
from .app_list import V1, label_of, versions_of
from .blueprint_list import BLUEPRINTS


class AppReader(Reader):
    """Reads apps, and on request their versions with their blueprints and devices."""

    def get_info(self, params: Params) -> Row:
        """Return the apps that the options address, or all apps."""
        if params["name"] is not None:
            rows = self.view.list_objects(self.kind, {"application_name": params["name"]})
            rows = [row for row in rows if row.get("application_name") == params["name"]]
        elif params["id"] is None and params["package_name"] is None:
            rows = self.view.list_objects(self.kind)
        else:
            row = lookup_of(self.view, self.kind).find({"id": params["id"], "name": params["package_name"]})
            rows = [row] if row else []
        if params["versions"] or params["blueprints"] or params["devices"]:
            rows = [{**row, "versions": self._versions_of(row, params)} for row in rows]
        return {self.kind.plural: [self.view.to_result(self.kind, row) for row in rows]}

    def _versions_of(self, app: Row, params: Params) -> list[Row]:
        rows = []
        for row in versions_of(self.view, app):
            version = {**row}
            if params["blueprints"]:
                # The filter finds the blueprints that have the version in any of their versions.
                query = {"settings__android__app_version_id": row["id"]}
                version["blueprints"] = self.view.list_objects(BLUEPRINTS, query)
            if params["devices"]:
                path = f"{V1}{app['id']}/version/{row['id']}/installdevices"
                purpose = f"Reading the devices with the app '{label_of(row)}'"
                version["devices"] = list_all(self.view.client, path, purpose=purpose)
            rows.append(version)
        return rows
