# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thumbnails, which the console shows for device groups.

Based on /enterprise/{enterprise_id}/devicegroup/thumbnail/ of the contract (legacy.yaml). The contract does not have
errors of these operations.

Choice: Esper keeps the file name of a thumbnail in its link, and does not change its bytes.
"""

from __future__ import annotations

from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.kind import Guard, Routes, Users
from .blueprint_usage import is_same_id
from .group_devices import DEVICE_GROUPS
from .linked_file import without_query
from .picture_kind import picture_kind


def _groups_with(view: TenantView, row: Row) -> Users:
    """Return the device groups that show a thumbnail after the task, and those that show it only before the task."""
    groups = [each for each in view.list_objects(DEVICE_GROUPS) if is_same_id(each.get("thumbnail"), row["id"])]
    after = [each for each in view.all_as_planned(DEVICE_GROUPS) if is_same_id(each.get("thumbnail"), row["id"])]
    kept = {str(each["id"]) for each in after}
    return Users(
        tuple(f"the device group '{each.get('path') or each.get('name')}'" for each in after),
        tuple((DEVICE_GROUPS, each["id"]) for each in groups if str(each["id"]) not in kept),
    )


DEVICE_GROUP_THUMBNAIL = picture_kind(
    name="device_group_thumbnail",
    title="device group thumbnail",
    doc=(
        "The Esper console shows the thumbnail for a device group. To assign one, set the option C(thumbnail) of"
        " M(esper.cloud.device_group).",
        "A thumbnail is identified by its file name. If the tenant has a thumbnail with the name and with other bytes,"
        " the module uploads the file and then deletes the old thumbnail.",
        "Esper returns neither the names nor the checksums of thumbnails. The module takes the name from the end of the"
        " link, and downloads thumbnails to compare their bytes with O(src). If no thumbnail has the name, all"
        " thumbnails are downloaded, because Esper could have renamed the file.",
        "A replaced thumbnail has another ID, so the task fails if a device group uses the old one, unless"
        " O(force=true). M(esper.cloud.tenant) considers the device groups after the task.",
    ),
    routes=Routes(
        list="/enterprise/{enterprise_id}/devicegroup/thumbnail/",
        object="/enterprise/{enterprise_id}/devicegroup/thumbnail/{id}/",
        page_size=None,
        name_filter="",
    ),
    link_key="image_file",
    fields=(
        Field(
            "thumbnail_url",
            "Link to a small version of the thumbnail, without the query that grants access.",
            normalize=without_query,
            writable=False,
            sample="https://storage.example.com/thumbnails/store.png",
        ),
    ),
    has_dest=True,
    seealso=("device_group",),
    info_summary="List Esper device group thumbnails",
    guards=(Guard(users=_groups_with),),
)
