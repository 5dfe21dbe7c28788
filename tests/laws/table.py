# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of kinds and laws, in TABLE.md."""

from __future__ import annotations

import typing as t

from ansible_collections.esper.cloud.tests.laws.laws import Law
from ansible_collections.esper.cloud.tests.laws.subjects import Subject

TESTED = "tested"

_HEAD = """\
<!--
SPDX-FileCopyrightText: esper.cloud contributors
SPDX-License-Identifier: GPL-3.0-or-later
-->

# Kinds and laws

Each law is tested with each kind, unless the table has the reason why the law does not apply. To write this file, run
`python -m pytest tests/laws --write-table=FILE` in the copy of the checkout below `.ansible/collections`.

"""


def table(subjects: t.Sequence[Subject], laws: t.Sequence[Law]) -> str:
    """Return the file: the statements of the laws, and a table with one row for each kind."""
    statements = "".join(f"- `{law.name}`: {law.statement}\n" for law in laws)
    rows = [["kind", *(f"`{law.name}`" for law in laws)], ["---"] * (len(laws) + 1)]
    rows += [[f"`{subject}`", *(law.reason(subject) or TESTED for law in laws)] for subject in subjects]
    return f"{_HEAD}{statements}\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)
