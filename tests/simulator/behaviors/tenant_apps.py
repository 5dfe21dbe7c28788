# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tenant's own apps for Apple and Windows, and Esper's own apps (v2.yaml)."""

from __future__ import annotations

from typing import Any

import packages
from exchange import Answer, Behavior, Call, Page, Refusal, found, paged, refuse
from packages import Package
from storage import File
from tenant import Tenant

# Platform, package, name, and the versions with their codes, the oldest first.
_APPS = (
    ("APPLE", "com.example.catalogue", "Catalogue", (("1.0", "10"), ("1.1", "11"))),
    ("APPLE", "com.example.guide", "Guide", (("3.2", "32"),)),
    ("WINDOWS", "com.example.display", "Display", (("5.0", "500"), ("5.1", "510"))),
)
# Package, architecture, and the codes of the versions, the oldest first. Their order as texts is another one.
_ESPER_APPS = (("com.example.agent", "arm64_v8a", (9, 980, 8040)), ("com.example.agent", "x86_64", (8040,)))
_ESPER_TABLE = "/v2/tenant-esper-apps"
_APP_TABLE = "/v2/tenant-apps"
VERSIONS = "/v2/tenant-apps/{appId}/versions"
_ARTIFACTS = "/v2/tenant-apps/{appId}/versions/{versionId}/artifacts"
_TYPES = {"APPLE": "TENANT_IOS", "WINDOWS": "TENANT_WINDOWS"}
_SUFFIXES = {"UWP_DEPENDENCY": (".msix", ".appx"), "UWP_CERTIFICATE": (".cer",)}
# What only a single version shows, and what no answer shows.
_DETAILS = ("app_sha256_hash", "product_code")
_HIDDEN = ("is_uwp", "key")
_Row = dict[str, Any]


def seed(tenant: Tenant) -> None:
    """A few apps, each in one or two versions, and versions of Esper's agent."""
    for platform, package, name, versions in _APPS:
        app = _add_app(tenant, platform, package)
        for version_name, code in versions:
            if platform == "APPLE":
                file = File.of(f"{package}.ipa", None, packages.ipa(package, version_name, code))
            else:
                file = File.of(f"{package}.msix", None, packages.msix(package, version_name))
            _add_version(tenant, app, name, Package(platform, package, version_name, code), file)
    for package, architecture, numbers in _ESPER_APPS:
        app_id = tenant.new_id()
        for number in numbers:
            _add_esper_app(tenant, app_id, package, architecture, number)


# --- apps -------------------------------------------------------------------------------------------------------------


def list_apps(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/tenant-apps: `package_name` and `app_name` find any part in any case."""
    package, name = (call.query.get(key, "").lower() for key in ("package_name", "app_name"))
    apps = [
        app
        for app in tenant.objects[_APP_TABLE].values()
        if call.query.get("platform") in (None, app["platform"])
        and package in app["package_name"].lower()
        and (not name or any(name in version["app_name"].lower() for version in _versions(tenant, app)))
    ]
    return _listed(paged(call, apps, default=20))


def get_app(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/tenant-apps/{appId}."""
    return Answer({"content": _app(tenant, call)})


def upload_app(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/tenant-apps: what is in a package, or in its file name, says which version of which app it is."""
    file: File = call.body["file"]
    package = packages.read(file.name, file.data)
    if call.body.get("platform", package.platform) != package.platform:
        raise refuse("platform", "The file is for another platform.")
    app = next((app for app in tenant.objects[_APP_TABLE].values() if _identity(app) == package[:2]), None)
    app = app or _add_app(tenant, package.platform, package.package_name)
    if any(
        (row["version_name"], row["build_number"]) == (package.version_name, package.code or row["build_number"])
        for row in _versions(tenant, app)
    ):
        raise Refusal(400, ["The version exists. "])
    name = package.package_name.rpartition(".")[2].capitalize()
    version = _add_version(tenant, app, name, package, file)
    return Answer({"content": app | {"version_id": version["id"], "app_name": name}})


# --- versions ---------------------------------------------------------------------------------------------------------


def list_versions(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/tenant-apps/{appId}/versions: the oldest first."""
    name = call.query.get("app_name", "").lower()
    versions = [row for row in _versions(tenant, _app(tenant, call)) if name in row["app_name"].lower()]
    return _listed(paged(call, [_shown(call, row) for row in versions], default=20))


def get_version(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/tenant-apps/{appId}/versions/{versionId}: with the checksum, and a signed link to the file."""
    version = _version(tenant, call)
    link = {"app_download_url": tenant.storage.link(call.host, version["key"])}
    return Answer({"content": _shown(call, version) | {key: version[key] for key in _DETAILS} | link})


def update_version(tenant: Tenant, call: Call) -> Answer:
    """PUT /v2/tenant-apps/{appId}/versions/{versionId}: sets the description, nothing else."""
    version = _version(tenant, call)
    version.update(description=call.body.get("description", ""), updated_at=tenant.now())
    return Answer({"content": _shown(call, version)})


def delete_version(tenant: Tenant, call: Call) -> Answer:
    """DELETE /v2/tenant-apps/{appId}/versions/{versionId}: also one in use. The app stays without versions."""
    version = _version(tenant, call)
    del tenant.objects[VERSIONS][version["id"]]
    tenant.storage.remove(version["key"])
    return Answer({"content": _shown(call, version)})


# --- artifacts --------------------------------------------------------------------------------------------------------


def upload_artifact(tenant: Tenant, call: Call) -> Answer:
    """POST .../artifacts: only for MSIX and APPX. Nothing lists them, and the same file can be uploaded twice."""
    version, file, kind = _version(tenant, call), call.body["file"], call.body["artifact_type"]
    if not version["is_uwp"]:
        raise Refusal(400, ["Artifacts are only for UWP apps. "])
    if not file.name.endswith(_SUFFIXES[kind]):
        raise refuse("file", "Invalid file type.")
    artifact = {
        "id": tenant.new_id(),
        "version_id": version["id"],
        "tenant_id": tenant.settings.enterprise_id,
        "artifact_type": kind,
        "file_name": file.name,
    }
    tenant.objects[_ARTIFACTS][artifact["id"]] = artifact
    return Answer({"content": artifact})


def delete_artifact(tenant: Tenant, call: Call) -> Answer:
    """DELETE .../artifacts/{artifactId}."""
    version, artifact = _version(tenant, call), found(tenant.objects[_ARTIFACTS], call.values["artifactId"])
    if artifact["version_id"] != version["id"]:
        raise Refusal(404, ["Not found. "])
    del tenant.objects[_ARTIFACTS][artifact["id"]]
    return Answer({"content": artifact})


# --- Esper's own apps -------------------------------------------------------------------------------------------------


def list_esper_apps(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/tenant-esper-apps: filters are exact, and codes are ordered as texts."""
    names = ("package_name", "architecture", "version_code")
    rows = [
        row
        for row in tenant.objects[_ESPER_TABLE].values()
        if all(call.query.get(name) in (None, row[name]) for name in names)
    ]
    order = call.query.get("ordering", "")
    if order:
        rows.sort(key=lambda row: str(row[order.split(" ")[0].lstrip("-")]), reverse=order.startswith("-"))
    shown = ("tenant_id", "app_version_id", "app_id", *names, "app_sha256_hash", "signature_hash", "created_at")
    return _listed(paged(call, [{name: row[name] for name in shown} for row in rows], default=20))


def get_esper_app(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/esper-apps/{appId}/versions/{versionId}."""
    row = found(tenant.objects[_ESPER_TABLE], call.values["versionId"])
    if row["app_id"] != call.values["appId"].lower():
        raise Refusal(404, ["Not found. "])
    own = ("app_id", "app_sha256_hash", "signature_hash", "architecture", "created_at")
    return Answer(
        {
            "content": {
                **{name: row[name] for name in own},
                "id": row["app_version_id"],
                "app_type": "ESPER_ANDROID",
                "app_name": "Agent",
                "app_download_url": tenant.storage.link(call.host, f"esper-apps/{row['app_version_id']}"),
                "release_notes": "Faster start",
                "description": "",
                "file_size_in_kb": 20480,
                "version_name": f"{row['version_code']}.0",
                "build_number": row["version_code"],
                "min_sdk_version": "21",
            }
        }
    )


def _add_esper_app(tenant: Tenant, app_id: str, package: str, architecture: str, code: int) -> None:
    file = File.of(f"{package}.apk", None, f"{package} {architecture} {code}".encode())
    row = {
        "tenant_id": tenant.settings.enterprise_id,
        "app_version_id": tenant.new_id(),
        "app_id": app_id,
        "package_name": package,
        "architecture": architecture,
        "version_code": str(code),
        "app_sha256_hash": file.sha256,
        "signature_hash": "9F:86:D0:81",
        "created_at": tenant.now(),
    }
    tenant.objects[_ESPER_TABLE][row["app_version_id"]] = row


# --- for all ----------------------------------------------------------------------------------------------------------


def _identity(app: _Row) -> tuple[str, str]:
    return app["platform"], app["package_name"]


def _add_app(tenant: Tenant, platform: str, package: str) -> _Row:
    app = {"id": tenant.new_id(), "platform": platform, "package_name": package, **_about(tenant)}
    tenant.objects[_APP_TABLE][app["id"]] = app
    return app


def _add_version(tenant: Tenant, app: _Row, name: str, package: Package, file: File) -> _Row:
    version = {
        "id": tenant.new_id(),
        "app_id": app["id"],
        "app_type": _TYPES[app["platform"]],
        "app_name": name,
        "version_name": package.version_name,
        "build_number": package.code,
        "file_size_in_kb": -(-file.size // 1024),
        "app_sha256_hash": file.sha256,
        "product_code": "{8A6F2B1C-3D4E-4F50-9A6B-7C8D9E0F1A2B}" if file.name.endswith(".msi") else "",
        "is_uwp": file.name.endswith((".msix", ".appx", ".msixbundle", ".appxbundle")),
        "key": f"tenant-apps/{tenant.new_id()}/{file.name}",
        **_about(tenant),
    }
    tenant.storage.put(version["key"], file)
    tenant.objects[VERSIONS][version["id"]] = version
    tenant.owners[version["id"]] = app["id"]
    return version


def _about(tenant: Tenant) -> dict[str, str]:
    return {"tenant_id": tenant.settings.enterprise_id, "created_at": tenant.now(), "created_by": "1"}


def _app(tenant: Tenant, call: Call) -> _Row:
    return found(tenant.objects[_APP_TABLE], call.values["appId"])


def _version(tenant: Tenant, call: Call) -> _Row:
    version = found(tenant.objects[VERSIONS], call.values["versionId"])
    if version["app_id"] != _app(tenant, call)["id"]:
        raise Refusal(404, ["Not found. "])
    return version


def _versions(tenant: Tenant, app: _Row) -> list[_Row]:
    return [version for version in tenant.objects[VERSIONS].values() if version["app_id"] == app["id"]]


def _shown(call: Call, version: _Row) -> _Row:
    """A version as it is shown. Its code has two names, and is missing if the app has none."""
    shown = {key: value for key, value in version.items() if key not in (*_DETAILS, *_HIDDEN, "build_number")}
    if version["build_number"] is not None:
        is_legacy = call.query.get("legacy_format", "true").lower() == "true"
        shown["build_number" if is_legacy else "version_code"] = version["build_number"]
    return shown


def _listed(page: Page) -> Answer:
    """A page. The `results` of an empty list are null."""
    links = {"next": page.next or "", "prev": page.previous or ""}
    return Answer({"content": {"count": page.count, **links, "results": list(page.items) or None}})


OPERATIONS: dict[str, Behavior] = {
    "GET /v2/tenant-apps": list_apps,
    "POST /v2/tenant-apps": upload_app,
    "GET /v2/tenant-apps/{appId}": get_app,
    "GET /v2/tenant-apps/{appId}/versions": list_versions,
    "GET /v2/tenant-apps/{appId}/versions/{versionId}": get_version,
    "PUT /v2/tenant-apps/{appId}/versions/{versionId}": update_version,
    "DELETE /v2/tenant-apps/{appId}/versions/{versionId}": delete_version,
    "POST /v2/tenant-apps/{appId}/versions/{versionId}/artifacts": upload_artifact,
    "DELETE /v2/tenant-apps/{appId}/versions/{versionId}/artifacts/{artifactId}": delete_artifact,
    "GET /v2/tenant-esper-apps": list_esper_apps,
    "GET /v2/esper-apps/{appId}/versions/{versionId}": get_esper_app,
}
