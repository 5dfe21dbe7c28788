# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directory records against the simulator: their identifiers, their tags, and tasks with many of them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.kinds.directory_identifiers import (
    lost_identifiers,
    to_api,
    with_identifiers,
)
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

PATH = "/v1/enterprise/{enterprise_id}/directory_record/"
ALL = "All devices"


def record(world: World, **options: t.Any) -> Row:
    result: Row = world.must("directory_record", options).result["directory_record"]
    return result


def records(world: World, **options: t.Any) -> list[Row]:
    rows: list[Row] = world.must("directory_record_info", options).result["directory_records"]
    return rows


def sent(run: Run) -> Row:
    """Return the body of the only write request."""
    [body] = [each["body"] for each in run.requests if each["method"] != "GET"]
    return t.cast("Row", body)


def store_others(world: World, identifiers: list[Row]) -> None:
    """Make Esper return a record with these identifiers in place of its own."""

    def rewrite(_method: str, path: str, body: t.Any) -> t.Any:
        if "directory_record" not in path or not isinstance(body, dict):
            return body
        rows = body.get("results", [body])
        for row in rows:
            row["unique_identifiers"] = identifiers
        return body

    world.simulator.rewrites.append(rewrite)


# --- identifiers ------------------------------------------------------------------------------------------------------


def test_a_record_is_found_by_any_identifier_and_keeps_the_others(world: World) -> None:
    created = record(world, serial="R9W1", wifi_mac="00:11:22:33:44:55", alias="Till 1")
    run = world.must("directory_record", {"wifi_mac": "00-11-22-33-44-55", "imei1": "356938035643809"})
    assert run.result["directory_record"] == {**created, "imei1": "356938035643809"}
    assert sent(run) == {
        "unique_identifiers": [
            {"type": 0, "unique_id": "356938035643809"},
            {"type": 2, "unique_id": "R9W1"},
            {"type": 4, "unique_id": "00:11:22:33:44:55"},
        ],
        "alias": "Till 1",
        "tags": [],
    }
    replaced = record(world, imei1="356938035643809", serial="R9W2")
    assert (replaced["id"], replaced["serial"]) == (created["id"], "R9W2")
    assert len(records(world)) == 1


def test_the_form_of_an_identifier_is_no_difference(world: World) -> None:
    record(world, serial="r9w1", ethernet_mac="AA:bb:00:00:00:01")
    for options in ({"serial": "R9W1"}, {"serial": " R9W1 ", "ethernet_mac": "aabb00000001"}):
        assert not world.must("directory_record", options).changed
    changed = record(world, serial="R9W1", alias="Till 1")
    assert (changed["serial"], changed["ethernet_mac"]) == ("r9w1", "AA:bb:00:00:00:01")


def test_identifiers_of_two_records_are_ambiguous(world: World) -> None:
    record(world, serial="R9W1")
    record(world, imei1="356938035643809")
    run = world.run("directory_record", {"serial": "R9W1", "imei1": "356938035643809"})
    assert "R9W1" in run.message
    assert "356938035643809" in run.message
    assert run.writes == []


def test_identifiers_in_unexpected_forms_are_never_lost(world: World) -> None:
    record(world, serial="R9W1")
    both = [{"type": "SERIAL", "unique_id": "R9W1"}, {"type": "EID", "unique_id": "8904"}]
    store_others(world, both)
    assert not world.must("directory_record", {"serial": "R9W1"}).changed
    run = world.run("directory_record", {"serial": "R9W1", "alias": "Till 1"}, check_mode=True)
    assert run.message == (
        "The directory record 'R9W1' is not changed, because the change would remove identifiers that the module cannot"
        " send: EID. Correct them in Esper first."
    )


@pytest.mark.parametrize(
    "identifiers",
    [None, 5, "x", {}, [], [None], [{"type": {}, "unique_id": []}], [{"type": "SERIAL"}], [{"unique_id": "R9W1"}]],
)
def test_invalid_identifiers_raise_no_error(identifiers: t.Any) -> None:
    row = with_identifiers({"id": "1", "unique_identifiers": identifiers})
    assert row["id"] == "1"
    lost_identifiers(row)


def test_numbers_of_types_are_read_too() -> None:
    row = {"unique_identifiers": [{"type": number, "unique_id": str(number)} for number in range(6)]}
    read = with_identifiers(row)
    assert to_api({name: value for name, value in read.items() if name != "unique_identifiers"}) == row
    assert lost_identifiers(row) == []


# --- tags and groups --------------------------------------------------------------------------------------------------


def test_tags_are_compared_as_names_even_if_esper_returns_ids(world: World) -> None:
    tags = world.must("api", {"path": "/enterprise/{enterprise_id}/tags/"}).result["content"]["results"]
    name, identifier = tags[0]["tag"], tags[0]["id"]

    def with_ids(_method: str, path: str, body: t.Any) -> t.Any:
        rows = body.get("results", [body]) if "directory_record" in path and isinstance(body, dict) else []
        for row in rows:
            row["tags"] = [identifier if tag == name else tag for tag in row["tags"]]
        return body

    world.simulator.rewrites.append(with_ids)
    assert record(world, serial="R9W1", tags=[name, "new"])["tags"] == [name, "new"]
    assert not world.must("directory_record", {"serial": "R9W1", "tags": ["new", name]}).changed
    run = world.must("directory_record", {"serial": "R9W1", "alias": "Till 1"})
    assert sent(run)["tags"] == [name, "new"]
    assert records(world)[0]["tags"] == [name, "new"]


def test_a_group_is_shown_by_its_path(world: World) -> None:
    created = record(world, serial="R9W1", group=ALL)
    assert created["group"] == ALL
    assert records(world, group=ALL) == [created]
    assert sent(world.must("directory_record", {"serial": "R9W1", "alias": "Till 1"}))["group_id"]


# --- enrolled devices -------------------------------------------------------------------------------------------------


def test_a_record_of_a_device_is_deleted_with_force_only(world: World) -> None:
    device = world.must("device_info", {"groups": [ALL]}).result["devices"][0]
    created, other = record(world, serial=device["serial"]), record(world, serial="R9W1")
    assert created["device_name"] == device["name"]
    assert (records(world, enrolled=True), records(world, enrolled=False)) == ([created], [other])
    assert records(world, approval_status="APPROVED") == [created]
    absent = {"serial": device["serial"], "state": "absent"}
    assert world.run("directory_record", absent).message == (
        f"The directory record '{device['serial']}' is in use by the device '{device['name']}'. Keep the record, or set"
        " force=true."
    )
    assert world.must("directory_record", {**absent, "force": True}).changed
    assert records(world) == [other]


# --- many records -----------------------------------------------------------------------------------------------------


def test_many_records_are_read_once(world: World) -> None:
    count = 60
    rows = [{"serial": f"R9W{number}", "alias": f"Till {number}", "group": ALL} for number in range(count)]
    created = world.must("tenant", {"directory_records": rows})
    assert created.result["counts"]["created"] == count
    reads = [each["path"] for each in created.requests if each["method"] == "GET" and "directory" in each["path"]]
    assert len(reads) == 1
    unchanged = world.must("tenant", {"directory_records": rows})
    assert unchanged.result["counts"]["unchanged"] == count
    # One request for the device groups, and the pages of 20 records.
    assert len(unchanged.requests) == 1 + count // 20
    moved = [{"serial": f"R9W{count}", "imei1": "1"}, {"serial": f"r9w{count}", "alias": "Till"}]
    assert "both refer to the directory record" in world.run("tenant", {"directory_records": moved}).message
