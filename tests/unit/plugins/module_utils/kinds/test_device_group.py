# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
import uuid
from dataclasses import dataclass, field

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import (
    Ambiguous,
    ApiError,
    InvalidParameter,
    NotFound,
)
from ansible_collections.esper.cloud.plugins.module_utils.engine.apply import Result, ensure, make_plan
from ansible_collections.esper.cloud.plugins.module_utils.engine.reader import reader_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device_group import DEVICE_GROUP, device_groups
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device_group_lookup import is_root, path_of
from ansible_collections.esper.cloud.plugins.module_utils.kinds.group_path import ROOT, join_path, split_path
from ansible_collections.esper.cloud.plugins.module_utils.model.plan import Plan
from ansible_collections.esper.cloud.plugins.module_utils.model.unknowns import KnownAfterApply
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
    from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient

Row = dict[str, t.Any]


@dataclass
class Groups:
    """A tenant's device groups and devices, as far as the tests need them."""

    rows: dict[str, Row] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    """Properties that the service does not tell."""

    def __post_init__(self) -> None:
        self.root = self.add(ROOT, None)

    def add(self, name: str, parent: str | None, devices: int = 0) -> str:
        identifier = str(uuid.uuid4())
        self.rows[identifier] = {"id": identifier, "name": name, "parent": parent}
        for _number in range(devices):
            self.devices[str(uuid.uuid4())] = identifier
        return identifier

    def tree(self, *paths: str) -> dict[str, str]:
        """Add groups by their paths below the root; their ids by path."""
        made: dict[str, str] = {}
        for path in paths:
            parent, _slash, name = path.rpartition("/")
            made[path] = self.add(name, made[parent] if parent else self.root)
        return made

    @property
    def paths(self) -> set[str]:
        return {self.path(identifier) for identifier in self.rows}

    def path(self, identifier: str) -> str:
        row = self.rows[identifier]
        return str(row["name"]) if row["parent"] is None else f"{self.path(row['parent'])}/{row['name']}"

    def shown(self, row: Row) -> Row:
        identifier, parent = row["id"], row["parent"]
        told = {
            **row,
            "parent": parent and f"https://acme-api.esper.cloud/api/enterprise/x/devicegroup/{parent}/",
            "path": self.path(identifier),
            "device_count": sum(group == identifier for group in self.devices.values()),
            "children_count": sum(each["parent"] == identifier for each in self.rows.values()),
        }
        return {name: value for name, value in told.items() if name not in self.hidden}

    def __call__(self, request: Request) -> Reply:
        if request.path.endswith("/v2/devices/"):
            wanted = request.query["group_multi_immediate"]
            found = [{"id": device} for device, group in self.devices.items() if group == wanted]
            offset, limit = int(request.query.get("offset", 0)), int(request.query["limit"])
            page = found[offset : offset + limit]
            return answers({"content": {"count": len(found), "next": None, "prev": None, "results": page}})
        identifier = request.path.partition("/devicegroup/")[2].rstrip("/").lower()
        if not identifier:
            return self._create(request.json) if request.method == "POST" else self._list(request.query)
        if identifier not in self.rows:
            return answers({"message": "detail: Not found. "}, 404)
        if request.method == "DELETE":
            return self._delete(identifier)
        if request.method == "PATCH":
            return self._patch(self.rows[identifier], request.query.get("action"), request.json)
        return answers(self.shown(self.rows[identifier]))

    def _list(self, query: dict[str, str]) -> Reply:
        wanted = query.get("name", "").casefold()
        found = [self.shown(row) for row in self.rows.values() if wanted in row["name"].casefold()]
        return answers({"count": len(found), "next": None, "previous": None, "results": found})

    def _create(self, body: Row) -> Reply:
        if self._taken(body["name"], body["parent"]):
            return answers({"message": "Device group already exists", "errors": [], "status": 400}, 400)
        return answers(self.shown(self.rows[self.add(body["name"], body["parent"])]), 201)

    def _delete(self, identifier: str) -> Reply:
        if identifier in self.devices.values() or any(row["parent"] == identifier for row in self.rows.values()):
            return answers({"message": "It is not empty."}, 400)
        del self.rows[identifier]
        return answers(None, 204)

    def _patch(self, row: Row, action: str | None, body: Row) -> Reply:
        if action == "add":
            if len(body["device_ids"]) > 1000:
                return answers({"message": "Too many devices."}, 400)
            self.devices.update(dict.fromkeys(body["device_ids"], row["id"]))
        else:
            name = str(body.get("name", row["name"]))
            parent = body["parent"] if action == "move" else row["parent"]
            if self._taken(name, parent, apart_from=row["id"]):
                return answers({"message": "Device group already exists"}, 400)
            row.update(name=name, parent=parent)
        return answers(self.shown(row))

    def _taken(self, name: str, parent: str | None, apart_from: str = "") -> bool:
        return any(
            row["name"].strip() == name.strip() and row["parent"] == parent and row["id"] != apart_from
            for row in self.rows.values()
        )


@pytest.fixture
def groups(server: Server) -> Groups:
    server.app = made = Groups()
    return made


@pytest.fixture
def view(client: Client) -> TenantView:
    return TenantView(client)


def defaults(params: t.Mapping[str, t.Any]) -> Row:
    """Parameters as the module would hand them over."""
    return {**{name: option.get("default") for name, option in DEVICE_GROUP.options.items()}, **params}


class Run(t.Protocol):
    def __call__(self, *, check_mode: bool = False, **params: t.Any) -> Result:
        """Run a task with these parameters."""


@pytest.fixture
def run(server: Server, make_client: MakeClient) -> Run:
    def run(*, check_mode: bool = False, **params: t.Any) -> Result:
        server.requests.clear()
        return ensure(TenantView(make_client(server)), DEVICE_GROUP, defaults(params), check_mode=check_mode)

    return run


def record_of(result: Result) -> Row:
    assert result.record is not None
    return result.record


# --- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("All devices", []),
        ("ALL DEVICES", []),
        ("Stores", ["Stores"]),
        ("Stores/Berlin", ["Stores", "Berlin"]),
        ("All devices/Stores/Berlin", ["Stores", "Berlin"]),
        ("all Devices/Stores/Berlin", ["Stores", "Berlin"]),
        (" All devices / Stores / Berlin ", ["Stores", "Berlin"]),
        (r"Stores/Tills\/Kiosks", ["Stores", "Tills/Kiosks"]),
        (r"Stores/Tills\\/Kiosks", ["Stores", "Tills\\", "Kiosks"]),
        (r"Stores\Tills", [r"Stores\Tills"]),
        ("Stores\\", ["Stores\\"]),
        (r"All devices\/Stores", ["All devices/Stores"]),
        ("Stores/All devices", ["Stores", "All devices"]),
        ("stores", ["stores"]),
        ("All devicesX/a", ["All devicesX", "a"]),
    ],
)
def test_a_path_is_split_into_names_below_the_root(path: str, names: list[str]) -> None:
    assert split_path(path) == names


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        " ",
        "Stores//Berlin",
        "Stores/ /Berlin",
        "All devices//Stores",
        "Stores/",
        "/Stores",
        " /Stores",
        "a/b/ ",
    ],
)
def test_an_empty_name_in_a_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidParameter, match="empty name"):
        split_path(path)


@given(st.text(max_size=1000))
@example("a" * 1000)
@example("🖥️/\u200f\u05e9\u05dc\u05d5\u05dd\u200e/ﷺ")
@example("../..")
@example("{{ x }}")
def test_no_path_crashes(path: str) -> None:
    try:
        names = split_path(path)
    except InvalidParameter:
        return
    assert all(name and name == name.strip() for name in names)


NAMES = st.text(min_size=1, max_size=50).filter(lambda name: name == name.strip() and name)


@given(st.lists(NAMES, max_size=5))
@example(["🖥️", "\u200f\u05e9\u05dc\u05d5\u05dd", ".", "..", "x" * 1000])
@example(["a/b", "/", "\\", "\\/", "a\\", "All devices"])
def test_a_path_and_its_names_say_the_same(names: list[str]) -> None:
    assert split_path(join_path(names)) == names


@pytest.mark.parametrize("name", ["Berlin", "🖥️ Kasse", "שלום", "a.b..c", "..", "100 %", "a&b=c?d#e", "x" * 1000])
def test_a_group_of_any_name_is_created_once_and_found_again(groups: Groups, run: Run, name: str) -> None:
    assert record_of(run(path=f"Stores/{name}", create_parents=True))["path"] == f"All devices/Stores/{name}"
    again = run(path=f"Stores/{name}")
    assert not again.changed
    assert record_of(again)["name"] == name


def test_a_name_with_a_slash_is_addressed_by_name_and_parent(groups: Groups, run: Run) -> None:
    groups.tree("Stores")
    for parent in ("Stores", "All devices/Stores"):
        result = run(name="Berlin/Mitte", parent=parent)
        assert result.changed == (parent == "Stores")
        assert record_of(result)["name"] == "Berlin/Mitte"
    assert groups.paths == {"All devices", "All devices/Stores", "All devices/Stores/Berlin/Mitte"}


def with_slashes(groups: Groups) -> dict[str, str]:
    """Add two groups that have one path for Esper, each with a child of the same name; their IDs by path."""
    made = groups.tree("A", "A/B")
    made[r"A\/B"] = groups.add("A/B", groups.root)
    for parent in ("A/B", r"A\/B"):
        made[f"{parent}/kid"] = groups.add("kid", made[parent])
    return made


def test_groups_that_have_one_path_for_esper_have_two(groups: Groups, run: Run) -> None:
    for path, identifier in with_slashes(groups).items():
        by_path, by_id = run(path=path), run(id=identifier)
        assert not by_path.changed
        assert record_of(by_path) == record_of(by_id)
        assert record_of(by_path)["id"] == identifier
        assert record_of(by_path)["path"] == f"All devices/{path}"


@pytest.mark.parametrize("parent", ["A/B", r"A\/B"])
@pytest.mark.parametrize("create_parents", [False, True])
def test_a_parent_by_id_is_that_group(
    server: Server, groups: Groups, run: Run, parent: str, create_parents: bool
) -> None:
    made = with_slashes(groups)
    params: Row = {"name": "new", "parent": made[parent], "create_parents": create_parents}
    checked, done = run(**params, check_mode=True), run(**params)
    assert [request.json for request in server.writes()] == [{"name": "new", "parent": made[parent]}]
    assert len([each for each in server.requests if each.method == "GET" and made[parent] in each.path]) == 1
    assert record_of(done)["path"] == record_of(checked)["path"] == f"All devices/{parent}/new"
    assert checked.changes == done.changes
    assert not run(**params).changed


@pytest.mark.parametrize("way", ["path", "ID", "name"])
@pytest.mark.parametrize(("parent", "requests"), [("A", 3), ("A/B", 3), ("A/B/C", 4)])
def test_a_parent_is_resolved_once(
    server: Server, groups: Groups, run: Run, way: str, parent: str, requests: int
) -> None:
    made = groups.tree("A", "A/B", "A/B/C")
    address = {"path": f"{ROOT}/{parent}", "ID": made[parent], "name": parent[-1]}[way]
    assert record_of(run(name="kid", parent=address))["parent_id"] == made[parent]
    # Requests for the group and its parent, and for a deep parent one for the names with a slash.
    assert [request.method for request in server.requests] == ["GET"] * (requests - 1) + ["POST"]
    assert len(set(server.sent)) == requests
    assert not run(name="kid", parent=address).changed
    assert server.writes() == []
    assert len(server.requests) <= 3


@pytest.mark.parametrize("create_parents", [False, True])
def test_a_name_with_a_slash_is_never_two_groups(groups: Groups, run: Run, create_parents: bool) -> None:
    parent = groups.add("A/B", groups.root)
    for address in (parent, r"A\/B", r"All devices/A\/B"):
        assert run(name="kid", parent=address, create_parents=create_parents).changed == (address == parent)
    assert len(groups.rows) == 3


def test_a_path_is_not_that_of_a_name_with_a_slash(groups: Groups, run: Run, view: TenantView) -> None:
    groups.add("kid", groups.add("A/B", groups.root))
    assert not run(path="A/B/kid", state="absent", recursive=True, force=True).changed
    assert not run(name="kid", parent="A/B", state="absent", recursive=True, force=True).changed
    with pytest.raises(NotFound, match="nothing can be moved"):
        run(path="A/B/kid", new_path="kid")
    for path in ("A/B/kid/new", "A/B/new"):
        with pytest.raises(NotFound, match="create_parents"):
            run(path=path)
    with pytest.raises(NotFound):
        device_groups(view).resolve("A/B/kid")
    assert information(view, path="A/B/kid") == {"device_groups": [], "tree": []}
    assert run(path="A/B/kid/new", create_parents=True).changed
    assert len(groups.rows) == 7


@given(
    names=st.lists(
        st.tuples(st.sampled_from(["A", "B", "A/B", "/", "B\\", "\\", "A/", "/B", "All devices"]), st.integers(0, 20)),
        max_size=12,
    ),
    whole=st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_group_is_found_by_the_path_that_is_returned(
    server: Server, make_client: MakeClient, names: list[tuple[str, int]], whole: bool
) -> None:
    server.app = groups = Groups()
    for name, place in names:
        parent = list(groups.rows)[place % len(groups.rows)]
        if not groups._taken(name, parent):
            groups.add(name, parent)
    view = TenantView(make_client(server))
    if whole:
        view.preload(DEVICE_GROUP)
    paths = set()
    for identifier in groups.rows:
        row = device_groups(view).find_by_id(identifier)
        assert row is not None
        paths.add(path_of(row))
        assert device_groups(TenantView(make_client(server))).resolve(path_of(row))["id"] == identifier
    assert len(paths) == len(groups.rows)
    assert {path_of(row) for row in device_groups(view).all_groups()} == paths


@pytest.mark.parametrize(("path", "requests"), [("a", 1), ("a/b", 1), ("a/b/c", 2), ("a/b/c/d", 2)])
def test_one_request_shows_that_no_name_has_a_slash(
    server: Server, groups: Groups, run: Run, client: Client, path: str, requests: int
) -> None:
    made = groups.tree("a", "a/b", "a/b/c", "a/b/c/d", "c", "c/a")
    assert not run(path=path).changed
    assert len(server.requests) == 1
    assert not run(id=made[path]).changed
    assert len(server.requests) == requests
    server.requests.clear()
    view = TenantView(client)
    for _again in range(2):
        device_groups(view).resolve(f"All devices/{path}")
    assert len(server.requests) == requests


def test_a_moved_group_with_a_slash_in_its_name_has_its_exact_path(groups: Groups, run: Run) -> None:
    made = with_slashes(groups)
    params: Row = {"path": r"A\/B/kid", "new_path": r"A/B/other\/kid"}
    checked, done = run(**params, check_mode=True), run(**params)
    assert record_of(checked)["path"] == record_of(done)["path"] == r"All devices/A/B/other\/kid"
    assert record_of(done)["id"] == made[r"A\/B/kid"]
    assert not run(**params).changed


@pytest.mark.parametrize(
    "params",
    [
        {"path": "Stores/"},
        {"path": "/Stores"},
        {"path": "Stores//Pickup"},
        {"path": "Stores/ "},
        {"name": "Pickup", "parent": ""},
        {"name": "Pickup", "parent": "Stores/"},
        {"name": "Pickup", "parent": "/"},
        {"name": "", "parent": "Stores"},
        {"path": "Stores", "new_path": "Shops/"},
        {"path": "Stores", "new_path": ""},
    ],
    ids=str,
)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_empty_name_anywhere_is_an_error(server: Server, groups: Groups, run: Run, params: Row, state: str) -> None:
    groups.tree("Stores", "Stores/Pickup")
    with pytest.raises(InvalidParameter, match="empty"):
        run(**params, state=state, recursive=True, force=True, create_parents=True)
    assert server.writes() == []


def test_the_root_is_known_by_its_missing_parent(groups: Groups) -> None:
    assert is_root({"name": "All Devices"})
    assert is_root({"name": "All devices", "parent": None})
    assert not is_root({"name": "All devices", "parent": "https://x/"})


def test_the_root_s_name_is_written_in_one_way() -> None:
    assert path_of({"name": "x", "path": "All Devices/Stores/All Devices"}) == "All devices/Stores/All Devices"
    assert path_of({"name": "All Devices"}) == "All devices"


@pytest.mark.parametrize("path", ["Stores/Berlin", "all devices/Stores/Berlin", " Stores / Berlin "])
def test_the_root_of_a_path_may_be_written_in_any_way(groups: Groups, run: Run, path: str) -> None:
    groups.rows[groups.root]["name"] = "All Devices"
    groups.tree("Stores", "Stores/Berlin")
    result = run(path=path)
    assert not result.changed
    assert record_of(result)["path"] == "All devices/Stores/Berlin"


def test_names_are_compared_with_their_case(groups: Groups, run: Run) -> None:
    groups.tree("stores")
    assert run(path="Stores").changed
    assert groups.paths == {"All devices", "All devices/stores", "All devices/Stores"}


@pytest.mark.parametrize("params", [{"path": "Berlin"}, {"name": "Berlin"}], ids=str)
def test_blanks_around_a_name_do_not_count(groups: Groups, run: Run, params: Row) -> None:
    # As the module documents it.
    groups.tree(" Berlin ")
    assert not run(**params).changed


def test_a_group_may_be_called_like_the_root(groups: Groups, run: Run) -> None:
    assert run(path="All devices/All devices").changed
    assert not run(path="All devices/All devices").changed


# --- finding ----------------------------------------------------------------------------------------------------------


def test_an_unchanged_group_costs_one_request(server: Server, groups: Groups, run: Run) -> None:
    made = groups.tree("Stores", "Stores/Berlin")
    addresses: list[Row] = [{"path": "Stores/Berlin"}, {"name": "Berlin"}, {"id": made["Stores/Berlin"]}]
    for params in addresses:
        assert not run(**params).changed
        assert len(server.requests) == 1


def test_a_name_that_several_groups_have_lists_their_paths(groups: Groups, run: Run) -> None:
    groups.tree("Stores", "Stores/Berlin", "Offices", "Offices/Berlin")
    with pytest.raises(Ambiguous) as caught:
        run(name="Berlin")
    assert caught.value.candidates == ["All devices/Offices/Berlin", "All devices/Stores/Berlin"]
    assert "Set the parent" in str(caught.value)
    for parent in ("Stores", "All devices/Stores"):
        assert record_of(run(name="Berlin", parent=parent))["path"] == "All devices/Stores/Berlin"


def test_an_ambiguous_parent_asks_for_its_path(groups: Groups, run: Run) -> None:
    groups.tree("a", "a/x", "b", "b/x")
    with pytest.raises(Ambiguous, match="Use its path"):
        run(name="new", parent="x")


@pytest.mark.parametrize("parent", ["Stroes", "All devices/Stroes"])
def test_a_misspelt_parent_is_answered_with_close_names(groups: Groups, run: Run, parent: str) -> None:
    groups.tree("Stores")
    with pytest.raises(NotFound, match=r"Did you mean '(All devices/)?Stores'"):
        run(name="Berlin", parent=parent)


def test_a_missing_parent_is_not_created_without_being_told_to(server: Server, groups: Groups, run: Run) -> None:
    groups.tree("Stores")
    with pytest.raises(NotFound, match="Set create_parents") as caught:
        run(path="Store/Germany/Berlin")
    assert "'All devices/Stores'" in str(caught.value)
    assert server.writes() == []


@pytest.mark.parametrize("identifier", ["Berlin", "..", "1", " "])
def test_an_id_that_is_none_is_refused(server: Server, groups: Groups, run: Run, identifier: str) -> None:
    with pytest.raises(InvalidParameter, match="Invalid ID"):
        run(id=identifier)
    assert server.requests == []


@pytest.mark.parametrize("params", [{"id": ""}, {"path": ""}, {"name": ""}, {"name": " "}], ids=str)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_empty_address_is_refused(server: Server, groups: Groups, run: Run, params: Row, state: str) -> None:
    # It is what a template gives for a variable that is not there.
    with pytest.raises(InvalidParameter):
        run(**params, state=state)
    assert server.requests == []


def test_an_unknown_id_is_no_group_to_create(groups: Groups, run: Run) -> None:
    unknown = str(uuid.uuid4())
    with pytest.raises(NotFound, match=unknown):
        run(id=unknown)
    assert not run(id=unknown, state="absent").changed


# --- creating ---------------------------------------------------------------------------------------------------------


def test_four_missing_levels_are_four_steps_each_in_the_one_before(
    server: Server, groups: Groups, view: TenantView
) -> None:
    planned = make_plan(view, DEVICE_GROUP, defaults({"path": "a/b/c/d", "create_parents": True}))
    assert [step.method for step in planned.steps] == ["POST"] * 4
    bodies = [step.body or {} for step in planned.steps]
    assert [body["name"] for body in bodies] == ["a", "b", "c", "d"]
    assert bodies[0]["parent"] == groups.root
    for body, before in zip(bodies[1:], planned.steps, strict=False):
        parent = body["parent"]
        assert isinstance(parent, KnownAfterApply)
        assert parent.step is before
    assert [change.title for change in planned.changes] == [
        f"device group All devices/{path}" for path in ("a", "a/b", "a/b/c", "a/b/c/d")
    ]
    assert server.writes() == []


def test_four_missing_levels_are_created(server: Server, groups: Groups, run: Run) -> None:
    result = run(path="a/b/c/d", create_parents=True)
    assert record_of(result)["path"] == "All devices/a/b/c/d"
    assert len(server.writes()) == 4
    assert groups.paths == {"All devices", *(f"All devices/{path}" for path in ("a", "a/b", "a/b/c", "a/b/c/d"))}
    assert not run(path="a/b/c/d", create_parents=True).changed


def test_without_a_parent_a_named_group_goes_into_the_root(groups: Groups, run: Run) -> None:
    assert record_of(run(name="Stores"))["parent_id"] == groups.root


def test_a_parent_may_be_an_id(groups: Groups, run: Run) -> None:
    parent = groups.tree("Stores")["Stores"]
    assert record_of(run(name="Berlin", parent=parent))["path"] == "All devices/Stores/Berlin"
    assert not run(name="Berlin", parent=parent.upper()).changed


def test_check_mode_knows_all_but_what_the_server_gives(groups: Groups, run: Run) -> None:
    checked = run(path="a/b", create_parents=True, check_mode=True)
    done = run(path="a/b", create_parents=True)
    assert checked.changes == done.changes
    assert set(record_of(checked)) == set(record_of(done))
    for name, value in record_of(checked).items():
        assert value in (None, record_of(done)[name])


def test_a_group_that_somebody_else_creates_meanwhile_is_taken(groups: Groups, view: TenantView) -> None:
    planned = make_plan(view, DEVICE_GROUP, defaults({"path": "Stores"}))
    groups.tree("Stores")
    assert planned.steps
    done = ensure(view, DEVICE_GROUP, defaults({"path": "Stores"}))
    assert done.record is not None
    assert groups.paths == {"All devices", "All devices/Stores"}


# --- renaming and moving ----------------------------------------------------------------------------------------------


def actions(server: Server) -> list[tuple[str | None, Row]]:
    return [(request.query.get("action"), request.json) for request in server.writes()]


def test_a_new_name_is_one_write(server: Server, groups: Groups, run: Run) -> None:
    groups.tree("Stores", "Stores/Berlin")
    result = run(path="Stores/Berlin", new_path="Stores/Hamburg")
    assert actions(server) == [(None, {"name": "Hamburg"})]
    assert record_of(result)["path"] == "All devices/Stores/Hamburg"
    assert not run(path="Stores/Berlin", new_path="Stores/Hamburg").changed


def test_a_new_parent_is_one_write(server: Server, groups: Groups, run: Run) -> None:
    made = groups.tree("Stores", "Stores/Berlin", "Offices")
    result = run(path="Stores/Berlin", new_path="Offices/Berlin")
    assert actions(server) == [("move", {"name": "Berlin", "parent": made["Offices"]})]
    assert record_of(result)["path"] == "All devices/Offices/Berlin"
    assert not run(path="Stores/Berlin", new_path="Offices/Berlin").changed


def test_a_group_is_moved_before_it_is_renamed(server: Server, groups: Groups, run: Run) -> None:
    made = groups.tree("a", "a/x", "b", "a/y")
    run(path="a/x", new_path="b/y")
    assert actions(server) == [("move", {"name": "x", "parent": made["b"]}), (None, {"name": "y"})]
    assert "All devices/b/y" in groups.paths


def test_a_group_is_renamed_first_where_its_old_name_is_taken(server: Server, groups: Groups, run: Run) -> None:
    groups.tree("a", "a/x", "b", "b/x")
    run(path="a/x", new_path="b/y")
    assert [action for action, _body in actions(server)] == [None, "move"]
    assert groups.paths == {"All devices", "All devices/a", "All devices/b", "All devices/b/x", "All devices/b/y"}


def test_a_group_moves_into_parents_that_are_yet_to_be_created(groups: Groups, run: Run) -> None:
    groups.tree("a", "a/x")
    params: Row = {"path": "a/x", "new_path": "b/c/y", "create_parents": True}
    checked = run(**params, check_mode=True)
    done = run(**params)
    assert checked.changes == done.changes
    assert record_of(done)["path"] == "All devices/b/c/y"
    assert not run(**params).changed


def test_by_id_a_group_is_renamed_and_moved(groups: Groups, run: Run) -> None:
    made = groups.tree("a", "a/x", "b")
    params: Row = {"id": made["a/x"], "name": "y", "parent": "b"}
    assert record_of(run(**params))["path"] == "All devices/b/y"
    assert not run(**params).changed


@pytest.mark.parametrize("target", ["a/a", "a/b/c", "a/b/c/d"])
def test_a_group_cannot_be_moved_below_itself(server: Server, groups: Groups, run: Run, target: str) -> None:
    groups.tree("a", "a/b")
    with pytest.raises(InvalidParameter, match="below itself"):
        run(path="a", new_path=target, create_parents=True)
    assert server.writes() == []


def test_a_group_whose_name_only_begins_alike_is_not_below_it(groups: Groups, run: Run) -> None:
    groups.tree("a", "ab")
    assert record_of(run(path="a", new_path="ab/a"))["path"] == "All devices/ab/a"


def test_a_path_that_is_taken_is_refused(server: Server, groups: Groups, run: Run) -> None:
    groups.tree("a", "b")
    with pytest.raises(InvalidParameter, match="another group has this path"):
        run(path="a", new_path="b")
    assert server.writes() == []


def test_a_move_from_nowhere_to_nowhere_is_an_error(groups: Groups, run: Run) -> None:
    groups.tree("Stores")
    with pytest.raises(NotFound, match=r"Did you mean.*nothing can be moved"):
        run(path="All devices/Stroes", new_path="Shops")


@pytest.mark.parametrize("params", [{"path": "Stores", "new_path": "All devices"}], ids=str)
def test_no_other_group_becomes_the_root(server: Server, groups: Groups, run: Run, params: Row) -> None:
    groups.tree("Stores")
    with pytest.raises(InvalidParameter):
        run(**params)
    assert server.writes() == []


@pytest.mark.parametrize(
    "params",
    [
        {"path": "All devices", "new_path": "Everything"},
        {"path": "ALL DEVICES", "new_path": "Stores/Everything"},
        {"name": "all devices", "new_path": "Everything"},
        {"id": "ROOT", "name": "Everything"},
        {"id": "ROOT", "parent": "Stores"},
        {"path": "All devices", "state": "absent"},
        {"name": "All Devices", "state": "absent", "recursive": True, "force": True},
        {"id": "ROOT", "state": "absent", "recursive": True, "force": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_the_root_is_protected(server: Server, groups: Groups, run: Run, params: Row, check_mode: bool) -> None:
    groups.tree("Stores")
    if "id" in params:
        params = {**params, "id": groups.root}
    with pytest.raises(InvalidParameter, match="root group"):
        run(**params, check_mode=check_mode)
    assert server.writes() == []


def test_the_root_is_there(groups: Groups, run: Run) -> None:
    addresses: list[Row] = [{"path": "All devices"}, {"name": "All Devices"}, {"id": groups.root}]
    for params in addresses:
        result = run(**params)
        assert not result.changed
        assert record_of(result)["parent_id"] is None


# --- deleting ---------------------------------------------------------------------------------------------------------


def test_an_empty_group_is_deleted_once(server: Server, groups: Groups, run: Run) -> None:
    groups.tree("Stores")
    result = run(path="Stores", state="absent")
    assert result.changed
    assert result.changes[0].before == {"name": "Stores", "path": "All devices/Stores", "device_count": 0}
    assert groups.paths == {"All devices"}
    assert not run(path="Stores", state="absent").changed


@pytest.mark.parametrize("params", [{"path": "Gone/x"}, {"name": "x", "parent": "Gone"}, {"name": "x"}], ids=str)
def test_a_group_in_a_parent_that_is_absent_is_absent(groups: Groups, run: Run, params: Row) -> None:
    assert not run(**params, state="absent").changed


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("hidden", [(), ("children_count",), ("children_count", "device_count")], ids=str)
def test_groups_below_a_group_are_deleted_only_when_asked_for(
    server: Server, groups: Groups, run: Run, check_mode: bool, hidden: tuple[str, ...]
) -> None:
    groups.hidden = hidden
    groups.tree("a", "a/b", "a/b/c", "d")
    with pytest.raises(InvalidParameter, match=r"has 2 groups below it. Set recursive"):
        run(path="a", state="absent", check_mode=check_mode)
    assert server.writes() == []
    result = run(path="a", state="absent", recursive=True, check_mode=check_mode)
    assert [change.title for change in result.changes] == [
        "device group All devices/a/b/c",
        "device group All devices/a/b",
        "device group All devices/a",
    ]
    assert ("All devices/a" in groups.paths) == check_mode


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("hidden", [(), ("device_count",)], ids=str)
def test_a_group_with_devices_is_deleted_only_when_asked_for(
    server: Server, groups: Groups, run: Run, check_mode: bool, hidden: tuple[str, ...]
) -> None:
    groups.hidden = hidden
    groups.add("a", groups.root, devices=3)
    with pytest.raises(InvalidParameter, match=r"contains 3 devices. Set force"):
        run(path="a", state="absent", check_mode=check_mode)
    with pytest.raises(InvalidParameter, match=r"contains 3 devices. Set force"):
        run(path="a", state="absent", recursive=True, check_mode=check_mode)
    assert server.writes() == []
    assert run(path="a", state="absent", force=True, check_mode=check_mode).changed
    assert set(groups.devices.values()) == ({groups.root} if not check_mode else set(groups.devices.values()))
    assert ("All devices/a" in groups.paths) == check_mode


def test_devices_of_groups_below_count_as_well(server: Server, groups: Groups, run: Run) -> None:
    made = groups.tree("top", "top/a", "top/a/b")
    groups.add("c", made["top/a/b"], devices=2)
    with pytest.raises(InvalidParameter, match=r"the groups below it contain 2 devices"):
        run(path="top/a", state="absent", recursive=True)
    assert server.writes() == []
    run(path="top/a", state="absent", recursive=True, force=True)
    assert groups.paths == {"All devices", "All devices/top"}
    assert set(groups.devices.values()) == {made["top"]}, "they go to the parent of the group, not of their own"


def test_force_alone_does_not_delete_groups_below(server: Server, groups: Groups, run: Run) -> None:
    groups.tree("a", "a/b")
    with pytest.raises(InvalidParameter, match=r"has 1 group below it. Set recursive"):
        run(path="a", state="absent", force=True)
    assert server.writes() == []


@pytest.mark.parametrize(
    ("devices", "chunks"), [(1, [1]), (1000, [1000]), (1001, [1000, 1]), (2500, [1000, 1000, 500])]
)
def test_devices_are_moved_a_thousand_at_a_time_before_the_group_is_deleted(
    server: Server, groups: Groups, run: Run, devices: int, chunks: list[int]
) -> None:
    groups.add("a", groups.root, devices=devices)
    run(path="a", state="absent", force=True)
    assert [len(body["device_ids"]) for action, body in actions(server) if action == "add"] == chunks
    assert server.writes()[-1].method == "DELETE"
    assert list(groups.devices.values()) == [groups.root] * devices


def test_a_group_that_was_filled_meanwhile_is_not_forced(groups: Groups, view: TenantView) -> None:
    made = groups.tree("a")
    planned = defaults({"path": "a", "state": "absent"})
    view.list_objects(DEVICE_GROUP, {"name": "a"})
    groups.devices["d"] = made["a"]
    with pytest.raises(ApiError, match="It is not empty"):
        ensure(view, DEVICE_GROUP, planned)


# --- effects ----------------------------------------------------------------------------------------------------------


def planned(view: TenantView, **params: t.Any) -> Plan:
    """Plan a task, as one of several of which each sees the effects of those before."""
    made = make_plan(view, DEVICE_GROUP, defaults(params))
    view.add_effects(made.effects)
    return made


def paths_of(view: TenantView, name: str) -> list[str]:
    return sorted(map(device_groups(view).path_of, device_groups(view).find_by_name(name)))


@pytest.mark.parametrize("whole", [False, True])
def test_a_renamed_group_is_found_by_its_new_name_only(groups: Groups, view: TenantView, whole: bool) -> None:
    made = groups.tree("a", "a/x", "a/x/y", "a/x/y/z")
    if whole:
        view.preload(DEVICE_GROUP)
    planned(view, id=made["a/x"], name="new")
    lookup = device_groups(view)
    assert paths_of(view, "x") == []
    assert paths_of(view, "new") == ["All devices/a/new"]
    for old, new in (("a/x", "a/new"), ("a/x/y", "a/new/y"), ("a/x/y/z", "a/new/y/z")):
        assert lookup.find_at(split_path(old)) is None
        assert lookup.resolve(new)["id"] == made[old]
        assert path_of(lookup.resolve(made[old])) == f"All devices/{new}"


def test_groups_below_several_moved_groups_are_found_at_their_new_paths(groups: Groups, view: TenantView) -> None:
    made = groups.tree("a", "a/x", "a/x/y", "a/x/y/z", "b")
    planned(view, path="b", new_path=r"b\/c")
    planned(view, path="a/x", new_path=r"b\/c/x")
    planned(view, path=r"b\/c/x/y", new_path="y")
    assert paths_of(view, "x") == [r"All devices/b\/c/x"]
    assert paths_of(view, "z") == ["All devices/y/z"]
    assert device_groups(view).resolve("y/z")["id"] == made["a/x/y/z"]
    assert [path_of(row) for row in device_groups(view).subtree(device_groups(view).resolve("y"))] == [
        "All devices/y",
        "All devices/y/z",
    ]


def test_a_created_group_is_found_with_its_parents(groups: Groups, view: TenantView) -> None:
    made = planned(view, path=r"a/b\/c/d", create_parents=True)
    assert [effect.row and effect.row["name"] for effect in made.effects] == ["a", "b/c", "d"]
    for path in ("a", r"a/b\/c", r"a/b\/c/d"):
        assert paths_of(view, split_path(path)[-1]) == [f"All devices/{path}"]
    assert not make_plan(view, DEVICE_GROUP, defaults({"path": r"a/b\/c"})).steps


def test_no_deleted_group_is_found(groups: Groups, view: TenantView) -> None:
    made = groups.tree("a", "a/x", "a/x/y", "b")
    gone = planned(view, path="a", state="absent", recursive=True)
    assert [(effect.id, effect.row) for effect in gone.effects] == [
        (made[path], None) for path in ("a/x/y", "a/x", "a")
    ]
    assert [paths_of(view, name) for name in ("a", "x", "y", "b")] == [[], [], [], ["All devices/b"]]


@pytest.mark.parametrize(
    "params",
    [{"path": "new/new", "create_parents": True}, {"path": "a/x", "new_path": "b/y"}, {"path": "a/x", "new_path": "z"}],
    ids=str,
)
def test_effects_have_no_keys_of_their_own(groups: Groups, view: TenantView, params: Row) -> None:
    groups.tree("a", "a/x", "b")
    known = {each.api_name for each in DEVICE_GROUP.fields}
    effects = planned(view, **params).effects
    assert effects
    assert all(effect.row is not None and set(effect.row) <= known for effect in effects)


# --- information ------------------------------------------------------------------------------------------------------


def information(view: TenantView, **params: t.Any) -> Row:
    params = {"id": None, "path": None, "name": None, "subtree": False, **params}
    return reader_of(view, DEVICE_GROUP).get_info(params)


def paths_in(nodes: list[Row]) -> list[t.Any]:
    return [(node["path"], paths_in(node["children"])) for node in nodes]


def test_all_groups_come_sorted_and_as_a_tree(groups: Groups, view: TenantView) -> None:
    groups.tree("b", "b/y", "b/x", "a")
    found = information(view)
    assert [row["path"] for row in found["device_groups"]] == [
        "All devices",
        "All devices/a",
        "All devices/b",
        "All devices/b/x",
        "All devices/b/y",
    ]
    below_b: list[t.Any] = [("All devices/b/x", []), ("All devices/b/y", [])]
    assert paths_in(found["tree"]) == [("All devices", [("All devices/a", []), ("All devices/b", below_b)])]
    assert all("children" not in row for row in found["device_groups"])


def test_a_subtree_has_its_group_at_the_top(groups: Groups, view: TenantView) -> None:
    groups.tree("a", "a/b", "a/b/c", "d")
    found = information(view, path="a/b", subtree=True)
    assert paths_in(found["tree"]) == [("All devices/a/b", [("All devices/a/b/c", [])])]


def test_groups_of_one_name_come_together_and_each_once(groups: Groups, view: TenantView) -> None:
    groups.tree("x", "x/x", "a", "a/x")
    found = information(view, name="x")
    assert [row["path"] for row in found["device_groups"]] == ["All devices/a/x", "All devices/x", "All devices/x/x"]
    assert information(view, name="x", subtree=True) == found
    assert paths_in(found["tree"]) == [("All devices/a/x", []), ("All devices/x", [("All devices/x/x", [])])]


@pytest.mark.parametrize(
    "params", [{"path": "none"}, {"name": "none"}, {"id": str(uuid.uuid4())}], ids=["path", "name", "id"]
)
def test_no_group_is_an_empty_list(groups: Groups, view: TenantView, params: Row) -> None:
    assert information(view, **params, subtree=True) == {"device_groups": [], "tree": []}
