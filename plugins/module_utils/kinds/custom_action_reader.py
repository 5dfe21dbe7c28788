# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the module custom_action_info."""

from __future__ import annotations

from ..base.row import Params, Row
from ..engine.reader import Reader
from .custom_action_options import read_scripts


class CustomActionReader(Reader):
    """Reads custom actions."""

    def complete(self, rows: list[Row], params: Params) -> list[Row]:
        """Return custom actions with the texts of their scripts, if the task asks for them."""
        return read_scripts(self.view, self.kind, rows) if params["scripts"] else rows
