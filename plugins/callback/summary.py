# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: summary
type: aggregate
short_description: Show what a play changed in Esper
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - At the end of each play, shows the changes of the tasks of this collection by kind of object, and their failures.
    Ansible shows it before the first task of the next play.
  - Shows names of objects and messages of errors, but no other values. Tasks with C(no_log) are only counted.
  - In check mode, shows the changes that the tasks predict.
  - Plays without tasks of this collection have no summary.
requirements:
  - Enable it with C(callbacks_enabled = esper.cloud.summary) in the section C([defaults]) of C(ansible.cfg), or with
    E(ANSIBLE_CALLBACKS_ENABLED).
options: {}
seealso:
  - module: esper.cloud.tenant
"""

import typing as t
from dataclasses import dataclass, field

from ansible import constants
from ansible.plugins.callback import CallbackBase
from ansible_collections.esper.cloud.plugins.module_utils.base.text import counted, listed, printable

_PREFIX = "esper.cloud."
_ACTIONS = ("created", "updated", "deleted", "changed", "failed")
# The keys that name an object in a result, the most specific first.
_NAME_KEYS = ("path", "name", "package_name", "email", "device_model", "id")
_MOST_NAMES = 5
_MOST_FAILURES = 20

Row = t.Mapping[str, t.Any]


@dataclass
class _Summary:
    """The results of the tasks of a play. ``names`` are those of objects by kind and action, "" for each without a
    name. ``failures`` are sentences."""

    play: str
    tasks: int = 0
    names: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    is_check: bool = False

    def add(self, kind: str, action: str, name: str = "") -> None:
        self.names.setdefault(kind, {}).setdefault(action, []).append(name)


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "esper.cloud.summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._summary = _Summary("")

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        self._show()
        self._summary = _Summary(play.get_name())

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self._show()
        self._summary = _Summary("")

    def v2_runner_on_ok(self, result: t.Any) -> None:
        if not _has_items(result):
            self._add(result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        if not _has_items(result):
            self._add(result, has_failed=True, is_ignored=ignore_errors)

    def v2_runner_item_on_ok(self, result: t.Any) -> None:
        self._add(result)

    def v2_runner_item_on_failed(self, result: t.Any) -> None:
        self._add(result, has_failed=True, is_ignored=result._task.ignore_errors is True)

    def _add(self, result: t.Any, *, has_failed: bool = False, is_ignored: bool = False) -> None:
        task, values = result._task, result._result
        if not (module := _module_of(task)):
            return
        summary = self._summary
        summary.tasks += 1
        summary.is_check |= task.check_mode is True
        # ansible-core removes the values of a task with no_log, but not always its message.
        is_hidden = task.no_log is not False or "censored" in values
        objects = [] if is_hidden else _objects_of(values)
        for kind, action, name in objects:
            summary.add(kind, action, name)
        if not objects and values.get("changed"):
            names = [] if is_hidden else _names_of(module, values)
            for name in names or [""]:
                summary.add(module, "changed", name)
        if has_failed:
            if not any(action == "failed" for _kind, action, _name in objects):
                summary.add(module, "failed")
            message = "hidden, because no_log is set" if is_hidden else str(values.get("msg") or "failed")
            ignored = " (ignored)" if is_ignored else ""
            summary.failures.append(f"{task.get_name()}{ignored}, {result._host.get_name()}: {message}")

    def _show(self) -> None:
        summary = self._summary
        if not summary.tasks:
            return
        mode = ", check mode" if summary.is_check else ""
        self._display.banner(f"ESPER [{printable(summary.play)}{mode}]")
        if not summary.names:
            self._display.display("No changes", color=constants.COLOR_OK)
        for kind, actions in sorted(summary.names.items()):
            parts = [_phrase(action, actions[action]) for action in _ACTIONS if action in actions]
            color = constants.COLOR_ERROR if "failed" in actions else constants.COLOR_CHANGED
            self._display.display(printable(f"{kind}: {', '.join(parts)}"), color=color)
        for failure in summary.failures[:_MOST_FAILURES]:
            self._display.display(printable(f"failed: {failure}"), color=constants.COLOR_ERROR)
        if (hidden := len(summary.failures) - _MOST_FAILURES) > 0:
            self._display.display(f"failed: {counted(hidden, 'more task')}", color=constants.COLOR_ERROR)


def _has_items(result: t.Any) -> bool:
    """Return whether a result is that of a loop, whose items have had their own calls."""
    return bool(result._task.loop) and "results" in result._result


def _module_of(task: t.Any) -> str:
    """Return the name of the module of this collection that a task runs, "" for any other task."""
    action = str(getattr(task, "resolved_action", None) or task.action)
    return action.removeprefix(_PREFIX) if action.startswith(_PREFIX) else ""


def _objects_of(values: Row) -> list[tuple[str, str, str]]:
    """Return the kind, action and name of each object that the module tenant changed, or that failed."""
    objects = values.get("objects")
    rows = [row for row in objects if isinstance(row, dict)] if isinstance(objects, list) else []
    return [
        (str(row.get("kind")), str(row["action"]), str(row.get("name") or ""))
        for row in rows
        if row.get("action") in _ACTIONS
    ]


def _names_of(module: str, values: Row) -> list[str]:
    """Return the name of the object that a module changed, or the number of devices that it changed."""
    record = values.get(module)
    if isinstance(record, dict):
        return [str(record[key]) for key in _NAME_KEYS if record.get(key)][:1]
    count = _count_of(values)
    return [counted(count)] if isinstance(count, int) else []


def _count_of(values: Row) -> t.Any:
    """Return the number of devices that a task changed. A task can select other devices, which need no change."""
    if "changed_count" in values:
        return values["changed_count"]
    outdated, pending = values.get("outdated_count"), values.get("pending_devices")
    if isinstance(outdated, int) and isinstance(pending, list):
        return outdated - len(pending)
    devices = values.get("devices")
    if not isinstance(devices, list):
        return values.get("device_count")
    return sum(1 for row in devices if not isinstance(row, dict) or row.get("changed", True))


def _phrase(action: str, names: list[str]) -> str:
    known = list(dict.fromkeys(filter(None, names)))
    return f"{len(names)} {action}{f' ({listed(known, _MOST_NAMES)})' if known else ''}"
