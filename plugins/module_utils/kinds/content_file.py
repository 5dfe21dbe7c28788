# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local files, and their comparison with content files."""

from __future__ import annotations

import errno
import math
import os
import stat
import typing as t
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from ..base.checksums import matches_file
from ..base.row import Params, Row
from ..model.unknowns import KnownAfterApply

REPLACED = "esper.cloud:replaced"
"""The tag of a content file from the start of its replacement until its deletion."""


def source_of(params: Params) -> Path | None:
    """Return the file to upload, None for a deletion."""
    return None if params.get("src") is None or params.get("state") == "absent" else Path(params["src"])


def name_in(params: Params) -> str:
    """Return the name in the options, or else that of the file; "" if only an ID is set."""
    return str(params.get("name") or (Path(params["src"]).name if params.get("src") else ""))


def flaw_of_name(name: str) -> str:
    """Return why a name is not valid for a file, "" if it is. Servers remove paths, rewrite quotes, and fail on control
    characters in a header."""
    if name != name.strip() or name in ("", ".", ".."):
        return "is not a valid file name"
    unfit = any(character in '/\\"' or unicodedata.category(character) == "Cc" for character in name)
    return "contains a slash, a quote or a control character" if unfit else ""


@dataclass
class Tree:
    """The files of a directory tree without hidden ones. ``skipped`` and ``errors`` are parts of sentences about files
    and directories that do not count, and about invalid ones."""

    files: list[Path] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def files_below(directory: Path, *, are_read: bool) -> Tree:
    """Return the files of a directory tree. ``are_read`` is whether the files must be readable and not empty."""
    tree = Tree()

    def add_error(error: OSError) -> None:
        tree.errors.append(f"the directory {str(error.filename)!r} cannot be read ({error.strerror})")

    for root, directories, names in os.walk(directory, onerror=add_error):
        if not directories and not names and Path(root) != directory:
            tree.skipped.append(f"{root!r} is empty")
        directories[:] = [name for name in directories if not name.startswith(".")]
        for path in (Path(root, name) for name in directories):
            if path.is_symlink():
                tree.skipped.append(f"{str(path)!r} is a link to a directory")
        for path in (Path(root, name) for name in names if not name.startswith(".")):
            if reason := _reason_to_skip(path, are_read=are_read):
                tree.skipped.append(f"{str(path)!r} {reason}")
            else:
                tree.files.append(path)
    tree.files.sort()
    by_name: dict[str, Path] = {}
    for path in tree.files:
        other = by_name.setdefault(path.name, path)
        if other is not path:
            tree.errors.append(f"{str(other)!r} and {str(path)!r} have the same name")
        if flaw := flaw_of_name(path.name):
            tree.errors.append(f"the name of {str(path)!r} {flaw}")
        if are_read and (error := _read_error(path)):
            tree.errors.append(f"the file {str(path)!r} cannot be read ({error})")
    return tree


def _reason_to_skip(path: Path, *, are_read: bool) -> str:
    """Return why an entry of a directory does not count, "" if it does."""
    try:
        status = path.stat()
    except OSError as error:
        # Other errors are found when the file is read.
        return "is a link that leads nowhere" if error.errno in (errno.ENOENT, errno.ELOOP) else ""
    if not stat.S_ISREG(status.st_mode):
        return "is not a file"
    return "is empty" if are_read and not status.st_size else ""


def _read_error(path: Path) -> str:
    try:
        path.open("rb").close()
    except OSError as error:
        return str(error.strerror)
    return ""


def size_in_bytes(size: t.Any) -> int | None:
    """Return a size as a number. The API has it as text."""
    return int(size) if str(size).isdecimal() else None


def has_bytes_of(row: Row, file: Path) -> bool:
    """Return whether a content file has the size and checksum of a file, without those that Esper does not return."""
    return matches_file(file, size_in_bytes(row.get("size")), row.get("hash"))


def is_same_file(one: Row, other: Row) -> bool:
    """Return whether two content files have the same size and checksum. Missing values are never the same."""
    size, checksum = size_in_bytes(one.get("size")), one.get("hash")
    return bool(size and checksum) and (size, checksum) == (size_in_bytes(other.get("size")), other.get("hash"))


def is_replaced(row: Row) -> bool:
    """Return whether the replacement of a content file was started and not completed."""
    return REPLACED in (row.get("tags") or ())


def without_mark(row: Row) -> Row:
    """Return a content file without the tag REPLACED."""
    return {**row, "tags": [tag for tag in row["tags"] if tag != REPLACED]} if is_replaced(row) else row


def not_replaced(rows: list[Row]) -> list[Row]:
    """Return the content files whose replacement was not started. If it was for all, return the newest of them."""
    return [row for row in rows if not is_replaced(row)] or sorted(rows, key=upload_order)[-1:]


def upload_order(row: Row) -> float:
    """Return the key that sorts content files by the time of the upload: IDs ascend, planned uploads are the last."""
    return math.inf if isinstance(row["id"], KnownAfterApply) else int(row["id"])
