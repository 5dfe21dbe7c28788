# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles, which are sets of scopes: what users can do.

Based on /authz2/v1/roles/ of the contract (authz2.yaml). The scopes of a role have a route of their own, which accepts
names and replaces all scopes.

Choice: names are case-sensitive, and two roles with one name are ambiguous.
Choice: PUT replaces all scopes of a role by their names. A scope that the response lacks is an error.
Choice: a tenant can have other scopes than the contract lists, so the name of such a scope is a warning.
Choice: a role with the name of a fixed role is built in. The contract does not say what role_type means.
Choice: Esper can reject the deletion of a role that users have, even with ``force``.
"""

from __future__ import annotations

from ..base.validators import length
from ..model.field import Field, SeparateRoute
from ..model.kind import Guard, Routes, Tenant
from ..model.plain import plain_kind
from .role_planner import RolePlanner
from .user_list import users_with_role

INVITATION_ROLES = ("Enterprise Admin", "Viewer", "Group Admin", "Group Viewer", "Support")
"""The fixed roles of an invitation, which have a name only."""
USER_ROLES = ("Shoonya Admin", "Enterprise Admin", "Enterprise User", "Viewer", "Group Admin", "Group Viewer")
"""The fixed roles of a user."""
FIXED_ROLES = tuple(dict.fromkeys((*INVITATION_ROLES, *USER_ROLES)))

ROLE = plain_kind(
    name="role",
    doc="The scopes of a role determine what the users with the role can do.",
    routes=Routes(list="/authz2/v1/roles/", object="/authz2/v1/roles/{id}"),
    guards=(Guard(users=users_with_role, advice="Assign another role to them first"),),
    planner=RolePlanner,
    tenant=Tenant(is_built_in=lambda row: str(row.get("name")).strip() in FIXED_ROLES),
    fields=(
        Field("id", "ID of the role.", writable=False, sample="1d9b4a70-0b47-4a0e-9a53-5a3c1b8a2f11"),
        Field(
            "name",
            "Name of the role, case-sensitive.",
            identifier=True,
            normalize=str.strip,
            validator=length(1),
            sample="Field technician",
        ),
        Field(
            "description",
            "Description of the role.",
            create_default="",
            sample="Restarts and moves devices",
            changed="Restarts devices",
        ),
        Field(
            "scopes",
            "Names of the scopes, such as V(read:device). Compared without order. An empty list removes all scopes.",
            type="list",
            elements="str",
            list_type="set",
            normalize=lambda scopes: list(dict.fromkeys(scope.strip() for scope in scopes)),
            validator=length(1),
            separate_route=SeparateRoute(
                path="/authz2/v1/roles/{id}/scopes", item_key="name", write_key="scope_names", response_key="scopes"
            ),
            returns="Names of the scopes. Null if they were not read.",
            sample=["read:device", "update:device:group"],
            changed=["read:device"],
        ),
        Field(
            "role_type", "Type of the role. Esper does not document the values.", type="int", writable=False, sample=2
        ),
        Field(
            "organization_type",
            "Type of the organization. Esper does not document the values.",
            type="int",
            writable=False,
            sample=1,
        ),
    ),
)
