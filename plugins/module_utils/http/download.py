# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads of the files that the Esper API links to.

A link grants access by itself, on any host. So no request of a download has the API key or other credentials, and no
message shows the query of a link.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from ..base.errors import TransportError
from .responses import Transient, link_error
from .transport import RawResponse, Transport

_REDIRECTS = 3
_SCHEMES = ("http", "https")
# Python does not convert thousands of digits.
_LENGTH_DIGITS = 20
# Without compression, because the length and checksum of the bytes are known.
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity"}


class Sink(t.Protocol):
    """A file, or anything else that takes the bytes of a download from their start, again after each retry."""

    def seek(self, offset: int, /) -> int:
        """Go to a position."""

    def truncate(self) -> int:
        """Remove the bytes after the position."""

    def write(self, chunk: bytes, /) -> int:
        """Add bytes."""


@dataclass(frozen=True)
class Download:
    """A file to download. ``size`` is its size in bytes, None if it is unknown. If ``needs_length`` is true, the length
    in the response is the only way to detect a truncated file. ``purpose`` is the start of an error message."""

    link: str
    purpose: str
    size: int | None = None
    needs_length: bool = False

    def save(self, transport: Transport, file: Sink) -> None:
        """Write the bytes to a file. Raise the errors of Client.request(), and OSError for errors of the file."""
        url = _split(self.link)
        shown = _shown(url)
        if not _is_valid(url):
            raise self._error("Esper returned no download link", shown)

        def fetch() -> None:
            file.seek(0)
            file.truncate()
            # An error of the file is raised outside the generator, which handles errors of the connection.
            for chunk in self._content(transport):
                file.write(chunk)

        transport.with_retries(fetch, "GET", shown, self.purpose, idempotent=True)

    def _content(self, transport: Transport) -> t.Iterator[bytes]:
        """Yield the body of the link in chunks. The bodies of redirects are not read."""
        link = self.link
        for _hop in range(_REDIRECTS + 1):
            shown = _shown(_split(link))
            with transport.open(
                "GET", link, target=shown, purpose=self.purpose, headers=_HEADERS, with_key=False
            ) as raw:
                if not raw.is_redirect:
                    if raw.status != 200:
                        raise link_error(raw.status, shown, self.purpose, raw.headers.get("Retry-After"))
                    yield from self._body(raw, shown)
                    return
                location = raw.headers["Location"]
            link = self._redirection(link, location)
        raise self._error(f"GET {_shown(_split(self.link))} was redirected more than {_REDIRECTS} times", shown)

    def _body(self, raw: RawResponse, shown: str) -> t.Iterator[bytes]:
        """Yield a body, but no more bytes than the file has."""
        length = _length_of(raw)
        if length is None and self.needs_length:
            raise self._error(
                f"GET {shown} returned a file of unknown length, and Esper returned neither its size nor its checksum."
                " Set allow_unverified to true to download it anyway",
                shown,
            )
        if None not in (length, self.size) and length != self.size:
            raise self._error(f"GET {shown} returned {length} bytes, but the size in Esper is {self.size}", shown)
        received = 0
        for chunk in raw.chunks():
            received += len(chunk)
            if self.size is not None and received > self.size:
                raise self._error(f"GET {shown} returned more than the {self.size} bytes that Esper returns", shown)
            yield chunk
        if length is not None and received < length:
            # urllib3 before 2.0 does not notice it.
            raise Transient(self._error(f"GET {shown}: the connection was lost", shown))

    def _redirection(self, link: str, location: str) -> str:
        """Return the URL of a redirect. Raise TransportError if it is invalid or less secure."""
        old, shown = _split(link), _shown(_split(link))
        try:
            following = urljoin(link, location)
        except ValueError:
            following = ""
        new = _split(following)
        if not _is_valid(new):
            raise self._error(f"GET {shown} was redirected to an invalid URL", shown)
        if (old.scheme, new.scheme) == ("https", "http"):
            raise self._error(
                f"GET {shown} was redirected to {_shown(new)}. The redirect is not followed, because it is not"
                " encrypted",
                shown,
            )
        return following

    def _error(self, reason: str, shown: str) -> TransportError:
        return TransportError(f"{self.purpose} failed: {reason}.", method="GET", path=shown)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises ValueError for an invalid one
    except ValueError:
        return urlsplit("")
    return parts


def _is_valid(url: SplitResult) -> bool:
    return url.scheme in _SCHEMES and bool(url.hostname)


def _shown(url: SplitResult) -> str:
    """Return a URL without its query and credentials."""
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"


def _length_of(raw: RawResponse) -> int | None:
    """Return the number of bytes of a file by the headers of the response, None if they do not state it."""
    length = raw.headers.get("Content-Length", "")
    is_compressed = raw.headers.get("Content-Encoding", "identity").lower() != "identity"
    is_number = length.isdecimal() and len(length) <= _LENGTH_DIGITS
    return int(length) if is_number and not is_compressed else None
