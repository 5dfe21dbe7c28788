# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of the tree of a pipeline: what differs from the desired stages, and the write requests.

All of them have a phase. What is added comes before what is removed, so a failure leaves more than desired, never less.
Stages and operations are added one after another, because Esper keeps them in the order of their creation.

Choice: a stage that must be created again is renamed first, and deleted last. An interrupted task leaves it with its
temporary name, and the next task copies from it and deletes it.
Choice: a target list of another type is replaced by a new list, because it is not documented whether the type can
change.
Choice: a device group is removed from a list by its own ID. If Esper returns HTTP 404, the ID of the link is used.
"""

from __future__ import annotations

import functools
import typing as t
from dataclasses import dataclass, field, replace

from ..base.errors import EsperError, InvalidParameter
from ..base.ids import normal_id
from ..base.row import Row
from ..base.text import composed, listed
from ..engine.children import Children, find_child, sync_children
from ..engine.tenant_view import TenantView
from ..http.parallel import in_parts
from ..model.kind import Kind
from ..model.plan import Step
from ..model.unknowns import KnownAfterApply, resolve_unknowns
from ..model.values import matches
from .device_search import label_of
from .pipeline_operations import Operation, copy_of
from .pipeline_stages import OperationList, Stage, TargetList, label_of_group
from .pipeline_tree import (
    ATTACHED,
    DEVICES,
    GROUP_LINK,
    GROUPS,
    OPERATION,
    OPERATION_LIST,
    STAGE,
    TARGET,
    TARGET_LIST,
    Tree,
    TreeReader,
    operations_in_order,
)

Id = t.Any
"""An ID, or the KnownAfterApply of an object that a step creates."""

REPLACED = " (replaced)"
"""The end of the name of a stage that is created again and not deleted yet."""

_STAGE, _LIST, _OPERATION_LIST = (f"{kind.routes.list}{{id}}/" for kind in (STAGE, TARGET_LIST, OPERATION_LIST))

# Maximum number of devices in a request. Esper documents no limit.
_DEVICES_PER_REQUEST = 500
_MAX_NAMED = 5

# The phases of the write requests. The lists of a stage, and the operations of a list, have one for each place, so that
# Esper keeps them in this order.
_LISTS, _MEMBERS, _STAGES, _STAGE_LISTS, _OPERATIONS = 1, 2, 3, 1_000_000, 2_000_000
_REMOVED, _REMOVED_OPERATIONS, _REMOVED_OPERATION_LISTS, _REMOVED_STAGES, _REMOVED_LISTS = (
    1_000_000 * number for number in (3, 5, 6, 7, 8)
)


@dataclass(eq=False)
class _Node:
    """A target list after the task. ``row`` is the existing one, None if it is created. ``users`` are the stages that
    set its members."""

    id: Id
    name: str
    type: str | None
    row: Row | None = None
    desired: list[TargetList] = field(default_factory=list)
    members: list[Row] | None = None

    @property
    def managed(self) -> TargetList | None:
        """The desired list that sets the members, None if none does."""
        return next((each for each in self.desired if each.members is not None), None)


class TreeChanges:
    """The changes of a tree. ``steps`` are the write requests in their order.

    ``stages`` is the tree afterwards, with members of target lists in collection terms, and ``stages_before`` the tree
    now. ``risks`` are phrases about new operations that need confirmation.
    """

    def __init__(self, view: TenantView, phrase: str, pipeline_id: Id, tree: Tree, reader: TreeReader | None) -> None:
        self.steps: list[Step] = []
        self.stages: list[Row] = []
        self.warnings: list[str] = []
        self.risks: list[str] = []
        self.stages_before = list(tree.stages)
        self._view = view
        self._phrase = phrase
        self._pipeline_id = pipeline_id
        self._tree = tree
        self._reader = reader
        self._has_all_lists = reader is None
        self._phases: dict[Step, int] = {}
        self._nodes: dict[str, _Node] = {}
        self._found: dict[TargetList, Row | None] = {}
        # The IDs of the target lists that others of another type replace: the existing one, or None for a new one.
        self._replaced: dict[t.Any, Row | None] = {}
        self._attached: list[tuple[Row, list[_Node]]] = []

    def plan(self, desired: t.Sequence[Stage], *, exact: bool, can_recreate: bool) -> None:
        """Plan the changes to the desired stages. Raise InvalidParameter, NotFound and Ambiguous, and the errors of
        Client.request()."""
        wanted = {stage.name for stage in desired}
        leftovers: dict[str, list[Row]] = {}
        for each in self._tree.stages:
            name = str(each.get("name"))
            if name.endswith(REPLACED) and name not in wanted and name.removesuffix(REPLACED) in wanted:
                leftovers.setdefault(name.removesuffix(REPLACED), []).append(each)
        removed = [row for rows in leftovers.values() for row in rows]
        existing = [row for row in self._tree.stages if row not in removed]
        children = sync_children(desired, existing, title="stage", ordered=True)
        if children.moves and not can_recreate:
            raise InvalidParameter(_order_error(children, self._phrase))
        planned: list[tuple[Stage, Row | None]] = []
        sources: set[t.Any] = set()
        for index, (stage, row) in enumerate(children.pairs):
            # The first one is complete. Another one is of a task that was interrupted, too.
            source = next(iter(leftovers.get(stage.name, ())), None)
            if row is not None and index >= children.kept:
                self._rename_replaced(row)
                removed.append(row)
                source, row = source or row, None
            sources |= set() if source is None else {source["id"]}
            planned.append((stage if source is None else self._completed(stage, source, exact=exact), row))
        self._find_all_lists(planned)
        for stage, row in planned:
            self._plan_stage(stage, row, exact=exact)
        self._plan_members()
        removed += children.surplus if exact else []
        for row in removed:
            # The next task needs the source of a stage as long as there are others of its name.
            self._remove("stage", row, _STAGE, _REMOVED_STAGES + (row["id"] in sources))
        self._remove_unused_lists(planned, removed, exact=exact)
        self.stages = self._stages_after(children.surplus if not exact else [])
        self.steps = sorted(self._phases, key=self._phases.__getitem__)
        for step in self.steps:
            step.phase = 0 if self._phases[step] == _STAGES else self._phases[step]

    # --- stages -------------------------------------------------------------------------------------------------------

    def _plan_stage(self, stage: Stage, row: Row | None, *, exact: bool) -> None:
        """Plan a stage, which is created if ``row`` is None."""
        if row is None:
            step = self._create("stage", STAGE, stage.name, stage.values, _STAGES, {"pipeline_id": self._pipeline_id})
            created = {key: KnownAfterApply(step, key) for key in ("id", "description", "timeout_seconds")}
            after: Row = {**created, **stage.values, "target_lists": [], "operation_lists": []}
        else:
            after = {**row, **stage.values}
            if any(not matches(row.get(key), value) for key, value in stage.values.items()):
                body = {
                    key: after[key] for key in ("name", "description", "timeout_seconds") if after.get(key) is not None
                }
                self._update("stage", row, _STAGE, body, _STAGES, {"pipeline_id": self._pipeline_id})
        if stage.target_lists is not None:
            self._plan_target_lists(stage, stage.target_lists, row, after, exact=exact)
        if stage.operation_lists is not None:
            self._plan_operation_lists(stage.operation_lists, row, after, exact=exact)
        self.stages.append(after)

    def _rename_replaced(self, row: Row) -> None:
        body = {"name": f"{row.get('name')}{REPLACED}"}
        body |= {key: row[key] for key in ("description", "timeout_seconds") if row.get(key) is not None}
        self._update("stage", row, _STAGE, body, _STAGES, {"pipeline_id": self._pipeline_id}, verb="Renaming")

    def _completed(self, stage: Stage, source: Row, *, exact: bool) -> Stage:
        """Return a desired stage with the values of the stage that it replaces, for what the task omits."""
        if "target_lists" not in source or "operation_lists" not in source:
            self._read_whole()
            source = next(row for row in self._tree.stages if row["id"] == source["id"])
        lists = [self._find_list(each, source) for each in stage.target_lists or ()]
        known = {row["id"] for row in lists if row is not None}
        others = [] if exact and stage.target_lists is not None else source["target_lists"]
        kept = [
            TargetList(stage.path, row.get("name"), str(row["id"]), row.get("target_list_type"))
            for row in others
            if row["id"] not in known and row["id"] not in self._replaced
        ]
        pairs, surplus = _match_operation_lists(stage.operation_lists or [], source["operation_lists"])
        phrase = f"stage '{stage.name}'"
        operations = [
            each
            if row is None
            else replace(
                each,
                id=None,
                name=each.name if each.id is not None else row.get("name"),
                description=each.description if each.description is not None else row.get("description"),
                operations=_copies(row, phrase) if each.operations is None else each.operations,
                is_default=False,
            )
            for each, row in pairs
        ]
        copies = [
            OperationList(stage.path, row.get("name"), None, row.get("description"), _copies(row, phrase))
            for row in ([] if exact and stage.operation_lists is not None else surplus)
        ]
        return replace(
            stage,
            id=None,
            description=stage.description if stage.description is not None else source.get("description"),
            timeout_seconds=stage.timeout_seconds
            if stage.timeout_seconds is not None
            else source.get("timeout_seconds"),
            target_lists=[
                *(
                    each
                    if row is None
                    else replace(each, id=str(row["id"]), name=each.name if each.id is not None else None)
                    for each, row in zip(stage.target_lists or [], lists, strict=True)
                ),
                *kept,
            ],
            operation_lists=[*operations, *copies],
        )

    def _read_whole(self) -> None:
        """Read what the tree lacks, because a stage is created again with all that it has."""
        if self._reader is not None:
            whole = self._reader.read(has_unattached=False)
            lists = {row["id"]: row for row in self._tree.target_lists}
            for stage, row in zip(self._tree.stages, whole.stages, strict=True):
                stage.setdefault("target_lists", [lists.get(each["id"], each) for each in row["target_lists"]])
                stage.setdefault("operation_lists", row["operation_lists"])

    # --- target lists -------------------------------------------------------------------------------------------------

    def _plan_target_lists(
        self, stage: Stage, desired: list[TargetList], row: Row | None, after: Row, *, exact: bool
    ) -> None:
        attached = row["target_lists"] if row else []
        nodes = [self._node(each) for each in desired]
        ids = {node.id for node in nodes}
        if len(ids) < len(nodes):
            raise InvalidParameter(f"{stage.path} names a target list twice. List it once.")
        for index, node in enumerate(nodes):
            if node.row is None or all(each["id"] != node.id for each in attached):
                self._attach(stage, after["id"], node, index)
        gone = [each for each in attached if each["id"] not in ids and (exact or each["id"] in self._replaced)]
        for each in gone:
            self._add(
                Step(
                    purpose=f"Detaching the target list '{each.get('name')}' from {self._of('stage', stage.name)}",
                    method="DELETE",
                    path=f"{ATTACHED}{{id}}/",
                    ids={"stage_id": after["id"], "id": str(each["id"])},
                ),
                _REMOVED,
            )
        kept = [self._known(each) for each in attached if each["id"] not in ids and each not in gone]
        self._attached.append((after, [*kept, *nodes]))
        types = {node.type for node in (*kept, *nodes)}
        if {DEVICES, GROUPS} <= types:
            self.warnings.append(
                f"The stage '{stage.name}' has target lists of devices and of device groups. The console of Esper does"
                " not allow both."
            )

    def _find_all_lists(self, planned: t.Sequence[tuple[Stage, Row | None]]) -> None:
        """Find the existing target list that each desired one is, and those that new lists of another type replace."""
        for stage, row in planned:
            for each in stage.target_lists or ():
                found = self._found[each] = self._find_list(each, row)
                if found is not None and each.type not in (None, found.get("target_list_type")):
                    self._replaced[found["id"]] = None

    def _find_list(self, desired: TargetList, stage: Row | None) -> Row | None:
        """Return the existing target list that a desired one is: of the stage, else of the pipeline."""
        attached = stage["target_lists"] if stage else []
        if desired.is_default and len(attached) == 1 and attached[0].get("target_list_type") == desired.type:
            return t.cast("Row", attached[0])
        if desired.id is not None:
            known = next((row for row in self._lists if normal_id(row["id"]) == normal_id(desired.id)), None)
            return known or find_child(desired, self._all_lists(), title="target list")
        if replacement := self._find_replacement(desired, attached):
            return replacement
        row = find_child(desired, attached, title="target list")
        row = row or find_child(desired, self._lists, title="target list")
        # A list that no stage has is looked for only if no stage has one of this name.
        return row or find_child(desired, self._all_lists(), title="target list")

    def _find_replacement(self, desired: TargetList, attached: list[Row]) -> Row | None:
        """Return the list of the desired type that an interrupted task added in place of others, which it kept."""

        def is_named(row: Row) -> bool:
            return composed(str(row.get("name") or "")).strip() == desired.name

        others = [row for row in attached if is_named(row) and row.get("target_list_type") != desired.type]
        if desired.type is None or not others:
            return None
        found = [row for row in self._all_lists() if is_named(row) and row.get("target_list_type") == desired.type]
        if len(found) != 1:
            return None
        self._replaced |= dict.fromkeys((row["id"] for row in others), found[0])
        return found[0]

    @property
    def _lists(self) -> list[Row]:
        return self._tree.target_lists

    def _all_lists(self) -> list[Row]:
        if not self._has_all_lists and self._reader is not None:
            self._has_all_lists = True
            self._reader.read_all_lists(self._tree)
        return self._lists

    def _node(self, desired: TargetList) -> _Node:
        """Return the target list after the task that a desired list is. It can be that of several stages."""
        row = self._found[desired]
        row = row and (self._replaced.get(row["id"]) or row)
        current_name = None if row is None else str(row.get("name"))
        if row is None or row["id"] in self._replaced:
            name = str(desired.name or current_name)
            node = self._nodes.get(f"new {name}") or self._new_node(name)
        else:
            node = self._known(row)
            if desired.name is not None and not desired.is_default:
                # A default list keeps its name.
                node.name = desired.name
        if node.row is None and desired.type is not None:
            node.type = desired.type
        other = node.managed
        if other is not None and desired.members is not None and not _same_members(other, desired):
            raise InvalidParameter(
                f"{other.path} and {desired.path} both set the members of the target list '{node.name}'. Set them once,"
                " or use other lists."
            )
        node.desired.append(desired)
        return node

    def _new_node(self, name: str) -> _Node:
        step = Step(
            purpose=f"Creating {self._of('target list', name)}",
            method="POST",
            path=TARGET_LIST.routes.list,
            ids={"pipeline_id": self._pipeline_id},
        )
        step.find_existing = functools.partial(self._find_created, TARGET_LIST, step.ids, ("name", "target_list_type"))
        self._add(step, _LISTS)
        node = self._nodes[f"new {name}"] = _Node(KnownAfterApply(step, "id"), name, None)
        return node

    def _known(self, row: Row) -> _Node:
        """Return the target list after the task that a stage has anyway."""
        return self._nodes.setdefault(
            str(row["id"]), _Node(row["id"], str(row.get("name")), row.get("target_list_type"), row)
        )

    def _attach(self, stage: Stage, stage_id: Id, node: _Node, index: int) -> None:
        ids = {"stage_id": stage_id}

        def find(body: Row) -> Row | None:
            rows = self._children(TARGET_LIST, ids, ATTACHED)
            return next((row for row in rows if row["id"] == body["target_list_id"]), None)

        self._add(
            Step(
                purpose=f"Attaching the target list '{node.name}' to {self._of('stage', stage.name)}",
                method="POST",
                path=ATTACHED,
                ids=ids,
                body={"target_list_id": node.id},
                find_existing=find,
            ),
            _STAGE_LISTS + index,
        )

    # --- members ------------------------------------------------------------------------------------------------------

    def _plan_members(self) -> None:
        """Plan the names and members of all target lists of the task."""
        managed = [node for node in self._nodes.values() if node.managed is not None]
        # The diff shows the members of the lists that new ones replace.
        replaced = [row for row in self._lists if row["id"] in self._replaced]
        unread = [*(node.row for node in managed if node.row is not None), *replaced]
        if unread and self._reader is not None:
            self._reader.read_members(unread)
        for node in self._nodes.values():
            if node.row is None:
                if node.type is None:
                    raise InvalidParameter(
                        f"{node.desired[0].path} names the target list '{node.name}', which does not exist. Set its"
                        " devices or groups, or correct the name."
                    )
                create = t.cast("Step", node.id.step)
                create.body = {"name": node.name, "target_list_type": node.type}
            elif node.row.get("name") != node.name:
                body = {"name": node.name, "target_list_type": node.type}
                self._update("target list", node.row, _LIST, body, _LISTS, {"pipeline_id": self._pipeline_id})
            if node.managed is None:
                continue
            if node.type == DEVICES:
                self._plan_devices(node, node.managed)
            else:
                self._plan_groups(node, node.managed)

    def _plan_devices(self, node: _Node, desired: TargetList) -> None:
        current = {normal_id(row.get("device_id")): row for row in (node.row or {}).get("targets", ())}
        devices = {str(row["id"]): row for row in desired.members or ()}
        inactive = desired.inactive
        ids = {"pipeline_id": self._pipeline_id, "list_id": node.id}
        new = [
            {
                "device_id": key,
                "device_name": label_of(row),
                "device_alias": row.get("alias") or "",
                "is_active": key not in (inactive or ()),
            }
            for key, row in devices.items()
            if key not in current
        ]
        node.members = [
            {"name": label_of(row), "is_active": current.get(key, {}).get("is_active") is not False}
            if inactive is None
            else {"name": label_of(row), "is_active": key not in inactive}
            for key, row in devices.items()
        ]
        for part in in_parts(_DEVICES_PER_REQUEST, new):
            self._add(self._bulk(node, ids, part), _MEMBERS)
        for key, row in current.items():
            device = devices.get(key)
            if device is None:
                self._remove_target(node, row, ids)
                continue
            is_active = row.get("is_active") is not False if inactive is None else key not in inactive
            if label_of(device) != row.get("device_name") or is_active != (row.get("is_active") is not False):
                body = {"device_name": label_of(device), "is_active": is_active}
                purpose = f"Updating the device '{label_of(device)}' in {self._of('target list', node.name)}"
                path = f"{TARGET.routes.list}{{id}}/"
                self._add(Step(purpose, "PUT", path, {**ids, "id": str(row["id"])}, body=body), _MEMBERS)

    def _bulk(self, node: _Node, ids: Row, devices: list[Row]) -> Step:
        purpose = f"Adding devices to {self._of('target list', node.name)}"
        names = {each["device_id"]: each["device_name"] for each in devices}

        def check(body: Row) -> Row:
            """Return the body. Raise EsperError if Esper did not add a device."""
            if errors := body.get("errors"):
                texts = [_error_text(each, names) for each in errors]
                raise EsperError(f"{purpose} failed: Esper rejected {listed(texts, _MAX_NAMED)}.")
            return body

        path = TARGET.routes.list.replace("/targets/", "/targets-bulk/")
        return Step(purpose, "POST", path, dict(ids), body=devices, extract_object=check, response_key="skipped_count")

    def _remove_target(self, node: _Node, row: Row, ids: Row) -> None:
        name = row.get("device_name") or row.get("device_id")
        purpose = f"Removing the device '{name}' from {self._of('target list', node.name)}"
        path = f"{TARGET.routes.list}{{id}}/"
        self._add(Step(purpose, "DELETE", path, {**ids, "id": str(row["id"])}), _REMOVED)

    def _plan_groups(self, node: _Node, desired: TargetList) -> None:
        links = {normal_id(row.get("device_group_id")): row for row in (node.row or {}).get("device_groups", ())}
        groups = {row["id"]: row for row in desired.members or ()}
        node.members = [{"name": label_of_group(row)} for row in groups.values()]
        ids = {"pipeline_id": self._pipeline_id, "list_id": node.id}
        for key, row in groups.items():
            if key in links:
                continue
            step = Step(
                purpose=f"Adding the device group '{label_of_group(row)}' to {self._of('target list', node.name)}",
                method="POST",
                path=GROUP_LINK.routes.list,
                ids=dict(ids),
                body={"device_group_id": key},
            )
            step.find_existing = functools.partial(self._find_created, GROUP_LINK, step.ids, ("device_group_id",))
            self._add(step, _MEMBERS)
        path = f"{GROUP_LINK.routes.list}{{id}}/"
        for key, link in links.items():
            if key not in groups:
                purpose = f"Removing a device group from {self._of('target list', node.name)}"
                again = Step(purpose, "DELETE", path, {**ids, "id": str(link["id"])})
                self._add(Step(purpose, "DELETE", path, {**ids, "id": str(key)}, alternative=again), _REMOVED)

    # --- operations ---------------------------------------------------------------------------------------------------

    def _plan_operation_lists(self, desired: list[OperationList], row: Row | None, after: Row, *, exact: bool) -> None:
        existing = row["operation_lists"] if row else []
        pairs, surplus = _match_operation_lists(desired, existing)
        stage_id, result = after["id"], []
        ids = {"stage_id": stage_id}
        for index, (each, found) in enumerate(pairs):
            if found is None:
                values = {"name": each.name, "pipeline_id": self._pipeline_id}
                values |= {} if each.description is None else {"description": each.description}
                step = self._create("operation list", OPERATION_LIST, str(each.name), values, _STAGE_LISTS + index, ids)
                created = {key: KnownAfterApply(step, key) for key in ("id", "description")}
                list_after: Row = {**created, **values, "operations": []}
            else:
                values = {} if each.is_default or each.name is None else {"name": each.name}
                values |= {} if each.description is None else {"description": each.description}
                list_after = {**found, **values}
                if any(not matches(found.get(key), value) for key, value in values.items()):
                    body = {key: list_after[key] for key in ("name", "description") if list_after.get(key) is not None}
                    body["pipeline_id"] = self._pipeline_id
                    self._update("operation list", found, _OPERATION_LIST, body, _STAGE_LISTS, ids)
            if each.operations is not None:
                list_after["operations"] = self._plan_operations(each.operations, found, list_after)
            result.append(list_after)
        for gone in surplus if exact else ():
            self._remove("operation list", gone, _OPERATION_LIST, _REMOVED_OPERATION_LISTS, ids)
        # In the order of the pipeline: those that exist are before new ones.
        kept = {id(found): list_after for (_each, found), list_after in zip(pairs, result, strict=True) if found}
        after["operation_lists"] = [
            *(kept.get(id(each), each) for each in existing if id(each) in kept or not exact),
            *(list_after for (_each, found), list_after in zip(pairs, result, strict=True) if found is None),
        ]

    def _plan_operations(self, desired: list[Operation], row: Row | None, owner: Row) -> list[Row]:
        """Plan the operations of a list, place by place. Return them afterwards."""
        existing = row["operations"] if row else []
        where = f"{self._of('operation list', owner['name'])}"
        result = []
        for index, operation in enumerate(desired):
            current = existing[index] if index < len(existing) else None
            if current is not None and operation.is_same(current):
                if current["args"] is None:
                    self.warnings.append(
                        f"Esper returned arguments of the operation {operation.type} in {where} that cannot be read, so"
                        " the module does not compare them."
                    )
                result.append(current)
                continue
            if operation.risk and not operation.is_copy:
                self.risks.append(f"the operation {operation.type}, which {operation.risk}")
            sent = operation if current is None else operation.merged(current)
            body = {"operation_type": sent.type, "args": sent.args}
            step = Step(
                purpose=f"{'Adding' if current is None else 'Changing'} operation {index + 1} ({sent.type}) of {where}",
                method="POST" if current is None else "PUT",
                path=OPERATION.routes.list if current is None else f"{OPERATION.routes.list}{{id}}/",
                ids={"list_id": owner["id"], **({} if current is None else {"id": str(current["id"])})},
                body=body,
                extract_object=functools.partial(_check_type, sent.type),
            )
            if current is None:
                step.find_existing = functools.partial(self._find_operation, step.ids, index)
            self._add(step, _OPERATIONS + index)
            result.append({**body, "id": KnownAfterApply(step, "id") if current is None else current["id"]})
        for index in range(len(existing) - 1, len(desired) - 1, -1):
            current = existing[index]
            purpose = f"Deleting operation {index + 1} ({current.get('operation_type')}) of {where}"
            ids = {"list_id": owner["id"], "id": str(current["id"])}
            step = Step(purpose, "DELETE", f"{OPERATION.routes.list}{{id}}/", ids)
            # From the end, so an interrupted task leaves the first ones.
            self._add(step, _REMOVED_OPERATIONS - index)
        return result

    def _find_operation(self, ids: Row, index: int, body: Row) -> Row | None:
        """Return the operation at a place if it is the one that was sent."""
        rows = operations_in_order(self._children(OPERATION, ids, OPERATION.routes.list))
        operation = Operation(body["operation_type"], body["args"], body["args"])
        return rows[index] if index < len(rows) and operation.is_same(rows[index]) else None

    # --- what is removed ----------------------------------------------------------------------------------------------

    def _remove_unused_lists(
        self, planned: t.Sequence[tuple[Stage, Row | None]], removed: list[Row], *, exact: bool
    ) -> None:
        """Delete the target lists that no stage has: with ``exact`` all of them, otherwise those that new lists
        replace. Without a stage that manages its lists, or that is deleted, nothing is deleted."""
        if not self._replaced and not (
            exact and (removed or any(each.target_lists is not None for each, _row in planned))
        ):
            return
        self._read_whole()
        managed = {after["id"] for after, _nodes in self._attached}
        gone = {row["id"] for row in removed}
        used = {node.id for _after, nodes in self._attached for node in nodes}
        for stage in self._tree.stages:
            if stage["id"] not in managed | gone:
                used |= {each["id"] for each in stage["target_lists"]}
        for row in self._all_lists() if exact else self._lists:
            if row["id"] not in used and (exact or row["id"] in self._replaced):
                self._remove("target list", row, _LIST, _REMOVED_LISTS)

    # --- steps --------------------------------------------------------------------------------------------------------

    def _add(self, step: Step, phase: int) -> Step:
        self._phases[step] = phase
        return step

    def _create(self, title: str, kind: Kind, name: str, body: Row, phase: int, ids: Row) -> Step:
        step = Step(f"Creating {self._of(title, name)}", "POST", kind.routes.list, dict(ids), body=body)
        step.find_existing = functools.partial(self._find_created, kind, step.ids, ("name",))
        return self._add(step, phase)

    def _update(self, title: str, row: Row, path: str, body: Row, phase: int, ids: Row, verb: str = "Updating") -> None:
        purpose = f"{verb} {self._of(title, row.get('name'))}"
        self._add(Step(purpose, "PUT", path, {**ids, "id": str(row["id"])}, body=body), phase)

    def _remove(self, title: str, row: Row, path: str, phase: int, ids: Row | None = None) -> None:
        ids = {"pipeline_id": self._pipeline_id} if ids is None else ids
        step = Step(f"Deleting {self._of(title, row.get('name'))}", "DELETE", path, {**ids, "id": str(row["id"])})
        self._add(step, phase)

    def _find_created(self, kind: Kind, ids: Row, keys: tuple[str, ...], body: Row) -> Row | None:
        """Return the part that a request created, although its response is lost."""
        rows = self._children(kind, ids, kind.routes.list)
        return next((row for row in rows if all(row.get(key) == body[key] for key in keys)), None)

    def _children(self, kind: Kind, ids: Row, path: str) -> list[Row]:
        client = self._view.client
        target = client.target(path, {key: str(value) for key, value in resolve_unknowns(ids).items()})
        return self._view.list_at(target, kind=kind, page_size=None, purpose=f"Looking for the {kind.title}")

    def _of(self, title: str, name: t.Any) -> str:
        return f"the {title} '{name}' of the {self._phrase}"

    # --- the tree afterwards ------------------------------------------------------------------------------------------

    def _stages_after(self, others: list[Row]) -> list[Row]:
        """Return the stages in their order after the task: those that exist, without those that are deleted, then new
        ones. ``others`` are existing stages that the task does not name."""
        for stage, nodes in self._attached:
            stage["target_lists"] = [_list_after(node) for node in nodes]
        after = {stage["id"]: stage for stage in (*self.stages, *others)}
        existing = [row["id"] for row in self._tree.stages if row["id"] in after]
        new = [each for each in after if isinstance(each, KnownAfterApply)]
        return [after[each] for each in (*existing, *new)]


def _list_after(node: _Node) -> Row:
    row = {**(node.row or {}), "id": node.id, "name": node.name, "target_list_type": node.type}
    return row if node.members is None else {**row, "members": node.members}


def _match_operation_lists(
    desired: t.Sequence[OperationList], existing: list[Row]
) -> tuple[list[tuple[OperationList, Row | None]], list[Row]]:
    """Return the desired lists with the existing ones that they are, and the other existing ones. The only list of a
    stage is its default list, whatever its name is."""
    if len(desired) == 1 and desired[0].is_default and len(existing) == 1:
        return [(desired[0], existing[0])], []
    children = sync_children(desired, existing, title="operation list")
    return children.pairs, children.surplus


def _copies(row: Row, phrase: str) -> list[Operation]:
    return [copy_of(each, phrase) for each in row["operations"]]


def _same_members(one: TargetList, other: TargetList) -> bool:
    ids = [{row["id"] for row in each.members or ()} for each in (one, other)]
    return ids[0] == ids[1] and one.type == other.type and one.inactive == other.inactive


def _error_text(error: t.Any, names: t.Mapping[str, str]) -> str:
    device = error.get("device_id") if isinstance(error, dict) else error
    return f"'{names.get(str(device), device)}'"


def _check_type(sent: str, body: Row) -> Row:
    """Return the body of a response. Raise EsperError if Esper kept the type of an operation."""
    kept = body.get("operation_type", sent)
    if kept != sent:
        raise EsperError(
            f"Esper kept the type {kept} of an operation that this task changes to {sent}. Set recreate_stages=true and"
            " change the order of the stages, or delete the stage first."
        )
    return body


def _order_error(children: Children[Stage], phrase: str) -> str:
    names = [f"'{stage.name}'" for stage, row in children.pairs[children.kept :] if row is not None]
    return (
        f"The stages of the {phrase} cannot get the order of the task, because Esper adds new stages at the end and"
        f" does not move others. Set recreate_stages=true to delete and create {' and '.join(names)} again."
    )
