# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blueprints: /v2/blueprints/ (v2.yaml; its paging parameters in unpublished.yaml).

Each time a blueprint is saved it has a new version, which is a draft until it is saved to be published.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from exchange import Answer, Behavior, Call, Refusal, found, paged, stripped
from tenant import Tenant

Blueprint = dict[str, Any]

# Apps that blueprints refer to: the id of the app, and those of some of its versions.
KIOSK = (
    "6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a001",
    "6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a000",
    "6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a002",
)
TILL = ("6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003", "6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a004")

# Filters whose names are not those of the keys in the settings.
_KEYS = {"provisioning_profile_id": "profile_id", "provisioning_profile_version_id": "profile_version_id"}
_ALWAYS = {"apply_policy": "ALWAYS APPLY"}


def _app(package: str, app_id: str, version_id: str) -> dict[str, Any]:
    return {
        "app_id": app_id,
        "app_version_id": version_id,
        "package_name": package,
        "installation_rule": "DURING PROVISIONING",
        "state": "SHOW",
        "type": "ENTERPRISE",
        "auto_update_mode": "autoUpdateDefault",
    }


_SETTINGS: dict[str, dict[str, Any]] = {
    "Default": {"android": {"adb_settings": {**_ALWAYS, "allow_adb": False}}},
    "Retail Kiosk": {
        "android": {
            "device_mode_settings": {**_ALWAYS, "device_mode": "KIOSK"},
            "launcher_settings": {**_ALWAYS, "launcher": "ESPER"},
            "screen_orientation_settings": {**_ALWAYS, "orientation_type": "PORTRAIT"},
            "apps": [_app("com.example.kiosk", KIOSK[0], KIOSK[2])],
        },
        "ios": {"camera_settings": {**_ALWAYS, "allow_camera_access": False}},
    },
    "retail kiosk": {"android": {"device_mode_settings": {**_ALWAYS, "device_mode": "MULTI APP"}}},
    "Point of Sale": {
        "android": {
            "screen_timeout_settings": {**_ALWAYS, "screentimeout_value": 300},
            "apps": [_app("com.example.till", TILL[0], TILL[1])],
        },
        "windows": {"timezone_settings": {**_ALWAYS, "timezone": "Europe/Berlin"}},
    },
    "Signage (Linux)": {
        "linux": {
            "custom_shell_scripts_multiple": {
                "shell_scripts": [
                    {**_ALWAYS, "script": "systemctl restart player", "interpreter": "bash", "alias": "player"}
                ]
            }
        }
    },
}
# Their values in earlier versions.
_PAST = {"Retail Kiosk": {"android": {"apps": [_app("com.example.kiosk", KIOSK[0], KIOSK[1])]}}}


def seed(tenant: Tenant) -> None:
    """A few blueprints, two of which differ only in case; the first groups below the root have one each.

    The second has been published twice, the third three times and so on; the last has a draft since.
    """
    for number, (name, settings) in enumerate(_SETTINGS.items(), start=1):
        new, version = tenant.new_id(), tenant.new_id()
        blueprint = _new(tenant, new)
        past = {"name": name, "description": f"{name} devices", "settings": _PAST.get(name, {})}
        for former in range(1, number):
            _save(tenant, blueprint, past, True, str(uuid5(UUID(version), str(former))))
        _save(tenant, blueprint, {**past, "settings": settings}, True, version)
    draft = {**blueprint, "comments": "to be tried"}
    _save(tenant, blueprint, draft, False, str(uuid5(UUID(version), "draft")))
    for group, blueprint_id in zip(tenant.children(tenant.root), tenant.objects["blueprints"], strict=False):
        group.blueprint = blueprint_id


def list_blueprints(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/blueprints/: `name` finds any part in any case, `name_exact` the whole, `settings__...` what is used."""
    name, exact = call.query.get("name", "").lower(), call.query.get("name_exact")
    blueprints = [
        blueprint
        for blueprint in tenant.objects["blueprints"].values()
        if name in blueprint["name"].lower()
        and exact in (None, blueprint["name"])
        and any(_has_settings(version, call) for version in _versions(tenant, blueprint["id"]))
    ]
    _order(blueprints, call.query.get("ordering", "created_at"))
    page = paged(call, blueprints, default=20)
    links = {"next": page.next or "", "previous": page.previous or ""}
    return Answer({"content": {"count": page.count, **links, "results": page.items}})


def get_blueprint(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/blueprints/{blueprint_id}/, with the `code` that the contract gives it, which means nothing."""
    blueprint = found(tenant.objects["blueprints"], call.values["blueprint_id"])
    return Answer({"content": blueprint, "message": "Blueprint details", "code": 201})


def create_blueprint(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/blueprints/: a draft in any case, as the contract knows no `publish` here."""
    _check_name(tenant, call.body)
    blueprint = _new(tenant, tenant.new_id())
    _save(tenant, blueprint, call.body, False, tenant.new_id())
    return Answer({"content": blueprint, "message": "Blueprint created", "code": 201}, status=201)


def update_blueprint(tenant: Tenant, call: Call) -> Answer:
    """PUT /v2/blueprints/{blueprint_id}/: what is sent is all that is left; with `publish` devices may get it."""
    blueprint = found(tenant.objects["blueprints"], call.values["blueprint_id"])
    _check_name(tenant, call.body, blueprint)
    _save(tenant, blueprint, call.body, call.body.get("publish", False), tenant.new_id())
    return Answer({"content": blueprint, "message": "Blueprint updated", "code": "201"})


def delete_blueprint(tenant: Tenant, call: Call) -> Answer:
    """DELETE /v2/blueprints/{blueprint_id}/: only if no device and no group has it."""
    blueprint = found(tenant.objects["blueprints"], call.values["blueprint_id"])
    devices = sum(
        blueprint["id"] in (device.assigned_blueprint_id, device.current_blueprint_id)
        for device in tenant.devices.values()
    )
    groups = sum(group.blueprint == blueprint["id"] for group in tenant.groups.values())
    if devices or groups:
        raise Refusal(400, [f"Blueprint is assigned to {devices} devices and {groups} groups and cannot be deleted. "])
    for version in _versions(tenant, blueprint["id"]):
        del tenant.objects["blueprint_versions"][version["version_id"]]
    del tenant.objects["blueprints"][blueprint["id"]]
    return Answer(status=204)


def list_versions(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/blueprints/{blueprint_id}/versions/: all at once, as it takes no limit."""
    blueprint = found(tenant.objects["blueprints"], call.values["blueprint_id"])
    number, publish = call.query.get("version_number"), call.query.get("publish", "").lower()
    versions = [
        version
        for version in _versions(tenant, blueprint["id"])
        if number in (None, str(version["version_number"]))
        and publish in ("", str(version["publish"]).lower())
        and _has_settings(version, call)
    ]
    _order(versions, call.query.get("ordering", "updated_at"))
    return Answer({"content": {"count": len(versions), "next": "", "previous": "", "results": versions}})


def get_version(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/blueprints/{blueprint_id}/versions/{version_id}/."""
    blueprint = found(tenant.objects["blueprints"], call.values["blueprint_id"])
    versions = {version["version_id"]: version for version in _versions(tenant, blueprint["id"])}
    version = found(versions, call.values["version_id"])
    return Answer({"content": version, "message": "Blueprint version details", "code": "201"})


def users(tenant: Tenant, key: str, value: str) -> list[str]:
    """The names of the blueprints that have `key` with that value in the version saved or published last."""
    versions = version_users(tenant, key, value)
    return [
        blueprint["name"]
        for blueprint in tenant.objects["blueprints"].values()
        if versions & {blueprint["version_id"], blueprint.get("latest_published_version_id")}
    ]


def version_users(tenant: Tenant, key: str, value: str) -> set[str]:
    """The ids of all versions of blueprints that have `key` with that value."""
    versions = tenant.objects["blueprint_versions"]
    return {version_id for version_id, version in versions.items() if _uses(version["settings"], key, value)}


def _new(tenant: Tenant, id_: str) -> Blueprint:
    """A blueprint that was never saved."""
    blueprint = {
        "id": id_,
        "version_number": 0,
        "minor_version_number": 0,
        "created_by": "1",
        "created_at": tenant.now(),
    }
    tenant.objects["blueprints"][id_] = blueprint
    return blueprint


def _save(tenant: Tenant, blueprint: Blueprint, body: Blueprint, publish: bool, version_id: str) -> None:
    """Another version of the blueprint."""
    blueprint.update(
        name=stripped(body, "name"),
        description=body.get("description", ""),
        comments=body.get("comments", ""),
        settings=body.get("settings", {}),
        version_number=blueprint["version_number"] + int(publish),
        minor_version_number=0 if publish else blueprint["minor_version_number"] + 1,
        version_id=version_id,
        publish=publish,
        updated_by="1",
        updated_at=tenant.now(),
    )
    version = {name: value for name, value in blueprint.items() if name != "latest_published_version_id"}
    tenant.objects["blueprint_versions"][version_id] = version
    if publish:
        blueprint["latest_published_version_id"] = version_id


def _check_name(tenant: Tenant, body: Blueprint, blueprint: Blueprint | None = None) -> None:
    name = stripped(body, "name")
    if any(other["name"] == name and other is not blueprint for other in tenant.objects["blueprints"].values()):
        raise Refusal(400, ["Blueprint with this name already exists. "])


def _versions(tenant: Tenant, blueprint_id: str) -> list[Blueprint]:
    """The versions of a blueprint, the oldest first."""
    return [version for version in tenant.objects["blueprint_versions"].values() if version["id"] == blueprint_id]


def _order(items: list[Blueprint], ordering: str) -> None:
    # The last key first: sorting is stable, so that the first key decides.
    for key in reversed(ordering.split(",")):
        items.sort(key=lambda item: _rank(item.get(key.lstrip("-"))), reverse=key.startswith("-"))


def _rank(value: object) -> tuple[int, str]:
    """Return a sort key for numbers and texts. Other values do not change the order."""
    return (value, "") if isinstance(value, int) else (0, value if isinstance(value, str) else "")


def _has_settings(version: Blueprint, call: Call) -> bool:
    """Return whether a version matches the filters: `settings__android__app_id` is any app_id below android."""
    used = [(name.split("__")[1:], value) for name, value in call.query.items() if name.startswith("settings__")]
    return all(_uses(version["settings"].get(platform), _KEYS.get(key, key), value) for (platform, key), value in used)


def _uses(settings: Any, key: str, value: str) -> bool:
    """Return whether `key` has this value anywhere in the settings; some IDs are numbers."""
    if isinstance(settings, dict):
        return str(settings.get(key)) == value or any(_uses(part, key, value) for part in settings.values())
    return isinstance(settings, list) and any(_uses(part, key, value) for part in settings)


OPERATIONS: dict[str, Behavior] = {
    "GET /v2/blueprints/": list_blueprints,
    "POST /v2/blueprints/": create_blueprint,
    "GET /v2/blueprints/{blueprint_id}/": get_blueprint,
    "PUT /v2/blueprints/{blueprint_id}/": update_blueprint,
    "DELETE /v2/blueprints/{blueprint_id}/": delete_blueprint,
    "GET /v2/blueprints/{blueprint_id}/versions/": list_versions,
    "GET /v2/blueprints/{blueprint_id}/versions/{version_id}/": get_version,
}
