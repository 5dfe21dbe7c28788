# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Android packages for tests: made by a test, and read by the simulator when they are uploaded."""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from struct import pack
from zipfile import BadZipFile, ZipFile, ZipInfo

_MANIFEST = "AndroidManifest.xml"
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
        archive.writestr(ZipInfo(_MANIFEST), binary_xml(manifest))
        archive.writestr(ZipInfo(_ENTRY), json.dumps(asdict(manifest)))
        archive.writestr(ZipInfo("padding"), bytes(padding))
    return packed.getvalue()


def unreadable(text: str = "") -> bytes:
    """A package whose manifest cannot be read, so that its file name must say what it is."""
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr(ZipInfo(_MANIFEST), text)
    return packed.getvalue()


def binary_xml(manifest: Manifest, *, utf8: bool = False, named: bool = True) -> bytes:
    """A manifest in the format of Android: one element. Its strings are in UTF-16 or UTF-8. The names of attributes can
    be missing, because Android only needs their resource IDs."""
    names = ("versionCode", "versionName") if named else ("", "")
    texts = (*names, "manifest", "package", manifest.package_name, manifest.version_name)
    encoded = [_utf8(text) if utf8 else _utf16(text) for text in texts]
    offsets = [sum(map(len, encoded[:number])) for number in range(len(encoded))]
    strings = b"".join(encoded)
    strings += bytes(-len(strings) % 4)
    start = 28 + 4 * len(texts)
    pool = pack("<7I", 0x001C0001, start + len(strings), len(texts), 0, 0x100 if utf8 else 0, start, 0)
    pool += pack(f"<{len(offsets)}I", *offsets) + strings
    resources = pack("<4I", 0x00080180, 16, 0x0101021B, 0x0101021C)
    none = 0xFFFFFFFF
    attributes = b"".join(
        (
            pack("<3IHBBI", none, 0, none, 8, 0, 0x10, manifest.version_code),
            pack("<3IHBBI", none, 1, 5, 8, 0, 0x03, 5),
            pack("<3IHBBI", none, 3, 4, 8, 0, 0x03, 4),
        )
    )
    element = pack("<4I", 0x00100102, 36 + len(attributes), 1, none)
    element += pack("<2I6H", none, 2, 20, 20, 3, 0, 0, 0) + attributes
    body = pool + resources + element
    return pack("<2I", 0x00080003, 8 + len(body)) + body


def _utf8(text: str) -> bytes:
    data = text.encode()
    return b"".join(_length(number) for number in (len(text), len(data))) + data + b"\0"


def _length(number: int) -> bytes:
    return bytes([number]) if number < 0x80 else bytes([0x80 | number >> 8, number & 0xFF])


def _utf16(text: str) -> bytes:
    return pack("<H", len(text)) + text.encode("utf-16-le") + b"\0\0"


def read(name: str, data: bytes | None) -> Manifest | None:
    """The manifest in a package; else the one in its name, `package-version_name-version_code.apk`."""
    try:
        with ZipFile(BytesIO(data or b"")) as archive:
            return Manifest(**json.loads(archive.read(_ENTRY)))
    except (BadZipFile, KeyError, TypeError, ValueError):
        parts = _NAME.fullmatch(name)
        return None if parts is None else Manifest(parts[1], parts[2], int(parts[3]))


def main() -> None:
    """Write an APK file that has a manifest and no app: `python tests/simulator/apk.py com.example.till 2.0.0 200`."""
    parser = argparse.ArgumentParser(prog="apk.py", description="Write an APK file for the simulator.")
    parser.add_argument("package_name")
    parser.add_argument("version_name")
    parser.add_argument("version_code", type=int)
    parser.add_argument("--label", default="", help="name of the app")
    parser.add_argument("--dest", type=Path, default=Path(), help="directory of the file")
    options = parser.parse_args()
    manifest = Manifest(options.package_name, options.version_name, options.version_code, options.label)
    path = options.dest / f"{manifest.package_name}-{manifest.version_name}-{manifest.version_code}.apk"
    path.write_bytes(made(manifest))
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
