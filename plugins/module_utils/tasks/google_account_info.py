# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that reads the Google accounts of devices: see google_accounts.py for the requests."""

from __future__ import annotations

import functools

from ..base.row import Params, Row
from ..engine.tenant_view import TenantView
from ..http.parallel import in_parallel
from ..kinds.device_reader import MISSING
from ..kinds.device_search import devices_option, find_devices, unique_devices
from ..model.conform import to_text
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value
from ..task import ModuleDefinition, ModuleResult, RunContext
from .device_changes import CONCURRENCY
from .device_details import is_android
from .google_accounts import (
    ACCOUNT_FIELDS,
    APP_FIELDS,
    EMM_FIELDS,
    POLICY_FIELDS,
    account_record,
    accounts_of,
    emm_devices_of,
    policy_of,
)
from .waiting import DEVICE_ID, DEVICE_NAME

_MODULE = ModuleSpec(
    short_description="Get Google accounts of Esper devices",
    description=(
        "Returns the Google accounts of devices, and optionally the apps that Google installs on them.",
        "This takes one request for each device and each kind of information, for eight devices at a time.",
        "Only Android devices have Google accounts.",
    ),
    options=(
        devices_option(
            "A device that does not exist is not an error. RV(missing) lists such devices.",
            "An empty list returns no device.",
            required=True,
        ),
        Option("policy", "If V(true), also returns the policies of the devices at Google.", type="bool", default=False),
        Option("emm", "If V(true), also returns what Google knows about the devices.", type="bool", default=False),
    ),
    returns=(
        Value(
            "devices",
            "The devices.",
            type="list",
            elements="dict",
            contains=(
                DEVICE_ID,
                DEVICE_NAME,
                Value(
                    "accounts",
                    "Google accounts of the device.",
                    type="list",
                    elements="dict",
                    contains=ACCOUNT_FIELDS,
                ),
                Value(
                    "emm_devices",
                    "What Google knows about the device. Only returned if O(emm=true).",
                    type="list",
                    elements="dict",
                    contains=EMM_FIELDS,
                ),
                Value(
                    "policy",
                    "Policy of the device at Google. Null if it has none. Only returned if O(policy=true).",
                    type="dict",
                    contains=(
                        *POLICY_FIELDS,
                        Value("apps", "Apps in the policy.", type="list", elements="dict", contains=APP_FIELDS),
                    ),
                ),
            ),
        ),
        MISSING,
    ),
    check_mode=READS_ONLY,
    diff_mode=NO_DIFF,
    seealso=("device_google_account", "device_google_policy"),
)


def _run(view: TenantView, params: Params, _context: RunContext) -> ModuleResult:
    found = find_devices(view, params["devices"])
    devices = unique_devices(found.values())
    records = list(in_parallel(view.client, functools.partial(_read, view, params), devices, CONCURRENCY))
    missing = [name for name, row in found.items() if row is None]
    return ModuleResult({"changed": False, "devices": records, MISSING.name: missing})


def _read(view: TenantView, params: Params, device: Row) -> Row:
    has_google = is_android(device)
    accounts = [account_record(view, device, each) for each in accounts_of(view, device)] if has_google else []
    record: Row = {"id": device["id"], "name": to_text(device.get("name")), "accounts": accounts}
    if params["emm"]:
        record["emm_devices"] = emm_devices_of(view, device) if has_google else []
    if params["policy"]:
        record["policy"] = policy_of(view, device) if has_google else None
    return record


DEVICE_GOOGLE_ACCOUNT_INFO = ModuleDefinition("device_google_account_info", _MODULE, _run)
