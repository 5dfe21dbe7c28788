# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of modules: options, return values and examples, as they are in the files."""

from __future__ import annotations

import ast
import functools
import re
import typing as t
from pathlib import Path

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.index import MODULES
from ansible_collections.esper.cloud.plugins.module_utils.model.module_spec import argument_spec_for
from ansible_collections.esper.cloud.plugins.module_utils.model.walk import type_mismatch
from ansible_collections.esper.cloud.plugins.module_utils.module import argument_spec
from ansible_collections.esper.cloud.tests.laws.preparations import Row

ROOT = Path(__file__).resolve().parents[2]

_PREFIX = "esper.cloud."
_COMPARED = ("type", "elements", "choices", "default", "required", "aliases")
_UNSET = {"type": "str", "required": False, "choices": None, "default": None, "elements": None, "aliases": None}
# A valid value of each type, instead of a template.
_STAND_INS: Row = {"str": "x", "path": "x", "raw": "x", "int": 1, "float": 1.0, "bool": True, "list": [], "dict": {}}


@functools.cache
def _blocks(module: str) -> dict[str, t.Any]:
    """Return DOCUMENTATION, EXAMPLES and RETURN of a module."""
    tree = ast.parse((ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    return {ast.unparse(node.targets[0]): _parsed(ast.literal_eval(node.value)) for node in assigned}


def _parsed(text: str) -> t.Any:
    return yaml.load(text, Loader=yaml.CSafeLoader)


def options(module: str) -> Row:
    """Return the documented options of a module without those of the connection."""
    documented = _blocks(module)["DOCUMENTATION"].get("options")
    return documented or {}


def returned(module: str) -> Row:
    """Return the documented return values of a module."""
    values: Row = _blocks(module)["RETURN"]
    return values


def differences(documented: Row, spec: Row, path: str = "") -> t.Iterator[str]:
    """Return a sentence for each difference between documented options and an argument spec, at any depth."""
    for name in sorted(documented.keys() ^ spec.keys()):
        yield f"{path}{name} is only in the {'documentation' if name in documented else 'argument spec'}"
    for name in sorted(documented.keys() & spec.keys()):
        told, real = documented[name], spec[name]
        for key in _COMPARED:
            one, other = told.get(key, _UNSET[key]), real.get(key, _UNSET[key])
            if one != other or type(one) is not type(other):
                yield f"{path}{name}: {key} is {one!r} in the documentation, {other!r} in the argument spec"
        if not told.get("description"):
            yield f"{path}{name} has no description"
        yield from differences(told.get("suboptions", {}), real.get("options", {}), f"{path}{name}.")


def examples(module: str) -> list[tuple[str, Row]]:
    """Return the tasks of this collection in the examples of a module: name of the module and arguments."""
    return list(_tasks(_blocks(module)["EXAMPLES"]))


def _tasks(tasks: t.Iterable[Row]) -> t.Iterator[tuple[str, Row]]:
    for task in tasks:
        for key in ("block", "rescue", "always"):
            yield from _tasks(task.get(key, ()))
        yield from ((name.removeprefix(_PREFIX), args or {}) for name, args in task.items() if name.startswith(_PREFIX))


def invalid(module: str, args: Row) -> str:
    """Return why arguments are not valid, "" if they are. A template can have any value of the type of its option."""
    if module not in MODULES:
        return f"there is no module {module}"
    task = definition_of(module)
    spec = {**argument_spec(task, {}), **argument_spec_for(task.described_items)}
    known = _filled(spec, args)
    if why := type_mismatch(task.visit(known).all):
        return why
    validated = ArgumentSpecValidator(spec, **task.rules).validate(known)
    return str(validated.errors.msg) if validated.error_messages else ""


def _filled(spec: Row, args: Row) -> Row:
    """Return arguments with a valid value for each template."""
    return {name: _value(spec.get(name, {}), value) for name, value in args.items()}


def _value(spec: Row, value: t.Any) -> t.Any:
    if isinstance(value, str) and re.search(r"\{[{%]", value):
        stand_in = _STAND_INS[spec.get("type", "str")]
        return spec["choices"][0] if spec.get("choices") else stand_in
    if isinstance(value, dict) and spec.get("options"):
        return _filled(spec["options"], value)
    if isinstance(value, list) and spec.get("type") == "list":
        item = {"type": spec.get("elements", "str"), "options": spec.get("options")}
        return [_value(item, each) for each in value]
    return value
