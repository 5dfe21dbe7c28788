# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that the tree can be published: version, release notes, rules of certification, and a first use.

The environment variable RELEASE_TAG has the tag to publish. It must be the version.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import typing as t
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from builder import requirements
from importer import build
from stage import CHECKOUT

# The versions of ansible-core in Automation Platform. The lowest supported version has to be one of them.
PLATFORM_CORES = ("2.16.0", "2.18.0", "2.20.0")
# ansible-lint may skip other rules only.
REQUIRED_RULES = {"meta-runtime", "no-changed-when", "no-log-password", "risky-file-permissions", "sanity"}

# Starts the simulator of the installed collection as the guide describes it, and plays a playbook two times.
FIRST_USE = """
import os, re, subprocess, sys
from pathlib import Path
sys.path.append(str(Path(sys.argv[1]) / "tests" / "simulator"))
from process import Simulator
programs = Path(sys.executable).parent
with Simulator(devices=200) as simulator:
    environment = os.environ | {"ESPER_API_URL": simulator.url, "ESPER_API_KEY": simulator.key}
    Path("fleet.esper.yml").write_text("plugin: esper.cloud.devices\\n")
    play = [programs / "ansible-playbook", "-i", "fleet.esper.yml", "esper.cloud.quickstart"]
    outputs = [subprocess.run(play, env=environment, capture_output=True, text=True) for _ in range(2)]
    print(*(each.stdout + each.stderr for each in outputs), sep="\\n")
    ends = [each.returncode for each in outputs]
    changes = [sum(map(int, re.findall(r"changed=(\\d+)", each.stdout))) for each in outputs]
print(f"Exit codes {ends}, changes {changes}")
sys.exit(0 if ends == [0, 0] and changes[0] and not changes[1] else 1)
"""


def main() -> int:
    """Return 0 if the tree can be published."""
    wrong = [*version_problems(), *note_problems(), *certification_problems(), *first_use_problems()]
    sys.stdout.writelines(f"{each}\n" for each in wrong)
    return 1 if wrong else 0


def version_problems() -> t.Iterator[str]:
    """Yield what is wrong with the version, in all places that contain it."""
    released = str(_load("galaxy.yml")["version"])
    code = (CHECKOUT / "plugins" / "module_utils" / "base" / "version.py").read_text(encoding="utf-8")
    values = {ast.literal_eval(node.value) for node in ast.parse(code).body if isinstance(node, ast.Assign)}
    if values != {released}:
        yield f"plugins/module_utils/base/version.py has another version than galaxy.yml: {values}"
    if not re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?", released):
        yield f"{released} is not a semantic version."
    tag = os.environ.get("RELEASE_TAG", released)
    if tag != released:
        yield f"The tag {tag} is not the version {released}."


def note_problems() -> t.Iterator[str]:
    """Yield what is wrong with the release notes. Before `antsibull-changelog release`, they are written to a copy."""
    released = str(_load("galaxy.yml")["version"])
    fragments = sorted(path.name for path in (CHECKOUT / "changelogs" / "fragments").glob("*.yml"))
    with TemporaryDirectory() as folder:
        # antsibull-changelog finds the name and the plugins of a collection by its path.
        copy = Path(folder) / "ansible_collections" / "esper" / "cloud"
        for name in ("changelogs", "meta", "playbooks", "plugins", "roles"):
            shutil.copytree(CHECKOUT / name, copy / name)
        for name in ("galaxy.yml", "CHANGELOG.rst"):
            shutil.copy(CHECKOUT / name, copy / name)
        history = copy / "changelogs" / "changelog.yaml"
        if history.exists() and released in yaml.safe_load(history.read_text(encoding="utf-8"))["releases"]:
            if fragments:
                yield f"The notes of {released} are written, but there are fragments: {', '.join(fragments)}"
        elif "RELEASE_TAG" in os.environ:
            yield f"The notes of {released} are missing. Run antsibull-changelog release."
        else:
            command = ["antsibull-changelog", "release", "--date", "2000-01-01"]
            run = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
            if run.returncode:
                yield f"{run.stdout}{run.stderr}"
        notes = (copy / "CHANGELOG.rst").read_text(encoding="utf-8")
    if f"\nv{released}\n" not in notes:
        yield f"CHANGELOG.rst has no section v{released}."
    for found in re.findall(r"\b(?:[A-Z]|RV)\([^)]*\)", notes):
        yield f"CHANGELOG.rst shows the markup {found}."


def certification_problems() -> t.Iterator[str]:
    """Yield broken rules of the certification that other checks do not cover."""
    lowest = re.fullmatch(r">=(\d+\.\d+\.\d+)", _load("meta/runtime.yml")["requires_ansible"])
    if not lowest or lowest[1] not in PLATFORM_CORES:
        yield f"requires_ansible of meta/runtime.yml must be >= and one of {', '.join(PLATFORM_CORES)}."
    if _load("galaxy.yml")["dependencies"]:
        yield "Certified collections may depend on certified collections only."
    for line in requirements(CHECKOUT / "requirements.txt"):
        if not re.fullmatch(r"[\w.-]+(>=[\d.]+)?", line) or line.startswith("ansible"):
            yield f"requirements.txt may only contain names and lowest versions, and no ansible-core: {line}"
    for file in (CHECKOUT / "tests" / "sanity").glob("ignore-*.txt"):
        yield f"{file.name} ignores errors of sanity tests."

    lint = _load(".ansible-lint")
    if lint["profile"] != "production" or REQUIRED_RULES & {*lint.get("skip_list", ()), *lint.get("warn_list", ())}:
        yield ".ansible-lint must use the profile production with all required rules."
    for path in lint.get("exclude_paths", ()):
        if path.startswith(("plugins", "roles", "playbooks", "extensions")):
            yield f".ansible-lint may not exclude {path}."

    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", readme):
        if not target.startswith(("https://", "#")):
            yield f"README.md may only link to full URLs, because other sites show it: {target}"
    if re.search(r"pip3? install[^\n]*\bansible(-core)?\b", readme):
        yield "README.md may not install ansible-core."


def first_use_problems() -> t.Iterator[str]:
    """Yield how the built collection fails in an empty environment with the simulator that it contains."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        own = ("ANSIBLE_", "ESPER_", "PYTHON")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(own)}
        environment |= {"HOME": str(folder), "ANSIBLE_COLLECTIONS_PATH": str(folder)}
        collection = folder / "ansible_collections" / "esper" / "cloud"
        programs = folder / "venv" / "bin"
        simulator = collection / "tests" / "simulator" / "requirements.txt"
        commands: list[list[str | Path]] = [
            [sys.executable, "-m", "venv", folder / "venv"],
            [programs / "pip", "install", "--quiet", f"ansible-core=={version('ansible-core')}"],
            [programs / "ansible-galaxy", "collection", "install", "--offline", "-p", folder, build(folder)],
            [programs / "pip", "install", "--quiet", "-r", collection / "requirements.txt", "-r", simulator],
            [programs / "python", "-c", FIRST_USE, collection],
        ]
        for command in commands:
            run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            if run.returncode:
                yield f"{run.stdout}{run.stderr}\n{Path(command[0]).name} failed."
                return
        sys.stdout.write(run.stdout.splitlines()[-1] + "\n")


def _load(name: str) -> t.Any:
    return yaml.safe_load((CHECKOUT / name).read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
