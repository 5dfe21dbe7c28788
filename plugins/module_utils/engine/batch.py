# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many objects of several kinds at once: planned together, then applied, each after what it needs.

Knows no kind of object by name. As everywhere, planning sends GET requests only.
"""

from __future__ import annotations

import graphlib
import typing as t
from dataclasses import dataclass, field

from ..base.errors import ApiError, EsperError, InvalidParameter, NotFound, RequestFailed
from ..base.row import Params, Row
from ..http.parallel import CONCURRENCY, in_parallel
from ..model.plan import Change, Plan, Step
from ..model.unknowns import Maker, ResultOf, steps_in, without_pending
from . import apply as engine
from .object_cache import References
from .resource import Resource

# So few objects of a kind are looked up one by one, rather than in a list of all that there are.
_FEW = 5
_KEY_REFUSED = 401

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
    deletion_needs: set[Item] = field(default_factory=set)
    """The objects that must change as planned before the deletions of this one."""
    level: int = 0

    @property
    def label(self) -> str:
        """Where the object stands, and what it is called."""
        return f"{self.place} '{self.name}'" if self.name else self.place

    @property
    def is_absent(self) -> bool:
        """Whether the object is not to be there."""
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
    def rows_after(self) -> list[Row]:
        """What there is to be of the object, and of those that are made along with it, in the terms of the API."""
        expected = [row for resource, row in self.plan.expected if resource is self.resource]
        return expected or [row for row in [self.plan.current] if row is not None]

    @property
    def is_begun(self) -> bool:
        """Whether a write of the plan has taken effect."""
        return any(step.done for step in self.plan.steps)

    @property
    def lacks(self) -> str:
        """What failed of that which the object needs, as a sentence; "" where nothing did."""
        lacking = sorted(need.label for need in self.needs if need.error is not None)
        return f"It needs {' and '.join(lacking)}, which failed." if lacking else ""

    @property
    def lacks_for_deletion(self) -> str:
        """Return a sentence if an object did not change that must change before the deletions of this one, else ""."""
        unchanged = sorted(need.label for need in self.deletion_needs if need.action in ("failed", "skipped"))
        named = " and ".join(unchanged)
        return f"Nothing is deleted, because the change of {named} was not made." if unchanged else ""

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
        self._makers: dict[Maker, Item] = {}
        self._stages = _in_stages({item.resource.kind: item.resource for item in items})
        self._go_on = False
        self._stopped = False

    @property
    def failed(self) -> list[Item]:
        """The objects that are not as they are to be, and why they are not is known."""
        return [item for item in self.items if item.error is not None]

    # --- planning ---------------------------------------------------------------------------------------------------

    def name_all(self) -> None:
        """Find out what each object is called, without a request. One that is listed twice fails, both times."""
        known: dict[tuple[Resource, str], Item] = {}
        for item in self.items:
            if item.error is not None:
                continue
            try:
                item.name = item.resource.called(item.params)
            except EsperError as error:
                item.fail(error)
                continue
            other = known.setdefault((item.resource, item.name), item)
            if other is not item:
                self._clash(other, item)

    def _clash(self, *both: Item) -> None:
        one, other = sorted(both, key=self.items.index)
        for item in both:
            item.fail(
                InvalidParameter(
                    f"{one.place} and {other.place} are about the same {item.resource.title}, '{item.name}': list it"
                    " once."
                )
            )

    def plan_all(self, *, go_on: bool) -> None:
        """Plan each object, in the order in which plans are carried out: what is to be absent comes last. One that
        cannot be planned fails; the others are planned all the same, so that all that is wrong is told. But where it is
        the service that failed, and they are not to ``go_on``, or the key is refused, no more is asked of it."""
        self._go_on = go_on
        for resource in (each for stage in self._stages for each in stage):
            if self._stopped:
                break
            mine = [item for item in self.items if item.resource is resource and item.error is None]
            if len(mine) > _FEW:
                self._references.read_whole(resource)
            present = [item for item in mine if not item.is_absent]
            self._plan_those(sorted(present, key=lambda item: item.resource.depth(item.params)))
        self._plan_absent([item for item in self.items if item.is_absent and item.error is None])
        self._complete_plans()
        self._check_deletions()
        self._check_needs()
        for item in self.items:
            item.plan.settle()

    def _plan_those(self, waiting: list[Item]) -> None:
        """Plan objects of a kind. What one of them refers to may be planned after it; then it is tried again."""
        while waiting:
            for item in waiting:
                self._plan(item)
                if self._stopped:
                    return
            missing = [item for item in waiting if isinstance(item.error, NotFound)]
            if len(missing) == len(waiting):
                return
            waiting = missing

    def _plan(self, item: Item) -> None:
        item.error = None
        if self._find(item):
            self._plan_found(item)

    def _plan_absent(self, absent: list[Item]) -> None:
        """Plan what is to be absent. All of it is found first: what is in the way of one may be to go as well."""
        found = [item for item in absent if not self._stopped and self._find(item)]
        for item in found:
            if item.plan.current is not None:
                self._references.leave_out(item.resource, item.plan.current["id"])
        for item in found:
            if item.error is None and not self._stopped:
                self._plan_found(item)

    def _find(self, item: Item) -> bool:
        """Look an object up; false where it cannot be planned from there."""
        try:
            item.plan.current = current = item.resource.find(self._references, item.params)
        except EsperError as error:
            self._fail_to_plan(item, error)
            return False
        if current is None:
            return True
        owner = self._owners.setdefault((item.resource, current["id"]), item)
        if owner is not item:
            self._clash(owner, item)
        elif item.is_absent and isinstance(current["id"], ResultOf):
            maker = self._makers[current["id"].step]
            item.fail(InvalidParameter(f"It would delete what {maker.label} is to make."))
        return item.error is None

    def _plan_found(self, item: Item) -> None:
        try:
            plan = engine.plan_from(item.resource, self._references, item.params, item.plan.current)
        except EsperError as error:
            self._fail_to_plan(item, error)
            return
        item.plan, item.record = plan, without_pending(plan.record)
        item.action = item.planned_action
        for resource, row in plan.expected:
            self._references.expect(resource, row)
        for each in item.deleted_ids:
            self._references.leave_out(item.resource, each)
        # What is made along with an object, such as its parents, is before it.
        own = [row["id"] for resource, row in plan.expected if resource is item.resource]
        self._owners.update(((item.resource, each), item) for each in own[-1:])
        self._makers.update((step, item) for step in plan.steps)
        used = {step for each in plan.steps for part in (each.ids, each.body) for step in steps_in(part)}
        item.needs = {self._makers[step] for step in used} - {item}
        item.level = max((need.level + 1 for need in item.needs), default=0)

    def _complete_plans(self) -> None:
        """Add to each plan the steps that depend on all other plans, and find what must change before deletions."""
        for item in self.items:
            if item.error is not None or self._stopped:
                continue
            try:
                item.plan.complete()
            except EsperError as error:
                self._fail_to_plan(item, error)
                continue
            if item.plan.steps:
                item.action = item.planned_action
            for each in item.deleted_ids:
                self._references.leave_out(item.resource, each)
        planned = {
            (item.resource.kind, str(row["id"])): item
            for item in self.items
            if item.plan.steps or item.error is not None
            for row in [item.plan.current or {}]
            if "id" in row
        }
        for item in self.items:
            relied_on = {planned.get((kind.kind, str(each))) for kind, each in item.plan.relies_on}
            item.deletion_needs = {other for other in relied_on if other is not None} - {item}

    def _fail_to_plan(self, item: Item, error: EsperError) -> None:
        item.fail(error)
        refused = isinstance(error, ApiError) and error.status == _KEY_REFUSED
        self._stopped = refused or (isinstance(error, RequestFailed) and not self._go_on)

    def _check_deletions(self) -> None:
        """Fail those that delete, along with their own, what another is to keep."""
        kept = {
            (item.resource, str(each)): item
            for item in self.items
            if item.plan.record is not None
            for row in item.rows_after
            for each in item.resource.needed_ids(row) - item.deleted_ids
        }
        for item in self.items:
            for other in {kept.get((item.resource, each), item) for each in item.deleted_ids} - {item}:
                item.fail(InvalidParameter(f"It would delete what {other.label} is to keep."))

    def _check_needs(self) -> None:
        """Fail those that need what failed."""
        for item in sorted(self.items, key=lambda item: item.level):
            if item.error is None and item.lacks:
                item.fail(InvalidParameter(item.lacks))
        for item in self.items:
            if item.error is None and item.lacks_for_deletion:
                item.fail(InvalidParameter(item.lacks_for_deletion))

    # --- applying ---------------------------------------------------------------------------------------------------

    def leave_all(self) -> None:
        """Begin nothing."""
        for item in self.items:
            if item.error is None and item.plan.steps:
                item.action = "skipped"

    def apply_all(self, *, on_progress: OnProgress) -> None:
        """Send what is planned: several at a time, each after what it needs, and what deletes after all else.

        After a failure nothing more is begun, unless the plan is to go on; what is begun is completed. ``on_progress``
        is told how many objects are done, of how many. Raises nothing that is foreseeable: see Item.error.
        """
        self.leave_all()
        self._references.forget_plans()
        made: dict[tuple[int, int], list[Item]] = {}
        ended: dict[tuple[int, int], list[Item]] = {}
        waiting = [item for item in self.items if item.error is None and item.plan.steps]
        for item in waiting:
            stage = next(number for number, kinds in enumerate(self._stages) if item.resource in kinds)
            made.setdefault((stage, item.level), []).append(item)
            if item.deletions:
                depth = item.resource.depth_of(item.plan.current or {})
                ended.setdefault((-stage, -depth), []).append(item)
        done: set[Item] = set()
        for send, waves in ((self._make, made), (self._end, ended)):
            for _key, wave in sorted(waves.items(), key=lambda pair: pair[0]):
                for item in in_parallel(self._references.client, self._attempt(send), wave, CONCURRENCY):
                    if item.action != "skipped":
                        done.add(item)
                        on_progress(len(done), len(waiting))

    def _attempt(self, send: t.Callable[[Item], None]) -> t.Callable[[Item], Item]:
        def attempted(item: Item) -> Item:
            try:
                send(item)
            except EsperError as error:
                # At once: those before it in the wave may be under way for long.
                self._stopped = not self._go_on
                item.fail(error)
            return item

        return attempted

    def _make(self, item: Item) -> None:
        """Send all but what is to be sent at the end."""
        steps = [step for step in item.plan.steps if step not in item.deletions]
        if self._stopped or (item.deletions and not steps):
            return
        if item.lacks:
            raise InvalidParameter(item.lacks)
        engine.send(item.resource, self._references, steps)
        if any(step.adopted for step in steps):
            # What was found in place of what should have been created may differ from it. What is to be deleted is
            # planned already.
            again = engine.plan(item.resource, self._references, item.params)
            rest = [step for step in again.steps if step.method != "DELETE"]
            engine.send(item.resource, self._references, rest)
            item.plan.steps += rest
        if not item.deletions:
            item.done()

    def _end(self, item: Item) -> None:
        """Send what deletes. An object that is begun is completed."""
        if item.error is None and (item.is_begun or not self._stopped):
            if item.lacks_for_deletion:
                raise InvalidParameter(item.lacks_for_deletion)
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
