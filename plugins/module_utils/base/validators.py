# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of values that the types of options cannot express."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .ids import is_uuid

# The form of an email address: one @, text before it, a host after it, no whitespace.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True)
class Validator:
    """A check of a value. A call returns what is wrong with the value, "" if nothing is. ``doc`` is the sentence about
    it in the text of an option, "" for a check that needs none."""

    error: t.Callable[[t.Any], str]
    doc: str

    def __call__(self, value: t.Any) -> str:
        return self.error(value)


def in_range(least: int | None = None, most: int | None = None) -> Validator:
    """Return the check of a number within bounds, both inclusive."""

    def error(value: t.Any) -> str:
        if least is not None and value < least:
            return f"{value} is less than {least}"
        return f"{value} is more than {most}" if most is not None and value > most else ""

    return Validator(error, f"Must be {_bounds(least, most)}.")


def length(least: int = 0, most: int | None = None) -> Validator:
    """Return the check of a text by its number of characters. A text that must not be empty must not be blank."""

    def error(value: t.Any) -> str:
        if least and value and not value.strip():
            return "is blank"
        if len(value) < least:
            return f"has fewer than {least} characters" if value else "is empty"
        return f"has more than {most} characters" if most is not None and len(value) > most else ""

    if (least, most) == (1, None):
        return Validator(error, "Must not be empty.")
    return Validator(error, f"Must have {_bounds(least or None, most)} characters.")


def max_items(most: int) -> Validator:
    """Return the check of a list by its number of items."""
    return Validator(lambda value: f"has more than {most} items" if len(value) > most else "", f"At most {most} items.")


def _bounds(least: int | None, most: int | None) -> str:
    if least is not None and most is not None:
        return f"from {least} to {most}"
    return f"at most {most}" if least is None else f"at least {least}"


not_empty = Validator(lambda value: "" if value else "is empty", "At least one item.")
"""The check of a list with at least one item."""

uuid = Validator(lambda value: "" if is_uuid(value) else f"'{value}' is not a UUID", "Must be a UUID.")
"""The check of a UUID."""

email = Validator(lambda value: "" if _EMAIL.fullmatch(value) else f"'{value}' is not an email address", "")
"""The check of an email address by its form. The text of an option says that it is one."""
