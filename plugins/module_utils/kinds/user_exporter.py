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

    def preload(self) -> None:
        super().preload()
        UserLookup(self.view, self.kind).list_invitations()

    def rows(self) -> list[Row]:
        lookup = UserLookup(self.view, self.kind)
        users = [lookup.account(row) for row in self.existing()]
        invitations = [lookup.invited(row) for row in lookup.list_invitations()]
        return [*in_parallel(self.view.client, lookup.with_access, users, CONCURRENCY), *invitations]

    def options_of(self, row: Row, omitted: list[str]) -> Row:
        options = super().options_of(row, omitted)
        if row["status"] == INVITED and row["profile"].get("authn_connection_id"):
            omitted.append("connection")
        return {name: value for name, value in options.items() if name not in _CREATE_ONLY}
