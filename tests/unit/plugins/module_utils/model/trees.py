# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random fields, with current values in API format and desired values in normal form."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.esper.cloud.plugins.module_utils.base.validators import between
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from hypothesis import strategies as st

MASK, SECRET = "********", "correct horse"

Draw = t.Callable[[st.SearchStrategy[t.Any]], t.Any]


def _short(value: t.Any) -> str:
    return "is wrong" if value in ("wrong", 9) else ""


def _few(value: t.Any) -> str:
    return "has more than 2 items" if len(value) > 2 else ""


@st.composite
def leaves(draw: Draw, name: str) -> Field:
    """Return fields without fields."""
    common: dict[str, t.Any] = {
        "api": draw(st.sampled_from(["", f"api_{name}"])),
        "required_by_api": draw(st.booleans()),
        "in_payload": draw(st.sampled_from([True, True, True, False])),
        "writable": draw(st.sampled_from([True, True, True, False])),
        "validator": _short,
    }
    kind = draw(st.sampled_from(["text", "number", "switch", "texts", "set", "json", "secret"]))
    if kind == "text":
        return Field(
            name,
            create_default=draw(st.none() | st.just("a")),
            normalize=draw(st.sampled_from([str, lambda x: x])),
            **common,
        )
    if kind == "number":
        return Field(
            name, type="int", server_default=draw(st.none() | st.just(1)), **{**common, "validator": between(0, 8)}
        )
    if kind == "switch":
        return Field(name, type="bool", server_default=draw(st.sampled_from([None, True, False])), **common)
    if kind in ("texts", "set"):
        return Field(
            name, type="list", elements="str", list_type="set" if kind == "set" else "", list_validator=_few, **common
        )
    if kind == "json":
        return Field(name, type="dict", **{**common, "validator": lambda _value: ""})
    return Field(name, secret=True, **{**common, "in_payload": True})


@st.composite
def fields(draw: Draw, name: str, depth: int, *, in_list: bool = False) -> Field:
    """Return fields of all sorts. A list without keys is replaced as a whole, so it has no secrets."""
    kind = draw(st.sampled_from(["leaf", "leaf", "dict", "list", "keyed"] if depth else ["leaf"]))
    if kind == "leaf":
        return draw(leaves(name).filter(lambda each: not (in_list and each.secret)))
    in_list = in_list or kind == "list"
    inner = tuple(
        draw(fields(each, depth - 1, in_list=in_list)) for each in draw(st.sampled_from(["", "a", "ab", "abc"]))
    )
    api = draw(st.sampled_from(["", f"api_{name}"]))
    if kind == "dict":
        inner = inner or (Field("a"),)
        return Field(
            name,
            type="dict",
            api=api,
            fields=inner,
            exempt_from_exact=draw(st.booleans()),
            required_by_api=draw(st.booleans()),
        )
    if kind == "list":
        return Field(name, type="list", elements="dict", api=api, fields=inner or (Field("a"),), list_validator=_few)
    keys = (Field("k", api="key"), Field("l", in_payload=draw(st.booleans())), Field("m"))
    by = draw(st.sampled_from([(("k",),), (("k",), ("l",)), (("k", "m"), ("k",), ("l",))]))
    return Field(name, type="list", elements="dict", api=api, fields=(*keys, *inner), list_type="map", map_keys=by)


def _value(field: Field, current: bool) -> st.SearchStrategy[t.Any]:
    if field.secret:
        return st.sampled_from([MASK, SECRET, "other", ""]) if current else st.just(SECRET)
    if field.name in ("k", "l", "m"):
        return st.sampled_from([1, "1", "2", "3"]) if current else st.sampled_from(["1", "2", "3"])
    if field.type == "int":
        return st.integers(0, 2) | st.just("1") if current else st.integers(0, 2) | st.just(9)
    if field.type == "bool":
        return st.booleans() | (st.just("true") if current else st.nothing())
    if field.type == "list" and not field.fields:
        return st.lists(st.sampled_from(["x", "y", "z"]), max_size=3)
    if field.type == "dict" and not field.fields:
        return st.dictionaries(st.sampled_from("pq"), st.integers(0, 1) | st.just("1") | st.none(), max_size=2)
    if not field.fields:
        return st.sampled_from(["a", "b", "", 1] if current else ["a", "b", "", "wrong"])
    one = _currents(field) if current else _desireds(field)
    if field.type == "dict":
        return one
    return st.lists(one, max_size=3)


def _currents(field: Field) -> st.SearchStrategy[t.Any]:
    values = {each.api_name: st.none() | _value(each, True) for each in field.fields}
    return st.fixed_dictionaries({}, optional={**values, "unknown": st.none() | st.just({"of": "tomorrow"})})


def _desireds(field: Field) -> st.SearchStrategy[t.Any]:
    values = {each.name: _value(each, False) for each in field.fields if each.writable}
    return st.fixed_dictionaries({}, optional={name: value | st.none() for name, value in values.items()})


class Case(t.NamedTuple):
    """A field with a current and a desired value."""

    field: Field
    current: t.Any
    desired: t.Any
    exact: bool
    always: bool

    def __repr__(self) -> str:
        return f"{_described(self.field)} {self.current} -> {self.desired} exact={self.exact} always={self.always}"


def _described(field: Field) -> str:
    """Return the attributes of a field that differ from their defaults."""
    own = (
        f"{each.name}={getattr(field, each.name)!r}"
        for each in dataclasses.fields(Field)
        if each.name != "fields" and getattr(field, each.name) != each.default
    )
    return f"({', '.join(own)}{''.join(map(_described, field.fields))})"


@st.composite
def cases(draw: Draw) -> Case:
    """Return fields with values for them. Without exact, a desired value has no null: see Field.normalize_input()."""
    field = draw(fields("top", 3))
    exact = draw(st.booleans())
    desired = field.normalize_input(draw(st.none() | _value(field, False)), exact)
    return Case(field, draw(st.none() | _value(field, True)), desired, exact, draw(st.booleans()))


def has_keys(field: Field, desired: t.Any) -> bool:
    """Return whether each dict of a list has its key, so that the comparison finds it again."""
    if isinstance(desired, list) and field.fields:
        return all((not field.map_keys or "k" in each) and has_keys(field, each) for each in desired)
    if isinstance(desired, dict):
        return all(has_keys(each, desired.get(each.name)) for each in field.fields)
    return True
