# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enrollment of Apple devices, and the apps of Apple's stores.

DEP profiles and DEP syncs (v0.yaml), seamless provisioning, VPP apps and the App Store (v0.yaml, v2.yaml).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from exchange import Answer, Behavior, Call, apps_list, found, not_found, refuse
from storage import File
from tenant import Tenant

Row = dict[str, Any]

_PROFILES = "/tenant/v0/depprofiles"
SYNCS = "/onboarding/v0/depsyncs"
_APPS = "/v2/itunesapps"
# Apple's ID, bundle ID, name, and the numbers of licenses: all, and assigned ones.
_VPP_APPS = (
    ("361309726", "com.example.browser", "Example Browser", 100, 95),
    ("462054704", "com.example.scanner", "Example Scanner", 50, 10),
)
_STORE_APPS = (
    *((bundle, name) for _apple_id, bundle, name, _total, _assigned in _VPP_APPS),
    ("com.example.scanner.pro", "Example Scanner Pro"),
)
# Each version with its number of refreshes.
_REFRESHES_PER_VERSION = 2
# Esper rejects the unique IDs that start with this text.
_REJECTED = "FAIL"
_ID_TYPES = {2: "SERIAL", 3: "UUID"}


@dataclass(frozen=True)
class SyncEnd:
    """The end of all DEP syncs, in the format of /_simulator/dep-syncs.

    status    the last status
    reason    the reason of a failure
    failing   the serial numbers of devices that cannot be synchronized
    """

    status: str = "SUCCESS"
    reason: str = ""
    failing: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.status not in ("SUCCESS", "COMPLETE", "FAILURE"):
            raise ValueError(f"{self.status!r} is no end")


def seed(tenant: Tenant) -> None:
    """A few VPP apps. No DEP profile and no DEP sync."""
    tenant.dep_sync_end = SyncEnd()
    for apple_id, bundle, name, _total, _assigned in _VPP_APPS:
        identifier = str(uuid5(NAMESPACE_URL, apple_id))
        tenant.objects[_APPS][identifier] = {
            "app_id": identifier,
            "apple_app_id": apple_id,
            "bundle_id": bundle,
            "app_name": name,
            "refreshes": 0,
        }


# --- DEP --------------------------------------------------------------------------------------------------------------


def create_profile(tenant: Tenant, call: Call) -> Answer:
    """POST /tenant/v0/depprofiles/: another profile. The body can be missing."""
    body, now = call.body or {}, tenant.now()
    profile = {
        "id": tenant.new_id(),
        "profile_uuid": tenant.new_id().replace("-", "").upper(),
        "show_setup_items": body.get("show_setup_items", []),
        "auto_advance_setup": body.get("auto_advance_setup", True),
        **_about(now),
    }
    tenant.objects[_PROFILES][profile["id"]] = profile
    return _enveloped(profile)


def create_sync(tenant: Tenant, call: Call) -> Answer:
    """POST /onboarding/v0/depsyncs/: any number of syncs at the same time."""
    sync = {"id": tenant.new_id(), "status": "QUEUED", **_about(tenant.now())}
    sync |= {"readings": 0, "end": tenant.dep_sync_end}
    tenant.objects[SYNCS][sync["id"]] = sync
    return _enveloped(_shown_sync(sync))


def get_sync(tenant: Tenant, call: Call) -> Answer:
    """GET /onboarding/v0/depsyncs/{id}/: a step on with each reading."""
    sync = found(tenant.objects[SYNCS], call.values["id"])
    if sync["status"] in ("QUEUED", "INPROGRESS"):
        sync["readings"] += 1
        is_over = sync["readings"] >= tenant.conduct.polls
        sync.update(status=sync["end"].status if is_over else "INPROGRESS", updated_at=tenant.now())
    return _enveloped(_shown_sync(sync))


def list_syncs(tenant: Tenant, call: Call) -> Answer:
    """GET /onboarding/v0/depsyncs/: the oldest first, in pages of 10. This is no reading."""
    return _enveloped(apps_list(call, list(tenant.objects[SYNCS].values()), _shown_sync))


def _shown_sync(sync: Row) -> Row:
    shown = {name: value for name, value in sync.items() if name not in ("readings", "end", "updated_by")}
    if sync["status"] in ("QUEUED", "INPROGRESS"):
        return shown
    end: SyncEnd = sync["end"]
    failures = [{"serial": serial, "reason": "The device is assigned to another server"} for serial in end.failing]
    return {**shown, "failure_reason": end.reason, **({"devices": {"failure": failures}} if failures else {})}


# --- seamless provisioning --------------------------------------------------------------------------------------------


def provision(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/seamless: the text of unique IDs is one ID, whatever characters it has."""
    body = call.body
    if body["assigned_blueprint_id"] not in tenant.objects["blueprints"]:
        raise refuse("assigned_blueprint_id", "The blueprint does not exist.")
    if body.get("group_id") and body["group_id"] not in tenant.groups:
        raise refuse("group_id", "The group does not exist.")
    info = body["seamless_info"]
    extra = {name: body[name] for name in ("group_id", "alias", "tags") if body.get(name) is not None}
    row = _provisioning(tenant, info["unique_ids"], info["unique_id_type"], info.get("platform", "APPLE"))
    return _results([{**row, "assigned_blueprint_id": body["assigned_blueprint_id"], **extra}])


def provision_from_file(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/seamless/upload: the first column has serial numbers, the first row the names of columns."""
    file: File = call.body["csv_file"]
    _header, *rows = csv.reader(io.StringIO((file.data or b"").decode(errors="replace")))
    platform = call.body.get("platform", "APPLE")
    blueprint = str(uuid5(NAMESPACE_URL, file.name))
    provisionings = [_provisioning(tenant, row[0], 2, platform) for row in rows if row]
    return _results([{**row, "assigned_blueprint_id": blueprint} for row in provisionings])


def _provisioning(tenant: Tenant, unique_id: str, id_type: int, platform: str) -> Row:
    status, meta = "IN_QUEUE", None
    if unique_id.startswith(_REJECTED):
        status, meta = "FAILED", {"reason": "The device is not known"}
    elif any(device.serial == unique_id for device in tenant.devices.values()):
        status = "SUCCESS"
    return {
        "id": tenant.new_id(),
        "unique_ids": unique_id,
        "unique_id_type": _ID_TYPES[id_type],
        "status": status,
        "meta": meta,
        "tenant_id": tenant.settings.enterprise_id,
        "platform": platform,
    }


# --- VPP apps ---------------------------------------------------------------------------------------------------------


def list_licenses(tenant: Tenant, call: Call) -> Answer:
    """GET /apps/v0/vpp."""
    rows = [_licenses(apple_id, total, assigned) for apple_id, _bundle, _name, total, assigned in _VPP_APPS]
    return _enveloped({"count": len(rows), "prev": "", "next": "", "results": rows})


def get_licenses(tenant: Tenant, call: Call) -> Answer:
    """GET /apps/v0/vpp/{appId}: an unknown app has an empty content."""
    rows = [_licenses(apple_id, total, assigned) for apple_id, _bundle, _name, total, assigned in _VPP_APPS]
    return _enveloped(next((row for row in rows if row["app_id"] == call.values["appId"]), {}))


def _licenses(apple_id: str, total: int, assigned: int) -> Row:
    return {
        "app_id": apple_id,
        "total_count": total,
        "assigned_count": assigned,
        "available_count": total - assigned,
        "pricing_param": "STDQ",
        "supported_platforms": ["iOS"],
    }


def list_vpp_apps(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/itunesapps: an unknown app is an empty list. The region changes nothing."""
    if not {"app_id", "apple_app_id"} & call.query.keys():
        raise refuse("app_id", "Either app_id or apple_app_id is required.")
    rows = [
        row
        for app in tenant.objects[_APPS].values()
        for row in [_vpp_app(app)]
        if all(row[key] == call.query.get(name, row[key]) for name, key in _FILTERS.items())
    ]
    return _results(rows)


_FILTERS = {"app_id": "app_id", "apple_app_id": "apple_app_id", "version_id": "app_version_id"}


def refresh(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/itunesapps/{appId}/refresh-version: another version at every second refresh."""
    app = found(tenant.objects[_APPS], call.values["appId"])
    app["refreshes"] += 1
    return Answer({"content": _vpp_app(app)})


def set_region(tenant: Tenant, call: Call) -> Answer:
    """PUT /v2/itunesapps/{appleAppId}/preferred-region: no response shows the region afterwards."""
    if all(app["apple_app_id"] != call.values["appleAppId"] for app in tenant.objects[_APPS].values()):
        raise not_found()
    return Answer({"content": {"message": "Preferred region updated"}})


def _vpp_app(app: Row) -> Row:
    number = 1 + app["refreshes"] // _REFRESHES_PER_VERSION
    return {
        **{name: value for name, value in app.items() if name != "refreshes"},
        "app_version_id": str(uuid5(NAMESPACE_URL, f"{app['apple_app_id']} {number}")),
        "apple_app_version": f"{number}.0",
        "developer": "Example Ltd.",
        "genres": ["Business"],
        "device_families": ["iphone", "ipad"],
        "price": 0,
        "app_size": 52428800,
        "minimum_os_version": "16.0",
        "last_updated_date": "2026-01-10",
        "pricing_param": "STDQ",
    }


def search_store(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/appleappstore/: `title` finds any part in any case."""
    rows = [
        {
            "name": name,
            "bundle_id": bundle,
            "file_size_in_bytes": "52428800",
            "app_store_url": f"https://apps.apple.com/app/{bundle}",
            "icon": f"https://apps.apple.com/icon/{bundle}.png",
            "minimum_os": "16.0",
            "release_date": "2026-01-10T08:00:00Z",
            "seller_name": "Example Ltd.",
        }
        for bundle, name in _STORE_APPS
        if call.query["title"].lower() in name.lower()
    ]
    return _results(rows)


# --- for all ----------------------------------------------------------------------------------------------------------


def _results(rows: Sequence[Row]) -> Answer:
    return Answer({"content": {"count": len(rows), "prev": "", "next": "", "results": rows}})


def _enveloped(content: Any) -> Answer:
    return Answer({"code": 200, "message": "success", "content": content})


def _about(now: str) -> Row:
    return {"created_at": now, "created_by": "1", "updated_at": now, "updated_by": "1"}


OPERATIONS: dict[str, Behavior] = {
    "POST /tenant/v0/depprofiles/": create_profile,
    "POST /onboarding/v0/depsyncs/": create_sync,
    "GET /onboarding/v0/depsyncs/": list_syncs,
    "GET /onboarding/v0/depsyncs/{id}/": get_sync,
    "POST /v2/seamless": provision,
    "POST /v2/seamless/upload": provision_from_file,
    "GET /apps/v0/vpp": list_licenses,
    "GET /apps/v0/vpp/{appId}": get_licenses,
    "GET /v2/itunesapps": list_vpp_apps,
    "PUT /v2/itunesapps/{appleAppId}/preferred-region": set_region,
    "POST /v2/itunesapps/{appId}/refresh-version": refresh,
    "GET /v2/appleappstore/": search_store,
}
