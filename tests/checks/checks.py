# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of checks. The longest come first, because several run at a time. `events` mostly waits."""

from __future__ import annotations

from dataclasses import dataclass

Arguments = tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """A command that runs in its own copy of the collection and fails if the statement in ``proves`` is false.

    ``newest``, ``oldest``, ``matrix``, ``middle`` and ``release`` are the arguments of the command on the newest
    ansible-core, on the oldest one, on both in `make test-matrix`, on the cores between them in `make test-matrix`, and
    in `make release-check`. With None, the check does not run there. On the oldest core, ``matrix_oldest`` replaces
    ``matrix``.
    """

    name: str
    proves: str
    command: Arguments
    newest: Arguments | None = ()
    oldest: Arguments | None = None
    matrix: Arguments | None = None
    matrix_oldest: Arguments | None = None
    middle: Arguments | None = None
    release: Arguments | None = None

    @property
    def needs_tools(self) -> bool:
        """Return whether the check uses programs that are installed on the newest ansible-core only."""
        return self.oldest is None and self.matrix is None

    def arguments(self, environment: str) -> Arguments | None:
        """Return the arguments in the environment of this name, or None if the check does not run there."""
        known = {
            "newest": self.newest,
            "oldest": self.oldest,
            "matrix": self.matrix,
            "matrix-newest": self.matrix,
            "matrix-oldest": self.matrix_oldest or self.matrix,
        }
        return known.get(environment, self.middle)


# Eight programs. Three of them have a module __main__ of their own.
MYPY = """
mypy --package ansible_collections.esper.cloud.plugins
mypy --package ansible_collections.esper.cloud.tests.documentation
mypy --package ansible_collections.esper.cloud.tests.faults
mypy --package ansible_collections.esper.cloud.tests.hostile
mypy --package ansible_collections.esper.cloud.tests.laws
mypy --package ansible_collections.esper.cloud.tests.mutations
mypy tests/simulator
mypy tests/checks
mypy tests/benchmarks
"""

# Targets for a change of the engine, and for modules in `make test-matrix`, where all targets would take an hour for
# each core. They cover nested options and secrets, files, waiting, many objects in one task, and the inventory.
REPRESENTATIVES = ("enterprise_policy", "content", "device_command", "tenant", "inventory_devices")

# Targets with the ways to fail, nested options, and secrets. tests/processes runs modules on this core, too, and
# tests/unit compares modules with tasks in the controller's process and reads inventories.
MODULES_ON_OLDEST = ("api", "enterprise_policy")

# Arguments of ansible-test for sanity tests with the Python of ansible-core only.
OWN_PYTHON = ("--controller=origin:python=default", "--target-python=default")

# Sanity tests that depend on ansible-core, with its own Python only. The newest core imports modules with the other
# versions of Python. The other tests only read the files. The generated modules and action plugins have one form, so a
# few of them are enough.
SANITY_ON_OLDEST = (
    *OWN_PYTHON,
    "--test=ansible-doc",
    "--test=import",
    "plugins/connection/",
    "plugins/inventory/",
    "plugins/lookup/",
    "plugins/callback/",
    "plugins/module_utils/",
    "plugins/plugin_utils/",
    "plugins/action/blueprint.py",
    "plugins/modules/api.py",
    "plugins/modules/blueprint.py",
    "plugins/modules/device_info.py",
    "plugins/modules/tenant.py",
)

# The unit tests that only read files of the repository give the same result on each core. The contract tests do not use
# ansible-core. The others run on the oldest Python, too, because the engine has to work on it. The law tests run the
# code of all kinds there. `make test-matrix` runs all unit tests on the oldest and the newest core, and these on the
# cores between them.
UNITS_ON_OLDEST = (
    "tests/unit",
    "--ignore=tests/unit/plugins/module_utils/kinds",
    "--ignore=tests/unit/plugins/module_utils/tasks",
    "--ignore=tests/unit/test_release.py",
    "--ignore=tests/unit/test_layers.py",
    "--ignore=tests/unit/plugins/test_doc_fragments.py",
)

CHECKS = (
    Check(
        "events",
        "event source and event filter pass the checks of Galaxy, and rulebooks miss nothing and handle nothing twice",
        ("python", "tests/checks/events.py"),
    ),
    Check(
        "integration",
        "playbooks get from a simulated tenant what the documentation promises, in the controller's process",
        ("python", "tests/checks/integration.py"),
        matrix=("exhaustive",),
        middle=(),
    ),
    Check(
        "modules",
        "the same playbooks get the same results if tasks run as modules",
        ("python", "tests/checks/integration.py", "modules"),
        newest=None,
        oldest=MODULES_ON_OLDEST,
        matrix=("exhaustive", *REPRESENTATIVES),
        middle=REPRESENTATIVES,
    ),
    Check(
        "sanity",
        "ansible-test reports no error, and no error is ignored",
        ("ansible-test", "sanity", "--color", "no"),
        # On the oldest core, import runs with its Python. With each Python, it takes half of the time of all tests.
        newest=("--skip-test=pylint", "--skip-test=import"),
        oldest=SANITY_ON_OLDEST,
        matrix=(),
        matrix_oldest=OWN_PYTHON,
    ),
    Check(
        "pylint",
        "pylint, as ansible-test runs it, reports no error in the plugins",
        ("ansible-test", "sanity", "--color", "no", "--test=pylint"),
        # ruff checks the other files, too, and takes a second.
        newest=("plugins/",),
    ),
    Check(
        "units",
        "the parts work alone, and client and simulator agree with the contract of the API",
        ("python", "-m", "pytest"),
        newest=("tests/unit", "tests/contract"),
        oldest=UNITS_ON_OLDEST,
        matrix=("tests/unit", "--round-trips=20", "--hypothesis-profile=thorough"),
        middle=UNITS_ON_OLDEST,
    ),
    Check(
        "processes",
        "interrupted and concurrent runs end in the desired state, and no secret is shown or left in a file",
        ("python", "-m", "pytest", "tests/processes"),
        newest=("-k", "in_process"),
        # Two controllers at the same time test the engine, which is the same for modules.
        oldest=("-k", "as_modules and not two_controllers"),
        matrix=(),
        middle=("-k", "in_process"),
    ),
    Check(
        "faults",
        "after any fault, a task is done exactly once or fails with the stated message",
        ("python", "-m", "pytest", "tests/faults"),
    ),
    Check(
        "laws",
        "each kind of object obeys the laws that apply to it, and the laws notice defects",
        ("python", "-m", "pytest", "tests/laws", "--show-capture=no"),
        # They create, change, read and delete the objects of each kind.
        oldest=("-k", "test_law and (repeat or returned)"),
    ),
    Check(
        "hostile",
        "each request to a hostile server ends in time, with little memory and one clear sentence",
        ("python", "-m", "pytest", "tests/hostile"),
        # The phases of a response depend on Python and its libraries. The oldest environment has the oldest ones.
        oldest=(),
        matrix=(),
    ),
    Check(
        "mutations",
        "no response, however wrong, causes more than one clear error, runs code or overwrites what it hides",
        ("python", "-m", "pytest", "tests/mutations"),
        # Variables of hosts are templates in another way before ansible-core 2.19.
        oldest=("-k", "devices or find"),
        matrix=("--mutations=10000",),
        matrix_oldest=("--mutations=2000",),
    ),
    Check(
        "guides",
        "the guides quote the messages that are printed, their links lead somewhere, and their examples run",
        ("python", "-m", "pytest", "tests/documentation"),
    ),
    Check("mypy", "the types are correct", ("sh", "-ec", MYPY)),
    Check(
        "importer",
        "Galaxy and Automation Hub accept the built collection without a warning, and it has no unnecessary files",
        ("python", "tests/checks/importer.py"),
        release=("lint",),
    ),
    Check(
        "release",
        "version, release notes and rules of certification are correct, and the built collection works when installed",
        ("python", "tests/checks/release.py"),
        newest=None,
        release=(),
    ),
    Check(
        "builder",
        "ansible-builder finds the requirements of the collection, and accepts the definition of the guide",
        ("python", "tests/checks/builder.py"),
        release=(),
    ),
    Check(
        "artifact",
        "the built collection works alone under ansible-runner, as in AWX, and leaves no key behind",
        ("python", "tests/checks/artifact.py"),
        release=("10000",),
    ),
    Check(
        "awx",
        "the playbook awx_setup creates objects in AWX with valid options, and its second run changes nothing",
        ("python", "tests/checks/awx.py"),
        # It downloads the collection awx.awx, and each task runs as a module.
        newest=None,
        matrix=(),
    ),
    Check("ansible-lint", "playbooks and roles meet the production profile", ("ansible-lint", "--strict")),
    Check(
        "demo",
        "the demo works, and its second run changes nothing",
        ("python", "tests/checks/demo.py"),
    ),
    Check(
        "documentation",
        "the documentation of all plugins renders, and its references are valid",
        ("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "all", "."),
        release=(),
    ),
    Check(
        "snapshots",
        "options and return values of all plugins are the same as in tests/snapshots",
        ("python", "tools/snapshots.py"),
    ),
    Check("imports", "the parts import each other in one direction", ("lint-imports",)),
    Check(
        "generated",
        "the generated files are those that `make generate` writes",
        ("python", "tools/generate.py", "--check"),
    ),
    Check(
        "language",
        "texts, names of tasks and short descriptions are plain technical English",
        ("python", "tests/checks/language.py"),
    ),
    Check("changelog", "the changelog fragments are valid", ("antsibull-changelog", "lint"), release=()),
    Check("yamllint", "YAML files have the form that .yamllint describes", ("yamllint", "--strict", "."), release=()),
    Check("licenses", "each file has a license that reuse finds", ("reuse", "lint"), newest=None, release=()),
    Check("ruff", "the code follows the rules in pyproject.toml", ("ruff", "check")),
    Check("format", "the code is formatted", ("ruff", "format", "--check")),
)
