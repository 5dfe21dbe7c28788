# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for changes of pipelines: the pipeline itself, and its tree."""

from __future__ import annotations

import typing as t

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.text import composed, listed
from ..engine.planner import Planner
from ..http.parallel import together
from ..model.compare import HIDDEN
from ..model.plan import ObjectDiff, Plan, Step
from ..model.unknowns import KnownAfterApply, hide_unknowns
from .pipeline_changes import TreeChanges
from .pipeline_lookup import PipelineLookup
from .pipeline_result import Shown, tree_diff
from .pipeline_stages import Stage, StageResolver, check_stages, label_of_group
from .pipeline_tree import DEVICES, GROUPS, RUNS, Tree, TreeReader, is_active_run

_MAX_NAMED = 5


class PipelinePlanner(Planner):
    """Plans changes of pipelines."""

    def prefetch(self, several: t.Sequence[Params]) -> None:
        """Read the objects that the stages of several pipelines name together."""
        super().prefetch(several)
        StageResolver(self.view).prefetch(params["stages"] for params in several if params.get("stages"))

    def plan(self, params: Params, current: Row | None) -> Plan:
        """Return the plan of Planner. Stages that contradict each other are rejected first."""
        check_stages(params.get("stages") or [])
        return super().plan(params, current)

    def plan_create(self, params: Params) -> Plan:
        """Return the plan that creates a pipeline with its tree."""
        plan = super().plan_create(params)
        step = plan.steps[0]
        if params.get("stages") is not None:
            body = t.cast("Row", step.body)
            identifier = KnownAfterApply(step, "id")
            changes = TreeChanges(self.view, self.kind.phrase(body), identifier, Tree([], []), None)
            self._add_tree(plan, params, changes, StageResolver(self.view).resolve(params["stages"]), body)
        return plan

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan that changes a pipeline and its tree. The tree is read if the task has stages."""
        if params.get("stages") is None:
            return super().plan_update(current, params)
        reader = PipelineLookup(self.view, self.kind).tree_reader(current)
        # Neither needs the other, and both take several requests, one after the other.
        desired, tree = together(
            self.view.client,
            lambda: StageResolver(self.view).resolve(params["stages"]),
            lambda: _read_tree(reader, params["stages"]),
        )
        changes = TreeChanges(self.view, self.kind.phrase(current), str(current["id"]), tree, reader)
        plan = super().plan_update(current, params)
        is_guarded = bool(plan.steps)
        self._add_tree(plan, params, changes, desired, current)
        if plan.steps and not is_guarded:
            self.check_guards(current, params, updates=True)
        return plan

    def _add_tree(self, plan: Plan, params: Params, changes: TreeChanges, desired: list[Stage], row: Row) -> None:
        """Add the changes of the tree to the plan of the pipeline itself, which is ``row``."""
        changes.plan(desired, exact=bool(params["exact"]), can_recreate=bool(params["recreate_stages"]))
        if changes.risks and not params["confirm"]:
            risks = listed(list(dict.fromkeys(changes.risks)), _MAX_NAMED)
            raise InvalidParameter(
                f"The {self.kind.phrase(row)} is not changed, because it would get {risks}. Set confirm to true if this"
                " is intended."
            )
        shown = Shown(self.view, _paths_of(desired))
        after = shown.stages(changes.stages)
        plan.record = {**(plan.record or {}), "stages": hide_unknowns(after)}
        plan.root, plan.parts = next(iter(plan.steps), None), {"stages": after}
        plan.warnings += changes.warnings
        if changes.steps:
            plan.steps += changes.steps
            diff = plan.changes[0] if plan.changes else ObjectDiff(self.kind.header(row), {}, {})
            before, now = tree_diff(shown.stages(changes.stages_before), hide_unknowns(after))
            if not (before or now):
                # Secret arguments are equal in the diff.
                now = {"arguments of operations": HIDDEN}
            plan.changes = [ObjectDiff(diff.title, {**diff.before, **before}, {**diff.after, **now})]

    def plan_delete(self, current: Row, params: Params) -> Plan:
        """Return the plan that deletes a pipeline. With ``force``, its run is cancelled before."""
        plan = super().plan_delete(current, params)
        if params.get("force"):
            reader = PipelineLookup(self.view, self.kind).tree_reader(current)
            plan.steps[:0] = [self._cancel(reader, current, run) for run in reader.last_runs(1) if is_active_run(run)]
        return plan

    def _cancel(self, reader: TreeReader, current: Row, run: Row) -> Step:
        return Step(
            purpose=f"Cancelling run {run.get('number') or run['id']} of the {self.kind.phrase(current)}",
            method="PUT",
            path=f"{RUNS}{{id}}/",
            ids={"pipeline_id": str(current["id"]), "id": str(run["id"])},
            body={"status": "cancelled"},
            is_settled=lambda: not any(is_active_run(each) for each in reader.last_runs(1)),
        )


def _read_tree(reader: TreeReader, stages: t.Sequence[Params]) -> Tree:
    """Return the parts of a pipeline that the stages of a task need, without the members of target lists."""
    tree = reader.read(
        has_targets=_have(stages, "devices", "groups", "target_lists"),
        has_operations=_have(stages, "operations", "operation_lists"),
        has_unattached=False,
    )
    # A stage with one list keeps it if the task has the same type of members. So these are needed in any case.
    types = {
        composed(stage["name"]).strip(): type_
        for stage in stages
        for type_, option in ((DEVICES, "devices"), (GROUPS, "groups"))
        if stage.get(option) is not None
    }
    kept = [
        row["target_lists"][0]
        for row in tree.stages
        if len(row.get("target_lists", ())) == 1
        and row["target_lists"][0].get("target_list_type")
        == types.get(composed(str(row.get("name") or "")).strip(), "")
    ]
    reader.prefetch_members(kept)
    return tree


def _have(stages: t.Iterable[Params], *options: str) -> bool:
    """Return whether a stage of a task has one of the options."""
    return any(stage.get(option) is not None for stage in stages for option in options)


def _paths_of(stages: t.Iterable[Stage]) -> dict[str, str]:
    """Return the paths of the device groups that stages name, by ID."""
    return {
        str(row["id"]): label_of_group(row)
        for stage in stages
        for each in stage.target_lists or ()
        if each.type == GROUPS
        for row in each.members or ()
    }
