# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the objects that events refer to, as the inventory has them."""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..tasks.fleet import read_blueprint_names, read_group_paths, read_tag_names


class Names:
    """The paths of device groups, and the names of tags and blueprints, by ID. They are read when needed."""

    def __init__(self, warn: t.Callable[[str], None]) -> None:
        self._warn = warn
        self._groups: dict[str, str] = {}
        self._tags: dict[str, str] = {}
        self._blueprints: dict[str, str] = {}

    def update(self, view: TenantView, devices: t.Iterable[Row]) -> None:
        """Read the names that devices need and that are not known yet. Raise what Client.request raises."""
        groups: set[str] = set()
        tags: set[str] = set()
        blueprints: set[str] = set()
        for device in devices:
            groups.update(filter(None, [device.get("group_id")]))
            tags.update(device.get("tag_ids") or ())
            blueprints.update(filter(None, map(device.get, ("blueprint_id", "current_blueprint_id"))))
        # An object without a name is not looked for again.
        if not groups <= self._groups.keys():
            paths = {id_: str(row["path"]) for id_, row in read_group_paths(view).items()}
            self._groups = {**dict.fromkeys(groups, ""), **paths}
        if not tags <= self._tags.keys():
            self._tags = {**{tag: tag for tag in tags}, **read_tag_names(view, self._warn)}
        if not blueprints <= self._blueprints.keys():
            self._blueprints = {**{id_: id_ for id_ in blueprints}, **read_blueprint_names(view, self._warn)}

    def forget(self) -> None:
        """Read the names again when they are needed next time, because objects can be renamed."""
        self._groups, self._tags, self._blueprints = {}, {}, {}

    def add_to(self, device: Row) -> Row:
        """Return the values of a device with the names for its IDs."""
        named = {name: value for name, value in device.items() if name != "tag_ids"}
        if "group_id" in device:
            named["group"] = self._groups.get(device["group_id"]) or None
        if "tag_ids" in device:
            named["tags"] = sorted(self._tags.get(tag, tag) for tag in device["tag_ids"])
        if "blueprint_id" in device:
            named["blueprint"] = self._blueprints.get(device["blueprint_id"] or "")
            named["current_blueprint"] = self._blueprints.get(device["current_blueprint_id"] or "")
        return named
