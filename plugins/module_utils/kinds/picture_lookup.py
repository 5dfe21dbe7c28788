# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup of pictures by file name and bytes, because Esper returns neither a name nor a checksum.

Candidates are the pictures whose other properties match. If one of them has the name of the file and its bytes, it is
the picture. If it has the name and other bytes, it is an earlier version of the picture. If none has the name, the
bytes of all are compared, because Esper could have renamed the picture. Each picture is downloaded once for a task.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

from ..base.checksums import algorithm_of, sha256_of
from ..base.errors import EsperError, InvalidParameter, NotFound
from ..base.ids import is_uuid
from ..base.row import Params, Row
from ..engine.lookup import Lookup
from ..http.parallel import CONCURRENCY, in_parallel
from ..model.api_paths import read_field
from ..model.unknowns import KnownAfterApply
from .content_file import name_in
from .file_checksum import checksum_in
from .linked_file import has_name
from .picture import PictureKind

if t.TYPE_CHECKING:
    from ..engine.tenant_view import TenantView


class PictureLookup(Lookup):
    """Finds pictures."""

    kind: PictureKind

    def __init__(self, view: TenantView, kind: PictureKind) -> None:
        super().__init__(view, kind)

    def task_key(self, params: Params) -> str:
        """Return the name of the picture with the properties that identify it, or its ID."""
        scope = [str(params[name]).strip() for name in self.kind.scope if params.get(name) is not None]
        name = self.name_in(params)
        if self.kind.has_file_name and name:
            return f"{name} ({', '.join(scope)})" if scope else name
        return ", ".join(scope) if params.get("id") is None else str(params["id"])

    def key_of(self, row: Row) -> str:
        fields = [field for field in self.kind.fields if field.name in self.kind.scope]
        scope = {field.name: field.from_api(read_field(field, row)) for field in fields}
        name = self.kind.name_of(row) if self.kind.has_file_name else None
        identifier = None if any(scope.values()) else row.get(self.kind.id_key)
        return self.task_key({"id": identifier, **scope, "name": name or scope.get("name")})

    def phrase(self, params: Params) -> str:
        name = self.name_in(params) if self.kind.has_file_name else ""
        return f"{self.kind.title} '{name or self.task_key(params)}'"

    def name_in(self, params: Params) -> str:
        """Return the file name in the options, or else that of the file, "" if a task has neither."""
        return name_in(params)

    # --- finding ------------------------------------------------------------------------------------------------------

    def find(self, params: Params) -> Row | None:
        """Return the picture that the options of a task select, or None. Raise Ambiguous if several match."""
        wanted = wanted_checksum(params)
        if params.get("id") is not None:
            row = self.find_by_id(str(params["id"]))
            if row is None and wanted and params.get("state") != "absent":
                # A replacement has another ID.
                return self._oldest(self.with_bytes(self.candidates(params), wanted))
            return row
        rows = self.candidates(params)
        named = self.named(rows, params)
        others = [row for row in rows if row not in named]
        if wanted:
            # Without one that has the name, Esper could have renamed the picture.
            same = self.with_bytes(named, wanted) or (self.with_bytes(others, wanted) if not named else [])
            if len(same) == 1 or (same and params.get("state") != "absent"):
                return self._oldest(same)
        found = self.one_or_none(named, self.task_key(params))
        # A name can also be an ID.
        name = str(params.get("name") or "").strip()
        return self.find_by_id(name) if found is None and is_uuid(name) else found

    def find_by_name(self, name: str) -> list[Row]:
        """Return all pictures with a file name, with or without a suffix that Esper can have added."""
        if not self.kind.has_file_name:
            return super().find_by_name(name)
        return [row for row in self.view.all_as_planned(self.kind) if has_name(self.link_of(row), name)]

    def resolve(self, name: str) -> Row:
        row = self.find_by_id(name.strip()) if is_uuid(name.strip()) else None
        row = row or self.one_or_none([each for each in self.find_by_name(name) if self.kind.is_own(each)], name)
        if row is None:
            raise NotFound(self.kind.title, name, self.names())
        return row

    def names_of(self, ids: t.Collection[str]) -> dict[str, str]:
        # Several pictures can have the same name. Then it does not say which one an ID refers to.
        names = super().names_of(ids)
        return {each: name for each, name in names.items() if len(self.find_by_name(name)) == 1}

    def one_or_none(self, rows: list[Row], name: str, advice: str = "") -> Row | None:
        # The task can select by bytes or by another property, too.
        selectors = [*self.kind.scope, "src"] if self.kind.has_file_name else ["src"]
        return super().one_or_none(rows, name, advice or f"Use the ID, or also set {' or '.join(selectors)}.")

    def names(self) -> list[str]:
        """Return the names of all pictures, for messages."""
        return [self.kind.name_of(row) for row in self.view.list_objects(self.kind) if self.kind.is_own(row)]

    def candidates(self, params: Params) -> list[Row]:
        """Return the pictures of the tenant that have the identifying properties of a task, except the name."""
        fields = [field for field in self.kind.fields if field.name in self.kind.scope]
        desired = {field.name: field.normalize_input(params.get(field.name)) for field in fields}
        named = self.kind.name_key in desired and desired[self.kind.name_key] is not None
        rows = super().find_by_name(desired[self.kind.name_key]) if named else self.view.all_as_planned(self.kind)
        # The name is compared by its Unicode form.
        fields = [field for field in fields if field.name != self.kind.name_key]
        return [
            row
            for row in rows
            if self.kind.is_own(row)
            and all(desired[field.name] in (None, field.from_api(read_field(field, row))) for field in fields)
        ]

    def named(self, rows: list[Row], params: Params) -> list[Row]:
        """Return the pictures in a list that have the name of a task, or all if names do not count."""
        name = self.name_in(params)
        if not self.kind.has_file_name:
            return rows
        return [row for row in rows if has_name(self.link_of(row), name)]

    # --- bytes --------------------------------------------------------------------------------------------------------

    def link_of(self, row: Row) -> t.Any:
        """Return the link to a picture, the file name of a planned one."""
        return row.get(self.kind.link_key)

    def with_bytes(self, rows: list[Row], wanted: str) -> list[Row]:
        """Return the pictures in a list whose bytes have a SHA-256 checksum."""
        # A planned picture has no bytes yet.
        existing = [row for row in rows if not isinstance(row[self.kind.id_key], KnownAfterApply)]

        def checksum_of(row: Row) -> str | EsperError:
            try:
                return self.checksum_of(row)
            except EsperError as error:
                # An exception in a thread would cancel the other requests of the task.
                return error

        several = len(existing) > 1
        found = (
            in_parallel(self.view.client, checksum_of, existing, CONCURRENCY) if several else map(checksum_of, existing)
        )
        checksums = list(found)
        for each in checksums:
            if isinstance(each, EsperError):
                raise each
        return [row for row, checksum in zip(existing, checksums, strict=True) if checksum == wanted]

    def checksum_of(self, row: Row) -> str:
        """Return the SHA-256 checksum of a picture, "" if Esper returns no link to it."""
        link = self.link_of(row)
        return self.view.checksum_at(str(link), purpose=f"Downloading the {self.kind.phrase(row)}") if link else ""

    def new_pictures(self, params: Params, earlier: t.Container[str]) -> list[Row]:
        """Return the pictures that an upload of a task, or of another client at the same time, has created, the oldest
        first. ``earlier`` are the IDs of the pictures before."""
        rows = [row for row in self.candidates(params) if str(row[self.kind.id_key]) not in earlier]
        wanted = wanted_checksum(params)
        named = self.named(rows, params)
        return sorted((wanted and self.with_bytes(rows, wanted)) or named, key=age)

    def _oldest(self, rows: list[Row]) -> Row | None:
        return min(rows, key=age, default=None)


def age(row: Row) -> tuple[str, str]:
    """Return the key that sorts pictures by the time of the upload, the same for all clients."""
    return str(row.get("created_on") or ""), str(row.get("id"))


def wanted_checksum(params: Params) -> str:
    """Return the SHA-256 checksum of the picture of a task, "" if bytes are not compared. Raise InvalidParameter if the
    file cannot be read, or if ``checksum`` is not valid."""
    source = _source_of(params)
    if source is None and not params.get("compare_content", True):
        return ""
    checksum = checksum_in(params)
    if checksum is not None and algorithm_of(checksum) != "sha256":
        raise InvalidParameter(f"Invalid checksum '{checksum}': it must be a SHA-256 checksum in hexadecimal.")
    return checksum or (sha256_of(source) if source is not None else "")


def _source_of(params: Params) -> Path | None:
    """Return the file whose bytes are compared, None if a task has none. A task that deletes the picture does not need
    the file."""
    if params.get("src") is None or not params.get("compare_content", True):
        return None
    source = Path(params["src"])
    return None if params.get("state") == "absent" and not source.is_file() else source
