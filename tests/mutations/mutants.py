# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of responses: kinds of mutations of its JSON. Each one is made from random numbers."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, replace
from random import Random

import orjson
from ansible_collections.esper.cloud.tests.mutations.service import Answer

# The variable of the environment that templates in mutations read, and its value, which nothing may show.
CANARY, SONG = "MUTATION_CANARY", "evaluated-271828"

_RAW = "\ue000raw\ue000"
_EVERY = object()
_REMOVED = object()
_CALL = f"lookup('ansible.builtin.env', '{CANARY}')"
TEMPLATES = (
    f"{{{{ {_CALL} }}}}",
    f"{{% set x = {_CALL} %}}{{{{ x }}}}",
    f"{{% if {_CALL} %}}{SONG[:9]}{{% endif %}}-271828",
    f"#jinja2: variable_start_string:'[['\n[[ {_CALL} ]]",
    f"a' ~ {_CALL} ~ 'b",
    f"}}}}{{{{ {_CALL} }}}}",
)
CONTROLS = ("\x1b[2J\x1b]0;x\x07", "a\nb\rc", "\x00", "\u202eevil\u2066", "\x9b31m", "\x7f\x08\x08", "\u2028")
SURROGATES = (r"\ud800", r"a\udfff", r"\udc00\ud800", r"x\ud83d")

Path = tuple[t.Any, ...]
# What a mutation changes at a place of the JSON, to a value with marks for raw JSON texts.
Edit = t.Callable[[t.Any], t.Any]


@dataclass(frozen=True)
class Mutation:
    """A change of the responses to one request of a scenario.

    ``changes`` returns the new body and its content type. ``first`` is the first of the requests with the same method
    and path that it changes, ``only`` whether it changes no other. ``text`` describes it. ``unreadable`` is true if it
    only replaces a value of a GET by ``value``, which cannot be in its place.
    """

    method: str
    path: str
    first: int
    only: bool
    changes: t.Callable[[bytes], tuple[bytes, str]]
    text: str
    unreadable: bool = False
    value: t.Any = None


class Mutator:
    """Applies a mutation to the responses of one run, and remembers whether it changed one."""

    def __init__(self, mutation: Mutation) -> None:
        self.mutation = mutation
        self.hits = 0
        self._requests = 0

    def __call__(self, answer: Answer) -> Answer:
        mutation = self.mutation
        if (answer.method, answer.path) != (mutation.method, mutation.path):
            return answer
        number, self._requests = self._requests, self._requests + 1
        if number < mutation.first or (mutation.only and number > mutation.first):
            return answer
        body, kind = mutation.changes(answer.body)
        changed = replace(answer, body=body, content_type=kind or answer.content_type)
        self.hits += changed != answer
        return changed


def mutation_of(kind: str, answers: t.Sequence[Answer], rng: Random) -> Mutation | None:
    """Return a mutation of a kind for one of the responses that a scenario got, None if there is no place for it."""
    whole = kind in WHOLE
    usable = [index for index, each in enumerate(answers) if whole or _json_of(each.body) is not None]
    rng.shuffle(usable)
    for index in usable:
        answer = answers[index]
        same = [
            each for each, other in enumerate(answers) if (other.method, other.path) == (answer.method, answer.path)
        ]
        where = f"{answer.method} {answer.path}"
        only = rng.random() < 0.25
        first = same.index(index) if only else 0
        if whole:
            change, text = WHOLE[kind](rng)
            return Mutation(answer.method, answer.path, first, only, change, f"{where}: {text}")
        made = _in_json(kind, _json_of(answer.body), rng)
        if made is not None:
            path, edit, text = made
            place = "".join("[*]" if part is _EVERY else f"[{part!r}]" for part in path)
            return Mutation(
                answer.method,
                answer.path,
                first,
                only,
                _body_change(path, edit),
                f"{where}{' once' if only else ''}: {place} {text}",
                unreadable=kind == "wrong_type" and answer.method == "GET",
                value=edit(None) if kind == "wrong_type" else None,
            )
    return None


def _json_of(body: bytes) -> t.Any:
    """Return the JSON of a body, None if it has none or is a plain value."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return data if isinstance(data, (dict, list)) else None


# --- mutations of a place ---------------------------------------------------------------------------------------------


def _in_json(kind: str, document: t.Any, rng: Random) -> tuple[Path, Edit, str] | None:
    """Return the place of a mutation, its change, and a text about it."""
    fits, make = PLACED[kind]
    places = [(path, value) for path, value in _places(document) if fits(path, value)]
    if not places:
        return None
    # Each property has the same chance, however many objects of a list have it.
    shapes = sorted({_shape(path) for path, _value in places}, key=repr)
    shape = rng.choice(shapes)
    path, value = rng.choice([(path, value) for path, value in places if _shape(path) == shape])
    edit, text = make(value, _parent(document, path), rng)
    if rng.random() < 0.2:
        path = tuple(_EVERY if isinstance(part, int) else part for part in path)
    return path, edit, text


def _places(node: t.Any, path: Path = ()) -> t.Iterator[tuple[Path, t.Any]]:
    if path:
        yield path, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _places(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _places(value, (*path, index))


def _shape(path: Path) -> tuple[str, ...]:
    return tuple("" if isinstance(part, int) else str(part) for part in path)


def _parent(document: t.Any, path: Path) -> t.Any:
    """Return the list of the object that has the property at a path, if it is in one, otherwise an empty list."""
    for part in path[:-2]:
        document = document[part]
    return document if isinstance(document, list) else []


def _body_change(path: Path, edit: Edit) -> t.Callable[[bytes], tuple[bytes, str]]:
    def change(body: bytes) -> tuple[bytes, str]:
        document = _json_of(body)
        if document is None:
            return body, ""
        raws: list[str] = []
        changed = _edited(document, path, edit, raws)
        text = json.dumps(changed)
        mark = json.dumps(_RAW)
        pieces = text.split(mark)
        filled = pieces[0] + "".join(raws[0] + piece for piece in pieces[1:]) if raws else text
        return filled.encode("utf-8", "surrogatepass"), ""

    return change


def _edited(node: t.Any, path: Path, edit: Edit, raws: list[str]) -> t.Any:
    if not path:
        value = edit(node)
        if isinstance(value, Raw):
            raws.append(value.text)
            return {_RAW: value.value} if value.is_key else _RAW
        return value
    part, rest = path[0], path[1:]
    if isinstance(node, dict) and part in node:
        new = _edited(node[part], rest, edit, raws)
        return {key: new if key == part else each for key, each in node.items() if key != part or new is not _REMOVED}
    if isinstance(node, list) and (part is _EVERY or (isinstance(part, int) and part < len(node))):
        chosen = [part is _EVERY or part == index for index in range(len(node))]
        items = [_edited(each, rest, edit, raws) if is_it else each for each, is_it in zip(node, chosen, strict=True)]
        return [each for each in items if each is not _REMOVED]
    return node


@dataclass(frozen=True)
class Raw:
    """A JSON text that Python's encoder does not write; with ``is_key``, the only key of a dict with that value."""

    text: str
    is_key: bool = False
    value: t.Any = 1


Made = tuple[Edit, str]


def _constant(value: t.Any) -> Made:
    shown = value.text if isinstance(value, Raw) else json.dumps(value)
    return lambda _old: value, f"= {shown[:80]}{'...' if len(shown) > 80 else ''}"


def _wrong_type(value: t.Any, _siblings: t.Any, rng: Random) -> Made:
    text, number, row, rows = "wrong", 4711, {"wrong": "value"}, ["wrong"]
    others: dict[type, list[t.Any]] = {
        str: [row, rows, {}, [[]]],
        bool: [row, rows, text],
        int: [row, rows, text],
        float: [row, rows, text],
        list: [row, text, number, True],
        dict: [rows, text, number, True],
    }
    return _constant(rng.choice(others.get(type(value), [row, rows])))


def _removed(_value: t.Any, _siblings: t.Any, _rng: Random) -> Made:
    return (lambda _old: _REMOVED), "is missing"


def _null(_value: t.Any, _siblings: t.Any, _rng: Random) -> Made:
    return _constant(None)


def _huge(_value: t.Any, _siblings: t.Any, rng: Random) -> Made:
    texts = ("9" * 400, "-" + "9" * 5000, "1" + "0" * 20, "1.7976931348623157e308", "-9223372036854775809", "1e-400")
    return _constant(Raw(rng.choice(texts)))


def _not_a_number(_value: t.Any, _siblings: t.Any, rng: Random) -> Made:
    return _constant(Raw(rng.choice(("NaN", "Infinity", "-Infinity", "1e999", '"NaN"', '"inf"'))))


def _long_text(_value: t.Any, _siblings: t.Any, rng: Random) -> Made:
    return _constant(rng.choice(("x", "a/", "ä", "-1", "[")) * rng.choice((600, 9000, 70_000)))


def _nested(_value: t.Any, _siblings: t.Any, rng: Random) -> Made:
    depth = rng.choice((30, 150, 300, 900, 100_000))
    start, end = rng.choice((("[", "]"), ('{"a":', "}"), ('[{"id":', "}]")))
    return _constant(Raw(start * depth + "1" + end * depth))


def _surrogate(_value: t.Any, _siblings: t.Any, rng: Random) -> Made:
    return _constant(Raw(f'"{rng.choice(SURROGATES)}"'))


def _nul(value: t.Any, _siblings: t.Any, rng: Random) -> Made:
    return _constant(rng.choice(("\0", f"{value}\0", f"\0{value}", "a\0/../b")))


def _control(value: t.Any, _siblings: t.Any, rng: Random) -> Made:
    return _constant(f"{value if isinstance(value, str) and rng.random() < 0.5 else ''}{rng.choice(CONTROLS)}")


def _template(_value: t.Any, _siblings: t.Any, rng: Random) -> Made:
    text = rng.choice(TEMPLATES)
    return _constant(rng.choice((text, [text], {"a": text}, [[{"b": text}]])) if rng.random() < 0.4 else text)


def _template_key(value: t.Any, _siblings: t.Any, rng: Random) -> Made:
    key = rng.choice(TEMPLATES)
    if isinstance(value, dict) and rng.random() < 0.5:
        return (lambda old: {**old, key: 1} if isinstance(old, dict) else old), f"has the key {key}"
    return _constant(rng.choice(({key: 1}, [{key: "a"}], {"a": {key: {}}})))


def _odd_key(_value: t.Any, _siblings: t.Any, rng: Random) -> Made:
    keys = (
        *SURROGATES[:2],
        r"\u0000",
        r"\u001b[2J",
        "",
        "k" * 20_000,
        "__ansible_unsafe",
        "__proto__",
        "items",
        "%s{0}",
    )
    return _constant(Raw(f'"{rng.choice(keys)}"', is_key=True, value=rng.choice((1, "a", {}, None))))


def _duplicate(_value: t.Any, siblings: t.Any, rng: Random) -> Made:
    if len(siblings) < 2:
        # Another value of the same list, such as a second time the same tag.
        return (lambda old: [*old, *old] if isinstance(old, list) else old), "has each item twice"
    other = rng.choice([each for each in siblings if isinstance(each, dict)])
    return (lambda _old: next(iter(other.values()), None)), "= the first value of another object"


def _empty(value: t.Any, _siblings: t.Any, rng: Random) -> Made:
    empty: dict[type, list[t.Any]] = {list: [[], [[]], [{}], [None]], dict: [{}], str: ["", " "]}
    return _constant(rng.choice(empty.get(type(value), ["", {}, []])))


def _other_value(_value: t.Any, _siblings: t.Any, rng: Random) -> Made:
    values = (0, -1, 1, 2**31, True, False, "0", "true", "../..", "a/b?c#d", "%2e%2e", ".", "localhost", "all", "1e5")
    return _constant(rng.choice(values))


def _any(_path: Path, _value: t.Any) -> bool:
    return True


def _in_row(path: Path, value: t.Any) -> bool:
    """Return whether a value can be repeated: a property of an object of a list, or a list."""
    return isinstance(value, list) or (len(path) > 1 and isinstance(path[-2], int) and path[-1] in ("id", "name"))


Fits = t.Callable[[Path, t.Any], bool]
Make = t.Callable[[t.Any, t.Any, Random], Made]

PLACED: dict[str, tuple[Fits, Make]] = {
    "wrong_type": (_any, _wrong_type),
    "missing": (_any, _removed),
    "null": (_any, _null),
    "huge_number": (_any, _huge),
    "not_a_number": (_any, _not_a_number),
    "long_text": (_any, _long_text),
    "nested": (_any, _nested),
    "surrogate": (_any, _surrogate),
    "nul": (_any, _nul),
    "control": (_any, _control),
    "template": (_any, _template),
    "template_key": (_any, _template_key),
    "odd_key": (_any, _odd_key),
    "duplicate": (_in_row, _duplicate),
    "empty": (_any, _empty),
    "other_value": (_any, _other_value),
}


# --- mutations of the whole body --------------------------------------------------------------------------------------

Whole = tuple[t.Callable[[bytes], tuple[bytes, str]], str]


def _body(content: bytes, content_type: str = "") -> Whole:
    return (lambda _old: (content, content_type)), f"the body is {content[:60]!r}"


def _top_level(rng: Random) -> Whole:
    values = (
        *("null", "true", "0", '"text"', "[]", "{}", "[1]", "[[]]", "[null]", "[{}]", "NaN", '{"a": 1}', '"{{ x }}"'),
        *('{"results": 1}', '{"results": [null]}', '{"content": null}', '{"content": []}', '{"errors": ["no"]}'),
        *('{"count": "x", "results": []}', '{"count": -1, "results": {}}', '{"code": 1, "message": {}, "content": 1}'),
        *("[" * 100_000, "1" * 5000, '{"a":' * 300 + "1" + "}" * 300),
    )
    return _body(rng.choice(values).encode())


def _invalid(rng: Random) -> Whole:
    bodies = (
        b"{",
        b"{]",
        b"'a'",
        b"{'a': 1}",
        b"\xff\xfe",
        b"\x80",
        b"\0",
        b"OK",
        b'"\x01"',
        b"{}{}",
        b"\xef\xbb\xbf[]",
    )
    return _body(rng.choice(bodies))


def _truncated(rng: Random) -> Whole:
    part = rng.random()
    return (lambda old: (old[: int(len(old) * part)], "")), f"the body ends after {part:.0%}"


def _no_body(rng: Random) -> Whole:
    return _body(rng.choice((b"", b" ", b"\n\n")))


def _content_type(rng: Random) -> Whole:
    kinds = ("text/html", "application/octet-stream", "", "application/json; charset=utf-16", "x\ty", "image/png")
    if rng.random() < 0.5:
        kind = rng.choice(kinds)
        return (lambda old: (old, kind or " ")), f"the content type is {kind!r}"
    page = b"<html><title>Log in \x1b[2J {{ 7 * 7 }}</title>" + b"<p>" * 1000
    return _body(page, "text/html")


WHOLE: dict[str, t.Callable[[Random], Whole]] = {
    "top_level": _top_level,
    "invalid": _invalid,
    "truncated": _truncated,
    "no_body": _no_body,
    "content_type": _content_type,
}

MUTATIONS = (*PLACED, *WHOLE)
