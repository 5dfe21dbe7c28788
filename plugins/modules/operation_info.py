#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: operation_info
short_description: Read operations of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Returns an operation, those that the service finds for filters, or those of a device, the newest first.
  - An operation that does not exist is no error; RV(operations) is then empty.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.attributes.info
options:
  id:
    description: The id of an operation.
    type: str
  device:
    description: A device, by its name, alias, serial or id, whose operations are returned.
    type: str
  operation_type:
    description: The type of operations, such as V(REBOOT).
    type: str
  state:
    description: The state of operations.
    type: str
    choices:
      - CREATED
      - RESOLVING
      - RESOLVED
      - DISPATCHING
      - DISPATCHED
      - PROCESSING
      - COMPLETED
      - SUCCESS
      - FAILED
      - SCHEDULED
      - CANCELLED
      - TIMEOUT
  groups:
    description: Device groups, each by its path, name or id. Operations on devices in them or below them are returned.
    type: list
    elements: str
    aliases: [group]
  latest:
    description: Return only so many, the newest. Without it, all are returned, which may be many.
    type: int
  devices:
    description:
      - Also read the devices of each operation, which costs a request for 250 of them and operation, and with O(device)
        only that device's part.
      - Their names are looked up, a few one by one, many in the list of all devices.
    type: bool
    default: false
seealso:
  - module: esper.cloud.operation
"""

EXAMPLES = r"""
- name: Read what ended last
  esper.cloud.operation_info:
    state: COMPLETED
    latest: 10
  register: ended

- name: Show which of them did not succeed everywhere
  ansible.builtin.debug:
    msg: "{{ ended.operations | selectattr('counts.failed', 'gt', 0) | map(attribute='id') }}"

- name: A device restarts
  esper.cloud.operation:
    operation_type: REBOOT
    device: "{{ lookup('ansible.builtin.env', 'DEVICE', default='OUW-MDJ-00001') }}"
  register: begun

- name: Read what becomes of it
  esper.cloud.operation_info:
    id: "{{ begun.operations[0].id }}"
    devices: true
  register: reboot

- name: Show how far the device is
  ansible.builtin.debug:
    msg: "{{ reboot.operations[0].devices[0].name }} is {{ reboot.operations[0].devices[0].state }}"

- name: Read what one device was told this way
  esper.cloud.operation_info:
    device: "{{ reboot.operations[0].devices[0].id }}"
    devices: true
"""

RETURN = r"""
operations:
  description: The operations, the newest first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The id of the operation.
      type: str
      sample: 6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003
    operation_type:
      description: The type of the operation.
      type: str
      sample: REBOOT
    state:
      description: The state of the operation. That of its devices may be another.
      type: str
      sample: COMPLETED
    reason:
      description: Why it is so.
      type: str
      sample: ""
    schedule:
      description: When devices are to do it.
      type: str
      sample: IMMEDIATE
    schedule_args:
      description: The times of the schedule.
      type: dict
      sample: {}
    device_query:
      description: Which devices it is about, as the API has it. C(device_ids) or C(device_request).
      type: dict
      sample:
        device_request:
          tags: 2b0f7c5e-1c1f-4b8e-9a39-55a8c0f6a003
    args:
      description: The arguments, without those that may be secret.
      type: dict
      sample: {}
    created_at:
      description: When it began.
      type: str
      sample: "2026-03-01T09:30:00Z"
    created_by:
      description: The id of the user who began it.
      type: str
      sample: 0c5ac9e5-4f2c-4a93-9d0c-2e3b8f6d7a11
    updated_at:
      description: When it changed last.
      type: str
      sample: "2026-03-01T09:35:00Z"
    updated_by:
      description: The id of the user who changed it last.
      type: str
      sample: 0c5ac9e5-4f2c-4a93-9d0c-2e3b8f6d7a11
    counts:
      description: How many devices it has found, and how many of these have succeeded and failed.
      type: dict
      sample:
        devices: 300
        succeeded: 297
        failed: 2
    devices:
      description: The devices.
      returned: with O(devices=true)
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
        state:
          description: V(succeeded), V(failed), V(timed_out), V(cancelled) or V(pending).
          type: str
          sample: failed
        reason:
          description: What the device or the service says of it.
          type: str
          sample: The battery is low
        updated_at:
          description: When that changed last.
          type: str
          sample: "2026-03-01T09:35:00Z"
requests:
  description: The requests that were sent, with status and duration.
  returned: with C(-vvv)
  type: list
  elements: str
  sample: ["GET /v2/devices/?ordering=created_at&search=OUW-MDJ-00001&limit=1000: 200 in 41 ms"]
"""

from ansible_collections.esper.cloud.plugins.module_utils.module import run_task
from ansible_collections.esper.cloud.plugins.module_utils.tasks.operation_info import OPERATION_INFO


def main() -> None:
    run_task(OPERATION_INFO)


if __name__ == "__main__":
    main()
