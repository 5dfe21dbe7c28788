# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of a pipeline in collection terms, for results, and their differences, for diffs."""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..model.field import Field, Reference
from .device_group import device_groups
from .pipeline_operations import app_in, shown_args
from .pipeline_tree import GROUPS

# Maximum number of members of a target list in a diff.
_MAX_SHOWN = 20
_ORDER = "order of stages"

_OPERATIONS = Field(
    "operations",
    "Operations of the list, in the order in which they run.",
    type="list",
    elements="dict",
    fields=(
        Field("id", "ID of the operation.", sample="5e2a7d10-8c4b-4f6e-9a31-2b7c0d9e8f14"),
        Field("type", "Type of the operation.", sample="INSTALL"),
        Field(
            "args",
            "Arguments of the operation, in API format. Null if they cannot be read.",
            type="dict",
            sample={"package_name": "com.example.pos", "app_version": "6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a004"},
        ),
        Field(
            "app",
            "App version that the operation installs. Null for operations of other types.",
            type="dict",
            fields=(
                Field("package_name", "Package name of the app.", sample="com.example.pos"),
                Field("version_name", "Name of the version.", sample="2.1.0"),
                Field("version_code", "Code of the version.", type="int", sample=210),
            ),
        ),
    ),
)
_TARGET_LIST = (
    Field("id", "ID of the target list.", sample="c3f0a9b4-1d2e-4a57-8b6f-7e5d4c3b2a10"),
    Field("name", "Name of the target list.", sample="Berlin"),
    Field("type", "Type of the target list, V(DEVICES), V(GROUPS) or V(COLLECTIONS).", sample="GROUPS"),
    Field(
        "devices",
        "Names of the devices in the list, also of inactive ones. Null for other types, or if they were not read.",
        type="list",
        elements="str",
        sample=["OUW-MDJ-00001"],
    ),
    Field("inactive", "Names of the inactive devices in the list.", type="list", elements="str", sample=[]),
    Field(
        "groups",
        "Paths of the device groups in the list. Null for other types, or if they were not read.",
        type="list",
        elements="str",
        sample=["Stores/Berlin"],
    ),
    Field(
        "members",
        "Names of the devices in the device groups of the list. Null unless the module reads them.",
        type="list",
        elements="str",
        sample=["OUW-MDJ-00001"],
    ),
)
TARGET_LISTS = Field(
    "unattached_target_lists",
    "Target lists that no stage has.",
    type="list",
    elements="dict",
    fields=_TARGET_LIST,
    sample=[],
)
STAGES = Field(
    "stages",
    "Stages of the pipeline, in the order in which they run. Null if they were not read.",
    type="list",
    elements="dict",
    writable=False,
    references=(
        Reference("device_group", ("groups",), ("device_group_id",)),
        Reference("app", ("package_name", "version_name"), ("package_name", "app_version")),
        Reference("content", ("content",), ("content_id",)),
        Reference("enterprise_policy", ("policy",), ("policy_url",)),
    ),
    fields=(
        Field(
            "id",
            "ID of the stage. Null in check mode if the task creates the stage.",
            sample="d5a1c3a0-77a6-4c11-8e37-9b1a1fbb1c3d",
        ),
        Field("name", "Name of the stage.", sample="Berlin"),
        Field("description", "Description of the stage.", sample="All stores in Berlin"),
        Field(
            "timeout_seconds", "Time in seconds after which a run of the stage times out.", type="int", sample=604800
        ),
        Field(
            "target_lists",
            "Target lists of the stage. Null if they were not read.",
            type="list",
            elements="dict",
            fields=_TARGET_LIST,
        ),
        Field(
            "operation_lists",
            "Operation lists of the stage. Null if they were not read.",
            type="list",
            elements="dict",
            fields=(
                Field("id", "ID of the operation list.", sample="9d8c7b6a-5f4e-4d3c-8b2a-1f0e9d8c7b6a"),
                Field("name", "Name of the operation list.", sample="Berlin"),
                Field("description", "Description of the operation list.", sample="Installs the app"),
                _OPERATIONS,
            ),
        ),
    ),
)


class Shown:
    """Converts stages to collection terms. ``paths`` are those of known device groups by ID."""

    def __init__(self, view: TenantView, paths: t.Mapping[str, str] | None = None) -> None:
        self._view = view
        self._paths = dict(paths or {})

    def stages(self, stages: t.Sequence[Row]) -> list[Row]:
        """Return stages with their lists. Names of device groups that are not known are read."""
        self._learn_paths(each for stage in stages for each in stage.get("target_lists") or ())
        return [self._stage(stage) for stage in stages]

    def target_lists(self, rows: t.Sequence[Row]) -> list[Row]:
        """Return target lists."""
        self._learn_paths(rows)
        return [self._target_list(row) for row in rows]

    def _learn_paths(self, lists: t.Iterable[Row]) -> None:
        links = (link for each in lists if "members" not in each for link in each.get("device_groups") or ())
        ids = {str(link.get("device_group_id")) for link in links} - self._paths.keys()
        if ids:
            self._paths |= device_groups(self._view).names_of(ids)

    def _stage(self, stage: Row) -> Row:
        targets, operations = stage.get("target_lists"), stage.get("operation_lists")
        return {
            **{key: stage.get(key) for key in ("id", "name", "description", "timeout_seconds")},
            "target_lists": None if targets is None else [self._target_list(row) for row in targets],
            "operation_lists": None if operations is None else [_operation_list(row) for row in operations],
        }

    def _target_list(self, row: Row) -> Row:
        kind = row.get("target_list_type")
        result: Row = {"id": row["id"], "name": row.get("name"), "type": kind}
        names = dict.fromkeys(("devices", "inactive", "groups", "members"))
        members = row.get("members")
        if members is None and "targets" in row:
            members = [
                {"name": each.get("device_name") or each.get("device_id"), "is_active": each.get("is_active")}
                for each in row["targets"]
            ]
        if members is None and "device_groups" in row:
            ids = [str(each.get("device_group_id")) for each in row["device_groups"]]
            members = [{"name": self._paths.get(each, each)} for each in ids]
        if members is None:
            return {**result, **names}
        # Members have no order, and are added at the same time.
        labels = sorted(str(each["name"]) for each in members)
        if kind == GROUPS:
            devices = (
                sorted(str(each.get("device_name") or each.get("id")) for each in row["devices"])
                if "devices" in row
                else None
            )
            return {**result, **names, "groups": labels, "members": devices}
        inactive = sorted(str(each["name"]) for each in members if each["is_active"] is False)
        return {**result, **names, "devices": labels, "inactive": inactive}


def _operation_list(row: Row) -> Row:
    return {
        **{key: row.get(key) for key in ("id", "name", "description")},
        "operations": [
            {
                "id": each["id"],
                "type": each.get("operation_type"),
                "args": shown_args(each["args"]),
                "app": app_in(each.get("operation_type"), each["args"]),
            }
            for each in row["operations"]
        ],
    }


def tree_diff(before: t.Sequence[Row], after: t.Sequence[Row]) -> tuple[Row, Row]:
    """Return what differs between stages in collection terms, for people: the stages by name with their lists by name.

    Of long lists of members, only those that are added or removed are shown.
    """
    names = {str(stage["id"]): stage["name"] for stage in after if stage["id"] is not None}
    described = [
        {
            **({_ORDER: [stage["name"] for stage in stages]} if stages else {}),
            **{f"stage {names.get(str(stage['id']), stage['name'])}": _described(stage) for stage in stages},
        }
        for stages in (before, after)
    ]
    return _differences(*described)


def _described(stage: Row) -> Row:
    lists = {
        f"target list {each['name']}": {
            key: each[key] for key in ("type", "devices", "inactive", "groups") if each[key]
        }
        for each in stage["target_lists"] or ()
    }
    operations = {
        f"operation list {each['name']}": {
            **({"description": each["description"]} if each["description"] else {}),
            **{
                f"operation {index}": {
                    "type": operation["type"],
                    **({"args": operation["args"]} if operation["args"] else {}),
                }
                for index, operation in enumerate(each["operations"], start=1)
            },
        }
        for each in stage["operation_lists"] or ()
    }
    values = {key: stage[key] for key in ("name", "description", "timeout_seconds") if stage[key] not in (None, "")}
    return {**values, **lists, **operations}


def _differences(before: Row, after: Row) -> tuple[Row, Row]:
    """Return the values that differ in two dicts, at any depth."""
    shown: tuple[Row, Row] = ({}, {})
    for key in dict.fromkeys([*before, *after]):
        one, other = before.get(key), after.get(key)
        if one == other:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            one, other = _differences(one, other)
        elif isinstance(one, list) and isinstance(other, list) and key != _ORDER:
            removed, added = set(one) - set(other), set(other) - set(one)
            one, other = [each for each in one if each in removed], [each for each in other if each in added]
        for result, value, values in ((shown[0], one, before), (shown[1], other, after)):
            if key in values:
                result[key] = _shortened(value)
    return shown


def _shortened(value: t.Any) -> t.Any:
    """Return a value with the first members of each long list only."""
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    if isinstance(value, list) and len(value) > _MAX_SHOWN:
        return [*value[:_MAX_SHOWN], f"and {len(value) - _MAX_SHOWN} more"]
    return value
