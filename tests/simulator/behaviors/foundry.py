# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds and device models of Foundry (foundry.yaml), which clients can list and change, and the events of changes."""

from __future__ import annotations

from typing import Any

from exchange import Answer, Behavior, Call, Refusal, found, instant, paged
from tenant import Tenant

BUILDS = "/v1/foundry/builds"
MODELS = "/v1/foundry/device-models"
EVENTS = "foundry_events"

Row = dict[str, Any]

# Name, manufacturer, model.
_MODELS = (("Example K10", "Example", "K10"), ("Example T5", "Example", "T5"), (None, "Example", "X1"))
# Foundation version, type, whether it is approved, state; each model has them.
_BUILDS = (
    ((14, 9, 2), "user", True, "to_be_deprecated"),
    ((15, 2, 29), "user", True, "released"),
    ((15, 2, 30), "user", True, "released"),
    ((15, 2, 31), "user", False, "released"),
    ((15, 3, 0), "user", False, "unavailable"),
    ((15, 3, 1), "user", False, "unreleased"),
    ((15, 3, 1), "userdebug", False, "unreleased"),
)
_PAGE, _MAXIMUM = 10, 1000


def seed(tenant: Tenant) -> None:
    """Three device models, one of them without a display name, each with a few builds."""
    for name, manufacturer, model in _MODELS:
        now, model_id = tenant.now(), tenant.new_id()
        tenant.objects[MODELS][model_id] = {
            "device_model_id": model_id,
            "model_display_name": name,
            "manufacturer": manufacturer,
            "model": model,
            "profile_name": "default",
            "profile_variant": None,
            "update_compatible_android_api_level_begin": 29,
            "update_compatible_android_api_level_end": 33,
            "auto_update": False,
            "latest": False,
            "locked_build_id": None,
            "created_at": now,
            "updated_at": now,
            "created_by": "esper",
            "updated_by": "esper",
        }
        for version, build_type, approved, state in _BUILDS:
            _add_build(tenant, model_id, version, build_type, approved=approved, state=state)


def _add_build(
    tenant: Tenant, model_id: str, version: tuple[int, int, int], build_type: str, *, approved: bool, state: str
) -> None:
    now, build_id = tenant.now(), tenant.new_id()
    link = f"https://builds.invalid/{build_id}"
    tenant.objects[BUILDS][build_id] = {
        "build_id": build_id,
        "device_model_id": model_id,
        "foundation_major_number": version[0],
        "foundation_minor_number": version[1],
        "foundation_build_number": version[2],
        "foundation_name": f"Foundation {version[0]}",
        "android_major_version": 13,
        "android_minor_version": "0",
        "android_sdk_level": 33,
        "android_minimum_sdk_level": 23,
        "build_arch": "arm64",
        "build_type": build_type,
        "build_flavor": "gms",
        "build_state": state,
        "approved": approved,
        "build_hash": build_id[:8],
        "build_ota_hash": build_id[9:13],
        "build_fingerprint_hash": build_id[14:18],
        "build_url": f"{link}/image.zip",
        "build_update_url": f"{link}/ota.zip",
        "build_job_url": f"{link}/job",
        "build_job_id": tenant.new_number(),
        "build_job_params": {"BRANCH": "release"},
        "build_details_id": tenant.new_number(),
        "build_update_metadata": {},
        "prebuilt_app_info": {},
        "release_notes": {},
        "release_rating": "stable",
        "source_build_id": build_id,
        "file_size_kb": 1048576,
        "ab_update": True,
        "deprecated_on": now if state == "to_be_deprecated" else None,
        "created_at": now,
        "updated_at": now,
        "created_by": "esper",
        "updated_by": "esper",
    }


def change_build(tenant: Tenant, call: Call) -> Answer:
    """PUT .../builds/{build_id}/: an approval moves the lock of device models that take the latest build."""
    build = found(tenant.objects[BUILDS], call.values["build_id"])
    build.update(approved=call.body["approved"], updated_at=tenant.now(), updated_by="api")
    model = tenant.objects[MODELS][build["device_model_id"]]
    _lock_to_latest(tenant, model)
    change = "approved" if build["approved"] else "unapproved"
    _add_event(tenant, build["build_id"], "build", change, model, call.body.get("user_remarks", ""))
    return Answer({"content": build})


def change_model(tenant: Tenant, call: Call) -> Answer:
    """PUT .../device-models/{device_model_id}/: keeps what the body lacks; 403 for a build that is not approved."""
    model = found(tenant.objects[MODELS], call.values["device_model_id"])
    if (locked := call.body.get("locked_build_id")) is not None:
        build = found(tenant.objects[BUILDS], locked)
        if build["device_model_id"] != model["device_model_id"] or not build["approved"]:
            raise Refusal(403, ["locked_build_id: The build is not approved. "])
    names = ("auto_update", "latest", "locked_build_id")
    model.update({name: call.body[name] for name in names if name in call.body})
    model.update(updated_at=tenant.now(), updated_by="api")
    _lock_to_latest(tenant, model)
    _add_event(tenant, model["device_model_id"], "device_model", "updated", model)
    return Answer({"content": {name: model[name] for name in (*names, "updated_at", "updated_by")}})


def list_events(tenant: Tenant, call: Call) -> Answer:
    """GET .../events/: the newest first."""
    page = paged(call, list(tenant.objects[EVENTS].values())[::-1], _PAGE, _MAXIMUM)
    return Answer(
        {"content": {"count": page.count, "next": page.next, "prev": page.previous, "results": list(page.items)}}
    )


def _lock_to_latest(tenant: Tenant, model: Row) -> None:
    if not (model["auto_update"] and model["latest"]):
        return
    approved = [
        each
        for each in tenant.objects[BUILDS].values()
        if each["device_model_id"] == model["device_model_id"] and each["approved"]
    ]
    if approved:
        model["locked_build_id"] = max(approved, key=lambda each: str(each["created_at"]))["build_id"]


def _add_event(tenant: Tenant, resource: str, kind: str, change: str, model: Row, remarks: str = "") -> None:
    name = model["model_display_name"] or model["model"]
    tenant.objects[EVENTS][tenant.new_id()] = {
        "stack": "simulator",
        "tenant": "simulator",
        "enterprise_id": tenant.settings.enterprise_id,
        "actor": {"id": "17", "name": "api"},
        "event_message": f"The {kind} of {name} was {change}",
        "event_type": f"{kind.upper()}_{change.upper()}",
        "resource": {"id": resource, "type": kind},
        "meta": {"user_remarks": remarks, "change_type": change, "device_model": name},
        "created_timestamp": int(instant("", tenant.now()).timestamp() * 1000),
    }


OPERATIONS: dict[str, Behavior] = {
    "PUT /v1/foundry/builds/{build_id}/": change_build,
    "PUT /v1/foundry/device-models/{device_model_id}/": change_model,
    "GET /v1/foundry/events/": list_events,
}
