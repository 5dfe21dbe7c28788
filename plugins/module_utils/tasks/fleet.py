# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory is made of: the devices of a tenant, and the names of what they refer to."""

from __future__ import annotations

import json
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ..base.errors import ApiError
from ..base.ids import last_uuid
from ..base.row import Row
from ..base.threads import block_signals
from ..engine.tenant_view import TenantView
from ..kinds.blueprint_list import BLUEPRINTS
from ..kinds.device import FULL, as_host, resolve_filters
from ..kinds.device_group import device_groups
from ..kinds.device_list import list_devices
from ..kinds.tag import TAG

# What names can be looked up for.
KINDS = ("group", "tag", "blueprint")
# All that an inventory can say of a device, names that are looked up included.
VARIABLES = (*as_host({"id": ""}, FULL), "group", "tags", "blueprint", "current_blueprint")
# Raised when what is cached changes its form, so that an older cache is not misread.
CACHE_FORMAT = 2
_DEVICES_A_TEXT = 1000
# A tenant that does not have the unpublished list of tags, or does not give it to this user, will not tomorrow either.
_REFUSALS = frozenset({400, 403, 404, 405, 410, 501})


@dataclass
class Fleet:
    """A tenant as it was at one time."""

    # See as_host().
    devices: list[Row]
    # By id: the path, and the id of the parent.
    groups: dict[str, Row] = field(default_factory=dict)
    # By id: the name.
    tags: dict[str, str] = field(default_factory=dict)
    blueprints: dict[str, str] = field(default_factory=dict)
    read_at: str = ""

    def to_cache(self) -> Row:
        """The fleet for a cache.

        The devices are texts of JSON: ansible-core compares and copies what is cached, value by value.
        """
        starts = range(0, len(self.devices), _DEVICES_A_TEXT)
        texts = [json.dumps(self.devices[start : start + _DEVICES_A_TEXT]) for start in starts]
        return {**vars(self), "devices": texts}

    @classmethod
    def from_cache(cls, cached: t.Any) -> Fleet:
        """What to_cache() made. Raises ValueError, TypeError or KeyError for anything else."""
        return cls(**{**cached, "devices": [device for text in cached["devices"] for device in json.loads(text)]})


def read_fleet(
    view: TenantView,
    filters: Row,
    *,
    level: str,
    kinds: t.Collection[str],
    concurrency: int,
    by_cursor: bool,
    on_progress: t.Callable[[int, int | None], None],
    warn: t.Callable[[str], None],
) -> Fleet:
    """Read the devices that ``filters`` (see check_filters()) leave, and names for those ``kinds`` that they need.

    Raises what Client.request raises, and NotFound or Ambiguous for a filter.
    """
    rows = list_devices(
        view.client,
        resolve_filters(view, filters),
        concurrency=concurrency,
        by_cursor=by_cursor,
        on_progress=on_progress,
    )
    # Row by row: a page is let go of before the next is looked at.
    fleet = Fleet([as_host(row, level) for row in rows])
    readers = {"group": _groups, "tag": lambda view: _tag_names(view, warn), "blueprint": _blueprint_names}
    needed = [kind for kind in kinds if _refers_to(kind, fleet.devices)]
    names = dict(zip(needed, _side_by_side(view, [readers[kind] for kind in needed], concurrency), strict=True))
    fleet.groups = names.get("group", {})
    fleet.tags = names.get("tag", {})
    fleet.blueprints = names.get("blueprint", {})
    fleet.read_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return fleet


def _refers_to(kind: str, devices: list[Row]) -> bool:
    """Whether names of a kind can be of use. Groups are shown even where no device is in them."""
    if kind == "tag":
        return any(device["tag_ids"] for device in devices)
    if kind == "blueprint":
        return any(device["blueprint_id"] or device.get("current_blueprint_id") for device in devices)
    return True


def _side_by_side(
    view: TenantView, readers: t.Sequence[t.Callable[[TenantView], t.Any]], concurrency: int
) -> list[t.Any]:
    """What the readers give, in their order."""
    if not readers:
        return []
    with ThreadPoolExecutor(max_workers=min(concurrency, len(readers))) as pool:
        with block_signals():
            under_way = [pool.submit(reader, view) for reader in readers]
        try:
            return [future.result() for future in under_way]
        except BaseException:
            # The pool waits for its threads, which may be waiting for the service themselves.
            view.client.stop()
            raise


def _groups(view: TenantView) -> dict[str, Row]:
    groups = device_groups(view)
    return {
        row["id"]: {"path": groups.path_of(row), "parent": last_uuid(row.get("parent"))} for row in groups.list_groups()
    }


def _blueprint_names(view: TenantView) -> dict[str, str]:
    return {row["id"]: row["name"] for row in view.list_objects(BLUEPRINTS)}


def _tag_names(view: TenantView, warn: t.Callable[[str], None]) -> dict[str, str]:
    try:
        return {row["id"]: row.get("tag") or row["id"] for row in view.list_objects(TAG)}
    except ApiError as error:
        if error.status not in _REFUSALS:
            raise
        warn(
            "Tags go by their ids, since this tenant does not tell their names"
            f" ({error.method} {error.path} answered {error.status})."
        )
        return {}
