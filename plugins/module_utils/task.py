# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of a module, and its execution, either as a module or in the process of the controller.

This file does not import Ansible. It takes validated parameters and returns plain data.
"""

from __future__ import annotations

import contextlib
import functools
import json
import traceback
import typing as t
from dataclasses import dataclass, field, replace

from .base.errors import EsperError
from .base.located import Positions
from .base.redaction import SHORTEST, Redaction, free_texts
from .base.row import Params, Row
from .base.secret_keys import mask_secrets, secret_values
from .base.text import listed, printable, printable_lines
from .base.yaml_text import yaml_text
from .engine.apply import accepted_writes, ensure_all
from .engine.lookup import lookup_of
from .engine.reader import reader_of
from .engine.tenant_view import TenantView
from .http.client import Client, WriteLog
from .http.connection import OPTIONS as CONNECTION_OPTIONS
from .http.connection import Connection
from .http.responses import sentence
from .model.field import Field
from .model.kind import Kind, Shape
from .model.module_spec import ModuleSpec, Option
from .model.plan import ObjectDiff
from .model.values import leaves
from .model.walk import (
    Visit,
    any_option,
    blank_identifiers,
    invalid_path,
    needs_check,
    null_identifiers,
    suggestions,
    type_mismatch,
    walk,
)

ISSUES_URL = "https://github.com/ansible-collections/esper.cloud/issues"

# The maximum number of write requests in a message.
_SHOWN_WRITES = 3
# The verbosity from which the result contains the requests.
_REQUESTS_VERBOSITY = 3
# The options whose values no message quotes, because the module does not know which of them are secret. Since version
# 2.21, ansible-core shows the message of a failed task even with no_log.
_NEVER_QUOTED = ("args", "body", "extra_args", "form")
# The values in them that are never secret.
_QUOTED = ("package_name", "version_name")
_CONNECTION = tuple(
    Option(option.name, option.description, type=option.type, secret=option.secret) for option in CONNECTION_OPTIONS
)


@dataclass
class Effects:
    """Completed changes of a task. Its result contains them, even if the task fails or is interrupted afterwards.

    ``sentences`` are for the message, ``values`` for the result, ``writes`` are all write requests. ``latest`` are
    values for the result of a failed task, even if it changed nothing, such as the object for which it waited.
    """

    sentences: list[str] = field(default_factory=list)
    values: Row = field(default_factory=dict)
    latest: Row = field(default_factory=dict)
    writes: WriteLog = field(default_factory=WriteLog)

    def add(self, text: str, **values: t.Any) -> None:
        """Record an effect."""
        self.sentences.append(text)
        self.values |= values

    def added_to(self, failure: Row) -> Row:
        """Return the result of a failed task with the effects before the failure."""
        failure = {**self.latest, **failure}
        if not self.sentences:
            return failure
        return {**self.values, **failure, "changed": True, "msg": " ".join([sentence(failure["msg"]), *self.sentences])}

    def after_interrupt(self) -> str:
        """Return sentences about the effects before an interrupt of the task, "" if there are none. A request without a
        response can have an effect."""
        sentences = list(self.sentences)
        # In this order, because threads move requests from one list to the other.
        waiting = list(self.writes.waiting)
        accepted = list(self.writes.accepted)
        if accepted and not sentences:
            completed = f"Before this, the task completed: {_purposes(accepted)}."
            sentences += [completed, "Run the task again to apply the rest."]
        if waiting:
            sentences.append(f"Esper can also have accepted requests without a response: {_purposes(waiting)}.")
        return " ".join(sentences)


def _purposes(writes: list[str]) -> str:
    """Return the purposes of some write requests, as part of a sentence."""
    return listed([f"{purpose[0].lower()}{purpose[1:]}" for purpose in writes], _SHOWN_WRITES, "request")


@dataclass(frozen=True)
class RunContext:
    """The settings of a run: ``check_mode`` and ``diff`` as in Ansible, ``verbosity`` as the number of its -v.
    ``progress`` is called with a sentence whenever a long task has advanced. The task adds to ``effects``.
    ``positions`` are those of its objects in files."""

    check_mode: bool = False
    diff: bool = False
    verbosity: int = 0
    progress: t.Callable[[str], None] = lambda _sentence: None
    effects: Effects = field(default_factory=Effects)
    positions: Positions = field(default_factory=Positions)

    def report_devices(self, read: int, count: int | None) -> None:
        """Report how many devices of a list are read. ``count`` is the length of the list, None if it is unknown."""
        self.progress(f"Read {read} of {'an unknown number of' if count is None else count} devices")


@dataclass
class ModuleResult:
    """The result of a task in the form that Ansible shows, and the warnings for the user."""

    result: Row
    warnings: list[str] = field(default_factory=list)


Run = t.Callable[[TenantView, Params, RunContext], ModuleResult]


class ItemParams(dict[str, t.Any]):
    """The validated parameters of one item: ``error`` says why the item cannot be processed, "" if it can."""

    error: str = ""


@dataclass(frozen=True)
class ModuleDefinition:
    """A module: its name, its interface, and the function that runs it.

    ``items`` are options that take lists of objects, with the kind of the objects. AnsibleModule takes each item as a
    dict; its options are validated by check_items() in module.py. ``unknown`` are the return values in check mode if
    the task refers to an object that only another task of the run creates.
    """

    name: str
    module: ModuleSpec
    run: Run
    items: t.Mapping[str, Kind] = field(default_factory=dict)
    unknown: t.Mapping[str, t.Any] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, dict[str, t.Any]]:
        """The options as an argument spec."""
        return self.module.argument_spec

    @property
    def rules(self) -> t.Mapping[str, t.Any]:
        """The rules between the options, as AnsibleModule takes them."""
        return self.module.rules

    @property
    def sources(self) -> tuple[str, ...]:
        """The options that name local files: see ModuleSpec."""
        return self.module.sources

    @functools.cached_property
    def described_items(self) -> tuple[Option, ...]:
        """The options of ``items``, each with the options of its kind."""
        return tuple(
            replace(option, options=define_module(self.items[option.name]).module.options)
            for option in self.module.options
            if isinstance(option, Option) and option.name in self.items
        )

    def with_short_items(self, params: Params) -> Params:
        """Return the parameters of a user with options in place of the items that are texts: see Tenant.from_text.

        A text that Ansible reads as a dict, JSON or key=value, is one.
        """
        result = dict(params)
        for option, kind in self.items.items():
            from_text, value = kind.tenant.from_text, params.get(option)
            if from_text is not None and isinstance(value, (list, tuple)):
                known = tuple(f"{name}=" for name in kind.options)
                result[option] = [
                    from_text(item) if isinstance(item, str) and not item.lstrip().startswith(("{", *known)) else item
                    for item in value
                ]
        return result

    def visit(self, params: Params, only: t.Callable[[Option | Field], bool] = any_option) -> Visits:
        """Return the values of options in parameters, connection options included. ``only`` selects the options."""
        own = list(walk((*_CONNECTION, *self.module.options), params, only=only))
        return Visits(own, list(walk(self.described_items, params, only=only)) if self.items else [])

    def explain(self, message: str, params: Params) -> str:
        """Return the message of Ansible about invalid parameters, with the names and values that are close to them. If
        an item is no dict, return a message that says which one."""
        if error := type_mismatch(self.visit(params).all):
            return error
        questions = suggestions((*_CONNECTION, *self.module.options), params)
        return " ".join([sentence(message), *questions]) if questions else message


@dataclass(frozen=True)
class Secrets:
    """The secrets of a task: those in its parameters, which Esper can repeat in a response, and those in responses.

    ``api_key`` is "" if it is too short to be masked in texts. ``known`` are the others in parameters, by their keys.
    ``possible`` are the texts in options that take any values. Messages do not show them, results do. The client adds
    those in responses to ``in_messages``: see Client.hide().
    """

    api_key: str
    known: frozenset[str]
    possible: frozenset[str]

    @classmethod
    def of(cls, params: Params) -> Secrets:
        """Return the secrets in parameters."""
        api_key = str(params.get("api_key") or "").strip()
        free = [_without_names(_parsed(params.get(name))) for name in _NEVER_QUOTED]
        known = {*secret_values([params, *free])} - {api_key}
        return cls(
            api_key if len(api_key) >= SHORTEST else "", frozenset(known), frozenset(free_texts(leaves(free))) - known
        )

    @functools.cached_property
    def in_messages(self) -> Redaction:
        """The redaction of messages."""
        return Redaction([self.api_key, *self.known, *self.possible])

    @property
    def in_results(self) -> Redaction:
        """The redaction of results."""
        return Redaction([*self.known, *self.in_messages.learned])

    def arguments(self, params: Params) -> Row:
        """Return the arguments of a task for its result."""
        return t.cast(Row, self.in_results.all(mask_secrets(params)))

    def without(self, outcome: ModuleResult) -> ModuleResult:
        """Return a result as it leaves the collection: without secrets except the API key, which Ansible masks, and
        those that are Disclosed, with control characters escaped in messages, warnings and diffs, and with the values
        of diffs as YAML."""
        redact = self.in_messages.text
        has_secrets = self.known or self.in_messages.learned
        result = t.cast(Row, self.in_results.all(outcome.result)) if has_secrets else dict(outcome.result)
        if "msg" in result:
            result["msg"] = printable(redact(str(result["msg"])))
        if "exception" in result:
            result["exception"] = printable_lines(redact(str(result["exception"])))
        if isinstance(result.get("errors"), list):
            result["errors"] = [printable(redact(text)) if isinstance(text, str) else text for text in result["errors"]]
        if isinstance(result.get("diff"), list):
            result["diff"] = [
                {key: printable(value) if key.endswith("_header") else _shown(value) for key, value in entry.items()}
                for entry in result["diff"]
            ]
        return ModuleResult(result, [printable(redact(warning)) for warning in outcome.warnings])


def _without_names(value: t.Any) -> t.Any:
    """Return the value of an option without names of apps, which messages quote."""
    return {key: each for key, each in value.items() if key not in _QUOTED} if isinstance(value, dict) else value


def _shown(value: t.Any) -> t.Any:
    """Return a side of a diff as Ansible shows it."""
    return yaml_text(value) if isinstance(value, dict) else value


def _parsed(value: t.Any) -> t.Any:
    """Return the value of an option, parsed if it is JSON in a text."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):
            return [value, json.loads(value)]
    return value


@dataclass(frozen=True)
class Visits:
    """The values in the parameters of a task: those of its ``own`` options, and those inside ``items``."""

    own: list[Visit]
    items: list[Visit]

    @property
    def all(self) -> list[Visit]:
        """The values of all options."""
        return [*self.own, *self.items]


@functools.cache
def define_module(kind: Kind) -> ModuleDefinition:
    """Return the module that manages an object of a kind, or several if one task describes several."""

    def run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
        expanded = lookup_of(view, kind).expand(params)
        several = [params] if expanded is None else expanded
        outcomes = ensure_all(view, kind, several, check_mode=context.check_mode, diff=context.diff)
        result: Row = {"changed": any(outcome.changed for outcome in outcomes)}
        records = [outcome.record for outcome in outcomes if outcome.record is not None]
        if expanded is not None:
            result[kind.plural] = records
        elif records:
            result[kind.name] = records[0]
        for outcome in outcomes:
            result |= outcome.extra
            for name, rows in outcome.related.items():
                known = result.setdefault(name, [])
                known += [row for row in rows if row not in known]
        if context.diff:
            result["diff"] = to_diff(change for outcome in outcomes for change in outcome.changes)
        return ModuleResult(result, [warning for outcome in outcomes for warning in outcome.warnings])

    unknown = {kind.name: dict.fromkeys(field.name for field in kind.fields if not field.secret)}
    return ModuleDefinition(kind.name, _module_spec(kind, kind.module), run, unknown=unknown)


@functools.cache
def define_info_module(kind: Kind) -> ModuleDefinition:
    """Return the module that reads objects of a kind."""

    def run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
        reader = reader_of(view, kind)
        information = reader.get_info(params)
        downloaded = reader.download(params, check_mode=context.check_mode)
        return ModuleResult({"changed": False, **information, **downloaded})

    module = _module_spec(kind, kind.info_module)
    unknown: Row = {kind.info_value: None if kind.shape is Shape.SINGLETON else []}
    return ModuleDefinition(f"{kind.name}_info", module, run, unknown=unknown)


def _module_spec(kind: Kind, module: ModuleSpec | None) -> ModuleSpec:
    if module is None:
        raise TypeError(f"The kind {kind.name} does not define this module.")
    return module


def to_diff(changes: t.Iterable[ObjectDiff]) -> list[Row]:
    """Return changes in the form of Ansible's diff."""
    return [diff_entry(change.title, change.before, change.after) for change in changes]


def diff_entry(title: str, before: t.Any, after: t.Any) -> Row:
    """Return one entry of Ansible's diff."""
    return {"before_header": title, "after_header": title, "before": before, "after": after}


def unmet_requirement(rules: Params, params: Params) -> str:
    """Return a phrase about the first required option that is null, "" if there is none. Ansible accepts null."""
    for names in rules.get("required_one_of", ()):
        if all(params[name] is None for name in names):
            return f"one of the following is required: {', '.join(names)}"
    for option, value, names, *any_of in rules.get("required_if", ()):
        missing = [name for name in names if params[name] is None] if params[option] == value else []
        if missing and (len(missing) == len(names) or not any(any_of)):
            quantity = "any" if any(any_of) else "all"
            return f"{option} is {value} but {quantity} of the following are missing: {', '.join(missing)}"
    return ""


def _blank_identifier(visits: Visits) -> str:
    """Return a sentence if an option that names an object is empty, otherwise ""."""
    blank = list(blank_identifiers(visits.own))
    return f"{_options(blank)} empty. An empty value selects nothing: set a value, or omit it." if blank else ""


def _options(paths: t.Sequence[str]) -> str:
    return f"The option {paths[0]} is" if len(paths) == 1 else f"The options {', '.join(paths)} are"


def unknown_result(
    definition: ModuleDefinition, visits: Visits, *, check_mode: bool, empty_is_null: bool = False
) -> ModuleResult | None:
    """Return the result of a task if it sets an option that names an object to null, otherwise None.

    In check mode, such a value is known only after another task has run. Otherwise, it is an error. It is always one
    for a module with ``items``, because the plan of all of them would be unknown.

    The values are those that the user wrote, because AnsibleModule does not distinguish null from an omitted option.
    ``empty_is_null`` says whether an empty text in check mode can represent null.
    """
    empty = empty_is_null and check_mode
    null = list(null_identifiers(visits.own, empty_is_null=empty))
    if not null:
        return None
    if not check_mode or definition.items:
        return ModuleResult({"failed": True, "msg": f"{_options(null)} null. Set a value, or omit it."})
    warning = (
        f"{_options(null)} null in check mode, probably because another task creates the object."
        " The changes of this task are known after that task has run."
    )
    return ModuleResult({"changed": not definition.name.endswith("_info"), **definition.unknown}, [warning])


def execute(
    definition: ModuleDefinition,
    params: Params,
    context: RunContext,
    *,
    user_agent: str,
    secrets: Secrets | None = None,
) -> ModuleResult:
    """Run a task and return its result. ``secrets`` are those in the parameters, if they are known already.

    A failure has ``failed`` and the message ``msg``, and ``changed`` if a write request took effect before it. An
    unexpected one also has the traceback ``exception``.
    """
    secrets = secrets or Secrets.of(params)
    visits = definition.visit(params, needs_check)
    if message := (
        unmet_requirement(definition.rules, params) or invalid_path(visits.all) or _blank_identifier(visits)
    ):
        return secrets.without(ModuleResult({"failed": True, "msg": message}))
    requests: list[str] = []
    warnings: list[str] = []
    view: TenantView | None = None
    try:
        connection = Connection.from_options(params)
        with Client(
            connection,
            user_agent=user_agent,
            log=requests.append,
            progress=context.progress,
            writes=context.effects.writes,
            redaction=secrets.in_messages,
        ) as client:
            warnings += client.warnings
            view = TenantView(client)
            outcome = definition.run(view, params, context)
            warnings += view.warnings()
    except EsperError as error:
        failure = {"failed": True, "msg": str(error), **error.details()}
        outcome = ModuleResult(_with_accepted(failure, view, context.effects, is_known=error.names_changes))
    except Exception as error:  # noqa: BLE001 - Python and ansible-core would show its values without masking
        description = f"{type(error).__name__}: {error}"
        message = f"Unexpected error (bug in esper.cloud), please report it at {ISSUES_URL}: {description}"
        details = secrets.in_messages.all({"msg": message, "exception": traceback.format_exc()})
        failure = {"failed": True, **details}
        outcome = ModuleResult(_with_accepted(failure, view, context.effects))
    if outcome.result.get("failed") and view is not None and view.has_written:
        outcome.result["changed"] = True
    if context.verbosity >= _REQUESTS_VERBOSITY:
        outcome.result["requests"] = requests
    return secrets.without(ModuleResult(outcome.result, [*warnings, *outcome.warnings]))


def _with_accepted(failure: Row, view: TenantView | None, effects: Effects, *, is_known: bool = False) -> Row:
    """Return the result of a failed task with the write requests that Esper accepted before, unless the message already
    names them, or the task has recorded them as effects."""
    if view is not None and view.has_written and not is_known and not effects.sentences:
        effects.add(accepted_writes(view))
    return effects.added_to(failure)
