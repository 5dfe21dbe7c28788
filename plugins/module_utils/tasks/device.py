# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that sets the alias, tags and device group of devices, and removes and wipes devices.

Based on these requests:

- PATCH /enterprise/{enterprise_id}/devicegroup/{id}/?action=add (legacy.yaml), which moves up to 1,000 devices
- PATCH /enterprise/{enterprise_id}/device/{id}/ with `tags`, which is not in the contract, but in Esper's own tool
- the command UPDATE_DEVICE_CONFIG (v0.yaml), which sets aliases
- DELETE /device/v0/devices/{id}/, which removes Apple, Linux and Windows devices
- the operation REMOVE_DEVICE (/v0/operations/), which removes Android devices
- the command WIPE

The contract does not document the following, so this file chooses: an alias is sent at once, and an offline device
receives it when it is online again. While the newest pending command of a device sets the same alias, it is not sent
again. If it sets another alias, the alias of the task is sent, even if the device currently has it. Aliases that
operations set are not taken into account. Tags are compared as sets. Esper may ignore the case of tags, so two tags of
one task cannot differ only in case.
"""

from __future__ import annotations

import functools
import itertools
import typing as t
from dataclasses import dataclass, field, replace

from ..base.errors import EsperError, InvalidParameter
from ..base.row import Params, Row
from ..base.text import composed, counted, look_alike
from ..engine.apply import apply_each, raise_first
from ..engine.lookup import lookup_of
from ..engine.planner import similar_name_warnings
from ..engine.tenant_view import TenantView
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.device import DEVICE_VALUES, DISABLED, FULL, as_host
from ..kinds.device_group import DEVICE_GROUP, device_groups
from ..kinds.device_search import devices_option, find_devices, label_of, require_devices, unique_devices
from ..kinds.group_devices import steps_into
from ..kinds.tag import TAG
from ..model.module_spec import ModuleSpec, Option, Value
from ..model.plan import Step
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry
from .command import REQUEST, Command, accepted_commands, accepting, send, steps_for
from .operations import Operation, ids_of, operations_of_device, part_of, queries_for, start_step
from .safety import check_confirmed, check_device_count, max_devices_option
from .selection import Selection, online_ids
from .statuses import latest_commands
from .waiting import OPTIONS as WAITING
from .waiting import Commands, check_wait, outcome, outcome_values, without_wait

_TAGS_PER_DEVICE = 5
# Maximum number of requests that merge the tags of a task with those of other clients.
_MAX_MERGES = 3
_WIPING = 70
_LEGACY = "/enterprise/{enterprise_id}/device/{id}/"
_REMOVAL = "REMOVE_DEVICE"
_RENAMING = "UPDATE_DEVICE_CONFIG"
_ALIAS = "device_alias_name"

_WAIT_DOC = (
    "If V(true), the task waits until all devices have applied their aliases, more devices than"
    " O(max_fail_percentage) have failed, or O(wait_timeout) is exceeded. Requires O(state=present).",
    "If V(false), the task ends when Esper has accepted the aliases, before devices receive them.",
)

_MODULE = ModuleSpec(
    short_description="Manage Esper devices",
    description=(
        "Sets the alias, tags and device group of devices, removes devices from the tenant, or wipes them.",
        "One task can change any number of devices. Moving up to 1,000 devices takes one request. Setting tags or an"
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
                "V(absent) and V(wiped) require O(confirm=true), and ignore devices that do not exist.",
            ),
            choices=("present", "absent", "wiped"),
            default="present",
        ),
        devices_option("An empty list changes nothing.", required=True),
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
        *(replace(option, doc=_WAIT_DOC) if option.name == "wait" else option for option in WAITING),
    ),
    rules={"mutually_exclusive": [("alias", "aliases"), ("tags", "add_tags"), ("tags", "remove_tags")]},
    returns=(
        Value(
            "devices",
            (
                "The devices after the task, or their predicted state in check mode. They have all keys that"
                " M(esper.cloud.device_info) returns.",
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
                    "Path of the device group. Null if O(group) is omitted.",
                    sample="All devices/Stores/Berlin",
                ),
                Value(
                    "tags",
                    "Names of the tags. Null if the task does not set tags.",
                    type="list",
                    elements="str",
                    sample=["kiosk", "berlin"],
                ),
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
        *outcome_values(returned="if O(state=present)"),
    ),
    seealso=("device_info", "device_command", "converge"),
)


@dataclass
class _Target:
    """One device: its current state, its tags after the task, the ID of the command of an earlier task that sets its
    alias and is pending, and the values before and after the change."""

    row: Row
    tags: list[str] | None = None
    pending: str = ""
    before: Row = field(default_factory=dict)
    after: Row = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.row["id"])

    def change(self, name: str, before: t.Any, after: t.Any) -> None:
        self.before[name], self.after[name] = before, after


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    check_wait(params)
    if params["state"] != "present":
        return _remove(view, params, context)
    targets = [_Target(row) for row in require_devices(view, params["devices"])]
    group = _plan_group(view, targets, params["group"])
    _plan_tags(view, targets, params)
    aliases = _plan_aliases(view, targets, params)
    names = [label_of(target.row) for target in targets if target.after]
    check_device_count(params["max_devices"], "Changing", len(names), names)
    result: Row = {"changed": bool(names)}
    if context.diff:
        result["diff"] = [
            diff_entry(f"device {label_of(target.row)}", target.before, target.after)
            for target in targets
            if target.after
        ]
    renamed = [target for target in targets if target.pending or "alias" in target.after]
    ends = without_wait(len(renamed))
    warnings: list[str] = []
    if not context.check_mode:
        context.effects.values |= {**result, **ends}
        commands, warnings = _apply(view, targets, group, params, context)
        ends, renamed = _await_aliases(view, renamed, aliases, commands, params, context)
    path = device_groups(view).path_of(group) if group else None
    result["devices"] = [_record(target, path) for target in targets]
    result["pending_aliases"] = [_pending_alias(target, aliases[target.id]) for target in renamed]
    return ModuleResult({**result, **ends}, warnings)


def _await_aliases(
    view: TenantView,
    renamed: list[_Target],
    aliases: dict[str, str],
    commands: dict[str, str],
    params: Params,
    context: RunContext,
) -> tuple[Row, list[_Target]]:
    """Return the result about the commands that set aliases, and the devices that have yet to apply them."""
    rows = [target.row for target in renamed]
    request = Commands(view, f"The command {_RENAMING}", (), commands)
    online = online_ids(view, Selection.of(rows), params)
    ends, states = outcome(view, request, rows, params, context, count=len(renamed), online=online)
    if not params["wait"]:
        return ends, renamed
    for target in renamed:
        if target.id not in states:
            target.row = {**target.row, "alias": aliases[target.id]}
    return ends, [target for target in renamed if states.get(target.id) in ("pending", "offline")]


def _plan_group(view: TenantView, targets: list[_Target], name: str | None) -> Row | None:
    """Plan the moves, and return the device group. Raise NotFound or Ambiguous if it cannot be found."""
    if name is None:
        return None
    group = lookup_of(view, DEVICE_GROUP).resolve(name)
    for target in targets:
        if target.row.get("group_id") != group["id"]:
            target.change("group_id", target.row.get("group_id"), group["id"])
    return group


def _plan_tags(view: TenantView, targets: list[_Target], params: Params) -> None:
    """Plan the changes of tags. Raise InvalidParameter if the options are invalid or a device has too many tags."""
    exact, added, removed = (_checked_tags(option, params[option]) for option in ("tags", "add_tags", "remove_tags"))
    if params["tags"] is None and not added and not removed:
        return
    if both := sorted(tag for tag in added if tag.casefold() in {other.casefold() for other in removed}):
        raise InvalidParameter(
            f"Invalid add_tags and remove_tags: both contain {', '.join(both)}. List each tag in one of them."
        )
    names = {row["id"]: str(row.get("tag") or row["id"]) for row in view.list_objects(TAG)}
    for target in targets:
        current = [names.get(tag_id, tag_id) for tag_id in target.row.get("tags") or ()]
        target.tags = _merged_tags(current, added if params["tags"] is None else exact, removed, params)
        _check_number_of_tags(target)
        if set(target.tags) != set(current):
            for tag in sorted({*target.tags} - {*current, *names.values()}):
                _warn_of_similar_tags(view, tag, names.values())
            target.change("tags", current, target.tags)
        else:
            target.tags = current


def _warn_of_similar_tags(view: TenantView, tag: str, existing: t.Iterable[str]) -> None:
    """Warn of a new tag that is easily confused with an existing one."""
    similar = [other for other in existing if look_alike(composed(other), tag)]
    for warning in similar_name_warnings(TAG.title, tag, similar):
        view.warn(warning)


def _check_number_of_tags(target: _Target) -> None:
    """Raise InvalidParameter if a device would have too many tags."""
    tags = target.tags or []
    if len(tags) > _TAGS_PER_DEVICE:
        raise InvalidParameter(
            f"The device '{label_of(target.row)}' would have {len(tags)} tags ({', '.join(tags)}). The maximum is"
            f" {_TAGS_PER_DEVICE}. Remove some of them."
        )


def _merged_tags(current: list[str], desired: list[str], removed: list[str], params: Params) -> list[str]:
    """Return the tags of a device after the task. Tags that the device has keep their Unicode form."""
    own = {composed(tag): tag for tag in current}
    tags = dict.fromkeys([*own, *desired] if params["tags"] is None else desired)
    return [own.get(tag, tag) for tag in tags if tag not in removed]


def _checked_tags(option: str, tags: list[str] | None) -> list[str]:
    """Return the tags of an option in composed Unicode form, without duplicates.

    Raise InvalidParameter if a tag is empty, or if two tags differ only in case.
    """
    checked: dict[str, str] = {}
    for tag in (composed(str(value)).strip() for value in tags or ()):
        if not tag:
            raise InvalidParameter(f"Invalid {option}: a tag is empty.")
        other = checked.setdefault(tag.casefold(), tag)
        if other != tag:
            raise InvalidParameter(f"Invalid {option}: '{other}' and '{tag}' differ only in case. List one of them.")
    return list(checked.values())


def _plan_aliases(view: TenantView, targets: list[_Target], params: Params) -> dict[str, str]:
    """Plan the changes of aliases, and return the desired aliases by the IDs of the devices.

    The devices were read before the commands. A device that has executed a command since then is read again.
    """
    aliases = _desired_aliases(view, targets, params)
    latest = latest_commands(view, _RENAMING, list(aliases), lambda args: isinstance(args.get(_ALIAS), str))
    completed = {id_: command.args[_ALIAS] for id_, command in latest.items() if not command.is_pending}
    outdated = [target for target in targets if completed.get(target.id) not in (None, target.row.get("alias") or "")]
    current = find_devices(view, [target.id for target in outdated]) if outdated else {}
    for target in targets:
        target.row = current.get(target.id) or target.row
        if target.id not in aliases:
            continue
        command = latest.get(target.id)
        is_pending = command is not None and command.is_pending
        last = command.args[_ALIAS] if command is not None and is_pending else target.row.get("alias") or ""
        if last != aliases[target.id]:
            target.change("alias", last or None, aliases[target.id])
        elif command is not None and is_pending:
            target.pending = command.id
    return aliases


def _pending_alias(target: _Target, alias: str) -> Row:
    return {"id": target.id, "name": label_of(target.row), "alias": alias}


def _desired_aliases(view: TenantView, targets: list[_Target], params: Params) -> dict[str, str]:
    """Return the aliases of devices by ID. Raise InvalidParameter if a device has two aliases, or two devices have the
    same alias."""
    if params["alias"] is not None:
        if len(targets) != 1:
            raise InvalidParameter(f"The option alias requires one device, not {len(targets)}. Use aliases instead.")
        return {targets[0].id: params["alias"]}
    aliases_by_name = {str(name).strip(): alias for name, alias in (params["aliases"] or {}).items()}
    if len(aliases_by_name) != len(params["aliases"] or {}):
        raise InvalidParameter("Invalid aliases: two keys differ only in whitespace. List one of them.")
    devices = find_devices(view, aliases_by_name)
    labels = {target.id: label_of(target.row) for target in targets}
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
    _check_unique(targets, aliases)
    return aliases


def _check_unique(targets: list[_Target], aliases: dict[str, str]) -> None:
    """Raise InvalidParameter if two devices of the task would have the same alias, and at least one of them is new."""
    owners: dict[str, _Target] = {}
    new = {alias.strip() for alias in aliases.values()} - {""}
    for target in targets:
        alias = aliases.get(target.id, target.row.get("alias") or "").strip()
        if alias in new and owners.setdefault(alias, target) is not target:
            both = f"'{label_of(owners[alias].row)}' and '{label_of(target.row)}'"
            raise InvalidParameter(f"Invalid aliases: the devices {both} would both have the alias '{alias}'.")


def _apply(
    view: TenantView, targets: list[_Target], group: Row | None, params: Params, context: RunContext
) -> tuple[dict[str, str], list[str]]:
    """Send all changes. Return the commands that set aliases by the IDs of the devices, also those of earlier tasks,
    and warnings. Raise the first error after all changes."""
    moves: list[Step] = []
    if group:
        moved = [target.id for target in targets if "group_id" in target.after]
        moves = steps_into(group["id"], moved, f"Moving devices to '{device_groups(view).path_of(group)}'")
    tagged = [target for target in targets if "tags" in target.after]
    warnings: list[str] = []
    alias_steps = [step for target in targets if "alias" in target.after for step in _alias_steps(view, target)]
    with accepting(context.effects, f"The command {_RENAMING}", alias_steps):
        raise_first(
            [
                *apply_each(view, DEVICE_GROUP, moves),
                *_apply_tags(view, tagged, params, warnings),
                *apply_each(view, REQUEST, alias_steps),
            ]
        )
    commands = {target.id: target.pending for target in targets if target.pending}
    commands |= {command.devices[0]: command.id for command in accepted_commands(alias_steps)}
    return commands, warnings


def _apply_tags(
    view: TenantView, targets: list[_Target], params: Params, warnings: list[str]
) -> list[tuple[Step, EsperError]]:
    """Set the tags of devices, and return the failed requests. Append warnings to ``warnings``.

    Each request replaces all tags of a device. If the task keeps the other tags, each device is then read again. If
    another client replaced the tags of the task at the same time, they are set again, together with those of the other
    client. Nobody can find tags that another client set after the task read the device and before its request.
    """
    failures: list[tuple[Step, EsperError]] = []
    waiting = targets
    for attempt in range(_MAX_MERGES + 1):
        steps = {target.id: _tag_step(target) for target in waiting}
        failed = apply_each(view, TAG, steps.values())
        failures += failed
        unchecked = steps.keys() - {step.ids["id"] for step, _error in failed} if params["tags"] is None else set()
        checks = [_Check(target, steps[target.id]) for target in waiting if target.id in unchecked]
        for _check in in_parallel(view.client, functools.partial(_find_lost_tags, view, params), checks, CONCURRENCY):
            pass
        warnings += [
            f"The tags of the device '{label_of(check.target.row)}' are set, but another client can have changed them"
            f" at the same time. {check.error}"
            for check in checks
            if check.error
        ]
        waiting = [check.target for check in checks if check.is_lost]
        if not waiting:
            return failures
        warnings += [
            f"Another client changed the tags of the device '{label_of(target.row)}' at the same time."
            " The module merged both changes."
            for target in waiting
            if attempt < _MAX_MERGES
        ]
    return failures + [
        (
            steps[target.id],
            EsperError(f"Other clients change the tags of the device '{label_of(target.row)}' again and again."),
        )
        for target in waiting
    ]


@dataclass
class _Check:
    """The check whether another client replaced the tags that a step has set."""

    target: _Target
    step: Step
    is_lost: bool = False
    error: EsperError | None = None


def _find_lost_tags(view: TenantView, params: Params, check: _Check) -> None:
    """Read a device again. If the tags of the task are lost, plan them in addition to the current tags."""
    target = check.target
    added, removed = (_checked_tags(option, params[option]) for option in ("add_tags", "remove_tags"))
    try:
        row = view.client.get_object(
            _LEGACY, ids={"id": target.id}, purpose=f"Reading the tags of the device '{label_of(target.row)}' again"
        )
        current = _tags_in(row)
        if current == _tags_in(check.step.response or {}):
            return
        tags = _merged_tags(current, added, removed, params)
        if set(tags) != set(current):
            if set(current) == set(target.before["tags"]):
                raise EsperError("Esper returned the tags from before the task.")
            target.tags, check.is_lost = tags, True
            _check_number_of_tags(target)
    except EsperError as error:
        check.is_lost, check.error = False, error


def _tags_in(row: Row) -> list[str]:
    """Return the names of the tags of a device in the legacy family, without values of an unexpected type."""
    tags = row.get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _tag_step(target: _Target) -> Step:
    return Step(
        purpose=f"Setting the tags of the device '{label_of(target.row)}'",
        method="PATCH",
        path=_LEGACY,
        ids={"id": target.id},
        body={"tags": target.tags},
    )


def _alias_steps(view: TenantView, target: _Target) -> list[Step]:
    """Return the commands that send a device its alias."""
    command = Command(_RENAMING, {_ALIAS: target.after["alias"]}, alias="Ansible alias")
    return steps_for(view, command, [target.id], f"Setting the alias of the device '{label_of(target.row)}'")


def _record(target: _Target, group_path: str | None) -> Row:
    """Return the device after the task, with None for unknown values."""
    record = as_host(target.row, FULL)
    if target.after:
        record["updated_at"] = None
    if "tags" in target.after:
        record["tag_ids"] = None
    record["group_id"] = target.after.get("group_id", record["group_id"])
    record["group"] = group_path
    record["tags"] = target.tags
    return record


# --- removal and wipe -------------------------------------------------------------------------------------------------


def _remove(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    changes = ("alias", "aliases", "group", "tags", "add_tags", "remove_tags", "wait")
    if option := next((name for name in changes if params[name] not in (None, False)), None):
        raise InvalidParameter(f"The option {option} requires state=present, not state={params['state']}.")
    is_wipe = params["state"] == "wiped"
    excluded = (DISABLED, _WIPING) if is_wipe else (DISABLED,)
    rows = unique_devices(find_devices(view, params["devices"]).values())
    rows = [row for row in rows if row.get("state") not in excluded]
    if is_wipe:
        rows = _without_wiped(view, rows)
    else:
        pending = _pending_removals(view, rows)
        rows = [row for row in rows if row["id"] not in pending]
    names, action = [label_of(row) for row in rows], "Wiping" if is_wipe else "Removing"
    check_device_count(params["max_devices"], action, len(rows), names, is_destructive=True)
    if rows:
        check_confirmed(params["confirm"], action, len(rows), names)
    result: Row = {"changed": bool(rows), "devices": [as_host(row, FULL) for row in rows]}
    if context.diff and rows:
        result["diff"] = [diff_entry(f"{action.lower()} {counted(len(rows))}", {"devices": names}, {})]
    if rows and not context.check_mode:
        context.effects.values |= result
        if is_wipe:
            _wipe(view, context, rows)
        else:
            _delete(view, context, rows)
    return ModuleResult(result)


def _without_wiped(view: TenantView, rows: list[Row]) -> list[Row]:
    """Return the devices without those that have a pending wipe, or that were wiped since they were read."""
    latest = latest_commands(view, "WIPE", [row["id"] for row in rows])
    completed = [id_ for id_, command in latest.items() if not command.is_pending]
    current = find_devices(view, completed) if completed else {}
    left = (current.get(row["id"], row) for row in rows if row["id"] not in latest or row["id"] in current)
    return [row for row in left if row is not None and row.get("state") not in (DISABLED, _WIPING)]


def _pending_removals(view: TenantView, rows: list[Row]) -> set[str]:
    """Return the IDs of Android devices that a pending operation removes."""
    unsuccessful = ("FAILED", "CANCELLED")

    def is_pending(device_id: str) -> bool:
        operations = (
            row["id"]
            for row in operations_of_device(view, device_id)
            if row.get("operation") == _REMOVAL and row.get("state") not in unsuccessful
        )
        # A complete operation can have failed devices.
        parts = (part_of(view, operation_id, device_id) for operation_id in operations)
        return any(part is not None and part.get("state") not in unsuccessful for part in parts)

    android = [row["id"] for row in rows if row.get("platform") == "ANDROID"]
    pending = list(in_parallel(view.client, is_pending, android, CONCURRENCY))
    return set(itertools.compress(android, pending))


def _wipe(view: TenantView, context: RunContext, rows: list[Row]) -> None:
    windows = [row["id"] for row in rows if row.get("platform") == "WINDOWS"]
    others = [row["id"] for row in rows if row.get("platform") != "WINDOWS"]
    # Only Windows devices require the argument.
    send(view, context.effects, Command("WIPE", {"is_factory_reset": True}), windows)
    send(view, context.effects, Command("WIPE"), others)


def _delete(view: TenantView, context: RunContext, rows: list[Row]) -> None:
    """Remove Android devices with operations, each for many devices, and other devices one by one."""
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
    starts = [
        start_step(Operation(_REMOVAL), query, f"Removing {counted(len(ids_of(query)), 'Android device')}")
        for query in queries_for(android)
    ]
    with accepting(context.effects, f"The operation {_REMOVAL}", starts):
        raise_first(apply_each(view, REQUEST, [*steps, *starts]))


DEVICE = ModuleDefinition("device", _MODULE, _run)
