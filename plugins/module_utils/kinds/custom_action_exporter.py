# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The export of custom actions."""

from __future__ import annotations

from ..base.row import Row
from ..engine.exporter import Exporter
from ..model.field import Field
from .custom_action_options import read_scripts


class CustomActionExporter(Exporter):
    """Exports custom actions with their scripts. Blueprints refer to an option by its label, so no key is exported."""

    def complete(self, rows: list[Row]) -> list[Row]:
        return read_scripts(self.view, self.kind, rows)

    def dict_of(self, field: Field, value: Row, path: str, omitted: list[str]) -> Row:
        options = super().dict_of(field, value, path, omitted)
        return {name: option for name, option in options.items() if name != "key"}
