# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of blueprints. Apps and content files need it, and blueprints need these."""

from __future__ import annotations

from ..model.field import Field
from ..model.kind import Kind, Routes, Shape

BLUEPRINT_ROUTES = Routes(
    list="/v2/blueprints/",
    object="/v2/blueprints/{id}/",
    update="PUT",
    name_filter="name_exact",
    # Blueprints are large. Esper's own tool reads 20 per page.
    page_size=20,
)

BLUEPRINTS = Kind(
    name="blueprint",
    title="blueprint",
    plural="blueprints",
    routes=BLUEPRINT_ROUTES,
    shape=Shape.READ_ONLY,
    fields=(Field("id", writable=False), Field("name")),
)
"""Blueprints by ID and name (/v2/blueprints/, v2.yaml), for other kinds. The kind with all fields is BLUEPRINT."""
