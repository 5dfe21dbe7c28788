# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Geofences: areas in which devices are expected, and the actions of devices outside of them.

Based on two generations of the contract. /geofence/v1/geofences (v1.yaml) has circles and polygons, and returns who
uses them, but neither changes nor deletes them. /v0/enterprise/{enterprise_id}/geofence/ (v0.yaml) has circles only,
and all verbs; create-apply-geo-fence/ creates them for devices. Not used: PUT, and the aliases of v0 paths.

Choice: both generations have the same geofences with the same IDs, so v0 changes and deletes those of v1; if v0 does
not have one, an error refers to the console.
Choice: v1 accepts the API key; if it returns HTTP 401, 403 or 404, v0 is used.
Choice: names are unique and case-sensitive, and two geofences with one name are ambiguous.
Choice: the smallest radius is that of the contract, 0.1 meters; a rejection of a small radius by Esper is an error.
Choice: geofences cannot be set in blueprints, because the settings of blueprints in the contract have none.
"""

from __future__ import annotations

from ..base.validators import Validator, in_range, length
from ..model.field import Field
from ..model.kind import Guard, Related, Routes
from ..model.module_spec import Option
from ..model.plain import plain_kind
from .geofence_forms import V0, V0_CREATE, V0_OBJECT, V1, adapt, coordinate, radius
from .geofence_lookup import GeofenceLookup
from .geofence_planner import GeofencePlanner
from .geofence_reader import GeofenceReader
from .geofence_usage import PAGE_SIZE, read_blueprints, read_devices, read_summary, users

_POINT = (
    Field(
        "latitude",
        "Latitude in degrees.",
        type="float",
        required_by_api=True,
        normalize=coordinate,
        validator=in_range(-90, 90),
        sample=52.5219,
    ),
    Field(
        "longitude",
        "Longitude in degrees.",
        type="float",
        required_by_api=True,
        normalize=coordinate,
        validator=in_range(-180, 180),
        sample=13.4132,
    ),
)
_POLYGON = Validator(
    lambda points: "" if 3 <= len(points) <= 100 else f"has {len(points)} points; it must have from 3 to 100",
    "From 3 to 100 points.",
)
_USAGE = Option(
    "usage",
    "If V(true), also returns the numbers of devices and the blueprints of the geofences. This takes additional"
    " requests for each geofence.",
    type="bool",
    default=False,
)
_DEVICES = Option(
    "devices",
    "If V(true), also returns the devices of the geofences. This takes additional requests for each geofence.",
    type="bool",
    default=False,
)
_GENERATION = Option(
    "generation",
    (
        "Generation of the Esper API.",
        "V(v1) has circles and polygons. V(v0) has circles only.",
        "V(auto) uses V(v1), and V(v0) for geofences that V(v1) does not have. If Esper does not accept the API key for"
        " V(v1), only V(v0) is used.",
    ),
    choices=("auto", "v0", "v1"),
    default="auto",
)

GEOFENCE = plain_kind(
    name="geofence",
    doc=(
        "A geofence is a circle or a polygon. Devices outside of it beep or are locked.",
        "To apply geofences to devices, use M(esper.cloud.operation) with the type V(APPLY_GEO_FENCE).",
        "The Esper API cannot change polygons. Some geofences can only be changed and deleted in the console of Esper."
        " Esper rejects the deletion of a geofence that is applied to devices, even with O(force=true).",
    ),
    # v1 lists and creates geofences, v0 changes and deletes them.
    routes=Routes(list=V1, object=V0_OBJECT, page_size=PAGE_SIZE, extra_prefixes=(V0, V0_CREATE)),
    adapt=adapt,
    lookup=GeofenceLookup,
    planner=GeofencePlanner,
    reader=GeofenceReader,
    guards=(Guard(users=users, reads=("device_count",)),),
    fields=(
        Field("id", "ID of the geofence.", writable=False, sample="b6a1c9d2-4c6e-4f1b-9a51-0c1d5e7f3a20"),
        Field(
            "name",
            "Name of the geofence, case-sensitive.",
            identifier=True,
            normalize=str.strip,
            validator=length(1, 255),
            sample="Yard Berlin",
        ),
        Field(
            "description",
            "Description of the geofence.",
            validator=length(0, 1000),
            null_if_empty=True,
            sample="Carts stay in the yard",
            changed="Carts and lifts stay in the yard",
        ),
        Field(
            "circle",
            "Circle of the geofence. Required to create a geofence, unless O(polygon) is set.",
            type="dict",
            fields=(
                *_POINT,
                Field(
                    "radius",
                    "Radius in meters. Compared with one decimal.",
                    type="float",
                    required_by_api=True,
                    normalize=radius,
                    validator=in_range(0.1),
                    sample=250.0,
                ),
            ),
            returns="Circle of the geofence. Null for a polygon.",
            sample={"latitude": 52.5219, "longitude": 13.4132, "radius": 250.0},
            changed={"latitude": 52.5219, "longitude": 13.4132, "radius": 300.0},
        ),
        Field(
            "polygon",
            "Points of the geofence in their order. Esper cannot change them later.",
            type="list",
            elements="dict",
            fields=_POINT,
            list_validator=_POLYGON,
            returns="Points of the geofence. Null for a circle.",
        ),
        Field(
            "actions",
            "Actions of devices outside of the geofence. Compared without order. An empty list removes all actions.",
            type="list",
            elements="str",
            choices=("lockdown", "beep"),
            list_type="set",
            returns="Actions of devices outside of the geofence.",
            sample=["beep"],
            changed=["beep", "lockdown"],
        ),
        Field(
            "generation",
            "Generation of the Esper API that returned the geofence, V(v0) or V(v1).",
            writable=False,
            sample="v1",
        ),
        Field(
            "device_count",
            "Number of devices that the geofence is applied to. Null for the generation V(v1).",
            type="int",
            writable=False,
        ),
        Field("created_on", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("updated_on", "Time of the last change.", writable=False, sample="2026-03-02T11:00:00Z"),
        Field("created_by", "User who created the geofence. Null for the generation V(v1).", writable=False),
    ),
    options=(
        _GENERATION,
        Option(
            "devices",
            (
                "Devices by name, alias, serial number or ID. Esper applies a new geofence to them.",
                "Only used to create a geofence. With devices, O(generation=auto) creates it with V(v0). Cannot be"
                " combined with O(generation=v1).",
            ),
            type="list",
            elements="str",
            identifier=True,
        ),
    ),
    info_options=(
        Option("search", "Part of the names of the geofences, in upper or lower case.", query="search"),
        Option(
            "inside",
            "If V(true), only returns the devices inside of the geofence, if V(false), only those outside of it."
            " Requires O(devices=true).",
            type="bool",
        ),
        _GENERATION,
    ),
    rules={"mutually_exclusive": [("circle", "polygon"), ("polygon", "devices")]},
    related=(
        Related(
            Field(
                "device_summary",
                "Numbers of devices. Returned if O(usage=true). Null for the generation V(v0).",
                type="dict",
                writable=False,
                fields=(
                    Field("total", "All devices of the geofence.", type="int"),
                    Field("inside", "Devices inside of the geofence.", type="int"),
                    Field("outside", "Devices outside of the geofence.", type="int"),
                    Field("unknown", "Devices whose position is not known.", type="int"),
                ),
                sample={"total": 12, "inside": 9, "outside": 2, "unknown": 1},
            ),
            _USAGE,
            read_summary,
        ),
        Related(
            Field(
                "blueprints",
                "Versions of blueprints that use the geofence. Returned if O(usage=true). Null for the generation"
                " V(v0).",
                type="list",
                elements="dict",
                writable=False,
                fields=(
                    Field("id", "ID of the blueprint."),
                    Field("name", "Name of the blueprint, null if it does not exist."),
                    Field("version_number", "Number of the version.", type="int"),
                    Field("device_count", "Number of devices with the version.", type="int"),
                ),
                sample=[
                    {
                        "id": "3f0c7c1e-52b7-4a0c-9d5e-0b6a4f8f2d10",
                        "name": "Kiosks",
                        "version_number": 4,
                        "device_count": 12,
                    }
                ],
            ),
            _USAGE,
            read_blueprints,
        ),
        Related(
            Field(
                "devices",
                "Devices of the geofence. Returned if O(devices=true). Null for the generation V(v0).",
                type="list",
                elements="dict",
                writable=False,
                fields=(
                    Field("id", "ID of the device."),
                    Field("name", "Name of the device, null if it does not exist."),
                    Field("blueprint_id", "ID of the blueprint of the device."),
                    Field("blueprint_version_number", "Number of the version of the blueprint.", type="int"),
                    Field("inside", "Whether the device is inside. Null if Esper does not know it.", type="bool"),
                    Field("state_changed_at", "Time since which the device is inside or outside."),
                    Field("latitude", "Last known latitude.", type="float"),
                    Field("longitude", "Last known longitude.", type="float"),
                    Field("location_updated_at", "Time of the last known position."),
                ),
                sample=[
                    {
                        "id": "4f0f3a4e-9f4b-4f7f-8f31-3d0b3f6d3b11",
                        "name": "ESR-RKD-ABCDE",
                        "blueprint_id": "3f0c7c1e-52b7-4a0c-9d5e-0b6a4f8f2d10",
                        "blueprint_version_number": 4,
                        "inside": True,
                        "state_changed_at": "2026-03-02T11:00:00Z",
                        "latitude": 52.5219,
                        "longitude": 13.4132,
                        "location_updated_at": "2026-03-02T11:05:00Z",
                    }
                ],
            ),
            _DEVICES,
            read_devices,
        ),
    ),
)
