# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API of one tenant: authentication, URLs, JSON.

Rests on the API's published contract (tests/contract/api) for paths.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import typing as t
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urlencode, urljoin, urlsplit

from ..base.errors import ApiError, ConfigurationError, InvalidParameter, RequestFailed, TransportError
from ..base.ids import is_id, is_path_part, last_uuid
from ..base.redaction import Redaction
from ..base.secret_keys import mask_secrets, secret_values
from ..base.version import VERSION
from .connection import Connection
from .download import Download, Sink
from .forms import Form, Watch
from .responses import NOT_MODIFIED, Response, object_in, read_response, sentence, server_message
from .transport import RawResponse, Transport, deadline_error

Query = t.Mapping[str, t.Any]
Ids = t.Mapping[str, str]

_SAFE_TO_REPEAT = frozenset({"GET", "PUT", "DELETE"})
_REDIRECTS = 3
# Esper needs long for its list of devices. Maximum number of requests for it at the same time.
_DEVICES = "/v2/devices/"
_DEVICE_REQUESTS = 8
_MEGABYTE = 1_000_000
# Maximum number of characters of an invalid ID in a message.
_ID_LENGTH = 100
# Maximum number of characters of the target of a request in a message. A query can have thousands.
_TARGET_LENGTH = 500
# Maximum number of characters of the target of a redirect in a message.
_ORIGIN_LENGTH = 200
_TEXT = {"Accept": "text/plain; charset=utf-8"}
_PORTS = {"http": 80, "https": 443}


@dataclass
class WriteLog:
    """The write requests of a task by their purposes: those that Esper accepted, and those that wait for a response."""

    accepted: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def record(self, purpose: str) -> t.Iterator[None]:
        """Record a request that is sent in this context. After an interrupt, it still waits for its response."""
        self.waiting.append(purpose)
        try:
            yield
        except Exception:
            self.waiting.remove(purpose)
            raise
        # A signal, or another thread, finds the request in at least one of the lists.
        self.accepted.append(purpose)
        self.waiting.remove(purpose)


class Client:
    """The API of one tenant, for one task. Safe to use from several threads.

    ``log`` gets one line for each request, ``progress`` a sentence for each long wait and for each tenth of a large
    upload, ``writes`` all write requests. ``redaction`` masks secrets in messages: the API key, and those of hide().
    """

    def __init__(
        self,
        connection: Connection,
        *,
        user_agent: str = "",
        log: t.Callable[[str], None] | None = None,
        progress: t.Callable[[str], None] | None = None,
        writes: WriteLog | None = None,
        redaction: Redaction | None = None,
    ) -> None:
        """Send no request. Raise ConfigurationError if the library requests is missing."""
        self._progress = progress
        self._writes = WriteLog() if writes is None else writes
        self._redaction = Redaction([connection.api_key]) if redaction is None else redaction
        self._transport = Transport(
            connection,
            redaction=self._redaction,
            user_agent=f"esper.cloud/{VERSION} {user_agent}".strip(),
            log=log,
            progress=progress,
        )
        self._enterprise_id = connection.enterprise_id
        self._path_ids: dict[str, str] = {}
        self._discovery = threading.Lock()
        self._device_requests = threading.Semaphore(_DEVICE_REQUESTS)

    @property
    def connection(self) -> Connection:
        """The connection options, with the extended deadline."""
        return self._transport.connection

    @property
    def warnings(self) -> list[str]:
        """The ways in which the API key can be read by others."""
        connection = self.connection
        return connection.warnings(self._transport.proxy_of(connection.api_url))

    @property
    def throttle_count(self) -> int:
        """The number of times that Esper asked for fewer requests."""
        return self._transport.throttle_count

    @property
    def request_count(self) -> int:
        """The number of requests so far."""
        return self._transport.request_count

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._transport.close()

    def stop(self) -> None:
        """Stop the threads that wait before their next request."""
        self._transport.stop()

    def wait(self, seconds: float) -> None:
        """Sleep. Raise TransportError if the task is stopped."""
        self._transport.wait(seconds)

    def pause(self, attempt: int, failure: RequestFailed | None = None) -> None:
        """Wait before the next attempt, see Transport.pause()."""
        self._transport.pause(attempt, failure)

    def extend(self, seconds: float) -> None:
        """Extend the deadline, see Transport.extend()."""
        self._transport.extend(seconds)

    # --- requests ---------------------------------------------------------------------------------------------------

    def get(
        self,
        path: str,
        *,
        ids: Ids | None = None,
        query: Query | None = None,
        purpose: str,
        can_be_empty: bool = False,
    ) -> t.Any:
        """Return the body of the response to a GET, without its envelope. With ``can_be_empty``, an empty body is None.
        Raise TransportError if it has an error instead, and the errors of request()."""
        return self._read(path, ids, query, purpose, can_be_empty=can_be_empty).body

    def _read(
        self, path: str, ids: Ids | None, query: Query | None, purpose: str, *, can_be_empty: bool = False
    ) -> Response:
        response = self.request("GET", path, ids=ids, query=query, purpose=purpose, can_be_empty=can_be_empty)
        if response.is_error:
            raise self.unusable(response, "GET", f"HTTP {response.status} with an error", purpose)
        return response

    def get_object(
        self,
        path: str,
        *,
        ids: Ids | None = None,
        query: Query | None = None,
        key: str | None = "id",
        object_key: str = "",
        purpose: str,
    ) -> dict[str, t.Any]:
        """Return an object. ``object_key`` is the property of the body that has it: see Routes. Raise TransportError if
        it does not have the property ``key``, unless that is None, and the errors of request()."""
        response = self._read(path, ids, query, purpose)
        body = object_in(response.body, object_key)
        if not isinstance(body, dict) or (key is not None and not is_id(body.get(key))):
            raise self.unusable(response, "GET", "no object", purpose)
        return body

    def unusable(self, response: Response, method: str, what: str, purpose: str) -> TransportError:
        """Return the error of a response without the object or list that it must have, with the server's message.
        ``what`` is what the response has instead."""
        message = server_message(response.whole, self._redaction)[0] if response.has_message else ""
        detail = f": {sentence(message)}" if message else "."
        return TransportError(
            f"{purpose} failed: {method} {response.target} returned {what}{detail}",
            method=method,
            path=response.target,
            outcome_unknown=method != "GET" and not response.is_error,
        )

    def find_object(
        self,
        path: str,
        *,
        ids: Ids | None = None,
        query: Query | None = None,
        key: str | None = "id",
        object_key: str = "",
        purpose: str,
    ) -> dict[str, t.Any] | None:
        """Return an object like get_object(), or None if Esper returns HTTP 404."""
        try:
            return self.get_object(path, ids=ids, query=query, key=key, object_key=object_key, purpose=purpose)
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
        can_be_empty: bool | None = None,
        is_text: bool = False,
    ) -> Response:
        """Send one request, with as many retries as are safe and the options allow.

        ``path`` is that of the contract, with its placeholders and trailing slash. ``ids`` are the values of the
        placeholders, except {enterprise_id} and those of set_path_id(). ``query`` values that are None are omitted.
        ``body`` is sent as JSON, unless it is a Form.
        ``purpose`` is the start of an error message: "Creating the device group 'Berlin'".
        ``idempotent`` is whether the request can be repeated if its outcome is unknown, and ``can_be_empty`` whether
        the response is valid without a body. If omitted, the method decides. ``is_text`` is whether the body of the
        response is a text, not JSON.

        Raise ApiError for an error status, and TransportError if there is no valid response. Their ``outcome_unknown``
        is true if a write request may have taken effect anyway.
        """
        if idempotent is None:
            idempotent = method in _SAFE_TO_REPEAT
        if can_be_empty is None:
            can_be_empty = method != "GET"
        target = shown = self.target(path, ids)
        try:
            parameters = _query_string(query or {})
        except UnicodeEncodeError:
            raise InvalidParameter(f"{purpose} failed: the query has characters that are not valid Unicode.") from None
        if parameters:
            shown = self._redaction.start(f"{shown}?{_query_string(mask_secrets(query))}", _TARGET_LENGTH)
            target = f"{target}?{parameters}"
        slot: t.ContextManager[t.Any] = self._device_requests if path == _DEVICES else contextlib.nullcontext()
        record: t.ContextManager[None] = contextlib.nullcontext() if method == "GET" else self._writes.record(purpose)
        with slot, record:
            return self._transport.with_retries(
                lambda: self._send(method, target, shown, body, purpose, can_be_empty=can_be_empty, is_text=is_text),
                method,
                shown,
                purpose,
                idempotent,
            )

    def request_text(
        self, method: str, path: str, *, body: t.Any = None, purpose: str, idempotent: bool | None = None
    ) -> bytes:
        """Send a request whose response is a text, and return its bytes: see request(). Raise TransportError if the
        response has no text."""
        response = self.request(method, path, body=body, purpose=purpose, idempotent=idempotent, is_text=True)
        if not isinstance(response.body, bytes):
            raise self.unusable(response, method, "no text", purpose)
        return response.body

    def download(self, download: Download, file: Sink) -> None:
        """Write the bytes of a download to a file, see Download.save()."""
        download.save(self._transport, file)

    @property
    def enterprise_id(self) -> str:
        """The UUID of the enterprise, from the option or from the API, which is asked once.

        Sends GET /v1/token-info/, GET /user_info/ and GET /v2/devices/, until one of them returns it. Raise
        ConfigurationError if none of them does, and the errors of request().
        """
        with self._discovery:
            if self._enterprise_id is None:
                self._enterprise_id = self._discover_enterprise_id()
            return self._enterprise_id

    def set_path_id(self, placeholder: str, value: str) -> str:
        """Set the value of a placeholder in all paths of the task, and return it. The first value stays, because cached
        responses depend on it."""
        return self._path_ids.setdefault(placeholder, value)

    def redact(self, text: str) -> str:
        """Return a text without the API key and the other secrets."""
        return self._redaction.text(text)

    def redact_all(self, value: t.Any) -> t.Any:
        """Return a value without the API key and the other secrets in its texts."""
        return self._redaction.all(value)

    def hide(self, *secrets: str) -> None:
        """Mask secrets of a response in everything that the task shows from now on: messages, log lines, its result.

        The secret properties of a kind are hidden already: see TenantView.hide_secrets(). To show one in the result,
        wrap it in Disclosed there.
        """
        self._redaction.add(secrets)

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
                body = self.request("GET", path, query=query, purpose="Reading the enterprise ID").body
                self.hide(*secret_values(body))
                found = last_uuid(read(body))
            except ApiError as error:
                if error.status == 401:
                    raise
                outage = error if error.is_outage else outage
                failures.append(f"GET {path} returned HTTP {error.status}")
                continue
            except TransportError as error:
                # If Esper asked for a pause that is too long, the next request fails before it is sent.
                raise outage or error from None
            except (KeyError, IndexError, TypeError):
                found = None
            if found:
                return found
            failures.append(f"GET {path} does not return it")
        if outage:
            raise outage
        raise ConfigurationError(
            f"The enterprise ID was not found ({'; '.join(failures)}). Set enterprise_id (ESPER_ENTERPRISE_ID), and"
            f" check the URL of the API: {self.connection.api_url} is in use, and that of a tenant ends in /api."
        )

    # --- one request ------------------------------------------------------------------------------------------------

    def target(self, path: str, ids: Ids | None = None) -> str:
        """Return a path of the contract with the values of its placeholders. Raise InvalidParameter if an ID is not a
        part of a path, and the errors of the request that reads the enterprise ID."""
        known: Ids = {**self._path_ids, **(ids or {})}
        if "{enterprise_id}" in path:
            known = {**known, "enterprise_id": self.enterprise_id}
        for value in known.values():
            if not is_path_part(str(value)):
                shown = self.redact(str(value))[:_ID_LENGTH]
                raise InvalidParameter(
                    f"Invalid ID '{shown}'. An ID must not be empty, only dots, or too long, or contain slashes or"
                    " unprintable characters."
                )
        return re.sub(r"{(\w+)}", lambda found: quote(str(known[found.group(1)]), safe=""), path)

    def _send(
        self, method: str, target: str, shown: str, body: t.Any, purpose: str, *, can_be_empty: bool, is_text: bool
    ) -> Response:
        """Send a request. ``shown`` is its target for messages, in which secrets are masked."""
        url = self.connection.api_url + target
        for _hop in range(_REDIRECTS + 1):
            with self._transport.open(
                method,
                url,
                target=shown,
                purpose=purpose,
                body=lambda: self._encoded(body, purpose),
                headers=_TEXT if is_text else None,
            ) as raw:
                # A PUT that changes nothing is a success.
                is_redirect = 300 <= raw.status < 400 and (method, raw.status) != ("PUT", NOT_MODIFIED)
                content = b"" if is_redirect else raw.content()
            if not is_redirect:
                return read_response(
                    raw.status,
                    content,
                    raw.headers.get("Retry-After"),
                    self._redaction,
                    method=method,
                    target=shown,
                    purpose=purpose,
                    can_be_empty=can_be_empty,
                    is_text=is_text,
                )
            url = self._redirection(raw, url, method, shown, purpose)
        raise TransportError(
            f"{purpose} failed: {method} {shown} was redirected more than {_REDIRECTS} times.",
            method=method,
            path=shown,
        )

    def _encoded(self, body: t.Any, purpose: str) -> tuple[t.Any, str]:
        """Return a body in the form of the HTTP library, and its content type, "" without a body."""
        if body is None:
            return None, ""
        if isinstance(body, Form):
            return body.stream(self._watch(purpose)), body.content_type
        return json.dumps(body).encode(), "application/json"

    def _watch(self, purpose: str) -> Watch:
        """Return a function that stops an upload after the deadline, and reports its progress."""
        reported = 0

        def watch(sent: int, whole: int) -> None:
            nonlocal reported
            if self._transport.remaining() == 0:
                raise deadline_error()
            tenths = 10 * sent // whole
            if self._progress and whole >= _MEGABYTE and tenths > reported:
                reported = tenths
                self._progress(f"{purpose}: {sent / _MEGABYTE:.0f} of {whole / _MEGABYTE:.0f} MB")

        return watch

    def _redirection(self, response: RawResponse, url: str, method: str, target: str, purpose: str) -> str:
        """Return the URL of a redirect. Raise TransportError unless it is a GET to the same host, because any other
        redirect could lose the body, or send the API key to another host."""
        try:
            # Other statuses from 300 to 399 are neither a result nor followed.
            header = response.headers["Location"] if response.is_redirect else ""
            location = urljoin(url, header) if header else ""
            new = urlsplit(location)
            is_same = _server(new) == _server(urlsplit(url)) and new.username is None
        except ValueError:
            location, new, is_same = "", urlsplit(""), False
        if is_same and method == "GET":
            return location
        where = self._redaction.text(_origin(new)[:_ORIGIN_LENGTH], any_case=True) if new.hostname else "an invalid URL"
        raise TransportError(
            f"{purpose} failed: {method} {target} returned HTTP {response.status}, a redirect to {where}. It is not"
            " followed, because it could lose the request or expose the API key. Check tenant or api_url.",
            method=method,
            path=target,
        )


def _server(url: SplitResult) -> tuple[str, str | None, int | None]:
    """Return the scheme, host and port of a URL for comparison. Raise ValueError if the port is invalid."""
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)


def _origin(url: SplitResult) -> str:
    """Return the scheme, host and port of a URL, without a user and password."""
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"


def _query_string(query: Query) -> str:
    def text(value: t.Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, (list, tuple, set, frozenset)):
            return ",".join(text(item) for item in value)
        return str(value)

    return urlencode(
        {key: text(value) for key, value in query.items() if value is not None}, quote_via=quote, safe=",*"
    )
