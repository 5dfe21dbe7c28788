# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The properties of an object as data: how they are called, checked, compared, read and written.

A value is in the terms of the collection (an option's, a return value's) or in those of the API.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .compare import merged, satisfied
from .paging import Row

_HIDDEN = "(not shown)"


def as_it_is(value: t.Any) -> t.Any:
    """The normaliser of a field whose values need none."""
    return value


def nothing_wrong(_value: t.Any) -> str:
    """The check of a field that takes whatever its type allows."""
    return ""


@dataclass(frozen=True)
class Field:
    """One property of an object.

    ``name`` is the option and the return value, ``api`` the API's key for it (the name, unless it differs).
    ``type``, ``elements``, ``choices`` and ``required`` are those of an argument spec. ``fields`` are the properties of
    a dict, or of each dict of a list. ``check`` tells what is wrong with a value of the user's, "" if nothing is.
    ``normalise`` brings the server's value and the user's to one form. ``items`` says how a list compares: "" as a
    value, where order counts, "set" without order, or the key that tells its dicts apart.
    Only a ``writable`` field is compared and sent. A ``secret`` one is never shown. It is compared unless the server
    masks it; one that is masked goes along when something else is sent, or when the task says to send it always.
    """

    name: str
    api: str = ""
    type: str = "str"
    elements: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    fields: tuple[Field, ...] = ()
    check: t.Callable[[t.Any], str] = nothing_wrong
    normalise: t.Callable[[t.Any], t.Any] = as_it_is
    items: str = ""
    writable: bool = True
    secret: bool = False

    @property
    def api_name(self) -> str:
        return self.api or self.name

    def option(self) -> dict[str, t.Any]:
        """The field as an option of a module, in the form of an argument spec."""
        spec: dict[str, t.Any] = {"type": self.type}
        if self.elements:
            spec["elements"] = self.elements
        if self.choices:
            spec["choices"] = list(self.choices)
        if self.required:
            spec["required"] = True
        if self.secret or "password" in self.name:
            # Ansible wants to be told of what only sounds like a secret, such as the rules for one.
            spec["no_log"] = self.secret
        if self.fields:
            spec["options"] = options_of(self.fields)
        return spec

    # --- the user's values ------------------------------------------------------------------------------------------

    def given(self, value: t.Any) -> t.Any:
        """What the user says, in normal form. What is None was not said, and is left out of dicts."""
        if self.fields and isinstance(value, dict):
            return {each.name: each.given(value[each.name]) for each in self.fields if value.get(each.name) is not None}
        if self.fields and isinstance(value, list):
            return [self.given(item) for item in value]
        return self.normalise(value)

    def complaints(self, value: t.Any, path: str = "") -> t.Iterator[str]:
        """What is wrong with a given value, each as "path: why"."""
        path = f"{path}.{self.name}" if path else self.name
        for place, item in enumerate(value) if isinstance(value, list) and self.elements else [(None, value)]:
            where = path if place is None else f"{path}[{place}]"
            if why := self.check(item):
                yield f"{where}: {why}"
            if isinstance(item, dict):
                for each in self._in(item):
                    yield from each.complaints(item[each.name], where)

    def public(self, value: t.Any) -> t.Any:
        """A given value without the secrets in it."""
        return self._with_secrets(value, None)

    def hidden(self, value: t.Any) -> t.Any:
        """A given value that shows that there are secrets in it, but not which."""
        return self._with_secrets(value, _HIDDEN)

    def _with_secrets(self, value: t.Any, stand_in: str | None) -> t.Any:
        if self.secret:
            return stand_in
        if self.fields and isinstance(value, dict):
            shown = {each.name: each._with_secrets(value[each.name], stand_in) for each in self._in(value)}
            return {name: item for name, item in shown.items() if item is not None}
        if self.fields and isinstance(value, list):
            return [self._with_secrets(item, stand_in) for item in value]
        return value

    def write(self, value: t.Any) -> t.Any:
        """A given value in the terms of the API."""
        if self.fields and isinstance(value, dict):
            return {each.api_name: each.write(value[each.name]) for each in self._in(value)}
        if self.fields and isinstance(value, list):
            return [self.write(item) for item in value]
        return value

    def is_satisfied(self, current: t.Any, given: t.Any) -> bool:
        """Whether what is given, in so far as it is no secret, is so already; ``current`` is as read() gives it."""
        if self.secret:
            return True
        if self.fields and isinstance(given, dict):
            there = current if isinstance(current, dict) else {}
            return all(each.is_satisfied(there.get(each.name), given[each.name]) for each in self._in(given))
        return satisfied(current, self.public(given), self.items)

    def _in(self, given: Row) -> list[Field]:
        """The fields that a given dict speaks of."""
        return [each for each in self.fields if each.name in given]

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
        return None if value is None else self.normalise(value)

    def rewritten(self, current: t.Any, given: t.Any) -> t.Any:
        """What to send for the field, in the terms of the API: the server's value with all that is given in it.

        Keys that the collection does not know are sent back as they came; masks of secrets are not.
        """
        kept = self._without_masks(current)
        if given is None:
            return kept
        if self.fields and isinstance(kept, dict):
            changed = {
                each.api_name: each.rewritten(kept.get(each.api_name), given[each.name]) for each in self._in(given)
            }
            return {**kept, **changed}
        key = next((each.api_name for each in self.fields if each.name == self.items), self.items)
        return merged(kept, self.write(given), key)

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
        masks it, whenever the task says so."""
        if self.secret:
            return always if _is_masked(current) else bool(current != given)
        if self.fields and isinstance(given, dict):
            there = current if isinstance(current, dict) else {}
            return any(
                each.changes_secret(there.get(each.api_name), given[each.name], always) for each in self._in(given)
            )
        return False

    def masked_in(self, current: t.Any, given: t.Any, path: str = "") -> t.Iterator[str]:
        """The paths of the secrets that the server has, but masks, and that are not given."""
        path = f"{path}.{self.name}" if path else self.name
        if self.secret and current and given is None and _is_masked(current):
            yield path
        elif self.fields and isinstance(current, dict):
            for each in self.fields:
                said = given.get(each.name) if isinstance(given, dict) else None
                yield from each.masked_in(current.get(each.api_name), said, path)


def options_of(fields: t.Iterable[Field]) -> dict[str, dict[str, t.Any]]:
    """The options of a module that a kind's fields come to; what only the server writes is none."""
    return {each.name: each.option() for each in fields if each.writable}


def _is_masked(value: t.Any) -> bool:
    return value is None or set(str(value)) <= {"*"}
