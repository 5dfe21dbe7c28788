# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree of a pipeline in the Esper API, and its reading.

Based on pipelines.yaml of the contract. A stage in the tree is the stage in API format, with its ``target_lists`` and
``operation_lists``. A target list has ``targets`` or ``device_groups``, if its members are read, and an operation list
has its ``operations``.

Choice: the lists take no ``limit``. The offset of the next page is that in the link, or the number of objects so far.
Choice: stages and operations run in the order of their creation, because neither has a position in the contract.
Choice: the arguments of an operation are an object, JSON in a text, or a Python literal in a text.
"""

from __future__ import annotations

import ast
import itertools
import json
import typing as t
from dataclasses import dataclass

from ..base.row import Row
from ..base.secret_keys import secret_values
from ..base.times import parse_time
from ..engine.tenant_view import TenantView
from ..http.paging import iterate
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape

PREFIX = "/pipelines/v0/"
PIPELINES = f"{PREFIX}pipelines/"
_PIPELINE = f"{PIPELINES}{{pipeline_id}}/"
RUNS = f"{_PIPELINE}runs/"
STAGES = f"{_PIPELINE}stages/"
TARGET_LISTS = f"{_PIPELINE}targetlists/"
TARGETS = f"{TARGET_LISTS}{{list_id}}/targets/"
DEVICE_GROUPS = f"{TARGET_LISTS}{{list_id}}/devicegroups/"
ATTACHED = f"{PREFIX}stages/{{stage_id}}/targetlists/"
OPERATION_LISTS = f"{PREFIX}stages/{{stage_id}}/operationlists/"
OPERATIONS = f"{PREFIX}operationlists/{{list_id}}/operations/"

DEVICES, GROUPS = "DEVICES", "GROUPS"


def _part(name: str, title: str, path: str, *fields: Field) -> Kind:
    """Return the kind of a part of a pipeline."""
    return Kind(
        name=name,
        title=title,
        plural=f"{name}s",
        routes=Routes(list=path, object=f"{path}{{id}}/", update="PUT", page_size=None),
        shape=Shape.READ_ONLY,
        fields=(Field("id", f"ID of the {title}.", writable=False), *fields),
    )


_NAME = Field("name")
_DESCRIPTION = Field("description")
_CREATED_AT = Field("created_at", "Time of creation.", writable=False)
STAGE = _part(
    "stage", "stage", STAGES, _NAME, _DESCRIPTION, Field("timeout", api="timeout_seconds", type="int"), _CREATED_AT
)
TARGET_LIST = _part("target_list", "target list", TARGET_LISTS, _NAME, Field("type", api="target_list_type"))
# No more fields than needed, because a list can have thousands of targets.
TARGET = _part("target", "target", TARGETS, Field("device_id"), Field("device_name"), Field("is_active", type="bool"))
GROUP_LINK = _part("group_link", "device group", DEVICE_GROUPS, Field("device_group_id"))
OPERATION_LIST = _part("operation_list", "operation list", OPERATION_LISTS, _NAME, _DESCRIPTION, _CREATED_AT)
OPERATION = _part(
    "operation",
    "operation",
    OPERATIONS,
    Field("type", api="operation_type"),
    Field("args", type="raw"),
    _CREATED_AT,
)
RUN = _part(
    "pipeline_run",
    "run",
    RUNS,
    Field("number", "Number of the run.", api="run_number", type="int"),
    Field("status", "Status of the run.", normalize=str.lower),
    Field("started_at", "Time at which the run started."),
    Field("ended_at", "Time at which the run ended."),
)
_ENDED = ("success", "failure", "cancelled", "timeout", "invalid")


@dataclass
class Tree:
    """The stages of a pipeline in their order, and all of its target lists, attached or not."""

    stages: list[Row]
    target_lists: list[Row]

    @property
    def unattached(self) -> list[Row]:
        """The target lists that no stage has."""
        attached = {each["id"] for stage in self.stages for each in stage["target_lists"]}
        return [row for row in self.target_lists if row["id"] not in attached]


class TreeReader:
    """Reads the parts of a pipeline, several at the same time. Methods raise the errors of Client.request()."""

    def __init__(self, view: TenantView, pipeline: Row, phrase: str) -> None:
        self._view = view
        self._id = str(pipeline["id"])
        self._phrase = phrase

    def read(self, *, has_targets: bool = True, has_operations: bool = True, has_unattached: bool = True) -> Tree:
        """Return the stages with their target lists, their operation lists and the operations in these.

        ``has_targets`` and ``has_operations`` say what is read of each stage, ``has_unattached`` whether target lists
        that no stage has are read, too. The members of the target lists are not read.
        """
        stages_path, lists_path = self._path(STAGES), self._path(TARGET_LISTS)
        self._read([stages_path, *([lists_path] if has_unattached else [])], "stages")
        stages = [dict(row) for row in _in_order(self._rows(STAGE, stages_path))]
        known = self._rows(TARGET_LIST, lists_path) if has_unattached else []
        target_lists = {str(row["id"]): dict(row) for row in known}
        attached = [self._path(ATTACHED, stage_id=stage["id"]) for stage in stages if has_targets]
        operations = [self._path(OPERATION_LISTS, stage_id=stage["id"]) for stage in stages if has_operations]
        self._read([*attached, *operations], "lists")
        for stage, path in zip(stages, attached, strict=False):
            rows = self._rows(TARGET_LIST, path)
            # One list can be attached to several stages.
            stage["target_lists"] = [target_lists.setdefault(str(row["id"]), dict(row)) for row in rows]
        for stage, path in zip(stages, operations, strict=False):
            stage["operation_lists"] = [dict(row) for row in _in_order(self._rows(OPERATION_LIST, path))]
        self._read_operations([each for stage in stages for each in stage.get("operation_lists", ())])
        return Tree(stages, list(target_lists.values()))

    def _read_operations(self, lists: list[Row]) -> None:
        paths = [self._path(OPERATIONS, list_id=row["id"]) for row in lists]
        self._read(paths, "operations")
        for row, path in zip(lists, paths, strict=True):
            row["operations"] = operations_in_order(self._rows(OPERATION, path))
            for each in row["operations"]:
                self._view.client.hide(*secret_values(each["args"]))

    def read_all_lists(self, tree: Tree) -> None:
        """Add the target lists that no stage has to a tree."""
        known = {row["id"] for row in tree.target_lists}
        path = self._path(TARGET_LISTS)
        self._read([path], "target lists")
        tree.target_lists += [dict(row) for row in self._rows(TARGET_LIST, path) if row["id"] not in known]

    def read_members(self, lists: t.Sequence[Row]) -> None:
        """Add the members to target lists: ``targets`` to those of devices, ``device_groups`` to those of groups."""
        paths = self.prefetch_members(lists)
        for row in lists:
            if kind := members_of(row):
                key = "targets" if kind is TARGET else "device_groups"
                row[key] = self._rows(kind, paths[id(row)])

    def prefetch_members(self, lists: t.Sequence[Row]) -> dict[int, str]:
        """Read what read_members() needs, and return the paths of the members by the identity of the rows."""
        paths = {
            id(row): self._path(kind.routes.list, list_id=row["id"])
            for row in lists
            if (kind := members_of(row)) is not None
        }
        self._read(paths.values(), "target lists")
        return paths

    def read_devices(self, lists: t.Sequence[Row]) -> None:
        """Add the devices in their device groups, as Esper has them now, to target lists with their members."""
        paths = {
            id(row): [
                self._path(f"{DEVICE_GROUPS}{{group_id}}/devices/", list_id=row["id"], group_id=link["device_group_id"])
                for link in row["device_groups"]
                if link.get("device_group_id")
            ]
            for row in lists
        }
        self._read([path for each in paths.values() for path in each], "devices")
        for row in lists:
            row["devices"] = [device for path in paths[id(row)] for device in self._rows(None, path)]

    def last_runs(self, number: int) -> list[Row]:
        """Return the latest runs of the pipeline, the latest first."""
        query = {"ordering": "-run_number"}
        rows = iterate(self._view.client, self._path(RUNS), query=query, page_size=None, purpose=self._purpose("runs"))
        typed = [self._view.typed(RUN, row) for row in itertools.islice(rows, number)]
        return [row for row in typed if row is not None]

    def _path(self, path: str, **ids: t.Any) -> str:
        return self._view.client.target(
            path, {"pipeline_id": self._id, **{name: str(value) for name, value in ids.items()}}
        )

    def _read(self, paths: t.Iterable[str], what: str) -> None:
        self._view.read_lists(paths, page_size=None, purpose=self._purpose(what))

    def _rows(self, kind: Kind | None, path: str) -> list[Row]:
        """Return a list that _read() has read."""
        return self._view.list_at(path, kind=kind, page_size=None, purpose=self._purpose("parts"))

    def _purpose(self, what: str) -> str:
        return f"Reading the {what} of the {self._phrase}"


def is_active_run(run: Row) -> bool:
    """Return whether a run has not ended. Its status can be in upper case."""
    return str(run.get("status")).lower() not in _ENDED


def members_of(target_list: Row) -> Kind | None:
    """Return the kind of the members of a target list, None for a type without members in the contract."""
    return {DEVICES: TARGET, GROUPS: GROUP_LINK}.get(str(target_list.get("target_list_type")))


def operations_in_order(rows: list[Row]) -> list[Row]:
    """Return the operations of a list in their order, with their arguments as a dict: see parse_args()."""
    return [{**row, "args": parse_args(row.get("args"))} for row in _in_order(rows)]


def parse_args(args: t.Any) -> Row | None:
    """Return the arguments of an operation, None if they are a text that cannot be read."""
    for parse in (json.loads, ast.literal_eval):
        if not isinstance(args, str):
            break
        if not args.strip():
            return {}
        try:
            args = parse(args)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    if args is None:
        return {}
    return args if isinstance(args, dict) else None


def _in_order(rows: list[Row]) -> list[Row]:
    """Return stages or operations in the order of their creation. Without valid times, the order of the list counts."""
    times = [parse_time(str(row.get("created_at"))) for row in rows]
    known = [time for time in times if time is not None]
    if len(known) < len(rows):
        return rows
    return [rows[index] for index in sorted(range(len(rows)), key=known.__getitem__)]
