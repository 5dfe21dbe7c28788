# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the module content_info, and the download of content files."""

from __future__ import annotations

from pathlib import Path

from ..base.checksums import algorithm_of
from ..base.errors import InvalidParameter, TransportError
from ..base.row import Params, Row
from ..engine.lookup import lookup_of
from ..engine.reader import Reader
from ..http.download import Download
from .content_file import has_bytes_of, size_in_bytes
from .downloads import destinations, save


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
        rows = self._select_contents(params)
        try:
            files = destinations(self.kind, params["dest"], rows, lambda row: str(row.get("name")))
            missing = {file: row for file, row in files.items() if not (file.is_file() and has_bytes_of(row, file))}
        except OSError as error:
            raise InvalidParameter(f"Cannot read '{params['dest']}': {error.strerror}.") from None
        if not params["allow_unverified"]:
            _check_algorithms(rows)
        for file, row in missing.items() if not check_mode else ():
            self._download_file(row, file, needs_length=not params["allow_unverified"])
        return {"changed": bool(missing), "files": [str(file) for file in files]}

    def _download_file(self, row: Row, file: Path, *, needs_length: bool) -> None:
        purpose = f"Downloading the {self.kind.phrase(row)}"
        size = size_in_bytes(row.get("size"))
        download = Download(
            str(row.get("download_url")), purpose, size, needs_length and size is None and not row.get("hash")
        )

        def check(partial: Path) -> None:
            if not has_bytes_of(row, partial):
                raise TransportError(
                    f"{purpose} failed: the downloaded file does not have the size and checksum that Esper returns"
                    f" ({row.get('size')} bytes, {row.get('hash')}).",
                    method="GET",
                    path=self.view.client.target(self.kind.routes.object, {"id": str(row[self.kind.id_key])}),
                )

        save(self.view.client, download, file, check)


def _check_algorithms(rows: list[Row]) -> None:
    """Raise InvalidParameter if a content file has a checksum of an unknown algorithm."""
    unknown = [str(row["id"]) for row in rows if row.get("hash") and algorithm_of(str(row["hash"])) is None]
    if unknown:
        raise InvalidParameter(
            f"Cannot verify the downloads, because the checksums of these content files have an unknown algorithm:"
            f" {', '.join(unknown)}. Set allow_unverified to true to download them anyway."
        )
