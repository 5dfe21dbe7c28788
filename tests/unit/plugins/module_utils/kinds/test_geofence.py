# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Geofences of both generations of the API, against the simulator."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.kinds.geofence import GEOFENCE
from ansible_collections.esper.cloud.plugins.module_utils.kinds.geofence_forms import adapt
from ansible_collections.esper.cloud.plugins.module_utils.model.conform import conform
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

V0 = r"/v0/enterprise/[^/]+/geofence/"
V1 = "/geofence/v1/geofences"
CIRCLE = {"latitude": 52.5219, "longitude": 13.4132, "radius": 250}
POLYGON = [
    {"latitude": 52.5, "longitude": 13.4},
    {"latitude": 52.6, "longitude": 13.4},
    {"latitude": 52.6, "longitude": 13.5},
]


def yard(world: World, **options: t.Any) -> Run:
    return world.run("geofence", {"name": "Yard", **options})


def read(world: World, **options: t.Any) -> list[Row]:
    rows: list[Row] = world.must("geofence_info", options).result["geofences"]
    return rows


def refuse_v1(world: World, status: int = 403, method: str = "*") -> None:
    world.simulator.fault(kind="status", path=f"^{V1}", status=status, times=None, method=method)


def device_names(world: World) -> list[str]:
    return [row["name"] for row in world.must("device_info", {"groups": ["All devices"]}).result["devices"]]


# --- shapes -----------------------------------------------------------------------------------------------------------


def test_a_geofence_needs_a_shape(world: World) -> None:
    run = yard(world)
    assert run.message == "Invalid parameters for the geofence 'Yard': circle or polygon is required."
    assert "circle.radius is required" in yard(world, circle={"latitude": 1, "longitude": 1}).message
    assert "mutually exclusive" in yard(world, circle=CIRCLE, polygon=POLYGON).message


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"circle": {**CIRCLE, "latitude": 91}}, "circle.latitude is 91.0; the maximum is 90"),
        ({"circle": {**CIRCLE, "radius": 0}}, "circle.radius is 0.0; the minimum is 0.1"),
        ({"polygon": POLYGON[:2]}, "polygon has 2 points; it must have from 3 to 100"),
        ({"polygon": [{"latitude": 1}, *POLYGON]}, "polygon[0].longitude is required"),
        ({"circle": CIRCLE, "actions": ["shout"]}, "actions must be one or more of: lockdown, beep"),
        ({"circle": CIRCLE, "description": "x" * 1001}, "description has 1001 characters; the maximum is 1000"),
    ],
)
def test_invalid_values(world: World, options: Row, error: str) -> None:
    run = yard(world, **options)
    assert error in run.message
    assert run.writes == []


def test_a_circle_of_v1_is_changed_by_v0(world: World) -> None:
    created = yard(world, circle=CIRCLE, actions=["beep"])
    assert created.writes == [f"POST {V1}"]
    assert created.requests[-1]["body"] == {
        "name": "Yard",
        "actions": ["beep"],
        "geometry": {
            "type": "circle",
            "coordinates": [{"latitude": 52.5219, "longitude": 13.4132}],
            "radius": 250.0,
        },
    }
    assert not yard(world, circle={**CIRCLE, "radius": 250.04}, actions=["beep"], description="").changed
    changed = yard(world, circle={"radius": 300}, actions=["lockdown", "beep"], description="Carts")
    assert changed.requests[-1]["body"] == {
        "description": "Carts",
        "radius": 300.0,
        "radius_unit": "METERS",
        "device_actions": ["LOCK_DOWN", "BEEP"],
    }
    record = changed.result["geofence"]
    assert (record["circle"], record["generation"]) == ({**CIRCLE, "radius": 300.0}, "v1")
    assert [record] == read(world, name="Yard")
    moved = yard(world, circle={"latitude": 52.5}, description="")
    assert moved.requests[-1]["body"] == {"latitude": "52.500000", "description": None}


def test_a_polygon_cannot_be_changed(world: World) -> None:
    assert yard(world, polygon=POLYGON).requests[-1]["body"]["geometry"] == {"type": "polygon", "coordinates": POLYGON}
    assert not yard(world, polygon=POLYGON).changed
    for options, what in (({"polygon": POLYGON[::-1]}, "polygon"), ({"circle": {"radius": 5}}, "shape")):
        run = yard(world, **options)
        assert run.message == (
            f"Cannot change the {what} of the geofence 'Yard': the Esper API has no operation for it. Delete the"
            " geofence first, or change it in the console of Esper."
        )
        assert run.writes == []
    assert "change this geofence. Use the console of Esper." in yard(world, description="x").message
    world.must("geofence", {"name": "Gate", "circle": CIRCLE})
    assert "Cannot change the shape" in world.run("geofence", {"name": "Gate", "polygon": POLYGON}).message


@pytest.mark.parametrize("options", [{"polygon": POLYGON}, {"circle": {**CIRCLE, "radius": 99}}])
def test_a_geofence_that_v0_does_not_have_is_deleted_in_the_console(world: World, options: Row) -> None:
    yard(world, **options)
    run = yard(world, state="absent")
    assert run.failed
    assert run.message.endswith("The Esper API does not delete this geofence. Use the console of Esper.")
    assert "may have been deleted" not in run.message
    assert read(world, name="Yard") != []


def test_a_geofence_that_is_deleted_at_the_same_time_is_deleted(world: World) -> None:
    yard(world, circle=CIRCLE)
    world.simulator.fault(kind="drop_after", method="DELETE")
    run = yard(world, state="absent")
    assert (run.changed, run.writes[0][:6], len(run.writes)) == (True, "DELETE", 2)
    assert read(world) == []


# --- generations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403, 404])
def test_v0_is_used_if_v1_does_not_accept_the_key(world: World, status: int) -> None:
    refuse_v1(world, status)
    created = yard(world, circle=CIRCLE)
    assert [write.partition("/create")[0][:10] for write in created.writes] == ["POST /v0/e"]
    assert created.requests[-1]["body"] == {
        "name": "Yard",
        "latitude": "52.521900",
        "longitude": "13.413200",
        "radius": 250.0,
        "radius_unit": "METERS",
        "devices": [],
    }
    assert created.result["geofence"]["generation"] == "v0"
    assert not yard(world, circle=CIRCLE).changed
    assert [row["name"] for row in read(world)] == ["Yard"]
    assert read(world, id=created.result["geofence"]["id"]) == [created.result["geofence"]]
    polygon = world.run("geofence", {"name": "Gate", "polygon": POLYGON})
    assert "v0 has no polygons, and Esper does not accept the API key for v1" in polygon.message
    assert yard(world, state="absent").changed
    failed = yard(world, circle=CIRCLE, generation="v1")
    assert f"returned HTTP {status}" in failed.message


def test_an_outage_of_v1_is_an_error(world: World) -> None:
    refuse_v1(world, 500)
    run = yard(world, circle=CIRCLE)
    assert "returned HTTP 500" in run.message
    assert run.writes == []


def test_a_geofence_of_v0_is_not_created_again(world: World) -> None:
    # Some geofences can be unknown to v1.
    yard(world, circle=CIRCLE, generation="v0")
    world.simulator.rewrites.append(
        lambda _method, path, body: {"content": {"results": []}} if path.startswith(V1) else body
    )
    assert not yard(world, circle=CIRCLE).changed
    assert [row["generation"] for row in read(world)] == ["v0"]


def test_many_geofences_are_two_lists(world: World) -> None:
    fences = [{"name": f"Fence {number}", "circle": CIRCLE} for number in range(8)]
    world.must("geofence", fences[3])
    for changed in (True, False):
        run = world.must("tenant", {"geofences": fences})
        assert (run.changed, len(run.writes)) == (changed, 7 * changed)
        reads = [each["path"] for each in run.requests if each["method"] == "GET"]
        assert len(reads) == 1 + changed


def test_units_and_actions_of_v0() -> None:
    row: Row = {
        "id": "1",
        "name": "Yard",
        "latitude": "52.52190000",
        "longitude": "13.4",
        "device_actions": ["Lock_Down"],
    }
    for radius, unit, meters in (
        (0.25, "KILOMETERS", 250.0),
        ("250", "METERS", 250.0),
        (0.5, "miles", 804.7),
        (None, "METERS", None),
        (5, "LIGHTYEARS", None),
    ):
        adapted, mismatches = conform(GEOFENCE.fields, adapt({**row, "radius": radius, "radius_unit": unit}))
        result = GEOFENCE.to_result(adapted)
        assert result["circle"] == {"latitude": 52.5219, "longitude": 13.4, "radius": meters}
        assert (result["actions"], mismatches) == (["lockdown"], [])


@pytest.mark.parametrize(
    ("geometry", "mismatches"),
    [
        ("circle", ["circle"]),
        ({"type": "circle", "coordinates": [{}, {}], "radius": 1}, ["circle.latitude", "circle.longitude"]),
        (
            {"type": "circle", "coordinates": [{"latitude": "x", "longitude": 1}], "radius": []},
            ["circle.latitude", "circle.radius"],
        ),
        ({"type": "circle", "coordinates": [{"latitude": 10**400, "longitude": 1}]}, ["circle.latitude"]),
        ({"type": "polygon", "coordinates": {}}, ["polygon"]),
        (
            {"type": "polygon", "coordinates": [{"latitude": 1, "longitude": "x"}, 5]},
            ["polygon[0].longitude", "polygon[1]"],
        ),
    ],
)
def test_a_geometry_of_an_unexpected_type_is_reported(geometry: t.Any, mismatches: list[str]) -> None:
    assert conform(GEOFENCE.fields, adapt({"id": "1", "geometry": geometry, "actions": None}))[1] == mismatches


# --- usage ------------------------------------------------------------------------------------------------------------


def test_devices_of_a_new_geofence(world: World) -> None:
    names = device_names(world)[:2]
    created = yard(world, circle=CIRCLE, devices=names)
    assert created.writes[0].endswith("/create-apply-geo-fence/")
    assert created.result["geofence"]["device_count"] == 2
    assert not yard(world, circle=CIRCLE, devices=names[:1]).changed
    assert (
        "device 'Nobody' was not found"
        in world.run("geofence", {"name": "Gate", "circle": CIRCLE, "devices": ["Nobody"]}).message
    )
    assert (
        "Omit devices"
        in world.run("geofence", {"name": "Gate", "circle": CIRCLE, "devices": names, "generation": "v1"}).message
    )


@pytest.mark.parametrize("generation", ["v0", "v1"])
def test_a_geofence_in_use_is_not_deleted(world: World, generation: str) -> None:
    names = device_names(world)
    yard(world, circle=CIRCLE, devices=names)
    run = yard(world, state="absent", generation=generation)
    assert run.writes == []
    users = "3 devices" if generation == "v0" else r"3 devices and the blueprint"
    assert run.message.startswith(f"The geofence 'Yard' is in use by {users}")
    forced = yard(world, state="absent", generation=generation, force=True)
    assert "devices: The geofence is linked to devices." in forced.message


def test_usage_and_devices(world: World) -> None:
    names = device_names(world)
    yard(world, circle=CIRCLE, devices=names)
    (row,) = read(world, name="Yard", usage=True, devices=True)
    assert row["device_summary"] == {"total": 3, "inside": 1, "outside": 1, "unknown": 1}
    assert sum(each["device_count"] for each in row["blueprints"]) == 3
    assert all(each["name"] and each["version_number"] for each in row["blueprints"])
    assert sorted(each["name"] for each in row["devices"]) == sorted(names)
    states = {each["inside"]: each["id"] for each in row["devices"]}
    assert states.keys() == {True, False, None}
    (inside,) = read(world, name="Yard", devices=True, inside=True)
    assert [each["id"] for each in inside["devices"]] == [states[True]]
    assert world.run("geofence_info", {"inside": True}).message == "inside requires devices=true."
    (older,) = read(world, name="Yard", usage=True, devices=True, generation="v0")
    assert (older["device_summary"], older["blueprints"], older["devices"], older["device_count"]) == (
        None,
        None,
        None,
        3,
    )


def test_an_operation_names_geofences(world: World) -> None:
    yard(world, circle=CIRCLE)
    task = {"operation_type": "APPLY_GEO_FENCE", "devices": device_names(world), "geofences": ["Yard"]}
    world.must("operation", task)
    (row,) = read(world, name="Yard", usage=True)
    assert row["device_summary"]["total"] == 3
    run = world.run("operation", {**task, "geofences": ["Yrad"]})
    assert run.writes == []
    assert "geofence 'Yrad' was not found" in run.message
    assert "Yard" in run.message


def test_a_geofence_that_is_deleted_during_its_change_is_not_found(world: World) -> None:
    yard(world, circle=CIRCLE)
    lists: list[t.Any] = []

    def delete(_method: str, path: str, body: t.Any) -> t.Any:
        # Another client deletes it after this task has read it.
        if path.startswith(V1):
            lists.append(body)
        return {"content": {"results": []}} if path.startswith(V1) and len(lists) > 1 else body

    world.simulator.rewrites.append(delete)
    world.simulator.fault(kind="status", path=V0, status=404, method="PATCH")
    run = yard(world, circle={"radius": 300})
    assert "returned HTTP 404" in run.message
    assert "console" not in run.message
    assert len(lists) == 2
