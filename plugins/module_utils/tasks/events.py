# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event feeds of devices and device groups.

Based on /v1/enterprise/{enterprise_id}/device/{device_id}/report/eventfeed/ (v1.yaml) and
/enterprise/{enterprise_id}/group/{group_id}/download/eventfeed/ (legacy.yaml) of the contract. If Esper returns HTTP
404 for the feed of a device, this file reads /enterprise/{enterprise_id}/device/{device_id}/event-feed/, which is not
in the contract, but in Esper's own connectors.

Choice: feeds are in the order of creation, and the first page shows whether the first event is the newest or the
oldest. Choice: the feed of a device group has commands, as the contract says; the message of such an event is the
command, and its device is the one that the command names, if it names only one.
"""

from __future__ import annotations

import itertools
from datetime import datetime

from ..base import times
from ..base.errors import ApiError
from ..base.ids import last_uuid
from ..base.limits import PAGE_SIZE
from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..http.paging import iterate_newest
from ..model.conform import to_text

_OF_DEVICE = "/v1/enterprise/{enterprise_id}/device/%s/report/eventfeed/"
_OF_DEVICE_UNPUBLISHED = "/enterprise/{enterprise_id}/device/%s/event-feed/"
_OF_GROUP = "/enterprise/{enterprise_id}/group/%s/download/eventfeed/"
# Events of one moment do not show the order of a feed, so a page has more than a few.
_SMALLEST_PAGE = 20


def events_of_device(view: TenantView, device: Row, limit: int, since: datetime | None = None) -> list[Row]:
    """Return the latest events of a device, the newest first. Raise what Client.request raises.

    ``limit`` is the maximum number of events, ``since`` the time of the earliest.
    """
    purpose = f"Reading the events of the device {device['id']}"
    try:
        return _latest(view, _OF_DEVICE % device["id"], limit, since, purpose)
    except ApiError as error:
        if error.status != 404:
            raise
    return _latest(view, _OF_DEVICE_UNPUBLISHED % device["id"], limit, since, purpose)


def events_of_group(view: TenantView, group: Row, limit: int, since: datetime | None = None) -> list[Row]:
    """Return the latest events of a device group: see events_of_device()."""
    return _latest(view, _OF_GROUP % group["id"], limit, since, f"Reading the events of the device group {group['id']}")


def message_of(row: Row) -> str | None:
    """Return the message of an event, or the command if it has none."""
    return to_text(row.get("message")) or to_text(row.get("command"))


def device_id_of(row: Row) -> str | None:
    """Return the ID of the device of an event, None if it is not about one device."""
    if found := last_uuid(row.get("device")):
        return found
    devices = row.get("devices")
    return last_uuid(devices[0]) if isinstance(devices, list) and len(devices) == 1 else None


def created_at(row: Row) -> datetime | None:
    """Return the time of an event, None if it has no valid one."""
    return times.parse_time(str(row.get("created_on")))


def _latest(view: TenantView, path: str, limit: int, since: datetime | None, purpose: str) -> list[Row]:
    rows = iterate_newest(
        view.client,
        path,
        purpose=purpose,
        is_older=_is_older,
        page_size=max(_SMALLEST_PAGE, min(limit, PAGE_SIZE)),
    )
    if since is not None:
        rows = itertools.takewhile(lambda row: (time := created_at(row)) is None or time >= since, rows)
    return list(itertools.islice(rows, limit))


def _is_older(row: Row, other: Row) -> bool:
    one, two = created_at(row), created_at(other)
    return one is not None and two is not None and one < two
