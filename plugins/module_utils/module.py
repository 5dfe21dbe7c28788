# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only utility that knows Ansible: the argument spec of a task, and the task as a module."""

from __future__ import annotations

import copy
import functools
import os
import typing as t
from dataclasses import dataclass

from ansible.module_utils.ansible_release import __version__ as core_version
from ansible.module_utils.basic import AnsibleFallbackNotFound, AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.validation import check_type_dict

from .base.row import Params
from .http.connection import OPTIONS as CONNECTION_OPTIONS
from .model.kind import Kind
from .model.walk import (
    Described,
    blank_identifiers,
    null_identifiers,
    secret_texts,
    type_mismatch,
    unknown_options,
    walk,
    without_omitted,
)
from .task import ItemParams, ModuleDefinition, ModuleResult, RunContext, execute, info_module_of, manage_module

Environment = t.Mapping[str, str]

USER_AGENT = f"ansible-core/{core_version}"

# Before ansible-core 2.19, a template that results in null is an empty text.
NULL_IS_EMPTY = tuple(int(part) for part in core_version.split(".")[:2]) < (2, 19)


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


def argument_spec(definition: ModuleDefinition, environment: Environment | None = None) -> dict[str, dict[str, t.Any]]:
    """All options of a task, the connection's included."""
    return {**connection_spec(environment), **definition.options}


@dataclass
class CheckedItems:
    """The parameters of a task with validated items. ``errors`` has a sentence for each invalid item, ``unknown`` one
    for each that check mode cannot plan; such an item is left out of ``params``. ``secrets`` are texts to be masked."""

    params: dict[str, t.Any]
    errors: list[str]
    unknown: list[str]
    secrets: set[str]


def check_items(definition: ModuleDefinition, params: Params, *, check_mode: bool) -> CheckedItems:
    """Validate the items of a task by the options of their kinds: see ModuleDefinition.items."""
    checked = CheckedItems(dict(params), [], [], set(secret_texts(walk(definition.described_items, params))))
    for option, kind in definition.items.items():
        described = manage_module(kind).module.options
        items: list[ItemParams] = []
        value = params[option] or []
        for number, item in enumerate([value] if isinstance(value, t.Mapping) else value):
            place = option if isinstance(value, t.Mapping) else _place(option, number, item)
            if names := [f"unknown option {each}" for each in unknown_options(described, item)]:
                checked.errors += [f"{place}: {each}." for each in names]
                continue
            visits = list(walk(described, item))
            if why := type_mismatch(visits):
                checked.errors.append(f"{place}: {why}")
                continue
            validated = ArgumentSpecValidator(kind.options, **kind.rules).validate(dict(item))
            if validated.error_messages:
                checked.errors.append(f"{place}: {'; '.join(validated.error_messages)}.")
            else:
                items.append(ItemParams(_with_nulls(described, validated.validated_parameters, item)))
                null = list(null_identifiers(visits, empty_is_null=NULL_IS_EMPTY and check_mode))
                if null and check_mode:
                    items.pop()
                    checked.unknown.append(
                        f"{place}: {', '.join(null)} is null in check mode, so the plan of this object is unknown."
                    )
                elif null:
                    items[-1].error = f"{', '.join(null)} must not be null."
                elif blank := list(blank_identifiers(visits)):
                    items[-1].error = f"{', '.join(blank)} must not be empty."
        if params[option] is not None:
            checked.params[option] = items
    return checked


def _with_nulls(described: t.Iterable[Described], params: Params, args: Params) -> Params:
    """Return validated parameters that tell null from an omitted suboption, if that makes a difference."""
    return without_omitted(described, params, args, check_type_dict) if params.get("exact") else params


def perform(
    definition: ModuleDefinition, params: Params, context: RunContext, args: Params | None = None
) -> tuple[ModuleResult, set[str]]:
    """Validate the items of a task and run it. Return the outcome, and the secrets in items, to be masked in it.

    ``args`` are the arguments as the user wrote them, if they are not ``params``, the validated ones.
    """
    described = definition.module.options if definition.module else ()
    known = params if args is None else _with_nulls(described, params, args)
    items = check_items(definition, known, check_mode=context.check_mode)
    if items.errors:
        return ModuleResult({"failed": True, "msg": " ".join(items.errors)}), items.secrets
    outcome = execute(definition, items.params, context, user_agent=USER_AGENT)
    outcome.warnings += items.unknown
    return outcome, items.secrets


def _place(option: str, number: int, item: Params) -> str:
    """Return where an item stands and what it is called."""
    names = (item.get(name) for name in ("path", "name", "package_name", "src", "id"))
    name = next((str(each) for each in names if each not in (None, "")), "")
    return f"{option}[{number}] '{name}'" if name else f"{option}[{number}]"


class _Module(AnsibleModule):  # type: ignore[misc]  # ansible-core has no types
    """A module whose secrets in items are masked before its invocation is logged."""

    definition: t.ClassVar[ModuleDefinition]
    args: Params

    def _load_params(self) -> None:
        super()._load_params()
        self.args = copy.deepcopy(self.params)

    def _log_invocation(self) -> None:
        self.no_log_values.update(secret_texts(walk(self.task.described_items, self.params)))
        super()._log_invocation()


def _from_environment(environment: Environment, *names: str) -> str:
    """The first of some environment variables that says something. Ansible's own env_fallback takes an empty one, too,
    which would hide the variables after it."""
    for name in names:
        if value := environment.get(name):
            return value
    raise AnsibleFallbackNotFound


def run(kind: Kind) -> None:
    """The whole of a module that manages objects of a kind."""
    run_task(manage_module(kind))


def run_info(kind: Kind) -> None:
    """The whole of a module that reads objects of a kind."""
    run_task(info_module_of(kind))


def run_task(definition: ModuleDefinition) -> None:
    """The whole of a module."""
    _Module.task = definition
    module = _Module(argument_spec=argument_spec(definition), supports_check_mode=True, **definition.rules)
    context = RunContext(module.check_mode, module._diff, module._verbosity)
    outcome, secrets = perform(definition, module.params, context, module.args)
    module.no_log_values.update(secrets)
    for warning in outcome.warnings:
        module.warn(warning)
    if outcome.result.get("failed"):
        module.fail_json(**outcome.result)
    module.exit_json(**outcome.result)
