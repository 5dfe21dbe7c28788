# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The properties of an object as data: how they are called, checked, compared, read and written.

A value is in the terms of the collection (an option's, a return value's) or in those of the API.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..base.row import Row
from .compare import merged, satisfied
from .unknowns import ResultOf

# The sanity test of pylint does not accept `str | tuple[str, ...]` outside annotations.
Words = t.Union[str, tuple[str, ...]]  # noqa: UP007
"""One paragraph of documentation, or several."""

_HIDDEN = "(not shown)"
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
        return [str(each[self.item_key]) for each in items]


@dataclass(frozen=True)
class Field:
    """One property of an object.

    ``name`` is the option and the return value, ``api`` the API's key for it (the name, unless it differs).
    ``type``, ``elements``, ``choices`` and ``required`` are those of an argument spec. ``fields`` are the properties of
    a dict, or of each dict of a list. ``check`` tells what is wrong with a value of the user's, "" if nothing is; in a
    list it is asked of each item, and ``check_all`` of the list.
    ``normalise`` brings the server's value and the user's to one form. ``items`` says how a list compares: "" as a
    value, where order counts, "set" without order, or the keys that tell its dicts apart, with blanks between them, the
    best first and what people call them last. A key may be several properties, with + between them.
    Only a ``writable`` field is compared and sent. A ``secret`` one is never shown. It is compared unless the server
    masks it; one that is masked goes along when something else is sent, or when the task says to send it always.

    An ``essential`` field must be in what is sent, whoever said it; ``initial`` is what it is there if nobody did.
    ``default`` is what the service takes a missing value for. A field that is not ``sent`` is the collection's own: it
    says in human terms what another field of the same dict says in the API's, which is the one that is compared.
    A dict that is ``partial`` is so even for a task that wants an object to be exactly what it says.

    ``doc`` is the text of the option, ``returns`` that of the return value if it differs, ``sample`` an example of it.
    An ``identifier`` names an object: see Option. ``references`` are the objects of other kinds that the field, or each
    dict of it, refers to. ``separate`` is its own route, if the route of the object does not have it. ``changed`` is
    another valid value than ``sample``, for the law tests.
    """

    name: str
    doc: Words = ""
    api: str = ""
    type: str = "str"
    elements: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    fields: tuple[Field, ...] = ()
    check: t.Callable[[t.Any], str] = nothing_wrong
    check_all: t.Callable[[t.Any], str] = nothing_wrong
    normalise: t.Callable[[t.Any], t.Any] = as_it_is
    items: str = ""
    writable: bool = True
    secret: bool = False
    essential: bool = False
    initial: t.Any = None
    default: t.Any = None
    sent: bool = True
    partial: bool = False
    identifier: bool = False
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

    # --- the user's values ------------------------------------------------------------------------------------------

    def given(self, value: t.Any, exact: bool = False) -> t.Any:
        """Return the value of a user in normal form. Null is not managed, so dicts are returned without it.

        With ``exact``, a key that is not in a dict is removed from the object, so null stays in dicts: a key with null
        is neither compared nor removed. A dict with nothing but null is null.
        """
        if isinstance(value, ResultOf):
            return value.in_form(self.normalise)
        if self.fields and isinstance(value, dict):
            return self._given_in(value, exact) or (None if value and exact else {})
        if self.fields and isinstance(value, list):
            return [self._given_in(item, exact) for item in value]
        return None if value is None else self.normalise(value)

    def _given_in(self, value: Row, exact: bool) -> Row:
        given = {each.name: each.given(value[each.name], exact) for each in self.fields if each.name in value}
        said = {name: each for name, each in given.items() if each is not None}
        return given if said and exact else said

    def complaints(self, value: t.Any, path: str = "") -> t.Iterator[str]:
        """What is wrong with a given value, each as "path: why"."""
        path = f"{path}.{self.name}" if path else self.name
        for place, item in enumerate(value) if isinstance(value, list) and self.elements else [(None, value)]:
            where = path if place is None else f"{path}[{place}]"
            if not isinstance(item, ResultOf) and (why := self.check(item)):
                yield f"{where}: {why}"
            if isinstance(item, dict):
                for each in self._in(item):
                    yield from each.complaints(item[each.name], where)
        if isinstance(value, list):
            if why := self.check_all(value):
                yield f"{path}: {why}"
            for place, item in enumerate(value):
                for former, other in enumerate(value[:place]):
                    if self._is_double(other, item):
                        yield f"{path}[{place}]: is about the same as {path}[{former}]"

    def lacking(self, value: t.Any, given: t.Any, path: str = "") -> t.Iterator[str]:
        """What is missing in the parts of a value that the user speaks of, each as "path: why"; ``value`` is in the
        terms of the API, as rewritten() gives it."""
        path = f"{path}.{self.name}" if path else self.name
        if self.fields and isinstance(given, dict):
            yield from self._lacking_in(value, given, path)
        elif self.fields and isinstance(given, list):
            for place, (there, item) in enumerate(zip(self._places(value, given, of_api=True), given, strict=True)):
                # What has no key is not found again, but is all the same not without what it has.
                found = self._rewritten_dict({}, item, exact=False) if there is None else value[there]
                yield from self._lacking_in(found, item, f"{path}[{place}]")

    def _lacking_in(self, value: Row, given: Row, path: str) -> t.Iterator[str]:
        for each in self.fields:
            inside = value.get(each.api_name)
            if each.essential and inside is None:
                yield f"{path}.{each.name}: is missing" + (f" ({', '.join(each.choices)})" if each.choices else "")
            elif given.get(each.name) is not None:
                yield from each.lacking(inside, given[each.name], path)

    def write(self, value: t.Any) -> t.Any:
        """A given value in the terms of the API."""
        return self.sendable(self.rewritten(None, value))

    def is_satisfied(self, current: t.Any, given: t.Any, exact: bool = False) -> bool:
        """Whether what is given, in so far as it is no secret, is so already; ``current`` is as read() gives it.
        ``exact`` also asks that there be no more than that."""
        if self.secret:
            return True
        if self.fields and isinstance(given, dict):
            there = current if isinstance(current, dict) else {}
            only = exact and not self.partial
            said = [each for each in self._in(given) if each.sent]
            rest = [each for each in self.fields if only and each.name not in given and each.writable and each.sent]
            return all(each.is_satisfied(there.get(each.name), given[each.name], exact) for each in said) and all(
                each._is_as_if_not_given(there.get(each.name)) for each in rest
            )
        if self.fields and isinstance(given, list):
            return self._is_list_satisfied(current if isinstance(current, list) else [], given, exact)
        return satisfied(current, given, self.items) and (
            not exact or not self._says(current) or satisfied(given, current, self.items)
        )

    def _is_list_satisfied(self, current: list[t.Any], given: list[t.Any], exact: bool) -> bool:
        if (exact or not self._keys) and len(current) != len(given):
            return False
        return all(
            place is not None and self.is_satisfied(current[place], item, exact)
            for place, item in zip(self._places(current, given), given, strict=True)
        )

    def _is_as_if_not_given(self, value: t.Any) -> bool:
        return not self._says(value) if self.initial is None else satisfied(value, self.initial)

    def _says(self, value: t.Any) -> bool:
        """Whether a value says more than a missing one. What each dict has from its beginning says nothing by itself:
        when to apply a setting, of one that sets nothing."""
        if self.fields and isinstance(value, dict):
            return any(each._says(value.get(each.name)) for each in self.fields if each.initial is None)
        return value not in (None, "", [], {}) and value != self.default

    @property
    def _keys(self) -> list[tuple[str, ...]]:
        """What tells the dicts of a list apart, the best first."""
        return [tuple(key.split("+")) for key in self.items.split()] if self.fields and self.items != "set" else []

    def _is_double(self, one: Row, other: Row) -> bool:
        """Whether two given dicts are about the same thing: the first key that both have decides."""
        for key in self._keys:
            if all(each.get(name) is not None for each in (one, other) for name in key):
                return _is_alike(one, other, {name: name for name in key})
        return False

    def _places(self, items: t.Sequence[t.Any], given: t.Sequence[Row], of_api: bool = False) -> list[int | None]:
        """Where in a list is what each given dict is about: by the best key, then by the next one for those that are
        left, or by order in a list without keys. None where it is not; no two are at one place. ``of_api`` says whose
        terms ``items`` are in."""
        if not self._keys:
            return [place if place < len(items) else None for place in range(len(given))]
        names = {each.name: each.api_name if of_api else each.name for each in self.fields}
        found: list[int | None] = [None] * len(given)
        free = dict(enumerate(items))
        for key in self._keys:
            its = {name: names[name] for name in key}
            for number, wanted in enumerate(given):
                alike = (place for place, item in free.items() if _is_alike(wanted, item, its))
                if found[number] is None and (place := next(alike, None)) is not None:
                    found[number] = place
                    del free[place]
        return found

    def _by_place(self, items: t.Sequence[t.Any], given: t.Sequence[Row], of_api: bool = False) -> dict[int, Row]:
        """The given dicts by their places among others; those that are not there are left out."""
        places = self._places(items, given, of_api)
        return {place: item for place, item in zip(places, given, strict=True) if place is not None}

    def _in(self, given: Row) -> list[Field]:
        """Return the fields that a given dict manages. Those with null are not managed."""
        return [each for each in self.fields if given.get(each.name) is not None]

    # --- the server's values ----------------------------------------------------------------------------------------

    def read(self, value: t.Any) -> t.Any:
        """A value of the API in the terms of the collection, without the secrets in it."""
        if self.fields and isinstance(value, dict):
            return {
                each.name: each.read(value[each.api_name])
                for each in self.fields
                if each.api_name in value and not each.secret
            }
        if self.fields and isinstance(value, list):
            return [self.read(item) for item in value]
        return value if value is None or isinstance(value, ResultOf) else self.normalise(value)

    def rewritten(self, current: t.Any, given: t.Any, exact: bool = False) -> t.Any:
        """What the field comes to, in the terms of the API: the server's value with all that is given in it, or with
        ``exact`` nothing but that.

        Keys that the collection does not know are kept as they came; masks of secrets are not. A list that is a value
        stays as it came, too, if it is as given. Fields that are not sent are still in it: see sendable().
        """
        kept = self._without_masks(current)
        if given is None or (self._is_value(given) and self._is_value(kept) and self._is_so(kept, given, exact)):
            return kept
        if self.fields and isinstance(given, dict):
            return self._rewritten_dict(kept if isinstance(kept, dict) else {}, given, exact)
        if self.fields and isinstance(given, list):
            return self._rewritten_list(kept if isinstance(kept, list) else [], given, exact)
        return given if exact else merged(kept, given, self.items)

    def _is_value(self, value: t.Any) -> bool:
        """Whether something is a list that is written as a whole."""
        return isinstance(value, list) and self.items in ("", "set")

    def _is_so(self, current: t.Any, given: t.Any, exact: bool) -> bool:
        """The same as is_satisfied(), of a value in the terms of the API."""
        return self.is_satisfied(self.read(current), given, exact)

    def _rewritten_dict(self, current: Row, given: Row, exact: bool) -> Row:
        only = exact and not self.partial
        # A secret cannot be read, so no user can repeat it. Null is not managed.
        dropped = {
            each.api_name
            for each in self.fields
            if only and each.writable and not each.secret and (each.name not in given or given[each.name] is not None)
        }
        kept = {key: value for key, value in current.items() if key not in dropped}
        first = {
            each.api_name: each.initial
            for each in self.fields
            if each.initial is not None and kept.get(each.api_name) is None
        }
        changed = {
            each.api_name: each.rewritten(current.get(each.api_name), given[each.name], exact)
            for each in self._in(given)
        }
        return {**kept, **first, **changed}

    def _rewritten_list(self, current: list[t.Any], given: list[t.Any], exact: bool) -> list[t.Any]:
        if not self._keys:
            return [self._rewritten_dict({}, item, exact) for item in given]
        places = self._places(current, given, of_api=True)
        wanted = dict(zip(places, given, strict=True))
        kept = [
            self._rewritten_dict(item, wanted[place], exact) if place in wanted else item
            for place, item in enumerate(current)
            if place in wanted or not exact
        ]
        new = [item for place, item in zip(places, given, strict=True) if place is None]
        return kept + [self._rewritten_dict({}, item, exact) for item in new]

    def sendable(self, value: t.Any) -> t.Any:
        """What rewritten() gave, without what is the collection's own, and without null: the service tells it of what
        it has not, but its types have no place for it."""
        if self.fields and isinstance(value, dict):
            known = {each.api_name: each for each in self.fields}
            return {
                key: known[key].sendable(item) if key in known else item
                for key, item in value.items()
                if key not in known or (known[key].sent and item is not None)
            }
        if self.fields and isinstance(value, list):
            return [self.sendable(item) for item in value]
        return value

    def marked(self, shown: t.Any, given: t.Any) -> t.Any:
        """A value in the terms of the collection, with a sign for each secret that the user gives."""
        if self.secret:
            return _HIDDEN
        if self.fields and isinstance(given, dict) and isinstance(shown, dict):
            return {
                **shown,
                **{each.name: each.marked(shown.get(each.name), given[each.name]) for each in self._in(given)},
            }
        if self.fields and isinstance(given, list) and isinstance(shown, list):
            marked = self._by_place(shown, given)
            return [self.marked(item, marked[place]) if place in marked else item for place, item in enumerate(shown)]
        return shown

    def differences(self, before: t.Any, after: t.Any, path: str = "") -> t.Iterator[Row]:
        """Where two values, as read() gives them, differ: ``path``, ``before`` and ``after`` of each place."""
        if self.fields and isinstance(before, dict) and isinstance(after, dict):
            for each in self.fields:
                inside = f"{path}.{each.name}" if path else each.name
                yield from each.differences(before.get(each.name), after.get(each.name), inside)
        elif self._keys and (isinstance(before, list) or isinstance(after, list)):
            yield from self._differences_of_items(before or [], after or [], path)
        elif (self._says(before) or self._says(after)) and not (
            satisfied(before, after, self.items) and satisfied(after, before, self.items)
        ):
            yield {"path": path, "before": before, "after": after}

    def _differences_of_items(self, before: list[t.Any], after: list[t.Any], path: str) -> t.Iterator[Row]:
        places, partners = self._places(before, after), self._by_place(before, after)
        new = {number: item for number, item in enumerate(after) if places[number] is None}
        for place, item in enumerate(before):
            same = next((number for number, other in new.items() if place not in partners and other == item), None)
            if same is None:
                yield from self.differences(item, partners.get(place), f"{path}[{self._called(item, place)}]")
            else:
                del new[same]  # What has no key is the same only if all of it is.
        for number, item in new.items():
            yield from self.differences(None, item, f"{path}[{self._called(item, number)}]")

    def _called(self, item: Row, place: int) -> t.Any:
        """What people call a dict of a list."""
        names = [key[0] for key in reversed(self._keys) if len(key) == 1]
        return next((item[name] for name in names if item.get(name) is not None), place)

    def _without_masks(self, value: t.Any) -> t.Any:
        if self.secret:
            return None if _is_masked(value) else value
        if self.fields and isinstance(value, dict):
            known = {each.api_name: each for each in self.fields}
            kept = {key: known[key]._without_masks(item) if key in known else item for key, item in value.items()}
            return {key: item for key, item in kept.items() if item is not None or value[key] is None}
        if self.fields and isinstance(value, list):
            return [self._without_masks(item) for item in value]
        return None if value is None else value if self.fields else self.normalise(value)

    def changes_secret(self, current: t.Any, given: t.Any, always: bool) -> bool:
        """Whether a given value has a secret that is to be sent: another than the server has, or, where the server
        masks it, whenever the task says so. What the server has not at all is no mask."""
        if self.secret:
            return always if _is_masked(current) else bool(current != given)
        if self.fields and isinstance(given, dict):
            there, anyway = (current, always) if isinstance(current, dict) else ({}, True)
            return any(
                each.changes_secret(there.get(each.api_name), given[each.name], anyway) for each in self._in(given)
            )
        if self._keys and isinstance(given, list):
            items = current if isinstance(current, list) else []
            partners = [None if place is None else items[place] for place in self._places(items, given, of_api=True)]
            return any(
                self.changes_secret(partner, item, always) for partner, item in zip(partners, given, strict=True)
            )
        return False

    def masked_in(self, current: t.Any, given: t.Any, path: str = "", exact: bool = False) -> t.Iterator[str]:
        """The paths of the secrets that the server has, but masks, and that are not given, though what they belong to
        is to stay."""
        path = f"{path}.{self.name}" if path else self.name
        if self.secret and current and given is None and _is_masked(current):
            yield path
        elif self.fields and isinstance(current, dict):
            yield from self._masked_in_dict(current, given, path, exact)
        elif self._keys and isinstance(current, list):
            said_of = self._by_place(current, given or (), of_api=True)
            for place, item in enumerate(current):
                if given is None or place in said_of or not exact:
                    yield from self._masked_in_dict(item, said_of.get(place), f"{path}[{place}]", exact)

    def _masked_in_dict(self, current: Row, given: Row | None, path: str, exact: bool) -> t.Iterator[str]:
        only = exact and not self.partial and given is not None
        for each in self.fields:
            said = (given or {}).get(each.name)
            if said is not None or each.secret or not only or each.name in (given or {}):
                yield from each.masked_in(current.get(each.api_name), said, path, exact)

    def secrets_in(self, current: t.Any, path: str = "") -> t.Iterator[str]:
        """The paths of the secrets that the server has, masked or not."""
        path = f"{path}.{self.name}" if path else self.name
        if self.secret and current:
            yield path
        elif self.fields:
            items = enumerate(current) if isinstance(current, list) else [(None, current or {})]
            for place, item in items:
                for each in self.fields:
                    yield from each.secrets_in(item.get(each.api_name), path if place is None else f"{path}[{place}]")

    def unknown_in(self, current: t.Any, path: str = "") -> t.Iterator[str]:
        """The paths of what the server has and the collection does not know."""
        path = f"{path}.{self.name}" if path else self.name
        items = enumerate(current) if isinstance(current, list) else [(None, current)]
        for place, item in items:
            where = path if place is None else f"{path}[{place}]"
            known = {each.api_name: each for each in self.fields}
            for key, value in item.items() if known and isinstance(item, dict) else ():
                if key in known:
                    yield from known[key].unknown_in(value, where)
                elif value not in (None, "", [], {}):
                    yield f"{where}.{key}"


def hidden_at(record: t.Any, path: str) -> t.Any:
    """Return a record in the terms of the collection with a mark for the secret at a path of masked_in()."""
    return _hidden_at(record, re.findall(r"[^.\[\]]+", path))


def _hidden_at(value: t.Any, places: list[str]) -> t.Any:
    if not places:
        return _HIDDEN
    first, *rest = places
    if isinstance(value, list):
        return [_hidden_at(item, rest) if number == int(first) else item for number, item in enumerate(value)]
    inside = value or {}
    return {**inside, first: _hidden_at(inside.get(first), rest)}


def _is_masked(value: t.Any) -> bool:
    return value is None or set(str(value)) <= {"*"}


def _is_alike(given: Row, item: t.Any, names: t.Mapping[str, str]) -> bool:
    """Whether a given dict and another have the same by certain names, and have it at all; the other may have its own
    names for it."""
    return isinstance(item, dict) and all(
        given.get(name) is not None and item.get(its) is not None and satisfied(item[its], given[name])
        for name, its in names.items()
    )
