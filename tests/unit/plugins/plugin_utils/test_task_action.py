# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit tests of the action plugin. Integration tests compare its results with those of the module."""

from __future__ import annotations

import datetime
import importlib
import json
import os
import re
import signal
import sys
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from ansible.errors import AnsibleFileNotFound
from ansible.module_utils import basic
from ansible_collections.esper.cloud.plugins.module_utils import module
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ConfigurationError, InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.index import MODULES
from ansible_collections.esper.cloud.plugins.module_utils.task import ModuleResult
from ansible_collections.esper.cloud.plugins.plugin_utils import task_action
from ansible_collections.esper.cloud.tests.unit.service import Clock, Server, answers, hangs

KEY = "k3y-Of-The-Tests-0123456789"
ENTERPRISE = "0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d"
MakeAction = t.Callable[..., t.Any]


@pytest.fixture(autouse=True)
def _no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if a test creates or starts a module."""

    def refuse(*_arguments: t.Any, **_options: t.Any) -> None:
        raise AssertionError("a module was created or started")

    monkeypatch.setattr(basic.AnsibleModule, "__init__", refuse)
    monkeypatch.setattr(task_action.NormalAction, "run", refuse)


@pytest.fixture
def arguments(server: Server) -> dict[str, t.Any]:
    return {"api_url": server.url, "api_key": KEY, "enterprise_id": ENTERPRISE, "path": "/v2/devices/"}


def test_a_task_runs_in_the_process(make_action: MakeAction, server: Server, arguments: dict[str, t.Any]) -> None:
    server.replies(answers({"count": 0}))
    result = make_action(args=arguments).run(task_vars={})
    result.pop("invocation", None)
    assert result == {"changed": False, "status": 200, "content": {"count": 0}}


def test_a_task_with_the_connection_device_runs_in_the_process(
    make_action: MakeAction, server: Server, arguments: dict[str, t.Any]
) -> None:
    server.replies(answers({"count": 0}))
    action = make_action(args=arguments)
    action._connection.transport = "esper.cloud.device"
    assert action.run(task_vars={})["status"] == 200


def test_an_async_task_with_the_connection_device_runs_on_the_controller(
    make_action: MakeAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    local, used = object(), []
    monkeypatch.setattr(task_action.NormalAction, "run", lambda action, *_: used.append(action._connection) or {})
    action = make_action(args={"path": "/"}, async_val=60)
    action._connection.transport = "esper.cloud.device"
    action._connection.use_controller = lambda: local
    action._display.vvv = lambda text, host: None
    action.run(task_vars={})
    assert used == [local]


@pytest.mark.parametrize("name", MODULES)
def test_unknown_options_of_each_module_are_rejected(make_action: MakeAction, name: str) -> None:
    result = make_action(name, args={"color": "red"}).run(task_vars={})
    assert result["failed"] is True
    unknown = f"Unsupported parameters for (esper.cloud.{name}) module: color. Supported"
    assert result["msg"].startswith((unknown, "missing required", "one of the following", "state is "))


@pytest.mark.parametrize("in_process", [True, False])
def test_a_type_mismatch_fails_before_validation(make_action: MakeAction, in_process: bool) -> None:
    action = make_action("enterprise_policy", args={"name": "x", "settings": False})
    result = action.run(task_vars={"esper_in_process": in_process})
    assert result == {"failed": True, "msg": "The option settings must be a dict, not bool."}


def test_the_content_of_a_file_in_place_of_its_path_is_not_shown(make_action: MakeAction) -> None:
    content = "eyJ0b2tlbiI6" * 30
    result = make_action("vpp_token", args={"src": content}).run(task_vars={})
    assert result == {
        "failed": True,
        "msg": "The option src is not a path, but has 360 characters. Set the path of the file.",
    }


def test_an_option_and_its_alias_cause_a_warning(make_action: MakeAction) -> None:
    result = make_action("device", args={"device": "a", "devices": ["b"], "state": "?"}).run(task_vars={})
    assert result["warnings"] == ["Both option devices and its alias device are set."]


def test_a_hanging_server_fails_at_the_deadline(
    make_action: MakeAction, server: Server, arguments: dict[str, t.Any]
) -> None:
    server.replies(*[hangs] * 10)
    result = make_action(args={**arguments, "deadline": 0.3, "timeout": 60}).run(task_vars={})
    assert result["failed"] is True
    assert "the task exceeded its deadline of 0.3 s" in result["msg"]


@pytest.mark.parametrize("error", [RuntimeError(f"no {KEY}"), KeyError(KEY), ValueError("no reason")])
def test_an_unexpected_error_does_not_show_the_key(
    make_action: MakeAction, arguments: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def breaks(*_arguments: t.Any) -> ModuleResult:
        raise error

    plugin = importlib.import_module("ansible_collections.esper.cloud.plugins.action.api").ActionModule
    monkeypatch.setattr(plugin, "definition", replace(definition_of("api"), run=breaks))
    before = Path.cwd()
    result = make_action(args=arguments).run(task_vars={})
    assert result["failed"] is True
    assert type(error).__name__ in result["msg"]
    assert "Traceback" in result["exception"]
    assert KEY not in json.dumps(result)
    assert Path.cwd() == before


@pytest.mark.parametrize("value", [None, "", "  "])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_empty_or_null_identifier_is_an_error(
    make_action: MakeAction, arguments: dict[str, t.Any], value: t.Any, state: str
) -> None:
    connection = {name: value for name, value in arguments.items() if name != "path"}
    result = make_action("enterprise_policy", args={**connection, "name": value, "state": state}).run(task_vars={})
    assert result["failed"] is True
    assert result["msg"].startswith(f"The option name is {'null' if value is None else 'empty'}.")


def test_in_check_mode_null_is_known_after_apply(make_action: MakeAction, arguments: dict[str, t.Any]) -> None:
    connection = {name: value for name, value in arguments.items() if name != "path"}
    args = {**connection, "id": None, "active": True}
    result = make_action("enterprise_policy", args=args, check_mode=True).run(task_vars={})
    assert result["changed"] is True
    assert result["enterprise_policy"]["id"] is None
    assert "null in check mode" in result["warnings"][0]
    result = make_action("enterprise_policy_info", args={**connection, "id": None}, check_mode=True).run(task_vars={})
    assert result["enterprise_policies"] == []
    assert result["changed"] is False


def test_a_timeout_of_ansible_is_not_caught(
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


class TaskTimeoutError(BaseException):
    """The exception of ansible-core, which has different places in its versions."""


def interrupted_after(
    monkeypatch: pytest.MonkeyPatch, interrupt: t.Callable[[], None], *sentences: str, writes: t.Sequence[str] = ()
) -> None:
    """Interrupt the task after it has recorded effects."""

    def executes(_task: t.Any, _params: t.Any, context: t.Any, **_options: t.Any) -> ModuleResult:
        for sentence in sentences:
            context.effects.add(sentence, commands=[{"id": "c1"}])
        context.effects.writes.accepted.extend(writes)
        interrupt()
        return ModuleResult({"changed": True})

    monkeypatch.setattr(module, "execute", executes)


def times_out() -> None:
    raise TaskTimeoutError


def test_the_timeout_of_a_task_keeps_what_was_accepted(
    make_action: MakeAction, arguments: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_after(monkeypatch, times_out, "The command LOCK was accepted before (c1).", writes=["Sending it"])
    result = make_action(args=arguments, timeout=5).run(task_vars={})
    result.pop("invocation", None)
    assert result == {
        "failed": True,
        "changed": True,
        "commands": [{"id": "c1"}],
        "msg": "The task exceeded its timeout of 5 s. The command LOCK was accepted before (c1).",
        "timedout": {"period": 5},
    }


def test_the_timeout_of_a_task_names_some_write_requests(
    make_action: MakeAction, arguments: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_after(monkeypatch, times_out, writes=[f"Creating {number}" for number in range(5)])
    result = make_action(args=arguments, timeout=5).run(task_vars={})
    assert result["changed"] is True
    assert result["msg"].endswith(
        "Before this, the task completed: creating 0, creating 1, creating 2 and 2 more requests."
        " Run the task again to apply the rest."
    )


def test_the_timeout_of_a_task_names_requests_without_a_response(
    make_action: MakeAction, server: Server, arguments: dict[str, t.Any]
) -> None:
    server.replies(hangs)
    before = signal.signal(signal.SIGALRM, lambda *_arguments: times_out())
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        result = make_action(args={**arguments, "method": "POST", "body": {}}, timeout=5).run(task_vars={})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert (result["failed"], result["changed"]) == (True, True)
    assert re.search(r"timeout of 5 s\. Esper can also have accepted requests without a response: .*\.$", result["msg"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("no_log", "writes"), [(False, ["Creating it"]), (True, ["Creating it"]), (False, [])])
def test_a_signal_shows_the_effects_and_then_calls_the_handler_of_ansible(
    make_action: MakeAction,
    arguments: dict[str, t.Any],
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    no_log: bool,
    writes: list[str],
) -> None:
    received: list[int] = []
    readable, writable = os.pipe()
    monkeypatch.setattr(task_action, "_CONTROLLER_STDERR", writable)
    interrupted_after(monkeypatch, lambda: os.kill(os.getpid(), number), writes=[each + KEY for each in writes])
    before = signal.signal(number, lambda received_number, _frame: received.append(received_number))
    try:
        with pytest.raises(KeyboardInterrupt):
            make_action(args=arguments, no_log=no_log).run(task_vars={})
    finally:
        own = signal.signal(number, before)
    os.close(writable)
    with os.fdopen(readable) as output:
        shown = output.read()
    assert received == [number]
    assert callable(own)
    assert shown == (
        "[WARNING]: The task esper.cloud.api was interrupted. Before this, the task completed: creating it********."
        " Run the task again to apply the rest.\n"
        if writes and not no_log
        else ""
    )


@pytest.mark.parametrize(
    ("is_terminal", "verbosity", "shown"),
    [
        (True, 0, ["0", "45", "!45", "90", "!90"]),
        (True, 1, ["0", "45", "90"]),
        # Standard output can be a result in JSON.
        (False, 0, ["0", "45", "stderr!45", "90", "stderr!90"]),
        (False, 1, ["0", "45", "90"]),
    ],
)
def test_progress_is_shown_once_a_minute(
    make_action: MakeAction,
    arguments: dict[str, t.Any],
    monkeypatch: pytest.MonkeyPatch,
    is_terminal: bool,
    verbosity: int,
    shown: list[str],
) -> None:
    clock = Clock()

    def waits(_task: t.Any, _params: t.Any, context: t.Any, **_options: t.Any) -> ModuleResult:
        for now in (0, 45, 90):
            clock.now = 1000.0 + now
            context.progress(str(now))
        return ModuleResult({})

    monkeypatch.setattr(module, "execute", waits)
    monkeypatch.setattr(task_action, "time", clock)
    monkeypatch.setattr(task_action, "_IS_TERMINAL", is_terminal)
    output: list[str] = []
    action = make_action(shown=output, args=arguments)
    # Display.v() shows a text only with -v.
    action._display.verbosity = verbosity
    action._display.display = lambda text, stderr: output.append(f"{'stderr' * stderr}!{text}")
    action.run(task_vars={})
    name = "Restart the kiosks: "
    assert {name in line for line in output} == {True}
    assert sorted(line.replace(name, "") for line in output) == sorted(shown)


@pytest.mark.parametrize(("no_log", "shown"), [(False, ["Restart the kiosks: Half of it"]), (True, [])])
def test_progress_is_shown_unless_no_log_is_set(
    make_action: MakeAction,
    arguments: dict[str, t.Any],
    monkeypatch: pytest.MonkeyPatch,
    no_log: bool,
    shown: list[str],
) -> None:
    def tells(_task: t.Any, _params: t.Any, mode: t.Any, **_options: t.Any) -> ModuleResult:
        mode.progress("Half of it")
        return ModuleResult({})

    monkeypatch.setattr(module, "execute", tells)
    output: list[str] = []
    make_action(shown=output, args=arguments, no_log=no_log).run(task_vars={})
    assert output == shown


def test_progress_has_no_secrets(
    make_action: MakeAction, arguments: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    def tells(_task: t.Any, _params: t.Any, context: t.Any, **_options: t.Any) -> ModuleResult:
        context.progress(f"Creating '{key}'\x1b[2K")
        return ModuleResult({})

    monkeypatch.setattr(module, "execute", tells)
    output: list[str] = []
    make_action(shown=output, args={**arguments, "api_key": key}).run(task_vars={})
    assert output == [r"Restart the kiosks: Creating '********'\x1b[2K"]


def test_arguments_are_plain_data() -> None:
    class Text(str):
        """A text with a tag, as in ansible-core."""

    class Vaulted:
        def __str__(self) -> str:
            return "decrypted"

    plain = task_action.plain(
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
    assert {type(text) for text in (*plain, plain["key"], *plain["one"])} == {str}


@pytest.mark.parametrize("delegated", [False, True])
def test_the_interpreter_is_compared_with_that_of_the_controller(
    make_action: MakeAction, tmp_path: Path, delegated: bool
) -> None:
    own, elsewhere, linked = Path(sys.executable), tmp_path / "bin", tmp_path / "same"
    elsewhere.mkdir()
    # As in another virtual environment: the same program with other libraries.
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
    ("variable", "variables_of_the_task", "process", "expected"),
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
def test_esper_in_process_selects_process_or_module(
    make_action: MakeAction,
    monkeypatch: pytest.MonkeyPatch,
    variable: t.Any,
    variables_of_the_task: dict[str, t.Any],
    process: str | None,
    expected: bool,
) -> None:
    monkeypatch.delenv("ESPER_IN_PROCESS", raising=False)
    if process is not None:
        monkeypatch.setenv("ESPER_IN_PROCESS", process)
    assert make_action()._is_enabled({"esper_in_process": variable}, variables_of_the_task) is expected


def test_an_invalid_value_of_esper_in_process_is_an_error(make_action: MakeAction) -> None:
    with pytest.raises(
        ConfigurationError, match=r"Invalid value 'perhaps' of the variable esper_in_process .* Set it to true or false"
    ):
        make_action()._is_enabled({"esper_in_process": "perhaps"}, {})


def test_relative_paths_start_at_the_directory_of_the_playbook(tmp_path: Path) -> None:
    before = Path.cwd()
    with task_action._directory(str(tmp_path)):
        assert Path("x").resolve().parent == Path(os.path.realpath(tmp_path))
    assert Path.cwd() == before


# --- files of the controller ------------------------------------------------------------------------------------------


@pytest.fixture
def finding(make_action: MakeAction, tmp_path: Path) -> t.Any:
    """An action plugin of a role with some files."""
    files = {"menu.png": "/role/files/menu.png", "signage": "/role/files/signage"}

    def find(_kind: str, path: str) -> str:
        if path not in files:
            raise AnsibleFileNotFound(paths=["/role/files/" + path], file_name=path)
        return files[path]

    action = make_action("tenant")
    action._find_needle = find
    return action


def found(action: t.Any, args: dict[str, t.Any], option: str = "contents.src") -> t.Any:
    return action._resolve_option(args, option.split("."))


def test_the_path_of_a_module_is_resolved(finding: t.Any) -> None:
    given = {"src": "menu.png", "name": "menu.png"}
    assert found(finding, given, "src") == {"src": "/role/files/menu.png", "name": "menu.png"}
    # The arguments of the task are not changed, because Ansible templates them again for the next host.
    assert given["src"] == "menu.png"


def test_the_path_of_each_item_is_resolved(finding: t.Any) -> None:
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
def test_an_absolute_path_is_unchanged(finding: t.Any, src: str) -> None:
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
def test_invalid_arguments_are_unchanged(finding: t.Any, contents: t.Any) -> None:
    given = {"contents": contents, "on_error": "stop"}
    assert found(finding, given) == given


def test_a_single_item_is_resolved_like_a_list(finding: t.Any) -> None:
    # Ansible also converts it to a list.
    assert found(finding, {"contents": {"src": "menu.png"}}) == {"contents": {"src": "/role/files/menu.png"}}


def test_a_missing_file_is_reported_with_the_searched_paths(
    finding: t.Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    args = {"contents": [{"src": "menu.png"}, {"src": "no.png"}]}
    with pytest.raises(
        InvalidParameter,
        match=r"The file 'no.png' was not found\. Correct the path\. Searched paths: /role/files/no.png, .*/no.png\.",
    ):
        found(finding, args)
    (tmp_path / "no.png").touch()
    assert found(finding, args)["contents"][1]["src"] == str(tmp_path / "no.png")


def test_a_deletion_need_not_have_the_file(finding: t.Any) -> None:
    given = {"src": "no.png", "state": "absent"}
    assert found(finding, given, "src") == given
    assert found(finding, {"src": "menu.png", "state": "absent"}, "src")["src"] == "/role/files/menu.png"
    nested = {"options": [{"script_src": "no.sh"}], "state": "absent"}
    assert found(finding, nested, "options.script_src") == nested
    with pytest.raises(InvalidParameter, match=r"The file 'no.png' was not found\."):
        found(finding, {"contents": [given, {"src": "no.png"}]})


def test_paths_in_all_lists_of_a_task_on_the_controller_are_resolved(finding: t.Any) -> None:
    args = {"contents": [{"src": "menu.png"}], "apps": [{"src": "menu.png"}], "blueprints": [{"src": "menu.png"}]}
    finding._task.args = args
    finding._resolve_files(definition_of("tenant"))
    file = [{"src": "/role/files/menu.png"}]
    assert finding._task.args == {"contents": file, "apps": file, "blueprints": [{"src": "menu.png"}]}
    finding._task.args, finding._connection.transport = args, "esper.cloud.device"
    finding._resolve_files(definition_of("tenant"))
    assert finding._task.args["contents"] == file
    finding._task.args, finding._connection.transport = args, "ssh"
    finding._resolve_files(definition_of("tenant"))
    assert finding._task.args == args


def test_the_placeholder_of_omit_inside_a_list_is_left_out(make_action: MakeAction, monkeypatch: t.Any) -> None:
    seen: list[t.Any] = []

    def perform(
        _definition: t.Any, params: t.Any, _context: t.Any, args: t.Any, _secrets: t.Any
    ) -> tuple[ModuleResult, set[str]]:
        seen.extend([params["devices"], params["tags"], args["aliases"]])
        return ModuleResult({"changed": False}), set()

    monkeypatch.setattr(task_action, "perform", perform)
    omit = f"__omit_place_holder__{'0a' * 20}"
    args = {"api_key": KEY, "devices": ["a", omit], "tags": [omit], "aliases": {"a": "b", "c": omit}}
    make_action("device", args=args).run(task_vars={})
    assert seen == [["a"], [], {"a": "b"}]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"devices": [5349]}, "The option devices[0] must be a text, not the number 5349."),
        ({"devices": ["a"], "group": False}, "The option group must be a text, not the boolean False."),
        ({"devices": ["a"], "aliases": {8: "x"}}, "The option aliases[8] must be a text, not the number 8."),
    ],
)
def test_a_name_that_yaml_made_a_number_is_an_error_before_any_request(
    make_action: MakeAction, server: Server, args: dict[str, t.Any], message: str
) -> None:
    result = make_action("device", args={"api_url": server.url, "api_key": KEY, **args}).run(task_vars={})
    assert result["failed"]
    assert result["msg"].startswith(message)
    assert server.sent == []


# --- the connection as variables --------------------------------------------------------------------------------------

OTHER_KEY = "key-Of-Another-Tenant-0123"


def sent_keys(server: Server) -> list[str]:
    return [request.headers["authorization"].removeprefix("Bearer ") for request in server.requests]


def test_variables_set_what_the_task_and_the_environment_do_not(
    make_action: MakeAction, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.replies(*[answers({"count": 0})] * 3)
    monkeypatch.setenv("ESPER_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("ESPER_API_KEY", OTHER_KEY)
    variables = {"esper_api_url": server.url, "esper_api_key": KEY, "esper_tenant": "", "esper_retries": "0"}
    action = make_action(args={"path": "/v2/devices/"})
    result = action.run(task_vars=variables)
    assert result["status"] == 200
    assert KEY not in json.dumps(result)
    assert action._task.args == {"path": "/v2/devices/"}
    # Options of the task take precedence.
    for args in ({"api_key": "own-key"}, {"api_url": server.url, "api_key": "own-key"}):
        assert make_action(args={**args, "path": "/v2/devices/"}).run(task_vars=variables)["status"] == 200
    assert sent_keys(server) == [KEY, "own-key", "own-key"]


@pytest.mark.parametrize(
    ("args", "variables", "environment"),
    [
        # Of a variable and the task, of the environment and a variable.
        ({"tenant": "own"}, {"esper_tenant": "acme", "esper_api_key": KEY}, {}),
        ({}, {"esper_tenant": "acme"}, {"ESPER_TENANT": "other", "ESPER_API_KEY": KEY}),
        # Two variables with different tenants, for example of an inventory file and of group_vars.
        ({}, {"esper_tenant": "acme", "esper_api_url": "https://other-api.esper.cloud/api", "esper_api_key": KEY}, {}),
    ],
)
def test_the_key_of_a_tenant_is_not_sent_to_another(
    make_action: MakeAction,
    monkeypatch: pytest.MonkeyPatch,
    args: dict[str, t.Any],
    variables: dict[str, t.Any],
    environment: dict[str, str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = make_action(args={**args, "path": "/v2/devices/"}).run(task_vars=variables)
    assert result["failed"] is True
    assert "is for another tenant than" in result["msg"]
    assert KEY not in json.dumps(result)


def test_a_module_gets_the_variables_but_the_arguments_of_the_task_do_not_keep_them(
    make_action: MakeAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, t.Any]] = []
    monkeypatch.setattr(task_action.NormalAction, "run", lambda action, *_: seen.append(dict(action._task.args)) or {})
    monkeypatch.setenv("ESPER_ENTERPRISE_ID", ENTERPRISE)
    action = make_action(args={"path": "/"}, async_val=60)
    action._display.vvv = lambda text, host: None
    action.run(task_vars={"esper_tenant": "acme", "esper_api_key": KEY})
    # An enterprise ID without a tenant is used for any tenant.
    assert seen == [{"path": "/", "tenant": "acme", "api_url": "", "api_key": KEY, "enterprise_id": ENTERPRISE}]
    assert action._task.args == {"path": "/"}


def test_an_invalid_variable_is_an_error(make_action: MakeAction, server: Server) -> None:
    variables = {"esper_api_url": server.url, "esper_api_key": KEY, "esper_timeout": "soon"}
    result = make_action(args={"path": "/v2/devices/"}).run(task_vars=variables)
    assert result["failed"] is True
    assert "timeout" in result["msg"]
    assert server.requests == []
