# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for uploads, changes and deletions of versions of Android apps, in both families of the Esper API."""

from __future__ import annotations

import typing as t

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..engine.planner import planner_of
from ..http.forms import Form
from ..model.conform import to_rows
from ..model.plan import Step
from .app_list import APPS, LEGACY, V1, VERSION, with_app
from .app_lookup import AppVersionLookup
from .app_version import path_of
from .app_version_planner import VersionPlanner, in_use_error

if t.TYPE_CHECKING:
    from ..http.responses import Response

_INSTALLED = ("installed_count",)
# The properties of a version that v1 accepts.
_V1_ACCEPTS = frozenset({"release_name", "is_default", "approval_status"})


class AppVersionPlanner(VersionPlanner):
    """Plans uploads, changes and deletions of versions, and deletions of whole apps."""

    rank_title = "version code"
    advice_on_rank = " (set version_code)"
    advice_on_app = "or set force=true if only devices use it"
    update_path = LEGACY + VERSION

    @property
    def lookup(self) -> AppVersionLookup:
        """The lookup of the kind."""
        return AppVersionLookup(self.view, self.kind)

    def upload_form(self, target: Params) -> tuple[str, Form]:
        """Return the path and the body of an upload."""
        return LEGACY + "upload/", Form(files={"app_file": path_of(target["src"])})

    def uploaded_versions(self, body: Row, target: Params) -> list[Row] | None:
        """Return the versions of the app in the response to an upload, None if it has none."""
        app = body.get("application")
        return [with_app(app, row) for row in to_rows(app.get("versions"))] if isinstance(app, dict) else None

    def read_whole(self, version: Row, params: Params) -> Row:
        """Return a version with all of its properties, unless the known ones show that nothing has to be changed."""
        return version if self._is_up_to_date(version, params) else self.lookup.read_whole(version)

    def _is_up_to_date(self, current: Row, params: Params) -> bool:
        """Return whether the known properties of a version show that nothing has to be changed."""
        desired = self.desired(params)
        compared = self.compare(current, desired)
        return "hash_string" in current and all(
            field.api_name in current and not compared[field.name].differs
            for field in self.kind.fields
            if field.name in desired
        )

    def address(self, step: Step, current: Row) -> None:
        """Address the update of a version to its family. Raise InvalidParameter if that does not accept it."""
        is_in_legacy = self.lookup.is_in_legacy(current)
        step.path = (LEGACY if is_in_legacy else V1) + VERSION
        rejected = set() if is_in_legacy else step.body.keys() - _V1_ACCEPTS
        if rejected:
            names = sorted(field.name for field in self.kind.fields if field.api_name in rejected)
            raise InvalidParameter(
                f"Cannot set {' and '.join(names)} of the {self.kind.phrase(current)}: Esper does not accept them for"
                " such apps, for example those from Google Play."
            )

    def device_count(self, version: Row) -> int:
        """Return the number of devices that have a version. Raise InvalidParameter if it could not be read."""
        self._check_readable(version, _INSTALLED)
        return self.lookup.read_whole(version).get("installed_count") or 0

    def app_deletion_steps(self, app: Row, versions: list[Row], *, force: bool) -> list[Step]:
        """Return the deletion of an app with all of its versions: one request."""
        return [planner_of(self.view, APPS).delete_step(app)]

    def delete_step(self, current: Row, *, force: bool = False) -> Step:
        """Return the deletion of a version. If the version is in use, Esper returns HTTP 200 and expects a second
        request."""
        step = super().delete_step(current)
        step.next_step = lambda answer: self._confirmation(answer, current, force=force)
        return step

    def _confirmation(self, answer: Response, version: Row, *, force: bool) -> Step | None:
        """Return the second request, None if it is not necessary. Raise InvalidParameter if the version is in use."""
        if answer.status != 200:
            return None
        body = answer.body if isinstance(answer.body, dict) else {}
        if force and body.get("request_id"):
            step = self.delete_step(version)
            step.query = {"request_id": body["request_id"]}
            return step
        users = [f"the template '{template.get('name')}'" for template in body.get("templates") or []]
        raise in_use_error(self.kind.phrase(version), users or ["unknown objects"], "or set force=true")
