# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait for an object that Esper completes by itself."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ApiError, InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.task import Effects, RunContext
from ansible_collections.esper.cloud.plugins.module_utils.tasks import polling
from ansible_collections.esper.cloud.plugins.module_utils.tasks.polling import Polling, check_timeout
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.tests.unit.conftest import Clock, MakeClient

Row = dict[str, t.Any]


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Clock:
    """The clock of the client, which the wait also uses."""
    monkeypatch.setattr(polling, "time", clock)
    return clock


def states(*names: str) -> t.Callable[[Request], Reply]:
    """Return a server with the next state at each request. The last one is permanent."""
    left = list(names)
    return lambda _request: answers({"id": "s1", "status": left.pop(0) if len(left) > 1 else left[0]})


def waits_for(client: Client, **attributes: t.Any) -> Polling:
    return Polling(
        title="The sync s1",
        read=lambda: client.get_object("/syncs/{id}/", ids={"id": "s1"}, purpose="Reading the sync s1"),
        status=lambda row: str(row["status"]),
        is_complete=lambda row: row["status"] in ("DONE", "FAILED"),
        to_result=lambda row: {"sync": {"id": row["id"], "status": row["status"]}},
        **attributes,
    )


def test_an_object_is_read_until_it_is_complete(server: Server, client: Client, waited: Clock) -> None:
    server.app, progress = states("QUEUED", "RUNNING", "DONE"), list[str]()
    context = RunContext(progress=progress.append)
    row = waits_for(client).wait(client, context, 60.0)
    assert row["status"] == "DONE"
    assert progress == ["The sync s1: QUEUED", "The sync s1: RUNNING"]
    assert waited.waits == pytest.approx([1.0, 1.5])
    assert context.effects.sentences == []


def test_the_wait_extends_the_deadline_and_its_pauses_grow(
    server: Server, make_client: MakeClient, waited: Clock
) -> None:
    server.app = states("RUNNING")
    client = make_client(server, deadline=5.0, timeout=10.0)
    waits_for(client, longest_pause=2.0).wait(client, RunContext(), 20.0)
    assert waited.waits[:4] == pytest.approx([1.0, 1.5, 2.0, 2.0])
    assert sum(waited.waits) == pytest.approx(20.0)


def test_a_wait_that_times_out_returns_the_id(server: Server, client: Client) -> None:
    server.app, waiting = states("RUNNING"), waits_for(client)
    row = waiting.wait(client, RunContext(), 0.0)
    assert waiting.timed_out(row, 0.0, "run the task again").result == {
        "failed": True,
        "changed": False,
        "msg": "The sync s1 has the status RUNNING after 0 s, and Esper continues with it. Increase wait_timeout, or"
        " run the task again.",
        "sync": {"id": "s1", "status": "RUNNING"},
    }


def test_a_wait_that_fails_leaves_the_last_state_for_the_result(server: Server, make_client: MakeClient) -> None:
    server.app, context = lambda _request: answers({"message": "Gone"}, 404), RunContext(effects=Effects())
    client = make_client(server)
    with pytest.raises(ApiError):
        waits_for(client).wait(client, context, 60.0, {"id": "s1", "status": "QUEUED"})
    # A task that changed nothing does not report a change.
    assert context.effects.added_to({"failed": True, "msg": "Gone."}) == {
        "failed": True,
        "msg": "Gone.",
        "sync": {"id": "s1", "status": "QUEUED"},
    }
    context.effects.add("The sync s1 was started.", sync=None)
    assert context.effects.added_to({"failed": True, "msg": "Gone."}) == {
        "failed": True,
        "changed": True,
        "msg": "Gone. The sync s1 was started.",
        "sync": {"id": "s1", "status": "QUEUED"},
    }


@pytest.mark.parametrize("timeout", [-1.0, 604_801.0, float("nan")])
def test_a_timeout_out_of_range_is_rejected(timeout: float) -> None:
    check_timeout(0.0)
    with pytest.raises(InvalidParameter, match="It must be from 0 to 604800"):
        check_timeout(timeout)
