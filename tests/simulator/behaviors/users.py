# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users and invitations: /user/ (legacy.yaml), /authn2/.../invite (authn2.yaml), /authz2/v1/users/ (authz2.yaml).

Users are the same at all paths, and mostly derived. The list also has an account for each device.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from derived import Shown
from exchange import Answer, Behavior, Call, apps_list, found, legacy_list, not_found, refuse
from tenant import Tenant, moment

from behaviors.roles import ROLES

USERS = "/user"
INVITATIONS = "/authn2/v0/tenant/{enterprise_id}/invite"

_DEVICE_ACCOUNTS = 1000
_FIRST_DEVICE_ACCOUNT = 500_000
_DEVICE_ROLE, _GOOGLE_ROLE = "Enterprise Device", "Google User"
_CUSTOM = "AuthZ Role User"
# What reading shows of a user with a custom role.
_SHOWN_FOR_CUSTOM = "Enterprise User"
_NEED_GROUPS = ("Group Admin", "Group Viewer")
# Properties of the profile that /authz2/ sets by themselves.
_OF_PROFILE = ("authz_role_id", "role", "groups", "can_factory_reset", "has_all_group_access")
# Properties of a user in the list.
_LISTED = (
    *("id", "username", "email", "first_name", "last_name", "full_name", "is_staff", "is_superuser", "is_active"),
    *("profile", "emm", "last_login", "token", "has_emm"),
)


def seed(tenant: Tenant) -> None:
    """An account for each device of a large fleet, and one of Google. No invitation."""
    tenant.objects[USERS].update((key, dict(user)) for key, user in _accounts(tenant.settings.enterprise_id).items())


@functools.lru_cache(maxsize=1)
def _accounts(enterprise_id: str) -> dict[str, dict[str, Any]]:
    """The accounts that are no persons. Each tenant has copies."""
    names = [(_DEVICE_ROLE, f"device-{number:04}") for number in range(1, _DEVICE_ACCOUNTS + 1)]
    accounts = {}
    for number, (role, name) in enumerate([*names, (_GOOGLE_ROLE, "google-enterprise")], _FIRST_DEVICE_ACCOUNT):
        profile = {"role": role, "enterprise": enterprise_id, "is_customer": False, "can_factory_reset": False}
        accounts[str(number)] = {
            "id": number,
            "user_id": _user_id(number),
            "username": name,
            "email": f"{name}@accounts.invalid",
            "first_name": name,
            "last_name": "",
            "is_staff": False,
            "is_superuser": False,
            "is_active": True,
            "last_login": moment(0),
            "has_emm": False,
            "profile": {**profile, "created_on": moment(0), "updated_on": moment(0), "groups": []},
        }
    return accounts


def list_users(tenant: Tenant, call: Call) -> Answer:
    """GET /user/: persons, and accounts of devices and of Google unless the query excludes them."""
    excluded = {
        role
        for name, role in (("exclude_enterprise_device_role", _DEVICE_ROLE), ("exclude_google_roles", _GOOGLE_ROLE))
        if call.query.get(name, "").lower() == "true"
    }
    users = [user for user in tenant.objects[USERS].values() if user["profile"].get("role") not in excluded]
    return legacy_list(call, users, lambda user: _only(completed(tenant, user), _LISTED))


def list_groups(tenant: Tenant, call: Call) -> Answer:
    """GET /authz2/v1/users/{user_id}/groups: `sub_groups` adds those below."""
    profile = _found(tenant, call)["profile"]
    groups = [group for group in profile.get("groups", ()) if group in tenant.groups]
    if call.query.get("sub_groups", "").lower() == "true":
        groups += [below.id for group in groups for below in tenant.descendants(group) if below.id not in groups]
    return Answer({"group_ids": groups, "has_all_group_access": bool(profile.get("has_all_group_access"))})


def set_access(tenant: Tenant, call: Call) -> Answer:
    """PUT /authz2/v1/users/{user_id}: what the body omits is emptied."""
    user, body = _found(tenant, call), call.body
    access = _access(tenant, body, "", has_all=bool(body.get("has_all_group_access")))
    profile = {name: value for name, value in user["profile"].items() if name not in _OF_PROFILE}
    user["profile"] = {**profile, **access, "can_factory_reset": bool(body.get("can_factory_reset"))}
    user["profile"]["updated_on"] = tenant.now()
    shown = _only(completed(tenant, user), (*_LISTED, "is_email_verified"))
    # As the contract of this path has it.
    profile = {name: value for name, value in shown["profile"].items() if name != "has_all_group_access"}
    return Answer({**shown, "profile": {**profile, "enterprise": tenant.settings.enterprise_id}})


def list_invitations(tenant: Tenant, call: Call) -> Answer:
    """GET .../invite: 201, as the contract says."""
    page = apps_list(call, list(tenant.objects[INVITATIONS].values()), lambda row: _shown(tenant, row))
    return Answer({"count": page["count"], "userinvites": page["results"]}, 201)


def invite(tenant: Tenant, call: Call) -> Answer:
    """POST .../invite: the only answer with the link, which lets whoever has it join."""
    body = call.body
    email = body["email"]
    _access(tenant, body["meta"]["profile"], "meta.profile.", has_all=False)
    others = [*tenant.objects[INVITATIONS].values(), *tenant.objects[USERS].values()]
    if email.lower() in (str(other.get("email")).lower() for other in others):
        raise refuse("email", "This address has a user or an invitation already.")
    if body["meta"]["email"].lower() != email.lower():
        raise refuse("meta.email", "This is another address.")
    now, invitation_id = tenant.now(), tenant.new_id()
    row = {
        "id": invitation_id,
        "email": email,
        "tenant_id": tenant.settings.enterprise_id,
        "idp_invite_id": f"uinv_{invitation_id[:8]}",
        "meta": body["meta"],
        "connection_id": body.get("connection_id", ""),
        "send_invitation_email": True,
        "created_at": now,
        "updated_at": now,
    }
    tenant.objects[INVITATIONS][invitation_id] = row
    url = tenant.new_secret("https://join.invalid/invitation?ticket={}")
    return Answer({**_shown(tenant, row), "invitation_url": url}, 201)


def withdraw(tenant: Tenant, call: Call) -> Answer:
    """DELETE .../invite/{invite_id}."""
    row = found(tenant.objects[INVITATIONS], call.values["invite_id"])
    del tenant.objects[INVITATIONS][row["id"]]
    return Answer(status=204)


def accept(tenant: Tenant, email: str) -> bool:
    """Let the person join who has an invitation; false if there is none. No request of the API does this."""
    for row in [row for row in tenant.objects[INVITATIONS].values() if row["email"].lower() == email.lower()]:
        del tenant.objects[INVITATIONS][row["id"]]
        access, number = _access(tenant, row["meta"]["profile"], "", has_all=False), tenant.new_number()
        profile = {**access, "enterprise": tenant.settings.enterprise_id, "can_factory_reset": False}
        if row["connection_id"]:
            profile["authn_connection_id"] = row["connection_id"]
        tenant.objects[USERS][str(number)] = {
            "id": number,
            "user_id": _user_id(number),
            "username": row["email"],
            "email": row["email"],
            "first_name": "",
            "last_name": "",
            "is_staff": False,
            "is_superuser": False,
            "is_active": True,
            "last_login": tenant.now(),
            "has_emm": False,
            "profile": profile,
        }
        return True
    return False


def completed(tenant: Tenant, user: dict[str, Any]) -> dict[str, Any]:
    """The user as all paths show it. The stored user is changed so that they agree."""
    profile = user.setdefault("profile", {})
    profile.update((name, user.pop(name)) for name in _OF_PROFILE if name in user)
    user_id = _user_id(user["id"])
    full_name = f"{user['first_name']} {user['last_name']}".strip()
    profile |= {"id": user["id"], "authn_user_id": user_id}
    profile.setdefault("groups", [])
    profile.setdefault("can_factory_reset", False)
    profile.setdefault("has_all_group_access", profile.get("role") not in _NEED_GROUPS)
    user |= {"user_id": user_id, "full_name": full_name, "name": full_name, "is_email_verified": True}
    user |= {"legacy_user_id": user["id"], "token": user.get("token") or _token(f"token of {user['id']}")}
    groups = [
        {"id": group.id, "name": group.name, "path": tenant.path(group), "device_count": tenant.population[group.id]}
        for group_id in profile["groups"]
        if (group := tenant.groups.get(group_id))
    ]
    return {**user, "profile": {**profile, "groups": groups}}


def _access(tenant: Tenant, body: Mapping[str, Any], path: str, *, has_all: bool) -> dict[str, Any]:
    """The role and the groups in a body as a profile has them."""
    role, groups = body["role"], list(dict.fromkeys(body.get("groups", ())))
    for group_id in groups:
        if group_id not in tenant.groups:
            raise refuse(f"{path}groups", f'Invalid pk "{group_id}" - object does not exist.')
    if not groups and not has_all and role in (*_NEED_GROUPS, _CUSTOM):
        raise refuse(f"{path}groups", "This role needs groups.")
    if role != _CUSTOM:
        return {"role": role, "groups": groups, "has_all_group_access": role not in _NEED_GROUPS}
    if body.get("authz_role_id") not in tenant.objects[ROLES]:
        raise refuse(f"{path}authz_role_id", "This role does not exist.")
    custom = {"authz_role_id": body["authz_role_id"], "has_all_group_access": has_all}
    return {"role": _SHOWN_FOR_CUSTOM, "groups": groups, **custom}


def _shown(tenant: Tenant, invitation: dict[str, Any]) -> dict[str, Any]:
    return invitation if tenant.shows_meta else {**invitation, "meta": {}}


def _found(tenant: Tenant, call: Call) -> dict[str, Any]:
    """The user in the path, by the UUID that /authn2/ and /authz2/ have."""
    user_id = call.values["user_id"].lower()
    user = found(tenant.objects[USERS], str(int(user_id[-12:], 16)))
    if _user_id(user["id"]) != user_id:
        raise not_found()
    return user


def _user_id(number: int) -> str:
    """The UUID of the user that /user/ knows by a number."""
    return str(UUID(int=number, version=4))


def _token(text: str) -> str:
    """A text that looks like a key."""
    return uuid5(NAMESPACE_URL, text).hex[:30]


def _only(user: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: user[name] for name in names if name in user}


SHOWN: dict[str, Shown] = {USERS: completed}

OPERATIONS: dict[str, Behavior] = {
    "GET /user/": list_users,
    "GET /authz2/v1/users/{user_id}/groups": list_groups,
    "PUT /authz2/v1/users/{user_id}": set_access,
    f"GET {INVITATIONS}": list_invitations,
    f"POST {INVITATIONS}": invite,
    f"DELETE {INVITATIONS}/{{invite_id}}": withdraw,
}
