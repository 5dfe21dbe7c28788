# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that enroll the tenant with Google, and that read its enrollment.

Based on /v2/emm/enrollment/begin/, /v2/emm/enrollment/complete/, /v2/emm/details/ and /v2/emm/accounts/ (v2.yaml) and
/v0/enterprise/{enterprise_id}/emm (v0.yaml) of the contract. No operation ends an enrollment.

Choice: the tenant is enrolled if ``google_enterprise_id`` is not empty, because the numbers in ``state`` have no
published meaning. Choice: while a sign-up is pending, the details have its ``callback_url``, ``signup_url`` and
``completion_token``. Choice: if the details have several rows, the one that is enrolled counts, else the last one.
Choice: the start of a sign-up can be repeated; only the last sign-up URL is valid. The completion is sent only once.
"""

from __future__ import annotations

import typing as t

from ..base.errors import ApiError, EsperError, InvalidParameter, InvalidValues, RequestFailed
from ..base.redaction import Disclosed
from ..base.row import Params, Row
from ..base.secret_keys import secret_values
from ..base.validators import https_url
from ..engine.tenant_view import TenantView
from ..http.paging import list_all
from ..http.responses import replace_hint
from ..kinds.google_binding import GOOGLE_BINDINGS, is_enrolled
from ..kinds.google_service_accounts import ACCOUNT_FIELDS, read_account
from ..model.conform import to_text, typed_result
from ..model.field import Field
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry

_DETAILS = "/v2/emm/details/"
_TITLE = "Google enterprise"
_BAD_REQUEST, _NOT_FOUND, _CONFLICT = 400, 404, 409
_REJECTED = (403, 404)

_FIELDS = (
    Field("id", "ID of the Google enterprise in the Esper API.", type="int", sample=3),
    Field(
        "google_enterprise_id",
        "ID of the Google enterprise at Google. V(null) if the tenant is not enrolled.",
        normalize=lambda value: value or None,
        sample="LC02k9x4pz",
    ),
    Field("name", "Name of the Google enterprise.", sample="Example Stores"),
    Field("state_code", "State, as a number of the Esper API.", api="state", type="int", sample=2),
    Field("callback_url", "URL to which Google sends the browser after the sign-up.", sample="https://it.example.com"),
    Field("is_synced_to_scapi", "Value of the Esper API, which does not document it.", type="bool", sample=True),
    Field("created_at", "Time of creation.", sample="2026-03-01T09:30:00Z"),
    Field("updated_at", "Time of the last change.", sample="2026-03-01T09:30:00Z"),
)
_STATUS = (
    Field("enrolled", "Whether the tenant is enrolled with Google.", type="bool", sample=True),
    Field("signup_pending", "Whether a sign-up is started, but not completed.", type="bool", sample=False),
)
_RECORDED = ("google_enterprise_id", "state_code", "callback_url", "signup_url", "completion_token", "enterprise_token")
_ONLY_FOR = {
    "started": ("callback_url", "force"),
    "enrolled": ("enterprise_token", "completion_token"),
    "recorded": (*_RECORDED, "name"),
}

_MODULE = ModuleSpec(
    short_description="Enroll an Esper tenant with Google",
    description=(
        "Enrolls the tenant with managed Google Play, which Android devices need for Play apps.",
        "A person must sign up between two tasks. O(state=started) returns RV(signup_url). The person opens it and"
        " signs up at Google. Then Google sends the browser to O(callback_url) with the query parameter"
        " C(enterpriseToken). O(state=enrolled) completes the enrollment with this token.",
        "The Esper API cannot end an enrollment.",
    ),
    options=(
        Option(
            "state",
            (
                "Desired state of the enrollment.",
                "V(started) starts a sign-up, unless one with the same O(callback_url) is pending or the tenant is"
                " enrolled.",
                "V(enrolled) completes the pending sign-up, unless the tenant is enrolled.",
                "V(recorded) adds an enrollment that exists at Google, unless the tenant has it. If the tenant has"
                " another one, the task fails.",
            ),
            choices=("enrolled", "started", "recorded"),
            default="enrolled",
        ),
        Option(
            "callback_url",
            f"URL to which Google sends the browser after the sign-up. {https_url.doc}"
            " If a sign-up with another URL is pending, O(state=started) replaces it.",
        ),
        Option(
            "enterprise_token",
            "Token that Google adds to O(callback_url) as C(enterpriseToken). Required for O(state=enrolled), unless"
            " the tenant is enrolled already.",
            secret=True,
        ),
        Option(
            "completion_token",
            "Token of the sign-up in Esper. For O(state=enrolled), defaults to that of the pending sign-up.",
            secret=True,
        ),
        Option(
            "force",
            "If V(true), O(state=started) starts another sign-up even if one is pending. The earlier sign-up URL"
            " becomes invalid.",
            type="bool",
            default=False,
        ),
        Option("google_enterprise_id", "ID of the Google enterprise at Google, for O(state=recorded)."),
        Option("name", "Name of the Google enterprise, for O(state=recorded)."),
        Option("state_code", "State, as a number of the Esper API, for O(state=recorded).", type="int"),
        Option(
            "signup_url",
            "Sign-up URL of the enrollment, for O(state=recorded).",
            secret=True,
        ),
    ),
    rules={
        "required_if": [
            ("state", "started", ("callback_url",)),
            ("state", "recorded", _RECORDED),
        ],
    },
    returns=(
        Value(
            "google_enterprise",
            "The enrollment after the task. In check mode, the predicted state.",
            type="dict",
            contains=(*_FIELDS, *_STATUS),
        ),
        Value(
            "signup_url",
            "URL of the sign-up. Everyone who opens it can enroll the tenant, so set C(no_log) to true in the task."
            " V(null) in check mode, and if the tenant is enrolled.",
            sample="https://play.google.com/work/signup?token=...",
            returned="if O(state=started)",
        ),
    ),
    seealso=("google_enterprise_info", "google_play_app", "google_service_account"),
)
_INFO_MODULE = ModuleSpec(
    short_description="Get information about the Google enrollment",
    description=(
        "Returns whether the tenant is enrolled with Google, its enrollments and its service account.",
        "If Esper rejects the request for one of them with HTTP 403 or 404, the module warns, and the value is null.",
    ),
    returns=(
        Value(
            "google_enterprise",
            "The enrollment, or the pending sign-up.",
            type="dict",
            contains=(*_FIELDS, *_STATUS),
        ),
        Value(
            "google_bindings",
            "The enrollments in the older generation of the Esper API, which Play apps belong to.",
            type="list",
            elements="dict",
            contains=tuple(field for field in GOOGLE_BINDINGS.fields if not field.secret),
        ),
        Value(
            "service_account",
            "The service account of the tenant at Google, without its private key. Null if there is none.",
            type="dict",
            contains=ACCOUNT_FIELDS,
        ),
    ),
    check_mode=READS_ONLY,
    diff_mode=NO_DIFF,
    seealso=("google_enterprise", "google_service_account"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    _check_options(params)
    current = _details(view)
    if params["state"] == "started":
        return _start(view, current, params, context)
    if params["state"] == "recorded":
        return _record(view, current, params, context)
    return _complete(view, current, params, context)


def _check_options(params: Params) -> None:
    """Raise InvalidValues if an option has no effect, or its value is invalid."""
    state = params["state"]
    others = dict.fromkeys(each for names in _ONLY_FOR.values() for each in names if each not in _ONLY_FOR[state])
    errors = [f"{name} is not allowed with state={state}" for name in others if params[name] not in (None, False)]
    if state != "enrolled":
        blank = [name for name in _ONLY_FOR[state] if isinstance(params[name], str) and not params[name].strip()]
        errors += [f"{name} must not be empty" for name in blank]
        if "callback_url" not in blank and (error := https_url(params["callback_url"])):
            errors.append(f"callback_url {error}")
    if errors:
        raise InvalidValues(errors)


# --- reading ----------------------------------------------------------------------------------------------------------


def _details(view: TenantView) -> Row:
    """Return the enrollment or the pending sign-up, {} if there is none. Its secrets are hidden."""
    # Not from the cache, because a request of the task can change it.
    rows = list_all(view.client, _DETAILS, page_size=None, key=None, purpose=f"Reading the {_TITLE}")
    _hide(view, rows)
    return next((row for row in rows if is_enrolled(row)), rows[-1] if rows else {})


def _details_or_none(view: TenantView) -> Row | None:
    """Return the enrollment like _details(), None if the request fails."""
    try:
        return _details(view)
    except RequestFailed:
        return None


def _hide(view: TenantView, value: object) -> None:
    view.client.hide(*secret_values(value))


def _to_result(view: TenantView, row: Row) -> Row:
    values, mismatches = typed_result(_FIELDS, row)
    view.record_invalid(_TITLE, str(row.get("id")), mismatches)
    return {**values, "enrolled": is_enrolled(row), "signup_pending": _is_pending(row)}


def _is_pending(row: Row) -> bool:
    return bool(row.get("signup_url") or row.get("completion_token")) and not is_enrolled(row)


def _result(
    view: TenantView, before: Row, after: Row, context: RunContext, *, changed: bool, **predicted: bool
) -> ModuleResult:
    """Return the result of a task, with a diff if it changes something. ``predicted`` are values of check mode."""
    record = {**_to_result(view, after), **predicted}
    result: Row = {"changed": changed, "google_enterprise": record}
    if context.diff:
        known = _to_result(view, before)
        names = [name for name in ("enrolled", "signup_pending", "callback_url") if record[name] != known[name]]
        sides = [{name: each[name] for name in names} for each in (known, record)]
        result["diff"] = [diff_entry(_TITLE, *sides)] if changed else []
    return ModuleResult(result)


# --- states -----------------------------------------------------------------------------------------------------------


def _start(view: TenantView, current: Row, params: Params, context: RunContext) -> ModuleResult:
    """Start a sign-up unless the tenant is enrolled, or the same sign-up is pending."""
    is_same = _is_pending(current) and current.get("callback_url") == params["callback_url"]
    changed = not is_enrolled(current) and (not is_same or not current.get("signup_url") or params["force"])
    if changed and context.check_mode:
        after = {**current, "callback_url": params["callback_url"]}
        outcome = _result(view, current, after, context, changed=True, signup_pending=True)
        outcome.result["signup_url"] = None
        return outcome
    after = current
    if changed:
        after, changed = _begin(view, current, params["callback_url"])
    outcome = _result(view, current, after, context, changed=changed)
    url = to_text(after.get("signup_url")) if _is_pending(after) else None
    outcome.result["signup_url"] = None if url is None else Disclosed(url)
    return outcome


def _begin(view: TenantView, current: Row, callback_url: str) -> tuple[Row, bool]:
    """Return the started sign-up, or the enrollment if there is one already, and whether a sign-up was started."""
    purpose = "Starting the Google sign-up"
    try:
        response = view.client.request(
            "POST",
            "/v2/emm/enrollment/begin/",
            body={"callback_url": callback_url},
            purpose=purpose,
            idempotent=True,
        )
    except ApiError as error:
        if error.status != _CONFLICT or not is_enrolled(found := _details(view)):
            raise
        return found, False
    _hide(view, response.body)
    if not isinstance(response.body, dict) or not to_text(response.body.get("signup_url")):
        raise view.client.unusable(response, "POST", f"HTTP {response.status} without a sign-up URL", purpose)
    return {**current, "callback_url": callback_url, **response.body}, True


def _complete(view: TenantView, current: Row, params: Params, context: RunContext) -> ModuleResult:
    """Complete the pending sign-up unless the tenant is enrolled."""
    if is_enrolled(current):
        return _result(view, current, current, context, changed=False)
    token = (params["enterprise_token"] or "").strip()
    completion_token = (params["completion_token"] or "").strip() or to_text(current.get("completion_token"))
    if not token:
        raise InvalidParameter(
            "The tenant is not enrolled with Google, so enterprise_token is required. Google adds it to callback_url"
            " after the sign-up."
        )
    if not completion_token:
        raise InvalidParameter("No Google sign-up is pending. Start one with state=started, or set completion_token.")
    if context.check_mode:
        return _result(view, current, current, context, changed=True, enrolled=True, signup_pending=False)
    body = {"completion_token": completion_token, "enterprise_token": token}
    after = _once(view, "/v2/emm/enrollment/complete/", body, "Completing the Google sign-up")
    return _result(view, current, after, context, changed=True)


def _record(view: TenantView, current: Row, params: Params, context: RunContext) -> ModuleResult:
    """Add an existing enrollment to Esper unless the tenant has it. Raise InvalidParameter if it has another one."""
    wanted = params["google_enterprise_id"].strip()
    if is_enrolled(current):
        if current["google_enterprise_id"] != wanted:
            raise InvalidParameter(
                f"The tenant is enrolled with the {_TITLE} '{current['google_enterprise_id']}', so '{wanted}' cannot be"
                " recorded. The Esper API cannot end an enrollment."
            )
        return _result(view, current, current, context, changed=False)
    texts = {name: params[name] for name in (*_RECORDED, "name") if params[name] is not None}
    values = {name: value.strip() if isinstance(value, str) else value for name, value in texts.items()}
    values["state"] = values.pop("state_code")
    after = {**current, **values}
    if not context.check_mode:
        after = _once(view, _DETAILS, values, f"Recording the {_TITLE}")
        if after["google_enterprise_id"] != wanted:
            raise EsperError(f"Another client enrolled the tenant with '{after['google_enterprise_id']}'.")
    return _result(view, current, after, context, changed=True)


def _once(view: TenantView, path: str, body: Row, purpose: str) -> Row:
    """Return the enrollment after a request that is never sent twice. If its outcome is unknown, the details show it.

    Raise RequestFailed if the tenant is not enrolled afterwards.
    """
    try:
        response = view.client.request("POST", path, body=body, purpose=purpose, idempotent=False)
    except RequestFailed as error:
        is_rejected = isinstance(error, ApiError) and error.status in (_BAD_REQUEST, _NOT_FOUND, _CONFLICT)
        found = _details_or_none(view) if error.outcome_unknown or is_rejected else {}
        if found is not None and is_enrolled(found):
            # The response is lost, or another client sent the token at the same time.
            return found
        if isinstance(error, ApiError) and error.status == _NOT_FOUND:
            replace_hint(error, "Esper does not know the completion token. Start the sign-up again with state=started.")
        elif error.outcome_unknown:
            state = "The module cannot read the enrollment." if found is None else "The tenant is not enrolled."
            error.args = (
                f"{error} {state} Google accepts a token only once, so check the enrollment in the Esper Console before"
                " you start the sign-up again.",
            )
        raise
    _hide(view, response.body)
    if isinstance(response.body, dict) and is_enrolled(response.body):
        return response.body
    found = _details(view)
    if not is_enrolled(found):
        raise view.client.unusable(response, "POST", f"HTTP {response.status}, but no enrollment", purpose)
    return found


# --- information ------------------------------------------------------------------------------------------------------


def _run_info(view: TenantView, _params: Params, _context: RunContext) -> ModuleResult:
    warnings: list[str] = []

    def attempt(read: t.Callable[[], t.Any]) -> t.Any:
        try:
            return read()
        except ApiError as error:
            if error.status not in _REJECTED:
                raise
            warnings.append(str(error))
            return None

    details = attempt(lambda: _to_result(view, _details(view)))
    bindings = attempt(lambda: [GOOGLE_BINDINGS.to_result(row) for row in view.list_objects(GOOGLE_BINDINGS)])
    account = attempt(lambda: read_account(view))
    if len(warnings) == 3:
        raise EsperError(warnings[0])
    return ModuleResult(
        {"changed": False, "google_enterprise": details, "google_bindings": bindings, "service_account": account},
        warnings,
    )


GOOGLE_ENTERPRISE = ModuleDefinition("google_enterprise", _MODULE, _run, unknown={"google_enterprise": None})
GOOGLE_ENTERPRISE_INFO = ModuleDefinition("google_enterprise_info", _INFO_MODULE, _run_info)
