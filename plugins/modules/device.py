#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: device
short_description: Manage devices of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Sees to it that devices have the alias, the tags and the group that are given, or that they are removed or wiped.
  - One task takes as many devices as there are. Moving 1,000 of them is one request; tags and aliases take one for each
    device that does not have them yet.
  - The service tells devices their alias by a command, which a device that is off takes when it is there again. Until
    then the device has its old alias, RV(pending_aliases) names it, and the command is not sent again.
  - Tags are set by a way that the vendor uses itself but does not publish.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.attributes.resource
options:
  state:
    description:
      - Whether devices are as the other options say, or are gone.
      - V(absent) removes devices from the tenant. V(wiped) has devices erase themselves, which they do when they are
        next there. Both need O(confirm=true), and devices that do not exist are as they should be.
    type: str
    choices: [present, absent, wiped]
    default: present
  devices:
    description:
      - The devices, each by its name, alias, serial or id. An empty list changes nothing.
      - A few are looked up one by one, many in the list of all devices, whichever takes fewer requests.
    type: list
    required: true
    elements: str
    aliases: [device]
  alias:
    description: The alias of the device, of which there is one.
    type: str
  aliases:
    description: The aliases of devices, by the names, aliases, serials or ids of these.
    type: dict
  group:
    description: The group that devices are in, by its path, name or id. A device is in one group.
    type: str
  tags:
    description: The tags that devices have, and no others. At most five; their order does not count.
    type: list
    elements: str
  add_tags:
    description: Tags that devices have beside others.
    type: list
    elements: str
  remove_tags:
    description: Tags that devices do not have.
    type: list
    elements: str
  confirm:
    description: Remove or wipe devices, which cannot be undone.
    type: bool
    default: false
seealso:
  - module: esper.cloud.device_info
  - module: esper.cloud.device_command
  - module: esper.cloud.converge
"""

EXAMPLES = r"""
- name: Find devices that are in use
  esper.cloud.device_info:
    filters:
      state: online
      platform: [ANDROID]
    level: minimal
    names: false
  register: found

- name: The store has a group
  esper.cloud.device_group:
    path: Stores/Berlin
    create_parents: true

- name: They are in their store, and have these tags and no others
  esper.cloud.device:
    devices: "{{ found.devices[:20] | map(attribute='id') }}"
    group: Stores/Berlin
    tags: [kiosk, berlin]

- name: One of them is the first till
  esper.cloud.device:
    device: "{{ found.devices[0].serial }}"
    alias: Till 1

- name: Others have names of a list
  esper.cloud.device:
    devices: "{{ names.keys() }}"
    aliases: "{{ names }}"
  vars:
    names: "{{ {found.devices[1].name: 'Till 2', found.devices[2].name: 'Till 3'} }}"

- name: A device that was lost is wiped when it is next seen
  esper.cloud.device:
    device: "{{ found.devices[3].serial }}"
    state: wiped
    confirm: true
"""

RETURN = r"""
devices:
  description:
    - The devices as they are after the task, or in check mode as they would be, with what M(esper.cloud.device_info)
      tells of them. The alias is the one that a device has now.
    - With O(state=absent) and O(state=wiped), those that are removed or wiped.
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
      description: The path of that group; null without O(group).
      type: str
      sample: All devices/Stores/Berlin
    tags:
      description: The names of the device's tags; null unless the task speaks of tags.
      type: list
      elements: str
      sample: [kiosk, berlin]
pending_aliases:
  description: The devices that have yet to take their alias.
  returned: with O(state=present)
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
      description: The alias that it has been told.
      type: str
      sample: Till 1
requests:
  description: The requests that were sent, with status and duration.
  returned: with C(-vvv)
  type: list
  elements: str
  sample: ["GET /v2/devices/?ordering=created_at&search=OUW-MDJ-00001&limit=1000: 200 in 41 ms"]
"""

from ansible_collections.esper.cloud.plugins.module_utils.module import run_task
from ansible_collections.esper.cloud.plugins.module_utils.tasks.device import DEVICE


def main() -> None:
    run_task(DEVICE)


if __name__ == "__main__":
    main()
