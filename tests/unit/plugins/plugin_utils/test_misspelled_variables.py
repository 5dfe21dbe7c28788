# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.esper.cloud.plugins.plugin_utils import misspelled_variables, task_action
from ansible_collections.esper.cloud.plugins.plugin_utils.misspelled_variables import misspelled

COLLECTION = Path(misspelled_variables.__file__).parents[2]
ROLLOUT = str(COLLECTION / "roles" / "rollout" / "tasks" / "wave.yml")
APPLY = str(COLLECTION / "playbooks" / "tenant_apply.yml")


@pytest.mark.parametrize(
    ("file", "name", "known"),
    [
        (ROLLOUT, "rollout_untl", "rollout_until"),
        (ROLLOUT, "rollout_on_failre", "rollout_on_failure"),
        (ROLLOUT, "rollout_wave", "rollout_waves"),
        (ROLLOUT, "rollout_window", "rollout_windows"),
        (APPLY, "tenant_reviewd_plan", "tenant_reviewed_plan"),
        (APPLY, "tenant_max_deletion", "tenant_max_deletions"),
    ],
)
def test_a_misspelled_variable_is_found(file: str, name: str, known: str) -> None:
    assert misspelled([name], file) == (
        f"The variable '{name}' is not used. Did you mean '{known}'? If it is a variable of yours, rename it."
    )


@pytest.mark.parametrize(
    ("file", "name"),
    [
        # A variable of the role, of the user, and of another role.
        (ROLLOUT, "rollout_until"),
        (ROLLOUT, "rollout_wave_1"),
        (ROLLOUT, "rollout_pilot_waves"),
        (ROLLOUT, "tenant_reviewd_plan"),
        # Files of the user, and other files of the collection.
        ("/home/ops/roles/rollout/tasks/main.yml", "rollout_untl"),
        (str(COLLECTION / "README.md"), "rollout_untl"),
        ("", "rollout_untl"),
    ],
)
def test_other_variables_are_accepted(file: str, name: str) -> None:
    assert misspelled([name], file) == ""


@pytest.mark.parametrize("is_parameter_of_role", [True, False])
def test_the_task_fails_before_its_first_request(
    make_action: t.Any, monkeypatch: pytest.MonkeyPatch, is_parameter_of_role: bool
) -> None:
    variables = {"rollout_untl": "Pilot"}
    monkeypatch.setattr(task_action, "load_extra_vars", lambda loader: {} if is_parameter_of_role else variables)
    role = SimpleNamespace(_role_params=variables if is_parameter_of_role else {})
    result = make_action("rollout_plan", get_path=lambda: f"{ROLLOUT}:12", _role=role).run(task_vars={})
    assert result["failed"]
    assert result["msg"].startswith("The variable 'rollout_untl' is not used. Did you mean 'rollout_until'?")
