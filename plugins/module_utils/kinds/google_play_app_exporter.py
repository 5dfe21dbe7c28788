# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The export of Play apps."""

from __future__ import annotations

from ..base.row import Row
from ..engine.exporter import Exporter
from .google_binding import enter_binding, explained


class GooglePlayAppExporter(Exporter):
    """Exports the Play apps of a tenant that is enrolled with Google."""

    def existing(self) -> list[Row]:
        return explained(super().existing) if enter_binding(self.view, {}) else []
