# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
r"""Paths of device groups: the names below the root, separated by slashes.

A slash in a name is written as ``\/`` and a backslash as ``\\``. A backslash before any other character stands for
itself. So each path has one meaning, and each path that a module returns can be given back to it.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ..base.errors import InvalidParameter
from ..base.text import composed

ROOT = "All devices"

PATH_SYNTAX = r"In a name, a slash is written as V(\\/), and a backslash as V(\\\\)."
"""A sentence for the documentation of paths."""

_TOKEN = re.compile(r"\\([/\\])|(/)|(.)", re.DOTALL)
_SPECIAL = re.compile(r"[/\\]")


@dataclass(frozen=True)
class GroupPath:
    """The exact path of a device group. ``names`` are the names below the root, none for the root itself.

    ``moved_from`` is the previous path if the task plans to move or rename the group itself.
    """

    names: tuple[str, ...] = ()
    moved_from: GroupPath | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return join_path(self.names)

    @property
    def parent(self) -> GroupPath:
        """The path of the parent. The root has its own."""
        return GroupPath(self.names[:-1])

    def child(self, name: str) -> GroupPath:
        """Return the path of a group directly below."""
        return GroupPath((*self.names, name))

    def is_within(self, other: GroupPath) -> bool:
        """Return whether the path is another one, or below it."""
        return self.names[: len(other.names)] == other.names

    def after(self, move: GroupPath) -> GroupPath:
        """Return the path after the move of a group above. ``move`` is the new path of that group."""
        old = move.moved_from
        if old is None or self == old or not self.is_within(old):
            return self
        return GroupPath((*move.names, *self.names[len(old.names) :]))


def split_names(text: str) -> list[str]:
    """Return the names in a path, without leading and trailing whitespace, in composed Unicode form. A text without a
    slash is one name.

    Raises InvalidParameter if a name is empty.
    """
    names = [""]
    for escaped, slash, character in _TOKEN.findall(text):
        if slash:
            names.append("")
        else:
            names[-1] += escaped or character
    names = [composed(name).strip() for name in names]
    if not all(names):
        raise InvalidParameter(
            f"Invalid path of a device group: '{text}' contains an empty name."
            " Check the variables in it, and remove a leading or trailing slash."
        )
    return names


def split_path(path: str) -> list[str]:
    """Return the names in a path below the root; empty for the root itself. The root may be omitted from the path.

    Raises InvalidParameter if a name is empty.
    """
    names = split_names(path)
    return names[1:] if is_root_name(names[0]) else names


def join_path(names: t.Iterable[str]) -> str:
    """Return the full path of the group at the end of some names below the root."""
    return "/".join([ROOT, *map(escape_name, names)])


def path_text(path: t.Any) -> t.Any:
    """Return an exact path as text. Other values, such as a path of the API, are returned as they are."""
    return str(path) if isinstance(path, GroupPath) else path


def escape_name(name: str) -> str:
    """Return a name as part of a path."""
    return _SPECIAL.sub(r"\\\g<0>", name)


def is_path(text: str) -> bool:
    """Return whether a text is a path, rather than a single name."""
    return any(slash for _escaped, slash, _character in _TOKEN.findall(text))


def is_root_name(name: str) -> bool:
    """Return whether a name is that of the root. Esper's documents also write it as "All Devices"."""
    return name.strip().casefold() == ROOT.casefold()
