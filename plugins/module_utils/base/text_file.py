# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts in local files."""

from __future__ import annotations

from pathlib import Path

from .errors import InvalidParameter


def read_text(path: str) -> str:
    """Return the text of a file in UTF-8, with its line ends. Raise InvalidParameter if it cannot be read."""
    try:
        return Path(path).expanduser().read_bytes().decode()
    except OSError as error:
        raise InvalidParameter(f"Cannot read the file '{path}': {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise InvalidParameter(
            f"The file '{path}' is not a text in UTF-8: its byte {error.start + 1} is invalid. Convert the file."
        ) from None
