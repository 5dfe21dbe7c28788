# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bindings of the tenant to Google (EMM), and the objects below them in the paths of the Esper API.

Based on /v0/enterprise/{enterprise_id}/emm of the contract (v0.yaml). Its integer IDs are {emm_id} in other paths.

Choice: a binding without ``google_enterprise_id`` is a sign-up that nobody has completed, so it does not count.
Choice: all objects of one task belong to the same binding.
"""

from __future__ import annotations

import typing as t

from ..base.errors import Ambiguous, ApiError, EsperError, InvalidParameter, NotFound
from ..base.row import Params, Row
from ..engine.lookup import Lookup
from ..engine.planner import Planner
from ..engine.reader import Reader
from ..engine.tenant_view import TenantView
from ..http.responses import replace_hint
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape
from ..model.module_spec import Option
from ..model.plan import Plan

BINDING_PATH = "/v0/enterprise/{enterprise_id}/emm"

GOOGLE_BINDINGS = Kind(
    name="google_binding",
    title="Google enterprise",
    plural="google_bindings",
    routes=Routes(list=BINDING_PATH, object=f"{BINDING_PATH}/{{id}}", page_size=None, name_filter=""),
    shape=Shape.READ_ONLY,
    name_key="google_enterprise_id",
    fields=(
        Field("id", "ID of the Google enterprise in the Esper API.", type="int", writable=False, sample=3),
        Field("google_enterprise_id", "ID of the Google enterprise at Google.", writable=False, sample="LC02k9x4pz"),
        Field("name", "Name of the Google enterprise.", writable=False, sample="Example Stores"),
        Field("state_code", "State, as a number of the Esper API.", api="state", type="int", writable=False, sample=2),
        Field(
            "active",
            "Whether the Google enterprise is active.",
            api="is_active",
            type="bool",
            writable=False,
            sample=True,
        ),
        Field("created_on", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("updated_on", "Time of the last change.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("signup_url", writable=False, secret=True),
        Field("completion_token", writable=False, secret=True),
        Field("enterprise_token", writable=False, secret=True),
    ),
)

GOOGLE_ENTERPRISE_OPTION = Option(
    "google_enterprise",
    "Name of the Google enterprise, or its ID at Google or in the Esper API. Only necessary if the tenant has several.",
    identifier=True,
    numbers=True,
)

NOT_ENROLLED = (
    "The tenant is not enrolled with Google yet. Enroll it with esper.cloud.google_enterprise, or in the Esper Console."
)
_EMM_ID = "emm_id"


def is_enrolled(row: Row) -> bool:
    """Return whether a binding is complete."""
    return bool(row.get("google_enterprise_id"))


def select_binding(view: TenantView, wanted: str | None) -> Row | None:
    """Return the binding that a task selects by one of its IDs or its name, or the only one. Return None if there is
    none. Raise NotFound or Ambiguous, EsperError if all have invalid IDs."""
    existing = [row for row in view.list_objects(GOOGLE_BINDINGS) if is_enrolled(row)]
    text = None if wanted is None else wanted.strip()
    rows = [row for row in existing if text is None or text in (*_names_of(row), str(row["id"]))]
    if not existing and view.has_omitted(GOOGLE_BINDINGS):
        raise EsperError("Esper returned no valid ID of the Google enterprise.")
    if existing and not rows:
        raise NotFound(GOOGLE_BINDINGS.title, wanted or "", [name for row in existing for name in _names_of(row)])
    if len(rows) > 1:
        names = [" ".join(_names_of(row)) for row in rows]
        raise Ambiguous(
            GOOGLE_BINDINGS.title, wanted or "(not set)", names, "Set google_enterprise to the ID of one of them."
        )
    return rows[0] if rows else None


def _names_of(row: Row) -> list[str]:
    return [row[key] for key in ("google_enterprise_id", "name") if row.get(key)]


def enter_binding(view: TenantView, params: Params) -> bool:
    """Set {emm_id} in the paths of the task. Return false if the tenant is not enrolled. Raise NotFound or Ambiguous if
    the task does not select one binding, InvalidParameter if it selects several."""
    binding = select_binding(view, params.get(GOOGLE_ENTERPRISE_OPTION.name))
    if binding is None:
        return False
    if view.client.set_path_id(_EMM_ID, str(binding["id"])) != str(binding["id"]):
        raise InvalidParameter("All objects of a task must have the same google_enterprise. Use one task for each.")
    return True


class GoogleLookup(Lookup):
    """Finds objects below a binding by ID, or by the property in ``Kind.name_key``."""

    def task_key(self, params: Params) -> str:
        return super().task_key(self._with_name(params))

    def find(self, params: Params) -> Row | None:
        """Return the object, or None. Raise EsperError if a task creates an object in a tenant without Google."""
        if enter_binding(self.view, params):
            return explained(lambda: super(GoogleLookup, self).find(self._with_name(params)))
        if "state" in params and params["state"] not in self.kind.absent_states:
            raise EsperError(NOT_ENROLLED)
        return None

    def list_existing(self) -> list[Row]:
        """Return all objects, none in a tenant without Google."""
        return explained(super().list_existing) if enter_binding(self.view, {}) else []

    def _with_name(self, params: Params) -> Params:
        return {**params, "name": params.get(self.kind.name_key)}


class GoogleReader(Reader):
    """Reads objects below a binding."""

    def read_rows(self, params: Params) -> list[Row]:
        if not enter_binding(self.view, params):
            return []
        named = {**params, "name": params.get(self.kind.name_key)}
        return explained(lambda: super(GoogleReader, self).read_rows(named))


class GooglePlanner(Planner):
    """Plans changes of objects below a binding. ``binding_key`` is the key of its ID in the body of a new object."""

    binding_key = "google_enterprise"

    def plan_create(self, params: Params) -> Plan:
        plan = super().plan_create(params)
        binding = select_binding(self.view, params.get(GOOGLE_ENTERPRISE_OPTION.name)) or {}
        step = plan.steps[0]
        step.body = {**step.body, self.binding_key: binding["id"]}
        return plan


_Read = t.TypeVar("_Read")


def explained(read: t.Callable[[], _Read]) -> _Read:
    """Return what a function reads. If Esper rejects it because the tenant is not enrolled, the error says so."""
    try:
        return read()
    except ApiError as error:
        if "not enrolled" in error.server_message.lower():
            replace_hint(error, NOT_ENROLLED)
        raise
