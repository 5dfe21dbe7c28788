# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of which Esper only returns a download link: neither a checksum nor the name that they were uploaded with.

Their bytes are compared after a download (TenantView.checksum_at), and their names with the end of the link. A link
grants access by its query, so results have it without that.

Choice: Esper keeps the name of an uploaded file in its link. It can replace spaces with underscores, remove other
characters, and add an underscore and seven letters or digits before the extension, as the framework of the Esper API
does.
"""

from __future__ import annotations

import re
import typing as t
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from ..base.text import composed

# Characters that the framework of the Esper API removes from file names.
_UNSAFE = re.compile(r"[^-\w.]")
_SUFFIX = re.compile(r"_[0-9A-Za-z]{7}$")
# Random letters and digits are seldom one of these.
_WORD = re.compile(r"_([a-z]+|[A-Z]+|[A-Z][a-z]+|[0-9]+)$")


def without_query(link: t.Any) -> t.Any:
    """Return a download link without the query and credentials that grant access. Other values are unchanged."""
    if not isinstance(link, str):
        return link
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def stored_name(link: t.Any) -> str:
    """Return the name of the file at the end of a download link, "" without a link."""
    try:
        path = urlsplit(str(link or "")).path
    except ValueError:
        return ""
    return composed(unquote(path.rpartition("/")[2]))


def file_name(link: t.Any) -> str:
    """Return the name of the file behind a download link for people, without a suffix that Esper probably added."""
    name = stored_name(link)
    stem, extension = _split(name)
    return name if _WORD.search(stem) else _SUFFIX.sub("", stem) + extension


def has_name(link: t.Any, name: str) -> bool:
    """Return whether the file behind a download link has a name, with the changes that Esper can have made to it."""
    stored, wanted = stored_name(link), composed(name).strip()
    stem, extension = _split(stored)
    plain = _SUFFIX.sub("", stem) + extension
    return bool(wanted) and not {stored, plain}.isdisjoint({wanted, _UNSAFE.sub("", wanted.replace(" ", "_"))})


def _split(name: str) -> tuple[str, str]:
    extension = PurePosixPath(name).suffix
    return name.removesuffix(extension) if extension else name, extension
