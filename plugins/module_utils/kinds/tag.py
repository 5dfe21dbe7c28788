# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags of devices.

Based on GET /enterprise/{enterprise_id}/tags/, which Esper's own tools use, but the published contract does not have.
Callers must not depend on it, because a tenant may reject it.
"""

from __future__ import annotations

from ..base.errors import ApiError, InvalidParameter
from ..base.row import Row
from ..engine.lookup import Lookup
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape


class TagLookup(Lookup):
    """Finds tags, and explains what to do if the tenant does not return their names."""

    def resolve(self, tag: str) -> Row:
        """Return the tag that an option names. Raise NotFound, Ambiguous or InvalidParameter."""
        try:
            return super().resolve(tag)
        except ApiError as error:
            raise InvalidParameter(
                f"The tag '{tag}' must be an ID, because this tenant does not return the names of tags"
                f" ({error.method} {error.path} returned HTTP {error.status})."
            ) from None


TAG = Kind(
    name="tag",
    title="tag",
    plural="tags",
    routes=Routes(
        list="/enterprise/{enterprise_id}/tags/",
        object="/enterprise/{enterprise_id}/tags/{id}/",
        name_filter="search",
    ),
    shape=Shape.READ_ONLY,
    fields=(Field("id", writable=False), Field("name", api="tag")),
    name_key="tag",
    lookup=TagLookup,
)
