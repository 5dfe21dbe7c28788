# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of _info modules about pictures, and the download of pictures."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ..base.checksums import sha256_of
from ..base.row import Params, Row
from ..engine.reader import Reader
from ..http.download import Download
from .downloads import destinations, save
from .linked_file import file_name
from .picture import PictureKind
from .picture_lookup import PictureLookup

if t.TYPE_CHECKING:
    from ..engine.tenant_view import TenantView


class PictureReader(Reader):
    """Reads and downloads pictures."""

    kind: PictureKind

    def __init__(self, view: TenantView, kind: PictureKind) -> None:
        super().__init__(view, kind)
        self._lookup = PictureLookup(view, kind)

    def read_rows(self, params: Params) -> list[Row]:
        """Return the pictures that match all options."""
        if params.get("id") is not None:
            row = self._lookup.find_by_id(str(params["id"]))
            return [row] if row else []
        rows = self.view.list_objects(self.kind, self.query(params))
        if params.get("name") is not None:
            rows = self._lookup.named(rows, params)
        # A filter of the list need not be exact.
        fields = [field for field in self.kind.fields if params.get(field.name) is not None and field.name != "name"]
        return [row for row in rows if all(row.get(field.api_name) == params[field.name] for field in fields)]

    def download(self, params: Params, *, check_mode: bool) -> Row:
        """Download the pictures to ``dest`` if it is set. Raise InvalidParameter if that cannot be written."""
        if params.get("dest") is None:
            return {}
        files = destinations(
            self.kind, params["dest"], self.read_rows(params), lambda row: file_name(self._lookup.link_of(row))
        )
        differing = {file: row for file, row in files.items() if not self._is_copy(row, file)}
        for file, row in differing.items() if not check_mode else ():
            download = Download(str(self._lookup.link_of(row)), f"Downloading the {self.kind.phrase(row)}")
            save(self.view.client, download, file, _accept)
        return {"changed": bool(differing), "files": [str(file) for file in files]}

    def _is_copy(self, row: Row, file: Path) -> bool:
        return file.is_file() and self._lookup.checksum_of(row) == sha256_of(file)


def _accept(_file: Path) -> None:
    """Accept a download, because Esper returns neither size nor checksum of a picture."""
