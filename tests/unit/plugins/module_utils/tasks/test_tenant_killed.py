# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task of the module tenant that is killed between two write requests: the next run completes it."""

from __future__ import annotations

import contextlib
import random
import threading
import typing as t
from collections import Counter

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.http.transport import Transport
from ansible_collections.esper.cloud.tests.laws.preparations import Preparation
from ansible_collections.esper.cloud.tests.laws.world import World
from apk import Manifest, made

Row = dict[str, t.Any]
SEEDS = range(20)
OPEN = Transport.open
PACKAGE = "com.example.killed"


class Killed(BaseException):
    """The end of a process, which no code can handle."""


@contextlib.contextmanager
def killed_at(number: int, *, is_sent: bool) -> t.Iterator[Counter[str]]:
    """Kill the task at a write request, before or after Esper has processed it. Yield the number of requests by method.

    Requests at the same time are sent, later ones are not.
    """
    sent, lock, is_dead = Counter[str](), threading.Lock(), threading.Event()

    @contextlib.contextmanager
    def opened(transport: Transport, method: str, url: str, **options: t.Any) -> t.Iterator[t.Any]:
        with lock:
            if is_dead.is_set():
                raise Killed
            sent[method] += 1
            is_last = method != "GET" and sent.total() - sent["GET"] == number
            if is_last:
                is_dead.set()
        if is_last and not is_sent:
            raise Killed
        with OPEN(transport, method, url, **options) as response:
            if is_last:
                raise Killed
            yield response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transport, "open", opened)
        yield sent


def file(world: World, name: str, text: str | bytes) -> str:
    """Return the path of a file."""
    path = world.folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def board(name: str, orientation: str, *files: str) -> Row:
    """Return the options of a blueprint."""
    android = {
        "screen_orientation_settings": {"orientation_type": orientation},
        "files": [{"content": each, "destination_path": f"/sdcard/{each}"} for each in files],
    }
    return {"name": name, "publish": True, "settings": {"android": android}}


def before(world: World) -> Row:
    """Return the options of the first task."""
    return {
        "device_groups": [{"path": each} for each in ("Killed", "Killed/Old", "Killed/Old/Below")],
        "contents": [{"src": file(world, f"{each}.txt", f"first {each}")} for each in ("k-menu", "k-old")],
        "blueprints": [board("K board", "PORTRAIT", "k-menu.txt"), board("K old", "PORTRAIT", "k-old.txt")],
        "roles": [{"name": "K role", "scopes": ["read:device"]}],
    }


def after(world: World) -> Row:
    """Return the options of the second task, which creates, changes, replaces, moves and deletes objects."""
    package = file(world, "killed.apk", made(Manifest(PACKAGE, "1.0", 1, "Killed")))
    return {
        "device_groups": [{"path": each} for each in ("Killed", "Killed/New", "Killed/New/Below")],
        "contents": [{"src": file(world, f"{each}.txt", f"second {each}")} for each in ("k-menu", "k-new")],
        "apps": [{"src": package, "release_name": "First"}],
        "blueprints": [
            board("K board", "LANDSCAPE", "k-menu.txt", "k-new.txt"),
            board("K new", "PORTRAIT", "k-new.txt"),
        ],
        "roles": [{"name": "K role", "scopes": ["update:device:group"]}, {"name": "K new", "scopes": ["read:device"]}],
        "prune": [
            {"kind": "device_groups", "names": ["All devices/Killed*"]},
            {"kind": "contents", "names": ["k-*"]},
            {"kind": "blueprints", "names": ["K *"]},
        ],
    }


def portrait(world: World) -> Row:
    """Return the objects of a tenant without their IDs, with the number of equal ones."""
    modules: dict[str, tuple[str, Row]] = {
        "device_groups": ("device_group_info", {}),
        "contents": ("content_info", {}),
        "blueprints": ("blueprint_info", {"export": True}),
        "apps": ("app_info", {"package_name": PACKAGE, "versions": True}),
        "roles": ("role_info", {"scopes": True}),
    }
    rows = {kind: world.must(module, options).result[kind] for kind, (module, options) in modules.items()}
    shown: dict[str, t.Callable[[Row], t.Any]] = {
        "device_groups": lambda row: row["path"],
        "contents": lambda row: (row["name"], row["size"], row["tags"], row["checksum"]),
        "blueprints": lambda row: (row["name"], row["settings"]),
        "apps": lambda row: [(each["version_name"], each["release_name"]) for each in row["versions"]],
        "roles": lambda row: (row["name"], row["scopes"]),
    }
    return {kind: Counter(repr(shown[kind](row)) for row in rows[kind]) for kind in shown}


def started(world: World) -> Row:
    """Return the options of the second task in a tenant after the first one."""
    world.begin(Preparation())
    world.must("tenant", before(world))
    return after(world)


@pytest.fixture(scope="module")
def expected() -> Row:
    """The tenant and the number of write requests after a task that nobody kills."""
    return {}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_next_run_completes_a_killed_task(world: World, expected: Row, seed: int) -> None:
    if not expected:
        run = world.must("tenant", started(world))
        expected.update(portrait=portrait(world), writes=len(run.writes))
    chance = random.Random(seed)
    number, is_sent = chance.randint(1, expected["writes"]), chance.random() < 0.5
    options = started(world)
    with pytest.raises(Killed), killed_at(number, is_sent=is_sent):
        world.run("tenant", options)
    again = world.must("tenant", options)
    assert portrait(world) == expected["portrait"], f"killed at write request {number}, sent: {is_sent}"
    third = world.must("tenant", options)
    assert (third.changed, third.writes) == (False, [])
    assert again.result["counts"]["failed"] == 0
