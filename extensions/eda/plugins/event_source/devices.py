# SPDX-FileCopyrightText: esper.cloud contributors
# Copyright (c) 2026 esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source of ansible-rulebook for the changes of Esper devices."""

import asyncio
import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

DOCUMENTATION = r"""
module: devices
short_description: Report changes of Esper devices, alarms and results of commands
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Polls an Esper tenant, and sends an event for each change of a device, each alarm, and each
    failed command.
  - The first poll only remembers the devices. With O(state_file), a restart reports what happened
    in between.
  - Each poll needs few requests, because Esper filters devices by state and sorts them by time. All
    devices are read each O(full_interval) seconds, for changes that Esper cannot filter.
  - An event is deleted from the state file after the rulebook has taken it. If the process is
    killed between these two steps, the event is sent again with the same C(esper.id).
  - A rate limit or an outage delays the next poll. Nothing is lost. An invalid API key stops the
    rulebook.
  - The opening braces of templates in texts from Esper are separated by a space, because
    ansible-rulebook and playbooks evaluate templates in the values of events.
  - The Python that runs ansible-rulebook needs the library C(requests).
options:
  tenant:
    description:
      - Name of the tenant, such as V(acme). Either O(tenant) or O(api_url) is required.
      - Can also be set with E(ESPER_TENANT).
    type: str
  api_url:
    description: Base URL of the Esper API. Can also be set with E(ESPER_API_URL).
    type: str
  api_key:
    description:
      - API key. Can also be set with E(ESPER_API_KEY), which keeps it out of the rulebook.
        Required.
    type: str
  enterprise_id:
    description: UUID of the enterprise. Can also be set with E(ESPER_ENTERPRISE_ID).
    type: str
  timeout:
    description:
      - Time limit in seconds for each part of a response. Can also be set with E(ESPER_TIMEOUT).
    type: float
    default: 60
  retries:
    description:
      - Maximum number of retries of a request in a poll. Can also be set with E(ESPER_RETRIES).
    type: int
    default: 4
  deadline:
    description:
      - Time limit in seconds for all requests of a poll, including waits. Can also be set with
        E(ESPER_DEADLINE).
    type: float
    default: 300
  max_response_size:
    description:
      - Maximum size in megabytes of the body of a response. Can also be set with
        E(ESPER_MAX_RESPONSE_SIZE).
    type: int
    default: 25
  validate_certs:
    description:
      - If V(true), the TLS certificate must be valid. Can also be set with E(ESPER_VALIDATE_CERTS).
    type: bool
    default: true
  ca_path:
    description:
      - Path of CA certificates that replace those of the system. Can also be set with
        E(ESPER_CA_PATH).
    type: str
  changes:
    description:
      - Types of changes to report. By default, all but V(command_succeeded).
      - V(device_offline) and V(device_online) are changes of the state. V(device_returned) is a
        device that is seen again after O(returned_after) days.
      - V(device_enrolled) is a new device that is in use, V(device_removed) a device that is
        disabled, wiped or gone.
      - V(device_moved), V(device_tagged) and V(blueprint_changed) are found when all devices are
        read. For a tenant with at most 1000 devices, or for new and offline devices, they are
        usually found earlier.
      - V(alarm) is an alarm of an alarm rule.
      - V(command_failed) and V(command_succeeded) are the results of a command on a device.
    type: list
    elements: str
    choices:
      - device_offline
      - device_online
      - device_returned
      - device_enrolled
      - device_removed
      - device_moved
      - device_tagged
      - blueprint_changed
      - alarm
      - command_failed
      - command_succeeded
  groups:
    description:
      - Device groups by path, name or ID, including their subgroups. If omitted, all devices are
        reported.
    type: list
    elements: str
  tags:
    description: Tags by name or ID. A device must have one of them.
    type: list
    elements: str
  filters:
    description: Filters of the inventory plugin C(esper.cloud.devices), except C(state).
    type: dict
  hostnames:
    description:
      - Sources of C(meta.hosts) in the order of preference. Use the same ones as the inventory.
      - V(name), V(alias), V(serial) or V(id).
    type: list
    elements: str
    default: [name, serial, id]
  set_hosts:
    description:
      - If V(true), events have the host of their device in C(meta.hosts), so the action
        C(run_playbook) limits the playbook to it. The inventory of the rulebook must have the host.
      - Set it to V(false) for playbooks whose plays run on C(localhost).
    type: bool
    default: true
  interval:
    description: Number of seconds between two polls, at least 1. It varies by ten percent.
    type: float
    default: 60
  full_interval:
    description: Number of seconds between two readings of all devices.
    type: float
    default: 3600
  overlap:
    description:
      - Number of seconds before the newest change of the poll before, from which changes are read
        again.
      - Esper can report changes late. Changes in the overlap are reported once.
    type: float
    default: 3600
  command_window:
    description:
      - Number of seconds after a command in which its results are reported.
      - Results of commands that are older than an hour are read each O(full_interval) seconds.
    type: float
    default: 86400
  returned_after:
    description:
      - Number of days without contact after which a device that is seen again counts as returned.
    type: float
    default: 30
  max_seen:
    description: Maximum number of alarms of each alarm rule that the source remembers.
    type: int
    default: 100000
  state_file:
    description:
      - Path of the file that survives a restart. The directory is created. Only its owner can read
        it (mode 0600).
      - If omitted, the source starts again with each start of the rulebook, and changes in between
        are not reported.
      - Two rulebooks cannot use one file at the same time.
    type: str
  feedback:
    description:
      - If V(true), an event counts as handed over when the rule engine has stored it. Requires the
        persistence of ansible-rulebook.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Devices of stores
  hosts: localhost
  sources:
    - name: devices
      esper.cloud.devices:
        groups: [Stores]
        changes: [device_offline, device_online]
        interval: 60
        state_file: /var/lib/eda/stores.db
  rules:
    - name: Report an offline device
      condition: event.esper.type == "device_offline"
      action:
        debug:
          msg: "{{ event.esper.device.name }} in {{ event.esper.device.group }} is offline"
"""

_PACKAGE = "ansible_collections.esper.cloud.plugins.module_utils.events"


def _load(name: str) -> ModuleType:
    """Return a module of the collection.

    ansible-rulebook runs this file without its package, and without the import system of
    ansible-core. So the directory above ansible_collections has to be on the path.
    """
    for parent in Path(__file__).absolute().parents:
        if parent.name == "ansible_collections":
            _add_to_path(parent)
    return importlib.import_module(f"{_PACKAGE}.{name}")


def _add_to_path(collections: Path) -> None:
    """Let Python find collections, even if it has imported those of another directory before."""
    package = sys.modules.get("ansible_collections")
    if package is not None and str(collections) not in package.__path__:
        package.__path__ = [*package.__path__, str(collections)]
    if str(collections.parent) not in sys.path:
        sys.path.append(str(collections.parent))


async def main(queue: asyncio.Queue[Any], args: dict[str, Any]) -> None:
    """Put the changes of a tenant into the queue of a rulebook, until it is cancelled."""
    await _load("source").run(queue, args)
