# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of files and variables, derived from the names of objects."""

from __future__ import annotations

import hashlib
import re
import typing as t
import unicodedata

from .text import composed

# Maximum number of characters of a name without its checksum. A file name can have 255 bytes.
_LONGEST = 60
_CHECKSUM_LENGTH = 8


def file_slug(text: str) -> str:
    """Return a text as part of a file name: lower case letters and digits of any script, with few other characters."""
    words = re.findall(r"[^\W_]+(?:[._@]+[^\W_]+)*", composed(text).lower())
    return _shortened("-".join(words), text)


def variable_slug(text: str) -> str:
    """Return a text as part of the name of a variable: ASCII letters, digits and underscores."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _shortened("_".join(re.findall(r"[a-z0-9]+", ascii_text)), text, "_")


def unique_slugs(texts: t.Iterable[str], slug: t.Callable[[str], str], separator: str) -> dict[str, str]:
    """Return the slug of each text. Texts with the same slug get a checksum each, so no slug depends on the order."""
    slugs = {text: slug(text) for text in texts}
    found = list(slugs.values())
    duplicates = {each for each in found if found.count(each) > 1} if len(set(found)) < len(found) else set()
    return {
        text: with_checksum(short, text, separator) if short in duplicates else short for text, short in slugs.items()
    }


def with_checksum(slug: str, text: str, separator: str) -> str:
    """Return a slug with a checksum of its text."""
    checksum = hashlib.sha256(composed(text).encode(errors="surrogatepass")).hexdigest()[:_CHECKSUM_LENGTH]
    return f"{slug}{separator}{checksum}" if slug else checksum


def _shortened(slug: str, text: str, separator: str = "-") -> str:
    if slug and len(slug) <= _LONGEST:
        return slug
    return with_checksum(slug[:_LONGEST].rstrip("-_."), text, separator)
