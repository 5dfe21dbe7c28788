# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of the matrix, and the outcome that is stated for each with each operation.

An outcome is "done", the name of an error of ERRORS, or NotApplicable. What is stated holds in a run: see test_matrix.
"""

from __future__ import annotations

import json
import socket
import ssl
import typing as t
from dataclasses import dataclass

from ansible_collections.esper.cloud.tests.faults import proxy
from ansible_collections.esper.cloud.tests.faults.operations import Operation
from ansible_collections.esper.cloud.tests.faults.proxy import Behavior
from ansible_collections.esper.cloud.tests.faults.world import ELSEWHERE, KEY, TENANT, Row, World

A_DAY = 86400
DONE = "done"

# What the sentence of each error must say: a regular expression.
ERRORS = {
    "long wait": r"returned HTTP (429|503).* Esper asks to wait \d+ s, but the task can wait \d+ s at most\.",
    "rate limit": r"returned HTTP 429.* The rate limit is exceeded\. Try again later",
    "server error": r"returned HTTP 50\d: .*Something went wrong",
    "connection refused": r"the host \S+ refused the connection\.",
    "lost": r"the connection to \S+ was lost\.",
    "damaged": r"the response of \S+ is damaged\.",
    "not JSON": r"returned HTTP 200 with invalid JSON\.",
    "web page": r"returned HTTP 200 with a web page \('Sign in'\) instead of JSON\. A proxy or a login page intercepts",
    "not an object": r"returned no object|returned HTTP \d+ without the object|returned no list of objects",
    "no response": r"the request to \S+ timed out\.|the task exceeded its deadline of \S+ s\. Increase deadline\.",
    "unknown host": r"the host \S+ was not found\. Check tenant or api_url\.",
    "certificate": r"the TLS certificate of \S+ is invalid \(",
    "no TLS": r"\S+ does not use TLS on this port\. Check the port and the scheme in api_url\.",
    "key": r"returned HTTP 401.* The API key is not valid\. Check api_key",
    "scope": r"returned HTTP 403: .* The user of the API key may lack a role or scope\.",
    "gone": r"returned HTTP 404.* The object may have been deleted",
    "conflict": r"returned HTTP 409.* Another client may be changing the same object\.",
    "too large": r"returned HTTP 413: .*too large",
    "redirect": r"a redirect to \S+\. It is not followed, because it could lose the request or expose the API key\.",
    "redirect loop": r"was redirected more than 3 times\.",
}


@dataclass(frozen=True)
class NotApplicable:
    """There is no such cell, for a reason."""

    reason: str


Outcome = str | NotApplicable
Make = t.Callable[[World, Operation, int], None]


@dataclass(frozen=True)
class Fault:
    """``make`` puts it in force for a request of a task, by its number. ``otherwise`` are the outcomes of operations
    for which not ``outcome`` is stated. ``effect`` says that a write request took effect even if it fails.

    ``on_listing`` lets the fault meet the list that is read first. ``secure`` is a tenant behind TLS."""

    group: str
    name: str
    make: Make
    outcome: Outcome
    otherwise: t.Mapping[str, Outcome]
    effect: bool = False
    on_listing: bool = False
    secure: bool = False
    competes: bool = False
    options: t.Mapping[str, t.Any] | None = None

    def outcome_of(self, operation: str) -> Outcome:
        return self.otherwise.get(operation, self.outcome)


FAULTS: list[Fault] = []


def _fault(group: str, name: str, make: Make, outcome: Outcome, *, effect: bool = False, **more: t.Any) -> None:
    known = {each: more.pop(each) for each in ("on_listing", "secure", "competes", "options") if each in more}
    FAULTS.append(Fault(group, name, make, outcome, more, effect, **known))


def _simulated(**fault: t.Any) -> Make:
    """A fault that the simulator has."""
    return lambda world, _operation, number: world.simulator.fault(after=number, **fault)


def _proxied(behavior: Behavior, times: int | None = 1) -> Make:
    return lambda world, _operation, number: world.proxy.misbehave(behavior, number, times)


def _refused(always: bool) -> Make:
    def make(world: World, _operation: Operation, number: int) -> None:
        world.proxy.refuse(number)
        if not always:
            world.clock.on_wait = world.proxy.listen

    return make


def _unresolved(code: int, times: int | None) -> Make:
    return lambda world, _operation, number: world.resolver.fail(code, number, times)


def _certified(choose: t.Callable[[World], ssl.SSLContext]) -> Make:
    def make(world: World, _operation: Operation, number: int) -> None:
        good, bad = world.certificates.good, choose(world)
        world.proxy.context = lambda connection: good if connection < number else bad

    return make


def _without_tls(world: World, _operation: Operation, number: int) -> None:
    good = world.certificates.good
    world.proxy.context = lambda connection: good if connection < number else None
    world.proxy.misbehave(proxy.speaks_no_tls, number, None)


def _redirected(where: t.Callable[[World], str], times: int | None = None) -> Make:
    def make(world: World, _operation: Operation, number: int) -> None:
        world.proxy.misbehave(proxy.refuses(307, b"", Location=where(world)), number, times)

    return make


def _competing(world: World, operation: Operation, number: int) -> None:
    """Just before the request, somebody else does the same, or takes the object away."""

    def behavior(exchange: proxy.Exchange) -> None:
        world.proxy.behave()
        operation.compete(world)
        world.simulator.clear_journal()
        proxy.relay(exchange)

    world.proxy.misbehave(behavior, number)


def _competing_409(world: World, operation: Operation, number: int) -> None:
    def behavior(exchange: proxy.Exchange) -> None:
        world.proxy.behave()
        operation.compete(world)
        world.simulator.clear_journal()
        proxy.refuses(409, b'{"message": "There is one already."}')(exchange)

    world.proxy.misbehave(behavior, number)


def _rows(body: t.Any) -> list[Row]:
    """The objects in an answer: those of a list, or the one that it is."""
    content = body.get("content", body) if isinstance(body, dict) else body
    for name in ("results", "status"):
        if isinstance(content, dict) and isinstance(content.get(name), list):
            return [row for row in content[name] if isinstance(row, dict)]
    return [content] if isinstance(content, dict) else []


def _with_unknown_fields(body: t.Any) -> t.Any:
    for row in [body, *_rows(body)]:
        row.update(brand_new={"nested": [1, None, {"deep": True}]}, newer=None, newest=[])
    return body


def _with_unknown_values(body: t.Any) -> t.Any:
    """Properties that are enumerations, in the contract or by what they mean, have values that nobody knows."""
    for row in _rows(body):
        for name in row.keys() & {"state", "platform", "status", "kind", "device_type", "gms_status", "provisioning"}:
            row[name] = 4711 if isinstance(row[name], int) else "BRAND_NEW"
    return body


def _with_nulls(body: t.Any) -> t.Any:
    """Only the ids have stayed."""
    for row in _rows(body):
        for name in row.keys() - {"id", "name", "path"}:
            row[name] = None
    return body


_THROTTLED = {"status": 429, "kind": "status"}
_READS = ("list", "get", "wait")


def _reads(outcome: Outcome) -> t.Any:
    return dict.fromkeys(_READS, outcome)


_NOT_PAGED = NotApplicable("The task reads one object, or lists of one page.")
_NO_LIST = NotApplicable("The task reads no list.")
_NO_BODY = NotApplicable("The request has no large body.")
_SEEN: t.Any = {"list": "not an object", "get": "not an object"}
_SLOW = {"timeout": 0.6, "deadline": 2.0}

_group = "Too many requests"
_fault(_group, "429, Retry-After in seconds", _simulated(**_THROTTLED, retry_after=2), DONE)
_fault(_group, "429, Retry-After as a date", _simulated(**_THROTTLED, retry_after="date:+3"), DONE)
_fault(_group, "429, Retry-After of a day", _simulated(**_THROTTLED, retry_after=A_DAY), "long wait")
_fault(_group, "429, Retry-After that is none", _simulated(**_THROTTLED, retry_after="soon"), DONE)
_fault(_group, "429 without Retry-After", _simulated(**_THROTTLED), DONE)
_fault(_group, "429, always", _simulated(**_THROTTLED, times=None), "rate limit")

_group = "Server errors"
for _status in (500, 502, 503, 504):
    _fault(_group, f"{_status}, once", _simulated(kind="status", status=_status), DONE)
for _status in (500, 502, 503, 504):
    _fault(_group, f"{_status}, always", _simulated(kind="status", status=_status, times=None), "server error")
_fault(_group, "502 after it took effect", _simulated(kind="status", status=502, processed=True), DONE)
_fault(
    _group,
    "504 after it took effect, and then always",
    _simulated(kind="status", status=504, processed=True, times=None),
    "server error",
    effect=True,
    # It was deleted before the second attempt.
    delete="server error",
)
_fault(_group, "503, Retry-After in seconds", _simulated(kind="status", status=503, retry_after=5), DONE)
_fault(_group, "503, Retry-After of a day", _simulated(kind="status", status=503, retry_after=A_DAY), "long wait")

_group = "Connections"
_fault(_group, "connection refused, once", _refused(always=False), DONE)
_fault(_group, "connection refused, always", _refused(always=True), "connection refused")
_fault(_group, "reset before the request was read, once", _proxied(proxy.resets_unread), DONE)
_fault(_group, "reset before the request was read, always", _proxied(proxy.resets_unread, None), "lost")
_fault(_group, "reset after it took effect, once", _simulated(kind="drop_after"), DONE)
_fault(_group, "reset after it took effect, always", _simulated(kind="drop_after", times=None), "lost", effect=True)
_fault(_group, "reset during the response, once", _proxied(proxy.resets_in_the_answer), DONE)
# Its answer has no body to lose.
_cut_off: t.Any = {"effect": True, "delete": DONE}
_fault(_group, "reset during the response, always", _proxied(proxy.resets_in_the_answer, None), "lost", **_cut_off)
_body: t.Any = {"list": _NO_BODY, "get": _NO_BODY, "create": _NO_BODY, "update": _NO_BODY, "delete": _NO_BODY}
_fault(_group, "reset in mid-upload, once", _proxied(proxy.resets_in_the_body), DONE, **_body, wait=_NO_BODY)
_fault(_group, "reset in mid-upload, always", _proxied(proxy.resets_in_the_body, None), "lost", **_body, wait=_NO_BODY)
_fault(_group, "413 in mid-upload", _proxied(proxy.refuses_in_the_body), "too large", **_body, wait=_NO_BODY)

_group = "Answers"
_fault(_group, "truncated, once", _simulated(kind="truncate"), DONE)
_fault(_group, "truncated, always", _simulated(kind="truncate", times=None), "lost", **_cut_off)
_fault(_group, "not JSON, once", _proxied(proxy.answers(body=b"{'content': None}")), DONE)
_fault(_group, "not JSON, always", _proxied(proxy.answers(body=b"{'content': None}"), None), "not JSON", effect=True)
_fault(_group, "a web page instead", _simulated(kind="html"), "web page", create=DONE, upload=DONE)
_fault(_group, "a web page instead, always", _simulated(kind="html", times=None), "web page")
_fault(_group, "empty, once", _proxied(proxy.answers()), DONE)
_fault(
    _group,
    "empty, always",
    _proxied(proxy.answers(), None),
    "not JSON",
    effect=True,
    create="not an object",
    delete=DONE,
    upload="not an object",
)
_fault(_group, "wrong content type, always", _simulated(kind="wrong_content_type", times=None), DONE)
_fault(_group, "gzip broken, once", _simulated(kind="gzip_broken"), DONE)
_fault(_group, "gzip broken, always", _simulated(kind="gzip_broken", times=None), "damaged", **_cut_off)
_fault(_group, "no HTTP, always", _proxied(proxy.says(b"SSH-2.0-OpenSSH_9.9\r\n"), None), "damaged", effect=True)
_fault(
    _group,
    "two lengths, always",
    _proxied(proxy.says(b"HTTP/1.1 200 OK\r\nContent-Length: 5, 7\r\n\r\n12345"), None),
    "damaged",
    effect=True,
)

_group = "Slowness"
_fault(_group, "headers after a while", _simulated(kind="latency", ms=100, times=None), DONE)
_fault(_group, "body by and by", _simulated(kind="slow_body", ms=10, times=None), DONE)
_fault(_group, "headers without an end", _proxied(proxy.trickles_head, None), "no response", effect=True, options=_SLOW)
_fault(_group, "body without an end", _proxied(proxy.trickles_body, None), "no response", effect=True, options=_SLOW)
_fault(_group, "never a response", _simulated(kind="hang", times=None), "no response", options={"timeout": 0.4})

_group = "Names and certificates"
_fault(_group, "host name unknown", _unresolved(socket.EAI_NONAME, None), "unknown host")
_fault(_group, "name service out of order, once", _unresolved(socket.EAI_AGAIN, 1), DONE)
_fault(_group, "name service out of order, always", _unresolved(socket.EAI_AGAIN, None), "unknown host")
_fault(_group, "certificate expired", _certified(lambda world: world.certificates.expired), "certificate", secure=True)
_fault(
    _group,
    "certificate of another host",
    _certified(lambda world: world.certificates.foreign),
    "certificate",
    secure=True,
)
_fault(
    _group,
    "certificate of an unknown CA",
    _certified(lambda world: world.certificates.unknown),
    "certificate",
    secure=True,
)
_fault(_group, "no TLS any more", _without_tls, "no TLS", secure=True)

_group = "Rejected requests"
_fault(_group, "401 in the middle of the task", _simulated(kind="status", status=401, times=None), "key")
_scope = '{"message": "You lack the scope devicegroup:write.", "errors": ["scope: missing"]}'
_fault(_group, "403, a scope is missing", _simulated(kind="status", status=403, body=_scope, times=None), "scope")
_fault(_group, "409, nothing changed", _simulated(kind="status", status=409), "conflict")
_fault(
    _group,
    "somebody else is faster",
    _competing,
    DONE,
    update="gone",
    upload=NotApplicable("Esper accepts both files, because several can have the same name. The next run warns."),
    competes=True,
    **_reads(NotApplicable("Reads do not compete with changes.")),
)
_fault(
    _group,
    "somebody else is faster, with HTTP 409",
    _competing_409,
    DONE,
    update="conflict",
    delete="conflict",
    competes=True,
    **_reads(NotApplicable("Reads do not compete with changes.")),
)
_quoted = json.dumps({"message": f"The key {KEY} may not do that.", "errors": [f"Bearer {KEY}"]})
_fault(_group, "403 that quotes the key", _simulated(kind="status", status=403, body=_quoted, times=None), "scope")

_group = "Redirects"
_fault(_group, "to another host", _redirected(lambda w: f"http://{ELSEWHERE}:{w.trap.port}/api/"), "redirect")
_fault(_group, "to plain http", _redirected(lambda w: f"http://{TENANT}:{w.trap.port}/api/"), "redirect", secure=True)
_fault(
    _group,
    "in a circle",
    _redirected(lambda w: f"{w.url}/v2/devices/"),
    "redirect",
    **_reads("redirect loop"),
)

_group = "Contents"
_fault(
    _group,
    "a list that changes while it is paged",
    lambda world, _operation, number: world.simulator.fault(kind="devices", after=number, add=3, remove=5),
    _NOT_PAGED,
    list=DONE,
)
_fault(
    _group,
    "null where a list is expected",
    _simulated(kind="null_results", times=None),
    "not an object",
    on_listing=True,
    get=_NO_LIST,
    wait=_NO_LIST,
)
_fault(_group, "null for all properties but id and name, once", _proxied(proxy.rewrites(_with_nulls)), DONE)
_fault(
    _group,
    "JSON that is a text, once",
    _proxied(proxy.answers(body=b'"maintenance"')),
    DONE,
    list="not an object",
    get="not an object",
)
_fault(
    _group,
    "JSON that is an empty object, once",
    _proxied(proxy.answers(body=b"{}")),
    DONE,
    list="not an object",
    get="not an object",
)
_fault(_group, "unknown fields", _proxied(proxy.rewrites(_with_unknown_fields), None), DONE)
_fault(_group, "unknown values of enumerations, once", _proxied(proxy.rewrites(_with_unknown_values)), DONE)
