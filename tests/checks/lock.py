# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the lock files: the versions of everything that the checks install, for each Python and ansible-core."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from environments import LAYERS, LOCKS, RUNTIME, Environment, every_core, newest
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
    LOCKS.mkdir(exist_ok=True)
    for file in LOCKS.glob("*.txt"):
        file.unlink()
    for environment, text in texts.items():
        environment.lock.write_text(text)
        print(environment.lock.relative_to(CHECKOUT))
    RUNTIME.write_text(runtime)
    print(RUNTIME.relative_to(CHECKOUT))


def _resolve_all(environment: Environment) -> str:
    """Return the lock file of an environment with the layers that the checks install in it."""
    return _resolve(environment, [name for name in LAYERS if name != "tools" or environment.path == newest().path])


def _resolve(environment: Environment, layers: list[str]) -> str:
    """Return the lock file of an environment. pip resolves the requirements without installing anything."""
    files = [argument for name in layers for argument in ("-r", str(CHECKOUT / LAYERS[name]))]
    command = [str(environment.interpreter), "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    report = subprocess.check_output([*command, "--report", "-", environment.core, *files], text=True)
    found = (each["metadata"] for each in json.loads(report)["install"] if each["metadata"]["name"] not in UNLOCKED)
    pins = sorted((f"{each['name']}=={each['version']}" for each in found), key=str.lower)
    return HEADER + "\n".join(pins) + "\n"


if __name__ == "__main__":
    main()
