# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Background scripts and custom actions against the simulator: what is special about them."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.preparations import Preparation
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]
ON, OFF = {"label": "On", "script": "rfkill unblock all"}, {"label": "Off", "script": "rfkill block all"}


# --- background scripts -----------------------------------------------------------------------------------------------


def background(world: World, **options: t.Any) -> Run:
    return world.run("background_script", {"name": "clean", **options})


def test_a_file_and_its_text_are_the_same_script(world: World, tmp_path: Path) -> None:
    file = tmp_path / "clean.ps1"
    file.write_bytes(b"Get-Date\r\nexit  \r\n\r\n")
    created = background(world, script_src=str(file), always_run=True)
    assert created.requests[-1]["body"]["script"] == "Get-Date\r\nexit\n"
    assert not background(world, script="Get-Date\r\nexit").changed
    assert background(world, script="Get-Date\nexit").message.startswith("Cannot change script of the background")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"always_run": False}, "frequency is required if always_run is false"),
        ({"always_run": True, "frequency": 5}, "frequency is not allowed if always_run is true"),
        ({}, "always_run is required"),
        ({"always_run": True, "script": " \n"}, "script must not be empty"),
        ({"always_run": False, "frequency": 0}, "frequency is 0; the minimum is 1"),
    ],
    ids=str,
)
def test_invalid_options_of_a_script_are_an_error_before_a_request(world: World, options: Row, error: str) -> None:
    run = background(world, **{"script": "Get-Date", **options})
    assert run.message == f"Invalid parameters for the background script 'clean': {error}."
    assert run.writes == []


def test_a_script_of_another_client_is_adopted_or_named_as_different(world: World) -> None:
    world.must("background_script", {"name": "clean", "script": "Get-Date", "always_run": True})
    hidden: list[str] = []

    def hide_once(method: str, path: str, body: t.Any) -> t.Any:
        if method == "GET" and path == "/v2/background-scripts/" and not hidden:
            hidden.append(path)
            return {"content": {**body["content"], "count": 0, "results": []}}
        return body

    world.simulator.rewrites.append(hide_once)
    assert background(world, script="Get-Date", always_run=True).changed
    hidden.clear()
    run = background(world, script="Get-Location", always_run=True)
    assert "Cannot change script" in run.message
    assert len(world.must("background_script_info", {}).result["background_scripts"]) == 1


# --- custom actions ---------------------------------------------------------------------------------------------------


def action(world: World, *options: Row, **properties: t.Any) -> Run:
    given = {"options": list(options)} if options else {}
    return world.run("custom_action", {"name": "Radio", **given, **properties})


def keys(run: Run) -> dict[str, str]:
    return {each["label"]: each["key"] for each in run.result["custom_action"]["options"]}


def test_keys_are_derived_and_stay(world: World) -> None:
    created = action(world, ON, OFF, type="toggle")
    known = keys(created)
    assert len(set(known.values())) == 2
    # Another order, another text, another name.
    changed = action(world, {**OFF, "script": "exit"}, ON)
    assert keys(changed) == known
    action_id = changed.result["custom_action"]["id"]
    renamed = world.must("custom_action", {"id": action_id, "name": "Wireless"})
    assert [each["body"] for each in renamed.requests if each["body"]] == [{"name": "Wireless"}]
    assert keys(renamed) == known
    # The same create in a new tenant makes the same keys.
    world.begin(Preparation())
    assert keys(action(world, ON, OFF, type="toggle")) == known
    assert set(keys(action(world, ON, {"label": "Auto", "script": "exit"})).values()) & set(known.values()) == {
        known["On"]
    }


def test_an_option_keeps_what_the_task_omits(world: World) -> None:
    first = action(world, {**ON, "interpreter": "sh"}, OFF, type="toggle")
    key = keys(first)["On"]
    run = action(world, {"label": "Enabled", "key": key.upper()}, {"label": "Off"})
    body = next(each["body"] for each in run.requests if each["method"] == "PUT")
    assert body == {
        "options": [
            {
                "label": "Enabled",
                "key": key,
                "scripts": {"linux": {"script": "rfkill unblock all\n", "interpreter": "sh"}},
            },
            {
                "label": "Off",
                "key": keys(first)["Off"],
                "scripts": {"linux": {"script": "rfkill block all\n", "interpreter": "bash"}},
            },
        ]
    }
    assert not action(world, {"label": "Enabled"}, {"label": "Off"}).changed
    assert "options[1].script is required" in action(world, {"label": "Enabled"}, {"label": "New"}).message


def test_the_unicode_form_of_a_label_does_not_count(world: World) -> None:
    created = action(world, {**ON, "label": "Schlu\u0308ssel"}, type="button")
    assert created.changed
    run = action(world, {"label": "Schl\u00fcssel"})
    assert not run.failed
    assert list(keys(run).values()) == list(keys(created).values())


def test_other_properties_are_kept(world: World) -> None:
    action(world, ON, type="button", description="a", tooltip_message="b")
    run = action(world, info_message="c")
    sent = [each["body"] for each in run.requests if each["method"] == "PUT"]
    assert sent == [{"properties": {"description": "a", "tooltip_message": "b", "info_message": "c"}}]
    # Without options, no script is read.
    assert not any("/v2/scripts/" in each["path"] for each in run.requests)


def test_labels_and_keys_are_unique(world: World) -> None:
    assert "options has several options with the label 'On'" in action(world, ON, ON, type="toggle").message
    key = keys(action(world, ON, OFF, type="toggle"))["On"]
    # The key of a renamed option is also the one that would be derived for a new option with the previous label.
    run = action(world, {"label": "Enabled", "key": key.upper()}, ON)
    assert f"options has several options with the key '{key}'" in run.message
    assert run.writes == []


def test_an_active_action_is_deleted_with_force_only(world: World) -> None:
    action(world, ON, type="button", status="active")
    refused = action(world, state="absent")
    assert "is active, and Esper does not delete active custom actions" in refused.message
    assert refused.writes == []
    done = action(world, state="absent", force=True)
    assert [each.split(" ")[0] for each in done.writes] == ["PUT", "DELETE"]
    assert world.must("custom_action_info", {}).result["custom_actions"] == []


def test_a_status_that_cannot_follow_is_in_the_message(world: World) -> None:
    action(world, ON, type="button", status="active")
    run = action(world, status="draft")
    assert run.message.startswith("Changing the status of the custom action 'Radio' from active to draft failed")


def test_a_blueprint_protects_its_action(world: World) -> None:
    created = action(world, ON, type="button", status="inactive").result["custom_action"]
    used = {"id": created["id"], "options_key": created["options"][0]["key"], "apply_policy": "ALWAYS APPLY"}
    settings = {"linux": {"custom_actions_multiple": {"custom_actions": [used]}}}
    world.must("blueprint", {"name": "Linux", "settings": settings})
    for options in ({"state": "absent"}, {"options": [OFF]}):
        run = action(world, **options)
        assert "in use by the blueprint 'Linux'" in run.message
        assert run.writes == []
    # Another label with the same key, and other options.
    assert action(world, {**ON, "label": "Start", "key": used["options_key"]}, OFF).changed
    assert action(world, {"label": "Start"}).changed
    assert action(world, OFF, force=True).changed
    assert action(world, state="absent", force=True).changed


def test_scripts_that_a_key_cannot_read_are_an_error(world: World) -> None:
    action(world, ON, type="button")
    world.simulator.fault(kind="status", status=403, path="/v2/scripts/", times=None)
    run = action(world, {**ON, "script": "exit"})
    assert run.message.startswith("Reading the script of the option 'On' of the custom action 'Radio' failed")
    assert run.writes == []


def test_a_script_of_an_unexpected_type_is_not_overwritten(world: World) -> None:
    action(world, ON, type="button")
    broken = {"script": ["a", "b"], "interpreter": "bash"}
    world.simulator.rewrites.append(
        lambda _method, path, body: {**body, "content": broken} if path.startswith("/v2/scripts/") else body
    )
    run = action(world, {**ON, "script": "exit"})
    assert "is not changed, because Esper returned an unexpected type for options[0].script" in run.message
    assert run.writes == []
    run = world.must("custom_action_info", {"scripts": True})
    assert run.result["custom_actions"][0]["options"][0]["script"] is None
    assert "values of an unexpected type, which are null here: script script of" in run.warnings[0]


def test_tenant_goes_on_if_a_script_cannot_be_read(world: World) -> None:
    actions = [{"name": name, "type": "button", "options": [ON, OFF]} for name in ("Radio", "Wireless")]
    world.must("tenant", {"custom_actions": actions})
    world.simulator.fault(kind="status", status=403, path="/v2/scripts/", times=1)
    changed = [{**each, "options": [ON, {**OFF, "script": "exit"}]} for each in actions]
    run = world.run(
        "tenant",
        {
            "custom_actions": changed,
            "alert_channels": [{"name": "Desk", "emails": ["a@b.org"]}],
            "on_error": "continue",
        },
    )
    # One script was read twice: once for all actions together, and once for its own.
    assert run.result["counts"]["updated"] == 2
    world.simulator.fault(kind="status", status=403, path="/v2/scripts/", times=None)
    run = world.run(
        "tenant",
        {
            "custom_actions": actions,
            "alert_channels": [{"name": "Night", "emails": ["a@b.org"]}],
            "on_error": "continue",
        },
    )
    assert (run.result["counts"]["failed"], run.result["counts"]["created"]) == (2, 1)


def test_tenant_creates_scripts_and_actions_from_files(world: World, tmp_path: Path) -> None:
    file = tmp_path / "on.sh"
    file.write_text("exit 0\n")
    tasks = {
        "background_scripts": [{"name": "clean", "script_src": str(file), "always_run": True}],
        "custom_actions": [
            {"name": "Radio", "type": "button", "options": [{"label": "On", "script_src": str(file)}]},
        ],
    }
    assert world.must("tenant", tasks).result["counts"]["created"] == 2
    assert not world.must("tenant", tasks).changed
    tasks["background_scripts"][0]["always_run"] = False
    assert "Cannot change always_run of the background script 'clean'" in world.run("tenant", tasks).message
