# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, then apply. Planning sends GET requests only. Check mode only plans.

Knows no kind of object by name, and does not depend on Ansible: parameters and results are plain values.
"""

from __future__ import annotations

import functools
import itertools
import typing as t
from dataclasses import dataclass, replace

from ..base.errors import ApiError, EsperError, InvalidValues, NotFound, RequestFailed, TransportError
from ..base.ids import is_id
from ..base.row import Params, Row
from ..base.text import counted
from ..http.parallel import CONCURRENCY, in_parallel, until_failure
from ..http.responses import NOT_MODIFIED, Response, object_in, replace_hint, sentence
from ..model.conform import conform
from ..model.kind import Kind, Shape
from ..model.plan import ObjectDiff, Plan, Step
from ..model.unknowns import resolve_unknowns
from .lookup import lookup_of
from .planner import planner_of
from .tenant_view import AcceptedWrite, TenantView

# The maximum number of accepted write requests in the message of a failed task.
_LISTED_WRITES = 3

# The seconds between the readings that show whether the effect of a write request is complete.
_PAUSES = (1, 2, 3, 4, *[5] * 10)

# Maximum number of requests that merge the changes of a task with those of other clients.
_MAX_MERGES = 3


@dataclass(frozen=True)
class Result:
    """The result of a task, in check mode the plan. ``record`` is the object afterwards, None if it does not exist.
    ``warnings`` are sentences for the user, ``related`` and ``extra`` other return values, see Plan."""

    changed: bool
    record: Row | None
    changes: list[ObjectDiff]
    warnings: list[str]
    related: dict[str, list[Row]]
    extra: Row


def ensure(view: TenantView, kind: Kind, params: Params, *, check_mode: bool = False) -> Result:
    """Bring an object to the state in the parameters of its module, and return the result.

    Raise EsperError. The write requests before the failed one have taken effect, the message names them, and the same
    call again applies the rest. An object that another client created at the same time counts as changed.
    """
    return ensure_all(view, kind, [params], check_mode=check_mode)[0]


def ensure_all(
    view: TenantView, kind: Kind, several: t.Sequence[Params], *, check_mode: bool = False, diff: bool = False
) -> list[Result]:
    """Do the same for several objects. All are planned before the first write, so lists are read once. With ``diff``,
    the changes are for people: see Planner.readable_changes()."""
    plans = [make_plan(view, kind, params) for params in several]
    for planned in plans:
        planned.complete()
    for planned in plans:
        planned.evaluate_warnings()
        if diff:
            planned.changes = planner_of(view, kind).readable_changes(planned.changes)
    try:
        return [
            _apply_plan(view, kind, params, planned, check_mode) for params, planned in zip(several, plans, strict=True)
        ]
    except EsperError as error:
        add_accepted(view, error)
        raise


def _apply_plan(view: TenantView, kind: Kind, params: Params, planned: Plan, check_mode: bool) -> Result:
    record = planned.record
    if planned.steps and not check_mode:
        send(view, kind, planned.steps)
        merge_again(view, kind, params, planned)
        record = record_after(view, kind, planned)
        if rest := plan_rest(view, kind, params, planned.steps):
            record = apply(view, kind, rest)
    changed = any(not step.unchanged for step in planned.steps)
    return Result(changed, record, planned.changes, planned.warnings, planned.related, planned.extra)


def plan_rest(view: TenantView, kind: Kind, params: Params, steps: t.Iterable[Step]) -> Plan | None:
    """Return the plan of what is left to do after write requests, None if their responses show that nothing is.

    ``steps`` are the requests of one plan. An object that was found instead of created can differ. If the response to
    an update does not have the object, the object is read. Raise the error of the update if it did not take effect,
    another one if it deleted the object.
    """
    step = next((step for step in steps if step.unconfirmed is not None), None)
    if step is None or step.unconfirmed is None:
        adopted = [step for step in steps if step.adopted]
        return make_plan(view, kind, _selecting_replacement(kind, params, adopted)) if adopted else None
    # Another view, because this one can have the planned changes of other objects of the task.
    current_view = TenantView(view.client)
    try:
        rest = make_plan(current_view, kind, params)
    except NotFound:
        _raise_if_deleted(current_view, kind, params, step)
        raise
    if rest.steps:
        _raise_if_deleted(current_view, kind, params, step)
        view.accepted = [each for each in view.accepted if each.step is not step]
        raise step.unconfirmed
    return rest


def _raise_if_deleted(view: TenantView, kind: Kind, params: Params, step: Step) -> None:
    """Raise EsperError if the object of an update does not exist. A response without an object can mean that."""
    identifier = resolve_unknowns(step.ids).get("id") if step.path == kind.routes.object else None
    lookup = lookup_of(view, kind)
    if identifier is not None and lookup.find_by_id(str(identifier)) is None:
        raise EsperError(f"Esper deleted the {lookup.phrase(params)} instead of changing it.")


def _selecting_replacement(kind: Kind, params: Params, adopted: t.Iterable[Step]) -> Params:
    """Return parameters with the ID of the object that replaces the one with the ID in a task, which is deleted."""
    if params.get("id") is None:
        return params
    for step in adopted:
        if step.response is not None and any(isinstance(each, Step) and each.is_deletion for each in step.after):
            return {**params, "id": str(step.response[kind.id_key])}
    return params


def accepted_writes(view: TenantView, steps: t.Container[Step] | None = None) -> str:
    """Return a sentence about the write requests that Esper has accepted, "" if there are none. ``steps`` selects
    them."""
    writes = {each.step: each for each in view.accepted if steps is None or each.step in steps}
    ids = {step: f" (ID {write.id})" if write.id else "" for step, write in writes.items()}
    texts = [f"{step.purpose} was accepted{ids[step]}" for step in writes]
    if len(texts) > _LISTED_WRITES:
        more = len(texts) - _LISTED_WRITES
        texts = [*texts[:_LISTED_WRITES], f"{counted(more, 'more request')} {'was' if more == 1 else 'were'} accepted"]
    return f"{'. '.join(texts)}." if texts else ""


def add_accepted(view: TenantView, error: EsperError, steps: t.Container[Step] | None = None) -> None:
    """Add the write requests that Esper has accepted to the message of an error, if there are any that it lacks."""
    if error.names_changes:
        return
    if accepted := accepted_writes(view, steps):
        error.args = (f"{sentence(str(error))} {accepted} Run the task again to apply the rest.",)
        error.names_changes = True


def make_plan(view: TenantView, kind: Kind, params: Params) -> Plan:
    """Return the plan that brings an object to its desired state. Sends GET requests only."""
    lookup = lookup_of(view, kind)
    try:
        return planner_of(view, kind).plan(params, lookup.find(params))
    except InvalidValues as error:
        raise InvalidValues(error.errors, lookup.phrase(params)) from None


def apply(view: TenantView, kind: Kind, planned: Plan) -> Row | None:
    """Send the write requests of a plan in their order, and return the object afterwards, None if it does not exist."""
    send(view, kind, planned.steps)
    return record_after(view, kind, planned)


def send(view: TenantView, kind: Kind, steps: t.Sequence[Step]) -> None:
    """Send write requests in their order, those of one phase at the same time."""
    try:
        for _phase, group in itertools.groupby(steps, key=lambda step: step.phase or step):
            needed = [step for step in group if step.if_created is None or not step.if_created.adopted]
            if len(needed) > 1:
                _send_together(view, kind, needed)
            elif needed:
                _execute_step(view, kind, needed[0])
    finally:
        if steps:
            view.invalidate(kind)


def _send_together(view: TenantView, kind: Kind, steps: t.Sequence[Step]) -> None:
    """Send independent write requests, several at a time. After a failure, no further one is started. Raise it."""
    _results, failures = until_failure(view.client, lambda step: _execute_step(view, kind, step), steps, CONCURRENCY)
    if failures:
        error = failures[0]
        if len(failures) > 1:
            error.args = (f"{sentence(str(error))} {counted(len(failures) - 1, 'more request')} failed.",)
        raise error


def merge_again(view: TenantView, kind: Kind, params: Params, planned: Plan) -> None:
    """Apply a task again to an object that another client changed at the same time, if one of both changes is lost.

    The plan gets the additional steps, and a warning. Raise EsperError if the changes cannot be merged.
    """
    planner = planner_of(view, kind)
    for attempt in range(_MAX_MERGES + 1):
        step = next((each for each in reversed(planned.steps) if each.find_rival is not None), None)
        if step is None or step.find_rival is None or step.response is None:
            return
        phrase = kind.phrase(step.response)
        try:
            rival = step.find_rival(step.response)
        except EsperError as error:
            planned.warnings.append(
                f"The {phrase} is changed, but the module cannot determine whether another client changed it at the"
                f" same time. {error}"
            )
            return
        if rival is None:
            return
        try:
            merged = planner.plan_merge(params, rival, step)
        except EsperError as error:
            raise EsperError(
                f"Another client changed the {phrase} at the same time, and this task replaced its changes. They cannot"
                f" be merged. {error}"
            ) from None
        if not merged.steps:
            return
        if planned.current and all(rival.get(key, value) == value for key, value in planned.current.items()):
            planned.warnings.append(
                f"The {phrase} is changed, but Esper then returned it as before: it shows changes with a delay, or"
                " another client restored the values."
            )
            return
        if attempt == _MAX_MERGES:
            raise EsperError(
                f"Other clients changed the {phrase} {attempt + 1} times at the same time, so a change can be lost."
            )
        send(view, kind, merged.steps)
        planned.steps += merged.steps
        planned.warnings.append(
            f"Another client changed the {phrase} at the same time. The module merged both changes."
        )


def record_after(view: TenantView, kind: Kind, planned: Plan) -> Row | None:
    """Return the object after the write requests of a plan, None if it does not exist."""
    if planned.record is None or not planned.steps:
        return planned.record
    if planned.parts:
        response = planned.root.response if planned.root else None
        record = planned.record if response is None else view.to_result(kind, response)
        parts = resolve_unknowns(planned.parts)
        return {**record, **view.to_parts(kind, record.get("id"), parts)}
    responses = [step.response for step in planned.steps if step.response is not None]
    return view.to_result(kind, responses[-1]) if responses else planned.record


def apply_each(
    view: TenantView,
    kind: Kind,
    steps: t.Iterable[Step],
    *,
    concurrency: int = CONCURRENCY,
    stops: bool = False,
    on_progress: t.Callable[[int, int], None] | None = None,
) -> list[tuple[Step, EsperError]]:
    """Send independent write requests, several at a time. Return those that failed, with their errors.

    All are sent even if some fail. With ``stops``, no further one starts after a failure. ``on_progress`` is called
    after each request with the number of complete requests and of all.
    """
    steps = list(steps)
    failures: list[tuple[Step, EsperError]] = []

    def attempt(step: Step) -> tuple[Step, EsperError] | None:
        if stops and failures:
            return None
        try:
            _execute_step(view, kind, step)
        except EsperError as error:
            failures.append((step, error))
            return step, error
        return None

    outcomes = []
    for outcome in in_parallel(view.client, attempt, steps, concurrency):
        outcomes.append(outcome)
        if on_progress:
            on_progress(len(outcomes), len(steps))
    view.invalidate(kind)
    return [outcome for outcome in outcomes if outcome is not None]


def raise_first(failures: t.Sequence[tuple[Step, EsperError]]) -> None:
    """Raise the first of the failures of apply_each(), if there are any, with the number of the others."""
    if failures:
        error = failures[0][1]
        more = f" {counted(len(failures) - 1, 'more request')} failed." if len(failures) > 1 else ""
        error.args = (f"{error}{more} All other changes were applied. Run the task again to apply the rest.",)
        error.names_changes = True
        raise error


def _execute_step(view: TenantView, kind: Kind, step: Step) -> None:
    if step.sink is None:
        _send_step(view, kind, step)
        return
    try:
        step.sink.prepare()
        _send_step(view, kind, step)
    finally:
        step.sink.discard()


def _send_step(view: TenantView, kind: Kind, step: Step) -> None:
    if step.time_limit is not None:
        view.client.extend(step.time_limit)
    body = resolve_unknowns(step.body)

    def send(*, idempotent: bool) -> Response:
        response = view.client.request(
            step.method,
            step.path,
            ids=resolve_unknowns(step.ids),
            query=step.query,
            body=body,
            purpose=step.purpose,
            idempotent=idempotent,
        )
        response = replace(response, body=object_in(response.body, kind.routes.object_key))
        view.hide_secrets(kind, response.body)
        return response

    if step.find_existing is not None:
        _create_once(view, kind, step, send, functools.partial(step.find_existing, body))
        return
    try:
        # These requests set a state, so they can be sent twice.
        response = send(idempotent=True)
    except ApiError as error:
        if error.status != 404:
            raise
        if step.alternative is not None:
            _execute_step(view, kind, step.alternative)
            step.done = True
            return
        if explanation := _explain_not_found(view, kind, step):
            replace_hint(error, explanation)
        if explanation or not step.is_deletion:
            raise
        step.done = True
        return
    _raise_if_error(view, step, response)
    if response.status == NOT_MODIFIED:
        # Only reading the object shows whether it is as desired.
        step.done = step.unchanged = True
        step.unconfirmed = _without_object(view, step, response)
        return
    # A response that asks for another request has no effect yet.
    following = step.next_step(response) if step.next_step else None
    if following:
        _execute_step(view, kind, following)
        step.done = True
        return
    _accept(view, kind, step, response)
    step.response = _object_in(response, step, kind)
    if not step.is_deletion and not _is_confirmed(response, step, kind):
        step.unconfirmed = _without_object(view, step, response)
    if step.is_settled is not None:
        _wait_until_settled(view, step, step.is_settled)


def _wait_until_settled(view: TenantView, step: Step, is_settled: t.Callable[[], bool]) -> None:
    """Wait until the effect of a write request is complete. Raise EsperError if it takes too long."""
    for pause in _PAUSES:
        if is_settled():
            return
        view.client.wait(pause)
    if not is_settled():
        raise EsperError(
            f"{step.purpose} was accepted, but is not complete after {sum(_PAUSES)} seconds. Run the task again later."
        )


def _explain_not_found(view: TenantView, kind: Kind, step: Step) -> str:
    """Return the explanation of HTTP 404, "" if there is none: see Step.explain_not_found."""
    if step.explain_not_found is None:
        return ""
    # The cache can have the object from before another client deleted it.
    view.invalidate(kind)
    return step.explain_not_found()


def _raise_if_error(view: TenantView, step: Step, response: Response) -> None:
    """Raise TransportError if a response has an error, although its status is that of a success."""
    if response.is_error:
        raise view.client.unusable(response, step.method, f"HTTP {response.status} with an error", step.purpose)


def _without_object(view: TenantView, step: Step, response: Response) -> TransportError:
    return view.client.unusable(response, step.method, f"HTTP {response.status} without the object", step.purpose)


def _accept(view: TenantView, kind: Kind, step: Step, response: Response | None = None) -> None:
    """Record that Esper accepted a write request, before anything else is done with its response."""
    step.done = True
    view.accepted.append(AcceptedWrite(kind, step, response.body if response else None))
    if step.sink is not None and response is not None:
        step.sink.store(response.body)


def _create_once(
    view: TenantView,
    kind: Kind,
    step: Step,
    send: t.Callable[..., Response],
    find: t.Callable[[], Row | None],
) -> None:
    """Create an object. If the outcome is unknown, or if another client created it first, look the object up by its
    natural key and adopt it, or fail: see Kind.on_lost_create. The request is repeated only if the object does not
    exist."""
    client, attempt, is_unknown = view.client, 0, False
    while True:
        try:
            response = send(idempotent=False)
            _raise_if_error(view, step, response)
            _accept(view, kind, step, response)
            step.response = _object_in(response, step, kind)
            if step.response is not None:
                _resolve_duplicate(view, kind, step)
                return
            failure: RequestFailed = _without_object(view, step, response)
        except RequestFailed as error:
            failure = error
        is_unknown |= failure.outcome_unknown
        is_rejected = isinstance(failure, ApiError) and failure.status in (400, 409)
        if not (failure.outcome_unknown or is_rejected):
            raise failure
        attempt += 1
        if failure.outcome_unknown:
            # The server may still be creating the object.
            client.pause(attempt, failure)
        view.invalidate(kind)
        try:
            found = find()
        except RequestFailed:
            # The failure of the create request says more than that of the look-up.
            raise failure from None
        if found is not None and kind.on_lost_create == "fail":
            raise _lost(view, kind, step, failure) if is_unknown else failure
        if found is not None:
            step.response, step.adopted = found, True
            if is_unknown:
                _accept(view, kind, step)
            step.done = True
            return
        if is_rejected or attempt > client.connection.retries:
            raise failure


def _lost(view: TenantView, kind: Kind, step: Step, failure: RequestFailed) -> RequestFailed:
    """Return the error of a create whose response is lost, although the object exists."""
    others = accepted_writes(view)
    _accept(view, kind, step)
    lost = (
        f"Esper created the {kind.title}, but the response is lost, and the {kind.title} is useless without it. Delete"
        " it, and run the task again."
    )
    failure.args = (" ".join(filter(None, [sentence(str(failure)), lost, others])),)
    failure.names_changes = True
    return failure


def _resolve_duplicate(view: TenantView, kind: Kind, step: Step) -> None:
    """If another client created the same object at the same time, adopt theirs and delete the new one."""
    if step.find_duplicate is None or step.response is None:
        return
    view.invalidate(kind)
    try:
        other = step.find_duplicate(step.response)
    except RequestFailed:
        # The object was created. Only the check for a duplicate failed.
        return
    if other is not None:
        _execute_step(view, kind, planner_of(view, kind).delete_step(step.response))
        step.response, step.adopted = other, True


def _object_in(response: Response, step: Step, kind: Kind) -> Row | None:
    """Return the object in the response to a write request, None if it is empty or has a message only."""
    # A request that creates several objects returns a list of them.
    first = next(iter(response.body), None) if isinstance(response.body, list) else response.body
    body = first if isinstance(first, dict) else {}
    # A planner can add planned values, such as the ID of an object that an earlier step created.
    row = resolve_unknowns(step.extract_object(body)) if step.extract_object else body
    if not row or kind.shape is Shape.SINGLETON:
        return row or None
    # An ID of another type, such as a text in place of a number, is not an ID.
    id_fields = [field for field in kind.fields if field.api_name == kind.id_key]
    return row if is_id(row.get(kind.id_key)) and not conform(id_fields, row)[1] else None


def _is_confirmed(response: Response, step: Step, kind: Kind) -> bool:
    """Return whether the response to an update has the object or the property that was updated."""
    body = response.body if isinstance(response.body, dict) else {}
    if kind.shape is Shape.SINGLETON:
        return any(field.api_name in body for field in kind.fields)
    return body.get(step.response_key or kind.id_key) is not None
