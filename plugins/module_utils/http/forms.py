# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in a request: multipart/form-data that is read in chunks, so that a file of any size needs little memory."""

from __future__ import annotations

import os
import typing as t
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..base.errors import InvalidParameter

Watch = t.Callable[[int, int], None]

_CHUNK = 256 * 1024


@dataclass(frozen=True)
class Form:
    """Fields and local files of a form, by their names in the API. ``names`` are the file names to send, if they differ
    from those of the files. Values of fields can be texts, numbers and booleans, which are sent as true and false.

    The constructor raises InvalidParameter if a file cannot be read, or if a text is not valid Unicode.
    """

    fields: t.Mapping[str, str | float | bool] = field(default_factory=dict)
    files: t.Mapping[str, Path] = field(default_factory=dict)
    names: t.Mapping[str, str] = field(default_factory=dict)
    boundary: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        try:
            texts = (*self.fields, *map(_text, self.fields.values()), *self.files, *map(self._sent_name, self.files))
            "".join(texts).encode()
        except UnicodeEncodeError:
            raise InvalidParameter("The form or a file name has characters that are not valid Unicode.") from None
        for path in self.files.values():
            if not path.is_file() or not os.access(path, os.R_OK):
                raise InvalidParameter(f"The file '{path}' does not exist or cannot be read.")

    def _sent_name(self, name: str) -> str:
        return self.names.get(name, self.files[name].name)

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self.boundary}"

    def stream(self, watch: Watch | None = None) -> _Stream:
        """Return the body, from its start. Each attempt needs a new one. ``watch`` is called after each chunk, with the
        number of bytes so far and the total. An error that it raises stops the request."""
        parts = [_Part(_head(self.boundary, name), _text(value).encode()) for name, value in self.fields.items()]
        parts += [
            _Part(_head(self.boundary, name, self._sent_name(name)), path=path) for name, path in self.files.items()
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
                while chunk := file.read(_CHUNK):
                    yield chunk
        else:
            yield self.value
        yield b"\r\n"


class _Stream:
    """The body that the HTTP library sends in chunks. It has a length, which Esper requires beforehand."""

    def __init__(self, parts: list[_Part], end: bytes, watch: Watch | None) -> None:
        self._parts = parts
        self._end = end
        self._watch = watch

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts) + len(self._end)

    def __iter__(self) -> Iterator[bytes]:
        sent, total = 0, len(self)
        for chunk in self._chunks():
            yield chunk
            sent += len(chunk)
            if self._watch:
                self._watch(sent, total)

    def _chunks(self) -> Iterator[bytes]:
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


def _text(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _escaped(name: str) -> str:
    # Like browsers: a name can contain characters that end a header.
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
