# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The enrollment with Google, Play apps, web tokens: /v2/emm (v2.yaml), /v0/enterprise/{enterprise_id}/emm (v0.yaml).

The tenant starts without an enrollment. A person signs up by the control path `google`.
"""

from __future__ import annotations

from typing import Any

from exchange import Answer, Behavior, Call, Check, Refusal, found, legacy_list, not_found, refuse
from tenant import Tenant

from behaviors.applications import add_play_app, remove_play_app

BINDINGS = "/v0/enterprise/{enterprise_id}/emm"
_PRODUCTS = f"{BINDINGS}/{{emm_id}}/product"
_TOKENS = f"{BINDINGS}/{{emm_id}}/webtoken"
_ACCOUNTS = "/v2/emm/accounts"

_GOOGLE_ID = "LC02k9x4pz"
_STARTED, _ENROLLED = 1, 2
_TOKENS_OF_SIGN_UP = ("callback_url", "signup_url", "completion_token", "enterprise_token")
_RECORDED = ("google_enterprise_id", "name", "state", *_TOKENS_OF_SIGN_UP)
_INSTALL_STATES = ("INSTALLED", "FAILED")
_UPDATABLE = ("icon_url", "is_active", "min_sdk_version")

Row = dict[str, Any]


def seed(tenant: Tenant) -> None:
    """No binding: the derived behavior adds no examples either."""
    tenant.filled.add((BINDINGS, ""))


def sign_up(tenant: Tenant) -> str | None:
    """Sign a person up at Google for the pending sign-up. Return the token for the callback URL, None without one."""
    binding = _binding(tenant)
    if binding is None or binding["google_enterprise_id"]:
        return None
    binding["expected_token"] = tenant.new_secret("enterprise-{}")
    return str(binding["expected_token"])


# --- the enrollment ---------------------------------------------------------------------------------------------------


def begin(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/emm/enrollment/begin/: each sign-up makes the one before void."""
    binding = _binding(tenant)
    if binding is not None and binding["google_enterprise_id"]:
        raise Refusal(409, ["Google Enterprise already exists. "])
    row = {
        "google_enterprise_id": "",
        "name": "",
        "state": _STARTED,
        "callback_url": call.body["callback_url"],
        "signup_url": tenant.new_secret("https://play.google.com/work/signup?token={}"),
        "completion_token": tenant.new_secret("completion-{}"),
        "enterprise_token": "",
    }
    binding = _bind(tenant, row)
    names = ("tenant_id", "callback_url", "signup_url", "completion_token")
    return Answer({"content": {name: binding[name] for name in names}}, 201)


def complete(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/emm/enrollment/complete/: once, with the token that the person got."""
    binding = _binding(tenant)
    if (
        binding is None
        or binding["google_enterprise_id"]
        or binding["completion_token"] != call.body["completion_token"]
    ):
        raise not_found()
    if call.body["enterprise_token"] != binding.get("expected_token"):
        raise refuse("enterprise_token", "Invalid enterprise token.")
    values = {"google_enterprise_id": _GOOGLE_ID, "name": "Example Stores", "state": _ENROLLED}
    return Answer(
        {"content": _details(_bind(tenant, values | {"enterprise_token": call.body["enterprise_token"]}))}, 201
    )


def list_details(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/emm/details/: one row, also of a pending sign-up."""
    return _one([_details(row) for row in _bindings(tenant)])


def record(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/emm/details/: an enrollment that was made elsewhere."""
    binding = _binding(tenant)
    if binding is not None and binding["google_enterprise_id"]:
        raise Refusal(409, ["Google Enterprise already exists. "])
    values = {name: call.body[name] for name in _RECORDED if name in call.body}
    return Answer({"content": _details(_bind(tenant, {"name": "", **values}))}, 201)


def list_bindings(tenant: Tenant, call: Call) -> Answer:
    """GET .../emm."""
    return legacy_list(call, _bindings(tenant), _binding_of_v0)


def get_binding(tenant: Tenant, call: Call) -> Answer:
    """GET .../emm/{emm_id}."""
    return Answer(_binding_of_v0(found(tenant.objects[BINDINGS], call.values["emm_id"])))


def list_accounts(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/emm/accounts/: one row at most."""
    return _one(list(tenant.objects[_ACCOUNTS].values()))


def add_account(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/emm/accounts/: responses have the private key, so that a client that shows it is found out."""
    if tenant.objects[_ACCOUNTS]:
        raise Refusal(409, ["Google Service Account already exists. "])
    now = tenant.now()
    about = {"tenant_id": tenant.settings.enterprise_id, "is_synced_to_scapi": None, "created_at": now}
    account = tenant.objects[_ACCOUNTS][call.body["key_id"]] = {"name": "", **call.body, **about, "updated_at": now}
    return Answer({"content": account}, 201)


def issue_token(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/emm/web-token/: nothing is stored."""
    _check_enrolled(tenant, call)
    if (_binding(tenant) or {}).get("google_enterprise_id") != call.body["google_enterprise_id"]:
        raise refuse("google_enterprise_id", "Invalid Google Enterprise.")
    return Answer({"content": {"token": tenant.new_secret("web-{}")}})


def _bindings(tenant: Tenant) -> list[Row]:
    return list(tenant.objects[BINDINGS].values())


def _binding(tenant: Tenant) -> Row | None:
    return next(iter(_bindings(tenant)), None)


def _bind(tenant: Tenant, values: Row) -> Row:
    """Change the only binding, or add it. An enrolled tenant has the Play apps in its list of apps."""
    binding, now = _binding(tenant), tenant.now()
    if binding is None:
        number = tenant.new_number()
        binding = tenant.objects[BINDINGS][str(number)] = {
            "id": number,
            "tenant_id": tenant.settings.enterprise_id,
            "created_at": now,
        }
    binding.update(values, updated_at=now)
    if binding["google_enterprise_id"]:
        for app in [app for app in tenant.objects["applications"].values() if app["is_g_play"]]:
            _add_product(tenant, binding, app["package_name"], {})
    return binding


def _details(binding: Row) -> Row:
    return {name: value for name, value in binding.items() if name != "expected_token"} | {"is_synced_to_scapi": None}


def _binding_of_v0(binding: Row) -> Row:
    return {name: binding[name] for name in ("id", *_RECORDED)} | {
        "is_active": True,
        "created_on": binding["created_at"],
        "updated_on": binding["updated_at"],
        "enterprise": binding["tenant_id"],
    }


def _one(rows: list[Row]) -> Answer:
    return Answer({"content": {"count": len(rows), "prev": "", "next": "", "results": rows}})


def _check_enrolled(tenant: Tenant, call: Call) -> None:
    if not (_binding(tenant) or {}).get("google_enterprise_id"):
        raise Refusal(400, ["Enterprise not enrolled into EMM. "])


# --- Play apps --------------------------------------------------------------------------------------------------------


def list_products(tenant: Tenant, call: Call) -> Answer:
    """GET .../product/: both filters compare the whole value."""
    rows = [
        row
        for row in tenant.objects[_PRODUCTS].values()
        if all(row[name] == call.query.get(name, row[name]) for name in ("package_name", "google_product_id"))
    ]
    return legacy_list(call, rows, dict)


def add_product(tenant: Tenant, call: Call) -> Answer:
    """POST .../product/: package names are unique."""
    binding = found(tenant.objects[BINDINGS], call.values["emm_id"])
    package = call.body.get("package_name")
    if not package:
        raise refuse("package_name", "This field is required.")
    if any(row["package_name"] == package for row in tenant.objects[_PRODUCTS].values()):
        raise refuse("package_name", "Product with this package name already exists.")
    add_play_app(tenant, package)
    return Answer(_add_product(tenant, binding, package, call.body), 201)


def get_product(tenant: Tenant, call: Call) -> Answer:
    """GET .../product/{product_id}."""
    return Answer(_product(tenant, call))


def change_product(tenant: Tenant, call: Call) -> Answer:
    """PUT and PATCH .../product/{product_id}: keep what the body omits. PUT with `unapproved` deletes the app."""
    row = _product(tenant, call)
    if call.body.get("unapproved"):
        return delete_product(tenant, call)
    row.update({name: call.body[name] for name in _UPDATABLE if name in call.body}, updated_on=tenant.now())
    row["min_sdk_version"] = str(row["min_sdk_version"])
    return Answer(row)


def delete_product(tenant: Tenant, call: Call) -> Answer:
    """DELETE .../product/{product_id}: even if a blueprint uses the app."""
    row = _product(tenant, call)
    del tenant.objects[_PRODUCTS][row["id"]]
    remove_play_app(tenant, row["package_name"])
    return Answer(status=204)


def list_installs(tenant: Tenant, call: Call) -> Answer:
    """GET .../install/: the first Android devices, one of them without success."""
    _product(tenant, call)
    devices = [device for device in tenant.devices.values() if device.platform == "ANDROID"]
    rows = [
        {
            "id": device.id,
            "enterprise": tenant.settings.enterprise_id,
            "device": device.id,
            "install_state": state,
            "version_code": "124",
            "install_type": 1,
            "is_force_install": True,
            "reason_details": "" if state == "INSTALLED" else "Not enough storage",
            "created_on": device.created_at,
            "updated_on": device.created_at,
            "is_active": True,
        }
        for device, state in zip(devices, _INSTALL_STATES, strict=False)
    ]
    return legacy_list(
        call, [row for row in rows if call.query.get("install_state") in (None, row["install_state"])], dict
    )


def _product(tenant: Tenant, call: Call) -> Row:
    return found(tenant.objects[_PRODUCTS], call.values["product_id"])


def _add_product(tenant: Tenant, binding: Row, package: str, values: Row) -> Row:
    new, now = tenant.new_id(), tenant.now()
    row = {
        "icon_url": f"https://play.example.com/{package}.png",
        "is_active": True,
        "title": package.rpartition(".")[2].title(),
        "min_sdk_version": "21",
        **values,
        "id": new,
        "package_name": package,
        "google_product_id": f"app:{package}",
        "google_enterprise": binding["id"],
        "created_on": now,
        "updated_on": now,
    }
    tenant.objects[_PRODUCTS][new] = row
    return row


# --- web tokens -------------------------------------------------------------------------------------------------------


def _complete_token(tenant: Tenant, call: Call) -> None:
    """Add a token to a stored web token without one."""
    _check_enrolled(tenant, call)
    call.body.setdefault("token", tenant.new_secret("stored-{}"))


CHECKS: dict[str, Check] = {
    **{
        f"{method} {_PRODUCTS}/{path}": _check_enrolled
        for path, methods in (
            ("", ("GET", "POST")),
            ("{product_id}", ("GET", "PUT", "PATCH", "DELETE")),
            ("{product_id}/install/", ("GET",)),
        )
        for method in methods
    },
    **{f"{method} {_TOKENS}/{{webtoken_id}}": _check_enrolled for method in ("GET", "PUT", "PATCH", "DELETE")},
    f"GET {_TOKENS}/": _check_enrolled,
    f"POST {_TOKENS}/": _complete_token,
}
OPERATIONS: dict[str, Behavior] = {
    "POST /v2/emm/enrollment/begin/": begin,
    "POST /v2/emm/enrollment/complete/": complete,
    "GET /v2/emm/details/": list_details,
    "POST /v2/emm/details/": record,
    "GET /v2/emm/accounts/": list_accounts,
    "POST /v2/emm/accounts/": add_account,
    "POST /v2/emm/web-token/": issue_token,
    f"GET {BINDINGS}": list_bindings,
    f"GET {BINDINGS}/{{emm_id}}": get_binding,
    f"GET {_PRODUCTS}/": list_products,
    f"POST {_PRODUCTS}/": add_product,
    f"GET {_PRODUCTS}/{{product_id}}": get_product,
    f"PUT {_PRODUCTS}/{{product_id}}": change_product,
    f"PATCH {_PRODUCTS}/{{product_id}}": change_product,
    f"DELETE {_PRODUCTS}/{{product_id}}": delete_product,
    f"GET {_PRODUCTS}/{{product_id}}/install/": list_installs,
}
