# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import signal
import threading
import typing as t

from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.parallel import in_parallel
from ansible_collections.esper.cloud.plugins.module_utils.tasks.fleet import _read_in_parallel
from ansible_collections.esper.cloud.tests.unit.service import Server, answers

ENDS = {signal.SIGINT, signal.SIGTERM, signal.SIGALRM}


def refused(*_arguments: t.Any) -> set[t.Any]:
    """The signals that the current thread leaves to others."""
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def test_no_thread_of_several_requests_gets_a_signal(client: Client) -> None:
    found = [*in_parallel(client, refused, range(5), 3), *_read_in_parallel(TenantView(client), [refused] * 2, 2)]
    assert [each & ENDS for each in found] == [ENDS] * 7
    assert not refused() & ENDS


def test_no_thread_that_watches_a_request_gets_a_signal(server: Server, client: Client, monkeypatch: t.Any) -> None:
    found: list[set[t.Any]] = []
    wait = threading.Event.wait

    def watched(event: threading.Event, seconds: float | None = None) -> bool:
        if isinstance(threading.current_thread(), threading.Timer):
            found.append(refused())
        return wait(event, seconds)

    monkeypatch.setattr(threading.Event, "wait", watched)
    server.replies(answers({}))
    client.get("/v2/devices/", purpose="Reading")
    assert [each & ENDS for each in found] == [ENDS]
    assert not refused() & ENDS
