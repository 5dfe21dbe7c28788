# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps for Apple and Windows that an organization uploads, and their versions.

Based on /v2/tenant-apps and /v2/device-apps of the contract (v2.yaml). What all platforms share is in app_version*.py.

Choice: package name, version name and code of an upload are those in its file, and an upload that Esper understands in
another way is an error. Choice: versions are ordered by the numbers in their names, then by their codes, because the
codes of Apple can start again with each version. Choice: if Esper does not return the code of a version, only its name
is compared. Choice: an app without versions counts as deleted, because Esper cannot delete apps. Choice: an upload that
Esper rejects (HTTP 400 or 409) is looked up, because the status of a duplicate is unknown. Choice: an artifact is not
uploaded again after an unclear failure, because Esper does not list artifacts.
"""

from __future__ import annotations

from ..model.field import Field
from ..model.kind import Kind, Routes, Shape
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value, writable
from .app_exporter import TenantAppExporter
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
from .downloads import dest_option, with_downloads
from .file_checksum import checksum_option
from .tenant_app_artifacts import ARTIFACTS, ARTIFACTS_UPLOAD, ARTIFACTS_VALUE
from .tenant_app_list import ID, PACKAGE_NAME, PATH, PLATFORM, PLATFORMS, TENANT_APPS, VERSION, label_of, with_code
from .tenant_app_lookup import TenantAppLookup
from .tenant_app_planner import TenantAppPlanner
from .tenant_app_reader import TenantAppReader
from .upload import SEARCH_PATH, UPLOAD_DEADLINE

_ABOUT_VERSION = (
    Field("name", "Name of the app.", api="app_name", writable=False, sample="Till"),
    Field("version_name", "Name of the version.", writable=False, sample="3.2.0"),
    Field(
        "version_code",
        "Code of the version. Null if the app has no codes.",
        api="build_number",
        writable=False,
        sample="320",
    ),
    Field("description", "Description of the version.", sample="Spring release", changed="Summer release"),
    Field("release_notes", "Release notes.", writable=False, sample="Faster start"),
    Field("size_kb", "Size of the file in kilobytes.", api="file_size_in_kb", type="int", writable=False, sample=20480),
    Field(
        "device_family",
        "Types of devices that can run the version.",
        type="list",
        elements="str",
        writable=False,
        sample=["iPad"],
    ),
    Field(
        "checksum",
        "SHA-256 checksum of the file. Null if the Esper API does not return it.",
        api="app_sha256_hash",
        writable=False,
        sample="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ),
    Field(
        "product_code",
        "Product code of an MSI file. Null for other files.",
        writable=False,
        sample="{8A6F2B1C-3D4E-4F50-9A6B-7C8D9E0F1A2B}",
    ),
    Field("created_at", "Time of the upload.", writable=False, sample="2026-03-01T09:30:00Z"),
)

_VERSION_FIELDS = (
    APP_ID,
    VERSION_ID,
    PLATFORM,
    PACKAGE_NAME,
    *_ABOUT_VERSION,
)

_MODULE = ModuleSpec(
    short_description="Manage apps for Apple and Windows in Esper",
    description=(
        "Uploads a version of an app for Apple or Windows (IPA, MSI, MSIX or APPX file), sets its description, and"
        " deletes versions.",
        "The module reads package name and version from IPA, MSIX and APPX files. MSI files require O(package_name) and"
        " O(version_name).",
        "An existing version is not uploaded again. If the Esper API returns its SHA-256 checksum, O(src) is compared"
        " with it. A difference is an error, because Esper cannot replace the file of a version.",
        "The file is sent while it is read, so uploads of any size need little memory.",
        "The module does not change devices. Devices get a version by their blueprints (M(esper.cloud.blueprint)).",
        "For Android apps, use M(esper.cloud.app).",
        "Options you omit are not changed.",
    ),
    options=(
        state_option(
            "V(absent) deletes the version. If no version is set, it deletes all versions of the app. Esper keeps the"
            " app without versions, and the module considers it deleted."
        ),
        Option(
            "src",
            (
                "Path of the file on the controller. It is uploaded if its version does not exist.",
                "The suffix is C(.ipa) for Apple, and C(.msi), C(.msix), C(.appx), C(.msixbundle) or C(.appxbundle) for"
                " Windows.",
                *SEARCH_PATH,
            ),
            type="path",
        ),
        Option(
            "platform",
            "Platform of the app. Defaults to the platform of O(src). Required if apps of both platforms have the"
            " package name.",
            choices=tuple(PLATFORMS),
        ),
        Option(
            "package_name",
            "Package name of the app, case-sensitive: the bundle ID of an app for Apple, the name of the package of an"
            " app for Windows. Required with an MSI file.",
            identifier=True,
        ),
        Option("id", "ID of the app.", identifier=True),
        Option("version_name", "Name of the version, such as V(3.2.0). Required with an MSI file.", identifier=True),
        Option(
            "version_code", "Code of the version. Required if several versions have the same name.", identifier=True
        ),
        Option("version_id", "ID of the version. The version must exist unless O(state=absent).", identifier=True),
        checksum_option("app version", "Esper returns SHA-256 checksums."),
        *writable(_VERSION_FIELDS),
        ARTIFACTS,
        ARTIFACTS_UPLOAD,
        Option(
            "keep_versions",
            (
                "Number of versions of the app to keep, including the version of the task. Versions with lower numbers"
                " in their names, or with the same name and a lower code, are deleted. Must be at least 1.",
                "Versions in use are kept with a warning, unless O(force=true).",
                "The task fails if its version is not one of them, or if the name of a version does not consist of"
                " numbers.",
                "If omitted, no other versions are deleted. Requires O(state=present).",
            ),
            type="int",
        ),
        force_option(),
        UPLOAD_DEADLINE,
    ),
    rules=RULES,
    returns=(
        Value(
            "tenant_app",
            "The app version after the task, with properties of its app. In check mode, the predicted state.",
            type="dict",
            returned="if the version exists after the task",
            contains=_VERSION_FIELDS,
        ),
        ARTIFACTS_VALUE,
    ),
    sources=("src", "artifacts.src"),
    seealso=("tenant_app_info", "app"),
)

TENANT_APP_VERSION = Kind(
    name="tenant_app",
    title=TENANT_APPS.title,
    plural=TENANT_APPS.plural,
    view_key="tenant_app_version",
    routes=Routes(list=PATH, object=VERSION, update="PUT"),
    fields=_VERSION_FIELDS,
    label=label_of,
    adapt=with_code,
    module=_MODULE,
    lookup=TenantAppLookup,
    planner=TenantAppPlanner,
    exporter=TenantAppExporter,
)
"""A version of an app, which the module ``tenant_app`` manages. Its result includes properties of the app."""

_APP_FIELDS = (
    ID,
    PLATFORM,
    PACKAGE_NAME,
    Field("created_at", "Time of the first upload.", writable=False, sample="2026-03-01T09:30:00Z"),
    versions_field(
        _ABOUT_VERSION,
        (Field("id", "ID of the device.", api="device_id"),),
        "O(versions), O(details), O(blueprints) or O(devices)",
        [{"id": "7c6f0b0e-3f0d-4d3e-8a83-1f3cbb1a2001"}],
    ),
)

_INFO_MODULE = ModuleSpec(
    short_description="Get information about apps for Apple and Windows",
    description=(
        "Returns the apps for Apple and Windows that the organization has uploaded and that match all options.",
        "Versions of the apps are returned on request.",
        "If no app matches, the list is empty.",
    ),
    options=(
        Option("id", "ID of the app.", identifier=True),
        Option("package_name", "Package name of the apps, case-sensitive.", identifier=True),
        Option("name", "Name of the apps, case-sensitive. Several apps can have the same name.", identifier=True),
        Option("platform", "Platform of the apps.", choices=tuple(PLATFORMS)),
        versions_option(),
        Option(
            "details",
            "If V(true), the versions are returned with RV(tenant_apps[].versions[].checksum) and"
            " RV(tenant_apps[].versions[].product_code). This takes one request for each version.",
            type="bool",
            default=False,
        ),
        *usage_options(),
        dest_option(
            "apps",
            "app",
            "The module downloads the latest version of each app, and names it by package name and version. Files with"
            " the right SHA-256 checksum are not downloaded again. A replaced file keeps its mode.",
        ),
    ),
    rules={"mutually_exclusive": [("id", "package_name"), ("id", "name"), ("id", "platform")]},
    check_mode=READS_ONLY,
    diff_mode=NO_DIFF,
    seealso=("tenant_app",),
)

TENANT_APP = with_downloads(
    Kind(
        name="tenant_app",
        title=TENANT_APPS.title,
        plural=TENANT_APPS.plural,
        routes=TENANT_APPS.routes,
        fields=_APP_FIELDS,
        shape=Shape.READ_ONLY,
        name_key=TENANT_APPS.name_key,
        info_module=_INFO_MODULE,
        reader=TenantAppReader,
    ),
    "apps",
    "/srv/apps/com.example.till-3.2.0.ipa",
)
"""An app, which is identified by its platform and its package name."""
