# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two forms of geofences in the API, and the one form of them in the collection.

A circle of v1 is a geometry with one point, and a radius in meters. A circle of v0 is latitude and longitude as texts,
and a radius with a unit. The collection has the fields of the module: see geofence.py.
"""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..model.conform import to_row, to_scalar

V0 = "/v0/enterprise/{enterprise_id}/geofence/"
V0_OBJECT = V0 + "{id}/"
V0_CREATE = "/v0/enterprise/{enterprise_id}/create-apply-geo-fence/"
V1 = "/geofence/v1/geofences"

_METERS = {"METERS": 1.0, "KILOMETERS": 1000.0, "MILES": 1609.344}
_V0_ACTIONS = {"lockdown": "LOCK_DOWN", "beep": "BEEP"}
# A degree has about 111 km, so this is less than a meter.
_DECIMALS = 6


def coordinate(value: t.Any) -> float:
    """Return a latitude or longitude for comparison."""
    return round(float(value), _DECIMALS)


def radius(value: t.Any) -> float:
    """Return a radius in meters for comparison."""
    return round(float(value), 1)


def adapt(row: Row) -> Row:
    """Return a geofence of v0 or v1 in the form of the collection. Values of an unexpected type stay as they are."""
    if "geometry" in row:
        shape = _shape_of(row["geometry"])
        created, updated, actions, generation = "created_at", "updated_at", row.get("actions"), "v1"
    elif "radius_unit" in row or "latitude" in row:
        point = {"latitude": row.get("latitude"), "longitude": row.get("longitude")}
        shape = {"circle": {**point, "radius": _in_meters(row.get("radius"), row.get("radius_unit"))}}
        created, updated, actions, generation = "created_on", "updated_on", row.get("device_actions"), "v0"
    else:
        return row
    return {
        **{key: row.get(key) for key in ("id", "name", "description", "device_count", "created_by")},
        "actions": [_action(each) for each in actions] if isinstance(actions, list) else actions,
        "created_on": row.get(created),
        "updated_on": row.get(updated),
        "generation": generation,
        **shape,
    }


def _shape_of(geometry: t.Any) -> Row:
    points = to_row(geometry).get("coordinates")
    if to_row(geometry).get("type") == "polygon":
        return {"polygon": points}
    if not isinstance(geometry, dict):
        return {"circle": geometry}
    is_point = isinstance(points, list) and len(points) == 1 and isinstance(points[0], dict)
    point: Row = points[0] if isinstance(points, list) and is_point else {"latitude": points, "longitude": points}
    return {"circle": {**{key: point.get(key) for key in ("latitude", "longitude")}, "radius": geometry.get("radius")}}


def _in_meters(value: t.Any, unit: t.Any) -> t.Any:
    factor = _METERS.get(str(unit).upper())
    try:
        number = to_scalar("float", value)
    except ValueError:
        return value
    return None if number is None or factor is None else number * factor


def _action(action: t.Any) -> t.Any:
    return action.lower().replace("_", "") if isinstance(action, str) else action


def to_v1(row: Row) -> Row:
    """Return the body of a request that creates a geofence in v1."""
    circle = row.get("circle")
    geometry = (
        {"type": "polygon", "coordinates": row.get("polygon")}
        if circle is None
        else {"type": "circle", "coordinates": [_point(circle)], "radius": circle["radius"]}
    )
    return {
        **{key: row[key] for key in ("name", "description", "actions") if key in row},
        "geometry": geometry,
    }


def to_v0(row: Row, circle: Row) -> Row:
    """Return properties of a geofence in the form of v0, without the polygon. ``circle`` has the values to send."""
    body: Row = {key: row[key] for key in ("name", "description") if key in row}
    body.update({key: f"{circle[key]:.{_DECIMALS}f}" for key in ("latitude", "longitude") if key in circle})
    if "radius" in circle:
        body.update(radius=circle["radius"], radius_unit="METERS")
    if "actions" in row:
        body["device_actions"] = [_V0_ACTIONS.get(each, each) for each in row["actions"]]
    return body


def _point(circle: Row) -> Row:
    return {key: circle[key] for key in ("latitude", "longitude")}
