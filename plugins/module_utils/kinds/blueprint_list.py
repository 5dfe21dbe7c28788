# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of blueprints. Apps and content files need it, and blueprints need these."""

from __future__ import annotations

import typing as t

from ..engine.resource import Resource
from ..model.field import Field


class BlueprintList(Resource):
    """Blueprints by ID and name (/v2/blueprints/, v2.yaml), for other kinds."""

    kind = "blueprint"
    plural = "blueprints"
    title = "blueprint"
    collection = "/v2/blueprints/"
    item = "/v2/blueprints/{id}/"
    name_filter = "name_exact"
    # Blueprints are large. Esper's own tool reads 20 per page.
    page_size = 20
    fields: t.ClassVar[tuple[Field, ...]] = (Field("id", writable=False), Field("name"))


BLUEPRINTS = BlueprintList()
