# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module does, apart from how it is started: as a module, or within the controller's own process.

Knows nothing of Ansible: it takes checked parameters and gives a plain result.
"""

from __future__ import annotations

import functools
import traceback
import typing as t
from dataclasses import dataclass, field, replace

from .base.errors import EsperError
from .base.redaction import Redaction
from .base.row import Params, Row
from .engine.apply import ensure_all
from .engine.lookup import lookup_of
from .engine.reader import reader_of
from .engine.tenant_view import TenantView
from .http.client import Client
from .http.connection import OPTIONS as CONNECTION_OPTIONS
from .http.connection import Connection
from .model.field import Field
from .model.kind import Kind, Shape
from .model.module_spec import ModuleSpec, Option
from .model.plan import ObjectDiff
from .model.walk import (
    Visit,
    any_option,
    blank_identifiers,
    invalid_path,
    needs_check,
    null_identifiers,
    secret_texts,
    walk,
)

_SHOWS_REQUESTS = 3
_CONNECTION = tuple(
    Option(each.name, each.description, type=each.type, secret=each.secret) for each in CONNECTION_OPTIONS
)


@dataclass(frozen=True)
class RunContext:
    """How a task is run: ``check_mode`` and ``diff`` as Ansible has them, ``verbosity`` by the number of its -v.
    ``progress`` is told how far work that takes long has come, a sentence at a time."""

    check_mode: bool = False
    diff: bool = False
    verbosity: int = 0
    progress: t.Callable[[str], None] = lambda _sentence: None


@dataclass
class ModuleResult:
    """What came of a task: its result, as Ansible shows it, and what the user is to be warned of."""

    result: Row
    warnings: list[str] = field(default_factory=list)


Run = t.Callable[[TenantView, Params, RunContext], ModuleResult]


class ItemParams(dict[str, t.Any]):
    """The validated parameters of one item: ``error`` says why the item cannot be processed, "" if it can."""

    error: str = ""


@dataclass(frozen=True)
class ModuleDefinition:
    """What a module does: its name, its interface, and the function that runs it.

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
        """The options in the form of an argument spec."""
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
            replace(each, options=manage_module(self.items[each.name]).module.options)
            for each in self.module.options
            if isinstance(each, Option) and each.name in self.items
        )

    def visit(self, params: Params, only: t.Callable[[Option | Field], bool] = any_option) -> Visits:
        """Return the values of options in parameters, those of the connection included; of all options, unless ``only``
        tells which."""
        own = list(walk((*_CONNECTION, *self.module.options), params, only=only))
        return Visits(own, list(walk(self.described_items, params, only=only)) if self.items else [])


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
def manage_module(kind: Kind) -> ModuleDefinition:
    """The task of a module that manages one object of a kind, or several that one task stands for."""

    def run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
        several = lookup_of(view, kind).expand(params)
        done = ensure_all(view, kind, [params] if several is None else several, check_mode=context.check_mode)
        result: Row = {"changed": any(each.changed for each in done)}
        records = [each.record for each in done if each.record is not None]
        if several is not None:
            result[kind.plural] = records
        elif records:
            result[kind.name] = records[0]
        for name, rows in [related for each in done for related in each.related.items()]:
            known = result.setdefault(name, [])
            known += [row for row in rows if row not in known]
        if context.diff:
            result["diff"] = shown_changes(each for one in done for each in one.changes)
        return ModuleResult(result, [sentence for each in done for sentence in each.warnings])

    unknown = {kind.name: dict.fromkeys(each.name for each in kind.fields if not each.secret)}
    return ModuleDefinition(kind.name, _interface(kind, kind.module), run, unknown=unknown)


@functools.cache
def info_module_of(kind: Kind) -> ModuleDefinition:
    """The task of a module that reads objects of a kind."""

    def run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
        reader = reader_of(view, kind)
        information = reader.get_info(params)
        downloaded = reader.download(params, check_mode=context.check_mode)
        return ModuleResult({"changed": False, **information, **downloaded})

    module = _interface(kind, kind.info_module)
    unknown: Row = {kind.name: None} if kind.shape is Shape.SINGLETON else {kind.plural: []}
    return ModuleDefinition(f"{kind.name}_info", module, run, unknown=unknown)


def _interface(kind: Kind, module: ModuleSpec | None) -> ModuleSpec:
    if module is None:
        raise TypeError(f"No module is described for {kind.name}.")
    return module


def shown_changes(changes: t.Iterable[ObjectDiff]) -> list[Row]:
    """Changes as Ansible shows a diff."""
    return [
        {"before_header": each.title, "after_header": each.title, "before": each.before, "after": each.after}
        for each in changes
    ]


def unmet(rules: Params, params: Params) -> str:
    """What Ansible lets pass: null for an option that is required, alone or as one of some. A sentence, "" where all is
    well."""
    for names in rules.get("required_one_of", ()):
        if all(params[name] is None for name in names):
            return f"one of the following is required: {', '.join(names)}"
    for option, value, names, *any_of in rules.get("required_if", ()):
        missing = [name for name in names if params[name] is None] if params[option] == value else []
        if missing and (len(missing) == len(names) or not any(any_of)):
            told = "any of the following" if any(any_of) else "all of the following"
            return f"{option} is {value} but {told} are missing: {', '.join(missing)}"
    return ""


def _blank(visits: Visits) -> str:
    """Return a sentence if an option that names an object is empty, otherwise ""."""
    blank = list(blank_identifiers(visits.own))
    return f"{_options(blank)} empty. An empty value selects nothing: set a name or an ID, or omit it." if blank else ""


def _options(paths: t.Sequence[str]) -> str:
    return f"The option {paths[0]} is" if len(paths) == 1 else f"The options {', '.join(paths)} are"


def unknown_result(
    definition: ModuleDefinition, visits: Visits, *, check_mode: bool, empty_is_null: bool = False
) -> ModuleResult | None:
    """Return the outcome of a task of which an option that names an object is set to null, otherwise None.

    In check mode such a value is known only after another task is applied; otherwise it is an error. The values are
    those that the user wrote, because AnsibleModule does not tell null from an omitted option.
    ``empty_is_null`` says whether an empty text in check mode may stand for null.
    """
    empty = empty_is_null and check_mode
    null = list(null_identifiers(visits.own, empty_is_null=empty))
    if not null:
        return None
    if not check_mode:
        return ModuleResult({"failed": True, "msg": f"{_options(null)} null. Set a name or an ID, or omit it."})
    warning = (
        f"{_options(null)} null in check mode, probably because another task has yet to create the object."
        " The changes of this task are known after that task is applied."
    )
    return ModuleResult({"changed": not definition.name.endswith("_info"), **definition.unknown}, [warning])


def execute(definition: ModuleDefinition, params: Params, context: RunContext, *, user_agent: str) -> ModuleResult:
    """Do a task. Any failure is a result, too, with ``failed`` and a sentence as ``msg``. One that was not foreseen
    has a traceback as ``exception``, too."""
    visits = definition.visit(params, needs_check)
    if why := unmet(definition.rules, params) or invalid_path(visits.all) or _blank(visits):
        return ModuleResult({"failed": True, "msg": why})
    requests: list[str] = []
    warnings: list[str] = []
    secrets = list(secret_texts(visits.all))
    try:
        connection = Connection.from_options(params)
        secrets.append(connection.api_key)
        if connection.sends_key_in_clear:
            warnings.append("The API key is sent unencrypted, since api_url is no https URL.")
        with Client(
            connection, user_agent=user_agent, log=requests.append, progress=context.progress, secrets=secrets
        ) as client:
            view = TenantView(client)
            outcome = definition.run(view, params, context)
            warnings += view.warnings()
    except EsperError as error:
        outcome = ModuleResult({"failed": True, "msg": str(error), **error.details()})
    except Exception as error:  # noqa: BLE001 - what Python or ansible-core makes of it would show what is in it
        sentence = f"esper.cloud has a defect. {type(error).__name__}: {error}"
        told = {"msg": sentence, "exception": traceback.format_exc()}
        outcome = ModuleResult({"failed": True, **Redaction(secrets).all(told)})
    # What happened reaches the user only with the result.
    shown = {"requests": requests} if context.verbosity >= _SHOWS_REQUESTS else {}
    return ModuleResult({**outcome.result, **shown}, [*warnings, *outcome.warnings])
