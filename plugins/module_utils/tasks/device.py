# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices as they should be: alias, tags and group of one or many, and devices that are to be removed or wiped.

Rests on PATCH /enterprise/{enterprise_id}/devicegroup/{id}/?action=add (legacy.yaml), which moves up to 1,000
devices; on PATCH /enterprise/{enterprise_id}/device/{id}/ with `tags`, which is not in the published contract but which
the vendor's own tool uses; on the command UPDATE_DEVICE_CONFIG for aliases (v0.yaml); on DELETE
/device/v0/devices/{id}/ for devices of Apple, Linux and Windows, and the operation REMOVE_DEVICE (/v0/operations/) for
those of Android; and on the command WIPE.

What these do not tell, and this file therefore chooses: an alias is asked for at once, and waits for a device that is
not there; while a device has yet to answer, the alias is not asked for again. Tags are compared as sets.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..engine.apply import apply_each, raise_first
from ..engine.object_cache import References
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.device import DEVICE_VALUES, DISABLED, FULL, as_host
from ..kinds.device_group import DEVICE_GROUP, path_of
from ..kinds.tag import TAG
from ..model.module_spec import ModuleSpec, Option, Value
from ..model.plan import Step
from ..task import Mode, Outcome, Task
from .command import REQUEST, Command, check_confirmed, send, steps_for
from .device_search import counted, devices_option, each_once, find_devices, label_of, require_devices
from .operations import OPERATION, Operation, begin_step, ids_of, queries_for
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
        devices_option(required=True),
        Option("alias", "Alias of the device. It requires exactly one device in O(devices)."),
        Option(
            "aliases",
            "Aliases of devices. The keys are names, aliases, serial numbers or IDs of devices in O(devices).",
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
            "Tags of the devices, at most five, in any order. The module removes all other tags.",
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
            "If V(true), O(state=absent) and O(state=wiped) are allowed. They cannot be undone.",
            type="bool",
            default=False,
        ),
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
    """One device: as it is, what is known of it in names, and what is to change."""

    row: Row
    tags: list[str] | None = None
    before: Row = field(default_factory=dict)
    after: Row = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.row["id"])

    def change(self, name: str, before: t.Any, after: t.Any) -> None:
        self.before[name], self.after[name] = before, after


def _work(references: References, params: Params, mode: Mode) -> Outcome:
    if params["state"] != "present":
        return _remove(references, params, mode)
    targets = [_Target(row) for row in require_devices(references, params["devices"])]
    group = _plan_group(references, targets, params["group"])
    _plan_tags(references, targets, params)
    pending = _plan_aliases(references, targets, params)
    result: Row = {"changed": any(target.after for target in targets)}
    if mode.diff:
        result["diff"] = [_difference(target) for target in targets if target.after]
    if not mode.check_mode:
        _apply(references, targets, group)
    result["devices"] = [_record(target, group) for target in targets]
    result["pending_aliases"] = pending + [
        {"id": target.id, "name": label_of(target.row), "alias": target.after["alias"]}
        for target in targets
        if "alias" in target.after
    ]
    return Outcome(result)


def _plan_group(references: References, targets: list[_Target], wanted: str | None) -> Row | None:
    """See which devices are to move, and where. Raises NotFound and Ambiguous."""
    if wanted is None:
        return None
    group = DEVICE_GROUP.resolve(references, wanted)
    for target in targets:
        if target.row.get("group_id") != group["id"]:
            target.change("group_id", target.row.get("group_id"), group["id"])
    return group


def _plan_tags(references: References, targets: list[_Target], params: Params) -> None:
    """See which devices are to have other tags. Raises InvalidParameter where one would have too many."""
    exact, more, fewer = params["tags"], params["add_tags"] or [], params["remove_tags"] or []
    if exact is None and not more and not fewer:
        return
    names = {row["id"]: row["tag"] for row in references.rows(TAG, {})}
    if both := sorted(set(more) & set(fewer)):
        raise InvalidParameter(f"The tags {', '.join(both)} cannot be added and removed at once.")
    for target in targets:
        there = [names.get(each, each) for each in target.row.get("tags") or ()]
        wanted = list(dict.fromkeys(exact if exact is not None else [*there, *more]))
        target.tags = [each for each in wanted if each not in fewer]
        if len(target.tags) > _TAGS_A_DEVICE:
            raise InvalidParameter(
                f"The device '{label_of(target.row)}' would have {len(target.tags)} tags"
                f" ({', '.join(target.tags)}), and a device has {_TAGS_A_DEVICE} at most."
            )
        if set(target.tags) != set(there):
            target.change("tags", there, target.tags)
        else:
            target.tags = there


def _plan_aliases(references: References, targets: list[_Target], params: Params) -> list[Row]:
    """See which devices are to have another alias; gives those that have been asked already and have yet to answer."""
    wanted = _wanted_aliases(references, targets, params)
    differing = [target for target in targets if wanted.get(target.id) not in (None, target.row.get("alias") or "")]
    asked = _asked_already(references, {target.id: wanted[target.id] for target in differing})
    for target in differing:
        if target.id not in asked:
            target.change("alias", target.row.get("alias") or None, wanted[target.id])
    return [
        {"id": target.id, "name": label_of(target.row), "alias": wanted[target.id]}
        for target in differing
        if target.id in asked
    ]


def _wanted_aliases(references: References, targets: list[_Target], params: Params) -> dict[str, str]:
    if params["alias"] is not None:
        if len(targets) != 1:
            raise InvalidParameter(f"One alias cannot be that of {counted(len(targets))}: give aliases.")
        return {targets[0].id: params["alias"]}
    named = params["aliases"] or {}
    ids = {target.id for target in targets}
    found = {name: row for name, row in find_devices(references, named).items() if row is not None}
    others = [name for name in map(str, named) if name not in found or found[name]["id"] not in ids]
    if others:
        raise InvalidParameter(f"The option aliases speaks of {others[0]!r}, which is none of the devices.")
    return {found[str(name)]["id"]: str(alias) for name, alias in named.items()}


def _asked_already(references: References, wanted: dict[str, str]) -> set[str]:
    """The ids of devices that were told the alias they should have, and have yet to come to an end with it."""

    def is_wanted(device_id: str, args: Row) -> bool:
        return args.get("device_alias_name") == wanted[device_id]

    return pending_devices(references, "UPDATE_DEVICE_CONFIG", list(wanted), is_wanted)


def _apply(references: References, targets: list[_Target], group: Row | None) -> None:
    """Send what is to change. What failed is raised once all has been tried."""
    changes = {target.id: target.after for target in targets}
    moving = [id_ for id_, after in changes.items() if "group_id" in after]
    moves = DEVICE_GROUP.steps_into(group["id"], moving, f"Moving devices to '{path_of(group)}'") if group else []
    tagging = [_tag_step(target) for target in targets if "tags" in target.after]
    naming = [step for target in targets if "alias" in target.after for step in _alias_steps(references, target)]
    raise_first(
        [
            *apply_each(references, DEVICE_GROUP, moves),
            *apply_each(references, TAG, tagging),
            *apply_each(references, REQUEST, naming),
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


def _alias_steps(references: References, target: _Target) -> list[Step]:
    """What tells a device its alias."""
    command = Command("UPDATE_DEVICE_CONFIG", {"device_alias_name": target.after["alias"]}, alias="Ansible alias")
    return steps_for(references, command, [target.id], f"Telling the device '{label_of(target.row)}' its alias")


def _difference(target: _Target) -> Row:
    title = f"device {label_of(target.row)}"
    return {"before_header": title, "after_header": title, "before": target.before, "after": target.after}


def _record(target: _Target, group: Row | None) -> Row:
    """The device as it is afterwards, as far as that is known. An alias is what it was until the device has taken the
    new one."""
    record = as_host(target.row, FULL)
    if target.after:
        record["updated_at"] = None
    if "tags" in target.after:
        record["tag_ids"] = None
    record["group_id"] = target.after.get("group_id", record["group_id"])
    record["group"] = path_of(group) if group is not None else None
    record["tags"] = target.tags
    return record


# --- devices that are to be gone --------------------------------------------------------------------------------------


def _remove(references: References, params: Params, mode: Mode) -> Outcome:
    told = [
        name
        for name in _MODULE.argument_spec
        if name not in ("state", "devices", "confirm") and params[name] is not None
    ]
    if told:
        raise InvalidParameter(f"With state {params['state']} a device has no {told[0]}.")
    wipes = params["state"] == "wiped"
    rows = each_once(find_devices(references, params["devices"]).values())
    rows = [row for row in rows if row.get("state") not in ((DISABLED, _WIPING) if wipes else (DISABLED,))]
    asked = _wiped_already(references, rows) if wipes else _removed_already(references, rows)
    rows = [row for row in rows if row["id"] not in asked]
    names, doing = [label_of(row) for row in rows], "Wiping" if wipes else "Removing"
    if rows:
        check_confirmed(params["confirm"], f"{doing} {counted(len(rows))} ({', '.join(names[:5])})")
    result: Row = {"changed": bool(rows), "devices": [as_host(row, FULL) for row in rows]}
    if mode.diff and rows:
        title = f"{doing.lower()} {counted(len(rows))}"
        result["diff"] = [{"before_header": title, "after_header": title, "before": {"devices": names}, "after": {}}]
    if rows and not mode.check_mode:
        if wipes:
            _wipe(references, rows)
        else:
            _delete(references, rows)
    return Outcome(result)


def _wiped_already(references: References, rows: list[Row]) -> set[str]:
    return pending_devices(references, "WIPE", [row["id"] for row in rows], lambda _device, _args: True)


def _removed_already(references: References, rows: list[Row]) -> set[str]:
    """The ids of Android devices that an operation has yet to remove."""
    over = ("FAILED", "CANCELLED")

    def is_removed(device_id: str) -> bool:
        operations = OPERATION.of_device(references, device_id)
        begun = [row["id"] for row in operations if row.get("operation") == _REMOVAL and row.get("state") not in over]
        # An operation is completed, too, if a device did not do it.
        parts = (OPERATION.part(references, each, device_id) for each in begun)
        return any(part is not None and part.get("state") not in over for part in parts)

    android = [row["id"] for row in rows if row.get("platform") == "ANDROID"]
    removed = in_parallel(references.client, is_removed, android, CONCURRENCY)
    return {device_id for device_id, is_so in zip(android, removed, strict=True) if is_so}


def _wipe(references: References, rows: list[Row]) -> None:
    windows = [row["id"] for row in rows if row.get("platform") == "WINDOWS"]
    others = [row["id"] for row in rows if row.get("platform") != "WINDOWS"]
    # Windows has to be told, and others need not be.
    send(references, Command("WIPE", {"is_factory_reset": True}), windows)
    send(references, Command("WIPE"), others)


def _delete(references: References, rows: list[Row]) -> None:
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
        begin_step(Operation(_REMOVAL), query, f"Removing {counted(len(ids_of(query)), 'Android device')}")
        for query in queries_for(android)
    ]
    if failures := apply_each(references, REQUEST, steps):
        raise failures[0][1]


DEVICE = Task("device", _MODULE, _work)
