# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module rollout_plan with a simulated tenant: it sends GET requests only, and few of them."""

from __future__ import annotations

import json
import typing as t
from datetime import timedelta
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.times import format_utc, now, parse_time
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

KIOSKS = "Retail Kiosk"
APP = {"package_name": "com.example.kiosk", "version_name": "1.2.0"}
TILL = {"package_name": "com.example.till", "version_name": "1.9.1"}
PILOT, TENTH, REST = (
    {"name": "Pilot", "groups": ["Stores"], "allow_empty": True},
    {"name": "A tenth", "percent": 40},
    {"name": "The rest", "percent": 100},
)


@pytest.fixture
def fleet(world: World) -> World:
    """A tenant with 60 devices."""
    world.simulator.reset(devices=60, groups=8, tags=100)
    world._seen = 0
    return world


@pytest.fixture
def path(world: World) -> Path:
    return world.folder / "rollout.json"


def options_of(world: World, **options: t.Any) -> Row:
    known = {
        "blueprints": [KIOSKS],
        "app": APP,
        "waves": [PILOT, TENTH, REST],
        "state_path": str(world.folder / "rollout.json"),
        "run_id": "one",
    }
    return {key: value for key, value in {**known, **options}.items() if value is not None}


def plan(world: World, *, check_mode: bool = False, **options: t.Any) -> Row:
    run = world.must("rollout_plan", options_of(world, **options), check_mode=check_mode)
    assert run.writes == []
    assert not run.changed
    return run.result


def error(world: World, **options: t.Any) -> str:
    run = world.run("rollout_plan", options_of(world, **options))
    assert run.failed
    assert run.writes == []
    return run.message


def publish(world: World, version_name: str = "1.2.0") -> None:
    settings = {"android": {"apps": [{**APP, "version_name": version_name}]}}
    world.must("blueprint", {"name": KIOSKS, "settings": settings, "publish": True})


def change(path: Path, **values: t.Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def set_wave(path: Path, index: int, **values: t.Any) -> None:
    state = json.loads(path.read_text())
    state["waves"][index] |= values
    path.write_text(json.dumps(state))


def kiosks(world: World) -> list[Row]:
    state = world.simulator.state(devices=True)
    blueprint = next(row["id"] for row in state["blueprints"] if row["name"] == KIOSKS)
    return [
        row
        for row in state["devices"]
        if row["blueprint_info"]["assigned_blueprint_id"] == blueprint and row["state"] != 20
    ]


# --- the waves --------------------------------------------------------------------------------------------------------


def test_check_mode_shows_the_waves_and_writes_nothing(fleet: World, path: Path) -> None:
    devices = kiosks(fleet)
    result = plan(fleet, check_mode=True)
    assert (result["step"], result["next"], result["is_published"]) == ("start", "Pilot", False)
    assert [row["name"] for row in result["waves"]] == ["Pilot", "A tenth", "The rest"]
    assert sum(row["devices"] for row in result["waves"]) == result["device_count"] == len(devices)
    assert sum(row["online"] for row in result["waves"]) == sum(row["state"] == 1 for row in devices)
    # Nobody runs a version that is not published.
    assert result["outdated_count"] == len(devices)
    assert sorted(name for row in result["waves"] for name in row["names"]) == sorted(row["name"] for row in devices)
    assert list(path.parent.iterdir()) == []
    assert plan(fleet, check_mode=True)["waves"] == result["waves"]


def test_groups_include_their_subgroups(fleet: World) -> None:
    groups = {row["id"]: row["path"] for row in fleet.simulator.state()["groups"]}
    expected = {row["name"] for row in kiosks(fleet) if f"{groups[row['group_id']]}/".startswith("All devices/Stores/")}
    assert expected
    for text in ("Stores", "All devices/Stores"):
        pilot = plan(fleet, waves=[{"name": "Pilot", "groups": [text]}, REST], check_mode=True)["waves"][0]
        assert set(pilot["names"]) == expected


def test_times_of_waves_are_in_the_time_zone(fleet: World) -> None:
    waves = [{**PILOT, "not_before": "2026-12-24 22:00", "soak": "2h"}, REST]
    pilot, rest = plan(fleet, waves=waves, timezone="Europe/Berlin", check_mode=True)["waves"]
    assert (pilot["not_before"], pilot["soak"]) == ("2026-12-24T21:00:00Z", 7200)
    assert (rest["not_before"], rest["soak"]) == (None, 0)


def test_tags_and_groups_take_one_list_each(fleet: World) -> None:
    state = fleet.simulator.state()
    tags = [row["tag"] for row in state["tags"]]
    groups = [row["path"] for row in state["groups"] if "/" in row["path"]]
    assert (len(tags), len(groups)) == (100, 8)
    waves = [
        *({"name": tag, "tags": [tag], "allow_empty": True} for tag in tags),
        *({"name": group, "groups": [group], "allow_empty": True} for group in groups),
        REST,
    ]
    run = fleet.must("rollout_plan", options_of(fleet, waves=waves))
    paths = [request["path"].rsplit("/", 2)[-2] for request in run.requests]
    assert sorted(paths).count("tags") == sorted(paths).count("devicegroup") == 1
    assert len(run.requests) <= 8


def test_requests_grow_with_the_pages_of_the_devices_only(fleet: World) -> None:
    few = fleet.must("rollout_plan", options_of(fleet), check_mode=True)
    fleet.simulator.reset(devices=8000, groups=8, tags=100)
    fleet._seen = 0
    many = fleet.must("rollout_plan", options_of(fleet), check_mode=True)
    pages = -(-many.result["device_count"] // 1000)
    assert pages > 1
    # Pages are read at the same time, so one more can show that the list did not change.
    assert len(many.requests) - len(few.requests) <= pages
    assert sum(row["devices"] for row in many.result["waves"]) == len(kiosks(fleet))


def test_all_errors_are_shown_at_once(fleet: World, path: Path) -> None:
    message = error(
        fleet,
        waves=[{"name": "A", "tags": ["kiosq"], "soak": "x"}, {"name": "A", "percent": 200}],
        health={"converged_percent": 101},
        windows=[{"days": ["x"]}],
        timezone="Europe/Berln",
        lease=5,
    )
    for part in (
        "waves[0].soak",
        "have the name 'A'",
        "waves[1].percent",
        "converged_percent",
        "windows[0]",
        "lease is 5",
    ):
        assert part in message
    assert "did you mean 'Europe/Berlin'?" in message
    message = error(
        fleet,
        waves=[
            {"name": "A", "tags": ["kiosq"]},
            {"name": "B", "groups": ["Storess", "Stores/Berln"]},
            {"name": "C", "devices": ["none"]},
        ],
    )
    assert "the tag 'kiosq' was not found (did you mean 'kiosk'?)" in message
    assert "The device group 'Storess' was not found (did you mean 'Stores'?)" in message
    assert "The device group 'Stores/Berln' was not found (did you mean" in message
    assert "the wave 'C' names 'none'" in message
    assert "blueprint 'Retail Kioskk' was not found" in error(fleet, blueprints=["Retail Kioskk", "Pos"])
    assert not path.exists()


def test_devices_in_no_wave_are_an_error(fleet: World) -> None:
    number = len(kiosks(fleet)) - plan(fleet, check_mode=True)["waves"][0]["devices"]
    assert f"{number} devices are in no wave" in error(fleet, waves=[PILOT])


def test_version_must_exist(fleet: World, path: Path) -> None:
    assert error(fleet, app=None, version="9").startswith("The version '9' was not found.")
    assert "health.app_version requires the option app" in error(
        fleet, app=None, version="1", health={"app_version": "1.2.0"}
    )
    assert not path.exists()


def test_tags_must_be_ids_if_the_tenant_does_not_return_their_names(fleet: World) -> None:
    fleet.simulator.fault(kind="status", status=403, method="GET", path="/tags/", times=None)
    waves = [{"name": "A", "tags": ["kiosk"], "allow_empty": True}, REST]
    assert "the tag 'kiosk' must be an ID" in error(fleet, waves=waves)
    tag = next(row["id"] for row in fleet.simulator.state()["tags"] if row["tag"] == "kiosk")
    waves[0]["tags"] = [tag.upper()]
    expected = sum(tag in row["tags"] for row in kiosks(fleet))
    assert plan(fleet, waves=waves)["waves"][0]["devices"] == expected


# --- the state --------------------------------------------------------------------------------------------------------


def test_earlier_version_is_saved_before_the_new_one_is_published(fleet: World, path: Path) -> None:
    first = plan(fleet)
    saved = json.loads(path.read_text())
    assert saved == first["rollout"]
    (blueprint,) = saved["blueprints"]
    assert (saved["status"], blueprint["former_number"], blueprint["new_version_id"]) == ("planned", 2, None)
    publish(fleet)
    second = plan(fleet, published=True)
    (blueprint,) = second["rollout"]["blueprints"]
    assert (second["step"], second["is_published"]) == ("continue", True)
    assert (second["rollout"]["status"], blueprint["former_number"], blueprint["new_number"]) == ("running", 2, 3)


def test_killed_after_publishing_the_next_run_records_the_version(fleet: World) -> None:
    plan(fleet)
    publish(fleet)
    again = plan(fleet)
    assert (again["step"], again["is_published"]) == ("continue", False)
    (blueprint,) = plan(fleet, published=True)["rollout"]["blueprints"]
    assert (blueprint["former_number"], blueprint["new_number"]) == (2, 3)


def test_version_that_was_published_before_the_rollout_has_an_earlier_one(fleet: World) -> None:
    publish(fleet)
    fleet.must("blueprint", {"name": KIOSKS, "description": "Same app", "publish": True})
    result = plan(fleet)
    (blueprint,) = result["rollout"]["blueprints"]
    assert (result["step"], result["is_published"]) == ("start", True)
    assert blueprint["former_number"] == 2
    assert blueprint["new_number"] > 2
    # Publishing changed nothing.
    assert plan(fleet, published=True)["rollout"]["blueprints"] == [blueprint]


def test_target_can_be_a_version_of_the_blueprint(fleet: World) -> None:
    result = plan(fleet, app=None, version="1")
    (blueprint,) = result["rollout"]["blueprints"]
    assert (result["is_published"], blueprint["former_number"]) == (False, 2)
    fleet.must("blueprint", {"name": KIOSKS, "version": "1", "publish": True})
    (blueprint,) = plan(fleet, app=None, version="1", published=True)["rollout"]["blueprints"]
    assert (blueprint["former_number"], blueprint["new_number"]) == (2, 3)
    # Version 3 has the settings of version 1, so nothing is left to publish without the state, either.
    (blueprint,) = plan(fleet, app=None, version="1", restart=True)["rollout"]["blueprints"]
    assert (blueprint["former_number"], blueprint["new_number"]) == (2, 3)


def test_tenant_in_the_desired_state_needs_no_rollout(fleet: World, path: Path) -> None:
    publish(fleet)
    fleet.must("converge", {"blueprints": [KIOSKS], "wait": True, "wait_for": "online"})
    online = [row["name"] for row in kiosks(fleet) if row["state"] == 1]
    waves = [{"name": "Online", "devices": online}, REST]
    # The other devices converge when they return.
    outdated = plan(fleet, waves=waves, check_mode=True)
    assert outdated["waves"][0]["outdated"] == 0
    assert (outdated["step"], outdated["outdated_count"]) == ("start", len(kiosks(fleet)) - len(online))
    fleet.simulator.change_devices(remove=[row["id"] for row in kiosks(fleet) if row["state"] != 1])
    result = plan(fleet, waves=[{"name": "Online", "devices": online}])
    assert (result["step"], result["next"], result["outdated_count"]) == ("done", None, 0)
    assert [row["status"] for row in result["waves"]] == ["passed"]
    assert not path.exists()


def test_waves_that_started_stay_the_first_ones(fleet: World, path: Path) -> None:
    first = plan(fleet)
    set_wave(path, 0, status="passed", counts={"done": 3})
    set_wave(path, 1, status="running")
    quarter = {"name": "More", "percent": 60}
    again = plan(fleet, waves=[PILOT, TENTH, quarter, REST])
    assert again["next"] == "A tenth"
    assert again["rollout"]["waves"][0]["counts"] == {"done": 3}
    assert [row["name"] for row in again["rollout"]["waves"]] == ["Pilot", "A tenth", "More", "The rest"]
    assert again["waves"][1]["names"] == first["waves"][1]["names"]
    assert error(fleet, waves=[TENTH, REST]) == (
        "The waves 'Pilot', 'A tenth' of the rollout started, so they must be the first ones in waves, in this order."
        " Change only later waves, or set restart to true to start again."
    )


def test_rollout_in_progress_goes_on_if_a_tag_does_not_exist_any_more(fleet: World) -> None:
    waves = [{"name": "Lab", "tags": ["kiosk"], "allow_empty": True}, REST]
    plan(fleet, waves=waves)
    for each in fleet.simulator._server._service.tenant.devices.values():
        each.document["tags"] = []
    run = fleet.must("rollout_plan", options_of(fleet, waves=waves))
    assert run.result["waves"][0]["devices"] == 0
    # A wave that the user changes is validated.
    waves[0]["tags"] = ["of nobody"]
    assert "the tag 'of nobody' was not found" in error(fleet, waves=waves)


def test_waves_that_change_during_a_rollout_are_validated(fleet: World, path: Path) -> None:
    lab = {"name": "Lab", "devices": [kiosks(fleet)[0]["name"]]}
    plan(fleet, waves=[lab, PILOT, TENTH, REST])
    set_wave(path, 0, status="passed")
    fleet.simulator.change_devices(remove=[kiosks(fleet)[0]["id"]])
    # The device of the first wave does not exist any more, which is no error.
    plan(fleet, waves=[lab, PILOT, TENTH, REST])
    message = error(fleet, waves=[lab, {"name": "New", "groups": ["Storess"]}, REST])
    assert "The device group 'Storess' was not found" in message
    assert "Lab" not in message
    assert "in no wave" in error(fleet, waves=[lab, PILOT, TENTH])
    assert "the wave 'Typo' names 'none'" in error(fleet, waves=[lab, {"name": "Typo", "devices": ["none"]}, REST])


@pytest.mark.parametrize("change_", [{"percent": 90}, {"tags": ["kiosk"], "allow_empty": True}])
def test_wave_that_started_keeps_its_selectors(fleet: World, path: Path, change_: Row) -> None:
    plan(fleet)
    saved = {**TENTH, **change_}
    plan(fleet, waves=[PILOT, saved, REST])
    set_wave(path, 0, status="passed")
    set_wave(path, 1, status="running")
    before = json.loads(path.read_text())["waves"]
    assert error(fleet) == (
        "The selectors of 'A tenth' changed, but the wave started. Restore them, and select other devices in a later"
        " wave, or set restart to true to start again."
    )
    assert json.loads(path.read_text())["waves"] == before
    assert plan(fleet, waves=[PILOT, {**saved, "soak": "1h"}, REST])["step"] == "continue"


def test_only_a_version_with_the_target_is_recorded(fleet: World, path: Path) -> None:
    plan(fleet)
    # Nothing was published, or something else.
    expected = "does not have com.example.kiosk 1.2.0. Publish a version that has it, and record it again."
    assert expected in error(fleet, published=True)
    publish(fleet, "1.0.0")
    assert expected in error(fleet, published=True)
    assert json.loads(path.read_text())["blueprints"][0]["new_version_id"] is None
    publish(fleet)
    plan(fleet, published=True)
    plan(fleet, direction="back")
    assert "is still 4, that of the rollout. Publish the earlier version first." in error(fleet, published=True)


def test_complete_blueprint_does_not_go_back(fleet: World, path: Path) -> None:
    publish(fleet)
    state = fleet.simulator.state(devices=True)
    blueprint = next(row for row in state["blueprints"] if row["name"] == KIOSKS)
    tenant = fleet.simulator._server._service.tenant
    current = {
        "current_blueprint_id": blueprint["id"],
        "current_blueprint_version_id": blueprint["latest_published_version_id"],
    }
    devices = [tenant.devices[row["id"]] for row in kiosks(fleet)]
    for device in devices[1:]:
        tenant.change_device(device, blueprint_info={**device.document["blueprint_info"], **current})
    both = [KIOSKS, "Point of Sale"]
    # One device is outdated, so the version can be that of a run whose state is lost.
    run = fleet.must("rollout_plan", options_of(fleet, blueprints=both), check_mode=True)
    assert [row["kept"] for row in run.result["rollout"]["blueprints"]] == [False, False]
    assert run.warnings == [
        "The blueprint 'Retail Kiosk' already has com.example.kiosk 1.2.0: its version 3 is published, but not all"
        " devices run it. If the rollout goes back, all of them get the settings of version 2."
    ]
    tenant.change_device(devices[0], blueprint_info={**devices[0].document["blueprint_info"], **current})
    kept, other = plan(fleet, blueprints=both)["rollout"]["blueprints"]
    assert (kept["kept"], other["kept"], other["new_number"]) == (True, False, None)
    fleet.must("blueprint", {"name": "Point of Sale", "settings": {"android": {"apps": [APP]}}, "publish": True})
    plan(fleet, blueprints=both, published=True)
    kept, other = plan(fleet, blueprints=both, direction="back")["rollout"]["blueprints"]
    assert (kept["restored_number"], other["restored_number"]) == (3, None)
    fleet.must("blueprint", {"name": "Point of Sale", "version": other["former_version_id"], "publish": True})
    kept, other = plan(fleet, blueprints=both, published=True)["rollout"]["blueprints"]
    assert (kept["restored_number"], other["restored_number"]) == (3, other["new_number"] + 1)


def test_drafts_of_others_are_not_published(fleet: World, path: Path) -> None:
    fleet.must("blueprint", {"name": KIOSKS, "settings": {"android": {"apps": [TILL]}}})
    expected = (
        "The blueprint 'Retail Kiosk' has a draft after its published version 2, which the rollout would publish too."
        " Publish the draft, or publish version 2 again to discard it."
    )
    assert expected in error(fleet)
    assert not path.exists()
    # A version that exists is published without the draft.
    plan(fleet, app=None, version="1", check_mode=True)
    fleet.must("blueprint", {"name": KIOSKS, "version": "2"})
    plan(fleet, check_mode=True)
    # A draft with the app version is one for the rollout.
    fleet.must("blueprint", {"name": KIOSKS, "settings": {"android": {"apps": [APP]}}})
    assert plan(fleet)["step"] == "start"


def test_app_version_that_does_not_exist_is_shown_before_the_first_change(fleet: World) -> None:
    assert plan(fleet, check_mode=True)["missing_app"] is None
    typo = plan(fleet, app={**APP, "version_name": "1.2.1"}, check_mode=True)["missing_app"]
    assert typo.startswith("The version '1.2.1' was not found. Did you mean '1.2.0'")
    assert "com.example.kiosc" in plan(fleet, app={**APP, "package_name": "com.example.kiosc"})["missing_app"]
    # The next run shows it too.
    assert "com.example.kiosc" in plan(fleet, app={**APP, "package_name": "com.example.kiosc"})["missing_app"]


def test_code_of_a_version_counts(fleet: World) -> None:
    publish(fleet)
    service = fleet.simulator._server._service
    apps = service.tenant.objects["applications"].values()
    app = next(each for each in apps if each["package_name"] == APP["package_name"])
    code = next(each["build_number"] for each in app["versions"] if each["version_code"] == "1.2.0")
    assert plan(fleet, app={**APP, "version_code": code}, check_mode=True)["is_published"]
    other = plan(fleet, app={**APP, "version_code": "77"}, check_mode=True)
    assert not other["is_published"]
    assert other["missing_app"] == f"com.example.kiosk 1.2.0 (77) was not found. The version has the codes {code}."


def test_foreign_version_is_noticed(fleet: World) -> None:
    plan(fleet)
    publish(fleet)
    plan(fleet, published=True)
    publish(fleet, "1.0.0")
    expected = (
        "Another version of the blueprint 'Retail Kiosk' was published during the rollout: the latest is 4, that of the"
        " rollout is 3. Find out who published it. Then set restart to true to start again."
    )
    assert error(fleet) == expected
    assert error(fleet, published=True) == expected


def test_completed_rollout_is_done_until_another_version_is_published(fleet: World, path: Path) -> None:
    plan(fleet)
    publish(fleet)
    plan(fleet, published=True)
    change(path, status="completed")
    before = path.read_text()
    result = plan(fleet)
    assert (result["step"], result["next"]) == ("done", None)
    assert json.loads(path.read_text())["waves"] == json.loads(before)["waves"]
    # The run ends here, so the next one need not wait.
    assert plan(fleet, run_id="two")["step"] == "done"
    plan(fleet)
    publish(fleet, "1.0.0")
    again = plan(fleet)
    assert (again["step"], again["rollout"]["blueprints"][0]["former_number"]) == ("start", 4)
    assert again["rollout"]["id"] != result["rollout"]["id"]


def test_other_rollout_replaces_one_that_is_over_only(fleet: World, path: Path) -> None:
    typo = plan(fleet, app={**APP, "version_name": "1.2.1"})
    # Nothing was published, so there is nothing to complete.
    first = plan(fleet)
    assert first["rollout"]["id"] != typo["rollout"]["id"]
    publish(fleet)
    # The run was killed before it recorded the version.
    message = error(fleet, app={**APP, "version_name": "1.0.0"})
    assert message.startswith(
        "Another rollout is planned: its version is com.example.kiosk 1.2.0, that of the task com.example.kiosk 1.0.0."
    )
    change(path, status="reverted")
    second = plan(fleet, app={**APP, "version_name": "1.0.0"})
    assert second["step"] == "start"
    assert second["rollout"]["id"] != first["rollout"]["id"]
    third = plan(fleet, restart=True)
    assert (third["step"], third["rollout"]["target"]) == ("start", {"app": APP})


def test_records_need_no_devices(fleet: World) -> None:
    plan(fleet)
    publish(fleet)
    for options in ({"published": True}, {"direction": "back"}):
        run = fleet.must("rollout_plan", options_of(fleet, **options))
        assert not [each for each in run.requests if "device" in each["path"]]


def test_check_mode_is_shown(fleet: World) -> None:
    assert plan(fleet, check_mode=True)["is_predicted"]
    assert not plan(fleet)["is_predicted"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blueprints": []}, "blueprints"),
        ({"blueprints": [""]}, "blueprints"),
        ({"blueprints": [None]}, "blueprints"),
        ({"waves": []}, "waves is empty"),
        ({"waves": [{"name": "", "percent": 100}]}, "name"),
        ({"waves": [{"name": "A"}]}, "selects no device"),
        ({"waves": [{"name": "A", "tags": []}]}, "waves[0].tags is empty"),
        ({"waves": [{"name": "A", "tags": [""]}]}, "tags"),
        ({"waves": [{"name": "A", "percent": ""}]}, "percent"),
        # Without the percentage, the wave has all devices of the group.
        ({"waves": [{"name": "A", "groups": ["Stores"], "percent": None}, REST]}, "waves[0].percent is null"),
        ({"waves": [{"name": "A", "percent": 101}]}, "percent"),
        ({"waves": [{"name": "A", "percent": -1}]}, "percent"),
        ({"waves": [{"name": "A", "percent": 0}]}, "in no wave"),
        ({"waves": [{"nam": "A", "percent": 100}]}, "nam"),
        ({"waves": [{"name": "A", "percnt": 100}]}, "percnt"),
        ({"waves": [{"name": "A", "percent": 100, "concurrency": 0}]}, "concurrency"),
        ({"health": {"converged_percnt": 95}}, "converged_percnt"),
        ({"health": {"max_failed_percent": None}}, "health.max_failed_percent is null"),
        ({"app": {**APP, "version_name": ""}}, "version_name"),
        ({"app": {}}, "package_name"),
        ({"version": "1"}, "app|version"),
        ({"app": None, "version": ""}, "version"),
        ({"state_path": ""}, "state_path"),
        ({"windows": [{"day": ["mon"]}]}, "day"),
        ({"windows": [{"days": None}]}, "windows[0].days is null"),
        ({"windows": [{"from": "22:00", "to": None}]}, "windows[0].to is null"),
    ],
)
def test_careless_options_are_an_error(fleet: World, options: Row, message: str) -> None:
    assert message in error(fleet, **options)
    assert not (fleet.folder / "rollout.json").exists()


def test_the_waves_are_unknown_if_another_task_of_check_mode_creates_a_group(fleet: World) -> None:
    run = fleet.must("rollout_plan", options_of(fleet, waves=[{"name": "New", "groups": None}, REST]), check_mode=True)
    assert (run.result["step"], run.result["waves"], run.result["rollout"]) == (None, [], {})
    assert run.result["is_predicted"]
    assert run.requests == []


def test_a_run_that_failed_is_released_without_requests(fleet: World, path: Path) -> None:
    plan(fleet, lease=3600)
    assert parse_time(json.loads(path.read_text())["lease"]["until"]) > now()
    run = fleet.must("rollout_plan", options_of(fleet, lease=3600, release_only=True))
    assert run.requests == []
    assert parse_time(json.loads(path.read_text())["lease"]["until"]) <= now()
    # Another run need not wait an hour.
    assert plan(fleet, run_id="two")["step"] == "continue"


def test_a_run_shows_that_it_waits_for_the_lease_of_another_one(fleet: World, path: Path) -> None:
    plan(fleet)
    change(path, lease={"run": "one", "until": format_utc(now() + timedelta(hours=1))})
    # Clients of tests do not wait.
    run = fleet.run("rollout_plan", options_of(fleet, run_id="two"))
    assert "Another run works" in run.message
    assert any("end of its lease" in sentence for sentence in run.progress)


def test_going_back(fleet: World, path: Path) -> None:
    plan(fleet)
    publish(fleet)
    plan(fleet, published=True)
    back = plan(fleet, direction="back", reason="Too many are offline.")
    assert (back["step"], back["next"]) == ("revert", None)
    assert json.loads(path.read_text())["status"] == "reverting"
    # The next run goes on with it.
    assert plan(fleet)["step"] == "revert"
    former = back["rollout"]["blueprints"][0]["former_version_id"]
    fleet.must("blueprint", {"name": KIOSKS, "version": former, "publish": True})
    after = plan(fleet, published=True)
    (blueprint,) = after["rollout"]["blueprints"]
    assert after["step"] == "revert"
    assert (blueprint["former_number"], blueprint["new_number"], blueprint["restored_number"]) == (2, 3, 4)
    change(path, status="reverted")
    assert error(fleet) == (
        "The rollout of com.example.kiosk 1.2.0 went back: Too many are offline. Roll out another version, or set"
        " restart to true to try this one again."
    )
    again = plan(fleet, restart=True)
    assert again["rollout"]["blueprints"][0]["former_number"] == 4


def test_no_way_back_without_an_earlier_version(fleet: World, path: Path) -> None:
    plan(fleet)
    state = json.loads(path.read_text())
    state["blueprints"][0]["former_version_id"] = None
    change(path, blueprints=state["blueprints"])
    assert error(fleet, direction="back").startswith("Cannot go back: no other version of 'Retail Kiosk' was published")
    path.unlink()
    assert error(fleet, published=True).startswith("There is no state of a rollout.")


def test_two_runs_at_once(fleet: World, path: Path) -> None:
    plan(fleet)
    assert "Another run works on the rollout" in error(fleet, run_id="two")
    plan(fleet, release=True)
    assert plan(fleet, run_id="two")["rollout"]["lease"]["run"] == "two"
    assert error(fleet, published=True).startswith(f"Another run took over the rollout in '{path}'")


def test_task_that_fails_does_not_keep_the_lease(fleet: World) -> None:
    plan(fleet, release=True)
    error(fleet, run_id="two", waves=[TENTH], app={**APP, "version_name": "9"})
    assert plan(fleet, run_id="three")["step"] == "continue"


def test_state_as_data(fleet: World) -> None:
    first = plan(fleet, state_path=None, state={}, run_id=None)
    assert first["run_id"]
    publish(fleet)
    second = plan(fleet, state_path=None, state=first["rollout"], published=True)
    assert second["rollout"]["status"] == "running"
    assert list(fleet.folder.iterdir()) == []


def test_progress_has_the_number_of_devices(fleet: World) -> None:
    run: Run = fleet.must("rollout_plan", options_of(fleet))
    assert any("devices" in sentence for sentence in run.progress)
