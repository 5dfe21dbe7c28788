# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader

# Ansible finds the plugins of a collection only if its loader is installed before Python imports the collection.
init_plugin_loader()

from ansible_collections.esper.cloud.plugins.module_utils.http import responses as responses_module
from ansible_collections.esper.cloud.plugins.module_utils.http import transport as transport_module
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import Connection
from ansible_collections.esper.cloud.tests.unit.service import Clock, Server
from hypothesis import HealthCheck, settings

# The same examples in each run, so that a change is judged by itself; and no time limit, on machines that are busy.
_EACH = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
settings.register_profile("unit", _EACH, max_examples=40)
# For `make test-matrix`.
settings.register_profile("thorough", _EACH, max_examples=100)
settings.load_profile("unit")

KEY = "k3y-Of-The-Tests-0123456789"
ENTERPRISE = "0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d"
_DISTURBING = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class MakeClient(t.Protocol):
    """Makes a client of a server; the options are those of Connection."""

    def __call__(
        self,
        server: Server,
        *,
        log: t.Callable[[str], None] | None = None,
        progress: t.Callable[[str], None] | None = None,
        user_agent: str = "",
        secrets: t.Sequence[str] = (),
        **options: t.Any,
    ) -> Client:
        """Connect to the server, with the options of a connection."""


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _undisturbed(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Remove the settings of the person who runs the tests from the environment."""
    for name in (*_DISTURBING, *_PROXIES, *(name.lower() for name in _PROXIES)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture
def key() -> str:
    return KEY


@pytest.fixture
def enterprise() -> str:
    return ENTERPRISE


@pytest.fixture
def server() -> t.Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The client's clock, which a test moves."""
    stand_in = Clock()
    monkeypatch.setattr(transport_module, "time", stand_in)
    monkeypatch.setattr(responses_module, "time", stand_in)
    monkeypatch.setattr(transport_module.Transport, "_sleep", lambda _client, seconds: stand_in.wait(seconds))
    return stand_in


@pytest.fixture
def make_client(clock: Clock) -> t.Iterator[MakeClient]:
    made: list[Client] = []

    def make(
        server: Server,
        *,
        log: t.Callable[[str], None] | None = None,
        progress: t.Callable[[str], None] | None = None,
        user_agent: str = "",
        secrets: t.Sequence[str] = (),
        **options: t.Any,
    ) -> Client:
        known = {"api_url": server.url, "api_key": KEY, "enterprise_id": ENTERPRISE, "timeout": 10.0}
        connection = Connection(**{**known, **options})
        made.append(Client(connection, log=log, progress=progress, user_agent=user_agent))
        made[-1].hide(*secrets)
        return made[-1]

    yield make
    for each in made:
        each.__exit__()


@pytest.fixture
def client(server: Server, make_client: MakeClient) -> Client:
    """A client of the server with the default options."""
    return make_client(server)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--round-trips", metavar="NUMBER", type=int, default=3, help="number of tenants for round trips")
