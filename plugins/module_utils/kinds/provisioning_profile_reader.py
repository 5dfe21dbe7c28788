# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the module provisioning_profile_info, and the download of provisioning profiles."""

from __future__ import annotations

from pathlib import Path

from ..base.checksums import sha256_of
from ..base.errors import InvalidParameter, TransportError
from ..base.row import Params, Row
from ..base.text import composed
from ..engine.reader import Reader
from ..http.client import Query
from ..http.download import Download
from .downloads import destinations, save
from .provisioning_profile_versions import versions_of

_FILTERS = {"app_identifier": "app_identifier", "profile_type": "profile_type", "team_id": "team_id"}
_EXTENSION = ".mobileprovision"


class ProvisioningProfileReader(Reader):
    """Reads and downloads provisioning profiles."""

    def read_rows(self, params: Params) -> list[Row]:
        """Return the profiles that match all options."""
        if params.get("id") is not None:
            return super().read_rows(params)
        rows = self.view.list_objects(self.kind, self.query(params))
        name, days = params.get("name"), params.get("expiring_within")
        wanted = composed(name or "").strip()
        rows = [row for row in rows if name is None or composed(str(row.get("name"))).strip() == wanted]
        return [row for row in rows if days is None or ((left := row.get("days_left")) is not None and left < days)]

    def query(self, params: Params) -> Query | None:
        """Return the query of the list for the filters that a task sets, None if it sets none."""
        values = {key: params[option] for option, key in _FILTERS.items() if params.get(option) is not None}
        return values or None

    def download(self, params: Params, *, check_mode: bool) -> Row:
        """Download the profiles to ``dest`` if it is set. Raise InvalidParameter if that cannot be written."""
        if params.get("dest") is None:
            return {}
        files = destinations(self.kind, params["dest"], self.read_rows(params), _file_name)
        versions = {file: self._latest(row) for file, row in files.items()}
        differing = [file for file, version in versions.items() if not _is_copy(file, version)]
        for file in differing if not check_mode else ():
            self._save(files[file], versions[file], file)
        return {"changed": bool(differing), "files": [str(file) for file in files]}

    def _latest(self, profile: Row) -> Row:
        rows = versions_of(self.view, profile)
        if not rows:
            raise InvalidParameter(f"The {self.kind.phrase(profile)} has no versions, so it cannot be downloaded.")
        return rows[0]

    def _save(self, profile: Row, version: Row, file: Path) -> None:
        purpose = f"Downloading the {self.kind.phrase(profile)}"

        def check(partial: Path) -> None:
            if sha256_of(partial) != str(version.get("sha256_hash")).lower():
                raise TransportError(
                    f"{purpose} failed: the downloaded file does not have the SHA-256 checksum that Esper returns.",
                    method="GET",
                    path=self.view.client.target(self.kind.routes.object, {"id": str(profile["id"])}),
                )

        save(self.view.client, Download(str(version.get("download_url")), purpose), file, check)


def _file_name(profile: Row) -> str:
    return f"{profile.get('name')}{_EXTENSION}"


def _is_copy(file: Path, version: Row) -> bool:
    return file.is_file() and sha256_of(file) == str(version.get("sha256_hash")).lower()
