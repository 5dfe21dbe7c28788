# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain HTTP to the simulator, as the tests here speak it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from contract import Contract
from process import Simulator

Group = dict[str, Any]


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None


def request(method: str, url: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    """One request, whose answer is taken as it is."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=2)
    try:
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, data, headers or {})
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def _part(name: str, value: str | bytes | tuple[str, bytes]) -> bytes:
    disposition = f'--limit\r\nContent-Disposition: form-data; name="{name}"'
    if isinstance(value, tuple):
        filename, data = value
        return f'{disposition}; filename="{filename}"\r\nContent-Type: text/x-test\r\n\r\n'.encode() + data + b"\r\n"
    return f"{disposition}\r\n\r\n".encode() + (value.encode() if isinstance(value, str) else value) + b"\r\n"


@dataclass
class Api:
    """Plain HTTP: follows nothing, repeats nothing. Each answer is held against the contract."""

    simulator: Simulator
    contract: Contract

    def __call__(self, method: str, path: str, body: object = None, key: str | None = None, **query: object) -> Answer:
        path = self.full(path)
        answer = self.plain(method, f"{path}?{urlencode(query)}" if query else path, body, key)
        flaws = self.contract.validate_answer(method, path.partition("?")[0], answer.status, answer.body)
        assert flaws == [], flaws
        return answer

    def upload(self, path: str, **parts: str | bytes | tuple[str, bytes]) -> Answer:
        """A form of texts and of files, which are pairs of name and bytes; bytes alone are a part with no filename."""
        path = self.full(path)
        data = b"".join(_part(name, value) for name, value in parts.items()) + b"--limit--\r\n"
        answer = self.send("POST", path, data, {"Content-Type": 'multipart/form-data; boundary="limit"'})
        assert self.contract.validate_answer("POST", path, answer.status, answer.body) == []
        return answer

    def plain(self, method: str, path: str, body: object = None, key: str | None = None) -> Answer:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        if body is None:
            return self.send(method, path, None, headers)
        return self.send(method, path, json.dumps(body).encode(), {**headers, "Content-Type": "application/json"})

    def send(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> Answer:
        """Any bytes, with the right key unless the headers have another."""
        headers = {"Authorization": f"Bearer {self.simulator.key}", **headers}
        return request(method, self.simulator.url + path, data, headers)

    def full(self, path: str) -> str:
        """The path with the enterprise where it says {e}."""
        return path.replace("{e}", f"/enterprise/{self.simulator.enterprise_id}")

    def get(self, path: str, **query: Any) -> Any:
        """The body of a GET that must succeed."""
        answer = self("GET", path, **query)
        assert answer.status == 200, answer.body
        return answer.body
