# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foundry builds, device models and events against the simulator: what is special about them."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible_collections.esper.cloud.plugins.module_utils.kinds import foundry_event
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

MODEL = "Example K10"


def approve(world: World, version: str, *, approved: bool = True, check_mode: bool = False, **options: t.Any) -> Run:
    params = {"device_model": MODEL, "version": version, "approved": approved, **options}
    return world.run("foundry_build", params, check_mode=check_mode)


def lock(world: World, *, check_mode: bool = False, **options: t.Any) -> Run:
    selector = {} if {"id", "manufacturer"} & options.keys() else {"name": MODEL}
    return world.run("foundry_device_model", {**selector, **options}, check_mode=check_mode)


def builds(world: World, **options: t.Any) -> list[Row]:
    return t.cast("list[Row]", world.must("foundry_build_info", options).result["foundry_builds"])


# --- builds -----------------------------------------------------------------------------------------------------------


def test_an_approval_takes_two_lists_and_one_request(world: World) -> None:
    run = approve(world, "15.2.31", remarks="Tested")
    assert [each["method"] for each in run.requests] == ["GET", "GET", "PUT"]
    assert run.requests[-1]["body"] == {"approved": True, "user_remarks": "Tested"}
    again = approve(world, "15.2.31", remarks="Other remarks")
    assert (again.changed, again.writes) == (False, [])
    assert again.result["foundry_build"] == run.result["foundry_build"]


@pytest.mark.parametrize("version", ["13.15.2.31", " 15.2.31 "])
def test_a_version_can_have_four_numbers_and_whitespace(world: World, version: str) -> None:
    assert approve(world, version).result["foundry_build"]["version"] == "15.2.31"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"version": "15.2.32"},
            "The Foundry build 'Example K10 15.2.32' was not found. Did you mean 'Example K10 15.2.31' or",
        ),
        (
            {"device_model": "Example K1", "version": "15.2.31"},
            "The Foundry device model 'Example K1' was not found. Did you mean 'Example K10'",
        ),
        ({"version": "15.2"}, "version is '15.2'; a valid value is 15.2.31"),
        ({"version": ""}, "The option version is empty."),
        ({"version": "15.3.1"}, "Use the ID, or also set build_type and arch."),
        ({"version": "15.3.0"}, "is in the state unavailable. Approve another build, or set force=true."),
    ],
)
def test_a_build_that_cannot_be_approved(world: World, options: Row, message: str) -> None:
    run = approve(world, **options)
    assert run.failed
    assert message in run.message
    assert run.writes == []


def test_builds_of_one_version_are_distinguished(world: World) -> None:
    assert approve(world, "15.3.1", build_type="userdebug").result["foundry_build"]["build_type"] == "userdebug"
    assert approve(world, "15.3.1", build_type="user", arch="arm64").changed
    assert approve(world, "15.3.0", force=True).changed


@pytest.mark.parametrize("check_mode", [True, False])
def test_an_approval_names_the_models_that_update(world: World, check_mode: bool) -> None:
    lock(world, auto_update=True, latest=True, confirm=True)
    run = approve(world, "15.2.31", check_mode=check_mode)
    assert run.result["updating_models"] == [MODEL]
    if not check_mode:
        assert approve(world, "15.2.31").result["updating_models"] == []


def test_the_build_of_a_lock_keeps_its_approval(world: World) -> None:
    lock(world, auto_update=True, locked_build="15.2.30", confirm=True)
    run = approve(world, "15.2.30", approved=False)
    assert run.message == (
        "The Foundry build '15.2.30' is in use by the device model 'Example K10'. Lock it to another build first, or"
        " set force=true."
    )
    assert run.writes == []
    assert approve(world, "15.2.30", approved=False, force=True).changed


def test_links_of_the_build_system_are_only_returned_on_request(world: World) -> None:
    for run in (world.must("foundry_build_info", {"version": "15.2.31"}), approve(world, "15.2.31")):
        assert "builds.invalid" not in run.shown
    build = builds(world, device_model=MODEL, version="15.2.31", links=True)[0]
    assert build["links"]["build_url"].startswith("https://builds.invalid/")
    assert build["links"]["build_job_params"] == {"BRANCH": "release"}


def test_builds_are_filtered_and_sorted(world: World) -> None:
    approved = [each["version"] for each in builds(world, device_model=MODEL, approved=True)]
    assert approved == ["15.2.30", "15.2.29", "14.9.2"]
    assert builds(world, device_model=MODEL, approved=False, limit=2) == builds(world, device_model=MODEL)[:2]
    assert {each["version"] for each in builds(world, foundation_major=14)} == {"14.9.2"}
    assert builds(world, arch="x86") == builds(world, version="9.9.9") == []
    assert "fingerprint_hash" in world.run("foundry_build_info", {"fingerprint_hash": "9f2c"}).message
    assert world.must("foundry_build_info", {"in_use": True}).result["versions_in_use"]


# --- device models ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"auto_update": True}, "Setting auto_update=true of the Foundry device model 'Example K10' lets its devices"),
        ({"auto_update": True, "locked_build": "15.2.30"}, "Setting auto_update=true and locked_build of the"),
        ({"latest": True, "confirm": True}, "latest has no effect without automatic updates. Set auto_update to true."),
        ({"auto_update": False, "locked_build": "15.2.30"}, "locked_build has no effect without automatic updates."),
        (
            {"auto_update": True, "latest": True, "locked_build": "15.2.30", "confirm": True},
            "locked_build and latest=true exclude each other. Set latest to false.",
        ),
        (
            {"auto_update": True, "locked_build": "15.2.31", "confirm": True},
            "to the build '15.2.31', because the build is not approved. Approve it first.",
        ),
        (
            {"auto_update": True, "locked_build": "15.2.32", "confirm": True},
            "The Foundry build '15.2.32' was not found. Did you mean",
        ),
        ({"auto_update": True, "locked_build": "", "confirm": True}, "The option locked_build is empty."),
        ({"name": "Example K1"}, "The Foundry device model 'Example K1' was not found. Did you mean 'Example K10'"),
        ({"manufacturer": "Example", "model": "X2"}, "The Foundry device model 'Example X2' was not found."),
    ],
)
def test_a_change_that_fails_validation(world: World, options: Row, message: str) -> None:
    run = lock(world, **options)
    assert run.failed
    assert message in run.message
    assert run.writes == []


def test_the_request_has_all_three_values_but_no_lock_of_latest(world: World) -> None:
    first = lock(world, auto_update=True, locked_build="15.2.30", confirm=True)
    locked = first.result["foundry_device_model"]
    assert (locked["locked_build"], locked["manufacturer"]) == ("15.2.30", "Example")
    assert first.requests[-1]["method"] == "GET", "the values that the task omits are read again"
    body = next(each["body"] for each in first.requests if each["method"] == "PUT")
    assert body.keys() == {"auto_update", "latest", "locked_build_id"}
    second = lock(world, latest=True, confirm=True)
    body = next(each["body"] for each in second.requests if each["method"] == "PUT")
    assert body == {"auto_update": True, "latest": True}
    assert lock(world, latest=True).writes == []
    # Esper changes the lock. The task does not change it back.
    approve(world, "15.2.31")
    assert lock(world, latest=True).result["foundry_device_model"]["locked_build"] == "15.2.31"


def test_a_change_of_another_client_at_the_same_time_is_noticed(world: World) -> None:
    lock(world, auto_update=True, locked_build="15.2.30", confirm=True)

    def interfere(_method: str, path: str, body: Row) -> Row:
        if path.endswith("device-models/") and any(each.method == "PUT" for each in world.simulator.answers):
            body["content"]["results"][0]["auto_update"] = False
        return body

    world.simulator.answers.clear()
    world.simulator.rewrites.append(interfere)
    run = lock(world, locked_build="15.2.29", confirm=True)
    assert run.message.startswith("Another client changed the Foundry device model 'Example K10' at the same time, and")
    assert "locked_build has no effect without automatic updates" in run.message


def test_a_lock_is_shown_as_the_version_before_and_after(world: World) -> None:
    lock(world, auto_update=True, locked_build="15.2.30", confirm=True)
    run = lock(world, locked_build="15.2.29", confirm=True, check_mode=True)
    assert run.diff[0]["before"] == {"locked_build": "15.2.30"}
    assert run.diff[0]["after"] == {"locked_build": "15.2.29"}
    assert "confirm" in lock(world, locked_build="15.2.29").message
    assert lock(world, auto_update=False).changed


def test_a_lock_to_a_build_without_approval_is_kept_but_not_sent(world: World) -> None:
    lock(world, auto_update=True, locked_build="15.2.30", confirm=True)
    approve(world, "15.2.30", approved=False, force=True)
    assert lock(world, locked_build="15.2.30").writes == []
    off = lock(world, auto_update=False)
    assert [each["body"] for each in off.requests if each["method"] == "PUT"] == [
        {"auto_update": False, "latest": False}
    ]
    assert off.result["foundry_device_model"]["locked_build"] == "15.2.30"
    on = lock(world, auto_update=True, confirm=True)
    assert on.message.endswith("because its build '15.2.30' is not approved. Approve it first, or set locked_build.")
    assert on.writes == []
    assert lock(world, auto_update=True, latest=True, confirm=True).changed


@pytest.mark.parametrize("name", ["profile_name", "profile_variant"])
def test_an_id_excludes_other_selectors(world: World, name: str) -> None:
    identifier = lock(world, auto_update=False).result["foundry_device_model"]["id"]
    assert "mutually exclusive" in lock(world, id=identifier, auto_update=False, **{name: "default"}).message


def test_a_lock_to_one_of_two_builds_of_a_version_is_its_id(world: World) -> None:
    approve(world, "15.3.1", build_type="user")
    build = builds(world, device_model=MODEL, version="15.3.1", approved=True)[0]
    options = {"auto_update": True, "confirm": True}
    assert "is ambiguous: 2 objects match" in lock(world, locked_build="15.3.1", **options).message
    for _run in range(2):
        model = lock(world, locked_build=build["id"].upper(), **options).result["foundry_device_model"]
        assert model["locked_build"] == build["id"]


@pytest.mark.parametrize("values", [{"auto_update": "false"}, {"auto_update": "true"}, {"locked_build_id": {"id": 1}}])
def test_a_value_of_another_type_is_no_confirmation(world: World, values: Row) -> None:
    def change(_method: str, path: str, body: Row) -> Row:
        for row in body["content"]["results"] if path.endswith("device-models/") else ():
            row.update(values)
        return body

    world.simulator.rewrites.append(change)
    run = lock(world, auto_update=True, locked_build="15.2.30")
    assert "Set confirm to true to continue." in run.message
    assert run.writes == []


def test_a_build_without_version_is_no_suggestion(world: World) -> None:
    def change(_method: str, path: str, body: Row) -> Row:
        for row in body["content"]["results"] if path.endswith("builds/") else ():
            row["foundation_major_number"] = None
        return body

    world.simulator.rewrites.append(change)
    assert approve(world, "15.2.31").message == "The Foundry build 'Example K10 15.2.31' was not found."


def test_device_models_are_selected_by_names(world: World) -> None:
    by_parts = lock(world, manufacturer="Example", model="X1", profile_name="default", auto_update=False)
    assert by_parts.result["foundry_device_model"]["name"] == "Example X1 default"
    identifier = by_parts.result["foundry_device_model"]["id"]
    for selector in ({"name": "Example X1 default"}, {"name": identifier}, {"id": identifier}):
        assert lock(world, **selector).result == by_parts.result
    world.simulator.rewrites.append(
        lambda _method, _path, body: _with_twin(body) if "device-models" in _path else body,
    )
    run = lock(world, auto_update=False)
    assert "is ambiguous: 2 objects match (Example K10 Example K10 default (ID " in run.message
    assert len(run.result["candidates"]) == 2


def _with_twin(body: Row) -> Row:
    rows = body["content"]["results"]
    rows.append({**rows[0], "device_model_id": "4b1f6c9d-2a47-4d0e-8f53-90a1b2c3d4e5"})
    body["content"]["count"] = len(rows)
    return body


def test_device_models_are_filtered(world: World) -> None:
    lock(world, auto_update=True, confirm=True)

    def names(**options: t.Any) -> list[str]:
        found = world.must("foundry_device_model_info", options).result["foundry_device_models"]
        return [each["name"] for each in found]

    assert names(auto_update=True) == names(model="K10") == names(name=MODEL) == [MODEL]
    assert names(auto_update=False, manufacturer="Example") == ["Example T5", "Example X1 default"]
    assert names(name="Example K1") == []


# --- both in one task -------------------------------------------------------------------------------------------------


def test_a_task_approves_a_build_and_locks_the_model_to_it(world: World) -> None:
    options = {
        "foundry_device_models": [{"name": MODEL, "auto_update": True, "locked_build": "15.2.31", "confirm": True}],
        "foundry_builds": [{"device_model": MODEL, "version": "15.2.31", "approved": True}],
    }
    predicted = world.must("tenant", options, check_mode=True)
    run = world.must("tenant", options)
    assert predicted.diff == run.diff
    assert [each.split("/")[3] for each in run.writes] == ["builds", "device-models"]
    assert world.must("tenant", options).writes == []


def test_a_task_moves_the_lock_and_then_removes_the_approval(world: World) -> None:
    lock(world, auto_update=True, locked_build="15.2.30", confirm=True)
    options = {
        "foundry_builds": [
            {"device_model": MODEL, "version": "15.2.30", "approved": False},
            {"device_model": MODEL, "version": "15.2.31", "approved": True},
        ],
        "foundry_device_models": [{"name": MODEL, "locked_build": "15.2.31", "confirm": True}],
    }
    predicted = world.must("tenant", options, check_mode=True)
    run = world.must("tenant", options)
    assert predicted.diff == run.diff
    bodies = [each["body"] for each in run.requests if each["method"] == "PUT"]
    assert bodies[0] == {"approved": True}
    assert bodies[1]["auto_update"] is True
    assert bodies[2] == {"approved": False}
    assert world.must("tenant", options).writes == []


def test_an_approval_stays_if_the_lock_cannot_be_moved(world: World) -> None:
    lock(world, auto_update=True, locked_build="15.2.30", confirm=True)
    options = {
        "foundry_builds": [{"device_model": MODEL, "version": "15.2.30", "approved": False}],
        "foundry_device_models": [{"name": MODEL, "locked_build": "15.2.29", "confirm": True}],
        "on_error": "continue",
    }
    world.simulator.fault(kind="status", status=403, method="PUT", path="/device-models/")
    run = world.run("tenant", options)
    assert [each.split("/")[3] for each in run.writes] == ["device-models"]
    assert "Depends on foundry_device_models[0] 'Example K10', which failed." in run.message


def test_objects_of_a_task_that_do_not_exist(world: World) -> None:
    run = world.run("tenant", {"foundry_builds": [{"device_model": MODEL, "version": "9.9.9", "approved": True}]})
    assert run.message.startswith(
        "1 of 1 objects failed. foundry_builds[0] 'Example K10 9.9.9': The Foundry build 'Example K10 9.9.9' was not"
    )
    assert run.writes == []


def test_an_export_restores_the_approval_of_a_build_that_esper_withdraws(world: World) -> None:
    withdrawn = [each for each in builds(world) if each["approved"] and each["state"] == "to_be_deprecated"]
    tree = world.folder / "tree"
    world.must("tenant_export", {"dest": str(tree), "kinds": ["foundry_build"]})
    exported = [yaml.safe_load(file.read_text()) for file in (tree / "foundry_builds").glob("*.yml")]
    assert sorted(each["device_model"] for each in exported if each.get("force")) == sorted(
        each["device_model"] for each in withdrawn
    )
    assert world.must("tenant", {"foundry_builds": exported}, check_mode=True).changed is False

    world.must("foundry_build", {"id": withdrawn[0]["id"], "approved": False})
    assert world.must("tenant", {"foundry_builds": exported}).changed
    assert [each["approved"] for each in builds(world) if each["id"] == withdrawn[0]["id"]] == [True]


# --- events -----------------------------------------------------------------------------------------------------------


def test_events_are_filtered_until_they_are_too_old(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foundry_event, "_PAGE_SIZE", 2)
    for approved in (True, False) * 2:
        approve(world, "15.2.31", approved=approved)
    lock(world, auto_update=True, confirm=True)

    def events(**options: t.Any) -> Run:
        return world.must("foundry_event_info", options)

    newest = events(limit=1)
    assert len(newest.requests) == 1
    event = newest.result["foundry_events"][0]
    assert (event["type"], event["device_model"]) == ("DEVICE_MODEL_UPDATED", MODEL)
    assert events(since=event["created_at"]).result["foundry_events"] == [event]
    assert events(resource=event["resource"]["id"].upper()).result["foundry_events"] == [event]
    assert len(events(limit=500).result["foundry_events"]) == 5
    for number in (1, 2):
        assert len(events(event_type="BUILD_APPROVED", limit=number).result["foundry_events"]) == number
    assert events(since="2999-01-01").result["foundry_events"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 0}, "The option limit is 0; the minimum is 1."),
        ({"since": "May"}, "The option since is not a date or a time: 'May'"),
        ({"resource": ""}, "The option resource is empty."),
    ],
)
def test_invalid_options_of_events(world: World, options: Row, message: str) -> None:
    run = world.run("foundry_event_info", options)
    assert message in run.message
    assert run.requests == []
