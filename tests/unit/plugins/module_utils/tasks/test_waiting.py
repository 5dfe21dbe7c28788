# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What devices make of a command is followed until there is nothing more to see, and told as it is."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ApiError
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.task import RunContext
from ansible_collections.esper.cloud.plugins.module_utils.tasks import waiting as following
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
    """A service whose devices are in the next of some states at each look; ``groups`` is for commands to groups."""

    looks: list[dict[str, str]]
    """Device id -> state, for each look; the last one lasts."""
    reasons: dict[str, str] = field(default_factory=dict)
    sent: list[Request] = field(default_factory=list)
    seen: int = 0

    def __call__(self, request: Request) -> Reply:
        self.sent.append(request)
        now = self.looks[min(max(self.seen - 1, 0), len(self.looks) - 1)]
        if request.path.endswith("/stats/"):
            self.seen += 1
            now = self.looks[min(self.seen - 1, len(self.looks) - 1)]
            totals = {state: list(now.values()).count(state) for state in now.values()}
            return answers(
                {"content": {"id": "c1", "status": [{"state": state, "total": n} for state, n in totals.items()]}}
            )
        if "/status/" in request.path:
            rows = [
                {
                    "id": f"s{each}",
                    "request": "c1",
                    "device": each,
                    "state": state,
                    "reason": self.reasons.get(each, ""),
                }
                for each, state in now.items()
            ]
            return answers({"content": {"count": len(rows), "results": rows}})
        return answers({"content": {"count": 0, "results": []}})


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Clock:
    """The clock of the client, which following looks at, too."""
    monkeypatch.setattr(following, "time", clock)
    return clock


def follow(client: Client, devices: int = 2, told: list[str] | None = None, **params: t.Any) -> Row:
    options = {"wait": True, "wait_timeout": 60.0, "max_fail_percentage": 0.0, **params}
    context = RunContext(progress=(told if told is not None else []).append)
    known = [{"id": each, "name": each.upper()} for each in ("a", "b", "c", "d")]
    return report(TenantView(client), "The command LOCK", [AcceptedCommand("c1", devices, 0)], known, options, context)


def test_without_waiting_nothing_is_asked(server: Server, client: Client) -> None:
    service = Service([{}])
    server.app = service
    assert follow(client, wait=False)["state"] == "accepted"
    assert service.sent == []


def test_an_error_tells_that_the_command_was_accepted(server: Server, client: Client, waited: Clock) -> None:
    server.app = lambda _request: answers({"message": "No."}, 403)
    with pytest.raises(ApiError, match=r"answered 403: No\..* The command LOCK was accepted before \(c1\)"):
        follow(client)


def test_devices_are_looked_at_until_all_are_done(server: Server, client: Client, waited: Clock) -> None:
    service = Service([{"a": QUEUED, "b": QUEUED}, {"a": SUCCESS, "b": WORKING}, {"a": SUCCESS, "b": SUCCESS}])
    server.app, told = service, list[str]()
    result = follow(client, told=told)
    assert (result["state"], result["failed_devices"]) == ("completed", [])
    assert result["counts"] == {"succeeded": 2, "failed": 0, "timed_out": 0, "cancelled": 0, "pending": 0}
    assert service.seen == 3
    assert told == [f"{number} of 2 devices are done, 0 of them failed" for number in (0, 1, 2)]
    assert waited.waits == pytest.approx([1.0, 1.5])


def test_devices_that_the_service_does_not_list_yet_are_waited_for(
    server: Server, client: Client, waited: Clock
) -> None:
    service = Service([{"a": SUCCESS}, {"a": SUCCESS, "b": SUCCESS}])
    server.app = service
    assert follow(client)["state"] == "completed"
    assert service.seen == 2


def test_the_wait_is_over_when_time_is(server: Server, client: Client, waited: Clock) -> None:
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
def test_those_that_failed_and_those_that_did_not_answer_count_alike(
    server: Server, client: Client, waited: Clock, states: dict[str, str], allowed: float, state: str
) -> None:
    server.app = Service([states])
    result = follow(client, wait_timeout=5.0, max_fail_percentage=allowed)
    assert result["state"] == state
    assert result.get("failed", False) is (state == "failed")
    assert len(result["failed_devices"]) == sum(each != SUCCESS for each in states.values())


def test_a_long_wait_outlasts_the_deadline_of_a_task(server: Server, client: Client, waited: Clock) -> None:
    server.app = Service([*[{"a": QUEUED, "b": QUEUED}] * 60, {"a": SUCCESS, "b": SUCCESS}])
    result = follow(client, wait_timeout=3600.0)
    assert result["state"] == "completed"
    assert sum(waited.waits) > client.connection.timeout + 300


def test_a_device_has_yet_to_do_what_has_not_ended(server: Server, client: Client) -> None:
    states = {"a": SUCCESS, "b": QUEUED, "c": FAILURE, "d": WORKING}

    def app(request: Request) -> Reply:
        if "/status/" in request.path:
            rows = [
                {"id": f"s{each}", "request": "c1", "device": each, "state": state} for each, state in states.items()
            ]
            return answers({"content": {"count": 4, "results": rows}})
        rows = [{"id": "c1", "command_args": {"x": 1}}]
        return answers({"content": {"count": 1, "results": rows}})

    server.app = app
    references = TenantView(client)
    assert pending_devices(references, "LOCK", list(states), lambda _device, _args: True) == {"b", "d"}
    assert pending_devices(references, "LOCK", list(states), lambda device, args: device == args["x"]) == set()


def test_many_devices_are_asked_for_in_parts(server: Server, client: Client) -> None:
    asked: list[int] = []

    def app(request: Request) -> Reply:
        asked.append(len(request.query["devices"].split(",")))
        return answers({"content": {"count": 0, "results": None}})

    server.app = app
    assert pending_devices(TenantView(client), "LOCK", [str(n) for n in range(120)], lambda *_: True) == set()
    assert sorted(asked) == [20, 50, 50]
