# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates of SSO connections, whose configuration cannot be read."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.module import perform
from ansible_collections.esper.cloud.plugins.module_utils.task import ModuleResult, RunContext
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

Row = dict[str, t.Any]
Run = t.Callable[..., ModuleResult]

# The ID is any text.
ROWS = [
    {"connection_id": "con_1", "connection": {"name": "saml", "strategy": "samlp", "is_default": True}},
    {"connection_id": "con_2", "connection": {"name": "oidc", "strategy": "oidc", "is_default": False}},
]
SAML = {"sign_in_url": "https://idp.example.com", "x509_certificate": "PEM"}
UPDATE: Row = {"strategy": "samlp", "display_name": "Acme", "config": SAML, "update": "always"}


@pytest.fixture
def run(server: Server, key: str, enterprise: str) -> Run:
    def reply(request: Request) -> Reply:
        if request.method == "GET":
            query = request.query
            wanted = query.pop("is_default", None)
            assert query == {}
            rows = [row for row in ROWS if wanted in (None, str(row["connection"]["is_default"]).lower())]
            return answers({"count": len(rows), "connections": rows})
        name = next(row["connection"]["name"] for row in ROWS if request.path.endswith(f"/{row['connection_id']}"))
        return answers({"id": "con_1", "name": name, "callback_url": "https://acme/callback", **request.json})

    server.app = reply

    def run(*, check_mode: bool = False, **args: t.Any) -> ModuleResult:
        definition = definition_of("sso_connection")
        defaults = {name: spec.get("default") for name, spec in definition.options.items()}
        connection = {"api_url": server.url, "api_key": key, "enterprise_id": enterprise}
        return perform(definition, {**defaults, **connection, **args}, RunContext(check_mode, diff=True), args)[0]

    return run


@pytest.mark.parametrize("defaults", [[True, False], [False, True], [False, False]])
def test_another_connection_is_never_the_default_one(server: Server, run: Run, defaults: list[bool]) -> None:
    """If Esper ignores the filter, the list has all connections."""
    rows = [
        {**row, "connection": {**row["connection"], "strategy": None, "is_default": is_default}}
        for row, is_default in zip(ROWS, defaults, strict=True)
    ]
    server.app = lambda _request: answers({"count": 2, "connections": rows})
    if any(defaults):
        assert run(default=True).result["sso_connection"]["id"] == ROWS[defaults.index(True)]["connection_id"]
        assert "Esper returned no strategy of the SSO" in run(default=True, strategy="samlp").result["msg"]
    else:
        assert "The SSO connection 'default' was not found." in run(default=True).result["msg"]


def test_without_update_the_strategy_is_checked(server: Server, run: Run) -> None:
    outcome = run(name="saml", strategy="samlp")
    assert (outcome.result["changed"], outcome.warnings) == (False, [])
    connection = outcome.result["sso_connection"]
    assert {name: value for name, value in connection.items() if value is not None} == {
        "id": "con_1",
        "name": "saml",
        "strategy": "samlp",
        "default": True,
    }
    assert "has the strategy samlp, not oidc" in run(default=True, strategy="oidc").result["msg"]
    ignored = run(id="con_1", display_name="Acme", config=SAML)
    assert "display_name and the config of the SSO connection 'saml' are not compared" in ignored.warnings[0]
    assert server.writes() == []


def test_an_update_is_always_sent(server: Server, run: Run) -> None:
    predicted = run(name="saml", **UPDATE, check_mode=True).result
    assert server.writes() == []
    result = run(name="saml", **UPDATE).result
    (request,) = server.writes()
    assert (request.method, request.path.rpartition("/")[2]) == ("PUT", "con_1")
    assert request.json == {"display_name": "Acme", "strategy": "samlp", "config": SAML}
    assert (predicted["changed"], result["changed"]) == (True, True)
    assert predicted["diff"] == result["diff"]
    assert result["sso_connection"]["callback_url"] == "https://acme/callback"
    assert result["sso_connection"]["id"] == "con_1"
    assert result["sso_connection"]["default"] is True


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"name": "sam"}, "Existing SSO connections: oidc, saml."),
        ({}, "one of id, name and default=true is required"),
        ({"default": True, "name": "saml"}, "cannot be combined"),
        ({"name": "saml", **UPDATE, "strategy": "oidc"}, "config.issuer_url is required for the strategy oidc"),
        ({"name": "saml", **UPDATE, "config": {"sign_in_url": ""}}, "config.x509_certificate is required"),
    ],
)
def test_an_invalid_task_sends_no_update(server: Server, run: Run, args: Row, message: str) -> None:
    assert message in run(**args).result["msg"]
    assert server.writes() == []
