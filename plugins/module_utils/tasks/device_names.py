# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the objects to which devices refer: paths of device groups, names of tags and blueprints."""

from __future__ import annotations

import typing as t

from ..base.errors import ApiError
from ..base.limits import FEW_LOOKUPS
from ..base.row import Row
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..kinds.blueprint_list import BLUEPRINTS
from ..kinds.device_group import DEVICE_GROUP, device_groups
from ..kinds.tag import TAG
from ..model.kind import Kind

# Responses that mean that the user has no access to a list.
_NO_ACCESS = (401, 403, 404)


def group_paths(view: TenantView, ids: t.Iterable[t.Any]) -> dict[str, str]:
    """Return the paths of device groups by ID, without groups that do not exist."""
    path_of = device_groups(view).path_of
    return {row["id"]: path_of(row) for row in _rows(view, DEVICE_GROUP, ids)}


def blueprint_names(view: TenantView, ids: t.Iterable[t.Any]) -> dict[str, str | None]:
    """Return the names of blueprints by ID, without blueprints that do not exist."""
    return {row["id"]: row.get("name") for row in _rows(view, BLUEPRINTS, ids)}


def readable_blueprint_names(view: TenantView, ids: t.Iterable[t.Any]) -> dict[str, str | None]:
    """Return the same as blueprint_names(), and nothing if the API key has no access to blueprints."""
    try:
        return blueprint_names(view, ids)
    except ApiError as error:
        if error.status not in _NO_ACCESS:
            raise
        return {}


def tag_names(view: TenantView) -> dict[str, str]:
    """Return the names of all tags by ID."""
    return {row["id"]: str(row.get("tag") or row["id"]) for row in view.list_objects(TAG)}


def add_names(view: TenantView, records: list[Row]) -> None:
    """Add the paths of device groups and the names of tags and blueprints to devices in collection terms."""
    groups = group_paths(view, (record["group_id"] for record in records))
    blueprints = blueprint_names(view, (record["blueprint_id"] for record in records))
    tags = tag_names(view) if any(record["tag_ids"] for record in records) else {}
    for record in records:
        record["group"] = groups.get(str(record["group_id"]).lower())
        record["tags"] = [tags.get(tag_id, tag_id) for tag_id in record["tag_ids"]]
        record["blueprint"] = blueprints.get(record["blueprint_id"])


def _rows(view: TenantView, kind: Kind, ids: t.Iterable[t.Any]) -> list[Row]:
    """Return the objects of a kind with some IDs. A few are read one by one, many in the list of all."""
    needed = sorted({str(id_) for id_ in ids if id_})
    if len(needed) > FEW_LOOKUPS:
        return device_groups(view).list_groups() if kind is DEVICE_GROUP else view.list_objects(kind)
    rows = (lookup_of(view, kind).find_by_id(id_) for id_ in needed)
    return [row for row in rows if row is not None]
