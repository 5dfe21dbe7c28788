# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of blueprints as data: settingsV2 of the contract (v2.yaml), for each platform what it has.

Names are the contract's own, its misspelt ones included. What it requires is essential here; beyond that, a setting
that is new is always applied, an app that is new is shown, and so on, unless the task says otherwise: see ``initial``.
Apps, versions and contents may be given by name: see blueprint_names.py, which fills in their ids.
"""

from __future__ import annotations

import typing as t

from ..base.validators import between, length, uuid
from ..base.validators import count as at_most
from ..model.field import Field

_APPLY_POLICY = Field("apply_policy", choices=("ALWAYS APPLY", "IGNORE", "PROVISION ONLY"), initial="ALWAYS APPLY")
_POSITIONS = ("BOTTOM_LEFT", "BOTTOM_RIGHT", "TOP_LEFT", "TOP_RIGHT")
_ICON_SIZES = ("SMALL_ICON", "MEDIUM_ICON", "LARGE_ICON", "DEFAULT_ICON", "CUSTOM_ICON")
_TEXT_SIZES = ("SMALL_TEXT", "MEDIUM_TEXT", "LARGE_TEXT", "DEFAULT_TEXT", "CUSTOM_TEXT")
_APPLE_APPS = ("VPP", "TENANT_IOS", "ESPER_IOS", "WEBCLIP", "PRELOADED")


def _dict(name: str, *fields: Field, **more: t.Any) -> Field:
    return Field(name, type="dict", fields=fields, **more)


def _setting(name: str, *fields: Field, **more: t.Any) -> Field:
    """A setting with its policy: when devices apply it."""
    return _dict(name, _APPLY_POLICY, *fields, **more)


def _switch(name: str, **more: t.Any) -> Field:
    return Field(name, type="bool", **more)


def _number(name: str, **more: t.Any) -> Field:
    return Field(name, type="int", **more)


def _texts(name: str, **more: t.Any) -> Field:
    return Field(name, type="list", elements="str", **more)


def _dicts(name: str, *fields: Field, **more: t.Any) -> Field:
    return Field(name, type="list", elements="dict", fields=fields, **more)


def _content_id(value: t.Any) -> t.Any:
    """The id of a content, a number: Android's files have it as text, those of Linux as it is."""
    return int(value) if str(value).isdecimal() else value


# What stands for the ids of an app and its version.
_PACKAGE = Field("package_name", sent=False)
_VERSION = (Field("version_name", sent=False), _number("version_code", sent=False))
_CONTENT = Field("content", sent=False)
# One content may go to two places. A content that was uploaded anew has another id, but its name.
_FILES = "file_id+destination_path file_id content"

_DEVICE_MODE = _setting("device_mode_settings", Field("device_mode", choices=("KIOSK", "MULTI APP")))
_TIMEZONE = _setting("timezone_settings", Field("timezone"))
_CAMERA = _setting("camera_settings", _switch("allow_camera_access"))
_FACTORY_RESET = _setting("factory_reset_settings", _switch("allow_factory_reset", essential=True))
_BLUETOOTH = _setting(
    "bluetooth_settings",
    _switch("allow_bluetooth", essential=True),
    Field("bluetooth_state", choices=("ENABLE", "DISABLE")),
    Field("drift_policy", choices=("IGNORE", "LOG ONLY", "MINOR", "MAJOR", "CRITICAL"), default="IGNORE"),
)
_WIFI_NETWORK = Field("wifi_network_id", essential=True)


def _wallpaper(screen: str, *orientations: str, **more: t.Any) -> Field:
    return _setting(screen, *(_dict(each, Field("wallpaper_id", **more)) for each in orientations))


def _scripts(check: t.Callable[[t.Any], str] | None = None, **lengths: int) -> Field:
    """Shell scripts. Their order may matter, so that the list is a value."""

    def limited(name: str) -> dict[str, t.Any]:
        return {"check": length(0, lengths[name])} if name in lengths else {}

    scripts = _dicts(
        "shell_scripts",
        _APPLY_POLICY,
        Field("script", essential=True),
        Field("interpreter", essential=True, **limited("interpreter")),
        Field("alias", essential=True, **limited("alias")),
        Field("description", **limited("description")),
        **({"check_all": check} if check else {}),
    )
    return _dict("custom_shell_scripts_multiple", scripts)


def _numbers(name: str, *more: Field) -> Field:
    return _setting(
        name,
        _switch("allow_all_numbers", essential=True),
        *more,
        _texts("allowed_numbers", items="set"),
        _texts("tags", items="set"),
    )


def _volume(what: str) -> Field:
    return _setting(f"{what}_settings", _number(f"{what}_volume"))


def _esper_app(name: str) -> Field:
    """Who may use a part of the Esper Settings app."""
    return Field(name, choices=("NONE", "USER", "ADMIN", "BOTH"))


_GOOGLE_SERVICES = _dict(
    "google_services_settings",
    _setting("afw_account_settings", _switch("allow_afw_account_addition", essential=True), essential=True),
    _setting("personal_accounts_settings", _number("personal_accounts_limit_value", essential=True), essential=True),
    _setting("play_store_settings", _switch("allow_playstore", essential=True), essential=True),
    _setting("google_assitant_settings", _switch("allow_google_assistant", essential=True), essential=True),
    _setting(
        "factory_reset_protection_settings",
        Field("google_id", essential=True),
        Field("email", essential=True),
        essential=True,
    ),
)

_ESPER_SETTINGS_APP = _setting(
    "esper_settings_apps_settings",
    _switch("allow_dock"),
    Field("admin_mode_password", secret=True),
    _switch("allow_esper_settings_app"),
    _dict(
        "settings",
        *map(
            _esper_app,
            (
                "flashlight",
                "wifi",
                "auto_rotation",
                "reboot",
                "clear_app_data",
                "kiosk_app_selection",
                "esper_branding",
                "factory_reset",
                "about",
                "display",
                "sound",
                "keyboard",
                "input_selection",
                "accessibility",
                "accessibility_reset_to_default",
                "accessibility_high_contrast_text",
                "accessibility_cc_deuteranomaly",
                "accessibility_cc_protanomaly",
                "accessibility_cc_tritanomaly",
                "accessibility_mono_audio",
                "accessibility_display_size",
                "accessibility_font_scale",
                "accessibility_talkback",
                "accessibility_text_to_speech",
                "mobile_data",
                "bluetooth",
                "language",
                "time_and_date",
                "storage",
                "data_roaming",
                "wifi_tethering",
                "airplane_mode",
            ),
        ),
        essential=True,
    ),
)

_ANDROID_APPS = _dicts(
    "apps",
    Field("package_name", essential=True),
    *_VERSION,
    Field("app_id", essential=True),
    Field("app_version_id", essential=True),
    Field(
        "installation_rule",
        choices=("POST PROVISIONING", "DURING PROVISIONING"),
        essential=True,
        initial="DURING PROVISIONING",
    ),
    Field("state", choices=("SHOW", "HIDE", "DISABLE", "LAUNCHABLE_BUT_HIDDEN"), essential=True, initial="SHOW"),
    Field("managed_config", type="dict"),
    Field("type", choices=("PRELOADED", "ENTERPRISE", "PLAYSTORE"), essential=True),
    Field(
        "auto_update_mode",
        choices=("autoUpdateDefault", "autoUpdateHighPriority", "autoUpdatePostponed"),
        essential=True,
        initial="autoUpdateDefault",
    ),
    items="package_name",
)

_ANDROID = _dict(
    "android",
    _DEVICE_MODE,
    _setting("launcher_settings", Field("launcher", choices=("ESPER", "DEFAULT"), essential=True)),
    _setting("local_app_install_settings", _switch("allow_local_app_install", essential=True)),
    _setting("app_uninstall_settings", _switch("allow_app_uninstallation", essential=True)),
    _setting(
        "app_permission_policy_settings",
        Field("permission_policy", choices=("ALLOW AUTOMATICALLY", "DENY", "ASK USER"), essential=True),
    ),
    _setting(
        "wifi_settings",
        _switch("allow_wifi", essential=True),
        Field("wifi_state", choices=("ENABLE", "DISABLE"), essential=True),
    ),
    _BLUETOOTH,
    _setting("sms_settings", _switch("allow_sms", essential=True)),
    _setting("nfc_settings", _switch("allow_nfc", essential=True)),
    _numbers("incoming_numbers_settings"),
    _numbers("outgoing_numbers_settings", _switch("allow_ussd_codes", default=False)),
    _setting(
        "ethernet_settings",
        Field("auth_mode", choices=("NONE", "EAP-TLS")),
        Field("ca_cert_alias"),
        Field("client_cert_alias"),
        Field("eap_identity"),
    ),
    _setting("adb_settings", _switch("allow_adb", essential=True)),
    _setting("safe_boot_settings", _switch("allow_safe_boot", essential=True)),
    _FACTORY_RESET,
    _setting("screen_timeout_settings", _number("screentimeout_value", essential=True)),
    _setting(
        "lock_screen_settings",
        Field(
            "password_quality",
            choices=("NONE", "ALPHABETIC", "NUMERIC", "ALPHANUMERIC", "COMPLEX", "BIOMETRIC_WEAK"),
            essential=True,
        ),
        _number("minimum_password_length"),
        _switch("allow_keyguard", essential=True),
    ),
    _setting("brightness_settings", Field("brightness_value")),
    _setting(
        "screen_orientation_settings",
        Field(
            "orientation_type",
            choices=("PORTRAIT", "LANDSCAPE", "INVERTED PORTRAIT", "INVERTED LANDSCAPE", "AUTO"),
        ),
    ),
    _setting("screenshot_settings", _switch("allow_screenshot")),
    _setting("notification_bar_settings", _switch("allow_notification_bar")),
    _dict(
        "wallpaper_settings",
        _wallpaper("homescreen", "portrait", "landscape"),
        _wallpaper("lockscreen", "portrait"),
    ),
    _ESPER_SETTINGS_APP,
    _setting("android_settings_app_settings", _switch("allow_android_settings_app", essential=True)),
    _setting("customized_device_level_json_settings", Field("customized_json", type="dict", essential=True)),
    _GOOGLE_SERVICES,
    _setting("external_device_settings", _switch("allow_external_device_mount")),
    _setting("usb_tethering_settings", _switch("allow_usb_tethering")),
    _setting("file_transfer_settings", _switch("allow_file_transfer")),
    _CAMERA,
    _setting("location_settings", _switch("allow_location")),
    _dict("sound_settings", *map(_volume, ("alarm", "music", "ringtone", "notification", "voice_call"))),
    _setting(
        "system_updates_settings",
        Field(
            "system_update_policy_type",
            choices=(
                "UPDATE AUTOMATICALLY",
                "POSTPONE INSTALLATION",
                "WINDOWED INSTALLATION",
                "DISABLE UPDATE",
                "DEFAULT UPDATE",
            ),
        ),
        Field("maintenance_start"),
        Field("maintenance_end"),
    ),
    _setting("time_date_settings", _switch("allow_edit_time_date")),
    _TIMEZONE,
    _setting("language_settings", Field("device_locale")),
    _setting("strict_wifi_synchronization_settings", _switch("allow_strict_wifi_synchronization")),
    _setting("strict_app_synchronization_settings", _switch("allow_strict_app_synchronization")),
    _ANDROID_APPS,
    _dicts(
        "files",
        _CONTENT,
        Field("file_id", essential=True, normalise=str),
        Field("destination_path", essential=True),
        items=_FILES,
    ),
    _dicts(
        "wifi_networks",
        _WIFI_NETWORK,
        Field("certificate_file_path"),
        Field("certificate_file_password", secret=True),
        items="wifi_network_id",
    ),
    _setting("saved_ap_settings", _switch("use_only_saved_ap", essential=True)),
    _setting("mac_address_randomization_settings", _switch("allow_mac_address_randomization")),
    _setting("esper_edgebox_settings", _switch("allow_esper_edgebox")),
    _setting(
        "app_layout_setting",
        Field("brand_logo_position", choices=_POSITIONS),
        Field("device_name_position", choices=_POSITIONS),
        Field("app_icon_size", choices=_ICON_SIZES),
        Field("app_name_size", choices=_TEXT_SIZES),
        Field(
            "device_name_and_id_display_policy",
            choices=("NONE", "DEFAULT", "DEVICE_ID_ONLY", "ALIAS_NAME_ONLY", "DEVICE_ID_AND_ALIAS_NAME"),
        ),
        Field("device_name_size", choices=_TEXT_SIZES),
        Field("device_alias_size", choices=_TEXT_SIZES),
        _number("custom_app_icon_size", check=between(20, 100)),
        _number("custom_device_name_size", check=between(20, 100)),
        _number("custom_device_alias_size", check=between(20, 100)),
        _number("custom_app_name_size", check=between(20, 100)),
    ),
    _setting("app_order_setting", _dicts("app_order_list", Field("type", choices=("SINGLE_APP",)), Field("name"))),
)

_IOS = _dict(
    "ios",
    _dict("kiosk_app", Field("app_id"), Field("app_type", choices=_APPLE_APPS)),
    _DEVICE_MODE,
    _setting("local_app_install_settings", _switch("allow_local_app_install", essential=True, default=True)),
    _setting("app_uninstall_settings", _switch("allow_app_uninstallation", essential=True, default=True)),
    _setting("bluetooth_settings", _switch("edit_bluetooth", essential=True, default=True)),
    _setting("nfc_settings", _switch("allow_nfc", essential=True, default=True)),
    _setting("factory_reset_settings", _switch("allow_factory_reset", essential=True, default=True)),
    _setting("screenshot_settings", _switch("allow_screenshot", default=True)),
    _setting("custom_device_level_profile_settings", Field("custom_profile")),
    _setting("siri_settings", _switch("allow_siri", essential=True, default=True)),
    _setting("tethering_settings", _switch("edit_hotspot", default=True)),
    _setting("camera_settings", _switch("allow_camera_access", default=True)),
    _setting("hide_preloaded_apps_settings", _switch("hide_preloaded_apps", default=True)),
    _setting("time_date_settings", _switch("force_automatic_time_date", default=False)),
    _dicts("wifi_networks", _WIFI_NETWORK, items="wifi_network_id"),
    _dicts(
        "apps",
        _PACKAGE,
        *_VERSION,
        Field("app_id", essential=True),
        Field("app_version_id", essential=True),
        Field("state", choices=("SHOW",), essential=True, initial="SHOW"),
        Field("app_type", choices=_APPLE_APPS, essential=True),
        Field("base64_app_config"),
        items="app_id package_name",
    ),
    _dicts(
        "provisioning_profiles",
        Field("profile_id", essential=True, check=uuid),
        Field("profile_version_id", essential=True, check=uuid),
        items="profile_id",
    ),
    _dict("wallpaper_settings", _wallpaper("homescreen", "portrait"), _wallpaper("lockscreen", "portrait")),
    _setting("web_content_settings", _texts("url_blocklist", items="set"), _texts("url_allowlist", items="set")),
    _setting("defer_os_updates", _number("defer_os_updates_delay", check=between(0, 90))),
)

_LINUX = _dict(
    "linux",
    _scripts(),
    _dict(
        "custom_actions_multiple",
        _dicts(
            "custom_actions",
            Field("id", essential=True, check=uuid),
            Field("options_key", essential=True, check=uuid),
            _APPLY_POLICY,
            items="id",
        ),
    ),
    _dicts(
        "files",
        _CONTENT,
        _number("file_id", essential=True, normalise=_content_id),
        Field("destination_path", essential=True),
        items=_FILES,
    ),
)


def _hours(name: str, hour: int) -> Field:
    return _setting(name, _number("time", essential=True, default=hour, check=between(0, 23)), essential=True)


def _deferral(name: str, days: int) -> Field:
    return _setting(name, _number("defer_days", essential=True, default=0, check=between(0, days)), essential=True)


_WINDOWS = _dict(
    "windows",
    _dict("active_hours_settings", _hours("active_hours_start", 8), _hours("active_hours_end", 17)),
    _dicts(
        "apps",
        _PACKAGE,
        *_VERSION,
        Field("app_id", essential=True),
        Field("app_version_id", essential=True),
        Field("state", choices=("SHOW",), essential=True, initial="SHOW"),
        Field("app_type", choices=("TENANT_WINDOWS", "ESPER_WINDOWS"), essential=True),
        Field("base64_app_config"),
        items="app_id package_name",
    ),
    _setting(
        "auto_update_settings",
        Field("auto_update_type", choices=("DEFAULT", "OFF"), essential=True, default="DEFAULT"),
    ),
    _BLUETOOTH,
    _CAMERA,
    _scripts(at_most(10), interpreter=255, alias=100, description=300),
    _DEVICE_MODE,
    _dict("defer_os_updates", _deferral("quality_updates", 30), _deferral("feature_updates", 365)),
    _FACTORY_RESET,
    _dict(
        "kiosk_settings",
        _dict(
            "win32_single_app_config",
            Field("name"),
            Field("desktop_app_path"),
            _switch("auto_launch", default=True),
            Field("auto_launch_arguments", default=""),
            _switch("hide_taskbar", default=True),
            _switch("hide_start_recommended_section", default=True),
            _switch("hide_power_button", default=False),
        ),
    ),
    _setting("pause_os_updates", _switch("pause_os_updates", essential=True, default=False)),
    _TIMEZONE,
    _setting("unenrollment_settings", _switch("allow_unenrollment_from_device", essential=True)),
    _dict(
        "wallpaper_settings",
        _wallpaper("homescreen", "landscape", check=uuid),
        _wallpaper("lockscreen", "landscape", check=uuid),
    ),
    _dicts("wifi_networks", _WIFI_NETWORK, items="wifi_network_id"),
)

# A platform that a task does not mention is never touched, not even by one that wants another to be exact.
SETTINGS = _dict("settings", _ANDROID, _IOS, _LINUX, _WINDOWS, partial=True)
