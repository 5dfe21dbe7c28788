# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens: when they are renewed, where their values go, and what happens if a value cannot be stored."""

from __future__ import annotations

import errno
import itertools
import stat
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.kinds.token_expiry import expires_within, to_expiry
from ansible_collections.esper.cloud.plugins.module_utils.module import perform
from ansible_collections.esper.cloud.plugins.module_utils.task import ModuleResult, RunContext
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers, resets

Row = dict[str, t.Any]

LIST = "/api/authn2/v0/personal-access-token/"
LATER = "2099-01-01T00:00:00Z"
NUMBER = 4070908800


def seconds_in(**delta: float) -> int:
    return int((datetime.now(timezone.utc) + timedelta(**delta)).timestamp())


class Tenant:
    """The tokens of a user. A renewal changes the value. ``failures`` are replies in place of those to writes."""

    def __init__(self) -> None:
        self.tokens: dict[str, Row] = {}
        self.failures: list[Reply] = []
        self.is_lost = False
        self.hidden: set[str] = set()
        self._numbers = itertools.count(1)

    def add(self, name: str, *, value: str = "", expiry_at: int = -1, description: str = "") -> Row:
        number = next(self._numbers)
        value = value or f"{number:08}-value-of-a-token"
        identifier = f"0c6a5dd2-7b1c-4c0e-8a86-{number:012}"
        row = {"id": identifier, "name": name, "description": description, "expiry_at": expiry_at}
        self.tokens[identifier] = {**row, "token": value, "prefix": value[:8], "created_at": "x", "updated_at": "x"}
        return self.tokens[identifier]

    def __call__(self, request: Request) -> Reply:
        identifier = request.path.removeprefix(LIST)
        if request.method == "GET":
            assert request.query == {}, "the list has no parameters"
            return answers({"count": len(self.tokens), "personal_access_tokens": list(self.tokens.values())})
        if self.failures:
            return self.failures.pop(0)
        if request.method == "DELETE":
            del self.tokens[identifier]
            return answers(None, 204)
        if request.method == "POST":
            row = self.add(**request.json)
        else:
            value = f"{next(self._numbers):08}-renewed-value"
            row = self.tokens[identifier]
            row.update(request.json, token=value, prefix=value[:8])
        if self.is_lost:
            return resets()
        return answers({name: value for name, value in row.items() if name not in self.hidden})


@pytest.fixture
def tenant(server: Server) -> Tenant:
    server.app = made = Tenant()
    return made


Run = t.Callable[..., ModuleResult]


@pytest.fixture
def run(server: Server, tenant: Tenant, enterprise: str) -> Run:
    def run(module: str = "personal_access_token", *, check_mode: bool = False, **args: t.Any) -> ModuleResult:
        definition = definition_of(module)
        defaults = {name: spec.get("default") for name, spec in definition.options.items()}
        known = {"api_url": f"{server.url}", "api_key": "k3y-of-the-test-0123", "enterprise_id": enterprise}
        params = {**defaults, **known, "name": "nightly", **args}
        if module.endswith("_info"):
            params["name"] = args.get("name")
        outcome = perform(definition, params, RunContext(check_mode, diff=True, verbosity=4), args)[0]
        shown = {**outcome.result, "token": None}
        leaks = [row["token"] for row in tenant.tokens.values() if row["token"] in str([shown, outcome.warnings])]
        assert leaks == [], f"{outcome} shows {leaks}"
        return outcome

    return run


def writes(server: Server) -> list[str]:
    return [request.method for request in server.writes()]


@pytest.mark.parametrize(
    "expires", [LATER, NUMBER, NUMBER + 0.5, str(NUMBER), "2099-01-01 01:00:00+01:00", "2099-01-01T00:00"]
)
def test_a_new_token_is_stored_in_a_file_of_its_owner(
    server: Server, tenant: Tenant, run: Run, tmp_path: Path, expires: t.Any
) -> None:
    dest = tmp_path / "new" / "token"
    predicted = run(expires=expires, dest=str(dest), check_mode=True).result
    assert not dest.parent.exists()
    result = run(expires=expires, dest=str(dest)).result
    (row,) = tenant.tokens.values()
    assert (row["expiry_at"], row["description"]) == (NUMBER, "")
    assert dest.read_text() == row["token"]
    assert stat.S_IMODE(dest.stat().st_mode) == 0o600
    assert [path.name for path in dest.parent.iterdir()] == ["token"]
    assert result["personal_access_token"]["expires"] == LATER
    assert "token" not in result.keys() | result["personal_access_token"].keys()
    assert predicted["diff"] == result["diff"]
    assert 'token: "(not shown)"\n' in result["diff"][0]["after"]
    second = run(expires=expires, dest=str(dest)).result
    assert not second["changed"]
    assert writes(server) == ["POST"]


def test_a_value_is_returned_once_and_only_on_demand(tenant: Tenant, run: Run) -> None:
    predicted = run(expires="never", return_token=True, check_mode=True)
    created = run(expires="never", return_token=True)
    (row,) = tenant.tokens.values()
    assert row["expiry_at"] == -1
    assert predicted.result["token"] is None
    assert created.result["token"] == row["token"]
    assert run(expires="never", return_token=True).result["token"] is None
    assert "token" not in run(state="absent", return_token=True).result


@pytest.mark.parametrize("exists", [False, True])
def test_without_a_place_for_its_value_a_token_is_neither_created_nor_renewed(
    server: Server, tenant: Tenant, run: Run, exists: bool
) -> None:
    if exists:
        tenant.add("nightly")
    result = run(expires=LATER, renew="always").result
    assert "requires a place for its value" in result["msg"]
    assert writes(server) == []


def test_a_directory_in_place_of_the_file_is_noticed_before_the_request(
    server: Server, tenant: Tenant, run: Run, tmp_path: Path
) -> None:
    result = run(expires=LATER, dest=str(tmp_path)).result
    assert "Cannot" in result["msg"]
    (tmp_path / "file").touch()
    result = run(expires=LATER, dest=str(tmp_path / "file" / "token")).result
    assert "Cannot" in result["msg"]
    assert writes(server) == []


@pytest.mark.parametrize("in_days", [-1, 5, 30])
def test_a_token_is_renewed_if_it_expires_soon(
    server: Server, tenant: Tenant, run: Run, tmp_path: Path, in_days: int
) -> None:
    dest = tmp_path / "token"
    old = tenant.add("nightly", expiry_at=seconds_in(days=in_days))
    dest.write_text(old["token"])
    dest.chmod(0o644)
    result = run(expires=LATER, renew="expiring", dest=str(dest)).result
    assert result["changed"] == (in_days < 14)
    assert writes(server) == (["PUT"] if in_days < 14 else [])
    assert dest.read_text() == tenant.tokens[old["id"]]["token"]
    if in_days < 14:
        assert stat.S_IMODE(dest.stat().st_mode) == 0o600
    assert not run(expires=LATER, renew="expiring", dest=str(dest)).result["changed"]


@pytest.mark.parametrize("content", [None, "", "another-token"])
def test_a_file_without_the_value_needs_a_renewal(
    server: Server, tenant: Tenant, run: Run, tmp_path: Path, content: str | None
) -> None:
    dest, old = tmp_path / "token", tenant.add("nightly")
    if content is not None:
        dest.write_text(content)
    failed = run(expires="never", dest=str(dest)).result
    assert "does not have the value" in failed["msg"]
    assert writes(server) == []
    assert run(expires="never", renew="expiring", dest=str(dest)).result["changed"]
    assert dest.read_text() == tenant.tokens[old["id"]]["token"]


def test_renew_always_is_an_action(tenant: Tenant, run: Run) -> None:
    old = tenant.add("nightly")
    values = [run(expires=LATER, renew="always", return_token=True).result["token"] for _number in range(2)]
    assert len({*values, old["prefix"]}) == 3


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, "expires is required"),
        ({"expires": "soon"}, "expires is 'soon'; set a time in ISO 8601"),
        ({"expires": "2020-01-01T00:00:00Z"}, "is in the past"),
    ],
)
@pytest.mark.parametrize("exists", [False, True])
def test_an_invalid_time_is_an_error(
    server: Server, tenant: Tenant, run: Run, exists: bool, args: Row, message: str
) -> None:
    if exists:
        tenant.add("nightly")
    assert message in run(**args, renew="always", return_token=True).result["msg"]
    assert writes(server) == []


def test_another_time_is_a_warning_without_renewal(tenant: Tenant, run: Run) -> None:
    tenant.add("nightly", expiry_at=NUMBER)
    outcome = run(expires="never")
    assert not outcome.result["changed"]
    assert outcome.warnings == [
        "The personal access token 'nightly' expires at another time than the task sets: 2099-01-01T00:00:00Z. To"
        " change it, set renew."
    ]
    assert run(expires=LATER).warnings == []


@pytest.mark.parametrize("renew", ["never", "always"])
def test_a_description_and_a_name_cannot_be_changed(server: Server, tenant: Tenant, run: Run, renew: str) -> None:
    row = tenant.add("nightly", description="Report")
    for args in ({"description": "Other"}, {"id": row["id"], "name": "other"}):
        result = run(**args, expires=LATER, renew=renew, return_token=True).result
        assert "Esper cannot change the" in result["msg"]
    assert writes(server) == []
    assert not run(id=row["id"], description="Report").result["changed"]


@pytest.mark.parametrize("args", [{"state": "absent"}, {"expires": LATER, "renew": "always", "return_token": True}])
def test_the_key_of_the_task_is_only_replaced_with_force(server: Server, tenant: Tenant, run: Run, args: Row) -> None:
    tenant.add("nightly", value="k3y-of-the-test-0123")
    result = run(**args).result
    assert "is in use by the API key of this task. Use another API key, or set force=true." in result["msg"]
    assert writes(server) == []
    assert run(**args, force=True).result["changed"]


@pytest.mark.parametrize("args", [{"state": "absent"}, {"expires": LATER, "renew": "always", "return_token": True}])
def test_a_token_without_a_prefix_can_be_the_key_of_the_task(
    server: Server, tenant: Tenant, run: Run, args: Row
) -> None:
    tenant.add("nightly").update(prefix=None, token="********")
    message = run(**args).result["msg"]
    assert "no prefix of the personal access token 'nightly'" in message
    assert "set force=true" in message
    assert writes(server) == []
    assert run(**args, force=True).result["changed"]


@pytest.mark.parametrize("expiry_at", [None, "soon", "", {}])
def test_a_token_whose_time_is_invalid_is_not_taken_for_valid(
    server: Server, tenant: Tenant, run: Run, expiry_at: t.Any
) -> None:
    tenant.add("nightly").update(expiry_at=expiry_at)
    args = {"expires": LATER, "return_token": True}
    assert "no valid time at which the personal access token" in run(**args, renew="expiring").result["msg"]
    assert writes(server) == []
    assert run(**args, renew="always").result["changed"]


def test_a_lost_response_is_an_error_because_the_value_is_lost(
    server: Server, tenant: Tenant, run: Run, tmp_path: Path
) -> None:
    tenant.is_lost, dest = True, tmp_path / "token"
    result = run(expires=LATER, dest=str(dest)).result
    assert (result["failed"], result["changed"]) == (True, True)
    assert "the response is lost" in result["msg"]
    assert "Delete it, and run the task again." in result["msg"]
    assert writes(server) == ["POST"]
    assert list(tmp_path.iterdir()) == []


def test_a_rejected_token_is_no_token_of_the_task(server: Server, tenant: Tenant, run: Run) -> None:
    def reject(request: Request) -> Reply:
        if request.method == "POST":
            tenant.add("nightly")
            return answers({"error": "The name is taken.", "code": 400}, 400)
        return tenant(request)

    server.app = reject
    result = run(expires=LATER, return_token=True).result
    assert "The name is taken." in result["msg"]
    assert "changed" not in result


def test_a_lost_renewal_is_repeated(server: Server, tenant: Tenant, run: Run) -> None:
    tenant.add("nightly")
    tenant.failures = [answers({"message": "Busy"}, 503)]
    assert run(expires=LATER, renew="always", return_token=True).result["token"]
    assert writes(server) == ["PUT", "PUT"]


def test_a_response_without_a_value_is_an_error(tenant: Tenant, run: Run, tmp_path: Path) -> None:
    tenant.hidden = {"token"}
    result = run(expires=LATER, dest=str(tmp_path / "token")).result
    assert (result["failed"], result["changed"]) == (True, True)
    assert "Esper returned no value of the personal access token 'nightly'." in result["msg"]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_an_error_with_advice(
    tenant: Tenant, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: Path, _target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    result = run(expires=LATER, dest=str(tmp_path / "token")).result
    assert (result["failed"], result["changed"]) == (True, True)
    assert "No space left on device. The value of the personal access token 'nightly' is lost." in result["msg"]
    assert "Creating the personal access token 'nightly' was accepted" in result["msg"]
    assert list(tmp_path.iterdir()) == []


def test_times_are_sent_in_the_unit_of_the_tenant(tenant: Tenant, run: Run) -> None:
    other = tenant.add("other", expiry_at=NUMBER * 1000)
    run(expires=LATER, return_token=True)
    assert [row["expiry_at"] for row in tenant.tokens.values()] == [NUMBER * 1000] * 2
    (found,) = run("personal_access_token_info", id=other["id"]).result["personal_access_tokens"]
    assert found["expires"] == LATER


def test_info_finds_expiring_tokens_and_shows_no_values(tenant: Tenant, run: Run) -> None:
    for name, expiry_at in (("a", -1), ("b", seconds_in(days=5)), ("c", seconds_in(days=-5)), ("d", NUMBER)):
        tenant.add(name, expiry_at=expiry_at)

    def names(**args: t.Any) -> list[str]:
        result = run("personal_access_token_info", **args).result
        return [row["name"] for row in result["personal_access_tokens"]]

    assert names() == ["a", "b", "c", "d"]
    assert names(expiring_within=30) == ["b", "c"]
    assert names(expiring_within=0) == ["c"]
    assert names(name="d") == ["d"]


@pytest.mark.parametrize("value", [-1, "-1", "never", " Never "])
def test_a_token_can_last_for_ever(value: t.Any) -> None:
    assert to_expiry(value) == "never"
    assert not expires_within(to_expiry(value), 10**30)


@pytest.mark.parametrize(("days", "is_due"), [(10**30, True), (0, False), (-(10**30), False)])
def test_any_number_of_days_can_be_compared(days: int, is_due: bool) -> None:
    assert expires_within(LATER, days) == is_due


@pytest.mark.parametrize("value", ["soon", "", "9" * 15, "-2", "2099-13-01T00:00:00Z"])
def test_an_invalid_time_is_kept(value: str) -> None:
    assert to_expiry(value) == value
