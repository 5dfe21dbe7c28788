# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""IDs in API format: a UUID, or a URL that ends with one."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import unquote

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
# Libraries, proxies and servers decode a path again. Maximum number of times that a valid part of a path changes.
_DECODINGS = 3
# Longer than any ID or name of Esper, and short enough for a message.
_LONGEST_PART = 255


def is_uuid(value: object) -> bool:
    """Return whether a value is a UUID."""
    return isinstance(value, str) and UUID.fullmatch(value) is not None


def normal_id(value: t.Any) -> t.Any:
    """Return a UUID in the form of the API, in lower case and without whitespace, and any other value as it is."""
    return value.strip().lower() if isinstance(value, str) and is_uuid(value.strip()) else value


def is_id(value: object) -> bool:
    """Return whether a value can be the ID of an object."""
    return isinstance(value, (str, int)) and bool(str(value).strip())


def last_uuid(value: object) -> str | None:
    """Return the last UUID in a value in lower case, None if there is none.

    The API returns a reference as an ID or as a URL, such as ``parent`` of a device group.
    """
    found = UUID.findall(value) if isinstance(value, str) else []
    return found[-1].lower() if found else None


def is_path_part(text: str) -> bool:
    """Return whether a text can be one part of the path of a URL. Otherwise it can lead to another object or list,
    because libraries resolve dots, also encoded ones, and servers decode slashes."""
    for _attempt in range(_DECODINGS):
        decoded = unquote(text)
        if decoded == text:
            # Some servers ignore parameters behind a semicolon.
            return len(text) <= _LONGEST_PART and text.isprintable() and not re.search(r"[/\\]|^\.{0,2}(;|$)", text)
        text = decoded
    return False
