# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Webclips, the combined list of Apple apps, and provisioning profiles (v2.yaml)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import mobileprovision
from exchange import Answer, Behavior, Call, Refusal, paged, refuse
from tenant import Tenant

WEBCLIPS = "/v2/webclips"
PROFILES = "/v2/provisioning-profiles"

_PROFILE_VERSIONS = "/v2/provisioning-profiles/{id}/versions"
_APPS = "/v2/tenant-apps"
_APP_VERSIONS = "/v2/tenant-apps/{appId}/versions"
_BOOLEANS = {"true": True, "false": False}
_Row = dict[str, Any]


def seed(tenant: Tenant) -> None:
    """No webclip and no provisioning profile."""


# --- webclips ---------------------------------------------------------------------------------------------------------


def create_webclip(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/webclips: 409 if the name is taken. Booleans are written as in JSON. It returns HTTP 200."""
    name = call.body["esper_name"]
    if any(webclip["esper_name"] == name for webclip in tenant.objects[WEBCLIPS].values()):
        raise Refusal(409, [f"{name} already exists. "])
    flags = {}
    for key in ("is_full_screen", "is_removable"):
        if call.body[key] not in _BOOLEANS:
            raise refuse(key, "Must be a valid boolean.")
        flags[key] = _BOOLEANS[call.body[key]]
    texts = {key: call.body[key] for key in ("esper_name", "label", "url", "target_bundle_id", "target_bundle_name")}
    webclip = {"id": tenant.new_id(), **texts, **flags, **_about(tenant)}
    if icon := call.body.get("icon"):
        webclip["key"] = f"webclips/{webclip['id']}/{icon.name}"
        tenant.storage.put(webclip["key"], icon)
    tenant.objects[WEBCLIPS][webclip["id"]] = webclip
    return Answer({"content": _shown_webclip(tenant, call, webclip)})


def list_webclips(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/webclips: `exact_esper_name` is the whole name, `label` any part in any case."""
    name, label = call.query.get("exact_esper_name"), call.query.get("label", "").lower()
    webclips = [
        webclip
        for webclip in tenant.objects[WEBCLIPS].values()
        if name in (None, webclip["esper_name"]) and label in webclip["label"].lower()
    ]
    return _page(call, [_shown_webclip(tenant, call, webclip) for webclip in webclips])


def get_webclip(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/webclips/{webclipId}."""
    return Answer({"content": _shown_webclip(tenant, call, _found(tenant, WEBCLIPS, call.values["webclipId"]))})


def delete_webclip(tenant: Tenant, call: Call) -> Answer:
    """DELETE /v2/webclips/{webclipId}: 409 if a blueprint uses it. It returns the webclip."""
    webclip = _found(tenant, WEBCLIPS, call.values["webclipId"])
    if any(app.get("app_id") == webclip["id"] for app in _used(tenant, "apps")):
        raise Refusal(409, ["The webclip is used by blueprints. "])
    del tenant.objects[WEBCLIPS][webclip["id"]]
    return Answer({"content": _shown_webclip(tenant, call, webclip)})


def _shown_webclip(tenant: Tenant, call: Call, webclip: _Row) -> _Row:
    """A webclip as it is shown: without its name, and with a signed link to its icon."""
    icon = tenant.storage.link(call.host, webclip["key"]) if "key" in webclip else None
    return {**{key: value for key, value in webclip.items() if key not in ("esper_name", "key")}, "icon_url": icon}


def list_apps(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/apps: webclips and the versions of the tenant's own Apple apps."""
    webclips = [
        {
            **{key: webclip[key] for key in ("label", "url", "is_removable", "is_full_screen", "created_at")},
            "app_id": webclip["id"],
            "app_version_id": str(uuid5(NAMESPACE_URL, webclip["id"])),
            "app_type": "WEBCLIP",
            "name": webclip["esper_name"],
        }
        for webclip in tenant.objects[WEBCLIPS].values()
    ]
    code = "build_number" if call.query.get("legacy_format", "true") == "true" else "version_code"
    versions = [
        {
            "app_id": version["app_id"],
            "app_version_id": version["id"],
            "app_type": version["app_type"],
            "name": version["app_name"],
            "package_name": tenant.objects[_APPS][version["app_id"]]["package_name"],
            "version_name": version["version_name"],
            code: version["build_number"],
            "created_at": version["created_at"],
        }
        for version in tenant.objects[_APP_VERSIONS].values()
        if version["app_type"] == "TENANT_IOS"
    ]
    kind, search = call.query.get("app_type"), call.query.get("search", "").lower()
    apps = [
        app
        for app in (*webclips, *versions)
        if kind in (None, app["app_type"]) and search in f"{app['name']}\n{app.get('package_name', '')}".lower()
    ]
    if ordering := call.query.get("ordering"):
        apps.sort(key=lambda app: str(app.get(ordering, "")))
    return _page(call, apps)


# --- provisioning profiles --------------------------------------------------------------------------------------------


def upload_profile(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/provisioning-profiles: a file is a version of the profile with its name, bundle ID and team."""
    file = call.body["file"]
    content = mobileprovision.read(file.data or b"")
    if content is None:
        raise refuse("file", "The file is not a provisioning profile.")
    team = content["TeamIdentifier"][0]
    app_identifier = content["Entitlements"]["application-identifier"].removeprefix(f"{team}.")
    identity = {"name": content["Name"], "app_identifier": app_identifier, "team_identifier": team}
    profiles, about = tenant.objects[PROFILES], _about(tenant)
    profile = next((row for row in profiles.values() if identity.items() <= row.items()), None)
    if profile is None:
        profile = {"id": tenant.new_id(), **identity, "profile_type": "enterprise", **about}
        profiles[profile["id"]] = profile
    if any(row["sha256_hash"] == file.sha256 for row in _versions(tenant, profile)):
        raise refuse("file", "The version exists.")
    version = {
        "id": tenant.new_id(),
        "profile_id": profile["id"],
        "uuid": content["UUID"],
        "name": content["Name"],
        "sha256_hash": file.sha256,
        "creation_date": _instant(content["CreationDate"]),
        "expiration_date": _instant(content["ExpirationDate"]),
        "time_to_live": content["TimeToLive"],
        "provisions_all_devices": content["ProvisionsAllDevices"],
        "is_xcode_managed": False,
        "platforms": json.dumps(content["Platform"]),
        "entitlements": json.dumps(content["Entitlements"]),
        "developer_certificates": json.dumps([str(each) for each in content["DeveloperCertificates"]]),
        **about,
    }
    tenant.storage.put(f"profiles/{version['id']}/{file.name}", file)
    version["download_url"] = tenant.storage.link(call.host, f"profiles/{version['id']}/{file.name}")
    tenant.objects[_PROFILE_VERSIONS][version["id"]] = version
    profile.update(
        version_id=version["id"],
        expiration_date=version["expiration_date"],
        download_url=version["download_url"],
        updated_at=tenant.now(),
    )
    return Answer({"content": {key: value for key, value in profile.items() if key != "download_url"}})


def list_profiles(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/provisioning-profiles: filters are exact, `search` finds any part of names and identifiers."""
    filters = {"app_identifier": "app_identifier", "profile_type": "profile_type", "team_id": "team_identifier"}
    search = call.query.get("search", "").lower()
    profiles = [
        profile
        for profile in tenant.objects[PROFILES].values()
        if all(profile[key] == call.query[name] for name, key in filters.items() if name in call.query)
        and any(search in profile[key].lower() for key in ("name", "app_identifier", "team_identifier"))
    ]
    return _page(call, profiles, counts_all=True)


def get_profile(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/provisioning-profiles/{id}."""
    return Answer({"content": _found(tenant, PROFILES, call.values["id"])})


def list_versions(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/provisioning-profiles/{id}/versions: those that expire last come first."""
    profile, search = _found(tenant, PROFILES, call.values["id"]), call.query.get("search", "").lower()
    versions = [version for version in _versions(tenant, profile) if search in version["name"].lower()]
    versions.sort(key=lambda version: str(version["expiration_date"]), reverse=True)
    return _page(call, versions, counts_all=True)


def get_version(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/provisioning-profiles/{id}/versions/{versionId}."""
    return Answer({"content": _version(tenant, call)})


def delete_version(tenant: Tenant, call: Call) -> Answer:
    """DELETE /v2/provisioning-profiles/{id}/versions/{versionId}: a profile goes with its last version."""
    version = _version(tenant, call)
    del tenant.objects[_PROFILE_VERSIONS][version["id"]]
    profile = tenant.objects[PROFILES][version["profile_id"]]
    rest = _versions(tenant, profile)
    if not rest:
        del tenant.objects[PROFILES][profile["id"]]
    else:
        profile.update(version_id=rest[-1]["id"], expiration_date=rest[-1]["expiration_date"])
    return Answer({"content": version})


def _version(tenant: Tenant, call: Call) -> _Row:
    version = _found(tenant, _PROFILE_VERSIONS, call.values["versionId"])
    if version["profile_id"] != call.values["id"].lower():
        raise Refusal(404, ["Not found. "])
    return version


def _versions(tenant: Tenant, profile: _Row) -> list[_Row]:
    rows = tenant.objects[_PROFILE_VERSIONS].values()
    return [version for version in rows if version["profile_id"] == profile["id"]]


def _instant(time: datetime) -> str:
    return f"{time.isoformat()}Z"


# --- for both ---------------------------------------------------------------------------------------------------------


def _page(call: Call, rows: Sequence[_Row], *, counts_all: bool = False) -> Answer:
    """A page whose `count` is the number of its rows, or of all."""
    page = paged(call, rows, default=10, maximum=100)
    links = {"next": page.next or "", "prev": page.previous or ""}
    return Answer({"content": {"count": page.count if counts_all else len(page.items), **links, "results": page.items}})


def _used(tenant: Tenant, name: str) -> Iterator[_Row]:
    """The items of a list in the iOS settings of all blueprints, as they were saved last."""
    for blueprint in tenant.objects["blueprints"].values():
        yield from (blueprint["settings"].get("ios") or {}).get(name) or []


def _found(tenant: Tenant, table: str, key: str) -> _Row:
    row: _Row | None = tenant.objects[table].get(key.lower())
    if row is None:
        raise Refusal(404, ["Not found. "])
    return row


def _about(tenant: Tenant) -> _Row:
    now = tenant.now()
    return {
        "tenant_id": tenant.settings.enterprise_id,
        "created_at": now,
        "created_by": "1",
        "updated_at": now,
        "updated_by": "1",
    }


OPERATIONS: dict[str, Behavior] = {
    "GET /v2/webclips": list_webclips,
    "POST /v2/webclips": create_webclip,
    "GET /v2/webclips/{webclipId}": get_webclip,
    "DELETE /v2/webclips/{webclipId}": delete_webclip,
    "GET /v2/apps": list_apps,
    "GET /v2/provisioning-profiles": list_profiles,
    "POST /v2/provisioning-profiles": upload_profile,
    "GET /v2/provisioning-profiles/{id}": get_profile,
    "GET /v2/provisioning-profiles/{id}/versions": list_versions,
    "GET /v2/provisioning-profiles/{id}/versions/{versionId}": get_version,
    "DELETE /v2/provisioning-profiles/{id}/versions/{versionId}": delete_version,
}
