# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the module tenant_app_info, and the download of apps for Apple and Windows."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ..base.checksums import sha256_of
from ..base.errors import InvalidParameter, TransportError
from ..base.row import Params, Row
from ..engine.lookup import lookup_of
from ..http.download import Download
from ..http.parallel import CONCURRENCY, in_parallel
from .app_version_reader import VersionReader
from .downloads import destinations, save
from .linked_file import stored_name
from .tenant_app_list import VERSION, devices_of_version, label_of, latest_of, read_version, settings_of, versions_of
from .tenant_app_package import FORMATS

_SUFFIXES = {"APPLE": ".ipa", "WINDOWS": ".msi"}


class TenantAppReader(VersionReader):
    """Reads and downloads apps for Apple and Windows."""

    with_versions = (*VersionReader.with_versions, "details")

    def read_rows(self, params: Params) -> list[Row]:
        """Return the apps that match all options."""
        package, name, platform = params["package_name"], params["name"], params["platform"]
        if params["id"] is not None:
            row = lookup_of(self.view, self.kind).find_by_id(params["id"])
            return [row] if row else []
        query = {"platform": platform, "package_name": package, "app_name": name}
        rows = self.view.list_objects(self.kind, {key: value for key, value in query.items() if value is not None})
        rows = [row for row in rows if package in (None, row.get("package_name"))]
        if name is None:
            return rows
        return [row for row in rows if any(each.get("app_name") == name for each in self._listed(row))]

    def _listed(self, app: Row) -> list[Row]:
        return versions_of(self.view, app)

    def versions_of(self, app: Row, params: Params) -> list[Row]:
        """Return the versions of an app, with ``details`` with all of their properties."""
        rows = self._listed(app)
        if not params["details"]:
            return rows
        return list(in_parallel(self.view.client, lambda row: read_version(self.view, row), rows, CONCURRENCY))

    def devices_of(self, app: Row, version: Row) -> list[Row]:
        """Return the devices that have a version of an app."""
        return devices_of_version(self.view, version)

    def platform_of(self, app: Row) -> str:
        """Return the platform of an app in the settings of blueprints."""
        return settings_of(app)

    # --- download -----------------------------------------------------------------------------------------------------

    def download(self, params: Params, *, check_mode: bool) -> Row:
        """Download the latest version of each app to ``dest`` if it is set. Raise InvalidParameter if that cannot be
        written."""
        if params["dest"] is None:
            return {}
        versions = [self._latest(app) for app in self.read_rows(params)]
        files = destinations(self.kind, params["dest"], versions, _file_name)
        missing = {file: row for file, row in files.items() if not _is_copy(file, row)}
        for file, row in missing.items() if not check_mode else ():
            self._save(row, file)
        return {"changed": bool(missing), "files": [str(file) for file in files]}

    def _latest(self, app: Row) -> Row:
        rows = self._listed(app)
        if not rows:
            raise InvalidParameter(f"The {self.kind.phrase(app)} has no versions, so it cannot be downloaded.")
        return read_version(self.view, latest_of(rows))

    def _save(self, version: Row, file: Path) -> None:
        purpose = f"Downloading the {self.kind.title} '{label_of(version)}'"

        def check(partial: Path) -> None:
            if version.get("app_sha256_hash") and not _is_copy(partial, version):
                ids = {"app_id": str(version["app_id"]), "id": str(version["id"])}
                raise TransportError(
                    f"{purpose} failed: the downloaded file does not have the checksum that Esper returns.",
                    method="GET",
                    path=self.view.client.target(VERSION, ids),
                )

        link, has_checksum = str(version.get("app_download_url")), bool(version.get("app_sha256_hash"))
        save(self.view.client, Download(link, purpose, needs_length=not has_checksum), file, check)


def _file_name(version: Row) -> str:
    """Return the file name of a version. The suffix is that of its link, if it is valid."""
    suffix = PurePosixPath(stored_name(version.get("app_download_url"))).suffix.lower()
    if suffix not in FORMATS:
        suffix = _SUFFIXES.get(str(version.get("platform")), "")
    return f"{version.get('package_name')}-{version.get('version_name')}{suffix}"


def _is_copy(file: Path, version: Row) -> bool:
    """Return whether a file has the checksum of a version. Without a checksum, it is downloaded again."""
    return file.is_file() and sha256_of(file) == str(version.get("app_sha256_hash")).lower()
