# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of scopes that the contract (authz2.yaml) lists. A tenant can have others."""

from __future__ import annotations

SCOPES = frozenset(
    """
    create:app:esper_android create:app:esper_ios create:blueprint create:compliance_policy create:device:tag
    create:device_command:ADD_WIFI_AP create:device_command:BEEP_DEVICE create:device_command:CAPTURE_SCREENSHOT
    create:device_command:CLEAR_APP_DATA create:device_command:CLEAR_PASSCODE create:device_command:CONVERGE
    create:device_command:INITIATE_OFFER create:device_command:INSTALL create:device_command:INSTALL_APP
    create:device_command:LIST_PROVISIONING_PROFILES create:device_command:LIST_RESTRICTED_PROFILES
    create:device_command:LOCK create:device_command:LOST_MODE create:device_command:NOTIFY_DEVICE
    create:device_command:REBOOT create:device_command:REFRESH_APPLIST create:device_command:REMOVE_DEVICE
    create:device_command:REMOVE_WIFI_AP create:device_command:REQUEST_BUGREPORT create:device_command:RUN_CUSTOM_ACTION
    create:device_command:RUN_SHELL_SCRIPT create:device_command:SET_ADB_STATE create:device_command:SET_APP_PERMISSION
    create:device_command:SET_APP_STATE create:device_command:SET_BLUETOOTH_STATE
    create:device_command:SET_BRIGHTNESS_SCALE create:device_command:SET_DEVICE_LOCKDOWN_STATE
    create:device_command:SET_ETHERNET_SETTINGS create:device_command:SET_GPS_STATE create:device_command:SET_KIOSK_APP
    create:device_command:SET_NEW_POLICY create:device_command:SET_ROTATION_STATE
    create:device_command:SET_SCREEN_OFF_TIMEOUT create:device_command:SET_STATIC_IP
    create:device_command:SET_STREAM_VOLUME create:device_command:SET_TIMEZONE create:device_command:SET_WALLPAPER
    create:device_command:SET_WIFI_STATE create:device_command:SHUT_DOWN create:device_command:SYNC_CONTENT
    create:device_command:UNINSTALL create:device_command:UNINSTALL_APP create:device_command:UPDATE_BLUEPRINT
    create:device_command:UPDATE_DEVICE_CONFIG create:device_command:UPDATE_HEARTBEAT create:device_command:WIPE
    create:device_screenshot create:emm create:group create:group_command:ADD_WIFI_AP create:group_command:INSTALL
    create:group_command:INSTALL_APP create:group_command:LOCK create:group_command:NOTIFY_DEVICE
    create:group_command:REBOOT create:group_command:REMOVE_WIFI_AP create:group_command:SET_ADB_STATE
    create:group_command:SET_APP_STATE create:group_command:SET_BLUETOOTH_STATE
    create:group_command:SET_BRIGHTNESS_SCALE create:group_command:SET_ETHERNET_SETTINGS
    create:group_command:SET_GPS_STATE create:group_command:SET_KIOSK_APP create:group_command:SET_NEW_POLICY
    create:group_command:SET_ROTATION_STATE create:group_command:SET_SCREEN_OFF_TIMEOUT
    create:group_command:SET_STATIC_IP create:group_command:SET_STREAM_VOLUME create:group_command:SET_TIMEZONE
    create:group_command:SET_WALLPAPER create:group_command:SET_WIFI_STATE create:group_command:SYNC_CONTENT
    create:group_command:UNINSTALL create:group_command:UNINSTALL_APP create:group_command:UPDATE_BLUEPRINT
    create:group_command:UPDATE_DEVICE_CONFIG create:group_command:UPDATE_HEARTBEAT create:group_command:WIPE
    create:operation:APP_INSTALL create:operation:APP_UNINSTALL create:operation:CONVERGE create:operation:INSTALL
    create:operation:REBOOT create:operation:UNINSTALL create:personal_access_token create:provisioning_template
    create:provisioning_template:imei_serial create:remote_terminal create:report create:report:ingest
    create:report:query create:report:saved_query create:template_upgrade delete:app:esper_android delete:app:esper_ios
    delete:blueprint delete:compliance_policy delete:device:tag delete:personal_access_token
    delete:provisioning_template delete:provisioning_template:imei_serial delete:report:saved_query provision:device
    read:alert read:app read:blueprint read:compliance_policy read:device read:device:operations read:device_app
    read:device_graph read:device_screenshot read:directory_record read:emm read:esper_apps read:event_feed
    read:foundation_build read:foundation_device_model read:foundry_event read:geofence read:group read:operation
    read:operation:devices read:personal_access_token read:pipeline read:provisioning_template read:report
    read:report:ingest read:report:query read:report:saved_query read:user:group update:app:esper_android
    update:app:esper_ios update:blueprint update:command update:compliance_policy update:device:alias
    update:device:blueprint update:device:group update:device:tag update:emm update:foundation_build
    update:foundation_device_model update:group:blueprint update:operation update:operation:devices
    update:personal_access_token update:provisioning_template update:provisioning_template:imei_serial
    update:provisioning_template:wifi_management update:report:saved_query
    """.split()  # noqa: SIM905 - a list would have a line for each name
)
