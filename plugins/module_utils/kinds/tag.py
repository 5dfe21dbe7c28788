# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags of devices.

Rests on GET /enterprise/{enterprise_id}/tags/, which is not in the published contract, but which Esper's own tools use.
Callers must not depend on it, because a tenant may reject it.
"""

from __future__ import annotations

from ..base.errors import ApiError, InvalidParameter
from ..base.row import Row
from ..engine.object_cache import References
from ..engine.resource import Resource
from ..model.field import Field


class Tag(Resource):
    kind = "tag"
    plural = "tags"
    title = "tag"
    collection = "/enterprise/{enterprise_id}/tags/"
    item = "/enterprise/{enterprise_id}/tags/{id}/"
    name_key = "tag"
    name_filter = "search"
    fields = (Field("id", writable=False), Field("name", api="tag"))

    def resolve(self, references: References, wanted: str) -> Row:
        try:
            return super().resolve(references, wanted)
        except ApiError as error:
            raise InvalidParameter(
                f"The tag '{wanted}' must be an ID, because this tenant does not return the names of tags"
                f" ({error.method} {error.path} returned HTTP {error.status})."
            ) from None


TAG = Tag()
