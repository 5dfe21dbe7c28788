# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles of users: fixed roles, which have a name only, and custom roles, which have an ID.

Choice: the contract lists other fixed roles for an invitation than for a user. A role that the necessary request does
not accept is an error. If a custom role has the name of a fixed role, the name means the fixed role.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..base.errors import NotFound
from ..base.row import Row
from ..base.text import composed
from ..engine.lookup import Lookup
from ..model.names import NamedObject
from .role import FIXED_ROLES, ROLE

CUSTOM = "AuthZ Role User"
"""The role in API format of a user with a custom role."""

GROUP_ROLES = ("Group Admin", "Group Viewer")
"""The fixed roles that need device groups."""


class UserRoleLookup(Lookup):
    """Finds fixed roles by name, and custom roles by name or ID. The ID of a fixed role is its name."""

    def resolve(self, name: str) -> Row:
        fixed = composed(name).strip()
        if fixed in FIXED_ROLES:
            return {"id": fixed, "name": fixed}
        try:
            return super().resolve(name)
        except NotFound:
            custom = map(self.kind.name_of, self.view.list_objects(self.kind))
            raise NotFound(self.kind.title, name, (*FIXED_ROLES, *custom)) from None

    def prefetch(self, texts: t.Collection[str]) -> None:
        super().prefetch([text for text in texts if text.strip() not in FIXED_ROLES])

    def names_of(self, ids: t.Collection[str]) -> dict[str, str]:
        custom = [each for each in ids if each not in FIXED_ROLES]
        return {each: each for each in ids if each in FIXED_ROLES} | (super().names_of(custom) if custom else {})


USER_ROLE = replace(ROLE, module=None, info_module=None, lookup=UserRoleLookup)
"""The kind of the roles of users."""


def is_custom(role: NamedObject) -> bool:
    """Return whether a role is a custom role."""
    return role.id not in FIXED_ROLES
