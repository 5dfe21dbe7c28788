# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the hosts of a fleet, which are built when they are first read.

A play reads the variables of the hosts that it targets. A large fleet has many others, whose variables take most of the
time and memory of an inventory.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, MutableMapping

from ansible_collections.esper.cloud.plugins.module_utils.base.row import Row
from ansible_collections.esper.cloud.plugins.module_utils.tasks.fleet import Fleet
from ansible_collections.esper.cloud.plugins.plugin_utils.api_values import as_data, as_text


class VariableBuilder:
    """Builds the variables of a fleet's hosts: the values from the API, and names for the IDs in them.

    ``common`` are the variables that ansible-core sets for each new host of the source, ``constants`` those that this
    collection sets for each host.
    """

    def __init__(self, fleet: Fleet, prefix: str, constants: Row | None = None) -> None:
        self.common: Row = {}
        self._constants = constants or {}
        self._fleet = fleet
        self._names = _PrefixedNames(prefix)

    def build(self, device: Row) -> Row:
        """Return the variables of a device, without the common ones."""
        names = self._names
        variables: Row = {names[name]: as_data(value) for name, value in device.items()}
        # The level minimal has no names that need other requests.
        if "current_blueprint_id" in device:
            fleet = self._fleet
            group = fleet.groups.get(device["group_id"])
            variables[names["group"]] = as_data(group["path"]) if group else None
            variables[names["tags"]] = [as_text(fleet.tags.get(tag, tag)) for tag in device["tag_ids"]]
            variables[names["blueprint"]] = as_data(fleet.blueprints.get(device["blueprint_id"]))
            variables[names["current_blueprint"]] = as_data(fleet.blueprints.get(device["current_blueprint_id"]))
        return variables | self._constants


class HostVariables(MutableMapping[str, t.Any]):
    """The variables of one host, for the attribute ``vars`` of the host.

    It behaves like the dict of the variables, and builds that dict at the first access. Everything that is made of it
    is a plain dict: copies, pickles, and merges with other variables. The only exception is a merge with an empty dict,
    which ansible-core makes for every host of an inventory. That returns another mapping that is not built.
    """

    __slots__ = ("_builder", "_device", "_variables")

    def __init__(self, builder: VariableBuilder, device: Row) -> None:
        self._builder = builder
        self._device = device
        self._variables: Row | None = None

    @property
    def is_built(self) -> bool:
        """True if the variables have been read."""
        return self._variables is not None

    def _built(self) -> Row:
        if self._variables is None:
            self._variables = {**self._builder.common, **self._builder.build(self._device)}
            self._device = {}
        return self._variables

    def __getitem__(self, name: str) -> t.Any:
        return self._built()[name]

    def __setitem__(self, name: str, value: t.Any) -> None:
        self._built()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._built()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._built())

    def __len__(self) -> int:
        return len(self._built())

    def __repr__(self) -> str:
        return repr(self._built())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        if not other and not self.is_built:
            # Each device has an ID. With hash_behaviour=merge, ansible-core compares the variables of every host.
            return False
        return self._built() == dict(other)

    def __or__(self, other: object) -> t.Any:
        if not isinstance(other, Mapping):
            return NotImplemented
        if not other and not self.is_built:
            return HostVariables(self._builder, self._device)
        return {**self._built(), **other}

    def __ror__(self, other: object) -> t.Any:
        return {**other, **self._built()} if isinstance(other, Mapping) else NotImplemented

    def copy(self) -> Row:
        """Return a plain dict with the same variables."""
        return self._built().copy()

    def __reduce__(self) -> tuple[type[dict[str, t.Any]], tuple[Row]]:
        return dict, (self._built(),)


class _PrefixedNames(dict[str, str]):
    """Names of variables by their names without the prefix. All hosts share the texts."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def __missing__(self, name: str) -> str:
        self[name] = f"{self._prefix}{name}"
        return self[name]
