# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that adds the service account of the tenant at Google.

Based on POST /v2/emm/accounts/ of the contract (v2.yaml).

Choice: only ``key_id`` is compared, because Esper neither changes nor deletes the service account.
"""

from __future__ import annotations

from ..base.errors import EsperError, InvalidParameter, InvalidValues
from ..base.row import Params, Row
from ..engine.apply import send
from ..engine.tenant_view import TenantView
from ..kinds.google_binding import NOT_ENROLLED, select_binding
from ..kinds.google_service_accounts import ACCOUNT_FIELDS, GOOGLE_ACCOUNTS, read_account
from ..model.module_spec import ModuleSpec, Option, Value
from ..model.plan import Step
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry

_SENT = ("google_enterprise_id", "key_id", "name", "type", "data", "public_data", "is_set", "is_active")
_IDS = ("google_enterprise_id", "key_id")

_MODULE = ModuleSpec(
    short_description="Add the Google service account of a tenant",
    description=(
        "Adds the service account with which Esper sends requests to Google for the tenant.",
        "Only tenants with their own Google-managed domain need this. Esper accepts one service account, and can"
        " neither change nor delete it. If it has another O(key_id), the task fails.",
    ),
    options=(
        Option("state", "Desired state of the service account.", choices=("present",), default="present"),
        Option("key_id", "ID of the key.", required=True, identifier=True),
        Option("data", "Private key. Only sent if the service account does not exist.", required=True, secret=True),
        Option("public_data", "Public key.", required=True),
        Option("type", "Type of the key, as a number. Esper does not document the numbers.", type="int", required=True),
        Option("name", "Name of the service account."),
        Option(
            "google_enterprise_id",
            "ID of the Google enterprise at Google. Defaults to that of the tenant.",
            identifier=True,
        ),
        Option("is_set", "If V(true), the key is set.", type="bool", default=True),
        Option("is_active", "If V(true), the key is active.", type="bool", default=True),
    ),
    returns=(
        Value(
            "google_service_account",
            "The service account after the task, without its private key. In check mode, the predicted state.",
            type="dict",
            contains=ACCOUNT_FIELDS,
        ),
    ),
    seealso=("google_enterprise", "google_enterprise_info"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    blank = [name for name in ("data", "public_data") if not params[name].strip()]
    if blank:
        raise InvalidValues([f"{name} must not be empty" for name in blank])
    params = {**params, **{name: params[name].strip() for name in _IDS if params[name] is not None}}
    current = read_account(view)
    if current is not None:
        _check_key(current, params)
        return ModuleResult(_result(view, current, [], context, changed=False))
    body = {name: params[name] for name in _SENT if params[name] is not None}
    body["google_enterprise_id"] = params["google_enterprise_id"] or _enterprise_id(view)
    account = body
    if not context.check_mode:
        step = Step(
            purpose=f"Adding the {GOOGLE_ACCOUNTS.phrase(body)}",
            method="POST",
            path=GOOGLE_ACCOUNTS.routes.list,
            body=body,
            find_existing=lambda _body: read_account(view),
        )
        send(view, GOOGLE_ACCOUNTS, [step])
        account = step.response or body
        _check_key(account, params)
    shown = [diff_entry(GOOGLE_ACCOUNTS.header(body), {}, {name: body[name] for name in body if name != "data"})]
    return ModuleResult(_result(view, account, shown, context, changed=True))


def _check_key(account: Row, params: Params) -> None:
    """Raise InvalidParameter if the service account has another key than the task."""
    if account["key_id"] != params["key_id"]:
        raise InvalidParameter(
            f"The tenant has the {GOOGLE_ACCOUNTS.phrase(account)}. Esper cannot change it to '{params['key_id']}'."
        )


def _enterprise_id(view: TenantView) -> str:
    """Return the ID of the only Google enterprise. Raise EsperError if the tenant is not enrolled."""
    binding = select_binding(view, None)
    if binding is None:
        raise EsperError(NOT_ENROLLED)
    return str(binding["google_enterprise_id"])


def _result(view: TenantView, account: Row, diff: list[Row], context: RunContext, *, changed: bool) -> Row:
    result: Row = {"changed": changed, "google_service_account": view.to_result(GOOGLE_ACCOUNTS, account)}
    return {**result, "diff": diff} if context.diff else result


GOOGLE_SERVICE_ACCOUNT = ModuleDefinition(
    "google_service_account", _MODULE, _run, unknown={"google_service_account": None}
)
