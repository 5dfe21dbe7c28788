# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The enrolled devices of a tenant with few of their properties, for tasks that compare all of them.

A page of the list has 1,000 devices. Of each page, only the properties that the task needs are kept, so the list of a
large fleet fits into memory.
"""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..kinds.device import DISABLED
from ..kinds.device_group import device_groups
from ..kinds.device_group_lookup import is_root, parent_id_of
from ..kinds.device_list import DEVICE_CONCURRENCY, list_devices
from ..kinds.tag import TAG
from ..task import RunContext
from .device_rules import Places

_WIPING = 70
EXCLUDED_STATES = (DISABLED, _WIPING)
"""States of devices that are not enrolled, or not for long."""
# The properties that every task needs. The batch of changes needs the assigned blueprint.
_KEYS = frozenset({"id", "name", "alias", "serial", "platform", "state", "group_id", "tags", "blueprint_info"})


def read_enrolled(view: TenantView, context: RunContext, keys: t.Collection[str]) -> list[Row]:
    """Return all devices of the tenant without those that are disabled or being wiped. ``keys`` are properties to keep.

    Raise what Client.request raises.
    """
    kept = tuple(_KEYS.union(keys))

    def convert(row: Row) -> Row:
        return {key: row[key] for key in kept if key in row}

    rows = list_devices(
        view.client, {}, concurrency=DEVICE_CONCURRENCY, convert=convert, on_progress=context.report_devices
    )
    return [row for row in rows if row.get("state") not in EXCLUDED_STATES]


def read_places(view: TenantView, *, with_tags: bool) -> Places:
    """Return the device groups of the tenant, and the names of its tags. Raise what Client.request raises."""
    groups = device_groups(view)
    rows = {str(row["id"]).lower(): row for row in groups.list_groups()}
    parents = {id_: str(parent_id_of(row) or "").lower() for id_, row in rows.items()}
    return Places(
        tags={row["id"]: str(row.get("tag") or row["id"]) for row in view.list_objects(TAG)} if with_tags else {},
        paths={id_: groups.path_of(row) for id_, row in rows.items()},
        names={id_: str(row.get("name") or "") for id_, row in rows.items()},
        lines={id_: _line(id_, parents) for id_ in rows},
        root_id=next((id_ for id_, row in rows.items() if is_root(row)), ""),
    )


def _line(group_id: str, parents: t.Mapping[str, str]) -> frozenset[str]:
    """Return the ID of a group and those of all groups above it. The API can return circles."""
    line: set[str] = set()
    while group_id and group_id not in line:
        line.add(group_id)
        group_id = parents.get(group_id, "")
    return frozenset(line)
