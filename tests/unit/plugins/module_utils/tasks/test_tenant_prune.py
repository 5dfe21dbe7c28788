# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guards of the option prune of the module tenant, each in a simulated tenant. The law "prune" tests each kind."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.module import NULL_IS_EMPTY
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]


def menu(world: World, name: str) -> Row:
    """Return the options of a content file with bytes of its own."""
    file = world.folder / name
    file.write_text(f"menu of {name}", encoding="utf-8")
    return {"src": str(file)}


def board(name: str, *files: str) -> Row:
    """Return the options of a blueprint that uses content files."""
    settings = [{"content": each, "destination_path": f"/sdcard/{each}"} for each in files]
    return {"name": name, "publish": True, "settings": {"android": {"files": settings}}}


def unlisted(run: Run, kind: str = "content") -> dict[str, t.Any]:
    """Return the reason why each object of a kind is kept that the task does not list, None if it is deleted."""
    rows = [row for row in run.result["not_in_tree"] if row["kind"] == kind]
    assert all((row["action"] == "deleted") == (row["reason"] is None) for row in rows)
    return {row["name"]: row["reason"] for row in rows}


def planned(world: World, options: Row) -> Run:
    """Return the outcome of a task, which check mode predicts without a write request."""
    predicted = world.must("tenant", options, check_mode=True)
    actual = world.must("tenant", options)
    assert predicted.writes == []
    for key in ("objects", "not_in_tree", "counts", "plan_checksum", "changed", "diff"):
        without_ids = [_without_ids(run.result[key]) for run in (predicted, actual)]
        assert without_ids[0] == without_ids[1], key
    return actual


def _without_ids(value: t.Any) -> t.Any:
    return [{**row, "id": None} if "id" in row else row for row in value] if isinstance(value, list) else value


def failing(world: World, options: Row) -> Run:
    """Return the outcome of a task that fails in check mode and in a run, before it sends a write request."""
    predicted, run = world.run("tenant", options, check_mode=True), world.run("tenant", options)
    for each in (predicted, run):
        assert each.failed
        assert each.writes == []
        assert not each.changed
    assert predicted.message == run.message
    return run


@pytest.fixture
def world(world: World) -> World:
    """A tenant without content files and blueprints."""
    world.must("tenant", {"prune": [{"kind": "blueprints", "allow_empty": True}], "max_deletions": 100})
    contents = world.must("content_info", {}).result["contents"]
    world.must("tenant", {"contents": [{"id": row["id"], "state": "absent"} for row in contents]})
    return world


@pytest.fixture
def menus(world: World) -> World:
    """A tenant with three content files."""
    world.must("tenant", {"contents": [menu(world, name) for name in ("a.txt", "b.txt", "c.txt")]})
    return world


def test_nothing_is_deleted_by_default(menus: World) -> None:
    run = planned(menus, {"contents": [menu(menus, "a.txt")], "report_unlisted": True})
    assert unlisted(run) == dict.fromkeys(("b.txt", "c.txt"), "The task does not prune content files.")
    assert not run.changed
    assert world_names(menus) == {"a.txt", "b.txt", "c.txt"}


def world_names(world: World, module: str = "content_info", key: str = "contents") -> set[str]:
    return {row["name"] for row in world.must(module, {}).result[key]}


def test_the_plan_names_each_deletion(menus: World) -> None:
    options = {"contents": [menu(menus, "a.txt")], "prune": [{"kind": "contents"}]}
    run = planned(menus, options)
    assert unlisted(run) == {"b.txt": None, "c.txt": None}
    deleted = {row["name"]: row["option"] for row in run.result["objects"] if row["action"] == "deleted"}
    assert deleted == {"b.txt": "prune[0]", "c.txt": "prune[0]"}
    assert [each["after"] for each in run.diff] == [{}, {}]
    assert world_names(menus) == {"a.txt"}
    again = menus.must("tenant", options)
    assert (again.changed, again.writes, again.result["not_in_tree"]) == (False, [], [])


def test_other_kinds_are_not_pruned(menus: World) -> None:
    menus.must("device_group", {"path": "Shops"})
    options = {"contents": [menu(menus, "a.txt")], "device_groups": [], "prune": [{"kind": "contents"}]}
    run = planned(menus, options)
    assert {row["kind"] for row in run.result["not_in_tree"]} == {"content"}


def test_names_select_and_exclude(menus: World) -> None:
    menus.must("content", menu(menus, "[b].txt"))
    prune = {"kind": "content", "names": ["?.txt", "[b].txt"], "exclude": ["c*"]}
    run = planned(menus, {"contents": [menu(menus, "a.txt")], "prune": [prune]})
    assert unlisted(run) == {"b.txt": None, "[b].txt": None, "c.txt": "prune[0] does not select its name."}


def test_objects_with_the_same_name_are_kept(menus: World) -> None:
    """Neither an export nor a task can name one of them. Somebody uploaded the second one in the console."""

    def with_twin(_method: str, _path: str, body: t.Any) -> t.Any:
        rows = body["results"] if isinstance(body, dict) and "results" in body else []
        twins = [{**row, "id": 9000} for row in rows if row.get("name") == "b.txt"]
        return {**body, "results": [*rows, *twins]} if twins else body

    menus.simulator.rewrites.append(with_twin)
    reason = "2 content files have this name, so a task cannot select one of them."
    options = {"contents": [menu(menus, "a.txt")], "report_unlisted": True}
    other = "The task does not prune content files."
    run = menus.must("tenant", options)
    assert [(row["name"], row["reason"]) for row in run.result["not_in_tree"]] == [
        ("b.txt", reason),
        ("b.txt", reason),
        ("c.txt", other),
    ]
    run = planned(menus, {**options, "prune": [{"kind": "contents"}]})
    assert unlisted(run) == {"b.txt": reason, "c.txt": None}
    assert [each for each in run.writes if each.startswith("DELETE")] == run.writes
    assert len(run.writes) == 1


def test_two_teams_share_a_tenant(world: World) -> None:
    """Each team has a tree of its own, and prunes below its name only."""
    trees = {team: {"contents": [menu(world, f"{team}-{each}.txt") for each in "12"]} for team in ("north", "south")}
    prune = {team: {"prune": [{"kind": "contents", "names": [f"{team}-*"]}]} for team in trees}
    for team, tree in trees.items():
        world.must("tenant", {**tree, **prune[team]})
    smaller = {"contents": trees["north"]["contents"][:1], **prune["north"]}
    assert unlisted(planned(world, smaller)) == {
        "north-2.txt": None,
        "south-1.txt": "prune[0] does not select its name.",
        "south-2.txt": "prune[0] does not select its name.",
    }
    assert not world.must("tenant", {**trees["south"], **prune["south"]}).changed
    assert world_names(world) == {"north-1.txt", "south-1.txt", "south-2.txt"}


def test_two_teams_share_a_tenant_with_trees_of_several_kinds(world: World) -> None:
    """A smaller tree deletes objects of its own team only, also if both teams use the same kinds."""

    def tree(team: str, numbers: str) -> Row:
        files = [{"content": f"{team}-{each}.txt", "destination_path": f"/sdcard/{each}.txt"} for each in numbers]
        kinds = ("contents", "blueprints", "roles", "alert_channels")
        return {
            "device_groups": [{"path": team}, *({"path": f"{team}/{each}"} for each in numbers)],
            "contents": [menu(world, f"{team}-{each}.txt") for each in numbers],
            "blueprints": [{"name": f"{team}-board", "exact": True, "settings": {"android": {"files": files}}}],
            "roles": [{"name": f"{team}-{each}", "scopes": ["read:device"]} for each in numbers],
            "alert_channels": [{"name": f"{team}-{each}", "emails": ["a@example.com"]} for each in numbers],
            "prune": [
                {"kind": "device_groups", "names": [f"All devices/{team}*"]},
                *({"kind": kind, "names": [f"{team}-*"]} for kind in kinds),
            ],
        }

    for team in ("north", "south"):
        world.must("tenant", tree(team, "12"))
    run = planned(world, tree("north", "1"))
    deleted = {(each["kind"], each["name"]) for each in run.result["objects"] if each["action"] == "deleted"}
    assert deleted == {
        ("device_group", "All devices/north/2"),
        ("content", "north-2.txt"),
        ("role", "north-2"),
        ("alert_channel", "north-2"),
    }
    for team, numbers in (("south", "12"), ("north", "1")):
        again = world.must("tenant", tree(team, numbers))
        assert (again.changed, again.writes) == (False, [])


@pytest.mark.parametrize("contents", [{}, {"contents": []}])
def test_an_empty_or_missing_list_does_not_delete_all(menus: World, contents: Row) -> None:
    prune = {"kind": "contents", "allow_empty": False}
    run = failing(menus, {**contents, "prune": [prune]})
    assert run.message == (
        "The task lists no content files, so it would delete all of them: a.txt, b.txt, c.txt. List those to keep, or"
        " set allow_empty=true in prune[0]."
    )
    assert unlisted(run) == dict.fromkeys(("a.txt", "b.txt", "c.txt"), run.message)
    allowed = planned(menus, {**contents, "prune": [{**prune, "allow_empty": True}]})
    assert unlisted(allowed) == dict.fromkeys(("a.txt", "b.txt", "c.txt"))


def test_a_list_without_a_selected_name_does_not_delete_all_of_them(menus: World) -> None:
    prune = [{"kind": "contents", "names": ["b*"]}]
    run = failing(menus, {"contents": [menu(menus, "a.txt")], "prune": prune})
    assert run.message.startswith("The task lists no content files that match prune[0], so it would delete all of them")


def test_an_object_to_delete_is_not_one_to_keep(menus: World) -> None:
    absent = {"name": "a.txt", "state": "absent"}
    run = failing(menus, {"contents": [absent], "prune": [{"kind": "contents"}]})
    assert "The task lists no content files" in run.message


def test_the_number_of_deletions_has_a_limit(menus: World) -> None:
    options = {"contents": [menu(menus, "a.txt")], "prune": [{"kind": "contents"}]}
    run = failing(menus, {**options, "max_deletions": 1})
    assert run.message == (
        "The task would delete 2 objects that it does not list, more than max_deletions=1: prune[0] 'b.txt', prune[0]"
        " 'c.txt'. Check the list, or increase max_deletions."
    )
    assert unlisted(run) == dict.fromkeys(("b.txt", "c.txt"), run.message)
    assert unlisted(planned(menus, {**options, "max_deletions": 2})) == {"b.txt": None, "c.txt": None}


def test_ten_deletions_are_the_default_limit(world: World) -> None:
    names = [f"{number}.txt" for number in range(12)]
    world.must("tenant", {"contents": [menu(world, name) for name in names]})
    run = failing(world, {"contents": [menu(world, "0.txt")], "prune": [{"kind": "contents"}]})
    assert "delete 11 objects that it does not list, more than max_deletions=10" in run.message


def test_the_percentage_of_deletions_has_a_limit(menus: World) -> None:
    options = {"contents": [menu(menus, "a.txt")], "prune": [{"kind": "contents"}]}
    run = failing(menus, {**options, "max_deletion_percent": 66})
    assert "would delete 2 of 3 content files, more than max_deletion_percent=66: b.txt, c.txt." in run.message
    assert unlisted(planned(menus, {**options, "max_deletion_percent": 67})) == {"b.txt": None, "c.txt": None}


def test_built_in_objects_are_not_listed(world: World) -> None:
    groups = [{"path": row["path"]} for row in world.must("device_group_info", {}).result["device_groups"]]
    below = [row for row in groups if row["path"] != "All devices"]
    run = planned(world, {"device_groups": below, "prune": [{"kind": "device_groups"}]})
    assert unlisted(run, "device_group") == {}


def test_groups_with_devices_and_their_parents_are_kept(world: World) -> None:
    world.must("tenant", {"device_groups": [{"path": each} for each in ("Keep", "Shops", "Shops/Berlin", "Old")]})
    device = world.must("device_info", {"groups": ["All devices"]}).result["devices"][0]
    world.must("device", {"device": device["name"], "group": "All devices/Shops/Berlin"})
    prune = {"kind": "device_groups", "names": ["All devices/*"]}
    listed = [{"path": "Keep"}]
    run = planned(world, {"device_groups": listed, "prune": [prune]})
    reasons = unlisted(run, "device_group")
    assert reasons["All devices/Old"] is None
    assert "it contains 1 device." in reasons["All devices/Shops/Berlin"]
    assert "it has 1 group below it." in reasons["All devices/Shops"]


def test_content_of_a_blueprint_outside_the_task_is_kept(menus: World) -> None:
    menus.must("blueprint", board("Other", "b.txt"))
    run = planned(menus, {"contents": [menu(menus, "a.txt")], "prune": [{"kind": "contents"}]})
    reasons = unlisted(run)
    assert reasons.pop("c.txt") is None
    assert "is in use by the blueprint 'Other'" in reasons.pop("b.txt")
    assert reasons == {}


def test_content_of_a_listed_blueprint_is_kept(menus: World) -> None:
    options = {"contents": [menu(menus, "a.txt")], "blueprints": [board("Own", "b.txt")]}
    run = planned(menus, {**options, "prune": [{"kind": "contents"}]})
    assert "is in use by the blueprint 'Own'" in unlisted(run)["b.txt"]


def test_app_versions_of_a_blueprint_outside_the_task_are_kept(world: World) -> None:
    from apk import Manifest, made

    versions = []
    for code in (1, 2, 3):
        file = world.folder / f"till-{code}.apk"
        file.write_bytes(made(Manifest("com.example.till", f"{code}.0", code, "Till")))
        versions.append({"src": str(file)})
    world.must("tenant", {"apps": versions})
    app = {"package_name": "com.example.till", "version_name": "1.0", "version_code": 1}
    world.must("blueprint", {"name": "Other", "publish": True, "settings": {"android": {"apps": [app]}}})
    run = planned(world, {"apps": versions[2:], "prune": [{"kind": "apps", "names": ["com.example.till *"]}]})
    reasons = unlisted(run, "app")
    assert reasons.pop("com.example.till 2.0 (2)") is None
    assert "in use by the blueprint 'Other'" in reasons.pop("com.example.till 1.0 (1)")


def test_deletions_are_last_and_dependants_first(menus: World) -> None:
    menus.must("blueprint", board("Old", "b.txt"))
    groups = ["Shops", "Shops/Berlin", "Shops/Berlin/Mitte"]
    menus.must("tenant", {"device_groups": [{"path": each} for each in ["Keep", *groups]]})
    prune = [
        {"kind": "contents"},
        {"kind": "blueprints", "allow_empty": True},
        {"kind": "device_groups", "names": ["All devices/Shops*", "All devices/Keep"]},
    ]
    new = {"contents": [menu(menus, "a.txt"), menu(menus, "new.txt")], "device_groups": [{"path": "Keep"}]}
    run = planned(menus, {**new, "prune": prune})
    methods = [each.split()[0] for each in run.writes]
    assert methods == ["POST", *["DELETE"] * 6]
    order = [part for each in run.writes for part in ("blueprints", "content", "devicegroup") if f"/{part}/" in each]
    assert order.index("blueprints") < [n for n, each in enumerate(order) if each == "content"][1]
    paths = {row["path"]: row["id"] for row in world_groups(menus)}
    assert "All devices/Shops" not in paths
    assert [row["name"] for row in run.result["objects"] if row["kind"] == "blueprint"] == ["Old"]


def world_groups(world: World) -> list[Row]:
    rows: list[Row] = world.must("device_group_info", {}).result["device_groups"]
    return rows


def test_nothing_is_deleted_if_an_object_cannot_be_planned(menus: World) -> None:
    """The object that failed could be one of those that the task seems not to list."""
    options = {
        "contents": [menu(menus, "a.txt"), {"id": 987654, "description": "Does not exist"}],
        "prune": [{"kind": "contents"}],
        "on_error": "continue",
    }
    run = menus.run("tenant", options)
    assert run.failed
    assert run.writes == []
    kept = "Nothing that the task does not list is deleted, because another object of the task failed."
    assert unlisted(run) == {"b.txt": kept, "c.txt": kept}


def test_nothing_is_deleted_after_a_failed_change(menus: World) -> None:
    menus.simulator.fault(kind="status", status=400, method="POST", path="/upload/")
    options = {
        "contents": [menu(menus, "a.txt"), menu(menus, "renamed.txt")],
        "prune": [{"kind": "contents"}],
        "on_error": "continue",
    }
    run = menus.run("tenant", options)
    assert run.failed
    assert [each for each in run.writes if each.startswith("DELETE")] == []
    assert set(unlisted(run)) == {"b.txt", "c.txt"}
    assert {row["action"] for row in run.result["not_in_tree"]} == {"kept"}
    assert menus.must("tenant", options).changed
    assert world_names(menus) == {"a.txt", "renamed.txt"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prune": [{"kind": "contentz"}]}, "prune[0]: invalid kind 'contentz'. Valid values: alert_channels,"),
        ({"prune": [{"kind": "enterprise"}]}, "prune[0]: invalid kind 'enterprise'."),
        ({"prune": [{"kind": "contents"}, {"kind": "content"}]}, "prune[1]: contents is listed twice."),
        ({"prune": [{"kind": "contents", "names": []}]}, "prune[0]: names is empty, so it selects nothing."),
        ({"max_deletions": -1}, "Invalid max_deletions: -1."),
        ({"max_deletion_percent": 101}, "Invalid max_deletion_percent: 101."),
    ],
)
def test_invalid_options_fail_before_any_request(world: World, options: Row, message: str) -> None:
    run = world.run("tenant", options)
    assert message in run.message
    assert run.requests == []


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prune": [{"kind": "contents", "names": None}]}, "The option prune[0].names is null."),
        ({"prune": [{"kind": "contents", "names": ""}]}, "The option prune[0].names[0] is empty."),
        ({"prune": [{"kind": "contents", "names": ["a*", ""]}]}, "The option prune[0].names[1] is empty."),
        (
            {"prune": [{"kind": "contents", "names": [None]}]},
            # Before ansible-core 2.19, Ansible rejects a null item itself.
            "for option 'names' found in 'prune'" if NULL_IS_EMPTY else "The option prune[0].names[0] is empty.",
        ),
        ({"prune": [{"kind": "contents", "exclude": None}]}, "The option prune[0].exclude is null."),
        ({"prune": [{"kind": "contents", "exclude": " "}]}, "The option prune[0].exclude[0] is empty."),
        ({"prune": [{"kind": None}]}, "The option prune[0].kind is null."),
        ({"prune": [{"kind": ""}]}, "The option prune[0].kind is empty."),
        ({"prune": [None]}, "The option prune[0] must be a dict, not NoneType."),
        ({"prune": [{"kind": "contents"}], "max_deletion_percent": None}, "The option max_deletion_percent is null."),
        ({"plan_checksum": None}, "The option plan_checksum is null."),
        ({"plan_checksum": ""}, "The option plan_checksum is empty."),
        ({"reviewed_plan": None}, "The option reviewed_plan is null."),
        ({"reviewed_plan": ""}, "The option reviewed_plan is not a valid path: ''."),
        ({"accepted_deviations": [{"kind": "contents", "name": None, "reason": "x"}]}, "[0].name is null."),
        (
            {"accepted_deviations": [{"kind": "contents", "name": "a.txt", "reason": "Pilot", "field": None}]},
            "The option accepted_deviations[0].field is null.",
        ),
        (
            {"accepted_deviations": [{"kind": "contents", "name": "a.txt", "reason": "Pilot", "until": ""}]},
            "The option accepted_deviations[0].until is empty.",
        ),
    ],
)
def test_an_empty_variable_selects_nothing(menus: World, options: Row, message: str, *, check_mode: bool) -> None:
    """Neither a run nor its plan, which people trust, has what an empty variable does not name."""
    run = menus.run("tenant", {"contents": [menu(menus, "a.txt")], **options}, check_mode=check_mode)
    assert message in run.message
    assert (run.failed, run.changed, run.requests) == (True, False, [])
