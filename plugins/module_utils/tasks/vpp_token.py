# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that uploads and deletes VPP tokens.

Based on /tenant/v0/vpptokens/ and DELETE /tenant/v0/vpptokens/{id} of the contract (v0.yaml). No operation updates one.
Choice: a token is the same if ``meta``, at any depth, has its organization and the time of its expiry.
Choice: if ``meta`` does not have an organization and a time, the token counts as the same, because an upload in each
run would be worse.
Choice: a replacement is uploaded before the old token is deleted. Tokens without O(id) are never deleted, because a
tenant can have tokens of several locations.
"""

from __future__ import annotations

from pathlib import Path

from ..base.errors import ApiError, EsperError, InvalidParameter
from ..base.row import Params, Row
from ..base.times import days_until, format_utc, now, parse_time
from ..base.vpp_file import VppFile, read_vpp_file
from ..engine.apply import accepted_writes, send
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.forms import Form
from ..http.responses import replace_hint, sentence
from ..kinds.vpp_token import VPP_TOKEN_ROWS, scalars_in
from ..model.field import SEARCH_PATH
from ..model.module_spec import ModuleSpec, Option, Value
from ..model.plan import Step
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry
from .apple_uploads import expiry_warnings, reject_options, rows_with_id, unchanged, wanted, with_id

_MODULE = ModuleSpec(
    short_description="Manage Esper VPP tokens",
    description=(
        "Uploads and deletes content tokens (VPP), with which Esper assigns app licenses of a location in Apple"
        " Business Manager. A token is valid for a year.",
        "With O(src), the module uploads the token unless Esper has one of the same organization that expires at the"
        " same time. It does not upload an expired token.",
        "Esper does not document which properties of a token it returns. If they do not suffice to compare it, a tenant"
        " with any token is not changed, and the task has a warning.",
        "Without O(src), O(state=present) only checks that the token exists. If O(id) is not set, it selects the only"
        " token of the tenant.",
    ),
    options=(
        Option("state", "Desired state of the VPP token.", choices=("present", "absent"), default="present"),
        Option(
            "id",
            "ID of the VPP token. If O(src) is set, the uploaded token replaces it, and gets another ID.",
            identifier=True,
        ),
        Option(
            "src",
            (
                "Path of the content token (.vpptoken) to upload, on the controller. Its content is secret.",
                *SEARCH_PATH,
            ),
            type="path",
        ),
        Option(
            "force",
            "If V(true), uploads O(src) although the module cannot compare it with the tokens in Esper. The task then"
            " reports a change in each run.",
            type="bool",
            default=False,
        ),
        Option(
            "confirm",
            "If V(true), confirms the deletion of a token. Esper then cannot assign its licenses any more, and devices"
            " can lose their apps.",
            type="bool",
            default=False,
        ),
    ),
    sources=("src",),
    returns=(
        Value(
            "vpp_token",
            "The token after the task. In check mode, the predicted state.",
            type="dict",
            returned="if O(state=present)",
            contains=VPP_TOKEN_ROWS.fields,
        ),
    ),
    seealso=("vpp_token_info", "apns_certificate", "dep_token"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    if params["state"] == "absent":
        reject_options(params, "absent", ("src",))
        return _delete(view, params, context)
    if params["src"] is not None:
        return _upload(view, params, context)
    rows = view.list_objects(VPP_TOKEN_ROWS)
    row = _one(view, rows, params)
    if row is None:
        raise EsperError("The tenant has no VPP token. Set src to upload one.")
    return unchanged(VPP_TOKEN_ROWS, row, context, expiry_warnings(VPP_TOKEN_ROWS, row))


def _one(view: TenantView, rows: list[Row], params: Params) -> Row | None:
    """Return the token of the ID, or the only token. Raise NotFound or Ambiguous."""
    if params["id"] is not None:
        return with_id(VPP_TOKEN_ROWS, rows, params["id"])
    return lookup_of(view, VPP_TOKEN_ROWS).one_or_none(rows, wanted(params, ("id",)))


# --- upload -----------------------------------------------------------------------------------------------------------


def _upload(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    path = Path(params["src"])
    file = read_vpp_file(path)
    view.client.hide(*file.secrets)
    if file.expires <= now():
        raise InvalidParameter(
            f"The token '{path}' expired on {format_utc(file.expires)}. Download a new one in Apple Business Manager."
        )
    rows = view.list_objects(VPP_TOKEN_ROWS)
    same = next((row for row in rows if _matches(row, file)), None)
    replaced = None
    if params["id"] is not None:
        # After a replacement, the token with this ID does not exist any more.
        found = rows_with_id(rows, params["id"])
        replaced = next(iter(found), None) if same else with_id(VPP_TOKEN_ROWS, rows, params["id"])
    if same is not None:
        if replaced is None or _matches(replaced, file):
            return unchanged(VPP_TOKEN_ROWS, replaced or same, context)
        return _deleted(view, replaced, context, {VPP_TOKEN_ROWS.name: VPP_TOKEN_ROWS.to_result(same)})
    unknown = [row for row in rows if row is (replaced or row) and _matches(row, file) is None]
    if unknown and not params["force"]:
        warning = (
            f"The token '{path}' is not uploaded, because Esper does not return enough to compare it with the"
            " existing token. To upload it, set force=true."
        )
        return unchanged(VPP_TOKEN_ROWS, unknown[0], context, [warning])
    after = {"organization": file.organization, "expires_at": format_utc(file.expires)}
    record = {
        **dict.fromkeys(field.name for field in VPP_TOKEN_ROWS.fields if not field.secret),
        "expires_at": after["expires_at"],
        "days_left": days_until(after["expires_at"]),
    }
    warnings: list[str] = []
    former = [row for row in rows if replaced is None and _has_organization(row, file)]
    if former:
        ids = ", ".join(str(row["id"]) for row in former)
        warnings = [
            f"Esper keeps older tokens of {file.organization} ({ids}). To delete one, set state to absent with its ID."
        ]
    if not context.check_mode:
        record = view.to_result(VPP_TOKEN_ROWS, _send(view, path, file, rows, replaced))
    result: Row = {"changed": True, VPP_TOKEN_ROWS.name: record}
    if context.diff:
        before = {} if replaced is None else {"expires_at": VPP_TOKEN_ROWS.to_result(replaced)["expires_at"]}
        result["diff"] = [diff_entry(f"{VPP_TOKEN_ROWS.title} {file.organization}", before, after)]
    return ModuleResult(result, warnings)


def _send(view: TenantView, path: Path, file: VppFile, rows: list[Row], replaced: Row | None) -> Row:
    """Upload a token, and delete the one that it replaces. Return the new one."""
    known = {str(row["id"]) for row in rows}

    def find(_body: object) -> Row | None:
        new = (row for row in view.list_objects(VPP_TOKEN_ROWS) if str(row["id"]) not in known)
        # Another client can upload another token at the same time.
        return next((row for row in new if _matches(row, file) is not False), None)

    step = Step(
        purpose=f"Uploading the {VPP_TOKEN_ROWS.title} '{path.name}'",
        method="POST",
        path=VPP_TOKEN_ROWS.routes.list,
        body=Form(files={"filename": path}),
        find_existing=find,
    )
    try:
        send(view, VPP_TOKEN_ROWS, [step])
    except ApiError as error:
        if error.status in (400, 409) and rows:
            hint = "If Esper accepts only one token, delete the other one first: set state to absent with its ID."
            replace_hint(error, hint)
        raise
    if replaced is not None:
        try:
            send(view, VPP_TOKEN_ROWS, [_deletion(replaced)])
        except EsperError as error:
            advice = "To delete the older token, set state to absent with its ID."
            error.args = (f"{sentence(str(error))} {accepted_writes(view)} {advice}",)
            error.names_changes = True
            raise
    return step.response or {}


def _matches(row: Row, file: VppFile) -> bool | None:
    """Return whether Esper has a token in an object, None if it does not return enough to determine that."""
    times = [
        time.replace(microsecond=0)
        for _path, value in scalars_in(row.get("meta"))
        if isinstance(value, str) and (time := parse_time(value)) is not None
    ]
    if not times or not _has_organization(row, file):
        return None
    return file.expires.replace(microsecond=0) in times


def _has_organization(row: Row, file: VppFile) -> bool:
    return any(
        isinstance(value, str) and value.strip() == file.organization.strip()
        for _path, value in scalars_in(row.get("meta"))
    )


# --- delete -----------------------------------------------------------------------------------------------------------


def _delete(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    rows = view.list_objects(VPP_TOKEN_ROWS)
    if params["id"] is not None:
        rows = rows_with_id(rows, params["id"])
    row = lookup_of(view, VPP_TOKEN_ROWS).one_or_none(rows, wanted(params, ("id",)))
    if row is None:
        return unchanged(VPP_TOKEN_ROWS, None, context)
    if not params["confirm"]:
        raise InvalidParameter(
            f"Without the {VPP_TOKEN_ROWS.phrase(row)}, devices lose the app licenses that it assigns. To delete it,"
            " set confirm=true."
        )
    return _deleted(view, row, context, {})


def _deleted(view: TenantView, row: Row, context: RunContext, values: Row) -> ModuleResult:
    """Delete a token, and return the result with other return values."""
    if not context.check_mode:
        send(view, VPP_TOKEN_ROWS, [_deletion(row)])
    result: Row = {"changed": True, **values}
    if context.diff:
        record = VPP_TOKEN_ROWS.to_result(row)
        result["diff"] = [
            diff_entry(VPP_TOKEN_ROWS.header(row), {name: record[name] for name in ("id", "expires_at")}, {})
        ]
    return ModuleResult(result)


def _deletion(row: Row) -> Step:
    return Step(
        f"Deleting the {VPP_TOKEN_ROWS.phrase(row)}", "DELETE", VPP_TOKEN_ROWS.routes.object, ids={"id": str(row["id"])}
    )


VPP_TOKEN = ModuleDefinition("vpp_token", _MODULE, _run, unknown={"vpp_token": None})
