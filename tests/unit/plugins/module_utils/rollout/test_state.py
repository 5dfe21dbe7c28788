# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.rollout.state import (
    MAX_FAILED_DEVICES,
    LeaseLost,
    RolloutBusy,
    StateStore,
    check_same,
    is_same,
    new_state,
    next_wave,
    record_failed,
    set_status,
    wave_state,
)

START = datetime(2026, 5, 4, 10, tzinfo=timezone.utc)
BLUEPRINTS = [{"id": "b1", "name": "Point of Sale", "former_version_id": "v1", "former_number": 7}]
APP = {"app": {"package_name": "com.example.till", "version_name": "2.1.0"}}
SAME: t.Any = {"tenant": "demo.example.com", "blueprints": BLUEPRINTS, "target": APP}


class FakeTime:
    """A clock that moves while a store waits, and what happens then."""

    def __init__(self) -> None:
        self.now = START
        self.meanwhile: t.Callable[[], None] = lambda: None

    def pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.meanwhile()


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "rollout.json"


def store(path: Path | None, run: str, time: FakeTime, **options: t.Any) -> StateStore:
    shown = None if path is None else str(path)
    return StateStore(shown, run=run, clock=lambda: time.now, pause=time.pause, **options)


def planned() -> dict[str, t.Any]:
    waves = [{"name": name, "percent": None, "hash_limit": None} for name in ("Lab", "Pilot")]
    return new_state(**SAME, seed="seed", waves=waves, started_at=START)


def test_state_is_saved_with_a_lease(path: Path, time: FakeTime) -> None:
    first = store(path, "one", time)
    assert first.claim() is None
    first.save(planned())
    saved = json.loads(path.read_text())
    assert saved["lease"] == {"run": "one", "until": "2026-05-04T10:01:00Z"}
    assert saved["blueprints"][0]["former_version_id"] == "v1"
    assert {row["name"]: row["status"] for row in saved["waves"]} == {"Lab": "pending", "Pilot": "pending"}
    assert first.resume() == saved
    assert path.stat().st_mode & 0o077 == 0
    # No partial file is left.
    assert {each.name for each in path.parent.iterdir()} == {"rollout.json", ".rollout.json.lock"}


def test_only_one_of_two_first_runs_can_save(path: Path, time: FakeTime) -> None:
    first, second = store(path, "one", time), store(path, "two", time)
    assert first.claim() is second.claim() is None
    second.save(planned())
    with pytest.raises(LeaseLost, match=f"Another run took over the rollout in '{re.escape(str(path))}'"):
        first.save(planned())


def test_second_run_waits_for_a_killed_one_and_takes_over(path: Path, time: FakeTime) -> None:
    first, second = store(path, "one", time), store(path, "two", time)
    first.claim()
    first.save(planned())
    state = second.claim()
    assert state is not None
    assert time.now - START == timedelta(seconds=60)
    assert state["lease"]["run"] == "two"
    # The first one was not killed, but stopped for a while.
    for late in (lambda: first.save(planned()), first.renew, first.resume):
        with pytest.raises(LeaseLost):
            late()
    assert second.resume() == state


def test_second_run_fails_while_the_first_one_works(path: Path, time: FakeTime) -> None:
    first, second = store(path, "one", time), store(path, "two", time)
    first.claim()
    first.save(planned())
    time.meanwhile = first.renew
    with pytest.raises(RolloutBusy, match=r"Another run works on the rollout in '.*' until 2026-05-04T10:01:20Z"):
        second.claim()
    assert time.now - START < timedelta(seconds=30)
    first.save(planned())


def test_run_that_ended_does_not_hold_the_next_one_up(path: Path, time: FakeTime) -> None:
    first, second, third = (store(path, name, time) for name in ("one", "two", "three"))
    first.claim()
    first.save(planned())
    first.release()
    assert second.claim() is not None
    second.release()
    assert time.now == START
    # A run that lost its lease must not save an old state, also if nobody works on the rollout now.
    with pytest.raises(LeaseLost):
        first.save(planned())
    first.release()
    assert third.claim() is not None


def test_same_run_goes_on_after_the_end_of_its_lease(path: Path, time: FakeTime) -> None:
    first = store(path, "one", time)
    first.claim()
    first.save(planned())
    time.now += timedelta(hours=1)
    first.save(planned())
    assert store(path, "one", time).claim() is not None


def test_renewal_writes_only_after_a_third_of_the_lease(path: Path, time: FakeTime) -> None:
    first = store(path, "one", time)
    first.claim()
    first.save(planned())
    before = path.stat().st_ino
    time.now += timedelta(seconds=19)
    first.renew()
    assert path.stat().st_ino == before
    time.now += timedelta(seconds=1)
    first.renew()
    assert json.loads(path.read_text())["lease"]["until"] == "2026-05-04T10:01:20Z"


def test_lease_that_is_longer_than_ones_own_is_not_waited_for(path: Path, time: FakeTime) -> None:
    first = store(path, "one", time, lease=3600)
    first.claim()
    first.save(planned())
    with pytest.raises(RolloutBusy):
        store(path, "two", time).claim()
    assert time.now - START < timedelta(seconds=70)


def test_many_claims_at_the_same_time_have_one_winner(path: Path) -> None:
    barrier, winners, losers = threading.Barrier(8), [], []

    def run(name: str) -> None:
        mine = StateStore(str(path), run=name)
        mine.claim()
        barrier.wait()
        try:
            mine.save(planned())
            winners.append(name)
        except LeaseLost:
            losers.append(name)

    threads = [threading.Thread(target=run, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(winners), len(losers)) == (1, 7)
    assert json.loads(path.read_text())["lease"]["run"] == winners[0]


def test_killed_process_leaves_a_state_that_the_next_run_takes_over(path: Path) -> None:
    program = (
        "import sys, time\n"
        "from ansible_collections.esper.cloud.plugins.module_utils.rollout.state import StateStore\n"
        f"store = StateStore({str(path)!r}, run='one', lease=1)\n"
        "store.claim()\n"
        f"store.save({planned()!r})\n"
        "with store._locked():\n"
        "    print('locked', flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=_environment()
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "locked\n"
        with pytest.raises(RolloutBusy, match="Another process has the lock"):
            StateStore(str(path), run="two", pause=lambda _seconds: None).claim()
        child.send_signal(signal.SIGKILL)
        child.wait()
    state = StateStore(str(path), run="two").claim()
    assert state is not None
    assert state["lease"]["run"] == "two"


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_check_mode_writes_nothing(path: Path, time: FakeTime) -> None:
    dry = store(path, "one", time, read_only=True)
    assert dry.claim() is None
    state = planned()
    dry.save(state)
    dry.renew()
    dry.release()
    assert dry.resume() == state
    assert not path.parent.exists()


def test_state_as_data(time: FakeTime) -> None:
    assert store(None, "one", time, data={}).claim() is None
    state = planned()
    again = store(None, "two", time, data=state)
    assert again.claim() == state
    set_status(state, "running")
    again.save(state)
    again.release()
    assert again.resume() == state
    with pytest.raises(InvalidParameter, match="The data is not a valid state of a rollout"):
        store(None, "one", time, data={"format": 1}).claim()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a valid state of a rollout. Restore it from a backup."),
        ("[]", "is not a valid state"),
        ('{"format": 1, "status": "running"}', "is not a valid state"),
        ('{"format": true}', "is not a valid state"),
        ("[" * 100_000, "is not a valid state"),
        ('{"format": 2}', "has the state of a rollout in format 2, but this version of esper.cloud knows format 1"),
    ],
)
def test_invalid_files(path: Path, time: FakeTime, text: str, message: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(InvalidParameter, match=re.escape(message)):
        store(path, "one", time).claim()
    assert path.read_text() == text


def test_file_that_cannot_be_read_or_locked(tmp_path: Path, time: FakeTime) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(InvalidParameter, match="Cannot read"):
        store(tmp_path / "directory", "one", time).claim()
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidParameter, match="Cannot lock"):
        store(tmp_path / "file" / "state.json", "one", time).claim()
    (tmp_path / ".state.json.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidParameter, match="Cannot lock"):
        store(tmp_path / "state.json", "one", time).claim()


def test_another_rollout_is_named_with_what_to_do() -> None:
    state = planned()
    assert is_same(state, **SAME)
    check_same(state, **SAME)
    other: t.Any = {
        "tenant": "other.example.com",
        "blueprints": [{"id": "b2", "name": "Kiosk"}],
        "target": {"version": "12"},
    }
    assert not is_same(state, **other)
    with pytest.raises(InvalidParameter) as caught:
        check_same(state, **other)
    assert str(caught.value) == (
        "Another rollout is planned: its tenant is demo.example.com, that of the task other.example.com; its version is"
        " com.example.till 2.1.0, that of the task version 12; its blueprints are 'Point of Sale', those of the task"
        " 'Kiosk'. Complete it or go back with its own values, use another state file, or set restart to true to forget"
        " it."
    )
    twin: t.Any = {**SAME, "blueprints": [{"id": "b2", "name": "Point of Sale"}]}
    with pytest.raises(InvalidParameter, match="its blueprints are 'b1', those of the task 'b2'"):
        check_same(state, **twin)


def test_next_wave_skips_those_that_are_over() -> None:
    state = planned()
    assert next_wave(state) == "Lab"
    wave_state(state, "Lab")["status"] = "failed"
    assert next_wave(state) == "Lab"
    wave_state(state, "Lab")["continued"] = True
    assert next_wave(state) == "Pilot"
    wave_state(state, "Pilot")["status"] = "passed"
    assert next_wave(state) is None
    with pytest.raises(KeyError):
        wave_state(state, "Rest")


def test_state_keeps_the_first_failed_devices_and_the_number_of_all() -> None:
    state = planned()
    part = wave_state(state, "Lab")
    record_failed(part, [{"id": str(number)} for number in range(MAX_FAILED_DEVICES + 5)])
    assert part["failed_count"] == len(part["failed_devices"]) + 5
    assert wave_state(state, "Pilot")["failed_devices"] == []


def test_status() -> None:
    state = planned()
    set_status(state, "failed", reason="Too many are offline", ended_at=START)
    assert (state["status"], state["reason"], state["ended_at"]) == (
        "failed",
        "Too many are offline",
        "2026-05-04T10:00:00Z",
    )
    with pytest.raises(ValueError, match="unknown status: broken"):
        set_status(state, "broken")
