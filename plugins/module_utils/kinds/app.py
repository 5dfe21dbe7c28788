# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Android apps and their versions: based on two families of the Esper API, see app_list.py."""

from __future__ import annotations

from ..base.validators import length
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape, Tenant
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value, writable
from .app_exporter import AppVersionExporter
from .app_list import APP_NAME, APPS, LEGACY, PACKAGE_NAME, V1, VERSION, label_of, version_number
from .app_lookup import AppVersionLookup
from .app_planner import AppVersionPlanner
from .app_reader import AppReader
from .app_version_options import (
    APP_ID,
    RULES,
    VERSION_ID,
    force_option,
    state_option,
    usage_options,
    versions_field,
    versions_option,
)
from .file_checksum import checksum_option
from .upload import SEARCH_PATH, UPLOAD_DEADLINE

_ABOUT_VERSION = (
    Field("version_name", "Name of the version.", api="version_code", writable=False, sample="1.2.0"),
    Field(
        "version_code",
        "Code of the version, a number that increases with each version. Null for apps from Google Play.",
        api="build_number",
        type="int",
        normalize=version_number,
        writable=False,
        sample=120,
    ),
    Field(
        "release_name",
        "Name of the release.",
        validator=length(0, 255),
        sample="Spring",
    ),
    Field("release_comments", "Release notes.", sample="Faster start"),
    Field(
        "track",
        "Track of the release.",
        api="release_track",
        choices=("Alpha", "Beta", "Production"),
        returns="Track of the release. Null if the Esper API does not return it.",
        sample="Production",
    ),
    Field(
        "enabled",
        "If V(true), the version is enabled.",
        api="is_enabled",
        type="bool",
        returns="If V(true), the version is enabled. Null if the Esper API does not return it.",
        sample=True,
    ),
    Field(
        "default",
        "If V(true), the version is the default version of its app. Each app has at most one default version.",
        api="is_default",
        type="bool",
        returns="If V(true), the version is the default version of its app.",
        sample=False,
    ),
    Field(
        "approval",
        "Approval status of the version.",
        api="approval_status",
        choices=("AVAILABLE", "ACCEPTED", "APPROVED", "REJECTED"),
        sample="APPROVED",
    ),
    Field(
        "checksum",
        (
            "Checksum of the APK file in hexadecimal. Null if the Esper API does not return it.",
            "Esper does not document the algorithm.",
        ),
        api="hash_string",
        writable=False,
        sample="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ),
    Field("size_in_mb", "Size of the APK file in megabytes.", type="float", writable=False, sample=12.5),
    Field("min_sdk_version", "Lowest Android API level that the version supports.", writable=False, sample="21"),
    Field(
        "installed_count",
        "Number of devices that have the version installed.",
        type="int",
        writable=False,
        sample=12,
    ),
    Field(
        "google_play",
        "If V(true), the version is from Google Play.",
        api="is_g_play",
        type="bool",
        writable=False,
        sample=False,
    ),
    Field("created_on", "Time of the upload.", writable=False, sample="2026-03-01T09:30:00Z"),
)

_APP_FIELDS = (
    Field("id", "ID of the app.", writable=False, sample="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003"),
    APP_NAME,
    PACKAGE_NAME,
    Field(
        "hidden",
        "If V(true), the app belongs to Esper.",
        api="is_hidden",
        type="bool",
        writable=False,
        sample=False,
    ),
    versions_field(
        _ABOUT_VERSION,
        (
            Field("id"),
            Field("name", api="device_name"),
            Field("alias", api="alias_name"),
            Field("group", api="group_name"),
        ),
        "O(versions), O(blueprints) or O(devices)",
        [
            {
                "id": "7c6f0b0e-3f0d-4d3e-8a83-1f3cbb1a2001",
                "name": "ESR-POS-0001",
                "alias": "Till 1",
                "group": "Berlin",
            }
        ],
    ),
)

_INFO_MODULE = ModuleSpec(
    short_description="Get information about Android apps in Esper",
    description=(
        "Returns one app by package name or ID, all apps with a name, or all apps of the tenant.",
        "Versions of the apps are returned on request.",
        "The result includes apps from Google Play. Hidden apps, which belong to Esper, are not in the list of all"
        " apps.",
        "If the app does not exist, the list is empty.",
    ),
    options=(
        Option("package_name", "Package name of the app, case-sensitive.", identifier=True),
        Option("id", "ID of the app.", identifier=True),
        Option("name", "Name of the apps, case-sensitive. Several apps can have the same name.", identifier=True),
        versions_option(),
        *usage_options(),
    ),
    rules={"mutually_exclusive": [("id", "package_name", "name")]},
    check_mode=READS_ONLY,
    diff_mode=NO_DIFF,
    seealso=("app",),
)

APP = Kind(
    name="app",
    title="app",
    plural="apps",
    routes=APPS.routes,
    fields=_APP_FIELDS,
    shape=Shape.READ_ONLY,
    name_key=APPS.name_key,
    info_module=_INFO_MODULE,
    reader=AppReader,
)
"""An app, which is identified by its package name."""

_VERSION_FIELDS = (
    APP_ID,
    APP_NAME,
    PACKAGE_NAME,
    VERSION_ID,
    *_ABOUT_VERSION,
)

_MODULE = ModuleSpec(
    short_description="Manage Android app versions in Esper",
    description=(
        "Uploads an Android app version (APK file) and sets its release properties.",
        "Deletes versions, or apps with all of their versions.",
        "The module reads package name and version from the manifest of the APK file. If it cannot read them, for"
        " example because the version name is in a resource file, O(src) requires O(package_name) and"
        " O(version_name).",
        "An existing version is not uploaded again. If the Esper API returns its checksum, O(src) is compared with"
        " it. A difference is an error, because Esper cannot replace the file of a version.",
        "The APK file is sent while it is read, so uploads of any size need little memory.",
        "The module does not change devices. Devices get a version by their blueprints (M(esper.cloud.blueprint)) or by"
        " a command (M(esper.cloud.device_command)).",
    ),
    options=(
        state_option(
            "V(absent) deletes the version. If no version is set, it deletes the app with all of its versions."
        ),
        Option(
            "src",
            (
                "Path of an APK file on the controller. It is uploaded if its version does not exist.",
                "Esper accepts single APK files only, so the task fails for other files, such as AAB, XAPK and APKS.",
                *SEARCH_PATH,
            ),
            type="path",
        ),
        Option("package_name", "Package name of the app, case-sensitive.", identifier=True),
        Option("id", "ID of the app.", identifier=True),
        Option("version_name", "Name of the version, such as V(1.2.0).", identifier=True),
        Option(
            "version_code",
            (
                "Code of the version, a number.",
                "Required if several versions have the same name, and with O(keep_versions) if the module cannot read"
                " O(src).",
            ),
            type="int",
            identifier=True,
        ),
        Option(
            "version_id",
            (
                "ID of the version. The version must exist unless O(state=absent).",
                "The task fails if it is the ID of a version of another app.",
            ),
            identifier=True,
        ),
        checksum_option("app version", "Its length determines the algorithm."),
        *writable(_VERSION_FIELDS),
        Option(
            "keep_versions",
            (
                "Number of versions of the app to keep, including the version of the task. Versions with lower"
                " version codes are deleted. Must be at least 1.",
                "Versions in use are kept with a warning, unless O(force=true).",
                "The task fails if the version of the task is not one of them, or if a version code is unknown.",
                "If omitted, no other versions are deleted. Requires O(state=present).",
            ),
            type="int",
        ),
        force_option("Esper rejects the deletion of a whole app that a blueprint has, even if O(force=true)."),
        UPLOAD_DEADLINE,
    ),
    rules=RULES,
    returns=(
        Value(
            "app",
            (
                "The app version after the task, with properties of its app. In check mode, the predicted state.",
                "After an upload without release properties, values that Esper does not return yet are null.",
            ),
            type="dict",
            returned="if the version exists after the task",
            contains=_VERSION_FIELDS,
        ),
    ),
    sources=("src",),
    seealso=("app_info", "tenant_app"),
)

APP_VERSION = Kind(
    name="app",
    title="app",
    plural="apps",
    view_key="app_version",
    routes=Routes(list=V1, object=V1 + VERSION, extra_prefixes=(LEGACY,)),
    fields=_VERSION_FIELDS,
    label=label_of,
    # An app of Google Play is approved, not uploaded.
    tenant=Tenant(is_built_in=lambda row: bool(row.get("is_g_play"))),
    module=_MODULE,
    lookup=AppVersionLookup,
    planner=AppVersionPlanner,
    exporter=AppVersionExporter,
)
"""A version of an app, which the module ``app`` manages. Its result includes properties of the app."""
