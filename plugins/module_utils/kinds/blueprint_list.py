# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of blueprints, apart from what a blueprint is: apps and contents need it too, and blueprints need those."""

from __future__ import annotations

import typing as t

from ..engine.resource import Resource
from ..model.field import Field


class BlueprintList(Resource):
    """Blueprints by id and name (/v2/blueprints/, v2.yaml), which is as much as other kinds know of them."""

    kind = "blueprint"
    plural = "blueprints"
    title = "blueprint"
    collection = "/v2/blueprints/"
    item = "/v2/blueprints/{id}/"
    name_filter = "name_exact"
    # Blueprints are huge: the vendor's own tool reads them 20 at a time.
    page_size = 20
    fields: t.ClassVar[tuple[Field, ...]] = (Field("id", writable=False), Field("name"))


BLUEPRINTS = BlueprintList()
