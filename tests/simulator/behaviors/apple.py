# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Webclips and the combined list of Apple apps (v2.yaml). The rest is derived from the contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from exchange import Answer, Behavior, Call, Check, Refusal, paged, refuse
from tenant import Tenant

WEBCLIPS = "/v2/webclips"

_APP_VERSIONS = "/v2/tenant-apps/{appId}/versions"
_BOOLEANS = {"true": True, "false": False}
_Row = dict[str, Any]


def seed(tenant: Tenant) -> None:
    """No webclip."""


# --- webclips ---------------------------------------------------------------------------------------------------------


def create_webclip(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/webclips: 409 if the name is taken. Booleans are written as in JSON. It returns HTTP 200."""
    name = call.body["esper_name"]
    if any(webclip["esper_name"] == name for webclip in tenant.objects[WEBCLIPS].values()):
        raise Refusal(409, [f"{name} already exists. "])
    flags = {}
    for key in ("is_full_screen", "is_removable"):
        if call.body[key] not in _BOOLEANS:
            raise refuse(key, "Must be a valid boolean.")
        flags[key] = _BOOLEANS[call.body[key]]
    texts = {key: call.body[key] for key in ("esper_name", "label", "url", "target_bundle_id", "target_bundle_name")}
    webclip = {"id": tenant.new_id(), **texts, **flags, **_about(tenant)}
    if icon := call.body.get("icon"):
        webclip["key"] = f"webclips/{webclip['id']}/{icon.name}"
        tenant.storage.put(webclip["key"], icon)
    tenant.objects[WEBCLIPS][webclip["id"]] = webclip
    return Answer({"content": _shown_webclip(tenant, call, webclip)})


def list_webclips(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/webclips: `exact_esper_name` is the whole name, `label` any part in any case."""
    name, label = call.query.get("exact_esper_name"), call.query.get("label", "").lower()
    webclips = [
        webclip
        for webclip in tenant.objects[WEBCLIPS].values()
        if name in (None, webclip["esper_name"]) and label in webclip["label"].lower()
    ]
    return _page(call, [_shown_webclip(tenant, call, webclip) for webclip in webclips])


def get_webclip(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/webclips/{webclipId}."""
    return Answer({"content": _shown_webclip(tenant, call, _found(tenant, WEBCLIPS, call.values["webclipId"]))})


def delete_webclip(tenant: Tenant, call: Call) -> Answer:
    """DELETE /v2/webclips/{webclipId}: 409 if a blueprint uses it. It returns the webclip."""
    webclip = _found(tenant, WEBCLIPS, call.values["webclipId"])
    if any(app.get("app_id") == webclip["id"] for app in _used(tenant, "apps")):
        raise Refusal(409, ["The webclip is used by blueprints. "])
    del tenant.objects[WEBCLIPS][webclip["id"]]
    return Answer({"content": _shown_webclip(tenant, call, webclip)})


def _shown_webclip(tenant: Tenant, call: Call, webclip: _Row) -> _Row:
    """A webclip as it is shown: without its name, and with a signed link to its icon."""
    icon = tenant.storage.link(call.host, webclip["key"]) if "key" in webclip else None
    return {**{key: value for key, value in webclip.items() if key not in ("esper_name", "key")}, "icon_url": icon}


def list_apps(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/apps: webclips and the versions of the tenant's own Apple apps."""
    webclips = [
        {
            **{key: webclip[key] for key in ("label", "url", "is_removable", "is_full_screen", "created_at")},
            "app_id": webclip["id"],
            "app_version_id": str(uuid5(NAMESPACE_URL, webclip["id"])),
            "app_type": "WEBCLIP",
            "name": webclip["esper_name"],
        }
        for webclip in tenant.objects[WEBCLIPS].values()
    ]
    versions = [
        {
            "app_id": version["app_id"],
            "app_version_id": version["id"],
            "app_type": version["app_type"],
            "name": version["app_name"],
        }
        for version in tenant.objects[_APP_VERSIONS].values()
        if version["app_type"] == "TENANT_IOS"
    ]
    kind = call.query.get("app_type")
    return _page(call, [app for app in (*webclips, *versions) if kind in (None, app["app_type"])])


# --- for both ---------------------------------------------------------------------------------------------------------


def _page(call: Call, rows: Sequence[_Row]) -> Answer:
    """A page whose `count` is the number of its rows."""
    page = paged(call, rows, default=10, maximum=100)
    links = {"next": page.next or "", "prev": page.previous or ""}
    return Answer({"content": {"count": len(page.items), **links, "results": page.items}})


def _used(tenant: Tenant, name: str) -> Iterator[_Row]:
    """The items of a list in the iOS settings of all blueprints, as they were saved last."""
    for blueprint in tenant.objects["blueprints"].values():
        yield from (blueprint["settings"].get("ios") or {}).get(name) or []


def _found(tenant: Tenant, table: str, key: str) -> _Row:
    row: _Row | None = tenant.objects[table].get(key.lower())
    if row is None:
        raise Refusal(404, ["Not found. "])
    return row


def _about(tenant: Tenant) -> _Row:
    now = tenant.now()
    return {
        "tenant_id": tenant.settings.enterprise_id,
        "created_at": now,
        "created_by": "1",
        "updated_at": now,
        "updated_by": "1",
    }


CHECKS: dict[str, Check] = {}

OPERATIONS: dict[str, Behavior] = {
    "GET /v2/webclips": list_webclips,
    "POST /v2/webclips": create_webclip,
    "GET /v2/webclips/{webclipId}": get_webclip,
    "DELETE /v2/webclips/{webclipId}": delete_webclip,
    "GET /v2/apps": list_apps,
}
