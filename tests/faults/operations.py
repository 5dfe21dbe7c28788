# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations of the matrix: their requests, their modules, and the checks of their effects."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.esper.cloud.tests.faults.world import Row, Run, World

_FEW = {"devices": 10, "groups": 5}
# More than a page.
_MANY = {"devices": 1100, "groups": 5}

_NAME = "Pilot stores"
_FILE = "everything.bin"
_BEFORE, _AFTER = "Made before", "Changed since"


def _nothing(_world: World) -> None:
    pass


def _as_it_is(_run: Run, _world: World) -> bool:
    return True


@dataclass(frozen=True)
class Operation:
    """``request`` is the one that a fault meets, METHOD and a pattern of its path; the ``nth`` of them, from 0.
    ``listing`` is that of a list which is read for it, if one is.

    ``state`` is what the tenant holds of what is managed; a task makes ``before`` into ``after``. After the one request
    that a fault meets it is ``half``, where that is not ``after``; where a competing writer was there and the task
    failed, ``competed``. ``compete`` does what such a writer would. ``was_read`` returns whether the result is what the
    tenant holds.
    """

    name: str
    module: str
    params: t.Callable[[World], Row]
    request: tuple[str, str]
    state: t.Callable[[World], t.Any]
    before: t.Any
    after: t.Any
    half: t.Any = None
    competed: t.Any = None
    nth: int = 0
    listing: tuple[str, str] | None = None
    sizes: t.Mapping[str, int] = field(default_factory=dict)
    prepare: t.Callable[[World], None] = _nothing
    compete: t.Callable[[World], None] = _nothing
    was_read: t.Callable[[Run, World], bool] = _as_it_is

    @property
    def writes(self) -> bool:
        return self.request[0] != "GET"

    def run(self, world: World) -> Run:
        """Do it."""
        return world.run(self.module, **self.params(world))


def index_of(journal: list[Row], request: tuple[str, str], nth: int = 0) -> int:
    """Which request of a task, counted from 0, is the nth of a method and a pattern."""
    method, pattern = request
    found = [
        number
        for number, entry in enumerate(journal)
        if entry["method"] == method and re.search(pattern, entry["path"])
    ]
    return found[nth]


def _devices(world: World) -> list[str]:
    return [device["id"] for device in world.simulator.state(devices=True)["devices"]]


def _lists_all(run: Run, world: World) -> bool:
    """Check that each existing device was read once. Devices that were deleted during the list may be included."""
    read, held = [row["id"] for row in run.result["devices"]], set(_devices(world))
    return len(read) == len(set(read)) and held <= set(read)


def _group(world: World) -> str:
    return str(next(group["id"] for group in world.simulator.state()["groups"] if group["path"].count("/") == 1))


def _reads_the_group(run: Run, world: World) -> bool:
    held = [group["path"] for group in world.simulator.state()["groups"] if group["path"].count("/") == 1][:1]
    return [row["path"] for row in run.result["device_groups"]] == held


def _groups(world: World) -> list[str]:
    return [group["path"] for group in world.simulator.state()["groups"] if group["name"] == _NAME]


def _make_group(world: World) -> None:
    _must(world.run("device_group", path=_NAME))


def _delete_group(world: World) -> None:
    _must(world.run("device_group", path=_NAME, state="absent"))


def _policies(world: World) -> list[tuple[str, str]]:
    held = world.simulator.state()["policies"]
    return [(policy["name"], policy["description"]) for policy in held if policy["name"] == _NAME]


def _make_policy(world: World) -> None:
    _must(world.run("enterprise_policy", name=_NAME, description=_BEFORE, settings={"kiosk_mode": True}))


def _delete_policy(world: World) -> None:
    _must(world.run("enterprise_policy", name=_NAME, state="absent"))


def _contents(world: World) -> list[tuple[str, str | None]]:
    held = world.simulator.state()["content"]
    return [(content["name"], content["description"] or None) for content in held if content["name"] == _FILE]


def _upload(world: World) -> Row:
    file = world.folder / _FILE
    if not file.exists():
        file.write_bytes(bytes(range(256)) * 4096)
    return {"src": str(file), "description": _AFTER, "upload_deadline": world.deadline}


def _commands(world: World) -> list[str]:
    return [command["command"] for command in world.simulator.state()["commands"]]


def _command(world: World) -> Row:
    online = next(device for device in world.simulator.state(devices=True)["devices"] if device["state"] == 1)
    return {"devices": [online["id"]], "command": "REBOOT", "wait": True, "wait_timeout": world.deadline}


def _has_ended(run: Run, world: World) -> bool:
    return run.result["state"] == "completed" and len(run.result["commands"]) == len(_commands(world))


def _must(run: Run) -> None:
    assert not run.failed, run.message


OPERATIONS = (
    Operation(
        "list",
        "device_info",
        lambda _world: {"filters": {}, "resolve_names": False},
        ("GET", "/v2/devices/$"),
        state=lambda _world: None,
        before=None,
        after=None,
        nth=1,
        listing=("GET", "/v2/devices/$"),
        sizes=_MANY,
        was_read=_lists_all,
    ),
    Operation(
        "get",
        "device_group_info",
        lambda world: {"id": _group(world)},
        ("GET", "/devicegroup/[^/]+/$"),
        state=lambda _world: None,
        before=None,
        after=None,
        sizes=_FEW,
        was_read=_reads_the_group,
    ),
    Operation(
        "create",
        "device_group",
        lambda _world: {"path": _NAME},
        ("POST", "/devicegroup/$"),
        state=_groups,
        before=[],
        after=[f"All devices/{_NAME}"],
        listing=("GET", "/devicegroup/$"),
        sizes=_FEW,
        compete=_make_group,
    ),
    Operation(
        "update",
        "enterprise_policy",
        lambda _world: {"name": _NAME, "description": _AFTER},
        ("PATCH", "/policy/[^/]+/$"),
        state=_policies,
        before=[(_NAME, _BEFORE)],
        competed=[],
        after=[(_NAME, _AFTER)],
        listing=("GET", "/policy/$"),
        sizes=_FEW,
        prepare=_make_policy,
        compete=_delete_policy,
    ),
    Operation(
        "delete",
        "device_group",
        lambda _world: {"path": _NAME, "state": "absent"},
        ("DELETE", "/devicegroup/[^/]+/$"),
        state=_groups,
        before=[f"All devices/{_NAME}"],
        after=[],
        competed=[],
        listing=("GET", "/devicegroup/$"),
        sizes=_FEW,
        prepare=_make_group,
        compete=_delete_group,
    ),
    Operation(
        "upload",
        "content",
        _upload,
        ("POST", "/content/upload/$"),
        state=_contents,
        before=[],
        after=[(_FILE, _AFTER)],
        half=[(_FILE, None)],
        listing=("GET", "/content/$"),
        sizes=_FEW,
        compete=lambda world: _must(world.run("content", **_upload(world))),
    ),
    Operation(
        "wait",
        "device_command",
        _command,
        ("GET", "/stats/$"),
        state=_commands,
        before=["REBOOT"],
        after=["REBOOT"],
        sizes=_FEW,
        was_read=_has_ended,
    ),
)
