# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time limits of responses whose head arrives slowly: each byte restarts the timeout of a socket."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
import typing as t

from ..base.threads import block_signals


class _Watched:
    """A connection that waits for a response, and the time when it is shut down."""

    def __init__(self, connection: socket.socket, due: float) -> None:
        self.connection = connection
        self.due = due
        self.is_shut_down = False

    def shut_down(self) -> None:
        """End the wait for the response."""
        self.is_shut_down = True
        with contextlib.suppress(OSError):
            # Not the method of a TLS socket, which would send a message first.
            socket.socket.shutdown(self.connection, socket.SHUT_RDWR)


class Watchdog:
    """Shuts connections down. One thread is enough for all requests of a task, because a thread for each request takes
    longer than the rest of the client."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._watched: set[_Watched] = set()
        self._wakes_at = 0.0
        self._is_running = False

    @contextlib.contextmanager
    def limit(self, connection: socket.socket, seconds: float | None) -> t.Iterator[None]:
        """Shut a connection down after ``seconds``, None for no limit. Then raise TimeoutError."""
        if seconds is None:
            yield
            return
        watched = _Watched(connection, time.monotonic() + seconds)
        self._add(watched)
        try:
            yield
        except (OSError, http.client.HTTPException):
            if not watched.is_shut_down:
                raise
        finally:
            with self._condition:
                self._watched.discard(watched)
        if watched.is_shut_down:
            # http.client accepts a head that is cut off.
            raise TimeoutError

    def close(self) -> None:
        """End the thread."""
        with self._condition:
            self._watched.clear()
            self._wakes_at = 0.0
            self._condition.notify()

    def _add(self, watched: _Watched) -> None:
        with self._condition:
            self._watched.add(watched)
            if not self._is_running:
                self._is_running = True
                self._wakes_at = watched.due
                with block_signals():
                    threading.Thread(target=self._run, daemon=True).start()
            elif watched.due < self._wakes_at:
                self._condition.notify()

    def _run(self) -> None:
        with self._condition:
            now = time.monotonic()
            # Also without requests it waits until then, so that the next request does not start another thread.
            while self._watched or now < self._wakes_at:
                for each in [each for each in self._watched if each.due <= now]:
                    each.shut_down()
                    self._watched.remove(each)
                if self._watched:
                    self._wakes_at = min(each.due for each in self._watched)
                self._condition.wait(max(self._wakes_at - now, 0))
                now = time.monotonic()
            self._is_running = False
