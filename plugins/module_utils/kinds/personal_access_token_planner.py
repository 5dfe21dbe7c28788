# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans that create and renew personal access tokens, and store their values."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..base.errors import EsperError, InvalidParameter, InvalidValues
from ..base.redaction import Disclosed
from ..base.row import Params, Row
from ..base.secret_file import SecretFile
from ..base.times import is_in_milliseconds
from ..engine.planner import Planner
from ..model.compare import missing_error
from ..model.plan import Effect, ObjectDiff, Plan, Step
from .token_expiry import expires_within, expiry_error, to_expiry, to_number

# The value of a token in a diff.
_NOT_SHOWN = "(not shown)"


@dataclass(frozen=True)
class _TokenSink:
    """Stores the value of a token in a file, in the result, or in both."""

    plan: Plan
    phrase: str
    file: SecretFile | None
    is_returned: bool

    def prepare(self) -> None:
        """Prepare the file."""
        if self.file is not None:
            self.file.prepare()

    def store(self, body: t.Any) -> None:
        """Store the value in the body of a response. Raise EsperError if that fails."""
        value = body.get("token") if isinstance(body, dict) else None
        if not isinstance(value, str) or not value.strip():
            raise EsperError(f"Esper returned no value of the {self.phrase}. Renew it.")
        if self.is_returned:
            self.plan.extra["token"] = Disclosed(value)
        if self.file is not None:
            try:
                self.file.write(value)
            except InvalidParameter as error:
                raise EsperError(f"{error} The value of the {self.phrase} is lost. Renew it.") from None

    def discard(self) -> None:
        """Delete the prepared file."""
        if self.file is not None:
            self.file.discard()


class PersonalAccessTokenPlanner(Planner):
    """Plans changes of personal access tokens."""

    def plan(self, params: Params, current: Row | None) -> Plan:
        """Return the plan of a task."""
        plan = super().plan(params, current)
        if params["return_token"] and params["state"] == "present":
            plan.extra["token"] = None
        return plan

    def plan_create(self, params: Params) -> Plan:
        """Return the plan that creates a token: a POST."""
        plan = super().plan_create(params)
        (step,) = plan.steps
        step.body = {**step.body, "expiry_at": self._number(step.body["expiry_at"])}
        (change,) = plan.changes
        plan.changes = [ObjectDiff(change.title, change.before, {**change.after, "token": _NOT_SHOWN})]
        return self._storing(plan, step, params, self.kind.phrase(step.body))

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan that renews a token if it is due: a PUT."""
        phrase, desired = self.kind.phrase(current), self.desired(params)
        comparisons = self.compare(current, desired)
        if fixed := [name for name in ("name", "description") if comparisons[name].differs]:
            raise InvalidParameter(
                f"Esper cannot change the {' and the '.join(fixed)} of the {phrase}. Delete the token and create it"
                " again, or correct the task."
            )
        record = self.kind.to_result(current)
        expires = desired.get("expires")
        if not self._is_due(current, params, phrase):
            plan = Plan(record)
            if params["renew"] == "never" and expires not in (None, record["expires"]):
                plan.warnings.append(
                    f"The {phrase} expires at another time than the task sets: {record['expires']}. To change it, set"
                    " renew."
                )
            return plan
        if expires is None:
            field = next(field for field in self.kind.fields if field.name == "expires")
            raise InvalidValues([missing_error(field, field.name)])
        self.check_guards(current, params, updates=True)
        step = Step(
            purpose=f"Renewing the {phrase}",
            method="PUT",
            path=self.kind.routes.object,
            ids=self._ids(current),
            body={"expiry_at": self._number(expires)},
        )
        before, after = ({"expires": each, "token": _NOT_SHOWN} for each in (record["expires"], expires))
        plan = Plan(
            {**record, "expires": expires},
            [step],
            [ObjectDiff(self.kind.header(current), before, {**after, "token": f"{_NOT_SHOWN}, renewed"})],
            effects=[Effect(self.kind, current["id"], {**current, "expiry_at": expires})],
        )
        return self._storing(plan, step, params, phrase)

    def _is_due(self, current: Row, params: Params, phrase: str) -> bool:
        """Return whether a task renews a token. Raise InvalidParameter if its value cannot be had without that."""
        renew, dest = params["renew"], params["dest"]
        if renew == "always":
            return True
        has_value = dest is None or SecretFile(dest).starts_with(str(current.get("prefix") or ""))
        if renew == "expiring":
            return not has_value or self._expires_soon(current, params["renew_within"], phrase)
        if not has_value:
            raise InvalidParameter(
                f"The file '{dest}' does not have the value of the {phrase}. Esper returns the value only if the token"
                " is created or renewed. Set renew to expiring to renew it, or correct dest."
            )
        return False

    @staticmethod
    def _expires_soon(current: Row, days: int, phrase: str) -> bool:
        """Return whether a token expires within some days. Raise EsperError if its time is not valid."""
        expires = to_expiry(current.get("expiry_at"))
        if expires is None or expiry_error(expires):
            raise EsperError(
                f"Esper returned no valid time at which the {phrase} expires, so the module cannot determine whether to"
                " renew it. Set renew to always to renew it."
            )
        return expires_within(expires, days)

    def _storing(self, plan: Plan, step: Step, params: Params, phrase: str) -> Plan:
        """Return a plan whose step stores the value of the token. Raise InvalidParameter if the task has no place for
        it, or if the token would be expired."""
        dest, is_returned = params["dest"], params["return_token"]
        if dest is None and not is_returned:
            raise InvalidParameter(
                f"{step.purpose} requires a place for its value, which Esper returns only once. Set dest to a file, or"
                " return_token to true."
            )
        expires = plan.record["expires"] if plan.record else None
        if expires_within(expires, 0):
            raise InvalidParameter(f"Invalid expires of the {phrase}: {expires} is in the past. Set a later time.")
        step.sink = _TokenSink(plan, phrase, None if dest is None else SecretFile(dest), is_returned)
        return plan

    def _number(self, expires: str) -> int:
        """Return a time in API format, in the unit of the existing tokens."""
        routes = self.kind.routes
        rows = self.view.list_at(routes.list, page_size=routes.page_size, purpose=self.kind.purpose_of_list)
        return to_number(expires, in_milliseconds=any(is_in_milliseconds(row.get("expiry_at")) for row in rows))
