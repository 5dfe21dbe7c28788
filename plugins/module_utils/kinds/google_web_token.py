# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Web tokens, with which a web page embeds the app store of Google Play.

Based on /v0/enterprise/{enterprise_id}/emm/{emm_id}/webtoken/ (v0.yaml), which stores tokens, and on POST
/v2/emm/web-token/ (v2.yaml), which returns a token and stores nothing.

Choice: a request for a token can be repeated, because Esper does not store it. Choice: URLs are compared exactly.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..base.errors import EsperError, InvalidParameter
from ..base.redaction import Disclosed
from ..base.row import Params, Row
from ..base.validators import https_url, length
from ..model.field import Field
from ..model.kind import Routes, not_in_tenant
from ..model.module_spec import Option, Value
from ..model.plain import plain_kind
from ..model.plan import ObjectDiff, Plan, Step
from .google_binding import (
    BINDING_PATH,
    GOOGLE_ENTERPRISE_OPTION,
    NOT_ENROLLED,
    GoogleLookup,
    GooglePlanner,
    GoogleReader,
    select_binding,
)

_STORED = f"{BINDING_PATH}/{{emm_id}}/webtoken/"
_ISSUED = "issued"


@dataclass(frozen=True)
class _TokenSink:
    """Returns the token of a response in the result of the task."""

    plan: Plan

    def prepare(self) -> None:
        """Prepare nothing."""

    def store(self, body: t.Any) -> None:
        """Return the token in the body of a response. Raise EsperError if there is none."""
        token = body.get("token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not token.strip():
            raise EsperError("Esper returned no web token. Run the task again.")
        self.plan.extra["token"] = Disclosed(token)

    def discard(self) -> None:
        """Discard nothing."""


class WebTokenLookup(GoogleLookup):
    """Finds stored web tokens."""

    def find(self, params: Params) -> Row | None:
        """Return the stored web token, or None. A task that issues a token needs none."""
        return None if params.get("state") == _ISSUED else super().find(params)


class WebTokenPlanner(GooglePlanner):
    """Plans changes of stored web tokens, and requests for others."""

    binding_key = "emm"

    def plan(self, params: Params, current: Row | None) -> Plan:
        """Return the plan of a task."""
        return self._plan_issue(params) if params["state"] == _ISSUED else super().plan(params, current)

    def _plan_issue(self, params: Params) -> Plan:
        """Return the plan that requests a token. Raise EsperError if the tenant is not enrolled, InvalidParameter if
        the task sets options of stored tokens."""
        if wrong := [name for name in ("id", "active", "token") if params.get(name) is not None]:
            raise InvalidParameter(f"{' and '.join(wrong)} requires state=present, which stores a web token.")
        desired = self.desired(params)
        # This validates the URL.
        self.compare({}, desired)
        binding = select_binding(self.view, params[GOOGLE_ENTERPRISE_OPTION.name])
        if binding is None:
            raise EsperError(NOT_ENROLLED)
        phrase = f"web token for {desired['parent_url']}"
        step = Step(
            purpose=f"Requesting a {phrase}",
            method="POST",
            path="/v2/emm/web-token/",
            body={"google_enterprise_id": binding["google_enterprise_id"], "parent_url": desired["parent_url"]},
            response_key="token",
        )
        plan = Plan(None, [step], [ObjectDiff(phrase, {}, {"token": "(not shown)"})], extra={"token": None})
        step.sink = _TokenSink(plan)
        return plan


GOOGLE_WEB_TOKEN = plain_kind(
    name="google_web_token",
    title="web token",
    doc=(
        "A web token lets a web page of yours embed the app store of Google Play.",
        "A task with O(state=issued) always reports a change. Set C(no_log) to true in it, because everyone with the"
        " token can use it.",
        "Esper can store one web token for each O(parent_url).",
        "The tenant must be enrolled with Google: see M(esper.cloud.google_enterprise).",
    ),
    keys=("parent_url",),
    states={
        _ISSUED: "V(issued) returns a new web token as RV(token), which Esper does not store.",
        "present": "V(present) stores a web token for O(parent_url) in Esper.",
        "absent": "V(absent) deletes the stored web token.",
    },
    tenant=not_in_tenant("Esper returns a web token only when it is created."),
    short_description="Manage Google web tokens in Esper",
    info_short_description="Get information about Google web tokens",
    seealso=("google_enterprise", "google_play_app"),
    routes=Routes(list=_STORED, object=f"{_STORED}{{id}}", page_size=None, name_filter=""),
    name_key="parent_url",
    lookup=WebTokenLookup,
    planner=WebTokenPlanner,
    reader=GoogleReader,
    options=(GOOGLE_ENTERPRISE_OPTION,),
    info_options=(
        Option("parent_url", "URL of the web page.", identifier=True),
        GOOGLE_ENTERPRISE_OPTION,
    ),
    rules={"required_if": [("state", _ISSUED, ("parent_url",))]},
    info_rules={"mutually_exclusive": [("id", "parent_url")]},
    returns=(
        Value(
            "token",
            "The new token. V(null) in check mode.",
            sample="eyJhbGciOiJIUzI1NiJ9...",
            returned="if O(state=issued)",
        ),
    ),
    fields=(
        Field("id", "ID of the stored web token.", type="int", writable=False, sample=12),
        Field(
            "parent_url",
            "URL of the web page that embeds Google Play.",
            identifier=True,
            required_by_api=True,
            normalize=str.strip,
            validator=https_url,
            sample="https://portal.example.com",
        ),
        Field(
            "active",
            "If V(true), the stored web token is active.",
            api="is_active",
            type="bool",
            returns="Whether the stored web token is active.",
            sample=True,
        ),
        Field(
            "token",
            "Web token to store. If omitted on creation, Esper generates it.",
            secret=True,
            validator=length(1),
        ),
        Field("created_on", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
    ),
)
