# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for changes of roles, with a warning about scopes that Esper does not document."""

from __future__ import annotations

from ..base.row import Params, Row
from ..base.text import did_you_mean
from ..engine.planner import Planner
from ..model.plan import ObjectDiff, Plan
from .role_scopes import SCOPES


class RolePlanner(Planner):
    """Plans changes of roles."""

    def plan(self, params: Params, current: Row | None) -> Plan:
        """Return the plan of a task, with a warning for each new scope that is not documented."""
        plan = super().plan(params, current)
        plan.warnings += [warning for change in plan.changes for warning in _warnings_of_scopes(change)]
        return plan


def _warnings_of_scopes(change: ObjectDiff) -> list[str]:
    """Return a warning for each undocumented scope that a change adds, with the closest documented name."""
    before, after = (set(side.get("scopes") or []) for side in (change.before, change.after))
    warnings = []
    for scope in sorted(after - before - SCOPES):
        hint = did_you_mean(scope, SCOPES) or "Check the name."
        warnings.append(f"Esper does not document the scope '{scope}' of the {change.title}. {hint}")
    return warnings
