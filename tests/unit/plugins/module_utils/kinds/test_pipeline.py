# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pipelines, against the simulator."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import Connection
from ansible_collections.esper.cloud.plugins.module_utils.kinds.pipeline import pipelines
from ansible_collections.esper.cloud.plugins.module_utils.kinds.pipeline_tree import parse_args
from ansible_collections.esper.cloud.tests.laws.world import ENTERPRISE_ID, KEY, World

Row = dict[str, t.Any]

PATH = "/pipelines/v0/pipelines/"


def post(world: World, path: str, body: t.Any) -> Row:
    row: Row = world.must("api", {"method": "POST", "path": path, "body": body}).result["content"]
    return row


@pytest.fixture
def view(world: World) -> t.Iterator[TenantView]:
    connection = Connection.from_options(
        {"api_url": world.simulator.url, "api_key": KEY, "enterprise_id": ENTERPRISE_ID}
    )
    with Client(connection, user_agent="tests") as client:
        yield TenantView(client)


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_tree_is_read_with_shared_lists_and_pages(world: World, view: TenantView) -> None:
    pipeline = post(world, PATH, {"name": "Till release"})
    post(world, PATH, {"name": "Till release 2"})
    targets = post(world, f"{PATH}{pipeline['id']}/targetlists/", {"name": "All", "target_list_type": "DEVICES"})
    for name in ("Head office", "Berlin"):
        stage = post(world, f"{PATH}{pipeline['id']}/stages/", {"name": name})
        post(world, f"/pipelines/v0/stages/{stage['id']}/targetlists/", {"target_list_id": targets["id"]})
        operations = post(world, f"/pipelines/v0/stages/{stage['id']}/operationlists/", {"name": name})
        for number in range(12):
            body = {"operation_type": "NOTIFY_OTA", "args": {"number": number}}
            post(world, f"/pipelines/v0/operationlists/{operations['id']}/operations/", body)
    row, tree = pipelines(view).read_pipeline("Till release")
    assert row["id"] == pipeline["id"]
    assert [stage["name"] for stage in tree.stages] == ["Head office", "Berlin"]
    assert tree.stages[0]["target_lists"][0] is tree.stages[1]["target_lists"][0]
    assert [each["args"]["number"] for each in tree.stages[1]["operation_lists"][0]["operations"]] == list(range(12))
    pipelines(view).tree_reader(row).read_members(tree.target_lists)
    assert tree.target_lists[0]["targets"] == []


@pytest.mark.parametrize(
    ("args", "read"),
    [
        ({"a": 1}, {"a": 1}),
        ('{"a": true}', {"a": True}),
        ("{'a': True}", {"a": True}),
        ("", {}),
        (None, {}),
        ("a=1", None),
        ("[1]", None),
        ("__import__('os').getcwd()", None),
        ("(" * 10000, None),
    ],
)
def test_arguments_are_data(args: t.Any, read: Row | None) -> None:
    assert parse_args(args) == read
