# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many objects of several kinds in one task: planned together, then applied in the order of their dependencies.

Knows no kind of object by name. Planning sends GET requests only.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import graphlib
import typing as t
from dataclasses import dataclass, field

from ..base.errors import ApiError, EsperError, InvalidParameter, NotFound, RequestFailed
from ..base.ids import last_uuid, normal_id
from ..base.limits import FEW_LOOKUPS
from ..base.row import Params, Row
from ..http.parallel import CONCURRENCY, in_dependency_order, in_parallel
from ..model.kind import Kind
from ..model.plan import Effect, ObjectDiff, Plan, Step
from ..model.unknowns import KnownAfterApply, Producer, hide_unknowns, required_steps
from ..model.values import leaves
from . import apply as engine
from .deviations import Deviation, plan_without_accepted
from .lookup import lookup_of
from .planner import planner_of
from .tenant_view import TenantView

_UNAUTHORIZED = 401

ACTIONS = ("created", "updated", "deleted", "unchanged", "failed", "skipped")

OnProgress = t.Callable[[t.Collection["BatchItem"], t.Collection["BatchItem"]], None]
_Dependencies = t.Mapping["BatchItem", "set[BatchItem]"]


@dataclass(eq=False)
class BatchItem:
    """One object of a task, with the parameters of its module. ``option_path`` is its position in the task, such as
    ``apps[2]``.

    ``action``, one of ACTIONS, is its result, ``error`` the reason if it failed, and ``record`` the object afterwards.
    """

    kind: Kind
    option_path: str
    params: Params
    key: str = ""
    action: str = "skipped"
    error: EsperError | None = None
    plan: Plan = field(default_factory=lambda: Plan(None))
    record: Row | None = None
    depends_on: set[BatchItem] = field(default_factory=set)
    """The objects that must not fail before this one is applied."""
    runs_after: set[BatchItem] = field(default_factory=set)
    """The existing objects to which this one refers. They are changed first, even if the change fails."""
    deletion_depends_on: set[BatchItem] = field(default_factory=set)
    """The objects that must change as planned before the deletions of this one."""
    takes_name_of: set[BatchItem] = field(default_factory=set)
    """The objects to delete whose name this one gets."""
    deviations: tuple[Deviation, ...] = ()
    """The accepted deviations of the object."""
    accepted: list[Row] = field(default_factory=list)
    """The records of those that exist."""
    is_unlisted: bool = False
    """True if the task does not list the object. Batches delete it if nothing prevents that."""
    is_early: bool = False
    """True if the object is deleted among the changes, because another object needs its name."""
    level: int = 0

    @property
    def label(self) -> str:
        """The position and the key of the object."""
        return f"{self.option_path} '{self.key}'" if self.key else self.option_path

    @property
    def is_absent(self) -> bool:
        """True if the task requires that the object does not exist."""
        return self.params.get("state") in self.kind.absent_states

    @property
    def planned_action(self) -> str:
        """The action that the plan comes to, one of ACTIONS."""
        if all(step.unchanged for step in self.plan.steps):
            return "unchanged"
        if self.plan.record is None:
            return "deleted"
        return "created" if self.plan.current is None else "updated"

    @property
    def change_steps(self) -> list[Step]:
        """The write requests that do not wait for all other objects."""
        return [step for step in self.plan.steps if self.is_early or not self.plan.is_late(step)]

    @property
    def deletion_steps(self) -> list[Step]:
        """The write requests that are sent last: those that delete, and all of a plan that deletes the object. A
        deletion that frees a name is a change."""
        return [step for step in self.plan.steps if not self.is_early and self.plan.is_late(step)]

    @property
    def has_early_deletion(self) -> bool:
        """True if a deletion of the plan frees a name for a change."""
        return self.is_early or any(step.is_deletion for step in self.change_steps)

    @property
    def deleted_ids(self) -> set[str]:
        """The IDs of the objects that the plan deletes."""
        return {str(each.id) for each in self.plan.effects if each.row is None}

    @property
    def rows_after(self) -> list[Row]:
        """The object after the plan, and those that are created with it, in API format."""
        planned = [each.row for each in self.plan.effects if each.kind is self.kind and each.row is not None]
        return planned or [row for row in [self.plan.current] if row is not None]

    @property
    def is_refused(self) -> bool:
        """True if the task does not list the object, and it cannot be deleted."""
        return self.is_unlisted and isinstance(self.error, InvalidParameter)

    @property
    def is_started(self) -> bool:
        """True if a write request of the plan has taken effect."""
        return any(step.done for step in self.plan.steps)

    @property
    def failed_dependencies(self) -> str:
        """A sentence that names the dependencies that failed, "" if none did."""
        failed = sorted(item.label for item in self.depends_on if item.error is not None)
        return f"Depends on {' and '.join(failed)}, which failed." if failed else ""

    @property
    def unchanged_dependencies(self) -> str:
        """A sentence that names the objects that must change before the deletions, and did not, "" if all did."""
        unchanged = sorted(item.label for item in self.deletion_depends_on if item.action in ("failed", "skipped"))
        return f"Nothing is deleted, because {' and '.join(unchanged)} did not change." if unchanged else ""

    @property
    def changes(self) -> list[ObjectDiff]:
        """The changes of the object, and of those that change with it, for the diff."""
        return self.shown_changes(self.plan.changes)

    @staticmethod
    def shown_changes(changes: t.Iterable[ObjectDiff]) -> list[ObjectDiff]:
        """Return changes without values that are known only after a request."""
        return [ObjectDiff(each.title, hide_unknowns(each.before), hide_unknowns(each.after)) for each in changes]

    def fail(self, error: EsperError) -> None:
        """Record why the object is not changed, or not changed any further."""
        self.action, self.error = "failed", error

    def complete(self, view: TenantView) -> None:
        """Record that the whole plan is applied."""
        self.action, self.record = self.planned_action, engine.record_after(view, self.kind, self.plan)


class Batch:
    """The objects of a task, from their parameters to their results."""

    def __init__(self, view: TenantView, items: list[BatchItem]) -> None:
        self.items = items
        self.kept: list[BatchItem] = []
        """The objects that the task does not list and does not delete."""
        self._view = view
        self._owners: dict[tuple[Kind, t.Any], BatchItem] = {}
        self._creators: dict[Producer, BatchItem] = {}
        self._stages = _dependency_stages(items)
        self._continue_on_error = False
        self._is_stopped = False
        self._has_failed = False

    @property
    def failed(self) -> list[BatchItem]:
        """The objects that failed."""
        return [item for item in self.items if item.error is not None]

    # --- planning ---------------------------------------------------------------------------------------------------

    def assign_keys(self) -> None:
        """Set the key of each object, without a request. Both items fail if an object is listed twice."""
        known: dict[tuple[Kind, str], BatchItem] = {}
        for item in self.items:
            if item.error is not None:
                continue
            try:
                item.key = lookup_of(self._view, item.kind).task_key(item.params)
            except EsperError as error:
                item.fail(error)
                continue
            other = known.setdefault((item.kind, item.key), item)
            if other is not item:
                self._fail_duplicates(other, item)

    def _fail_duplicates(self, *both: BatchItem) -> None:
        one, other = sorted(both, key=self.items.index)
        for item in both:
            item.fail(
                InvalidParameter(
                    f"{one.option_path} and {other.option_path} both refer to the {item.kind.title} '{item.key}'."
                    " List it once."
                )
            )

    def plan_all(
        self,
        *,
        continue_on_error: bool,
        listed_kinds: t.Sequence[Kind] = (),
        find_unlisted: t.Callable[[], list[BatchItem]] | None = None,
    ) -> None:
        """Plan each object, in the order in which plans are applied: objects to delete are last.

        ``listed_kinds`` are kinds of which all objects are read. ``find_unlisted`` is called when all objects of the
        task are found. It returns objects to delete that the task does not list. Those that are protected are kept: see
        ``kept``.

        If an object cannot be planned, it fails, and the others are planned anyway, to report all errors. Planning
        stops if Esper returns HTTP 401. It also stops after any other failed request, unless ``continue_on_error``.
        """
        self._continue_on_error = continue_on_error
        self._read_lists(listed_kinds)
        for kind in (each for stage in self._stages for each in stage):
            if self._is_stopped:
                break
            own = [item for item in self.items if item.kind is kind and item.error is None]
            lookup, present = lookup_of(self._view, kind), [item for item in own if not item.is_absent]
            self._prefetch(kind, present)
            self._release_names([item for item in own if item.is_absent], present)
            self._plan_present(sorted(present, key=lambda item: lookup.planned_depth(item.params)))
        absent = [item for item in self.items if item.is_absent and item.error is None]
        found = [item for item in absent if not self._is_stopped and self._find(item)]
        if find_unlisted is not None and not self._is_stopped:
            unlisted = find_unlisted()
            found += unlisted
            self.items += unlisted
            self._stages = _dependency_stages(self.items)
        self._plan_absent(found)
        self._keep_refused()
        self._complete_plans()
        self._order_renames()
        self._order_early_deletions()
        self._order_references()
        self._set_levels()
        self._check_deletions()
        self._check_dependencies()
        self._keep_refused()
        for item in self.items:
            item.plan.evaluate_warnings()

    def find_item(self, kind: Kind, identifier: t.Any) -> BatchItem | None:
        """Return the object of the task that is an existing object. All objects must be found before."""
        return self._owners.get((kind, identifier))

    def keep_unlisted(self, reason: str) -> None:
        """Delete no object that the task does not list."""
        for item in self.items:
            if item.is_unlisted and item.error is None:
                item.fail(InvalidParameter(reason))
        self._keep_refused()

    def _keep_refused(self) -> None:
        self.kept += [item for item in self.items if item.is_refused]
        self.items = [item for item in self.items if not item.is_refused]

    def _read_lists(self, listed_kinds: t.Sequence[Kind]) -> None:
        """Read the lists of the kinds with many objects, and of some others, at the same time. If that fails, so do the
        plans."""
        items = [item.kind for item in self.items if item.error is None and item.params.get("id") is None]
        kinds = [kind for kind, number in collections.Counter(items).items() if number > FEW_LOOKUPS]
        for kind in {*kinds, *listed_kinds}:
            self._view.preload(kind)

        def read(read_list: t.Callable[[], t.Any]) -> None:
            with contextlib.suppress(EsperError):
                read_list()

        many = [each for kind in kinds if kind not in listed_kinds for each in lookup_of(self._view, kind).lists()]
        lists: list[t.Callable[[], t.Any]] = [functools.partial(self._view.list_objects, each) for each in many]
        lists += [lookup_of(self._view, kind).list_existing for kind in listed_kinds]
        if len(lists) > 1:
            list(in_parallel(self._view.client, read, lists, CONCURRENCY))

    def _prefetch(self, kind: Kind, items: list[BatchItem]) -> None:
        """Read what the plans of a kind need. If that fails, the plan of each object fails with its own error."""
        with contextlib.suppress(EsperError):
            planner_of(self._view, kind).prefetch([item.params for item in items])

    def _release_names(self, absent: list[BatchItem], present: list[BatchItem]) -> None:
        """Plan that objects do not exist which the task deletes by ID, if other objects of the task get their names."""
        by_id = {normal_id(item.params["id"]): item for item in absent if item.params.get("id") is not None}
        for item in present if by_id and absent[0].kind.lookup is None else ():
            with contextlib.suppress(EsperError):  # The plan of the object fails with the same error.
                named = lookup_of(self._view, item.kind).find_by_name(item.params.get("name") or "")
                ids = {normal_id(row[item.kind.id_key]): row[item.kind.id_key] for row in named}
                for identifier in (ids.keys() & by_id.keys()) - {normal_id(item.params.get("id"))}:
                    by_id[identifier].is_early = True
                    item.takes_name_of.add(by_id[identifier])
                    self._view.add_effects([Effect(item.kind, ids[identifier], None)])

    def _plan_present(self, waiting: list[BatchItem]) -> None:
        """Plan objects of a kind. Retry those that refer to an object that is planned after them."""
        while waiting:
            for item in waiting:
                self._plan(item)
                if self._is_stopped:
                    return
            missing = [item for item in waiting if isinstance(item.error, NotFound)]
            if len(missing) == len(waiting):
                return
            waiting = missing

    def _plan(self, item: BatchItem) -> None:
        item.error = None
        if self._find(item):
            self._plan_found(item)

    def _plan_absent(self, found: list[BatchItem]) -> None:
        """Plan the objects to delete. All of them must be found, because an object can be in use by another of them."""
        for item in found:
            if item.plan.current is not None:
                self._view.add_effects([Effect(item.kind, item.plan.current[item.kind.id_key], None)])
        refused: set[BatchItem] = set()
        while True:
            for item in found:
                if item.error is None and not self._is_stopped:
                    self._plan_found(item)
            new = {item for item in found if item.error is not None or item.accepted} - refused
            if not new or self._is_stopped:
                return
            # An object that is kept can prevent the deletion of another, such as that of its parent group.
            refused |= new
            for item in new:
                if item.plan.current is not None:
                    self._view.keep(item.kind, item.plan.current[item.kind.id_key])

    def _find(self, item: BatchItem) -> bool:
        """Look an object up. Return whether it can be planned."""
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
            self._fail_duplicates(owner, item)
        elif item.is_absent and isinstance(identifier, KnownAfterApply):
            creator = self._creators[identifier.step]
            item.fail(InvalidParameter(f"Cannot delete: {creator.label} creates it in this task."))
        return item.error is None

    def _plan_found(self, item: BatchItem) -> None:
        try:
            plan = planner_of(self._view, item.kind).plan(item.params, item.plan.current)
            plan, item.accepted = plan_without_accepted(self._view, item.kind, item.params, plan, item.deviations)
        except EsperError as error:
            self._fail_to_plan(item, error)
            return
        item.plan, item.record = plan, hide_unknowns(plan.record)
        item.action = item.planned_action
        self._view.add_effects(plan.effects)
        # The effects on objects that are created with it, such as its parents, are before its own.
        own = [each.id for each in plan.effects if each.kind is item.kind and each.row is not None]
        self._owners.update(((item.kind, each), item) for each in own[-1:])
        self._creators.update((step, item) for step in plan.steps)
        used = {step for each in plan.steps for part in (each.ids, each.body) for step in required_steps(part)}
        used |= {step for each in plan.steps for step in each.after}
        item.depends_on = {self._creators[step] for step in used} - {item}

    def _order_renames(self) -> None:
        """Apply an item that takes a name after the item that releases the name."""
        changes = [(item, *_names_of(item)) for item in self.items if item.error is None and not item.is_absent]
        renamers = {(item.kind, old): item for item, old, new in changes if old and old != new}
        for item, old, new in changes:
            former = renamers.get((item.kind, new)) if new != old else None
            if former is not None and former is not item:
                item.depends_on.add(former)
            item.depends_on |= item.takes_name_of

    def _order_early_deletions(self) -> None:
        """Apply a deletion that frees a name, and a change without deletions, after all that must change before it."""
        waiting = [item for item in self.items if item.has_early_deletion or not item.deletion_steps]
        for item in waiting:
            item.depends_on |= item.deletion_depends_on
            for other in item.deletion_depends_on:
                if other.is_absent and not other.is_early:
                    other.is_early = True
                    waiting.append(other)

    def _order_references(self) -> None:
        """Apply an item after the changes of the existing objects that it names by ID, if its kind refers to theirs."""
        changed = {
            (item.kind.name, str(each.id).lower()): item
            for item in self.items
            if item.error is None and item.plan.current is not None
            for each in item.plan.effects
        }
        names = {name for name, _id in changed}
        for item in self.items:
            if kinds := item.kind.depends_on & names:
                ids = {each for step in item.plan.steps for each in _ids_in([step.ids, step.body])}
                found = {changed.get((kind, each)) for kind in kinds for each in ids}
                item.runs_after = {each for each in found if each is not None}

    def _set_levels(self) -> None:
        """Set the level of each item above those of its dependencies. Fail items that depend on each other: those that
        exchange names, and those of which one uses an object whose name another takes."""
        try:
            for item in graphlib.TopologicalSorter({item: item.depends_on for item in self.items}).static_order():
                item.level = max((each.level + 1 for each in item.depends_on), default=0)
        except graphlib.CycleError as error:
            cycle = sorted(set(error.args[1]), key=self.items.index)
            labels = " and ".join(item.label for item in cycle)
            error_text = f"{labels} exchange their names. Give one of them a temporary name in an earlier task."
            if any(item.has_early_deletion for item in cycle):
                error_text = f"{labels} depend on each other, because one is deleted first. Use two tasks."
            for item in cycle:
                item.depends_on -= set(cycle)
                item.fail(InvalidParameter(error_text))
            self._set_levels()

    def _complete_plans(self) -> None:
        """Add to each plan the steps that depend on all other plans, and find what must change before deletions."""
        for item in self.items:
            if item.error is not None or self._is_stopped:
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
            item.deletion_depends_on = {other for other in relied_on if other is not None} - {item}

    def _fail_to_plan(self, item: BatchItem, error: EsperError) -> None:
        item.fail(error)
        is_unauthorized = isinstance(error, ApiError) and error.status == _UNAUTHORIZED
        self._is_stopped = is_unauthorized or (isinstance(error, RequestFailed) and not self._continue_on_error)

    def _check_deletions(self) -> None:
        """Fail items that also delete an object that another item keeps."""
        kept = {
            (item.kind, str(each)): item
            for item in self.items
            if item.plan.record is not None
            for row in item.rows_after
            for each in lookup_of(self._view, item.kind).dependency_ids(row) - item.deleted_ids
        }
        for item in self.items:
            for other in {kept.get((item.kind, each), item) for each in item.deleted_ids} - {item}:
                item.fail(InvalidParameter(f"Cannot delete: this task keeps {other.label}, which depends on it."))

    def _check_dependencies(self) -> None:
        """Fail items that depend on failed ones."""
        for item in sorted(self.items, key=lambda item: item.level):
            if item.error is None and item.failed_dependencies:
                item.fail(InvalidParameter(item.failed_dependencies))
        for item in self.items:
            if item.error is None and item.unchanged_dependencies:
                item.fail(InvalidParameter(item.unchanged_dependencies))

    # --- applying ---------------------------------------------------------------------------------------------------

    def mark_skipped(self) -> None:
        """Set the action of all items that are planned, but not applied."""
        for item in self.items:
            if item.error is None and item.plan.steps:
                item.action = "skipped"

    def apply_all(self, *, on_progress: OnProgress) -> None:
        """Send the write requests of all plans, several at a time, each item after those that it depends on, and
        deletions after all other changes.

        After a failure no further item is started, unless the plan continues on errors. Items in progress are
        completed. ``on_progress`` gets the completed items and all items with changes. Foreseeable errors are not
        raised: see BatchItem.error.
        """
        self.mark_skipped()
        self._view.forget_plans()
        waiting = [item for item in self.items if item.error is None and item.plan.steps]
        completed: set[BatchItem] = set()
        for send, dependencies in self._phases(waiting):
            for item in in_dependency_order(self._view.client, self._attempt(send), dependencies, CONCURRENCY):
                if item.action != "skipped":
                    completed.add(item)
                    on_progress(completed, waiting)

    def _phases(self, waiting: list[BatchItem]) -> t.Iterator[tuple[t.Callable[[BatchItem], None], _Dependencies]]:
        """Return what to send in which order: first all changes, then the deletions, stage by stage in the opposite
        order."""
        stage_of = {kind: number for number, kinds in enumerate(self._stages) for kind in kinds}
        changing = [item for item in waiting if item.change_steps]
        changing.sort(key=lambda item: (stage_of[item.kind], item.level))
        order = set(changing)
        yield self._apply_changes, {item: (item.depends_on | item.runs_after) & order for item in changing}
        deleting = [item for item in waiting if item.deletion_steps]
        for number in reversed(range(len(self._stages))):
            own = [item for item in deleting if stage_of[item.kind] == number]
            yield self._apply_deletions, self._deletion_order(own)

    def _deletion_order(self, deleting: list[BatchItem]) -> _Dependencies:
        """Return the items below each item in a tree of objects, which are deleted first."""
        paths = {item: lookup_of(self._view, item.kind).tree_path(item.plan.current or {}) for item in deleting}
        above = {(item.kind, path): item for item, path in paths.items() if path}
        order: dict[BatchItem, set[BatchItem]] = {item: set() for item in deleting}
        for item, path in paths.items():
            for depth in range(1, len(path)):
                if (parent := above.get((item.kind, path[:depth]))) is not None:
                    order[parent].add(item)
        return order

    def _attempt(self, send: t.Callable[[BatchItem], None]) -> t.Callable[[BatchItem], BatchItem]:
        def attempted(item: BatchItem) -> BatchItem:
            try:
                send(item)
            except EsperError as error:
                # In the thread, because the next item can start before the result of this one is read.
                engine.add_accepted(self._view, error, item.plan.steps)
                item.fail(error)
                self._has_failed = True
                self._is_stopped = not self._continue_on_error
            return item

        return attempted

    def _apply_changes(self, item: BatchItem) -> None:
        if self._is_stopped:
            return
        if item.failed_dependencies:
            raise InvalidParameter(item.failed_dependencies)
        steps = item.change_steps
        engine.send(self._view, item.kind, steps)
        if again := engine.plan_rest(self._view, item.kind, item.params, steps):
            # Its deletions are planned already.
            rest = [step for step in again.steps if not again.is_late(step)]
            engine.send(self._view, item.kind, rest)
            item.plan.steps += rest
        engine.merge_again(self._view, item.kind, item.params, item.plan)
        if not item.deletion_steps:
            item.complete(self._view)

    def _apply_deletions(self, item: BatchItem) -> None:
        # An item that is started is completed, even after a failure of another one.
        if item.is_unlisted and not item.is_started and self._has_failed:
            # The failed change can be why the task does not list the object, such as a replacement by another one.
            return
        if item.error is None and (item.is_started or not self._is_stopped):
            if item.unchanged_dependencies:
                raise InvalidParameter(item.unchanged_dependencies)
            engine.send(self._view, item.kind, item.deletion_steps)
            item.complete(self._view)


def _dependency_stages(items: t.Iterable[BatchItem]) -> list[list[Kind]]:
    """Return the kinds of objects in stages. Each kind is in a later stage than those that it refers to."""
    kinds = {item.kind.name: item.kind for item in items}
    sorter = graphlib.TopologicalSorter(
        {name: [each for each in kind.depends_on if each in kinds] for name, kind in kinds.items()}
    )
    sorter.prepare()
    stages = []
    while ready := sorter.get_ready():
        stages.append([kinds[name] for name in ready])
        sorter.done(*ready)
    return stages


def _names_of(item: BatchItem) -> tuple[str, str]:
    """Return the name of the object of an item before and after the plan, "" if there is none, or if objects of the
    kind are not found by name alone, so that several can have one name."""
    if item.kind.lookup is not None:
        return "", ""
    rows = [each.row for each in item.plan.effects if each.kind is item.kind and each.row is not None]
    before, after = item.plan.current or {}, rows[-1] if rows else item.plan.current or {}
    return str(before.get(item.kind.name_key) or ""), str(after.get(item.kind.name_key) or "")


def _ids_in(value: t.Any) -> t.Iterator[str]:
    """Return the texts and numbers in a value that can be IDs, in lower case, and the UUIDs at the ends of URLs."""
    for leaf in leaves(value):
        if isinstance(leaf, (str, int)):
            yield str(leaf).lower()
            if uuid := last_uuid(leaf):
                yield uuid
