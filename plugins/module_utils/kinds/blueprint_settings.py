# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of blueprints as data: settingsV2 of the contract (v2.yaml) for each platform.

The names are those of the contract, misspelled ones included. Fields that the contract requires are essential here.
Some fields have a ``create_default``: a new setting is always applied and a new app is shown unless the task sets it.
Names of apps, versions and content files stand for their IDs: see blueprint_names.py, which looks up the IDs.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..base.validators import between, length, uuid
from ..base.validators import count as at_most
from ..model.field import Field, Words

_APPLY_POLICY = Field(
    "apply_policy",
    "Apply policy of the setting, see O(settings).",
    choices=("ALWAYS APPLY", "IGNORE", "PROVISION ONLY"),
    create_default="ALWAYS APPLY",
)
_POSITIONS = ("BOTTOM_LEFT", "BOTTOM_RIGHT", "TOP_LEFT", "TOP_RIGHT")
_ICON_SIZES = ("SMALL_ICON", "MEDIUM_ICON", "LARGE_ICON", "DEFAULT_ICON", "CUSTOM_ICON")
_TEXT_SIZES = ("SMALL_TEXT", "MEDIUM_TEXT", "LARGE_TEXT", "DEFAULT_TEXT", "CUSTOM_TEXT")
_APPLE_APPS = ("VPP", "TENANT_IOS", "ESPER_IOS", "WEBCLIP", "PRELOADED")
_NO_UNIT = "Esper does not document the unit."
_NO_FORMAT = "Esper does not document the format."
_KEPT = "Items you omit are not changed, unless O(exact=true)."


def _dict(name: str, doc: Words, *fields: Field, **more: t.Any) -> Field:
    return Field(name, doc, type="dict", fields=fields, **more)


def _setting(name: str, doc: Words, *fields: Field, **more: t.Any) -> Field:
    """Return a setting with its policy, which says when devices apply it."""
    return _dict(name, doc, _APPLY_POLICY, *fields, **more)


def _switch(name: str, effect: str, **more: t.Any) -> Field:
    return Field(name, f"If V(true), {effect}.", type="bool", **more)


def _number(name: str, doc: Words, **more: t.Any) -> Field:
    return Field(name, doc, type="int", **more)


def _texts(name: str, doc: Words, **more: t.Any) -> Field:
    return Field(name, doc, type="list", elements="str", **more)


def _dicts(name: str, doc: Words, *fields: Field, **more: t.Any) -> Field:
    return Field(name, doc, type="list", elements="dict", fields=fields, **more)


def _id(name: str, doc: Words, **more: t.Any) -> Field:
    return Field(name, doc, identifier=True, **more)


def _content_id(value: t.Any) -> t.Any:
    """Return the ID of a content file as a number. Android files have it as text, Linux files as a number."""
    return int(value) if str(value).isdecimal() else value


# Names that stand for the IDs of an app and its version.
_PACKAGE = _id("package_name", "Package name (bundle ID) of an app of the tenant, instead of its ID.", in_payload=False)
_VERSION = (
    _id(
        "version_name",
        "Name of the version, instead of its ID. V(latest) selects the version with the highest version code, or the"
        " one created last if Esper does not return the codes.",
        in_payload=False,
    ),
    _number("version_code", "Code of the version, if several versions have the same name.", in_payload=False),
)
_CONTENT = _id("content", "Name of the content file, instead of its ID.", in_payload=False)
# One content file can go to two places. A content file that was uploaded again has another ID, but the same name.
_FILES = "file_id+destination_path file_id content"
_FILES_DOC = (
    "Content files that devices download, identified by content file, or by path if a content file has several paths.",
    _KEPT,
)
_DESTINATION = Field("destination_path", "Path of the file on the device.", required_by_api=True)

_DEVICE_MODE = _setting(
    "device_mode_settings",
    "Device mode.",
    Field(
        "device_mode",
        "V(KIOSK) shows a single app. V(MULTI APP) shows a launcher with the approved apps.",
        choices=("KIOSK", "MULTI APP"),
    ),
)
_TIMEZONE = _setting(
    "timezone_settings",
    "Time zone.",
    Field("timezone", "Name of the time zone, for example V(Europe/Berlin)."),
)
_CAMERA = _setting("camera_settings", "Camera.", _switch("allow_camera_access", "apps and users can use the camera"))
_FACTORY_RESET = _setting(
    "factory_reset_settings",
    "Factory reset by users.",
    _switch("allow_factory_reset", "users can reset the device to factory settings", required_by_api=True),
)
_BLUETOOTH = _setting(
    "bluetooth_settings",
    "Bluetooth.",
    _switch("allow_bluetooth", "users can use Bluetooth", required_by_api=True),
    Field("bluetooth_state", "V(ENABLE) turns Bluetooth on, V(DISABLE) turns it off.", choices=("ENABLE", "DISABLE")),
    Field(
        "drift_policy",
        "Severity of the drift if a device differs from this setting.",
        choices=("IGNORE", "LOG ONLY", "MINOR", "MAJOR", "CRITICAL"),
        server_default="IGNORE",
    ),
)
_WIFI_NETWORK = _id("wifi_network_id", "ID of the Wi-Fi network.", required_by_api=True)
_WIFI_NETWORKS = ("Wi-Fi networks by ID. The Esper API has no list of their names.", _KEPT)
_ORIENTATIONS = {"portrait": "Wallpaper in portrait orientation.", "landscape": "Wallpaper in landscape orientation."}
_SCREENS = {"homescreen": "Wallpaper of the home screen.", "lockscreen": "Wallpaper of the lock screen."}
_WALLPAPERS = "Wallpapers by ID."


def _wallpaper(screen: str, *orientations: str, **more: t.Any) -> Field:
    wallpaper_id = _id("wallpaper_id", "ID of the wallpaper.", **more)
    return _setting(
        screen, _SCREENS[screen], *(_dict(each, _ORIENTATIONS[each], wallpaper_id) for each in orientations)
    )


def _scripts(doc: str, check: t.Callable[[t.Any], str] | None = None, **lengths: int) -> Field:
    """Return the field of shell scripts. Their order can matter, so the list is compared as a whole."""

    def limited(name: str, text: str, **more: t.Any) -> Field:
        if name not in lengths:
            return Field(name, f"{text}.", **more)
        return Field(name, f"{text}, at most {lengths[name]} characters.", validator=length(0, lengths[name]), **more)

    scripts = _dicts(
        "shell_scripts",
        doc,
        _APPLY_POLICY,
        Field("script", "Text of the script.", required_by_api=True),
        limited("interpreter", "Interpreter of the script, for example V(bash) or V(powershell)", required_by_api=True),
        limited("alias", "Name of the script", required_by_api=True),
        limited("description", "Description of the script"),
        **({"list_validator": check} if check else {}),
    )
    return _dict("custom_shell_scripts_multiple", "Shell scripts that run on devices.", scripts)


def _numbers(name: str, doc: str, can: str, *more: Field) -> Field:
    return _setting(
        name,
        doc,
        _switch("allow_all_numbers", f"all numbers {can}", required_by_api=True),
        *more,
        _texts("allowed_numbers", f"Numbers that {can}. Compared without order.", items="set"),
        _texts("tags", "Tags of numbers, in API format. Compared without order.", items="set"),
    )


def _volume(source: str, plural: str) -> Field:
    number = _number(f"{source}_volume", f"Volume of {plural}. {_NO_UNIT}")
    return _setting(f"{source}_settings", f"Volume of {plural}.", number)


def _access(part: tuple[str, str]) -> Field:
    """Return the access level of a part of the Esper Settings app."""
    name, what = part
    return Field(name, f"Access level of {what}.", choices=("NONE", "USER", "ADMIN", "BOTH"))


_GOOGLE_SERVICES = _dict(
    "google_services_settings",
    "Google services. If you set one of the five parts and the setting is new, all five are required.",
    _setting(
        "afw_account_settings",
        "Android for Work accounts.",
        _switch("allow_afw_account_addition", "users can add Android for Work accounts", required_by_api=True),
        required_by_api=True,
    ),
    _setting(
        "personal_accounts_settings",
        "Personal Google accounts.",
        _number("personal_accounts_limit_value", "Maximum number of personal accounts.", required_by_api=True),
        required_by_api=True,
    ),
    _setting(
        "play_store_settings",
        "Google Play store.",
        _switch("allow_playstore", "users can use the Google Play store", required_by_api=True),
        required_by_api=True,
    ),
    _setting(
        "google_assitant_settings",
        "Google Assistant. The Esper API misspells the name of this setting.",
        _switch("allow_google_assistant", "users can use Google Assistant", required_by_api=True),
        required_by_api=True,
    ),
    _setting(
        "factory_reset_protection_settings",
        "Account that can unlock a device after a factory reset (factory reset protection).",
        Field("google_id", "Google People ID of the account.", required_by_api=True),
        Field("email", "Email address of the account.", required_by_api=True),
        required_by_api=True,
    ),
)

_ESPER_SETTINGS_APP = _setting(
    "esper_settings_apps_settings",
    "Esper Settings app on the device.",
    _switch("allow_dock", "users can use the dock"),
    Field(
        "admin_mode_password",
        "Password of the admin mode. It is never shown. See O(update_password) for when it is sent.",
        secret=True,
    ),
    _switch("allow_esper_settings_app", "users can open the app"),
    _dict(
        "settings",
        (
            "Access level of each part of the app.",
            "V(USER) is access for users, V(ADMIN) is access with the password of the admin mode, V(BOTH) is access for"
            " both, V(NONE) is no access.",
        ),
        *map(
            _access,
            (
                ("flashlight", "the flashlight"),
                ("wifi", "Wi-Fi"),
                ("auto_rotation", "automatic rotation"),
                ("reboot", "the reboot of the device"),
                ("clear_app_data", "the deletion of app data"),
                ("kiosk_app_selection", "the selection of the kiosk app"),
                ("esper_branding", "the Esper branding"),
                ("factory_reset", "the factory reset"),
                ("about", "the page about the device"),
                ("display", "the display"),
                ("sound", "sound"),
                ("keyboard", "the keyboard"),
                ("input_selection", "the selection of the input method"),
                ("accessibility", "accessibility"),
                ("accessibility_reset_to_default", "the reset of accessibility settings"),
                ("accessibility_high_contrast_text", "high contrast text"),
                ("accessibility_cc_deuteranomaly", "color correction for deuteranomaly"),
                ("accessibility_cc_protanomaly", "color correction for protanomaly"),
                ("accessibility_cc_tritanomaly", "color correction for tritanomaly"),
                ("accessibility_mono_audio", "mono audio"),
                ("accessibility_display_size", "the display size"),
                ("accessibility_font_scale", "the font size"),
                ("accessibility_talkback", "TalkBack"),
                ("accessibility_text_to_speech", "text to speech"),
                ("mobile_data", "mobile data"),
                ("bluetooth", "Bluetooth"),
                ("language", "the language"),
                ("time_and_date", "date and time"),
                ("storage", "the storage"),
                ("data_roaming", "data roaming"),
                ("wifi_tethering", "the Wi-Fi hotspot"),
                ("airplane_mode", "airplane mode"),
            ),
        ),
        required_by_api=True,
    ),
)

_APP_IDS = (
    _id("app_id", "ID of the app, instead of its package name.", required_by_api=True),
    _id("app_version_id", "ID of the version, instead of its name and code.", required_by_api=True),
)

_ANDROID_APPS = _dicts(
    "apps",
    ("Apps of the blueprint, identified by O(settings.android.apps[].package_name).", _KEPT),
    _id("package_name", "Package name of the app.", required_by_api=True),
    *_VERSION,
    *_APP_IDS,
    Field(
        "installation_rule",
        "When devices install the app.",
        choices=("POST PROVISIONING", "DURING PROVISIONING"),
        required_by_api=True,
        create_default="DURING PROVISIONING",
    ),
    Field(
        "state",
        "Visibility of the app.",
        choices=("SHOW", "HIDE", "DISABLE", "LAUNCHABLE_BUT_HIDDEN"),
        required_by_api=True,
        create_default="SHOW",
    ),
    Field(
        "managed_config",
        'Managed configuration of the app. Keys you omit are not changed. Types count: V(8080) is not V("8080").',
        type="dict",
        opaque=True,
    ),
    Field(
        "type",
        "Source of the app. Defaults to the type in the Esper API if new.",
        choices=("PRELOADED", "ENTERPRISE", "PLAYSTORE"),
        required_by_api=True,
    ),
    Field(
        "auto_update_mode",
        "How Google Play updates the app.",
        choices=("autoUpdateDefault", "autoUpdateHighPriority", "autoUpdatePostponed"),
        required_by_api=True,
        create_default="autoUpdateDefault",
    ),
    items="package_name",
)

_ANDROID = _dict(
    "android",
    "Settings of Android devices.",
    _DEVICE_MODE,
    _setting(
        "launcher_settings",
        "Launcher.",
        Field(
            "launcher",
            "V(ESPER) is the Esper launcher, V(DEFAULT) is the launcher of the device.",
            choices=("ESPER", "DEFAULT"),
            required_by_api=True,
        ),
    ),
    _setting(
        "local_app_install_settings",
        "Apps from unknown sources.",
        _switch("allow_local_app_install", "users can install apps from unknown sources", required_by_api=True),
    ),
    _setting(
        "app_uninstall_settings",
        "Removal of apps.",
        _switch("allow_app_uninstallation", "users can uninstall apps", required_by_api=True),
    ),
    _setting(
        "app_permission_policy_settings",
        "Permissions of apps.",
        Field(
            "permission_policy",
            "Decision about the permissions that apps request at run time.",
            choices=("ALLOW AUTOMATICALLY", "DENY", "ASK USER"),
            required_by_api=True,
        ),
    ),
    _setting(
        "wifi_settings",
        "Wi-Fi.",
        _switch("allow_wifi", "users can turn Wi-Fi on and off", required_by_api=True),
        Field(
            "wifi_state",
            "V(ENABLE) turns Wi-Fi on, V(DISABLE) turns it off.",
            choices=("ENABLE", "DISABLE"),
            required_by_api=True,
        ),
    ),
    _BLUETOOTH,
    _setting(
        "sms_settings", "Text messages.", _switch("allow_sms", "users can use text messages", required_by_api=True)
    ),
    _setting(
        "nfc_settings",
        "Near-field communication (NFC).",
        _switch("allow_nfc", "users can use NFC", required_by_api=True),
    ),
    _numbers("incoming_numbers_settings", "Incoming calls.", "can call the device"),
    _numbers(
        "outgoing_numbers_settings",
        "Outgoing calls.",
        "can be called from the device",
        _switch("allow_ussd_codes", "users can dial USSD codes", server_default=False),
    ),
    _setting(
        "ethernet_settings",
        "Ethernet authentication.",
        Field("auth_mode", "Authentication method.", choices=("NONE", "EAP-TLS")),
        Field("ca_cert_alias", "Alias of the CA certificate."),
        Field("client_cert_alias", "Alias of the client certificate."),
        Field("eap_identity", "EAP identity."),
    ),
    _setting(
        "adb_settings",
        "Android Debug Bridge (ADB).",
        _switch("allow_adb", "users can use ADB", required_by_api=True),
    ),
    _setting(
        "safe_boot_settings",
        "Safe mode.",
        _switch("allow_safe_boot", "users can start the device in safe mode", required_by_api=True),
    ),
    _FACTORY_RESET,
    _setting(
        "screen_timeout_settings",
        "Screen timeout.",
        _number("screentimeout_value", f"Time until the screen turns off. {_NO_UNIT}", required_by_api=True),
    ),
    _setting(
        "lock_screen_settings",
        "Lock screen.",
        Field(
            "password_quality",
            "Required quality of the device password.",
            choices=("NONE", "ALPHABETIC", "NUMERIC", "ALPHANUMERIC", "COMPLEX", "BIOMETRIC_WEAK"),
            required_by_api=True,
        ),
        _number("minimum_password_length", "Minimum length of the device password in characters."),
        _switch("allow_keyguard", "the device has a lock screen", required_by_api=True),
    ),
    _setting(
        "brightness_settings",
        "Screen brightness.",
        Field("brightness_value", f"Brightness, as text. {_NO_UNIT}"),
    ),
    _setting(
        "screen_orientation_settings",
        "Screen orientation.",
        Field(
            "orientation_type",
            "Orientation of the screen.",
            choices=("PORTRAIT", "LANDSCAPE", "INVERTED PORTRAIT", "INVERTED LANDSCAPE", "AUTO"),
        ),
    ),
    _setting("screenshot_settings", "Screenshots.", _switch("allow_screenshot", "users can take screenshots")),
    _setting(
        "notification_bar_settings",
        "Notification bar.",
        _switch("allow_notification_bar", "users can open the notification bar"),
    ),
    _dict(
        "wallpaper_settings",
        _WALLPAPERS,
        _wallpaper("homescreen", "portrait", "landscape"),
        _wallpaper("lockscreen", "portrait"),
    ),
    _ESPER_SETTINGS_APP,
    _setting(
        "android_settings_app_settings",
        "Android Settings app.",
        _switch("allow_android_settings_app", "users can open the Android Settings app", required_by_api=True),
    ),
    _setting(
        "customized_device_level_json_settings",
        "Custom settings of the device in JSON.",
        Field(
            "customized_json",
            'The settings as a dictionary, in API format. Types count: V(8080) is not V("8080").',
            type="dict",
            required_by_api=True,
            opaque=True,
        ),
    ),
    _GOOGLE_SERVICES,
    _setting(
        "external_device_settings",
        "External storage.",
        _switch("allow_external_device_mount", "users can mount external storage"),
    ),
    _setting("usb_tethering_settings", "USB tethering.", _switch("allow_usb_tethering", "users can tether over USB")),
    _setting(
        "file_transfer_settings",
        "File transfer over USB.",
        _switch("allow_file_transfer", "users can transfer files over USB"),
    ),
    _CAMERA,
    _setting("location_settings", "Location.", _switch("allow_location", "location services are on")),
    _dict(
        "sound_settings",
        "Volumes.",
        _volume("alarm", "alarms"),
        _volume("music", "media"),
        _volume("ringtone", "ringtones"),
        _volume("notification", "notifications"),
        _volume("voice_call", "calls"),
    ),
    _setting(
        "system_updates_settings",
        "Updates of Android.",
        Field(
            "system_update_policy_type",
            "Type of the update policy.",
            choices=(
                "UPDATE AUTOMATICALLY",
                "POSTPONE INSTALLATION",
                "WINDOWED INSTALLATION",
                "DISABLE UPDATE",
                "DEFAULT UPDATE",
            ),
        ),
        Field("maintenance_start", f"Start of the maintenance window for V(WINDOWED INSTALLATION). {_NO_FORMAT}"),
        Field("maintenance_end", f"End of the maintenance window for V(WINDOWED INSTALLATION). {_NO_FORMAT}"),
    ),
    _setting(
        "time_date_settings",
        "Date and time.",
        _switch("allow_edit_time_date", "users can set date and time"),
    ),
    _TIMEZONE,
    _setting(
        "language_settings",
        "Language.",
        Field("device_locale", "Locale of the device, for example V(de-DE)."),
    ),
    _setting(
        "strict_wifi_synchronization_settings",
        "Wi-Fi networks that the blueprint does not list.",
        _switch("allow_strict_wifi_synchronization", "a converge removes these networks from the device"),
    ),
    _setting(
        "strict_app_synchronization_settings",
        "Apps that the blueprint does not list.",
        _switch("allow_strict_app_synchronization", "a converge removes these apps from the device"),
    ),
    _ANDROID_APPS,
    _dicts(
        "files",
        _FILES_DOC,
        _CONTENT,
        _id("file_id", "ID of the content file, instead of its name.", required_by_api=True, normalize=str),
        _DESTINATION,
        items=_FILES,
    ),
    _dicts(
        "wifi_networks",
        _WIFI_NETWORKS,
        _WIFI_NETWORK,
        Field("certificate_file_path", "Path of the certificate."),
        Field(
            "certificate_file_password",
            "Password of the certificate. It is never shown. See O(update_password) for when it is sent.",
            secret=True,
        ),
        items="wifi_network_id",
    ),
    _setting(
        "saved_ap_settings",
        "Saved access points.",
        _switch("use_only_saved_ap", "the device connects only to saved access points", required_by_api=True),
    ),
    _setting(
        "mac_address_randomization_settings",
        "MAC address randomization.",
        _switch("allow_mac_address_randomization", "the device can use random MAC addresses"),
    ),
    _setting(
        "esper_edgebox_settings",
        "Esper Edgebox.",
        _switch("allow_esper_edgebox", "the device can use Esper Edgebox"),
    ),
    _setting(
        "app_layout_setting",
        "Layout of the launcher.",
        Field("brand_logo_position", "Position of the logo.", choices=_POSITIONS),
        Field("device_name_position", "Position of the device name.", choices=_POSITIONS),
        Field("app_icon_size", "Size of app icons.", choices=_ICON_SIZES),
        Field("app_name_size", "Size of app names.", choices=_TEXT_SIZES),
        Field(
            "device_name_and_id_display_policy",
            "Names of the device that the launcher shows.",
            choices=("NONE", "DEFAULT", "DEVICE_ID_ONLY", "ALIAS_NAME_ONLY", "DEVICE_ID_AND_ALIAS_NAME"),
        ),
        Field("device_name_size", "Size of the device name.", choices=_TEXT_SIZES),
        Field("device_alias_size", "Size of the device alias.", choices=_TEXT_SIZES),
        _number(
            "custom_app_icon_size",
            f"Size of app icons for V(CUSTOM_ICON), from 20 to 100. {_NO_UNIT}",
            validator=between(20, 100),
        ),
        _number(
            "custom_device_name_size",
            f"Size of the device name for V(CUSTOM_TEXT), from 20 to 100. {_NO_UNIT}",
            validator=between(20, 100),
        ),
        _number(
            "custom_device_alias_size",
            f"Size of the device alias for V(CUSTOM_TEXT), from 20 to 100. {_NO_UNIT}",
            validator=between(20, 100),
        ),
        _number(
            "custom_app_name_size",
            f"Size of app names for V(CUSTOM_TEXT), from 20 to 100. {_NO_UNIT}",
            validator=between(20, 100),
        ),
    ),
    _setting(
        "app_order_setting",
        "Order of apps in the launcher.",
        _dicts(
            "app_order_list",
            "Apps in their order. The list is replaced as a whole.",
            Field("type", "Type of the item.", choices=("SINGLE_APP",)),
            _id("name", "Package name of the app."),
        ),
    ),
)

_IOS = _dict(
    "ios",
    "Settings of Apple devices.",
    _dict(
        "kiosk_app",
        "App of the kiosk mode.",
        _id("app_id", "ID of the app."),
        Field("app_type", "Source of the app.", choices=_APPLE_APPS),
    ),
    _DEVICE_MODE,
    _setting(
        "local_app_install_settings",
        "Apps from other sources.",
        _switch(
            "allow_local_app_install",
            "users can install apps from other sources",
            required_by_api=True,
            server_default=True,
        ),
    ),
    _setting(
        "app_uninstall_settings",
        "Removal of apps.",
        _switch("allow_app_uninstallation", "users can uninstall apps", required_by_api=True, server_default=True),
    ),
    _setting(
        "bluetooth_settings",
        "Bluetooth.",
        _switch("edit_bluetooth", "users can change Bluetooth settings", required_by_api=True, server_default=True),
    ),
    _setting(
        "nfc_settings",
        "Near-field communication (NFC).",
        _switch("allow_nfc", "users can use NFC", required_by_api=True, server_default=True),
    ),
    _setting(
        "factory_reset_settings",
        "Factory reset by users.",
        _switch(
            "allow_factory_reset",
            "users can reset the device to factory settings",
            required_by_api=True,
            server_default=True,
        ),
    ),
    _setting(
        "screenshot_settings",
        "Screenshots.",
        _switch("allow_screenshot", "users can take screenshots", server_default=True),
    ),
    _setting(
        "custom_device_level_profile_settings",
        "Custom configuration profile.",
        Field("custom_profile", "Configuration profile, in API format."),
    ),
    _setting(
        "siri_settings", "Siri.", _switch("allow_siri", "users can use Siri", required_by_api=True, server_default=True)
    ),
    _setting(
        "tethering_settings",
        "Personal hotspot.",
        _switch("edit_hotspot", "users can change the hotspot settings", server_default=True),
    ),
    _setting(
        "camera_settings",
        "Camera.",
        _switch("allow_camera_access", "apps and users can use the camera", server_default=True),
    ),
    _setting(
        "hide_preloaded_apps_settings",
        "Preinstalled apps.",
        _switch("hide_preloaded_apps", "the device hides preinstalled apps", server_default=True),
    ),
    _setting(
        "time_date_settings",
        "Date and time.",
        _switch("force_automatic_time_date", "the device sets date and time automatically", server_default=False),
    ),
    _dicts("wifi_networks", _WIFI_NETWORKS, _WIFI_NETWORK, items="wifi_network_id"),
    _dicts(
        "apps",
        ("Apps of the blueprint, identified by O(settings.ios.apps[].app_id).", _KEPT),
        _PACKAGE,
        *_VERSION,
        *_APP_IDS,
        Field("state", "Visibility of the app.", choices=("SHOW",), required_by_api=True, create_default="SHOW"),
        Field(
            "app_type",
            "Source of the app. For an app with a package name, defaults to the type in the Esper API.",
            choices=_APPLE_APPS,
            required_by_api=True,
        ),
        Field("base64_app_config", "Configuration of the app, encoded in Base64."),
        items="app_id package_name",
    ),
    _dicts(
        "provisioning_profiles",
        ("Provisioning profiles, identified by ID.", _KEPT),
        _id("profile_id", "ID of the profile, a UUID.", required_by_api=True, validator=uuid),
        _id("profile_version_id", "ID of the profile version, a UUID.", required_by_api=True, validator=uuid),
        items="profile_id",
    ),
    _dict(
        "wallpaper_settings",
        _WALLPAPERS,
        _wallpaper("homescreen", "portrait"),
        _wallpaper("lockscreen", "portrait"),
    ),
    _setting(
        "web_content_settings",
        "Web content.",
        _texts("url_blocklist", "URLs that the device blocks. Compared without order.", items="set"),
        _texts("url_allowlist", "URLs that the device allows. Compared without order.", items="set"),
    ),
    _setting(
        "defer_os_updates",
        "Deferral of operating system updates.",
        _number("defer_os_updates_delay", "Deferral in days, from 0 to 90.", validator=between(0, 90)),
    ),
)

_LINUX = _dict(
    "linux",
    "Settings of Linux devices.",
    _scripts("Scripts in their order. The list is replaced as a whole."),
    _dict(
        "custom_actions_multiple",
        "Custom actions.",
        _dicts(
            "custom_actions",
            ("Custom actions, identified by ID.", _KEPT),
            _id("id", "ID of the custom action, a UUID.", required_by_api=True, validator=uuid),
            _id("options_key", "Key of an option of the custom action, a UUID.", required_by_api=True, validator=uuid),
            _APPLY_POLICY,
            items="id",
        ),
    ),
    _dicts(
        "files",
        _FILES_DOC,
        _CONTENT,
        _id(
            "file_id",
            "ID of the content file, a number, instead of its name.",
            type="int",
            required_by_api=True,
            normalize=_content_id,
        ),
        _DESTINATION,
        items=_FILES,
    ),
)


def _hours(name: str, doc: str, hour: int) -> Field:
    time = _number(
        "time", "Hour of the day, from 0 to 23.", required_by_api=True, server_default=hour, validator=between(0, 23)
    )
    return _setting(name, doc, time, required_by_api=True)


def _deferral(name: str, doc: str, days: int) -> Field:
    text = f"Deferral in days, from 0 to {days}."
    defer_days = _number("defer_days", text, required_by_api=True, server_default=0, validator=between(0, days))
    return _setting(name, doc, defer_days, required_by_api=True)


_WINDOWS = _dict(
    "windows",
    "Settings of Windows devices.",
    _dict(
        "active_hours_settings",
        "Active hours, during which the device installs no updates. If the setting is new, start and end are required.",
        _hours("active_hours_start", "Start of the active hours.", 8),
        _hours("active_hours_end", "End of the active hours.", 17),
    ),
    _dicts(
        "apps",
        ("Apps of the blueprint, identified by O(settings.windows.apps[].app_id).", _KEPT),
        _PACKAGE,
        *_VERSION,
        *_APP_IDS,
        Field("state", "Visibility of the app.", choices=("SHOW",), required_by_api=True, create_default="SHOW"),
        Field(
            "app_type",
            "Source of the app. For an app with a package name, defaults to the type in the Esper API.",
            choices=("TENANT_WINDOWS", "ESPER_WINDOWS"),
            required_by_api=True,
        ),
        Field("base64_app_config", "Configuration of the app, encoded in Base64."),
        items="app_id package_name",
    ),
    _setting(
        "auto_update_settings",
        "Automatic updates.",
        Field(
            "auto_update_type",
            "V(DEFAULT) is the behavior of Windows, V(OFF) turns automatic updates off.",
            choices=("DEFAULT", "OFF"),
            required_by_api=True,
            server_default="DEFAULT",
        ),
    ),
    _BLUETOOTH,
    _CAMERA,
    _scripts(
        "Scripts in their order, at most 10. The list is replaced as a whole.",
        at_most(10),
        interpreter=255,
        alias=100,
        description=300,
    ),
    _DEVICE_MODE,
    _dict(
        "defer_os_updates",
        "Deferral of operating system updates. If the setting is new, both kinds of updates are required.",
        _deferral("quality_updates", "Quality updates.", 30),
        _deferral("feature_updates", "Feature updates.", 365),
    ),
    _FACTORY_RESET,
    _dict(
        "kiosk_settings",
        "Kiosk mode.",
        _dict(
            "win32_single_app_config",
            "A single desktop app.",
            Field("name", "Name of the kiosk profile."),
            Field("desktop_app_path", "Absolute path of the program."),
            _switch("auto_launch", "the program starts automatically", server_default=True),
            Field("auto_launch_arguments", "Arguments of the program.", server_default=""),
            _switch("hide_taskbar", "the device hides the taskbar", server_default=True),
            _switch(
                "hide_start_recommended_section",
                "the device hides the recommendations of the start menu",
                server_default=True,
            ),
            _switch("hide_power_button", "the device hides the power button", server_default=False),
        ),
    ),
    _setting(
        "pause_os_updates",
        "Pause of updates.",
        _switch(
            "pause_os_updates", "the device pauses operating system updates", required_by_api=True, server_default=False
        ),
    ),
    _TIMEZONE,
    _setting(
        "unenrollment_settings",
        "Unenrollment.",
        _switch("allow_unenrollment_from_device", "users can unenroll the device", required_by_api=True),
    ),
    _dict(
        "wallpaper_settings",
        _WALLPAPERS,
        _wallpaper("homescreen", "landscape", validator=uuid),
        _wallpaper("lockscreen", "landscape", validator=uuid),
    ),
    _dicts("wifi_networks", _WIFI_NETWORKS, _WIFI_NETWORK, items="wifi_network_id"),
)

# Fields that the names of apps and content files stand for: see blueprint_names.py.
_LOOKED_UP = frozenset({"app_id", "app_version_id", "file_id", "type", "app_type"})


def _documented(field: Field) -> Field:
    """Return a field with the sentences that follow from its attributes, and all fields in it."""
    sentences = [] if isinstance(field.doc, tuple) else [field.doc]
    if field.required_by_api and field.create_default is None and field.name not in _LOOKED_UP:
        sentences.append("Required if new.")
    if field.create_default is not None:
        sentences.append(f"Defaults to V({field.create_default}) if new.")
    if field.server_default not in (None, ""):
        shown = str(field.server_default).lower() if isinstance(field.server_default, bool) else field.server_default
        sentences.append(f"Without the setting, devices use V({shown}).")
    doc = " ".join(sentences) if isinstance(field.doc, str) else (*field.doc, *sentences)
    return replace(field, doc=doc, fields=tuple(map(_documented, field.fields)))


# A platform that the task omits is never changed, not even with exact.
_SETTINGS = _dict(
    "settings",
    (
        "Settings of the blueprint for each platform. The names are those of the Esper API.",
        "The module merges dictionaries with the settings of the blueprint and replaces lists as a whole. In lists of"
        " apps, files, networks, profiles and custom actions it merges the items.",
        "Most settings have an C(apply_policy). V(ALWAYS APPLY) applies the setting to all devices, V(PROVISION ONLY)"
        " only to devices that are provisioned. V(IGNORE) does not change devices.",
        "A setting or list item is new if the blueprint does not have it yet. Only then, an option that is required if"
        " new must be set.",
    ),
    _ANDROID,
    _IOS,
    _LINUX,
    _WINDOWS,
    exempt_from_exact=True,
    returns=(
        "Settings by platform, without passwords.",
        "The names are those of the suboptions of O(esper.cloud.blueprint#module:settings).",
        "Apps and files also have their names. A name is null if the app or content file does not exist.",
    ),
    sample={"android": {"device_mode_settings": {"apply_policy": "ALWAYS APPLY", "device_mode": "KIOSK"}}},
)

SETTINGS = _documented(_SETTINGS)
