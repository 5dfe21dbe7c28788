#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: device_group
short_description: Manage the device groups of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Creates, renames, moves and deletes device groups.
  - A group is addressed by its path, by its name (with its parent, where other groups have the name too), or by its id.
  - The groups are a tree under the root V(All devices), which can be neither renamed, moved nor deleted.
  - Names compare with their case, and without leading and trailing blanks. The root's case does not matter.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.attributes.resource
options:
  state:
    description: Whether the group is to be there.
    type: str
    choices: [present, absent]
    default: present
  path:
    description:
      - The path of the group, such as V(All devices/Stores/Berlin). The root may be left out, V(Stores/Berlin).
      - A group whose name holds a slash is addressed by O(name) and O(parent), or by O(id).
    type: str
  name:
    description:
      - The name of the group. When several groups have it, O(parent) must tell which is meant.
      - With O(id), the name that the group is to have.
    type: str
  parent:
    description:
      - The group that contains the group, by path, id, or a name that only one group has.
      - Without it a group that is created by O(name) goes into the root.
      - With O(id), the group that the group is to be in.
    type: str
  id:
    description: The id of the group. It must exist, unless O(state=absent).
    type: str
  new_path:
    description:
      - Where the group is to be, by path. It is moved and renamed as needed, with all that is below it.
      - When it is there already, and not where it was to be moved from, nothing changes.
    type: str
  create_parents:
    description: Whether to create what is missing of the path in O(path), O(new_path) or O(parent) above the group.
    type: bool
    default: false
  recursive:
    description:
      - Whether O(state=absent) also deletes the groups below the group. Without it, a group that has any stays.
      - Deleted groups cannot be restored.
    type: bool
    default: false
  force:
    description:
      - Whether O(state=absent) deletes a group that holds devices. They are moved to its parent before.
      - Without it, a group that holds devices, or with O(recursive) one below it, is not deleted.
    type: bool
    default: false
seealso:
  - module: esper.cloud.device_group_info
"""

EXAMPLES = r"""
- name: The stores of Berlin have a group
  esper.cloud.device_group:
    path: Stores/Germany/Berlin
    create_parents: true

- name: The same for all modules, with the connection set once
  module_defaults:
    group/esper.cloud.esper:
      tenant: acme
      api_key: "{{ lookup('ansible.builtin.env', 'ACME_KEY') }}"
  block:
    - name: Each store has a group
      esper.cloud.device_group:
        name: "{{ item }}"
        parent: All devices/Stores/Germany/Berlin
      loop: [Mitte, Spandau, Tegel]

- name: Spandau is now part of the west
  esper.cloud.device_group:
    path: Stores/Germany/Berlin/Spandau
    new_path: Stores/Germany/West/Berlin Spandau
    create_parents: true

- name: Close the stores of Berlin, and keep the devices in the group above
  esper.cloud.device_group:
    path: Stores/Germany/Berlin
    state: absent
    recursive: true
    force: true
"""

RETURN = r"""
device_group:
  description: The group as it is after the task, or in check mode as it would be.
  returned: when the group exists afterwards
  type: dict
  contains:
    id:
      description: The group's id; null in check mode for a group that would be created.
      type: str
      sample: 6f3a2c1e-5a3f-4a53-9f3c-0d5e3f3b7a10
    name:
      description: The group's name.
      type: str
      sample: Berlin
    path:
      description: The names from the root down to the group.
      type: str
      sample: All devices/Stores/Germany/Berlin
    parent_id:
      description: The id of the group that contains the group; null for the root.
      type: str
      sample: 0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d
    device_count:
      description: How many devices the service counts in the group.
      type: int
      sample: 12
    children_count:
      description: How many groups are directly in the group.
      type: int
      sample: 3
    blueprint_id:
      description: The id of the blueprint that is assigned to the group, if any.
      type: str
      sample: null
    created_on:
      description: When the group was created.
      type: str
      sample: "2026-03-01T09:30:00Z"
requests:
  description: The requests that were sent, with status and duration.
  returned: with C(-vvv)
  type: list
  elements: str
  sample: ["GET /enterprise/0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d/devicegroup/?name=Berlin&limit=250: 200 in 41 ms"]
"""

from ansible_collections.esper.cloud.plugins.module_utils.kinds.device_group import DEVICE_GROUP
from ansible_collections.esper.cloud.plugins.module_utils.module import run


def main() -> None:
    run(DEVICE_GROUP)


if __name__ == "__main__":
    main()
