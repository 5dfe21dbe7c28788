# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local files, and how they compare with content files."""

from __future__ import annotations

import math
import typing as t
import unicodedata
from pathlib import Path

from ..base.checksums import is_file_of
from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..model.unknowns import KnownAfterApply


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
    unfit = any(each in '/\\"' or unicodedata.category(each) == "Cc" for each in name)
    return "contains a slash, a quote or a control character" if unfit else ""


def files_below(directory: Path) -> list[Path]:
    """Return the files of a directory tree without hidden ones. Raise InvalidParameter if two have the same name."""
    found: dict[str, Path] = {}
    for path in sorted(directory.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
        if hidden or not path.is_file():
            continue
        if path.name in found:
            raise InvalidParameter(
                f"The files '{found[path.name]}' and '{path}' have the same name. Upload them one by one, each with"
                " its own name."
            )
        found[path.name] = path
    return list(found.values())


def size_in_bytes(size: t.Any) -> int | None:
    """Return a size as a number. The API has it as text."""
    return int(size) if str(size).isdecimal() else None


def has_bytes_of(row: Row, file: Path) -> bool:
    """Return whether a content file has the size and checksum of a file, as far as Esper returns them."""
    return is_file_of(file, size_in_bytes(row.get("size")), row.get("hash"))


def is_same_file(one: Row, other: Row) -> bool:
    """Return whether two content files have the same size and checksum. Missing values are never the same."""
    size, checksum = size_in_bytes(one.get("size")), one.get("hash")
    return bool(size and checksum) and (size, checksum) == (size_in_bytes(other.get("size")), other.get("hash"))


def upload_order(row: Row) -> float:
    """Return the key that sorts content files by the time of the upload: IDs ascend, planned uploads are the last."""
    return math.inf if isinstance(row["id"], KnownAfterApply) else int(row["id"])
