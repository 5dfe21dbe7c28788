# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Device groups: a tree under the root "All devices".

Rests on /enterprise/{enterprise_id}/devicegroup/ of the contract (legacy.yaml). What the contract does not tell, and
this file therefore chooses: siblings' names compare without leading and trailing blanks and with their case; moving is
PATCH ?action=move, renaming PATCH without an action, putting devices in is PATCH ?action=add, as the vendor's own
tools do it.
"""

from __future__ import annotations

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

ROOT = "All devices"
# In what is planned of a group that is moved: where it was.
_OLD_PATH = "old path"
# A request that moves devices takes this many.
_DEVICES_A_CALL = 1000


def split_path(path: str) -> list[str]:
    """The names in a path below the root; empty for the root itself. The root may be left out of the path.

    Raises InvalidParameter for a path with an empty name in it.
    """
    names = [name.strip() for name in path.strip().strip("/").split("/")]
    if not all(names):
        raise InvalidParameter(f"The path '{path}' is no path of a device group: it has an empty name in it.")
    # The vendor's documents write the root "All Devices" as well.
    return names[1:] if names[0].casefold() == ROOT.casefold() else names


def join_path(names: t.Sequence[str]) -> str:
    """The full path of the group at the end of some names below the root."""
    return "/".join([ROOT, *names])


def is_root(row: Row) -> bool:
    """Whether a group is the root, which alone has no parent."""
    return not row.get("parent")


def path_of(row: Row) -> str:
    """The full path of a group, as the service tells it, the root written as this collection writes it."""
    root, slash, rest = str(row.get("path") or row["name"]).partition("/")
    return (ROOT if root.casefold() == ROOT.casefold() else root) + slash + rest


def _same_path(one: str, other: str) -> bool:
    """Whether two full paths lead to the same place: blanks around a name do not count."""
    return [name.strip() for name in one.split("/")] == [name.strip() for name in other.split("/")]


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
            "Path of the device group: the names from the root to the group, separated by slashes.",
            writable=False,
            sample="All devices/Stores/Germany/Berlin",
        ),
        Field(
            "parent_id",
            "ID of the parent group. Null for the root.",
            api="parent",
            normalise=last_uuid,
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
            normalise=last_uuid,
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
                    "If a name contains a slash, use O(name) and O(parent), or O(id).",
                ),
                identifier=True,
            ),
            Option(
                "name",
                (
                    "Name of the device group. If several groups have this name, O(parent) is required.",
                    "With O(id), the new name of the group.",
                ),
                identifier=True,
            ),
            Option(
                "parent",
                (
                    "Parent of the device group: a path, an ID, or a name that only one group has.",
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
                    "New path of the device group. The module moves and renames the group, including all groups below"
                    " it.",
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
                "Path of a device group, such as V(All devices/Stores/Berlin). The root can be omitted.",
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

    def find(self, references: References, params: Params) -> Row | None:
        if params.get("id") is not None:
            return self.get(references, _checked_id(params["id"]))
        if params.get("path") is not None:
            return self.at(references, split_path(params["path"]))
        try:
            return self._by_name(references, params)
        except NotFound:
            # What is in a group that is not there is not there either.
            if params.get("state") == "absent":
                return None
            raise

    def at(self, references: References, names: t.Sequence[str]) -> Row | None:
        """The group at a path of names below the root; the root for none."""
        path = join_path(names)
        rows = [row for row in self.named(references, names[-1] if names else ROOT) if _same_path(path_of(row), path)]
        # Names may hold slashes, so that two groups can have one path.
        return self.only(rows, path)

    def named(self, references: References, name: str) -> list[Row]:
        moves = [row for row in references.changed(self) if _OLD_PATH in row]
        return [_carried_along(row, moves) for row in self._named(references, name)]

    def _named(self, references: References, name: str) -> list[Row]:
        if name.strip().casefold() != ROOT.casefold():
            return super().named(references, name)
        # The root's case does not matter; that of another group which is called like it does.
        rows = references.called(self, ROOT)
        return [row for row in rows if is_root(row) or str(row.get("name")).strip() == name.strip()]

    def _by_name(self, references: References, params: Params) -> Row | None:
        name = _checked_name(params["name"])
        rows = self.named(references, name)
        if params.get("parent") is not None:
            if "/" in params["parent"]:
                path = f"{join_path(split_path(params['parent']))}/{name}"
                return self.only([row for row in rows if _same_path(path_of(row), path)], path)
            parent = self.resolve(references, params["parent"])
            rows = [row for row in rows if _parent_of(row) == parent["id"]]
        return self.only(rows, name, "Give the parent, or the path instead of the name.")

    def resolve(self, references: References, wanted: str) -> Row:
        """The group that an option names: by id, by path, or by a name that only one group has."""
        if is_uuid(wanted):
            row = self.get(references, wanted)
        elif "/" in wanted:
            row = self.at(references, split_path(wanted))
        else:
            rows = self.named(references, _checked_name(wanted))
            # Another group may be called like the root.
            rows = [row for row in rows if is_root(row)] or rows
            row = self.only(rows, wanted, f"Write its path, such as '{ROOT}/{wanted}'.")
        if row is None:
            raise NotFound(self.title, wanted, self._names_like(references, wanted))
        return row

    def _names_like(self, references: References, wanted: str) -> list[str]:
        """What to compare a misspelt reference with: paths for a path, names for a name."""
        rows = references.rows(self, {})
        return [path_of(row) if "/" in wanted else str(row.get("name")) for row in rows]

    def subtree(self, references: References, top: Row) -> list[Row]:
        """A group and all below it, parents before children."""
        children: dict[str | ResultOf | None, list[Row]] = {}
        for row in references.all_as_planned(self):
            children.setdefault(_parent_of(row), []).append(row)
        found = {top["id"]: top}
        waiting = [top]
        for row in waiting:
            below = [child for child in children.get(row["id"], []) if child["id"] not in found]
            found.update((child["id"], child) for child in below)
            waiting += below
        return list(found.values())

    # --- planning ---------------------------------------------------------------------------------------------------

    def called(self, params: Params) -> str:
        if params.get("id") is not None:
            return str(params["id"])
        names, parent = _names_given(params), params.get("parent")
        if names is not None:
            return join_path(names)
        return f"{params['name'].strip()} in {parent}" if parent else str(params["name"]).strip()

    def depth(self, params: Params) -> int:
        names = _names_given(params)
        # A name alone is that of a group below the root, or of any.
        return 1 if names is None else len(names)

    def depth_of(self, row: Row) -> int:
        return path_of(row).count("/")

    def plan_create(self, references: References, params: Params) -> Plan:
        if params.get("id") is not None:
            raise NotFound(self.title, params["id"])
        if params.get("new_path") is not None:
            return self._plan_moved_before(references, params)
        plan = Plan(None)
        if params.get("path") is not None:
            above, name = _place(params["path"])
        else:
            name, above = _checked_name(params["name"]), self._names_above(references, params.get("parent"))
        parent_id, parent_path = self._plan_parents(plan, references, above, name, params["create_parents"])
        self._plan_group(plan, references, name, parent_id, parent_path)
        return plan

    def _names_above(self, references: References, parent: str | None) -> list[str]:
        """The path of the parent that a group is to be created in, the root where none is given."""
        if parent is None:
            return []
        if "/" in parent and not is_uuid(parent):
            return split_path(parent)
        return split_path(path_of(self.resolve(references, parent)))

    def _plan_moved_before(self, references: References, params: Params) -> Plan:
        """The group is not where it is to be moved from: then it must be where it is to be moved to."""
        target = self.at(references, split_path(params["new_path"]))
        if target is not None:
            return Plan(self.record(target))
        wanted = params.get("path") or params["name"]
        note = f"There is none at '{params['new_path']}' either, so that there is nothing to move."
        if params.get("path") is not None:
            (above, name), (new_above, new_name) = _place(params["path"]), _place(params["new_path"])
            half_way = [self.at(references, [*new_above, name]), self.at(references, [*above, new_name])]
            left = " or ".join(f"'{path_of(row)}' (id {row['id']})" for row in half_way if row)
            if left:
                note += f" A move that was interrupted may have left it at {left}: address it by id."
        raise NotFound(self.title, wanted, self._names_like(references, wanted), note)

    def _plan_parents(
        self, plan: Plan, references: References, above: list[str], name: str, create: bool
    ) -> tuple[str | ResultOf, str]:
        """The id and path of the group at the names ``above``. What is missing of it joins the plan, if that may be."""
        depth = len(above)
        while (parent := self.at(references, above[:depth])) is None and depth:
            depth -= 1
        missing = above[depth:]
        if parent is None or (missing and not create):
            path = join_path(above)
            note = f"It is to be the parent of '{name}': set create_parents to have it created." if parent else ""
            raise NotFound(self.title, path, self._names_like(references, path), note)
        parent_id: str | ResultOf = parent["id"]
        path = path_of(parent)
        for each in missing:
            step = self._plan_group(plan, references, each, parent_id, path)
            parent_id, path = ResultOf(step, "id"), f"{path}/{each}"
        return parent_id, path

    def _plan_group(
        self, plan: Plan, references: References, name: str, parent_id: str | ResultOf, parent_path: str
    ) -> Step:
        """Add the creation of one group to a plan."""
        path = f"{parent_path}/{name}"
        self._check_vacated(references, parent_id, name, path)
        body: Row = {"name": name, "parent": parent_id}
        step = Step(
            purpose=f"Creating the {self.title} '{path}'",
            method="POST",
            path=self.collection,
            body=body,
            find=lambda body: self._child(references, body["parent"], name),
        )
        plan.steps.append(step)
        plan.changes.append(Change(f"{self.title} {path}", {}, {"name": name, "path": path}))
        plan.expected.append((self, {**body, "id": ResultOf(step, "id"), "path": path, "device_count": 0}))
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
        above = old_path.removesuffix(f"/{old_name}")
        if params.get("new_path") is not None:
            names, name = _place(params["new_path"])
            parent_id, above = self._plan_parents(plan, references, names, name, params["create_parents"])
        elif params.get("id") is not None:
            name = _checked_name(params["name"]) if params.get("name") is not None else old_name
            if params.get("parent") is not None:
                parent = self.resolve(references, params["parent"])
                parent_id, above = parent["id"], path_of(parent)
        renames, moves = name != old_name, parent_id != record["parent_id"]
        if not (renames or moves):
            return Plan(record)
        self._check_move(references, current, parent_id, above, name)
        # Under its old name it may clash where it goes. A move repeats the name that the group has by then.
        renames_first = renames and moves and self._child(references, parent_id, old_name) is not None
        rename = self._patch(current, "Renaming", {"name": name})
        move_body = {"name": name if renames_first else old_name, "parent": parent_id}
        move = self._patch(current, "Moving", move_body, "move")
        order = [(rename, renames), (move, moves)] if renames_first else [(move, moves), (rename, renames)]
        plan.steps += [step for step, needed in order if needed]
        new_path = f"{above}/{name}"
        plan.record = {**record, "name": name, "path": new_path, "parent_id": _known(parent_id)}
        plan.changes.append(
            Change(f"{self.title} {old_path}", {"name": old_name, "path": old_path}, {"name": name, "path": new_path})
        )
        moved = {**current, "name": name, "path": new_path, "parent": parent_id, _OLD_PATH: old_path}
        plan.expected.append((self, moved))
        return plan

    def _check_move(
        self, references: References, current: Row, parent_id: str | ResultOf, above: str, name: str
    ) -> None:
        """Raise InvalidParameter for what the service would refuse, so that check mode tells too."""
        old_path = path_of(current)
        if is_root(current):
            raise _root_stays("renamed or moved")
        if f"{above}/".startswith(f"{old_path}/"):
            raise InvalidParameter(f"The {self.title} '{old_path}' cannot be moved below itself, to '{above}'.")
        other = self._child(references, parent_id, name)
        if other is not None and other["id"] != current["id"]:
            raise InvalidParameter(
                f"The {self.title} '{old_path}' cannot become '{above}/{name}': there is another group of that path."
            )
        self._check_vacated(references, parent_id, name, f"{above}/{name}", current)

    def _check_vacated(
        self, references: References, parent_id: str | ResultOf, name: str, path: str, current: Row | None = None
    ) -> None:
        """Raise InvalidParameter where another group is at a place until the same task moves it away: which of the two
        writes is sent first is open."""
        for row in references.superseded(self, name):
            same = str(row["name"]).strip() == name and _parent_of(row) == parent_id
            if same and (current is None or row["id"] != current["id"]):
                raise InvalidParameter(
                    f"The {self.title} that is at '{path}' is to be moved away by the same task. What is to be there"
                    " instead takes another task, after this one."
                )

    def _patch(self, current: Row, doing: str, body: Row, action: str | None = None) -> Step:
        return Step(
            purpose=f"{doing} the {self.title} '{path_of(current)}'",
            method="PATCH",
            path=self.item,
            ids={"id": current["id"]},
            query={"action": action},
            body=body,
        )

    def _child(self, references: References, parent_id: str | ResultOf, name: str) -> Row | None:
        """The group of a name in a parent; a parent that is yet to be created has none."""
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
                f"The {self.title} '{path}' has {len(doomed) - 1} groups below it:"
                " set recursive to delete them too, or move them first."
            )
        holding = [row for row in doomed if row.get("device_count") != 0]
        devices = [device for row in holding for device in self._devices_in(references, row)]
        if devices and not params["force"]:
            where = "holds" if len(doomed) == 1 else "and the groups below it hold"
            raise InvalidParameter(
                f"The {self.title} '{path}' {where} {len(devices)} device{'s'[: len(devices) != 1]}:"
                " set force to move them to its parent, or move them first."
            )
        purpose = f"Moving the devices of the {self.title} '{path}' to its parent"
        plan = Plan(None, self.steps_into(self._staying_above(references, current), devices, purpose))
        for row in reversed(doomed):
            plan.steps.append(self.delete_step(row))
            plan.changes.append(self.deletion(row))
        return plan

    def _staying_above(self, references: References, current: Row) -> str:
        """The id of the group above one that stays, as those between them may be deleted, too."""
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
        """What puts devices into a group, however many there are; each then is in no other."""
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
        """The ids of the devices that are directly in a group (GET /v2/devices/?group_multi_immediate=)."""
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
        if params["subtree"]:
            rows = list({row["id"]: row for top in rows for row in self.subtree(references, top)}.values())
        records = sorted((self.record(row) for row in rows), key=lambda record: str(record["path"]))
        return {self.plural: records, "tree": _tree(records)}


def _tree(records: list[Row]) -> list[Row]:
    """The records as a tree: each with its ``children``. The tops are those whose parent is not among them."""
    nodes = {record["id"]: {**record, "children": []} for record in records}
    tops: list[Row] = []
    for node in nodes.values():
        parent = nodes.get(node["parent_id"])
        (parent["children"] if parent else tops).append(node)
    return tops


def _names_given(params: Params) -> list[str] | None:
    """The names below the root of the group that a task means, None where it gives an id, or a name that does not tell
    where the group is."""
    path, parent = params.get("path"), params.get("parent") or ""
    if path is None and params.get("id") is None and ("/" in parent or parent.casefold() == ROOT.casefold()):
        path = f"{parent}/{params['name']}"
    return None if path is None else split_path(path)


def _place(path: str) -> tuple[list[str], str]:
    """The names above a group that is to be somewhere, and its own. Raises InvalidParameter for the root."""
    *above, name = split_path(path) or [""]
    if not name:
        raise InvalidParameter(f"The root group '{ROOT}' is there once and for all: write a path below it.")
    return above, name


def _carried_along(row: Row, moves: list[Row]) -> Row:
    """A group with the path that it has after the planned moves of those above it."""
    path = path_of(row)
    for move in moves:
        below = path.removeprefix(f"{move[_OLD_PATH]}/")
        if below != path:
            path = f"{move['path']}/{below}"
    return row if path == path_of(row) else {**row, "path": path}


def _parent_of(row: Row) -> str | ResultOf | None:
    """The id of the group that a group is in, which may be yet to be created."""
    parent = row.get("parent")
    return parent if isinstance(parent, ResultOf) else last_uuid(parent)


def _known(parent_id: str | ResultOf) -> str | None:
    """An id as far as planning knows it: that of a group yet to be created is unknown."""
    return parent_id if isinstance(parent_id, str) else None


def _checked_name(name: str) -> str:
    if not name.strip():
        raise InvalidParameter("The name of a device group cannot be empty.")
    return name.strip()


def _checked_id(identifier: str) -> str:
    if not is_uuid(identifier):
        raise InvalidParameter(f"The id '{identifier}' of a device group is no UUID; use path or name instead.")
    return identifier.lower()


def _root_stays(what: str) -> InvalidParameter:
    return InvalidParameter(f"The root group '{ROOT}' cannot be {what}.")


DEVICE_GROUP = DeviceGroup()
