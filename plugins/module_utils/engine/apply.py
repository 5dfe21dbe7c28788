# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, then apply. Planning sends GET requests only; check mode is planning without applying.

Knows no kind of object by name, and nothing of Ansible: it takes plain parameters and gives a plain result.
"""

from __future__ import annotations

import functools
import typing as t
from dataclasses import dataclass

from ..base.errors import ApiError, EsperError, RequestFailed, TransportError
from ..base.row import Params, Row
from ..http.parallel import CONCURRENCY, in_parallel
from ..http.responses import Response
from ..model.kind import Kind, Shape
from ..model.plan import ObjectDiff, Plan, Step
from ..model.unknowns import resolve_unknowns
from .lookup import lookup_of
from .planner import planner_of
from .tenant_view import TenantView


@dataclass(frozen=True)
class Result:
    """What a task did, or in check mode would do. ``record`` is the object afterwards, None when it is absent.
    ``warnings`` are sentences for the user, ``related`` other objects that the task is about: see Plan."""

    changed: bool
    record: Row | None
    changes: list[ObjectDiff]
    warnings: list[str]
    related: dict[str, list[Row]]


def ensure(view: TenantView, kind: Kind, params: Params, *, check_mode: bool = False) -> Result:
    """Make an object be as the parameters of its module say.

    Raises any EsperError. When it does, the writes before the failed one have taken effect; the same call again
    carries on from there, or tells what was left where. An object that somebody else made meanwhile counts as changed,
    too: it is not as it was when the task looked.
    """
    return ensure_all(view, kind, [params], check_mode=check_mode)[0]


def ensure_all(view: TenantView, kind: Kind, several: t.Sequence[Params], *, check_mode: bool = False) -> list[Result]:
    """The same for several objects. All are planned before the first write, so that lists are read once for all."""
    plans = [make_plan(view, kind, params) for params in several]
    for planned in plans:
        planned.complete()
    for planned in plans:
        planned.evaluate_warnings()
    return [
        _apply_plan(view, kind, params, planned, check_mode) for params, planned in zip(several, plans, strict=True)
    ]


def _apply_plan(view: TenantView, kind: Kind, params: Params, planned: Plan, check_mode: bool) -> Result:
    record = planned.record
    if planned.steps and not check_mode:
        record = apply(view, kind, planned)
        if any(step.adopted for step in planned.steps):
            # What was found in place of what should have been created may differ from it.
            rest = make_plan(view, kind, params)
            record = apply(view, kind, rest)
    return Result(bool(planned.steps), record, planned.changes, planned.warnings, planned.related)


def make_plan(view: TenantView, kind: Kind, params: Params) -> Plan:
    """What it takes to make an object be as the parameters say. Sends no write."""
    return planner_of(view, kind).plan(params, lookup_of(view, kind).find(params))


def apply(view: TenantView, kind: Kind, planned: Plan) -> Row | None:
    """Send a plan's writes in their order; the object as it is afterwards, None when it is absent."""
    send(view, kind, planned.steps)
    return record_after(view, kind, planned)


def send(view: TenantView, kind: Kind, steps: t.Sequence[Step]) -> None:
    """Send writes in their order."""
    try:
        for step in steps:
            if step.if_created is None or not step.if_created.adopted:
                _execute_step(view, kind, step)
                step.done = True
    finally:
        if steps:
            view.invalidate(kind)


def record_after(view: TenantView, kind: Kind, planned: Plan) -> Row | None:
    """The object as it is after the writes of a plan, None when it is absent."""
    if planned.record is None or not planned.steps:
        return planned.record
    answers = [step.response for step in planned.steps if step.response is not None]
    return view.to_result(kind, answers[-1]) if answers else planned.record


def apply_each(
    view: TenantView, kind: Kind, steps: t.Iterable[Step], *, concurrency: int = CONCURRENCY
) -> list[tuple[Step, EsperError]]:
    """Send writes that do not depend on each other, several at a time, each whatever becomes of the others; gives those
    that failed, and why."""

    def attempt(step: Step) -> tuple[Step, EsperError] | None:
        try:
            _execute_step(view, kind, step)
        except EsperError as error:
            return step, error
        return None

    outcomes = list(in_parallel(view.client, attempt, steps, concurrency))
    view.invalidate(kind)
    return [outcome for outcome in outcomes if outcome is not None]


def raise_first(failures: t.Sequence[tuple[Step, EsperError]]) -> None:
    """Raise the first of the failures that apply_each() gave, if there are any, and tell how many more there are."""
    if failures:
        error = failures[0][1]
        more = f" So it was with {len(failures) - 1} more." if len(failures) > 1 else ""
        error.args = (f"{error}{more} What could be done was done: run the task again for the rest.",)
        raise error


def _execute_step(view: TenantView, kind: Kind, step: Step) -> None:
    if step.time_limit is not None:
        view.client.extend(step.time_limit)
    body = resolve_unknowns(step.body)
    send = functools.partial(
        view.client.request,
        step.method,
        step.path,
        ids=resolve_unknowns(step.ids),
        query=step.query,
        body=body,
        purpose=step.purpose,
    )
    if step.find_existing is not None:
        _create_once(view, kind, step, send, functools.partial(step.find_existing, body))
        return
    try:
        # Each of these writes sets a state rather than adding to one, so that sending it twice does no harm.
        answer = send(idempotent=True)
    except ApiError as error:
        if step.method == "DELETE" and error.status == 404:
            return
        raise
    step.response = _object_in(answer, step, kind)
    following = step.next_step(answer) if step.next_step else None
    if following:
        _execute_step(view, kind, following)


def _create_once(
    view: TenantView,
    kind: Kind,
    step: Step,
    send: t.Callable[..., Response],
    find: t.Callable[[], Row | None],
) -> None:
    """Send a create. Where it is unclear whether it took effect, or somebody else was faster, look the object up by
    its natural key and adopt it; only where it is not there is the create sent again."""
    client, attempt = view.client, 0
    while True:
        try:
            answer = send(idempotent=False)
            step.response = _object_in(answer, step, kind)
            if step.response is not None:
                _resolve_duplicate(view, kind, step)
                return
            failure: RequestFailed = TransportError(
                f"{step.purpose} failed: {step.method} {step.path} answered {answer.status} without the object.",
                method=step.method,
                path=step.path,
                ambiguous=True,
            )
        except RequestFailed as error:
            failure = error
        refused = isinstance(failure, ApiError) and failure.status in (400, 409)
        if not (failure.ambiguous or refused):
            raise failure
        attempt += 1
        if failure.ambiguous:
            # Give a server that is still at work the time to finish.
            client.pause(attempt, failure)
        view.invalidate(kind)
        try:
            found = find()
        except RequestFailed:
            # The create's own failure tells more than that of the look-up after it.
            raise failure from None
        if found is not None:
            step.response, step.adopted = found, True
            return
        if refused or attempt > client.connection.retries:
            raise failure


def _resolve_duplicate(view: TenantView, kind: Kind, step: Step) -> None:
    """Where somebody else created the same at the same time, adopt theirs and delete what was just created."""
    if step.find_duplicate is None or step.response is None:
        return
    view.invalidate(kind)
    try:
        other = step.find_duplicate(step.response)
    except RequestFailed:
        # All is as it should be, as far as is known.
        return
    if other is not None:
        _execute_step(view, kind, planner_of(view, kind).delete_step(step.response))
        step.response, step.adopted = other, True


def _object_in(answer: Response, step: Step, kind: Kind) -> Row | None:
    """The object that a write answered with, if it did: some answer with nothing, or with a message only."""
    body = answer.body if isinstance(answer.body, dict) else {}
    row = step.extract_object(body) if step.extract_object else body
    is_object = bool(row) and (kind.shape is Shape.SINGLETON or (row or {}).get(kind.id_key) is not None)
    return row if is_object else None
