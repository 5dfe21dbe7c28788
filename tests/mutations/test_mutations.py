# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutated responses never cost more than one clear error, and never run code or overwrite what they hide."""

from __future__ import annotations

import pytest
from ansible_collections.esper.cloud.tests.mutations.runner import MODULES, Failure, Runner, Selection


@pytest.mark.parametrize("module", MODULES)
def test_mutations(module: str, runner: Runner, selection: Selection) -> None:
    cases = selection.cases(module)
    if not cases:
        pytest.skip("no mutation of this module is selected")
    failures = runner.check(cases, selection.seed)
    assert not failures, f"{len(failures)} of {len(cases)} mutations\n{_described(failures, selection)}"


def _described(failures: list[Failure], selection: Selection) -> str:
    return "\n".join(
        f"\n{each.text}\n  {'; '.join(each.flaws[:4])[:1500]}\n  {selection.again(each.case)}" for each in failures
    )
