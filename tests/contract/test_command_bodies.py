# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands and their arguments are those of the contract, and whatever the module lets pass the contract accepts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import Connection
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.tasks.command import (
    ARGS,
    COMMANDS,
    REQUIRED_ARGS,
    checked_command,
    steps_for,
)
from ansible_collections.esper.cloud.plugins.module_utils.tasks.device_command import DEVICE_COMMAND
from ansible_collections.esper.cloud.plugins.module_utils.tasks.schedules import SCHEDULES
from contract import Contract
from hypothesis import given, settings
from hypothesis import strategies as st

Params = dict[str, Any]

CONTRACT = Contract()
OPERATION = CONTRACT.operation("POST", "/commands/v0/commands/")
SCHEMAS = CONTRACT._documents["v0"]["components"]["schemas"]
VIEW = TenantView(Client(Connection(api_url="https://acme-api.esper.cloud/api", api_key="k")))
VALIDATOR = ArgumentSpecValidator(DEVICE_COMMAND.options, **DEVICE_COMMAND.rules)
DEVICE = "e2425d4b-c266-41b4-a83e-490189fc9a0f"
TYPES = {"boolean": "bool", "integer": "int", "string": "str", "object": "dict"}
# Esper marks its own converges with this value, so it is invalid for other commands.
NOT_OFFERED = {"is_converge"}
# The module replaces the version by its ID, and only operations have the tag.
NOT_OF_COMMANDS = {"version_name", "version_code", "tag"}


def test_the_commands_are_those_of_the_contract() -> None:
    assert sorted(COMMANDS) == sorted(SCHEMAS["DeviceCommandEnum"]["enum"])
    assert sorted(SCHEDULES) == sorted(SCHEMAS["CommandScheduleEnum"]["enum"])


def test_the_arguments_are_those_of_the_contract() -> None:
    described = SCHEMAS["CommandArgs"]["properties"]
    sent = [each for each in ARGS.fields if each.api_name not in NOT_OF_COMMANDS]
    assert {each.api_name for each in sent} == set(described) - NOT_OFFERED
    for each in sent:
        schema = described[each.api_name]
        if each.type != "raw":
            # What the contract has as a text that is true or false is a switch here.
            assert each.type == TYPES[schema["type"]] or "string true or false" in schema["description"], each.name
        assert set(schema.get("enum", ())) <= set(each.choices), each.name


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_needs_what_the_contract_s_notes_say(command: str) -> None:
    note = str(SCHEMAS["DeviceCommandEnum"]["x-enum-notes"].get(command, ""))
    names = {each.api_name: each.name for each in ARGS.fields}
    # A misspelled name in the notes stands for the property.
    words = set(re.findall(r"\w+", note.replace("dhcp_dnabled", "dhcp_enabled").partition("optional")[0]))
    needed = {names[word] for word in words & names.keys()} if "needs" in note else set()
    assert set(REQUIRED_ARGS.get(command, ())) == needed - {"cert_password", "secondary_dns"}


def values_of(field: Field) -> st.SearchStrategy[Any]:
    if field.choices:
        return st.sampled_from([*field.choices, "SOMETHING ELSE"])
    texts = st.sampled_from(["", "a", "10", "300", "1.10", "x" * 300])
    numbers = st.sampled_from([-2, -1, 0, 1, 2, 3, 4, 5, 100, 101, 5000, 1800001, "7", "seven"])
    switches = st.booleans() | st.sampled_from(["yes", "perhaps"])
    shapes = st.sampled_from([{"a": 1}, {}])
    return {"str": texts, "int": numbers, "bool": switches, "dict": shapes, "raw": shapes}[field.type]


@st.composite
def tasks(draw: st.DrawFn) -> Params:
    command = draw(st.sampled_from(COMMANDS))
    others = st.lists(st.sampled_from([each.name for each in ARGS.fields]), max_size=2)
    wanted = set(REQUIRED_ARGS.get(command, ())) | set(draw(others))
    args = {each.name: draw(values_of(each)) for each in ARGS.fields if each.name in wanted}
    schedule = draw(st.sampled_from(list(SCHEDULES)))
    times = {name: "2030-01-01T00:00:00Z" if "datetime" in name else "22:00:00" for name in SCHEDULES[schedule]}
    if "days" in times:
        times["days"] = ["MON"]  # type: ignore[assignment]
    return {"device": [DEVICE], "command": command, "args": args, "schedule": schedule, "schedule_args": times}


def body_of(params: Params) -> Params | None:
    """Return the body of the request, or None if the parameters fail validation."""
    validated = VALIDATOR.validate(params)
    if validated.error_messages:
        return None
    try:
        command = checked_command(validated.validated_parameters)
    except InvalidParameter:
        return None
    (step,) = steps_for(VIEW, command, [DEVICE])
    assert isinstance(step.body, dict)
    return step.body


@given(tasks())
@settings(deadline=None)
def test_what_the_module_lets_pass_the_contract_accepts(task: Params) -> None:
    body = body_of(task)
    assert body is None or CONTRACT.check_body(OPERATION, body) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_can_be_sent_with_what_it_needs(command: str) -> None:
    whole: dict[str, Any] = {"int": 2, "bool": True, "str": "10", "dict": {"a": 1}, "raw": {"a": 1}}
    fields = {each.name: each for each in ARGS.fields}
    args = {name: (fields[name].choices or (whole[fields[name].type],))[0] for name in REQUIRED_ARGS.get(command, ())}
    if command == "SET_SCREEN_OFF_TIMEOUT":
        args["screen_off_timeout"] = 5000
    body = body_of({"device": DEVICE, "command": command, "args": args})
    assert body is not None
    assert CONTRACT.check_body(OPERATION, body) == []
    assert body["command"] == command
    for name in args:
        assert body_of({"device": DEVICE, "command": command, "args": {**args, name: None}}) is None, name


def test_devices_and_groups_go_into_as_few_requests_as_they_take() -> None:
    command = checked_command(VALIDATOR.validate({"device": DEVICE, "command": "LOCK"}).validated_parameters)
    bodies = [step.body for step in steps_for(VIEW, command, [DEVICE] * 2001, groups=[DEVICE] * 501)]
    assert [(body["command_type"], len(body.get("devices", ())), len(body.get("groups", ()))) for body in bodies] == [
        ("DEVICE", 1000, 0),
        ("DEVICE", 1000, 0),
        ("DEVICE", 1, 0),
        ("GROUP", 0, 500),
        ("GROUP", 0, 1),
    ]
    for body in bodies:
        assert CONTRACT.check_body(OPERATION, body) == []
    assert len({body["alias"] for body in bodies}) == 5
