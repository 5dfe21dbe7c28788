# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The validation of objects in files, with the position of each error.

Ansible's validation, which follows, stops at the first error of an object and does not know its position.
"""

from __future__ import annotations

import typing as t

from ..base.located import Located
from ..base.text import did_you_mean
from ..model.field import Field, exclusive_options, options_in
from ..model.module_spec import Option
from ..model.walk import Described, Visit, invalid_path, text_slips, type_mismatch
from .documents import Problem

_TRUE = ("true", "yes", "on", "y", "t", "1", "1.0")
_FALSE = ("false", "no", "off", "n", "f", "0", "0.0")
_NOUNS = {"int": "an integer", "float": "a number", "bool": "a boolean", "dict": "a dict", "list": "a list"}
_Rules = t.Mapping[str, t.Any]


def check_options(
    options: t.Sequence[Described], rules: _Rules, values: Located, path: str = ""
) -> t.Iterator[Problem]:
    """Yield the errors in the options of an object, or in the suboptions of a dict. ``path`` is that of the dict."""
    if values.fault:
        yield Problem(values.file, values.line, values.fault)
        return
    if not isinstance(values.value, dict):
        subject = f"The option {path}" if path else "The object"
        yield Problem(values.file, values.line, f"{subject} must be a dict, not {_shown(values.value)}.")
        return
    prefix = f"{path}." if path else ""
    known = {name: described for described in options for name in (described.name, *_aliases(described))}
    for key, item in values.value.items():
        if key in known:
            yield from _check_value(known[key], item, f"{prefix}{key}")
        else:
            yield Problem(item.file, item.line, f"Unknown option {prefix}{key}.{suggestion(key, known)}")
    for text in _unmet_rules(options, rules, values.value):
        place = f"{path}: " if path else ""
        yield Problem(values.file, values.line, f"{place}{text}")


def suggestion(name: t.Any, known: t.Iterable[str]) -> str:
    """Return a question about the closest known name, after a space, "" if there is none."""
    question = did_you_mean(str(name), known)
    return f" {question}" if question else ""


def _aliases(described: Described) -> tuple[str, ...]:
    return described.aliases if isinstance(described, Option) else ()


def _check_value(described: Described, item: Located, path: str) -> t.Iterator[Problem]:
    if item.fault:
        yield Problem(item.file, item.line, item.fault)
        return
    if item.value is None:
        return
    suboptions = described.options if isinstance(described, Option) else tuple(options_in(described.fields))
    rules: _Rules = described.rules if isinstance(described, Option) else {}
    if isinstance(described, Field) and (exclusive := exclusive_options(described.fields)):
        rules = {"mutually_exclusive": exclusive}
    if suboptions and described.type == "list" and isinstance(item.value, list):
        for index, each in enumerate(item.value):
            yield from check_options(suboptions, rules, each, f"{path}[{index}]")
    elif suboptions and described.type == "dict":
        yield from check_options(suboptions, rules, item, path)
    else:
        problems = list(_check_plain(described, item, path))
        yield from problems or _other_faults(described, item, path)


def _check_plain(described: Described, item: Located, path: str) -> t.Iterator[Problem]:
    """Yield the errors of a value without suboptions, and of its items."""
    if described.type == "list" and isinstance(item.value, list):
        for index, each in enumerate(item.value):
            yield from _check_item(described, described.elements or "raw", each, f"{path}[{index}]")
    else:
        yield from _check_item(described, described.type, item, path)


def _check_item(described: Described, kind: str, item: Located, path: str) -> t.Iterator[Problem]:
    """Yield the errors of a value without suboptions. ``kind`` is the type that it must have."""
    if item.fault:
        yield Problem(item.file, item.line, item.fault)
        return
    value = item.value
    if not _has_type(kind, value, described.elements):
        noun = _NOUNS.get(kind, "a text")
        shown = type(value).__name__ if described.secret else _shown(value)
        yield Problem(item.file, item.line, f"The option {path} must be {noun}, not {shown}.")
    elif described.choices and value is not None and not isinstance(value, list) and not _is_choice(described, value):
        choices = ", ".join(described.choices)
        yield Problem(item.file, item.line, f"The option {path} must be one of {choices}, not {_shown(value)}.")
    else:
        yield from (Problem(each.file, each.line, each.fault) for _path, each in item.inside() if each.fault)


def _other_faults(described: Described, item: Located, path: str) -> t.Iterator[Problem]:
    """Yield the errors that modules find in values whose type Ansible accepts, such as a number for a name."""
    visits = [Visit(path, described, item.plain())]
    errors = text_slips(visits).errors or list(filter(None, [type_mismatch(visits), invalid_path(visits)]))
    yield from (Problem(item.file, item.line, error) for error in errors)


def _has_type(kind: str, value: t.Any, elements: str) -> bool:
    """Return whether Ansible accepts a value for a type. A value in a file need not be parsed from a text."""
    if value is None or kind in ("raw", "any", "json", "jsonarg"):
        return True
    if kind == "list":
        return isinstance(value, list) or (elements != "dict" and not isinstance(value, (dict, bool)))
    if kind == "dict":
        return isinstance(value, dict) or (isinstance(value, str) and value.lstrip().startswith("{"))
    if isinstance(value, (dict, list)):
        return False
    if kind == "bool":
        return isinstance(value, bool) or str(value).lower() in (*_TRUE, *_FALSE)
    if kind in ("int", "float"):
        return not isinstance(value, bool) and _is_number(value, is_whole=kind == "int")
    return True


def _is_number(value: t.Any, *, is_whole: bool) -> bool:
    try:
        number = float(value)
        return number.is_integer() if is_whole else True
    except (TypeError, ValueError, OverflowError):
        return False


def _is_choice(described: Described, value: t.Any) -> bool:
    if isinstance(value, bool):
        # YAML reads the choice "off" as false.
        return any(choice.lower() in (_TRUE if value else _FALSE) for choice in described.choices)
    return str(value) in described.choices


def _unmet_rules(options: t.Sequence[Described], rules: _Rules, values: t.Mapping[t.Any, Located]) -> t.Iterator[str]:
    """Yield a sentence about each rule between options that is not met. Null is as good as omitted."""
    given: dict[str, t.Any] = {}
    for described in options:
        default = described.default if isinstance(described, Option) else None
        found = [values[name] for name in (described.name, *_aliases(described)) if name in values]
        # A value with an error of its own counts, so there is one error.
        given[described.name] = (found[0].fault or found[0].value) if found else default
        if described.required and given[described.name] is None:
            yield f"The option {described.name} is required."
    is_set = {name for name, value in given.items() if value is not None}
    for names in rules.get("mutually_exclusive", ()):
        if len(both := [name for name in names if name in is_set and name in values]) > 1:
            yield f"These options are mutually exclusive: {', '.join(both)}."
    for names in rules.get("required_one_of", ()):
        if is_set.isdisjoint(names):
            yield f"One of these options is required: {', '.join(names)}."
    for names in rules.get("required_together", ()):
        missing = [name for name in names if name not in is_set]
        if 0 < len(missing) < len(names):
            yield f"These options are required together: {', '.join(names)}. Missing: {', '.join(missing)}."
    for name, value, names, *any_of in rules.get("required_if", ()):
        missing = [each for each in names if each not in is_set]
        if given.get(name) == value and missing and (len(missing) == len(names) or not any(any_of)):
            quantity = "one of these options is" if any(any_of) else "these options are"
            yield f"If {name} is {value}, {quantity} required: {', '.join(missing)}."
    for name, needed in rules.get("required_by", {}).items():
        missing = [each for each in needed if each not in is_set]
        if name in is_set and missing:
            yield f"The option {name} requires {', '.join(missing)}."


def _shown(value: t.Any) -> str:
    """Return a value for a message."""
    if isinstance(value, (dict, list)):
        return f"a {type(value).__name__}"
    return "null" if value is None else f"'{value}'" if isinstance(value, str) else str(value)
