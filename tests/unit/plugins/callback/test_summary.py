# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary of a play, from results as ansible-core passes them to callback plugins."""

from __future__ import annotations

import typing as t
from types import SimpleNamespace

import pytest
from ansible.plugins.loader import callback_loader

Row = dict[str, t.Any]


class Summary:
    """The callback plugin, and the lines that it shows."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.plugin = callback_loader.get("esper.cloud.summary")
        self.plugin._display = SimpleNamespace(
            banner=self.lines.append, display=lambda text, color: self.lines.append(text)
        )

    def play(self, name: str) -> None:
        self.plugin.v2_playbook_on_play_start(SimpleNamespace(get_name=lambda: name))

    def end(self) -> list[str]:
        self.plugin.v2_playbook_on_stats(None)
        return self.lines


def result(module: str, values: Row, name: str = "Task", **attributes: t.Any) -> t.Any:
    defaults = {"action": module, "loop": None, "no_log": False, "check_mode": False, "ignore_errors": None}
    task = SimpleNamespace(get_name=lambda: name, **{**defaults, **attributes})
    return SimpleNamespace(_task=task, _result=values, _host=SimpleNamespace(get_name=lambda: "till-1"))


@pytest.fixture
def summary() -> Summary:
    made = Summary()
    made.play("Stores")
    return made


def test_changes_are_shown_by_kind(summary: Summary) -> None:
    ok = summary.plugin.v2_runner_on_ok
    group = {"path": "All devices/Berlin", "name": "Berlin"}
    ok(result("esper.cloud.device_group", {"changed": True, "device_group": group}))
    ok(result("esper.cloud.device_group", {"changed": False, "device_group": group}))
    ok(result("device_command", {"changed": True, "device_count": 60}, resolved_action="esper.cloud.device_command"))
    ok(result("esper.cloud.device", {"changed": True, "devices": [{"name": "a"}]}))
    ok(result("ansible.builtin.copy", {"changed": True}))
    objects = [
        {"kind": "device_group", "action": "created", "name": "All devices/Hamburg"},
        {"kind": "alert_channel", "action": "unchanged", "name": "Alarms"},
        {"kind": "alert_channel", "action": "deleted", "name": "Old"},
    ]
    ok(result("esper.cloud.tenant", {"changed": True, "objects": objects}))
    assert summary.end() == [
        "ESPER [Stores]",
        "alert_channel: 1 deleted (Old)",
        "device: 1 changed (1 device)",
        "device_command: 1 changed (60 devices)",
        "device_group: 1 created (All devices/Hamburg), 1 changed (All devices/Berlin)",
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"changed_count": 2, "devices": [{}, {}, {}], "device_count": 9},
        {"device_count": 9, "outdated_count": 3, "pending_devices": ["Till 1"]},
        {"devices": [{"changed": True}, {"changed": False}, {"changed": True}], "device_count": 3},
    ],
)
def test_devices_that_need_no_change_are_not_counted(summary: Summary, values: Row) -> None:
    summary.plugin.v2_runner_on_ok(result("esper.cloud.converge", {"changed": True, **values}))
    assert summary.end() == ["ESPER [Stores]", "converge: 1 changed (2 devices)"]


def test_failures_have_their_task_and_message(summary: Summary) -> None:
    fails = summary.plugin.v2_runner_on_failed
    fails(result("esper.cloud.app", {"msg": "Too large\x1b[2K."}, "Upload"))
    fails(result("esper.cloud.app", {"msg": "Too small."}, "Check"), ignore_errors=True)
    objects = [
        {"kind": "role", "action": "failed", "name": "Clerk"},
        {"kind": "role", "action": "created", "name": "Cook"},
    ]
    fails(result("esper.cloud.tenant", {"changed": True, "msg": "1 of 2 failed.", "objects": objects}, "All"))
    assert summary.end() == [
        "ESPER [Stores]",
        "app: 2 failed",
        "role: 1 created (Cook), 1 failed (Clerk)",
        r"failed: Upload, till-1: Too large\x1b[2K.",
        "failed: Check (ignored), till-1: Too small.",
        "failed: All, till-1: 1 of 2 failed.",
    ]


def test_the_items_of_a_loop_count_once(summary: Summary) -> None:
    task: Row = {"loop": ["a", "b"]}
    rows = [{"changed": True, "role": {"name": name}} for name in "ab"]
    summary.plugin.v2_runner_item_on_ok(result("esper.cloud.role", rows[0], **task))
    summary.plugin.v2_runner_item_on_failed(result("esper.cloud.role", {**rows[1], "msg": "Gone."}, **task))
    summary.plugin.v2_runner_on_failed(result("esper.cloud.role", {"results": rows, "msg": "One failed."}, **task))
    summary.plugin.v2_runner_on_failed(result("esper.cloud.role", {"msg": "The loop is undefined."}, **task))
    assert summary.end() == [
        "ESPER [Stores]",
        "role: 2 changed (a, b), 2 failed",
        "failed: Task, till-1: Gone.",
        "failed: Task, till-1: The loop is undefined.",
    ]


@pytest.mark.parametrize(
    ("attributes", "more"), [({"no_log": True}, {}), ({"no_log": "{{ hidden }}"}, {}), ({}, {"censored": "hidden"})]
)
def test_a_task_with_no_log_is_only_counted(summary: Summary, attributes: Row, more: Row) -> None:
    values = {"changed": True, "role": {"name": "SECRET"}, "msg": "SECRET", **more}
    values["objects"] = [{"kind": "role", "action": "created", "name": "SECRET"}]
    summary.plugin.v2_runner_on_failed(result("esper.cloud.role", values, **attributes))
    assert summary.end() == [
        "ESPER [Stores]",
        "role: 1 changed, 1 failed",
        "failed: Task, till-1: hidden, because no_log is set",
    ]


def test_each_play_has_its_own_summary(summary: Summary) -> None:
    summary.plugin.v2_runner_on_ok(result("esper.cloud.role_info", {"changed": False, "roles": []}))
    summary.play("Without Esper")
    summary.play("Preview")
    summary.plugin.v2_runner_on_ok(result("esper.cloud.role", {"changed": True}, check_mode=True))
    assert summary.end() == ["ESPER [Stores]", "No changes", "ESPER [Preview, check mode]", "role: 1 changed"]


def test_names_and_failures_are_limited(summary: Summary) -> None:
    for number in range(25):
        summary.plugin.v2_runner_on_failed(
            result("esper.cloud.role", {"changed": True, "role": {"name": f"r{number}"}, "msg": "Gone."})
        )
    lines = summary.end()
    assert lines[1] == "role: 25 changed (r0, r1, r2, r3, r4 and 20 more), 25 failed"
    assert lines[-2:] == ["failed: Task, till-1: Gone.", "failed: 5 more tasks"]
    assert len(lines) == 23
