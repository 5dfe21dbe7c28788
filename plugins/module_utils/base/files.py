# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that modules write."""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t
import uuid
from pathlib import Path

from .errors import InvalidParameter


def write_file(file: Path, write: t.Callable[[t.BinaryIO], None], is_wanted: t.Callable[[Path], bool]) -> bool:
    """Write a file, which never holds only a part of its bytes and keeps its mode. Create missing directories.

    ``write`` writes the bytes to another file in the same directory. It becomes the file if ``is_wanted(path)`` returns
    true. Return whether it did. Raise what these functions raise, and InvalidParameter if the file cannot be written.
    """
    partial = file.with_name(f".{uuid.uuid4().hex}.part")
    try:
        if not file.parent.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else None
        # The umask only applies to the mode of a new file. Nobody else reads the file before it has its mode.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            write(handle)
        if not is_wanted(partial):
            return False
        if mode is not None:
            partial.chmod(mode)
        partial.replace(file)
    except OSError as error:
        raise InvalidParameter(f"Cannot write '{file}': {error.strerror}.") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
    return True
