# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Package name and version of an APK file, from its manifest in the binary XML format of Android.

Work and memory are linear in the size of the file, whatever it contains: only the first element of the manifest is
read, and only short texts. The format is that of ResourceTypes.h in the Android sources.
"""

from __future__ import annotations

import re
import struct
import typing as t
from dataclasses import dataclass
from pathlib import Path

from .archive import Reason, names_in, read_entry
from .errors import InvalidParameter

_MANIFEST = "AndroidManifest.xml"
# Larger than any manifest, and small enough to unpack in memory.
_MAX_BYTES = 16 * 1024**2
_MAX_TEXT = 1000

_STRINGS, _XML, _START_ELEMENT, _RESOURCE_IDS = 0x0001, 0x0003, 0x0102, 0x0180
_UTF8 = 0x100
_TYPE_STRING, _TYPE_DECIMAL, _TYPE_HEXADECIMAL = 0x03, 0x10, 0x11
_NONE = 0xFFFFFFFF
# The names of attributes can be missing, because Android finds them by their resource IDs.
_ATTRIBUTES = {0x0101021B: "versionCode", 0x0101021C: "versionName"}

_SINGLE = "Esper accepts single APK files only"


@dataclass(frozen=True)
class Package:
    """Package name, version name and version code of an APK file."""

    package_name: str
    version_name: str
    version_code: int


def check_apk(path: Path) -> None:
    """Raise InvalidParameter if a file is not an APK file, with what it is and what to do instead."""
    try:
        reason = _reason_against(path)
    except OSError as error:
        raise InvalidParameter(f"Cannot read the file '{path}': {error.strerror}.") from None
    if reason is not None:
        raise InvalidParameter(f"The file '{path}' is not an APK file: {reason[0]}. {reason[1]}.")


def _reason_against(path: Path) -> Reason | None:
    """Return why a file is not an APK file, and what to do instead. None if it is one. Raise OSError."""
    names = names_in(path, advice="Set src to an APK file")
    if isinstance(names, tuple):
        return names
    return None if _MANIFEST in names else _reason_against_archive(set(names))


def _reason_against_archive(names: set[str]) -> Reason:
    if "BundleConfig.pb" in names or f"base/manifest/{_MANIFEST}" in names:
        return (
            "it is an Android App Bundle (AAB)",
            f"{_SINGLE}. Build a universal APK file from it, for example with bundletool build-apks --mode=universal",
        )
    if "universal.apk" in names:
        return "it is an archive that contains the APK file universal.apk", "Extract it, and set src to universal.apk"
    if any(name.endswith(".apk") for name in names):
        return "it is an archive with several APK files, such as XAPK or APKS", f"{_SINGLE}. Get a universal APK file"
    if any(re.match(r"Payload/[^/]+\.app/", name) for name in names):
        return "it is an app for Apple devices (IPA)", "Use the module tenant_app for it"
    if names & {"AppxManifest.xml", "AppxMetadata/AppxBundleManifest.xml"}:
        return "it is an app for Windows devices (MSIX or APPX)", "Use the module tenant_app for it"
    return f"it is a ZIP archive without {_MANIFEST}", "Set src to an APK file"


def read_package(path: Path) -> Package:
    """Return the package name and version of an APK file. Raise InvalidParameter with the reason if they cannot be
    read."""
    data = read_entry(path, _MANIFEST, _MAX_BYTES)
    try:
        return _package(_Manifest(data).attributes())
    except InvalidParameter:
        raise
    except Exception as error:  # noqa: BLE001 - struct raises many types for invalid files
        raise InvalidParameter(f"its {_MANIFEST} cannot be read ({type(error).__name__})") from None


def _package(attributes: t.Mapping[str, str | int | None]) -> Package:
    package, name = attributes.get("package"), attributes.get("versionName")
    code = str(attributes.get("versionCode", ""))
    # The version name can be a reference to another file in the APK file.
    if not isinstance(package, str) or not package or name in (None, "") or not re.fullmatch("[0-9]{1,10}", code):
        raise InvalidParameter(f"its {_MANIFEST} does not contain a package name, version name and version code")
    return Package(package, str(name), int(code))


class _Manifest:
    """A manifest in binary XML: a file of chunks. Methods raise struct.error if it ends too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._strings = 0
        self._resource_ids = 0, 0

    def attributes(self) -> dict[str, str | int | None]:
        """Return the attributes of the first element by name. Values that are not in the manifest are None."""
        kind, position, size = self._read("<HHI", 0)
        end = min(size, len(self._data))
        while kind == _XML and position < end:
            chunk, _header, length = self._read("<HHI", position)
            if chunk == _STRINGS:
                self._strings = position
            elif chunk == _RESOURCE_IDS:
                self._resource_ids = position + 8, (length - 8) // 4
            elif chunk == _START_ELEMENT:
                return self._attributes_at(position + 16)
            position += max(length, 8)
        return {}

    def _attributes_at(self, position: int) -> dict[str, str | int | None]:
        start, size, count = self._read("<HHH", position + 8)
        values: dict[str, str | int | None] = {}
        for number in range(count):
            name, raw, kind, data = self._read("<4xII3xBI", position + start + number * max(size, 20))
            known = self._name(name)
            if known in ("package", "versionName", "versionCode"):
                values[known] = self._value(raw, kind, data)
        return values

    def _name(self, index: int) -> str | None:
        """Return the name of an attribute by its resource ID, otherwise by its text."""
        position, count = self._resource_ids
        if index < count:
            return _ATTRIBUTES.get(self._read("<I", position + 4 * index)[0])
        return self._text(index)

    def _value(self, raw: int, kind: int, data: int) -> str | int | None:
        if raw != _NONE:
            return self._text(raw)
        if kind == _TYPE_STRING:
            return self._text(data)
        return data if kind in (_TYPE_DECIMAL, _TYPE_HEXADECIMAL) else None

    def _text(self, index: int) -> str | None:
        """Return a text of the string pool, None if it is too long or missing."""
        count, _styles, flags, start = self._read("<IIII", self._strings + 8)
        if not self._strings or index >= count:
            return None
        (offset,) = self._read("<I", self._strings + 28 + 4 * index)
        position = self._strings + start + offset
        if flags & _UTF8:
            _characters, position = self._length(position, "<B", 0x80)
            length, position = self._length(position, "<B", 0x80)
            encoding = "utf-8"
        else:
            length, position = self._length(position, "<H", 0x8000)
            length, encoding = 2 * length, "utf-16-le"
        return None if length > _MAX_TEXT else self._data[position : position + length].decode(encoding)

    def _length(self, position: int, form: str, flag: int) -> tuple[int, int]:
        """Return a length with one or two units, and the position after it."""
        step = struct.calcsize(form)
        (length,) = self._read(form, position)
        if not length & flag:
            return length, position + step
        (low,) = self._read(form, position + step)
        return ((length ^ flag) << (8 * step)) | low, position + 2 * step

    def _read(self, form: str, position: int) -> tuple[t.Any, ...]:
        return struct.unpack_from(form, self._data, position)
