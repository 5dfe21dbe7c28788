# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""DEP syncs, which modules read. tasks/dep_sync.py starts one.

Based on /onboarding/v0/depsyncs/ of the contract (v0.yaml), a list without limit, filter and order.
"""

from __future__ import annotations

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.times import newest_first
from ..base.validators import in_range
from ..engine.reader import Reader
from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.kind import Kind, Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading

OPEN = ("QUEUED", "INPROGRESS")
SUCCEEDED = ("SUCCESS", "COMPLETE")
_STATUSES = (*OPEN, *SUCCEEDED, "FAILURE")
_number_of_syncs = in_range(1)


def dep_syncs(view: TenantView, kind: Kind) -> list[Row]:
    """Return all DEP syncs, the newest first."""
    # The reverse order, because one at the end of the list is newer if times are missing.
    return newest_first(reversed(view.list_objects(kind)), "created_at")


class DepSyncReader(Reader):
    """Reads DEP syncs. Esper can neither filter nor limit the list."""

    def read_rows(self, params: Params) -> list[Row]:
        """Return the DEP syncs that the options select, the newest first."""
        if params["id"] is not None:
            return super().read_rows(params)
        if error := _number_of_syncs(params["limit"]):
            raise InvalidParameter(f"The option limit {error}.")
        rows = [row for row in dep_syncs(self.view, self.kind) if params["status"] in (None, row.get("status"))]
        return rows[: params["limit"]]


DEP_SYNC_ROWS = plain_reading(
    name="dep_sync",
    title="DEP sync",
    plural="dep_syncs",
    short_description="Get information about Esper DEP syncs",
    doc=(
        "Returns one DEP sync by ID, or the latest DEP syncs.",
        "If the DEP sync does not exist, the list is empty.",
    ),
    routes=Routes(
        list="/onboarding/v0/depsyncs/", object="/onboarding/v0/depsyncs/{id}/", page_size=None, name_filter=""
    ),
    reader=DepSyncReader,
    options=(
        Option("id", "ID of the DEP sync.", identifier=True),
        Option("status", "Status of the DEP syncs.", choices=_STATUSES),
        Option("limit", "Maximum number of DEP syncs.", type="int", default=10),
    ),
    rules={"mutually_exclusive": [("id", "status")]},
    seealso=("dep_sync", "dep_profile"),
    fields=(
        Field("id", "ID of the DEP sync.", sample="3c7f0f5e-2a61-4d0c-9a7b-5e8d1c2b4f60"),
        Field(
            "status",
            "Status of the DEP sync. V(SUCCESS) and V(COMPLETE) mean that it succeeded.",
            choices=_STATUSES,
            sample="SUCCESS",
        ),
        Field("failure_reason", "Reason of a failure.", sample=""),
        Field(
            "failed_devices",
            "Devices that Esper could not synchronize.",
            api="devices.failure",
            type="list",
            elements="dict",
            fields=(
                Field("serial", "Serial number of the device."),
                Field("reason", "Reason of the failure."),
            ),
            sample=[{"serial": "DMPX2345ABCD", "reason": "The device is assigned to another server"}],
        ),
        Field("created_at", "Time of creation.", sample="2026-03-01T09:30:00Z"),
        Field("created_by", "ID of the user who started the DEP sync.", sample="17"),
        Field("updated_at", "Time of the last change.", sample="2026-03-01T09:31:00Z"),
    ),
)
