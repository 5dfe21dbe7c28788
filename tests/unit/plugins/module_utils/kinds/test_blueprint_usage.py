# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blueprints that use an object, for guards and _info modules of any kind."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import EsperError, InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.engine.planner import planner_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.reader import reader_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint_list import BLUEPRINTS
from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint_usage import blueprints_with, in_blueprints
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Guard, Kind, Routes
from ansible_collections.esper.cloud.plugins.module_utils.model.plain import plain_kind
from ansible_collections.esper.cloud.plugins.module_utils.model.plan import Effect
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient

Row = dict[str, t.Any]

LAMP = {"id": 7, "name": "Lamp"}
LAMPS = [LAMP, {"id": 8, "name": "Sun"}]


def kind_with(*keys: str, query: str = "") -> Kind:
    """A kind whose objects blueprints use."""
    return plain_kind(
        name="lamp",
        doc="Lamps.",
        routes=Routes(list="/v1/lamps/", object="/v1/lamps/{id}/"),
        fields=(Field("id", type="int", writable=False), Field("name", identifier=True)),
        guards=(Guard(users=in_blueprints(*keys, query=query)),),
        related=(blueprints_with("lamp", *keys, query=query),),
    )


def blueprint(settings: t.Any, name: str = "Kiosks") -> Row:
    return {"id": f"id-of-{name}", "name": name, "publish": True, "version_id": "v", "settings": settings}


class Tenant:
    """A tenant with lamps and blueprints, which remembers the queries of the list of blueprints."""

    def __init__(self, *blueprints: Row) -> None:
        self.blueprints = blueprints
        self.queries: list[Row] = []

    def __call__(self, request: Request) -> Reply:
        rows: t.Sequence[Row] = LAMPS
        if request.path.endswith("/v2/blueprints/"):
            self.queries.append({name: value for name, value in request.query.items() if name != "limit"})
            rows = self.blueprints
        return answers({"count": len(rows), "next": None, "previous": None, "results": rows})


@pytest.fixture
def view(server: Server, make_client: MakeClient) -> TenantView:
    return TenantView(make_client(server))


def delete(view: TenantView, kind: Kind, *, force: bool = False) -> list[t.Any]:
    """Plan the deletion of the lamp. Return the IDs of the blueprints that must change before it."""
    plan = planner_of(view, kind).plan({"id": 7, "state": "absent", "force": force}, LAMP)
    assert [step.method for step in plan.steps] == ["DELETE"]
    assert all(each is BLUEPRINTS for each, _id in plan.relies_on)
    return [identifier for _kind, identifier in plan.relies_on]


@pytest.mark.parametrize("key", ["lamp_id", "light.lamp_id", "ios.light.lamp_id"])
@pytest.mark.parametrize(
    ("settings", "uses"),
    [
        ({"ios": {"light": {"lamp_id": 7}}}, True),
        ({"ios": {"light": [{"lamp_id": 9}, {"lamp_id": "7"}]}}, True),
        ({"ios": {"light": [{"lamp_id": 9}], "other_id": 7}, "android": None}, False),
        ({"ios": {"light": None}}, False),
        ({}, False),
        (None, False),
    ],
)
def test_an_id_under_the_key_is_a_use(server: Server, view: TenantView, key: str, settings: t.Any, uses: bool) -> None:
    server.app = tenant = Tenant(blueprint({"ios": {}}, "Others"), blueprint(settings))
    if uses:
        with pytest.raises(InvalidParameter, match=r"'Lamp' is in use by the blueprint 'Kiosks' \(published version\)"):
            delete(view, kind_with(key))
    assert delete(view, kind_with(key), force=uses) == []
    assert tenant.queries == [{}]


@pytest.mark.parametrize("settings", [{"ios": {"lamp_id": 7}}, {"android": {"light": {"lamp_id": 7}}}])
def test_an_id_elsewhere_is_no_use(server: Server, view: TenantView, settings: Row) -> None:
    server.app = Tenant(blueprint(settings))
    assert delete(view, kind_with("ios.light.lamp_id")) == []


@pytest.mark.parametrize("settings", ["text", {"ios": "text"}, {"ios": {"light": "text"}}, {"ios": {"light": [7]}}])
def test_settings_of_an_unexpected_type_can_be_a_use(server: Server, view: TenantView, settings: t.Any) -> None:
    server.app = Tenant(blueprint(settings))
    with pytest.raises(EsperError, match="settings of an unexpected type, for the blueprint 'Kiosks'"):
        delete(view, kind_with("light.lamp_id"))


def test_a_blueprint_without_settings_can_be_a_user(server: Server, view: TenantView) -> None:
    row = blueprint({})
    del row["settings"]
    server.app = lambda request: answers(row) if row["id"] in request.path else Tenant(row)(request)
    with pytest.raises(EsperError, match="Esper returned no settings"):
        delete(view, kind_with("lamp_id"))


def test_a_filter_finds_the_candidates(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant()
    delete(view, kind_with("lamp_id", query="settings__ios__lamp_id"))
    assert tenant.queries == [{"settings__ios__lamp_id": "7"}]


@pytest.mark.parametrize("row", [None, {**blueprint({"ios": {"lamp_id": 8}})}])
def test_a_deletion_relies_on_the_blueprints_that_the_task_changes(
    server: Server, view: TenantView, row: Row | None
) -> None:
    server.app = Tenant(blueprint({"ios": {"lamp_id": 7}}))
    view.add_effects([Effect(BLUEPRINTS, "id-of-Kiosks", row)])
    assert delete(view, kind_with("lamp_id")) == ["id-of-Kiosks"]


def test_a_planned_blueprint_is_a_user(server: Server, view: TenantView) -> None:
    server.app = Tenant()
    view.add_effects([Effect(BLUEPRINTS, "new", blueprint({"ios": {"lamp_id": 7}}))])
    with pytest.raises(InvalidParameter, match=r"the blueprint 'Kiosks' \(planned by this task\)"):
        delete(view, kind_with("lamp_id"))


@pytest.mark.parametrize(("query", "lists"), [("", 1), ("settings__ios__lamp_id", 2)])
def test_info_returns_the_blueprints_if_the_task_asks_for_them(
    server: Server, view: TenantView, query: str, lists: int
) -> None:
    server.app = tenant = Tenant(blueprint({"ios": {"lamp_id": 7}}))
    reader = reader_of(view, kind_with("lamp_id", query=query))
    assert reader.get_info({"usage": False}) == {"lamps": LAMPS}
    assert tenant.queries == []
    user = {"id": "id-of-Kiosks", "name": "Kiosks", "versions": ["published version"]}
    rows = reader.get_info({"usage": True})["lamps"]
    assert [row["blueprints"] for row in rows] == [[user], []]
    assert len(tenant.queries) == lists
