# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of blueprints as data: settingsV2 of the contract (v2.yaml) for each platform. Those of Android are in
blueprint_android.py, those that several platforms have in blueprint_fields.py.

The names are those of the contract, misspelled ones included. Fields that the contract requires are
``required_by_api``. Some of them have a ``create_default``: by default, a new setting is always applied and a new app
is shown.
Names stand for the IDs of apps, content files and other objects: see ``references`` of the fields, blueprint_names.py
and blueprint_terms.py, which look up the IDs. An ID in a reference without such a name must be set by the task.
"""

from __future__ import annotations

import typing as t

from ..base.validators import in_range, max_items, uuid
from ..model.field import Field
from .blueprint_android import ANDROID
from .blueprint_fields import (
    APPLY_POLICY,
    BLUETOOTH,
    CAMERA,
    DEVICE_MODE,
    FACTORY_RESET,
    KEPT,
    NO_FORMAT,
    TIMEZONE,
    WALLPAPERS,
    WEBCLIPS,
    dict_field,
    dict_list,
    files,
    identifier,
    named,
    nameless,
    number,
    scripts,
    setting,
    switch,
    tenant_apps,
    text_list,
    wallpaper,
    wifi_networks,
)

_APPLE_APPS = ("VPP", "TENANT_IOS", "ESPER_IOS", "WEBCLIP", "PRELOADED")


def _content_id(value: t.Any) -> t.Any:
    """Return the ID of a content file as a number. Android files have it as text, Linux files as a number."""
    return int(value) if str(value).isdecimal() else value


_IOS = dict_field(
    "ios",
    "Settings of Apple devices.",
    dict_field(
        "kiosk_app",
        "App of the kiosk mode.",
        identifier("app_id", "ID of the app."),
        Field("app_type", "Source of the app.", choices=_APPLE_APPS),
        **nameless("tenant_app", "app_id"),
    ),
    DEVICE_MODE,
    setting(
        "local_app_install_settings",
        "Apps from other sources.",
        switch(
            "allow_local_app_install",
            "users can install apps from other sources",
            required_by_api=True,
            server_default=True,
        ),
    ),
    setting(
        "app_uninstall_settings",
        "Removal of apps.",
        switch("allow_app_uninstallation", "users can uninstall apps", required_by_api=True, server_default=True),
    ),
    setting(
        "bluetooth_settings",
        "Bluetooth.",
        switch("edit_bluetooth", "users can change Bluetooth settings", required_by_api=True, server_default=True),
    ),
    setting(
        "nfc_settings",
        "Near-field communication (NFC).",
        switch("allow_nfc", "users can use NFC", required_by_api=True, server_default=True),
    ),
    setting(
        "factory_reset_settings",
        "Factory reset by users.",
        switch(
            "allow_factory_reset",
            "users can reset the device to factory settings",
            required_by_api=True,
            server_default=True,
        ),
    ),
    setting(
        "screenshot_settings",
        "Screenshots.",
        switch("allow_screenshot", "users can take screenshots", server_default=True),
    ),
    setting(
        "custom_device_level_profile_settings",
        "Custom configuration profile.",
        Field("custom_profile", f"Configuration profile. {NO_FORMAT}"),
    ),
    setting(
        "siri_settings", "Siri.", switch("allow_siri", "users can use Siri", required_by_api=True, server_default=True)
    ),
    setting(
        "tethering_settings",
        "Personal hotspot.",
        switch("edit_hotspot", "users can change the hotspot settings", server_default=True),
    ),
    setting(
        "camera_settings",
        "Camera.",
        switch("allow_camera_access", "apps and users can use the camera", server_default=True),
    ),
    setting(
        "hide_preloaded_apps_settings",
        "Preinstalled apps.",
        switch("hide_preloaded_apps", "the device hides preinstalled apps", server_default=True),
    ),
    setting(
        "time_date_settings",
        "Date and time.",
        switch("force_automatic_time_date", "the device sets date and time automatically", server_default=False),
    ),
    wifi_networks(),
    tenant_apps("ios", *_APPLE_APPS, named_kinds=(WEBCLIPS,)),
    dict_list(
        "provisioning_profiles",
        ("Provisioning profiles, identified by name or ID.", KEPT),
        identifier("provisioning_profile", "Name of the provisioning profile, instead of its ID.", in_payload=False),
        identifier(
            "version",
            "UUID of the version that Apple assigned, instead of its ID. V(latest) selects the version that expires"
            " last, and is the default if the profile is new in the blueprint.",
            in_payload=False,
        ),
        identifier(
            "profile_id",
            "ID of the provisioning profile, instead of its name.",
            required_by_api=True,
            validator=uuid,
        ),
        identifier(
            "profile_version_id", "ID of the version, instead of its UUID.", required_by_api=True, validator=uuid
        ),
        list_type="map",
        map_keys=(("profile_id",), ("provisioning_profile",)),
        **named("provisioning_profile", provisioning_profile="profile_id", version="profile_version_id"),
    ),
    dict_field(
        "wallpaper_settings",
        WALLPAPERS,
        wallpaper("homescreen", "portrait"),
        wallpaper("lockscreen", "portrait"),
    ),
    setting(
        "web_content_settings",
        "Web content.",
        text_list("url_blocklist", "URLs that the device blocks. Compared without order.", list_type="set"),
        text_list("url_allowlist", "URLs that the device allows. Compared without order.", list_type="set"),
    ),
    setting(
        "defer_os_updates",
        "Deferral of operating system updates.",
        number("defer_os_updates_delay", "Deferral in days.", validator=in_range(0, 90)),
    ),
)

_LINUX = dict_field(
    "linux",
    "Settings of Linux devices.",
    scripts("Scripts in their order. The list is replaced as a whole."),
    dict_field(
        "custom_actions_multiple",
        "Custom actions.",
        dict_list(
            "custom_actions",
            ("Custom actions, identified by name or ID.", KEPT),
            identifier("custom_action", "Name of the custom action, instead of its ID.", in_payload=False),
            identifier(
                "option",
                "Label of an option of the custom action, instead of its key. Can be omitted if the custom action has"
                " only one.",
                in_payload=False,
            ),
            identifier("id", "ID of the custom action, instead of its name.", required_by_api=True, validator=uuid),
            identifier(
                "options_key",
                "Key of an option of the custom action, instead of its label.",
                required_by_api=True,
                validator=uuid,
            ),
            APPLY_POLICY,
            list_type="map",
            map_keys=(("id",), ("custom_action",)),
            **named("custom_action", custom_action="id", option="options_key"),
        ),
    ),
    files(
        identifier(
            "file_id",
            "ID of the content file, a number, instead of its name.",
            type="int",
            required_by_api=True,
            normalize=_content_id,
        ),
    ),
)


def _hours(name: str, doc: str, hour: int) -> Field:
    """Return a time of day with its policy."""
    time = number("time", "Hour of the day.", required_by_api=True, server_default=hour, validator=in_range(0, 23))
    return setting(name, doc, time, required_by_api=True)


def _deferral(name: str, doc: str, days: int) -> Field:
    """Return the deferral of a kind of updates, at most some days."""
    defer_days = number(
        "defer_days", "Deferral in days.", required_by_api=True, server_default=0, validator=in_range(0, days)
    )
    return setting(name, doc, defer_days, required_by_api=True)


_WINDOWS = dict_field(
    "windows",
    "Settings of Windows devices.",
    dict_field(
        "active_hours_settings",
        "Active hours, during which the device installs no updates. If the setting is new, start and end are required.",
        _hours("active_hours_start", "Start of the active hours.", 8),
        _hours("active_hours_end", "End of the active hours.", 17),
    ),
    tenant_apps("windows", "TENANT_WINDOWS", "ESPER_WINDOWS"),
    setting(
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
    BLUETOOTH,
    CAMERA,
    scripts(
        "Scripts in their order. The list is replaced as a whole.",
        max_items(10),
        interpreter=255,
        alias=100,
        description=300,
    ),
    DEVICE_MODE,
    dict_field(
        "defer_os_updates",
        "Deferral of operating system updates. If the setting is new, both kinds of updates are required.",
        _deferral("quality_updates", "Quality updates.", 30),
        _deferral("feature_updates", "Feature updates.", 365),
    ),
    FACTORY_RESET,
    dict_field(
        "kiosk_settings",
        "Kiosk mode.",
        dict_field(
            "win32_single_app_config",
            "A single desktop app.",
            Field("name", "Name of the kiosk profile."),
            Field("desktop_app_path", "Absolute path of the program."),
            switch("auto_launch", "the program starts automatically", server_default=True),
            Field("auto_launch_arguments", "Arguments of the program.", server_default=""),
            switch("hide_taskbar", "the device hides the taskbar", server_default=True),
            switch(
                "hide_start_recommended_section",
                "the device hides the recommendations of the start menu",
                server_default=True,
            ),
            switch("hide_power_button", "the device hides the power button", server_default=False),
        ),
    ),
    setting(
        "pause_os_updates",
        "Pause of updates.",
        switch(
            "pause_os_updates", "the device pauses operating system updates", required_by_api=True, server_default=False
        ),
    ),
    TIMEZONE,
    setting(
        "unenrollment_settings",
        "Unenrollment.",
        switch("allow_unenrollment_from_device", "users can unenroll the device", required_by_api=True),
    ),
    dict_field(
        "wallpaper_settings",
        WALLPAPERS,
        wallpaper("homescreen", "landscape", validator=uuid),
        wallpaper("lockscreen", "landscape", validator=uuid),
    ),
    wifi_networks(),
)

# A platform that the task omits is never changed, not even with exact.
SETTINGS = dict_field(
    "settings",
    (
        "Settings of the blueprint for each platform. The names are those of the Esper API.",
        "The module merges dictionaries with the settings of the blueprint and replaces lists as a whole. In lists of"
        " apps, files, networks, profiles and custom actions it merges the items.",
        "Most settings have the option C(apply_policy). V(ALWAYS APPLY) applies the setting to all devices,"
        " V(PROVISION ONLY) only to devices that are provisioned. V(IGNORE) does not change devices.",
        "A setting or list item is new if the blueprint does not have it yet. Options that are required if new can be"
        " omitted for existing settings and list items.",
    ),
    ANDROID,
    _IOS,
    _LINUX,
    _WINDOWS,
    exempt_from_exact=True,
    returns=(
        "Settings by platform, without passwords.",
        "The names are those of the suboptions of O(esper.cloud.blueprint#module:settings).",
        "M(esper.cloud.blueprint) also returns the names of the apps, files and other objects that the task lists."
        " M(esper.cloud.blueprint_info) returns the names of all of them, unless"
        " O(esper.cloud.blueprint_info#module:resolve_names=false).",
        "A name is null if the object does not exist, or if several objects have the same name.",
    ),
    sample={"android": {"device_mode_settings": {"apply_policy": "ALWAYS APPLY", "device_mode": "KIOSK"}}},
)
