# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests to the API and its responses. The key is never written to the journal."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, TextIO

import orjson
from forms import Form
from storage import File

Entry = dict[str, Any]


class Journal:
    """The requests in the order in which they came; with a file, each as a JSON line once its status is known."""

    def __init__(self, file: Path | None) -> None:
        self.entries: list[Entry] = []
        self._seq = 0
        self._started = time.monotonic()
        self._file: TextIO | None = file.open("a", encoding="utf-8") if file else None

    def open(self, method: str, path: str, query: dict[str, str], body: bytes | Form, authorized: bool) -> Entry:
        """A new entry; `path` is below /api, `time_ms` counts from the start of the simulator."""
        self._seq += 1
        entry = {
            "seq": self._seq,
            "time_ms": round((time.monotonic() - self._started) * 1000, 1),
            "method": method,
            "path": path,
            "query": query,
            "body": _readable(body),
            "authorized": authorized,
            "status": None,
            "fault": None,
        }
        self.entries.append(entry)
        return entry

    def close(self, entry: Entry, status: int | None, fault: str | None) -> None:
        """The request is answered with `status` (None: not at all), after a fault of that kind."""
        entry.update(status=status, fault=fault)
        if self._file:
            self._file.write(orjson.dumps(entry).decode() + "\n")
            self._file.flush()

    def mark(self, target: str) -> None:
        """Write to the file that the requests from here on belong to an integration target."""
        if self._file:
            self._file.write(orjson.dumps({"target": target}).decode() + "\n")
            self._file.flush()

    def since(self, seq: int) -> list[Entry]:
        """The entries after that one."""
        return [entry for entry in self.entries if entry["seq"] > seq]


def _readable(body: bytes | Form) -> Any:
    """JSON as it is; of a form the texts, and of each file what it is rather than what is in it."""
    if not body:
        return None
    if not isinstance(body, bytes):
        return {
            name: {"filename": part.name, "content_type": part.kind, "size": part.size, "md5": part.md5}
            if isinstance(part, File)
            else part
            for name, part in body.items()
        }
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")
