# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API of one tenant: authentication, URLs, JSON.

Rests on the API's published contract (tests/contract/api) for paths.
"""

from __future__ import annotations

import json
import re
import threading
import typing as t
from urllib.parse import quote, urlencode, urljoin, urlsplit

from ..base.errors import ApiError, ConfigurationError, InvalidParameter, RequestFailed, TransportError
from ..base.ids import last_uuid
from ..base.redaction import Redaction
from ..base.version import VERSION
from .connection import Connection
from .forms import Form, Watch
from .responses import Response, link_error, read_response
from .transport import RawResponse, Transport, deadline_error

Query = t.Mapping[str, t.Any]
Ids = t.Mapping[str, str]

_SAFE_TO_REPEAT = frozenset({"GET", "PUT", "DELETE"})
_REDIRECTS = 3
_MEGABYTE = 1_000_000


class Client:
    """One tenant's API, for the length of one task. Safe to use from several threads.

    ``log`` takes one line for each request, ``progress`` a sentence for each tenth of a large upload. ``secrets`` are
    texts that, as the API key, are in nothing that is said of a request.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        user_agent: str = "",
        log: t.Callable[[str], None] | None = None,
        progress: t.Callable[[str], None] | None = None,
        secrets: t.Iterable[str] = (),
    ) -> None:
        """Raises ConfigurationError when the library requests is missing. Sends nothing yet."""
        self._progress = progress
        self._redaction = Redaction([connection.api_key, *secrets])
        self._transport = Transport(
            connection,
            redaction=self._redaction,
            user_agent=f"esper.cloud/{VERSION} {user_agent}".strip(),
            log=log,
        )
        self._enterprise_id = connection.enterprise_id
        self._discovery = threading.Lock()

    @property
    def connection(self) -> Connection:
        """The connection options, with the deadline as it was extended."""
        return self._transport.connection

    @property
    def throttle_count(self) -> int:
        """How often the API asked for fewer requests."""
        return self._transport.throttle_count

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._transport.close()

    def stop(self) -> None:
        """Stop the threads that wait before their next request."""
        self._transport.stop()

    def wait(self, seconds: float) -> None:
        """Sleep. Raises TransportError if the task is stopped meanwhile."""
        self._transport.wait(seconds)

    def pause(self, attempt: int, failure: RequestFailed | None = None) -> None:
        """Wait before the next attempt: see Transport.pause()."""
        self._transport.pause(attempt, failure)

    def extend(self, seconds: float) -> None:
        """Give the task at least this time from now on: see Transport.extend()."""
        self._transport.extend(seconds)

    # --- requests ---------------------------------------------------------------------------------------------------

    def get(self, path: str, *, ids: Ids | None = None, query: Query | None = None, purpose: str) -> t.Any:
        """The body of a GET, without its envelope. See request()."""
        return self.request("GET", path, ids=ids, query=query, purpose=purpose).body

    def get_object(
        self, path: str, *, ids: Ids | None = None, key: str | None = "id", purpose: str
    ) -> dict[str, t.Any]:
        """Return an object, which must have the property ``key``, unless that is None. Also raise TransportError if it
        does not."""
        body = self.get(path, ids=ids, purpose=purpose)
        if not isinstance(body, dict) or (key is not None and body.get(key) is None):
            target = self._expand(path, ids or {})
            raise TransportError(
                f"{purpose} failed: GET {target} answered without the object.", method="GET", path=target
            )
        return body

    def find_object(
        self, path: str, *, ids: Ids | None = None, key: str | None = "id", purpose: str
    ) -> dict[str, t.Any] | None:
        """Return an object like get_object(), or None if Esper returns HTTP 404."""
        try:
            return self.get_object(path, ids=ids, key=key, purpose=purpose)
        except ApiError as error:
            if error.status != 404:
                raise
            return None

    def request(
        self,
        method: str,
        path: str,
        *,
        ids: Ids | None = None,
        query: Query | None = None,
        body: t.Any = None,
        purpose: str,
        idempotent: bool | None = None,
    ) -> Response:
        """Send one request, and again as often as that is safe and the options allow.

        ``path`` is the contract's own, placeholders and trailing slash included; ``ids`` fill the placeholders, and
        {enterprise_id} is filled in here. ``query`` values that are None are left out. ``body`` is sent as JSON,
        unless it is a Form.
        ``purpose`` begins the sentence of an error: "Creating the device group 'Berlin'".
        ``idempotent`` tells whether the request may be sent again when it is unclear whether it took effect; without
        it the method decides.

        Raises ApiError (an error status) or TransportError (no usable answer). Their ``ambiguous`` is true where a
        write may have taken effect all the same.
        """
        if idempotent is None:
            idempotent = method in _SAFE_TO_REPEAT
        target = self._expand(path, ids or {})
        if parameters := _query_string(query or {}):
            target = f"{target}?{parameters}"
        return self._transport.with_retries(
            lambda: self._send(method, target, body, purpose), method, target, purpose, idempotent
        )

    def download(self, link: str, file: t.BinaryIO, *, purpose: str) -> None:
        """GET what a link leads to into a file, piece by piece. The link alone gives access to it, on any host: the key
        is not sent there, and of the link's query nothing is shown.

        Raises what request() raises, and OSError where the file cannot be written.
        """
        try:
            url = urlsplit(link)
        except ValueError:
            url = urlsplit("")
        shown = f"{url.scheme}://{url.hostname}{url.path}"
        if url.scheme not in ("http", "https") or not url.hostname:
            raise TransportError(f"{purpose} failed: the service gives no link to it.", method="GET", path=shown)

        def fetch() -> None:
            file.seek(0)
            file.truncate()
            # What writing raises is the file's failure, and not the connection's: it passes by the generator.
            for piece in self._content_of(link, shown, purpose):
                file.write(piece)

        self._transport.with_retries(fetch, "GET", shown, purpose, idempotent=True)

    @property
    def enterprise_id(self) -> str:
        """The enterprise's UUID: the option's, else asked of the API once.

        Asked in this order: GET /v1/token-info/, GET /user_info/, the first of GET /v2/devices/. Raises
        ConfigurationError when none of them tells, and what request() raises when the service fails.
        """
        with self._discovery:
            if self._enterprise_id is None:
                self._enterprise_id = self._discover_enterprise_id()
            return self._enterprise_id

    def redact(self, text: str) -> str:
        """The text without the API key and the other secrets."""
        return self._redaction.text(text)

    def _discover_enterprise_id(self) -> str:
        sources: tuple[tuple[str, Query, t.Callable[[t.Any], object]], ...] = (
            ("/v1/token-info/", {}, lambda body: body["enterprise"]),
            ("/user_info/", {}, lambda body: body["profile"]["enterprise"]),
            ("/v2/devices/", {"limit": 1}, lambda body: body["results"][0]["tenant_id"]),
        )
        failures = []
        outage: ApiError | None = None
        for path, query, read in sources:
            try:
                found = last_uuid(read(self.get(path, query=query, purpose="Discovering the enterprise id")))
            except ApiError as error:
                if error.status == 401:
                    raise
                outage = error if error.is_outage else outage
                failures.append(f"GET {path} answered {error.status}")
                continue
            except (KeyError, IndexError, TypeError):
                found = None
            if found:
                return found
            failures.append(f"GET {path} does not tell it")
        if outage:
            raise outage
        raise ConfigurationError(
            f"The enterprise id could not be discovered ({'; '.join(failures)}). Set the option enterprise_id"
            " (ESPER_ENTERPRISE_ID), and check that the URL of the API is right:"
            f" {self.connection.api_url} is in use, and a tenant's ends in /api."
        )

    # --- one request ------------------------------------------------------------------------------------------------

    def _expand(self, path: str, ids: Ids) -> str:
        known = {**ids, "enterprise_id": self.enterprise_id} if "{enterprise_id}" in path else ids
        for value in known.values():
            # Quoting leaves dots alone, and these would lead from one object to the list, or above it.
            if str(value) in ("", ".", ".."):
                raise InvalidParameter(f"'{value}' is no id.")
        return re.sub(r"{(\w+)}", lambda found: quote(str(known[found.group(1)]), safe=""), path)

    def _send(self, method: str, target: str, body: t.Any, purpose: str) -> Response:
        url = self.connection.api_url + target
        for _hop in range(_REDIRECTS + 1):
            with self._transport.open(
                method, url, target=target, purpose=purpose, body=lambda: self._encoded(body, purpose)
            ) as raw:
                content = raw.content()
            if not raw.is_redirect:
                return read_response(
                    raw.status,
                    content,
                    raw.headers.get("Retry-After"),
                    self._redaction,
                    method=method,
                    target=target,
                    purpose=purpose,
                )
            url = self._redirection(raw, url, method, target, purpose)
        raise TransportError(
            f"{purpose} failed: {method} {target} was redirected more than {_REDIRECTS} times.",
            method=method,
            path=target,
        )

    def _encoded(self, body: t.Any, purpose: str) -> tuple[t.Any, str]:
        """Return a body as the HTTP library takes it, and its content type, "" without a body."""
        if body is None:
            return None, ""
        if isinstance(body, Form):
            return body.stream(self._watch(purpose)), body.content_type
        return json.dumps(body).encode(), "application/json"

    def _watch(self, purpose: str) -> Watch:
        """What looks after an upload: it ends one that outlasts the deadline, and tells how far it has come."""
        told = 0

        def watch(sent: int, whole: int) -> None:
            nonlocal told
            if self._transport.remaining() == 0:
                raise deadline_error()
            tenths = 10 * sent // whole
            if self._progress and whole >= _MEGABYTE and tenths > told:
                told = tenths
                self._progress(f"{purpose}: {sent / _MEGABYTE:.0f} of {whole / _MEGABYTE:.0f} MB")

        return watch

    def _content_of(self, link: str, shown: str, purpose: str) -> t.Iterator[bytes]:
        """Return the body that a link leads to, in pieces."""
        # The bytes as they are: their length and checksum are known.
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        with self._transport.open(
            "GET", link, target=shown, purpose=purpose, headers=headers, with_key=False, follow=True
        ) as raw:
            if raw.status != 200:
                raise link_error(raw.status, shown, purpose)
            yield from raw.pieces()

    def _redirection(self, response: RawResponse, url: str, method: str, target: str, purpose: str) -> str:
        """Where to follow a redirect to. Only a GET is repeated, and only at the same place: anything else could lose
        the body, or give the key to another host."""
        location = urljoin(url, response.headers["Location"])
        old, new = urlsplit(url), urlsplit(location)
        if method == "GET" and (old.scheme, old.netloc) == (new.scheme, new.netloc):
            return location
        where = self.redact(f"{new.scheme}://{new.hostname or ''}")
        raise TransportError(
            f"{purpose} failed: {method} {target} answered {response.status}, a redirect to {where}, which is not"
            " followed, since it could lose the request or the key. Check the tenant or api_url.",
            method=method,
            path=target,
        )


def _query_string(query: Query) -> str:
    def text(value: t.Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, (list, tuple, set, frozenset)):
            return ",".join(text(item) for item in value)
        return str(value)

    return urlencode({key: text(value) for key, value in query.items() if value is not None}, quote_via=quote, safe=",")
