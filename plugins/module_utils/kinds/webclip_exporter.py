# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The export of webclips."""

from __future__ import annotations

from pathlib import PurePosixPath

from ..base.row import Row
from ..base.slugs import file_slug
from ..engine.exporter import ExportedFile, Exporter
from ..http.download import Download
from ..model.conform import to_text
from .linked_file import stored_name
from .webclip_apps import webclip_apps


class WebclipExporter(Exporter):
    """Exports webclips with their names, which only another list has. A webclip without a name is left out."""

    def preload(self) -> None:
        super().preload()
        webclip_apps(self.view)

    def complete(self, rows: list[Row]) -> list[Row]:
        names = {str(app["app_id"]).lower(): to_text(app.get("name")) for app in webclip_apps(self.view)}
        key = self.kind.name_key
        return [{**row, key: row.get(key) or names.get(str(row["id"]).lower())} for row in rows]

    def options_of(self, row: Row, omitted: list[str]) -> Row:
        options = super().options_of(row, omitted)
        link = row.get("icon_url")
        if not options.get("name") or not link:
            return options
        purpose = f"Downloading the icon of the {self.kind.phrase(row)}"
        path = f"{self.kind.plural}/{file_slug(options['name'])}{PurePosixPath(stored_name(link)).suffix}"
        return {**options, "icon": ExportedFile(path, lambda: Download(str(link), purpose))}
