# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends a control request to the simulator. Tests do that so often that starting a module each time takes long."""

from __future__ import annotations

import json
import typing as t
from urllib.request import ProxyHandler, Request, build_opener

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Options: ``path`` below /_simulator, ``method``, which defaults to POST, and the ``body`` of a POST."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        control = self._templar.template((task_vars or {})["simulator_control_url"])
        method = self._task.args.get("method", "POST")
        request = Request(
            f"{control}/{self._task.args['path']}",
            data=json.dumps(self._task.args.get("body", {})).encode() if method == "POST" else None,
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
            return {"changed": False, "status": answer.status, "json": json.loads(answer.read() or b"null")}
