# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that sets the alias, tags and device group of devices, and removes and wipes devices.

Based on the command WIPE, and on the requests in device_batch.py and device_removal.py.
"""

from __future__ import annotations

from dataclasses import replace

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.tenant_view import TenantView
from ..kinds.device import DEVICE_VALUES, DISABLED, LEVELS, MINIMAL, as_host
from ..kinds.device_search import devices_option, find_devices, label_of, require_devices, unique_devices
from ..model.module_spec import ModuleSpec, Option, Value
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry
from .command import Command, send
from .device_assignments import ASSIGNMENTS, COLUMNS, SRC, targets_of
from .device_batch import RENAMING, Desired, DeviceBatch, DeviceTarget
from .device_removal import pending_removals, remove_devices
from .safety import check_confirmed, check_device_count, max_devices_option
from .selection import Selection, online_ids
from .statuses import latest_commands
from .waiting import OPTIONS as WAITING
from .waiting import Commands, check_wait, outcome, outcome_values, without_wait

_WIPING = 70
_OF_DEVICES = ("alias", "aliases", "group", "tags", "add_tags", "remove_tags")

_WAIT_DOC = (
    "If V(true), the task waits until all devices have applied their aliases, more devices than"
    " O(max_fail_percentage) have failed, or O(wait_timeout) is exceeded. Requires O(state=present).",
    "If V(false), the task ends when Esper has accepted the aliases, before devices receive them.",
)

_MODULE = ModuleSpec(
    short_description="Manage Esper devices",
    description=(
        "Sets the alias, tags and device group of devices, removes devices from the tenant, or wipes them.",
        "One task can change any number of devices. It changes all O(devices) in the same way. O(assignments) and the"
        " CSV file O(src) have an alias, a group and tags for each device.",
        "Moving up to 1,000 devices to a device group takes one request. Setting tags or an"
        " alias takes one request for each device that does not have them yet. With O(add_tags) and O(remove_tags), the"
        " module reads each changed device again, because another client can replace its tags at the same time.",
        "Esper sends an alias to the device in a command. An offline device keeps its old alias until it is online"
        " again. RV(pending_aliases) lists these devices, and the command is not sent again. The last alias that was"
        " sent to a device takes effect.",
        "The request that sets tags is not part of the public Esper API. Esper's own tools use it.",
        "Options you omit are not changed.",
    ),
    options=(
        Option(
            "state",
            (
                "Desired state of the devices.",
                "V(present) sets the alias, tags and group of the devices, which must exist.",
                "V(absent) removes the devices from the tenant.",
                "V(wiped) erases the devices. An offline device is erased when it is online again.",
                "V(absent) and V(wiped) require O(devices) and O(confirm=true), and ignore devices that do not exist.",
            ),
            choices=("present", "absent", "wiped"),
            default="present",
        ),
        devices_option("An empty list changes nothing."),
        ASSIGNMENTS,
        SRC,
        COLUMNS,
        Option(
            "on_error",
            (
                "Behavior if a device fails.",
                "V(stop) changes nothing if a device of the task cannot be changed, for example because it does not"
                " exist. If a request fails, no further request starts.",
                "V(continue) changes all other devices. The task fails anyway.",
                "In both cases, the message and RV(rejected_devices) have all errors.",
            ),
            choices=("stop", "continue"),
            default="stop",
        ),
        Option("alias", "Alias of the device. Requires exactly one device in O(devices)."),
        Option(
            "aliases",
            (
                "Aliases of devices. The keys are names, aliases, serial numbers or IDs of devices in O(devices).",
                "List each device once. Two devices in O(devices) cannot have the same alias.",
            ),
            type="dict",
            texts_by_name=True,
        ),
        Option(
            "group",
            (
                "Device group of the devices by name, ID, or path as in O(esper.cloud.device_group#module:path).",
                "The module moves the devices, because a device is in exactly one group.",
            ),
            identifier=True,
        ),
        Option(
            "create_groups",
            "If V(true), the module creates device groups that do not exist, with their parents. If V(false), such a"
            " device group is an error. A name without a slash is that of a group below the root.",
            type="bool",
            default=False,
        ),
        Option(
            "tags",
            (
                "Tags of the devices, at most five for each device, in any order. The module removes all other tags.",
                "Two tags of one task cannot differ only in case.",
            ),
            type="list",
            elements="str",
            identifier=True,
        ),
        Option(
            "add_tags",
            "Tags to add. A device can have at most five tags. Other tags are kept.",
            type="list",
            elements="str",
            identifier=True,
        ),
        Option("remove_tags", "Tags to remove. Other tags are kept.", type="list", elements="str", identifier=True),
        Option(
            "confirm",
            "If V(true), confirms O(state=absent) and O(state=wiped), which cannot be undone.",
            type="bool",
            default=False,
        ),
        max_devices_option("O(state=absent) or O(state=wiped)"),
        Option(
            "detail_level",
            (
                "Amount of information about each device in RV(devices). Each level includes the previous one.",
                "O(esper.cloud.devices#inventory:detail_level) lists the keys of each level. With V(standard) and"
                " V(full), the module reads changed devices again.",
            ),
            choices=LEVELS,
            default=MINIMAL,
        ),
        *(replace(option, doc=_WAIT_DOC) if option.name == "wait" else option for option in WAITING),
    ),
    rules={
        "required_one_of": [("devices", "assignments", "src")],
        "required_by": {"columns": ("src",)},
        "mutually_exclusive": [
            ("devices", "assignments", "src"),
            ("alias", "aliases"),
            ("tags", "add_tags"),
            ("tags", "remove_tags"),
        ],
    },
    sources=("src",),
    returns=(
        Value(
            "devices",
            (
                "The devices after the task, or their predicted state in check mode. In addition to the keys below,"
                " each device has the host variables that the inventory plugin sets at the same O(detail_level),"
                " without their prefix. Values that are not known after the task are left out.",
                "The alias is the one that the device has before the task, or after it with O(wait=true)."
                " RV(pending_aliases) has new aliases.",
                "With O(state=absent) and O(state=wiped), the devices that the task removes or wipes.",
            ),
            type="list",
            elements="dict",
            contains=(
                *DEVICE_VALUES,
                Value(
                    "group",
                    "Path of the device group. Only returned if the task sets the group.",
                    sample="All devices/Stores/Berlin",
                ),
                Value(
                    "tags",
                    "Names of the tags. Only returned if the task sets tags.",
                    type="list",
                    elements="str",
                    sample=["kiosk", "berlin"],
                ),
                Value(
                    "blueprint",
                    "Name of the blueprint assigned to the device. Only returned if the task moves the device.",
                    sample="Point of Sale",
                ),
            ),
        ),
        Value(
            "moved_devices",
            "Devices that the task moves to another device group, with their assigned blueprint, which can change.",
            type="list",
            elements="dict",
            returned="if O(state=present)",
            contains=(
                *(value for value in DEVICE_VALUES if value.name in ("id", "name")),
                Value("group_before", "Path of the device group before the task.", sample="All devices"),
                Value("group_after", "Path of the device group after the task.", sample="All devices/Stores/Berlin"),
                Value(
                    "blueprint_before",
                    "Name of the blueprint before the task, or its ID if the API key has no access to blueprints.",
                    sample="Kiosk",
                ),
                Value("blueprint_after", "The same after the task.", sample="Point of Sale"),
            ),
        ),
        Value(
            "pending_aliases",
            "Devices that have not applied their new alias yet.",
            type="list",
            elements="dict",
            returned="if O(state=present)",
            contains=(
                *(value for value in DEVICE_VALUES if value.name in ("id", "name")),
                Value("alias", "Alias that was sent to the device.", sample="POS 1"),
            ),
        ),
        Value(
            "changed_count",
            "Number of devices that the task changes.",
            type="int",
            returned="if O(state=present)",
            sample=2,
        ),
        Value(
            "created_groups",
            "Paths of the device groups that the task creates.",
            type="list",
            elements="str",
            returned="if O(state=present)",
            sample=[],
        ),
        Value(
            "rejected_devices",
            "Devices that could not be changed.",
            type="list",
            elements="dict",
            returned="if O(state=present)",
            contains=(
                Value(
                    "option",
                    "Item of O(assignments), or line of O(src). Null if the device is one of O(devices).",
                    sample="assignments[3]",
                ),
                Value("id", "ID of the device. Null if it was not found.", sample=None),
                Value("name", "Name of the device, or how the task names it.", sample="R9W00000001"),
                Value("reason", "Error of the device.", sample="The device 'R9W00000001' was not found."),
            ),
        ),
        *outcome_values(returned="if O(state=present)"),
    ),
    seealso=("device_info", "device_command", "converge"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    check_wait(params)
    if params["state"] != "present":
        return _remove(view, params, context)
    batch, stops = _batch(view, params), params["on_error"] == "stop"
    batch.plan()
    if batch.failed and stops:
        return _unchanged(batch, params)
    batch.check(params["max_devices"])
    result: Row = {"changed": bool(batch.changed)}
    if context.diff:
        result["diff"] = batch.diff()
    renamed = [target for target in batch.valid if target.is_renamed]
    ends, level = without_wait(len(renamed)), params["detail_level"]
    reads_again = level != MINIMAL and bool(batch.changed) and not context.check_mode
    if not context.check_mode:
        context.effects.values |= {**result, **ends}
        batch.apply(context, stops=stops)
        renamed = [target for target in renamed if target.error is None]
        result["changed"] = bool(batch.changed) or view.has_written
        ends, renamed = _await_aliases(view, batch, renamed, params, context)
    if reads_again:
        batch.read_again()
    result["devices"] = batch.records(level, is_current=reads_again)
    result["changed_count"] = len(batch.changed)
    result["moved_devices"] = batch.moves()
    result["pending_aliases"] = [_pending_alias(target) for target in renamed]
    result["created_groups"] = batch.created_groups
    result["rejected_devices"] = [target.failure() for target in batch.failed]
    if batch.failed:
        result["failed"] = True
        result["msg"] = " ".join(filter(None, [batch.failure_message(), ends.pop("msg", "")]))
    return ModuleResult({**result, **ends}, batch.warnings)


def _unchanged(batch: DeviceBatch, params: Params) -> ModuleResult:
    """Return the result of a task that changes nothing, because devices cannot be changed."""
    if params["devices"] is not None:
        batch.raise_errors()
    message = batch.failure_message(", so nothing was changed")
    try:
        batch.check(params["max_devices"])
    except InvalidParameter as error:
        message = f"{message} {error}"
    rejected = [target.failure() for target in batch.failed]
    return ModuleResult({"failed": True, "changed": False, "msg": message, "rejected_devices": rejected})


def _batch(view: TenantView, params: Params) -> DeviceBatch:
    """Return the devices of a task with their desired state."""
    if params["devices"] is None:
        for option in _OF_DEVICES:
            if params[option] is not None:
                name = "src" if params["assignments"] is None else "assignments"
                raise InvalidParameter(f"The option {option} requires devices. With {name}, each device has its own.")
        return DeviceBatch.find(view, targets_of(params), creates_groups=params["create_groups"])
    rows = require_devices(view, params["devices"])
    aliases = _desired_aliases(view, rows, params)
    common = Desired(
        group=params["group"],
        tags=params["tags"],
        add_tags=params["add_tags"] or (),
        remove_tags=params["remove_tags"] or (),
    )
    targets = [DeviceTarget(row, replace(common, alias=aliases.get(str(row["id"])))) for row in rows]
    return DeviceBatch(view, targets, creates_groups=params["create_groups"])


def _await_aliases(
    view: TenantView, batch: DeviceBatch, renamed: list[DeviceTarget], params: Params, context: RunContext
) -> tuple[Row, list[DeviceTarget]]:
    """Return the result about the commands that set aliases, and the devices that have yet to apply them."""
    rows = [target.row for target in renamed]
    request = Commands(view, f"The command {RENAMING}", (), batch.commands)
    online = online_ids(view, Selection.of(rows), params)
    ends, states = outcome(view, request, rows, params, context, count=len(renamed), online=online)
    if not params["wait"]:
        return ends, renamed
    for target in renamed:
        if target.id not in states:
            target.row = {**target.row, "alias": target.desired.alias}
    return ends, [target for target in renamed if states.get(target.id) in ("pending", "offline")]


def _pending_alias(target: DeviceTarget) -> Row:
    return {"id": target.id, "name": target.label, "alias": target.desired.alias}


def _desired_aliases(view: TenantView, rows: list[Row], params: Params) -> dict[str, str]:
    """Return the aliases of devices by ID. Raise InvalidParameter if a device has two aliases."""
    if params["alias"] is not None:
        if len(rows) != 1:
            raise InvalidParameter(f"The option alias requires one device, not {len(rows)}. Use aliases instead.")
        return {str(rows[0]["id"]): params["alias"]}
    aliases_by_name = {str(name).strip(): alias for name, alias in (params["aliases"] or {}).items()}
    if len(aliases_by_name) != len(params["aliases"] or {}):
        raise InvalidParameter("Invalid aliases: two keys differ only in whitespace. List one of them.")
    devices = find_devices(view, aliases_by_name)
    labels = {str(row["id"]): label_of(row) for row in rows}
    aliases: dict[str, str] = {}
    names: dict[str, str] = {}
    for name, alias in aliases_by_name.items():
        id_ = str((devices[name] or {}).get("id"))
        if id_ not in labels:
            raise InvalidParameter(f"Invalid aliases: '{name}' is not one of the devices of the task.")
        if id_ in aliases:
            raise InvalidParameter(
                f"Invalid aliases: '{names[id_]}' and '{name}' both refer to the device '{labels[id_]}'. List it once."
            )
        if alias is None or isinstance(alias, (dict, list)):
            raise InvalidParameter(f"Invalid aliases: the alias of '{name}' is {alias!r}, not a text.")
        aliases[id_], names[id_] = str(alias), name
    return aliases


# --- removal and wipe -------------------------------------------------------------------------------------------------


def _remove(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    changes = (*_OF_DEVICES, "assignments", "src", "columns", "wait")
    if option := next((name for name in changes if params[name] not in (None, False)), None):
        raise InvalidParameter(f"The option {option} requires state=present, not state={params['state']}.")
    is_wipe = params["state"] == "wiped"
    excluded = (DISABLED, _WIPING) if is_wipe else (DISABLED,)
    rows = unique_devices(find_devices(view, params["devices"] or ()).values())
    rows = [row for row in rows if row.get("state") not in excluded]
    if is_wipe:
        rows = _without_wiped(view, rows)
    else:
        pending = pending_removals(view, rows)
        rows = [row for row in rows if row["id"] not in pending]
    names, action = [label_of(row) for row in rows], "Wiping" if is_wipe else "Removing"
    check_device_count(params["max_devices"], action, len(rows), names, is_destructive=True)
    if rows:
        check_confirmed(params["confirm"], action, len(rows), names)
    result: Row = {"changed": bool(rows), "devices": [as_host(row, params["detail_level"]) for row in rows]}
    if context.diff and rows:
        result["diff"] = [diff_entry(f"{action.lower()} {counted(len(rows))}", {"devices": names}, {})]
    if rows and not context.check_mode:
        context.effects.values |= result
        if is_wipe:
            _wipe(view, context, rows)
        else:
            remove_devices(view, context, rows)
    return ModuleResult(result)


def _without_wiped(view: TenantView, rows: list[Row]) -> list[Row]:
    """Return the devices without those that have a pending wipe, or that were wiped since they were read."""
    latest = latest_commands(view, "WIPE", [row["id"] for row in rows])
    completed = [id_ for id_, command in latest.items() if not command.is_pending]
    current = find_devices(view, completed) if completed else {}
    left = (current.get(row["id"], row) for row in rows if row["id"] not in latest or row["id"] in current)
    return [row for row in left if row is not None and row.get("state") not in (DISABLED, _WIPING)]


def _wipe(view: TenantView, context: RunContext, rows: list[Row]) -> None:
    windows = [row["id"] for row in rows if row.get("platform") == "WINDOWS"]
    others = [row["id"] for row in rows if row.get("platform") != "WINDOWS"]
    # Only Windows devices require the argument.
    send(view, context.effects, Command("WIPE", {"is_factory_reset": True}), windows)
    send(view, context.effects, Command("WIPE"), others)


DEVICE = ModuleDefinition("device", _MODULE, _run)
