# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that adds Google accounts to devices, and removes them: see google_accounts.py for the requests.

Choice: an account is created without a body, because the contract requires IDs in the body that only Google assigns.
Choice: the IDs of an account are only changed if the device has one.
"""

from __future__ import annotations

import functools

from ..base.errors import InvalidParameter
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
from .google_accounts import ACCOUNT_FIELDS, GOOGLE_ACCOUNT, account_record, accounts_of
from .selection import SELECTION, select

_IDS = ("google_user_id", "google_device_id")
_ID_FIELDS = tuple(each for each in ACCOUNT_FIELDS if each.name in _IDS)

_MODULE = ModuleSpec(
    short_description="Manage Google accounts of Esper devices",
    description=(
        "Adds a Google account to Android devices that have none, or removes the accounts. Without an account, Google"
        " Play does not install apps on the device.",
        "The Esper agent adds the account during enrollment, so this module is for repairs.",
        SELECTION,
        "The module reads the accounts of eight devices at a time, and sends no request for a device that is already in"
        " the desired state.",
        FAILURES,
    ),
    options=(
        Option(
            "state",
            (
                "Desired state of the Google accounts.",
                "V(present) adds an account to each device without one. V(absent) removes the accounts, and the devices"
                " from the management by Google. Apps from Google Play then stop working.",
            ),
            choices=("present", "absent"),
            default="present",
        ),
        *selection_options("O(state=absent)"),
        Option(
            "google_user_id",
            "ID of the account at Google that Esper must have on record. Requires exactly one device with an account.",
            identifier=True,
            numbers=True,
        ),
        Option(
            "google_device_id",
            "ID of the device at Google that Esper must have on record. Requires exactly one device with an account.",
            identifier=True,
            numbers=True,
        ),
        Option(
            "confirm",
            "If V(true), confirms O(state=absent), after which apps of Google Play stop working.",
            type="bool",
            default=False,
        ),
    ),
    rules={**SELECTION_RULES, "required_together": [_IDS]},
    returns=change_values(
        *(Value(each.name, f"{each.doc} Null if it is not known.", sample=each.sample) for each in _ID_FIELDS)
    ),
    seealso=("device_google_account_info", "device_google_policy"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    is_removal = params["state"] == "absent"
    if is_removal and params["google_user_id"] is not None:
        raise InvalidParameter("The option google_user_id requires state=present, not state=absent.")
    selection = select(view, params)
    if params["google_user_id"] is not None and selection.count != 1:
        raise InvalidParameter(f"The option google_user_id requires one device, not {selection.count}.")
    return change_devices(
        view,
        params,
        context,
        selection,
        GOOGLE_ACCOUNT,
        functools.partial(_plan_removal if is_removal else _plan, view, params),
        action="Removing Google accounts of" if is_removal else "Setting Google accounts of",
        effect="stops apps from Google Play" if is_removal else "",
    )


def _plan(view: TenantView, params: Params, device: Row) -> DeviceChange:
    if not is_android(device):
        return DeviceChange(device, error=NOT_ANDROID)
    wanted = {name: params[name].strip() for name in _IDS if params[name] is not None}
    accounts = [_ids_of(view, device, each) for each in accounts_of(view, device)]
    current = wanted if wanted in accounts else next(iter(accounts), None)
    change = DeviceChange(device, before=current or {}, values=current or dict.fromkeys(_IDS))
    if current is None:
        if wanted:
            change.error = "The device has no Google account whose IDs can be changed. Omit google_user_id first."
            return change
        change.step = _step(device, "POST", f"Adding a Google account to the device '{label_of(device)}'")
        change.step.find_existing = lambda _body: _existing(view, change)
        change.step.extract_object = lambda row: _keep_ids(view, change, row)
        change.after = {"google_account": "added"}
    elif wanted and current != wanted:
        purpose = f"Changing the Google account of the device '{label_of(device)}'"
        change.step = _step(device, "PUT", purpose, wanted)
        change.after = change.values = wanted
    return change


def _plan_removal(view: TenantView, _params: Params, device: Row) -> DeviceChange:
    accounts = accounts_of(view, device) if is_android(device) else []
    change = DeviceChange(device, values=dict.fromkeys(_IDS))
    if accounts:
        change.before = _ids_of(view, device, accounts[0])
        change.step = _step(device, "DELETE", f"Removing the Google account of the device '{label_of(device)}'")
    return change


def _step(device: Row, method: str, purpose: str, body: Row | None = None) -> Step:
    return Step(purpose, method, GOOGLE_ACCOUNT.routes.object, ids={"id": str(device["id"])}, body=body)


def _ids_of(view: TenantView, device: Row, account: Row) -> Row:
    record = account_record(view, device, account)
    return {name: record[name] for name in _IDS}


def _existing(view: TenantView, change: DeviceChange) -> Row | None:
    """Return the account of a device if the response to its creation is lost, or another client created it."""
    found = accounts_of(view, change.row)
    return _keep_ids(view, change, found[0]) if found else None


def _keep_ids(view: TenantView, change: DeviceChange, row: Row) -> Row:
    """Return the new account in a response, with the ID of its device."""
    if not row:
        return row
    change.values = _ids_of(view, change.row, row)
    return {**row, "device_id": change.row["id"]}


DEVICE_GOOGLE_ACCOUNT = ModuleDefinition("device_google_account", _MODULE, _run)
