# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Device models of Foundry, and the build to which their devices update.

Based on /v1/foundry/device-models/ of the contract (foundry.yaml), which has no GET for one device model.

Choice: a request cannot have null for the locked build, so only ``latest`` or ``auto_update: false`` end a lock.
Choice: a lock to a build that is not approved is not sent again, because Esper rejects it.
Choice: with ``latest``, Esper chooses the locked build, so it is neither compared nor sent.
"""

from __future__ import annotations

import typing as t

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..engine.planner import Planner
from ..engine.reader import Reader
from ..model.field import Field
from ..model.kind import Tenant
from ..model.module_spec import Option
from ..model.names import NamedObject, Names
from ..model.plain import plain_kind
from ..model.plan import Plan
from .foundry_build import FOUNDRY_BUILD
from .foundry_build_lookup import BuildLookup, builds_of, labels_of
from .foundry_exporter import DeviceModelExporter
from .foundry_model_lookup import DEVICE_MODEL_ROUTES, DeviceModelLookup, with_name

_LOCK = "locked_build_id"
_NAME = "the display name, or else the manufacturer, model, profile name and profile variant with spaces between them"


class DeviceModelPlanner(Planner):
    """Plans changes of the updates of device models."""

    _labels: dict[str, str]
    """The texts that select the builds of the device model, by ID: see labels_of()."""
    _build: Row | None = None
    """The build in the task, None if it has none."""

    def prefetch(self, several: t.Sequence[Params]) -> None:
        """Read nothing. The builds of each device model are a list of their own."""

    def desired(self, params: Params) -> Row:
        desired = super().desired({**params, "locked_build": None})
        if self._build is not None:
            identifier = str(self._build["build_id"])
            desired["locked_build"] = NamedObject(identifier, self._labels[identifier])
        return desired

    def plan_update(self, current: Row, params: Params) -> Plan:
        phrase = self.kind.phrase(current)
        after = {
            name: current.get(name) is True if params[name] is None else params[name]
            for name in ("auto_update", "latest")
        }
        _check(phrase, params, after)
        builds = builds_of(self.view, FOUNDRY_BUILD, current)
        self._labels = labels_of(builds)
        self.view.learn_names(NamedObject(*pair) for pair in self._labels.items())
        if params["locked_build"] is not None:
            self._build = BuildLookup(self.view, FOUNDRY_BUILD).resolve_for(current, params["locked_build"])
        locked = current.get(_LOCK)
        named = {"id": locked, "version": self._labels.get(locked)} if locked and isinstance(locked, str) else None
        plan = super().plan_update({**current, _LOCK: named}, params)
        if plan.steps:
            self._check_changes(phrase, current, after, params)
        unapproved = self._unapproved_lock(current, builds)
        if unapproved and after["auto_update"] and not (current.get("auto_update") is True or after["latest"]):
            raise InvalidParameter(
                f"Cannot set auto_update=true for the {phrase}, because its build '{unapproved['version']}' is not"
                " approved. Approve it first, or set locked_build."
            )
        for step in plan.steps:
            if unapproved:
                # Esper rejects the lock.
                step.body = {key: value for key, value in step.body.items() if key != _LOCK}
            # The response only has the values that can change.
            step.extract_object = lambda row: {**current, **row} if row else row
            step.response_key = "auto_update"
        return plan

    def _unapproved_lock(self, current: Row, builds: list[Row]) -> Row | None:
        """Return the build to which the device model stays locked, if it is not approved after the task."""
        locked = next((row for row in builds if row["build_id"] == current.get(_LOCK)), None)
        if locked is None or (self._build is not None and self._build["build_id"] != locked["build_id"]):
            return None
        is_approved = (self.view.planned_object(FOUNDRY_BUILD, locked["build_id"]) or locked).get("approved")
        return None if is_approved else locked

    def _check_changes(self, phrase: str, current: Row, after: Row, params: Params) -> None:
        """Raise InvalidParameter if the lock is invalid, or if devices update at once and the task does not confirm
        it."""
        new = self._build if self._build is not None and self._build["build_id"] != current.get(_LOCK) else None
        if new is not None:
            planned = self.view.planned_object(FOUNDRY_BUILD, new["build_id"]) or new
            if not planned.get("approved"):
                raise InvalidParameter(
                    f"Cannot lock the {phrase} to the build '{new['version']}', because the build is not approved."
                    " Approve it first."
                )
        changes = [
            f"{name}=true" for name in ("auto_update", "latest") if after[name] and current.get(name) is not True
        ]
        changes += ["locked_build"] if new is not None else []
        if changes and after["auto_update"] and not params["confirm"]:
            raise InvalidParameter(
                f"Setting {' and '.join(changes)} of the {phrase} lets its devices install the build at once. Set"
                " confirm to true to continue."
            )


def _check(phrase: str, params: Params, after: Row) -> None:
    """Raise InvalidParameter if options of a task contradict each other, or the device model."""
    if params["locked_build"] is not None and after["latest"]:
        raise InvalidParameter(
            f"Invalid parameters for the {phrase}: locked_build and latest=true exclude each other. Set latest to"
            " false."
        )
    ineffective = [
        name for name, value in (("latest", params["latest"]), ("locked_build", params["locked_build"])) if value
    ]
    if ineffective and not after["auto_update"]:
        raise InvalidParameter(
            f"Invalid parameters for the {phrase}: {ineffective[0]} has no effect without automatic updates. Set"
            " auto_update to true."
        )


class DeviceModelReader(Reader):
    """Reads device models by their names, or whether they update automatically."""

    def read_rows(self, params: Params) -> list[Row]:
        lookup = DeviceModelLookup(self.view, self.kind)
        if params["id"] is not None:
            rows = [row for row in [lookup.find_by_id(params["id"])] if row is not None]
        else:
            rows = lookup.find_all(params)
        wanted = params["auto_update"]
        return rows if wanted is None else [row for row in rows if bool(row.get("auto_update")) is wanted]


def _without_lock_of_latest(body: Row) -> Row:
    return {key: value for key, value in body.items() if key != _LOCK or not body.get("latest")}


def _names(*more: str) -> tuple[Option, ...]:
    return (
        Option("manufacturer", f"Manufacturer of the device model, case-sensitive.{' '.join(more)}", identifier=True),
        Option("model", f"Model, case-sensitive.{' '.join(more)}", identifier=True),
        Option("profile_name", "Name of the profile of the device model, case-sensitive.", identifier=True),
        Option("profile_variant", "Variant of the profile of the device model, case-sensitive.", identifier=True),
    )


FOUNDRY_DEVICE_MODEL = plain_kind(
    name="foundry_device_model",
    title="Foundry device model",
    seealso=("foundry_build", "foundry_event_info"),
    info_short_description="Get Esper Foundry device models",
    doc=(
        "Sets whether devices of a model update to builds of Esper Foundation automatically, and to which build.",
        "M(esper.cloud.foundry_build) approves the builds.",
    ),
    creates=False,
    routes=DEVICE_MODEL_ROUTES,
    id_key="device_model_id",
    adapt=with_name,
    lookup=DeviceModelLookup,
    planner=DeviceModelPlanner,
    reader=DeviceModelReader,
    exporter=DeviceModelExporter,
    tenant=Tenant(prune=False, reason="Esper creates the device models."),
    to_api=_without_lock_of_latest,
    keys=("name", "model"),
    options=(
        Option("name", f"Name of the device model, {_NAME}. Case-sensitive.", identifier=True),
        *_names(),
        Option(
            "confirm",
            "If V(true), confirms a change after which devices can update at once: O(auto_update=true),"
            " O(latest=true), or another O(locked_build).",
            type="bool",
            default=False,
        ),
    ),
    rules={
        "mutually_exclusive": [("id", name) for name in ("name", "model", "profile_name", "profile_variant")],
        "required_together": [("manufacturer", "model")],
    },
    info_options=(
        *_names(),
        Option(
            "auto_update",
            "If V(true), returns only device models with automatic updates. If V(false), returns only the others.",
            type="bool",
        ),
    ),
    fields=(
        Field(
            "id",
            "ID of the device model.",
            api="device_model_id",
            writable=False,
            sample="4b1f6c9d-2a47-4d0e-8f53-90a1b2c3d4e5",
        ),
        Field("name", f"Name of the device model, {_NAME}.", writable=False, sample="Example K10"),
        Field("manufacturer", "Manufacturer of the device model.", writable=False, sample="Example"),
        Field("model", "Model.", writable=False, sample="K10"),
        Field("profile_name", "Name of the profile.", writable=False, sample="default"),
        Field("profile_variant", "Variant of the profile.", writable=False, sample="gms"),
        Field(
            "api_level_begin",
            "Lowest Android API level of devices that can update.",
            api="update_compatible_android_api_level_begin",
            type="int",
            writable=False,
            sample=29,
        ),
        Field(
            "api_level_end",
            "Highest Android API level of devices that can update.",
            api="update_compatible_android_api_level_end",
            type="int",
            writable=False,
            sample=33,
        ),
        Field(
            "auto_update",
            "If V(true), devices update automatically. If V(false), they do not, and O(latest) and O(locked_build) have"
            " no effect.",
            type="bool",
            returns="Whether devices update automatically.",
            sample=True,
        ),
        Field(
            "latest",
            "If V(true), devices always update to the newest approved build, so Esper changes the locked build.",
            type="bool",
            returns="Whether devices always update to the newest approved build.",
            sample=False,
        ),
        Field(
            "locked_build",
            "Build to which devices update, by version or ID. It must be approved, and O(latest) must be V(false). The"
            " Esper API cannot remove the lock.",
            api=_LOCK,
            names=Names(FOUNDRY_BUILD, label="version"),
            returns="Version of the build to which devices update, or its ID if several builds of the device model have"
            " this version.",
            sample="15.2.30",
        ),
        Field("created_at", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("updated_at", "Time of the last change.", writable=False, sample="2026-03-02T11:00:00Z"),
        Field("updated_by", "User who changed the device model last.", writable=False, sample="ops@example.com"),
    ),
)
