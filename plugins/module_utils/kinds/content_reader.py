# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the module content_info, and the download of content files."""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path

from ..base.errors import InvalidParameter, TransportError
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.lookup import lookup_of
from ..engine.reader import Reader
from .content_file import flaw_of_name, has_bytes_of


class ContentReader(Reader):
    """Reads and downloads content files."""

    def get_info(self, params: Params) -> Row:
        """Return the content files that match all options."""
        return {self.kind.plural: [self.kind.to_result(row) for row in self._select_contents(params)]}

    def _select_contents(self, params: Params) -> list[Row]:
        if params["id"] is not None:
            row = lookup_of(self.view, self.kind).find_by_id(str(params["id"]))
            return [row] if row else []
        query = {"search": params["search"]} if params["search"] else {}
        return [
            row
            for row in self.view.list_objects(self.kind, query)
            if params["name"] in (None, row.get("name"))
            and (params["tag"] is None or params["tag"] in (row.get("tags") or ()))
        ]

    def download(self, params: Params, *, check_mode: bool) -> Row:
        """Download the content files to ``dest`` if it is set. Raise InvalidParameter if that cannot be written."""
        if params["dest"] is None:
            return {}
        dest, rows = Path(params["dest"]), self._select_contents(params)
        try:
            files = _destinations(dest, rows)
            missing = {file: row for file, row in files.items() if not (file.is_file() and has_bytes_of(row, file))}
        except OSError as error:
            raise InvalidParameter(f"Cannot read '{dest}': {error.strerror}.") from None
        for file, row in missing.items() if not check_mode else ():
            self._download_file(row, file)
        return {"changed": bool(missing), "files": [str(file) for file in files]}

    def _download_file(self, row: Row, file: Path) -> None:
        """Write the bytes of a content file to a file, which never holds only a part of them."""
        purpose = f"Downloading the {self.kind.phrase(row)}"
        partial = file.with_name(f".{uuid.uuid4().hex}.part")
        try:
            with partial.open("xb") as handle:
                self.view.client.download(str(row.get("download_url")), handle, purpose=purpose)
            if not has_bytes_of(row, partial):
                raise TransportError(
                    f"{purpose} failed: the downloaded file does not have the size and checksum that Esper returns"
                    f" ({row.get('size')} bytes, {row.get('hash')}).",
                    method="GET",
                    path=self.view.client.target(self.kind.routes.object, {"id": str(row[self.kind.id_key])}),
                )
            partial.replace(file)
        except OSError as error:
            raise InvalidParameter(f"Cannot write '{file}': {error.strerror}.") from None
        finally:
            with contextlib.suppress(OSError):
                partial.unlink()


def _destinations(dest: Path, rows: list[Row]) -> dict[Path, Row]:
    """Return the destination of each content file: the one file, or its name in the directory. The name is not
    trusted."""
    if not dest.is_dir():
        if len(rows) != 1:
            raise InvalidParameter(
                f"Cannot download to the file '{dest}': {counted(len(rows), 'content file')} match, not one. Select one"
                " content file, or set dest to a directory."
            )
        return {dest: rows[0]}
    destinations: dict[Path, Row] = {}
    for row in rows:
        name = str(row.get("name"))
        file = dest / name
        if flaw_of_name(name):
            raise InvalidParameter(
                f"Invalid file name '{name}' of the content file {row['id']}. Set dest to the path of a file."
            )
        if file in destinations:
            raise InvalidParameter(
                f"The content files {destinations[file]['id']} and {row['id']} have the same name '{name}'."
                " Download them by ID."
            )
        destinations[file] = row
    return destinations
