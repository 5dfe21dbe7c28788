# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that kinds with uploaded files share."""

from __future__ import annotations

from ..base.errors import InvalidParameter
from ..base.limits import LONGEST_TIME
from ..base.row import Params
from ..model.field import SEARCH_PATH
from ..model.module_spec import Option

__all__ = ["SEARCH_PATH", "UPLOAD_DEADLINE", "time_limit_of"]

UPLOAD_DEADLINE = Option(
    "upload_deadline",
    (
        "Time limit of the task in seconds, measured from the start of the upload. It applies if O(deadline) leaves"
        " less time.",
        f"V(0) sets no limit. At most V({LONGEST_TIME}), a week.",
    ),
    type="float",
    default=3600.0,
)


def time_limit_of(params: Params) -> float:
    """Return the option ``upload_deadline``. Raise InvalidParameter if it is out of range."""
    limit: float = params["upload_deadline"]
    if not 0 <= limit <= LONGEST_TIME:
        raise InvalidParameter(f"Invalid upload_deadline: {limit:g}. It must be from 0 to {LONGEST_TIME}.")
    return limit
