# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single entries of ZIP archives from any source, in limited memory.

Installers read the same archives, so an archive that two readers can understand in different ways is rejected.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

from .errors import InvalidParameter

Reason = tuple[str, str]
"""Why a file cannot be used, and what to do instead."""

AGAIN = "Build or download it again"
_WEB_PAGE = "it is a web page", "Download it again with a link that leads to the file"
_DAMAGED = "it is truncated or damaged", AGAIN
_HEAD_BYTES = 1024

# The methods that installers support. Others can need a lot of time or memory.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
# zipfile keeps the whole directory in memory. The largest apps have directories of a few megabytes.
_MAX_DIRECTORY = 16 * 1024**2


class _LimitedFile(io.FileIO):
    """A file that is not read in larger parts than a directory can have, whatever its records state."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > _MAX_DIRECTORY:
            raise InvalidParameter("its directory is too large")
        return super().read(-1 if size is None else size) or b""


def names_in(path: Path, *, advice: str) -> list[str] | Reason:
    """Return the names of all entries of an archive, or why the file is not one. ``advice`` is what to do if it is
    another kind of file. Raise OSError if the file cannot be read."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        return "it is empty", AGAIN
    try:
        with _LimitedFile(path) as opened, zipfile.ZipFile(opened) as archive:
            return archive.namelist()
    except OSError:
        raise
    except InvalidParameter as error:
        return str(error), AGAIN
    except Exception:  # noqa: BLE001 - zipfile raises many types for invalid files
        if head.startswith(b"PK"):
            return _DAMAGED
        is_page = re.search(rb"<!doctype html|<html", head, re.IGNORECASE)
        return _WEB_PAGE if is_page else ("it is not a ZIP archive", advice)


def read_entry(path: Path, name: str, limit: int) -> bytes:
    """Return the bytes of an entry. Raise InvalidParameter with the reason if it is missing or larger than ``limit``,
    if its size is wrong, or if installers could read it in another way."""
    try:
        with _LimitedFile(path) as opened, zipfile.ZipFile(opened) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename == name]
            if not entries:
                raise InvalidParameter(f"it does not contain {name}")
            if len(entries) > 1:
                raise InvalidParameter(f"it contains {name} more than once")
            entry = entries[0]
            if entry.flag_bits & _ENCRYPTED:
                raise InvalidParameter(f"its {name} is encrypted")
            if entry.compress_type not in _METHODS:
                raise InvalidParameter(f"its {name} has an unknown compression method")
            with archive.open(entry) as file:
                # The size in the directory can be wrong, so it is no limit.
                data = file.read(limit + 1)
    except InvalidParameter:
        raise
    except Exception as error:  # noqa: BLE001 - zipfile raises many types for invalid files
        raise InvalidParameter(f"its {name} cannot be read ({type(error).__name__})") from None
    if max(len(data), entry.file_size) > limit:
        raise InvalidParameter(f"its {name} is too large")
    if len(data) != entry.file_size:
        raise InvalidParameter(f"its {name} has another size than the archive states")
    return data
