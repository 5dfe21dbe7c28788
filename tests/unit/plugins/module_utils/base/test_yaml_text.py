# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain values as YAML for people."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible_collections.esper.cloud.plugins.module_utils.base.yaml_text import yaml_text
from hypothesis import given
from hypothesis import strategies as st

# Texts that look like other values, hide text or need quotes, and any others. PyYAML reads no lone surrogates.
_TEXTS = st.one_of(
    st.sampled_from(["", " ", "no", "5", "1.10", "~", "a: b", "a #b", "- a", "a:", "*a", "{}", "\u202e", "\x1b[2J"]),
    st.text(st.sampled_from(" \t\n\r#:-'\"\\a\xe9\u2028\x85"), max_size=8),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), _TEXTS)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(_TEXTS, _VALUES, max_size=3))
def test_the_text_is_the_value_in_yaml_without_characters_that_control_a_terminal(value: dict[str, t.Any]) -> None:
    text = yaml_text(value)
    assert (yaml.safe_load(text) or {}) == value
    assert all(line.replace("\t", "").isprintable() or _is_outside_of_controls(line) for line in text.split("\n"))


def _is_outside_of_controls(line: str) -> bool:
    """Return whether a line has no control characters. Python calls unassigned characters and some spaces not
    printable, too."""
    return not any(character < " " or character in "\x7f\x85\u2028\u2029\u202e" for character in line.replace("\t", ""))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, ""),
        ({"path": "All devices/K\xf6ln", "name": "\u6771\u4eac"}, "name: \u6771\u4eac\npath: All devices/K\xf6ln\n"),
        ({"script": "set -e\n\n\tls\n"}, "script: |\n  set -e\n\n  \tls\n"),
        ({"script": "a\nb"}, "script: |-\n  a\n  b\n"),
        (
            {"apps": [{"name": "a", "codes": [5, "5"]}, {}], "none": []},
            'apps:\n  - codes:\n      - 5\n      - "5"\n    name: a\n  - {}\nnone: []\n',
        ),
        ({"url": "https://example.com/a?b=c", "on": None}, '"on": null\nurl: "https://example.com/a?b=c"\n'),
    ],
    ids=["empty", "letters", "lines", "lines without an end", "lists", "quotes"],
)
def test_people_can_read_the_text(value: dict[str, t.Any], text: str) -> None:
    assert yaml_text(value) == text
