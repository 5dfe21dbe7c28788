# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Background scripts, which run on Windows devices at intervals or permanently.

Based on /v2/background-scripts/ of the contract (v2.yaml), which has neither an update nor a deletion. The list does
not have the texts of the scripts.

Choice: names are case-sensitive. Choice: a script that runs permanently has no interval, so the module omits
frequency_in_mins in place of sending null. Choice: how scripts get to devices is not documented, because no setting of
a blueprint names one, so this collection does not offer it.
"""

from __future__ import annotations

from ..base.row import Row
from ..base.validators import in_range, length
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option
from ..model.plain import plain_kind
from .script_text import not_blank, script_text


def _validate(row: Row) -> str:
    if row.get("always_run") is False and row.get("frequency") is None:
        return "frequency is required if always_run is false"
    if row.get("always_run") and row.get("frequency") is not None:
        return "frequency is not allowed if always_run is true"
    return ""


BACKGROUND_SCRIPT = plain_kind(
    name="background_script",
    doc=(
        "Background scripts run on Windows devices, at intervals or permanently.",
        "Esper can neither change nor delete a background script. If it differs from the task, the task fails.",
        "Esper does not document how background scripts are assigned to devices. Assign them in the Esper Console.",
    ),
    routes=Routes(list="/v2/background-scripts/", object="/v2/background-scripts/{id}/", page_size=100),
    deletes=False,
    info_short_description="Read Esper background scripts",
    info_options=(
        Option(
            "always_run",
            "If V(true), returns scripts that run permanently only. If V(false), returns the others only.",
            type="bool",
            query="always_run",
        ),
    ),
    validator=_validate,
    fields=(
        Field("id", "ID of the background script.", writable=False, sample="5b0a2c4e-6f0d-4c0e-8a57-0d1f5f0d6a31"),
        Field(
            "name",
            "Name of the background script, case-sensitive.",
            identifier=True,
            create_only=True,
            normalize=str.strip,
            validator=length(1, 50),
            sample="clean-spool",
        ),
        Field(
            "script",
            "Text of the script. Whitespace at its end is ignored.",
            create_only=True,
            file_option="script_src",
            on_request="scripts",
            normalize=script_text,
            validator=not_blank,
            required_by_api=True,
            returns="Text of the script. Null if it was not read.",
            sample="Remove-Item C:\\Spool\\* -Recurse\n",
        ),
        Field(
            "interpreter",
            "Program that runs the script. Esper documents V(powershell) only.",
            create_only=True,
            create_default="powershell",
            validator=length(1, 50),
            returns="Program that runs the script.",
            sample="powershell",
        ),
        Field(
            "always_run",
            "If V(true), the script runs permanently. If V(false), it runs every O(frequency) minutes.",
            type="bool",
            create_only=True,
            required_by_api=True,
            returns="Whether the script runs permanently.",
            sample=False,
        ),
        Field(
            "frequency",
            "Time between the starts of the script, in minutes. Required on creation if O(always_run=false)."
            " Not allowed if O(always_run=true).",
            api="frequency_in_mins",
            type="int",
            create_only=True,
            validator=in_range(1),
            returns="Time between the starts of the script, in minutes.",
            sample=60,
        ),
        Field(
            "run_timeout",
            "Time in minutes after which Esper stops the script.",
            api="timeout_in_mins",
            type="int",
            create_only=True,
            create_default=60,
            validator=in_range(1),
            sample=5,
        ),
        Field(
            "description",
            "Description of the background script.",
            create_only=True,
            validator=length(0, 300),
            sample="Deletes spool files",
        ),
        Field("created_at", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("created_by", "ID of the user who created it.", type="int", writable=False, sample=12),
        Field("updated_at", "Time of the last change.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("updated_by", "ID of the user who changed it last.", type="int", writable=False, sample=12),
    ),
)
