# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of fields that name objects of other kinds, and of fields that an empty text clears."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import NotFound
from ansible_collections.esper.cloud.plugins.module_utils.engine.apply import Result, ensure
from ansible_collections.esper.cloud.plugins.module_utils.engine.batch import Batch, BatchItem
from ansible_collections.esper.cloud.plugins.module_utils.engine.reader import Reader
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Routes
from ansible_collections.esper.cloud.plugins.module_utils.model.module_spec import Option
from ansible_collections.esper.cloud.plugins.module_utils.model.names import Names
from ansible_collections.esper.cloud.plugins.module_utils.model.plain import plain_kind
from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

Row = dict[str, t.Any]

CHANNEL = plain_kind(
    name="channel",
    doc="Channels.",
    routes=Routes(list="/v2/channels/", object="/v2/channels/{id}/"),
    fields=(Field("id", type="int", writable=False), Field("name", identifier=True)),
)
RULE = plain_kind(
    name="rule",
    doc="Rules.",
    routes=Routes(list="/v2/rules/", object="/v2/rules/{id}/"),
    fields=(
        Field("id", writable=False),
        Field("name", identifier=True),
        Field("channels", type="list", elements="str", list_type="set", names=Names(CHANNEL)),
        Field("owner", names=Names(CHANNEL), null_if_empty=True),
        Field("note", null_if_empty=True),
    ),
    info_options=(Option("active", "Filter.", type="bool", query="is_active"),),
)


class Tenant:
    """A tenant with channels and rules. ``shows`` is how a response shows the channels of a rule."""

    def __init__(self, shows: t.Callable[[t.Any], t.Any] = lambda identifier: identifier) -> None:
        self.tables: dict[str, list[Row]] = {
            "channels": [{"id": 7, "name": "Desk"}, {"id": 8, "name": "Night"}],
            "rules": [],
        }
        self.shows, self.sent, self.reads = shows, list[tuple[str, t.Any]](), list[str]()

    def __call__(self, request: Request) -> Reply:
        table, _slash, identifier = request.path.split("/v2/")[1].strip("/").partition("/")
        rows = self.tables[table]
        if request.method == "GET" and not identifier:
            self.reads.append(request.target)
            rows = [row for row in rows if request.query.get("name", row["name"]) == row["name"]]
            return answers({"count": len(rows), "results": list(map(self._shown, rows))})
        if request.method == "GET":
            found = [row for row in rows if str(row["id"]) == identifier]
            return answers(self._shown(found[0])) if found else answers({}, 404)
        self.sent.append((request.method, request.json))
        if request.method == "POST":
            rows.append({"id": f"deadbeef-0000-4000-8000-00000000000{len(rows)}"} if table == "rules" else {"id": 9})
        row = next((row for row in rows if str(row["id"]) == identifier), rows[-1])
        row.update(request.json or {})
        return answers(self._shown(row))

    def _shown(self, row: Row) -> Row:
        shown = [self.shows(each) for each in row.get("channels", [])]
        return {**row, "channels": shown} if "channels" in row else row


@pytest.fixture
def view(server: Server, make_client: MakeClient) -> TenantView:
    return TenantView(make_client(server))


def run(view: TenantView, **params: t.Any) -> Result:
    return ensure(TenantView(view.client), RULE, {"state": "present", "name": "Low", **params})


@pytest.mark.parametrize(
    "shows",
    [
        lambda identifier: identifier,
        lambda identifier: {"id": identifier, "name": "Desk" if str(identifier) == "7" else "Night"},
        int,
    ],
    ids=["IDs", "objects", "numbers"],
)
def test_names_are_compared_and_sent_as_ids(server: Server, view: TenantView, shows: t.Any) -> None:
    server.app = tenant = Tenant(shows)
    first = run(view, channels=["Desk"])
    assert tenant.sent == [("POST", {"name": "Low", "channels": ["7"]})]
    assert first.record is not None
    assert first.record["channels"] == ["Desk"]
    assert not run(view, channels=["7"]).changed, "an ID is accepted in place of a name"
    changed = run(view, channels=["Night", "Desk", "Night"])
    assert tenant.sent[1:] == [("PATCH", {"channels": ["8", "7"]})]
    assert [each.after for each in changed.changes] == [{"channels": ["Night", "Desk"]}]
    again = run(view, channels=["Desk", "Night"])
    assert not again.changed, "the order does not matter"
    assert again.record == changed.record
    assert RULE.depends_on == {"channel"}


def test_an_unknown_name_is_an_error_with_close_names(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant()
    with pytest.raises(NotFound, match=r"channel 'Desc' .*Desk"):
        run(view, channels=["Desc"])
    assert tenant.sent == []


def test_an_info_module_reads_the_names_once(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant()
    tenant.tables["rules"] = [{"id": f"r{each}", "name": str(each), "channels": ["7"], "owner": 8} for each in (1, 2)]
    rules = Reader(view, RULE).get_info({"id": None, "name": None, "active": True})["rules"]
    assert [(each["channels"], each["owner"]) for each in rules] == [(["Desk"], "Night")] * 2
    assert [each.partition("?")[0] for each in tenant.reads] == ["/api/v2/rules/", "/api/v2/channels/"]
    assert "is_active=true" in tenant.reads[0]


def test_an_object_of_the_same_task_has_an_id_that_is_not_known_yet(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant()
    items = [
        BatchItem(RULE, "rules[0]", {"state": "present", "name": "Low", "channels": ["New", "Desk"], "owner": "New"}),
        BatchItem(CHANNEL, "channels[0]", {"state": "present", "name": "New"}),
    ]
    batch = Batch(view, items)
    batch.assign_keys()
    batch.plan_all(continue_on_error=False)
    assert items[0].error is None
    assert items[0].changes[0].after == {"name": "Low", "channels": ["New", "Desk"], "owner": "New"}
    batch.apply_all(on_progress=lambda _completed, _all: None)
    assert tenant.sent == [
        ("POST", {"name": "New"}),
        ("POST", {"name": "Low", "channels": ["9", "7"], "owner": "9"}),
    ]
    assert items[0].record is not None
    assert items[0].record["owner"] == "New"


def test_many_names_are_looked_up_in_one_list(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant()
    tenant.tables["channels"] += [{"id": 20 + each, "name": f"C{each}"} for each in range(6)]
    items = [
        BatchItem(RULE, f"rules[{each}]", {"state": "present", "name": f"R{each}", "channels": [f"C{each}"]})
        for each in range(6)
    ]
    batch = Batch(view, items)
    batch.assign_keys()
    batch.plan_all(continue_on_error=False)
    assert [item.error for item in items] == [None] * 6
    assert len(tenant.reads) == 2


@pytest.mark.parametrize("field", ["owner", "note"])
def test_an_empty_text_removes_a_value(server: Server, view: TenantView, field: str) -> None:
    server.app = tenant = Tenant()
    run(view, **{field: ""})
    assert tenant.sent == [("POST", {"name": "Low"})]
    assert not run(view, **{field: ""}).changed
    assert run(view, **{field: "Desk"}).changed
    tenant.sent.clear()
    cleared = run(view, **{field: ""})
    assert tenant.sent == [("PATCH", {field: None})]
    # The response has the ID only, and this task reads no names.
    before = {"owner": "7", "note": "Desk"}[field]
    assert (cleared.changes[0].before, cleared.changes[0].after) == ({field: before}, {field: None})
    assert cleared.record is not None
    assert cleared.record[field] is None
    assert not run(view, **{field: ""}).changed


@pytest.mark.parametrize("value", [{"odd": 1}, [{"odd": 1}], True, [True]])
def test_an_invalid_reference_is_null_and_reported(server: Server, view: TenantView, value: t.Any) -> None:
    server.app = tenant = Tenant()
    tenant.tables["rules"] = [{"id": "r1", "name": "Low", "owner": value}]
    [rule] = Reader(view, RULE).get_info({"id": None, "name": None})["rules"]
    assert rule["owner"] is None
    assert "rule owner of r1" in view.warnings()[0]


def test_a_put_sends_the_ids_of_objects_that_the_task_omits(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant(lambda identifier: {"id": identifier, "name": "Desk"})
    tenant.tables["rules"] = [{"id": "r1", "name": "Low", "channels": [7], "note": "a"}]
    kind = replace(RULE, routes=Routes(list="/v2/rules/", object="/v2/rules/{id}/", update="PUT"))
    ensure(view, kind, {"state": "present", "name": "Low", "note": "b"})
    assert tenant.sent == [("PUT", {"name": "Low", "channels": ["7"], "note": "b"})]
