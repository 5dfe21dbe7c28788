# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles, which are sets of scopes: what users can do.

Rests on /authz2/v1/roles/ of the contract (authz2.yaml). The scopes of a role have a route of their own, which takes
names and replaces all of them. Choices where the contract is silent: names of roles are compared exactly; two roles of
one name are ambiguous. No list of all scopes exists, so names of scopes are not validated; a scope that Esper does not
store is an error after the change.
"""

from __future__ import annotations

import typing as t

from ..base.errors import EsperError
from ..base.row import Row
from ..base.validators import length
from ..model.field import Field, Separate
from ..model.kind import Guard, Routes
from ..model.plain import plain_kind


def _users(view: t.Any, role: Row) -> list[str]:
    """Return the users with a role, each as part of a sentence (GET /user/, legacy.yaml)."""
    rows = view.list_at("/user/", purpose="Reading the users")
    if any(not isinstance(row.get("profile") or {}, dict) for row in rows):
        raise EsperError("Reading the users failed: Esper returned a profile of an unexpected type.")
    holders = [row for row in rows if (row.get("profile") or {}).get("authz_role_id") == role["id"]]
    return [f"the user '{row.get('email') or row.get('username')}'" for row in holders]


ROLE = plain_kind(
    name="role",
    doc="The scopes of a role determine what the users with the role can do.",
    routes=Routes(list="/authz2/v1/roles/", object="/authz2/v1/roles/{id}"),
    guards=(Guard(users=_users, advice="Assign another role to them first"),),
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
            "Names of the scopes, such as V(read:device). An empty list removes all scopes. Compared without order.",
            type="list",
            elements="str",
            list_type="set",
            validator=length(1),
            separate=Separate(
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
