# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for changes of geofences: v1 creates them, v0 changes and deletes them."""

from __future__ import annotations

import functools

from ..base.errors import InvalidParameter, InvalidValues
from ..base.row import Params, Row
from ..engine.lookup import lookup_of
from ..engine.planner import Planner
from ..model.plan import Plan, Step
from .device_search import DEVICE
from .geofence_forms import V0_CREATE, adapt, to_v0, to_v1
from .geofence_lookup import GeofenceLookup

_ONLY_IN_CONSOLE = "The Esper API does not {} this geofence. Use the console of Esper."


class GeofencePlanner(Planner):
    """Plans changes of geofences."""

    @property
    def lookup(self) -> GeofenceLookup:
        """The lookup of the kind."""
        return GeofenceLookup(self.view, self.kind)

    def plan_create(self, params: Params) -> Plan:
        """Return the plan that creates a geofence in v1, or in v0 if the task or the tenant demands it."""
        if params.get("id") is None and params.get("circle") is None and params.get("polygon") is None:
            raise InvalidValues(["circle or polygon is required"])
        plan = super().plan_create(params)
        step = plan.steps[0]
        if self._creates_in_v0(params):
            step.path, step.body = V0_CREATE, self._v0_body(step.body, params)
        else:
            step.body = to_v1(step.body)
        return plan

    def _creates_in_v0(self, params: Params) -> bool:
        """Return whether v0 creates a geofence. Raise InvalidParameter if that cannot do what the task demands."""
        generation, devices = params.get("generation") or "auto", params.get("devices")
        if generation == "v1":
            if devices:
                raise InvalidParameter("The generation v1 does not apply geofences to devices. Omit devices.")
            return False
        is_v0 = generation == "v0" or bool(devices) or not self.lookup.has_v1
        if is_v0 and params.get("polygon") is not None:
            reason = "" if generation == "v0" else ", and Esper does not accept the API key for v1"
            raise InvalidParameter(f"The generation v0 has no polygons{reason}. Set circle.")
        return is_v0

    def _v0_body(self, row: Row, params: Params) -> Row:
        rows = lookup_of(self.view, DEVICE).resolve_all(params.get("devices") or [])
        return {**to_v0(row, row["circle"]), "devices": list(dict.fromkeys(str(each["id"]) for each in rows))}

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan that changes a geofence with v0. Raise InvalidParameter if its points would change."""
        before, desired = self.kind.to_result(current), self.desired(params)
        if "circle" in desired and before["circle"] is None and before["polygon"] is not None:
            raise self._unchangeable("shape", current)
        plan = super().plan_update(current, params)
        if "polygon" in desired and (plan.record or {}).get("polygon") != before["polygon"]:
            raise self._unchangeable("shape" if before["polygon"] is None else "polygon", current)
        kept = {key: current.get(key) for key in ("generation", "device_count", "created_by")}
        for step in plan.steps:
            old, new = before["circle"] or {}, step.body.get("circle") or {}
            # Only values that differ, so that changes of other clients to the other values are not lost.
            step.body = to_v0(step.body, {key: value for key, value in new.items() if value != old.get(key)})
            step.find_rival = None
            # v0 returns the geofence. The values that only one generation has stay those of the lookup.
            step.extract_object = lambda body: {**current, **adapt(body), **kept} if body else body
            step.explain_not_found = functools.partial(self._explain_not_found, current, "change")
        return plan

    def _unchangeable(self, what: str, current: Row) -> InvalidParameter:
        return InvalidParameter(
            f"Cannot change the {what} of the {self.kind.phrase(current)}: the Esper API has no operation for it."
            " Delete the geofence first, or change it in the console of Esper."
        )

    def delete_step(self, current: Row) -> Step:
        """Return the step that deletes a geofence. v0 returns HTTP 404 for some geofences that v1 lists."""
        step = super().delete_step(current)
        step.explain_not_found = functools.partial(self._explain_not_found, current, "delete")
        return step

    def _explain_not_found(self, current: Row, verb: str) -> str:
        """Return the reason why v0 does not have a geofence, "" if it does not exist."""
        exists = current.get("generation") == "v1" and self.lookup.is_in_v1(str(current["id"]))
        return _ONLY_IN_CONSOLE.format(verb) if exists else ""
