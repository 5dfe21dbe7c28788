# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags, with the numbers of devices that have them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.kinds.tag import TAG
from ansible_collections.esper.cloud.plugins.module_utils.task import RunContext, define_info_module
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client

Row = dict[str, t.Any]
TAGS = [
    {"id": f"00000000-0000-4000-8000-00000000000{number}", "tag": tag} for number, tag in enumerate(("kiosk", "lab"))
]
KIOSK = TAGS[0]["id"]


def _device(number: int, **more: t.Any) -> Row:
    return {"id": f"d{number}", "state": 1, "tags": [KIOSK], **more}


@pytest.mark.parametrize(
    ("params", "requests", "counts"),
    [
        ({}, 1, [None, None]),
        ({"device_counts": True}, 2, [2, 0]),
        ({"device_counts": True, "name": "kiosk"}, 3, [2]),
        ({"device_counts": True, "id": KIOSK}, 3, [2]),
        ({"name": "nothing", "device_counts": True}, 1, []),
    ],
)
def test_devices_are_counted_in_few_requests(
    server: Server, client: Client, params: Row, requests: int, counts: list[int | None]
) -> None:
    devices = [_device(1), _device(2, tags=[KIOSK.upper(), "gone"]), _device(3, state=20), _device(4, tags=None)]
    sent: list[Request] = []

    def tenant(request: Request) -> Reply:
        sent.append(request)
        query = request.query
        if request.path == "/api/v2/devices/":
            rows = [row for row in devices if "state" not in query or str(row["state"]) == query["state"]]
            rows = [row for row in rows if "tags" not in query or KIOSK in str(row["tags"]).lower()]
            return answers({"content": {"count": len(rows), "next": None, "results": rows}})
        if request.path.endswith(f"{KIOSK}/"):
            return answers(TAGS[0])
        rows = [row for row in TAGS if query.get("search", "") in row["tag"]]
        return answers({"count": len(rows), "next": None, "results": rows})

    server.app, module = tenant, define_info_module(TAG)
    options = {name: spec.get("default") for name, spec in module.options.items()}
    tags = module.run(TenantView(client), {**options, **params}, RunContext()).result["tags"]
    assert [tag.get("device_count") for tag in tags] == counts
    assert len(sent) == requests
