# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How changes of device groups are planned: to create, rename, move and delete them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..base.errors import InvalidParameter, NotFound
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.planner import Planner
from ..model.plan import Effect, ObjectDiff, Plan, Step
from ..model.unknowns import KnownAfterApply
from .device_group_lookup import DeviceGroupLookup, checked_name, is_root, parent_id_of, path_of, with_path
from .group_devices import devices_in, steps_into
from .group_path import ROOT, GroupPath, is_path, split_path


@dataclass(frozen=True)
class _Place:
    """A place in the tree, at the end of a path. The ID of the parent is unknown until the parent is created."""

    parent_id: str | KnownAfterApply | None
    path: GroupPath

    @property
    def name(self) -> str:
        """The name of a group at this place."""
        return self.path.names[-1]


class DeviceGroupPlanner(Planner):
    """Plans changes of device groups."""

    @property
    def lookup(self) -> DeviceGroupLookup:
        return DeviceGroupLookup(self.view, self.kind)

    # --- create -----------------------------------------------------------------------------------------------------

    def plan_create(self, params: Params) -> Plan:
        if params.get("id") is not None:
            raise NotFound(self.kind.title, params["id"])
        if params.get("new_path") is not None:
            return self._plan_moved_before(params)
        plan = Plan(None)
        if params.get("path") is not None:
            place = self._plan_parents(plan, _names_in(params["path"]), params)
        else:
            place = self._plan_parent(plan, checked_name(params["name"]), params)
        self._plan_group(plan, place)
        return plan

    def _plan_moved_before(self, params: Params) -> Plan:
        """Return the plan for a group that is not at its old path: it must be at its new path."""
        target = self.lookup.find_at(split_path(params["new_path"]))
        if target is not None:
            return Plan(self.kind.to_result(target))
        note = f"No group exists at '{params['new_path']}' either, so nothing can be moved."
        if params.get("path") is not None:
            (*above, name), (*new_above, new_name) = _names_in(params["path"]), _names_in(params["new_path"])
            half_way = [self.lookup.find_at([*new_above, name]), self.lookup.find_at([*above, new_name])]
            left = " or ".join(f"'{path_of(row)}' (ID {row['id']})" for row in half_way if row)
            if left:
                note += f" An interrupted move may have left it at {left}. Address it by ID."
        raise self.lookup.not_found(params.get("path") or params["name"], note)

    def _plan_parent(self, plan: Plan, name: str, params: Params) -> _Place:
        """Return the place of a name in the group in the option parent, the root if there is none."""
        parent = params.get("parent")
        if parent is None or is_path(parent):
            return self._plan_parents(plan, [*split_path(ROOT if parent is None else parent), name], params)
        row = self.lookup.resolve(parent)
        return _Place(row["id"], row["path"].child(name))

    def _plan_parents(self, plan: Plan, names: list[str], params: Params) -> _Place:
        """Return the place at the end of some names below the root. The plan creates the missing groups above it if the
        task allows that."""
        *above, name = names
        parent, missing = self.lookup.closest(above)
        if parent is None or (missing and not params["create_parents"]):
            note = f"Set create_parents to true to create this parent of '{name}'." if parent else ""
            raise self.lookup.not_found(str(GroupPath(tuple(above))), note)
        parent_id, path = parent["id"], parent["path"]
        for each in missing:
            path = path.child(each)
            parent_id = self._plan_group(plan, _Place(parent_id, path))
        return _Place(parent_id, path.child(name))

    def _plan_group(self, plan: Plan, place: _Place) -> KnownAfterApply:
        """Add the creation of a group to a plan, and return the ID that it will have."""
        path = str(place.path)
        self._check_vacated(place)
        body: Row = {"name": place.name, "parent": place.parent_id}

        def find(body: Row) -> Row | None:
            row = self.lookup.find_child(body["parent"], place.name)
            return None if row is None else with_path(row, place.path)

        step = Step(
            purpose=f"Creating the {self.kind.title} '{path}'",
            method="POST",
            path=self.kind.routes.list,
            body=body,
            find_existing=find,
            extract_object=lambda row: with_path(row, place.path),
        )
        identifier = KnownAfterApply(step, "id")
        plan.steps.append(step)
        plan.changes.append(ObjectDiff(f"{self.kind.title} {path}", {}, {"name": place.name, "path": path}))
        plan.effects.append(
            Effect(self.kind, identifier, {**body, "id": identifier, "path": place.path, "device_count": 0})
        )
        plan.record = {
            **dict.fromkeys(each.name for each in self.kind.fields),
            "name": place.name,
            "path": path,
            "parent_id": _known(place.parent_id),
            "device_count": 0,
            "children_count": 0,
        }
        return identifier

    # --- update -----------------------------------------------------------------------------------------------------

    def plan_update(self, current: Row, params: Params) -> Plan:
        result, path, name = self.kind.to_result(current), current["path"], str(current["name"]).strip()
        plan = Plan(result)
        if params.get("id") is None and params.get("new_path") is None:
            return plan
        new = self._new_place(plan, current, params)
        renames, moves = new.name != name, new.parent_id != result["parent_id"]
        if not (renames or moves):
            return Plan(result)
        self._check_move(current, new)
        # Its old name can be taken at the new place. A move repeats the name that the group has by then.
        renames_first = renames and moves and self.lookup.find_child(new.parent_id, name) is not None
        rename = self._patch(current, "Renaming", new, {"name": new.name})
        move_body = {"name": new.name if renames_first else name, "parent": new.parent_id}
        move = self._patch(current, "Moving", new, move_body, "move")
        order = [(rename, renames), (move, moves)] if renames_first else [(move, moves), (rename, renames)]
        plan.steps += [step for step, needed in order if needed]
        plan.record = {**result, "name": new.name, "path": str(new.path), "parent_id": _known(new.parent_id)}
        plan.changes.append(
            ObjectDiff(
                self.kind.header(current),
                {"name": name, "path": str(path)},
                {"name": new.name, "path": str(new.path)},
            )
        )
        moved = {"name": new.name, "parent": new.parent_id, "path": replace(new.path, moved_from=path)}
        plan.effects.append(Effect(self.kind, current["id"], {**current, **moved}))
        return plan

    def _new_place(self, plan: Plan, current: Row, params: Params) -> _Place:
        """Return the place where a task wants a group to be. The plan creates the missing groups above it."""
        if params.get("new_path") is not None:
            return self._plan_parents(plan, _names_in(params["new_path"]), params)
        name = str(current["name"]).strip() if params.get("name") is None else checked_name(params["name"])
        if params.get("parent") is not None:
            return self._plan_parent(plan, name, params)
        return _Place(parent_id_of(current), current["path"].parent.child(name))

    def _check_move(self, current: Row, new: _Place) -> None:
        """Raise InvalidParameter for what Esper would reject, so that check mode reports it too."""
        path = current["path"]
        if is_root(current):
            raise _root_stays("renamed or moved")
        if new.path.parent.is_within(path):
            raise InvalidParameter(
                f"The {self.kind.title} '{path}' cannot be moved below itself, to '{new.path.parent}'."
            )
        other = self.lookup.find_child(new.parent_id, new.name)
        if other is not None and other["id"] != current["id"]:
            raise InvalidParameter(
                f"The {self.kind.title} '{path}' cannot be moved to '{new.path}': another group has this path."
            )
        self._check_vacated(new, current)

    def _check_vacated(self, place: _Place, current: Row | None = None) -> None:
        """Raise InvalidParameter if another group is at a place until the same task moves it away. The order of the two
        requests is not defined."""
        for row in self.view.replaced_candidates(self.kind, place.name):
            is_there = str(row["name"]).strip() == place.name and parent_id_of(row) == place.parent_id
            if is_there and (current is None or row["id"] != current["id"]):
                raise InvalidParameter(
                    f"The same task moves away the {self.kind.title} at '{place.path}'. Create or move the other group"
                    " in a later task."
                )

    def _patch(self, current: Row, doing: str, new: _Place, body: Row, action: str | None = None) -> Step:
        return Step(
            purpose=f"{doing} the {self.kind.phrase(current)}",
            method="PATCH",
            path=self.kind.routes.object,
            ids={"id": current["id"]},
            query={"action": action},
            body=body,
            extract_object=lambda row: with_path(row, new.path),
        )

    # --- delete -----------------------------------------------------------------------------------------------------

    def plan_delete(self, current: Row, params: Params) -> Plan:
        if is_root(current):
            raise _root_stays("deleted")
        has_groups = current.get("children_count") != 0 or any(
            parent_id_of(row) == current["id"] for row in self.view.planned(self.kind)
        )
        doomed = self.lookup.subtree(current) if has_groups else [current]
        if len(doomed) > 1 and not params["recursive"]:
            raise InvalidParameter(
                f"The {self.kind.phrase(current)} has {counted(len(doomed) - 1, 'group')} below it."
                " Set recursive to true to delete them too, or move them first."
            )
        devices = [device for row in doomed if row.get("device_count") != 0 for device in self._devices_in(row)]
        if devices and not params["force"]:
            where = "contains" if len(doomed) == 1 else "and the groups below it contain"
            raise InvalidParameter(
                f"The {self.kind.phrase(current)} {where} {counted(len(devices))}."
                " Set force to true to move them to its parent, or move them first."
            )
        purpose = f"Moving the devices of the {self.kind.phrase(current)} to its parent"
        plan = Plan(None, steps_into(self.lookup.remaining_above(current), devices, purpose))
        for row in reversed(doomed):
            plan.steps.append(self.delete_step(row))
            plan.changes.append(self.deletion(row))
            plan.effects.append(Effect(self.kind, row["id"], None))
        return plan

    def deletion(self, current: Row) -> ObjectDiff:
        before = {"name": current["name"], "path": path_of(current), "device_count": current.get("device_count")}
        return ObjectDiff(self.kind.header(current), before, {})

    def _devices_in(self, group: Row) -> list[str]:
        purpose = f"Reading the devices of the {self.kind.phrase(group)}"
        return devices_in(self.view.client, group["id"], purpose=purpose)


def _names_in(path: str) -> list[str]:
    """Return the names in the path of a group. Raise InvalidParameter for the root."""
    names = split_path(path)
    if not names:
        raise InvalidParameter(f"The path '{path}' is that of the root group. Use a path below '{ROOT}'.")
    return names


def _known(identifier: str | KnownAfterApply | None) -> str | None:
    """Return an ID, or None if it is unknown until the group is created."""
    return identifier if isinstance(identifier, str) else None


def _root_stays(what: str) -> InvalidParameter:
    return InvalidParameter(f"The root group '{ROOT}' cannot be {what}.")
