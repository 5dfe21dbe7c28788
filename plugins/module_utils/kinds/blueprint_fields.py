# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields that the settings of several platforms share, and functions that return fields."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..base.ids import normal_id
from ..base.validators import length
from ..model.field import Field, Reference, Words

APPLY_POLICY = Field(
    "apply_policy",
    "Apply policy of the setting, see O(settings).",
    choices=("ALWAYS APPLY", "IGNORE", "PROVISION ONLY"),
    create_default="ALWAYS APPLY",
)
NO_UNIT = "Esper does not document the unit."
NO_FORMAT = "Esper does not document the format."
KEPT = "Items you omit are not changed, unless O(exact=true)."


def dict_field(name: str, doc: Words, *fields: Field, **more: t.Any) -> Field:
    """Return a field that is a dict."""
    return Field(name, doc, type="dict", fields=fields, **more)


def setting(name: str, doc: Words, *fields: Field, **more: t.Any) -> Field:
    """Return a setting with its policy, which says when devices apply it."""
    return dict_field(name, doc, APPLY_POLICY, *fields, **more)


def switch(name: str, effect: str, **more: t.Any) -> Field:
    """Return a field that turns something on or off. ``effect`` completes the sentence "If true, ..."."""
    return Field(name, f"If V(true), {effect}.", type="bool", **more)


def number(name: str, doc: Words, **more: t.Any) -> Field:
    """Return a field that is a whole number."""
    return Field(name, doc, type="int", **more)


def text_list(name: str, doc: Words, **more: t.Any) -> Field:
    """Return a field that is a list of texts."""
    return Field(name, doc, type="list", elements="str", **more)


def dict_list(name: str, doc: Words, *fields: Field, **more: t.Any) -> Field:
    """Return a field that is a list of dicts."""
    return Field(name, doc, type="list", elements="dict", fields=fields, **more)


def identifier(name: str, doc: Words, **more: t.Any) -> Field:
    """Return a field that identifies an object. An ID has the form of the API."""
    if name.endswith("_id"):
        more.setdefault("normalize", normal_id)
    return Field(name, doc, identifier=True, **more)


def nameless(kind: str, *ids: str) -> dict[str, tuple[Reference, ...]]:
    """Return the attribute of a field with IDs of an object that has no name, or whose name Esper does not return."""
    return {"references": (Reference(kind=kind, options=(), api_keys=ids),)}


def named(kind: str, **ids: str) -> dict[str, tuple[Reference, ...]]:
    """Return the attribute of a field with options that name objects of a kind in place of IDs: see
    blueprint_terms.py. ``ids`` are the keys of the IDs by option."""
    return {"references": (Reference(kind=kind, options=tuple(ids), api_keys=tuple(ids.values())),)}


DEVICE_MODE = setting(
    "device_mode_settings",
    "Device mode.",
    Field(
        "device_mode",
        "V(KIOSK) shows a single app. V(MULTI APP) shows a launcher with the approved apps.",
        choices=("KIOSK", "MULTI APP"),
    ),
)
TIMEZONE = setting(
    "timezone_settings",
    "Time zone.",
    Field("timezone", "Name of the time zone, for example V(Europe/Berlin)."),
)
CAMERA = setting("camera_settings", "Camera.", switch("allow_camera_access", "apps and users can use the camera"))
FACTORY_RESET = setting(
    "factory_reset_settings",
    "Factory reset by users.",
    switch("allow_factory_reset", "users can reset the device to factory settings", required_by_api=True),
)
BLUETOOTH = setting(
    "bluetooth_settings",
    "Bluetooth.",
    switch("allow_bluetooth", "users can use Bluetooth", required_by_api=True),
    Field("bluetooth_state", "V(ENABLE) turns Bluetooth on, V(DISABLE) turns it off.", choices=("ENABLE", "DISABLE")),
    Field(
        "drift_policy",
        "Severity of the drift if a device differs from this setting.",
        choices=("IGNORE", "LOG ONLY", "MINOR", "MAJOR", "CRITICAL"),
        server_default="IGNORE",
    ),
)


def wifi_networks(*more: Field) -> Field:
    """Return the Wi-Fi networks of devices. ``more`` are the fields that a platform has in addition to the ID."""
    return dict_list(
        "wifi_networks",
        ("Wi-Fi networks by ID. The Esper API has no list of their names.", KEPT),
        identifier("wifi_network_id", "ID of the Wi-Fi network.", required_by_api=True),
        *more,
        list_type="map",
        map_keys=(("wifi_network_id",),),
        **nameless("wifi_network", "wifi_network_id"),
    )


_ORIENTATIONS = {"portrait": "Wallpaper in portrait orientation.", "landscape": "Wallpaper in landscape orientation."}
_SCREENS = {"homescreen": "Wallpaper of the home screen.", "lockscreen": "Wallpaper of the lock screen."}
WALLPAPERS = "Wallpapers by name or ID."


def wallpaper(screen: str, *orientations: str, **more: t.Any) -> Field:
    """Return the wallpaper of a screen in some orientations."""
    fields = (
        identifier(
            "wallpaper", "File name of the wallpaper with this orientation, instead of its ID.", in_payload=False
        ),
        identifier("wallpaper_id", "ID of the wallpaper, instead of its name.", **more),
    )
    reference = named("wallpaper", wallpaper="wallpaper_id")
    wallpapers = (
        dict_field(orientation, _ORIENTATIONS[orientation], *fields, **reference) for orientation in orientations
    )
    return setting(screen, _SCREENS[screen], *wallpapers)


def scripts(doc: str, check: t.Callable[[t.Any], str] | None = None, **lengths: int) -> Field:
    """Return the field of shell scripts. Their order can matter, so the list is compared as a whole."""

    def limited_text(name: str, text: str, **more: t.Any) -> Field:
        if name not in lengths:
            return Field(name, f"{text}.", **more)
        return Field(name, f"{text}.", validator=length(0, lengths[name]), **more)

    shell_scripts = dict_list(
        "shell_scripts",
        doc,
        APPLY_POLICY,
        Field("script", "Text of the script.", required_by_api=True),
        limited_text(
            "interpreter", "Interpreter of the script, for example V(bash) or V(powershell)", required_by_api=True
        ),
        limited_text("alias", "Name of the script", required_by_api=True),
        limited_text("description", "Description of the script"),
        **({"list_validator": check} if check else {}),
    )
    return dict_field("custom_shell_scripts_multiple", "Shell scripts that run on devices.", shell_scripts)


# --- apps -------------------------------------------------------------------------------------------------------------

# Names that stand for the IDs of an app and its version.
_PACKAGE = identifier(
    "package_name", "Package name (bundle ID) of an app of the tenant, instead of its ID.", in_payload=False
)


def _version(latest: str) -> tuple[Field, ...]:
    """Return the options that name a version of an app. ``latest`` is the meaning of the latest version."""
    doc = f"Name of the version, instead of its ID. V(latest) selects the version with the highest {latest}."
    code = "Code of the version, if several versions have the same name."
    return identifier("version_name", doc, in_payload=False), number("version_code", code, in_payload=False)


_APPS = Reference(
    kind="app", options=("package_name", "version_name", "version_code"), api_keys=("app_id", "app_version_id")
)
_TENANT_APPS = replace(_APPS, kind="tenant_app")
_APP_IDS = (
    identifier("app_id", "ID of the app, instead of its package name.", required_by_api=True),
    identifier("app_version_id", "ID of the version, instead of its name and code.", required_by_api=True),
)

ANDROID_APPS = dict_list(
    "apps",
    ("Apps of the blueprint, identified by O(settings.android.apps[].package_name).", KEPT),
    identifier("package_name", "Package name of the app.", required_by_api=True),
    *_version("version code, or the one created last if Esper does not return the codes"),
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
    list_type="map",
    map_keys=(("package_name",),),
    references=(_APPS,),
)


WEBCLIPS = (
    identifier(
        "webclip",
        "Name of a webclip, instead of an app. Implies O(settings.ios.apps[].app_type=WEBCLIP).",
        in_payload=False,
    ),
    Reference(kind="webclip", options=("webclip",), api_keys=("app_id", "app_version_id")),
)


def tenant_apps(platform: str, *types: str, named_kinds: tuple[tuple[Field, Reference], ...] = ()) -> Field:
    """Return the apps of Apple or Windows devices. ``named_kinds`` are other kinds in the same list, each with the
    option that names an object."""
    return dict_list(
        "apps",
        (f"Apps of the blueprint, identified by O(settings.{platform}.apps[].app_id).", KEPT),
        *(option for option, _reference in named_kinds),
        _PACKAGE,
        *_version("numbers in its name and code, or the one created last if no name consists of numbers"),
        *_APP_IDS,
        Field("state", "Visibility of the app.", choices=("SHOW",), required_by_api=True, create_default="SHOW"),
        Field(
            "app_type",
            "Source of the app. For an app with a package name, defaults to the type in the Esper API.",
            choices=types,
            required_by_api=True,
        ),
        Field("base64_app_config", "Configuration of the app, encoded in Base64."),
        list_type="map",
        map_keys=(("app_id",), *((option.name,) for option, _reference in named_kinds), ("package_name",)),
        references=(_TENANT_APPS, *(reference for _option, reference in named_kinds)),
    )


# --- files ------------------------------------------------------------------------------------------------------------

_CONTENTS = Reference(kind="content", options=("content",), api_keys=("file_id",))


def files(file_id: Field) -> Field:
    """Return the content files that devices download. ``file_id`` is the field for the ID, whose type differs between
    platforms."""
    return dict_list(
        "files",
        (
            "Content files that devices download, identified by content file, or by path if a content file has several"
            " paths.",
            KEPT,
        ),
        identifier("content", "Name of the content file, instead of its ID.", in_payload=False),
        file_id,
        Field("destination_path", "Path of the file on the device.", required_by_api=True),
        # One content file can go to two places. A content file that was uploaded again has another ID, but the same
        # name.
        list_type="map",
        map_keys=(("file_id", "destination_path"), ("file_id",), ("content",)),
        references=(_CONTENTS,),
    )
