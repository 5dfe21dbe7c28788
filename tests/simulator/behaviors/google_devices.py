# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Google accounts of devices, and the apps that Google installs there: /v2/devices/{deviceId}/google-accounts/."""

from __future__ import annotations

from typing import Any

from exchange import Answer, Behavior, Call, Refusal, found, not_found, require
from tenant import Device, Tenant

ACCOUNTS = "google_accounts"
_PATH = "/v2/devices/{deviceId}/google-accounts/"


def seed(_tenant: Tenant) -> None:
    """No device has an account."""


def _add(tenant: Tenant, device: Device) -> dict[str, Any]:
    now = tenant.now()
    account = {
        "tenant_id": tenant.settings.enterprise_id,
        "device_id": device.id,
        "google_user_id": f"1000{device.number}",
        "google_device_id": f"{device.number:016x}",
        "account_identifier": device.id,
        "account_type": 1,
        "created_at": now,
        "updated_at": now,
        "apps": {},
    }
    tenant.objects[ACCOUNTS][device.id] = account
    return account


def _shown(account: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in account.items() if name != "apps"}


def _device(tenant: Tenant, call: Call) -> Device:
    return found(tenant.devices, call.values["deviceId"])


def _account(tenant: Tenant, call: Call) -> dict[str, Any]:
    account = tenant.objects[ACCOUNTS].get(_device(tenant, call).id)
    if account is None:
        raise not_found()
    return account


def list_accounts(tenant: Tenant, call: Call) -> Answer:
    """GET .../google-accounts/: without `count`."""
    account = tenant.objects[ACCOUNTS].get(_device(tenant, call).id)
    rows = [] if account is None else [_shown(account)]
    return Answer({"content": {"next": "", "previous": "", "results": rows}})


def create_account(tenant: Tenant, call: Call) -> Answer:
    """POST .../google-accounts/: without a body, the response has a token of the account."""
    device = _device(tenant, call)
    if device.id in tenant.objects[ACCOUNTS]:
        raise Refusal(409, ["detail: The device has a Google account. "])
    account = _shown(_add(tenant, device))
    if not call.body:
        account["google_authentication_token"] = tenant.new_secret("google-{}")
    return Answer({"content": account})


def change_account(tenant: Tenant, call: Call) -> Answer:
    """PUT .../google-accounts/: changes what Esper has on record."""
    account = _account(tenant, call)
    names = ("google_user_id", "google_device_id")
    require(call.body, names)
    account.update({name: call.body[name] for name in names}, updated_at=tenant.now())
    return Answer({"content": {"device_id": account["device_id"], "tenant_id": account["tenant_id"]}})


def delete_account(tenant: Tenant, call: Call) -> Answer:
    """DELETE .../google-accounts/: 404 if there is none."""
    account = _account(tenant, call)
    del tenant.objects[ACCOUNTS][account["device_id"]]
    return Answer({"content": _shown(account)})


def list_emm_devices(tenant: Tenant, call: Call) -> Answer:
    """GET .../emm-managed/: without an envelope, in Google's words."""
    account = tenant.objects[ACCOUNTS].get(_device(tenant, call).id)
    found_devices = [{"androidId": account["google_device_id"], "managementType": "managedDevice"}] if account else []
    return Answer({"device": found_devices})


def get_policy(tenant: Tenant, call: Call) -> Answer:
    """GET .../policy/: without an envelope; 404 if the device has no account."""
    return Answer(_policy(_account(tenant, call)))


def change_policy(tenant: Tenant, call: Call) -> Answer:
    """PUT .../policy/: keeps the apps that the body does not have."""
    account = _account(tenant, call)
    for app in call.body.get("applications", ()):
        require(app, ("product_id", "app_action"), "applications.")
        if app["app_action"] == "uninstall":
            account["apps"].pop(app["product_id"], None)
        else:
            account["apps"][app["product_id"]] = app.get("mcm_id")
    return Answer({"content": _policy(account)})


def _policy(account: dict[str, Any]) -> dict[str, Any]:
    products = [
        {
            "product_id": product,
            "auto_update_mode": "autoUpdateDefault",
            "auto_install_policy": {},
            **(
                {
                    "managed_configuration": {
                        "kind": "",
                        "configuration_variables": {"mcm_id": mcm_id, "variable_set": []},
                    }
                }
                if mcm_id
                else {}
            ),
        }
        for product, mcm_id in account["apps"].items()
    ]
    return {
        "android_id": account["google_device_id"],
        "management_type": "managedDevice",
        "policy": {
            "auto_update_policy": "wifiOnly",
            "device_report_policy": "deviceReportDisabled",
            "product_availability_policy": "all",
            "product_policy": products,
        },
    }


OPERATIONS: dict[str, Behavior] = {
    f"GET {_PATH}": list_accounts,
    f"POST {_PATH}": create_account,
    f"PUT {_PATH}": change_account,
    f"DELETE {_PATH}": delete_account,
    f"GET {_PATH}emm-managed/": list_emm_devices,
    f"GET {_PATH}policy/": get_policy,
    f"PUT {_PATH}policy/": change_policy,
}
