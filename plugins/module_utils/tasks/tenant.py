# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of all kinds in one task, as lists of what the modules of the kinds take."""

from __future__ import annotations

import math
import typing as t

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..engine.batch import ACTIONS, Bulk, Item
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..kinds.registry import KINDS
from ..model.kind import Kind, Shape
from ..model.module_spec import ModuleSpec, Option, Value
from ..model.unknowns import hide_unknowns
from ..task import ItemParams, ModuleDefinition, ModuleResult, RunContext, shown_changes, unmet

# For so many objects the task gets the time that the option deadline says.
_OBJECTS_A_DEADLINE = 100
# A message tells of so many failures; the result has all.
_TOLD = 3
_PROGRESS_STEPS = 10
# Of fewer objects no progress is told.
_MANY = 20


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    items = [item for kind in KINDS for item in _items(view, kind, params[kind.tenant_option] or [])]
    bulk, go_on = Bulk(view, items), params["on_error"] == "continue"
    _extend_deadline(view, len(items))
    bulk.name_all()
    if not bulk.failed or go_on:
        bulk.plan_all(go_on=go_on)
        _tell_plan(bulk, context)
    if bulk.failed and not go_on:
        bulk.leave_all()
    elif not context.check_mode:
        bulk.apply_all(on_progress=_teller(context))
    return _outcome(bulk, context)


def _items(view: TenantView, kind: Kind, several: t.Sequence[Params]) -> t.Iterator[Item]:
    """The objects of a kind. Parameters may stand for several, such as those of a directory, or be unfit for any."""
    for index, params in enumerate(several):
        place = kind.name if kind.shape is Shape.SINGLETON else f"{kind.plural}[{index}]"
        whole = Item(kind, place, params)
        try:
            if isinstance(params, ItemParams) and params.error:
                raise InvalidParameter(params.error)
            if why := unmet(kind.rules, params):
                raise InvalidParameter(f"{why[0].upper()}{why[1:]}.")
            expanded = lookup_of(view, kind).expand(params)
        except InvalidParameter as error:
            whole.fail(error)
            expanded = None
        yield from [whole] if expanded is None else [Item(kind, place, each) for each in expanded]


def _extend_deadline(view: TenantView, count: int) -> None:
    client = view.client
    if client.connection.deadline:
        client.extend(client.connection.deadline * max(1, math.ceil(count / _OBJECTS_A_DEADLINE)))


def _tell_plan(bulk: Bulk, context: RunContext) -> None:
    if len(bulk.items) >= _MANY:
        context.progress(f"Planned {len(bulk.items)} objects: {_sum_up(bulk)}")


def _teller(context: RunContext) -> t.Callable[[int, int], None]:
    """What tells of each tenth of the objects that is done."""
    told = 0

    def tell(count: int, total: int) -> None:
        nonlocal told
        if total >= _MANY and count * _PROGRESS_STEPS // total > told:
            told = count * _PROGRESS_STEPS // total
            context.progress(f"{count} of {total} objects are done")

    return tell


def _counts(bulk: Bulk) -> dict[str, int]:
    actions = [item.action for item in bulk.items]
    return {action: actions.count(action) for action in ACTIONS}


def _sum_up(bulk: Bulk) -> str:
    return ", ".join(f"{count} {action}" for action, count in _counts(bulk).items() if count) or "none"


def _outcome(bulk: Bulk, context: RunContext) -> ModuleResult:
    begun = [item for item in bulk.items if item.is_begun]
    result: Row = {
        "changed": any(item.action in ("created", "updated", "deleted") for item in bulk.items) or bool(begun),
        "counts": _counts(bulk),
        "objects": [_record(item) for item in bulk.items],
    }
    if context.diff:
        changed = [item for item in bulk.items if item.action not in ("failed", "skipped")]
        result["diff"] = shown_changes(change for item in changed for change in item.changes)
    if bulk.failed:
        result.update(failed=True, msg=_message(bulk))
    return ModuleResult(result, [sentence for item in bulk.items for sentence in item.plan.warnings])


def _record(item: Item) -> Row:
    changes = item.changes if item.action not in ("failed", "skipped") else []
    fields = {name for each in changes for name in {**each.before, **each.after}}
    record: Row = {
        "kind": item.kind.name,
        "option": item.place,
        "name": item.name,
        "id": hide_unknowns((item.record or item.plan.current or {}).get("id")),
        "action": item.action,
        "fields": sorted(fields),
    }
    if item.error is not None:
        record["msg"] = str(item.error)
    return record


def _message(bulk: Bulk) -> str:
    # A sentence about several of them is said once.
    told = [str(item.error) if item.place in str(item.error) else f"{item.label}: {item.error}" for item in bulk.failed]
    sentences = list(dict.fromkeys(told))
    more = f" And {len(sentences) - _TOLD} more." if len(sentences) > _TOLD else ""
    return f"{len(told)} of {len(bulk.items)} objects failed. {' '.join(sentences[:_TOLD])}{more}"


def _option(kind: Kind) -> Option:
    """Return the option for the objects of a kind."""
    title = f"{kind.titles[0].upper()}{kind.titles[1:]}"
    note = "Connection options are not allowed here."
    if kind.shape is Shape.SINGLETON:
        return Option(kind.name, (f"{title}, with the options of M(esper.cloud.{kind.name}).", note), type="dict")
    return Option(
        kind.plural,
        (f"{title}, each with the options of M(esper.cloud.{kind.name}).", note),
        type="list",
        elements="dict",
    )


TENANT = ModuleDefinition(
    "tenant",
    ModuleSpec(
        short_description="Manage many Esper objects in one task",
        description=(
            "Creates, updates and deletes many objects of several kinds in one task. 1,000 objects take about as long"
            " as a few tasks.",
            "Plans all objects before the first write request, so most errors are found before anything is changed.",
            "If a list has more than five objects of a kind, the module reads all objects of that kind at once.",
            "Applies the plan in parallel, in the order of dependencies: device groups before the groups in them, apps"
            " and content files before blueprints. Deletions come last, in the opposite order. The order of the lists"
            " does not matter, and an object can refer to another object of the same task that does not exist yet.",
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
                    "V(continue) processes all objects that do not depend on the failed one. The task still fails.",
                ),
                choices=("stop", "continue"),
                default="stop",
            ),
        ),
        returns=(
            Value(
                "objects",
                "One record for each object, in the order of the options. In check mode, the plan.",
                type="list",
                elements="dict",
                returned="always",
                contains=(
                    Value("kind", "Kind of the object, which is the name of its module.", sample="device_group"),
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
                        "One of V(created), V(updated), V(deleted), V(unchanged), V(failed) and V(skipped). V(skipped)"
                        " objects were not changed because another object failed.",
                        sample="created",
                    ),
                    Value(
                        "fields",
                        "Names of the properties that change.",
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
            "O(deadline) applies to each 100 objects.",
            "The task fails if an object is listed twice, if it deletes an object that another object needs, or if a"
            " device group takes the path of a group that the same task moves.",
            "After a failure or an interruption, run the same task again to apply the rest.",
        ),
        seealso=tuple(kind.name for kind in KINDS),
    ),
    _run,
    items={kind.tenant_option: kind for kind in KINDS},
)
