# SPDX-FileCopyrightText: esper.cloud contributors
# Copyright (c) 2026 esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event filter of ansible-rulebook that brings alerts of webhooks into the form of events."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

DOCUMENTATION = r"""
module: device_event
short_description: Bring alerts of Esper that a webhook receives into the form of device events
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Adds C(esper) to an event of a webhook, in the form of the event source C(esper.cloud.devices),
    and the host of the device in C(meta.hosts). So one rule can handle polled events and alerts.
  - Esper does not document the body of an alert. The filter looks for each value at several places.
    If your alerts have another form, set O(fields).
  - The filter sends no requests. The host variables of the device in a playbook have its tags and
    the path of its device group.
  - An event without a device is not changed.
options:
  fields:
    description:
      - Places of the values in the body of an alert, as paths with dots, or as lists of paths.
      - The keys are V(id), V(type), V(time), V(device_id), V(name), V(alias), V(serial), V(group),
        V(tags), V(rule_id), V(rule_name) and V(metric).
    type: dict
  event_type:
    description: Type of the event. If omitted, it is that of the alert, or V(alarm).
    type: str
  hostnames:
    description:
      - Sources of C(meta.hosts) in the order of preference. Use the same ones as the inventory.
    type: list
    elements: str
    default: [name, serial, id]
"""

EXAMPLES = r"""
- name: Alerts of Esper
  hosts: localhost
  sources:
    - ansible.eda.webhook:
        host: 0.0.0.0
        port: 5000
        token: "{{ webhook_token }}"
      filters:
        - esper.cloud.device_event:
            fields:
              name: data.deviceName
              group: data.groupPath
  rules:
    - name: Show the device
      condition: event.esper.type == "alarm"
      action:
        debug:
          msg: "{{ event.esper.device.name }}: {{ event.esper.alarm.name }}"
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


def main(
    event: dict[str, Any],
    fields: dict[str, Any] | None = None,
    event_type: str = "",
    hostnames: list[str] | None = None,
) -> dict[str, Any]:
    """Return an event with the device that it is about."""
    alerts = _load("alerts")
    names = hostnames or alerts.HOSTNAMES
    return alerts.normalize(event, fields=fields, type_=event_type, hostnames=names)
