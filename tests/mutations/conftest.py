# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import secrets
import sys
import typing as t
from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader

# Ansible finds the plugins of a collection only if its loader is installed before Python imports the collection.
init_plugin_loader()

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulator"))

from ansible_collections.esper.cloud.tests.mutations.runner import NUMBER, SEED, Runner, Selection


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mutations")
    group.addoption("--mutations", type=int, default=NUMBER, help="number of mutations")
    group.addoption("--mutation-seed", type=int, default=SEED, help="seed of their random numbers, 0 for another one")
    group.addoption("--mutation", default="", help="run only this one, as a failed test names it")


def pytest_configure(config: pytest.Config) -> None:
    config.option.mutation_seed = config.option.mutation_seed or secrets.randbelow(10**9) + 1


def pytest_report_header(config: pytest.Config) -> str:
    return f"mutations: {config.getoption('--mutations')}, seed {config.getoption('--mutation-seed')}"


@pytest.fixture(scope="session")
def selection(pytestconfig: pytest.Config) -> Selection:
    options = (pytestconfig.getoption(f"--{name}") for name in ("mutations", "mutation-seed", "mutation"))
    return Selection(*options)


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Runner]:
    with pytest.MonkeyPatch.context() as patches:
        yield Runner(tmp_path_factory.mktemp("mutations"), patches)
