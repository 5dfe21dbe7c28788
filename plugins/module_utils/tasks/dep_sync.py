# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that synchronizes the devices of Apple Business Manager.

Based on /onboarding/v0/depsyncs/ and /onboarding/v0/depsyncs/{id}/ of the contract (v0.yaml).

Choice: SUCCESS and COMPLETE both mean that a DEP sync succeeded, because the contract has both without a difference.
Choice: if the response to the request is lost, a DEP sync that was not listed before is the one of the task.
Choice: the age of a DEP sync is that of its last change, by the clock of the machine where the module runs.
"""

from __future__ import annotations

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.text import listed
from ..base.times import now, parse_time
from ..engine.apply import send
from ..engine.tenant_view import TenantView
from ..kinds.dep_sync import DEP_SYNC_ROWS, OPEN, SUCCEEDED, dep_syncs
from ..model.conform import to_row, to_rows
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..model.plan import Step
from ..task import ModuleDefinition, ModuleResult, RunContext
from .polling import Polling, check_timeout, timeout_option

# The maximum number of devices in a message. The result has all.
_NAMED_DEVICES = 5
_NULLS = {field.name: None for field in DEP_SYNC_ROWS.fields}

_MODULE = ModuleSpec(
    short_description="Synchronize devices of Apple Business Manager with Esper",
    description=(
        "Starts a DEP sync, which adds the devices to Esper that Apple Business Manager assigns to it.",
        "DEP is the Device Enrollment Program of Apple.",
        "With O(max_age), the task changes nothing if a recent DEP sync succeeded.",
    ),
    options=(
        Option(
            "max_age",
            "Maximum age of an earlier DEP sync, in seconds. If one succeeded within this time, the task starts no"
            " other one. With V(0), earlier DEP syncs do not count. One with failed devices counts only if"
            " O(ignore_devices=true).",
            type="int",
            default=0,
        ),
        Option(
            "reuse",
            "If V(true), the task uses a DEP sync that is queued or in progress, and starts no other one.",
            type="bool",
            default=True,
        ),
        Option(
            "wait",
            "If V(true), the task waits until the DEP sync is complete, and fails if it fails. If V(false), the task"
            " ends when Esper has accepted the request.",
            type="bool",
            default=False,
        ),
        timeout_option("the DEP sync", 600.0),
        Option(
            "ignore_devices",
            "If V(true), devices that Esper could not synchronize do not fail the task. Only used with O(wait=true) or"
            " O(max_age).",
            type="bool",
            default=False,
        ),
    ),
    returns=(
        Value(
            "dep_sync",
            "The DEP sync. All values are null in check mode if the task starts it.",
            type="dict",
            contains=DEP_SYNC_ROWS.fields,
        ),
        Value("reused", "Whether the DEP sync existed before the task.", type="bool", sample=False),
    ),
    check_mode=Support("full", "Predicts whether the task starts a DEP sync, and does not wait."),
    diff_mode=Support("none", "A DEP sync has no managed values."),
    seealso=("dep_sync_info", "dep_profile"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    check_timeout(params["wait_timeout"])
    if params["max_age"] < 0:
        raise InvalidParameter(f"Invalid max_age: {params['max_age']}. The minimum is 0.")
    existing = dep_syncs(view, DEP_SYNC_ROWS)
    usable = _usable(existing, params)
    is_new = usable is None
    if usable is None and context.check_mode:
        return ModuleResult({"changed": True, "dep_sync": _NULLS, "reused": False})
    row = usable or _start(view, {row["id"] for row in existing})

    def to_result(row: Row) -> Row:
        return {"dep_sync": view.to_result(DEP_SYNC_ROWS, row), "reused": not is_new}

    if not params["wait"] or context.check_mode:
        return ModuleResult({"changed": is_new, **to_result(row)})
    polling = Polling(
        title=f"The DEP sync {row['id']}",
        read=lambda: view.client.get_object(
            DEP_SYNC_ROWS.routes.object, ids={"id": str(row["id"])}, purpose=f"Reading the DEP sync {row['id']}"
        ),
        status=lambda row: str(row.get("status")),
        is_complete=lambda row: row.get("status") not in OPEN,
        to_result=to_result,
    )
    if not polling.is_complete(row):
        row = polling.wait(view.client, context, params["wait_timeout"], row)
    if not polling.is_complete(row):
        return polling.timed_out(row, params["wait_timeout"], f"read it later with dep_sync_info and id={row['id']}")
    result = {"changed": is_new, **to_result(row)}
    if failure := _failure(row, polling.title, params):
        result |= {"failed": True, "msg": failure}
    return ModuleResult(result)


def _usable(existing: list[Row], params: Params) -> Row | None:
    """Return the existing DEP sync that makes another one unnecessary, None if there is none."""
    if params["max_age"]:
        for row in existing:
            if _has_succeeded(row, params) and _age_of(row) <= params["max_age"]:
                return row
    if params["reuse"]:
        return next((row for row in existing if row.get("status") in OPEN), None)
    return None


def _has_succeeded(row: Row, params: Params) -> bool:
    return row.get("status") in SUCCEEDED and (params["ignore_devices"] or not _failed_devices(row))


def _age_of(row: Row) -> float:
    """Return the seconds since the last change of a DEP sync, infinite if its time is not valid."""
    time = parse_time(str(row.get("updated_at"))) or parse_time(str(row.get("created_at")))
    return float("inf") if time is None else (now() - time).total_seconds()


def _start(view: TenantView, known: set[str]) -> Row:
    """Start a DEP sync, and return it. ``known`` are the IDs of the existing ones."""

    def find(_body: object) -> Row | None:
        return next((row for row in dep_syncs(view, DEP_SYNC_ROWS) if row["id"] not in known), None)

    step = Step("Starting a DEP sync", "POST", DEP_SYNC_ROWS.routes.list, body={}, find_existing=find)
    send(view, DEP_SYNC_ROWS, [step])
    return step.response or {}


def _failed_devices(row: Row) -> list[Row]:
    return to_rows(to_row(row.get("devices")).get("failure"))


def _failure(row: Row, title: str, params: Params) -> str:
    """Return the message about a complete DEP sync that failed, "" if it succeeded."""
    if row.get("status") not in SUCCEEDED:
        reason = str(row.get("failure_reason") or "").strip().rstrip(".")
        return f"{title} failed: {reason or 'its status is ' + str(row.get('status'))}."
    devices = _failed_devices(row)
    if not devices or params["ignore_devices"]:
        return ""
    names = [f"{each.get('serial')} ({each.get('reason') or 'no reason'})" for each in devices]
    return f"{title} is complete, but Esper could not synchronize {listed(names, _NAMED_DEVICES, 'device')}."


DEP_SYNC = ModuleDefinition("dep_sync", _MODULE, _run)
