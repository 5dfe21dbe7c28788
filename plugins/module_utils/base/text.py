# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of messages, and the Unicode forms of names."""

from __future__ import annotations

import difflib
import re
import typing as t
import unicodedata

# Maximum number of texts in a list.
_MAX_LISTED = 5
# Control characters, line and paragraph separators, lone surrogates, and characters that change the direction of text
# or have no width. Joiners (U+200C, U+200D) are part of words and of emojis.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


def counted(number: int, noun: str = "device") -> str:
    """Return a number with its noun, such as "2 devices"."""
    return f"{number} {noun}{'s'[: number != 1]}"


def listed(texts: t.Sequence[str], maximum: int = _MAX_LISTED, noun: str = "") -> str:
    """Return texts with commas between them, and the number of those after the first ``maximum``. ``noun`` is what they
    are, such as "request"."""
    hidden = len(texts) - maximum
    more = counted(hidden, f"more {noun}") if noun else f"{hidden} more"
    return ", ".join(texts[:maximum]) + (f" and {more}" if hidden > 0 else "")


def closest(text: str, names: t.Iterable[str], maximum: int = 1) -> list[str]:
    """Return the names that are closest to a text, regardless of the case of letters, the closest first."""
    by_key: dict[str, list[str]] = {}
    for name in names:
        by_key.setdefault(name.casefold(), []).append(name)
    keys = difflib.get_close_matches(text.casefold(), by_key, n=maximum, cutoff=0.6)
    return [name for key in keys for name in by_key[key]][:maximum]


def did_you_mean(text: str, names: t.Iterable[str], maximum: int = 1) -> str:
    """Return a question about the names that are closest to a text, "" if there are none."""
    quoted = [f"'{name}'" for name in closest(text, names, maximum)]
    return f"Did you mean {' or '.join(quoted)}?" if quoted else ""


def hint(text: str, names: t.Iterable[str]) -> str:
    """Return a question about the name that is closest to a text in parentheses, for a sentence without a period, or
    else the names."""
    names = list(names)
    question = did_you_mean(text, names)
    if question:
        return f" (did{question.removeprefix('Did')})"
    return f" (valid: {', '.join(names)})" if len(names) <= _MAX_LISTED * 2 else ""


def printable(text: str) -> str:
    r"""Return a text for one line of a terminal, with control characters escaped as in Python: ``\x1b``, ``\n``.

    Texts from Esper can contain characters that hide, move or imitate the output of Ansible.
    """
    return _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def has_control(text: str) -> bool:
    """Return whether printable() changes a text."""
    return _CONTROL.search(text) is not None


def printable_lines(text: str) -> str:
    """Return a text like printable(), but keep its lines."""
    return "\n".join(map(printable, text.split("\n")))


def composed(text: str) -> str:
    """Return a text in the composed Unicode form (NFC). Texts that look the same, such as file names of macOS and
    Linux, have one such form."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def look_alike(one: str, other: str) -> bool:
    """Return whether two texts differ only in upper and lower case, whitespace, or the form of their characters. Such
    texts are easily confused."""
    return one != other and _look(one) == _look(other)


def _look(text: str) -> str:
    # A letter in lower case can have another compatibility form, and the other way around.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


def unicode_forms(text: str) -> list[str]:
    """Return a text and its other Unicode forms, for a search that distinguishes them."""
    if text.isascii():
        return [text]
    # Some characters have neither form.
    return list(dict.fromkeys([composed(text), text, unicodedata.normalize("NFD", text)]))
