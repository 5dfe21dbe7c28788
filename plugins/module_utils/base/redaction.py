# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes secrets out of texts that others wrote, such as a service that repeats a request in its error.

Ansible masks in a result what stands there letter by letter. It does not know a secret that is escaped, nor the part of
one that is left where a text was cut off.
"""

from __future__ import annotations

import html
import json
import typing as t
from urllib.parse import quote, quote_plus

_MASK = "********"


class Redaction:
    """Certain secrets, and how to hide them."""

    def __init__(self, secrets: t.Iterable[str]) -> None:
        spellings = {each for secret in secrets if secret.strip() for each in _spellings(secret)}
        # The longest first, since one may be a part of another.
        self._spellings = sorted(spellings, key=lambda text: (-len(text), text))

    def text(self, text: str) -> str:
        """A text without the secrets."""
        for each in self._spellings:
            text = text.replace(each, _MASK)
        return text

    def all(self, value: t.Any) -> t.Any:
        """A value of JSON without the secrets in any of its texts."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.all(item) for item in value]
        if isinstance(value, dict):
            return {self.text(str(key)): self.all(item) for key, item in value.items()}
        return value


def _spellings(secret: str) -> t.Iterator[str]:
    """A secret as it may stand in JSON, in JSON within JSON, on a web page, in a URL or in Python's notation."""
    yield from (secret, html.escape(secret), quote(secret, safe=""), quote(secret), quote_plus(secret))
    yield from _in_python(secret)
    for is_ascii in (True, False):
        once = json.dumps(secret, ensure_ascii=is_ascii)[1:-1]
        yield from (once, json.dumps(once)[1:-1], *_in_python(once))


def _in_python(text: str) -> t.Iterator[str]:
    """A text in Python's notation, alone and beside double quotes, for single ones are escaped only there."""
    yield repr(text)[1:-1]
    yield repr(f'"{text}')[2:-1]
