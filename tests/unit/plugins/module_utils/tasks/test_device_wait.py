# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait for devices, against a list of devices that changes with each poll."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import EsperError
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.task import ModuleResult, RunContext
from ansible_collections.esper.cloud.plugins.module_utils.tasks import polling
from ansible_collections.esper.cloud.plugins.module_utils.tasks.device_wait import DEVICE_WAIT
from ansible_collections.esper.cloud.tests.unit.service import Clock, Reply, Request, Server, answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client

Row = dict[str, t.Any]
ONLINE, DISABLED, BRANDING, OFFLINE = 1, 20, 130, 60
ROOT, BERLIN, HAMBURG = (f"00000000-0000-4000-9000-{number:012d}" for number in range(3))
POINT_OF_SALE, SIGNAGE = (f"00000000-0000-4000-a000-{number:012d}" for number in range(2))
FIRST, SECOND, DRAFT = (f"00000000-0000-4000-b000-{number:012d}" for number in range(3))


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def device(number: int, **more: t.Any) -> Row:
    names = {"id": uuid(number), "name": f"DEV-{number}", "alias": None, "serial": f"S{number}"}
    return {**names, "state": ONLINE, "group_id": BERLIN, "last_seen": "2026-03-01T09:30:00Z", **more}


def runs(version: str | None, blueprint: str | None = POINT_OF_SALE, assigned: str | None = POINT_OF_SALE) -> Row:
    keys = ("assigned_blueprint_id", "current_blueprint_id", "current_blueprint_version_id")
    return {"blueprint_info": dict(zip(keys, (assigned, blueprint, version), strict=True))}


@dataclass
class Tenant:
    """A tenant whose devices are those of the next state after each pause of the task."""

    clock: Clock
    states: list[list[Row]]
    sent: list[Request] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        return self.states[min(len(self.clock.waits), len(self.states) - 1)]

    def __call__(self, request: Request) -> Reply:
        self.sent.append(request)
        path, query = request.path.removeprefix("/api"), request.query
        if path.endswith("/devicegroup/"):
            return answers(_page(_groups()))
        if path == "/v2/blueprints/":
            return answers(
                {"content": _page([_blueprint(POINT_OF_SALE, "Point of Sale"), _blueprint(SIGNAGE, "Signage")])}
            )
        if path.endswith("/versions/"):
            return answers({"content": _page(_versions() if POINT_OF_SALE in path else [])})
        if path.startswith("/v2/blueprints/"):
            return answers({"content": _blueprint(path.split("/")[3], "Point of Sale")})
        if path == "/v2/devices/":
            return answers({"content": _page([row for row in self.rows if _matches(row, query)])})
        found = [row for row in self.rows if path.endswith(row["id"])]
        return answers({"content": found[0]}) if found else answers({"message": "Not found."}, 404)

    def paths(self) -> list[str]:
        return [request.path for request in self.sent]


def _page(rows: list[Row]) -> Row:
    return {"count": len(rows), "next": None, "prev": None, "results": rows}


def _groups() -> list[Row]:
    tree = ((ROOT, "All devices", None), (BERLIN, "Berlin", ROOT), (HAMBURG, "Hamburg", ROOT))
    paths = {ROOT: "All devices", BERLIN: "All devices/Berlin", HAMBURG: "All devices/Hamburg"}
    return [{"id": id_, "name": name, "parent": parent, "path": paths[id_]} for id_, name, parent in tree]


def _blueprint(id_: str, name: str) -> Row:
    published = SECOND if id_ == POINT_OF_SALE else None
    return {"id": id_, "name": name, "settings": {}, "latest_published_version_id": published}


def _versions() -> list[Row]:
    numbers = ((DRAFT, 3, False), (SECOND, 2, True), (FIRST, 1, True))
    return [
        {"version_id": id_, "version_number": number, "publish": is_published, "settings": {}}
        for id_, number, is_published in numbers
    ]


def _matches(row: Row, query: Row) -> bool:
    if search := query.get("search"):
        return any(search.lower() in str(row[key]).lower() for key in ("name", "alias", "serial"))
    group, blueprint = query.get("group_multi"), query.get("assigned_blueprint_id")
    assigned = row.get("blueprint_info", {}).get("assigned_blueprint_id")
    return group in (None, ROOT, row["group_id"]) and blueprint in (None, assigned)


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Clock:
    monkeypatch.setattr(polling, "time", clock)
    return clock


class Task:
    def __init__(self, server: Server, client: Client, clock: Clock) -> None:
        self._server, self._client, self._clock = server, client, clock
        self.progress: list[str] = []
        self.tenant = Tenant(clock, [[]])

    def run(self, *states: list[Row], until: Row, check_mode: bool = False, **params: t.Any) -> Row:
        """Wait for devices, whose states follow each other. The last one is permanent."""
        self.tenant = self._server.app = Tenant(self._clock, list(states))
        defaults = {name: spec.get("default") for name, spec in DEVICE_WAIT.options.items()}
        conditions = {"state": None, "group": None, "blueprint": None, "version": None, **until}
        context = RunContext(check_mode=check_mode, progress=self.progress.append)
        found = DEVICE_WAIT.run(TenantView(self._client), {**defaults, **params, "until": conditions}, context)
        assert isinstance(found, ModuleResult)
        assert found.result["changed"] is False
        return found.result


@pytest.fixture
def task(server: Server, client: Client, waited: Clock) -> Task:
    return Task(server, client, waited)


def test_the_wait_ends_when_all_devices_have_been_online_once(task: Task, waited: Clock) -> None:
    off = {"state": OFFLINE}
    states = [[device(1), device(2, **off)], [device(1, **off), device(2, **off)], [device(1, **off), device(2)]]
    result = task.run(*states, until={"state": "online"}, devices=["DEV-1", "S2"])
    assert result == {
        "changed": False,
        "state": "completed",
        "device_count": 2,
        "ready_count": 2,
        "waiting_devices": [],
    }
    assert waited.waits == pytest.approx([1.0, 1.5])
    assert task.progress == ["1 of 2 devices ready, 1 waiting: DEV-2 (state is offline)"] * 2
    # The device that is ready is not read again.
    searched = [request.query["search"] for request in task.tenant.sent]
    # The first two are sent at the same time.
    assert [*sorted(searched[:2]), *searched[2:]] == ["DEV-1", "S2", "S2", "S2"]


def test_a_device_can_be_enrolled_during_the_wait(task: Task) -> None:
    states = [[device(1, state=DISABLED)], [device(1, state=DISABLED), device(2, serial="S1", state=BRANDING)]]
    states += [[device(1, state=DISABLED), device(2, serial="S1", state=OFFLINE)]]
    result = task.run(*states, until={"state": "enrolled"}, devices=["S1", "SOON"], wait_timeout=5.0)
    assert (result["state"], result["ready_count"]) == ("failed", 1)
    assert result["waiting_devices"] == [
        {
            "id": None,
            "name": "SOON",
            "state": None,
            "last_seen": None,
            "unmet": ["state"],
            "unknown": [],
            "reason": "not found",
        }
    ]
    assert result["msg"] == (
        "1 of 2 devices did not meet the conditions in 5 s: SOON (not found). Increase wait_timeout, or check these"
        " devices (see waiting_devices)."
    )


def test_many_devices_take_one_request_for_each_poll(task: Task) -> None:
    before = [device(index, state=OFFLINE) for index in range(60)]
    after = [device(index) for index in range(60)]
    task.run(before, before, after, until={"state": "online"}, groups=["Berlin"])
    assert task.tenant.paths().count("/api/v2/devices/") == 3
    assert len(task.tenant.sent) == 4


def test_devices_that_leave_the_selection_are_still_read(task: Task) -> None:
    before, after = device(1, group_id=HAMBURG), device(1, group_id=BERLIN)
    result = task.run([before], [after], until={"group": "Berlin"}, groups=["Hamburg"])
    assert (result["state"], result["ready_count"]) == ("completed", 1)


@pytest.mark.parametrize(
    ("until", "row", "unmet", "unknown"),
    [
        ({"state": "enrolled"}, device(1, state=OFFLINE), [], []),
        ({"state": "enrolled"}, device(1, state=DISABLED), ["state"], []),
        ({"state": "online"}, device(1, state=None), ["state"], ["state"]),
        ({"group": "All devices"}, device(1), [], []),
        ({"group": "Hamburg"}, device(1), ["group"], []),
        ({"group": "Hamburg", "state": "online"}, device(1, state=OFFLINE), ["state", "group"], []),
        ({"group": "Hamburg"}, device(1, group_id=None), ["group"], ["group"]),
        ({"blueprint": "Point of Sale"}, device(1, **runs(FIRST)), [], []),
        ({"blueprint": "Signage"}, device(1, **runs(FIRST)), ["blueprint"], []),
        ({"blueprint": "Point of Sale"}, device(1), ["blueprint"], ["blueprint"]),
        ({"blueprint": "Point of Sale", "version": "1"}, device(1, **runs(FIRST)), [], []),
        ({"blueprint": "Point of Sale", "version": FIRST.upper()}, device(1, **runs(FIRST)), [], []),
        ({"blueprint": "Point of Sale", "version": "1"}, device(1, **runs(SECOND)), ["version"], []),
        ({"blueprint": "Point of Sale", "version": "latest"}, device(1, **runs(SECOND)), [], []),
        ({"version": "latest"}, device(1, **runs(SECOND)), [], []),
        ({"version": "latest"}, device(1, **runs(FIRST)), ["version"], []),
        ({"version": "latest"}, device(1, **runs(SECOND, blueprint=SIGNAGE)), ["version"], []),
        ({"version": "latest"}, device(1, **runs(None)), ["version"], ["version"]),
        ({"version": "latest"}, device(1, **runs(FIRST, SIGNAGE, SIGNAGE)), ["version"], ["version"]),
        ({"version": "latest"}, device(1, blueprint_info="none"), ["version"], ["version"]),
    ],
)
def test_the_result_says_which_conditions_are_unmet_and_unknown(
    task: Task, until: Row, row: Row, unmet: list[str], unknown: list[str]
) -> None:
    result = task.run([row], until=until, devices=["DEV-1"], wait_timeout=0.0, max_waiting_percentage=100.0)
    waiting = result["waiting_devices"]
    assert result["state"] == ("pending" if unmet else "completed")
    assert [each["unmet"] for each in waiting] == ([unmet] if unmet else [])
    assert [each["unknown"] for each in waiting] == ([unknown] if unmet else [])


def test_check_mode_reads_once_and_does_not_fail(task: Task, waited: Clock) -> None:
    row = device(1, state=OFFLINE)
    result = task.run([row], [device(1)], until={"state": "online"}, devices=["DEV-1"], check_mode=True)
    assert (result["state"], result["ready_count"], waited.waits) == ("pending", 0, [])


def test_a_percentage_of_the_devices_can_miss_the_conditions(task: Task) -> None:
    rows = [device(1, state=OFFLINE), *(device(index) for index in range(2, 11))]
    params: Row = {"until": {"state": "online"}, "groups": ["Berlin"], "wait_timeout": 3.0}
    assert task.run(rows, **params, max_waiting_percentage=10.0)["state"] == "pending"
    assert task.run(rows, **params, max_waiting_percentage=9.0)["state"] == "failed"


def test_a_device_with_two_names_counts_once(task: Task) -> None:
    result = task.run([device(1)], until={"state": "online"}, devices=["DEV-1", "S1"])
    assert (result["device_count"], result["ready_count"]) == (1, 1)


@pytest.mark.parametrize(
    ("until", "params", "message"),
    [
        ({"version": "2"}, {}, "The option until.version requires until.blueprint, unless it is 'latest'."),
        (
            {"blueprint": "Point of Sale", "version": "9"},
            {},
            "Published versions of the blueprint 'Point of Sale': 2, 1.",
        ),
        ({"blueprint": "Signage", "version": "latest"}, {}, "The blueprint 'Signage' has no published version."),
        ({"group": "Berlim"}, {}, "Did you mean 'Berlin'?"),
        ({"state": "online"}, {"devices": []}, "The option devices is empty, so no device is selected."),
        ({"state": "online"}, {"wait_timeout": -1.0}, "Invalid wait_timeout: -1."),
        ({"state": "online"}, {"max_waiting_percentage": 101.0}, "Invalid max_waiting_percentage: 101."),
    ],
)
def test_invalid_conditions_are_rejected_before_the_wait(task: Task, until: Row, params: Row, message: str) -> None:
    with pytest.raises(EsperError) as error:
        task.run([device(1, **runs(FIRST))], until=until, **{"devices": ["DEV-1"], **params})
    assert message in str(error.value)
