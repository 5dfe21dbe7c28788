# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accepted deviations of the module tenant: differences that plans leave alone."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]
ORIENTATION = "settings.android.screen_orientation_settings.orientation_type"


def board(orientation: str, description: str = "Own", **android: t.Any) -> Row:
    """Return the options of a blueprint."""
    settings = {"screen_orientation_settings": {"orientation_type": orientation}, **android}
    return {"name": "Pilot", "description": description, "settings": {"android": settings}}


def deviation(field: str | None = None, kind: str = "blueprints", name: str = "Pilot", **values: t.Any) -> Row:
    path = {} if field is None else {"field": field}
    return {"kind": kind, "name": name, **path, "reason": "Test in Berlin", **values}


def planned(world: World, options: Row) -> Run:
    """Return the outcome of a task, which check mode predicts."""
    predicted, actual = world.must("tenant", options, check_mode=True), world.must("tenant", options)
    assert predicted.writes == []
    for key in ("objects", "accepted_deviations", "counts", "plan_checksum"):
        assert predicted.result[key] == actual.result[key]
    return actual


def current(world: World) -> Row:
    """Return the description and the orientation of the blueprint."""
    row = world.must("blueprint_info", {"name": "Pilot"}).result["blueprints"][0]
    settings = row["settings"]["android"]["screen_orientation_settings"]
    return {"description": row["description"], "orientation": settings["orientation_type"]}


@pytest.fixture
def pilot(world: World) -> World:
    """A tenant with a blueprint."""
    world.must("blueprint", board("PORTRAIT"))
    return world


def test_an_accepted_difference_is_left_alone(pilot: World) -> None:
    options = {"blueprints": [board("LANDSCAPE")], "accepted_deviations": [deviation(ORIENTATION, until="2999-12-31")]}
    run = planned(pilot, options)
    record = run.result["objects"][0]
    assert (record["action"], record["changes"], run.writes, run.changed) == ("unchanged", [], [], False)
    assert record["accepted"] == [
        {
            "field": ORIENTATION,
            "before": "PORTRAIT",
            "after": "LANDSCAPE",
            "reason": "Test in Berlin",
            "until": "2999-12-31",
        }
    ]
    assert [each["status"] for each in run.result["accepted_deviations"]] == ["active"]
    assert current(pilot)["orientation"] == "PORTRAIT"


@pytest.mark.parametrize("field", [ORIENTATION, "settings.android.screen_orientation_settings", "settings"])
@pytest.mark.parametrize("exact", [False, True])
def test_other_fields_are_changed(pilot: World, field: str, exact: bool) -> None:
    options = {
        "blueprints": [{**board("LANDSCAPE", "Changed"), "exact": exact}],
        "accepted_deviations": [deviation(field)],
    }
    run = planned(pilot, options)
    record = run.result["objects"][0]
    assert [each["path"] for each in record["changes"]] == ["description"]
    assert [each["field"] for each in record["accepted"]] == [ORIENTATION]
    assert current(pilot) == {"description": "Changed", "orientation": "PORTRAIT"}
    assert not planned(pilot, options).changed


def test_a_similar_path_is_not_accepted(pilot: World) -> None:
    run = planned(pilot, {"blueprints": [board("PORTRAIT", "New")], "accepted_deviations": [deviation("settings")]})
    assert run.result["objects"][0]["action"] == "updated"
    assert [each["status"] for each in run.result["accepted_deviations"]] == ["unused"]


def test_an_item_of_a_list_is_left_alone(pilot: World) -> None:
    for name in ("one.txt", "two.txt", "three.txt"):
        (pilot.folder / name).write_text(name, encoding="utf-8")
        pilot.must("content", {"src": str(pilot.folder / name)})

    def files(**paths: str) -> list[Row]:
        return [{"content": f"{name}.txt", "destination_path": path} for name, path in paths.items()]

    pilot.must("blueprint", board("PORTRAIT", files=files(one="/sdcard/1", two="/sdcard/2")))
    desired = {**board("PORTRAIT", files=files(one="/sdcard/x", three="/sdcard/3")), "exact": True}
    accepted = [deviation("settings.android.files[two.txt]"), deviation("settings.android.files[three.txt]")]
    run = planned(pilot, {"blueprints": [desired], "accepted_deviations": accepted})
    record = run.result["objects"][0]
    assert [each["path"] for each in record["changes"]] == ["settings.android.files[one.txt].destination_path"]
    row = pilot.must("blueprint_info", {"name": "Pilot"}).result["blueprints"][0]
    found = {each["content"]: each["destination_path"] for each in row["settings"]["android"]["files"]}
    assert found == {"one.txt": "/sdcard/x", "two.txt": "/sdcard/2"}


def test_a_whole_object_is_left_alone(pilot: World) -> None:
    options = {"blueprints": [board("LANDSCAPE", "Changed")], "accepted_deviations": [deviation()]}
    run = planned(pilot, options)
    assert not run.changed
    assert {each["field"] for each in run.result["objects"][0]["accepted"]} == {"description", ORIENTATION}
    assert current(pilot) == {"description": "Own", "orientation": "PORTRAIT"}


def test_a_missing_object_is_left_alone(world: World) -> None:
    run = planned(world, {"blueprints": [board("PORTRAIT")], "accepted_deviations": [deviation()]})
    record = run.result["objects"][0]
    assert (record["action"], record["id"], run.writes) == ("unchanged", None, [])
    assert [each["field"] for each in record["accepted"]] == [None]
    assert world.must("blueprint_info", {"name": "Pilot"}).result["blueprints"] == []


def test_a_deletion_is_left_alone(pilot: World) -> None:
    absent = {"name": "Pilot", "state": "absent"}
    run = planned(pilot, {"blueprints": [absent], "accepted_deviations": [deviation()]})
    assert (run.changed, run.result["objects"][0]["action"]) == (False, "unchanged")
    assert current(pilot)["description"] == "Own"


def test_an_extra_object_is_kept(pilot: World) -> None:
    options = {
        "blueprints": [{"name": "Other"}],
        "prune": [{"kind": "blueprints", "names": ["Pilot", "Other"]}],
        "accepted_deviations": [deviation(until="2999-12-31")],
    }
    run = pilot.must("tenant", options)
    row = next(each for each in run.result["not_in_tree"] if each["name"] == "Pilot")
    assert (row["action"], row["reason"]) == ("kept", "Accepted deviation: Test in Berlin (until 2999-12-31)")
    assert [each["status"] for each in run.result["accepted_deviations"]] == ["active"]


def test_an_expired_deviation_comes_back(pilot: World) -> None:
    expired = deviation(ORIENTATION, until="2026-01-01")
    run = planned(pilot, {"blueprints": [board("LANDSCAPE")], "accepted_deviations": [expired]})
    assert run.changed
    assert [each["status"] for each in run.result["accepted_deviations"]] == ["expired"]
    label = f"The accepted deviation of {ORIENTATION} of the blueprint 'Pilot' expired after 2026-01-01: Test in Berlin"
    assert label in run.warnings
    assert current(pilot)["orientation"] == "LANDSCAPE"


def test_a_replacement_is_not_applied_in_part(world: World) -> None:
    """A content file with other bytes is replaced as a whole, so one of its values cannot stay."""
    file = world.folder / "pilot.txt"
    for text in ("one", "three"):
        file.write_text(text, encoding="utf-8")
        options = {"contents": [{"src": str(file)}]}
        run = world.run("tenant", {**options, "accepted_deviations": [deviation("size", "content", "pilot.txt")]})
    assert "Cannot leave size alone as an accepted deviation while other values change." in run.message
    assert run.writes == []
    whole = [deviation(None, "content", "pilot.txt")]
    assert not world.must("tenant", {**options, "accepted_deviations": whole}).changed


def test_secrets_are_not_sent_back(world: World) -> None:
    """The hidden text of a secret must not become its value."""
    settings = {"kiosk_mode": True, "settings_app_password": "secret-of-the-pilot"}
    world.must("enterprise_policy", {"name": "Pilot", "settings": settings})
    changed = {"name": "Pilot", "description": "New", "settings": {**settings, "kiosk_mode": False}}
    accepted = [deviation("settings.kiosk_mode", "enterprise_policy")]
    run = world.must("tenant", {"enterprise_policies": [changed], "accepted_deviations": accepted})
    bodies = [each["body"] for each in run.requests if each["method"] != "GET"]
    assert bodies
    assert "(not shown)" not in repr(bodies)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "blueprintz"}, "accepted_deviations[0]: invalid kind 'blueprintz'."),
        ({"reason": " "}, "accepted_deviations[0]: reason is empty."),
        ({"field": "descripton"}, "the blueprint has no field 'descripton'."),
        ({"until": "tomorrow"}, "until is no date: 'tomorrow'."),
        ({"until": "20261231"}, "until is no date: '20261231'."),
    ],
)
def test_invalid_deviations_fail_before_any_request(world: World, values: Row, message: str) -> None:
    run = world.run("tenant", {"accepted_deviations": [{**deviation(), **values}]})
    assert message in run.message
    assert run.requests == []


def test_a_deviation_is_listed_once(world: World) -> None:
    run = world.run("tenant", {"accepted_deviations": [deviation(), deviation(kind="blueprint")]})
    assert "accepted_deviations[1]: the blueprint 'Pilot' is listed twice." in run.message
