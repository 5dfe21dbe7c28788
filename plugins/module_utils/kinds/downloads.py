# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads of files to the machine where a module runs, for the option ``dest`` of _info modules."""

from __future__ import annotations

import contextlib
import filecmp
import os
import stat
import typing as t
import uuid
from dataclasses import replace
from pathlib import Path

from ..base.errors import InvalidParameter
from ..base.row import Row
from ..base.text import counted
from ..http.client import Client
from ..http.download import Download
from ..model.kind import Kind
from ..model.module_spec import Option, Support, Value
from .content_file import flaw_of_name


def dest_option(titles: str, title: str, check: str) -> Option:
    """Return the option ``dest``. ``titles`` and ``title`` are the objects in a sentence, ``check`` is the sentence
    about the files that are not downloaded again."""
    return Option(
        "dest",
        (
            f"Path to download the {titles} to, on the machine where the module runs.",
            f"If the path is an existing directory or ends with a slash, each {title} is stored in it by its name."
            f" Otherwise, it is the path of the file to write, and exactly one {title} must match.",
            "The module creates missing directories.",
            check,
        ),
        type="path",
    )


def with_downloads(kind: Kind, titles: str, sample: str) -> Kind:
    """Return a kind whose _info module downloads files to ``dest``. ``titles`` are the files in a sentence."""
    if kind.info_module is None:
        return kind
    files = Value(
        "files",
        f"Paths of the {titles} in O(dest), in the same order, including those that were not downloaded again.",
        type="list",
        elements="str",
        returned="if O(dest) is set",
        sample=[sample],
    )
    info_module = replace(
        kind.info_module,
        returns=(*kind.info_module.returns, files),
        check_mode=Support("full", "Reads only, and predicts whether O(dest) changes."),
        platform="Where the module runs. It uses the API over HTTPS and writes only to O(dest).",
    )
    return replace(kind, info_module=info_module)


def destinations(kind: Kind, path: str, rows: list[Row], name_of: t.Callable[[Row], str]) -> dict[Path, Row]:
    """Return the destination of each object: the one file, or its name in the directory. The name is not trusted.

    Raise InvalidParameter if a name is invalid, or if two objects have the same destination.
    """
    dest = Path(path)
    if not dest.is_dir() and not path.endswith("/"):
        if len(rows) != 1:
            raise InvalidParameter(
                f"Cannot download to the file '{dest}': {counted(len(rows), kind.title)} match, not one. Select one"
                f" {kind.title}, or set dest to a directory. The path of a new directory ends with a slash."
            )
        return {dest: rows[0]}
    found: dict[Path, Row] = {}
    for row in rows:
        name = name_of(row)
        file = dest / name
        if flaw_of_name(name):
            raise InvalidParameter(
                f"Invalid file name '{name}' of the {kind.title} {row['id']}. Set dest to the path of a file."
            )
        if file in found:
            raise InvalidParameter(
                f"The {kind.titles} {found[file]['id']} and {row['id']} have the same name '{name}'."
                " Download them by ID."
            )
        found[file] = row
    return found


def save(
    client: Client,
    download: Download,
    file: Path,
    check: t.Callable[[Path], None] = lambda _partial: None,
    *,
    new_mode: int = 0o666,
) -> bool:
    """Write the bytes of a download to a file, which never holds only a part of them and keeps its mode. A file with
    the same bytes is not replaced. Return whether the file changed.

    ``check`` raises an error if the downloaded file is not valid. The umask applies to ``new_mode``, the mode of a new
    file. Raise InvalidParameter if the file cannot be written.
    """
    partial = file.with_name(f".{uuid.uuid4().hex}.part")
    try:
        if not file.parent.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else None
        # The umask only applies to the mode of a new file. Nobody else reads the file before it has its mode.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, new_mode if mode is None else 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            client.download(download, handle)
        check(partial)
        if mode is not None and filecmp.cmp(partial, file, shallow=False):
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
