# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for uploads, replacements and deletions of pictures. Esper cannot change a picture.

A replacement uploads the new picture and then deletes the old one. If the task is interrupted between both, the next
one finds the new picture by its bytes, and deletes the old one.
"""

from __future__ import annotations

import functools
import typing as t
from pathlib import Path

from ..base.checksums import sha256_of
from ..base.errors import InvalidParameter, NotFound
from ..base.row import Params, Row
from ..base.text import composed
from ..engine.planner import Planner
from ..model.plan import Effect, ObjectDiff, Plan
from ..model.unknowns import KnownAfterApply
from .content_file import flaw_of_name
from .file_checksum import checksum_in, missing_file
from .linked_file import has_name
from .picture import PictureKind
from .picture_lookup import PictureLookup, age, wanted_checksum

if t.TYPE_CHECKING:
    from ..engine.tenant_view import TenantView


class PicturePlanner(Planner):
    """Plans uploads, replacements and deletions of pictures."""

    kind: PictureKind

    def __init__(self, view: TenantView, kind: PictureKind) -> None:
        super().__init__(view, kind)

    @property
    def lookup(self) -> PictureLookup:
        """The lookup of the kind."""
        return PictureLookup(self.view, self.kind)

    # --- upload -------------------------------------------------------------------------------------------------------

    def plan_create(self, params: Params) -> Plan:
        """Return the plan that uploads a picture."""
        kind, lookup, name = self.kind, self.lookup, self.lookup.name_in(params)
        if params.get("id") is not None:
            raise NotFound(kind.title, str(params["id"]), lookup.names())
        if params.get("src") is None and (checksum := checksum_in(params)) is not None:
            raise missing_file(lookup.phrase(params), checksum)
        if params.get("src") is None:
            raise NotFound(kind.title, lookup.task_key(params), lookup.names(), "Set src to upload it.")
        if flaw := flaw_of_name(name):
            raise InvalidParameter(f"Invalid name '{name}' of a {kind.title}: it {flaw}.")
        # Esper would remove the marks of a decomposed name.
        plan = super().plan_create({**params, "name": composed(name)} if kind.has_file_name else params)
        (step,) = plan.steps
        earlier = {str(row[kind.id_key]) for row in lookup.candidates(params)}
        row = {**step.body.fields, kind.link_key: name}
        step.purpose = f"Uploading the {kind.phrase(row)}"
        step.find_existing = lambda _body: next(iter(lookup.new_pictures(params, earlier)), None)
        step.find_duplicate = lambda created: self._find_duplicate(created, params, earlier)
        shown = {"name": name} if kind.has_file_name else {}
        (change,) = plan.changes
        plan.changes = [ObjectDiff(kind.header(row), {}, {**shown, **change.after})]
        (effect,) = plan.effects
        plan.effects = [Effect(kind, effect.id, {**row, kind.id_key: effect.id})]
        plan.record = {**(plan.record or {}), **shown}
        return plan

    def _find_duplicate(self, created: Row, params: Params, earlier: t.Container[str]) -> Row | None:
        """Return the same picture that another client uploaded at the same time and before, None if there is none.

        Warn if Esper changed the picture, because the next run would not recognize it.
        """
        if params.get("compare_content", True):
            self._check_upload(created, params)
        rows = self.lookup.named(self.lookup.new_pictures(params, earlier), params)
        return next((row for row in rows if age(row) < age(created)), None)

    def _check_upload(self, created: Row, params: Params) -> None:
        kind, name = self.kind, self.lookup.name_in(params)
        if self.lookup.checksum_of(created) in ("", sha256_of(Path(params["src"]))):
            return
        if kind.has_file_name and not has_name(self.lookup.link_of(created), name):
            advice = f"The next run cannot recognize the {kind.title}. Set id to {created[kind.id_key]}, and omit src."
        else:
            advice = "The next run would replace it. Set compare_content to false."
        self.view.warn(f"Esper changed the bytes of the {kind.title} '{name}' in the upload. {advice}")

    # --- update -------------------------------------------------------------------------------------------------------

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan that replaces a picture if it differs. Raise InvalidParameter if the task does not allow
        that."""
        kind = self.kind
        compared = self.compare(current, self.desired(params))
        differing = [field.name for field in kind.fields if compared[field.name].differs]
        if fixed := [name for name in differing if name in kind.scope]:
            raise InvalidParameter(
                f"The {self._identified(current)} has another {' and '.join(fixed)}, which Esper cannot change. Correct"
                f" the ID or {' and '.join(fixed)}."
            )
        source = Path(params["src"]) if params.get("src") is not None else None
        wanted = wanted_checksum(params)
        if wanted and self._has_other_bytes(current, wanted):
            if source is None:
                raise missing_file(
                    self._identified(current), wanted, f"Esper has the checksum {self.lookup.checksum_of(current)}. "
                )
            differing.append("src")
        if differing:
            self._check_own(current, "replace")
        if not differing:
            plan = Plan(kind.to_result(current))
        elif kind.replace_option and not params.get(kind.replace_option):
            raise InvalidParameter(
                f"Cannot change {' and '.join(differing)} of the {self._identified(current)}, because Esper accepts"
                f" this only in an upload. Set {kind.replace_option}=true to upload a new {kind.title} and delete this"
                " one."
            )
        elif source is None:
            raise InvalidParameter(
                f"Cannot change {' and '.join(differing)} of the {self._identified(current)} without its file. Set src."
            )
        else:
            plan = self._plan_replacement(current, params, differing)
        if wanted and params.get("id") is None:
            plan.deferred_parts.append(
                functools.partial(self._plan_former, current=current, params=params, wanted=wanted)
            )
        return plan

    def _has_other_bytes(self, row: Row, wanted: str) -> bool:
        """Return whether a picture has another SHA-256 checksum. Raise InvalidParameter if nobody knows."""
        checksum = self.lookup.checksum_of(row)
        if not checksum:
            raise InvalidParameter(
                f"Esper returned no link to the {self._identified(row)}, so the module cannot compare its bytes. Set"
                " compare_content to false."
            )
        return checksum != wanted

    def _plan_replacement(self, current: Row, params: Params, differing: list[str]) -> Plan:
        kind, record = self.kind, self.kind.to_result(current)
        omitted = [field.name for field in kind.fields if field.writable and params.get(field.name) is None]
        kept = {name: record[name] for name in omitted if record[name] is not None}
        plan = self.plan_create({**params, **kept, "id": None})
        before, after = {name: record.get(name) for name in differing}, {name: params.get(name) for name in differing}
        if "src" in differing:
            del before["src"], after["src"]
            before["checksum"] = self.lookup.checksum_of(current)
            after["checksum"] = sha256_of(Path(params["src"]))
        plan.changes = [ObjectDiff(kind.header(current), before, after)]
        plan.steps.append(self.delete_step(current))
        # The effect on the object of the task is the last one.
        plan.effects.insert(0, Effect(kind, current[kind.id_key], None))
        # Other objects of the same task can use the new picture instead.
        plan.deferred_parts.append(lambda plan: plan.relies_on.extend(self.check_guards(current, params)))
        return plan

    def _plan_former(self, plan: Plan, current: Row, params: Params, wanted: str) -> None:
        """Add the deletion of earlier versions of a picture, which an interrupted task left. Warn if one is kept."""
        kind, lookup = self.kind, self.lookup
        others = [
            row
            for row in lookup.named(lookup.candidates(params), params)
            if row[kind.id_key] != current[kind.id_key]
            and not isinstance(row[kind.id_key], KnownAfterApply)
            and lookup.link_of(row)
        ]
        same = lookup.with_bytes(others, wanted)
        for row in [row for row in others if row not in same]:
            if kind.replace_option and not params.get(kind.replace_option):
                self.view.warn(
                    f"The {self._identified(row)} is kept, although its bytes differ. Set {kind.replace_option}=true to"
                    " delete it."
                )
                continue
            try:
                deletion = self.plan_delete(row, params)
            except InvalidParameter as error:
                self.view.warn(f"The {self._identified(row)} is kept, although its bytes differ. {error}")
                continue
            plan.steps += deletion.steps
            plan.changes += deletion.changes
            plan.effects += deletion.effects
            plan.relies_on += deletion.relies_on

    # --- delete -------------------------------------------------------------------------------------------------------

    def plan_delete(self, current: Row, params: Params) -> Plan:
        """Return the plan that deletes a picture. Raise InvalidParameter if it is in use, or belongs to Esper."""
        self._check_own(current, "delete")
        return super().plan_delete(current, params)

    def deletion_diff(self, current: Row) -> ObjectDiff:
        diff = super().deletion_diff(current)
        shown = {"name": self.kind.name_of(current)} if self.kind.has_file_name else {}
        return ObjectDiff(diff.title, {**shown, **diff.before}, {})

    def _check_own(self, current: Row, verb: str) -> None:
        if not self.kind.is_own(current):
            raise InvalidParameter(f"Cannot {verb} the {self._identified(current)}, because Esper supplies it.")

    def _identified(self, row: Row) -> str:
        return f"{self.kind.phrase(row)} (ID {row[self.kind.id_key]})"
