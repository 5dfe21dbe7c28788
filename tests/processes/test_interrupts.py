# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that a person, a service manager or the kernel interrupts."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from controller import PATIENCE, Controller, MakeController, Played, Run
from simulated import Simulator

SHOPS = [f"Shop {number:02}" for number in range(30)]
GROUPS = [f"All devices/Stores/{shop}" for shop in SHOPS]
SETTINGS = {"kioskMode": True, "minimumPasswordLength": 6}
TENANT = {
    "esper.cloud.tenant": {
        "device_groups": [{"path": "Stores"}, *({"path": path} for path in GROUPS)],
        "enterprise_policies": [
            {"name": shop, "settings": {"kiosk_mode": True, "minimum_password_length": 6}} for shop in SHOPS
        ],
    },
}
LOOP = {"esper.cloud.device_group": {"path": "{{ item }}", "create_parents": True}, "loop": GROUPS[:8]}
INTERRUPTED = re.compile(
    r"The task esper\.cloud\.tenant was interrupted\. Before this, the task completed: creating the [a-z ]+ '.*',"
    r" creating .* and \d+ more requests\. Run the task again to apply the rest\."
)
# Seconds until a task exceeds its timeout. A busy machine needs some of them to send the first request.
TIMEOUT = 6
ENDINGS: dict[str, Callable[[Run], None]] = {
    "ctrl-c": Run.interrupt,
    "terminated": Run.terminate,
    "killed": Run.kill_worker,
}


def wait_for(run: Run, is_so: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert not run.is_over, run.end().output
        assert time.monotonic() < until
        time.sleep(0.05)


def stuck(simulator: Simulator) -> list[dict[str, Any]]:
    return [entry for entry in simulator.writes() if entry["fault"] == "hang"]


def made(simulator: Simulator) -> tuple[list[str], list[str]]:
    """Return the paths of the groups and the names of the policies that exist. Fail if one is incomplete."""
    state = simulator.state()
    policies = [each for each in state["policies"] if each["name"] in SHOPS]
    for policy in policies:
        assert {name: policy["policy"].get(name) for name in SETTINGS} == SETTINGS
    paths = [group["path"] for group in state["groups"] if group["path"] in GROUPS]
    assert len(set(paths)) == len(paths)
    assert len({each["name"] for each in policies}) == len(policies)
    return paths, [each["name"] for each in policies]


def uploaded(simulator: Simulator) -> list[dict[str, Any]]:
    return [each for each in simulator.state()["content"] if each["name"] == "film.bin"]


def interrupted(controller: Controller, simulator: Simulator, ending: str, in_process: bool) -> Played:
    """Run a playbook and interrupt it at a request without a response. Fail if its output contains the key."""
    run = controller.start("ansible-playbook", "-vvv", "site.yml")
    wait_for(run, lambda: stuck(simulator))
    if ending == "killed":
        # If a worker dies while it sends a line of output to the controller, the controller waits for the rest of it.
        settle(simulator)
    ENDINGS[ending](run)
    played = run.end()
    assert played.code != 0
    assert simulator.key not in run.output
    # A killed worker does not stop its module, and a terminated controller not its workers. These would do the work of
    # the next run.
    all_end = ending == "ctrl-c" or (in_process and ending == "killed")
    left = run.left_over(10 if all_end else 0)
    assert not (all_end and left), left
    settle(simulator)
    simulator.clear_faults()
    return Played(played.code, run.output)


def settle(simulator: Simulator) -> None:
    """Wait until the simulator has read all requests that were sent, and nobody sends another."""
    known = -1
    while known != len(simulator.writes()):
        known = len(simulator.writes())
        time.sleep(0.3)


def completed(controller: Controller) -> None:
    """Run the playbook again, which applies the rest. The law repeat_create covers a third run."""
    second = controller.play()
    assert (second.code, second.recap["changed"]) == (0, 1), second.output


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_next_run_completes_an_interrupted_task(
    make_controller: MakeController, simulator: Simulator, in_process: bool, ending: str
) -> None:
    controller = make_controller(ESPER_TIMEOUT=str(2 * PATIENCE))
    controller.playbook(TENANT)
    # Some requests take effect without a response, others do not.
    simulator.fault(kind="hang", method="POST", after=12, times=4, processed=True)
    simulator.fault(kind="hang", method="POST", after=12, times=None)
    played = interrupted(controller, simulator, ending, in_process)
    if in_process and ending == "ctrl-c":
        assert INTERRUPTED.search(" ".join(played.output.split())), played.output
    assert 12 <= sum(map(len, made(simulator))) <= 16
    completed(controller)
    groups, policies = made(simulator)
    assert (sorted(groups), sorted(policies)) == (GROUPS, SHOPS)


@pytest.mark.parametrize("in_process", ["in_process"], indirect=True)
@pytest.mark.parametrize("processed", [True, False])
def test_the_next_run_completes_an_interrupted_loop(
    make_controller: MakeController, simulator: Simulator, in_process: bool, processed: bool
) -> None:
    controller = make_controller(ESPER_TIMEOUT=str(2 * PATIENCE))
    controller.playbook(LOOP)
    simulator.fault(kind="hang", method="POST", after=4, processed=processed)
    interrupted(controller, simulator, "ctrl-c" if processed else "killed", in_process)
    assert sorted(made(simulator)[0]) == GROUPS[: 5 if processed else 4]
    completed(controller)
    assert sorted(made(simulator)[0]) == GROUPS[:8]


@pytest.mark.parametrize(
    ("in_process", "processed"), [("in_process", True), ("as_modules", False)], indirect=["in_process"]
)
def test_the_next_run_completes_an_interrupted_upload(
    make_controller: MakeController, simulator: Simulator, in_process: bool, processed: bool
) -> None:
    controller = make_controller(ESPER_TIMEOUT=str(2 * PATIENCE))
    file = controller.write("film.bin", "x" * 5_000_000)
    controller.playbook({"esper.cloud.content": {"src": str(file), "tags": ["film"]}})
    simulator.fault(kind="hang", method="POST", path="/content/upload/", processed=processed)
    interrupted(controller, simulator, "terminated" if processed else "killed", in_process)
    assert [int(each["size"]) for each in uploaded(simulator)] == [file.stat().st_size][:processed]
    completed(controller)
    assert [each["tags"] for each in uploaded(simulator)] == [["film"]]


@pytest.mark.parametrize("in_process", ["in_process"], indirect=True)
@pytest.mark.parametrize("name", ["command", "loop"])
def test_the_timeout_of_a_task_does_not_hide_what_was_accepted(
    make_controller: MakeController, simulator: Simulator, in_process: bool, name: str
) -> None:
    controller = make_controller(ESPER_TIMEOUT=str(2 * PATIENCE))
    devices = [device["id"] for device in simulator.state(devices=True)["devices"] if device["state"] == 1][:2]
    task: dict[str, Any]
    if name == "command":
        simulator.conduct(silent=devices)
        task = {"esper.cloud.device_command": {"devices": devices, "command": "REBOOT", "wait": True}}
        said = r"The command REBOOT was accepted before \([-0-9a-f]{36}\), so devices can still execute it\."
    else:
        simulator.fault(kind="hang", method="POST", after=1, times=None, processed=False)
        task = {"esper.cloud.tenant": {"device_groups": [{"path": path} for path in GROUPS[:2]]}}
        said = r"Before this, the task completed: creating the device group '[^']*'\. Run the task again"
    shown = {"ansible.builtin.debug": {"msg": "changed={{ done.changed }} failed={{ done.failed }}"}}
    controller.playbook({**task, "timeout": TIMEOUT, "register": "done", "ignore_errors": True}, shown)
    began = time.monotonic()
    played = controller.play("-v")
    assert re.search(rf"The task exceeded its timeout of {TIMEOUT} s\. {said}", " ".join(played.output.split())), (
        played.output
    )
    assert "changed=True failed=True" in played.output
    assert time.monotonic() - began < PATIENCE
    simulator.clear_faults()


@pytest.mark.parametrize("in_process", ["in_process"], indirect=True)
def test_the_next_run_follows_the_run_of_a_pipeline(
    make_controller: MakeController, simulator: Simulator, in_process: bool
) -> None:
    controller = make_controller(ESPER_TIMEOUT=str(2 * PATIENCE))
    devices = [device["id"] for device in simulator.state(devices=True)["devices"] if device["state"] == 1][:2]
    stages = [{"name": each, "devices": [each], "operations": [{"type": "REBOOT"}]} for each in devices]
    run = {"pipeline": "Till release", "if_running": "follow", "wait": True, "promote": "always"}
    controller.playbook(
        {"esper.cloud.pipeline": {"name": "Till release", "stages": stages}}, {"esper.cloud.pipeline_run": run}
    )
    simulator.conduct(polls=1)
    # Esper promotes the run, but the task does not get the response.
    simulator.fault(kind="hang", method="PUT", path="/stageruns/", processed=True)
    interrupted(controller, simulator, "killed", in_process)
    second = controller.play()
    # The task only waits for the rest of the run.
    assert (second.code, second.recap["changed"]) == (0, 0), second.output
    started = [each for each in simulator.writes() if each["method"] == "POST" and each["path"].endswith("/runs/")]
    assert len(started) == 1
