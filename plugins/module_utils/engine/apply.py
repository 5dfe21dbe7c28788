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
from ..model.plan import Change, Plan, Step
from ..model.unknowns import filled
from .object_cache import References
from .resource import Resource


@dataclass(frozen=True)
class Result:
    """What a task did, or in check mode would do. ``record`` is the object afterwards, None when it is absent.
    ``warnings`` are sentences for the user, ``related`` other objects that the task is about: see Plan."""

    changed: bool
    record: Row | None
    changes: list[Change]
    warnings: list[str]
    related: dict[str, list[Row]]


def ensure(resource: Resource, references: References, params: Params, *, check_mode: bool = False) -> Result:
    """Make an object be as the parameters of its module say.

    Raises any EsperError. When it does, the writes before the failed one have taken effect; the same call again
    carries on from there, or tells what was left where. An object that somebody else made meanwhile counts as changed,
    too: it is not as it was when the task looked.
    """
    return ensure_all(resource, references, [params], check_mode=check_mode)[0]


def ensure_all(
    resource: Resource, references: References, several: t.Sequence[Params], *, check_mode: bool = False
) -> list[Result]:
    """The same for several objects. All are planned before the first write, so that lists are read once for all."""
    plans = [plan(resource, references, params) for params in several]
    for planned in plans:
        planned.complete()
    for planned in plans:
        planned.settle()
    return [
        _carry_out(resource, references, params, planned, check_mode)
        for params, planned in zip(several, plans, strict=True)
    ]


def _carry_out(resource: Resource, references: References, params: Params, planned: Plan, check_mode: bool) -> Result:
    record = planned.record
    if planned.steps and not check_mode:
        record = apply(resource, references, planned)
        if any(step.adopted for step in planned.steps):
            # What was found in place of what should have been created may differ from it.
            rest = plan(resource, references, params)
            record = apply(resource, references, rest)
    return Result(bool(planned.steps), record, planned.changes, planned.warnings, planned.related)


def plan(resource: Resource, references: References, params: Params) -> Plan:
    """What it takes to make an object be as the parameters say. Sends no write."""
    return plan_from(resource, references, params, resource.find(references, params))


def plan_from(resource: Resource, references: References, params: Params, current: Row | None) -> Plan:
    """The same for an object that was looked up already."""
    if params.get("state") == "absent":
        planned = Plan(None) if current is None else resource.plan_delete(references, current, params)
    elif current is None:
        planned = resource.plan_create(references, params)
    else:
        planned = resource.plan_update(references, current, params)
    planned.current = current
    return planned


def apply(resource: Resource, references: References, planned: Plan) -> Row | None:
    """Send a plan's writes in their order; the object as it is afterwards, None when it is absent."""
    send(resource, references, planned.steps)
    return record_after(resource, planned)


def send(resource: Resource, references: References, steps: t.Sequence[Step]) -> None:
    """Send writes in their order."""
    try:
        for step in steps:
            if step.if_created is None or not step.if_created.adopted:
                _perform(references, resource, step)
                step.done = True
    finally:
        if steps:
            references.forget(resource)


def record_after(resource: Resource, planned: Plan) -> Row | None:
    """The object as it is after the writes of a plan, None when it is absent."""
    if planned.record is None or not planned.steps:
        return planned.record
    answers = [step.answer for step in planned.steps if step.answer is not None]
    return resource.record(answers[-1]) if answers else planned.record


def apply_each(
    references: References, resource: Resource, steps: t.Iterable[Step], *, concurrency: int = CONCURRENCY
) -> list[tuple[Step, EsperError]]:
    """Send writes that do not depend on each other, several at a time, each whatever becomes of the others; gives those
    that failed, and why."""

    def attempt(step: Step) -> tuple[Step, EsperError] | None:
        try:
            _perform(references, resource, step)
        except EsperError as error:
            return step, error
        return None

    outcomes = list(in_parallel(references.client, attempt, steps, concurrency))
    references.forget(resource)
    return [outcome for outcome in outcomes if outcome is not None]


def raise_first(failures: t.Sequence[tuple[Step, EsperError]]) -> None:
    """Raise the first of the failures that apply_each() gave, if there are any, and tell how many more there are."""
    if failures:
        error = failures[0][1]
        more = f" So it was with {len(failures) - 1} more." if len(failures) > 1 else ""
        error.args = (f"{error}{more} What could be done was done: run the task again for the rest.",)
        raise error


def _perform(references: References, resource: Resource, step: Step) -> None:
    if step.seconds is not None:
        references.client.extend(step.seconds)
    body = filled(step.body)
    send = functools.partial(
        references.client.request,
        step.method,
        step.path,
        ids=filled(step.ids),
        query=step.query,
        body=body,
        purpose=step.purpose,
    )
    if step.find is not None:
        _create_once(references, resource, step, send, functools.partial(step.find, body))
        return
    try:
        # Each of these writes sets a state rather than adding to one, so that sending it twice does no harm.
        answer = send(idempotent=True)
    except ApiError as error:
        if step.method == "DELETE" and error.status == 404:
            return
        raise
    step.answer = _object_in(answer, step)
    following = step.then(answer) if step.then else None
    if following:
        _perform(references, resource, following)


def _create_once(
    references: References,
    resource: Resource,
    step: Step,
    send: t.Callable[..., Response],
    find: t.Callable[[], Row | None],
) -> None:
    """Send a create. Where it is unclear whether it took effect, or somebody else was faster, look the object up by
    its natural key and adopt it; only where it is not there is the create sent again."""
    client, attempt = references.client, 0
    while True:
        try:
            answer = send(idempotent=False)
            step.answer = _object_in(answer, step)
            if step.answer is not None:
                _give_way(references, resource, step)
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
        references.forget(resource)
        try:
            found = find()
        except RequestFailed:
            # The create's own failure tells more than that of the look-up after it.
            raise failure from None
        if found is not None:
            step.answer, step.adopted = found, True
            return
        if refused or attempt > client.connection.retries:
            raise failure


def _give_way(references: References, resource: Resource, step: Step) -> None:
    """Where somebody else created the same at the same time, adopt theirs and delete what was just created."""
    if step.rival is None or step.answer is None:
        return
    references.forget(resource)
    try:
        other = step.rival(step.answer)
    except RequestFailed:
        # All is as it should be, as far as is known.
        return
    if other is not None:
        _perform(references, resource, resource.delete_step(step.answer))
        step.answer, step.adopted = other, True


def _object_in(answer: Response, step: Step) -> Row | None:
    """The object that a write answered with, if it did: some answer with nothing, or with a message only."""
    body = answer.body if isinstance(answer.body, dict) else {}
    row = step.read(body) if step.read else body
    return row if row and row.get("id") is not None else None
