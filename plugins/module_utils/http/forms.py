# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in a request: multipart/form-data that is sent as it is read, so that a file of any size costs no memory."""

from __future__ import annotations

import os
import typing as t
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..base.errors import InvalidParameter

Watch = t.Callable[[int, int], None]

_PIECE = 256 * 1024


@dataclass(frozen=True)
class Form:
    """Fields and files of a form, by the names that the API gives them; the files are on this machine. ``names`` are
    the file names that are sent, where they are not those of the files.

    Raises InvalidParameter, when it is made, for a file that cannot be read.
    """

    fields: t.Mapping[str, str] = field(default_factory=dict)
    files: t.Mapping[str, Path] = field(default_factory=dict)
    names: t.Mapping[str, str] = field(default_factory=dict)
    boundary: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        for path in self.files.values():
            if not path.is_file() or not os.access(path, os.R_OK):
                raise InvalidParameter(f"There is no file '{path}' that can be read.")

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self.boundary}"

    def stream(self, watch: Watch | None = None) -> _Stream:
        """The body, from its start. Each attempt to send it needs one of its own. ``watch`` is told of each piece that
        was taken, by the bytes so far and those of the whole; what it raises ends the sending."""
        parts = [_Part(_head(self.boundary, name), value.encode()) for name, value in self.fields.items()]
        parts += [
            _Part(_head(self.boundary, name, self.names.get(name, path.name)), path=path)
            for name, path in self.files.items()
        ]
        return _Stream(parts, f"--{self.boundary}--\r\n".encode(), watch)


@dataclass(frozen=True)
class _Part:
    head: bytes
    value: bytes = b""
    path: Path | None = None

    def __len__(self) -> int:
        return len(self.head) + (self.path.stat().st_size if self.path else len(self.value)) + len(b"\r\n")

    def __iter__(self) -> Iterator[bytes]:
        yield self.head
        if self.path:
            with self.path.open("rb") as file:
                while piece := file.read(_PIECE):
                    yield piece
        else:
            yield self.value
        yield b"\r\n"


class _Stream:
    """What the HTTP library sends piece by piece. It has a length, since the service wants to know it beforehand."""

    def __init__(self, parts: list[_Part], end: bytes, watch: Watch | None) -> None:
        self._parts = parts
        self._end = end
        self._watch = watch

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts) + len(self._end)

    def __iter__(self) -> Iterator[bytes]:
        taken, whole = 0, len(self)
        for piece in self._pieces():
            yield piece
            taken += len(piece)
            if self._watch:
                self._watch(taken, whole)

    def _pieces(self) -> Iterator[bytes]:
        for part in self._parts:
            yield from part
        yield self._end


def _head(boundary: str, name: str, file_name: str = "") -> bytes:
    disposition = f'form-data; name="{_escaped(name)}"'
    kind = ""
    if file_name:
        disposition += f'; filename="{_escaped(file_name)}"'
        kind = "\r\nContent-Type: application/octet-stream"
    return f"--{boundary}\r\nContent-Disposition: {disposition}{kind}\r\n\r\n".encode()


def _escaped(name: str) -> str:
    # As browsers do; a name may hold what ends a header.
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
