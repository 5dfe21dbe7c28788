# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup of users and of invitations, which have the form of a user.

The rows of a lookup differ from those of the API: ``status`` is added, the role in the profile is an object with ID and
name, and the profile of an invitation is the one in its ``meta``.
"""

from __future__ import annotations

import typing as t

from ..base.errors import EsperError, InvalidParameter
from ..base.ids import is_uuid, normal_id
from ..base.limits import FEW_LOOKUPS
from ..base.row import Params, Row
from ..engine.lookup import Lookup, lookup_of
from ..model.conform import to_row, to_text
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape
from ..model.names import Names
from .device_group import DEVICE_GROUP, device_groups
from .device_group_lookup import path_of
from .role import FIXED_ROLES
from .user_list import ACCESS, INVITATIONS, OTHER_IDS
from .user_roles import USER_ROLE

INVITED = "invited"

GROUPS = Names(DEVICE_GROUP, label="path")
ROLES = Names(USER_ROLE)

_ACCESS_GROUPS = f"{ACCESS}/groups"

_INVITATION = Kind(
    name="invitation",
    title="user",
    plural="invitations",
    routes=Routes(list=INVITATIONS, object=f"{INVITATIONS}/{{id}}", name_filter=""),
    shape=Shape.READ_ONLY,
    name_key="email",
    fields=(Field("id", writable=False), Field("email")),
)


class UserLookup(Lookup):
    """Finds users, and the invitations of people who have not joined yet."""

    def task_key(self, params: Params) -> str:
        email = params.get("email")
        return str(normal_id(params["id"])) if email is None else normal_email(email)

    # --- finding ------------------------------------------------------------------------------------------------------

    def find(self, params: Params) -> Row | None:
        """Return the user or the invitation that a task selects. A user who is deleted also has the ID of the
        invitation for the same address, if there is one."""
        if params.get("id") is not None:
            return self.find_by_id(str(params["id"]))
        email = params["email"]
        user = self.one_or_none(self.find_by_name(email), email)
        if user is not None and params.get("state") != "absent":
            return self.account(user)
        invitation = self.one_or_none(self._invitations_for(email), email)
        if user is None:
            return None if invitation is None else self.invited(invitation)
        return {**self.account(user), "invite_id": invitation["id"] if invitation else None}

    def find_by_name(self, name: str) -> list[Row]:
        """Return all users with an email address, which is not case-sensitive."""
        return self._with_email(self.view.candidates_by_name(self.kind, normal_email(name)), name)

    def _invitations_for(self, email: str) -> list[Row]:
        return self._with_email(self.view.candidates_by_name(_INVITATION, normal_email(email)), email)

    @staticmethod
    def _with_email(rows: list[Row], email: str) -> list[Row]:
        return [row for row in rows if normal_email(str(row.get("email"))) == normal_email(email)]

    def find_by_id(self, identifier: str) -> Row | None:
        """Return the user with a number or a UUID, or the invitation with a UUID, or None."""
        identifier = normal_id(identifier.strip())
        if identifier.isdecimal():
            row = (self.view.objects_by_id(self.kind) or {}).get(identifier)
            row = row or self.view.find_object(self.kind, identifier)
            return None if row is None else self.account(row)
        if not is_uuid(identifier):
            raise InvalidParameter(
                f"Invalid ID of a user: '{identifier}'. It must be a number or a UUID. Set email instead."
            )
        for row in self.view.list_objects(self.kind):
            if normal_id(to_row(row.get("profile")).get("authn_user_id")) == identifier:
                return self.account(row)
        found = (row for row in self.list_invitations() if normal_id(row["id"]) == identifier)
        return next((self.invited(row) for row in found), None)

    def lists(self) -> tuple[Kind, ...]:
        return (self.kind, _INVITATION)

    def list_existing(self) -> list[Row]:
        """Return the users, and the invitations of people who have not joined yet."""
        users = self.view.list_objects(self.kind)
        emails = {normal_email(str(row.get("email"))) for row in users}
        invitations = [row for row in self.list_invitations() if normal_email(str(row.get("email"))) not in emails]
        return [*map(self.account, users), *map(self.invited, invitations)]

    def list_invitations(self) -> list[Row]:
        """Return all invitations in API format."""
        return self.view.list_objects(_INVITATION)

    # --- forms --------------------------------------------------------------------------------------------------------

    def account(self, row: Row) -> Row:
        """Return a user in the form of this lookup."""
        profile = to_row(row.get("profile"))
        role = self._role(profile)
        has_all = profile.get("has_all_group_access") if _is_custom(role) else None
        status = INVITED if row.get("invite_id") == row["id"] else status_of(row.get("is_active"))
        return {**row, "profile": {**profile, "role": role, "has_all_group_access": has_all}, "status": status}

    def invited(self, invitation: Row) -> Row:
        """Return an invitation in the form of a user. Esper can omit its role and groups."""
        profile = to_row(to_row(invitation.get("meta")).get("profile"))
        profile = {"groups": [], **profile} if profile else {}
        row = {
            "id": invitation["id"],
            "email": invitation.get("email"),
            "invite_id": invitation["id"],
            "profile": {**profile, "authn_connection_id": invitation.get("connection_id") or None},
        }
        return self.account(t.cast("Row", self.view.typed(self.kind, row)))

    def _role(self, profile: Row) -> Row | None:
        """Return the role in a profile. An ID of a role decides, because Esper does not document what the name is then.

        The name in the profile decides if the ID is that of a fixed role.
        """
        if isinstance(profile.get("role"), dict):
            return t.cast("Row", profile["role"])
        role_id = profile.get("authz_role_id")
        if role_id:
            self.view.preload(USER_ROLE)
            name = lookup_of(self.view, USER_ROLE).names_of([role_id]).get(role_id)
            identifier = name if name in FIXED_ROLES else role_id
            return {"id": identifier, "name": name}
        fixed = to_text(profile.get("role"))
        return {"id": fixed, "name": fixed} if fixed else None

    # --- access -------------------------------------------------------------------------------------------------------

    def user_id_of(self, row: Row) -> str | None:
        """Return the UUID of a user, None if there is none. Users that Esper created long ago can lack it."""
        if user_id := to_row(row.get("profile")).get("authn_user_id"):
            return str(user_id)
        purpose = f"Reading the UUID of the {self.kind.phrase(row)}"
        rows = self.view.list_at(
            OTHER_IDS, {"legacy_user_id": row["id"]}, page_size=None, key="user_id", purpose=purpose
        )
        found = (each for each in rows if str(each.get("legacy_user_id", row["id"])) == str(row["id"]))
        return next((str(each["user_id"]) for each in found), None)

    def required_user_id(self, row: Row) -> str:
        """Return the UUID of a user. Raise EsperError if there is none."""
        user_id = self.user_id_of(row)
        if user_id is None:
            raise EsperError(
                f"Esper returned no UUID for the {self.kind.phrase(row)}, so the module cannot read or change its role"
                " and groups."
            )
        return user_id

    def with_access(self, row: Row, *, sub_groups: bool = False) -> Row:
        """Return a user with the groups of the route that also changes them. ``sub_groups`` adds the groups below."""
        ids, purpose = {"user_id": self.required_user_id(row)}, f"Reading the groups of the {self.kind.phrase(row)}"
        if sub_groups:
            query = {"sub_groups": True}
            access = self.view.client.get(_ACCESS_GROUPS, ids=ids, query=query, purpose=purpose)
        else:
            access = self.view.value_at(_ACCESS_GROUPS, ids, purpose=purpose)
        group_ids = access.get("group_ids") if isinstance(access, dict) else None
        if not isinstance(group_ids, list) or not all(isinstance(each, str) for each in group_ids):
            raise EsperError(f"{purpose} failed: Esper returned an unexpected value.")
        profile = to_row(row.get("profile"))
        known = {each.id: {"id": each.id, "path": each.label} for each in GROUPS.objects(profile.get("groups"))}
        groups = [known.get(normal_id(each), {"id": normal_id(each)}) for each in dict.fromkeys(group_ids)]
        has_all = access.get("has_all_group_access")
        shown = has_all if _is_custom(profile.get("role")) else None
        return {
            **row,
            "profile": {**profile, "groups": groups, "has_all_group_access": shown},
            "has_all_group_access": has_all,
        }

    def with_group_paths(self, row: Row, known: t.Container[t.Any] = ()) -> Row:
        """Return a user with the paths of its groups. Responses can have their IDs only. ``known`` are the groups whose
        paths are not needed."""
        profile = to_row(row.get("profile"))
        groups = GROUPS.objects(profile.get("groups"))
        unnamed = sorted({str(each.id) for each in groups if each.label is None and each.id not in known})
        if not unnamed:
            return row
        lookup = device_groups(self.view)
        if len(unnamed) > FEW_LOOKUPS or self.view.objects_by_id(DEVICE_GROUP) is not None:
            names = lookup.names_of(unnamed)
        else:
            found = [group for each in unnamed if (group := self._group(each)) is not None]
            names = {str(group["id"]): path_of(group) for group in found}
        named = [{"id": each.id, "path": each.label or names.get(str(each.id))} for each in groups]
        return {**row, "profile": {**profile, "groups": named}}

    def _group(self, identifier: str) -> Row | None:
        return device_groups(self.view).find_by_id(identifier) if is_uuid(identifier) else None


def _is_custom(role: t.Any) -> bool:
    """Return whether a role in the form of the lookup is a custom role. Only these can have access to all groups."""
    return isinstance(role, dict) and role.get("id") not in FIXED_ROLES


def status_of(is_active: t.Any) -> str | None:
    """Return the status of a user, None if it is not known."""
    return None if is_active is None else "active" if is_active else "inactive"


def normal_email(email: str) -> str:
    """Return an email address in the form in which the collection compares, sends and returns it."""
    return email.strip().lower()
