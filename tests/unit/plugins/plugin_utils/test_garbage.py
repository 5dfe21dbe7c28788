# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import gc
import typing as t
import weakref

import pytest
from ansible.inventory.data import InventoryData
from ansible_collections.esper.cloud.plugins.plugin_utils import garbage
from ansible_collections.esper.cloud.plugins.plugin_utils.garbage import without_collections


@pytest.fixture(autouse=True)
def unfrozen() -> t.Iterator[None]:
    yield
    gc.unfreeze()
    garbage._frozen_root = None
    assert gc.isenabled()


def build(hosts: t.Sequence[str] = ("a", "b")) -> InventoryData:
    inventory = InventoryData()
    with without_collections(inventory):
        assert not gc.isenabled()
        for host in hosts:
            inventory.add_host(host, "all")
    return inventory


def test_what_was_built_is_not_examined_again() -> None:
    inventory = build()
    assert gc.isenabled()
    tracked = {id(each) for each in gc.get_objects()}
    assert id(inventory.hosts["a"]) not in tracked


def test_an_error_leaves_the_garbage_collector_as_it_was() -> None:
    with contextlib.suppress(ValueError), without_collections(InventoryData()):
        raise ValueError
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_a_garbage_collector_that_is_disabled_stays_so() -> None:
    gc.disable()
    try:
        with without_collections(InventoryData()):
            pass
        assert not gc.isenabled()
        assert gc.get_freeze_count() == 0
    finally:
        gc.enable()


def test_a_refresh_collects_the_inventory_before() -> None:
    # Hosts and groups refer to each other, so that only the garbage collector frees them.
    inventory = build()
    host = weakref.ref(inventory.hosts["a"])
    del inventory
    gc.collect()
    assert host() is not None, "The test is void: the inventory is not excluded from collections."
    again = build()
    assert host() is None
    assert set(again.hosts) == {"a", "b"}


def test_another_source_of_the_same_inventory_collects_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    inventory = build()
    monkeypatch.setattr(
        gc, "collect", lambda: pytest.fail("There is nothing to collect, but a large fleet to examine.")
    )
    with without_collections(inventory):
        inventory.add_host("c", "all")
    assert gc.isenabled()


def test_a_second_inventory_leaves_the_first_one_as_it_is() -> None:
    first, second = build(), build(["c"])
    assert [set(each.hosts) for each in (first, second)] == [{"a", "b"}, {"c"}]
