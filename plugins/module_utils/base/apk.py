# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Package name and version of an APK file, read with the optional library https://pypi.org/project/pyaxmlparser/.

Only the manifest is read, because the APK class of the library reads the whole file into memory.
"""

from __future__ import annotations

import re
import sys
import typing as t
import zipfile
from dataclasses import dataclass
from pathlib import Path

from .errors import InvalidParameter

try:
    from pyaxmlparser.axmlprinter import AXMLPrinter
except ImportError:
    AXMLPrinter = None

_MANIFEST = "AndroidManifest.xml"
# Larger than any manifest, and small enough to unpack in memory.
_MAX_BYTES = 16 * 1024**2
_ANDROID = "{http://schemas.android.com/apk/res/android}"


@dataclass(frozen=True)
class Package:
    """Package name, version name and version code of an APK file."""

    package_name: str
    version_name: str
    version_code: int


def read_package(path: Path) -> Package:
    """Return the package name and version of an APK file. Raise InvalidParameter with the reason if they cannot be
    read."""
    if AXMLPrinter is None:
        raise InvalidParameter(f"the Python library pyaxmlparser is not installed for {sys.executable}")
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(_MANIFEST)
            if entry.file_size > _MAX_BYTES:
                raise InvalidParameter(f"its {_MANIFEST} is too large")
            root = AXMLPrinter(archive.read(entry)).get_xml_obj()
    except (OSError, zipfile.BadZipFile):
        raise InvalidParameter("it is not a readable APK file") from None
    except KeyError:
        raise InvalidParameter(f"it does not contain {_MANIFEST}") from None
    except InvalidParameter:
        raise
    except Exception as error:  # noqa: BLE001 - the library raises many types for invalid files
        raise InvalidParameter(f"its {_MANIFEST} cannot be read ({type(error).__name__})") from None
    return _package({} if root is None else root.attrib)


def _package(manifest: t.Mapping[str, str]) -> Package:
    package, name = manifest.get("package", ""), manifest.get(f"{_ANDROID}versionName", "")
    code = manifest.get(f"{_ANDROID}versionCode", "")
    # A version name that starts with @ is a reference to another file in the APK file.
    if not package or not name or name.startswith("@") or not re.fullmatch("[0-9]+", code):
        raise InvalidParameter(f"its {_MANIFEST} does not contain a package name, version name and version code")
    return Package(package, name, int(code))
