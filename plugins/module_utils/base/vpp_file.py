# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Content tokens of Apple Business Manager (.vpptoken): JSON in Base64."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from .errors import InvalidParameter
from .small_file import read_small_file
from .times import parse_time


@dataclass(frozen=True)
class VppFile:
    """The properties of a content token. ``secrets`` are the texts that give access."""

    organization: str
    expires: datetime
    secrets: tuple[str, ...] = field(repr=False)


def read_vpp_file(path: Path) -> VppFile:
    """Return the properties of a content token. Raise InvalidParameter if the file is not one."""
    data = read_small_file(path)
    try:
        content = json.loads(base64.b64decode(b"".join(data.split()), validate=True))
        token, organization = content["token"], content["orgName"]
        expires = parse_time(content["expDate"])
        is_valid = isinstance(token, str) and isinstance(organization, str) and bool(token and organization.strip())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_valid, expires = False, None
    if not is_valid or expires is None:
        # The content is secret, so the message does not quote it.
        raise InvalidParameter(
            f"The file '{path}' is not a content token (.vpptoken). Download it in Apple Business Manager, in the"
            " settings for payments and billing."
        )
    # Esper can quote the file without its line ends, or one of its lines.
    lines = data.decode("ascii").split()
    return VppFile(organization, expires, ("".join(lines), *lines, token))
