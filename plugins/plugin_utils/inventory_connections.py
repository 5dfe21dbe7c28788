# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection options of tasks and lookups, from the inventory file of the host, from variables and from environment
variables.

An API key in an inventory file must not be a variable of its hosts, because many programs show variables. So the
inventory plugin keeps it in memory. Ansible forks its workers from the same process.
"""

from __future__ import annotations

import typing as t

from ansible_collections.esper.cloud.plugins.module_utils.http.connection import (
    OPTIONS,
    Place,
    combine,
    values_in_environment,
)

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


def missing_options(
    own: t.Mapping[str, t.Any],
    variables: t.Mapping[str, t.Any],
    template: t.Callable[[t.Any], t.Any],
    environment: t.Mapping[str, str],
) -> dict[str, t.Any]:
    """Return the connection options that a task or lookup does not set itself, from the inventory file of the host and
    from its variables. ``own`` are those that it sets. ``template`` evaluates the value of a variable.

    Those of environment variables are not returned, because the module can run on another machine. If they are for
    another tenant, an empty value hides them.

    Raise ConfigurationError if all API keys are those of other tenants.
    """
    of_host = _from_variables(variables, template)
    task, file = Place("the task", own), _file_of(variables, str(of_host.get("api_url", "")))
    in_environment: dict[str, t.Any] = dict(values_in_environment(environment))
    if task.names_tenant:
        # A task that sets the tenant can leave the API key to the environment, whatever else is there.
        in_environment = {name: value for name, value in in_environment.items() if name not in ("tenant", "api_url")}
    inside = task, file, Place("the variables", of_host, is_mixed=True)
    combined = combine([*inside, Place("the environment variables", in_environment)])
    found = {name: value for name, (index, value) in combined.items() if 0 < index < len(inside)}
    if found.get("tenant") or found.get("api_url"):
        found.setdefault("enterprise_id", combined["enterprise_id"][1] if "enterprise_id" in combined else "")
    return found


def _file_of(variables: t.Mapping[str, t.Any], api_url: str) -> Place:
    """Return the connection of the inventory file that has a host. ``api_url`` is the value of its variable. The
    variables say which file it is, if several files are about the same tenant."""
    found = {path: place for path, place in _places.items() if place.values["api_url"] == api_url}
    path = str(variables.get(_FILE_VARIABLE))
    return found.get(path) or next(iter(found.values()), Place("the inventory file", {}))


def _from_variables(variables: t.Mapping[str, t.Any], template: t.Callable[[t.Any], t.Any]) -> dict[str, t.Any]:
    """Return the connection options that variables set. An empty variable sets none."""
    found: dict[str, t.Any] = {}
    for option in OPTIONS:
        if variables.get(option.variable) is None:
            continue
        value = template(variables[option.variable])
        if value is not None and str(value).strip():
            # str() decrypts a vaulted value.
            found[option.name] = value if isinstance(value, (bool, int, float)) else str(value)
    return found
