# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only utility that knows Ansible: the argument spec of a task, and the task as a module."""

from __future__ import annotations

import functools
import os
import typing as t

from ansible.module_utils.ansible_release import __version__ as core_version
from ansible.module_utils.basic import AnsibleFallbackNotFound, AnsibleModule

from .engine.resource import Resource
from .http.connection import OPTIONS as CONNECTION_OPTIONS
from .task import Mode, Task, execute, informing, managing

Environment = t.Mapping[str, str]

USER_AGENT = f"ansible-core/{core_version}"


def connection_spec(environment: Environment | None = None) -> dict[str, dict[str, t.Any]]:
    """The connection options in the form of an argument spec, with what an environment says where a task does not: this
    process's, unless another is given."""
    from_environment = functools.partial(_from_environment, os.environ if environment is None else environment)
    spec: dict[str, dict[str, t.Any]] = {}
    for option in CONNECTION_OPTIONS:
        spec[option.name] = {"type": option.type, "fallback": (from_environment, list(option.env))}
        if option.default is not None:
            spec[option.name]["default"] = option.default
        if option.secret:
            spec[option.name]["no_log"] = True
    return spec


def argument_spec(task: Task, environment: Environment | None = None) -> dict[str, dict[str, t.Any]]:
    """All options of a task, the connection's included."""
    return {**connection_spec(environment), **task.options}


def _from_environment(environment: Environment, *names: str) -> str:
    """The first of some environment variables that says something. Ansible's own env_fallback takes an empty one, too,
    which would hide the variables after it."""
    for name in names:
        if value := environment.get(name):
            return value
    raise AnsibleFallbackNotFound


def run(resource: Resource) -> None:
    """The whole of a module that manages objects of a kind."""
    run_task(managing(resource))


def run_info(resource: Resource) -> None:
    """The whole of a module that reads objects of a kind."""
    run_task(informing(resource))


def run_task(task: Task) -> None:
    """The whole of a module."""
    module = AnsibleModule(argument_spec=argument_spec(task), supports_check_mode=True, **task.rules)
    mode = Mode(module.check_mode, module._diff, module._verbosity)
    outcome = execute(task, module.params, mode, user_agent=USER_AGENT)
    for warning in outcome.warnings:
        module.warn(warning)
    if outcome.result.get("failed"):
        module.fail_json(**outcome.result)
    module.exit_json(**outcome.result)
