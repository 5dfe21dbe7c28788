#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: device_facts
short_description: Set facts of Esper devices
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Sets the variables that the inventory P(esper.cloud.devices#inventory) has of a device as facts of its host.
  - Sends no request. To read current data from Esper, use M(esper.cloud.device_info).
options:
  vars_prefix:
    description: Prefix of the inventory variables, as in the option C(vars_prefix) of the inventory.
    type: str
    default: esper_
attributes:
  action:
    description: Runs as an action plugin on the controller.
    support: full
  async:
    description: Runs in the background.
    support: none
  check_mode:
    description: Runs in check mode, because it makes no changes.
    support: full
  diff_mode:
    description: Makes no changes.
    support: N/A
  facts:
    description: Returns facts in C(ansible_facts).
    support: full
  platform:
    description: Runs on the controller.
    support: full
    platforms: posix
notes:
  - Facts stay in a fact cache, so a later play can use them without the inventory.
seealso:
  - module: esper.cloud.device_info
  - plugin: esper.cloud.devices
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Set the facts of the device
  esper.cloud.device_facts:
  # Works for hosts of the inventory esper.cloud.devices only.
  when: esper_id is defined

- name: Show where the device is
  ansible.builtin.debug:
    msg: "{{ ansible_facts.esper.group }}"
  when: ansible_facts.esper is defined
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: success
  type: dict
  contains:
    esper:
      description:
        - The variables of the device that the inventory defines, without their prefix. The option C(hostvars) of the
          inventory determines which ones it defines.
      returned: success
      type: dict
      sample:
        id: 5135e0ea-869b-46da-a6b8-34c54d0befb0
        name: ACE-IAL-00128
        group: All devices/Stores/Berlin
        tags: [kiosk]
"""
