#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: enterprise_policy_info
short_description: Read the enterprise policies of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Returns one enterprise policy, by name or id, or all of the tenant.
  - A policy that does not exist is no error; the list is then empty.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.attributes.info
options:
  name:
    description: The name of a policy, with its case.
    type: str
  id:
    description: The id of a policy, a number.
    type: int
seealso:
  - module: esper.cloud.enterprise_policy
"""

EXAMPLES = r"""
- name: Read all policies
  esper.cloud.enterprise_policy_info:
  register: policies

- name: Show how many devices have each that is active
  ansible.builtin.debug:
    msg: >-
      {{ policies.enterprise_policies | selectattr('active')
         | items2dict(key_name='name', value_name='device_count') }}
"""

RETURN = r"""
enterprise_policies:
  description: The policies, in the order of the service.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The policy's id.
      type: int
      sample: 42
    uuid:
      description: The policy's UUID.
      type: str
      sample: 6f3a2c1e-5a3f-4a53-9f3c-0d5e3f3b7a10
    name:
      description: The policy's name.
      type: str
      sample: Kiosks
    description:
      description: What the policy is for.
      type: str
      sample: Self-service in the stores
    active:
      description: Whether the policy is active.
      type: bool
      sample: true
    settings:
      description:
        - The settings, by the names of the suboptions of O(esper.cloud.enterprise_policy#module:settings).
        - The password is left out.
      type: dict
      sample:
        kiosk_mode: true
        permission_policy: PERMISSION_POLICY_AUTO_GRANT
    device_count:
      description: How many devices have the policy.
      type: int
      sample: 12
    created_on:
      description: When the policy was created.
      type: str
      sample: "2026-03-01T09:30:00Z"
    updated_on:
      description: When the policy was last changed.
      type: str
      sample: "2026-03-02T11:00:00Z"
requests:
  description: The requests that were sent, with status and duration.
  returned: with C(-vvv)
  type: list
  elements: str
  sample: ["GET /enterprise/0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d/policy/?limit=250: 200 in 41 ms"]
"""

from ansible_collections.esper.cloud.plugins.module_utils.kinds.enterprise_policy import ENTERPRISE_POLICY
from ansible_collections.esper.cloud.plugins.module_utils.module import run_info


def main() -> None:
    run_info(ENTERPRISE_POLICY)


if __name__ == "__main__":
    main()
