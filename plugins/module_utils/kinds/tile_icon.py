# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tile icons, which the console shows on the tiles of devices of a model.

Based on /v1/enterprise/{enterprise_id}/tile-icons/ of the contract (v1.yaml).

Choice: a device model can have several custom icons, which only their bytes distinguish.
Choice: an uploaded icon is a custom one, so the module always sends ``custom`` as true.
Choice: the filter ``device_model`` need not be exact, so the module compares the models again, case-sensitive.
"""

from __future__ import annotations

from ..base.row import Row
from ..model.field import Field
from ..model.kind import Routes, Tenant
from ..model.module_spec import Option
from .picture_kind import picture_kind

_CATEGORIES = ("mobile", "tablet", "rugged", "pos", "digital_signage", "kiosk")


def _is_of_esper(row: Row) -> bool:
    """Return whether Esper supplies an icon."""
    return row.get("custom") is False


TILE_ICON = picture_kind(
    name="tile_icon",
    title="tile icon",
    doc=(
        "The Esper console shows the icon on the tiles of devices of a model, in tenants that use templates.",
        "The module manages one custom icon for each device model. Icons that Esper supplies are never deleted.",
        "Esper returns no checksums of icons, so the module downloads the icon to compare its bytes with O(src).",
        "Esper cannot change an icon. With O(replace=true), the module uploads a new icon and then deletes the old one."
        " Devices to which the old icon is assigned do not get the new one: use"
        " M(esper.cloud.tile_icon_assignment).",
    ),
    routes=Routes(
        list="/v1/enterprise/{enterprise_id}/tile-icons/",
        object="/v1/enterprise/{enterprise_id}/tile-icons/{id}/",
        name_filter="device_model",
    ),
    name_key="device_model",
    link_key="icon_file",
    scope=("device_model",),
    has_file_name=False,
    seealso=("tile_icon_assignment",),
    fields=(
        Field(
            "device_model",
            "Model of the devices, case-sensitive.",
            identifier=True,
            normalize=str.strip,
            required_by_api=True,
            sample="Scanner X1",
        ),
        Field("category", "Category of the devices.", choices=_CATEGORIES, sample="rugged"),
        Field(
            "custom",
            "If V(true), the icon belongs to the tenant. If V(false), Esper supplies it.",
            type="bool",
            writable=False,
            sample=True,
        ),
        Field("updated_on", "Time of the last change.", writable=False, sample="2026-03-02T11:00:00Z"),
    ),
    fixed_payload=lambda _api_url, enterprise_id: {"enterprise": enterprise_id, "custom": True},
    is_own=lambda row: not _is_of_esper(row),
    tenant=Tenant(is_built_in=_is_of_esper),
    replace_option="replace",
    options=(
        Option(
            "replace",
            "If V(true), an icon with another category or other bytes is replaced. If V(false), the task fails.",
            type="bool",
            default=False,
        ),
    ),
    info_options=(
        Option("device_model", "Model of the devices, case-sensitive.", identifier=True, query="device_model"),
        Option("category", "Category of the devices.", choices=_CATEGORIES, query="category"),
        Option(
            "custom",
            "If V(true), only icons of the tenant. If V(false), only icons that Esper supplies.",
            type="bool",
            query="custom",
        ),
    ),
)
