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
    """A failure that may pass. Carries the error to raise if it does not."""

    def __init__(self, error: RequestFailed, *, throttled: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.throttled = throttled


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
    """Return the decoded response of one request.

    ``content`` is the body, ``retry_after`` the header of that name, ``target`` the path and query that were requested.

    Raises ApiError for an error status, TransportError for a body that is no JSON, and either inside Transient if the
    request may be repeated.
    """
    try:
        data = json.loads(content) if content.strip() else None
        # Writes may answer with nothing; a read that does has lost its answer.
        readable = data is not None or method != "GET"
    except (ValueError, RecursionError):
        data, readable = None, False
    if status >= 400 or content.lstrip().startswith(b"<"):
        # Before anything of it is quoted: what is cut off could leave a part of a secret.
        data, content = redaction.all(data), redaction.text(content.decode(errors="replace")).encode()
    if status >= 400:
        raise _api_error(status, data, content, retry_after, redaction, method=method, target=target, purpose=purpose)
    if readable:
        return Response(status, _without_envelope(data))
    is_page = content.lstrip().startswith(b"<")
    what = (
        f"with a web page{_title_of(content)} instead of JSON: a proxy or a login page is in between,"
        " or the tenant or api_url is wrong"
        if is_page
        else "with something that is not whole JSON"
    )
    error = TransportError(
        redaction.text(f"{purpose} failed: {method} {target} answered {status} {what}."),
        method=method,
        path=target,
        ambiguous=method != "GET",
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
        message = f"a web page{_title_of(content)} instead of the API's answer"
    elif not message and data is None:
        message = " ".join(content.decode(errors="replace").split())[:_MESSAGE_LENGTH]
    hint = _HINTS.get(status, "")
    said = f": {message.rstrip('.')}." if message else "."
    error = ApiError(
        redaction.text(f"{purpose} failed: {method} {target} answered {status}{said}{hint}"),
        method=method,
        path=redaction.text(target),
        status=status,
        server_message=redaction.text(message),
        errors=[redaction.text(text) for text in errors],
        ambiguous=status >= 500,
        wait=_retry_after(retry_after) if status in (429, 503) else None,
    )
    if status == 429 or status >= 500:
        return Transient(error, throttled=status in (429, 503))
    return error


def link_error(status: int, shown: str, purpose: str) -> Exception:
    """Return the exception for an error status of a download link, whose body is no JSON."""
    error = ApiError(
        f"{purpose} failed: GET {shown} answered {status}.{_LINK_HINTS.get(status, '')}",
        method="GET",
        path=shown,
        status=status,
    )
    return Transient(error) if status == 429 or status >= 500 else error


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
