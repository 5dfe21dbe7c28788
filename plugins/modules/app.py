#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: app
short_description: Manage the Android apps of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Sees to it that a package in a version is in the tenant, with the properties of the release that are given. Deletes
    versions, and apps with all of their versions.
  - Package and version are read from the package itself, if the Python library pyaxmlparser is installed where the
    module runs. Without it, O(package_name) and O(version_name) must be given with O(src).
  - A version that is there is not uploaded again. Where the service tells the digest of its package, O(src) is compared
    with it, and other bytes under the same version are an error, since the service cannot replace a version.
  - An upload is sent as it is read, so that a package of any size takes little memory. In check mode nothing is
    uploaded.
  - Devices get a version by their blueprints (M(esper.cloud.blueprint)), or by a command
    (M(esper.cloud.device_command)); this module changes no device.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.attributes.resource
requirements:
  - pyaxmlparser, for package and version to be read from O(src)
options:
  state:
    description:
      - Whether the version is to be there.
      - V(absent) without a version deletes the app with all of its versions.
    type: str
    choices: [present, absent]
    default: present
  src:
    description:
      - The package, an APK on the controller. It is uploaded where its version is missing.
      - A relative path is searched as that of M(ansible.builtin.copy) is, in C(files) of the role and of the
        playbook, then beside them, then where Ansible was started.
      - Where the task is delegated to another machine, it is a path there, and is not searched.
    type: path
  package_name:
    description: The package name of the app, with its case.
    type: str
  id:
    description: The id of the app, instead of O(package_name).
    type: str
  version_name:
    description: The name of the version, such as V(1.2.0).
    type: str
  version_code:
    description:
      - The code of the version, a number.
      - Needed only where several versions have one name, or with O(keep_versions) where O(src) cannot be read.
    type: int
  version_id:
    description:
      - The id of the version, instead of O(version_name) and O(version_code).
      - It must exist, unless O(state=absent).
    type: str
  release_name:
    description: The name of the release, of at most 255 characters.
    type: str
  release_comments:
    description: What there is to say of the release.
    type: str
  track:
    description: The track of the release.
    type: str
    choices: [Alpha, Beta, Production]
  enabled:
    description: Whether the version is enabled.
    type: bool
  default:
    description: Whether the version is the default of its app. Another one then no longer is.
    type: bool
  approval:
    description: The state of approval.
    type: str
    choices: [AVAILABLE, ACCEPTED, APPROVED, REJECTED]
  keep_versions:
    description:
      - Keep so many versions of the app, the one of the task among them, and delete those of lower version codes.
      - A version in use is kept all the same, with a warning, unless O(force) is set.
      - It is refused where the version of the task itself would be deleted, or a version code is not known.
      - Without it, other versions are left alone. It does nothing with O(state=absent).
    type: int
  force:
    description:
      - Delete versions that are in use. Without it, they are not deleted, and the error names what uses them.
      - A version is in use if a blueprint has it, or a device has it installed.
      - The service does not delete an app as a whole while a blueprint has it, not even with this.
    type: bool
    default: false
  upload_deadline:
    description:
      - Seconds that the task may take once it begins to upload O(src), if O(deadline) leaves it less. V(0) sets no
        limit.
    type: float
    default: 3600.0
seealso:
  - module: esper.cloud.app_info
"""

EXAMPLES = r"""
- name: The new till is in the tenant, from files/ of the role or beside the playbook
  esper.cloud.app:
    src: till-2.1.0.apk
    release_name: Spring
    release_comments: Faster start
  register: till

- name: The same without a library that reads packages
  esper.cloud.app:
    src: "{{ playbook_dir }}/build/till-2.1.0.apk"
    package_name: com.example.till
    version_name: 2.1.0
    version_code: 210

- name: The three newest versions stay, and those in use
  esper.cloud.app:
    package_name: com.example.till
    version_name: 2.1.0
    keep_versions: 3

- name: A version is the default, as it has proven itself
  esper.cloud.app:
    package_name: com.example.till
    version_name: 2.0.0
    track: Production
    default: true

- name: A version is gone
  esper.cloud.app:
    package_name: com.example.till
    version_name: 1.9.0
    state: absent

- name: The app is gone
  esper.cloud.app:
    package_name: com.example.trial
    state: absent
"""

RETURN = r"""
app:
  description:
    - The version as it is after the task, or in check mode as it would be, with what there is to say of its app.
    - After an upload without properties of the release, what the service does not tell yet is null.
  returned: when the version exists afterwards
  type: dict
  contains:
    id:
      description: The app's id; null in check mode for an app that would be new.
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
    version_id:
      description: The version's id, which blueprints refer to; null in check mode for one that would be uploaded.
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
      description: The track of the release.
      type: str
      sample: Production
    enabled:
      description: Whether the version is enabled.
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
      description: The digest of the package, as the service tells it.
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
requests:
  description: The requests that were sent, with status and duration.
  returned: with C(-vvv)
  type: list
  elements: str
  sample: ["GET /v1/enterprise/0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d/application/?limit=250: 200 in 41 ms"]
"""

from ansible_collections.esper.cloud.plugins.module_utils.kinds.app import APP_VERSION
from ansible_collections.esper.cloud.plugins.module_utils.module import run


def main() -> None:
    run(APP_VERSION)


if __name__ == "__main__":
    main()
