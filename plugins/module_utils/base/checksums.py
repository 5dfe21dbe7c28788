# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare files on this machine with the size and checksum that Esper returns."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from .errors import InvalidParameter

_PIECE = 1024 * 1024
# The contract does not name the algorithm, but the length of a checksum in hexadecimal determines it.
_ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256"}


def size_of(path: Path) -> int:
    """Return the size of a file in bytes. Raise InvalidParameter if it cannot be read."""
    try:
        return path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from None


def digest_like(known: str | None, path: Path) -> str | None:
    """Return the checksum of a file by the algorithm of a known one, None if the algorithm is unknown.

    The file is read in chunks. Raise InvalidParameter if it cannot be read.
    """
    algorithm = _ALGORITHMS.get(len(known)) if known and re.fullmatch("[0-9a-fA-F]+", known) else None
    if algorithm is None:
        return None
    digest = hashlib.new(algorithm, usedforsecurity=False)
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError as error:
        raise _unreadable(path, error) from None
    return digest.hexdigest()


def is_file_of(path: Path, size: int | None, known: str | None) -> bool:
    """Return whether a file has the size and checksum that Esper returns. Missing values, and checksums of an unknown
    algorithm, are not compared."""
    if size is not None and size_of(path) != size:
        return False
    digest = digest_like(known, path)
    return digest is None or digest == str(known).lower()


def _unreadable(path: Path, error: OSError) -> InvalidParameter:
    return InvalidParameter(f"Cannot read the file '{path}': {error.strerror}.")
