# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for changes of blueprints.

Choice where the contract is silent: a blueprint is created as a draft and published by a second request, because only
PUT has `publish`.
"""

from __future__ import annotations

import contextlib
import functools
import typing as t
from dataclasses import replace

from ..base.errors import ApiError, InvalidParameter, NotFound
from ..base.row import Params, Row
from ..engine.planner import Planner
from ..engine.tenant_view import TenantView
from ..model.compare import Comparison, compare
from ..model.kind import Kind
from ..model.plan import Effect, ObjectDiff, Plan, Step
from ..model.unknowns import KnownAfterApply, resolve_unknowns
from . import blueprint_comparison as comparison
from .blueprint_diff import without_ids
from .blueprint_list import version_kind
from .blueprint_lookup import PREVIOUS, BlueprintLookup
from .blueprint_names import Names, with_planned_names
from .blueprint_removal import removals_of, without
from .blueprint_settings import SETTINGS

# Values that a save changes and only Esper knows.
_UNKNOWN = ("version_id", "version_number", "minor_version_number", "latest_published_version_id", "updated_at")


class BlueprintPlanner(Planner):
    """Plans changes of blueprints. Options can name apps and content files; API requests have their IDs."""

    def __init__(self, view: TenantView, kind: Kind) -> None:
        super().__init__(view, kind)
        self._names = Names(view)
        self._kept: Row | None = None
        """The current settings without those that the task removes, None if it removes none."""

    @property
    def lookup(self) -> BlueprintLookup:
        """The lookup of blueprints."""
        return BlueprintLookup(self.view, self.kind)

    def prefetch(self, several: t.Sequence[Params]) -> None:
        """Read the versions of the apps in the settings at the same time."""
        super().prefetch(several)
        self._names.prefetch_desired(params["settings"] for params in several if params["settings"])

    def desired(self, params: Params) -> Row:
        """Return the desired state in normal form, by field name. Raise InvalidParameter for invalid values."""
        desired = super().desired(params)
        if not params["publish"]:
            # Without publish, the published version is not managed: a change creates a draft.
            desired.pop("publish", None)
        return desired

    def _resolve_names(self, params: Params, current: Row) -> tuple[Params, Row]:
        """Return the options with the IDs of apps and content files, and the blueprint with their names."""
        if params["settings"] is None:
            return params, current
        desired, current_settings = self._names.resolve(params["settings"], current.get("settings") or {})
        return {**params, "settings": desired}, {**current, "settings": current_settings}

    # --- create -------------------------------------------------------------------------------------------------------

    def plan_create(self, params: Params) -> Plan:
        """Return the plan that creates a blueprint: one POST, and one PUT if it is published."""
        if params["version"] is not None:
            raise NotFound(self.kind.title, params["id"] or params["name"])
        removals_of(params["remove"], params["settings"])
        params, _current = self._resolve_names(params, {})
        plan = super().plan_create(params)
        (create,) = plan.steps
        body, planned, identifier = (
            t.cast("Row", create.body),
            t.cast("Row", plan.record),
            KnownAfterApply(create, "id"),
        )
        create.extract_object = _reader_of_response(planned)
        if body.pop("publish", False):
            publish = Step(
                purpose=f"Publishing the {self.kind.phrase(body)}",
                method="PUT",
                path=self.kind.routes.object,
                ids={"id": identifier},
                body={**body, "publish": True},
                extract_object=create.extract_object,
                if_created=create,
            )
            plan.steps.append(publish)
        planned["publish"] = params["publish"]
        # With settings, because a blueprint without them would be read.
        row = {"settings": {}, **body, "id": identifier, "publish": params["publish"]}
        plan.effects = [Effect(self.kind, identifier, row)]
        return plan

    # --- update -------------------------------------------------------------------------------------------------------

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan that changes or restores an existing blueprint: no request, or one PUT."""
        if params["version"] is not None:
            return self._plan_restore(current, params)
        removals = removals_of(params["remove"], params["settings"])
        params, current = self._resolve_names(params, current)
        self._kept = without(current.get("settings") or {}, removals, self._names) if removals else None
        plan = self._complete_save(super().plan_update(current, params), current, publish=bool(params["publish"]))
        if params["exact"] or removals:
            _show_removed(plan, params["settings"] or {})
        return plan

    def compare(
        self, current: Row, desired: Row, *, exact: bool = False, always: bool = False
    ) -> dict[str, Comparison]:
        """Return the comparison of each field by name. Removed settings are only in the values before."""
        if self._kept is None:
            return super().compare(current, desired, exact=exact, always=always)
        compared = super().compare({**current, "settings": self._kept}, desired, exact=exact, always=always)
        original, kept = compare(SETTINGS, current.get("settings"), None), compared["settings"]
        is_same = kept.matches and self._kept == (current.get("settings") or {})
        before = replace(kept, before=original.before, shown_before=original.shown_before, matches=is_same)
        return {**compared, "settings": before}

    def _complete_save(self, plan: Plan, current: Row, *, publish: bool) -> Plan:
        """Return a plan of an update with the other effects of a save."""
        for step, change in zip(plan.steps, plan.changes, strict=True):
            planned, body = t.cast("Row", plan.record), t.cast("Row", step.body)
            body["publish"] = publish
            step.extract_object = _reader_of_response(planned)
            if "settings" in change.after:
                before, after = change.before["settings"] or {}, change.after["settings"]
                change.before["settings"] = self._names.add_names(before, after)
                change.after["settings"] = self._names.add_names(after, before)
            if current.get("publish") and not publish:
                change.before["publish"], change.after["publish"] = True, False
            planned.update(dict.fromkeys(_UNKNOWN), publish=publish)
            if not publish:
                planned["latest_published_version_id"] = current.get("latest_published_version_id")
            plan.effects = [Effect(self.kind, current["id"], {**current, **body})]
            step.find_rival = functools.partial(self._find_version_between, current)
        return plan

    def plan_merge(self, params: Params, rival: Row, step: Step) -> Plan:
        """Return the plan that applies a task again to the last version of another client, which it replaced. The plan
        has no request if the version has the same content as the one of the task."""
        if params["version"] == PREVIOUS:
            # The version before is another one now. A restored version replaces the changes of other clients anyway.
            return Plan(None)
        if paths := self.view.mismatches(version_kind(self.kind), rival):
            raise InvalidParameter(f"Esper returned an unexpected type for {', '.join(paths)}.")
        # The version of the task lacks the changes of the other client, even if that one has all values of the task.
        self._is_merge = True
        plan = super().plan_merge(params, rival, step)
        if all(each.body == resolve_unknowns(step.body) for each in plan.steps):
            return Plan(plan.record)
        for each in plan.steps:
            each.find_rival = functools.partial(self._find_version_between, step.response or {})
        return plan

    def _find_version_between(self, read: Row, saved: Row) -> Row | None:
        """Return the last version that another client saved after the task read the blueprint, None if there is none.
        The task replaced its settings."""
        version = self.lookup.version_between(read, saved)
        return None if version is None else {**read, **version}

    def readable_changes(self, changes: t.Sequence[ObjectDiff]) -> list[ObjectDiff]:
        """Return changes with the names of apps, content files and other objects in place of their IDs."""
        return [self._readable(change) for change in super().readable_changes(changes)]

    def _readable(self, change: ObjectDiff) -> ObjectDiff:
        before, after = change.before.get("settings") or {}, change.after.get("settings") or {}
        if not change.after:
            # Planning a deletion needs no names.
            with contextlib.suppress(ApiError):
                before = self._names.add_names(before)
        before, after = without_ids(SETTINGS, before, after)
        return replace(change, before=_with_settings(change.before, before), after=_with_settings(change.after, after))

    # --- restore ------------------------------------------------------------------------------------------------------

    def _plan_restore(self, current: Row, params: Params) -> Plan:
        """Return the plan that restores the settings of a version and publishes them: no request, or one PUT."""
        if params["version"] == PREVIOUS:
            version = self.lookup.previous_version(current)
        else:
            version = self.lookup.version_of(current, params["version"])
        settings = version.get("settings") or {}
        options = {**params, "settings": None, "publish": True}
        # A comparison by field would ignore settings that are unknown to this collection.
        if comparison.is_same(current.get("settings") or {}, settings):
            return self._complete_save(super().plan_update(current, options), current, publish=True)
        # Masked values count as lost in the version, too, so they are checked here.
        self._check_masked(current, settings, params)
        self._check_mismatches(current, self.kind.fields, replaces=True)
        if paths := self.view.mismatches(version_kind(self.kind), version):
            raise InvalidParameter(
                f"Cannot restore version {params['version']} of the {self.kind.phrase(current)}: Esper returned an"
                f" unexpected type for {', '.join(paths)}."
            )
        other_changes = super().plan_update(current, {**options, "confirm": True})
        record = self.kind.to_result(current)
        after = {**t.cast("Row", other_changes.record), "settings": comparison.to_result(settings), "publish": True}
        writable_fields = [field for field in self.kind.fields if field.writable]
        changed = [field.name for field in writable_fields if record[field.name] != after[field.name]]
        step = Step(
            purpose=f"Restoring version {params['version']} of the {self.kind.phrase(current)}",
            method=self.kind.routes.update,
            path=self.kind.routes.object,
            ids={"id": str(current["id"])},
            body={
                **{field.api_name: after[field.name] for field in writable_fields if after[field.name] is not None},
                "settings": comparison.to_payload(settings),
            },
        )
        before = {**record, "settings": comparison.with_marks(current.get("settings"))}
        change = ObjectDiff(
            self.kind.header(current),
            {name: before[name] for name in changed},
            {name: after[name] for name in changed},
        )
        return self._complete_save(Plan(after, [step], [change]), current, publish=True)

    def _check_masked(self, current: Row, settings: Row, params: Params) -> None:
        """Raise InvalidParameter if the blueprint or a version has masked values, which cannot be restored."""
        masked = [*comparison.masked_paths(current.get("settings")), *comparison.masked_paths(settings)]
        if masked and not params["confirm"]:
            raise InvalidParameter(
                f"Esper masks {', '.join(dict.fromkeys(masked))} of the {self.kind.phrase(current)}, so the module"
                f" cannot restore version {params['version']} with the value. Set confirm to true to restore it without"
                " the value."
            )


def _with_settings(side: Row, settings: Row) -> Row:
    return {**side, "settings": settings} if side.get("settings") else side


def _show_removed(plan: Plan, desired: Row) -> None:
    """Add the names of removed settings and items to the diff, and warn if a whole platform is emptied."""
    for change in plan.changes:
        removed = comparison.removed_paths(*(side.get("settings") or {} for side in (change.before, change.after)))
        if removed:
            change.after["removed"] = {"count": len(removed), "items": removed}
        for platform in [name for name, value in desired.items() if value == {}]:
            lost_paths = [path for path in removed if path.startswith(f"settings.{platform}.")]
            if lost_paths:
                plan.warnings.append(
                    f"The empty dictionary settings.{platform} removes {len(lost_paths)} settings and items of the"
                    f" {change.title}: {', '.join(lost_paths)}."
                )


def _reader_of_response(planned: Row) -> t.Callable[[Row], Row]:
    """Return a function that adds planned values to a response: names in the settings, and missing fields."""

    def extract_object(body: Row) -> Row:
        resolved = resolve_unknowns(planned.get("settings") or {})
        return {**planned, **body, "settings": with_planned_names(body.get("settings", resolved) or {}, resolved)}

    return extract_object
