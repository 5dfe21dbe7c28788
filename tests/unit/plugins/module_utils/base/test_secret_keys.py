# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of secret keys contains all secret fields of the modules."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.secret_keys import (
    MASK,
    SECRET_BESIDE,
    is_secret_key,
    mask_pairs,
    mask_secrets,
    secret_values,
)
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import OPTIONS
from ansible_collections.esper.cloud.plugins.module_utils.index import MODULES
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.module_spec import Option


def described(options: t.Iterable[t.Any]) -> t.Iterator[Option | Field]:
    for option in options:
        yield option
        yield from described(option.options if isinstance(option, Option) else option.fields)


def test_all_secret_fields_are_in_the_table() -> None:
    every = [each for module in MODULES for each in described(definition_of(module).module.options)]
    secrets = [each for each in every if each.secret]
    names = {name for each in secrets for name in (each.name, getattr(each, "api_name", each.name))}
    names |= {name for each in secrets if isinstance(each, Option) for name in each.aliases}
    names |= {option.name for option in OPTIONS if option.secret}
    assert len(names) > 5
    # A profile of a user is no secret, so only the argument of commands is one.
    others = SECRET_BESIDE.keys() | {"profile"}
    assert {name for name in names if not is_secret_key(name.rpartition(".")[2])} == others


def test_no_other_field_is_in_the_table() -> None:
    every = [each for module in MODULES for each in described(definition_of(module).module.options)]
    names = {each.name for each in every if is_secret_key(each.name) and not each.secret and each.type != "bool"}
    # A blueprint manages it, so a task shows the difference. Other responses only show it if a task asks for it.
    assert names == {"base64_app_config"}


def test_values_of_secret_keys_are_collected() -> None:
    value = {"a": [{"password": "one", "name": "two"}], "tokens": ["three", 4, None, True], "secret": {"value": "five"}}
    assert sorted(secret_values(value)) == ["4", "five", "one", "three"]


def test_a_value_of_any_depth_is_searched() -> None:
    value: t.Any = {"token": "one"}
    for _level in range(5000):
        value = [{"id": value}]
    assert list(secret_values(value)) == ["one"]


def test_a_private_key_x_its_public_key() -> None:
    assert mask_secrets({"data": "private", "public_data": "public"}) == {"data": MASK, "public_data": "public"}
    assert mask_secrets({"data": "plain"}) == {"data": "plain"}
    assert list(secret_values([{"data": "private", "public_data": "public"}, {"data": "plain"}])) == ["private"]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"password": "a\\"b", "name": "c"}', '{"password": ********, "name": "c"}'),
        ("{'wifiPhrase': 'a b', 'pin': 12}", "{'wifiPhrase': ********, 'pin': ********}"),
        ('{"password": "cut off', '{"password": ********'),
        ('{"passwords": ["a b", "c"], "name": "d"}', '{"passwords": ********, "name": "d"}'),
        ('{"names": ["a"], "pin": ["12', '{"names": ["a"], "pin": ********'),
        ("token=abc&page=2", "token=********&page=2"),
        ("password: This field is required.", "password: This field is required."),
        ("confirm=true", "confirm=true"),
    ],
)
def test_secrets_in_json_and_forms_are_masked(text: str, masked: str) -> None:
    assert mask_pairs(text) == masked
