# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who the key belongs to: /v1/token-info/ (v1.yaml), /user_info/ and /user/ (legacy.yaml)."""

from __future__ import annotations

from typing import Any

from exchange import ORIGIN, Answer, Behaviour, Call, legacy_list, not_found
from tenant import Tenant, moment

_USER = "1"


def seed(tenant: Tenant) -> None:
    """One user, to whom the key belongs."""
    settings = tenant.settings
    tenant.objects["users"][_USER] = {
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
    return Answer(_in_full(tenant.objects["users"][_USER]))


def list_users(tenant: Tenant, call: Call) -> Answer:
    """GET /user/."""
    return legacy_list(call, list(tenant.objects["users"].values()), show=dict)


def get_user(tenant: Tenant, call: Call) -> Answer:
    """GET /user/{user_id}/."""
    user = tenant.objects["users"].get(call.values["user_id"])
    if user is None:
        raise not_found()
    return Answer(_in_full(user))


def _in_full(user: dict[str, Any]) -> dict[str, Any]:
    """A user by itself shows a property that users in lists lack."""
    return user | {"is_email_verified": True}


OPERATIONS: dict[str, Behaviour] = {
    "GET /v1/token-info/": token_info,
    "GET /user_info/": user_info,
    "GET /user/": list_users,
    "GET /user/{user_id}/": get_user,
}
