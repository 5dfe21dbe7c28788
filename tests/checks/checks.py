# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is checked, as data: the longest first, because several run at a time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """A command that runs in its own copy of the collection and fails if what it proves is not so. ``on_oldest`` is
    another one for the oldest ansible-core."""

    name: str
    proves: str
    command: tuple[str, ...]
    every_core: bool = False
    on_oldest: tuple[str, ...] = ()

    def command_for(self, environment: str) -> tuple[str, ...]:
        """The command in an environment of that name."""
        return self.on_oldest if self.on_oldest and environment == "oldest" else self.command


# Five programs, three of them with a module __main__ of their own.
MYPY = """
mypy --package ansible_collections.esper.cloud.plugins
mypy --package ansible_collections.esper.cloud.tests.faults
mypy tests/simulator
mypy tests/checks
mypy tests/benchmarks
"""

CHECKS = (
    Check(
        "integration",
        "playbooks get from a simulated tenant what the documentation promises: in process (newest core)"
        " and as modules (oldest)",
        ("python", "tests/checks/integration.py"),
        every_core=True,
        on_oldest=("python", "tests/checks/integration.py", "modules"),
    ),
    Check(
        "sanity",
        "ansible-test finds nothing to complain about, and nothing is ignored",
        ("ansible-test", "sanity", "--local", "--color", "no"),
        every_core=True,
    ),
    Check(
        "units",
        "the parts work alone, and client and simulator agree with the contract of the API",
        ("python", "-m", "pytest", "tests/unit", "tests/contract"),
        every_core=True,
        # What the contract is about knows nothing of ansible-core.
        on_oldest=("python", "-m", "pytest", "tests/unit"),
    ),
    Check(
        "faults",
        "whatever goes wrong, a task is done exactly once or fails with a sentence, as the guide says",
        ("python", "-m", "pytest", "tests/faults"),
    ),
    Check(
        "processes",
        "runs that are interrupted or meet another go well, and no secret is in anything that is shown or left",
        ("python", "-m", "pytest", "tests/processes"),
        every_core=True,
    ),
    Check(
        "importer",
        "Galaxy and Automation Hub accept the built collection without a warning",
        ("python", "tests/checks/importer.py"),
    ),
    Check(
        "artifact",
        "the built collection works alone under ansible-runner, which is what AWX runs, and leaves no key behind",
        ("python", "tests/checks/artifact.py"),
    ),
    Check(
        "demo",
        "the demo works, and its second run changes nothing",
        ("python", "tests/checks/demo.py"),
    ),
    Check("mypy", "the types add up", ("sh", "-ec", MYPY)),
    Check("ansible-lint", "playbooks and roles meet the production profile", ("ansible-lint", "--strict")),
    Check(
        "documentation",
        "the documentation of all plugins renders, and its references lead somewhere",
        ("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "all", "."),
    ),
    Check(
        "snapshots",
        "options and return values of all plugins are the same as in tests/snapshots",
        ("python", "tools/snapshots.py"),
    ),
    Check("changelog", "the changelog fragments are valid", ("antsibull-changelog", "lint")),
    Check("ruff", "the code holds to the rules in pyproject.toml", ("ruff", "check")),
    Check("format", "the code is formatted", ("ruff", "format", "--check")),
)
