# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of devices of a tenant in a period, a singleton that is only read.

Based on /enterprise/report/enterprise-report/ and /enterprise/report/info/ of the contract (legacy.yaml). Their paths
have no ID of the tenant: they are about the tenant of the API key.

Choice: a report that starts before the first available day is an error, because its numbers would be too low.
"""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.times import format_utc, now, parse_time, to_utc
from ..engine.reader import Reader
from ..http.client import Query
from ..model.conform import typed_result
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option, Value
from ..model.plain import plain_reading

_INFO = "/enterprise/report/info/"
_START, _END = "start_date", "end_date"
_DEFAULT_PERIOD = timedelta(days=1)
_AVAILABILITY = (
    Field(
        "available_from",
        "Start of the first available report. Null if Esper does not return it.",
        api="reportAvailabilityFrom",
        sample="2026-01-01T00:00:00Z",
    ),
    Field("enabled", "Whether reports are enabled.", api="enableReportsWorkflow", type="bool", sample=True),
)


class EnterpriseReportReader(Reader):
    """Reads the availability of reports before the report, so an unavailable one is an error."""

    def get_info(self, params: Params) -> Row:
        query = self.query(params)
        purpose = "Reading the availability of reports"
        body = self.view.client.get_object(_INFO, key=None, purpose=purpose)
        availability, mismatches = typed_result(_AVAILABILITY, body)
        self.view.record_invalid("report", "the availability", mismatches)
        _check_available(query, availability["available_from"])
        return {**super().get_info(params), "availability": availability}

    def query(self, params: Params) -> Query:
        query = {_END: format_utc(now().replace(microsecond=0)), **(super().query(params) or {})}
        query.setdefault(_START, format_utc(_time(query[_END]) - _DEFAULT_PERIOD))
        if _time(query[_START]) >= _time(query[_END]):
            raise InvalidParameter(f"The option start must be before end: {query[_START]} is not before {query[_END]}.")
        return query


def _time(text: str) -> datetime:
    """Return the time in a text of the query."""
    return t.cast("datetime", parse_time(text))


def _check_available(query: Query, available_from: str | None) -> None:
    """Raise InvalidParameter if the period of a report starts before the first available one."""
    first = parse_time(available_from or "")
    if first is not None and _time(query[_START]) < first:
        raise InvalidParameter(
            f"No report is available before {available_from}. Set start to this time or a later one."
        )


ENTERPRISE_REPORT = plain_reading(
    name="enterprise_report",
    plural="reports",
    info_name="report",
    title="report",
    short_description="Get the numbers of Esper devices in a period",
    doc=(
        "Returns how many devices were active, provisioned and registered in a period.",
        "Also returns from when on reports are available. If O(start) is earlier, the task fails.",
    ),
    routes=Routes(object="/enterprise/report/enterprise-report/"),
    options=(
        Option(
            "start",
            "Start of the period, as a date or a time in ISO 8601. Without time zone, it is in UTC. Defaults to 24"
            " hours before O(end).",
            query=_START,
            to_query=to_utc,
            identifier=True,
        ),
        Option(
            "end",
            "End of the period, in the format of O(start). Defaults to the current time.",
            query=_END,
            to_query=to_utc,
            identifier=True,
        ),
    ),
    returns=(Value("availability", "The availability of reports.", type="dict", contains=_AVAILABILITY),),
    seealso=("status_metric_info",),
    reader=EnterpriseReportReader,
    fields=(
        Field(
            "peak_active_devices",
            "Maximum number of active devices.",
            type="int",
            writable=False,
            sample=288,
        ),
        Field("provisioned_devices", "Number of provisioned devices.", type="int", writable=False, sample=300),
        Field("registered_devices", "Number of registered devices.", type="int", writable=False, sample=310),
    ),
)
