# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report subscriptions, company settings and alert channels against the simulator: what is special about them."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.preparations import Preparation
from ansible_collections.esper.cloud.tests.laws.world import EmbeddedSimulator, Run, World
from ansible_collections.esper.cloud.tests.unit.service import Clock
from contract import Contract

Row = dict[str, t.Any]

SUBSCRIPTIONS = "/enterprise/report/subscription/"


@pytest.fixture(scope="module")
def running() -> t.Iterator[EmbeddedSimulator]:
    with EmbeddedSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract()


@pytest.fixture
def world(running: EmbeddedSimulator, contract: Contract, clock: Clock, tmp_path: Path) -> World:
    """A new tenant. The waits of the client take no time."""
    made = World(running, contract, tmp_path)
    made.begin(Preparation())
    return made


# --- report subscriptions ---------------------------------------------------------------------------------------------


def subscribe(world: World, *emails: str, **options: t.Any) -> Run:
    return world.run("report_subscription", {"emails": list(emails), **options})


def subscriptions(world: World) -> list[list[str]]:
    rows = world.must("report_subscription_info", {}).result["report_subscriptions"]
    return [row["emails"] for row in rows]


def test_a_subscription_is_the_one_that_has_one_of_the_addresses(world: World) -> None:
    subscribe(world, "a@example.com", "b@example.com")
    subscribe(world, "c@example.com")
    assert subscribe(world, "d@example.com", "b@example.com").writes[0].startswith("PATCH")
    assert subscriptions(world) == [["d@example.com", "b@example.com"], ["c@example.com"]]
    both = subscribe(world, "b@example.com", "c@example.com")
    assert "several report subscriptions" in both.message or "candidates" in both.result
    assert both.writes == []


def test_an_id_replaces_the_addresses(world: World) -> None:
    identifier = subscribe(world, "a@example.com").result["report_subscription"]["id"]
    assert subscribe(world, "b@example.com", id=identifier).changed
    assert subscriptions(world) == [["b@example.com"]]


def test_only_a_subscription_with_the_same_addresses_is_deleted(world: World) -> None:
    subscribe(world, "a@example.com", "b@example.com")
    refused = subscribe(world, "a@example.com", state="absent")
    assert refused.message == (
        "The report subscription 'a@example.com, b@example.com' has other email addresses than the task, so it is not"
        " deleted. List all of its addresses, or set id."
    )
    assert not subscribe(world, "c@example.com", state="absent").changed
    assert subscribe(world, "b@example.com", "a@example.com", state="absent").changed
    assert subscriptions(world) == []


@pytest.mark.parametrize(
    ("emails", "error"),
    [
        ([], "emails must not be empty"),
        (["a"], "emails[0] is not a valid email address: 'a'"),
        ([f"{number}@example.com" for number in range(11)], "emails has 11 items; the maximum is 10"),
    ],
)
def test_invalid_addresses(world: World, emails: list[str], error: str) -> None:
    run = subscribe(world, *emails)
    assert error in run.message
    assert run.writes == []


def test_two_subscriptions_of_a_task_with_one_address_are_an_error(world: World) -> None:
    run = world.run(
        "tenant",
        {"report_subscriptions": [{"emails": ["a@example.com"]}, {"emails": ["b@example.com", "a@example.com"]}]},
    )
    assert "both refer to the report subscription" in run.message
    assert run.writes == []


# --- company settings -------------------------------------------------------------------------------------------------


def test_a_setting_that_the_tenant_does_not_have_is_an_error(world: World) -> None:
    def without(_method: str, _path: str, body: t.Any) -> t.Any:
        return {name: value for name, value in body.items() if name != "wifi_lte_toggle_flag"}

    assert world.must("enterprise", {"data_saver": True}).changed
    world.simulator.rewrites.append(without)
    for value in (True, False):
        run = world.run("enterprise", {"data_saver": value, "name": "Stores"}, check_mode=True)
        assert "data_saver is not available, because this tenant does not have" in run.message
    assert world.must("enterprise", {"name": "Stores"}).writes[0].startswith("PATCH")
