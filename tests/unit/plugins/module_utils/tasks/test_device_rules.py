# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules match the devices that a user means, and values of devices are never patterns or templates."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.tasks.device_rules import (
    MATCH_FIELDS,
    Places,
    Rule,
    Rules,
    Template,
    moment,
    parse_conditions,
    parse_template,
    values_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

Row = dict[str, t.Any]

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
STORES, BERLIN, ROOT = (f"00000000-0000-4000-8000-00000000000{number}" for number in (1, 2, 0))
PLACES = Places(
    tags={"t1": "kiosk", "t2": "Vip"},
    paths={ROOT: "All devices", STORES: "All devices/Stores", BERLIN: "All devices/Stores/Berlin"},
    names={ROOT: "All devices", STORES: "Stores", BERLIN: "Berlin"},
    lines={ROOT: frozenset({ROOT}), STORES: frozenset({ROOT, STORES}), BERLIN: frozenset({ROOT, STORES, BERLIN})},
    root_id=ROOT,
)
GROUPS = {"Stores": STORES, "Stores/Berlin": BERLIN}
DEVICE: Row = {
    "id": "e2425d4b-c266-41b4-a83e-490189fc9a0f",
    "name": "OUW-MDJ-00001",
    "alias": None,
    "serial": "R9W00000001",
    "platform": "ANDROID",
    "state": 60,
    "is_gms": True,
    "group_id": BERLIN,
    "tags": ["t1", "t2"],
    "hardware_info": {"brand": "Zebra", "model": "TC52", "serial": "H-1"},
    "software_info": {"esper_agent_info": {"version_name": "8.9"}},
    "network_stats": {"ip_address": ["10.20.30.40", "fe80::1%wlan0"], "wifi_network_info": {"wifi_ssid": "Lager"}},
    "provisioned_on": "2026-02-25T00:00:00Z",
    "created_at": "2020-01-01T00:00:00Z",
    "last_seen": "2026-02-28T12:00:00Z",
}


def rule(match: t.Any, number: int = 1) -> Rule:
    return Rule(number, f"rule {number}", parse_conditions("match", match, lambda name: GROUPS[name], NOW))


def matches(match: t.Any, device: Row | None = None) -> bool:
    return bool(Rules([rule(match)]).matching(device or DEVICE, PLACES))


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({"name": "OUW-MDJ-00001"}, True),
        ({"name": "ouw-mdj-00001"}, False),
        ({"name": "OUW"}, False),
        ({"name": ["A", "OUW-MDJ-00001"]}, True),
        ({"id": DEVICE["id"].upper()}, True),
        ({"serial": {"prefix": "R9W"}}, True),
        ({"serial": {"prefix": ["X", "R9W0"]}}, True),
        ({"serial": {"prefix": "9W"}}, False),
        ({"serial": {"glob": "R9*1"}}, True),
        ({"serial": {"glob": "R9*"}}, True),
        ({"serial": {"glob": "9*"}}, False),
        ({"serial": {"glob": "R?W*", "regex": ".*01"}}, True),
        ({"serial": {"glob": "R?W*", "regex": ".*02"}}, False),
        ({"serial": {"regex": "R9W"}}, False),
        ({"serial": {"regex": "R9W[0-9]+"}}, True),
        ({"alias": {"glob": "*"}}, False),
        ({"platform": "android"}, True),
        ({"platform": {"prefix": "and"}}, True),
        ({"platform": ["APPLE", "LINUX"]}, False),
        ({"state": "offline"}, True),
        ({"state": "online"}, False),
        ({"model": "TC52", "brand": "Zebra"}, True),
        ({"model": "TC52", "brand": "Honeywell"}, False),
        ({"agent_version": {"prefix": "8."}}, True),
        ({"wifi_ssid": "Lager"}, True),
        ({"tags": "kiosk"}, True),
        ({"tags": ["none", "Vip"]}, True),
        ({"tags": "vip"}, False),
        ({"tags": {"prefix": "kio"}}, True),
        ({"group": "Stores"}, False),
        ({"group": "Stores/Berlin"}, True),
        ({"group": {"below": "Stores"}}, True),
        ({"group": {"glob": "All devices/*/Berlin"}}, True),
        ({"ip_addresses": {"cidr": "10.20.0.0/16"}}, True),
        ({"ip_addresses": {"cidr": ["10.21.0.0/16", "fe80::/10"]}}, True),
        ({"ip_addresses": {"cidr": "10.21.0.0/16"}}, False),
        ({"ip_addresses": "10.20.30.40"}, True),
        ({"ip_addresses": {"prefix": "10.20.3"}}, True),
        ({"enrolled": {"since": "7d"}}, True),
        ({"enrolled": {"since": "24h"}}, False),
        ({"enrolled": {"before": "2026-02-26"}}, True),
        ({"last_seen": {"since": "24h"}}, True),
        ({"last_seen": {"before": "P1D"}}, False),
        ({"api.hardware_info.serial": "H-1"}, True),
        ({"api.is_gms": True}, True),
        ({"api.nothing.there": "H-1"}, False),
    ],
)
def test_a_device_matches(match: Row, expected: bool) -> None:
    assert matches(match) is expected


def test_a_device_without_values_matches_no_field() -> None:
    empty = {"id": "1", "name": None, "network_stats": None, "tags": None, "hardware_info": [], "last_seen": "soon"}
    for name in {*MATCH_FIELDS} - {"id", "group"}:
        forms = {"before": "2100-01-01"} if name in ("enrolled", "last_seen") else {"glob": "*", "regex": ".*"}
        for form, pattern in forms.items():
            assert not matches({name: {form: pattern}}, empty), (name, form)


def test_a_device_without_a_group_is_in_the_root() -> None:
    assert matches({"group": {"glob": "All devices"}}, {"id": "1", "group_id": None})


@pytest.mark.parametrize(
    ("match", "message"),
    [
        (None, "match is empty"),
        ({}, "match is empty"),
        ({"serial": None}, "match.serial is null"),
        ({"serial": ""}, "match.serial is empty"),
        ({"serial": " "}, "match.serial is empty"),
        ({"serial": []}, "match.serial is empty"),
        ({"serial": {}}, "match.serial is empty"),
        ({"serial": {"prefix": ""}}, "match.serial.prefix is empty"),
        ({"serial": {"prefix": ["R9", None]}}, "match.serial.prefix is null"),
        ({"serail": "R9"}, "Unknown field match.serail. Did you mean 'serial'"),
        ({"serial": {"prefx": "R9"}}, "Unknown form match.serial.prefx. Did you mean 'prefix'"),
        ({"serial": {"cidr": "10.0.0.0/8"}}, "Unknown form"),
        ({"serial": {"regex": "("}}, "Invalid match.serial.regex: "),
        ({"serial": {"prefix": {"a": "b"}}}, "is not a text"),
        ({"platform": "androit"}, "Did you mean 'ANDROID'"),
        ({"ip_addresses": {"cidr": "10.0.0.0/99"}}, "is not a network"),
        ({"enrolled": "7d"}, "set enrolled: {since"),
        ({"enrolled": {"since": "0d"}}, "Valid values are a duration"),
        ({"enrolled": {"since": "soon"}}, "Valid values are a duration"),
        ({"enrolled": {"since": "PT"}}, "Valid values are a duration"),
        ({"enrolled": {"since": ["1d", "2d"]}}, "set one time"),
        ({"enrolled": {"since": "999999d"}}, "Valid values are a duration"),
        ({"api.": "x"}, "Unknown field"),
    ],
)
def test_an_invalid_rule_is_an_error(match: t.Any, message: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        rule(match)
    assert message in str(caught.value)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_the_index_finds_the_same_rules_as_a_comparison_with_each_rule(data: st.DataObject) -> None:
    texts = st.text("AB", min_size=1, max_size=3)
    address = st.sampled_from(["10.0.0.1", "10.0.1.1", "10.1.0.1", "x"])
    networks = st.sampled_from(["10.0.0.0/8", "10.0.0.0/24", "10.1.0.0/16", "10.0.0.1"])
    match = st.fixed_dictionaries(
        {},
        optional={
            "serial": st.one_of(texts, st.fixed_dictionaries({"prefix": st.lists(texts, min_size=1, max_size=2)})),
            "name": st.fixed_dictionaries({"glob": texts.map(lambda text: f"{text}*")}),
            "ip_addresses": st.fixed_dictionaries({"cidr": networks}),
            "group": st.sampled_from([{"below": "Stores"}, "Stores", "Stores/Berlin"]),
            "tags": st.sampled_from(["kiosk", ["Vip", "kiosk"]]),
        },
    ).filter(bool)
    rules = [rule(each, number) for number, each in enumerate(data.draw(st.lists(match, max_size=6)), 1)]
    device = {
        "id": "1",
        "name": data.draw(texts),
        "serial": data.draw(texts),
        "group_id": data.draw(st.sampled_from([None, STORES, BERLIN])),
        "tags": data.draw(st.sampled_from([[], ["t1"], ["t1", "t2"]])),
        "network_stats": {"ip_address": data.draw(st.lists(address, max_size=2))},
    }
    assert Rules(rules).matching(device, PLACES) == [each for each in rules if each.matches(device, PLACES)]


# --- templates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "alias"),
    [
        ("POS {serial}", "POS R9W00000001"),
        ("{group_name} {serial:-4}", "Berlin 0001"),
        ("{model:2}-{ serial:3 }", "TC-R9W"),
        ("{state}", "offline"),
        ("{alias}", None),
        ("A {udid}", None),
    ],
)
def test_a_template_inserts_fields(template: str, alias: str | None) -> None:
    assert parse_template("alias", template).render(DEVICE, "Berlin") == alias


@pytest.mark.parametrize(
    "value", ["{serial}", "{{ 7 * 7 }}", "{serial.__class__}", "%s", "{% raw %}", r"\g<0>", "a{0}b{"]
)
def test_values_of_devices_are_never_templates(value: str) -> None:
    assert parse_template("alias", "A {name}").render({"name": value, "serial": "S"}, None) == f"A {value}"


@pytest.mark.parametrize("value", ["a\nb", "\x1b[31m", "\ud800", " ", ["a"], {"a": 1}])
def test_an_invalid_alias_is_none(value: t.Any) -> None:
    assert parse_template("alias", "A {name}").render({"name": value}, None) is None


@pytest.mark.parametrize(
    "template",
    [
        "",
        "POS",
        "{}",
        "{0}",
        "{serial",
        "serial}",
        "{seral}",
        "{serial!r}",
        "{serial.x}",
        "{serial:0}",
        "{tags}",
        "{{ x }}",
    ],
)
def test_an_invalid_template_is_an_error(template: str) -> None:
    with pytest.raises(InvalidParameter, match=r"^Invalid alias: "):
        parse_template("alias", template)


def test_templates_are_data() -> None:
    assert parse_template("alias", "{serial:-4}!") == Template((("serial", -4), "!"))
    assert list(values_of("serial", {"serial": " S1 "}, PLACES)) == ["S1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("90 m", NOW - timedelta(minutes=90)),
        ("PT36H", NOW - timedelta(hours=36)),
        ("2026-02-01", datetime(2026, 2, 1, tzinfo=timezone.utc)),
        ("2026-02-01T10:00:00+02:00", datetime(2026, 2, 1, 8, tzinfo=timezone.utc)),
    ],
)
def test_a_moment_is_a_time_or_a_duration_before_now(text: str, expected: datetime) -> None:
    assert moment("since", text, NOW) == expected
