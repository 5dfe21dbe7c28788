# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Esper's own apps, such as the agent, in the versions that the tenant can use.

Based on /v2/tenant-esper-apps and /v2/esper-apps of the contract (v2.yaml). Choice: versions are ordered here, because
Esper can order the codes as texts.
"""

from __future__ import annotations

import typing as t

from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading
from .esper_app_reader import EsperAppReader

_ARCHITECTURES = ("x86", "x86_64", "armeabi", "arm64_v8a", "armeabi_v7a", "universal")


def _detail(name: str, doc: str, **more: t.Any) -> Field:
    return Field(name, f"{doc} Null unless O(details=true).", **more)


ESPER_APP = plain_reading(
    name="esper_app",
    plural="esper_apps",
    title="Esper app",
    short_description="Get information about Esper's own apps",
    doc=(
        "Returns the versions of Esper's own apps, such as the Esper agent, that the tenant can use, and that match all"
        " filters.",
        "The versions with the highest version codes come first.",
    ),
    routes=Routes(list="/v2/tenant-esper-apps", name_filter=""),
    id_key="app_version_id",
    options=(
        Option("package_name", "Package name of the apps.", query="package_name", identifier=True),
        Option("version_code", "Version code of the apps.", query="version_code", identifier=True),
        Option("architecture", "Architecture of the apps.", choices=_ARCHITECTURES, query="architecture"),
        Option("limit", "Maximum number of versions, those with the highest version codes.", type="int"),
        Option(
            "details",
            "If V(true), all properties of the versions are returned. This takes one request for each.",
            type="bool",
            default=False,
        ),
    ),
    fields=(
        Field("app_id", "ID of the app.", sample="3a1f0b52-8f0e-4a4b-9d53-0f6a1b2c3d01"),
        Field(
            "version_id",
            "ID of the version.",
            api="app_version_id",
            sample="3a1f0b52-8f0e-4a4b-9d53-0f6a1b2c3d02",
        ),
        Field("package_name", "Package name of an Android app. Null for other apps.", sample="com.example.agent"),
        Field("version_code", "Version code of an Android app. Null for other apps.", sample="8040"),
        Field("architecture", "Architecture of the app.", sample="arm64_v8a"),
        Field(
            "checksum",
            "SHA-256 checksum of the file.",
            api="app_sha256_hash",
            sample="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ),
        Field(
            "signature_hash",
            "SHA-256 checksum of the public key that signed an Android app. Null for other apps.",
            sample="9F:86:D0:81:88:4C:7D:65",
        ),
        Field("created_at", "Time when Esper released the version.", sample="2026-03-01T09:30:00Z"),
        _detail("app_type", "Type of the app, such as V(ESPER_ANDROID).", sample="ESPER_ANDROID"),
        _detail("name", "Name of the app.", api="app_name", sample="Esper Agent"),
        _detail("version_name", "Name of the version.", sample="8.4.0"),
        _detail("release_notes", "Release notes.", sample="Faster start"),
        _detail("description", "Description of the version.", sample="Agent for kiosks"),
        _detail("size_kb", "Size of the file in kilobytes.", api="file_size_in_kb", type="int", sample=20480),
        _detail("min_sdk_version", "Lowest Android API level that the version supports.", sample="21"),
    ),
    reader=EsperAppReader,
    seealso=("app_info", "tenant_app_info"),
)
