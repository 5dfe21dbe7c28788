# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations and their filters are those of the contract, and whatever the module lets pass the contract accepts."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import Connection
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device import FILTERS, resolve_filters
from ansible_collections.esper.cloud.plugins.module_utils.tasks.command import ARGS, COMMANDS, REQUIRED_ARGS
from ansible_collections.esper.cloud.plugins.module_utils.tasks.operation import OPERATION_TASK
from ansible_collections.esper.cloud.plugins.module_utils.tasks.operations import (
    OWN_ARGS,
    RISKY,
    SCHEDULE,
    SCHEDULES,
    STATES,
    TYPES,
    checked_operation,
    checked_query,
    final_state_of,
    queries_for,
    query_body,
    start_step,
)
from contract import Contract
from hypothesis import given, settings
from hypothesis import strategies as st
from test_command_bodies import values_of

Params = dict[str, Any]

CONTRACT = Contract()
BEGINNING = CONTRACT.operation("POST", "/v0/operations/")
SCHEMAS = CONTRACT._documents["v0"]["components"]["schemas"]
DESCRIBED = SCHEMAS["Operations_POST"]["properties"]
VIEW = TenantView(Client(Connection(api_url="https://acme-api.esper.cloud/api", api_key="k")))
VALIDATOR = ArgumentSpecValidator(OPERATION_TASK.options, **OPERATION_TASK.rules)
DEVICE = "e2425d4b-c266-41b4-a83e-490189fc9a0f"
WINDOW = {"start_datetime": "2030-01-01T00:00:00Z", "end_datetime": "2030-01-02T00:00:00+01:00"}


def test_the_types_and_schedules_are_those_of_the_contract() -> None:
    assert sorted(TYPES) == sorted(DESCRIBED["operation_type"]["enum"])
    assert sorted(SCHEDULES) == sorted(DESCRIBED["schedule_type"]["enum"])
    assert set(TYPES) >= RISKY.keys()


def test_the_arguments_and_times_are_those_of_the_contract() -> None:
    # One argument of the contract is a sample of others.
    assert {each.name for each in OWN_ARGS} == set(DESCRIBED["arguments"]["properties"]) - {"sample_key"}
    times = SCHEMAS["ScheduleArgs"]["properties"]
    settable = {name for name, schema in times.items() if "cannot be set" not in schema.get("description", "")}
    assert {each.api_name for each in SCHEDULE.fields} == settable


def is_offered(name: str) -> bool:
    known = FILTERS[name]
    value = known.choices[0] if known.choices else 1 if known.type is int else known.type is bool or DEVICE
    try:
        checked_query({name: value})
    except InvalidParameter as error:
        return "Operations do not support" not in str(error)
    return True


def test_the_filters_are_those_that_the_contract_has_for_operations_and_for_lists_of_devices() -> None:
    keys = set(DESCRIBED["operation_device_query"]["x-device-request-keys"])
    assert {name for name in FILTERS if is_offered(name)} == keys & set(FILTERS)


def test_the_states_have_the_numbers_of_the_contract() -> None:
    operation = CONTRACT._documents["v0"]["paths"]["/v0/operations/"]["get"]
    (described,) = (each["description"] for each in operation["parameters"] if each["name"] == "state")
    numbers = {name.upper(): int(number) for number, name in (each.split("=") for each in described.split(", "))}
    # What a filter calls a failure says so of itself otherwise.
    assert {**STATES, "FAILURE": STATES["FAILED"]}.items() >= numbers.items()
    assert len(STATES) == len(numbers)
    assert set(SCHEMAS["OperationWithStats"]["properties"]["state"]["enum"]) <= STATES.keys()


@pytest.mark.parametrize("state", SCHEMAS["DeviceOperationWithStats"]["properties"]["state"]["enum"])
def test_the_states_of_devices_are_understood(state: str) -> None:
    ends = {"SUCCEDED": "succeeded", "FAILED": "failed", "CANCELLED": "cancelled"}
    assert final_state_of({"state": state}) == ends.get(state, "pending")


@st.composite
def tasks(draw: st.DrawFn) -> Params:
    name = draw(st.sampled_from(TYPES))
    others = st.lists(st.sampled_from([each.name for each in ARGS.fields]), max_size=2)
    wanted = set(REQUIRED_ARGS.get(name, ())) | set(draw(others))
    task: Params = {
        "operation_type": name,
        "args": {each.name: draw(values_of(each)) for each in ARGS.fields if each.name in wanted},
        "schedule": draw(st.sampled_from([*SCHEDULES, "RECURRING"])),
        "converge_with_provision": draw(st.sampled_from([None, True, "no", "perhaps"])),
        "geofence_ids": draw(st.sampled_from([None, [], [DEVICE], [DEVICE, "Depot"], DEVICE])),
        "device_query": {},
    }
    if task["schedule"] != "IMMEDIATE":
        days = draw(st.sampled_from([None, [], [1, "2"], ["MON"]]))
        zone = draw(st.sampled_from([None, "console", "device", "mine"]))
        task["schedule_args"] = {**WINDOW, "days": days, "time_type": zone}
    return task


def body_of(params: Params, query: Params) -> Params | None:
    """Return the body of the request, or None if the parameters fail validation."""
    validated = VALIDATOR.validate(params)
    if validated.error_messages:
        return None
    try:
        operation = checked_operation(validated.validated_parameters)
    except InvalidParameter:
        return None
    step = start_step(operation, query, "Beginning")
    assert isinstance(step.body, dict)
    return step.body


@given(tasks())
@settings(deadline=None)
def test_what_the_module_lets_pass_the_contract_accepts(task: Params) -> None:
    body = body_of(task, {"device_request": {}})
    assert body is None or CONTRACT.check_body(BEGINNING, body) == []


@pytest.mark.parametrize("name", TYPES)
def test_each_operation_can_be_started_with_its_required_arguments(name: str) -> None:
    whole: dict[str, Any] = {"int": 2, "bool": True, "str": "10", "dict": {"a": 1}, "raw": {"a": 1}}
    fields = {each.name: each for each in ARGS.fields}
    needs = REQUIRED_ARGS.get(name, ())
    args = {each: (fields[each].choices or (whole[fields[each].type],))[0] for each in needs}
    if name == "SET_SCREEN_OFF_TIMEOUT":
        args["screen_off_timeout"] = 5000
    own = {"geofence_ids": [DEVICE]} if name == "APPLY_GEO_FENCE" else {}
    task = {"operation_type": name, "devices": [DEVICE], "args": args}
    body = body_of({**task, **own}, {"device_ids": DEVICE})
    assert body is not None
    assert CONTRACT.check_body(BEGINNING, body) == []
    assert body["operation_type"] == name
    assert len(body.get("arguments", {})) == len(needs) + len(own)
    assert needs == () or name in COMMANDS
    assert not own or body_of(task, {"device_ids": DEVICE}) is None
    for each in needs:
        assert body_of({**task, "args": {**args, each: None}}, {"device_ids": DEVICE}) is None, each


def test_devices_go_into_as_few_operations_as_they_take() -> None:
    queries = queries_for([f"{number}" for number in range(1001)])
    assert [len(query["device_ids"].split(",")) for query in queries] == [500, 500, 1]
    assert queries_for([]) == []


def test_filters_are_written_as_in_a_query_of_the_list() -> None:
    checked = checked_query(
        {"state": "offline", "platform": ["android", "apple"], "is_gms": "False", "battery_level_lte": "20"}
    )
    assert query_body(resolve_filters(VIEW, checked)) == {
        "state": "60",
        "platform": "ANDROID,APPLE",
        "is_gms": False,
        "battery_level_lte": 20,
    }
