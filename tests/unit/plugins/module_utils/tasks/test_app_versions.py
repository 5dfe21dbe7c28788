# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of app versions in the arguments of the command and the operation INSTALL, against the simulator."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World
from apk import Manifest, made

Row = dict[str, t.Any]

PACKAGE = "com.example.installed"
MODULES = [("device_command", "command", "command_args"), ("operation", "operation_type", "arguments")]


@pytest.fixture
def versions(world: World, tmp_path: Path) -> list[str]:
    """The IDs of the versions 1.0.0 and 1.1.0 of an app."""
    ids = []
    for name, code in (("1.0.0", 100), ("1.1.0", 110)):
        src = tmp_path / f"{code}.apk"
        src.write_bytes(made(Manifest(PACKAGE, name, code)))
        ids.append(world.must("app", {"src": str(src)}).result["app"]["version_id"])
    return ids


def start(world: World, module: str, option: str, args: Row, name: str = "INSTALL", **more: t.Any) -> Run:
    return world.run(module, {"filters": {"state": "online"}, option: name, "args": args}, **more)


@pytest.mark.parametrize(("module", "option", "key"), MODULES, ids=[module for module, *_others in MODULES])
@pytest.mark.parametrize(
    ("names", "index"),
    [({"version_name": "1.0.0"}, 0), ({"version_code": 110}, 1), ({"version_name": "latest"}, 1)],
    ids=["name", "code", "latest"],
)
def test_a_version_is_installed_by_its_name(
    world: World, versions: list[str], module: str, option: str, key: str, names: Row, index: int
) -> None:
    args = {"package_name": PACKAGE, **names}
    predicted = start(world, module, option, args, check_mode=True)
    run = start(world, module, option, args)
    assert (predicted.changed, predicted.writes, run.changed) == (True, [], True)
    (body,) = [each["body"] for each in run.requests if each["method"] == "POST"]
    assert body[key] == {"app_version": versions[index]}


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("INSTALL", {"package_name": PACKAGE}, "args.version_name or args.version_code is required"),
        ("INSTALL", {"version_name": "1.0.0"}, "args.package_name is required"),
        ("INSTALL", {}, "args.app_version is required"),
        ("INSTALL", {"app_version": "a", "version_code": 1}, "args.version_code is not allowed with args.app_version"),
        ("UNINSTALL", {"package_name": PACKAGE, "version_name": "1"}, "args.version_name is only allowed for INSTALL"),
        ("INSTALL", {"package_name": PACKAGE, "version_name": ""}, "args.version_name is empty"),
        ("INSTALL", {"package_name": PACKAGE, "version_name": None}, "args.version_name is null"),
    ],
)
def test_arguments_that_do_not_select_a_version_are_an_error_before_any_request(
    world: World, name: str, args: Row, message: str
) -> None:
    run = start(world, "device_command", "command", args, name)
    assert run.failed
    assert message in run.message
    assert run.requests == []


def test_an_unknown_app_or_version_is_an_error_with_close_names(world: World, versions: list[str]) -> None:
    mistyped = start(
        world, "device_command", "command", {"package_name": "com.example.instaled", "version_name": "1.0.0"}
    )
    unknown = start(world, "device_command", "command", {"package_name": PACKAGE, "version_name": "9"})
    assert PACKAGE in mistyped.message
    assert f"{PACKAGE} 1.1.0 (110)" in unknown.message
    assert mistyped.writes == unknown.writes == []
    assert len(versions) == 2
