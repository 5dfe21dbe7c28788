# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The export of pictures. Esper returns no checksums, so each picture is downloaded to compute its own."""

from __future__ import annotations

import typing as t
from pathlib import PurePosixPath

from ..base.row import Row
from ..http.parallel import CONCURRENCY, in_parallel
from .file_exporter import FileExporter
from .linked_file import file_name
from .picture import PictureKind
from .picture_lookup import PictureLookup


class PictureExporter(FileExporter):
    """Exports the pictures of a tenant, without those that Esper supplies."""

    kind: PictureKind
    lookup: PictureLookup

    def complete(self, rows: list[Row]) -> list[Row]:
        rows = [row for row in super().complete(rows) if self.kind.is_own(row)]
        # The view keeps the checksums.
        for _checksum in in_parallel(self.view.client, self.lookup.checksum_of, rows, CONCURRENCY):
            pass
        return rows

    def selectors_of(self, row: Row) -> Row:
        return {"name": self.kind.name_of(row)} if self.kind.has_file_name else {}

    def file_name(self, row: Row) -> str:
        link = file_name(self.link_of(row))
        suffix = PurePosixPath(link).suffix
        name = link.removesuffix(suffix) if self.kind.has_file_name else self.kind.name_of(row)
        scope = [str(row.get(each)) for each in self.kind.scope if each != self.kind.name_key]
        return f"{' '.join([name, *scope])}{suffix}"

    def checksum_of(self, row: Row) -> t.Any:
        return self.lookup.checksum_of(row)

    def link_of(self, row: Row) -> t.Any:
        return self.lookup.link_of(row)
