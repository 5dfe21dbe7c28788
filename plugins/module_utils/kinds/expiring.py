# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields, options and readers of kinds with a yearly expiry: push certificates and tokens of Apple."""

from __future__ import annotations

from ..base.row import Params, Row
from ..engine.reader import Reader
from ..model.field import Field
from ..model.module_spec import Option

REQUESTED, COMPLETED = "CSR_GENERATED", "COMPLETED"
"""The states of an object that waits for a file from Apple, and of one that has it."""


def days_left_field(title: str) -> Field:
    """Return the field with the days until the expiry, which adapt() adds to an object."""
    return Field(
        "days_left",
        f"Number of whole days until the {title} expires. Negative if it is expired, null if Esper returns no valid"
        " time.",
        type="int",
        writable=False,
        sample=186,
    )


def expiring_within(titles: str) -> Option:
    """Return the option of an _info module that selects objects by their expiry."""
    return Option(
        "expiring_within",
        f"Number of days. Returns only {titles} that expire in this time, or that are expired.",
        type="int",
    )


class ExpiringReader(Reader):
    """Reads objects with the option ``expiring_within``."""

    def read_rows(self, params: Params) -> list[Row]:
        """Return the objects that match all options."""
        rows, days, state = super().read_rows(params), params["expiring_within"], params.get("state")
        # Esper does not have to support the filter.
        rows = [row for row in rows if state is None or row.get("state") == state]
        return [row for row in rows if days is None or ((left := row.get("days_left")) is not None and left < days)]
