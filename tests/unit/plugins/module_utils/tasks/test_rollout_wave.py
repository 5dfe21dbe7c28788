# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One wave of a rollout against the simulator: what is sent to which devices, and when the wave passes."""

from __future__ import annotations

import contextlib
import json
import threading
import typing as t
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.http.transport import Transport
from ansible_collections.esper.cloud.plugins.module_utils.rollout.state import StateStore, new_state
from ansible_collections.esper.cloud.plugins.module_utils.tasks import rollout_wave, rollout_window
from ansible_collections.esper.cloud.tests.laws.world import KEY, Run, World
from ansible_collections.esper.cloud.tests.unit.plugins.module_utils.tasks.test_event_query import counted, no_null
from ansible_collections.esper.cloud.tests.unit.service import Clock

Row = dict[str, t.Any]

NAME, PACKAGE, VERSION = "Point of Sale", "com.example.till", "1.9.1"
COMMANDS, STATUS = "/commands/v0/commands/", "/commands/v0/status/"
ONLINE, OFFLINE, DISABLED = 1, 60, 20
START = datetime(2026, 3, 1, 9, 30, tzinfo=timezone.utc)
OPEN = Transport.open


@dataclass
class Rollout:
    """A rollout of a blueprint with 40 online devices. ``time`` is that of the module and of its leases."""

    world: World
    clock: Clock
    waves: list[Row]
    health: Row = field(default_factory=dict)
    options: Row = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.world.folder / "rollout.json"

    @property
    def tenant(self) -> t.Any:
        return self.world.simulator._server._service.tenant

    @property
    def state(self) -> Row:
        return t.cast(Row, json.loads(self.path.read_text()))

    @property
    def devices(self) -> list[t.Any]:
        return [each for each in self.tenant.devices.values() if each.state != DISABLED]

    @property
    def blueprint(self) -> Row:
        return t.cast(Row, next(each for each in self.tenant.objects["blueprints"].values() if each["name"] == NAME))

    def begin(self) -> None:
        """Assign the blueprint to all devices in its current version, save the state, and publish a version."""
        self.world.simulator.reset(devices=40)
        self.path.unlink(missing_ok=True)
        former = self.blueprint
        info = {
            "assigned_blueprint_id": former["id"],
            "current_blueprint_id": former["id"],
            "current_blueprint_version_id": former["version_id"],
        }
        for device in list(self.tenant.devices.values()):
            own = {**device.document["blueprint_info"], **info}
            self.tenant.change_device(device, state=ONLINE, blueprint_info=own)
        state = new_state(
            tenant="127.0.0.1",
            blueprints=[
                {
                    "id": former["id"],
                    "name": NAME,
                    "former_version_id": former["version_id"],
                    "former_number": former["version_number"],
                }
            ],
            target={"app": {"package_name": PACKAGE, "version_name": VERSION}},
            seed="seed",
            waves=[{"name": each["name"], "percent": each.get("percent"), "hash_limit": None} for each in self.waves],
            started_at=START,
        )
        state["blueprints"][0] |= self.publish("new", {"version": VERSION})
        store = StateStore(str(self.path), run="the plan", lease=60, clock=self.now)
        assert store.claim() is None
        store.save(state)
        store.release()

    def publish(self, key: str, what: Row) -> Row:
        """Publish a version of the blueprint, and return its part of the state."""
        app = next(each for each in self.tenant.objects["applications"].values() if each["package_name"] == PACKAGE)
        (version,) = (each for each in app["versions"] if each["version_code"] == what["version"])
        settings = json.loads(json.dumps(self.blueprint["settings"]))
        settings["android"]["apps"][0]["app_version_id"] = version["id"]
        body = {"name": NAME, "settings": settings, "publish": True}
        path = f"/v2/blueprints/{self.blueprint['id']}/"
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        reply = self.world.simulator._server._service.reply("PUT", path, {}, headers, json.dumps(body).encode())
        content = json.loads(reply.body)["content"]
        return {f"{key}_version_id": content["version_id"], f"{key}_number": content["version_number"]}

    def now(self) -> datetime:
        return START + timedelta(seconds=self.clock.now - 1000)

    def run(self, wave: str = "All", *, check_mode: bool = False, **options: t.Any) -> Run:
        common = {
            "blueprints": [NAME],
            "app": {"package_name": PACKAGE, "version_name": VERSION},
            "waves": self.waves,
            "health": self.health,
            "state_path": str(self.path),
        }
        options = {**common, "wave": wave, **self.options, **options}
        set_ = {name: value for name, value in options.items() if value is not None}
        return self.world.run("rollout_wave", set_, check_mode=check_mode)

    def must(self, wave: str = "All", **options: t.Any) -> Run:
        run = self.run(wave, **options)
        assert not run.failed, run.message
        return run

    def converged(self) -> set[str]:
        """Return the IDs of the devices that run the latest published version."""
        latest = self.blueprint["latest_published_version_id"]
        return {each.id for each in self.devices if each.current_blueprint_version_id == latest}

    def commanded(self) -> list[str]:
        """Return the IDs of the devices of all converge commands, with duplicates."""
        commands = self.tenant.objects["commands"].values()
        return [id_ for each in commands if each["command"] == "CONVERGE" for id_ in each["devices"]]

    def take_offline(self, number: int) -> set[str]:
        """Take some of the Android devices offline, and return their IDs."""
        devices = [each for each in self.devices if each.platform == "ANDROID"][:number]
        for device in devices:
            self.tenant.change_device(device, state=OFFLINE)
        return {each.id for each in devices}

    def bring_online(self) -> None:
        for device in self.devices:
            if device.state == OFFLINE:
                self.tenant.change_device(device, state=ONLINE)


Make = t.Callable[..., Rollout]
ALL = {"name": "All", "percent": 100}
PILOT = {"name": "Pilot", "percent": 25}
# All devices, rounded up.
ALMOST_ALL = {"name": "Pilot", "percent": 99.9}


@pytest.fixture
def make(world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a rollout. All waits take no time, and move the clock of the leases and of the calendar."""

    def made(*waves: Row, **options: t.Any) -> Rollout:
        rollout = Rollout(world, clock, list(waves) or [ALL], **options)
        monkeypatch.setattr(rollout_window, "time", clock)
        monkeypatch.setattr(rollout_wave, "now", rollout.now)
        original = rollout_wave.store_of

        def store_of(*args: t.Any) -> StateStore:
            store = original(*args)
            store._clock = rollout.now
            return store

        monkeypatch.setattr(rollout_wave, "store_of", store_of)
        rollout.begin()
        return rollout

    return made


def sizes(rollout: Rollout) -> list[int]:
    return [len(each["devices"]) for each in rollout.tenant.objects["commands"].values()]


# --- converge ---------------------------------------------------------------------------------------------------------


def test_a_wave_converges_its_devices_once(make: Make) -> None:
    rollout = make(health={"converged_percent": 100})
    run = rollout.must()
    assert (run.changed, run.result["outcome"], run.writes) == (True, "passed", [f"POST {COMMANDS}"])
    assert rollout.converged() == {each.id for each in rollout.devices}
    assert run.result["counts"] == {"done": 40, "failed": 0, "waiting": 0, "offline": 0, "late": 0}
    assert rollout.state["status"] == "completed"
    assert [gate["after"] for gate in run.result["gates"]] == [100.0]
    again = rollout.must()
    assert (again.changed, again.writes, again.result["outcome"]) == (False, [], "passed")


def test_the_devices_that_a_task_commanded_are_returned_and_counted(make: Make) -> None:
    rollout = make(PILOT, ALL)
    predicted = rollout.run("Pilot", check_mode=True)
    pilot = rollout.must("Pilot")
    assert {each["id"] for each in pilot.result["devices"]} == set(rollout.commanded())
    assert predicted.result["devices"] == pilot.result["devices"]
    rows = counted("rollout_wave", pilot.result)
    assert {row["canonical_facts"]["esper_device_id"] for row in rows} == set(rollout.commanded())
    assert (len({row["name"] for row in rows}), no_null(rows)) == (len(rows), True)
    rollout.must()
    again = rollout.must()
    assert (again.result["devices"], counted("rollout_wave", again.result)) == ([], [])


def test_the_next_wave_has_only_other_devices(make: Make) -> None:
    rollout = make(PILOT, ALL)
    rollout.must("Pilot")
    assert len(rollout.converged()) == 10
    pilot = set(rollout.commanded())
    assert rollout.state["status"] == "running"
    rollout.must("All")
    assert set(rollout.commanded()[10:]).isdisjoint(pilot)
    assert len(rollout.converged()) == 40


def test_a_wave_starts_after_those_before_it(make: Make) -> None:
    rollout = make(PILOT, ALL)
    run = rollout.run("All")
    assert run.message == "The wave 'Pilot' must pass before the wave 'All'."
    assert rollout.commanded() == []


def test_not_more_devices_than_the_concurrency_converge_at_a_time(make: Make) -> None:
    rollout = make({**ALL, "concurrency": 10})
    rollout.world.simulator.conduct(polls=3)
    pending = []

    def count(method: str, path: str, body: t.Any) -> t.Any:
        if (method, path) == ("POST", COMMANDS):
            tasks = [
                each
                for each in rollout.tenant.tasks.values()
                if each.state.endswith(("Queued", "Acknowledged", "Initiated", "Progress"))
            ]
            pending.append(len(tasks))
        return body

    rollout.world.simulator.rewrites.append(count)
    rollout.must()
    assert max(pending) == 10
    assert sizes(rollout) == [10, 10, 10, 10]
    assert Counter(rollout.commanded()).most_common(1)[0][1] == 1


def test_the_window_slides_as_soon_as_a_tenth_is_free(make: Make) -> None:
    rollout = make({**ALL, "concurrency": 20})
    slow = [each.id for each in rollout.devices[:15]]
    rollout.world.simulator.conduct(silent=slow)
    run = rollout.run(wave_timeout=60)
    # Slow devices take their places in the window, but the others go on with the rest.
    assert len(rollout.converged()) == 25
    assert max(sizes(rollout)) == 20
    assert 2 < len(sizes(rollout)) < 20
    assert run.result["counts"]["waiting"] == 15


def test_many_devices_take_few_requests(make: Make) -> None:
    rollout = make({**ALL, "concurrency": 1000})
    run = rollout.must()
    paths = Counter(each["path"] for each in run.requests)
    assert paths[COMMANDS] == 1
    assert paths[STATUS] == 2
    # One list before the wave, and one after it, because one device after the other would take more.
    assert paths["/v2/devices/"] == 2


# --- offline devices, timeouts, failures ------------------------------------------------------------------------------


def test_offline_devices_get_a_command_and_do_not_hold_the_wave_up(make: Make) -> None:
    rollout = make(health={"converged_percent": 100})
    offline = rollout.take_offline(4)
    run = rollout.must()
    assert run.result["counts"] == {"done": 36, "failed": 0, "waiting": 0, "offline": 4, "late": 0}
    assert sum(rollout.clock.waits) < 30
    assert set(rollout.commanded()) == {each.id for each in rollout.devices}
    assert rollout.converged().isdisjoint(offline)
    rollout.bring_online()
    rollout.world.simulator.advance_commands(2)
    assert len(rollout.converged()) == 40


def test_devices_that_go_offline_do_not_hold_the_wave_up(make: Make) -> None:
    rollout = make(health={"max_offline_increase_percent": 50})
    gone: set[str] = set()

    def go(method: str, path: str, body: t.Any) -> t.Any:
        if (method, path) == ("POST", COMMANDS):
            gone.update(rollout.take_offline(6))
        return body

    rollout.world.simulator.rewrites.append(go)
    run = rollout.must(wave_timeout=3600)
    assert run.result["counts"] == {"done": 34, "failed": 0, "waiting": 0, "offline": 6, "late": 0}
    assert sum(rollout.clock.waits) < 300


def test_a_wave_without_online_devices_passes(make: Make) -> None:
    rollout = make(PILOT, ALL, health={"converged_percent": 100})
    for device in rollout.devices:
        rollout.tenant.change_device(device, state=0)
    run = rollout.must("Pilot")
    assert (run.result["outcome"], run.result["counts"]["offline"]) == ("passed", 10)


def test_a_wave_that_does_not_answer_in_time_fails_by_its_gate(make: Make) -> None:
    rollout = make(health={"converged_percent": 95})
    rollout.world.simulator.conduct(silent=[each.id for each in rollout.devices[:10]])
    run = rollout.run(wave_timeout=120)
    assert run.failed
    assert (run.result["outcome"], run.result["cause"]) == ("failed", "gate")
    assert run.result["counts"] == {"done": 30, "failed": 0, "waiting": 10, "offline": 0, "late": 0}
    assert "75" in run.message
    assert (rollout.state["status"], rollout.state["waves"][0]["status"]) == ("failed", "failed")
    assert 120 <= sum(rollout.clock.waits) < 200


def test_without_gates_a_wave_passes_after_its_timeout(make: Make) -> None:
    rollout = make()
    rollout.world.simulator.conduct(silent=[rollout.devices[0].id])
    assert rollout.must(wave_timeout=10).result["counts"]["waiting"] == 1


def test_failed_devices_are_named_with_their_reasons(make: Make) -> None:
    rollout = make(health={"max_failed_percent": 10})
    bad = rollout.devices[:2]
    rollout.world.simulator.conduct(failing=[each.id for each in bad], reason="Battery is low")
    run = rollout.must()
    assert sorted(each["name"] for each in run.result["failed_devices"]) == sorted(each.name for each in bad)
    assert {each["reason"] for each in run.result["failed_devices"]} == {"Battery is low"}
    assert rollout.state["waves"][0]["failed_count"] == 2


def test_a_wave_stops_when_too_many_devices_failed(make: Make) -> None:
    rollout = make({**ALL, "concurrency": 8}, health={"max_failed_percent": 10})
    rollout.world.simulator.version_conducts({"app_version": VERSION, "failure_percent": 100})
    run = rollout.run()
    assert run.failed
    assert len(rollout.commanded()) == 8
    assert rollout.converged() == set()


def test_the_next_run_tries_the_devices_of_a_failed_wave_again(make: Make) -> None:
    rollout = make(health={"converged_percent": 95})
    bad = [each.id for each in rollout.devices[:10]]
    rollout.world.simulator.conduct(failing=bad)
    assert rollout.run().failed
    rollout.world.simulator.conduct()
    run = rollout.must()
    assert (run.result["outcome"], rollout.state["status"]) == ("passed", "completed")
    assert sorted(rollout.commanded()[40:]) == sorted(bad)


def test_the_rollout_can_go_on_after_a_failed_wave(make: Make) -> None:
    rollout = make(PILOT, ALL, health={"converged_percent": 95})
    rollout.world.simulator.version_conducts({"app_version": VERSION, "failure_percent": 100})
    assert rollout.run("Pilot", continue_on_failure=True).failed
    assert rollout.state["status"] == "running"
    rollout.world.simulator.version_conducts()
    failed = set(rollout.commanded())
    rollout.must("All")
    assert rollout.state["status"] == "failed"
    # The devices that failed are not tried again by a later wave.
    assert set(rollout.commanded()[10:]).isdisjoint(failed)


# --- gates and soak ---------------------------------------------------------------------------------------------------


def test_devices_that_a_version_takes_offline_fail_the_wave(make: Make) -> None:
    rollout = make(health={"max_offline_increase_percent": 3})
    rollout.world.simulator.version_conducts({"app_version": VERSION, "offline_percent": 100})
    run = rollout.run()
    assert run.failed
    (gate,) = run.result["gates"]
    assert (gate["gate"], gate["passed"], gate["before"]) == ("max_offline_increase_percent", False, 0.0)


def test_offline_devices_before_the_wave_do_not_fail_it(make: Make) -> None:
    rollout = make(health={"max_offline_increase_percent": 3})
    rollout.take_offline(10)
    rollout.must()


def test_the_app_version_is_read_in_one_list_for_all_devices(make: Make) -> None:
    rollout = make(health={"app_version": VERSION})
    run = rollout.must()
    lists = [each for each in run.requests if each["path"].endswith("installdevices")]
    assert len(lists) == 1
    assert run.result["gates"][0]["after"] == 100.0


def test_a_wave_soaks_and_is_judged_again(make: Make) -> None:
    rollout = make({**ALL, "soak": "1h"}, health={"max_offline_increase_percent": 5})
    run = rollout.must()
    assert 3600 <= sum(rollout.clock.waits) < 3700
    assert "Wave 'All': soaking until 2026-03-01T10:30:0" in " ".join(run.progress)
    # At most ten readings, however often the lease is renewed.
    assert 3 < Counter(each["path"] for each in run.requests)["/v2/devices/"] <= 14


def test_a_gate_that_fails_during_the_soak_ends_it(make: Make) -> None:
    rollout = make({**ALL, "soak": "1h"}, health={"max_offline_increase_percent": 5})
    wait = rollout.clock.wait

    def until_later(seconds: float) -> None:
        wait(seconds)
        if rollout.clock.now > 1000 + 1800:
            rollout.take_offline(20)

    rollout.clock.wait = until_later  # type: ignore[method-assign]
    run = rollout.run()
    assert run.failed
    assert 1800 < sum(rollout.clock.waits) < 2600


def test_a_held_wave_passes_with_the_next_task(make: Make) -> None:
    rollout = make(health={"converged_percent": 95})
    assert rollout.must(hold=True).result["outcome"] == "held"
    assert rollout.state["waves"][0]["status"] == "soaking"
    run = rollout.must()
    assert (run.result["outcome"], run.writes, rollout.state["status"]) == ("passed", [], "completed")


def test_another_check_can_fail_a_wave(make: Make) -> None:
    rollout = make(PILOT, ALL)
    rollout.must("Pilot", hold=True)
    run = rollout.run("Pilot", failure="The printers print nothing.")
    assert run.message == "The wave 'Pilot' failed. A check failed: The printers print nothing."
    assert run.writes == []
    assert rollout.state["waves"][0]["status"] == "failed"


# --- calendar ---------------------------------------------------------------------------------------------------------


def test_a_wave_waits_for_its_time_and_for_a_window(make: Make) -> None:
    rollout = make({**ALL, "not_before": "+1h"}, options={"windows": [{"from": "11:00", "to": "05:00"}]})
    run = rollout.must(lease=3600)
    assert "Wave 'All': waiting until 2026-03-01T11:00:00Z" in run.progress
    assert rollout.clock.now - 1000 >= 1.5 * 3600
    assert len(rollout.converged()) == 40


def test_a_task_ends_instead_of_waiting_if_it_must_not_wait(make: Make) -> None:
    rollout = make({**ALL, "not_before": "+3h"})
    run = rollout.must(pauses="end")
    assert (run.result["outcome"], run.result["until"]) == ("paused", "2026-03-01T12:30:00Z")
    assert (run.changed, run.writes, rollout.state["status"]) == (False, [], "paused")
    rollout.clock.advance(3 * 3600)
    assert rollout.must(pauses="end").result["outcome"] == "passed"


def test_a_soak_ends_the_task_if_it_must_not_wait(make: Make) -> None:
    rollout = make({**ALL, "soak": "1h"})
    run = rollout.must(pauses="end")
    assert (run.changed, run.result["outcome"]) == (True, "paused")
    assert rollout.must(pauses="end").result["outcome"] == "paused"
    rollout.clock.advance(3700)
    run = rollout.must(pauses="end")
    assert (run.result["outcome"], run.writes, len(rollout.commanded())) == ("passed", [], 40)


def test_nothing_is_sent_after_a_window_closed(make: Make) -> None:
    rollout = make({**ALL, "concurrency": 10}, options={"windows": [{"from": "09:00", "to": "09:31"}]})
    rollout.world.simulator.conduct(polls=8)
    run = rollout.must(pauses="end")
    assert run.result["outcome"] == "paused"
    assert run.result["until"] == "2026-03-02T09:00:00Z"
    sent = len(rollout.commanded())
    assert 0 < sent < 40
    # What was sent is waited for.
    assert len(rollout.converged()) == sent


# --- late devices -----------------------------------------------------------------------------------------------------


def test_devices_that_enroll_in_an_earlier_wave_converge_with_the_current_one(make: Make) -> None:
    rollout = make(ALMOST_ALL, ALL)
    rollout.must("Pilot")
    device = rollout.devices[0]
    earlier = rollout.state["blueprints"][0]["former_version_id"]
    added = rollout.world.simulator.change_devices(add=3)["added"]
    for id_ in added:
        info = {**device.document["blueprint_info"], "current_blueprint_version_id": earlier}
        rollout.tenant.change_device(rollout.tenant.devices[id_], state=ONLINE, blueprint_info=info)
    run = rollout.must("All")
    assert run.result["counts"]["late"] == 3
    assert sorted(rollout.commanded()[40:]) == sorted(added)


def test_late_devices_with_a_pending_or_failed_command_get_no_other(make: Make) -> None:
    rollout = make(ALMOST_ALL, ALL)
    offline = rollout.take_offline(3)
    failing = [each.id for each in rollout.devices if each.id not in offline][:2]
    rollout.world.simulator.conduct(failing=failing)
    rollout.must("Pilot")
    run = rollout.must("All")
    assert (run.writes, run.result["counts"]["late"]) == ([], 0)


# --- other runs -------------------------------------------------------------------------------------------------------


def test_another_published_version_stops_the_rollout(make: Make) -> None:
    rollout = make(PILOT, ALL)
    rollout.must("Pilot")
    rollout.publish("other", {"version": "2.0.0"})
    run = rollout.run("All")
    assert run.failed
    assert (run.result["cause"], run.writes) == ("version", [])
    assert f"Another version of '{NAME}' was published" in run.message
    assert rollout.state["status"] == "failed"


def test_a_second_run_fails_while_the_first_one_works(make: Make) -> None:
    rollout = make()
    seen: list[Run] = []

    def other(method: str, path: str, body: t.Any) -> t.Any:
        return body

    rollout.world.simulator.rewrites.append(other)
    store = StateStore(str(rollout.path), run="another", lease=60, clock=rollout.now)
    assert store.claim() is not None
    wait = rollout.clock.wait

    def renewing(seconds: float) -> None:
        wait(seconds)
        store.renew()

    rollout.clock.wait = renewing  # type: ignore[method-assign]
    seen.append(rollout.run())
    assert seen[0].failed
    assert "Another run works on the rollout" in seen[0].message
    assert rollout.commanded() == []


def test_a_run_takes_over_from_one_that_was_killed(make: Make) -> None:
    rollout = make()
    StateStore(str(rollout.path), run="killed", lease=60, clock=rollout.now).claim()
    rollout.must()
    assert sum(rollout.clock.waits) >= 60


def test_a_run_that_lost_its_lease_sends_nothing_else(make: Make) -> None:
    rollout = make({**ALL, "concurrency": 5})

    def take_over(method: str, path: str, body: t.Any) -> t.Any:
        if path == STATUS:
            state = rollout.state
            state["lease"] = {"run": "another", "until": "2099-01-01T00:00:00Z"}
            rollout.path.write_text(json.dumps(state))
        return body

    rollout.world.simulator.rewrites.append(take_over)
    run = rollout.run()
    assert run.failed
    assert "Another run took over the rollout" in run.message
    assert "received a command to converge" in run.message
    assert len(rollout.commanded()) == 5
    assert rollout.state["lease"]["run"] == "another"


def test_a_long_wave_renews_its_lease(make: Make) -> None:
    rollout = make({**ALL, "soak": "10m"})
    ends: set[str] = set()
    wait = rollout.clock.wait

    def observe(seconds: float) -> None:
        wait(seconds)
        lease = rollout.state["lease"]["until"]
        assert datetime.fromisoformat(lease.replace("Z", "+00:00")) > rollout.now()
        ends.add(lease)

    rollout.clock.wait = observe  # type: ignore[method-assign]
    rollout.must()
    assert len(ends) > 10


class Killed(BaseException):
    """The end of a process, which no code can handle."""


@contextlib.contextmanager
def killed_at(number: int, *, is_sent: bool) -> t.Iterator[Counter[str]]:
    """Kill the task at a request, before or after Esper has processed it. Yield the number of requests."""
    sent, lock, is_dead = Counter[str](), threading.Lock(), threading.Event()

    @contextlib.contextmanager
    def opened(transport: Transport, method: str, url: str, **options: t.Any) -> t.Iterator[t.Any]:
        with lock:
            if is_dead.is_set():
                raise Killed
            sent["all"] += 1
            is_last = sent["all"] == number
            if is_last:
                is_dead.set()
        if is_last and not is_sent:
            raise Killed
        with OPEN(transport, method, url, **options) as response:
            if is_last:
                raise Killed
            yield response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transport, "open", opened)
        # A killed process does not release its lease.
        patch.setattr(rollout_wave, "_release", lambda _store: None)
        yield sent


def test_an_interrupted_wave_continues_wherever_it_was(make: Make) -> None:
    kills, number = 0, 0
    is_complete = False
    while not is_complete:
        number += 1
        for is_sent in (False, True):
            rollout = make({**ALL, "concurrency": 15}, health={"converged_percent": 100, "max_failed_percent": 3})
            rollout.take_offline(4)
            is_complete = False
            with killed_at(number, is_sent=is_sent), contextlib.suppress(Killed):
                is_complete = rollout.run().result["outcome"] == "passed"
            kills += not is_complete
            run = rollout.must()
            assert run.result["outcome"] == "passed"
            # No device gets two commands, and none gets no command.
            assert sorted(rollout.commanded()) == sorted(each.id for each in rollout.devices)
            assert len(rollout.converged()) == 36
            assert rollout.state["status"] == "completed"
    assert kills > 20


# --- back -------------------------------------------------------------------------------------------------------------


def go_back(rollout: Rollout) -> Row:
    """Publish the earlier version again, as the role does."""
    store = StateStore(str(rollout.path), run="the role", lease=60, clock=rollout.now)
    state = t.cast(Row, store.claim())
    state["blueprints"][0] |= rollout.publish("restored", {"version": "2.0.0"})
    state["status"] = "reverting"
    store.save(state)
    store.release()
    return state


def test_going_back_converges_what_was_touched_only(make: Make) -> None:
    rollout = make(PILOT, ALL, health={"max_failed_percent": 10})
    rollout.world.simulator.version_conducts({"app_version": VERSION, "failure_percent": 60})
    assert rollout.run("Pilot").failed
    touched = set(rollout.commanded())
    go_back(rollout)
    run = rollout.must(direction="back")
    assert (run.changed, run.result["outcome"]) == (True, "reverted")
    assert set(rollout.commanded()[10:]) == touched == rollout.converged()
    assert {each["id"] for each in run.result["devices"]} == touched
    assert (rollout.state["status"], rollout.state["waves"][0]["status"]) == ("reverted", "reverted")
    assert rollout.state["waves"][1]["status"] == "pending"
    again = rollout.must(direction="back")
    assert (again.changed, again.writes) == (False, [])
    assert "reverted, so no wave can start" in rollout.run("Pilot").message


def test_devices_that_cannot_be_reached_are_named_and_get_the_earlier_version_later(make: Make) -> None:
    rollout = make()
    rollout.world.simulator.version_conducts({"app_version": VERSION, "offline_percent": 20})
    rollout.must()
    gone = {each.id for each in rollout.devices if each.state == OFFLINE}
    assert gone
    go_back(rollout)
    run = rollout.must(direction="back")
    assert {each["id"] for each in run.result["failed_devices"]} == gone
    assert {each["reason"] for each in run.result["failed_devices"]} == {"offline"}
    assert rollout.state["status"] == "reverted"
    assert "did not get the earlier version back yet" in " ".join(run.warnings)
    rollout.bring_online()
    rollout.world.simulator.advance_commands(2)
    assert len(rollout.converged()) == 40


def test_the_next_run_goes_on_with_devices_that_failed_on_the_way_back(make: Make) -> None:
    rollout = make()
    rollout.must()
    go_back(rollout)
    failing = [rollout.devices[0].id]
    rollout.world.simulator.conduct(failing=failing)
    rollout.must(direction="back")
    assert rollout.state["status"] == "reverting"
    rollout.world.simulator.conduct()
    rollout.must(direction="back")
    assert rollout.state["status"] == "reverted"
    assert rollout.commanded()[80:] == failing
    assert rollout.state["unreached"] == []


# --- check mode and options -------------------------------------------------------------------------------------------


def test_check_mode_sends_and_saves_nothing(make: Make) -> None:
    rollout = make(PILOT, ALL)
    rollout.take_offline(40)
    before = rollout.path.read_bytes()
    run = rollout.run("Pilot", check_mode=True)
    assert not run.failed, run.message
    assert (run.changed, run.result["outcome"], run.writes) == (True, "planned", [])
    assert run.result["counts"]["waiting"] + run.result["counts"]["offline"] == 10
    assert rollout.path.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wave": "Pilto"}, "The wave 'Pilto' is not one of All."),
        ({"wave_timeout": -1}, "Invalid wave_timeout: -1. It must be from 0 to 604800."),
        ({"blueprints": ["Default"]}, "Another rollout is planned: its blueprints are 'Point of Sale'"),
        ({"direction": "back"}, "The state of the rollout has no restored version of 'Point of Sale'."),
        ({"wave": None}, "direction is forward but all of the following are missing: wave"),
        ({"state_path": "none.json"}, "There is no state of the rollout. Run rollout_plan first."),
    ],
)
def test_options_that_do_not_fit_are_an_error(make: Make, options: Row, message: str) -> None:
    rollout = make()
    run = rollout.run(**options)
    assert run.failed
    assert message in run.message
    assert run.writes == []


def test_a_version_that_is_not_recorded_is_an_error(make: Make) -> None:
    rollout = make()
    state = rollout.state
    state["blueprints"][0]["new_version_id"] = None
    rollout.path.write_text(json.dumps(state))
    assert "has no new version of 'Point of Sale'" in rollout.run().message
