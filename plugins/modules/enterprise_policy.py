#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: enterprise_policy
short_description: Manage the enterprise policies of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Creates, changes, renames and deletes enterprise policies, which the console calls compliance policies. They
    restrict Android devices that are managed by templates; blueprints have settings of their own instead.
  - Only the settings that are given are managed. The service replaces all settings by what it is sent; so a change
    sends the others along as they are.
  - A policy is addressed by its name, which compares with its case, or by its id.
  - The service may refuse to change a policy that is applied to devices, and to delete one that devices have. Its
    reason is then part of the error.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.attributes.resource
options:
  state:
    description: Whether the policy is to be there.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - The name of the policy, of 1 to 255 characters.
      - With O(id), the name that the policy is to have.
    type: str
  id:
    description: The id of the policy, a number. It must exist, unless O(state=absent).
    type: int
  description:
    description: What the policy is for.
    type: str
  active:
    description: Whether the policy is active.
    type: bool
  update_password:
    description:
      - When to send O(settings.settings_app_password), which the service masks, so that it cannot be compared.
      - V(on_create) sends it when the policy is created, and along with any other change.
      - V(always) sends it each time, so that the task always changes.
      - Where the service does not mask it, it is compared like anything else.
    type: str
    choices: [always, on_create]
    default: on_create
  settings:
    description:
      - The settings of the policy. They have the names of the API, in snake case.
      - Lists of numbers, addresses and domains are sets; their order does not count. They are replaced as a whole.
    type: dict
    suboptions:
      applications:
        description: Applications and what is set for them, in the form of the API.
        type: list
        elements: dict
      kiosk_mode:
        description: Whether devices are in kiosk mode, which shows a single app.
        type: bool
      keyguard_disabled:
        description: Whether the lock screen is turned off.
        type: bool
      safe_boot_disabled:
        description: Whether booting into safe mode is prevented.
        type: bool
      status_bar_disabled:
        description: Whether the status bar is turned off.
        type: bool
      factory_reset_disabled:
        description: Whether a factory reset by the user is prevented.
        type: bool
      screenshot_disabled:
        description: Whether screenshots are prevented.
        type: bool
      usb_connectivity_disabled:
        description: Whether USB connections are prevented.
        type: bool
      sms_disabled:
        description: Whether text messages are prevented.
        type: bool
      outgoing_calls_disabled:
        description: Whether outgoing calls are prevented.
        type: bool
      camera_disabled:
        description: Whether the camera is turned off.
        type: bool
      nfc_beam_disabled:
        description: Whether sending data by NFC is prevented.
        type: bool
      disable_play_store:
        description: Whether the Google Play store is turned off.
        type: bool
      usb_file_transfer_disabled:
        description: Whether file transfer by USB is prevented.
        type: bool
      tethering_disabled:
        description: Whether USB tethering is prevented.
        type: bool
      date_time_config_disabled:
        description: Whether users are kept from setting date and time.
        type: bool
      app_uninstall_disabled:
        description: Whether users are kept from removing apps.
        type: bool
      google_assistant_disabled:
        description: Whether the Google Assistant is turned off.
        type: bool
      disable_local_app_install:
        description: Whether users are kept from installing apps from other sources.
        type: bool
      adb_disabled:
        description: Whether the Android Debug Bridge is turned off.
        type: bool
      phone_policy:
        description: Which calls are allowed.
        type: dict
        suboptions:
          incoming_numbers:
            description: The numbers that may call, each of at most 15 characters.
            type: list
            elements: str
          outgoing_numbers:
            description: The numbers that may be called, each of at most 15 characters.
            type: list
            elements: str
          dialer:
            description: The dialer app; V(DEFAULT) is the system's, V(SHOONYA) Esper's.
            type: str
            choices: [DEFAULT, SHOONYA]
          allow_ussd_codes:
            description: Whether USSD codes may be dialled.
            type: bool
      frp_googles:
        description: The accounts that may unlock a device after a factory reset (factory reset protection).
        type: list
        elements: dict
        suboptions:
          type:
            description: The kind of account.
            type: str
            choices: [USER, ADMIN]
          email:
            description: The address of the account, which the device asks for.
            type: str
          google_id:
            description: The Google People id that belongs to the address.
            type: str
      google_account_permission:
        description: Which Google accounts may be added to a device.
        type: dict
        suboptions:
          max_account:
            description: How many accounts, at most 10.
            type: int
          emails:
            description: The addresses that may be added.
            type: list
            elements: str
          domains:
            description: The domains whose addresses may be added.
            type: list
            elements: str
      device_password_policy:
        description: What the password of a device must be like.
        type: dict
        suboptions:
          password_quality:
            description: The kind of password.
            type: str
            choices: &qualities
              - PASSWORD_QUALITY_ALPHABETIC
              - PASSWORD_QUALITY_ALPHANUMERIC
              - PASSWORD_QUALITY_BIOMETRIC_WEAK
              - PASSWORD_QUALITY_COMPLEX
              - PASSWORD_QUALITY_NUMERIC
              - PASSWORD_QUALITY_NUMERIC_COMPLEX
              - PASSWORD_QUALITY_SOMETHING
              - PASSWORD_QUALITY_UNSPECIFIED
      minimum_password_length:
        description: The least length of the password of a device, 4 or more.
        type: int
      permission_policy:
        description: What becomes of the permissions that apps ask for from then on.
        type: str
        choices: [PERMISSION_POLICY_PROMPT, PERMISSION_POLICY_AUTO_GRANT, PERMISSION_POLICY_AUTO_DENY]
      device_update_policy:
        description: When devices update their operating system.
        type: dict
        suboptions:
          type:
            description: Whether and when updates are installed.
            type: str
            choices: [TYPE_INSTALL_AUTOMATIC, TYPE_POSTPONE, TYPE_INSTALL_WINDOWED, TYPE_INSTALL_DISABLED]
          maintenance_start:
            description: The start of the window, for V(TYPE_INSTALL_WINDOWED) only.
            type: int
          maintenance_end:
            description: The end of the window, for V(TYPE_INSTALL_WINDOWED) only.
            type: int
          password_quality:
            description: The kind of password; the API has it here as well.
            type: str
            choices: *qualities
      settings_access_level:
        description: Which settings app users have; V(SYSTEM) is Android's, V(SHOONYA) Esper's.
        type: str
        choices: [SYSTEM, SHOONYA, NONE]
      settings_app_password:
        description:
          - The password of the Esper settings app. It is never shown.
          - See O(update_password) for when it is sent.
        type: str
seealso:
  - module: esper.cloud.enterprise_policy_info
"""

EXAMPLES = r"""
- name: Kiosks are locked down
  esper.cloud.enterprise_policy:
    name: Kiosks
    description: Self-service in the stores
    active: true
    settings:
      kiosk_mode: true
      status_bar_disabled: true
      factory_reset_disabled: true
      permission_policy: PERMISSION_POLICY_AUTO_GRANT
      phone_policy:
        incoming_numbers: ["+4930123456", "112"]
        outgoing_numbers: ["112"]
      device_update_policy:
        type: TYPE_INSTALL_WINDOWED
        maintenance_start: 120
        maintenance_end: 240

- name: The camera is off, whatever else the policy says
  esper.cloud.enterprise_policy:
    name: Kiosks
    settings:
      camera_disabled: true

- name: The settings app asks for a password
  esper.cloud.enterprise_policy:
    name: Kiosks
    settings:
      settings_access_level: SHOONYA
      settings_app_password: "{{ lookup('ansible.builtin.env', 'SETTINGS_PASSWORD', default='to be set') }}"
    update_password: always

- name: There is no policy for tests
  esper.cloud.enterprise_policy:
    name: Only a test
    state: absent
"""

RETURN = r"""
enterprise_policy:
  description: The policy as it is after the task, or in check mode as it would be.
  returned: when the policy exists afterwards
  type: dict
  contains:
    id:
      description: The policy's id; null in check mode for a policy that would be created.
      type: int
      sample: 42
    uuid:
      description: The policy's UUID.
      type: str
      sample: 6f3a2c1e-5a3f-4a53-9f3c-0d5e3f3b7a10
    name:
      description: The policy's name.
      type: str
      sample: Kiosks
    description:
      description: What the policy is for.
      type: str
      sample: Self-service in the stores
    active:
      description: Whether the policy is active.
      type: bool
      sample: true
    settings:
      description: The settings, by the names of the suboptions of O(settings), without the password.
      type: dict
      sample:
        kiosk_mode: true
        permission_policy: PERMISSION_POLICY_AUTO_GRANT
    device_count:
      description: How many devices have the policy.
      type: int
      sample: 12
    created_on:
      description: When the policy was created.
      type: str
      sample: "2026-03-01T09:30:00Z"
    updated_on:
      description: When the policy was last changed.
      type: str
      sample: "2026-03-02T11:00:00Z"
requests:
  description: The requests that were sent, with status and duration.
  returned: with C(-vvv)
  type: list
  elements: str
  sample: ["GET /enterprise/0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d/policy/?name=Kiosks&limit=250: 200 in 41 ms"]
"""

from ansible_collections.esper.cloud.plugins.module_utils.kinds.enterprise_policy import ENTERPRISE_POLICY
from ansible_collections.esper.cloud.plugins.module_utils.module import run


def main() -> None:
    run(ENTERPRISE_POLICY)


if __name__ == "__main__":
    main()
