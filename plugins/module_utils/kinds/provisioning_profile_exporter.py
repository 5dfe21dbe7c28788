# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The export of provisioning profiles."""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..http.parallel import CONCURRENCY, in_parallel
from .file_exporter import FileExporter
from .provisioning_profile_versions import versions_of


class ProvisioningProfileExporter(FileExporter):
    """Exports provisioning profiles, each with the version that expires last. A profile without versions is left out,
    because it counts as deleted."""

    def complete(self, rows: list[Row]) -> list[Row]:
        versions = in_parallel(self.view.client, lambda row: versions_of(self.view, row), rows, CONCURRENCY)
        self._latest = {row["id"]: found[0] for row, found in zip(rows, versions, strict=True) if found}
        return [row for row in rows if row["id"] in self._latest]

    def file_name(self, row: Row) -> str:
        return f"{row.get('name')} {row.get('app_identifier') or ''}.mobileprovision"

    def checksum_of(self, row: Row) -> t.Any:
        return self._latest[row["id"]].get("sha256_hash")

    def link_of(self, row: Row) -> t.Any:
        return self._latest[row["id"]].get("download_url")
