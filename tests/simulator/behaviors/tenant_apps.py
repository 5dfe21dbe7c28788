# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tenant's own apps for Apple and Windows: /v2/tenant-apps (v2.yaml). The rest is derived."""

from __future__ import annotations

from typing import Any

from exchange import Answer, Behavior, Call, Page, paged
from storage import File
from tenant import Tenant

# Platform, package, name, and the versions with their codes, the oldest first.
_APPS = (
    ("APPLE", "com.example.catalogue", "Catalogue", (("1.0", "10"), ("1.1", "11"))),
    ("APPLE", "com.example.guide", "Guide", (("3.2", "32"),)),
    ("WINDOWS", "com.example.display", "Display", (("5.0", "500"), ("5.1", "510"))),
)
_APP_TABLE = "/v2/tenant-apps"
VERSIONS = "/v2/tenant-apps/{appId}/versions"
_TYPES = {"APPLE": "TENANT_IOS", "WINDOWS": "TENANT_WINDOWS"}


def seed(tenant: Tenant) -> None:
    """A few apps, each in one or two versions."""
    for platform, package, name, versions in _APPS:
        app = _add_app(tenant, platform, package)
        for version_name, code in versions:
            _add_version(tenant, app, name, version_name, code)


def list_apps(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/tenant-apps: `package_name` and `app_name` find any part in any case."""
    package, name = (call.query.get(key, "").lower() for key in ("package_name", "app_name"))
    apps = [
        app
        for app in tenant.objects[_APP_TABLE].values()
        if call.query.get("platform") in (None, app["platform"])
        and package in app["package_name"].lower()
        and any(name in version["app_name"].lower() for version in _versions(tenant, app))
    ]
    return _listed(paged(call, apps, default=20))


def upload_app(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/tenant-apps: the file's name is all that is read of it; a package that is known gets a version."""
    file: File = call.body["file"]
    name, _, suffix = file.name.rpartition(".")
    platform = call.body.get("platform") or ("APPLE" if suffix == "ipa" else "WINDOWS")
    app = next((app for app in tenant.objects[_APP_TABLE].values() if app["package_name"] == name), None)
    app = app or _add_app(tenant, platform, name)
    code = str(len(_versions(tenant, app)) + 1)
    version = _add_version(tenant, app, name, f"{code}.0", code)
    version |= {"file_size_in_kb": -(-file.size // 1024), "app_sha256_hash": file.sha256}
    return Answer({"content": app | {"version_id": version["id"], "app_name": name}})


def _add_app(tenant: Tenant, platform: str, package: str) -> dict[str, Any]:
    app = {"id": tenant.new_id(), "platform": platform, "package_name": package, **_about(tenant)}
    tenant.objects[_APP_TABLE][app["id"]] = app
    return app


def _add_version(tenant: Tenant, app: dict[str, Any], name: str, version_name: str, code: str) -> dict[str, Any]:
    version = {
        "id": tenant.new_id(),
        "app_id": app["id"],
        "app_type": _TYPES[app["platform"]],
        "app_name": name,
        "version_name": version_name,
        "build_number": code,
        **_about(tenant),
    }
    tenant.objects[VERSIONS][version["id"]] = version
    tenant.owners[version["id"]] = app["id"]
    return version


def _about(tenant: Tenant) -> dict[str, str]:
    return {"tenant_id": tenant.settings.enterprise_id, "created_at": tenant.now(), "created_by": "1"}


def _versions(tenant: Tenant, app: dict[str, Any]) -> list[dict[str, Any]]:
    return [version for version in tenant.objects[VERSIONS].values() if version["app_id"] == app["id"]]


def _listed(page: Page) -> Answer:
    links = {"next": page.next or "", "prev": page.previous or ""}
    return Answer({"content": {"count": page.count, **links, "results": page.items}})


OPERATIONS: dict[str, Behavior] = {
    "GET /v2/tenant-apps": list_apps,
    "POST /v2/tenant-apps": upload_app,
}
