# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import signal
import typing as t

from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.parallel import in_parallel
from ansible_collections.esper.cloud.plugins.module_utils.http.watchdog import Watchdog
from ansible_collections.esper.cloud.plugins.module_utils.tasks.fleet import _read_in_parallel
from ansible_collections.esper.cloud.tests.unit.service import Server, answers

TERMINATING = {signal.SIGINT, signal.SIGTERM, signal.SIGALRM}


def blocked_signals(*_arguments: t.Any) -> set[t.Any]:
    """Return the signals that the current thread blocks."""
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def test_threads_of_parallel_requests_block_signals(client: Client) -> None:
    blocked = [
        *in_parallel(client, blocked_signals, range(5), 3),
        *_read_in_parallel(TenantView(client), [blocked_signals] * 2, 2),
    ]
    assert [signals & TERMINATING for signals in blocked] == [TERMINATING] * 7
    assert not blocked_signals() & TERMINATING


def test_the_thread_that_ends_slow_responses_gets_no_signal(server: Server, client: Client, monkeypatch: t.Any) -> None:
    found: list[set[t.Any]] = []
    run = Watchdog._run

    def watched(watchdog: Watchdog) -> None:
        found.append(blocked_signals())
        run(watchdog)

    monkeypatch.setattr(Watchdog, "_run", watched)
    server.app = lambda _request: answers({})
    for _request in range(3):
        client.get("/v2/devices/", purpose="Reading")
    # One thread for all requests.
    assert [signals & TERMINATING for signals in found] == [TERMINATING]
    assert not blocked_signals() & TERMINATING
