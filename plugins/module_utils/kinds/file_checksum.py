# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option ``checksum``, which names a file by its bytes, so that a task needs the file only to upload it."""

from __future__ import annotations

from pathlib import Path

from ..base.checksums import algorithm_of, checksum_like
from ..base.errors import InvalidParameter
from ..base.row import Params
from ..model.module_spec import Option


def checksum_option(title: str, doc: str) -> Option:
    """Return the option ``checksum`` of a module that uploads files. ``title`` is the object in a sentence, ``doc`` is
    the sentence about the algorithm."""
    return Option(
        "checksum",
        (
            f"Checksum of the file of the {title} in hexadecimal. {doc}",
            "With O(src), the task fails if the file has another checksum.",
            f"Without O(src), the task fails if the {title} does not exist or has another checksum, because the file to"
            " upload is missing. Ignored if O(state=absent).",
        ),
    )


def checksum_in(params: Params) -> str | None:
    """Return the option ``checksum``, None if it does not apply. Raise InvalidParameter if it is no checksum, or if the
    file of the task has another one."""
    if params.get("checksum") is None or params.get("state") == "absent":
        return None
    checksum = str(params["checksum"]).strip().lower()
    if algorithm_of(checksum) is None:
        raise InvalidParameter(
            f"Invalid checksum '{checksum}': it must be an MD5, SHA-1 or SHA-2 checksum in hexadecimal."
        )
    if params.get("src") is not None:
        path = Path(params["src"]).expanduser()
        if path.is_file() and (actual := checksum_like(checksum, path)) != checksum:
            raise InvalidParameter(
                f"The file '{path}' has the checksum {actual}, not {checksum}. Correct the file, or update or omit"
                " checksum."
            )
    return checksum


def check_file_of(phrase: str, known: str | None, checksum: str) -> None:
    """Raise InvalidParameter if the file of an existing object has another checksum than a task that has no file.

    ``phrase`` is the object in a sentence, ``known`` its checksum, None if Esper does not return it.
    """
    if not known or known.lower() == checksum:
        return
    if algorithm_of(known) != algorithm_of(checksum):
        raise InvalidParameter(
            f"Cannot compare the file of the {phrase}: Esper returns the checksum {known.lower()} of another algorithm"
            f" than that of {checksum}. Set checksum to one of the same algorithm."
        )
    raise missing_file(phrase, checksum, f"Esper has the checksum {known.lower()}. ")


def missing_file(phrase: str, checksum: str, found: str = "") -> InvalidParameter:
    """Return the error that neither Esper nor the task has a file. ``found`` is a sentence about what Esper has."""
    return InvalidParameter(
        f"The file of the {phrase} with the checksum {checksum} is missing: neither Esper nor the task has it. {found}"
        "Set src to the file. To get it from the tenant of an export, run tenant_export with download=true."
    )
