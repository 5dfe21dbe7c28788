# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas of the managed configurations of OEM config apps.

Based on /v2/oem-config-schema of the contract (v2.yaml). Its header Authorization is the usual one.
"""

from __future__ import annotations

from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option, Value
from ..model.plain import plain_reading

_OEM_TYPES = ("ZEBRA", "HONEYWELL", "DATALOGIC", "SAMSUNG", "SUNMI")
_FIELDS = (
    Field("id", "ID of the schema.", sample="5c1c4a8e-6a0f-4f0f-9d4c-2f3c9f0f7c11"),
    Field("oem_type", "Manufacturer of the devices.", sample="ZEBRA"),
    Field("package_name", "Package name of the OEM config app.", sample="com.example.oemconfig"),
    Field("version_name", "Version name of the app.", sample="11.2"),
    Field("version_code", "Version code of the app, a number as text.", sample="112"),
    Field("schema_format", "Format of the schema.", sample="MANAGED_CONFIGURATIONS"),
    Field("parser_version", "Version of the parser that read the schema from the app.", sample="1.0"),
    Field("is_latest", "Whether this is the latest active schema of the app.", type="bool", sample=True),
    Field("status", "Status of the schema, V(ACTIVE) or V(INACTIVE).", sample="ACTIVE"),
    Field("schema_metadata", "Metadata of the schema, which depends on the parser.", type="dict", sample={}),
    Field(
        "schema",
        "The schema in API format. Null if O(schema=false).",
        api="schema_json",
        type="dict",
        opaque=True,
        sample={"restrictions": [{"key": "scanner_enabled", "restrictionType": "bool"}]},
    ),
    Field("created_at", "Time of creation.", sample="2026-03-01T09:30:00Z"),
)

OEM_CONFIG_SCHEMA = plain_reading(
    name="oem_config_schema",
    title="OEM config schema",
    plural="oem_config_schemas",
    short_description="Get the schema of an OEM config app in Esper",
    doc=(
        "Returns the settings that an OEM config app of a manufacturer accepts.",
        "With the schema, a playbook can check a managed configuration before it changes a blueprint.",
    ),
    routes=Routes(object="/v2/oem-config-schema"),
    fields=_FIELDS,
    options=(
        Option("oem_type", "Manufacturer of the devices.", choices=_OEM_TYPES, required=True, query="oem_type"),
        Option(
            "package_name",
            "Package name of the OEM config app.",
            required=True,
            identifier=True,
            query="package_name",
        ),
        Option(
            "version_code",
            "Version code of the app. Defaults to the version of the latest active schema.",
            identifier=True,
            numbers=True,
            query="version_code",
        ),
        Option(
            "schema",
            "If V(false), only information about the schema is returned. The schema itself can be large.",
            type="bool",
            default=True,
            query="include_schema",
        ),
    ),
    returns=(
        Value(
            "oem_config_schema",
            "The schema. Null if Esper has none for the app or its version.",
            type="dict",
            contains=_FIELDS,
        ),
    ),
    seealso=("blueprint",),
)
