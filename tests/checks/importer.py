# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import the built collection like Galaxy and Automation Hub, and fail if there is a warning or an unnecessary file.

With the argument "lint", the importer runs ansible-lint, too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
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

# What users need. All else stays out by build_ignore in galaxy.yml.
CONTENT = re.compile(
    r"""
    (MANIFEST|FILES)\.json | CHANGELOG\.rst | LICENSE | README\.md | SECURITY\.md | requirements\.txt | \.ansible-lint
    | demo\.esper\.yml | changelogs(/changelog\.yaml)?
    | (docs | extensions | meta | playbooks | plugins | roles)(/.+)?
    | tests | tests/config\.yml | tests/simulator(/.+)? | tests/contract(/api(/.+)? | /\w+\.yaml)?
    """,
    re.VERBOSE,
)
LARGEST = 1_500_000


def build(folder: Path) -> Path:
    """Build the collection into a folder and return the file."""
    command = ["ansible-galaxy", "collection", "build", "--output-path", str(folder)]
    subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
    (artifact,) = folder.glob("esper-cloud-*.tar.gz")
    return artifact


def complaints(artifact: Path) -> list[str]:
    """Return what is wrong with the content of a built collection."""
    with tarfile.open(artifact) as archive:
        names = archive.getnames()
    found = [f"{name} is not in the list CONTENT" for name in names if not CONTENT.fullmatch(name)]
    found += [f"{name} is temporary" for name in names if "__pycache__" in name or name.endswith((".pyc", ".orig"))]
    size = artifact.stat().st_size
    sys.stdout.write(f"{size:,} bytes, {len(names)} entries\n")
    return [*found, f"More than {LARGEST:,} bytes"] if size > LARGEST else found


def main() -> int:
    """Return 0 if the importer accepts the collection without a warning, and it contains nothing unnecessary."""
    lint = {"GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "true"} if "lint" in sys.argv[1:] else {}
    with TemporaryDirectory() as folder:
        artifact = build(Path(folder))
        wrong = complaints(artifact)
        command = [sys.executable, "-m", "galaxy_importer.main", str(artifact)]
        settings = os.environ | SETTINGS | lint | {"GALAXY_IMPORTER_ANSIBLE_LOCAL_TMP": folder}
        run = subprocess.run(command, cwd=folder, env=settings, capture_output=True, check=False, text=True)
    report = "\n".join([run.stdout + run.stderr, *wrong, ""])
    sys.stdout.write(report)
    return run.returncode or bool(wrong or re.search(r"^(WARNING|ERROR|CRITICAL):", report, re.MULTILINE))


if __name__ == "__main__":
    sys.exit(main())
