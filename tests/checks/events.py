# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the event source and the event filter as Galaxy does, and run rulebooks with ansible-rulebook.

Without Java 17 or newer, the rulebooks do not run, and the check says so.
"""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from environments import Environment, events
from stage import CHECKOUT

_JAVA = 17
# The commands in the settings of the importer, each with the program that runs it.
_SECTIONS = {
    "testenv:ruff": "ruff",
    "testenv:pylint-event-source": "pylint",
    "testenv:pylint-event-filter": "pylint",
}


def java_version() -> int | None:
    """Return the major version of Java, None if there is none."""
    java = Path(os.environ["JAVA_HOME"]) / "bin" / "java" if os.environ.get("JAVA_HOME") else "java"
    try:
        run = subprocess.run([java, "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r'version "(\d+)', run.stderr + run.stdout)
    return int(found[1]) if found else None


def importer_commands() -> list[list[str]]:
    """Return the commands with which the importer checks event sources and filters of this checkout."""
    spec = importlib.util.find_spec("galaxy_importer")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    settings = configparser.ConfigParser()
    settings.read(Path(spec.submodule_search_locations[0]) / "ansible_test" / "container" / "eda" / "tox.ini")
    commands = []
    for section, program in _SECTIONS.items():
        # The importer ignores the exit code of a command that starts with a dash, and shows its output.
        words = shlex.split(settings[section]["commands"].removeprefix("- ").replace("{posargs}", str(CHECKOUT)))
        if words[0] != program:
            sys.exit(f"The importer runs {words[0]} in {section}. Update {Path(__file__).name}.")
        commands.append(words)
    return commands


def lint(environment: Environment) -> bool:
    """Return whether the importer has no complaint."""
    is_clean = True
    for program, *arguments in importer_commands():
        words = [file for word in arguments for file in _expanded(word)]
        if program == "ruff":
            # The built collection has no settings of ruff.
            command = [sys.executable, "-m", "ruff", *words, "--isolated"]
        else:
            command = [str(environment.python), "-m", "pylint", *words]
        run = subprocess.run(command, cwd=CHECKOUT / "extensions", capture_output=True, text=True, check=False)
        sys.stdout.write(run.stdout + run.stderr)
        is_clean &= run.returncode == 0
    return is_clean


def _expanded(word: str) -> list[str]:
    path = Path(word)
    return sorted(map(str, path.parent.glob(path.name))) if "*" in path.name else [word]


def main() -> int:
    """Return 0 if the importer has no complaint and the rulebooks do what they promise."""
    environment = events()
    environment.install("events", log=sys.stdout)
    is_clean = lint(environment)
    version = java_version()
    if version is None or version < _JAVA:
        print(f"Java {_JAVA} or newer is missing, so ansible-rulebook cannot start. THE RULEBOOKS WERE NOT TESTED.")
        return not is_clean
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/rulebooks", *sys.argv[1:]], cwd=CHECKOUT, check=False
    )
    return not is_clean or tests.returncode


if __name__ == "__main__":
    sys.exit(main())
