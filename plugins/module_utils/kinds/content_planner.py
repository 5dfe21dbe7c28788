# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for changes of content files.

An upload always creates another content file, even with the same name, and the bytes of one cannot be changed. A
replacement uploads the new file and deletes the old content file. Before that, it adds a tag to the old one, so the
next task can complete an interrupted replacement: nothing else distinguishes it from two content files of one name.
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
from .content_file import (
    REPLACED,
    flaw_of_name,
    has_bytes_of,
    is_replaced,
    name_in,
    source_of,
    without_mark,
)
from .content_lookup import ContentLookup
from .file_checksum import check_file_of, checksum_in, missing_file
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
        checksum = checksum_in(params)
        if source is None and checksum is not None:
            raise missing_file(f"{kind.title} '{name}'", checksum)
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
        if (checksum := checksum_in(params)) is not None and source is None:
            check_file_of(self.kind.phrase(current), current.get("hash"), checksum)
        replaced = self.lookup.replaced_by(current, params)
        params = _with_properties(params, current, replaced)
        if source is None or (name == old_name and has_bytes_of(current, source)):
            plan = super().plan_update(current, params)
        else:
            plan = self._plan_replacement(current, params, source)
        for row in replaced:
            self._add_deletion(plan, row)
        if source is not None and params.get("id") is None:
            plan.warnings += self._warnings_of_others(current, name)
        return plan

    def _add_deletion(self, plan: Plan, row: Row) -> None:
        """Add the deletion of a replaced content file, which blueprints can still use."""
        plan.steps.append(self.delete_step(row))
        # The effect on the object of the task is the last one.
        plan.effects.insert(0, Effect(self.kind, row[self.kind.id_key], None))
        plan.deferred_warnings.append(lambda: self._warning_of_outdated_blueprints(row))
        plan.deferred_parts.append(lambda plan: self._rely_on_blueprints(plan, row))
        known = plan.related.setdefault("blueprints", [])
        known += [each for each in _related_blueprints(self.lookup.usage(row)) if each not in known]

    def _rely_on_blueprints(self, plan: Plan, row: Row) -> None:
        """Delete a content file only after the same task has removed it from all blueprints as planned."""
        usage = self.lookup.usage(row)
        plan.relies_on += [(BLUEPRINTS, each) for each in (*usage.former, *(user.id for user in usage.users))]

    def _warnings_of_others(self, current: Row, name: str) -> list[str]:
        rows = self.lookup.find_by_name(name)
        others = [str(row["id"]) for row in rows if row["id"] != current["id"] and not is_replaced(row)]
        if not others:
            return []
        return [
            f"Other content files have the same name '{name}' as the one with ID {current['id']}: {', '.join(others)}."
            " If an interrupted task uploaded them, delete them by ID."
        ]

    def _plan_replacement(self, current: Row, params: Params, source: Path) -> Plan:
        kind, row = self.kind, without_mark(current)
        record, desired, name = kind.to_result(row), self.desired(params), name_in(params)
        unchanged = {field.name: record[field.name] for field in kind.fields if field.writable and record[field.name]}
        steps, effect = self._upload(params, source, {**unchanged, **desired})
        if row is current:
            steps.insert(0, self._mark_step(current))
        new = {"name": name, **unchanged, **desired, "size": size_of(source)}
        if checksum := checksum_like(record["checksum"], source):
            new["checksum"] = checksum
        differing = [name for name, field in self.compare(row, new).items() if not field.matches]
        before, after = ({field: values[field] for field in differing} for values in (record, new))
        plan = Plan(
            {**dict.fromkeys(record), "tags": [], **new},
            steps,
            [ObjectDiff(kind.header(current), before, after)],
            effects=[effect],
        )
        self._add_deletion(plan, current)
        return plan

    def _mark_step(self, current: Row) -> Step:
        """Return the step that starts a replacement."""
        return Step(
            purpose=f"Marking the {self.kind.phrase(current)} as replaced",
            method="PATCH",
            path=self.kind.routes.object,
            ids=self._ids(current),
            body={"tags": [*(current.get("tags") or ()), REPLACED]},
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
        """Return the plan that deletes a content file, and those that it has replaced. Raise InvalidParameter if
        blueprints use one of them, unless ``force`` is set."""
        plan = self._plan_deletion(current, params)
        for row in self.lookup.replaced_by(current, params):
            other = self._plan_deletion(row, params)
            plan.steps += other.steps
            plan.changes += other.changes
            plan.warnings += other.warnings
            plan.relies_on += other.relies_on
            plan.effects[:0] = other.effects
            plan.related["blueprints"] += [
                each for each in other.related["blueprints"] if each not in plan.related["blueprints"]
            ]
        return plan

    def _plan_deletion(self, current: Row, params: Params) -> Plan:
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


def _with_properties(params: Params, current: Row, replaced: list[Row]) -> Params:
    """Return the options with the properties that an interrupted replacement has not set yet, and without its tag."""
    row, missing = without_mark(current), t.cast("Row", {})
    for other in replaced:
        missing["description"] = row.get("description") or other.get("description") or missing.get("description")
        missing["tags"] = row.get("tags") or without_mark(other)["tags"] or missing.get("tags")
    if row is not current:
        missing["tags"] = missing.get("tags") or row["tags"]
    return {**params, **{name: value for name, value in missing.items() if params.get(name) is None}}


def _in_use(row: Row, usage: Usage) -> str:
    return in_use(f"content file '{row.get('name')}' (ID {row['id']})", map(str, usage.users))


def _related_blueprints(usage: Usage) -> list[Row]:
    """Return the blueprints that use a content file, for the return value."""
    return [{"id": user.id, "name": user.name} for user in usage.users]
