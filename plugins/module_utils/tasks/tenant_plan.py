# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a task of the module tenant as data: its checksum, its file, and its comparison with a reviewed plan.

The checksum is that of the changes: which objects are created, updated and deleted, and their values before and after.
It does not include IDs of objects, positions in the task, secrets, and objects that do not change. So it is the same
until something else would be changed.
"""

from __future__ import annotations

import collections
import hashlib
import json
import typing as t
from pathlib import Path

from ..base.checksums import sha256_of
from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.secret_file import SecretFile
from ..base.text import listed
from ..engine.batch import Batch, BatchItem
from ..http.forms import Form
from ..model.differences import plan_changes
from ..model.module_spec import Option, Value
from ..model.unknowns import hide_unknowns

_CHANGES = ("created", "updated", "deleted")
_MAX_NAMED = 10
_MAX_LENGTH = 60
_MASK_KEYS = ("before", "after")
_Key = tuple[str, str, int]


def planned_changes(batch: Batch, redact: t.Callable[[t.Any], t.Any]) -> list[Row]:
    """Return the changes that a plan consists of, sorted. ``redact`` masks secrets. Raise InvalidParameter if a file
    to upload cannot be read."""
    items = [item for item in batch.items if item.error is None and item.planned_action in _CHANGES]
    entries = sorted((_entry(item) for item in items), key=lambda entry: (entry["kind"], entry["name"]))
    redacted: list[Row] = redact(entries)
    return redacted


def _entry(item: BatchItem) -> Row:
    changes = [
        {**each, **{key: _plain(each[key]) for key in _MASK_KEYS}} for each in plan_changes(item.kind, item.plan)
    ]
    entry: Row = {"kind": item.kind.name, "name": item.key, "action": item.planned_action, "changes": changes}
    bodies = (step.body for step in item.plan.steps if isinstance(step.body, Form))
    if files := sorted(sha256_of(file) for body in bodies for file in body.files.values()):
        entry["files"] = files
    return entry


def _plain(value: t.Any) -> t.Any:
    """Return a value as JSON has it, so that a plan equals one that is read from a file."""
    return json.loads(json.dumps(hide_unknowns(value), default=str))


def checksum_of(changes: list[Row]) -> str:
    """Return the checksum of a plan."""
    text = json.dumps(changes, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode(), usedforsecurity=False).hexdigest()


def write_plan(path: str, changes: list[Row]) -> None:
    """Write a plan to a file that only its owner can read. Raise InvalidParameter if that fails."""
    file = SecretFile(path)
    content = {"plan_checksum": checksum_of(changes), "changes": changes}
    try:
        file.prepare()
        file.write(f"{json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)}\n")
    finally:
        file.discard()


def read_plan(path: str) -> list[Row]:
    """Return the plan in a file. Raise InvalidParameter if the file is invalid, or if it was edited."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidParameter(f"Cannot read the reviewed plan '{path}': {error.strerror}.") from None
    except ValueError:
        content = None
    changes = content.get("changes") if isinstance(content, dict) else None
    if not isinstance(changes, list) or not all(map(_is_entry, changes)):
        raise InvalidParameter(f"The file '{path}' is no plan. Write one with plan_dest.")
    if checksum_of(changes) != content.get("plan_checksum"):
        raise InvalidParameter(
            f"The reviewed plan '{path}' does not have its checksum, so it was edited. Write it again."
        )
    return changes


def _is_entry(entry: t.Any) -> bool:
    """Return whether a value has the form of a change in a plan."""
    if not isinstance(entry, dict) or not isinstance(entry.get("changes"), list):
        return False
    is_named = all(isinstance(entry.get(key), str) for key in ("kind", "name", "action"))
    return is_named and all(isinstance(each, dict) and isinstance(each.get("path"), str) for each in entry["changes"])


def check_paths(params: Params) -> None:
    """Raise InvalidParameter if a task would write its plan over the reviewed one, and compare the plan with itself."""
    paths = [params[name] for name in ("plan_dest", "reviewed_plan")]
    if None not in paths and len({Path(path).resolve() for path in paths}) == 1:
        raise InvalidParameter(
            f"plan_dest and reviewed_plan are the same file, '{paths[1]}'. Write the plan to another file."
        )


def check_reviewed(params: Params, changes: list[Row]) -> None:
    """Raise PlanDiffers if the plan is not the reviewed one that the options of the task have."""
    if params["reviewed_plan"] is not None:
        reviewed = read_plan(params["reviewed_plan"])
        if found := list(_differences(reviewed, changes)):
            sentences = listed([_phrase(each) for each in found], _MAX_NAMED, "difference")
            raise PlanDiffers(
                f"The plan is not the reviewed plan, so nothing was changed: {sentences}. Review the new plan.", found
            )
    checksum = params["plan_checksum"]
    if checksum is not None and checksum.strip().lower() != (own := checksum_of(changes)):
        now = listed([f"{each['action']} {each['kind']} '{each['name']}'" for each in changes], _MAX_NAMED, "change")
        raise PlanDiffers(
            f"The plan is not the reviewed plan, so nothing was changed: its checksum is {own}, not"
            f" {checksum.strip()}. The plan now: {now or 'no changes'}. Set reviewed_plan to see what differs."
        )


class PlanDiffers(InvalidParameter):
    """The plan is not the reviewed one. ``differences`` are records, empty if only the checksum is known."""

    def __init__(self, message: str, differences: t.Sequence[Row] = ()) -> None:
        super().__init__(message)
        self.differences = list(differences)


def _differences(reviewed: list[Row], changes: list[Row]) -> t.Iterator[Row]:
    """Yield the differences between a reviewed plan and the current one: see PLAN_DIFFERENCES."""
    before, after = map(_by_object, (reviewed, changes))
    for key in sorted({*before, *after}):
        yield from _differences_of(key, before.get(key), after.get(key))


def _by_object(changes: list[Row]) -> dict[_Key, Row]:
    """Return changes by kind and name, with a number, because several objects can have the same name."""
    found, numbers = dict[_Key, Row](), collections.Counter[tuple[str, str]]()
    for each in changes:
        name = (each["kind"], each["name"])
        numbers[name] += 1
        found[name[0], name[1], numbers[name]] = each
    return found


def _differences_of(key: _Key, reviewed: Row | None, current: Row | None) -> t.Iterator[Row]:
    base = {"kind": key[0], "name": key[1]}
    actions = [None if each is None else each["action"] for each in (reviewed, current)]
    if reviewed is None or current is None or actions[0] != actions[1]:
        yield {**base, "path": None, "reviewed": actions[0], "current": actions[1]}
        return
    before, after = (
        {f"{each.get('object', '')}\n{each['path']}": each for each in entry["changes"]}
        for entry in (reviewed, current)
    )
    for path in [*before, *(each for each in after if each not in before)]:
        one, other = (_values(each.get(path)) for each in (before, after))
        if one != other:
            yield {**base, "path": path.partition("\n")[2], "reviewed": one, "current": other}
    if reviewed.get("files") != current.get("files"):
        yield {**base, "path": "src", "reviewed": reviewed.get("files"), "current": current.get("files")}


def _values(change: Row | None) -> Row | None:
    return None if change is None else {key: change.get(key) for key in _MASK_KEYS}


def _phrase(difference: Row) -> str:
    """Return a difference as part of a sentence."""
    reviewed, current, path = difference["reviewed"], difference["current"], difference["path"]
    subject = f"{difference['kind']} '{difference['name']}'"
    if path is None:
        return f"{subject} is {current or 'unchanged'}, not {reviewed or 'unchanged'}"
    if reviewed is None:
        return f"{path} of the {subject} also changes, to {_shown(current, 'after')}"
    if current is None:
        return f"{path} of the {subject} does not change"
    if isinstance(current, list):
        return f"the file of the {subject} has other bytes"
    key = "before" if reviewed["before"] != current["before"] else "after"
    verb = "is" if key == "before" else "becomes"
    return f"{path} of the {subject} {verb} {_shown(current, key)}, not {_shown(reviewed, key)}"


def _shown(values: Row, key: str) -> str:
    text = json.dumps(values[key], ensure_ascii=False)
    return text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]}..."


OPTIONS = (
    Option(
        "plan_dest",
        (
            "Path of a file to which the task writes its plan, for O(reviewed_plan). Check mode writes it too.",
            "The file has the changes field by field, without secrets. Only its owner can read it.",
            "It must not be that of O(reviewed_plan).",
        ),
        type="path",
    ),
    Option(
        "reviewed_plan",
        (
            "Path of a file that O(plan_dest) of an earlier task, usually in check mode, has written.",
            "The task plans again. If its plan is not the reviewed one, it fails before it makes changes. The message"
            " and RV(plan_differences) name what differs.",
            "The plans are compared by their changes: the values before and after, and the checksums of files to"
            " upload. IDs do not count. Of a secret, it only counts whether it changes.",
        ),
        type="path",
        identifier=True,
    ),
    Option(
        "plan_checksum",
        "RV(plan_checksum) of the reviewed plan. If the plan has another one, the task fails before it makes changes."
        " The message lists the current changes, because only O(reviewed_plan) has those of the reviewed plan.",
        identifier=True,
    ),
)

PLAN_CHECKSUM = Value(
    "plan_checksum",
    (
        "Checksum of the plan, for O(plan_checksum). V(null) if the task could not plan all objects.",
        "It depends on the changes only. Check mode returns that of the run, and two plans with the same changes have"
        " the same.",
    ),
    returned="always",
    sample="6f8d2c4e7a91b3d05e1f6c8a2b4d7e9031f5a7c9d2e4b6081a3c5e7f90b2d4f6",
)

PLAN_DIFFERENCES = Value(
    "plan_differences",
    "Differences between the plan and O(reviewed_plan).",
    type="list",
    elements="dict",
    returned="if the plan is not the reviewed one",
    contains=(
        Value("kind", "Kind of the object, the name of the module that manages it.", sample="blueprint"),
        Value("name", "Name of the object.", sample="Kiosks"),
        Value(
            "path",
            "Path of the value, V(src) for the bytes of a file. V(null) if the action on the object differs.",
            sample="description",
        ),
        Value(
            "reviewed",
            "The action in the reviewed plan, or the values C(before) and C(after) it. V(null) if it does not have the"
            " change.",
            type="raw",
            sample={"before": "Kiosks", "after": "Kiosks in stores"},
        ),
        Value(
            "current",
            "The same in the plan of this task.",
            type="raw",
            sample={"before": "Kiosks of Berlin", "after": "Kiosks in stores"},
        ),
    ),
)
