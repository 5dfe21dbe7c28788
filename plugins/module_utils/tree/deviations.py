# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option of the module tenant for accepted deviations, and the file of a tree that sets it."""

from __future__ import annotations

import datetime
import typing as t

from ..base.located import Located
from ..model.kind import Kind
from ..model.module_spec import Option
from .checks import check_options, suggestion
from .documents import Problem

DEVIATIONS_FILE = "accepted_deviations.yml"

ACCEPTED_DEVIATIONS = Option(
    "accepted_deviations",
    (
        "Differences between the tenant and the task that are left alone, and reported as accepted.",
        "Those in the file C(accepted_deviations.yml) of O(src) are added.",
    ),
    type="list",
    elements="dict",
    options=(
        Option("kind", "Kind of the object, the name of its module.", required=True),
        Option("name", "Name of the object, as in RV(objects[].name).", required=True, identifier=True),
        Option(
            "field",
            "Path of the value that can differ, as in RV(objects[].changes[].path). If omitted, all values can differ.",
        ),
        Option("reason", "Reason for the deviation.", required=True),
        Option("until", "Last day of the deviation, as V(YYYY-MM-DD). If omitted, it does not end."),
    ),
)


def check_deviations(items: t.Iterable[Located], kinds: t.Iterable[Kind]) -> t.Iterator[Problem]:
    """Yield the errors in accepted deviations."""
    names = [kind.name for kind in kinds]
    for item in items:
        yield from check_options(ACCEPTED_DEVIATIONS.options, {}, item)
        values = item.value if isinstance(item.value, dict) else {}
        kind, until = values.get("kind"), values.get("until")
        if kind is not None and isinstance(kind.value, str) and kind.value not in names:
            hint = suggestion(kind.value, names) or f" Valid kinds: {', '.join(sorted(names))}."
            yield Problem(kind.file, kind.line, f"The kind '{kind.value}' is unknown.{hint}")
        if until is not None and isinstance(until.value, str) and not _is_date(until.value):
            yield Problem(
                until.file, until.line, f"The option until must be a date such as 2026-12-31, not '{until.value}'."
            )


def _is_date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-12-31")
