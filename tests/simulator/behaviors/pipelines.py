# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tree of a pipeline: target lists with their members, what stages attach, and operations (pipelines.yaml).

Pipelines, stages, target lists, operation lists and operations are derived. The targets of a list have a table of their
own, because a list can have thousands of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import orjson
from derived import Shown
from exchange import Answer, Behavior, Call, Check, apps_list, found, not_found, refuse
from tenant import Device, Tenant

Row = dict[str, Any]

PIPELINES = "/pipelines/v0/pipelines"
STAGES = f"{PIPELINES}/{{pipeline_id}}/stages"
TARGET_LISTS = f"{PIPELINES}/{{pipeline_id}}/targetlists"
OPERATION_LISTS = "/pipelines/v0/stages/{stage_id}/operationlists"
OPERATIONS_OF_LIST = "/pipelines/v0/operationlists/{operationlist_id}/operations"
_TARGETS = f"{TARGET_LISTS}/{{targetlist_id}}/targets"
_LINKS = f"{TARGET_LISTS}/{{targetlist_id}}/devicegroups"
_ATTACHED = "/pipelines/v0/stages/{stage_id}/targetlists"
# The largest number of targets in a request.
_MOST_TARGETS = 500


def seed(tenant: Tenant) -> None:
    """No pipeline."""


# --- what runs read ---------------------------------------------------------------------------------------------------


def stages_of(tenant: Tenant, pipeline_id: str) -> list[Row]:
    """The stages of a pipeline in their order, which is that of their creation."""
    return _below(tenant, STAGES, pipeline_id)


def operations_of(tenant: Tenant, stage_id: str) -> list[Row]:
    """The operations of a stage in their order, list by list. `args` are as they were sent."""
    lists = _below(tenant, OPERATION_LISTS, stage_id)
    return [row for each in lists for row in _below(tenant, OPERATIONS_OF_LIST, each["id"])]


def targets_of(tenant: Tenant, stage_id: str) -> list[tuple[str, Device]]:
    """The devices of a stage, each once, with the ID of the target that a run has for it.

    Those of lists of devices are its active targets. Those of a device group are the devices in it, without those in
    its subgroups, and the ID is that of the device.
    """
    pairs: dict[str, tuple[str, Device]] = {}
    for list_id in _attached(tenant, stage_id):
        for target in _targets(tenant, list_id).values():
            device = tenant.devices.get(target["device_id"])
            if device and target["is_active"]:
                pairs.setdefault(device.id, (target["id"], device))
        groups = {link["device_group_id"] for link in _links(tenant, list_id).values()}
        for device in tenant.devices.values() if groups else ():
            if device.group_id in groups:
                pairs.setdefault(device.id, (device.id, device))
    return list(pairs.values())


# --- tables -----------------------------------------------------------------------------------------------------------


def _below(tenant: Tenant, table: str, owner: str) -> list[Row]:
    return [row for key, row in tenant.objects[table].items() if tenant.owners.get(key) == owner]


def _targets(tenant: Tenant, list_id: str) -> dict[str, Row]:
    """The targets of a list by the IDs of their devices."""
    return tenant.objects[f"targets of {list_id}"]


def _links(tenant: Tenant, list_id: str) -> dict[str, Row]:
    """The links of a list by the IDs of their device groups."""
    return tenant.objects[f"device groups of {list_id}"]


def _attached(tenant: Tenant, stage_id: str) -> dict[str, Row]:
    """The target lists of a stage by ID."""
    known = tenant.objects[TARGET_LISTS]
    attached = tenant.objects[f"target lists of {stage_id}"]
    return {list_id: known[list_id] for list_id in attached if list_id in known}


def _list_in(tenant: Tenant, call: Call, kind: str = "") -> Row:
    """The target list in the path; `kind` is the one that it must be of."""
    row = found(tenant.objects[TARGET_LISTS], call.values["targetlist_id"])
    if tenant.owners[row["id"]] != call.values["pipeline_id"].lower():
        raise not_found()
    if kind and row["target_list_type"] != kind:
        raise refuse("target_list_type", f"The target list is not of the type {kind}.")
    return row


def _stage_in(tenant: Tenant, call: Call) -> Row:
    return found(tenant.objects[STAGES], call.values["stage_id"])


def _one(row: Row) -> Answer:
    return Answer({"code": 200, "message": "success", "content": row})


def _page(call: Call, rows: Iterable[Row], show: Callable[[Row], Row] = lambda row: row) -> Answer:
    """Ten objects a page, unless `limit` is set."""
    return Answer({"code": 200, "message": "success", "content": apps_list(call, list(rows), show)})


# --- target lists of a stage ------------------------------------------------------------------------------------------


def list_attached(tenant: Tenant, call: Call) -> Answer:
    """GET /pipelines/v0/stages/{stage_id}/targetlists/: in the order in which they were attached."""
    rows = _attached(tenant, _stage_in(tenant, call)["id"]).values()
    kind = call.query.get("type", "").upper()
    return _page(call, [row for row in rows if kind in ("", row["target_list_type"])])


def attach(tenant: Tenant, call: Call) -> Answer:
    """POST /pipelines/v0/stages/{stage_id}/targetlists/: a list of the same pipeline, once."""
    stage, list_id = _stage_in(tenant, call), call.body["target_list_id"].lower()
    row = tenant.objects[TARGET_LISTS].get(list_id)
    if row is None or tenant.owners[list_id] != tenant.owners[stage["id"]]:
        raise refuse("target_list_id", "The target list is not in the pipeline.")
    if list_id in _attached(tenant, stage["id"]):
        raise refuse("target_list_id", "The target list is attached to the stage already.")
    tenant.objects[f"target lists of {stage['id']}"][list_id] = row
    return _one(row)


def detach(tenant: Tenant, call: Call) -> Answer:
    """DELETE /pipelines/v0/stages/{stage_id}/targetlists/{targetlist_id}/."""
    stage = _stage_in(tenant, call)
    row = found(_attached(tenant, stage["id"]), call.values["targetlist_id"])
    del tenant.objects[f"target lists of {stage['id']}"][row["id"]]
    return _one(row)


def _check_delete(tenant: Tenant, call: Call) -> None:
    """A target list that a stage has cannot be deleted."""
    list_id = call.values["targetlist_id"].lower()
    if any(list_id in _attached(tenant, stage_id) for stage_id in tenant.objects[STAGES]):
        raise refuse("target_list", "The target list is attached to a stage.")


# --- targets ----------------------------------------------------------------------------------------------------------


def list_targets(tenant: Tenant, call: Call) -> Answer:
    """GET .../targets/."""
    return _page(call, _targets(tenant, _list_in(tenant, call)["id"]).values())


def create_target(tenant: Tenant, call: Call) -> Answer:
    """POST .../targets/."""
    row = _list_in(tenant, call, "DEVICES")
    if call.body["device_id"].lower() in _targets(tenant, row["id"]):
        raise refuse("device_id", "The device is in the target list already.")
    target = _new_target(tenant, row, call.body)
    if target is None:
        raise refuse("device_id", "The device does not exist.")
    return _one(target)


def add_targets(tenant: Tenant, call: Call) -> Answer:
    """POST .../targets-bulk/: devices that are in the list stay as they are, and unknown ones are reported."""
    row = _list_in(tenant, call, "DEVICES")
    if len(call.body) > _MOST_TARGETS:
        raise refuse("non_field_errors", f"Ensure this field has no more than {_MOST_TARGETS} elements.")
    counts, errors = {"created_count": 0, "added_count": 0, "skipped_count": 0}, []
    for item in call.body:
        device = {"device_id": item} if isinstance(item, str) else item
        if device["device_id"].lower() in _targets(tenant, row["id"]):
            counts["skipped_count"] += 1
        elif _new_target(tenant, row, device) is None:
            errors.append({"device_id": device["device_id"], "error": "The device does not exist."})
        else:
            counts["created_count"] += 1
            counts["added_count"] += 1
    return _one({**counts, "errors": errors})


def get_target(tenant: Tenant, call: Call) -> Answer:
    """GET .../targets/{target_id}/."""
    return _one(_target_in(tenant, call))


def change_target(tenant: Tenant, call: Call) -> Answer:
    """PUT .../targets/{target_id}/: a body without an envelope. What the request omits is reset."""
    target = _target_in(tenant, call)
    values = {"device_name": "", "is_active": True, **call.body}
    target.update({name: values[name] for name in ("device_name", "is_active")}, updated_at=tenant.now())
    return Answer(target)


def delete_target(tenant: Tenant, call: Call) -> Answer:
    """DELETE .../targets/{target_id}/."""
    target = _target_in(tenant, call)
    del _targets(tenant, call.values["targetlist_id"].lower())[target["device_id"]]
    return _one(target)


def _target_in(tenant: Tenant, call: Call) -> Row:
    targets = _targets(tenant, _list_in(tenant, call)["id"]).values()
    return found({target["id"]: target for target in targets}, call.values["target_id"])


def _new_target(tenant: Tenant, row: Row, values: Row) -> Row | None:
    """A new target, None if the device does not exist. Without a name, runs cannot address it."""
    device = tenant.devices.get(values["device_id"].lower())
    if device is None:
        return None
    now = tenant.now()
    target = {
        "id": tenant.new_id(),
        "pipeline_id": tenant.owners[row["id"]],
        "device_id": device.id,
        "device_name": values.get("device_name", ""),
        "device_alias": values.get("device_alias") or "",
        "is_active": values.get("is_active", True),
        **dict.fromkeys(("created_by", "updated_by"), 1),
        **dict.fromkeys(("created_at", "updated_at"), now),
    }
    _targets(tenant, row["id"])[device.id] = target
    return target


# --- device groups ----------------------------------------------------------------------------------------------------


def list_groups(tenant: Tenant, call: Call) -> Answer:
    """GET .../devicegroups/: a link stays when its device group is deleted."""
    return _page(call, _links(tenant, _list_in(tenant, call)["id"]).values())


def add_group(tenant: Tenant, call: Call) -> Answer:
    """POST .../devicegroups/."""
    row, group_id = _list_in(tenant, call, "GROUPS"), call.body.get("device_group_id", "").lower()
    if group_id not in tenant.groups:
        raise refuse("device_group_id", "The device group does not exist.")
    if group_id in _links(tenant, row["id"]):
        raise refuse("device_group_id", "The device group is in the target list already.")
    now = tenant.now()
    link = {
        "id": tenant.new_id(),
        "device_group_id": group_id,
        "target_list_id": row["id"],
        **dict.fromkeys(("created_by", "updated_by"), 1),
        **dict.fromkeys(("created_at", "updated_at"), now),
    }
    _links(tenant, row["id"])[group_id] = link
    return _one(link)


def remove_group(tenant: Tenant, call: Call) -> Answer:
    """DELETE .../devicegroups/{devicegroup_id}/: by the ID of the device group."""
    row = _list_in(tenant, call)
    link = found(_links(tenant, row["id"]), call.values["devicegroup_id"])
    del _links(tenant, row["id"])[link["device_group_id"]]
    return _one({"target_list": row["id"], "device_group": link["device_group_id"]})


def list_devices(tenant: Tenant, call: Call) -> Answer:
    """GET .../devicegroups/{device_group_id}/devices/: the devices in the group, without those in its subgroups."""
    row = _list_in(tenant, call)
    group_id = found(_links(tenant, row["id"]), call.values["device_group_id"])["device_group_id"]
    return _page(call, [_shown(device) for device in tenant.devices.values() if device.group_id == group_id])


def _shown(device: Device) -> Row:
    return {
        "id": device.id,
        "device_name": device.name,
        "alias_name": device.alias or "",
        "serial": device.serial,
        "model": device.model,
        "is_active": True,
    }


def _pipeline(tenant: Tenant, row: Row) -> Row:
    return {**row, "is_valid": True, "is_visible": True}


def _operation(tenant: Tenant, row: Row) -> Row:
    """An operation, whose arguments are JSON in a text."""
    args = row.get("args")
    return {**row, "args": args if isinstance(args, str) else orjson.dumps(args or {}).decode()}


SHOWN: dict[str, Shown] = {PIPELINES: _pipeline, OPERATIONS_OF_LIST: _operation}

CHECKS: dict[str, Check] = {f"DELETE {TARGET_LISTS}/{{targetlist_id}}/": _check_delete}

OPERATIONS: dict[str, Behavior] = {
    f"GET {_ATTACHED}/": list_attached,
    f"POST {_ATTACHED}/": attach,
    f"DELETE {_ATTACHED}/{{targetlist_id}}/": detach,
    f"GET {_TARGETS}/": list_targets,
    f"POST {_TARGETS}/": create_target,
    f"POST {_TARGETS}-bulk/": add_targets,
    f"GET {_TARGETS}/{{target_id}}/": get_target,
    f"PUT {_TARGETS}/{{target_id}}/": change_target,
    f"DELETE {_TARGETS}/{{target_id}}/": delete_target,
    f"GET {_LINKS}/": list_groups,
    f"POST {_LINKS}/": add_group,
    f"DELETE {_LINKS}/{{devicegroup_id}}/": remove_group,
    f"GET {_LINKS}/{{device_group_id}}/devices/": list_devices,
}
