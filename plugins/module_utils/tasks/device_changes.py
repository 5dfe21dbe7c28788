# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of devices with a request for each device, several devices at a time.

A device that cannot be changed does not stop the others. The task then fails and names it.
"""

from __future__ import annotations

import functools
import typing as t
from dataclasses import dataclass, field, replace

from ..base.errors import ApiError, EsperError, InvalidParameter
from ..base.row import Params, Row
from ..base.text import counted, listed
from ..engine.apply import apply_each
from ..engine.tenant_view import TenantView
from ..http.parallel import in_parallel
from ..kinds.device_search import devices_option, label_of
from ..model.conform import to_text
from ..model.kind import Kind
from ..model.module_spec import Option, Value
from ..model.plan import Step
from ..task import ModuleResult, RunContext, diff_entry
from .safety import max_devices_option
from .selection import ALLOW_EMPTY_OPTION, Selection, check_safe, filters_option, groups_option
from .waiting import DEVICE_ID, DEVICE_NAME, DEVICE_REASON, exceeds

# Maximum number of requests at the same time.
CONCURRENCY = 8
# Statuses of responses that are about one device. Others are about the tenant or the API key.
_OF_ONE_DEVICE = (400, 404, 409)
# The maximum number of devices in a message. The result contains all.
_NAMED_DEVICES = 5

MAX_FAIL_PERCENTAGE = Option(
    "max_fail_percentage",
    "Maximum percentage of the devices, from 0 to 100, that can fail without failing the task.",
    type="float",
    default=0.0,
)


def selection_options(destructive: str = "") -> tuple[Option, ...]:
    """Return the options that select devices. ``destructive`` is the condition of the default limit: see safety.py."""
    return (
        devices_option(),
        groups_option(),
        filters_option(),
        ALLOW_EMPTY_OPTION,
        max_devices_option(destructive),
        MAX_FAIL_PERCENTAGE,
    )


FAILURES = (
    "A device that fails, for example because it does not run Android, does not stop the others. RV(failed_devices)"
    " lists such devices. The task fails if they are more than O(max_fail_percentage)."
)
"""A paragraph for the description of a module."""
NOT_ANDROID = "The device does not run Android."
"""The reason why a device fails that cannot have a Google account."""
SELECTION_RULES = {"required_one_of": [("devices", "groups", "filters")]}


def change_values(*values: Value) -> tuple[Value, ...]:
    """Return the documentation of the return values. ``values`` are those of each device."""
    return (
        Value("device_count", "Number of selected devices.", type="int", sample=2),
        Value(
            "devices",
            "The selected devices without those that failed. In check mode, the prediction.",
            type="list",
            elements="dict",
            contains=(
                DEVICE_ID,
                DEVICE_NAME,
                Value("changed", "Whether the task changes the device.", type="bool", sample=True),
                *values,
            ),
        ),
        Value(
            "failed_devices",
            "Devices that failed.",
            type="list",
            elements="dict",
            contains=(
                DEVICE_ID,
                DEVICE_NAME,
                Value("state", "Result of the device, V(failed).", sample="failed"),
                replace(DEVICE_REASON, doc="Reason for the failure.", sample=NOT_ANDROID),
            ),
        ),
    )


@dataclass
class DeviceChange:
    """The planned change of a device: its request, None if nothing changes, and its values for the diff before and
    after. ``values`` are for the result, ``error`` is the reason if the device failed."""

    row: Row
    step: Step | None = None
    before: Row = field(default_factory=dict)
    after: Row = field(default_factory=dict)
    values: Row = field(default_factory=dict)
    error: str = ""


def change_devices(
    view: TenantView,
    params: Params,
    context: RunContext,
    selection: Selection,
    kind: Kind,
    plan: t.Callable[[Row], DeviceChange],
    *,
    action: str,
    effect: str = "",
) -> ModuleResult:
    """Plan and apply the changes of devices.

    ``plan`` returns the change of a device, and can raise EsperError. ``action`` is the start of a sentence, such as
    "Adding Google accounts to", and ``effect`` its effect if that requires confirmation. Raise InvalidParameter if an
    option is invalid or the changes are not safe, and the errors of Client.request() about all devices.
    """
    if not 0 <= params["max_fail_percentage"] <= 100:
        raise InvalidParameter(
            f"Invalid max_fail_percentage: {params['max_fail_percentage']:.15g}. It must be from 0 to 100."
        )
    rows = selection.rows or []
    changes = list(in_parallel(view.client, functools.partial(_planned, plan), rows, CONCURRENCY))
    check_safe(params, action, Selection.of([each.row for each in changes if each.step is not None]), effect)
    diff = [
        diff_entry(f"device {label_of(each.row)}", each.before, each.after) for each in changes if each.step is not None
    ]
    if not context.check_mode:
        _apply(view, kind, changes, plan)
    failed = [each for each in changes if each.error]
    result: Row = {
        "changed": any(_has_changed(each, context) for each in changes),
        "device_count": len(rows),
        "devices": [
            {**_names_of(each), "changed": _has_changed(each, context), **each.values}
            for each in changes
            if not each.error
        ],
        "failed_devices": [{**_names_of(each), "state": "failed", "reason": each.error} for each in failed],
    }
    if context.diff:
        result["diff"] = diff
    if exceeds(len(failed), len(rows), params["max_fail_percentage"]):
        shown = listed([f"{label_of(each.row)} ({each.error})" for each in failed], _NAMED_DEVICES)
        result.update(failed=True, msg=f"{action} {counted(len(rows))}: {len(failed)} failed: {shown}")
    return ModuleResult(result)


def _planned(plan: t.Callable[[Row], DeviceChange], device: Row) -> DeviceChange:
    try:
        return plan(device)
    except ApiError as error:
        if error.status not in _OF_ONE_DEVICE:
            raise
        return DeviceChange(device, error=str(error))


def _apply(view: TenantView, kind: Kind, changes: list[DeviceChange], plan: t.Callable[[Row], DeviceChange]) -> None:
    owners = {each.step: each for each in changes if each.step is not None}
    failures: list[tuple[Step, EsperError]] = apply_each(view, kind, owners, concurrency=CONCURRENCY)
    for step, error in failures:
        owners[step].error = str(error)
    unconfirmed = {step: owner.row for step, owner in owners.items() if step.unconfirmed is not None}
    again = in_parallel(view.client, functools.partial(_planned, plan), unconfirmed.values(), CONCURRENCY)
    for step, rest in zip(unconfirmed, again, strict=True):
        if rest.step is not None or rest.error:
            # The request had no effect.
            step.done, owners[step].error = False, str(step.unconfirmed)
            view.accepted = [each for each in view.accepted if each.step is not step]


def _has_changed(change: DeviceChange, context: RunContext) -> bool:
    return change.step is not None and (context.check_mode or (change.step.done and not change.step.unchanged))


def _names_of(change: DeviceChange) -> Row:
    return {"id": change.row["id"], "name": to_text(change.row.get("name"))}
