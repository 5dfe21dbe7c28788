# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts of webhooks in the form of events, and the documentation of the plugins of ansible-rulebook."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.events import options as options_module
from ansible_collections.esper.cloud.plugins.module_utils.events.alerts import FIELDS, normalize
from ansible_collections.esper.cloud.plugins.module_utils.events.options import CHANGES, Options
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import OPTIONS
from ansible_collections.esper.cloud.tests.unit.plugins.module_utils.events.sources import NOW, Row

ROOT = Path(__file__).parents[5]
SOURCE = ROOT / "extensions/eda/plugins/event_source/devices.py"
FILTER = ROOT / "extensions/eda/plugins/event_filter/device_event.py"

DEVICE_ID = "9a2f2b8f-6b0b-4d59-8a4e-f1f1b9a3c001"
ALERT = {"device_id": DEVICE_ID, "device_name": "TILL-1", "group_name": "Berlin", "alert_time": NOW}


def webhook(body: t.Any) -> Row:
    return {"payload": body, "meta": {"headers": {"X": "1"}, "endpoint": "esper"}}


def test_an_alert_has_the_form_of_an_event() -> None:
    event = normalize(webhook({**ALERT, "alarm_name": "Battery", "tags": "kiosk, berlin"}))
    assert event["esper"]["device"] == {
        "id": DEVICE_ID,
        "name": "TILL-1",
        "alias": None,
        "serial": None,
        "group": "Berlin",
        "tags": ["kiosk", "berlin"],
    }
    assert (event["esper"]["type"], event["esper"]["time"], event["esper"]["origin"]) == ("alarm", NOW, "webhook")
    assert event["esper"]["alarm"]["name"] == "Battery"
    assert event["meta"] == {"hosts": "TILL-1", "uuid": event["esper"]["id"], **webhook({})["meta"]}
    assert event["payload"]["device_name"] == "TILL-1"


def test_equal_alerts_have_one_id() -> None:
    first, second = (normalize(webhook(dict(ALERT)))["esper"]["id"] for _number in range(2))
    assert first == second
    assert normalize(webhook({**ALERT, "alert_time": "2026-03-02T09:30:00Z"}))["esper"]["id"] != first
    assert normalize(webhook({**ALERT, "id": 4711}))["esper"]["id"] == "4711"


def test_fields_are_the_places_of_values() -> None:
    body = {"data": {"unit": {"label": "TILL-2", "sn": "R9W1"}}, "kind": "low_battery"}
    fields = {"name": ["missing", "data.unit.label"], "serial": "data.unit.sn", "type": "kind"}
    event = normalize(webhook(body), fields=fields, hostnames=["serial"])
    assert (event["esper"]["type"], event["esper"]["device"]["name"]) == ("low_battery", "TILL-2")
    assert event["meta"]["hosts"] == "R9W1"
    assert normalize(webhook(body), fields=fields, type_="alarm")["esper"]["type"] == "alarm"
    with pytest.raises(InvalidParameter, match="Valid fields"):
        normalize(webhook(body), fields={"colour": "x"})


@pytest.mark.parametrize("body", [{}, {"unit": 1}, [1, 2], "text", None, {"device": {"name": {"a": 1}}}])
def test_an_event_without_a_device_is_not_changed(body: t.Any) -> None:
    event = webhook(body)
    assert normalize(event) == event


def test_a_polled_event_keeps_its_form() -> None:
    event = {"esper": {"type": "device_offline", "device": {"name": "TILL-1", "id": DEVICE_ID}}, "meta": {"uuid": "u"}}
    assert normalize(event) == {**event, "meta": {"uuid": "u", "hosts": "TILL-1"}}
    assert normalize({**event, "meta": {"hosts": "other"}})["meta"] == {"hosts": "other"}


def test_an_alert_is_no_template_and_no_host_pattern() -> None:
    event = normalize(webhook({**ALERT, "device_name": "{{ x }}", "group_name": "{% y %}"}))
    assert event["esper"]["device"]["group"] == "{ % y %}"
    assert event["meta"]["hosts"] == DEVICE_ID
    assert normalize(webhook({"device_name": "all,!x"}))["meta"].get("hosts") is None


# --- documentation ----------------------------------------------------------------------------------------------------


def documentation(file: Path, name: str = "DOCUMENTATION") -> t.Any:
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return yaml.safe_load(ast.literal_eval(node.value))
    raise AssertionError(f"{file.name} has no {name}")


def test_the_documentation_of_the_source_has_all_options() -> None:
    documented = documentation(SOURCE)["options"]
    own = {"filters", *options_module._LISTS, *options_module._NUMBERS, *options_module._TEXTS}
    assert set(documented) == own | {option.name for option in OPTIONS} | {"feedback"}
    assert documented["changes"]["choices"] == list(CHANGES)
    numbers = {name: number.default for name, number in options_module._NUMBERS.items()}
    assert {name: documented[name]["default"] for name in numbers} == numbers
    connection = {option.name: option.default for option in OPTIONS}
    assert {name: documented[name].get("default") for name in connection} == connection
    for option in OPTIONS:
        assert f"E({option.env[0]})" in str(documented[option.name]["description"]) or option.name == "tenant"


def test_the_documentation_of_the_filter_has_all_fields() -> None:
    documented = documentation(FILTER)["options"]
    assert list(documented) == ["fields", "event_type", "hostnames"]
    assert all(f"V({name})" in str(documented["fields"]["description"]) for name in FIELDS)


@pytest.mark.parametrize("file", [SOURCE, FILTER], ids=["source", "filter"])
def test_the_examples_have_valid_options(file: Path) -> None:
    for ruleset in documentation(file, "EXAMPLES"):
        for source in ruleset["sources"]:
            if args := source.get("esper.cloud.devices"):
                Options.from_args({"tenant": "acme", "api_key": "k3y-0123456789", **args}, {})
            for each in source.get("filters", ()):
                for filter_args in each.values():
                    normalize(webhook({}), fields=filter_args.get("fields"))


# --- the plugins as ansible-rulebook loads them -----------------------------------------------------------------------


def load(file: Path) -> t.Any:
    """Return the function main of a plugin. runpy does not work with the import system of ansible-core."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def test_the_filter_runs_without_its_package() -> None:
    main = load(FILTER)
    assert main(webhook(ALERT), event_type="outage")["esper"]["type"] == "outage"
    assert main(webhook(ALERT), hostnames=["id"])["meta"]["hosts"] == DEVICE_ID


def test_the_source_runs_without_its_package() -> None:
    main = load(SOURCE)
    assert asyncio.iscoroutinefunction(main)
    with pytest.raises(InvalidParameter, match="Unknown option"):
        asyncio.run(main(asyncio.Queue(), {"tenant": "acme", "api_key": "k3y-0123456789", "colour": 1}))
    assert "ansible_collections" in sys.modules
