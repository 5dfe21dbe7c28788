# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report about a rollout as Markdown, for pull requests and tickets."""

from __future__ import annotations

import typing as t

from ..base.row import Row
from .markdown import code, plain
from .rollout_words import (
    failed_title,
    gate_cells,
    headline,
    report_times,
    summary,
    version_text,
    wave_times,
    wave_word,
)

_MAX_DEVICES = 50


def markdown_of(report: Row) -> str:
    """Return a report about a rollout as Markdown."""
    lines = [f"## {plain(report['title'])}: {plain(headline(report))}", ""]
    if report["reason"]:
        lines += [f"> {plain(report['reason'])}", ""]
    lines += [plain(f"{report['tenant']}, {report_times(report)}."), ""]
    lines += [f"- {number} {label}" for label, number, _tone in summary(report)]
    for row in report["blueprints"]:
        new, former = version_text(row["new_number"]), version_text(row["former_number"])
        restored = f", restored as {version_text(row['restored_number'])}" if row["restored_number"] else ""
        lines.append(f"- Blueprint {code(row['name'])}: {new}, before the rollout {former}{restored}")
    lines.append("")
    for wave in report["waves"]:
        lines += _wave(wave)
    if report["unreached"]:
        lines += [f"### Devices not reached on the way back ({report['unreached_count']})", ""]
        lines += _devices(report["unreached"])
    return "\n".join(lines)


def _wave(wave: Row) -> t.Iterator[str]:
    yield from (f"### {wave_word(wave)[0]}: {code(wave['name'])}", "")
    if times := wave_times(wave):
        yield from (f"{plain(times)}.", "")
    if wave["gates"]:
        titles = [title for title, _text in gate_cells({})]
        yield from (f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}")
        for gate in wave["gates"]:
            (_title, name), *others = gate_cells(gate)
            yield f"| {' | '.join([code(name, in_table=True), *(plain(text) for _label, text in others)])} |"
        yield ""
        failed = [f"> {plain(gate['text'])}" for gate in wave["gates"] if not gate["passed"]]
        yield from [*failed, ""] if failed else []
    shown = wave["failed_devices"]
    if shown:
        yield from (f"{failed_title(min(len(shown), _MAX_DEVICES), wave['failed_count'])}:", "")
        yield from _devices(shown)


def _devices(rows: list[Row]) -> list[str]:
    return [*(f"- {code(row['name'])}: {plain(row['reason'])}" for row in rows[:_MAX_DEVICES]), ""]
