# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration with which Apple devices find the MDM service of the tenant, a singleton.

Based on /v2/mdmserviceconfig and /v2/mdmserviceconfig/anchor-certs of the contract (v2.yaml). The contract says that
the body of the latter is always empty at present. Choice: if it has JSON, the module returns it as it is, as a list.
"""

from __future__ import annotations

import typing as t

from ..base.row import Params, Row
from ..engine.reader import Reader
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option, Value
from ..model.plain import plain_reading

_FIELDS = (
    Field(
        "dep_enrollment_url",
        "URL at which devices of Apple Business Manager enroll.",
        sample="https://mdm.example.com/enroll",
    ),
    Field(
        "dep_anchor_certs_url",
        "URL of the certificates that devices trust during the enrollment.",
        sample="https://mdm.example.com/anchor-certs",
    ),
)


class MdmServiceConfigReader(Reader):
    """Reads the configuration, and the anchor certificates if the task asks for them."""

    def get_info(self, params: Params) -> Row:
        """Return the values of the module."""
        info = super().get_info(params)
        certs = self._anchor_certs() if params["anchor_certs"] else None
        return {self.kind.name: {**info[self.kind.name], "anchor_certs": certs}}

    def _anchor_certs(self) -> list[t.Any]:
        body = self.view.client.get(
            f"{self.kind.routes.object}/anchor-certs",
            purpose="Reading the anchor certificates of the MDM service",
            can_be_empty=True,
        )
        if body is None:
            return []
        return body if isinstance(body, list) else [body]


MDM_SERVICE_CONFIG = plain_reading(
    name="mdm_service_config",
    title="MDM service configuration",
    plural="mdm_service_configs",
    short_description="Get the MDM service configuration of Esper",
    doc="Returns the URLs at which Apple devices find the MDM service of the tenant.",
    routes=Routes(object="/v2/mdmserviceconfig"),
    fields=_FIELDS,
    options=(
        Option(
            "anchor_certs",
            "If V(true), the module also returns the anchor certificates. This takes another request.",
            type="bool",
            default=False,
        ),
    ),
    returns=(
        Value(
            "mdm_service_config",
            "The MDM service configuration.",
            type="dict",
            contains=(
                *_FIELDS,
                Value(
                    "anchor_certs",
                    "Anchor certificates in API format. At present, Esper returns none. Null if O(anchor_certs=false).",
                    type="list",
                    elements="raw",
                    sample=[],
                ),
            ),
        ),
    ),
    reader=MdmServiceConfigReader,
)
