# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The export of objects with a file, which the option ``src`` names by its path and ``checksum`` by its bytes."""

from __future__ import annotations

import re
import typing as t
from pathlib import PurePosixPath

from ..base.checksums import algorithm_of
from ..base.row import Row
from ..base.slugs import file_slug, unique_slugs
from ..engine.exporter import ExportedFile, ExportedObject, Exporter
from ..http.download import Download

_SUFFIX = re.compile(r"\.[a-z0-9]{1,16}")


class FileExporter(Exporter):
    """Exports objects with a file. Subclasses are for the objects of one API."""

    def export_each(self, rows: t.Sequence[Row]) -> list[tuple[Row, ExportedObject]]:
        self._paths = self._paths_of(rows)
        return super().export_each(rows)

    def _paths_of(self, rows: t.Sequence[Row]) -> dict[t.Any, str]:
        """Return the path of each file by the ID of its object. Paths differ also if case does not count."""
        names = {row[self.kind.id_key]: self.file_name(row) for row in rows}
        suffixes = {each: PurePosixPath(name).suffix.lower() for each, name in names.items()}
        suffixes = {each: suffix if _SUFFIX.fullmatch(suffix) else "" for each, suffix in suffixes.items()}
        stems = {each: name[: len(name) - len(suffixes[each])] for each, name in names.items()}
        paths = {}
        for suffix in set(suffixes.values()):
            own = {each: stem for each, stem in stems.items() if suffixes[each] == suffix}
            slugs = unique_slugs(own.values(), file_slug, "-")
            paths.update({each: f"{self.kind.tenant_option}/{slugs[stem]}{suffix}" for each, stem in own.items()})
        return paths

    def options_of(self, row: Row, omitted: list[str]) -> Row:
        selectors = {name: value for name, value in self.selectors_of(row).items() if value not in (None, "")}
        options = {**selectors, **super().options_of(row, omitted)}
        checksum = str(self.checksum_of(row) or "").lower()
        if algorithm_of(checksum) is None:
            # An unknown algorithm cannot be verified.
            checksum = ""
        if link := self.link_of(row):
            purpose = f"Downloading the {self.kind.phrase(row)}"
            download = Download(str(link), purpose, self.size_of(row), needs_length=not checksum)
            options["src"] = ExportedFile(
                self._paths[row[self.kind.id_key]], lambda: download, checksum, self.size_of(row)
            )
        elif not checksum:
            omitted.append("src")
        return {**options, **({"checksum": checksum} if checksum else {})}

    # --- of each API --------------------------------------------------------------------------------------------------

    def selectors_of(self, row: Row) -> Row:
        """Return the options that select an object, in addition to the fields."""
        return {}

    def file_name(self, row: Row) -> str:
        """Return the name of the file of an object."""
        raise NotImplementedError

    def checksum_of(self, row: Row) -> t.Any:
        """Return the checksum of the file of an object, None if it is unknown."""
        raise NotImplementedError

    def link_of(self, row: Row) -> t.Any:
        """Return the download link of the file of an object."""
        raise NotImplementedError

    def size_of(self, row: Row) -> int | None:
        """Return the size of the file of an object in bytes, None if it is unknown."""
        return None
