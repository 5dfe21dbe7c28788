# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module device acts on the devices that a task names, on no others, and on no more than it may.

The tests run the task without the checks of all modules, which also refuse empty names.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter, NotFound
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.task import RunContext
from ansible_collections.esper.cloud.plugins.module_utils.tasks.device import DEVICE
from ansible_collections.esper.cloud.plugins.module_utils.tasks.safety import DESTRUCTIVE_LIMIT
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client

Row = dict[str, t.Any]


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def device(number: int, **more: t.Any) -> Row:
    named = {"name": f"DEV-{number}", "serial": f"S{number}", "alias": None}
    return {"id": uuid(number), **named, "state": 1, "platform": "LINUX", "tags": [], **more}


@dataclass
class Fleet:
    """Devices that take all changes; the search finds any part of a name, also of an empty one."""

    rows: list[Row] = field(default_factory=list)
    writes: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply:
        if request.method != "GET":
            self.writes.append(request)
            return answers({"id": f"w{len(self.writes)}"}, 201)
        if request.path == "/api/v2/devices/":
            text = request.query.get("search", "").lower()
            keys = ("name", "alias", "serial")
            rows = [row for row in self.rows if any(text in str(row[key] or "").lower() for key in keys)]
            return answers({"content": {"count": len(rows), "next": None, "prev": None, "results": rows}})
        if request.path.startswith("/api/v2/devices/"):
            found = [row for row in self.rows if row["id"] == request.path.rpartition("/")[2]]
            return answers({"content": found[0]}) if found else answers({"message": "Not found."}, 404)
        return answers({"count": 0, "next": None, "previous": None, "results": []})

    @property
    def wiped(self) -> list[str]:
        sent = [request.json for request in self.writes]
        return [each for body in sent if body["command"] == "WIPE" for each in body["devices"]]


@pytest.fixture
def fleet(server: Server) -> Fleet:
    server.app = made = Fleet()
    return made


class Run(t.Protocol):
    def __call__(self, *, check_mode: bool = False, **params: t.Any) -> Row:
        """Run a task with these parameters."""


@pytest.fixture
def run(client: Client) -> Run:
    def run(*, check_mode: bool = False, **params: t.Any) -> Row:
        defaults = {name: option.get("default") for name, option in DEVICE.options.items()}
        context = RunContext(check_mode=check_mode, diff=True)
        return DEVICE.run(TenantView(client), {**defaults, **params}, context).result

    return run


# --- who is meant -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
@pytest.mark.parametrize("names", [0, 1, 4, 5, 20])
@pytest.mark.parametrize("state", ["wiped", "absent"])
def test_an_empty_name_selects_no_device(fleet: Fleet, run: Run, blank: str, names: int, state: str) -> None:
    fleet.rows += [device(1), device(2, alias=" "), device(3, alias="", serial=None, name="")]
    old = [f"OLD-{number}" for number in range(names)]
    done = run(devices=[*old, blank], state=state, confirm=True)
    assert not done["changed"]
    assert done["devices"] == []
    assert fleet.writes == []


@pytest.mark.parametrize("names", [0, 20])
def test_an_empty_name_changes_no_device(fleet: Fleet, run: Run, names: int) -> None:
    fleet.rows += [device(1), device(2, alias=" ")]
    with pytest.raises(NotFound, match="no device ''"):
        run(devices=["", *(f"OLD-{number}" for number in range(names))], tags=["kiosk"])
    assert fleet.writes == []


def test_many_names_are_those_of_devices(fleet: Fleet, run: Run) -> None:
    fleet.rows += [device(number) for number in range(20)]
    upper = "00000000-0000-4000-8000-00000000ABCD"
    fleet.rows.append({**device(30), "id": upper.lower()})
    run(devices=["DEV-1", "S2", "", "OLD-1", "OLD-2", "OLD-3", upper, upper.lower()], state="wiped", confirm=True)
    assert sorted(fleet.wiped) == [uuid(1), uuid(2), upper.lower()]


# --- how many ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(("state", "action"), [("wiped", "Wiping"), ("absent", "Removing")])
def test_what_cannot_be_undone_has_a_limit(fleet: Fleet, run: Run, check_mode: bool, state: str, action: str) -> None:
    fleet.rows += [device(number) for number in range(DESTRUCTIVE_LIMIT + 1)]
    names = [row["name"] for row in fleet.rows]
    with pytest.raises(InvalidParameter, match=rf"{action} 21 devices \(DEV-0, .* 16 more\) exceeds the limit of 20"):
        run(devices=names, state=state, confirm=True, check_mode=check_mode)
    with pytest.raises(InvalidParameter, match="exceeds the limit of 2 devices"):
        run(devices=names[:3], state=state, confirm=True, max_devices=2, check_mode=check_mode)
    assert fleet.writes == []
    assert run(devices=names[:-1], state=state, confirm=True, check_mode=check_mode)["changed"]
    assert run(devices=names, state=state, confirm=True, max_devices=21, check_mode=check_mode)["changed"]


def test_only_devices_that_are_to_be_wiped_count(fleet: Fleet, run: Run) -> None:
    fleet.rows += [device(number, state=20) for number in range(DESTRUCTIVE_LIMIT + 1)]
    fleet.rows.append(device(99))
    run(devices=[row["name"] for row in fleet.rows], state="wiped", confirm=True, max_devices=1)
    assert fleet.wiped == [uuid(99)]


@pytest.mark.parametrize("check_mode", [False, True])
def test_changes_have_the_limit_of_the_task(fleet: Fleet, run: Run, check_mode: bool) -> None:
    fleet.rows += [device(number) for number in range(40)]
    names = [row["name"] for row in fleet.rows]
    with pytest.raises(InvalidParameter, match=r"Changing 40 devices \(DEV-0, .*\) exceeds the limit of 39"):
        run(devices=names, tags=["kiosk"], max_devices=39, check_mode=check_mode)
    assert fleet.writes == []
    assert run(devices=names, tags=["kiosk"], check_mode=check_mode)["changed"]
    assert not run(devices=names, tags=[], max_devices=1, check_mode=check_mode)["changed"]


@pytest.mark.parametrize(("state", "action"), [("wiped", "Wiping"), ("absent", "Removing")])
def test_the_error_that_asks_for_confirm_names_devices(fleet: Fleet, run: Run, state: str, action: str) -> None:
    fleet.rows += [device(number) for number in range(7)]
    with pytest.raises(InvalidParameter) as caught:
        run(devices=[row["serial"] for row in fleet.rows], state=state)
    assert str(caught.value) == (
        f"{action} 7 devices (DEV-0, DEV-1, DEV-2, DEV-3, DEV-4 and 2 more) cannot be undone."
        " Set confirm to true to continue."
    )


# --- aliases and tags -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("aliases", "why"),
    [
        ({"DEV-1": "Till 1", "S1": "Till 2"}, "'DEV-1' and 'S1' both refer to the device 'DEV-1'"),
        ({"DEV-1": "Till 1", "S1": "Till 1"}, "'DEV-1' and 'S1' both refer to the device 'DEV-1'"),
        ({"Old": "Till 1", uuid(1): "Till 2"}, "both refer to the device 'DEV-1'"),
        ({"DEV-1": "Till 1", " DEV-1": "Till 2"}, "two keys differ only in whitespace"),
        ({"DEV-1": "Till", "DEV-2": "Till"}, "'DEV-1' and 'DEV-2' would both have the alias 'Till'"),
        ({"Old": "Till", "S2": " Till "}, "'DEV-1' and 'DEV-2' would both have the alias 'Till'"),
        ({"DEV-1": "Three"}, "'DEV-1' and 'DEV-3' would both have the alias 'Three'"),
        ({"": "Till"}, "'' is not one of the devices"),
        ({"DEV-4": "Till"}, "'DEV-4' is not one of the devices"),
        ({"Nobody": "Till"}, "'Nobody' is not one of the devices"),
        ({"DEV-1": None}, "the alias of 'DEV-1' is None"),
    ],
    ids=str,
)
def test_a_device_has_one_alias_and_an_alias_one_device(fleet: Fleet, run: Run, aliases: Row, why: str) -> None:
    fleet.rows += [device(1, alias="Old"), device(2), device(3, alias="Three"), device(4)]
    with pytest.raises(InvalidParameter, match=f"Invalid aliases: .*{why}"):
        run(devices=["DEV-1", "DEV-2", "DEV-3"], aliases=aliases)
    assert fleet.writes == []


def test_devices_can_exchange_their_aliases(fleet: Fleet, run: Run) -> None:
    fleet.rows += [device(1, alias="A"), device(2, alias="B"), device(3, alias="C"), device(4, alias="C")]
    done = run(devices=["DEV-1", "DEV-2", "DEV-3", "DEV-4"], aliases={"DEV-1": "B", "S2": "A"})
    assert {each["name"]: each["alias"] for each in done["pending_aliases"]} == {"DEV-1": "B", "DEV-2": "A"}


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({"tags": ["Kiosk", "kiosk"]}, "Invalid tags: 'Kiosk' and 'kiosk' differ only in case"),
        ({"add_tags": ["Straße", "STRASSE"]}, "Invalid add_tags: 'Straße' and 'STRASSE' differ only in case"),
        ({"remove_tags": ["kiosk", "KIOSK"]}, "Invalid remove_tags"),
        ({"add_tags": ["Kiosk"], "remove_tags": ["kiosk"]}, "The tags Kiosk cannot be both added and removed"),
        ({"tags": ["kiosk", " "]}, "Invalid tags: a tag is empty"),
        ({"add_tags": [""]}, "Invalid add_tags: a tag is empty"),
    ],
    ids=str,
)
def test_tags_of_a_task_differ_in_more_than_case(fleet: Fleet, run: Run, tags: Row, why: str) -> None:
    fleet.rows.append(device(1))
    with pytest.raises(InvalidParameter, match=why):
        run(devices=["DEV-1"], **tags)
    assert fleet.writes == []


def test_a_tag_that_is_listed_twice_is_one(fleet: Fleet, run: Run) -> None:
    fleet.rows.append(device(1))
    run(devices=["DEV-1"], tags=["kiosk", "kiosk ", "pos"])
    assert [request.json for request in fleet.writes] == [{"tags": ["kiosk", "pos"]}]
