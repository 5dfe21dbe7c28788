# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparison of local files with the size and checksum that Esper returns, or with the bytes of a download."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from .errors import InvalidParameter

_CHUNK_BYTES = 1024 * 1024
# The contract does not name the algorithm. The number of hexadecimal digits identifies it.
_ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}


def algorithm_of(checksum: str) -> str | None:
    """Return the algorithm of a checksum, None if it is unknown."""
    return _ALGORITHMS.get(len(checksum)) if re.fullmatch("[0-9a-fA-F]+", checksum) else None


def size_of(path: Path) -> int:
    """Return the size of a file in bytes. Raise InvalidParameter if it cannot be read."""
    try:
        return path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from None


def check_upload(path: Path) -> None:
    """Raise InvalidParameter if a file to upload cannot be read or is empty."""
    if not size_of(path):
        raise InvalidParameter(f"Cannot upload '{path}': the file is empty.")


def checksum_like(known: str | None, path: Path) -> str | None:
    """Return the checksum of a file, with the algorithm of a known checksum. Return None if that algorithm is unknown.

    Raise InvalidParameter if it cannot be read.
    """
    algorithm = algorithm_of(known) if known else None
    return None if algorithm is None else _checksum(algorithm, path)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 checksum of a file. Raise InvalidParameter if it cannot be read."""
    return _checksum("sha256", path)


class Sha256Sink:
    """The SHA-256 checksum of what is written to it. It can only be written from its start."""

    def __init__(self) -> None:
        self.truncate()

    def seek(self, _offset: int) -> int:
        """Do nothing: truncate() follows."""
        return 0

    def truncate(self) -> int:
        """Start again."""
        self._digest = hashlib.sha256(usedforsecurity=False)
        return 0

    def write(self, chunk: bytes) -> int:
        """Add a chunk."""
        self._digest.update(chunk)
        return len(chunk)

    @property
    def checksum(self) -> str:
        """The checksum in hexadecimal."""
        return self._digest.hexdigest()


def _checksum(algorithm: str, path: Path) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise _unreadable(path, error) from None
    return digest.hexdigest()


def matches_file(path: Path, size: int | None, known: str | None) -> bool:
    """Return whether a file has a size and a checksum. None, and a checksum of an unknown algorithm, are not compared.

    Raise InvalidParameter if the file cannot be read.
    """
    if size is not None and size_of(path) != size:
        return False
    checksum = checksum_like(known, path)
    return checksum is None or checksum == str(known).lower()


def _unreadable(path: Path, error: OSError) -> InvalidParameter:
    return InvalidParameter(f"Cannot read the file '{path}': {error.strerror}.")
