#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: blueprint_info
short_description: Read the blueprints of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Returns one blueprint, by name or id, or all of the tenant, with the names of the apps and contents in them.
  - A blueprint that does not exist is no error; the list is then empty.
  - Can also return all versions of blueprints, what two versions differ in, and blueprints in a form that the module
    M(esper.cloud.blueprint) takes in another tenant.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.attributes.info
options:
  id:
    description: The id of a blueprint.
    type: str
  name:
    description: The name of a blueprint, with its case.
    type: str
  names:
    description:
      - Look up the names of apps and contents, which costs one request for each app, one for 250 contents, and one for
        250 apps of Apple and of Windows.
      - Without it, settings have the ids only.
    type: bool
    default: true
  versions:
    description: Also return all versions of each blueprint, drafts included, the newest first.
    type: bool
    default: false
  compare:
    description:
      - Two versions of the blueprint to compare, the older one first, each by the number it was published under, or by
        its id. Takes O(name) or O(id).
    type: list
    elements: str
  portable:
    description:
      - Return blueprints as options of M(esper.cloud.blueprint), with names instead of ids, and nothing that belongs to
        this tenant only.
      - What has no name, such as Wi-Fi networks and wallpapers, passwords, and settings that this collection does not
        know are left out, and named in RV(left_out).
    type: bool
    default: false
seealso:
  - module: esper.cloud.blueprint
"""

EXAMPLES = r"""
- name: Read what tills are to be like
  esper.cloud.blueprint_info:
    name: Point of Sale
  register: tills

- name: Show the versions of their apps
  ansible.builtin.debug:
    msg: "{{ item.package_name }} {{ item.version_name }}"
  loop: "{{ tills.blueprints[0].settings.android.apps }}"
  loop_control:
    label: "{{ item.package_name }}"

- name: See what the second version of the kiosks brought
  esper.cloud.blueprint_info:
    name: Retail Kiosk
    compare: [1, 2]
  register: compared

- name: Read blueprints for another tenant
  esper.cloud.blueprint_info:
    portable: true
  register: taken

- name: Another tenant has the same blueprints
  esper.cloud.blueprint:
    name: "{{ item.name }}"
    description: "{{ item.description | default(omit) }}"
    settings: "{{ item.settings }}"
  loop: "{{ taken.blueprints }}"
  loop_control:
    label: "{{ item.name }}"
  module_defaults:
    esper.cloud.blueprint:
      tenant: acme-production
      api_key: "{{ lookup('ansible.builtin.env', 'ACME_KEY') }}"
"""

RETURN = r"""
blueprints:
  description:
    - The blueprints, in the order of the service.
    - With O(portable=true), each has O(esper.cloud.blueprint#module:name), O(esper.cloud.blueprint#module:description),
      O(esper.cloud.blueprint#module:comments) and O(esper.cloud.blueprint#module:settings) only.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The blueprint's id.
      type: str
      sample: 3c1f6d0e-6d0c-4c0b-9c43-0f3a8f5b1e11
    name:
      description: The blueprint's name.
      type: str
      sample: Self-service kiosks
    description:
      description: What the blueprint is for.
      type: str
      sample: Kiosks in the stores
    comments:
      description: What there is to say of this version.
      type: str
      sample: The spring release
    settings:
      description:
        - The settings by platform, as O(esper.cloud.blueprint#module:settings) has them, without passwords.
        - Of apps and contents that the tenant no longer has, the names are null.
      type: dict
      sample:
        android:
          device_mode_settings:
            apply_policy: ALWAYS APPLY
            device_mode: KIOSK
    publish:
      description: Whether what was saved last is published. If not, it is a draft, which no device gets.
      type: bool
      sample: true
    version_id:
      description: The id of the version that was saved last.
      type: str
      sample: 1a1f0d3c-5a77-4dd1-9a3c-26b9e3f0a7e2
    version_number:
      description: Its number.
      type: int
      sample: 3
    minor_version_number:
      description: The number of the draft, as the service counts them.
      type: int
      sample: 0
    latest_published_version_id:
      description: The id of the version that devices get, where the service tells it.
      type: str
      sample: 1a1f0d3c-5a77-4dd1-9a3c-26b9e3f0a7e2
    created_at:
      description: When the blueprint was created.
      type: str
      sample: "2026-03-01T09:30:00Z"
    updated_at:
      description: When the blueprint was last saved.
      type: str
      sample: "2026-03-02T11:00:00Z"
versions:
  description: All versions of the blueprints, of each the newest first, with the keys of RV(blueprints).
  returned: with O(versions=true)
  type: list
  elements: dict
differences:
  description: What the two versions differ in.
  returned: with O(compare)
  type: list
  elements: dict
  contains:
    path:
      description: The place in the settings; an app is named by its package, a file by its content.
      type: str
      sample: settings.android.apps[com.example.kiosk].version_name
    before:
      description: What the first version has there, null for nothing.
      type: raw
      sample: 1.0.0
    after:
      description: What the second version has there, null for nothing.
      type: raw
      sample: 1.1.0
left_out:
  description: What could not be taken along, because it has no name, is a password, or is not known here.
  returned: with O(portable=true)
  type: list
  elements: dict
  contains:
    blueprint:
      description: The name of the blueprint.
      type: str
      sample: Self-service kiosks
    path:
      description: The place in its settings.
      type: str
      sample: settings.android.wifi_networks[0]
requests:
  description: The requests that were sent, with status and duration.
  returned: with C(-vvv)
  type: list
  elements: str
  sample: ["GET /v2/blueprints/?limit=20: 200 in 41 ms"]
"""

from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint import BLUEPRINT
from ansible_collections.esper.cloud.plugins.module_utils.module import run_info


def main() -> None:
    run_info(BLUEPRINT)


if __name__ == "__main__":
    main()
