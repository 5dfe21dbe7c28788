# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any input of a user is an error with a sentence, or refers to exactly the object that it names."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.esper.cloud.plugins.module_utils.base.text import composed
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.index import MODULES
from ansible_collections.esper.cloud.plugins.module_utils.model.walk import type_mismatch
from ansible_collections.esper.cloud.plugins.module_utils.module import argument_spec, perform
from ansible_collections.esper.cloud.plugins.module_utils.task import RunContext
from ansible_collections.esper.cloud.plugins.plugin_utils.task_action import plain
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from process import Simulator

Row = dict[str, Any]

few = settings(max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def play(simulator: Simulator, module: str, **options: Any) -> Row:
    """Return the result of a task with all parameters validated as Ansible does, or None for an unexpected error."""
    task = definition_of(module)
    connection = {
        "api_url": simulator.url,
        "api_key": simulator.key,
        "enterprise_id": simulator.enterprise_id,
        "retries": 0,
        "deadline": 20,
    }
    spec = argument_spec(task, {})
    if why := type_mismatch(task.visit(options).all):
        return {"failed": True, "msg": why}
    checked = ArgumentSpecValidator(spec, **task.rules).validate(plain({**options, **connection}))
    if checked.error_messages:
        return {"failed": True, "msg": checked.error_messages[0]}
    result = perform(task, checked.validated_parameters, RunContext())[0].result
    assert "exception" not in result, (options, result["exception"])
    if result.get("failed"):
        assert isinstance(result["msg"], str)
        assert result["msg"].strip()
    return result


# --- names ------------------------------------------------------------------------------------------------------------

# module: the path where the tenant stores its objects, and the parameters in addition to the name.
KINDS: dict[str, tuple[str, Row]] = {
    "device_group": ("groups", {"parent": "All devices"}),
    "enterprise_policy": ("policies", {"settings": {"kiosk_mode": True}}),
    "blueprint": ("blueprints", {"settings": {"android": {"camera_settings": {"allow_camera_access": True}}}}),
    "content": ("content", {}),
}
NAMES = [
    "a/b",
    "/",
    "..",
    "../policy",
    "%2e%2e%2f",
    "a?b=c#d",
    'say "no"',
    "it's",
    "back\\slash",
    "{{ 7 * 7 }}",
    "\U0001f355 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u05e9\u05dc\u05d5\u05dd \u202eabc",
    "x" * 1000,
    "  spaces  ",
    "\t",
    "line\nbreak",
    "nul\0",
    "bell\x07",
    "delete\x7f",
    "null",
    "1.10",
    "All devices",
    "caf\u00e9",
    "cafe\u0301",
    "00000000-0000-0000-0000-000000000000",
    "a,b",
    "*",
    "%",
]
names = st.one_of(st.sampled_from(NAMES), st.text(max_size=30))


def objects(simulator: Simulator, kind: str) -> list[tuple[str, str]]:
    return sorted((str(each["id"]), str(each["name"])) for each in simulator.state()[kind])


@pytest.mark.parametrize("module", KINDS)
@few
@given(name=names)
def test_a_name_is_that_of_the_one_object(running: Simulator, tmp_path: Path, module: str, name: str) -> None:
    kind, more = KINDS[module]
    running.reset(devices=3, groups=3, tags=1)
    file = tmp_path / "file"
    file.write_text("bytes")
    options: Row = {"name": name, **more, **({"src": str(file)} if module == "content" else {})}
    lookalikes = {name.swapcase(), f"{name}x", f"x{name}", name[:-1], name.replace("/", "-")} - {name, name.strip()}
    for other in sorted(lookalikes):
        if other.strip() != name.strip():
            play(running, module, **{**options, "name": other})
    before = objects(running, kind)
    first = play(running, module, **options)
    made = [each for each in objects(running, kind) if each not in before]
    if not first.get("changed"):
        assert made == []
        return
    # A content without a name has that of its file. New device groups have names in composed Unicode form.
    assert [composed(each[1]).strip() for each in made] == [composed(name).strip() or file.name]
    running.clear_journal()
    second = play(running, module, **options)
    assert (second.get("changed"), running.writes()) == (False, []), second
    if name:
        options.pop("src", None)
    gone = play(running, module, **{**options, "state": "absent"})
    assert gone.get("changed") is True, gone
    assert objects(running, kind) == before


@few
@given(several=st.lists(names, min_size=1, max_size=4))
def test_a_tenant_has_what_is_named(running: Simulator, several: list[str]) -> None:
    running.reset(devices=3, groups=3, tags=1)
    options = {
        "device_groups": [{"name": name, "parent": "All devices"} for name in several],
        "enterprise_policies": [{"name": name, "settings": {"kiosk_mode": True}} for name in several],
        "on_error": "continue",
    }
    before = [objects(running, kind) for kind in ("groups", "policies")]
    first = play(running, "tenant", **options)
    for kind, those in zip(("groups", "policies"), before, strict=True):
        made = [composed(each[1]).strip() for each in objects(running, kind) if each not in those]
        assert sorted(made) == sorted(set(made))
        assert set(made) <= {composed(name).strip() for name in several}
    running.clear_journal()
    second = play(running, "tenant", **options)
    assert second["changed"] is False
    assert second["counts"]["failed"] == first["counts"]["failed"]
    assert [entry for entry in running.writes() if entry["status"] < 400] == []


@few
@given(name=names)
def test_a_device_is_found_by_its_exact_name_or_not_at_all(running: Simulator, name: str) -> None:
    running.reset(devices=5, groups=3, tags=1)
    devices = running.state(devices=True)["devices"]
    known = {str(each[key]).strip() for each in devices for key in ("id", "name", "alias", "serial") if each.get(key)}
    own = str(devices[0]["name"])
    for wanted in (name, own[:-1], f"{own}x", f"{own}/../x", own.swapcase()):
        assert wanted.strip() not in known
        assert not play(running, "device", devices=[wanted], tags=["pilot"]).get("changed")
    assert running.writes() == []
    assert play(running, "device", devices=[f" {own} "], tags=["pilot"])["changed"] is True


@few
@given(name=names)
def test_an_app_is_found_by_its_exact_package_or_not_at_all(running: Simulator, name: str) -> None:
    running.reset(devices=3, groups=3, tags=1)
    before = running.state()
    assert not play(running, "app", package_name=name, version_name=name, state="absent").get("changed")
    assert play(running, "app_info", package_name=name).get("apps", []) == []
    assert running.state() == before
    assert running.writes() == []


# --- ids --------------------------------------------------------------------------------------------------------------

IDS = [
    "..",
    ".",
    "../policy/1",
    "%2e%2e",
    "..%2f",
    "1?limit=1",
    "1#x",
    "/",
    "//evil.invalid/",
    "a\r\nHost: x",
    "\0",
    "",
]
ids = st.one_of(st.sampled_from(IDS), st.text(alphabet="./%?#\\2eEfF:@\r\n\t\0a1", max_size=12))
BY_ID: dict[str, tuple[str, str]] = {
    "device_group": ("id", "/devicegroup/"),
    "device_group_info": ("id", "/devicegroup/"),
    "blueprint": ("id", "/blueprints/"),
    "blueprint_info": ("id", "/blueprints/"),
    "app_info": ("id", "/application/"),
    "enterprise_policy": ("id", "/policy/"),
    "content": ("id", "/content/"),
}


@pytest.mark.parametrize("module", BY_ID)
@few
@given(hostile=ids)
def test_an_id_leads_to_no_other_place(running: Simulator, module: str, hostile: str) -> None:
    option, place = BY_ID[module]
    running.reset(devices=3, groups=3, tags=1)
    before = running.state()
    gone = {"state": "absent"} if "state" in definition_of(module).options else {}
    result = play(running, module, **{option: hostile}, **gone)
    assert not result.get("changed")
    assert running.state() == before
    for entry in running.journal():
        head, found, rest = entry["path"].partition(place)
        assert found
        assert ".." not in head
        assert unquote(rest).strip("/") in ("", unquote(hostile).strip("/"))


# --- types ------------------------------------------------------------------------------------------------------------

ODD = st.sampled_from(
    [
        *(None, False, True, 0, -1, 1.10, 10**30, float("inf"), "", " ", "no", "1.10", "\u0661", "[", "{", "a=b", "\0"),
        *(datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1, 9), [], {}, [None], [[]], [{}], ["a", 1], {"a": 1}),
        *({"name": {}}, [{"name": []}], {1: 2}, {"android": []}, {"android": {"files": "x"}}),
        *([{"name": 1, "settings": "no"}], [{"path": ["a"]}], [{"src": {}}], [[["a"]]]),
    ]
)
# What lasts, and is about time rather than about types.
_WAITING = {"wait": False, "wait_timeout": 1}


@pytest.mark.parametrize("module", [each for each in MODULES if definition_of(each).options])
@settings(few, max_examples=20)
@given(data=st.data())
def test_no_type_is_a_crash(running: Simulator, module: str, data: st.DataObject) -> None:
    options = sorted(set(definition_of(module).options) - _WAITING.keys())
    chosen = data.draw(st.dictionaries(st.sampled_from(options), ODD, max_size=5))
    waiting = {name: value for name, value in _WAITING.items() if name in definition_of(module).options}
    play(running, module, **{**chosen, **waiting})


@pytest.mark.parametrize(
    ("module", "options", "msg"),
    [
        (
            "blueprint",
            {"name": "x", "settings": False},
            "The option settings must be a dict, not bool.",
        ),
        ("tenant", {"contents": 5}, "The option contents[0] must be a dict, not int."),
        ("content", {"id": float("inf")}, "The option id must be an integer, not inf."),
        ("content", {"src": ""}, "The option src is not a valid path: ''."),
        ("tenant", {"contents": [{"src": " "}]}, "The option contents[0].src is not a valid path: ' '."),
        ("content_info", {"name": "x", "dest": "a\0"}, "The option dest is not a valid path: 'a\\x00'."),
    ],
)
def test_the_error_contains_the_value_that_yaml_loads(running: Simulator, module: str, options: Row, msg: str) -> None:
    assert play(running, module, **options)["msg"] == msg


def test_the_error_contains_the_position_of_a_wrong_type(running: Simulator) -> None:
    refused = play(running, "tenant", blueprints=[{"name": "x"}, {"name": "y", "settings": {"android": 1.5}}])
    assert refused["msg"] == "The option blueprints[1].settings.android must be a dict, not float."


def test_a_group_may_be_called_like_the_root(running: Simulator) -> None:
    running.reset(devices=0, groups=2, tags=1)
    for changed in (True, False):
        assert play(running, "device_group", name="All devices", parent="All devices")["changed"] is changed
