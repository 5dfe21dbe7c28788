# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that assigns tile icons to devices, and removes them.

Based on /v1/enterprise/{enterprise_id}/tile-icon-apply/, tile-icon-unapply/ and report/device-tiles/ of the contract
(v1.yaml). Both POST requests set a state, so they can be repeated.

Choice: ``icon`` of a device tile is the ID of the icon, or a link to it. If it is neither, the module cannot recognize
the icon, so it assigns the icon in each run.
Choice: ``icon`` with null removes the icon from devices, device groups or all devices. The schema accepts null, and no
other operation removes an icon from a device.
Choice: an icon that is assigned to a device group is assigned to the devices in its subgroups, too.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..base.errors import InvalidParameter
from ..base.ids import last_uuid, normal_id
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.apply import apply_each, raise_first
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.parallel import in_parts
from ..kinds.device_group import device_groups
from ..kinds.device_group_lookup import path_of
from ..kinds.device_search import devices_option, label_of, require_devices
from ..kinds.device_tile import DEVICE_TILE
from ..kinds.linked_file import without_query
from ..kinds.tile_icon import TILE_ICON
from ..model.api_paths import read_field
from ..model.module_spec import ModuleSpec, Option, Value
from ..model.plan import Step
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry

_APPLY = "/v1/enterprise/{enterprise_id}/tile-icon-apply/"
_UNAPPLY = "/v1/enterprise/{enterprise_id}/tile-icon-unapply/"
# Maximum numbers in a request.
_DEVICES_PER_REQUEST = 100
_GROUPS_PER_REQUEST = 10
# Maximum number of devices whose tiles are read one by one, rather than in the list of all tiles.
_FEW = 5
_TARGETS = ("devices", "groups", "device_model", "all_devices")

MODULE = ModuleSpec(
    short_description="Assign Esper tile icons to devices",
    description=(
        "Assigns a tile icon to devices, or removes their icons. The Esper console shows the icon on the tiles of the"
        " devices, in tenants that use templates.",
        "The module reads the device tiles first, and sends no request for devices that have the icon.",
        "Only Android devices have tiles. For other devices in O(devices), the task reports a change in each run.",
        "Esper does not document how a tile refers to its icon. If the module does not recognize it, the task reports a"
        " change in each run.",
    ),
    options=(
        Option(
            "state",
            "V(present) assigns O(icon). V(absent) removes the icons of the devices.",
            choices=("present", "absent"),
            default="present",
        ),
        Option(
            "icon",
            "Tile icon, by ID or by the device model of which it is the custom icon. Not allowed if O(state=absent).",
            identifier=True,
        ),
        devices_option(),
        Option(
            "groups",
            "Device groups by path, name or ID. The devices in their subgroups are included.",
            type="list",
            elements="str",
            identifier=True,
        ),
        Option("device_model", "Model of the devices, case-sensitive.", identifier=True),
        Option("all_devices", "If V(true), all devices of the tenant. V(false) selects nothing.", type="bool"),
        Option(
            "compare",
            "If V(true), reads the device tiles first. If V(false), always sends the requests and reports a change.",
            type="bool",
            default=True,
        ),
    ),
    rules={
        "required_one_of": [_TARGETS],
        "mutually_exclusive": [_TARGETS],
        "required_if": [("state", "present", ("icon",))],
    },
    returns=(
        Value(
            "device_count",
            "Number of devices whose icon changes. Null if O(compare=false), except for O(devices).",
            type="int",
            sample=12,
        ),
    ),
    seealso=("tile_icon", "device_tile_info"),
)


@dataclass
class _Change:
    """The requests of a task, and the names and current icons of the devices that it changes, by their IDs. ``count``
    is the number of these devices, None if it is not known."""

    steps: list[Step] = field(default_factory=list)
    devices: dict[t.Any, tuple[str, t.Any]] = field(default_factory=dict)
    count: int | None = 0


class _Assignment:
    """Plans the requests that assign an icon, or remove icons."""

    def __init__(self, view: TenantView, params: Params) -> None:
        self._view = view
        self._compares: bool = params["compare"]
        self._icon: Row | None = None
        if params["state"] == "present":
            self._icon = lookup_of(view, TILE_ICON).resolve(params["icon"])
        self.icon_id = None if self._icon is None else str(self._icon["id"])
        self._purpose = "Removing tile icons" if self._icon is None else f"Assigning the {TILE_ICON.phrase(self._icon)}"

    def plan(self, params: Params) -> _Change:
        if params["devices"] is not None:
            return self._plan_devices(params["devices"])
        if params["groups"] is not None:
            return self._plan_groups(params["groups"])
        if params["device_model"] is not None:
            return self._plan_model(params["device_model"].strip())
        change = self._differing(None)
        return self._with_steps(change, [{"apply_mode": "all_devices"}], "all devices")

    def _plan_devices(self, names: list[str]) -> _Change:
        devices = require_devices(self._view, names)
        if not self._compares:
            differing, change = devices, _Change(count=len(devices))
        else:
            queries = [{"name": row["name"]} for row in devices] if len(devices) <= _FEW else [None]
            tiles = {_device_id(tile): tile for query in queries for tile in self._tiles(query)}
            # A device without a tile can get an icon, too.
            differing = [row for row in devices if not self._has_icon(tiles.get(normal_id(row["id"])))]
            known = {row["id"]: (label_of(row), _shown(tiles.get(normal_id(row["id"])))) for row in differing}
            change = _Change(devices=known, count=len(differing))
        ids = [str(row["id"]) for row in differing]
        bodies = [{"apply_mode": "devices", "devices": part} for part in in_parts(_DEVICES_PER_REQUEST, ids)]
        return self._with_steps(change, bodies, "devices")

    def _plan_groups(self, names: list[str]) -> _Change:
        lookup = device_groups(self._view)
        groups = list({row["id"]: row for row in map(lookup.resolve, names)}.values())
        change, selected = _Change(count=0 if self._compares else None), []
        for group in groups:
            own = self._differing({"group_multi": group["id"]})
            change.devices |= own.devices
            if own.devices or not self._compares:
                selected.append(group)
        change.count = len(change.devices) if self._compares else None
        bodies: list[Row] = [
            {"apply_mode": "groups", "groups": [row["id"] for row in part]}
            for part in in_parts(_GROUPS_PER_REQUEST, selected)
        ]
        return self._with_steps(change, bodies, f"the device groups {', '.join(map(path_of, selected))}")

    def _plan_model(self, model: str) -> _Change:
        change = self._differing({"model": model}, model)
        return self._with_steps(change, [{"apply_mode": "device_model", "device_model": model}], f"the model {model}")

    def _differing(self, query: Row | None, model: str | None = None) -> _Change:
        """Return the change of the devices whose tiles a query selects, and that do not have the icon."""
        if not self._compares:
            return _Change(count=None)
        tiles = [tile for tile in self._tiles(query) if model in (None, tile.get("model"))]
        known = {_device_id(tile): (_name(tile), _shown(tile)) for tile in tiles if not self._has_icon(tile)}
        return _Change(devices=known, count=len(known))

    def _with_steps(self, change: _Change, bodies: list[Row], target: str) -> _Change:
        if change.count == 0:
            return change
        purpose = f"{self._purpose} {'from' if self._icon is None else 'to'} {target}"
        for body in bodies:
            if self._icon is None and "device_model" in body:
                change.steps.append(Step(purpose, "POST", _UNAPPLY, body={"model": body["device_model"]}))
            else:
                change.steps.append(Step(purpose, "POST", _APPLY, body={"icon": self.icon_id, **body}))
        return change

    def _tiles(self, query: Row | None) -> list[Row]:
        return self._view.list_objects(DEVICE_TILE, query)

    def _has_icon(self, tile: Row | None) -> bool:
        """Return whether a device has the icon, or has none if the icons are removed."""
        icon = None if tile is None else tile.get("icon")
        if self._icon is None:
            return not icon
        links = {without_query(icon), icon} if isinstance(icon, str) else set()
        return bool(icon) and (
            last_uuid(icon) == self.icon_id or without_query(self._icon[TILE_ICON.link_key]) in links
        )


def _device_id(tile: Row) -> t.Any:
    return _value(tile, "device_id")


def _name(tile: Row) -> str:
    return str(_value(tile, "device_name") or _device_id(tile) or tile["id"])


def _shown(tile: Row | None) -> t.Any:
    return None if tile is None else without_query(tile.get("icon"))


def _value(tile: Row, name: str) -> t.Any:
    described = next(each for each in DEVICE_TILE.fields if each.name == name)
    return described.from_api(read_field(described, tile))


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    if params["all_devices"] is False:
        raise InvalidParameter("all_devices=false selects nothing. Set it to true, or set another selection.")
    if params["state"] == "absent" and params["icon"] is not None:
        raise InvalidParameter("icon is not allowed with state=absent, which removes any icon. Omit it.")
    assignment = _Assignment(view, params)
    change = assignment.plan(params)
    result: Row = {"changed": bool(change.steps), "device_count": change.count}
    if context.diff:
        before = dict(change.devices.values())
        after = dict.fromkeys(before, assignment.icon_id)
        entry = diff_entry(f"tile icons of {counted(len(change.devices))}", before, after)
        result["diff"] = [entry] if before else []
    if not context.check_mode:
        raise_first(apply_each(view, TILE_ICON, change.steps))
    return ModuleResult(result)


TILE_ICON_ASSIGNMENT = ModuleDefinition("tile_icon_assignment", MODULE, _run)
