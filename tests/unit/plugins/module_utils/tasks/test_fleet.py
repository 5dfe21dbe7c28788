# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of a tenant that an inventory reads, and its copy in a cache."""

from __future__ import annotations

import json
import threading
import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ApiError
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device import as_host
from ansible_collections.esper.cloud.plugins.module_utils.tasks.fleet import KINDS, Fleet, read_fleet
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client

Row = dict[str, t.Any]

GROUP, TAG, BLUEPRINT = (f"00000000-0000-4000-8000-00000000000{number}" for number in range(3))
DEVICE: Row = {
    "id": "00000000-0000-4000-8000-000000000009",
    "name": "ABC-DEF-00001",
    "group_id": GROUP,
    "tags": [TAG],
    "blueprint_info": {"assigned_blueprint_id": BLUEPRINT},
}
LISTS: dict[str, list[Row]] = {
    "devicegroup": [{"id": GROUP, "name": "Berlin", "path": "All devices/Berlin", "parent": None}],
    "tags": [{"id": TAG, "tag": "kiosk"}],
    "blueprints": [{"id": BLUEPRINT, "name": "Point of Sale"}],
}


def service(devices: list[Row], refused: dict[str, int] | None = None) -> t.Callable[[Request], Reply]:
    def app(request: Request) -> Reply:
        name = request.path.rstrip("/").rpartition("/")[2]
        if name in (refused or {}):
            return answers({"message": "No."}, (refused or {})[name])
        rows = devices if name == "devices" else LISTS[name]
        return answers({"count": len(rows), "results": rows})

    return app


def read(client: Client, warnings: list[str] | None = None, **options: t.Any) -> Fleet:
    return read_fleet(
        TenantView(client),
        {},
        **{
            "level": "standard",
            "kinds": KINDS,
            "concurrency": 1,
            "by_cursor": False,
            "on_progress": lambda _read, _count: None,
            "warn": (warnings if warnings is not None else []).append,
            **options,
        },
    )


def asked(server: Server) -> list[str]:
    return [request.path.rstrip("/").rpartition("/")[2] for request in server.requests]


def test_names_are_read_in_addition_to_the_devices(server: Server, client: Client) -> None:
    server.app = service([DEVICE])
    fleet = read(client)
    assert [device["name"] for device in fleet.devices] == ["ABC-DEF-00001"]
    assert fleet.groups == {GROUP: {"path": "All devices/Berlin", "parent": None}}
    assert (fleet.tags, fleet.blueprints) == ({TAG: "kiosk"}, {BLUEPRINT: "Point of Sale"})


def test_a_slash_in_the_name_of_a_group_is_not_a_level(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [GROUP, *(f"{number:08}-0000-4000-8000-000000000000" for number in range(1, 4))]
    names = ["All devices", "A/B", "kid", "C"]
    parents = [None, ids[0], ids[1], ids[2]]
    paths = ["All devices", "All devices/A/B", "All devices/A/B/kid", "All devices/A/B/kid/C"]
    rows = [
        {"id": identifier, "name": name, "path": path, "parent": parent}
        for identifier, name, path, parent in zip(ids, names, paths, parents, strict=True)
    ]
    monkeypatch.setitem(LISTS, "devicegroup", rows)
    server.app = service([DEVICE])
    assert [group["path"] for group in read(client).groups.values()] == [
        "All devices",
        r"All devices/A\/B",
        r"All devices/A\/B/kid",
        r"All devices/A\/B/kid/C",
    ]
    assert asked(server) == ["devices", "devicegroup", "tags", "blueprints"]


@pytest.mark.parametrize(
    ("kinds", "lists"),
    [((), []), (["group"], ["devicegroup"]), (["tag"], ["tags"]), (["blueprint"], ["blueprints"])],
    ids=str,
)
def test_only_what_is_needed_is_looked_up(
    server: Server, client: Client, kinds: t.Sequence[str], lists: list[str]
) -> None:
    server.app = service([DEVICE])
    read(client, kinds=kinds, level="minimal")
    assert asked(server) == ["devices", *lists]


def test_what_no_device_has_is_not_looked_up(server: Server, client: Client) -> None:
    server.app = service([{"id": DEVICE["id"]}])
    read(client)
    assert asked(server) == ["devices", "devicegroup"]


def test_devices_are_read_by_cursor_where_that_is_asked_for(server: Server, client: Client) -> None:
    server.app = service([DEVICE])
    read(client, by_cursor=True, kinds=())
    assert server.requests[0].query == {"ordering": "created_at", "limit": "1000", "cursor": "start"}


def test_the_ids_of_tags_are_used_if_their_names_are_not_available(server: Server, client: Client) -> None:
    server.app = service([DEVICE], refused={"tags": 403})
    warnings: list[str] = []
    assert read(client, warnings).tags == {}
    assert len(warnings) == 1
    assert "Using the IDs of tags, because their names are not available" in warnings[0]


def test_lists_are_read_side_by_side_where_that_may_be(server: Server, client: Client) -> None:
    """Each of the three is answered only once all have been asked for."""
    answer, together = service([DEVICE]), threading.Barrier(3, timeout=30)

    def app(request: Request) -> Reply:
        if not request.path.endswith("/devices/"):
            together.wait()
        return answer(request)

    server.app = app
    fleet = read(client, concurrency=4)
    assert (len(fleet.groups), len(fleet.tags), len(fleet.blueprints)) == (1, 1, 1)


def test_a_list_that_fails_is_no_half_a_fleet(server: Server, client: Client) -> None:
    server.app = service([DEVICE], refused={"blueprints": 404})
    with pytest.raises(ApiError):
        read(client)


def test_a_key_without_the_right_to_blueprints_has_a_fleet(server: Server, client: Client) -> None:
    server.app = service([DEVICE], refused={"blueprints": 403})
    warnings: list[str] = []
    fleet = read(client, warnings)
    assert (len(fleet.devices), fleet.blueprints) == (1, {})
    assert ["Using the IDs of blueprints, because their names are not available" in each for each in warnings] == [True]


@pytest.mark.parametrize("number", [0, 1, 999, 1000, 1001, 2500])
def test_a_cache_returns_the_same_fleet(number: int) -> None:
    devices = [{**as_host({"id": str(each)}, "standard"), "alias": "Büro"} for each in range(number)]
    fleet = Fleet(devices, {"g": {"path": "p", "parent": None}}, {"t": "kiosk"}, {"b": "x"}, "2026-03-01")
    assert Fleet.from_cache(json.loads(json.dumps(fleet.to_cache()))) == fleet


@pytest.mark.parametrize(
    "cached", [None, "text", [], {}, {"devices": ["{"]}, {"devices": [1]}, {"devices": [], "nonsense": 1}], ids=str
)
def test_cached_data_that_is_no_fleet_is_an_error(cached: t.Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Fleet.from_cache(cached)
