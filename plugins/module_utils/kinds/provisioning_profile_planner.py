# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for uploads and deletions of versions of provisioning profiles."""

from __future__ import annotations

import functools
import typing as t
from datetime import datetime, timezone
from pathlib import Path

from ..base.checksums import check_upload, sha256_of
from ..base.errors import InvalidParameter, NotFound
from ..base.ids import normal_id
from ..base.row import Params, Row
from ..base.times import format_utc
from ..engine.planner import Planner, in_use
from ..http.forms import Form
from ..model.plan import Effect, ObjectDiff, Plan, Step
from ..model.unknowns import KnownAfterApply
from .blueprint_list import BLUEPRINTS
from .blueprint_usage import Usage, usage_of
from .file_checksum import checksum_in, missing_file
from .provisioning_profile_lookup import file_of, with_file
from .provisioning_profile_versions import versions_of, with_checksum
from .upload import time_limit_of

_KEYS = ("ios.provisioning_profiles.profile_version_id",)
_FILTER = "settings__ios__provisioning_profile_version_id"


class ProvisioningProfilePlanner(Planner):
    """Plans uploads and deletions of versions."""

    # --- upload -------------------------------------------------------------------------------------------------------

    def plan_create(self, params: Params) -> Plan:
        """Return the plan that uploads the first version of a profile."""
        _check(params)
        target, checksum = with_file(params), checksum_in(params)
        if params.get("id") is None and params.get("src") is None and checksum is not None:
            raise missing_file(self.lookup.phrase(params), checksum)
        if params.get("id") is not None or params.get("src") is None:
            names = map(self.kind.name_of, self.view.list_objects(self.kind))
            key = str(params["id"]) if params.get("id") is not None else self.lookup.task_key(params)
            raise NotFound(self.kind.title, key, names, "Set src to upload it." if params.get("id") is None else "")
        return self._plan_upload({}, target)

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan that uploads a version, unless the profile has it, and deletes old versions."""
        _check(params)
        plan, kept_id, checksum = Plan(self.kind.to_result(current)), "", checksum_in(params)
        if params.get("src") is not None:
            _check_profile(current, params)
            known = with_checksum(versions_of(self.view, current), sha256_of(Path(params["src"])))
            if known is None:
                plan = self._plan_upload(current, {**params, "name": current.get("name")})
            else:
                kept_id = str(known["id"])
                plan.record = {**(plan.record or {}), "version_id": kept_id}
        elif checksum is not None:
            known = with_checksum(versions_of(self.view, current), checksum)
            if known is None:
                raise missing_file(self.kind.phrase(current), checksum)
            plan.record = {**(plan.record or {}), "version_id": str(known["id"])}
        if params.get("keep_versions") is not None:
            plan.deferred_parts.append(
                functools.partial(self._plan_removals, current=current, params=params, kept_id=kept_id)
            )
        return plan

    def _plan_upload(self, current: Row, target: Params) -> Plan:
        kind, path, file = self.kind, Path(target["src"]), file_of(target)
        if file is not None and file.expires is not None and file.expires <= datetime.now(timezone.utc):
            raise InvalidParameter(
                f"The provisioning profile in '{path}' expired on {format_utc(file.expires)}. Download a new one from"
                " Apple."
            )
        check_upload(path)
        row = {**current, "name": target["name"], "app_identifier": target.get("app_identifier")}
        row = {key: current.get(key) if row[key] is None else row[key] for key in row}
        upload = Step(
            purpose=f"Uploading '{path.name}' to the {kind.phrase(row)}",
            method="POST",
            path=kind.routes.list,
            body=Form(files={"file": path}),
            find_existing=lambda _body: self._find_uploaded(target),
            time_limit=time_limit_of(target),
        )
        profile_id: t.Any = current.get("id") or KnownAfterApply(upload, "id")
        after = {"name": row["name"], "app_identifier": row["app_identifier"]}
        shown = {**after, "checksum": sha256_of(path)}
        record = {**dict.fromkeys(field.name for field in kind.fields), **after}
        if current:
            record, shown = {**kind.to_result(current), "version_id": None}, {"checksum": shown["checksum"]}
        return Plan(
            record,
            [upload],
            [ObjectDiff(kind.header(row), {}, shown)],
            effects=[
                Effect(kind, profile_id, {**row, "id": profile_id, "version_id": KnownAfterApply(upload, "version_id")})
            ],
        )

    def _find_uploaded(self, target: Params) -> Row | None:
        """Return the profile with the ID of the version that this task, or another client, has uploaded."""
        profile = self.lookup.find(target)
        if profile is None:
            return None
        found = with_checksum(versions_of(self.view, profile), sha256_of(Path(target["src"])))
        return None if found is None else {**profile, "version_id": found["id"]}

    # --- old versions -------------------------------------------------------------------------------------------------

    def _plan_removals(self, plan: Plan, *, current: Row, params: Params, kept_id: str) -> None:
        """Add the deletion of the versions that expire before those to keep. ``kept_id`` is the version of the task, ""
        if it is uploaded or not set."""
        rows = versions_of(self.view, current)
        others = [row for row in rows if row["id"] != kept_id]
        has_own = params.get("src") is not None
        for row in others[params["keep_versions"] - (1 if has_own else 0) :]:
            usage = Usage() if params["force"] else self._usage(row)
            if usage.users:
                users = " and ".join(map(str, usage.users))
                plan.warnings.append(f"The {self._phrase(current, row)} is kept, because it is in use by {users}.")
                continue
            self._add_deletion(plan, current, row, usage)

    # --- delete -------------------------------------------------------------------------------------------------------

    def plan_delete(self, current: Row, params: Params) -> Plan:
        """Return the plan that deletes the version of the task, or all versions. Raise InvalidParameter if blueprints
        use one of them."""
        if params.get("keep_versions") is not None:
            raise InvalidParameter("keep_versions requires state=present.")
        if params.get("src") is not None:
            _check_profile(current, params)
        rows = versions_of(self.view, current)
        selected = [row for row in rows if _is_selected(row, params)]
        plan = Plan(None)
        if selected == rows:
            plan.effects.append(Effect(self.kind, current[self.kind.id_key], None))
        for row in selected:
            usage = Usage() if params["force"] else self._usage(row)
            if usage.users:
                phrase = self._phrase(current, row)
                raise InvalidParameter(
                    f"{in_use(phrase, map(str, usage.users))} Remove it from there first, or set force=true."
                )
            self._add_deletion(plan, current, row, usage)
        return plan

    def _add_deletion(self, plan: Plan, profile: Row, version: Row, usage: Usage) -> None:
        plan.steps.append(
            Step(
                purpose=f"Deleting the {self._phrase(profile, version)}",
                method="DELETE",
                path=f"{self.kind.routes.object}/versions/{{version_id}}",
                ids={"id": str(profile["id"]), "version_id": str(version["id"])},
            )
        )
        before = {key: version.get(key) for key in ("uuid", "expiration_date")}
        title = f"{self.kind.header(profile)} version {version.get('uuid') or version['id']}"
        plan.changes.append(ObjectDiff(title, before, {}))
        plan.relies_on += [(BLUEPRINTS, each) for each in usage.former]

    def _usage(self, version: Row) -> Usage:
        return usage_of(self.view, version["id"], _KEYS, {_FILTER: version["id"]})

    def _phrase(self, profile: Row, version: Row) -> str:
        return f"version {version.get('uuid') or version['id']} of the {self.kind.phrase(profile)}"


def _check(params: Params) -> None:
    """Raise InvalidParameter if an option does not fit to a task that keeps the profile."""
    keep = params.get("keep_versions")
    if keep is not None and keep < 1:
        raise InvalidParameter(f"Invalid keep_versions {keep}: it must be 1 or more, because the task keeps a version.")
    if params.get("version") is not None:
        raise InvalidParameter("version requires state=absent.")


def _check_profile(current: Row, params: Params) -> None:
    """Raise InvalidParameter if the file belongs to another profile than the one of the ID."""
    file = file_of(params)
    if file is None or params.get("id") is None:
        return
    for title, key in (("bundle ID", "app_identifier"), ("team ID", "team_identifier")):
        own, other = getattr(file, key), current.get(key)
        if own and other not in ("", None, own):
            raise InvalidParameter(
                f"The file '{params['src']}' has the {title} {own}, and the provisioning profile {params['id']} has"
                f" {other}. Correct the ID or src."
            )


def _is_selected(version: Row, params: Params) -> bool:
    """Return whether a version is the one that the options of a task select for deletion."""
    if params.get("src") is not None:
        return str(version.get("sha256_hash")).lower() == sha256_of(Path(params["src"]))
    wanted = params.get("version")
    return wanted is None or normal_id(wanted.strip()) in (normal_id(version["id"]), normal_id(version.get("uuid")))
