# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks whose commands are pending, complete while the task reads, or are accepted before a failure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.module import perform
from ansible_collections.esper.cloud.plugins.module_utils.task import RunContext
from ansible_collections.esper.cloud.plugins.module_utils.tasks import command, polling, waiting
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

Row = dict[str, t.Any]
KEY = "k3y-Of-The-Tests-0123456789"
ENTERPRISE = "0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d"
QUEUED, SUCCESS, FAILURE = "Command Queued", "Command Success", "Command Failure"
BLUEPRINT, OLD, NEW = (f"bbbbbbbb-0000-4000-8000-00000000000{number}" for number in range(3))


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


@dataclass
class Tenant:
    """Devices that execute commands when ``execute`` is called, before the requests in ``executes_before``."""

    devices: dict[str, Row] = field(default_factory=dict)
    commands: list[Row] = field(default_factory=list)
    statuses: list[Row] = field(default_factory=list)
    executes_before: str = "never"
    replies: dict[str, Reply] = field(default_factory=dict)

    def add(self, number: int, **more: t.Any) -> None:
        info = {"assigned_blueprint_id": BLUEPRINT, "current_blueprint_id": BLUEPRINT}
        self.devices[uuid(number)] = {
            "id": uuid(number),
            "name": f"DEV-{number}",
            "serial": f"S{number}",
            "alias": None,
            "state": 1,
            "platform": "LINUX",
            "tags": [],
            "blueprint_info": {**info, "current_blueprint_version_id": OLD},
            **more,
        }

    def send(self, body: Row) -> Row:
        """Accept a command."""
        number = len(self.commands) + 1
        created_at = f"2026-03-01T09:30:{number:02d}Z"
        self.commands.append({**body, "id": f"c{number}", "created_at": created_at})
        self.statuses += [
            {"id": f"c{number}-{id_}", "request": f"c{number}", "device": id_, "state": QUEUED}
            for id_ in body["devices"]
        ]
        return self.commands[-1]

    def execute(self) -> None:
        """Execute all pending commands in the order of their creation."""
        for status in self.statuses:
            if status["state"] == QUEUED:
                sent_command = next(row for row in self.commands if row["id"] == status["request"])
                status["state"] = SUCCESS
                self.apply(sent_command, self.devices[status["device"]])

    def apply(self, row: Row, device: Row) -> None:
        if row["command"] == "UPDATE_DEVICE_CONFIG":
            device["alias"] = row["command_args"]["device_alias_name"]
        elif row["command"] == "CONVERGE":
            device["blueprint_info"] = {**device["blueprint_info"], "current_blueprint_version_id": NEW}
        elif row["command"] == "WIPE":
            device["state"] = 70

    def __call__(self, request: Request) -> Reply:
        path = request.path.removeprefix("/api")
        for part, reply in self.replies.items():
            if f"{request.method} {path}".startswith(part):
                return reply
        if request.method == "POST":
            return answers({"content": self.send(request.json)}, 201)
        if path.startswith(self.executes_before):
            self.execute()
        query = request.query
        if path == "/v2/devices/":
            found = list(self.devices.values())
            if "search" in query:
                found = [row for row in found if row["name"] == query["search"]]
            return listing(found)
        if path.startswith("/v2/devices/"):
            device = self.devices.get(path.rpartition("/")[2])
            return answers({"content": device}) if device else answers({"message": "Not found."}, 404)
        if path.startswith("/v2/blueprints/"):
            return answers({"content": {"id": BLUEPRINT, "name": "Kiosk", "latest_published_version_id": NEW}})
        if path == "/commands/v0/commands/":
            ids = query["devices"].split(",")
            named = [row for row in self.commands if query["command"] == row["command"]]
            return listing([row for row in named if set(ids) & set(row["devices"])])
        if path == "/commands/v0/status/":
            devices = query.get("device", "").split(",") if "device" in query else list(self.devices)
            requests = query["request"].split(",")
            return listing([row for row in self.statuses if row["device"] in devices and row["request"] in requests])
        if path.endswith("/stats/"):
            states = [row["state"] for row in self.statuses if row["request"] == path.split("/")[4]]
            return answers({"content": {"status": [{"state": state, "total": 1} for state in states]}})
        return listing([])


def listing(rows: list[Row]) -> Reply:
    return answers({"content": {"count": len(rows), "next": None, "previous": None, "results": rows}})


@pytest.fixture
def tenant(server: Server) -> Tenant:
    server.app = made = Tenant()
    for number in range(3):
        made.add(number)
    return made


class Run(t.Protocol):
    def __call__(self, module: str, *, check_mode: bool = False, **params: t.Any) -> Row:
        """Run a task as the action plugin does."""


@pytest.fixture
def run(server: Server) -> Run:
    def run(module: str, *, check_mode: bool = False, **params: t.Any) -> Row:
        definition = definition_of(module)
        connection = {"api_url": server.url, "api_key": KEY, "enterprise_id": ENTERPRISE, "timeout": 5.0}
        defaults = {name: option.get("default") for name, option in definition.options.items()}
        limits = {"retries": 0, "deadline": 20.0, "validate_certs": True}
        given = {**defaults, **connection, **limits, **params}
        return perform(definition, given, RunContext(check_mode=check_mode, diff=True), params)[0].result

    return run


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "_FIRST_PAUSE", 0.001)


def sent(tenant: Tenant) -> list[tuple[str, list[str]]]:
    return [(row["command"], [id_[-1] for id_ in row["devices"]]) for row in tenant.commands]


# --- aliases ----------------------------------------------------------------------------------------------------------


def test_the_last_alias_takes_effect_on_an_offline_device(tenant: Tenant, run: Run) -> None:
    tenant.devices[uuid(0)].update(alias="A", state=60)
    results = [run("device", devices=["DEV-0"], alias=alias) for alias in "ABBAA"]
    assert [result["changed"] for result in results] == [False, True, False, True, False]
    assert [result["pending_aliases"] for result in results] == [
        [],
        *[[{"id": uuid(0), "name": "DEV-0", "alias": alias}] for alias in "BBAA"],
    ]
    assert results[3]["diff"][0]["before"] == "alias: B\n"
    assert results[4]["counts"]["pending"] == 1
    tenant.execute()
    assert tenant.devices[uuid(0)]["alias"] == "A"
    assert not run("device", devices=["DEV-0"], alias="A")["changed"]
    assert len(tenant.commands) == 2


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("executes_before", ["/commands/v0/commands/", "/commands/v0/status/"])
def test_an_alias_that_is_applied_between_two_reads_is_not_sent_again(
    tenant: Tenant, run: Run, executes_before: str, check_mode: bool
) -> None:
    run("device", devices=["DEV-0"], alias="A")
    tenant.executes_before = executes_before
    result = run("device", devices=["DEV-0"], alias="A", check_mode=check_mode)
    assert (result["changed"], result["pending_aliases"], result["devices"][0]["alias"]) == (False, [], "A")
    assert len(tenant.commands) == 1


def test_another_alias_that_is_applied_between_two_reads_is_replaced(tenant: Tenant, run: Run) -> None:
    tenant.devices[uuid(0)]["alias"] = "A"
    run("device", devices=["DEV-0"], alias="B")
    tenant.executes_before = "/commands/v0/commands/"
    assert run("device", devices=["DEV-0"], alias="A")["changed"]
    tenant.execute()
    assert tenant.devices[uuid(0)]["alias"] == "A"


def test_aliases_can_be_waited_for(tenant: Tenant, run: Run) -> None:
    run("device", devices=["DEV-0"], alias="A")
    tenant.executes_before = "/commands/v0/status/"
    result = run("device", devices=["DEV-0", "DEV-1", "DEV-2"], aliases={"DEV-1": "B", "DEV-2": "C"}, wait=True)
    assert (result["changed"], result["state"], result["counts"]["succeeded"]) == (True, "completed", 2)
    assert result["pending_aliases"] == []
    assert [row["alias"] for row in result["devices"]] == [None, "B", "C"]


def test_the_wait_for_aliases_names_devices_without_a_result(tenant: Tenant, run: Run) -> None:
    tenant.devices[uuid(1)]["state"] = 60
    names, wait = {"DEV-0": "A", "DEV-1": "B"}, {"wait": True, "wait_timeout": 0}
    run("device", devices=list(names), aliases=names)
    result = run("device", devices=list(names), aliases=names, **wait)
    assert (result["failed"], result["changed"]) == (True, False)
    assert "2 of 2 devices did not report a result in time: DEV-0 (pending), DEV-1 (pending)" in result["msg"]
    assert [row["alias"] for row in result["pending_aliases"]] == ["A", "B"]
    # Esper can accept the commands in any order.
    next(row for row in tenant.statuses if row["device"] == uuid(0))["state"] = SUCCESS
    tenant.devices[uuid(0)]["alias"] = "A"
    result = run("device", devices=list(names), aliases=names, wait_for="online", **wait)
    assert (result["state"], result["counts"]["offline"]) == ("completed", 1)
    assert [row["alias"] for row in result["pending_aliases"]] == ["B"]


@pytest.mark.parametrize("state", ["absent", "wiped"])
def test_the_wait_requires_state_present(tenant: Tenant, run: Run, state: str) -> None:
    result = run("device", devices=["DEV-0"], state=state, confirm=True, wait=True)
    assert result["msg"] == f"The option wait requires state=present, not state={state}."


def test_a_device_that_is_wiped_between_two_reads_is_not_wiped_again(tenant: Tenant, run: Run) -> None:
    wipe = {"devices": ["DEV-0"], "state": "wiped", "confirm": True}
    assert run("device", **wipe)["changed"]
    tenant.executes_before = "/commands/v0/commands/"
    assert not run("device", **wipe)["changed"]
    assert sent(tenant) == [("WIPE", ["0"])]
    # A device that was enrolled again since then can be wiped.
    tenant.devices[uuid(0)]["state"] = 1
    assert run("device", **wipe)["changed"]


# --- converge ---------------------------------------------------------------------------------------------------------

ALL = {"devices": ["DEV-0", "DEV-1", "DEV-2"]}


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("executes_before", ["/commands/v0/commands/", "/commands/v0/status/"])
def test_a_device_that_converges_between_two_reads_is_not_converged_again(
    tenant: Tenant, run: Run, executes_before: str, check_mode: bool
) -> None:
    run("converge", devices=["DEV-0", "DEV-1"])
    tenant.executes_before = executes_before
    result = run("converge", check_mode=check_mode, **ALL)
    assert (result["changed"], result["outdated_count"], result["pending_devices"]) == (True, 1, [])
    assert result["diff"][0]["before"].startswith("DEV-2:")
    assert sent(tenant) == [("CONVERGE", ["0", "1"]), ("CONVERGE", ["2"])][: 1 if check_mode else 2]


def test_a_repeated_converge_waits_for_the_pending_devices(tenant: Tenant, run: Run) -> None:
    wait = {"wait": True, "wait_timeout": 0}
    first = run("converge", **ALL, **wait)
    assert (first["failed"], first["changed"], first["counts"]["pending"]) == (True, True, 3)
    tenant.apply(tenant.commands[0], tenant.devices[uuid(0)])
    tenant.statuses[0]["state"] = SUCCESS
    second = run("converge", **ALL, **wait)
    assert (second["failed"], second["changed"], second["commands"]) == (True, False, [])
    assert second["msg"].startswith("The converge: 2 of 2 devices did not report a result in time: DEV-1 (pending)")
    assert [row["name"] for row in second["failed_devices"]] == second["pending_devices"] == ["DEV-1", "DEV-2"]
    tenant.executes_before = "/commands/v0/status/"
    third = run("converge", **ALL, wait=True)
    assert (third["changed"], third["state"]) == (False, "completed")
    assert len(tenant.commands) == 1


def test_new_and_earlier_commands_are_counted_together(tenant: Tenant, run: Run) -> None:
    run("converge", devices=["DEV-0"])
    limit = {"max_unanswered_percentage": 100}
    result = run("converge", **ALL, wait=True, wait_timeout=0, **limit)
    assert (result["state"], result["counts"]["pending"]) == ("pending", 3)
    assert sorted(row["name"] for row in result["failed_devices"]) == ["DEV-0", "DEV-1", "DEV-2"]
    assert sent(tenant) == [("CONVERGE", ["0"]), ("CONVERGE", ["1", "2"])]


def test_counts_are_always_returned(tenant: Tenant, run: Run) -> None:
    for module, params in {
        "converge": ALL,
        "device_command": {**ALL, "command": "REBOOT", "schedule": "IMMEDIATE"},
        "device": {**ALL, "aliases": {"DEV-0": "A", "DEV-1": "B", "DEV-2": "C"}},
    }.items():
        for more in ({"check_mode": True}, {}):
            result = run(module, **params, **more)
            assert (result["state"], result["counts"]["pending"], result["failed_devices"]) == ("accepted", 3, [])
    none = run("device_command", devices=[], command="REBOOT", allow_empty=True)
    assert (none["state"], set(none["counts"].values()), none["failed_devices"]) == ("completed", {0}, [])


# --- accepted, then broken --------------------------------------------------------------------------------------------

REBOOT = {"command": "REBOOT", "wait": True, "wait_timeout": 5}


@pytest.mark.parametrize(
    "broken",
    [
        answers({"message": "No."}, 403),
        answers("<html>", 502),
        answers("not JSON"),
        answers({"content": {"status": [{"state": FAILURE, "total": 3}]}}),
    ],
)
@pytest.mark.parametrize("module", ["device_command", "converge", "device"])
def test_an_accepted_command_is_in_the_message_of_any_failure(
    tenant: Tenant, run: Run, broken: Reply, module: str
) -> None:
    tenant.replies = {"GET /commands/v0/status/": broken, "GET /commands/v0/commands/c1": broken}
    params: dict[str, Row] = {"device_command": REBOOT, "converge": {}, "device": {"alias": "A"}}
    result = run(module, devices=["DEV-0"], **{**params[module], "wait": True})
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["msg"].endswith(" was accepted before (c1), so devices can still execute it."), result
    assert result.get("commands", [{"id": "c1", "devices": 1, "groups": 0}]) == [
        {"id": "c1", "devices": 1, "groups": 0}
    ]


@pytest.mark.parametrize("error", [RuntimeError("no reason"), KeyError("x"), MemoryError()])
def test_an_accepted_command_is_in_the_message_of_an_unexpected_error(
    tenant: Tenant, run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def breaks(*_arguments: t.Any) -> t.Any:
        raise error

    monkeypatch.setattr(waiting.Commands, "poll", breaks)
    result = run("device_command", **ALL, **REBOOT)
    assert result["msg"].startswith("Unexpected error (bug in esper.cloud)")
    assert result["msg"].endswith("The command REBOOT was accepted before (c1), so devices can still execute it.")
    assert (result["changed"], result["device_count"]) == (True, 3)
    assert result["commands"] == [{"id": "c1", "devices": 3, "groups": 0}]


def test_an_accepted_command_is_in_the_message_if_another_request_fails(
    tenant: Tenant, run: Run, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_DEVICES_PER_COMMAND", 2)

    def app(request: Request) -> Reply:
        if request.method == "POST" and request.json["devices"] == [uuid(2)]:
            return answers({"message": "No."}, 403)
        return tenant(request)

    server.app = app
    result = run("device_command", **ALL, command="REBOOT")
    assert (result["failed"], result["changed"], len(result["commands"])) == (True, True, 1)
    assert "HTTP 403: No." in result["msg"]
    assert "The command REBOOT was accepted before (c1)" in result["msg"]
