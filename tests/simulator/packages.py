# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages for Apple and Windows: made by a test, and read by the simulator when they are uploaded."""

from __future__ import annotations

import plistlib
import re
from io import BytesIO
from typing import NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr
from zipfile import BadZipFile, ZipFile, ZipInfo

_MANIFESTS = ("AppxManifest.xml", "AppxMetadata/AppxBundleManifest.xml")
_SCHEMA = "http://schemas.microsoft.com/appx/manifest/foundation/windows10"
_NAME = re.compile(r"(.+?)-(\d[\w.]*)")
MSI = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class Package(NamedTuple):
    """The values that Esper reads from a package. Only those of Apple have a code."""

    platform: str
    package_name: str
    version_name: str
    code: str | None = None


def ipa(package_name: str, version_name: str, code: str = "1", *, padding: int = 0, binary: bool = False) -> bytes:
    """An app for Apple devices, with an extension that has an Info.plist of its own."""
    info = {
        "CFBundleIdentifier": package_name,
        "CFBundleShortVersionString": version_name,
        "CFBundleVersion": code,
        "CFBundleDisplayName": "Law",
    }
    form = plistlib.FMT_BINARY if binary else plistlib.FMT_XML
    extension = {"CFBundleIdentifier": f"{package_name}.widget", "CFBundleShortVersionString": "9"}
    return archive(
        {
            "Payload/Law.app/PlugIns/Widget.appex/Info.plist": plistlib.dumps(extension),
            "Payload/Law.app/Info.plist": plistlib.dumps(info, fmt=form),
            "padding": bytes(padding),
        }
    )


def msix(package_name: str, version_name: str, *, bundle: bool = False) -> bytes:
    """An app for Windows, or a bundle of such apps."""
    identity = f"<Identity Name={quoteattr(package_name)} Publisher='CN=Example' Version={quoteattr(version_name)}/>"
    root = "Bundle" if bundle else "Package"
    manifest = f"<?xml version='1.0' encoding='utf-8'?><{root} xmlns='{_SCHEMA}'>{identity}</{root}>"
    return archive({_MANIFESTS[bundle]: manifest.encode()})


def msi(text: str = "") -> bytes:
    """A file that starts like an MSI file."""
    return MSI + text.encode()


def archive(entries: dict[str, bytes]) -> bytes:
    """A ZIP archive. The same one is made of the same entries."""
    packed = BytesIO()
    with ZipFile(packed, "w") as file:
        for name, data in entries.items():
            file.writestr(ZipInfo(name), data)
    return packed.getvalue()


def read(name: str, data: bytes | None) -> Package:
    """The values in a package; else those in its file name, `NAME-VERSION.SUFFIX`."""
    stem, _dot, suffix = name.rpartition(".")
    platform = "APPLE" if suffix == "ipa" else "WINDOWS"
    try:
        with ZipFile(BytesIO(data or b"")) as file:
            for entry in file.namelist():
                if re.fullmatch(r"Payload/[^/]+\.app/Info\.plist", entry):
                    info = plistlib.loads(file.read(entry))
                    version, code = info["CFBundleShortVersionString"], info["CFBundleVersion"]
                    return Package("APPLE", info["CFBundleIdentifier"], version, code)
                if entry in _MANIFESTS:
                    identity = ElementTree.fromstring(file.read(entry))[0]
                    return Package("WINDOWS", identity.attrib["Name"], identity.attrib["Version"])
    except (BadZipFile, KeyError, ValueError):
        pass
    found = _NAME.fullmatch(stem)
    return Package(platform, found[1], found[2]) if found else Package(platform, stem or name, "1.0")
