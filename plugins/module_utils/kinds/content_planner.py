# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for changes of content files.

An upload always creates another content file, even with the same name, and the bytes of one cannot be changed. A
replacement uploads the new file and deletes the old content file.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

from ..base.checksums import checksum_like, size_of
from ..base.errors import InvalidParameter, NotFound
from ..base.row import Params, Row
from ..base.text import composed
from ..engine.planner import Planner, in_use
from ..http.forms import Form
from ..model.plan import Effect, ObjectDiff, Plan, Step
from ..model.unknowns import KnownAfterApply
from .blueprint_list import BLUEPRINTS
from .blueprint_usage import Usage
from .content_file import flaw_of_name, has_bytes_of, name_in, source_of
from .content_lookup import ContentLookup
from .upload import time_limit_of


class ContentPlanner(Planner):
    """Plans uploads, replacements, changes of properties and deletions of content files."""

    @property
    def lookup(self) -> ContentLookup:
        """The lookup of the kind."""
        return ContentLookup(self.view, self.kind)

    # --- create and update --------------------------------------------------------------------------------------------

    def plan_create(self, params: Params) -> Plan:
        """Return the plan that uploads a file, and then sets its properties."""
        kind, source, name = self.kind, source_of(params), name_in(params)
        if params.get("id") is not None:
            raise NotFound(kind.title, str(params["id"]))
        if source is None:
            raise NotFound(kind.title, name, self.lookup.names(), "Set src to upload it.")
        desired = self.desired(params)
        self.compare({}, desired)  # Validates the properties.
        steps, effect = self._upload(params, source, desired)
        after = {"name": name, "size": size_of(source), **desired}
        return Plan(
            {**dict.fromkeys(field.name for field in kind.fields), "tags": [], **after},
            steps,
            [ObjectDiff(f"{kind.title} {name}", {}, after)],
            effects=[effect],
        )

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan that sets the properties of a content file, or replaces it if the file has other bytes."""
        source, old_name, name = source_of(params), self.kind.name_of(current), name_in(params)
        if source is None and composed(name) not in ("", composed(old_name)):
            raise InvalidParameter(
                f"Cannot rename the {self.kind.phrase(current)} to '{name}'. Set src to upload it with that name."
            )
        if source is None or (name == old_name and has_bytes_of(current, source)):
            plan = super().plan_update(current, params)
        else:
            plan = self._plan_replacement(current, params, source)
        if source is not None and params.get("id") is None:
            plan.warnings += self._warnings_of_others(current, name)
        return plan

    def _warnings_of_others(self, current: Row, name: str) -> list[str]:
        others = [str(row["id"]) for row in self.lookup.find_by_name(name) if row["id"] != current["id"]]
        if not others:
            return []
        return [
            f"Other content files have the same name '{name}' as the one with ID {current['id']}: {', '.join(others)}."
            " If an interrupted task uploaded them, delete them by ID."
        ]

    def _plan_replacement(self, current: Row, params: Params, source: Path) -> Plan:
        kind = self.kind
        record, desired, name = kind.to_result(current), self.desired(params), name_in(params)
        unchanged = {field.name: record[field.name] for field in kind.fields if field.writable and record[field.name]}
        steps, effect = self._upload(params, source, {**unchanged, **desired})
        new = {"name": name, **unchanged, **desired, "size": size_of(source)}
        if checksum := checksum_like(record["checksum"], source):
            new["checksum"] = checksum
        differing = [name for name, field in self.compare(current, new).items() if not field.matches]
        before, after = ({field: values[field] for field in differing} for values in (record, new))
        return Plan(
            {**dict.fromkeys(record), "tags": [], **new},
            [*steps, self.delete_step(current)],
            [ObjectDiff(kind.header(current), before, after)],
            deferred_warnings=[lambda: self._warning_of_outdated_blueprints(current)],
            related={"blueprints": _related_blueprints(self.lookup.usage(current))},
            effects=[effect, Effect(kind, current[kind.id_key], None)],
        )

    def _warning_of_outdated_blueprints(self, replaced: Row) -> str:
        """Return a warning about the blueprints that still refer to a replaced content file, "" if none does."""
        usage = self.lookup.usage(replaced)
        return (
            f"{_in_use(replaced, usage)} Its replacement has another ID. Update these blueprints."
            if usage.users
            else ""
        )

    def _upload(self, params: Params, source: Path, properties: Row) -> tuple[list[Step], Effect]:
        """Return the steps that upload a file and then set its properties, which the upload does not accept, and their
        effect. Raise InvalidParameter if Esper rejects the file."""
        kind, lookup, name = self.kind, self.lookup, name_in(params)
        if flaw := flaw_of_name(name):
            raise InvalidParameter(f"Invalid name '{name}' of a {kind.title}: it {flaw}.")
        if not size_of(source):
            raise InvalidParameter(f"Cannot upload '{source}': the file is empty, and Esper rejects empty files.")
        earlier = {row["id"] for row in lookup.find_by_name(name)}

        def first_new(rows: list[Row]) -> Row | None:
            return next((row for row in rows if row["id"] not in earlier), None)

        def find_uploaded(_body: t.Any) -> Row | None:
            return first_new(lookup.with_bytes(name, source))

        def find_oldest_upload(created: Row) -> Row | None:
            """Return the oldest of several concurrent uploads. All clients keep that one."""
            return first_new(lookup.older_copies(created))

        upload = Step(
            purpose=f"Uploading the {kind.title} '{name}'",
            method="POST",
            path=f"{kind.routes.list}upload/",
            body=Form(files={"key": source}, names={"key": name}),
            find_existing=find_uploaded,
            find_duplicate=find_oldest_upload,
            time_limit=time_limit_of(params),
        )
        body = {field.api_name: properties[field.name] for field in kind.fields if properties.get(field.name)}
        describe = Step(
            purpose=f"Updating the {kind.title} '{name}'",
            method="PATCH",
            path=kind.routes.object,
            ids={"id": KnownAfterApply(upload, kind.id_key)},
            body=body,
        )
        identifier = KnownAfterApply(upload, kind.id_key)
        row = {kind.id_key: identifier, kind.name_key: name, "size": str(size_of(source)), **body}
        return [upload, describe] if body else [upload], Effect(kind, identifier, row)

    # --- delete -------------------------------------------------------------------------------------------------------

    def plan_delete(self, current: Row, params: Params) -> Plan:
        """Return the plan that deletes a content file. Raise InvalidParameter if blueprints use it, unless ``force`` is
        set."""
        usage = self.lookup.usage(current)
        if usage.users and not params["force"]:
            raise InvalidParameter(f"{_in_use(current, usage)} Remove it from there first, or set force=true.")
        plan = super().plan_delete(current, params)
        plan.related["blueprints"] = _related_blueprints(usage)
        if usage.users:
            plan.warnings.append(f"{_in_use(current, usage)} It is deleted because of force=true.")
        if not params["force"]:
            plan.relies_on += [(BLUEPRINTS, blueprint_id) for blueprint_id in usage.former]
        return plan


def _in_use(row: Row, usage: Usage) -> str:
    return in_use(f"content file '{row.get('name')}' (ID {row['id']})", map(str, usage.users))


def _related_blueprints(usage: Usage) -> list[Row]:
    """Return the blueprints that use a content file, for the return value."""
    return [{"id": user.id, "name": user.name} for user in usage.users]
