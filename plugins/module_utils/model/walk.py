# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk over the values of options and fields, and what is checked or collected on it."""

from __future__ import annotations

import difflib
import math
import typing as t

from ..base.row import Params
from .field import Field
from .module_spec import Option

Described = Option | Field


class Visit(t.NamedTuple):
    """A value on the walk: its path, its description and the value itself, which can be null."""

    path: str
    described: Described
    value: t.Any


class _Level(t.NamedTuple):
    """A dict on the walk: the path of its keys and the descriptions by key."""

    prefix: str
    known: t.Mapping[str, Described]
    values: Params


def any_option(_described: Described) -> bool:
    """The choice of a walk to all values."""
    return True


def walk(
    options: t.Iterable[Described],
    params: Params,
    *,
    of_api: bool = False,
    only: t.Callable[[Described], bool] = any_option,
) -> t.Iterator[Visit]:
    """Return a visit for each value that is set, null included, at any depth.

    Values that do not have the type of their option are visited, but not entered. ``of_api`` says that the values are
    in API format: their keys are those of the API, and fields that only the API writes are visited too. ``only`` tells
    which options are of interest.
    """
    for prefix, known, values in _levels(options, params, of_api):
        for name, described in known.items():
            if name in values and only(described):
                yield Visit(f"{prefix}{described.name if of_api else name}", described, values[name])


def _levels(options: t.Iterable[Described], params: Params, of_api: bool, prefix: str = "") -> t.Iterator[_Level]:
    """Return each dict in the parameters, from the top down."""
    known = {name: each for each in options for name in _keys(each, of_api)}
    yield _Level(prefix, known, params)
    for name, described in known.items():
        if (inside := _inside(described, of_api)) and name in params:
            path = f"{prefix}{described.name if of_api else name}"
            for place, item in _dicts(params[name], path):
                yield from _levels(inside, item, of_api, f"{place}.")


def _keys(described: Described, of_api: bool) -> tuple[str, ...]:
    if isinstance(described, Option):
        return (described.name, *described.aliases)
    return (described.api_name if of_api else described.name,)


def _inside(described: Described, of_api: bool) -> tuple[Described, ...]:
    """Return the suboptions of an option; a field that only the API writes is none."""
    if isinstance(described, Option):
        return described.options
    return tuple(each for each in described.fields if each.writable or of_api)


def _dicts(value: t.Any, path: str) -> t.Iterator[tuple[str, Params]]:
    if isinstance(value, t.Mapping):
        yield path, value
    elif isinstance(value, (list, tuple)):
        yield from ((f"{path}[{number}]", item) for number, item in enumerate(value) if isinstance(item, t.Mapping))


def needs_check(described: Described) -> bool:
    """Return whether a valid value of an option can still be wrong or secret: a name or ID, a path or a secret."""
    return described.identifier or described.secret or described.type == "path"


# --- checks of the visited values -------------------------------------------------------------------------------------


def blank_identifiers(visits: t.Iterable[Visit]) -> t.Iterator[str]:
    """Return the paths of identifiers that are empty or only whitespace, entries of lists and dicts included."""
    for path, described, value in visits:
        if not described.identifier:
            continue
        if isinstance(value, list):
            yield from (f"{path}[{number}]" for number, item in enumerate(value) if item is None or _is_blank(item))
        elif isinstance(value, t.Mapping):
            yield from (f"{path}['{key}']" for key, item in value.items() if _is_blank(key) or _is_blank(item))
        elif _is_blank(value):
            yield path


def null_identifiers(visits: t.Iterable[Visit], *, empty_is_null: bool = False) -> t.Iterator[str]:
    """Return the paths of identifiers that are set to null, or to an empty text if that may stand for null."""
    for path, described, value in visits:
        if described.identifier and (value is None or (empty_is_null and value == "")):
            yield path


def type_mismatch(visits: t.Iterable[Visit]) -> str:
    """Return a sentence about the first value that Ansible's own validation fails on, "" if there is none.

    YAML can take a value for another type, such as ``no`` in the place of a dict.
    """
    for path, described, value in visits:
        if described.type in ("int", "float") and isinstance(value, float) and not math.isfinite(value):
            kind = "an integer" if described.type == "int" else "a number"
            return f"The option {path} must be {kind}, not {value}."
        if value is None or not _inside(described, of_api=False):
            continue
        is_list = described.type == "list"
        items = value if isinstance(value, (list, tuple)) and is_list else [value]
        for number, item in enumerate(items):
            if not isinstance(item, (t.Mapping, str)):
                place = f"{path}[{number}]" if is_list else path
                return f"The option {place} must be a dict, not {type(item).__name__}."
    return ""


def invalid_path(visits: t.Iterable[Visit]) -> str:
    """Return a sentence about the first invalid path, "" if there is none.

    An empty path would mean the directory in which Ansible was started.
    """
    for path, described, value in visits:
        if described.type == "path" and isinstance(value, str) and (not value.strip() or "\0" in value):
            return f"The option {path} is not a valid path: {value!r}."
    return ""


def secret_texts(visits: t.Iterable[Visit]) -> t.Iterator[str]:
    """Return the texts in the values of secret options."""
    for _path, described, value in visits:
        if described.secret:
            yield from _texts_in(value)


def _texts_in(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, t.Mapping)):
        for each in value.values() if isinstance(value, t.Mapping) else value:
            yield from _texts_in(each)


def _is_blank(value: t.Any) -> bool:
    return isinstance(value, str) and not value.strip()


# --- values in API format ---------------------------------------------------------------------------------------------


def secret_paths(fields: t.Iterable[Field], row: Params) -> list[str]:
    """Return the paths of the secrets in an object of the API, masked or not."""
    return [path for path, described, value in walk(fields, row, of_api=True) if described.secret and value]


def unknown_paths(field: Field, value: t.Any) -> list[str]:
    """Return the paths of the values in a field, in API format, that the collection does not know."""
    return [
        f"{prefix}{key}"
        for prefix, known, values in _levels(field.fields, value or {}, of_api=True, prefix=f"{field.name}.")
        for key, item in values.items()
        if key not in known and item not in (None, "", [], {})
    ]


# --- options that the task omits, or that do not exist ----------------------------------------------------------------


def unknown_options(options: t.Iterable[Described], params: Params) -> t.Iterator[str]:
    """Return a phrase for each option that does not exist, with the closest name."""
    for prefix, known, values in _levels(options, params, of_api=False):
        for name in values:
            if name not in known:
                close = difflib.get_close_matches(str(name), known, 1)
                yield f"{prefix}{name} (did you mean {close[0]}?)" if close else f"{prefix}{name}"


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
