# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of the module tenant: what the plan does to each object, field by field.

Reports and reviews read these records. They have no secrets: model/compare.py replaces them in the changes.
"""

from __future__ import annotations

import typing as t

from ..base.located import Positions
from ..base.row import Row
from ..engine.batch import BatchItem
from ..model.differences import object_differences
from ..model.module_spec import Value
from ..model.plan import ObjectDiff
from ..model.unknowns import hide_unknowns


def to_record(item: BatchItem, positions: Positions) -> Row:
    """Return the record of an object."""
    changes = changes_of(item) if item.action not in ("failed", "skipped") else []
    record: Row = {
        "kind": item.kind.name,
        "option": item.option_path,
        "name": item.key,
        "id": hide_unknowns((item.record or item.plan.current or {}).get("id")),
        "action": item.action,
        "fields": sorted({each["path"].partition(".")[0].partition("[")[0] for each in changes}),
        "changes": changes,
    }
    if item.option_path in positions:
        record["file"] = positions[item.option_path]
    if item.error is not None:
        record["msg"] = str(item.error)
    return record


def changes_of(item: BatchItem) -> list[Row]:
    """Return what the plan of an object changes, field by field. The changes of another object that changes with it,
    such as a parent that is created, have its name."""
    current = item.plan.current
    own = item.kind.header(current) if current is not None else item.changes[-1].title if item.changes else ""
    return [row for change in item.changes for row in _rows(item, change, own)]


def _rows(item: BatchItem, change: ObjectDiff, own: str) -> t.Iterator[Row]:
    for row in object_differences(item.kind.fields, change.before, change.after):
        yield row if change.title == own else {**row, "object": change.title}


CHANGES = Value(
    "changes",
    "Changes of the object, field by field. Empty if the object failed or was skipped.",
    type="list",
    elements="dict",
    contains=(
        Value(
            "path",
            "Path of the value, with dots between the names. An item of a list has its key or its position.",
            sample="settings.android.apps[com.example.kiosk].version_name",
        ),
        Value(
            "before", "Value before the change. V(null) if there is none, or if it is secret.", type="raw", sample="1.0"
        ),
        Value(
            "after",
            "Value after the change. V(null) if there is none. A secret is V((not shown\\)).",
            type="raw",
            sample="1.1",
        ),
        Value(
            "object",
            "Title of another object that changes with this one, such as a parent that is created. Omitted for the"
            " object itself.",
            sample="device group All devices/Stores",
        ),
    ),
)

ACCEPTED = Value(
    "accepted",
    "Differences that the task does not change, because O(accepted_deviations) lists them.",
    type="list",
    elements="dict",
    contains=(
        Value(
            "field",
            "Path of the value, as in RV(objects[].changes[].path). V(null) if the deviation is that the object exists"
            " or does not exist.",
            sample="description",
        ),
        Value("before", "Value in Esper.", type="raw", sample="Changed in the console"),
        Value("after", "Value in the task.", type="raw", sample="Kiosks in stores"),
        Value("reason", "Reason of the deviation.", sample="Pilot in Berlin"),
        Value("until", "Last day of the deviation. V(null) if it has none.", sample="2026-12-31"),
    ),
)

RECORD = (
    Value("kind", "Kind of the object, the name of the module that manages it.", sample="device_group"),
    Value(
        "option",
        (
            "Position of the object in the task. All files of a directory have the same position.",
            "For an object that the task deletes because it does not list it, the position in O(prune).",
        ),
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
        "Action on the object. One of V(created), V(updated), V(deleted), V(unchanged), V(failed) and V(skipped). A"
        " skipped object was not changed because another object failed.",
        sample="created",
    ),
    Value(
        "fields",
        "Names of the changed properties.",
        type="list",
        elements="str",
        sample=["name", "path"],
    ),
    CHANGES,
    Value(
        "file",
        "Position of the object in a file of O(src).",
        returned="if the object is in a file",
        sample="tenant/blueprints/kiosk.yml:4",
    ),
    Value("msg", "Error message of a failed object.", returned="if the object failed"),
)

NOT_IN_TREE = Value(
    "not_in_tree",
    (
        "Existing objects that the task does not list, of the kinds in O(prune).",
        "Objects of Esper's own, such as the root of the device groups, are omitted.",
    ),
    type="list",
    elements="dict",
    returned="always",
    contains=(
        Value("kind", "Kind of the object, the name of the module that manages it.", sample="content"),
        Value("name", "Name of the object.", sample="old-menu.html"),
        Value("id", "ID of the object.", type="raw", sample=7),
        Value("action", "V(deleted) or V(kept).", sample="kept"),
        Value(
            "reason",
            "Reason why the object is kept. V(null) if it is deleted.",
            sample="The content file 'old-menu.html' is in use by the blueprint 'Menus' (published version).",
        ),
    ),
)

PLAN_CHECKSUM = Value(
    "plan_checksum",
    (
        "Checksum of the plan, for O(plan_checksum). V(null) if the task could not plan all objects.",
        "It depends on the changes only: two runs with the same changes have the same checksum, and check mode has that"
        " of the run.",
    ),
    returned="always",
    sample="6f8d2c4e7a91b3d05e1f6c8a2b4d7e9031f5a7c9d2e4b6081a3c5e7f90b2d4f6",
)
