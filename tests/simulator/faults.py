# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways to misbehave, and which request is to meet which.

A fault is posted to /_simulator/faults as a JSON object:

    kind         one of KINDS
    method       of the requests it meets; "*", the default, is any
    path         regular expression found in the path below /api; "" is any
    after        the number of matching requests to let pass first (0)
    times        the number of requests to affect then (1; null: all)
    probability  and each of them only with this chance (1)
    processed    true: the request takes effect first, as when a proxy fails on the way back

and, where the kind uses them, status, retry_after (seconds, "date:+3", or any text), body, content_type, location, ms,
add and remove (numbers of devices). In a body, @request@ stands for the body of the request, in the way that texts are
written there: as in JSON, or on a page for the kind "html". @issued@ stands for the last token or link that a response
had.
"""

from __future__ import annotations

import asyncio
import html
import re
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from random import Random

import orjson
from aiohttp import web
from control import MOST_OBJECTS, in_range
from exchange import Reply
from forms import Form
from storage import File

# Kind -> whether the request takes effect in any case.
KINDS = {
    "status": False,  # `status` with `body`, or the family's own error body
    "html": False,  # a page such as a captive proxy's, with `status` (200)
    "not_json": False,  # 200, JSON by its content type only
    "redirect": False,  # `status` (302) to `location`
    "hang": False,  # never responds
    "drop_before": False,  # connection reset, nothing happened
    "drop_after": True,  # connection reset, but the request took effect
    "latency": True,  # answers after `ms`
    "slow_body": True,  # headers at once, the body in ten parts with `ms` between them
    "truncate": True,  # half of the promised body, then the connection is closed
    "wrong_content_type": True,  # the right JSON as `content_type` (text/plain)
    "gzip_broken": True,  # a body that is said to be gzip, and is not
    "null_results": True,  # `results` of a list is null
    "recode": True,  # an uploaded file gets other bytes, as if pictures were compressed
    "rename": True,  # an uploaded file gets other bytes and another name
    "devices": True,  # `add` and `remove` devices just before a right answer
}


@dataclass
class Fault:
    """One fault; the words are explained above."""

    kind: str
    method: str = "*"
    path: str = ""
    after: int = 0
    times: int | None = 1
    probability: float = 1.0
    processed: bool = False
    status: int | None = None
    retry_after: int | str | None = None
    body: str | None = None
    content_type: str | None = None
    location: str = "/"
    ms: int = 1000
    add: int = 0
    remove: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}, not one of {', '.join(KINDS)}")
        for name in ("after", "times", "ms", "add", "remove"):
            in_range(name, getattr(self, name) or 0, 0, MOST_OBJECTS)
        in_range("probability", self.probability, 0, 1)
        in_range("status", self.status or 200, 200, 599)
        for name in ("content_type", "location", "retry_after"):
            if not str(getattr(self, name)).isprintable():
                raise ValueError(f"{name} has characters that a header cannot have")
        if self.retry_after is not None:
            _retry_after(str(self.retry_after))
        self.processed |= KINDS[self.kind]
        self._pattern = re.compile(self.path)

    def matches(self, method: str, path: str) -> bool:
        """Return whether the fault matches the request."""
        return self.method in ("*", method) and self._pattern.search(path) is not None


# The kinds after which the client gets no status.
UNANSWERED = ("hang", "drop_before", "drop_after")

HTML = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in to continue</h1></body></html>"
_JSON = "application/json"


def recoded(fault: Fault, body: bytes | Form) -> bytes | Form:
    """The body of an upload with the file that is stored instead."""
    if fault.kind not in ("recode", "rename") or isinstance(body, bytes):
        return body
    return {
        name: File.of("0.png" if fault.kind == "rename" else part.name, part.kind, b"recoded " + (part.data or b""))
        if isinstance(part, File)
        else part
        for name, part in body.items()
    }


def echoing(fault: Fault, request: str, issued: Sequence[str]) -> Fault:
    """The fault with a request, or the last issued secret, in its body, if that is to repeat it."""
    if fault.body is None:
        return fault
    said = html.escape(request) if fault.kind == "html" else orjson.dumps(request).decode()[1:-1]
    return replace(fault, body=fault.body.replace("@request@", said).replace("@issued@", "".join(issued[-1:])))


def distorted(fault: Fault, reply: Reply) -> Reply:
    """Return the rest of the right response (of the error response, for the kind "status") that the fault leaves."""
    return _DISTORTIONS[fault.kind](fault, reply) if fault.kind in _DISTORTIONS else reply


async def deliver(request: web.Request, fault: Fault, reply: Reply) -> web.StreamResponse:
    """Send the reply, or not, in the way of the fault."""
    if fault.kind in ("drop_before", "drop_after"):
        _reset(request)
    elif fault.kind == "hang":
        await asyncio.Event().wait()
    elif fault.kind == "latency":
        await asyncio.sleep(fault.ms / 1000)
    elif fault.kind in ("slow_body", "truncate"):
        return await _in_parts(request, fault, reply)
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


def _status(fault: Fault, reply: Reply) -> Reply:
    headers = dict(reply.headers)
    if fault.content_type:
        headers["Content-Type"] = fault.content_type
    if fault.retry_after is not None:
        headers["Retry-After"] = _retry_after(str(fault.retry_after))
    body = reply.body if fault.body is None else fault.body.encode()
    return Reply(reply.status, body, headers)


def _html(fault: Fault, reply: Reply) -> Reply:
    return Reply(fault.status or 200, (fault.body or HTML).encode(), {"Content-Type": "text/html; charset=utf-8"})


def _not_json(fault: Fault, reply: Reply) -> Reply:
    return Reply(fault.status or 200, (fault.body or "{'content': None}").encode())


def _redirect(fault: Fault, reply: Reply) -> Reply:
    return Reply(fault.status or 302, b"", {"Location": fault.location})


def _wrong_content_type(fault: Fault, reply: Reply) -> Reply:
    return Reply(reply.status, reply.body, {"Content-Type": fault.content_type or "text/plain"})


def _gzip_broken(fault: Fault, reply: Reply) -> Reply:
    return Reply(reply.status, reply.body, {"Content-Type": _JSON, "Content-Encoding": "gzip"})


def _null_results(fault: Fault, reply: Reply) -> Reply:
    try:
        body = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return reply
    content = body.get("content", body) if isinstance(body, dict) else None
    if not isinstance(content, dict):
        return reply
    content["results"] = None
    return Reply(reply.status, orjson.dumps(body), reply.headers)


_DISTORTIONS = {
    "status": _status,
    "html": _html,
    "not_json": _not_json,
    "redirect": _redirect,
    "wrong_content_type": _wrong_content_type,
    "gzip_broken": _gzip_broken,
    "null_results": _null_results,
}


def _retry_after(wanted: str) -> str:
    """The header as it is sent: "date:+3" becomes the HTTP date in three seconds."""
    if not wanted.startswith("date:"):
        return wanted
    seconds = timedelta(seconds=float(wanted.removeprefix("date:")))
    return format_datetime(datetime.now(timezone.utc) + seconds, usegmt=True)


async def _in_parts(request: web.Request, fault: Fault, reply: Reply) -> web.StreamResponse:
    """The body in ten parts with pauses; or only the first five, and then the end of the connection."""
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    await response.prepare(request)
    size = max(1, -(-len(reply.body) // 10))
    parts = [reply.body[start : start + size] for start in range(0, len(reply.body), size)]
    for part in parts[: len(parts) // 2] if fault.kind == "truncate" else parts:
        await response.write(part)
        if fault.kind == "slow_body":
            await asyncio.sleep(fault.ms / 1000)
    if fault.kind == "truncate" and request.transport:
        request.transport.close()
    return response


def _reset(request: web.Request) -> None:
    """End the connection with RST, so that the client sees a reset and not an orderly end."""
    if request.transport:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()


class Faults:
    """The faults in force."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"{seed} faults")
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in force, after those that are."""
        self._faults.append(fault)

    def meet(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets: the first in force that matches. Its counters go on."""
        for fault in self._faults:
            if fault.times == 0 or not fault.matches(method, path):
                continue
            if fault.after:
                fault.after -= 1
            elif self._random.random() < fault.probability:
                fault.times = None if fault.times is None else fault.times - 1
                return fault
        return None
