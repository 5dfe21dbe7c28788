# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables and numbers on the pages agree with the code."""

from __future__ import annotations

import json
import re
import sys
import typing as t
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device import FILTERS
from ansible_collections.esper.cloud.plugins.module_utils.module import argument_spec
from ansible_collections.esper.cloud.tests.documentation.pages import ROOT, code_spans, pages
from ansible_collections.esper.cloud.tests.documentation.provoke import Ansible

if t.TYPE_CHECKING:
    from process import Simulator

sys.path.insert(0, str(ROOT / "tests" / "checks"))

from environments import PYTHONS


def _section(page: str, begin: str, end: str) -> str:
    return pages()[page].split(begin, 1)[1].split(end, 1)[0]


def _names(table: str) -> set[str]:
    """Return the names in backticks in the first column of a table."""
    return {name for row in re.findall(r"^\| (`[^|]+) \|", table, re.M) for name in re.findall(r"`([^`]+)`", row)}


_LEVELS = (
    ("minimal", "With `minimal`:", "`standard` adds:"),
    ("standard", "`standard` adds:", "`full` adds:"),
    ("full", "`full` adds:", "Push tokens"),
)


def test_the_inventory_guide_lists_all_host_variables(simulator: Simulator, tmp_path: Path) -> None:
    ansible = Ansible(simulator, tmp_path)
    simulator.reset()
    below: set[str] = set()
    for level, begin, end in _LEVELS:
        ran = ansible.run("ansible-inventory", "-i", ansible.inventory(level, detail_level=level), "--list")
        hosts = json.loads(ran.stdout)["_meta"]["hostvars"].values()
        variables = {name for host in hosts for name in host if name.startswith("esper_")}
        assert _names(_section("docs/inventory.md", begin, end)) == variables - below
        below = variables


def test_the_inventory_guide_lists_all_filters() -> None:
    listed = _names(_section("docs/inventory.md", "| Filter | Value |", "\n\n"))
    unlisted = [name for name in FILTERS if not any(fnmatch(name, pattern) for pattern in listed)]
    assert unlisted == []
    assert [pattern for pattern in listed if not any(fnmatch(name, pattern) for name in FILTERS)] == []


_TASKS = [span for span in code_spans("docs/espercli.md") if span.startswith("esper.cloud.")]


@pytest.mark.parametrize("task", _TASKS)
def test_the_tasks_that_replace_commands_are_valid(task: str) -> None:
    ((name, options),) = yaml.safe_load(task).items()
    definition = definition_of(name.removeprefix("esper.cloud."))
    connection = {"api_url": "http://127.0.0.1/api", "api_key": "key"}
    spec = argument_spec(definition, {})
    assert ArgumentSpecValidator(spec, **definition.rules).validate({**connection, **options}).error_messages == []


def test_the_readme_lists_the_tested_versions() -> None:
    requirements = _section("README.md", "## Requirements", "## Installation")
    assert f"tested with 2.{min(PYTHONS)} to 2.{max(PYTHONS)}\n" in requirements
    oldest, newest = min(low for low, _high in PYTHONS.values()), max(high for _low, high in PYTHONS.values())
    assert f"tested with {_text(oldest)} to {_text(newest)}\n" in requirements
    runtime: dict[str, t.Any] = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["requires_ansible"] == f">=2.{min(PYTHONS)}.0"


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def test_pages_require_the_version_of_requests_that_is_required() -> None:
    (version,) = re.findall(r"^requests>=([\d.]+)$", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.M)
    mentioned = re.findall(r"requests(?:>=|\]\([^)]*\) )([\d.]*\d)", pages()["README.md"])
    assert mentioned
    assert set(mentioned) == {version}


@pytest.mark.parametrize("role", sorted(path.name for path in (ROOT / "roles").iterdir()))
def test_the_page_of_a_role_lists_all_variables(role: str) -> None:
    path = ROOT / "roles" / role / "meta" / "argument_specs.yml"
    options = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    page = f"roles/{role}/README.md"
    assert _names(pages()[page]) == set(options)
    for name, option in options.items():
        if "default" in option:
            (row,) = re.findall(rf"^\| [^|]*`{name}`[^|]* \| (.*?) \|", pages()[page], re.M)
            assert row == f"`{yaml.safe_dump(option['default'], default_flow_style=True).splitlines()[0]}`"
