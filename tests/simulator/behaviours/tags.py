# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags: /enterprise/{enterprise_id}/tags/ (unpublished.yaml). Devices come by them in devices.py."""

from __future__ import annotations

from exchange import Answer, Behaviour, Call, found, legacy_list
from tenant import Tenant

_NAMES = ("kiosk", "pos", "signage", "scanner", "büro", "demo", "spare", "VIP", "front door", "lab")


def seed(tenant: Tenant) -> None:
    """As many tags as the settings say, the ordinary ones first."""
    for number in range(tenant.settings.tags):
        tag_id(tenant, _NAMES[number] if number < len(_NAMES) else f"batch-{number:03d}")


def tag_id(tenant: Tenant, name: str) -> str:
    """The id of the tag of that name, which is made if need be."""
    for tag in tenant.objects["tags"].values():
        if tag["tag"] == name:
            return str(tag["id"])
    new = tenant.new_id()
    tenant.objects["tags"][new] = {"id": new, "tag": name}
    return new


def list_tags(tenant: Tenant, call: Call) -> Answer:
    """GET .../tags/, with `search` and `ordering`."""
    search = call.query.get("search", "").lower()
    tags = [tag for tag in tenant.objects["tags"].values() if search in tag["tag"].lower()]
    if "ordering" in call.query:
        tags.sort(key=lambda tag: str(tag["tag"]), reverse=call.query["ordering"].startswith("-"))
    return legacy_list(call, tags, show=dict)


def get_tag(tenant: Tenant, call: Call) -> Answer:
    """GET .../tags/{tag_id}/."""
    return Answer(found(tenant.objects["tags"], call.values["tag_id"]))


OPERATIONS: dict[str, Behaviour] = {
    "GET /enterprise/{enterprise_id}/tags/": list_tags,
    "GET /enterprise/{enterprise_id}/tags/{tag_id}/": get_tag,
}
