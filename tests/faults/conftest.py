# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.http import responses as responses_module
from ansible_collections.esper.cloud.plugins.module_utils.http import transport as transport_module
from ansible_collections.esper.cloud.plugins.module_utils.tasks import polling as polling_module
from ansible_collections.esper.cloud.tests.faults.proxy import Proxy
from ansible_collections.esper.cloud.tests.faults.world import (
    KEY,
    Certificates,
    Clock,
    Resolver,
    World,
    upstream,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulator"))

from process import Simulator

_DISTURBING = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-matrix", metavar="FILE", help="write the outcomes of this run to MATRIX.md")


@pytest.fixture(scope="session")
def patches() -> t.Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="session")
def world(patches: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[World]:
    """The one world, which each test resets. Only the clocks of the product are replaced."""
    folder = tmp_path_factory.mktemp("faults")
    for name in (*_DISTURBING, *_PROXIES, *(name.lower() for name in _PROXIES)):
        patches.delenv(name, raising=False)
    patches.setenv("HOME", str(folder))
    clock, resolver = Clock(), Resolver(socket.getaddrinfo)
    patches.setattr(socket, "getaddrinfo", resolver)
    patches.setattr(transport_module, "time", clock)
    patches.setattr(responses_module, "time", clock)
    patches.setattr(polling_module, "time", clock)
    patches.setattr(transport_module.Transport, "_sleep", lambda _client, seconds: clock.wait(seconds))
    certificates = Certificates(folder)
    with Simulator(api_key=KEY, devices=10) as simulator:
        place = upstream(simulator)
        plain, secure, trap = Proxy(place), Proxy(place, lambda _number: certificates.good), Proxy(place)
        yield World(simulator, clock, resolver, certificates, folder, plain, secure, trap)
        for each in (plain, secure, trap):
            each.close()
