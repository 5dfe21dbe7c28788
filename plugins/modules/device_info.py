#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: device_info
short_description: Read devices of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Returns the devices that are named, or those that the service finds for filters.
  - Devices that do not exist are no error; RV(missing) names them.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.attributes.info
options:
  devices:
    description:
      - The devices, each by its name, alias, serial or id. An empty list changes nothing.
      - A few are looked up one by one, many in the list of all devices, whichever takes fewer requests.
    type: list
    elements: str
    aliases: [device]
  filters:
    description:
      - What the service is to look for, as the inventory P(esper.cloud.devices#inventory) takes it. With an empty
        dictionary all devices are returned, which may be many.
    type: dict
  level:
    description: How much is told of devices, as the inventory's C(hostvars) has it.
    type: str
    choices: [minimal, standard, full]
    default: full
  names:
    description: Look up the paths of groups, the names of tags and those of blueprints.
    type: bool
    default: true
  apps:
    description: Also read the apps on each device, which costs one request a device.
    type: bool
    default: false
  events:
    description:
      - Also read so many of the latest events of each device, which costs one request a device.
      - The service does not publish this way to read them.
    type: int
    default: 0
seealso:
  - module: esper.cloud.device
"""

EXAMPLES = r"""
- name: Read one device with its apps and what happened on it
  esper.cloud.device_info:
    device: "{{ lookup('ansible.builtin.env', 'DEVICE', default='OUW-MDJ-00001') }}"
    apps: true
    events: 20
  register: one

- name: Read the tills that have little charge
  esper.cloud.device_info:
    filters:
      battery_level_lte: 20
      state: online
    level: standard
  register: low

- name: Show where they are
  ansible.builtin.debug:
    msg: "{{ low.devices | map(attribute='group') | unique }}"
"""

RETURN = r"""
devices:
  description:
    - The devices. Beside the keys below they have those of the variables that the inventory gives hosts at that level,
      without the prefix.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The device's id.
      type: str
      sample: e2425d4b-c266-41b4-a83e-490189fc9a0f
    name:
      description: The device's name.
      type: str
      sample: OUW-MDJ-00001
    alias:
      description: The device's alias.
      type: str
      sample: Till 1
    serial:
      description: The device's serial number.
      type: str
      sample: R9W00000001
    platform:
      description: The device's platform.
      type: str
      sample: ANDROID
    state:
      description: The device's state, such as V(online), V(offline) or V(disabled).
      type: str
      sample: online
    group_id:
      description: The id of the group that the device is in.
      type: str
      sample: ee835708-9b5b-469e-8aa6-68599b0e93f7
    group:
      description: The path of that group, with O(names=true).
      type: str
      sample: All devices/Stores/Berlin
    tags:
      description: The names of the device's tags, with O(names=true).
      type: list
      elements: str
      sample: [kiosk, berlin]
    blueprint:
      description: The name of the blueprint that is assigned to the device, with O(names=true).
      type: str
      sample: Point of Sale
    apps:
      description: The apps on the device. Android's have names, others the ids that blueprints have.
      type: list
      elements: dict
      returned: with O(apps=true)
      sample:
        - name: Till
          package_name: com.example.till
          version_name: 2.0.0
          version_code: "200"
          state: SHOW
          type: ENTERPRISE
          app_id:
          app_version_id:
    events:
      description: The latest events, the newest first.
      type: list
      elements: dict
      returned: with O(events)
      sample:
        - id: 4711
          created_on: "2026-03-01T09:30:00Z"
          message: REBOOT succeeded
missing:
  description: What of O(devices) is the name of none.
  returned: success
  type: list
  elements: str
  sample: []
requests:
  description: The requests that were sent, with status and duration.
  returned: with C(-vvv)
  type: list
  elements: str
  sample: ["GET /v2/devices/?ordering=created_at&search=OUW-MDJ-00001&limit=1000: 200 in 41 ms"]
"""

from ansible_collections.esper.cloud.plugins.module_utils.module import run_task
from ansible_collections.esper.cloud.plugins.module_utils.tasks.device_info import DEVICE_INFO


def main() -> None:
    run_task(DEVICE_INFO)


if __name__ == "__main__":
    main()
