# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait for the results of a command, and their summary."""

from __future__ import annotations

import types
import typing as t
from dataclasses import dataclass, field

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.task import RunContext
from ansible_collections.esper.cloud.plugins.module_utils.tasks import polling
from ansible_collections.esper.cloud.plugins.module_utils.tasks.command import AcceptedCommand
from ansible_collections.esper.cloud.plugins.module_utils.tasks.statuses import latest_commands
from ansible_collections.esper.cloud.plugins.module_utils.tasks.waiting import Commands, check_wait, exceeds, outcome
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
    monkeypatch.setattr(polling, "time", clock)
    return clock


DEFAULTS = {
    "wait": True,
    "wait_for": "all",
    "wait_timeout": 60.0,
    "max_fail_percentage": 0.0,
    "max_unanswered_percentage": 0.0,
}
NONE = {"succeeded": 0, "failed": 0, "timed_out": 0, "cancelled": 0, "pending": 0, "offline": 0}


def follow(
    client: Client,
    devices: str = "ab",
    progress: list[str] | None = None,
    earlier: t.Mapping[str, str] = types.MappingProxyType({}),
    online: set[str] | None = None,
    **params: t.Any,
) -> Row:
    context = RunContext(progress=(progress if progress is not None else []).append)
    known = [{"id": id_, "name": id_.upper()} for id_ in "abcd"]
    view = TenantView(client)
    sent = [AcceptedCommand("c1", list(devices), [])] if devices else []
    request, count = Commands(view, "The command LOCK", sent, earlier), len(devices) + len(earlier)
    return outcome(view, request, known, {**DEFAULTS, **params}, context, count=count, online=online)[0]


def test_no_request_is_sent_without_wait(server: Server, client: Client) -> None:
    service = Service([{}])
    server.app = service
    assert follow(client, wait=False) == {"state": "accepted", "counts": {**NONE, "pending": 2}, "failed_devices": []}
    assert follow(client, "", wait=True) == {"state": "completed", "counts": NONE, "failed_devices": []}
    assert service.sent == []


def test_the_status_is_read_until_all_devices_have_a_result(server: Server, client: Client, waited: Clock) -> None:
    service = Service([{"a": QUEUED, "b": QUEUED}, {"a": SUCCESS, "b": WORKING}, {"a": SUCCESS, "b": SUCCESS}])
    server.app, progress = service, list[str]()
    result = follow(client, progress=progress)
    assert (result["state"], result["failed_devices"]) == ("completed", [])
    assert result["counts"] == {**NONE, "succeeded": 2}
    assert service.seen == 3
    assert progress == [
        f"The command LOCK: {done} of 2 devices done, 0 of them failed, {2 - done} waiting" for done in (0, 1, 2)
    ]
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
    result = follow(client, "abcd", max_fail_percentage=49.0)
    assert service.seen == 2
    assert result["msg"] == (
        "The command LOCK: 2 of 4 devices failed and 2 of 4 devices did not report a result in time:"
        " A (No room), D (timed_out), B (pending), C (pending)."
    )


@pytest.mark.parametrize(
    ("states", "failed", "unanswered", "state"),
    [
        ({"a": FAILURE, "b": SUCCESS}, 49.0, 100.0, "failed"),
        ({"a": FAILURE, "b": SUCCESS}, 50.0, 0.0, "completed"),
        ({"a": FAILURE, "b": FAILURE}, 100.0, 0.0, "completed"),
        ({"a": QUEUED, "b": SUCCESS}, 100.0, 49.0, "failed"),
        ({"a": QUEUED, "b": SUCCESS}, 0.0, 50.0, "pending"),
        ({"a": QUEUED, "b": FAILURE}, 50.0, 0.0, "failed"),
        ({"a": QUEUED, "b": FAILURE}, 0.0, 50.0, "failed"),
        ({"a": QUEUED, "b": FAILURE}, 50.0, 50.0, "pending"),
        ({"a": "Command Unheard Of", "b": TIME_OUT}, 50.0, 50.0, "pending"),
    ],
)
def test_failed_and_unanswered_devices_have_separate_limits(
    server: Server, client: Client, waited: Clock, states: dict[str, str], failed: float, unanswered: float, state: str
) -> None:
    server.app = Service([states])
    limits = {"max_fail_percentage": failed, "max_unanswered_percentage": unanswered}
    result = follow(client, wait_timeout=5.0, **limits)
    assert result["state"] == state
    assert result.get("failed", False) is (state == "failed")
    assert len(result["failed_devices"]) == sum(device_state != SUCCESS for device_state in states.values())


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("max_fail_percentage", -0.1),
        ("max_fail_percentage", 100.0001),
        ("max_fail_percentage", float("nan")),
        ("max_unanswered_percentage", 101.0),
        ("wait_timeout", -1.0),
        ("wait_timeout", 604_801.0),
        ("wait_timeout", float("inf")),
        ("wait_timeout", float("nan")),
    ],
)
def test_options_out_of_range_are_rejected(option: str, value: float) -> None:
    check_wait(DEFAULTS)
    with pytest.raises(InvalidParameter, match=f"Invalid {option}: {value:.15g}. It must be "):
        check_wait({**DEFAULTS, "wait": False, option: value})


@pytest.mark.parametrize(("part", "total", "percentage"), [(69, 1500, 4.6), (77, 1375, 5.6), (1, 10, 10), (0, 0, 0.0)])
def test_a_percentage_is_exact_at_its_limit(part: int, total: int, percentage: float) -> None:
    assert not exceeds(part, total, percentage)
    assert exceeds(part + 1, total, percentage)


def test_all_numbers_are_from_the_same_moment(server: Server, client: Client, waited: Clock) -> None:
    # The devices complete the command between the statistics and the list of devices.
    late = Service([{"a": QUEUED, "b": QUEUED}])
    done = Service([{"a": SUCCESS, "b": FAILURE}], {"b": "No room"})
    server.app = lambda request: (late if request.path.endswith("/stats/") else done)(request)
    result = follow(client, wait_timeout=0.0)
    assert result["counts"] == {**NONE, "succeeded": 1, "failed": 1}
    assert result["msg"] == "The command LOCK: 1 of 2 devices failed: B (No room)."
    assert [row["name"] for row in result["failed_devices"]] == ["B"]


def test_devices_that_are_not_listed_are_pending(server: Server, client: Client, waited: Clock) -> None:
    server.app = Service([{"a": FAILURE}])
    result = follow(client, wait_timeout=0.0)
    assert result["counts"] == {**NONE, "failed": 1, "pending": 1}
    assert [(row["id"], row["state"]) for row in result["failed_devices"]] == [("a", "failed"), ("b", "pending")]


def test_offline_devices_can_be_left_out(server: Server, client: Client, waited: Clock) -> None:
    service = Service([{"a": QUEUED, "b": QUEUED, "c": QUEUED}, {"a": SUCCESS, "b": QUEUED, "c": QUEUED}])
    server.app = service
    result = follow(client, "abc", online={"a"})
    assert (result["state"], result["failed_devices"]) == ("completed", [])
    assert result["counts"] == {**NONE, "succeeded": 1, "offline": 2}
    assert service.seen == 2
    # An offline device that reports a failure counts, as one of the devices that the task waits for.
    server.app = Service([{"a": SUCCESS, "b": FAILURE, "c": QUEUED}])
    limits = {"max_fail_percentage": 40.0}
    result = follow(client, "abc", online={"a"}, **limits)
    assert result["msg"] == "The command LOCK: 1 of 2 devices failed: B (failed)."
    assert result["counts"] == {**NONE, "succeeded": 1, "failed": 1, "offline": 1}


def test_the_wait_ends_at_once_if_all_devices_are_offline(server: Server, client: Client, waited: Clock) -> None:
    server.app = Service([{"a": QUEUED, "b": QUEUED}])
    result = follow(client, online=set())
    assert (result["state"], result["counts"]["offline"], waited.waits) == ("completed", 2, [])


def test_commands_of_earlier_tasks_are_waited_for(server: Server, client: Client, waited: Clock) -> None:
    """Read the earlier commands of some devices only. Device b also has a newer command, which does not count."""
    states = [{"c": QUEUED, "d": QUEUED}, {"c": SUCCESS, "d": FAILURE}]
    asked: list[Row] = []

    def app(request: Request) -> Reply:
        asked.append(request.query)
        now = states[min(len(asked), len(states)) - 1]
        rows = [{"id": id_, "request": "old", "device": id_, "state": state} for id_, state in now.items()]
        rows.append({"id": "other", "request": "older", "device": "c", "state": FAILURE})
        return answers({"content": {"count": len(rows), "results": rows}})

    server.app = app
    result = follow(client, "", earlier={"c": "old", "d": "old"})
    assert result["counts"] == {**NONE, "succeeded": 1, "failed": 1}
    assert result["msg"] == "The command LOCK: 1 of 2 devices failed: D (failed)."
    assert {(query["request"], query["device"]) for query in asked} == {("old", "c,d")}


@pytest.mark.parametrize(
    "body", [None, 1, [], "x", {"status": 1}, {"status": [1, None, {"total": "x"}, {"total": {}}]}]
)
def test_a_damaged_status_counts_as_no_result(server: Server, client: Client, waited: Clock, body: t.Any) -> None:
    listed = {"count": 1, "results": [{"id": "s1", "device": ["a"], "state": {}, "reason": 5}]}
    server.app = lambda request: answers({"content": body if request.path.endswith("/stats/") else listed})
    assert follow(client, wait_timeout=0.0)["counts"]["pending"] >= 2


def test_a_wait_can_exceed_the_deadline(server: Server, client: Client, waited: Clock) -> None:
    server.app = Service([*[{"a": QUEUED, "b": QUEUED}] * 60, {"a": SUCCESS, "b": SUCCESS}])
    result = follow(client, wait_timeout=3600.0)
    assert result["state"] == "completed"
    assert sum(waited.waits) > client.connection.timeout + 300


def command(number: int, **args: t.Any) -> Row:
    return {"id": f"c{number}", "command_args": args, "created_at": f"2026-03-01T09:30:0{number}Z"}


def status(request: str, device: str, state: str) -> Row:
    return {"id": f"{request}{device}", "request": request, "device": device, "state": state}


def answering(commands: list[Row], statuses: list[Row]) -> t.Callable[[Request], Reply]:
    def app(request: Request) -> Reply:
        rows = statuses if "/status/" in request.path else commands
        return answers({"content": {"count": len(rows), "results": rows}})

    return app


def test_the_newest_pending_command_of_a_device_decides(server: Server, client: Client) -> None:
    commands = [command(2, x=2), command(3, x=3), command(1, x=1), command(4, y=4)]
    statuses = [
        *(status("c2", device, QUEUED) for device in "ab"),
        # Newer than the pending one, but complete.
        *(
            status("c3", device, state)
            for device, state in zip("abcd", [SUCCESS, WORKING, SUCCESS, FAILURE], strict=True)
        ),
        *(status("c1", device, SUCCESS) for device in "abcd"),
        *(status("c4", device, QUEUED) for device in "abcd"),
        status("other", "a", QUEUED),
    ]
    server.app = answering(commands, statuses)
    found = latest_commands(TenantView(client), "LOCK", list("abcd"), lambda args: "x" in args)
    decided = {device: (latest.args["x"], latest.is_pending) for device, latest in found.items()}
    assert decided == {"a": (2, True), "b": (3, True), "c": (3, False), "d": (1, False)}


def test_commands_without_effect_do_not_decide(server: Server, client: Client) -> None:
    server.app = answering([command(1)], [status("c1", "a", FAILURE), status("c1", "b", TIME_OUT)])
    assert latest_commands(TenantView(client), "LOCK", ["a", "b"]) == {}


def test_many_devices_take_several_requests(server: Server, client: Client) -> None:
    asked: list[int] = []

    def app(request: Request) -> Reply:
        asked.append(len(request.query["devices"].split(",")))
        return answers({"content": {"count": 0, "results": None}})

    server.app = app
    assert latest_commands(TenantView(client), "LOCK", [str(n) for n in range(120)]) == {}
    assert sorted(asked) == [20, 50, 50]
