# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a page that all reports share. A page has no scripts, and its policy forbids all requests."""

from __future__ import annotations

import base64
import hashlib
import re
import typing as t

from ..base.row import Row
from ..base.text import printable
from .markup import Markup, element, joined
from .style import STYLE

# Units of the pictures, which are as wide as their card.
_WIDTH = 340
_ROW = 34
_BAR = 8
_MAX_LABEL = 36
# A long name breaks after these.
_BREAKS = re.compile(r"(?<=[._/\[])(?=.)")


def document(title: str, *children: Markup) -> str:
    """Return a page with a title and the elements of its body."""
    style = Markup(STYLE)
    checksum = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element(
            "meta",
            http_equiv="Content-Security-Policy",
            content=f"default-src 'none'; style-src 'sha256-{checksum}'; img-src data:; base-uri 'none';"
            " form-action 'none'",
        ),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="robots", content="noindex"),
        element("link", rel="icon", href="data:,"),
        element("title", title),
        element("style", style),
    )
    return f"<!DOCTYPE html>\n{element('html', head, element('body', *children), lang='en')}\n"


def sections_of(parts: dict[str, tuple[str, list[Markup]]]) -> tuple[list[Markup], Markup | None]:
    """Return the sections of a page that have elements, and the links to them if there are several. Each part has a
    title and elements by its ID."""
    shown = {name: part for name, part in parts.items() if part[1]}
    sections = [
        element("section", element("h2", title), *children, id=name) for name, (title, children) in shown.items()
    ]
    links = [element("a", title, href=f"#{name}") for name, (title, _children) in shown.items()]
    return sections, element("nav", *links) if len(links) > 1 else None


def breakable(text: t.Any) -> Markup:
    """Return a path that breaks after the names in it."""
    first, *others = _BREAKS.split(str(text))
    return joined([first, *(part for each in others for part in (element("wbr"), each))])


def tile(label: str, number: int, tone: str) -> Markup:
    """Return a tile with a number."""
    return element("li", element("b", f"{number:,}"), element("span", label), class_=f"tile {tone}")


def chart(title: str, bars: list[Row], total: int, *, is_share: bool) -> Markup:
    """Return a card with bars: ``label``, ``count`` and ``tone``. Their lengths are shares of the total, or else
    relative to the longest one."""
    # The bar for all others is often longer than each of them.
    longest = total if is_share else max((row["count"] for row in bars if row["tone"] != "others"), default=0)
    described = "; ".join(f"{row['label']}: {row['count']}" for row in bars)
    picture = element(
        "svg",
        element("title", f"{title}. {described}"),
        *(_bar(row, index * _ROW, longest, total, is_share=is_share) for index, row in enumerate(bars)),
        viewBox=f"0 0 {_WIDTH} {len(bars) * _ROW - 4}",
        role="img",
    )
    return element("figure", element("h3", title), picture, class_="card")


def _bar(row: Row, top: int, longest: int, total: int, *, is_share: bool) -> Markup:
    share = f"{100 * row['count'] / total:.0f} %" if total else ""
    has_bar = row["count"] and (is_share or row["tone"] != "others")
    # A small number is visible too.
    width = min(_WIDTH, max(2.0, _WIDTH * row["count"] / longest)) if has_bar and longest else 0
    place = {"x": 0, "y": top + 20, "height": _BAR, "rx": 3}
    return element(
        "g",
        element("title", f"{row['label']}: {row['count']} ({share})"),
        element("text", _short(row["label"]), x=0, y=top + 14),
        element("text", f"{row['count']:,} \u00b7 {share}", x=_WIDTH, y=top + 14, class_="count"),
        element("rect", **place, width=_WIDTH, class_="track") if is_share else None,
        element("rect", **place, width=f"{width:.1f}", class_=row["tone"]) if width else None,
    )


def _short(label: str) -> str:
    """Return a label that fits. The end of a path says more than its start."""
    text = printable(label)
    return text if len(text) <= _MAX_LABEL else f"...{text[-_MAX_LABEL + 3 :]}"
