# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of the simulated tenant, independent of requests and errors."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from random import Random
from typing import Any
from uuid import UUID

import orjson
from storage import Storage
from tasks import Conduct, Task

ROOT = "All devices"
# States of devices.
ONLINE, DISABLED, OFFLINE = 1, 20, 60


def epoch(now: datetime) -> datetime:
    """The zero of the times of the data: one hour to thirteen hours ago, so that times which follow are in the past."""
    past = now - timedelta(hours=1)
    return past.replace(hour=past.hour // 12 * 12, minute=0, second=0, microsecond=0)


# The same for all tenants of a process, so that a reset makes an equal tenant.
EPOCH = epoch(datetime.now(timezone.utc))


@dataclass(frozen=True)
class Settings:
    """The settings of a tenant. Equal settings make equal tenants."""

    devices: int
    groups: int
    tags: int
    seed: int
    api_key: str
    enterprise_id: str


@dataclass
class Group:
    """A device group. Only the root has no parent."""

    id: str
    name: str
    parent: str | None
    created_on: str
    blueprint: str | None = None
    thumbnail: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A device: its JSON in pages, and the values that lists are filtered and ordered by."""

    number: int
    body: bytes
    id: str
    name: str
    alias: str | None
    serial: str
    platform: str
    os: str
    os_version: str
    model: str
    state: int
    group_id: str | None
    tags: list[str]
    managed_by: str | None
    is_gms: bool | None
    battery_level: float
    dpc_version: str | None
    assigned_blueprint_id: str | None
    current_blueprint_id: str | None
    current_blueprint_version_id: str | None
    created_at: str
    provisioned_on: str
    last_seen: str

    @classmethod
    def of(cls, number: int, document: dict[str, Any]) -> Device:
        """The device that `document`, an item of /v2/devices/, describes; `number` is its place in lists."""
        blueprint, agent = document["blueprint_info"], document["software_info"].get("esper_agent_info", {})
        return cls(
            number=number,
            body=orjson.dumps(document),
            id=document["id"],
            name=document["name"],
            alias=document["alias"],
            serial=document["serial"],
            platform=document["platform"],
            os=document["os"],
            os_version=document["os_version"],
            model=document["hardware_info"]["model"],
            state=document["state"],
            group_id=document["group_id"],
            tags=document["tags"],
            managed_by=document.get("managed_by"),
            is_gms=document.get("is_gms"),
            battery_level=document["battery_stats"]["battery_level"],
            dpc_version=agent.get("version_name"),
            assigned_blueprint_id=blueprint.get("assigned_blueprint_id"),
            current_blueprint_id=blueprint.get("current_blueprint_id"),
            current_blueprint_version_id=blueprint.get("current_blueprint_version_id"),
            created_at=document["created_at"],
            provisioned_on=document["provisioned_on"],
            last_seen=document["last_seen"],
        )

    @property
    def document(self) -> dict[str, Any]:
        """The device as /v2/devices/ shows it."""
        document: dict[str, Any] = orjson.loads(self.body)
        return document


@dataclass
class Tenant:
    """All objects of the tenant. `objects` holds kinds that need no more than a table: kind -> id -> object.

    Kinds that are derived from the contract are named by the path of their collection, without a final slash.
    """

    settings: Settings
    groups: dict[str, Group] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    objects: defaultdict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    # ID -> ID of the parent, for derived kinds that have one.
    owners: dict[str, str] = field(default_factory=dict)
    # Derived collections, with the ID of the parent, that got their first rows already.
    filled: set[tuple[str, str]] = field(default_factory=set)
    population: Counter[str | None] = field(default_factory=Counter)
    last_number: int = 0
    # The secrets that responses have had: tokens, and links that need no key.
    issued: list[str] = field(default_factory=list)
    # Deletions that wait for a confirmation: request ID -> ID of the object.
    deletions: dict[str, str] = field(default_factory=dict)
    # The tasks of each command and operation, and the same by their own ids.
    jobs: dict[str, list[Task]] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    conduct: Conduct = field(default_factory=Conduct)
    # The end of DEP syncs: see behaviors/apple_enrollment.py.
    dep_sync_end: Any = None
    # Whether invitations are shown with the role and the groups in them.
    shows_meta: bool = True
    # The conduct of devices with certain versions, and the one of each blueprint version: see versions.py.
    version_conducts: list[Any] = field(default_factory=list)
    conducts_by_version: dict[str, Any] = field(default_factory=dict)
    # The conduct with files from Apple: see AppleConduct in control.py.
    apple_conduct: dict[str, bool] = field(default_factory=dict)
    # Alarms that a test added: rule, device, time. The oldest is the first.
    alarms: list[tuple[str, str, str]] = field(default_factory=list)
    # What happened to each device, by its id.
    events: defaultdict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    # Lists of devices that were worked out for a query: void as soon as a device changes or a group moves.
    views: dict[Any, Any] = field(default_factory=dict)
    # The same groups by the group above: a child is looked for among its siblings, however many others there are.
    _below: defaultdict[str | None, dict[str, Group]] = field(default_factory=lambda: defaultdict(dict))
    _ticks: int = 0
    _numbers: int = 40

    def __post_init__(self) -> None:
        self._random = Random(f"{self.settings.seed} ids")
        self.storage = Storage(self.settings.api_key)
        root = self.add_group(ROOT, None)
        self.root = root.id

    def new_id(self) -> str:
        """A UUID, the same in each run."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def new_number(self) -> int:
        """An integer id, from one sequence for all kinds, and the same in each run."""
        self._numbers += 1
        return self._numbers

    def new_secret(self, form: str = "{}") -> str:
        """A secret that a response will have, in a text of this form."""
        secret = form.format(sha256(self.new_id().encode()).hexdigest()[:40])
        self.issued.append(secret)
        return secret

    def now(self) -> str:
        """A time that grows by a second with each call: it is the same in each run of a day."""
        self._ticks += 1
        return moment(self._ticks)

    def add_group(self, name: str, parent: str | None) -> Group:
        """A new group below `parent`, an id."""
        group = Group(self.new_id(), name, parent, self.now())
        self.groups[group.id] = self._below[parent][group.id] = group
        return group

    def change_group(self, group: Group, name: str, parent: str | None) -> None:
        """Give a group another name, another place, or both."""
        del self._below[group.parent][group.id]
        group.name, group.parent = name, parent
        self._below[parent][group.id] = group
        self.views.clear()

    def remove_group(self, group: Group) -> None:
        """Remove a group without subgroups."""
        del self.groups[group.id], self._below[group.parent][group.id]

    def children(self, group_id: str) -> list[Group]:
        """The groups directly below."""
        return list(self._below.get(group_id, {}).values())

    def descendants(self, group_id: str) -> Iterator[Group]:
        """All groups below, at any depth."""
        waiting = [group_id]
        while waiting:
            children = self.children(waiting.pop())
            yield from children
            waiting += [child.id for child in children]

    def lineage(self, group: Group) -> list[Group]:
        """The groups from the root down to this one."""
        line = [group]
        while line[0].parent is not None:
            line.insert(0, self.groups[line[0].parent])
        return line

    def path(self, group: Group) -> str:
        """The names from the root down to this group, joined with slashes."""
        return "/".join(ancestor.name for ancestor in self.lineage(group))

    def add_device(self, document: dict[str, Any]) -> Device:
        """A new device, last in lists."""
        self.last_number += 1
        return self._store(Device.of(self.last_number, document))

    def change_device(self, device: Device, **changes: Any) -> Device:
        """The device with other values in its document; it keeps its place in lists."""
        self.remove_device(device)
        return self._store(Device.of(device.number, device.document | changes | {"updated_at": self.now()}))

    def remove_device(self, device: Device) -> None:
        """Forget a device."""
        del self.devices[device.id]
        self.population[device.group_id] -= 1
        self.views.clear()

    def _store(self, device: Device) -> Device:
        self.devices[device.id] = device
        self.population[device.group_id] += 1
        self.views.clear()
        return device


def moment(seconds: float) -> str:
    """A time `seconds` after the epoch of the data, as the API writes it."""
    return (EPOCH + timedelta(seconds=seconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
