# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that requests public keys for Apple Business Manager, and uploads DEP tokens.

Based on /tenant/v0/deptokens/ and PUT /tenant/v0/deptokens/{id}/ of the contract (v0.yaml). No operation deletes one.
Choice: tokens are not compared, because only Esper can decrypt them. A token is uploaded if Esper has none of the name,
or if that one is due for renewal.
Choice: a token whose expiry is not a valid time is not due.
Choice: an upload goes to O(id), otherwise to the token of the name, because Apple encrypts a renewal for the same key,
otherwise to the newest public key.
"""

from __future__ import annotations

from pathlib import Path

from ..base.checksums import sha256_of
from ..base.errors import EsperError, InvalidParameter
from ..base.row import Params, Row
from ..base.small_file import read_small_file
from ..base.text import composed
from ..base.times import days_until
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.forms import Form
from ..kinds.dep_token import DEP_TOKEN_ROWS
from ..kinds.expiring import COMPLETED, REQUESTED
from ..model.conform import to_row
from ..model.module_spec import ModuleSpec, Option, Value
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry
from . import apple_uploads
from .apple_uploads import AppleFile, dest_option, in_state, newest, src_option

_APPLE = AppleFile(DEP_TOKEN_ROWS, "public key", "public_key", "token", ("id", "name"))
_PEM = b"-----BEGIN "

_MODULE = ModuleSpec(
    short_description="Manage Esper DEP tokens",
    description=(
        "Requests a public key for Apple Business Manager, and uploads the DEP token (server token) that Apple issues"
        " for it. The token links the tenant to a device management service of Apple Business Manager for a year.",
        "Only Esper can decrypt a token, so the module does not compare O(src). It uploads O(src) if Esper has no token"
        " of this name, or if that one expires within O(renew_within) days.",
        "Without O(src), O(state=present) only checks that the token exists. If neither O(id) nor O(name) is set, it"
        " selects the only token of the tenant.",
        "The Esper API cannot delete tokens.",
    ),
    options=(
        Option(
            "state",
            (
                "V(requested) ensures that a public key waits for its token.",
                "V(present) ensures that the token is uploaded.",
            ),
            choices=("requested", "present"),
            default="present",
        ),
        Option(
            "id",
            "ID of the token or of the public key. If O(src) is set, the upload goes to it.",
            identifier=True,
        ),
        Option("name", "Name of the token, case-sensitive.", identifier=True),
        src_option("token from Apple Business Manager (.p7m)", "Its content is encrypted for Esper."),
        dest_option("public key"),
        Option(
            "renew_within",
            "Number of days before the expiry from which O(src) replaces the token. With V(0), O(src) replaces only an"
            " expired token.",
            type="int",
            default=0,
        ),
        Option(
            "force",
            "If V(true), requests another public key although one waits, or uploads O(src) although the token is not"
            " due. The task then reports a change in each run.",
            type="bool",
            default=False,
        ),
    ),
    rules={"required_by": {"src": ("name",)}},
    sources=("src",),
    returns=(
        Value(
            "dep_token",
            "The token after the task, or the public key if O(state=requested). In check mode, the predicted state.",
            type="dict",
            contains=DEP_TOKEN_ROWS.fields,
        ),
        Value(
            "public_key",
            "Public key in PEM format, to upload in Apple Business Manager.",
            returned="if the task creates a public key",
            sample="-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n",
        ),
    ),
    seealso=("dep_token_info", "apns_certificate", "vpp_token"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    if params["renew_within"] < 0:
        raise InvalidParameter(f"Invalid renew_within: {params['renew_within']}. It must be 0 or more.")
    if params["state"] == "requested":
        return apple_uploads.request(view, _APPLE, params, context)
    apple_uploads.reject_options(params, "present", ("dest",))
    rows = view.list_objects(DEP_TOKEN_ROWS)
    if params["src"] is not None:
        return _upload(view, rows, params, context)
    selected = (
        in_state(rows, COMPLETED)
        if params["id"] is None
        else [apple_uploads.with_id(DEP_TOKEN_ROWS, rows, params["id"])]
    )
    if params["name"] is not None:
        selected = [row for row in selected if _is_named(row, params["name"])]
    row = apple_uploads.require_completed(view, _APPLE, selected, params)
    return apple_uploads.unchanged(DEP_TOKEN_ROWS, row, context, apple_uploads.expiry_warnings(DEP_TOKEN_ROWS, row))


def _is_named(row: Row, name: str) -> bool:
    return composed(str(row.get("token_name") or "")).strip() == composed(name).strip()


def _upload(view: TenantView, rows: list[Row], params: Params, context: RunContext) -> ModuleResult:
    path, name = Path(params["src"]), params["name"].strip()
    if read_small_file(path).lstrip().startswith(_PEM):
        raise InvalidParameter(
            f"The file '{path}' is not a token: it is in PEM format, like the public key for Apple. Set src to the file"
            " (.p7m) from Apple Business Manager."
        )
    if params["id"] is not None:
        target: Row | None = apple_uploads.with_id(DEP_TOKEN_ROWS, rows, params["id"])
    else:
        apple_uploads.check_states(DEP_TOKEN_ROWS, rows)
        named = [row for row in in_state(rows, COMPLETED) if _is_named(row, name)]
        target = lookup_of(view, DEP_TOKEN_ROWS).one_or_none(named, name)
    if target is not None and not params["force"] and not _is_due(target, name, params["renew_within"]):
        return apple_uploads.unchanged(
            DEP_TOKEN_ROWS, target, context, apple_uploads.expiry_warnings(DEP_TOKEN_ROWS, target)
        )
    target = target or newest(in_state(rows, REQUESTED))
    if target is None:
        raise EsperError(
            "No public key waits for the token. Create one with state=requested, upload it in Apple Business Manager,"
            " download the token, and run this task again."
        )
    before = DEP_TOKEN_ROWS.to_result(target)
    is_renewal = target.get("state") == COMPLETED
    record, warnings = {**before, "name": name, "state": COMPLETED, "expires_at": None, "days_left": None}, []
    if not context.check_mode:
        form = Form(fields={"token_name": name}, files={"file": path})
        uploaded = apple_uploads.upload(view, _APPLE, target, form, lambda row: _is_named(row, name))
        record = view.to_result(DEP_TOKEN_ROWS, uploaded)
        warnings = _warnings_after(uploaded, record, params)
    result: Row = {"changed": True, DEP_TOKEN_ROWS.name: record}
    if context.diff:
        replaced = {key: before[key] for key in ("name", "expires_at")} if is_renewal else {}
        after = {"name": name, "checksum": sha256_of(path)}
        result["diff"] = [diff_entry(f"{DEP_TOKEN_ROWS.title} {name}", replaced, after)]
    return ModuleResult(result, warnings)


def _expiry_of(row: Row) -> object:
    return to_row(row.get("meta")).get("token_expiry_on")


def _is_due(row: Row, name: str, days: int) -> bool:
    """Return whether an object has no token, one of another name, or one that must be replaced."""
    if row.get("state") != COMPLETED or not _is_named(row, name):
        return True
    left = days_until(_expiry_of(row))
    return left is not None and left < days


def _warnings_after(row: Row, record: Row, params: Params) -> list[str]:
    """Return a warning if an uploaded token is due already, so that the next run uploads it again."""
    days = record["days_left"]
    if days is None or days >= params["renew_within"]:
        return []
    verb = "expired" if days < 0 else "expires"
    return [
        f"The uploaded {DEP_TOKEN_ROWS.phrase(row)} {verb} on {record['expires_at']}. Download a new token in Apple"
        " Business Manager."
    ]


DEP_TOKEN = ModuleDefinition("dep_token", _MODULE, _run, unknown={"dep_token": None})
