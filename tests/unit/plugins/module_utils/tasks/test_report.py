# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports are created, waited for, and downloaded; and what the tenant can report about."""

from __future__ import annotations

import csv
import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

REPORTS = "/report/v0/reports"
ID = "a8f4b0f5-3d0b-4a38-8f3a-2f8f8c0f5a51"
NULLS = dict.fromkeys(("id", "status", "columns", "rows", "truncated"))


def sent(run: Run) -> list[str]:
    return [
        f"{each['method']} {each['path'].rpartition('/')[0] if each['method'] == 'GET' else each['path']}"
        for each in run.requests
    ]


def shown(run: Run) -> str:
    """Return what a user sees. The debug log of urllib3 has links."""
    return repr((run.result, run.warnings, run.progress))


def body_of(run: Run) -> Row:
    return t.cast("Row", next(each["body"] for each in run.requests if each["method"] == "POST"))


def respond(world: World, **content: t.Any) -> None:
    """Let the next reading of a report return this content."""
    body = json.dumps({"content": {"id": ID, **content}})
    world.simulator.fault(kind="status", status=200, method="GET", path=f"{REPORTS}/", body=body)


def test_a_task_waits_for_the_report_and_returns_its_rows_by_column(world: World) -> None:
    run = world.must("report", {"report_type": "device"})
    report = run.result["report"]
    assert sent(run) == [f"POST {REPORTS}", *[f"GET {REPORTS}"] * 2]
    assert body_of(run) == {"report_type": "device"}
    assert not run.changed
    assert [column["name"] for column in report["columns"]] == [
        "device_name", "serial", "platform", "os_version", "state",
    ]  # fmt: skip
    names = {each["name"] for each in world.simulator.state(devices=True)["devices"]}
    assert {row["device_name"] for row in report["rows"]} <= names
    assert len(report["rows"]) > 0
    assert all(list(row) == [column["name"] for column in report["columns"]] for row in report["rows"])
    assert (report["status"], report["truncated"]) == ("SUCCEEDED", False)
    assert run.progress == [f"The report {report['id']}: RUNNING"]


def test_filters_and_times_are_sent_in_api_format(world: World) -> None:
    run = world.must(
        "report",
        {
            "report_type": "device_apps",
            "start_time": "2026-05-04 20:00:00+02:00",
            "end_time": "2026-05-05T20:00",
            "package_names": ["com.example.till"],
            "app_states": ["SHOW"],
            "device_os": ["Android"],
            "platforms": ["Android"],
        },
    )
    assert body_of(run) == {
        "report_type": "device_apps",
        "start_time": "2026-05-04T18:00:00Z",
        "end_time": "2026-05-05T20:00:00Z",
        "filters": {
            "package_name": ["com.example.till"],
            "app_state": ["SHOW"],
            "device_os": ["Android"],
            "platform": ["Android"],
        },
    }
    assert body_of(world.must("report", {"report_type": "device", "date": "2026-05-04"})) == {
        "report_type": "device",
        "filters": {"date": "2026-05-04"},
    }


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"start_time": "yesterday"}, "start_time is not a date or a time: 'yesterday'"),
        ({"start_time": "9999-12-31T23:59:59-12:00"}, "start_time is not a date or a time"),
        ({"end_time": "2024-07-01"}, "end_time must be after 2024-07-01: '2024-07-01'"),
        ({"end_time": "2024-07-01T02:00:00+02:00"}, "end_time must be after 2024-07-01"),
        ({"start_time": "2026-05-04T10:00:00Z", "end_time": "2026-05-04T09:59:59Z"}, "end_time is before start_time"),
        ({"date": "4 May 2026"}, "date is not a date: '4 May 2026'; a valid value is 2026-05-04"),
        ({"date": "2026-02-30"}, "date is not a date: '2026-02-30'"),
        ({"date": "2025-05-17"}, "date must be after 2025-05-17 for report_type=device: '2025-05-17'"),
        ({"date": "2024-07-01", "report_type": "device_apps"}, "date must be after 2024-07-01 for"),
        ({"platforms": []}, "platforms is empty; list a value, or omit it"),
        (
            {"package_names": ["x"], "device_os": ["iOS"]},
            "package_names requires report_type=device_apps. device_os requ",
        ),
        ({"package_names": [" "], "report_type": "device_apps"}, "package_names[0] is empty"),
        ({"date": "2026-05-04", "start_time": "2026-05-04T10:00:00Z"}, "mutually exclusive: date|start_time"),
        ({"id": ID}, "mutually exclusive: id|report_type"),
        ({"wait_timeout": -1}, "Invalid wait_timeout: -1."),
        ({"dest": "."}, "Invalid dest: '.' is a directory. Set the path of a file."),
        ({"dest": "reports/"}, "Invalid dest: 'reports/' is a directory."),
        ({"dest": "x" * 300}, "The option dest is not a path, but has 300 characters"),
    ],
    ids=str,
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_invalid_options_are_errors_before_any_request(
    world: World, options: Row, error: str, check_mode: bool
) -> None:
    run = world.run("report", {"report_type": "device", **options}, check_mode=check_mode)
    assert run.failed
    assert error in run.message
    assert run.requests == []


# --- files ------------------------------------------------------------------------------------------------------------


def test_only_another_content_of_the_file_is_a_change(world: World) -> None:
    file = world.folder / "new" / "devices.csv"
    options = {"report_type": "device", "dest": str(file)}
    first = world.must("report", options)
    assert first.changed
    assert body_of(first)["is_download"] is True
    with file.open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    assert {row["device_name"] for row in rows}
    assert first.result["report"]["rows"] is first.result["report"]["truncated"] is None
    # A link works without the key, and the simulator rejects a download with it.
    assert "Signature" not in shown(first)
    before = file.stat()
    second = world.must("report", options)
    assert not second.changed
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert [each.name for each in file.parent.iterdir()] == ["devices.csv"]
    world.simulator.change_devices(add=5)
    assert world.must("report", options).changed
    assert len(file.read_text(encoding="utf-8").splitlines()) > len(rows) + 1


def test_a_report_without_a_file_cannot_be_downloaded(world: World) -> None:
    created = world.must("report", {"report_type": "device"}).result["report"]
    options = {"id": created["id"], "dest": str(world.folder / "devices.csv")}
    for check_mode in (True, False):
        run = world.run("report", options, check_mode=check_mode)
        assert run.message == (
            f"The report {created['id']} has no file. Esper creates a file only if dest is set when the report is"
            " created."
        )
        assert not run.changed
    assert not Path(options["dest"]).exists()


def test_a_failed_download_leaves_the_file_as_it_is(world: World) -> None:
    file = world.folder / "devices.csv"
    file.write_text("old", encoding="utf-8")
    respond(
        world, status="SUCCEEDED", external_link=f"{world.simulator.url.removesuffix('/api')}/_storage/x?Signature=s"
    )
    run = world.run("report", {"report_type": "device", "dest": str(file)})
    assert run.message.startswith("Downloading the report")
    assert "returned HTTP 403" in run.message
    assert "Signature" not in shown(run)
    assert file.read_text(encoding="utf-8") == "old"
    assert [each.name for each in world.folder.iterdir()] == ["devices.csv"]


# --- the life of a report ---------------------------------------------------------------------------------------------


def test_check_mode_sends_nothing(world: World) -> None:
    for options, changed in (
        ({}, False),
        ({"dest": str(world.folder / "x.csv")}, True),
        ({"dest": str(world.folder / "x.csv"), "wait": False}, False),
    ):
        run = world.must("report", {"report_type": "device", **options}, check_mode=True)
        assert (run.requests, run.result["report"], run.changed) == ([], NULLS, changed)


def test_another_task_reads_a_report_that_was_started(world: World) -> None:
    file = world.folder / "devices.csv"
    started = world.must("report", {"report_type": "device", "wait": False, "dest": str(file)})
    assert sent(started) == [f"POST {REPORTS}"]
    assert started.result["report"] == {**NULLS, "id": started.result["report"]["id"], "status": "PENDING"}
    later: Row = {"id": started.result["report"]["id"], "dest": str(file)}
    once = world.must("report", {**later, "wait": False})
    assert (once.result["report"]["status"], once.changed, file.exists()) == ("RUNNING", False, False)
    predicted = world.must("report", later, check_mode=True)
    assert (predicted.changed, file.exists()) == (True, False)
    assert world.must("report", later).changed
    assert file.exists()


@pytest.mark.parametrize("status", ["FAILED", "CANCELED"])
def test_a_report_that_esper_cannot_create_fails_the_task(world: World, status: str) -> None:
    respond(world, status=status)
    run = world.run("report", {"report_type": "device"})
    assert run.failed
    assert not run.changed
    assert run.message.endswith(f": its status is {status}.")
    assert run.result["report"]["status"] == status


def test_a_report_that_takes_too_long_fails_the_task_with_its_id(world: World) -> None:
    run = world.run("report", {"report_type": "device", "wait_timeout": 0})
    identifier = run.result["report"]["id"]
    assert run.failed
    assert run.message == (
        f"The report {identifier} has the status RUNNING after 0 s, and Esper continues with it. Increase wait_timeout,"
        f" or run a task with id={identifier} later."
    )
    assert len(run.requests) == 2


def test_a_create_without_a_response_is_sent_again(world: World) -> None:
    world.simulator.fault(kind="drop_after", method="POST")
    run = world.must("report", {"report_type": "device"})
    assert run.writes == [f"POST {REPORTS}"] * 2


def test_an_error_shows_the_message_of_esper(world: World) -> None:
    error = json.dumps({"status": 400, "error": "Bad Request", "message": "Too many reports"})
    world.simulator.fault(kind="status", status=400, method="POST", body=error)
    run = world.run("report", {"report_type": "device"})
    assert "Creating a report of the type device failed" in run.message
    assert "Too many reports" in run.message


def test_omitted_rows_are_a_warning(world: World) -> None:
    respond(
        world, status="SUCCEEDED", schema={"columns": [{"name": "a", "position": 0}]}, data_array=[[1]], truncated=True
    )
    run = world.must("report", {"report_type": "device"})
    assert run.result["report"]["rows"] == [{"a": 1}]
    assert run.result["report"]["truncated"] is True
    assert "has more rows than Esper returns. Set dest to download all" in run.warnings[0]


def test_a_report_whose_id_is_null_in_check_mode_is_not_read(world: World) -> None:
    run = world.run("report", {"id": None}, check_mode=True)
    assert (run.failed, run.requests, run.result["report"]) == (False, [], NULLS)


# --- related reading --------------------------------------------------------------------------------------------------


def test_the_list_of_report_types_can_be_null(world: World) -> None:
    names = [each["name"] for each in world.must("report_type_info", {}).result["report_types"]]
    assert len(names) == 2
    world.simulator.fault(kind="status", status=200, path="report-types", body='{"content": {"report_types": null}}')
    assert world.must("report_type_info", {}).result["report_types"] == []


def test_the_schema_of_an_app_is_null_if_there_is_none(world: World) -> None:
    app: Row = {"oem_type": "ZEBRA", "package_name": "com.example.oemconfig"}
    latest = world.must("oem_config_schema_info", app).result["oem_config_schema"]
    assert latest["schema"]["restrictions"][0]["key"] == "scanner_enabled"
    assert latest["is_latest"] is True
    short = world.must("oem_config_schema_info", {**app, "schema": False, "version_code": 110})
    assert short.warnings == []
    assert (short.result["oem_config_schema"]["schema"], short.result["oem_config_schema"]["is_latest"]) == (
        None,
        False,
    )
    assert short.requests[0]["query"] == {**app, "version_code": "110", "include_schema": "false"}
    for options in ({"version_code": "999"}, {"package_name": "com.example.other"}):
        run = world.must("oem_config_schema_info", {**app, **options})
        assert run.result == {"changed": False, "oem_config_schema": None, "requests": run.result["requests"]}
    world.simulator.fault(kind="status", status=403)
    assert world.run("oem_config_schema_info", app).failed
    assert "package_name is empty" in world.run("oem_config_schema_info", {**app, "package_name": " "}).message


def test_anchor_certificates_are_read_on_request_and_can_be_empty(world: World) -> None:
    plain = world.must("mdm_service_config_info", {})
    assert plain.result["mdm_service_config"]["dep_enrollment_url"]
    assert plain.result["mdm_service_config"]["anchor_certs"] is None
    assert len(plain.requests) == 1
    for body, found in ((None, []), ('["MIIB"]', ["MIIB"]), ('{"certs": []}', [{"certs": []}])):
        if body:
            world.simulator.fault(kind="status", status=200, path="anchor-certs", body=body)
        run = world.must("mdm_service_config_info", {"anchor_certs": True})
        assert run.result["mdm_service_config"]["anchor_certs"] == found
