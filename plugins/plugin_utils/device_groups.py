# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory groups of a fleet: how they are named and nested, and which of them a device belongs to."""

from __future__ import annotations

import typing as t

from ansible.inventory.host import Host
from ansible.plugins.inventory import to_safe_group_name
from ansible_collections.esper.cloud.plugins.module_utils.base.names import MAX_LENGTH, full_group_name, group_names
from ansible_collections.esper.cloud.plugins.module_utils.base.row import Row
from ansible_collections.esper.cloud.plugins.module_utils.base.text import counted, listed
from ansible_collections.esper.cloud.plugins.module_utils.kinds.group_path import ROOT, split_path
from ansible_collections.esper.cloud.plugins.module_utils.tasks.fleet import Fleet

ROOT_GROUP = "esper"


class DeviceGroups:
    """The inventory groups of a fleet, which are all created and nested before a host joins them.

    ``kinds`` are values of the option ``group_by``. ``warn`` shows a warning.
    """

    def __init__(self, inventory: t.Any, fleet: Fleet, kinds: t.Collection[str], warn: t.Callable[[str], None]) -> None:
        self._inventory = inventory
        self._fleet = fleet
        self._kinds = kinds
        self._warn = warn
        # The names of the inventory groups for each kind, by what they stand for, such as the ID of a tag.
        self._names: dict[str, dict[t.Any, str]] = {"group": {}}
        # The names of groups that several objects share, with the names of the groups of these objects.
        self._shared: dict[str, list[str]] = {}
        self._memberships: dict[tuple[t.Any, ...], _Membership] = {}
        self._shortened: list[str] = []

    def create(self, devices: list[Row], *, with_empty: bool = True) -> None:
        """Create and nest the inventory groups. Objects have one if a device uses them. With ``with_empty``, each
        device group has one."""
        fleet = self._fleet
        self._warn_of_unknown(devices)
        if not with_empty:
            used = {device["group_id"] for device in devices} & fleet.groups.keys()
            used |= {key for group in used for key in _ancestors(fleet, group)}
            fleet.groups = {key: group for key, group in fleet.groups.items() if key in used}
        used_tags = {tag for device in devices for tag in device["tag_ids"]}
        used_blueprints = {device["blueprint_id"] for device in devices if device["blueprint_id"]}
        objects: dict[str, dict[t.Any, str]] = {
            # The names of the groups below the root do not contain the root.
            "group": {key: "/".join(split_path(group["path"])) or ROOT for key, group in fleet.groups.items()},
            "tag": {tag: fleet.tags.get(tag, tag) for tag in used_tags},
            "platform": {device["platform"]: device["platform"] for device in devices if device["platform"]},
            "state": {device["state"]: device["state"] for device in devices},
            "blueprint": {key: fleet.blueprints.get(key) or key for key in used_blueprints},
        }
        for kind, names_by_key in objects.items():
            if kind in self._kinds:
                self._create_kind(kind, names_by_key)
        if self._shortened:
            self._warn(
                f"Names of inventory groups are longer than {MAX_LENGTH} characters. They are shortened and end in a"
                f" digest, because AWX cuts longer names: {listed(self._shortened)}."
            )
        self._nest()

    def _warn_of_unknown(self, devices: list[Row]) -> None:
        if "group" not in self._kinds:
            return
        unknown = [device for device in devices if device["group_id"] and device["group_id"] not in self._fleet.groups]
        if unknown:
            names = [f"{device['name'] or device['id']} ({device['group_id']})" for device in unknown]
            self._warn(
                f"The device groups of {counted(len(unknown))} are not in the list of device groups, so"
                f" {'it is' if len(unknown) == 1 else 'they are'} in no inventory group for device groups:"
                f" {listed(names)}."
            )

    def _create_kind(self, kind: str, objects: dict[t.Any, str]) -> None:
        names, shared = group_names(kind, objects, to_safe_group_name)
        created = {key: self._inventory.add_group(name) for key, name in names.items()}
        self._names[kind] = created
        self._shortened += [
            created[key]
            for key, name in objects.items()
            if len(full_group_name(kind, name, to_safe_group_name)) > MAX_LENGTH
        ]
        for name, keys in shared.items():
            self._create_shared(name, {created[key]: objects[key] for key in keys})

    def _create_shared(self, name: str, objects: dict[str, str]) -> None:
        """Create the inventory group of a name that several objects share. ``objects`` are their names, by the names of
        their own inventory groups, which become children of this one."""
        self._shared[self._inventory.add_group(name)] = list(objects)
        self._warn(
            f"The inventory group {name} contains several objects with similar names:"
            f" {', '.join(sorted(objects.values()))}. Each one also has a group of its own: {', '.join(objects)}."
        )

    def _nest(self) -> None:
        """Nest the inventory groups of device groups as in Esper, and those of objects that share a name below the
        group of that name."""
        names = self._names["group"]
        keys = {name: key for key, name in names.items()}
        edges = [(_depth(self._fleet, key), self._parent_of(key), name) for key, name in names.items()]
        for shared, children in self._shared.items():
            members = [keys[child] for child in children if child in keys]
            depth = 0
            if members:
                # As deep in the tree as its members allow, so that its variables take precedence over those above it.
                ancestor = _common_ancestor(self._fleet, members)
                depth = 0 if ancestor is None else _depth(self._fleet, ancestor) + 1
                edges.append((depth, ROOT_GROUP if ancestor is None else names[ancestor], shared))
            edges += [(depth, shared, child) for child in children]
        for _order, parent, child in sorted(edges, key=lambda edge: edge[0]):
            self._inventory.add_child(parent, child)

    def _parent_of(self, key: str) -> str:
        """Return the inventory group above that of a device group. Ansible rejects circles, so a device group that is
        above itself in the response is at the top."""
        if key in _ancestors(self._fleet, key):
            return ROOT_GROUP
        return self._names["group"].get(self._fleet.groups[key]["parent"], ROOT_GROUP)

    def add_device(self, device: Row, host: Host) -> None:
        """Add the host of a device to its groups. complete() must follow the last device."""
        key = (device["group_id"], device["platform"], device["state"], device["blueprint_id"], *device["tag_ids"])
        membership = self._memberships.get(key)
        if membership is None:
            membership = self._memberships[key] = self._membership(device)
        if host.groups:
            host.groups += [group for group in membership.all_groups if group not in host.groups]
        else:
            host.groups = membership.all_groups.copy()
        # Like Group.add_host(), which searches all groups above for each host.
        for group in membership.groups:
            if host.name not in group.host_names:
                group.host_names.add(host.name)
                group.hosts.append(host)

    def complete(self) -> None:
        """Make the groups list their hosts again, which Group.add_host() does for each host."""
        for group in {group for membership in self._memberships.values() for group in membership.groups}:
            group.clear_hosts_cache()

    def _membership(self, device: Row) -> _Membership:
        groups = [self._inventory.groups[name] for name in dict.fromkeys(self._names_for(device))]
        ancestors = {ancestor.name: ancestor for group in groups for ancestor in group.get_ancestors()}
        return _Membership(groups, list({**ancestors, **{group.name: group for group in groups}}.values()))

    def _names_for(self, device: Row) -> t.Iterator[str]:
        if device["group_id"] not in self._names["group"]:
            yield ROOT_GROUP
        keys = (
            ("group", device["group_id"]),
            ("platform", device["platform"]),
            ("state", device["state"]),
            ("blueprint", device["blueprint_id"]),
            *(("tag", tag) for tag in device["tag_ids"]),
        )
        for kind, key in keys:
            if (name := self._names.get(kind, {}).get(key)) is not None:
                yield name


class _Membership(t.NamedTuple):
    """The inventory groups of the devices that have the same values."""

    groups: list[t.Any]
    # The same with all groups above them.
    all_groups: list[t.Any]


def _depth(fleet: Fleet, key: str) -> int:
    return len(split_path(fleet.groups[key]["path"]))


def _common_ancestor(fleet: Fleet, keys: list[str]) -> str | None:
    """Return the ID of the lowest device group that is above all of some device groups, None if there is none."""
    lines = [_ancestors(fleet, key) for key in keys]
    return next((key for key in lines[0] if all(key in line for line in lines)), None)


def _ancestors(fleet: Fleet, key: str) -> list[str]:
    """Return the IDs of the device groups above one, from the bottom up."""
    found: list[str] = []
    parent = fleet.groups[key]["parent"]
    while parent in fleet.groups and parent not in found:
        found.append(parent)
        parent = fleet.groups[parent]["parent"]
    return found
