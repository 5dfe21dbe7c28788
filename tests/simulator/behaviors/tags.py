# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tags that there are, whose list is derived. Devices come by them in devices.py."""

from __future__ import annotations

from exchange import Behavior
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


OPERATIONS: dict[str, Behavior] = {}
