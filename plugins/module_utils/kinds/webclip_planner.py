# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for creations and replacements of webclips."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ..base.checksums import sha256_of
from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..engine.planner import Planner
from ..model.plan import Plan


class WebclipPlanner(Planner):
    """Plans creations and replacements of webclips."""

    def plan_create(self, params: Params) -> Plan:
        """Return the plan of Planner. The label defaults to the name."""
        return super().plan_create(params if params.get("label") else {**params, "label": params.get("name")})

    def file_differences(self, current: Row, params: Params) -> dict[str, tuple[t.Any, t.Any]]:
        """Return the checksums of the icon before and after, if they are compared and differ."""
        if params.get("icon") is None or not params.get("compare_content"):
            return {}
        link, after = current.get("icon_url"), sha256_of(Path(params["icon"]))
        purpose = f"Downloading the icon of the {self.kind.phrase(current)}"
        before = self.view.checksum_at(str(link), purpose=purpose) if link else None
        return {} if before == after else {"icon": (before, after)}

    def kept_params(self, current: Row, params: Params) -> Params:
        """Return the values of Planner. Raise InvalidParameter if the replacement would lose the icon."""
        if current.get("icon_url") and params.get("icon") is None:
            raise InvalidParameter(
                f"The {self.kind.phrase(current)} has an icon, which its replacement would lose. Set icon to its file."
            )
        return super().kept_params(current, params)
