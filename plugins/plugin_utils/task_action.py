# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base class of the action plugins. It runs a task in the process of the controller if the result is the same as
that of the module. Otherwise, it runs the module.

Each module has an action plugin of the same name. Ansible loads it before it forks a worker for the task, so workers do
not import anything. An import in each worker takes longer than the task.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shutil
import signal
import sys
import threading
import time
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ansible.constants import config
from ansible.errors import AnsibleFileNotFound
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.vars import load_extra_vars
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import (
    ConfigurationError,
    EsperError,
    InvalidParameter,
)
from ansible_collections.esper.cloud.plugins.module_utils.base.located import Positions
from ansible_collections.esper.cloud.plugins.module_utils.base.redaction import Redaction
from ansible_collections.esper.cloud.plugins.module_utils.base.text import printable
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import OPTIONS as CONNECTION_OPTIONS
from ansible_collections.esper.cloud.plugins.module_utils.http.transport import HAS_REQUESTS
from ansible_collections.esper.cloud.plugins.module_utils.model.values import without_omit
from ansible_collections.esper.cloud.plugins.module_utils.model.walk import (
    invalid_path,
    text_slips,
    type_mismatch,
)
from ansible_collections.esper.cloud.plugins.module_utils.module import NULL_IS_EMPTY, argument_spec, perform
from ansible_collections.esper.cloud.plugins.module_utils.task import (
    ModuleDefinition,
    ModuleResult,
    RunContext,
    Secrets,
    unknown_result,
)
from ansible_collections.esper.cloud.plugins.plugin_utils.inventory_connections import missing_options
from ansible_collections.esper.cloud.plugins.plugin_utils.misspelled_variables import misspelled

Variables = dict[str, t.Any]
Result = dict[str, t.Any]


def _duplicate_stderr() -> int | None:
    try:
        return os.dup(2)
    except OSError:
        return None


_OWN_PREFIX = "ESPER_"
_SWITCH = "esper_in_process"
_DEVICE = "esper.cloud.device"
# Ansible imports this file in the controller. Its workers have other files, or none, as standard output and error.
_IS_TERMINAL = sys.stdout.isatty()
_CONTROLLER_STDERR = _duplicate_stderr()
# A task reports its progress every few seconds, so it is shown at least once a minute.
_PROGRESS_INTERVAL = 40.0
# Maximum time in seconds that an interrupted task takes to end.
_LONGEST_INTERRUPT = 2.0
# The connections with which modules run on the controller.
_ON_CONTROLLER = ("local", _DEVICE)


@dataclass(frozen=True)
class Preparation:
    """The effects of preparing the arguments of a task: the positions of objects in files, secrets and warnings.

    ``shown`` are the arguments that the result shows in place of the prepared ones.
    """

    positions: Positions = field(default_factory=Positions)
    secrets: frozenset[str] = frozenset()
    warnings: list[str] = field(default_factory=list)
    shown: Result = field(default_factory=dict)


class TaskAction(NormalAction):
    """An action plugin that is derived from Ansible's plugin for modules without one, so modules run in the same way.

    ``definition`` is that of the module that the action plugin is named after.
    """

    definition: t.ClassVar[ModuleDefinition]
    _connection: t.Any
    _preparation = Preparation()

    def run(self, tmp: str | None = None, task_vars: Variables | None = None) -> Result:
        variables = task_vars or {}
        definition = self.definition
        try:
            if message := self._misspelled_variable():
                raise InvalidParameter(message)
            self._task.args = definition.with_short_items(without_omit(self._task.args))
            self._preparation = self._prepare()
            visits = definition.visit(self._task.args)
            slips = text_slips(visits.all)
            if error := type_mismatch(visits.all) or " ".join(slips.errors) or invalid_path(visits.all):
                raise InvalidParameter(error)
            if unknown := unknown_result(
                definition, visits, check_mode=bool(self._task.check_mode), empty_is_null=NULL_IS_EMPTY
            ):
                return {**unknown.result, **({"warnings": unknown.warnings} if unknown.warnings else {})}
            self._resolve_files(definition)
            environment: dict[str, t.Any] = {}
            self._compute_environment_string(environment)
            reason = self._reason_for_module(variables, environment)
            args = self._with_connection(variables, environment)
        except EsperError as error:
            return {"failed": True, "msg": str(error), **error.details()}
        if reason:
            host = variables.get("inventory_hostname")
            self._display.vvv(f"{self._task.action} runs as a module, because {reason}.", host=host)
            if self._connection.transport == _DEVICE:
                self._connection = self._connection.use_controller()
            # Callbacks get the arguments of the task, which must not have an API key that the task does not set.
            own, self._task.args = self._task.args, args
            try:
                return self._with_preparation(t.cast(Result, super().run(tmp, task_vars)))
            finally:
                self._task.args = own
        return self._run_in_process(definition, args, variables, environment)

    def _prepare(self) -> Preparation:
        """Prepare the arguments of the task. This is the place for work that only the controller can do."""
        return self._preparation

    def _with_preparation(self, result: Result) -> Result:
        """Return the result of the module with the warnings of the preparation, and without its secrets."""
        if not self._preparation.warnings and not self._preparation.secrets:
            return result
        warnings = [*self._preparation.warnings, *result.get("warnings", ())]
        redaction = Redaction(self._preparation.secrets)
        return {**redaction.all(result), **({"warnings": warnings} if warnings else {})}

    def _misspelled_variable(self) -> str:
        """Return a sentence about a variable of the command line or of the role that has no effect."""
        role = self._task._role
        names = [*load_extra_vars(self._loader), *(role._role_params if role is not None else ())]
        return misspelled(names, self._task.get_path().rpartition(":")[0]) if names else ""

    def _with_connection(self, variables: Variables, environment: dict[str, t.Any]) -> Result:
        """Return the arguments of the task with the connection of its host. The module reads environment variables."""
        args = self._task.args
        own = {each.name: args[each.name] for each in CONNECTION_OPTIONS if each.name in args}
        known = {**os.environ, **environment} if self._connection.transport in _ON_CONTROLLER else {}
        return {**args, **missing_options(own, variables, self._templar.template, known)}

    # --- the choice between process and module ----------------------------------------------------------------------

    def _reason_for_module(self, variables: Variables, environment: dict[str, t.Any]) -> str:
        """Return the reason why the task has to run as a module, as part of a sentence; "" if there is none."""
        if self._connection.transport not in _ON_CONTROLLER:
            return f"its connection is {self._connection.transport}"
        if self._connection.become is not None:
            return "it uses become"
        if self._task.async_val:
            return "it uses async"
        if others := [name for name in environment if not name.startswith(_OWN_PREFIX)]:
            return f"its environment sets {', '.join(sorted(others))}"
        if not HAS_REQUESTS:
            return "the Python of the controller does not have the library requests"
        if interpreter := self._other_interpreter(variables):
            return f"its interpreter is {interpreter}"
        return "" if self._is_enabled(variables, environment) else f"{_SWITCH} is false"

    def _other_interpreter(self, variables: Variables) -> str:
        """Return the interpreter of the task, "" if it is that of the controller or Ansible discovers it."""
        if self._task.delegate_to:
            variables = variables.get("ansible_delegated_vars", {}).get(self._task.delegate_to, {})
        setting = self._templar.template(config.get_config_value("INTERPRETER_PYTHON", variables=variables))
        interpreter = str(setting or "").strip()
        if not interpreter or interpreter.startswith("auto") or interpreter == sys.executable:
            return ""
        path, own = Path(shutil.which(interpreter) or interpreter), Path(sys.executable)
        # The Python of a virtual environment is a link to another one. Only its directory differs.
        is_own = path.resolve() == own.resolve() and path.parent.resolve() == own.parent.resolve()
        return "" if is_own else interpreter

    def _is_enabled(self, variables: Variables, environment: dict[str, t.Any]) -> bool:
        """Return whether tasks can run in the process, from the variable or else from the environment variable."""
        value = self._templar.template(variables.get(_SWITCH))
        if value is None:
            value = {**os.environ, **environment}.get(_SWITCH.upper()) or True
        try:
            return t.cast(bool, boolean(value))
        except TypeError:
            raise ConfigurationError(
                f"Invalid value '{value}' of the variable {_SWITCH} or the environment variable {_SWITCH.upper()}."
                " Set it to true or false."
            ) from None

    # --- files of the controller ------------------------------------------------------------------------------------

    def _resolve_files(self, definition: ModuleDefinition) -> None:
        """Replace relative paths in the arguments by files of the role, the playbook or the current directory."""
        if self._connection.transport in _ON_CONTROLLER:
            for option in definition.sources:
                self._task.args = self._resolve_option(self._task.args, option.split("."))

    def _resolve_option(self, value: t.Any, option: list[str], *, is_optional: bool = False) -> t.Any:
        """Return arguments in which the path of an option is resolved. Invalid arguments are returned unchanged."""
        if isinstance(value, list):
            return [self._resolve_option(item, option, is_optional=is_optional) for item in value]
        if not isinstance(value, Mapping) or not value.get(option[0]):
            return value
        inside = value[option[0]]
        # A deletion need not have the file: the module decides.
        is_optional = is_optional or value.get("state") == "absent"
        if option[1:]:
            return {**value, option[0]: self._resolve_option(inside, option[1:], is_optional=is_optional)}
        is_relative = isinstance(inside, str) and inside[0] not in "/~$"
        return {**value, option[0]: self._find_file(inside, is_optional=is_optional)} if is_relative else value

    def _find_file(self, path: str, *, is_optional: bool) -> str:
        try:
            return t.cast(str, self._find_needle("files", path))
        except AnsibleFileNotFound as error:
            current = str(Path(path).absolute())
            if Path(current).exists():
                return current
            if is_optional:
                return path
            searched = ", ".join(dict.fromkeys([*(error.paths or ()), current]))
            raise InvalidParameter(
                f"The file '{path}' was not found. Correct the path. Searched paths: {searched}."
            ) from None

    # --- in the process of the controller ---------------------------------------------------------------------------

    def _run_in_process(
        self, definition: ModuleDefinition, arguments: Result, variables: Variables, environment: dict[str, t.Any]
    ) -> Result:
        """Run the task, and return the same result as the module."""
        merged = {**os.environ, **{name: str(value) for name, value in environment.items()}}
        args = plain(arguments)
        checked = ArgumentSpecValidator(argument_spec(definition, merged), **definition.rules).validate(args)
        secrets = Secrets.of(checked.validated_parameters)
        secrets = replace(secrets, known=secrets.known | self._preparation.secrets)
        if checked.error_messages:
            message = definition.explain(self._error_message(checked.errors), args)
            outcome = secrets.without(ModuleResult({"failed": True, "msg": message}))
        else:
            outcome = self._perform(definition, checked.validated_parameters, args, variables, secrets)
        result = outcome.result
        duplicates = [f"Both option {x['option']} and its alias {x['alias']} are set." for x in checked._warnings]
        if warnings := [*self._preparation.warnings, *duplicates, *outcome.warnings]:
            result["warnings"] = warnings
        if self._shows_invocation(variables):
            result["invocation"] = {
                "module_args": secrets.arguments({**checked.validated_parameters, **self._preparation.shown})
            }
        result = plain(result)
        constants = {name: value for name, value in result.items() if value is None or isinstance(value, bool)}
        # Ansible masks the API key only, as in the module.
        return {**remove_values(result, {secrets.api_key} - {""}), **constants}

    def _perform(
        self, definition: ModuleDefinition, params: Result, args: Result, variables: Variables, secrets: Secrets
    ) -> ModuleResult:
        shown_at = time.monotonic()

        def show_progress(sentence: str) -> None:
            nonlocal shown_at
            if self._task.no_log:
                return
            # The name of the task, because the host is only the first one of a task with run_once.
            text = printable(secrets.in_messages.text(f"{self._task.get_name()}: {sentence}"))
            if not self._display.verbosity and time.monotonic() - shown_at >= _PROGRESS_INTERVAL:
                shown_at = time.monotonic()
                # Without a terminal, standard output can be the result of a callback plugin, such as JSON.
                self._display.display(text, stderr=not _IS_TERMINAL)
            self._display.v(text)

        context = RunContext(
            bool(self._task.check_mode),
            bool(self._task.diff),
            self._display.verbosity,
            show_progress,
            positions=self._preparation.positions,
        )
        with _directory(self._loader.get_basedir()), _interrupts(lambda: self._report_effects(context, secrets)):
            try:
                return perform(definition, params, context, args, secrets)[0]
            except BaseException as error:
                # The exception of ansible-core for the timeout of a task has different places in its versions.
                done = context.effects.after_interrupt()
                if type(error).__name__ != "TaskTimeoutError" or not done:
                    raise
                message = f"The task exceeded its timeout of {self._task.timeout} s. {done}"
                failed = {"failed": True, "changed": True, "timedout": {"period": self._task.timeout}, "msg": message}
                values = {**context.effects.values, **context.effects.latest}
                return secrets.without(ModuleResult({**values, **failed}))

    def _report_effects(self, context: RunContext, secrets: Secrets) -> None:
        """Show the effects of an interrupted task, because the controller no longer shows results and warnings."""
        if (done := context.effects.after_interrupt()) and not self._task.no_log and _CONTROLLER_STDERR is not None:
            effects = printable(secrets.in_messages.text(done))
            warning = f"[WARNING]: The task {self._task.action} was interrupted. {effects}\n"
            os.write(_CONTROLLER_STDERR, warning.encode(errors="replace"))

    def _error_message(self, errors: t.Any) -> str:
        if isinstance(errors[0], UnsupportedError):
            return f"Unsupported parameters for ({self._task.action}) module: {errors.msg}"
        return str(errors.msg)

    def _shows_invocation(self, variables: Variables) -> bool:
        # A setting since ansible-core 2.21. Earlier versions add the invocation to all results.
        setting = "INJECT_INVOCATION"
        if not config.get_configuration_definition(setting):
            return True
        return bool(config.get_config_value(setting, variables=variables))


def plain(value: t.Any) -> t.Any:
    """Return a value as Ansible passes it to a module and back: plain data, without Ansible's tags."""

    def convert(item: t.Any) -> t.Any:
        if isinstance(item, Mapping):
            return dict(item)
        if isinstance(item, (set, frozenset)):
            return list(item)
        return item.isoformat() if isinstance(item, datetime.date) else str(item)

    return json.loads(json.dumps(value, default=convert))


class _Interrupt(BaseException):
    """A signal that ends the process."""


@contextlib.contextmanager
def _interrupts(report: t.Callable[[], None]) -> Iterator[None]:
    """Call ``report`` if a signal ends the process, and then the handler of ansible-core. In some versions, it ends the
    process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    received: list[int] = []

    def interrupt(number: int, _frame: t.Any) -> None:
        if not received:
            # The controller sends another signal at once, which must not prevent the report.
            received.append(number)
            # Python ignores an exception in some places, and the process must end.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, _LONGEST_INTERRUPT)
            raise _Interrupt

    handlers = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        if received:
            with contextlib.suppress(Exception):
                report()
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if received:
            os.kill(os.getpid(), received[0])
            # The handler of SIGINT can be one that only raises this.
            raise KeyboardInterrupt


@contextlib.contextmanager
def _directory(path: str) -> Iterator[None]:
    """Resolve relative paths from the same directory as a module that runs on the controller."""
    previous = Path.cwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(previous)
