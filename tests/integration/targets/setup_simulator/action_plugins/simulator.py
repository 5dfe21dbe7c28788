# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends a control request to the simulator. Tests do that so often that starting a module each time takes long."""

from __future__ import annotations

import json
import typing as t
from http.client import HTTPConnection
from urllib.parse import urlsplit

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Options: ``path`` below /_simulator, ``method``, which defaults to POST, and the ``body`` of a POST.

    The path "sent" returns the requests since the result that the variable ``sent`` contains, as ``reads`` and
    ``writes``. It is one task, because targets read the journal hundreds of times.
    """

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        variables = task_vars or {}
        self._control = self._templar.template(variables["simulator_control_url"])
        path, method = self._task.args["path"], self._task.args.get("method", "POST")
        if path == "sent":
            return self._sent(variables.get("sent", {}).get("until", 0))
        body = json.dumps(self._task.args.get("body", {})).encode() if method == "POST" else None
        return {"changed": False, "json": self._request(method, path, body)}

    def _sent(self, since: int) -> dict[str, t.Any]:
        requests = self._request("GET", f"journal?since={since}")
        until = requests[-1]["seq"] if requests else since
        reads = [each for each in requests if each["method"] == "GET"]
        writes = [each for each in requests if each["method"] != "GET"]
        return {"changed": False, "reads": reads, "writes": writes, "until": until}

    def _request(self, method: str, path: str, body: bytes | None = None) -> t.Any:
        # urllib.request loads the certificates of the system for each request.
        address = urlsplit(self._control)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
        try:
            connection.request(method, f"{address.path}/{path}", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise AnsibleActionFail(f"The simulator returned HTTP {answer.status}: {content.decode(errors='replace')}")
        return json.loads(content or b"null")
