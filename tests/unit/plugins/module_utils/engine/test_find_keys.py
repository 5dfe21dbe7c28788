# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds whose objects are found by other keys than a name, and whose requests have another form than responses."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.row import Params, Row
from ansible_collections.esper.cloud.plugins.module_utils.engine.apply import ensure
from ansible_collections.esper.cloud.plugins.module_utils.engine.lookup import Lookup, lookup_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Routes
from ansible_collections.esper.cloud.plugins.module_utils.model.plain import plain_kind
from ansible_collections.esper.cloud.plugins.module_utils.model.plan import Effect
from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers


class ByNumber(Lookup):
    def task_key(self, params: Params) -> str:
        return str(params["home"])

    def find(self, params: Params) -> Row | None:
        return self.one_or_none(self.find_by_keys({params["home"]}), params["home"])


# Responses have a list of numbers, requests have one text.
LINE = plain_kind(
    name="line",
    doc="Telephone lines.",
    keys=("home", "work"),
    lookup=ByNumber,
    find_keys=lambda row: [row[name] for name in ("home", "work") if row.get(name)],
    adapt=lambda row: {**row, **dict(zip(("home", "work"), row.get("numbers") or [], strict=False))},
    to_api=lambda body: {"text": f"{body.get('home')},{body.get('work')}"},
    routes=Routes(list="/v2/lines/", object="/v2/lines/{id}/", update="PUT", name_filter=""),
    fields=(Field("id", writable=False), Field("home", identifier=True), Field("work", identifier=True)),
)


@pytest.fixture
def view(server: Server, make_client: MakeClient) -> TenantView:
    lines: list[t.Any] = [{"id": "a", "numbers": ["1", "2"]}, {"id": "b", "numbers": ["3"]}]
    sent: list[t.Any] = []

    def app(request: Request) -> Reply:
        if request.method == "GET":
            return answers({"count": len(lines), "results": lines})
        sent.append((request.method, request.json))
        line = {"id": "c", "numbers": request.json["text"].split(",")}
        lines.append(line)
        return answers(line, 201)

    server.app = app
    made = TenantView(make_client(server))
    made.facts["sent"] = sent
    return made


def ids(view: TenantView, *keys: str) -> list[str]:
    return [row["id"] for row in lookup_of(view, LINE).find_by_keys(set(keys))]


def test_objects_are_found_by_any_key_once(view: TenantView) -> None:
    assert ids(view, "2") == ["a"]
    assert ids(view, "1", "2") == ["a"]
    assert sorted(ids(view, "1", "3")) == ["a", "b"]
    assert ids(view, "9") == []


def test_planned_keys_replace_those_of_existing_objects(view: TenantView) -> None:
    view.add_effects([Effect(LINE, "a", {"id": "a", "home": "7", "work": "8"}), Effect(LINE, "b", None)])
    assert ids(view, "1", "2", "3") == []
    assert ids(view, "7") == ids(view, "8") == ["a"]
    view.add_effects([Effect(LINE, "a", {"id": "a", "home": "9"})])
    assert (ids(view, "7", "8"), ids(view, "9")) == ([], ["a"])
    assert view.planned_kind("line") is LINE
    assert view.planned_kind("channel") is None


def test_requests_and_responses_have_forms_of_their_own(view: TenantView) -> None:
    created = ensure(view, LINE, {"state": "present", "home": "4", "work": "5"})
    assert created.record == {"id": "c", "home": "4", "work": "5"}
    assert view.facts["sent"] == [("POST", {"text": "4,5"})]
    assert not ensure(view, LINE, {"state": "present", "home": "4", "work": "5"}).changed
    ensure(view, LINE, {"state": "present", "home": "1", "work": "6"})
    assert view.facts["sent"][1:] == [("PUT", {"text": "1,6"})]
