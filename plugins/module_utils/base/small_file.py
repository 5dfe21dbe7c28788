# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local files that are read as a whole."""

from __future__ import annotations

from pathlib import Path

from .errors import InvalidParameter

_MAX_BYTES = 1024 * 1024
_VAULT = b"$ANSIBLE_VAULT;"


def read_small_file(path: Path) -> bytes:
    """Return the content of a file. Raise InvalidParameter if it cannot be read, is empty, or exceeds 1 MiB."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InvalidParameter(f"Cannot read the file '{path}': {error.strerror}.") from None
    if not data.strip():
        raise InvalidParameter(f"Cannot upload '{path}': the file is empty.")
    if data.startswith(_VAULT):
        raise InvalidParameter(f"Cannot upload '{path}': the file is encrypted with Ansible Vault. Decrypt it first.")
    if len(data) > _MAX_BYTES:
        raise InvalidParameter(f"Cannot upload '{path}': the file exceeds 1 MiB, so it is another file.")
    return data
