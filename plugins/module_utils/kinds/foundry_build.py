# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds of Esper Foundation, system images that devices are updated to if they are approved.

Based on /v1/foundry/builds/ and /v2/foundationversions of the contract (foundry.yaml, v2.yaml).

Choice: the contract does not say whether the filter ``approved=false`` finds builds that are not approved, so it is not
sent, and the module filters.
Choice: the contract does not say what happens to devices if a build is no longer approved to which their model is
locked, so this requires ``force``.
Choice: remarks are only sent together with a change, because Esper does not return them with the build.
"""

from __future__ import annotations

import functools

from ..base.errors import InvalidParameter
from ..base.ids import normal_id
from ..base.row import Params, Row
from ..base.times import newest_first
from ..base.validators import in_range
from ..engine.planner import Planner, in_use
from ..engine.reader import Reader
from ..engine.tenant_view import TenantView
from ..http.paging import list_all
from ..model.field import Field
from ..model.kind import Related, Routes, Tenant
from ..model.module_spec import Option, Value
from ..model.names import NamedObject, Names
from ..model.plain import plain_kind
from ..model.plan import Plan
from .foundry_build_lookup import BuildLookup, check_version, is_withdrawn, matching, with_version
from .foundry_exporter import BuildExporter
from .foundry_model_lookup import DEVICE_MODELS

_ARCHITECTURES = ("arm", "arm64", "x86_64", "x86")
_VERSION_DOC = (
    "Version of the build: the major, minor and build number of Foundation, for example V(15.2.31). The major version"
    " of Android can precede them."
)
_MODEL_DOC = "Device model of the build, by the name or ID that M(esper.cloud.foundry_device_model_info) returns."
_VERSIONS_IN_USE = Value(
    "versions_in_use",
    "Versions of Foundation on the devices of the tenant. Only returned if O(in_use=true).",
    type="list",
    elements="str",
    sample=["15.2.30", "15.2.31"],
)


class BuildPlanner(Planner):
    """Plans approvals of builds."""

    def plan_update(self, current: Row, params: Params) -> Plan:
        models = self.view.all_as_planned(DEVICE_MODELS)
        self.view.learn_names(NamedObject(str(row["device_model_id"]), DEVICE_MODELS.name_of(row)) for row in models)
        plan = super().plan_update(current, params)
        plan.record = self.view.with_names(self.kind, plan.record or {})
        plan.extra["updating_models"] = []
        for step in plan.steps:
            if params["approved"]:
                self._check_state(current, params)
                plan.extra["updating_models"] = [
                    DEVICE_MODELS.name_of(row)
                    for row in models
                    if row.get("auto_update")
                    and row.get("latest")
                    and normal_id(row["device_model_id"]) == normal_id(current.get("device_model_id"))
                ]
            elif not params["force"]:
                # Other objects of the same task can lock the device models to other builds.
                plan.deferred_parts.append(functools.partial(self._check_locks, current))
            if params.get("remarks"):
                step.body = {**step.body, "user_remarks": params["remarks"]}
        return plan

    def _check_state(self, current: Row, params: Params) -> None:
        """Raise InvalidParameter if Esper withdraws the build, unless the task has force."""
        if is_withdrawn(current) and not params["force"]:
            raise InvalidParameter(
                f"The {self.kind.phrase(current)} is in the state {current['build_state']}. Approve another build, or"
                " set force=true."
            )

    def _check_locks(self, current: Row, plan: Plan) -> None:
        """Raise InvalidParameter if device models are locked to the build after the task. Remove the approval after the
        task has locked them to other builds."""
        users, former = (
            [row for row in rows if normal_id(row.get("locked_build_id")) == normal_id(current["build_id"])]
            for rows in (self.view.all_as_planned(DEVICE_MODELS), self.view.list_objects(DEVICE_MODELS))
        )
        if users:
            names = [f"the device model '{DEVICE_MODELS.name_of(row)}'" for row in users]
            raise InvalidParameter(
                f"{in_use(self.kind.phrase(current), names)} Lock it to another build first, or set force=true."
            )
        plan.relies_on += [(DEVICE_MODELS, row["device_model_id"]) for row in former]


class BuildReader(Reader):
    """Reads builds, the newest first."""

    def get_info(self, params: Params) -> Row:
        result = super().get_info(params)
        return {**result, _VERSIONS_IN_USE.name: _versions_in_use(self.view)} if params["in_use"] else result

    def read_rows(self, params: Params) -> list[Row]:
        check_version(params["version"])
        limit = params["limit"]
        if limit is not None and (error := in_range(1)(limit)):
            raise InvalidParameter(f"The option limit {error}.")
        rows = matching(super().read_rows({**params, "limit": None}), params)
        if params["approved"] is not None:
            rows = [row for row in rows if bool(row.get("approved")) is params["approved"]]
        return newest_first(rows, "created_at")[:limit]


def _versions_in_use(view: TenantView) -> list[str]:
    """Return the versions of Foundation that devices have."""
    rows = list_all(
        view.client,
        "/v2/foundationversions",
        key="foundation_version",
        purpose="Reading the Foundation versions in use",
    )
    return [str(row["foundation_version"]) for row in rows]


def _links(_view: TenantView, row: Row, _params: Params) -> Row:
    return {each.name: row.get(each.api_name) for each in _LINKS}


_LINKS = (
    Field("build_url", "URL of the image."),
    Field("build_update_url", "URL of the update file."),
    Field("build_job_url", "URL of the job that built the image."),
    Field("build_job_params", "Parameters of the job, in API format.", type="dict", opaque=True),
)

FOUNDRY_BUILD = plain_kind(
    name="foundry_build",
    title="Foundry build",
    seealso=("foundry_device_model", "foundry_event_info"),
    doc=(
        "Approves builds of Esper Foundation for over-the-air updates, or removes the approval.",
        "If a device model has automatic updates and always uses the latest approved build, its devices update after"
        " the approval. RV(updating_models) lists such models, also in check mode.",
    ),
    creates=False,
    routes=Routes(
        list="/v1/foundry/builds/",
        object="/v1/foundry/builds/{id}/",
        update="PUT",
        page_size=100,
        name_filter="",
    ),
    name_key="version",
    id_key="build_id",
    keys=("version",),
    adapt=with_version,
    lookup=BuildLookup,
    planner=BuildPlanner,
    reader=BuildReader,
    exporter=BuildExporter,
    tenant=Tenant(prune=False, reason="Esper creates the builds. An export has the approved ones."),
    options=(
        Option("device_model", _MODEL_DOC, identifier=True),
        Option("version", _VERSION_DOC, identifier=True),
        Option("build_type", "Type of the build, if there are several builds of the version.", identifier=True),
        Option(
            "arch", "Architecture of the build, if there are several builds of the version.", choices=_ARCHITECTURES
        ),
        Option(
            "remarks",
            "Remarks about the change, for the events that M(esper.cloud.foundry_event_info) returns. Only sent"
            " together with a change.",
        ),
        Option(
            "force",
            (
                "If V(true), approves a build that is V(unavailable) or V(to_be_deprecated), and removes the"
                " approval of a build to which a device model is locked. If V(false), the task fails instead.",
                "Esper does not document the effect on the devices of such a model.",
            ),
            type="bool",
            default=False,
        ),
    ),
    rules={
        "mutually_exclusive": [("id", name) for name in ("version", "device_model", "build_type", "arch")],
        "required_together": [("device_model", "version")],
    },
    returns=(
        Value(
            "updating_models",
            "Names of the device models whose devices update because the task approves the build.",
            type="list",
            elements="str",
            sample=["Example K10"],
        ),
    ),
    info_options=(
        Option("device_model", _MODEL_DOC, query="device_model_id", names=DEVICE_MODELS, identifier=True),
        Option("version", _VERSION_DOC, identifier=True),
        Option(
            "approved",
            "If V(true), returns only approved builds. If V(false), returns only the others.",
            type="bool",
        ),
        Option("arch", "Architecture of the builds.", choices=_ARCHITECTURES, query="build_arch"),
        Option("android_major_version", "Major version of Android.", type="int", query="android_major_version"),
        Option("foundation_major", "Major version of Foundation.", type="int", query="foundation_major_number"),
        Option(
            "fingerprint_hash",
            "Hash of the fingerprint of a build.",
            query="build_fingerprint_hash",
            identifier=True,
        ),
        Option(
            "locked",
            "If V(true), returns only locked builds.",
            type="bool",
            query="locked",
        ),
        Option(
            "in_use",
            "If V(true), also returns RV(versions_in_use). This takes one request or more.",
            type="bool",
            default=False,
        ),
        Option("limit", "Maximum number of builds to return, the newest first, 1 or more.", type="int"),
    ),
    info_rules={
        "required_together": [("fingerprint_hash", "locked")],
        "required_by": {"fingerprint_hash": ("device_model",)},
    },
    info_returns=(_VERSIONS_IN_USE,),
    related=(
        Related(
            Field(
                "links",
                "Links and parameters of the build system of Esper, which can give access to it. Only returned if"
                " O(links=true).",
                type="dict",
                fields=_LINKS,
                writable=False,
                sample={
                    "build_url": "https://builds.example.com/k10-15.2.31.zip",
                    "build_update_url": "https://builds.example.com/k10-15.2.31-ota.zip",
                    "build_job_url": "https://ci.example.com/job/4711",
                    "build_job_params": {"BRANCH": "release"},
                },
            ),
            Option("links", "If V(true), also returns the links of the build system.", type="bool", default=False),
            _links,
        ),
    ),
    fields=(
        Field("id", "ID of the build.", api="build_id", writable=False, sample="0b5f1a7e-5d0c-4c79-9a6f-1f2e3d4c5b6a"),
        Field(
            "device_model",
            "Name of the device model of the build, or its ID if the device model does not exist.",
            api="device_model_id",
            names=Names(DEVICE_MODELS),
            writable=False,
            sample="Example K10",
        ),
        Field(
            "device_model_id",
            "ID of the device model of the build.",
            writable=False,
            sample="4b1f6c9d-2a47-4d0e-8f53-90a1b2c3d4e5",
        ),
        Field("version", "Version of the build.", writable=False, sample="15.2.31"),
        Field(
            "approved",
            "If V(true), devices can update to the build. If V(false), they cannot.",
            type="bool",
            required=True,
            returns="Whether devices can update to the build.",
            sample=True,
        ),
        Field(
            "state",
            "State of the build, V(released), V(unreleased), V(to_be_deprecated) or V(unavailable).",
            api="build_state",
            writable=False,
            sample="released",
        ),
        Field("build_type", "Type of the build.", writable=False, sample="user"),
        Field("arch", "Architecture of the build.", api="build_arch", writable=False, sample="arm64"),
        Field("flavor", "Flavor of the build.", api="build_flavor", writable=False, sample="gms"),
        Field("foundation_name", "Name of the Foundation release.", writable=False, sample="Foundation 15"),
        Field("android_major_version", "Major version of Android.", type="int", writable=False, sample=13),
        Field("android_minor_version", "Minor version of Android.", writable=False, sample="0"),
        Field("android_sdk_level", "API level of Android.", type="int", writable=False, sample=33),
        Field("android_minimum_sdk_level", "Lowest API level of apps.", type="int", writable=False, sample=23),
        Field("ab_update", "Whether updates are seamless (A/B).", type="bool", writable=False, sample=True),
        Field(
            "fingerprint_hash", "Hash of the fingerprint.", api="build_fingerprint_hash", writable=False, sample="9f2c"
        ),
        Field("build_hash", "Hash of the image.", writable=False, sample="77d1"),
        Field("ota_hash", "Hash of the update file.", api="build_ota_hash", writable=False, sample="1b0e"),
        Field("file_size_kb", "Size of the image in kilobytes.", type="int", writable=False, sample=1048576),
        Field("release_notes", "Release notes, in API format.", type="dict", opaque=True, writable=False, sample={}),
        Field("release_rating", "Rating of the release.", writable=False, sample="stable"),
        Field(
            "prebuilt_app_info",
            "Apps in the image, in API format.",
            type="dict",
            opaque=True,
            writable=False,
            sample={},
        ),
        Field(
            "source_build_id",
            "ID of the build from which the build is derived.",
            writable=False,
            sample="2f9e8d7c-6b5a-4948-8372-615f4e3d2c1b",
        ),
        Field("deprecated_on", "Time of the deprecation.", writable=False, sample=None),
        Field("created_at", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("updated_at", "Time of the last change.", writable=False, sample="2026-03-02T11:00:00Z"),
        Field("updated_by", "User who changed the build last.", writable=False, sample="ops@example.com"),
    ),
)
