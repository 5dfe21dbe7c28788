# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices get their blueprint before they enroll."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

PATH = "/v2/seamless"
NEW = "DMPX2345ABCD"


@pytest.fixture
def blueprint(world: World) -> Row:
    options = {"name": "iPad", "settings": {"ios": {}}}
    return dict(world.must("blueprint", options).result["blueprint"])


def provision(world: World, *, check_mode: bool = False, **options: t.Any) -> Run:
    return world.run("seamless_provisioning", {"blueprint": "iPad", **options}, check_mode=check_mode)


def bodies(run: Run) -> list[Row]:
    return [each["body"] for each in run.requests if each["method"] == "POST"]


def statuses(run: Run) -> dict[str, tuple[t.Any, t.Any]]:
    rows = run.result["provisioning_requests"]
    return {row["unique_id"]: (row["status"], row["reason"]) for row in rows}


def test_each_device_has_a_request_with_the_names_resolved(world: World, blueprint: Row) -> None:
    group = world.must("device_group", {"path": "Berlin"}).result["device_group"]
    options: Row = {"serials": [NEW, "DMPX2345ABCE", f" {NEW.lower()} "], "group": "Berlin", "tags": [" till"]}
    predicted = provision(world, check_mode=True, **options)
    assert (predicted.changed, predicted.writes) == (True, [])
    assert statuses(predicted) == {NEW: (None, None), "DMPX2345ABCE": (None, None)}
    for _run in range(2):
        run = provision(world, **options)
        assert (run.failed, run.changed, run.result["enrolled"]) == (False, True, [])
        assert run.writes == [f"POST {PATH}"] * 2
        assert statuses(run) == {NEW: ("IN_QUEUE", None), "DMPX2345ABCE": ("IN_QUEUE", None)}
        body = next(each for each in bodies(run) if each["seamless_info"]["unique_ids"] == NEW)
        assert body == {
            "assigned_blueprint_id": blueprint["id"],
            "group_id": group["id"],
            "tags": ["till"],
            "seamless_info": {"unique_ids": NEW, "unique_id_type": 2, "platform": "APPLE"},
        }


@pytest.mark.usefixtures("blueprint")
def test_a_uuid_has_a_type_of_its_own(world: World) -> None:
    uuid = "5F2A0C1E-3B4D-4E5F-8A9B-0C1D2E3F4A5B"
    run = provision(world, uuids=[uuid], alias="Display 1", platform="WINDOWS")
    assert not run.failed
    (body,) = bodies(run)
    assert body["alias"] == "Display 1"
    assert body["seamless_info"] == {"unique_ids": uuid, "unique_id_type": 3, "platform": "WINDOWS"}
    result = {"id": "r1", "unique_ids": uuid, "unique_id_type": "SERIAL", "status": "IN_QUEUE", "meta": None}
    body = json.dumps({"content": {"count": 1, "prev": None, "next": None, "results": [result]}})
    world.simulator.fault(kind="status", status=200, method="POST", body=body)
    assert "Esper took it for a SERIAL, not a UUID" in provision(world, uuids=[uuid]).message


def test_enrolled_devices_are_skipped(world: World) -> None:
    devices = world.simulator.state(devices=True)["devices"]
    device = next(each for each in devices if each["blueprint_info"].get("assigned_blueprint_id"))
    serial, of_device = device["serial"], device["blueprint_info"]["assigned_blueprint_id"]
    many = [serial, *(f"DMPX{number:08}" for number in range(6))]
    for serials in ([serial], many):
        run = provision(world, blueprint=of_device, serials=serials)
        assert run.result["enrolled"] == [serial]
        assert run.changed is (len(serials) > 1)
        assert len(bodies(run)) == len(serials) - 1
        assert len([each for each in run.requests if each["path"] == "/v2/devices/"]) == 1
    sent = provision(world, blueprint=of_device, serials=[serial], skip_enrolled=False)
    assert statuses(sent) == {serial: ("SUCCESS", None)}
    other = world.must("device_group", {"path": "Other"}).result["device_group"]
    assert provision(world, blueprint=of_device, serials=[serial], group=other["id"]).changed
    world.must("device", {"devices": [device["name"]], "state": "wiped", "confirm": True})
    world.simulator.advance_commands(2)
    assert provision(world, blueprint=of_device, serials=[serial]).changed


@pytest.mark.usefixtures("blueprint")
def test_a_rejected_device_fails_the_task_and_the_others_are_assigned(world: World) -> None:
    run = provision(world, serials=["FAIL0001", NEW])
    assert (run.failed, run.changed) == (True, True)
    assert run.message == "1 of 2 devices could not be provisioned: FAIL0001 (The device is not known)."
    assert statuses(run) == {"FAIL0001": ("FAILED", "The device is not known"), NEW: ("IN_QUEUE", None)}


@pytest.mark.usefixtures("blueprint")
def test_a_request_that_fails_ends_the_task_with_the_results_so_far(world: World) -> None:
    serials = [f"DMPX{number:08}" for number in range(40)]
    world.simulator.fault(kind="status", status=403, method="POST")
    run = provision(world, serials=serials[:1])
    assert (run.failed, run.changed, run.result["provisioning_requests"]) == (True, False, [])
    assert run.message.startswith(f"Provisioning the device {serials[0]} failed: POST {PATH} returned HTTP 403")
    world.simulator.fault(kind="status", status=403, method="POST", after=3, times=100)
    run = provision(world, serials=serials)
    accepted = run.result["provisioning_requests"]
    assert (run.failed, run.changed, run.result["status"], len(accepted)) == (True, True, 403, 3)
    assert run.message.endswith("3 of 40 devices were provisioned. Run the task again for the rest.")
    # The requests in progress are completed, and no others are sent.
    assert len(run.writes) < len(serials)


@pytest.mark.usefixtures("blueprint")
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"content": {"count": 0, "results": []}}, "Esper returned no result for it"),
        ({"content": {"count": 1}}, "returned no results"),
        (
            {
                "content": {
                    "results": [{"unique_ids": NEW, "unique_id_type": "SERIAL", "status": "FAILED", "meta": None}]
                }
            },
            "Esper returned no reason",
        ),
    ],
    ids=["no result", "no list", "no reason"],
)
def test_a_response_without_the_device_is_an_error(world: World, body: Row, reason: str) -> None:
    world.simulator.fault(kind="status", status=200, method="POST", body=json.dumps(body), times=3)
    run = provision(world, serials=[NEW])
    assert (run.failed, run.changed) == (True, False)
    assert reason in run.message


def test_a_lost_response_is_sent_again(world: World, blueprint: Row) -> None:
    world.simulator.fault(kind="drop_after", method="POST")
    run = provision(world, serials=[NEW], blueprint=blueprint["id"])
    assert (run.failed, run.writes) == (False, [f"POST {PATH}"] * 2)


def test_a_file_is_sent_as_it_is(world: World) -> None:
    file = world.folder / "ipads.csv"
    file.write_text(f"serial;name\n{NEW}\nDMPX2345ABCE\n", encoding="utf-8")
    predicted = world.must("seamless_provisioning", {"src": str(file)}, check_mode=True)
    assert (predicted.changed, predicted.requests) == (True, [])
    run = world.must("seamless_provisioning", {"src": str(file), "platform": "LINUX"})
    assert (run.changed, run.writes) == (True, [f"POST {PATH}/upload"])
    assert statuses(run) == {NEW: ("IN_QUEUE", None), "DMPX2345ABCE": ("IN_QUEUE", None)}
    file.write_text("serial\n", encoding="utf-8")
    assert world.run("seamless_provisioning", {"src": str(file)}).message.startswith("Esper found no device in")
    file.write_text("", encoding="utf-8")
    assert world.run("seamless_provisioning", {"src": str(file)}).message.endswith("the file is empty.")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"serials": [], "blueprint": "x"}, "serials is empty; list a device, or skip the task"),
        ({"serials": [" "], "blueprint": "x"}, "serials[0] is empty"),
        (
            {"serials": ["a", "b"], "blueprint": "x", "alias": "y"},
            "alias requires exactly one device, and serials has 2",
        ),
        ({"serials": ["a"], "blueprint": "x", "tags": list("abcdef")}, "tags has 6 items; the maximum is 5"),
        ({"serials": ["a"], "uuids": ["b"], "blueprint": "x"}, "mutually exclusive"),
        ({"serials": ["a"]}, "missing parameter(s) required by 'serials': blueprint"),
        ({"src": "x.csv", "blueprint": "x"}, "mutually exclusive"),
        ({}, "one of the following is required: serials, uuids, src"),
    ],
    ids=str,
)
def test_invalid_options_are_errors_before_any_request(world: World, options: Row, error: str) -> None:
    run = world.run("seamless_provisioning", options)
    assert error in run.message
    assert run.requests == []


def test_an_unknown_blueprint_is_an_error(world: World) -> None:
    assert "The blueprint 'iPad' was not found." in provision(world, serials=[NEW]).message
