# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports about devices and apps, and OEM config schemas: /report/v0/ (v0.yaml), /v2/oem-config-schema (v2.yaml)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from exchange import Answer, Behavior, Call, found, instant, not_found, refuse
from storage import File
from tenant import DISABLED, Device, Tenant, moment

from behaviors.device_details import apps_of

Row = dict[str, Any]

_TABLE = "reports"
# The readings until a report is complete, and the number of rows that it shows without a download.
_READINGS = 2
_PREVIEW = 100
# The day before the first data, of times and of the date of each type.
_FIRST = "2024-07-01"
_FIRST_DATES = {"device_apps": _FIRST, "device": "2025-05-17"}
_COLUMNS = {
    "device": ("device_name", "serial", "platform", "os_version", "state"),
    "device_apps": ("device_name", "platform", "package_name", "app_name", "version_name", "app_state"),
}
_SUBJECTS = {"device": "device", "device_apps": "app on a device"}
_OEM_VERSIONS = {"110": "11.0", "112": "11.2"}
# The others have no schema.
_OEM_PACKAGE = "com.example.oemconfig"


def seed(tenant: Tenant) -> None:
    """No report."""


def list_types(tenant: Tenant, call: Call) -> Answer:
    """GET /report/v0/report-types."""
    types = [
        {
            "name": kind,
            "display_name": kind.replace("_", " ").capitalize(),
            "description": f"A row for each {_SUBJECTS[kind]}",
            "last_generated_at": moment(0),
            "available_from": f"{day}T00:00:00Z",
        }
        for kind, day in _FIRST_DATES.items()
    ]
    return Answer({"content": {"report_types": types}})


def create_report(tenant: Tenant, call: Call) -> Answer:
    """POST /report/v0/reports: the rows are those of this moment, whatever time the report is about."""
    body, kind = call.body, call.body["report_type"]
    filters = body.get("filters") or {}
    start, end = [_after(name, body[name], _FIRST) if name in body else None for name in ("start_time", "end_time")]
    if start and end and instant("end_time", body["end_time"]) < instant("start_time", body["start_time"]):
        raise refuse("end_time", "Must not be before start_time.")
    if filters.get("date"):
        _after("date", filters["date"], _FIRST_DATES[kind])
    report = {
        "id": tenant.new_id(),
        "status": "PENDING",
        "readings": 0,
        "kind": kind,
        "is_download": bool(body.get("is_download")),
        "rows": list(_rows(tenant, kind, filters)),
    }
    tenant.objects[_TABLE][report["id"]] = report
    return Answer({"content": {name: report[name] for name in ("id", "status")}})


def get_report(tenant: Tenant, call: Call) -> Answer:
    """GET /report/v0/reports/{report_id}: a step on with each reading; then the first rows, or a link to all."""
    report = found(tenant.objects[_TABLE], call.values["report_id"])
    report["readings"] += 1
    report["status"] = "SUCCEEDED" if report["readings"] >= _READINGS else "RUNNING"
    content: Row = {name: report[name] for name in ("id", "status")}
    if report["status"] != "SUCCEEDED":
        return Answer({"content": content})
    names, rows = _COLUMNS[report["kind"]], report["rows"]
    columns = [
        {"name": name, "position": position, "type_name": "STRING", "type_text": "STRING"}
        for position, name in enumerate(names)
    ]
    # Not in the order of their positions.
    content["schema"] = {"column_count": len(names), "columns": columns[::-1]}
    if report["is_download"]:
        content["external_link"] = _link(tenant, call, report["id"], [names, *rows])
    else:
        content |= {"data_array": rows[:_PREVIEW], "truncated": len(rows) > _PREVIEW}
    return Answer({"content": content})


def get_oem_config_schema(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/oem-config-schema: of two versions of one app, the same for each manufacturer."""
    code = call.query.get("version_code", list(_OEM_VERSIONS)[-1])
    if call.query["package_name"] != _OEM_PACKAGE or code not in _OEM_VERSIONS:
        raise not_found()
    schema = {"restrictions": [{"key": "scanner_enabled", "restrictionType": "bool", "defaultValue": True}]}
    content = {
        "id": f"5c1c4a8e-6a0f-4f0f-9d4c-2f3c9f0f7{code}",
        "oem_type": call.query["oem_type"],
        "package_name": _OEM_PACKAGE,
        "version_name": _OEM_VERSIONS[code],
        "version_code": code,
        "schema_format": "MANAGED_CONFIGURATIONS",
        "parser_version": "1.0",
        "is_latest": code == list(_OEM_VERSIONS)[-1],
        "status": "ACTIVE",
        "schema_metadata": {"restriction_count": 1},
        "created_at": moment(0),
        **({"schema_json": schema} if call.query.get("include_schema", "true") != "false" else {}),
    }
    return Answer({"code": 200, "message": "success", "content": content})


def _after(name: str, text: str, day: str) -> bool:
    if instant(name, text) <= instant(name, day):
        raise refuse(name, f"Must be after {day}.")
    return True


def _rows(tenant: Tenant, kind: str, filters: Row) -> Iterable[list[str]]:
    platforms = _folded(filters.get("platform"))
    for device in tenant.devices.values():
        if device.state == DISABLED or (platforms and device.platform.lower() not in platforms):
            continue
        if kind == "device":
            yield [device.name, device.serial, device.platform, device.os_version, str(device.state)]
        elif not filters.get("device_os") or device.os.lower() in _folded(filters["device_os"]):
            yield from _rows_of_apps(tenant, device, filters)


def _rows_of_apps(tenant: Tenant, device: Device, filters: Row) -> Iterable[list[str]]:
    for app in apps_of(tenant, device):
        wanted = {"package_name": app["package_name"], "app_state": app["state"]}
        if all(not filters.get(name) or value in filters[name] for name, value in wanted.items()):
            yield [
                device.name,
                device.platform,
                app["package_name"],
                app["app_name"],
                app["version_name"],
                app["state"],
            ]


def _folded(values: Iterable[str] | None) -> set[str]:
    return {value.lower() for value in values or ()}


def _link(tenant: Tenant, call: Call, report_id: str, lines: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    key = f"reports/{report_id}"
    tenant.storage.put(key, File.of(f"{report_id}.csv", "text/csv", text.getvalue().encode()))
    return tenant.storage.link(call.host, key)


OPERATIONS: dict[str, Behavior] = {
    "GET /report/v0/report-types": list_types,
    "POST /report/v0/reports": create_report,
    "GET /report/v0/reports/{report_id}": get_report,
    "GET /v2/oem-config-schema": get_oem_config_schema,
}
