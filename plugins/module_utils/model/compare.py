# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparison of an object with its desired state.

Current values are in API format. Desired values are in collection terms, as Field.normalize_input() returns them. Each
field is visited once. The result has everything that a plan needs: whether the values differ, the diff, the payload and
the errors.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..base.row import Row
from ..base.validators import blank_error
from .api_paths import read_field
from .field import Field
from .items import duplicates, match_api_items
from .names import Names
from .unknowns import KnownAfterApply
from .values import NULL, deep_merge, matches

HIDDEN = "(not shown)"
"""The text that replaces a secret in a diff."""

_NOT_RETURNED = object()
"""A secret that the API accepts and does not return, so nobody knows whether it is set."""


@dataclass(frozen=True)
class Comparison:
    """The result for one field and everything in it.

    ``before`` and ``after`` are the values in collection terms, without secrets. ``shown_before`` also has HIDDEN for
    each secret that the change would remove, ``shown`` for each secret that the task sets. ``payload`` is the value to
    send. It has no masks, no null and no fields that are not part of the payload. Keys that the collection does not
    know are kept.

    ``matches`` ignores secrets. ``sets_secret`` is true if the change sends a secret. ``errors`` has a sentence for
    each invalid value, ``missing`` one for each value that the API requires, both without periods. ``masked`` are the
    paths of secrets that the update would remove, because the API masks them and the task does not set them.
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
        """True if the value must be sent."""
        return self.sets_secret or not self.matches


@dataclass(frozen=True)
class _Rules:
    """The rules of a comparison. ``exact``: values that the task omits are removed. ``always``: masked secrets are
    sent. ``replaces``: the value is part of a list that is replaced as a whole, so none of its values are kept."""

    exact: bool
    always: bool
    replaces: bool = False


def compare(field: Field, current: t.Any, desired: t.Any, *, exact: bool = False, always: bool = False) -> Comparison:
    """Return the comparison of a value in API format with a desired value, which is None if it is not managed.

    With ``exact``, values that the task omits are removed. With ``always``, secrets that the API masks are sent.
    """
    result = _compare(field, current, desired, _Rules(exact, always), field.name)
    return replace(result, masked=_with_prefix(field.name, result.masked)) if result.masked else result


def compare_object(
    fields: t.Iterable[Field], current: Row, desired: Row, *, exact: bool = False, always: bool = False
) -> dict[str, Comparison]:
    """Return the comparison of each field of an object by name, also of fields that are not managed."""
    return {
        field.name: compare(field, _current_value(field, current), desired.get(field.name), exact=exact, always=always)
        for field in fields
    }


def _current_value(field: Field, current: Row) -> t.Any:
    value = read_field(field, current)
    return _NOT_RETURNED if field.secret and value is None and field.api_name not in current else value


def is_set(field: Field, value: t.Any) -> bool:
    """Return whether a value in collection terms differs from an omitted one.

    Values that Esper or the collection adds to each dict do not count, such as the apply policy of an empty setting.
    """
    if field.fields and isinstance(value, dict):
        return any(is_set(inner, value.get(inner.name)) for inner in field.fields if inner.create_default is None)
    return value not in (None, "", [], {}) and value != field.server_default


def _is_unset(field: Field, value: t.Any) -> bool:
    return not is_set(field, value) if field.create_default is None else matches(value, field.create_default)


def _compare(field: Field, current: t.Any, desired: t.Any, rules: _Rules, path: str) -> Comparison:
    """Return the comparison of one value.

    ``path`` is the path of the desired value. Masked paths are relative to it, because the current item of a list can
    have another index.
    """
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
    """Return the comparison of a secret.

    A missing key in a dict means that the secret is not set, like null or an empty text. So a secret of the task is
    sent then, and an empty one is sent if a mask shows that a secret is set.
    """
    if current is _NOT_RETURNED:
        errors = tuple(_validate(field, desired, path))
        return Comparison(
            shown=HIDDEN, payload=desired, sets_secret=desired is not None and rules.always, errors=errors
        )
    is_masked = set(str(current)) == {"*"}
    if desired is not None:
        is_sent = (rules.always or not desired) if is_masked else (current or "") != desired
        errors = tuple(_validate(field, desired, path))
        return Comparison(shown=HIDDEN, payload=desired, sets_secret=is_sent, errors=errors)
    if is_masked:
        return Comparison(shown_before=HIDDEN, masked=("",))
    return Comparison(payload=current or None)


def _compare_value(field: Field, current: t.Any, desired: t.Any, rules: _Rules, path: str) -> Comparison:
    """Return the comparison of a value without fields: a scalar, a list of scalars or JSON."""
    before = field.from_api(current)
    if field.null_if_empty and desired == "":
        return Comparison(before, before, None, None, NULL, before in (None, ""))
    if field.names is not None:
        return _compare_names(field, field.names, current, desired)
    if desired is None:
        return Comparison(before, before, before, before, before)
    is_same = _value_matches(field, before, desired) and (
        not rules.exact or not is_set(field, before) or _value_matches(field, desired, before)
    )
    kept = None if rules.replaces else before
    after = desired if rules.exact else deep_merge(kept, desired)
    if is_same and isinstance(kept, list):
        after = kept
    return Comparison(before, before, after, after, after, is_same, errors=tuple(_validate(field, desired, path)))


def _compare_names(field: Field, names: Names, current: t.Any, desired: t.Any) -> Comparison:
    """Return the comparison of objects of another kind. ``desired`` has NamedObjects."""
    is_list = field.type == "list"
    existing, wanted = names.objects(current), desired if is_list else [desired]
    # The task can name objects for which the response has IDs only.
    labels = {each.id: each.label for each in (*(wanted if desired is not None else ()), *existing) if each.label}
    before = [labels.get(each.id) or each.shown for each in existing]
    shown_before = before if is_list else next(iter(before), None)
    if desired is None:
        ids = [each.id for each in existing]
        return Comparison(
            shown_before, shown_before, shown_before, shown_before, ids if is_list else next(iter(ids), None)
        )
    is_same = set(existing) == set(wanted) if field.list_type == "set" else existing == wanted
    after = before if is_same else [labels.get(each.id) or each.shown for each in wanted]
    sent = [_id_text(each.id) for each in wanted]
    errors = tuple(_validate_list(field, desired, field.name)) if is_list else ()
    shown = after if is_list else after[0]
    return Comparison(shown_before, shown_before, shown, shown, sent if is_list else sent[0], is_same, errors=errors)


def _id_text(identifier: str | KnownAfterApply) -> str | KnownAfterApply:
    return identifier.transformed(str) if isinstance(identifier, KnownAfterApply) else identifier


def _value_matches(field: Field, current: t.Any, desired: t.Any) -> bool:
    return matches(current, desired, ordered=field.list_type != "set", typed=field.opaque)


# --- dicts ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Entry:
    """A field of a dict with its comparison. ``is_present`` is true if the current dict has the key, ``is_kept`` if the
    dict to send has it. ``matches`` is false if the field must be changed or removed."""

    field: Field
    result: Comparison
    is_present: bool
    is_kept: bool
    matches: bool


def _compare_dict(field: Field, current: t.Any, desired: Row | None, rules: _Rules, path: str) -> Comparison:
    """Return the comparison of a dict with fields. ``desired`` is None if only the current value is a dict."""
    is_dict = isinstance(current, dict)
    row: Row = current if is_dict else {}
    entries = list(_compare_fields(field, row, desired, rules if is_dict else replace(rules, always=True), path))
    public = [entry for entry in entries if not entry.field.secret]
    managed = [entry for entry in entries if desired is not None and desired.get(entry.field.name) is not None]
    before = {entry.field.name: entry.result.before for entry in public if entry.is_present}
    if not is_dict:
        before = field.from_api(current)
    removed = {entry.field.name: entry.result.shown_before for entry in entries if entry.result.masked}
    after = {entry.field.name: entry.result.after for entry in public if entry.is_kept}
    return Comparison(
        before=before,
        shown_before={**before, **removed} if removed else before,
        after=after,
        shown={**after, **{entry.field.name: entry.result.shown for entry in managed}},
        payload=_payload(field, {} if rules.replaces else row, entries),
        matches=all(entry.matches for entry in entries),
        sets_secret=any(entry.result.sets_secret for entry in entries),
        errors=(*_validate(field, desired, path), *(error for entry in entries for error in entry.result.errors)),
        missing=tuple(_missing_required(entries, path)) if desired is not None else (),
        masked=tuple(
            masked for entry in entries for masked in _with_prefix(f".{entry.field.name}", entry.result.masked)
        ),
    )


def _payload(field: Field, current: Row, entries: t.Iterable[_Entry]) -> Row:
    """Return the dict to send: the keys of the current dict in their order, then the new keys."""
    values = {
        entry.field.api_name: entry.result.payload
        for entry in entries
        if entry.is_kept and entry.field.in_payload and entry.result.payload is not None
    }
    known = {inner.api_name for inner in field.fields}
    kept = {key: values.get(key, value) for key, value in current.items() if key in values or key not in known}
    return {**kept, **values}


def _compare_fields(field: Field, current: Row, desired: Row | None, rules: _Rules, path: str) -> t.Iterator[_Entry]:
    """Yield the fields of a dict that exist, or that are desired, required or set by default."""
    values = desired or {}
    removes = rules.exact and not field.exempt_from_exact and desired is not None
    for inner in field.fields:
        is_present, is_managed = inner.api_name in current, values.get(inner.name) is not None
        if not (is_present or is_managed or inner.required_by_api or inner.create_default is not None):
            continue
        result = _compare(inner, current.get(inner.api_name), values.get(inner.name), rules, f"{path}.{inner.name}")
        # A secret is kept, because nobody can read it to repeat it in a task. A key with null is not managed.
        is_removed = removes and inner.writable and not inner.secret and inner.name not in values
        is_kept = is_managed or (is_present and not is_removed and not (rules.replaces and desired is not None))
        is_same = result.matches and (not is_removed or _is_unset(inner, result.before))
        if not is_kept:
            result = replace(result, after=None, shown=None, payload=None, masked=())
        default = inner.create_default
        if desired is not None and result.payload is None and default is not None:
            result = replace(result, after=default, shown=default, payload=default)
            is_kept = True
        yield _Entry(inner, result, is_present, is_kept, is_same or not inner.in_payload)


def _missing_required(entries: t.Iterable[_Entry], path: str) -> t.Iterator[str]:
    for entry in entries:
        if entry.field.required_by_api and entry.result.payload is None:
            yield missing_error(entry.field, f"{path}.{entry.field.name}")
        else:
            yield from entry.result.missing


# --- lists of dicts ---------------------------------------------------------------------------------------------------


def _unmanaged_list(field: Field, current: list[t.Any], _desired: None, rules: _Rules, path: str) -> Comparison:
    """Return the comparison of a list that the task omits."""
    results = [_compare(field, item, None, rules, path) for item in current]
    before = [result.before for result in results]
    return Comparison(
        before=before,
        shown_before=[result.shown_before for result in results],
        after=before,
        shown=before,
        payload=[result.payload for result in results],
        masked=_masked_in_items(enumerate(results)),
    )


def _compare_list(field: Field, current: t.Any, desired: list[Row], rules: _Rules, path: str) -> Comparison:
    """Return the comparison of a list of dicts.

    With keys, each desired dict is compared with the current dict that has the same key. Without keys, the list is
    replaced as a whole if it differs.
    """
    rows: list[t.Any] = current if isinstance(current, list) else []
    is_atomic = not field.map_keys
    indexes = match_api_items(field, rows, desired)
    inner_rules = replace(rules, replaces=True) if is_atomic else rules
    changed = [
        _compare_dict(field, None if index is None else rows[index], item, inner_rules, f"{path}[{number}]")
        for number, (index, item) in enumerate(zip(indexes, desired, strict=True))
    ]
    is_same = all(index is not None and result.matches for index, result in zip(indexes, changed, strict=True))
    if rules.exact or is_atomic:
        is_same = is_same and len(rows) == len(desired)
    errors = (*(error for result in changed for error in result.errors), *_validate_list(field, desired, path))
    has_secrets = any(result.shown != result.after for result in changed)
    if is_atomic and is_same and not has_secrets and not rules.replaces and isinstance(current, list):
        # The list is not changed. Keep also the keys that the API adds to its items.
        return replace(_unmanaged_list(field, current, None, rules, path), errors=errors)
    by_index = {index: result for index, result in zip(indexes, changed, strict=True) if index is not None}
    results = [by_index.get(index) or _compare(field, item, None, rules, path) for index, item in enumerate(rows)]
    keeps_others = not (is_atomic or rules.exact or rules.replaces)
    kept = {index: result for index, result in enumerate(results) if index in by_index or keeps_others}
    new = [result for index, result in zip(indexes, changed, strict=True) if index is None]
    remaining = changed if is_atomic else [*kept.values(), *new]
    before = [result.before for result in results]
    shown_before = [kept[index].shown_before if index in kept else value for index, value in enumerate(before)]
    if not isinstance(current, list):
        before = shown_before = field.from_api(current)
    return Comparison(
        before=before,
        shown_before=shown_before if not is_atomic else before,
        after=[result.after for result in remaining],
        shown=[result.shown for result in remaining],
        payload=[result.payload for result in remaining],
        matches=is_same,
        sets_secret=any(result.sets_secret for result in changed),
        errors=errors,
        missing=tuple(error for result in changed for error in result.missing),
        masked=() if is_atomic else _masked_in_items(kept.items()),
    )


def _masked_in_items(results: t.Iterable[tuple[int, Comparison]]) -> tuple[str, ...]:
    """Return the masked paths in the items of a list. ``results`` are their indexes and comparisons."""
    return tuple(path for index, result in results for path in _with_prefix(f"[{index}]", result.masked))


# --- paths and errors -------------------------------------------------------------------------------------------------


def _with_prefix(prefix: str, paths: t.Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{prefix}{path}" for path in paths)


def missing_error(field: Field, path: str) -> str:
    """Return the error of a required field without a value."""
    return f"{path} is required. Valid values: {', '.join(field.choices)}" if field.choices else f"{path} is required"


def _validate(field: Field, desired: t.Any, path: str) -> t.Iterator[str]:
    """Yield the errors of a desired value, without those of the fields in it."""
    if isinstance(desired, list) and field.elements:
        for index, item in enumerate(desired):
            if isinstance(item, str) and not item.strip():
                # A variable without a value, such as a number that can call the device.
                yield f"{path}[{index}] {blank_error(item)}"
            else:
                yield from _validate(field, item, f"{path}[{index}]")
        yield from _validate_list(field, desired, path)
    elif desired is not None and not isinstance(desired, KnownAfterApply) and (error := field.validator(desired)):
        yield f"{path} {error}"


def _validate_list(field: Field, desired: list[t.Any], path: str) -> t.Iterator[str]:
    if error := field.list_validator(desired):
        yield f"{path} {error}"
    for index, earlier in duplicates(field, desired):
        yield f"{path}[{index}] duplicates {path}[{earlier}]"
