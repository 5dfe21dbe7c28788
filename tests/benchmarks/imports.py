# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The imports of each module, compared with the minimum that a module imports.

Ansible sends a module as a zip file of source code, which Python compiles each time. So the imports are measured from
such a file. To show the time without compilation, they are also measured from the installed collection, which the
controller's process uses.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ansible
from measuring import Environment, Measured, Options, run, table
from stage import COLLECTIONS

NOTHING, MODULE, WITH_REQUESTS = "nothing", "AnsibleModule", "AnsibleModule and requests"
URI = "`ansible.builtin.uri`"
PLUGINS = "ansible_collections/esper/cloud/plugins"
INSTALLED, SENT = "installed", "in a zip file"
# The module whose imports are shown in detail. Other benchmarks run it.
DETAILED = "device_group"
SHOWN = 20


def tables(options: Options) -> Iterator[str]:
    """Return a table of all modules, and two of the imports of one module."""
    with tempfile.TemporaryDirectory(prefix="esper-bench.") as name:
        place = Path(name)
        paths = {INSTALLED: COLLECTIONS, SENT: _zipped(place / "sent.zip")}
        statements = {
            NOTHING: "pass",
            MODULE: "import ansible.module_utils.basic",
            WITH_REQUESTS: "import ansible.module_utils.basic, requests",
            URI: "import ansible.modules.uri",
            **{file.stem: _import_of(file.stem) for file in sorted((COLLECTIONS / PLUGINS / "modules").glob("*.py"))},
        }
        for statement in statements.values():
            # Python compiles installed files once.
            run([sys.executable, "-c", statement], _environment(COLLECTIONS), place)
        measured = Measured()
        for _number in options.each_round("imports"):
            for way, path in paths.items():
                for what, statement in statements.items():
                    command = [sys.executable, "-c", statement]
                    measured.add((what, way), run(command, _environment(path), place))
        yield table(
            "Imports at the start of a module, in ms",
            (
                "Imports",
                INSTALLED,
                f"{INSTALLED}, in addition to {WITH_REQUESTS}",
                SENT,
                f"{SENT}, in addition to {WITH_REQUESTS}",
            ),
            [_row(measured, what) for what in statements if what != NOTHING],
        )
        imports = [_imports(_import_of(DETAILED), paths[SENT]) for _number in range(options.rounds)]
        fastest = min(imports, key=lambda each: sum(one.own for one in each))
    yield table(
        f"Imports of {DETAILED} in a zip file, by package",
        ("Package", "Modules", "ms"),
        [[name, str(number), f"{us / 1000:.1f}"] for name, number, us in _by_package(fastest)],
    )
    slowest = sorted(fastest, key=lambda one: -one.cumulative)[:SHOWN]
    yield table(
        f"The slowest imports of {DETAILED} in a zip file",
        ("Module", "ms", "ms with its own imports"),
        [[f"`{one.name}`", f"{one.own / 1000:.1f}", f"{one.cumulative / 1000:.1f}"] for one in slowest],
    )


@dataclass(frozen=True)
class _Import:
    """One line of `python -X importtime`, in microseconds."""

    name: str
    own: int
    cumulative: int


def _imports(statement: str, path: Path) -> list[_Import]:
    """Return the imports of a statement in addition to those of Python itself."""
    lines = []
    for code in ("pass", statement):
        command = [sys.executable, "-X", "importtime", "-c", code]
        errors = subprocess.run(command, env=_environment(path), check=True, capture_output=True, text=True).stderr
        lines.append([line.removeprefix("import time:").split("|") for line in errors.splitlines()[1:] if "|" in line])
    by_itself = {name.strip() for _own, _cumulative, name in lines[0]}
    return [
        _Import(name.strip(), int(own), int(cumulative))
        for own, cumulative, name in lines[1]
        if name.strip() not in by_itself and own.strip().isdigit()
    ]


def _by_package(imports: list[_Import]) -> list[tuple[str, int, int]]:
    """Return name, number of modules and time of each package, the slowest first. Small ones are one row."""
    totals: dict[str, list[int]] = defaultdict(list)
    for one in imports:
        top = one.name.partition(".")[0]
        if one.name.startswith("ansible_collections.esper"):
            top = "esper.cloud"
        elif top in sys.stdlib_module_names:
            top = "the standard library"
        totals[top].append(one.own)
    rows = sorted(((name, len(own), sum(own)) for name, own in totals.items()), key=lambda row: -row[2])
    large = [row for row in rows if row[2] >= 1000]
    small = [row for row in rows if row[2] < 1000]
    return [*large, ("others", sum(row[1] for row in small), sum(row[2] for row in small))]


def _row(measured: Measured, what: str) -> list[str]:
    cells = [what]
    for way in (INSTALLED, SENT):
        nothing, least, cost = [measured[each, way].seconds * 1000 for each in (NOTHING, WITH_REQUESTS, what)]
        cells += [f"{cost - nothing:.0f}", "" if what in (MODULE, WITH_REQUESTS) else str(round(cost - least))]
    return cells


def _import_of(module: str) -> str:
    return f"import {PLUGINS.replace('/', '.')}.modules.{module}"


def _environment(path: Path) -> Environment:
    return {**os.environ, "PYTHONPATH": str(path)}


def _zipped(file: Path) -> Path:
    """Return a zip file like that of Ansible. It has more modules, but no more are imported."""
    core = Path(ansible.__file__).parent
    sources = [(core / "modules" / "uri.py", "ansible/modules/uri.py")]
    sources += [(each, f"ansible/{each.relative_to(core)}") for each in (core / "module_utils").rglob("*.py")]
    ours = COLLECTIONS / PLUGINS
    for directory in ("modules", "module_utils"):
        sources += [(each, f"{PLUGINS}/{each.relative_to(ours)}") for each in (ours / directory).rglob("*.py")]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        names = {name for _source, name in sources}
        for source, name in sources:
            archive.write(source, name)
        # Ansible also makes a package of each directory.
        packages = {str(parent) for name in names for parent in Path(name).parents if parent != Path()}
        for package in sorted(packages):
            if f"{package}/__init__.py" not in names:
                archive.writestr(f"{package}/__init__.py", "")
    return file
