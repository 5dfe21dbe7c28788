# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of devices by status, a singleton that is only read.

Based on /v1/enterprise/{enterprise_id}/report/status-metrics/ (v1.yaml) and /v2/enterprise/{enterprise_id}/report/
status-metrics (v2.yaml) of the contract. It does not document the periods of ``last_seen`` in the second generation.
"""

from __future__ import annotations

from ..base.row import Params, Row
from ..engine.reader import Reader
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading

_ROUTES = {
    "v1": "/v1/enterprise/{enterprise_id}/report/status-metrics/",
    "v2": "/v2/enterprise/{enterprise_id}/report/status-metrics",
}


class StatusMetricReader(Reader):
    """Reads the numbers of one generation of the API."""

    def read_object(self, params: Params) -> Row:
        purpose = self.kind.purpose_of_list
        return self.view.get_at(_ROUTES[params["generation"]], kind=self.kind, purpose=purpose)


def _count(name: str, doc: str, sample: int, api: str = "") -> Field:
    return Field(name, doc, type="int", api=api, writable=False, sample=sample)


_V1 = "Null with O(generation=v2)."
_V2 = "Null with O(generation=v1)."

STATUS_METRIC = plain_reading(
    name="status_metric",
    plural="status_metrics",
    info_name="status_metrics",
    title="status metrics",
    short_description="Get numbers of Esper devices by status",
    doc=(
        "Returns how many devices of the tenant are active, secure, at risk, low on battery or new.",
        "In large tenants, the Esper API needs many seconds for the response: about 6 with O(generation=v1), and 18"
        " with O(generation=v2).",
    ),
    routes=Routes(object=_ROUTES["v1"]),
    options=(
        Option(
            "generation",
            "Version of the Esper API that counts the devices. V(v1) counts active and inactive devices, V(v2) the"
            " devices that Esper saw in three periods.",
            choices=tuple(_ROUTES),
            default="v1",
        ),
    ),
    seealso=("device_info", "device_tile_info"),
    reader=StatusMetricReader,
    fields=(
        _count("active", f"Number of active devices. {_V1}", 288),
        _count("inactive", f"Number of inactive devices. {_V1}", 12, api="in_active"),
        _count("secure", "Number of devices without known risks.", 290),
        _count("low_risk", "Number of devices with a low risk.", 6),
        _count("medium_risk", "Number of devices with a medium risk.", 3),
        _count("high_risk", "Number of devices with a high risk.", 1),
        _count("unspecified", "Number of devices whose risk Esper does not know.", 0),
        _count("total_devices_under_risk", "Number of devices with any risk.", 10),
        _count("low_battery", "Number of devices with a low battery.", 4),
        _count("under_provisioning", "Number of devices that are being provisioned.", 2),
        _count("unprovisioned_devices", f"Number of devices that are not provisioned. {_V2}", 5),
        _count("recently_added", "Number of devices that were added recently.", 7),
        Field(
            "last_seen",
            f"Numbers of devices that Esper saw in three periods. Esper does not document their lengths. {_V2}",
            type="dict",
            writable=False,
            fields=tuple(
                _count(f"{order}_period", f"Number of devices in the {order} period.", number)
                for order, number in (("first", 280), ("second", 15), ("third", 5))
            ),
        ),
    ),
)
