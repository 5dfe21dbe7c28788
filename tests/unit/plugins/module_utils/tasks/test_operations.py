# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An operation is started once, polled until it is complete, and canceled only if it is not complete."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ApiError, RequestFailed
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.task import (
    Effects,
    ModuleResult,
    RunContext,
    unmet_requirement,
)
from ansible_collections.esper.cloud.plugins.module_utils.tasks import polling
from ansible_collections.esper.cloud.plugins.module_utils.tasks.operation import OPERATION_TASK
from ansible_collections.esper.cloud.plugins.module_utils.tasks.operation_info import OPERATION_INFO
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
    """A server that accepts operations. It does not respond to the first ``losing`` requests, but executes them if
    ``effective``."""

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


def start(client: Client, *queries: Row, effects: Effects | None = None, **args: t.Any) -> list[str]:
    rows = start_operations(TenantView(client), effects or Effects(), Operation("REBOOT", args), queries or (IDS,))
    return [str(row["id"]) for row in rows]


def of(query: Row, kind: str = "REBOOT", **values: t.Any) -> Row:
    return {"operation_type": kind, "schedule_type": "IMMEDIATE", "operation_device_query": query, **values}


def test_an_operation_takes_one_read_and_one_write_request(server: Server, client: Client) -> None:
    service = Service()
    server.app = service
    assert start(client) == ["o0"]
    assert service.sent == ["GET", "POST"]


@pytest.mark.parametrize("effective", [True, False])
@pytest.mark.parametrize("query", [IDS, {"device_request": {}}, {"device_request": {"state": "1", "is_gms": True}}])
def test_an_operation_is_started_once_if_the_response_is_lost(
    server: Server, client: Client, clock: Clock, query: Row, effective: bool
) -> None:
    service = Service(losing=1, effective=effective)
    service.add(of(query))
    service.add(of(query, "LOCK"))
    server.app = service
    assert start(client, query) == ["o2"]
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
def test_another_new_operation_does_not_match(
    server: Server, client: Client, clock: Clock, query: Row, other: Row
) -> None:
    service = Service(losing=1, effective=False)

    def app(request: Request) -> Reply:
        reply = service(request)
        if request.method == "POST" and not service.accepted:
            service.add(other)
        return reply

    server.app = app
    assert start(client, query, sample_key="x") == ["o1"]


def test_an_operation_that_esper_rewrites_is_found(server: Server, client: Client, clock: Clock) -> None:
    def rewrite(row: Row) -> Row:
        return {
            **row,
            "operation_device_query": {"device_ids": "B,A"},
            "arguments": {"new_lockscreen_password": "****", "sample_key": 5, "converge_with_provision": False},
        }

    service = Service(losing=1, rewrite=rewrite)
    server.app = service
    assert start(client, new_lockscreen_password="secret", sample_key="5") == ["o0"]
    assert len(service.accepted) == 1


def test_an_error_names_the_operations_that_were_accepted(server: Server, client: Client, clock: Clock) -> None:
    service = Service()

    def app(request: Request) -> Reply:
        if request.method == "POST" and request.json["operation_device_query"] == {"device_ids": "c"}:
            return answers({"message": "No"}, status=403)
        return service(request)

    server.app, effects = app, Effects()
    with pytest.raises(RequestFailed, match="Starting the operation REBOOT on 1 device failed"):
        start(client, IDS, {"device_ids": "c"}, effects=effects)
    assert effects.sentences == ["The operation REBOOT was accepted before (o0), so devices can still execute it."]
    assert effects.values == {"operations": [{"id": "o0", "devices": 2}]}


# --- wait -------------------------------------------------------------------------------------------------------------


def replies_in_states(*states_of_polls: tuple[str, dict[str, str], int | None]) -> t.Callable[[Request], Reply]:
    """Return a server with an operation. At each poll, it has the next state, devices with their states, and number of
    resolved devices."""
    seen = {"states_of_polls": 0}

    def app(request: Request) -> Reply:
        if request.path.endswith("/devices/"):
            devices = states_of_polls[min(seen["states_of_polls"], len(states_of_polls)) - 1][1]
            rows = [{"id": f"p{id_}", "device_id": id_, "state": state} for id_, state in devices.items()]
            return answers({"content": {"count": len(rows), "results": rows}})
        seen["states_of_polls"] += 1
        state, devices, found = states_of_polls[min(seen["states_of_polls"], len(states_of_polls)) - 1]
        states = list(devices.values())
        counts = {
            "resolved_device_count": len(states) if found is None else found,
            "success_device_count": sum(
                final_state_of({"state": device_state}) == "succeeded" for device_state in states
            ),
            "failed_device_count": states.count("FAILED"),
        }
        row = {"id": "o1", "state": state, "reason": "Out of order.", "operation_stats": {}}
        row["operation_stats"] = {"device_operation_statuses_count": counts}
        return answers({"content": row})

    return app


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Clock:
    """The clock of the client, which the wait also uses."""
    monkeypatch.setattr(polling, "time", clock)
    return clock


def follow(client: Client, **params: t.Any) -> Row:
    limits = {"max_fail_percentage": 0.0, "max_unanswered_percentage": 0.0}
    options = {"wait": True, "wait_for": "all", "wait_timeout": 20.0, **limits, **params}
    view = TenantView(client)
    known = [{"id": id_, "name": id_.upper()} for id_ in ("a", "b", "c", "d")]
    started = StartedOperations(view, "The operation LOCK", [{"id": "o1"}])
    return outcome(view, started, known, options, RunContext(), count=None)[0]


@pytest.mark.parametrize("done", ["SUCCEDED", "SUCCEEDED"])
def test_the_wait_ends_when_all_devices_have_a_result(server: Server, client: Client, waited: Clock, done: str) -> None:
    server.app = replies_in_states(
        ("CREATED", {}, 0),
        # All resolved devices have a result, but Esper is still resolving devices.
        ("RESOLVING", {"a": done}, 1),
        ("DISPATCHING", {"a": done, "b": "INITIATED"}, 2),
        ("COMPLETED", {"a": done, "b": done}, 2),
    )
    result = follow(client)
    assert (result["state"], result["counts"]["succeeded"], result["failed_devices"]) == ("completed", 2, [])
    assert len(waited.waits) == 3


def test_canceled_devices_are_counted_when_the_operation_is_complete(
    server: Server, client: Client, waited: Clock
) -> None:
    devices = {"a": "SUCCEDED", "b": "FAILED", "c": "CANCELLED", "d": "TIMEOUT"}
    polls = [("DISPATCHING", dict.fromkeys(devices, "CREATED"), None), ("COMPLETED", devices, None)]
    server.app = replies_in_states(*polls)
    result = follow(client, max_fail_percentage=75.0)
    assert result["state"] == "completed"
    assert result["counts"] == {"succeeded": 1, "failed": 1, "timed_out": 1, "cancelled": 1, "pending": 0, "offline": 0}
    assert [row["state"] for row in result["failed_devices"]] == ["failed", "cancelled", "timed_out"]


def test_the_wait_continues_while_devices_of_a_complete_operation_are_pending(
    server: Server, client: Client, waited: Clock
) -> None:
    server.app = replies_in_states(("COMPLETED", {"a": "INITIATED"}, None), ("COMPLETED", {"a": "SUCCEDED"}, None))
    assert follow(client)["state"] == "completed"


@pytest.mark.parametrize("allowed", [0.0, 100.0])
def test_the_wait_ends_when_esper_aborts_the_operation(
    server: Server, client: Client, waited: Clock, allowed: float
) -> None:
    server.app = replies_in_states(("FAILED", {}, 0))
    result = follow(client, max_fail_percentage=allowed)
    assert (result["state"], result["msg"]) == ("failed", "The operation LOCK failed: Out of order.")
    assert waited.waits == []


def test_the_task_fails_if_esper_does_not_find_the_devices_in_time(
    server: Server, client: Client, waited: Clock
) -> None:
    server.app = replies_in_states(("RESOLVING", {}, 0))
    result = follow(client)
    assert (result["state"], result["msg"]) == (
        "failed",
        "The operation LOCK failed: Esper did not find its devices in time.",
    )
    assert sum(waited.waits) == pytest.approx(20.0)


def test_devices_without_a_result_count_as_pending(server: Server, client: Client, waited: Clock) -> None:
    server.app = replies_in_states(("FAILED", {"a": "CREATED", "b": "SUCCEDED"}, None))
    assert follow(client)["msg"] == "The operation LOCK: 1 of 2 devices did not report a result in time: A (pending)."
    assert follow(client, max_unanswered_percentage=50.0)["state"] == "pending"
    assert waited.waits == []


# --- cancellation -----------------------------------------------------------------------------------------------------

DEFAULTS = {name: option.get("default") for name, option in OPERATION_TASK.options.items()}


def cancel(client: Client, **params: t.Any) -> ModuleResult:
    params = {**DEFAULTS, "state": "cancelled", "id": "o1", "reason": "x", **params}
    return OPERATION_TASK.run(TenantView(client), params, RunContext())


def changing(*states: str) -> t.Callable[[Request], Reply]:
    """Return a server that rejects cancellations. Its operation has the next state at each request."""
    left = list(states)

    def app(request: Request) -> Reply:
        if request.method == "PUT":
            return answers({"message": "Operation has ended. "}, status=400)
        stats = {"device_operation_statuses_count": {"resolved_device_count": 3, "success_device_count": 1}}
        return answers({"content": {"id": "o1", "state": left.pop(0), "operation_stats": stats}})

    return app


@pytest.mark.parametrize(("after", "changed", "number"), [("COMPLETED", False, 0), ("CANCELLED", True, 2)])
def test_a_rejected_cancellation_is_changed_only_if_the_operation_is_canceled(
    server: Server, client: Client, after: str, changed: bool, number: int
) -> None:
    server.app = changing("DISPATCHING", after)
    result = cancel(client).result
    assert (result["changed"], result["device_count"]) == (changed, number)


def test_another_rejected_cancellation_is_an_error(server: Server, client: Client) -> None:
    server.app = changing("DISPATCHING", "DISPATCHING")
    with pytest.raises(ApiError, match="Operation has ended"):
        cancel(client)


@pytest.mark.parametrize(
    ("params", "error"),
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
def test_a_required_option_must_not_be_null(params: Row, error: str) -> None:
    assert unmet_requirement(OPERATION_TASK.rules, {**DEFAULTS, **params}) == error


# --- information ------------------------------------------------------------------------------------------------------


def test_the_operations_of_many_groups_are_read_with_requests_that_fit(server: Server, client: Client) -> None:
    groups = [f"00000000-0000-4000-8000-{number:012}" for number in range(220)]
    operations = [
        {"id": f"o{number}", "operation": "REBOOT", "created_at": f"2026-01-0{number}T00:00:00Z", "of": of}
        for number, of in [(5, {0}), (4, {219}), (3, {1, 218}), (2, {110}), (1, {2})]
    ]

    def app(request: Request) -> Reply:
        assert len(request.target) < 8000
        if "devicegroup" in request.path:
            return answers({"id": request.path.split("/")[-2], "name": "Shop"})
        numbers = {int(id_[-12:]) for id_ in request.query["group_multi"].split(",")}
        rows = [{**row, "of": None} for row in operations if numbers & t.cast("set[int]", row["of"])]
        return answers({"count": len(rows), "results": rows})

    server.app = app
    none = dict.fromkeys(("id", "device", "operation_type", "state", "devices"))
    for limit in (None, 4):
        params = {**none, "limit": limit, "groups": groups}
        result = OPERATION_INFO.run(TenantView(client), params, RunContext()).result
        assert [row["id"] for row in result["operations"]] == ["o5", "o4", "o3", "o2", "o1"][:limit]
