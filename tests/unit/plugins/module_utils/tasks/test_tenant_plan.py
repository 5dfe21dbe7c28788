# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of the module tenant as data: its changes, its checksum, and the comparison with a reviewed plan."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]
PASSWORD = "secret-of-the-plan"


def board(orientation: str = "PORTRAIT", **values: t.Any) -> Row:
    """Return the options of a blueprint."""
    settings = {"screen_orientation_settings": {"orientation_type": orientation}}
    return {"name": "Plan board", "settings": {"android": settings}, **values}


def policy(**settings: t.Any) -> Row:
    """Return the options of a policy with a secret."""
    return {"name": "Plan policy", "settings": {"kiosk_mode": True, **settings}}


def changes_of(run: Run, name: str) -> list[Row]:
    """Return the changes of the object with a name."""
    rows: list[Row] = next(row["changes"] for row in run.result["objects"] if row["name"] == name)
    return rows


def checksum(world: World, options: Row) -> str:
    """Return the checksum that check mode returns."""
    return str(world.must("tenant", options, check_mode=True).result["plan_checksum"])


def test_changes_are_field_by_field(world: World) -> None:
    created = world.must("tenant", {"blueprints": [board(description="One")]})
    paths = {each["path"]: each for each in changes_of(created, "Plan board")}
    assert paths["description"] == {"path": "description", "before": None, "after": "One"}
    run = world.must("tenant", {"blueprints": [board("LANDSCAPE", description="Two")]})
    assert changes_of(run, "Plan board") == [
        {"path": "description", "before": "One", "after": "Two"},
        {
            "path": "settings.android.screen_orientation_settings.orientation_type",
            "before": "PORTRAIT",
            "after": "LANDSCAPE",
        },
    ]
    assert run.result["objects"][0]["fields"] == ["description", "settings"]
    assert changes_of(world.must("tenant", {"blueprints": [board("LANDSCAPE")]}), "Plan board") == []


def test_changes_of_a_list_have_the_keys_of_its_items(world: World) -> None:
    for name in ("one.txt", "two.txt"):
        (world.folder / name).write_text(name, encoding="utf-8")
        world.must("content", {"src": str(world.folder / name)})
    files = [{"content": name, "destination_path": f"/sdcard/{name}"} for name in ("one.txt", "two.txt")]
    world.must("blueprint", {"name": "Plan board", "settings": {"android": {"files": files}}})
    files[1]["destination_path"] = "/sdcard/other.txt"
    run = world.must("tenant", {"blueprints": [{"name": "Plan board", "settings": {"android": {"files": files}}}]})
    path = "settings.android.files[two.txt].destination_path"
    assert changes_of(run, "Plan board") == [{"path": path, "before": "/sdcard/two.txt", "after": "/sdcard/other.txt"}]


def test_changes_of_other_objects_have_their_titles(world: World) -> None:
    group = {"path": "Plan/Below", "create_parents": True}
    rows = changes_of(world.must("tenant", {"device_groups": [group]}), "All devices/Plan/Below")
    assert {(each["path"], each.get("object")) for each in rows} == {
        ("name", "device group All devices/Plan"),
        ("path", "device group All devices/Plan"),
        ("name", None),
        ("path", None),
    }


def test_changes_hide_secrets(world: World) -> None:
    run = world.must("tenant", {"enterprise_policies": [policy(settings_app_password=PASSWORD)]})
    secret = [each for each in changes_of(run, "Plan policy") if "password" in str(each)]
    assert "(not shown)" in repr(secret)
    assert PASSWORD not in run.shown


def test_the_checksum_is_that_of_the_changes(world: World) -> None:
    options = {"blueprints": [board()], "roles": [{"name": "Plan role", "scopes": ["read:device"]}]}
    one = checksum(world, options)
    assert checksum(world, options) == one
    assert checksum(world, {**options, "roles": []}) != one
    assert checksum(world, {**options, "blueprints": [board("LANDSCAPE")]}) != one
    other_order = {"roles": [{"scopes": ["read:device"], "name": "Plan role"}], "blueprints": [board()]}
    assert checksum(world, other_order) == one
    assert world.must("tenant", options).result["plan_checksum"] == one
    empty = checksum(world, options)
    assert empty == checksum(world, {})
    assert checksum(world, {**options, "on_error": "continue"}) == empty


def test_the_checksum_has_no_ids(world: World) -> None:
    """An object that is deleted and created again has another ID, and the same change."""
    role = {"name": "Plan role", "scopes": ["read:device"]}
    change = {"roles": [{"name": "Plan role", "scopes": ["update:device:group"]}]}
    found = []
    for _run in range(2):
        world.must("role", role)
        found.append(world.must("tenant", change, check_mode=True))
        world.must("role", {"name": "Plan role", "state": "absent"})
    ids = [run.result["objects"][0]["id"] for run in found]
    assert ids[0] != ids[1]
    assert found[0].result["plan_checksum"] == found[1].result["plan_checksum"]


def test_the_checksum_has_the_bytes_of_files(world: World) -> None:
    file = world.folder / "plan.txt"
    options = {"contents": [{"src": str(file)}]}
    found = []
    for text in ("one", "two"):
        file.write_text(text, encoding="utf-8")
        found.append(checksum(world, options))
    assert found[0] != found[1]


def test_a_secret_counts_only_as_changed(world: World) -> None:
    with_secret = [checksum(world, {"enterprise_policies": [policy(settings_app_password=each)]}) for each in "ab"]
    assert with_secret[0] == with_secret[1]
    assert checksum(world, {"enterprise_policies": [policy()]}) != with_secret[0]


def test_no_checksum_without_a_plan(world: World) -> None:
    assert world.run("tenant", {"roles": [{"id": "deadbeef-0000-4000-8000-00000000beef"}]}).failed
    run = world.run("tenant", {"roles": [{"id": "deadbeef-0000-4000-8000-00000000beef"}]})
    assert run.result["plan_checksum"] is None


@pytest.fixture
def reviewed(world: World) -> Row:
    """The options of a task with a reviewed plan: a blueprint to change, and a role to create."""
    world.must("blueprint", board(description="One"))
    options = {
        "blueprints": [board("LANDSCAPE", description="Two")],
        "roles": [{"name": "Plan role", "scopes": ["read:device"]}],
        "enterprise_policies": [policy(settings_app_password=PASSWORD)],
    }
    path = str(world.folder / "plan.json")
    run = world.must("tenant", {**options, "plan_dest": path}, check_mode=True)
    assert run.writes == []
    return {**options, "reviewed_plan": path, "plan_checksum": run.result["plan_checksum"]}


def test_the_plan_in_a_file_has_no_secrets(world: World, reviewed: Row) -> None:
    file = Path(reviewed["reviewed_plan"])
    text = file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in text
    plan = json.loads(text)
    assert plan["plan_checksum"] == reviewed["plan_checksum"]
    assert [(each["kind"], each["action"]) for each in plan["changes"]] == [
        ("blueprint", "updated"),
        ("enterprise_policy", "created"),
        ("role", "created"),
    ]


def test_the_reviewed_plan_is_applied(world: World, reviewed: Row) -> None:
    run = world.must("tenant", reviewed)
    assert run.result["counts"]["created"] == 2
    assert run.result["plan_checksum"] == reviewed["plan_checksum"]
    # The changes are applied, so the plan of the next run is another one.
    again = world.run("tenant", reviewed)
    assert again.failed
    assert "blueprint 'Plan board' is unchanged, not updated" in again.message
    assert again.writes == []


def refusal(world: World, options: Row) -> Run:
    """Return the outcome of a task whose plan is not the reviewed one, in check mode and in a run."""
    predicted, run = world.run("tenant", options, check_mode=True), world.run("tenant", options)
    for each in (predicted, run):
        assert each.failed
        assert each.writes == []
        assert not each.changed
    assert predicted.message == run.message
    assert {row["action"] for row in run.result["objects"]} <= {"skipped", "unchanged"}
    return run


def test_a_change_in_the_tenant_fails_by_name(world: World, reviewed: Row) -> None:
    world.must("blueprint", board(description="By hand"))
    run = refusal(world, reviewed)
    assert run.message == (
        "The plan is not the reviewed plan, so nothing was changed: description of the blueprint 'Plan board' is"
        ' "By hand", not "One". Review the new plan.'
    )
    assert run.result["plan_differences"] == [
        {
            "kind": "blueprint",
            "name": "Plan board",
            "path": "description",
            "reviewed": {"before": "One", "after": "Two"},
            "current": {"before": "By hand", "after": "Two"},
        }
    ]


def test_each_kind_of_difference_is_named(world: World, reviewed: Row) -> None:
    world.must("role", {"name": "Plan role", "scopes": ["update:device:group"]})
    world.must("blueprint", board("LANDSCAPE", description="One"))
    options = {**reviewed, "device_groups": [{"path": "Plan"}], "enterprise_policies": []}
    del options["plan_checksum"]
    run = refusal(world, options)
    for text in (
        "device_group 'All devices/Plan' is created, not unchanged",
        "role 'Plan role' is updated, not created",
        "enterprise_policy 'Plan policy' is unchanged, not created",
        "settings.android.screen_orientation_settings.orientation_type of the blueprint 'Plan board' does not change",
    ):
        assert text in run.message


def test_other_bytes_of_a_file_are_named(world: World) -> None:
    file, plan = world.folder / "plan.txt", str(world.folder / "plan.json")
    file.write_text("one", encoding="utf-8")
    options = {"contents": [{"src": str(file)}]}
    world.must("tenant", {**options, "plan_dest": plan}, check_mode=True)
    file.write_text("two", encoding="utf-8")
    run = refusal(world, {**options, "reviewed_plan": plan})
    assert "the file of the content 'plan.txt' has other bytes" in run.message


def test_another_checksum_lists_the_current_changes(world: World, reviewed: Row) -> None:
    world.must("blueprint", board(description="By hand"))
    run = refusal(world, {key: value for key, value in reviewed.items() if key != "reviewed_plan"})
    assert f"not {reviewed['plan_checksum']}. The plan now: updated blueprint 'Plan board'" in run.message
    assert "plan_differences" not in run.result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "Cannot read the reviewed plan"),
        ("{", "is no plan. Write one with plan_dest."),
        ('{"changes": [1]}', "is no plan. Write one with plan_dest."),
        ('{"changes": [], "plan_checksum": "0"}', "does not have its checksum, so it was edited."),
    ],
)
def test_an_invalid_plan_fails(world: World, text: str | None, message: str) -> None:
    file = world.folder / "plan.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    run = world.run("tenant", {"device_groups": [{"path": "Plan"}], "reviewed_plan": str(file)})
    assert message in run.message
    assert run.writes == []


def test_a_plan_is_not_compared_with_itself(world: World, reviewed: Row) -> None:
    file = Path(reviewed["reviewed_plan"])
    link = file.with_name("link.json")
    link.symlink_to(file)
    before = file.read_bytes()
    run = world.run("tenant", {**reviewed, "device_groups": [{"path": "Other"}], "plan_dest": str(link)})
    assert "plan_dest and reviewed_plan are the same file" in run.message
    assert (run.requests, file.read_bytes()) == ([], before)


def test_progress_is_by_kind(world: World) -> None:
    groups = [{"path": f"Plan {number}"} for number in range(30)]
    run = world.must("tenant", {"device_groups": groups, "blueprints": [board()]})
    assert len(run.progress) <= 11
    assert run.progress[0].startswith("Planned 31 objects: ")
    assert run.progress[-1] == "Completed 31 of 31 objects: blueprints 1 of 1, device groups 30 of 30"
