# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that sends the command CONVERGE to outdated devices.

Based on /commands/v0/commands/ (v0.yaml), for converges with provisioning on /v2/converge (v2.yaml) or /v0/operations/
(v0.yaml), and on the blueprints of devices in /v2/devices/ and /v2/blueprints/
(v2.yaml). A device is outdated if it runs another blueprint than its assigned one, or another version than the latest
published one: see blueprint_versions.py.
"""

from __future__ import annotations

from dataclasses import replace

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.tenant_view import TenantView
from ..kinds.device_search import devices_option, find_devices, label_of
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry
from .blueprint_versions import PublishedVersions, VersionLabels, assigned_blueprint, current_blueprint, current_version
from .command import ALIAS_OPTION, Command, send
from .commanded import commanded, commanded_value
from .converges import StartedConverge, start_converge
from .operations import Operation, StartedOperations, queries_for, start_operations, summary
from .safety import check_device_count, max_devices_option
from .selection import (
    ALLOW_EMPTY_OPTION,
    SELECTION,
    Selection,
    blueprints_option,
    filters_option,
    groups_option,
    online_ids,
    select,
)
from .statuses import LatestCommand, latest_commands
from .waiting import (
    COMMANDS_VALUE,
    Commands,
    Together,
    Trackable,
    check_wait,
    outcome,
    outcome_values,
    without_wait,
)
from .waiting import OPTIONS as WAITING

MODULE = ModuleSpec(
    short_description="Converge Esper devices to their blueprints",
    description=(
        "Converges devices that do not run the latest published version of their assigned blueprint.",
        "Skips up-to-date devices and devices with a pending converge command, unless O(force=true). Skips disabled"
        " devices and devices without a blueprint.",
        "O(wait) waits for all outdated devices, also for those with a pending converge command of an earlier task.",
        SELECTION,
        "One request takes up to 1,000 devices.",
    ),
    options=(
        devices_option(),
        groups_option(),
        filters_option(),
        blueprints_option(),
        ALLOW_EMPTY_OPTION,
        max_devices_option(),
        Option(
            "force",
            "If V(true), the module also converges up-to-date devices and devices with a pending converge command.",
            type="bool",
            default=False,
        ),
        Option(
            "with_provisioning",
            (
                "If V(true), the converge also applies settings that are otherwise applied at provisioning only. The"
                " module converges one device with a request of its own, and several with operations in place of"
                " commands.",
                "If an up-to-date device must also apply them, set O(force=true).",
            ),
            type="bool",
            default=False,
        ),
        replace(
            ALIAS_OPTION,
            doc=(*ALIAS_OPTION.doc, "Not allowed with O(with_provisioning=true), which sends no command."),
        ),
        *WAITING,
    ),
    rules={"required_one_of": [("devices", "groups", "filters", "blueprints")]},
    returns=(
        Value("device_count", "Number of selected devices, without disabled devices.", type="int", sample=300),
        commanded_value("Devices that the task converges, without those with a pending converge command."),
        Value(
            "outdated_count",
            "Number of outdated devices. With O(force=true), number of devices with a blueprint.",
            type="int",
            sample=12,
        ),
        Value("without_blueprint_count", "Number of devices without an assigned blueprint.", type="int", sample=0),
        Value(
            "pending_devices",
            "Names of outdated devices with a pending converge command. Empty with O(force=true).",
            type="list",
            elements="str",
            sample=["OUW-MDJ-00001"],
        ),
        COMMANDS_VALUE,
        Value(
            "operations",
            "Operations that Esper accepted, one for up to 500 devices. Empty for one device, and in check mode.",
            type="list",
            elements="dict",
            contains=(
                Value("id", "ID of the operation.", sample="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003"),
                Value("devices", "Number of devices of the operation.", type="int", sample=300),
            ),
            returned="if O(with_provisioning=true)",
        ),
        Value(
            "converge_id",
            "ID of the converge of one device. Null for several devices, and in check mode.",
            sample=None,
            returned="if O(with_provisioning=true)",
        ),
        *outcome_values(),
    ),
    check_mode=Support("full", "Sends no command and returns the number of outdated devices."),
    diff_mode=Support("full", "Shows the blueprint of each device with the number of its version, before and after."),
    seealso=("converge_info", "blueprint", "device_command"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    check_wait(params)
    if params["with_provisioning"] and params["alias"] != ALIAS_OPTION.default:
        raise InvalidParameter("The option alias is not allowed with with_provisioning=true.")
    selection = select(view, params, with_disabled=False)
    devices, versions = {row["id"]: row for row in selection.rows or ()}, PublishedVersions(view)
    assigned = [row for row in devices.values() if assigned_blueprint(row)]
    outdated = [row for row in assigned if params["force"] or versions.is_outdated(row)]
    pending: dict[str, str] = {}
    if not params["force"]:
        outdated, pending = _without_converged(view, outdated, versions)
    selected = [row for row in outdated if row["id"] not in pending]
    check_device_count(params["max_devices"], "Converging", len(selected), [label_of(row) for row in selected])
    result: Row = {
        "changed": bool(selected),
        "device_count": len(devices),
        **commanded(selected),
        "without_blueprint_count": len(devices) - len(assigned),
        "outdated_count": len(outdated),
        "pending_devices": [label_of(row) for row in outdated if row["id"] in pending],
        "commands": [],
    }
    if params["with_provisioning"]:
        result |= {"operations": [], "converge_id": None}
    if context.diff:
        result["diff"] = [_diff(view, selected, versions)] if selected else []
    predicted = {**result, **without_wait(len(outdated))}
    if context.check_mode:
        return ModuleResult(predicted)
    context.effects.values |= predicted
    request, accepted = _send(view, params, context, [row["id"] for row in selected], pending)
    online = online_ids(view, Selection.of(outdated), params)
    ends, _states = outcome(view, request, outdated, params, context, count=len(outdated), online=online)
    return ModuleResult({**result, **accepted, **ends})


def _send(
    view: TenantView, params: Params, context: RunContext, ids: list[str], pending: dict[str, str]
) -> tuple[Trackable, Row]:
    """Converge devices. Return what to wait for, and the part of the result about the requests. ``pending`` are the IDs
    of pending commands by the IDs of their devices."""
    title = "The converge"
    others = Commands(view, title, [], pending)
    if not ids:
        return others, {}
    if not params["with_provisioning"]:
        sent = send(view, context.effects, Command("CONVERGE", alias=params["alias"]), ids)
        return replace(others, sent=sent), {"commands": [each.summary for each in sent]}
    if len(ids) == 1:
        converge = start_converge(view, context.effects, ids[0])
        request: Trackable = StartedConverge(view, title, converge)
        accepted: Row = {"converge_id": converge["id"]}
    else:
        operation = Operation("CONVERGE", {"converge_with_provision": True})
        rows = start_operations(view, context.effects, operation, queries_for(ids))
        request, accepted = StartedOperations(view, title, rows), {"operations": [summary(row) for row in rows]}
    return Together(title, [request, others]) if pending else request, accepted


def _without_converged(
    view: TenantView, outdated: list[Row], versions: PublishedVersions
) -> tuple[list[Row], dict[str, str]]:
    """Return the devices that are still outdated, and the IDs of their pending converge commands by the IDs of the
    devices.

    The devices were read before the commands. A device whose command has completed since then would get another one, so
    it is read again.
    """
    latest = latest_commands(view, "CONVERGE", [row["id"] for row in outdated])
    completed = [id_ for id_, command in latest.items() if not command.is_pending]
    current = find_devices(view, completed) if completed else {}
    rows = [current.get(row["id"], row) for row in outdated]
    outdated = [row for row in rows if row is not None and versions.is_outdated(row)]
    return outdated, {row["id"]: latest[row["id"]].id for row in outdated if _is_pending(latest.get(row["id"]))}


def _is_pending(command: LatestCommand | None) -> bool:
    return command is not None and command.is_pending


def _diff(view: TenantView, devices: list[Row], versions: PublishedVersions) -> Row:
    """Return the versions of devices before and after the task, by the names of the devices."""
    labels = VersionLabels(view)
    return diff_entry(
        f"blueprint versions of {counted(len(devices))}",
        {label_of(row): labels.of(current_blueprint(row), current_version(row)) for row in devices},
        {label_of(row): labels.of(assigned_blueprint(row), versions.desired(row)) for row in devices},
    )


CONVERGE = ModuleDefinition("converge", MODULE, _run)
