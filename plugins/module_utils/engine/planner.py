# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a change of an object is planned. A planner sends GET requests only; the writes are returned as steps."""

from __future__ import annotations

import re
import typing as t

from ..base.errors import EsperError, InvalidParameter, NotFound
from ..base.row import Params, Row
from ..model.api_paths import body_of
from ..model.compare import Comparison, compare_object
from ..model.field import Field, Separate
from ..model.kind import Kind, Shape
from ..model.plan import Effect, ObjectDiff, Plan, Step
from ..model.unknowns import KnownAfterApply
from .lookup import Lookup, lookup_of, separate_texts
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
        if current is None and self.view.has_left_out(self.kind):
            raise EsperError(
                f"Esper returned {self.kind.titles} without a valid ID, so the module cannot determine whether the"
                f" {self.kind.title} exists."
            )
        if params.get("state") == "absent":
            plan = Plan(None) if current is None else self.plan_delete(current, params)
        elif current is None:
            plan = self.plan_create(params)
        else:
            plan = self.plan_update(current, params)
        plan.current = current
        return plan

    def desired(self, params: Params) -> Row:
        """Return the desired state of the object in normal form, by field name, without values that the task omits."""
        exact = bool(params.get("exact"))
        return {
            each.name: value
            for each in self.kind.fields
            if each.writable and (value := each.normalize_input(params.get(each.name), exact)) is not None
        }

    def compared(
        self, current: Row, desired: Row, *, exact: bool = False, always: bool = False
    ) -> dict[str, Comparison]:
        """Return the comparison of each field with its desired value, by field name.

        Raise InvalidParameter if desired values are invalid. It names each of them, and why.
        """
        found = compare_object(self.kind.fields, current, desired, exact=exact, always=always)
        self._raise_if_invalid(error for each in found.values() for error in each.errors)
        return found

    def _raise_if_invalid(self, errors: t.Iterable[str]) -> None:
        if reasons := "; ".join(errors):
            raise InvalidParameter(f"The {self.kind.title} cannot be like this: {reasons}.")

    def _fixed_payload(self) -> Row:
        if self.kind.fixed_payload is None:
            # The ID of the tenant can take a request.
            return {}
        return self.kind.fixed_payload(self.view.client.connection.api_url, self.view.client.enterprise_id)

    # --- create -----------------------------------------------------------------------------------------------------

    def plan_create(self, params: Params) -> Plan:
        """Return the plan that creates an object: one POST, and one PUT for each property with a route of its own."""
        kind = self.kind
        if params.get("id") is not None:
            raise NotFound(kind.title, str(params["id"]))
        desired = {**_create_defaults(kind.fields), **self.desired(params)}
        compared = self.compared({}, desired)
        given = [each for each in kind.fields if each.name in desired]
        self._raise_if_invalid(_missing(kind.fields, desired))
        self._raise_if_invalid(why for each in given for why in compared[each.name].missing)
        body = body_of(((each, compared[each.name].payload) for each in given if not each.separate), {})
        step = Step(
            purpose=f"Creating the {kind.phrase(body)}",
            method="POST",
            path=kind.routes.list,
            body={**self._fixed_payload(), **body},
            find_existing=lambda _body: self.lookup.find(params),
        )
        empty: Row = {each.api_name: [] for each in given if each.separate and not compared[each.name].payload}
        step.extract_object = _adding(empty) if empty else None
        identifier = KnownAfterApply(step, kind.id_key)
        separate = [
            self._separate_step(each, each.separate, compared[each.name].payload, identifier, body, step)
            for each in given
            if each.separate and compared[each.name].payload
        ]
        public = [each for each in given if not each.secret]
        after = {each.name: compared[each.name].after for each in public}
        shown = {each.name: compared[each.name].shown for each in public}
        unknown = dict.fromkeys(each.name for each in kind.fields if not each.secret)
        return Plan(
            {**unknown, **after},
            [step, *separate],
            [ObjectDiff(kind.header(body), {}, shown)],
            effects=[Effect(kind, identifier, {**body, kind.id_key: identifier})],
        )

    # --- update -----------------------------------------------------------------------------------------------------

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan that brings an existing object to its desired state: no request, or one, and one PUT for each
        property with a route of its own that differs."""
        kind, desired = self.kind, self.desired(params)
        separate = [each for each in kind.fields if each.separate and each.name in desired]
        current = self.lookup.with_separate(current, separate)
        always, exact = params.get("update_password") == "always", bool(params.get("exact"))
        compared = self.compared(current, desired, exact=exact, always=always)
        record = {each.name: compared[each.name].before for each in kind.fields if not each.secret}
        differing = [each for each in kind.fields if compared[each.name].differs]
        if not differing:
            return Plan(record)
        self._raise_if_invalid(why for each in differing for why in compared[each.name].missing)
        self.check_guards(current, params, updates=True)
        replaces = kind.routes.update != "PATCH"
        own = [each for each in kind.fields if each.writable and not each.separate]
        sent = [each for each in own if replaces or each in differing or each.secret]
        steps, body = [], {}
        if any(not each.separate for each in differing):
            self._check_misfits(current, sent, replaces=replaces)
            payloads = ((each, compared[each.name].payload) for each in sent)
            body = body_of(((each, payload) for each, payload in payloads if payload is not None), current)
            steps.append(
                Step(
                    purpose=f"Updating the {kind.phrase(current)}",
                    method=kind.routes.update,
                    path=kind.routes.object,
                    ids=self._ids(current),
                    body={**(self._fixed_payload() if replaces else {}), **body},
                    extract_object=_adding({each.api_name: current[each.api_name] for each in separate})
                    if separate
                    else None,
                )
            )
        steps += [
            self._separate_step(
                each, each.separate, compared[each.name].payload, str(current[kind.id_key]), {**current, **body}, *steps
            )
            for each in differing
            if each.separate
        ]
        losing = [each for each in (sent if replaces else differing) if compared[each.name].masked]
        if losing and not params.get("confirm"):
            paths = ", ".join(path for each in losing for path in compared[each.name].masked)
            raise InvalidParameter(
                f"Esper masks {paths} of the {kind.phrase(current)}, so the module cannot resend the value. Set it in"
                " this task, or set confirm to true to remove it."
            )
        after = {each.name: compared[each.name].after for each in differing if not each.secret}
        changed = [*differing, *(each for each in losing if each not in differing)]
        change = ObjectDiff(
            kind.header(current),
            {each.name: compared[each.name].shown_before for each in changed},
            {each.name: compared[each.name].shown for each in changed},
        )
        effect = Effect(kind, current.get(kind.id_key), {**current, **body})
        return Plan({**record, **after}, steps, [change], effects=[effect])

    def _separate_step(
        self,
        field: Field,
        separate: Separate,
        texts: list[str],
        identifier: str | KnownAfterApply,
        known: Row,
        before: Step | None = None,
    ) -> Step:
        """Return the write of a property by its own route. ``known`` is the object as planned, and ``before`` the step
        of the same plan that writes the object."""
        phrase = self.kind.phrase(known)
        purpose = f"Setting the {field.name} of the {phrase}"

        def extract(body: Row) -> Row:
            """Return the whole object. Raise InvalidParameter if Esper did not store a text."""
            row = {**known, **((before.response if before else None) or {})}
            if separate.response_key not in body:
                return {**row, field.api_name: texts}
            stored = separate_texts(separate, body[separate.response_key], purpose)
            if lost := [text for text in texts if text not in stored]:
                raise InvalidParameter(
                    f"Esper did not store {', '.join(lost)} in the {field.name} of the {phrase}. Correct the names."
                )
            return {**row, field.api_name: stored}

        return Step(
            purpose=purpose,
            method="PUT",
            path=separate.path,
            ids={"id": identifier},
            body={separate.write_key: texts},
            extract_object=extract,
        )

    def _check_misfits(self, current: Row, sent: t.Iterable[Field], *, replaces: bool) -> None:
        """Raise InvalidParameter if a write would replace a value that could not be read."""
        whole = [
            each.name
            for each in sent
            if replaces or each.type in ("dict", "list") or "." in (each.write_path or each.api)
        ]
        if paths := self._misfits_in(current, whole):
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

    def check_guards(self, current: Row, params: Params, *, updates: bool = False) -> None:
        """Raise InvalidParameter if an object is in use, so that check mode predicts it. ``updates`` says that the
        write changes the object."""
        for guard in self.kind.guards:
            if updates and not guard.also_update:
                continue
            if guard.option and params.get(guard.option):
                continue
            self._check_readable(current, guard.reads)
            users = guard.users(self.view, current)
            if users:
                advice = f"{guard.advice}, or set {guard.option}=true." if guard.option else f"{guard.advice}."
                raise InvalidParameter(f"{in_use(self.kind.phrase(current), users)} {advice}")

    def _check_readable(self, current: Row, fields: t.Iterable[str]) -> None:
        """Raise InvalidParameter if a value that tells whether an object is in use could not be read."""
        if paths := self._misfits_in(current, fields):
            raise InvalidParameter(
                f"Esper returned an unexpected type for {', '.join(paths)} of the {self.kind.phrase(current)}, so the"
                " module cannot determine whether it is in use."
            )

    def _misfits_in(self, current: Row, fields: t.Iterable[str]) -> list[str]:
        """Return the paths of the values in some fields of an object that could not be read."""
        names = set(fields)
        return [path for path in self.view.misfits(self.kind, current) if re.split(r"[.\[]", path)[0] in names]

    def delete_step(self, current: Row) -> Step:
        """Return the write that deletes an object."""
        return Step(
            purpose=f"Deleting the {self.kind.phrase(current)}",
            method="DELETE",
            path=self.kind.routes.object,
            ids=self._ids(current),
        )

    def deletion(self, current: Row) -> ObjectDiff:
        """Return the deletion of an object, for the diff."""
        record = self.kind.to_result(current)
        return ObjectDiff(
            self.kind.header(current),
            {each.name: record.get(each.name) for each in self.kind.fields if each.writable and not each.secret},
            {},
        )

    def _ids(self, current: Row) -> dict[str, str | KnownAfterApply]:
        return {} if self.kind.shape is Shape.SINGLETON else {"id": str(current[self.kind.id_key])}


def in_use(phrase: str, users: t.Iterable[str]) -> str:
    """Return the sentence about who uses an object, each user as part of the sentence."""
    return f"The {phrase} is in use by {' and '.join(users)}."


def planner_of(view: TenantView, kind: Kind) -> Planner:
    """Return the planner of a kind in a view."""
    return t.cast("Planner", (kind.planner or Planner)(view, kind))


def _adding(values: Row) -> t.Callable[[Row], Row]:
    """Return a function that adds the values of properties with routes of their own to the response of a write."""
    return lambda row: {**values, **row} if row else row


def _create_defaults(fields: t.Iterable[Field]) -> Row:
    """Return the values that a new object has if the task omits them."""
    return {each.name: each.create_default for each in fields if each.writable and each.create_default is not None}


def _missing(fields: t.Iterable[Field], desired: Row) -> t.Iterator[str]:
    for each in fields:
        if each.required_by_api and each.name not in desired:
            yield f"{each.name}: is missing"
