# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML and SVG in which every text is escaped.

Names of devices and of other objects are data that anybody can write. So a page consists of elements, and a text is
only part of it after escape().
"""

from __future__ import annotations

import html
import typing as t

from ..base.text import printable_lines

# Elements without content and end tag.
_VOID = frozenset({"meta", "link", "wbr"})


class Markup(str):
    """A text that is part of a page as it is."""

    __slots__ = ()


def escape(value: t.Any) -> Markup:
    """Return a value as part of a page. Control characters, and characters that change the direction of text, are
    visible."""
    return value if isinstance(value, Markup) else Markup(html.escape(printable_lines(str(value)), quote=True))


def element(name: str, /, *children: t.Any, **attributes: t.Any) -> Markup:
    """Return an element. Children that are None are omitted, and so are attributes. An attribute that is True has no
    value. A name can end with an underscore, and has dashes in place of other underscores."""
    shown = "".join(
        f" {key}" if value is True else f' {key}="{escape(value)}"'
        for key, value in ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{shown}>")
    return Markup(f"<{name}{shown}>{joined(children)}</{name}>")


def joined(children: t.Iterable[t.Any]) -> Markup:
    """Return elements and texts, one after the other."""
    return Markup("".join(escape(child) for child in children if child is not None))
