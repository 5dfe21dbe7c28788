# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as a card for Microsoft Teams and for Slack: the body of the request to an incoming webhook.

Teams limits a message to 28 KB, and Slack a message to 50 blocks and a text in it to 3,000 characters. So a card has
the numbers, and the first objects.
"""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..base.text import counted, printable
from .words import action_word, headline, kind_word, summary, tone_of

_MAX_OBJECTS = 10
# The limit of the header of a message in Slack.
_MAX_TEXT = 150
_TEAMS_COLORS = {"good": "Good", "warn": "Warning", "bad": "Attention"}
_SLACK_COLORS = {"good": "#1f8a5b", "warn": "#b7791f", "bad": "#c0392b"}


def teams_card(report: Row) -> Row:
    """Return an adaptive card in a message for Teams. Texts are runs, in which Teams does not read Markdown."""
    body: list[Row] = [
        _run(report["title"], isSubtle=True),
        _run(headline(report), size="Large", weight="Bolder", color=_TEAMS_COLORS[tone_of(report)]),
        *(_run(line) for line in _lines(report)),
    ]
    card: Row = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    if report["url"]:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the report", "url": report["url"]}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def slack_message(report: Row) -> Row:
    """Return a message for Slack. Its texts are plain, so a name can neither mention people nor be a link."""
    blocks: list[Row] = [
        {"type": "header", "text": _plain(headline(report))},
        {"type": "context", "elements": [_plain(report["title"])]},
        *({"type": "section", "text": _plain(line)} for line in _lines(report)),
    ]
    if report["url"]:
        button = {"type": "button", "text": _plain("Open the report"), "url": report["url"]}
        blocks.append({"type": "actions", "elements": [button]})
    # Slack shows this text in notifications. It reads the three characters as the start of a mention or a link.
    text = _short(f"{report['title']}: {headline(report)}")
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(character, entity)
    return {"text": text, "attachments": [{"color": _SLACK_COLORS[tone_of(report)], "blocks": blocks}]}


def _lines(report: Row) -> list[str]:
    """Return the lines of a card: the numbers, the first objects, and the fleet."""
    lines = [", ".join(f"{label}: {number}" for label, number, _tone in summary(report))]
    if report["failure"]:
        lines.insert(0, _short(report["failure"]))
    rows = [(action_word(report["view"], row["action"]), row) for row in report["objects"]]
    rows += [("Not in the tree", row) for row in report["not_in_tree"]]
    lines += [_short(f"{word}: {kind_word(row['kind'])} {row['name']}") for word, row in rows[:_MAX_OBJECTS]]
    if len(rows) > _MAX_OBJECTS:
        lines.append(counted(len(rows) - _MAX_OBJECTS, "more object"))
    if fleet := report["fleet"]:
        lines.append(f"{counted(fleet['devices'])}, {fleet['online']} online, {fleet['outdated']} outdated")
    return [line for line in lines if line]


def _short(text: t.Any) -> str:
    shown = printable(str(text))
    return shown if len(shown) <= _MAX_TEXT else f"{shown[: _MAX_TEXT - 3]}..."


def _run(text: str, **style: t.Any) -> Row:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": _short(text), **style}]}


def _plain(text: str) -> Row:
    return {"type": "plain_text", "text": _short(text), "emoji": False}
