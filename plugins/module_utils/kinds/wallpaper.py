# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wallpapers, which blueprints set on devices.

Based on /v1/enterprise/{enterprise_id}/wallpaper/ of the contract (v1.yaml). The contract does not have the part
``enterprise`` of the form, which Esper's own software sends.

Choice: Esper keeps the file name of a wallpaper in its link, and does not change its bytes.
Choice: Esper rejects files that are too large or no pictures, so the module does not check them.
Choice: policies and templates can also use a wallpaper, but the API cannot search them, so Esper has to reject the
deletion.
"""

from __future__ import annotations

from ..model.field import Field
from ..model.kind import Guard, Routes
from ..model.module_spec import Option
from .blueprint_usage import blueprints_with, in_blueprints
from .linked_file import without_query
from .picture_kind import picture_kind

_ORIENTATIONS = ("portrait", "landscape")

WALLPAPER = picture_kind(
    name="wallpaper",
    title="wallpaper",
    doc=(
        "A wallpaper is identified by its file name and its orientation. If the tenant has a wallpaper with both and"
        " with other bytes, the module uploads the file and then deletes the old wallpaper.",
        "Esper returns neither the names nor the checksums of wallpapers. The module takes the name from the end of the"
        " link, and downloads wallpapers to compare their bytes with O(src). If no wallpaper has the name, all"
        " wallpapers of the orientation are downloaded, because Esper could have renamed the file.",
        "Blueprints refer to wallpapers by ID. A replaced wallpaper has another ID, so the task fails if a blueprint"
        " uses the old one, unless O(force=true). M(esper.cloud.tenant) considers the blueprints after the task.",
    ),
    routes=Routes(
        list="/v1/enterprise/{enterprise_id}/wallpaper/",
        object="/v1/enterprise/{enterprise_id}/wallpaper/{id}/",
        name_filter="",
    ),
    link_key="image_file",
    scope=("orientation",),
    fields=(
        Field(
            "orientation",
            "Orientation of the screen for which the wallpaper is intended.",
            choices=_ORIENTATIONS,
            required_by_api=True,
            sample="landscape",
        ),
        Field(
            "active",
            "If V(true), the wallpaper is active.",
            api="is_active",
            type="bool",
            writable=False,
            sample=True,
        ),
        Field(
            "thumbnail_url",
            "Link to a small version of the wallpaper, without the query that grants access. Null if there is none.",
            api="thumbnail",
            normalize=without_query,
            writable=False,
            sample="https://storage.example.com/thumbnails/summer.png",
        ),
        Field("updated_on", "Time of the last change.", writable=False, sample="2026-03-02T11:00:00Z"),
    ),
    has_dest=True,
    seealso=("blueprint",),
    fixed_payload=lambda _api_url, enterprise_id: {"enterprise": enterprise_id},
    guards=(Guard(users=in_blueprints("wallpaper_id")),),
    related=(blueprints_with("wallpaper", "wallpaper_id"),),
    info_options=(Option("orientation", "Orientation of the wallpapers.", choices=_ORIENTATIONS),),
)
