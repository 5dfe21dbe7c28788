# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTP server on loopback that answers as a test scripts it, and remembers what it was asked."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import ssl
import struct
import threading
import typing as t
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

JSON = t.Any


@dataclass
class Request:
    """A request to the server."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        parsed = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in parsed.items()}

    @property
    def json(self) -> JSON:
        return json.loads(self.body) if self.body else None


class Exchange:
    """One request on its connection, for a reply to be written to."""

    def __init__(self, handler: _Handler, request: Request) -> None:
        self._handler = handler
        self.request = request
        self.closing = handler.server.closing

    def send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self._handler.send_response_only(status)
        for name, value in headers.items():
            self._handler.send_header(name, value)
        self._handler.send_header("Connection", "close")
        self._handler.end_headers()
        self.write(body)

    def write(self, data: bytes) -> None:
        self._handler.wfile.write(data)
        self._handler.wfile.flush()

    def reset(self) -> None:
        """Drop the connection so that the other side sees a reset rather than an end."""
        connection = self._handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


Reply = t.Callable[[Exchange], None]


def answers(body: JSON = None, status: int = 200, **headers: str) -> Reply:
    """An answer: text and bytes as they are, None as an empty body, anything else as JSON. A keyword is a header,
    its underscores written as hyphens."""

    def reply(exchange: Exchange) -> None:
        content = _encoded(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        exchange.send(
            status, {"Content-Type": "application/json", "Content-Length": str(len(content)), **named}, content
        )

    return reply


def _encoded(body: JSON) -> bytes:
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def redirects(location: str, status: int = 302) -> Reply:
    return answers(None, status, Location=location)


def resets(exchange: Exchange) -> None:
    """The connection is reset once the request has been read."""
    exchange.reset()


def resets_unread(_exchange: Exchange) -> None:
    """The connection is reset before the request is read: see _Handler.handle."""
    raise AssertionError("never called")


def cuts_short(exchange: Exchange) -> None:
    """The connection ends in the middle of the body."""
    exchange.send(200, {"Content-Type": "application/json", "Content-Length": "100"}, b'{"id": "1", ')


def damages_gzip(exchange: Exchange) -> None:
    content = b"this is no gzip"
    exchange.send(200, {"Content-Encoding": "gzip", "Content-Length": str(len(content))}, content)


def hangs(exchange: Exchange) -> None:
    """No answer comes until the server is closed."""
    exchange.closing.wait()


@dataclass
class Trickle:
    """A body that comes byte by byte, for as long as the other side listens, but not for ever."""

    most: int = 200
    heard_out: bool | None = None

    def __call__(self, exchange: Exchange) -> None:
        try:
            exchange.send(200, {"Content-Type": "application/json", "Content-Length": str(10**6)}, b"")
            for _count in range(self.most):
                exchange.write(b" ")
                if exchange.closing.wait(0.05):
                    return
        except OSError:
            self.heard_out = False
        else:
            self.heard_out = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().setup()

    def handle(self) -> None:
        if self.server.script and self.server.script[0] is resets_unread:
            self.server.script.popleft()
            # Not before it was sent: the client must not take it for a connection that never came about.
            self.request.recv(1, socket.MSG_PEEK)
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.request.close()
            return
        # One request a connection, so that each reply can do with its connection what it likes.
        self.handle_one_request()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, {key.lower(): value for key, value in self.headers.items()}, body)
        self.server.reply_to(request)(Exchange(self, request))

    def __getattr__(self, name: str) -> t.Any:
        # What http.server looks for is do_GET and the like.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, *_arguments: t.Any) -> None:
        pass

    def finish(self) -> None:
        # A reply may have dropped the connection.
        with contextlib.suppress(OSError, ValueError):
            super().finish()


class Server(socketserver.ThreadingTCPServer):
    """Answers the requests by the replies in ``script``, in their order, then by ``app`` if there is one."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.script: deque[Reply] = deque()
        self.app: t.Callable[[Request], Reply] | None = None
        self.requests: list[Request] = []
        self.unexpected: list[Request] = []
        self.closing = threading.Event()
        self._tls = tls
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/api"

    def replies(self, *script: Reply) -> None:
        self.script.extend(script)

    def reply_to(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            if self.script:
                return self.script.popleft()
            if not self.app:
                self.unexpected.append(request)
        # Outside of the lock: requests are answered side by side.
        return self.app(request) if self.app else answers({"message": "the test scripted no answer"}, 418)

    @property
    def sent(self) -> list[str]:
        """The requests as METHOD and path below /api, with the query."""
        return [f"{request.method} {request.target.removeprefix('/api')}" for request in self.requests]

    def writes(self) -> list[Request]:
        return [request for request in self.requests if request.method != "GET"]

    def get_request(self) -> tuple[socket.socket, t.Any]:
        connection, address = super().get_request()
        if self._tls:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, *_arguments: t.Any) -> None:
        pass  # A client that hangs up is what many tests want.

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


@dataclass
class Clock:
    """Stands in for the module time: sleeping is remembered and takes no time."""

    now: float = 1000.0
    waits: list[float] = field(default_factory=list)
    # 2026-03-01 09:30:00 UTC
    epoch: float = 1772357400.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.epoch + self.now - 1000.0

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.waits.append(seconds)
        self.now += seconds

    def wait(self, seconds: float) -> None:
        """Wait until then, if it is not past already."""
        if seconds > 0:
            self.sleep(seconds)

    def advance(self, seconds: float) -> None:
        self.now += seconds
