# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulator"))

from process import Simulator


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-messages", metavar="CHECKOUT", help="write the messages of this run to the pages of a checkout"
    )


@pytest.fixture(scope="session")
def simulator() -> t.Iterator[Simulator]:
    with Simulator() as running:
        yield running
