# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids as the API writes them: bare, or at the end of a URL."""

from __future__ import annotations

import re

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def is_uuid(value: object) -> bool:
    """Whether a value is a UUID and nothing else."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def last_uuid(value: object) -> str | None:
    """The last UUID in a value, in lower case: the API gives one object's id bare here and at the end of a URL there
    (a group's ``parent``, a user's ``profile.enterprise``). None when there is none."""
    found = _UUID.findall(value) if isinstance(value, str) else []
    return found[-1].lower() if found else None
