# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the walk over options and of the validation of their values."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.module_spec import Option
from ansible_collections.esper.cloud.plugins.module_utils.model.walk import (
    blank_identifiers,
    invalid_path,
    null_identifiers,
    secret_paths,
    secret_texts,
    suggestions,
    text_slips,
    type_mismatch,
    unknown_options,
    unknown_paths,
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
    assert list(blank_identifiers(walk(OPTIONS, params))) == paths


@pytest.mark.parametrize(
    ("params", "empty_is_null", "paths"),
    [
        ({"name": None, "comment": None}, False, ["name"]),
        ({"name": ""}, False, []),
        ({"name": ""}, True, ["name"]),
        ({"name": " "}, True, []),
        ({"apps": [{"package": None}]}, False, ["apps[0].package"]),
        ({}, True, []),
    ],
)
def test_null_identifiers_are_found(params: dict[str, t.Any], empty_is_null: bool, paths: list[str]) -> None:
    assert list(null_identifiers(walk(OPTIONS, params), empty_is_null=empty_is_null)) == paths


def test_unknown_options_are_returned_with_the_closest_name() -> None:
    params = {"nam": 1, "device": [], "apps": [{"pakage": 1}, {"zzzzz": 1}], 7: 1}
    assert list(unknown_options(OPTIONS, params)) == [
        "nam (did you mean name?)",
        "7",
        "apps[0].pakage (did you mean package?)",
        "apps[1].zzzzz",
    ]


SECRETS = (
    Option("name", "Name."),
    Option("password", "Password.", secret=True),
    Option("networks", "Networks.", type="raw", secret=True),
    Option("settings", "Settings.", type="dict", options=(Option("pin", "PIN.", secret=True, aliases=("code",)),)),
    Field("several", type="list", elements="dict", fields=(Field("pin", api="PIN", secret=True), Field("name"))),
)


def test_all_texts_of_secret_options_are_secrets() -> None:
    params = {
        "name": "n",
        "password": "p",
        "networks": [{"ssid": "s", "keys": ["k", 5, None]}],
        "settings": {"code": "1"},
        "several": [{"pin": "2", "name": "n"}, {"pin": None}, None, "n"],
    }
    assert sorted(secret_texts(walk(SECRETS, params))) == ["1", "2", "k", "p", "s"]
    assert list(secret_texts(walk(SECRETS, {"settings": None, "several": None}))) == []


def test_paths_of_secrets_and_unknown_values_are_in_collection_terms() -> None:
    device = Field(
        "device",
        api="unit",
        type="dict",
        fields=(
            Field("sound", api="noise", type="dict", fields=(Field("pin", api="PIN", secret=True),)),
            Field("files", type="list", elements="dict", fields=(Field("number", writable=False),)),
            Field("tags", type="list", elements="str"),
        ),
    )
    current = {
        "new": 1,
        "none": None,
        "empty": {},
        "noise": {"x": False, "PIN": "****"},
        "files": [None, {"x": {"y": 1}, "number": 1}],
        "tags": ["a"],
    }
    assert unknown_paths(device, current) == ["device.new", "device.sound.x", "device.files[1].x"]
    assert unknown_paths(device, None) == []
    assert secret_paths((device,), {"unit": current}) == ["device.sound.pin"]
    assert secret_paths((device,), {"unit": {"noise": {"PIN": None}}}) == []


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"size": float("inf")}, "The option size must be an integer, not inf."),
        ({"size": 5.0, "one": {"size": 1}, "many": [{"size": 1}], "src": "x"}, ""),
        ({"one": "as text", "many": ['{"size": 1}', "size=1"]}, ""),
        ({"many": [{"size": 1}, "as text"]}, "The option many[1] must be a dict, not str."),
        ({"one": False}, "The option one must be a dict, not bool."),
        ({"many": [{}, 5]}, "The option many[1] must be a dict, not int."),
        ({"many": [{"size": float("nan")}]}, "The option many[0].size must be an integer, not nan."),
        ({"one": None, "many": None, "size": None}, ""),
        ({"share": float("nan")}, "The option share must be a number, not nan."),
        ({"share": "nan"}, "The option share must be a number, not nan."),
        ({"many": [{"size": " -inf "}]}, "The option many[0].size must be an integer, not -inf."),
        ({"share": 0.5}, ""),
        ({"share": "0.5", "size": "many"}, ""),
    ],
)
def test_a_type_mismatch_is_reported(params: dict[str, t.Any], error: str) -> None:
    size = Option("size", "Size.", type="int")
    options = (
        size,
        Option("share", "Share.", type="float"),
        Option("one", "One.", type="dict", options=(size,)),
        Field("many", type="list", elements="dict", fields=(Field("size", type="int"),)),
    )
    assert type_mismatch(walk(options, params)) == error


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"src": "file", "items": [{"src": "/file"}]}, ""),
        ({"src": None, "items": None}, ""),
        ({"src": " "}, "The option src is not a valid path: ' '."),
        ({"src": f"/{'a' * 255}/{'b' * 255}"}, ""),
        ({"src": "a" * 256}, "The option src is not a path, but has 256 characters. Set the path of the file."),
        ({"src": "a\nb"}, "The option src is not a path, but has 3 characters. Set the path of the file."),
        ({"items": [{"src": "x"}, {"src": "x\0"}]}, "The option items[1].src is not a valid path: 'x\\x00'."),
    ],
)
def test_an_invalid_path_is_reported(params: dict[str, t.Any], error: str) -> None:
    src = Option("src", "File.", type="path")
    options = (src, Option("items", "Items.", type="list", elements="dict", options=(src,)))
    assert invalid_path(walk(options, params)) == error


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
# AnsibleModule sets omitted suboptions to null.
COMPLETED = {"settings": {"lock": {"pin": None, "length": 5}, "apps": [{"package": "a", "state": None}], "extra": None}}


@pytest.mark.parametrize(
    ("args", "settings"),
    [
        (
            {"lock": {"pin": None, "length": 5}, "apps": [{"package": "a", "state": None}], "extra": None},
            COMPLETED["settings"],
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
def test_omitted_suboptions_are_removed_and_null_is_kept(args: t.Any, settings: t.Any) -> None:
    params = {**COMPLETED, "filters": {"name": None}}
    kept = without_omitted(NESTED, params, {"settings": args, "filters": {}}, json.loads)
    assert kept == {"settings": settings, "filters": {"name": None}}
    assert params["settings"] is COMPLETED["settings"]


@pytest.mark.parametrize("settings", [None, {}, {"lock": None}])
def test_an_empty_value_is_not_changed(settings: t.Any) -> None:
    assert without_omitted(NESTED, {"settings": settings}, {"settings": settings}, json.loads) == {"settings": settings}


TEXTS = (
    *OPTIONS,
    Option("version", "Version.", identifier=True, numbers=True),
    Option("state", "State.", choices=("present",)),
    Option("wifi_id", "ID.", identifier=True),
    Option("google_id", "ID."),
    Field("brightness", "Brightness.", numbers=True),
    Option("pin", "PIN.", secret=True),
    Option("count", "Count.", type="int"),
    Option("notes", "Notes.", type="list", elements="str"),
    Option("by_device", "Aliases.", type="dict", texts_by_name=True),
)


@pytest.mark.parametrize(
    ("params", "errors", "warnings"),
    [
        ({"name": "0010", "comment": "NO", "count": 5, "version": 3, "wifi_id": 7, "state": False}, [], []),
        ({"name": None, "devices": [None]}, [], []),
        ({"name": ["a"]}, ["name must be a text, not a list."], []),
        ({"devices": [{}, ["a"]]}, ["devices[0] must be a text, not a dict.", "devices[1] must be a text, not a"], []),
        ({"comment": {"a": 1}}, [], ["comment is a dict, and is sent as a text."]),
        ({"pin": [5349]}, ["pin must be a text, not a list. In a template, use the filter string."], []),
        ({"brightness": 50, "google_id": 7}, [], []),
        ({"brightness": 5.5}, [], ["brightness is a number, and is sent as the text '5.5'"]),
        ({"name": 8}, ["name must be a text, not the number 8"], []),
        ({"name": False}, ["name must be a text, not the boolean False"], []),
        ({"version": 1.1, "wifi_id": True}, ["version must be a text", "wifi_id must be a text"], []),
        ({"devices": ["a", 45045]}, ["devices[1] must be a text, not the number 45045"], []),
        ({"device": 5349}, ["device[0] must be a text, not the number 5349"], []),
        ({"apps": [{"package": 1.1}]}, ["apps[0].package must be a text, not the number 1.1"], []),
        ({"comment": 1.1}, [], ["comment is a number, and is sent as the text '1.1'"]),
        ({"comment": False}, [], ["comment is a boolean, and is sent as the text 'False'"]),
        ({"notes": ["a", 8]}, [], ["notes[1] is a number, and is sent as the text '8'"]),
        ({"pin": 5349}, [], ["pin is a number, and is sent as a text."]),
        ({"by_device": {"a": 8}}, [], ["by_device['a'] is a number, and is sent as the text '8'"]),
        ({"by_device": {8: "a"}}, ["by_device[8] must be a text, not the number 8"], []),
    ],
)
def test_other_types_in_place_of_texts_are_found(
    params: dict[t.Any, t.Any], errors: list[str], warnings: list[str]
) -> None:
    found = text_slips(walk(TEXTS, params))
    for sentences, starts in ((found.errors, errors), (found.warnings, warnings)):
        assert [
            sentence.startswith(f"The option {start}") for sentence, start in zip(sentences, starts, strict=True)
        ] == [True] * len(starts)
    assert "5349" not in str(found.warnings)


def test_the_closest_options_and_choices_are_suggested() -> None:
    actions = Option("actions", "Actions.", type="list", elements="str", choices=("REBOOT", "LOCK"))
    options = (
        Option("command", "Command.", choices=("REBOOT", "LOCK")),
        Option("devices", "Devices.", type="list", elements="str", aliases=("device",)),
        Option("rules", "Rules.", type="list", elements="dict", options=(actions,)),
    )
    params = {"command": "reboot", "devcies": ["S1"], "rules": [{"actions": ["lokc", "LOCK", "secret"], "other": 1}]}
    assert suggestions(options, params) == [
        "Did you mean the option devices?",
        "Did you mean 'REBOOT' for command?",
        "Did you mean 'LOCK' for rules[0].actions?",
    ]
    assert suggestions(options, {"command": None, "device": "S1"}) == []
