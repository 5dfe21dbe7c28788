# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rulebooks with the event source and the event filter, run by ansible-rulebook against a simulated tenant."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import yaml
from conftest import MakeRulebook
from rulebook import SEVERAL
from simulated import Simulator
from stage import CHECKOUT

Row = dict[str, Any]

ONLINE, OFFLINE = 1, 60
LONG_AGO = "2025-01-01T08:00:00Z"
SAMPLES = sorted((CHECKOUT / "extensions" / "eda" / "rulebooks").glob("*.yml"))


class Tickets(ThreadingHTTPServer):
    """A service that gets tickets."""

    def __init__(self) -> None:
        self.received: list[Row] = []
        super().__init__(("127.0.0.1", 0), _Ticket)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Ticket(BaseHTTPRequestHandler):
    server: Tickets

    def do_POST(self) -> None:
        self.server.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def tickets() -> Iterator[Tickets]:
    with Tickets() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def devices(simulator: Simulator) -> list[Row]:
    """The online devices of the tenant that have a device group."""
    rows = simulator.state(devices=True)["devices"]
    return [each for each in rows if each["state"] == ONLINE and each["group_id"]]


def debug(condition: str, message: str, **source: Any) -> list[Row]:
    """Return a rulebook with one rule that prints a message."""
    rule = {"name": "Show", "condition": condition, "action": {"debug": {"msg": message}}}
    return [{"name": "Test", "hosts": "all", "sources": [source], "rules": [rule]}]


def now(offset: int = 0) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset))


def test_a_rule_fires_once_also_after_a_kill_and_a_storm(
    simulator: Simulator, make_rulebook: MakeRulebook, devices: list[Row]
) -> None:
    message = "FIRED {{ event.esper.type }} {{ event.esper.device.name }} {{ event.meta.hosts }}"
    options = {"interval": 1, "state_file": "events.db", "changes": ["device_offline", "device_online"], "retries": 0}
    content = debug('event.esper.type is match("device_")', message, **{"esper.cloud.devices": options})
    one, two, three = devices[:3]

    def fired(type_: str, device: Row) -> str:
        return f"FIRED {type_} {device['name']} {device['name']}"

    def polled(rulebook: Any, number: int = 2) -> None:
        rulebook.wait_for_polls(number, "-last_seen")

    first = make_rulebook(content)
    polled(first)
    simulator.set_devices([one["id"]], state=OFFLINE, last_seen=now())
    first.wait_for(fired("device_offline", one))
    polled(first)
    assert first.count("FIRED") == 1
    first.kill()

    # What happens while the process does not run.
    simulator.set_devices([one["id"]], state=ONLINE, last_seen=now(1))
    simulator.set_devices([two["id"]], state=OFFLINE, last_seen=now(1))
    second = make_rulebook(content)
    second.wait_for("FIRED", 2)
    polled(second)
    assert second.count(fired("device_online", one)) == 1
    assert second.count(fired("device_offline", two)) == 1
    assert second.count("FIRED") == 2

    simulator.set_devices([three["id"]], state=OFFLINE, last_seen=now(2))
    simulator.fault(kind="status", status=429, times=3)
    second.wait_for(fired("device_offline", three))
    polled(second)
    assert second.count("The next poll is delayed") == 3
    assert second.count("FIRED") == 3


def test_the_samples_run_their_playbooks(
    simulator: Simulator, make_rulebook: MakeRulebook, devices: list[Row], tickets: Tickets
) -> None:
    """All samples in one process, with the sources and rules as they are."""
    content = [ruleset for sample in SAMPLES for ruleset in yaml.safe_load(sample.read_text())]
    assert len(content) == 5
    paths = {group["id"]: group["path"] for group in simulator.state()["groups"]}
    members: dict[str, list[Row]] = {}
    for device in devices:
        members.setdefault(device["group_id"], []).append(device)
    store, other = sorted(members.values(), key=len)[-1:-3:-1]
    kiosk, shelf, alarmed = other[:3]
    simulator.set_devices([shelf["id"]], state=OFFLINE, last_seen=LONG_AGO)
    rule = add_alarm_rule(simulator, alarmed)
    rulebook = make_rulebook(
        content,
        interval=1,
        group=paths[kiosk["group_id"]],
        stores=paths[store[0]["group_id"]],
        ping_timeout=1,
        ticket_url=tickets.url,
        alarm_command="LOCK",
        placement_rules=[{"name": "Others", "fallback": True, "add_tags": ["fresh"]}],
    )
    # Three of the sources read the offline devices.
    rulebook.wait_for_polls(9, "-last_seen")
    rulebook.wait_for_polls(2, "-created_at")

    simulator.alarm(rule, alarmed["id"], now())
    simulator.set_devices([kiosk["id"]], state=OFFLINE, last_seen=now())
    simulator.set_devices([shelf["id"]], state=ONLINE, last_seen=now())
    simulator.set_devices([each["id"] for each in store[:5]], state=OFFLINE, last_seen=now())
    (new,) = simulator.change_devices(add=1)["added"]
    simulator.set_devices([new], state=ONLINE)

    rulebook.wait(lambda: len(tickets.received) == 2, "two tickets")
    rulebook.wait(lambda: rulebook.count("PLAY RECAP") == 5, "five playbooks")
    rulebook.wait_for_polls(3, "-last_seen")
    assert rulebook.count("PLAY RECAP") == 5
    assert "failed=1" not in rulebook.output
    titles = sorted(ticket["title"] for ticket in tickets.received)
    named = [f"{kiosk['name']} in {paths[kiosk['group_id']]} is offline"]
    offline = sum(
        each["state"] == OFFLINE and paths.get(each["group_id"], "").startswith(paths[store[0]["group_id"]])
        for each in simulator.state(devices=True)["devices"]
    )
    assert titles == sorted([*named, f"{offline} devices of {paths[store[0]['group_id']]} are offline"])
    assert len({ticket["external_id"] for ticket in tickets.received}) == 2
    commands = [(each["command"], each["devices"]) for each in simulator.state()["commands"]]
    assert ("UPDATE_HEARTBEAT", [kiosk["id"]]) in commands
    assert ("LOCK", [alarmed["id"]]) in commands
    assert f"{shelf['name']} is up to date." in rulebook.output or f"{shelf['name']} was outdated." in rulebook.output
    assert "Others: 1 devices, 1 changed" in rulebook.output


def test_a_device_with_a_strange_name_starts_nothing_on_others(
    simulator: Simulator, make_rulebook: MakeRulebook, devices: list[Row]
) -> None:
    """The names select all devices, several or another one. ansible-rulebook uses the hosts of the rulebook if an event
    has none, and they are all devices here."""
    samples = [sample for sample in SAMPLES if sample.stem in ("alarm", "device_offline", "device_returned")]
    content = [{**ruleset, "hosts": "all"} for sample in samples for ruleset in yaml.safe_load(sample.read_text())]
    template, pattern, group, one, two, shelf, alarmed, plain = devices[:8]
    simulator.set_devices([template["id"]], name="{{x}}")
    simulator.set_devices([pattern["id"]], name="all")
    simulator.set_devices([one["id"], two["id"]], name="double")
    simulator.set_devices([group["id"], alarmed["id"]], name=SEVERAL)
    simulator.set_devices([shelf["id"]], name=SEVERAL, state=OFFLINE, last_seen=LONG_AGO)
    rule = add_alarm_rule(simulator, alarmed)
    rulebook = make_rulebook(content, interval=1, ping_timeout=1)
    rulebook.wait_for_polls(4, "-last_seen")
    simulator.alarm(rule, alarmed["id"], now())
    simulator.set_devices([shelf["id"]], state=ONLINE, last_seen=now())
    for device in (template, pattern, group, one):
        simulator.set_devices([device["id"]], state=OFFLINE, last_seen=now())
    simulator.set_devices([plain["id"]], state=OFFLINE, last_seen=now(1))

    def sent() -> set[str]:
        return {id_ for each in simulator.state().get("commands", ()) for id_ in each["devices"]}

    named = {template["id"], pattern["id"], plain["id"]}

    def has_sent_all() -> bool:
        assert sent() <= named
        return named <= sent()

    rulebook.wait(has_sent_all, "three pings")
    # The limits of three playbooks are a group. That of one is a name that no host has, because two devices have it.
    # ansible-rulebook prints the output of each of these again.
    rulebook.wait_for("PLAY RECAP", 9)
    rulebook.wait_for("leaves us with no hosts to target")
    assert sent() == named


def add_alarm_rule(simulator: Simulator, device: Row) -> str:
    """Create an alarm rule for a device and return its ID."""
    body = {
        "enterprise": simulator.enterprise_id,
        "name": "Battery",
        "metric": "battery_level",
        "conditions": {"value": 20, "unit": "Percent", "comparator": "LessThanThreshold"},
        "devices": [device["id"]],
        "realert_interval": 60,
    }
    request = urllib.request.Request(
        f"{simulator.url}/v1/enterprise/{simulator.enterprise_id}/alarmrules/",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {simulator.key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return str(json.loads(response.read())["id"])


def test_alerts_of_a_webhook_have_the_form_of_events(make_rulebook: MakeRulebook) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    source = {
        "name": "alerts",
        "eda.builtin.webhook": {"host": "127.0.0.1", "port": port, "token": "t0ken"},
        "filters": [{"esper.cloud.device_event": {"fields": {"name": "data.deviceName", "group": "data.place"}}}],
    }
    message = "ALERT {{ event.esper.origin }} {{ event.meta.hosts }} {{ event.esper.device.group }}"
    rulebook = make_rulebook(debug('event.esper.type == "alarm"', message, **source))
    body = {"data": {"deviceName": "TILL-1", "place": "All devices/Stores/Berlin"}, "alert_time": now()}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/esper", data=json.dumps(body).encode(), headers={"Authorization": "Bearer t0ken"}
    )

    def is_sent() -> bool:
        try:
            with urllib.request.urlopen(request, timeout=10):
                return True
        except OSError:
            return False

    rulebook.wait(is_sent, "the webhook")
    rulebook.wait_for("ALERT webhook TILL-1 All devices/Stores/Berlin")
