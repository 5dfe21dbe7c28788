# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applications: /enterprise/{enterprise_id}/application/ (legacy.yaml) and /v1/enterprise/... (v1.yaml).

Both show the same apps, but Google Play's only the second. In both `version_code` is the name of a version and
`build_number` its code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from apk import Manifest, made, read
from exchange import (
    ORIGIN,
    Answer,
    Behavior,
    Call,
    Refusal,
    enterprise_url,
    found,
    instant,
    legacy_list,
    not_found,
    refuse,
)
from storage import File
from tenant import Device, Tenant

from behaviors.blueprints import KIOSK, TILL, users, version_users

App = dict[str, Any]
Version = dict[str, Any]
Filter = Callable[[dict[str, Any], str, str], bool]

# Label, package, versions in the order in which they were uploaded: name, code, and an id if a blueprint refers to it.
_APPS: tuple[tuple[str, str, tuple[tuple[str, int, str | None], ...]], ...] = (
    ("Kiosk", "com.example.kiosk", (("1.0.0", 100, KIOSK[1]), ("1.1.0", 110, KIOSK[2]), ("1.2.0", 120, None))),
    # The last one is a repair of an old one.
    ("Till", "com.example.till", (("1.9.0", 190, None), ("2.0.0", 200, TILL[1]), ("1.9.1", 191, None))),
    ("Kiosk", "com.example.kiosk.helper", (("1.0", 1, None),)),
    ("Scanner", "com.example.scanner", (("0.9", 9, None), ("1.0", 10, None), ("1.0", 11, None), ("1.1", 12, None))),
    ("Speisekarte Köln", "com.example.menu", (("3.1", 31, None),)),
    ("Signage", "com.example.signage", (("4.0", 40, None), ("4.1", 41, None))),
    ("Old Player", "com.example.player", (("0.1", 1, None),)),
    ("Esper Agent", "io.shoonya.shoonyadpc", (("8.9.6611", 6611, None),)),
)
_PLAY = (("Chrome", "com.android.chrome"), ("Gmail", "com.google.android.gm"))
_IDS = {"com.example.kiosk": KIOSK[0], "com.example.till": TILL[0]}

# The longest values that answers may have, of what a version can be given.
_LENGTHS = {
    "version_code": 50,
    "build_number": 100,
    "release_name": 255,
    "min_sdk_version": 10,
    "target_sdk_version": 10,
}


def seed(tenant: Tenant) -> None:
    """A few apps: one out of use, one that is hidden, two of one name, and two from Google Play."""
    for label, package, versions in _APPS:
        app = _add_app(tenant, Manifest(package, "", 0, label), _IDS.get(package))
        for name, code, version_id in versions:
            manifest = Manifest(package, name, code, label)
            _add_version(tenant, app, manifest, File.of(f"{package}.apk", None, made(manifest)), version_id)
        app.update(is_active=label != "Old Player", is_hidden=label == "Esper Agent")
    for label, package in _PLAY:
        add_play_app(tenant, package, label)


def add_play_app(tenant: Tenant, package: str, label: str = "") -> None:
    """Add an app of Google Play with one version, unless the tenant has an app of the package."""
    if any(app["package_name"] == package for app in tenant.objects["applications"].values()):
        return
    app = _add_app(tenant, Manifest(package, "", 0, label))
    app["is_g_play"] = True
    _add_version(tenant, app, Manifest(package, "24.1.0", 0, label), None)


def remove_play_app(tenant: Tenant, package: str) -> None:
    """Remove an app of Google Play."""
    apps = tenant.objects["applications"]
    for app in [app for app in apps.values() if app["is_g_play"] and app["package_name"] == package]:
        del apps[app["id"]]


def upload(tenant: Tenant, call: Call) -> Answer:
    """POST .../application/upload/: a new version of the app of that package, or a new app."""
    file: File = call.body["app_file"]
    manifest = read(file.name, file.data)
    if manifest is None:
        raise refuse("app_file", "The package could not be read.")
    app = next((app for app in _apps(tenant, call) if app["package_name"] == manifest.package_name), None)
    if app and any(version["build_number"] == str(manifest.version_code) for version in app["versions"]):
        raise Refusal(400, ["App Upload failed as this version already exists "])
    app = app or _add_app(tenant, manifest)
    _add_version(tenant, app, manifest, file)
    return Answer({"application": _legacy_app(tenant, call, app)}, status=201)


def list_apps(tenant: Tenant, call: Call) -> Answer:
    """GET .../application/, in both families: names are found by any part in any case, the default apps if hidden."""
    apps = _filtered(_apps(tenant, call), {"is_hidden": "false", **call.query}, _APP_FILTERS)
    return legacy_list(call, apps, show=lambda app: _shown_app(tenant, call, app))


def list_minimal(tenant: Tenant, call: Call) -> Answer:
    """GET /v1/.../applications-minimal/: all at once, as it takes no limit."""
    results = [{"id": app["id"], "package_name": app["package_name"]} for app in _apps(tenant, call)]
    return Answer({"count": len(results), "next": None, "previous": None, "results": results})


def get_app(tenant: Tenant, call: Call) -> Answer:
    """GET .../application/{application_id}/, in both families."""
    return Answer(_shown_app(tenant, call, _app(tenant, call)))


def delete_app(tenant: Tenant, call: Call) -> Answer:
    """DELETE .../application/{application_id}/, in both families: not if a blueprint uses it."""
    app = _app(tenant, call)
    if users(tenant, "app_id", app["id"]):
        raise Refusal(400, ["Application is used by blueprints and cannot be deleted. "])
    for version in app["versions"]:
        tenant.storage.remove(version["key"])
    del tenant.objects["applications"][app["id"]]
    return Answer(status=204)


def list_versions(tenant: Tenant, call: Call) -> Answer:
    """GET .../version/, in both families: the newest first."""
    versions = _filtered(_app(tenant, call)["versions"], call.query, _VERSION_FILTERS)
    shown = [_shown_version(tenant, call, version) for version in versions]
    if "ordering" in call.query:
        shown.sort(key=lambda each: int(each["installed_count"]), reverse=call.query["ordering"].startswith("-"))
    return legacy_list(call, shown, show=dict)


def get_version(tenant: Tenant, call: Call) -> Answer:
    """GET .../version/{version_id}/, in both families."""
    return Answer(_shown_version(tenant, call, _version(tenant, call)))


def update_version(tenant: Tenant, call: Call) -> Answer:
    """PATCH .../version/{version_id}/, in both families: one version at most is the default."""
    version = _version(tenant, call)
    for name, longest in _LENGTHS.items():
        if len(call.body.get(name, "")) > longest:
            raise refuse(name, f"Ensure this field has no more than {longest} characters.")
    if call.body.get("version_code") == "":
        raise refuse("version_code", "This field may not be blank.")
    if call.body.get("is_default"):
        for other in _app(tenant, call)["versions"]:
            other["is_default"] = False
    values = {name: None if value == "" else value for name, value in call.body.items()}
    version.update(values, updated_on=tenant.now())
    return Answer(_shown_version(tenant, call, version))


def delete_version(tenant: Tenant, call: Call) -> Answer:
    """DELETE .../version/{version_id}/, in both families: one in use only if asked twice."""
    app, version = _app(tenant, call), _version(tenant, call)
    request = call.query.get("request_id")
    if request is not None and tenant.deletions.pop(request, None) != version["id"]:
        raise refuse("request_id", "Not found.")
    names = users(tenant, "app_version_id", version["id"])
    if names and request is None:
        request = tenant.new_id()
        tenant.deletions[request] = version["id"]
        templates = [{"id": number, "name": name} for number, name in enumerate(names, start=1)]
        return Answer({"request_id": request, "templates": templates})
    tenant.storage.remove(version["key"])
    app["versions"].remove(version)
    return Answer(status=204)


def list_devices(tenant: Tenant, call: Call) -> Answer:
    """GET .../version/{version_id}/installdevices, in both families."""
    search = call.query.get("search", "").lower()
    devices = [_shown_device(tenant, device) for device in _installed(tenant, _version(tenant, call))]
    texts = ("device_name", "alias_name", "group_name")
    devices = [device for device in devices if any(search in (device[name] or "").lower() for name in texts)]
    return legacy_list(call, devices, show=dict)


def _add_app(tenant: Tenant, manifest: Manifest, id_: str | None = None) -> App:
    new, now = id_ or tenant.new_id(), tenant.now()
    app: App = {
        "id": new,
        "application_name": manifest.label or manifest.package_name,
        "package_name": manifest.package_name,
        "developer": None,
        "category": None,
        "content_rating": "0.0",
        "compatibility": None,
        "created_on": now,
        "updated_on": now,
        "is_active": True,
        "is_hidden": False,
        "is_g_play": False,
        "versions": [],
    }
    tenant.objects["applications"][new] = app
    return app


def _add_version(tenant: Tenant, app: App, manifest: Manifest, file: File | None, id_: str | None = None) -> None:
    """A new version, before all others; one without a file is Google Play's."""
    new, key, now = id_ or tenant.new_id(), f"apps/{tenant.new_id()}", tenant.now()
    if file:
        tenant.storage.put(key, file)
    version = {
        "id": new,
        "key": key,
        "version_code": manifest.version_name,
        "build_number": str(manifest.version_code) if file else None,
        "hash_string": file.sha256 if file else None,
        "size_in_mb": round(file.size / 1e6, 2) if file else 0.0,
        "release_name": None,
        "release_comments": None,
        "release_track": "Production",
        "min_sdk_version": "21" if file else None,
        "target_sdk_version": "33" if file else None,
        "is_g_play": file is None,
        "is_enabled": True,
        "is_default": False,
        "approval_status": "APPROVED",
        "created_on": now,
        "updated_on": now,
    }
    app["versions"].insert(0, version)
    app["updated_on"] = now


def _is_v1(call: Call) -> bool:
    return call.path.startswith("/v1/")


def _apps(tenant: Tenant, call: Call) -> list[App]:
    """The apps that the family knows."""
    return [app for app in tenant.objects["applications"].values() if _is_v1(call) or not app["is_g_play"]]


def _app(tenant: Tenant, call: Call) -> App:
    app = found(tenant.objects["applications"], call.values["application_id"])
    if app["is_g_play"] and not _is_v1(call):
        raise not_found()
    return app


def _version(tenant: Tenant, call: Call) -> Version:
    return found({version["id"]: version for version in _app(tenant, call)["versions"]}, call.values["version_id"])


def _shown_app(tenant: Tenant, call: Call, app: App) -> App:
    return _v1_app(tenant, app) if _is_v1(call) else _legacy_app(tenant, call, app)


def _legacy_app(tenant: Tenant, call: Call, app: App) -> App:
    versions = [
        _named(version)
        | _only(version, "hash_string")
        | {"download_url": tenant.storage.link(call.host, version["key"])}
        for version in app["versions"]
    ]
    names = ("developer", "category", "content_rating", "compatibility", "created_on", "updated_on", "is_active")
    return _both(tenant, app) | _only(app, *names) | {"versions": versions}


def _v1_app(tenant: Tenant, app: App) -> App:
    shown = _both(tenant, app)
    for version in app["versions"][:1]:
        digest = _only(version, "hash_string") if version["hash_string"] else {}
        latest = {name: value for name, value in _named(version).items() if name != "release_comments"}
        shown["latest_version"] = latest | digest
    return shown


def _both(tenant: Tenant, app: App) -> App:
    """Return the properties of an app that both families show."""
    return _only(app, "id", "application_name", "package_name", "is_hidden") | {"enterprise": enterprise_url(tenant)}


def _named(version: Version) -> Version:
    """A version as it is shown within its app: a text that it lacks is empty."""
    return {
        **_only(version, "id", "version_code", "build_number", "min_sdk_version", "target_sdk_version"),
        "icon_url": _icon(version),
        "release_name": version["release_name"] or "",
        "release_comments": version["release_comments"] or "",
    }


def _shown_version(tenant: Tenant, call: Call, version: Version) -> Version:
    """A version by itself: a text that it lacks is null."""
    names = ("id", "version_code", "build_number", "size_in_mb", "release_name", "release_comments", "min_sdk_version")
    enterprise = enterprise_url(tenant)
    shown = _only(version, *names, "is_default", "approval_status", "created_on") | {
        "installed_count": len(_installed(tenant, version)),
        "app_file": None if version["is_g_play"] else tenant.storage.link(call.host, version["key"]),
        "app_icon": _icon(version),
        "enterprise": enterprise,
        "application": f"{enterprise}application/{call.values['application_id']}/",
    }
    if _is_v1(call):
        return shown | {"is_g_play": version["is_g_play"], "release_date": version["created_on"]}
    own = ("hash_string", "release_track", "updated_on", "target_sdk_version", "is_enabled")
    return shown | _only(version, *own) | {"permissions": []}


def _only(item: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: item[name] for name in names}


def _icon(version: Version) -> str:
    return f"{ORIGIN}/icons/{version['id']}.png"


def _installed(tenant: Tenant, version: Version) -> list[Device]:
    """The Android devices that are at a version of a blueprint with this version of the app."""
    blueprints = version_users(tenant, "app_version_id", version["id"])
    return [
        device
        for device in (tenant.devices.values() if blueprints else ())
        if device.platform == "ANDROID" and device.current_blueprint_version_id in blueprints
    ]


def _shown_device(tenant: Tenant, device: Device) -> dict[str, Any]:
    group = tenant.groups.get(device.group_id or "")
    return {
        "id": device.id,
        "device_name": device.name,
        "alias_name": device.alias,
        "group_name": group.name if group else None,
    }


def _filtered(items: Sequence[App], query: Mapping[str, str], filters: Mapping[str, Filter]) -> list[App]:
    wanted = [(filters[name], name, value) for name, value in query.items() if name in filters]
    return [item for item in items if all(fits(item, name, value) for fits, name, value in wanted)]


def _has_part(item: App, name: str, value: str) -> bool:
    return value.lower() in str(item[name]).lower()


def _is(item: App, name: str, value: str) -> bool:
    return bool(item[name] == value)


def _is_flag(item: App, name: str, value: str) -> bool:
    return bool(item[name]) == (value.lower() == "true")


def _is_later(item: App, name: str, value: str) -> bool:
    return instant(name, item[name.removesuffix("_gt")]) > instant(name, value)


def _is_earlier(item: App, name: str, value: str) -> bool:
    return instant(name, item[name.removesuffix("_lt")]) < instant(name, value)


def _is_package(app: App, name: str, value: str) -> bool:
    return bool(app["package_name"] == value)


def _has_upload(app: App, name: str, value: str) -> bool:
    return (value.lower() == "true") == any(not version["is_g_play"] for version in app["versions"])


def _supports(app: App, name: str, value: str) -> bool:
    sdks = [version["min_sdk_version"] for version in app["versions"] if version["min_sdk_version"]]
    return any(int(sdk) <= int(value) for sdk in sdks)


_DATE_FILTERS: dict[str, Filter] = {
    "created_on_gt": _is_later,
    "created_on_lt": _is_earlier,
    "updated_on_gt": _is_later,
    "updated_on_lt": _is_earlier,
}
_APP_FILTERS: dict[str, Filter] = {
    "application_name": _has_part,
    "package_name": _has_part,
    "package_name_exact": _is_package,
    "has_uploaded_version": _has_upload,
    "category": _is,
    "supported_sdk": _supports,
    "is_active": _is_flag,
    "is_hidden": _is_flag,
    **_DATE_FILTERS,
}
_VERSION_FILTERS: dict[str, Filter] = {
    "version_code": _is,
    "build_number": _is,
    "is_g_play": _is_flag,
    "approval_status": _is,
    "is_enabled": _is_flag,
    "is_default": _is_flag,
    **_DATE_FILTERS,
}

_LEGACY, _V1 = "/enterprise/{enterprise_id}", "/v1/enterprise/{enterprise_id}"

# What both families do.
_OPERATIONS: dict[str, Behavior] = {
    "GET {}/application/": list_apps,
    "GET {}/application/{application_id}/": get_app,
    "DELETE {}/application/{application_id}/": delete_app,
    "GET {}/application/{application_id}/version/": list_versions,
    "GET {}/application/{application_id}/version/{version_id}/": get_version,
    "PATCH {}/application/{application_id}/version/{version_id}/": update_version,
    "DELETE {}/application/{application_id}/version/{version_id}/": delete_version,
    "GET {}/application/{application_id}/version/{version_id}/installdevices": list_devices,
}
OPERATIONS: dict[str, Behavior] = {
    "POST /enterprise/{enterprise_id}/application/upload/": upload,
    "GET /v1/enterprise/{enterprise_id}/applications-minimal/": list_minimal,
    **{name.replace("{}", start): behavior for name, behavior in _OPERATIONS.items() for start in (_LEGACY, _V1)},
}
