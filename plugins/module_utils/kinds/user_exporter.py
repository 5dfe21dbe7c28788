# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The export of users and invitations."""

from __future__ import annotations

from ..base.row import Row
from ..engine.exporter import Exporter
from ..http.parallel import CONCURRENCY, in_parallel
from .user_lookup import INVITED, UserLookup

# What only a new user has.
_CREATE_ONLY = ("username", "password")


class UserExporter(Exporter):
    """Exports users with the groups of the route that also changes them, and invitations."""

    def complete(self, rows: list[Row]) -> list[Row]:
        lookup = UserLookup(self.view, self.kind)

        def read(row: Row) -> Row:
            return row if row["status"] == INVITED else lookup.with_access(row)

        return list(in_parallel(self.view.client, read, rows, CONCURRENCY))

    def options_of(self, row: Row, omitted: list[str]) -> Row:
        options = super().options_of(row, omitted)
        if row["status"] == INVITED and row["profile"].get("authn_connection_id"):
            omitted.append("connection")
        return {name: value for name, value in options.items() if name not in _CREATE_ONLY}
