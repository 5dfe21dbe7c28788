# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validators of values, for constraints beyond the types of options.

A validator returns the error, such as "is 101; the maximum is 100", or "" if the value is valid. The path of the value
is added in front of it.
"""

from __future__ import annotations

import re
import typing as t

from .ids import is_uuid
from .text import counted

Validator = t.Callable[[t.Any], str]

# One @ with a text before and after it, and no whitespace. Only Esper can validate more than that.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def in_range(minimum: int | None = None, maximum: int | None = None) -> Validator:
    """Return the validator of a number with an inclusive minimum and maximum."""

    def validate(value: t.Any) -> str:
        if minimum is not None and value < minimum:
            return f"is {value}; the minimum is {minimum}"
        return f"is {value}; the maximum is {maximum}" if maximum is not None and value > maximum else ""

    return validate


def length(minimum: int = 0, maximum: int | None = None) -> Validator:
    """Return the validator of a text by its number of characters. With a minimum, it cannot be only whitespace."""

    def validate(value: t.Any) -> str:
        if minimum and not value.strip():
            return "must not be only whitespace" if value else "must not be empty"
        if len(value) < minimum:
            return f"has {counted(len(value), 'character')}; the minimum is {minimum}"
        if maximum is not None and len(value) > maximum:
            return f"has {counted(len(value), 'character')}; the maximum is {maximum}"
        return ""

    return validate


def max_items(maximum: int) -> Validator:
    """Return the validator of a list by its maximum number of items."""

    def validate(value: t.Any) -> str:
        return f"has {counted(len(value), 'item')}; the maximum is {maximum}" if len(value) > maximum else ""

    return validate


def not_empty(value: t.Any) -> str:
    """Validate a list with at least one item."""
    return "" if value else "must not be empty"


def uuid(value: t.Any) -> str:
    """Validate a UUID."""
    return "" if is_uuid(value) else f"is not a valid UUID: '{value}'"


def email(value: t.Any) -> str:
    """Validate the form of an email address."""
    return "" if _EMAIL.fullmatch(value) else f"is not a valid email address: '{value}'"
