# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of other kinds that a property names: the API has their IDs, and tasks have their names, paths or IDs."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..base.ids import last_uuid, normal_id
from .unknowns import KnownAfterApply


class Referenced(t.Protocol):
    """The kind of the objects: see Kind."""

    @property
    def name(self) -> str:
        """The name of the kind."""


@dataclass(frozen=True)
class NamedObject:
    """An object that a property refers to. ``label`` is its name for people, None if it is not known."""

    id: str | KnownAfterApply
    label: str | None = field(default=None, compare=False)

    @property
    def shown(self) -> str | None:
        """The name of the object, or else its ID. None if the ID is not known yet."""
        return self.label or (None if isinstance(self.id, KnownAfterApply) else self.id)


@dataclass(frozen=True)
class Names:
    """The names of objects in a field: one object, or several if the field is a list.

    ``kind`` is the kind of the objects. ``label`` is the key of their name in responses that have objects. A response
    can also have their IDs only, or URLs that end in the IDs.
    """

    kind: Referenced
    label: str = "name"

    def is_valid(self, value: t.Any) -> bool:
        """Return whether a value in a response is an object."""
        return self._read(value) is not None

    def objects(self, value: t.Any) -> list[NamedObject]:
        """Return the objects in the value of a field in API format: none, one, or those in a list."""
        found = (self._read(item) for item in (value if isinstance(value, list) else [value]))
        return [each for each in found if each is not None]

    def shown(self, value: t.Any) -> t.Any:
        """Return a value in API format in collection terms: names, or IDs if the response has no names."""
        names = [each.shown for each in self.objects(value)]
        return names if isinstance(value, list) else next(iter(names), None)

    def _read(self, value: t.Any) -> NamedObject | None:
        if isinstance(value, KnownAfterApply):
            return NamedObject(value)
        if isinstance(value, dict):
            identifier, label = value.get("id"), value.get(self.label) or value.get("name")
            return NamedObject(_text(identifier), label if isinstance(label, str) else None) if identifier else None
        is_id = isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""
        return NamedObject(_text(value)) if is_id else None


def _text(identifier: t.Any) -> str:
    text = str(identifier)
    return last_uuid(text) or normal_id(text)
