# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that returns information about devices.

Based on /v2/devices/ of the contract (v2.yaml). device_details.py reads what takes a request for each device.
"""

from __future__ import annotations

import typing as t

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.validators import in_range
from ..engine.tenant_view import TenantView
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.device import DEVICE_VALUES, FULL, LEVELS, as_host, check_filters
from ..kinds.device_search import devices_option, find_devices, unique_devices
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value
from ..task import ModuleDefinition, ModuleResult, RunContext
from .device_details import (
    ANDROID,
    APPS,
    EVENTS,
    INSTALLS,
    STATUS,
    android_of,
    apps_of,
    installs_of,
    last_events_of,
    status_of,
)
from .device_names import add_names
from .selection import FILTERS_TEXT, matching_devices, queries_of

_MODULE = ModuleSpec(
    short_description="Get information about Esper devices",
    description=(
        "Returns the devices that match all selectors: O(devices), O(groups), O(blueprints) and O(filters).",
        "A device that does not exist is not an error. RV(missing) lists such devices.",
        "Disabled devices are included. To exclude them, filter by another state.",
    ),
    options=(
        devices_option("An empty list returns no device."),
        Option(
            "groups",
            (
                "Device groups by path, name or ID. Devices in their subgroups are included.",
                "An empty list returns no device.",
            ),
            type="list",
            elements="str",
            identifier=True,
        ),
        Option(
            "blueprints",
            (
                "Blueprints by name or ID. Devices to which they are assigned are included.",
                "An empty list returns no device.",
            ),
            type="list",
            elements="str",
            aliases=("blueprint",),
            identifier=True,
        ),
        Option(
            "filters",
            (
                FILTERS_TEXT,
                "Write paths of device groups as in O(esper.cloud.device_group#module:path).",
                "An empty dictionary matches all devices of the tenant.",
            ),
            type="dict",
            identifier=True,
        ),
        Option(
            "detail_level",
            (
                "Amount of information about each device. Each level includes the previous one.",
                "O(esper.cloud.devices#inventory:detail_level) lists the keys of each level.",
            ),
            choices=LEVELS,
            default=FULL,
        ),
        Option(
            "resolve_names",
            "If V(true), the module also returns the paths of device groups and the names of tags and blueprints.",
            type="bool",
            default=True,
        ),
        Option(
            "apps",
            "If V(true), the module also returns the apps on each device. This takes one request for each device.",
            type="bool",
            default=False,
        ),
        Option(
            "max_events",
            (
                "Maximum number of events to return for each device, the latest first. With V(0), no events are read.",
                "This takes one request or more for each device.",
            ),
            type="int",
            default=0,
        ),
        Option(
            "max_installs",
            (
                "Maximum number of installations to return for each Android device, the latest first. With V(0), no"
                " installations are read.",
                "This takes one request or more for each Android device.",
            ),
            type="int",
            default=0,
        ),
        Option(
            "status",
            "If V(true), the module also returns the latest status that each Android device reported. This takes one"
            " request for each Android device.",
            type="bool",
            default=False,
        ),
        Option(
            "android",
            "If V(true), the module also returns properties that only Android devices have, such as the kiosk app."
            " This takes one request for each Android device.",
            type="bool",
            default=False,
        ),
    ),
    rules={"required_one_of": [("devices", "filters", "groups", "blueprints")]},
    returns=(
        Value(
            "devices",
            "The devices. In addition to the keys below, each device has the host variables that the inventory plugin"
            " sets at the same O(detail_level), without their prefix.",
            type="list",
            elements="dict",
            contains=(
                *DEVICE_VALUES,
                Value(
                    "group",
                    "Path of the device group. Only returned if O(resolve_names=true).",
                    sample="All devices/Stores/Berlin",
                ),
                Value(
                    "tags",
                    "Names of the tags. Only returned if O(resolve_names=true).",
                    type="list",
                    elements="str",
                    sample=["kiosk", "berlin"],
                ),
                Value(
                    "blueprint",
                    "Name of the blueprint assigned to the device. Only returned if O(resolve_names=true).",
                    sample="Point of Sale",
                ),
                APPS,
                EVENTS,
                INSTALLS,
                STATUS,
                ANDROID,
            ),
        ),
        Value(
            "missing",
            "Items of O(devices) for which no device exists.",
            type="list",
            elements="str",
            sample=[],
        ),
    ),
    check_mode=READS_ONLY,
    diff_mode=NO_DIFF,
    seealso=("device",),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    for name in ("max_events", "max_installs"):
        if error := in_range(0)(params[name]):
            raise InvalidParameter(f"The option {name} {error}.")
    rows, missing = _selected(view, params, context)
    records = [as_host(row, params["detail_level"], view) for row in rows]
    if params["resolve_names"]:
        add_names(view, records)
    details: tuple[tuple[str, bool, t.Callable[[Row], t.Any]], ...] = (
        ("apps", params["apps"], lambda row: apps_of(view, row)),
        ("events", params["max_events"] > 0, lambda row: last_events_of(view, row, params["max_events"])),
        ("installs", params["max_installs"] > 0, lambda row: installs_of(view, row, params["max_installs"])),
        ("status", params["status"], lambda row: status_of(view, row)),
        ("android", params["android"], lambda row: android_of(view, row)),
    )
    for key, is_requested, read in details:
        if is_requested:
            values = in_parallel(view.client, read, rows, CONCURRENCY)
            for record, value in zip(records, values, strict=True):
                record[key] = value
    return ModuleResult({"changed": False, "devices": records, "missing": missing})


def _selected(view: TenantView, params: Params, context: RunContext) -> tuple[list[Row], list[str]]:
    """Return the devices that match all selectors of a task, and the identifiers of devices that do not exist."""
    filters = None if params["filters"] is None else check_filters(params["filters"])
    is_empty = [] in (params["groups"], params["blueprints"])
    queries = [] if is_empty else queries_of(view, {**params, "filters": filters})
    named, missing = None, []
    if params["devices"] is not None:
        found = find_devices(view, params["devices"])
        named, missing = unique_devices(found.values()), [name for name, row in found.items() if row is None]
    if is_empty:
        return [], missing
    rows = matching_devices(view, queries, named, with_disabled=True, on_progress=context.report_devices)
    return rows, missing


DEVICE_INFO = ModuleDefinition("device_info", _MODULE, _run)
