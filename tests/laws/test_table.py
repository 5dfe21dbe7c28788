# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.index import MODULES
from ansible_collections.esper.cloud.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.esper.cloud.tests.laws.laws import LAWS
from ansible_collections.esper.cloud.tests.laws.preparations import PREPARATIONS
from ansible_collections.esper.cloud.tests.laws.subjects import subjects
from ansible_collections.esper.cloud.tests.laws.table import TESTED, table


def test_the_table_is_up_to_date(pytestconfig: pytest.Config) -> None:
    written = table(subjects(), list(LAWS.values()))
    if file := pytestconfig.getoption("--write-table"):
        Path(file).write_text(written, encoding="utf-8")
        return
    current = (Path(__file__).parent / "TABLE.md").read_text(encoding="utf-8")
    assert current == written, "TABLE.md differs from the laws. Write it with --write-table."


def test_each_kind_of_the_registry_is_tested() -> None:
    tested = {subject.plural for subject in subjects() if subject.in_tenant}
    assert tested == {kind.plural for kind in KINDS}


def test_each_module_of_a_kind_is_tested() -> None:
    tested = {module for subject in subjects() for module in subject.specs}
    assert tested == {module for module, (file, _name) in MODULES.items() if file.startswith("kinds.")}


def test_each_exception_belongs_to_a_law_that_would_apply() -> None:
    """An exception that is not needed hides nothing, but would hide a later fault."""
    known = {subject.name: subject for subject in subjects()}
    for name, preparation in PREPARATIONS.items():
        assert name in known, f"preparations.py has the kind {name}, which does not exist"
        for law in preparation.exceptions:
            assert law in LAWS, f"preparations.py has the law {law}, which does not exist"
            assert not LAWS[law].applies(known[name]), f"the exception of {name} from {law} is not needed"


def test_each_kind_has_laws_about_all_that_it_can_do() -> None:
    """A kind that lost an option would otherwise lose its tests without notice."""
    rows = {subject.name: {law.name for law in LAWS.values() if not law.reason(subject)} for subject in subjects()}
    managed = {"check_create", "check_update", "check_delete", "repeat_create", "lost_create", "secrets", "tenant"}
    for name in ("app", "blueprint", "content", "device_group", "enterprise_policy"):
        assert managed <= rows[name], f"{name} is not tested with {managed - rows[name]}"


def test_a_cell_is_a_reason_or_tested() -> None:
    lines = table(subjects(), list(LAWS.values())).splitlines()
    cells = {cell.strip() for line in lines if line.startswith("| `") for cell in line.split("|")[2:-1]}
    assert TESTED in cells
    assert "" not in cells
