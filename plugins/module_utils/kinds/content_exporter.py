# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The export of content files."""

from __future__ import annotations

import typing as t

from ..base.row import Row
from .content_file import is_replaced, size_in_bytes
from .file_exporter import FileExporter


class ContentExporter(FileExporter):
    """Exports content files, without those whose replacement was started."""

    def rows(self) -> list[Row]:
        return [row for row in super().rows() if not is_replaced(row)]

    def selectors_of(self, row: Row) -> Row:
        return {"name": row.get("name")}

    def file_name(self, row: Row) -> str:
        return str(row.get("name"))

    def checksum_of(self, row: Row) -> t.Any:
        return row.get("hash")

    def link_of(self, row: Row) -> t.Any:
        return row.get("download_url")

    def size_of(self, row: Row) -> int | None:
        return size_in_bytes(row.get("size"))
