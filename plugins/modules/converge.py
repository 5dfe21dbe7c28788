#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: converge
short_description: Bring devices of an Esper tenant to their blueprints
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Has devices converge that are behind, which is to say that they have another blueprint than the one that is assigned
    to them, or another version of it than the one that was published last. When none is, nothing changes.
  - A device that was told to converge, and has not come to an end with it, is not told again.
  - One request takes up to 1,000 devices.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.commands.following
attributes:
  check_mode:
    description: Sends nothing, and tells how many devices would converge.
    support: full
  diff_mode:
    description: Shows the versions that devices have and will have.
    support: full
options:
  devices:
    description:
      - The devices, each by its name, alias, serial or id. An empty list changes nothing.
      - A few are looked up one by one, many in the list of all devices, whichever takes fewer requests.
    type: list
    elements: str
    aliases: [device]
  groups:
    description: Device groups, each by its path, name or id. Devices in groups below them belong to them.
    type: list
    elements: str
    aliases: [group]
  blueprints:
    description: Blueprints, each by its name or id. All devices to which they are assigned are meant.
    type: list
    elements: str
    aliases: [blueprint]
  force:
    description: Have all devices converge, those that are up to date, or were told already, as well.
    type: bool
    default: false
  alias:
    description: What the command is called in the console. A few letters are added, by which it is found again.
    type: str
    default: Ansible
seealso:
  - module: esper.cloud.blueprint
  - module: esper.cloud.device_command
"""

EXAMPLES = r"""
- name: Tills get what was published
  esper.cloud.converge:
    blueprints: [Point of Sale]
  register: tills

- name: Tell how many were behind
  ansible.builtin.debug:
    msg: "{{ tills.behind_count }} of {{ tills.device_count }}"

- name: Find the kiosks that are there
  esper.cloud.device_info:
    filters:
      tags: kiosk
      state: online
    level: minimal
    names: false
  register: kiosks

- name: They converge, and the play goes on when nine in ten have
  esper.cloud.converge:
    devices: "{{ kiosks.devices | map(attribute='id') }}"
    wait: true
    max_fail_percentage: 10

- name: See what would converge in one part of the chain
  esper.cloud.converge:
    groups: [All devices]
  check_mode: true
  diff: true
"""

RETURN = r"""
device_count:
  description: How many devices the options are about, those that are disabled left out.
  returned: success
  type: int
  sample: 300
behind_count:
  description: How many of them are behind, or with O(force=true) all that have a blueprint.
  returned: success
  type: int
  sample: 12
without_blueprint_count:
  description: How many of them have no blueprint assigned.
  returned: success
  type: int
  sample: 0
pending_devices:
  description: The names of those that are behind, but have been told already.
  returned: success
  type: list
  elements: str
  sample: [OUW-MDJ-00001]
commands:
  description: The commands that were accepted, as one takes so many devices only; empty in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The id of the command.
      type: str
      sample: 6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003
    devices:
      description: How many devices it names.
      type: int
      sample: 300
    groups:
      description: How many groups it names.
      type: int
      sample: 0
state:
  description:
    - How far it is. V(accepted) without O(wait), V(ended) when all devices have come to an end, V(pending) when some
      have not answered and that is allowed, V(failed) when more than allowed did not do it.
  returned: when something was sent
  type: str
  sample: ended
counts:
  description: How many devices have come to which end.
  returned: with O(wait)
  type: dict
  contains:
    succeeded:
      description: Those that did it.
      type: int
      sample: 297
    failed:
      description: Those that could not.
      type: int
      sample: 2
    timed_out:
      description: Those that the service gave up.
      type: int
      sample: 0
    cancelled:
      description: Those for which it was cancelled.
      type: int
      sample: 0
    pending:
      description: Those that have not answered.
      type: int
      sample: 1
failed_devices:
  description: The devices that did not do it, or have not answered.
  returned: with O(wait)
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
      description: V(failed), V(timed_out), V(cancelled) or V(pending).
      type: str
      sample: failed
    reason:
      description: What the device or the service says of it.
      type: str
      sample: The battery is low
requests:
  description: The requests that were sent, with status and duration.
  returned: with C(-vvv)
  type: list
  elements: str
  sample: ["GET /v2/devices/?ordering=created_at&search=OUW-MDJ-00001&limit=1000: 200 in 41 ms"]
"""

from ansible_collections.esper.cloud.plugins.module_utils.module import run_task
from ansible_collections.esper.cloud.plugins.module_utils.tasks.converge import CONVERGE


def main() -> None:
    run_task(CONVERGE)


if __name__ == "__main__":
    main()
