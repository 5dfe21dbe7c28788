# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of reports that a tenant can create.

Based on /report/v0/report-types of the contract (v0.yaml), whose list can be null and has no pages.
"""

from __future__ import annotations

from ..model.field import Field
from ..model.kind import Routes
from ..model.plain import plain_reading

REPORT_TYPE = plain_reading(
    name="report_type",
    plural="report_types",
    short_description="Get information about Esper report types",
    doc="Returns the types of reports that the tenant can create.",
    routes=Routes(list="/report/v0/report-types", page_size=None, rows_key="report_types", name_filter=""),
    id_key="name",
    fields=(
        Field("name", "Name of the report type, as in O(esper.cloud.report#module:report_type).", sample="device_apps"),
        Field("display_name", "Name of the report type in the Esper console.", sample="Device apps"),
        Field("description", "Description of the report type.", sample="The apps on each device"),
        Field("last_generated_at", "Time of the latest data.", sample="2026-03-01T09:30:00Z"),
        Field("available_from", "Time of the earliest data.", sample="2024-07-01T00:00:00Z"),
    ),
    seealso=("report",),
)
