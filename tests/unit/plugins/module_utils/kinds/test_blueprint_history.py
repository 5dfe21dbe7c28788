# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of blueprints by what they contain, and what changed from one to the next."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

NAME = "Kiosks with history"
KIOSK = "com.example.kiosk"
NETWORK = "0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d"


@pytest.fixture
def content(world: World) -> Row:
    """Save five versions of a blueprint, and return the content file of the last one."""
    names = [each["name"] for each in world.must("content_info", {}).result["contents"]]
    unique = next(name for name in names if names.count(name) == 1)
    file = t.cast("Row", world.must("content_info", {"name": unique}).result["contents"][0])
    app = {"package_name": KIOSK, "version_name": "1.0.0"}
    for publish, android in (
        (True, {"apps": [app]}),
        (False, {"wifi_networks": [{"wifi_network_id": NETWORK}]}),
        (True, {"apps": [{**app, "version_name": "1.1.0"}]}),
        (True, {"files": [{"content": file["name"], "destination_path": "/sdcard/a"}]}),
    ):
        options = {"name": NAME, "publish": publish, "comments": str(publish), "settings": {"android": android}}
        world.must("blueprint", options)
    return file


def read(world: World, **options: t.Any) -> Run:
    run = world.must("blueprint_info", {"name": NAME, **options})
    assert run.writes == []
    return run


def numbers(run: Run, name: str = "versions") -> list[tuple[int, int]]:
    return [(each["version_number"], each["minor_version_number"]) for each in run.result[name]]


def query_of(run: Run) -> Row:
    (request,) = [each for each in run.requests if each["path"].endswith("/versions/") and "blueprints" in each["path"]]
    return {name: value for name, value in request["query"].items() if name != "ordering"}


@pytest.mark.usefixtures("content")
def test_the_history_has_the_differences_to_the_version_before(world: World) -> None:
    run = read(world, history=True)
    assert numbers(run, "history") == [(3, 0), (2, 0), (1, 1), (1, 0), (0, 1)]
    newest, update, draft, published, first = run.result["history"]
    app = f"settings.android.apps[{KIOSK}]"
    assert {"path": f"{app}.version_name", "before": "1.0.0", "after": "1.1.0"} in update["differences"]
    assert all(each["path"].startswith(app) for each in update["differences"])
    assert (draft["publish"], draft["comments"], draft["updated_by"]) == (False, "False", "1")
    assert all(each["path"].startswith("settings.android.wifi_networks[") for each in draft["differences"])
    assert newest["differences"]
    assert published["differences"] == first["differences"] == []
    assert "versions" not in run.result
    assert query_of(run) == {}


@pytest.mark.usefixtures("content")
def test_the_history_of_some_versions_has_the_same_differences(world: World) -> None:
    everything = read(world, history=True).result["history"]
    run = read(world, history=True, versions=True, version_filter={"published": True})
    assert run.result["history"] == [each for each in everything if each["publish"]]
    assert numbers(run) == [(3, 0), (2, 0), (1, 0)]


FILTERS: list[tuple[Row, list[tuple[int, int]], set[str]]] = [
    ({"published": False}, [(1, 1), (0, 1)], {"publish"}),
    ({"number": 1}, [(1, 1), (1, 0)], {"version_number"}),
    ({"package_name": KIOSK, "version_name": "1.0.0"}, [(1, 1), (1, 0), (0, 1)], {"app_id", "app_version_id"}),
    ({"package_name": KIOSK, "published": True}, [(3, 0), (2, 0), (1, 0)], {"app_id", "publish"}),
    ({"wifi_network_id": NETWORK.upper()}, [(3, 0), (2, 0), (1, 1)], {"wifi_network_id"}),
    ({"app_id": NETWORK}, [], {"app_id"}),
    ({"app_version_id": NETWORK}, [], {"app_version_id"}),
    ({}, [(3, 0), (2, 0), (1, 1), (1, 0), (0, 1)], set()),
]


@pytest.mark.usefixtures("content")
def test_versions_are_filtered_by_esper(world: World) -> None:
    for options, found, keys in FILTERS:
        run = read(world, versions=True, resolve_names=False, version_filter=options)
        assert numbers(run) == found
        assert {name.removeprefix("settings__android__") for name in query_of(run)} == keys


@pytest.mark.usefixtures("content")
def test_versions_are_filtered_even_if_esper_ignores_the_filter(world: World) -> None:
    rows: list[Row] = []

    def without_filter(_method: str, path: str, body: t.Any) -> t.Any:
        if not ("/blueprints/" in path and path.endswith("/versions/")):
            return body
        rows.extend(body["content"]["results"] if not rows else [])
        return {"content": {"count": len(rows), "results": rows}}

    world.simulator.rewrites.append(without_filter)
    read(world, versions=True, resolve_names=False)
    for options, found, _keys in FILTERS:
        assert numbers(read(world, versions=True, resolve_names=False, version_filter=options)) == found


def test_a_content_file_selects_versions(world: World, content: Row) -> None:
    for options in ({"content": content["name"]}, {"file_id": content["id"]}):
        run = read(world, versions=True, version_filter=options)
        assert numbers(run) == [(3, 0)]
        assert query_of(run) == {"settings__android__file_id": str(content["id"])}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"version_filter": {"number": 1}}, "requires versions=true or history=true"),
        ({"versions": True, "version_filter": {"version_name": "1.0.0"}}, "requires package_name or app_id"),
        ({"versions": True, "version_filter": {"package_name": "com.example.kiosc"}}, "com.example.kiosk"),
        ({"versions": True, "version_filter": {"package_name": KIOSK, "version_name": "9"}}, "not found"),
        ({"versions": True, "version_filter": {"package_name": ""}}, "version_filter.package_name is empty"),
        ({"versions": True, "version_filter": {"version_name": ""}}, "version_filter.version_name is empty"),
        ({"history": True, "export": True}, "mutually exclusive"),
    ],
)
def test_filters_that_do_not_fit_are_an_error(world: World, options: Row, message: str) -> None:
    run = world.run("blueprint_info", {"name": "Point of Sale", **options})
    assert run.failed
    assert message in run.message
