#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: device_command
short_description: Send commands to devices of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Sends a command to devices, to groups of devices, or to both, and can follow what devices make of it.
  - One request takes up to 1,000 devices and 500 groups, whatever the task names. So a task for many devices is far
    faster than a loop, or a task for each host.
  - What a command needs is checked before anything is sent.
  - A command whose answer is lost is looked for before it is sent again, so that no device gets it twice.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.commands
  - esper.cloud.commands.following
attributes:
  check_mode:
    description: Sends nothing, and tells how many devices it would be about.
    support: full
  diff_mode:
    description: A command has no state before and after.
    support: N/A
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
  command:
    description:
      - The command.
      - V(WIPE) and V(CLEAR_APP_DATA) cannot be undone and need O(confirm=true).
    type: str
    required: true
    choices:
      - ADD_TO_WHITELIST
      - ADD_WIFI_AP
      - APPLE_APP_UNINSTALL
      - APPLY_APP_CONFIG
      - BEEP_DEVICE
      - CLEAR_APP_DATA
      - CLEAR_PASSCODE
      - COLLECT_LOGS
      - CONVERGE
      - DEVICE_INFORMATION
      - INSTALL
      - INSTALL_CERTIFICATE
      - INSTALL_PROFILE
      - LIST_INSTALLED_PROFILES
      - LOCK
      - NOTIFY_DEVICE
      - REBOOT
      - REMOVE_FROM_WHITELIST
      - REMOVE_PROFILE
      - REMOVE_WIFI_AP
      - RESET_LOCKSCREEN_PASSWORD
      - RUN_CUSTOM_ACTION
      - RUN_SHELL_SCRIPT
      - SET_APP_NOTIFICATIONS
      - SET_APP_PERMISSION
      - SET_APP_STATE
      - SET_BLUETOOTH_STATE
      - SET_BRIGHTNESS_SCALE
      - SET_DEVICE_LANGUAGE
      - SET_DEVICE_LOCKDOWN_STATE
      - SET_ETHERNET_SETTINGS
      - SET_GPS_STATE
      - SET_KIOSK_APP
      - SET_MULTI_APP_MODE
      - SET_NEW_POLICY
      - SET_ROTATION_STATE
      - SET_SCREEN_OFF_TIMEOUT
      - SET_STATIC_IP
      - SET_STREAM_VOLUME
      - SET_TIMEZONE
      - SET_WIFI_STATE
      - UNINSTALL
      - UNINSTALL_CERTIFICATE
      - UPDATE_BLUEPRINT
      - UPDATE_DEVICE_CONFIG
      - UPDATE_HEARTBEAT
      - UPDATE_LATEST_DPC
      - USE_ONLY_SAVED_WIFI_AP
      - VPP_APP_INSTALL
      - WIPE
  schedule:
    description:
      - When devices are to do it. V(IMMEDIATE) is at once, or when a device is there again, V(WINDOW) within a time,
        and V(RECURRING) within the same hours of several days, until it has succeeded once.
      - The service schedules commands for Android devices only.
    type: str
    choices: [IMMEDIATE, WINDOW, RECURRING]
    default: IMMEDIATE
  schedule_args:
    description:
      - The times of a schedule. V(WINDOW) needs C(start_datetime) and C(end_datetime), V(RECURRING) the window's times
        and C(days), too.
    type: dict
    suboptions:
      name:
        description: The name of the schedule.
        type: str
      start_datetime:
        description: When it begins, such as V(2026-05-01T22:00:00Z).
        type: str
      end_datetime:
        description: When it ends.
        type: str
      time_type:
        description: Whose time zone counts, that of the user who made the schedule, or that of each device.
        type: str
        choices: [console, device]
      window_start_time:
        description: When the window begins on each day, such as V(22:00:00).
        type: str
      window_end_time:
        description: When it ends.
        type: str
      days:
        description: The days of the week, as the API has them.
        type: list
        elements: str
  alias:
    description: What the command is called in the console. A few letters are added, by which it is found again.
    type: str
    default: Ansible
  confirm:
    description: Send a command that cannot be undone.
    type: bool
    default: false
seealso:
  - module: esper.cloud.converge
  - module: esper.cloud.device
"""

EXAMPLES = r"""
- name: Find the kiosks that are there
  esper.cloud.device_info:
    filters:
      tags: kiosk
      state: online
    level: minimal
    names: false
  register: kiosks

- name: They restart, all by one command
  esper.cloud.device_command:
    devices: "{{ kiosks.devices | map(attribute='id') }}"
    command: REBOOT
    wait: true
    wait_timeout: 900
    max_fail_percentage: 10
  register: rebooted

- name: Tell which did not
  ansible.builtin.debug:
    msg: "{{ rebooted.failed_devices | map(attribute='name') }}"

- name: A message, at night
  esper.cloud.device_command:
    groups: [All devices]
    command: NOTIFY_DEVICE
    args:
      title: Maintenance
      text: This device restarts at three.
    schedule: WINDOW
    schedule_args:
      start_datetime: "2030-05-01T22:00:00Z"
      end_datetime: "2030-05-02T02:00:00Z"

- name: Send one command to all hosts of the batch
  esper.cloud.device_command:
    devices: "{{ ansible_play_batch | map('extract', hostvars) | map(attribute='esper_id', default='') | select }}"
    command: UPDATE_HEARTBEAT
  run_once: true
"""

RETURN = r"""
device_count:
  description: How many devices it is about. In check mode those of groups are counted, too.
  returned: in check mode, or without O(groups)
  type: int
  sample: 300
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
from ansible_collections.esper.cloud.plugins.module_utils.tasks.device_command import DEVICE_COMMAND


def main() -> None:
    run_task(DEVICE_COMMAND)


if __name__ == "__main__":
    main()
