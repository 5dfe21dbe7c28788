# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as one HTML page. It has no scripts, and its policy forbids all requests."""

from __future__ import annotations

import base64
import hashlib
import re
import typing as t

from ..base.row import Row
from ..base.text import counted, printable
from .markup import Markup, element, escape, joined
from .style import STYLE
from .words import (
    IN_ESPER,
    IN_TREE,
    NOT_IN_TREE,
    action_tone,
    action_word,
    author_of,
    headline,
    kind_word,
    shown_time,
    shown_value,
    tone_of,
)
from .words import summary as summary_of

# Units of the pictures, which are as wide as their card.
_WIDTH = 340
_ROW = 34
_BAR = 8
_MAX_LABEL = 36
_SIDES = {"before": IN_ESPER, "after": IN_TREE}
# A title, and what follows.
_Section = tuple[str, list[Markup]]
# Charts whose bars are shares of the fleet. Those of the others are relative to the longest one.
_SHARES = ("state", "last_seen", "platform")
# A long name breaks after these.
_BREAKS = re.compile(r"(?<=[._/\[])(?=.)")


def page_of(report: Row) -> str:
    """Return a report as HTML."""
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
        element("title", f"{headline(report)} - {report['title']}"),
        element("style", style),
    )
    parts = {
        "fleet": _fleet(report),
        "differences": _differences(report),
        "not-in-tree": _not_in_tree(report),
        "accepted": _accepted(report),
    }
    sections = [
        element("section", element("h2", title), *children, id=name)
        for name, (title, children) in parts.items()
        if children
    ]
    links = [element("a", title, href=f"#{name}") for name, (title, children) in parts.items() if children]
    header = _header(report, element("nav", *links) if len(links) > 1 else None)
    body = element("body", header, element("main", *sections), _footer(report))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _header(report: Row, links: Markup | None) -> Markup:
    fleet = report["fleet"]
    tiles = [_tile(label, number, tone) for label, number, tone in summary_of(report)]
    tiles.append(_tile("Unchanged", report["counts"]["unchanged"], "plain"))
    if fleet:
        tiles.append(_tile(f"of {counted(fleet['devices'])} online", fleet["online"], "good"))
        tiles.append(_tile("devices outdated", fleet["outdated"], "warn" if fleet["outdated"] else "good"))
    return element(
        "header",
        element("h1", report["title"]),
        element("p", headline(report), class_=f"headline {tone_of(report)}"),
        element("p", f"{report['tenant']}, {shown_time(report['generated_at'])}", class_="meta"),
        element("p", report["failure"], class_="error") if report["failure"] else None,
        element("ul", *tiles, class_="tiles"),
        links,
    )


def _tile(label: str, number: int, tone: str) -> Markup:
    return element("li", element("b", f"{number:,}"), element("span", label), class_=f"tile {tone}")


# --- charts -----------------------------------------------------------------------------------------------------------


def _fleet(report: Row) -> _Section:
    fleet = report["fleet"]
    if not fleet:
        return "Fleet", []
    charts = [_chart(chart, fleet["devices"]) for chart in fleet["charts"] if chart["bars"]]
    text = counted(fleet["devices"])
    if fleet["disabled"]:
        text += f", without {counted(fleet['disabled'], 'disabled device')}"
    return "Fleet", [element("p", f"{text}.", class_="note"), element("div", *charts, class_="charts")]


def _chart(chart: Row, total: int) -> Markup:
    bars = chart["bars"]
    is_share = chart["key"] in _SHARES
    # The bar for all others is often longer than each of them.
    longest = total if is_share else max((row["count"] for row in bars if row["tone"] != "others"), default=0)
    described = "; ".join(f"{row['label']}: {row['count']}" for row in bars)
    picture = element(
        "svg",
        element("title", f"{chart['title']}. {described}"),
        *(_bar(row, index * _ROW, longest, total, is_share=is_share) for index, row in enumerate(bars)),
        viewBox=f"0 0 {_WIDTH} {len(bars) * _ROW - 4}",
        role="img",
    )
    return element("figure", element("h3", chart["title"]), picture, class_="card")


def _bar(row: Row, top: int, longest: int, total: int, *, is_share: bool) -> Markup:
    share = f"{100 * row['count'] / total:.0f} %" if total else ""
    has_bar = row["count"] and (is_share or row["tone"] != "others")
    # A small number is visible too.
    width = max(2.0, _WIDTH * row["count"] / longest) if has_bar and longest else 0
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


# --- differences ------------------------------------------------------------------------------------------------------


def _differences(report: Row) -> _Section:
    objects = [_object(report["view"], row) for row in report["objects"]]
    return "Differences", objects or [element("p", f"{headline(report)}.", class_="note")]


def _object(view: str, row: Row) -> Markup:
    notes = [author_of(row, "changed"), f"Defined in {row['file']}" if row.get("file") else None]
    shown = [note for note in notes if note]
    # A new object has no values in Esper, and a deleted one none in the tree.
    sides = [side for side in _SIDES if (row["action"], side) not in (("created", "before"), ("deleted", "after"))]
    return element(
        "article",
        _title(row, action_word(view, row["action"]), action_tone(view, row["action"])),
        element("p", ". ".join(shown), class_="note") if shown else None,
        element("p", row["msg"], class_="error") if row.get("msg") else None,
        _table(row["changes"], sides) if row["changes"] else None,
        class_="object",
    )


def _title(row: Row, tag: str, tone: str) -> Markup:
    kind = element("span", f"{kind_word(row['kind'])} ", class_="kind")
    return element("h3", element("span", tag, class_=f"tag {tone}"), kind, row["name"])


def _table(changes: list[Row], sides: list[str]) -> Markup:
    titles = element("tr", *(element("th", title, scope="col") for title in ("Value", *map(_SIDES.get, sides))))
    rows = [_change(change, sides) for change in changes]
    return element(
        "table", element("thead", titles), element("tbody", *rows), class_="two" if len(sides) == 1 else None
    )


def _change(change: Row, sides: list[str]) -> Markup:
    other = change.get("object")
    return element(
        "tr",
        element(
            "td", element("code", _breakable(change["path"])), element("p", other, class_="note") if other else None
        ),
        *(element("td", _value(change[side]), class_=side, data_label=_SIDES[side]) for side in sides),
    )


def _breakable(text: t.Any) -> Markup:
    """Return a path that breaks after the names in it."""
    first, *others = _BREAKS.split(str(text))
    return joined([first, *(part for each in others for part in (element("wbr"), each))])


def _value(value: t.Any) -> Markup:
    text = shown_value(value)
    return element("span", "not set", class_="none") if text is None else element("code", text)


# --- other objects ----------------------------------------------------------------------------------------------------


def _not_in_tree(report: Row) -> _Section:
    rows = report["not_in_tree"]
    reasons = {row["reason"] for row in rows}
    # Usually the same for all objects, so it is there once.
    note = element("p", reasons.pop(), class_="note") if len(reasons) == 1 and None not in reasons else None
    items = [
        element(
            "li",
            element("span", f"{kind_word(row['kind'])} ", class_="kind"),
            element("b", _breakable(row["name"])),
            *(
                element("p", text, class_="note")
                for text in (author_of(row, "created"), row["reason"] if note is None else None)
                if text
            ),
        )
        for row in rows
    ]
    parts = [] if note is None else [note]
    return f"{NOT_IN_TREE} ({len(rows)})", [*parts, element("ul", *items, class_="list")] if rows else []


def _accepted(report: Row) -> _Section:
    rows = report["accepted"]
    words = {"active": ("Accepted", "good"), "unused": ("No longer needed", "others"), "expired": ("Expired", "warn")}
    return "Accepted deviations", [
        element(
            "article",
            _title(row, *words.get(row["status"], (str(row["status"]), "others"))),
            element("p", element("code", row["field"]), class_="note") if row["field"] else None,
            element("p", joined([row["reason"], f", until {row['until']}" if row["until"] else ""]), class_="note"),
            class_="object",
        )
        for row in rows
    ]


def _footer(report: Row) -> Markup:
    checksum = report["plan_checksum"]
    return element(
        "footer", escape(f"Checksum of the plan: {checksum}. " if checksum else ""), "Written by esper.cloud."
    )
