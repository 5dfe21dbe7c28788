# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pipelines, against the simulator."""

from __future__ import annotations

import re
import typing as t
from collections import Counter

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import Connection
from ansible_collections.esper.cloud.plugins.module_utils.kinds.pipeline import pipelines
from ansible_collections.esper.cloud.plugins.module_utils.kinds.pipeline_tree import parse_args
from ansible_collections.esper.cloud.tests.laws.world import ENTERPRISE_ID, KEY, Run, World

Row = dict[str, t.Any]

PATH = "/pipelines/v0/pipelines/"


def post(world: World, path: str, body: t.Any) -> Row:
    row: Row = world.must("api", {"method": "POST", "path": path, "body": body}).result["content"]
    return row


@pytest.fixture
def view(world: World) -> t.Iterator[TenantView]:
    connection = Connection.from_options(
        {"api_url": world.simulator.url, "api_key": KEY, "enterprise_id": ENTERPRISE_ID}
    )
    with Client(connection, user_agent="tests") as client:
        yield TenantView(client)


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_tree_is_read_with_shared_lists_and_pages(world: World, view: TenantView) -> None:
    pipeline = post(world, PATH, {"name": "Till release"})
    post(world, PATH, {"name": "Till release 2"})
    targets = post(world, f"{PATH}{pipeline['id']}/targetlists/", {"name": "All", "target_list_type": "DEVICES"})
    for name in ("Head office", "Berlin"):
        stage = post(world, f"{PATH}{pipeline['id']}/stages/", {"name": name})
        post(world, f"/pipelines/v0/stages/{stage['id']}/targetlists/", {"target_list_id": targets["id"]})
        operations = post(world, f"/pipelines/v0/stages/{stage['id']}/operationlists/", {"name": name})
        for number in range(12 if name == "Berlin" else 0):
            body = {"operation_type": "NOTIFY_OTA", "args": {"number": number}}
            post(world, f"/pipelines/v0/operationlists/{operations['id']}/operations/", body)
    row, tree = pipelines(view).read_pipeline("Till release")
    assert row["id"] == pipeline["id"]
    assert [stage["name"] for stage in tree.stages] == ["Head office", "Berlin"]
    assert tree.stages[0]["target_lists"][0] is tree.stages[1]["target_lists"][0]
    assert [each["args"]["number"] for each in tree.stages[1]["operation_lists"][0]["operations"]] == list(range(12))
    pipelines(view).tree_reader(row).read_members(tree.target_lists)
    assert tree.target_lists[0]["targets"] == []


@pytest.mark.parametrize(
    ("args", "read"),
    [
        ({"a": 1}, {"a": 1}),
        ('{"a": true}', {"a": True}),
        ("{'a': True}", {"a": True}),
        ("", {}),
        (None, {}),
        ("a=1", None),
        ("[1]", None),
        ("__import__('os').getcwd()", None),
        ("(" * 10000, None),
    ],
)
def test_arguments_are_data(args: t.Any, read: Row | None) -> None:
    assert parse_args(args) == read


# --- changes ----------------------------------------------------------------------------------------------------------

REBOOT = {"type": "REBOOT"}
LOCK = {"type": "LOCK", "args": {"message": "Update"}}


def devices(world: World) -> list[str]:
    return sorted(row["name"] for row in world.must("device_info", {"groups": ["All devices"]}).result["devices"])


def groups(world: World) -> list[str]:
    rows = world.must("device_group_info", {}).result["device_groups"]
    return sorted(row["path"] for row in rows if "/" in row["path"])


def release(world: World, *stages: Row, check_mode: bool = False, **options: t.Any) -> Run:
    return world.run("pipeline", {"name": "Till release", "stages": list(stages), **options}, check_mode=check_mode)


def info(world: World, **options: t.Any) -> Row:
    row: Row = world.must("pipeline_info", {"name": "Till release", **options}).result["pipelines"][0]
    return row


def kinds_of(run: Run) -> list[str]:
    """The write requests without IDs."""
    return [re.sub(r"[0-9a-f-]{36}", "ID", each.replace("/pipelines/v0/", "")) for each in run.writes]


def test_a_pipeline_is_created_changed_and_read(world: World) -> None:
    names, paths = devices(world), groups(world)
    stages = (
        {"name": "Head office", "devices": names[:2], "operations": [REBOOT, LOCK]},
        {"name": "Stores", "groups": paths, "operations": [REBOOT], "timeout_seconds": 600},
    )
    predicted = release(world, *stages, check_mode=True)
    assert (predicted.changed, predicted.writes) == (True, [])
    created = release(world, *stages)
    assert (created.changed, created.diff) == (True, predicted.diff)
    assert sorted(kinds_of(created)) == sorted(
        [
            "POST pipelines/",
            *["POST pipelines/ID/targetlists/"] * 2,
            "POST pipelines/ID/targetlists/ID/targets-bulk/",
            *["POST pipelines/ID/targetlists/ID/devicegroups/"] * len(paths),
            *["POST pipelines/ID/stages/"] * 2,
            *["POST stages/ID/targetlists/", "POST stages/ID/operationlists/"] * 2,
            *["POST operationlists/ID/operations/"] * 3,
        ]
    )
    shown = info(world)
    assert created.result["pipeline"]["stages"] == [
        {**stage, "target_lists": [{**each, "members": None} for each in stage["target_lists"]]}
        for stage in shown["stages"]
    ]
    assert [stage["name"] for stage in shown["stages"]] == ["Head office", "Stores"]
    assert shown["stages"][0]["target_lists"][0]["devices"] == names[:2]
    assert shown["stages"][1]["target_lists"][0]["groups"] == sorted(paths)
    assert [each["type"] for each in shown["stages"][0]["operation_lists"][0]["operations"]] == ["REBOOT", "LOCK"]
    again = release(world, *stages)
    assert (again.changed, again.writes, again.diff) == (False, [], [])
    assert again.result["pipeline"] == created.result["pipeline"]


def test_an_unchanged_pipeline_takes_only_the_reads_of_what_the_task_sets(world: World) -> None:
    paths = groups(world)
    stages = [{"name": name, "groups": paths[:1], "operations": [REBOOT]} for name in ("One", "Two")]
    release(world, *stages)

    def reads(*stages: Row, **options: t.Any) -> list[str]:
        run = release(world, *stages, **options)
        assert not run.changed
        return sorted(re.sub(r"[0-9a-f-]{36}", "ID", each["path"].split("?")[0]) for each in run.requests)

    assert reads({"name": "One"}, {"name": "Two"}) == [PATH, f"{PATH}ID/stages/"]
    assert reads({"name": "Two", "operations": [REBOOT]}) == sorted(
        [
            PATH,
            f"{PATH}ID/stages/",
            *["/pipelines/v0/stages/ID/operationlists/"] * 2,
            *["/pipelines/v0/operationlists/ID/operations/"] * 2,
        ]
    )


def stage(name: str, *operations: Row, **options: t.Any) -> Row:
    return {"name": name, "operations": list(operations or [REBOOT]), **options}


def names_of(world: World) -> list[str]:
    return [each["name"] for each in info(world)["stages"]]


def test_the_order_of_stages_changes_only_with_recreate_stages(world: World) -> None:
    names = devices(world)
    one, two, three = (stage(name, devices=names[:2]) for name in ("One", "Two", "Three"))
    release(world, one, two, three)
    before = info(world)["stages"]
    run = release(world, two, one, three)
    assert run.failed
    assert run.writes == []
    assert run.message == (
        "The stages of the pipeline 'Till release' cannot get the order of the task, because Esper adds new stages at"
        " the end and does not move others. Set recreate_stages=true to delete and create 'Two' and 'One' and 'Three'"
        " again."
    )
    # A stage that the task does not name does not count, and a new one comes last.
    assert release(world, one, three).result["changed"] is False
    assert release(world, one, stage("New"), two).failed
    assert names_of(world) == ["One", "Two", "Three"]
    # What the task omits is copied from the stage.
    again = release(world, {"name": "Two"}, one, {"name": "Three"}, recreate_stages=True)
    after = info(world)["stages"]
    assert names_of(world) == ["Two", "One", "Three"]
    for each in after:
        former = next(other for other in before if other["name"] == each["name"])
        assert each["target_lists"] == former["target_lists"]
        assert _without_ids(each["operation_lists"]) == _without_ids(former["operation_lists"])
    assert [each["name"] for each in again.result["pipeline"]["stages"]] == ["Two", "One", "Three"]
    assert again.diff[0]["before"] == {"order of stages": ["One", "Two", "Three"]}
    assert again.diff[0]["after"] == {"order of stages": ["Two", "One", "Three"]}
    assert not release(world, two, one, three).changed


def _without_ids(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _without_ids(item) for key, item in value.items() if key != "id"}
    return [_without_ids(item) for item in value] if isinstance(value, list) else value


def test_an_interrupted_recreation_is_completed(world: World) -> None:
    names = devices(world)
    one, two = stage("One", devices=names[:1]), stage("Two", LOCK, devices=names[1:])
    release(world, one, two)
    world.simulator.fault(kind="status", method="POST", path="/operations/$", status=403, times=None)
    failed = release(world, {"name": "Two"}, {"name": "One"}, recreate_stages=True)
    assert failed.failed
    assert "Run the task again to apply the rest." in failed.message
    world.simulator.clear_faults()
    assert "One (replaced)" in names_of(world)
    assert release(world, {"name": "Two"}, {"name": "One"}).changed
    assert names_of(world) == ["Two", "One"]
    assert not release(world, two, one).changed


def test_a_target_list_is_attached_to_two_stages(world: World) -> None:
    names = devices(world)
    shared = {"name": "Pilot", "devices": names[:1]}
    stages = (
        stage("One", target_lists=[{"name": "Pilot"}]),
        stage("Two", target_lists=[shared, {"name": "Rest", "devices": names[1:]}]),
    )
    created = release(world, *stages)
    assert kinds_of(created).count("POST pipelines/ID/targetlists/") == 2
    lists = [each["target_lists"] for each in info(world)["stages"]]
    assert lists[0][0] == lists[1][0]
    assert not release(world, *stages).changed
    # The other list stays without exact, and is detached and deleted with it.
    less = (stages[0], stage("Two", target_lists=[{"name": "Pilot"}]))
    assert not release(world, *less).changed
    removed = release(world, *less, exact=True)
    assert kinds_of(removed) == ["DELETE stages/ID/targetlists/ID/", "DELETE pipelines/ID/targetlists/ID/"]
    assert removed.diff[0]["before"] == {"stage Two": {"target list Rest": {"type": "DEVICES"}}}
    # A list that no stage has is found by its name.
    detached = info(world)["stages"][0]["target_lists"][0]["id"]
    twice = release(world, stage("One", target_lists=[shared]), stage("Two", target_lists=[{**shared, "devices": []}]))
    assert "both set the members of the target list 'Pilot'. Set them once" in twice.message
    unknown = release(world, stage("Three", target_lists=[{"name": "Unknown"}]))
    assert "names the target list 'Unknown', which does not exist" in unknown.message
    renamed = release(world, stage("One", target_lists=[{"id": detached, "name": "First"}]))
    assert kinds_of(renamed) == ["PUT pipelines/ID/targetlists/ID/"]
    assert info(world)["stages"][1]["target_lists"][0]["name"] == "First"


def test_members_are_added_and_removed(world: World) -> None:
    names, paths = devices(world), groups(world)
    stages = [stage("One", devices=names[:2]), stage("Two", groups=paths[:2])]
    release(world, *stages)
    run = release(world, stage("One", devices=names[1:]), stage("Two", groups=paths[1:3]))
    assert sorted(kinds_of(run)) == [
        "DELETE pipelines/ID/targetlists/ID/devicegroups/ID/",
        "DELETE pipelines/ID/targetlists/ID/targets/ID/",
        "POST pipelines/ID/targetlists/ID/devicegroups/",
        "POST pipelines/ID/targetlists/ID/targets-bulk/",
    ]
    assert run.diff[0]["before"] == {
        "stage One": {"target list One": {"devices": names[:1]}},
        "stage Two": {"target list Two": {"groups": paths[:1]}},
    }
    assert run.diff[0]["after"] == {
        "stage One": {"target list One": {"devices": names[2:]}},
        "stage Two": {"target list Two": {"groups": paths[2:3]}},
    }
    # Another type takes a new list, and the old one is deleted.
    replaced = release(world, stage("One", groups=paths[:1]))
    assert sorted(kinds_of(replaced)) == [
        "DELETE pipelines/ID/targetlists/ID/",
        "DELETE stages/ID/targetlists/ID/",
        "POST pipelines/ID/targetlists/",
        "POST pipelines/ID/targetlists/ID/devicegroups/",
        "POST stages/ID/targetlists/",
    ]
    assert info(world)["stages"][0]["target_lists"][0]["type"] == "GROUPS"
    assert not release(world, stage("One", groups=paths[:1])).changed


def test_a_device_group_that_only_its_link_names_is_removed(world: World) -> None:
    paths = groups(world)
    release(world, stage("One", groups=paths[:2]))
    world.simulator.fault(kind="status", method="DELETE", path="/devicegroups/", status=404, times=1)
    run = release(world, stage("One", groups=paths[1:2]))
    assert not run.failed
    assert kinds_of(run) == ["DELETE pipelines/ID/targetlists/ID/devicegroups/ID/"] * 2
    assert run.writes[0] != run.writes[1]


def test_inactive_devices_stay_in_the_list(world: World) -> None:
    names = devices(world)
    targets = {"name": "Pilot", "devices": names}
    release(world, stage("One", target_lists=[targets]))
    run = release(world, stage("One", target_lists=[{**targets, "inactive": names[:1]}]))
    assert kinds_of(run) == ["PUT pipelines/ID/targetlists/ID/targets/ID/"]
    assert info(world)["stages"][0]["target_lists"][0]["inactive"] == names[:1]
    assert not release(world, stage("One", target_lists=[targets])).changed
    assert release(world, stage("One", target_lists=[{**targets, "inactive": []}])).changed
    wrong = release(world, stage("One", target_lists=[{**targets, "devices": names[:1], "inactive": names[1:2]}]))
    assert f"The device '{names[1]}' in stages[0].target_lists[0].inactive is not in" in wrong.message


def test_a_device_that_esper_does_not_add_is_an_error(world: World) -> None:
    names = devices(world)

    def reject(method: str, path: str, body: t.Any) -> t.Any:
        if not path.endswith("/targets-bulk/"):
            return body
        rejected = [{"device_id": "0b1e7f3c-0000-4000-8000-000000000001", "error": "Unknown"}]
        return {**body, "content": {**body["content"], "errors": rejected}}

    world.simulator.rewrites.append(reject)
    run = release(world, stage("One", devices=names))
    assert "failed: Esper rejected '0b1e7f3c-0000-4000-8000-000000000001'" in run.message


def test_subgroups_are_those_of_the_moment(world: World) -> None:
    world.must("device_group", {"path": "All devices/Stores/Berlin", "create_parents": True})
    one = {"name": "One", "groups": ["Stores"], "subgroups": True}
    release(world, one)
    assert info(world)["stages"][0]["target_lists"][0]["groups"] == ["All devices/Stores", "All devices/Stores/Berlin"]
    world.must("device_group", {"path": "All devices/Stores/Hamburg"})
    assert kinds_of(release(world, one)) == ["POST pipelines/ID/targetlists/ID/devicegroups/"]
    assert (
        kinds_of(release(world, {**one, "subgroups": False}))
        == ["DELETE pipelines/ID/targetlists/ID/devicegroups/ID/"] * 2
    )


def test_operations_change_at_their_place(world: World) -> None:
    release(world, stage("One", REBOOT, LOCK, REBOOT))
    changed = release(world, stage("One", REBOOT, {"type": "LOCK", "args": {"message": "Soon"}}))
    assert kinds_of(changed) == ["PUT operationlists/ID/operations/ID/", "DELETE operationlists/ID/operations/ID/"]
    assert changed.diff[0]["before"] == {
        "stage One": {
            "operation list One": {
                "operation 2": {"args": {"message": "Update"}},
                "operation 3": {"type": "REBOOT"},
            }
        }
    }
    # Arguments that the task omits are no difference, nor are numbers in texts.
    release(world, stage("One", {"type": "SET_BRIGHTNESS_SCALE", "args": {"brightness_value": 50, "other": True}}))
    assert not release(
        world, stage("One", {"type": "SET_BRIGHTNESS_SCALE", "args": {"brightness_value": "50"}})
    ).changed
    assert kinds_of(release(world, {"name": "One", "operations": []})) == ["DELETE operationlists/ID/operations/ID/"]


def test_arguments_that_cannot_be_read_are_no_difference(world: World) -> None:
    release(world, stage("One", LOCK))

    def garble(method: str, path: str, body: t.Any) -> t.Any:
        if method == "GET" and path.endswith("/operations/"):
            body["content"]["results"][0]["args"] = "message=Update"
        return body

    world.simulator.rewrites.append(garble)
    run = release(world, stage("One", LOCK))
    assert not run.changed
    assert "arguments of the operation LOCK" in run.warnings[0]
    assert run.result["pipeline"]["stages"][0]["operation_lists"][0]["operations"][0]["args"] is None
    copied = release(world, stage("New"), {"name": "One"}, recreate_stages=True)
    assert "cannot be read. Set its operations in this task." in copied.message


def test_values_of_a_created_stage_have_their_documented_types(world: World) -> None:
    def garble(method: str, path: str, body: t.Any) -> t.Any:
        if method == "POST" and path.endswith("/stages/"):
            body["content"].update(timeout_seconds="long", description=5)
        return body

    world.simulator.rewrites.append(garble)
    run = release(world, {"name": "One"})
    created = run.result["pipeline"]["stages"][0]
    assert (created["timeout_seconds"], created["description"]) == (None, "5")
    assert "stages[0].timeout_seconds" in run.warnings[0]


def test_secret_arguments_are_never_shown(world: World) -> None:
    wifi = {"type": "ADD_WIFI_AP", "args": {"wifi_access_points": [{"ssid": "Shop", "passphrase": "correct-horse"}]}}
    runs = [release(world, stage("One", wifi)), release(world, stage("One", wifi))]
    changed = {
        "type": "ADD_WIFI_AP",
        "args": {"wifi_access_points": [{"ssid": "Shop", "passphrase": "battery-staple"}]},
    }
    runs.append(release(world, stage("One", changed)))
    assert [run.changed for run in runs] == [True, False, True]
    shown = [run.shown for run in runs] + [repr(info(world)), repr(info(world, export=True))]
    assert not any("correct-horse" in text or "battery-staple" in text for text in shown)
    exported = world.must("pipeline_info", {"name": "Till release", "export": True}).result
    assert exported["omitted"] == [
        {
            "pipeline": "Till release",
            "path": "stages[0].operation_lists[0].operations[0].args.wifi_access_points",
        }
    ]


def test_secrets_inside_arguments_are_not_shown_and_not_exported(world: World) -> None:
    def config(lock: str, inner: str) -> Row:
        args = {"new_lockscreen_password": lock, "settings": {"wifi": {"password": inner}}, "level": 1}
        return stage("One", {"type": "UPDATE_DEVICE_CONFIG", "args": args})

    runs = [release(world, config(*texts)) for texts in (("1234", "12"), ("1234", "12"), ("5678", "12"))]
    assert [run.changed for run in runs] == [True, False, True]
    assert runs[2].diff[0]["after"] == {"arguments of operations": "(not shown)"}
    shown = info(world)["stages"][0]["operation_lists"][0]["operations"][0]["args"]
    assert shown["settings"] == {"wifi": {"password": "********"}}
    exported = world.must("pipeline_info", {"name": "Till release", "export": True}).result
    operations = exported["pipelines"][0]["stages"][0]["operation_lists"][0]["operations"]
    assert operations == [{"type": "UPDATE_DEVICE_CONFIG", "args": {"level": 1}}]
    omitted = [each["path"].rpartition("operations[0].")[2] for each in exported["omitted"]]
    assert omitted == ["args.new_lockscreen_password", "args.settings.wifi.password"]
    assert not world.must("pipeline", exported["pipelines"][0]).changed


def test_wipe_needs_confirm(world: World) -> None:
    release(world, stage("One"))
    wipe = stage("One", REBOOT, {"type": "WIPE"})
    run = release(world, wipe)
    assert run.message == (
        "The pipeline 'Till release' is not changed, because it would get the operation WIPE, which cannot be undone."
        " Set confirm to true if this is intended."
    )
    assert run.writes == []
    assert release(world, wipe, check_mode=True).failed
    assert release(world, wipe, confirm=True).changed
    # It is there already.
    assert not release(world, wipe).changed
    assert release(world, {**wipe, "description": "Clean up"}).changed


@pytest.mark.parametrize("value", ["false", "False", " no ", "0", 0, False, None, ""])
def test_wifi_that_is_turned_off_needs_confirm(world: World, value: t.Any) -> None:
    wifi = stage("One", {"type": "SET_WIFI_STATE", "args": {"wifi_state": value}}, groups=groups(world)[:1])
    assert "would get the operation SET_WIFI_STATE, which takes the devices offline" in release(world, wifi).message
    release(world, wifi, confirm=True)
    started = world.run("pipeline_run", {"pipeline": "Till release"}, check_mode=True)
    assert "has the operation SET_WIFI_STATE, which takes the devices offline" in started.message


@pytest.mark.parametrize("value", ["true", "True", "on", 1, True])
def test_wifi_that_is_turned_on_needs_no_confirm(world: World, value: t.Any) -> None:
    assert release(world, stage("One", {"type": "SET_WIFI_STATE", "args": {"wifi_state": value}})).changed


def test_a_running_pipeline_is_changed_with_force_only(world: World) -> None:
    release(world, stage("One"))
    post(world, f"{PATH}{info(world)['id']}/runs/", {})
    assert not release(world, stage("One")).changed
    for options in ({"stages": [stage("One", LOCK)]}, {"description": "New"}, {"state": "absent"}):
        run = world.run("pipeline", {"name": "Till release", **options})
        assert re.match(
            "The pipeline 'Till release' is in use by run .*, which is pending. Wait until it ends", run.message
        )
        assert run.message.endswith("or set force=true.")
        assert run.writes == []
    assert release(world, stage("One", LOCK), force=True).changed
    deleted = world.must("pipeline", {"name": "Till release", "state": "absent", "force": True})
    assert kinds_of(deleted) == ["PUT pipelines/ID/runs/ID/", "DELETE pipelines/ID/"]
    assert world.must("pipeline_info", {"name": "Till release"}).result["pipelines"] == []


def test_exact_removes_what_the_task_does_not_list(world: World) -> None:
    paths = groups(world)
    release(world, stage("One", groups=paths[:1]), stage("Two", groups=paths[:1]))
    run = release(world, {"name": "Two"}, exact=True)
    assert kinds_of(run) == ["DELETE pipelines/ID/stages/ID/", "DELETE pipelines/ID/targetlists/ID/"]
    shown = info(world, unattached=True)
    assert [each["name"] for each in shown["stages"]] == ["Two"]
    assert (shown["unattached_target_lists"], len(shown["stages"][0]["operation_lists"])) == ([], 1)
    assert not release(world, stage("Two", groups=paths[:1]), exact=True).changed


def test_stages_and_lists_are_renamed_by_id(world: World) -> None:
    paths = groups(world)
    release(world, stage("One", groups=paths[:1]))
    one = info(world)["stages"][0]
    lists = [{"id": one["operation_lists"][0]["id"], "name": "Nightly", "description": "At night"}]
    run = release(world, {"id": one["id"], "name": "First", "operation_lists": lists})
    assert kinds_of(run) == ["PUT pipelines/ID/stages/ID/", "PUT stages/ID/operationlists/ID/"]
    assert run.diff[0]["before"]["stage First"]["name"] == "One"
    # The short form takes the only list of the stage, whatever its name is.
    assert not release(world, stage("First", groups=paths[:1])).changed
    missing = release(world, {"id": "0b1e7f3c-0000-4000-8000-000000000001", "name": "X"})
    assert "The stage '0b1e7f3c-0000-4000-8000-000000000001' was not found." in missing.message


@pytest.mark.parametrize(
    ("stages", "error"),
    [
        ([{"name": "One"}, {"name": " One "}], "stages[0] and stages[1] both have the name 'One'. List it once."),
        ([{"name": "One", "timeout_seconds": 0}], "stages[0].timeout_seconds is 0; the minimum is 1"),
        ([{"name": "One", "operations": [{"type": "INSTALL"}]}], "stages[0].operations[0].app is required"),
        ([stage("One", {"type": "LOCK", "content": "x"})], "content requires the type SYNC_CONTENT, not LOCK."),
        ([stage("One", devices=["Nowhere"])], "The device 'Nowhere' was not found."),
        ([stage("One", groups=["Nowhere"])], "The device group 'Nowhere' was not found."),
        ([stage("One", {"type": "INSTALL", "app": {"package_name": "a.b", "version_name": "1"}})], "The app 'a.b' was"),
        ([{"name": "One", "devices": [], "groups": []}], "mutually exclusive"),
    ],
)
def test_invalid_stages_are_rejected_before_anything_is_written(world: World, stages: list[Row], error: str) -> None:
    run = release(world, *stages)
    assert error in run.message
    assert run.writes == []


def test_nothing_is_created_twice_if_responses_are_lost(world: World) -> None:
    one = stage("One", REBOOT, LOCK, groups=groups(world)[:1])
    parts = ("stages", "pipelines/[^/]+/targetlists", "stages/[^/]+/targetlists", "devicegroups", "operationlists")
    for path in (f"{PATH}$", *(f"{part}/$" for part in (*parts, "operations"))):
        world.simulator.fault(kind="drop_after", method="POST", path=path, times=1)
    run = release(world, one)
    assert not run.failed, run.message
    assert Counter(kinds_of(run)).most_common(1)[0][1] <= 2
    shown = info(world)
    assert len(world.must("pipeline_info", {"tree": False}).result["pipelines"]) == 1
    assert run.result["pipeline"]["stages"] == shown["stages"]
    assert [len(each["operations"]) for each in shown["stages"][0]["operation_lists"]] == [2]
    assert not release(world, one).changed


def test_the_diff_shows_the_members_of_a_list_of_another_type(world: World) -> None:
    names = devices(world)
    release(world, stage("One", devices=names))
    run = release(world, stage("One", groups=[]), check_mode=True)
    assert run.diff[0]["before"] == {"stage One": {"target list One": {"type": "DEVICES", "devices": names}}}
    assert run.diff[0]["after"] == {"stage One": {"target list One": {"type": "GROUPS"}}}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/stages/[^/]+/targetlists/$"), ("DELETE", "/stages/"), ("DELETE", "/pipelines/[^/]+/targetlists/")],
)
@pytest.mark.parametrize("exact", [True, False])
def test_a_list_of_another_type_is_replaced_after_an_interruption(
    world: World, method: str, path: str, exact: bool
) -> None:
    release(world, stage("One", devices=devices(world)))
    one = stage("One", groups=groups(world))
    world.simulator.fault(kind="status", status=403, method=method, path=path)
    assert release(world, one, exact=exact).failed
    world.simulator.clear_faults()
    assert not release(world, one, exact=exact).failed
    shown = info(world, unattached=True)
    assert [each["groups"] for each in shown["stages"][0]["target_lists"]] == [groups(world)]
    # Without exact, an interrupted task can leave a list that no stage has.
    left = ["DEVICES"] if "/pipelines" in path and not exact else []
    assert [each["type"] for each in shown["unattached_target_lists"]] == left
    assert not release(world, one, exact=exact).changed


def test_a_stage_is_complete_after_two_interrupted_tasks(world: World) -> None:
    release(world, stage("A"), stage("B", REBOOT, LOCK, groups=groups(world)[:1]), stage("C", LOCK))
    create, delete = {"method": "POST", "path": "/operationlists/$"}, {"method": "DELETE", "path": "/stages/[^/]+/$"}

    def order(*names: str) -> Run:
        return release(world, *({"name": name} for name in names), recreate_stages=True)

    world.simulator.fault(kind="status", status=403, times=2, **create)
    assert order("A", "C", "B").failed
    world.simulator.clear_faults()
    # The first B is complete, the second one has no operations. Now a third one gets its place.
    world.simulator.fault(kind="status", status=403, times=5, **delete)
    assert order("B", "A", "C").failed
    world.simulator.clear_faults()
    order("B", "A", "C")
    shown = info(world)["stages"]
    assert [each["name"] for each in shown] == ["B", "A", "C"]
    types = [[each["type"] for each in row["operations"]] for stage in shown for row in stage["operation_lists"]]
    assert types == [["REBOOT", "LOCK"], ["REBOOT"], ["LOCK"]]
    assert not order("B", "A", "C").changed


# --- objects of other kinds -------------------------------------------------------------------------------------------


def test_operations_name_apps_files_and_policies(world: World) -> None:
    app = next(row for row in world.must("app_info", {"versions": True}).result["apps"] if len(row["versions"]) > 1)
    old, new = sorted(app["versions"], key=lambda version: version["version_code"])[:: len(app["versions"]) - 1]
    files = world.must("content_info", {}).result["contents"]
    file = next(each for each in files if [other["name"] for other in files].count(each["name"]) == 1)
    world.must("enterprise_policy", {"name": "Kiosk"})
    package = {"package_name": app["package_name"]}

    def operations(version: str) -> list[Row]:
        return [
            {"type": "INSTALL", "app": {**package, "version_name": version}},
            {"type": "SYNC_CONTENT", "content": file["name"], "args": {"priority": 1}},
            {"type": "SET_NEW_POLICY", "policy": "Kiosk"},
        ]

    created = release(world, stage("One", *operations(old["version_name"])))
    sent = {each["body"]["operation_type"]: each["body"]["args"] for each in created.requests if _is_operation(each)}
    assert sent["INSTALL"] == {
        **package,
        "app_version": old["id"],
        "version_name": old["version_name"],
        "version_code": old["version_code"],
        "application_name": app["name"],
    }
    assert sent["SYNC_CONTENT"] == {"content_id": file["id"], "priority": 1}
    assert re.search(r"/enterprise/[0-9a-f-]{36}/policy/\d+/$", sent["SET_NEW_POLICY"]["policy_url"])
    assert not release(world, stage("One", *operations(old["version_name"]))).changed
    by_id = [
        {"type": "INSTALL", "args": {"app_version": old["id"]}},
        {"type": "SYNC_CONTENT", "content": str(file["id"])},
    ]
    assert kinds_of(release(world, stage("One", *by_id))) == ["DELETE operationlists/ID/operations/ID/"]
    changed = release(world, stage("One", *operations("latest")))
    assert kinds_of(changed) == ["PUT operationlists/ID/operations/ID/", "POST operationlists/ID/operations/"]
    assert changed.requests[-2]["body"]["args"]["app_version"] == new["id"]
    shown = info(world)["stages"][0]["operation_lists"][0]["operations"][0]["app"]
    assert shown == {**package, "version_name": new["version_name"], "version_code": new["version_code"]}
    exported = info(world, export=True)
    assert exported["stages"][0]["operation_lists"][0]["operations"] == [
        {"type": "INSTALL", "app": {**package, **{key: new[key] for key in ("version_name", "version_code")}}},
        {"type": "SYNC_CONTENT", "content": file["name"], "args": {"priority": 1}},
        {"type": "SET_NEW_POLICY", "policy": "Kiosk"},
    ]
    assert not world.must("pipeline", exported).changed


def _is_operation(request: Row) -> bool:
    return request["method"] == "POST" and request["path"].endswith("/operations/")


def test_tenant_creates_what_a_pipeline_names_before_it(world: World) -> None:
    task = {
        "device_groups": [{"path": "All devices/Stores/Bonn", "create_parents": True}],
        "enterprise_policies": [{"name": "Kiosk"}],
        "pipelines": [
            {
                "name": name,
                "stages": [stage("One", {"type": "SET_NEW_POLICY", "policy": "Kiosk"}, groups=["Stores/Bonn"])],
            }
            for name in ("Till release", "Nightly")
        ],
    }
    predicted = world.must("tenant", task, check_mode=True)
    assert (predicted.changed, predicted.writes) == (True, [])
    created = world.must("tenant", task)
    assert created.diff == predicted.diff
    assert not world.must("tenant", task).changed
    assert info(world)["stages"][0]["target_lists"][0]["groups"] == ["All devices/Stores/Bonn"]


def test_info_returns_devices_of_groups_and_runs(world: World) -> None:
    release(world, stage("One", groups=["All devices", *groups(world)]))
    run = post(world, f"{PATH}{info(world)['id']}/runs/", {})
    shown = info(world, members=True, runs=5)
    assert shown["stages"][0]["target_lists"][0]["members"] == devices(world)
    assert [each["id"] for each in shown["runs"]] == [run["id"]]
    assert "runs is -1; the minimum is 0" in world.run("pipeline_info", {"runs": -1}).message


def test_many_groups_by_id_are_read_in_the_list_of_all(world: World) -> None:
    world.simulator.reset(groups=20)
    rows = world.must("device_group_info", {}).result["device_groups"]
    run = release(world, stage("One", groups=[row["id"] for row in rows]), check_mode=True)
    assert sum("/devicegroup/" in each["path"] for each in run.requests) == 1
    missing = release(world, stage("One", groups=[*(row["id"] for row in rows), ENTERPRISE_ID]))
    assert f"The device group '{ENTERPRISE_ID}' was not found." in missing.message


# --- a large pipeline -------------------------------------------------------------------------------------------------

DEVICES, GROUPS, PAGE = 5000, 300, 10


def test_a_large_pipeline_takes_the_requests_that_the_contract_forces(world: World) -> None:
    world.simulator.reset(devices=DEVICES, groups=GROUPS)
    tenant = world.simulator._server._service.tenant
    names = sorted(device.name for device in tenant.devices.values())
    paths = sorted(tenant.path(group) for group in tenant.groups.values() if group.parent)
    assert (len(names), len(paths)) == (DEVICES, GROUPS)
    operations = [REBOOT, LOCK]
    stages = [
        stage("Pilot", *operations, devices=names[:1000]),
        stage("Offices", *operations, devices=names[1000:]),
        *(stage(f"Region {number}", *operations, groups=paths[number::3]) for number in range(3)),
    ]
    created = release(world, *stages)
    writes = Counter(kinds_of(created))
    assert writes == {
        "POST pipelines/": 1,
        "POST pipelines/ID/targetlists/": 5,
        "POST pipelines/ID/targetlists/ID/targets-bulk/": DEVICES // 500,
        "POST pipelines/ID/targetlists/ID/devicegroups/": GROUPS,
        "POST pipelines/ID/stages/": 5,
        "POST stages/ID/targetlists/": 5,
        "POST stages/ID/operationlists/": 5,
        "POST operationlists/ID/operations/": 10,
    }
    unchanged = release(world, *stages)
    assert not unchanged.changed
    reads = Counter(re.sub(r"[0-9a-f-]{36}", "ID", each["path"]) for each in unchanged.requests)
    assert reads == {
        # The names of groups and devices: pages of 250 groups, the number of devices, and pages of 1000 devices that
        # overlap by one.
        "/enterprise/ID/devicegroup/": 2,
        "/v2/devices/": 1 + 6,
        PATH: 1,
        f"{PATH}ID/stages/": 1,
        "/pipelines/v0/stages/ID/targetlists/": 5,
        "/pipelines/v0/stages/ID/operationlists/": 5,
        "/pipelines/v0/operationlists/ID/operations/": 5,
        f"{PATH}ID/targetlists/ID/targets/": DEVICES // PAGE,
        f"{PATH}ID/targetlists/ID/devicegroups/": GROUPS // PAGE,
    }
    # The members of the lists of other stages are not read.
    changed = release(world, {**stages[2], "groups": paths[3::3]})
    assert len(changed.requests) == 2 + 1 + 1 + 10 + 5 + GROUPS // 3 // PAGE + 1 + 1
    assert kinds_of(changed) == ["DELETE pipelines/ID/targetlists/ID/devicegroups/ID/"]
    assert changed.diff[0]["before"] == {"stage Region 0": {"target list Region 0": {"groups": paths[:1]}}}
