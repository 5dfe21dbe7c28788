# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The app and the version that a task names, completed from the file to upload: for apps of all platforms.

The keys of the API follow from the fields of the kind of the versions: `version_name`, `version_code`, `version_id` and
`checksum`.
"""

from __future__ import annotations

import functools
import typing as t
from pathlib import Path

from ..base.checksums import checksum_like
from ..base.errors import InvalidParameter
from ..base.ids import normal_id
from ..base.row import Params, Row
from ..model.kind import Kind
from .file_checksum import check_file_of, checksum_in

IDENTITY = ("package_name", "version_name", "version_code")
_VERSION = ("version_id", "version_name", "version_code")


@functools.cache
def key_of(kind: Kind, field: str) -> str:
    """Return the API's key of a field of versions."""
    return next(each.api_name for each in kind.fields if each.name == field)


def version_label(name_key: str) -> t.Callable[[Row], str]:
    """Return the function that returns the text for a version in messages: package name, version name and version code.
    ``name_key`` is the API's key of the version name."""

    def label(version: Row) -> str:
        code = version.get("build_number")
        return f"{version.get('package_name')} {version.get(name_key)}" + (f" ({code})" if code else "")

    return label


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
    """Return the path of a file to upload. Raise InvalidParameter if the file does not exist."""
    path = Path(src).expanduser()
    if not path.is_file():
        raise InvalidParameter(f"File not found: '{path}'.")
    return path


def with_values_of_file(params: Params, path: Path, values: Row) -> Params:
    """Return the options with the values in the file to upload. Raise InvalidParameter if they contradict the
    options."""
    wrong = [name for name, value in values.items() if params[name] not in (None, value)]
    if wrong:
        differences = " and ".join(f"{name} {values[name]}, not {params[name]}" for name in wrong)
        raise InvalidParameter(f"The file '{path}' has {differences}. Correct the options, or omit them.")
    return {**params, **values}


def has_version(target: Params) -> bool:
    """Return whether the options name a version, and not only an app."""
    return any(target[name] is not None for name in _VERSION)


def target_label(target: Params) -> str:
    """Return the text in messages for the version that a task names."""
    name, code = target["version_name"] or target["version_id"], target["version_code"]
    parts = [target["package_name"] or target["id"], name, f"({code})" if code is not None else None]
    return " ".join(part for part in parts if part)


def matches_target(kind: Kind, row: Row, target: Params) -> bool:
    """Return whether a version is the one of the options."""
    known = {key_of(kind, name): target[name] for name in _VERSION if target[name] is not None}
    return all(normal_id(str(row.get(key))) == normal_id(str(value)) for key, value in known.items())


def may_match_target(kind: Kind, row: Row, target: Params) -> bool:
    """Return whether a version that the same task uploads, whose code may be unknown, can be the one of the options."""
    known = {name: target[name] for name in ("version_name", "version_code") if target[name] is not None}
    return target["version_id"] is None and all(
        row[key_of(kind, name)] in (None, value) for name, value in known.items()
    )


def check_bytes(kind: Kind, current: Row, params: Params) -> None:
    """Raise InvalidParameter if the file or the checksum of a task differs from what Esper has for its version. The
    length of a checksum determines its algorithm, which the contract does not document."""
    known, src = current.get(key_of(kind, "checksum")), params["src"]
    if (wanted := checksum_in(params)) is not None and not src:
        check_file_of(kind.phrase(current), known, wanted)
    checksum = checksum_like(known, path_of(src)) if src else None
    if checksum and known and checksum != known.lower():
        raise InvalidParameter(
            f"The {kind.phrase(current)} exists with another checksum than '{src}'. Esper cannot replace a"
            f" version: increase the version of the file, or delete the existing version first."
        )
