# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for changes of custom actions."""

from __future__ import annotations

import typing as t

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..engine.planner import Planner, in_use
from ..model.conform import to_rows
from ..model.plan import Plan, Step
from .blueprint_usage import usage_of
from .custom_action_options import completed, invalid_values, read_scripts, with_scripts

_OPTION_KEYS = ("custom_actions_multiple.custom_actions.options_key",)


class CustomActionPlanner(Planner):
    """Plans changes of custom actions, whose options are replaced together."""

    def prefetch(self, several: t.Sequence[Params]) -> None:
        """Read the scripts of several custom actions together."""
        super().prefetch(several)
        rows = [self._find_or_none(params) for params in several if params.get("options") is not None]
        read_scripts(self.view, self.kind, [row for row in rows if row is not None])

    def plan_create(self, params: Params) -> Plan:
        """Return the plan of Planner, with keys for the options."""
        return self._with_scripts(super().plan_create(self._completed(params, {})))

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan of Planner. If the task has options, the current scripts are read."""
        if params.get("options") is not None:
            current = read_scripts(self.view, self.kind, [current])[0]
            params = self._completed(params, current)
            if paths := invalid_values(current):
                raise InvalidParameter(
                    f"The {self.kind.phrase(current)} is not changed, because Esper returned an unexpected type for"
                    f" {', '.join(paths)}, and the change would overwrite the value. Correct the value in Esper first."
                )
        plan = self._with_scripts(super().plan_update(current, params))
        status = current.get("state")
        for step in plan.steps:
            if step.body and "state" in step.body:
                # Esper does not document which status can follow which.
                change = f"from {status} to {step.body['state']}"
                step.purpose = f"Changing the status of the {self.kind.phrase(current)} {change}"
        if plan.steps and params.get("options") is not None and not params.get("force"):
            # Other objects of the same task can use other options instead.
            plan.deferred_parts.append(lambda _plan: self._check_removed(current, params["options"]))
        return plan

    def _check_removed(self, current: Row, options: t.Iterable[Row]) -> None:
        """Raise InvalidParameter if blueprints use an option that the update removes."""
        kept = {str(option["key"]).lower() for option in options}
        for option in to_rows(current.get("options")):
            if not option.get("key") or str(option["key"]).lower() in kept:
                continue
            if users := usage_of(self.view, option["key"], _OPTION_KEYS, {}).users:
                phrase = f"option '{option.get('label')}' of the {self.kind.phrase(current)}"
                raise InvalidParameter(
                    f"{in_use(phrase, map(str, users))} Set its key to keep it with another label, or remove it from"
                    " there first, or set force=true."
                )

    def plan_delete(self, current: Row, params: Params) -> Plan:
        """Return the plan of Planner. An active custom action is made inactive before, if the task has ``force``."""
        plan = super().plan_delete(current, params)
        if current.get("state") != "active":
            return plan
        phrase = self.kind.phrase(current)
        if not params.get("force"):
            raise InvalidParameter(
                f"The {phrase} is active, and Esper does not delete active custom actions. Set status to inactive"
                " first, or set force=true."
            )
        deactivation = Step(
            purpose=f"Changing the status of the {phrase} from active to inactive",
            method="PUT",
            path=self.kind.routes.object,
            ids=self._ids(current),
            body={"state": "inactive"},
        )
        plan.steps.insert(0, deactivation)
        return plan

    def _completed(self, params: Params, current: Row) -> Params:
        if params.get("options") is None:
            return params
        name = str(params.get("name") or self.kind.name_of(current)).strip()
        options = completed(params["options"], current, lambda: self.view.client.enterprise_id, name)
        return {**params, "options": options}

    def _with_scripts(self, plan: Plan) -> Plan:
        """Return a plan whose result has the known texts of the scripts, because responses do not have them."""
        if options := (plan.record or {}).get("options"):
            for step in plan.steps:
                step.extract_object = lambda row: with_scripts(row, options)
        return plan
