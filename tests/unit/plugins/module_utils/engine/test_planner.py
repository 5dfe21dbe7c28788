# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of plans with invalid values in tasks or in responses: nothing is overwritten, deleted or created twice."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import EsperError, InvalidValues
from ansible_collections.esper.cloud.plugins.module_utils.engine.apply import Result, ensure, make_plan
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.forms import Form
from ansible_collections.esper.cloud.plugins.module_utils.kinds.alert_channel import ALERT_CHANNEL
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Kind, Routes, Shape, Upload
from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

Row = dict[str, t.Any]
ROUTES = Routes(list="/v2/things/", object="/v2/things/{id}/", update="PUT")
SETTINGS = Field("settings", type="dict", fields=(Field("networks", type="list", elements="dict"), Field("on")))
THING = Kind(name="thing", title="thing", plural="things", routes=ROUTES, fields=(Field("id"), Field("name"), SETTINGS))
NAMES = Kind(name="thing", title="thing", plural="things", routes=ROUTES, fields=(Field("id"),), shape=Shape.READ_ONLY)

CLIP = Kind(
    name="clip",
    title="clip",
    plural="clips",
    routes=ROUTES,
    fields=(Field("id"), Field("name"), Field("is_removable", type="bool", create_default=True)),
    uploads=(
        Upload(option="icon", key="icon_file", name_option="icon_name"),
        Upload(option="picture", key="image_file", required=False),
    ),
)


class Tenant:
    """A tenant with rows in its list. ``writes`` are the bodies of write requests."""

    def __init__(self, *rows: Row) -> None:
        self.rows, self.writes = rows, list[Row | None]()

    def __call__(self, request: Request) -> Reply:
        if request.method == "GET":
            return answers({"count": len(self.rows), "next": None, "previous": None, "results": self.rows})
        self.writes.append(request.json)
        return answers({**self.rows[0], **(request.json or {})}, 200)


@pytest.fixture
def view(server: Server, make_client: MakeClient) -> TenantView:
    return TenantView(make_client(server))


def channel(**values: t.Any) -> Row:
    return {"id": 7, "name": "Desk", "type": "email", "properties": {"to_address": ["a@example.com"]}, **values}


def run(view: TenantView, **params: t.Any) -> Result:
    options = {name: option.get("default") for name, option in ALERT_CHANNEL.options.items()}
    return ensure(view, ALERT_CHANNEL, {**options, "name": "Desk", **params})


def test_kinds_with_the_same_route_have_their_own_types(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant({"id": "1", "name": "a", "settings": {"networks": {"odd": 1}, "on": "no"}})
    assert view.list_objects(NAMES, {"name": "a"})
    params = {"state": "present", "name": "a", "settings": {"on": "yes"}}
    with pytest.raises(
        EsperError, match=r"not changed, because Esper returned an unexpected type for settings\.networks"
    ):
        ensure(view, THING, params)
    assert tenant.writes == []


@pytest.mark.parametrize(
    ("params", "name", "error"),
    [
        ({"emails": ["nobody"]}, "Desk", "emails[0] is not a valid email address: 'nobody'"),
        ({"emails": []}, "Desk", "emails must not be empty"),
        ({"name": "New"}, "New", "emails is required"),
    ],
    ids=str,
)
def test_an_invalid_value_is_reported_with_its_object(
    server: Server, view: TenantView, params: Row, name: str, error: str
) -> None:
    server.app = tenant = Tenant(channel())
    with pytest.raises(InvalidValues) as caught:
        run(view, **params)
    assert str(caught.value) == f"Invalid parameters for the alert channel '{name}': {error}."
    assert tenant.writes == []


@pytest.mark.parametrize("linked", [["id1"], "id1", {"count": 2}, 3])
def test_an_object_with_invalid_users_counts_as_in_use(server: Server, view: TenantView, linked: t.Any) -> None:
    server.app = tenant = Tenant(channel(linked_alerts=linked))
    with pytest.raises(EsperError, match="cannot determine whether it is in use"):
        run(view, state="absent")
    assert tenant.writes == []
    assert run(view, state="absent", force=True).changed


@pytest.mark.parametrize("identifier", [7.5, "x7", "", True, [7]])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_object_without_a_valid_id_is_not_created_again(
    server: Server, view: TenantView, identifier: t.Any, state: str
) -> None:
    server.app = tenant = Tenant(channel(id=identifier))
    with pytest.raises(EsperError):
        run(view, state=state, emails=["b@example.com"])
    assert tenant.writes == []


@pytest.mark.parametrize("properties", [["a"], '{"to_address": [], "cc": ["b"]}'])
def test_an_invalid_parent_is_not_replaced(server: Server, view: TenantView, properties: t.Any) -> None:
    server.app = tenant = Tenant(channel(properties=properties))
    with pytest.raises(EsperError, match="not changed, because Esper returned an unexpected type for emails"):
        run(view, emails=["b@example.com"])
    assert tenant.writes == []


def test_other_keys_of_a_parent_are_kept(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant(channel(properties={"to_address": ["a@example.com"], "cc": ["c@example.com"]}))
    assert run(view, emails=["b@example.com"]).changed
    assert tenant.writes == [{"properties": {"to_address": ["b@example.com"], "cc": ["c@example.com"]}}]


def test_an_object_with_files_is_created_by_a_form(server: Server, view: TenantView, tmp_path: Path) -> None:
    icon = tmp_path / "icon.png"
    icon.write_bytes(b"icon")
    server.app = Tenant()
    params = {"state": "present", "name": "Menu", "icon": str(icon), "icon_name": "menu.png"}
    (step,) = make_plan(view, CLIP, params).steps
    assert isinstance(step.body, Form)
    assert step.body.fields == {"name": "Menu", "is_removable": True}
    assert (step.body.files, step.body.names) == ({"icon_file": icon}, {"icon_file": "menu.png"})


def test_a_required_file_is_an_error_before_any_write(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant()
    with pytest.raises(InvalidValues, match="icon is required"):
        ensure(view, CLIP, {"state": "present", "name": "Menu", "picture": "/none"})
    assert tenant.writes == []
