# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags: names for devices to have.

Rests on GET /enterprise/{enterprise_id}/tags/, which is not in the published contract, but which the vendor's own tool
uses; callers must do without when it is refused.
"""

from __future__ import annotations

from ..fields import Field
from ..resource import Resource


class Tag(Resource):
    kind = "tag"
    title = "tag"
    collection = "/enterprise/{enterprise_id}/tags/"
    item = "/enterprise/{enterprise_id}/tags/{id}/"
    name_key = "tag"
    name_filter = "search"
    fields = (Field("id", writable=False), Field("name", api="tag"))


TAG = Tag()
