# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Select the checks for the files that differ from the branch main, whether they are committed or not."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field

from checks import REPRESENTATIVES, Arguments
from stage import CHECKOUT, git

TARGETS = CHECKOUT / "tests" / "integration" / "targets"
UNITS = ("tests/unit", "tests/contract")

# For each pattern of paths, the checks to run and their arguments. A path selects the checks of all patterns that match
# it. Without arguments, a check runs as in `make test`. "{path}" is the path, and "{kind}" the group of the pattern.
# Integration targets and files that do not exist are left out.
RULES: tuple[tuple[str, dict[str, Arguments]], ...] = (
    (r".+\.py", {"ruff": (), "format": (), "mypy": ()}),
    (r"(plugins|tests)/.+\.py", {"sanity": ("{path}",)}),
    (r"plugins/.+", {"units": UNITS, "imports": (), "laws": ()}),
    (r"plugins/(modules|inventory|doc_fragments)/.+", {"documentation": ()}),
    (r"plugins/modules/(?P<kind>\w+?)(_info)?\.py", {"integration": ("{kind}", "{kind}_info", "examples")}),
    (
        r"plugins/module_utils/(kinds|tasks)/(?P<kind>\w+?)(_(lookup|planner|reader))?\.py",
        {"integration": ("{kind}", "{kind}_info", "tenant")},
    ),
    (
        r"plugins/module_utils/(kinds/(device|device_list|tag|group_path)|tasks/fleet)\.py",
        {"integration": ("inventory_devices",)},
    ),
    (r"plugins/module_utils/(base|http|model|engine)/.+", {"integration": REPRESENTATIVES, "faults": ()}),
    (r"plugins/(inventory/.+|plugin_utils/(?!task_action).+)", {"integration": ("inventory_devices",)}),
    (r"plugins/(action|plugin_utils)/.+", {"integration": ("in_process",), "processes": ()}),
    (r"plugins/module_utils/\w+\.py", {"integration": (*REPRESENTATIVES, "device_group"), "faults": ()}),
    (r"tests/(unit|contract)/(.+/)?test_\w+\.py", {"units": ("{path}",)}),
    (r"tests/unit/(.+/)?(?!test_)[^/]+", {"units": ("tests/unit",)}),
    (r"tests/contract/(.+/)?(?!test_)[^/]+", {"units": ("tests/contract",)}),
    (r"tests/simulator/.+", {"units": ("tests/contract",), "integration": REPRESENTATIVES, "demo": ()}),
    (r"tests/integration/targets/(?P<kind>\w+)/.+", {"integration": ("{kind}",)}),
    (r"tests/integration/targets/setup_simulator/.+", {"integration": ()}),
    (r"tests/faults/.+", {"faults": ()}),
    (r"tests/hostile/.+|plugins/module_utils/http/.+", {"hostile": ()}),
    (r"plugins/.+|tests/(mutations|laws|simulator)/.+", {"mutations": ()}),
    # A change of a message in plugins/ is noticed by `make test`, since this check takes a minute.
    (r"(docs|tests/documentation)/.+|.+\.md", {"guides": ()}),
    (r"tests/(laws|simulator)/.+|examples/.+", {"laws": ()}),
    (r"tests/processes/.+", {"processes": ()}),
    (r"tests/checks/.+", {"integration": ("device_group_info",)}),
    (r"tests/checks/(artifact|importer)\.py|requirements\.txt|galaxy\.yml", {"artifact": (), "importer": ()}),
    (
        r"tests/checks/builder\.py|requirements\.txt|meta/execution-environment\.yml|docs/(awx|events)\.md",
        {"builder": ()},
    ),
    (r"tests/checks/(artifact|importer)\.py|requirements\.txt", {"artifact": (), "importer": ()}),
    (r"extensions/.+|playbooks/files/awx.+", {"units": ("tests/unit",), "artifact": ()}),
    (
        r"(extensions/eda|plugins/module_utils/events|tests/rulebooks)/.+|playbooks/event_.+|tests/checks/events\.py",
        {"events": ()},
    ),
    (r"tests/checks/demo\.py|demo\.esper\.yml|playbooks/.+", {"demo": ()}),
    (r"tests/requirements/.+|pyproject\.toml", {"ruff": (), "format": (), "mypy": (), "units": UNITS}),
    (r"playbooks/(?P<kind>\w+)\.yml", {"integration": ("playbook_{kind}",)}),
    (r"roles/(?P<kind>\w+)/.+", {"integration": ("role_{kind}",)}),
    (r".+\.ya?ml|\.ansible-lint", {"ansible-lint": (), "yamllint": ()}),
    (r"(docs|meta|roles|playbooks)/.+|README\.md|galaxy\.yml", {"documentation": (), "importer": ()}),
    (r"changelogs/.+|CHANGELOG\.rst", {"changelog": ()}),
)


@dataclass
class Selection:
    """Why a check runs, and with which arguments. Without arguments, it runs as in `make test`."""

    files: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    is_whole: bool = False

    def add(self, file: str, arguments: list[str]) -> None:
        """Add a changed file and the arguments for it."""
        if file not in self.files:
            self.files.append(file)
        self.is_whole |= not arguments
        merged = {*self.arguments, *arguments}
        # pytest and ansible-test would run a file twice if its directory is an argument, too.
        inner = {each for each in merged if any(each.startswith(f"{other}/") for other in merged)}
        self.arguments = [] if self.is_whole else sorted(merged - inner)

    def __str__(self) -> str:
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        return f"{' '.join(self.arguments) or 'all'}, because of {self.files[0]}{more}"


def changed_files() -> list[str]:
    """Return the files that differ from the commit where this branch left main, and those that git does not track."""
    base = "HEAD"
    for main in ("main", "origin/main"):
        try:
            base = git(CHECKOUT, "merge-base", "HEAD", main).strip()
            break
        except subprocess.CalledProcessError:
            continue
    listed = git(CHECKOUT, "diff", "--name-only", "--no-renames", "-z", base)
    listed += git(CHECKOUT, "ls-files", "-z", "--others", "--exclude-standard")
    return sorted(set(filter(None, listed.split("\0"))))


def select(files: list[str]) -> tuple[dict[str, Selection], list[str]]:
    """Return the selected checks by name, and the files that select none."""
    selected: dict[str, Selection] = {}
    for file in files:
        for pattern, checks in RULES:
            if match := re.fullmatch(pattern, file):
                for name, templates in checks.items():
                    arguments = [each.format(path=file, **match.groupdict()) for each in templates]
                    existing = [each for each in arguments if _exists(name, each)]
                    if existing or not templates:
                        selected.setdefault(name, Selection()).add(file, existing)
    matched = {file for selection in selected.values() for file in selection.files}
    return selected, [file for file in files if file not in matched]


def _exists(check: str, argument: str) -> bool:
    if check == "integration":
        return (TARGETS / argument / "tasks" / "main.yml").exists() and not argument.startswith("setup_")
    return (CHECKOUT / argument).exists()
