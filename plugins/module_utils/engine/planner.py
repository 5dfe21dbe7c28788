# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a change of an object is planned. A planner sends GET requests only; the writes are returned as steps."""

from __future__ import annotations

import re
import typing as t

from ..base.errors import InvalidParameter, NotFound
from ..base.row import Params, Row
from ..model.field import Field, hidden_at
from ..model.kind import Kind, Shape
from ..model.plan import Change, Effect, Plan, Step
from ..model.unknowns import ResultOf
from .lookup import Lookup, lookup_of
from .tenant_view import TenantView


class Planner:
    """Plans changes of objects of one kind. Raises what Client.request raises, and InvalidParameter."""

    def __init__(self, view: TenantView, kind: Kind) -> None:
        self.view = view
        self.kind = kind

    @property
    def lookup(self) -> Lookup:
        """The lookup of the kind."""
        return lookup_of(self.view, self.kind)

    def plan(self, params: Params, current: Row | None) -> Plan:
        """Return what it takes to bring an object to the state in the parameters. ``current`` is the object as it is,
        None if it does not exist."""
        if params.get("state") == "absent":
            plan = Plan(None) if current is None else self.plan_delete(current, params)
        elif current is None:
            plan = self.plan_create(params)
        else:
            plan = self.plan_update(current, params)
        plan.current = current
        return plan

    def desired(self, params: Params) -> Row:
        """Return what the task sets, by field name, in normal form. Raise InvalidParameter for invalid values."""
        exact = bool(params.get("exact"))
        desired = {
            each.name: value
            for each in self.kind.fields
            if each.writable and (value := each.given(params.get(each.name), exact)) is not None
        }
        self._raise_if_invalid(
            why for each in self.kind.fields if each.name in desired for why in each.complaints(desired[each.name])
        )
        return desired

    def _raise_if_invalid(self, errors: t.Iterable[str]) -> None:
        if reasons := "; ".join(errors):
            raise InvalidParameter(f"The {self.kind.title} cannot be like this: {reasons}.")

    def _fixed_payload(self) -> Row:
        connection = self.view.client.connection
        return self.kind.fixed_payload(connection.api_url, self.view.client.enterprise_id)

    # --- create -----------------------------------------------------------------------------------------------------

    def plan_create(self, params: Params) -> Plan:
        """Return the plan that creates an object: one POST."""
        kind = self.kind
        if params.get("id") is not None:
            raise NotFound(kind.title, str(params["id"]))
        desired = self.desired(params)
        given = [each for each in kind.fields if each.name in desired]
        values = {each.name: each.rewritten(None, desired[each.name]) for each in given}
        self._raise_if_invalid(why for each in given for why in each.lacking(values[each.name], desired[each.name]))
        body = {each.api_name: each.sendable(values[each.name]) for each in given}
        step = Step(
            purpose=f"Creating the {kind.phrase(body)}",
            method="POST",
            path=kind.routes.list,
            body={**self._fixed_payload(), **body},
            find=lambda _body: self.lookup.find(params),
        )
        public = [each for each in given if not each.secret]
        after = {each.name: each.read(values[each.name]) for each in public}
        shown = {each.name: each.marked(after[each.name], desired[each.name]) for each in public}
        unknown = dict.fromkeys(each.name for each in kind.fields if not each.secret)
        plan = Plan({**unknown, **after}, [step], [Change(kind.header(body), {}, shown)])
        identifier = ResultOf(step, kind.id_key)
        plan.effects.append(Effect(kind, identifier, {**body, kind.id_key: identifier}))
        return plan

    # --- update -----------------------------------------------------------------------------------------------------

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan that brings an existing object to its desired state: no request, or one."""
        kind = self.kind
        record, desired = kind.to_result(current), self.desired(params)
        always, exact = params.get("update_password") == "always", bool(params.get("exact"))
        given = [each for each in kind.fields if each.name in desired]
        raw = {each.name: current.get(each.api_name) for each in kind.fields}
        new_secrets = [each for each in given if each.changes_secret(raw[each.name], desired[each.name], always)]
        differing = [
            each
            for each in given
            if each in new_secrets or not each.is_satisfied(record.get(each.name), desired[each.name], exact)
        ]
        if not differing:
            return Plan(record)
        replaces = kind.routes.update != "PATCH"
        sent = [each for each in kind.fields if each.writable and (replaces or each in differing or each.secret)]
        values = {each.name: each.rewritten(raw[each.name], desired.get(each.name), exact) for each in sent}
        self._raise_if_invalid(why for each in differing for why in each.lacking(values[each.name], desired[each.name]))
        after = {each.name: each.read(values[each.name]) for each in differing if not each.secret}
        shown = {each.name: each.marked(after.get(each.name), desired[each.name]) for each in differing}
        body = {each.api_name: each.sendable(values[each.name]) for each in sent if values[each.name] is not None}
        self._check_misfits(current, sent, replaces=replaces)
        step = Step(
            purpose=f"Updating the {kind.phrase(current)}",
            method=kind.routes.update,
            path=kind.routes.object,
            ids=self._ids(current),
            body={**(self._fixed_payload() if replaces else {}), **body},
        )
        lost = [
            (each, path)
            for each in (sent if replaces else differing)
            for path in each.masked_in(raw[each.name], desired.get(each.name), exact=exact)
        ]
        if lost and not params.get("confirm"):
            paths = ", ".join(path for _each, path in lost)
            raise InvalidParameter(
                f"Esper masks {paths} of the {kind.phrase(current)}, so the module cannot resend the value. Set it in"
                " this task, or set confirm to true to remove it."
            )
        before = record
        for each, path in lost:
            before = hidden_at(before, path)
            there = None if each.secret else each.read(values[each.name])
            shown.setdefault(each.name, each.marked(there, desired[each.name]) if each.name in desired else there)
        change = Change(kind.header(current), {name: before.get(name) for name in shown}, shown)
        effect = Effect(kind, current.get(kind.id_key), {**current, **body})
        return Plan({**record, **after}, [step], [change], effects=[effect])

    def _check_misfits(self, current: Row, sent: t.Iterable[Field], *, replaces: bool) -> None:
        """Raise InvalidParameter if a write would replace a value that could not be read."""
        whole = {each.name for each in sent if replaces or each.type in ("dict", "list")}
        paths = [path for path in self.view.misfits(self.kind, current) if re.split(r"[.\[]", path)[0] in whole]
        if paths:
            raise InvalidParameter(
                f"The {self.kind.phrase(current)} is not changed, because Esper returned an unexpected type for"
                f" {', '.join(paths)}, and the change would overwrite the value. Correct the value in Esper first."
            )

    # --- delete -----------------------------------------------------------------------------------------------------

    def plan_delete(self, current: Row, params: Params) -> Plan:
        """Return the plan that deletes an object: one DELETE. Raise InvalidParameter if a guard protects it."""
        self.check_guards(current, params)
        return Plan(
            None,
            [self.delete_step(current)],
            [self.deletion(current)],
            effects=[Effect(self.kind, current[self.kind.id_key], None)],
        )

    def check_guards(self, current: Row, params: Params) -> None:
        """Raise InvalidParameter if an object is in use, so that check mode predicts it."""
        for guard in self.kind.guards:
            users = [] if guard.option and params.get(guard.option) else guard.users(self.view, current)
            if users:
                advice = f"{guard.advice}, or set {guard.option}=true." if guard.option else f"{guard.advice}."
                raise InvalidParameter(f"The {self.kind.phrase(current)} is in use by {' and '.join(users)}. {advice}")

    def delete_step(self, current: Row) -> Step:
        """Return the write that deletes an object."""
        return Step(
            purpose=f"Deleting the {self.kind.phrase(current)}",
            method="DELETE",
            path=self.kind.routes.object,
            ids=self._ids(current),
        )

    def deletion(self, current: Row) -> Change:
        """Return the deletion of an object, for the diff."""
        record = self.kind.to_result(current)
        return Change(
            self.kind.header(current),
            {each.name: record.get(each.name) for each in self.kind.fields if each.writable and not each.secret},
            {},
        )

    def _ids(self, current: Row) -> dict[str, str | ResultOf]:
        return {} if self.kind.shape is Shape.SINGLETON else {"id": str(current[self.kind.id_key])}


def planner_of(view: TenantView, kind: Kind) -> Planner:
    """Return the planner of a kind in a view."""
    return t.cast("Planner", (kind.planner or Planner)(view, kind))
