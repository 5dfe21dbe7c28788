# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the module geofence_info."""

from __future__ import annotations

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..engine.reader import Reader
from .geofence_lookup import GeofenceLookup


class GeofenceReader(Reader):
    """Reads geofences of both generations of the API."""

    def get_info(self, params: Params) -> Row:
        """Return the geofences that the options select."""
        if params.get("inside") is not None and not params.get("devices"):
            raise InvalidParameter("inside requires devices=true.")
        return super().get_info(params)

    def read_rows(self, params: Params) -> list[Row]:
        if params.get("id") is not None or params.get("name") is not None:
            return super().read_rows(params)
        return GeofenceLookup(self.view, self.kind).list_all(params.get("generation") or "auto", self.query(params))
