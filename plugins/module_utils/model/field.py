# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The properties of an object as data: their names, types, rules and documentation.

A value is in collection terms, as in options and return values, or in API format. compare.py compares values, walk.py
visits them.
"""

from __future__ import annotations

import functools
import re
import typing as t
from dataclasses import dataclass

from ..base.row import Row
from .names import Names
from .unknowns import KnownAfterApply

# The sanity test of pylint does not accept `str | tuple[str, ...]` outside annotations.
Words = t.Union[str, tuple[str, ...]]  # noqa: UP007
"""One paragraph of documentation, or several."""

_SOUNDS_SECRET = re.compile(r"password|secret|(^|_)key(_|$)")


def sounds_secret(name: str) -> bool:
    """Return whether Ansible takes an option for a secret because of its name, unless the argument spec has no_log."""
    return _SOUNDS_SECRET.search(name) is not None


def identity(value: t.Any) -> t.Any:
    """Return the value. This is the default of Field.normalize."""
    return value


def accept_all(_value: t.Any) -> str:
    """Return no error. This is the default of Field.validator."""
    return ""


@dataclass(frozen=True)
class Reference:
    """An object of another kind that a field refers to.

    ``options`` are the options that name the object. It is empty for an object that has only an ID. ``api_keys`` are
    the API's keys whose values are looked up by these options.
    """

    kind: str
    options: tuple[str, ...]
    api_keys: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SeparateRoute:
    """A separate route for a property that is a list of texts. GET reads the list, PUT replaces it.

    ``path`` has the ID of the object as ``{id}``. ``item_key`` is the key of the text in each item of the response to
    GET. The body of PUT has the texts in ``write_key``, the response to PUT has the stored items in ``response_key``.
    """

    path: str
    item_key: str
    write_key: str
    response_key: str

    def texts(self, items: t.Any) -> list[str]:
        """Return the texts in the items of a response. Raise TypeError or KeyError if the response is invalid."""
        texts = [item[self.item_key] for item in items] if isinstance(items, list) else None
        if texts is None or not all(isinstance(text, str) for text in texts):
            raise TypeError("The response is not a list of items with texts.")
        return texts


@dataclass(frozen=True)
class Field:
    """A property of an object.

    ``name`` is the name of the option and of the return value. ``api`` is the API's key for the property. Its default
    is the name. For a field at the top of an object, it can be a dotted path, such as ``properties.to_address``.
    ``read_path`` and ``write_path`` are for different paths: see api_paths.py.

    ``type``, ``elements``, ``choices`` and ``required`` are those of an argument spec. ``fields`` are the properties of
    a dict, or of each dict in a list. ``validator`` returns the error of a desired value, "" if it is valid: see
    base/validators.py. It validates each item of a list, and ``list_validator`` the list itself. ``normalize`` converts
    values from the API and from tasks to one form.

    ``list_type`` is the comparison of a list. "atomic": as one value, in order. "set": without order. "map": by the
    keys of its dicts. ``map_keys`` are these keys, the most specific one first and the one for messages last. A key is
    a tuple of the names of fields that together identify a dict.

    If Esper returns a list as one text, ``separator`` is the text between its items. Only a read-only field can be
    such a list.

    Only a ``writable`` field is compared and sent. A ``secret`` value is never shown. If the API masks it, it is not
    compared. It is then sent together with other changes, or always with update_password=always.

    A ``required_by_api`` field must be in the payload. ``create_default`` is its value if the task does not set it.
    ``server_default`` is the value that Esper uses if the property is missing. A field that is not ``in_payload`` is a
    readable alternative to another field of the same dict, which is compared instead. A dict that is
    ``exempt_from_exact`` keeps the values that a task with ``exact`` does not list.

    Esper accepts a ``create_only`` field in new objects only: see Kind.on_difference. ``file_option`` is the name of
    another option for a text, the path of a file that has it: see engine/text_files.py. The list does not have an
    ``on_request`` field, but the object has it. This is the name of the option of the _info module that reads it.

    ``doc`` is the text of the option, ``returns`` the text of the return value if it differs, ``sample`` an example.
    ``changed`` is a valid value other than ``sample``, for the law tests. An ``identifier`` names an object, and
    with ``numbers``, a text can be a whole number: see Option. ``references`` are the objects of other kinds that the
    field, or each dict in it, refers to. ``separate_route`` is set if the property is not part of the route of the
    object. An ``opaque`` value is JSON that Esper passes on, so types and null count in it.

    ``names`` is set if the texts of a field at the top of an object name objects of another kind. Such a field is
    compared and sent by ID. With ``null_if_empty``, an empty text removes the value of a field at the top of an object:
    it is sent as null.
    """

    name: str
    doc: Words = ""
    api: str = ""
    read_path: str = ""
    write_path: str = ""
    type: str = "str"
    elements: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    fields: tuple[Field, ...] = ()
    validator: t.Callable[[t.Any], str] = accept_all
    list_validator: t.Callable[[t.Any], str] = accept_all
    normalize: t.Callable[[t.Any], t.Any] = identity
    list_type: t.Literal["atomic", "set", "map"] = "atomic"
    map_keys: tuple[tuple[str, ...], ...] = ()
    separator: str = ""
    writable: bool = True
    secret: bool = False
    required_by_api: bool = False
    create_default: t.Any = None
    server_default: t.Any = None
    in_payload: bool = True
    create_only: bool = False
    file_option: str = ""
    on_request: str = ""
    exempt_from_exact: bool = False
    identifier: bool = False
    numbers: bool = False
    opaque: bool = False
    returns: Words = ""
    sample: t.Any = None
    changed: t.Any = None
    references: tuple[Reference, ...] = ()
    separate_route: SeparateRoute | None = None
    names: Names | None = None
    null_if_empty: bool = False

    def __post_init__(self) -> None:
        if self.names is not None and not self.null_if_empty:
            object.__setattr__(self, "identifier", True)

    @property
    def api_name(self) -> str:
        """The API's key."""
        return self.api or self.name

    @property
    def request_option(self) -> str:
        """The option of the _info module that reads the property with requests for each object, "" if there is none."""
        return self.on_request or (self.name if self.separate_route else "")

    @functools.cached_property
    def has_secrets(self) -> bool:
        """True if the field, or a field in it, is secret."""
        return self.secret or any(field.has_secrets for field in self.fields)

    def argument_spec(self) -> dict[str, t.Any]:
        """Return the field as an option in the form of an argument spec."""
        spec: dict[str, t.Any] = {"type": self.type}
        if self.elements:
            spec["elements"] = self.elements
        if self.choices:
            spec["choices"] = list(self.choices)
        if self.required:
            spec["required"] = True
        if self.secret or sounds_secret(self.name):
            # If no_log is not set, Ansible warns of an option that only sounds like a secret, such as a password rule.
            spec["no_log"] = self.secret
        if self.fields:
            spec["options"] = {field.name: field.argument_spec() for field in options_in(self.fields)}
            if exclusive := exclusive_options(self.fields):
                spec["mutually_exclusive"] = exclusive
        return spec

    def normalize_input(self, value: t.Any, exact: bool = False) -> t.Any:
        """Return the value of an option in normal form. Null is not managed, so it is removed from dicts.

        With ``exact``, a key that is not in a dict is removed from the object. So null is kept in dicts: a key with
        null is neither compared nor removed. A dict with only null values is null.
        """
        if isinstance(value, KnownAfterApply):
            return value.transformed(self.normalize)
        if self.fields and isinstance(value, dict):
            return self._normalize_dict(value, exact) or (None if value and exact else {})
        if self.fields and isinstance(value, list):
            return [self._normalize_dict(item, exact) for item in value]
        return None if value is None else self.normalize(value)

    def _normalize_dict(self, value: Row, exact: bool) -> Row:
        known = {
            field.name: field.normalize_input(value[field.name], exact) for field in self.fields if field.name in value
        }
        managed = {name: item for name, item in known.items() if item is not None}
        return known if managed and exact else managed

    def from_api(self, value: t.Any) -> t.Any:
        """Convert a value in API format to collection terms, without secrets."""
        if self.names is not None:
            return self.names.shown(value)
        if self.fields and isinstance(value, dict):
            return {
                field.name: field.from_api(value[field.api_name])
                for field in self.fields
                if field.api_name in value and not field.secret
            }
        if self.fields and isinstance(value, list):
            return [self.from_api(item) for item in value]
        return value if value is None or isinstance(value, KnownAfterApply) else self.normalize(value)


SEARCH_PATH = (
    "A relative path is searched in the same way as by M(ansible.builtin.copy).",
    "The module searches C(files) of the role and of the playbook, then the directories next to them, then the working"
    " directory of Ansible.",
    "If the task is delegated to another machine, the path is on that machine and is not searched.",
)
"""Sentences about the search path of a local file."""


def options_in(fields: t.Iterable[Field]) -> t.Iterator[Field]:
    """Yield the fields that a task can set, each followed by its file option."""
    for field in fields:
        if field.writable:
            yield field
        if field.file_option:
            doc = f"Path of a file on the controller with the text of C({field.name}), in UTF-8."
            yield Field(field.file_option, (doc, *SEARCH_PATH), type="path")


def exclusive_options(fields: t.Iterable[Field]) -> list[tuple[str, str]]:
    """Return the pairs of a field and its file option, which exclude each other."""
    return [(field.name, field.file_option) for field in fields if field.file_option]


def file_options(fields: t.Iterable[Field], prefix: str = "") -> t.Iterator[str]:
    """Yield the dotted paths of all file options, also of those in dicts and lists."""
    for field in fields:
        if field.file_option:
            yield f"{prefix}{field.file_option}"
        yield from file_options(field.fields, f"{prefix}{field.name}.")
