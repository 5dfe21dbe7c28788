# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.hostile.behaviors import HOSTILITIES, Hostility
from ansible_collections.esper.cloud.tests.hostile.caller import REQUESTS
from ansible_collections.esper.cloud.tests.hostile.server import Server
from ansible_collections.esper.cloud.tests.unit.authority import Authority

Result = dict[str, t.Any]
Results = dict[tuple[str, str], Result]

FRIENDLY = "friendly"
OPTIONS: dict[str, t.Any] = {
    "api_key": "k3y-Of-The-Tests-0123456789",
    "enterprise_id": "0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d",
    "timeout": 1.0,
    "retries": 0,
    "max_response_size": 4,
    "validate_certs": False,
}
_BODY = b'{"id": 1, "results": []}'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_BODY) + _BODY
_worst: list[Result] = []


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Return the results of all requests to all hostile servers, which run side by side: most of them wait."""
    tls = Authority(tmp_path_factory.mktemp("hostile")).context()
    servers, cases = [], []
    try:
        for name, hostility in {**HOSTILITIES, FRIENDLY: Hostility(lambda wire: wire.send(_ANSWER), "")}.items():
            for request in REQUESTS:
                # A poll meets the hostility on a connection that it used before.
                is_reused = request == "poll" and hostility.scheme == "http" and hostility.behavior
                server = Server(
                    hostility.behavior,
                    reads=hostility.reads,
                    answer=_ANSWER if is_reused else b"",
                    tls=tls if hostility.is_trusted else None,
                )
                servers.append(server)
                cases.append(
                    {
                        "name": name,
                        "request": request,
                        "port": server.port,
                        "proxy": f"http://127.0.0.1:{server.port}" if hostility.proxy else "",
                        "options": {
                            **OPTIONS,
                            "api_url": f"{hostility.scheme}://tenant.test:{server.port}/api",
                            "deadline": hostility.deadline(request),
                        },
                    }
                )
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("caller.py"))],
            input=json.dumps(cases),
            env={name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=600,
        )
    finally:
        for server in servers:
            server.close()
    found: list[Result] = json.loads(done.stdout)
    _worst[:] = found
    return {(result["name"], result["request"]): result for result in found}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the worst cases."""
    if _worst:
        base = min(result["memory"] for result in _worst)
        terminalreporter.section("worst cases")
        for key in ("seconds", "cpu", "memory"):
            for worst in sorted(_worst, key=lambda result: result[key], reverse=True)[:3]:
                terminalreporter.line(
                    f"{key:8} {worst['request']:9} {worst['seconds']:6.2f} s {worst['cpu']:6.2f} s CPU"
                    f" {(worst['memory'] - base) / 1e6:6.1f} MB  {worst['name']}"
                )
