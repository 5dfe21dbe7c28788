# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that manages objects of all kinds in one task, as lists of the parameters of their modules."""

from __future__ import annotations

import math
import typing as t

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.batch import ACTIONS, Batch, BatchItem
from ..engine.lookup import lookup_of
from ..engine.planner import planner_of
from ..engine.tenant_view import TenantView
from ..kinds.registry import KINDS
from ..model.kind import Kind, Shape
from ..model.module_spec import ModuleSpec, Option, Value
from ..model.unknowns import hide_unknowns
from ..task import ItemParams, ModuleDefinition, ModuleResult, RunContext, to_diff, unmet_requirement

# The number of objects for which the task gets the time of the option deadline.
_OBJECTS_PER_DEADLINE = 100
# The maximum number of errors in the message. The result contains all.
_SHOWN_ERRORS = 3
_PROGRESS_STEPS = 10
# The minimum number of objects for which progress is reported.
_MANY = 20


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    items = [item for kind in KINDS for item in _items(view, kind, params[kind.tenant_option] or [])]
    batch, continue_on_error = Batch(view, items), params["on_error"] == "continue"
    _extend_deadline(view, len(items))
    batch.assign_keys()
    if not batch.failed or continue_on_error:
        batch.plan_all(continue_on_error=continue_on_error)
        _report_plan(batch, context)
        if context.diff:
            _name_objects(view, batch)
    if batch.failed and not continue_on_error:
        batch.mark_skipped()
    elif not context.check_mode:
        batch.apply_all(on_progress=_reporter(context))
    return _outcome(batch, context)


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


def _reporter(context: RunContext) -> t.Callable[[int, int], None]:
    """Return a function that reports progress once for each tenth of the objects."""
    reported = 0

    def report(count: int, total: int) -> None:
        nonlocal reported
        if total >= _MANY and count * _PROGRESS_STEPS // total > reported:
            reported = count * _PROGRESS_STEPS // total
            context.progress(f"Completed {count} of {total} objects")

    return report


def _counts(batch: Batch) -> dict[str, int]:
    actions = [item.action for item in batch.items]
    return {action: actions.count(action) for action in ACTIONS}


def _outcome(batch: Batch, context: RunContext) -> ModuleResult:
    changes = ("created", "updated", "deleted")
    result: Row = {
        "changed": any(item.action in changes or item.is_started for item in batch.items),
        "counts": _counts(batch),
        "objects": [_record(item) for item in batch.items],
    }
    if context.diff:
        changed = [item for item in batch.items if item.action not in ("failed", "skipped")]
        result["diff"] = to_diff(change for item in changed for change in item.changes)
    if batch.failed:
        result.update(failed=True, msg=_message(batch))
    return ModuleResult(result, [warning for item in batch.items for warning in item.plan.warnings])


def _name_objects(view: TenantView, batch: Batch) -> None:
    """Show names in place of IDs in the diff. Before the changes, so that check mode and a run show the same."""
    by_kind: dict[Kind, list[BatchItem]] = {}
    for item in batch.items:
        by_kind.setdefault(item.kind, []).append(item)
    for kind, items in by_kind.items():
        planner = planner_of(view, kind)
        changes = iter(planner.readable_changes([change for item in items for change in item.plan.changes]))
        for item in items:
            item.plan.changes = [next(changes) for _change in item.plan.changes]


def _record(item: BatchItem) -> Row:
    changes = item.changes if item.action not in ("failed", "skipped") else []
    fields = {name for change in changes for name in {**change.before, **change.after}}
    record: Row = {
        "kind": item.kind.name,
        "option": item.option_path,
        "name": item.key,
        "id": hide_unknowns((item.record or item.plan.current or {}).get("id")),
        "action": item.action,
        "fields": sorted(fields),
    }
    if item.error is not None:
        record["msg"] = str(item.error)
    return record


def _message(batch: Batch) -> str:
    # An error about several objects, which contains the option paths, is listed once.
    errors = list(
        dict.fromkeys(
            str(item.error) if item.option_path in str(item.error) else f"{item.label}: {item.error}"
            for item in batch.failed
        )
    )
    hidden = len(errors) - _SHOWN_ERRORS
    more = f" See objects for {counted(hidden, 'more error')}." if hidden > 0 else ""
    return f"{len(batch.failed)} of {len(batch.items)} objects failed. {' '.join(errors[:_SHOWN_ERRORS])}{more}"


def _option(kind: Kind) -> Option:
    """Return the option for the objects of a kind."""
    if kind.shape is Shape.SINGLETON:
        text = f"{kind.title[0].upper()}{kind.title[1:]}, with the options of M(esper.cloud.{kind.name})."
        return Option(kind.name, text, type="dict")
    text = f"{kind.titles[0].upper()}{kind.titles[1:]}, each with the options of M(esper.cloud.{kind.name})."
    return Option(kind.plural, text, type="list", elements="dict")


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
            "Objects you omit are not changed.",
        ),
        options=(
            *(_option(kind) for kind in KINDS),
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
                contains=(
                    Value("kind", "Kind of the object, the name of the module that manages it.", sample="device_group"),
                    Value(
                        "option",
                        "Position of the object in the task. All files of a directory have the same position.",
                        sample="device_groups[1]",
                    ),
                    Value(
                        "name",
                        "Name of the object in the task: a path, a name, or a package name with its version.",
                        sample="All devices/Stores/Berlin",
                    ),
                    Value(
                        "id",
                        "ID of the object. V(null) if the object does not exist.",
                        type="raw",
                        sample="7d1c4f60-6a3e-4b8e-9f10-3c5a2e9b8d77",
                    ),
                    Value(
                        "action",
                        "Action on the object. One of V(created), V(updated), V(deleted), V(unchanged), V(failed) and"
                        " V(skipped). A skipped object was not changed because another object failed.",
                        sample="created",
                    ),
                    Value(
                        "fields",
                        "Names of the changed properties.",
                        type="list",
                        elements="str",
                        sample=["name", "path"],
                    ),
                    Value("msg", "Error message of a failed object.", returned="if the object failed"),
                ),
            ),
            Value(
                "counts",
                "Number of objects for each RV(objects[].action).",
                type="dict",
                returned="always",
                sample={"created": 3, "updated": 1, "deleted": 0, "unchanged": 38, "failed": 0, "skipped": 0},
            ),
        ),
        sources=tuple(f"{kind.tenant_option}.{source}" for kind in KINDS for source in kind.sources),
        notes=(
            "The task has the time O(deadline) for each 100 objects.",
            "The task fails if an object is listed twice, or if it deletes an object that another object needs.",
            "It also fails if a device group gets the path of a group that the same task moves.",
            "To reuse the name of an object, such as a role, delete the object by ID in the same task. The deletion"
            " comes first.",
            "After a failure or an interruption, run the same task again to apply the rest.",
        ),
        seealso=tuple(kind.name for kind in KINDS),
    ),
    _run,
    items={kind.tenant_option: kind for kind in KINDS},
)
