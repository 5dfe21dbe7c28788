# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that waits until devices are enrolled, online, in a device group, or on a blueprint version.

Based on /v2/devices/ of the contract (v2.yaml). Each poll reads the devices that still wait: the list that the
selectors of the task match, and one by one, or in the list of all devices, those that the list no longer has.

Choices: a device is enrolled if it is online or offline. All other states are steps of provisioning, or the end of the
management. A device that met all conditions once is not read again.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.text import counted, listed
from ..engine.tenant_view import TenantView
from ..kinds.blueprint import BLUEPRINT
from ..kinds.device import ONLINE, state_word
from ..kinds.device_group import device_groups
from ..kinds.device_search import devices_option, find_devices, label_of
from ..model.conform import to_text
from ..model.module_spec import NO_DIFF, ModuleSpec, Option, Support, Value
from ..task import ModuleDefinition, ModuleResult, RunContext
from .blueprint_versions import PublishedVersions, assigned_blueprint, current_blueprint, current_version
from .polling import attempts, check_timeout, timeout_option
from .selection import (
    ALLOW_EMPTY_OPTION,
    SELECTION,
    blueprints_option,
    filters_option,
    groups_option,
    matching_devices,
    queries_of,
    select,
)
from .waiting import check_percentage, exceeds

_OFFLINE = 60
_LATEST = "latest"
_LONGEST_PAUSE = 30.0
# The maximum number of devices in a message. The result contains all.
_NAMED_DEVICES = 5

_CONDITIONS = Option(
    "until",
    "Conditions that each device must meet. With several of them, a device must meet all at the same time.",
    type="dict",
    required=True,
    options=(
        Option(
            "state",
            (
                "State of the device.",
                "V(enrolled) waits until the enrollment is complete, whether the device is online or offline.",
                "V(online) waits until Esper reports it as online. Esper notices only after some time that a device has"
                " lost its connection.",
            ),
            choices=("enrolled", "online"),
        ),
        Option("group", "Device group of the device by path, name or ID. Its subgroups also count.", identifier=True),
        Option("blueprint", "Blueprint that the device runs, by name or ID.", identifier=True),
        Option(
            "version",
            (
                "Version of the blueprint that the device runs, by the number of a published version or by ID. Requires"
                " O(until.blueprint).",
                "V(latest) is the latest published version when the task starts, of O(until.blueprint), or else of the"
                " blueprint that is assigned to each device.",
            ),
            identifier=True,
            numbers=True,
        ),
    ),
    rules={"required_one_of": [("state", "group", "blueprint", "version")]},
)

_MODULE = ModuleSpec(
    short_description="Wait for Esper devices",
    description=(
        "Waits until devices are enrolled or online, are in a device group, or run a blueprint version.",
        "With O(devices) as the only selector, a device need not exist when the task starts, for example if it is"
        " enrolled later. Other selectors are evaluated once, when the task starts.",
        "The module only reads. It reads lists of devices if this takes fewer requests than reading each device.",
        "A device counts as ready once it has met all conditions, even if it changes afterwards.",
        "The conditions are compared with the last report of the device. Esper reports the version of a blueprint that"
        " a device has applied, but not whether each app and file of it is installed. See"
        " M(esper.cloud.device_app_info).",
        SELECTION,
    ),
    options=(
        devices_option(),
        groups_option(),
        filters_option(),
        blueprints_option(),
        ALLOW_EMPTY_OPTION,
        _CONDITIONS,
        replace(
            timeout_option("the devices", 600.0),
            doc="Maximum time to wait for the devices, in seconds, even if O(deadline) is shorter. With V(0), the task"
            " reads the devices once.",
        ),
        Option(
            "max_waiting_percentage",
            "Maximum percentage of the devices, from 0 to 100, that can miss the conditions after O(wait_timeout)"
            " without failing the task.",
            type="float",
            default=0.0,
        ),
    ),
    rules={"required_one_of": [("devices", "groups", "filters", "blueprints")]},
    returns=(
        Value(
            "state",
            (
                "Result of the wait.",
                "V(completed) if all devices are ready, V(failed) if more than O(max_waiting_percentage) are not, and"
                " otherwise V(pending). In check mode, it is never V(failed).",
            ),
            sample="failed",
        ),
        Value("device_count", "Number of devices.", type="int", sample=60),
        Value("ready_count", "Number of devices that met all conditions.", type="int", sample=59),
        Value(
            "waiting_devices",
            "Devices that did not meet all conditions.",
            type="list",
            elements="dict",
            contains=(
                Value(
                    "id", "ID of the device. Null if it does not exist.", sample="e2425d4b-c266-41b4-a83e-490189fc9a0f"
                ),
                Value(
                    "name",
                    "Name of the device, or the item of O(devices) if it does not exist.",
                    sample="OUW-MDJ-00001",
                ),
                Value("state", "State of the device. Null if it does not exist.", sample="offline"),
                Value("last_seen", "Time at which Esper last saw the device.", sample="2026-03-01T09:30:00Z"),
                Value(
                    "unmet",
                    "Names of the conditions in O(until) that the device did not meet.",
                    type="list",
                    elements="str",
                    sample=["state"],
                ),
                Value(
                    "unknown",
                    "Those of the conditions in RV(waiting_devices[].unmet) for which Esper returns no value, such as"
                    " the blueprint of a device that is managed by a template. The wait cannot succeed before Esper"
                    " returns one.",
                    type="list",
                    elements="str",
                    sample=[],
                ),
                Value("reason", "The differences as a text.", sample="state is offline"),
            ),
        ),
    ),
    check_mode=Support("full", "Reads the devices once. Does not wait, and does not fail if a device is not ready."),
    diff_mode=NO_DIFF,
    seealso=("device_info", "converge", "device_command"),
)


@dataclass(frozen=True)
class _Difference:
    """The difference of a device to a condition: its name, and a phrase. ``is_unknown`` if Esper returns no value."""

    condition: str
    phrase: str
    is_unknown: bool = False


class _Conditions:
    """The conditions of a task, with the IDs of the objects that they name."""

    def __init__(self, view: TenantView, until: Params) -> None:
        """Read the named objects. Raise InvalidParameter, NotFound or Ambiguous."""
        self._names = [option.name for option in _CONDITIONS.options if until[option.name] is not None]
        self._state: str | None = until["state"]
        self._versions = PublishedVersions(view)
        self._version: str | None = None
        self._is_latest = str(until["version"] or "").strip().lower() == _LATEST
        if until["version"] is not None and not self._is_latest and until["blueprint"] is None:
            raise InvalidParameter(
                "The option until.version requires until.blueprint, unless it is 'latest'. Set until.blueprint."
            )
        self._groups = None if until["group"] is None else _subtree(view, until["group"])
        self._blueprint: str | None = None
        if until["blueprint"] is not None:
            blueprint = self._versions.lookup.resolve(until["blueprint"])
            self._blueprint = str(blueprint["id"]).lower()
            if until["version"] is not None and not self._is_latest:
                row = self._versions.lookup.version_of(blueprint, str(until["version"]).strip())
                self._version = str(row["version_id"]).lower()
            elif self._is_latest and self._versions.latest(self._blueprint) is None:
                raise InvalidParameter(f"The {BLUEPRINT.phrase(blueprint)} has no published version. Publish it first.")

    def differences(self, device: Row | None) -> list[_Difference]:
        """Return the differences of a device, None if it does not exist."""
        if device is None:
            return [_Difference(condition, "not found") for condition in self._names]
        return [
            *self._differences_of_state(device),
            *self._differences_of_group(device),
            *self._differences_of_blueprint(device),
        ]

    def _differences_of_state(self, device: Row) -> t.Iterator[_Difference]:
        valid = (ONLINE,) if self._state == "online" else (ONLINE, _OFFLINE)
        if self._state is not None and device.get("state") not in valid:
            code = device.get("state")
            yield _Difference("state", f"state is {'unknown' if code is None else state_word(code)}", code is None)

    def _differences_of_group(self, device: Row) -> t.Iterator[_Difference]:
        group_id = str(device.get("group_id") or "").lower()
        if self._groups is not None and group_id not in self._groups:
            yield _Difference(
                "group", "is in another device group" if group_id else "device group is unknown", not group_id
            )

    def _differences_of_blueprint(self, device: Row) -> t.Iterator[_Difference]:
        running = current_blueprint(device)
        if self._blueprint is not None and running != self._blueprint:
            yield _Difference("blueprint", "runs another blueprint" if running else "blueprint is unknown", not running)
        if self._version is None and not self._is_latest:
            return
        blueprint = self._blueprint or assigned_blueprint(device)
        desired = self._version or (self._versions.latest(blueprint) if blueprint else None)
        version = current_version(device)
        if blueprint and not desired:
            yield _Difference("version", "blueprint has no published version", is_unknown=True)
        elif not (running and version and desired):
            yield _Difference("version", "blueprint version is unknown", is_unknown=True)
        elif (running, version) != (blueprint, desired.lower()):
            yield _Difference("version", "runs another blueprint version")


def _subtree(view: TenantView, name: str) -> set[str]:
    """Return the IDs of a device group and the groups below it. Raise NotFound or Ambiguous."""
    groups = device_groups(view)
    top = groups.resolve(name)
    path = str(groups.path_of(top))
    below = (row for row in groups.list_groups() if str(groups.path_of(row)).startswith(f"{path}/"))
    return {str(row["id"]).lower() for row in (top, *below)}


@dataclass
class _Devices:
    """The devices of a task by the names or IDs that find them, and the queries that find most of them at once."""

    view: TenantView
    rows: dict[str, Row | None]
    queries: list[list[Row]] = field(default_factory=list)

    @classmethod
    def of(cls, view: TenantView, params: Params) -> _Devices:
        """Return the devices that a task selects, read for the first time. Raise what select() raises."""
        others = any(params[name] is not None for name in ("groups", "filters", "blueprints"))
        if params["devices"] and not others:
            return cls(view, _without_duplicates(find_devices(view, params["devices"])))
        selected = select(view, params, with_disabled=False).rows or []
        is_query = params["devices"] is None and params["filters"] is None and bool(selected)
        queries = queries_of(view, params) if is_query else []
        return cls(view, {str(row["id"]): row for row in selected}, queries)

    def read_again(self, names: t.Collection[str]) -> None:
        """Read the devices that still wait."""
        rows: dict[str, Row | None] = {}
        if self.queries:
            listed = {str(row["id"]): row for row in matching_devices(self.view, self.queries, None)}
            rows = {name: listed[name] for name in names if name in listed}
        if missing := [name for name in names if name not in rows]:
            rows |= find_devices(self.view, missing)
        known = {name: row for name, row in self.rows.items() if name not in rows}
        self.rows = _without_duplicates({**known, **rows})


def _without_duplicates(rows: t.Mapping[str, Row | None]) -> dict[str, Row | None]:
    """Return devices by name, each under its first name only."""
    names: dict[str, str] = {}
    for name, row in rows.items():
        if row is not None:
            names.setdefault(str(row["id"]), name)
    return {name: row for name, row in rows.items() if row is None or names[str(row["id"])] == name}


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    check_timeout(params["wait_timeout"])
    check_percentage(params, "max_waiting_percentage")
    conditions = _Conditions(view, params["until"])
    devices = _Devices.of(view, params)
    waiting = {name: conditions.differences(row) for name, row in devices.rows.items()}
    result: Row = {}
    for attempt in attempts(
        view.client, 0.0 if context.check_mode else params["wait_timeout"], longest_pause=_LONGEST_PAUSE
    ):
        if attempt > 1:
            devices.read_again(waiting)
            waiting = {name: conditions.differences(devices.rows[name]) for name in waiting if name in devices.rows}
        waiting = {name: differences for name, differences in waiting.items() if differences}
        result = _result(devices, waiting)
        context.effects.latest = result
        if not waiting:
            break
        total = len(devices.rows)
        context.progress(f"{total - len(waiting)} of {counted(total)} ready, {len(waiting)} waiting: {_names(result)}")
    if not waiting:
        return ModuleResult({**result, "state": "completed"})
    if context.check_mode or not exceeds(len(waiting), len(devices.rows), params["max_waiting_percentage"]):
        return ModuleResult({**result, "state": "pending"})
    message = (
        f"{len(waiting)} of {counted(len(devices.rows))} did not meet the conditions in {params['wait_timeout']:g} s:"
        f" {_names(result)}. Increase wait_timeout, or check these devices (see waiting_devices)."
    )
    return ModuleResult({**result, "state": "failed", "failed": True, "msg": message})


def _result(devices: _Devices, waiting: t.Mapping[str, list[_Difference]]) -> Row:
    return {
        "changed": False,
        "device_count": len(devices.rows),
        "ready_count": len(devices.rows) - len(waiting),
        "waiting_devices": [_waiting_device(name, devices.rows[name], each) for name, each in waiting.items()],
    }


def _waiting_device(name: str, device: Row | None, differences: list[_Difference]) -> Row:
    row = device or {}
    return {
        "id": row.get("id"),
        "name": label_of(row) if device else name,
        "state": None if row.get("state") is None else state_word(row["state"]),
        "last_seen": to_text(row.get("last_seen")),
        "unmet": [each.condition for each in differences],
        "unknown": [each.condition for each in differences if each.is_unknown],
        "reason": ", ".join(dict.fromkeys(each.phrase for each in differences)),
    }


def _names(result: Row) -> str:
    """Return the first devices that wait, with their reasons."""
    return listed([f"{row['name']} ({row['reason']})" for row in result["waiting_devices"]], _NAMED_DEVICES)


_UNKNOWN: Row = {"changed": False, "state": None, "device_count": None, "ready_count": None, "waiting_devices": []}
DEVICE_WAIT = ModuleDefinition("device_wait", _MODULE, _run, unknown=_UNKNOWN)
