# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base class of the action plugins: it runs a task in the controller's own process if the result is that of the
module, and otherwise runs the module.

Each module has an action plugin of its name, which Ansible loads before it forks a worker for the task. So the workers
find everything imported that the task needs. An import in each worker takes longer than the task.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shutil
import sys
import typing as t
from collections.abc import Iterator, Mapping
from pathlib import Path

from ansible.constants import config
from ansible.errors import AnsibleFileNotFound
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import (
    ConfigurationError,
    EsperError,
    InvalidParameter,
)
from ansible_collections.esper.cloud.plugins.module_utils.http.transport import HAS_REQUESTS
from ansible_collections.esper.cloud.plugins.module_utils.model.walk import type_mismatch
from ansible_collections.esper.cloud.plugins.module_utils.module import NULL_IS_EMPTY, argument_spec, perform
from ansible_collections.esper.cloud.plugins.module_utils.task import (
    ModuleDefinition,
    ModuleResult,
    RunContext,
    unknown_result,
)

Variables = dict[str, t.Any]
Result = dict[str, t.Any]

_OURS = "ESPER_"
_SWITCH = "esper_in_process"
# Modules run on the controller for devices, although nothing else does.
_DEVICE = "esper.cloud.device"
_ON_CONTROLLER = ("local", _DEVICE)


class TaskAction(NormalAction):
    """Derived from what runs a module that has no action plugin, so that a module runs here as it does anywhere.

    ``definition`` is the task of the module that the action plugin is named after.
    """

    definition: t.ClassVar[ModuleDefinition]
    _connection: t.Any

    def run(self, tmp: str | None = None, task_vars: Variables | None = None) -> Result:
        variables = task_vars or {}
        task = self.definition
        try:
            visits = task.visit(self._task.args)
            if why := type_mismatch(visits.all):
                raise InvalidParameter(why)
            if unknown := unknown_result(
                task, visits, check_mode=bool(self._task.check_mode), empty_is_null=NULL_IS_EMPTY
            ):
                return {**unknown.result, **({"warnings": unknown.warnings} if unknown.warnings else {})}
            self._find_sources(task)
            environment: dict[str, t.Any] = {}
            self._compute_environment_string(environment)
            why = self._why_as_module(variables, environment)
        except EsperError as error:
            return {"failed": True, "msg": str(error)}
        if why:
            host = variables.get("inventory_hostname")
            self._display.vvv(f"{self._task.action} runs as a module, since {why}.", host=host)
            if self._connection.transport == _DEVICE:
                self._connection = self._connection.use_controller()
            return t.cast(Result, super().run(tmp, task_vars))
        return self._run_here(task, variables, environment)

    # --- where it runs ----------------------------------------------------------------------------------------------

    def _why_as_module(self, variables: Variables, environment: dict[str, t.Any]) -> str:
        """Why the task has to run as a module, as part of a sentence; "" where it need not."""
        if self._connection.transport not in _ON_CONTROLLER:
            return f"its connection is {self._connection.transport}"
        if self._connection.become is not None:
            return "it becomes another user"
        if self._task.async_val:
            return "it is asynchronous"
        if others := [name for name in environment if not name.startswith(_OURS)]:
            return f"its environment has {', '.join(sorted(others))}"
        if not HAS_REQUESTS:
            return "the controller's own Python has no library requests"
        if interpreter := self._other_interpreter(variables):
            return f"its interpreter is {interpreter}"
        return "" if self._is_wanted(variables, environment) else f"{_SWITCH} is false"

    def _other_interpreter(self, variables: Variables) -> str:
        """The interpreter that is set for the task, unless it is the controller's own, or left to be discovered."""
        if self._task.delegate_to:
            variables = variables.get("ansible_delegated_vars", {}).get(self._task.delegate_to, {})
        found = self._templar.template(config.get_config_value("INTERPRETER_PYTHON", variables=variables))
        wanted = str(found or "").strip()
        if not wanted or wanted.startswith("auto") or wanted == sys.executable:
            return ""
        path, own = Path(shutil.which(wanted) or wanted), Path(sys.executable)
        # A virtual environment's Python is a link to another's; its directory tells it apart.
        same = path.resolve() == own.resolve() and path.parent.resolve() == own.parent.resolve()
        return "" if same else wanted

    def _is_wanted(self, variables: Variables, environment: dict[str, t.Any]) -> bool:
        """What the user's switch says: the variable, else the environment."""
        said = self._templar.template(variables.get(_SWITCH))
        if said is None:
            said = {**os.environ, **environment}.get(_SWITCH.upper()) or True
        try:
            return t.cast(bool, boolean(said))
        except TypeError:
            raise ConfigurationError(
                f"The variable {_SWITCH} (or {_SWITCH.upper()} in the environment) is neither true nor false."
            ) from None

    # --- files of the controller ------------------------------------------------------------------------------------

    def _find_sources(self, task: ModuleDefinition) -> None:
        """Put in for relative paths what is found where Ansible looks for the files of a role or a playbook, or where
        Ansible was started."""
        if self._connection.transport in _ON_CONTROLLER:
            for source in task.sources:
                self._task.args = self._with_found(self._task.args, source.split("."))

    def _with_found(self, value: t.Any, option: list[str]) -> t.Any:
        """Return arguments in which the path of an option is the file that was found. Arguments of another form are
        returned unchanged."""
        if isinstance(value, list):
            return [self._with_found(item, option) for item in value]
        if not isinstance(value, Mapping) or not value.get(option[0]):
            return value
        inside = value[option[0]]
        if option[1:]:
            return {**value, option[0]: self._with_found(inside, option[1:])}
        relative = isinstance(inside, str) and inside[0] not in "/~$"
        return {**value, option[0]: self._found(inside)} if relative else value

    def _found(self, path: str) -> str:
        try:
            return t.cast(str, self._find_needle("files", path))
        except AnsibleFileNotFound as error:
            here = str(Path(path).absolute())
            if Path(here).exists():
                return here
            places = ", ".join(dict.fromkeys([*(error.paths or ()), here]))
            raise InvalidParameter(
                f"There is no file '{path}' among those of the role and the playbook. Looked for: {places}."
            ) from None

    # --- in the controller's process --------------------------------------------------------------------------------

    def _run_here(self, task: ModuleDefinition, variables: Variables, environment: dict[str, t.Any]) -> Result:
        """What a module does and AnsibleModule with it, down to what its result holds."""
        seen = {**os.environ, **{name: str(value) for name, value in environment.items()}}
        args = _json(self._task.args)
        checked = ArgumentSpecValidator(argument_spec(task, seen), **task.rules).validate(args)
        secrets = set(checked._no_log_values)
        if checked.error_messages:
            outcome = ModuleResult({"failed": True, "msg": self._complaint(checked.errors)})
        else:
            outcome, hidden = self._outcome(task, checked.validated_parameters, args, variables)
            secrets |= hidden
        result = outcome.result
        twice = [f"Both option {each['option']} and its alias {each['alias']} are set." for each in checked._warnings]
        if warnings := [*twice, *outcome.warnings]:
            result["warnings"] = warnings
        if self._shows_invocation(variables):
            result["invocation"] = {"module_args": checked.validated_parameters}
        result = _json(result)
        kept = {name: value for name, value in result.items() if value is None or isinstance(value, bool)}
        return {**remove_values(result, secrets), **kept}

    def _outcome(
        self, task: ModuleDefinition, params: Result, args: Result, variables: Variables
    ) -> tuple[ModuleResult, set[str]]:
        def tell(sentence: str) -> None:
            if not self._task.no_log:
                self._display.v(sentence, host=variables.get("inventory_hostname"))

        context = RunContext(bool(self._task.check_mode), bool(self._task.diff), self._display.verbosity, tell)
        with _directory(self._loader.get_basedir()):
            return perform(task, params, context, args)

    def _complaint(self, errors: t.Any) -> str:
        if isinstance(errors[0], UnsupportedError):
            return f"Unsupported parameters for ({self._task.action}) module: {errors.msg}"
        return str(errors.msg)

    def _shows_invocation(self, variables: Variables) -> bool:
        # Since ansible-core 2.21 this is a setting. Before, all results had it.
        setting = "INJECT_INVOCATION"
        if not config.get_configuration_definition(setting):
            return True
        return bool(config.get_config_value(setting, variables=variables))


def _json(value: t.Any) -> t.Any:
    """A value as it comes to a module and back from it: plain, and without what Ansible knows of where it is from."""

    def other(item: t.Any) -> t.Any:
        if isinstance(item, Mapping):
            return dict(item)
        if isinstance(item, (set, frozenset)):
            return list(item)
        return item.isoformat() if isinstance(item, datetime.date) else str(item)

    return json.loads(json.dumps(value, default=other))


@contextlib.contextmanager
def _directory(path: str) -> Iterator[None]:
    """Relative paths begin where they do for a module that runs on the controller."""
    before = Path.cwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)
