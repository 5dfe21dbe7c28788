# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffs and warnings for people: names in place of IDs, and names that are easily confused, against the simulator."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.text import look_alike
from ansible_collections.esper.cloud.tests.laws.world import World

SIMILAR = "but a similar name exists: '{}'. The names differ only in case, whitespace or the form of characters."
SERIAL = "R9W00000001"


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_diff_has_the_paths_of_groups_whose_ids_esper_returns(world: World, check_mode: bool) -> None:
    for path in ("Berlin", "K\xf6ln"):
        world.must("device_group", {"path": path})
    world.must("directory_record", {"serial": SERIAL, "group": "Berlin"})
    (change,) = world.must("directory_record", {"serial": SERIAL, "group": "K\xf6ln"}, check_mode=check_mode).diff
    assert (change["before"]["group"], change["after"]["group"]) == ("All devices/Berlin", "All devices/K\xf6ln")


def test_a_diff_in_tenant_has_paths_too_and_other_tasks_read_none(world: World) -> None:
    world.must("device_group", {"path": "Berlin"})
    world.must("directory_record", {"serial": SERIAL, "group": "Berlin"})
    records = {"directory_records": [{"serial": SERIAL, "state": "absent", "force": True}]}
    (change,) = world.must("tenant", records, check_mode=True).diff
    assert change["before"]["group"] == "All devices/Berlin"


def test_a_converge_shows_names_and_numbers_of_versions(world: World) -> None:
    run = world.must("converge", {"filters": {"state": "online"}, "force": True, "allow_empty": True}, check_mode=True)
    assert [line for entry in run.diff for line in entry["after"].values() if ", version " not in line] == []


# --- names that are easily confused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("VIP", "vip", True),
        ("Stra\xdfe", "STRASSE", True),
        ("A  B", "a b", True),
        ("\uff21", "A", True),
        ("VIP", "VIP", False),
        ("VIP", "VIPs", False),
    ],
    ids=ascii,
)
def test_texts_look_alike(one: str, other: str, expected: bool) -> None:
    assert look_alike(one, other) is expected


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("module", "options", "other", "old"),
    [
        ("device_group", {"path": "Berlin"}, {"path": "BERLIN"}, "Berlin"),
        ("device_group", {"path": "Berlin"}, {"name": "berlin"}, "Berlin"),
        ("role", {"name": "Auditor", "description": "a"}, {"name": "auditor", "description": "a"}, "Auditor"),
    ],
    ids=["path", "name", "plain"],
)
def test_a_new_object_with_a_similar_name_is_a_warning(
    world: World, module: str, options: dict[str, t.Any], other: dict[str, t.Any], old: str, check_mode: bool
) -> None:
    assert world.must(module, options).warnings == []
    run = world.must(module, other, check_mode=check_mode)
    assert [warning.partition(", ")[2] for warning in run.warnings] == [SIMILAR.format(old)]
    assert world.must(module, options).warnings == []


def test_groups_in_different_parents_and_in_other_forms_of_one_name_are_no_warning(world: World) -> None:
    for path in ("A", "B", "A/Berlin"):
        world.must("device_group", {"path": path})
    assert world.must("device_group", {"path": "B/BERLIN"}).warnings == []
    world.must("device_group", {"path": "K\xf6ln"})
    again = world.must("device_group", {"path": "Ko\u0308ln"})
    assert (again.changed, again.warnings) == (False, [])


def test_two_similar_groups_of_one_task_are_a_warning(world: World) -> None:
    run = world.must("tenant", {"device_groups": [{"path": "Berlin"}, {"path": "berlin"}]}, check_mode=True)
    assert [warning.partition(", ")[2] for warning in run.warnings] == [SIMILAR.format("Berlin")]


def test_a_new_tag_that_differs_in_case_is_a_warning(world: World) -> None:
    name = world.must("device_info", {"filters": {"state": "online"}}).result["devices"][0]["name"]
    assert world.must("device", {"devices": [name], "tags": ["Pilot"]}).warnings == []
    run = world.must("device", {"devices": [name], "tags": ["PILOT"]}, check_mode=True)
    assert run.warnings == [f"The tag 'PILOT' is new, {SIMILAR.format('Pilot')}"]
    assert world.must("device", {"devices": [name], "tags": ["Pilot"]}).warnings == []
