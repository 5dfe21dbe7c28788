# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup of device groups by ID, path or name.

In the rows that a lookup returns, ``path`` is a GroupPath: the exact path once the task is applied. In the rows of the
API and of TenantView.list_objects() it is a text, in which a slash can separate names or be part of one.
"""

from __future__ import annotations

import typing as t

from ..base.errors import InvalidParameter, NotFound
from ..base.ids import is_uuid, last_uuid
from ..base.row import Params, Row
from ..base.text import composed, look_alike
from ..engine.lookup import Lookup
from ..model.kind import Kind
from ..model.unknowns import KnownAfterApply
from .group_path import ROOT, GroupPath, escape_name, is_path, is_root_name, join_path, split_names, split_path

# The key of all groups with their paths among the values that derive from the groups. The others are references.
_LOCATED = ("located",)


class DeviceGroupLookup(Lookup):
    """Finds device groups."""

    # --- the group that a task names ----------------------------------------------------------------------------------

    def task_key(self, params: Params) -> str:
        if params.get("id") is not None:
            return str(params["id"]).lower()
        names, parent = _parse_names(params), params.get("parent")
        if names is not None:
            return join_path(names)
        name = composed(str(params["name"])).strip()
        return f"{name} in {parent}" if parent else name

    def planned_depth(self, params: Params) -> int:
        names = _parse_names(params)
        # A group that is addressed by name only can be anywhere.
        return 1 if names is None else len(names)

    def tree_path(self, row: Row) -> tuple[str, ...]:
        return tuple(_path_in(row).names)

    # --- finding ------------------------------------------------------------------------------------------------------

    def find(self, params: Params) -> Row | None:
        for option in ("path", "parent", "new_path"):
            # A path that the state does not need can be wrong, too.
            if params.get(option) is not None:
                split_names(params[option])
        if params.get("id") is not None:
            return self.find_by_id(_validate_id(params["id"]))
        if params.get("path") is not None:
            names = split_path(params["path"])
            row = self.find_at(names, is_exact=_can_change(params))
            # The path can also be an ID.
            return self.find_by_id(names[0]) if row is None and len(names) == 1 and is_uuid(names[0]) else row
        try:
            return self._find_by_name_and_parent(params)
        except NotFound:
            # A group does not exist if its parent does not exist.
            if params.get("state") == "absent":
                return None
            raise

    def _find_by_name_and_parent(self, params: Params) -> Row | None:
        name, parent = validate_name(params["name"]), params.get("parent")
        if parent is not None and is_path(parent):
            return self.find_at([*split_path(parent), name], is_exact=_can_change(params))
        parent_row = None if parent is None else self.resolve(parent)
        rows = [row for row in self.find_by_name(name) if parent_row is None or parent_id_of(row) == parent_row["id"]]
        advice = "Set the parent, or use the path instead of the name."
        row = self.one_or_none(self._locate_all(rows), name, advice)
        return self.find_by_id(name) if row is None and is_uuid(name) else row

    def find_by_id(self, identifier: str) -> Row | None:
        identifier = identifier.lower()
        row = self.view.planned_object(self.kind, identifier) or self.view.find_object(self.kind, identifier)
        return None if row is None else self.locate(row)

    def find_by_name(self, name: str) -> list[Row]:
        """Return all groups with exactly a name. Their paths can be those of the API: see locate()."""
        if not is_root_name(name):
            return super().find_by_name(name)
        # The name of the root is not case-sensitive. The name of another group is, even if it is that of the root.
        rows = self.view.candidates_by_name(self.kind, ROOT)
        own = composed(name).strip()
        return [row for row in rows if is_root(row) or composed(str(row.get("name"))).strip() == own]

    def find_at(self, names: t.Sequence[str], *, is_exact: bool = True) -> Row | None:
        """Return the group at the end of some names below the root, or None. No names are the path of the root.

        Unless ``is_exact``, a group is also returned if it is the only one with this path as Esper returns it. This
        saves the request for groups with a slash in their name, and is for tasks that then change nothing.
        """
        path, has_moves = GroupPath(tuple(names)), bool(self.view.planned_changes(self.kind))

        def is_candidate(row: Row) -> bool:
            if isinstance(row.get("path"), GroupPath):
                return bool(row["path"] == path)
            return has_moves or _join_api_names(_path_in(row).names) == _join_api_names(names)

        rows = [row for row in self.find_by_name(names[-1] if names else ROOT) if is_candidate(row)]
        if len(rows) == 1 and not (is_exact or has_moves):
            return with_path(rows[0], path)
        # Esper does not allow two siblings of one name. But whitespace around a name does not count.
        return self.one_or_none([row for row in self._locate_all(rows) if row["path"] == path], str(path))

    def find_child(self, parent_id: str | KnownAfterApply | None, name: str) -> Row | None:
        """Return the group of a name in a parent, or None. A parent that the task creates has no groups."""
        if isinstance(parent_id, KnownAfterApply):
            return None
        return next((row for row in self.find_by_name(name) if parent_id_of(row) == parent_id), None)

    def similar_siblings(self, parent_id: str | KnownAfterApply | None, name: str) -> list[str]:
        """Return the names of the groups in a parent that a new one with a name is easily confused with, as far as the
        lookup of the name has read them."""
        rows = self.view.candidates_by_name(self.kind, composed(name).strip())
        names = (composed(str(row.get("name"))).strip() for row in rows if parent_id_of(row) == parent_id)
        return [each for each in names if look_alike(each, composed(name).strip())]

    def resolve(self, reference: str) -> Row:
        """Return the group that an option names: by ID, by path, or by a name that only one group has. Raise NotFound
        or Ambiguous."""
        resolved = self.view.derived(self.kind)
        if reference not in resolved:
            resolved[reference] = self._resolve(reference)
        return t.cast("Row", resolved[reference])

    def _resolve(self, reference: str) -> Row:
        if is_uuid(reference):
            row = self._find_preloaded(reference.lower()) or self.find_by_id(reference)
        elif is_path(reference):
            row = self.find_at(split_path(reference))
        else:
            rows = self.find_by_name(split_names(reference)[0])
            # Another group can have the name of the root.
            rows = [row for row in rows if is_root(row)] or rows
            row = self.one_or_none(self._locate_all(rows), reference, f"Use its path, such as '{ROOT}/{reference}'.")
        if row is None:
            raise self.not_found(reference)
        return row

    def _find_preloaded(self, identifier: str) -> Row | None:
        """Return the group with an ID if names are looked up in the list of all groups anyway."""
        if not self.view.is_preloaded(self.kind) or self.view.planned_object(self.kind, identifier) is not None:
            return None
        row = (self.view.objects_by_id(self.kind) or {}).get(identifier)
        return None if row is None else self.locate(row)

    def lists(self) -> tuple[Kind, ...]:
        return (self.kind,)

    def list_existing(self) -> list[Row]:
        return self.list_groups()

    def names_of(self, ids: t.Collection[str]) -> dict[str, str]:
        known = {str(row["id"]): row for row in self.list_groups()}
        return {each: path_of(known[each]) for each in ids if each in known}

    def not_found(self, reference: str, note: str = "") -> NotFound:
        """Return the error about a group that does not exist. It offers paths for a path, and names for a name."""
        rows = self.list_groups()
        if is_path(reference):
            # A long root that the path omits would make every group look different.
            omitted = "" if reference.casefold().startswith(ROOT.casefold()) else f"{ROOT}/"
            similar = [path_of(row).removeprefix(omitted) for row in rows]
        else:
            similar = [escape_name(str(row.get("name"))) for row in rows]
        return NotFound(self.kind.title, reference, similar, note)

    # --- the tree -----------------------------------------------------------------------------------------------------

    def list_groups(self) -> list[Row]:
        """Return all device groups of the tenant."""
        rows, derived = self.view.list_objects(self.kind), self.view.derived(self.kind)
        cached = derived.get(_LOCATED)
        if cached is None or cached[0] is not rows:
            cached = derived[_LOCATED] = (rows, self._locate_all(rows))
        return t.cast("list[Row]", cached[1])

    def find_closest(self, names: t.Sequence[str]) -> tuple[Row | None, t.Sequence[str]]:
        """Return the last group that exists on a path, and the names of the missing groups below it. The path is some
        names below the root."""
        depth = len(names)
        while (row := self.find_at(names[:depth])) is None and depth:
            depth -= 1
        return row, names[depth:]

    def list_subtree(self, top: Row) -> list[Row]:
        """Return a group and all groups below it, parents before children."""
        children: dict[str | KnownAfterApply | None, list[Row]] = {}
        for row in self.view.all_as_planned(self.kind):
            children.setdefault(parent_id_of(row), []).append(row)
        groups = {top["id"]: top}
        queue = [top]
        for row in queue:
            below = [child for child in children.get(row["id"], []) if child["id"] not in groups]
            groups.update((child["id"], child) for child in self._locate_all(below))
            queue += below
        return list(groups.values())

    def find_remaining_parent(self, row: Row) -> str:
        """Return the ID of the closest group above that the task does not delete."""
        parent_id = str(last_uuid(row["parent"]))
        while self.view.is_deleted(self.kind, parent_id):
            rows = self.view.list_objects(self.kind)
            parent_id = next(str(last_uuid(group["parent"])) for group in rows if group["id"] == parent_id)
        return parent_id

    # --- exact paths --------------------------------------------------------------------------------------------------

    def path_of(self, row: Row) -> str:
        """Return the exact path of a group. This can need requests if the row is not one that a lookup returned."""
        return str(self.locate(row)["path"])

    def locate(self, row: Row) -> Row:
        """Return a group with its exact path, after the planned moves of the groups above it."""
        if isinstance(row.get("path"), GroupPath):
            return row
        path = GroupPath(tuple(self._names_below_root(row)))
        for move in self.view.planned_changes(self.kind):
            path = path.after(_path_in(move))
        return with_path(row, path)

    def _locate_all(self, rows: t.Iterable[Row]) -> list[Row]:
        return [self.locate(row) for row in rows]

    def _names_below_root(self, row: Row) -> t.Sequence[str]:
        """Return the names of a group and of the groups above it, from the top."""
        names, parent_id = _path_in(row).names, last_uuid(row.get("parent"))
        # A single name above is not ambiguous, because no name is empty.
        if parent_id is None or (len(names) <= 2 and all(names)):
            return names
        groups = self.view.objects_by_id(self.kind)
        if groups is not None:
            parent = groups.get(parent_id)
        elif self._has_slashes():
            parent = self.view.find_object(self.kind, parent_id)
        else:
            return names
        return names if parent is None else [*self._names_below_root(parent), names[-1]]

    def _has_slashes(self) -> bool:
        """Return whether the name of a group contains a slash."""
        return any("/" in str(row.get("name")) for row in self.view.list_objects(self.kind, {"name": "/"}))


def is_root(row: Row) -> bool:
    """Return whether a group is the root, which alone has no parent."""
    return not row.get("parent")


def path_of(row: Row) -> str:
    """Return the full path of a group. If no lookup returned the row, slashes in the names of its parents are taken for
    separators."""
    return str(_path_in(row))


def parent_id_of(row: Row) -> str | KnownAfterApply | None:
    """Return the ID of the parent of a group. It can be unknown until the parent is created."""
    parent = row.get("parent")
    return parent if isinstance(parent, KnownAfterApply) else last_uuid(parent)


def with_path(row: Row, path: GroupPath) -> Row:
    """Return a group with its exact path."""
    return {**row, "path": path}


def validate_name(name: str) -> str:
    """Return a name without whitespace around it, in composed Unicode form. Raise InvalidParameter if it is empty."""
    if not name.strip():
        raise InvalidParameter("Invalid name of a device group: it is empty. Set a name, or omit it.")
    return composed(name).strip()


def _validate_id(identifier: str) -> str:
    if not is_uuid(identifier):
        raise InvalidParameter(f"Invalid ID of a device group: '{identifier}'. Use path or name instead.")
    return identifier.lower()


def _parse_names(params: Params) -> list[str] | None:
    """Return the names below the root of the group that a task addresses, or None if the task uses an ID, or a name
    that can be anywhere."""
    if params.get("path") is not None:
        return split_path(params["path"])
    parent = params.get("parent")
    if params.get("id") is None and parent is not None and (is_path(parent) or is_root_name(parent)):
        return [*split_path(parent), composed(params["name"]).strip()]
    return None


def _can_change(params: Params) -> bool:
    """Return whether a task can change a group that exists: delete, move or rename it."""
    return params.get("state") != "present" or params.get("new_path") is not None


def _path_in(row: Row) -> GroupPath:
    """Return the path in a row. In a path of the API, all slashes separate names, except for those in the name of the
    group itself."""
    if isinstance(row.get("path"), GroupPath):
        return t.cast("GroupPath", row["path"])
    name = str(row.get("name") or "")
    path = str(row.get("path") or name)
    names = [*path.removesuffix(f"/{name}").split("/"), name] if path.endswith(f"/{name}") else path.split("/")
    return GroupPath(tuple(composed(name).strip() for name in names[1:]))


def _join_api_names(names: t.Iterable[str]) -> str:
    """Return names in the form of Esper's paths, in which a slash can separate names or be part of one."""
    return "/".join(part.strip() for name in names for part in composed(name).split("/"))
