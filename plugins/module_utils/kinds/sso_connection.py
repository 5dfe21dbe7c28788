# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSO connections, which modules read. tasks/sso_connection.py updates one.

Based on GET /authn2/v0/tenant/{enterprise_id}/connection of the contract (authn2.yaml), a list without limit.
Choice: the name in the list identifies a connection, not the display name, which no operation reads.
Choice: an ID can be any text, because the contract has a UUID in the path and a text in the list.
"""

from __future__ import annotations

from ..base.row import Row
from ..base.text import composed
from ..engine.lookup import Lookup
from ..model.conform import to_row
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading

STRATEGIES = ("samlp", "oidc")


def _name_of(row: Row) -> str:
    return str(to_row(row.get("connection")).get("name") or row.get("connection_id"))


class SsoConnectionLookup(Lookup):
    """Finds SSO connections, whose names are nested."""

    def find_by_name(self, name: str) -> list[Row]:
        """Return all connections with a name."""
        wanted = composed(name).strip()
        return [row for row in self.view.list_objects(self.kind) if composed(_name_of(row)).strip() == wanted]


SSO_CONNECTION_ROWS = plain_reading(
    name="sso_connection",
    title="SSO connection",
    plural="sso_connections",
    short_description="Get information about Esper SSO connections",
    doc=(
        "Returns one SSO connection by name or ID, or all SSO connections of the tenant.",
        "If the SSO connection does not exist, the list is empty.",
    ),
    routes=Routes(
        list="/authn2/v0/tenant/{enterprise_id}/connection",
        object="/authn2/v0/tenant/{enterprise_id}/connection/{id}",
        page_size=None,
        name_filter="",
        has_object_get=False,
    ),
    id_key="connection_id",
    lookup=SsoConnectionLookup,
    label=_name_of,
    options=(
        Option("id", "ID of the SSO connection.", identifier=True),
        Option("name", "Name of the SSO connection, case-sensitive.", identifier=True),
        Option(
            "default",
            "If V(true), returns the default SSO connection. If V(false), returns the others.",
            type="bool",
            query="is_default",
        ),
    ),
    rules={"mutually_exclusive": [("id", "name"), ("id", "default"), ("name", "default")]},
    seealso=("sso_connection",),
    fields=(
        Field("id", "ID of the SSO connection.", api="connection_id", sample="8d5f0f7e-1f4e-4b39-a1b7-2f7f8d5c9a10"),
        Field("name", "Name of the SSO connection.", api="connection.name", sample="example-saml"),
        Field(
            "strategy",
            "Protocol of the SSO connection, V(samlp) for SAML or V(oidc) for OpenID Connect.",
            api="connection.strategy",
            sample="samlp",
        ),
        Field(
            "default",
            "Whether the SSO connection is the default of the tenant.",
            api="connection.is_default",
            type="bool",
            sample=True,
        ),
    ),
)
