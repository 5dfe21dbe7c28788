# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Android app and the version that a task names, completed from the APK file."""

from __future__ import annotations

import functools
from dataclasses import asdict
from pathlib import Path

from ..base.apk import check_apk, read_package
from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from .app_version import path_of, with_values_of_file


def with_package(params: Params) -> Params:
    """Return the options, completed from the APK file. Raise InvalidParameter if it is not an APK file or contradicts
    the options, or if neither the file nor the options have package and version."""
    if not params["src"]:
        return params
    path = path_of(params["src"])
    package = _read(path, _state_of(path))
    if isinstance(package, InvalidParameter):
        if params["package_name"] and params["version_name"]:
            return params
        raise InvalidParameter(
            f"Cannot read package and version of '{path}': {package}. Set package_name and version_name."
        )
    return with_values_of_file(params, path, package)


def _state_of(path: Path) -> tuple[int, ...] | None:
    """Return values that change with a file, None if it does not exist."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


# A task needs the package several times: to find the version, to plan it, and to name it in messages.
@functools.lru_cache(maxsize=1024)
def _read(path: Path, _state: tuple[int, ...] | None) -> Row | InvalidParameter:
    """Return the package and the version in an APK file, or the error if they cannot be read. Raise InvalidParameter if
    it is not an APK file."""
    check_apk(path)
    try:
        return asdict(read_package(path))
    except InvalidParameter as error:
        return error
