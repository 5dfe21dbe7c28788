# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as data: the writes to send, what they change, and what the tenant will have afterwards."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..base.row import Row
from .kind import Kind
from .unknowns import KnownAfterApply, Producer

Finder = t.Callable[[t.Any], "Row | None"]
Reader = t.Callable[[Row], "Row | None"]
FollowUp = t.Callable[[t.Any], "Step | None"]


@dataclass(frozen=True)
class ObjectDiff:
    """What becomes of one object, for the diff: ``before`` and ``after`` hold what is managed, and nothing that only
    the server can know, so that check mode shows the same. Empty means that the object is not there."""

    title: str
    before: Row
    after: Row


@dataclass(frozen=True, eq=False)
class Effect:
    """What a plan does to one object, for the other plans of the same task: ``row`` is the object in the terms of the
    API once the plan is applied, None if it is deleted. The ID of an object that the plan creates is a
    KnownAfterApply."""

    kind: Kind
    id: t.Any
    row: Row | None


@dataclass(eq=False)
class Step:
    """One write to send. ``ids`` and ``body`` may hold results of earlier steps; a Form uploads a file.

    ``find`` belongs to a step that creates: given the body that was sent, it looks the object up by its natural key,
    for when the answer was lost or somebody else was faster. ``answer`` is the object that the server answered with,
    once the step is ``done``, and ``adopted`` whether it was found rather than created. ``rival`` is for what may be
    there twice: given the object that was created, it looks for the same one that somebody else created meanwhile and
    that is to be kept in its place.

    ``read`` finds the object in the answer's body, where the body itself is not it. ``then`` tells from the answer
    which write must follow, for what the service asks to confirm. Both may raise InvalidParameter. ``seconds`` is the
    time that the task gets for the step, if it has less left; 0 sets no limit.

    ``after`` are writes of other plans of the same task that must be sent before.

    A step that says ``if_created`` is left out if that one adopted an object: what it would write is not what the
    other object needs.
    """

    purpose: str
    method: str
    path: str
    ids: dict[str, str | KnownAfterApply] = field(default_factory=dict)
    query: Row | None = None
    body: t.Any = None
    find_existing: Finder | None = None
    find_duplicate: Reader | None = None
    extract_object: Reader | None = None
    next_step: FollowUp | None = None
    time_limit: float | None = None
    after: tuple[Producer, ...] = ()
    if_created: Step | None = None
    response: Row | None = None
    adopted: bool = False
    done: bool = False


@dataclass
class Plan:
    """What a task comes to: ``record`` is the object as it will be (None: absent), as far as that can be known."""

    record: Row | None
    steps: list[Step] = field(default_factory=list)
    changes: list[ObjectDiff] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    deferred_warnings: list[t.Callable[[], str]] = field(default_factory=list)
    """Those that depend on what else the task plans; "" where there is nothing to warn of."""
    related: dict[str, list[Row]] = field(default_factory=dict)
    """Other objects that the task is about, by the name of the return value that lists them."""
    effects: list[Effect] = field(default_factory=list)
    """What the tenant will have and no longer have once the plan is applied. The effect on the object of the task is
    the last one on its kind."""
    current: Row | None = None
    """The object as the service has it, None where there is none. The engine puts it in."""
    deferred_parts: list[t.Callable[[Plan], None]] = field(default_factory=list)
    """Functions that add the steps that depend on all other plans of the task."""
    relies_on: list[tuple[Kind, t.Any]] = field(default_factory=list)
    """Objects, by kind and ID, that must change as the same task plans before this plan deletes anything."""

    def complete(self) -> None:
        """Add the steps that depend on all other plans of the task. Raise EsperError if that fails."""
        parts, self.deferred_parts = self.deferred_parts, []
        for part in parts:
            part(self)

    def evaluate_warnings(self) -> None:
        """Note what there is to warn of, once all of the task is planned."""
        self.warnings += filter(None, [warning() for warning in self.deferred_warnings])
        self.deferred_warnings = []
