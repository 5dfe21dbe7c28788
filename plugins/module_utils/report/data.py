# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of a report: what the result of the module tenant says, in the order in which people read it."""

from __future__ import annotations

import typing as t

from ..base.errors import InvalidParameter
from ..base.row import Row

FORMAT = 1
"""The version of the format of a report. It changes if a value is removed, or if its meaning changes."""
DIFFERENT = ("failed", "created", "updated", "deleted", "skipped")
"""The actions of objects that a report shows, in its order."""
_OBJECT_KEYS = ("kind", "name", "id", "action", "changes", "file", "msg")
_ACCEPTED_KEYS = ("kind", "name", "field", "reason", "until", "status")


def report_of(plan: t.Mapping[str, t.Any]) -> Row:
    """Return the report about a result of the module tenant. Raise InvalidParameter if it is none."""
    objects = _rows(plan, "objects")
    failure = plan.get("msg")
    if objects is None and not failure:
        raise InvalidParameter("The option plan is no result of esper.cloud.tenant: it has no objects.")
    shown = [_object(row) for row in objects or [] if row.get("action") in DIFFERENT]
    shown.sort(key=lambda row: (DIFFERENT.index(row["action"]), str(row["kind"]), str(row["name"])))
    counts = dict.fromkeys((*DIFFERENT, "unchanged"), 0)
    for row in objects or []:
        if row.get("action") in counts:
            counts[row["action"]] += 1
    unlisted = [row for row in _rows(plan, "not_in_tree") or [] if row.get("action") == "kept"]
    accepted = [_accepted(row) for row in _rows(plan, "accepted_deviations") or []]
    return {
        "format": FORMAT,
        "differs": bool(shown or unlisted),
        "failure": str(failure) if failure else None,
        "plan_checksum": plan.get("plan_checksum"),
        "counts": {
            **counts,
            "not_in_tree": len(unlisted),
            "accepted": sum(row["status"] == "active" for row in accepted),
            "expired": sum(row["status"] == "expired" for row in accepted),
        },
        "objects": shown,
        "not_in_tree": [{key: row.get(key) for key in ("kind", "name", "id", "reason")} for row in unlisted],
        "accepted": accepted,
    }


def _rows(plan: t.Mapping[str, t.Any], key: str) -> list[Row] | None:
    rows = plan.get(key)
    if rows is None:
        return None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidParameter(f"The option plan is no result of esper.cloud.tenant: {key} is no list of dicts.")
    return rows


def _object(row: Row) -> Row:
    changes = [each for each in row.get("changes") or [] if isinstance(each, dict)]
    return {
        **{key: row.get(key) for key in _OBJECT_KEYS},
        "changes": [
            {**{key: each.get(key) for key in ("path", "before", "after")}, "object": each.get("object")}
            for each in changes
        ],
    }


def _accepted(row: Row) -> Row:
    return {key: row.get(key) for key in _ACCEPTED_KEYS}
