# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The owner of the key: /v1/token-info/ (v1.yaml) and /user_info/ (legacy.yaml), and the company itself.

The company and the users are derived; what is known of them at several paths is kept together here.
"""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from derived import Shown
from exchange import ORIGIN, Answer, Behavior, Call, found
from tenant import Tenant, moment

USERS = "/user"

_COMPANY = "/v1/enterprise/{enterprise_id}"
_USER = "1"
# Properties of the profile that /authz2/ sets by themselves.
_OF_PROFILE = ("authz_role_id", "role", "groups", "can_factory_reset", "has_all_group_access")
# Properties that only /authn2/ shows.
_ELSEWHERE = ("user_id", "name")


def seed(tenant: Tenant) -> None:
    """One company, and one user, to whom the key belongs."""
    settings = tenant.settings
    tenant.objects[_COMPANY][_COMPANY] = {
        "id": settings.enterprise_id,
        "name": "Example Stores",
        "short_code": "EXMP",
        "registered_name": "Example Stores Ltd.",
        "registered_address": "1 High Street",
        "location": "GB",
        "zipcode": "AB1 2CD",
        "contact_person": None,
        "contact_number": None,
        "contact_email": "office@example.com",
        "wifi_lte_toggle_flag": False,
        "created_on": moment(0),
        "updated_on": moment(0),
    }
    user = {
        "id": int(_USER),
        "username": "automation",
        "email": "automation@example.com",
        "first_name": "Auto",
        "last_name": "Mation",
        "full_name": "Auto Mation",
        "is_staff": False,
        "is_superuser": False,
        "is_active": True,
        "last_login": moment(0),
        # The real key, so that a client that lets it out is found out.
        "token": settings.api_key,
        "has_emm": False,
        "profile": {
            "id": 1,
            "role": "Enterprise Admin",
            "enterprise": f"{ORIGIN}/enterprise/{settings.enterprise_id}/",
            "is_customer": True,
            "created_on": moment(0),
            "updated_on": moment(0),
            "groups": [],
            "has_all_group_access": True,
        },
    }
    tenant.objects[USERS][_USER] = _completed(tenant, user)


def token_info(tenant: Tenant, call: Call) -> Answer:
    """GET /v1/token-info/."""
    return Answer(
        {
            "id": "1",
            "enterprise": tenant.settings.enterprise_id,
            "user": _USER,
            "token": tenant.settings.api_key,
            "expires_on": moment(10 * 365 * 24 * 3600),
            "scope": ["read", "write"],
            "created_on": moment(0),
            "updated_on": moment(0),
        }
    )


def user_info(tenant: Tenant, call: Call) -> Answer:
    """GET /user_info/."""
    user = tenant.objects[USERS][_USER]
    return Answer({name: value for name, value in user.items() if name not in _ELSEWHERE})


def list_groups(tenant: Tenant, call: Call) -> Answer:
    """GET /authz2/v1/users/{user_id}/groups: `sub_groups` adds those below."""
    users = {user["user_id"]: user for user in tenant.objects[USERS].values()}
    profile = found(users, call.values["user_id"])["profile"]
    groups = [group for group in profile.get("groups", ()) if group in tenant.groups]
    if call.query.get("sub_groups", "").lower() == "true":
        groups += [below.id for group in groups for below in tenant.descendants(group)]
    return Answer({"group_ids": groups, "has_all_group_access": bool(profile.get("has_all_group_access"))})


def _completed(tenant: Tenant, user: dict[str, Any]) -> dict[str, Any]:
    """The user, changed so that all paths agree about it: each shows the same in other words."""
    profile = user.setdefault("profile", {})
    profile.update((name, user.pop(name)) for name in _OF_PROFILE if name in user)
    user_id = str(uuid5(NAMESPACE_URL, f"user:{user['id']}"))
    full_name = f"{user['first_name']} {user['last_name']}".strip()
    profile |= {"id": user["id"], "authn_user_id": user_id}
    user |= {"user_id": user_id, "full_name": full_name, "name": full_name, "is_email_verified": True}
    return user


SHOWN: dict[str, Shown] = {USERS: _completed}

OPERATIONS: dict[str, Behavior] = {
    "GET /v1/token-info/": token_info,
    "GET /user_info/": user_info,
    "GET /authz2/v1/users/{user_id}/groups": list_groups,
}
