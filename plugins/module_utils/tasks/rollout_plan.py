# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that decides the waves of a rollout, and starts, continues or reverts it in the state.

Based on /v2/devices/ and /v2/blueprints/ with its versions (v2.yaml). The module sends GET requests only: the module
blueprint publishes versions, and rollout_wave converges devices.

Choice: a blueprint has the target of the rollout if its latest published version has the same settings as the version
of the rollout, or the app version of the rollout in its settings for Android. The version to restore is then
the newest published version that does not have the target.
"""

from __future__ import annotations

import itertools
import typing as t
from datetime import datetime, tzinfo

from ..base.errors import InvalidParameter, InvalidValues, NotFound
from ..base.row import Params, Row
from ..base.text import counted, listed
from ..base.times import format_utc, now, parse_time
from ..engine.tenant_view import TenantView
from ..kinds.blueprint import BLUEPRINT
from ..kinds.blueprint_catalog import CATALOGS, Catalog
from ..kinds.blueprint_comparison import is_same as has_same_settings
from ..kinds.blueprint_history import VERSION_FILTER, VersionFilter, version_filter
from ..kinds.blueprint_list import list_versions
from ..kinds.blueprint_lookup import BlueprintLookup
from ..model.module_spec import NO_DIFF, ModuleSpec, Option, Support, Value
from ..rollout.calendar import start_of
from ..rollout.state import (
    FINAL,
    STATUSES,
    WAVE_STATUSES,
    StateStore,
    check_same,
    is_same,
    new_state,
    new_wave,
    next_wave,
    set_status,
    target_text,
)
from ..rollout.waves import Division, Wave, WaveDevices, default_seed
from ..task import ModuleDefinition, ModuleResult, RunContext
from .blueprint_versions import PublishedVersions, assigned_blueprint, current_blueprint, current_version
from .rollouts import (
    ROLLOUT_OPTIONS,
    ROLLOUT_RULES,
    Definition,
    Targets,
    definition_of,
    divide_targets,
    limits_of,
    read_blueprints,
    read_targets,
    store_of,
    tenant_of,
)

STEPS = ("start", "continue", "revert", "done")
_SHOWN_NAMES = 20


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    definition = definition_of(params)
    if params["release_only"]:
        store = store_of(view, params, context)
        store.release()
        return ModuleResult({"changed": False, **_UNKNOWN, "is_predicted": context.check_mode, "run_id": store.run})
    # Another run can have the lease for a while.
    view.client.extend(params["lease"])
    blueprints = read_blueprints(view, params)
    store = store_of(view, params, context)
    if params["published"] or params["direction"] == "back":
        state = store.resume()
        if state is None:
            raise InvalidParameter(
                "There is no state of a rollout. First, run the task without published and direction."
            )
        return _plan(view, params, context, definition, blueprints, store, state)
    state = store.claim()
    try:
        return _plan(view, params, context, definition, blueprints, store, state)
    except BaseException:
        # The run has not started, so the next one need not wait.
        store.release()
        raise


def _plan(
    view: TenantView,
    params: Params,
    context: RunContext,
    definition: Definition,
    blueprints: list[Row],
    store: StateStore,
    state: Row | None,
) -> ModuleResult:
    """Plan the rollout, and save its state. ``state`` is None if there is none."""
    same: dict[str, t.Any] = {"tenant": tenant_of(view), "blueprints": blueprints, "target": definition.target}
    published = _Published(view, blueprints, definition.target)
    if state is not None:
        state = _same_rollout(view, state, params, published, same)
    if state is not None and (params["published"] or params["direction"] == "back"):
        return _record(view, params, context, state, published, store)
    is_new = state is None
    if state is None:
        published.check_drafts()
        seed = params["seed"] or default_seed((row["name"] for row in blueprints), definition.target)
        state = new_state(**{**same, "blueprints": published.records()}, seed=seed, waves=(), started_at=now())
    targets = read_targets(view, blueprints, definition.waves, context)
    limits = limits_of(state, definition.waves)
    # Devices can move and enroll while a rollout is in progress.
    unchanged = _unchanged_waves(state, definition.waves)
    are_changed = not len(unchanged) == len(definition.waves) == len(state["waves"])
    division = divide_targets(
        view,
        targets,
        definition.waves,
        state["seed"],
        limits=limits,
        # What the user changed during a rollout is validated as at its start.
        is_strict=is_new or (state["status"] not in (*FINAL, "reverting") and are_changed),
        lenient=unchanged,
    )
    if is_new and published.is_everywhere() and not _outdated(state, targets):
        # A tenant that is already in the desired state needs no rollout, nor a state.
        store.release()
        devices = _devices(view, "done", state, definition, targets, division)
        return _result(view, context, "done", state, published, store, **devices)
    if is_new:
        _keep_complete(view, state, targets)
    if state["status"] not in FINAL:
        _update_waves(state, division)
    step = _STEP_OF_STATUS.get(state["status"], "start" if is_new else "continue")
    if step == "continue":
        _check_published(state, published)
    if step != "done":
        store.save(state)
    if params["release"] or step == "done":
        store.release()
    devices = _devices(view, step, state, definition, targets, division)
    return _result(view, context, step, state, published, store, **devices)


_STEP_OF_STATUS = {"completed": "done", "reverted": "done", "reverting": "revert"}


def _keep_complete(view: TenantView, state: Row, targets: Targets) -> None:
    """Mark the blueprints that had the target before the rollout, and whose devices all run it: the rollout changes
    nothing there, so going back must not do so either. Warn about those with outdated devices.

    Choice: with outdated devices, the version is one that somebody published for this rollout, or the state of an
    earlier run is lost. So going back includes them.
    """
    outdated = {assigned_blueprint(targets.rows[id_]) for id_ in _outdated(state, targets)}
    for row in state["blueprints"]:
        if row["new_version_id"] is None:
            continue
        row["kept"] = row["id"].lower() not in outdated
        if not row["kept"] and row["former_version_id"] is not None:
            view.warn(
                f"The blueprint '{row['name']}' already has {target_text(state['target'])}: its version"
                f" {row['new_number']} is published, but not all devices run it. If the rollout goes back, all of them"
                f" get the settings of version {row['former_number']}."
            )


def _record(
    view: TenantView, params: Params, context: RunContext, state: Row, published: _Published, store: StateStore
) -> ModuleResult:
    """Record what was published, or that the rollout goes back. Needs no devices."""
    step = "continue"
    if params["direction"] == "back":
        step = _go_back(state, params["reason"])
    if params["published"]:
        _record_published(state, published)
        step = _STEP_OF_STATUS.get(state["status"], "continue")
    if step != "done":
        store.save(state)
    if params["release"] or step == "done":
        store.release()
    return _result(view, context, step, state, published, store)


def _same_rollout(
    view: TenantView, state: Row, params: Params, published: _Published, same: dict[str, t.Any]
) -> Row | None:
    """Return the state of a rollout that goes on, None if a new one starts. Raise InvalidParameter if another one is in
    progress, or if the rollout was reverted."""
    if params["published"] or params["direction"] == "back":
        check_same(state, **same)
        return state
    if params["restart"]:
        return None
    if not is_same(state, **same) and (state["status"] in FINAL or _has_not_begun(view, state, same["tenant"])):
        return None
    check_same(state, **same)
    if state["status"] == "reverted":
        reason = state["reason"] or "The reason is not known."
        raise InvalidParameter(
            f"The rollout of {target_text(state['target'])} went back: {reason} Roll out another version, or set"
            " restart to true to try this one again."
        )
    if state["status"] == "completed" and not published.is_as_in(state):
        # Another version was published after the rollout, so there is a reason for a new one.
        return None
    return state


def _has_not_begun(view: TenantView, state: Row, tenant: str) -> bool:
    """Return whether nothing of a rollout was published, so that another one can replace it. A run can have been killed
    before it recorded what it published."""
    if state["status"] != "planned" or state["tenant"] != tenant:
        return False
    versions = PublishedVersions(view)
    try:
        return all(
            row["new_version_id"] is None
            and str(versions.latest(row["id"]) or "").lower() == str(row["former_version_id"] or "").lower()
            for row in state["blueprints"]
        )
    except NotFound:
        # A blueprint was deleted.
        return False


def _go_back(state: Row, reason: str | None) -> str:
    """Change the state to one that goes back, and return the step."""
    if state["status"] == "reverted":
        return "done"
    for row in state["blueprints"]:
        if row["kept"]:
            row |= {"restored_version_id": row["new_version_id"], "restored_number": row["new_number"]}
    unknown = [
        f"'{row['name']}'"
        for row in state["blueprints"]
        if row["former_version_id"] is None and row["restored_version_id"] is None
    ]
    if unknown:
        raise InvalidParameter(
            f"Cannot go back: no other version of {listed(unknown)} was published before. Publish one, or roll out"
            " another version."
        )
    if state["status"] != "reverting":
        set_status(state, "reverting", reason=reason or state["reason"])
    return "revert"


def _record_published(state: Row, published: _Published) -> None:
    """Record the versions that were published for the rollout, or to go back. Raise InvalidParameter if a blueprint has
    none, or another one than before."""
    is_back = state["status"] == "reverting"
    kind = "restored" if is_back else "new"
    if not is_back:
        _check_published(state, published)
    for row in state["blueprints"]:
        latest = published.latest(row["id"])
        if latest is None:
            raise InvalidParameter(f"The blueprint '{row['name']}' has no published version. Publish one.")
        # Otherwise, the rollout would bring a version to the devices that nobody named.
        if is_back and latest["version_id"] == row["new_version_id"] and not row["kept"]:
            raise InvalidParameter(
                f"The latest published version of the blueprint '{row['name']}' is still"
                f" {latest['version_number']}, that of the rollout. Publish the earlier version first."
            )
        if not is_back and not published.has_target(row["id"]):
            raise InvalidParameter(
                f"The latest published version of the blueprint '{row['name']}', {latest['version_number']}, does not"
                f" have {target_text(state['target'])}. Publish a version that has it, and record it again."
            )
        if not is_back and row["new_version_id"] is None and latest["version_id"] == row["former_version_id"]:
            # It had the target before the rollout.
            row |= published.record(row["id"], has_target=True)
        row |= {f"{kind}_version_id": latest["version_id"], f"{kind}_number": latest["version_number"]}
    if state["status"] in ("planned", "paused", "failed"):
        set_status(state, "running")


def _check_published(state: Row, published: _Published) -> None:
    """Raise InvalidParameter if somebody else published a version during a rollout."""
    for row in state["blueprints"]:
        latest = published.latest(row["id"]) or {"version_id": None, "version_number": "none"}
        if row["new_version_id"] not in (None, latest["version_id"]):
            raise InvalidParameter(
                f"Another version of the blueprint '{row['name']}' was published during the rollout: the latest is"
                f" {latest['version_number']}, that of the rollout is {row['new_number']}. Find out who published it."
                " Then set restart to true to start again."
            )


def _unchanged_waves(state: Row, waves: t.Iterable[Wave]) -> list[str]:
    """Return the names of the waves that have the same selectors in a state."""
    known = {row["name"]: row.get("selectors") for row in state["waves"]}
    return [wave.name for wave in waves if known.get(wave.name) == wave.selectors]


def _update_waves(state: Row, division: Division) -> None:
    """Replace the waves in a state by those of a task. Waves that started keep their part of the state.

    Raise InvalidParameter if the task does not have a wave that started, or has it in another place.
    """
    known = {row["name"]: row for row in state["waves"]}
    started = [row["name"] for row in state["waves"] if row["status"] != "pending"]
    names = [each.wave.name for each in division.waves]
    if names[: len(started)] != started:
        shown = listed([f"'{name}'" for name in started])
        raise InvalidParameter(
            f"The waves {shown} of the rollout started, so they must be the first ones in waves, in this order. Change"
            " only later waves, or set restart to true to start again."
        )
    changed = [
        f"'{each.wave.name}'"
        for each in division.waves[: len(started)]
        # A state of an earlier version of the collection does not have them.
        if known[each.wave.name].get("selectors", each.wave.selectors) != each.wave.selectors
    ]
    if changed:
        raise InvalidParameter(
            f"The selectors of {listed(changed)} changed, but the wave started. Restore them, and select other devices"
            " in a later wave, or set restart to true to start again."
        )
    state["waves"] = [{**known.get(each.wave.name, new_wave({})), **_part_of(each)} for each in division.waves]


def _part_of(each: WaveDevices) -> Row:
    return {
        "name": each.wave.name,
        "percent": each.wave.percent,
        "hash_limit": each.hash_limit,
        "selectors": each.wave.selectors,
    }


class _Published:
    """The published versions of the blueprints of a rollout."""

    def __init__(self, view: TenantView, blueprints: t.Iterable[Row], target: Row) -> None:
        self._view = view
        self._lookup = BlueprintLookup(view, BLUEPRINT)
        self._target = target
        self._blueprints = {row["id"]: row for row in blueprints}
        self._drafts: dict[str, Row] = {}
        self._versions = {id_: self._read(row) for id_, row in self._blueprints.items()}
        self._filter: VersionFilter | None = None
        self._missing_app: str | None = None
        # A version that does not exist is an error before the first change.
        self._desired = {} if target.get("app") else {id_: self._version(row) for id_, row in self._blueprints.items()}

    def _read(self, blueprint: Row) -> list[Row]:
        purpose = f"Reading the versions of the {BLUEPRINT.phrase(blueprint)}"
        rows = list_versions(self._view, blueprint, kind=BLUEPRINT, purpose=purpose)
        published = [row for row in rows if row.get("publish")]
        if rows and not rows[0].get("publish"):
            self._drafts[str(blueprint["id"])] = rows[0]
        latest = str(blueprint.get("latest_published_version_id") or "").lower()
        # The list is sorted, but the blueprint says which one counts.
        return sorted(published, key=lambda row: str(row["version_id"]).lower() != latest) if latest else published

    def _version(self, blueprint: Row) -> Row:
        return self._lookup.version_of(blueprint, str(self._target["version"]))

    def latest(self, blueprint_id: str) -> Row | None:
        """Return the latest published version of a blueprint, None if there is none."""
        return next((_identity(row) for row in self._versions[blueprint_id]), None)

    def has_target(self, blueprint_id: str) -> bool:
        """Return whether the latest published version of a blueprint has the target."""
        rows = self._versions[blueprint_id]
        return bool(rows) and self._has_target(blueprint_id, rows[0])

    def missing_app(self, state: Row) -> str | None:
        """Return why the app version cannot be published. None if it can, or is published."""
        if self._target.get("app") and any(row["new_version_id"] is None for row in state["blueprints"]):
            self._filter = self._filter or self._app_filter()
        return self._missing_app

    def check_drafts(self) -> None:
        """Raise InvalidValues if the rollout would publish changes that somebody saved as a draft, but did not publish:
        a new version of a blueprint has the settings of its last version, with the app version.

        Choice: a draft that has the app version was made for this rollout.
        """
        errors = []
        for id_, draft in self._drafts.items() if self._target.get("app") else ():
            rows = self._versions[id_]
            if not rows or self.has_target(id_) or self._has_target(id_, draft):
                continue
            one, other = (
                self._lookup.version_of(self._blueprints[id_], str(row["version_id"])) for row in (rows[0], draft)
            )
            if not has_same_settings(one.get("settings") or {}, other.get("settings") or {}):
                name, number = BLUEPRINT.name_of(self._blueprints[id_]), rows[0].get("version_number")
                errors.append(
                    f"The blueprint '{name}' has a draft after its published version {number}, which the rollout would"
                    f" publish too. Publish the draft, or publish version {number} again to discard it"
                )
        if errors:
            raise InvalidValues(errors)

    def is_everywhere(self) -> bool:
        """Return whether the latest published version of each blueprint has the target."""
        return all(self.has_target(id_) for id_ in self._versions)

    def is_as_in(self, state: Row) -> bool:
        """Return whether the versions of a rollout are still the latest published ones."""
        return all(
            (self.latest(row["id"]) or {}).get("version_id") == row["new_version_id"] for row in state["blueprints"]
        )

    def records(self) -> list[Row]:
        """Return the blueprints for the state of a rollout that starts."""
        return [self.record(id_, has_target=self.has_target(id_)) for id_ in self._versions]

    def record(self, blueprint_id: str, *, has_target: bool) -> Row:
        """Return a blueprint for the state. If it has the target, the version to restore is one without."""
        rows: t.Iterable[Row] = self._versions[blueprint_id]
        new = self.latest(blueprint_id) if has_target else None
        if has_target:
            rows = itertools.islice(rows, 1, None)
            rows = (row for row in rows if not self._has_target(blueprint_id, row))
        former = next((_identity(row) for row in rows), None)
        return {
            "id": blueprint_id,
            "name": BLUEPRINT.name_of(self._blueprints[blueprint_id]),
            "former_version_id": None if former is None else former["version_id"],
            "former_number": None if former is None else former["version_number"],
            "new_version_id": None if new is None else new["version_id"],
            "new_number": None if new is None else new["version_number"],
        }

    def _has_target(self, blueprint_id: str, version: Row) -> bool:
        if blueprint_id in self._desired:
            desired = self._desired[blueprint_id]
            if desired["version_id"] == version["version_id"]:
                return True
            whole = self._lookup.version_of(self._blueprints[blueprint_id], str(version["version_id"]))
            return has_same_settings(whole.get("settings") or {}, desired.get("settings") or {})
        self._filter = self._filter or self._app_filter()
        # An app that Esper does not have yet matches no version.
        if self._filter.app_ids is None and self._filter.version_ids is None:
            return False
        whole = self._lookup.version_of(self._blueprints[blueprint_id], str(version["version_id"]))
        return self._filter.matches(whole)

    def _app_filter(self) -> VersionFilter:
        app = self._target["app"]
        options = {option.name: None for option in VERSION_FILTER.options}
        try:
            found = version_filter(
                self._view, {**options, "package_name": app["package_name"], "version_name": app["version_name"]}
            )
        except NotFound as error:
            self._missing_app = str(error)
            return VersionFilter({})
        if not app.get("version_code"):
            return found
        catalog = Catalog(self._view, CATALOGS["android"])
        named = [
            version
            for app_id in found.app_ids or ()
            for version in catalog.versions(app_id)
            if str(version.id) in (found.version_ids or ())
        ]
        ids = frozenset(str(version.id) for version in named if str(version.code) == str(app["version_code"]))
        if not ids:
            codes = listed([str(version.code) for version in named])
            self._missing_app = f"{target_text(self._target)} was not found. The version has the codes {codes}."
            return VersionFilter({})
        return VersionFilter({}, found.app_ids, ids)


def _identity(version: Row) -> Row:
    return {"version_id": str(version["version_id"]).lower(), "version_number": version.get("version_number")}


# --- the result -------------------------------------------------------------------------------------------------------


def _outdated(state: Row, targets: Targets) -> set[str]:
    """Return the IDs of the devices that do not run the version of a rollout, which can be unpublished."""
    key = "restored_version_id" if state["status"] in ("reverting", "reverted") else "new_version_id"
    versions = {row["id"]: row[key] for row in state["blueprints"] if row[key] is not None}
    return {id_ for id_, row in targets.rows.items() if versions.get(current_blueprint(row)) != current_version(row)}


def _devices(
    view: TenantView, step: str, state: Row, definition: Definition, targets: Targets, division: Division
) -> Row:
    """Return the part of the result about devices."""
    statuses = {row["name"]: row["status"] for row in state["waves"]}
    default, zone = "passed" if step == "done" else "pending", definition.calendar.zone
    outdated = _outdated(state, targets)
    waves = [
        _wave_row(each, statuses.get(each.wave.name, default), outdated, _start_of(each.wave, state, zone))
        for each in division.waves
    ]
    if division.left_over and step != "done":
        names = listed([device.label for device in division.left_over])
        view.warn(f"{counted(len(division.left_over))} in no wave: {names}.")
    return {
        "device_count": len(targets.devices),
        "outdated_count": len(outdated),
        "waves": waves,
        "notes": division.notes,
    }


def _result(
    view: TenantView,
    context: RunContext,
    step: str,
    state: Row,
    published: _Published,
    store: StateStore,
    **devices: t.Any,
) -> ModuleResult:
    result = {
        "changed": False,
        "step": step,
        "next": None if step in ("done", "revert") else next_wave(state),
        "is_published": all(row["new_version_id"] is not None for row in state["blueprints"]),
        "is_predicted": context.check_mode,
        "missing_app": published.missing_app(state),
        **devices,
        "rollout": state,
        "run_id": store.run,
    }
    return ModuleResult(result)


def _wave_row(each: WaveDevices, status: str, outdated: set[str], start: datetime | None) -> Row:
    online = sum(device.is_online for device in each.devices)
    return {
        "name": each.wave.name,
        "status": status,
        "devices": len(each.devices),
        "online": online,
        "offline": len(each.devices) - online,
        "outdated": sum(device.id in outdated for device in each.devices),
        "names": sorted(device.label for device in each.devices)[:_SHOWN_NAMES],
        "not_before": None if start is None else format_utc(start),
        "soak": each.wave.soak,
    }


def _start_of(wave: Wave, state: Row, zone: tzinfo) -> datetime | None:
    started_at = parse_time(str(state["started_at"]))
    if wave.not_before is None or started_at is None:
        return None
    return start_of(wave.not_before, started_at, zone)


def _words(choices: t.Iterable[str]) -> str:
    return f"one of {', '.join(f'V({each})' for each in choices)}"


# The return values if the module does not plan.
_UNKNOWN: t.Mapping[str, t.Any] = {
    "step": None,
    "next": None,
    "is_published": False,
    "is_predicted": True,
    "missing_app": None,
    "device_count": 0,
    "outdated_count": 0,
    "waves": [],
    "notes": [],
    "rollout": {},
    "run_id": None,
}
_WITH_DEVICES = "unless O(published=true) or O(direction=back)"
_BLUEPRINT_VALUES = (
    Value("id", "ID of the blueprint.", sample="8d1f0c0e-5a77-4dd1-9a3c-26b9e3f0a7e2"),
    Value("name", "Name of the blueprint.", sample="Point of Sale"),
    Value(
        "former_version_id",
        "ID of the version before the rollout, null if there is none.",
        sample="1a1f0d3c-5a77-4dd1-9a3c-26b9e3f0a7e2",
    ),
    Value("former_number", "Its number.", type="int", sample=7),
    Value("new_version_id", "ID of the version of the rollout, null until it is published.", sample=None),
    Value("new_number", "Its number.", type="int", sample=None),
    Value(
        "restored_version_id",
        "ID of the version that has the settings of the version before, null unless the rollout went back.",
        sample=None,
    ),
    Value("restored_number", "Its number.", type="int", sample=None),
    Value(
        "kept",
        "Whether the blueprint had the target before the rollout, and all of its devices ran it. Then going back does"
        " not change it.",
        type="bool",
        sample=False,
    ),
)
_STATE_VALUE = Value(
    "rollout",
    "State of the rollout, the same as in O(state_path).",
    type="dict",
    contains=(
        Value("format", "Version of the format.", type="int", sample=1),
        Value("id", "ID of the rollout.", sample="0b6e2a39-9f0c-4f0a-8a57-5a0b6f1a3c11"),
        Value(
            "status", f"Status of the rollout: one of {', '.join(f'V({each})' for each in STATUSES)}.", sample="running"
        ),
        Value("reason", "Reason for which the rollout failed or went back, otherwise null.", sample=None),
        Value(
            "target", "Version that is rolled out, as in O(app) or O(version).", type="dict", sample={"version": "12"}
        ),
        Value("started_at", "Time of the start.", sample="2026-05-04T22:00:00Z"),
        Value("blueprints", "Blueprints of the rollout.", type="list", elements="dict", contains=_BLUEPRINT_VALUES),
        Value(
            "waves",
            "Waves with their times, readings and gates, and the devices that failed.",
            type="list",
            elements="dict",
            sample=[{"name": "Lab", "status": "passed", "failed_count": 0}],
        ),
    ),
)

ROLLOUT_PLAN = ModuleDefinition(
    "rollout_plan",
    ModuleSpec(
        short_description="Plan a staged rollout to Esper devices",
        description=(
            "Decides which devices belong to which wave of a rollout, and validates the calendar and the gates. Keeps"
            " the state of the rollout in a file. The role C(rollout) uses this module.",
            "Changes nothing in Esper. M(esper.cloud.blueprint) publishes the version, and M(esper.cloud.rollout_wave)"
            " converges the devices.",
            "A device belongs to the first wave that selects it. Devices that are in no wave are an error.",
            "If the state has the same rollout, the module continues it. Waves that started keep their devices.",
            "Devices of a blueprint that converge during the rollout for another reason, such as new devices, can get"
            " the new version before their wave.",
        ),
        options=(
            *ROLLOUT_OPTIONS,
            Option(
                "published",
                "If V(true), the task before published the version of the rollout, or the earlier version to go back."
                " The module records the latest published version of each blueprint in the state. It fails if this"
                " version does not have O(app) or O(version).",
                type="bool",
                default=False,
            ),
            Option(
                "direction",
                "V(back) changes the state to one that goes back. A task of the same run must have claimed the state"
                " before.",
                choices=("forward", "back"),
                default="forward",
            ),
            Option("reason", "Reason for O(direction=back), for the state and the report."),
            Option(
                "restart",
                "If V(true), the module forgets the state of an earlier rollout and starts a new one. Ignored with"
                " O(published=true) and O(direction=back).",
                type="bool",
                default=False,
            ),
            Option(
                "release",
                "If V(true), the next run need not wait, because this task is the last one of the run.",
                type="bool",
                default=False,
            ),
            Option(
                "release_only",
                "If V(true), the module only releases the rollout, because another task of the run failed. It sends no"
                " request, and returns no state. Requires O(run_id).",
                type="bool",
                default=False,
            ),
        ),
        rules={**ROLLOUT_RULES, "required_if": [("release_only", True, ("run_id",))]},
        returns=(
            Value(
                "step",
                f"Next step of the rollout: {_words(STEPS)}.",
                sample="start",
            ),
            Value("next", "Name of the next wave, null if all are over or the rollout goes back.", sample="Lab"),
            Value(
                "is_published",
                "Whether the version of the rollout is published in all blueprints.",
                type="bool",
                sample=False,
            ),
            Value(
                "is_predicted",
                "Whether the task ran in check mode, so the state is not saved and nothing must be published.",
                type="bool",
                sample=False,
            ),
            Value(
                "missing_app",
                "Reason why the version of O(app) cannot be published before it is uploaded. Null if the tenant has it,"
                " if it is published already, or if O(version) is set.",
                sample=None,
            ),
            Value("device_count", "Number of devices of the rollout.", type="int", returned=_WITH_DEVICES, sample=300),
            Value(
                "outdated_count",
                "Number of devices that do not run the version of the rollout, or the restored version.",
                type="int",
                returned=_WITH_DEVICES,
                sample=300,
            ),
            Value(
                "waves",
                "Waves of the rollout.",
                type="list",
                returned=_WITH_DEVICES,
                elements="dict",
                contains=(
                    Value("name", "Name of the wave.", sample="Lab"),
                    Value(
                        "status",
                        f"Status of the wave: {_words(WAVE_STATUSES)}.",
                        sample="pending",
                    ),
                    Value("devices", "Number of its devices.", type="int", sample=4),
                    Value("online", "Number of its online devices.", type="int", sample=3),
                    Value("offline", "Number of its other devices.", type="int", sample=1),
                    Value("outdated", "Number of its outdated devices.", type="int", sample=4),
                    Value(
                        "names",
                        f"Names of the first {_SHOWN_NAMES} devices.",
                        type="list",
                        elements="str",
                        sample=["OUW-MDJ-00001"],
                    ),
                    Value("not_before", "Earliest time of the wave in UTC, or null.", sample="2026-05-04T22:00:00Z"),
                    Value("soak", "Time to wait after the devices converged, in seconds.", type="float", sample=3600.0),
                ),
            ),
            Value(
                "notes",
                "Sentences about waves without devices.",
                type="list",
                returned=_WITH_DEVICES,
                elements="str",
                sample=["The wave 'A tenth' has no devices: those of earlier waves are 10 % already."],
            ),
            _STATE_VALUE,
            Value("run_id", "Text that identifies the run, for O(run_id) of later tasks.", sample="till-2.1.0"),
        ),
        check_mode=Support("full", "Decides the waves, and neither claims nor writes the state."),
        diff_mode=NO_DIFF,
        notes=("The file of the state has a second file next to it, which ends in C(.lock). Do not delete it.",),
        seealso=("rollout_wave", "rollout_report", "blueprint", "converge"),
    ),
    _run,
    unknown={**_UNKNOWN, "notes": ["The waves are not known in check mode, because an option is null."]},
)
