# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that tell devices to do something have in common, said once."""

from __future__ import annotations


class ModuleDocFragment:
    """``esper.cloud.commands`` for the arguments of commands and operations, ``.following`` for what is waited for."""

    DOCUMENTATION = r"""
options:
  args:
    description:
      - The arguments of a command, or of an operation of that name.
      - Needed are C(ADD_TO_WHITELIST) package_name; C(ADD_WIFI_AP) wifi_access_points; C(APPLE_APP_UNINSTALL) app_id,
        bundle_identifier; C(CLEAR_APP_DATA) package_name; C(INSTALL) app_version; C(INSTALL_CERTIFICATE)
        cert_file_type, cert_data_base64, cert_alias_name, cert_storage_type; C(REMOVE_FROM_WHITELIST) package_name;
        C(REMOVE_WIFI_AP) wifi_access_points; C(RESET_LOCKSCREEN_PASSWORD) new_lockscreen_password;
        C(RUN_SHELL_SCRIPT) script, interpreter; C(SET_APP_NOTIFICATIONS) package_name, app_notifications_state;
        C(SET_APP_PERMISSION) package_name, permission, grant_state; C(SET_APP_STATE) package_name, app_state;
        C(SET_BLUETOOTH_STATE) bluetooth_state; C(SET_BRIGHTNESS_SCALE) brightness_value; C(SET_DEVICE_LANGUAGE)
        locale; C(SET_DEVICE_LOCKDOWN_STATE) state, text; C(SET_GPS_STATE) gps_state; C(SET_KIOSK_APP) package_name;
        C(SET_NEW_POLICY) policy_url; C(SET_ROTATION_STATE) rotate_state; C(SET_SCREEN_OFF_TIMEOUT)
        screen_off_timeout; C(SET_STATIC_IP) interface, dhcp_enabled, static_ip, primary_dns, subnet_mask, gateway;
        C(SET_STREAM_VOLUME) stream, volume_level; C(SET_TIMEZONE) timezone_string; C(SET_WIFI_STATE) wifi_state;
        C(UNINSTALL) package_name; C(UNINSTALL_CERTIFICATE) cert_alias_name, cert_storage_type;
        C(USE_ONLY_SAVED_WIFI_AP) use_only_saved_ap; C(VPP_APP_INSTALL) app_id, bundle_identifier.
    type: dict
    suboptions:
      app_id:
        description: The Apple id of an app.
        type: str
      app_notifications_state:
        description: Whether the app may notify.
        type: str
        choices: [ENABLED, DISABLED]
      app_state:
        description: How the app is shown.
        type: str
        choices: [SHOW, HIDE, DISABLE, LAUNCHABLE_BUT_HIDDEN]
      app_version:
        description: The id of an app version, as RV(esper.cloud.app#module:app.version_id) has it.
        type: str
      bluetooth_state:
        description: Whether Bluetooth is on.
        type: bool
      brightness_value:
        description: The brightness, from 1 to 100.
        type: int
      bundle_identifier:
        description: The bundle of an Apple app.
        type: str
      cert_alias_name:
        description: The alias of a certificate.
        type: str
      cert_data_base64:
        description: The file of a certificate, encoded as base64.
        type: str
      cert_file_type:
        description: The type of the certificate's file.
        type: str
        choices: [pkcs12]
      cert_password:
        description: The password of the certificate's file.
        type: str
      cert_storage_type:
        description: Where the certificate is kept.
        type: str
        choices: [system]
      custom_settings_config:
        description: A managed configuration.
        type: dict
      device_alias_name:
        description: The alias of a device. The module M(esper.cloud.device) looks after it.
        type: str
      dhcp_enabled:
        description: Whether addresses come from DHCP.
        type: bool
      duration:
        description: How long a device beeps, from 10 to 300 seconds.
        type: str
      enable_debug_mode:
        description: Whether a device in kiosk mode is put into debug mode.
        type: bool
      ethernet_auth_mode:
        description: How a device authenticates on Ethernet.
        type: str
        choices: [NONE, EAP_TLS]
      ethernet_ca_cert_alias:
        description: The alias of the CA's certificate, for V(EAP_TLS).
        type: str
      ethernet_client_cert_alias:
        description: The alias of the device's certificate, for V(EAP_TLS).
        type: str
      ethernet_eap_identity:
        description: The identity for EAP.
        type: str
      execute_as:
        description: The user that a script runs as, V(root) or V(Esper), on Linux.
        type: str
      gateway:
        description: The gateway's address.
        type: str
      gps_state:
        description:
          - The mode of location. V(0) is high accuracy, V(1) sensors only, V(2) battery saving, V(3) off, V(4)
            on.
        type: int
      grant_state:
        description: What becomes of a permission.
        type: str
        choices: [PERMISSION_GRANT_STATE_DEFAULT, PERMISSION_GRANT_STATE_DENIED, PERMISSION_GRANT_STATE_GRANTED]
      interface:
        description: The network interface.
        type: str
        choices: [wlan, eth]
      interpreter:
        description: What runs a script, such as V(bash) or V(powershell).
        type: str
      is_factory_reset:
        description: Whether V(WIPE) wipes and unenrols, or only unenrols. Windows has to be told.
        type: bool
      locale:
        description: A locale, such as V(de_DE).
        type: str
      managed_only:
        description: Whether only profiles that came through Esper are listed.
        type: bool
      new_lockscreen_password:
        description: The new password of the lock screen.
        type: str
      package_name:
        description: The package of an app.
        type: str
      permission:
        description: The name of a permission.
        type: str
      policy_url:
        description: The URL of a policy.
        type: str
      primary_dns:
        description: The address of the first name server.
        type: str
      profile:
        description: A profile, encoded as base64.
        type: str
      profile_identifier:
        description: The identifier of a profile.
        type: str
      rotate_state:
        description: How the screen turns. V(0) is automatic, V(1) upright, V(2) on its side.
        type: int
      screen_off_timeout:
        description: Milliseconds after which the screen turns off, V(-1) or from 5000 to 1800000.
        type: int
      script:
        description: The text of a script.
        type: str
      secondary_dns:
        description: The address of the second name server.
        type: str
      state:
        description: Whether devices are locked.
        type: str
        choices: [LOCKED, UNLOCKED]
      static_ip:
        description: The address of the device.
        type: str
      stream:
        description: Which volume. V(0) is ringing, V(1) notifications, V(2) alarms, V(3) media.
        type: int
      subnet_mask:
        description: The length of the network's prefix.
        type: str
      text:
        description: The text of a message, which the API calls C(message).
        type: str
      timezone_string:
        description: A time zone, such as V(Europe/Berlin).
        type: str
      title:
        description: The title of a message.
        type: str
      url:
        description: A link in a message.
        type: str
      use_only_saved_ap:
        description: Whether only saved access points are used.
        type: bool
      video_quality:
        description: The quality of the picture.
        type: str
        choices: [LOW, MEDIUM, HIGH]
      volume_level:
        description: The volume, from 0 to 100.
        type: int
      wifi_access_points:
        description: Access points, as the API has them. They are not shown, as they may hold passwords.
        type: raw
      wifi_revert_timeout:
        description: After how long a change of Wi-Fi is taken back, 1 or more.
        type: int
      wifi_state:
        description: Whether Wi-Fi is on.
        type: bool
  extra_args:
    description:
      - Arguments that O(args) does not have, such as those of a custom action.
      - What is secret in them is not known to be. Set C(no_log) for the task where there is.
    type: dict
"""

    FOLLOWING = r"""
options:
  wait:
    description:
      - Follow what was sent until each device has come to an end with it, too many have failed, or O(wait_timeout) is
        over.
      - Without it, the task ends once the service has accepted it, which says nothing of what devices make
        of it.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for devices. Those that have not answered by then count as failed.
    type: float
    default: 600.0
  max_fail_percentage:
    description: The percentage of devices that may fail, or not answer, before the task fails.
    type: float
    default: 0.0
"""
