#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: app_info
short_description: Read the Android apps of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Returns one app, by its package name or id, those of a name, or all of the tenant; with their versions on request.
  - Apps of Google Play are among them. Those that come with Esper are hidden from the list.
  - An app that does not exist is no error; the list is then empty.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.attributes.info
options:
  package_name:
    description: The package name of an app, with its case.
    type: str
  id:
    description: The id of an app.
    type: str
  name:
    description: The name of apps, with its case. Several may have the same.
    type: str
  versions:
    description: Whether to return the versions, too, which takes a request for each app.
    type: bool
    default: false
  blueprints:
    description: Whether to return the versions, and the blueprints that have them; takes a request for each version.
    type: bool
    default: false
  devices:
    description: Whether to return the versions, and the devices that have them; takes a request for each version.
    type: bool
    default: false
seealso:
  - module: esper.cloud.app
"""

EXAMPLES = r"""
- name: Read all apps
  esper.cloud.app_info:
  register: all

- name: Read who has which version of the till
  esper.cloud.app_info:
    package_name: com.example.till
    blueprints: true
    devices: true
  register: till

- name: Show the versions that no blueprint has
  ansible.builtin.debug:
    msg: "{{ till.apps[0].versions | rejectattr('blueprints') | map(attribute='version_name') }}"
"""

RETURN = r"""
apps:
  description: The apps, in the order of the service.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The app's id.
      type: str
      sample: 6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003
    name:
      description: The app's name.
      type: str
      sample: Till
    package_name:
      description: The app's package name.
      type: str
      sample: com.example.till
    hidden:
      description: Whether the app is one of Esper's own.
      type: bool
      sample: false
    versions:
      description: The versions, in the order of the service; null unless asked for.
      type: list
      elements: dict
      contains:
        id:
          description: The version's id, which blueprints refer to.
          type: str
          sample: 6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a004
        version_name:
          description: The name of the version, such as V(1.2.0).
          type: str
          sample: 1.2.0
        version_code:
          description: The code of the version, a number that grows; null for apps of Google Play.
          type: int
          sample: 120
        release_name:
          description: The name of the release.
          type: str
          sample: Spring
        release_comments:
          description: What there is to say of the release.
          type: str
          sample: Faster start
        track:
          description: The track of the release. Where the service tells it.
          type: str
          sample: Production
        enabled:
          description: Whether the version is enabled. Where the service tells it.
          type: bool
          sample: true
        default:
          description: Whether the version is the default of its app.
          type: bool
          sample: false
        approval:
          description: The state of approval.
          type: str
          sample: APPROVED
        digest:
          description: The digest of the package, as the service tells it. Where the service tells it.
          type: str
          sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
        size_in_mb:
          description: The size of the package in megabytes.
          type: float
          sample: 12.5
        min_sdk_version:
          description: The lowest level of the Android API that the version runs on.
          type: str
          sample: "21"
        installed_count:
          description: How many devices have the version installed.
          type: int
          sample: 12
        google_play:
          description: Whether the version is Google Play's.
          type: bool
          sample: false
        created_on:
          description: When the version was uploaded.
          type: str
          sample: "2026-03-01T09:30:00Z"
        blueprints:
          description: The blueprints that have the version.
          returned: with O(blueprints=true)
          type: list
          elements: dict
          sample: [{id: 0a4b1d6e-7d0c-4a4e-9a64-35b0a7a3c001, name: Point of Sale}]
        devices:
          description: The devices that have the version installed.
          returned: with O(devices=true)
          type: list
          elements: dict
          sample: [{id: 7c6f0b0e-3f0d-4d3e-8a83-1f3cbb1a2001, name: ESR-POS-0001, alias: Till 1, group: Berlin}]
requests:
  description: The requests that were sent, with status and duration.
  returned: with C(-vvv)
  type: list
  elements: str
  sample: ["GET /v1/enterprise/0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d/application/?limit=250: 200 in 41 ms"]
"""

from ansible_collections.esper.cloud.plugins.module_utils.kinds.app import APP
from ansible_collections.esper.cloud.plugins.module_utils.module import run_info


def main() -> None:
    run_info(APP)


if __name__ == "__main__":
    main()
