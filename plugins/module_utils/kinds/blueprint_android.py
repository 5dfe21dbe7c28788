# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Android devices in blueprints."""

from __future__ import annotations

from ..base.validators import in_range
from ..model.field import Field
from .blueprint_fields import (
    ANDROID_APPS,
    BLUETOOTH,
    CAMERA,
    DEVICE_MODE,
    FACTORY_RESET,
    NO_FORMAT,
    NO_UNIT,
    TIMEZONE,
    WALLPAPERS,
    dict_field,
    dict_list,
    files,
    identifier,
    number,
    setting,
    switch,
    text_list,
    wallpaper,
    wifi_networks,
)

_POSITIONS = ("BOTTOM_LEFT", "BOTTOM_RIGHT", "TOP_LEFT", "TOP_RIGHT")
_ICON_SIZES = ("SMALL_ICON", "MEDIUM_ICON", "LARGE_ICON", "DEFAULT_ICON", "CUSTOM_ICON")
_TEXT_SIZES = ("SMALL_TEXT", "MEDIUM_TEXT", "LARGE_TEXT", "DEFAULT_TEXT", "CUSTOM_TEXT")


def _numbers(name: str, doc: str, can: str, *more: Field) -> Field:
    """Return the setting of incoming or outgoing calls. ``can`` completes the sentence "phone numbers that ..."."""
    return setting(
        name,
        doc,
        switch("allow_all_numbers", f"all phone numbers {can}", required_by_api=True),
        *more,
        text_list("allowed_numbers", f"Phone numbers that {can}. {NO_FORMAT} Compared without order.", list_type="set"),
        text_list("tags", f"Tags of phone numbers. {NO_FORMAT} Compared without order.", list_type="set"),
    )


def _volume(source: str, plural: str) -> Field:
    """Return the setting of a volume."""
    volume = number(f"{source}_volume", f"Volume of {plural}. {NO_UNIT}")
    return setting(f"{source}_settings", f"Volume of {plural}.", volume)


def _access(part: tuple[str, str]) -> Field:
    """Return the access level of a part of the Esper Settings app."""
    name, what = part
    return Field(name, f"Access level of {what}.", choices=("NONE", "USER", "ADMIN", "BOTH"))


_GOOGLE_SERVICES = dict_field(
    "google_services_settings",
    "Google services. If you set one of the five parts and the setting is new, all five are required.",
    setting(
        "afw_account_settings",
        "Android for Work accounts.",
        switch("allow_afw_account_addition", "users can add Android for Work accounts", required_by_api=True),
        required_by_api=True,
    ),
    setting(
        "personal_accounts_settings",
        "Personal Google accounts.",
        number("personal_accounts_limit_value", "Maximum number of personal accounts.", required_by_api=True),
        required_by_api=True,
    ),
    setting(
        "play_store_settings",
        "Google Play store.",
        switch("allow_playstore", "users can use the Google Play store", required_by_api=True),
        required_by_api=True,
    ),
    setting(
        "google_assitant_settings",
        "Google Assistant. The Esper API misspells the name of this setting.",
        switch("allow_google_assistant", "users can use Google Assistant", required_by_api=True),
        required_by_api=True,
    ),
    setting(
        "factory_reset_protection_settings",
        "Account that can unlock a device after a factory reset (factory reset protection).",
        Field("google_id", "Google People ID of the account.", required_by_api=True),
        Field("email", "Email address of the account.", required_by_api=True),
        required_by_api=True,
    ),
)

_ESPER_SETTINGS_APP = setting(
    "esper_settings_apps_settings",
    "Esper Settings app on the device.",
    switch("allow_dock", "users can use the dock"),
    Field(
        "admin_mode_password",
        "Password of the admin mode. It is never shown. See O(update_password) for when it is sent.",
        secret=True,
    ),
    switch("allow_esper_settings_app", "users can open the app"),
    dict_field(
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

ANDROID = dict_field(
    "android",
    "Settings of Android devices.",
    DEVICE_MODE,
    setting(
        "launcher_settings",
        "Launcher.",
        Field(
            "launcher",
            "V(ESPER) is the Esper launcher, V(DEFAULT) is the launcher of the device.",
            choices=("ESPER", "DEFAULT"),
            required_by_api=True,
        ),
    ),
    setting(
        "local_app_install_settings",
        "Apps from unknown sources.",
        switch("allow_local_app_install", "users can install apps from unknown sources", required_by_api=True),
    ),
    setting(
        "app_uninstall_settings",
        "Removal of apps.",
        switch("allow_app_uninstallation", "users can uninstall apps", required_by_api=True),
    ),
    setting(
        "app_permission_policy_settings",
        "Permissions of apps.",
        Field(
            "permission_policy",
            "Decision about the permissions that apps request at run time.",
            choices=("ALLOW AUTOMATICALLY", "DENY", "ASK USER"),
            required_by_api=True,
        ),
    ),
    setting(
        "wifi_settings",
        "Wi-Fi.",
        switch("allow_wifi", "users can turn Wi-Fi on and off", required_by_api=True),
        Field(
            "wifi_state",
            "V(ENABLE) turns Wi-Fi on, V(DISABLE) turns it off.",
            choices=("ENABLE", "DISABLE"),
            required_by_api=True,
        ),
    ),
    BLUETOOTH,
    setting("sms_settings", "Text messages.", switch("allow_sms", "users can use text messages", required_by_api=True)),
    setting(
        "nfc_settings",
        "Near-field communication (NFC).",
        switch("allow_nfc", "users can use NFC", required_by_api=True),
    ),
    _numbers("incoming_numbers_settings", "Incoming calls.", "can call the device"),
    _numbers(
        "outgoing_numbers_settings",
        "Outgoing calls.",
        "can be called from the device",
        switch("allow_ussd_codes", "users can dial USSD codes", server_default=False),
    ),
    setting(
        "ethernet_settings",
        "Ethernet authentication.",
        Field("auth_mode", "Authentication method.", choices=("NONE", "EAP-TLS")),
        Field("ca_cert_alias", "Alias of the CA certificate."),
        Field("client_cert_alias", "Alias of the client certificate."),
        Field("eap_identity", "EAP identity."),
    ),
    setting(
        "adb_settings",
        "Android Debug Bridge (ADB).",
        switch("allow_adb", "users can use ADB", required_by_api=True),
    ),
    setting(
        "safe_boot_settings",
        "Safe mode.",
        switch("allow_safe_boot", "users can start the device in safe mode", required_by_api=True),
    ),
    FACTORY_RESET,
    setting(
        "screen_timeout_settings",
        "Screen timeout.",
        number("screentimeout_value", f"Time until the screen turns off. {NO_UNIT}", required_by_api=True),
    ),
    setting(
        "lock_screen_settings",
        "Lock screen.",
        Field(
            "password_quality",
            "Required quality of the device password.",
            choices=("NONE", "ALPHABETIC", "NUMERIC", "ALPHANUMERIC", "COMPLEX", "BIOMETRIC_WEAK"),
            required_by_api=True,
        ),
        number("minimum_password_length", "Minimum length of the device password in characters."),
        switch("allow_keyguard", "the device has a lock screen", required_by_api=True),
    ),
    setting(
        "brightness_settings",
        "Screen brightness.",
        Field("brightness_value", f"Brightness, as text. {NO_UNIT}", numbers=True),
    ),
    setting(
        "screen_orientation_settings",
        "Screen orientation.",
        Field(
            "orientation_type",
            "Orientation of the screen.",
            choices=("PORTRAIT", "LANDSCAPE", "INVERTED PORTRAIT", "INVERTED LANDSCAPE", "AUTO"),
        ),
    ),
    setting("screenshot_settings", "Screenshots.", switch("allow_screenshot", "users can take screenshots")),
    setting(
        "notification_bar_settings",
        "Notification bar.",
        switch("allow_notification_bar", "users can open the notification bar"),
    ),
    dict_field(
        "wallpaper_settings",
        WALLPAPERS,
        wallpaper("homescreen", "portrait", "landscape"),
        wallpaper("lockscreen", "portrait"),
    ),
    _ESPER_SETTINGS_APP,
    setting(
        "android_settings_app_settings",
        "Android Settings app.",
        switch("allow_android_settings_app", "users can open the Android Settings app", required_by_api=True),
    ),
    setting(
        "customized_device_level_json_settings",
        "Custom settings of the device in JSON.",
        Field(
            "customized_json",
            'Settings as a dictionary. Esper does not document the keys. Types count: V(8080) is not V("8080").',
            type="dict",
            required_by_api=True,
            opaque=True,
        ),
    ),
    _GOOGLE_SERVICES,
    setting(
        "external_device_settings",
        "External storage.",
        switch("allow_external_device_mount", "users can mount external storage"),
    ),
    setting("usb_tethering_settings", "USB tethering.", switch("allow_usb_tethering", "users can tether over USB")),
    setting(
        "file_transfer_settings",
        "File transfer over USB.",
        switch("allow_file_transfer", "users can transfer files over USB"),
    ),
    CAMERA,
    setting("location_settings", "Location.", switch("allow_location", "location services are on")),
    dict_field(
        "sound_settings",
        "Volumes.",
        _volume("alarm", "alarms"),
        _volume("music", "media"),
        _volume("ringtone", "ringtones"),
        _volume("notification", "notifications"),
        _volume("voice_call", "calls"),
    ),
    setting(
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
        Field("maintenance_start", f"Start of the maintenance window for V(WINDOWED INSTALLATION). {NO_FORMAT}"),
        Field("maintenance_end", f"End of the maintenance window for V(WINDOWED INSTALLATION). {NO_FORMAT}"),
    ),
    setting(
        "time_date_settings",
        "Date and time.",
        switch("allow_edit_time_date", "users can set date and time"),
    ),
    TIMEZONE,
    setting(
        "language_settings",
        "Language.",
        Field("device_locale", "Locale of the device, for example V(de-DE)."),
    ),
    setting(
        "strict_wifi_synchronization_settings",
        "Wi-Fi networks that the blueprint does not list.",
        switch("allow_strict_wifi_synchronization", "a converge removes these networks from the device"),
    ),
    setting(
        "strict_app_synchronization_settings",
        "Apps that the blueprint does not list.",
        switch("allow_strict_app_synchronization", "a converge removes these apps from the device"),
    ),
    ANDROID_APPS,
    files(identifier("file_id", "ID of the content file, instead of its name.", required_by_api=True, normalize=str)),
    wifi_networks(
        Field("certificate_file_path", "Path of the certificate."),
        Field(
            "certificate_file_password",
            "Password of the certificate. It is never shown. See O(update_password) for when it is sent.",
            secret=True,
        ),
    ),
    setting(
        "saved_ap_settings",
        "Saved access points.",
        switch("use_only_saved_ap", "the device connects only to saved access points", required_by_api=True),
    ),
    setting(
        "mac_address_randomization_settings",
        "MAC address randomization.",
        switch("allow_mac_address_randomization", "the device can use random MAC addresses"),
    ),
    setting(
        "esper_edgebox_settings",
        "Esper Edgebox.",
        switch("allow_esper_edgebox", "the device can use Esper Edgebox"),
    ),
    setting(
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
        number(
            "custom_app_icon_size",
            f"Size of app icons for V(CUSTOM_ICON). {NO_UNIT}",
            validator=in_range(20, 100),
        ),
        number(
            "custom_device_name_size",
            f"Size of the device name for V(CUSTOM_TEXT). {NO_UNIT}",
            validator=in_range(20, 100),
        ),
        number(
            "custom_device_alias_size",
            f"Size of the device alias for V(CUSTOM_TEXT). {NO_UNIT}",
            validator=in_range(20, 100),
        ),
        number(
            "custom_app_name_size",
            f"Size of app names for V(CUSTOM_TEXT). {NO_UNIT}",
            validator=in_range(20, 100),
        ),
    ),
    setting(
        "app_order_setting",
        "Order of apps in the launcher.",
        dict_list(
            "app_order_list",
            "Apps in their order. The list is replaced as a whole.",
            Field("type", "Type of the item.", choices=("SINGLE_APP",)),
            identifier("name", "Package name of the app."),
        ),
    ),
)
