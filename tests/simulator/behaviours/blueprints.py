# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blueprints, to be read only as yet: /v2/blueprints/ (v2.yaml; its paging parameters in unpublished.yaml)."""

from __future__ import annotations

from typing import Any

from exchange import Answer, Behaviour, Call, found, paged
from tenant import Tenant

_ALWAYS = {"apply_policy": "ALWAYS APPLY"}
_SETTINGS: dict[str, dict[str, Any]] = {
    "Default": {"android": {"adb_settings": {**_ALWAYS, "allow_adb": False}}},
    "Retail Kiosk": {
        "android": {
            "device_mode_settings": {**_ALWAYS, "device_mode": "KIOSK"},
            "launcher_settings": {**_ALWAYS, "launcher": "ESPER"},
            "screen_orientation_settings": {**_ALWAYS, "orientation_type": "PORTRAIT"},
            "apps": [
                {
                    "app_id": "6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a001",
                    "app_version_id": "6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a002",
                    "package_name": "com.example.kiosk",
                    "installation_rule": "DURING PROVISIONING",
                    "state": "SHOW",
                    "type": "ENTERPRISE",
                    "auto_update_mode": "autoUpdateDefault",
                }
            ],
        },
        "ios": {"camera_settings": {**_ALWAYS, "allow_camera_access": False}},
    },
    "retail kiosk": {"android": {"device_mode_settings": {**_ALWAYS, "device_mode": "MULTI APP"}}},
    "Point of Sale": {
        "android": {"screen_timeout_settings": {**_ALWAYS, "screentimeout_value": 300}},
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


def seed(tenant: Tenant) -> None:
    """A few blueprints, two of which differ only in case; the first groups below the root have one each."""
    for number, (name, settings) in enumerate(_SETTINGS.items(), start=1):
        new, version = tenant.new_id(), tenant.new_id()
        tenant.objects["blueprints"][new] = {
            "id": new,
            "name": name,
            "description": f"{name} devices",
            "comments": "",
            "version_number": number,
            "version_id": version,
            "minor_version_number": 0,
            "publish": True,
            "settings": settings,
            "created_by": "1",
            "updated_by": "1",
            "created_at": tenant.now(),
            "updated_at": tenant.now(),
            "latest_published_version_id": version,
        }
    for group, blueprint in zip(tenant.children(tenant.root), tenant.objects["blueprints"], strict=False):
        group.blueprint = blueprint


def list_blueprints(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/blueprints/: `name` finds any part in any case, `name_exact` the whole, `settings__...` what is used."""
    name, exact = call.query.get("name", "").lower(), call.query.get("name_exact")
    used = [(key.split("__")[1:], value) for key, value in call.query.items() if key.startswith("settings__")]
    blueprints = [
        blueprint
        for blueprint in tenant.objects["blueprints"].values()
        if name in blueprint["name"].lower()
        and exact in (None, blueprint["name"])
        and all(_uses(blueprint["settings"].get(platform), key, value) for (platform, key), value in used)
    ]
    # The last key first: sorting is stable, so that the first key decides.
    for key in reversed(call.query.get("ordering", "created_at").split(",")):
        blueprints.sort(key=lambda item: str(item.get(key.lstrip("-"), "")), reverse=key.startswith("-"))
    page = paged(call, blueprints, default=20)
    links = {"next": page.next or "", "previous": page.previous or ""}
    return Answer({"content": {"count": page.count, **links, "results": page.items}})


def get_blueprint(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/blueprints/{blueprint_id}/, with the `code` that the contract gives it, which means nothing."""
    blueprint = found(tenant.objects["blueprints"], call.values["blueprint_id"])
    return Answer({"content": blueprint, "message": "Blueprint details", "code": 201})


def _uses(settings: Any, key: str, value: str) -> bool:
    """Whether `key` has that value anywhere in the settings."""
    if isinstance(settings, dict):
        return settings.get(key) == value or any(_uses(part, key, value) for part in settings.values())
    return isinstance(settings, list) and any(_uses(part, key, value) for part in settings)


OPERATIONS: dict[str, Behaviour] = {
    "GET /v2/blueprints/": list_blueprints,
    "GET /v2/blueprints/{blueprint_id}/": get_blueprint,
}
