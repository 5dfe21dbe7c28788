# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import threading
import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.http.watchdog import Watchdog

PATIENCE = 20.0


@pytest.fixture
def pair() -> t.Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets, the first of which waits for the second."""
    ours, theirs = socket.socketpair()
    ours.settimeout(PATIENCE)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def watchdog() -> t.Iterator[Watchdog]:
    made = Watchdog()
    yield made
    made.close()


def test_a_connection_is_shut_down_after_its_time(
    watchdog: Watchdog, pair: tuple[socket.socket, socket.socket]
) -> None:
    with pytest.raises(TimeoutError), watchdog.limit(pair[0], 0.05):
        assert pair[0].recv(1) == b""


def test_the_shortest_time_counts(watchdog: Watchdog, pair: tuple[socket.socket, socket.socket]) -> None:
    other, _peer = socket.socketpair()
    with other, _peer, watchdog.limit(other, PATIENCE * 2):
        with pytest.raises(TimeoutError), watchdog.limit(pair[0], 0.05):
            assert pair[0].recv(1) == b""
        other.getpeername()


def test_an_error_within_the_time_is_raised(watchdog: Watchdog, pair: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(ConnectionResetError), watchdog.limit(pair[0], PATIENCE):
        raise ConnectionResetError


def test_a_response_within_the_time_keeps_the_connection(
    watchdog: Watchdog, pair: tuple[socket.socket, socket.socket]
) -> None:
    for _response in range(3):
        with watchdog.limit(pair[0], 0.05):
            pair[1].send(b"x")
            assert pair[0].recv(1) == b"x"
        threading.Event().wait(0.1)
    with watchdog.limit(pair[0], None):
        pair[1].send(b"x")
        assert pair[0].recv(1) == b"x"


def test_the_thread_ends_with_the_task(
    watchdog: Watchdog, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    run = Watchdog._run

    def watched(each: Watchdog) -> None:
        run(each)
        ended.set()

    monkeypatch.setattr(Watchdog, "_run", watched)
    with watchdog.limit(pair[0], PATIENCE * 10):
        pass
    watchdog.close()
    assert ended.wait(PATIENCE)
