# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait for the results of a command, and their summary."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ApiError
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.task import RunContext
from ansible_collections.esper.cloud.plugins.module_utils.tasks import waiting
from ansible_collections.esper.cloud.plugins.module_utils.tasks.command import AcceptedCommand
from ansible_collections.esper.cloud.plugins.module_utils.tasks.waiting import pending_devices, report
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
    from ansible_collections.esper.cloud.tests.unit.conftest import Clock

Row = dict[str, t.Any]
QUEUED, WORKING = "Command Queued", "Command In Progress"
SUCCESS, FAILURE, TIME_OUT = "Command Success", "Command Failure", "Command TimeOut"


@dataclass
class Service:
    """A server whose devices have the next states at each poll."""

    polls: list[dict[str, str]]
    """The states of devices by ID for each poll. The last ones are permanent."""
    reasons: dict[str, str] = field(default_factory=dict)
    sent: list[Request] = field(default_factory=list)
    seen: int = 0

    def __call__(self, request: Request) -> Reply:
        self.sent.append(request)
        now = self.polls[min(max(self.seen - 1, 0), len(self.polls) - 1)]
        if request.path.endswith("/stats/"):
            self.seen += 1
            now = self.polls[min(self.seen - 1, len(self.polls) - 1)]
            totals = {state: list(now.values()).count(state) for state in now.values()}
            return answers(
                {"content": {"id": "c1", "status": [{"state": state, "total": n} for state, n in totals.items()]}}
            )
        if "/status/" in request.path:
            rows = [
                {
                    "id": f"s{id_}",
                    "request": "c1",
                    "device": id_,
                    "state": state,
                    "reason": self.reasons.get(id_, ""),
                }
                for id_, state in now.items()
            ]
            return answers({"content": {"count": len(rows), "results": rows}})
        return answers({"content": {"count": 0, "results": []}})


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Clock:
    """The clock of the client, which the wait also uses."""
    monkeypatch.setattr(waiting, "time", clock)
    return clock


def follow(client: Client, devices: int = 2, progress: list[str] | None = None, **params: t.Any) -> Row:
    options = {"wait": True, "wait_timeout": 60.0, "max_fail_percentage": 0.0, **params}
    context = RunContext(progress=(progress if progress is not None else []).append)
    known = [{"id": id_, "name": id_.upper()} for id_ in ("a", "b", "c", "d")]
    return report(TenantView(client), "The command LOCK", [AcceptedCommand("c1", devices, 0)], known, options, context)


def test_no_request_is_sent_without_wait(server: Server, client: Client) -> None:
    service = Service([{}])
    server.app = service
    assert follow(client, wait=False)["state"] == "accepted"
    assert service.sent == []


def test_an_error_names_the_command_that_was_accepted(server: Server, client: Client, waited: Clock) -> None:
    server.app = lambda _request: answers({"message": "No."}, 403)
    with pytest.raises(ApiError, match=r"returned HTTP 403: No\..* The command LOCK was accepted before \(c1\)"):
        follow(client)


def test_the_status_is_read_until_all_devices_have_a_result(server: Server, client: Client, waited: Clock) -> None:
    service = Service([{"a": QUEUED, "b": QUEUED}, {"a": SUCCESS, "b": WORKING}, {"a": SUCCESS, "b": SUCCESS}])
    server.app, progress = service, list[str]()
    result = follow(client, progress=progress)
    assert (result["state"], result["failed_devices"]) == ("completed", [])
    assert result["counts"] == {"succeeded": 2, "failed": 0, "timed_out": 0, "cancelled": 0, "pending": 0}
    assert service.seen == 3
    assert progress == [f"{number} of 2 devices completed, 0 failed" for number in (0, 1, 2)]
    assert waited.waits == pytest.approx([1.0, 1.5])


def test_the_wait_includes_devices_that_esper_does_not_list_yet(server: Server, client: Client, waited: Clock) -> None:
    service = Service([{"a": SUCCESS}, {"a": SUCCESS, "b": SUCCESS}])
    server.app = service
    assert follow(client)["state"] == "completed"
    assert service.seen == 2


def test_the_wait_times_out(server: Server, client: Client, waited: Clock) -> None:
    service = Service([{"a": SUCCESS, "b": QUEUED}])
    server.app = service
    result = follow(client, wait_timeout=20.0)
    assert result["failed"]
    assert result["msg"] == "The command LOCK: 1 of 2 devices did not report a result in time: B (pending)."
    assert sum(waited.waits) == pytest.approx(20.0)


def test_too_many_failures_end_the_wait(server: Server, client: Client, waited: Clock) -> None:
    states = {"a": FAILURE, "b": QUEUED, "c": QUEUED, "d": TIME_OUT}
    service = Service([dict.fromkeys(states, QUEUED), states], reasons={"a": "No room"})
    server.app = service
    result = follow(client, devices=4, max_fail_percentage=49.0)
    assert service.seen == 2
    assert result["msg"] == (
        "The command LOCK: 2 of 4 devices failed and 2 of 4 devices did not report a result in time:"
        " A (No room), D (timed_out), B (pending), C (pending)."
    )


@pytest.mark.parametrize(
    ("states", "allowed", "state"),
    [
        ({"a": FAILURE, "b": SUCCESS}, 49.0, "failed"),
        ({"a": FAILURE, "b": SUCCESS}, 50.0, "completed"),
        ({"a": FAILURE, "b": FAILURE}, 100.0, "completed"),
        ({"a": QUEUED, "b": SUCCESS}, 49.0, "failed"),
        ({"a": QUEUED, "b": SUCCESS}, 50.0, "pending"),
        ({"a": QUEUED, "b": FAILURE}, 50.0, "failed"),
        ({"a": "Command Unheard Of", "b": SUCCESS}, 50.0, "pending"),
    ],
)
def test_failed_and_pending_devices_count_as_failed(
    server: Server, client: Client, waited: Clock, states: dict[str, str], allowed: float, state: str
) -> None:
    server.app = Service([states])
    result = follow(client, wait_timeout=5.0, max_fail_percentage=allowed)
    assert result["state"] == state
    assert result.get("failed", False) is (state == "failed")
    assert len(result["failed_devices"]) == sum(device_state != SUCCESS for device_state in states.values())


def test_a_wait_can_exceed_the_deadline(server: Server, client: Client, waited: Clock) -> None:
    server.app = Service([*[{"a": QUEUED, "b": QUEUED}] * 60, {"a": SUCCESS, "b": SUCCESS}])
    result = follow(client, wait_timeout=3600.0)
    assert result["state"] == "completed"
    assert sum(waited.waits) > client.connection.timeout + 300


def test_devices_without_a_result_have_a_pending_command(server: Server, client: Client) -> None:
    states = {"a": SUCCESS, "b": QUEUED, "c": FAILURE, "d": WORKING}

    def app(request: Request) -> Reply:
        if "/status/" in request.path:
            rows = [{"id": f"s{id_}", "request": "c1", "device": id_, "state": state} for id_, state in states.items()]
            return answers({"content": {"count": 4, "results": rows}})
        rows = [{"id": "c1", "command_args": {"x": 1}}]
        return answers({"content": {"count": 1, "results": rows}})

    server.app = app
    view = TenantView(client)
    assert pending_devices(view, "LOCK", list(states), lambda _device, _args: True) == {"b", "d"}
    assert pending_devices(view, "LOCK", list(states), lambda device, args: device == args["x"]) == set()


def test_many_devices_take_several_requests(server: Server, client: Client) -> None:
    asked: list[int] = []

    def app(request: Request) -> Reply:
        asked.append(len(request.query["devices"].split(",")))
        return answers({"content": {"count": 0, "results": None}})

    server.app = app
    assert pending_devices(TenantView(client), "LOCK", [str(n) for n in range(120)], lambda *_: True) == set()
    assert sorted(asked) == [20, 50, 50]
