# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The behaviors of hostile servers, and the messages of the client about them."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass

from ansible_collections.esper.cloud.tests.hostile.server import Behavior, Wire

# What messages say, as patterns.
# A wait ends after the timeout or with the deadline, and on a busy machine, any sender can be slower than the timeout.
TIME = r"the request to \S+ timed out\.|the task exceeded its deadline of 1\.5 s\. Increase deadline\."
NO_CONNECTION = rf"the host \S+ cannot be reached\.|the proxy of the environment variables does not work\.|{TIME}"
DAMAGED = r"the response of \S+ is damaged\."
LOST = r"the connection to \S+ was lost\."
LARGE = r"the response of \S+ is larger than 4 MB\. Increase max_response_size\."
ENCODING = r"the response of \S+ has an unsupported Content-Encoding\."
JSON = r"with invalid JSON\."
HTTP = r"returned HTTP {}\b"

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_ENDLESS = _OK + b"Connection: close\r\n\r\n"
_LONG = _OK + b"Content-Length: 1000000000000\r\n\r\n"
_LINE = b"a" * 8000


def _gzipped(coding: bytes = b"gzip", framing: bytes = b"Connection: close") -> bytes:
    return _OK + b"Content-Encoding: " + coding + b"\r\n" + framing + b"\r\n\r\n"


_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_EMPTY_MEMBER = gzip.compress(b"")
_EMPTY_BLOCK = b"\0\0\0\xff\xff"


def _zeros() -> bytes:
    """Return a block of a deflate stream for 16 MB of zeros."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(bytes(16_000_000)) + compressor.flush(zlib.Z_FULL_FLUSH)


_BOMB = _zeros()


# Until the deadline of requests to a server that could go on for ever, and to one that ends them.
SHORT, LONG = 1.5, 20.0


@dataclass(frozen=True)
class Hostility:
    """A behavior, after the request was read if ``reads``, and what the message of the client says about it.

    ``download`` and ``poll`` are the patterns of the messages of these requests, if they differ. A download goes
    to a file, which the option for responses does not limit. ``scheme``, ``is_trusted`` and ``proxy`` are how the
    client connects.
    """

    behavior: Behavior | None
    message: str = TIME
    download: str = ""
    poll: str = ""
    reads: bool = True
    scheme: str = "http"
    is_trusted: bool = False
    proxy: bool = False

    def expected(self, request: str) -> str:
        """Return the pattern of the message for a kind of request."""
        return {"download": self.download, "poll": self.poll}.get(request) or self.message

    def deadline(self, request: str) -> float:
        return SHORT if TIME in self.expected(request) else LONG


def _sends(head: bytes, way: str, data: bytes) -> Behavior:
    """Send bytes, and then others without an end: drip, repeat, or flood."""

    def behavior(wire: Wire) -> None:
        wire.send(head)
        getattr(wire, way)(data)

    return behavior


def _sends_once(data: bytes) -> Behavior:
    """Send a response, and keep the connection."""

    def behavior(wire: Wire) -> None:
        wire.send(data)
        wire.hang()

    return behavior


def _reads_slowly(wire: Wire) -> None:
    while wire.connection.recv(1):
        wire.pause()


def _answers_early(wire: Wire) -> None:
    wire.read_head()
    wire.send(b"HTTP/1.1 413 Too large\r\nContent-Length: 0\r\n\r\n")
    wire.hang()


def _stalls_handshake(wire: Wire) -> None:
    wire.connection.recv(1)
    wire.send(b"\x16\x03\x03\x40\x00")
    wire.drip(b"\x02")


HOSTILITIES: dict[str, Hostility] = {
    # before the response
    "connection that hangs": Hostility(None, NO_CONNECTION, reads=False),
    "TLS handshake that stalls": Hostility(Wire.hang, NO_CONNECTION, reads=False, scheme="https"),
    "TLS handshake that drips": Hostility(_stalls_handshake, NO_CONNECTION, reads=False, scheme="https"),
    "proxy that drips its status": Hostility(_sends(b"HTTP/1.1 2", "drip", b"0"), proxy=True, scheme="https"),
    "proxy that drips its head": Hostility(
        _sends(b"HTTP/1.1 200 OK\r\n", "drip", b"X: y\r\n"), proxy=True, scheme="https"
    ),
    "proxy with a head without end": Hostility(
        _sends(b"HTTP/1.1 200 OK\r\n", "repeat", b"X: y\r\n"), proxy=True, scheme="https"
    ),
    "server that reads nothing": Hostility(Wire.hang, reads=False),
    "server that reads slowly": Hostility(_reads_slowly, reads=False),
    "response before the request was read": Hostility(_answers_early, HTTP.format(413), reads=False),
    # the head
    "silence": Hostility(Wire.hang),
    "status that drips": Hostility(_sends(b"HTTP/1.1 2", "drip", b"0")),
    "header that drips": Hostility(_sends(_OK + b"X-Slow: ", "drip", b"0")),
    "header without end": Hostility(_sends(_OK + b"X-Long: ", "flood", b"0"), DAMAGED),
    "headers without end": Hostility(_sends(_OK, "flood", b"X: y\r\n"), DAMAGED),
    "headers without end, long": Hostility(_sends(_OK, "flood", b"X: " + _LINE + b"\r\n"), DAMAGED),
    "header that is slow to parse": Hostility(
        _sends(b'HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed;"' + b";" * 65000 + b"\r\n\r\n", "flood", b" "),
        DAMAGED,
    ),
    "status 100 without end": Hostility(_sends(b"", "flood", b"HTTP/1.1 100 Continue\r\n\r\n"), DAMAGED),
    "status 100 now and then": Hostility(_sends(b"", "repeat", b"HTTP/1.1 100 Continue\r\n\r\n")),
    "status 103 without end": Hostility(_sends(b"", "flood", b"HTTP/1.1 103 Early\r\nX: y\r\n\r\n"), DAMAGED),
    "status 103 now and then": Hostility(_sends(b"", "repeat", b"HTTP/1.1 103 Early\r\nX: y\r\n\r\n")),
    # the body
    "body that drips": Hostility(_sends(_LONG, "drip", b" ")),
    "body without end": Hostility(_sends(_ENDLESS, "flood", b" "), LARGE, TIME),
    "body of a terabyte": Hostility(_sends(_LONG, "flood", b" "), LARGE, TIME),
    "redirect with a body without end": Hostility(
        _sends(b"HTTP/1.1 302 Found\r\nLocation: /api/\r\n\r\n", "flood", b" "),
        rf"(?i)redirect|{TIME}",
        # The redirect leads to a new connection, and the first request on a connection gets an answer.
        poll="^$",
    ),
    "error with a body without end": Hostility(
        _sends(b"HTTP/1.1 404 Not Found\r\n\r\n", "flood", b" "), HTTP.format(404)
    ),
    "chunks that drip": Hostility(_sends(_CHUNKED, "repeat", b"1\r\n \r\n")),
    "chunk size that drips": Hostility(_sends(_CHUNKED, "drip", b"0")),
    "chunk size without end": Hostility(_sends(_CHUNKED, "flood", b"0"), DAMAGED),
    "chunk extension that drips": Hostility(_sends(_CHUNKED + b"1;", "drip", b"e")),
    "chunk extension without end": Hostility(_sends(_CHUNKED + b"1;", "flood", b"e"), DAMAGED),
    "chunk extensions": Hostility(_sends(_CHUNKED, "repeat", b"1;" + _LINE + b"\r\n \r\n")),
    "chunk size of many digits": Hostility(_sends(_CHUNKED + b"f" * 65000 + b"\r\n", "flood", b" "), LARGE, TIME),
    "chunk size that is negative": Hostility(_sends(_CHUNKED + b"-1\r\n", "flood", b" "), LOST),
    "chunk end that does not come": Hostility(_sends(_CHUNKED + b"1\r\n ", "flood", b" "), DAMAGED),
    "trailers that drip": Hostility(_sends(_CHUNKED + b"2\r\n{}\r\n0\r\n", "drip", b"X: y\r\n")),
    "trailers without end": Hostility(_sends(_CHUNKED + b"2\r\n{}\r\n0\r\n", "repeat", b"X: y\r\n" * 100)),
    "trailer without end": Hostility(_sends(_CHUNKED + b"2\r\n{}\r\n0\r\nX: ", "flood", b"y"), DAMAGED),
    # compressed bodies
    "gzip bomb": Hostility(_sends(_gzipped() + _GZIP_HEADER, "flood", _BOMB), LARGE, TIME),
    "gzip bomb in chunks": Hostility(
        _sends(
            _gzipped(framing=b"Transfer-Encoding: chunked") + b"a\r\n" + _GZIP_HEADER + b"\r\n",
            "flood",
            f"{len(_BOMB):x}\r\n".encode() + _BOMB + b"\r\n",
        ),
        LARGE,
        TIME,
    ),
    "deflate bomb": Hostility(_sends(_gzipped(b"deflate") + b"\x78\xda", "flood", _BOMB), LARGE, TIME),
    "gzip of gzip": Hostility(_sends(_gzipped(b"gzip, gzip") + _GZIP_HEADER, "flood", _BOMB), ENCODING),
    "brotli": Hostility(_sends(_gzipped(b"br"), "flood", b"\xff"), ENCODING),
    "zstd": Hostility(_sends(_gzipped(b"zstd"), "flood", b"\xff"), ENCODING),
    "gzip that holds nothing": Hostility(_sends(_gzipped() + _GZIP_HEADER, "repeat", _EMPTY_BLOCK * 1000)),
    "gzip that holds nothing, often": Hostility(_sends(_gzipped(), "repeat", _EMPTY_MEMBER * 1000)),
    "gzip with a name without end": Hostility(
        _sends(_gzipped() + b"\x1f\x8b\x08\x08\0\0\0\0\0\xff", "repeat", b"n" * 10000)
    ),
    "gzip that drips": Hostility(_sends(_gzipped() + _GZIP_HEADER, "drip", _EMPTY_BLOCK)),
    "gzip that ends early": Hostility(lambda wire: wire.send(_gzipped() + _GZIP_HEADER), DAMAGED),
    # valid, and large for the parser
    "objects without end": Hostility(
        _sends_once(_OK + b"Content-Length: 3999999\r\n\r\n[{}" + b",{}" * 1333332 + b"]"), "", ""
    ),
}
