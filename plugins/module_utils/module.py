# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument spec of a module, and its execution as a module. No other file of module_utils imports Ansible."""

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

from .base.located import Positions
from .base.row import Params
from .http.connection import OPTIONS as CONNECTION_OPTIONS
from .model.kind import Kind
from .model.values import without_omit
from .model.walk import (
    Described,
    Visit,
    blank_identifiers,
    null_identifiers,
    secret_texts,
    suggestions,
    text_slips,
    type_mismatch,
    unknown_options,
    walk,
    without_omitted,
)
from .task import (
    ItemParams,
    ModuleDefinition,
    ModuleResult,
    RunContext,
    Secrets,
    define_info_module,
    define_module,
    execute,
)

Environment = t.Mapping[str, str]

USER_AGENT = f"ansible-core/{core_version}"

# Before ansible-core 2.19, a template that results in null is an empty text.
NULL_IS_EMPTY = tuple(int(part) for part in core_version.split(".")[:2]) < (2, 19)


def connection_spec(environment: Environment | None = None) -> dict[str, dict[str, t.Any]]:
    """Return the connection options as an argument spec. Environment variables set the options that a task omits:
    those in ``environment``, or else those of this process."""
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
    """Return the options of a module as an argument spec, connection options included."""
    return {**connection_spec(environment), **definition.options}


@dataclass
class CheckedItems:
    """The parameters of a task with validated items. ``errors`` contains sentences about invalid items, ``unknown``
    about items that check mode cannot plan. ``params`` does not contain these items."""

    params: dict[str, t.Any]
    errors: list[str]
    unknown: list[str]


def check_items(
    definition: ModuleDefinition, params: Params, *, check_mode: bool, positions: Positions | None = None
) -> CheckedItems:
    """Validate the items of a task with the options of their kinds: see ModuleDefinition.items. ``positions`` are those
    of items in files, for the errors."""
    positions = positions or Positions()
    checked = CheckedItems(dict(params), [], [])
    for option, kind in definition.items.items():
        if params[option] is None:
            continue
        described = define_module(kind).module.options
        value, items = params[option] or [], list[ItemParams]()
        checked.params[option] = items
        for index, item in enumerate([value] if isinstance(value, t.Mapping) else value):
            label = option if isinstance(value, t.Mapping) else _item_label(option, index, item)
            option_path = option if isinstance(value, t.Mapping) else f"{option}[{index}]"
            visits = list(walk(described, item))
            validated, errors = _validate_item(kind, described, item, visits)
            if errors:
                checked.errors += [positions.located(option_path, f"{label}: {error}") for error in errors]
                continue
            null = list(null_identifiers(visits, empty_is_null=NULL_IS_EMPTY and check_mode))
            if null and check_mode:
                checked.unknown.append(
                    f"{label}: {', '.join(null)} is null in check mode, so the plan of this object is unknown."
                )
                continue
            items.append(ItemParams(validated))
            if null:
                items[-1].error = f"{', '.join(null)} must not be null."
            elif blank := list(blank_identifiers(visits)):
                items[-1].error = f"{', '.join(blank)} must not be empty."
    return checked


def _validate_item(
    kind: Kind, described: t.Sequence[Described], item: Params, visits: t.Iterable[Visit]
) -> tuple[Params, list[str]]:
    """Return the validated parameters of an item, and sentences about errors."""
    if unknown := list(unknown_options(described, item)):
        return {}, [f"unknown option {name}." for name in unknown]
    if error := type_mismatch(visits):
        return {}, [error]
    validated = ArgumentSpecValidator(kind.options, **kind.rules).validate(dict(item))
    if validated.error_messages:
        return {}, [" ".join([f"{'; '.join(validated.error_messages)}.", *suggestions(described, item)])]
    return _distinguish_null(described, validated.validated_parameters, item), []


def _distinguish_null(described: t.Iterable[Described], params: Params, args: Params) -> Params:
    """Return validated parameters that distinguish null from an omitted suboption, if that makes a difference."""
    return without_omitted(described, params, args, check_type_dict) if params.get("exact") else params


def perform(
    definition: ModuleDefinition,
    params: Params,
    context: RunContext,
    args: Params | None = None,
    secrets: Secrets | None = None,
) -> tuple[ModuleResult, set[str]]:
    """Validate the items of a task and run it. Return the result, and the secrets that Ansible has to mask in it.

    ``params`` are the validated arguments, ``args`` those that the user wrote, if they differ. The task adds the
    secrets in responses to ``secrets``.
    """
    secrets = secrets or Secrets.of(params)
    own = {secrets.api_key} - {""}
    slips = text_slips(definition.visit(params if args is None else args).all)
    if slips.errors:
        return secrets.without(ModuleResult({"failed": True, "msg": " ".join(slips.errors)})), own
    written = params if args is None else _distinguish_null(definition.module.options, params, args)
    items = check_items(definition, written, check_mode=context.check_mode, positions=context.positions)
    if items.errors:
        return secrets.without(ModuleResult({"failed": True, "msg": " ".join(items.errors)})), own
    outcome = execute(definition, items.params, context, user_agent=USER_AGENT, secrets=secrets)
    outcome.warnings += secrets.without(ModuleResult({}, [*items.unknown, *slips.warnings])).warnings
    return outcome, own


def _item_label(option: str, index: int, item: Params) -> str:
    """Return the position and the name of an item, for a message."""
    names = (item.get(key) for key in ("path", "name", "package_name", "src", "id"))
    name = next((f" '{name}'" for name in names if name not in (None, "")), "")
    return f"{option}[{index}]{name}"


class _Module(AnsibleModule):  # type: ignore[misc]  # ansible-core has no types
    """A module whose results have no secrets and no control characters in messages, see Secrets.

    Ansible masks only the API key in them. It would also mask short secrets, and so change the IDs that contain them.
    """

    definition: t.ClassVar[ModuleDefinition]
    params: Params
    args: Params
    is_valid = False

    def _load_params(self) -> None:
        super()._load_params()
        self.params = self.definition.with_short_items(without_omit(self.params))
        self.args = copy.deepcopy(self.params)

    def _log_invocation(self) -> None:
        self.no_log_values.update(secret_texts(walk(self.definition.described_items, self.params)))
        super()._log_invocation()

    def exit_json(self, **result: t.Any) -> None:
        super().exit_json(**self._as_shown(result))

    def fail_json(self, msg: str, **result: t.Any) -> None:
        message = msg if self.is_valid else self.definition.explain(msg, self.args)
        super().fail_json(**self._as_shown({**result, "msg": message}))

    def _as_shown(self, result: dict[str, t.Any]) -> dict[str, t.Any]:
        secrets = Secrets.of(self.params)
        self.no_log_values = {secrets.api_key} - {""}
        return {
            **secrets.without(ModuleResult(result)).result,
            "invocation": {"module_args": secrets.arguments(self.params)},
        }


def _from_environment(environment: Environment, *names: str) -> str:
    """Return the first of some environment variables that is not empty. Raise AnsibleFallbackNotFound if there is none.

    Ansible's env_fallback accepts an empty variable, which would hide the variables after it.
    """
    for name in names:
        if value := environment.get(name):
            return value
    raise AnsibleFallbackNotFound


def run(kind: Kind) -> None:
    """Run the module that manages objects of a kind."""
    run_task(define_module(kind))


def run_info(kind: Kind) -> None:
    """Run the module that reads objects of a kind."""
    run_task(define_info_module(kind))


def run_task(definition: ModuleDefinition) -> None:
    """Run a module."""
    _Module.definition = definition
    module = _Module(argument_spec=argument_spec(definition), supports_check_mode=True, **definition.rules)
    module.is_valid = True
    context = RunContext(module.check_mode, module._diff, module._verbosity)
    outcome, _secrets = perform(definition, module.params, context, module.args)
    for warning in outcome.warnings:
        module.warn(warning)
    if outcome.result.get("failed"):
        module.fail_json(**outcome.result)
    module.exit_json(**outcome.result)
