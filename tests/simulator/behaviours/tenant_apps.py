# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tenant's own apps for Apple and Windows: /v2/tenant-apps (v2.yaml), to be read only."""

from __future__ import annotations

from typing import Any

from exchange import Answer, Behaviour, Call, Page, found, paged
from tenant import Tenant

# Platform, package, name, and the versions with their codes, the oldest first.
_APPS = (
    ("APPLE", "com.example.catalogue", "Catalogue", (("1.0", "10"), ("1.1", "11"))),
    ("APPLE", "com.example.guide", "Guide", (("3.2", "32"),)),
    ("WINDOWS", "com.example.display", "Display", (("5.0", "500"), ("5.1", "510"))),
)
_TYPES = {"APPLE": "TENANT_IOS", "WINDOWS": "TENANT_WINDOWS"}


def seed(tenant: Tenant) -> None:
    """A few apps, each in one or two versions."""
    for platform, package, name, versions in _APPS:
        about = {"tenant_id": tenant.settings.enterprise_id, "created_at": tenant.now(), "created_by": "1"}
        app = {"id": tenant.new_id(), "platform": platform, "package_name": package, **about}
        tenant.objects["tenant_apps"][app["id"]] = app
        for version_name, code in versions:
            version = {
                "id": tenant.new_id(),
                "app_id": app["id"],
                "app_type": _TYPES[platform],
                "app_name": name,
                "version_name": version_name,
                "build_number": code,
                **about,
                "created_at": tenant.now(),
            }
            tenant.objects["tenant_app_versions"][version["id"]] = version


def list_apps(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/tenant-apps: `package_name` and `app_name` find any part in any case."""
    package, name = (call.query.get(key, "").lower() for key in ("package_name", "app_name"))
    apps = [
        app
        for app in tenant.objects["tenant_apps"].values()
        if call.query.get("platform") in (None, app["platform"])
        and package in app["package_name"].lower()
        and any(name in version["app_name"].lower() for version in _versions(tenant, app))
    ]
    return _listed(paged(call, apps, default=20))


def list_versions(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/tenant-apps/{appId}/versions, the oldest first."""
    app = found(tenant.objects["tenant_apps"], call.values["appId"])
    return _listed(paged(call, _versions(tenant, app), default=20))


def _versions(tenant: Tenant, app: dict[str, Any]) -> list[dict[str, Any]]:
    return [version for version in tenant.objects["tenant_app_versions"].values() if version["app_id"] == app["id"]]


def _listed(page: Page) -> Answer:
    links = {"next": page.next or "", "prev": page.previous or ""}
    return Answer({"content": {"count": page.count, **links, "results": page.items}})


OPERATIONS: dict[str, Behaviour] = {
    "GET /v2/tenant-apps": list_apps,
    "GET /v2/tenant-apps/{appId}/versions": list_versions,
}
