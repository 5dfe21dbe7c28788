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
from ..model.kind import Kind
from ..model.plan import Effect, ObjectDiff, Plan, Step
from ..model.unknowns import KnownAfterApply, Producer, hide_unknowns, required_steps
from . import apply as engine
from .lookup import lookup_of
from .planner import planner_of
from .tenant_view import TenantView

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

    kind: Kind
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
        """The IDs of what the plan deletes."""
        return {str(each.id) for each in self.plan.effects if each.row is None}

    @property
    def rows_after(self) -> list[Row]:
        """What there is to be of the object, and of those that are made along with it, in the terms of the API."""
        planned = [each.row for each in self.plan.effects if each.kind is self.kind and each.row is not None]
        return planned or [row for row in [self.plan.current] if row is not None]

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
    def changes(self) -> list[ObjectDiff]:
        """What becomes of the object, and of those that go with it, for the diff."""
        return [
            ObjectDiff(each.title, hide_unknowns(each.before), hide_unknowns(each.after)) for each in self.plan.changes
        ]

    def fail(self, error: EsperError) -> None:
        """Note why nothing, or no more, is done to the object."""
        self.action, self.error = "failed", error

    def done(self, view: TenantView) -> None:
        """Note that all is done to the object that was planned."""
        self.action, self.record = self.planned_action, engine.record_after(view, self.kind, self.plan)


class Bulk:
    """The objects of a task, from their parameters to what became of them."""

    def __init__(self, view: TenantView, items: list[Item]) -> None:
        self.items = items
        self._view = view
        self._owners: dict[tuple[Kind, t.Any], Item] = {}
        self._makers: dict[Producer, Item] = {}
        self._stages = _in_stages({item.kind.name: item.kind for item in items})
        self._go_on = False
        self._stopped = False

    @property
    def failed(self) -> list[Item]:
        """The objects that are not as they are to be, and why they are not is known."""
        return [item for item in self.items if item.error is not None]

    # --- planning ---------------------------------------------------------------------------------------------------

    def name_all(self) -> None:
        """Find out what each object is called, without a request. One that is listed twice fails, both times."""
        known: dict[tuple[Kind, str], Item] = {}
        for item in self.items:
            if item.error is not None:
                continue
            try:
                item.name = lookup_of(self._view, item.kind).task_key(item.params)
            except EsperError as error:
                item.fail(error)
                continue
            other = known.setdefault((item.kind, item.name), item)
            if other is not item:
                self._clash(other, item)

    def _clash(self, *both: Item) -> None:
        one, other = sorted(both, key=self.items.index)
        for item in both:
            item.fail(
                InvalidParameter(
                    f"{one.place} and {other.place} are about the same {item.kind.title}, '{item.name}': list it once."
                )
            )

    def plan_all(self, *, go_on: bool) -> None:
        """Plan each object, in the order in which plans are carried out: what is to be absent comes last. One that
        cannot be planned fails; the others are planned all the same, so that all that is wrong is told. But where it is
        the service that failed, and they are not to ``go_on``, or the key is refused, no more is asked of it."""
        self._go_on = go_on
        for kind in (each for stage in self._stages for each in stage):
            if self._stopped:
                break
            own = [item for item in self.items if item.kind is kind and item.error is None]
            if len(own) > _FEW:
                self._view.preload(kind)
            lookup, present = lookup_of(self._view, kind), [item for item in own if not item.is_absent]
            self._plan_those(sorted(present, key=lambda item: lookup.planned_depth(item.params)))
        self._plan_absent([item for item in self.items if item.is_absent and item.error is None])
        self._complete_plans()
        self._order_renames()
        self._set_levels()
        self._check_deletions()
        self._check_needs()
        for item in self.items:
            item.plan.evaluate_warnings()

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
                self._view.add_effects([Effect(item.kind, item.plan.current[item.kind.id_key], None)])
        refused: set[Item] = set()
        while True:
            for item in found:
                if item.error is None and not self._stopped:
                    self._plan_found(item)
            new = {item for item in found if item.error is not None} - refused
            if not new or self._stopped:
                return
            # What is kept can be in the way of the deletion of another one, such as a group of its parent.
            refused |= new
            for item in new:
                if item.plan.current is not None:
                    self._view.keep(item.kind, item.plan.current[item.kind.id_key])

    def _find(self, item: Item) -> bool:
        """Look an object up; false where it cannot be planned from there."""
        try:
            item.plan.current = current = lookup_of(self._view, item.kind).find(item.params)
        except EsperError as error:
            self._fail_to_plan(item, error)
            return False
        if current is None:
            return True
        identifier = current.get(item.kind.id_key)
        owner = self._owners.setdefault((item.kind, identifier), item)
        if owner is not item:
            self._clash(owner, item)
        elif item.is_absent and isinstance(identifier, KnownAfterApply):
            maker = self._makers[identifier.step]
            item.fail(InvalidParameter(f"It would delete what {maker.label} is to make."))
        return item.error is None

    def _plan_found(self, item: Item) -> None:
        try:
            plan = planner_of(self._view, item.kind).plan(item.params, item.plan.current)
        except EsperError as error:
            self._fail_to_plan(item, error)
            return
        item.plan, item.record = plan, hide_unknowns(plan.record)
        item.action = item.planned_action
        self._view.add_effects(plan.effects)
        # What is made along with an object, such as its parents, is before it.
        own = [each.id for each in plan.effects if each.kind is item.kind and each.row is not None]
        self._owners.update(((item.kind, each), item) for each in own[-1:])
        self._makers.update((step, item) for step in plan.steps)
        used = {step for each in plan.steps for part in (each.ids, each.body) for step in required_steps(part)}
        used |= {step for each in plan.steps for step in each.after}
        item.needs = {self._makers[step] for step in used} - {item}

    def _order_renames(self) -> None:
        """Let an item that takes a name wait for the one that gives it up."""
        changes = [(item, *_names_of(item)) for item in self.items if item.error is None and not item.is_absent]
        renamers = {(item.kind, old): item for item, old, new in changes if old and old != new}
        for item, old, new in changes:
            former = renamers.get((item.kind, new)) if new != old else None
            if former is not None and former is not item:
                item.needs.add(former)

    def _set_levels(self) -> None:
        """Put each item on a later level than those that it needs. Fail those that exchange names, which is the only
        way to need each other."""
        try:
            for item in graphlib.TopologicalSorter({item: item.needs for item in self.items}).static_order():
                item.level = max((need.level + 1 for need in item.needs), default=0)
        except graphlib.CycleError as error:
            circle = sorted(set(error.args[1]), key=self.items.index)
            names = " and ".join(item.label for item in circle)
            for item in circle:
                item.needs -= set(circle)
                item.fail(
                    InvalidParameter(f"{names} exchange their names. Give one of them a third name in a task before.")
                )
            self._set_levels()

    def _complete_plans(self) -> None:
        """Add to each plan the steps that depend on all other plans, and find what must change before deletions."""
        for item in self.items:
            if item.error is not None or self._stopped:
                continue
            before = len(item.plan.effects)
            try:
                item.plan.complete()
            except EsperError as error:
                self._fail_to_plan(item, error)
                continue
            if item.plan.steps:
                item.action = item.planned_action
            self._view.add_effects(item.plan.effects[before:])
        planned = {
            (item.kind.key, str(row[item.kind.id_key])): item
            for item in self.items
            if item.plan.steps or item.error is not None
            for row in [item.plan.current or {}]
            if item.kind.id_key in row
        }
        for item in self.items:
            relied_on = {planned.get((kind.key, str(each))) for kind, each in item.plan.relies_on}
            item.deletion_needs = {other for other in relied_on if other is not None} - {item}

    def _fail_to_plan(self, item: Item, error: EsperError) -> None:
        item.fail(error)
        refused = isinstance(error, ApiError) and error.status == _KEY_REFUSED
        self._stopped = refused or (isinstance(error, RequestFailed) and not self._go_on)

    def _check_deletions(self) -> None:
        """Fail those that delete, along with their own, what another is to keep."""
        kept = {
            (item.kind, str(each)): item
            for item in self.items
            if item.plan.record is not None
            for row in item.rows_after
            for each in lookup_of(self._view, item.kind).dependency_ids(row) - item.deleted_ids
        }
        for item in self.items:
            for other in {kept.get((item.kind, each), item) for each in item.deleted_ids} - {item}:
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
        self._view.forget_plans()
        made: dict[tuple[int, int], list[Item]] = {}
        ended: dict[tuple[int, int], list[Item]] = {}
        waiting = [item for item in self.items if item.error is None and item.plan.steps]
        for item in waiting:
            stage = next(number for number, kinds in enumerate(self._stages) if item.kind in kinds)
            made.setdefault((stage, item.level), []).append(item)
            if item.deletions:
                depth = lookup_of(self._view, item.kind).depth_of(item.plan.current or {})
                ended.setdefault((-stage, -depth), []).append(item)
        done: set[Item] = set()
        for send, waves in ((self._make, made), (self._end, ended)):
            for _key, wave in sorted(waves.items(), key=lambda pair: pair[0]):
                for item in in_parallel(self._view.client, self._attempt(send), wave, CONCURRENCY):
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
        engine.send(self._view, item.kind, steps)
        if any(step.adopted for step in steps):
            # What was found in place of what should have been created may differ from it. What is to be deleted is
            # planned already.
            again = engine.make_plan(self._view, item.kind, item.params)
            rest = [step for step in again.steps if step.method != "DELETE"]
            engine.send(self._view, item.kind, rest)
            item.plan.steps += rest
        if not item.deletions:
            item.done(self._view)

    def _end(self, item: Item) -> None:
        """Send what deletes. An object that is begun is completed."""
        if item.error is None and (item.is_begun or not self._stopped):
            if item.lacks_for_deletion:
                raise InvalidParameter(item.lacks_for_deletion)
            engine.send(self._view, item.kind, item.deletions)
            item.done(self._view)


def _in_stages(kinds: dict[str, Kind]) -> list[list[Kind]]:
    """Kinds in stages: each is in a later one than those that it refers to."""
    sorter = graphlib.TopologicalSorter(
        {name: [each for each in kind.depends_on if each in kinds] for name, kind in kinds.items()}
    )
    sorter.prepare()
    stages = []
    while ready := sorter.get_ready():
        stages.append([kinds[name] for name in ready])
        sorter.done(*ready)
    return stages


def _names_of(item: Item) -> tuple[str, str]:
    """Return the name of the object of an item before and after the plan, "" if there is none, or if objects of the
    kind are not found by name alone, so that several can have one name."""
    if item.kind.lookup is not None:
        return "", ""
    rows = [each.row for each in item.plan.effects if each.kind is item.kind and each.row is not None]
    before, after = item.plan.current or {}, rows[-1] if rows else item.plan.current or {}
    return str(before.get(item.kind.name_key) or ""), str(after.get(item.kind.name_key) or "")
