# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of the module tenant: what the plan does to each object, field by field.

Reports and reviews read these records. They have no secrets: model/compare.py replaces them in the changes.
"""

from __future__ import annotations

from ..base.located import Positions
from ..base.row import Row
from ..engine.batch import BatchItem
from ..model.differences import plan_changes
from ..model.module_spec import Value
from ..model.unknowns import hide_unknowns


def to_record(item: BatchItem, positions: Positions) -> Row:
    """Return the record of an object."""
    changes = plan_changes(item.kind, item.plan) if item.action not in ("failed", "skipped") else []
    record: Row = {
        "kind": item.kind.name,
        "option": item.option_path,
        "name": item.key,
        "id": hide_unknowns((item.record or item.plan.current or {}).get("id")),
        "action": item.action,
        "fields": sorted({each["path"].partition(".")[0].partition("[")[0] for each in changes}),
        "changes": changes,
        "accepted": item.accepted,
    }
    if item.option_path in positions:
        record["file"] = positions[item.option_path]
    if item.error is not None:
        record["msg"] = str(item.error)
    return record


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
    ACCEPTED,
    Value(
        "file",
        "Position of the object in a file of O(src).",
        returned="if the object is in a file",
        sample="tenant/blueprints/kiosk.yml:4",
    ),
    Value("msg", "Error message of a failed object.", returned="if the object failed"),
)
