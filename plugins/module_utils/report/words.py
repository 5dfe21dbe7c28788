# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a report, which all of its formats share."""

from __future__ import annotations

import json
import typing as t
from datetime import timezone

from ..base.row import Row
from ..base.text import counted
from ..base.times import parse_time
from ..base.yaml_text import yaml_text

VIEWS = ("drift", "plan")
"""Descriptions of the differences: what is wrong in the tenant, or what a run does."""
IN_ESPER = "In Esper"
IN_TREE = "In the tree"
NOT_IN_TREE = "Not in the tree"
_ACTIONS = {
    "drift": {
        "failed": "Cannot be compared",
        "created": "Missing in Esper",
        "updated": "Different",
        "deleted": "Exists, but must not",
        "skipped": "Not compared",
    },
    "plan": {
        "failed": "Cannot be planned",
        "created": "To create",
        "updated": "To update",
        "deleted": "To delete",
        "skipped": "Skipped",
    },
}
_TONES = {"failed": "bad", "created": "good", "updated": "warn", "deleted": "bad", "skipped": "others"}
_MAX_LENGTH = 2000


def action_word(view: str, action: str) -> str:
    """Return the words for the action on an object."""
    return _ACTIONS[view][action]


def action_tone(view: str, action: str) -> str:
    """Return the tone of the action on an object, which selects the color. A missing object is no good news."""
    return "bad" if (view, action) == ("drift", "created") else _TONES[action]


def headline(report: Row) -> str:
    """Return the outcome as a sentence without a period."""
    if report["failure"] and not report["objects"]:
        return "The comparison failed"
    counts, is_drift = report["counts"], report["view"] == "drift"
    number = sum(counts[action] for action in ("created", "updated", "deleted"))
    errors = f"{counted(counts['failed'], 'object')} cannot be {'compared' if is_drift else 'planned'}"
    if number:
        verb = f"differ{'s' if number == 1 else ''} from the tree" if is_drift else "in the plan"
        return f"{counted(number, 'object')} {verb}{f', {errors}' if counts['failed'] else ''}"
    if counts["failed"]:
        return errors
    if counts["not_in_tree"]:
        return f"{counted(counts['not_in_tree'], 'object')} in Esper, but not in the tree"
    return "No drift" if is_drift else "No changes"


def tone_of(report: Row) -> str:
    """Return the tone of the outcome."""
    if report["failure"] or report["counts"]["failed"]:
        return "bad"
    return "warn" if report["differs"] else "good"


def summary(report: Row) -> list[tuple[str, int, str]]:
    """Return the label, the number and the tone of each kind of difference that exists."""
    counts = report["counts"]
    view = report["view"]
    rows = [(action_word(view, action), counts[action], action_tone(view, action)) for action in _TONES]
    rows += [(NOT_IN_TREE, counts["not_in_tree"], "others"), ("Accepted", counts["accepted"], "others")]
    rows.append(("Acceptance expired", counts["expired"], "warn"))
    return [row for row in rows if row[1]]


def kind_word(kind: t.Any) -> str:
    """Return a kind of objects for people."""
    return str(kind).replace("_", " ")


def shown_value(value: t.Any) -> str | None:
    """Return a value for people, None if there is none."""
    if value is None:
        return None
    if isinstance(value, str):
        text = value or '""'
    elif isinstance(value, dict) and value:
        text = yaml_text(value).rstrip("\n")
    elif isinstance(value, list) and value and all(isinstance(item, (str, int, float)) for item in value):
        text = ", ".join(item if isinstance(item, str) else json.dumps(item) for item in value)
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    hidden = len(text) - _MAX_LENGTH
    return f"{text[:_MAX_LENGTH]}... ({counted(hidden, 'more character')})" if hidden > 0 else text


def shown_time(text: t.Any) -> str | None:
    """Return a time for people, in UTC. A text that is no time is returned unchanged, and "" is None."""
    time = parse_time(str(text))
    if time is None:
        return str(text) if text else None
    return time.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def author_of(row: Row, verb: str) -> str | None:
    """Return who changed or created an object, and when, as a phrase. ``verb`` is changed or created."""
    who, when = row.get(f"{verb}_by"), shown_time(row.get(f"{verb}_at"))
    if not who and not when:
        return None
    start = "Last change" if verb == "changed" else "Created"
    return " ".join([start, *([f"by {who}"] if who else []), *([f"on {when}"] if when else [])])
