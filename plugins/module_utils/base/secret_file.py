# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files for secrets that Esper returns once."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path

from .errors import InvalidParameter


class SecretFile:
    """A file that holds one secret, which only the owner of the file can read.

    A task calls prepare() before it sends the request that returns the secret, so an invalid path cannot lose it.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._partial: Path | None = None

    def starts_with(self, text: str) -> bool:
        """Return whether the file has a secret that starts with a text. Raise InvalidParameter if it is unreadable."""
        try:
            content = self.path.read_bytes().strip()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise InvalidParameter(f"Cannot read '{self.path}': {error.strerror}.") from None
        return bool(content) and content.startswith(text.encode())

    def prepare(self) -> None:
        """Create an empty file next to the file. Raise InvalidParameter if that fails."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.is_dir():
                raise InvalidParameter(f"Cannot write '{self.path}': it is a directory.")
            self._partial = self.path.with_name(f".{uuid.uuid4().hex}.part")
            os.close(os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise InvalidParameter(f"Cannot write '{self.path}': {error.strerror}.") from None

    def write(self, secret: str | bytes) -> None:
        """Replace the file by one with the secret. Raise InvalidParameter if that fails."""
        partial = self._partial
        if partial is None:
            raise TypeError("The file is not prepared.")
        try:
            with partial.open("wb") as handle:
                handle.write(secret.encode() if isinstance(secret, str) else secret)
                handle.flush()
                os.fsync(handle.fileno())
            partial.replace(self.path)
        except OSError as error:
            raise InvalidParameter(f"Cannot write '{self.path}': {error.strerror}.") from None

    def discard(self) -> None:
        """Delete what prepare() created and write() did not use."""
        if self._partial is not None:
            with contextlib.suppress(OSError):
                self._partial.unlink()
