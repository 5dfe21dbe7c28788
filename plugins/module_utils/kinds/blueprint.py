# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blueprints: what devices are to be like.

Rests on /v2/blueprints/ of the contract (v2.yaml). Each time a blueprint is saved it gets a new version, which is a
draft unless it is published with it. The service replaces a blueprint by what it is sent; so a change sends all of it,
every platform with the settings that the task does not mention as they are.

What the contract does not tell, and this file therefore chooses: a blueprint is created as a draft and published by a
second write, since only PUT knows `publish`; the versions come in one list, for which no paging is described; a version
that is gone back to is the one that was published under its number.
"""

from __future__ import annotations

import typing as t

from ..base.errors import InvalidParameter, NotFound
from ..base.ids import is_uuid
from ..base.row import Params, Row
from ..base.validators import length
from ..engine.object_cache import References
from ..model.compare import satisfied
from ..model.field import Field
from ..model.module_spec import argument_spec_for, writable
from ..model.plan import Change, Plan, Step
from ..model.unknowns import ResultOf, filled
from .blueprint_list import BLUEPRINTS, BlueprintList
from .blueprint_names import Names, portable, with_names_of
from .blueprint_settings import SETTINGS

# What a save changes that only the service knows.
_UNKNOWN = ("version_id", "version_number", "minor_version_number", "latest_published_version_id", "updated_at")


class Blueprint(BlueprintList):
    update_method = "PUT"
    refers_to = ("app", "content")
    fields = (
        Field("id", writable=False),
        Field("name", normalise=str.strip, check=length(1)),
        Field("description"),
        Field("comments"),
        SETTINGS,
        Field("publish", type="bool"),
        Field("version_id", writable=False),
        Field("version_number", type="int", writable=False),
        Field("minor_version_number", type="int", writable=False),
        Field("latest_published_version_id", writable=False),
        Field("created_at", writable=False),
        Field("updated_at", writable=False),
    )
    options: t.ClassVar = {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "id": {"type": "str"},
        **argument_spec_for(writable(fields)),
        "publish": {"type": "bool", "default": False},
        "exact": {"type": "bool", "default": False},
        "version": {"type": "str"},
        "update_password": {"type": "str", "choices": ["always", "on_create"], "default": "on_create", "no_log": False},
    }
    rules: t.ClassVar = {
        "required_one_of": [("id", "name")],
        "mutually_exclusive": [("version", "settings")],
    }
    info_options: t.ClassVar = {
        "id": {"type": "str"},
        "name": {"type": "str"},
        "names": {"type": "bool", "default": True},
        "versions": {"type": "bool", "default": False},
        "compare": {"type": "list", "elements": "str"},
        "portable": {"type": "bool", "default": False},
    }
    info_rules: t.ClassVar = {"mutually_exclusive": [("id", "name"), ("portable", "compare", "versions")]}

    # --- reading ----------------------------------------------------------------------------------------------------

    def find(self, references: References, params: Params) -> Row | None:
        row = super().find(references, params)
        return None if row is None else self._whole(references, row)

    def _whole(self, references: References, row: Row) -> Row | None:
        """A blueprint of a list. The contract describes it as whole; should it come without settings, it is read."""
        return row if "settings" in row else self.get(references, str(row["id"]))

    def versions_of(self, references: References, blueprint: Row, *, whole: bool = True) -> list[Row]:
        """All versions of a blueprint, the newest first."""
        path = f"{self.item.format(id=blueprint['id'])}versions/"
        purpose = f"Reading the versions of the blueprint '{self.label(blueprint)}'"
        newest_first = {"ordering": "-version_number,-minor_version_number"}
        rows = references.at(path, newest_first, page_size=None, key="version_id", purpose=purpose)
        return [self._whole_version(references, blueprint, row) for row in rows] if whole else rows

    def _whole_version(self, references: References, blueprint: Row, version: Row) -> Row:
        """A version of the list of versions: the same as for blueprints goes for it."""
        if "settings" in version:
            return version
        purpose = f"Reading the version {version['version_id']} of the blueprint '{self.label(blueprint)}'"
        ids = {"id": str(blueprint["id"]), "version_id": str(version["version_id"])}
        return references.client.get_object(f"{self.item}versions/{{version_id}}/", ids=ids, purpose=purpose)

    def version_of(self, references: References, blueprint: Row, wanted: str) -> Row:
        """One version of a blueprint: by its id, or the one that was published under a number. Raises NotFound."""
        rows = self.versions_of(references, blueprint, whole=False)
        published = [row for row in rows if row.get("publish")]
        for row in rows if is_uuid(wanted) else published:
            if wanted.lower() in (str(row.get("version_id")), str(row.get("version_number"))):
                return self._whole_version(references, blueprint, row)
        numbers = ", ".join(str(row.get("version_number")) for row in published) or "none"
        raise NotFound(
            "version", wanted, note=f"The published versions of the blueprint '{self.label(blueprint)}': {numbers}."
        )

    # --- planning ---------------------------------------------------------------------------------------------------

    def desired(self, references: References, params: Params) -> Row:
        desired = super().desired(references, params)
        if not params["publish"]:
            # A task that does not publish says nothing about what is published: an edit makes a draft, by itself.
            desired.pop("publish", None)
        return desired

    def plan_create(self, references: References, params: Params) -> Plan:
        if params["version"] is not None:
            raise NotFound(self.title, params["id"] or params["name"])
        params, _current = self._with_names(Names(references), params, {})
        plan = super().plan_create(references, params)
        (create,) = plan.steps
        body, planned = t.cast("Row", create.body), t.cast("Row", plan.record)
        create.read = _reading(planned)
        if body.pop("publish", False):
            publish = Step(
                purpose=f"Publishing the blueprint '{self.label(body)}'",
                method="PUT",
                path=self.item,
                ids={"id": ResultOf(create, "id")},
                body={**body, "publish": True},
                read=create.read,
                if_created=create,
            )
            plan.steps.append(publish)
        planned["publish"] = params["publish"]
        self._expect(plan, {**body, "id": ResultOf(create, "id")})
        return plan

    def _expect(self, plan: Plan, row: Row) -> None:
        """Have the kinds that blueprints refer to know what it will be like."""
        plan.expected.append((BLUEPRINTS, row))

    def plan_update(self, references: References, current: Row, params: Params) -> Plan:
        if params["version"] is not None:
            return self._plan_return(references, current, params)
        names = Names(references)
        params, current = self._with_names(names, params, current)
        plan = super().plan_update(references, current, params)
        return self._completed(names, plan, current, bool(params["publish"]))

    def _completed(self, names: Names, plan: Plan, current: Row, publishes: bool) -> Plan:
        """A plan of an update, with what a save brings about by itself."""
        for step, change in zip(plan.steps, plan.changes, strict=True):
            planned = t.cast("Row", plan.record)
            t.cast("Row", step.body)["publish"] = publishes
            step.read = _reading(planned)
            if "settings" in change.after:
                before, after = change.before["settings"] or {}, change.after["settings"]
                change.before["settings"] = names.named(before, beside=after)
                change.after["settings"] = names.named(after, beside=before)
            if current.get("publish") and not publishes:
                change.before["publish"], change.after["publish"] = True, False
            planned.update(dict.fromkeys(_UNKNOWN), publish=publishes)
            self._expect(plan, {**current, **t.cast("Row", step.body)})
            if not publishes:
                planned["latest_published_version_id"] = current.get("latest_published_version_id")
        return plan

    def _plan_return(self, references: References, current: Row, params: Params) -> Plan:
        """What it takes to have the settings of a former version again, and published: nothing, or one write."""
        settings = self.version_of(references, current, params["version"]).get("settings") or {}
        # The same settings by their own field would be compared in so far as the collection knows them. What is masked
        # is not compared, and not sent.
        there, wanted = (SETTINGS.rewritten(each, {}) for each in (current.get("settings") or {}, settings))
        same = satisfied(there, wanted) and satisfied(wanted, there)
        plan = super().plan_update(references, current, {**params, "settings": None, "publish": True})
        if same:
            return self._completed(Names(references), plan, current, publishes=True)
        record = self.record(current)
        after = {**t.cast("Row", plan.record), "settings": SETTINGS.read(settings), "publish": True}
        changed = [each for each in self.fields if each.writable and record[each.name] != after[each.name]]
        body = {
            each.api_name: after[each.name] for each in self.fields if each.writable and after[each.name] is not None
        }
        step = Step(
            purpose=f"Going back to version {params['version']} of the blueprint '{self.label(current)}'",
            method=self.update_method,
            path=self.item,
            ids={"id": str(current["id"])},
            body={**body, "settings": SETTINGS.sendable(wanted)},
        )
        change = Change(
            f"{self.title} {self.label(current)}",
            {each.name: record[each.name] for each in changed},
            {each.name: after[each.name] for each in changed},
        )
        lost = [
            f"The service masks {path} of that version, so that it cannot be sent again: give it anew, lest it be lost."
            for path in SETTINGS.masked_in(settings, None)
        ]
        return self._completed(Names(references), Plan(after, [step], [change], lost), current, publishes=True)

    def _with_names(self, names: Names, params: Params, current: Row) -> tuple[Params, Row]:
        if params["settings"] is None:
            return params, current
        given, there = names.resolved(params["settings"], current.get("settings") or {})
        return {**params, "settings": given}, {**current, "settings": there}

    # --- information ------------------------------------------------------------------------------------------------

    def information(self, references: References, params: Params) -> Row:
        if params["compare"] is not None and (len(params["compare"]) != 2 or not (params["id"] or params["name"])):
            raise InvalidParameter("To compare takes one blueprint, by id or name, and two of its versions.")
        rows = self._chosen(references, params)
        names = Names(references)
        if params["portable"]:
            return self._portable(rows, names)
        if params["compare"] is not None:
            return {
                self.plural: [self.record(row) for row in rows],
                **self._comparison(references, rows, names, params),
            }
        result = {self.plural: [self.record(self._shown(row, names, named=params["names"])) for row in rows]}
        if params["versions"]:
            versions = [each for row in rows for each in self.versions_of(references, row)]
            result["versions"] = [self.record(self._shown(each, names, named=params["names"])) for each in versions]
        return result

    def _chosen(self, references: References, params: Params) -> list[Row]:
        if params["id"] is None and params["name"] is None:
            rows = (self._whole(references, row) for row in references.rows(self, {}))
            return [row for row in rows if row is not None]
        row = self.find(references, params)
        return [row] if row else []

    def _shown(self, row: Row, names: Names, *, named: bool) -> Row:
        settings = row.get("settings") or {}
        return {**row, "settings": names.named(settings) if named else settings}

    def _portable(self, rows: list[Row], names: Names) -> Row:
        """Blueprints as options of the module for another tenant, and what could not be taken along."""
        records, left_out = [], []
        for row in rows:
            shown, lost = self._shown(row, names, named=True), list[str]()
            record = self.record(shown)
            options = {key: record[key] for key in ("name", "description", "comments") if record[key]}
            options["settings"] = portable(SETTINGS, record["settings"], "settings", lost)
            records.append(options)
            lost += SETTINGS.secrets_in(shown["settings"])
            lost += SETTINGS.unknown_in(shown["settings"])
            left_out += [{"blueprint": self.label(row), "path": path} for path in lost]
        return {self.plural: records, "left_out": left_out}

    def _comparison(self, references: References, rows: list[Row], names: Names, params: Params) -> Row:
        if not rows:
            raise NotFound(self.title, params["id"] or params["name"])
        old, new = (self.version_of(references, rows[0], each) for each in params["compare"])
        before, after = (self._shown(each, names, named=params["names"])["settings"] for each in (old, new))
        return {"differences": [*SETTINGS.differences(SETTINGS.read(before), SETTINGS.read(after), "settings")]}


def _reading(planned: Row) -> t.Callable[[Row], Row]:
    """What adds to an answer what was known when it was planned: the names in its settings, and what it leaves out."""

    def read(body: Row) -> Row:
        known = filled(planned.get("settings") or {})
        return {**planned, **body, "settings": with_names_of(body.get("settings", known) or {}, known)}

    return read


BLUEPRINT = Blueprint()
