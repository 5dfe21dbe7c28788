# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The export of device groups."""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..engine.exporter import ExportedObject, Exporter
from .group_path import split_path


class DeviceGroupExporter(Exporter):
    """Exports device groups by their paths, parents first. The root cannot be changed."""

    def options_of(self, row: Row, omitted: list[str]) -> Row:
        options = super().options_of(row, omitted)
        return {"path": str(row["path"]), **{name: value for name, value in options.items() if name != "name"}}

    def sort_key(self, exported: ExportedObject) -> t.Any:
        return split_path(exported.key)
