# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare an execution environment with ansible-builder, up to the step that needs a container engine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from importer import build
from stage import CHECKOUT

GUIDES = (CHECKOUT / "docs" / "awx.md", CHECKOUT / "docs" / "events.md")


def main() -> int:
    """Return 0 if ansible-builder finds the requirements of the collection and accepts the definitions in guides."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _run("ansible-galaxy", "collection", "install", "--offline", "--force", "-p", folder, build(folder))
        found = yaml.safe_load(_run("ansible-builder", "introspect", folder))
        required = {line.partition("#")[0].strip() for line in found["python"]}
        if required != set(requirements(CHECKOUT / "requirements.txt")) or found["system"]:
            sys.exit(f"ansible-builder found other requirements: {found}")

        for guide in GUIDES:
            _create(folder / guide.stem, definitions(guide.read_text(encoding="utf-8"))[0])
    sys.stdout.write(f"Python: {', '.join(sorted(required))}. System packages: none.\n")
    return 0


def _create(folder: Path, text: str) -> None:
    """Create the build context of an image in a folder. Exit if it does not have the collection."""
    folder.mkdir()
    definition, context = folder / "definition.yml", folder / "context"
    definition.write_text(text)
    _run("ansible-builder", "create", "-f", definition, "-c", context, "--output-filename", "Containerfile")
    collections = (context / "_build" / "requirements.yml").read_text(encoding="utf-8")
    if [each["name"] for each in yaml.safe_load(collections)["collections"]] != ["esper.cloud"]:
        sys.exit(f"The image has other collections: {collections}")
    if "introspect.py" not in (context / "Containerfile").read_text(encoding="utf-8"):
        sys.exit("The image does not install the requirements of its collections.")


def requirements(file: Path) -> list[str]:
    """Return the lines of a requirements file without comments."""
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def definitions(text: str) -> list[str]:
    """Return the complete definitions of execution environments in a guide."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if re.search(r"^version: 3$", block, re.MULTILINE)]


def _run(*command: str | Path) -> str:
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        sys.exit(f"{process.stdout}{process.stderr}\n{command[0]} failed.")
    return process.stdout


if __name__ == "__main__":
    sys.exit(main())
