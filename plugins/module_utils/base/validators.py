# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validators of values, for constraints beyond the types of options.

A validator returns the error, such as "is 101; the maximum is 100", or "" if the value is valid. The path of the value
is added in front of it.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .ids import is_uuid
from .text import counted

_HTTPS = re.compile(r"https://[^\s/?#]+\S*")
# One @ with a text before and after it, and no whitespace. Only Esper can validate more than that.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True)
class Validator:
    """A validator of a value. ``doc`` is the sentence about it in the text of an option, "" if it needs none."""

    error: t.Callable[[t.Any], str]
    doc: str

    def __call__(self, value: t.Any) -> str:
        """Return the error of a value, "" if it is valid."""
        return self.error(value)


def in_range(minimum: float | None = None, maximum: float | None = None) -> Validator:
    """Return the validator of a number with an inclusive minimum and maximum."""

    def error(value: t.Any) -> str:
        if minimum is not None and value < minimum:
            return f"is {value}; the minimum is {minimum}"
        return f"is {value}; the maximum is {maximum}" if maximum is not None and value > maximum else ""

    return Validator(error, f"Must be {_bounds(minimum, maximum)}.")


def length(minimum: int = 0, maximum: int | None = None) -> Validator:
    """Return the validator of a text by its number of characters. With a minimum, it cannot be only whitespace."""

    def error(value: t.Any) -> str:
        if minimum and not value.strip():
            return blank_error(value)
        if len(value) < minimum:
            return f"has {counted(len(value), 'character')}; the minimum is {minimum}"
        if maximum is not None and len(value) > maximum:
            return f"has {counted(len(value), 'character')}; the maximum is {maximum}"
        return ""

    if (minimum, maximum) == (1, None):
        return Validator(error, "Must not be empty.")
    return Validator(error, f"Must have {_bounds(minimum or None, maximum)} characters.")


def max_items(maximum: int, *, empty: bool = True) -> Validator:
    """Return the validator of a list by its maximum number of items. Without ``empty``, it has at least one item."""

    def error(value: t.Any) -> str:
        if not value and not empty:
            return not_empty(value)
        return f"has {counted(len(value), 'item')}; the maximum is {maximum}" if len(value) > maximum else ""

    return Validator(error, f"At most {maximum} items." if empty else f"From 1 to {maximum} items.")


def blank_error(value: str) -> str:
    """Return the error of a text without characters other than whitespace."""
    return "must not be only whitespace" if value else "must not be empty"


def _bounds(minimum: float | None, maximum: float | None) -> str:
    if minimum is not None and maximum is not None:
        return f"from {minimum} to {maximum}"
    return f"at most {maximum}" if minimum is None else f"at least {minimum}"


not_empty = Validator(lambda value: "" if value else "must not be empty", "At least one item.")
"""The validator of a list with at least one item."""

uuid = Validator(lambda value: "" if is_uuid(value) else f"is not a valid UUID: '{value}'", "Must be a UUID.")
"""The validator of a UUID."""

email = Validator(lambda value: "" if _EMAIL.fullmatch(value) else f"is not a valid email address: '{value}'", "")
"""The validator of the form of an email address. The text of an option says that it is one."""

https_url = Validator(
    lambda value: "" if _HTTPS.fullmatch(value) else f"is not a URL that starts with https://: '{value}'",
    "Must start with https://.",
)
"""The validator of the URL of a page with TLS."""
