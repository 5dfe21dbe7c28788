# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.http import transport

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulator"))

from ansible_collections.esper.cloud.tests.laws.world import EmbeddedSimulator, World
from contract import Contract


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-table", metavar="FILE", help="write the table of kinds and laws")


@pytest.fixture(scope="session")
def running() -> t.Iterator[EmbeddedSimulator]:
    with EmbeddedSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract()


@pytest.fixture
def world(running: EmbeddedSimulator, contract: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A tenant whose clients do not wait before they repeat a request."""
    monkeypatch.setattr(transport.Transport, "_sleep", lambda _client, _seconds: None)
    monkeypatch.chdir(tmp_path)
    return World(running, contract, tmp_path)
