# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for uploads, changes and deletions of versions of apps for Apple and Windows."""

from __future__ import annotations

import typing as t

from ..base.errors import EsperError
from ..base.row import Params, Row
from ..http.forms import Form
from ..model.plan import Plan, Step
from ..model.unknowns import KnownAfterApply
from .app_version import path_of
from .app_version_planner import VersionPlanner
from .tenant_app_artifacts import add_artifacts, check_artifacts
from .tenant_app_list import PATH, devices_of_version, read_version
from .tenant_app_lookup import TenantAppLookup


class TenantAppPlanner(VersionPlanner):
    """Plans uploads, changes and deletions of versions. Esper cannot delete apps, only all of their versions."""

    rank_title = "version number"

    @property
    def lookup(self) -> TenantAppLookup:
        """The lookup of the kind."""
        return TenantAppLookup(self.view, self.kind)

    def prefetch(self, several: t.Sequence[Params]) -> None:
        """Read the versions of the apps in a task, and those that the task has with their checksums, several at a
        time."""
        super().prefetch(several)
        apps = [self._app_or_none(params) for params in several]
        self.read_each(list({app["id"]: app for app in apps if app is not None}.values()), self.lookup.versions_of)
        found = filter(None, map(self._find_or_none, several))
        existing = [row for row in found if not isinstance(row["id"], KnownAfterApply)]
        self.read_each(existing, lambda row: self.read_whole(row, {}))

    def _app_or_none(self, params: Params) -> Row | None:
        """Return the app that a task selects. The plan of an app that cannot be found fails with the error."""
        try:
            return self.lookup.find_app(self.lookup.with_file(params))
        except EsperError:
            return None

    def plan(self, params: Params, current: Row | None) -> Plan:
        """Return the plan for a version or an app. Raise InvalidParameter if an artifact is invalid."""
        check_artifacts(params)
        return super().plan(params, current)

    def plan_create(self, params: Params) -> Plan:
        """Return the plan that uploads a version, and then its artifacts."""
        plan = super().plan_create(params)
        upload = plan.steps[0]
        ids = {"app_id": KnownAfterApply(upload, "app_id"), "id": KnownAfterApply(upload, "id")}
        add_artifacts(plan, {"id": ids["id"]}, ids, params, is_new=True)
        return plan

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan that sets the description of a version, and uploads and deletes its artifacts."""
        plan = super().plan_update(current, params)
        add_artifacts(plan, self.read_whole(current, params), self.version_ids(current), params, is_new=False)
        return plan

    # --- of this API --------------------------------------------------------------------------------------------------

    def app_values(self, target: Params) -> Row:
        """Return the properties of the app that an upload creates."""
        return {"platform": target["platform"], "package_name": target["package_name"]}

    def upload_form(self, target: Params) -> tuple[str, Form]:
        """Return the path and the body of an upload."""
        return PATH, Form(fields={"platform": target["platform"]}, files={"file": path_of(target["src"])})

    def uploaded_versions(self, body: Row, target: Params) -> list[Row] | None:
        """Return the uploaded version, None if the response does not have its IDs. It is read, because the response has
        neither its name nor its code."""
        if not body.get("id") or not body.get("version_id"):
            return None
        self.view.invalidate(self.kind)
        known = {"app_id": body["id"], "id": body["version_id"], "version_name": target["version_name"]}
        package = body.get("package_name") or target["package_name"]
        return [read_version(self.view, {**known, "platform": target["platform"], "package_name": package}, self.kind)]

    def read_whole(self, version: Row, params: Params) -> Row:
        """Return a version with its checksum, which the list does not have."""
        return read_version(self.view, version, self.kind)

    def device_count(self, version: Row) -> int:
        """Return the number of devices that have a version."""
        return len(devices_of_version(self.view, version))

    def app_deletion_steps(self, app: Row, versions: list[Row], *, force: bool) -> list[Step]:
        """Return the deletion of an app with all of its versions: one request for each."""
        return [self.delete_step(row, force=force) for row in versions]
