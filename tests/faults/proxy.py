# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy in front of the simulator that fails below HTTP, or distorts what the simulator answered.

It takes one request a connection, so that connections and requests have the same number, counted from 0.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import struct
import sys
import threading
import typing as t
from dataclasses import dataclass, field

_PIECE = 16 * 1024


@dataclass
class Answer:
    """The response of the simulator, or the one that the client gets instead."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    @property
    def head(self) -> bytes:
        named = {"Content-Length": str(len(self.body)), "Connection": "close", **self.headers}
        lines = [f"HTTP/1.1 {self.status} Any", *(f"{name}: {value}" for name, value in named.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Exchange:
    """One connection with the one request that comes on it."""

    def __init__(self, connection: socket.socket, upstream: tuple[str, int], ended: threading.Event) -> None:
        self.ended = ended
        self._connection = connection
        self._reader = connection.makefile("rb")
        self._upstream = upstream
        self._headers: dict[str, str] = {}

    def read_head(self) -> tuple[str, str]:
        """The method and the target."""
        method, target, _version = self._reader.readline(_PIECE).decode().split()
        while line := self._reader.readline(_PIECE).decode().strip():
            name, _colon, value = line.partition(":")
            self._headers[name.lower()] = value.strip()
        return method, target

    def read_body(self, most: int = sys.maxsize) -> bytes:
        """The body, if there is one, or its first bytes."""
        return self._reader.read(min(most, int(self._headers.get("content-length", 0))))

    def relayed(self) -> Answer:
        """Return the response of the simulator to the request."""
        method, target = self.read_head()
        body = self.read_body()
        connection = http.client.HTTPConnection(*self._upstream, timeout=60)
        headers = {name: value for name, value in self._headers.items() if name != "connection"}
        try:
            connection.request(method, target, body or None, headers)
            response = connection.getresponse()
            kept = {
                name: value
                for name, value in response.getheaders()
                if name.lower() in ("content-type", "content-encoding", "location", "retry-after")
            }
            promised = response.getheader("Content-Length")
            content = b""
            try:
                content = response.read()
            except http.client.IncompleteRead as error:
                # The simulator's own fault, which is passed on.
                content, kept["Content-Length"] = error.partial, str(promised)
            return Answer(response.status, content, kept)
        finally:
            connection.close()

    def send(self, answer: Answer) -> None:
        self.write(answer.head + answer.body)

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)

    def reset(self) -> None:
        """End the connection so that the other side sees a reset rather than an end."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def peek(self) -> None:
        """Wait for the request, without reading it."""
        self._connection.recv(1, socket.MSG_PEEK)

    def close(self) -> None:
        for each in (self._reader, self._connection):
            with contextlib.suppress(OSError):
                each.close()


Behavior = t.Callable[[Exchange], None]
# The TLS of a connection by its number; None: it has none.
Contexts = t.Callable[[int], ssl.SSLContext | None]


class Proxy:
    """A proxy to the simulator with configurable faults."""

    def __init__(self, upstream: tuple[str, int], context: Contexts | None = None) -> None:
        self.context = context
        self._upstream = upstream
        self._ended = threading.Event()
        self._listener: socket.socket | None = None
        self.port = 0
        self.behave()

    def behave(self) -> None:
        """Remove the faults, and reset the number of requests."""
        self.count = 0
        self._fault: tuple[Behavior, int, int | None] | None = None
        self._refuses_at: int | None = None
        self.listen()

    def misbehave(self, behavior: Behavior, after: int, times: int | None = 1) -> None:
        """Let ``after`` requests pass, then apply the behavior to ``times`` requests (None: all)."""
        self._fault = behavior, after, times

    def refuse(self, after: int) -> None:
        """Close the port after the specified number of connections, until listen() is called."""
        self._refuses_at = after
        if after == self.count:
            self._deafen()

    def listen(self) -> None:
        """Take connections, if that is not so."""
        if self._listener is None:
            self._listener = socket.socket()
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Small, so that an upload has not arrived as a whole before it is looked at.
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _PIECE)
            self._listener.bind(("127.0.0.1", self.port))
            self._listener.listen(64)
            self.port = int(self._listener.getsockname()[1])
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        self._ended.set()
        self._deafen()

    def _deafen(self) -> None:
        if self._listener is not None:
            listener, self._listener = self._listener, None
            # Closing alone would not wake the thread that accepts.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            number, self.count = self.count, self.count + 1
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        # A client that hangs up, or a handshake that it ends, is what many faults are for.
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException), connection:
            context = self.context(number) if self.context else None
            if context:
                connection = context.wrap_socket(connection, server_side=True)
            exchange = Exchange(connection, self._upstream, self._ended)
            try:
                self._behavior(number)(exchange)
            except ConnectionResetError:
                # The simulator ended it, which is passed on; or the client did.
                exchange.reset()
            finally:
                exchange.close()

    def _behavior(self, number: int) -> Behavior:
        if self._fault:
            behavior, after, times = self._fault
            if after <= number and (times is None or number < after + times):
                return behavior
        if self._refuses_at == number + 1:
            return self._last
        return relay

    def _last(self, exchange: Exchange) -> None:
        answer = exchange.relayed()
        self._deafen()
        exchange.send(answer)


def relay(exchange: Exchange) -> None:
    exchange.send(exchange.relayed())


def resets_unread(exchange: Exchange) -> None:
    exchange.peek()
    exchange.reset()


def speaks_no_tls(exchange: Exchange) -> None:
    exchange.peek()
    exchange.send(Answer(400, b"This port speaks plain HTTP."))


def resets_in_the_answer(exchange: Exchange) -> None:
    answer = exchange.relayed()
    exchange.write(answer.head + answer.body[: len(answer.body) // 2])
    exchange.reset()


def resets_in_the_body(exchange: Exchange) -> None:
    exchange.read_head()
    exchange.read_body(1024)
    exchange.reset()


def refuses_in_the_body(exchange: Exchange) -> None:
    """Answers before the body was read, as servers do that find it too large."""
    exchange.read_head()
    exchange.read_body(1024)
    exchange.send(Answer(413, b'{"message": "The file is too large."}'))
    # What is unread would turn the end of the connection into a reset, which overtakes the answer.
    exchange.ended.wait(0.3)


def trickles(exchange: Exchange, first: bytes, more: bytes) -> None:
    """Sends a little, and then ever more of it, until the other side has enough."""
    exchange.write(first)
    while not exchange.ended.wait(0.02):
        exchange.write(more)


def trickles_head(exchange: Exchange) -> None:
    exchange.relayed()
    trickles(exchange, b"HTTP/1.1 200 OK\r\nX-Long: ", b"a")


def trickles_body(exchange: Exchange) -> None:
    exchange.relayed()
    trickles(exchange, Answer(200, headers={"Content-Length": "1000000"}).head, b" ")


def answers(*, status: int = 200, body: bytes = b"", **headers: str) -> Behavior:
    """The request takes effect, but another answer comes. A header's underscores stand for hyphens."""

    def behavior(exchange: Exchange) -> None:
        exchange.relayed()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        exchange.send(Answer(status, body, {"Content-Type": "application/json", **named}))

    return behavior


def refuses(status: int, body: bytes = b'{"message": "No."}', **headers: str) -> Behavior:
    """The request takes no effect."""

    def behavior(exchange: Exchange) -> None:
        exchange.read_head()
        exchange.read_body()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        exchange.send(Answer(status, body, {"Content-Type": "application/json", **named}))

    return behavior


def says(data: bytes) -> Behavior:
    """The request takes effect, and what comes is no HTTP."""

    def behavior(exchange: Exchange) -> None:
        exchange.relayed()
        exchange.write(data)

    return behavior


def rewrites(change: t.Callable[[t.Any], t.Any]) -> Behavior:
    """The JSON of the answer is changed on its way."""

    def behavior(exchange: Exchange) -> None:
        answer = exchange.relayed()
        if answer.status < 400 and answer.body:
            answer.body = json.dumps(change(json.loads(answer.body))).encode()
        exchange.send(answer)

    return behavior
