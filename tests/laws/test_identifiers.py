# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""IDs and names in any form: an ID is never the name of a new object, and Unicode forms do not count."""

from __future__ import annotations

import typing as t
import unicodedata

import pytest
from ansible_collections.esper.cloud.tests.laws.preparations import Preparation, Row
from ansible_collections.esper.cloud.tests.laws.world import World

UNKNOWN = "6f2f7c55-7c1f-4b8e-9a39-55a8c0f6afff"
KINDS = {
    "blueprint": "Kiosks in Köln",
    "role": "Büro",
    "device_group": "Köln",
}
Forms = tuple[t.Literal["NFC", "NFD"], t.Literal["NFC", "NFD"]]
FORMS: list[Forms] = [("NFC", "NFD"), ("NFD", "NFC")]


def created(world: World, kind: str, name: str) -> Row:
    world.begin(Preparation())
    result = world.must(kind, {"name": name}).result
    row: Row = result[kind]
    return row


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [str, str.upper], ids=["lower", "upper"])
def test_an_id_selects_its_object(world: World, kind: str, change: type[str]) -> None:
    row = created(world, kind, KINDS[kind])
    for option in ("id", "name"):
        run = world.must(kind, {option: change(row["id"])})
        assert (run.changed, run.result[kind]["id"], run.result[kind]["name"]) == (False, row["id"], KINDS[kind])
    info = world.must(f"{kind}_info", {"id": change(row["id"])}).result
    assert [each["id"] for each in next(value for value in info.values() if isinstance(value, list))] == [row["id"]]
    assert world.must(kind, {"name": change(row["id"]), "state": "absent"}).changed


@pytest.mark.parametrize("kind", KINDS)
def test_no_object_gets_an_id_as_name(world: World, kind: str) -> None:
    row = created(world, kind, KINDS[kind])
    for options in ({"name": UNKNOWN}, {"id": row["id"], "name": UNKNOWN.upper()}):
        run = world.run(kind, options)
        assert run.failed
        assert "is a UUID, and no" in run.message
        assert run.writes == []
    assert not world.must(kind, {"name": UNKNOWN, "state": "absent"}).changed


def test_a_path_can_be_an_id(world: World) -> None:
    row = created(world, "device_group", "Köln")
    assert world.must("device_group", {"path": row["id"].upper()}).result["device_group"]["id"] == row["id"]
    moved = world.must("device_group", {"path": row["id"], "new_path": "Bonn"})
    assert (moved.changed, moved.result["device_group"]["id"]) == (True, row["id"])
    for path in (UNKNOWN, f"{row['id']}/Sales", f"Bonn/{UNKNOWN}"):
        run = world.run("device_group", {"path": path, "create_parents": True})
        assert "is a UUID" in run.message
        assert run.writes == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("forms", FORMS, ids=str)
def test_names_in_both_unicode_forms_are_one_name(world: World, kind: str, forms: Forms) -> None:
    own, other = (unicodedata.normalize(form, KINDS[kind]) for form in forms)
    row = created(world, kind, own)
    run = world.must(kind, {"name": other})
    assert (run.changed, run.result[kind]["id"]) == (False, row["id"])
    assert not world.must(kind, {"id": row["id"], "name": other}).changed
    info = world.must(f"{kind}_info", {"name": other}).result
    assert [each["id"] for each in next(value for value in info.values() if isinstance(value, list))] == [row["id"]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_in_neither_unicode_form_is_found(world: World, kind: str) -> None:
    row = created(world, kind, "\uf90d")
    assert unicodedata.normalize("NFC", "\uf90d") == unicodedata.normalize("NFD", "\uf90d") != "\uf90d"
    run = world.must(kind, {"name": "\uf90d"})
    assert (run.changed, run.result[kind]["id"]) == (False, row["id"])


@pytest.mark.parametrize("forms", FORMS, ids=str)
def test_paths_in_both_unicode_forms_are_one_path(world: World, forms: Forms) -> None:
    world.begin(Preparation())
    own, other = (unicodedata.normalize(form, "Köln/Büro") for form in forms)
    world.must("device_group", {"path": own, "create_parents": True})
    assert not world.must("device_group", {"path": other}).changed
    assert not world.must("tenant", {"device_groups": [{"path": other}]}).changed
    twice = world.run("tenant", {"device_groups": [{"path": own}, {"path": other}]})
    assert "both refer to the device group" in twice.message


@pytest.mark.parametrize("forms", FORMS, ids=str)
def test_a_content_file_is_found_in_both_unicode_forms(world: World, forms: Forms) -> None:
    own, other = (unicodedata.normalize(form, "Menü.txt") for form in forms)
    world.begin(Preparation(files={own: b"soup"}))
    world.must("content", {"src": own})
    assert not world.must("content", {"name": other, "description": ""}).changed


@pytest.mark.parametrize("forms", FORMS, ids=str)
def test_a_device_and_its_tags_are_found_in_both_unicode_forms(world: World, forms: Forms) -> None:
    world.begin(Preparation())
    own, other = (unicodedata.normalize(form, "Büro") for form in forms)
    row = world.must("device_info", {"groups": ["All devices"]}).result["devices"][0]
    assert not world.must("device", {"devices": [row["id"].upper()], "tags": []}).changed
    world.must("device", {"devices": [row["id"]], "tags": [own]})
    for options in ({"tags": [other]}, {"add_tags": [other]}):
        assert not world.must("device", {"devices": [row["id"]], **options}).changed
    assert world.must("device", {"devices": [row["id"]], "remove_tags": [other]}).changed
