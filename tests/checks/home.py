# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare a home directory for ansible-test, which otherwise writes its virtual environments to the user's."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

ENSUREPIP = """\
import ensurepip
ensurepip.bootstrap(default_pip=True)
"""


def furnish(home: Path, venv: Path) -> None:
    """Write the files to a home that the ansible-test of a virtual environment reads."""
    pip = home / ".pip" / "pip.conf"
    pip.parent.mkdir(parents=True, exist_ok=True)
    pip.touch(mode=0o600)  # The settings of an index can contain a password.
    with pip.open("w") as file:
        _pip_settings(venv).write(file)

    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for name in _pip_installers(venv):
        (cache / name).write_text(ENSUREPIP)

    # ansible-test creates this key if it is missing. Two checks that start at the same time disturb each other there.
    key = cache.parent / "id_rsa"
    if not key.exists() and shutil.which("ssh-keygen"):
        subprocess.run(("ssh-keygen", "-m", "PEM", "-q", "-t", "rsa", "-N", "", "-f", key), check=True)


def _pip_settings(venv: Path) -> RawConfigParser:
    """Return the settings of pip, because ansible-test does not pass PIP_ variables to it."""
    listed = subprocess.check_output([venv / "bin" / "pip", "config", "list"], text=True)
    settings = RawConfigParser()
    settings["global"] = {"quiet": "2"}
    # Reversed, because ":env:" sorts first and takes precedence.
    for line in sorted(listed.splitlines(), reverse=True):
        name, value = line.split("=", 1)
        section, option = name.rsplit(".", 1)
        settings.read_dict({"global" if section == ":env:" else section: {option: ast.literal_eval(value)}})
    return settings


def _pip_installers(venv: Path) -> list[str]:
    """Return the names of the files that ansible-test otherwise downloads from a host that not all networks reach."""
    (source,) = venv.glob("lib/python*/site-packages/ansible_test/_internal/python_requirements.py")
    return [f"get_pip_{version.replace('.', '_')}.py" for version in re.findall(r"pip='([0-9.]+)'", source.read_text())]
