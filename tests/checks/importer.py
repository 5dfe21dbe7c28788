# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import the built collection like Galaxy and Automation Hub, and fail if there is a warning."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from stage import CHECKOUT

# All steps of the importer except ansible-test and ansible-lint, which are checks of their own.
SETTINGS = {
    "GALAXY_IMPORTER_CHECK_CHANGELOG": "true",
    "GALAXY_IMPORTER_CHECK_REQUIRED_TAGS": "true",
    "GALAXY_IMPORTER_RUN_ANSIBLE_DOC": "true",
    "GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false",
    "GALAXY_IMPORTER_RUN_ANSIBLE_TEST": "false",
}


def build(folder: Path) -> Path:
    """Build the collection into a folder and return the file."""
    command = ["ansible-galaxy", "collection", "build", "--output-path", str(folder)]
    subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
    (artifact,) = folder.glob("esper-cloud-*.tar.gz")
    return artifact


def main() -> int:
    """Return 0 if the importer accepts the collection without a warning."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "galaxy_importer.main", str(build(Path(folder)))]
        settings = os.environ | SETTINGS | {"GALAXY_IMPORTER_ANSIBLE_LOCAL_TMP": folder}
        run = subprocess.run(command, cwd=folder, env=settings, capture_output=True, check=False, text=True)
    report = run.stdout + run.stderr
    sys.stdout.write(report)
    return run.returncode or bool(re.search(r"^(WARNING|ERROR|CRITICAL):", report, re.MULTILINE))


if __name__ == "__main__":
    sys.exit(main())
