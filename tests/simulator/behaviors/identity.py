# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The owner of the key: /v1/token-info/ (v1.yaml) and /user_info/ (legacy.yaml), and the company itself.

The company is derived. Other users are in users.py.
"""

from __future__ import annotations

from exchange import ORIGIN, Answer, Behavior, Call
from tenant import Tenant, moment

from behaviors.users import USERS, completed

_COMPANY = "/v1/enterprise/{enterprise_id}"
_USER = "1"
# Properties that only /authn2/ shows.
_ELSEWHERE = ("user_id", "name", "legacy_user_id")


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
        "has_emm": True,
        "emm": {
            "id": 1,
            "user": int(_USER),
            "account_identifier": "automation@example.com",
            "is_active": True,
            "created_on": moment(0),
            "updated_on": moment(0),
            "authentication_token": {
                "id": 1,
                "token": settings.api_key,
                "is_active": True,
                "updated_on": moment(0),
            },
        },
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
    tenant.objects[USERS][_USER] = user
    completed(tenant, user)


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
    user = completed(tenant, tenant.objects[USERS][_USER])
    return Answer({name: value for name, value in user.items() if name not in _ELSEWHERE})


OPERATIONS: dict[str, Behavior] = {
    "GET /v1/token-info/": token_info,
    "GET /user_info/": user_info,
}
