# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for creating, renaming, moving and deleting device groups."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..base.errors import InvalidParameter, NotFound
from ..base.ids import is_uuid, last_uuid
from ..base.row import Params, Row
from ..base.text import composed, counted
from ..engine.planner import Planner, similar_name_warnings, uuid_as_name
from ..model.compare import Comparison
from ..model.plan import Effect, ObjectDiff, Plan, Step
from ..model.unknowns import KnownAfterApply, resolve_unknowns
from ..model.values import NULL
from .device_group_lookup import DeviceGroupLookup, is_root, parent_id_of, path_of, validate_name, with_path
from .group_devices import devices_in, steps_into
from .group_path import ROOT, GroupPath, is_path, split_path


@dataclass(frozen=True)
class _Location:
    """A location in the tree, at the end of a path. The ID of the parent is unknown until the parent is created."""

    parent_id: str | KnownAfterApply | None
    path: GroupPath

    @property
    def name(self) -> str:
        """The name of a group at this location."""
        return self.path.names[-1]


class DeviceGroupPlanner(Planner):
    """Plans changes of device groups."""

    @property
    def lookup(self) -> DeviceGroupLookup:
        return DeviceGroupLookup(self.view, self.kind)

    # --- create -------------------------------------------------------------------------------------------------------

    def plan_create(self, params: Params) -> Plan:
        if params.get("id") is not None:
            raise NotFound(self.kind.title, params["id"])
        if params.get("new_path") is not None:
            return self._plan_moved_before(params)
        plan = Plan(None)
        if params.get("path") is not None:
            location = self._plan_parents(plan, _parse_path(params["path"]), params)
        else:
            location = self._plan_parent(plan, validate_name(params["name"]), params)
        self._plan_group(plan, location, params)
        return plan

    def _plan_moved_before(self, params: Params) -> Plan:
        """Return the plan for a group that is not at its old path: it must be at its new path."""
        target = self.lookup.find_at(split_path(params["new_path"]))
        if target is not None:
            plan = Plan(self.kind.to_result(target))
            self._plan_thumbnail(plan, target, params)
            return plan
        note = f"new_path '{params['new_path']}' does not exist either."
        if params.get("path") is not None:
            (*parent_names, name), (*new_parent_names, new_name) = (
                _parse_path(params["path"]),
                _parse_path(params["new_path"]),
            )
            half_moved = [
                self.lookup.find_at([*new_parent_names, name]),
                self.lookup.find_at([*parent_names, new_name]),
            ]
            candidates = " or ".join(f"'{path_of(row)}' (ID {row['id']})" for row in half_moved if row)
            if candidates:
                note += f" An interrupted move may have left it at {candidates}. Address it by ID."
        raise self.lookup.not_found(params.get("path") or params["name"], note)

    def _plan_parent(self, plan: Plan, name: str, params: Params) -> _Location:
        """Return the location of a name in the group of the option parent, or in the root if the task omits it."""
        parent = params.get("parent")
        if parent is None or is_path(parent):
            return self._plan_parents(plan, [*split_path(ROOT if parent is None else parent), name], params)
        row = self.lookup.resolve(parent)
        return _Location(row["id"], row["path"].child(name))

    def _plan_parents(self, plan: Plan, names: list[str], params: Params) -> _Location:
        """Return the location at the end of some names below the root. The plan creates the missing groups above it if
        the task allows that."""
        *parent_names, name = names
        parent, missing = self.lookup.find_closest(parent_names)
        if parent is None or (missing and not params["create_parents"]):
            note = f"Set create_parents to true to create this parent of '{name}'." if parent else ""
            raise self.lookup.not_found(str(GroupPath(tuple(parent_names))), note)
        parent_id, path = parent["id"], parent["path"]
        for missing_name in missing:
            path = path.child(missing_name)
            parent_id = self._plan_group(plan, _Location(parent_id, path))
        return _Location(parent_id, path.child(name))

    def _plan_group(self, plan: Plan, location: _Location, params: Params | None = None) -> KnownAfterApply:
        """Add the creation of a group to a plan, and return the ID that it will have. ``params`` are None for a group
        that the task does not describe, such as a parent."""
        path = str(location.path)
        self._check_name(location.name)
        self._check_vacated(location)
        siblings = self.lookup.similar_siblings(location.parent_id, location.name)
        plan.warnings += similar_name_warnings(self.kind.title, path, siblings)
        body: Row = {"name": location.name, "parent": location.parent_id}
        thumbnail = self._compare_thumbnail({}, params or {})
        if thumbnail.payload not in (None, NULL):
            body["thumbnail"] = thumbnail.payload

        def find_existing(body: Row) -> Row | None:
            row = self.lookup.find_child(body["parent"], location.name)
            return None if row is None else with_path(row, location.path)

        step = Step(
            purpose=f"Creating the {self.kind.title} '{path}'",
            method="POST",
            path=self.kind.routes.list,
            body=body,
            find_existing=find_existing,
            extract_object=lambda row: with_path(self._with_thumbnail(row, step, path), location.path),
        )
        identifier = KnownAfterApply(step, "id")
        plan.steps.append(step)
        shown = {"thumbnail": thumbnail.shown} if "thumbnail" in body else {}
        plan.changes.append(ObjectDiff(f"{self.kind.title} {path}", {}, {"name": location.name, "path": path, **shown}))
        plan.effects.append(
            Effect(self.kind, identifier, {**body, "id": identifier, "path": location.path, "device_count": 0})
        )
        plan.record = {
            **dict.fromkeys(field.name for field in self.kind.fields),
            "name": location.name,
            "path": path,
            "parent_id": _known_id(location.parent_id),
            "device_count": 0,
            "children_count": 0,
            **shown,
        }
        return identifier

    # --- update -------------------------------------------------------------------------------------------------------

    def plan_update(self, current: Row, params: Params) -> Plan:
        plan = self._plan_move(current, params)
        self._plan_thumbnail(plan, current, params)
        return plan

    def _plan_move(self, current: Row, params: Params) -> Plan:
        """Return the plan that renames or moves a group."""
        result, path, name = self.kind.to_result(current), current["path"], str(current["name"]).strip()
        plan = Plan(result)
        if params.get("id") is None and params.get("new_path") is None:
            return plan
        new = self._plan_location(plan, current, params)
        is_renamed, is_moved = composed(new.name) != composed(name), new.parent_id != result["parent_id"]
        if not (is_renamed or is_moved):
            return Plan(result)
        self._check_move(current, new)
        if is_renamed:
            self._check_name(new.name)
        # Another group can have its old name in the new parent. A move repeats the name of the group at that time.
        is_renamed_first = is_renamed and is_moved and self.lookup.find_child(new.parent_id, name) is not None
        rename = self._patch(current, "Renaming", new, {"name": new.name})
        move_body = {"name": new.name if is_renamed_first else name, "parent": new.parent_id}
        move = self._patch(current, "Moving", new, move_body, "move")
        order = (
            [(rename, is_renamed), (move, is_moved)] if is_renamed_first else [(move, is_moved), (rename, is_renamed)]
        )
        plan.steps += [step for step, is_needed in order if is_needed]
        plan.record = {**result, "name": new.name, "path": str(new.path), "parent_id": _known_id(new.parent_id)}
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

    def _plan_location(self, plan: Plan, current: Row, params: Params) -> _Location:
        """Return the desired location of a group. The plan creates the missing groups above it."""
        if params.get("new_path") is not None:
            return self._plan_parents(plan, _parse_path(params["new_path"]), params)
        name = str(current["name"]).strip() if params.get("name") is None else validate_name(params["name"])
        if params.get("parent") is not None:
            return self._plan_parent(plan, name, params)
        return _Location(parent_id_of(current), current["path"].parent.child(name))

    def _check_move(self, current: Row, new: _Location) -> None:
        """Raise InvalidParameter if Esper rejects the move, so that check mode reports it too."""
        path = current["path"]
        if is_root(current):
            raise _root_error("rename or move")
        if new.path.parent.is_within(path):
            raise InvalidParameter(f"Cannot move the {self.kind.title} '{path}' below itself, to '{new.path.parent}'.")
        other = self.lookup.find_child(new.parent_id, new.name)
        if other is not None and other["id"] != current["id"]:
            raise InvalidParameter(
                f"Cannot move the {self.kind.title} '{path}' to '{new.path}': another group has this path."
            )
        self._check_vacated(new, current)

    def _check_name(self, name: str) -> None:
        """Raise InvalidParameter if a group would get a UUID as name."""
        if is_uuid(name):
            raise uuid_as_name(self.kind.title, name)

    def _check_vacated(self, location: _Location, current: Row | None = None) -> None:
        """Raise InvalidParameter if another group has the location until the same task moves it away. The order of the
        two requests is not defined."""
        for row in self.view.replaced_candidates(self.kind, location.name):
            is_occupant = (
                composed(str(row.get("name"))).strip() == location.name and parent_id_of(row) == location.parent_id
            )
            if is_occupant and (current is None or row["id"] != current["id"]):
                raise InvalidParameter(
                    f"Cannot create or move a {self.kind.title} to '{location.path}': the same task moves another group"
                    " away from this path. Use a later task."
                )

    def _patch(self, current: Row, verb: str, new: _Location, body: Row, action: str | None = None) -> Step:
        return Step(
            purpose=f"{verb} the {self.kind.phrase(current)}",
            method="PATCH",
            path=self.kind.routes.object,
            ids={"id": current["id"]},
            query={"action": action},
            body=body,
            extract_object=lambda row: with_path(row, new.path),
        )

    def _compare_thumbnail(self, current: Row, params: Params) -> Comparison:
        """Return the comparison of the thumbnail of a group. Raise NotFound or Ambiguous."""
        return self.compare(current, self.desired({"thumbnail": params.get("thumbnail")}))["thumbnail"]

    def _plan_thumbnail(self, plan: Plan, current: Row, params: Params) -> None:
        """Add the change of the thumbnail of a group to a plan."""
        if params.get("thumbnail") is None:
            return
        compared = self._compare_thumbnail(current, params)
        if not compared.differs:
            return
        row = plan.effects[-1].row if plan.effects else None
        moved = current if row is None else row
        sent = None if compared.payload is NULL else compared.payload
        step = Step(
            purpose=f"Setting the thumbnail of the {self.kind.phrase(current)}",
            method="PATCH",
            path=self.kind.routes.object,
            ids={"id": current["id"]},
            body={"thumbnail": sent},
            extract_object=lambda row: with_path(self._with_thumbnail(row, step, path_of(current)), moved["path"]),
        )
        plan.steps.append(step)
        plan.record = {**(plan.record or {}), "thumbnail": compared.after}
        plan.changes.append(
            ObjectDiff(self.kind.header(current), {"thumbnail": compared.shown_before}, {"thumbnail": compared.shown})
        )
        plan.effects.append(Effect(self.kind, current["id"], {**moved, "thumbnail": sent}))

    def _with_thumbnail(self, row: Row, step: Step, path: str) -> Row:
        """Return a group in a response. Raise InvalidParameter if Esper did not set its thumbnail."""
        if not row.get("id") or "thumbnail" not in step.body:
            return row
        wanted = resolve_unknowns(step.body["thumbnail"])
        if last_uuid(row.get("thumbnail")) != last_uuid(wanted):
            raise InvalidParameter(
                f"Esper accepted the request for the {self.kind.title} '{path}', but did not set its thumbnail. Set the"
                " thumbnail in the Esper console, and omit the option."
            )
        return row

    # --- delete -------------------------------------------------------------------------------------------------------

    def plan_delete(self, current: Row, params: Params) -> Plan:
        if is_root(current):
            raise _root_error("delete")
        has_groups = current.get("children_count") != 0 or any(
            parent_id_of(row) == current["id"] for row in self.view.planned(self.kind)
        )
        deleted = self.lookup.list_subtree(current) if has_groups else [current]
        if len(deleted) > 1 and not params["recursive"]:
            raise InvalidParameter(
                f"Cannot delete the {self.kind.phrase(current)}: it has {counted(len(deleted) - 1, 'group')} below it."
                " Set recursive to true to delete them too, or move them first."
            )
        devices = [device for row in deleted if row.get("device_count") != 0 for device in self._devices_in(row)]
        if devices and not params["force"]:
            content = "it contains" if len(deleted) == 1 else "it and the groups below it contain"
            raise InvalidParameter(
                f"Cannot delete the {self.kind.phrase(current)}: {content} {counted(len(devices))}."
                " Set force to true to move them to its parent, or move them first."
            )
        purpose = f"Moving the devices of the {self.kind.phrase(current)} to its parent"
        plan = Plan(None, steps_into(self.lookup.find_remaining_parent(current), devices, purpose))
        for row in reversed(deleted):
            plan.steps.append(self.delete_step(row))
            plan.changes.append(self.deletion_diff(row))
            plan.effects.append(Effect(self.kind, row["id"], None))
        return plan

    def deletion_diff(self, current: Row) -> ObjectDiff:
        before = {"name": current["name"], "path": path_of(current), "device_count": current.get("device_count")}
        return ObjectDiff(self.kind.header(current), before, {})

    def _devices_in(self, group: Row) -> list[str]:
        purpose = f"Reading the devices of the {self.kind.phrase(group)}"
        return devices_in(self.view.client, group["id"], purpose=purpose)


def _parse_path(path: str) -> list[str]:
    """Return the names in the path of a group. Raise InvalidParameter for the root."""
    names = split_path(path)
    if not names:
        raise InvalidParameter(f"Invalid path of a device group: '{path}' is the root. Use a path below '{ROOT}'.")
    return names


def _known_id(identifier: str | KnownAfterApply | None) -> str | None:
    """Return an ID, or None if it is unknown until the group is created."""
    return identifier if isinstance(identifier, str) else None


def _root_error(action: str) -> InvalidParameter:
    return InvalidParameter(f"Cannot {action} the root device group '{ROOT}'.")
