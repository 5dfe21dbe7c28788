# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time limits of requests.

The timeout of a socket limits one wait. A request has many: for each address of the host, TLS, the response of a proxy,
and each byte of the head, of the body, and of what surrounds the pieces of the body.
"""

from __future__ import annotations

import contextlib
import math
import os
import socket
import threading
import time
import typing as t

from ..base.threads import block_signals


class HasDescriptor(t.Protocol):
    """A socket, or an object in its place."""

    def fileno(self) -> int:
        """Return the file descriptor."""


class Limit:
    """The time limit of one request, and the connections that it uses."""

    def __init__(self, seconds: float | None) -> None:
        self.due = math.inf if seconds is None else time.monotonic() + seconds
        self._connections: list[socket.socket] = []

    @property
    def remaining(self) -> float:
        """The seconds until the limit, at least 0."""
        return max(self.due - time.monotonic(), 0.0)

    @property
    def is_exceeded(self) -> bool:
        """True if the connections are shut down, or will be at once. http.client accepts a response that is cut off."""
        return self.remaining == 0

    def add(self, connection: socket.socket) -> None:
        """Add a connection, which close() closes."""
        self._connections.append(connection)

    def shut_down(self) -> None:
        """End all waits for the connections."""
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Forget the connections."""
        for connection in self._connections:
            connection.close()


class Watchdog:
    """Shuts connections down. One thread is enough for all requests of a task, because a thread for each request takes
    longer than the rest of the client."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._limits: set[Limit] = set()
        self._current = threading.local()
        self._wakes_at = 0.0
        self._is_running = False

    @contextlib.contextmanager
    def limit(self, seconds: float | None) -> t.Iterator[Limit]:
        """Shut down the connections that this thread watches in this context after ``seconds``, None for no limit."""
        limit = Limit(seconds)
        if seconds is not None:
            self._add(limit)
        self._current.limit = limit
        try:
            yield limit
        finally:
            self._current.limit = None
            with self._condition:
                self._limits.discard(limit)
            limit.close()

    @property
    def current(self) -> Limit:
        """The limit of this thread."""
        return getattr(self._current, "limit", None) or Limit(None)

    def watch(self, connection: HasDescriptor) -> None:
        """Add a connection to the limit of this thread."""
        limit = self.current
        if limit.due == math.inf:
            return
        # A duplicate, because TLS replaces the socket before its handshake, and http.client forgets it before the body.
        duplicate = socket.socket(fileno=os.dup(connection.fileno()))
        with self._condition:
            limit.add(duplicate)
            if limit.is_exceeded:
                limit.shut_down()

    def close(self) -> None:
        """End the thread."""
        with self._condition:
            self._limits.clear()
            self._wakes_at = 0.0
            self._condition.notify()

    def _add(self, limit: Limit) -> None:
        with self._condition:
            self._limits.add(limit)
            if not self._is_running:
                self._is_running = True
                self._wakes_at = limit.due
                with block_signals():
                    threading.Thread(target=self._run, daemon=True).start()
            elif limit.due < self._wakes_at:
                self._condition.notify()

    def _run(self) -> None:
        with self._condition:
            now = time.monotonic()
            # Also without requests it waits until then, so that the next request does not start another thread.
            while self._limits or now < self._wakes_at:
                for each in [each for each in self._limits if each.due <= now]:
                    each.shut_down()
                    self._limits.remove(each)
                if self._limits:
                    self._wakes_at = min(each.due for each in self._limits)
                self._condition.wait(max(self._wakes_at - now, 0))
                now = time.monotonic()
            self._is_running = False
