# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The object store next to the API: uploaded files, behind links that carry their own permission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5, sha256
from urllib.parse import quote, urlencode

# Of a larger file only the digests are kept.
KEPT = 1024**2


@dataclass(frozen=True)
class File:
    """A file that was uploaded; `data` is None if it is too large to be kept."""

    name: str
    kind: str | None
    size: int
    md5: str
    sha256: str
    data: bytes | None

    @classmethod
    def of(cls, name: str, kind: str | None, data: bytes) -> File:
        """A small file."""
        return cls(name, kind, len(data), md5(data).hexdigest(), sha256(data).hexdigest(), data)


class Storage:
    """Files by key."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._files: dict[str, File] = {}

    def put(self, key: str, file: File) -> None:
        """Keep a file."""
        self._files[key] = file

    def get(self, key: str) -> File | None:
        """The file of that key."""
        return self._files.get(key)

    def remove(self, key: str) -> None:
        """Forget a file."""
        self._files.pop(key, None)

    def link(self, host: str, key: str, seconds: int = 3600) -> str:
        """A URL that needs no API key, at the `host` that the client asked."""
        query = {"X-Amz-Expires": seconds, "X-Amz-Signature": self._signature(key, str(seconds))}
        return f"http://{host}/_storage/{quote(key)}?{urlencode(query)}"

    def allows(self, key: str, query: Mapping[str, str]) -> bool:
        """Return whether a request has the query of such a URL. No link ever expires."""
        return query.get("X-Amz-Signature") == self._signature(key, query.get("X-Amz-Expires", ""))

    def _signature(self, key: str, seconds: str) -> str:
        return sha256(f"{self._secret} {key} {seconds}".encode()).hexdigest()
