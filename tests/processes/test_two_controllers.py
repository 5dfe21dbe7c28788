# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same playbook, run at the same time by two controllers."""

from __future__ import annotations

from collections import Counter
from typing import Any

from controller import Controller, MakeController
from simulated import Simulator

GROUPS = [f"All devices/{path}" for path in ("Shops", "Shops/North", "Shops/North/Kiel", "Shops/South", "Depots")]
POLICIES = ["Counter", "Kitchen", "Window"]
FILES = ["film.bin", "menu.txt"]
PAPER = {"description": "Everywhere", "settings": {"kiosk_mode": True, "settings_app_password": "correct horse"}}
FILE = {"content": "menu.txt", "destination_path": "/sdcard/"}


def tasks(place: Controller) -> list[dict[str, Any]]:
    """Return tasks that create objects, one by one and together. Each one waits until both controllers reach it."""
    contents = [{"src": str(place.write(name, name * 1000)), "tags": ["pilot"]} for name in FILES]
    several: list[dict[str, Any]] = [
        {
            "esper.cloud.tenant": {
                "device_groups": [{"path": path} for path in GROUPS[:3]],
                "enterprise_policies": [{"name": name, **PAPER} for name in POLICIES[:2]],
                "contents": contents[:1],
                "blueprints": [{"name": "Till", "settings": {"android": {"files": [{**FILE, "content": FILES[0]}]}}}],
            }
        },
        {"esper.cloud.device_group": {"path": "{{ item }}"}, "loop": GROUPS[3:]},
        {"esper.cloud.enterprise_policy": {"name": POLICIES[2], **PAPER}},
        {"esper.cloud.content": contents[1]},
        {"esper.cloud.blueprint": {"name": "Canteen", "settings": {"android": {"files": [FILE]}}}},
    ]
    script = (
        "touch {me}-{n}; for i in $(seq 400); do [ -e one-{n} ] && [ -e other-{n} ] && exit; sleep .05; done; exit 1"
    )
    gates = [
        {
            "ansible.builtin.command": {
                "argv": ["sh", "-c", script.format(me=place.folder.name, n=number)],
                "chdir": str(place.folder.parent),
            },
            "changed_when": False,
        }
        for number in range(len(several))
    ]
    return [task for pair in zip(gates, several, strict=True) for task in pair]


def test_two_controllers_create_each_object_once(
    make_controller: MakeController, simulator: Simulator, in_process: bool
) -> None:
    places = [make_controller(name) for name in ("one", "other")]
    for each in places:
        each.playbook(*tasks(each))
    # Both read before one of them writes.
    simulator.fault(kind="latency", method="GET", ms=250, times=None)
    runs = [each.start("ansible-playbook", "-v", "site.yml") for each in places]
    first = [run.end() for run in runs]
    simulator.clear_faults()
    for each in first:
        assert each.code == 0, each.output
        assert simulator.key not in each.output
    # The simulator rejected the second object with a unique name, so both ran at the same time.
    assert 400 in [entry["status"] for entry in simulator.writes()]
    paths = Counter(group["path"] for group in simulator.state()["groups"])
    assert {path: paths[path] for path in GROUPS} == dict.fromkeys(GROUPS, 1)
    for kind, names in (("policies", POLICIES), ("content", FILES), ("blueprints", ["Till", "Canteen"])):
        counts = Counter(each["name"] for each in simulator.state()[kind])
        assert {name: counts[name] for name in names} == dict.fromkeys(names, 1)

    simulator.clear_journal()
    again = places[0].play()
    assert (again.code, again.recap["changed"], simulator.writes()) == (0, 0, []), again.output
