# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures against the simulator: they are found by name and bytes, because Esper returns neither of both."""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World
from behaviors.pictures import upload_wallpaper
from exchange import Call
from storage import File

Row = dict[str, t.Any]

WALLPAPERS = "/v1/enterprise/{enterprise_id}/wallpaper/"


def wallpaper(world: World, file: str, data: bytes | None = None, /, **options: t.Any) -> Run:
    """Run a task for a landscape wallpaper whose file has some bytes, if they are set."""
    path = world.folder / file
    if data is not None:
        path.write_bytes(data)
    return world.run("wallpaper", {"src": str(path), "orientation": "landscape", **options})


def existing(world: World, kind: str = "wallpaper", **options: t.Any) -> list[tuple[str, str]]:
    """Return the names and the ends of the IDs of the pictures in the tenant."""
    return [(row["name"], row["id"]) for row in world.must(f"{kind}_info", options).result[f"{kind}s"]]


def methods(run: Run) -> list[str]:
    return [each.split(" ")[0] for each in run.writes]


# --- the same picture -------------------------------------------------------------------------------------------------


def test_the_picture_with_the_name_and_the_bytes_is_not_uploaded_again(world: World) -> None:
    first = wallpaper(world, "summer.png", b"summer")
    assert first.result["wallpaper"]["name"] == "summer.png"
    assert "_" in first.result["wallpaper"]["image_url"].rpartition("/")[2]
    assert wallpaper(world, "summer.png").writes == []
    # The orientation identifies it too.
    assert methods(wallpaper(world, "summer.png", orientation="portrait")) == ["POST"]
    assert len(existing(world)) == 2


@pytest.mark.parametrize(
    "name", ["Köln Süd.png", "Ku\u0308che.png", 'sale "50%".png', "menu_version.png", "a_b1C2d3E.png", "x.tar.png"]
)
def test_names_that_esper_rewrites(world: World, name: str) -> None:
    task = {"src": str(world.folder / "file.png"), "orientation": "landscape", "name": name}
    (world.folder / "file.png").write_bytes(b"x")
    run = world.run("wallpaper", task)
    if '"' in name:
        assert (
            run.message == f"Invalid name '{name}' of a wallpaper: it contains a slash, a quote or a control character."
        )
        return
    assert methods(run) == ["POST"]
    assert world.must("wallpaper", task).writes == []
    assert world.must("wallpaper", {"name": name}).writes == []


def test_a_picture_that_esper_renamed_is_found_by_its_bytes(world: World) -> None:
    wallpaper(world, "summer.png", b"summer", name="renamed.png")
    run = wallpaper(world, "summer.png")
    assert run.writes == []
    assert run.result["wallpaper"]["name"] == "renamed.png"
    # Only among those with the same orientation.
    assert methods(wallpaper(world, "summer.png", orientation="portrait")) == ["POST"]


def test_other_bytes_replace_a_picture(world: World) -> None:
    old = wallpaper(world, "summer.png", b"summer").result["wallpaper"]["id"]
    predicted = world.run(
        "wallpaper", {"src": _file(world, "summer.png", b"new"), "orientation": "landscape"}, check_mode=True
    )
    assert predicted.writes == []
    run = wallpaper(world, "summer.png", b"new")
    assert methods(run) == ["POST", "DELETE"]
    assert run.diff == predicted.diff
    assert [set(entry["before"]) for entry in run.diff] == [{"checksum"}]
    assert existing(world) == [("summer.png", run.result["wallpaper"]["id"])]
    assert run.result["wallpaper"]["id"] != old
    assert wallpaper(world, "summer.png").writes == []


def test_without_comparison_the_name_is_sufficient(world: World) -> None:
    wallpaper(world, "summer.png", b"summer")
    run = wallpaper(world, "summer.png", b"other", compare_content=False)
    assert run.writes == []
    assert not [each for each in run.requests if each["path"].startswith("/_storage")]
    assert methods(wallpaper(world, "winter.png", b"winter", compare_content=False)) == ["POST"]


def test_several_pictures_of_a_name(world: World) -> None:
    ids = [upload(world, "summer.png", data) for data in (b"one", b"two")]
    run = world.run("wallpaper", {"name": "summer.png"})
    assert sorted(run.result["candidates"]) == sorted(f"summer.png (ID {each})" for each in ids)
    assert run.message.endswith("Use the ID, or also set orientation or src.")
    assert wallpaper(world, "summer.png", b"three").result["candidates"]
    # The bytes single out the second. The first is an earlier version of it.
    run = wallpaper(world, "summer.png", b"two")
    assert (run.result["wallpaper"]["id"], methods(run)) == (ids[1], ["DELETE"])


def test_an_interrupted_replacement_is_completed_by_the_next_task(world: World) -> None:
    wallpaper(world, "summer.png", b"summer")
    world.simulator.fault(kind="status", status=403, method="DELETE")
    run = wallpaper(world, "summer.png", b"new")
    assert "Uploading the wallpaper 'summer.png' was accepted" in run.message
    assert "Run the task again to apply the rest." in run.message
    assert methods(wallpaper(world, "summer.png")) == ["DELETE"]
    assert wallpaper(world, "summer.png").writes == []


@pytest.mark.parametrize("name", ["summer.png", "other.png"])
def test_a_lost_response_to_a_replacement_leaves_one_picture(world: World, name: str) -> None:
    wallpaper(world, "summer.png", b"summer")
    world.simulator.fault(kind="drop_after", method="POST")
    run = wallpaper(world, name, b"new")
    assert not run.failed, run.message
    assert len(existing(world)) == (1 if name == "summer.png" else 2)
    assert methods(run).count("POST") == 1


def test_of_two_uploads_at_the_same_time_the_older_one_is_kept(world: World) -> None:
    rival: list[str] = []

    def upload_first(method: str, path: str, body: t.Any) -> t.Any:
        if method == "GET" and path.endswith("/wallpaper/") and not rival:
            form = {"image_file": File.of("summer.png", "image/png", b"summer"), "orientation": "landscape"}
            call = Call(path, {}, {}, form, urlsplit(world.simulator.url).netloc)
            rival.append(upload_wallpaper(world.simulator._server._service.tenant, call).body["id"])
        return body

    world.simulator.rewrites.append(upload_first)
    run = wallpaper(world, "summer.png", b"summer")
    world.simulator.rewrites.clear()
    assert run.result["wallpaper"]["id"] == rival[0]
    assert existing(world) == [("summer.png", rival[0])]


def test_a_picture_that_esper_recodes_is_reported(world: World) -> None:
    world.simulator.fault(kind="recode", method="POST")
    run = wallpaper(world, "summer.png", b"summer")
    assert run.warnings == [
        "Esper changed the bytes of the wallpaper 'summer.png' in the upload. The next run would replace it. Set"
        " compare_content to false."
    ]
    assert wallpaper(world, "summer.png", compare_content=False).writes == []
    world.simulator.fault(kind="rename", method="POST")
    run = wallpaper(world, "winter.png", b"winter")
    identifier = run.result["wallpaper"]["id"]
    assert run.warnings == [
        "Esper changed the bytes of the wallpaper 'winter.png' in the upload. The next run cannot recognize the"
        f" wallpaper. Set id to {identifier}, and omit src."
    ]
    assert world.must("wallpaper", {"id": identifier}).writes == []


def test_an_error_of_a_download_does_not_lead_to_an_upload(world: World) -> None:
    wallpaper(world, "summer.png", b"summer")
    world.simulator.rewrites.append(
        lambda _method, _path, body: _with_link(body, "/_storage/none.png?signature=s3cret")
    )
    run = wallpaper(world, "summer.png")
    assert run.writes == []
    assert run.message.startswith("Downloading the wallpaper")
    assert "s3cret" not in run.shown


def test_no_result_shows_the_query_of_a_link(world: World) -> None:
    runs = [wallpaper(world, "summer.png", b"summer"), world.must("wallpaper_info", {})]
    assert all("X-Amz" not in repr(run.result) for run in runs)


# --- selection --------------------------------------------------------------------------------------------------------


def test_a_task_with_an_id(world: World) -> None:
    identifier = wallpaper(world, "summer.png", b"summer").result["wallpaper"]["id"]
    task = {"id": identifier, "src": _file(world, "new.png", b"new")}
    run = world.must("wallpaper", task)
    assert methods(run) == ["POST", "DELETE"]
    assert run.result["wallpaper"]["orientation"] == "landscape"
    # The replacement has another ID, and is found by its bytes.
    assert world.must("wallpaper", task).writes == []
    current = run.result["wallpaper"]["id"]
    refused = world.run("wallpaper", {"id": current, "orientation": "portrait"})
    assert refused.message == (
        f"The wallpaper 'new.png' (ID {current}) has another orientation, which Esper cannot change. Correct the ID or"
        " orientation."
    )
    assert "id|name" in world.run("wallpaper", {"id": current, "name": "new.png"}).message


def test_a_picture_that_does_not_exist(world: World) -> None:
    wallpaper(world, "summer.png", b"summer")
    run = world.run("wallpaper", {"name": "sumer.png"})
    assert run.message == ("The wallpaper 'sumer.png' was not found. Did you mean 'summer.png'? Set src to upload it.")
    missing = world.run("wallpaper", {"src": str(world.folder / "none.png"), "orientation": "landscape"})
    assert missing.message.startswith(f"Cannot read the file '{world.folder}/none.png'")
    assert missing.writes == []
    run = world.run("wallpaper", {"src": _file(world, "new.png", b"new")})
    assert run.message == (
        "Invalid parameters for the wallpaper 'new.png': orientation is required. Valid values: portrait, landscape."
    )


def test_a_deletion_does_not_need_the_file(world: World) -> None:
    wallpaper(world, "summer.png", b"summer")
    (world.folder / "summer.png").unlink()
    assert methods(wallpaper(world, "summer.png", state="absent")) == ["DELETE"]
    for data in (b"one", b"two"):
        upload(world, "summer.png", data)
    # Its bytes select one of several.
    assert methods(wallpaper(world, "summer.png", b"two", state="absent")) == ["DELETE"]
    assert len(existing(world)) == 1


# --- usage ------------------------------------------------------------------------------------------------------------


def use(world: World, identifier: str) -> Row:
    """Return the task of a blueprint that uses a wallpaper."""
    settings = {"wallpaper_settings": {"homescreen": {"landscape": {"wallpaper_id": identifier}}}}
    return {"name": "Kiosk", "publish": True, "settings": {"android": settings}}


def test_a_wallpaper_that_a_blueprint_uses_is_kept(world: World) -> None:
    old = wallpaper(world, "summer.png", b"summer").result["wallpaper"]["id"]
    world.must("blueprint", use(world, old))
    for run in (wallpaper(world, "summer.png", state="absent"), wallpaper(world, "summer.png", b"new")):
        assert run.message.startswith("The wallpaper 'summer.png' is in use by the blueprint 'Kiosk'")
        assert run.writes == []
    rows = world.must("wallpaper_info", {"usage": True}).result["wallpapers"]
    assert [[each["name"] for each in row["blueprints"]] for row in rows] == [["Kiosk"]]
    assert methods(wallpaper(world, "summer.png", force=True)) == ["POST", "DELETE"]
    # An earlier version that is in use does not fail the task, because its picture is there.
    other = upload(world, "summer.png", b"earlier")
    world.must("blueprint", use(world, other))
    run = wallpaper(world, "summer.png")
    assert run.writes == []
    assert "is kept, although its bytes differ. The wallpaper 'summer.png' is in use" in run.warnings[0]


def test_a_task_for_the_tenant_releases_a_wallpaper_before_it_is_deleted(world: World) -> None:
    old = wallpaper(world, "summer.png", b"summer").result["wallpaper"]["id"]
    new = wallpaper(world, "winter.png", b"winter").result["wallpaper"]["id"]
    world.must("blueprint", use(world, old))
    run = world.must(
        "tenant",
        {
            "wallpapers": [{"name": "summer.png", "orientation": "landscape", "state": "absent"}],
            "blueprints": [use(world, new)],
        },
    )
    assert methods(run) == ["PUT", "DELETE"] or methods(run)[-1] == "DELETE"
    assert existing(world) == [("winter.png", new)]


def test_a_blueprint_names_a_wallpaper_of_the_same_task(world: World) -> None:
    slots = {side: {"wallpaper": "summer.png"} for side in ("portrait", "landscape")}
    task = {
        "wallpapers": [{"src": _file(world, "summer.png", b"x"), "orientation": side} for side in slots],
        "blueprints": [
            {"name": "Kiosk", "settings": {"android": {"wallpaper_settings": {"homescreen": slots}}}, "publish": True}
        ],
    }
    predicted, run = world.must("tenant", task, check_mode=True), world.must("tenant", task)
    assert predicted.diff == run.diff
    assert world.must("tenant", task).writes == []
    rows = world.must("wallpaper_info", {"usage": True}).result["wallpapers"]
    assert [(row["name"], len(row["blueprints"])) for row in rows] == [("summer.png", 1), ("summer.png", 1)]


def test_a_blueprint_of_the_same_task_gets_the_replacement(world: World) -> None:
    old = wallpaper(world, "summer.png", b"summer").result["wallpaper"]["id"]
    world.must("blueprint", use(world, old))
    slot = {"homescreen": {"landscape": {"wallpaper": "summer.png"}}}
    task = {
        "wallpapers": [{"src": _file(world, "summer.png", b"new"), "orientation": "landscape"}],
        "blueprints": [{"name": "Kiosk", "publish": True, "settings": {"android": {"wallpaper_settings": slot}}}],
    }
    predicted, run = world.must("tenant", task, check_mode=True), world.must("tenant", task)
    assert predicted.diff == run.diff
    assert methods(run) == ["POST", "PUT", "DELETE"]
    assert old not in [identifier for _name, identifier in existing(world)]
    assert world.must("tenant", task).writes == []
    # A draft is not sufficient, because devices have the published version.
    task["wallpapers"][0]["src"] = _file(world, "upload/summer.png", b"newer")
    refused = world.run("tenant", {**task, "blueprints": [{**task["blueprints"][0], "publish": False}]})
    assert "is in use by the blueprint 'Kiosk'" in str(refused.result["objects"])
    assert refused.writes == []


def test_an_id_of_another_picture_deletes_nothing(world: World) -> None:
    wallpaper(world, "summer.png", b"summer")
    gone = {"id": "deadbeef-0000-4000-8000-00000000beef", "src": str(world.folder / "summer.png"), "state": "absent"}
    assert world.must("wallpaper", gone).writes == []


def test_a_name_that_is_an_id(world: World) -> None:
    identifier = wallpaper(world, "summer.png", b"summer").result["wallpaper"]["id"]
    assert world.must("wallpaper", {"name": identifier.upper()}).result["wallpaper"]["id"] == identifier
    assert methods(world.must("wallpaper", {"name": identifier, "state": "absent"})) == ["DELETE"]


def test_a_picture_without_a_link_is_not_replaced(world: World) -> None:
    identifier = wallpaper(world, "summer.png", b"summer").result["wallpaper"]["id"]
    world.simulator.rewrites.append(lambda _method, _path, body: {**body, "image_file": None})
    run = world.run("wallpaper", {"id": identifier, "src": _file(world, "new.png", b"new")})
    assert "so the module cannot compare its bytes. Set compare_content to false." in run.message
    assert run.writes == []


def test_two_pictures_with_the_same_bytes_in_one_task(world: World) -> None:
    items = [{"src": _file(world, name, b"same"), "orientation": "landscape"} for name in ("one.png", "two.png")]
    run = world.must("tenant", {"wallpapers": items})
    assert methods(run) == ["POST", "POST"]
    assert sorted(name for name, _id in existing(world)) == ["one.png", "two.png"]
    assert world.must("tenant", {"wallpapers": items}).writes == []


# --- downloads --------------------------------------------------------------------------------------------------------


def test_downloads(world: World) -> None:
    wallpaper(world, "summer.png", b"summer")
    wallpaper(world, "winter.png", b"winter", orientation="portrait")
    dest = world.folder / "copies"
    task = {"dest": f"{dest}/"}
    assert world.must("wallpaper_info", task, check_mode=True).changed
    assert not dest.exists()
    run = world.must("wallpaper_info", task)
    assert run.result["files"] == [str(dest / "summer.png"), str(dest / "winter.png")]
    assert (dest / "summer.png").read_bytes() == b"summer"
    assert not world.must("wallpaper_info", task).changed
    (dest / "summer.png").write_bytes(b"broken")
    assert world.must("wallpaper_info", {**task, "name": "summer.png"}).changed
    assert (dest / "summer.png").read_bytes() == b"summer"
    single = world.run("wallpaper_info", {"dest": str(world.folder / "one.png")})
    assert "2 wallpapers match, not one" in single.message
    upload(world, "summer.png", b"other")
    assert "have the same name 'summer.png'" in world.run("wallpaper_info", task).message


# --- tile icons -------------------------------------------------------------------------------------------------------


def icon(world: World, data: bytes | None = None, **options: t.Any) -> Run:
    path = _file(world, "scanner.png", data) if data is not None else str(world.folder / "scanner.png")
    return world.run("tile_icon", {"device_model": "Scanner X1", "src": path, **options})


def test_a_tile_icon_is_replaced_on_request(world: World) -> None:
    old = icon(world, b"one", category="rugged").result["tile_icon"]
    assert old["custom"] is True
    run = icon(world, b"two", category="pos")
    assert run.message == (
        f"Cannot change category and src of the tile icon 'Scanner X1' (ID {old['id']}), because Esper accepts this"
        " only in an upload. Set replace=true to upload a new tile icon and delete this one."
    )
    run = icon(world, replace=True)
    assert methods(run) == ["POST", "DELETE"]
    # The category is kept, although the task omits it.
    assert run.result["tile_icon"]["category"] == "rugged"
    assert icon(world).writes == []
    refused = world.run("tile_icon", {"device_model": "Scanner X1", "category": "pos", "replace": True})
    assert refused.message.endswith("without its file. Set src.")


def test_the_unicode_form_of_a_device_model_does_not_count(world: World) -> None:
    icon(world, b"one", device_model="Schlu\u0308ssel")
    assert icon(world, b"one", device_model="Schl\u00fcssel").writes == []


def test_icons_that_esper_supplies_are_not_those_of_the_tenant(world: World) -> None:
    supplied = world.must("tile_icon_info", {"custom": False}).result["tile_icons"][0]
    model = supplied["device_model"]
    assert not world.must("tile_icon", {"device_model": model, "state": "absent"}).changed
    refused = world.run("tile_icon", {"id": supplied["id"], "state": "absent"})
    assert "because Esper supplies it." in refused.message
    refused = icon(
        world, b"own", id=supplied["id"], device_model=model, compare_content=False, category="kiosk", replace=True
    )
    assert refused.message.startswith("Cannot replace the tile icon")
    assert refused.writes == []
    assert methods(icon(world, b"own", device_model=model)) == ["POST"]
    assert icon(world, device_model=model).writes == []
    rows = world.must("tile_icon_info", {"device_model": model}).result["tile_icons"]
    assert sorted(row["custom"] for row in rows) == [False, True]


# --- assignments of tile icons ----------------------------------------------------------------------------------------

APPLY = "/tile-icon-apply/"


def assign(world: World, check_mode: bool = False, **options: t.Any) -> Run:
    return world.run("tile_icon_assignment", {"icon": "Scanner X1", **options}, check_mode=check_mode)


def remove(world: World, **options: t.Any) -> Run:
    return world.run("tile_icon_assignment", {"state": "absent", **options})


@pytest.fixture
def fleet(world: World) -> list[Row]:
    """The Android devices of a tenant that has an icon."""
    world.simulator.reset(devices=12, groups=6)
    icon(world, b"scanner")
    return list(world.must("device_tile_info", {}).result["device_tiles"])


def test_only_devices_without_the_icon_get_it(world: World, fleet: list[Row]) -> None:
    names = [tile["device_name"] for tile in fleet]
    few = assign(world, devices=names[:2])
    assert few.result["device_count"] == 2
    assert [each["body"]["devices"] for each in few.requests if each["method"] == "POST"] == [
        [tile["device_id"] for tile in fleet[:2]]
    ]
    assert assign(world, devices=names[:2]).writes == []
    predicted, run = assign(world, devices=names, check_mode=True), assign(world, devices=names)
    assert predicted.writes == []
    assert predicted.diff == run.diff
    assert run.result == {**predicted.result, "requests": run.result["requests"]}
    assert run.result["device_count"] == len(names) - 2
    assert assign(world, all_devices=True).writes == []
    assert methods(assign(world, all_devices=True, compare=False)) == ["POST"]


def test_an_icon_for_groups_or_a_model(world: World, fleet: list[Row]) -> None:
    inside = {group["name"] for tile in fleet for group in tile["groups"]}
    name = sorted(inside)[0]
    count = sum(name in [group["name"] for group in tile["groups"]] for tile in fleet)
    run = assign(world, groups=[name])
    assert run.result["device_count"] >= count > 0
    assert assign(world, groups=[name]).writes == []
    # Only the group that has other devices, too.
    sent = [each["body"]["groups"] for each in assign(world, groups=["All devices", name]).requests if each["body"]]
    assert [len(groups) for groups in sent] == [1]
    model = fleet[0]["model"]
    assert assign(world, device_model=model).writes == []
    run = remove(world, device_model=model)
    assert [each["body"] for each in run.requests if each["body"]] == [{"model": model}]
    assert remove(world, device_model=model).writes == []
    assert assign(world, device_model=model).result["device_count"] == run.result["device_count"]


def test_icons_are_removed(world: World, fleet: list[Row]) -> None:
    assign(world, all_devices=True)
    run = remove(world, devices=[fleet[0]["device_name"]])
    assert [each["body"] for each in run.requests if each["body"]] == [
        {"icon": None, "apply_mode": "devices", "devices": [fleet[0]["device_id"]]}
    ]
    assert remove(world, all_devices=True).result["device_count"] == len(fleet) - 1
    assert remove(world, all_devices=True).writes == []


def test_many_devices_take_several_requests(world: World) -> None:
    world.simulator.reset(devices=230, groups=0)
    icon(world, b"scanner")
    names = [row["device_name"] for row in world.must("device_tile_info", {}).result["device_tiles"]]
    world.simulator.fault(kind="status", status=403, method="POST", path=APPLY)
    run = assign(world, devices=names)
    assert len(run.writes) == -(-len(names) // 100)
    assert run.failed
    assert "All other changes were applied." in run.message
    assert assign(world, devices=names).result["device_count"] <= 100


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"all_devices": False}, "all_devices=false selects nothing. Set it to true, or set another selection."),
        ({"state": "absent", "all_devices": True}, "icon is not allowed with state=absent, which removes any icon."),
        ({"icon": "Scanner X2", "all_devices": True}, "The tile icon 'Scanner X2' was not found."),
        ({"devices": ["nobody"]}, "The device 'nobody' was not found."),
        ({}, "one of the following is required"),
        ({"all_devices": True, "device_model": "x"}, "mutually exclusive"),
    ],
)
def test_invalid_assignments(world: World, fleet: list[Row], options: Row, error: str) -> None:
    run = assign(world, **options)
    assert error in run.message
    assert run.writes == []


# --- thumbnails of device groups --------------------------------------------------------------------------------------

GROUP: Row = {"path": "All devices/Stores"}


def thumbnail(world: World, data: bytes | None = None, **options: t.Any) -> Run:
    path = _file(world, "store.png", data) if data is not None else str(world.folder / "store.png")
    return world.run("device_group_thumbnail", {"src": path, **options})


def group(world: World, **options: t.Any) -> Run:
    return world.run("device_group", {**GROUP, **options})


def test_the_thumbnail_of_a_group(world: World) -> None:
    identifier = thumbnail(world, b"store").result["device_group_thumbnail"]["id"]
    predicted = world.run("device_group", {**GROUP, "thumbnail": "store.png"}, check_mode=True)
    run = group(world, thumbnail="store.png")
    assert methods(run) == ["PATCH"]
    assert run.diff == predicted.diff
    assert run.result["device_group"]["thumbnail"] == "store.png"
    for name in ("store.png", identifier, identifier.upper()):
        assert group(world, thumbnail=name).writes == []
    assert group(world).writes == []
    (row,) = world.must("device_group_info", GROUP).result["device_groups"]
    assert row["thumbnail"] == "store.png"
    assert methods(group(world, thumbnail="")) == ["PATCH"]
    assert group(world, thumbnail="").writes == []
    assert "was not found" in group(world, thumbnail="none.png").message


def test_a_new_or_moved_group_gets_its_thumbnail(world: World) -> None:
    thumbnail(world, b"store")
    new = {"path": "All devices/Stores/Bonn"}
    assert methods(world.must("device_group", {**new, "thumbnail": "store.png"})) == ["POST"]
    moved = {**new, "new_path": "All devices/Bonn", "thumbnail": ""}
    run = world.must("device_group", moved)
    assert methods(run) == ["PATCH", "PATCH"]
    assert run.result["device_group"]["path"] == "All devices/Bonn"
    assert run.result["device_group"]["thumbnail"] is None
    assert world.must("device_group", moved).writes == []
    assert methods(world.must("device_group", {**moved, "thumbnail": "store.png"})) == ["PATCH"]


def test_a_thumbnail_that_esper_ignores_is_an_error(world: World) -> None:
    thumbnail(world, b"store")
    world.simulator.rewrites.append(
        lambda method, path, body: {**body, "thumbnail": None} if method == "PATCH" else body
    )
    run = group(world, thumbnail="store.png")
    assert run.message.startswith(
        "Esper accepted the request for the device group 'All devices/Stores', but did not set its thumbnail."
    )


def test_a_thumbnail_that_a_group_shows_is_kept(world: World) -> None:
    thumbnail(world, b"store")
    group(world, thumbnail="store.png")
    run = world.run("device_group_thumbnail", {"name": "store.png", "state": "absent"})
    assert run.message == (
        "The device group thumbnail 'store.png' is in use by the device group 'All devices/Stores'. Remove it from"
        " there first, or set force=true."
    )
    both = {
        "device_group_thumbnails": [{"name": "store.png", "state": "absent"}],
        "device_groups": [{**GROUP, "thumbnail": ""}],
    }
    assert methods(world.must("tenant", both)) == ["PATCH", "DELETE"]


def test_a_thumbnail_and_its_groups_in_one_task(world: World) -> None:
    both = {
        "device_group_thumbnails": [{"src": _file(world, "store.png", b"store")}],
        "device_groups": [{**GROUP, "thumbnail": "store.png"}, {"path": "All devices/New", "thumbnail": "store.png"}],
    }
    predicted = world.must("tenant", both, check_mode=True)
    run = world.must("tenant", both)
    assert sorted(methods(run)) == ["PATCH", "POST", "POST"]
    assert methods(run)[0] == "POST"
    assert run.diff == predicted.diff
    assert world.must("tenant", both).writes == []


# --- helpers ----------------------------------------------------------------------------------------------------------


def _file(world: World, name: str, data: bytes) -> str:
    path = world.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return str(path)


def upload(world: World, name: str, data: bytes) -> str:
    """Upload a landscape wallpaper with a request, whatever the tenant has, and return its ID."""
    call = {"method": "POST", "path": WALLPAPERS, "files": {"image_file": _file(world, f"upload/{name}", data)}}
    run = world.must("api", {**call, "form": {"orientation": "landscape"}})
    return str(run.result["content"]["id"])


def _with_link(body: t.Any, link: str) -> t.Any:
    if isinstance(body, dict):
        return {
            key: f"http://127.0.0.1:9{link}" if key == "image_file" else _with_link(item, link)
            for key, item in body.items()
        }
    return [_with_link(item, link) for item in body] if isinstance(body, list) else body
