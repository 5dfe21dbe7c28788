# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the versions of Python on this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

Version = tuple[int, int]

OLDEST: Version = (3, 10)
NAME = re.compile(r"python3(\.[1-9]\d+)?")

# Some distributions have venv and ensurepip in other packages. There are few wheels for pre-releases.
PROBE = """
import os, sys
import ensurepip, ssl, venv
assert sys.version_info.releaselevel == "final"
print(*sys.version_info[:3], os.path.realpath(sys._base_executable))
"""


@lru_cache(maxsize=1)
def interpreters() -> dict[Version, Path]:
    """Return the usable versions of Python, oldest first. Of each minor version, return the latest patch release."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders = [*map(Path, os.get_exec_path()), Path("/usr/bin"), Path("/usr/local/bin")]
    folders += [*pyenv.glob("versions/*/bin"), *Path("/opt").glob("*/bin")]
    candidates = {file.resolve() for folder in folders for file in folder.glob("python3*") if NAME.fullmatch(file.name)}
    found = sorted(answer for answer in map(_probe, candidates) if answer and answer[0] >= OLDEST)
    if not found:
        sys.exit("No usable Python found. Install Python 3.10 or newer with the modules venv and ensurepip.")
    return {version: path for version, _patch, path in found}


def search_path() -> list[str]:
    """Return a PATH on which each python3.X works.

    ansible-test runs each python3.X that it finds, and the shims of pyenv fail for versions that are not selected.
    """
    folders = [str(path.parent) for path in reversed(interpreters().values())]
    return [*folders, *(folder for folder in os.get_exec_path() if Path(folder).name != "shims")]


def _probe(executable: Path) -> tuple[Version, int, Path] | None:
    try:
        answer = subprocess.check_output([executable, "-c", PROBE], stderr=subprocess.DEVNULL, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    major, minor, patch, path = answer.strip().split(" ", 3)
    return (int(major), int(minor)), int(patch), Path(path)
