# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module tenant_report with a simulated tenant: its files, who changed an object, and missing permissions."""

from __future__ import annotations

import json
import stat
import typing as t

from ansible_collections.esper.cloud.tests.laws.world import KEY, Run, World

Row = dict[str, t.Any]


def board(description: str) -> Row:
    return {"name": "Board", "description": description, "settings": {"android": {}}}


def plan_of(world: World, **options: t.Any) -> Row:
    result = world.must("tenant", {"report_unlisted": True, **options}, check_mode=True).result
    return {key: value for key, value in result.items() if key != "diff"}


def drift(world: World) -> Row:
    world.must("tenant", {"blueprints": [board("Old")], "roles": [{"name": "Field"}]})
    return plan_of(world, blueprints=[board("New")], roles=[{"name": "Field", "description": "New"}])


def report(world: World, plan: Row, **options: t.Any) -> Run:
    return world.must("tenant_report", {"plan": plan, **options})


def test_the_files_are_those_of_the_formats(world: World) -> None:
    dest = world.folder / "report"
    run = report(world, drift(world), dest=str(dest), title="Production")
    assert run.changed
    assert run.writes == []
    assert sorted(file.name for file in dest.iterdir()) == [
        "report.html",
        "report.json",
        "report.md",
        "slack.json",
        "teams.json",
    ]
    assert {stat.S_IMODE(file.stat().st_mode) for file in dest.iterdir()} == {0o600}
    assert json.loads((dest / "report.json").read_text()) == run.result["report"]
    assert (dest / "report.md").read_text() == run.result["markdown"]
    assert json.loads((dest / "teams.json").read_text()) == run.result["teams"]
    assert run.result["headline"] == "2 objects differ from the tree"


def test_check_mode_writes_nothing(world: World) -> None:
    dest = world.folder / "report"
    options = {"plan": plan_of(world, roles=[]), "dest": str(dest), "formats": ["html"], "fleet": False}
    run = world.must("tenant_report", options, check_mode=True)
    assert run.changed
    assert run.result["files"] == [{"format": "html", "path": f"{dest}/report.html"}]
    assert not dest.exists()


def test_the_report_has_who_changed_an_object(world: World) -> None:
    plan = drift(world)
    made = report(world, plan, fleet=False).result["report"]
    by_kind = {row["kind"]: row for row in made["objects"]}
    assert "@" in by_kind["blueprint"]["changed_by"]
    assert by_kind["blueprint"]["changed_at"]
    # Esper does not return who changed a role.
    assert not by_kind["role"].get("changed_by")
    assert any("@" in str(row.get("created_by")) for row in made["not_in_tree"] if row["kind"] == "blueprint")
    assert report(world, plan, fleet=False, authors=False).requests == []


def test_a_report_needs_no_access_to_users_and_blueprints(world: World) -> None:
    plan = drift(world)
    for path in ("/user/", "/v2/blueprints/"):
        world.simulator.fault(kind="status", status=403, method="GET", path=path, times=None)
    run = report(world, plan)
    assert run.result["report"]["fleet"]["devices"] >= 1
    assert any("does not have who changed the blueprints" in warning for warning in run.warnings)


def test_a_failed_comparison_is_reported(world: World) -> None:
    made = report(world, {"msg": "tenant/roles/field.yml:3: Unknown option.", "failed": True}, fleet=False).result
    assert made["headline"] == "The comparison failed"
    assert "Unknown option" in made["markdown"]


def test_no_format_has_the_api_key(world: World) -> None:
    dest = world.folder / "report"
    world.must("device_group", {"path": f"All devices/{KEY}"})
    plan = plan_of(world, device_groups=[{"path": f"All devices/{KEY}/New"}])
    report(world, plan, dest=str(dest))
    assert [file.name for file in dest.iterdir() if KEY in file.read_text()] == []


def test_invalid_options_are_errors(world: World) -> None:
    run = world.run("tenant_report", {"plan": {"objects": []}, "url": "javascript:alert(1)"})
    assert run.message == "The option url must start with https:// or http://, not 'javascript:alert(1)'."
    assert "no result of esper.cloud.tenant" in world.run("tenant_report", {"plan": {"a": 1}}).message
