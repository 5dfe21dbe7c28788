# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""IDs in API format: a UUID, or a URL that ends with one."""

from __future__ import annotations

import re

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def is_uuid(value: object) -> bool:
    """Return whether a value is a UUID."""
    return isinstance(value, str) and UUID.fullmatch(value) is not None


def last_uuid(value: object) -> str | None:
    """Return the last UUID in a value in lower case, None if there is none.

    The API returns a reference as an ID or as a URL, such as ``parent`` of a device group.
    """
    found = UUID.findall(value) if isinstance(value, str) else []
    return found[-1].lower() if found else None
