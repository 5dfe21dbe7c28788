# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Responses of the API: JSON without its envelope, and errors as exceptions.

Rests on the API's published contract (tests/contract/api) for envelopes and the shapes of errors.
"""

from __future__ import annotations

import email.utils
import itertools
import json
import math
import re
import time
import typing as t
from dataclasses import dataclass

from ..base.errors import ApiError, RequestFailed, TransportError
from ..base.redaction import Redaction
from ..base.secret_keys import MASK, is_secret_path, mask_pairs

NOT_MODIFIED = 304
"""The status of a PUT that changes nothing, because the object is already so, or can no longer be changed."""
_ENVELOPE = frozenset({"content", "message", "code", "status"})
# The parts of an error response that messages quote, and the parts that are read for it.
_MESSAGE_LENGTH = 500
_TITLE_LENGTH = 80
_READ_BYTES = 16 * 1024
_READ_ENTRIES = 20
_READ_LEVELS = 4
_READ_TEXTS = 50
_READ_PIECES = 100
# The keys of messages. Other keys are the names of fields, which are quoted too.
_MESSAGE_KEYS = (
    "message",
    "error",
    "detail",
    "title",
    "reason",
    "description",
    "error_description",
    "content",
    "errors",
    "non_field_errors",
)
# Those that show that a body is a message rather than an object.
_SHORT_MESSAGE_KEYS = ("message", "error", "errors", "detail", "non_field_errors")
# The keys of texts and numbers that are not for people.
_TECHNICAL_KEYS = frozenset({"code", "status", "status_code", "statusCode", "timestamp", "type", "instance", "path"})
# Errors of one word about any field.
_ERROR_WORDS = frozenset({"blank", "expired", "invalid", "missing", "null", "required", "unknown"})
# The escape sequence of half of a character, or its bytes. Two halves can be a valid character.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")


@dataclass(frozen=True)
class Response:
    """The HTTP status, and the JSON body without its envelope (None if it was empty), or the bytes of a text.

    ``whole`` is the body with its envelope, ``target`` the path and query of the request for messages.
    """

    status: int
    body: t.Any
    whole: t.Any = None
    target: str = ""

    @property
    def has_message(self) -> bool:
        """True if the body has a message or an error, so it is not an object that lacks a property."""
        whole = self.whole
        return isinstance(whole, str) or (
            isinstance(whole, dict) and any(whole.get(key) for key in _SHORT_MESSAGE_KEYS)
        )

    @property
    def is_error(self) -> bool:
        """True if the body has an error instead of an object or a list, although the status is that of a success."""
        whole = self.whole
        if not isinstance(whole, dict) or not (whole.get("error") or whole.get("errors")):
            return False
        # A list of errors could be the list that the request asks for.
        return whole.get("id") is None and not whole.get("results") and not whole.get("content")


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


def replace_hint(error: ApiError, hint: str) -> None:
    """Replace the general hint for the status of an error, if it has one, by a sentence about this request."""
    error.args = (f"{sentence(str(error).removesuffix(_HINTS.get(error.status, '')))} {hint}",)


def read_response(
    status: int,
    content: bytes,
    retry_after: str | None,
    redaction: Redaction,
    *,
    method: str,
    target: str,
    purpose: str,
    can_be_empty: bool,
    is_text: bool = False,
) -> Response:
    """Return the decoded response to one request.

    ``content`` is the body, ``retry_after`` the header of that name, ``target`` the requested path and query.
    ``can_be_empty`` is whether a response without a body is valid, ``is_text`` whether the body is a text.

    Raise ApiError for an error status, and TransportError for invalid JSON, either of them inside Transient if the
    request can be repeated.
    """
    try:
        data = decode_json(content) if content.strip() else None
        readable = data is not None or can_be_empty
    except (ValueError, RecursionError):
        data, readable = None, False
    if status >= 400:
        raise _api_error(status, data, content, retry_after, redaction, method=method, target=target, purpose=purpose)
    is_page = _is_page(content)
    if is_text and not is_page:
        return Response(status, _text_in(content, data), data, target)
    if readable:
        return Response(status, _without_envelope(data), data, target)
    what = (
        f"a web page{_title_of(content, redaction)} instead of JSON. A proxy or a login page intercepts the request, or"
        " tenant or api_url is wrong"
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


def decode_json(content: bytes) -> t.Any:
    """Return the value of a JSON text. Raise ValueError or RecursionError if it is invalid."""
    data = json.loads(content)
    if _SURROGATE.search(content):
        # Half of a character cannot be printed, sent or stored. Each one becomes a question mark.
        data = json.loads(json.dumps(data, ensure_ascii=False).encode(errors="replace"))
    return data


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
    message, errors = server_message(data, redaction)
    if data is None and _is_page(content):
        message = f"a web page{_title_of(content, redaction)} instead of JSON"
    elif data is None:
        message = _quoted(content[:_READ_BYTES].decode(errors="replace"), redaction)
    hint = _HINTS.get(status, "")
    detail = f": {sentence(message)}" if message else "."
    error = ApiError(
        redaction.text(f"{purpose} failed: {method} {target} returned HTTP {status}{detail}{hint}"),
        method=method,
        path=redaction.text(target),
        status=status,
        server_message=message,
        errors=errors,
        outcome_unknown=status >= 500,
        wait=_wait_of(status, retry_after),
    )
    if status == 429 or status >= 500:
        return Transient(error, throttled=status in (429, 503))
    return error


def link_error(status: int, shown: str, purpose: str, retry_after: str | None) -> Exception:
    """Return the exception for an error status of a download link, whose body is not JSON. ``retry_after`` is the
    header of that name."""
    error = ApiError(
        f"{purpose} failed: GET {shown} returned HTTP {status}.{_LINK_HINTS.get(status, '')}",
        method="GET",
        path=shown,
        status=status,
        wait=_wait_of(status, retry_after),
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


def _text_in(content: bytes, data: t.Any) -> bytes | None:
    """Return the text in a body, None if it has none. ``data`` is its JSON, None if it is not JSON. The contract also
    describes a text with the property ``content``, so a text in an envelope, or in JSON, is accepted too."""
    inside = _without_envelope(data)
    text = inside.encode() if isinstance(inside, str) else b"" if isinstance(data, (dict, list)) else content
    return text if text.strip() else None


def object_in(body: t.Any, key: str) -> t.Any:
    """Return the object in the property ``key`` of a body, if the body has no other property, otherwise the body."""
    is_nested = bool(key) and isinstance(body, dict) and body.keys() == {key} and isinstance(body[key], dict)
    return body[key] if is_nested else body


def sentence(text: str) -> str:
    """Return a text with a period at its end, unless it is shortened."""
    return text if text.endswith("...") else f"{text.rstrip('.')}."


def server_message(data: t.Any, redaction: Redaction) -> tuple[str, list[str]]:
    """Return the message in a JSON body of any form, and the list of errors in it. Both are without secrets."""
    texts = list(itertools.islice(_texts(data, redaction), _READ_TEXTS))
    if data and not texts:
        texts = [_quoted(_start_of(data), redaction)]
    parts: list[str] = []
    for text in texts:
        # The older API repeats its errors in the message.
        if text and not any(text in earlier for earlier in parts):
            parts.append(text)
    errors = list(itertools.islice(_texts(_errors_in(data), redaction), _READ_TEXTS))
    return redaction.start("; ".join(parts), _MESSAGE_LENGTH), errors


def _errors_in(data: t.Any) -> t.Any:
    """Return the errors in a body: its list or dict of errors, or else the fields that have lists of errors."""
    if not isinstance(data, dict):
        return data if isinstance(data, list) else None
    if "errors" in data:
        return data["errors"]
    return {key: value for key, value in itertools.islice(data.items(), _READ_ENTRIES) if isinstance(value, list)}


def _texts(value: t.Any, redaction: Redaction, label: str = "", level: int = 0) -> t.Iterator[str]:
    """Yield the first texts and numbers in a JSON value, each with the name of its field."""
    if isinstance(value, dict):
        if level < _READ_LEVELS:
            keys = [key for key in _MESSAGE_KEYS if key in value]
            others = [key for key in itertools.islice(value, _READ_ENTRIES) if key not in _MESSAGE_KEYS]
            for key in (*keys, *others):
                yield from _texts_of(key, value[key], redaction, label, level + 1)
    elif isinstance(value, list):
        if level < _READ_LEVELS:
            items = value[:_READ_ENTRIES]
            if label and not any(isinstance(item, (dict, list)) for item in items):
                yield _labeled(label, "; ".join(_scalar(label, item, redaction) for item in items if item is not None))
            else:
                for item in items:
                    yield from _texts(item, redaction, label, level + 1)
    elif value is not None and value != "":
        yield _labeled(label, _scalar(label, value, redaction))


def _texts_of(key: str, value: t.Any, redaction: Redaction, label: str, level: int) -> t.Iterator[str]:
    if key in _TECHNICAL_KEYS and not isinstance(value, (dict, list)):
        return
    name = redaction.start(key, _TITLE_LENGTH)
    path = f"{label}.{name}" if label else name
    yield from _texts(value, redaction, label if key in _MESSAGE_KEYS else path, level)


def _scalar(label: str, value: t.Any, redaction: Redaction) -> str:
    text = _quoted(value if isinstance(value, str) else json.dumps(value), redaction)
    # An error about a password is a sentence, or one of a few words. Another word is the password.
    is_error = " " in text or text.rstrip(".").lower() in _ERROR_WORDS
    return MASK if text and not is_error and is_secret_path(label.split(".")) else text


def _labeled(label: str, text: str) -> str:
    return f"{label}: {text}" if label and text else text


def _quoted(text: str, redaction: Redaction) -> str:
    """Return the start of a text from a server on one line, without secrets."""
    return mask_pairs(redaction.start(" ".join(text[:_READ_BYTES].split()), _MESSAGE_LENGTH))


def _start_of(data: t.Any) -> str:
    """Return the start of a JSON value as text."""
    return "".join(itertools.islice(json.JSONEncoder(ensure_ascii=False).iterencode(data), _READ_PIECES))


def _is_page(content: bytes) -> bool:
    return content[:_READ_BYTES].lstrip().startswith(b"<")


def _title_of(content: bytes, redaction: Redaction) -> str:
    start = content[:_READ_BYTES].decode(errors="replace")
    found = re.search(r"<title[^>]{0,200}>([^<]+)", start, re.IGNORECASE)
    title = redaction.start(" ".join(found.group(1).split()), _TITLE_LENGTH) if found else ""
    return f" ('{title}')" if title else ""


def _wait_of(status: int, retry_after: str | None) -> float | None:
    """Return the seconds that an error response asks to wait, None if it does not ask."""
    return _retry_after(retry_after) if status in (429, 503) else None


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
