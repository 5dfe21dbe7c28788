# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of sentences."""

from __future__ import annotations


def counted(number: int, noun: str = "device") -> str:
    """Return a number with its noun, for a sentence."""
    return f"{number} {noun}{'s'[: number != 1]}"
