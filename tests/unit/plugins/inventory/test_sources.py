# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventory sources from the file to hosts and groups, read by Ansible's own inventory manager from the simulator.

ansible-inventory is not started for this, because that takes a second each time. What depends on the programs is tested
by the integration target inventory_devices.
"""

from __future__ import annotations

import gc
import json
import os
import re
import sys
import time
import typing as t
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader
from ansible.vars.manager import VariableManager
from ansible_collections.esper.cloud.plugins.module_utils.http.transport import Transport

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "tests" / "simulator"))

from process import Simulator

Row = dict[str, t.Any]

WRONG_KEY = "wrong-key-1234"
LEAN: Row = {"detail_level": "minimal", "group_by": []}


@pytest.fixture(scope="module", autouse=True)
def _no_collections() -> t.Iterator[None]:
    """Suspend garbage collection. Each new inventory causes one, which examines all objects of pytest."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="module")
def small() -> t.Iterator[Simulator]:
    with Simulator(devices=200, groups=30, tags=12, seed=7) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def large() -> t.Iterator[Simulator]:
    """A tenant whose devices fill more than one page."""
    with Simulator(devices=1500, groups=4, tags=2, seed=7) as simulator:
        yield simulator


@pytest.fixture
def simulator(small: Simulator) -> Simulator:
    """The tenant in its initial state."""
    small.reset()
    return small


@pytest.fixture
def fleet(large: Simulator) -> Simulator:
    """The tenant of several pages. Its devices can be others than at the start, its faults are removed."""
    large.clear_faults()
    return large


@dataclass
class Listed:
    """Inventory of one or more sources, and what reading it showed and sent."""

    manager: InventoryManager
    loader: DataLoader
    warnings: list[str]
    progress: list[str]
    requests: list[Row]

    @property
    def hosts(self) -> dict[str, Row]:
        return {name: host.vars for name, host in self.manager.hosts.items()}

    @property
    def devices(self) -> dict[str, Row]:
        """The variables of the hosts by the ID of the device."""
        found = {values["esper_id"]: values for values in self.hosts.values()}
        assert len(found) == len(self.hosts)
        return found

    @property
    def paths(self) -> list[str]:
        return [each["path"] for each in self.requests]

    def members(self, group: str) -> set[str]:
        return {host.name for host in self.manager.groups[group].get_hosts()}

    def children(self, group: str) -> set[str]:
        return {each.name for each in self.manager.groups[group].child_groups}

    def variables(self, host: str) -> Row:
        """Return all variables of a host, with those of the files next to the source."""
        manager = VariableManager(loader=self.loader, inventory=self.manager)
        return t.cast(Row, manager.get_vars(host=self.manager.get_host(host), include_hostvars=False))


class Sources:
    """Writes and reads inventory sources of a tenant."""

    def __init__(self, folder: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._simulator = simulator
        self._shown: dict[str, list[str]] = {"warning": [], "v": []}
        for name, texts in self._shown.items():
            monkeypatch.setattr(f"ansible.utils.display.Display.{name}", _recorder(texts))
        monkeypatch.setattr("ansible.constants.INVENTORY_ENABLED", ["esper.cloud.devices", "ansible.builtin.yaml"])
        monkeypatch.setattr("ansible.constants.INVENTORY_ANY_UNPARSED_IS_FAILED", True)
        # Retries do not wait.
        monkeypatch.setattr(Transport, "_sleep", lambda _transport, _seconds: None)

    @property
    def warnings(self) -> list[str]:
        return self._shown["warning"]

    def write(self, **options: t.Any) -> Path:
        """Write the source with options in addition to the connection."""
        connection = {"api_url": self._simulator.url, "api_key": self._simulator.key}
        path = self.folder / "fleet.esper.yml"
        path.write_text(json.dumps({"plugin": "esper.cloud.devices", **connection, **options}))
        return path

    def read(self, *paths: Path) -> Listed:
        """Read sources like ansible-inventory does. Fail if it would."""
        for texts in self._shown.values():
            texts.clear()
        self._simulator.clear_journal()
        loader = DataLoader()
        manager = InventoryManager(loader=loader, sources=[str(path) for path in paths])
        requests = self._simulator.journal()
        assert [each for each in requests if each["method"] != "GET"] == []
        warnings, progress = list(self._shown["warning"]), list(self._shown["v"])
        assert self._simulator.key not in json.dumps(
            [warnings, progress, [dict(host.vars) for host in manager.hosts.values()]]
        )
        return Listed(manager, loader, warnings, progress, requests)

    def list(self, **options: t.Any) -> Listed:
        """Write and read the source."""
        return self.read(self.write(**options))

    def parse(self, path: Path) -> InventoryManager:
        """Read a source with the plugin alone, which raises its errors."""
        plugin = inventory_loader.get("esper.cloud.devices")
        assert plugin.verify_file(str(path))
        manager = InventoryManager(loader=DataLoader(), sources=None)
        plugin.parse(manager._inventory, manager._loader, str(path))
        return manager

    def error(self, **options: t.Any) -> str:
        """Return the error of a source that cannot be read."""
        path = self.write(**options)
        with pytest.raises(AnsibleError) as caught:
            self.parse(path)
        message = str(caught.value)
        assert self._simulator.key not in message
        assert WRONG_KEY not in message
        return message


def _recorder(texts: list[str]) -> t.Callable[..., None]:
    return lambda _display, text, *_more, **_options: texts.append(str(text))


@pytest.fixture
def sources(tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Sources:
    return Sources(tmp_path, simulator, monkeypatch)


@pytest.fixture
def pages(tmp_path: Path, fleet: Simulator, monkeypatch: pytest.MonkeyPatch) -> Sources:
    """Sources of the tenant of several pages."""
    return Sources(tmp_path, fleet, monkeypatch)


def alive(simulator: Simulator) -> list[Row]:
    """The devices that are hosts by default, sorted by ID."""
    devices = simulator.state(devices=True)["devices"]
    return sorted((each for each in devices if each["state"] != 20), key=lambda each: str(each["id"]))


# --- the recommended settings -----------------------------------------------------------------------------------------


def test_the_recommended_plugins_read_the_inventory_of_awx_and_those_of_other_plugins(
    sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "inventory.md").read_text()
    (setting,) = re.findall(r"^enable_plugins = (.*)$", page, re.MULTILINE)
    monkeypatch.setattr("ansible.constants.INVENTORY_ENABLED", setting.split(", "))
    script, other = sources.folder / "hosts", sources.folder / "other.yml"
    listed = {"all": {"hosts": ["till"]}, "_meta": {"hostvars": {"till": {"esper_alias": "Entrance"}}}}
    script.write_text(f"#!/bin/sh\necho '{json.dumps(listed)}'\n")
    script.chmod(0o700)
    other.write_text("plugin: ansible.builtin.generator\nhosts: {name: made}\nlayers: {}\n")
    assert sources.read(script).hosts["till"]["esper_alias"] == "Entrance"
    assert list(sources.read(other).hosts) == ["made"]
    assert sources.list(**LEAN).hosts


# --- filters ----------------------------------------------------------------------------------------------------------


def test_filters_are_sent_with_the_ids_of_the_named_objects(sources: Sources) -> None:
    listed = sources.list(
        filters={
            "platform": ["ANDROID", "linux"],
            "group_multi": "Stores/Berlin",
            "tags": ["kiosk", "pos"],
            "state": "online",
            "battery_level_gte": "5",
        }
    )
    query = [each["query"] for each in listed.requests if each["path"] == "/v2/devices/"][-1]
    assert query["platform"] == "ANDROID,LINUX"
    assert len(query["group_multi"]) == 36
    assert [len(each) for each in query["tags"].split(",")] == [36, 36]
    assert (query["state"], query["battery_level_gte"], query["limit"]) == ("1", "5", "1000")
    assert listed.hosts
    for values in listed.hosts.values():
        assert values["esper_group"].startswith("All devices/Stores/Berlin")
        assert values["esper_state"] == "online"


def test_a_filter_for_disabled_devices_includes_them(sources: Sources) -> None:
    listed = sources.list(filters={"state": "disabled"})
    assert listed.hosts
    assert listed.members("state_disabled") == set(listed.hosts)


def test_devices_can_be_excluded(sources: Sources, simulator: Simulator) -> None:
    everything = sources.list()
    in_berlin = everything.members("group_stores_berlin")
    online = everything.members("state_online")
    kiosks = everything.members("tag_kiosk")
    excluded = [{"group_multi": "Stores/Berlin", "state": "online"}, {"tags": ["kiosk"]}]
    listed = sources.list(exclude_filters=excluded)
    assert set(listed.hosts) == set(everything.hosts) - (in_berlin & online) - kiosks
    # The same key in both options.
    apple = sources.list(filters={"platform": ["APPLE", "LINUX"]}, exclude_filters=[{"platform": "LINUX"}])
    assert {each["esper_platform"] for each in apple.hosts.values()} == {"APPLE"}
    for wrong, text in (([{}], "would exclude all devices"), ([{"tag": "x"}], "Unknown device filter 'tag'")):
        assert text in sources.error(exclude_filters=wrong)


# --- names ------------------------------------------------------------------------------------------------------------


def test_hosts_have_unique_names_under_a_prefix(sources: Sources, simulator: Simulator) -> None:
    # The prefix renames the variable of the expression, so devices without an alias keep their IDs.
    expression = "esper_platform | lower ~ '-' ~ esper_serial"
    listed = sources.list(hostnames=["alias", expression], vars_prefix="device_", group_by=["tag"])
    assert {each["device_id"] for each in listed.hosts.values()} == {each["id"] for each in alive(simulator)}
    assert len(listed.hosts) == len(alive(simulator))
    assert [name for name in listed.hosts if re.fullmatch(r"[0-9a-f-]{36}", name)]
    assert {re.sub("^(tag)_.*", r"\1", name) for name in listed.manager.groups} == {"all", "esper", "tag", "ungrouped"}


def test_an_expression_names_each_host(sources: Sources, simulator: Simulator) -> None:
    listed = sources.list(hostnames=["esper_platform | lower ~ '-' ~ esper_serial"], group_by=[])
    names = {f"{each['platform'].lower()}-{each['serial']}" for each in alive(simulator)}
    assert set(listed.hosts) == names
    assert set(listed.manager.groups) == {"all", "esper", "ungrouped"}


def test_names_of_the_controller_of_paths_and_of_patterns_are_not_used(sources: Sources, simulator: Simulator) -> None:
    devices = alive(simulator)[:3]
    names = dict(zip((each["id"] for each in devices), ("localhost", "../../x", "a*"), strict=True))
    listed = sources.list(hostnames=[f"{json.dumps(names)}.get(esper_id, '')", "serial"], group_by=[])
    assert len(listed.hosts) == len(alive(simulator))
    assert listed.hosts.keys().isdisjoint(names.values())
    assert {each["serial"] for each in devices} <= listed.hosts.keys()


def test_a_device_yields_to_a_host_of_a_source_that_was_read_before(sources: Sources, simulator: Simulator) -> None:
    first, second = alive(simulator)[:2]
    fleet, static = sources.write(group_by=[]), sources.folder / "static.yml"
    static.write_text(
        yaml.safe_dump({"all": {"children": {second["name"]: {"hosts": {first["name"]: {"mine": True}}}}}})
    )
    listed = sources.read(static, fleet)
    assert {name for name in listed.hosts[first["name"]] if not name.startswith("inventory_")} == {"mine"}
    for device in (first, second):
        assert listed.hosts[device["serial"]]["esper_name"] == device["name"]
    assert [text for text in listed.warnings if f"{first['name']} (now {first['serial']})" in text]

    listed = sources.read(fleet, static)
    assert listed.hosts[first["name"]]["mine"] is True
    assert listed.hosts[first["name"]]["esper_id"] == first["id"]


# --- groups that share a name -----------------------------------------------------------------------------------------


def test_a_shared_group_has_all_devices_and_their_variables(sources: Sources, simulator: Simulator) -> None:
    """A second tag and a second group of devices have the names of others, but for case and separators."""
    state, devices = simulator.state(), [dict(each) for each in alive(simulator)]
    stores = next(each for each in state["groups"] if each["path"] == "All devices/Stores")
    one, other = (f"{number}0000000-0000-4000-8000-000000000000" for number in (1, 2))
    twin = {**stores, "id": other, "name": "STORES", "path": "All devices/STORES"}
    for device, tag in zip(devices[:3], (one, one, other), strict=True):
        device["tags"] = [tag]
    devices[2]["group_id"] = twin["id"]
    rows = {
        "^/v2/devices/$": devices,
        "/tags/$": [{"id": one, "tag": "Night Shift"}, {"id": other, "tag": "night-shift"}, *state["tags"]],
        "/devicegroup/$": [*state["groups"], twin],
    }
    for path, results in rows.items():
        body = {"count": len(results), "next": None, "previous": None, "prev": None, "results": results}
        simulator.fault(kind="status", status=200, method="GET", path=path, body=json.dumps(body), times=None)
    variables = sources.folder / "group_vars"
    variables.mkdir()
    for group in ("group_stores", "tag_night_shift"):
        (variables / f"{group}.yml").write_text(f"from_{group}: true\n")

    listed = sources.list()
    names = {each["name"] for each in devices[:3]}
    assert listed.members("tag_night_shift") == names
    assert [name for name in listed.children("tag_night_shift") if re.fullmatch("tag_night_shift_[0-9a-f]{8}", name)]
    assert len(listed.children("tag_night_shift")) == len(listed.children("group_stores")) == 2
    assert "group_stores" in listed.children("group_all_devices")
    others = {host.name for host in listed.manager.list_hosts("esper:!tag_night_shift")}
    assert others == set(listed.hosts) - names
    assert {name for name in listed.hosts if listed.variables(name).get("from_tag_night_shift")} == names
    in_stores = {
        name
        for name, values in listed.hosts.items()
        if (values["esper_group"] or "").startswith(("All devices/Stores", "All devices/STORES"))
    }
    assert devices[2]["name"] in in_stores
    assert {name for name in listed.hosts if listed.variables(name).get("from_group_stores")} == in_stores
    for text in (
        "tag_night_shift contains several objects with similar names: Night Shift, night-shift.",
        "group_stores contains several objects with similar names: STORES, Stores.",
    ):
        assert [each for each in listed.warnings if text in each], listed.warnings


# --- constructed variables and groups ---------------------------------------------------------------------------------


def test_variables_and_groups_are_constructed(sources: Sources, simulator: Simulator) -> None:
    listed = sources.list(
        strict=True,
        compose={"store": "esper_group.split('/') | last if esper_group else 'none'"},
        groups={"low": "(esper_battery_level | default(100, true)) < 20"},
        keyed_groups=[{"key": "esper_hardware.manufacturer", "prefix": "made_by"}],
        group_by=[],
    )
    assert len(listed.hosts) == len(alive(simulator))
    for values in listed.hosts.values():
        assert values["store"] == (values["esper_group"].rpartition("/")[2] if values["esper_group"] else "none")
    low = {name for name, each in listed.hosts.items() if (each["esper_battery_level"] or 100) < 20}
    assert low
    assert listed.members("low") == low
    makers = {each["esper_hardware"]["manufacturer"] for each in listed.hosts.values()}
    assert len([name for name in listed.manager.groups if name.startswith("made_by_")]) == len(makers) > 1


def test_a_strict_source_names_the_variable_that_cannot_be_composed(sources: Sources) -> None:
    message = sources.error(strict=True, compose={"store": "esper_nothing.at_all"})
    assert "Could not set store for host" in message


def test_connection_options_can_be_templates(
    sources: Sources, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_URL", simulator.url)
    monkeypatch.setenv("MY_KEY", simulator.key)
    lookups = {
        name: f"{{{{ lookup('ansible.builtin.env', 'MY_{name[4:].upper()}') }}}}" for name in ("api_url", "api_key")
    }
    assert sources.list(**lookups, **LEAN).hosts


# --- failures ---------------------------------------------------------------------------------------------------------


def test_tags_have_their_ids_if_their_names_cannot_be_read(sources: Sources, simulator: Simulator) -> None:
    simulator.fault(kind="status", status=403, method="GET", path="/tags/", times=None)
    listed = sources.list()
    assert len(listed.hosts) == len(alive(simulator))
    assert "tag_kiosk" not in listed.manager.groups
    assert [name for name in listed.manager.groups if re.fullmatch("tag_[0-9a-f_]{36}", name)]
    assert [text for text in listed.warnings if re.search("/tags/.* 403", text)], listed.warnings


def test_a_proxy_that_sees_the_key_is_one_warning(
    sources: Sources, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = simulator.url.split("/")[2]
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy}")
    listed = sources.list(**LEAN)
    assert listed.hosts
    (warning,) = listed.warnings
    assert f"unencrypted to the proxy {proxy}," in warning


FAILURES: list[tuple[Row, str]] = [
    ({"api_key": WRONG_KEY}, "401.*The API key is not valid"),
    ({"api_key": ""}, "API key"),
    ({"api_url": "https://tenant.invalid/api"}, "the host tenant.invalid was not found"),
    ({"api_url": "http://127.0.0.1:9/api", "retries": 0}, "the host 127.0.0.1 refused the connection"),
    ({"api_url": "", "tenant": "no tenant"}, "Invalid tenant "),
    ({"api_url": "", "tenant": WRONG_KEY, "api_key": WRONG_KEY}, "The options tenant and api_key have the same value"),
    ({"filter": {"platform": "LINUX"}}, "Unknown option 'filter' in the inventory file. Did you mean 'filters'"),
    ({"shape": 1}, "Unknown option 'shape' in the inventory file. Valid options: api_key, .*vars_prefix"),
    ({"filters": None}, "The option filters is null. Set a value, or omit it."),
    ({"exclude_filters": None}, "The option exclude_filters is null. Set a value, or omit it."),
    ({"exclude_filters": [None]}, "an empty dictionary would exclude all devices"),
    ({"filters": {"platfrom": "LINUX"}}, "'platfrom'. Did you mean 'platform'"),
    ({"filters": {"platform": "BEOS"}}, "'platform': 'BEOS' is not one of ANDROID, APPLE, LINUX, WINDOWS"),
    ({"filters": {"is_gms": 7}}, "'7' is not true or false"),
    (
        {"filters": {"group_multi": "Stores/Brelin"}},
        "'Stores/Brelin' was not found. Did you mean 'Stores/Berlin'",
    ),
    ({"filters": {"tags": "kisok"}}, "'kisok' was not found. Did you mean 'kiosk'"),
]
FAULTS: list[tuple[Row, str]] = [
    ({"kind": "html"}, "a web page .*instead of JSON"),
    ({"kind": "status", "status": 500}, "Reading the devices failed: GET /v2/devices/.* 500"),
    ({"kind": "status", "status": 429, "retry_after": 86400}, "asks to wait [0-9]+ s"),
]


@pytest.mark.parametrize(("options", "text"), FAILURES)
def test_a_source_that_cannot_be_read_fails_with_the_reason(sources: Sources, options: Row, text: str) -> None:
    assert re.search(text, sources.error(**options))


@pytest.mark.parametrize(("fault", "text"), FAULTS)
def test_a_failure_of_the_server_is_explained(sources: Sources, simulator: Simulator, fault: Row, text: str) -> None:
    simulator.fault(**fault, method="GET", path="/v2/devices/", times=None)
    assert re.search(text, sources.error(retries=1))


# --- many devices -----------------------------------------------------------------------------------------------------


def test_each_page_is_read_once_and_its_progress_shown(pages: Sources, fleet: Simulator) -> None:
    listed = pages.list(**{**LEAN, "group_by": ["platform"]}, concurrency=3)
    assert set(listed.devices) == {each["id"] for each in alive(fleet)}
    assert set(listed.paths) == {"/v2/devices/"}
    # Each page starts with the last device of the page before.
    assert sorted(each["query"].get("offset", "0") for each in listed.requests) == ["0", "999"]
    assert {len(values) for values in listed.hosts.values()} == {12 + 2}
    assert {text for text in listed.progress if "devices" in text} == {
        "esper.cloud.devices: read 1000 of 1500 devices",
        "esper.cloud.devices: read 1500 of 1500 devices",
    }


def test_each_cursor_leads_to_the_next_page(pages: Sources, fleet: Simulator) -> None:
    listed = pages.list(**LEAN, paging="cursor")
    assert set(listed.devices) == {each["id"] for each in alive(fleet)}
    *cursors, last = [each["query"].get("cursor") for each in listed.requests]
    assert cursors[0] == "start"
    assert len(cursors) == len(set(cursors)) == 2
    # The last request shows whether the number of devices changed.
    assert last is None
    assert listed.requests[-1]["query"]["limit"] == "1"
    assert [each for each in listed.requests if "offset" in each["query"]] == []


DISTURBANCES: dict[str, tuple[Row, list[Row]]] = {
    "rejected pages": (
        {},
        [
            {"kind": "status", "status": 429, "times": 2},
            {"kind": "status", "status": 503, "retry_after": "date:+1", "times": 1},
            {"kind": "status", "status": 429, "retry_after": 1, "after": 1, "times": 4},
        ],
    ),
    "failed pages": (
        {},
        [{"kind": "status", "status": 500, "after": 1, "times": 2}, {"kind": "truncate", "after": 1, "times": 1}],
    ),
    # As many devices are added as removed, so their number does not change.
    "moved devices by offset": ({}, [{"kind": "devices", "add": 30, "remove": 30, "after": 1, "times": 1}]),
    "moved devices by cursor": (
        {"paging": "cursor"},
        [{"kind": "devices", "add": 30, "remove": 30, "after": 1, "times": 1}],
    ),
}


@pytest.mark.parametrize("paging", ["offset", "cursor"])
def test_devices_that_are_removed_while_the_list_is_read_are_no_hosts(
    pages: Sources, fleet: Simulator, paging: str
) -> None:
    before = {each["id"] for each in alive(fleet)}
    fleet.fault(kind="devices", remove=400, after=1, times=1, path="/v2/devices/")
    listed = pages.list(**LEAN, paging=paging)
    assert before - set(listed.devices)
    assert set(listed.devices) == {each["id"] for each in alive(fleet)}
    fleet.reset()


@pytest.mark.parametrize(("options", "faults"), DISTURBANCES.values(), ids=DISTURBANCES)
def test_disturbances_lose_and_repeat_no_device(
    pages: Sources, fleet: Simulator, options: Row, faults: list[Row]
) -> None:
    before = {each["id"] for each in alive(fleet)}
    for fault in faults:
        fleet.fault(**fault, path="/v2/devices/")
    listed = pages.list(**LEAN, concurrency=3, **options)
    after = {each["id"] for each in alive(fleet)}
    found = Counter(values["esper_id"] for values in listed.hosts.values())
    assert set(found.values()) == {1}
    assert set(found) in (before, after)
    assert [each for each in listed.requests if each["fault"]]


def test_the_full_level_has_all_variables(sources: Sources, simulator: Simulator) -> None:
    serial = next(each["serial"] for each in alive(simulator) if each["platform"] == "ANDROID")
    (values,) = sources.list(detail_level="full", filters={"serial": serial}).hosts.values()
    assert values["esper_managed_by"] in ("BLUEPRINT", "TEMPLATE")
    assert values["esper_software"]["security_patch_level"] == "2025-11-01"
    assert values["esper_memory"]["total_ram"] == "3"
    assert str(values["esper_location"]["latitude"]).startswith("52")
    assert values["esper_created_at"].endswith("Z")
    assert not re.search("fcm|imei", json.dumps({name: str(value) for name, value in values.items()}))


# --- cache and outages ------------------------------------------------------------------------------------------------


def cached(folder: Path) -> list[Path]:
    return list((folder / "cache").glob("*"))


@pytest.fixture
def caching(tmp_path: Path) -> Row:
    """Options of a source with a cache."""
    connection = str(tmp_path / "cache")
    return {**LEAN, "cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": connection}


def test_the_cache_serves_without_a_key_and_holds_none(
    sources: Sources, simulator: Simulator, caching: Row, tmp_path: Path
) -> None:
    first = sources.list(**caching)
    again = sources.list(**caching, api_key="")
    assert again.requests == []
    assert again.hosts == first.hosts
    assert [path for path in cached(tmp_path) if simulator.key in path.read_text()] == []


@pytest.mark.parametrize("plugin", ["ansible.builtin.jsonfile", "jsonfile"])
def test_only_the_owner_can_read_the_files_of_the_cache(
    sources: Sources, caching: Row, tmp_path: Path, plugin: str
) -> None:
    options = {**caching, "cache_plugin": plugin}
    sources.list(**options)
    (file,) = cached(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert sources.list(**options).requests == []


def test_a_cache_file_of_another_user_can_be_read(
    sources: Sources, caching: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = sources.list(**caching)
    refused: list[Path] = []

    def refuse(path: Path, _mode: int) -> None:
        refused.append(path)
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    assert sources.list(**caching).hosts == listed.hosts
    assert {*cached(tmp_path)} <= {*refused}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"devices": ["[{}]"]}', "\x00\xff"])
def test_a_damaged_cache_is_read_again(sources: Sources, caching: Row, tmp_path: Path, content: str) -> None:
    first = sources.list(**caching)
    (file,) = cached(tmp_path)
    file.write_text(content, encoding="latin-1")
    again = sources.list(**caching)
    assert again.hosts == first.hosts
    assert again.requests
    assert sources.list(**caching).requests == []


def test_a_cache_without_files_works(sources: Sources, caching: Row) -> None:
    assert sources.list(**{**caching, "cache_plugin": "memory"}).hosts


def test_objects_that_are_named_like_the_key_do_not_reveal_it(
    sources: Sources, simulator: Simulator, caching: Row, tmp_path: Path
) -> None:
    state, devices = simulator.state(), [dict(each) for each in alive(simulator)[:3]]
    key = simulator.key
    first, second, third = devices
    first |= {"name": key, "alias": f"key: {key}"}
    second |= {"name": "Till", "tags": [state["tags"][0]["id"], key], "hardware_info": {"model": key}}
    third |= {"name": f"x {key}", "serial": key, "platform": key}
    rows = {
        "^/v2/devices/$": devices,
        "/tags/$": [{**state["tags"][0], "tag": key}, {**state["tags"][1], "tag": f"{key}!"}],
        "/devicegroup/$": [{**each, "name": key, "path": f"All devices/{key}"} for each in state["groups"][:2]],
        "^/v2/blueprints/$": [{**each, "name": f"{key} {number}"} for number, each in enumerate(state["blueprints"])],
    }
    for path, results in rows.items():
        body = json.dumps({"count": len(results), "next": None, "previous": None, "prev": None, "results": results})
        simulator.fault(kind="status", status=200, method="GET", path=path, body=body, times=None)
    options = {**caching, "detail_level": "full", "group_by": ["group", "tag", "platform", "blueprint"]}
    # This also looks for the key in variables and warnings.
    listed = sources.list(**options)
    assert len(listed.hosts) == 3
    assert listed.warnings
    names = [*listed.hosts, *listed.manager.groups, *listed.warnings]
    assert [name for name in names if key in name or key.lower().replace("-", "_") in name] == []
    (file,) = cached(tmp_path)
    assert key not in file.read_text()
    assert listed.hosts["Till"]["esper_hardware"]["model"] == "********"
    # An error can suggest a name. This also looks for the key in the error.
    assert "was not found" in sources.error(filters={"tags": f"{key[:-1]}"})


def test_other_filters_have_a_cache_of_their_own(sources: Sources, caching: Row, tmp_path: Path) -> None:
    sources.list(**caching)
    other = sources.list(**caching, filters={"platform": "LINUX"})
    assert other.requests
    assert {values["esper_platform"] for values in other.hosts.values()} == {"LINUX"}
    assert len(cached(tmp_path)) == 2


def fails_after_the_first_page(simulator: Simulator) -> None:
    simulator.fault(kind="status", status=500, path="/v2/devices/", after=1, times=None)


def test_half_an_inventory_is_never_cached(pages: Sources, fleet: Simulator, caching: Row, tmp_path: Path) -> None:
    for options, text in (
        ({}, " 500"),
        ({"on_error": "cached"}, "Reading the devices failed.* 500.* Cannot fall back to the cache"),
        ({"on_error": "cached", "cache": False}, "on_error=cached requires cache=true"),
    ):
        fails_after_the_first_page(fleet)
        assert re.search(text, pages.error(**{**caching, "retries": 0, **options}))
        assert cached(tmp_path) == []
        fleet.clear_faults()


def test_in_an_outage_the_inventory_of_before_is_used(
    pages: Sources, fleet: Simulator, caching: Row, tmp_path: Path
) -> None:
    options = {**caching, "cache_timeout": 3600, "retries": 0}
    first = pages.list(**options)
    (file,) = cached(tmp_path)
    old = time.time() - 2 * 24 * 3600
    os.utime(file, (old, old))
    before = (file.read_bytes(), file.stat().st_mtime)

    fails_after_the_first_page(fleet)
    assert " 500" in pages.error(**options, on_error="fail")
    fallback = pages.list(**options, on_error="cached")
    assert fallback.hosts == first.hosts
    (warning,) = [text for text in fallback.warnings if "Reading the devices failed" in text]
    assert re.search(r" 500.*20[0-9-]+T", warning)
    assert (file.read_bytes(), file.stat().st_mtime) == before
    fleet.clear_faults()

    # A rejected key is no outage.
    assert " 401" in pages.error(**options, on_error="cached", api_key=WRONG_KEY)
    # The cache is out of date, so the inventory is read again after the outage.
    again = pages.list(**options, on_error="cached")
    assert again.requests
    assert again.hosts == first.hosts


# --- the connection ---------------------------------------------------------------------------------------------------


def test_files_next_to_the_source_override_the_connection(sources: Sources) -> None:
    listed = sources.list()
    linux, apple, android = (sorted(listed.members(f"platform_{name}")) for name in ("linux", "apple", "android"))
    # A folder for each, because Ansible keeps in mind which folders have no such files.
    for files, connections in (
        ({}, {"esper.cloud.device": {*linux, *apple, *android}}),
        ({"group_vars/platform_linux": "local"}, {"local": set(linux), "esper.cloud.device": {*apple, *android}}),
        ({f"host_vars/{apple[0]}": "local"}, {"local": {apple[0]}, "esper.cloud.device": {*linux, *android}}),
        ({"group_vars/all": "ssh"}, {"ssh": {*linux, *apple, *android}}),
    ):
        sources.folder = sources.folder / "next"
        for path, connection in files.items():
            file = sources.folder / f"{path}.yml"
            file.parent.mkdir(parents=True)
            file.write_text(f"ansible_connection: {connection}\n")
        sources.folder.mkdir(exist_ok=True)
        listed = sources.list()
        for connection, names in connections.items():
            assert {listed.variables(name)["ansible_connection"] for name in names} == {connection}


def test_hosts_can_have_the_local_connection(sources: Sources) -> None:
    listed = sources.list(connection="local")
    for name in list(listed.hosts)[:3]:
        variables = listed.variables(name)
        assert variables["ansible_connection"] == "local"
        assert "ansible_facts_modules" not in variables


@pytest.fixture(scope="module")
def second() -> t.Iterator[Simulator]:
    """Another tenant, whose devices have the same names."""
    with Simulator(devices=5, groups=3, tags=2, seed=7, api_key="key-of-the-second", enterprise_id=SECOND) as simulator:
        yield simulator


SECOND = "22222222-0b52-4c5e-9a51-3f0c7d2b8e64"
MakeAction = t.Callable[..., t.Any]


def test_the_hosts_of_two_tenants_stay_apart_and_use_their_own(
    sources: Sources, simulator: Simulator, second: Simulator, make_action: MakeAction
) -> None:
    files = {name: sources.folder / f"{name}.esper.yml" for name, _tenant in (("first", simulator), ("second", second))}
    for file, tenant in zip(files.values(), (simulator, second), strict=True):
        options = {
            "api_url": tenant.url,
            "api_key": tenant.key,
            **LEAN,
            "hostnames": ["name", "esper_enterprise_id ~ esper_serial"],
        }
        file.write_text(json.dumps({"plugin": "esper.cloud.devices", **options}))
    listed = sources.read(*files.values())
    names = {tenant.url: {each["name"] for each in alive(tenant)} for tenant in (simulator, second)}
    assert names[second.url] & names[simulator.url]
    by_url = Counter(values["esper_api_url"] for values in listed.hosts.values())
    assert by_url == {url: len(found) for url, found in names.items()}
    for name, values in [*listed.hosts.items()][:2] + [*listed.hosts.items()][-2:]:
        tenant = second if values["esper_api_url"] == second.url else simulator
        tenant.clear_journal()
        action = make_action("device_info", args={"devices": [values["esper_id"]], "detail_level": "minimal"})
        variables = listed.variables(name)
        # The action of this test does not evaluate templates.
        del variables["ansible_python_interpreter"]
        result = action.run(task_vars=variables)
        assert [each["id"] for each in result["devices"]] == [values["esper_id"]]
        assert tenant.journal()
        assert action._task.args.keys() == {"devices", "detail_level"}
        assert tenant.key not in json.dumps(result)


@pytest.mark.parametrize("connections", [("device", "local"), ("local", "device"), ("local", "local")])
def test_the_hosts_of_each_tenant_have_the_connection_of_their_source(
    sources: Sources, simulator: Simulator, second: Simulator, connections: tuple[str, str]
) -> None:
    files = []
    for connection, tenant in zip(connections, (simulator, second), strict=True):
        files.append(sources.folder / f"{len(files)}.esper.yml")
        options = {"api_url": tenant.url, "api_key": tenant.key, "connection": connection, "hostnames": ["id"], **LEAN}
        files[-1].write_text(json.dumps({"plugin": "esper.cloud.devices", **options}))
    listed = sources.read(*files)
    for connection, tenant in zip(connections, (simulator, second), strict=True):
        hosts = [name for name, values in listed.hosts.items() if values["esper_api_url"] == tenant.url]
        assert hosts
        for variables in map(listed.variables, hosts):
            assert variables["ansible_connection"] == {"device": "esper.cloud.device"}.get(connection, connection)
            # With the modules of the other connection, facts would be missing, or those of the controller.
            assert (variables.get("ansible_facts_modules") == []) is (connection == "device")


def test_the_connection_can_be_variables(
    sources: Sources, simulator: Simulator, make_action: MakeAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESPER_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("ESPER_API_KEY", WRONG_KEY)
    fleet = sources.folder / "fleet.esper.yml"
    fleet.write_text(json.dumps({"plugin": "esper.cloud.devices", **LEAN}))
    (sources.folder / "group_vars").mkdir()
    (sources.folder / "group_vars" / "all.yml").write_text(
        json.dumps(
            {"esper_api_url": "{{ of_vault.url }}", "esper_api_key": simulator.key, "of_vault": {"url": simulator.url}}
        )
    )
    manager = InventoryManager(loader=DataLoader(), sources=[str(fleet)])
    assert len(manager.hosts) == len(alive(simulator))
    assert {host.vars["esper_api_url"] for host in manager.hosts.values()} == {simulator.url}


def test_the_key_of_another_tenant_is_not_sent(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPER_TENANT", "acme")
    monkeypatch.setenv("ESPER_API_KEY", WRONG_KEY)
    fleet = sources.folder / "fleet.esper.yml"
    fleet.write_text(json.dumps({"plugin": "esper.cloud.devices", "tenant": "other"}))
    with pytest.raises(AnsibleError, match="The API key of the environment variables is for another tenant than other"):
        sources.parse(fleet)


def test_a_source_of_another_name_is_no_source_but_causes_a_warning(sources: Sources) -> None:
    plugin = inventory_loader.get("esper.cloud.devices")
    other = sources.folder / "fleet.yml"
    other.write_text("# A fleet\nplugin: esper.cloud.devices\n")
    assert not plugin.verify_file(str(other))
    assert ["Rename it" in each for each in sources.warnings] == [True]
    other.write_text("plugin: amazon.aws.aws_ec2\n")
    assert not plugin.verify_file(str(other))
    assert len(sources.warnings) == 1
