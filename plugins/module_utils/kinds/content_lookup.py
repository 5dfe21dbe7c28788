# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup of content files by name, and by their bytes if several have the same name.

The list has no filter by name, so all of it is read.
"""

from __future__ import annotations

import stat
from pathlib import Path

from ..base.errors import InvalidParameter, NotFound
from ..base.row import Params, Row
from ..base.text import composed, listed
from ..engine.lookup import Lookup
from .blueprint_usage import Usage, usage_of
from .content_file import (
    files_below,
    has_bytes_of,
    is_replaced,
    is_same_file,
    name_in,
    not_replaced,
    source_of,
    upload_order,
)

# The maximum number of skipped entries in a warning.
_MAX_NAMED = 10


class ContentLookup(Lookup):
    """Finds content files, and the blueprints that use them."""

    def expand(self, params: Params) -> list[Params] | None:
        """Return the parameters of each file if ``src`` is a directory. Raise InvalidParameter."""
        if params.get("src") is None:
            return None
        source = Path(params["src"])
        try:
            mode = source.stat().st_mode
        except OSError as error:
            raise InvalidParameter(f"Cannot read '{source}': {error.strerror}.") from None
        if not stat.S_ISDIR(mode):
            if not stat.S_ISREG(mode):
                raise InvalidParameter(f"'{source}' is neither a file nor a directory. Correct src.")
            return None
        if params.get("id") is not None or params.get("name") is not None:
            raise InvalidParameter(f"'{source}' is a directory, and its files keep their names. Omit id and name.")
        tree = files_below(source, are_read=source_of(params) is not None)
        if tree.errors:
            raise InvalidParameter(
                f"Invalid files in the directory '{source}': {'; '.join(tree.errors)}. Correct them, or upload the"
                " other files one by one."
            )
        if not tree.files:
            self.view.warn(f"The directory '{source}' contains no files, so it has no effect.")
        if tree.skipped:
            self.view.warn(
                f"The directory '{source}' contains entries that are skipped: {listed(tree.skipped, _MAX_NAMED)}."
            )
        return [{**params, "src": str(file)} for file in tree.files]

    def task_key(self, params: Params) -> str:
        """Return the name of the content file, or its ID if the options have no name and no file."""
        return name_in(params) or str(params["id"])

    # --- finding ------------------------------------------------------------------------------------------------------

    def find(self, params: Params) -> Row | None:
        """Return the content file that the options of a task address, or None. Raise Ambiguous or InvalidParameter."""
        source, name = source_of(params), name_in(params)
        if params.get("name") is not None and not params["name"].strip():
            raise InvalidParameter("name must not be empty.")
        if params.get("id") is not None:
            row, replacement = self.find_by_id(str(params["id"])), None
            if source is not None and (row is None or is_replaced(row)):
                # After a replacement, the content file has another ID, which is higher.
                rows = self.with_bytes(name, source)
                replacement = next((each for each in rows if upload_order(each) > params["id"]), None)
            if row is not None and replacement is None:
                self._check_name(row, params)
            return replacement or row
        rows = not_replaced(self.find_by_name(name))
        if len(rows) > 1 and source is not None:
            rows = [row for row in self.with_bytes(name, source) if not is_replaced(row)][:1] or rows
        checksum = str(params.get("checksum") or "").lower()
        if len(rows) > 1 and checksum:
            rows = (
                sorted((row for row in rows if str(row.get("hash")).lower() == checksum), key=upload_order)[:1] or rows
            )
        return self.one_or_none(rows, name)

    def find_by_name(self, name: str) -> list[Row]:
        """Return all content files with exactly a name, whitespace included."""
        rows = self.view.candidates_by_name(self.kind, name) if name.strip() else []
        return [row for row in rows if composed(str(row.get("name"))) == composed(name)]

    def resolve(self, name: str, *, advice: str = "Set file_id instead.", user: str = "a blueprint") -> Row:
        """Return the content file that a blueprint or another ``user`` names. If several are the same file, return the
        oldest: two concurrent uploads of a file create it twice. Raise NotFound, or Ambiguous if they differ."""
        rows = not_replaced(self.find_by_name(name))
        if len(rows) > 1 and all(is_same_file(rows[0], row) for row in rows):
            return min(rows, key=upload_order)
        row = self.one_or_none(rows, name, advice)
        if row is None:
            raise NotFound(self.kind.title, name, self.names(), f"Upload it before you add it to {user}.")
        return row

    def names(self) -> list[str]:
        """Return the names of all content files."""
        return [self.kind.name_of(row) for row in self.view.list_objects(self.kind)]

    def with_bytes(self, name: str, source: Path) -> list[Row]:
        """Return the content files with a name and the bytes of a file, the oldest first."""
        return sorted((row for row in self.find_by_name(name) if has_bytes_of(row, source)), key=upload_order)

    def replaced_by(self, row: Row, params: Params) -> list[Row]:
        """Return the content files that an interrupted task has replaced and not deleted, the oldest first: the one
        with the ID in the options, or else older ones with the same name."""
        if params.get("id") is None:
            rows = self.find_by_name(self.kind.name_of(row))
        elif str(row["id"]) == str(params["id"]):
            rows = []
        else:
            # The list was read to find the replacement.
            rows = [each for each in self.view.list_objects(self.kind) if str(each["id"]) == str(params["id"])]
        replaced = [each for each in rows if is_replaced(each) and upload_order(each) < upload_order(row)]
        return sorted(replaced, key=upload_order)

    def older_copies(self, row: Row) -> list[Row]:
        """Return the content files with the same name and certainly the same bytes that are older, the oldest first."""
        older = [
            candidate
            for candidate in self.find_by_name(self.kind.name_of(row))
            if upload_order(candidate) < upload_order(row)
        ]
        return sorted((candidate for candidate in older if is_same_file(candidate, row)), key=upload_order)

    def _check_name(self, row: Row, params: Params) -> None:
        """Raise InvalidParameter if the options name another content file than the one with their ID."""
        source, name, current_name = source_of(params), name_in(params), self.kind.name_of(row)
        if composed(name) in ("", composed(current_name)):
            return
        owner = ""
        if source is not None:
            # A replacement can have a new name, but not that of another file. One with the same bytes can be its own.
            others = [
                candidate
                for candidate in self.find_by_name(name)
                if not is_replaced(candidate) and not has_bytes_of(candidate, source)
            ]
            if not others:
                return
            owner = f", which is the name of the {self.kind.title} with ID {others[0]['id']}"
        elif params.get("state") != "absent":
            # An update reports that it cannot rename.
            return
        raise InvalidParameter(
            f"The {self.kind.title} with ID {row['id']} has the name '{current_name}', not '{name}'{owner}."
            " Correct the ID or the name."
        )

    # --- usage --------------------------------------------------------------------------------------------------------

    def usage(self, row: Row) -> Usage:
        """Return the usage of a content file: ``settings.*.files[].file_id`` (v2.yaml), a text or a number.

        No filter of the API covers all platforms, so the list of all blueprints is read.
        """
        return usage_of(self.view, row["id"], ["files.file_id"], {})
