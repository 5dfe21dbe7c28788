# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix as a table of the guide, made of what a run found."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

from ansible_collections.esper.cloud.tests.faults.matrix import DONE, ERRORS, FAULTS, NotApplicable
from ansible_collections.esper.cloud.tests.faults.operations import OPERATIONS

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "8-when-things-go-wrong.md"
_BEGIN = "<!-- What follows is written by the tests: python -m pytest tests/faults --write-docs FILE -->\n"

# The outcome of each cell that was run, by the names of fault and operation. Of an error: whether it changed anything.
Found = dict[tuple[str, str], tuple[str, bool]]
# A sentence that was seen, for each error.
Seen = dict[str, str]


def with_matrix(guide: str, found: Found, seen: Seen) -> str:
    """The guide with the matrix of a run in the place of that which it has."""
    return guide.partition(_BEGIN)[0] + _BEGIN + "\n".join(_lines(found, seen)) + "\n"


def _lines(found: Found, seen: Seen) -> t.Iterator[str]:
    group = ""
    reasons: list[str] = []
    for fault in FAULTS:
        if fault.group != group:
            group = fault.group
            yield f"\n### {group}\n"
            yield f"| Fault | {' | '.join(operation.name for operation in OPERATIONS)} |"
            yield f"| --- |{' --- |' * len(OPERATIONS)}"
        cells = []
        for operation in OPERATIONS:
            stated = fault.outcome_of(operation.name)
            if isinstance(stated, NotApplicable):
                reasons += [stated.reason] if stated.reason not in reasons else []
                cells.append(f"– ({reasons.index(stated.reason) + 1})")
            else:
                cells.append(_cell(*found[fault.name, operation.name]))
        yield f"| {fault.name} | {' | '.join(cells)} |"
    yield "\n### Cells that there are not\n"
    yield from (f"{number}. {reason}" for number, reason in enumerate(reasons, 1))
    yield "\n## What the errors say\n"
    yield "| Error | Such as |"
    yield "| --- | --- |"
    yield from (f"| {name} | {_plain(seen[name])} |" for name in ERRORS)


def _cell(outcome: str, took_effect: bool) -> str:
    return outcome if outcome == DONE else f"error: {outcome}{', took effect' * took_effect}"


def _plain(sentence: str) -> str:
    """A sentence without what differs from run to run."""
    sentence = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", sentence)
    # Which reason TLS gives is up to OpenSSL.
    sentence = re.sub(r"failed \([A-Z_]+\)", "failed (REASON)", sentence)
    return re.sub(r"\.test:\d+", ".test", sentence).replace("|", "\\|")
