# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The number of times that a task visits each value, from its arguments to its result."""

from __future__ import annotations

import sys
import typing as t
from types import FrameType

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint_settings import SETTINGS
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.walk import Visit, type_mismatch
from ansible_collections.esper.cloud.plugins.module_utils.module import argument_spec, perform
from ansible_collections.esper.cloud.plugins.module_utils.task import RunContext, unknown_result
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

# Types of options, inputs that YAML changed, secrets, normal form, comparison, and the types of two responses.
MOST = 7
# Functions that read only the description of a value.
LOOKUPS = {"_keys", "_suboptions", "needs_check", "read_field", "path_of"}
ID = "3c1f6d0e-6d0c-4c0b-9c43-0f3a8f5b1e11"


class Passes:
    """Counts the visits of leaves: a visit of a walk, or a call with the leaf and a value by a function without it."""

    def __init__(self, leaves: dict[str, Field]) -> None:
        self._names = {id(leaf): name for name, leaf in leaves.items()}
        self._frames: set[FrameType] = set()
        self.seen: dict[str, list[str]] = {name: [] for name in leaves}

    def __enter__(self) -> Passes:
        sys.setprofile(self._trace)
        return self

    def __exit__(self, *_error: object) -> None:
        sys.setprofile(None)

    def _trace(self, frame: FrameType, event: str, result: t.Any) -> None:
        code = frame.f_code
        if "module_utils" not in code.co_filename:
            return
        if event == "return" and code.co_name == "walk" and isinstance(result, Visit):
            self._add([id(result.described)], "walk")
        elif event == "call" and frame not in self._frames and code.co_name not in LOOKUPS:
            leaves = self._leaves(frame)
            above = self._leaves(frame.f_back) if frame.f_back else set()
            if new := leaves - above:
                # A generator causes a call whenever it continues.
                self._frames.add(frame)
                self._add(new, code.co_qualname if hasattr(code, "co_qualname") else code.co_name)

    def _leaves(self, frame: FrameType) -> set[int]:
        arguments = frame.f_code.co_varnames[: frame.f_code.co_argcount]
        found = {id(frame.f_locals.get(name)) for name in arguments} & self._names.keys()
        return found if len(arguments) > 1 else set()

    def _add(self, leaves: t.Iterable[int], by: str) -> None:
        for leaf in leaves:
            if leaf in self._names:
                self.seen[self._names[leaf]].append(by)


def leaf_at(*path: str) -> Field:
    field = SETTINGS
    for name in path:
        (field,) = [child for child in field.fields if child.name == name]
    return field


LEAVES = {
    "changed": leaf_at("android", "adb_settings", "allow_adb"),
    "unchanged": leaf_at("android", "screen_timeout_settings", "screentimeout_value"),
    "unmanaged": leaf_at("android", "nfc_settings", "allow_nfc"),
    "item": leaf_at("android", "apps", "state"),
    "secret": leaf_at("android", "esper_settings_apps_settings", "admin_mode_password"),
}


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_blueprint_task_visits_each_value_seven_times_at_most(server: Server, check_mode: bool) -> None:
    always = {"apply_policy": "ALWAYS APPLY"}
    app = {"package_name": "com.example.till", "app_id": "a", "app_version_id": "v", "type": "ENTERPRISE"}
    app |= {"state": "SHOW", "installation_rule": "DURING PROVISIONING", "auto_update_mode": "autoUpdateDefault"}
    android = {
        "adb_settings": {**always, "allow_adb": True},
        "screen_timeout_settings": {**always, "screentimeout_value": 60},
        "nfc_settings": {**always, "allow_nfc": True},
        "esper_settings_apps_settings": {**always, "settings": {}, "admin_mode_password": "former"},
        "apps": [app],
    }
    row = {"id": ID, "name": "Kiosks", "settings": {"android": android}, "publish": True}

    def reply(request: Request) -> Reply:
        if request.method == "PUT":
            return answers({"content": row})
        rows = [row] if "/blueprints/" in request.path else []
        return answers({"content": {"count": len(rows), "next": None, "prev": None, "results": rows}})

    server.app = reply
    args = {
        "name": "Kiosks",
        "settings": {
            "android": {
                "adb_settings": {"allow_adb": False},
                "screen_timeout_settings": {"screentimeout_value": 60},
                "esper_settings_apps_settings": {"admin_mode_password": "new password"},
                "apps": [{"package_name": "com.example.till", "state": "HIDE"}],
            }
        },
    }
    task = definition_of("blueprint")
    connection = {"api_url": server.url, "api_key": "k3y", "enterprise_id": ID}
    with Passes(LEAVES) as passes:
        # The steps of the action plugin.
        visits = task.visit(args)
        assert type_mismatch(visits.all) == ""
        assert unknown_result(task, visits, check_mode=check_mode) is None
        checked = ArgumentSpecValidator(argument_spec(task, {}), **task.rules).validate({**args, **connection})
        assert checked.error_messages == []
        outcome, _secrets = perform(task, checked.validated_parameters, RunContext(check_mode, diff=True), args)
    assert outcome.result.get("changed") is True, outcome.result
    too_many = {name: ", ".join(seen) for name, seen in passes.seen.items() if not 0 < len(seen) <= MOST}
    assert too_many == {}
