# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP to a tenant: authentication, URLs, retries, JSON, errors. The only file that imports requests.

Rests on the API's published contract (tests/contract/api) for paths, envelopes and the shapes of errors.
"""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import json
import math
import random
import re
import socket
import ssl
import sys
import threading
import time
import typing as t
from dataclasses import dataclass, replace
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import quote, urlencode, urljoin, urlsplit

from .connection import Connection
from .errors import ApiError, ConfigurationError, InvalidParameter, RequestFailed, TransportError
from .forms import Form, Watch
from .ids import last_uuid
from .redaction import Redaction
from .threads import without_signals
from .version import VERSION

try:
    import requests
    import requests.adapters
    import requests.auth
    import urllib3
    import urllib3.connectionpool
    import urllib3.exceptions
except ImportError:
    HAS_REQUESTS = False
    _AuthBase: t.Any = object
    _HTTPAdapter: t.Any = object
else:
    HAS_REQUESTS = True
    _AuthBase = requests.auth.AuthBase
    _HTTPAdapter = requests.adapters.HTTPAdapter

Query = t.Mapping[str, t.Any]
Ids = t.Mapping[str, str]
_T = t.TypeVar("_T")

_SAFE_TO_REPEAT = frozenset({"GET", "PUT", "DELETE"})
_ENVELOPE = frozenset({"content", "message", "code", "status"})
_LONGEST_BACKOFF = 60.0
_LONGEST_REQUESTED_WAIT = 600.0
_REDIRECTS = 3
_CHUNK = 64 * 1024
_MESSAGE_LENGTH = 500
_MEGABYTE = 1_000_000
# OpenSSL's X509_V_ERR codes for a chain that ends in nobody who is trusted.
_UNKNOWN_CA = frozenset({2, 18, 19, 20, 21})


@dataclass(frozen=True)
class Answer:
    """What the API answered: the HTTP status, and the JSON body without its envelope (None when it was empty)."""

    status: int
    body: t.Any


class _Transient(Exception):
    """A failure that may pass. Carries the error to raise when it does not."""

    def __init__(self, error: RequestFailed, *, throttled: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.throttled = throttled


class _BearerAuth(_AuthBase):  # type: ignore[misc]
    """Sets the key on each request. As an auth object, since requests would let ~/.netrc replace a plain header."""

    def __init__(self, key: str) -> None:
        self._header = f"Bearer {key}"

    def __call__(self, request: t.Any) -> t.Any:
        request.headers["Authorization"] = self._header
        return request


class _NoAuth(_AuthBase):  # type: ignore[misc]
    """Sets nothing: without an auth object, requests would take the session's, or what ~/.netrc has."""

    def __call__(self, request: t.Any) -> t.Any:
        return request


class _Adapter(_HTTPAdapter):  # type: ignore[misc]
    """Makes connections on which an answer's head cannot take longer than is left, however slowly it trickles in: a
    socket's time-out begins anew with each byte. The body is looked after by whoever reads it."""

    def __init__(self, remaining: t.Callable[[], float | None], **options: t.Any) -> None:
        class Punctual:
            sock: socket.socket

            def getresponse(self) -> t.Any:
                with _cut_off(self.sock, remaining()):
                    return super().getresponse()  # type: ignore[misc]

        def pool(base: t.Any) -> type:
            connection = type(base.ConnectionCls.__name__, (Punctual, base.ConnectionCls), {})
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


@contextlib.contextmanager
def _cut_off(connection: socket.socket, seconds: float | None) -> t.Iterator[None]:
    """Shut a connection down when so many seconds are over, and say that time was up."""
    over = threading.Event()

    def cut() -> None:
        over.set()
        with contextlib.suppress(OSError):
            # Not that of a TLS socket, which would say goodbye first.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)

    timer = threading.Timer(seconds or 0, cut)
    timer.daemon = True
    try:
        if seconds is not None:
            with without_signals():
                timer.start()
        yield
    except (OSError, http.client.HTTPException):
        if not over.is_set():
            raise
    finally:
        timer.cancel()
    if over.is_set():
        # Half a head passes for a whole one, too.
        raise TimeoutError


class Client:
    """One tenant's API, for the length of one task. Safe to use from several threads.

    ``log`` takes one line for each request, ``progress`` a sentence for each tenth of a large upload. ``secrets`` are
    texts that, as the API key, are in nothing that is said of a request. ``backoffs`` counts how often the service
    asked for less.
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
        if not HAS_REQUESTS:
            raise ConfigurationError(
                f"The Python library requests is missing for {sys.executable}, which runs this task:"
                f" install it there (pip install requests), or set ansible_python_interpreter to a Python that has it."
            )
        self.connection = connection
        self.backoffs = 0
        self._log = log
        self._progress = progress
        self._redaction = Redaction([connection.api_key, *secrets])
        self._started = time.monotonic()
        self._not_before = 0.0
        self._enterprise_id = connection.enterprise_id
        self._discovery = threading.Lock()
        self._stopped = threading.Event()
        self._session = requests.Session()
        self._session.auth = _BearerAuth(connection.api_key)
        self._session.headers["Accept"] = "application/json"
        self._session.headers["User-Agent"] = f"esper.cloud/{VERSION} {user_agent}".strip()
        # The key alone says who asks. A cookie that a gateway sets would bring in state that nobody asked for.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if not connection.validate_certs:
            # Turned off on purpose; a warning for each request would tell nothing new.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        adapter = _Adapter(self._remaining, pool_maxsize=32)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        self._session.close()

    def stop(self) -> None:
        """Have the threads that wait before their next request give up, for nobody waits for them any more."""
        self._stopped.set()

    # --- requests ---------------------------------------------------------------------------------------------------

    def get(self, path: str, *, ids: Ids | None = None, query: Query | None = None, purpose: str) -> t.Any:
        """The body of a GET, without its envelope. See request()."""
        return self.request("GET", path, ids=ids, query=query, purpose=purpose).body

    def get_object(self, path: str, *, ids: Ids | None = None, purpose: str) -> dict[str, t.Any]:
        """The same, of what must be an object that has an id. Raises TransportError, too, where it is none."""
        body = self.get(path, ids=ids, purpose=purpose)
        if not isinstance(body, dict) or body.get("id") is None:
            target = self._expand(path, ids or {})
            raise TransportError(
                f"{purpose} failed: GET {target} answered without the object.", method="GET", path=target
            )
        return body

    def find_object(self, path: str, *, ids: Ids | None = None, purpose: str) -> dict[str, t.Any] | None:
        """The same, or None where the service says that there is none (404)."""
        try:
            return self.get_object(path, ids=ids, purpose=purpose)
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
        repeatable: bool | None = None,
    ) -> Answer:
        """Send one request, and again as often as that is safe and the options allow.

        ``path`` is the contract's own, placeholders and trailing slash included; ``ids`` fill the placeholders, and
        {enterprise_id} is filled in here. ``query`` values that are None are left out. ``body`` is sent as JSON,
        unless it is a Form.
        ``purpose`` begins the sentence of an error: "Creating the device group 'Berlin'".
        ``repeatable`` tells whether the request may be sent again when it is unclear whether it took effect; without
        it the method decides.

        Raises ApiError (an error status) or TransportError (no usable answer). Their ``ambiguous`` is true where a
        write may have taken effect all the same.
        """
        if repeatable is None:
            repeatable = method in _SAFE_TO_REPEAT
        target = self._expand(path, ids or {})
        if parameters := _query_string(query or {}):
            target = f"{target}?{parameters}"
        return self._persist(lambda: self._send(method, target, body, purpose), method, target, purpose, repeatable)

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

        self._persist(fetch, "GET", shown, purpose, repeatable=True)

    def _persist(self, send: t.Callable[[], _T], method: str, target: str, purpose: str, repeatable: bool) -> _T:
        """Do what sends a request, and again as often as that is safe and the options allow."""
        attempt = 0
        while True:
            self._keep_pace(method, target, purpose)
            try:
                return send()
            except _Transient as failure:
                attempt += 1
                if failure.throttled:
                    self.backoffs += 1
                gives_up = attempt > self.connection.retries or (failure.error.ambiguous and not repeatable)
                if gives_up:
                    raise failure.error from None
                self.pause(attempt, failure.error)

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

    def _send(self, method: str, target: str, body: t.Any, purpose: str) -> Answer:
        url = self.connection.api_url + target
        for _hop in range(_REDIRECTS + 1):
            begun = time.monotonic()
            outcome = "no answer"
            try:
                response, content = self._exchange(method, url, body, purpose)
                outcome = str(response.status_code)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as exception:
                raise self._transport_error(exception, method, target, purpose) from None
            finally:
                self._report(method, target, outcome, begun)
            if not response.is_redirect:
                return self._answer(response, content, method, target, purpose)
            url = self._redirection(response, url, method, target, purpose)
        raise TransportError(
            f"{purpose} failed: {method} {target} was redirected more than {_REDIRECTS} times.",
            method=method,
            path=target,
        )

    def _exchange(self, method: str, url: str, body: t.Any, purpose: str) -> tuple[requests.Response, bytes]:
        data, content_type = self._encoded(body, purpose)
        headers = {"Content-Type": content_type} if content_type else {}
        with self._open(method, url, data=data, headers=headers, allow_redirects=False) as response:
            return response, b"".join(self._received(response))

    def _encoded(self, body: t.Any, purpose: str) -> tuple[t.Any, str]:
        """A body as the HTTP library takes it, and its content type; "" where there is no body."""
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
            if self._remaining() == 0:
                raise requests.ReadTimeout("deadline")
            tenths = 10 * sent // whole
            if self._progress and whole >= _MEGABYTE and tenths > told:
                told = tenths
                self._progress(f"{purpose}: {sent / _MEGABYTE:.0f} of {whole / _MEGABYTE:.0f} MB")

        return watch

    def _open(self, method: str, url: str, **options: t.Any) -> requests.Response:
        """Send one request; its answer's body is yet to be read."""
        remaining = self._remaining()
        timeout = self.connection.timeout if remaining is None else max(min(self.connection.timeout, remaining), 0.001)
        # Certificates are given with each request: as a session's setting, REQUESTS_CA_BUNDLE would override them.
        return self._session.request(method, url, timeout=timeout, verify=self._verify(), stream=True, **options)

    def _received(self, response: requests.Response) -> t.Iterator[bytes]:
        for piece in _as_it_comes(response):
            yield piece
            # A body that trickles in never runs into a socket's time-out.
            if self._remaining() == 0:
                raise requests.ReadTimeout("deadline")

    def _content_of(self, link: str, shown: str, purpose: str) -> t.Iterator[bytes]:
        """What a link leads to, as it comes."""
        begun = time.monotonic()
        outcome = "no answer"
        # The bytes as they are: their length and digest are known.
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        try:
            with self._open("GET", link, auth=_NoAuth(), headers=headers) as response:
                outcome = str(response.status_code)
                if response.status_code != 200:
                    raise _link_error(response, shown, purpose)
                yield from self._received(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as exception:
            raise self._transport_error(exception, "GET", shown, purpose) from None
        finally:
            self._report("GET", shown, outcome, begun)

    def _verify(self) -> bool | str:
        return (self.connection.ca_path or True) if self.connection.validate_certs else False

    def _redirection(self, response: requests.Response, url: str, method: str, target: str, purpose: str) -> str:
        """Where to follow a redirect to. Only a GET is repeated, and only at the same place: anything else could lose
        the body, or give the key to another host."""
        location = urljoin(url, response.headers["Location"])
        old, new = urlsplit(url), urlsplit(location)
        if method == "GET" and (old.scheme, old.netloc) == (new.scheme, new.netloc):
            return location
        where = self.redact(f"{new.scheme}://{new.hostname or ''}")
        raise TransportError(
            f"{purpose} failed: {method} {target} answered {response.status_code}, a redirect to {where}, which is not"
            " followed, since it could lose the request or the key. Check the tenant or api_url.",
            method=method,
            path=target,
        )

    def _answer(self, response: requests.Response, content: bytes, method: str, target: str, purpose: str) -> Answer:
        status = response.status_code
        try:
            data = json.loads(content) if content.strip() else None
            # Writes may answer with nothing; a read that does has lost its answer.
            readable = data is not None or method != "GET"
        except (ValueError, RecursionError):
            data, readable = None, False
        if status >= 400 or content.lstrip().startswith(b"<"):
            # Before anything of it is quoted: what is cut off could leave a part of a secret.
            data, content = self._redaction.all(data), self.redact(content.decode(errors="replace")).encode()
        if status >= 400:
            raise self._api_error(response, data, content, method, target, purpose)
        if readable:
            return Answer(status, _without_envelope(data))
        is_page = content.lstrip().startswith(b"<")
        what = (
            f"with a web page{_title_of(content)} instead of JSON: a proxy or a login page is in between,"
            " or the tenant or api_url is wrong"
            if is_page
            else "with something that is not whole JSON"
        )
        error = TransportError(
            self.redact(f"{purpose} failed: {method} {target} answered {status} {what}."),
            method=method,
            path=target,
            ambiguous=method != "GET",
        )
        raise error if is_page else _Transient(error)

    def _api_error(
        self, response: requests.Response, data: t.Any, content: bytes, method: str, target: str, purpose: str
    ) -> Exception:
        status = response.status_code
        message, errors = _server_message(data)
        if not message and content.lstrip().startswith(b"<"):
            message = f"a web page{_title_of(content)} instead of the API's answer"
        elif not message and data is None:
            message = " ".join(content.decode(errors="replace").split())[:_MESSAGE_LENGTH]
        hint = _HINTS.get(status, "")
        said = f": {message.rstrip('.')}." if message else "."
        error = ApiError(
            self.redact(f"{purpose} failed: {method} {target} answered {status}{said}{hint}"),
            method=method,
            path=self.redact(target),
            status=status,
            server_message=self.redact(message),
            errors=[self.redact(text) for text in errors],
            ambiguous=status >= 500,
            wait=_retry_after(response.headers.get("Retry-After")) if status in (429, 503) else None,
        )
        if status == 429 or status >= 500:
            return _Transient(error, throttled=status in (429, 503))
        return error

    def _transport_error(self, exception: Exception, method: str, target: str, purpose: str) -> Exception:
        host = urlsplit(target).hostname or urlsplit(self.connection.api_url).hostname
        reason, sent, passes = _explain(exception, self.connection, host)
        error = TransportError(
            self.redact(f"{purpose} failed: {method} {target}: {reason}."),
            method=method,
            path=target,
            ambiguous=sent and method != "GET",
        )
        return _Transient(error) if passes else error

    # --- pace -------------------------------------------------------------------------------------------------------

    def _remaining(self) -> float | None:
        """Seconds until the deadline, never below 0; None without one."""
        if not self.connection.deadline:
            return None
        return max(self._started + self.connection.deadline - time.monotonic(), 0.0)

    def extend(self, seconds: float) -> None:
        """Let the task take so many seconds from now on, if it has less left; 0 sets no limit."""
        remaining = self._remaining()
        if remaining is not None and (not seconds or seconds > remaining):
            deadline = seconds and time.monotonic() - self._started + seconds
            self.connection = replace(self.connection, deadline=deadline)

    def _keep_pace(self, method: str, target: str, purpose: str) -> None:
        """Wait while the service has asked for a pause, in whichever thread it asked. Raises when time is up."""
        self._sleep(self._not_before - time.monotonic())
        if self._remaining() == 0:
            raise TransportError(
                f"{purpose} failed: the deadline of {self.connection.deadline:g} s for this task is over"
                f" (before {method} {target}). Raise the option deadline for long work.",
                method=method,
                path=target,
            )

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(max(seconds, 0.0)):
            raise TransportError("The task was ended while it waited for the service.", method="", path="")

    def wait(self, seconds: float) -> None:
        """Sleep for so many seconds, for what the service does by itself. Raises TransportError when the task is ended
        meanwhile."""
        self._sleep(seconds)

    def pause(self, attempt: int, failure: RequestFailed | None = None) -> None:
        """Wait before the next attempt, counted from 1: as long as the service asks for with the failure, else by
        exponential backoff with full jitter.

        Raises ``failure`` when the deadline would pass meanwhile.
        """
        if failure is not None and failure.wait is not None:
            self._obey(failure, failure.wait)
            return
        wait = random.uniform(0, min(_LONGEST_BACKOFF, 2.0**attempt))
        remaining = self._remaining()
        if failure is not None and remaining is not None and wait > remaining:
            raise failure
        self._sleep(wait)

    def _obey(self, failure: RequestFailed, asked: float) -> None:
        """Have the next request wait for as long as the server asks. Raises ``failure`` when that is too long."""
        remaining = self._remaining()
        longest = _LONGEST_REQUESTED_WAIT if remaining is None else min(_LONGEST_REQUESTED_WAIT, remaining)
        if asked > longest:
            failure.args = (f"{failure} The server asks to wait {asked:.0f} s, longer than this task may take.",)
            raise failure
        # Other threads wait too: see _keep_pace. All who were turned away read the same number; the spread keeps them
        # from coming back together.
        wait = min(asked * random.uniform(1.0, 1.1), longest)
        self._not_before = max(self._not_before, time.monotonic() + wait)

    def _report(self, method: str, target: str, outcome: str, begun: float) -> None:
        if self._log:
            self._log(self.redact(f"{method} {target}: {outcome} in {(time.monotonic() - begun) * 1000:.0f} ms"))


_HINTS = {
    401: " The API key was not accepted: check api_key (ESPER_API_KEY). A key that was replaced, or whose user was"
    " deleted, stops working at once.",
    403: " The user of the API key may lack a role or scope for this.",
    404: " It may have been deleted meanwhile; or enterprise_id, or the API's URL, is not right: a tenant's ends in"
    " /api.",
    409: " Somebody else may be changing the same at this moment: run the task again.",
    429: " The service asks for fewer requests: try again later, or run fewer tasks at once.",
}


_LINK_HINTS = {
    403: " The link was good for a while only; the next run asks for a new one.",
    404: " The service knows the file, but its storage does not have it.",
}


def _link_error(response: requests.Response, shown: str, purpose: str) -> Exception:
    """What to raise for the answer of a link that leads to nothing. An object store's answer is no JSON."""
    status = response.status_code
    error = ApiError(
        f"{purpose} failed: GET {shown} answered {status}.{_LINK_HINTS.get(status, '')}",
        method="GET",
        path=shown,
        status=status,
    )
    return _Transient(error) if status == 429 or status >= 500 else error


def _as_it_comes(response: requests.Response) -> t.Iterator[bytes]:
    """The body, in whichever pieces the network delivers it: iter_content() waits until a piece is full."""
    read = getattr(response.raw, "read1", None)
    if read is None:  # urllib3 before 2.0
        yield from response.iter_content(1024)
        return
    while piece := read(_CHUNK, decode_content=True):
        yield piece


def _query_string(query: Query) -> str:
    def text(value: t.Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, (list, tuple, set, frozenset)):
            return ",".join(text(item) for item in value)
        return str(value)

    return urlencode({key: text(value) for key, value in query.items() if value is not None}, quote_via=quote, safe=",")


def _without_envelope(data: t.Any) -> t.Any:
    """The object inside ``{code, message, content}``, in whichever of its forms it comes."""
    if isinstance(data, dict) and "content" in data:
        content = data["content"]
        # It may have properties that are new. What has an id or results itself is no envelope.
        holds_list = isinstance(content, dict) and "results" in content
        is_whole = (holds_list or data.keys() >= {"code", "message"}) and not data.keys() & {"id", "results"}
        if is_whole or data.keys() <= _ENVELOPE:
            return content
    return data


def _server_message(data: t.Any) -> tuple[str, list[str]]:
    """The server's sentence and its list of errors, from any of the shapes that errors have in the contract."""
    if not isinstance(data, dict):
        return (data.strip()[:_MESSAGE_LENGTH] if isinstance(data, str) else ""), []
    listed = data.get("errors")
    if isinstance(listed, dict):
        listed = [f"{field}: {_joined(texts)}" for field, texts in listed.items()]
    elif isinstance(listed, str):
        listed = [listed]
    elif not isinstance(listed, list):
        listed = []
    errors = [str(item).strip()[:_MESSAGE_LENGTH] for item in listed]
    content = data.get("content")
    parts = [str(data.get("message") or data.get("error") or data.get("detail") or "").strip()]
    if isinstance(content, str):
        parts.append(content.strip())
    elif isinstance(content, dict) and content:
        parts.append(json.dumps(content, sort_keys=True))
    parts += errors
    told: list[str] = []
    for part in parts:
        # The legacy family repeats its errors in the message.
        if part and not any(part in earlier for earlier in told):
            told.append(part)
    return "; ".join(told)[:_MESSAGE_LENGTH], errors


def _joined(texts: t.Any) -> str:
    return "; ".join(str(text) for text in texts) if isinstance(texts, list) else str(texts)


def _title_of(content: bytes) -> str:
    found = re.search(rb"<title[^>]*>([^<]{1,80})", content, re.IGNORECASE)
    return f" ('{found.group(1).decode(errors='replace').strip()}')" if found else ""


def _retry_after(header: str | None) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or an HTTP date. None when there is none to obey."""
    if not header:
        return None
    try:
        seconds = float(header)
        return max(seconds, 0.0) if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        return max(email.utils.parsedate_to_datetime(header).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None


def _chain(exception: BaseException) -> t.Iterator[BaseException]:
    """An exception and what it wraps, in whichever of the ways that requests and urllib3 wrap."""
    seen: set[int] = set()
    waiting: list[t.Any] = [exception]
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [*current.args, getattr(current, "reason", None), current.__cause__, current.__context__]


def _explain(exception: Exception, connection: Connection, host: str | None) -> tuple[str, bool, bool]:
    """Why an exchange failed: the reason as part of a sentence, whether the request may have reached the server, and
    whether the failure may pass."""
    causes = list(_chain(exception))

    def find(*kinds: t.Any) -> t.Any:
        return next((cause for cause in causes if isinstance(cause, kinds)), None)

    # From the most telling cause to the least: one failure is wrapped in several exceptions.
    if invalid := find(ssl.SSLCertVerificationError):
        advice = ". Set ca_path to trust the CA that signed it" if invalid.verify_code in _UNKNOWN_CA else ""
        return f"the TLS certificate of {host} is not valid ({invalid.verify_message}){advice}", False, False
    if find(requests.exceptions.ProxyError):
        # Not quoted: a proxy's URL may hold a password.
        return "the proxy that the environment sets cannot be used", False, True
    if unknown := find(socket.gaierror):
        reason = f"the host {host} is not known. Check the tenant or api_url"
        return reason, False, unknown.errno == socket.EAI_AGAIN
    if find(ConnectionRefusedError):
        return f"the host {host} refuses the connection", False, True
    if find(requests.ConnectTimeout, urllib3.exceptions.NewConnectionError):
        return f"the host {host} cannot be reached", False, True
    if find(requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError):
        return f"the host {host} did not answer in time", True, True
    if broken := find(ssl.SSLError):
        return f"the TLS connection to {host} failed ({broken.reason or 'no reason given'})", True, True
    # An invalid header is here one of the answer, such as two lengths.
    damage = urllib3.exceptions.DecodeError, urllib3.exceptions.InvalidHeader
    if find(requests.exceptions.ContentDecodingError, *damage):
        return f"the answer of {host} is damaged", True, True
    if find(requests.ConnectionError, requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError):
        return f"the connection to {host} was lost", True, True
    if connection.ca_path and connection.ca_path in str(exception):
        return f"the file or directory of CA certificates {connection.ca_path} cannot be read", False, False
    return f"the request could not be sent to {host} ({type(exception).__name__})", False, False
