# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that renders the state of a rollout as a page, as JSON and as Markdown.

It sends no request: the state has all that a report shows.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.secret_file import SecretFile
from ..engine.tenant_view import TenantView
from ..model.module_spec import NO_DIFF, ModuleSpec, Option, Support, Value
from ..report.rollout_markdown import markdown_of
from ..report.rollout_page import page_of
from ..report.rollout_words import headline
from ..rollout.state import StateStore, check_state, next_wave, target_text
from ..task import ModuleDefinition, ModuleResult, RunContext

FORMAT = 1
"""The version of the format of a report. It changes if a value is removed, or if its meaning changes."""
_KEYS = ("id", "tenant", "target", "status", "reason", "started_at", "ended_at")
_BLUEPRINT = ("id", "name", "former_number", "new_number", "restored_number")
_WAVE = ("name", "status", "continued", "percent", "started_at", "converged_at", "soak_until", "ended_at")
_DEVICE = ("id", "name", "reason")
_GATE = ("gate", "before", "after", "limit", "passed", "text")


def _json_text(value: t.Any) -> str:
    return f"{json.dumps(value, indent=2, ensure_ascii=False, default=str)}\n"


_FILES: dict[str, tuple[str, t.Callable[[Row], str]]] = {
    "html": ("rollout.html", page_of),
    "json": ("rollout.json", _json_text),
    "markdown": ("rollout.md", markdown_of),
}


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    report = t.cast(Row, view.client.redact_all({**report_of(_state_of(params)), "title": params["title"]}))
    dest, files, changed = params["dest"], [], False
    if dest is not None:
        for name in params["formats"]:
            file, render = _FILES[name]
            path = f"{dest.rstrip('/') or '/'}/{file}"
            files.append({"format": name, "path": path})
            changed |= _write(path, render(report), check_mode=context.check_mode)
    result: Row = {
        "changed": changed,
        "headline": headline(report),
        "report": report,
        "markdown": markdown_of(report),
        "files": files,
    }
    return ModuleResult(result)


def _state_of(params: Params) -> Row:
    if params["rollout"] is not None:
        return check_state(params["rollout"], "option rollout")
    state = StateStore(params["state_path"], run="", read_only=True).read()
    if state is None:
        raise InvalidParameter(f"The file '{params['state_path']}' does not exist, so there is no rollout to report.")
    return state


def report_of(state: Row) -> Row:
    """Return the report about a state. It does not depend on the time, so a second report about it is the same."""
    return {
        "format": FORMAT,
        **{key: state[key] for key in _KEYS if key != "target"},
        "target": target_text(state["target"]),
        "current_wave": None if state["status"] in ("completed", "planned") else next_wave(state),
        "blueprints": [{key: row[key] for key in _BLUEPRINT} for row in state["blueprints"]],
        "waves": [_wave(row) for row in state["waves"]],
        "unreached": _rows(state.get("unreached"), _DEVICE),
        "unreached_count": state.get("unreached_count") or 0,
    }


def _wave(row: Row) -> Row:
    return {
        **{key: row.get(key) for key in _WAVE},
        "counts": row["counts"] or {},
        "before": row["before"],
        "after": row["after"],
        "gates": _rows(row["gates"], _GATE),
        "failed_devices": _rows(row["failed_devices"], _DEVICE),
        "failed_count": row["failed_count"],
    }


def _rows(rows: t.Any, keys: t.Iterable[str]) -> list[Row]:
    return [{key: row.get(key) for key in keys} for row in rows or () if isinstance(row, dict)]


def _write(path: str, text: str, *, check_mode: bool) -> bool:
    """Write a file unless it has the text. Return whether it differs."""
    content = text.encode("utf-8", errors="replace")
    try:
        if Path(path).read_bytes() == content:
            return False
    except OSError:
        # SecretFile explains what is wrong.
        pass
    if not check_mode:
        file = SecretFile(path)
        try:
            file.prepare()
            file.write(content)
        finally:
            file.discard()
    return True


ROLLOUT_REPORT = ModuleDefinition(
    "rollout_report",
    ModuleSpec(
        short_description="Render a rollout to Esper devices as a report",
        description=(
            "Renders the state of a rollout as one HTML page, as JSON, and as Markdown for pull requests and tickets.",
            "The report has the waves with their times, and the readings of the gates before and after each wave. It"
            " names the devices that failed, with the reason.",
            "The page has no scripts and needs no connection. It is readable on a phone, in dark mode and in print.",
            "The module sends no request. A second report about the same state changes no file.",
        ),
        options=(
            Option("rollout", "State of the rollout: RV(esper.cloud.rollout_plan#module:rollout).", type="dict"),
            Option("state_path", "File with the state of the rollout, instead of O(rollout).", type="path"),
            Option(
                "dest",
                (
                    "Directory for the files. The module creates it. If omitted, the module writes no files.",
                    "The names of the files are C(rollout.html), C(rollout.json) and C(rollout.md). Only their owner"
                    " can read them.",
                ),
                type="path",
            ),
            Option(
                "formats",
                "Formats to write to O(dest).",
                type="list",
                elements="str",
                choices=tuple(_FILES),
                default=list(_FILES),
            ),
            Option("title", "Title of the report.", default="Rollout"),
        ),
        rules={
            "mutually_exclusive": [("rollout", "state_path")],
            "required_one_of": [("rollout", "state_path")],
        },
        returns=(
            Value("headline", "Outcome as a short sentence.", sample="com.example.till 2.1.0: completed"),
            Value(
                "report",
                "The data of the report, the same as in C(rollout.json).",
                type="dict",
                contains=(
                    Value("format", "Version of the format.", type="int", sample=FORMAT),
                    Value("target", "Version of the rollout.", sample="com.example.till 2.1.0"),
                    Value(
                        "status",
                        "Status as in RV(esper.cloud.rollout_plan#module:rollout.status).",
                        sample="completed",
                    ),
                    Value("current_wave", "Name of the wave that is not over, or null.", sample=None),
                    Value(
                        "waves",
                        "Waves with their times, readings, gates and failed devices.",
                        type="list",
                        elements="dict",
                        sample=[{"name": "Lab", "status": "passed", "failed_count": 0}],
                    ),
                    Value(
                        "unreached",
                        "Devices that were not reached on the way back.",
                        type="list",
                        elements="dict",
                        sample=[],
                    ),
                ),
            ),
            Value("markdown", "The report as Markdown.", sample="## Rollout: com.example.till 2.1.0: completed"),
            Value(
                "files",
                "Files of the report. In check mode, those that would be written.",
                type="list",
                elements="dict",
                sample=[{"format": "html", "path": "/srv/reports/rollout.html"}],
            ),
        ),
        check_mode=Support("full", "Writes no files."),
        diff_mode=NO_DIFF,
        seealso=("rollout_plan", "rollout_wave", "tenant_report"),
    ),
    _run,
)
