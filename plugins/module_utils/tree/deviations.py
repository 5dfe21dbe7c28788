# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accepted deviations in the files of a tree."""

from __future__ import annotations

import datetime
import re
import typing as t

from ..base.located import Located
from ..model.kind import Kind
from ..model.module_spec import Option
from .checks import check_options, suggestion
from .documents import Problem

ACCEPTED_DEVIATIONS = "accepted_deviations"
"""The option of the module tenant, and the name of the file."""


def check_deviations(items: t.Iterable[Located], option: Option, kinds: t.Collection[Kind]) -> t.Iterator[Problem]:
    """Yield the errors in accepted deviations, which are items of an option."""
    names = [kind.tenant_option for kind in kinds]
    for item in items:
        yield from check_options(option.options, option.rules, item)
        values = item.value if isinstance(item.value, dict) else {}
        name, path, until = values.get("kind"), values.get("field"), values.get("until")
        kind = name and next((each for each in kinds if name.value in (each.tenant_option, each.name)), None)
        if name and isinstance(name.value, str) and kind is None:
            hint = suggestion(name.value, names)
            yield Problem(name.file, name.line, f"The kind '{name.value}' is unknown.{hint}")
        if kind and path and isinstance(path.value, str):
            fields = [field.name for field in kind.fields]
            first = re.split(r"[.\[]", path.value, maxsplit=1)[0]
            if first not in fields:
                hint = suggestion(first, fields)
                yield Problem(path.file, path.line, f"The {kind.title} has no field '{first}'.{hint}")
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
