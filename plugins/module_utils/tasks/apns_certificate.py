# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that requests, uploads and deletes push certificates (APNs).

Based on /tenant/v0/apnscertificates/ and /tenant/v0/apnscertificates/{id}/ of the contract (v0.yaml).
Choice: a certificate is identified by its topic, and is the same if topic, expiry and Apple Account are the same.
Choice: an upload goes to O(id), otherwise to the newest signing request, otherwise to the certificate of the same
topic. A certificate that Esper has, but with another Apple Account, goes to its own object.
Choice: the requests of two certificates are not compared, because Esper does not return the key of a signing request.
Choice: a task without a file checks the certificate of a topic that expires last, because a renewal with another
signing request need not replace the object of the earlier one.
Choice: Apple Accounts are not case-sensitive, because they are email addresses.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ..base.certificates import PushCertificate, read_push_certificate
from ..base.errors import EsperError, InvalidParameter
from ..base.row import Params, Row
from ..base.times import days_until, format_utc, now, parse_time
from ..engine.apply import send
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.forms import Form
from ..kinds.apns_certificate import APNS_CERTIFICATE_ROWS
from ..kinds.expiring import COMPLETED, REQUESTED
from ..model.conform import to_row
from ..model.module_spec import ModuleSpec, Option, Value
from ..model.plan import Step
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry
from . import apple_uploads
from .apple_uploads import AppleFile, dest_option, in_state, newest, src_option

_APPLE = AppleFile(APNS_CERTIFICATE_ROWS, "signing request", "csr", "certificate", ("id", "apple_id", "topic"))

_MODULE = ModuleSpec(
    short_description="Manage APNs certificates in Esper",
    description=(
        "Requests a signing request for Apple, uploads the push certificate (APNs) that Apple issues for it, and"
        " deletes certificates. Esper manages Apple devices only with a push certificate, which is valid for a year.",
        "A renewal must have the topic of the current certificate. Otherwise, all Apple devices must enroll again.",
        "With O(src), the module reads the certificate, and uploads it unless Esper has a certificate with the same"
        " topic, expiry and Apple Account. It does not upload an expired certificate.",
        "Without O(src), O(state=present) only checks that the certificate exists.",
        "If neither O(id), O(apple_id) nor O(topic) is set, the module selects the only certificate of the tenant. If"
        " it only checks, it selects the one that expires last of several with the same topic.",
    ),
    options=(
        Option(
            "state",
            (
                "V(requested) ensures that a signing request waits for its certificate. Each new request has another"
                " key pair.",
                "V(present) ensures that the certificate is uploaded.",
                "V(absent) deletes a certificate, or the signing request with O(id).",
            ),
            choices=("requested", "present", "absent"),
            default="present",
        ),
        Option(
            "id",
            "ID of the certificate or of the signing request. If O(src) is set, the upload goes to it.",
            identifier=True,
        ),
        Option(
            "apple_id",
            "Apple Account with which the certificate was created, such as V(mdm@example.com).",
            identifier=True,
        ),
        Option(
            "topic",
            "Topic of the certificate, such as V(com.apple.mgmt.External.8f14e45f). If O(src) is set, the certificate"
            " must have this topic.",
            identifier=True,
        ),
        src_option(
            "certificate from Apple",
            "The format is PEM or DER. The file must not have a private key, which never leaves Esper.",
        ),
        dest_option("signing request"),
        Option(
            "force",
            "If V(true), requests another signing request although one waits, or uploads O(src) although Esper has the"
            " certificate. The task then reports a change in each run.",
            type="bool",
            default=False,
        ),
        Option(
            "confirm",
            "If V(true), confirms the deletion of a certificate, and the upload of one with another topic. Esper"
            " then loses the connection to the Apple devices. This cannot be undone.",
            type="bool",
            default=False,
        ),
    ),
    rules={"required_by": {"src": ("apple_id",)}},
    sources=("src",),
    requirements=("cryptography, to read O(src). ansible-core requires it, so the controller has it.",),
    returns=(
        Value(
            "apns_certificate",
            "The certificate after the task, or the signing request if O(state=requested). In check mode, the predicted"
            " state.",
            type="dict",
            returned="if O(state) is not V(absent)",
            contains=APNS_CERTIFICATE_ROWS.fields,
        ),
        Value(
            "csr",
            "Signing request, which Apple accepts at U(https://identity.apple.com).",
            returned="if the task creates a signing request",
            sample="PD94bWwgdmVyc2lvbj0iMS4wIiBlbmNvZGluZz0iVVRGLTgiPz4K",
        ),
    ),
    seealso=("apns_certificate_info", "dep_token", "vpp_token"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    state = params["state"]
    if state == "requested":
        return apple_uploads.request(view, _APPLE, params, context)
    apple_uploads.reject_options(params, state, ("dest",) if state == "present" else ("dest", "src"))
    rows = view.list_objects(APNS_CERTIFICATE_ROWS)
    if state == "absent":
        return _delete(view, rows, params, context)
    if params["src"] is not None:
        return _upload(view, rows, params, context)
    row = apple_uploads.require_completed(view, _APPLE, _without_renewed(_selected(rows, params)), params)
    return apple_uploads.unchanged(
        APNS_CERTIFICATE_ROWS, row, context, apple_uploads.expiry_warnings(APNS_CERTIFICATE_ROWS, row)
    )


def _selected(rows: list[Row], params: Params) -> list[Row]:
    """Return the objects that the options select. Without an ID, only certificates are selected."""
    identifier = params["id"]
    rows = in_state(rows, COMPLETED) if identifier is None else apple_uploads.rows_with_id(rows, identifier)
    if params["apple_id"] is not None:
        rows = [row for row in rows if _is_same_account(row, params["apple_id"])]
    if params["topic"] is not None:
        rows = [row for row in rows if _topic_of(row) == params["topic"].strip()]
    return rows


def _without_renewed(rows: list[Row]) -> list[Row]:
    """Return only the certificate that expires last if all have the same topic: the others were renewed."""
    topics = {_topic_of(row) for row in rows}
    dated = [(expiry, row) for row in rows if (expiry := _expiry_of(row)) is not None]
    if len(topics) != 1 or topics == {None} or len(dated) < len(rows):
        return rows
    return [max(dated, key=lambda pair: pair[0])[1]]


def _topic_of(row: Row) -> str | None:
    topic = to_row(row.get("meta")).get("topic")
    return topic if isinstance(topic, str) and topic else None


def _expiry_of(row: Row) -> datetime | None:
    text = to_row(row.get("meta")).get("cert_expiry_on")
    time = parse_time(text) if isinstance(text, str) else None
    # A certificate has no fractions of a second.
    return None if time is None else time.replace(microsecond=0)


def _is_same_account(row: Row, apple_id: str) -> bool:
    return str(row.get("apple_id") or "").strip().casefold() == apple_id.strip().casefold()


# --- upload -----------------------------------------------------------------------------------------------------------


def _upload(view: TenantView, rows: list[Row], params: Params, context: RunContext) -> ModuleResult:
    path = Path(params["src"])
    certificate = read_push_certificate(path)
    if certificate.expires <= now():
        raise InvalidParameter(
            f"The certificate '{path}' expired on {format_utc(certificate.expires)}. Create a new one with Apple."
        )
    if params["topic"] is not None and params["topic"].strip() != certificate.topic:
        raise InvalidParameter(
            f"The certificate '{path}' has the topic {certificate.topic}, not {params['topic']}. Correct src or topic."
        )
    if params["id"] is None:
        apple_uploads.check_states(APNS_CERTIFICATE_ROWS, rows)
    completed = in_state(rows, COMPLETED)
    selected = None if params["id"] is None else apple_uploads.with_id(APNS_CERTIFICATE_ROWS, rows, params["id"])
    same = [row for row in completed if row is (selected or row) and _has(row, certificate)]
    current = next((row for row in same if _is_same_account(row, params["apple_id"])), None)
    if current is not None and not params["force"]:
        return apple_uploads.unchanged(
            APNS_CERTIFICATE_ROWS, current, context, apple_uploads.expiry_warnings(APNS_CERTIFICATE_ROWS, current)
        )
    account = params["apple_id"].strip()
    target = selected or next(iter(same), None) or _target(view, rows, certificate)
    _check_topic(target, completed, certificate, params)
    after = {
        "apple_id": account,
        "topic": certificate.topic,
        "issued_at": format_utc(certificate.issued),
        "expires_at": format_utc(certificate.expires),
    }
    before = APNS_CERTIFICATE_ROWS.to_result(target)
    record = {**before, **after, "state": COMPLETED, "days_left": days_until(after["expires_at"])}
    if not context.check_mode:
        form = Form(fields={"apple_id": account}, files={"file": path})
        uploaded = apple_uploads.upload(
            view, _APPLE, target, form, lambda row: _has(row, certificate) and _is_same_account(row, account)
        )
        record = view.to_result(APNS_CERTIFICATE_ROWS, uploaded)
    result: Row = {"changed": True, APNS_CERTIFICATE_ROWS.name: record}
    if context.diff:
        replaced = {name: before[name] for name in after} if target.get("state") == COMPLETED else {}
        result["diff"] = [diff_entry(f"{APNS_CERTIFICATE_ROWS.title} {certificate.topic}", replaced, after)]
    return ModuleResult(result)


def _has(row: Row, certificate: PushCertificate) -> bool:
    """Return whether Esper has a certificate in an object. An unknown expiry counts as the same."""
    return _topic_of(row) == certificate.topic and _expiry_of(row) in (None, certificate.expires)


def _target(view: TenantView, rows: list[Row], certificate: PushCertificate) -> Row:
    """Return the object that takes an upload. Raise EsperError if there is none, Ambiguous if there are several."""
    pending = newest(in_state(rows, REQUESTED))
    if pending is not None:
        return pending
    former = [row for row in in_state(rows, COMPLETED) if _topic_of(row) == certificate.topic]
    row = lookup_of(view, APNS_CERTIFICATE_ROWS).one_or_none(former, certificate.topic)
    if row is None:
        raise EsperError(
            "No signing request waits for the certificate. Create one with state=requested, create the certificate"
            " with Apple, and run this task again."
        )
    return row


def _check_topic(target: Row, completed: list[Row], certificate: PushCertificate, params: Params) -> None:
    """Raise InvalidParameter if an upload replaces a certificate of another topic, unless the task confirms it."""
    # The topic of an expired certificate is not the current one if Esper has a valid certificate.
    valid = [row for row in completed if (expiry := _expiry_of(row)) is None or expiry > now()]
    topics = {_topic_of(row) for row in valid or completed}
    own = _topic_of(target) if target.get("state") == COMPLETED else certificate.topic
    if params["confirm"] or (own == certificate.topic and (not topics or certificate.topic in topics)):
        return
    others = ", ".join(sorted(topic or "unknown" for topic in topics - {certificate.topic})) or "unknown"
    raise InvalidParameter(
        f"The certificate '{params['src']}' has the topic {certificate.topic}, and the current topic is {others}. With"
        " another topic, all Apple devices must enroll again. Renew the current certificate with the same Apple"
        " Account, or set confirm=true."
    )


# --- delete -----------------------------------------------------------------------------------------------------------


def _delete(view: TenantView, rows: list[Row], params: Params, context: RunContext) -> ModuleResult:
    row = lookup_of(view, APNS_CERTIFICATE_ROWS).one_or_none(
        _selected(rows, params), apple_uploads.wanted(params, _APPLE.selectors)
    )
    if row is None:
        return apple_uploads.unchanged(APNS_CERTIFICATE_ROWS, None, context)
    if row.get("state") != REQUESTED and not params["confirm"]:
        raise InvalidParameter(
            f"Without the {APNS_CERTIFICATE_ROWS.phrase(row)}, Esper cannot manage the Apple devices of the tenant. To"
            " delete it, set confirm=true."
        )
    record = APNS_CERTIFICATE_ROWS.to_result(row)
    if not context.check_mode:
        step = Step(
            f"Deleting the {APNS_CERTIFICATE_ROWS.phrase(row)}",
            "DELETE",
            APNS_CERTIFICATE_ROWS.routes.object,
            ids={"id": str(row["id"])},
        )
        send(view, APNS_CERTIFICATE_ROWS, [step])
    result: Row = {"changed": True}
    if context.diff:
        before = {name: record[name] for name in ("state", "apple_id", "topic", "expires_at")}
        result["diff"] = [diff_entry(APNS_CERTIFICATE_ROWS.header(row), before, {})]
    return ModuleResult(result)


APNS_CERTIFICATE = ModuleDefinition("apns_certificate", _MODULE, _run, unknown={"apns_certificate": None})
