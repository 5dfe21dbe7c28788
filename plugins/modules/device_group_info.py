#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: device_group_info
short_description: Read the device groups of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Returns one device group, several of the same name, a group with all below it, or all groups of the tenant.
  - Groups come as a list, sorted by path, and as a tree.
  - A group that does not exist is no error; the list is then empty.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.attributes.info
options:
  path:
    description: The path of a group, such as V(All devices/Stores/Berlin). The root may be left out.
    type: str
  name:
    description: The name of groups; all that have it are returned.
    type: str
  id:
    description: The id of a group.
    type: str
  subtree:
    description: Whether to return all groups below the ones found, too.
    type: bool
    default: false
seealso:
  - module: esper.cloud.device_group
"""

EXAMPLES = r"""
- name: Read all groups
  esper.cloud.device_group_info:
  register: all_groups

- name: Read the stores of Germany
  esper.cloud.device_group_info:
    path: Stores/Germany
    subtree: true
  register: germany

- name: Show where there are no devices
  ansible.builtin.debug:
    msg: "{{ germany.device_groups | selectattr('device_count', 'eq', 0) | map(attribute='path') }}"
"""

RETURN = r"""
device_groups:
  description: The groups, sorted by path.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The group's id.
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
tree:
  description:
    - The same groups as a tree. Each has the keys of RV(device_groups[]), and C(children), a list of such groups.
    - The tops are the groups whose parent is not among the ones returned.
  returned: success
  type: list
  elements: dict
  sample:
    - name: Berlin
      path: All devices/Stores/Germany/Berlin
      children: []
requests:
  description: The requests that were sent, with status and duration.
  returned: with C(-vvv)
  type: list
  elements: str
  sample: ["GET /enterprise/0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d/devicegroup/?limit=250: 200 in 41 ms"]
"""

from ansible_collections.esper.cloud.plugins.module_utils.kinds.device_group import DEVICE_GROUP
from ansible_collections.esper.cloud.plugins.module_utils.module import run_info


def main() -> None:
    run_info(DEVICE_GROUP)


if __name__ == "__main__":
    main()
