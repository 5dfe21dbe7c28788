# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as one HTML page. It has no scripts, and its policy forbids all requests."""

from __future__ import annotations

import base64
import hashlib
import typing as t

from ..base.row import Row
from ..base.text import counted, printable
from .markup import Markup, element, escape, joined
from .style import STYLE
from .words import (
    IN_ESPER,
    IN_TREE,
    TONES,
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
_MAX_LABEL = 40


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
    parts = [_fleet(report), _differences(report), _not_in_tree(report), _accepted(report)]
    body = element("body", _header(report), element("main", *parts), _footer(report))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _header(report: Row) -> Markup:
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
    )


def _tile(label: str, number: int, tone: str) -> Markup:
    return element("li", element("b", f"{number:,}"), element("span", label), class_=f"tile {tone}")


def _section(title: str, *children: Markup | None) -> Markup:
    return element("section", element("h2", title), *children)


# --- charts -----------------------------------------------------------------------------------------------------------


def _fleet(report: Row) -> Markup | None:
    fleet = report["fleet"]
    if not fleet:
        return None
    charts = [_chart(chart, fleet["devices"]) for chart in fleet["charts"] if chart["bars"]]
    text = f"{counted(fleet['devices'])}"
    if fleet["disabled"]:
        text += f", and {counted(fleet['disabled'], 'disabled device')} that the charts leave out"
    return _section("Fleet", element("p", f"{text}.", class_="note"), element("div", *charts, class_="charts"))


def _chart(chart: Row, total: int) -> Markup:
    bars = chart["bars"]
    height = len(bars) * _ROW - (_ROW - _BAR - 20)
    longest = max(bar["count"] for bar in bars) or 1
    described = "; ".join(f"{bar['label']}: {bar['count']}" for bar in bars)
    picture = element(
        "svg",
        element("title", f"{chart['title']}. {described}"),
        *(_bar(bar, index * _ROW, longest, total) for index, bar in enumerate(bars)),
        viewBox=f"0 0 {_WIDTH} {height}",
        role="img",
    )
    return element("figure", element("h3", chart["title"]), picture, class_="card")


def _bar(bar: Row, top: int, longest: int, total: int) -> Markup:
    # A small number is visible too.
    width = max(2.0, _WIDTH * bar["count"] / longest) if bar["count"] else 0
    share = f"{100 * bar['count'] / total:.0f} %" if total else ""
    return element(
        "g",
        element("title", f"{bar['label']}: {bar['count']} ({share})"),
        element("text", _short(bar["label"]), x=0, y=top + 14),
        element("text", f"{bar['count']:,}", x=_WIDTH, y=top + 14, class_="count"),
        element("rect", x=0, y=top + 20, width=_WIDTH, height=_BAR, rx=3, class_="track"),
        element("rect", x=0, y=top + 20, width=f"{width:.1f}", height=_BAR, rx=3, class_=bar["tone"]),
    )


def _short(label: str) -> str:
    """Return a label that fits. The end of a path says more than its start."""
    text = printable(label)
    return text if len(text) <= _MAX_LABEL else f"...{text[-_MAX_LABEL + 3 :]}"


# --- differences ------------------------------------------------------------------------------------------------------


def _differences(report: Row) -> Markup:
    if not report["objects"]:
        return _section("Differences", element("p", f"{headline(report)}.", class_="note"))
    return _section("Differences", *(_object(report["view"], row) for row in report["objects"]))


def _object(view: str, row: Row) -> Markup:
    notes = [author_of(row, "changed"), f"Defined in {row['file']}" if row.get("file") else None]
    shown = [note for note in notes if note]
    return element(
        "article",
        _title(row, action_word(view, row["action"]), TONES[row["action"]]),
        element("p", ". ".join(shown), class_="note") if shown else None,
        element("p", row["msg"], class_="error") if row.get("msg") else None,
        _table(row["changes"]) if row["changes"] else None,
        class_="object",
    )


def _title(row: Row, tag: str, tone: str) -> Markup:
    kind = element("span", f"{kind_word(row['kind'])} ", class_="kind")
    return element("h3", element("span", tag, class_=f"tag {tone}"), kind, row["name"])


def _table(changes: list[Row]) -> Markup:
    titles = element("tr", *(element("th", title, scope="col") for title in ("Value", IN_ESPER, IN_TREE)))
    return element("table", element("thead", titles), element("tbody", *map(_change, changes)))


def _change(change: Row) -> Markup:
    path = element("code", change["path"])
    other = change.get("object")
    return element(
        "tr",
        element("td", path, element("div", other, class_="note") if other else None),
        element("td", _value(change["before"]), class_="before", data_label=IN_ESPER),
        element("td", _value(change["after"]), class_="after", data_label=IN_TREE),
    )


def _value(value: t.Any) -> Markup:
    text = shown_value(value)
    return element("span", "not set", class_="none") if text is None else element("code", text)


# --- other objects ----------------------------------------------------------------------------------------------------


def _not_in_tree(report: Row) -> Markup | None:
    rows = report["not_in_tree"]
    if not rows:
        return None
    return _section(
        "Not in the tree",
        *(
            element(
                "article",
                _title(row, "Not in the tree", "others"),
                *(element("p", note, class_="note") for note in (author_of(row, "created"), row["reason"]) if note),
                class_="object",
            )
            for row in rows
        ),
    )


def _accepted(report: Row) -> Markup | None:
    rows = report["accepted"]
    if not rows:
        return None
    words = {"active": ("Accepted", "good"), "unused": ("No longer needed", "others"), "expired": ("Expired", "warn")}
    return _section(
        "Accepted deviations",
        *(
            element(
                "article",
                _title(row, *words.get(row["status"], (str(row["status"]), "others"))),
                element("p", element("code", row["field"]), class_="note") if row["field"] else None,
                element("p", joined([row["reason"], f", until {row['until']}" if row["until"] else ""]), class_="note"),
                class_="object",
            )
            for row in rows
        ),
    )


def _footer(report: Row) -> Markup:
    checksum = report["plan_checksum"]
    return element(
        "footer", escape(f"Checksum of the plan: {checksum}. " if checksum else ""), "Written by esper.cloud."
    )
