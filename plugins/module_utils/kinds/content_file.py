# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local files, and their comparison with content files."""

from __future__ import annotations

import math
import typing as t
import unicodedata
from pathlib import Path

from ..base.checksums import matches_file
from ..base.errors import InvalidParameter
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


def files_below(directory: Path) -> list[Path]:
    """Return the files of a directory tree without hidden ones. Raise InvalidParameter if two have the same name."""
    by_name: dict[str, Path] = {}
    for path in sorted(directory.rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
        if is_hidden or not path.is_file():
            continue
        if path.name in by_name:
            raise InvalidParameter(
                f"The files '{by_name[path.name]}' and '{path}' have the same name. Upload them one by one, each with"
                " its own name."
            )
        by_name[path.name] = path
    return list(by_name.values())


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
