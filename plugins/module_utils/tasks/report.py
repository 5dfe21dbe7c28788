# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that creates a report, waits for it, and returns its rows or downloads its file.

Based on /report/v0/reports and /report/v0/reports/{report_id} of the contract (v0.yaml). A link to the file works
without the API key, so the module does not return it.

A report changes nothing that anybody manages, so only a new file is a change. The API has no list of reports, so a
request without a response is sent again, and Esper then creates another report.

Choice: the contract does not document the format of the file, so the module stores the bytes as they are. Choice: a
report without O(dest) has only its first rows, if Esper says that it is truncated.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from pathlib import Path

from ..base.errors import EsperError, InvalidParameter, InvalidValues
from ..base.ids import is_id
from ..base.row import Params, Row
from ..base.times import format_utc, utc_time
from ..engine.tenant_view import TenantView
from ..http.download import Download
from ..kinds.downloads import save
from ..model.conform import to_int, to_row, to_rows, to_text
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..model.values import is_too_deep
from ..task import ModuleDefinition, ModuleResult, RunContext
from .polling import Polling, check_timeout, timeout_option

_REPORTS = "/report/v0/reports"
_REPORT = "/report/v0/reports/{report_id}"
_SUCCEEDED = "SUCCEEDED"
_OPEN = ("PENDING", "RUNNING")
_KEYS = ("id", "status", "columns", "rows", "truncated")
# The days before the first data, by type of report. The limit of start_time and end_time is the same for all.
_NO_DATA = {"device_apps": date(2024, 7, 1), "device": date(2025, 5, 17)}
_NO_TIMES = datetime(2024, 7, 1, tzinfo=timezone.utc)
# The options that filter the rows, by the keys of the API.
_FILTERS = {
    "package_name": "package_names",
    "app_state": "app_states",
    "device_os": "device_os",
    "platform": "platforms",
}
_OF_APPS = ("package_names", "app_states", "device_os")
_OF_NEW_REPORTS = ("report_type", "start_time", "end_time", "date", *_FILTERS.values())

_MODULE = ModuleSpec(
    short_description="Create and download Esper reports",
    description=(
        "Creates a report about devices or their apps, waits for it, and returns its rows. If O(dest) is set, downloads"
        " it as a file instead.",
        "Each run creates another report. The task reports a change only if the content of O(dest) changes.",
        "The task fails if Esper cannot create the report. If it loses the response to its request, it sends the"
        " request again, so Esper can create two reports.",
    ),
    options=(
        Option(
            "report_type",
            "Type of the report. V(device) has a row for each device, V(device_apps) one for each app on a device.",
            choices=("device", "device_apps"),
        ),
        Option(
            "id",
            "ID of a report that another task created, for example with O(wait=false). The task creates no report.",
            identifier=True,
        ),
        Option(
            "start_time",
            "Start of the period, a date or a time in ISO 8601, after V(2024-07-01T00:00:00Z). Without time zone, it is"
            " in UTC.",
        ),
        Option(
            "end_time",
            "End of the period, a date or a time in ISO 8601, after V(2024-07-01T00:00:00Z) and not before"
            " O(start_time). Without time zone, it is in UTC.",
        ),
        Option(
            "date",
            "Day of the report, for example V(2026-05-04). Must be after 2024-07-01, or after 2025-05-17 if"
            " O(report_type=device).",
        ),
        Option(
            "package_names",
            "Package names of the apps in the report. Requires O(report_type=device_apps).",
            type="list",
            elements="str",
            identifier=True,
        ),
        Option(
            "app_states",
            "States of the apps in the report. Requires O(report_type=device_apps).",
            type="list",
            elements="str",
            choices=("SHOW", "HIDE", "DISABLE", "LAUNCHABLE_BUT_HIDDEN"),
        ),
        Option(
            "device_os",
            "Operating systems of the devices in the report. Requires O(report_type=device_apps).",
            type="list",
            elements="str",
            choices=("Android", "iOS"),
        ),
        Option(
            "platforms",
            "Platforms of the devices in the report.",
            type="list",
            elements="str",
            choices=("Android", "Apple", "Linux", "Windows"),
        ),
        Option(
            "dest",
            (
                "Path of the file to write, on the machine where the module runs. The module creates missing"
                " directories. A replaced file keeps its mode.",
                "Esper determines the format of the file. With O(id), the other task must have set O(dest) too, because"
                " Esper otherwise creates no file.",
            ),
            type="path",
        ),
        Option(
            "wait",
            (
                "If V(true), the task waits until the report is complete.",
                "If V(false), the task ends when Esper has accepted the request. Another task with O(id) then reads"
                " the report. With O(id), the task reads the report once, and writes O(dest) only if it is complete.",
            ),
            type="bool",
            default=True,
        ),
        timeout_option("the report", 900.0),
    ),
    rules={
        "required_one_of": [("report_type", "id")],
        "mutually_exclusive": [
            *(("id", name) for name in _OF_NEW_REPORTS),
            ("date", "start_time"),
            ("date", "end_time"),
        ],
    },
    returns=(
        Value(
            "report",
            "The report. All values are null in check mode if the task creates it.",
            type="dict",
            contains=(
                Value("id", "ID of the report.", sample="a8f4b0f5-3d0b-4a38-8f3a-2f8f8c0f5a51"),
                Value(
                    "status",
                    "Status of the report, V(PENDING), V(RUNNING), V(SUCCEEDED), V(FAILED) or V(CANCELED).",
                    sample="SUCCEEDED",
                ),
                Value(
                    "columns",
                    "Columns of the report, in their order. Null if the report is not complete.",
                    type="list",
                    elements="dict",
                    sample=[{"name": "device_name", "type": "STRING"}],
                ),
                Value(
                    "rows",
                    "Rows of the report, as dictionaries with the names of the columns as keys. Null if the report is"
                    " not complete, or if O(dest) was set when it was created.",
                    type="list",
                    elements="dict",
                    sample=[{"device_name": "OUW-MDJ-00001", "package_name": "com.example.till"}],
                ),
                Value(
                    "truncated",
                    "Whether Esper omitted rows. Null if RV(report.rows) is null.",
                    type="bool",
                    sample=False,
                ),
            ),
        ),
    ),
    check_mode=Support(
        "partial",
        "Creates no report and writes no file.",
        "Reports a change if the task writes O(dest), because the new content of the file is not known.",
    ),
    diff_mode=Support("none", "Does not show the content of O(dest)."),
    platform="Where the module runs. It uses the API over HTTPS and writes only to O(dest).",
    seealso=("report_type_info", "device_info"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    check_timeout(params["wait_timeout"])
    dest = None if params["dest"] is None else _checked_dest(params["dest"])
    request = None if params["id"] is not None else _request_of(params)
    if request is not None and context.check_mode:
        return ModuleResult({"changed": params["wait"] and dest is not None, "report": dict.fromkeys(_KEYS)})
    identifier, created = params["id"], None
    if request is not None:
        created = _create(view, request)
        identifier = str(created["id"])
        if not params["wait"]:
            return ModuleResult({"changed": False, "report": _summary(created)})
    polling = _polling(view, identifier)
    row = polling.wait(view.client, context, params["wait_timeout"] if params["wait"] else 0, created)
    report = _to_result(view, row)
    status = report["status"]
    if status not in (_SUCCEEDED, *_OPEN):
        message = f"Esper did not create the report {identifier}: its status is {status}."
        return ModuleResult({"failed": True, "changed": False, "msg": message, "report": report})
    if status in _OPEN and params["wait"]:
        return polling.timed_out(row, params["wait_timeout"], f"run a task with id={identifier} later")
    warnings = []
    if report["truncated"]:
        warnings.append(
            f"The report {identifier} has more rows than Esper returns. Set dest to download all of them as a file."
        )
    changed = False
    if dest is not None and status == _SUCCEEDED:
        download = Download(_link_of(row), f"Downloading the report {identifier}")
        changed = context.check_mode or save(view.client, download, dest)
    return ModuleResult({"changed": changed, "report": report}, warnings)


# --- options ----------------------------------------------------------------------------------------------------------


def _checked_dest(text: str) -> Path:
    """Return the path of the file to write. Raise InvalidParameter if it is that of a directory, or cannot be read."""
    dest = Path(text)
    try:
        is_directory = text.endswith("/") or dest.is_dir()
    except OSError as error:
        raise InvalidParameter(f"Cannot read '{text}': {error.strerror}.") from None
    if is_directory:
        raise InvalidParameter(f"Invalid dest: '{text}' is a directory. Set the path of a file.")
    return dest


def _request_of(params: Params) -> Row:
    """Return the body of the request that creates the report. Raise InvalidValues if the options are invalid."""
    errors: list[str] = []
    times = {name: _time(name, params[name], errors) for name in ("start_time", "end_time")}
    start, end = times.values()
    if start is not None and end is not None and end < start:
        errors.append("end_time is before start_time")
    filters: Row = {}
    if params["date"] is not None:
        filters["date"] = _date(params["date"], params["report_type"], errors)
    for key, name in _FILTERS.items():
        if params[name] is None:
            continue
        if not params[name]:
            errors.append(f"{name} is empty; list a value, or omit it")
        if name in _OF_APPS and params["report_type"] != "device_apps":
            errors.append(f"{name} requires report_type=device_apps")
        filters[key] = params[name]
    if errors:
        raise InvalidValues(errors, "report")
    return {
        "report_type": params["report_type"],
        **{name: format_utc(time) for name, time in times.items() if time is not None},
        **({"is_download": True} if params["dest"] is not None else {}),
        **({"filters": filters} if filters else {}),
    }


def _time(name: str, text: str | None, errors: list[str]) -> datetime | None:
    """Return the time of an option in UTC, None if it is not set. Add a phrase to the errors if it is invalid."""
    if text is None:
        return None
    try:
        time = utc_time(text)
    except ValueError as error:
        errors.append(f"{name} {error}")
        return None
    if time <= _NO_TIMES:
        errors.append(f"{name} must be after 2024-07-01: '{text}'")
    return time


def _date(text: str, report_type: str, errors: list[str]) -> str:
    """Return the day of a report. Add a phrase to the errors if it is invalid."""
    try:
        day = date.fromisoformat(text.strip()) if re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip(), re.ASCII) else None
    except ValueError:
        day = None
    if day is None:
        errors.append(f"date is not a date: '{text}'; a valid value is 2026-05-04")
    elif day <= _NO_DATA[report_type]:
        errors.append(f"date must be after {_NO_DATA[report_type]} for report_type={report_type}: '{text}'")
    return text.strip()


# --- requests ---------------------------------------------------------------------------------------------------------


def _create(view: TenantView, body: Row) -> Row:
    """Create a report, and return it. There is nothing to find it by, so a lost request is sent again."""
    purpose = f"Creating a report of the type {body['report_type']}"
    response = view.client.request("POST", _REPORTS, body=body, purpose=purpose, idempotent=True)
    row = to_row(response.body)
    if not is_id(row.get("id")):
        raise view.client.unusable(response, "POST", "no report", purpose)
    return row


def _polling(view: TenantView, identifier: str) -> Polling:
    """Return the wait for a report."""
    return Polling(
        title=f"The report {identifier}",
        read=lambda: view.client.get_object(
            _REPORT, ids={"report_id": identifier}, purpose=f"Reading the report {identifier}"
        ),
        status=lambda row: str(row.get("status")),
        is_complete=lambda row: row.get("status") not in _OPEN,
        to_result=lambda row: {"report": _summary(row)},
    )


def _summary(row: Row) -> Row:
    """Return a report in the form of the result, without its content."""
    return {**dict.fromkeys(_KEYS), "id": to_text(row["id"]), "status": to_text(row.get("status"))}


def _to_result(view: TenantView, row: Row) -> Row:
    """Return a report in the form of the result."""
    report = _summary(row)
    if report["status"] != _SUCCEEDED:
        return report
    columns = to_rows(to_row(row.get("schema")).get("columns"))
    columns.sort(key=lambda column: to_int(column.get("position")) or 0)
    report["columns"] = [
        {"name": to_text(column.get("name")) or "", "type": to_text(column.get("type_name"))} for column in columns
    ]
    values = row.get("data_array")
    if is_too_deep(values):
        view.record_invalid("report", str(row["id"]), ["rows"])
    elif isinstance(values, list):
        names = [column["name"] for column in report["columns"]]
        report["rows"] = [dict(zip(names, each, strict=False)) for each in values if isinstance(each, list)]
        report["truncated"] = row.get("truncated") is True
    return report


def _link_of(row: Row) -> str:
    """Return the link to the file of a report. Raise EsperError if the report has no file."""
    link = row.get("external_link")
    if not isinstance(link, str) or not link:
        raise EsperError(
            f"The report {row['id']} has no file. Esper creates a file only if dest is set when the report is created."
        )
    return link


REPORT = ModuleDefinition("report", _MODULE, _run, unknown={"report": dict.fromkeys(_KEYS)})
