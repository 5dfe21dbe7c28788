# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks act on the devices that all selectors match, and on no others."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import Connection
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device import DISABLED
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device_list import list_devices
from ansible_collections.esper.cloud.plugins.module_utils.module import argument_spec, perform
from ansible_collections.esper.cloud.plugins.module_utils.task import RunContext

sys.path.insert(0, str(Path(__file__).resolve().parents[5] / "tests" / "simulator"))

from process import Simulator

Row = dict[str, t.Any]
Test = t.Callable[[Row], bool]
MODULES = ("device_command", "converge", "operation")
TASKS: dict[str, Row] = {
    "device_command": {"command": "REBOOT"},
    "converge": {"force": True},
    "operation": {"operation_type": "REBOOT"},
}
BERLIN, KIOSKS = "Stores/Berlin", "Retail Kiosk"


class Tenant:
    """A simulated tenant, and facts about it that do not depend on the tested code."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        with Client(Connection.from_options({"api_url": simulator.url, "api_key": simulator.key})) as client:
            self.devices = list(list_devices(client, {}))
        state = simulator.state()
        self.blueprint = next(row["id"] for row in state["blueprints"] if row["name"] == KIOSKS)
        self.berlin = [row["id"] for row in state["groups"] if f"/{BERLIN}/" in f"{row['path']}/"]
        self.tag = next(row["id"] for row in state["tags"] if row["tag"] == "kiosk")

    def run(self, module: str, *, check_mode: bool = False, **params: t.Any) -> Row:
        task = definition_of(module)
        whole = params if params.get("state") == "cancelled" else {**TASKS.get(module, {}), **params}
        given = {"api_url": self.simulator.url, "api_key": self.simulator.key, **whole}
        checked = ArgumentSpecValidator(argument_spec(task, {}), **task.rules).validate(given)
        assert checked.error_messages == []
        self.simulator.clear_journal()
        return perform(task, checked.validated_parameters, RunContext(check_mode=check_mode))[0].result

    def targets(self) -> set[str]:
        """Return the IDs of the devices in the requests of the last task."""
        ids: set[str] = set()
        for entry in self.simulator.writes():
            query = entry["body"].get("operation_device_query", {})
            ids |= set(entry["body"].get("devices", query.get("device_ids", "").split(",")))
        return ids - {""}

    def requests(self) -> list[str]:
        return [f"{entry['method']} {entry['path']}" for entry in self.simulator.journal()]

    def select(self, *tests: Test) -> list[Row]:
        return [row for row in self.devices if all(test(row) for test in tests)]

    def in_berlin(self, row: Row) -> bool:
        return row["group_id"] in self.berlin and row["state"] != DISABLED

    def is_kiosk(self, row: Row) -> bool:
        return row["blueprint_info"]["assigned_blueprint_id"] == self.blueprint and row["state"] != DISABLED

    def is_tagged(self, row: Row) -> bool:
        return self.tag in row["tags"] and row["state"] != DISABLED


def is_online(row: Row) -> bool:
    return bool(row["state"] == 1)


def is_in_a_group(row: Row) -> bool:
    return row["group_id"] is not None


def has_a_blueprint(row: Row) -> bool:
    return bool(row["blueprint_info"]["assigned_blueprint_id"]) and row["state"] != DISABLED


@pytest.fixture(scope="module")
def running() -> t.Iterator[Tenant]:
    with Simulator(devices=500) as simulator:
        yield Tenant(simulator)


@pytest.fixture
def tenant(running: Tenant) -> Tenant:
    """The tenant in its initial state."""
    running.simulator.reset()
    return running


def ids(rows: t.Iterable[Row]) -> set[str]:
    return {row["id"] for row in rows}


# --- many values ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["device_info", *MODULES])
def test_a_filter_with_more_values_than_fit_one_request_is_split(tenant: Tenant, module: str) -> None:
    unknown = [f"00000000-0000-4000-8000-{number:012}" for number in range(230)]
    option = "device_query" if module == "operation" else "filters"
    # The first part matches other devices than the last one, and both match some.
    groups = [*tenant.berlin, *unknown, *tenant.berlin[:1], tenant.simulator.state()["groups"][-1]["id"]]
    expected = ids(tenant.select(lambda row: row["group_id"] in groups and row["state"] != DISABLED))
    result = tenant.run(module, **{option: {"group_multi": groups}}, check_mode=True)
    if module == "device_info":
        assert {row["id"] for row in result["devices"] if row["state"] != "disabled"} >= expected
    else:
        assert result["device_count"] >= len(expected) > 0
    lists = [entry for entry in tenant.simulator.journal() if entry["path"] == "/v2/devices/"]
    assert len(lists) > 1
    assert {len(entry["query"].get("group_multi", "")) <= 4000 for entry in lists} == {True}


# --- combination of selectors -----------------------------------------------------------------------------------------


def test_groups_and_blueprints_are_combined_with_and(tenant: Tenant) -> None:
    expected_rows = tenant.select(tenant.in_berlin, tenant.is_kiosk)
    assert 0 < len(expected_rows) < min(len(tenant.select(tenant.in_berlin)), len(tenant.select(tenant.is_kiosk)))
    result = tenant.run("converge", groups=[BERLIN], blueprints=[KIOSKS])
    assert result["device_count"] == len(expected_rows)
    assert tenant.targets() == ids(expected_rows)


@pytest.mark.parametrize("module", MODULES)
def test_groups_filters_and_devices_are_combined_with_and(tenant: Tenant, module: str) -> None:
    expected_rows = tenant.select(tenant.in_berlin, is_online, lambda row: row["platform"] == "ANDROID")
    others = tenant.select(tenant.in_berlin, lambda row: row["platform"] != "ANDROID")
    names = [row["name"] for row in (*expected_rows[:2], *others[:1], *tenant.select(tenant.is_tagged)[:3])]
    assert expected_rows
    filters = {"device_query" if module == "operation" else "filters": {"platform": "android", "state": "online"}}
    tenant.run(module, groups=[BERLIN], **filters)
    expected = ids(
        row for row in expected_rows if module != "converge" or row["blueprint_info"]["assigned_blueprint_id"]
    )
    assert tenant.targets() == expected
    result = tenant.run(module, groups=[BERLIN], devices=names, **filters)
    assert result["device_count"] == len({row["name"] for row in expected_rows} & set(names))
    assert tenant.targets() == expected & ids(row for row in expected_rows if row["name"] in names)


def test_the_same_filter_of_two_selectors_is_combined_with_and(tenant: Tenant) -> None:
    stores, berlin = {"group_multi": "All devices/Stores"}, tenant.select(tenant.in_berlin)
    assert tenant.run("device_command", groups=[BERLIN], filters=stores)["device_count"] == len(berlin)
    assert tenant.targets() == ids(berlin)


def test_values_of_one_selector_are_combined_with_or(tenant: Tenant) -> None:
    groups = [BERLIN, "All devices"]
    kiosks = tenant.run("converge", groups=groups, blueprints=[KIOSKS, tenant.blueprint])
    assert kiosks["device_count"] == len(tenant.select(tenant.is_kiosk, is_in_a_group))
    names = [row["id"] for row in tenant.simulator.state()["blueprints"]]
    both = tenant.run("converge", groups=groups, blueprints=names)
    assert both["device_count"] == len(tenant.select(has_a_blueprint, is_in_a_group))


def test_groups_alone_receive_a_command_for_groups(tenant: Tenant) -> None:
    result = tenant.run("device_command", groups=[BERLIN])
    (command,) = tenant.simulator.writes()
    assert (command["body"]["command_type"], len(command["body"]["groups"])) == ("GROUP", 1)
    assert "devices" not in command["body"]
    assert result["device_count"] == len(tenant.select(tenant.in_berlin))


def test_a_query_alone_is_evaluated_by_esper(tenant: Tenant) -> None:
    result = tenant.run("operation", device_query={"state": "online", "tags": "kiosk"})
    (operation,) = tenant.simulator.writes()
    assert operation["body"]["operation_device_query"] == {"device_request": {"state": "1", "tags": tenant.tag}}
    assert result["device_count"] == len(tenant.select(is_online, tenant.is_tagged))
    assert sum("/v2/devices/" in request for request in tenant.requests()) == 1


def test_filters_have_the_same_result_in_all_modules(tenant: Tenant) -> None:
    tests = [tenant.run(module, check_mode=True, filters={"state": "online"}) for module in MODULES]
    assert {result["device_count"] for result in tests} == {len(tenant.select(is_online))}


# --- empty selectors --------------------------------------------------------------------------------------------------

EMPTY = "so no device is selected. Set allow_empty to true if the task may select no device."


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"devices": []}, f"The option devices is empty, {EMPTY}"),
        ({"groups": []}, f"The option groups is empty, {EMPTY}"),
        ({"filters": {}}, f"The option {{filters}} is empty, {EMPTY}"),
        ({"devices": [], "groups": [BERLIN]}, f"The option devices is empty, {EMPTY}"),
        ({"filters": {}, "groups": [BERLIN]}, f"The option {{filters}} is empty, {EMPTY}"),
        ({"filters": {}, "groups": []}, f"The options groups and {{filters}} are empty, {EMPTY}"),
        ({"filters": {"serial": "nobody"}}, "No device matches {filters}."),
        ({"filters": {"serial": "nobody"}, "groups": [BERLIN]}, "No device matches groups and {filters}."),
        ({"filters": {"state": "disabled"}}, "No device matches {filters}."),
        ({"filters": {"state": "disabled"}, "groups": ["All devices"]}, "No device matches groups and {filters}."),
    ],
)
def test_no_device_is_an_error_unless_allow_empty_is_set(
    tenant: Tenant, module: str, params: Row, error: str, check_mode: bool
) -> None:
    names = {"filters": "device_query" if module == "operation" else "filters"}
    given = {names.get(name, name): value for name, value in params.items()}
    result = tenant.run(module, check_mode=check_mode, **given)
    assert result["failed"]
    assert result["msg"].startswith(error.format(**names))
    allowed = tenant.run(module, check_mode=check_mode, allow_empty=True, **given)
    assert (allowed["changed"], allowed["device_count"]) == (False, 0)
    assert tenant.simulator.writes() == []


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"devices": [""]}, "devices[0]"),
        ({"devices": ["  "]}, "devices[0]"),
        ({"groups": [BERLIN, ""]}, "groups[1]"),
        ({"groups": ["/"]}, "Invalid path of a device group: '/'"),
        ({"filters": {"tags": ""}}, "['tags']"),
        ({"filters": {"tags": []}}, "Invalid device filter 'tags': the list is empty"),
        ({"filters": {"group_multi": [" "]}}, "Invalid device filter 'group_multi': the value is empty"),
        ({"filters": {"search": None}}, "Invalid device filter 'search': the value is empty"),
    ],
)
@pytest.mark.parametrize("allow_empty", [False, True])
def test_a_blank_name_is_an_error(tenant: Tenant, module: str, params: Row, error: str, allow_empty: bool) -> None:
    result = tenant.run(module, allow_empty=allow_empty, **params)
    assert result["failed"]
    assert error in result["msg"]
    assert tenant.simulator.writes() == []


def test_an_operation_on_a_query_excludes_disabled_devices(tenant: Tenant) -> None:
    expected_rows = ids(tenant.select(lambda row: row["platform"] == "ANDROID" and row["state"] != DISABLED))
    assert len(expected_rows) < len(tenant.select(lambda row: row["platform"] == "ANDROID"))
    result = tenant.run("operation", device_query={"platform": "android"})
    assert result["device_count"] == len(expected_rows)
    assert tenant.targets() == expected_rows


def test_an_operation_on_groups_excludes_disabled_devices(tenant: Tenant) -> None:
    expected_rows = ids(tenant.select(tenant.in_berlin))
    assert tenant.run("operation", groups=[BERLIN])["device_count"] == len(expected_rows)
    disabled = [row for row in tenant.devices if row["group_id"] in tenant.berlin and row["state"] == DISABLED]
    assert tenant.targets() == (expected_rows if disabled else set())


def test_a_disabled_device_is_selected_by_name_only(tenant: Tenant) -> None:
    row = next(row for row in tenant.devices if row["state"] == DISABLED)
    assert tenant.run("device_command", devices=[row["id"]])["device_count"] == 1
    assert tenant.run("device_command", devices=[row["id"]], groups=["All devices"])["failed"]
    assert tenant.run("converge", devices=[row["id"]])["msg"].startswith("No device matches devices.")


# --- limits and confirmation ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("selector", ["devices", "groups", "filters"])
def test_max_devices_limits_each_selector(tenant: Tenant, module: str, selector: str, check_mode: bool) -> None:
    rows = tenant.select(tenant.in_berlin, tenant.is_kiosk)
    values: Row = {
        "devices": [row["id"] for row in rows],
        "groups": [BERLIN],
        "filters": {"assigned_blueprint_id": KIOSKS},
    }
    count = tenant.run(module, check_mode=True, **{selector: values[selector]})["device_count"]
    if module == "converge":
        count = sum(bool(row["blueprint_info"]["assigned_blueprint_id"]) for row in tenant.select(tenant.in_berlin))
        count = {"devices": len(rows), "groups": count, "filters": len(tenant.select(tenant.is_kiosk))}[selector]
    params = {selector: values[selector], "check_mode": check_mode}
    result = tenant.run(module, max_devices=count - 1, **params)
    assert f"{count} devices (" in result["msg"]
    assert f"exceeds the limit of {count - 1} device" in result["msg"]
    assert tenant.simulator.writes() == []
    assert tenant.run(module, max_devices=count, **params)["changed"]
    assert bool(tenant.simulator.writes()) is not check_mode
    assert "max_devices" in tenant.run(module, max_devices=0, **params)["msg"]


WIFI_OFF: Row = {"args": {"wifi_state": False}}
RISKY: tuple[tuple[str, Row, str], ...] = (
    ("device_command", {"command": "WIPE"}, "cannot be undone"),
    ("device_command", {"command": "SET_WIFI_STATE", **WIFI_OFF}, "takes the devices offline"),
    ("operation", {"operation_type": "SET_WIFI_STATE", **WIFI_OFF}, "takes the devices offline"),
    ("operation", {"operation_type": "SHUT_DOWN"}, "takes the devices offline"),
    ("operation", {"operation_type": "REMOVE_DEVICE"}, "cannot be undone"),
)


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(("module", "task", "effect"), RISKY)
@pytest.mark.parametrize("selector", ["devices", "groups", "filters"])
def test_risky_actions_are_limited_and_require_confirmation(
    tenant: Tenant, module: str, task: Row, effect: str, selector: str, check_mode: bool
) -> None:
    rows = tenant.select(tenant.in_berlin)
    values: Row = {
        "devices": [row["id"] for row in rows],
        "groups": [BERLIN],
        "filters": {"group_multi": BERLIN},
    }
    assert len(rows) > 20
    params = {**task, selector: values[selector], "check_mode": check_mode}
    too_many = tenant.run(module, confirm=True, **params)
    assert f" {len(rows)} devices (" in too_many["msg"]
    assert "exceeds the limit of 20 devices" in too_many["msg"]
    unsure = tenant.run(module, max_devices=len(rows), **params)
    assert f" {len(rows)} devices (" in unsure["msg"]
    assert sum(row["name"] in unsure["msg"] for row in rows) >= 4
    assert f" and {len(rows) - 5} more) {effect}. Set confirm to true" in unsure["msg"]
    assert tenant.simulator.writes() == []
    assert tenant.run(module, max_devices=len(rows), confirm=True, **params)["changed"]
    assert bool(tenant.simulator.writes()) is not check_mode


def test_turning_wifi_on_requires_no_confirmation(tenant: Tenant) -> None:
    params: Row = {"command": "SET_WIFI_STATE", "args": {"wifi_state": True}, "groups": ["All devices"]}
    assert tenant.run("device_command", **params)["changed"]


# --- cancellation -----------------------------------------------------------------------------------------------------


def test_an_empty_list_of_devices_cancels_nothing(tenant: Tenant) -> None:
    started = tenant.run("operation", devices=[tenant.select(is_online)[0]["id"]])["operations"][0]
    params: Row = {"state": "cancelled", "id": started["id"], "reason": "x", "devices": []}
    assert tenant.run("operation", **params)["msg"].startswith(f"The option devices is empty, {EMPTY}")
    assert tenant.run("operation", allow_empty=True, **params)["changed"] is False
    assert "groups is not allowed" in tenant.run("operation", **params, groups=[BERLIN])["msg"]


# --- device_info ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("selectors", range(1, 16))
def test_the_selectors_of_device_info_are_combined_with_and(tenant: Tenant, selectors: int) -> None:
    some = [row["name"] for row in tenant.devices[::3]]
    chosen: list[tuple[Row, Test]] = [
        ({"devices": [*some, "Nobody"]}, lambda row: row["name"] in some),
        ({"groups": [BERLIN]}, lambda row: row["group_id"] in tenant.berlin),
        (
            {"blueprints": [KIOSKS]},
            lambda row: row["blueprint_info"]["assigned_blueprint_id"] == tenant.blueprint,
        ),
        ({"filters": {"platform": ["ANDROID", "WINDOWS"]}}, lambda row: row["platform"] in ("ANDROID", "WINDOWS")),
    ]
    chosen = [choice for number, choice in enumerate(chosen) if selectors & 1 << number]
    params = {name: value for options, _test in chosen for name, value in options.items()}
    result = tenant.run("device_info", detail_level="minimal", resolve_names=False, **params)
    assert ids(result["devices"]) == ids(tenant.select(*(test for _params, test in chosen)))
    assert len(result["devices"]) == len(ids(result["devices"])) > 0
    assert result["missing"] == (["Nobody"] if "devices" in params else [])


@pytest.mark.parametrize("empty", [{"devices": []}, {"groups": []}, {"blueprints": []}], ids=str)
@pytest.mark.parametrize("more", [{}, {"filters": {}}, {"filters": {"state": "online"}}], ids=str)
def test_an_empty_selector_of_device_info_matches_nothing(tenant: Tenant, empty: Row, more: Row) -> None:
    result = tenant.run("device_info", **empty, **more)
    assert (result["devices"], result["missing"]) == ([], [])
    assert not [request for request in tenant.requests() if "/v2/devices/" in request]


def test_an_empty_filter_matches_all_devices_that_other_selectors_match(tenant: Tenant) -> None:
    options: Row = {"filters": {}, "detail_level": "minimal", "resolve_names": False}
    assert ids(tenant.run("device_info", **options)["devices"]) == ids(tenant.devices)
    named = [row["serial"] for row in tenant.devices[:3]]
    assert ids(tenant.run("device_info", devices=named, **options)["devices"]) == ids(tenant.devices[:3])


def test_no_list_is_read_if_no_device_exists(tenant: Tenant) -> None:
    result = tenant.run("device_info", devices=["Nobody"], filters={"state": "online"})
    assert (result["devices"], result["missing"]) == ([], ["Nobody"])
    assert len(tenant.requests()) == 1


@pytest.mark.parametrize(
    ("module", "selector"),
    [
        *((module, "groups") for module in (*MODULES, "device_info")),
        ("converge", "blueprints"),
        ("device_info", "blueprints"),
    ],
)
def test_no_device_is_read_if_a_group_or_blueprint_does_not_exist(tenant: Tenant, module: str, selector: str) -> None:
    result = tenant.run(module, **{"devices": [tenant.devices[0]["id"]], selector: ["Nowhere"]})
    assert result["failed"]
    assert "'Nowhere' was not found" in result["msg"]
    assert not [request for request in tenant.requests() if "/v2/devices/" in request]
