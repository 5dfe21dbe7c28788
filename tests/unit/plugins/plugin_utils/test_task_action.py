# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the integration tests of the action plugin do not reach; they show that it does the same as a module."""

from __future__ import annotations

import datetime
import importlib
import json
import os
import sys
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from ansible.errors import AnsibleFileNotFound
from ansible.module_utils import basic
from ansible_collections.esper.cloud.plugins.module_utils import module
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ConfigurationError, InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.catalog import task_of
from ansible_collections.esper.cloud.plugins.module_utils.index import MODULES
from ansible_collections.esper.cloud.plugins.module_utils.task import ModuleResult
from ansible_collections.esper.cloud.plugins.plugin_utils import task_action
from ansible_collections.esper.cloud.tests.unit.service import Server, answers, hangs

KEY = "k3y-Of-The-Tests-0123456789"
ENTERPRISE = "0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d"
MakeAction = t.Callable[..., t.Any]


@pytest.fixture(autouse=True)
def _no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is a module made in the controller's process, nor is one started here."""

    def refuse(*_arguments: t.Any, **_options: t.Any) -> None:
        raise AssertionError("a module was made or started")

    monkeypatch.setattr(basic.AnsibleModule, "__init__", refuse)
    monkeypatch.setattr(task_action.NormalAction, "run", refuse)


@pytest.fixture
def arguments(server: Server) -> dict[str, t.Any]:
    return {"api_url": server.url, "api_key": KEY, "enterprise_id": ENTERPRISE, "path": "/v2/devices/"}


def test_a_task_is_done_in_the_process(make_action: MakeAction, server: Server, arguments: dict[str, t.Any]) -> None:
    server.replies(answers({"count": 0}))
    result = make_action(args=arguments).run(task_vars={})
    result.pop("invocation", None)
    assert result == {"changed": False, "status": 200, "content": {"count": 0}}


def test_a_task_of_a_device_is_done_in_the_process(
    make_action: MakeAction, server: Server, arguments: dict[str, t.Any]
) -> None:
    server.replies(answers({"count": 0}))
    action = make_action(args=arguments)
    action._connection.transport = "esper.cloud.device"
    assert action.run(task_vars={})["status"] == 200


def test_a_module_of_a_device_runs_on_the_controller(make_action: MakeAction, monkeypatch: pytest.MonkeyPatch) -> None:
    local, used = object(), []
    monkeypatch.setattr(task_action.NormalAction, "run", lambda action, *_: used.append(action._connection))
    action = make_action(args={"path": "/"}, async_val=60)
    action._connection.transport = "esper.cloud.device"
    action._connection.use_controller = lambda: local
    action._display.vvv = lambda text, host: None
    action.run(task_vars={})
    assert used == [local]


@pytest.mark.parametrize("name", MODULES)
def test_each_module_has_its_options_checked(make_action: MakeAction, name: str) -> None:
    result = make_action(name, args={"colour": "red"}).run(task_vars={})
    assert result["failed"] is True
    unknown = f"Unsupported parameters for (esper.cloud.{name}) module: colour. Supported"
    assert result["msg"].startswith((unknown, "missing required", "one of the following", "state is "))


@pytest.mark.parametrize("in_process", [True, False])
def test_what_would_break_the_check_of_options_is_refused_before(make_action: MakeAction, in_process: bool) -> None:
    action = make_action("enterprise_policy", args={"name": "x", "settings": False})
    result = action.run(task_vars={"esper_in_process": in_process})
    assert result == {"failed": True, "msg": "The option settings takes a dict, not a value of the type bool."}


def test_an_option_that_is_given_by_both_of_its_names_is_warned_of(make_action: MakeAction) -> None:
    result = make_action("device", args={"device": "a", "devices": ["b"], "state": "?"}).run(task_vars={})
    assert result["warnings"] == ["Both option devices and its alias device are set."]


def test_a_hanging_server_ends_with_the_deadline(
    make_action: MakeAction, server: Server, arguments: dict[str, t.Any]
) -> None:
    server.replies(*[hangs] * 10)
    result = make_action(args={**arguments, "deadline": 0.3, "timeout": 60}).run(task_vars={})
    assert result["failed"] is True
    assert "did not answer in time" in result["msg"]


@pytest.mark.parametrize("error", [RuntimeError(f"no {KEY}"), KeyError(KEY), ValueError("no reason")])
def test_a_defect_is_told_without_the_key(
    make_action: MakeAction, arguments: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def breaks(*_arguments: t.Any) -> ModuleResult:
        raise error

    plugin = importlib.import_module("ansible_collections.esper.cloud.plugins.action.api").ActionModule
    monkeypatch.setattr(plugin, "definition", replace(task_of("api"), run=breaks))
    before = Path.cwd()
    result = make_action(args=arguments).run(task_vars={})
    assert result["failed"] is True
    assert type(error).__name__ in result["msg"]
    assert "Traceback" in result["exception"]
    assert KEY not in json.dumps(result)
    assert Path.cwd() == before


@pytest.mark.parametrize("value", [None, "", "  "])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_identifier_that_says_nothing_is_an_error(
    make_action: MakeAction, arguments: dict[str, t.Any], value: t.Any, state: str
) -> None:
    connection = {name: each for name, each in arguments.items() if name != "path"}
    result = make_action("enterprise_policy", args={**connection, "name": value, "state": state}).run(task_vars={})
    assert result["failed"] is True
    assert result["msg"].startswith(f"The option name is {'null' if value is None else 'empty'}.")


def test_in_check_mode_null_is_known_after_apply(make_action: MakeAction, arguments: dict[str, t.Any]) -> None:
    connection = {name: each for name, each in arguments.items() if name != "path"}
    args = {**connection, "id": None, "active": True}
    result = make_action("enterprise_policy", args=args, check_mode=True).run(task_vars={})
    assert result["changed"] is True
    assert result["enterprise_policy"]["id"] is None
    assert "null in check mode" in result["warnings"][0]
    result = make_action("enterprise_policy_info", args={**connection, "id": None}, check_mode=True).run(task_vars={})
    assert result["enterprise_policies"] == []
    assert result["changed"] is False


def test_a_time_limit_of_the_task_is_let_through(
    make_action: MakeAction, arguments: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class TimeIsUp(BaseException):
        pass

    def is_interrupted(*_arguments: t.Any, **_options: t.Any) -> ModuleResult:
        raise TimeIsUp

    monkeypatch.setattr(module, "execute", is_interrupted)
    before = Path.cwd()
    with pytest.raises(TimeIsUp):
        make_action(args=arguments).run(task_vars={})
    assert Path.cwd() == before


@pytest.mark.parametrize(("no_log", "said"), [(False, ["Half of it"]), (True, [])])
def test_progress_is_told_unless_nothing_is_to_be_shown(
    make_action: MakeAction,
    arguments: dict[str, t.Any],
    monkeypatch: pytest.MonkeyPatch,
    no_log: bool,
    said: list[str],
) -> None:
    def tells(_task: t.Any, _params: t.Any, mode: t.Any, user_agent: str) -> ModuleResult:
        mode.progress("Half of it")
        return ModuleResult({})

    monkeypatch.setattr(module, "execute", tells)
    heard: list[str] = []
    make_action(said=heard, args=arguments, no_log=no_log).run(task_vars={})
    assert heard == said


def test_arguments_come_as_a_module_gets_them() -> None:
    class Text(str):
        """Such as ansible-core's text that knows where it is from."""

    class Vaulted:
        def __str__(self) -> str:
            return "decrypted"

    plain = task_action._json(
        {
            Text("key"): Text("value"),
            "secret": Vaulted(),
            "day": datetime.date(2026, 3, 1),
            "moment": datetime.datetime(2026, 3, 1, 9, 30),
            "several": (1, 2.5, None, True),
            "one": {Text("x")},
        }
    )
    assert plain == {
        "key": "value",
        "secret": "decrypted",
        "day": "2026-03-01",
        "moment": "2026-03-01T09:30:00",
        "several": [1, 2.5, None, True],
        "one": ["x"],
    }
    assert {type(each) for each in (*plain, plain["key"], *plain["one"])} == {str}


@pytest.mark.parametrize("delegated", [False, True])
def test_another_interpreter_is_told_from_this_one(make_action: MakeAction, tmp_path: Path, delegated: bool) -> None:
    own, elsewhere, linked = Path(sys.executable), tmp_path / "bin", tmp_path / "same"
    elsewhere.mkdir()
    # As in another virtual environment: the same program, but with other libraries.
    (elsewhere / own.name).symlink_to(own.resolve())
    linked.symlink_to(own.parent)

    def other(interpreter: t.Any) -> str:
        variables = {} if interpreter is None else {"ansible_python_interpreter": interpreter}
        if delegated:
            action = make_action(delegate_to="host")
            elsewhere_set = {"ansible_python_interpreter": "/not/this/one"}
            return str(action._other_interpreter({**elsewhere_set, "ansible_delegated_vars": {"host": variables}}))
        return str(make_action()._other_interpreter(variables))

    for same in (None, "", "auto", "auto_silent", str(own), str(linked / own.name)):
        assert other(same) == ""
    for different in (str(elsewhere / own.name), "/no/such/python"):
        assert other(different) == different


@pytest.mark.parametrize(
    ("variable", "variables_of_the_task", "process", "wanted"),
    [
        (None, {}, None, True),
        (None, {}, "", True),
        (None, {}, "no", False),
        (None, {"ESPER_IN_PROCESS": True}, "no", True),
        (True, {"ESPER_IN_PROCESS": "no"}, "no", True),
        ("false", {}, "yes", False),
        (False, {}, None, False),
    ],
)
def test_the_switch(
    make_action: MakeAction,
    monkeypatch: pytest.MonkeyPatch,
    variable: t.Any,
    variables_of_the_task: dict[str, t.Any],
    process: str | None,
    wanted: bool,
) -> None:
    monkeypatch.delenv("ESPER_IN_PROCESS", raising=False)
    if process is not None:
        monkeypatch.setenv("ESPER_IN_PROCESS", process)
    assert make_action()._is_wanted({"esper_in_process": variable}, variables_of_the_task) is wanted


def test_a_switch_that_is_neither_on_nor_off(make_action: MakeAction) -> None:
    with pytest.raises(ConfigurationError, match=r"esper_in_process .* is neither true nor false"):
        make_action()._is_wanted({"esper_in_process": "perhaps"}, {})


def test_relative_paths_begin_where_the_playbook_is(tmp_path: Path) -> None:
    before = Path.cwd()
    with task_action._directory(str(tmp_path)):
        assert Path("x").resolve().parent == Path(os.path.realpath(tmp_path))
    assert Path.cwd() == before


# --- files of the controller ------------------------------------------------------------------------------------------


@pytest.fixture
def finding(make_action: MakeAction, tmp_path: Path) -> t.Any:
    """An action for which some files are among those of a role."""
    there = {"menu.png": "/role/files/menu.png", "signage": "/role/files/signage"}

    def find(_kind: str, path: str) -> str:
        if path not in there:
            raise AnsibleFileNotFound(paths=["/role/files/" + path], file_name=path)
        return there[path]

    action = make_action("tenant")
    action._find_needle = find
    return action


def found(action: t.Any, args: dict[str, t.Any], option: str = "contents.src") -> t.Any:
    return action._with_found(args, option.split("."))


def test_a_path_of_a_module_is_found(finding: t.Any) -> None:
    given = {"src": "menu.png", "name": "menu.png"}
    assert found(finding, given, "src") == {"src": "/role/files/menu.png", "name": "menu.png"}
    # What the task has is left as it is, for it is templated anew for the next host.
    assert given["src"] == "menu.png"


def test_a_path_in_each_item_of_a_list_is_found(finding: t.Any) -> None:
    given = {
        "contents": [{"src": "menu.png", "tags": ["a"]}, {"name": "b"}, {"src": "signage"}],
        "apps": [{"src": "x"}],
    }
    assert found(finding, given) == {
        "contents": [
            {"src": "/role/files/menu.png", "tags": ["a"]},
            {"name": "b"},
            {"src": "/role/files/signage"},
        ],
        "apps": [{"src": "x"}],
    }
    assert given["contents"][0] == {"src": "menu.png", "tags": ["a"]}


@pytest.mark.parametrize("src", ["/abs/menu.png", "~/menu.png", "$HOME/menu.png"])
def test_a_path_that_is_not_relative_is_left_alone(finding: t.Any, src: str) -> None:
    assert found(finding, {"contents": [{"src": src}]}) == {"contents": [{"src": src}]}


@pytest.mark.parametrize(
    "contents",
    [
        None,
        "",
        [],
        {},
        "menu.png",
        5,
        [None],
        ["menu.png"],
        [5],
        [[]],
        [{}],
        [{"src": None}],
        [{"src": ""}],
        [{"src": 5}],
        [{"src": ["menu.png"]}],
    ],
)
def test_arguments_that_are_not_as_they_should_be_are_left_to_be_complained_of(finding: t.Any, contents: t.Any) -> None:
    given = {"contents": contents, "on_error": "stop"}
    assert found(finding, given) == given


def test_one_item_without_a_list_is_taken_for_a_list(finding: t.Any) -> None:
    # Ansible makes a list of it, too.
    assert found(finding, {"contents": {"src": "menu.png"}}) == {"contents": {"src": "/role/files/menu.png"}}


def test_a_file_that_is_nowhere_is_told_with_the_places(
    finding: t.Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    args = {"contents": [{"src": "menu.png"}, {"src": "no.png"}]}
    with pytest.raises(InvalidParameter, match=r"no file 'no.png' .* Looked for: /role/files/no.png, .*/no.png\."):
        found(finding, args)
    (tmp_path / "no.png").touch()
    assert found(finding, args)["contents"][1]["src"] == str(tmp_path / "no.png")


def test_files_are_looked_for_in_all_lists_of_a_local_task(finding: t.Any) -> None:
    args = {"contents": [{"src": "menu.png"}], "apps": [{"src": "menu.png"}], "blueprints": [{"src": "menu.png"}]}
    finding._task.args = args
    finding._find_sources(task_of("tenant"))
    file = [{"src": "/role/files/menu.png"}]
    assert finding._task.args == {"contents": file, "apps": file, "blueprints": [{"src": "menu.png"}]}
    finding._task.args, finding._connection.transport = args, "esper.cloud.device"
    finding._find_sources(task_of("tenant"))
    assert finding._task.args["contents"] == file
    finding._task.args, finding._connection.transport = args, "ssh"
    finding._find_sources(task_of("tenant"))
    assert finding._task.args == args
