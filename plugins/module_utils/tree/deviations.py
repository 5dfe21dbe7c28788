# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accepted deviations in the files of a tree."""

from __future__ import annotations

import datetime
import typing as t

from ..base.located import Located
from ..model.kind import Kind
from ..model.module_spec import Option
from .checks import check_options, suggestion
from .documents import Problem

ACCEPTED_DEVIATIONS = "accepted_deviations"
"""The option of the module tenant, and the name of the file."""


def check_deviations(items: t.Iterable[Located], option: Option, kinds: t.Iterable[Kind]) -> t.Iterator[Problem]:
    """Yield the errors in accepted deviations, which are items of an option."""
    names = {name for kind in kinds for name in (kind.tenant_option, kind.name)}
    for item in items:
        yield from check_options(option.options, option.rules, item)
        values = item.value if isinstance(item.value, dict) else {}
        kind, until = values.get("kind"), values.get("until")
        if kind is not None and isinstance(kind.value, str) and kind.value not in names:
            hint = suggestion(kind.value, sorted(names))
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
