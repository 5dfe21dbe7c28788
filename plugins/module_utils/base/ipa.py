# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundle ID and version of an app for Apple devices (IPA file), from its Info.plist."""

from __future__ import annotations

import plistlib
import re
import typing as t
from pathlib import Path

from .archive import AGAIN, Reason, names_in, read_entry
from .errors import InvalidParameter
from .package_text import package_text

# The app itself. Extensions, watch apps and app clips have files of the same name further below.
_INFO = re.compile(r"Payload/[^/]+\.app/Info\.plist")
_MAX_BYTES = 1024**2
_KEYS = {
    "package_name": "CFBundleIdentifier",
    "version_name": "CFBundleShortVersionString",
    "version_code": "CFBundleVersion",
}


def reason_against_ipa(path: Path) -> Reason | None:
    """Return why a file is not an IPA file, and what to do instead. None if it is one. Raise OSError."""
    names = names_in(path, advice="Set src to an IPA file")
    if isinstance(names, tuple):
        return names
    if not any(map(_INFO.fullmatch, names)):
        return "it does not contain Payload/NAME.app/Info.plist", AGAIN
    return None


def read_ipa(path: Path) -> dict[str, str | None]:
    """Return package name, version name and version code of an IPA file, None for each that it lacks. Raise
    InvalidParameter with the reason if its Info.plist cannot be read."""
    names = names_in(path, advice="")
    found = [] if isinstance(names, tuple) else sorted(set(filter(_INFO.fullmatch, names)))
    if len(found) != 1:
        raise InvalidParameter(f"it contains {len(found)} apps")
    if package_text(found[0]) is None:
        # Messages show the name.
        raise InvalidParameter("the name of its app is too long or unprintable")
    data = read_entry(path, found[0], _MAX_BYTES)
    try:
        # plistlib rejects declarations of entities, which could expand to any size.
        content: t.Any = plistlib.loads(data)
    except Exception as error:  # noqa: BLE001 - plistlib raises many classes, such as ExpatError and RecursionError
        raise InvalidParameter(f"its {found[0]} cannot be read ({type(error).__name__})") from None
    if not isinstance(content, dict):
        raise InvalidParameter(f"its {found[0]} is not a dictionary")
    return {option: package_text(content.get(key)) for option, key in _KEYS.items()}
