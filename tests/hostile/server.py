# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on raw sockets that does to its clients whatever a behavior says."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
import typing as t

_PAUSE = 0.05
_SMALL = 4 * 1024


class Wire:
    """One connection, as a behavior sees it."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        self.connection = connection
        self._closing = closing

    def read_head(self) -> bytes:
        """Read the head of a request, and nothing of its body."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.connection.recv(1)
            if not byte:
                raise ConnectionError
            head += byte
        return head

    def read_request(self) -> bytes:
        """Read a whole request. Return its head."""
        head = self.read_head()
        left = next((int(line[16:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length: ")), 0)
        while left > 0 and (data := self.connection.recv(min(left, 65536))):
            left -= len(data)
        return head

    def send(self, data: bytes) -> None:
        """Send all of it, however slowly the client reads."""
        self.connection.sendall(data)

    def drip(self, data: bytes) -> None:
        """Send byte by byte, again and again, until the client hangs up."""
        while True:
            for position in range(len(data)):
                self.send(data[position : position + 1])
                self.pause()

    def repeat(self, data: bytes, pause: float = _PAUSE) -> None:
        """Send again and again, until the client hangs up."""
        while True:
            self.send(data)
            self.pause(pause)

    def flood(self, data: bytes) -> None:
        """Send as fast as the client reads, until it hangs up."""
        block = data * max(1, 65536 // len(data))
        while True:
            self.send(block)

    def hang(self) -> None:
        """Do nothing until the server is closed."""
        self._closing.wait()

    def pause(self, seconds: float = _PAUSE) -> None:
        if self._closing.wait(seconds):
            raise ConnectionError


Behavior = t.Callable[[Wire], None]


class Server:
    """Listens for the connections of one behavior. With ``answer``, the first request on a connection gets it.

    Without a behavior, the server accepts no connection: its queue is full.
    """

    def __init__(
        self,
        behavior: Behavior | None,
        *,
        reads: bool = True,
        answer: bytes = b"",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._behavior = behavior
        self._reads = reads
        self._answer = answer
        self._tls = tls
        self._closing = threading.Event()
        self._listener = socket.socket()
        if not reads:
            # A small buffer, so that an upload cannot disappear in it.
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0 if behavior is None else 16)
        self._fillers = [] if behavior else [self._fill() for _place in range(3)]
        self.port: int = self._listener.getsockname()[1]
        if behavior:
            threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for each in (self._listener, *self._fillers):
            each.close()

    def _fill(self) -> socket.socket:
        filler = socket.socket()
        filler.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            filler.connect(self._listener.getsockname())
        time.sleep(0.01)
        return filler

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        assert self._behavior
        # An impatient client hangs up, and a server does not wait for ever for a hanging one.
        with contextlib.suppress(OSError), connection:
            connection.settimeout(30)
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            wire = Wire(connection, self._closing)
            if self._answer:
                wire.read_request()
                wire.send(self._answer)
            if self._reads:
                wire.read_request()
            self._behavior(wire)
