# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""SSO connections: /authn2/v0/tenant/{enterprise_id}/connection (authn2.yaml), which clients can list and change."""

from __future__ import annotations

from typing import Any

from exchange import Answer, Behavior, Call, enterprise_url, found
from tenant import Tenant

CONNECTIONS = "/authn2/v0/tenant/{enterprise_id}/connection"


def seed(tenant: Tenant) -> None:
    """One connection of each strategy."""
    for name, strategy, is_default in (("acme-saml", "samlp", True), ("acme-oidc", "oidc", False)):
        connection_id = tenant.new_id()
        tenant.objects[CONNECTIONS][connection_id] = {
            "id": connection_id,
            "name": name,
            "strategy": strategy,
            "is_default": is_default,
        }


def list_connections(tenant: Tenant, call: Call) -> Answer:
    """GET .../connection: neither the display name nor the configuration."""
    wanted = call.query.get("is_default", "").lower()
    rows = [
        {
            "connection_id": each["id"],
            "connection": {name: each[name] for name in ("name", "strategy", "is_default")},
        }
        for each in tenant.objects[CONNECTIONS].values()
        if wanted in ("", str(each["is_default"]).lower())
    ]
    return Answer({"count": len(rows), "connections": rows})


def change_connection(tenant: Tenant, call: Call) -> Answer:
    """PUT .../connection/{id}: replaces the configuration. The name stays."""
    connection = found(tenant.objects[CONNECTIONS], call.values["connection_id"])
    connection.update(call.body)
    return Answer(_shown(tenant, connection))


def _shown(tenant: Tenant, connection: dict[str, Any]) -> dict[str, Any]:
    url = f"{enterprise_url(tenant)}sso/{connection['id']}"
    return {
        **{name: value for name, value in connection.items() if name != "is_default"},
        "service_provider_acs_url": f"{url}/acs",
        "service_provider_entity_id": url,
        "service_provider_logout_url": f"{url}/logout",
        "signing_certificate_link": f"{url}/certificate.pem",
        "callback_url": f"{url}/callback",
    }


OPERATIONS: dict[str, Behavior] = {
    "GET /authn2/v0/tenant/{enterprise_id}/connection": list_connections,
    "PUT /authn2/v0/tenant/{enterprise_id}/connection/{connection_id}": change_connection,
}
