# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provisioning profiles of Apple (.mobileprovision): a signed envelope around a property list in XML.

Only the property list is read. The signature is not verified, because Esper and Apple do that.
"""

from __future__ import annotations

import plistlib
import typing as t
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from .errors import InvalidParameter

_START, _END = b"<?xml", b"</plist>"
# Profiles with thousands of devices have less than a tenth of it.
_MAX_BYTES = 16 * 1024 * 1024
_ENTITLEMENTS = ("application-identifier", "com.apple.application-identifier")


@dataclass(frozen=True)
class ProfileFile:
    """The properties of a provisioning profile. ``app_identifier`` is the bundle ID, without the ID of the team."""

    name: str
    app_identifier: str
    team_identifier: str
    expires: datetime | None


def read_profile(path: Path) -> ProfileFile | None:
    """Return the properties of a provisioning profile, None if the file is not one. Raise InvalidParameter if it cannot
    be read."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InvalidParameter(f"Cannot read the file '{path}': {error.strerror}.") from None
    start, end = data.find(_START), data.rfind(_END)
    if start < 0 or end < start or len(data) > _MAX_BYTES:
        return None
    try:
        content = plistlib.loads(data[start : end + len(_END)], fmt=plistlib.FMT_XML)
    except Exception:  # noqa: BLE001 - plistlib raises many classes, such as ExpatError and IndexError
        return None
    return _profile_in(content) if isinstance(content, dict) else None


def _profile_in(content: dict[str, t.Any]) -> ProfileFile | None:
    entitlements = content.get("Entitlements")
    known = entitlements if isinstance(entitlements, dict) else {}
    identifier = next((known[key] for key in _ENTITLEMENTS if isinstance(known.get(key), str)), "")
    name, teams, expires = content.get("Name"), content.get("TeamIdentifier"), content.get("ExpirationDate")
    app_identifier = identifier.partition(".")[2]
    if not isinstance(name, str) or not name.strip() or not app_identifier:
        return None
    team = teams[0] if isinstance(teams, list) and teams and isinstance(teams[0], str) else ""
    # Dates in a property list are in UTC.
    expiration = expires.replace(tzinfo=timezone.utc) if isinstance(expires, datetime) else None
    return ProfileFile(name, app_identifier, team, expiration)
