# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin and the module of a task return the same and send the same requests.

Here, both run in this process. The integration target in_process compares what ansible-playbook shows.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common.parameters import PASS_VARS
from ansible_collections.esper.cloud.plugins.module_utils.engine import batch
from ansible_collections.esper.cloud.plugins.module_utils.http.transport import Transport

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "tests" / "simulator"))

from process import Simulator

Row = dict[str, t.Any]
MakeAction = t.Callable[..., t.Any]
Case = tuple[str, Row]

WRONG_KEY = "not-the-key-of-the-tenant"
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def running() -> t.Iterator[Simulator]:
    with Simulator(devices=20, groups=8, tags=4, seed=7) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Simulator:
    # Since ansible-core 2.21, results contain the arguments only with this setting.
    monkeypatch.setenv("ANSIBLE_INJECT_INVOCATION", "true")
    monkeypatch.setattr(Transport, "_sleep", lambda _transport, _seconds: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "menu.txt").write_text("Soup on Monday\n")
    return running


class Ways:
    """Runs each task as an action plugin and as a module, in tenants that are equal."""

    def __init__(
        self, simulator: Simulator, make_action: MakeAction, monkeypatch: pytest.MonkeyPatch, capsys: t.Any
    ) -> None:
        self._simulator = simulator
        self._make_action = make_action
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.requests: list[Row] = []

    def run(self, *cases: Case, check_mode: bool = False) -> list[Row]:
        """Run the tasks one after the other, and return the results, which are the same in both ways."""
        keywords = {"check_mode": check_mode, "diff": True}
        results, requests = [], []
        for way in (self._act, self._execute):
            self._simulator.reset()
            results.append([_comparable(way(module, self._arguments(args), **keywords)) for module, args in cases])
            requests.append(self._simulator.journal())
        for (module, args), action, executed in zip(cases, *results, strict=True):
            if action.get("failed") and "invocation" not in action:
                # The action plugin has not read the options yet.
                executed.pop("invocation", None)
            assert action == executed, (module, args)
        assert _sent(requests[0]) == _sent(requests[1])
        self.requests = requests[0]
        shown = json.dumps(results)
        assert PASSWORD not in shown
        assert WRONG_KEY not in shown
        assert self._simulator.key not in shown
        return t.cast("list[Row]", results[0])

    def _arguments(self, args: Row) -> Row:
        connection = {
            "api_url": self._simulator.url,
            "api_key": self._simulator.key,
            "enterprise_id": self._simulator.enterprise_id,
            "retries": 1,
        }
        return {**connection, **args}

    def _act(self, module: str, args: Row, **keywords: t.Any) -> Row:
        return t.cast(Row, self._make_action(module, args=args, **keywords).run(task_vars={}))

    def _execute(self, module: str, args: Row, *, check_mode: bool, diff: bool) -> Row:
        settings = {"check_mode": check_mode, "diff": diff, "module_name": f"esper.cloud.{module}"}
        if "inject_invocation" in PASS_VARS:
            settings["inject_invocation"] = True
        given = json.dumps(
            {"ANSIBLE_MODULE_ARGS": {**args, **{f"_ansible_{name}": each for name, each in settings.items()}}}
        ).encode()
        self._monkeypatch.setattr(basic, "_ANSIBLE_ARGS", given)
        if hasattr(basic, "_ANSIBLE_PROFILE"):
            self._monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy")
        self._capsys.readouterr()
        with pytest.raises(SystemExit):
            importlib.import_module(f"ansible_collections.esper.cloud.plugins.modules.{module}").main()
        result: Row = json.loads(self._capsys.readouterr().out)
        return result


def _comparable(result: Row) -> Row:
    """A result without what only exists in one way, until ansible-core adds it: here, warnings are shown at once."""
    left_out = ("exception", "warnings")
    return {"changed": False, **{name: each for name, each in result.items() if name not in left_out}}


def _sent(entries: list[Row]) -> list[str]:
    """The requests as texts, sorted because some are sent side by side, and without the random digits of commands."""
    names = ("method", "path", "query", "body", "status")
    texts = (json.dumps({name: entry[name] for name in names}, sort_keys=True) for entry in entries)
    return sorted(re.sub('"Ansible [0-9a-f]{8}"', '"Ansible"', text) for text in texts)


@pytest.fixture
def ways(simulator: Simulator, make_action: MakeAction, monkeypatch: pytest.MonkeyPatch, capsys: t.Any) -> Ways:
    # The simulator numbers new objects in the order of the requests.
    monkeypatch.setattr(batch, "CONCURRENCY", 1)
    return Ways(simulator, make_action, monkeypatch, capsys)


FAILURES: list[tuple[str, Row, str]] = [
    ("device_group", {"path": "Pilot", "color": "red"}, "color. Supported parameters include"),
    ("api", {}, "missing required arguments: path"),
    ("api", {"path": "/v2/devices/", "body": {}, "form": {}}, "mutually exclusive: body|form"),
    ("device_group_info", {"timeout": "soon"}, "timeout"),
    ("enterprise_policy", {"name": "Counter", "settings": {"permission_policy": "sometimes"}}, "sometimes"),
    ("enterprise_policy", {"name": "Counter", "settings": {"color": "red"}}, "settings.color"),
    ("device_command", {"devcies": ["nobody"], "command": "REBOOT"}, "Did you mean the option devices?"),
    ("device_command", {"devices": ["nobody"], "command": "reboot"}, "Did you mean 'REBOOT' for command?"),
    ("tenant", {"device_groups": [{"path": "Pilot"}, 5]}, "The option device_groups[1] must be a dict, not int."),
    ("blueprint", {"name": "Pilot", "settings": {"andriod": {}}}, "Did you mean the option settings.android?"),
    ("device_group", {"path": "Stores/Berln", "new_path": "Stores/Bern"}, "Berln"),
    ("device_group_info", {"api_key": WRONG_KEY}, "The API key is not valid"),
    ("device_group_info", {"api_key": ""}, "API key"),
    ("device_group_info", {"api_url": "http://127.0.0.1:9/api"}, "127.0.0.1"),
    ("device_group_info", {"api_url": "ftp://127.0.0.1/api"}, "api_url"),
    ("api", {"method": "POST", "path": "/v2/blueprints/", "body": {"name": ""}}, "400"),
    ("device", {"device": "nothing", "devices": ["nothing"], "tags": ["pilot"]}, "nothing"),
    ("tenant", {"device_groups": [{"path": "Pilot/West"}, {"path": "Nowhere/Lost"}]}, "Nowhere"),
]


@pytest.mark.parametrize(("module", "args", "text"), FAILURES)
def test_both_ways_fail_in_the_same_way(ways: Ways, module: str, args: Row, text: str) -> None:
    (result,) = ways.run((module, args))
    assert result["failed"] is True
    assert text in result["msg"]


def test_the_key_in_a_path_is_hidden_in_both_ways(ways: Ways, simulator: Simulator) -> None:
    # The key itself is looked for in the results of each task.
    (result,) = ways.run(("api", {"path": f"/v2/{simulator.key}/"}))
    assert result["failed"] is True


def several(online: list[str]) -> list[Case]:
    """Tasks of all modules that manage or read objects."""
    group = {"path": 'Pilot/Köln "Süd"', "create_parents": True}
    policy = {"name": "Counter", "settings": {"settings_app_password": PASSWORD, "minimum_password_length": 6}}
    content = {"src": str(Path("menu.txt").absolute()), "tags": ["menu"]}
    files = {"android": {"files": [{"content": "menu.txt", "destination_path": "/sdcard/"}]}}
    return [
        ("device_group", group),
        ("device_group", group),
        ("device_group_info", {"path": "Pilot", "subtree": True}),
        ("enterprise_policy", policy),
        ("enterprise_policy_info", {"name": "Counter"}),
        ("app_info", {}),
        ("content", content),
        ("content_info", {"name": "menu.txt"}),
        ("blueprint", {"name": "Canteen", "settings": files}),
        ("blueprint", {"name": "Canteen", "comments": "Soup"}),
        ("blueprint_info", {"name": "Canteen"}),
        ("device_info", {"filters": {"state": "online"}, "detail_level": "minimal", "resolve_names": False}),
        ("device", {"devices": online[:3], "tags": ["pilot"]}),
        ("device_command", {"devices": online[:2], "command": "REBOOT", "wait": False}),
        ("operation", {"operation_type": "LOCK", "device_query": {"state": "online"}}),
        ("operation_info", {}),
        ("converge", {"devices": online[:2], "wait": False}),
        (
            "tenant",
            {
                "device_groups": [{"path": "Pilot/East/Tower"}, {"path": "Pilot/East"}, {"path": "Pilot"}],
                "enterprise_policies": [{**policy, "name": "Several"}],
                "blueprints": [{"name": "Left", "settings": files}],
            },
        ),
        ("personal_access_token", {"name": "report", "expires": "2099-01-01T00:00:00Z", "return_token": True}),
        ("token_info", {}),
        ("api", {"path": "/v1/token-info/"}),
    ]


def test_both_ways_predict_the_same(ways: Ways, simulator: Simulator) -> None:
    online = sorted(each["id"] for each in simulator.state(devices=True)["devices"] if each["state"] == 1)
    ways.run(*several(online), check_mode=True)
    assert {each["method"] for each in ways.requests} == {"GET"}


def test_both_ways_do_the_same(ways: Ways, simulator: Simulator) -> None:
    online = sorted(each["id"] for each in simulator.state(devices=True)["devices"] if each["state"] == 1)
    results = ways.run(*several(online))
    assert [each["msg"] for each in results if each.get("failed")] == []
    assert len([each for each in results if each["changed"]]) > 8


def test_both_ways_read_the_environment(ways: Ways, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPER_TIMEOUT", "soon")
    (result,) = ways.run(("device_group_info", {}))
    assert "timeout" in result["msg"]


def test_a_short_password_is_hidden_in_the_arguments_and_changes_no_id_in_both_ways(ways: Ways) -> None:
    policy = {"name": "Counter 1", "settings": {"settings_app_password": "1", "minimum_password_length": 6}}
    for result in ways.run(
        ("enterprise_policy", policy), ("enterprise_policy", {**policy, "update_password": "always"})
    ):
        assert isinstance(result["enterprise_policy"]["id"], int)
        assert result["enterprise_policy"]["name"] == "Counter 1"
        assert result["invocation"]["module_args"]["settings"]["settings_app_password"] == "********"
