# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the outcomes of a run as the tables in MATRIX.md."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

from ansible_collections.esper.cloud.tests.faults.matrix import DONE, ERRORS, FAULTS, NotApplicable
from ansible_collections.esper.cloud.tests.faults.operations import OPERATIONS

MATRIX = Path(__file__).resolve().parent / "MATRIX.md"
_BEGIN = "<!-- Written by the tests: python -m pytest tests/faults --write-matrix=FILE -->\n"

# The outcome of each cell, by the names of fault and operation, and for an error, whether the change took effect.
Found = dict[tuple[str, str], tuple[str, bool]]
# A message for each error.
Seen = dict[str, str]


def with_outcomes(text: str, found: Found, seen: Seen) -> str:
    """Return the text of MATRIX.md with the outcomes of a run."""
    return text.partition(_BEGIN)[0] + _BEGIN + "\n".join(_lines(found, seen)) + "\n"


def _lines(found: Found, seen: Seen) -> t.Iterator[str]:
    group = ""
    reasons: list[str] = []
    for fault in FAULTS:
        if fault.group != group:
            group = fault.group
            yield f"\n## {group}\n"
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
    yield "\n## Cells that do not apply\n"
    yield from (f"{number}. {reason}" for number, reason in enumerate(reasons, 1))
    yield "\n## Messages\n"
    yield "| Error | Example |"
    yield "| --- | --- |"
    yield from (f"| {name} | {_plain(seen[name])} |" for name in ERRORS)


def _cell(outcome: str, took_effect: bool) -> str:
    return outcome if outcome == DONE else f"error: {outcome}{', took effect' * took_effect}"


def _plain(sentence: str) -> str:
    """Return a message without the parts that differ in each run."""
    sentence = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", sentence)
    # The numbers of objects depend on the number of objects that the simulator created before.
    sentence = re.sub(r"/\d+(?=/)", "/ID", sentence)
    # The reason depends on the version of OpenSSL.
    sentence = re.sub(r"failed \([A-Z_]+\)", "failed (REASON)", sentence)
    return re.sub(r"\.test:\d+", ".test", sentence).replace("|", "\\|")
