# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are added to groups in bulk are in the same state as if ansible-core added each one."""

from __future__ import annotations

import typing as t

import pytest
from ansible.inventory.data import InventoryData
from ansible.inventory.host import Host
from ansible_collections.esper.cloud.plugins.module_utils.base.row import Row
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device import as_host
from ansible_collections.esper.cloud.plugins.module_utils.tasks.fleet import Fleet
from ansible_collections.esper.cloud.plugins.plugin_utils.device_groups import ROOT_GROUP, DeviceGroups

KINDS = ("group", "tag", "platform", "state", "blueprint")
GROUPS: dict[str, Row] = {
    "root": {"path": "All devices", "parent": None},
    "stores": {"path": "All devices/Stores", "parent": "root"},
    "11111111": {"path": "All devices/Stores/A B", "parent": "stores"},
    "a": {"path": "All devices/Stores/A", "parent": "stores"},
    "22222222": {"path": "All devices/Stores/A/B", "parent": "a"},
    "empty": {"path": "All devices/Attic", "parent": "root"},
}
# Some devices have the same values, and some a group that does not exist, or the same tag twice.
VALUES: list[Row] = [
    {"group_id": "22222222", "tags": ["1", "2"]},
    {"group_id": "22222222", "tags": ["1", "2"]},
    {"group_id": "11111111", "tags": ["3", "3"], "platform": "APPLE"},
    {"group_id": "stores", "state": 20},
    {"group_id": "gone", "blueprint_info": {"assigned_blueprint_id": "b"}},
    {"tags": ["2"]},
]


def fleet() -> Fleet:
    devices = [
        as_host({"id": f"00000000-0000-4000-8000-{number:012}", "platform": "ANDROID", "state": 1, **values})
        for number, values in enumerate(VALUES)
    ]
    return Fleet(devices, groups=GROUPS, tags={"1": "VIP", "2": "vip", "3": "kiosk"}, blueprints={"b": "Kiosk"})


def add_fleet(inventory: InventoryData, *, in_bulk: bool, kinds: t.Sequence[str] = KINDS) -> None:
    data = fleet()
    groups = DeviceGroups(inventory, data, kinds, lambda _text: None)
    inventory.add_group(ROOT_GROUP)
    groups.create(data.devices)
    for device, name in zip(data.devices, NAMES, strict=True):
        inventory.add_host(name)
        if in_bulk:
            groups.add_device(device, inventory.hosts[name])
        else:
            for group in groups._names_for(device):
                inventory.add_child(group, name)
    groups.complete()


def state(inventory: InventoryData) -> dict[str, t.Any]:
    """Return all that ansible-core knows of the groups, with the order of lists that an inventory shows."""
    groups = {
        name: {
            "hosts": [host.name for host in group.hosts],
            "host_names": set(group.host_names),
            "all_hosts": [host.name for host in group.get_hosts()],
            "children": [child.name for child in group.child_groups],
            "parents": {parent.name for parent in group.parent_groups},
            "depth": group.depth,
        }
        for name, group in inventory.groups.items()
    }
    hosts = {name: sorted(group.name for group in host.get_groups()) for name, host in inventory.hosts.items()}
    return {"groups": groups, "hosts": hosts, "dict": inventory.get_groups_dict()}


def nothing(inventory: InventoryData) -> None:
    """Leave the inventory empty."""


def other_sources(inventory: InventoryData) -> None:
    """Add what other sources can have: groups with the same names, with hosts, above and below others."""
    for group in ("mine", "tag_kiosk", "group_stores", "platform_android"):
        inventory.add_group(group)
    inventory.add_host("web01", "tag_kiosk")
    inventory.add_host("web02", "group_stores")
    inventory.add_child("mine", "group_stores")
    inventory.reconcile_inventory()
    # Each of these fills an index that is out of date if hosts are added without it.
    assert inventory.get_groups_dict()
    assert all(isinstance(group.host_names, set) for group in inventory.groups.values())


def same_host(inventory: InventoryData) -> None:
    other_sources(inventory)
    inventory.add_host("d1", "mine")


NAMES = [f"d{number}" for number in range(len(VALUES))]


@pytest.mark.parametrize("prepare", [nothing, other_sources, same_host])
@pytest.mark.parametrize("kinds", [KINDS, ("tag", "platform"), ()], ids=str)
def test_groups_and_hosts_are_those_that_ansible_would_make(
    prepare: t.Callable[[InventoryData], None], kinds: t.Sequence[str]
) -> None:
    bulk, single = InventoryData(), InventoryData()
    for inventory in (bulk, single):
        prepare(inventory)
        add_fleet(inventory, in_bulk=inventory is bulk, kinds=kinds)
    assert state(bulk) == state(single)
    for inventory in (bulk, single):
        inventory.reconcile_inventory()
    assert state(bulk) == state(single)


def test_they_can_be_changed_afterwards() -> None:
    bulk, single = InventoryData(), InventoryData()
    for inventory in (bulk, single):
        add_fleet(inventory, in_bulk=inventory is bulk)
        inventory.reconcile_inventory()
        # A host that is in the group already, one that is not, a new one, and one that leaves.
        assert not inventory.add_child("tag_kiosk", "d2")
        assert inventory.add_child("tag_kiosk", "d0")
        inventory.add_host("d9", "group_stores")
        inventory.remove_host(inventory.hosts["d3"])
        inventory.remove_group(inventory.groups["platform_apple"])
        inventory.reconcile_inventory()
    assert state(bulk) == state(single)
    assert "d3" not in bulk.groups["group_stores"].host_names


def test_a_new_host_is_that_of_ansible() -> None:
    inventory = InventoryData()
    inventory.add_host("one")
    theirs, own = vars(inventory.hosts["one"]), vars(Host("one"))
    assert own.keys() == theirs.keys()
    differing = {name for name, value in own.items() if value != theirs[name]}
    assert differing == {"vars", "_uuid"}
