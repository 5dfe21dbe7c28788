# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task that sends the command CONVERGE to devices that are out of date.

Rests on /commands/v0/commands/ (v0.yaml), and on the blueprints of devices in /v2/devices/ and /v2/blueprints/
(v2.yaml). A device is out of date if it runs another blueprint than its assigned one, or another version than the
latest published one. That is `latest_published_version_id` of the blueprint, which the contract lacks, or else the
newest published of its versions. Devices without a blueprint and disabled devices are skipped.
"""

from __future__ import annotations

from ..base.errors import NotFound
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.tenant_view import TenantView
from ..kinds.blueprint import BLUEPRINT
from ..kinds.blueprint_lookup import BlueprintLookup
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..task import ModuleDefinition, ModuleResult, RunContext
from .command import ALIAS_OPTION, Command, send
from .device_search import label_of
from .safety import check_device_count, max_devices_option
from .selection import (
    ALLOW_EMPTY_OPTION,
    SELECTION,
    blueprints_option,
    devices_option,
    filters_option,
    groups_option,
    select,
)
from .waiting import COMMANDS_VALUE, outcome_values, pending_devices, report
from .waiting import OPTIONS as WAITING

MODULE = ModuleSpec(
    short_description="Converge Esper devices to their blueprints",
    description=(
        "Converges devices that do not run the latest published version of their assigned blueprint.",
        "Skips up-to-date devices and devices with a pending converge command, unless O(force=true). Skips disabled"
        " devices and devices without a blueprint.",
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
        ALIAS_OPTION,
        *WAITING,
    ),
    rules={"required_one_of": [("devices", "groups", "filters", "blueprints")]},
    returns=(
        Value("device_count", "Number of selected devices, without disabled devices.", type="int", sample=300),
        Value(
            "outdated_count",
            "Number of devices that are out of date. With O(force=true), number of devices with a blueprint.",
            type="int",
            sample=12,
        ),
        Value("without_blueprint_count", "Number of devices without an assigned blueprint.", type="int", sample=0),
        Value(
            "pending_devices",
            "Names of devices that are out of date and have a pending converge command.",
            type="list",
            elements="str",
            sample=["OUW-MDJ-00001"],
        ),
        COMMANDS_VALUE,
        *outcome_values("if a command was sent"),
    ),
    check_mode=Support("full", "Sends no command and returns the number of devices that are out of date."),
    diff_mode=Support("full", "Shows the blueprint versions of the devices before and after the change."),
    seealso=("blueprint", "device_command"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    devices = select(view, params, with_disabled=False).rows or []
    versions = _Versions(view)
    assigned = [row for row in devices if _blueprint(row, "assigned_blueprint_id")]
    outdated = [row for row in assigned if params["force"] or versions.is_outdated(row)]
    pending = set() if params["force"] else _pending_converge(view, outdated)
    selected = [row for row in outdated if row["id"] not in pending]
    check_device_count(params["max_devices"], "Converging", len(selected), [label_of(row) for row in selected])
    result: Row = {
        "changed": bool(selected),
        "device_count": len(devices),
        "without_blueprint_count": len(devices) - len(assigned),
        "outdated_count": len(outdated),
        "pending_devices": [label_of(row) for row in outdated if row["id"] in pending],
        "commands": [],
    }
    if context.diff:
        result["diff"] = [_difference(selected, versions)] if selected else []
    if selected and not context.check_mode:
        command = Command("CONVERGE", alias=params["alias"])
        sent = send(view, command, [row["id"] for row in selected])
        result |= report(view, "The converge", sent, selected, params, context)
    return ModuleResult(result)


def _pending_converge(view: TenantView, devices: list[Row]) -> set[str]:
    """Return the IDs of devices with a pending converge command."""
    return pending_devices(view, "CONVERGE", [row["id"] for row in devices], lambda _device, _args: True)


class _Versions:
    """The latest published version of each blueprint, read once."""

    def __init__(self, view: TenantView) -> None:
        self._lookup = BlueprintLookup(view, BLUEPRINT)
        self._published: dict[str, str | None] = {}

    def is_outdated(self, device: Row) -> bool:
        return self.wanted(device) not in (None, self.current(device))

    def wanted(self, device: Row) -> str | None:
        """Return the ID of the version that a device should run; None if none is published."""
        blueprint_id = _blueprint(device, "assigned_blueprint_id")
        if blueprint_id not in self._published:
            self._published[blueprint_id] = self._latest(blueprint_id)
        return self._published[blueprint_id]

    def current(self, device: Row) -> str | None:
        """Return the ID of the version that a device runs, None if it is that of another blueprint."""
        if _blueprint(device, "current_blueprint_id") != _blueprint(device, "assigned_blueprint_id"):
            return None
        return _blueprint(device, "current_blueprint_version_id") or None

    def _latest(self, blueprint_id: str) -> str | None:
        row = self._lookup.find_by_id(blueprint_id)
        if row is None:
            raise NotFound("blueprint", blueprint_id, note="It is assigned to devices, though.")
        if row.get("latest_published_version_id"):
            return str(row["latest_published_version_id"])
        published = [each for each in self._lookup.versions_of(row) if each.get("publish")]
        return str(published[0]["version_id"]) if published else None


def _blueprint(device: Row, key: str) -> str:
    return str((device.get("blueprint_info") or {}).get(key) or "").lower()


def _difference(devices: list[Row], versions: _Versions) -> Row:
    """Return the versions of devices before and after the task, by the names of the devices."""
    title = f"blueprint versions of {counted(len(devices))}"
    return {
        "before_header": title,
        "after_header": title,
        "before": {label_of(row): versions.current(row) for row in devices},
        "after": {label_of(row): versions.wanted(row) for row in devices},
    }


CONVERGE = ModuleDefinition("converge", MODULE, _run)
