# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as Markdown, for comments on pull requests.

Names and values are in code spans, so a name is neither a link nor a mention of a person.
"""

from __future__ import annotations

import re
import typing as t

from ..base.row import Row
from ..base.text import counted, printable
from .words import IN_ESPER, IN_TREE, action_word, author_of, headline, kind_word, shown_value, summary

# GitHub accepts 65,536 characters in a comment.
_MAX_LENGTH = 60_000
_MAX_VALUE = 200
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~@&-])")


def markdown_of(report: Row) -> str:
    """Return a report as Markdown. If it is too long for a comment, the last objects are left out."""
    lines = [f"## {plain(report['title'])}: {plain(headline(report))}", ""]
    if report["failure"]:
        lines += [f"> {plain(report['failure'])}", ""]
    if rows := summary(report):
        lines += ["| Difference | Objects |", "| --- | ---: |"]
        lines += [*(f"| {label} | {number} |" for label, number, _tone in rows), ""]
    end = [f"[Full report](<{report['url']}>)", ""] if report["url"] else []
    if report["plan_checksum"]:
        end += [f"Checksum of the plan: {code(report['plan_checksum'])}", ""]
    if fleet := report["fleet"]:
        lines += [f"{counted(fleet['devices'])}, {fleet['online']} online, {fleet['outdated']} outdated.", ""]
    blocks = [*_objects(report), *_others(report)]
    length = sum(map(len, [*lines, *end])) + 200
    for number, block in enumerate(blocks):
        length += sum(len(line) + 1 for line in block)
        if length > _MAX_LENGTH:
            lines += [f"{counted(len(blocks) - number, 'more object')} not shown.", ""]
            break
        lines += block
    return "\n".join([*lines, *end])


def plain(text: t.Any) -> str:
    """Return a text in one line that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", printable(str(text)))


def code(value: t.Any, *, in_table: bool = False) -> str:
    """Return a code span in one line. A cell of a table ends at a bar, also in a code span."""
    text = printable(str(value))
    text = text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}..."
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    escaped = text.replace("|", "\\|") if in_table else text
    return f"{fence}{space}{escaped}{space}{fence}"


def _objects(report: Row) -> t.Iterator[list[str]]:
    for row in report["objects"]:
        word = action_word(report["view"], row["action"])
        lines = [f"### {word}: {kind_word(row['kind'])} {code(row['name'])}", ""]
        if note := author_of(row, "changed"):
            lines += [plain(note), ""]
        if row.get("file"):
            lines += [code(row["file"]), ""]
        if row.get("msg"):
            lines += [f"> {plain(row['msg'])}", ""]
        if row["changes"]:
            lines += [f"| Value | {IN_ESPER} | {IN_TREE} |", "| --- | --- | --- |"]
            lines += [
                f"| {code(each['path'], in_table=True)} | {_value(each['before'])} | {_value(each['after'])} |"
                for each in row["changes"]
            ]
            lines.append("")
        yield lines


def _others(report: Row) -> t.Iterator[list[str]]:
    for row in report["not_in_tree"]:
        notes = [note for note in (author_of(row, "created"), row["reason"]) if note]
        text = f": {plain('. '.join(notes))}" if notes else ""
        yield [f"- Not in the tree: {kind_word(row['kind'])} {code(row['name'])}{text}"]
    for row in report["accepted"]:
        field = f" {code(row['field'])}" if row["field"] else ""
        until = f", until {plain(row['until'])}" if row["until"] else ""
        word = {"active": "Accepted", "expired": "Acceptance expired"}.get(row["status"], "Acceptance no longer needed")
        yield [f"- {word}: {kind_word(row['kind'])} {code(row['name'])}{field}: {plain(row['reason'])}{until}"]
    yield [""]


def _value(value: t.Any) -> str:
    text = shown_value(value)
    return "" if text is None else code(text, in_table=True)
