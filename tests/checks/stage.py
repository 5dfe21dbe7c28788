# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the checkout to a path that ends in ansible_collections/esper/cloud, as Ansible and its tools require."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
COLLECTIONS = CHECKOUT / ".ansible" / "collections"


def stage(collections: Path = COLLECTIONS) -> Path:
    """Update the copy below `collections` and return its directory."""
    copy = collections / "ansible_collections" / "esper" / "cloud"
    copy.mkdir(parents=True, exist_ok=True)
    # ansible-test asks the nearest git repository for its files. The repository of the checkout ignores the directory
    # of the copy.
    if not (copy / ".git").exists():
        git(copy, "init", "--quiet")

    wanted = {path for path in _files(CHECKOUT) if os.path.lexists(CHECKOUT / path)}
    for path in sorted(wanted):
        _copy(CHECKOUT / path, copy / path)
    # The copy has the same .gitignore, so reports and caches in it are not listed and are kept.
    for path in _files(copy) - wanted:
        (copy / path).unlink()
        _remove_empty(copy / path)
    return copy


def _copy(source: Path, target: Path) -> None:
    if os.path.lexists(target) and _state(source) == _state(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)


def _state(path: Path) -> tuple[int, int, int]:
    status = path.lstat()
    return status.st_mtime_ns, status.st_size, status.st_mode


def _remove_empty(path: Path) -> None:
    while not any(path.parent.iterdir()):
        path = path.parent
        path.rmdir()


def _files(directory: Path) -> set[str]:
    """Return the files in a directory that git tracks or would track after `git add`."""
    listed = git(directory, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return set(filter(None, listed.split("\0")))


def git(directory: Path, *arguments: str) -> str:
    """Return the output of git in a directory."""
    # A git hook that runs the checks sets variables such as GIT_DIR, which select another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.check_output(["git", *arguments], cwd=directory, env=environment, text=True)


if __name__ == "__main__":
    sys.stdout.write(f"{stage()}\n")
