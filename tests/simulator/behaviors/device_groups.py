# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Device groups: /enterprise/{enterprise_id}/devicegroup/ (legacy.yaml) and /v2/subgroups (v2.yaml)."""

from __future__ import annotations

from typing import Any

from exchange import ORIGIN, Answer, Behavior, Call, Refusal, found, legacy_list, refuse
from tenant import Device, Group, Tenant

# The table of thumbnails.
THUMBNAILS = "/enterprise/{enterprise_id}/devicegroup/thumbnail"

_NAME_LENGTH = 255
_DEVICES_A_CALL = 1000

_REGIONS = ("Stores", "Warehouses", "Offices", "Field Service")
_CITIES = (
    "Berlin",
    "München",
    "St. Gallen",
    'Köln "Süd"',
    "New York",
    "São Paulo",
    "東京",
    "O'Fallon",
    "Kraków",
    "Oslo",
)
_ROOMS = ("Tills", "Kiosks", "Back Office")


def seed(tenant: Tenant) -> None:
    """A tree of regions, cities and rooms; the same names are found again in other branches."""
    left = tenant.settings.groups
    regions = [tenant.add_group(name, tenant.root) for name in _REGIONS[:left]]
    left -= len(regions)
    number = 0
    while left:
        # Round after round each region gets a city, always another than its neighbors.
        turn, region = divmod(number, len(regions))
        again, place = divmod(turn + region, len(_CITIES))
        city = tenant.add_group(_CITIES[place] + (f" {again + 1}" if again else ""), regions[region].id)
        rooms = [tenant.add_group(room, city.id) for room in _ROOMS[: left - 1]]
        left -= 1 + len(rooms)
        number += 1


def list_groups(tenant: Tenant, call: Call) -> Answer:
    """GET .../devicegroup/: `name` finds any part of a name, in any case."""
    name = call.query.get("name", "").lower()
    groups = [group for group in tenant.groups.values() if name in group.name.lower()]
    return legacy_list(call, groups, show=lambda group: _shown(tenant, group))


def get_group(tenant: Tenant, call: Call) -> Answer:
    """GET .../devicegroup/{group_id}/."""
    return Answer(_shown(tenant, found(tenant.groups, call.values["group_id"])))


def create_group(tenant: Tenant, call: Call) -> Answer:
    """POST .../devicegroup/: below the root if no `parent` is named; `device_ids` are moved in."""
    parent = _parent(tenant, call.body.get("parent", tenant.root))
    name = _free_name(tenant, call.body["name"], parent)
    devices = _devices(tenant, call.body.get("device_ids", []))
    thumbnail = _thumbnail(tenant, call.body)
    group = tenant.add_group(name, parent.id)
    group.thumbnail = thumbnail
    _put(tenant, devices, group)
    return Answer(_shown(tenant, group), status=201)


def update_group(tenant: Tenant, call: Call) -> Answer:
    """PATCH or PUT .../devicegroup/{group_id}/: `action` says what is done; without one it is a rename."""
    group = found(tenant.groups, call.values["group_id"])
    action = call.query.get("action", "rename")
    if action not in _ACTIONS:
        raise refuse("action", f'"{action}" is not a valid choice.')
    _ACTIONS[action](tenant, group, call.body)
    return Answer(_shown(tenant, group))


def delete_group(tenant: Tenant, call: Call) -> Answer:
    """DELETE .../devicegroup/{group_id}/: only an empty group goes."""
    group = found(tenant.groups, call.values["group_id"])
    _refuse_root(group, "deleted")
    if tenant.children(group.id) or tenant.population[group.id]:
        raise Refusal(400, ["Device group with devices or sub-groups cannot be deleted. "])
    tenant.remove_group(group)
    return Answer(status=204)


def list_subgroups(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/subgroups: the ids below `parent_group_ids`; only the next level with `immediate`."""
    parents = [found(tenant.groups, parent.strip()) for parent in call.query["parent_group_ids"].split(",")]
    below = tenant.children if call.query.get("immediate", "").lower() == "true" else tenant.descendants
    ids = {group.id: None for parent in parents for group in below(parent.id)}
    return Answer({"content": {"subgroups": list(ids)}})


def _rename(tenant: Tenant, group: Group, body: dict[str, Any]) -> None:
    for other in ("parent", "device_ids"):
        if other in body:
            raise refuse(other, "Needs the action that changes it.")
    if "thumbnail" in body:
        group.thumbnail = _thumbnail(tenant, body)
        if "name" not in body:
            return
    if "name" not in body:
        raise refuse("name", "This field is required.")
    _refuse_root(group, "renamed")
    tenant.change_group(group, _free_name(tenant, body["name"], _parent(tenant, group.parent), group), group.parent)


def _move(tenant: Tenant, group: Group, body: dict[str, Any]) -> None:
    for wanted in ("name", "parent"):
        if wanted not in body:
            raise refuse(wanted, "This field is required.")
    _refuse_root(group, "moved")
    parent = _parent(tenant, body["parent"])
    if group in tenant.lineage(parent):
        raise refuse("parent", "A group cannot be moved below itself.")
    tenant.change_group(group, _free_name(tenant, body["name"], parent, group), parent.id)


def _add_devices(tenant: Tenant, group: Group, body: dict[str, Any]) -> None:
    _put(tenant, _devices(tenant, body.get("device_ids")), group)


def _remove_devices(tenant: Tenant, group: Group, body: dict[str, Any]) -> None:
    _refuse_root(group, "left")
    devices = _devices(tenant, body.get("device_ids"))
    for device in devices:
        if device.group_id != group.id:
            raise refuse("device_ids", f"{device.id} is not in this group.")
    _put(tenant, devices, _parent(tenant, group.parent))


_ACTIONS = {"rename": _rename, "move": _move, "add": _add_devices, "remove": _remove_devices}


def _shown(tenant: Tenant, group: Group) -> dict[str, Any]:
    """A group as it is read: `parent` is a URL, and the root has none."""
    enterprise = f"{ORIGIN}/enterprise/{tenant.settings.enterprise_id}/"
    shown = {
        "id": group.id,
        "name": group.name,
        "created_on": group.created_on,
        "enterprise": enterprise,
        "parent": group.parent and f"{enterprise}devicegroup/{group.parent}/",
        "device_count": tenant.population[group.id],
        "path": tenant.path(group),
        "children_count": len(tenant.children(group.id)),
        "thumbnail": group.thumbnail,
        "blueprint": group.blueprint,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _thumbnail(tenant: Tenant, body: dict[str, Any]) -> str | None:
    """The thumbnail in a body, which has to exist."""
    thumbnail: str | None = body.get("thumbnail")
    if thumbnail is not None and thumbnail not in tenant.objects[THUMBNAILS]:
        raise refuse("thumbnail", f'Invalid pk "{thumbnail}" - object does not exist.')
    return thumbnail


def _parent(tenant: Tenant, parent: Any) -> Group:
    if parent not in tenant.groups:
        raise refuse("parent", f'Invalid pk "{parent}" - object does not exist.')
    return tenant.groups[parent]


def _free_name(tenant: Tenant, name: str, parent: Group, group: Group | None = None) -> str:
    """The name as it is kept, if no other group below `parent` has it."""
    name = name.strip()
    if not name:
        raise refuse("name", "This field may not be blank.")
    if len(name) > _NAME_LENGTH:
        raise refuse("name", f"Ensure this field has no more than {_NAME_LENGTH} characters.")
    if any(other.name == name and other is not group for other in tenant.children(parent.id)):
        raise Refusal(400, ["Device group already exists"])
    return name


def _devices(tenant: Tenant, device_ids: list[str] | None) -> list[Device]:
    if device_ids is None:
        raise refuse("device_ids", "This field is required.")
    if len(device_ids) > _DEVICES_A_CALL:
        raise refuse("device_ids", f"Ensure this field has no more than {_DEVICES_A_CALL} elements.")
    for device_id in device_ids:
        if device_id not in tenant.devices:
            raise refuse("device_ids", f'Invalid pk "{device_id}" - object does not exist.')
    return [tenant.devices[device_id] for device_id in device_ids]


def _put(tenant: Tenant, devices: list[Device], group: Group) -> None:
    """Move devices to a group, and assign its blueprint to them. They converge after a converge command."""
    for device in devices:
        changes: dict[str, Any] = {"group_id": group.id}
        if group.blueprint:
            changes["blueprint_info"] = device.document["blueprint_info"] | {"assigned_blueprint_id": group.blueprint}
        tenant.change_device(device, **changes)


def _refuse_root(group: Group, what: str) -> None:
    if group.parent is None:
        raise Refusal(400, [f"The group {group.name} cannot be {what}. "])


OPERATIONS: dict[str, Behavior] = {
    "GET /enterprise/{enterprise_id}/devicegroup/": list_groups,
    "POST /enterprise/{enterprise_id}/devicegroup/": create_group,
    "GET /enterprise/{enterprise_id}/devicegroup/{group_id}/": get_group,
    "PUT /enterprise/{enterprise_id}/devicegroup/{group_id}/": update_group,
    "PATCH /enterprise/{enterprise_id}/devicegroup/{group_id}/": update_group,
    "DELETE /enterprise/{enterprise_id}/devicegroup/{group_id}/": delete_group,
    "GET /v2/subgroups": list_subgroups,
}
