# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of an inventory: the devices of a tenant, and the names of the objects that they refer to."""

from __future__ import annotations

import json
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ..base.errors import ApiError
from ..base.ids import last_uuid
from ..base.redaction import Redaction
from ..base.row import Row
from ..base.threads import block_signals
from ..engine.tenant_view import TenantView
from ..kinds.blueprint_list import BLUEPRINTS
from ..kinds.device import FULL, MINIMAL, as_host, resolve_filters
from ..kinds.device_group import device_groups
from ..kinds.device_list import list_devices
from ..kinds.tag import TAG
from ..model.kind import Kind

# Kinds of objects whose names the inventory can look up.
KINDS = ("group", "tag", "blueprint")
# All variables of a host without their prefix, including the names that are looked up.
VARIABLES = (*as_host({"id": ""}, FULL), "group", "tags", "blueprint", "current_blueprint")
# Incremented if the format of the cache changes, so that an older cache is not used.
CACHE_FORMAT = 2
_DEVICES_PER_TEXT = 1000
# The values that each device in the cache has.
_CACHED = as_host({"id": ""}, MINIMAL).keys()
# Responses to the undocumented request for tags that mean that the tenant or the user has no access to it.
_NO_ACCESS = frozenset({400, 403, 404, 405, 410, 501})


@dataclass
class Fleet:
    """The devices of a tenant and the names for their IDs, as read at one time."""

    # In the form that as_host() returns.
    devices: list[Row]
    # The path and the ID of the parent, by ID.
    groups: dict[str, Row] = field(default_factory=dict)
    # Names by ID.
    tags: dict[str, str] = field(default_factory=dict)
    blueprints: dict[str, str] = field(default_factory=dict)
    read_at: str = ""

    def to_cache(self) -> Row:
        """Return the fleet in the format of the cache.

        The devices are JSON texts, because ansible-core compares and copies each value in the cache.
        """
        starts = range(0, len(self.devices), _DEVICES_PER_TEXT)
        texts = [json.dumps(self.devices[start : start + _DEVICES_PER_TEXT]) for start in starts]
        return {**vars(self), "devices": texts}

    @classmethod
    def from_cache(cls, cached: t.Any) -> Fleet:
        """Return the fleet that to_cache() returned. Raise ValueError, TypeError, LookupError or AttributeError for
        anything else."""
        fleet = cls(**{**cached, "devices": [device for text in cached["devices"] for device in json.loads(text)]})
        if any(_CACHED - device.keys() for device in fleet.devices) or not all(
            isinstance(each, dict) for each in (fleet.groups, fleet.tags, fleet.blueprints)
        ):
            raise ValueError("not a fleet")
        if not all(isinstance(group["path"], str) and "parent" in group for group in fleet.groups.values()):
            raise ValueError("not a device group")
        return fleet


def read_fleet(
    view: TenantView,
    filters: Row,
    *,
    excluded: t.Sequence[Row] = (),
    level: str,
    kinds: t.Collection[str],
    concurrency: int,
    by_cursor: bool,
    on_progress: t.Callable[[int, int | None], None],
    warn: t.Callable[[str], None],
) -> Fleet:
    """Return the devices that match ``filters`` (see check_filters()) and none of ``excluded``, and the names of those
    ``kinds`` of objects that they refer to.

    No text contains the API key: somebody can name a device like it.

    Raises what Client.request raises, and NotFound or Ambiguous for a filter.
    """
    key = view.client.connection.api_key
    redaction = Redaction([key])

    def convert(row: Row) -> Row:
        host = as_host(row, level, view)
        return t.cast(Row, redaction.all(host)) if _contains(host.values(), key) else host

    devices = list_devices(
        view.client,
        resolve_filters(view, filters),
        concurrency=concurrency,
        by_cursor=by_cursor,
        # Page after page, so that only a few pages are in memory at a time.
        convert=convert,
        on_progress=on_progress,
    )
    for others in excluded:
        # A filter with the same key selects other devices. The rest narrows the list down.
        query = resolve_filters(view, {**filters, **others})
        rows = list_devices(view.client, query, concurrency=concurrency, by_cursor=by_cursor, convert=_id_only)
        hidden = {row["id"] for row in rows}
        devices = [device for device in devices if device["id"] not in hidden]
    fleet = Fleet(devices)
    readers = {
        "group": read_group_paths,
        "tag": lambda view: read_tag_names(view, warn),
        "blueprint": lambda view: read_blueprint_names(view, warn),
    }
    needed = [kind for kind in kinds if _refers_to(kind, fleet.devices)]
    found = redaction.all(_read_in_parallel(view, [readers[kind] for kind in needed], concurrency))
    names = dict(zip(needed, found, strict=True))
    fleet.groups = names.get("group", {})
    fleet.tags = names.get("tag", {})
    fleet.blueprints = names.get("blueprint", {})
    for warning in view.warnings():
        warn(redaction.text(warning))
    fleet.read_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return fleet


def _id_only(row: Row) -> Row:
    return {"id": row["id"]}


def _contains(values: t.Iterable[t.Any], text: str) -> bool:
    """Return whether a text is part of a value. This is called for each device, and faster than a replacement."""
    for value in values:
        if value.__class__ is str:
            if text in value:
                return True
        elif (value.__class__ is list and _contains(value, text)) or (
            value.__class__ is dict and _contains(value.values(), text)
        ):
            return True
    return False


def _refers_to(kind: str, devices: list[Row]) -> bool:
    """Return whether names of a kind are needed. Empty device groups are inventory groups too."""
    if kind == "tag":
        return any(device["tag_ids"] for device in devices)
    if kind == "blueprint":
        return any(device["blueprint_id"] or device.get("current_blueprint_id") for device in devices)
    return True


def _read_in_parallel(
    view: TenantView, readers: t.Sequence[t.Callable[[TenantView], t.Any]], concurrency: int
) -> list[t.Any]:
    """Return the results of the readers in their order."""
    if not readers:
        return []
    with ThreadPoolExecutor(max_workers=min(concurrency, len(readers))) as pool:
        with block_signals():
            futures = [pool.submit(reader, view) for reader in readers]
        try:
            return [future.result() for future in futures]
        except BaseException:
            # The pool waits for its threads, which can be waiting for Esper.
            view.client.stop()
            raise


def read_group_paths(view: TenantView) -> dict[str, Row]:
    groups = device_groups(view)
    return {
        row["id"]: {"path": groups.path_of(row), "parent": last_uuid(row.get("parent"))} for row in groups.list_groups()
    }


def read_blueprint_names(view: TenantView, warn: t.Callable[[str], None]) -> dict[str, str]:
    # The request is documented, so another error than a missing permission is a mistake.
    return _names_or_none(view, BLUEPRINTS, "name", frozenset({403}), warn)


def read_tag_names(view: TenantView, warn: t.Callable[[str], None]) -> dict[str, str]:
    return _names_or_none(view, TAG, "tag", _NO_ACCESS, warn)


def _names_or_none(
    view: TenantView, kind: Kind, key: str, no_access: t.Collection[int], warn: t.Callable[[str], None]
) -> dict[str, str]:
    """Return the names of all objects of a kind by ID, or none with a warning if Esper does not allow to read them."""
    try:
        return {row["id"]: row.get(key) or row["id"] for row in view.list_objects(kind)}
    except ApiError as error:
        if error.status not in no_access:
            raise
        warn(
            f"Using the IDs of {kind.plural}, because their names are not available"
            f" ({error.method} {error.path} returned HTTP {error.status})."
        )
        return {}
