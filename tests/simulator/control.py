# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control paths: which requests they accept, and the validation of their input.

They need no key. So they reject requests of web pages, which a browser on the same machine could send: requests with
another origin, and requests to a name of the page's own domain (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import orjson
from aiohttp import web

PREFIX = "/_simulator/"
# More would not fit into the memory of most machines.
MOST_OBJECTS = 1_000_000
_MOST_READINGS = 1000

T = TypeVar("T")


class Mistake(Exception):
    """Invalid input of a control path. The message says what is wrong with it."""


@dataclass(frozen=True)
class Change:
    """The numbers of devices to add and remove, or the IDs of those to remove, and the IDs of devices to change, with
    their new state, time, group and name. ``offline_percent`` is the percentage of the Android devices that are offline
    from now on, null for no change."""

    add: int = 0
    remove: int | list[str] = 0
    change: list[str] = field(default_factory=list)
    state: int | None = None
    last_seen: str | None = None
    group_id: str | None = None
    name: str | None = None
    offline_percent: float | None = None

    def __post_init__(self) -> None:
        in_range("add", self.add, 0, MOST_OBJECTS)
        if isinstance(self.remove, int):
            in_range("remove", self.remove, 0, MOST_OBJECTS)
        if self.offline_percent is not None:
            in_range("offline_percent", self.offline_percent, 0, 100)


@dataclass(frozen=True)
class Alarm:
    """An alarm of a rule for a device, by their IDs, at a time. Without, it is the time of the tenant."""

    rule: str
    device: str
    time: str = ""


@dataclass(frozen=True)
class Advance:
    """The number of readings by which all tasks advance."""

    readings: int = 1

    def __post_init__(self) -> None:
        in_range("readings", self.readings, 0, _MOST_READINGS)


@dataclass(frozen=True)
class Invitations:
    """The addresses whose invitations are accepted now, and whether invitations are shown with their properties."""

    accept: list[str] = field(default_factory=list)
    shows_meta: bool = True


@dataclass(frozen=True)
class AppleConduct:
    """The conduct of a tenant with files from Apple: whether it rejects an upload to an object that has a file, whether
    it accepts only one VPP token, and whether it returns the organization and the expiry of a VPP token."""

    rejects_renewals: bool = False
    accepts_one_token: bool = False
    returns_meta: bool = False


@web.middleware
async def guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Reject requests of web pages, and answer invalid input with status 400."""
    if not request.path.startswith(PREFIX):
        return await handler(request)
    if flaw := _flaw_of_page(request):
        raise web.HTTPForbidden(text=flaw)
    try:
        return await handler(request)
    except Mistake as mistake:
        raise web.HTTPBadRequest(text=str(mistake)) from None


async def content_of(request: web.Request) -> Any:
    """The JSON body of a request, an empty object without one."""
    try:
        return orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError as error:
        raise Mistake(f"The body is not valid JSON: {error}.") from None


def made(kind: type[T], content: Any) -> T:
    """Return an object of a dataclass with the values of a JSON object."""
    check_types(kind, content)
    try:
        return kind(**content)
    except (TypeError, ValueError, OverflowError, re.error) as error:
        raise Mistake(f"Invalid {kind.__name__.lower()}: {error}.") from None


def check_types(kind: type, content: Any) -> None:
    """Raise Mistake if a JSON object has keys or types that a dataclass does not have."""
    if not isinstance(content, dict):
        raise Mistake("The body is not a JSON object.")
    hints = get_type_hints(kind)
    for name, value in content.items():
        if name not in hints:
            raise Mistake(f"Invalid {kind.__name__.lower()}: {name!r} is not one of {', '.join(hints)}.")
        if not _has_type(value, hints[name]):
            raise Mistake(f"Invalid {kind.__name__.lower()}: the type of {name} is not valid.")


def number_in(text: str, name: str) -> int:
    """Return a number in a query."""
    try:
        return int(text)
    except ValueError:
        raise Mistake(f"Invalid query: {name} is not a number.") from None


def in_range(name: str, number: float, minimum: float, maximum: float) -> None:
    """Raise ValueError if a number is out of range."""
    if not minimum <= number <= maximum:
        raise ValueError(f"{name} is {number}, not from {minimum} to {maximum}")


def _has_type(value: Any, hint: Any) -> bool:
    if get_origin(hint) in (Union, UnionType):
        return any(_has_type(value, each) for each in get_args(hint))
    if hint is NoneType:
        return value is None
    if items := get_args(hint):
        return isinstance(value, list) and all(_has_type(item, items[0]) for item in value)
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def _flaw_of_page(request: web.Request) -> str:
    """Return why a request can be that of a web page, "" if it cannot."""
    headers = request.headers
    host = headers.get("Host", "")
    try:
        name = urlsplit(f"//{host}").hostname or ""
        is_foreign = "Origin" in headers and urlsplit(headers["Origin"]).netloc != host
    except ValueError:
        name, is_foreign = "", True
    if is_foreign or headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return "The control paths reject requests of web pages."
    return "" if _is_local_name(name) else "The host of the control paths must be an IP address or a name without dots."


def _is_local_name(host: str) -> bool:
    """Return whether a host is an address, or a name that no domain of the internet has."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(".localhost")
    return True
