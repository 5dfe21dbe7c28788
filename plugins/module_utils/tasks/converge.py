# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices brought to their blueprints: the command CONVERGE, for those that need it.

Rests on /commands/v0/commands/ (v0.yaml), and on what /v2/devices/ and /v2/blueprints/ (v2.yaml) tell of what a device
has and should have. A device is behind its blueprint if it has another, or another version than the one that was
published last. That is `latest_published_version_id` of the blueprint, which the contract lacks, or else the newest
published of its versions. A device without a blueprint is left alone, and so is one that is disabled.
"""

from __future__ import annotations

import typing as t

from ..base.errors import NotFound
from ..base.row import Params, Row
from ..engine.object_cache import References
from ..http.parallel import CONCURRENCY
from ..kinds.blueprint import BLUEPRINT
from ..kinds.device import DISABLED
from ..kinds.device_group import DEVICE_GROUP
from ..kinds.device_list import list_devices
from ..task import Mode, Outcome, Task
from .command import Command, send
from .device_search import counted, each_once, label_of, require_devices
from .waiting import OPTIONS as FOLLOWING
from .waiting import pending_devices, report

OPTIONS: dict[str, dict[str, t.Any]] = {
    "devices": {"type": "list", "elements": "str", "aliases": ["device"]},
    "groups": {"type": "list", "elements": "str", "aliases": ["group"]},
    "blueprints": {"type": "list", "elements": "str", "aliases": ["blueprint"]},
    "force": {"type": "bool", "default": False},
    "alias": {"type": "str", "default": "Ansible"},
    **FOLLOWING,
}
RULES: dict[str, t.Any] = {"required_one_of": [("devices", "groups", "blueprints")]}


def _work(references: References, params: Params, mode: Mode) -> Outcome:
    devices = [row for row in _addressed(references, params) if row.get("state") != DISABLED]
    versions = _Versions(references)
    assigned = [row for row in devices if _blueprint(row, "assigned_blueprint_id")]
    behind = [row for row in assigned if params["force"] or versions.is_behind(row)]
    pending = set() if params["force"] else _told_already(references, behind)
    told = [row for row in behind if row["id"] not in pending]
    result: Row = {
        "changed": bool(told),
        "device_count": len(devices),
        "without_blueprint_count": len(devices) - len(assigned),
        "behind_count": len(behind),
        "pending_devices": [label_of(row) for row in behind if row["id"] in pending],
        "commands": [],
    }
    if mode.diff:
        result["diff"] = [_difference(told, versions)] if told else []
    if told and not mode.check_mode:
        command = Command("CONVERGE", alias=params["alias"])
        sent = send(references, command, [row["id"] for row in told])
        result |= report(references, "The converge", sent, told, params, mode)
    return Outcome(result)


def _addressed(references: References, params: Params) -> list[Row]:
    """The devices that are named, those in the groups and all groups below, and those of the blueprints, each once."""
    queries = []
    if groups := [DEVICE_GROUP.resolve(references, each)["id"] for each in params["groups"] or ()]:
        queries.append({"group_multi": ",".join(groups)})
    queries += [
        {"assigned_blueprint_id": BLUEPRINT.resolve(references, each)["id"]} for each in params["blueprints"] or ()
    ]
    rows = require_devices(references, params["devices"] or ())
    for query in queries:
        rows += list_devices(references.client, query, concurrency=CONCURRENCY)
    return each_once(rows)


def _told_already(references: References, devices: list[Row]) -> set[str]:
    """The ids of devices that have yet to do a converge that they were told to do."""
    return pending_devices(references, "CONVERGE", [row["id"] for row in devices], lambda _device, _args: True)


class _Versions:
    """What devices of each blueprint should have; each blueprint is read once."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._published: dict[str, str | None] = {}

    def is_behind(self, device: Row) -> bool:
        return self.wanted(device) not in (None, self.current(device))

    def wanted(self, device: Row) -> str | None:
        """The id of the version that a device should have; None if nothing was published."""
        blueprint_id = _blueprint(device, "assigned_blueprint_id")
        if blueprint_id not in self._published:
            self._published[blueprint_id] = self._latest(blueprint_id)
        return self._published[blueprint_id]

    def current(self, device: Row) -> str | None:
        """The id of the version that a device has, None if it is that of another blueprint."""
        if _blueprint(device, "current_blueprint_id") != _blueprint(device, "assigned_blueprint_id"):
            return None
        return _blueprint(device, "current_blueprint_version_id") or None

    def _latest(self, blueprint_id: str) -> str | None:
        row = BLUEPRINT.get(self._references, blueprint_id)
        if row is None:
            raise NotFound("blueprint", blueprint_id, note="Devices have it all the same.")
        if row.get("latest_published_version_id"):
            return str(row["latest_published_version_id"])
        published = [each for each in BLUEPRINT.versions_of(self._references, row) if each.get("publish")]
        return str(published[0]["version_id"]) if published else None


def _blueprint(device: Row, key: str) -> str:
    return str((device.get("blueprint_info") or {}).get(key) or "").lower()


def _difference(devices: list[Row], versions: _Versions) -> Row:
    """The versions that devices have, and will have, by their names."""
    title = f"blueprint versions of {counted(len(devices))}"
    return {
        "before_header": title,
        "after_header": title,
        "before": {label_of(row): versions.current(row) for row in devices},
        "after": {label_of(row): versions.wanted(row) for row in devices},
    }


CONVERGE = Task(OPTIONS, RULES, _work)
