# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings and errors of a task about its connection."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.task import ModuleResult, RunContext, execute
from ansible_collections.esper.cloud.plugins.module_utils.tasks.api import CALL
from ansible_collections.esper.cloud.tests.unit.service import Server, answers


def run(server: Server, key: str, **params: t.Any) -> ModuleResult:
    defaults = {name: option.get("default") for name, option in CALL.options.items()}
    options = {**defaults, "path": "/things/", "api_url": server.url, "api_key": key, "retries": 0, **params}
    return execute(CALL, options, RunContext(), user_agent="")


def test_a_task_without_risks_does_not_warn(server: Server, key: str) -> None:
    server.replies(answers({"id": 1}))
    assert run(server, key) == ModuleResult({"changed": False, "status": 200, "content": {"id": 1}}, [])


def test_a_task_warns_once_of_a_proxy_that_sees_the_key(
    server: Server, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://user:hunter2@127.0.0.1:{server.port}")
    server.app = lambda _request: answers({"count": 2, "results": [{"id": 1}]})
    (warning,) = run(server, key, api_url="http://localhost/api", all_pages=True).warnings
    assert f"unencrypted to the proxy 127.0.0.1:{server.port}" in warning
    assert "hunter2" not in warning
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {key}"}


@pytest.mark.filterwarnings("error::urllib3.exceptions.InsecureRequestWarning")
def test_a_task_warns_once_if_certificates_are_not_validated(server: Server, key: str) -> None:
    outcome = run(server, key, api_url=server.url.replace("http:", "https:"), validate_certs=False)
    assert outcome.result["failed"]
    (warning,) = outcome.warnings
    assert "validate_certs is false" in warning


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"tenant": "ABCDEFGH1234", "api_url": "", "api_key": "AbcdEfgh1234"},
            "tenant and api_key have the same value",
        ),
        ({"deadline": 1e10}, "Invalid deadline: 1e+10. Use a number from 0 to 604800."),
    ],
)
def test_invalid_connection_options_are_an_error_without_a_request(
    server: Server, key: str, monkeypatch: pytest.MonkeyPatch, params: dict[str, t.Any], message: str
) -> None:
    def look_up(*_arguments: t.Any, **_options: t.Any) -> t.NoReturn:
        raise AssertionError("a host is looked up")

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    result = run(server, key, **params).result
    assert result["failed"]
    assert message in result["msg"]
    assert "abcdefgh1234" not in result["msg"].lower()
