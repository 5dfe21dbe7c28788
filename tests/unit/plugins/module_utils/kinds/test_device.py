# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
import itertools
import json
import re
import typing as t
import uuid
from pathlib import Path

import pytest
import yaml
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter, NotFound
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device import (
    DISABLED,
    FILTERS,
    STATES,
    as_host,
    check_filters,
    resolve_filters,
)
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device_list import list_devices
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers
from hypothesis import example, given
from hypothesis import strategies as st

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client

Row = dict[str, t.Any]
CONTRACT = Path(__file__).resolve().parents[4] / "contract" / "api" / "v2.yaml"
AN_ID, ANOTHER_ID = str(uuid.uuid4()), str(uuid.uuid4())


@functools.lru_cache
def contract() -> Row:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return t.cast(Row, yaml.load(CONTRACT.read_text(encoding="utf-8"), Loader=loader))


def state_enumerations() -> dict[str, Row]:
    schemas = contract()["components"]["schemas"]
    return {name: schema for name, schema in schemas.items() if name.startswith("DeviceStateEnum")}


def parameters() -> dict[str, Row]:
    described = contract()["paths"]["/v2/devices/"]["get"]["parameters"]
    return {each["name"]: each for each in described if each["name"] not in ("limit", "offset", "cursor", "ordering")}


# --- states and filters of the contract -------------------------------------------------------------------------------


def test_the_states_are_those_of_the_contract() -> None:
    enumerations = state_enumerations()
    assert len(enumerations) == 4
    assert set(STATES) == {code for schema in enumerations.values() for code in schema["enum"]}


def test_the_words_for_states_are_those_of_the_contract() -> None:
    # The enumeration for Linux has the shortest words; that for Android has the other states, in longer ones.
    described = state_enumerations()["DeviceStateEnumLinux"]["description"]
    told = {int(code): word.strip().replace(" ", "_") for code, word in re.findall(r"(\d+) ([^,]+)", described)}
    assert len(told) == 8
    assert {code: STATES[code] for code in told} == told
    described = state_enumerations()["DeviceStateEnumAndroid"]["x-enum-meaning"]
    meanings = {int(code): meaning for code, meaning in described.items()}
    for code in STATES.keys() - told.keys():
        meaning = re.findall(r"\w+", meanings[code].lower())
        assert set(STATES[code].split("_")) <= set(meaning), meanings[code]


def test_the_words_for_states_are_valid_group_names() -> None:
    assert len(set(STATES.values())) == len(STATES)
    assert all(re.fullmatch("[a-z_]+", word) for word in STATES.values())
    assert STATES[DISABLED] == "disabled"


def test_the_filters_are_those_of_the_contract() -> None:
    assert set(FILTERS) == set(parameters())


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_a_filter_has_the_type_of_the_contract(name: str) -> None:
    schema, told = parameters()[name]["schema"], parameters()[name].get("description", "")
    if name in ("battery_level_gte", "battery_level_lte"):
        # A number as text in the contract.
        assert (schema["type"], FILTERS[name].type) == ("string", int)
    else:
        assert FILTERS[name].type is {"string": str, "integer": int, "boolean": bool}[schema["type"]]
    assert FILTERS[name].many == ("several" in told or "comma separated" in told)
    if "enum" in schema:
        assert FILTERS[name].choices == tuple(schema["enum"])
    if listed := re.fullmatch(r"comma separated: (.*)", told):
        assert FILTERS[name].choices == tuple(listed.group(1).split(", "))
    if FILTERS[name].names:
        assert schema.get("format") == "uuid" or "ids" in told


# --- filters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given_value", "checked"),
    [
        ("serial", "R5", ["R5"]),
        ("serial", " R5 ", ["R5"]),
        ("serial", "12345", ["12345"]),
        ("serial", ["R5"], ["R5"]),
        ("battery_level_gte", 20, [20]),
        ("battery_level_gte", "20", [20]),
        ("is_gms", True, [True]),
        ("is_gms", "False", [False]),
        ("state", "online", ["1"]),
        ("state", "OFFLINE", ["60"]),
        ("state", 20, ["20"]),
        ("state", "0", ["0"]),
        ("state", "unspecified", ["0"]),
        ("os", "android", ["Android"]),
        ("os", "iPadOS", ["iPadOS"]),
        ("managed_by", "blueprint", ["BLUEPRINT"]),
        ("platform", "android", ["ANDROID"]),
        ("platform", ["apple", "LINUX"], ["APPLE", "LINUX"]),
        ("platform", ("apple",), ["APPLE"]),
        ("device_source", ["abm", "non_abm"], ["ABM", "NON_ABM"]),
        ("tags", "kiosk", ["kiosk"]),
        ("tags", ["kiosk", "till"], ["kiosk", "till"]),
        ("group_multi", "Stores/Berlin", ["Stores/Berlin"]),
        ("assigned_blueprint_id", "Point of Sale", ["Point of Sale"]),
    ],
    ids=str,
)
def test_a_filter_value_is_converted_to_api_format(name: str, given_value: t.Any, checked: list[t.Any]) -> None:
    assert check_filters({name: given_value}) == {name: checked}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("serial", None, "the value is empty"),
        ("serial", "", "the value is empty"),
        ("serial", {"a": 1}, "not a text or number"),
        ("serial", [["a"]], "not a text or number"),
        ("serial", ["a", "b"], "takes one value, not a list of 2"),
        ("serial", [], "one value"),
        ("tags", [], "the list is empty"),
        ("tags", ["a", None], "the value is empty"),
        ("battery_level_gte", "full", "whole number"),
        ("battery_level_gte", -1, "whole number"),
        ("battery_level_gte", 1.5, "whole number"),
        ("battery_level_gte", "²", "whole number"),
        ("battery_level_gte", True, "whole number"),
        ("is_gms", "maybe", "true or false"),
        ("is_gms", 1, "true or false"),
        ("os", "BeOS", "one of iOS, iPadOS"),
        ("platform", ["ANDROID", "BEOS"], "one of ANDROID"),
        ("state", "asleep", "one of unspecified, online"),
        ("state", 999, "one of unspecified, online"),
        ("state", "²", "one of unspecified, online"),
        ("state", ["online", "offline"], "takes one value"),
    ],
    ids=str,
)
def test_an_invalid_filter_value_is_rejected(name: str, value: t.Any, says: str) -> None:
    with pytest.raises(InvalidParameter, match=re.escape(says)) as caught:
        check_filters({name: value})
    assert f"'{name}'" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sate", "Did you mean 'state'?"),
        ("tag", "Did you mean 'tags'?"),
        ("blueprint_id", "Did you mean"),
        ("xyzzy", "Valid filters: active_connection, "),
        ("limit", "Unknown device filter 'limit'"),
        ("offset", "Unknown device filter 'offset'"),
        ("cursor", "Unknown device filter 'cursor'"),
        (5, "Unknown device filter '5'"),
    ],
)
def test_an_unknown_filter_is_rejected_with_a_hint(name: t.Any, says: str) -> None:
    with pytest.raises(InvalidParameter, match=re.escape(says)):
        check_filters({name: "x"})


@given(
    st.sampled_from(sorted(FILTERS)),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=4,
    ),
)
@example("foundation_major_version", "²")
@example("state", "²")
@example("airwave_build_number", "٣")
def test_any_filter_value_is_accepted_or_rejected(name: str, value: t.Any) -> None:
    try:
        checked = check_filters({name: value})[name]
    except InvalidParameter:
        return
    # By name, because a bool is also an int.
    expected = FILTERS[name].type.__name__
    assert {each.__class__.__name__ for each in checked} == {expected}


def tenant(request: Request) -> Reply:
    root = {"id": ANOTHER_ID, "name": "All devices", "path": "All devices"}
    group = {"id": AN_ID, "name": "Berlin", "path": "All devices/Stores/Berlin", "parent": f"https://x/{ANOTHER_ID}/"}
    if "/devicegroup/" in request.path:
        return answers({"count": 2, "results": [root, group]})
    if "/tags/" in request.path:
        return answers({"count": 2, "results": [{"id": AN_ID, "tag": "kiosk"}, {"id": ANOTHER_ID, "tag": "kiosk-2"}]})
    if "/blueprints/" in request.path:
        return answers({"content": {"count": 1, "results": [{"id": AN_ID, "name": "Point of Sale"}]}})
    return answers({}, 404)


def test_names_in_filters_become_ids(server: Server, client: Client) -> None:
    server.app = tenant
    checked = check_filters(
        {
            "group_multi": ["Stores/Berlin", "All devices"],
            "tags": ["kiosk", ANOTHER_ID],
            "current_blueprint_id": "Point of Sale",
            "state": "online",
            "is_gms": True,
        }
    )
    assert resolve_filters(TenantView(client), checked) == {
        "group_multi": [AN_ID, ANOTHER_ID],
        "tags": [AN_ID, ANOTHER_ID],
        "current_blueprint_id": [AN_ID],
        "state": ["1"],
        "is_gms": [True],
    }


def test_an_unknown_name_in_a_filter_is_an_error(server: Server, client: Client) -> None:
    server.app = tenant
    with pytest.raises(NotFound, match=r"tag 'kisok' was not found. Did you mean 'kiosk'"):
        resolve_filters(TenantView(client), check_filters({"tags": "kisok"}))


def test_the_rows_of_several_requests_are_merged_and_their_progress_is_that_of_all(
    server: Server, client: Client
) -> None:
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(220)]

    def app(request: Request) -> Reply:
        asked = request.query["group_multi"].split(",")
        assert len(request.target) < 8000
        # One device is in a group of each part.
        results = [{"id": "in all"}, *({"id": f"in {group}"} for group in asked)]
        return answers({"count": len(results), "results": results})

    server.app = app
    told: list[tuple[int, int | None]] = []
    found = list_devices(client, {"group_multi": ids, "tags": ["t"]}, on_progress=lambda *each: told.append(each))
    assert [row["id"] for row in found] == ["in all", *(f"in {group}" for group in ids)]
    assert {request.query["tags"] for request in server.requests} == {"t"}
    assert len(server.requests) == 3
    assert [total for _read, total in told] == [None, None, None]
    assert sorted(told) == told


@pytest.mark.parametrize("value", ["00000000-0000-4000-8000-{:012}", "a/" * 20 + "{}"])
def test_several_filters_with_many_values_fit_into_each_request(server: Server, client: Client, value: str) -> None:
    values = [value.format(number) for number in range(150)]
    asked: set[tuple[str, ...]] = set()

    def app(request: Request) -> Reply:
        assert len(request.target) < 8000
        asked.update(itertools.product(*(request.query[name].split(",") for name in ("a", "b", "c"))))
        return answers({"count": 0, "results": []})

    server.app = app
    some = values[:20]
    assert list_devices(client, {"a": values, "b": values, "c": [*some, *values[-80:]], "state": ["1", "2"]}) == []
    assert len(asked) == 150 * 150 * 100


def test_devices_are_listed_with_the_filters(server: Server, client: Client) -> None:
    server.replies(answers({"content": {"count": 1, "prev": None, "next": None, "results": [{"id": "1"}]}}))
    query = {"group_multi": [AN_ID, ANOTHER_ID], "state": ["1"], "is_gms": [True], "battery_level_lte": [20]}
    assert list(list_devices(client, query, concurrency=4)) == [{"id": "1"}]
    assert server.requests[0].query == {
        "group_multi": f"{AN_ID},{ANOTHER_ID}",
        "state": "1",
        "is_gms": "true",
        "battery_level_lte": "20",
        "limit": "1000",
        "ordering": "created_at",
    }


# --- devices as hosts -------------------------------------------------------------------------------------------------

ANDROID: Row = {
    "id": AN_ID,
    "name": "ABC-DEF-12345",
    "alias": "till 3",
    "serial": "R5",
    "platform": "ANDROID",
    "os": "Android",
    "os_version": "14",
    "state": 1,
    "group_id": ANOTHER_ID,
    "tags": [ANOTHER_ID],
    "tenant_id": ANOTHER_ID,
    "blueprint_info": {
        "assigned_blueprint_id": AN_ID,
        "current_blueprint_id": "",
        "current_blueprint_version_id": None,
        "blueprint_upgrade_status": "DONE",
    },
    "dpc_version": "9.1",
    "fcm_id": "SECRET push token",
    "mqtt_topic": "SECRET topic",
    "global_device_id": "g",
    "last_seen": "2026-03-01T09:30:00Z",
    "hardware_info": {"manufacturer": "Acme", "model": "X1", "imei": "SECRET imei", "sim": "SECRET sim"},
    "software_info": {"fcm_token": "SECRET token", "esper_agent_info": {"version_name": "8"}},
    "network_info": {
        "wifi_mac_address": "02:00:00:00:00:01",
        "ethernet_mac_address": None,
        "phone_number": "SECRET +49 30 1",
        "cellular": {"phone_number": "SECRET"},
    },
    "network_stats": {
        "current_active_connection": "WIFI",
        "ip_address": ["10.0.0.5"],
        "wifi_network_info": {"wifi_ssid": "shop", "password": "SECRET"},
        "cellular_network_info": {"phone_number": "SECRET"},
    },
    "battery_stats": {"battery_level": 80.0},
    "push_magic": "SECRET",
    "unlock_token": "SECRET",
}
PARTS = ("blueprint_info", "hardware_info", "software_info", "network_info", "network_stats", "battery_stats")
HOSTS: dict[str, Row] = {
    "android": ANDROID,
    "apple": {
        "id": AN_ID,
        "platform": "APPLE",
        "os": "iPadOS",
        "state": 100,
        "software_info": {"push_magic": "SECRET"},
    },
    "linux": {"id": AN_ID, "platform": "LINUX", "os": "Linux", "state": 200, "tags": None},
    "windows": {"id": AN_ID, "platform": "WINDOWS", "state": 20, "software_info": {"esper_agent_info": None}},
    "all null": dict.fromkeys(ANDROID) | {"id": AN_ID},
    "parts empty": {**ANDROID, **{part: {} for part in PARTS}},
    "parts of null": {**ANDROID, **{part: dict.fromkeys(ANDROID[part]) for part in PARTS}},
    "only an id": {"id": AN_ID},
}


def keys_of(value: t.Any) -> t.Any:
    return {key: keys_of(item) for key, item in value.items()} if isinstance(value, dict) else None


@pytest.mark.parametrize("row", HOSTS.values(), ids=HOSTS)
def test_a_host_has_the_same_keys_on_all_platforms(row: Row) -> None:
    host = as_host(row)
    assert keys_of(host) == keys_of(as_host(ANDROID))
    assert isinstance(host["tag_ids"], list)
    assert isinstance(host["network"]["ip_addresses"], list)


@pytest.mark.parametrize("row", HOSTS.values(), ids=HOSTS)
def test_a_host_has_no_tokens_and_no_phone_numbers(row: Row) -> None:
    told = json.dumps(as_host(row))
    assert "SECRET" not in told
    assert not re.search("token|phone|imei|magic|password", told)


def test_a_host_has_the_values_of_its_device() -> None:
    host = as_host(ANDROID)
    assert {name: host[name] for name in ("name", "alias", "serial", "platform", "state", "state_code")} == {
        "name": "ABC-DEF-12345",
        "alias": "till 3",
        "serial": "R5",
        "platform": "ANDROID",
        "state": "online",
        "state_code": 1,
    }
    assert (host["group_id"], host["tag_ids"], host["blueprint_id"]) == (ANOTHER_ID, [ANOTHER_ID], AN_ID)
    assert (host["current_blueprint_id"], host["current_blueprint_version_id"]) == (None, None)
    assert (host["agent_version"], host["battery_level"]) == ("9.1", 80.0)
    assert host["hardware"] == {"manufacturer": "Acme", "brand": None, "model": "X1", "model_number": None}
    assert host["network"] == {
        "active_connection": "WIFI",
        "ip_addresses": ["10.0.0.5"],
        "wifi_ssid": "shop",
        "wifi_mac_address": "02:00:00:00:00:01",
        "ethernet_mac_address": None,
    }


def test_the_agent_version_falls_back_to_the_agent_info() -> None:
    assert as_host({**ANDROID, "dpc_version": None})["agent_version"] == "8"


@pytest.mark.parametrize("state", [None, 12345, -1, "ONLINE", 1.5, []], ids=str)
def test_an_undocumented_state_is_unknown(state: t.Any) -> None:
    assert as_host({"id": AN_ID, "state": state})["state"] == "unknown"
