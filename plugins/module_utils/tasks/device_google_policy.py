# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that sets the apps that Google installs on devices: see google_accounts.py for the requests.

Choice: a request keeps the apps that it does not have, because each app in it has its own action.
"""

from __future__ import annotations

import functools

from ..base.errors import InvalidValues
from ..base.row import Params, Row
from ..engine.tenant_view import TenantView
from ..kinds.device_search import label_of
from ..model.module_spec import ModuleSpec, Option, Value
from ..model.plan import Step
from ..task import ModuleDefinition, ModuleResult, RunContext
from .device_changes import (
    FAILURES,
    NOT_ANDROID,
    SELECTION_RULES,
    DeviceChange,
    change_devices,
    change_values,
    selection_options,
)
from .device_details import is_android
from .google_accounts import GOOGLE_ACCOUNT, POLICY_ROUTE, policy_of, product_of
from .selection import SELECTION, select

_MODULE = ModuleSpec(
    short_description="Manage Google Play apps on Esper devices",
    description=(
        "Sets which apps Google Play installs on Android devices, and which it uninstalls.",
        SELECTION,
        "The module reads the policies of eight devices at a time, and sends only the apps that differ. Other apps of"
        " the devices are not changed.",
        FAILURES,
        "Esper does not document whether a request replaces the whole policy. The module assumes that it does not.",
    ),
    options=(
        *selection_options(),
        Option(
            "apps",
            "Apps to install or uninstall. An empty list changes nothing.",
            type="list",
            elements="dict",
            required=True,
            options=(
                Option("package_name", "Package name of the app.", required=True, identifier=True),
                Option(
                    "action",
                    "V(install) installs the app. V(uninstall) removes it from the policy and the device.",
                    choices=("install", "uninstall"),
                    default="install",
                ),
                Option(
                    "mcm_id",
                    "ID of a managed configuration of the app at Google. Requires O(apps[].action=install).",
                    identifier=True,
                    numbers=True,
                ),
            ),
        ),
        Option(
            "provisioning",
            "If V(true), Esper sets the apps as part of provisioning.",
            type="bool",
            default=False,
        ),
        Option("converging", "If V(true), Esper sets the apps as part of a converge.", type="bool", default=False),
    ),
    rules=SELECTION_RULES,
    returns=change_values(
        Value(
            "changed_apps",
            "Package names of the apps that the task installs or uninstalls.",
            type="list",
            elements="str",
            sample=["com.example.scanner"],
        ),
    ),
    seealso=("device_google_account", "device_google_account_info", "google_play_app"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    apps = _checked_apps(params["apps"])
    return change_devices(
        view,
        params,
        context,
        select(view, params),
        GOOGLE_ACCOUNT,
        functools.partial(_plan, view, params, apps),
        action="Setting the Google Play apps of",
    )


def _checked_apps(apps: list[Row]) -> dict[str, Row]:
    """Return the apps of a task by package name. Raise InvalidValues if one of them is invalid."""
    checked: dict[str, Row] = {}
    errors = []
    for index, app in enumerate(apps):
        name = app["package_name"].strip()
        if name in checked:
            errors.append(f"apps[{index}].package_name '{name}' is listed twice")
        if app["mcm_id"] is not None and app["action"] == "uninstall":
            errors.append(f"apps[{index}].mcm_id is not allowed with action=uninstall")
        checked[name] = {**app, "mcm_id": None if app["mcm_id"] is None else app["mcm_id"].strip()}
    if errors:
        raise InvalidValues(errors, "apps")
    return checked


def _plan(view: TenantView, params: Params, apps: dict[str, Row], device: Row) -> DeviceChange:
    if not apps:
        return DeviceChange(device, values={"changed_apps": []})
    if not is_android(device):
        return DeviceChange(device, error=NOT_ANDROID)
    policy = policy_of(view, device)
    if policy is None:
        advice = "Google does not manage the device. Add a Google account with device_google_account."
        return DeviceChange(device, error=advice)
    current = {app["package_name"]: {"mcm_id": app["mcm_id"]} for app in policy["apps"]}
    differing = {name: app for name, app in apps.items() if not _is_satisfied(app, current.get(name))}
    change = DeviceChange(device, values={"changed_apps": sorted(differing)})
    if not differing:
        return change
    change.before = {name: current.get(name) for name in differing}
    change.after = {
        name: None if app["action"] == "uninstall" else {**(current.get(name) or {}), "mcm_id": app["mcm_id"]}
        for name, app in differing.items()
    }
    change.step = Step(
        purpose=f"Setting the Google Play apps of the device '{label_of(device)}'",
        method="PUT",
        path=POLICY_ROUTE,
        ids={"id": str(device["id"])},
        query={
            name: "true"
            for name, is_set in (("is_provisioning", params["provisioning"]), ("is_converging", params["converging"]))
            if is_set
        },
        body={"applications": [_application(name, app) for name, app in differing.items()]},
        response_key="policy",
    )
    return change


def _is_satisfied(app: Row, current: Row | None) -> bool:
    """Return whether a device has, or does not have, an app as the task demands."""
    if app["action"] == "uninstall":
        return current is None
    return current is not None and app["mcm_id"] in (None, current["mcm_id"])


def _application(package_name: str, app: Row) -> Row:
    mcm_id = {} if app["mcm_id"] is None else {"mcm_id": app["mcm_id"]}
    return {"product_id": product_of(package_name), "app_action": app["action"], **mcm_id}


DEVICE_GOOGLE_POLICY = ModuleDefinition("device_google_policy", _MODULE, _run)
