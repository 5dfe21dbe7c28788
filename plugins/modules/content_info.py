#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: content_info
short_description: Read and download the content of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Returns one content, by id, those that O(name), O(tag) and O(search) describe together, or all of the tenant.
  - Content that does not exist is no error; the list is then empty.
  - Can also download what it finds. Links to the bytes need no API key, and are therefore not returned.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.attributes.info
attributes:
  check_mode:
    description: Reads only, and says whether O(dest) would change.
  platform:
    description: Where the module runs. It talks to the API over HTTPS, and writes nothing there but O(dest).
options:
  id:
    description: The id of a content, a number.
    type: int
  name:
    description: The name of the contents, with its case.
    type: str
  tag:
    description: A tag that the contents have, with its case.
    type: str
  search:
    description: What the service searches in tags and descriptions.
    type: str
  dest:
    description:
      - Where to download what is found, on the machine where the module runs. A directory, which must exist, takes each
        content by its name; anything else is the name of a file, which takes one content.
      - A file that has the right bytes is left alone. They are compared by the size and digest that the service tells,
        and so is what was downloaded, before it takes its place.
    type: path
seealso:
  - module: esper.cloud.content
"""

EXAMPLES = r"""
- name: Read all content
  esper.cloud.content_info:
  register: all_content

- name: Show how much it is
  ansible.builtin.debug:
    msg: "{{ all_content.contents | sum(attribute='size') }} bytes"

- name: Download what has the tag summer
  esper.cloud.content_info:
    tag: summer
    dest: "{{ playbook_dir }}"
"""

RETURN = r"""
contents:
  description: The contents, in the order of the service.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The content's id.
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
files:
  description: The files of what was found, in the same order, whether or not they had to be downloaded.
  returned: with O(dest)
  type: list
  elements: str
  sample: [/srv/signage/menu.png]
requests:
  description: The requests that were sent, with status and duration.
  returned: with C(-vvv)
  type: list
  elements: str
  sample: ["GET /v0/enterprise/0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d/content/?limit=250: 200 in 41 ms"]
"""

from ansible_collections.esper.cloud.plugins.module_utils.kinds.content import CONTENT
from ansible_collections.esper.cloud.plugins.module_utils.module import run_info


def main() -> None:
    run_info(CONTENT)


if __name__ == "__main__":
    main()
