# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends requests, each in a process of its own, whose time and memory the system measures.

A program without anything else in memory: the cases come as JSON on the standard input, the results go as JSON to the
standard output. The processes are forked, because starting Python takes longer than most cases.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import signal
import socket
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from ansible_collections.esper.cloud.plugins.module_utils.base.errors import EsperError
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import Connection
from ansible_collections.esper.cloud.plugins.module_utils.http.download import Download
from ansible_collections.esper.cloud.plugins.module_utils.http.forms import Form
from ansible_collections.esper.cloud.plugins.module_utils.http.paging import list_all

_UPLOAD = 6_000_000
_AT_ONCE = 32
# Then a process is killed.
_PATIENCE = 30
_PURPOSE = "The request"


def _poll(client: Client) -> None:
    for _round in range(10):
        client.get("/things/", purpose=_PURPOSE)
        client.wait(0.05)


def _upload(client: Client) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(_UPLOAD)
        client.request("PUT", "/things/", body=Form({}, {"f": Path(file.name)}), purpose=_PURPOSE)


def _download(client: Client) -> None:
    with tempfile.TemporaryFile() as file:
        client.download(Download(f"{client.connection.api_url}/file", _PURPOSE), file)


REQUESTS: dict[str, t.Callable[[Client], t.Any]] = {
    "list": lambda client: list(list_all(client, "/things/", purpose=_PURPOSE)),
    "object": lambda client: client.get_object("/things/1/", purpose=_PURPOSE),
    "create": lambda client: client.request("POST", "/things/", body={"name": "Berlin"}, purpose=_PURPOSE),
    "upload": _upload,
    "download": _download,
    "poll": _poll,
}


def _answer(case: dict[str, t.Any]) -> str:
    """Send the request of a case. Return the message of its error, "" without one."""
    if case["proxy"]:
        os.environ["https_proxy"] = case["proxy"]
    address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", case["port"]))

    def look_up(host: str, *_rest: t.Any, **_more: t.Any) -> t.Any:
        # A host with several addresses, each of which behaves in the same way.
        return [address] * (5 if host == "tenant.test" else 1)

    setattr(socket, "getaddrinfo", look_up)  # noqa: B010 - the types of the original are irrelevant
    connection = Connection(**case["options"])
    with Client(connection) as client, contextlib.redirect_stdout(io.StringIO()):
        try:
            REQUESTS[case["request"]](client)
        except EsperError as error:
            return str(error)
    return ""


def _start(case: dict[str, t.Any], output: int) -> int:
    process = os.fork()
    if process:
        return process
    signal.alarm(_PATIENCE)
    # A process that takes everything would end those of other people.
    resource.setrlimit(resource.RLIMIT_AS, (4_000_000_000, 4_000_000_000))
    try:
        message = _answer(case)
    except BaseException as error:  # noqa: BLE001 - the test shows it
        message = f"{type(error).__name__}: {error}"
    os.write(output, message[:2000].encode())
    os._exit(0)


def main() -> None:
    waiting: list[dict[str, t.Any]] = list(reversed(json.load(sys.stdin)))
    running: dict[int, tuple[dict[str, t.Any], float, int]] = {}
    results: list[dict[str, t.Any]] = []
    while waiting or running:
        while waiting and len(running) < _AT_ONCE:
            case = waiting.pop()
            read, write = os.pipe()
            running[_start(case, write)] = case, time.monotonic(), read
            os.close(write)
        process, status, usage = os.wait3(0)
        case, started, read = running.pop(process)
        with os.fdopen(read, "rb") as pipe:
            message = pipe.read().decode()
        results.append(
            {
                "name": case["name"],
                "request": case["request"],
                "message": message if os.WIFEXITED(status) else "It did not end.",
                "seconds": time.monotonic() - started,
                "cpu": usage.ru_utime + usage.ru_stime,
                "memory": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            }
        )
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
