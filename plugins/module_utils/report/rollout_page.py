# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report about a rollout as one HTML page."""

from __future__ import annotations

from ..base.row import Row
from .markup import Markup, element
from .parts import breakable, chart, document, sections_of, tile
from .rollout_words import (
    bars,
    failed_title,
    gate_cells,
    headline,
    report_times,
    summary,
    tone_of,
    version_text,
    wave_times,
    wave_word,
)


def page_of(report: Row) -> str:
    """Return a report about a rollout as HTML."""
    unreached = report["unreached"]
    sections, links = sections_of(
        {
            "waves": ("Waves", [_wave(row) for row in report["waves"]]),
            "unreached": (
                f"Devices not reached on the way back ({report['unreached_count']})",
                [_devices(unreached)] if unreached else [],
            ),
            "blueprints": ("Blueprints", [_blueprints(report)]),
        }
    )
    header = element(
        "header",
        element("h1", report["title"]),
        element("p", headline(report), class_=f"headline {tone_of(report)}"),
        element("p", f"{report['tenant']}, {report_times(report)}", class_="meta"),
        element("p", report["reason"], class_="error") if report["reason"] else None,
        element("ul", *(tile(*row) for row in summary(report)), class_="tiles"),
        links,
    )
    footer = element("footer", f"Rollout {report['id']}. ", "Written by esper.cloud.")
    return document(f"{headline(report)} - {report['title']}", header, element("main", *sections), footer)


def _wave(wave: Row) -> Markup:
    word, tone = wave_word(wave)
    rows, total = bars(wave)
    times = wave_times(wave)
    shown = wave["failed_devices"]
    return element(
        "article",
        element("h3", element("span", word, class_=f"tag {tone}"), wave["name"]),
        element("p", times, class_="note") if times else None,
        element("div", chart(f"{total:,} devices", rows, total, is_share=True), class_="charts") if rows else None,
        _gates(wave["gates"]) if wave["gates"] else None,
        element("p", failed_title(len(shown), wave["failed_count"]), class_="error") if shown else None,
        _devices(shown) if shown else None,
        class_="object",
    )


def _gates(gates: list[Row]) -> Markup:
    titles = element("tr", *(element("th", title, scope="col") for title, _text in gate_cells({})))
    rows = [element("tr", *_cells(gate)) for gate in gates]
    texts = [element("p", gate["text"], class_="error") for gate in gates if not gate["passed"]]
    return element("div", element("table", element("thead", titles), element("tbody", *rows)), *texts)


def _cells(gate: Row) -> list[Markup]:
    (_title, name), *others = gate_cells(gate)
    tone = "good" if gate["passed"] else "bad"
    *cells, (title, result) = others
    return [
        element("td", element("code", breakable(name))),
        *(element("td", text, data_label=label) for label, text in cells),
        element("td", element("span", result, class_=f"tag {tone}"), data_label=title),
    ]


def _devices(rows: list[Row]) -> Markup:
    items = [element("li", element("b", row["name"]), element("p", row["reason"], class_="note")) for row in rows]
    return element("ul", *items, class_="list")


def _blueprints(report: Row) -> Markup:
    names = {"former_number": "Before", "new_number": "Rollout", "restored_number": "Restored"}
    titles = element("tr", *(element("th", title, scope="col") for title in ("Blueprint", *names.values())))
    rows = [
        element(
            "tr",
            element("td", row["name"]),
            *(element("td", version_text(row[key]), data_label=title) for key, title in names.items()),
        )
        for row in report["blueprints"]
    ]
    return element("table", element("thead", titles), element("tbody", *rows))
