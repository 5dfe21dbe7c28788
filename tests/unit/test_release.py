# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the collection agree with each other."""

from __future__ import annotations

import ast
import os
import re
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.esper.cloud.plugins.module_utils.base.version import VERSION

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "checks"))

from environments import PYTHONS

ROOT = Path(__file__).resolve().parents[2]
UTILITIES = ROOT / "plugins" / "module_utils"
SOURCES = {".py", ".sh", ".toml", ".yml", ".yaml"}
# Written by tools, which keep no header.
WRITTEN = {"changelogs/changelog.yaml", "tests/integration/integration_config.yml"}
# Workflows whose commits we have not seen are named by a tag.
NAMED_BY_TAG = {"ansible-collections/partner-certification-checker/.github/workflows/certification-reusable.yml@v4.1.0"}
# What tools leave behind, and the facts of the contract, which are nobody's.
NOT_OURS = {"tests/output", "tests/contract/api"}


def load(name: str) -> t.Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def sources() -> t.Iterator[str]:
    """Yield the files that people wrote. Names that start with a dot belong to tools, except .ci and .github."""
    for directory, below, names in os.walk(ROOT):
        here = Path(directory).relative_to(ROOT)
        below[:] = [
            name
            for name in below
            if (here / name).as_posix() not in NOT_OURS and (name[0] not in "._" or name in (".ci", ".github"))
        ]
        for name in names:
            path = (here / name).as_posix()
            if (Path(name).suffix in SOURCES or name == "Makefile") and path not in WRITTEN:
                yield path


def test_the_version_is_that_of_galaxy_yml() -> None:
    assert load("galaxy.yml")["version"] == VERSION


def test_the_collection_is_the_one_that_the_code_imports() -> None:
    galaxy = load("galaxy.yml")
    assert (galaxy["namespace"], galaxy["name"]) == ("esper", "cloud")


def test_the_action_group_is_all_modules_that_send_requests() -> None:
    groups = load("meta/runtime.yml")["action_groups"]
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    assert groups == {"esper": sorted(modules - {"device_facts"})}


@pytest.mark.parametrize("path", sorted(sources()))
def test_a_source_file_says_whose_it_is(path: str) -> None:
    beginning = (ROOT / path).read_text(encoding="utf-8")[:400]
    assert "SPDX-FileCopyrightText: esper.cloud contributors" in beginning
    assert "SPDX-License-" + "Identifier: GPL-3.0-or-later" in beginning  # Not a license of this file.


@pytest.mark.parametrize("path", sorted((ROOT / "changelogs" / "fragments").glob("*.yml")), ids=lambda path: path.stem)
def test_fragments_have_the_markup_of_the_release_notes(path: Path) -> None:
    # The release notes are reStructuredText. They show markup for ansible-doc, such as "C(name)", as it is.
    assert not re.findall(r"\b(?:[A-Z]|RV)\(.*", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.stem)
def test_workflows_use_fixed_actions_and_few_permissions(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    used = set(re.findall(r"uses: (.+)", text)) - NAMED_BY_TAG
    assert used
    assert not [each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", each)]
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    writing = {name for name, job in workflow["jobs"].items() if "write" in job.get("permissions", {}).values()}
    assert writing == {"release": {"notes"}, "site": {"pages"}}.get(path.stem, set())
    # Only the job that publishes reads the key, and it runs no code of the repository.
    keyed = {name for name, job in workflow["jobs"].items() if "secrets." in str(job)}
    assert keyed <= {"publish"}
    assert not [name for name in keyed if "actions/checkout" in str(workflow["jobs"][name])]


def test_the_ci_runs_each_supported_core_and_its_jobs_have_time_limits() -> None:
    jobs = load(".github/workflows/ci.yml")["jobs"]
    rows = jobs["cores"]["strategy"]["matrix"]["include"]
    assert {row["core"] for row in rows} == {f"2.{minor}" for minor in PYTHONS}
    for row in rows:
        lowest, highest = PYTHONS[int(row["core"].partition(".")[2])]
        assert lowest <= tuple(map(int, row["python"].split("."))) <= highest, row
    # GitHub stops a job without a limit after six hours. Branch protection needs the job "passed" only.
    assert [name for name, job in jobs.items() if "timeout-minutes" not in job and "uses" not in job] == []
    assert set(jobs["passed"]["needs"]) == set(jobs) - {"passed"}


def imports(path: Path) -> set[str]:
    """Return the names of the modules that a file imports. A relative import starts with a dot."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


@pytest.mark.parametrize("path", sorted(UTILITIES.rglob("*.py")), ids=lambda path: path.stem)
def test_only_one_utility_knows_ansible_and_only_one_knows_requests(path: Path) -> None:
    packages = {name.partition(".")[0] for name in imports(path)}
    assert ("ansible" in packages) == (path.name == "module.py")
    assert ("requests" in packages or "urllib3" in packages) == (path.name == "transport.py")
    # Other code may import the utilities from elsewhere, so that they name each other by relative imports.
    assert "ansible_collections" not in packages


def test_the_core_knows_no_kind_of_object() -> None:
    for path in UTILITIES.glob("*.py"):
        known = {".resources.registry"} if path.name == "tenant.py" else set()
        assert {name for name in imports(path) if ".resources" in name} == known, path.name
