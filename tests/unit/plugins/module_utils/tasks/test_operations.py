# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An operation is begun once, followed as it tells, and cancelled where there is something left to cancel."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ApiError, RequestFailed
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.task import ModuleResult, RunContext, unmet
from ansible_collections.esper.cloud.plugins.module_utils.tasks import waiting as following
from ansible_collections.esper.cloud.plugins.module_utils.tasks.operation import OPERATION_TASK
from ansible_collections.esper.cloud.plugins.module_utils.tasks.operations import (
    Operation,
    StartedOperations,
    final_state_of,
    start_operations,
)
from ansible_collections.esper.cloud.plugins.module_utils.tasks.waiting import outcome
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers, resets

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
    from ansible_collections.esper.cloud.tests.unit.conftest import Clock

Row = dict[str, t.Any]
IDS = {"device_ids": "a,b"}


@dataclass
class Service:
    """A service that accepts operations, and loses the first answers: ``losing`` of them, ``effective`` or not."""

    losing: int = 0
    effective: bool = True
    rewrite: t.Callable[[Row], Row] = dict
    accepted: list[Row] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    def add(self, body: Row) -> Row:
        row = {**body, "id": f"o{len(self.accepted)}", "operation": body["operation_type"], "state": "CREATED"}
        self.accepted.append(self.rewrite(row))
        return self.accepted[-1]

    def __call__(self, request: Request) -> Reply:
        self.sent.append(request.method)
        if request.method == "GET":
            assert request.query["ordering"] == "-created_at"
            limit, offset = int(request.query["limit"]), int(request.query.get("offset", 0))
            rows = [row for row in self.accepted[::-1] if row["operation"] == request.query["operation_type"]]
            page = rows[offset : offset + limit]
            return answers({"content": {"count": len(rows), "results": page, "next": None, "previous": None}})
        if self.losing:
            self.losing -= 1
            if self.effective:
                self.add(request.json)
            return resets
        return answers({"content": self.add(request.json)}, status=201)


def begun(client: Client, *queries: Row, **args: t.Any) -> list[str]:
    rows = start_operations(TenantView(client), Operation("REBOOT", args), queries or (IDS,))
    return [str(row["id"]) for row in rows]


def of(query: Row, kind: str = "REBOOT", **values: t.Any) -> Row:
    return {"operation_type": kind, "schedule_type": "IMMEDIATE", "operation_device_query": query, **values}


def test_an_operation_is_one_read_and_one_write(server: Server, client: Client) -> None:
    service = Service()
    server.app = service
    assert begun(client) == ["o0"]
    assert service.sent == ["GET", "POST"]


@pytest.mark.parametrize("effective", [True, False])
@pytest.mark.parametrize("query", [IDS, {"device_request": {}}, {"device_request": {"state": "1", "is_gms": True}}])
def test_one_whose_answer_was_lost_is_begun_once(
    server: Server, client: Client, clock: Clock, query: Row, effective: bool
) -> None:
    service = Service(losing=1, effective=effective)
    service.add(of(query))
    service.add(of(query, "LOCK"))
    server.app = service
    assert begun(client, query) == ["o2"]
    assert len(service.accepted) == 3
    assert service.sent == ["GET", "POST", "GET", *(() if effective else ("POST",))]


X = {"arguments": {"sample_key": "x"}}


@pytest.mark.parametrize(
    ("query", "other"),
    [
        (IDS, of({"device_ids": "a"}, **X)),
        (IDS, of({"device_ids": "a,b,c"}, **X)),
        (IDS, of({"device_request": {}}, **X)),
        (IDS, of(IDS, **X, schedule_type="WINDOW")),
        (IDS, of(IDS, arguments={"sample_key": "y"})),
        (IDS, of(IDS)),
        ({"device_request": {}}, of(IDS, **X)),
        ({"device_request": {}}, of({"device_request": {"state": "1"}}, **X)),
        ({"device_request": {"state": "1"}}, of({"device_request": {}}, **X)),
    ],
)
def test_another_that_began_meanwhile_is_not_taken_for_it(
    server: Server, client: Client, clock: Clock, query: Row, other: Row
) -> None:
    service = Service(losing=1, effective=False)

    def app(request: Request) -> Reply:
        reply = service(request)
        if request.method == "POST" and not service.accepted:
            service.add(other)
        return reply

    server.app = app
    assert begun(client, query, sample_key="x") == ["o1"]


def test_what_the_service_rewrites_or_hides_is_found_all_the_same(server: Server, client: Client, clock: Clock) -> None:
    def rewritten(row: Row) -> Row:
        return {
            **row,
            "operation_device_query": {"device_ids": "B,A"},
            "arguments": {"new_lockscreen_password": "****", "sample_key": 5, "converge_with_provision": False},
        }

    service = Service(losing=1, rewrite=rewritten)
    server.app = service
    assert begun(client, new_lockscreen_password="secret", sample_key="5") == ["o0"]
    assert len(service.accepted) == 1


def test_what_was_accepted_before_a_failure_is_told(server: Server, client: Client, clock: Clock) -> None:
    service = Service()

    def app(request: Request) -> Reply:
        if request.method == "POST" and request.json["operation_device_query"] == {"device_ids": "c"}:
            return answers({"message": "No"}, status=403)
        return service(request)

    server.app = app
    with pytest.raises(RequestFailed, match=r"Starting the operation REBOOT on 1 device failed.*before that: o0\.$"):
        begun(client, IDS, {"device_ids": "c"})


# --- following -------------------------------------------------------------------------------------------------------


def looks_at(*looks: tuple[str, dict[str, str], int | None]) -> t.Callable[[Request], Reply]:
    """A service whose operation has, at each look, a state, devices with states, and so many that it has found."""
    seen = {"looks": 0}

    def app(request: Request) -> Reply:
        if request.path.endswith("/devices/"):
            devices = looks[min(seen["looks"], len(looks)) - 1][1]
            rows = [{"id": f"p{each}", "device_id": each, "state": state} for each, state in devices.items()]
            return answers({"content": {"count": len(rows), "results": rows}})
        seen["looks"] += 1
        state, devices, found = looks[min(seen["looks"], len(looks)) - 1]
        states = list(devices.values())
        counts = {
            "resolved_device_count": len(states) if found is None else found,
            "success_device_count": sum(final_state_of({"state": each}) == "succeeded" for each in states),
            "failed_device_count": states.count("FAILED"),
        }
        row = {"id": "o1", "state": state, "reason": "Out of order.", "operation_stats": {}}
        row["operation_stats"] = {"device_operation_statuses_count": counts}
        return answers({"content": row})

    return app


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Clock:
    """The clock of the client, which following looks at, too."""
    monkeypatch.setattr(following, "time", clock)
    return clock


def follow(client: Client, **params: t.Any) -> Row:
    options = {"wait": True, "wait_timeout": 20.0, "max_fail_percentage": 0.0, **params}
    references = TenantView(client)
    known = [{"id": each, "name": each.upper()} for each in ("a", "b", "c", "d")]
    return outcome(
        references, StartedOperations(references, "The operation LOCK", [{"id": "o1"}]), known, options, RunContext()
    )


@pytest.mark.parametrize("done", ["SUCCEDED", "SUCCEEDED"])
def test_it_is_followed_until_all_devices_are_done(server: Server, client: Client, waited: Clock, done: str) -> None:
    server.app = looks_at(
        ("CREATED", {}, 0),
        # That all who are found are done does not mean that all are found.
        ("RESOLVING", {"a": done}, 1),
        ("DISPATCHING", {"a": done, "b": "INITIATED"}, 2),
        ("COMPLETED", {"a": done, "b": done}, 2),
    )
    result = follow(client)
    assert (result["state"], result["counts"]["succeeded"], result["failed_devices"]) == ("completed", 2, [])
    assert len(waited.waits) == 3


def test_those_that_were_cancelled_are_counted_at_the_end(server: Server, client: Client, waited: Clock) -> None:
    devices = {"a": "SUCCEDED", "b": "FAILED", "c": "CANCELLED", "d": "TIMEOUT"}
    server.app = looks_at(("DISPATCHING", dict.fromkeys(devices, "CREATED"), None), ("COMPLETED", devices, None))
    result = follow(client, max_fail_percentage=75.0)
    assert result["state"] == "completed"
    assert result["counts"] == {"succeeded": 1, "failed": 1, "timed_out": 1, "cancelled": 1, "pending": 0}
    assert [each["state"] for each in result["failed_devices"]] == ["failed", "cancelled", "timed_out"]


def test_it_goes_on_though_it_is_completed(server: Server, client: Client, waited: Clock) -> None:
    server.app = looks_at(("COMPLETED", {"a": "INITIATED"}, None), ("COMPLETED", {"a": "SUCCEDED"}, None))
    assert follow(client)["state"] == "completed"


@pytest.mark.parametrize("allowed", [0.0, 100.0])
def test_it_is_over_when_the_service_gave_up(server: Server, client: Client, waited: Clock, allowed: float) -> None:
    server.app = looks_at(("FAILED", {}, 0))
    result = follow(client, max_fail_percentage=allowed)
    assert (result["state"], result["msg"]) == ("failed", "The operation LOCK failed: Out of order.")
    assert waited.waits == []


def test_it_failed_if_its_devices_were_not_found_in_time(server: Server, client: Client, waited: Clock) -> None:
    server.app = looks_at(("RESOLVING", {}, 0))
    result = follow(client)
    assert (result["state"], result["msg"]) == (
        "failed",
        "The operation LOCK failed: Esper did not find its devices in time.",
    )
    assert sum(waited.waits) == pytest.approx(20.0)


def test_devices_that_were_never_told_count_as_pending(server: Server, client: Client, waited: Clock) -> None:
    server.app = looks_at(("FAILED", {"a": "CREATED", "b": "SUCCEDED"}, None))
    assert follow(client)["msg"] == "The operation LOCK: 1 of 2 devices did not report a result in time: A (pending)."
    assert follow(client, max_fail_percentage=50.0)["state"] == "pending"
    assert waited.waits == []


# --- cancelling ------------------------------------------------------------------------------------------------------

DEFAULTS = {name: option.get("default") for name, option in OPERATION_TASK.options.items()}


def cancel(client: Client, **params: t.Any) -> ModuleResult:
    params = {**DEFAULTS, "state": "cancelled", "id": "o1", "reason": "x", **params}
    return OPERATION_TASK.run(TenantView(client), params, RunContext())


def changing(*states: str) -> t.Callable[[Request], Reply]:
    """A service that refuses to cancel; its operation is in the next of some states at each look."""
    left = list(states)

    def app(request: Request) -> Reply:
        if request.method == "PUT":
            return answers({"message": "Operation has ended. "}, status=400)
        stats = {"device_operation_statuses_count": {"resolved_device_count": 3, "success_device_count": 1}}
        return answers({"content": {"id": "o1", "state": left.pop(0), "operation_stats": stats}})

    return app


@pytest.mark.parametrize(("after", "changed", "number"), [("COMPLETED", False, 0), ("CANCELLED", True, 2)])
def test_what_ended_meanwhile_is_unchanged_and_what_was_cancelled_is_not(
    server: Server, client: Client, after: str, changed: bool, number: int
) -> None:
    server.app = changing("DISPATCHING", after)
    result = cancel(client).result
    assert (result["changed"], result["device_count"]) == (changed, number)


def test_a_refusal_that_has_no_such_reason_is_told(server: Server, client: Client) -> None:
    server.app = changing("DISPATCHING", "DISPATCHING")
    with pytest.raises(ApiError, match="Operation has ended"):
        cancel(client)


@pytest.mark.parametrize(
    ("params", "why"),
    [
        (
            {"operation_type": "LOCK"},
            "state is started but any of the following are missing: devices, groups, device_query",
        ),
        ({"devices": []}, "state is started but all of the following are missing: operation_type"),
        ({"operation_type": "LOCK", "devices": []}, ""),
        ({"operation_type": "LOCK", "device_query": {}}, ""),
        ({"state": "cancelled", "id": "o1"}, "state is cancelled but all of the following are missing: reason"),
        ({"state": "cancelled", "id": "o1", "reason": ""}, ""),
    ],
)
def test_null_is_not_what_is_required(params: Row, why: str) -> None:
    assert unmet(OPERATION_TASK.rules, {**DEFAULTS, **params}) == why
