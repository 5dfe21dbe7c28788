# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Children of an object: parts of a composite kind, which have IDs and names and are managed with the object."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..base.errors import Ambiguous, InvalidParameter, NotFound
from ..base.ids import normal_id
from ..base.row import Row
from ..base.text import composed


class Named(t.Protocol):
    """A desired child."""

    @property
    def id(self) -> str | None:
        """Return the ID of the child, None if its name identifies it."""

    @property
    def name(self) -> str | None:
        """Return the name of the child. With an ID, it is the new name, None to keep it."""


_Child = t.TypeVar("_Child", bound=Named)


@dataclass(frozen=True)
class Children(t.Generic[_Child]):
    """The result of sync_children().

    ``pairs`` are the desired children in their order, each with the existing child, None if there is none. ``surplus``
    are the existing children that no desired one matches. ``kept`` is the number of desired children, from the first
    on, that keep their place. ``moves`` is true if others must be created again to get to their place, because Esper
    adds children at the end.
    """

    pairs: list[tuple[_Child, Row | None]]
    surplus: list[Row]
    kept: int
    moves: bool


def sync_children(
    desired: t.Sequence[_Child], existing: t.Sequence[Row], *, title: str, ordered: bool = False
) -> Children[_Child]:
    """Return which of the existing children the desired ones are, by ID or by name.

    ``title`` is a child in messages. With ``ordered``, the order of the children counts, without those that no desired
    child matches. Raise NotFound for an unknown ID, Ambiguous for a name of several children, and InvalidParameter if
    two desired children are the same.
    """
    pairs: list[tuple[_Child, Row | None]] = []
    matched: dict[t.Any, _Child] = {}
    for child in desired:
        row = find_child(child, existing, title=title)
        if row is not None:
            other = matched.setdefault(row["id"], child)
            if other is not child:
                raise InvalidParameter(f"The {title} '{row.get('name') or row['id']}' is listed twice. List it once.")
        pairs.append((child, row))
    surplus = [row for row in existing if row["id"] not in matched]
    if not ordered:
        return Children(pairs, surplus, len(pairs), moves=False)
    in_place = [row["id"] for row in existing if row["id"] in matched]
    wanted = [None if row is None else row["id"] for _child, row in pairs]
    kept = next(
        (n for n, (one, other) in enumerate(zip(in_place, wanted, strict=False)) if one != other), len(in_place)
    )
    kept = min(kept, len(wanted))
    return Children(pairs, surplus, kept, moves=kept < len(in_place))


def find_child(child: Named, existing: t.Iterable[Row], *, title: str) -> Row | None:
    """Return the existing child that a desired one is, None if there is none: see sync_children()."""
    if child.id is not None:
        row = next((row for row in existing if normal_id(row["id"]) == normal_id(child.id)), None)
        if row is None:
            raise NotFound(title, child.id)
        return row
    name = composed(child.name or "").strip()
    rows = [row for row in existing if composed(str(row.get("name") or "")).strip() == name]
    if len(rows) > 1:
        ids = [f"{row.get('name')} (ID {row['id']})" for row in rows]
        raise Ambiguous(title, name, ids, "Use the ID instead.")
    return rows[0] if rows else None
