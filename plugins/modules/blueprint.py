#!/usr/bin/python
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: blueprint
short_description: Manage the blueprints of an Esper tenant
version_added: 0.1.0
author: esper.cloud contributors (@ansible-collections)
description:
  - Creates, changes, publishes, renames and deletes blueprints, which say what devices are to be like, and takes them
    back to former versions.
  - Only what is given is managed. The service replaces a blueprint as a whole; so a change sends the settings of all
    platforms along as they are.
  - Each change is saved as a draft, which no device gets, unless O(publish=true).
  - Publishing changes no device either. Devices get what is published when they converge, which
    M(esper.cloud.converge) has them do.
  - Apps are given by package and version, contents by name. Their ids are looked up before anything is sent, and do as
    well. Wi-Fi networks, wallpapers, provisioning profiles and custom actions are given by id.
  - What the service would refuse, such as a value that is none of its own or a key that is missing, is refused before
    anything is sent, in check mode, too, and named with its place.
extends_documentation_fragment:
  - esper.cloud.connection
  - esper.cloud.attributes
  - esper.cloud.attributes.resource
options:
  state:
    description:
      - Whether the blueprint is to be there.
      - The service does not delete one that devices or groups have. Its reason is then part of the error.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - The name of the blueprint, which compares with its case.
      - With O(id), the name that the blueprint is to have.
    type: str
  id:
    description: The id of the blueprint. It must exist, unless O(state=absent).
    type: str
  description:
    description: What the blueprint is for.
    type: str
  comments:
    description: What there is to say of this version.
    type: str
  publish:
    description:
      - Publish the blueprint, so that devices get it when they converge. A draft that is there already is published,
        too.
      - Without it, a change makes a draft, and what was published before stays published beside it.
    type: bool
    default: false
  exact:
    description:
      - The platforms that are given have exactly the settings that are given. Others of those platforms are removed,
        among them apps, files and networks. Platforms that are not given are left alone.
      - What a device would do without a setting is no difference, nor are settings that this collection does not know,
        which stay. The passwords of settings and networks that are given stay, too, since none can be read.
    type: bool
    default: false
  version:
    description:
      - Go back to a former version. The blueprint gets the settings that were published under this number, or that the
        version of this id has, and they are published, as a version of their own.
      - Passwords that the service masks cannot be sent again, and are lost, which a warning tells.
      - Where the blueprint has these settings, and they are published, nothing changes.
    type: str
  update_password:
    description:
      - When to send O(settings.android.esper_settings_apps_settings.admin_mode_password) and
        O(settings.android.wifi_networks[].certificate_file_password), where the service masks them, or does not tell
        them, so that they cannot be compared.
      - V(on_create) sends them with the setting or network if that is new, and along with any other change.
      - V(always) sends them each time, so that the task always changes.
    type: str
    choices: [always, on_create]
    default: on_create
  settings:
    description:
      - The settings of the blueprint for each platform, by the names of the API.
      - Most have an C(apply_policy), which is V(ALWAYS APPLY) for a setting that is new, unless given.
        V(PROVISION ONLY) is for devices that are being provisioned, and V(IGNORE) leaves devices alone.
      - Dictionaries are merged with what is there. Lists are replaced as a whole, except for those of apps, files,
        networks, profiles and custom actions, whose items are merged with what is there of the same.
    type: dict
    suboptions:
      android:
        description: The settings of Android devices.
        type: dict
        suboptions:
          device_mode_settings:
            description: Whether devices show one app or several.
            type: dict
            suboptions:
              apply_policy: &apply_policy
                description: When devices apply it. V(ALWAYS APPLY) for a setting that is new, unless given.
                type: str
                choices: [ALWAYS APPLY, IGNORE, PROVISION ONLY]
              device_mode:
                description: V(KIOSK) shows a single app, V(MULTI APP) a launcher with those that are approved.
                type: str
                choices: [KIOSK, MULTI APP]
          launcher_settings:
            description: The launcher.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              launcher:
                description: V(ESPER) is Esper's launcher, V(DEFAULT) the device's own. Required where it is new.
                type: str
                choices: [ESPER, DEFAULT]
          local_app_install_settings:
            description: Apps from other sources.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_local_app_install:
                description: Whether users may install apps from other sources. Required where it is new.
                type: bool
          app_uninstall_settings:
            description: The removal of apps.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_app_uninstallation:
                description: Whether users may remove apps. Required where it is new.
                type: bool
          app_permission_policy_settings:
            description: The permissions that apps ask for.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              permission_policy:
                description: What becomes of a permission that an app asks for. Required where it is new.
                type: str
                choices: [ALLOW AUTOMATICALLY, DENY, ASK USER]
          wifi_settings:
            description: Wi-Fi.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_wifi:
                description: Whether users may turn Wi-Fi on and off. Required where it is new.
                type: bool
              wifi_state:
                description: Whether Wi-Fi is on. Required where it is new.
                type: str
                choices: [ENABLE, DISABLE]
          bluetooth_settings:
            description: Bluetooth.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_bluetooth:
                description: Whether Bluetooth may be used. Required where it is new.
                type: bool
              bluetooth_state:
                description: Whether Bluetooth is on.
                type: str
                choices: [ENABLE, DISABLE]
              drift_policy:
                description:
                  - How severe it is if a device differs from this setting; V(IGNORE) is the service's default.
                type: str
                choices: [IGNORE, LOG ONLY, MINOR, MAJOR, CRITICAL]
          sms_settings:
            description: Text messages.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_sms:
                description: Whether text messages may be used. Required where it is new.
                type: bool
          nfc_settings:
            description: Near-field communication.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_nfc:
                description: Whether NFC may be used. Required where it is new.
                type: bool
          incoming_numbers_settings:
            description: Who may call the device.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_all_numbers:
                description: Whether all numbers are allowed. Required where it is new.
                type: bool
              allowed_numbers:
                description: The numbers that are allowed. Their order does not count.
                type: list
                elements: str
              tags:
                description: Tags of numbers, as the API has them. Their order does not count.
                type: list
                elements: str
          outgoing_numbers_settings:
            description: Whom the device may call.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_all_numbers:
                description: Whether all numbers are allowed. Required where it is new.
                type: bool
              allow_ussd_codes:
                description: Whether USSD codes may be dialled. The service's default is V(false).
                type: bool
              allowed_numbers:
                description: The numbers that are allowed. Their order does not count.
                type: list
                elements: str
              tags:
                description: Tags of numbers, as the API has them. Their order does not count.
                type: list
                elements: str
          ethernet_settings:
            description: Ethernet with authentication.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              auth_mode:
                description: How the device authenticates.
                type: str
                choices: [NONE, EAP-TLS]
              ca_cert_alias:
                description: The alias of the certificate of the CA.
                type: str
              client_cert_alias:
                description: The alias of the device's own certificate.
                type: str
              eap_identity:
                description: The identity for EAP.
                type: str
          adb_settings:
            description: The Android Debug Bridge.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_adb:
                description: Whether the Android Debug Bridge may be used. Required where it is new.
                type: bool
          safe_boot_settings:
            description: Safe mode.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_safe_boot:
                description: Whether the device may be booted into safe mode. Required where it is new.
                type: bool
          factory_reset_settings:
            description: Factory reset by the user.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_factory_reset:
                description: Whether users may reset the device. Required where it is new.
                type: bool
          screen_timeout_settings:
            description: When the screen turns off.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              screentimeout_value:
                description:
                  - After how long the screen turns off, a number in the API's unit.
                  - Required where it is new.
                type: int
          lock_screen_settings:
            description: The lock screen.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              password_quality:
                description: The kind of password that the device asks for. Required where it is new.
                type: str
                choices: [NONE, ALPHABETIC, NUMERIC, ALPHANUMERIC, COMPLEX, BIOMETRIC_WEAK]
              minimum_password_length:
                description: The least length of the password.
                type: int
              allow_keyguard:
                description: Whether there is a lock screen. Required where it is new.
                type: bool
          brightness_settings:
            description: The brightness of the screen.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              brightness_value:
                description: The brightness, which the API has as text.
                type: str
          screen_orientation_settings:
            description: The orientation of the screen.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              orientation_type:
                description: How the screen is turned.
                type: str
                choices: [PORTRAIT, LANDSCAPE, INVERTED PORTRAIT, INVERTED LANDSCAPE, AUTO]
          screenshot_settings:
            description: Screenshots.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_screenshot:
                description: Whether screenshots may be taken.
                type: bool
          notification_bar_settings:
            description: The notification bar.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_notification_bar:
                description: Whether users may pull down the notification bar.
                type: bool
          wallpaper_settings:
            description: Wallpapers, by the ids of those that are in the tenant.
            type: dict
            suboptions:
              homescreen:
                description: The home screen.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  portrait:
                    description: With the screen upright.
                    type: dict
                    suboptions:
                      wallpaper_id:
                        description: The id of the wallpaper.
                        type: str
                  landscape:
                    description: With the screen on its side.
                    type: dict
                    suboptions:
                      wallpaper_id:
                        description: The id of the wallpaper.
                        type: str
              lockscreen:
                description: The lock screen.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  portrait:
                    description: With the screen upright.
                    type: dict
                    suboptions:
                      wallpaper_id:
                        description: The id of the wallpaper.
                        type: str
          esper_settings_apps_settings:
            description: The Esper Settings app on the device.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_dock:
                description: Whether the dock may be used.
                type: bool
              admin_mode_password:
                description: The password of the admin mode. It is never shown; see O(update_password).
                type: str
              allow_esper_settings_app:
                description: Whether the app may be used.
                type: bool
              settings:
                description:
                  - Who may use each part of the app, users or those who know the password.
                  - Needed if the app is set up at all.
                type: dict
                suboptions:
                  flashlight:
                    description: Who may use the flashlight.
                    type: str
                    choices: &who [NONE, USER, ADMIN, BOTH]
                  wifi:
                    description: Who may use Wi-Fi.
                    type: str
                    choices: *who
                  auto_rotation:
                    description: Who may use automatic rotation.
                    type: str
                    choices: *who
                  reboot:
                    description: Who may use rebooting.
                    type: str
                    choices: *who
                  clear_app_data:
                    description: Who may use clearing data of apps.
                    type: str
                    choices: *who
                  kiosk_app_selection:
                    description: Who may use choosing the kiosk app.
                    type: str
                    choices: *who
                  esper_branding:
                    description: Who may use Esper's branding.
                    type: str
                    choices: *who
                  factory_reset:
                    description: Who may use the factory reset.
                    type: str
                    choices: *who
                  about:
                    description: Who may use the page about the device.
                    type: str
                    choices: *who
                  display:
                    description: Who may use the display.
                    type: str
                    choices: *who
                  sound:
                    description: Who may use sound.
                    type: str
                    choices: *who
                  keyboard:
                    description: Who may use the keyboard.
                    type: str
                    choices: *who
                  input_selection:
                    description: Who may use choosing the input method.
                    type: str
                    choices: *who
                  accessibility:
                    description: Who may use accessibility.
                    type: str
                    choices: *who
                  accessibility_reset_to_default:
                    description: Who may use resetting accessibility.
                    type: str
                    choices: *who
                  accessibility_high_contrast_text:
                    description: Who may use high contrast.
                    type: str
                    choices: *who
                  accessibility_cc_deuteranomaly:
                    description: Who may use correction for deuteranomaly.
                    type: str
                    choices: *who
                  accessibility_cc_protanomaly:
                    description: Who may use correction for protanomaly.
                    type: str
                    choices: *who
                  accessibility_cc_tritanomaly:
                    description: Who may use correction for tritanomaly.
                    type: str
                    choices: *who
                  accessibility_mono_audio:
                    description: Who may use mono audio.
                    type: str
                    choices: *who
                  accessibility_display_size:
                    description: Who may use the size of the display's content.
                    type: str
                    choices: *who
                  accessibility_font_scale:
                    description: Who may use the size of text.
                    type: str
                    choices: *who
                  accessibility_talkback:
                    description: Who may use TalkBack.
                    type: str
                    choices: *who
                  accessibility_text_to_speech:
                    description: Who may use text to speech.
                    type: str
                    choices: *who
                  mobile_data:
                    description: Who may use mobile data.
                    type: str
                    choices: *who
                  bluetooth:
                    description: Who may use Bluetooth.
                    type: str
                    choices: *who
                  language:
                    description: Who may use the language.
                    type: str
                    choices: *who
                  time_and_date:
                    description: Who may use date and time.
                    type: str
                    choices: *who
                  storage:
                    description: Who may use storage.
                    type: str
                    choices: *who
                  data_roaming:
                    description: Who may use data roaming.
                    type: str
                    choices: *who
                  wifi_tethering:
                    description: Who may use the hotspot.
                    type: str
                    choices: *who
                  airplane_mode:
                    description: Who may use flight mode.
                    type: str
                    choices: *who
          android_settings_app_settings:
            description: Android's own settings app.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_android_settings_app:
                description: Whether Android's settings app may be used. Required where it is new.
                type: bool
          customized_device_level_json_settings:
            description: Settings of the device that the API takes as JSON.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              customized_json:
                description: The settings, as a dictionary.
                type: dict
          google_services_settings:
            description: Google services. All five parts are needed if any of them is set.
            type: dict
            suboptions:
              afw_account_settings:
                description: Android for Work accounts.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  allow_afw_account_addition:
                    description: Whether such accounts may be added. Required where it is new.
                    type: bool
              personal_accounts_settings:
                description: Personal Google accounts.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  personal_accounts_limit_value:
                    description: How many personal accounts may be added. Required where it is new.
                    type: int
              play_store_settings:
                description: The Google Play store.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  allow_playstore:
                    description: Whether the store may be used. Required where it is new.
                    type: bool
              google_assitant_settings:
                description: The Google Assistant. The name is misspelt in the API.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  allow_google_assistant:
                    description: Whether the Assistant may be used. Required where it is new.
                    type: bool
              factory_reset_protection_settings:
                description: The account that unlocks the device after a reset.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  google_id:
                    description: The Google People id of the account. Required where it is new.
                    type: str
                  email:
                    description: The address of the account. Required where it is new.
                    type: str
          external_device_settings:
            description: External storage.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_external_device_mount:
                description: Whether external storage may be mounted.
                type: bool
          usb_tethering_settings:
            description: Tethering by USB.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_usb_tethering:
                description: Whether the device may tether by USB.
                type: bool
          file_transfer_settings:
            description: File transfer by USB.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_file_transfer:
                description: Whether files may be transferred by USB.
                type: bool
          camera_settings:
            description: The camera.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_camera_access:
                description: Whether the camera may be used.
                type: bool
          location_settings:
            description: Location.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_location:
                description: Whether location is on.
                type: bool
          sound_settings:
            description: Volumes.
            type: dict
            suboptions:
              alarm_settings:
                description: Alarms.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  alarm_volume:
                    description: The volume of alarms.
                    type: int
              music_settings:
                description: Media.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  music_volume:
                    description: The volume of media.
                    type: int
              ringtone_settings:
                description: Ring tones.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  ringtone_volume:
                    description: The volume of ring tones.
                    type: int
              notification_settings:
                description: Notifications.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  notification_volume:
                    description: The volume of notifications.
                    type: int
              voice_call_settings:
                description: Calls.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  voice_call_volume:
                    description: The volume of calls.
                    type: int
          system_updates_settings:
            description: Updates of Android.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              system_update_policy_type:
                description: Whether and when updates are installed.
                type: str
                choices:
                  - UPDATE AUTOMATICALLY
                  - POSTPONE INSTALLATION
                  - WINDOWED INSTALLATION
                  - DISABLE UPDATE
                  - DEFAULT UPDATE
              maintenance_start:
                description: The start of the window, for V(WINDOWED INSTALLATION), as the API has it.
                type: str
              maintenance_end:
                description: The end of the window.
                type: str
          time_date_settings:
            description: Date and time.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_edit_time_date:
                description: Whether users may set date and time.
                type: bool
          timezone_settings:
            description: The time zone.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              timezone:
                description: The name of the time zone, such as V(Europe/Berlin).
                type: str
          language_settings:
            description: The language.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              device_locale:
                description: The locale of the device, such as V(de-DE).
                type: str
          strict_wifi_synchronization_settings:
            description: What becomes of Wi-Fi networks that the blueprint does not have.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_strict_wifi_synchronization:
                description: Whether a converge removes them from the device.
                type: bool
          strict_app_synchronization_settings:
            description: What becomes of apps that the blueprint does not have.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_strict_app_synchronization:
                description: Whether a converge removes them from the device.
                type: bool
          apps:
            description:
              - The apps of the blueprint, told apart by O(settings.android.apps[].package_name).
              - Those that are not given stay, unless O(exact=true).
            type: list
            elements: dict
            suboptions:
              package_name:
                description: The package of the app. Required where it is new.
                type: str
              version_name:
                description:
                  - The name of the version, or V(latest) for the one of the highest version code. Where codes are not
                    known, that is the one created last.
                  - It stands for the id of the version.
                type: str
              version_code:
                description: The code of the version, where several have one name.
                type: int
              app_id:
                description: The id of the app, instead of its package.
                type: str
              app_version_id:
                description: The id of the version, instead of its name and code.
                type: str
              installation_rule:
                description: When the app is installed. V(DURING PROVISIONING) for an app that is new, unless given.
                type: str
                choices: [POST PROVISIONING, DURING PROVISIONING]
              state:
                description: Whether the app is shown. V(SHOW) for an app that is new, unless given.
                type: str
                choices: [SHOW, HIDE, DISABLE, LAUNCHABLE_BUT_HIDDEN]
              managed_config:
                description: The managed configuration of the app. Keys that are not given stay as they are.
                type: dict
              type:
                description: Where the app comes from. For one that is new, what the service says of it, unless given.
                type: str
                choices: [PRELOADED, ENTERPRISE, PLAYSTORE]
              auto_update_mode:
                description:
                  - How Google Play updates the app.
                  - V(autoUpdateDefault) for an app that is new, unless given.
                type: str
                choices: [autoUpdateDefault, autoUpdateHighPriority, autoUpdatePostponed]
          files:
            description:
              - Files that are put onto the device, told apart by the content. Those of one content are told apart by
                the path.
              - Those that are not given stay, unless O(exact=true).
            type: list
            elements: dict
            suboptions:
              content:
                description: The name of the content, which stands for its id.
                type: str
              file_id:
                description: The id of the content, instead of its name.
                type: str
              destination_path:
                description: Where the file is put on the device. Required where it is new.
                type: str
          wifi_networks:
            description:
              - Wi-Fi networks, by their ids, as the API has no list of names.
              - Those that are not given stay, unless O(exact=true).
            type: list
            elements: dict
            suboptions:
              wifi_network_id:
                description: The id of the network. Required where it is new.
                type: str
              certificate_file_path:
                description: The path of the certificate.
                type: str
              certificate_file_password:
                description: The password of the certificate. It is never shown; see O(update_password).
                type: str
          saved_ap_settings:
            description: Saved access points.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              use_only_saved_ap:
                description: Whether the device connects to saved access points only. Required where it is new.
                type: bool
          mac_address_randomization_settings:
            description: Random MAC addresses.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_mac_address_randomization:
                description: Whether the device may use random MAC addresses.
                type: bool
          esper_edgebox_settings:
            description: Esper Edgebox.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_esper_edgebox:
                description: Whether Esper Edgebox may be used.
                type: bool
          app_layout_setting:
            description: How the launcher looks.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              brand_logo_position:
                description: Where the logo is.
                type: str
                choices: &positions [BOTTOM_LEFT, BOTTOM_RIGHT, TOP_LEFT, TOP_RIGHT]
              device_name_position:
                description: Where the name of the device is.
                type: str
                choices: *positions
              app_icon_size:
                description: The size of icons.
                type: str
                choices: [SMALL_ICON, MEDIUM_ICON, LARGE_ICON, DEFAULT_ICON, CUSTOM_ICON]
              app_name_size:
                description: The size of the names of apps.
                type: str
                choices: &text_sizes [SMALL_TEXT, MEDIUM_TEXT, LARGE_TEXT, DEFAULT_TEXT, CUSTOM_TEXT]
              device_name_and_id_display_policy:
                description: Which names of the device are shown.
                type: str
                choices: [NONE, DEFAULT, DEVICE_ID_ONLY, ALIAS_NAME_ONLY, DEVICE_ID_AND_ALIAS_NAME]
              device_name_size:
                description: The size of the name of the device.
                type: str
                choices: *text_sizes
              device_alias_size:
                description: The size of the alias of the device.
                type: str
                choices: *text_sizes
              custom_app_icon_size:
                description: The size for V(CUSTOM_ICON), from 20 to 100.
                type: int
              custom_device_name_size:
                description: The size of the device's name for V(CUSTOM_TEXT), from 20 to 100.
                type: int
              custom_device_alias_size:
                description: The size of the device's alias for V(CUSTOM_TEXT), from 20 to 100.
                type: int
              custom_app_name_size:
                description: The size of apps' names for V(CUSTOM_TEXT), from 20 to 100.
                type: int
          app_order_setting:
            description: The order of apps in the launcher.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              app_order_list:
                description: The apps in their order.
                type: list
                elements: dict
                suboptions:
                  type:
                    description: What stands there.
                    type: str
                    choices: [SINGLE_APP]
                  name:
                    description: The package of the app.
                    type: str
      ios:
        description: The settings of Apple devices.
        type: dict
        suboptions:
          kiosk_app:
            description: The app of the kiosk mode.
            type: dict
            suboptions:
              app_id:
                description: The id of the app.
                type: str
              app_type:
                description: Where the app comes from.
                type: str
                choices: &apple_apps [VPP, TENANT_IOS, ESPER_IOS, WEBCLIP, PRELOADED]
          device_mode_settings:
            description: Whether devices show one app or several.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              device_mode:
                description: V(KIOSK) shows a single app, V(MULTI APP) a launcher with those that are approved.
                type: str
                choices: [KIOSK, MULTI APP]
          local_app_install_settings:
            description: Apps from other sources.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_local_app_install:
                description: Whether users may install apps from other sources. Required where it is new.
                type: bool
          app_uninstall_settings:
            description: The removal of apps.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_app_uninstallation:
                description: Whether users may remove apps. Required where it is new.
                type: bool
          bluetooth_settings:
            description: Bluetooth.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              edit_bluetooth:
                description: Whether users may change Bluetooth. Required where it is new.
                type: bool
          nfc_settings:
            description: Near-field communication.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_nfc:
                description: Whether NFC may be used. Required where it is new.
                type: bool
          factory_reset_settings:
            description: Factory reset by the user.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_factory_reset:
                description: Whether users may reset the device. Required where it is new.
                type: bool
          screenshot_settings:
            description: Screenshots.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_screenshot:
                description: Whether screenshots may be taken.
                type: bool
          custom_device_level_profile_settings:
            description: A configuration profile.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              custom_profile:
                description: The profile, as the API has it.
                type: str
          siri_settings:
            description: Siri.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_siri:
                description: Whether Siri may be used. Required where it is new.
                type: bool
          tethering_settings:
            description: The personal hotspot.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              edit_hotspot:
                description: Whether users may change the hotspot.
                type: bool
          camera_settings:
            description: The camera.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_camera_access:
                description: Whether the camera may be used.
                type: bool
          hide_preloaded_apps_settings:
            description: Apps that come with the device.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              hide_preloaded_apps:
                description: Whether they are hidden.
                type: bool
          time_date_settings:
            description: Date and time.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              force_automatic_time_date:
                description: Whether date and time are set automatically, whatever the user does.
                type: bool
          wifi_networks:
            description:
              - Wi-Fi networks, by their ids, as the API has no list of names.
              - Those that are not given stay, unless O(exact=true).
            type: list
            elements: dict
            suboptions:
              wifi_network_id:
                description: The id of the network. Required where it is new.
                type: str
          apps:
            description:
              - The apps of the blueprint, told apart by O(settings.ios.apps[].app_id).
              - Those that are not given stay, unless O(exact=true).
            type: list
            elements: dict
            suboptions:
              package_name:
                description: The package (bundle) of an app of the tenant's own, which stands for its id.
                type: str
              version_name:
                description:
                  - The name of the version, or V(latest) for the one of the highest version code. Where codes are not
                    known, that is the one created last.
                  - It stands for the id of the version.
                type: str
              version_code:
                description: The code of the version, where several have one name.
                type: int
              app_id:
                description: The id of the app, instead of its package.
                type: str
              app_version_id:
                description: The id of the version, instead of its name and code.
                type: str
              state:
                description: Whether the app is shown. V(SHOW) for an app that is new, unless given.
                type: str
                choices: [SHOW]
              app_type:
                description:
                  - Where the app comes from.
                  - For one that is given by its package, what the service says of it.
                type: str
                choices: *apple_apps
              base64_app_config:
                description: The configuration of the app, encoded as base64.
                type: str
          provisioning_profiles:
            description: Provisioning profiles. Those that are not given stay, unless O(exact=true).
            type: list
            elements: dict
            suboptions:
              profile_id:
                description: The id of the profile, a UUID. Required where it is new.
                type: str
              profile_version_id:
                description: The id of its version, a UUID. Required where it is new.
                type: str
          wallpaper_settings:
            description: Wallpapers, by the ids of those that are in the tenant.
            type: dict
            suboptions:
              homescreen:
                description: The home screen.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  portrait:
                    description: With the screen upright.
                    type: dict
                    suboptions:
                      wallpaper_id:
                        description: The id of the wallpaper.
                        type: str
              lockscreen:
                description: The lock screen.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  portrait:
                    description: With the screen upright.
                    type: dict
                    suboptions:
                      wallpaper_id:
                        description: The id of the wallpaper.
                        type: str
          web_content_settings:
            description: Web pages.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              url_blocklist:
                description: Addresses that are blocked. Their order does not count.
                type: list
                elements: str
              url_allowlist:
                description: Addresses that are allowed. Their order does not count.
                type: list
                elements: str
          defer_os_updates:
            description: How long updates of the system are hidden.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              defer_os_updates_delay:
                description: Days, from 0 to 90.
                type: int
      linux:
        description: The settings of Linux devices.
        type: dict
        suboptions:
          custom_shell_scripts_multiple:
            description: Shell scripts that run on the device.
            type: dict
            suboptions:
              shell_scripts:
                description: The scripts, in their order. The list is replaced as a whole.
                type: list
                elements: dict
                suboptions:
                  apply_policy: *apply_policy
                  script:
                    description: The text of the script. Required where it is new.
                    type: str
                  interpreter:
                    description: What runs the script, such as V(bash) or V(powershell). Required where it is new.
                    type: str
                  alias:
                    description: The name of the script. Required where it is new.
                    type: str
                  description:
                    description: What the script is for.
                    type: str
          custom_actions_multiple:
            description: Custom actions.
            type: dict
            suboptions:
              custom_actions:
                description: The custom actions. Those that are not given stay, unless O(exact=true).
                type: list
                elements: dict
                suboptions:
                  id:
                    description: The id of the custom action, a UUID. Required where it is new.
                    type: str
                  options_key:
                    description: The key of the option to use of it, a UUID. Required where it is new.
                    type: str
                  apply_policy: *apply_policy
          files:
            description:
              - Files that are put onto the device, told apart by the content. Those of one content are told apart by
                the path.
              - Those that are not given stay, unless O(exact=true).
            type: list
            elements: dict
            suboptions:
              content:
                description: The name of the content, which stands for its id.
                type: str
              file_id:
                description: The id of the content, instead of its name.
                type: int
              destination_path:
                description: Where the file is put on the device. Required where it is new.
                type: str
      windows:
        description: The settings of Windows devices.
        type: dict
        suboptions:
          active_hours_settings:
            description: The hours in which no updates are installed. Both are needed.
            type: dict
            suboptions:
              active_hours_start:
                description: When they begin.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  time:
                    description: The hour of the day, from 0 to 23. Required where it is new.
                    type: int
              active_hours_end:
                description: When they end.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  time:
                    description: The hour of the day, from 0 to 23. Required where it is new.
                    type: int
          apps:
            description:
              - The apps of the blueprint, told apart by O(settings.windows.apps[].app_id).
              - Those that are not given stay, unless O(exact=true).
            type: list
            elements: dict
            suboptions:
              package_name:
                description: The package of an app of the tenant's own, which stands for its id.
                type: str
              version_name:
                description:
                  - The name of the version, or V(latest) for the one of the highest version code. Where codes are not
                    known, that is the one created last.
                  - It stands for the id of the version.
                type: str
              version_code:
                description: The code of the version, where several have one name.
                type: int
              app_id:
                description: The id of the app, instead of its package.
                type: str
              app_version_id:
                description: The id of the version, instead of its name and code.
                type: str
              state:
                description: Whether the app is shown. V(SHOW) for an app that is new, unless given.
                type: str
                choices: [SHOW]
              app_type:
                description:
                  - Where the app comes from.
                  - For one that is given by its package, what the service says of it.
                type: str
                choices: [TENANT_WINDOWS, ESPER_WINDOWS]
              base64_app_config:
                description: The configuration of the app, encoded as base64.
                type: str
          auto_update_settings:
            description: Automatic updates.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              auto_update_type:
                description: V(DEFAULT) leaves them to the system, V(OFF) turns them off. Required where it is new.
                type: str
                choices: [DEFAULT, 'OFF']
          bluetooth_settings:
            description: Bluetooth.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_bluetooth:
                description: Whether Bluetooth may be used. Required where it is new.
                type: bool
              bluetooth_state:
                description: Whether Bluetooth is on.
                type: str
                choices: [ENABLE, DISABLE]
              drift_policy:
                description:
                  - How severe it is if a device differs from this setting; V(IGNORE) is the service's default.
                type: str
                choices: [IGNORE, LOG ONLY, MINOR, MAJOR, CRITICAL]
          camera_settings:
            description: The camera.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_camera_access:
                description: Whether the camera may be used.
                type: bool
          custom_shell_scripts_multiple:
            description: Shell scripts that run on the device.
            type: dict
            suboptions:
              shell_scripts:
                description: The scripts, in their order, at most 10. The list is replaced as a whole.
                type: list
                elements: dict
                suboptions:
                  apply_policy: *apply_policy
                  script:
                    description: The text of the script. Required where it is new.
                    type: str
                  interpreter:
                    description: What runs the script, such as V(bash) or V(powershell). Required where it is new.
                    type: str
                  alias:
                    description: The name of the script. Required where it is new.
                    type: str
                  description:
                    description: What the script is for.
                    type: str
          device_mode_settings:
            description: Whether devices show one app or several.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              device_mode:
                description: V(KIOSK) shows a single app, V(MULTI APP) a launcher with those that are approved.
                type: str
                choices: [KIOSK, MULTI APP]
          defer_os_updates:
            description: How long updates of the system wait. Both kinds are needed.
            type: dict
            suboptions:
              quality_updates:
                description: Quality updates.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  defer_days:
                    description: Days, from 0 to 30. Required where it is new.
                    type: int
              feature_updates:
                description: Feature updates.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  defer_days:
                    description: Days, from 0 to 365. Required where it is new.
                    type: int
          factory_reset_settings:
            description: Factory reset by the user.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_factory_reset:
                description: Whether users may reset the device. Required where it is new.
                type: bool
          kiosk_settings:
            description: Kiosk mode.
            type: dict
            suboptions:
              win32_single_app_config:
                description: A single desktop app.
                type: dict
                suboptions:
                  name:
                    description: The name of the kiosk profile.
                    type: str
                  desktop_app_path:
                    description: The absolute path of the program.
                    type: str
                  auto_launch:
                    description: Whether the program starts by itself; so it does unless told otherwise.
                    type: bool
                  auto_launch_arguments:
                    description: The arguments that the program is started with.
                    type: str
                  hide_taskbar:
                    description: Whether the task bar is hidden; so it is unless told otherwise.
                    type: bool
                  hide_start_recommended_section:
                    description:
                      - Whether the recommendations of the start menu are hidden; so they are unless told otherwise.
                    type: bool
                  hide_power_button:
                    description: Whether the power button is hidden; it is not unless told otherwise.
                    type: bool
          pause_os_updates:
            description: A pause of updates.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              pause_os_updates:
                description: Whether updates of the system are paused. Required where it is new.
                type: bool
          timezone_settings:
            description: The time zone.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              timezone:
                description: The name of the time zone, such as V(Europe/Berlin).
                type: str
          unenrollment_settings:
            description: Unenrolment.
            type: dict
            suboptions:
              apply_policy: *apply_policy
              allow_unenrollment_from_device:
                description: Whether users may unenrol the device. Required where it is new.
                type: bool
          wallpaper_settings:
            description: Wallpapers, by the ids of those that are in the tenant.
            type: dict
            suboptions:
              homescreen:
                description: The home screen.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  landscape:
                    description: With the screen on its side.
                    type: dict
                    suboptions:
                      wallpaper_id:
                        description: The id of the wallpaper.
                        type: str
              lockscreen:
                description: The lock screen.
                type: dict
                suboptions:
                  apply_policy: *apply_policy
                  landscape:
                    description: With the screen on its side.
                    type: dict
                    suboptions:
                      wallpaper_id:
                        description: The id of the wallpaper.
                        type: str
          wifi_networks:
            description:
              - Wi-Fi networks, by their ids, as the API has no list of names.
              - Those that are not given stay, unless O(exact=true).
            type: list
            elements: dict
            suboptions:
              wifi_network_id:
                description: The id of the network. Required where it is new.
                type: str
seealso:
  - module: esper.cloud.blueprint_info
  - module: esper.cloud.converge
  - module: esper.cloud.app
  - module: esper.cloud.content
"""

EXAMPLES = r"""
- name: Kiosks show one app, which is kept at its newest version
  esper.cloud.blueprint:
    name: Self-service kiosks
    description: Kiosks in the stores
    publish: true
    settings:
      android:
        device_mode_settings:
          device_mode: KIOSK
        launcher_settings:
          launcher: ESPER
        screen_orientation_settings:
          orientation_type: PORTRAIT
        lock_screen_settings:
          allow_keyguard: false
          password_quality: NONE
        factory_reset_settings:
          allow_factory_reset: false
        apps:
          - package_name: com.example.kiosk
            version_name: latest
            managed_config:
              idle_seconds: 60
  register: kiosks

- name: Tills get another version, and nothing else of them changes
  esper.cloud.blueprint:
    name: Point of Sale
    comments: The spring release
    publish: true
    settings:
      android:
        apps:
          - package_name: com.example.till
            version_name: 2.0.0

- name: Screens have exactly these settings, on two platforms, as a draft
  esper.cloud.blueprint:
    name: Screens
    exact: true
    settings:
      linux:
        custom_shell_scripts_multiple:
          shell_scripts:
            - alias: player
              interpreter: bash
              script: systemctl restart player
      windows:
        timezone_settings:
          timezone: Europe/Berlin
          apply_policy: PROVISION ONLY
        active_hours_settings:
          active_hours_start:
            time: 7
          active_hours_end:
            time: 21
        kiosk_settings:
          win32_single_app_config:
            desktop_app_path: C:\Player\player.exe

- name: Kiosks are what they were in their first version
  esper.cloud.blueprint:
    name: Self-service kiosks
    version: "1"

- name: There is no blueprint for trials
  esper.cloud.blueprint:
    name: Trial
    state: absent
"""

RETURN = r"""
blueprint:
  description: The blueprint as it is after the task, or in check mode as it would be.
  returned: when the blueprint exists afterwards
  type: dict
  contains:
    id:
      description: The blueprint's id; null in check mode for one that would be created.
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
        - The settings, as O(settings) has them, without passwords.
        - Apps and files that the task names have their names beside their ids.
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
      description: The id of the version that was saved last; null in check mode if the task would save one.
      type: str
      sample: 1a1f0d3c-5a77-4dd1-9a3c-26b9e3f0a7e2
    version_number:
      description: Its number; null in check mode if the task would save one.
      type: int
      sample: 3
    minor_version_number:
      description: The number of the draft, as the service counts them; null in check mode if the task would save one.
      type: int
      sample: 0
    latest_published_version_id:
      description:
        - The id of the version that devices get, where the service tells it.
        - Null in check mode if the task would publish another.
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
requests:
  description: The requests that were sent, with status and duration.
  returned: with C(-vvv)
  type: list
  elements: str
  sample: ["GET /v2/blueprints/?name_exact=Kiosks&limit=20: 200 in 41 ms"]
"""

from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint import BLUEPRINT
from ansible_collections.esper.cloud.plugins.module_utils.module import run


def main() -> None:
    run(BLUEPRINT)


if __name__ == "__main__":
    main()
