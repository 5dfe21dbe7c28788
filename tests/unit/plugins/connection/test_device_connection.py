# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection of devices runs commands only for modules of the collection, on the controller."""

from __future__ import annotations

import typing as t
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleError
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible_collections.esper.cloud.plugins.connection import device

ATTEMPTS: dict[str, t.Callable[[t.Any], t.Any]] = {
    "exec_command": lambda connection: connection.exec_command("true"),
    "put_file": lambda connection: connection.put_file("a", "b"),
    "fetch_file": lambda connection: connection.fetch_file("a", "b"),
    "_connect": lambda connection: connection._connect(),
    "wait_for_connection": lambda connection: hasattr(connection, "transport_test"),
}


@pytest.fixture
def connection() -> t.Any:
    return device.Connection(PlayContext())


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_actions_that_need_a_login_fail(connection: t.Any, attempt: str) -> None:
    with pytest.raises(AnsibleError, match=r"Ansible cannot log in to it\. Use a module of esper.cloud, .* localhost"):
        ATTEMPTS[attempt](connection)
    assert not connection.connected


def test_an_unused_connection_can_be_reset_and_closed(connection: t.Any) -> None:
    connection.reset()
    connection.close()


def test_a_module_of_the_collection_runs_on_the_controller(connection: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tests do not install Ansible's finder of collections, so only the short name works.
    loader = SimpleNamespace(
        get=lambda name, *args, **kwargs: connection_loader.get(name.split(".")[-1], *args, **kwargs)
    )
    monkeypatch.setattr(device, "connection_loader", loader)
    local = connection.use_controller()
    assert local.transport == "local"
    assert connection.use_controller() is local
    assert connection.exec_command("echo here")[:2] == (0, b"here\n")
