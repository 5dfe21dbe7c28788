# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that lists, marks and removes devices that were not seen for a number of days.

Based on `last_seen` of the devices in /v2/devices/ (v2.yaml). device_removal.py has the requests that remove devices,
device_batch.py those that mark them.

Choices:

- A device that is online was seen, whatever its `last_seen` is. A time in the future is seen, too.
- `last_seen` that is missing or no time is unknown, not old. So is a time before Esper existed, such as the first one
  of Unix, with which services express that there is none. Such a device is left alone, unless the task includes it.
  Then the time of its enrollment counts.
- Devices are removed, not wiped: they are offline, and a wipe would erase them when somebody switches them on again.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.text import counted
from ..base.times import format_utc, now
from ..base.validators import in_range
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..kinds.device import FILTERS, ONLINE
from ..kinds.device_group import DEVICE_GROUP
from ..kinds.device_search import find_devices, label_of
from ..model.conform import to_text
from ..model.module_spec import ModuleSpec, Option, Value
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry
from .device_batch import Desired, DeviceBatch, DeviceTarget
from .device_removal import pending_removals, remove_devices
from .device_rules import Places, needed_keys, time_of
from .enrolled_devices import EXCLUDED_STATES, read_enrolled, read_places
from .safety import (
    check_confirmed,
    check_device_count,
    check_device_percentage,
    describe_devices,
    max_devices_option,
    max_percent_option,
)
from .selection import groups_option

_REMOVED_PERCENT = 10.0
_FIELDS = ("last_seen", "enrolled")
# More days than Esper exists, which a date minus the days can still have.
_MAX_DAYS = 10_000


def _failures(name: str, doc: str) -> Value:
    return Value(
        name,
        doc,
        type="list",
        elements="dict",
        contains=(
            Value("id", "ID of the device.", sample="e2425d4b-c266-41b4-a83e-490189fc9a0f"),
            Value("name", "Name of the device.", sample="OUW-MDJ-00001"),
            Value("reason", "Reason.", sample="The device would have 6 tags. The maximum is 5."),
        ),
    )


_MODULE = ModuleSpec(
    short_description="Retire Esper devices that were not seen for days",
    description=(
        "Lists, marks or removes devices that Esper did not see for a number of days. Marked devices get a device group"
        " or tags.",
        "By default, the module lists the devices and changes nothing.",
        "Esper sees a device when the device connects. Online devices are never retired. Disabled devices, and devices"
        " that are being wiped, are left out.",
        "An operation removes up to 500 Android devices. Esper does not document when it removes offline devices."
        " While the operation is pending, it is not started again. One request removes a device of another platform."
        " The module never wipes devices: see O(esper.cloud.device#module:state).",
        "Reads the list of all devices, one request for 1,000 devices, and the list of device groups.",
        "A second run does not change the same devices again.",
    ),
    options=(
        Option(
            "days",
            "Number of days, 1 or more. The task acts on devices that Esper saw before that, and not since.",
            type="int",
            required=True,
        ),
        Option(
            "platforms",
            "Platforms of the devices. An empty list is an error.",
            type="list",
            elements="str",
            choices=FILTERS["platform"].choices,
            required=True,
        ),
        groups_option("If omitted, the task acts on devices of all groups. An empty list is an error."),
        Option(
            "never_seen",
            "If V(true), the task also acts on devices without a time when Esper saw them, if they enrolled more than"
            " O(days) days ago. If V(false), RV(unknown_count) counts them.",
            type="bool",
            default=False,
        ),
        Option(
            "action",
            (
                "V(list) changes nothing.",
                "V(mark) moves the devices to O(group) and adds O(add_tags). At least one of them is required.",
                "V(remove) removes the devices from the tenant, which cannot be undone. Requires O(confirm=true).",
            ),
            choices=("list", "mark", "remove"),
            default="list",
        ),
        Option(
            "group",
            "Device group of the marked devices by name, ID or path. It must exist. Requires O(action=mark).",
            identifier=True,
        ),
        Option(
            "add_tags",
            "Tags to add to the marked devices. Other tags are kept. Requires O(action=mark).",
            type="list",
            elements="str",
            identifier=True,
        ),
        Option("confirm", "If V(true), confirms O(action=remove).", type="bool", default=False),
        max_devices_option("O(action=remove)"),
        max_percent_option(
            "the enrolled devices of O(platforms) and O(groups)",
            f"Defaults to {_REMOVED_PERCENT:.15g} if O(action=remove). Otherwise, there is no limit by default.",
        ),
        Option(
            "max_reported",
            "Maximum number of devices in RV(devices). The counts include all devices.",
            type="int",
            default=100,
        ),
    ),
    returns=(
        Value("device_count", "Number of enrolled devices of O(platforms) and O(groups).", type="int", sample=500),
        Value("not_seen_count", "Number of devices that were not seen for O(days) days.", type="int", sample=9),
        Value(
            "unknown_count",
            "Number of devices without a time when Esper saw them, on which the task does not act.",
            type="int",
            sample=0,
        ),
        Value("changed_count", "Number of devices that the task changes or removes.", type="int", sample=0),
        Value(
            "devices",
            "Devices that were not seen for O(days) days, those not seen the longest first. At most O(max_reported).",
            type="list",
            elements="dict",
            contains=(
                Value("id", "ID of the device.", sample="e2425d4b-c266-41b4-a83e-490189fc9a0f"),
                Value("name", "Name of the device.", sample="OUW-MDJ-00001"),
                Value("alias", "Alias of the device.", sample="POS 0001"),
                Value("serial", "Serial number of the device.", sample="R9W00000001"),
                Value("platform", "Platform of the device.", sample="ANDROID"),
                Value("group", "Path of the device group before the task.", sample="All devices/Stores/Berlin"),
                Value("last_seen", "Time when Esper saw the device, in UTC.", sample="2026-01-08T10:47:18Z"),
                Value("days", "Number of whole days since then, or since the enrollment.", type="int", sample=120),
                Value("changed", "Whether the task changes or removes the device.", type="bool", sample=False),
            ),
        ),
        _failures("skipped_devices", "Devices that cannot be marked, for example because they have five tags."),
        _failures("failed_devices", "Devices whose requests failed. The task then fails, after all other changes."),
    ),
    seealso=("device", "device_placement", "device_info"),
)


@dataclass
class _Old:
    """A device that was not seen for long: when it was seen last, or enrolled if Esper never saw it."""

    row: Row
    since: datetime


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    started = now()
    _check_options(params)
    limit = started - timedelta(days=params["days"])
    view.preload(DEVICE_GROUP)
    groups = lookup_of(view, DEVICE_GROUP)
    selected = None if params["groups"] is None else {groups.resolve(name)["id"] for name in params["groups"]}
    places = read_places(view, with_tags=False)
    rows = [
        row
        for row in read_enrolled(view, context, needed_keys(_FIELDS))
        if row.get("platform") in params["platforms"]
        and (selected is None or selected & places.groups_above(places.group_id_of(row)))
    ]
    old = [_Old(row, since) for row in rows if (since := _not_seen_since(row, limit, params)) is not None]
    old.sort(key=lambda each: each.since)
    result: Row = {
        "changed": False,
        "device_count": len(rows),
        "not_seen_count": len(old),
        "unknown_count": sum(_is_unknown(row) for row in rows) if not params["never_seen"] else 0,
        "changed_count": 0,
        "skipped_devices": [],
        "failed_devices": [],
    }
    records = [_record(each, places, started) for each in old[: params["max_reported"]]]
    if params["action"] == "mark":
        return _mark(view, params, context, old, len(rows), result, records)
    if params["action"] == "remove":
        return _remove(view, params, context, old, len(rows), result, records)
    return ModuleResult({**result, "devices": records})


def _check_options(params: Params) -> None:
    """Raise InvalidParameter if the options are invalid or select no device."""
    if error := in_range(1, _MAX_DAYS)(params["days"]):
        raise InvalidParameter(f"The option days {error}.")
    for name in ("platforms", "groups"):
        if params[name] == []:
            raise InvalidParameter(f"The option {name} is empty, so no device is selected.")
    if error := in_range(0)(params["max_reported"]):
        raise InvalidParameter(f"The option max_reported {error}.")
    is_mark = params["action"] == "mark"
    for name in ("group", "add_tags"):
        if params[name] is not None and not is_mark:
            raise InvalidParameter(f"The option {name} requires action=mark, not action={params['action']}.")
    if is_mark and params["group"] is None and not params["add_tags"]:
        raise InvalidParameter("action=mark requires group or add_tags.")
    check_device_count(params["max_devices"], "Retiring", 0)
    check_device_percentage(params["max_percent"], "Retiring", 0, 0)


def _not_seen_since(row: Row, limit: datetime, params: Params) -> datetime | None:
    """Return when a device was seen last if that is before the limit, otherwise None."""
    if row.get("state") == ONLINE:
        return None
    time = _known_time("last_seen", row)
    if time is None and params["never_seen"]:
        time = _known_time("enrolled", row)
    return time if time is not None and time < limit else None


def _known_time(name: str, row: Row) -> datetime | None:
    """Return the time in a field of a device, None if it is unknown."""
    time = time_of(name, row)
    return time if time is not None and time > now() - timedelta(days=_MAX_DAYS) else None


def _is_unknown(row: Row) -> bool:
    return row.get("state") != ONLINE and _known_time("last_seen", row) is None


def _record(old: _Old, places: Places, started: datetime) -> Row:
    row, seen = old.row, _known_time("last_seen", old.row)
    return {
        "id": row["id"],
        "name": to_text(row.get("name")),
        "alias": to_text(row.get("alias")) or None,
        "serial": to_text(row.get("serial")),
        "platform": row.get("platform"),
        "group": places.paths.get(places.group_id_of(row)),
        "last_seen": None if seen is None else format_utc(seen.replace(microsecond=0)),
        "days": (started - old.since).days,
        "changed": False,
    }


def _check_safe(params: Params, action: str, rows: list[Row], total: int) -> None:
    """Raise InvalidParameter if a task would act on more devices than allowed, or without confirmation."""
    names, is_removal = [label_of(row) for row in rows], params["action"] == "remove"
    check_device_count(params["max_devices"], action, len(rows), names, is_destructive=is_removal)
    percent = _REMOVED_PERCENT if params["max_percent"] is None and is_removal else params["max_percent"]
    check_device_percentage(percent, action, len(rows), total, names)
    if is_removal and rows:
        check_confirmed(params["confirm"], action, len(rows), names)


def _with_changes(result: Row, records: list[Row], ids: t.Collection[str]) -> Row:
    devices = [{**record, "changed": record["id"] in ids} for record in records]
    return {**result, "changed": bool(ids), "changed_count": len(ids), "devices": devices}


def _mark(
    view: TenantView,
    params: Params,
    context: RunContext,
    old: list[_Old],
    total: int,
    result: Row,
    records: list[Row],
) -> ModuleResult:
    """Move devices and add tags."""
    desired = Desired(group=params["group"], add_tags=params["add_tags"] or ())
    batch = DeviceBatch(view, [DeviceTarget(each.row, desired) for each in old])
    batch.plan()
    # A device that cannot be marked, now or in the next run, does not fail a task that runs from a schedule.
    skipped, batch.targets = batch.failed, batch.valid
    result["skipped_devices"] = [_failure(target) for target in skipped]
    warnings = []
    if skipped:
        names = [target.label for target in skipped]
        warnings = [f"The task does not mark {describe_devices(len(names), names)}. {skipped[0].error}"]
    _check_safe(params, "Marking", [target.row for target in batch.changed], total)
    planned = {target.id for target in batch.changed}
    result = _with_changes(result, records, planned)
    if context.diff:
        result["diff"] = batch.diff()
    if planned and not context.check_mode:
        context.effects.values |= result
        batch.apply(context, stops=False)
        result = {**result, **_with_changes(result, records, {target.id for target in batch.changed})}
    result["failed_devices"] = [_failure(target) for target in batch.failed]
    if batch.failed:
        result |= {"failed": True, "msg": batch.failure_message()}
    return ModuleResult(result, [*warnings, *batch.warnings])


def _failure(target: DeviceTarget) -> Row:
    return {"id": target.row.get("id"), "name": target.label, "reason": str(target.error)}


def _remove(
    view: TenantView,
    params: Params,
    context: RunContext,
    old: list[_Old],
    total: int,
    result: Row,
    records: list[Row],
) -> ModuleResult:
    """Remove devices from the tenant."""
    rows = [each.row for each in old]
    # Before the requests about pending removals, of which each device takes some.
    _check_safe({**params, "confirm": True}, "Removing", rows, total)
    pending = pending_removals(view, rows)
    rows = [row for row in rows if row["id"] not in pending]
    _check_safe(params, "Removing", rows, total)
    if rows and not context.check_mode:
        # A device can have connected while the task read the list.
        limit = now() - timedelta(days=params["days"])
        current = find_devices(view, [row["id"] for row in rows])
        rows = [row for row in rows if _is_still_old(current.get(row["id"]), limit, params)]
    result = _with_changes(result, records, {row["id"] for row in rows})
    if context.diff and rows:
        names = [label_of(row) for row in rows]
        result["diff"] = [diff_entry(f"removing {counted(len(rows))}", {"devices": names}, {})]
    if rows and not context.check_mode:
        context.effects.values |= result
        remove_devices(view, context, rows)
    return ModuleResult(result)


def _is_still_old(row: Row | None, limit: datetime, params: Params) -> bool:
    return (
        row is not None and row.get("state") not in EXCLUDED_STATES and _not_seen_since(row, limit, params) is not None
    )


DEVICE_RETIRE = ModuleDefinition("device_retire", _MODULE, _run)
