# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Provisioning profiles as Apple signs them, without a valid signature: to make them, and to read them."""

from __future__ import annotations

import plistlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

_TEAM = "A1B2C3D4E5"


@dataclass(frozen=True)
class Profile:
    """The properties of a provisioning profile."""

    name: str
    app_identifier: str
    expires: datetime = datetime(2099, 6, 1)
    created: datetime = datetime(2026, 1, 1)
    team: str = _TEAM


def made(profile: Profile) -> bytes:
    """The bytes of a provisioning profile: a property list in an envelope."""
    content = {
        "Name": profile.name,
        "UUID": str(uuid5(NAMESPACE_URL, repr(profile))),
        "TeamIdentifier": [profile.team],
        "CreationDate": profile.created,
        "ExpirationDate": profile.expires,
        "TimeToLive": (profile.expires - profile.created).days,
        "ProvisionsAllDevices": True,
        "Platform": ["iOS"],
        "Entitlements": {"application-identifier": f"{profile.team}.{profile.app_identifier}", "get-task-allow": False},
        "DeveloperCertificates": [b"certificate"],
    }
    return b"0\x82\x1e\xc0\x06\x09" + plistlib.dumps(content) + b"\xa0\x82\x0d\x0a signature"


def read(data: bytes) -> dict[str, Any] | None:
    """The property list in the bytes of a provisioning profile; None if they are something else."""
    start, end = data.find(b"<?xml"), data.find(b"</plist>")
    return plistlib.loads(data[start : end + len(b"</plist>")]) if 0 <= start < end else None
