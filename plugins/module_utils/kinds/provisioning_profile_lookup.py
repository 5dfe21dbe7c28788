# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup of provisioning profiles by name and bundle ID, which a task has in its options or in its file."""

from __future__ import annotations

from pathlib import Path

from ..base.errors import InvalidParameter
from ..base.ids import is_uuid
from ..base.mobileprovision import ProfileFile, read_profile
from ..base.row import Params, Row
from ..base.text import composed
from ..engine.lookup import Lookup


class ProvisioningProfileLookup(Lookup):
    """Finds provisioning profiles."""

    def task_key(self, params: Params) -> str:
        """Return the name and the bundle ID, or the ID."""
        if params.get("id") is not None:
            return str(params["id"])
        target = with_file(params)
        return f"{target['name']} ({target['app_identifier']})" if target["app_identifier"] else str(target["name"])

    def key_of(self, row: Row) -> str:
        return f"{self.kind.name_of(row)} ({row.get('app_identifier')})"

    def find(self, params: Params) -> Row | None:
        """Return the profile that the options of a task select, or None. Raise Ambiguous or InvalidParameter."""
        if params.get("id") is not None:
            return self.find_by_id(str(params["id"]))
        target = with_file(params)
        name, bundle_id = target["name"], (target.get("app_identifier") or "").strip()
        file = file_of(params)
        # Only a file has the ID of the team. Esper need not return it.
        teams = ("", None, file.team_identifier) if file is not None and file.team_identifier else ()
        existing = self.view.list_objects(self.kind, {"app_identifier": bundle_id} if bundle_id else None)
        unchanged = [
            row
            for row in existing
            if self.view.planned_object(self.kind, row["id"]) is None and not self.view.is_deleted(self.kind, row["id"])
        ]
        rows = [
            row
            for row in (*unchanged, *self.view.planned(self.kind))
            if composed(str(row.get("name") or "")).strip() == composed(name).strip()
            and bundle_id in ("", row.get("app_identifier"))
            and (not teams or row.get("team_identifier") in teams)
        ]
        advice = "Use the ID." if bundle_id else "Also set app_identifier, or use the ID."
        found = self.one_or_none(rows, name, advice)
        # A name can also be an ID.
        return self.find_by_id(name.strip()) if found is None and is_uuid(name.strip()) else found


def file_of(params: Params) -> ProfileFile | None:
    """Return the properties of the file of a task, None if it has none or the file is not a provisioning profile.

    Raise InvalidParameter if it cannot be read.
    """
    return None if params.get("src") is None else read_profile(Path(params["src"]))


def with_file(params: Params) -> Params:
    """Return the options, completed from the file. Raise InvalidParameter if they contradict it, or if neither has the
    name and the bundle ID."""
    if params.get("src") is None:
        return params
    path, file = params["src"], file_of(params)
    if file is None:
        if params.get("id") is None and (params.get("name") is None or params.get("app_identifier") is None):
            raise InvalidParameter(
                f"The file '{path}' is not a provisioning profile (.mobileprovision) that the module can read. Correct"
                " src, or set name and app_identifier."
            )
        return params
    found = {"name": file.name.strip(), "app_identifier": file.app_identifier}
    wrong = [key for key, value in found.items() if params.get(key) is not None and params[key].strip() != value]
    if wrong:
        differences = " and ".join(f"{key} {found[key]}, not {params[key]}" for key in wrong)
        raise InvalidParameter(f"The file '{path}' has {differences}. Correct the options, or omit them.")
    return {**params, **found}
