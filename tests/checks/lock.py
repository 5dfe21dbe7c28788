# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the lock files: the versions of everything that the checks install, for each Python and ansible-core."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor

from environments import LAYERS, LOCKS, RUNTIME, Environment, docs, events, every_core, newest, oldest
from stage import CHECKOUT

# CA certificates are always the newest ones.
UNLOCKED = ("certifi",)

HEADER = """\
# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `make lock`.
"""


def main() -> None:
    """Write a lock file for each environment of `make test-matrix`, and delete the others."""
    environments, missing = every_core()
    if missing:
        sys.exit(f"No Python of this machine runs ansible-core {', '.join(missing)}. Install one.")
    with ThreadPoolExecutor(2) as pool:
        texts = dict(zip(environments, pool.map(_resolve_all, environments), strict=True))
    runtime = _resolve(newest(), ["runtime"])
    others = [(environment.lock, _resolve(environment, [environment.name])) for environment in (docs(), events())]
    LOCKS.mkdir(exist_ok=True)
    for file in LOCKS.glob("*.txt"):
        file.unlink()
    for environment, text in texts.items():
        environment.lock.write_text(text)
        print(environment.lock.relative_to(CHECKOUT))
    for file, text in ((RUNTIME, runtime), *others):
        file.write_text(text)
        print(file.relative_to(CHECKOUT))


def _resolve_all(environment: Environment) -> str:
    """Return the lock file of an environment with the layers that the checks install in it. The oldest environment has
    the oldest libraries that the collection supports."""
    layers = ["runtime", "simulator", "units", *(["tools"] if environment.path == newest().path else [])]
    return _resolve(environment, layers, _oldest_libraries() if environment.path == oldest().path else [])


def _oldest_libraries() -> list[str]:
    """Return the requirements of the collection with their lowest versions."""
    lines = (CHECKOUT / "requirements.txt").read_text().splitlines()
    return [line.replace(">=", "==") for line in lines if line and not line.startswith("#")]


def _resolve(environment: Environment, layers: list[str], libraries: t.Sequence[str] = ()) -> str:
    """Return the lock file of an environment. pip resolves the requirements without installing anything."""
    files = [argument for name in layers for argument in ("-r", str(CHECKOUT / LAYERS[name]))]
    command = [str(environment.interpreter), "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    report = subprocess.check_output([*command, "--report", "-", environment.core, *libraries, *files], text=True)
    found = (each["metadata"] for each in json.loads(report)["install"] if each["metadata"]["name"] not in UNLOCKED)
    pins = sorted((f"{each['name']}=={each['version']}" for each in found), key=str.lower)
    return HEADER + "\n".join(pins) + "\n"


if __name__ == "__main__":
    main()
