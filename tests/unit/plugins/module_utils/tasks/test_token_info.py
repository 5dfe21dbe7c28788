# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API key in use and its user, either of which Esper may not return."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.module import perform
from ansible_collections.esper.cloud.plugins.module_utils.task import ModuleResult, RunContext
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

Row = dict[str, t.Any]
Run = t.Callable[[], ModuleResult]

TOKEN, USER = "/api/v1/token-info/", "/api/user_info/"
REFRESH = "value-of-the-refresh-token"


@pytest.fixture
def bodies(key: str, enterprise: str) -> Row:
    return {
        TOKEN: {
            "id": 7,
            "enterprise": f"http://tenant.invalid/enterprise/{enterprise}/",
            "user": 17,
            "token": key,
            "source_refresh_token": REFRESH,
            "scope": ["read"],
            "expires_on": (datetime.now(timezone.utc) + timedelta(days=5, hours=1)).isoformat(),
        },
        USER: {
            "id": 17,
            "email": "automation@example.com",
            "token": key,
            "is_active": True,
            "profile": {"role": "Enterprise Admin", "authn_user_id": "a"},
        },
    }


@pytest.fixture
def run(server: Server, key: str, bodies: Row) -> Run:
    def reply(request: Request) -> Reply:
        body = bodies[request.path]
        # The client knows the other token only from the response before.
        is_known = request.path == USER and not isinstance(bodies[TOKEN], int)
        return (
            answers({"message": f"No {REFRESH if is_known else key}"}, body) if isinstance(body, int) else answers(body)
        )

    def run() -> ModuleResult:
        server.app = reply
        params = {"api_url": server.url, "api_key": key, "retries": 0}
        outcome = perform(definition_of("token_info"), params, RunContext(verbosity=4))[0]
        assert not [secret for secret in (key, REFRESH) if secret in str(outcome)]
        return outcome

    return run


def test_the_key_and_its_user_are_returned_without_the_key(run: Run, enterprise: str) -> None:
    outcome = run()
    token, user = outcome.result["token_info"], outcome.result["user"]
    assert (token["id"], token["user_id"], token["enterprise_id"]) == ("7", "17", enterprise)
    assert (token["scopes"], token["days_left"], token["developer_app_id"]) == (["read"], 5, None)
    assert (user["id"], user["role"], user["user_id"], user["active"]) == (17, "Enterprise Admin", "a", True)
    assert outcome.warnings == []


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize(("path", "name"), [(TOKEN, "token_info"), (USER, "user")])
def test_what_esper_rejects_is_null_with_a_warning(run: Run, bodies: Row, path: str, name: str, status: int) -> None:
    bodies[path] = status
    outcome = run()
    assert outcome.result[name] is None
    assert len(outcome.warnings) == 1
    assert f"HTTP {status}" in outcome.warnings[0]
    bodies.update({TOKEN: status, USER: status})
    assert run().result["failed"]


def test_other_errors_fail_the_task(run: Run, bodies: Row) -> None:
    bodies[TOKEN] = 500
    assert run().result["failed"]


@pytest.mark.parametrize("expires_on", [None, "soon", 5])
def test_without_a_time_the_days_are_unknown(run: Run, bodies: Row, expires_on: t.Any) -> None:
    bodies[TOKEN]["expires_on"] = expires_on
    assert run().result["token_info"]["days_left"] is None
