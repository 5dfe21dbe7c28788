# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that manages objects of all kinds in one task, as lists of the parameters of their modules."""

from __future__ import annotations

import collections
import functools
import math
import typing as t

from ..base.errors import InvalidParameter
from ..base.located import Positions
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.batch import ACTIONS, Batch, BatchItem, OnProgress
from ..engine.lookup import lookup_of
from ..engine.planner import planner_of
from ..engine.tenant_view import TenantView
from ..kinds.registry import KINDS
from ..model.kind import Kind, Shape
from ..model.module_spec import ModuleSpec, Option, Value
from ..model.plan import ObjectDiff
from ..task import ItemParams, ModuleDefinition, ModuleResult, RunContext, to_diff, unmet_requirement
from . import tenant_deviations, tenant_plan, tenant_prune
from .tenant_deviations import Deviations
from .tenant_plan import PlanDiffers, check_paths, check_reviewed, checksum_of, planned_changes, write_plan
from .tenant_prune import Pruning
from .tenant_record import RECORD, to_record

# The number of objects for which the task gets the time of the option deadline.
_OBJECTS_PER_DEADLINE = 100
# The maximum number of errors in the message. The result contains all.
_SHOWN_ERRORS = 3
_PROGRESS_STEPS = 10
# The minimum number of objects for which progress is reported.
_MANY = 20


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    if params["src"] is not None:
        raise InvalidParameter("The option src requires the action plugin of the module.")
    check_paths(params)
    deviations = Deviations.of(params, KINDS)
    pruning = Pruning.of(view, params, KINDS, deviations.active)
    items = [item for kind in KINDS for item in _items(view, kind, params[kind.tenant_option] or [])]
    batch, continue_on_error = Batch(view, items), params["on_error"] == "continue"
    _extend_deadline(view, len(items))
    batch.assign_keys()
    deviations.assign(items)
    result: Row = {"plan_checksum": None}
    failure: InvalidParameter | None = None
    readable: dict[BatchItem, list[ObjectDiff]] = {}
    if not batch.failed or continue_on_error:
        batch.plan_all(
            continue_on_error=continue_on_error,
            listed_kinds=pruning.kinds,
            find_unlisted=functools.partial(pruning.find_unlisted, batch) if pruning.kinds else None,
        )
        _report_plan(batch, context)
    if batch.failed and not continue_on_error:
        batch.mark_skipped()
    else:
        try:
            pruning.check(batch)
            _check_plan(view, params, batch, result)
        except InvalidParameter as error:
            failure = error
            batch.mark_skipped()
        else:
            readable = _readable(view, batch.items) if context.diff else {}
            if not context.check_mode:
                batch.apply_all(on_progress=_reporter(context))
    result["not_in_tree"] = pruning.records(batch)
    kept = [(each["kind"], each["name"]) for each in result["not_in_tree"] if each["action"] == "kept"]
    result["accepted_deviations"] = deviations.records(batch.items, kept)
    outcome = _outcome(batch, context, result, readable, failure)
    return ModuleResult(outcome.result, [*deviations.warnings(), *outcome.warnings])


def _check_plan(view: TenantView, params: Params, batch: Batch, result: Row) -> None:
    """Write the plan to a file if the task says so, and add its checksum to the result. Raise InvalidParameter if it is
    not the reviewed plan."""
    changes = planned_changes(batch, view.client.redact_all)
    result["plan_checksum"] = checksum_of(changes)
    if params["plan_dest"] is not None:
        write_plan(params["plan_dest"], changes)
    check_reviewed(params, changes)


def _items(view: TenantView, kind: Kind, params_list: t.Sequence[Params]) -> t.Iterator[BatchItem]:
    """Return the objects of a kind. Some parameters describe several objects, for example a directory of files. An
    object with invalid parameters is marked as failed."""
    for index, params in enumerate(params_list):
        option_path = kind.name if kind.shape is Shape.SINGLETON else f"{kind.plural}[{index}]"
        item = BatchItem(kind, option_path, params)
        try:
            if isinstance(params, ItemParams) and params.error:
                raise InvalidParameter(params.error)
            if unmet := unmet_requirement(kind.rules, params):
                raise InvalidParameter(f"{unmet[0].upper()}{unmet[1:]}.")
            expanded = lookup_of(view, kind).expand(params)
        except InvalidParameter as error:
            item.fail(error)
            expanded = None
        yield from [item] if expanded is None else [BatchItem(kind, option_path, single) for single in expanded]


def _extend_deadline(view: TenantView, count: int) -> None:
    client = view.client
    if client.connection.deadline:
        client.extend(client.connection.deadline * max(1, math.ceil(count / _OBJECTS_PER_DEADLINE)))


def _report_plan(batch: Batch, context: RunContext) -> None:
    if len(batch.items) >= _MANY:
        summary = ", ".join(f"{count} {action}" for action, count in _counts(batch).items() if count)
        context.progress(f"Planned {len(batch.items)} objects: {summary}")


def _reporter(context: RunContext) -> OnProgress:
    """Return a function that reports progress by kind, once for each tenth of the objects."""
    reported = 0

    def report(completed: t.Collection[BatchItem], waiting: t.Collection[BatchItem]) -> None:
        nonlocal reported
        count, total = len(completed), len(waiting)
        if total >= _MANY and count * _PROGRESS_STEPS // total > reported:
            reported = count * _PROGRESS_STEPS // total
            done, all_of = (collections.Counter(item.kind.titles for item in each) for each in (completed, waiting))
            kinds = ", ".join(f"{titles} {done[titles]} of {number}" for titles, number in all_of.items())
            context.progress(f"Completed {count} of {total} objects: {kinds}")

    return report


def _counts(batch: Batch) -> dict[str, int]:
    actions = [item.action for item in batch.items]
    return {action: actions.count(action) for action in ACTIONS}


def _outcome(
    batch: Batch,
    context: RunContext,
    values: Row,
    readable: dict[BatchItem, list[ObjectDiff]],
    failure: InvalidParameter | None,
) -> ModuleResult:
    """Return the result of a task. ``values`` are further return values, ``readable`` the changes of objects for
    people. ``failure`` is the reason why the task does not apply its plan."""
    changes = ("created", "updated", "deleted")
    result: Row = {
        **values,
        "changed": any(item.action in changes or item.is_started for item in batch.items),
        "counts": _counts(batch),
        "objects": [to_record(item, context.positions) for item in batch.items],
    }
    if context.diff:
        changed = [item for item in batch.items if item.action not in ("failed", "skipped")]
        result["diff"] = to_diff(
            change for item in changed for change in item.shown_changes(readable.get(item, item.plan.changes))
        )
    if failure is not None:
        result.update(failed=True, msg=str(failure))
        if isinstance(failure, PlanDiffers) and failure.differences:
            result["plan_differences"] = failure.differences
    elif batch.failed:
        result.update(failed=True, msg=_message(batch, context.positions))
    return ModuleResult(result, [warning for item in batch.items for warning in item.plan.warnings])


def _readable(view: TenantView, items: t.Iterable[BatchItem]) -> dict[BatchItem, list[ObjectDiff]]:
    """Return the changes of objects for people. Before the changes, so that check mode and a run show the same."""
    by_kind: dict[Kind, list[BatchItem]] = {}
    for item in items:
        by_kind.setdefault(item.kind, []).append(item)
    readable: dict[BatchItem, list[ObjectDiff]] = {}
    for kind, group in by_kind.items():
        changes = planner_of(view, kind).readable_changes([change for item in group for change in item.plan.changes])
        remaining = iter(changes)
        readable |= {item: [next(remaining) for _change in item.plan.changes] for item in group}
    return readable


def _message(batch: Batch, positions: Positions) -> str:
    # An error about several objects, which contains the option paths, is listed once.
    errors: dict[str, str] = {}
    for item in batch.failed:
        error = str(item.error) if item.option_path in str(item.error) else f"{item.label}: {item.error}"
        errors.setdefault(error, positions.located(item.option_path, error))
    shown = list(errors.values())[:_SHOWN_ERRORS]
    hidden = len(errors) - len(shown)
    more = f" See objects for {counted(hidden, 'more error')}." if hidden > 0 else ""
    return f"{len(batch.failed)} of {len(batch.items)} objects failed. {' '.join(shown)}{more}"


def _option(kind: Kind) -> Option:
    """Return the option for the objects of a kind."""
    if kind.shape is Shape.SINGLETON:
        text = f"{kind.title[0].upper()}{kind.title[1:]}, with the options of M(esper.cloud.{kind.name})."
        return Option(kind.name, text, type="dict")
    text = f"{kind.titles[0].upper()}{kind.titles[1:]}, each with the options of M(esper.cloud.{kind.name})."
    return Option(
        kind.plural, (text, kind.tenant.text_doc) if kind.tenant.text_doc else text, type="list", elements="dict"
    )


TENANT = ModuleDefinition(
    "tenant",
    ModuleSpec(
        short_description="Manage many Esper objects in one task",
        description=(
            "Creates, updates and deletes many objects of several kinds in one task. 1,000 objects take about as long"
            " as a few tasks.",
            "Each object takes the options of its module, except the connection options. Set those for the task.",
            "The module plans all objects before the first write request, so most errors are found before anything is"
            " changed. If a list has more than five objects, it reads all objects of their kind at once.",
            "The module applies the plan in parallel, in the order of dependencies: device groups before their"
            " subgroups, apps and content files before blueprints. Deletions come last, in the opposite order.",
            "The order of the lists has no effect. An object can refer to another object of the same task that does not"
            " exist yet.",
            "Objects you omit are not changed, unless O(prune) selects them.",
        ),
        options=(
            Option(
                "src",
                (
                    "Directories on the controller with the objects as files, see the guide Tenant as code.",
                    "A later directory overlays the earlier ones: its objects replace single options of the same"
                    " objects. Options with the value null are removed.",
                    "The objects are added to those in the lists of the task.",
                    "The files are checked before the first request. Errors name the file and the line.",
                    "A relative path is searched in the same way as by M(ansible.builtin.copy).",
                ),
                type="list",
                elements="path",
            ),
            *(_option(kind) for kind in KINDS),
            *tenant_prune.OPTIONS,
            tenant_deviations.OPTION,
            *tenant_plan.OPTIONS,
            Option(
                "on_error",
                (
                    "Behavior if an object fails.",
                    "V(stop) starts no further objects and finishes those in progress. If planning fails for any"
                    " object, nothing is changed.",
                    "V(continue) processes all objects that do not depend on the failed one. The task fails anyway.",
                ),
                choices=("stop", "continue"),
                default="stop",
            ),
        ),
        returns=(
            Value(
                "objects",
                "Records of the objects, in the order of the options. In check mode, the plan.",
                type="list",
                elements="dict",
                returned="always",
                contains=RECORD,
            ),
            tenant_prune.NOT_IN_TREE,
            tenant_deviations.VALUE,
            tenant_plan.PLAN_CHECKSUM,
            tenant_plan.PLAN_DIFFERENCES,
            Value(
                "counts",
                "Number of objects for each RV(objects[].action).",
                type="dict",
                returned="always",
                sample={"created": 3, "updated": 1, "deleted": 0, "unchanged": 38, "failed": 0, "skipped": 0},
            ),
        ),
        sources=(
            *(f"{kind.tenant_option}.{source}" for kind in KINDS for source in kind.sources),
            "reviewed_plan",
        ),
        notes=(
            "The task has the time O(deadline) for each 100 objects.",
            "The task fails if an object is listed twice, or if it deletes an object that another object needs.",
            "It also fails if a device group gets the path of a group that the same task moves.",
            "To reuse the name of an object, such as a role, delete the object by ID in the same task. The deletion"
            " comes first.",
            "O(prune) never deletes an object in use. To delete one anyway, list it with C(state=absent) and"
            " C(force=true).",
            "After a failure or an interruption, run the same task again to apply the rest.",
        ),
        seealso=tuple(kind.name for kind in KINDS),
    ),
    _run,
    items={kind.tenant_option: kind for kind in KINDS},
)
