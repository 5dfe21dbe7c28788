# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP requests: connections, deadline, rate limit and retries.

The only file that imports requests.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import ssl
import sys
import threading
import time
import typing as t
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from urllib.parse import urlsplit

from ..base.errors import ConfigurationError, RequestFailed, TransportError
from ..base.redaction import Redaction
from .connection import Connection
from .responses import Transient
from .watchdog import Watchdog

try:
    import requests
    import requests.adapters
    import requests.auth
    import requests.utils
    import urllib3
    import urllib3.connectionpool
    import urllib3.exceptions
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

_LONGEST_BACKOFF = 60.0
_LONGEST_REQUESTED_WAIT = 600.0
# A wait until the deadline can be longer than the rest of the time by rounding.
_ROUNDING = 0.01
_CHUNK = 64 * 1024
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


class _Adapter(_HTTPAdapter):  # type: ignore[misc]
    """Makes connections on which the head of a response cannot arrive after the deadline, although each byte restarts
    the timeout of a socket. The reader of the body checks the deadline itself."""

    def __init__(self, watchdog: Watchdog, remaining: t.Callable[[], float | None], **options: t.Any) -> None:
        class DeadlineConnection:
            sock: socket.socket

            def getresponse(self) -> t.Any:
                with watchdog.limit(self.sock, remaining()):
                    return super().getresponse()  # type: ignore[misc]

        def pool(base: t.Any) -> type:
            connection = type(base.ConnectionCls.__name__, (DeadlineConnection, base.ConnectionCls), {})
            return type(base.__name__, (base,), {"ConnectionCls": connection})

        self._pools = {
            "http": pool(urllib3.connectionpool.HTTPConnectionPool),
            "https": pool(urllib3.connectionpool.HTTPSConnectionPool),
        }
        super().__init__(**options)

    def init_poolmanager(self, *arguments: t.Any, **options: t.Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *arguments: t.Any, **options: t.Any) -> t.Any:
        manager = super().proxy_manager_for(*arguments, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


class Transport:
    """The connections of one task to one tenant. Safe to use from several threads.

    ``log`` gets one line for each request. ``throttle_count`` is the number of times that Esper asked for fewer
    requests.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        redaction: Redaction,
        user_agent: str,
        log: t.Callable[[str], None] | None = None,
    ) -> None:
        """Send no request. Raise ConfigurationError if the library requests is missing."""
        if not HAS_REQUESTS:
            raise ConfigurationError(
                f"The Python library requests is missing for {sys.executable}. Install it (pip install requests), or"
                " set ansible_python_interpreter to a Python that has it."
            )
        self.connection = connection
        self.throttle_count = 0
        self._redaction = redaction
        self._log = log
        self._started = time.monotonic()
        # The time of the next request to a host that asked for a pause, by its name, "" for the API.
        self._not_before: dict[str, float] = {}
        self._stopped = threading.Event()
        self._session: requests.Session = _Session()
        self._session.auth = _BearerAuth(connection.api_key)
        self._session.headers["Accept"] = "application/json"
        self._session.headers["User-Agent"] = user_agent
        # The API key is the only authentication. A cookie of a gateway would add state.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if not connection.validate_certs:
            # The user turned it off, so a warning for each request does not help.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._watchdog = Watchdog()
        adapter = _Adapter(self._watchdog, self.remaining, pool_maxsize=CONNECTIONS)
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
        timeout = self.connection.timeout if remaining is None else max(min(self.connection.timeout, remaining), 0.001)
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
                yield RawResponse(self, response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as exception:
            raise self._transport_error(exception, method, target, purpose) from None
        finally:
            self._report(method, target, outcome, started)

    def _verify(self) -> bool | str:
        return (self.connection.ca_path or True) if self.connection.validate_certs else False

    def _transport_error(self, exception: Exception, method: str, target: str, purpose: str) -> Exception:
        is_link = bool(_host_of(target))
        url = target if is_link else self.connection.api_url
        reason, sent, passes = _classify_error(
            exception, self.connection, urlsplit(url).hostname or "", is_link, bool(self._proxy_url(url))
        )
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
                f"{purpose} failed before {method} {target}: {self._too_long(wait)}", method=method, path=target
            )
        self._sleep(wait)
        if self.remaining() == 0:
            raise TransportError(
                f"{purpose} failed before {method} {target}: the task exceeded its deadline of"
                f" {self.connection.deadline:g} s. Increase deadline.",
                method=method,
                path=target,
            )

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
        if failure is not None and failure.wait is not None:
            self._check_retry_after(failure, failure.wait)
            return
        wait = random.uniform(0, min(_LONGEST_BACKOFF, 2.0**attempt))
        remaining = self.remaining()
        if failure is not None and remaining is not None and wait > remaining:
            raise failure
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
            failure.args = (f"{failure} {self._too_long(asked)}",)
            raise failure

    @property
    def _longest_wait(self) -> float:
        remaining = self.remaining()
        return _LONGEST_REQUESTED_WAIT if remaining is None else min(_LONGEST_REQUESTED_WAIT, remaining)

    def _too_long(self, asked: float) -> str:
        return f"Esper asks to wait {asked:.0f} s, but the task can wait {self._longest_wait:.0f} s at most."

    def _report(self, method: str, target: str, outcome: str, started: float) -> None:
        if self._log:
            self._log(
                self._redaction.text(f"{method} {target}: {outcome} in {(time.monotonic() - started) * 1000:.0f} ms")
            )


class RawResponse:
    """A response whose body was not read."""

    def __init__(self, transport: Transport, response: requests.Response) -> None:
        self._transport = transport
        self._response = response
        self.status: int = response.status_code
        self.headers: t.Mapping[str, str] = response.headers
        self.is_redirect: bool = response.is_redirect

    def chunks(self) -> t.Iterator[bytes]:
        """Yield the body in chunks. Raise the errors of the connection, see Transport.open()."""
        for chunk in _chunks_of(self._response):
            yield chunk
            # A body that arrives byte by byte never exceeds the timeout of the socket.
            if self._transport.remaining() == 0:
                raise requests.ReadTimeout("deadline")

    def content(self) -> bytes:
        """Return the whole body."""
        return b"".join(self.chunks())


def _host_of(target: str) -> str:
    """Return the host of a link, "" for a path of the API."""
    return urlsplit(target).netloc if "://" in target.partition("?")[0] else ""


def deadline_error() -> Exception:
    """Return the exception that ends a request that exceeds the deadline."""
    return requests.ReadTimeout("deadline")


def _chunks_of(response: requests.Response) -> t.Iterator[bytes]:
    """Yield the body in chunks of any size, because iter_content() waits until a chunk is full."""
    read = getattr(response.raw, "read1", None)
    if read is None:  # urllib3 before 2.0
        yield from response.iter_content(1024)
        return
    while chunk := read(_CHUNK, decode_content=True):
        yield chunk


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
    if invalid := find(ssl.SSLCertVerificationError):
        advice = ". Set ca_path to trust the CA that signed it" if invalid.verify_code in _UNKNOWN_CA else ""
        return f"the TLS certificate of {host} is invalid ({invalid.verify_message}){advice}", False, False
    # requests itself raises OSError if the file does not exist.
    is_about_tls = type(exception) is OSError or find(requests.exceptions.SSLError)
    if connection.validate_certs and is_about_tls and (unreadable := _unreadable_ca(connection)):
        return unreadable, False, False
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
    if broken := find(ssl.SSLError):
        return f"the TLS connection to {host} failed ({broken.reason or 'no reason given'})", True, True
    # InvalidHeader is about the response here, such as two lengths.
    damage = urllib3.exceptions.DecodeError, urllib3.exceptions.InvalidHeader
    if find(requests.exceptions.ContentDecodingError, *damage):
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
