# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of many devices at once, against the simulator: from a list and from a CSV file."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.tests.laws.world import World

Row = dict[str, t.Any]


@pytest.fixture
def fleet(world: World) -> World:
    """A tenant with twelve devices, and two device groups for them."""
    world.simulator.reset(devices=12, groups=4, tags=2)
    for name in ("Berlin", "Hamburg"):
        world.must("device_group", {"path": f"Stores/{name}", "create_parents": True})
    return world


def devices(world: World) -> list[Row]:
    rows: list[Row] = world.must("device_info", {"filters": {}, "detail_level": "minimal"}).result["devices"]
    return rows


def blueprints(world: World) -> list[Row]:
    rows: list[Row] = world.must("blueprint_info", {}).result["blueprints"]
    return rows


def test_each_device_gets_its_own_values(fleet: World) -> None:
    rows = devices(fleet)
    options = {
        "assignments": [
            {
                "device": row["serial"],
                "alias": f"Till {number}",
                "group": f"Stores/{'Berlin' if number % 2 else 'Hamburg'}",
                "tags": ["kiosk", f"till-{number % 3}"],
            }
            for number, row in enumerate(rows)
        ]
    }
    predicted = fleet.must("device", options, check_mode=True)
    assert (predicted.changed, predicted.writes) == (True, [])
    run = fleet.must("device", options)
    assert run.diff == predicted.diff
    kinds = [write.split("/")[3 if "/enterprise/" in write else 1] for write in run.writes]
    # One request moves all devices of a group.
    assert {kind: kinds.count(kind) for kind in kinds} == {"devicegroup": 2, "device": 12, "commands": 12}
    # The device list is read once.
    assert sum(each["path"].startswith("/v2/devices/") for each in predicted.requests) == 2
    after = devices(fleet)
    assert [row["tags"] for row in after] == [["kiosk", f"till-{number % 3}"] for number in range(12)]
    assert {row["group"] for row in after} == {"All devices/Stores/Berlin", "All devices/Stores/Hamburg"}
    assert [each["alias"] for each in run.result["pending_aliases"]] == [f"Till {number}" for number in range(12)]
    again = fleet.must("device", options)
    assert (again.changed, again.writes) == (False, [])


def csv_of(world: World, text: str, name: str = "devices.csv") -> str:
    path = world.folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_all_errors_are_reported_at_once(fleet: World) -> None:
    rows = devices(fleet)
    assignments = [
        {"device": rows[0]["id"], "group": "Stores/Berlin"},
        {"device": "Nobody", "group": "Stores/Berlin"},
        {"device": " ", "alias": "Till 1"},
        {"device": rows[1]["id"], "group": "Stores/Brlin"},
        {"device": rows[2]["id"], "tags": list("abcdef")},
        {"device": rows[3]["name"], "alias": "A"},
        {"device": rows[3]["serial"], "alias": "B"},
        {"device": rows[4]["id"], "alias": "Same"},
        {"device": rows[5]["id"], "alias": "Same"},
        {"device": rows[6]["id"], "tags": ["Kiosk", "kiosk"]},
        {"device": rows[7]["id"], "tags": ["a"], "add_tags": ["b"]},
    ]
    run = fleet.run("device", {"assignments": assignments})
    assert run.failed
    assert not run.changed
    assert run.writes == []
    reasons = {each["option"]: each["reason"] for each in run.result["rejected_devices"]}
    assert reasons.keys() == {f"assignments[{number}]" for number in range(1, 11)}
    assert "Did you mean 'Stores/Berlin'" in reasons["assignments[3]"]
    assert "would have 6 tags" in reasons["assignments[4]"]
    assert "is listed 2 times" in reasons["assignments[5]"]
    assert reasons["assignments[7]"] == reasons["assignments[8]"]
    assert run.message.startswith(
        "10 of 11 devices failed, so nothing was changed. assignments[1]: The device 'Nobody' was not found."
    )
    assert "See rejected_devices for" in run.message
    done = fleet.run("device", {"assignments": assignments, "on_error": "continue"})
    assert (done.failed, done.changed) == (True, True)
    assert [write.split(" ")[0] for write in done.writes] == ["PATCH"]
    assert len(done.result["rejected_devices"]) == 10
    assert [each["id"] for each in done.result["devices"]] == [rows[0]["id"]]
    again = fleet.run("device", {"assignments": assignments, "on_error": "continue"})
    assert (again.failed, again.changed, again.writes) == (True, False, [])


@pytest.mark.parametrize("on_error", ["stop", "continue"])
def test_a_failed_request_stops_the_others_or_not(fleet: World, on_error: str) -> None:
    rows = devices(fleet)
    fleet.simulator.fault(kind="status", status=400, method="PATCH", path="/devicegroup/", times=None)
    assignments = [
        {"device": rows[0]["id"], "group": "Stores/Berlin", "tags": ["kiosk"]},
        {"device": rows[1]["id"], "tags": ["spare"]},
    ]
    run = fleet.run("device", {"assignments": assignments, "on_error": on_error})
    assert run.failed
    assert "Moving devices to 'All devices/Stores/Berlin' failed" in run.message
    tagged = [write for write in run.writes if "/device/" in write]
    assert len(tagged) == (2 if on_error == "continue" else 0)
    assert run.changed == (on_error == "continue")
    if on_error == "continue":
        assert [each["id"] for each in run.result["rejected_devices"]] == [rows[0]["id"]]


def test_a_csv_file_sets_what_its_cells_have(fleet: World) -> None:
    rows = devices(fleet)
    lines = [
        "\ufeffDevice;group;tags;alias",
        f"{rows[0]['serial']};Stores/Berlin;kiosk,berlin;Till; ",
        f"{rows[1]['serial']};;; ",
        "",
        f'{rows[2]["serial"]};"Stores/Hamburg";"kiosk, hamburg";',
    ]
    run = fleet.must("device", {"src": csv_of(fleet, "\r\n".join(lines))})
    assert [(each["id"], each.get("group"), each.get("tags")) for each in run.result["devices"]] == [
        (rows[0]["id"], "All devices/Stores/Berlin", ["kiosk", "berlin"]),
        (rows[1]["id"], None, None),
        (rows[2]["id"], "All devices/Stores/Hamburg", ["kiosk", "hamburg"]),
    ]
    assert [each["alias"] for each in run.result["pending_aliases"]] == ["Till"]
    after = devices(fleet)
    assert (after[1]["tags"], after[1]["group_id"]) == (rows[1]["tags"], rows[1]["group_id"])


def test_a_csv_file_can_have_other_columns(fleet: World) -> None:
    row = devices(fleet)[0]
    text = f"Serial number,City,Store\n{row['serial']},Berlin,Stores/Berlin\nNobody,Bonn,Stores/Bonn,1,2\n"
    columns = {"device": "Serial number", "group": "Store"}
    run = fleet.run("device", {"src": csv_of(fleet, text), "columns": columns, "on_error": "continue"})
    assert [each["id"] for each in run.result["devices"]] == [row["id"]]
    assert run.result["rejected_devices"] == [
        {
            "option": "devices.csv line 3",
            "id": None,
            "name": "Nobody",
            "reason": "The line has 5 cells, but the first line has 3. Quote a cell that contains the separator, such"
            " as several tags.",
        }
    ]


@pytest.mark.parametrize(
    ("text", "columns", "error"),
    [
        ("", None, "is empty"),
        ("device,gruop\nx,y\n", None, "unknown columns 'gruop'. Did you mean 'group'"),
        ("group,tags\nx,y\n", None, "has no column 'device'"),
        ("device\nx\n", None, "has no column but 'device'"),
        ("device,tags,tags\nx,y,z\n", None, "several columns for 'tags'"),
        ('device,tags\nx,"y\n', None, "is not valid CSV: line 2"),
        ("Serial,tags\nx,y\n", {"device": "Serail"}, "no column 'Serail'. Did you mean 'Serial'"),
        ("Serial,tags\nx,y\n", {"devise": "Serial"}, "unknown keys 'devise'. Did you mean 'device'"),
    ],
)
def test_an_invalid_csv_file_is_an_error(world: World, text: str, columns: Row | None, error: str) -> None:
    options: Row = {"src": csv_of(world, text), **({"columns": columns} if columns else {})}
    run = world.run("device", {**options, "on_error": "continue"})
    assert run.failed
    assert error in run.message
    assert run.requests == []


def test_device_groups_are_created_for_the_devices(fleet: World) -> None:
    rows = devices(fleet)
    options = {
        "assignments": [
            {"device": rows[0]["id"], "group": "Stores/Nord/Kiel"},
            {"device": rows[1]["id"], "group": "All devices/Stores/Nord/Kiel"},
            {"device": rows[2]["id"], "group": "Stores/Nord/Emden"},
            {"device": rows[3]["id"], "group": "Stores//Nord"},
        ],
        "create_groups": True,
        "on_error": "continue",
    }
    predicted = fleet.run("device", options, check_mode=True)
    assert predicted.writes == []
    assert predicted.result["created_groups"] == ["All devices/Stores/Nord/Kiel", "All devices/Stores/Nord/Emden"]
    run = fleet.run("device", options)
    assert run.diff == predicted.diff
    assert [write.split(" ")[0] for write in run.writes] == ["POST", "POST", "POST", "PATCH", "PATCH"]
    assert [each["group"] for each in devices(fleet)[:3]] == [
        "All devices/Stores/Nord/Kiel",
        "All devices/Stores/Nord/Kiel",
        "All devices/Stores/Nord/Emden",
    ]
    assert [each["option"] for each in run.result["rejected_devices"]] == ["assignments[3]"]
    assert not fleet.run("device", options).changed


def test_a_move_shows_paths_and_blueprints(fleet: World) -> None:
    row = devices(fleet)[0]
    group = fleet.must("device_group_info", {"path": "Stores/Berlin"}).result["device_groups"][0]
    blueprint = next(each for each in blueprints(fleet) if each["id"] != row["blueprint_id"])
    fleet.simulator._server._service.tenant.groups[group["id"]].blueprint = blueprint["id"]
    options = {"device": row["id"], "group": "Stores/Berlin"}
    run = fleet.must("device", options)
    move = run.result["moved_devices"][0]
    assert (move["group_before"], move["group_after"]) == (row["group"], "All devices/Stores/Berlin")
    assert (move["blueprint_before"], move["blueprint_after"]) == (row["blueprint"], blueprint["name"])
    assert run.diff[0]["after"] == {"group": "All devices/Stores/Berlin", "blueprint": blueprint["name"]}
    assert run.diff[0]["before"] == {"group": row["group"], "blueprint": row["blueprint"]}
    assert run.warnings == [
        "Moving 1 device to 'All devices/Stores/Berlin' also assigns the blueprint of this device group,"
        f" '{blueprint['name']}'. Esper converges the devices to it by itself."
    ]
    record = run.result["devices"][0]
    assert (record["blueprint_id"], record["blueprint"]) == (blueprint["id"], blueprint["name"])
    assert "os" not in record
    assert None not in [record["group_id"], record["blueprint_id"], record["tag_ids"]]
    assert fleet.must("device", options).warnings == []


def test_a_full_result_is_read_after_the_change(fleet: World) -> None:
    row = devices(fleet)[0]
    options = {"device": row["id"], "group": "Stores/Berlin", "tags": ["new"], "detail_level": "full"}
    predicted = fleet.must("device", options, check_mode=True).result["devices"][0]
    assert not {"updated_at", "tag_ids"} & predicted.keys()
    record = fleet.must("device", options).result["devices"][0]
    shown = fleet.must("device_info", {"devices": [row["id"]]}).result["devices"][0]
    assert record == {key: value for key, value in shown.items() if key in record}
    assert record.keys() >= {"updated_at", "tag_ids", "current_blueprint_id", "group", "tags"}


def test_the_limit_counts_devices_that_change(fleet: World) -> None:
    rows = devices(fleet)
    items = [{"device": row["id"], "tags": ["one"]} for row in rows[:3]]
    run = fleet.run("device", {"assignments": items, "max_devices": 2})
    assert "Changing 3 devices" in run.message
    assert run.writes == []
    fleet.must("device", {"assignments": items[:2], "max_devices": 2})
    assert fleet.must("device", {"assignments": items, "max_devices": 1}).changed


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"assignments": [], "group": "Stores"}, "The option group requires devices"),
        ({"src": "x.csv", "tags": []}, "The option tags requires devices. With src"),
        ({"assignments": [], "state": "absent", "confirm": True}, "The option assignments requires state=present"),
        ({"assignments": [], "devices": []}, "mutually exclusive"),
        ({"columns": {"device": "x"}, "devices": []}, "src"),
        ({"src": "/nonexistent/devices.csv"}, "Cannot read the file '/nonexistent/devices.csv'"),
    ],
)
def test_options_that_do_not_go_together_are_an_error(world: World, options: Row, error: str) -> None:
    run = world.run("device", options)
    assert error in run.message
    assert run.writes == []


def test_an_empty_list_changes_nothing(world: World) -> None:
    run = world.must("device", {"assignments": [], "create_groups": True})
    assert (run.changed, run.writes, run.result["devices"]) == (False, [], [])


def test_device_groups_of_a_tenant_can_be_texts(world: World) -> None:
    groups = ["Stores/Nord/Kiel", "Stores/a=b", "path=Stores/Emden", {"path": "Stores/Nord"}]
    run = world.must("tenant", {"device_groups": groups})
    assert [each["name"] for each in run.result["objects"]] == [
        "All devices/Stores/Nord/Kiel",
        "All devices/Stores/a=b",
        "All devices/Stores/Emden",
        "All devices/Stores/Nord",
    ]
    assert not world.must("tenant", {"device_groups": groups[:3]}).changed
    assert "device_groups[0]: path must not be empty" in world.run("tenant", {"device_groups": [" "]}).message


def test_the_error_about_an_unknown_device_suggests_close_names(fleet: World) -> None:
    known = devices(fleet)[0]["name"]
    run = fleet.run("device", {"assignments": [{"device": f"{known}x", "alias": "Till"}], "on_error": "continue"})
    assert run.failed
    assert (
        f"The device '{known}x' was not found. Did you mean '{known}'?" in run.result["rejected_devices"][0]["reason"]
    )
    # A long list of unknown devices has as many suggestions as the message shows errors.
    missing = [{"device": f"{known}{number}", "alias": f"Till {number}"} for number in range(12)]
    run = fleet.run("device", {"assignments": missing})
    assert sum("Did you mean" in each["reason"] for each in run.result["rejected_devices"]) == 3
    assert len(run.requests) <= 10


@pytest.mark.parametrize("name", ["device", "group", "tags", "add_tags", "remove_tags"])
@pytest.mark.parametrize("value", [8, 1.1, False, ["x", ["y"]], {"x": "y"}], ids=str)
def test_a_name_of_another_type_changes_nothing(fleet: World, name: str, value: t.Any) -> None:
    item = {"device": devices(fleet)[0]["name"], "alias": "Till", name: value}
    run = fleet.run("device", {"assignments": [item]})
    assert run.failed
    assert name in run.message
    assert run.writes == []


def test_a_long_task_reports_its_progress(world: World) -> None:
    world.simulator.reset(devices=30)
    items = [{"device": row["id"], "alias": f"Till {row['id']}", "tags": ["till"]} for row in devices(world)][:20]
    run = world.must("device", {"assignments": items})
    for text in ("Set the tags of", "Sent the aliases of"):
        lines = [line for line in run.progress if line.startswith(text)]
        assert lines == [f"{text} {count} of 20 devices" for count in range(2, 21, 2)]
    assert world.must("device", {"devices": [items[0]["device"]], "tags": []}).progress == []


@pytest.mark.parametrize("tags", ["a", 1, [{"id": "a"}], [1], {"a": "b"}], ids=str)
@pytest.mark.parametrize("module", ["device", "device_placement"])
def test_tags_that_cannot_be_read_are_not_replaced(fleet: World, module: str, tags: t.Any) -> None:
    row = devices(fleet)[0]

    def rewrite(_method: str, path: str, body: t.Any) -> t.Any:
        if path.startswith("/v2/devices/"):
            for each in body["content"].get("results", [body["content"]]):
                each["tags"] = tags
        return body

    fleet.simulator.rewrites.append(rewrite)
    tasks = {
        "device": {"devices": [row["id"]], "add_tags": ["till"]},
        "device_placement": {"rules": [{"match": {"id": row["id"]}, "add_tags": ["till"]}]},
    }
    run = fleet.run(module, tasks[module])
    assert run.writes == []
    assert "an unexpected type for its tags" in str(run.result)


@pytest.mark.parametrize("tag", [{}, None, "left out"])
def test_a_tag_without_a_name_is_not_replaced_by_its_id(fleet: World, tag: t.Any) -> None:
    row = devices(fleet)[0]
    fleet.must("device", {"devices": [row["id"]], "tags": ["first", "second"]})

    def rewrite(_method: str, path: str, body: t.Any) -> t.Any:
        if path.endswith("/tags/"):
            rows = [each for each in body["results"] if tag != "left out" or each["tag"] != "first"]
            body["results"] = [{**each, "tag": tag} if each["tag"] == "first" else each for each in rows]
        return body

    fleet.simulator.rewrites.append(rewrite)
    for options in ({"add_tags": ["till"]}, {"remove_tags": ["second"]}):
        run = fleet.run("device", {"devices": [row["id"]], **options})
        assert run.writes == []
        assert "Esper did not return the names of its tags" in run.message
    assert not fleet.must("device", {"devices": [row["id"]], "add_tags": ["second"]}).changed
    assert fleet.must("device", {"devices": [row["id"]], "tags": ["till"]}).writes


def test_a_new_group_with_a_similar_name_is_a_warning(fleet: World) -> None:
    rows = devices(fleet)
    items = [{"device": rows[0]["id"], "group": "Stores/berlin"}, {"device": rows[1]["id"], "group": "Stores/Potsdam"}]
    run = fleet.run("device", {"assignments": items, "create_groups": True}, check_mode=True)
    assert run.result["created_groups"] == ["All devices/Stores/berlin", "All devices/Stores/Potsdam"]
    assert [warning for warning in run.warnings if "similar name exists" in warning] == [
        "The device group 'All devices/Stores/berlin' is new, but a similar name exists: 'Berlin'. The names differ"
        " only in case, whitespace or the form of characters."
    ]


@pytest.mark.parametrize("alias", ["Till\n1", "Till\x1b[1m", "Till\u202e1"])
def test_an_alias_with_a_control_character_is_an_error(fleet: World, alias: str) -> None:
    row = devices(fleet)[0]
    for options in ({"assignments": [{"device": row["id"], "alias": alias}]}, {"devices": [row["id"]], "alias": alias}):
        run = fleet.run("device", options)
        assert (run.failed, run.writes) == (True, [])
        assert "contains a control character" in run.message
