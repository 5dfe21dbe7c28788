# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated tenant without sockets: thousands of runs of tasks take a minute instead of ten."""

from __future__ import annotations

import email
import io
import pickle
import threading
import typing as t
from dataclasses import dataclass
from email.message import Message
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
import requests
import urllib3
from ansible_collections.esper.cloud.tests.laws.world import KEY, EmbeddedSimulator
from process import ENTERPRISE_ID
from requests.adapters import HTTPAdapter
from server import Server, _state
from storage import File
from tenant import Settings

# A task that sends more requests than this one does not end.
_MOST_REQUESTS = 1000


@dataclass(frozen=True)
class Answer:
    """A response of the simulated tenant to a request: its body, and the type of that."""

    method: str
    path: str
    status: int
    body: bytes
    content_type: str = "application/json"


# What changes a response.
Change = t.Callable[[Answer], Answer]


class Endless(Exception):
    """The task repeats requests without an end."""


class DirectSimulator(EmbeddedSimulator):
    """The simulator as the HTTP library calls it, in the thread of the caller. ``change`` changes its responses."""

    def __init__(self, devices: int = 8) -> None:
        super().__init__()
        self.change: Change | None = None
        self.seen: list[Answer] = []
        self._lock = threading.Lock()
        self._server = Server(Settings(devices, 5, 3, seed=7, api_key=KEY, enterprise_id=ENTERPRISE_ID))
        self.url = "http://127.0.0.1:9/api"

    def __enter__(self) -> DirectSimulator:
        return self

    def stop(self) -> int:
        """Do nothing: nothing was started."""
        return 0

    def reset(self, **sizes: int) -> None:
        """Start again with a new tenant."""
        assert not sizes, "the size of the tenant does not change"
        self._server._begin(self._server._settings)
        self.answers.clear()
        self.recover(None)

    def recover(self, change: Change | None) -> None:
        """Forget the requests, and change responses in another way from now on."""
        self.change, self.seen = change, []
        self._server._journal.entries.clear()

    def save(self) -> bytes:
        """Return the tenant as it is."""
        return pickle.dumps(self._server._service.tenant)

    def load(self, saved: bytes) -> None:
        """Restore a tenant."""
        self._server._service.tenant = pickle.loads(saved)

    def objects(self) -> t.Any:
        """Return the objects of the tenant as JSON."""
        return orjson.loads(orjson.dumps(_state(self._server._service.tenant, with_devices=True)))

    def respond(self, method: str, url: str, headers: t.Mapping[str, str], raw: bytes) -> Answer:
        """Return the response to a request."""
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if parts.path.startswith("/_storage/"):
            return self._changed(self._file(parts.path.removeprefix("/_storage/"), query))
        path = unquote(parts.path.removeprefix("/api"))
        service, journal = self._server._service, self._server._journal
        body = _form(raw, headers["Content-Type"]) if "multipart" in headers.get("Content-Type", "") else raw
        with self._lock:
            entry = journal.open(method, path, query, body, service.knows(headers))
            if len(journal.entries) > _MOST_REQUESTS:
                raise Endless(f"More than {_MOST_REQUESTS} requests, the last one to {path}")
            reply = service.reply(method, path, query, {"Host": parts.netloc, **headers}, body)
            journal.close(entry, reply.status, None)
            return self._changed(Answer(method, path, reply.status, reply.body))

    def _changed(self, answer: Answer) -> Answer:
        self.seen.append(answer)
        return self.change(answer) if self.change else answer

    def _file(self, key: str, query: t.Mapping[str, str]) -> Answer:
        file = self._server._service.tenant.storage.get(key)
        found = file is not None and file.data is not None
        data = (file.data or b"") if file else b""
        return Answer("GET", f"/_storage/{key}", 200 if found else 404, data, "binary/octet-stream")


class Adapter(HTTPAdapter):
    """An adapter that passes requests to the simulator, without connections."""

    def __init__(self, simulator: DirectSimulator) -> None:
        super().__init__()
        self._simulator = simulator

    def send(self, request: requests.PreparedRequest, *_arguments: t.Any, **_options: t.Any) -> requests.Response:
        """Return the response to a request."""
        body: t.Any = request.body or b""
        raw = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b"".join(body)
        answer = self._simulator.respond(str(request.method), str(request.url), request.headers, raw)
        headers = {"Content-Type": answer.content_type, "Content-Length": str(len(answer.body))}
        response = urllib3.HTTPResponse(
            io.BytesIO(answer.body), headers=headers, status=answer.status, preload_content=False
        )
        return self.build_response(request, response)


def _form(raw: bytes, content_type: str) -> dict[str, str | File]:
    """Return the parts of a form."""
    whole = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + raw)
    parts = t.cast("list[Message]", whole.get_payload())
    return {str(part.get_param("name", header="content-disposition")): _part(part) for part in parts}


def _part(part: Message) -> str | File:
    data = t.cast(bytes, part.get_payload(decode=True))
    name = part.get_filename()
    return data.decode() if name is None else File.of(name, part.get_content_type(), data)
