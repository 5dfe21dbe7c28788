# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The export of the versions of apps, for apps of all platforms.

Choice: an export has all versions, also those that no blueprint uses. Otherwise, ``prune`` would delete them, and
another tenant would lack the versions that only commands install.
"""

from __future__ import annotations

import typing as t
from pathlib import PurePosixPath

from ..base.row import Row
from ..http.parallel import CONCURRENCY, in_parallel
from .app_list import app_of
from .app_lookup import AppVersionLookup
from .file_exporter import FileExporter
from .linked_file import stored_name
from .tenant_app_list import read_version
from .tenant_app_package import FORMATS

_SUFFIXES = {"APPLE": ".ipa", "WINDOWS": ".msi"}


class AppVersionExporter(FileExporter):
    """Exports versions of Android apps. Those of one app are read with one request, because the list of all apps has
    some of their properties only."""

    lookup: AppVersionLookup

    def complete(self, rows: list[Row]) -> list[Row]:
        apps = {row["app_id"]: app_of(row) for row in rows}
        found = in_parallel(self.view.client, self.lookup.whole_versions_of, apps.values(), CONCURRENCY)
        whole = {row["id"]: row for versions in found for row in versions}
        return [{**row, **whole.get(row["id"], {})} for row in rows]

    def options_of(self, row: Row, omitted: list[str]) -> Row:
        options = super().options_of(row, omitted)
        # An app has one default version, so no other version needs the option.
        return {name: value for name, value in options.items() if (name, value) != ("default", False)}

    def selectors_of(self, row: Row) -> Row:
        record = self.kind.to_result(row)
        return {name: record[name] for name in ("package_name", "version_name", "version_code")}

    def file_name(self, row: Row) -> str:
        return f"{_stem(self.selectors_of(row))}.apk"

    def checksum_of(self, row: Row) -> t.Any:
        return row.get("hash_string")

    def link_of(self, row: Row) -> t.Any:
        return row.get("app_file") or row.get("download_url")


class TenantAppExporter(FileExporter):
    """Exports versions of apps for Apple and Windows. Their list has neither checksums nor links."""

    def complete(self, rows: list[Row]) -> list[Row]:
        def read(row: Row) -> Row:
            return read_version(self.view, row, self.kind)

        return list(in_parallel(self.view.client, read, rows, CONCURRENCY))

    def selectors_of(self, row: Row) -> Row:
        record = self.kind.to_result(row)
        return {name: record[name] for name in ("platform", "package_name", "version_name", "version_code")}

    def file_name(self, row: Row) -> str:
        suffix = PurePosixPath(stored_name(self.link_of(row))).suffix.lower()
        suffix = suffix if suffix in FORMATS else _SUFFIXES.get(str(row.get("platform")), "")
        return f"{_stem({**self.selectors_of(row), 'platform': None})}{suffix}"

    def checksum_of(self, row: Row) -> t.Any:
        return row.get("app_sha256_hash")

    def link_of(self, row: Row) -> t.Any:
        return row.get("app_download_url")


def _stem(selectors: Row) -> str:
    return "-".join(str(value) for value in selectors.values() if value is not None)
