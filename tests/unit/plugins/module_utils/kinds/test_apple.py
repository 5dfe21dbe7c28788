# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Webclips and provisioning profiles against the simulator: what is special about them."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.preparations import Preparation
from ansible_collections.esper.cloud.tests.laws.world import EmbeddedSimulator, Run, World
from ansible_collections.esper.cloud.tests.unit.service import Clock
from contract import Contract

Row = dict[str, t.Any]
CLIP = {"url": "https://menu.example.com", "target_bundle_id": "com.example.browser", "target_bundle_name": "Browser"}


@pytest.fixture(scope="module")
def running() -> t.Iterator[EmbeddedSimulator]:
    with EmbeddedSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract()


@pytest.fixture
def world(running: EmbeddedSimulator, contract: Contract, clock: Clock, tmp_path: Path) -> World:
    """A new tenant. The waits of the client take no time."""
    made = World(running, contract, tmp_path)
    made.begin(Preparation())
    return made


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
