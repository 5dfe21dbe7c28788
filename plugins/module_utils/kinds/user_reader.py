# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading users and invitations for user_info."""

from __future__ import annotations

import functools

from ..base.row import Params, Row
from ..engine.lookup import learn_names, lookup_of
from ..engine.reader import Reader
from ..http.parallel import CONCURRENCY, in_parallel
from .user_list import USER_ROUTES
from .user_lookup import INVITED, ROLES, UserLookup
from .user_roles import USER_ROLE


class UserReader(Reader):
    """Reads users and invitations."""

    @property
    def _lookup(self) -> UserLookup:
        return UserLookup(self.view, self.kind)

    def get_info(self, params: Params) -> Row:
        lookup = self._lookup
        is_one = params.get("id") is not None or params.get("email") is not None
        if is_one:
            row = lookup.find(params)
            rows = [row] if row else []
        else:
            rows = [lookup.account(row) for row in self._list_users(params)]
            rows += [lookup.invited(row) for row in lookup.list_invitations()] if params["invites"] else []
        rows = [row for row in rows if params["invites"] or row["status"] != INVITED]
        if params.get("role") is not None:
            role = str(lookup_of(self.view, USER_ROLE).resolve(params["role"])["id"])
            rows = [row for row in rows if role in {each.id for each in ROLES.objects(row["profile"]["role"])}]
        if is_one or params["subgroups"]:
            rows = self._with_access(rows, sub_groups=params["subgroups"])
        learn_names(self.view, self.kind.fields, rows)
        return {self.kind.plural: [self.view.with_names(self.kind, self.kind.to_result(row)) for row in rows]}

    def _list_users(self, params: Params) -> list[Row]:
        if not params["system"]:
            return self.view.list_objects(self.kind)
        return self.view.list_at(
            USER_ROUTES.list, kind=self.kind, concurrency=CONCURRENCY, purpose=self.kind.purpose_of_list
        )

    def _with_access(self, rows: list[Row], *, sub_groups: bool) -> list[Row]:
        """Return users with the groups of the route that also changes them, and invitations as they are."""
        read = functools.partial(self._lookup.with_access, sub_groups=sub_groups)
        users = [row for row in rows if row["status"] != INVITED]
        complete = iter(in_parallel(self.view.client, read, users, CONCURRENCY))
        return [row if row["status"] == INVITED else next(complete) for row in rows]
