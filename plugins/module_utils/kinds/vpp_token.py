# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""VPP tokens, which modules read. tasks/vpp_token.py uploads and deletes them.

Based on GET /tenant/v0/vpptokens/ of the contract (v0.yaml), a list without limit. No operation reads one token.
Choice: the property ``key`` is a secret, because the contract does not say whether it is the token.
Choice: the time in ``meta`` whose key contains "exp" is the expiry, because the contract does not describe ``meta``.
"""

from __future__ import annotations

import re
import typing as t

from ..base.row import Row
from ..base.secret_keys import is_secret_key, secret_values
from ..base.times import days_until, parse_time
from ..model.conform import to_row
from ..model.field import Field, sounds_secret
from ..model.kind import Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading
from ..model.values import is_too_deep
from .expiring import ExpiringReader, days_left_field, expiring_within

_SCALARS = (str, int, float, bool)


def scalars_in(meta: t.Any, path: tuple[str, ...] = ()) -> t.Iterator[tuple[tuple[str, ...], t.Any]]:
    """Yield the texts, numbers and booleans in ``meta``, with the keys on their way."""
    if isinstance(meta, dict):
        for key, value in meta.items():
            yield from scalars_in(value, (*path, str(key)))
    elif isinstance(meta, list):
        for value in meta:
            yield from scalars_in(value, path)
    elif isinstance(meta, _SCALARS):
        yield path, meta


def _adapt(row: Row) -> Row:
    meta = {} if is_too_deep(row.get("meta")) else to_row(row.get("meta"))
    found = (
        value
        for path, value in scalars_in(meta)
        if isinstance(value, str) and path and re.search("exp", path[-1], re.IGNORECASE) and parse_time(value)
    )
    expires_at = next(found, None)
    public = {
        key: value
        for key, value in meta.items()
        if isinstance(value, _SCALARS) and not is_secret_key(str(key)) and not sounds_secret(str(key).lower())
    }
    return {
        **row,
        "meta": meta,
        "shown_meta": public,
        "secrets_of_meta": list(secret_values(meta)),
        "expires_at": expires_at,
        "days_left": days_until(expires_at),
    }


VPP_TOKEN_ROWS = plain_reading(
    name="vpp_token",
    title="VPP token",
    plural="vpp_tokens",
    short_description="Get information about Esper VPP tokens",
    doc=(
        "Returns the content tokens (VPP) of the tenant, with which Esper assigns app licenses of Apple Business"
        " Manager. The tokens themselves are not returned.",
        "If none matches, the list is empty.",
    ),
    routes=Routes(
        list="/tenant/v0/vpptokens/",
        object="/tenant/v0/vpptokens/{id}",
        page_size=None,
        name_filter="",
        has_object_get=False,
    ),
    adapt=_adapt,
    reader=ExpiringReader,
    options=(Option("id", "ID of the VPP token.", identifier=True), expiring_within("VPP tokens")),
    seealso=("vpp_token",),
    fields=(
        Field("id", "ID of the VPP token.", writable=False, sample="6f1d2c3b-4a5e-4f60-9b8a-7c6d5e4f3a2b"),
        Field("tenant_id", "ID of the tenant.", writable=False, sample="0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d"),
        Field(
            "expires_at",
            "Time when the token expires. Null if Esper does not return it.",
            writable=False,
            sample="2027-06-01T09:30:00Z",
        ),
        days_left_field("token"),
        Field(
            "meta",
            "Properties that Esper returns for the token and does not document: texts, numbers and booleans, without"
            " secrets.",
            api="shown_meta",
            type="dict",
            writable=False,
            sample={"orgName": "Example Retail"},
        ),
        Field("key", writable=False, secret=True),
        Field("secrets", api="secrets_of_meta", writable=False, secret=True, type="list", elements="str"),
        Field("created_by", "ID of the user who uploaded the token.", writable=False, sample="17"),
        Field("updated_by", "ID of the user who made the last change.", writable=False, sample="17"),
        Field("created_at", "Time of the upload.", writable=False, sample="2026-06-01T09:30:00Z"),
        Field("updated_at", "Time of the last change.", writable=False, sample="2026-06-01T09:30:00Z"),
    ),
)
