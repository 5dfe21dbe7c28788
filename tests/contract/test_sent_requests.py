# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection sends is what the contract describes: each request of real work, read from the journal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.engine.apply import Result, ensure
from ansible_collections.esper.cloud.plugins.module_utils.engine.reader import reader_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import Connection
from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint_list import BLUEPRINTS
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device import (
    check_filters,
    resolve_filters,
)
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device_group import DEVICE_GROUP
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device_list import list_devices
from ansible_collections.esper.cloud.plugins.module_utils.kinds.tag import TAG
from contract import Contract
from process import Simulator

Params = dict[str, Any]

DEFAULTS: Params = {name: option.get("default") for name, option in DEVICE_GROUP.options.items()}


class Tenant:
    """The collection's client and engine, each call of which is a task of its own."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    def references(self, **options: Any) -> TenantView:
        return TenantView(
            Client(Connection.from_options({"api_url": self.simulator.url, "api_key": self.simulator.key, **options}))
        )

    def ensure(self, **params: Any) -> Result:
        return ensure(self.references(), DEVICE_GROUP, {**DEFAULTS, **params})


@pytest.fixture
def tenant(simulator: Simulator, contract: Contract) -> Iterator[Tenant]:
    """Afterwards all that was sent must have been in the contract's words, and answered well."""
    yield Tenant(simulator)
    journal = simulator.journal()
    assert journal
    sent = [(entry["method"], entry["path"], entry["query"], entry["body"]) for entry in journal]
    assert [flaw for request in sent for flaw in contract.validate_request(*request)] == []


def test_the_life_of_a_group(tenant: Tenant) -> None:
    tenant.ensure(path="Chain/North/Kiel", create_parents=True)
    tenant.ensure(path="Chain/North/Kiel", new_path="Chain/South/Ulm", create_parents=True)
    tenant.ensure(name="Ulm", parent="South", state="absent")
    tenant.ensure(path="Stores", state="absent", recursive=True, force=True)
    methods = [entry["method"] for entry in tenant.simulator.writes()]
    assert methods[:6] == ["POST", "POST", "POST", "POST", "PATCH", "PATCH"]
    assert set(methods[6:]) == {"DELETE", "PATCH"}


def test_an_unchanged_group_costs_two_reads_at_any_depth(tenant: Tenant) -> None:
    path = "A/B/C/D/E"
    tenant.ensure(path=path, create_parents=True)
    tenant.simulator.clear_journal()
    assert not tenant.ensure(path=path, create_parents=True).changed
    sent = [entry["path"].rsplit("/", 2)[-2] for entry in tenant.simulator.journal()]
    assert sent == ["token-info", "devicegroup"]


@pytest.mark.parametrize("way", ["path", "ID"])
def test_a_group_in_a_parent_costs_four_requests(tenant: Tenant, way: str) -> None:
    parent = tenant.ensure(path="A/B", create_parents=True).record
    assert parent is not None
    tenant.simulator.clear_journal()
    assert tenant.ensure(name="kid", parent=parent["path" if way == "path" else "id"]).changed
    assert [entry["method"] for entry in tenant.simulator.journal()] == ["GET", "GET", "GET", "POST"]


def test_four_missing_levels_are_four_posts(tenant: Tenant) -> None:
    tenant.ensure(path="A/B/C/D", create_parents=True)
    assert [entry["method"] for entry in tenant.simulator.writes()] == ["POST"] * 4


def test_information_on_groups(tenant: Tenant) -> None:
    found = reader_of(tenant.references(), DEVICE_GROUP).get_info({"path": "Stores", "subtree": True})
    assert found["tree"][0]["children"]


@pytest.mark.parametrize("source", ["/v1/token-info/", "/user_info/", "/v2/devices/"])
def test_the_enterprise_is_found_wherever_the_service_tells_it(tenant: Tenant, source: str) -> None:
    for path in ("/v1/token-info/", "/user_info/"):
        if path == source:
            break
        tenant.simulator.fault(kind="status", status=404, path=path, times=None)
    assert tenant.references().client.enterprise_id == tenant.simulator.enterprise_id
    assert tenant.simulator.journal()[-1]["path"] == source


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"platform": ["ANDROID", "LINUX"], "state": "online", "is_gms": True, "battery_level_gte": 5},
        {"group_multi": ["Stores", "Offices"], "tags": ["kiosk", "pos"]},
        {"assigned_blueprint_id": "Point of Sale", "managed_by": "blueprint", "search": "Till"},
    ],
)
def test_devices_by_filter(tenant: Tenant, filters: Params) -> None:
    references = tenant.references()
    query = resolve_filters(references, check_filters(filters))
    rows = list(list_devices(references.client, query, concurrency=4))
    assert len({row["id"] for row in rows}) == len(rows)


def test_names_beside_ids(tenant: Tenant) -> None:
    references = tenant.references()
    assert {"kiosk", "pos"} <= {TAG.to_result(row)["name"] for row in references.list_objects(TAG)}
    assert references.list_objects(BLUEPRINTS)
