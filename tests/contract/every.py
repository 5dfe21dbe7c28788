# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of any operation of the contract: valid parameters and bodies, made from the schemas, the same in each run.

The simulator makes its answers from schemas too. This is a separate, smaller generator on purpose: a misreading of the
contract must not be shared by both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import apple_files
import mobileprovision
from behaviors.google import sign_up
from behaviors.pipeline_runs import RUNS, TARGET_RUNS
from behaviors.pipelines import TARGET_LISTS
from behaviors.roles import ROLES
from behaviors.users import INVITATIONS
from contract import Contract, Operation, Schema
from dispatch import Service
from exchange import Reply
from forms import KIND
from process import ENTERPRISE_ID, KEY
from seed import new_tenant
from storage import File
from tenant import Settings

_TEXTS = {
    "uuid": "0b1e7f3c-0000-4000-8000-000000000001",
    "UUID": "0b1e7f3c-0000-4000-8000-000000000001",
    "date": "2026-02-01",
    "date-time": "2026-02-01T10:00:00Z",
    "timestamp": "2026-02-01T10:00:00Z",
    "email": "someone@example.com",
    "url": "https://example.com/",
    "uri": "https://example.com/",
    "decimal": "1.5",
}
# Texts for the patterns of the contract.
_PATTERNS = {"^[A-Z]{2}$": "DE", "^[a-zA-Z]{2}$": "de"}

# Collections that the contract does not list at their own path, or only when there are rows, and where to find or make
# some.
_ELSEWHERE = {
    "/device/v0/devices": "/v2/devices/",
    "/device/v0/heartbeat": "/v2/devices/",
    "/enterprise/{enterprise_id}/group": "/enterprise/{enterprise_id}/devicegroup/",
    "/v0/devices": "/v2/devices/",
    "/v0/enterprise/{enterprise_id}/emm": "/v2/emm/details/",
    "/v0/enterprise/{enterprise_id}/device": "/v2/devices/",
    "/v1/enterprise/{enterprise_id}/device": "/v2/devices/",
    "/v0/enterprise/{enterprise_id}/create-apply-geofence": "/v0/enterprise/{enterprise_id}/create-apply-geo-fence/",
    "/v0/enterprise/{enterprise_id}/geofence": "/v0/enterprise/{enterprise_id}/create-apply-geo-fence/",
    "/authn2/v0/tenant/{enterprise_id}/user": "/authn2/v1/users/",
    "/authn2/v0/user": "/authn2/v1/users/",
    "/authz2/v1/users": "/authn2/v1/users/",
    "/pipelines/v0/stages": "/pipelines/v0/pipelines/{pipeline_id}/stages/",
    "/pipelines/v0/operationlists": "/pipelines/v0/stages/{stage_id}/operationlists/",
    "/pipelines/v0/runs": "/pipelines/v0/pipelines/{pipeline_id}/runs/",
    "/pipelines/v0/stageruns": "/pipelines/v0/runs/{pipeline_run_id}/stageruns/",
}

# Parameters of paths that are another property than the ID of a row.
_PROPERTIES = {"devicegroup_id": "device_group_id"}

# Collections that the contract does not list: the operation that makes a row, and the key of its ID in the answer.
_WITHIN = {
    "/v2/scripts": ("POST /v2/custom-actions/", "script_id"),
    "/v2/esper-apps": ("GET /v2/tenant-esper-apps", "app_id"),
    "/v2/esper-apps/{appId}/versions": ("GET /v2/tenant-esper-apps", "app_version_id"),
}

_COMMAND = "POST /commands/v0/commands/"
_GROUP = "/enterprise/{enterprise_id}/devicegroup/{group_id}/"
_GROUP_BODY: dict[str, Any] = {"parent": None, "device_ids": None, "thumbnail": None}
_TILE_ICON = "POST /v1/enterprise/{enterprise_id}/tile-icons/"
_PICTURE = File.of("picture.png", "image/png", b"data")
_POLICY = "/enterprise/{enterprise_id}/policy/"
_APNS = "/tenant/v0/apnscertificates/"
_DEP = "/tenant/v0/deptokens/"
_RULES = "/v1/enterprise/{enterprise_id}/alarmrules/"
_PIPELINE = "/pipelines/v0/pipelines/{pipeline_id}/"
_TARGET_LIST = f"{_PIPELINE}targetlists/{{targetlist_id}}/"
_RUN = f"{_PIPELINE}runs/{{pipeline_run_id}}/"
_TARGET_RUNS = "/pipelines/v0/stageruns/{stage_run_id}/targetruns/"
_ENROLLMENT = "POST /v2/emm/details/"
_REMOTE_FILE = "/v0/enterprise/{enterprise_id}/content/remote-file/"


def _command(caller: Caller) -> dict[str, Any]:
    return {"command": "REBOOT", "command_type": "DEVICE", "devices": [caller.device], "schedule": "IMMEDIATE"}


def _rule(caller: Caller) -> dict[str, Any]:
    # A rule has devices or groups.
    return {"groups": None, "alert_channels": None}


def _group_link(caller: Caller) -> dict[str, Any]:
    # Only a list of device groups takes one.
    for row in caller.service.tenant.objects[TARGET_LISTS].values():
        row["target_list_type"] = "GROUPS"
    return {"device_group_id": caller.service.tenant.root}


def _completion(caller: Caller) -> dict[str, Any]:
    started = caller.prepare("POST /v2/emm/enrollment/begin/")["content"]
    return {"completion_token": started["completion_token"], "enterprise_token": sign_up(caller.service.tenant)}


def _enterprise(caller: Caller) -> dict[str, Any]:
    return {"enterprise": f"http://tenant.invalid/api/enterprise/{ENTERPRISE_ID}/"}


# Properties of bodies that operations with a behavior of their own need beyond the contract. None removes a property.
_BODIES: dict[str, Callable[[Caller], dict[str, Any]]] = {
    _COMMAND: _command,
    "POST /v0/enterprise/{enterprise_id}/command/": _command,
    "POST /v0/operations/": lambda caller: {
        "operation": "REBOOT",
        "operation_device_query": {"device_ids": caller.device},
        "schedule_type": "IMMEDIATE",
    },
    "POST /v2/converge": lambda caller: {"device_id": caller.device, "schedule_type": "IMMEDIATE"},
    "POST /enterprise/{enterprise_id}/devicegroup/": lambda caller: _GROUP_BODY,
    f"PUT {_GROUP}": lambda caller: _GROUP_BODY,
    f"PATCH {_GROUP}": lambda caller: _GROUP_BODY,
    "POST /enterprise/{enterprise_id}/devicegroup/thumbnail/": lambda caller: {"image_file": _PICTURE},
    "POST /v1/enterprise/{enterprise_id}/wallpaper/": lambda caller: {"image_file": _PICTURE},
    _TILE_ICON: lambda caller: {"icon_file": _PICTURE},
    "POST /v1/enterprise/{enterprise_id}/tile-icon-apply/": lambda caller: {"icon": caller.prepare(_TILE_ICON)["id"]},
    "POST /v2/tenant-apps/{appId}/versions/{versionId}/artifacts": lambda caller: {
        "artifact_type": "UWP_CERTIFICATE",
        "file": File.of("kiosk.cer", None, b"certificate"),
    },
    f"POST {_RULES}": _rule,
    f"PUT {_RULES}{{alarm_id}}/": _rule,
    f"PATCH {_RULES}{{alarm_id}}/": _rule,
    f"POST {_POLICY}": _enterprise,
    f"PUT {_POLICY}{{policy_id}}/": _enterprise,
    f"PATCH {_POLICY}{{policy_id}}/": _enterprise,
    "PUT /authz2/v1/users/{user_id}": lambda caller: {
        "groups": [caller.service.tenant.root],
        "authz_role_id": next(iter(caller.service.tenant.objects[ROLES])),
    },
    f"POST {INVITATIONS}": lambda caller: {
        "meta": {"email": _TEXTS["email"], "profile": {"role": "Viewer", "enterprise": ENTERPRISE_ID}}
    },
    "PUT /authz2/v1/roles/{role_id}/scopes": lambda caller: {"scope_ids": None},
    "PATCH /enterprise/{enterprise_id}/application/{application_id}/version/{version_id}/": (
        lambda caller: {"min_sdk_version": "21", "target_sdk_version": "34"}
    ),
    "PATCH /v1/enterprise/{enterprise_id}/application/{application_id}/version/{version_id}/": (
        lambda caller: {"min_sdk_version": "21"}
    ),
    "POST /enterprise/{enterprise_id}/application/upload/": lambda caller: {
        "app_file": File.of("com.example.new-1.0-1.apk", None, b"data")
    },
    "POST /v2/background-scripts/": lambda caller: {"frequency_in_mins": None},
    "POST /v2/seamless": lambda caller: {
        "assigned_blueprint_id": next(iter(caller.service.tenant.objects["blueprints"])),
        "group_id": caller.service.tenant.root,
    },
    "POST /v2/provisioning-profiles": lambda caller: {
        "file": File.of("shop.mobileprovision", None, mobileprovision.made(mobileprovision.Profile("Shop", "com.shop")))
    },
    f"POST {_PIPELINE}targetlists/": lambda caller: {"target_list_type": "DEVICES"},
    "POST /pipelines/v0/stages/{stage_id}/targetlists/": lambda caller: {
        "target_list_id": caller.prepare(f"POST {_PIPELINE}targetlists/")["content"]["id"]
    },
    f"POST {_TARGET_LIST}targets/": lambda caller: {"device_id": caller.device},
    f"POST {_TARGET_LIST}devicegroups/": _group_link,
    f"PUT {_RUN}": lambda caller: {"status": "cancelled"},
    "PUT /pipelines/v0/runs/{pipeline_run_id}/stageruns/{stage_run_id}/": lambda caller: {"status": "cancelled"},
    f"POST {_TARGET_RUNS}": lambda caller: {
        "target_id": [*caller.service.tenant.objects[TARGET_RUNS].values()][-1]["target_id"]
    },
    f"PUT {_APNS}{{id}}/": lambda caller: {"file": File.of("apns.pem", None, apple_files.certificate())},
    f"PUT {_DEP}{{id}}/": lambda caller: {"file": File.of("token.p7m", None, apple_files.dep_token())},
    "POST /tenant/v0/vpptokens/": lambda caller: {"filename": File.of("token.vpptoken", None, apple_files.vpp_token())},
    # The list in v0 has them as URLs.
    _ENROLLMENT: lambda caller: dict.fromkeys(("callback_url", "signup_url"), _TEXTS["url"]),
    "POST /v2/emm/enrollment/complete/": _completion,
    "POST /v2/emm/web-token/": lambda caller: {
        "google_enterprise_id": caller.prepare(_ENROLLMENT)["content"]["google_enterprise_id"]
    },
    # A geofence with devices cannot be deleted.
    "POST /v0/enterprise/{enterprise_id}/create-apply-geo-fence/": lambda caller: {"devices": []},
    "PUT /v1/foundry/device-models/{device_model_id}/": lambda caller: {"locked_build_id": None},
    f"POST {_REMOTE_FILE}generate_download_url/": lambda caller: {
        "file_key": caller.prepare(f"POST {_REMOTE_FILE}")["file_key"]
    },
}
# The same for queries; here too what is needed is made before.
_QUERIES: dict[str, Callable[[Caller], dict[str, Any]]] = {
    # Otherwise the users are behind a thousand accounts of devices.
    "GET /user/": lambda caller: {"exclude_google_roles": "true", "exclude_enterprise_device_role": "true"},
    "GET /commands/v0/status/": lambda caller: {"request": caller.prepare(_COMMAND)["content"]["id"]},
    "GET /geofence/v1/geofences/{geofence_id}/blueprints": lambda caller: {"limit": 10, "offset": 0},
    "GET /geofence/v1/geofences/{geofence_id}/devices": lambda caller: {"limit": 10, "offset": 0},
    "GET /v2/command-inbox/": lambda caller: {"device_id": caller.device},
    "GET /v2/itunesapps": lambda caller: {"apple_app_id": "361309726"},
    "GET /v2/oem-config-schema": lambda caller: {"package_name": "com.example.oemconfig"},
    "GET /v2/subgroups": lambda caller: {"parent_group_ids": caller.service.tenant.root},
}
# Operations about something that another operation makes first, at a path that does not name it.
_AFTER = {
    f"DELETE {_GROUP}": "POST /enterprise/{enterprise_id}/devicegroup/",
    "DELETE /v2/blueprints/{blueprint_id}/": "POST /v2/blueprints/",
    # A run can be deleted after its end.
    f"DELETE {_RUN}": f"PUT {_RUN}",
    **{f"{method} {_APNS}{{id}}/": f"POST {_APNS}" for method in ("GET", "PUT", "DELETE")},
    **{f"{method} {_DEP}{{id}}/": f"POST {_DEP}" for method in ("GET", "PUT")},
    **dict.fromkeys(
        (
            "PUT /v2/devices/{deviceId}/google-accounts/",
            "DELETE /v2/devices/{deviceId}/google-accounts/",
            "GET /v2/devices/{deviceId}/google-accounts/policy/",
            "PUT /v2/devices/{deviceId}/google-accounts/policy/",
        ),
        "POST /v2/devices/{deviceId}/google-accounts/",
    ),
}
# What a run of a pipeline needs; it starts when it is read.
_FOR_RUNS = (
    "POST /pipelines/v0/pipelines/",
    f"POST {_PIPELINE}stages/",
    "POST /pipelines/v0/stages/{stage_id}/targetlists/",
    f"POST {_TARGET_LIST}targets/",
    "POST /pipelines/v0/stages/{stage_id}/operationlists/",
    "POST /pipelines/v0/operationlists/{operationlist_id}/operations/",
    f"POST {_PIPELINE}runs/",
    f"GET {_RUN}",
)
_SETTINGS = Settings(devices=12, groups=6, tags=3, seed=7, api_key=KEY, enterprise_id=ENTERPRISE_ID)


class Caller:
    """The API of a simulated tenant, without HTTP between."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.service = Service(contract, new_tenant(_SETTINGS))
        self._is_changed = False

    def reset(self) -> None:
        """Reset the tenant, unless it was only read."""
        if self._is_changed:
            self.service.tenant = new_tenant(_SETTINGS)
            self._is_changed = False

    def call(self, operation: Operation, values: Mapping[str, str], body: Any = None, **query: object) -> Reply:
        """Call an operation; files in the body make it a form."""
        self._is_changed |= operation.method != "GET"
        path = operation.path
        for name, value in {"enterprise_id": ENTERPRISE_ID, **values}.items():
            path = path.replace(f"{{{name}}}", str(value))
        kind = KIND if operation.form else "application/json"
        headers = {"Authorization": f"Bearer {KEY}", "Host": "127.0.0.1:1", "Content-Type": kind}
        data = body if operation.form else b"" if operation.body is None else json.dumps(body).encode()
        texts = {name: str(value) for name, value in query.items()}
        reply = self.service.reply(operation.method, path, texts, headers, data)
        content = content_of(reply)
        flaws = self.contract.validate_answer(operation.method, path, reply.status, content)
        assert flaws == [], flaws
        return reply

    def body(self, operation: Operation) -> Any:
        """A valid body, or form, with all that may be set."""
        if operation.form:
            body: Any = {name: self._part(name, spec) for name, spec in operation.form["properties"].items()}
        elif operation.body:
            body = self.value(operation.body)
        else:
            return None
        if change := _BODIES.get(f"{operation.method} {operation.path}"):
            body |= change(self)
        return {name: value for name, value in body.items() if value is not None} if isinstance(body, dict) else body

    def query(self, operation: Operation) -> dict[str, Any]:
        """The query parameters that are required."""
        query = {
            name: self.value(spec["schema"], name)
            for (name, place), spec in operation.parameters.items()
            if place == "query" and spec.get("required")
        }
        change = _QUERIES.get(f"{operation.method} {operation.path}")
        return query | change(self) if change else query

    def prepare(self, name: str) -> Any:
        """Call an operation that makes what another one needs; gives the body of its answer."""
        operation = self.contract.operation(*name.split(" "))
        reply = self.call(operation, self.values(operation), self.body(operation))
        assert reply.status < 300, reply.body
        return content_of(reply)

    @property
    def device(self) -> str:
        """The id of a device."""
        return next(iter(self.service.tenant.devices))

    def value(self, schema: Schema, name: str = "value", depth: int = 0) -> Any:
        """A value that satisfies a schema; text says what property it is for."""
        schema = self.contract.resolve(schema)
        if choices := schema.get("oneOf", schema.get("anyOf")):
            return self.value(choices[0], name, depth)
        if "enum" in schema:
            return schema["enum"][-1]
        kinds = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
        properties = schema.get("properties", {})
        if properties:
            writable = {
                key: spec for key, spec in properties.items() if not self.contract.resolve(spec).get("readOnly")
            }
            return {key: self.value(spec, key, depth + 1) for key, spec in writable.items()} if depth < 8 else {}
        if "array" in kinds or "items" in schema:
            size = max(1, schema.get("minItems", 1))
            return [self.value(schema.get("items", {}), name, depth + 1)] * size if depth < 8 else []
        if "string" in kinds:
            text = _TEXTS.get(schema.get("format", ""), _PATTERNS.get(schema.get("pattern", ""), f"some {name}"))
            return text[: schema.get("maxLength", len(text))]
        if "boolean" in kinds:
            return True
        if "integer" in kinds or "number" in kinds:
            return max(1, schema.get("minimum", 1))
        return {}

    def values(self, operation: Operation) -> dict[str, str]:
        """Ids of objects that exist, for the parameters of the path; the objects are made if need be."""
        name = f"{operation.method} {operation.path}"
        if any(part in name for part in ("{pipeline_run_id}", "/stageruns/")) and not self.service.tenant.objects[RUNS]:
            for needed in _FOR_RUNS:
                self.prepare(needed)
        if name in _AFTER:
            self.prepare(_AFTER[name])
        values: dict[str, str] = {}
        segments = operation.path.rstrip("/").split("/")
        for number, segment in enumerate(segments):
            if segment.startswith("{") and segment != "{enterprise_id}":
                values[segment[1:-1]] = self._existing(segments, number, values)
        return values

    def _existing(self, segments: Sequence[str], number: int, values: Mapping[str, str]) -> str:
        """The id of a row for the parameter at that place of a path; the row is listed, or else made."""
        collection, name = "/".join(segments[:number]), segments[number][1:-1]
        if collection in _WITHIN:
            operation_name, key = _WITHIN[collection]
            return next(_values_of(self.prepare(operation_name), key))
        for path in (collection, _ELSEWHERE.get(collection, collection)):
            for method in ("GET", "POST"):
                for operation in self._operations(method, path):
                    known = values if path == collection else self.values(operation)
                    reply = self.call(operation, known, self.body(operation), **self.query(operation))
                    found = found_ids(content_of(reply), name) if reply.status < 400 else []
                    if found:
                        # Objects that were made for this call are the last ones; the last app has no version.
                        return found[0] if "version" in segments else found[-1]
        return _TEXTS["uuid"]

    def _operations(self, method: str, path: str) -> Iterator[Operation]:
        """The operation of that path, with or without a final slash."""
        for form in (path.rstrip("/"), f"{path.rstrip('/')}/"):
            with suppress(KeyError):
                yield self.contract.operation(method, form)

    def _part(self, name: str, schema: Schema) -> str | File:
        if schema.get("format") == "binary":
            return File.of(f"{name}.bin", "application/octet-stream", b"data")
        value = self.value(schema, name)
        return value if isinstance(value, str) else json.dumps(value)


def content_of(reply: Reply) -> Any:
    """The JSON in an answer, or its text; None without a body."""
    if reply.headers["Content-Type"].startswith("text/plain"):
        return reply.body.decode()
    return json.loads(reply.body) if reply.body else None


def _values_of(body: Any, key: str) -> Iterator[str]:
    """The values of a key at any depth."""
    if isinstance(body, dict):
        yield from (str(value) for name, value in body.items() if name == key)
    for value in body.values() if isinstance(body, dict) else body if isinstance(body, list) else ():
        yield from _values_of(value, key)


def found_ids(body: Any, name: str) -> list[str]:
    """The ids of the rows in an answer."""
    if isinstance(body, list):
        return [row_id for row in body for row_id in found_ids(row, name)]
    if not isinstance(body, dict):
        return []
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    for key in (_PROPERTIES.get(snake, snake), "id", "request_id"):
        if key in body:
            return [str(body[key])]
    return [row_id for value in body.values() if isinstance(value, dict | list) for row_id in found_ids(value, name)]
