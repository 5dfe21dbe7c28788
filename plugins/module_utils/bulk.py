# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many objects of several kinds at once: planned together, then applied, each after what it needs.

Knows no kind of object by name. As everywhere, planning sends GET requests only.
"""

from __future__ import annotations

import graphlib
import typing as t
from dataclasses import dataclass, field

from . import engine
from .errors import EsperError, InvalidParameter, NotFound
from .paging import Row
from .parallel import CONCURRENCY, in_parallel
from .pending import steps_in, without_pending
from .references import References
from .resource import Change, Params, Plan, Resource, Step

# So few objects of a kind are looked up one by one, rather than in a list of all that there are.
_FEW = 5

ACTIONS = ("created", "updated", "deleted", "unchanged", "failed", "skipped")

OnProgress = t.Callable[[int, int], None]


@dataclass(eq=False)
class Item:
    """One object that is to be as parameters say. ``place`` is where the user wrote it, such as ``apps[2]``.

    ``action``, one of ACTIONS, is what became of it, ``error`` why it failed, and ``record`` what it is like then.
    """

    resource: Resource
    place: str
    params: Params
    name: str = ""
    action: str = "skipped"
    error: EsperError | None = None
    plan: Plan = field(default_factory=lambda: Plan(None))
    record: Row | None = None
    needs: set[Item] = field(default_factory=set)
    level: int = 0

    @property
    def label(self) -> str:
        """Where the object stands, and what it is called."""
        return f"{self.place} '{self.name}'" if self.name else self.place

    @property
    def is_absent(self) -> bool:
        """Whether the object is to be deleted."""
        return self.params.get("state") == "absent"

    @property
    def planned_action(self) -> str:
        """What is to be done to the object, as one of ACTIONS."""
        if not self.plan.steps:
            return "unchanged"
        if self.plan.record is None:
            return "deleted"
        return "created" if self.plan.current is None else "updated"

    @property
    def deletions(self) -> list[Step]:
        """The writes that wait until all else is done: those that delete, and all of a plan that leaves nothing."""
        if self.plan.record is None:
            return self.plan.steps
        return [step for step in self.plan.steps if step.method == "DELETE"]

    @property
    def deleted_ids(self) -> set[str]:
        """The ids of what the plan deletes."""
        return {str(step.ids["id"]) for step in self.plan.steps if step.method == "DELETE"}

    @property
    def changes(self) -> list[Change]:
        """What becomes of the object, and of those that go with it, for the diff."""
        return [
            Change(each.title, without_pending(each.before), without_pending(each.after)) for each in self.plan.changes
        ]

    def fail(self, error: EsperError) -> None:
        """Note why nothing, or no more, is done to the object."""
        self.action, self.error = "failed", error

    def done(self) -> None:
        """Note that all is done to the object that was planned."""
        self.action, self.record = self.planned_action, engine.record_after(self.resource, self.plan)


class Bulk:
    """The objects of a task, from their parameters to what became of them."""

    def __init__(self, references: References, items: list[Item]) -> None:
        self.items = items
        self._references = references
        self._owners: dict[tuple[Resource, t.Any], Item] = {}
        self._makers: dict[Step, Item] = {}
        self._stages = _in_stages({item.resource.kind: item.resource for item in items})
        self._stopped = False

    @property
    def failed(self) -> list[Item]:
        """The objects that are not as they are to be, and why they are not is known."""
        return [item for item in self.items if item.error is not None]

    @property
    def warnings(self) -> list[str]:
        """What the plans warn of; but not that others refer to what is replaced, where these are to refer to what
        replaces it."""
        return [sentence for item in self.items if not self._is_provided_for(item) for sentence in item.plan.warnings]

    def _is_provided_for(self, item: Item) -> bool:
        users = {row["id"] for rows in item.plan.related.values() for row in rows}
        if not users:
            return False
        mended = {other.plan.current["id"] for other in self.items if other.plan.current and item in other.needs}
        return users <= mended

    # --- planning ---------------------------------------------------------------------------------------------------

    def name_all(self) -> None:
        """Find out what each object is called, without a request. One that is listed twice fails, both times."""
        known: dict[tuple[Resource, str], Item] = {}
        for item in (each for each in self.items if each.error is None):
            try:
                item.name = item.resource.called(item.params)
            except EsperError as error:
                item.fail(error)
                continue
            other = known.setdefault((item.resource, item.name), item)
            if other is not item:
                _clash(other, item)

    def plan_all(self) -> None:
        """Plan each object. One that cannot be planned fails; the others are planned all the same.

        What is to be deleted is planned first, from the last kind to the first, so that what goes does not count as a
        user of what goes with it. Objects of the kinds that follow cannot refer to it any more.
        """
        kinds = [resource for stage in self._stages for resource in stage]
        of_kind = {kind: [item for item in self.items if item.resource is kind and not item.error] for kind in kinds}
        for kind, mine in of_kind.items():
            if len(mine) > _FEW:
                self._references.read_whole(kind)
        for kind in reversed(kinds):
            self._plan_those([item for item in of_kind[kind] if item.is_absent], reverse=True)
        for mine in of_kind.values():
            self._plan_those([item for item in mine if not item.is_absent])
            for identifier in (each for item in mine for each in item.deleted_ids):
                self._references.hide(identifier)
        self._check_deletions()

    def _plan_those(self, items: list[Item], *, reverse: bool = False) -> None:
        """Plan objects of a kind, those that are above others first, or last. What one of them refers to may be planned
        after it all the same; then it is tried again."""
        waiting = sorted(items, key=lambda item: item.resource.depth(item.params), reverse=reverse)
        while waiting:
            for item in waiting:
                self._plan(item)
            missing = [item for item in waiting if isinstance(item.error, NotFound)]
            if len(missing) == len(waiting):
                return
            waiting = missing

    def _plan(self, item: Item) -> None:
        item.error = None
        try:
            plan = engine.plan(item.resource, self._references, item.params)
        except EsperError as error:
            item.fail(error)
            return
        ids = [] if plan.current is None else [plan.current["id"]]
        for owner in (self._owners.get((item.resource, each)) for each in ids):
            if owner is not None:
                _clash(owner, item)
                return
        item.plan, item.record = plan, without_pending(plan.record)
        item.action = item.planned_action
        for resource, row in plan.expected:
            self._references.expect(resource, row)
            ids += [row["id"]] * (resource is item.resource)
        for each in item.deleted_ids:
            self._references.leave_out(each)
            if not item.is_absent:
                self._references.hide(each)
        self._owners.update(((item.resource, each), item) for each in ids)
        self._makers.update((step, item) for step in plan.steps)
        used = {step for each in plan.steps for part in (each.ids, each.body) for step in steps_in(part)}
        item.needs = {self._makers[step] for step in used} - {item}
        item.level = max((need.level + 1 for need in item.needs), default=0)

    def _check_deletions(self) -> None:
        """Fail those that delete, along with their own, what another is to keep."""
        kept = {
            (item.resource, str(each)): item
            for item in self.items
            for row in [item.plan.current, *(row for _resource, row in item.plan.expected)]
            if row is not None and item.plan.record is not None
            for each in item.resource.needed_ids(row) - item.deleted_ids
        }
        for item in self.items:
            for other in {kept.get((item.resource, each), item) for each in item.deleted_ids} - {item}:
                item.fail(InvalidParameter(f"It would delete what {other.label} is to keep."))

    # --- applying ---------------------------------------------------------------------------------------------------

    def apply_all(self, *, go_on: bool, on_progress: OnProgress) -> None:
        """Send what is planned: several at a time, each after what it needs, and what deletes after all else.

        After a failure nothing more is begun, unless it is to ``go_on``; what is begun is completed. ``on_progress`` is
        told how many objects are done, of how many. Raises nothing that is foreseeable: see Item.error.
        """
        planned = [item for item in self.items if item.error is None]
        for item in planned:
            item.action = "skipped" if item.plan.steps else "unchanged"
        if len(planned) < len(self.items) and not go_on:
            return
        self._references.forget_plans()
        made: dict[tuple[int, int], list[Item]] = {}
        ended: dict[tuple[int, int], list[Item]] = {}
        waiting = [item for item in planned if item.plan.steps]
        for item in waiting:
            stage = next(number for number, kinds in enumerate(self._stages) if item.resource in kinds)
            made.setdefault((stage, item.level), []).append(item)
            if item.deletions:
                ended.setdefault((-stage, -item.resource.depth(item.params)), []).append(item)
        count = 0
        for attempt, waves in ((self._make, made), (self._end, ended)):
            for _key, wave in sorted(waves.items(), key=lambda pair: pair[0]):
                for item, error in in_parallel(self._references.client, _caught(attempt), wave, CONCURRENCY):
                    if error is not None:
                        item.fail(error)
                        self._stopped = not go_on
                    if item.action != "skipped":
                        count += 1
                        on_progress(count, len(waiting))

    def _make(self, item: Item) -> None:
        """Send all but what is to be sent at the end."""
        steps = [step for step in item.plan.steps if step not in item.deletions]
        if self._stopped or (item.deletions and not steps):
            return
        if lacking := [need.label for need in item.needs if need.error is not None]:
            raise InvalidParameter(f"It needs {' and '.join(sorted(lacking))}, which failed.")
        engine.send(item.resource, self._references, steps)
        if any(step.adopted for step in steps):
            # What was found in place of what should have been created may differ from it.
            rest = engine.plan(item.resource, self._references, item.params).steps
            engine.send(item.resource, self._references, rest)
            item.plan.steps += rest
        if not item.deletions:
            item.done()

    def _end(self, item: Item) -> None:
        """Send what deletes. An object that is begun is completed."""
        begun = any(step.answer is not None for step in item.plan.steps)
        if item.error is None and (begun or not self._stopped):
            engine.send(item.resource, self._references, item.deletions)
            item.done()


def _in_stages(kinds: dict[str, Resource]) -> list[list[Resource]]:
    """Kinds in stages: each is in a later one than those that it refers to."""
    sorter = graphlib.TopologicalSorter(
        {kind: [each for each in resource.refers_to if each in kinds] for kind, resource in kinds.items()}
    )
    sorter.prepare()
    stages = []
    while ready := sorter.get_ready():
        stages.append([kinds[kind] for kind in ready])
        sorter.done(*ready)
    return stages


def _clash(one: Item, other: Item) -> None:
    for item in (one, other):
        item.fail(
            InvalidParameter(
                f"{one.place} and {other.place} are about the same {item.resource.title}, '{item.name}': list it once."
            )
        )


def _caught(attempt: t.Callable[[Item], None]) -> t.Callable[[Item], tuple[Item, EsperError | None]]:
    def attempted(item: Item) -> tuple[Item, EsperError | None]:
        try:
            attempt(item)
        except EsperError as error:
            return item, error
        return item, None

    return attempted
