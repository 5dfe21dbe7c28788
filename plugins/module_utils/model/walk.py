# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One walk over options and their values, and checks of names that need nothing but it."""

from __future__ import annotations

import difflib
import typing as t

from ..base.row import Params
from .field import Field
from .module_spec import Option

Described = Option | Field


def inside(described: Described) -> tuple[Described, ...]:
    """Return the suboptions of an option; a field that only the API writes is none."""
    if isinstance(described, Option):
        return described.options
    return tuple(each for each in described.fields if each.writable)


def walk(options: t.Iterable[Described], params: Params, path: str = "") -> t.Iterator[tuple[str, Described, t.Any]]:
    """Return the path, the description and the value of each option that is set, null included, at any depth.

    Values that do not have the type of their option are returned, but not entered.
    """
    for each in options:
        names = (each.name, *(each.aliases if isinstance(each, Option) else ()))
        for name in names:
            if name not in params:
                continue
            value, place = params[name], f"{path}{name}"
            yield place, each, value
            if below := inside(each):
                for where, item in _dicts(value, place):
                    yield from walk(below, item, f"{where}.")


def blank_identifiers(options: t.Iterable[Described], params: Params) -> t.Iterator[str]:
    """Return the paths of identifiers that are empty or only whitespace, entries of lists and dicts included."""
    for path, described, value in walk(options, params):
        if not described.identifier:
            continue
        if isinstance(value, list):
            yield from (f"{path}[{number}]" for number, item in enumerate(value) if item is None or _is_blank(item))
        elif isinstance(value, t.Mapping):
            yield from (f"{path}['{key}']" for key, item in value.items() if _is_blank(key) or _is_blank(item))
        elif _is_blank(value):
            yield path


def null_identifiers(options: t.Iterable[Described], params: Params, *, empty_is_null: bool = False) -> t.Iterator[str]:
    """Return the paths of identifiers that are set to null, or to an empty text if that may stand for null."""
    for path, described, value in walk(options, params):
        if described.identifier and (value is None or (empty_is_null and value == "")):
            yield path


def without_omitted(
    options: t.Iterable[Described], params: Params, args: t.Any, parse: t.Callable[[str], t.Any]
) -> Params:
    """Return validated parameters, of which properties with suboptions have only the suboptions that ``args`` has.

    AnsibleModule sets omitted suboptions to null. With ``exact``, a property that the task omits is removed, but null
    is not managed. ``parse`` reads a dict that is written as text.
    """
    kept = dict(params)
    for each in options:
        if isinstance(each, Field) and each.fields and each.name in params:
            written = args.get(each.name) if isinstance(args, t.Mapping) else None
            kept[each.name] = _without_omitted(each, params[each.name], written, parse)
    return kept


def _without_omitted(field: Field, value: t.Any, written: t.Any, parse: t.Callable[[str], t.Any]) -> t.Any:
    if isinstance(value, list):
        items = written if isinstance(written, (list, tuple)) and len(written) == len(value) else [None] * len(value)
        return [_without_omitted(field, item, other, parse) for item, other in zip(value, items, strict=True)]
    if not isinstance(value, dict):
        return value
    args = parse(written) if isinstance(written, str) else written
    said = args if isinstance(args, t.Mapping) else {}
    kept = {name: item for name, item in value.items() if item is not None or name in said}
    return without_omitted(field.fields, kept, said, parse)


def unknown_options(options: t.Sequence[Described], params: Params, path: str = "") -> t.Iterator[str]:
    """Return a phrase for each option that does not exist, with the closest name."""
    known = {name: each for each in options for name in (each.name, *getattr(each, "aliases", ()))}
    for name, value in params.items():
        place = f"{path}{name}"
        if name not in known:
            close = difflib.get_close_matches(str(name), known, 1)
            yield f"{place}; did you mean {close[0]}" if close else place
        elif below := inside(known[name]):
            for where, item in _dicts(value, place):
                yield from unknown_options(below, item, f"{where}.")


def _dicts(value: t.Any, path: str) -> t.Iterator[tuple[str, Params]]:
    if isinstance(value, t.Mapping):
        yield path, value
    elif isinstance(value, list):
        yield from ((f"{path}[{number}]", item) for number, item in enumerate(value) if isinstance(item, t.Mapping))


def _is_blank(value: t.Any) -> bool:
    return isinstance(value, str) and not value.strip()
