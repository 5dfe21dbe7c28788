# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redaction of secrets in texts from other programs, such as an error response that repeats the request.

Ansible masks exact copies of secrets in results. It does not mask an escaped secret, or a part of a truncated one.
"""

from __future__ import annotations

import html
import json
import re
import typing as t
from urllib.parse import quote, quote_plus

_MASK = "********"


class Redaction:
    """Masks secrets in texts."""

    def __init__(self, secrets: t.Iterable[str]) -> None:
        encoded = {text for secret in secrets if secret.strip() for text in _encodings(secret)}
        # The longest first, because one can be a part of another.
        self._encoded = sorted(encoded, key=lambda text: (-len(text), text))

    def text(self, text: str, *, any_case: bool = False) -> str:
        """Return a text with masks in place of secrets. ``any_case`` ignores the case of letters, for host names."""
        for encoded in self._encoded:
            if any_case:
                text = re.sub(re.escape(encoded), _MASK, text, flags=re.IGNORECASE)
            text = text.replace(encoded, _MASK)
        return text

    def all(self, value: t.Any) -> t.Any:
        """Return a JSON value with masks in place of secrets in all its texts."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.all(item) for item in value]
        if isinstance(value, dict):
            return {self.text(str(key)): self.all(item) for key, item in value.items()}
        return value


def _encodings(secret: str) -> t.Iterator[str]:
    """Return a secret as it is, and escaped for JSON, JSON in JSON, HTML, URLs and Python literals."""
    yield from (secret, html.escape(secret), quote(secret, safe=""), quote(secret), quote_plus(secret))
    yield from _python_literals(secret)
    for is_ascii in (True, False):
        once = json.dumps(secret, ensure_ascii=is_ascii)[1:-1]
        yield from (once, json.dumps(once)[1:-1], *_python_literals(once))


def _python_literals(text: str) -> t.Iterator[str]:
    """Return a text as in Python literals, with and without a double quote in the literal. Python escapes single quotes
    only with one."""
    yield repr(text)[1:-1]
    yield repr(f'"{text}')[2:-1]
