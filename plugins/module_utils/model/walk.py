# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk over the values of options and fields, and functions that validate or collect these values."""

from __future__ import annotations

import math
import re
import typing as t

from ..base.row import Params
from ..base.text import closest, did_you_mean
from .field import Field, options_in
from .module_spec import Option
from .values import leaves

Described = Option | Field

QUOTE_VALUE = (
    "Quote the value, because YAML changes unquoted values such as NO, 0010 and 1.10. In a template, use the filter"
    " string."
)
"""The advice for a boolean or a number in place of a text."""

_COLLECTIONS = (list, tuple, t.Mapping)
# Maximum number of bytes in the name of a file.
_LONGEST_NAME = 255


class Visit(t.NamedTuple):
    """A value with its path and the option or field that describes it. The value can be null."""

    path: str
    described: Described
    value: t.Any


class _Level(t.NamedTuple):
    """A dict in the parameters: the prefix of its paths, and its options or fields by key."""

    prefix: str
    known: t.Mapping[str, Described]
    values: Params


def any_option(_described: Described) -> bool:
    """Return true. This is the default of ``only`` in walk()."""
    return True


def walk(
    options: t.Iterable[Described],
    params: Params,
    *,
    of_api: bool = False,
    only: t.Callable[[Described], bool] = any_option,
) -> t.Iterator[Visit]:
    """Yield each value that is set at any depth, null included.

    A value with another type than its option is visited, but the values in it are not. With ``of_api``, the values are
    in API format: their keys are those of the API, and read-only fields are visited too. ``only`` selects options.
    """
    for prefix, known, values in _levels(options, params, of_api):
        for name, described in known.items():
            if name in values and only(described):
                yield Visit(f"{prefix}{described.name if of_api else name}", described, values[name])


def _levels(options: t.Iterable[Described], params: Params, of_api: bool, prefix: str = "") -> t.Iterator[_Level]:
    """Yield each dict in the parameters, from the top down."""
    known = {name: described for described in options for name in _keys(described, of_api)}
    yield _Level(prefix, known, params)
    for name, described in known.items():
        # Most options have no value.
        if (value := params.get(name)) and (suboptions := _suboptions(described, of_api)):
            path = f"{prefix}{described.name if of_api else name}"
            for item_path, item in _dicts(value, path):
                yield from _levels(suboptions, item, of_api, f"{item_path}.")


def _keys(described: Described, of_api: bool) -> tuple[str, ...]:
    if isinstance(described, Option):
        return (described.name, *described.aliases)
    return (described.api_name if of_api else described.name,)


def _suboptions(described: Described, of_api: bool) -> tuple[Described, ...]:
    """Return the suboptions of an option. A read-only field is a suboption only with ``of_api``."""
    if isinstance(described, Option):
        return described.options
    return described.fields if of_api else tuple(options_in(described.fields))


def _dicts(value: t.Any, path: str) -> t.Iterator[tuple[str, Params]]:
    if isinstance(value, t.Mapping):
        yield path, value
    elif isinstance(value, (list, tuple)):
        yield from ((f"{path}[{index}]", item) for index, item in enumerate(value) if isinstance(item, t.Mapping))


def needs_check(described: Described) -> bool:
    """Return whether a value of an option needs more than a check of its type: an identifier, a path or a secret."""
    return described.identifier or described.secret or described.type == "path"


# --- validation of values ---------------------------------------------------------------------------------------------


def blank_identifiers(visits: t.Iterable[Visit]) -> t.Iterator[str]:
    """Yield the paths of identifiers that are empty or only whitespace, also in lists and dicts."""
    for path, described, value in visits:
        if not _must_be_set(described):
            continue
        if isinstance(value, list):
            yield from (f"{path}[{index}]" for index, item in enumerate(value) if item is None or _is_blank(item))
        elif isinstance(value, t.Mapping):
            yield from (f"{path}['{key}']" for key, item in value.items() if _is_blank(key) or _is_blank(item))
        elif _is_blank(value):
            yield path


def _must_be_set(described: Described) -> bool:
    return described.identifier and not (isinstance(described, Option) and described.may_be_blank)


def null_identifiers(visits: t.Iterable[Visit], *, empty_is_null: bool = False) -> t.Iterator[str]:
    """Yield the paths of identifiers that are null, with ``empty_is_null`` also of those that are an empty text."""
    for path, described, value in visits:
        if _must_be_set(described) and (value is None or (empty_is_null and value == "")):
            yield path


def type_mismatch(visits: t.Iterable[Visit]) -> str:
    """Return the error of the first value whose type makes Ansible's validation crash, "" if there is none.

    An example is ``no`` for a dict, which YAML parses as a bool.
    """
    for path, described, value in visits:
        if described.type in ("int", "float") and _is_not_finite(value):
            kind = "an integer" if described.type == "int" else "a number"
            return f"The option {path} must be {kind}, not {str(value).strip()}."
        if value is None or not _suboptions(described, of_api=False):
            continue
        is_list = described.type == "list"
        items = value if isinstance(value, (list, tuple)) and is_list else [value]
        for index, item in enumerate(items):
            if not isinstance(item, t.Mapping) and not _may_be_dict(item, is_item=is_list):
                item_path = f"{path}[{index}]" if is_list else path
                return f"The option {item_path} must be a dict, not {_type_name(item)}."
    return ""


def _type_name(value: t.Any) -> str:
    """Return the name of the type of a value. Since ansible-core 2.19, values of playbooks have types of its own."""
    return next(
        (each.__name__ for each in (bool, int, float, str, list) if isinstance(value, each)), type(value).__name__
    )


def _may_be_dict(value: t.Any, *, is_item: bool) -> bool:
    """Return whether Ansible can read a dict from a value: JSON or key=value in a text. Its error about an item of a
    list does not say which item it is."""
    return isinstance(value, str) and (not is_item or value.lstrip().startswith("{") or "=" in value)


def _is_not_finite(value: t.Any) -> bool:
    """Return whether a number, or the text of one, is infinite or not a number. Ansible accepts such a text."""
    try:
        return isinstance(value, (float, str)) and not math.isfinite(float(value))
    except ValueError:
        return False


class Slips(t.NamedTuple):
    """Sentences about values that are booleans, numbers, lists or dicts where the option takes a text."""

    errors: list[str]
    warnings: list[str]


def text_slips(visits: t.Iterable[Visit]) -> Slips:
    """Return the errors of names and serial numbers that are no texts, of secrets that are lists or dicts, and warnings
    of other values.

    YAML reads NO, 0010, 1.10 and 12:30:45 as false, 8, 1.1 and 45045, and a template can be a list. Ansible converts
    such a value to a text without a message. Only the action plugin sees the keys of a dict before they are texts.
    """
    slips = Slips([], [])
    for path, described, value in visits:
        if isinstance(described, Option) and described.texts_by_name and isinstance(value, t.Mapping):
            slips.errors.extend(_slip_error(f"{path}[{key!r}]", key) for key in value if _is_slip(key))
        for item_path, item in _texts(path, described, value):
            is_number = isinstance(item, int) and not isinstance(item, bool)
            if not _is_slip(item) or (is_number and _takes_numbers(described)):
                continue
            if described.identifier or (described.secret and isinstance(item, _COLLECTIONS)):
                # A template of ansible-core before 2.19 makes a key in JSON a dict, whose text is not JSON.
                slips.errors.append(_slip_error(item_path, item))
            elif isinstance(item, _COLLECTIONS):
                slips.warnings.append(f"The option {item_path} is a {_kind_of(item)}, and is sent as a text.")
            else:
                sent = "a text" if described.secret else f"the text '{item}'"
                slips.warnings.append(
                    f"The option {item_path} is a {_kind_of(item)}, and is sent as {sent}. {QUOTE_VALUE}"
                )
    return slips


def _texts(path: str, described: Described, value: t.Any) -> t.Iterator[tuple[str, t.Any]]:
    """Yield the values of an option that must be texts, with their paths."""
    if described.choices:
        return
    if described.type == "list" and described.elements == "str":
        items = value if isinstance(value, (list, tuple)) else [value]
        yield from ((f"{path}[{index}]", item) for index, item in enumerate(items))
    elif isinstance(described, Option) and described.texts_by_name and isinstance(value, t.Mapping):
        yield from ((f"{path}['{key}']", item) for key, item in value.items())
    elif described.type == "str":
        yield path, value


def _is_slip(value: t.Any) -> bool:
    return isinstance(value, (bool, int, float, *_COLLECTIONS))


def _kind_of(value: t.Any) -> str:
    if isinstance(value, _COLLECTIONS):
        return "dict" if isinstance(value, t.Mapping) else "list"
    return "boolean" if isinstance(value, bool) else "number"


def _takes_numbers(described: Described) -> bool:
    """Return whether a whole number is a valid text for an option. The API has IDs that are numbers."""
    return described.numbers or re.search(r"(^|_)ids?$", described.name) is not None


def _slip_error(path: str, value: t.Any) -> str:
    if isinstance(value, _COLLECTIONS):
        return f"The option {path} must be a text, not a {_kind_of(value)}. In a template, use the filter string."
    return f"The option {path} must be a text, not the {_kind_of(value)} {value}. {QUOTE_VALUE}"


def invalid_path(visits: t.Iterable[Visit]) -> str:
    """Return the error of the first invalid file path, "" if there is none.

    An empty path is invalid, because it would be the current directory of Ansible. The content of a file in place of
    its path can be secret, so the error does not quote it.
    """
    for path, described, value in visits:
        if described.type != "path" or not isinstance(value, str):
            continue
        if "\n" in value.strip() or any(
            len(part.encode(errors="replace")) > _LONGEST_NAME for part in value.split("/")
        ):
            return f"The option {path} is not a path, but has {len(value)} characters. Set the path of the file."
        if not value.strip() or "\0" in value:
            return f"The option {path} is not a valid path: {value!r}."
    return ""


def secret_texts(visits: t.Iterable[Visit]) -> t.Iterator[str]:
    """Yield the texts in the values of secret options."""
    for _path, described, value in visits:
        if described.secret:
            yield from (leaf for leaf in leaves(value) if isinstance(leaf, str))


def _is_blank(value: t.Any) -> bool:
    return isinstance(value, str) and not value.strip()


# --- values in API format ---------------------------------------------------------------------------------------------


def secret_paths(fields: t.Iterable[Field], row: Params) -> list[str]:
    """Return the paths of the secrets in an object of the API, masked or not."""
    return [path for path, described, value in walk(fields, row, of_api=True) if described.secret and value]


def unknown_paths(field: Field, value: t.Any) -> list[str]:
    """Return the paths of the values in a field that the collection does not know. ``value`` is in API format."""
    return [
        f"{prefix}{key}"
        for prefix, known, values in _levels(field.fields, value or {}, of_api=True, prefix=f"{field.name}.")
        for key, item in values.items()
        if key not in known and item not in (None, "", [], {})
    ]


# --- unknown and omitted options --------------------------------------------------------------------------------------


def unknown_options(options: t.Iterable[Described], params: Params) -> t.Iterator[str]:
    """Yield the path of each unknown option, with the closest known name."""
    for prefix, name, close in _unknown(options, params):
        yield f"{prefix}{name} (did you mean {close}?)" if close else f"{prefix}{name}"


def _unknown(options: t.Iterable[Described], params: Params) -> t.Iterator[tuple[str, str, str]]:
    """Yield the prefix and the name of each unknown option, and the closest known name, "" if there is none."""
    for prefix, known, values in _levels(options, params, of_api=False):
        for name in values:
            if name not in known:
                yield prefix, str(name), next(iter(closest(str(name), known)), "")


def suggestions(options: t.Collection[Described], params: Params) -> list[str]:
    """Return a question for each unknown option, and each value that is no choice of its option, if a valid one is
    close. Ansible's errors have all valid ones, but not the closest one. No question quotes a value of the task."""
    questions = [
        f"Did you mean the option {prefix}{close}?" for prefix, _name, close in _unknown(options, params) if close
    ]
    for path, described, value in walk(options, params, only=lambda each: bool(each.choices)):
        choices = [str(choice) for choice in described.choices]
        items = value if isinstance(value, (list, tuple)) else [value]
        hints = (did_you_mean(item, choices) for item in items if isinstance(item, str) and item not in choices)
        questions += [f"{hint[:-1]} for {path}?" for hint in hints if hint]
    return list(dict.fromkeys(questions))


def without_omitted(
    options: t.Iterable[Described], params: Params, args: t.Any, parse: t.Callable[[str], t.Any]
) -> Params:
    """Return validated parameters without the suboptions of fields that the task omits.

    AnsibleModule sets omitted suboptions to null. With ``exact``, this makes a difference: a suboption that the task
    omits is removed from the object, but null is not managed. ``args`` are the parameters before validation. ``parse``
    reads a dict that is written as text.
    """
    kept = dict(params)
    for option in options:
        if isinstance(option, Field) and option.fields and option.name in params:
            arg = args.get(option.name) if isinstance(args, t.Mapping) else None
            kept[option.name] = _without_omitted(option, params[option.name], arg, parse)
    return kept


def _without_omitted(field: Field, value: t.Any, arg: t.Any, parse: t.Callable[[str], t.Any]) -> t.Any:
    if isinstance(value, list):
        items = arg if isinstance(arg, (list, tuple)) and len(arg) == len(value) else [None] * len(value)
        return [_without_omitted(field, item, other, parse) for item, other in zip(value, items, strict=True)]
    if not isinstance(value, dict):
        return value
    parsed = parse(arg) if isinstance(arg, str) else arg
    args = parsed if isinstance(parsed, t.Mapping) else {}
    kept = {name: item for name, item in value.items() if item is not None or name in args}
    return without_omitted(field.fields, kept, args, parse)
