# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare a home directory for ansible-test, which else keeps its virtual environments and more in the user's."""

from __future__ import annotations

import ast
import re
import subprocess
from configparser import RawConfigParser
from pathlib import Path

ENSUREPIP = """\
import ensurepip
ensurepip.bootstrap(default_pip=True)
"""


def furnish(home: Path, venv: Path) -> None:
    """Put into a home what the ansible-test of a virtual environment looks for there."""
    pip = home / ".pip" / "pip.conf"
    pip.parent.mkdir(parents=True, exist_ok=True)
    pip.touch(mode=0o600)  # An index may need a password.
    with pip.open("w") as file:
        _pip_settings(venv).write(file)

    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for name in _pip_installers(venv):
        (cache / name).write_text(ENSUREPIP)


def _pip_settings(venv: Path) -> RawConfigParser:
    """Collect pip's settings, because ansible-test passes no PIP_ variable on."""
    listed = subprocess.check_output([venv / "bin" / "pip", "config", "list"], text=True)
    settings = RawConfigParser()
    settings["global"] = {"quiet": "2"}
    # Reversed, so that ":env:", which sorts first, wins.
    for line in sorted(listed.splitlines(), reverse=True):
        name, value = line.split("=", 1)
        section, option = name.rsplit(".", 1)
        settings.read_dict({"global" if section == ":env:" else section: {option: ast.literal_eval(value)}})
    return settings


def _pip_installers(venv: Path) -> list[str]:
    """Name the files that ansible-test downloads, if they are missing, from a host that not every network reaches."""
    (source,) = venv.glob("lib/python*/site-packages/ansible_test/_internal/python_requirements.py")
    return [f"get_pip_{version.replace('.', '_')}.py" for version in re.findall(r"pip='([0-9.]+)'", source.read_text())]
