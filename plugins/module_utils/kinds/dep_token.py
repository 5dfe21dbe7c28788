# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""DEP tokens, which modules read. tasks/dep_token.py uploads them.

Based on GET /tenant/v0/deptokens/ and GET /tenant/v0/deptokens/{id}/ of the contract (v0.yaml). The list has no limit.
Choice: names need not be unique, because the contract does not say so. Several tokens of one name are ambiguous.
"""

from __future__ import annotations

from ..base.row import Row
from ..base.times import days_until
from ..model.conform import to_row
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading
from .expiring import COMPLETED, REQUESTED, ExpiringReader, days_left_field, expiring_within


def _adapt(row: Row) -> Row:
    return {**row, "days_left": days_until(to_row(row.get("meta")).get("token_expiry_on"))}


DEP_TOKEN_ROWS = plain_reading(
    name="dep_token",
    title="DEP token",
    plural="dep_tokens",
    short_description="Get information about Esper DEP tokens",
    doc=(
        "Returns the DEP tokens of the tenant, and the public keys that wait for a token. A DEP token links the tenant"
        " to a device management service in Apple Business Manager.",
        "If none matches, the list is empty.",
    ),
    routes=Routes(
        list="/tenant/v0/deptokens/",
        object="/tenant/v0/deptokens/{id}/",
        page_size=None,
        name_filter="",
        object_key="schema",
    ),
    name_key="token_name",
    adapt=_adapt,
    reader=ExpiringReader,
    options=(
        Option("id", "ID of the DEP token.", identifier=True),
        Option("name", "Name of the DEP token, case-sensitive.", identifier=True),
        Option(
            "state",
            f"V({REQUESTED}) returns only public keys that wait for a token, V({COMPLETED}) only tokens.",
            choices=(REQUESTED, COMPLETED),
            query="state",
        ),
        expiring_within("DEP tokens"),
    ),
    rules={"mutually_exclusive": [("id", "name"), ("id", "state"), ("name", "state")]},
    seealso=("dep_token",),
    fields=(
        Field("id", "ID of the DEP token.", writable=False, sample="6f1d2c3b-4a5e-4f60-9b8a-7c6d5e4f3a2b"),
        Field("name", "Name of the DEP token.", api="token_name", writable=False, sample="Retail"),
        Field(
            "state",
            f"V({REQUESTED}) if the public key waits for its token, V({COMPLETED}) if it has one.",
            writable=False,
            sample=COMPLETED,
        ),
        Field(
            "expires_at",
            "Time when the token expires.",
            api="meta.token_expiry_on",
            writable=False,
            sample="2027-06-01T09:30:00Z",
        ),
        days_left_field("token"),
        Field("created_by", "ID of the user who created the public key.", writable=False, sample="17"),
        Field("updated_by", "ID of the user who made the last change.", writable=False, sample="17"),
        Field("created_at", "Time of the public key.", writable=False, sample="2026-06-01T09:00:00Z"),
        Field("updated_at", "Time of the last change.", writable=False, sample="2026-06-01T09:30:00Z"),
    ),
)
