# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses of the API: JSON without its envelope, and errors as exceptions.

Rests on the API's published contract (tests/contract/api) for envelopes and the shapes of errors.
"""

from __future__ import annotations

import email.utils
import json
import math
import re
import time
import typing as t
from dataclasses import dataclass

from ..base.errors import ApiError, RequestFailed, TransportError
from ..base.redaction import Redaction

_ENVELOPE = frozenset({"content", "message", "code", "status"})
_MESSAGE_LENGTH = 500


@dataclass(frozen=True)
class Response:
    """The HTTP status, and the JSON body without its envelope (None if it was empty)."""

    status: int
    body: t.Any


class Transient(Exception):
    """A temporary failure, with the error to raise if there is no retry."""

    def __init__(self, error: RequestFailed, *, throttled: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.throttled = throttled


_HINTS = {
    401: " The API key is not valid. Check api_key (ESPER_API_KEY). A key expires if it is replaced, or if its user is"
    " deleted.",
    403: " The user of the API key may lack a role or scope.",
    404: " The object may have been deleted, or enterprise_id or the URL of the API is wrong. The URL ends in /api.",
    409: " Another client may be changing the same object. Run the task again.",
    429: " The rate limit is exceeded. Try again later, or run fewer tasks at the same time.",
}

_LINK_HINTS = {
    403: " The link may have expired. Run the task again to get a new one.",
    404: " Esper lists the file, but its storage does not have it.",
}


def read_response(
    status: int,
    content: bytes,
    retry_after: str | None,
    redaction: Redaction,
    *,
    method: str,
    target: str,
    purpose: str,
) -> Response:
    """Return the decoded response to one request.

    ``content`` is the body, ``retry_after`` the header of that name, ``target`` the requested path and query.

    Raise ApiError for an error status, and TransportError for invalid JSON, either of them inside Transient if the
    request can be repeated.
    """
    try:
        data = json.loads(content) if content.strip() else None
        # The response to a write request can be empty. The response to a GET cannot.
        readable = data is not None or method != "GET"
    except (ValueError, RecursionError):
        data, readable = None, False
    if status >= 400 or content.lstrip().startswith(b"<"):
        # Before parts of it are quoted, because they could contain a part of a secret.
        data, content = redaction.all(data), redaction.text(content.decode(errors="replace")).encode()
    if status >= 400:
        raise _api_error(status, data, content, retry_after, redaction, method=method, target=target, purpose=purpose)
    if readable:
        return Response(status, _without_envelope(data))
    is_page = content.lstrip().startswith(b"<")
    what = (
        f"a web page{_title_of(content)} instead of JSON. A proxy or a login page intercepts the request, or tenant or"
        " api_url is wrong"
        if is_page
        else "invalid JSON"
    )
    error = TransportError(
        redaction.text(f"{purpose} failed: {method} {target} returned HTTP {status} with {what}."),
        method=method,
        path=target,
        outcome_unknown=method != "GET",
    )
    raise error if is_page else Transient(error)


def _api_error(
    status: int,
    data: t.Any,
    content: bytes,
    retry_after: str | None,
    redaction: Redaction,
    *,
    method: str,
    target: str,
    purpose: str,
) -> Exception:
    message, errors = _server_message(data)
    if not message and content.lstrip().startswith(b"<"):
        message = f"a web page{_title_of(content)} instead of JSON"
    elif not message and data is None:
        message = " ".join(content.decode(errors="replace").split())[:_MESSAGE_LENGTH]
    hint = _HINTS.get(status, "")
    detail = f": {message.rstrip('.')}." if message else "."
    error = ApiError(
        redaction.text(f"{purpose} failed: {method} {target} returned HTTP {status}{detail}{hint}"),
        method=method,
        path=redaction.text(target),
        status=status,
        server_message=redaction.text(message),
        errors=[redaction.text(text) for text in errors],
        outcome_unknown=status >= 500,
        wait=_retry_after(retry_after) if status in (429, 503) else None,
    )
    if status == 429 or status >= 500:
        return Transient(error, throttled=status in (429, 503))
    return error


def link_error(status: int, shown: str, purpose: str) -> Exception:
    """Return the exception for an error status of a download link, whose body is not JSON."""
    error = ApiError(
        f"{purpose} failed: GET {shown} returned HTTP {status}.{_LINK_HINTS.get(status, '')}",
        method="GET",
        path=shown,
        status=status,
    )
    return Transient(error) if status == 429 or status >= 500 else error


def _without_envelope(data: t.Any) -> t.Any:
    """Return the object inside the envelope ``{code, message, content}``, or a value without an envelope unchanged."""
    if isinstance(data, dict) and "content" in data:
        content = data["content"]
        # An envelope can have new properties, but no id and no results.
        holds_list = isinstance(content, dict) and "results" in content
        is_whole = (holds_list or data.keys() >= {"code", "message"}) and not data.keys() & {"id", "results"}
        if is_whole or data.keys() <= _ENVELOPE:
            return content
    return data


def _server_message(data: t.Any) -> tuple[str, list[str]]:
    """Return the message and the list of errors of a response, for all forms of errors in the contract."""
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
    parts_once: list[str] = []
    for part in parts:
        # The older API repeats its errors in the message.
        if part and not any(part in earlier for earlier in parts_once):
            parts_once.append(part)
    return "; ".join(parts_once)[:_MESSAGE_LENGTH], errors


def _joined(texts: t.Any) -> str:
    return "; ".join(str(text) for text in texts) if isinstance(texts, list) else str(texts)


def _title_of(content: bytes) -> str:
    found = re.search(rb"<title[^>]*>([^<]{1,80})", content, re.IGNORECASE)
    return f" ('{found.group(1).decode(errors='replace').strip()}')" if found else ""


def _retry_after(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header with seconds or an HTTP date. None if it is missing or invalid."""
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
