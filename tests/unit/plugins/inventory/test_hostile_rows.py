# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any JSON in any place of a response becomes a value of the documented type, and is never evaluated."""

from __future__ import annotations

import copy
import json
import math
import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device import LEVELS
from ansible_collections.esper.cloud.plugins.module_utils.tasks.fleet import KINDS, Fleet, read_fleet
from ansible_collections.esper.cloud.plugins.plugin_utils.api_values import as_data
from ansible_collections.esper.cloud.tests.unit.plugins.inventory.test_devices import plugin_with, rendered
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

Row = dict[str, t.Any]

ATTACK = "{{ lookup('pipe', 'touch PWNED') }}"
TYPES: dict[str, t.Any] = {
    "state_code": int,
    "battery_level": (int, float),
    "hardware": dict,
    "network": dict,
    "software": dict,
    "memory": dict,
    "location": dict,
    "is_gms": bool,
    "is_supervised": bool,
    "is_locked_down": bool,
    "tag_ids": list,
    "tags": list,
    "ip_addresses": list,
    "total_ram": (str, int, float),
    "total_storage": (str, int, float),
    "available_ram": (str, int, float),
    "available_storage": (str, int, float),
}
UUID = "00000000-0000-4000-8000-{:012}"


def nested(depth: int) -> t.Any:
    value: t.Any = ATTACK
    for number in range(depth):
        value = [value] if number % 2 else {ATTACK: value}
    return value


HOSTILE: dict[str, t.Any] = {
    "template as key": {ATTACK: 1},
    "template as key and value": {ATTACK: ATTACK},
    "template": ATTACK,
    "template in a list": [ATTACK],
    "list of dicts": [{ATTACK: ATTACK}, [ATTACK], None],
    "nested": nested(100),
    "true": True,
    "number": 7,
    "negative": -1,
    "fraction": 0.5,
    "infinite": math.inf,
    "nan": math.nan,
    "huge number": 10**300,
    "huge text": "x" * 100_000,
    "surrogate": "a\ud800b",
    "nul": "a\0b",
    "escape": "\x1b[2J\x07",
    "null": None,
    "empty text": "",
    "empty dict": {},
    "empty list": [],
}

DEVICE: Row = {
    "id": "",
    "name": "Kiosk",
    "alias": "Entrance",
    "serial": "SN1",
    "platform": "ANDROID",
    "state": 1,
    "tenant_id": UUID.format(9),
    "group_id": UUID.format(1),
    "tags": [UUID.format(2)],
    "os": "Android",
    "os_version": "14",
    "dpc_version": "8",
    "last_seen": "2026-01-08T10:47:18Z",
    "blueprint_info": {
        "assigned_blueprint_id": UUID.format(3),
        "current_blueprint_id": UUID.format(3),
        "current_blueprint_version_id": UUID.format(4),
        "blueprint_upgrade_status": "UPGRADED",
    },
    "battery_stats": {"battery_level": 59.0},
    "hardware_info": {"manufacturer": "A", "brand": "B", "model": "C", "model_number": "D"},
    "network_stats": {
        "current_active_connection": "WIFI",
        "ip_address": ["192.0.2.1"],
        "wifi_network_info": {"wifi_ssid": "store"},
    },
    "network_info": {"wifi_mac_address": "52:75:39:bb:36:28", "ethernet_mac_address": None},
    "software_info": {"os_build_number": "R", "esper_agent_info": {"version_name": "8"}},
    "memory_info": {"total_ram": "3", "total_internal_storage": "32", "units": "GB"},
    "memory_stats": {"available_ram": 1, "available_internal_storage": 2},
    "location_stats": {"latitude": "52.5", "longitude": "13.4", "altitude": "34"},
    "is_gms": True,
    "is_supervised": None,
    "template_name": "Old",
    "eea_version": None,
}
ROWS: dict[str, Row] = {
    "/devicegroup/": {"id": "", "name": "Stores", "path": "All devices/Stores", "parent": None, "device_count": 1},
    "/tags/": {"id": "", "tag": "kiosk"},
    "/v2/blueprints/": {"id": "", "name": "Point of Sale", "is_assigned": True},
}


def places(value: t.Any, path: tuple[str, ...] = ()) -> t.Iterator[tuple[str, ...]]:
    """Yield the path of each value in a row, except for its ID."""
    for key, item in value.items():
        if path or key != "id":
            yield (*path, key)
            if isinstance(item, dict):
                yield from places(item, (*path, key))


def mutated(row: Row, hostile: t.Any, first: int) -> list[Row]:
    """Return the row, and a copy for each of its places with the hostile value there."""
    rows = [copy.deepcopy(row)]
    for path in places(row):
        rows.append(copy.deepcopy(row))
        inner = rows[-1]
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = hostile
    for number, each in enumerate(rows):
        each["id"] = UUID.format(first + number)
    return rows


def wrong_types(values: t.Mapping[str, t.Any], path: str = "") -> list[str]:
    wrong = []
    for name, value in values.items():
        if isinstance(value, dict):
            wrong += wrong_types(value, f"{path}{name}.")
        elif value is not None:
            is_bool = isinstance(value, bool) and TYPES.get(name) is not bool
            items = value if isinstance(value, list) else []
            if is_bool or not isinstance(value, TYPES.get(name, str)) or not all(isinstance(i, str) for i in items):
                wrong.append(f"{path}{name}: {value!r}")
            if isinstance(value, float) and not math.isfinite(value):
                wrong.append(f"{path}{name}: {value!r}")
    return wrong


def texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    given: list[str] = []
    monkeypatch.setattr("ansible.utils.display.Display.warning", lambda _display, text, **_more: given.append(text))
    return given


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_any_json_in_any_place_of_a_row_becomes_a_value_of_the_documented_type(
    server: Server, client: Client, hostile: t.Any, level: str, warnings: list[str]
) -> None:
    rows = {"/v2/devices/": mutated(DEVICE, hostile, 100)}
    rows |= {path: mutated(row, hostile, 1000 * number) for number, (path, row) in enumerate(ROWS.items(), 1)}

    def app(request: Request) -> Reply:
        (found,) = (rows for path, rows in rows.items() if request.path.endswith(path))
        return answers({"count": len(found), "results": found})

    server.app = app
    fleet = read_fleet(
        TenantView(client),
        {},
        level=level,
        kinds=KINDS,
        concurrency=1,
        by_cursor=False,
        on_progress=lambda *_progress: None,
        warn=warnings.append,
    )
    assert Fleet.from_cache(json.loads(json.dumps(fleet.to_cache()))) == fleet
    plugin = plugin_with()
    plugin._populate(fleet)
    hosts = plugin.inventory.hosts
    assert len(hosts) == len(rows["/v2/devices/"])
    for host in hosts.values():
        assert wrong_types({name.removeprefix("esper_"): value for name, value in host.vars.items()}) == []
        json.dumps(dict(host.vars), ensure_ascii=False).encode()
    if isinstance(hostile, dict) and hostile:
        assert [text for text in warnings if "values of an unexpected type, which are null here: device " in text]


@pytest.mark.parametrize(
    "hostile", [{ATTACK: 1}, {"a": {ATTACK: 1}}, [{ATTACK: 1}], {f"x{ATTACK}": 1, "{%": 2}], ids=str
)
def test_a_template_as_a_key_is_never_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hostile: t.Any
) -> None:
    monkeypatch.chdir(tmp_path)
    plugin = plugin_with()
    plugin.inventory.add_host("till")
    # As compose can create it.
    plugin.inventory.hosts["till"].vars["made"] = as_data(hostile)
    shown = rendered(plugin.inventory, "{{ made }}")
    shown = json.dumps(shown) if not isinstance(shown, str) else shown
    assert "touch PWNED" in shown
    rendered(plugin.inventory, "{{ made | string }} {{ made | to_json }} {% for key in made %}{{ key }}{% endfor %}")
    assert list(tmp_path.iterdir()) == []
