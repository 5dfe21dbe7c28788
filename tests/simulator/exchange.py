# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls, responses and errors between the server and a behavior, and the paging that both families share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, TypeVar
from urllib.parse import urlencode

from tenant import Tenant

# Links back into the API name another scheme and host, as live ones may: a client must not follow them blindly.
ORIGIN = "http://tenant.invalid/api"

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """A request that the contract allows: `path` below /api, values of the path, the query, the JSON body or form.

    `host` is the one that the client asked, for links to the object store.
    """

    path: str
    values: Mapping[str, str]
    query: Mapping[str, str]
    body: Any = None
    host: str = ""


@dataclass(frozen=True)
class Answer:
    """An answer; no body is sent for None, and bytes are sent as a text with `headers`."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Refusal(Exception):
    """An error response. Each line reads "field: text". The server formats it for the path's family."""

    status: int
    lines: Sequence[str]


@dataclass(frozen=True)
class Reply:
    """A response or an error response in the form that is sent."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


Behavior = Callable[[Tenant, Call], Answer]
# Raises an error if the tenant rejects a call.
Check = Callable[[Tenant, Call], None]


def refuse(field_name: str, text: str) -> Refusal:
    """A 400 about one field."""
    return Refusal(400, [f"{field_name}: {text} "])


def not_found() -> Refusal:
    """The 404 of an object that does not exist, worded as seen live."""
    return Refusal(404, ["detail: Not found. "])


def found(table: Mapping[str, T], key: str) -> T:
    """The object of that id, or a 404."""
    try:
        return table[key.lower()]
    except KeyError:
        raise not_found() from None


def stripped(body: Mapping[str, Any], name: str) -> str:
    """Return a required text without the whitespace around it, which cannot be all of it."""
    if name not in body:
        raise refuse(name, "This field is required.")
    text = str(body[name]).strip()
    if not text:
        raise refuse(name, "This field may not be blank.")
    return text


def require(values: Mapping[str, Any], names: Sequence[str], within: str = "") -> None:
    """Reject values that lack some of these names; they stand below `within`, such as "command_args."."""
    missing = [f"{within}{name}: This field is required. " for name in names if name not in values]
    if missing:
        raise Refusal(400, missing)


def listed(text: str) -> set[str]:
    """The ids in a text that has commas between them."""
    return {part.strip().lower() for part in text.split(",")}


def enterprise_url(tenant: Tenant) -> str:
    """The tenant as other objects refer to it."""
    return f"{ORIGIN}/enterprise/{tenant.settings.enterprise_id}/"


def instant(name: str, text: str) -> datetime:
    """A time in a query; one without a zone is in UTC."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise refuse(name, "Enter a valid date/time.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class Page:
    """One page by limit and offset."""

    items: Sequence[Any]
    count: int
    next: str | None
    previous: str | None


def window(call: Call, default: int) -> tuple[int, int]:
    """The limit and the offset that the call asks for."""
    limit, offset = int(call.query.get("limit", default)), int(call.query.get("offset", 0))
    if limit < 1 or offset < 0:
        raise refuse("limit" if limit < 1 else "offset", "Ensure this value is not too small.")
    return limit, offset


def paged(call: Call, items: Sequence[Any], default: int, maximum: int | None = None) -> Page:
    """The page of `items` that the call asks for; a limit above `maximum` counts as the maximum."""
    limit, offset = window(call, default)
    limit = min(limit, maximum or limit)

    def link(start: int) -> str:
        return f"{ORIGIN}{call.path}?{urlencode({**call.query, 'limit': limit, 'offset': start})}"

    return Page(
        items=items[offset : offset + limit],
        count=len(items),
        next=link(offset + limit) if offset + limit < len(items) else None,
        previous=link(max(0, offset - limit)) if offset else None,
    )


def legacy_list(call: Call, items: Sequence[T], show: Callable[[T], Any]) -> Answer:
    """A list in the bare envelope of the legacy family: 20 a page, at most 500."""
    page = paged(call, items, default=20, maximum=500)
    results = [show(item) for item in page.items]
    return Answer({"count": page.count, "next": page.next, "previous": page.previous, "results": results})


def apps_list(call: Call, items: Sequence[T], show: Callable[[T], Any], back: str = "previous") -> dict[str, Any]:
    """A list as newer families have it: 10 a page, at most 1000, and empty text where a link is missing."""
    page = paged(call, items, default=10, maximum=1000)
    results = [show(item) for item in page.items]
    return {"count": page.count, "next": page.next or "", back: page.previous or "", "results": results}
