# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The apps of many blueprints in one task, against the simulator: what the task reads, and when."""

from __future__ import annotations

import threading
import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.limits import FEW_LOOKUPS
from ansible_collections.esper.cloud.plugins.module_utils.engine import tenant_view
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

APPS = (
    ("com.example.kiosk", "1.2.0"),
    ("com.example.kiosk.helper", "1.0"),
    ("com.example.menu", "3.1"),
    ("com.example.player", "0.1"),
    ("com.example.signage", "4.1"),
    ("com.example.till", "2.0.0"),
)


def blueprints(apps: t.Sequence[tuple[str, str]]) -> Row:
    """Return a task with a blueprint for each app."""
    settings = [{"android": {"apps": [{"package_name": package, "version_name": name}]}} for package, name in apps]
    return {"blueprints": [{"name": f"Kiosk {index}", "settings": each} for index, each in enumerate(settings)]}


def reads_of_apps(run: Run) -> tuple[list[Row], list[str]]:
    """Return the queries of the requests for apps, and the paths of the requests for versions of an app."""
    requests = [each for each in run.requests if "/application/" in each["path"]]
    versions = [each["path"] for each in requests if each["path"].endswith("/version/")]
    return [each["query"] for each in requests if each["path"].endswith("/application/")], versions


def test_the_versions_of_the_apps_of_many_blueprints_are_read_at_the_same_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(APPS) > FEW_LOOKUPS
    task, threads, list_all = blueprints(APPS), dict[str, str](), tenant_view.list_all

    def recorded(client: t.Any, path: str, **options: t.Any) -> list[Row]:
        threads[path] = threading.current_thread().name
        return list_all(client, path, **options)

    monkeypatch.setattr(tenant_view, "list_all", recorded)
    for changed in (True, False):
        run = world.must("tenant", task)
        queries, versions = reads_of_apps(run)
        assert [each for each in queries if "package_name_exact" in each] == []
        assert len(queries) == 1
        assert len(set(versions)) == len(versions) == len(APPS)
        own = [name for path, name in threads.items() if path.endswith("/version/")]
        assert len(own) == len(APPS)
        assert threading.current_thread().name not in own
        assert run.changed is changed
        threads.clear()


def test_the_list_of_all_apps_is_not_read_for_few_blueprints(world: World) -> None:
    queries, versions = reads_of_apps(world.must("tenant", blueprints(APPS[:2])))
    assert [each["package_name_exact"] for each in queries] == [package for package, _version in APPS[:2]]
    assert len(versions) == 2


def test_a_missing_version_is_the_error_of_its_blueprint(world: World) -> None:
    run = world.run("tenant", {**blueprints([*APPS, ("com.example.menu", "9.9")]), "on_error": "continue"})
    assert [each["action"] for each in run.result["objects"]] == ["created"] * len(APPS) + ["failed"]
    assert "9.9" in run.message


def test_a_failed_read_of_versions_fails_only_the_blueprints_with_the_app(world: World) -> None:
    menu = next(each for each in world.must("app_info", {}).result["apps"] if each["package_name"] == APPS[2][0])
    world.simulator.fault(kind="status", status=403, path=f"{menu['id']}/version/", times=None)
    run = world.run("tenant", {**blueprints(APPS), "on_error": "continue"})
    assert [each["action"] for each in run.result["objects"]].count("failed") == 1
    assert run.result["objects"][2]["action"] == "failed"
