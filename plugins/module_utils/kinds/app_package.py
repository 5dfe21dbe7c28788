# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Android app and the version that a task names, completed from the APK file."""

from __future__ import annotations

from dataclasses import asdict

from ..base.apk import check_apk, read_package
from ..base.errors import InvalidParameter
from ..base.row import Params
from .app_version import path_of, with_values_of_file


def with_package(params: Params) -> Params:
    """Return the options, completed from the APK file. Raise InvalidParameter if it is not an APK file or contradicts
    the options, or if neither the file nor the options have package and version."""
    if not params["src"]:
        return params
    path = path_of(params["src"])
    check_apk(path)
    try:
        package = asdict(read_package(path))
    except InvalidParameter as error:
        if params["package_name"] and params["version_name"]:
            return params
        raise InvalidParameter(
            f"Cannot read package and version of '{path}': {error}. Set package_name and version_name."
        ) from None
    return with_values_of_file(params, path, package)
