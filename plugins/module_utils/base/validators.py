# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fields can check of a value that the types of options cannot: each gives what is wrong, "" if nothing is."""

from __future__ import annotations

import re
import typing as t

from .ids import is_uuid

Check = t.Callable[[t.Any], str]

# As much as can be said without asking: one @, something before it, a host behind it, no blanks.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def between(least: int | None = None, most: int | None = None) -> Check:
    """A number within bounds, which belong to it."""

    def check(value: t.Any) -> str:
        if least is not None and value < least:
            return f"{value} is less than {least}"
        return f"{value} is more than {most}" if most is not None and value > most else ""

    return check


def length(least: int = 0, most: int | None = None) -> Check:
    """A text of so many characters. One that must not be empty must not be blank either."""

    def check(value: t.Any) -> str:
        if least and value and not value.strip():
            return "is blank"
        if len(value) < least:
            return f"has fewer than {least} characters" if value else "is empty"
        return f"has more than {most} characters" if most is not None and len(value) > most else ""

    return check


def count(most: int) -> Check:
    """A list of at most so many items."""

    def check(value: t.Any) -> str:
        return f"has more than {most} items" if len(value) > most else ""

    return check


def not_empty(value: t.Any) -> str:
    """A list with at least one item."""
    return "" if value else "is empty"


def uuid(value: t.Any) -> str:
    """A UUID."""
    return "" if is_uuid(value) else f"'{value}' is no UUID"


def email(value: t.Any) -> str:
    """An email address, by its form."""
    return "" if _EMAIL.fullmatch(value) else f"'{value}' is no email address"
