# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Uploads of pictures, whose links end in a file name that is not quite the one that was sent.

Wallpapers and tile icons (v1.yaml), and thumbnails of device groups (legacy.yaml). Lists, reading and deleting are
derived from the contract.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from exchange import Answer, Behavior, Call, Refusal, enterprise_url, refuse
from storage import File
from tenant import Device, Tenant, moment

from behaviors.device_groups import THUMBNAILS

Row = dict[str, Any]

WALLPAPERS = "/v1/enterprise/{enterprise_id}/wallpaper"
# The icons of device tiles by the ID of the device, as links.
ASSIGNED = "tile icons of devices"
TILE_ICONS = "/v1/enterprise/{enterprise_id}/tile-icons"

_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
# Icons that Esper supplies, by device model.
_SUPPLIED = (("Handheld H1", "rugged"), ("Terminal T2", "pos"))
_ORIENTATIONS = ("portrait", "landscape")
_CATEGORIES = ("mobile", "tablet", "rugged", "pos", "digital_signage", "kiosk")
_BOOLEANS = {"true": True, "false": False}


def seed(tenant: Tenant) -> None:
    """No picture of the tenant, and two icons that Esper supplies."""
    for model, category in _SUPPLIED:
        file = File.of(f"{model.lower()}.png", "image/png", f"icon of {model}".encode())
        row = {"device_model": model, "category": category, "custom": False}
        # Neither ID nor time are taken from the sequences, so the other objects of a tenant keep theirs.
        identifier = str(uuid5(NAMESPACE_URL, model))
        tenant.objects[TILE_ICONS][identifier] = _stored(tenant, identifier, moment(0), "icon_file", file, "", row)


def upload_wallpaper(tenant: Tenant, call: Call) -> Answer:
    """POST .../wallpaper/: nothing is unique, neither names nor bytes."""
    _check_choice(call, "orientation", _ORIENTATIONS)
    row = {
        "enterprise": enterprise_url(tenant),
        "orientation": call.body["orientation"],
        "thumbnail": None,
        "is_active": True,
    }
    return Answer(_add(tenant, WALLPAPERS, call, "image_file", row), status=201)


def upload_icon(tenant: Tenant, call: Call) -> Answer:
    """POST .../tile-icons/: a boolean is written as in JSON."""
    custom = call.body.get("custom", "false")
    if custom not in _BOOLEANS:
        raise refuse("custom", "Must be a valid boolean.")
    if "category" in call.body:
        _check_choice(call, "category", _CATEGORIES)
    row = {
        "device_model": call.body["device_model"],
        "category": call.body.get("category", ""),
        "custom": _BOOLEANS[custom],
    }
    return Answer(_add(tenant, TILE_ICONS, call, "icon_file", row), status=201)


def upload_thumbnail(tenant: Tenant, call: Call) -> Answer:
    """POST .../devicegroup/thumbnail/: returns HTTP 200."""
    if "image_file" not in call.body:
        raise refuse("image_file", "No file was submitted.")
    return Answer(_add(tenant, THUMBNAILS, call, "image_file", {}))


def _check_choice(call: Call, name: str, choices: Sequence[str]) -> None:
    if call.body[name] not in choices:
        raise refuse(name, f'"{call.body[name]}" is not a valid choice.')


def apply_icon(tenant: Tenant, call: Call) -> Answer:
    """POST .../tile-icon-apply/: null removes the icon, and groups include those below."""
    icon, mode = call.body["icon"], call.body.get("apply_mode", "devices")
    if icon is not None and icon not in tenant.objects[TILE_ICONS]:
        raise refuse("icon", f'Invalid pk "{icon}" - object does not exist.')
    if mode != "all_devices" and not call.body.get(mode):
        raise refuse(mode, "This field is required.")
    unknown = [
        name
        for name, table in (("devices", tenant.devices), ("groups", tenant.groups))
        if mode == name and not set(call.body[name]) <= table.keys()
    ]
    if unknown:
        raise refuse(unknown[0], "Invalid pk - object does not exist.")
    for device in tenant.devices.values():
        if _is_meant(tenant, device, mode, call.body):
            _assign(tenant, device, icon)
    return Answer(call.body, status=201)


def unapply_icon(tenant: Tenant, call: Call) -> Answer:
    """POST .../tile-icon-unapply/: all devices of the model."""
    for device in tenant.devices.values():
        if device.model == call.body["model"]:
            _assign(tenant, device, None)
    return Answer(call.body, status=201)


def _is_meant(tenant: Tenant, device: Device, mode: str, body: Row) -> bool:
    if mode == "devices":
        return device.id in body["devices"]
    if mode == "groups":
        line = tenant.lineage(tenant.groups[device.group_id]) if device.group_id else []
        return any(group.id in body["groups"] for group in line)
    return mode == "all_devices" or device.model == body["device_model"]


def _assign(tenant: Tenant, device: Device, icon: str | None) -> None:
    if icon is None:
        tenant.objects[ASSIGNED].pop(device.id, None)
    else:
        tenant.objects[ASSIGNED][device.id] = {"icon": tenant.objects[TILE_ICONS][icon]["icon_file"]}


def _add(tenant: Tenant, table: str, call: Call, key: str, row: Row) -> Row:
    identifier, file = tenant.new_id(), call.body[key]
    if PurePosixPath(file.name).suffix.lower() not in _PICTURES:
        raise Refusal(415, [f"{key}: Unsupported media type. "])
    picture = _stored(tenant, identifier, tenant.now(), key, file, call.host, row)
    if table == THUMBNAILS:
        picture["thumbnail_url"] = picture[key]
        del picture["updated_on"]
    tenant.objects[table][identifier] = picture
    return picture


def _stored(tenant: Tenant, identifier: str, now: str, key: str, file: File, host: str, row: Row) -> Row:
    """As Django does: characters that are not safe are removed from the name, and it gets a random suffix."""
    path = PurePosixPath(file.name)
    stem = re.sub(r"[^-\w.]", "", path.stem.strip().replace(" ", "_"))
    # The link does not have the ID of the picture.
    place = f"pictures/{uuid5(NAMESPACE_URL, identifier)}/{stem}_{file.sha256[:3]}X{file.sha256[3:6]}{path.suffix}"
    tenant.storage.put(place, file)
    link = tenant.storage.link(host or "tenant.invalid", place)
    return {**row, "id": identifier, key: link, "created_on": now, "updated_on": now}


OPERATIONS: dict[str, Behavior] = {
    "POST /v1/enterprise/{enterprise_id}/wallpaper/": upload_wallpaper,
    "POST /v1/enterprise/{enterprise_id}/tile-icons/": upload_icon,
    "POST /v1/enterprise/{enterprise_id}/tile-icon-apply/": apply_icon,
    "POST /v1/enterprise/{enterprise_id}/tile-icon-unapply/": unapply_icon,
    "POST /enterprise/{enterprise_id}/devicegroup/thumbnail/": upload_thumbnail,
}
