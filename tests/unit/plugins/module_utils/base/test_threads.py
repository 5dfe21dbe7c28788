# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import signal
import typing as t

from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.parallel import in_parallel
from ansible_collections.esper.cloud.plugins.module_utils.http.watchdog import Watchdog
from ansible_collections.esper.cloud.plugins.module_utils.tasks.fleet import _side_by_side
from ansible_collections.esper.cloud.tests.unit.service import Server, answers

ENDS = {signal.SIGINT, signal.SIGTERM, signal.SIGALRM}


def refused(*_arguments: t.Any) -> set[t.Any]:
    """The signals that the current thread leaves to others."""
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def test_no_thread_of_several_requests_gets_a_signal(client: Client) -> None:
    found = [*in_parallel(client, refused, range(5), 3), *_side_by_side(TenantView(client), [refused] * 2, 2)]
    assert [each & ENDS for each in found] == [ENDS] * 7
    assert not refused() & ENDS


def test_the_thread_that_ends_slow_responses_gets_no_signal(server: Server, client: Client, monkeypatch: t.Any) -> None:
    found: list[set[t.Any]] = []
    run = Watchdog._run

    def watched(watchdog: Watchdog) -> None:
        found.append(refused())
        run(watchdog)

    monkeypatch.setattr(Watchdog, "_run", watched)
    server.app = lambda _request: answers({})
    for _request in range(3):
        client.get("/v2/devices/", purpose="Reading")
    # One thread for all requests.
    assert [each & ENDS for each in found] == [ENDS]
    assert not refused() & ENDS
