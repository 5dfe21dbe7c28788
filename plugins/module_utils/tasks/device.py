# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alias, tags and device group of devices, and the removal and wipe of devices.

Rests on PATCH /enterprise/{enterprise_id}/devicegroup/{id}/?action=add (legacy.yaml), which moves up to 1,000
devices; on PATCH /enterprise/{enterprise_id}/device/{id}/ with `tags`, which is not in the published contract but which
the vendor's own tool uses; on the command UPDATE_DEVICE_CONFIG for aliases (v0.yaml); on DELETE
/device/v0/devices/{id}/ for devices of Apple, Linux and Windows, and the operation REMOVE_DEVICE (/v0/operations/) for
those of Android; and on the command WIPE.

The contract does not document the following, so this file chooses: an alias is sent at once, and reaches an offline
device when it is online again. While the command is pending, it is not sent again. Tags are compared as sets. Esper may
ignore the case of tags, so two tags of one task cannot differ only in case.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.apply import apply_each, raise_first
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.device import DEVICE_VALUES, DISABLED, FULL, as_host
from ..kinds.device_group import DEVICE_GROUP, device_groups
from ..kinds.group_devices import steps_into
from ..kinds.tag import TAG
from ..model.module_spec import ModuleSpec, Option, Value
from ..model.plan import Step
from ..task import ModuleDefinition, ModuleResult, RunContext
from .command import REQUEST, Command, send, steps_for
from .device_search import each_once, find_devices, label_of, require_devices
from .operations import Operation, ids_of, operations_of_device, part_of, queries_for, start_step
from .safety import check_confirmed, check_device_count, max_devices_option
from .selection import devices_option
from .waiting import pending_devices

_TAGS_A_DEVICE = 5
_WIPING = 70
_LEGACY = "/enterprise/{enterprise_id}/device/{id}/"
_REMOVAL = "REMOVE_DEVICE"

_MODULE = ModuleSpec(
    short_description="Manage Esper devices",
    description=(
        "Sets the alias, tags and device group of devices, removes devices from the tenant, or wipes them.",
        "One task can change any number of devices. Moving 1,000 devices takes one request. Tags and aliases take one"
        " request for each device that does not have them yet.",
        "Esper sends an alias to the device in a command. An offline device keeps its old alias until it is online"
        " again. RV(pending_aliases) lists these devices, and the command is not sent again.",
        "The request that sets tags is not part of the public Esper API. Esper's own tools use it.",
    ),
    options=(
        Option(
            "state",
            (
                "Desired state of the devices.",
                "V(present) sets the other options. The devices must exist.",
                "V(absent) removes the devices from the tenant.",
                "V(wiped) erases the devices. An offline device is erased when it is online again.",
                "V(absent) and V(wiped) require O(confirm=true), and ignore devices that do not exist.",
            ),
            choices=("present", "absent", "wiped"),
            default="present",
        ),
        devices_option("An empty list changes nothing.", required=True),
        Option("alias", "Alias of the device. It requires exactly one device in O(devices)."),
        Option(
            "aliases",
            (
                "Aliases of devices. The keys are names, aliases, serial numbers or IDs of devices in O(devices).",
                "Each device can have one alias, and no two devices in O(devices) can have the same one.",
            ),
            type="dict",
        ),
        Option(
            "group",
            (
                "Device group of the devices, by name, ID, or path as in O(esper.cloud.device_group#module:path).",
                "A device is in exactly one group.",
            ),
            identifier=True,
        ),
        Option(
            "tags",
            (
                "Tags of the devices, at most five, in any order. The module removes all other tags.",
                "The tags of a task must differ in more than their case.",
            ),
            type="list",
            elements="str",
            identifier=True,
        ),
        Option(
            "add_tags",
            "Tags to add. The other tags of the devices are kept.",
            type="list",
            elements="str",
            identifier=True,
        ),
        Option("remove_tags", "Tags to remove.", type="list", elements="str", identifier=True),
        Option(
            "confirm",
            "If V(true), confirms O(state=absent) and O(state=wiped), which cannot be undone.",
            type="bool",
            default=False,
        ),
        max_devices_option("O(state=absent) or O(state=wiped)"),
    ),
    rules={"mutually_exclusive": [("alias", "aliases"), ("tags", "add_tags"), ("tags", "remove_tags")]},
    returns=(
        Value(
            "devices",
            (
                "The devices after the task. In check mode, the predicted state. They have all keys that"
                " M(esper.cloud.device_info) returns.",
                "The alias is the current alias of the device.",
                "With O(state=absent) and O(state=wiped), the devices that are removed or wiped.",
            ),
            type="list",
            elements="dict",
            contains=(
                *DEVICE_VALUES,
                Value("group", "Path of the device group. Null without O(group).", sample="All devices/Stores/Berlin"),
                Value(
                    "tags",
                    "Names of the tags. Null if the task sets no tags.",
                    type="list",
                    elements="str",
                    sample=["kiosk", "berlin"],
                ),
            ),
        ),
        Value(
            "pending_aliases",
            "The devices that do not have their new alias yet.",
            type="list",
            elements="dict",
            returned="if O(state=present)",
            contains=(
                *(each for each in DEVICE_VALUES if each.name in ("id", "name")),
                Value("alias", "The alias that was sent to the device.", sample="Till 1"),
            ),
        ),
    ),
    seealso=("device_info", "device_command", "converge"),
)


@dataclass
class _Target:
    """One device: its current state, its tags after the task, and the values before and after the change."""

    row: Row
    tags: list[str] | None = None
    before: Row = field(default_factory=dict)
    after: Row = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.row["id"])

    def change(self, name: str, before: t.Any, after: t.Any) -> None:
        self.before[name], self.after[name] = before, after


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    if params["state"] != "present":
        return _remove(view, params, context)
    targets = [_Target(row) for row in require_devices(view, params["devices"])]
    group = _plan_group(view, targets, params["group"])
    _plan_tags(view, targets, params)
    pending = _plan_aliases(view, targets, params)
    names = [label_of(target.row) for target in targets if target.after]
    check_device_count(params["max_devices"], "Changing", len(names), names)
    result: Row = {"changed": bool(names)}
    if context.diff:
        result["diff"] = [_difference(target) for target in targets if target.after]
    if not context.check_mode:
        _apply(view, targets, group)
    path = device_groups(view).path_of(group) if group else None
    result["devices"] = [_record(target, path) for target in targets]
    result["pending_aliases"] = pending + [
        {"id": target.id, "name": label_of(target.row), "alias": target.after["alias"]}
        for target in targets
        if "alias" in target.after
    ]
    return ModuleResult(result)


def _plan_group(view: TenantView, targets: list[_Target], wanted: str | None) -> Row | None:
    """Plan the moves and return the device group. Raises NotFound or Ambiguous."""
    if wanted is None:
        return None
    group = lookup_of(view, DEVICE_GROUP).resolve(wanted)
    for target in targets:
        if target.row.get("group_id") != group["id"]:
            target.change("group_id", target.row.get("group_id"), group["id"])
    return group


def _plan_tags(view: TenantView, targets: list[_Target], params: Params) -> None:
    """Plan the changes of tags. Raises InvalidParameter if the options are invalid or a device has too many tags."""
    exact, more, fewer = (_checked_tags(name, params[name]) for name in ("tags", "add_tags", "remove_tags"))
    if params["tags"] is None and not more and not fewer:
        return
    if both := [tag for tag in more if _tag_key(tag) in {_tag_key(each) for each in fewer}]:
        raise InvalidParameter(f"The tags {', '.join(sorted(both))} cannot be both added and removed.")
    names = {row["id"]: row["tag"] for row in view.list_objects(TAG)}
    for target in targets:
        there = [names.get(each, each) for each in target.row.get("tags") or ()]
        wanted = list(dict.fromkeys([*there, *more] if params["tags"] is None else exact))
        target.tags = [each for each in wanted if each not in fewer]
        if len(target.tags) > _TAGS_A_DEVICE:
            raise InvalidParameter(
                f"The device '{label_of(target.row)}' would have {len(target.tags)} tags"
                f" ({', '.join(target.tags)}). The maximum is {_TAGS_A_DEVICE}."
            )
        if set(target.tags) != set(there):
            target.change("tags", there, target.tags)
        else:
            target.tags = there


def _checked_tags(option: str, tags: list[str] | None) -> list[str]:
    """Return the tags of an option, each once. Raises InvalidParameter if one is empty, or if two of them differ only
    in case or whitespace."""
    checked: dict[str, str] = {}
    for tag in (str(each).strip() for each in tags or ()):
        if not tag:
            raise InvalidParameter(f"Invalid {option}: a tag is empty.")
        other = checked.setdefault(_tag_key(tag), tag)
        if other != tag:
            raise InvalidParameter(f"Invalid {option}: '{other}' and '{tag}' differ only in case. Use one of them.")
    return list(checked.values())


def _tag_key(tag: str) -> str:
    return tag.casefold()


def _plan_aliases(view: TenantView, targets: list[_Target], params: Params) -> list[Row]:
    """Plan the changes of aliases. Return the devices that received their alias in an earlier task and have not applied
    it yet."""
    wanted = _wanted_aliases(view, targets, params)
    differing = [target for target in targets if wanted.get(target.id) not in (None, target.row.get("alias") or "")]
    asked = _asked_already(view, {target.id: wanted[target.id] for target in differing})
    for target in differing:
        if target.id not in asked:
            target.change("alias", target.row.get("alias") or None, wanted[target.id])
    return [
        {"id": target.id, "name": label_of(target.row), "alias": wanted[target.id]}
        for target in differing
        if target.id in asked
    ]


def _wanted_aliases(view: TenantView, targets: list[_Target], params: Params) -> dict[str, str]:
    """Return the aliases of devices by ID. Raises InvalidParameter if a device has two of them, or two devices one."""
    if params["alias"] is not None:
        if len(targets) != 1:
            raise InvalidParameter(f"The option alias requires one device, not {len(targets)}. Use aliases instead.")
        return {targets[0].id: params["alias"]}
    named = {str(name).strip(): alias for name, alias in (params["aliases"] or {}).items()}
    if len(named) != len(params["aliases"] or {}):
        raise InvalidParameter("Invalid aliases: two keys differ only in whitespace.")
    found = find_devices(view, named)
    labels = {target.id: label_of(target.row) for target in targets}
    wanted: dict[str, str] = {}
    keys: dict[str, str] = {}
    for name, alias in named.items():
        device = str((found[name] or {}).get("id"))
        if device not in labels:
            raise InvalidParameter(f"Invalid aliases: '{name}' is not one of the devices of the task.")
        if device in wanted:
            raise InvalidParameter(
                f"Invalid aliases: '{keys[device]}' and '{name}' both refer to the device '{labels[device]}'."
                " List it once."
            )
        if alias is None or isinstance(alias, (dict, list)):
            raise InvalidParameter(f"Invalid aliases: the alias of '{name}' is {alias!r}, not a text.")
        wanted[device], keys[device] = str(alias), name
    _check_unique(targets, wanted)
    return wanted


def _check_unique(targets: list[_Target], wanted: dict[str, str]) -> None:
    """Raise InvalidParameter if two devices of the task would have one alias, of which one can be unchanged."""
    owners: dict[str, _Target] = {}
    new = {alias.strip() for alias in wanted.values()} - {""}
    for target in targets:
        alias = wanted.get(target.id, target.row.get("alias") or "").strip()
        if alias in new and owners.setdefault(alias, target) is not target:
            both = f"'{label_of(owners[alias].row)}' and '{label_of(target.row)}'"
            raise InvalidParameter(f"Invalid aliases: the devices {both} would both have the alias '{alias}'.")


def _asked_already(view: TenantView, wanted: dict[str, str]) -> set[str]:
    """Return the IDs of devices that received their new alias in a command that is not completed."""

    def is_wanted(device_id: str, args: Row) -> bool:
        return args.get("device_alias_name") == wanted[device_id]

    return pending_devices(view, "UPDATE_DEVICE_CONFIG", list(wanted), is_wanted)


def _apply(view: TenantView, targets: list[_Target], group: Row | None) -> None:
    """Send the changes. An error is raised after all of them were tried."""
    changes = {target.id: target.after for target in targets}
    moving = [id_ for id_, after in changes.items() if "group_id" in after]
    moves = []
    if group:
        moves = steps_into(group["id"], moving, f"Moving devices to '{device_groups(view).path_of(group)}'")
    tagging = [_tag_step(target) for target in targets if "tags" in target.after]
    naming = [step for target in targets if "alias" in target.after for step in _alias_steps(view, target)]
    raise_first(
        [
            *apply_each(view, DEVICE_GROUP, moves),
            *apply_each(view, TAG, tagging),
            *apply_each(view, REQUEST, naming),
        ]
    )


def _tag_step(target: _Target) -> Step:
    return Step(
        purpose=f"Tagging the device '{label_of(target.row)}'",
        method="PATCH",
        path=_LEGACY,
        ids={"id": target.id},
        body={"tags": target.tags},
    )


def _alias_steps(view: TenantView, target: _Target) -> list[Step]:
    """Return the commands that send a device its alias."""
    command = Command("UPDATE_DEVICE_CONFIG", {"device_alias_name": target.after["alias"]}, alias="Ansible alias")
    return steps_for(view, command, [target.id], f"Setting the alias of the device '{label_of(target.row)}'")


def _difference(target: _Target) -> Row:
    title = f"device {label_of(target.row)}"
    return {"before_header": title, "after_header": title, "before": target.before, "after": target.after}


def _record(target: _Target, group_path: str | None) -> Row:
    """Return the device after the task, as far as it is known. The alias is the old one until the device has applied
    the new one."""
    record = as_host(target.row, FULL)
    if target.after:
        record["updated_at"] = None
    if "tags" in target.after:
        record["tag_ids"] = None
    record["group_id"] = target.after.get("group_id", record["group_id"])
    record["group"] = group_path
    record["tags"] = target.tags
    return record


# --- removing and wiping ----------------------------------------------------------------------------------------------


def _remove(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    changes = ("alias", "aliases", "group", "tags", "add_tags", "remove_tags")
    if wrong := next((name for name in changes if params[name] is not None), None):
        raise InvalidParameter(f"The option {wrong} requires state=present, not state={params['state']}.")
    wipes = params["state"] == "wiped"
    rows = each_once(find_devices(view, params["devices"]).values())
    rows = [row for row in rows if row.get("state") not in ((DISABLED, _WIPING) if wipes else (DISABLED,))]
    asked = _wiped_already(view, rows) if wipes else _removed_already(view, rows)
    rows = [row for row in rows if row["id"] not in asked]
    names, doing = [label_of(row) for row in rows], "Wiping" if wipes else "Removing"
    check_device_count(params["max_devices"], doing, len(rows), names, is_destructive=True)
    if rows:
        check_confirmed(params["confirm"], doing, len(rows), names)
    result: Row = {"changed": bool(rows), "devices": [as_host(row, FULL) for row in rows]}
    if context.diff and rows:
        title = f"{doing.lower()} {counted(len(rows))}"
        result["diff"] = [{"before_header": title, "after_header": title, "before": {"devices": names}, "after": {}}]
    if rows and not context.check_mode:
        if wipes:
            _wipe(view, rows)
        else:
            _delete(view, rows)
    return ModuleResult(result)


def _wiped_already(view: TenantView, rows: list[Row]) -> set[str]:
    return pending_devices(view, "WIPE", [row["id"] for row in rows], lambda _device, _args: True)


def _removed_already(view: TenantView, rows: list[Row]) -> set[str]:
    """Return the IDs of Android devices that a pending operation removes."""
    over = ("FAILED", "CANCELLED")

    def is_removed(device_id: str) -> bool:
        operations = operations_of_device(view, device_id)
        begun = [row["id"] for row in operations if row.get("operation") == _REMOVAL and row.get("state") not in over]
        # An operation can be completed although a device failed.
        parts = (part_of(view, each, device_id) for each in begun)
        return any(part is not None and part.get("state") not in over for part in parts)

    android = [row["id"] for row in rows if row.get("platform") == "ANDROID"]
    removed = in_parallel(view.client, is_removed, android, CONCURRENCY)
    return {device_id for device_id, is_so in zip(android, removed, strict=True) if is_so}


def _wipe(view: TenantView, rows: list[Row]) -> None:
    windows = [row["id"] for row in rows if row.get("platform") == "WINDOWS"]
    others = [row["id"] for row in rows if row.get("platform") != "WINDOWS"]
    # Only Windows requires the argument.
    send(view, Command("WIPE", {"is_factory_reset": True}), windows)
    send(view, Command("WIPE"), others)


def _delete(view: TenantView, rows: list[Row]) -> None:
    """Remove devices: those of Android by an operation, which takes many, others one by one."""
    android = [row["id"] for row in rows if row.get("platform") == "ANDROID"]
    steps = [
        Step(
            purpose=f"Removing the device '{label_of(row)}'",
            method="DELETE",
            path="/device/v0/devices/{id}/",
            ids={"id": row["id"]},
        )
        for row in rows
        if row.get("platform") != "ANDROID"
    ]
    steps += [
        start_step(Operation(_REMOVAL), query, f"Removing {counted(len(ids_of(query)), 'Android device')}")
        for query in queries_for(android)
    ]
    if failures := apply_each(view, REQUEST, steps):
        raise failures[0][1]


DEVICE = ModuleDefinition("device", _MODULE, _run)
