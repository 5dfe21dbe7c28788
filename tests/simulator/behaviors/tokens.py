# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Personal access tokens: /authn2/v0/personal-access-token/ (authn2.yaml).

Responses have whole values, so that a client that lets one out is found out. Each value is a key for requests. A
renewal changes the value at once, also that of the key of the client.
"""

from __future__ import annotations

from typing import Any

from exchange import Answer, Behavior, Call, found, stripped
from tenant import Tenant

TOKENS = "/authn2/v0/personal-access-token"

_PREFIX = 8
_NEVER = -1
# Properties of a token that only the list shows.
_LISTED_ONLY = ("legacy_token_id", "legacy_developer_app_id")


def seed(tenant: Tenant) -> None:
    """The token that the key of the client is."""
    _add(tenant, {"name": "automation", "description": "", "expiry_at": _NEVER}, tenant.settings.api_key)


def is_key(tenant: Tenant, text: str) -> bool:
    """Return whether a text is the value of a token."""
    return any(token["token"] == text for token in tenant.objects[TOKENS].values())


def list_tokens(tenant: Tenant, call: Call) -> Answer:
    """GET .../: all tokens, in the order of their creation."""
    tokens = list(tenant.objects[TOKENS].values())
    return Answer({"count": len(tokens), "personal_access_tokens": tokens})


def create_token(tenant: Tenant, call: Call) -> Answer:
    """POST .../: names may repeat."""
    body = {**call.body, "name": stripped(call.body, "name")}
    return Answer(_shown(_add(tenant, body, tenant.new_secret())))


def renew_token(tenant: Tenant, call: Call) -> Answer:
    """PUT .../{id}: another value, and another time."""
    token = found(tenant.objects[TOKENS], call.values["personal_access_token_id"])
    token.update(_with_prefix(tenant.new_secret()), expiry_at=call.body["expiry_at"], updated_at=tenant.now())
    return Answer(token)


def delete_token(tenant: Tenant, call: Call) -> Answer:
    """DELETE .../{id}."""
    token = found(tenant.objects[TOKENS], call.values["personal_access_token_id"])
    del tenant.objects[TOKENS][token["id"]]
    return Answer(status=204)


def _add(tenant: Tenant, body: dict[str, Any], value: str) -> dict[str, Any]:
    now = tenant.now()
    token = {
        "id": tenant.new_id(),
        "name": body["name"],
        "description": body["description"],
        "created_at": now,
        "updated_at": now,
        **_with_prefix(value),
        "expiry_at": body["expiry_at"],
        "legacy_token_id": tenant.new_number(),
        "legacy_developer_app_id": str(tenant.new_number()),
    }
    tenant.objects[TOKENS][token["id"]] = token
    return token


def _shown(token: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in token.items() if name not in _LISTED_ONLY}


def _with_prefix(value: str) -> dict[str, str]:
    return {"token": value, "prefix": value[:_PREFIX]}


OPERATIONS: dict[str, Behavior] = {
    "GET /authn2/v0/personal-access-token/": list_tokens,
    "POST /authn2/v0/personal-access-token/": create_token,
    "PUT /authn2/v0/personal-access-token/{personal_access_token_id}": renew_token,
    "DELETE /authn2/v0/personal-access-token/{personal_access_token_id}": delete_token,
}
