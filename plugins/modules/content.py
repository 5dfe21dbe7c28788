#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: content
short_description: Manage the content of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Uploads, describes, replaces and deletes content, which are the files that blueprints put onto devices.
  - A file is sent only if the tenant has none of its name with the same bytes. They are compared by size, and by the
    digest that the service tells, if its length is that of MD5, SHA-1 or SHA-256; else by size alone.
  - The service cannot change the bytes of a content. Another file is uploaded first, described like the old one, and
    then the old one is deleted, so that the content has another id. Blueprints refer to content by id; those that have
    the old one in their latest version are returned as RV(blueprints), with a warning, and are not changed.
  - A content is addressed by its name, which compares with its case, or by its id. Names need not be unique. With
    O(src), of several contents of its name the oldest with the same bytes counts, and a warning tells of the others.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.attributes.resource
options:
  state:
    description: Whether the content is to be there.
    type: str
    choices: [present, absent]
    default: present
  src:
    description:
      - The file to upload, on the controller. It is sent as it is read, whatever its size.
      - A relative path is searched as that of M(ansible.builtin.copy) is, in C(files) of the role and of the
        playbook, then beside them, then where Ansible was started.
      - Where the task is delegated to another machine, it is a path there, and is not searched.
      - Of a directory, all files in it and below are uploaded by their own names, but none whose name, or that of a
        directory above it, starts with a dot. O(tags) and O(description) are then those of each. Two files of one name
        are an error.
      - Without it, the content must exist, unless O(state=absent).
      - With O(state=absent), contents of the names of these files are deleted.
    type: path
  name:
    description:
      - The name of the content; with O(src), the name that the file is to have. Without it, that of the file.
      - It has no slashes, backslashes or double quotes.
    type: str
  id:
    description:
      - The id of the content, a number. It must exist, unless O(state=absent).
      - With O(src), the content to replace. Once it is replaced, a content of the same name and bytes counts as it.
    type: int
  description:
    description: What the content is for.
    type: str
  tags:
    description: The tags of the content, each of at most 255 characters. Their order does not count.
    type: list
    elements: str
  upload_deadline:
    description:
      - Seconds that the task may take from the start of an upload, where O(deadline) leaves it less. V(0) sets no
        limit.
    type: float
    default: 3600.0
  force:
    description: Whether to delete a content that blueprints refer to. Without it, that is an error.
    type: bool
    default: false
seealso:
  - module: esper.cloud.content_info
"""

EXAMPLES = r"""
- name: The menu is in the tenant, from files/ of the role or beside the playbook
  esper.cloud.content:
    src: menu.png
    description: What there is to eat
    tags: [menu, summer]

- name: It has a name of its own
  esper.cloud.content:
    src: "{{ playbook_dir }}/menu.png"
    name: menu-berlin.png

- name: All files of a directory are in the tenant
  esper.cloud.content:
    src: "{{ playbook_dir }}/signage"
    tags: [signage]
  register: signage

- name: Show their ids
  ansible.builtin.debug:
    msg: "{{ signage.contents | items2dict(key_name='name', value_name='id') }}"

- name: Last year's menu is gone
  esper.cloud.content:
    name: menu-2025.png
    state: absent
"""

RETURN = r"""
content:
  description: The content as it is after the task, or in check mode as it would be.
  returned: when the content exists afterwards, and O(src) is no directory
  type: dict
  contains:
    id:
      description: The content's id; null in check mode for a content that would be uploaded.
      type: int
      sample: 42
    name:
      description: The content's name.
      type: str
      sample: menu.png
    description:
      description: What the content is for.
      type: str
      sample: What there is to eat
    tags:
      description: The content's tags.
      type: list
      elements: str
      sample: [menu, summer]
    size:
      description: The content's size in bytes.
      type: int
      sample: 48213
    hash:
      description: The digest of the content's bytes, as the service tells it.
      type: str
      sample: 9e107d9d372bb6826bd81d3542a419d6
    mime_type:
      description: The type of the content.
      type: str
      sample: image/png
    created_on:
      description: When the content was uploaded.
      type: str
      sample: "2026-03-01T09:30:00Z"
    updated_on:
      description: When the content was last changed.
      type: str
      sample: "2026-03-02T11:00:00Z"
contents:
  description: The same of each file, in the order of their paths.
  returned: when O(src) is a directory
  type: list
  elements: dict
blueprints:
  description: The blueprints that refer to a content which is replaced or deleted, by the id that it had.
  returned: when a content is replaced or deleted
  type: list
  elements: dict
  contains:
    id:
      description: The blueprint's id.
      type: str
      sample: 0d5d3e0c-9a7e-4f57-8d0a-3f6f7d1f2b64
    name:
      description: The blueprint's name.
      type: str
      sample: Retail Kiosk
requests:
  description: The requests that were sent, with status and duration.
  returned: with C(-vvv)
  type: list
  elements: str
  sample: ["GET /v0/enterprise/0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d/content/?limit=250: 200 in 41 ms"]
"""

from ansible_collections.esper.cloud.plugins.module_utils.kinds.content import CONTENT
from ansible_collections.esper.cloud.plugins.module_utils.module import run


def main() -> None:
    run(CONTENT)


if __name__ == "__main__":
    main()
