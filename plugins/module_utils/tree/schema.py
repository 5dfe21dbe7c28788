# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON schemas of the files of a tree, with which editors complete and check them.

They are derived from the options of the modules. A template can have the place of any value. Editors read YAML in
version 1.2, so ``yes`` is a text for them.
"""

from __future__ import annotations

import json
import re
import typing as t

from ..base.row import Row
from ..model.field import Field, exclusive_options, options_in
from ..model.kind import Kind, Shape
from ..model.module_spec import Option
from ..model.walk import Described

# The latest draft that all editors know.
_DRAFT = "http://json-schema.org/draft-07/schema#"
_TEMPLATE: Row = {"type": "string", "pattern": r"\{\{|\{%", "description": "Template of Ansible."}
_TYPES: dict[str, Row] = {
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "str": {"type": "string"},
    "path": {"type": "string"},
    "dict": {"type": "object"},
    "list": {"type": "array"},
}
_MARKUP = re.compile(r"\b(?:O|V|RV|M|E|C|I|B|P)\(([^()]*)\)")


def schema_of(kind: Kind) -> Row:
    """Return the schema of a file with an object of a kind, or with a list of objects."""
    module = kind.module
    if module is None:
        raise TypeError(f"The kind {kind.name} has no module.")
    item: Row = {"$ref": "#/definitions/object"}
    items = item if kind.tenant.from_text is None else {"anyOf": [item, {"type": "string"}]}
    is_single = kind.shape is Shape.SINGLETON
    return {
        "$schema": _DRAFT,
        "title": f"{kind.title[0].upper()}{kind.title[1:]}",
        "description": module.short_description,
        **(item if is_single else {"anyOf": [item, {"type": "array", "items": items}]}),
        "definitions": {"object": _object(module.options, module.rules), "template": _TEMPLATE},
    }


def list_schema_of(option: Option) -> Row:
    """Return the schema of a file with the list of an option, such as accepted deviations."""
    return {
        "$schema": _DRAFT,
        "title": option.name,
        "description": _text(option.doc),
        "type": "array",
        "items": _object(option.options, option.rules),
        "definitions": {"template": _TEMPLATE},
    }


def _object(options: t.Iterable[Described], rules: t.Mapping[str, t.Any]) -> Row:
    """Return the schema of a dict with options, and with rules between them."""
    options = tuple(options)
    names = {described.name: _names(described) for described in options}
    schema: Row = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _value(described) for described in options for name in names[described.name]},
    }
    conditions = [_one_of(names[described.name]) for described in options if described.required]
    conditions += list(_conditions(rules, options, names))
    if conditions:
        schema["allOf"] = conditions
    return schema


def _names(described: Described) -> tuple[str, ...]:
    return (described.name, *(described.aliases if isinstance(described, Option) else ()))


def _value(described: Described) -> Row:
    """Return the schema of the value of an option: the value itself, a template, or null, which omits it."""
    alternatives = [_typed(described), {"$ref": "#/definitions/template"}, {"type": "null"}]
    schema: Row = {"description": _text(described.doc), "anyOf": alternatives}
    if isinstance(described, Option) and described.default is not None:
        schema["default"] = described.default
    return schema


def _typed(described: Described) -> Row:
    if isinstance(described, Field):
        suboptions: tuple[Described, ...] = tuple(options_in(described.fields))
        rules: t.Mapping[str, t.Any] = {"mutually_exclusive": exclusive_options(described.fields)}
    else:
        suboptions, rules = described.options, described.rules
    inner = _object(suboptions, rules) if suboptions else {}
    if described.type == "list":
        item = inner or _scalar(described, described.elements)
        return {"type": "array", "items": {"anyOf": [item, {"$ref": "#/definitions/template"}]} if item else {}}
    return inner or _scalar(described, described.type)


def _scalar(described: Described, kind: str) -> Row:
    if described.choices:
        return {"enum": list(described.choices)}
    if kind == "str" and (described.numbers or re.search(r"(^|_)ids?$", described.name)):
        return {"type": ["string", "integer"]}
    return dict(_TYPES.get(kind, {}))


# --- rules ------------------------------------------------------------------------------------------------------------


def _one_of(names: t.Iterable[str]) -> Row:
    """Return the condition that one of some options is set."""
    conditions: list[Row] = [{"required": [name]} for name in names]
    return conditions[0] if len(conditions) == 1 else {"anyOf": conditions}


def _conditions(
    rules: t.Mapping[str, t.Any], options: t.Iterable[Described], names: t.Mapping[str, tuple[str, ...]]
) -> t.Iterator[Row]:
    defaults = {each.name: each.default for each in options if isinstance(each, Option)}

    def is_set(name: str) -> Row:
        return _one_of(names[name])

    for terms in rules.get("mutually_exclusive", ()):
        pairs = [(first, second) for index, first in enumerate(terms) for second in terms[index + 1 :]]
        yield from ({"not": {"allOf": [is_set(first), is_set(second)]}} for first, second in pairs)
    for terms in rules.get("required_one_of", ()):
        yield {"anyOf": [is_set(name) for name in terms]}
    for terms in rules.get("required_together", ()):
        all_set = {"allOf": [is_set(name) for name in terms]}
        yield {"anyOf": [all_set, {"not": {"anyOf": [is_set(name) for name in terms]}}]}
    for name, needed in rules.get("required_by", {}).items():
        yield {"if": is_set(name), "then": {"allOf": [is_set(each) for each in needed]}}
    for name, value, needed, *any_of in rules.get("required_if", ()):
        has_value: Row = {"properties": {each: {"const": value} for each in names[name]}}
        if defaults.get(name) != value:
            has_value["allOf"] = [is_set(name)]
        conditions = [is_set(each) for each in needed]
        yield {"if": has_value, "then": {"anyOf" if any(any_of) else "allOf": conditions}}


def _text(doc: str | t.Sequence[str]) -> str:
    """Return a documentation without the markup of Ansible."""
    text = doc if isinstance(doc, str) else " ".join(doc)
    return _MARKUP.sub(r"\1", text)


def schema_text(schema: Row) -> str:
    """Return the text of the file of a schema."""
    return f"{json.dumps(schema, indent=2, ensure_ascii=False)}\n"
