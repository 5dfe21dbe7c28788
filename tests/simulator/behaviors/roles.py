# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scopes of roles: /authz2/v1/roles/{role_id}/scopes (authz2.yaml). The roles themselves are derived."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from exchange import Answer, Behavior, Call, found, refuse
from tenant import Tenant

ROLES = "/authz2/v1/roles"

_FIXED = ("Enterprise Admin", "Group Admin", "Group Viewer")


def seed(tenant: Tenant) -> None:
    """The roles that every tenant has."""
    for name in _FIXED:
        role_id = tenant.new_id()
        role = {"id": role_id, "name": name, "description": "", "role_type": 1, "organization_type": 0}
        tenant.objects[ROLES][role_id] = role | {"scopes": ["read:device", "read:group"]}


def list_scopes(tenant: Tenant, call: Call) -> Answer:
    """GET .../scopes: a bare array; a new role has none."""
    return Answer(_scopes(found(tenant.objects[ROLES], call.values["role_id"])))


def set_scopes(tenant: Tenant, call: Call) -> Answer:
    """PUT .../scopes: the names, or the ids, replace all that the role has."""
    role = found(tenant.objects[ROLES], call.values["role_id"])
    names = call.body.get("scope_names", [])
    if "scope_ids" in call.body:
        known = {_scope(name)["id"]: name for other in tenant.objects[ROLES].values() for name in _names(other)}
        for scope_id in call.body["scope_ids"]:
            if scope_id not in known:
                raise refuse("scope_ids", f'Invalid pk "{scope_id}" - object does not exist.')
        names = [*names, *(known[scope_id] for scope_id in call.body["scope_ids"])]
    role["scopes"] = list(dict.fromkeys(names))
    return Answer({"scopes": _scopes(role)})


def _names(role: dict[str, Any]) -> list[str]:
    return list(role.get("scopes", []))


def _scopes(role: dict[str, Any]) -> list[dict[str, Any]]:
    return [_scope(name) for name in _names(role)]


def _scope(name: str) -> dict[str, Any]:
    """A scope; its id follows from its name."""
    about = {"description": "", "scope_type": 0, "organization_type": 0}
    return {"id": str(uuid5(NAMESPACE_URL, f"scope:{name}")), "name": name, **about}


OPERATIONS: dict[str, Behavior] = {
    "GET /authz2/v1/roles/{role_id}/scopes": list_scopes,
    "PUT /authz2/v1/roles/{role_id}/scopes": set_scopes,
}
