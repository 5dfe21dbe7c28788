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
        groups, tags, blueprints = set(), set(), set()
        for device in devices:
            groups.add(device.get("group_id"))
            tags.update(device.get("tag_ids") or ())
            blueprints.update((device.get("blueprint_id"), device.get("current_blueprint_id")))
        if groups - self._groups.keys() - {None}:
            self._groups = {id_: str(row["path"]) for id_, row in read_group_paths(view).items()}
            self._groups.update(dict.fromkeys(groups - self._groups.keys() - {None}, ""))
        if tags - self._tags.keys():
            self._tags = read_tag_names(view, self._warn)
            self._tags.update({tag: tag for tag in tags - self._tags.keys()})
        if unknown := blueprints - self._blueprints.keys() - {None}:
            self._blueprints = read_blueprint_names(view, self._warn)
            self._blueprints.update({id_: id_ for id_ in unknown - self._blueprints.keys()})

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
