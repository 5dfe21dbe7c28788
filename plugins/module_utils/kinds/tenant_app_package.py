# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The app for Apple or Windows and the version that a task names, completed from the file to upload."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from pathlib import Path

from ..base.archive import AGAIN, Reason
from ..base.errors import InvalidParameter
from ..base.ipa import read_ipa, reason_against_ipa
from ..base.msix import read_msix, reason_against_msix
from ..base.row import Params
from .app_version import path_of, with_values_of_file

# The start of all files in the format of MSI.
_MSI = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_REQUIRED = ("package_name", "version_name")


def _reason_against_msi(path: Path) -> Reason | None:
    with path.open("rb") as file:
        head = file.read(len(_MSI))
    if not head:
        return "it is empty", AGAIN
    return None if head == _MSI else ("it does not start like one", AGAIN)


@dataclass(frozen=True)
class PackageFormat:
    """A format of files to upload. ``reason_against`` returns why a file does not have it, ``read`` the values in a
    file. It is None for files that the module does not read."""

    title: str
    platform: str
    reason_against: t.Callable[[Path], Reason | None]
    read: t.Callable[[Path], dict[str, str | None]] | None = None
    has_artifacts: bool = False


_IPA = PackageFormat("an IPA file", "APPLE", reason_against_ipa, read_ipa)
_MSIX = PackageFormat("an MSIX or APPX file", "WINDOWS", reason_against_msix, read_msix, has_artifacts=True)

FORMATS = {
    ".ipa": _IPA,
    ".msi": PackageFormat("an MSI file", "WINDOWS", _reason_against_msi),
    ".msix": _MSIX,
    ".appx": _MSIX,
    ".msixbundle": _MSIX,
    ".appxbundle": _MSIX,
}
"""The formats of files by their suffix."""


def format_of(path: Path) -> PackageFormat:
    """Return the format of a file by its suffix. Raise InvalidParameter if the suffix is another one."""
    found = FORMATS.get(path.suffix.lower())
    if found is None:
        advice = "Use the module app for it" if path.suffix.lower() == ".apk" else "Set src to such a file"
        raise InvalidParameter(
            f"The file '{path}' has an unknown suffix. Valid suffixes: {', '.join(FORMATS)}. {advice}."
        )
    return found


def check_format(path: Path, file_format: PackageFormat) -> None:
    """Raise InvalidParameter if a file does not have a format, with the reason and what to do instead."""
    try:
        reason = file_format.reason_against(path)
    except OSError as error:
        raise InvalidParameter(f"Cannot read the file '{path}': {error.strerror}.") from None
    if reason is not None:
        raise InvalidParameter(f"The file '{path}' is not {file_format.title}: {reason[0]}. {reason[1]}.")


def with_package(params: Params) -> Params:
    """Return the options, completed from the file. Raise InvalidParameter if the file is invalid or contradicts the
    options, or if neither the file nor the options have package name and version name."""
    if not params["src"]:
        return params
    path = path_of(params["src"])
    file_format = format_of(path)
    check_format(path, file_format)
    values: dict[str, str | None] = {}
    if file_format.read is not None:
        try:
            values = file_format.read(path)
        except InvalidParameter as error:
            raise InvalidParameter(f"Cannot read package and version of '{path}': {error}. {AGAIN}.") from None
    known = {name: value for name, value in values.items() if value is not None}
    target = with_values_of_file(params, path, {"platform": file_format.platform, **known})
    if missing := [name for name in _REQUIRED if target[name] is None]:
        names = " and ".join(missing)
        raise InvalidParameter(f"The module cannot read {names} from '{path}'. Set {names}.")
    return target
