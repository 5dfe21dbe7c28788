# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop of the event source: the queue, waits, errors, and a day with many changes."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import typing as t
import uuid
from functools import partial
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import (
    ApiError,
    ConfigurationError,
    InvalidParameter,
    NotFound,
)
from ansible_collections.esper.cloud.plugins.module_utils.events import poller as poller_module
from ansible_collections.esper.cloud.plugins.module_utils.events.options import Options
from ansible_collections.esper.cloud.plugins.module_utils.events.poller import Poller
from ansible_collections.esper.cloud.plugins.module_utils.events.source import pause, run
from ansible_collections.esper.cloud.tests.laws.world import KEY, World
from ansible_collections.esper.cloud.tests.unit.plugins.module_utils.events.sources import NOW, Row
from process import ENTERPRISE_ID

OFFLINE, ONLINE = 60, 1


class Stop(Exception):
    """Ends the loop of a source."""


class Day:
    """A clock for the loop: each wait runs the next step of a test, and the last one ends the loop."""

    def __init__(self, *steps: t.Callable[[], object]) -> None:
        self.steps = list(steps)
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if not self.steps:
            raise Stop
        await asyncio.to_thread(self.steps.pop(0))


class Queue:
    """A queue that takes all events, and notes the thread that puts them."""

    def __init__(self) -> None:
        self.events: list[Row] = []

    async def put(self, event: Row) -> None:
        self.events.append(event["esper"])


def arguments(world: World, tmp_path: Path, **args: t.Any) -> Row:
    given = {"api_url": world.simulator.url, "api_key": KEY, "state_file": str(tmp_path / "events.db")}
    return {**given, "changes": ["device_offline", "device_online"], **args}


def watch(args: Row, queue: t.Any, *steps: t.Callable[[], object]) -> list[float]:
    """Run a source through some steps, one after each poll, and return its waits."""
    day = Day(*steps)
    with pytest.raises(Stop):
        asyncio.run(run(queue, args, sleep=day.sleep, chance=lambda: 0.5))
    return day.waits


def test_the_source_hands_over_each_change_once(world: World, tmp_path: Path, devices: list[Row]) -> None:
    queue, args = Queue(), arguments(world, tmp_path, interval=30)
    change = partial(world.simulator.set_devices, [devices[0]["id"]], state=OFFLINE, last_seen=NOW)
    assert watch(args, queue, change, lambda: None, lambda: None) == [30.0] * 4
    assert [event["type"] for event in queue.events] == ["device_offline"]
    watch(args, queue, lambda: None)
    assert len(queue.events) == 1


def test_a_storm_of_429_delays_and_loses_nothing(world: World, tmp_path: Path, devices: list[Row]) -> None:
    queue, args = Queue(), arguments(world, tmp_path, interval=30, retries=0)

    def storm() -> None:
        world.simulator.set_devices([devices[0]["id"]], state=OFFLINE, last_seen=NOW)
        world.simulator.fault(kind="status", status=429, times=4)

    waits = watch(args, queue, storm, *[lambda: None] * 5)
    # Three quarters of 60, 120, 240 and 480 s, and the interval after a poll that succeeded.
    assert waits == [30.0, 45.0, 90.0, 180.0, 360.0, 30.0, 30.0]
    assert [event["type"] for event in queue.events] == ["device_offline"]


def test_a_full_queue_stops_the_polls_and_not_the_loop(world: World, tmp_path: Path, devices: list[Row]) -> None:
    args = arguments(world, tmp_path)
    taken: list[Row] = []
    ticks = 0

    async def scenario() -> None:
        nonlocal ticks
        queue: asyncio.Queue[Row] = asyncio.Queue(1)
        steps = [
            lambda: world.simulator.set_devices([each["id"] for each in devices[:5]], state=OFFLINE, last_seen=NOW)
        ]
        task = asyncio.create_task(run(queue, args, sleep=Day(*steps).sleep))
        while not queue.full():
            await asyncio.sleep(0.001)
            ticks += 1
        requests = len(world.simulator.journal())
        await asyncio.sleep(0.05)
        assert len(world.simulator.journal()) == requests
        while len(taken) < 5:
            taken.append(await queue.get())
        with pytest.raises(Stop):
            await task

    asyncio.run(scenario())
    # The loop was never blocked by a request.
    assert ticks > 5
    assert len({event["esper"]["device"]["id"] for event in taken}) == 5


def test_an_event_is_kept_until_the_queue_has_taken_it(world: World, tmp_path: Path, devices: list[Row]) -> None:
    args = arguments(world, tmp_path)

    class Broken(Queue):
        async def put(self, event: Row) -> None:
            raise Stop

    change = partial(world.simulator.set_devices, [devices[0]["id"]], state=OFFLINE, last_seen=NOW)
    watch(args, Broken(), change)
    queue = Queue()
    watch(args, queue)
    assert [event["device"]["name"] for event in queue.events] == [devices[0]["name"]]


def test_feedback_confirms_an_event(world: World, tmp_path: Path, devices: list[Row]) -> None:
    class Engine(Queue):
        """Confirms what it has taken, after an event of another source."""

        def __init__(self) -> None:
            super().__init__()
            self.stored: list[Row] = []

        async def put(self, event: Row) -> None:
            await super().put(event)
            self.stored += [{"meta": {"uuid": "other"}}, {"meta": {"uuid": event["esper"]["id"]}}]

        async def get(self) -> Row:
            if not self.stored:
                raise Stop
            return self.stored.pop(0)

    engine = Engine()
    args = arguments(world, tmp_path, feedback=True, eda_feedback_queue=engine)
    change = partial(world.simulator.set_devices, [each["id"] for each in devices[:2]], state=OFFLINE, last_seen=NOW)
    watch(args, engine, change)
    assert len(engine.events) == 2
    assert engine.stored == []


def test_a_cancelled_source_stops_its_requests(world: World, tmp_path: Path, devices: list[Row]) -> None:
    args = arguments(world, tmp_path, retries=5)
    world.simulator.fault(kind="status", status=503, retry_after=100, times=9)

    async def scenario() -> None:
        task = asyncio.create_task(run(Queue(), args))
        while not world.simulator.journal():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)

    asyncio.run(scenario())
    # The file is not locked.
    Poller(Options.from_args({**args}, {}), print).close()


class Tenant:
    """A client of a tenant whose devices all go offline and online in turn, without HTTP."""

    def __init__(self, number: int) -> None:
        self.hour = 0
        self._devices = [{"id": str(uuid.UUID(int=each)), "name": f"D-{each:05}"} for each in range(number)]

    def __call__(self, *_arguments: t.Any, **_options: t.Any) -> Tenant:
        return self

    def __enter__(self) -> Tenant:
        return self

    def __exit__(self, *_exception: object) -> None:
        pass

    warnings = ()
    throttle_count = 0

    def redact_all(self, value: t.Any) -> t.Any:
        return value

    def find_object(self, _path: str, *, ids: Row, purpose: str) -> Row:
        return next(self._row(each) for each in self._devices if each["id"] == ids["id"])

    def get(self, path: str, *, ids: t.Any = None, query: Row, purpose: str, **_options: t.Any) -> Row:
        assert path == "/v2/devices/"
        rows = [] if query.get("state") and self.hour % 2 == 0 else list(map(self._row, self._devices))
        offset = query.get("offset", 0)
        return {"count": len(rows), "results": rows[offset : offset + query["limit"]], "next": None}

    def _row(self, device: Row) -> Row:
        seen = f"2026-03-{1 + self.hour // 24:02}T{self.hour % 24:02}:00:00Z"
        state = OFFLINE if self.hour % 2 else ONLINE
        return {**device, "state": state, "last_seen": seen, "created_at": "2025-01-01T00:00:00Z"}


def test_a_day_with_many_changes_needs_little_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """10,000 changes in 50 polls, with a fake clock. The memory does not grow after the first polls."""
    number, polls = 200, 50
    tenant, file = Tenant(number), tmp_path / "events.db"
    monkeypatch.setattr(poller_module, "Client", tenant)
    count, sizes = 0, []

    class Counting:
        async def put(self, event: Row) -> None:
            nonlocal count
            count += 1

    def step() -> None:
        tenant.hour += 1
        if tenant.hour in (10, 30, polls):
            gc.collect()
            sizes.append(sys.getallocatedblocks())

    args: Row = {"tenant": "acme", "api_key": KEY, "enterprise_id": ENTERPRISE_ID, "state_file": str(file)}
    args |= {"changes": ["device_offline", "device_online"], "full_interval": 86_400}
    watch(args, Counting(), *[step] * polls)
    assert count == number * polls
    # One event has about 50 blocks of memory.
    assert max(sizes) - sizes[0] < 10_000
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.stat().st_size < 1_000_000


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"intervall": 5}, "Did you mean"),
        ({"interval": 0}, "Invalid interval"),
        ({"interval": "soon"}, "Invalid interval"),
        ({"changes": ["device_lost"]}, "Invalid changes: 'device_lost'"),
        ({"changes": ["device_ofline"]}, "Did you mean 'device_offline'"),
        ({"changes": []}, "Invalid changes: the list is empty"),
        ({"changes": [""]}, "Invalid changes: ''"),
        ({"groups": []}, "Invalid groups: the list is empty"),
        ({"groups": [""]}, "Invalid groups: a value is empty"),
        ({"tags": " "}, "Invalid tags: a value is empty"),
        ({"filters": []}, "not a dictionary"),
        ({"filters": {"state": "offline"}}, "option changes"),
        ({"filters": {"colour": "red"}}, "Unknown device filter"),
        ({"groups": ["Stores"], "filters": {"group_multi": ["Lab"]}}, "not both"),
        ({"hostnames": ["label"]}, "Invalid hostnames"),
    ],
)
def test_invalid_options_are_errors(args: Row, message: str) -> None:
    with pytest.raises(InvalidParameter, match=message):
        Options.from_args({"tenant": "acme", "api_key": KEY, **args}, {})


def test_the_environment_sets_the_connection() -> None:
    environment = {"ESPER_TENANT": "acme", "ESPER_API_KEY": KEY, "ESPER_VALIDATE_CERTS": "no", "ESPER_RETRIES": "2"}
    connection = Options.from_args({"interval": "90"}, environment).connection
    assert (connection.api_url, connection.api_key) == ("https://acme-api.esper.cloud/api", KEY)
    assert (connection.validate_certs, connection.retries) == (False, 2)
    # The key of the environment is for its tenant.
    with pytest.raises(ConfigurationError, match="another tenant"):
        Options.from_args({"tenant": "other"}, environment)


def test_a_rejected_key_and_an_unknown_group_end_the_source(world: World, tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="401"):
        asyncio.run(run(Queue(), arguments(world, tmp_path, api_key="wrong-key-1234")))
    with pytest.raises(NotFound, match="Nowhere"):
        asyncio.run(run(Queue(), arguments(world, tmp_path, groups=["Nowhere"])))


def test_a_state_file_that_is_used_or_damaged_is_an_error(world: World, tmp_path: Path) -> None:
    args = arguments(world, tmp_path)
    poller = Poller(Options.from_args(args, {}), print)
    with pytest.raises(ConfigurationError, match="another process uses it"):
        Poller(Options.from_args(args, {}), print)
    poller.close()
    (tmp_path / "events.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ConfigurationError, match="not a database"):
        Poller(Options.from_args(args, {}), print)
    mode = tmp_path.stat().st_mode
    with pytest.raises(ConfigurationError, match="not a file"):
        Poller(Options.from_args({**args, "state_file": str(tmp_path)}, {}), print)
    assert tmp_path.stat().st_mode == mode


def test_a_full_disk_ends_the_source_and_loses_nothing(world: World, tmp_path: Path, devices: list[Row]) -> None:
    poller = Poller(Options.from_args(arguments(world, tmp_path), {}), print)
    poller.poll()
    world.simulator.set_devices([each["id"] for each in devices], state=OFFLINE, last_seen=NOW)
    (pages,) = poller.store._base.execute("PRAGMA page_count").fetchone()
    poller.store._base.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ConfigurationError, match="disk is full"):
        poller.poll()
    poller.close()
    queue = Queue()
    watch(arguments(world, tmp_path), queue)
    assert sorted(event["device"]["id"] for event in queue.events) == sorted(each["id"] for each in devices)


def test_the_pause_grows_with_failures() -> None:
    assert [pause(60, failures, 1.0) for failures in (0, 1, 2, 3, 4, 50)] == [66, 120, 240, 480, 900, 900]
    assert pause(60, 2, 0.0) == 120
    assert threading.active_count() < 50
