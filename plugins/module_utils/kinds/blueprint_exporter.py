# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The export of blueprints, with names in place of the IDs in their settings."""

from __future__ import annotations

from ..base.row import Row
from ..engine.exporter import Exporter, SecretValue
from ..engine.tenant_view import TenantView
from ..model.kind import Kind
from ..model.values import leaves
from ..model.walk import unknown_paths
from .blueprint_names import Names
from .blueprint_settings import SETTINGS


class BlueprintExporter(Exporter):
    """Exports blueprints with the settings of their last version."""

    def __init__(self, view: TenantView, kind: Kind) -> None:
        super().__init__(view, kind)
        self._names = Names(view)

    def complete(self, rows: list[Row]) -> list[Row]:
        """Return the blueprints, after what their names need was read."""
        self._names.prefetch([row.get("settings") or {} for row in rows])
        return rows

    def options_of(self, row: Row, omitted: list[str]) -> Row:
        """Return the options for a blueprint. If they have all of its settings, they also remove others that somebody
        adds later."""
        settings = self._names.add_names(row.get("settings") or {})
        options = super().options_of({**row, SETTINGS.name: settings}, omitted)
        if not options.get("publish"):
            # The last version is a draft. A task does not withdraw a published one.
            options.pop("publish", None)
        has_json_secrets = any(isinstance(each, SecretValue) and each.in_json for each in leaves(options))
        if SETTINGS.name in options and not omitted and not has_json_secrets:
            options["exact"] = True
        omitted += unknown_paths(SETTINGS, settings)
        return options
