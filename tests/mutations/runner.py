# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the scenarios, first as they are, then each time with a mutation, and checks the law."""

from __future__ import annotations

import gc
import itertools
import time
import traceback
import typing as t
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
import requests
from ansible.errors import AnsibleParserError
from ansible.module_utils.common.parameters import remove_values
from ansible.template import Templar
from ansible_collections.esper.cloud.plugins.module_utils.http import responses as responses_module
from ansible_collections.esper.cloud.plugins.module_utils.http import transport as transport_module
from ansible_collections.esper.cloud.plugins.module_utils.tasks import polling as polling_module
from ansible_collections.esper.cloud.plugins.plugin_utils.api_values import as_template
from ansible_collections.esper.cloud.tests.faults.world import Clock
from ansible_collections.esper.cloud.tests.laws.world import KEY, World
from ansible_collections.esper.cloud.tests.mutations import law
from ansible_collections.esper.cloud.tests.mutations.law import Outcome
from ansible_collections.esper.cloud.tests.mutations.mutants import (
    CANARY,
    MUTATIONS,
    SONG,
    Mutation,
    Mutator,
    mutation_of,
)
from ansible_collections.esper.cloud.tests.mutations.scenarios import INVENTORY, Scenario, Tenant, scenarios
from ansible_collections.esper.cloud.tests.mutations.service import Adapter, Answer, DirectSimulator
from ansible_collections.esper.cloud.tests.unit.plugins.inventory.test_sources import Sources
from contract import Contract
from process import ENTERPRISE_ID

NUMBER, SEED = 1200, 20260115
SCENARIOS = {each.name: each for each in scenarios()}
MODULES = sorted({each.module for each in SCENARIOS.values()})
_INVENTORY_SHARES = 5
# What a Sources object cannot be made without. These options of a source have no effect on the law.
_CONNECTION = {"retries": 2, "enterprise_id": ENTERPRISE_ID}


@dataclass(frozen=True)
class Case:
    """One mutation: its scenario, its kind, and which of them it is."""

    scenario: str
    kind: str
    number: int

    def __str__(self) -> str:
        return f"{self.scenario}/{self.kind}/{self.number}"


@dataclass(frozen=True)
class Selection:
    """The mutations of a run: that many, or the one with this name."""

    number: int
    seed: int
    only: str = ""

    def cases(self, module: str) -> list[Case]:
        """Return the mutations for a module, evenly spread over its scenarios and the kinds of mutations. Each module
        has as many, but the inventory as several modules, because its values become variables."""
        names = [name for name, each in SCENARIOS.items() if each.module == module]
        if self.only:
            name, kind, number = self.only.split("/")
            return [Case(name, kind, int(number))] if name in names else []
        cells = [(name, kind) for name in names for kind in MUTATIONS]
        Random(f"{self.seed}/{module}").shuffle(cells)
        shares = [each for each in MODULES for _share in range(_INVENTORY_SHARES if each == INVENTORY else 1)]
        share = sum(shares[index % len(shares)] == module for index in range(self.number))
        return [Case(*cells[index % len(cells)], index // len(cells)) for index in range(share)]

    def again(self, case: Case) -> str:
        """Return the command that runs a mutation again."""
        return f"python -m pytest tests/mutations --mutation-seed={self.seed} --mutation={case}"


@dataclass
class Baseline:
    """A scenario without a mutation: the tenant before it, its responses, and its outcome."""

    saved: bytes
    tenant: Tenant
    before: t.Any
    intended: t.Any
    answers: list[Answer]
    outcome: Outcome


@dataclass
class Failure:
    """A mutation that breaks the law."""

    case: Case
    text: str
    flaws: list[str]


@dataclass
class Runner:
    """Runs scenarios in this process, with time that does not pass while a task waits."""

    folder: Path
    patches: pytest.MonkeyPatch
    baselines: dict[str, Baseline] = field(default_factory=dict)

    def __post_init__(self) -> None:
        clock = Clock()
        self.simulator = DirectSimulator()
        adapter = Adapter(self.simulator)
        self.patches.setattr(requests.Session, "get_adapter", lambda _session, **_options: adapter)
        for module in (transport_module, responses_module, polling_module):
            self.patches.setattr(module, "time", clock)
        self.patches.setattr(transport_module.Transport, "_sleep", lambda _client, seconds: clock.wait(seconds))
        self.patches.setenv("HOME", str(self.folder))
        self.patches.setenv(CANARY, SONG)
        self.patches.chdir(self.folder)
        self.sources = Sources(self.folder, self.simulator, self.patches)
        # Without waiting, like the tasks, but with the time of it.
        self.patches.setattr(transport_module.Transport, "_sleep", lambda _client, seconds: clock.wait(seconds))
        self.world = World(self.simulator, Contract(), self.folder)

    # --- scenarios ----------------------------------------------------------------------------------------------------

    def baseline(self, name: str) -> Baseline:
        """Return what a scenario does without a mutation."""
        if name not in self.baselines:
            self.baselines[name] = self._record(SCENARIOS[name])
        return self.baselines[name]

    def _record(self, scenario: Scenario) -> Baseline:
        self.world.begin(scenario.preparation)
        objects = self.simulator.objects()
        tenant = Tenant(tuple(objects["devices"]), tuple(objects["groups"]))
        for module, options in scenario.earlier(tenant):
            self.world.must(module, options)
        saved, before = self.simulator.save(), self.simulator.objects()
        self.simulator.recover(None)
        outcome = self.run(scenario, tenant)
        assert not outcome.failed, f"{scenario.name}: {outcome.message}"
        assert not outcome.error, f"{scenario.name}: {outcome.error}"
        return Baseline(saved, tenant, before, self.simulator.objects(), self.simulator.seen, outcome)

    def run(self, scenario: Scenario, tenant: Tenant) -> Outcome:
        """Run a scenario."""
        started = time.process_time()
        try:
            outcome = (self._read if scenario.module == INVENTORY else self._execute)(scenario, tenant)
        except Exception as error:  # noqa: BLE001 - that is what is tested
            last = traceback.extract_tb(error.__traceback__)[-1]
            shown = f"{type(error).__name__}: {str(error)[:300]} ({last.filename}:{last.lineno})"
            outcome = Outcome(failed=True, message="an exception", values={}, texts=[], error=shown)
        outcome.seconds = time.process_time() - started
        outcome.writes = [each for each in self.simulator.journal() if each["method"] != "GET"]
        return outcome

    def _execute(self, scenario: Scenario, tenant: Tenant) -> Outcome:
        self.world.connection = {} if scenario.discovers else {"enterprise_id": ENTERPRISE_ID}
        run = self.world.run(scenario.module, scenario.options(tenant), check_mode=scenario.check_mode)
        texts = [*run.warnings, *run.progress, *run.log]
        error = str(run.result.get("exception", ""))[-700:]
        # Ansible masks the API key in results.
        return Outcome(run.failed, run.message, remove_values(run.result, {KEY}), texts, error)

    def _read(self, scenario: Scenario, tenant: Tenant) -> Outcome:
        options = {**(_CONNECTION if not scenario.discovers else {"retries": 2}), **scenario.options(tenant)}
        shown = self.sources._shown
        for texts in shown.values():
            texts.clear()
        for file in self.folder.glob("cache/*"):
            file.unlink()
        # The plugin collects garbage itself after each inventory, which takes long in the process of tests.
        gc.disable()
        try:
            manager = self.sources.parse(self.sources.write(**options))
        except AnsibleParserError as error:
            return Outcome(True, str(error), {}, list(itertools.chain(*shown.values())))
        finally:
            gc.enable()
        hosts = {name: dict(host.vars) for name, host in manager.hosts.items()}
        groups = {name: dict(group.vars) for name, group in manager.groups.items()}
        evaluated = [name for variables in hosts.values() for name in _evaluated(manager._loader, variables)]
        texts = [*groups, *hosts, *itertools.chain(*shown.values())]
        return Outcome(False, "", hosts, texts, evaluated=evaluated)

    # --- mutations ----------------------------------------------------------------------------------------------------

    def check(self, cases: t.Iterable[Case], seed: int) -> list[Failure]:
        """Run mutations, and return those that break the law."""
        return [failure for case in cases if (failure := self._check(case, seed))]

    def mutation(self, case: Case, seed: int) -> Mutation | None:
        """Return the mutation of a case, None if the responses have no place for one of its kind."""
        return mutation_of(case.kind, self.baseline(case.scenario).answers, Random(f"{seed}/{case}"))

    def mutated(self, scenario: Scenario, mutation: Mutation) -> tuple[Outcome, int]:
        """Run a scenario with a mutation. Return the outcome and the number of responses that it changed."""
        mutator, baseline = Mutator(mutation), self.baseline(scenario.name)
        self.simulator.load(baseline.saved)
        self.simulator.recover(mutator)
        return self.run(scenario, baseline.tenant), mutator.hits

    def _check(self, case: Case, seed: int) -> Failure | None:
        scenario, mutation = SCENARIOS[case.scenario], self.mutation(case, seed)
        if mutation is None:
            return None
        outcome, _hits = self.mutated(scenario, mutation)
        baseline = self.baseline(case.scenario)
        checks = (law.is_clear, law.can_be_shown, law.is_harmless_to_terminals, law.evaluates_nothing)
        flaws = [flaw for check in checks for flaw in check(outcome)]
        if scenario.module == INVENTORY:
            flaws += law.has_types_as_before(outcome, baseline.outcome.values)
        else:
            flaws += law.has_documented_types(scenario.module, outcome)
        if scenario.reads_only and outcome.writes:
            flaws.append(f"sends {outcome.writes[0]['method']} {outcome.writes[0]['path']}")
        elif mutation.unreadable and outcome.writes:
            flaws += law.overwrites_nothing(
                baseline.before, baseline.intended, self.simulator.objects(), mutation.value
            )
        return Failure(case, mutation.text, flaws) if flaws else None


def _evaluated(loader: t.Any, variables: dict[str, t.Any]) -> t.Iterator[str]:
    """Yield the names of variables whose values are evaluated if a task uses them: alone, and in a text."""
    templar = Templar(loader=loader, variables=variables)
    for name in [name for name, value in variables.items() if CANARY in repr(value)]:
        uses = (f"{{{{ {name} }}}}", f"{{{{ {name} }}}} and {{{{ {name} | string }}}}")
        if any(SONG in repr(templar.template(as_template(use))) for use in uses):
            yield name
