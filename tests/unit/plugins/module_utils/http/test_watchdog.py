# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import ssl
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
    with watchdog.limit(0.05) as limit:
        watchdog.watch(pair[0])
        assert pair[0].recv(1) == b""
        assert limit.is_exceeded


def test_a_connection_that_comes_later_is_shut_down_at_once(
    watchdog: Watchdog, pair: tuple[socket.socket, socket.socket]
) -> None:
    with watchdog.limit(0):
        watchdog.watch(pair[0])
        assert pair[0].recv(1) == b""


def test_a_handshake_is_shut_down_although_tls_replaced_the_socket(
    watchdog: Watchdog, pair: tuple[socket.socket, socket.socket]
) -> None:
    with watchdog.limit(0.05) as limit:
        watchdog.watch(pair[0])
        with pytest.raises(OSError, match=r"EOF|closed|pipe"):
            ssl.create_default_context().wrap_socket(pair[0], server_hostname="tenant.test")
        assert limit.is_exceeded


def test_the_shortest_time_counts(watchdog: Watchdog, pair: tuple[socket.socket, socket.socket]) -> None:
    other, _peer = socket.socketpair()
    is_watched, is_over = threading.Event(), threading.Event()

    def watch_other() -> None:
        with watchdog.limit(PATIENCE * 2):
            watchdog.watch(other)
            is_watched.set()
            is_over.wait(PATIENCE)

    thread = threading.Thread(target=watch_other)
    thread.start()
    with other, _peer:
        assert is_watched.wait(PATIENCE)
        with watchdog.limit(0.05):
            watchdog.watch(pair[0])
            assert pair[0].recv(1) == b""
        _peer.send(b"x")
        assert other.recv(1) == b"x"
        is_over.set()
        thread.join()


def test_a_response_within_the_time_keeps_the_connection(
    watchdog: Watchdog, pair: tuple[socket.socket, socket.socket]
) -> None:
    for seconds in (0.05, 0.05, None):
        with watchdog.limit(seconds) as limit:
            watchdog.watch(pair[0])
            pair[1].send(b"x")
            assert pair[0].recv(1) == b"x"
            assert not limit.is_exceeded
        threading.Event().wait(0.1)
    pair[1].send(b"x")
    assert pair[0].recv(1) == b"x"


def test_the_other_side_sees_the_end_of_a_connection_after_the_time_limit(
    watchdog: Watchdog, pair: tuple[socket.socket, socket.socket]
) -> None:
    with watchdog.limit(PATIENCE):
        watchdog.watch(pair[0])
    pair[0].close()
    pair[1].settimeout(PATIENCE)
    assert pair[1].recv(1) == b""


def test_the_thread_ends_with_the_task(watchdog: Watchdog, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    run = Watchdog._run

    def watched(each: Watchdog) -> None:
        run(each)
        ended.set()

    monkeypatch.setattr(Watchdog, "_run", watched)
    with watchdog.limit(PATIENCE * 10):
        pass
    watchdog.close()
    assert ended.wait(PATIENCE)
