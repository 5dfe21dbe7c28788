# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the module device_group_info: device groups as a list and as a tree."""

from __future__ import annotations

from ..base.row import Params, Row
from ..engine.lookup import learn_names
from ..engine.reader import Reader
from .device_group_lookup import DeviceGroupLookup, validate_name


class DeviceGroupReader(Reader):
    """Reads device groups."""

    def get_info(self, params: Params) -> Row:
        groups = DeviceGroupLookup(self.view, self.kind)
        if params.get("name") is not None:
            rows = groups.find_by_name(validate_name(params["name"]))
        elif params.get("id") is not None or params.get("path") is not None:
            row = groups.find(params)
            rows = [row] if row else []
        else:
            rows = self.view.list_objects(self.kind)
        rows = [groups.locate(row) for row in rows]
        if params["subtree"]:
            rows = list({row["id"]: row for top in rows for row in groups.list_subtree(top)}.values())
        learn_names(self.view, self.kind.fields, rows)
        results = sorted(
            (self.view.with_names(self.kind, self.kind.to_result(row)) for row in rows),
            key=lambda result: str(result["path"]),
        )
        return {self.kind.plural: results, "tree": _tree(results)}


def _tree(results: list[Row]) -> list[Row]:
    """Return groups as a tree, each with its ``children``. The top are those whose parent is not among them."""
    nodes = {result["id"]: {**result, "children": []} for result in results}
    tops: list[Row] = []
    for node in nodes.values():
        parent = nodes.get(node["parent_id"])
        (parent["children"] if parent else tops).append(node)
    return tops
