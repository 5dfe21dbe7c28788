# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Android packages for tests: made by a test, and read by the simulator when they are uploaded."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from io import BytesIO
from zipfile import BadZipFile, ZipFile, ZipInfo

_ENTRY = "esper-simulator.json"
_NAME = re.compile(r"([A-Za-z]\w*(?:\.\w+)+)-([^-]+)-(\d+)\.apk")


@dataclass(frozen=True)
class Manifest:
    """The properties of an app in an upload. In Android, the version name is a text, the version code a number."""

    package_name: str
    version_name: str
    version_code: int
    label: str = ""


def made(manifest: Manifest, padding: int = 0) -> bytes:
    """A package that says so of itself, made longer by `padding` bytes. The same one is made of the same bytes."""
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr(ZipInfo(_ENTRY), json.dumps(asdict(manifest)))
        archive.writestr(ZipInfo("padding"), bytes(padding))
    return packed.getvalue()


def read(name: str, data: bytes | None) -> Manifest | None:
    """The manifest in a package; else the one in its name, `package-version_name-version_code.apk`."""
    try:
        with ZipFile(BytesIO(data or b"")) as archive:
            return Manifest(**json.loads(archive.read(_ENTRY)))
    except (BadZipFile, KeyError, TypeError, ValueError):
        parts = _NAME.fullmatch(name)
        return None if parts is None else Manifest(parts[1], parts[2], int(parts[3]))
