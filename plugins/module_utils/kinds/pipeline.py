# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pipelines: staged work on devices and device groups, as one tree.

Based on pipelines.yaml of the contract.
"""

from __future__ import annotations

from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.kind import Routes
from ..model.plain import plain_kind
from .pipeline_lookup import PipelineLookup
from .pipeline_tree import PIPELINES, PREFIX

PIPELINE = plain_kind(
    name="pipeline",
    doc="A pipeline runs operations on devices and device groups, stage by stage.",
    routes=Routes(list=PIPELINES, object=f"{PIPELINES}{{id}}/", update="PUT", page_size=None, extra_prefixes=(PREFIX,)),
    fields=(
        Field("id", "ID of the pipeline.", writable=False, sample="0b1e7f3c-5a3f-4a53-9f3c-0d5e3f3b7a10"),
        Field("name", "Name of the pipeline, case-sensitive.", identifier=True, sample="Till release"),
        Field("description", "Description of the pipeline.", sample="Head office first"),
        Field(
            "active",
            "If V(true), the pipeline can run. Esper creates active pipelines by default.",
            api="is_active",
            type="bool",
            sample=True,
        ),
    ),
    lookup=PipelineLookup,
)


def pipelines(view: TenantView) -> PipelineLookup:
    """Return the lookup of pipelines in a view."""
    return PipelineLookup(view, PIPELINE)
