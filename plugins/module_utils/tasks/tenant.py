# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of all kinds in one task, as lists of what the modules of the kinds take."""

from __future__ import annotations

import math
import typing as t

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..engine.batch import ACTIONS, Bulk, Item
from ..engine.object_cache import References
from ..engine.resource import Resource
from ..kinds.registry import KINDS
from ..model.unknowns import without_pending
from ..task import Mode, Outcome, Task, shown_changes, unmet

# For so many objects the task gets the time that the option deadline says.
_OBJECTS_A_DEADLINE = 100
# A message tells of so many failures; the result has all.
_TOLD = 3
_PROGRESS_STEPS = 10
# Of fewer objects no progress is told.
_MANY = 20

OPTIONS: dict[str, dict[str, t.Any]] = {
    **{kind.plural: {"type": "list", "elements": "dict", "options": kind.options, **kind.rules} for kind in KINDS},
    "on_error": {"type": "str", "choices": ["stop", "continue"], "default": "stop"},
}
SOURCES = tuple(f"{kind.plural}.{source}" for kind in KINDS for source in kind.sources)


def _work(references: References, params: Params, mode: Mode) -> Outcome:
    items = [item for kind in KINDS for item in _items(kind, params[kind.plural] or [])]
    bulk, go_on = Bulk(references, items), params["on_error"] == "continue"
    _extend_deadline(references, len(items))
    bulk.name_all()
    if not bulk.failed or go_on:
        bulk.plan_all(go_on=go_on)
        _tell_plan(bulk, mode)
    if bulk.failed and not go_on:
        bulk.leave_all()
    elif not mode.check_mode:
        bulk.apply_all(on_progress=_teller(mode))
    return _outcome(bulk, mode)


def _items(kind: Resource, several: t.Sequence[Params]) -> t.Iterator[Item]:
    """The objects of a kind. Parameters may stand for several, such as those of a directory, or be unfit for any."""
    for index, params in enumerate(several):
        place = f"{kind.plural}[{index}]"
        whole = Item(kind, place, params)
        try:
            if why := unmet(kind.rules, params):
                raise InvalidParameter(f"{why[0].upper()}{why[1:]}.")
            expanded = kind.expand(params)
        except InvalidParameter as error:
            whole.fail(error)
            expanded = None
        yield from [whole] if expanded is None else [Item(kind, place, each) for each in expanded]


def _extend_deadline(references: References, count: int) -> None:
    client = references.client
    if client.connection.deadline:
        client.extend(client.connection.deadline * max(1, math.ceil(count / _OBJECTS_A_DEADLINE)))


def _tell_plan(bulk: Bulk, mode: Mode) -> None:
    if len(bulk.items) >= _MANY:
        mode.progress(f"Planned {len(bulk.items)} objects: {_sum_up(bulk)}")


def _teller(mode: Mode) -> t.Callable[[int, int], None]:
    """What tells of each tenth of the objects that is done."""
    told = 0

    def tell(count: int, total: int) -> None:
        nonlocal told
        if total >= _MANY and count * _PROGRESS_STEPS // total > told:
            told = count * _PROGRESS_STEPS // total
            mode.progress(f"{count} of {total} objects are done")

    return tell


def _counts(bulk: Bulk) -> dict[str, int]:
    actions = [item.action for item in bulk.items]
    return {action: actions.count(action) for action in ACTIONS}


def _sum_up(bulk: Bulk) -> str:
    return ", ".join(f"{count} {action}" for action, count in _counts(bulk).items() if count) or "none"


def _outcome(bulk: Bulk, mode: Mode) -> Outcome:
    begun = [item for item in bulk.items if item.is_begun]
    result: Row = {
        "changed": any(item.action in ("created", "updated", "deleted") for item in bulk.items) or bool(begun),
        "counts": _counts(bulk),
        "objects": [_record(item) for item in bulk.items],
    }
    if mode.diff:
        changed = [item for item in bulk.items if item.action not in ("failed", "skipped")]
        result["diff"] = shown_changes(change for item in changed for change in item.changes)
    if bulk.failed:
        result.update(failed=True, msg=_message(bulk))
    return Outcome(result, [sentence for item in bulk.items for sentence in item.plan.warnings])


def _record(item: Item) -> Row:
    changes = item.changes if item.action not in ("failed", "skipped") else []
    fields = {name for each in changes for name in {**each.before, **each.after}}
    record: Row = {
        "kind": item.resource.kind,
        "place": item.place,
        "name": item.name,
        "id": without_pending((item.record or item.plan.current or {}).get("id")),
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


TENANT = Task(OPTIONS, {}, _work, SOURCES)
