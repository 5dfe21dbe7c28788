# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Round trips of any tenant through two simulators: an export is applied to another tenant, changed there, and found
again.

``--round-trips=NUMBER`` sets the number of tenants. More of them take minutes.
"""

from __future__ import annotations

import random
import shutil
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Kind
from ansible_collections.esper.cloud.plugins.module_utils.model.module_spec import Option
from ansible_collections.esper.cloud.plugins.module_utils.tasks.tenant import TENANT
from ansible_collections.esper.cloud.plugins.module_utils.tree.deviations import ACCEPTED_DEVIATIONS
from ansible_collections.esper.cloud.plugins.module_utils.tree.documents import Evaluation
from ansible_collections.esper.cloud.plugins.module_utils.tree.reader import Root, read_trees
from ansible_collections.esper.cloud.tests.laws.world import EmbeddedSimulator, Run, World
from contract import Contract
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tenants import PREPARED, Row, tenants

SECRET = "secret-of-the-tree"


@pytest.fixture(scope="module")
def second() -> t.Iterator[EmbeddedSimulator]:
    with EmbeddedSimulator() as simulator:
        yield simulator


@pytest.fixture
def other(world: World, second: EmbeddedSimulator, contract: Contract, monkeypatch: pytest.MonkeyPatch) -> World:
    """Another tenant, with the same directory of files."""
    monkeypatch.chdir(world.folder)
    return World(second, contract, world.folder)


def start(world: World, seed: int) -> None:
    """Start with an empty tenant that has what no task can create."""
    world.simulator.reset(seed=seed, groups=0, tags=0, devices=0)
    for preparation in PREPARED:
        for name, data in preparation.files.items():
            (world.folder / name).write_bytes(data)
        for module, options in preparation.tasks:
            world.must(module, options)


def export(world: World, name: str) -> Path:
    tree = world.folder / name
    shutil.rmtree(tree, ignore_errors=True)
    world.must("tenant_export", {"dest": str(tree), "download": True})
    return tree


def files_in(tree: Path) -> dict[str, bytes]:
    return {str(file.relative_to(tree)): file.read_bytes() for file in sorted(tree.rglob("*")) if file.is_file()}


def differences(one: Path, other: Path) -> dict[str, tuple[t.Any, t.Any]]:
    """Return the files that differ between two trees, with the content of each."""
    files, others = files_in(one), files_in(other)
    pairs = {name: (files.get(name), others.get(name)) for name in sorted({*files, *others})}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def lists_of(tree: Path, secret: str = "") -> Row:
    """Return the lists of a tree. All secrets have a value, or none has one."""
    option = next(each for each in TENANT.module.options if each.name == ACCEPTED_DEVIATIONS)
    assert isinstance(option, Option)
    evaluation = Evaluation(render=lambda _text: [secret] if secret else [], decrypt=lambda text: text)
    return read_trees([Root(tree, tree.name)], TENANT.items, option, evaluation).lists


def changes_in(run: Run) -> dict[str, t.Any]:
    """Return the changes of the objects that a run changes, by the paths of their options."""
    return {
        each["option"]: [(change["path"], change["before"], change["after"]) for change in each["changes"]]
        for each in run.result["objects"]
        if each["action"] != "unchanged"
    }


@dataclass(frozen=True)
class Edit:
    """A change of a value in the console: the option of the object, the values before and after."""

    kind: Kind
    option: str
    row: Row
    field: Field
    after: t.Any

    @property
    def before(self) -> t.Any:
        return self.row[self.field.name]

    @property
    def task(self) -> Row:
        confirmed = {"confirm": True} if "confirm" in self.kind.options else {}
        return {**self.row, **confirmed, self.field.name: self.after}


def edits_of(lists: Row) -> list[Edit]:
    """Return changes of single values, one for each object that has such a value. An object in use cannot have changes
    if a guard of its kind also prevents those."""
    edits: list[Edit] = []
    for kind in (each for each in KINDS if not any(guard.also_update for guard in each.guards)):
        value = lists.get(kind.tenant_option, [])
        for index, row in enumerate(value if isinstance(value, list) else [value]):
            option = f"{kind.tenant_option}[{index}]" if isinstance(value, list) else kind.tenant_option
            found = [(field, _another(field, row[field.name])) for field in kind.fields if _is_plain(field, row)]
            edits += [Edit(kind, option, row, field, after) for field, after in found if after is not None][:1]
    return edits


def policies_in_use(world: World) -> set[tuple[str, str]]:
    """Return the enterprise policies that devices use, which Esper does not change."""
    rows = world.must("enterprise_policy_info", {}).result["enterprise_policies"]
    return {("enterprise_policy", row["name"]) for row in rows if row["device_count"]}


def _is_plain(field: Field, row: Row) -> bool:
    # The category of a tile icon is fixed, too: only an upload has it.
    is_fixed = (
        field.create_only
        or field.name == "category"
        or field.identifier
        or field.names
        or field.secret
        or not field.writable
    )
    return field.name in row and field.type in ("str", "bool") and not is_fixed


def _another(field: Field, value: t.Any) -> t.Any:
    if field.type == "bool":
        return not value
    others = [each for each in field.choices or ("Changed in the console",) if each != value]
    return next((each for each in others if not field.validator(each)), None)


def test_any_tenant_is_the_same_after_a_round_trip(world: World, other: World, request: pytest.FixtureRequest) -> None:
    @given(tenants(), st.randoms(use_true_random=False))
    @settings(max_examples=request.config.getoption("--round-trips"), phases=[Phase.generate])
    def test(tenant: Row, chance: random.Random) -> None:
        start(world, 7)
        start(other, 8)
        world.must("tenant", tenant)
        tree = export(world, "one")
        plan = world.must("tenant", lists_of(tree), check_mode=True)
        assert (changes_in(plan), plan.changed, plan.diff) == ({}, False, [])

        other.must("tenant", lists_of(tree, SECRET))
        assert differences(tree, export(other, "two")) == {}

        lists = lists_of(tree)
        in_use = policies_in_use(other)
        found = [edit for edit in edits_of(lists) if (edit.kind.name, edit.row.get("name")) not in in_use]
        edits = chance.sample(found, min(5, len(found)))
        for edit in edits:
            assert other.must(edit.kind.name, edit.task).changed
        plan = other.must("tenant", lists, check_mode=True)
        assert changes_in(plan) == {edit.option: [(edit.field.name, edit.after, edit.before)] for edit in edits}
        assert other.must("tenant", lists).diff == plan.diff
        again = other.must("tenant", lists)
        assert (changes_in(again), again.writes) == ({}, [])
        assert differences(tree, export(other, "two")) == {}

    test()
