# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compliance policies: /enterprise/{enterprise_id}/policy/ (legacy.yaml)."""

from __future__ import annotations

from typing import Any

from exchange import Answer, Behavior, Call, Refusal, enterprise_url, found, instant, legacy_list, refuse, stripped
from tenant import Tenant

Policy = dict[str, Any]

MASK = "********"

# Name -> the number of devices that have the policy, and its settings.
_POLICIES: dict[str, tuple[int, dict[str, Any]]] = {
    "Kiosk base": (0, {"kioskMode": True, "statusBarDisabled": True, "settingsAppPassword": "open sesame"}),
    # The one that devices name as their own.
    "Locked down": (12, {"adbDisabled": True, "factoryResetDisabled": True, "settingsAppPassword": "let me in"}),
    "kiosk base": (0, {"kioskMode": False, "permissionPolicy": "PERMISSION_POLICY_PROMPT"}),
    "Tills": (
        3,
        {
            "applications": [{"packageName": "com.example.till", "state": "SHOW"}],
            "phonePolicy": {"incomingNumbers": ["+4930123456"], "dialer": "DEFAULT", "allowUssdCodes": False},
            "minimumPasswordLength": 6,
        },
    ),
    "Büro": (0, {"devicePasswordPolicy": {"passwordQuality": "PASSWORD_QUALITY_NUMERIC"}, "cameraDisabled": False}),
}


def seed(tenant: Tenant) -> None:
    """A few policies, two of which differ only in case, and two of which devices have."""
    for name, (devices, settings) in _POLICIES.items():
        policy = _add(tenant, {"name": name, "description": f"{name} devices", "policy": settings})
        policy.update(device_count=devices, is_active=name != "Büro")


def list_policies(tenant: Tenant, call: Call) -> Answer:
    """GET .../policy/: `name` finds any part of a name, in any case; both limits of the time are inclusive."""
    name, active = call.query.get("name", "").lower(), call.query.get("is_active", "").lower()
    first, last = [
        instant(limit, call.query[limit]) if limit in call.query else None
        for limit in ("created_on_gt", "created_on_lt")
    ]
    policies = [
        policy
        for policy in tenant.objects["policies"].values()
        if name in policy["name"].lower()
        and active in ("", str(policy["is_active"]).lower())
        and (first is None or instant("", policy["created_on"]) >= first)
        and (last is None or instant("", policy["created_on"]) <= last)
    ]
    return legacy_list(call, policies, show=lambda policy: _shown(tenant, policy))


def get_policy(tenant: Tenant, call: Call) -> Answer:
    """GET .../policy/{policy_id}/."""
    return Answer(_shown(tenant, found(tenant.objects["policies"], call.values["policy_id"])))


def create_policy(tenant: Tenant, call: Call) -> Answer:
    """POST .../policy/."""
    return Answer(_shown(tenant, _add(tenant, _checked(tenant, call.body))), status=201)


def update_policy(tenant: Tenant, call: Call) -> Answer:
    """PUT or PATCH .../policy/{policy_id}/: what is sent replaces what is there, the settings as a whole."""
    policy = found(tenant.objects["policies"], call.values["policy_id"])
    if policy["device_count"]:
        raise Refusal(400, ["Policy cannot be edited once applied to devices. "])
    policy.update(_checked(tenant, call.body, policy), updated_on=tenant.now())
    return Answer(_shown(tenant, policy))


def delete_policy(tenant: Tenant, call: Call) -> Answer:
    """DELETE .../policy/{policy_id}/: only a policy that no device has."""
    policy = found(tenant.objects["policies"], call.values["policy_id"])
    if policy["device_count"]:
        raise Refusal(400, [f"Policy is applied to {policy['device_count']} devices and cannot be deleted. "])
    del tenant.objects["policies"][call.values["policy_id"]]
    return Answer(status=204)


def _add(tenant: Tenant, values: dict[str, Any]) -> Policy:
    number, uuid, now = tenant.new_number(), tenant.new_id(), tenant.now()
    policy = {
        "id": number,
        "uuid": uuid,
        "name": "",
        "description": None,
        "device_count": 0,
        "google_policy_id": None,
        "policy": {},
        "updated_on": now,
        "created_on": now,
        "is_active": True,
        **values,
    }
    tenant.objects["policies"][str(number)] = policy
    return policy


def _checked(tenant: Tenant, body: dict[str, Any], policy: Policy | None = None) -> dict[str, Any]:
    """The values in a body that are kept, if they may replace those of `policy`."""
    if "enterprise" in body and not body["enterprise"].endswith(f"/enterprise/{tenant.settings.enterprise_id}/"):
        raise refuse("enterprise", "Invalid hyperlink - No URL match.")
    values = {name: value for name, value in body.items() if name not in ("enterprise", "is_template")}
    if "name" in values:
        values["name"] = stripped(values, "name")
        others = [other["name"] for other in tenant.objects["policies"].values() if other is not policy]
        if values["name"] in others:
            raise Refusal(400, ["The fields name, enterprise must make a unique set. "])
    return values


def _shown(tenant: Tenant, policy: Policy) -> Policy:
    """A policy as it is read: the password is masked."""
    enterprise, settings = enterprise_url(tenant), policy["policy"]
    if settings.get("settingsAppPassword"):
        settings = settings | {"settingsAppPassword": MASK}
    return policy | {"enterprise": enterprise, "url": f"{enterprise}policy/{policy['id']}/", "policy": settings}


OPERATIONS: dict[str, Behavior] = {
    "GET /enterprise/{enterprise_id}/policy/": list_policies,
    "POST /enterprise/{enterprise_id}/policy/": create_policy,
    "GET /enterprise/{enterprise_id}/policy/{policy_id}/": get_policy,
    "PUT /enterprise/{enterprise_id}/policy/{policy_id}/": update_policy,
    "PATCH /enterprise/{enterprise_id}/policy/{policy_id}/": update_policy,
    "DELETE /enterprise/{enterprise_id}/policy/{policy_id}/": delete_policy,
}
