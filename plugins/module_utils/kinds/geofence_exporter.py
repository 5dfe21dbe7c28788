# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The export of geofences."""

from __future__ import annotations

from ..base.row import Row
from ..engine.exporter import Exporter
from .geofence_lookup import GeofenceLookup


class GeofenceExporter(Exporter):
    """Exports geofences of both generations of the API."""

    def existing(self) -> list[Row]:
        return GeofenceLookup(self.view, self.kind).list_all("auto")
