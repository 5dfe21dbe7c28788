# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redaction of secrets in texts from other programs, such as an error response that repeats the request.

Ansible masks exact copies of secrets in results. It does not mask an escaped secret, or a part of a truncated one. It
also masks short secrets in other texts: a password "1" changes each ID that contains a 1.
"""

from __future__ import annotations

import functools
import html
import json
import re
import threading
import typing as t
from urllib.parse import quote, quote_plus

from .ids import UUID, is_uuid
from .secret_keys import MASK

# A shorter secret is a part of other words and numbers by chance, so a mask in its place shows it.
SHORTEST = 8
_UUID_LENGTH = 36
# With a group, so split() keeps the UUIDs.
_UUIDS = re.compile(f"({UUID.pattern})", UUID.flags)
# The part of a long text that is searched for secrets before it is shortened.
_WINDOW = 4096

_Encodings = tuple[list[str], list[str]]


class Disclosed(str):
    """A secret that a task asks for. Its result shows it, messages and diffs do not."""

    __slots__ = ()


class Redaction:
    """Masks secrets of at least 8 characters in texts. UUIDs are not changed, unless they are a secret themselves.

    Several threads can use it, and add secrets at the same time.
    """

    def __init__(self, secrets: t.Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._secrets = _maskable(secrets)
        self._learned: frozenset[str] = frozenset()
        self._cache: _Encodings | None = None

    @property
    def learned(self) -> frozenset[str]:
        """The secrets that were added later."""
        return self._learned

    def add(self, secrets: t.Iterable[str]) -> None:
        """Mask other secrets too."""
        added = _maskable(secrets)
        with self._lock:
            if new := added - self._secrets:
                self._secrets |= new
                self._learned |= new
                self._cache = None

    @property
    def _encoded(self) -> _Encodings:
        """The encodings of the secrets that are at least as long as a UUID, and the shorter ones.

        The longest are first, because one can be a part of another.
        """
        with self._lock:
            if self._cache is None:
                encoded = {text for secret in self._secrets for text in _encodings(secret)}
                ordered = sorted(encoded, key=lambda text: (-len(text), text))
                number = sum(len(text) >= _UUID_LENGTH for text in ordered)
                self._cache = ordered[:number], ordered[number:]
            return self._cache

    def text(self, text: str, *, any_case: bool = False) -> str:
        """Return a text with masks in place of secrets. ``any_case`` ignores the case of letters, for host names."""
        if not self._secrets or len(text) < SHORTEST:
            return text
        long, short = self._encoded
        for encoded in long:
            text = _replaced(text, encoded, any_case)
        if short:
            # The parts between UUIDs, and the UUIDs.
            parts = _UUIDS.split(text)
            for index in range(0, len(parts), 2):
                for encoded in short:
                    parts[index] = _replaced(parts[index], encoded, any_case)
            text = "".join(parts)
        return text

    def all(self, value: t.Any) -> t.Any:
        """Return a JSON value with masks in place of secrets in all its texts, except those that are Disclosed."""
        if isinstance(value, str):
            return str(value) if isinstance(value, Disclosed) else self.text(value)
        if isinstance(value, (list, tuple)):
            return [self.all(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key) if isinstance(key, str) else key: self.all(item) for key, item in value.items()}
        return value

    def start(self, text: str, length: int) -> str:
        """Return the start of a text with masks in place of secrets, also in place of one that the end cuts off."""
        window = text[:_WINDOW]
        masked = self.text(window)
        if len(text) > _WINDOW:
            masked = masked[: max(len(masked) - self._cut_off(window), 0)]
        return masked if len(masked) <= length and len(text) <= _WINDOW else f"{masked[:length].rstrip()}..."

    def _cut_off(self, window: str) -> int:
        """Return the number of characters at the end of a text that are the start of a secret."""
        found = 0
        for encoded in (each for group in self._encoded for each in group):
            for number in range(min(len(encoded) - 1, len(window)), found, -1):
                if window.endswith(encoded[:number]):
                    found = number
                    break
        return found


def _maskable(secrets: t.Iterable[str]) -> frozenset[str]:
    return frozenset(secret for secret in secrets if len(secret) >= SHORTEST and secret.strip())


def free_texts(values: t.Iterable[t.Any]) -> t.Iterator[str]:
    """Yield the texts in values that are no UUIDs, so they can be masked without changing an ID."""
    return (value for value in values if isinstance(value, str) and not is_uuid(value))


def _replaced(text: str, secret: str, any_case: bool) -> str:
    return re.sub(re.escape(secret), MASK, text, flags=re.IGNORECASE) if any_case else text.replace(secret, MASK)


def _encodings(secret: str) -> t.Iterator[str]:
    """Return a secret as it is, and escaped for JSON, JSON in JSON, HTML, URLs and Python literals."""
    yield secret
    yield html.escape(secret)
    # A lone surrogate cannot be a part of a URL.
    for quoted in (functools.partial(quote, safe=""), quote, quote_plus):
        yield quoted(secret, errors="replace")
    yield from _python_literals(secret)
    for is_ascii in (True, False):
        once = json.dumps(secret, ensure_ascii=is_ascii)[1:-1]
        yield from (once, json.dumps(once)[1:-1], *_python_literals(once))


def _python_literals(text: str) -> t.Iterator[str]:
    """Return a text as in Python literals, with and without a double quote in the literal. Python escapes single quotes
    only with one."""
    yield repr(text)[1:-1]
    yield repr(f'"{text}')[2:-1]
