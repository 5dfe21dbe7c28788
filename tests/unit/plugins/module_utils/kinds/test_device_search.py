# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices are found by name, alias, serial number or ID, in as few requests as possible."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import Ambiguous, NotFound
from ansible_collections.esper.cloud.plugins.module_utils.base.text import counted
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device_search import (
    find_devices,
    require_devices,
)
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client

Row = dict[str, t.Any]


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def device(number: int, **more: t.Any) -> Row:
    return {"id": uuid(number), "name": f"DEV-{number}", "alias": None, "serial": f"S{number}", "state": 1, **more}


@dataclass
class Fleet:
    """Devices with a search for parts of their names. ``size`` is the number that the list reports, if it differs."""

    rows: list[Row]
    size: int | None = None
    sent: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply:
        self.sent.append(request)
        if request.path != "/api/v2/devices/":
            found = [row for row in self.rows if request.path.endswith(row["id"])]
            return answers({"content": found[0]}) if found else answers({"message": "Not found."}, 404)
        rows = self.rows
        if "search" in request.query:
            text = request.query["search"].lower()
            rows = [row for row in rows if any(text in str(row[key]).lower() for key in ("name", "alias", "serial"))]
        offset, limit = int(request.query.get("offset", 0)), int(request.query["limit"])
        count = self.size if self.size is not None and "search" not in request.query else len(rows)
        page = {"count": count, "next": None, "prev": None, "results": rows[offset : offset + limit]}
        return answers({"content": page})

    @property
    def listings(self) -> int:
        return sum(request.path == "/api/v2/devices/" and "search" not in request.query for request in self.sent)


@pytest.fixture
def view(client: Client) -> TenantView:
    return TenantView(client)


def tenant(server: Server, *rows: Row, size: int | None = None) -> Fleet:
    fleet = Fleet(list(rows), size)
    server.app = fleet
    return fleet


@pytest.mark.parametrize("name", ["DEV-1", "S1", "Till", uuid(1), uuid(1).upper(), " DEV-1 "])
def test_a_device_is_found_by_name_alias_serial_number_and_id(server: Server, view: TenantView, name: str) -> None:
    fleet = tenant(server, device(1, alias="Till"), device(11, alias="Till 2"), device(12))
    (found,) = require_devices(view, [name])
    assert found["id"] == uuid(1)
    assert len(fleet.sent) == 1


@pytest.mark.parametrize("size", [1, 20])
@pytest.mark.parametrize("blank", ["", " "])
def test_an_empty_name_matches_no_device(server: Server, view: TenantView, blank: str, size: int) -> None:
    fleet = tenant(server, device(1, alias=" "), device(2, name=None, serial="", alias=None), device(3))
    names = [blank, *(f"OLD-{number}" for number in range(size - 1))]
    assert set(find_devices(view, names).values()) == {None}
    assert not any(request.query.get("search") == "" for request in fleet.sent)


@pytest.mark.parametrize("name", ["DEV", "dev-1", "S", "", uuid(9)])
def test_a_part_of_a_name_or_another_case_does_not_match(server: Server, view: TenantView, name: str) -> None:
    tenant(server, device(1))
    assert find_devices(view, [name]) == {name: None}


def test_a_device_with_several_names_is_returned_once(server: Server, view: TenantView) -> None:
    tenant(server, device(1, alias="Till"))
    assert len(require_devices(view, ["DEV-1", "Till", "S1", uuid(1), "DEV-1"])) == 1


def test_a_name_of_two_devices_is_ambiguous(server: Server, view: TenantView) -> None:
    tenant(server, device(1, alias="Till"), device(2, alias="Till"))
    with pytest.raises(Ambiguous, match=r"2 objects match \(DEV-1 \(alias Till, serial S1\), DEV-2"):
        require_devices(view, ["Till"])


def test_the_enrolled_device_is_preferred_to_disabled_ones(server: Server, view: TenantView) -> None:
    tenant(server, device(1, serial="S", state=20), device(2, serial="S"), device(3, serial="S", state=20))
    (found,) = require_devices(view, ["S"])
    assert found["id"] == uuid(2)


def test_a_disabled_device_is_found_if_no_device_is_enrolled(server: Server, view: TenantView) -> None:
    tenant(server, device(1, serial="S", state=20), device(3, serial="S", state=20))
    (found,) = require_devices(view, ["S"])
    assert found["id"] == uuid(3)


@pytest.mark.parametrize(
    ("number", "size", "listed"),
    [(5, 100, False), (6, 100, True), (100, 100, True), (10, 10_001, False)],
)
def test_the_list_is_read_if_it_takes_fewer_requests(
    server: Server, view: TenantView, number: int, size: int, listed: bool
) -> None:
    rows = [device(index) for index in range(min(size, 200))]
    fleet = tenant(server, *rows, size=None if size <= len(rows) else size)
    names = [f"DEV-{index}" for index in range(number)]
    if listed and size > len(rows):
        # The list contains fewer devices than it reports.
        fleet.size = size
    found = find_devices(view, names)
    assert [row and row["name"] for row in found.values()] == names
    searches = sum("search" in request.query for request in fleet.sent)
    assert searches == (0 if listed else number)


@pytest.mark.parametrize("size", [None, 90_000])
def test_the_list_and_single_searches_have_the_same_result(server: Server, view: TenantView, size: int | None) -> None:
    rows = [device(index) for index in range(8)]
    rows += [device(20, alias="Till"), device(21, serial="X", state=20), device(22, serial="X")]
    tenant(server, *rows, size=size)
    names = ["DEV-1", "S2", uuid(3), "Till", "X", "nothing", uuid(99)]
    found = find_devices(view, names)
    assert [row and row["id"] for row in found.values()] == [uuid(1), uuid(2), uuid(3), uuid(20), uuid(22), None, None]


def test_the_error_names_all_missing_devices(server: Server, view: TenantView) -> None:
    tenant(server, device(1))
    with pytest.raises(NotFound, match=r"The device 'Nobody' was not found. Also not found: 'Nothing', 'Nowhere'."):
        require_devices(view, ["DEV-1", "Nobody", "Nothing", "Nowhere"])


@pytest.mark.parametrize("typo", ["STORE-BERLIN-7", "stor-berlin-7", "STORE-BERLIM-7", "TORE-BERLIN-7", "Till seven"])
def test_the_error_about_a_mistyped_name_has_close_ones(server: Server, view: TenantView, typo: str) -> None:
    near = device(2, name="Store-Berlin-7", alias="Till Seven", serial="S2")
    removed = device(3, name="Store-Berlin-70", state=20)
    fleet = tenant(server, near, removed, *(device(index) for index in range(4, 9)))
    with pytest.raises(
        NotFound, match=r"was not found\. Did you mean 'Store-Berlin-7'\?$|Did you mean 'Till Seven'\?$"
    ):
        require_devices(view, [typo])
    assert len(fleet.sent) == 3


def test_the_error_about_a_name_does_not_depend_on_the_search_for_close_ones(server: Server, view: TenantView) -> None:
    fleet, sent = tenant(server, device(1)), list[str]()

    def fails(request: Request) -> Reply:
        sent.append(request.path)
        return fleet(request) if len(sent) == 1 else answers({"message": "Not allowed."}, 403)

    server.app = fails
    with pytest.raises(NotFound, match=r"The device 'Nobody' was not found\.$"):
        require_devices(view, ["Nobody"])


def test_no_names_take_no_request(server: Server, view: TenantView) -> None:
    fleet = tenant(server, device(1))
    assert require_devices(view, []) == []
    assert fleet.sent == []


@pytest.mark.parametrize(("number", "text"), [(0, "0 devices"), (1, "1 device"), (2, "2 devices")])
def test_the_noun_agrees_with_its_number(number: int, text: str) -> None:
    assert counted(number) == text
