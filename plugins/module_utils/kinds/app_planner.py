# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for uploads, changes and deletions of app versions.

A version that devices have installed is in use, like one that a blueprint has.
"""

from __future__ import annotations

import functools
import typing as t

from ..base.errors import InvalidParameter, NotFound
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.planner import Planner, in_use, planner_of
from ..http.forms import Form
from ..model.compare import Comparison
from ..model.conform import to_rows
from ..model.plan import Effect, ObjectDiff, Plan, Step
from ..model.unknowns import KnownAfterApply
from .app_list import APPS, LEGACY, V1, VERSION, app_of, label_of, version_number, with_app
from .app_lookup import AppVersionLookup
from .app_package import IDENTITY, check_bytes, matches_target, path_of, target_label, with_package
from .blueprint_list import BLUEPRINTS
from .blueprint_usage import Usage
from .upload import time_limit_of

if t.TYPE_CHECKING:
    from ..http.responses import Response

_INSTALLED = ("installed_count",)
_SET_SRC = "Set src to upload it."
# The properties of a version that v1 accepts.
_V1_ACCEPTS = frozenset({"release_name", "is_default", "approval_status"})


class AppVersionPlanner(Planner):
    """Plans uploads, changes and deletions of versions, and deletions of whole apps."""

    @property
    def lookup(self) -> AppVersionLookup:
        """The lookup of the kind."""
        return AppVersionLookup(self.view, self.kind)

    # --- upload -------------------------------------------------------------------------------------------------------

    def plan_create(self, params: Params) -> Plan:
        """Return the plan that uploads a version, and then sets its properties."""
        target = with_package(params)
        app = self.lookup.find_app(target)
        if not target["src"]:
            raise self._not_found(app, target)
        desired = self.desired(params)
        upload = Step(
            purpose=f"Uploading the app '{target_label(target)}'",
            method="POST",
            path=LEGACY + "upload/",
            body=Form(files={"app_file": path_of(target["src"])}),
            find_existing=lambda _body: self._find_same(params),
            extract_object=lambda body: _extract_upload(body, target),
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
        plan.changes.append(ObjectDiff(f"app {target_label(target)}", {}, shown))
        if app is None:
            plan.effects.append(Effect(APPS, app_id, {"id": app_id, "package_name": target["package_name"]}))
        version = {
            "id": KnownAfterApply(upload, "id"),
            "app_id": app_id,
            "package_name": target["package_name"],
            "version_code": target["version_name"],
            "build_number": target["version_code"],
            "is_g_play": False,
        }
        plan.effects.append(Effect(self.kind, version["id"], version))
        if app and params["keep_versions"] is not None:
            plan.deferred_parts.append(
                functools.partial(
                    self._plan_removals, app=app, code=target["version_code"], params=params, own_id=version["id"]
                )
            )
        return plan

    def _update_step(self, upload: Step, target: Params, compared: dict[str, Comparison]) -> Step:
        """Return the request that sets the properties of an uploaded version. The upload accepts the file only."""
        return Step(
            purpose=f"Updating the app '{target_label(target)}'",
            method="PATCH",
            path=LEGACY + VERSION,
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
            check_bytes(row, params["src"])
        return row

    def _not_found(self, app: Row | None, target: Params) -> NotFound:
        if app is None:
            names = map(APPS.name_of, self.view.list_objects(APPS))
            return NotFound(self.kind.title, target["id"] or target["package_name"], names, _SET_SRC)
        available = map(label_of, self.lookup.versions_of(app))
        label = target_label({**target, "package_name": app["package_name"]})
        return NotFound(self.kind.title, label, available, _SET_SRC)

    # --- update -------------------------------------------------------------------------------------------------------

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan that sets the properties of a version, and removes old versions of its app."""
        if not self._is_up_to_date(current, params):
            current = self.lookup.read_whole(current)
        check_bytes(current, params["src"])
        plan = super().plan_update(current, params)
        for step in plan.steps:
            self._address_step(step, current)
        if params["keep_versions"] is not None:
            code = version_number(current.get("build_number"))
            plan.deferred_parts.append(
                functools.partial(self._plan_removals, app=app_of(current), code=code, params=params)
            )
        return plan

    def _is_up_to_date(self, current: Row, params: Params) -> bool:
        """Return whether the known properties of a version show that nothing has to be changed."""
        desired = self.desired(params)
        compared = self.compare(current, desired)
        return "hash_string" in current and all(
            field.api_name in current and not compared[field.name].differs
            for field in self.kind.fields
            if field.name in desired
        )

    def _address_step(self, step: Step, current: Row) -> None:
        """Address the update of a version to its family. Raise InvalidParameter if that does not accept it."""
        is_in_legacy = self.lookup.is_in_legacy(current)
        step.path = (LEGACY if is_in_legacy else V1) + VERSION
        step.ids = _version_ids(current)
        step.extract_object = lambda body: {**current, **body}
        rejected = set() if is_in_legacy else step.body.keys() - _V1_ACCEPTS
        if rejected:
            names = sorted(field.name for field in self.kind.fields if field.api_name in rejected)
            raise InvalidParameter(
                f"Cannot set {' and '.join(names)} of the app '{label_of(current)}': Esper does not accept them for"
                " such apps, for example those from Google Play."
            )

    def _plan_removals(self, plan: Plan, *, app: Row, code: t.Any, params: Params, own_id: t.Any = None) -> None:
        """Add the deletion of the versions that are older than those to keep. ``code`` is the version code of the task,
        and ``own_id`` the ID of the version that it uploads."""
        for row in self._outdated_versions(app, code, params["keep_versions"], own_id):
            usage, users = Usage(), list[str]()
            if not params["force"]:
                usage = self.lookup.usage_of_version(row, shared=True)
                users = _user_phrases(usage, self._installed_count(row))
            if users:
                plan.warnings.append(
                    f"The app '{label_of(row)}' is kept, because it is in use by {' and '.join(users)}."
                )
            else:
                plan.steps.append(_delete_version_step(row, params["force"]))
                plan.changes.append(self.deletion_diff(row))
                plan.effects.append(Effect(self.kind, row["id"], None))
                plan.relies_on += [(BLUEPRINTS, blueprint_id) for blueprint_id in usage.former]

    def _outdated_versions(self, app: Row, code: t.Any, keep: int, own_id: t.Any) -> list[Row]:
        """Return the versions of an app that are older than those to keep, the oldest first. Raise InvalidParameter if
        they include one of the task, or if a version code is unknown."""
        package = app["package_name"]
        rows = [row for row in self.lookup.versions_of(app) if not self.view.is_deleted(self.kind, row["id"])]
        rows += [row for row in self.lookup.uploads_of(app) if row["id"] != own_id]
        by_code = {version_number(row.get("build_number")): row for row in rows}
        unclear = [label_of(row) for row_code, row in by_code.items() if not isinstance(row_code, int)]
        if unclear or not isinstance(code, int):
            which = " and ".join(unclear) or "the version of the task (set version_code)"
            raise InvalidParameter(
                f"Cannot determine the newest {keep} versions of the app '{package}': unknown version code of {which}."
            )
        kept = sorted({*by_code, code}, reverse=True)[:keep]
        if code not in kept:
            raise InvalidParameter(
                f"keep_versions {keep} does not keep the version of the task: the app '{package}' has {keep} with"
                f" higher version codes ({', '.join(map(str, kept))}). Increase keep_versions."
            )
        outdated = [row for row_code, row in sorted(by_code.items()) if row_code not in kept]
        for row in outdated:
            if isinstance(row["id"], KnownAfterApply):
                raise InvalidParameter(
                    f"keep_versions {keep} does not keep '{label_of(row)}', which the same task uploads. Increase"
                    " keep_versions."
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
            [_delete_version_step(current, params["force"])],
            [self.deletion_diff(current)],
            effects=[Effect(self.kind, current["id"], None)],
        )
        if not params["force"]:
            usage = self.lookup.usage_of_version(current)
            self._check_readable(current, _INSTALLED)
            if users := _user_phrases(usage, self._installed_count(self.lookup.read_whole(current))):
                raise _in_use(label_of(current), users, "or set force=true")
            plan.relies_on += [(BLUEPRINTS, blueprint_id) for blueprint_id in usage.former]
        return plan

    def _plan_deletion_of_app(self, app: Row, params: Params) -> Plan:
        rows, package = self.lookup.versions_of(app), APPS.name_of(app)
        before = {"package_name": package, "versions": [label_of(row) for row in rows]}
        plan = Plan(
            None,
            [planner_of(self.view, APPS).delete_step(app)],
            [ObjectDiff(f"app {package}", before, {})],
            effects=[Effect(APPS, app["id"], None), *(Effect(self.kind, row["id"], None) for row in rows)],
        )
        if not params["force"]:
            usage = self.lookup.usage_of_app(app)
            if users := _user_phrases(usage, sum(map(self._installed_count, rows))):
                raise _in_use(package, users, "or set force=true if only devices use it")
            plan.relies_on += [(BLUEPRINTS, blueprint_id) for blueprint_id in usage.former]
        return plan

    def _installed_count(self, version: Row) -> int:
        """Return the number of devices that have a version. Raise InvalidParameter if it could not be read."""
        self._check_readable(version, _INSTALLED)
        return version.get("installed_count") or 0

    def deletion_diff(self, current: Row) -> ObjectDiff:
        """Return the deletion of a version, for the diff."""
        record = self.kind.to_result(current)
        return ObjectDiff(f"app {label_of(current)}", {name: record[name] for name in IDENTITY}, {})


def _extract_upload(body: Row, target: Params) -> Row | None:
    """Return the version in the response to an upload. Raise InvalidParameter if the file was another version."""
    app = body.get("application")
    if not isinstance(app, dict):
        return None
    rows = [with_app(app, row) for row in to_rows(app.get("versions"))]
    matching = [row for row in rows if row["package_name"] == target["package_name"] and matches_target(row, target)]
    if not matching:
        existing = ", ".join(label_of(row) for row in rows)
        raise InvalidParameter(
            f"The file '{target['src']}' was uploaded, but is not '{target_label(target)}' in Esper, which now has"
            f" {existing}. Correct package_name and version_name, and delete the unwanted version."
        )
    return matching[0]


def _version_ids(version: Row) -> dict[str, str | KnownAfterApply]:
    return {"app_id": str(version["app_id"]), "id": str(version["id"])}


def _user_phrases(usage: Usage, devices: int) -> list[str]:
    """Return the users of an app or a version, each as part of a sentence."""
    return [str(user) for user in usage.users] + ([counted(devices)] if devices else [])


def _in_use(label: str, users: list[str], advice: str) -> InvalidParameter:
    return InvalidParameter(in_use(f"app '{label}'", users) + f" Remove it from there first, {advice}.")


def _delete_version_step(version: Row, force: bool, request_id: str | None = None) -> Step:
    """Return the deletion of a version. If the version is in use, Esper returns HTTP 200 and expects a second
    request."""

    def confirm_deletion(answer: Response) -> Step | None:
        if answer.status != 200:
            return None
        body = answer.body if isinstance(answer.body, dict) else {}
        if force and request_id is None and body.get("request_id"):
            return _delete_version_step(version, force, body["request_id"])
        users = [f"the template '{template.get('name')}'" for template in body.get("templates") or []]
        raise _in_use(label_of(version), users or ["unknown objects"], "or set force=true")

    return Step(
        purpose=f"Deleting the app '{label_of(version)}'",
        method="DELETE",
        path=V1 + VERSION,
        ids=_version_ids(version),
        query={"request_id": request_id},
        next_step=confirm_deletion,
    )
