# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib
import typing as t
from pathlib import Path
from types import SimpleNamespace

import pytest

MakeAction = t.Callable[..., t.Any]


class Templar:
    def template(self, value: t.Any) -> t.Any:
        return value


@pytest.fixture
def make_action(tmp_path: Path) -> MakeAction:
    """Makes the action plugin of a task, with the plainest surroundings that it accepts."""

    def make(module: str = "api", *, shown: list[str] | None = None, **keywords: t.Any) -> t.Any:
        output = [] if shown is None else shown
        words = {
            "_role": None,
            "action": f"esper.cloud.{module}",
            "args": {},
            "async_val": 0,
            "check_mode": False,
            "collections": [],
            "delegate_to": None,
            "diff": False,
            "environment": None,
            "get_path": lambda: "site.yml:1",
            "get_name": lambda: "Restart the kiosks",
            "no_log": False,
            "timeout": 0,
        }
        plugin = importlib.import_module(f"ansible_collections.esper.cloud.plugins.action.{module}").ActionModule
        action = plugin.__new__(plugin)
        shell = SimpleNamespace(env_prefix=lambda **_variables: "")
        action._task = SimpleNamespace(**{**words, **keywords})
        action._connection = SimpleNamespace(transport="local", become=None, _shell=shell)
        action._templar = Templar()
        action._loader = SimpleNamespace(get_basedir=lambda: str(tmp_path))
        action._display = SimpleNamespace(verbosity=0, v=lambda text, host=None: output.append(text))
        return action

    return make
