# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of a pipeline as a task describes them: their options, and the objects that they name."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..base.errors import InvalidParameter
from ..base.ids import normal_id
from ..base.row import Params, Row
from ..base.text import composed
from ..base.validators import in_range
from ..engine.tenant_view import TenantView
from ..http.parallel import together
from ..model.module_spec import Option
from .device_group import device_groups
from .device_group_lookup import path_of
from .device_search import DEVICE, DeviceLookup
from .pipeline_operations import Operation, OperationResolver, operations_option
from .pipeline_tree import DEVICES, GROUPS

_TIMEOUT = in_range(1)


def _names(name: str, *doc: str) -> Option:
    return Option(name, doc, type="list", elements="str", identifier=True)


def _members(subject: str) -> tuple[Option, ...]:
    return (
        _names(
            "devices",
            f"Devices of the {subject}, by name, alias, serial number or ID. The list replaces the existing one.",
            "The module looks up devices one by one, or in the list of all devices if this takes fewer requests.",
        ),
        _names(
            "groups",
            f"Device groups of the {subject}, by path, name or ID. The list replaces the existing one.",
        ),
        Option(
            "subgroups",
            "If V(true), C(groups) also includes the groups below them, as they are when the task runs.",
            type="bool",
            default=False,
        ),
    )


STAGES_OPTION = Option(
    "stages",
    (
        "Stages of the pipeline, in the order in which they run.",
        "Other stages are not changed, unless O(exact=true).",
        "Esper adds a new stage at the end. If a stage must move, or be created before others, the task fails unless"
        " O(recreate_stages=true).",
        "A stage has target lists and operation lists. In most pipelines it has one of each. Then set"
        " O(stages[].devices) or O(stages[].groups), and O(stages[].operations).",
    ),
    type="list",
    elements="dict",
    options=(
        Option(
            "name",
            "Name of the stage, case-sensitive. With O(stages[].id), its new name.",
            required=True,
            identifier=True,
        ),
        Option("id", "ID of the stage. Required to rename a stage.", identifier=True),
        Option("description", "Description of the stage."),
        Option(
            "timeout_seconds",
            "Time in seconds after which a run of the stage times out. Esper documents 7 days as the default of a run.",
            type="int",
        ),
        *_members("stage"),
        operations_option("Operations of the stage."),
        Option(
            "target_lists",
            (
                "Target lists of the stage. Other target lists stay attached, unless O(exact=true).",
                "If several stages name one list, it is attached to each of them. Set its members in one stage, and"
                " only its name in the others.",
            ),
            type="list",
            elements="dict",
            options=(
                Option(
                    "name",
                    "Name of the list. With O(stages[].target_lists[].id), its new name, otherwise required.",
                    identifier=True,
                ),
                Option("id", "ID of the list. Required to rename a list.", identifier=True),
                *_members("list"),
                _names(
                    "inactive",
                    "Devices of O(stages[].target_lists[].devices) that take no part in runs, although they stay in the"
                    " list. If omitted, new devices are active, and others are not changed.",
                ),
            ),
            rules={
                "required_one_of": [("name", "id")],
                "mutually_exclusive": [("devices", "groups")],
                "required_by": {"inactive": ("devices",)},
            },
        ),
        Option(
            "operation_lists",
            "Operation lists of the stage. Other operation lists are not changed, unless O(exact=true).",
            type="list",
            elements="dict",
            options=(
                Option(
                    "name",
                    "Name of the list. With O(stages[].operation_lists[].id), its new name, otherwise required.",
                    identifier=True,
                ),
                Option("id", "ID of the list. Required to rename a list.", identifier=True),
                Option("description", "Description of the list."),
                operations_option("Operations of the list."),
            ),
            rules={"required_one_of": [("name", "id")]},
        ),
    ),
    rules={
        "mutually_exclusive": [
            ("devices", "groups", "target_lists"),
            ("operations", "operation_lists"),
        ]
    },
)


@dataclass(eq=False)
class TargetList:
    """A desired target list. ``members`` are devices or device groups, None if they are not managed.

    ``inactive`` are the IDs of inactive devices, None if that is not managed. A ``default`` list is that of a stage
    with one list, whatever its name is. ``path`` is the path of the option in messages.
    """

    path: str
    name: str | None
    id: str | None = None
    type: str | None = None
    members: list[Row] | None = None
    inactive: set[str] | None = None
    is_default: bool = False


@dataclass(eq=False)
class OperationList:
    """A desired operation list: see TargetList. ``operations`` is None if they are not managed."""

    path: str
    name: str | None
    id: str | None = None
    description: str | None = None
    operations: list[Operation] | None = None
    is_default: bool = False


@dataclass(eq=False)
class Stage:
    """A desired stage. What is None is not managed."""

    path: str
    name: str
    id: str | None = None
    description: str | None = None
    timeout_seconds: int | None = None
    target_lists: list[TargetList] | None = None
    operation_lists: list[OperationList] | None = None

    @property
    def values(self) -> Row:
        """The values of the stage itself that the task sets, in API format."""
        values = {name: getattr(self, name) for name in ("name", "description", "timeout_seconds")}
        return {name: value for name, value in values.items() if value is not None}


def check_stages(stages: t.Sequence[Params]) -> None:
    """Raise InvalidParameter if stages contradict each other, before anything is read."""
    names: dict[str, int] = {}
    for index, stage in enumerate(stages):
        name = composed(stage["name"]).strip()
        earlier = names.setdefault(name, index)
        if earlier != index:
            raise InvalidParameter(f"stages[{earlier}] and stages[{index}] both have the name '{name}'. List it once.")
        if stage.get("timeout_seconds") is not None and (error := _TIMEOUT(stage["timeout_seconds"])):
            raise InvalidParameter(f"The option stages[{index}].timeout_seconds {error}.")
        for option in ("target_lists", "operation_lists"):
            _check_names(stage.get(option) or [], f"stages[{index}].{option}")


def _check_names(lists: t.Sequence[Params], path: str) -> None:
    keys: dict[t.Any, int] = {}
    for index, each in enumerate(lists):
        key = normal_id(each["id"]) if each.get("id") is not None else composed(each["name"]).strip()
        earlier = keys.setdefault(key, index)
        if earlier != index:
            raise InvalidParameter(f"{path}[{earlier}] and {path}[{index}] are the same list. List it once.")


class StageResolver:
    """Resolves the stages of a task, with the objects that they name. Methods raise the errors of Client.request(),
    InvalidParameter, NotFound and Ambiguous."""

    def __init__(self, view: TenantView) -> None:
        self._view = view
        self._devices = DeviceLookup(view, DEVICE)
        self._groups = device_groups(view)
        self._operations = OperationResolver(view)

    def prefetch(self, several: t.Iterable[t.Sequence[Params]]) -> None:
        """Read the devices and device groups that the stages of several pipelines name with few requests."""
        lists = [each for stages in several for stage in stages for each in _lists_in(stage)]
        names = {name for each in lists for name in (*(each.get("devices") or ()), *(each.get("inactive") or ()))}
        groups = {name for each in lists for name in each.get("groups") or ()}
        if any(each.get("subgroups") and each.get("groups") for each in lists):
            # Finding the groups below others takes the list of all groups.
            self._view.preload(self._groups.kind)
        self._groups.prefetch(sorted(groups))
        together(
            self._view.client,
            lambda: self._devices.prefetch(sorted(names)) if names else None,
            lambda: self._groups.list_groups() if self._view.is_preloaded(self._groups.kind) else None,
        )

    def resolve(self, stages: t.Sequence[Params]) -> list[Stage]:
        """Return the desired stages."""
        self.prefetch([stages])
        return [self._stage(params, f"stages[{index}]") for index, params in enumerate(stages)]

    def _stage(self, params: Params, path: str) -> Stage:
        name = composed(params["name"]).strip()
        stage = Stage(path, name, params.get("id"), params.get("description"), params.get("timeout_seconds"))
        if any(params.get(option) is not None for option in ("devices", "groups")):
            stage.target_lists = [replace(self._target_list(params, path), name=name, id=None, is_default=True)]
        elif params.get("target_lists") is not None:
            lists = enumerate(params["target_lists"])
            stage.target_lists = [self._target_list(each, f"{path}.target_lists[{index}]") for index, each in lists]
        if params.get("operations") is not None:
            operations = self._operations_of(params, path)
            stage.operation_lists = [OperationList(path, name, operations=operations, is_default=True)]
        elif params.get("operation_lists") is not None:
            stage.operation_lists = [
                OperationList(
                    each_path,
                    _stripped(each.get("name")),
                    each.get("id"),
                    each.get("description"),
                    self._operations_of(each, each_path),
                )
                for index, each in enumerate(params["operation_lists"])
                for each_path in [f"{path}.operation_lists[{index}]"]
            ]
        return stage

    def _target_list(self, params: Params, path: str) -> TargetList:
        result = TargetList(path, _stripped(params.get("name")), params.get("id"))
        if params.get("devices") is not None:
            rows = self._devices.resolve_all(params["devices"])
            result.type, result.members = DEVICES, _unique(rows)
        elif params.get("groups") is not None:
            rows = [self._groups.resolve(name) for name in params["groups"]]
            if params.get("subgroups"):
                rows = [below for row in rows for below in self._groups.list_subtree(row)]
            result.type, result.members = GROUPS, _unique(rows)
        if params.get("inactive") is not None:
            members = {row["id"] for row in result.members or ()}
            for name, row in zip(params["inactive"], self._devices.resolve_all(params["inactive"]), strict=True):
                if row["id"] not in members:
                    raise InvalidParameter(f"The device '{name}' in {path}.inactive is not in {path}.devices. Add it.")
            result.inactive = {row["id"] for row in self._devices.resolve_all(params["inactive"])}
        return result

    def _operations_of(self, params: Params, path: str) -> list[Operation] | None:
        if params.get("operations") is None:
            return None
        operations = enumerate(params["operations"])
        return [self._operations.resolve(each, f"{path}.operations[{index}]") for index, each in operations]


def label_of_group(row: Row) -> str:
    """Return the path of a device group for messages and results."""
    return path_of(row)


def _lists_in(stage: Params) -> list[Params]:
    return [stage, *(stage.get("target_lists") or ())]


def _stripped(name: str | None) -> str | None:
    return None if name is None else composed(name).strip()


def _unique(rows: t.Iterable[Row]) -> list[Row]:
    return list({row["id"]: row for row in rows}.values())
