# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator over HTTP: the API below /api, files below /_storage, what steers the simulator below /_simulator."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from behaviors.alerts import RULES
from behaviors.apple_enrollment import SyncEnd
from behaviors.google import sign_up
from behaviors.users import USERS, accept
from contract import Contract
from control import (
    MOST_OBJECTS,
    Advance,
    Alarm,
    AppleConduct,
    Change,
    Invitations,
    Mistake,
    check_types,
    content_of,
    guard,
    in_range,
    made,
    number_in,
)
from dispatch import Service
from exchange import Reply
from faults import UNANSWERED, Fault, Faults, deliver, distorted, echoing, recoded
from fleet import grow
from forms import received
from journal import Journal
from progress import advance
from seed import new_tenant
from tasks import Conduct
from tenant import Settings, Tenant
from versions import VersionConduct, set_offline

_BODY_LIMIT = 64 * 1024**2


class Server:
    """One tenant that answers over HTTP."""

    def __init__(self, settings: Settings, latency_ms: float = 0, journal: Path | None = None) -> None:
        self._settings = settings
        self._latency = latency_ms / 1000
        self._journal = Journal(journal)
        self._service = Service(Contract(), new_tenant(settings))
        self._begin(settings)

    def _begin(self, settings: Settings) -> None:
        self._service.tenant = new_tenant(settings)
        self._faults = Faults(settings.seed)
        self._journal.entries.clear()

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application(client_max_size=_BODY_LIMIT, middlewares=[guard])
        application.add_routes(
            [
                web.route("*", "/api/{path:.*}", self._api),
                web.get("/_storage/{key:.*}", self._download),
                web.get("/_simulator/journal", self._get_journal),
                web.delete("/_simulator/journal", self._clear_journal),
                web.post("/_simulator/reset", self._reset),
                web.post("/_simulator/faults", self._add_faults),
                web.delete("/_simulator/faults", self._clear_faults),
                web.get("/_simulator/state", self._get_state),
                web.post("/_simulator/state/devices", self._change_devices),
                web.post("/_simulator/alarms", self._add_alarm),
                web.post("/_simulator/commands", self._set_conduct),
                web.post("/_simulator/commands/advance", self._advance),
                web.post("/_simulator/versions", self._set_version_conducts),
                web.post("/_simulator/invitations", self._handle_invitations),
                web.post("/_simulator/dep-syncs", self._set_dep_sync_end),
                web.post("/_simulator/apple", self._set_apple_conduct),
                web.post("/_simulator/google", self._sign_up),
            ]
        )
        return application

    async def serve(self, host: str, port: int) -> None:
        """Serve until SIGTERM or SIGINT; says where on standard output."""
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        shown = f"[{host}]" if ":" in host else host
        print(f"ready http://{shown}:{runner.addresses[0][1]}/api", flush=True)
        await stopped.wait()
        await runner.cleanup()

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method, path, query = request.method, request.path.removeprefix("/api"), dict(request.query.items())
        body = await received(request)
        entry = self._journal.open(method, path, query, body, self._service.knows(request.headers))
        fault = self._faults.meet(method, path)
        await asyncio.sleep(self._latency)
        if fault and fault.kind == "devices":
            self._change(fault.add, fault.remove)
        elif fault:
            body = recoded(fault, body)
        reply = Reply(200)
        if fault is None or fault.processed:
            reply = self._service.reply(method, path, query, request.headers, body)
        if fault is None:
            self._journal.close(entry, reply.status, None)
            return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
        if fault.kind == "status":
            reply = self._service.error(method, path, fault.status or 500)
        fault = echoing(
            fault, body.decode(errors="replace") if isinstance(body, bytes) else "", self._service.tenant.issued
        )
        reply = distorted(fault, reply)
        # Before it is sent: the client may look into the journal at once.
        self._journal.close(entry, None if fault.kind in UNANSWERED else reply.status, fault.kind)
        return await deliver(request, fault, reply)

    async def _download(self, request: web.Request) -> web.Response:
        """A file, to whoever has the link and nothing else: two permissions are one too many, as object stores say."""
        key, storage = request.match_info["key"], self._service.tenant.storage
        file = storage.get(key)
        if "Authorization" in request.headers:
            return _denied(400, "InvalidArgument", "Only one auth mechanism allowed")
        if not storage.allows(key, request.query):
            return _denied(403, "SignatureDoesNotMatch", "The signature does not match")
        if file is None or file.data is None:
            return _denied(404, "NoSuchKey", "The specified key does not exist.")
        return web.Response(body=file.data, headers={"Content-Type": file.kind or "binary/octet-stream"})

    async def _get_journal(self, request: web.Request) -> web.Response:
        return _json(self._journal.since(number_in(request.query.get("since", "0"), "since")))

    async def _clear_journal(self, request: web.Request) -> web.Response:
        self._journal.entries.clear()
        return _json(None)

    async def _reset(self, request: web.Request) -> web.Response:
        content = await content_of(request)
        target = content.pop("target", None) if isinstance(content, dict) else None
        check_types(Settings, content)
        if target is not None and not isinstance(target, str):
            raise Mistake("Invalid target: it is not a text.")
        settings = replace(self._settings, **content)
        try:
            for name in ("devices", "groups", "tags"):
                in_range(name, getattr(settings, name), 0, MOST_OBJECTS)
        except ValueError as error:
            raise Mistake(f"Invalid settings: {error}.") from None
        if target:
            self._journal.mark(target)
        self._begin(settings)
        return _json(None)

    async def _add_faults(self, request: web.Request) -> web.Response:
        content = await content_of(request)
        faults = [made(Fault, fault) for fault in (content if isinstance(content, list) else [content])]
        for fault in faults:
            self._faults.add(fault)
        return _json(None)

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._faults = Faults(self._settings.seed)
        return _json(None)

    async def _get_state(self, request: web.Request) -> web.Response:
        return _json(_state(self._service.tenant, with_devices=request.query.get("devices") == "true"))

    async def _change_devices(self, request: web.Request) -> web.Response:
        change = made(Change, await content_of(request))
        named = {*change.change, *(() if isinstance(change.remove, int) else change.remove)}
        if unknown := named - self._service.tenant.devices.keys():
            raise Mistake(f"Invalid change: there is no device {min(unknown)!r}.")
        if change.group_id is not None and change.group_id not in self._service.tenant.groups:
            raise Mistake(f"Invalid change: there is no group {change.group_id!r}.")
        values = {name: getattr(change, name) for name in ("state", "last_seen", "group_id", "name")}
        self._set(change.change, {name: value for name, value in values.items() if value is not None})
        changed = self._change(change.add, change.remove)
        if change.offline_percent is not None:
            set_offline(self._service.tenant, change.offline_percent)
        return _json(changed)

    async def _add_alarm(self, request: web.Request) -> web.Response:
        tenant, alarm = self._service.tenant, made(Alarm, await content_of(request))
        if alarm.rule not in tenant.objects.get(RULES, {}):
            raise Mistake(f"Invalid alarm: there is no rule {alarm.rule!r}.")
        if alarm.device not in tenant.devices:
            raise Mistake(f"Invalid alarm: there is no device {alarm.device!r}.")
        tenant.alarms.append((alarm.rule, alarm.device, alarm.time or tenant.now()))
        return _json(None)

    async def _set_conduct(self, request: web.Request) -> web.Response:
        tenant = self._service.tenant
        conduct = made(Conduct, await content_of(request))
        unknown = {*conduct.failing, *conduct.silent} - tenant.devices.keys()
        if unknown:
            raise Mistake(f"Invalid conduct: there is no device {min(unknown)!r}.")
        tenant.conduct = replace(conduct, failing=frozenset(conduct.failing), silent=frozenset(conduct.silent))
        return _json(None)

    async def _advance(self, request: web.Request) -> web.Response:
        for _reading in range(made(Advance, await content_of(request)).readings):
            advance(self._service.tenant, self._service.tenant.tasks.values())
        return _json(None)

    async def _set_version_conducts(self, request: web.Request) -> web.Response:
        content = await content_of(request)
        tenant = self._service.tenant
        tenant.version_conducts = [
            made(VersionConduct, each) for each in (content if isinstance(content, list) else [content])
        ]
        tenant.conducts_by_version.clear()
        return _json(None)

    async def _handle_invitations(self, request: web.Request) -> web.Response:
        tenant, handling = self._service.tenant, made(Invitations, await content_of(request))
        tenant.shows_meta = handling.shows_meta
        for email in handling.accept:
            if not accept(tenant, email):
                raise Mistake(f"Invalid invitations: there is none for {email!r}.")
        return _json(None)

    async def _set_dep_sync_end(self, request: web.Request) -> web.Response:
        self._service.tenant.dep_sync_end = made(SyncEnd, await content_of(request))
        return _json(None)

    async def _set_apple_conduct(self, request: web.Request) -> web.Response:
        self._service.tenant.apple_conduct = asdict(made(AppleConduct, await content_of(request)))
        return _json(None)

    async def _sign_up(self, request: web.Request) -> web.Response:
        token = sign_up(self._service.tenant)
        if token is None:
            raise Mistake("Invalid sign-up: none is pending.")
        return _json({"enterprise_token": token})

    def _set(self, ids: list[str], values: dict[str, Any]) -> None:
        """Change devices behind the client's back."""
        tenant = self._service.tenant
        for device_id in ids:
            tenant.change_device(tenant.devices[device_id], **values)

    def _change(self, add: int, remove: int | list[str]) -> dict[str, list[str]]:
        """Add devices and remove some, the oldest if only their number is said."""
        tenant = self._service.tenant
        removed = list(tenant.devices)[:remove] if isinstance(remove, int) else list(dict.fromkeys(remove))
        for device_id in removed:
            tenant.remove_device(tenant.devices[device_id])
        return {"added": grow(tenant, add), "removed": removed}


def _state(tenant: Tenant, with_devices: bool) -> dict[str, Any]:
    """Return the objects of the tenant, for tests."""
    groups = [
        asdict(group) | {"path": tenant.path(group), "device_count": tenant.population[group.id]}
        for group in tenant.groups.values()
    ]
    devices = {"devices": [orjson.Fragment(device.body) for device in tenant.devices.values()]} if with_devices else {}
    objects = {kind: list(table.values()) for kind, table in tenant.objects.items() if kind != USERS}
    tasks = list(tenant.tasks.values())
    issued = {"issued": tenant.issued}
    return {"device_count": len(tenant.devices), "groups": groups, "tasks": tasks, **issued, **objects, **devices}


def _denied(status: int, code: str, message: str) -> web.Response:
    text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return web.Response(status=status, text=text, content_type="application/xml")


def _json(content: object) -> web.Response:
    return web.Response(body=orjson.dumps(content), content_type="application/json")
