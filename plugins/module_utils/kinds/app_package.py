# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The app and the version that a task names, completed from the APK file.

The contract does not document the algorithm of `hash_string`: its length determines it.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from ..base.apk import check_apk, read_package
from ..base.checksums import checksum_like
from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from .app_list import label_of

IDENTITY = ("package_name", "version_name", "version_code")


def validate(params: Params) -> None:
    """Raise InvalidParameter if an identifier is empty, or if keep_versions does not keep the version of the task."""
    for name in ("package_name", "id", "version_name", "version_id"):
        if params[name] is not None and not params[name].strip():
            raise InvalidParameter(f"{name} must not be empty.")
    keep = params["keep_versions"]
    if keep is not None and keep < 1:
        raise InvalidParameter(
            f"Invalid keep_versions {keep}: it must be 1 or more, because the task keeps its version."
        )
    if keep is not None and params["state"] == "absent":
        raise InvalidParameter("keep_versions requires state=present, because state=absent keeps no version.")


def path_of(src: str) -> Path:
    """Return the path of an APK file. Raise InvalidParameter if the file does not exist."""
    path = Path(src).expanduser()
    if not path.is_file():
        raise InvalidParameter(f"File not found: '{path}'.")
    return path


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
    wrong = [name for name in IDENTITY if params[name] not in (None, package[name])]
    if wrong:
        differences = " and ".join(f"{name} {package[name]}, not {params[name]}" for name in wrong)
        raise InvalidParameter(f"The file '{path}' has {differences}. Correct the options, or omit them.")
    return {**params, **package}


def has_version(target: Params) -> bool:
    """Return whether the options name a version, and not only an app."""
    return any(target[name] is not None for name in ("version_id", "version_name", "version_code"))


def target_label(target: Params) -> str:
    """Return the text in messages for the version that a task names."""
    name, code = target["version_name"] or target["version_id"], target["version_code"]
    parts = [target["package_name"] or target["id"], name, f"({code})" if code is not None else None]
    return " ".join(part for part in parts if part)


def matches_target(row: Row, target: Params) -> bool:
    """Return whether a version is the one of the options."""
    values = {
        "id": target["version_id"],
        "version_code": target["version_name"],
        "build_number": target["version_code"],
    }
    return all(str(row.get(key)) == str(value) for key, value in values.items() if value is not None)


def may_match_target(row: Row, target: Params) -> bool:
    """Return whether a version that the same task uploads, whose code may be unknown, can be the one of the options."""
    known = {name: target[name] for name in ("version_name", "version_code") if target[name] is not None}
    planned = {"version_name": row["version_code"], "version_code": row["build_number"]}
    return target["version_id"] is None and all(planned[name] in (None, value) for name, value in known.items())


def check_bytes(current: Row, src: str | None) -> None:
    """Raise InvalidParameter if a file differs from the one that Esper has for its version."""
    known = current.get("hash_string")
    checksum = checksum_like(known, path_of(src)) if src else None
    if checksum and known and checksum != known.lower():
        raise InvalidParameter(
            f"The app '{label_of(current)}' exists with another checksum than '{src}'. Esper cannot replace a version:"
            " increase the version of the APK file, or delete the existing version first."
        )
