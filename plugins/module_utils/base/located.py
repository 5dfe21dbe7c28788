# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of files with their positions, for messages that name a file and a line."""

from __future__ import annotations

import re
import typing as t

_QUOTED = re.compile(r"'([^']+)'")


class Located:
    """A value and its position in a file. The items of a dict or list are Located too.

    ``fault`` is the reason why there is no value, such as a template with an undefined variable, "" if there is none.
    """

    __slots__ = ("fault", "file", "line", "value")

    def __init__(self, value: t.Any, file: str, line: int, fault: str = "") -> None:
        self.value = value
        self.file = file
        self.line = line
        self.fault = fault

    @property
    def position(self) -> str:
        """The file and the line, as editors and compilers write them."""
        return f"{self.file}:{self.line}"

    def plain(self) -> t.Any:
        """Return the value without positions."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value

    def inside(self, prefix: str = "") -> t.Iterator[tuple[str, Located]]:
        """Yield the values inside a dict or list at any depth, with their paths as in messages."""
        if isinstance(self.value, dict):
            items = [(f"{prefix}.{key}" if prefix else str(key), item) for key, item in self.value.items()]
        elif isinstance(self.value, list):
            items = [(f"{prefix}[{index}]", item) for index, item in enumerate(self.value)]
        else:
            items = []
        for path, item in items:
            yield path, item
            yield from item.inside(path)


class Positions(t.Mapping[str, str]):
    """The positions of the objects of a task in files, by the path of their option, such as ``blueprints[3]``.

    It is empty for objects that are written in the task itself.
    """

    def __init__(self, objects: t.Mapping[str, Located] | None = None) -> None:
        self._objects = objects or {}

    def __getitem__(self, option_path: str) -> str:
        return self._objects[option_path].position

    def __iter__(self) -> t.Iterator[str]:
        return iter(self._objects)

    def __len__(self) -> int:
        return len(self._objects)

    def of_error(self, option_path: str, message: str) -> str:
        """Return the position of the value that an error about an object names, by its path or in quotes.

        If the value is missing, return that of the dict that lacks it. If the error names no value, return that of the
        object. Return "" if the object is not in a file.
        """
        found = self._objects.get(option_path)
        if found is None:
            return ""
        inside = list(found.inside())
        named = [
            (len(path), item)
            for path, item in inside
            if re.search(rf"(?<![\w.]){re.escape(path)}(?!\w)", message) and re.search(r"[.\[]", path)
        ]
        if named:
            return max(named, key=lambda each: each[0])[1].position
        quoted = set(_QUOTED.findall(message))
        texts = [(path, item) for path, item in inside if isinstance(item.value, str) and item.value in quoted]
        # The object names itself at the top, so another value is what the error is about.
        deep = [item for path, item in texts if re.search(r"[.\[]", path)] or [item for _path, item in texts]
        return (deep[0] if deep else found).position

    def located(self, option_path: str, message: str) -> str:
        """Return an error about an object, after its position if it has one."""
        position = self.of_error(option_path, message)
        return f"{position}: {message}" if position else message
