# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and uploads of the modules for push certificates and DEP tokens.

Esper issues a text, such as a signing request, for which Apple issues a file. The module uploads this file to the
object that the text belongs to.

Choice: POST returns no ID, so the object of a new text is the newest one that the list did not have before.
Choice: Esper returns a text once. If the file with the text is missing, the module requests another one.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..base.errors import ApiError, EsperError, InvalidParameter, NotFound, RequestFailed
from ..base.ids import normal_id
from ..base.row import Params, Row
from ..base.secret_file import SecretFile
from ..base.times import newest_first
from ..engine.apply import send
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.forms import Form
from ..http.responses import replace_hint, sentence
from ..kinds.expiring import COMPLETED, REQUESTED
from ..model.field import SEARCH_PATH
from ..model.kind import Kind
from ..model.module_spec import Option
from ..model.plan import Step
from ..task import ModuleResult, RunContext, diff_entry


@dataclass(frozen=True)
class AppleFile:
    """The objects of a module. ``text`` is the text that Esper issues in a sentence, ``value`` the return value that
    has it, and ``file`` the file from Apple in a sentence. ``selectors`` are the options that select an object."""

    kind: Kind
    text: str
    value: str
    file: str
    selectors: tuple[str, ...]


def dest_option(text: str) -> Option:
    """Return the option ``dest``. ``text`` is the text that Esper issues, in a sentence."""
    return Option(
        "dest",
        (
            f"Path of the file for the {text}, on the machine where the module runs. The file has the mode 0600."
            " Missing directories are created. Requires O(state=requested).",
            f"Esper returns a {text} only once. If the file is missing or empty, the module requests another one.",
        ),
        type="path",
    )


def src_option(file: str, details: str) -> Option:
    """Return the option ``src``. ``file`` is the file from Apple in a sentence, ``details`` are sentences about it."""
    return Option("src", (f"Path of the {file} to upload, on the controller. {details}", *SEARCH_PATH), type="path")


def reject_options(params: Params, state: str, names: t.Iterable[str]) -> None:
    """Raise InvalidParameter if a task sets an option that its state does not allow."""
    if found := [name for name in names if params.get(name) is not None]:
        raise InvalidParameter(f"{' and '.join(found)} cannot be combined with state={state}.")


def newest(rows: t.Iterable[Row]) -> Row | None:
    """Return the object that was created last, None if there is none."""
    return next(iter(newest_first(rows, "created_at")), None)


def in_state(rows: t.Iterable[Row], state: str) -> list[Row]:
    """Return the objects in a state."""
    return [row for row in rows if row.get("state") == state]


def check_states(kind: Kind, rows: t.Iterable[Row]) -> None:
    """Raise EsperError if an object has no readable state, because an upload could then replace the wrong object."""
    if unknown := [str(row["id"]) for row in rows if not row.get("state")]:
        raise EsperError(
            f"Esper did not return the state of {', '.join(unknown)}, so the {kind.title} to replace is not known."
            " Run the task again, or set id."
        )


def with_id(kind: Kind, rows: t.Iterable[Row], identifier: str) -> Row:
    """Return the object with an ID. Raise NotFound if there is none."""
    rows = list(rows)
    found = rows_with_id(rows, identifier)
    if not found:
        raise NotFound(kind.title, identifier, (str(each["id"]) for each in rows))
    return found[0]


def rows_with_id(rows: t.Iterable[Row], identifier: str) -> list[Row]:
    """Return the objects with an ID: one, or none."""
    return [row for row in rows if normal_id(str(row["id"])) == normal_id(identifier.strip())]


def require_completed(view: TenantView, apple: AppleFile, rows: list[Row], params: Params) -> Row:
    """Return the object with a file from Apple that a task without a file selects. Raise EsperError if there is none,
    and Ambiguous if there are several."""
    kind, selected = apple.kind, wanted(params, apple.selectors)
    row = lookup_of(view, kind).one_or_none(rows, selected)
    if row is not None and row.get("state") != COMPLETED:
        raise EsperError(
            f"The {apple.text} '{selected}' waits for its {apple.file}. Upload the {apple.file} from Apple with src."
        )
    if row is None:
        advice = f"Create a {apple.text} with state=requested, and upload the {apple.file} from Apple with src."
        if any(params.get(name) is not None for name in apple.selectors):
            raise NotFound(kind.title, selected, map(kind.name_of, rows), advice)
        raise EsperError(f"The tenant has no {kind.title}. {advice}")
    return row


def wanted(params: Params, selectors: tuple[str, ...]) -> str:
    """Return the object of a task for messages."""
    return next((str(params[name]) for name in selectors if params.get(name) is not None), "of the tenant")


def expiry_warnings(kind: Kind, row: Row) -> list[str]:
    """Return a warning if an object is expired, or if its expiry is not known."""
    record, phrase = kind.to_result(row), kind.phrase(row)
    if record["days_left"] is None:
        return [f"Esper returned no valid time at which the {phrase} expires."]
    return [f"The {phrase} expired on {record['expires_at']}. Renew it."] if record["days_left"] < 0 else []


def unchanged(kind: Kind, row: Row | None, context: RunContext, warnings: t.Sequence[str] = ()) -> ModuleResult:
    """Return the result of a task that changes nothing. ``row`` is the object, None if it does not exist."""
    record: Row = {} if row is None else {kind.name: kind.to_result(row)}
    return ModuleResult({"changed": False, **record, **({"diff": []} if context.diff else {})}, [*warnings])


# --- state=requested --------------------------------------------------------------------------------------------------


def request(view: TenantView, apple: AppleFile, params: Params, context: RunContext) -> ModuleResult:
    """Request a text from Esper, unless an object waits for its file from Apple."""
    kind = apple.kind
    reject_options(params, "requested", ("src", *apple.selectors))
    known = _pending(view, kind)
    dest = SecretFile(params["dest"]) if params["dest"] is not None else None
    has_text = dest is None or (dest.path.is_file() and dest.path.stat().st_size > 0)
    pending = newest(known)
    if pending is not None and has_text and not params["force"]:
        return unchanged(kind, pending, context)
    warnings = []
    if pending is not None and not params["force"]:
        warnings = [
            f"Esper has a {apple.text} already (ID {pending['id']}), but does not return it again. The module requests"
            f" another one for '{params['dest']}'."
        ]
    result: Row = {"changed": True}
    record: Row = {**dict.fromkeys(field.name for field in kind.fields if not field.secret), "state": REQUESTED}
    if not context.check_mode:
        result[apple.value] = _issue(view, apple, dest, context)
        found = newest(row for row in _pending(view, kind) if row["id"] not in {each["id"] for each in known})
        record = record if found is None else kind.to_result(found)
    if context.diff:
        result["diff"] = [diff_entry(kind.title, {}, {"state": REQUESTED})]
    return ModuleResult({**result, kind.name: record}, warnings)


def _pending(view: TenantView, kind: Kind) -> list[Row]:
    return in_state(view.list_objects(kind, {"state": REQUESTED}), REQUESTED)


def _issue(view: TenantView, apple: AppleFile, dest: SecretFile | None, context: RunContext) -> str:
    """Request a text, write it to a file, and return it."""
    kind = apple.kind
    try:
        if dest is not None:
            dest.prepare()
        purpose = f"Requesting a {apple.text}"
        try:
            data = view.client.request_text("POST", kind.routes.list, body={}, purpose=purpose, idempotent=False)
        except RequestFailed as error:
            if error.outcome_unknown:
                error.args = (f"{sentence(str(error))} Run the task again: another {apple.text} does no harm.",)
            raise
        view.invalidate(kind)
        text = data.decode(errors="replace")
        context.effects.add(f"Esper created a {apple.text}.", **{apple.value: text})
        if dest is not None:
            dest.write(data)
        return text
    finally:
        if dest is not None:
            dest.discard()


# --- uploads ----------------------------------------------------------------------------------------------------------


def upload(view: TenantView, apple: AppleFile, target: Row, form: Form, find: t.Callable[[Row], bool]) -> Row:
    """Upload a file from Apple to an object, and return the object. ``find`` returns whether an object has the file,
    in case that the response is lost."""
    kind, before = apple.kind, _without_days(apple.kind.to_result(target))

    def find_existing(_body: t.Any) -> Row | None:
        # An object that is as before the upload, which can have the same file already, did not get the file.
        rows = [row for row in in_state(view.list_objects(kind), COMPLETED) if row["id"] == target["id"]]
        return next((row for row in rows if find(row) and _without_days(kind.to_result(row)) != before), None)

    name = next(iter(form.files.values())).name
    step = Step(
        purpose=f"Uploading '{name}' as {kind.title}",
        method="PUT",
        path=kind.routes.object,
        ids={"id": str(target["id"])},
        body=form,
        find_existing=find_existing,
    )
    try:
        send(view, kind, [step])
    except ApiError as error:
        if error.status == 400:
            hint = f"If Apple issued the {apple.file} for another {apple.text}, set id to the one it belongs to."
            replace_hint(error, hint)
        raise
    return step.response or {}


def _without_days(record: Row) -> Row:
    return {**record, "days_left": None}
