# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the simulated tenant what to be like. Tests do that so often that the start of a module each time counts."""

from __future__ import annotations

import json
import typing as t
from urllib.request import ProxyHandler, Request, build_opener

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Options: ``path`` below /_simulator, and ``body`` to post there."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        control = self._templar.template((task_vars or {})["simulator_control_url"])
        request = Request(
            f"{control}/{self._task.args['path']}",
            data=json.dumps(self._task.args.get("body", {})).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
            return {"changed": False, "status": answer.status}
