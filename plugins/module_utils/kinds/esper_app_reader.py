# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the module esper_app_info."""

from __future__ import annotations

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.validators import in_range
from ..engine.reader import Reader
from ..http.parallel import CONCURRENCY, in_parallel

_VERSION = "/v2/esper-apps/{app_id}/versions/{id}"
_number_of_versions = in_range(1)


class EsperAppReader(Reader):
    """Reads the versions of Esper's own apps, those with the highest version codes first."""

    def read_rows(self, params: Params) -> list[Row]:
        """Return the versions that match all filters."""
        limit = params["limit"]
        if limit is not None and (error := _number_of_versions(limit)):
            raise InvalidParameter(f"The option limit {error}.")
        return sorted(self.view.list_objects(self.kind, self.query(params)), key=_code_of, reverse=True)[:limit]

    def complete(self, rows: list[Row], params: Params) -> list[Row]:
        """Return the versions, with ``details`` with all of their properties."""
        return list(in_parallel(self.view.client, self._read, rows, CONCURRENCY)) if params["details"] else rows

    def _read(self, row: Row) -> Row:
        if row.get("app_id") is None:
            return row
        ids = {"app_id": str(row["app_id"]), "id": str(row["app_version_id"])}
        purpose = f"Reading the {self.kind.title} '{row.get('package_name') or row['app_id']}'"
        return {**self.view.get_at(_VERSION, ids, purpose=purpose), **row}


def _code_of(row: Row) -> tuple[int, str]:
    """Return the version code as a number, and the time of the release for versions without a code."""
    code = str(row.get("version_code"))
    return int(code) if code.isdecimal() and len(code) < 20 else -1, str(row.get("created_at") or "")
