# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The law for all results, however wrong the responses are. Each check yields sentences about what does not."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.esper.cloud.tests.laws import documents
from ansible_collections.esper.cloud.tests.laws.preparations import Row
from ansible_collections.esper.cloud.tests.laws.world import KEY
from ansible_collections.esper.cloud.tests.mutations.mutants import SONG

# CPU time of one task. The slowest ones without a mutation take a tenth of it.
_MOST_SECONDS = 4.0
_INTERNAL = re.compile(r"Traceback|\b[A-Z]\w*(Error|Exception|Warning)\b|Unexpected error|urllib3|object at 0x")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_CHANGES_ANYWAY = re.compile(r"updated|modified|changed|version|_on$|_at$|published|count", re.IGNORECASE)
_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "path": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "list": (list,),
    "dict": (dict,),
}


@dataclass
class Outcome:
    """The outcome of a run for the user: the results, or the variables of the hosts, and all texts.

    ``error`` is an exception other than the collection's own.
    """

    failed: bool
    message: str
    values: t.Any
    texts: list[str]
    error: str = ""
    writes: list[Row] = field(default_factory=list)
    seconds: float = 0.0
    evaluated: list[str] = field(default_factory=list)


def is_clear(outcome: Outcome) -> t.Iterator[str]:
    """Check that the outcome is a success, or an error of the collection."""
    if outcome.error:
        yield f"raises {outcome.error}"
    if outcome.failed and not outcome.message:
        yield "has no message"
    if found := _INTERNAL.search(outcome.message):
        yield f"shows {found.group()}: {outcome.message[:400]}"
    if outcome.seconds > _MOST_SECONDS:
        yield f"takes {outcome.seconds:.1f} s of CPU time"


def can_be_shown(outcome: Outcome) -> t.Iterator[str]:
    """Check that Ansible can print the outcome and store it as JSON, and that it does not show the key."""
    whole = [outcome.message, outcome.values, outcome.texts]
    try:
        text = json.dumps(whole, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        yield f"cannot be shown: {type(error).__name__}: {str(error)[:200]}"
        return
    if KEY in text:
        yield "shows the API key"
    if SONG in text:
        yield "evaluated a template"


def is_harmless_to_terminals(outcome: Outcome) -> t.Iterator[str]:
    """Check that no message, warning or header of a diff has characters that control a terminal."""
    diff = outcome.values.get("diff") if isinstance(outcome.values, dict) else None
    headers = [str(each["before_header"]) for each in diff or ()]
    for text in (outcome.message, *outcome.texts, *headers):
        if found := _CONTROL.search(text):
            yield f"shows the character {found.group()!a}: {text[:300]!a}"
            return


def evaluates_nothing(outcome: Outcome) -> t.Iterator[str]:
    """Check that no text of a response is a template, if somebody uses it."""
    yield from (f"evaluates the variable {name} as a template" for name in outcome.evaluated)


def has_documented_types(module: str, outcome: Outcome) -> t.Iterator[str]:
    """Check that each value of a module has the documented type, or is null."""
    if not outcome.failed:
        yield from _mismatches(documents.returned(module), outcome.values, "")


def _mismatches(documented: Row, values: Row, path: str) -> t.Iterator[str]:
    for name, value in values.items():
        if name in documented:
            yield from _mismatch(documented[name], value, f"{path}{name}")


def _mismatch(description: Row, value: t.Any, path: str) -> t.Iterator[str]:
    kind: str = description.get("type", "str")
    types = _TYPES.get(kind)
    if value is None or types is None:
        return
    if not isinstance(value, types) or (isinstance(value, bool) and kind != "bool"):
        yield f"returns {path} = {str(value)[:100]!r} of type {type(value).__name__}, but documents {kind}"
    elif isinstance(value, list):
        item = {**description, "type": description.get("elements", "raw")}
        for index, each in enumerate(value):
            yield from _mismatch(item, each, f"{path}[{index}]")
    elif isinstance(value, dict):
        yield from _mismatches(description.get("contains") or {}, value, f"{path}.")


def has_types_as_before(outcome: Outcome, before: t.Any) -> t.Iterator[str]:
    """Check that each variable of a host has a type that it has without a mutation, and no other keys."""
    known: dict[str, set[str]] = {}
    for variables in before.values():
        for path, kind in _kinds(variables):
            known.setdefault(path, set()).add(kind)
    for variables in outcome.values.values():
        for path, kind in _kinds(variables):
            parent = path.rpartition(".")[0]
            if kind != "null" and (path not in known or not known[path] >= {kind} != {"null"}):
                # Devices report amounts of memory as texts or numbers.
                is_amount = kind == "number" and path.startswith(".esper_memory.")
                if is_amount or (path in known and known[path] == {"null"}):
                    continue
                yield f"sets {path or parent} to a {kind}, not to one of {sorted(known.get(path, ()))}"


def _kinds(value: t.Any, path: str = "") -> t.Iterator[tuple[str, str]]:
    names = {str: "text", bool: "bool", int: "number", float: "number", type(None): "null", dict: "dict", list: "list"}
    kind = next((name for base, name in names.items() if isinstance(value, base)), type(value).__name__)
    yield path, kind
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _kinds(each, f"{path}.{key}")
    elif isinstance(value, list):
        for each in value:
            yield from _kinds(each, f"{path}[]")


def overwrites_nothing(before: t.Any, intended: t.Any, after: t.Any, mutant: t.Any) -> t.Iterator[str]:
    """Check that each property of each object has its value from before or the intended one, or is the mutation itself.

    The arguments are all objects of the tenant, after the last three of the task: nothing, without a mutation, with it.
    """
    for kind, rows in before.items():
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            continue
        ends = [
            {each["id"]: each for each in state.get(kind, ()) if isinstance(each, dict) and "id" in each}
            for state in (intended, after)
        ]
        for row in rows:
            if (identity := row.get("id")) not in ends[0]:
                continue
            if identity not in ends[1]:
                yield f"deletes an object of {kind}"
                continue
            yield from _overwritten(row, ends[0][identity], ends[1][identity], mutant, kind)


def _overwritten(before: t.Any, intended: t.Any, after: t.Any, mutant: t.Any, path: str) -> t.Iterator[str]:
    if isinstance(before, dict) and isinstance(intended, dict) and isinstance(after, dict):
        for key in before.keys() & intended.keys():
            if not _CHANGES_ANYWAY.search(key):
                yield from _overwritten(before[key], intended[key], after.get(key), mutant, f"{path}.{key}")
    elif after not in (before, intended, mutant):
        yield f"overwrites {path}: {json.dumps(before)[:80]} becomes {json.dumps(after)[:80]}"
