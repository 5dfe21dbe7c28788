# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converges of single devices, which can also apply settings that are otherwise applied at provisioning only.

Based on /v2/converge and /v2/converge/{id} of the contract (v2.yaml).
"""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass

from ..base.row import Row
from ..engine.apply import apply_each
from ..engine.tenant_view import TenantView
from ..http.paging import list_all
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape
from ..model.plan import Step
from ..task import Effects
from .command import accepting, raise_one
from .waiting import Progress

STATUSES = ("QUEUED", "PROCESSING", "IN_PROGRESS", "SUCCESS", "FAILURE")
# The result of a converge by its status. All other statuses are pending.
_RESULTS = {"SUCCESS": "succeeded", "FAILURE": "failed"}

CONVERGE_KIND = Kind(
    name="converge",
    title="converge",
    plural="converges",
    routes=Routes(list="/v2/converge", object="/v2/converge/{id}", name_filter=""),
    shape=Shape.READ_ONLY,
    fields=(
        Field("id", "ID of the converge.", writable=False, sample="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003"),
        Field(
            "device",
            "Device. C(name) is only returned if O(resolve_names=true), and null if the device does not exist.",
            type="dict",
            sample={"id": "e2425d4b-c266-41b4-a83e-490189fc9a0f", "name": "OUW-MDJ-00001"},
        ),
        Field(
            "blueprint",
            "Blueprint of the converge. C(name) is only returned if O(resolve_names=true), and null if the blueprint"
            " does not exist.",
            type="dict",
            sample={"id": "3c1f6d0e-6d0c-4c0b-9c43-0f3a8f5b1e11", "name": "Point of Sale"},
        ),
        Field(
            "version",
            "Version of the blueprint. C(number) is only returned if O(resolve_names=true), and null if the version"
            " does not exist.",
            type="dict",
            sample={"id": "1a1f0d3c-5a77-4dd1-9a3c-26b9e3f0a7e2", "number": 3},
        ),
        Field("status", "Status of the converge, as in O(status).", writable=False, sample="SUCCESS"),
        Field("reason", "Reason for the status.", writable=False, sample="Converged"),
        Field(
            "with_provisioning",
            "Whether the converge also applies settings that are otherwise applied at provisioning only.",
            api="converge_with_provision_option",
            type="bool",
            sample=False,
        ),
        Field("schedule", "Schedule of the converge.", api="schedule_type", sample="IMMEDIATE"),
        Field("created_at", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("updated_at", "Time of the last change.", writable=False, sample="2026-03-01T09:35:00Z"),
    ),
)


def start_converge(view: TenantView, effects: Effects, device_id: str) -> Row:
    """Converge a device, including the settings that are otherwise applied at provisioning only. Return the converge.

    Raise what Client.request raises. The converge is added to ``effects``.
    """
    purpose = f"Converging the device {device_id}"
    known = {row["id"] for row in _converges_of(view, device_id)}

    def find(_body: t.Any) -> Row | None:
        return next((row for row in _converges_of(view, device_id) if row["id"] not in known), None)

    step = Step(
        purpose=purpose,
        method="POST",
        path=CONVERGE_KIND.routes.list,
        body={"device_id": device_id, "converge_with_provision_option": True, "schedule_type": "IMMEDIATE"},
        find_existing=find,
    )

    def accepted() -> Row:
        return {"converge_id": (step.response or {}).get("id")}

    with accepting(effects, "The converge", [step], accepted):
        raise_one(apply_each(view, CONVERGE_KIND, [step]))
    return step.response or {}


def _converges_of(view: TenantView, device_id: str) -> list[Row]:
    """Return the converges of a device that apply all settings."""
    purpose = f"Reading the converges of the device {device_id}"
    rows = list_all(view.client, CONVERGE_KIND.routes.list, query={"device_ids": device_id}, purpose=purpose)
    return [row for row in rows if row.get("converge_with_provision_option")]


@dataclass(frozen=True)
class StartedConverge:
    """A converge that was accepted: see waiting.Trackable."""

    view: TenantView
    title: str
    converge: Row

    @property
    def ids(self) -> list[str]:
        return [str(self.converge["id"])]

    def poll(self) -> Progress:
        return Progress(Counter([self._read()["state"]]), 1)

    def results(self) -> list[Row]:
        return [self._read()]

    def _read(self) -> Row:
        purpose = f"Reading the status of the converge {self.converge['id']}"
        row = self.view.client.get_object(CONVERGE_KIND.routes.object, ids={"id": self.ids[0]}, purpose=purpose)
        state = _RESULTS.get(str(row.get("status")), "pending")
        return {"device": str(row.get("device_id")).lower(), "state": state, "reason": row.get("reason")}
