# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types that all packages share, and a test of values."""

from __future__ import annotations

import typing as t

Row = dict[str, t.Any]
"""An object by property, in API format or in collection terms."""

Params = t.Mapping[str, t.Any]
"""The options of a task, or of an item of a task, by name."""


def is_integer(value: t.Any) -> t.TypeGuard[int]:
    """Return whether a value is an integer. For Python, true and false are integers, too."""
    return isinstance(value, int) and not isinstance(value, bool)
