#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documentation and one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant
short_description: Manage many objects of all kinds in one task
version_added: 0.1.0
description:
  - Makes a tenant have the device groups, enterprise policies, apps, contents and blueprints that are listed, each as
    its own module would, in one task. A thousand objects take about as long as a handful of tasks.
  - All objects are planned before anything is sent, so that what cannot be done is found out before anything is
    changed. A kind of which more than five objects are listed is read in one list rather than object by object.
  - Then they are applied, several at a time, each after what it refers to. Groups come before those in them, apps and
    contents before blueprints, and what is deleted goes last, in the opposite order. So the lists may have any order,
    and objects may refer to others of the same task that are not there yet.
  - What is not listed is left alone.
options:
  on_error:
    description:
      - What becomes of the other objects when one fails.
      - V(stop) begins no other. Those that are begun are completed. Where one cannot even be planned, nothing is sent.
      - V(continue) does all that does not need what failed. The task fails in the end all the same.
    type: str
    choices: [stop, continue]
    default: stop
extends_documentation_fragment:
  - esper.cloud.kinds
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.attributes.resource
notes:
  - The time that O(deadline) sets is for each hundred objects.
  - No object can be listed twice, as that would leave open which of the two it is to be like. Nor can one be deleted
    that another one of the lists needs, or a group take the place of one that the same task moves away.
  - After a failure, or when the run was interrupted, the same task completes what is missing.
  - In check mode the result is the plan.
seealso:
  - module: esper.cloud.device_group
  - module: esper.cloud.enterprise_policy
  - module: esper.cloud.app
  - module: esper.cloud.content
  - module: esper.cloud.blueprint
  - name: A tenant as code
    description: A guide through the kinds of objects.
    link: https://github.com/ansible-collections/esper.cloud/blob/main/docs/3-tenant-as-code.md
author:
  - esper.cloud contributors (@ansible-collections)
"""

EXAMPLES = r"""
- name: Two cities with their stores
  esper.cloud.tenant:
    device_groups:
      - path: All devices/Stores
      - path: All devices/Stores/Berlin
      - path: All devices/Stores/Hamburg
    enterprise_policies:
      - name: Kiosk
        settings:
          kiosk_mode: true
          camera_disabled: true

- name: All that a tenant is to have, from files of variables
  esper.cloud.tenant:
    device_groups: "{{ groups_of_the_tenant }}"
    contents: "{{ contents_of_the_tenant }}"
    on_error: continue
  vars:
    groups_of_the_tenant:
      - path: All devices/Stores/Munich
        create_parents: true
      - path: All devices/Closed stores
        state: absent
    contents_of_the_tenant:
      - src: menu.png
        tags: [menu]
  register: tenant

- name: Show what was done
  ansible.builtin.debug:
    msg: "{{ item.action }} {{ item.kind }} {{ item.name }}"
  loop: "{{ tenant.objects | rejectattr('action', 'eq', 'unchanged') }}"
  loop_control:
    label: "{{ item.place }}"
"""

RETURN = r"""
objects:
  description: One record for each object, in the order of the options. In check mode they tell what would be done.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description: The kind of the object, which is the name of its module.
      type: str
      sample: device_group
    place:
      description: Where the object is listed. All files of a directory have the same place.
      type: str
      sample: device_groups[1]
    name:
      description: What the task calls the object, such as a path, a name, or a package with its version.
      type: str
      sample: All devices/Stores/Berlin
    id:
      description: The id of the object. V(null) where it is not there (yet).
      type: raw
      sample: 7d1c4f60-6a3e-4b8e-9f10-3c5a2e9b8d77
    action:
      description:
        - What was done to the object. V(skipped) is one that was left as it is, since another had failed.
      type: str
      sample: created
    fields:
      description: The names of the properties that changed.
      type: list
      elements: str
      sample: [name, path]
    msg:
      description: Why it failed.
      returned: if it failed
      type: str
counts:
  description: How many objects there are of each RV(objects[].action).
  returned: always
  type: dict
  sample: {created: 3, updated: 1, deleted: 0, unchanged: 38, failed: 0, skipped: 0}
"""

from ansible_collections.esper.cloud.plugins.module_utils.module import run_task
from ansible_collections.esper.cloud.plugins.module_utils.tasks.tenant import TENANT


def main() -> None:
    run_task(TENANT)


if __name__ == "__main__":
    main()
