# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of users, for other kinds too, and the user of the API key.

Choice: the list also has an account for each device and for Google. The query excludes them, as Esper's own tool does.
If Esper rejects the query, the list is read with them.
"""

from __future__ import annotations

import typing as t

from ..base.errors import EsperError
from ..base.ids import normal_id
from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..model.conform import to_row
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape, Users

INVITATIONS = "/authn2/v0/tenant/{enterprise_id}/invite"
ACCESS = "/authz2/v1/users/{user_id}"
OTHER_IDS = "/authn2/v1/users/"

USER_ROUTES = Routes(
    list="/user/",
    object="/user/{id}/",
    name_filter="",
    list_query={"exclude_google_roles": True, "exclude_enterprise_device_role": True},
    extra_prefixes=(INVITATIONS, ACCESS.partition("{")[0], OTHER_IDS),
)

TOKENS = (
    Field("token", secret=True, writable=False),
    Field("emm_token", api="emm.authentication_token.token", secret=True, writable=False),
)
"""The tokens in responses. They give access, so they are never shown."""

USERS = Kind(
    name="user",
    title="user",
    plural="users",
    routes=USER_ROUTES,
    shape=Shape.READ_ONLY,
    name_key="email",
    fields=(Field("id", writable=False), Field("email"), *TOKENS),
)
"""Users by ID and email address (/user/, legacy.yaml), for other kinds. The kind with all fields is USER."""


def users_with_role(view: TenantView, role: Row) -> Users:
    """Return the users who have a custom role. Raise EsperError if the role of a user cannot be read."""
    users, former, role_id = [], [], normal_id(role["id"])
    planned = {str(row["id"]): row for row in view.planned(USERS)}
    for row in view.list_objects(USERS):
        has_role = role_id_of(row) == role_id
        plan = planned.pop(str(row["id"]), None)
        if not view.is_deleted(USERS, row["id"]) and (has_role if plan is None else role_id_of(plan) == role_id):
            users.append(row)
        elif has_role:
            former.append((USERS, row["id"]))
    users += [row for row in planned.values() if role_id_of(row) == role_id]
    return Users(tuple(f"the user '{row.get('email') or row.get('username')}'" for row in users), tuple(former))


def role_id_of(row: Row) -> t.Any:
    """Return the ID of the custom role of a user. Raise EsperError if it cannot be read."""
    profile = row.get("profile")
    if profile is not None and not isinstance(profile, dict):
        raise EsperError("Reading the users failed: Esper returned a profile of an unexpected type.")
    return normal_id(to_row(profile).get("authz_role_id"))


def is_own_user(view: TenantView, row: Row) -> bool:
    """Return whether the API key of the task belongs to a user."""
    own = view.get_at("/user_info/", kind=USERS, purpose="Reading the user of the API key")
    own_uuid, uuid = (normal_id(to_row(each.get("profile")).get("authn_user_id")) for each in (own, row))
    return str(own.get("id")) == str(row.get("id")) or bool(uuid and own_uuid == uuid)
