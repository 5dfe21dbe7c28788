# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom actions: scripts with a button, toggle, radio buttons or dropdown for Linux devices.

Based on /v2/custom-actions/ and /v2/scripts/{script_id}/ of the contract (v2.yaml). Responses have the ID of each
script, and bodies have its text.

Choice: names are case-sensitive. Choice: the module sends each status as the task has it, and Esper rejects a change
that is not allowed. Choice: the number of options of each type is not validated. Choice: keys of options are unique in
the tenant, so the ID of the tenant is part of what they are derived from.
"""

from __future__ import annotations

from ..base.validators import Validator, length, uuid
from ..model.field import Field
from ..model.kind import Guard, Routes
from ..model.module_spec import Option
from ..model.plain import plain_kind
from .blueprint_usage import in_blueprints
from .custom_action_exporter import CustomActionExporter
from .custom_action_options import decode, encode
from .custom_action_planner import CustomActionPlanner
from .custom_action_reader import CustomActionReader
from .script_text import not_blank, script_text

_POSITIONS = (
    "none",
    "blueprints_apps_and_configuration",
    "blueprints_connectivity",
    "blueprints_device_security",
    "blueprints_display_and_branding",
    "blueprints_esper_settings",
    "blueprints_scripts",
    "blueprints_files",
    "blueprints_platform_services",
    "blueprints_hardware_settings",
    "blueprints_sound",
    "blueprints_system_updates",
    "blueprints_time_and_date",
)
_TYPES = ("button", "toggle", "radio", "dropdown")
_STATUSES = ("draft", "active", "inactive")


def _repeated(options: list[dict[str, str]]) -> str:
    for name in ("label", "key"):
        values = [str(option[name]) for option in options if option.get(name) is not None]
        if repeated := sorted({value for value in values if values.count(value) > 1}):
            return f"has several options with the {name} '{repeated[0]}'"
    return ""


_OPTIONS = Field(
    "options",
    (
        "Options of the custom action, in the order in which they are shown. The list replaces the existing one.",
        "An existing option is found by its key, otherwise by its label. It keeps the values that the task omits.",
        "An option that blueprints use is not removed unless O(force=true).",
    ),
    type="list",
    elements="dict",
    required_by_api=True,
    list_validator=Validator(_repeated, "Each label and each key must be unique."),
    returns="Options of the custom action.",
    fields=(
        Field("label", "Label of the option.", normalize=str.strip, validator=length(1), required=True),
        Field(
            "key",
            (
                "UUID of the option, to which blueprints refer.",
                "Defaults to the key of the existing option, otherwise to a UUID that is derived from the tenant, the"
                " name and the label.",
            ),
            normalize=str.lower,
            validator=uuid,
            returns="UUID of the option, to which blueprints refer.",
        ),
        Field(
            "script",
            "Text of the script that the option runs. Whitespace at its end is ignored.",
            file_option="script_src",
            normalize=script_text,
            validator=not_blank,
            required_by_api=True,
            returns="Text of the script that the option runs. Null if it was not read.",
        ),
        Field(
            "interpreter",
            "Program that runs the script, such as V(bash), V(sh), V(python) or V(python3).",
            create_default="bash",
            validator=length(1, 255),
            returns="Program that runs the script. Null if it was not read.",
        ),
    ),
    sample=[
        {
            "label": "On",
            "key": "0f6f0a6e-5f0b-5f0c-8a3b-2f1d4c5b6a70",
            "script": "rfkill unblock bluetooth\n",
            "interpreter": "bash",
        },
    ],
    changed=[
        {"label": "On", "script": "rfkill unblock all\n"},
        {"label": "Off", "script": "rfkill block bluetooth\n", "interpreter": "sh"},
    ],
)

CUSTOM_ACTION = plain_kind(
    name="custom_action",
    doc=(
        "A custom action runs a script on Linux devices, which users start in blueprints or on the device.",
        "Esper does not delete an active custom action. Set O(status=inactive) first, or set O(force=true).",
    ),
    routes=Routes(
        list="/v2/custom-actions/",
        object="/v2/custom-actions/{id}/",
        update="PUT",
        keeps_omitted=True,
        page_size=100,
    ),
    adapt=decode,
    to_api=encode,
    planner=CustomActionPlanner,
    reader=CustomActionReader,
    exporter=CustomActionExporter,
    fixed_payload=lambda _api_url, _enterprise_id: {"properties": {}},
    guards=(Guard(users=in_blueprints("custom_actions_multiple.custom_actions.id")),),
    info_options=(
        Option("type", "Type of the custom actions.", choices=_TYPES, query="type"),
        Option("status", "Status of the custom actions.", choices=_STATUSES, query="state"),
        Option(
            "scripts",
            "If V(true), also returns the texts and interpreters of the scripts. This takes one request for each"
            " option of the custom actions.",
            type="bool",
            default=False,
        ),
    ),
    fields=(
        Field("id", "ID of the custom action.", writable=False, sample="c7b5c1de-3a57-4a6a-9c8e-54d0f8a0b9e1"),
        Field(
            "name",
            "Name of the custom action, case-sensitive.",
            identifier=True,
            normalize=str.strip,
            validator=length(1, 50),
            sample="Bluetooth",
        ),
        Field("type", "Type of the custom action.", choices=_TYPES, required_by_api=True, sample="toggle"),
        Field(
            "status",
            "Status of the custom action. Devices only get active custom actions.",
            api="state",
            choices=_STATUSES,
            create_default="draft",
            sample="draft",
            changed="inactive",
        ),
        Field(
            "position_in_blueprints",
            "Section of blueprints that shows the custom action.",
            choices=_POSITIONS,
            create_default="none",
            sample="blueprints_connectivity",
        ),
        Field(
            "position_in_device_settings",
            "Section of the settings on the device that shows the custom action.",
            choices=("none", "device_quick_settings"),
            create_default="none",
            sample="none",
        ),
        Field(
            "description",
            "Description of the custom action.",
            api="properties.description",
            sample="Switches Bluetooth",
        ),
        Field(
            "info_message",
            "Information that is shown with the custom action.",
            api="properties.info_message",
            sample="Applies at once",
        ),
        Field(
            "tooltip_message",
            "Tooltip of the custom action.",
            api="properties.tooltip_message",
            sample="Bluetooth on or off",
        ),
        _OPTIONS,
        Field("created_at", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("created_by", "ID of the user who created it.", type="int", writable=False, sample=12),
        Field("updated_at", "Time of the last change.", writable=False, sample="2026-03-02T11:00:00Z"),
        Field("updated_by", "ID of the user who changed it last.", type="int", writable=False, sample=12),
    ),
)
