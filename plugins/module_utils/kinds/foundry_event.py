# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events of Foundry: who changed which build or device model.

Based on /v1/foundry/events/ of the contract (foundry.yaml), whose list has the newest event first and no IDs.

Choice: times above 10^11 are in milliseconds, others in seconds. An event without a valid time does not end the search
for ``since``, and is returned.
"""

from __future__ import annotations

import itertools
import typing as t
from datetime import datetime

from ..base.errors import InvalidParameter
from ..base.ids import normal_id
from ..base.row import Params, Row
from ..base.times import format_utc, time_of_number, utc_time
from ..base.validators import in_range
from ..engine.reader import Reader
from ..http.paging import iterate
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading

_PAGE_SIZE = 100


def _time_of(event: Row) -> datetime | None:
    return time_of_number(str(event.get("created_timestamp")))


def _shown_time(value: t.Any) -> t.Any:
    time = time_of_number(str(value))
    return value if time is None else format_utc(time.replace(microsecond=0))


class EventReader(Reader):
    """Reads the newest events, until there are enough or they are too old."""

    def read_rows(self, params: Params) -> list[Row]:
        if error := in_range(1)(params["limit"]):
            raise InvalidParameter(f"The option limit {error}.")
        try:
            since = None if params["since"] is None else utc_time(params["since"])
        except ValueError as error:
            raise InvalidParameter(f"The option since {error}.") from None
        events: t.Iterator[Row] = iterate(
            self.view.client,
            self.kind.routes.list,
            page_size=_PAGE_SIZE,
            key=None,
            purpose=self.kind.purpose_of_list,
        )
        if since is not None:
            events = itertools.takewhile(lambda event: (time := _time_of(event)) is None or time >= since, events)
        typed = (row for event in events if (row := self.view.typed(self.kind, event)) is not None)
        wanted = (row for row in typed if self._matches(self.kind.to_result(row), params))
        return list(itertools.islice(wanted, params["limit"]))

    @staticmethod
    def _matches(event: Row, params: Params) -> bool:
        resource = normal_id((event["resource"] or {}).get("id"))
        return params["event_type"] in (None, event["type"]) and normal_id(params["resource"]) in (None, resource)


FOUNDRY_EVENT = plain_reading(
    name="foundry_event",
    plural="foundry_events",
    title="Foundry event",
    short_description="Get events of Esper Foundation builds and models",
    doc=(
        "Returns who changed which build or device model of Esper Foundation. The newest event is the first.",
        "With O(event_type) or O(resource), the module reads events until O(limit) of them match, or all.",
    ),
    routes=Routes(list="/v1/foundry/events/", page_size=_PAGE_SIZE, name_filter=""),
    id_key="",
    reader=EventReader,
    options=(
        Option("limit", "Maximum number of events to return, 1 or more.", type="int", default=50),
        Option(
            "since",
            "Date or time of the earliest event to return, in ISO 8601, for example V(2026-05-01T00:00:00Z). Without"
            " time zone, it is in UTC.",
            identifier=True,
        ),
        Option("event_type", "Type of the events, case-sensitive.", identifier=True),
        Option("resource", "ID of the build or device model of the events.", identifier=True),
    ),
    seealso=("foundry_build", "foundry_device_model"),
    fields=(
        Field("type", "Type of the event.", api="event_type", writable=False, sample="BUILD_APPROVED"),
        Field(
            "message", "Message of the event.", api="event_message", writable=False, sample="Build 15.2.31 is approved"
        ),
        Field(
            "actor",
            "User who caused the event.",
            type="dict",
            writable=False,
            fields=(Field("id", "ID of the user."), Field("name", "Name of the user.")),
            sample={"id": "17", "name": "ops@example.com"},
        ),
        Field(
            "resource",
            "Build or device model of the event.",
            type="dict",
            writable=False,
            fields=(Field("id", "ID of the resource."), Field("type", "Type of the resource.")),
            sample={"id": "0b5f1a7e-5d0c-4c79-9a6f-1f2e3d4c5b6a", "type": "build"},
        ),
        Field("remarks", "Remarks of the user.", api="meta.user_remarks", writable=False, sample="Tested in the lab"),
        Field("change_type", "Type of the change.", api="meta.change_type", writable=False, sample="approved"),
        Field(
            "device_model", "Device model of the change.", api="meta.device_model", writable=False, sample="Example K10"
        ),
        Field(
            "created_at",
            "Time of the event.",
            api="created_timestamp",
            normalize=_shown_time,
            writable=False,
            sample="2026-03-01T09:30:00Z",
        ),
    ),
)
