# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of an object with its desired state: one fold over fields, current values and desired values.

Current values are in API format; desired values are in collection terms, as Field.normalize_input() returns them. The
fold visits each field once and returns what a plan needs: whether the values differ, both sides of the diff, and the
payload.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..base.row import Row
from .api_paths import read_field
from .field import Field
from .items import duplicates, match_api_items
from .unknowns import KnownAfterApply
from .values import deep_merge, matches

HIDDEN = "(not shown)"
"""The text that stands for a secret in a diff."""


@dataclass(frozen=True)
class Comparison:
    """The result for one field and everything in it.

    ``before`` and ``after`` are the values in collection terms, without secrets. ``shown_before`` has a mark for each
    secret that the change would lose, ``shown`` for each secret that the task sets. ``payload`` is the value to send:
    without masks, null, and fields that are not part of the payload; keys that the collection does not know are kept.

    ``matches`` ignores secrets; ``sets_secret`` tells whether one has to be sent. ``errors`` name invalid values and
    ``missing`` the values that the API requires, both as "path: why". ``masked`` are the paths of secrets that the
    update would remove, because the API masks them and the task does not set them.
    """

    before: t.Any = None
    shown_before: t.Any = None
    after: t.Any = None
    shown: t.Any = None
    payload: t.Any = None
    matches: bool = True
    sets_secret: bool = False
    errors: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether there is something to send."""
        return self.sets_secret or not self.matches


@dataclass(frozen=True)
class _Rules:
    """The rules of a comparison. ``exact``: values that are not desired are removed. ``always``: masked secrets are
    sent. ``replaces``: the value is part of a list that is replaced as a whole, so nothing of it is kept."""

    exact: bool
    always: bool
    replaces: bool = False


def compare(field: Field, current: t.Any, desired: t.Any, *, exact: bool = False, always: bool = False) -> Comparison:
    """Return the comparison of a value in API format with a desired value; None is not managed.

    ``exact`` removes what is not desired, ``always`` sends secrets that the API masks.
    """
    found = _compare(field, current, desired, _Rules(exact, always), field.name)
    return replace(found, masked=_below(field.name, found.masked)) if found.masked else found


def compare_object(
    fields: t.Iterable[Field], current: Row, desired: Row, *, exact: bool = False, always: bool = False
) -> dict[str, Comparison]:
    """Return the comparison of each field of an object by name, also of those that are not managed."""
    return {
        each.name: compare(each, read_field(each, current), desired.get(each.name), exact=exact, always=always)
        for each in fields
    }


def is_set(field: Field, value: t.Any) -> bool:
    """Return whether a value in collection terms differs from an omitted one.

    Values that Esper or the collection adds to each dict do not count, such as the apply policy of an empty setting.
    """
    if field.fields and isinstance(value, dict):
        return any(is_set(each, value.get(each.name)) for each in field.fields if each.create_default is None)
    return value not in (None, "", [], {}) and value != field.server_default


def _is_unset(field: Field, value: t.Any) -> bool:
    return not is_set(field, value) if field.create_default is None else matches(value, field.create_default)


def _compare(field: Field, current: t.Any, desired: t.Any, rules: _Rules, path: str) -> Comparison:
    """Return the comparison of one value. ``path`` is that of the desired value; masked paths are relative to it,
    because the current item of a list can have another index."""
    if field.secret:
        return _compare_secret(field, current, desired, rules, path)
    decisive = current if desired is None else desired
    if field.fields and isinstance(decisive, dict):
        return _compare_dict(field, current, desired, rules, path)
    if field.fields and isinstance(decisive, list):
        compare_items = _unmanaged_list if desired is None else _compare_list
        return compare_items(field, current, desired, rules, path)
    return _compare_value(field, current, desired, rules, path)


def _compare_secret(field: Field, current: t.Any, desired: t.Any, rules: _Rules, path: str) -> Comparison:
    is_masked = current is None or set(str(current)) <= {"*"}
    if desired is not None:
        is_new = rules.always if is_masked else current != desired
        errors = tuple(_errors(field, desired, path))
        return Comparison(shown=HIDDEN, payload=desired, sets_secret=is_new, errors=errors)
    if current and is_masked:
        return Comparison(shown_before=HIDDEN, masked=("",))
    return Comparison(payload=None if is_masked else current)


def _compare_value(field: Field, current: t.Any, desired: t.Any, rules: _Rules, path: str) -> Comparison:
    """Return the comparison of a value without fields: a scalar, a list of scalars or JSON."""
    before = field.from_api(current)
    if desired is None:
        return Comparison(before, before, before, before, before)
    is_same = _value_matches(field, before, desired) and (
        not rules.exact or not is_set(field, before) or _value_matches(field, desired, before)
    )
    kept = None if rules.replaces else before
    after = desired if rules.exact else deep_merge(kept, desired)
    if is_same and isinstance(kept, list):
        after = kept
    return Comparison(before, before, after, after, after, is_same, errors=tuple(_errors(field, desired, path)))


def _value_matches(field: Field, current: t.Any, desired: t.Any) -> bool:
    return matches(current, desired, ordered=field.list_type != "set", typed=field.opaque)


# --- dicts ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    """A field of a dict: its comparison, and whether its key is in the current dict and in the one to send."""

    field: Field
    found: Comparison
    is_there: bool
    is_kept: bool
    matches: bool


def _compare_dict(field: Field, current: t.Any, desired: Row | None, rules: _Rules, path: str) -> Comparison:
    """Return the comparison of a dict with fields; ``desired`` is None if only the current one is a dict."""
    is_there = isinstance(current, dict)
    there: Row = current if is_there else {}
    parts = list(_parts(field, there, desired, rules if is_there else replace(rules, always=True), path))
    public = [each for each in parts if not each.field.secret]
    managed = [each for each in parts if desired is not None and desired.get(each.field.name) is not None]
    before = {each.field.name: each.found.before for each in public if each.is_there}
    if not is_there:
        before = field.from_api(current)
    lost = {each.field.name: each.found.shown_before for each in parts if each.found.masked}
    after = {each.field.name: each.found.after for each in public if each.is_kept}
    return Comparison(
        before=before,
        shown_before={**before, **lost} if lost else before,
        after=after,
        shown={**after, **{each.field.name: each.found.shown for each in managed}},
        payload=_payload(field, {} if rules.replaces else there, parts),
        matches=all(each.matches for each in parts),
        sets_secret=any(each.found.sets_secret for each in parts),
        errors=(*_errors(field, desired, path), *(error for each in parts for error in each.found.errors)),
        missing=tuple(_missing(parts, path)) if desired is not None else (),
        masked=tuple(text for each in parts for text in _below(f".{each.field.name}", each.found.masked)),
    )


def _payload(field: Field, there: Row, parts: t.Iterable[_Part]) -> Row:
    """Return the dict to send: the keys of the current one, which stay in their order, and the new ones."""
    values = {
        each.field.api_name: each.found.payload
        for each in parts
        if each.is_kept and each.field.in_payload and each.found.payload is not None
    }
    known = {each.api_name for each in field.fields}
    kept = {key: values.get(key, value) for key, value in there.items() if key in values or key not in known}
    return {**kept, **values}


def _parts(field: Field, there: Row, desired: Row | None, rules: _Rules, path: str) -> t.Iterator[_Part]:
    """Return the fields of a dict that are there, desired, required or set by default."""
    given = desired or {}
    removes = rules.exact and not field.exempt_from_exact and desired is not None
    for each in field.fields:
        is_there, is_managed = each.api_name in there, given.get(each.name) is not None
        if not (is_there or is_managed or each.required_by_api or each.create_default is not None):
            continue
        found = _compare(each, there.get(each.api_name), given.get(each.name), rules, f"{path}.{each.name}")
        # A secret cannot be read, so no task can repeat it. Null is not managed.
        is_removed = removes and each.writable and not each.secret and each.name not in given
        is_kept = is_managed or (is_there and not is_removed and not (rules.replaces and desired is not None))
        matches_ = found.matches and (not is_removed or _is_unset(each, found.before))
        if not is_kept:
            found = replace(found, after=None, shown=None, payload=None, masked=())
        if desired is not None and found.payload is None and each.create_default is not None:
            found = replace(found, after=each.create_default, shown=each.create_default, payload=each.create_default)
            is_kept = True
        yield _Part(each, found, is_there, is_kept, matches_ or not each.in_payload)


def _missing(parts: t.Iterable[_Part], path: str) -> t.Iterator[str]:
    for each in parts:
        if each.field.required_by_api and each.found.payload is None:
            choices = f" ({', '.join(each.field.choices)})" if each.field.choices else ""
            yield f"{path}.{each.field.name}: is missing{choices}"
        else:
            yield from each.found.missing


# --- lists of dicts ---------------------------------------------------------------------------------------------------


def _unmanaged_list(field: Field, current: list[t.Any], _desired: None, rules: _Rules, path: str) -> Comparison:
    """Return the comparison of a list that the task does not set."""
    parts = [_compare(field, item, None, rules, path) for item in current]
    before = [each.before for each in parts]
    return Comparison(
        before=before,
        shown_before=[each.shown_before for each in parts],
        after=before,
        shown=before,
        payload=[each.payload for each in parts],
        masked=_masked(enumerate(parts)),
    )


def _compare_list(field: Field, current: t.Any, desired: list[Row], rules: _Rules, path: str) -> Comparison:
    """Return the comparison of a list of dicts. With keys, each dict is compared with the one that has the same key;
    without keys, the list is replaced as a whole if it differs."""
    there: list[t.Any] = current if isinstance(current, list) else []
    is_atomic = not field.map_keys
    places = match_api_items(field, there, desired)
    inner = replace(rules, replaces=True) if is_atomic else rules
    changed = [
        _compare_dict(field, None if place is None else there[place], item, inner, f"{path}[{number}]")
        for number, (place, item) in enumerate(zip(places, desired, strict=True))
    ]
    is_same = all(place is not None and each.matches for place, each in zip(places, changed, strict=True))
    if rules.exact or is_atomic:
        is_same = is_same and len(there) == len(desired)
    errors = (*(error for each in changed for error in each.errors), *_list_errors(field, desired, path))
    has_secrets = any(each.shown != each.after for each in changed)
    if is_atomic and is_same and not has_secrets and not rules.replaces and isinstance(current, list):
        # The list stays as it is, also in what the API adds to it.
        return replace(_unmanaged_list(field, current, None, rules, path), errors=errors)
    partners = {place: each for place, each in zip(places, changed, strict=True) if place is not None}
    items = [partners.get(place) or _compare(field, item, None, rules, path) for place, item in enumerate(there)]
    keeps_others = not (is_atomic or rules.exact or rules.replaces)
    kept = {place: each for place, each in enumerate(items) if place in partners or keeps_others}
    new = [each for place, each in zip(places, changed, strict=True) if place is None]
    result = changed if is_atomic else [*kept.values(), *new]
    before = [each.before for each in items]
    shown_before = [kept[place].shown_before if place in kept else each for place, each in enumerate(before)]
    if not isinstance(current, list):
        before = shown_before = field.from_api(current)
    return Comparison(
        before=before,
        shown_before=shown_before if not is_atomic else before,
        after=[each.after for each in result],
        shown=[each.shown for each in result],
        payload=[each.payload for each in result],
        matches=is_same,
        sets_secret=any(each.sets_secret for each in changed),
        errors=errors,
        missing=tuple(text for each in changed for text in each.missing),
        masked=() if is_atomic else _masked(kept.items()),
    )


def _masked(items: t.Iterable[tuple[int, Comparison]]) -> tuple[str, ...]:
    """Return the masked paths in the items of a list, which are given with their indexes."""
    return tuple(text for number, each in items for text in _below(f"[{number}]", each.masked))


# --- paths and errors -------------------------------------------------------------------------------------------------


def _below(path: str, texts: t.Iterable[str]) -> tuple[str, ...]:
    """Return paths below another path."""
    return tuple(f"{path}{text}" for text in texts)


def _errors(field: Field, desired: t.Any, path: str) -> t.Iterator[str]:
    """Return the errors of a desired value, but not those of the fields in it, each as "path: why"."""
    if isinstance(desired, list) and field.elements:
        for number, item in enumerate(desired):
            yield from _errors(field, item, f"{path}[{number}]")
        yield from _list_errors(field, desired, path)
    elif desired is not None and not isinstance(desired, KnownAfterApply) and (why := field.validator(desired)):
        yield f"{path}: {why}"


def _list_errors(field: Field, desired: list[t.Any], path: str) -> t.Iterator[str]:
    if why := field.list_validator(desired):
        yield f"{path}: {why}"
    for number, former in duplicates(field, desired):
        yield f"{path}[{number}]: is about the same as {path}[{former}]"
