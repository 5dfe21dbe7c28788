# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preparations of a kind for the laws, in addition to its description. A plain kind has no entry."""

from __future__ import annotations

import sys
import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulator"))

import apple_files
import mobileprovision
import packages
from apk import Manifest, made

Row = dict[str, t.Any]


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Values of Objects that do not follow from the description: see there.

    ``files`` are files in the directory where the tasks run, by name. ``tasks`` are run first, to create other objects:
    the name of a module and its options. ``inside`` is the property that has the objects, if _info returns them within
    others. ``exceptions`` are the reasons why a law does not apply, by its name.
    """

    files: t.Mapping[str, bytes] = field(default_factory=dict)
    tasks: tuple[tuple[str, Row], ...] = ()
    identity: Row | None = None
    moved: Row | None = None
    second: Row | None = None
    sample: Row | None = None
    changed: Row | None = None
    for_create: tuple[Row, Row] = ({}, {})
    info: Row | None = None
    info_all: Row = field(default_factory=dict)
    by_unknown_id: Row = field(default_factory=dict)
    inside: str = ""
    exceptions: t.Mapping[str, str] = field(default_factory=dict)


def _apk(name: str) -> bytes:
    return made(Manifest(name, "1.0.0", 1, "Law"))


def _version(package: str) -> Row:
    return {"package_name": package, "version_name": "1.0.0", "version_code": 1}


def _in_days(days: int) -> str:
    return f"{datetime.now(timezone.utc) + timedelta(days=days):%Y-%m-%dT00:00:00Z}"


_APP = {"src": "law.apk", **_version("com.example.law")}
_NO_NAME = "Esper returns no name: tests/unit/plugins/module_utils/kinds/test_picture.py"
_CONTENT = {"src": "law.txt", "name": "law.txt"}
# Esper masks these passwords and replaces all settings at once, so an update has them again. The module returns the
# names only of the apps and files that the task has, so an update has them again, too.
_ANDROID = {
    "esper_settings_apps_settings": {"admin_mode_password": "secret-of-admin-mode", "settings": {"wifi": "ADMIN"}},
    "wifi_networks": [{"wifi_network_id": "17", "certificate_file_password": "secret-of-certificate"}],
    "apps": [{"package_name": "com.example.law", "version_name": "1.0.0", "version_code": 1}],
    "files": [{"content": "law.txt", "destination_path": "/sdcard/law.txt"}],
}

# A tenant with Google, without a person who signs up.
_ENROLL = (
    "google_enterprise",
    {
        "state": "recorded",
        "google_enterprise_id": "LC02k9x4pz",
        "state_code": 2,
        "callback_url": "https://it.example.com/google",
        "signup_url": "https://play.google.com/work/recorded",
        "completion_token": "recorded-completion",
        "enterprise_token": "recorded-enterprise",
    },
)
_ACCESS = {"role": "Group Viewer", "groups": ["All devices/Law"]}

PREPARATIONS: dict[str, Preparation] = {
    "pipeline": Preparation(
        sample={
            "description": "Head office first",
            "timeout_seconds": 86400,
            "stages": [{"name": "Pilot", "groups": ["All devices"], "operations": [{"type": "REBOOT"}]}],
        },
        changed={
            "description": "All at once",
            "active": False,
            "stages": [
                {"name": "Pilot", "groups": [], "operations": [{"type": "LOCK", "args": {"message": "Law"}}]},
                {"name": "Rest", "groups": ["All devices"], "operations": [{"type": "REBOOT"}]},
            ],
        },
    ),
    "apns_certificate": Preparation(
        files={"law.pem": apple_files.certificate()},
        tasks=(
            ("apns_certificate", {"state": "requested"}),
            ("apns_certificate", {"src": "law.pem", "apple_id": "law@example.com"}),
            ("apns_certificate", {"state": "requested"}),
        ),
    ),
    "dep_token": Preparation(
        files={"law.p7m": apple_files.dep_token()},
        tasks=(
            ("dep_token", {"state": "requested"}),
            ("dep_token", {"src": "law.p7m", "name": "Law"}),
        ),
    ),
    "vpp_token": Preparation(
        files={"law.vpptoken": apple_files.vpp_token()},
        tasks=(("vpp_token", {"src": "law.vpptoken"}), ("vpp_token", {"src": "law.vpptoken", "force": True})),
    ),
    "alarm_rule": Preparation(
        tasks=(
            ("device_group", {"path": "All devices/Stores/Germany", "create_parents": True}),
            ("alert_channel", {"name": "Service desk", "emails": ["servicedesk@example.com"]}),
        ),
    ),
    "app": Preparation(
        files={"law.apk": _apk("com.example.law"), "second.apk": _apk("com.example.second")},
        identity=_version("com.example.law"),
        second=_version("com.example.second"),
        for_create=({"src": "law.apk"}, {"src": "second.apk"}),
        info={"package_name": "com.example.law"},
        info_all={"versions": True},
        inside="versions",
        by_unknown_id={"version_name": "1.0.0"},
        exceptions={"info": "app manages versions, app_info reads apps"},
    ),
    "app_store": Preparation(
        info={"title": "Example", "bundle_id": "com.example.scanner"}, info_all={"title": "Example"}
    ),
    "blueprint": Preparation(
        files={"law.apk": _apk("com.example.law"), "law.txt": b"law"},
        tasks=(("app", _APP), ("content", _CONTENT)),
        identity={"name": "Law"},
        sample={
            "description": "Kiosks in the stores",
            "comments": "Spring release",
            "publish": True,
            "settings": {"android": {**_ANDROID, "device_mode_settings": {"device_mode": "KIOSK"}}},
        },
        changed={
            "description": "Tills in the stores",
            "publish": True,
            "settings": {"android": {**_ANDROID, "screen_orientation_settings": {"orientation_type": "PORTRAIT"}}},
        },
    ),
    "content": Preparation(
        files={"law.txt": b"law", "second.txt": b"second"},
        identity={"name": "law.txt"},
        second={"name": "second.txt"},
        for_create=({"src": "law.txt"}, {"src": "second.txt"}),
    ),
    "custom_action": Preparation(info={"name": "Bluetooth", "scripts": True}, info_all={"scripts": True}),
    "dep_sync": Preparation(tasks=(("dep_sync", {"wait": True}),) * 2),
    # A user who does not have to accept an invitation, because the properties of an invitation do not change.
    "user": Preparation(
        tasks=(("device_group", {"path": "Law"}),),
        identity={"email": "anna@example.com"},
        second={"email": "bo@example.com"},
        for_create=({"onboarding": "direct"}, {"onboarding": "direct"}),
        sample={**_ACCESS, "first_name": "Anna", "active": True, "password": "secret-of-password"},
        changed={
            "role": "Group Admin",
            "groups": ["All devices"],
            "can_factory_reset": True,
            "last_name": "Bo",
            "active": False,
        },
    ),
    "google_play_app": Preparation(
        tasks=(_ENROLL,),
        identity={"package_name": "com.example.law"},
        second={"package_name": "com.example.second"},
    ),
    "google_web_token": Preparation(
        tasks=(_ENROLL,),
        identity={"parent_url": "https://law.example.com", "state": "present"},
        second={"parent_url": "https://second.example.com", "state": "present"},
        by_unknown_id={"state": "present"},
    ),
    "device_heartbeat": Preparation(
        info={"seen_after": "2026-01-01T01:00:00+01:00", "platform": "ANDROID"},
        info_all={"seen_after": "2026-01-01"},
    ),
    "device_group_thumbnail": Preparation(
        files={"law.png": b"law", "second.png": b"second"},
        identity={"name": "law.png"},
        second={"name": "second.png"},
        for_create=({"src": "law.png"}, {"src": "second.png"}),
        exceptions={"ambiguous": _NO_NAME},
    ),
    "device_group": Preparation(
        identity={"path": "All devices/Law"},
        moved={"path": "All devices/Moved law"},
        second={"path": "All devices/Second law"},
        sample={},
        changed={"new_path": "All devices/Moved law"},
    ),
    # The simulated tenant has these builds and device models, because no task can create them.
    "foundry_build": Preparation(
        identity={"device_model": "Example K10", "version": "15.2.31", "approved": True},
        second={"device_model": "Example T5", "version": "15.2.31", "approved": True},
        changed={"approved": False},
        info={"device_model": "Example K10", "version": "15.2.31"},
        by_unknown_id={"approved": True},
    ),
    "foundry_device_model": Preparation(
        identity={"name": "Example K10"},
        second={"name": "Example T5"},
        sample={"auto_update": True, "locked_build": "15.2.30", "confirm": True},
        changed={"latest": True, "confirm": True},
    ),
    "oem_config_schema": Preparation(
        info={"oem_type": "ZEBRA", "package_name": "com.example.oemconfig"},
        info_all={"oem_type": "ZEBRA", "package_name": "com.example.oemconfig", "schema": False},
    ),
    "directory_record": Preparation(
        tasks=(("device_group", {"path": "All devices/Stores/Germany", "create_parents": True}),),
        identity={"serial": "R9W00000001", "imei1": "356938035643809", "wifi_mac": "00:11:22:33:44:55"},
        second={"serial": "R9W00000002", "imei1": "356938035643801", "wifi_mac": "00:11:22:33:44:01"},
    ),
    "provisioning_profile": Preparation(
        files={
            "law.mobileprovision": mobileprovision.made(mobileprovision.Profile("Law", "com.example.law")),
            "second.mobileprovision": mobileprovision.made(mobileprovision.Profile("Second", "com.example.second")),
        },
        identity={"name": "Law", "app_identifier": "com.example.law"},
        second={"name": "Second", "app_identifier": "com.example.second"},
        for_create=({"src": "law.mobileprovision"}, {"src": "second.mobileprovision"}),
    ),
    "report_subscription": Preparation(
        identity={"emails": ["law@example.com"]},
        second={"emails": ["second@example.com"]},
    ),
    "personal_access_token": Preparation(
        sample={"description": "Law", "expires": _in_days(7), "return_token": True},
        # The second run is 90 days before the new time, so it does not renew the token again.
        changed={"expires": _in_days(90), "renew": "expiring", "return_token": True},
    ),
    "tenant_app": Preparation(
        files={"law.ipa": packages.ipa("com.example.law", "1.0.0"), "second-1.0.0.msi": packages.msi("second")},
        identity={"platform": "APPLE", "package_name": "com.example.law", "version_name": "1.0.0"},
        second={"platform": "WINDOWS", "package_name": "second", "version_name": "1.0.0"},
        for_create=({"src": "law.ipa"}, {"src": "second-1.0.0.msi"}),
        info={"package_name": "com.example.law"},
        info_all={"versions": True},
        inside="versions",
        by_unknown_id={"version_name": "1.0.0"},
        exceptions={"info": "tenant_app manages versions, tenant_app_info reads apps"},
    ),
    "tile_icon": Preparation(
        files={"law.png": b"law", "second.png": b"second"},
        identity={"device_model": "Scanner X1"},
        second={"device_model": "Scanner X2"},
        changed={},
        for_create=({"src": "law.png"}, {"src": "second.png"}),
    ),
    "wallpaper": Preparation(
        files={"law.png": b"law", "second.png": b"second"},
        identity={"name": "law.png", "orientation": "landscape"},
        second={"name": "second.png", "orientation": "landscape"},
        for_create=({"src": "law.png"}, {"src": "second.png"}),
        exceptions={"ambiguous": _NO_NAME},
    ),
}
