# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The YAML text of a tree has the exported values, whatever they are."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.slugs import file_slug, unique_slugs, variable_slug
from ansible_collections.esper.cloud.plugins.module_utils.engine.exporter import SecretValue
from ansible_collections.esper.cloud.plugins.module_utils.tree.writer import yaml_text
from ansible_collections.esper.cloud.tests.laws import trees
from hypothesis import given
from hypothesis import strategies as st

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=30),
    st.text("ab: #-\n\t'\"{}[]%&*!|>@`?,\\\r", max_size=12),
    st.sampled_from(
        ["", "no", "1", "1.0", "null", "~", "2026-01-01", "0x1f", "a: b", "- a", "{{ x }}", "---", "...", "="]
    ),
)
VALUES = st.recursive(
    st.one_of(TEXTS, st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


@given(VALUES)
def test_the_text_has_the_value(value: t.Any) -> None:
    assert trees.load(yaml_text(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"name": "Point of Sale", "path": "All devices/Stores"}, "name: Point of Sale\npath: All devices/Stores\n"),
        ({"version": "1.10", "on": "off"}, 'version: "1.10"\n"on": "off"\n'),
        (
            {"items": [{"a": 1, "b": [True, None]}, []]},
            "items:\n  - a: 1\n    b:\n      - true\n      - null\n  - []\n",
        ),
        ({"script": "a\n  b\n"}, "script: |\n  a\n    b\n"),
        ({"script": "a\n\nb"}, "script: |-\n  a\n\n  b\n"),
        ({"text": "{{ name }}"}, 'text: !unsafe "{{ name }}"\n'),
        ({"script": "echo {#\nb\n"}, "script: !unsafe |\n  echo {#\n  b\n"),
        ({"password": SecretValue("p", "esper_secret_p")}, 'password: "{{ esper_secret_p | default(omit) }}"\n'),
        ({"number": 1e16}, "number: 1.0e+16\n"),
    ],
)
def test_the_text_is_readable(value: t.Any, text: str) -> None:
    assert yaml_text(value) == text


def test_names_of_files_and_variables() -> None:
    assert file_slug("Büro  #1 (Berlin)") == "büro-1-berlin"
    assert file_slug("com.example.pos 1.3.0") == "com.example.pos-1.3.0"
    assert variable_slug("Büro: wifi[Office].password") == "buro_wifi_office_password"
    assert file_slug("../..") == file_slug("../..") != file_slug("///")
    assert len(file_slug("x" * 300)) < 80


def test_equal_slugs_get_checksums_that_do_not_depend_on_the_order() -> None:
    texts = ["Kiosk", "kiosk", "Till"]
    slugs = unique_slugs(texts, file_slug, "-")
    assert slugs == unique_slugs(texts[::-1], file_slug, "-")
    assert slugs["Till"] == "till"
    assert len({each.casefold() for each in slugs.values()}) == 3
