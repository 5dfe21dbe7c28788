# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an Android package says of itself, by a library that may be missing: https://pypi.org/project/pyaxmlparser/.

Only the manifest is read: the library's own way would take the whole package into memory.
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
# Far more than any manifest has, and little enough to be unpacked.
_LARGEST = 16 * 1024**2
_ANDROID = "{http://schemas.android.com/apk/res/android}"


@dataclass(frozen=True)
class Package:
    """A package's name, and its version: a name for people, and a code that grows."""

    package_name: str
    version_name: str
    version_code: int


def read_package(path: Path) -> Package:
    """What the package at ``path`` says of itself. Raises InvalidParameter, which says why it cannot be told."""
    if AXMLPrinter is None:
        raise InvalidParameter(f"the Python library pyaxmlparser is missing for {sys.executable}")
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(_MANIFEST)
            if entry.file_size > _LARGEST:
                raise InvalidParameter(f"its {_MANIFEST} is too large")
            root = AXMLPrinter(archive.read(entry)).get_xml_obj()
    except (OSError, zipfile.BadZipFile):
        raise InvalidParameter("it is no package that can be read") from None
    except KeyError:
        raise InvalidParameter(f"it has no {_MANIFEST}") from None
    except InvalidParameter:
        raise
    except Exception as error:  # noqa: BLE001 - the library raises all sorts for what it does not understand
        raise InvalidParameter(f"its {_MANIFEST} cannot be read ({type(error).__name__})") from None
    return _package({} if root is None else root.attrib)


def _package(manifest: t.Mapping[str, str]) -> Package:
    package, name = manifest.get("package", ""), manifest.get(f"{_ANDROID}versionName", "")
    code = manifest.get(f"{_ANDROID}versionCode", "")
    # A name may also be a reference to a text that is elsewhere in the package.
    if not package or not name or name.startswith("@") or not re.fullmatch("[0-9]+", code):
        raise InvalidParameter(f"its {_MANIFEST} does not tell them")
    return Package(package, name, int(code))
