# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contracts of import-linter reject circular imports between the packages of module_utils."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("importlinter", reason="import-linter is installed with the newest ansible-core only")

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path("ansible_collections", "esper", "cloud")
TYPE_CHECKING = "\nif t.TYPE_CHECKING:\n    from {} import {}\n"


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("model/unknowns.py", TYPE_CHECKING.format(".plan", "Step")),
        ("model/field.py", TYPE_CHECKING.format(".kind", "Kind")),
        ("engine/tenant_view.py", TYPE_CHECKING.format(".planner", "Planner")),
        ("model/compare.py", TYPE_CHECKING.format("..http.client", "Client")),
        ("http/paging.py", "\nimport requests\n"),
        ("kinds/tag.py", TYPE_CHECKING.format("..task", "Task")),
        ("base/ids.py", TYPE_CHECKING.format("..model.field", "Field")),
    ],
)
def test_an_import_upwards_breaks_a_contract(tmp_path: Path, file: str, line: str) -> None:
    copy = tmp_path / PACKAGE
    shutil.copytree(ROOT / "plugins" / "module_utils", copy / "plugins" / "module_utils")
    shutil.copy(ROOT / "pyproject.toml", copy)
    with (copy / "plugins" / "module_utils" / file).open("a", encoding="utf-8") as opened:
        opened.write(line)
    assert re.search(r"[1-9] broken", lint(copy, tmp_path))


def lint(copy: Path, collections: Path) -> str:
    """Return the report of lint-imports for a copy of the collection."""
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(collections)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    ).stdout
