# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count the hand-written lines of each kind of object: what a plain kind costs.

A line that is not blank counts once for each 120 characters. Generated files do not count.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KINDS = ROOT / "plugins/module_utils/kinds"
LENGTH = 120
PARTS = ("data and behavior", "examples", "simulator", "unit and contract tests", "integration tests")

# The behaviors of the simulator and the tests whose names do not have the name of the kind.
OTHER_NAMES = {
    "app": ("applications",),
    "blueprint": ("blueprints",),
    "content": ("contents",),
    "device_group": ("device_groups", "groups"),
    "enterprise_policy": ("policies", "policy"),
}

# Further files of a kind in kinds/, in addition to those that start with its name.
OTHER_FILES = {"device_group": ("group_path", "group_devices")}


def files(kind: str) -> dict[str, list[Path]]:
    """Return the hand-written files of a kind, by what they are for."""
    names = (kind, *OTHER_NAMES.get(kind, ()))
    tests = [
        path
        for folder in ("tests/unit", "tests/contract")
        for path in sorted((ROOT / folder).rglob("test_*.py"))
        if any(path.stem in (f"test_{name}", f"test_{name}_bodies", f"test_simulated_{name}") for name in names)
    ]
    return {
        "data and behavior": [
            *(KINDS / f"{each}.py" for each in (kind, *OTHER_FILES.get(kind, ()))),
            *sorted(KINDS.glob(f"{kind}_*.py")),
        ],
        "examples": [ROOT / "examples" / f"{each}.yml" for each in (kind, f"{kind}_info")],
        "simulator": [ROOT / "tests/simulator/behaviors" / f"{name}.py" for name in names],
        "unit and contract tests": tests,
        "integration tests": sorted((ROOT / "tests/integration/targets" / kind).rglob("*.yml"))
        + sorted((ROOT / "tests/integration/targets" / f"{kind}_info").rglob("*.yml")),
    }


def count(path: Path) -> int:
    """Return the number of lines of a file, 0 if it does not exist."""
    if not path.exists():
        return 0
    lines = path.read_text(encoding="utf-8").splitlines()
    return sum(math.ceil(len(line) / LENGTH) for line in lines if line.strip())


def main() -> int:
    """Print a table."""
    rows = []
    for path in sorted((ROOT / "plugins/module_utils/kinds").glob("*.py")):
        kind = path.stem
        if not (ROOT / "examples" / f"{kind}.yml").exists() or not (ROOT / "plugins/modules" / f"{kind}.py").exists():
            continue
        if "module_utils.kinds." not in (ROOT / "plugins/modules" / f"{kind}.py").read_text(encoding="utf-8"):
            continue
        found = files(kind)
        rows.append((kind, *(sum(map(count, found[part])) for part in PARTS)))
    sys.stdout.write(f"| kind | {' | '.join(PARTS)} | all |\n|{' --- |' * (len(PARTS) + 2)}\n")
    for kind, *numbers in rows:
        sys.stdout.write(f"| {kind} | {' | '.join(map(str, numbers))} | {sum(numbers)} |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
