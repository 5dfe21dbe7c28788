# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fault with each operation: the stated outcome, exactly once, in bounded time, and never the key."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.faults.matrix import DONE, ERRORS, FAULTS, Fault, NotApplicable
from ansible_collections.esper.cloud.tests.faults.operations import OPERATIONS, Operation, index_of
from ansible_collections.esper.cloud.tests.faults.report import MATRIX, Found, Seen, with_outcomes
from ansible_collections.esper.cloud.tests.faults.world import KEY, Run, World

# What no user should have to read.
_INTERNAL = re.compile(r"Traceback|\b\w*(Error|Exception)\b|urllib3|requests\.|Errno|object at 0x|HTTPConnection")
CELLS = [
    (fault, operation)
    for fault in FAULTS
    for operation in OPERATIONS
    if not isinstance(fault.outcome_of(operation.name), NotApplicable)
]


@pytest.fixture(scope="session")
def found() -> Found:
    return {}


@pytest.fixture(scope="session")
def seen() -> Seen:
    return {}


pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture(scope="session")
def undisturbed(world: World) -> dict[str, list[dict[str, t.Any]]]:
    """The requests of each operation without a fault."""
    journals = {}
    for operation in OPERATIONS:
        world.begin(**operation.sizes)
        operation.prepare(world)
        world.recover()
        assert operation.name == "wait" or operation.state(world) == operation.before
        run = operation.run(world)
        assert not run.failed, run.message
        assert operation.was_read(run, world)
        assert operation.state(world) == operation.after
        journals[operation.name] = world.simulator.journal()
    return journals


@pytest.mark.parametrize(
    ("fault", "operation"), CELLS, ids=[f"{fault.name}-{operation.name}" for fault, operation in CELLS]
)
def test_cell(
    fault: Fault,
    operation: Operation,
    world: World,
    undisturbed: dict[str, list[dict[str, t.Any]]],
    found: Found,
    seen: Seen,
) -> None:
    stated = fault.outcome_of(operation.name)
    assert isinstance(stated, str)
    world.begin(**operation.sizes)
    operation.prepare(world)
    world.recover()
    world.is_secure, world.options = fault.secure, dict(fault.options or {})
    request = operation.listing if fault.on_listing else operation.request
    assert request is not None
    nth = 0 if fault.on_listing and operation.writes else operation.nth
    fault.make(world, operation, index_of(undisturbed[operation.name], request, nth))

    run = operation.run(world)

    _note(found, seen, fault, operation, run)
    _check_what_is_shown(run)
    assert run.seconds <= run.allowed
    assert world.trap.count == 0
    _check_creates(world)
    state = operation.state(world)
    if stated == DONE:
        assert not run.failed, run.message
        assert operation.was_read(run, world)
        assert state == operation.after
    else:
        assert run.failed, run.result
        assert (operation.name == "wait") is ("The command REBOOT was accepted before" in run.message)
        assert operation.name != "wait" or run.result["changed"] is True
        assert operation.name == "wait" or not run.result.get("changed") or state != operation.before
        assert re.search(ERRORS[stated], run.message), run.message
        assert operation.name == "wait" or state == _left(fault, operation)
    if operation.writes:
        # Whatever it came to: once all is well, the same task makes it so, exactly once, and then has nothing to do.
        world.recover()
        world.options = {}
        again = operation.run(world)
        assert not again.failed, again.message
        assert operation.state(world) == operation.after
        assert not operation.run(world).result["changed"]


def test_the_table_shows_the_outcomes(found: Found, seen: Seen, pytestconfig: pytest.Config) -> None:
    if len(found) < len(CELLS):
        pytest.skip("not all cells were run")
    current = MATRIX.read_text()
    expected = with_outcomes(current, found, seen)
    if target := pytestconfig.getoption("--write-matrix"):
        Path(target).write_text(expected)
    else:
        assert current == expected, "Update the table: python -m pytest tests/faults --write-matrix=FILE"


def _note(found: Found, seen: Seen, fault: Fault, operation: Operation, run: Run) -> None:
    """Keep the outcome of a cell, for MATRIX.md."""
    if not run.failed:
        found[fault.name, operation.name] = DONE, False
        return
    error = next((name for name, said in ERRORS.items() if re.search(said, run.message)), "unknown")
    found[fault.name, operation.name] = error, fault.effect and operation.writes
    # Of all operations, those that create have the most different results.
    is_create = operation.name == "create"
    # On a busy machine, the deadline can come before a timeout.
    is_timeout = is_create and "timed out" in run.message
    if error not in seen or (is_create and not seen[error].startswith("Creating")) or is_timeout:
        seen[error] = run.message


def _left(fault: Fault, operation: Operation) -> t.Any:
    """Check the objects of the tenant after the stated error."""
    if fault.competes:
        return operation.competed
    if not fault.effect:
        return operation.before
    return operation.after if operation.half is None else operation.half


def _check_what_is_shown(run: Run) -> None:
    assert KEY not in run.shown
    assert not _INTERNAL.search(run.message), run.message
    assert len(run.message) < 700
    assert run.failed is bool(run.message)
    if run.failed:
        assert run.message.endswith(".")


def _check_creates(world: World) -> None:
    """Check that a create is repeated only after a lookup, unless Esper did not receive it."""
    before: dict[str, t.Any] | None = None
    for entry in world.simulator.journal():
        if entry["method"] == "POST" and before is not None and before["method"] == "POST":
            assert before["path"] != entry["path"] or before["status"] == 429
        before = entry
