# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for uploads, changes and deletions of the versions of apps: for apps of all platforms.

A version that devices have installed is in use, like one that a blueprint has.
"""

from __future__ import annotations

import functools
import typing as t

from ..base.errors import InvalidParameter, NotFound
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.planner import Planner, in_use
from ..http.forms import Form
from ..model.compare import Comparison
from ..model.plan import Effect, ObjectDiff, Plan, Step
from ..model.unknowns import KnownAfterApply
from .app_version import IDENTITY, check_bytes, key_of, target_label
from .app_version_lookup import VersionLookup
from .blueprint_list import BLUEPRINTS
from .blueprint_usage import Usage
from .file_checksum import checksum_in, missing_file
from .upload import time_limit_of

_SET_SRC = "Set src to upload it."


class VersionPlanner(Planner):
    """Plans uploads, changes and deletions of versions, and deletions of whole apps. Subclasses are for the apps of one
    API."""

    rank_title: str
    """The order of the versions of an app, in a sentence."""
    advice_on_rank: str = ""
    """The advice if the rank of the version of a task is unknown."""
    advice_on_app: str = "or set force=true"
    """The advice if an app to delete is in use."""

    @property
    def lookup(self) -> VersionLookup:
        """The lookup of the kind."""
        return t.cast("VersionLookup", super().lookup)

    # --- upload -------------------------------------------------------------------------------------------------------

    def plan_create(self, params: Params) -> Plan:
        """Return the plan that uploads a version, and then sets its properties."""
        target = self.lookup.with_file(params)
        app, checksum = self.lookup.find_app(target), checksum_in(params)
        if not target["src"] and checksum is not None and target["version_id"] is None:
            raise missing_file(f"{self.kind.title} '{target_label(target)}'", checksum)
        if not target["src"]:
            raise self._not_found(app, target)
        desired = self.desired(params)
        path, form = self.upload_form(target)
        upload = Step(
            purpose=f"Uploading the {self.kind.title} '{target_label(target)}'",
            method="POST",
            path=path,
            body=form,
            find_existing=lambda _body: self._find_same(params),
            extract_object=lambda body: self._extract_upload(body, target),
            time_limit=time_limit_of(params),
        )
        app_id: t.Any = app["id"] if app else KnownAfterApply(upload, "app_id")
        if app and isinstance(app_id, KnownAfterApply):
            # Another upload creates the app. Two at the same time could create it twice.
            upload.after = (app_id.step,)
        plan = Plan(None, [upload])
        if desired:
            plan.steps.append(self._update_step(upload, target, self.compare({}, desired)))
        shown = {**{name: target[name] for name in IDENTITY if target[name] is not None}, **desired}
        plan.record = {**dict.fromkeys(field.name for field in self.kind.fields), **shown, "id": app and app_id}
        plan.changes.append(ObjectDiff(f"{self.kind.title} {target_label(target)}", {}, shown))
        owner = app or {"id": app_id, **self.app_values(target)}
        if app is None:
            plan.effects.append(Effect(self.lookup.apps, app_id, owner))
        version = self.lookup.with_app(
            owner,
            {
                "id": KnownAfterApply(upload, "id"),
                key_of(self.kind, "version_name"): target["version_name"],
                key_of(self.kind, "version_code"): target["version_code"],
            },
        )
        plan.effects.append(Effect(self.kind, version["id"], version))
        if app and params["keep_versions"] is not None:
            plan.deferred_parts.append(
                functools.partial(self._plan_removals, app=app, version=version, params=params, is_new=True)
            )
        return plan

    def _update_step(self, upload: Step, target: Params, compared: dict[str, Comparison]) -> Step:
        """Return the request that sets the properties of an uploaded version. The upload accepts the file only."""
        return Step(
            purpose=f"Updating the {self.kind.title} '{target_label(target)}'",
            method=self.kind.routes.update,
            path=self.update_path,
            ids={"app_id": KnownAfterApply(upload, "app_id"), "id": KnownAfterApply(upload, "id")},
            body={
                field.api_name: compared[field.name].payload
                for field in self.kind.fields
                if compared[field.name].payload is not None
            },
            extract_object=lambda body: {**(upload.response or {}), **body},
        )

    def _find_same(self, params: Params) -> Row | None:
        """Return the version that this upload created, or that another client has created at the same time."""
        row = self.lookup.find(params)
        if row:
            row = self.read_whole(row, params)
            check_bytes(self.kind, row, params)
        return row

    def _extract_upload(self, body: Row, target: Params) -> Row | None:
        """Return the version in the response to an upload. Raise InvalidParameter if the file was another version."""
        rows = self.uploaded_versions(body, target)
        matching = [
            row
            for row in rows or []
            if row["package_name"] == target["package_name"] and self.lookup.matches(row, target)
        ]
        if rows is not None and not matching:
            existing = ", ".join(map(self.kind.name_of, rows))
            raise InvalidParameter(
                f"The file '{target['src']}' was uploaded, but is not '{target_label(target)}' in Esper, which now has"
                f" {existing}. Correct package_name and version_name, and delete the unwanted version."
            )
        return matching[0] if matching else None

    def _not_found(self, app: Row | None, target: Params) -> NotFound:
        apps = self.lookup.apps
        if app is None:
            names = map(apps.name_of, self.view.list_objects(apps))
            return NotFound(self.kind.title, target["id"] or target["package_name"], names, _SET_SRC)
        available = map(self.kind.name_of, self.lookup.versions_of(app))
        label = target_label({**target, "package_name": app["package_name"]})
        return NotFound(self.kind.title, label, available, _SET_SRC)

    # --- update -------------------------------------------------------------------------------------------------------

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan that sets the properties of a version, and removes old versions of its app."""
        current = self.read_whole(current, params)
        check_bytes(self.kind, current, params)
        plan = super().plan_update(current, params)
        for step in plan.steps:
            step.ids = self.version_ids(current)
            step.extract_object = lambda body: {**current, **body}
            self.address(step, current)
        if params["keep_versions"] is not None:
            plan.deferred_parts.append(
                functools.partial(self._plan_removals, app=self.lookup.app_of(current), version=current, params=params)
            )
        return plan

    def _plan_removals(self, plan: Plan, *, app: Row, version: Row, params: Params, is_new: bool = False) -> None:
        """Add the deletion of the versions that are older than those to keep. ``version`` is that of the task, which
        uploads it if ``is_new``."""
        own_id = version["id"] if is_new else None
        for row in self._outdated_versions(app, version, params["keep_versions"], own_id):
            usage, users = Usage(), list[str]()
            if not params["force"]:
                usage = self.lookup.usage_of_version(row, shared=True)
                users = _user_phrases(usage, self.device_count(row))
            if users:
                plan.warnings.append(
                    f"The {self.kind.phrase(row)} is kept, because it is in use by {' and '.join(users)}."
                )
            else:
                plan.steps.append(self.delete_step(row, force=params["force"]))
                plan.changes.append(self.deletion_diff(row))
                plan.effects.append(Effect(self.kind, row["id"], None))
                plan.relies_on += [(BLUEPRINTS, blueprint_id) for blueprint_id in usage.former]

    def _outdated_versions(self, app: Row, version: Row, keep: int, own_id: t.Any) -> list[Row]:
        """Return the versions of an app that are older than those to keep, the oldest first. Raise InvalidParameter if
        they include one of the task, or if the rank of a version is unknown."""
        lookup, apps, own_rank = self.lookup, self.lookup.apps, self.lookup.rank_of(version)
        rows = [row for row in lookup.versions_of(app) if not self.view.is_deleted(self.kind, row["id"])]
        rows += [row for row in lookup.uploads_of(app) if row["id"] != own_id]
        unclear = [self.kind.name_of(row) for row in rows if lookup.rank_of(row) is None]
        if unclear or own_rank is None:
            which = " and ".join(unclear) or f"the version of the task{self.advice_on_rank}"
            raise InvalidParameter(
                f"Cannot determine the newest {keep} versions of the {apps.phrase(app)}: unknown {self.rank_title} of"
                f" {which}."
            )
        labels = {lookup.rank_of(row): lookup.rank_label(row) for row in (*rows, version)}
        kept = sorted(labels, reverse=True)[:keep]
        if own_rank not in kept:
            raise InvalidParameter(
                f"keep_versions {keep} does not keep the version of the task: the {apps.phrase(app)} has {keep}"
                f" with higher {self.rank_title}s ({', '.join(map(labels.__getitem__, kept))}). Increase keep_versions."
            )
        outdated = sorted((row for row in rows if lookup.rank_of(row) not in kept), key=lookup.rank_of)
        for row in outdated:
            if isinstance(row["id"], KnownAfterApply):
                raise InvalidParameter(
                    f"keep_versions {keep} does not keep '{self.kind.name_of(row)}', which the same task uploads."
                    " Increase keep_versions."
                )
        return outdated

    # --- delete -------------------------------------------------------------------------------------------------------

    def plan_delete(self, current: Row, params: Params) -> Plan:
        """Return the plan that deletes a version, or an app with all of its versions. Raise InvalidParameter if it is
        in use."""
        if "app_id" not in current:
            return self._plan_deletion_of_app(current, params)
        plan = Plan(
            None,
            [self.delete_step(current, force=params["force"])],
            [self.deletion_diff(current)],
            effects=[Effect(self.kind, current["id"], None)],
        )
        if not params["force"]:
            usage = self.lookup.usage_of_version(current)
            if users := _user_phrases(usage, self.device_count(current)):
                raise in_use_error(self.kind.phrase(current), users, "or set force=true")
            plan.relies_on += [(BLUEPRINTS, blueprint_id) for blueprint_id in usage.former]
        return plan

    def _plan_deletion_of_app(self, app: Row, params: Params) -> Plan:
        apps, rows = self.lookup.apps, self.lookup.versions_of(app)
        package = apps.name_of(app)
        before = {"package_name": package, "versions": list(map(self.kind.name_of, rows))}
        plan = Plan(
            None,
            self.app_deletion_steps(app, rows, force=params["force"]),
            [ObjectDiff(f"{self.kind.title} {package}", before, {})],
            effects=[Effect(apps, app["id"], None), *(Effect(self.kind, row["id"], None) for row in rows)],
        )
        if not params["force"]:
            usage = self.lookup.usage_of_app(app)
            if users := _user_phrases(usage, sum(map(self.device_count, rows))):
                raise in_use_error(apps.phrase(app), users, self.advice_on_app)
            plan.relies_on += [(BLUEPRINTS, blueprint_id) for blueprint_id in usage.former]
        return plan

    def deletion_diff(self, current: Row) -> ObjectDiff:
        """Return the deletion of a version, for the diff."""
        record = self.kind.to_result(current)
        return ObjectDiff(self.kind.header(current), {name: record[name] for name in IDENTITY}, {})

    def delete_step(self, current: Row, *, force: bool = False) -> Step:
        """Return the deletion of a version. ``force`` is true if the task deletes versions in use."""
        return Step(
            purpose=f"Deleting the {self.kind.phrase(current)}",
            method="DELETE",
            path=self.kind.routes.object,
            ids=self.version_ids(current),
        )

    @staticmethod
    def version_ids(version: Row) -> dict[str, str | KnownAfterApply]:
        """Return the IDs in the path of a version."""
        return {"app_id": str(version["app_id"]), "id": str(version["id"])}

    # --- of each API --------------------------------------------------------------------------------------------------

    @property
    def update_path(self) -> str:
        """The path of an uploaded version."""
        return self.kind.routes.object

    def upload_form(self, target: Params) -> tuple[str, Form]:
        """Return the path and the body of an upload."""
        raise NotImplementedError

    def uploaded_versions(self, body: Row, target: Params) -> list[Row] | None:
        """Return the versions in the response to an upload, None if it has none."""
        raise NotImplementedError

    def app_values(self, target: Params) -> Row:
        """Return the properties of the app that an upload creates."""
        return {"package_name": target["package_name"]}

    def read_whole(self, version: Row, params: Params) -> Row:
        """Return a version that was found with all properties that the task needs."""
        return version

    def address(self, step: Step, current: Row) -> None:
        """Address the update of a version to its part of the API. Raise InvalidParameter if that does not accept it."""

    def device_count(self, version: Row) -> int:
        """Return the number of devices that have a version. Raise InvalidParameter if it could not be read."""
        raise NotImplementedError

    def app_deletion_steps(self, app: Row, versions: list[Row], *, force: bool) -> list[Step]:
        """Return the deletion of an app with all of its versions."""
        raise NotImplementedError


def _user_phrases(usage: Usage, devices: int) -> list[str]:
    """Return the users of an app or a version, each as part of a sentence."""
    return [str(user) for user in usage.users] + ([counted(devices)] if devices else [])


def in_use_error(phrase: str, users: list[str], advice: str) -> InvalidParameter:
    """Return the error that an app or a version is in use."""
    return InvalidParameter(in_use(phrase, users) + f" Remove it from there first, {advice}.")
