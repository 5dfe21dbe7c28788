# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans as data: the write requests, their diffs, and the state of the tenant afterwards."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..base.errors import RequestFailed
from ..base.row import Row
from .kind import Kind
from .unknowns import KnownAfterApply, Producer

Finder = t.Callable[[t.Any], "Row | None"]
Reader = t.Callable[[Row], "Row | None"]
FollowUp = t.Callable[[t.Any], "Step | None"]


@dataclass(frozen=True)
class ObjectDiff:
    """The diff of one object.

    ``before`` and ``after`` are its managed values, empty if the object does not exist. Values that are known only
    after a request are left out, so check mode and a run show the same.
    """

    title: str
    before: Row
    after: Row


@dataclass(frozen=True, eq=False)
class Effect:
    """The effect of a plan on one object, for the other plans of the same task.

    ``row`` is the object in API format after the plan is applied, None if it is deleted. The ID of an object that the
    plan creates is a KnownAfterApply.
    """

    kind: Kind
    id: t.Any
    row: Row | None


class Sink(t.Protocol):
    """A place for a secret that only the response to a request has."""

    def prepare(self) -> None:
        """Prepare the place before the request is sent. Raise InvalidParameter if that fails."""

    def store(self, body: t.Any) -> None:
        """Store the secret in the body of the response. Raise EsperError if that fails."""

    def discard(self) -> None:
        """Discard what was prepared and not used."""


@dataclass(eq=False)
class Step:
    """A write request.

    ``ids`` and ``body`` can contain KnownAfterApply values of earlier steps. A body that is a Form uploads a file.

    A step that creates an object has ``find_existing``. It returns the object by its natural key, from the body that
    was sent, if the response is lost or another client has created the object. ``find_duplicate`` is for objects that
    can exist twice. It returns the object that another client has created at the same time and that is kept instead of
    the created one.

    A step that replaces values that the task does not set has ``find_rival``. From the object in the response, it
    returns the object as another client saved it at the same time, None if no change is lost.

    ``extract_object`` returns the object in the body of the response, if it is not the whole body. ``next_step``
    returns the write request that must follow, such as a confirmation that Esper asks for. Both can raise
    InvalidParameter. If the task has less time left than ``time_limit`` in seconds, its deadline is extended. 0 removes
    the deadline.

    ``after`` are steps that must be sent before: those of other plans of the same task, and deletions of its own plan,
    which are sent after all changes otherwise. A step is skipped if its
    ``if_created`` step adopted an object, because its body is only valid for a created one.

    ``explain_not_found`` is called if Esper returns HTTP 404. It returns the sentence for the error, or "" for a
    DELETE that succeeded, because the object does not exist. Without it, 404 is success for every DELETE.

    A step that ``deletes`` deletes the object with another method than DELETE. It is sent with the deletions, 404 is
    success, and its response needs no object.

    ``response_key`` is the property that the response to an update must have, "" for the ID of the object. ``sink``
    stores a secret of the response.

    Steps next to each other with the same ``phase``, which is not 0, are independent and sent at the same time.
    ``alternative`` is sent instead if Esper returns HTTP 404. ``is_settled`` returns whether the effect of the request
    is complete. The engine waits until it is.

    The engine sets ``done`` when Esper has accepted the request, ``response`` to the object in the response, and
    ``adopted`` if that object was found instead of created. ``unchanged`` is true if Esper returned that a PUT changes
    nothing. ``unconfirmed`` is the error of an update whose response
    does not have the object, so only reading it shows whether the update took effect.
    """

    purpose: str
    method: str
    path: str
    ids: dict[str, str | KnownAfterApply] = field(default_factory=dict)
    query: Row | None = None
    body: t.Any = None
    find_existing: Finder | None = None
    find_duplicate: Reader | None = None
    find_rival: Reader | None = None
    extract_object: Reader | None = None
    next_step: FollowUp | None = None
    explain_not_found: t.Callable[[], str] | None = None
    deletes: bool = False
    response_key: str = ""
    time_limit: float | None = None
    after: tuple[Producer, ...] = ()
    if_created: Step | None = None
    sink: Sink | None = None
    phase: int = 0
    alternative: Step | None = None
    is_settled: t.Callable[[], bool] | None = None
    response: Row | None = None
    adopted: bool = False
    unchanged: bool = False
    done: bool = False
    unconfirmed: RequestFailed | None = None

    @property
    def is_deletion(self) -> bool:
        """True if the request deletes an object."""
        return self.deletes or self.method == "DELETE"


@dataclass
class Plan:
    """The plan of a task for one object. ``record`` is the predicted object in collection terms, None if it is
    absent."""

    record: Row | None
    steps: list[Step] = field(default_factory=list)
    changes: list[ObjectDiff] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    deferred_warnings: list[t.Callable[[], str]] = field(default_factory=list)
    """Functions that return a warning, "" if there is none. They depend on all other plans of the task."""
    related: dict[str, list[Row]] = field(default_factory=dict)
    """Other objects to return, by the name of the return value."""
    extra: Row = field(default_factory=dict)
    """Other return values. A Sink can set them."""
    effects: list[Effect] = field(default_factory=list)
    """Objects that the plan creates, changes or deletes. The effect on the object of the task is the last one of its
    kind."""
    current: Row | None = None
    """The existing object in API format, None if there is none. The engine sets it."""
    deferred_parts: list[t.Callable[[Plan], None]] = field(default_factory=list)
    """Functions that add steps. They depend on all other plans of the task."""
    root: Step | None = None
    """The step whose response is the object of a composite kind. None if the object itself does not change."""
    parts: Row = field(default_factory=dict)
    """The values of the record that the response to ``root`` lacks, with placeholders for values of other responses."""
    relies_on: list[tuple[Kind, t.Any]] = field(default_factory=list)
    """Objects, by kind and ID, whose planned changes must be applied before this plan deletes anything, or before all
    of its steps if it deletes nothing."""

    def is_late(self, step: Step) -> bool:
        """Return whether a step deletes something, and no other step of the plan must be sent after it."""
        deletes = self.record is None or step.is_deletion
        return deletes and not any(step in other.after for other in self.steps)

    def complete(self) -> None:
        """Add the deferred steps. Raise EsperError if that fails. All objects of the task must be planned before."""
        parts, self.deferred_parts = self.deferred_parts, []
        for part in parts:
            part(self)

    def evaluate_warnings(self) -> None:
        """Add the deferred warnings. All objects of the task must be planned before."""
        self.warnings += filter(None, [warning() for warning in self.deferred_warnings])
        self.deferred_warnings = []
