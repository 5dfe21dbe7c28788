# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Device groups: a tree under the root "All devices".

Rests on /enterprise/{enterprise_id}/devicegroup/ of the contract (legacy.yaml). The contract does not document the
following, so this file chooses: names of siblings are case-sensitive, and are compared without leading and trailing
whitespace. Moving is PATCH ?action=move, renaming PATCH without an action, and adding devices PATCH ?action=add, as in
Esper's own tools. The filter ``name`` finds any part of a name.

Esper returns the path of a group without a sign for slashes in names. The path of a group whose parent is not directly
below the root is therefore ambiguous. One request for the groups with a slash in their name, at most once for each
task, usually shows that there are none. Otherwise the parents are read.
"""

from __future__ import annotations

import functools
import typing as t

from ..base.errors import InvalidParameter, NotFound
from ..base.ids import is_uuid, last_uuid
from ..base.row import Params, Row
from ..engine.object_cache import References
from ..engine.resource import Resource
from ..http.parallel import in_parts
from ..model.field import Field
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value, state_option
from ..model.plan import Change, Plan, Step
from ..model.unknowns import ResultOf
from .device_list import list_devices
from .group_path import PATH_SYNTAX, ROOT, escape_name, is_path, is_root_name, join_path, split_names, split_path

# The exact path of a row, with escapes. See DeviceGroup._with_path().
_PATH = "exact path"
# The path of a planned row before its planned move.
_OLD_PATH = "old path"
# Maximum number of devices in a request that moves devices.
_DEVICES_A_CALL = 1000


def is_root(row: Row) -> bool:
    """Return whether a group is the root, which alone has no parent."""
    return not row.get("parent")


def path_of(row: Row) -> str:
    """Return the full path of a group. If the row was not read by this kind, slashes in the names of its parents are
    taken for separators."""
    return str(row.get(_PATH) or join_path(_names_in_path(row)))


def _names_in_path(row: Row) -> list[str]:
    """Return the names below the root in the path that Esper returns. All slashes separate names, except for those in
    the name of the group itself."""
    path, name = str(row.get("path") or row["name"]), str(row["name"])
    names = [*path.removesuffix(f"/{name}").split("/"), name] if path.endswith(f"/{name}") else path.split("/")
    return [each.strip() for each in names[1:]]


class DeviceGroup(Resource):
    kind = "device_group"
    plural = "device_groups"
    title = "device group"
    collection = "/enterprise/{enterprise_id}/devicegroup/"
    item = "/enterprise/{enterprise_id}/devicegroup/{id}/"
    fields = (
        Field(
            "id",
            "ID of the device group. Null in check mode if the task creates the group.",
            writable=False,
            sample="6f3a2c1e-5a3f-4a53-9f3c-0d5e3f3b7a10",
        ),
        Field("name", "Name of the device group.", sample="Berlin"),
        Field(
            "path",
            (
                "Path of the device group: the names from the root to the group, separated by slashes.",
                PATH_SYNTAX,
            ),
            writable=False,
            sample="All devices/Stores/Germany/Berlin",
        ),
        Field(
            "parent_id",
            "ID of the parent group. Null for the root.",
            api="parent",
            normalize=last_uuid,
            sample="0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d",
        ),
        Field(
            "device_count",
            "Number of devices in the device group, as counted by Esper.",
            type="int",
            writable=False,
            sample=12,
        ),
        Field(
            "children_count",
            "Number of device groups directly below the device group.",
            type="int",
            writable=False,
            sample=3,
        ),
        Field(
            "blueprint_id",
            "ID of the blueprint assigned to the device group. Null if there is none.",
            api="blueprint",
            normalize=last_uuid,
            writable=False,
            sample="5b1f0c0e-7f0e-4c7f-9d55-0a6a3a0f9b21",
        ),
        Field("created_on", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
    )
    module = ModuleSpec(
        short_description="Manage Esper device groups",
        description=(
            "Creates, renames, moves and deletes device groups.",
            "Device groups form a tree under the root V(All devices). The root cannot be renamed, moved or deleted.",
            "Names are case-sensitive, except for the root. Leading and trailing whitespace is ignored.",
            "A name can belong to several device groups. In that case, address the group by O(path), by O(name) and"
            " O(parent), or by O(id).",
        ),
        options=(
            state_option("device group"),
            Option(
                "path",
                (
                    "Path of the device group, such as V(All devices/Stores/Berlin).",
                    "The root can be omitted, as in V(Stores/Berlin).",
                    PATH_SYNTAX,
                ),
                identifier=True,
            ),
            Option(
                "name",
                (
                    "Name of the device group. If several groups have this name, O(parent) is required.",
                    "It is not a path: a slash or backslash in it is part of the name.",
                    "With O(id), the new name of the group.",
                ),
                identifier=True,
            ),
            Option(
                "parent",
                (
                    "Parent of the device group: a path as in O(path), an ID, or a name that only one group has.",
                    "If omitted, a group that the task creates by O(name) is created in the root.",
                    "With O(id), the new parent of the group.",
                ),
                identifier=True,
            ),
            Option(
                "id",
                "ID of the device group. The group must exist unless O(state=absent).",
                identifier=True,
            ),
            Option(
                "new_path",
                (
                    "New path of the device group, as in O(path). The module moves and renames the group, including all"
                    " groups below it.",
                    "If a group exists at this path, and none exists at the old one, nothing is changed.",
                ),
                identifier=True,
            ),
            Option(
                "create_parents",
                "If V(true), creates the missing parents of the group in O(path), O(new_path) or O(parent).",
                type="bool",
                default=False,
            ),
            Option(
                "recursive",
                (
                    "If V(true), O(state=absent) also deletes the device groups below the group.",
                    "If V(false), a group that has groups below it is not deleted.",
                    "Deleted groups cannot be restored.",
                ),
                type="bool",
                default=False,
            ),
            Option(
                "force",
                (
                    "If V(true), O(state=absent) deletes a device group that contains devices. The module first moves"
                    " the devices to the parent.",
                    "If V(false), a group that contains devices is not deleted. With O(recursive), the same applies to"
                    " the groups below it.",
                ),
                type="bool",
                default=False,
            ),
        ),
        rules={
            "required_one_of": [("id", "path", "name")],
            "mutually_exclusive": [("id", "path"), ("path", "name"), ("path", "parent"), ("id", "new_path")],
        },
        seealso=("device_group_info",),
    )
    info_module = ModuleSpec(
        short_description="Get information about Esper device groups",
        description=(
            "Returns one device group by path or ID, all device groups of a name, or all device groups of the tenant.",
            "O(subtree) adds the groups below. The groups are returned as a list and as a tree.",
            "If the device group does not exist, the list is empty.",
        ),
        options=(
            Option(
                "path",
                (
                    "Path of a device group, such as V(All devices/Stores/Berlin). The root can be omitted.",
                    PATH_SYNTAX,
                ),
                identifier=True,
            ),
            Option("name", "Name of device groups. All groups with this name are returned.", identifier=True),
            Option("id", "ID of a device group.", identifier=True),
            Option(
                "subtree",
                "If V(true), all device groups below the matching groups are also returned.",
                type="bool",
                default=False,
            ),
        ),
        rules={"mutually_exclusive": [("id", "path", "name")]},
        returns=(
            Value(
                "device_groups",
                "The device groups that match, sorted by path.",
                type="list",
                elements="dict",
                contains=fields,
            ),
            Value(
                "tree",
                (
                    "The same device groups as a tree. Each has the keys of RV(device_groups[]), and C(children), the"
                    " list of the groups directly below it.",
                    "The top of the tree are the groups whose parent is not in RV(device_groups).",
                ),
                type="list",
                elements="dict",
                sample=[{"name": "Berlin", "path": "All devices/Stores/Germany/Berlin", "children": []}],
            ),
        ),
        check_mode=READS_ONLY,
        diff_mode=NO_DIFF,
        seealso=("device_group",),
    )

    # --- reading ----------------------------------------------------------------------------------------------------

    def record(self, row: Row) -> Row:
        return {**super().record(row), "path": path_of(row)}

    def label(self, row: Row) -> str:
        return path_of(row)

    def get(self, references: References, identifier: str) -> Row | None:
        identifier = identifier.lower()
        planned = (row for row in references.changed(self) if row["id"] == identifier)
        read = functools.partial(super().get, references, identifier)
        row = next(planned, None) or references.object(self, identifier, read)
        return None if row is None else self._with_path(references, row)

    def all_groups(self, references: References) -> list[Row]:
        """Return all device groups of the tenant."""
        return [self._with_path(references, row) for row in references.rows(self, {})]

    def find(self, references: References, params: Params) -> Row | None:
        for option in ("path", "parent", "new_path"):
            # A path that the state does not need can be wrong, too.
            if params.get(option) is not None:
                split_names(params[option])
        if params.get("id") is not None:
            return self.get(references, _checked_id(params["id"]))
        if params.get("path") is not None:
            return self.at(references, split_path(params["path"]), is_exact=_can_change(params))
        try:
            return self._by_name(references, params)
        except NotFound:
            # A group does not exist if its parent does not exist.
            if params.get("state") == "absent":
                return None
            raise

    def at(self, references: References, names: t.Sequence[str], *, is_exact: bool = True) -> Row | None:
        """Return the group at the end of some names below the root, or None. No names are the path of the root.

        Unless ``is_exact``, a group is also returned if it is the only one with this path as Esper returns it. This
        saves the request for groups with a slash in their name, and is for tasks that then change nothing.
        """
        path, has_moves = join_path(names), bool(references.changed(self))
        rows = [
            row
            for row in self.named(references, names[-1] if names else ROOT)
            if (row[_PATH] == path if _PATH in row else has_moves or _joined(_names_in_path(row)) == _joined(names))
        ]
        if len(rows) == 1 and not (is_exact or has_moves or _PATH in rows[0]):
            return _at_path(rows[0], path)
        # The exact path can need a request.
        rows = [self._with_path(references, row) for row in rows]
        # Esper does not allow two siblings of one name. But whitespace around a name does not count.
        return self.only([row for row in rows if path_of(row) == path], path)

    def named(self, references: References, name: str) -> list[Row]:
        if not is_root_name(name):
            return super().named(references, name)
        # The name of the root is not case-sensitive. The name of another group is, even if it is that of the root.
        rows = references.called(self, ROOT)
        return [row for row in rows if is_root(row) or str(row.get("name")).strip() == name.strip()]

    def _by_name(self, references: References, params: Params) -> Row | None:
        name, parent = _checked_name(params["name"]), params.get("parent")
        if parent is not None and not is_uuid(parent) and is_path(parent):
            return self.at(references, [*split_path(parent), name], is_exact=_can_change(params))
        above = None if parent is None else self.resolve(references, parent)
        rows = self.named(references, name)
        rows = [row for row in rows if above is None or _parent_of(row) == above["id"]]
        rows = [self._with_path(references, row) for row in rows]
        return self.only(rows, name, "Set the parent, or use the path instead of the name.")

    def resolve(self, references: References, wanted: str) -> Row:
        """Return the group that an option names: by ID, by path, or by a name that only one group has."""
        if is_uuid(wanted):
            row = self.get(references, wanted)
        elif is_path(wanted):
            row = self.at(references, split_path(wanted))
        else:
            rows = self.named(references, split_names(wanted)[0])
            # Another group can have the name of the root.
            rows = [row for row in rows if is_root(row)] or rows
            rows = [self._with_path(references, row) for row in rows]
            row = self.only(rows, wanted, f"Use its path, such as '{ROOT}/{wanted}'.")
        if row is None:
            raise NotFound(self.title, wanted, self._names_like(references, wanted))
        return row

    def _names_like(self, references: References, wanted: str) -> list[str]:
        """Return the names that a misspelled one can be compared with: paths for a path, names for a name."""
        rows = self.all_groups(references)
        return [path_of(row) if is_path(wanted) else escape_name(str(row.get("name"))) for row in rows]

    def subtree(self, references: References, top: Row) -> list[Row]:
        """Return a group and all groups below it, parents before children."""
        children: dict[str | ResultOf | None, list[Row]] = {}
        for row in references.all_as_planned(self):
            children.setdefault(_parent_of(row), []).append(row)
        found = {top["id"]: top}
        waiting = [top]
        for row in waiting:
            below = [self._with_path(references, child) for child in children.get(row["id"], [])]
            below = [child for child in below if child["id"] not in found]
            found.update((child["id"], child) for child in below)
            waiting += below
        return list(found.values())

    # --- exact paths ------------------------------------------------------------------------------------------------

    def _with_path(self, references: References, row: Row) -> Row:
        """Return a group with its exact path, after the planned moves of the groups above it."""
        if _PATH in row:
            return row
        path = join_path(self._names_below_root(references, row))
        for move in (each for each in references.changed(self) if _OLD_PATH in each):
            below = path.removeprefix(f"{move[_OLD_PATH]}/")
            if below != path:
                path = f"{move[_PATH]}/{below}"
        return {**row, _PATH: path}

    def _names_below_root(self, references: References, row: Row) -> list[str]:
        """Return the names of a group and of the groups above it, from the top."""
        names, parent_id = _names_in_path(row), last_uuid(row.get("parent"))
        # A single name above is not ambiguous, because no name is empty.
        if parent_id is None or (len(names) <= 2 and all(names)):
            return names
        groups = references.whole_by_id(self)
        if groups is not None:
            parent = groups.get(parent_id)
        elif self._has_slashes(references):
            parent = references.object(self, parent_id, functools.partial(super().get, references, parent_id))
        else:
            return names
        return names if parent is None else [*self._names_below_root(references, parent), names[-1]]

    def _has_slashes(self, references: References) -> bool:
        """Return whether the name of a group contains a slash."""
        return any("/" in str(row.get("name")) for row in references.rows(self, {"name": "/"}))

    # --- planning ---------------------------------------------------------------------------------------------------

    def called(self, params: Params) -> str:
        if params.get("id") is not None:
            return str(params["id"]).lower()
        names, parent = _names_given(params), params.get("parent")
        if names is not None:
            return join_path(names)
        return f"{params['name'].strip()} in {parent}" if parent else str(params["name"]).strip()

    def depth(self, params: Params) -> int:
        names = _names_given(params)
        # A group that is addressed by name only can be anywhere.
        return 1 if names is None else len(names)

    def depth_of(self, row: Row) -> int:
        return len(split_path(path_of(row)))

    def plan_create(self, references: References, params: Params) -> Plan:
        if params.get("id") is not None:
            raise NotFound(self.title, params["id"])
        if params.get("new_path") is not None:
            return self._plan_moved_before(references, params)
        plan = Plan(None)
        if params.get("path") is not None:
            above, name = _place(params["path"])
            parent_id, parent_path = self._plan_parents(plan, references, above, name, params["create_parents"])
        else:
            name = _checked_name(params["name"])
            parent_id, parent_path = self._plan_parent(plan, references, params, name)
        self._plan_group(plan, references, name, parent_id, parent_path)
        return plan

    def _plan_parent(self, plan: Plan, references: References, params: Params, name: str) -> tuple[str | ResultOf, str]:
        """Return the ID and the path of the group in the option parent, the root if there is none. If it is a path,
        what is missing of it joins the plan if that is allowed."""
        parent = params.get("parent")
        if parent is None or (is_path(parent) and not is_uuid(parent)):
            names = [] if parent is None else split_path(parent)
            return self._plan_parents(plan, references, names, name, params["create_parents"])
        row = self.resolve(references, parent)
        return row["id"], path_of(row)

    def _plan_moved_before(self, references: References, params: Params) -> Plan:
        """Return the plan for a group that is not at its old path: it must be at its new path."""
        target = self.at(references, split_path(params["new_path"]))
        if target is not None:
            return Plan(self.record(target))
        wanted = params.get("path") or params["name"]
        note = f"No group exists at '{params['new_path']}' either, so nothing can be moved."
        if params.get("path") is not None:
            (above, name), (new_above, new_name) = _place(params["path"]), _place(params["new_path"])
            half_way = [self.at(references, [*new_above, name]), self.at(references, [*above, new_name])]
            left = " or ".join(f"'{path_of(row)}' (ID {row['id']})" for row in half_way if row)
            if left:
                note += f" An interrupted move may have left it at {left}. Address it by ID."
        raise NotFound(self.title, wanted, self._names_like(references, wanted), note)

    def _plan_parents(
        self, plan: Plan, references: References, above: list[str], name: str, create: bool
    ) -> tuple[str | ResultOf, str]:
        """Return the ID and the path of the group at the names ``above``. Missing groups join the plan if they may be
        created."""
        depth = len(above)
        while (parent := self.at(references, above[:depth])) is None and depth:
            depth -= 1
        missing = above[depth:]
        if parent is None or (missing and not create):
            path = join_path(above)
            note = f"Set create_parents to true to create this parent of '{name}'." if parent else ""
            raise NotFound(self.title, path, self._names_like(references, path), note)
        parent_id: str | ResultOf = parent["id"]
        path = path_of(parent)
        for each in missing:
            step = self._plan_group(plan, references, each, parent_id, path)
            parent_id, path = ResultOf(step, "id"), f"{path}/{escape_name(each)}"
        return parent_id, path

    def _plan_group(
        self, plan: Plan, references: References, name: str, parent_id: str | ResultOf, parent_path: str
    ) -> Step:
        """Add the creation of one group to a plan."""
        path = f"{parent_path}/{escape_name(name)}"
        self._check_vacated(references, parent_id, name, path)
        body: Row = {"name": name, "parent": parent_id}
        step = Step(
            purpose=f"Creating the {self.title} '{path}'",
            method="POST",
            path=self.collection,
            body=body,
            find=lambda body: _at_path(self._child(references, body["parent"], name), path),
            read=lambda row: _at_path(row, path),
        )
        plan.steps.append(step)
        plan.changes.append(Change(f"{self.title} {path}", {}, {"name": name, "path": path}))
        row = {**body, "id": ResultOf(step, "id"), "path": path, "device_count": 0, _PATH: path}
        plan.expected.append((self, row))
        plan.record = {
            **dict.fromkeys(each.name for each in self.fields),
            "name": name,
            "path": path,
            "parent_id": _known(parent_id),
            "device_count": 0,
            "children_count": 0,
        }
        return step

    def plan_update(self, references: References, current: Row, params: Params) -> Plan:
        record, old_path, old_name = self.record(current), path_of(current), str(current["name"]).strip()
        plan = Plan(record)
        name, parent_id = old_name, record["parent_id"]
        above = old_path.removesuffix(f"/{escape_name(old_name)}")
        if params.get("new_path") is not None:
            names, name = _place(params["new_path"])
            parent_id, above = self._plan_parents(plan, references, names, name, params["create_parents"])
        elif params.get("id") is not None:
            name = _checked_name(params["name"]) if params.get("name") is not None else old_name
            if params.get("parent") is not None:
                parent_id, above = self._plan_parent(plan, references, params, name)
        renames, moves = name != old_name, parent_id != record["parent_id"]
        if not (renames or moves):
            return Plan(record)
        self._check_move(references, current, parent_id, above, name)
        # Its old name can be taken at the new place. A move repeats the name that the group has by then.
        renames_first = renames and moves and self._child(references, parent_id, old_name) is not None
        new_path = f"{above}/{escape_name(name)}"
        rename = self._patch(current, "Renaming", new_path, {"name": name})
        move_body = {"name": name if renames_first else old_name, "parent": parent_id}
        move = self._patch(current, "Moving", new_path, move_body, "move")
        order = [(rename, renames), (move, moves)] if renames_first else [(move, moves), (rename, renames)]
        plan.steps += [step for step, needed in order if needed]
        plan.record = {**record, "name": name, "path": new_path, "parent_id": _known(parent_id)}
        plan.changes.append(
            Change(f"{self.title} {old_path}", {"name": old_name, "path": old_path}, {"name": name, "path": new_path})
        )
        moved = {**current, "name": name, "path": new_path, "parent": parent_id, _PATH: new_path, _OLD_PATH: old_path}
        plan.expected.append((self, moved))
        return plan

    def _check_move(
        self, references: References, current: Row, parent_id: str | ResultOf, above: str, name: str
    ) -> None:
        """Raise InvalidParameter for what Esper would reject, so that check mode reports it too."""
        old_path = path_of(current)
        if is_root(current):
            raise _root_stays("renamed or moved")
        if f"{above}/".startswith(f"{old_path}/"):
            raise InvalidParameter(f"The {self.title} '{old_path}' cannot be moved below itself, to '{above}'.")
        other = self._child(references, parent_id, name)
        if other is not None and other["id"] != current["id"]:
            raise InvalidParameter(
                f"The {self.title} '{old_path}' cannot be moved to '{above}/{escape_name(name)}': another group has"
                " this path."
            )
        self._check_vacated(references, parent_id, name, f"{above}/{escape_name(name)}", current)

    def _check_vacated(
        self, references: References, parent_id: str | ResultOf, name: str, path: str, current: Row | None = None
    ) -> None:
        """Raise InvalidParameter if another group is at a path until the same task moves it away. The order of the two
        requests is not defined."""
        for row in references.superseded(self, name):
            same = str(row["name"]).strip() == name and _parent_of(row) == parent_id
            if same and (current is None or row["id"] != current["id"]):
                raise InvalidParameter(
                    f"The same task moves away the {self.title} at '{path}'. Create or move the other group in a"
                    " later task."
                )

    def _patch(self, current: Row, doing: str, new_path: str, body: Row, action: str | None = None) -> Step:
        return Step(
            purpose=f"{doing} the {self.title} '{path_of(current)}'",
            method="PATCH",
            path=self.item,
            ids={"id": current["id"]},
            query={"action": action},
            body=body,
            read=lambda row: _at_path(row, new_path),
        )

    def _child(self, references: References, parent_id: str | ResultOf, name: str) -> Row | None:
        """Return the group of a name in a parent, or None. A parent that the plan creates has no groups."""
        if isinstance(parent_id, ResultOf):
            return None
        rows = self.named(references, name)
        return next((row for row in rows if _parent_of(row) == parent_id), None)

    def plan_delete(self, references: References, current: Row, params: Params) -> Plan:
        if is_root(current):
            raise _root_stays("deleted")
        path = path_of(current)
        below = current.get("children_count") != 0 or any(
            _parent_of(row) == current["id"] for row in references.expected(self)
        )
        doomed = self.subtree(references, current) if below else [current]
        if len(doomed) > 1 and not params["recursive"]:
            raise InvalidParameter(
                f"The {self.title} '{path}' has {len(doomed) - 1} group{'s'[: len(doomed) != 2]} below it."
                " Set recursive to true to delete them too, or move them first."
            )
        holding = [row for row in doomed if row.get("device_count") != 0]
        devices = [device for row in holding for device in self._devices_in(references, row)]
        if devices and not params["force"]:
            where = "contains" if len(doomed) == 1 else "and the groups below it contain"
            raise InvalidParameter(
                f"The {self.title} '{path}' {where} {len(devices)} device{'s'[: len(devices) != 1]}."
                " Set force to true to move them to its parent, or move them first."
            )
        purpose = f"Moving the devices of the {self.title} '{path}' to its parent"
        plan = Plan(None, self.steps_into(self._staying_above(references, current), devices, purpose))
        for row in reversed(doomed):
            plan.steps.append(self.delete_step(row))
            plan.changes.append(self.deletion(row))
        return plan

    def _staying_above(self, references: References, current: Row) -> str:
        """Return the ID of the closest group above that is not deleted."""
        above = str(last_uuid(current["parent"]))
        while references.is_leaving(self, above):
            above = next(str(last_uuid(row["parent"])) for row in references.rows(self, {}) if row["id"] == above)
        return above

    def deletion(self, current: Row) -> Change:
        path = path_of(current)
        return Change(
            f"{self.title} {path}",
            {"name": current["name"], "path": path, "device_count": current.get("device_count")},
            {},
        )

    def steps_into(self, group_id: str, device_ids: t.Sequence[str], purpose: str) -> list[Step]:
        """Return the writes that move devices into a group."""
        return [
            Step(
                purpose=purpose,
                method="PATCH",
                path=self.item,
                ids={"id": group_id},
                query={"action": "add"},
                body={"device_ids": some},
            )
            for some in in_parts(_DEVICES_A_CALL, device_ids)
        ]

    def _devices_in(self, references: References, group: Row) -> list[str]:
        """Return the IDs of the devices that are directly in a group (GET /v2/devices/?group_multi_immediate=)."""
        rows = list_devices(
            references.client,
            {"group_multi_immediate": group["id"]},
            purpose=f"Reading the devices of the {self.title} '{path_of(group)}'",
        )
        return [row["id"] for row in rows]

    # --- information ------------------------------------------------------------------------------------------------

    def information(self, references: References, params: Params) -> Row:
        if params.get("name") is not None:
            rows = self.named(references, _checked_name(params["name"]))
        elif params.get("id") is not None or params.get("path") is not None:
            row = self.find(references, params)
            rows = [row] if row else []
        else:
            rows = references.rows(self, {})
        rows = [self._with_path(references, row) for row in rows]
        if params["subtree"]:
            rows = list({row["id"]: row for top in rows for row in self.subtree(references, top)}.values())
        records = sorted((self.record(row) for row in rows), key=lambda record: str(record["path"]))
        return {self.plural: records, "tree": _tree(records)}


def _tree(records: list[Row]) -> list[Row]:
    """Return the records as a tree, each with its ``children``. The top are those whose parent is not among them."""
    nodes = {record["id"]: {**record, "children": []} for record in records}
    tops: list[Row] = []
    for node in nodes.values():
        parent = nodes.get(node["parent_id"])
        (parent["children"] if parent else tops).append(node)
    return tops


def _names_given(params: Params) -> list[str] | None:
    """Return the names below the root of the group that a task addresses, or None if the task uses an ID, or a name
    that can be anywhere."""
    if params.get("path") is not None:
        return split_path(params["path"])
    parent = params.get("parent")
    if params.get("id") is None and parent is not None and (is_path(parent) or is_root_name(parent)):
        return [*split_path(parent), params["name"].strip()]
    return None


def _can_change(params: Params) -> bool:
    """Return whether a task can change a group that exists: delete, move or rename it."""
    return params.get("state") != "present" or params.get("new_path") is not None


def _place(path: str) -> tuple[list[str], str]:
    """Return the names above a group, and its own name. Raises InvalidParameter for the root."""
    *above, name = split_path(path) or [""]
    if not name:
        raise InvalidParameter(f"The path '{path}' is that of the root group. Use a path below '{ROOT}'.")
    return above, name


def _joined(names: t.Iterable[str]) -> str:
    """Return names in the form of Esper's paths, in which a slash can separate names or be part of one."""
    return "/".join(part.strip() for name in names for part in name.split("/"))


def _at_path(row: Row | None, path: str) -> Row | None:
    """Return a group with its exact path."""
    return None if row is None else {**row, _PATH: path}


def _parent_of(row: Row) -> str | ResultOf | None:
    """Return the ID of the parent of a group. It can be unknown until the parent is created."""
    parent = row.get("parent")
    return parent if isinstance(parent, ResultOf) else last_uuid(parent)


def _known(parent_id: str | ResultOf) -> str | None:
    """Return an ID, or None if it is unknown until the group is created."""
    return parent_id if isinstance(parent_id, str) else None


def _checked_name(name: str) -> str:
    if not name.strip():
        raise InvalidParameter("The name of a device group is empty.")
    return name.strip()


def _checked_id(identifier: str) -> str:
    if not is_uuid(identifier):
        raise InvalidParameter(f"Invalid ID of a device group: '{identifier}'. Use path or name instead.")
    return identifier.lower()


def _root_stays(what: str) -> InvalidParameter:
    return InvalidParameter(f"The root group '{ROOT}' cannot be {what}.")


DEVICE_GROUP = DeviceGroup()
