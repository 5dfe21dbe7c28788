# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Webclips and provisioning profiles against the simulator: what is special about them."""

from __future__ import annotations

import typing as t
from datetime import datetime
from pathlib import Path

from ansible_collections.esper.cloud.tests.laws.world import Run, World
from mobileprovision import Profile, made

Row = dict[str, t.Any]
CLIP = {"url": "https://menu.example.com", "target_bundle_id": "com.example.browser", "target_bundle_name": "Browser"}


# --- webclips ---------------------------------------------------------------------------------------------------------


def clip(world: World, name: str = "Menu", *, check_mode: bool = False, **options: t.Any) -> Run:
    return world.run("webclip", {"name": name, **CLIP, **options}, check_mode=check_mode)


def save(world: World, settings: Row) -> None:
    """Create a blueprint with settings for iOS in API format."""
    body = {"name": "Tablets", "settings": {"ios": settings}}
    world.must("api", {"method": "POST", "path": "/v2/blueprints/", "body": body})


def test_a_webclip_is_created_by_a_form_with_its_icon(world: World, tmp_path: Path) -> None:
    icon = tmp_path / "menu.png"
    icon.write_bytes(b"\x89PNG menu")
    run = clip(world, icon=str(icon))
    assert run.writes == ["POST /v2/webclips"]
    record = run.result["webclip"]
    assert (record["name"], record["label"], record["full_screen"], record["removable"]) == (
        "Menu",
        "Menu",
        False,
        True,
    )
    assert record["icon_url"].endswith("/menu.png")
    assert "Signature" not in run.shown
    assert not clip(world, icon=str(icon)).changed
    assert not clip(world, url="https://menu.example.com/").changed


def test_an_icon_is_compared_on_request(world: World, tmp_path: Path) -> None:
    old, new = tmp_path / "old.png", tmp_path / "new.png"
    old.write_bytes(b"\x89PNG old")
    new.write_bytes(b"\x89PNG new")
    clip(world, icon=str(old))
    assert not clip(world, icon=str(new)).changed
    assert not clip(world, icon=str(old), compare_content=True).changed
    refused = clip(world, icon=str(new), compare_content=True)
    assert refused.message.startswith("Cannot change icon of the webclip 'Menu'")
    predicted = clip(world, icon=str(new), compare_content=True, replace=True, check_mode=True)
    done = clip(world, icon=str(new), compare_content=True, replace=True)
    assert [each.split(" ")[0] for each in done.writes] == ["DELETE", "POST"]
    assert predicted.diff == done.diff
    assert list(done.diff[0]["after"]) == ["icon"]
    lost = clip(world, url="https://other.example.com", replace=True)
    assert lost.message == ("The webclip 'Menu' has an icon, which its replacement would lose. Set icon to its file.")
    assert lost.writes == []
    new.write_bytes(b"")
    empty = clip(world, icon=str(new), compare_content=True, replace=True)
    assert empty.message == f"Cannot upload '{new}': the file is empty."
    assert empty.writes == []


def test_a_used_webclip_is_neither_deleted_nor_replaced(world: World) -> None:
    clip_id = clip(world).result["webclip"]["id"]
    save(world, {"apps": [{"app_id": clip_id, "app_version_id": clip_id, "app_type": "WEBCLIP", "state": "SHOW"}]})
    for options in ({"state": "absent"}, {"label": "Karte", "replace": True}):
        run = clip(world, **options)
        assert "The webclip 'Menu' is in use by the blueprint 'Tablets'" in run.message
        assert run.writes == []
    # Esper has the last word.
    forced = clip(world, state="absent", force=True)
    assert "409" in forced.message
    shown = world.must("webclip_info", {"name": "Menu", "usage": True}).result["webclips"]
    assert [each["name"] for each in shown[0]["blueprints"]] == ["Tablets"]


def test_names_of_all_webclips_come_from_the_list_of_apps(world: World) -> None:
    for number in range(12):
        clip(world, f"Clip {number:02}", label="Same")
    run = world.must("webclip_info", {})
    assert [each["name"] for each in run.result["webclips"]] == [f"Clip {number:02}" for number in range(12)]
    world.simulator.fault(kind="status", status=403, path="/v2/apps", times=None)
    run = world.must("webclip_info", {})
    assert {each["name"] for each in run.result["webclips"]} == {None}
    assert run.warnings[0].startswith("The names of webclips are null. Reading the names of webclips failed")
    assert len(world.must("webclip_info", {"name": "Clip 03"}).result["webclips"]) == 1


def test_tenant_replaces_a_webclip_before_its_name_is_used_again(world: World) -> None:
    first = clip(world).result["webclip"]["id"]
    tasks = [
        {"name": "Menu", **CLIP, "label": "Karte", "replace": True},
        *({"name": f"Clip {number}", **CLIP} for number in range(6)),
    ]
    run = world.must("tenant", {"webclips": tasks})
    assert run.result["counts"]["created"] == 6
    assert run.writes.index(f"DELETE /v2/webclips/{first}") < len(run.writes) - 1
    assert not world.must("tenant", {"webclips": tasks}).changed
    new = world.must("webclip_info", {"name": "Menu"}).result["webclips"][0]["id"]
    # The name of a webclip that the same task deletes by ID is free.
    run = world.must("tenant", {"webclips": [{"id": new, "state": "absent"}, {"name": "Menu", **CLIP}]})
    assert run.writes == [f"DELETE /v2/webclips/{new}", "POST /v2/webclips"]


# --- provisioning profiles --------------------------------------------------------------------------------------------


def profile(world: World, *, check_mode: bool = False, **options: t.Any) -> Run:
    return world.run("provisioning_profile", options, check_mode=check_mode)


def file(folder: Path, year: int, name: str = "Till", app: str = "com.example.till") -> str:
    """Return the path of a provisioning profile that expires in a year."""
    path = folder / f"{name} {app} {year}.mobileprovision"
    path.write_bytes(made(Profile(name, app, expires=datetime(year, 6, 1))))
    return str(path)


def years(world: World, **options: t.Any) -> list[str]:
    """Return the years in which the versions of the only profile expire."""
    rows = world.must("provisioning_profile_info", {"versions": True, **options}).result["provisioning_profiles"]
    return [each["expiration_date"][:4] for row in rows for each in row["versions"]]


def test_name_and_bundle_id_come_from_the_file(world: World, tmp_path: Path) -> None:
    src = file(tmp_path, 2090)
    predicted, done = profile(world, src=src, check_mode=True), profile(world, src=src)
    assert predicted.diff == done.diff
    record = done.result["provisioning_profile"]
    assert (record["name"], record["app_identifier"], record["team_identifier"]) == (
        "Till",
        "com.example.till",
        "A1B2C3D4E5",
    )
    assert record["days_left"] > 20000
    assert not profile(world, src=src).changed
    wrong = profile(world, src=src, name="Kiosk")
    assert wrong.message == f"The file '{src}' has name Till, not Kiosk. Correct the options, or omit them."


def test_another_file_is_another_version(world: World, tmp_path: Path) -> None:
    first = profile(world, src=file(tmp_path, 2090)).result["provisioning_profile"]
    run = profile(world, src=file(tmp_path, 2091))
    second = run.result["provisioning_profile"]
    assert run.writes == ["POST /v2/provisioning-profiles"]
    assert first["id"] == second["id"]
    assert first["version_id"] != second["version_id"]
    # The result of the older file is its own version, although another one was uploaded last.
    assert profile(world, src=file(tmp_path, 2090)).result["provisioning_profile"]["version_id"] == first["version_id"]
    assert years(world) == ["2091", "2090"]


def test_a_lost_response_to_an_upload_adds_one_version(world: World, tmp_path: Path) -> None:
    profile(world, src=file(tmp_path, 2090))
    world.simulator.fault(kind="drop_after", method="POST")
    run = profile(world, src=file(tmp_path, 2091))
    assert run.changed
    assert years(world) == ["2091", "2090"]
    assert not profile(world, src=file(tmp_path, 2091)).changed


def test_an_expired_file_and_other_files_are_errors(world: World, tmp_path: Path) -> None:
    expired = profile(world, src=file(tmp_path, 2020))
    assert "expired on 2020-06-01T00:00:00Z" in expired.message
    text = tmp_path / "text.mobileprovision"
    text.write_bytes(b"<?xml version='1.0'?><plist><dict><key>Name</key></plist>")
    run = profile(world, src=str(text))
    assert "is not a provisioning profile (.mobileprovision) that the module can read" in run.message
    assert expired.writes == run.writes == []
    # Esper can know more forms than the module.
    run = profile(world, src=str(text), name="Till", app_identifier="com.example.till")
    assert "Uploading 'text.mobileprovision' to the provisioning profile 'Till' failed" in run.message


def test_versions_are_deleted_one_by_one_or_all(world: World, tmp_path: Path) -> None:
    for year in (2090, 2091, 2092):
        profile(world, src=file(tmp_path, year))
    shown = world.must("provisioning_profile_info", {"versions": True}).result["provisioning_profiles"][0]["versions"]
    assert profile(world, src=file(tmp_path, 2090), state="absent").changed
    assert years(world) == ["2092", "2091"]
    assert profile(world, name="Till", version=shown[0]["uuid"].upper(), state="absent").changed
    assert years(world) == ["2091"]
    assert not profile(world, name="Till", version=shown[0]["id"], state="absent").changed
    assert "version requires state=absent" in profile(world, name="Till", version=shown[1]["id"]).message
    assert profile(world, name="Till", state="absent").changed
    assert world.must("provisioning_profile_info", {}).result["provisioning_profiles"] == []


def test_a_profile_without_versions_counts_as_deleted(world: World, tmp_path: Path) -> None:
    profile(world, src=file(tmp_path, 2090))
    empty = {"content": {"count": 0, "next": "", "prev": "", "results": []}}
    world.simulator.rewrites.append(lambda _method, path, body: empty if path.endswith("/versions") else body)
    run = profile(world, name="Till", state="absent")
    assert (run.changed, run.failed) == (False, False)


def test_old_versions_are_deleted_unless_a_blueprint_uses_them(world: World, tmp_path: Path) -> None:
    for year in (2090, 2091, 2092):
        profile(world, src=file(tmp_path, year))
    rows = world.must("provisioning_profile_info", {"versions": True}).result["provisioning_profiles"]
    used = {"profile_id": rows[0]["id"], "profile_version_id": rows[0]["versions"][-1]["id"]}
    save(world, {"provisioning_profiles": [used]})
    predicted = profile(world, src=file(tmp_path, 2093), keep_versions=2, check_mode=True)
    run = profile(world, src=file(tmp_path, 2093), keep_versions=2)
    assert predicted.diff == run.diff
    assert years(world) == ["2093", "2092", "2090"]
    assert "is kept, because it is in use by the blueprint 'Tablets'" in run.warnings[0]
    again = profile(world, src=file(tmp_path, 2093), keep_versions=2)
    assert not again.changed
    refused = profile(world, name="Till", state="absent")
    assert "of the provisioning profile 'Till' is in use by the blueprint 'Tablets'" in refused.message
    assert refused.writes == []
    assert profile(world, name="Till", keep_versions=1, force=True).changed
    assert years(world) == ["2093"]
    assert "Invalid keep_versions 0" in profile(world, name="Till", keep_versions=0).message


def test_two_profiles_of_one_name_differ_by_their_bundle_ids(world: World, tmp_path: Path) -> None:
    profile(world, src=file(tmp_path, 2090))
    profile(world, src=file(tmp_path, 2090, app="com.example.kiosk"))
    run = profile(world, name="Till", state="absent")
    assert "Also set app_identifier, or use the ID." in run.message
    assert run.writes == []
    assert profile(world, name="Till", app_identifier="com.example.kiosk", state="absent").changed
    assert years(world) == ["2090"]


def test_two_profiles_of_one_name_and_bundle_id_differ_by_their_teams(world: World, tmp_path: Path) -> None:
    first = file(tmp_path, 2090)
    second = tmp_path / "other.mobileprovision"
    second.write_bytes(made(Profile("Till", "com.example.till", team="Z9Y8X7W6V5")))
    ids = [profile(world, src=str(src)).result["provisioning_profile"]["id"] for src in (first, second)]
    assert len(set(ids)) == 2
    assert [profile(world, src=str(src)).changed for src in (first, second)] == [False, False]
    run = profile(world, name="Till", app_identifier="com.example.till")
    assert run.message.endswith("Use the ID.")
    assert "has the team ID Z9Y8X7W6V5" in profile(world, id=ids[0], src=str(second)).message
    # A name can also be an ID.
    assert profile(world, name=ids[0]).result["provisioning_profile"]["id"] == ids[0]
    assert profile(world, name=ids[0], state="absent").changed


def test_profiles_are_downloaded_without_the_key(world: World, tmp_path: Path) -> None:
    for year in (2090, 2091):
        profile(world, src=file(tmp_path, year))
    options = {"expiring_within": 365 * 200, "dest": f"{tmp_path}/saved/"}
    run = world.must("provisioning_profile_info", options)
    saved = tmp_path / "saved" / "Till.mobileprovision"
    assert (run.changed, run.result["files"]) == (True, [str(saved)])
    assert saved.read_bytes() == Path(file(tmp_path, 2091)).read_bytes()
    assert "Signature" not in repr((run.result, run.warnings))
    assert not world.must("provisioning_profile_info", options).changed
    assert world.must("provisioning_profile_info", {"expiring_within": 30}).result["provisioning_profiles"] == []


def test_tenant_uploads_and_removes_profiles(world: World, tmp_path: Path) -> None:
    tasks = [
        {"src": file(tmp_path, 2091), "keep_versions": 1},
        {"src": file(tmp_path, 2090, "Kiosk", "com.example.kiosk")},
    ]
    profile(world, src=file(tmp_path, 2090))
    run = world.must("tenant", {"provisioning_profiles": tasks})
    assert [each.split(" ")[0] for each in run.writes] == ["POST", "POST", "DELETE"]
    assert not world.must("tenant", {"provisioning_profiles": tasks}).changed
    tasks = [{"name": "Till", "state": "absent"}]
    assert world.must("tenant", {"provisioning_profiles": tasks}).result["counts"]["deleted"] == 1
