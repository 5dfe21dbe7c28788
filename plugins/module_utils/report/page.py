# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as one HTML page."""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..base.text import counted
from .markup import Markup, element, escape, joined
from .parts import breakable, chart, document, sections_of, tile
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

_SIDES = {"before": IN_ESPER, "after": IN_TREE}
# A title, and what follows.
_Section = tuple[str, list[Markup]]
# Charts whose bars are shares of the fleet. Those of the others are relative to the longest one.
_SHARES = ("state", "last_seen", "platform")


def page_of(report: Row) -> str:
    """Return a report as HTML."""
    sections, links = sections_of(
        {
            "fleet": _fleet(report),
            "differences": _differences(report),
            "not-in-tree": _not_in_tree(report),
            "accepted": _accepted(report),
        }
    )
    title = f"{headline(report)} - {report['title']}"
    return document(title, _header(report, links), element("main", *sections), _footer(report))


def _header(report: Row, links: Markup | None) -> Markup:
    fleet = report["fleet"]
    tiles = [tile(label, number, tone) for label, number, tone in summary_of(report)]
    tiles.append(tile("Unchanged", report["counts"]["unchanged"], "plain"))
    if fleet:
        tiles.append(tile(f"of {counted(fleet['devices'])} online", fleet["online"], "good"))
        tiles.append(tile("devices outdated", fleet["outdated"], "warn" if fleet["outdated"] else "good"))
    return element(
        "header",
        element("h1", report["title"]),
        element("p", headline(report), class_=f"headline {tone_of(report)}"),
        element("p", f"{report['tenant']}, {shown_time(report['generated_at'])}", class_="meta"),
        element("p", report["failure"], class_="error") if report["failure"] else None,
        element("ul", *tiles, class_="tiles"),
        links,
    )


# --- charts -----------------------------------------------------------------------------------------------------------


def _fleet(report: Row) -> _Section:
    fleet = report["fleet"]
    if not fleet:
        return "Fleet", []
    charts = [
        chart(each["title"], each["bars"], fleet["devices"], is_share=each["key"] in _SHARES)
        for each in fleet["charts"]
        if each["bars"]
    ]
    text = counted(fleet["devices"])
    if fleet["disabled"]:
        text += f", without {counted(fleet['disabled'], 'disabled device')}"
    return "Fleet", [element("p", f"{text}.", class_="note"), element("div", *charts, class_="charts")]


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
            "td", element("code", breakable(change["path"])), element("p", other, class_="note") if other else None
        ),
        *(element("td", _value(change[side]), class_=side, data_label=_SIDES[side]) for side in sides),
    )


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
            element("b", breakable(row["name"])),
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
