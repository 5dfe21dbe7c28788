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

# Up to this number of encodings of secrets, each is searched for in each text.
_FEW = 32


class Disclosed(str):
    """A secret that a task asks for. Its result shows it, messages and diffs do not."""

    __slots__ = ()


class Redaction:
    """Masks secrets of at least 8 characters in texts. UUIDs are not changed, unless they are a secret themselves.

    Several threads can use it, and add secrets at the same time.
    """

    def __init__(self, secrets: t.Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        # The encodings of the secrets by their first characters.
        self._encoded: dict[str, list[str]] = {}
        self._number = 0
        self._few: tuple[str, ...] | None = ()
        self._learned: set[str] = set()
        self._index(_maskable(secrets))

    @property
    def learned(self) -> frozenset[str]:
        """The secrets that were added later."""
        with self._lock:
            return frozenset(self._learned)

    def add(self, secrets: t.Iterable[str]) -> None:
        """Mask other secrets too."""
        if new := _maskable(secrets) - self._secrets:
            with self._lock:
                self._learned.update(new)
                self._index(new)

    def _index(self, secrets: frozenset[str]) -> None:
        self._secrets.update(secrets)
        for encoded in {text for secret in secrets for text in _encodings(secret)}:
            same_start = self._encoded.setdefault(encoded[:SHORTEST], [])
            if encoded not in same_start:
                same_start.append(encoded)
                self._number += 1
        self._few = tuple(self._all_encoded()) if self._number <= _FEW else None

    def _candidates(self, text: str) -> list[str]:
        """Return the encodings of secrets that a text can contain, the longest first, because one can be a part of
        another."""
        # A task can read the tokens of thousands of users. Then it is faster to look each part of the text up.
        few = self._few
        if few is None:
            parts = {text[start : start + SHORTEST] for start in range(len(text) - SHORTEST + 1)}
            few = tuple(encoded for part in parts for encoded in self._encoded.get(part, ()))
        return sorted((each for each in few if each in text), key=lambda encoded: (-len(encoded), encoded))

    def _all_encoded(self) -> list[str]:
        """Return all encodings of secrets, the longest first."""
        groups = list(self._encoded.values())
        return sorted((each for group in groups for each in group), key=lambda encoded: (-len(encoded), encoded))

    def text(self, text: str, *, any_case: bool = False) -> str:
        """Return a text with masks in place of secrets. ``any_case`` ignores the case of letters, for host names."""
        if not self._secrets or len(text) < SHORTEST:
            return text
        candidates = self._all_encoded() if any_case else self._candidates(text)
        number = sum(len(encoded) >= _UUID_LENGTH for encoded in candidates)
        for encoded in candidates[:number]:
            text = _replaced(text, encoded, any_case)
        if short := candidates[number:]:
            # The parts between UUIDs, and the UUIDs.
            parts = _UUIDS.split(text)
            for index in range(0, len(parts), 2):
                for encoded in short:
                    parts[index] = _replaced(parts[index], encoded, any_case)
            text = "".join(parts)
        return text

    def all(self, value: t.Any) -> t.Any:
        """Return a JSON value with masks in place of secrets in all its texts, except those that are Disclosed."""
        # The keys, and many values, of a long list are the same texts.
        known: dict[str, str] = {}

        def masked(text: str) -> str:
            if text not in known:
                known[text] = self.text(text)
            return known[text]

        def visit(value: t.Any) -> t.Any:
            if isinstance(value, str):
                return str(value) if isinstance(value, Disclosed) else masked(value)
            if isinstance(value, (list, tuple)):
                return [visit(item) for item in value]
            if isinstance(value, dict):
                return {masked(key) if isinstance(key, str) else key: visit(item) for key, item in value.items()}
            return value

        return visit(value) if self._secrets else value

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
        for encoded in self._all_encoded():
            for number in range(min(len(encoded) - 1, len(window)), found, -1):
                if window.endswith(encoded[:number]):
                    found = number
                    break
        return found


def _maskable(secrets: t.Iterable[str]) -> frozenset[str]:
    # A module can remove the line break at the end of a secret from a file. Messages from Esper are on one line.
    forms = (text for secret in secrets for text in (secret, secret.strip(), " ".join(secret.split())))
    return frozenset(text for text in forms if len(text) >= SHORTEST and text.strip())


def free_texts(values: t.Iterable[t.Any]) -> t.Iterator[str]:
    """Yield the texts in values that are no UUIDs, so they can be masked without changing an ID."""
    return (value for value in values if isinstance(value, str) and not is_uuid(value))


def _replaced(text: str, secret: str, any_case: bool) -> str:
    return re.sub(re.escape(secret), MASK, text, flags=re.IGNORECASE) if any_case else text.replace(secret, MASK)


def _encodings(secret: str) -> t.Iterator[str]:
    """Return a secret as it is, and escaped for JSON, JSON in JSON, HTML, URLs and Python literals."""
    yield secret
    if secret.isascii() and secret.isalnum():
        # No encoding changes it.
        return
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
