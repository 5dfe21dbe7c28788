# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts that are killed, interrupted, run twice at the same time, or only predicted."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from controller import PATIENCE, Controller, MakeController, Run
from simulated import Simulator

BLUEPRINTS = ["Default", "Retail Kiosk", "Point of Sale"]
WAVES = [{"name": f"Wave {number}", "percent": 25 * number} for number in (1, 2, 3, 4)]
VARIABLES = {
    "rollout_blueprints": BLUEPRINTS,
    "rollout_app": {"package_name": "com.example.till", "version_name": "1.9.1"},
    "rollout_waves": WAVES,
    # The shortest one, because the next run waits for its end.
    "rollout_lease": 10,
}
COMMANDS = "/commands/v0/commands/"

pytestmark = pytest.mark.parametrize("in_process", ["in_process"], indirect=True)


@pytest.fixture
def controller(make_controller: MakeController, simulator: Simulator) -> Controller:
    """A controller with a playbook that rolls an app version out. All devices are online."""
    simulator.change_devices(offline_percent=0)
    made = make_controller(ESPER_TIMEOUT=str(2 * PATIENCE))
    made.environment["PWD"] = str(made.folder)
    made.write("site.yml", [{"hosts": "localhost", "gather_facts": False, "roles": ["esper.cloud.rollout"]}])
    made.write("variables.json", VARIABLES)
    return made


def start(controller: Controller, *arguments: str) -> Run:
    return controller.start("ansible-playbook", "-e", "@variables.json", *arguments, "site.yml")


def wait_until(run: Run, is_so: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert not run.is_over, run.end().output
        assert time.monotonic() < until
        time.sleep(0.05)


def state(controller: Controller) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((controller.folder / "rollout-state.json").read_text())
    return content


def devices(simulator: Simulator) -> list[dict[str, Any]]:
    """Return the devices of the rollout."""
    content = simulator.state(devices=True)
    ids = [each["id"] for each in content["blueprints"] if each["name"] in BLUEPRINTS]
    return [
        each
        for each in content["devices"]
        if each["blueprint_info"]["assigned_blueprint_id"] in ids and each["state"] == 1
    ]


def is_complete(controller: Controller, simulator: Simulator) -> bool:
    versions = {each["id"]: each["new_version_id"] for each in state(controller)["blueprints"]}
    infos = [each["blueprint_info"] for each in devices(simulator)]
    return len(infos) >= len(WAVES) and all(
        each["current_blueprint_version_id"] == versions[each["assigned_blueprint_id"]] for each in infos
    )


def commanded(simulator: Simulator) -> Counter[str]:
    """Return how many commands each device received."""
    return Counter(id_ for each in simulator.state()["commands"] for id_ in each["devices"])


def test_a_rollout_that_is_killed_in_each_wave_continues(controller: Controller, simulator: Simulator) -> None:
    for number in range(len(WAVES)):
        # Esper accepts the command of the next wave, but the task does not get the response.
        simulator.fault(kind="hang", method="POST", path=f"^{COMMANDS}$", processed=True)
        run = start(controller)
        wait_until(run, lambda: any(entry["fault"] == "hang" for entry in simulator.writes()))
        run.kill()
        assert [each["status"] for each in state(controller)["waves"][:number]] == ["passed"] * number
        assert not is_complete(controller, simulator)
        simulator.clear_faults()
        simulator.clear_journal()
    last = start(controller).end()
    assert last.code == 0, last.output
    assert is_complete(controller, simulator)
    assert state(controller)["status"] == "completed"
    # Nothing was sent twice, and the version was published once in each blueprint.
    assert set(commanded(simulator).values()) == {1}
    versions = Counter(each["name"] for each in simulator.state()["blueprint_versions"] if each["publish"])
    simulator.clear_journal()
    again = start(controller).end()
    assert (again.code, simulator.writes()) == (0, []), again.output
    assert Counter(each["name"] for each in simulator.state()["blueprint_versions"] if each["publish"]) == versions


def test_a_second_rollout_fails_while_the_first_one_works(controller: Controller, simulator: Simulator) -> None:
    simulator.conduct(silent=[each["id"] for each in devices(simulator)])
    first = start(controller)
    wait_until(first, simulator.writes)
    wait_until(first, lambda: any(entry["path"] == COMMANDS for entry in simulator.writes()))
    output = controller.folder / "first"
    (controller.folder / "output").rename(output)
    second = start(controller).end()
    assert second.code != 0
    assert "Another run works on the rollout in" in " ".join(second.output.split())
    sent = commanded(simulator)
    # Ctrl-C ends the lease, so the next run need not wait for it.
    first.interrupt()
    first._process.wait(PATIENCE)
    assert "The task esper.cloud.rollout_wave was interrupted." in " ".join(output.read_text().split())
    simulator.conduct()
    began = time.monotonic()
    third = start(controller).end()
    assert third.code == 0, third.output
    assert is_complete(controller, simulator)
    assert commanded(simulator) & sent == sent
    assert time.monotonic() - began < PATIENCE


def test_check_mode_shows_the_waves_and_sends_nothing(controller: Controller, simulator: Simulator) -> None:
    played = start(controller, "--check").end()
    assert played.code == 0, played.output
    assert simulator.writes() == []
    assert "Wave 4: " in played.output
    assert not (controller.folder / "rollout-state.json").exists()
