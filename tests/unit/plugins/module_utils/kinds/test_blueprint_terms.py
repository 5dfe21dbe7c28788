# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of plain kinds in the settings of blueprints, against the simulator."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.preparations import Preparation
from ansible_collections.esper.cloud.tests.laws.world import EmbeddedSimulator, Run, World
from ansible_collections.esper.cloud.tests.unit.service import Clock
from contract import Contract

Row = dict[str, t.Any]

OTHER_ID = "0d5d3e0c-9a7e-4f57-8d0a-3f6f7d1f2b64"


@pytest.fixture(scope="module")
def running() -> t.Iterator[EmbeddedSimulator]:
    with EmbeddedSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract()


@pytest.fixture
def world(
    running: EmbeddedSimulator, contract: Contract, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    """A new tenant. The waits of the client take no time."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wide").mkdir()
    made = World(running, contract, tmp_path)
    made.begin(Preparation(files={"summer.png": b"portrait", "winter.png": b"other", "wide/summer.png": b"landscape"}))
    return made


def blueprint(world: World, settings: Row, **options: t.Any) -> Run:
    return world.run("blueprint", {"name": "Signage", "settings": settings, **options})


def upload(world: World, src: str, orientation: str) -> str:
    found = world.must("wallpaper", {"src": src, "orientation": orientation}).result["wallpaper"]
    return str(found["id"])


def screen(**wallpapers: t.Any) -> Row:
    """The settings with wallpapers on the home screen, by orientation."""
    return {"android": {"wallpaper_settings": {"homescreen": wallpapers}}}


@pytest.fixture
def wallpapers(world: World) -> dict[str, str]:
    """The IDs of two wallpapers with one name, by orientation."""
    upload(world, "winter.png", "portrait")
    return {
        "portrait": upload(world, "summer.png", "portrait"),
        "landscape": upload(world, "wide/summer.png", "landscape"),
    }


# --- wallpapers -------------------------------------------------------------------------------------------------------


def test_a_wallpaper_is_set_by_its_name_and_the_orientation_of_the_setting(
    world: World, wallpapers: dict[str, str]
) -> None:
    settings = screen(portrait={"wallpaper": "summer.png"}, landscape={"wallpaper": "summer.png"})
    created = blueprint(world, settings)
    assert created.requests[-1]["body"]["settings"]["android"]["wallpaper_settings"]["homescreen"] == {
        "apply_policy": "ALWAYS APPLY",
        **{orientation: {"wallpaper_id": identifier} for orientation, identifier in wallpapers.items()},
    }
    both = {
        orientation: {"wallpaper": "summer.png", "wallpaper_id": identifier}
        for orientation, identifier in wallpapers.items()
    }
    shown = {"apply_policy": "ALWAYS APPLY", **both}
    assert created.result["blueprint"]["settings"]["android"]["wallpaper_settings"]["homescreen"] == shown
    for same in (settings, screen(**both), screen(portrait={"wallpaper_id": wallpapers["portrait"].upper()})):
        assert not blueprint(world, same).changed
    (read,) = world.must("blueprint_info", {"name": "Signage"}).result["blueprints"]
    assert read["settings"]["android"]["wallpaper_settings"]["homescreen"] == shown
    by_id = world.must("blueprint_info", {"name": "Signage", "resolve_names": False})
    assert "summer.png" not in by_id.shown
    changed = blueprint(world, screen(portrait={"wallpaper": "winter.png"}))
    (before, after) = (str(changed.diff[0][side]) for side in ("before", "after"))
    assert ("summer.png" in before, "winter.png" in after) == (True, True)


def test_an_export_has_names_of_wallpapers_that_another_tenant_can_have(
    world: World, wallpapers: dict[str, str]
) -> None:
    gone = {"wallpaper_id": OTHER_ID}
    settings = screen(portrait={"wallpaper": "summer.png"}, landscape=gone)
    blueprint(world, settings)
    exported = world.must("blueprint_info", {"name": "Signage", "export": True}).result
    assert [each["path"] for each in exported["omitted"]] == [
        "settings.android.wallpaper_settings.homescreen.landscape.wallpaper_id"
    ]
    (options,) = exported["blueprints"]
    homescreen = options["settings"]["android"]["wallpaper_settings"]["homescreen"]
    assert homescreen["portrait"] == {"wallpaper": "summer.png"}
    assert world.must("blueprint", {**options, "name": "Copy"}).changed


@pytest.mark.parametrize(
    ("wallpaper", "error"),
    [
        (
            {"wallpaper": "sumer.png"},
            "The portrait wallpaper 'sumer.png' was not found. Did you mean 'summer.png' or 'winter.png'?",
        ),
        (
            {"wallpaper": "summer.png", "wallpaper_id": OTHER_ID},
            "settings.android.wallpaper_settings.homescreen.portrait has the wallpaper 'summer.png', but the"
            f" wallpaper_id '{OTHER_ID}' is that of another wallpaper or of none. Set only one of them.",
        ),
        ({"wallpaper": ""}, "settings.android.wallpaper_settings.homescreen.portrait.wallpaper is empty"),
    ],
)
def test_a_wallpaper_that_cannot_be_selected(
    world: World, wallpapers: dict[str, str], wallpaper: Row, error: str
) -> None:
    run = blueprint(world, screen(portrait=wallpaper))
    assert error in run.message
    assert run.writes == []


def test_two_wallpapers_with_one_name_and_orientation_are_ambiguous(world: World, wallpapers: dict[str, str]) -> None:
    world.simulator.rewrites.append(
        lambda _method, path, body: (
            {**body, "results": [*body["results"], {**body["results"][1], "id": OTHER_ID}]}
            if path.endswith("/wallpaper/")
            else body
        )
    )
    assert "summer.png" in blueprint(world, screen(portrait={"wallpaper": "summer.png"})).message
    blueprint(world, screen(portrait={"wallpaper_id": OTHER_ID}))
    (read,) = world.must("blueprint_info", {"name": "Signage"}).result["blueprints"]
    assert read["settings"]["android"]["wallpaper_settings"]["homescreen"]["portrait"] == {
        "wallpaper": None,
        "wallpaper_id": OTHER_ID,
    }


def test_a_task_uploads_a_wallpaper_and_sets_it(world: World) -> None:
    task = {
        "blueprints": [{"name": "Signage", "settings": screen(portrait={"wallpaper": "summer.png"})}],
        "wallpapers": [{"src": "summer.png", "orientation": "portrait"}],
    }
    assert world.must("tenant", task, check_mode=True).changed
    created = world.must("tenant", task)
    assert [write.split("/")[-2] for write in created.writes] == ["wallpaper", "blueprints"]
    assert not world.must("tenant", task).changed
    refused = world.run("wallpaper", {"name": "summer.png", "orientation": "portrait", "state": "absent"})
    assert "is in use by the blueprint 'Signage' (draft)" in refused.message
    removal = {
        "blueprints": [{"name": "Signage", "settings": {"android": {"wallpaper_settings": {}}}, "exact": True}],
        "wallpapers": [{"name": "summer.png", "orientation": "portrait", "state": "absent"}],
    }
    removed = world.must("tenant", removal)
    assert [write.split(" ")[0] for write in removed.writes] == ["PUT", "DELETE"]
