# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blueprints, as far as other objects refer to them: by id and name (/v2/blueprints/, v2.yaml)."""

from __future__ import annotations

from ..fields import Field
from ..resource import Resource


class Blueprint(Resource):
    kind = "blueprint"
    plural = "blueprints"
    title = "blueprint"
    collection = "/v2/blueprints/"
    item = "/v2/blueprints/{id}/"
    name_filter = "name_exact"
    # Blueprints are huge: the vendor's own tool reads them 20 at a time.
    page_size = 20
    fields = (Field("id", writable=False), Field("name"))


BLUEPRINT = Blueprint()
