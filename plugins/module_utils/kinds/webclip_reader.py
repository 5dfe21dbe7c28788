# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the module webclip_info."""

from __future__ import annotations

from ..base.errors import ApiError
from ..base.row import Params, Row
from ..engine.reader import Reader
from .webclip_apps import webclip_apps


class WebclipReader(Reader):
    """Reads webclips, with their names from the list of all Apple apps."""

    def complete(self, rows: list[Row], params: Params) -> list[Row]:
        """Return webclips with their names. One request finds those of all webclips."""
        unnamed = [row for row in rows if row.get(self.kind.name_key) is None]
        if not unnamed:
            return rows
        try:
            apps = webclip_apps(self.view)
        except ApiError as error:
            self.view.warn(f"The names of webclips are null. {error}")
            return rows
        names = {str(app["app_id"]).lower(): app.get("name") for app in apps}
        return [{self.kind.name_key: names.get(str(row["id"]).lower()), **row} for row in rows]
