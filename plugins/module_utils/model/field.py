# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The properties of an object as data: their names, types, rules and documentation.

A value is in collection terms (an option's, a return value's) or in API format. compare.py compares values, walk.py
visits them.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..base.row import Row
from .unknowns import KnownAfterApply

# The sanity test of pylint does not accept `str | tuple[str, ...]` outside annotations.
Words = t.Union[str, tuple[str, ...]]  # noqa: UP007
"""One paragraph of documentation, or several."""

_SOUNDS_SECRET = re.compile(r"password|secret|(^|_)key(_|$)")


def sounds_secret(name: str) -> bool:
    """Return whether Ansible takes an option of that name for a secret, unless the argument spec denies it."""
    return _SOUNDS_SECRET.search(name) is not None


def as_it_is(value: t.Any) -> t.Any:
    """The normaliser of a field whose values need none."""
    return value


def nothing_wrong(_value: t.Any) -> str:
    """The check of a field that takes whatever its type allows."""
    return ""


@dataclass(frozen=True)
class Reference:
    """An object of another kind that a field refers to. ``by`` are the options by which people name it, and ``gives``
    the API's keys that the engine finds for them. ``by`` is empty for objects that have only IDs."""

    kind: str
    by: tuple[str, ...]
    gives: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Separate:
    """A route of its own for a property, a list of texts, which is read by GET and replaced by PUT.

    ``path`` has the ID of the object as ``{id}``. ``item_key`` is the key of the text in each item that GET returns.
    PUT takes the texts under ``write_key``, and returns the items that are stored under ``response_key``.
    """

    path: str
    item_key: str
    write_key: str
    response_key: str

    def texts(self, items: t.Any) -> list[str]:
        """Return the texts in the items of a response. Raise TypeError or KeyError if they have another form."""
        texts = [each[self.item_key] for each in items] if isinstance(items, list) else None
        if texts is None or not all(isinstance(each, str) for each in texts):
            raise TypeError("not a list of items with a text")
        return texts


@dataclass(frozen=True)
class Field:
    """One property of an object.

    ``name`` is the option and the return value, ``api`` the API's key for it (the name, unless it differs). A field at
    the top of an object can have a dotted path as ``api``, such as ``properties.to_address``, and another path to read
    or to write it: see api_paths.py.

    ``type``, ``elements``, ``choices`` and ``required`` are those of an argument spec. ``fields`` are the properties of
    a dict, or of each dict of a list. ``validator`` returns what is wrong with a desired value, "" if nothing is. In a
    list it validates each item, and ``list_validator`` the list. ``normalize`` brings the values of the API and of the
    user to one form.

    ``list_type`` is how a list compares: "atomic" as one value whose order counts, "set" without order, "map" by the
    keys of its dicts. ``map_keys`` are these keys, the best first and the one that people know last. A key is a tuple
    of the names of the fields that identify a dict together.

    Only a ``writable`` field is compared and sent. A ``secret`` value is never shown. It is compared unless the API
    masks it. A secret that the API masks is sent together with other changes, or always if the task says so.

    A ``required_by_api`` field must be in the payload; ``create_default`` is its value if nobody set it. The
    ``server_default`` is the value that Esper uses for a missing one. A field that is not ``in_payload`` stands in
    human terms for another field of the same dict, which is the one that is compared. A dict that is
    ``exempt_from_exact`` keeps what a task with ``exact`` does not list.

    ``doc`` is the text of the option, ``returns`` that of the return value if it differs, ``sample`` an example of it.
    An ``identifier`` names an object: see Option. ``references`` are the objects of other kinds that the field, or each
    dict of it, refers to. ``separate`` is its own route, if the route of the object does not have it. ``changed`` is
    another valid value than ``sample``, for the law tests.
    An ``opaque`` value is JSON that Esper passes on to others, so types and null count in it.
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
    validator: t.Callable[[t.Any], str] = nothing_wrong
    list_validator: t.Callable[[t.Any], str] = nothing_wrong
    normalize: t.Callable[[t.Any], t.Any] = as_it_is
    list_type: t.Literal["atomic", "set", "map"] = "atomic"
    map_keys: tuple[tuple[str, ...], ...] = ()
    writable: bool = True
    secret: bool = False
    required_by_api: bool = False
    create_default: t.Any = None
    server_default: t.Any = None
    in_payload: bool = True
    exempt_from_exact: bool = False
    identifier: bool = False
    opaque: bool = False
    returns: Words = ""
    sample: t.Any = None
    changed: t.Any = None
    references: tuple[Reference, ...] = ()
    separate: Separate | None = None

    @property
    def api_name(self) -> str:
        return self.api or self.name

    def argument_spec(self) -> dict[str, t.Any]:
        """The field as an option of a module, in the form of an argument spec."""
        spec: dict[str, t.Any] = {"type": self.type}
        if self.elements:
            spec["elements"] = self.elements
        if self.choices:
            spec["choices"] = list(self.choices)
        if self.required:
            spec["required"] = True
        if self.secret or sounds_secret(self.name):
            # Ansible wants to be told of what only sounds like a secret, such as the rules for one.
            spec["no_log"] = self.secret
        if self.fields:
            spec["options"] = {each.name: each.argument_spec() for each in self.fields if each.writable}
        return spec

    def normalize_input(self, value: t.Any, exact: bool = False) -> t.Any:
        """Return the value of a user in normal form. Null is not managed, so dicts are returned without it.

        With ``exact``, a key that is not in a dict is removed from the object, so null stays in dicts: a key with null
        is neither compared nor removed. A dict with nothing but null is null.
        """
        if isinstance(value, KnownAfterApply):
            return value.transformed(self.normalize)
        if self.fields and isinstance(value, dict):
            return self._normalize_dict(value, exact) or (None if value and exact else {})
        if self.fields and isinstance(value, list):
            return [self._normalize_dict(item, exact) for item in value]
        return None if value is None else self.normalize(value)

    def _normalize_dict(self, value: Row, exact: bool) -> Row:
        known = {each.name: each.normalize_input(value[each.name], exact) for each in self.fields if each.name in value}
        managed = {name: item for name, item in known.items() if item is not None}
        return known if managed and exact else managed

    def from_api(self, value: t.Any) -> t.Any:
        """Return a value in API format in collection terms, without the secrets in it."""
        if self.fields and isinstance(value, dict):
            return {
                each.name: each.from_api(value[each.api_name])
                for each in self.fields
                if each.api_name in value and not each.secret
            }
        if self.fields and isinstance(value, list):
            return [self.from_api(item) for item in value]
        return value if value is None or isinstance(value, KnownAfterApply) else self.normalize(value)
