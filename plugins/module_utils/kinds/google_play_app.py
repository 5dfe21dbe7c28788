# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps of Google Play that are approved in the tenant.

Based on /v0/enterprise/{enterprise_id}/emm/{emm_id}/product/ of the contract (v0.yaml), which calls them products.

Choice: a new app is sent with its package name, its ID at Google and the ID of the binding, because the contract does
not say which property Esper requires.
Choice: the contract has ``min_sdk_version`` as text in POST, and as number in PATCH. The module sends these types.
Choice: DELETE deletes the app in Esper only, and PUT with ``unapproved`` also removes its approval at Google.
Choice: a blueprint uses the Play app if it has the app of the same package name in the list of all Android apps (v1).
"""

from __future__ import annotations

from dataclasses import replace

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.validators import in_range, length
from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.kind import Guard, Kind, Related, Routes, Shape, Users
from ..model.module_spec import Option
from ..model.plain import plain_kind
from ..model.plan import Plan
from .app_list import APPS
from .blueprint_usage import in_blueprints
from .google_binding import BINDING_PATH, GOOGLE_ENTERPRISE_OPTION, GoogleLookup, GooglePlanner, GoogleReader

_PRODUCTS = f"{BINDING_PATH}/{{emm_id}}/product/"
_UNAPPROVED = "unapproved"
_app_in_blueprints = in_blueprints("android.apps.app_id", query="settings__android__app_id")

_INSTALLS = Kind(
    name="google_play_install",
    title="installation from Google Play",
    plural="installs",
    routes=Routes(list=f"{_PRODUCTS}{{id}}/install/", page_size=None),
    shape=Shape.READ_ONLY,
    fields=(
        Field("device", "ID of the device.", sample="3b2c7b60-9a53-4c3f-8f0a-0f5d5a3f7e11"),
        Field("state", "State of the installation.", api="install_state", sample="INSTALLED"),
        Field("version_code", "Version code of the app on the device.", sample="124"),
        Field("type", "Type of the installation: 0 by default, 1 by EMM.", api="install_type", type="int", sample=1),
        Field("forced", "Whether the installation is forced.", api="is_force_install", type="bool", sample=True),
        Field("reason", "Reason of the state.", api="reason_details", sample=""),
        Field("updated_on", "Time of the last change.", sample="2026-03-02T11:00:00Z"),
    ),
)


class GooglePlayAppPlanner(GooglePlanner):
    """Plans changes of Play apps."""

    def plan(self, params: Params, current: Row | None) -> Plan:
        """Return the plan of a task. Removing the approval of an app deletes it."""
        plan = super().plan(params, current)
        for step in plan.steps if params["state"] == _UNAPPROVED else ():
            step.purpose = f"Removing the approval of the {self.kind.phrase(current or {})}"
            step.method, step.body, step.deletes = "PUT", {"unapproved": True}, True
        return plan

    def plan_create(self, params: Params) -> Plan:
        plan = super().plan_create(params)
        body = plan.steps[0].body
        body["google_product_id"] = f"app:{body['package_name']}"
        if "min_sdk_version" in body:
            body["min_sdk_version"] = str(body["min_sdk_version"])
        return plan


class GooglePlayAppReader(GoogleReader):
    """Reads Play apps."""

    def get_info(self, params: Params) -> Row:
        """Return the values of the module. Raise InvalidParameter if a filter has no effect."""
        if params["install_state"] is not None and not params["installs"]:
            raise InvalidParameter("The option install_state filters the installations. Set installs to true.")
        return super().get_info(params)


def _users(view: TenantView, row: Row) -> Users:
    """Return the blueprints that use the Play app."""
    apps = [each for each in view.candidates_by_name(APPS, row["package_name"]) if _is_same(each, row)]
    found = [_app_in_blueprints(view, app) for app in apps]
    return Users(
        tuple(phrase for users in found for phrase in users.phrases),
        tuple(former for users in found for former in users.former),
    )


def _is_same(app: Row, row: Row) -> bool:
    return bool(app.get("package_name") == row["package_name"])


def _installs(view: TenantView, row: Row, params: Params) -> list[Row]:
    query = {} if params["install_state"] is None else {"install_state": params["install_state"]}
    path = _INSTALLS.routes.list.replace("{id}", str(row["id"]))
    kind = replace(_INSTALLS, routes=replace(_INSTALLS.routes, list=path))
    return view.list_objects(kind, query)


GOOGLE_PLAY_APP = plain_kind(
    name="google_play_app",
    title="Play app",
    doc=(
        "A Play app is an app of Google Play that is approved for the devices of the tenant.",
        "Blueprints use a Play app like any other app, with the type C(PLAYSTORE).",
        "The tenant must be enrolled with Google: see M(esper.cloud.google_enterprise).",
    ),
    keys=("package_name",),
    states={
        "present": "V(present) approves the Play app.",
        _UNAPPROVED: "V(unapproved) removes the approval at Google, which also deletes the Play app in Esper.",
        "absent": "V(absent) only deletes the Play app in Esper.",
    },
    absent_states=("absent", _UNAPPROVED),
    short_description="Manage Google Play apps in Esper",
    info_short_description="Get information about Google Play apps in Esper",
    seealso=("google_enterprise", "blueprint"),
    routes=Routes(list=_PRODUCTS, object=f"{_PRODUCTS}{{id}}", name_filter="package_name"),
    name_key="package_name",
    lookup=GoogleLookup,
    planner=GooglePlayAppPlanner,
    reader=GooglePlayAppReader,
    guards=(Guard(users=_users),),
    options=(GOOGLE_ENTERPRISE_OPTION,),
    info_options=(
        Option("package_name", "Package name of the Play app, case-sensitive.", identifier=True),
        GOOGLE_ENTERPRISE_OPTION,
        Option(
            "install_state",
            "State of the installations in the Esper API, for example V(FAILED). Requires O(installs=true).",
            identifier=True,
        ),
    ),
    info_rules={"mutually_exclusive": [("id", "package_name")]},
    related=(
        Related(
            Field(
                "installs",
                "Installations of the Play app on devices. Returned if O(installs=true).",
                type="list",
                elements="dict",
                fields=_INSTALLS.fields,
            ),
            Option(
                "installs",
                "If V(true), also returns the installations of the Play apps. This takes one request for each.",
                type="bool",
                default=False,
            ),
            _installs,
        ),
    ),
    fields=(
        Field("id", "ID of the Play app.", writable=False, sample="0c7e3a1d-5b7f-4e0a-9f5e-2d3c4b5a6978"),
        Field(
            "package_name",
            "Package name of the Play app, case-sensitive.",
            identifier=True,
            create_only=True,
            required_by_api=True,
            normalize=str.strip,
            validator=length(1, 255),
            sample="com.example.browser",
        ),
        Field(
            "active",
            "If V(true), the Play app is active.",
            api="is_active",
            type="bool",
            returns="Whether the Play app is active.",
            sample=True,
        ),
        Field(
            "icon_url",
            "URL of the icon.",
            validator=length(1),
            sample="https://play.example.com/browser.png",
        ),
        Field(
            "min_sdk_version",
            "Minimum API level of Android.",
            type="int",
            validator=in_range(1),
            sample=26,
            changed=28,
        ),
        Field("title", "Title of the Play app at Google Play.", writable=False, sample="Browser"),
        Field("google_product_id", "ID of the Play app at Google.", writable=False, sample="app:com.example.browser"),
        Field(
            "google_enterprise",
            "ID of the Google enterprise in the Esper API.",
            type="int",
            writable=False,
            sample=3,
        ),
        Field("created_on", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("updated_on", "Time of the last change.", writable=False, sample="2026-03-02T11:00:00Z"),
    ),
)
