# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags of devices.

Based on GET /enterprise/{enterprise_id}/tags/, which Esper's own tools use, but the published contract does not have.
Callers must not depend on it, because a tenant may reject it. It does not return numbers of devices, so they are
counted in the list of devices (/v2/devices/, v2.yaml).
"""

from __future__ import annotations

import typing as t
from collections import Counter

from ..base.errors import ApiError, InvalidParameter
from ..base.ids import normal_id
from ..base.row import Params, Row
from ..engine.lookup import Lookup
from ..engine.tenant_view import TenantView
from ..http.parallel import CONCURRENCY
from ..model.field import Field
from ..model.kind import Related, Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading
from .device_list import count_devices, list_devices

_DISABLED = 20


class TagLookup(Lookup):
    """Finds tags, and explains what to do if the tenant does not return their names."""

    def resolve(self, tag: str) -> Row:
        """Return the tag that an option names. Raise NotFound, Ambiguous or InvalidParameter."""
        try:
            return super().resolve(tag)
        except ApiError as error:
            raise InvalidParameter(
                f"The tag '{tag}' must be an ID, because this tenant does not return the names of tags"
                f" ({error.method} {error.path} returned HTTP {error.status})."
            ) from None


def _device_count(view: TenantView, row: Row, params: Params) -> int | None:
    """Return the number of devices that have a tag, None if Esper does not return it. For all tags, the devices are
    read once."""
    purpose = "Counting the devices of tags"
    tag_id = str(normal_id(row["id"]))
    if params["id"] is not None or params["name"] is not None:
        count = count_devices(view.client, {"tags": [tag_id]}, purpose=purpose)
        disabled = count and count_devices(view.client, {"tags": [tag_id], "state": [str(_DISABLED)]}, purpose=purpose)
        return None if count is None or disabled is None else max(count - disabled, 0)
    counts = view.derived(TAG)
    if "devices" not in counts:
        devices = list_devices(view.client, {}, concurrency=CONCURRENCY, purpose=purpose)
        enabled = (device for device in devices if device.get("state") != _DISABLED)
        counts["devices"] = Counter(str(normal_id(tag)) for device in enabled for tag in _tags_of(device))
    return int(counts["devices"][tag_id])


def _tags_of(device: Row) -> list[t.Any]:
    tags = device.get("tags")
    return tags if isinstance(tags, list) else []


_COUNTS = Related(
    Field(
        "device_count",
        "Number of devices that have the tag, without disabled devices. Returned if O(device_counts=true).",
        type="int",
        writable=False,
        sample=12,
    ),
    Option(
        "device_counts",
        "If V(true), also returns the number of devices that have each tag. Esper does not return it with the tags, so"
        " the module counts the devices. One tag takes two requests, all tags the list of all devices.",
        type="bool",
        default=False,
    ),
    _device_count,
)
TAG = plain_reading(
    name="tag",
    plural="tags",
    short_description="Get information about Esper tags",
    doc=(
        "Returns the tags of devices, or one tag by name or ID. If the tag does not exist, the list is empty.",
        "Esper does not document the request for tags, so a tenant can reject it. To set tags, use"
        " M(esper.cloud.device). A tag exists while a device has it.",
    ),
    routes=Routes(
        list="/enterprise/{enterprise_id}/tags/",
        object="/enterprise/{enterprise_id}/tags/{id}/",
        name_filter="search",
    ),
    name_key="tag",
    lookup=TagLookup,
    related=(_COUNTS,),
    options=(
        Option("name", "Name of the tag, case-sensitive.", identifier=True),
        Option("id", "ID of the tag.", identifier=True),
        _COUNTS.option,
    ),
    rules={"mutually_exclusive": [("id", "name")]},
    seealso=("device", "device_info"),
    fields=(
        Field("id", "ID of the tag.", writable=False, sample="f7f6c7f5-52b7-4a0c-9d5e-0b6a4f8f2d10"),
        Field("name", "Name of the tag.", api="tag", writable=False, sample="showroom"),
    ),
)
