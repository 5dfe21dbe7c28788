# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk over options finds each value, and what names nothing."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.module_spec import Option
from ansible_collections.esper.cloud.plugins.module_utils.model.walk import (
    blank_identifiers,
    null_identifiers,
    unknown_options,
    walk,
    without_omitted,
)

OPTIONS = (
    Option("name", "Name.", identifier=True),
    Option("devices", "Devices.", type="list", elements="str", aliases=("device",), identifier=True),
    Option("aliases", "Aliases.", type="dict", identifier=True),
    Option("comment", "Comment."),
    Field(
        "apps",
        "Apps.",
        type="list",
        elements="dict",
        fields=(Field("package", "Package.", identifier=True), Field("seen", "Time.", writable=False)),
    ),
)


def test_each_value_is_visited_with_its_path() -> None:
    params = {"name": "a", "device": ["b"], "apps": [{"package": "c"}, {"package": None, "seen": 1}], "comment": None}
    assert [(path, value) for path, _option, value in walk(OPTIONS, params)] == [
        ("name", "a"),
        ("device", ["b"]),
        ("comment", None),
        ("apps", params["apps"]),
        ("apps[0].package", "c"),
        ("apps[1].package", None),
    ]


@pytest.mark.parametrize(
    ("params", "paths"),
    [
        ({"name": ""}, ["name"]),
        ({"name": " \t\n"}, ["name"]),
        ({"name": None}, []),
        ({"name": "x", "comment": ""}, []),
        ({"devices": ["a", "", None, " "]}, ["devices[1]", "devices[2]", "devices[3]"]),
        ({"device": [""]}, ["device[0]"]),
        ({"devices": []}, []),
        ({"aliases": {"a": "b", "": "c", "d": " "}}, ["aliases['']", "aliases['d']"]),
        ({"apps": [{"package": "x"}, {"package": ""}]}, ["apps[1].package"]),
        ({"apps": "not a list", "name": 5}, []),
    ],
)
def test_empty_identifiers_are_found(params: dict[str, t.Any], paths: list[str]) -> None:
    assert list(blank_identifiers(OPTIONS, params)) == paths


@pytest.mark.parametrize(
    ("params", "empty", "paths"),
    [
        ({"name": None, "comment": None}, False, ["name"]),
        ({"name": ""}, False, []),
        ({"name": ""}, True, ["name"]),
        ({"name": " "}, True, []),
        ({"apps": [{"package": None}]}, False, ["apps[0].package"]),
        ({}, True, []),
    ],
)
def test_null_identifiers_are_found(params: dict[str, t.Any], empty: bool, paths: list[str]) -> None:
    assert list(null_identifiers(OPTIONS, params, empty_is_null=empty)) == paths


def test_unknown_options_are_named_with_the_closest() -> None:
    params = {"nam": 1, "device": [], "apps": [{"pakage": 1}, {"zzzzz": 1}], 7: 1}
    assert list(unknown_options(OPTIONS, params)) == [
        "nam; did you mean name",
        "apps[0].pakage; did you mean package",
        "apps[1].zzzzz",
        "7",
    ]


NESTED = (
    Field(
        "settings",
        type="dict",
        fields=(
            Field("lock", type="dict", fields=(Field("pin"), Field("length", type="int"))),
            Field("apps", type="list", elements="dict", fields=(Field("package"), Field("state"))),
            Field("extra", type="dict"),
        ),
    ),
    Option("filters", "Filters.", type="dict", options=(Option("name", "Name."),)),
)
# As AnsibleModule completes them.
FILLED = {"settings": {"lock": {"pin": None, "length": 5}, "apps": [{"package": "a", "state": None}], "extra": None}}


@pytest.mark.parametrize(
    ("args", "settings"),
    [
        (
            {"lock": {"pin": None, "length": 5}, "apps": [{"package": "a", "state": None}], "extra": None},
            FILLED["settings"],
        ),
        ({"lock": {"length": 5}, "apps": [{"package": "a"}]}, {"lock": {"length": 5}, "apps": [{"package": "a"}]}),
        (
            '{"lock": {"pin": null, "length": 5}, "apps": [{"package": "a"}]}',
            {"lock": {"pin": None, "length": 5}, "apps": [{"package": "a"}]},
        ),
        (
            {"lock": '{"pin": null, "length": 5}', "apps": '[{"package": "a", "state": null}]', "extra": None},
            {"lock": {"pin": None, "length": 5}, "apps": [{"package": "a"}], "extra": None},
        ),
        (None, {"lock": {"length": 5}, "apps": [{"package": "a"}]}),
    ],
)
def test_null_is_told_from_what_is_omitted(args: t.Any, settings: t.Any) -> None:
    params = {**FILLED, "filters": {"name": None}}
    kept = without_omitted(NESTED, params, {"settings": args, "filters": {}}, json.loads)
    assert kept == {"settings": settings, "filters": {"name": None}}
    assert params["settings"] is FILLED["settings"]


@pytest.mark.parametrize("settings", [None, {}, {"lock": None}])
def test_what_has_nothing_in_it_stays(settings: t.Any) -> None:
    assert without_omitted(NESTED, {"settings": settings}, {"settings": settings}, json.loads) == {"settings": settings}
