# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create the virtual environments of the demo and the checks."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from home import furnish
from interpreters import Version, interpreters, search_path
from stage import CHECKOUT

# The oldest and the newest Python that runs each minor version of ansible-core 2 as a controller. pip knows the newest
# core for a Python from its metadata, but not the oldest.
PYTHONS: dict[int, tuple[Version, Version]] = {
    16: ((3, 10), (3, 12)),
    17: ((3, 10), (3, 12)),
    18: ((3, 11), (3, 13)),
    19: ((3, 11), (3, 13)),
    20: ((3, 12), (3, 14)),
    21: ((3, 12), (3, 14)),
}

LAYERS = {
    "runtime": "requirements.txt",
    "simulator": "tests/simulator/requirements.txt",
    "units": "tests/requirements/units.txt",
    "tools": "tests/requirements/tools.txt",
    "docs": "tests/requirements/docs.txt",
    "events": "tests/requirements/events.txt",
}

LOCKS = CHECKOUT / "tests" / "requirements" / "locks"

# What the collection itself needs, for the bill of materials.
RUNTIME = LOCKS / "runtime.txt"

DESCRIBE = """
import platform
from ansible.release import __version__
print(f"ansible-core {__version__}, Python {platform.python_version()}")
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with one ansible-core, filled in layers of requirements."""

    name: str
    path: Path
    interpreter: Path
    core: str

    @property
    def python(self) -> Path:
        """Return the Python of the environment."""
        return self.path / "bin" / "python"

    @property
    def lock(self) -> Path:
        """Return the lock file of this Python and ansible-core. It does not exist for all that a machine can have."""
        if self.name in ("docs", "events"):
            return LOCKS / f"{self.name}.txt"
        version = next((version for version, path in interpreters().items() if path == self.interpreter), (0, 0))
        core = re.search(r"==(2\.\d+)", self.core)
        newest_minor = max((minor for minor, (low, _high) in PYTHONS.items() if low <= version), default=0)
        minor = core[1] if core else f"2.{newest_minor}"
        return LOCKS / f"python-{version[0]}.{version[1]}-core-{minor}.txt"

    def install(self, *layers: str, log: IO[str]) -> None:
        """Create the environment if it is missing or out of date, and add the missing layers."""
        locks = [self.lock] if self.lock.exists() else []
        origin = f"{self.interpreter} {self.core}"
        if not self._holds("origin", origin):
            self._run(self.interpreter, "-m", "venv", "--clear", self.path, log=log)
            self._remember("origin", origin)
        for layer in layers:
            requirements = CHECKOUT / LAYERS[layer]
            texts = [file.read_bytes() for file in (requirements, *locks)]
            digest = hashlib.sha256(b"".join(texts)).hexdigest()
            if not self._holds(layer, digest):
                # Each layer names the core, because the requirements of a tool could otherwise replace it.
                command: list[str | Path] = [self.python, "-m", "pip", "install", self.core, "-r", requirements]
                try:
                    self._run(*command, *(argument for lock in locks for argument in ("-c", lock)), log=log)
                except subprocess.CalledProcessError:
                    if not locks:
                        raise
                    print(f"The package index does not have all of {self.lock.name}: installing the newest versions.")
                    self._run(*command, log=log)
                self._remember(layer, digest)
        furnish(self._home, self.path)

    def describe(self) -> str:
        """Return the versions of ansible-core and Python in the environment."""
        return subprocess.check_output([self.python, "-c", DESCRIBE], text=True).strip()

    def variables(self, collections: Path) -> dict[str, str]:
        """Return the environment variables to use the collections in a directory, without personal settings."""
        own = ("ANSIBLE_", "ESPER_", "PYTHON")
        return {name: value for name, value in os.environ.items() if not name.startswith(own)} | {
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "HOME": str(self._home),
            "PATH": os.pathsep.join([str(self.path / "bin"), *search_path()]),
            "PYTHONPATH": str(collections),
            "VIRTUAL_ENV": str(self.path),
        }

    @property
    def _home(self) -> Path:
        return CHECKOUT / ".ansible" / f"home-{self.name}"

    def _holds(self, stamp: str, content: str) -> bool:
        file = self.path / f".{stamp}"
        return self.python.exists() and file.exists() and file.read_text() == content

    def _remember(self, stamp: str, content: str) -> None:
        (self.path / f".{stamp}").write_text(content)

    @staticmethod
    def _run(*command: str | Path, log: IO[str]) -> None:
        subprocess.run(command, check=True, stdout=log, stderr=subprocess.STDOUT)


def newest() -> Environment:
    """Describe `.venv`: the newest ansible-core that runs on the newest Python."""
    found = interpreters()
    return Environment("newest", CHECKOUT / ".venv", found[max(found)], "ansible-core>=2.16")


def docs() -> Environment:
    """Describe the environment that builds the documentation site. The theme needs an older docutils than the tools."""
    return replace(newest(), name="docs", path=CHECKOUT / ".ansible" / "venv-docs")


def events() -> Environment:
    """Describe the environment with ansible-rulebook, which starts a Java virtual machine in its process."""
    return replace(newest(), name="events", path=CHECKOUT / ".ansible" / "venv-events")


def oldest() -> Environment:
    """Describe the environment with the oldest ansible-core that we support and this machine can run."""
    found = interpreters()
    minor, version = min((_first_core(version), version) for version in found)
    return Environment("oldest", CHECKOUT / ".ansible" / "venv-oldest", found[version], f"ansible-core==2.{minor}.*")


def exactly(core: str, interpreter: Path | None = None) -> Environment:
    """Describe an environment with this ansible-core, such as 2.18, on this Python or the current one."""
    path = CHECKOUT / ".ansible" / f"venv-{core}"
    return Environment(f"core-{core}", path, interpreter or Path(sys.executable).resolve(), f"ansible-core=={core}.*")


def every_core() -> tuple[list[Environment], list[str]]:
    """Describe an environment for each ansible-core, from the oldest to the newest, and name the cores that no Python
    of this machine runs. Of the Pythons that a core supports, it gets the one that the fewest other cores have."""
    found = interpreters()
    first = oldest()
    last = max(minor for minor, (low, _high) in PYTHONS.items() if low <= max(found))
    used = Counter(version for version, path in found.items() if path in (first.interpreter, found[max(found)]))
    middle, missing = [], []
    for minor, (low, high) in PYTHONS.items():
        core = f"2.{minor}"
        if first.core == f"ansible-core=={core}.*" or minor == last:
            continue
        if usable := [version for version in found if low <= version <= high]:
            version = min(usable, key=lambda each: (used[each], -each[1]))
            used[version] += 1
            middle.append(exactly(core, found[version]))
        else:
            missing.append(core)
    return [first, *middle, newest()], missing


def _first_core(python: Version) -> int:
    cores = (minor for minor, (low, high) in PYTHONS.items() if low <= python <= high)
    return min(cores, default=max(PYTHONS))


if __name__ == "__main__":
    newest().install(*sys.argv[1:], log=sys.stdout)
