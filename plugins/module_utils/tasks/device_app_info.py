# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that reads the apps on devices, and the devices that have an app.

Based on app/ and install/ below /enterprise/{enterprise_id}/device/{device_id}/ (legacy.yaml) and /v1/enterprise/
{enterprise_id}/application/{application_id}/version/{version_id}/installdevices (v1.yaml) for Android, and on
/v2/devices/{deviceId}/device-apps/ and /v2/device-apps (v2.yaml) for other platforms.

Choice: /v2/device-apps requires the IDs of the app and of the version, so the module always sends both.
Choice: the names of apps for Apple and Windows devices are read from the apps of the tenant. Other apps have no names.
"""

from __future__ import annotations

import base64
import functools
import typing as t

from ..base.errors import ApiError, InvalidParameter
from ..base.row import Params, Row
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.parallel import in_parallel
from ..kinds import app_list, tenant_app_list
from ..kinds.blueprint_catalog import CATALOGS, Catalog
from ..kinds.device_search import devices_option, find_devices, label_of, labels_of, unique_devices
from ..model.conform import to_text
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value
from ..task import ModuleDefinition, ModuleResult, RunContext
from .device_details import APPS, INSTALLS, app_of, app_rows_of, installs_of
from .waiting import DEVICE_ID, DEVICE_NAME

# Responses that mean that the tenant or the user has no access to the apps of a platform.
_NO_ACCESS = (403, 404)
# The maximum number of devices that are read at the same time.
_CONCURRENCY = 8
_PLATFORMS = {"ANDROID": "android", "APPLE": "ios", "WINDOWS": "windows"}
_STATES = (
    "NOT_INSTALLED",
    "INSTALL_IN_PROGRESS",
    "UNINSTALL_IN_PROGRESS",
    "INSTALL_SUCCESS",
    "INSTALL_FAILED",
    "UNINSTALL_SUCCESS",
    "UNINSTALL_FAILED",
)
# The options that select an app and a version. Installations do not have the ID of the version.
_TERMS = ("package_name", "version_name", "version_code")
_VERSION = ("version_name", "version_code", "app_version_id")

_MODULE = ModuleSpec(
    short_description="Get information about apps on Esper devices",
    description=(
        "Returns the apps on the devices O(devices), or the devices that have a version of the app O(package_name).",
        "Without O(devices), one of O(version_name), O(version_code) and O(app_version_id) is required.",
        "A device or an app that does not exist is not an error. RV(missing) lists such devices.",
        "With O(devices), this takes one request for each device.",
    ),
    options=(
        devices_option("If omitted, the module returns the devices that have the app."),
        Option(
            "package_name",
            "Package name of the app, case-sensitive. Only this app is returned.",
            identifier=True,
        ),
        Option(
            "version_name",
            "Name of the version of the app. Only this version is returned.",
            identifier=True,
            numbers=True,
        ),
        Option(
            "version_code",
            "Code of the version of the app. Only this version is returned.",
            identifier=True,
            numbers=True,
        ),
        Option("app_version_id", "ID of the version of the app. Only this version is returned.", identifier=True),
        Option(
            "platform",
            "Platform of the devices. Defaults to all platforms with an app of this package name.",
            choices=tuple(_PLATFORMS),
        ),
        Option(
            "installs",
            "If V(true), the module also returns the installations on each Android device. This takes one request or"
            " more for each Android device.",
            type="bool",
            default=False,
        ),
        Option(
            "install_state",
            "State of the installations. Only installations in this state are returned. Requires O(installs=true).",
            choices=_STATES,
        ),
        Option(
            "resolve_names",
            "If V(true), the module looks up the package names and versions of the tenant's apps for Apple and Windows"
            " devices. This takes one request for each app.",
            type="bool",
            default=True,
        ),
        Option(
            "config",
            "If V(true), the module also returns the configuration of apps on Apple and Windows devices. It can contain"
            " passwords. Requires O(devices).",
            type="bool",
            default=False,
        ),
    ),
    rules={"required_one_of": [("devices", "package_name")], "mutually_exclusive": [("devices", "platform")]},
    returns=(
        Value(
            "devices",
            "The devices O(devices), or the devices that have the app.",
            type="list",
            elements="dict",
            contains=(
                DEVICE_ID,
                DEVICE_NAME,
                Value("platform", "Platform of the device.", sample="ANDROID"),
                Value(
                    "apps",
                    (
                        "Apps on the device, as in RV(esper.cloud.device_info#module:devices[].apps).",
                        "With O(config=true), each app also has C(config), the text of its configuration, or null.",
                    ),
                    type="list",
                    elements="dict",
                    sample=APPS.sample,
                ),
                Value(
                    "installs",
                    "Installations of apps on an Android device, the latest first. Empty for other platforms. Only"
                    " returned if O(installs=true).",
                    type="list",
                    elements="dict",
                    sample=INSTALLS.sample,
                ),
            ),
        ),
        Value("missing", "Items of O(devices) for which no device exists.", type="list", elements="str", sample=[]),
    ),
    check_mode=READS_ONLY,
    diff_mode=NO_DIFF,
    seealso=("device_info", "app_info", "tenant_app_info"),
)


def _run(view: TenantView, params: Params, _context: RunContext) -> ModuleResult:
    if params["install_state"] is not None and not params["installs"]:
        raise InvalidParameter("The option install_state requires installs=true.")
    missing: list[str] = []
    if params["devices"] is None:
        if params["config"]:
            raise InvalidParameter("The option config requires devices.")
        if all(params[name] is None for name in _VERSION):
            raise InvalidParameter(f"Without devices, one of the options {', '.join(_VERSION)} is required.")
        records = _devices_with_app(view, params)
    else:
        found = find_devices(view, params["devices"])
        missing = [name for name, row in found.items() if row is None]
        records = _apps_on_devices(view, unique_devices(found.values()), params)
    if params["installs"]:
        _add_installs(view, records, params)
    return ModuleResult({"changed": False, "devices": records, "missing": missing})


def _add_installs(view: TenantView, records: list[Row], params: Params) -> None:
    query = {name: params[name] for name in ("package_name", "install_state")}

    def read(record: Row) -> list[Row]:
        rows = installs_of(view, record, None, query)
        return [row for row in rows if _matches(row, params, _TERMS)]

    for record, installs in zip(records, in_parallel(view.client, read, records, _CONCURRENCY), strict=True):
        record["installs"] = installs


def _matches(row: Row, params: Params, names: t.Iterable[str]) -> bool:
    """Return whether a row has the values of some options, those that are set."""
    return all(params[name] is None or str(row.get(name)) == str(params[name]) for name in names)


# --- apps on devices --------------------------------------------------------------------------------------------------


def _apps_on_devices(view: TenantView, devices: list[Row], params: Params) -> list[Row]:
    """Return devices with those of their apps that match the options of a task."""

    def read(device: Row) -> list[Row]:
        rows = app_rows_of(view, device, params["package_name"])
        if not params["config"]:
            return [app_of(row) for row in rows]
        return [{**app_of(row), "config": _decoded(row.get("base64_app_config"))} for row in rows]

    apps = list(in_parallel(view.client, read, devices, _CONCURRENCY))
    if params["resolve_names"] or any(params[name] is not None for name in _TERMS):
        _add_names(view, devices, apps)
    return [
        {
            "id": device["id"],
            "name": label_of(device),
            "platform": to_text(device.get("platform")),
            "apps": [row for row in rows if _matches(row, params, (*_TERMS, "app_version_id"))],
        }
        for device, rows in zip(devices, apps, strict=True)
    ]


def _decoded(config: t.Any) -> str | None:
    """Return a configuration as a text, None if there is none."""
    try:
        return base64.b64decode(config or "", validate=True).decode() or None
    except (ValueError, TypeError):
        return to_text(config)


def _add_names(view: TenantView, devices: list[Row], apps: list[list[Row]]) -> None:
    """Add package names and versions to the apps of the tenant, which have IDs only."""
    unnamed: dict[str, list[Row]] = {}
    for device, rows in zip(devices, apps, strict=True):
        platform = _PLATFORMS.get(str(device.get("platform")))
        if platform is not None:
            unnamed.setdefault(platform, []).extend(
                row for row in rows if row["package_name"] is None and row["app_id"] is not None
            )
    for platform, rows in unnamed.items():
        if not rows:
            continue
        catalog = Catalog(view, CATALOGS[platform])
        try:
            packages = {str(app["id"]): app.get("package_name") for app in catalog.apps()}
        except ApiError as error:
            if error.status not in _NO_ACCESS:
                raise
            view.warn(f"Apps have IDs without names. {error}")
            continue
        known = [row for row in rows if row["app_id"] in packages]
        ids = list(dict.fromkeys(row["app_id"] for row in known))
        # The catalog keeps the versions.
        list(in_parallel(view.client, catalog.versions, ids, _CONCURRENCY))
        for row in known:
            version = catalog.version(row["app_id"], row["app_version_id"])
            row["package_name"] = packages[row["app_id"]]
            if version is not None:
                row["version_name"], row["version_code"] = version.name, to_text(version.code)


# --- devices with an app ----------------------------------------------------------------------------------------------


def _devices_with_app(view: TenantView, params: Params) -> list[Row]:
    """Return the devices that have a version of an app, each with this app."""
    records: dict[str, Row] = {}
    for platform in [params["platform"]] if params["platform"] else _PLATFORMS:
        read_versions = functools.partial(_android_versions if platform == "ANDROID" else _versions, view, platform)
        try:
            versions = [version for version in read_versions(params) if _matches(version, params, _VERSION)]
        except ApiError as error:
            if params["platform"] or error.status not in _NO_ACCESS:
                raise
            view.warn(f"The module did not look for the app on the platform {platform}. {error}")
            continue
        read = functools.partial(_read_android if platform == "ANDROID" else _read_others, view)
        found = in_parallel(view.client, read, versions, _CONCURRENCY)
        for version, devices in zip(versions, found, strict=True):
            for device_id, name in devices:
                record = {"id": device_id, "name": name, "platform": platform, "apps": []}
                records.setdefault(str(device_id), record)["apps"].append(version)
    unnamed = {device_id: record for device_id, record in records.items() if record["name"] is None}
    if unnamed and params["resolve_names"]:
        names = labels_of(view, unnamed)
        for device_id, record in unnamed.items():
            record["name"] = names.get(device_id)
    return list(records.values())


def _android_versions(view: TenantView, _platform: str, params: Params) -> list[Row]:
    """Return the versions of an Android app in the form of the result."""
    app = lookup_of(view, app_list.APPS).find({"id": None, "name": params["package_name"]})
    return [
        {
            "name": to_text(row.get("application_name")),
            "type": None,
            "package_name": params["package_name"],
            # The names of the API differ from those of Android.
            "version_name": to_text(row.get("version_code")),
            "version_code": to_text(row.get("build_number")),
            "state": None,
            "app_id": to_text(row.get("app_id")),
            "app_version_id": to_text(row.get("id")),
        }
        for row in (app_list.versions_of(view, app) if app else ())
    ]


def _versions(view: TenantView, platform: str, params: Params) -> list[Row]:
    """Return the versions of an app for Apple or Windows devices in the form of the result."""
    catalog = Catalog(view, CATALOGS[_PLATFORMS[platform]])
    return [
        {
            "name": None,
            "type": version.type,
            "package_name": params["package_name"],
            "version_name": to_text(version.name),
            "version_code": to_text(version.code),
            "state": None,
            "app_id": to_text(version.app_id),
            "app_version_id": to_text(version.id),
        }
        for app in catalog.apps(params["package_name"])
        for version in catalog.versions(app["id"])
    ]


def _read_android(view: TenantView, version: Row) -> list[tuple[t.Any, str | None]]:
    """Return the IDs and names of the Android devices with a version of an app."""
    rows = app_list.devices_with(view, version["app_id"], version["app_version_id"], purpose=_purpose(version))
    return [(row["id"], to_text(row.get("device_name"))) for row in rows]


def _read_others(view: TenantView, version: Row) -> list[tuple[t.Any, str | None]]:
    """Return the same for other devices, whose names Esper does not return."""
    rows = tenant_app_list.devices_with(view, version["app_id"], version["app_version_id"], purpose=_purpose(version))
    return [(row["device_id"], None) for row in rows]


def _purpose(version: Row) -> str:
    return f"Reading the devices with the app '{version['package_name']} {version['version_name']}'"


DEVICE_APP_INFO = ModuleDefinition("device_app_info", _MODULE, _run)
