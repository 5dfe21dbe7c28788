# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count the hand-written lines of each module: what a module costs.

A line that is not blank counts once for each 120 characters. Generated files do not count. Files that several modules
share have rows of their own, with the modules in parentheses.
"""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "plugins/module_utils"
LENGTH = 120
PARTS = ("data and behavior", "examples", "simulator", "unit and contract tests", "integration tests")

# Files of a module that do not start with its name: the stems of files in plugins, the simulator and the tests.
OTHER_FILES = {
    "app": ("applications", "upload"),
    "blueprint": ("blueprints",),
    "content": ("contents",),
    "device": ("devices", "device_task", "simulated_devices"),
    "device_command": ("command", "commands", "device_commands", "fleet"),
    "device_group": ("device_groups", "groups", "group_path", "group_devices"),
    "device_info": ("device_details",),
    "directory_record": ("directory_identifiers", "directory"),
    "enterprise_policy": ("policies", "policy"),
    "geofence": ("geofences",),
    "operation": ("operations",),
    "converge": ("converges",),
    "personal_access_token": ("token_expiry",),
    "role": ("roles",),
    "sso_connection": ("sso_connections",),
    "user": ("users",),
    "event_info": ("events",),
    "device_google_account_info": ("google_account_info",),
}
SHARED = {
    "alerts (alarm_rule, alert_channel)": ("alerts",),
    "apple (webclip, provisioning_profile)": ("apple",),
    "foundry (foundry_build, foundry_device_model, foundry_event)": ("foundry", "foundry_model_lookup"),
    "google (device_google_account, device_google_policy)": ("google_accounts", "google_devices", "device_changes"),
    "pictures (wallpaper, tile_icon, device_group_thumbnail)": (
        "downloads",
        "linked_file",
        "picture",
        "picture_kind",
        "picture_lookup",
        "picture_planner",
        "picture_reader",
        "pictures",
    ),
    "readings (device_location and others)": ("readings", "device_reader"),
    "reports (report, event_info)": ("reports",),
    "scripts (custom_action, background_script)": ("scripts", "script_text"),
    "tokens (personal_access_token, token_info)": ("tokens",),
}


def modules() -> dict[str, str]:
    """Return the main file of each module that index.py lists, by the name of the module without _info."""
    index = (SOURCES / "index.py").read_text(encoding="utf-8")
    return {
        (name.removesuffix("_info") if file.startswith("kinds.") else name): file.replace(".", "/")
        for name, file in re.findall(r'"(\w+)": \("([\w.]+)"', index)
    }


def stems_of(name: str, names: set[str]) -> set[str]:
    """Return the stems of the files of a module: those in OTHER_FILES, and those that start with its name, unless
    another name fits better."""
    known = {path.stem for folder in ("kinds", "tasks") for path in (SOURCES / folder).glob(f"{name}*.py")}
    own = {
        stem
        for stem in known
        if max((each for each in names if f"{stem}_".startswith(f"{each}_")), key=len, default="") == name
    }
    return {name, *own, *OTHER_FILES.get(name, ())}


def files(stems: set[str]) -> dict[str, list[Path]]:
    """Return the hand-written files with some stems, by what they are for."""
    tests = [path for folder in ("tests/unit", "tests/contract") for path in sorted((ROOT / folder).rglob("test_*.py"))]
    names = {
        f"test_{prefix}{stem}{suffix}" for stem in stems for prefix in ("", "simulated_") for suffix in ("", "_bodies")
    }
    targets = [ROOT / "tests/integration/targets" / f"{stem}{suffix}" for stem in stems for suffix in ("", "_info")]
    return {
        "data and behavior": [SOURCES / folder / f"{stem}.py" for folder in ("kinds", "tasks") for stem in stems],
        "examples": [ROOT / "examples" / f"{stem}{suffix}.yml" for stem in stems for suffix in ("", "_info")],
        "simulator": [ROOT / "tests/simulator/behaviors" / f"{stem}.py" for stem in stems],
        "unit and contract tests": [path for path in tests if path.stem in names],
        "integration tests": [path for target in targets for path in sorted(target.rglob("*.yml"))],
    }


def count(path: Path) -> int:
    """Return the number of lines of a file, 0 if it does not exist."""
    if not path.exists():
        return 0
    lines = path.read_text(encoding="utf-8").splitlines()
    return sum(math.ceil(len(line) / LENGTH) for line in lines if line.strip())


def main() -> int:
    """Print a table."""
    names = set(modules())
    rows = {name: stems_of(name, names) for name in sorted(names)} | {
        name: set(stems) for name, stems in SHARED.items()
    }
    sys.stdout.write(f"| module | {' | '.join(PARTS)} | all |\n|{' --- |' * (len(PARTS) + 2)}\n")
    for name, stems in rows.items():
        found = files(stems)
        numbers = [sum(map(count, found[part])) for part in PARTS]
        sys.stdout.write(f"| {name} | {' | '.join(map(str, numbers))} | {sum(numbers)} |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
