# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Geofences in two generations of the API, which share a store: /v0/enterprise/{enterprise_id}/geofence/ (v0.yaml),
which is derived, and /geofence/v1/geofences (v1.yaml). Some geofences are in v1 only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from derived import Shown
from exchange import Answer, Behavior, Call, Check, found, listed, refuse, window
from tenant import Device, Tenant

Row = dict[str, Any]

V0 = "/v0/enterprise/{enterprise_id}/geofence"
V1 = "/geofence/v1/geofences"

_METERS = {"METERS": 1, "KILOMETERS": 1000, "MILES": 1609.344}
_ACTIONS = {"lockdown": "LOCK_DOWN", "beep": "BEEP"}
# Smaller circles are unknown to v0, as polygons are: the console does not accept them.
_SMALLEST_RADIUS = 100
# A device is inside, outside, or nobody knows.
_INSIDE = (True, False, None)


def seed(tenant: Tenant) -> None:
    """No geofence."""


def apply(tenant: Tenant, geofence_ids: Iterable[str], devices: Iterable[Device]) -> None:
    """Apply geofences to devices, as an operation does."""
    for geofence_id in geofence_ids:
        for geofence in (tenant.objects[table].get(geofence_id.lower()) for table in (V0, V1)):
            if geofence is not None:
                ids = [*geofence.get("devices", ()), *(device.id for device in devices)]
                geofence["devices"] = list(dict.fromkeys(ids))


def list_geofences(tenant: Tenant, call: Call) -> Answer:
    """GET /geofence/v1/geofences: of both stores, in the order in which they were made."""
    query = call.query
    rows = sorted((*tenant.objects[V0].values(), *tenant.objects[V1].values()), key=_created)
    rows = [
        row
        for row in rows
        if query.get("name") in (None, row["name"])
        and query.get("search", "").lower() in row["name"].lower()
        and ("ids" not in query or row["id"] in listed(query["ids"]))
    ]
    shown = [_shown(row) for row in rows]
    if query.get("include_summary") == "true":
        for row, item in zip(rows, shown, strict=True):
            item.update(device_summary=_summary(tenant, row), blueprints=_usage(tenant, row)[:5])
    body = _page(call, shown)
    if query.get("include_count") == "true":
        body["content"]["count"] = len(shown)
    return Answer(body)


def create_geofence(tenant: Tenant, call: Call) -> Answer:
    """POST /geofence/v1/geofences: a circle that v0 knows has its form in the store."""
    body = call.body
    geometry, now = body["geometry"], tenant.now()
    row: Row = {"id": tenant.new_id(), "name": body["name"], "description": body.get("description", ""), "devices": []}
    row.update(created_on=now, updated_on=now)
    if geometry["type"] == "circle" and geometry["radius"] >= _SMALLEST_RADIUS:
        point = geometry["coordinates"][0]
        row.update({name: f"{point[name]:.7f}" for name in ("latitude", "longitude")})
        row.update(radius=geometry["radius"], radius_unit="METERS", enterprise=tenant.settings.enterprise_id)
        row.update(device_actions=[_ACTIONS[each] for each in body.get("actions", ())], created_by="simulator")
        tenant.objects[V0][row["id"]] = row
    else:
        row.update(geometry=geometry, actions=body.get("actions", []))
        tenant.objects[V1][row["id"]] = row
    return Answer({"content": _shown(row)}, status=201)


def get_summary(tenant: Tenant, call: Call) -> Answer:
    """GET .../device-summary."""
    return Answer({"content": _summary(tenant, _found(tenant, call))})


def list_blueprints(tenant: Tenant, call: Call) -> Answer:
    """GET .../blueprints: those of the devices of the geofence, an item for each version."""
    _check_page(call)
    return Answer(_page(call, _usage(tenant, _found(tenant, call))))


def list_devices(tenant: Tenant, call: Call) -> Answer:
    """GET .../devices: those that have a blueprint."""
    _check_page(call)
    query = call.query
    wanted = {"true": True, "false": False}.get(query.get("inside", ""))
    rows = [
        row
        for row in _devices(tenant, _found(tenant, call))
        if ("inside" not in query or row["inside"] is wanted)
        and query.get("blueprint_id", row["blueprint_id"]) == row["blueprint_id"]
        and query.get("blueprint_version_number", str(row["blueprint_version_number"]))
        == str(row["blueprint_version_number"])
    ]
    return Answer(_page(call, rows))


def _created(row: Row) -> str:
    return str(row["created_on"])


def _found(tenant: Tenant, call: Call) -> Row:
    return found({**tenant.objects[V0], **tenant.objects[V1]}, call.values["geofence_id"])


def _shown(row: Row) -> Row:
    """The geofence in the form of v1."""
    geometry, actions = row.get("geometry"), row.get("actions")
    if geometry is None:
        point = {name: float(row[name]) for name in ("latitude", "longitude")}
        radius = (row["radius"] or 0) * _METERS[row["radius_unit"]]
        geometry = {"type": "circle", "coordinates": [point], "radius": radius or 0.1}
        names = {other: name for name, other in _ACTIONS.items()}
        actions = [names[each] for each in row["device_actions"]]
    return {
        **{name: row[name] for name in ("id", "name")},
        "description": row["description"] or "",
        "actions": actions,
        "geometry": geometry,
        "created_at": row["created_on"],
        "updated_at": row["updated_on"],
    }


def _devices(tenant: Tenant, geofence: Row) -> list[Row]:
    """The devices with a blueprint that the geofence was made for or applied to."""
    rows = []
    for device_id in geofence.get("devices", ()):
        device = tenant.devices.get(device_id)
        blueprint = tenant.objects["blueprints"].get((device and device.current_blueprint_id) or "")
        if device and blueprint:
            rows.append(
                {
                    "device_id": device.id,
                    "blueprint_id": blueprint["id"],
                    "blueprint_version_number": blueprint["version_number"],
                    "inside": _INSIDE[device.number % len(_INSIDE)],
                    "state_changed_at": device.last_seen,
                    "latitude": 52.5219,
                    "longitude": 13.4132,
                    "location_updated_at": device.last_seen,
                }
            )
    return rows


def _summary(tenant: Tenant, geofence: Row) -> Row:
    counts = Counter(row["inside"] for row in _devices(tenant, geofence))
    numbers = {"inside_count": counts[True], "outside_count": counts[False], "unknown_count": counts[None]}
    return {"total_devices": sum(counts.values()), **numbers}


def _usage(tenant: Tenant, geofence: Row) -> list[Row]:
    keys = ("blueprint_id", "blueprint_version_number")
    counts = Counter(tuple(row[key] for key in keys) for row in _devices(tenant, geofence))
    return [{**dict(zip(keys, values, strict=True)), "device_count": number} for values, number in counts.items()]


def _check_page(call: Call) -> None:
    for name in ("limit", "offset"):
        if name not in call.query:
            raise refuse(name, "Pagination parameters are required.")


def _page(call: Call, rows: Sequence[Any]) -> Row:
    """A page without `count`, whose links are relative and lack the prefix /geofence."""
    limit, offset = window(call, 10)

    def link(start: int) -> str:
        query = urlencode({**call.query, "limit": limit, "offset": start})
        return f"{call.path.removeprefix('/geofence')}?{query}"

    return {
        "content": {
            "next": link(offset + limit) if offset + limit < len(rows) else None,
            "previous": link(max(0, offset - limit)) if offset else None,
            "results": list(rows[offset : offset + limit]),
        }
    }


def _counted(tenant: Tenant, geofence: Mapping[str, Any]) -> Row:
    return {**geofence, "device_count": len(geofence.get("devices", ()))}


def _check_delete(tenant: Tenant, call: Call) -> None:
    """A geofence with devices cannot be deleted."""
    if tenant.objects[V0].get(call.values["geofence_id"].lower(), {}).get("devices"):
        raise refuse("devices", "The geofence is linked to devices.")


SHOWN: dict[str, Shown] = {V0: _counted}

CHECKS: dict[str, Check] = {
    f"DELETE {V0}/{{geofence_id}}/": _check_delete,
    "DELETE /v0/enterprise/{enterprise_id}/create-apply-geofence/{geofence_id}/": _check_delete,
}

OPERATIONS: dict[str, Behavior] = {
    f"GET {V1}": list_geofences,
    f"POST {V1}": create_geofence,
    f"GET {V1}/{{geofence_id}}/device-summary": get_summary,
    f"GET {V1}/{{geofence_id}}/blueprints": list_blueprints,
    f"GET {V1}/{{geofence_id}}/devices": list_devices,
}
