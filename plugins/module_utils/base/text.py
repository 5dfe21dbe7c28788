# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of messages."""

from __future__ import annotations


def counted(number: int, noun: str = "device") -> str:
    """Return a number with its noun, such as "2 devices"."""
    return f"{number} {noun}{'s'[: number != 1]}"
