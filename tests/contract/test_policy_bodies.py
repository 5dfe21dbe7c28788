# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of enterprise policies are those of the contract: what the module lets pass the contract accepts, and
values that the contract rejects fail validation in the module."""

from __future__ import annotations

import typing as t
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.engine.planner import planner_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import Connection
from ansible_collections.esper.cloud.plugins.module_utils.kinds.enterprise_policy import ENTERPRISE_POLICY
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from contract import Contract
from hypothesis import given, settings
from hypothesis import strategies as st

Params = dict[str, Any]

DOCUMENT = yaml.load(
    (Path(__file__).parent / "api" / "legacy.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader
)
SCHEMA = DOCUMENT["components"]["schemas"]["EnterprisePolicyData"]
(SETTINGS,) = [each for each in ENTERPRISE_POLICY.fields if each.name == "settings"]
TYPES = {"boolean": "bool", "integer": "int", "string": "str", "array": "list", "object": "dict"}

CONTRACT = Contract()
OPERATION = CONTRACT.operation("POST", "/enterprise/{enterprise_id}/policy/")
VIEW = TenantView(
    Client(
        Connection(
            api_url="https://acme-api.esper.cloud/api",
            api_key="k",
            enterprise_id="0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d",
        )
    )
)
VALIDATOR = ArgumentSpecValidator(ENTERPRISE_POLICY.options, **ENTERPRISE_POLICY.rules)


def assert_same(fields: tuple[Field, ...], schema: dict[str, Any]) -> None:
    assert {each.api_name for each in fields} == set(schema["properties"])
    for each in fields:
        described = schema["properties"][each.api_name]
        assert each.type == TYPES[described["type"]], each.name
        assert list(each.choices) == described.get("enum", []), each.name
        inside = described.get("items", described)
        if each.type == "list":
            assert each.elements == TYPES[inside["type"]], each.name
        if "properties" in inside:
            assert_same(each.fields, inside)


def test_the_settings_are_those_of_the_contract() -> None:
    assert_same(SETTINGS.fields, SCHEMA)


# Values around each limit, and of types that YAML may well give.
TEXTS = st.text(max_size=18) | st.sampled_from(["112", "+4930123456", "a@example.com", "nobody", "", " ", "1.10"])
NUMBERS = st.integers(-2, 12) | st.sampled_from(["7", "seven"])
SWITCHES = st.booleans() | st.sampled_from(["yes", "off", "perhaps"])


def values_of(field: Field) -> st.SearchStrategy[Any]:
    if field.type == "list":
        item = settings_of(field.fields) if field.fields else TEXTS if field.elements == "str" else st.just({"a": 1})
        return st.lists(item, max_size=3)
    if field.type == "dict":
        return settings_of(field.fields)
    if field.choices:
        return st.sampled_from([*field.choices, "SOMETHING_ELSE"])
    return {"bool": SWITCHES, "int": NUMBERS, "str": TEXTS}[field.type]


def settings_of(fields: tuple[Field, ...]) -> st.SearchStrategy[Params]:
    return st.fixed_dictionaries({}, optional={each.name: values_of(each) for each in fields})


def body_of(params: Params) -> Params | None:
    """Return the body of a create with these parameters, or None if they fail validation."""
    validated = VALIDATOR.validate(params)
    if validated.error_messages:
        return None
    try:
        planned = planner_of(VIEW, ENTERPRISE_POLICY).plan_create(validated.validated_parameters)
    except InvalidParameter:
        return None
    return planned.steps[0].body


@given(settings_of(SETTINGS.fields), st.sampled_from(["Kiosks", "x" * 255, "x" * 256, "", "  "]))
@settings(deadline=None)
def test_what_the_module_lets_pass_the_contract_accepts(chosen: Params, name: str) -> None:
    body = body_of({"name": name, "settings": chosen})
    assert body is None or CONTRACT.check_body(OPERATION, body) == []


def in_api_format(field: Field, value: t.Any) -> t.Any:
    """Return a value with the keys of the API, also if it is invalid."""
    if isinstance(value, list) and field.fields:
        return [in_api_format(field, each) for each in value]
    if not field.fields:
        return value
    return {each.api_name: in_api_format(each, value[each.name]) for each in field.fields if each.name in value}


@pytest.mark.parametrize(
    "rejected",
    [
        {"minimum_password_length": 3},
        {"phone_policy": {"incoming_numbers": ["1" * 16]}},
        {"phone_policy": {"dialer": "MINE"}},
        {"frp_googles": [{"type": "GUEST"}]},
        {"device_update_policy": {"type": "TYPE_NEVER"}},
        {"settings_access_level": "ALL"},
        {"camera_disabled": "perhaps"},
        {"device_update_policy": {"maintenance_start": "early"}},
    ],
)
def test_values_that_the_contract_rejects_fail_validation(rejected: Params) -> None:
    assert body_of({"name": "Kiosks", "settings": rejected}) is None
    body = {"enterprise": "https://x/", "name": "Kiosks", "policy": in_api_format(SETTINGS, rejected)}
    assert CONTRACT.check_body(OPERATION, body) != []


@pytest.mark.parametrize(
    "rejected",
    [
        {"frp_googles": [{"email": "nobody"}]},
        {"google_account_permission": {"emails": ["a@example.com", "nobody"]}},
    ],
)
def test_an_address_is_checked_by_its_form(rejected: Params) -> None:
    """The contract requires this format, although JSON schema does not require to check formats."""
    assert body_of({"name": "Kiosks", "settings": rejected}) is None


def test_a_whole_policy_passes() -> None:
    assert body_of({"name": "Kiosks", "settings": {"phone_policy": {"incoming_numbers": ["112"]}}}) is not None
