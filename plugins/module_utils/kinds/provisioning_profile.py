# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provisioning profiles, with which Apple devices run apps of an organization.

Based on /v2/provisioning-profiles of the contract (v2.yaml). A profile has versions: each uploaded file is one. A
profile cannot be deleted, only its versions.

Choice: a profile is identified by its name, its bundle ID and its team, as they are in the file. Choice: a second file
with all becomes a version of the same profile. Choice: a file that the profile already has is not uploaded again.
Choice: a profile without versions counts as deleted. Choice: the newest versions are those that expire last.
"""

from __future__ import annotations

from ..model.field import SEARCH_PATH, Field
from ..model.kind import Related, Routes, Upload
from ..model.module_spec import Option
from ..model.plain import plain_kind
from .blueprint_usage import blueprints_with
from .downloads import dest_option, with_downloads
from .file_checksum import checksum_option
from .provisioning_profile_exporter import ProvisioningProfileExporter
from .provisioning_profile_lookup import ProvisioningProfileLookup
from .provisioning_profile_planner import ProvisioningProfilePlanner
from .provisioning_profile_reader import ProvisioningProfileReader
from .provisioning_profile_versions import PROFILES, VERSION_FIELDS, shown_versions, with_days_left
from .upload import UPLOAD_DEADLINE

_SELECTORS = ("name", "app_identifier", "profile_type", "team_id", "expiring_within")
_TYPES = ("development", "ad-hoc", "app-store", "enterprise")

_VERSIONS = Related(
    Field(
        "versions",
        "Versions of the provisioning profile, those that expire last first. Returned if O(versions=true).",
        type="list",
        elements="dict",
        writable=False,
        fields=VERSION_FIELDS,
        sample=[
            {
                "id": "2b7d5f1a-3c4e-4f60-8a9b-1c2d3e4f5a6b",
                "uuid": "8f14e45f-ceea-467f-a0e6-5f0c6b1d2a3b",
                "name": "Till",
                "checksum": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "creation_date": "2026-06-01T00:00:00Z",
                "expiration_date": "2027-06-01T00:00:00Z",
                "time_to_live": 365,
                "provisions_all_devices": True,
                "xcode_managed": False,
                "platforms": ["iOS"],
                "entitlements": {"get-task-allow": False},
                "certificate_count": 1,
            }
        ],
    ),
    Option(
        "versions",
        "If V(true), also returns the versions of the provisioning profiles. This takes one request for each.",
        type="bool",
        default=False,
    ),
    shown_versions,
)

PROVISIONING_PROFILE = with_downloads(
    plain_kind(
        name="provisioning_profile",
        doc=(
            "With a provisioning profile, Apple devices run an app of an organization. Esper keeps each uploaded file"
            " as a version of a profile.",
            "With O(src), the module uploads the file unless a version has the same SHA-256 checksum. It reads name,"
            " bundle ID, team ID and expiration date from the file, and does not upload an expired one.",
            "Esper cannot delete a profile, only its versions. A profile without versions counts as deleted.",
        ),
        routes=Routes(list=PROFILES, object=f"{PROFILES}/{{id}}", name_filter=""),
        keys=("name", "src"),
        uploads=(Upload(option="src", key="file", required=False),),
        adapt=with_days_left,
        lookup=ProvisioningProfileLookup,
        planner=ProvisioningProfilePlanner,
        reader=ProvisioningProfileReader,
        exporter=ProvisioningProfileExporter,
        related=(
            _VERSIONS,
            blueprints_with(
                "provisioning profile",
                "ios.provisioning_profiles.profile_id",
                query="settings__ios__provisioning_profile_id",
            ),
        ),
        options=(
            Option(
                "src",
                (
                    "Path of the provisioning profile (.mobileprovision) to upload, on the controller.",
                    *SEARCH_PATH,
                    "If omitted, the provisioning profile must exist unless O(state=absent).",
                    "If O(state=absent), only the version with the bytes of this file is deleted.",
                ),
                type="path",
            ),
            checksum_option("provisioning profile", "It must be a SHA-256 checksum."),
            Option(
                "version",
                "ID or UUID of the only version to delete. Requires O(state=absent). If neither O(version) nor O(src)"
                " is set, all versions are deleted.",
                identifier=True,
            ),
            Option(
                "keep_versions",
                (
                    "Number of versions to keep, including that of O(src). Of the others, those that expire first are"
                    " deleted. Must be at least 1.",
                    "Versions that blueprints use are kept with a warning, unless O(force=true).",
                    "If omitted, no versions are deleted. Requires O(state=present).",
                ),
                type="int",
            ),
            UPLOAD_DEADLINE,
            Option(
                "force",
                "If V(true), versions are deleted even if blueprints use them. If V(false), the task fails instead, and"
                " the error names the blueprints.",
                type="bool",
                default=False,
            ),
        ),
        rules={"mutually_exclusive": [("src", "version")]},
        info_options=(
            Option("app_identifier", "Bundle ID of the app.", identifier=True),
            Option("profile_type", "Type of the provisioning profiles.", choices=_TYPES),
            Option("team_id", "ID of the Apple developer team.", identifier=True),
            Option(
                "expiring_within",
                "Number of days. Returns only provisioning profiles that expire in this time, or that are expired.",
                type="int",
            ),
            dest_option(
                "provisioning profiles",
                "provisioning profile",
                "The module downloads the version that expires last, and names it by the profile with the extension"
                " C(.mobileprovision). Files with the right SHA-256 checksum are not downloaded again. A replaced file"
                " keeps its mode.",
            ),
        ),
        info_rules={"mutually_exclusive": [("id", each) for each in _SELECTORS]},
        info_short_description="Read Esper provisioning profiles",
        fields=(
            Field(
                "id",
                "ID of the provisioning profile.",
                writable=False,
                sample="6f1d2c3b-4a5e-4f60-9b8a-7c6d5e4f3a2b",
            ),
            Field(
                "name",
                "Name of the provisioning profile, case-sensitive. Defaults to that in O(src).",
                identifier=True,
                create_only=True,
                normalize=str.strip,
                returns="Name of the provisioning profile.",
                sample="Till",
            ),
            Field(
                "app_identifier",
                "Bundle ID of the app. Defaults to that in O(src). Required if several profiles have the name.",
                identifier=True,
                create_only=True,
                normalize=str.strip,
                returns="Bundle ID of the app.",
                sample="com.example.till",
            ),
            Field(
                "version_id",
                "ID of a version. If the task has a file, of the version with its bytes. Otherwise, Esper does not"
                " document of which version.",
                writable=False,
                sample="2b7d5f1a-3c4e-4f60-8a9b-1c2d3e4f5a6b",
            ),
            Field("team_identifier", "ID of the Apple developer team.", writable=False, sample="A1B2C3D4E5"),
            Field(
                "profile_type",
                "Type of the provisioning profile: V(development), V(ad-hoc), V(app-store) or V(enterprise).",
                writable=False,
                sample="enterprise",
            ),
            Field("expiration_date", "Time of the expiration.", writable=False, sample="2027-06-01T00:00:00Z"),
            Field(
                "days_left",
                "Number of whole days until the expiration. Negative if the provisioning profile is expired.",
                type="int",
                writable=False,
                sample=186,
            ),
            Field("created_at", "Time of the first upload.", writable=False, sample="2026-06-01T09:30:00Z"),
            Field("updated_at", "Time of the last upload.", writable=False, sample="2026-06-01T09:30:00Z"),
        ),
    ),
    "provisioning profiles",
    "/srv/profiles/Till.mobileprovision",
)
