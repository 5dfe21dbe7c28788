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


@dataclass
class Api:
    """Plain HTTP: follows nothing, repeats nothing. Each answer is held against the contract."""

    simulator: Simulator
    contract: Contract

    def __call__(self, method: str, path: str, body: object = None, key: str | None = None, **query: object) -> Answer:
        path = path.replace("{e}", f"/enterprise/{self.simulator.enterprise_id}")
        answer = self.plain(method, f"{path}?{urlencode(query)}" if query else path, body, key)
        assert self.contract.validate_answer(method, path.partition("?")[0], answer.status, answer.body) == []
        return answer

    def plain(self, method: str, path: str, body: object = None, key: str | None = None) -> Answer:
        url = urlsplit(self.simulator.url)
        connection = HTTPConnection(url.netloc, timeout=2)
        headers = {"Authorization": f"Bearer {self.simulator.key if key is None else key}"}
        data = None if body is None else json.dumps(body)
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, url.path + path, data, headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def get(self, path: str, **query: Any) -> Any:
        """The body of a GET that must succeed."""
        answer = self("GET", path, **query)
        assert answer.status == 200, answer.body
        return answer.body
