# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Google accounts of devices, and the apps that Google installs there.

Based on /v2/devices/{deviceId}/google-accounts/ of the contract (v2.yaml), with emm-managed/ and policy/ below it. The
identity of an account is its device.

Choice: HTTP 404 means that the device has no account, no policy, or is not managed by Google.
"""

from __future__ import annotations

import typing as t

from ..base.errors import ApiError
from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..http.paging import list_all
from ..kinds.device_search import label_of
from ..model.conform import to_row, to_rows, typed_result
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape

_NOT_FOUND = 404
_ROUTE = "/v2/devices/{id}/google-accounts/"
POLICY_ROUTE = f"{_ROUTE}policy/"
_PRODUCT = "app:"

ACCOUNT_FIELDS = (
    Field("google_user_id", "ID of the account at Google.", sample="100041"),
    Field("google_device_id", "ID of the device at Google.", sample="3b2a4c5d6e7f8091"),
    Field("account_identifier", "Identifier of the account.", sample="e2425d4b-c266-41b4-a83e-490189fc9a0f"),
    Field("account_type", "Type of the account. Esper does not document the numbers.", type="int", sample=1),
    Field("created_at", "Time of creation.", sample="2026-03-01T09:30:00Z"),
    Field("updated_at", "Time of the last change.", sample="2026-03-01T09:30:00Z"),
)
EMM_FIELDS = (
    Field("android_id", "Android ID of the device.", api="androidId", sample="3b2a4c5d6e7f8091"),
    Field("management_type", "Type of the management.", api="managementType", sample="managedDevice"),
)
POLICY_FIELDS = (
    Field("auto_update_policy", "Policy for updates of apps.", sample="wifiOnly"),
    Field("device_report_policy", "Policy for reports of the device.", sample="deviceReportDisabled"),
    Field("product_availability_policy", "Apps that are available on the device.", sample="whitelist"),
)
APP_FIELDS = (
    Field(
        "package_name",
        "Package name of the app.",
        api="product_id",
        normalize=lambda product: product.removeprefix(_PRODUCT),
        sample="com.example.scanner",
    ),
    Field("auto_update_mode", "Mode of updates of the app.", sample="autoUpdateDefault"),
    Field(
        "auto_install_mode",
        "Mode of the installation of the app.",
        api="auto_install_policy.auto_install_mode",
        sample="forceAutoInstall",
    ),
    Field(
        "mcm_id",
        "ID of the managed configuration of the app at Google.",
        api="managed_configuration.configuration_variables.mcm_id",
        sample=None,
    ),
)
GOOGLE_ACCOUNT = Kind(
    name="google_account",
    title="Google account",
    plural="google_accounts",
    routes=Routes(list=_ROUTE, object=_ROUTE),
    shape=Shape.READ_ONLY,
    id_key="device_id",
    fields=(
        Field("device_id"),
        *ACCOUNT_FIELDS,
        Field("google_authentication_token", secret=True),
    ),
)


def accounts_of(view: TenantView, device: Row) -> list[Row]:
    """Return the Google accounts of a device."""
    purpose = f"Reading the Google accounts of the device '{label_of(device)}'"
    try:
        rows = list_all(view.client, _path(_ROUTE, device), page_size=None, key=None, purpose=purpose)
    except ApiError as error:
        if error.status != _NOT_FOUND:
            raise
        return []
    for row in rows:
        view.hide_secrets(GOOGLE_ACCOUNT, row)
    return rows


def account_record(view: TenantView, device: Row, account: Row) -> Row:
    """Return an account in collection terms."""
    return _record(view, ACCOUNT_FIELDS, device, account)


def emm_devices_of(view: TenantView, device: Row) -> list[Row]:
    """Return what Google knows about a device, in collection terms."""
    body = _find(view, f"{_ROUTE}emm-managed/", device, "the Google device of")
    return [_record(view, EMM_FIELDS, device, row) for row in to_rows((body or {}).get("device"))]


def policy_of(view: TenantView, device: Row) -> Row | None:
    """Return the policy of a device at Google with its apps, in collection terms, None if there is none."""
    body = _find(view, POLICY_ROUTE, device, "the Google policy of")
    if body is None:
        return None
    policy = to_row(body.get("policy"))
    apps = [_record(view, APP_FIELDS, device, row) for row in to_rows(policy.get("product_policy"))]
    return {**_record(view, POLICY_FIELDS, device, policy), "apps": apps}


def product_of(package_name: str) -> str:
    """Return the name of an app at Google."""
    return f"{_PRODUCT}{package_name}"


def _find(view: TenantView, route: str, device: Row, what: str) -> Row | None:
    purpose = f"Reading {what} the device '{label_of(device)}'"
    return view.client.find_object(route, ids={"id": str(device["id"])}, key=None, purpose=purpose)


def _path(route: str, device: Row) -> str:
    return route.replace("{id}", str(device["id"]))


def _record(view: TenantView, fields: t.Sequence[Field], device: Row, row: Row) -> Row:
    record, mismatches = typed_result(fields, row)
    view.record_invalid("device", label_of(device), mismatches)
    return record
