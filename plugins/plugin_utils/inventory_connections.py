# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections of the inventory files of this process, for the tasks of their hosts.

An API key in an inventory file must not be a variable of its hosts, because many programs show variables. So the
inventory plugin keeps it in memory. Ansible forks its workers from the same process.
"""

from __future__ import annotations

import typing as t

from ansible_collections.esper.cloud.plugins.module_utils.http.connection import Place

# The options of an inventory file that apply to tasks too. The others are about the long list of devices.
SHARED = ("api_key", "enterprise_id", "validate_certs", "ca_path")
# The variables that the hosts of an inventory file have.
URL_VARIABLE = "esper_api_url"
_FILE_VARIABLE = "inventory_file"

# By the paths of the inventory files.
_places: dict[str, Place] = {}


def remember(path: str, api_url: str, values: t.Mapping[str, t.Any]) -> None:
    """Keep the connection of an inventory file. ``values`` are the connection options in the file."""
    shared = {name: values[name] for name in SHARED if values.get(name) is not None}
    _places[path] = Place(f"the inventory file {path}", {"api_url": api_url, **shared})


def connection_of(variables: t.Mapping[str, t.Any], api_url: str) -> Place:
    """Return the connection of the inventory file that has a host. ``api_url`` is the value of its variable. The
    variables say which file it is, if several files are about the same tenant."""
    found = {path: place for path, place in _places.items() if place.values["api_url"] == api_url}
    path = str(variables.get(_FILE_VARIABLE))
    return found.get(path) or next(iter(found.values()), Place("the inventory", {}))
