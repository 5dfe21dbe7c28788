#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: operation
short_description: Begin and cancel operations on devices of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Begins an operation on devices that are named, or on those that the service finds for a query at that time, and can
    follow what devices make of it. Cancels an operation, or the part that some devices have in it.
  - Operations can do more than commands, such as apply geofences, capture a screenshot or install an update of the
    system, and can be cancelled. What is a command, too, is better sent by M(esper.cloud.device_command), unless it is
    to be cancelled, or the service is to find the devices.
  - One request takes up to 500 devices that are named, and any number that a query finds.
  - What an operation needs is checked before anything is sent.
  - An operation whose answer is lost is looked for before it is begun again, so that no device gets it twice. As
    operations have no name by which they are found, the newest of the type is read before, which costs one request.
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
    description: Shows the states before and after a cancellation. What begins has no state before.
    support: partial
    details: With O(state=cancelled) only.
options:
  state:
    description:
      - Whether an operation is begun, or one that was begun is cancelled.
      - V(begun) begins another one each time. V(cancelled) changes nothing if it was cancelled or has come to an end.
    type: str
    choices: [begun, cancelled]
    default: begun
  operation_type:
    description:
      - The type of the operation. Needed to begin one.
      - V(CLEAR_APP_DATA), V(REMOVE_AGENT), V(REMOVE_DEVICE) and V(WIPE) cannot be undone and need O(confirm=true).
    type: str
    choices:
      - ADD_EMM_ACCOUNT
      - ADD_OVERRIDE_APN
      - ADD_TO_WHITELIST
      - ADD_WIFI_AP
      - ALLOW_BLUETOOTH
      - ALLOW_CAMERA
      - ALLOW_FACTORY_RESET
      - ALLOW_UNENROLLMENT_FROM_DEVICE
      - APPLE_APP_UNINSTALL
      - APPLY_APP_CONFIG
      - APPLY_GEO_FENCE
      - BEEP_DEVICE
      - CAPTURE_SCREENSHOT
      - CLEAR_APP_DATA
      - CLEAR_PASSCODE
      - COLLECT_LOGS
      - CONVERGE
      - DECLARATIVE_MANAGEMENT
      - DEFER_OS_UPDATES
      - DEPLOY_SYSTEM_OTA
      - DIRECT_IOS_APP_INSTALL
      - DISABLE_LOST_MODE
      - ENABLE_LOST_MODE
      - INITIATE_CONFERENCE_CALL
      - INITIATE_OFFER
      - INSTALL
      - INSTALL_APP
      - INSTALL_CERTIFICATE
      - INSTALL_OTA
      - INSTALL_PROFILE
      - INSTALL_PROVISIONING_PROFILE
      - INSTALL_WEBCLIP
      - LIST_PROVISIONING_PROFILES
      - LOCK
      - LOST_MODE_DEVICE_LOCATION
      - NOTIFY_DEVICE
      - NOTIFY_OTA
      - NUDGE_DEVICE
      - PAUSE_OS_UPDATES
      - PLAY_LOST_MODE_SOUND
      - REBOOT
      - REFRESH_APPLIST
      - REMOTE_CONNECTION
      - REMOVE_AGENT
      - REMOVE_DEVICE
      - REMOVE_FROM_WHITELIST
      - REMOVE_PROVISIONING_PROFILE
      - REMOVE_WIFI_AP
      - REQUEST_BUGREPORT
      - REQUEST_DPCLOG
      - RESET_LOCKSCREEN_PASSWORD
      - RUN_CSP_PAYLOAD
      - RUN_CUSTOM_ACTION
      - RUN_SHELL_SCRIPT
      - SET_ADB_STATE
      - SET_APP_NOTIFICATIONS
      - SET_APP_PERMISSION
      - SET_APP_STATE
      - SET_BLUETOOTH_STATE
      - SET_BRIGHTNESS_SCALE
      - SET_DEVICE_LANGUAGE
      - SET_DEVICE_LOCKDOWN_STATE
      - SET_ETHERNET_SETTINGS
      - SET_GEO_FENCE
      - SET_GPS_STATE
      - SET_KIOSK_APP
      - SET_LOCATION_SERVICE
      - SET_MULTI_APP_MODE
      - SET_NEW_POLICY
      - SET_OS_UPDATE_POLICY
      - SET_PFN
      - SET_ROTATION_STATE
      - SET_SCREEN_OFF_TIMEOUT
      - SET_STATIC_IP
      - SET_STREAM_VOLUME
      - SET_TIMEZONE
      - SET_WALLPAPER
      - SET_WIDGET
      - SET_WIFI_STATE
      - SHUT_DOWN
      - SIMPLE_INSTALL
      - SYNC_CONTENT
      - UNINSTALL
      - UNINSTALL_APP
      - UNINSTALL_CERTIFICATE
      - UNINSTALL_WEBCLIP
      - UPDATE_BLUEPRINT
      - UPDATE_DEVICE_CONFIG
      - UPDATE_OEM_CONFIG
      - USE_ONLY_SAVED_WIFI_AP
      - VPP_APP_INSTALL
      - WIPE
  devices:
    description:
      - The devices, each by its name, alias, serial or id. An empty list changes nothing.
      - A few are looked up one by one, many in the list of all devices, whichever takes fewer requests.
      - With O(state=cancelled), those for which the operation is cancelled. Without them it is cancelled for all.
    type: list
    elements: str
    aliases: [device]
  device_query:
    description:
      - What the service is to look for when it begins the operation, as the filters of the inventory
        P(esper.cloud.devices#inventory). An empty dictionary stands for all devices.
      - It finds devices that were removed, too, unless there is a C(state).
      - There are C(active_connection), C(android_version), C(assigned_blueprint_id), C(battery_level_gte),
        C(battery_level_lte), C(current_blueprint_id), C(current_blueprint_version_id),
        C(current_blueprint_version_id_net), C(device_source), C(group_multi), C(group_multi_immediate), C(ios_version),
        C(ipados_version), C(is_gms), C(is_locked_down), C(managed_by), C(os), C(platform), C(policy_multi), C(search),
        C(serial), C(state), C(tags), C(template_multi), C(tvos_version), C(udid) and C(windows_version).
      - Groups, tags and blueprints go by names or ids.
    type: dict
  extra_args:
    description: Arguments that neither O(args) nor other options have, as the API has them.
  converge_with_provision:
    description: Whether the operation V(CONVERGE) also applies what is otherwise applied at provisioning only.
    type: bool
  geofence_ids:
    description: The ids of the geofences that the operation V(APPLY_GEO_FENCE) applies, which needs them.
    type: list
    elements: str
  schedule:
    description: When devices are to do it. V(IMMEDIATE) is at once, or when a device is there again, V(WINDOW) within a
      time.
    type: str
    choices: [IMMEDIATE, WINDOW]
    default: IMMEDIATE
  schedule_args:
    description: The times of a schedule. V(WINDOW) needs C(start_datetime) and C(end_datetime).
    type: dict
    suboptions:
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
      days:
        description: The days, as the API has them.
        type: list
        elements: int
  confirm:
    description: Begin an operation that cannot be undone.
    type: bool
    default: false
  id:
    description: The id of the operation to be cancelled.
    type: str
  reason:
    description: Why the operation is cancelled. Needed for that.
    type: str
seealso:
  - module: esper.cloud.operation_info
  - module: esper.cloud.device_command
"""

EXAMPLES = r"""
- name: Kiosks that have little charge make themselves heard
  esper.cloud.operation:
    operation_type: BEEP_DEVICE
    device_query:
      state: online
      tags: kiosk
      battery_level_lte: 30

- name: Find devices that are there
  esper.cloud.device_info:
    filters:
      state: online
    level: minimal
    names: false
  register: online

- name: Some of them restart, and the play goes on when nine in ten have
  esper.cloud.operation:
    operation_type: REBOOT
    devices: "{{ online.devices[:20] | map(attribute='id') }}"
    wait: true
    wait_timeout: 900
    max_fail_percentage: 10
  register: rebooted

- name: Tell which did not
  ansible.builtin.debug:
    msg: "{{ rebooted.failed_devices | map(attribute='name') }}"

- name: All others shut down at night
  esper.cloud.operation:
    operation_type: SHUT_DOWN
    device_query:
      group_multi: [All devices]
    schedule: WINDOW
    schedule_args:
      start_datetime: "2030-05-01T22:00:00Z"
      end_datetime: "2030-05-02T02:00:00Z"
  register: night

- name: One of them is needed
  esper.cloud.operation:
    state: cancelled
    id: "{{ night.operations[0].id }}"
    device: "{{ online.devices[0].name }}"
    reason: Stocktaking

- name: All of them are
  esper.cloud.operation:
    state: cancelled
    id: "{{ night.operations[0].id }}"
    reason: Stocktaking
"""

RETURN = r"""
device_count:
  description:
    - How many devices it is about. In check mode those of O(device_query) are counted, too.
    - With O(state=cancelled), for how many it is cancelled.
  returned: in check mode, or without O(device_query)
  type: int
  sample: 300
operations:
  description:
    - The operations that were accepted, as one takes so many devices only; empty in check mode.
    - With O(state=cancelled), the one that it is about.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The id of the operation.
      type: str
      sample: 6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003
    devices:
      description: How many devices it is about, none as long as the service has not found them.
      type: int
      sample: 300
state:
  description:
    - How far it is. V(accepted) without O(wait), V(ended) when all devices have come to an end, V(pending) when some
      have not answered and that is allowed, V(failed) when more than allowed did not do it, or the service gave up,
      as it does where no device fits a query.
  returned: when something was begun
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
from ansible_collections.esper.cloud.plugins.module_utils.tasks.operation import OPERATION_TASK


def main() -> None:
    run_task(OPERATION_TASK)


if __name__ == "__main__":
    main()
