# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices and blueprints that use a geofence, below /geofence/v1/geofences/{geofence_id}/ (v1.yaml).

The geofences of v0 only have a number of devices.
"""

from __future__ import annotations

import typing as t

from ..base.errors import EsperError
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.client import Query
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape
from .blueprint_list import BLUEPRINTS
from .device_search import DEVICE
from .geofence_forms import V1

PAGE_SIZE = 100
"""Maximum number of objects in a page of v1."""

_COUNTS = ("total", "inside", "outside", "unknown")

_SUMMARY = Kind(
    name="geofence_device_summary",
    title="numbers of devices",
    plural="geofence_device_summaries",
    routes=Routes(object=V1 + "/{id}/device-summary"),
    shape=Shape.SINGLETON,
    fields=tuple(
        Field(name, api="total_devices" if name == "total" else f"{name}_count", type="int") for name in _COUNTS
    ),
)
_BLUEPRINTS = Kind(
    name="geofence_blueprint",
    title="blueprint of a geofence",
    plural="geofence_blueprints",
    routes=Routes(list=V1 + "/{id}/blueprints", page_size=PAGE_SIZE, explicit_offset=True),
    shape=Shape.READ_ONLY,
    # A blueprint has an item for each of its versions.
    id_key="",
    fields=(
        Field("id", api="blueprint_id"),
        Field("version_number", api="blueprint_version_number", type="int"),
        Field("device_count", type="int"),
    ),
)
_DEVICES = Kind(
    name="geofence_device",
    title="device of a geofence",
    plural="geofence_devices",
    routes=Routes(list=V1 + "/{id}/devices", page_size=PAGE_SIZE, explicit_offset=True),
    shape=Shape.READ_ONLY,
    id_key="device_id",
    fields=(
        Field("id", api="device_id"),
        Field("blueprint_id"),
        Field("blueprint_version_number", type="int"),
        Field("inside", type="bool"),
        Field("state_changed_at"),
        Field("latitude", type="float"),
        Field("longitude", type="float"),
        Field("location_updated_at"),
    ),
)


def users(view: TenantView, geofence: Row) -> list[str]:
    """Return the users of a geofence, each as part of a sentence."""
    if geofence.get("generation") != "v1":
        count = geofence.get("device_count") or 0
        return [counted(count)] if count else []
    total = (read_summary(view, geofence, {}) or {}).get("total")
    if total is None:
        raise EsperError(
            f"Esper returned no number of devices of the geofence '{geofence.get('name')}', so the module cannot"
            " determine whether it is in use."
        )
    blueprints = read_blueprints(view, geofence, {}) or []
    names = dict.fromkeys(row["name"] or row["id"] for row in blueprints)
    return [*([counted(total)] if total else []), *(f"the blueprint '{name}'" for name in names)]


def read_summary(view: TenantView, geofence: Row, _params: Params) -> Row | None:
    """Return the numbers of devices of a geofence."""
    if geofence.get("generation") != "v1":
        return None
    purpose = f"Reading the numbers of devices of the geofence '{geofence.get('name')}'"
    row = view.get_at(_SUMMARY.routes.object, {"id": str(geofence["id"])}, kind=_SUMMARY, purpose=purpose)
    return _SUMMARY.to_result(row)


def read_blueprints(view: TenantView, geofence: Row, _params: Params) -> list[Row] | None:
    """Return the versions of blueprints that use a geofence, with the names of the blueprints."""
    rows = _read(view, _BLUEPRINTS, geofence, "blueprints")
    return rows and [{**row, "name": _name_of_blueprint(view, row["id"])} for row in rows]


def read_devices(view: TenantView, geofence: Row, params: Params) -> list[Row] | None:
    """Return the devices of a geofence with their names, only those inside or outside if the task demands that."""
    inside = params.get("inside")
    rows = _read(view, _DEVICES, geofence, "devices", None if inside is None else {"inside": inside})
    if not rows:
        return rows
    names = lookup_of(view, DEVICE).names_of([row["id"] for row in rows])
    return [{**row, "name": names.get(row["id"])} for row in rows]


def _read(view: TenantView, kind: Kind, geofence: Row, title: str, query: Query | None = None) -> list[Row] | None:
    """Return a list of a geofence in collection terms, None if v1 does not have the geofence."""
    if geofence.get("generation") != "v1":
        return None
    rows = view.list_at(
        kind.routes.list.format(id=geofence["id"]),
        query,
        kind=kind,
        page_size=kind.routes.page_size,
        explicit_offset=kind.routes.explicit_offset,
        key=kind.id_key or None,
        purpose=f"Reading the {title} of the geofence '{geofence.get('name')}'",
    )
    return [kind.to_result(row) for row in rows]


def _name_of_blueprint(view: TenantView, identifier: t.Any) -> str | None:
    if not identifier:
        return None
    purpose = f"Reading the blueprint {identifier}"
    row = view.find_at(BLUEPRINTS.routes.object, {"id": str(identifier)}, kind=BLUEPRINTS, purpose=purpose)
    return None if row is None else BLUEPRINTS.name_of(row)
