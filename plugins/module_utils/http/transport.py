# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP requests: connections, deadline, rate limit and retries.

The only file that imports requests.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import re
import socket
import ssl
import sys
import threading
import time
import typing as t
import zlib
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from urllib.parse import urlsplit

from ..base.errors import ConfigurationError, RequestFailed, TransportError
from ..base.redaction import Redaction
from .connection import Connection
from .responses import Transient
from .watchdog import Limit, Watchdog

try:
    import requests
    import requests.adapters
    import requests.auth
    import requests.utils
    import urllib3
    import urllib3.connectionpool
    import urllib3.exceptions
    import urllib3.util
except ImportError:
    HAS_REQUESTS = False
    _AuthBase: t.Any = object
    _HTTPAdapter: t.Any = object
    _SessionBase: t.Any = object
else:
    HAS_REQUESTS = True
    _AuthBase = requests.auth.AuthBase
    _HTTPAdapter = requests.adapters.HTTPAdapter
    _SessionBase = requests.Session

_T = t.TypeVar("_T")

# Maximum number of connections of a task. Esper recommends about 20 requests at the same time.
CONNECTIONS = 20

_SHORTEST_TIMEOUT = 0.001
_LONGEST_BACKOFF = 60.0
_LONGEST_REQUESTED_WAIT = 600.0
# A longer wait is announced.
_SILENT_WAIT = 10.0
# A wait until the deadline can be longer than the rest of the time by rounding.
_ROUNDING = 0.01
_CHUNK = 64 * 1024
_MEGABYTE = 1_000_000
# Maximum size of the part of an error that is read.
_ERROR_SIZE = _MEGABYTE
# Maximum sizes of the head of a response and of one header. http.client takes seconds for some headers of 64 KB.
_HEAD_SIZE = 64 * 1024
_HEADER_SIZE = 16 * 1024
# zlib decompresses both gzip and deflate. The client accepts no other encodings, because the libraries for them do not
# limit the size of their output in all supported versions.
_ENCODINGS = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = 47
# What OpenSSL finds in place of a TLS record if the server does not use TLS on the port.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})
# X509_V_ERR codes of OpenSSL for a chain without a trusted CA.
_UNKNOWN_CA = frozenset({2, 18, 19, 20, 21})


class _BearerAuth(_AuthBase):  # type: ignore[misc]
    """Adds the API key to each request. It is an auth object, because requests lets ~/.netrc replace a header."""

    def __init__(self, key: str) -> None:
        self._header = f"Bearer {key}"

    def __call__(self, request: t.Any) -> t.Any:
        request.headers["Authorization"] = self._header
        return request


class _NoAuth(_AuthBase):  # type: ignore[misc]
    """Adds nothing. Without an auth object, requests uses that of the session or ~/.netrc."""

    def __call__(self, request: t.Any) -> t.Any:
        return request


class _Session(_SessionBase):  # type: ignore[misc]
    """Knows no redirects. Otherwise, requests reads the whole body of each of them, even if it does not follow it."""

    def get_redirect_target(self, _response: t.Any) -> None:
        return None


class _Head:
    """The head of a response, with a limited size."""

    def __init__(self, file: t.Any) -> None:
        self._file = file
        self._left = _HEAD_SIZE

    def readline(self, limit: int) -> bytes:
        line: bytes = self._file.readline(min(limit, _HEADER_SIZE + 1))
        self._left -= len(line)
        if len(line) > _HEADER_SIZE or self._left < 0:
            raise http.client.LineTooLong("head")
        return line

    def close(self) -> None:
        self._file.close()


class _Response(http.client.HTTPResponse):
    """A response with a limited head, and without chunks of a negative size, which would read the rest at once."""

    fp: t.Any

    def begin(self) -> None:
        if self.headers is not None:
            return
        file = self.fp
        self.fp = _Head(file)
        try:
            super().begin()
            # http.client skips status 100 only. It would take the final response for that to the next request.
            while self.status < 200:
                self.headers = t.cast("http.client.HTTPMessage", None)
                super().begin()
        finally:
            if self.fp is not None:
                self.fp = file

    def _read_next_chunk_size(self) -> int:
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]
        if size < 0:
            raise ValueError
        return size


class _Connection:
    """A connection that the watchdog can shut down in all of its phases."""

    watchdog: Watchdog
    response_class = _Response
    sock: socket.socket | None

    def _new_conn(self) -> socket.socket:
        connection: socket.socket = super()._new_conn()  # type: ignore[misc]
        self.watchdog.watch(connection)
        return connection

    def putrequest(self, *arguments: t.Any, **options: t.Any) -> None:
        if self.sock is not None:
            self.watchdog.watch(self.sock)
        super().putrequest(*arguments, **options)  # type: ignore[misc]

    def send(self, data: t.Any) -> None:
        try:
            super().send(data)  # type: ignore[misc]
        except TimeoutError:
            if self.sock and urllib3.util.wait_for_read(self.sock, timeout=0):
                # The server responded without reading the request. urllib3 reads the response after this error.
                raise BrokenPipeError from None
            raise


class _DirectConnection(_Connection):
    """A connection that tries the addresses of its host within the time limit. urllib3 would wait for each of them."""

    port: int
    timeout: float
    _dns_host: str

    def _new_conn(self) -> socket.socket:
        host, timeout = self._dns_host, self.timeout
        try:
            found = socket.getaddrinfo(host, self.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, host) from error  # type: ignore[arg-type]
        except UnicodeError:
            # A part of the name is empty or too long.
            raise urllib3.exceptions.LocationParseError(host) from None
        failure: Exception | None = None
        try:
            for *_socket, address in found:
                if failure is not None and self.watchdog.current.is_exceeded:
                    break
                self._dns_host = str(address[0])
                self.timeout = max(min(timeout, self.watchdog.current.remaining), _SHORTEST_TIMEOUT)
                try:
                    return super()._new_conn()
                except (urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.NewConnectionError) as error:
                    failure = error
        finally:
            self._dns_host, self.timeout = host, timeout
        raise failure or urllib3.exceptions.NewConnectionError(self, host)  # type: ignore[arg-type]


class _Adapter(_HTTPAdapter):  # type: ignore[misc]
    """Makes connections that the watchdog watches."""

    def __init__(self, watchdog: Watchdog, **options: t.Any) -> None:
        self._watchdog = watchdog
        super().__init__(**options)

    def init_poolmanager(self, *arguments: t.Any, **options: t.Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self._watch(self.poolmanager, _DirectConnection)

    def proxy_manager_for(self, proxy: str, **options: t.Any) -> t.Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options)
        if not known:
            # A SOCKS proxy looks up the host itself.
            self._watch(manager, _Connection if proxy.lower().startswith("socks") else _DirectConnection)
        return manager

    def _watch(self, manager: t.Any, connection: type) -> None:
        def watched(pool: t.Any) -> type:
            base = pool.ConnectionCls
            made = type(base.__name__, (connection, base), {"watchdog": self._watchdog})
            return type(pool.__name__, (pool,), {"ConnectionCls": made})

        manager.pool_classes_by_scheme = {
            scheme: watched(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
        }


class Transport:
    """The connections of one task to one tenant. Safe to use from several threads.

    ``log`` gets one line for each request, ``progress`` a sentence for each long wait. ``throttle_count`` is the number
    of times that Esper asked for fewer requests, ``request_count`` the number of requests.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        redaction: Redaction,
        user_agent: str,
        log: t.Callable[[str], None] | None = None,
        progress: t.Callable[[str], None] | None = None,
    ) -> None:
        """Send no request. Raise ConfigurationError if the library requests is missing."""
        if not HAS_REQUESTS:
            raise ConfigurationError(
                f"The Python library requests is missing for {sys.executable}. Install it (pip install requests), or"
                " set ansible_python_interpreter to a Python that has it."
            )
        self.connection = connection
        self.throttle_count = 0
        self.request_count = 0
        self._counting = threading.Lock()
        self._redaction = redaction
        self._log = log
        self._progress = progress
        self._started = time.monotonic()
        # The time of the next request to a host that asked for a pause, by its name, "" for the API.
        self._not_before: dict[str, float] = {}
        # The longest of these times that was announced, because several threads wait for it.
        self._announced = 0.0
        self._stopped = threading.Event()
        self._session: requests.Session = _Session()
        self._session.auth = _BearerAuth(connection.api_key)
        self._session.headers["Accept"] = "application/json"
        self._session.headers["Accept-Encoding"] = "gzip"
        self._session.headers["User-Agent"] = user_agent
        # The API key is the only authentication. A cookie of a gateway would add state.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if not connection.validate_certs:
            # The user turned it off, so a warning for each request does not help.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._watchdog = Watchdog()
        adapter = _Adapter(self._watchdog, pool_maxsize=CONNECTIONS)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def proxy_of(self, url: str) -> str:
        """Return the host and port of the proxy that gets the requests to a URL, "" if there is none or it is not
        valid."""
        proxy = self._proxy_url(url)
        try:
            # Without the name and password of the user.
            return urlsplit(proxy if "://" in proxy else f"//{proxy}").netloc.rpartition("@")[2]
        except ValueError:
            return ""

    def _proxy_url(self, url: str) -> str:
        proxies = self._session.merge_environment_settings(url, {}, None, None, None)["proxies"]
        return requests.utils.select_proxy(url, proxies) or ""

    def close(self) -> None:
        """Close all connections, and stop requests that wait."""
        self.stop()
        self._session.close()
        self._watchdog.close()

    def stop(self) -> None:
        """Stop the threads that wait before their next request, because their results are not needed any more."""
        self._stopped.set()

    # --- requests -----------------------------------------------------------------------------------------------------

    def with_retries(self, send: t.Callable[[], _T], method: str, target: str, purpose: str, idempotent: bool) -> _T:
        """Return the result of ``send``, with as many retries as are safe and the options allow."""
        attempt = 0
        while True:
            self._await_rate_limit(method, target, purpose)
            try:
                return send()
            except Transient as failure:
                attempt += 1
                if failure.throttled:
                    self.throttle_count += 1
                self._note_retry_after(failure.error, target)
                gives_up = attempt > self.connection.retries or (failure.error.outcome_unknown and not idempotent)
                if gives_up:
                    raise failure.error from None
                self.pause(attempt, failure.error)

    @contextlib.contextmanager
    def open(
        self,
        method: str,
        url: str,
        *,
        target: str,
        purpose: str,
        body: t.Callable[[], tuple[t.Any, str]] = lambda: (None, ""),
        headers: t.Mapping[str, str] | None = None,
        with_key: bool = True,
    ) -> t.Iterator[RawResponse]:
        """Send one request, and yield its response. Read the body within the block.

        ``target`` is the URL for messages, ``body`` returns the data to send and its content type.

        Raise TransportError, inside Transient if the request can be repeated.
        """
        started = time.monotonic()
        outcome = "no response"
        options: dict[str, t.Any] = {} if with_key else {"auth": _NoAuth()}
        remaining = self.remaining()
        timeout = (
            self.connection.timeout
            if remaining is None
            else max(min(self.connection.timeout, remaining), _SHORTEST_TIMEOUT)
        )
        with self._watchdog.limit(remaining) as limit:
            try:
                data, content_type = body()
                sent = {**(headers or {}), **({"Content-Type": content_type} if content_type else {})}
                # Set for each request, because REQUESTS_CA_BUNDLE overrides the certificates of a session.
                with self._session.request(
                    method,
                    url,
                    data=data,
                    headers=sent,
                    timeout=timeout,
                    verify=self._verify(),
                    stream=True,
                    allow_redirects=False,
                    **options,
                ) as response:
                    outcome = str(response.status_code)
                    self.check_deadline(limit)
                    yield RawResponse(self, response, limit)
            except (
                requests.RequestException,
                urllib3.exceptions.HTTPError,
                BadResponse,
                OSError,
                ValueError,
            ) as exception:
                raise self._transport_error(exception, limit, method, target, purpose) from None
            finally:
                self._report(method, target, outcome, started)

    def _verify(self) -> bool | str:
        return (self.connection.ca_path or True) if self.connection.validate_certs else False

    def _transport_error(self, exception: Exception, limit: Limit, method: str, target: str, purpose: str) -> Exception:
        is_link = bool(_host_of(target))
        url = target if is_link else self.connection.api_url
        reason, sent, passes = _classify_error(
            exception, self.connection, urlsplit(url).hostname or "", is_link, bool(self._proxy_url(url))
        )
        if self.remaining() == 0:
            reason, passes = self._exceeded(), False
        elif limit.is_exceeded:
            # The deadline was extended in the meantime.
            reason, passes = f"the request to {urlsplit(url).hostname} timed out", True
        error = TransportError(
            # The name of a host has no upper case.
            self._redaction.text(f"{purpose} failed: {method} {target}: {reason}.", any_case=is_link),
            method=method,
            path=target,
            outcome_unknown=sent and method != "GET",
        )
        return Transient(error) if passes else error

    # --- rate limit and deadline --------------------------------------------------------------------------------------

    def remaining(self) -> float | None:
        """Return the seconds until the deadline, at least 0, None without a deadline."""
        if not self.connection.deadline:
            return None
        return max(self._started + self.connection.deadline - time.monotonic(), 0.0)

    def check_deadline(self, limit: Limit) -> None:
        """Raise TimeoutError if a request exceeded its time limit."""
        if limit.is_exceeded or self.remaining() == 0:
            raise TimeoutError("deadline")

    def extend(self, seconds: float) -> None:
        """Set the deadline to ``seconds`` from now if it is earlier. 0 sets no limit."""
        remaining = self.remaining()
        if remaining is not None and (not seconds or seconds > remaining):
            deadline = seconds and time.monotonic() - self._started + seconds
            self.connection = replace(self.connection, deadline=deadline)

    def _await_rate_limit(self, method: str, target: str, purpose: str) -> None:
        """Wait if the host asked for a pause. Raise TransportError if that is too long, or if the deadline is
        exceeded."""
        wait = max(self._not_before.get(_host_of(target), 0.0) - time.monotonic(), 0.0)
        if wait > self._longest_wait + _ROUNDING and self.remaining() != 0:
            raise TransportError(
                f"{purpose} failed before {method} {target}: {self._too_long(wait, target)}", method=method, path=target
            )
        self._announce(wait, purpose, f"{_host_of(target) or 'Esper'} asks to wait")
        self._sleep(wait)
        if self.remaining() == 0:
            raise TransportError(
                f"{purpose} failed before {method} {target}: {self._exceeded()}.",
                method=method,
                path=target,
            )

    def _announce(self, wait: float, purpose: str, reason: str) -> None:
        """Report a long wait, unless another thread has reported one that ends at about the same time."""
        end = time.monotonic() + wait
        if self._progress and wait > _SILENT_WAIT and end > self._announced + 1:
            self._announced = end
            text = f"{purpose}: {reason}. " if purpose else f"{reason}. "
            self._progress(self._redaction.text(f"{text}The next attempt is in {wait:.0f} s.", any_case=True))

    def _exceeded(self) -> str:
        return f"the task exceeded its deadline of {self.connection.deadline:g} s. Increase deadline"

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(max(seconds, 0.0)):
            raise TransportError("The task was stopped while it waited for Esper.", method="", path="")

    def wait(self, seconds: float) -> None:
        """Sleep. Raise TransportError if the task is stopped."""
        self._sleep(seconds)

    def pause(self, attempt: int, failure: RequestFailed | None = None) -> None:
        """Wait before the next attempt, which is counted from 1: for the time of Retry-After in the failure, otherwise
        with exponential backoff and full jitter.

        Raise ``failure`` if the wait would exceed the deadline.
        """
        # If the clocks differ, each date of a server is in the past. So only the first attempt needs no wait.
        if failure is not None and failure.wait is not None and (failure.wait > 0 or attempt == 1):
            self._check_retry_after(failure, failure.wait)
            return
        wait = random.uniform(0, min(_LONGEST_BACKOFF, 2.0**attempt))
        remaining = self.remaining()
        if failure is not None and remaining is not None and wait > remaining:
            raise failure
        if failure is not None:
            self._announce(wait, "", str(failure).rstrip("."))
        self._sleep(wait)

    def _note_retry_after(self, failure: RequestFailed, target: str) -> None:
        """Delay the next request to the host, by any path and in any thread, by the time that the host asks for."""
        if failure.wait is None:
            return
        # The spread avoids that all clients return at the same time. It must not exceed the longest wait.
        wait = failure.wait
        if wait <= self._longest_wait:
            wait = min(wait * random.uniform(1.0, 1.1), self._longest_wait)
        host = _host_of(target)
        self._not_before[host] = max(self._not_before.get(host, 0.0), time.monotonic() + wait)

    def _check_retry_after(self, failure: RequestFailed, asked: float) -> None:
        """Raise ``failure`` if the time that Esper asks for is too long."""
        if asked > self._longest_wait:
            failure.args = (f"{failure} {self._too_long(asked, failure.path)}",)
            raise failure

    @property
    def _longest_wait(self) -> float:
        remaining = self.remaining()
        return _LONGEST_REQUESTED_WAIT if remaining is None else min(_LONGEST_REQUESTED_WAIT, remaining)

    def _too_long(self, asked: float, target: str) -> str:
        # A link can lead to another host than that of the API.
        host = self._redaction.text(_host_of(target), any_case=True) or "Esper"
        return f"{host} asks to wait {asked:.0f} s, but the task can wait {self._longest_wait:.0f} s at most."

    def _report(self, method: str, target: str, outcome: str, started: float) -> None:
        with self._counting:
            self.request_count += 1
        if self._log:
            self._log(
                self._redaction.text(f"{method} {target}: {outcome} in {(time.monotonic() - started) * 1000:.0f} ms")
            )


class RawResponse:
    """A response whose body was not read."""

    def __init__(self, transport: Transport, response: requests.Response, limit: Limit) -> None:
        self._transport = transport
        self._limit = limit
        self._response = response
        self.status: int = response.status_code
        self.headers: t.Mapping[str, str] = response.headers
        self.is_redirect: bool = response.is_redirect

    def chunks(self) -> t.Iterator[bytes]:
        """Yield the decompressed body in chunks of a limited size. The body of a redirect is not read.

        Raise BadResponse for an unknown compression, and the errors of the connection. Transport.open() handles them.
        """
        if self.is_redirect:
            return
        for chunk in _decompressed(self._raw_chunks(), self.headers.get("Content-Encoding", "")):
            if chunk:
                yield chunk
            self._transport.check_deadline(self._limit)

    def content(self) -> bytes:
        """Return the whole body, or the start of a large error. Raise the errors of chunks(), and BadResponse if the
        body is larger than the option max_response_size."""
        megabytes = self._transport.connection.max_response_size
        is_error = self.status >= 400
        most = _ERROR_SIZE if is_error else megabytes * _MEGABYTE
        read, size = [], 0
        for chunk in self.chunks():
            read.append(chunk)
            size += len(chunk)
            if size > most > 0:
                if is_error:
                    break
                raise BadResponse(f"is larger than {megabytes} MB. Increase max_response_size")
        return b"".join(read)

    def _raw_chunks(self) -> t.Iterator[bytes]:
        raw = self._response.raw
        while chunk := raw.read(_CHUNK, decode_content=False):
            yield chunk
        # A connection that was shut down looks like the end of the body.
        self._transport.check_deadline(self._limit)
        # urllib3 before 2.0 does not check it.
        if raw.length_remaining:
            raise urllib3.exceptions.ProtocolError("incomplete")


class BadResponse(Exception):
    """A response cannot be used. ``reason`` is the predicate of a sentence about it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _host_of(target: str) -> str:
    """Return the host of a link, "" for a path of the API."""
    return urlsplit(target).netloc if "://" in target.partition("?")[0] else ""


def deadline_error() -> Exception:
    """Return the exception that ends a request that exceeds the deadline."""
    return TimeoutError("deadline")


def _decompressed(chunks: t.Iterator[bytes], encoding: str) -> t.Iterator[bytes]:
    """Yield decompressed chunks, whose size is limited. Some can be empty."""
    encodings = [name for name in re.split(r"[\s,]+", encoding.lower()) if name not in ("", "identity")]
    if not encodings:
        yield from chunks
        return
    if len(encodings) > 1 or encodings[0] not in _ENCODINGS:
        raise BadResponse("has an unsupported Content-Encoding. Check tenant or api_url")
    decompressor: t.Any = None
    try:
        for chunk in chunks:
            while chunk:
                decompressor = decompressor or zlib.decompressobj(_GZIP_OR_ZLIB)
                yield decompressor.decompress(chunk, _CHUNK)
                chunk = decompressor.unconsumed_tail
                if decompressor.eof:
                    chunk, decompressor = decompressor.unused_data, None
        if decompressor:
            yield decompressor.flush()
            if not decompressor.eof:
                raise urllib3.exceptions.DecodeError("incomplete")
    except zlib.error:
        raise urllib3.exceptions.DecodeError("damaged") from None


def _chain(exception: BaseException) -> t.Iterator[BaseException]:
    """Yield an exception and its causes, in all ways in which requests and urllib3 record them."""
    seen: set[int] = set()
    waiting: list[t.Any] = [exception]
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [*current.args, getattr(current, "reason", None), current.__cause__, current.__context__]


def _classify_error(
    exception: Exception, connection: Connection, host: str, is_link: bool, has_proxy: bool
) -> tuple[str, bool, bool]:
    """Return why a request failed, as part of a sentence, whether Esper may have received it, and whether a retry may
    help. ``is_link`` is whether the host is that of a link in a response, not that of the options."""
    causes = list(_chain(exception))

    def find(*kinds: t.Any) -> t.Any:
        return next((cause for cause in causes if isinstance(cause, kinds)), None)

    # The most specific cause first, because one failure is wrapped in several exceptions.
    # urllib3 before 2.0 compares the host name itself. Its error has no code, and another class in each version.
    other_host = next((cause for cause in causes if type(cause).__name__ == "CertificateError"), None)
    if invalid := find(ssl.SSLCertVerificationError) or other_host:
        is_unknown = getattr(invalid, "verify_code", 0) in _UNKNOWN_CA
        advice = ". Set ca_path to trust the CA that signed it" if is_unknown else ""
        detail = getattr(invalid, "verify_message", "") or invalid.args[0]
        return f"the TLS certificate of {host} is invalid ({detail}){advice}", False, False
    if bad := find(BadResponse):
        return f"the response of {host} {bad.reason}", True, False
    # requests itself raises OSError if the file does not exist.
    is_own = isinstance(exception, OSError) and not isinstance(exception, requests.exceptions.RequestException)
    is_about_tls = is_own or find(requests.exceptions.SSLError)
    if connection.validate_certs and is_about_tls and (unreadable := _unreadable_ca(connection)):
        return unreadable, False, False
    # A connection has no file name.
    if file := next((cause for cause in causes if isinstance(cause, OSError) and cause.filename), None):
        return f"the file '{file.filename}' cannot be read ({file.strerror})", False, False
    if find(requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL, urllib3.exceptions.LocationValueError):
        return _invalid_url(exception, host, is_link, has_proxy), False, False
    if find(requests.exceptions.ProxyError):
        # Not quoted, because the URL of a proxy can contain a password.
        return "the proxy of the environment variables does not work", False, True
    if unknown := find(socket.gaierror):
        reason = (
            f"the host {host} of the link to the file was not found. Allow the machine that runs the task to resolve it"
            if is_link
            else f"the host {host} was not found. Check tenant or api_url"
        )
        return reason, False, unknown.errno == socket.EAI_AGAIN
    if find(ConnectionRefusedError):
        return f"the host {host} refused the connection", False, True
    if find(requests.ConnectTimeout, urllib3.exceptions.NewConnectionError):
        return f"the host {host} cannot be reached", False, True
    if find(requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError):
        return f"the request to {host} timed out", True, True
    if (broken := find(ssl.SSLError)) and broken.reason in _NO_TLS:
        return f"{host} does not use TLS on this port. Check the port and the scheme in api_url", False, False
    if broken:
        return f"the TLS connection to {host} failed ({broken.reason or 'no reason given'})", True, True
    # InvalidHeader is about the response here, such as two lengths.
    damage = urllib3.exceptions.DecodeError, urllib3.exceptions.InvalidHeader, http.client.HTTPException
    if find(*damage) and not find(http.client.RemoteDisconnected, http.client.IncompleteRead):
        return f"the response of {host} is damaged", True, True
    if find(requests.ConnectionError, requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError):
        return f"the connection to {host} was lost", True, True
    return f"the request could not be sent to {host} ({type(exception).__name__})", False, False


def _unreadable_ca(connection: Connection) -> str:
    """Return the error of the CA certificates as part of a sentence, "" if they can be read."""
    variables = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    sources = [("ca_path (ESPER_CA_PATH)", connection.ca_path)]
    sources += [(f"the environment variable {name}", os.environ.get(name)) for name in variables]
    sources += [("the Python library certifi", requests.utils.DEFAULT_CA_BUNDLE_PATH)]
    source, path = next((source, path) for source, path in sources if path)
    try:
        directory = Path(path).is_dir()
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
            cafile=None if directory else path, capath=path if directory else None
        )
    except ssl.SSLError:
        reason = "it has no certificate in PEM format"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    else:
        return ""
    return f"the file of CA certificates {path} cannot be read ({reason}). Check {source}"


def _invalid_url(exception: Exception, host: str, is_link: bool, has_proxy: bool) -> str:
    """Return the error of a URL that the HTTP library does not accept as part of a sentence."""
    if "SOCKS" in str(exception):
        return (
            "the proxy of the environment variables is a SOCKS proxy, which requires the Python library PySocks."
            f" Install it for {sys.executable} (pip install pysocks), or use another proxy"
        )
    try:
        is_valid = bool(host.encode("idna"))
    except UnicodeError:
        is_valid = False
    if has_proxy and is_valid:
        # Not quoted, because it can contain a password.
        return (
            "the URL of the proxy in the environment variables is invalid. Use a URL such as http://proxy.example:3128"
        )
    return f"the host {host} is invalid" + ("" if is_link else ". Check tenant or api_url")
