# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of an export on disk: comparison with those that exist, writing, and deletion of those of earlier exports.

A file that no export wrote is neither replaced nor deleted. It has no marker in its first line.
"""

from __future__ import annotations

import contextlib
import os
import typing as t
import uuid
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import InvalidParameter
from .writer import MARKER, SUFFIX, TreeFile

_MODE = 0o600


@dataclass(frozen=True)
class FileChange:
    """A change of a file of a tree. ``before`` and ``after`` are its texts, None if it does not exist."""

    path: str
    before: str | None
    after: str | None

    @property
    def action(self) -> str:
        """The effect of the change: created, updated or deleted."""
        return "deleted" if self.after is None else "created" if self.before is None else "updated"


def file_changes(tree: Path, files: t.Iterable[TreeFile], options: t.Iterable[str]) -> list[FileChange]:
    """Return what must change so that a directory has the files of an export, sorted by path. Files of an earlier
    export are deleted below the ``options`` that the export has read.

    Raise InvalidParameter if a file cannot be read, or if it exists and is not that of an export.
    """
    desired = {file.path: file.text for file in files}
    changes = []
    for path, text in desired.items():
        before = _read(tree / path)
        if before is not None and not _is_exported(path, before):
            raise InvalidParameter(
                f"Cannot write '{tree / path}': tenant_export did not write this file. Move it, or export to another"
                " directory."
            )
        if before != text:
            changes.append(FileChange(path, before, text))
    for path in _existing(tree, options):
        if path not in desired:
            before = _read(tree / path)
            if before is not None and _is_exported(path, before):
                changes.append(FileChange(path, before, None))
    return sorted(changes, key=lambda change: change.path)


def _is_exported(path: str, text: str) -> bool:
    """Return whether an export wrote a file. The schemas, which are JSON, have no comments."""
    return not path.endswith(SUFFIX) or text.partition("\n")[0].rstrip("\r") == MARKER


def _existing(tree: Path, options: t.Iterable[str]) -> list[str]:
    """Return the paths of the YAML files of some options."""
    found = []
    for option in options:
        found += [f"{option}{SUFFIX}"] if (tree / f"{option}{SUFFIX}").is_file() else []
        folder = tree / option
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found += [f"{option}/{file.name}" for file in folder.iterdir() if file.name.endswith(SUFFIX)]
    return found


def _read(file: Path) -> str | None:
    try:
        return file.read_bytes().decode("utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidParameter(f"Cannot read '{file}': {error.strerror}.") from None


def apply_changes(tree: Path, changes: t.Iterable[FileChange]) -> None:
    """Write and delete files, which only their owner can read. Each file is replaced as a whole. Raise InvalidParameter
    if that fails."""
    for change in changes:
        file = tree / change.path
        try:
            if change.after is None:
                file.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    # Only an empty directory is deleted.
                    file.parent.rmdir()
            else:
                _replace(file, change.after)
        except OSError as error:
            raise InvalidParameter(f"Cannot write '{file}': {error.strerror}.") from None


def _replace(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb") as handle:
            handle.write(text.encode("utf-8", errors="surrogateescape"))
        partial.replace(file)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
