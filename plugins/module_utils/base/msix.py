# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name and version of an app for Windows (MSIX or APPX file, or a bundle of them), from its manifest."""

from __future__ import annotations

import typing as t
from pathlib import Path
from xml.parsers import expat

from .archive import AGAIN, Reason, names_in, read_entry
from .errors import InvalidParameter
from .package_text import package_text

_MANIFESTS = ("AppxManifest.xml", "AppxMetadata/AppxBundleManifest.xml")
_MAX_BYTES = 1024**2
_KEYS = {"package_name": "Name", "version_name": "Version"}
# The depth of the element Identity in a manifest.
_DEPTH = 2


def reason_against_msix(path: Path) -> Reason | None:
    """Return why a file is not an MSIX or APPX file, and what to do instead. None if it is one. Raise OSError."""
    names = names_in(path, advice="Set src to an MSIX or APPX file")
    if isinstance(names, tuple):
        return names
    return None if any(name in names for name in _MANIFESTS) else (f"it does not contain {_MANIFESTS[0]}", AGAIN)


def read_msix(path: Path) -> dict[str, str | None]:
    """Return package name and version name of an MSIX or APPX file, None for each that it lacks. Raise InvalidParameter
    with the reason if its manifest cannot be read."""
    names = names_in(path, advice="")
    name = next((each for each in _MANIFESTS if each in names), _MANIFESTS[0])
    data = read_entry(path, name, _MAX_BYTES)
    try:
        identity = _identity(data)
    except expat.ExpatError as error:
        raise InvalidParameter(f"its {name} is not valid XML ({error})") from None
    except (ValueError, LookupError) as error:
        # LookupError is about a manifest whose declared encoding does not exist.
        raise InvalidParameter(f"its {name} cannot be read ({error})") from None
    return {option: package_text(identity.get(key)) for option, key in _KEYS.items()}


def _identity(data: bytes) -> dict[str, str]:
    """Return the attributes of the element Identity. Raise ExpatError or ValueError if the XML is invalid."""
    found: dict[str, str] = {}
    depth = 0

    def reject(*_declaration: t.Any) -> None:
        # Only a declaration of the document type can declare entities, which could expand to any size.
        raise ValueError("it declares a document type")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth == _DEPTH and name.rpartition(" ")[2] == "Identity":
            if found:
                raise ValueError("it has several identities")
            found.update(attributes)

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = reject
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.Parse(data, True)
    return found
