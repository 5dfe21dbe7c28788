#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: api
short_description: Send any request to the API of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Sends one request, or reads all pages of a list, with the authentication, retries, paging and error messages of this
    collection. For what has no module of its own.
  - It knows nothing of what it sends. A write is sent each time the task runs; look first, and use C(when).
  - No module of its own is there yet for geofences, pipelines, operations, users, invites, roles, personal access
    tokens, alerts, alarms, wallpapers, tile icons, directory records, reports, custom actions, background scripts,
    webclips, apps that are not Android's, Apple, Google and Windows enrolment, and company settings.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
attributes:
  check_mode:
    description: Tells what would be sent, and sends no write.
    support: partial
    details: A V(GET) is sent. Anything else is not, and counts as changed, since the module cannot know better.
  diff_mode:
    description: It does not know what a request changes.
    support: none
options:
  method:
    description: The method of the request.
    type: str
    choices: [GET, POST, PUT, PATCH, DELETE]
    default: GET
  path:
    description:
      - The path of the operation below C(/api), with its slashes as the API's reference has them.
      - C({enterprise_id}) in it is filled in. Ids of other objects are yours to fill in.
    type: str
    required: true
  query:
    description: The query parameters. Lists become comma separated.
    type: dict
    default: {}
  body:
    description:
      - The body of the request, sent as JSON.
      - What is secret in it is not known to be. Set C(no_log) for the task where there is.
    type: raw
  form:
    description: The fields of a form, for operations that take O(files).
    type: dict
    default: {}
  files:
    description:
      - The files of a form, paths by the names that the operation gives them.
      - They are read where the module runs, and sent as they are read, whatever their size.
    type: dict
    default: {}
  all_pages:
    description: Whether to read all pages of a list. Each object comes once, also when the list changes meanwhile.
    type: bool
    default: false
  page_size:
    description: How many objects to ask for at a time with O(all_pages). Blueprints are huge; V(20) is right for them.
    type: int
    default: 250
  key:
    description: What tells the objects of the list apart, with O(all_pages).
    type: str
    default: id
  show_secrets:
    description:
      - Whether tokens, passwords and links that need no key are part of the result. Without it they are masked.
      - The API key itself is never shown.
    type: bool
    default: false
notes:
  - A request that creates something is not repeated when it is unclear whether it took effect.
  - A POST that only reads is best marked with C(changed_when=false).
"""

EXAMPLES = r"""
- name: Read all blueprints
  esper.cloud.api:
    path: /v2/blueprints/
    all_pages: true
    page_size: 20
  register: blueprints

- name: Show their names
  ansible.builtin.debug:
    msg: "{{ blueprints.content | map(attribute='name') }}"

- name: Look for a group
  esper.cloud.api:
    path: /enterprise/{enterprise_id}/devicegroup/
    query:
      name: Loading dock
  register: found

- name: Create it where it is missing
  esper.cloud.api:
    method: POST
    path: /enterprise/{enterprise_id}/devicegroup/
    body:
      name: Loading dock
  when: found.content.count == 0
"""

RETURN = r"""
status:
  description: The HTTP status of the answer.
  returned: when something was sent
  type: int
  sample: 200
content:
  description:
    - The body of the answer, without the envelope C(content) that some of the API's answers have.
    - With O(all_pages), the list of all objects.
  returned: success
  type: raw
  sample:
    count: 1
    results:
      - id: 6f3a2c1e-5a3f-4a53-9f3c-0d5e3f3b7a10
        name: Loading dock
requests:
  description: The requests that were sent, with status and duration.
  returned: with C(-vvv)
  type: list
  elements: str
  sample: ["GET /v1/token-info/: 200 in 41 ms"]
"""

from ansible_collections.esper.cloud.plugins.module_utils.module import run_task
from ansible_collections.esper.cloud.plugins.module_utils.tasks.api import CALL


def main() -> None:
    run_task(CALL)


if __name__ == "__main__":
    main()
