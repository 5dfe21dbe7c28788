# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports from a zip file, in the way in which Ansible runs a module."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import ansible
import pytest

PACKAGE = "ansible_collections.esper.cloud.plugins"
PLUGINS = Path(__file__).parents[5] / "plugins"
# Counts compilations by file, then imports a module and lets a function of it fail.
SCRIPT = f"""
import builtins, collections, importlib, json, sys, traceback
counted = collections.Counter()
compile_source = compile
def compile(source, path, *args, **options):
    counted[str(path)] += 1
    return compile_source(source, path, *args, **options)
builtins.compile = compile
module = importlib.import_module("{PACKAGE}.modules.device_group")
names = importlib.import_module("{PACKAGE}.module_utils.base.names")
kinds = importlib.import_module("{PACKAGE}.module_utils.kinds")
try:
    names.unique_hostnames([], None)
except Exception:
    shown = traceback.format_exc()
print(json.dumps([counted, shown, names.__file__, list(kinds.__path__)]))
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a zip file with the module device_group and all files that it can import."""
    archive = tmp_path_factory.mktemp("zip") / "sent.zip"
    with zipfile.ZipFile(archive, "w") as content:
        core = Path(ansible.__file__).parent
        for file in (core / "module_utils").rglob("*.py"):
            content.write(file, f"ansible/{file.relative_to(core)}")
        files = [PLUGINS / "modules" / "device_group.py", *(PLUGINS / "module_utils").rglob("*.py")]
        directory = Path(*PACKAGE.split("."))
        for file in files:
            content.write(file, str(directory / file.relative_to(PLUGINS)))
        packages = {parent for file in content.namelist() for parent in Path(file).parents[:-1]}
        for package in packages:
            if f"{package}/__init__.py" not in content.namelist():
                content.writestr(f"{package}/__init__.py", "")
    return archive


def test_files_of_a_zip_file_are_compiled_once(archive: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={"PYTHONPATH": str(archive)},
        capture_output=True,
        text=True,
        check=True,
    )
    counted, shown, file, path = json.loads(done.stdout)
    ours = {name: count for name, count in counted.items() if "/module_utils/" in name and "/esper/" in name}
    assert len(ours) > 30
    twice = {name for name, count in ours.items() if count > 1}
    # They are loaded before the faster import is in use.
    assert {Path(name).name for name in twice} <= {"__init__.py", "zip_import.py"}
    place = f"{archive}/ansible_collections/esper/cloud/plugins/module_utils"
    assert file == f"{place}/base/names.py"
    assert path == [f"{place}/kinds"]
    # A traceback shows the source.
    assert "chosen: list[str | None] = " in shown


def test_installed_files_are_imported_by_python(archive: Path) -> None:
    command = f"import sys; import {PACKAGE}.modules.device_group; print([str(each) for each in sys.meta_path])"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert "zip_import" not in done.stdout
