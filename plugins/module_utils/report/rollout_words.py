# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words and numbers of the report about a rollout, which all of its formats share."""

from __future__ import annotations

import typing as t

from ..base.row import Row, is_integer
from ..base.text import counted
from ..base.times import parse_time
from .words import shown_time

UNKNOWN = "-"
_STATUSES = {
    "planned": ("planned", "plain"),
    "running": ("in progress", "plain"),
    "paused": ("paused", "plain"),
    "completed": ("completed", "good"),
    "failed": ("stopped", "bad"),
    "reverting": ("going back", "bad"),
    "reverted": ("went back", "warn"),
}
_WAVES = {
    "pending": ("Not started", "others"),
    "running": ("Converging", "plain"),
    "soaking": ("Soaking", "plain"),
    "passed": ("Passed", "good"),
    "failed": ("Failed", "bad"),
    "reverted": ("Went back", "warn"),
}
_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def headline(report: Row) -> str:
    """Return the outcome as a sentence without a period."""
    word = _STATUSES.get(report["status"], (str(report["status"]), "plain"))[0]
    name = report["current_wave"]
    where = {"failed": "in the wave", "paused": "before the wave", "running": "with the wave"}.get(report["status"])
    return f"{report['target']}: {word}{f' {where} {name}' if where and name else ''}"


def tone_of(report: Row) -> str:
    """Return the tone of the outcome, which selects the color."""
    tone = _STATUSES.get(report["status"], ("", "plain"))[1]
    return "warn" if tone == "good" and any(row["status"] == "failed" for row in report["waves"]) else tone


def wave_word(wave: Row) -> tuple[str, str]:
    """Return the word for the status of a wave, and its tone."""
    if wave["status"] == "failed" and wave.get("continued"):
        return "Failed, continued", "warn"
    return _WAVES.get(wave["status"], (str(wave["status"]), "others"))


def wave_times(wave: Row) -> str:
    """Return the times of a wave as a phrase, "" if it has not started."""
    start = shown_time(wave.get("started_at"))
    if not start:
        return ""
    phrases = [f"Started {start}"]
    if took := duration_between(wave.get("started_at"), wave.get("converged_at")):
        phrases.append(f"converged in {took}")
    if wave["status"] == "soaking" and wave.get("soak_until"):
        phrases.append(f"soaks until {shown_time(wave['soak_until'])}")
    elif soaked := duration_between(wave.get("converged_at"), wave.get("ended_at")):
        phrases.append(f"ended {soaked} later")
    return ", ".join(phrases)


def report_times(report: Row) -> str:
    """Return the times of a rollout as a phrase."""
    phrases = [f"started {shown_time(report['started_at'])}"]
    if report["ended_at"]:
        took = duration_between(report["started_at"], report["ended_at"])
        phrases.append(f"ended {shown_time(report['ended_at'])}{f' after {took}' if took else ''}")
    return ", ".join(phrases)


def duration_between(start: t.Any, end: t.Any) -> str:
    """Return the time between two times for people, "" if one is unknown or they are the same."""
    first, last = parse_time(str(start)), parse_time(str(end))
    seconds = 0 if first is None or last is None else round((last - first).total_seconds())
    parts = []
    for unit, size in _UNITS:
        number, seconds = divmod(max(seconds, 0), size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2])


def summary(report: Row) -> list[tuple[str, int, str]]:
    """Return the label, the number and the tone of each number of a rollout."""
    waves = report["waves"]
    passed = sum(row["status"] == "passed" for row in waves)
    converged = sum(_number(row["after"], "converged") for row in waves)
    failed = sum(row["failed_count"] for row in waves)
    offline = sum(_offline(row["after"]) for row in waves)
    rows = [
        (f"of {counted(len(waves), 'wave')} passed", passed, "good" if passed == len(waves) else "plain"),
        (f"{_devices(converged)} converged", converged, "good"),
        (f"{_devices(failed)} failed", failed, "bad" if failed else "good"),
        (f"outdated {_devices(offline)} offline", offline, "warn" if offline else "good"),
    ]
    if report["status"] in ("reverting", "reverted"):
        unreached = report["unreached_count"]
        rows.append((f"{_devices(unreached)} not reached on the way back", unreached, "bad" if unreached else "good"))
    return rows


def bars(wave: Row) -> tuple[list[Row], int]:
    """Return bars with the last reading of a wave, and the number of its devices. There are none before a reading."""
    after = wave["after"]
    total = _number(after, "devices")
    if not total:
        return [], 0
    rows = [
        ("Converged", _number(after, "converged"), "good"),
        ("Failed", wave["failed_count"], "bad"),
        ("Waiting", _number(wave["counts"], "waiting"), "plain"),
        ("Outdated and offline", _offline(after), "others"),
    ]
    return [{"label": label, "count": count, "tone": tone} for label, count, tone in rows], total


def _devices(number: int) -> str:
    return "device" if number == 1 else "devices"


def _offline(reading: t.Any) -> int:
    """Return the number of offline devices in a reading that do not run the version. Others count as converged."""
    converged = _number(reading, "converged") - _number(reading, "converged_online")
    return max(_number(reading, "offline") - converged, 0)


def _number(row: t.Any, key: str) -> int:
    value = row.get(key) if isinstance(row, dict) else None
    return value if is_integer(value) else 0


def gate_cells(gate: Row) -> list[tuple[str, str]]:
    """Return the titles and the texts of the cells of a gate."""
    return [
        ("Gate", str(gate.get("gate"))),
        ("Before", percent(gate.get("before"))),
        ("After", percent(gate.get("after"))),
        ("Limit", percent(gate.get("limit"))),
        ("Result", "passed" if gate.get("passed") else "failed"),
    ]


def percent(value: t.Any) -> str:
    """Return a percentage for people."""
    return f"{value:g} %" if isinstance(value, (int, float)) and not isinstance(value, bool) else UNKNOWN


def failed_title(shown: int, total: int) -> str:
    """Return the title of a list of devices that failed."""
    more = f", the first {shown} of them" if shown < total else ""
    return f"{counted(total)} failed{more}"


def version_text(number: t.Any) -> str:
    """Return the number of a version of a blueprint for people."""
    return "none" if number is None else f"version {number}"
