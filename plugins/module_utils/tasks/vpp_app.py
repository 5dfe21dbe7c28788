# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that refreshes a VPP app, and sets the region in which Esper looks it up.

Based on PUT /v2/itunesapps/{appleAppId}/preferred-region and POST /v2/itunesapps/{appId}/refresh-version of the
contract (v2.yaml). The refresh is complete when Esper responds.

Choice: both requests set a state, so they can be repeated after an unclear failure.
Choice: no operation returns the preferred region, so the module sends it in each run.
"""

from __future__ import annotations

from ..base.errors import EsperError, NotFound
from ..base.ids import normal_id
from ..base.row import Params, Row
from ..engine.tenant_view import TenantView
from ..kinds.vpp_app import VPP_APP_ROWS, check_ids, check_region, find_vpp_apps
from ..kinds.vpp_license import APPLE_APP_ID
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry

_COMPARED = ("version_id", "version")

_MODULE = ModuleSpec(
    short_description="Refresh Esper VPP apps",
    description=(
        "Refreshes the version and the properties of a VPP app, or sets the region of the App Store in which Esper"
        " looks it up.",
        "VPP apps are those that the tenant bought in Apple Business Manager (Volume Purchase Program).",
        "The task fails if the app does not exist.",
    ),
    options=(
        APPLE_APP_ID,
        Option("id", "ID of the app in Esper.", identifier=True),
        Option(
            "preferred_region",
            "Country code of the App Store region (ISO 3166-1 alpha-2). Esper does not return it, so the task sends it"
            " in each run and reports a change.",
            identifier=True,
        ),
        Option(
            "refresh",
            "If V(true), Esper reads the app from the App Store. The task reports a change only if the version"
            " changes.",
            type="bool",
            default=False,
        ),
    ),
    rules={"required_one_of": [("apple_app_id", "id")], "mutually_exclusive": [("apple_app_id", "id")]},
    returns=(
        Value(
            "vpp_app",
            "The app after the task. If only O(preferred_region) is set, as Esper returned it before.",
            type="dict",
            contains=VPP_APP_ROWS.fields,
        ),
    ),
    check_mode=Support(
        "partial",
        "Sends no write request, and predicts a change for O(preferred_region).",
        "Only a refresh shows whether the version changes, so O(refresh) predicts no change.",
    ),
    diff_mode=Support(
        "partial", "Shows the version before and after a refresh.", "Esper does not return the preferred region."
    ),
    seealso=("vpp_app_info", "preferred_region"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    check_ids(params)
    region = params["preferred_region"]
    check_region("preferred_region", region)
    before = _find(view, params)
    after = before
    if region is not None and not context.check_mode:
        view.client.request(
            "PUT",
            "/v2/itunesapps/{id}/preferred-region",
            ids={"id": _apple_app_id(before)},
            body={"preferred_region": region},
            purpose=f"Setting the preferred region of the {VPP_APP_ROWS.phrase(before)}",
        )
    if params["refresh"] and not context.check_mode:
        after = _refresh(view, before)
    old, new = (view.to_result(VPP_APP_ROWS, row) for row in (before, after))
    versions = [{name: row[name] for name in _COMPARED} for row in (old, new)]
    result: Row = {"changed": region is not None or versions[0] != versions[1], "vpp_app": new}
    if context.diff:
        result["diff"] = [diff_entry(VPP_APP_ROWS.header(before), *versions)] if versions[0] != versions[1] else []
    return ModuleResult(result)


def _find(view: TenantView, params: Params) -> Row:
    """Return the app that a task selects. Raise NotFound if it does not exist."""
    key, text = ("app_id", params["id"]) if params["apple_app_id"] is None else ("apple_app_id", params["apple_app_id"])
    rows = find_vpp_apps(view, {key: text})
    row = next((row for row in rows if normal_id(row.get(key)) == normal_id(text)), None)
    if row is None:
        raise NotFound(VPP_APP_ROWS.title, text)
    return row


def _apple_app_id(app: Row) -> str:
    """Return the ID of an app at Apple. Raise EsperError if Esper did not return it."""
    if not app.get("apple_app_id"):
        raise EsperError(f"Esper returned no apple_app_id of the {VPP_APP_ROWS.phrase(app)}, which the request needs.")
    return str(app["apple_app_id"])


def _refresh(view: TenantView, app: Row) -> Row:
    """Refresh an app, and return it."""
    purpose = f"Refreshing the {VPP_APP_ROWS.phrase(app)}"
    response = view.client.request(
        "POST",
        "/v2/itunesapps/{id}/refresh-version",
        ids={"id": str(app[VPP_APP_ROWS.id_key])},
        purpose=purpose,
        idempotent=True,
    )
    row = view.typed(VPP_APP_ROWS, response.body) if isinstance(response.body, dict) else None
    if response.is_error or row is None:
        raise view.client.unusable(response, "POST", "no app", purpose)
    return row


VPP_APP = ModuleDefinition("vpp_app", _MODULE, _run, unknown={"vpp_app": None})
