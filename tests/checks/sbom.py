# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a software bill of materials: what the collection needs at run time, in CycloneDX format."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from environments import RUNTIME, newest
from stage import CHECKOUT

FILE = CHECKOUT / "tests" / "output" / "sbom.json"
# Not in the environment of the checks: requests would import the chardet that it brings along.
PLACE = CHECKOUT / ".ansible" / "venv-sbom"


def main() -> None:
    """Write the file, from the lock file of the requirements at run time."""
    python = PLACE / "bin" / "python"
    if not python.exists():
        subprocess.run([newest().interpreter, "-m", "venv", PLACE], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "cyclonedx-bom>=5.0"], check=True, stderr=sys.stdout)
    FILE.parent.mkdir(exist_ok=True)
    command: list[str | Path] = [
        PLACE / "bin" / "cyclonedx-py",
        "requirements",
        RUNTIME,
        "--output-reproducible",
        "--output-file",
        FILE,
    ]
    subprocess.run(command, check=True)
    print(FILE.relative_to(CHECKOUT))


if __name__ == "__main__":
    main()
