# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mutations find readers that are weaker than those of the collection, each by what it does wrong."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.engine import tenant_view
from ansible_collections.esper.cloud.plugins.module_utils.engine.planner import Planner
from ansible_collections.esper.cloud.plugins.module_utils.http import responses
from ansible_collections.esper.cloud.plugins.module_utils.kinds import device
from ansible_collections.esper.cloud.plugins.plugin_utils import host_variables
from ansible_collections.esper.cloud.plugins.plugin_utils.api_values import as_template
from ansible_collections.esper.cloud.tests.laws.preparations import Row
from ansible_collections.esper.cloud.tests.mutations.mutants import MUTATIONS
from ansible_collections.esper.cloud.tests.mutations.runner import MODULES, SCENARIOS, SEED, Case, Runner, Selection

_TRIES = 60


def _untyped(host: Row) -> tuple[Row, tuple[str, ...]]:
    return host, ()


def _part(row: Row, key: str) -> t.Any:
    return row.get(key) or {}


def _ignores(*_arguments: t.Any, **_options: t.Any) -> None:
    pass


def _trusted(value: t.Any) -> t.Any:
    """Return a value with each text in it as a template."""
    if isinstance(value, str):
        return as_template(value)
    return [_trusted(each) for each in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Weakness:
    """A function of the collection and a weaker one, a scenario that uses it, and the flaw that mutations find."""

    place: t.Any
    name: str
    weaker: t.Any
    scenario: str
    kind: str
    flaw: str


WEAKNESSES = {
    "types of variables": Weakness(device, "with_types", _untyped, "devices-full", "template_key", "sets .* dict"),
    "types of parts": Weakness(device, "_part", _part, "devices-full", "wrong_type", "AttributeError"),
    "templates": Weakness(host_variables, "as_data", _trusted, "devices-full", "template", "evaluates the variable"),
    "halves of characters": Weakness(
        responses, "decode_json", json.loads, "content-list", "surrogate", "cannot be shown"
    ),
    "types of objects": Weakness(
        tenant_view, "conform", lambda _fields, row: (row, []), "role-list", "wrong_type", "returns .* but documents"
    ),
    "values that cannot be read": Weakness(
        Planner, "_check_mismatches", _ignores, "blueprint-update", "wrong_type", "overwrites"
    ),
}


@pytest.mark.parametrize("weakness", WEAKNESSES.values(), ids=WEAKNESSES)
def test_mutations_find(weakness: Weakness, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    runner.baseline(weakness.scenario)
    monkeypatch.setattr(weakness.place, weakness.name, weakness.weaker)
    cases = [Case(weakness.scenario, weakness.kind, number) for number in range(_TRIES)]
    flaws = [flaw for failure in runner.check(cases, SEED) for flaw in failure.flaws]
    assert any(re.search(weakness.flaw, flaw) for flaw in flaws), flaws


def test_each_module_and_each_kind_of_mutation_has_its_share() -> None:
    selection = Selection(2000, SEED)
    cases = [each for module in MODULES for each in selection.cases(module)]
    assert len(cases) == len(set(cases)) == 2000
    for kind in MUTATIONS:
        assert len([each for each in cases if each.kind == kind]) > 2000 / len(MUTATIONS) * 0.8
    assert min(len(selection.cases(module)) for module in MODULES) > 2000 / len(MODULES) * 0.8


def test_a_case_can_be_run_again(runner: Runner) -> None:
    case = Selection(2000, SEED).cases("role")[7]
    again = Selection(1, SEED, str(case))
    assert [again.cases(module) for module in MODULES if again.cases(module)] == [[case]]
    assert str(case) in again.again(case)
    texts = [str(getattr(runner.mutation(case, seed), "text", "")) for seed in (SEED, SEED, SEED + 1)]
    assert texts[0] == texts[1] != texts[2]


def test_almost_every_mutation_changes_a_response(runner: Runner) -> None:
    cases = [Case(name, kind, 0) for name in ("role-update", "devices-standard") for kind in MUTATIONS]
    made = [(SCENARIOS[each.scenario], mutation) for each in cases if (mutation := runner.mutation(each, SEED))]
    hits = [runner.mutated(*each)[1] for each in made]
    assert len(made) > len(cases) * 0.9
    assert len([each for each in hits if each]) > len(made) * 0.9
