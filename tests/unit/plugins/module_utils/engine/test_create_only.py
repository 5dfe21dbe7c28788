# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of kinds that Esper cannot change, of names that only a filter knows, of properties that the list does not
have, and of texts in files."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ApiError, InvalidParameter, InvalidValues
from ansible_collections.esper.cloud.plugins.module_utils.engine.apply import Result, ensure
from ansible_collections.esper.cloud.plugins.module_utils.engine.batch import Batch, BatchItem
from ansible_collections.esper.cloud.plugins.module_utils.engine.reader import Reader
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Guard, Kind, Routes, used_in
from ansible_collections.esper.cloud.plugins.module_utils.model.plain import plain_kind
from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers, resets

Row = dict[str, t.Any]
# The server returns a label, but no name.
CLIP = plain_kind(
    name="clip",
    doc="Clips.",
    routes=Routes(list="/v2/clips", object="/v2/clips/{id}", name_filter="exact_name", counts_page=True),
    fields=(
        Field("id", writable=False),
        Field("name", identifier=True, create_only=True, required_by_api=True),
        Field("label", create_only=True, required_by_api=True),
        Field("url", create_only=True),
    ),
    on_difference="replace",
    returns_name=False,
    guards=(Guard(users=used_in("users", "board"), reads=("users",)),),
)
SCRIPT = plain_kind(
    name="script",
    doc="Scripts.",
    routes=Routes(list="/v2/scripts/", object="/v2/scripts/{id}/", update="PUT", keeps_omitted=True),
    fields=(
        Field("id", writable=False),
        Field("name", identifier=True),
        Field("text", file_option="text_src", on_request="texts", create_only=True, required_by_api=True),
        Field("note"),
        Field("every", type="int"),
        Field(
            "parts",
            type="list",
            elements="dict",
            fields=(Field("label", required=True), Field("text", file_option="text_src")),
        ),
    ),
    deletes=False,
    validator=lambda row: "every must be even" if (row.get("every") or 0) % 2 else "",
)
PAGE = 2


class Tenant:
    """A tenant with clips or scripts, whose names are unique."""

    def __init__(self, kind: Kind, *rows: Row) -> None:
        self.kind, self.rows = kind, {str(number): {"id": str(number), **row} for number, row in enumerate(rows, 1)}
        self.sent: list[tuple[str, t.Any]] = []
        self.reads: list[str] = []
        self.failing: dict[str, Reply] = {}

    def __call__(self, request: Request) -> Reply:
        identifier = request.path.removeprefix(f"/api{self.kind.routes.list}").strip("/")
        if request.method == "GET":
            self.reads.append(request.target.removeprefix("/api"))
            return self._read(request, identifier)
        self.sent.append((request.method, request.json))
        if reply := self.failing.pop(request.method, None):
            return reply
        if request.method == "DELETE":
            return answers(self._shown(self.rows.pop(identifier)))
        if request.method == "POST":
            if any(row["name"] == request.json["name"] for row in self.rows.values()):
                return answers({"message": "The name is taken."}, 409)
            identifier = str(len(self.sent) + 100)
        self.rows[identifier] = {**self.rows.get(identifier, {"id": identifier}), **request.json}
        return answers(self._shown(self.rows[identifier], in_list=True))

    def _read(self, request: Request, identifier: str) -> Reply:
        if identifier:
            found = self.rows.get(identifier)
            return answers(self._shown(found)) if found else answers({"message": "Not found."}, 404)
        name, offset = request.query.get("exact_name", request.query.get("name")), int(request.query.get("offset", "0"))
        rows = [row for row in self.rows.values() if name in (None, row["name"])]
        page = rows[offset : offset + PAGE]
        following = f"http://tenant.invalid/?offset={offset + PAGE}" if rows[offset + PAGE :] else ""
        counted = page if self.kind is CLIP else rows
        shown = [self._shown(row, in_list=True) for row in page]
        return answers({"content": {"count": len(counted), "next": following, "prev": "", "results": shown}})

    def _shown(self, row: Row, *, in_list: bool = False) -> Row:
        hidden = {"name"} if self.kind is CLIP else {"text"} if in_list else set()
        return {key: value for key, value in row.items() if key not in hidden}


@pytest.fixture
def view(server: Server, make_client: MakeClient) -> TenantView:
    return TenantView(make_client(server))


def run(view: TenantView, kind: Kind, *, check_mode: bool = False, **params: t.Any) -> Result:
    options = {name: option.get("default") for name, option in kind.options.items()}
    return ensure(TenantView(view.client), kind, {**options, **params}, check_mode=check_mode)


def info(view: TenantView, kind: Kind, **params: t.Any) -> t.Any:
    return Reader(TenantView(view.client), kind).get_info(params)[kind.plural]


# --- objects that Esper cannot change ---------------------------------------------------------------------------------


def test_a_change_of_a_fixed_property_fails_and_names_it(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant(CLIP, {"name": "Menu", "label": "Menu", "url": "a"})
    with pytest.raises(InvalidParameter) as caught:
        run(view, CLIP, name="Menu", label="Karte", url="b")
    assert str(caught.value) == (
        "Cannot change label and url of the clip 'Menu', because Esper accepts this only on creation. Set replace=true"
        " to delete the object and create it again, with another ID."
    )
    server.app = tenant = Tenant(SCRIPT, {"name": "Clean", "text": "a"})
    with pytest.raises(InvalidParameter, match=r"Change it in the Esper Console, or use another name\.$"):
        run(view, SCRIPT, name="Clean", text="b")
    assert tenant.sent == []


def test_a_replacement_deletes_first_and_keeps_what_the_task_omits(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant(CLIP, {"name": "Menu", "label": "Menu", "url": "a"})
    predicted = run(view, CLIP, name="Menu", url="b", replace=True, check_mode=True)
    assert tenant.sent == []
    done = run(view, CLIP, name="Menu", url="b", replace=True)
    assert tenant.sent == [("DELETE", None), ("POST", {"name": "Menu", "label": "Menu", "url": "b"})]
    assert [(each.title, each.before, each.after) for each in done.changes] == [
        ("clip Menu", {"url": "a"}, {"url": "b"})
    ]
    assert predicted.changes == done.changes
    assert done.record is not None
    assert done.record["id"] != "1"
    assert not run(view, CLIP, name="Menu", url="b", replace=True).changed


def test_a_guard_prevents_a_replacement(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant(CLIP, {"name": "Menu", "label": "Menu", "users": [{"name": "Lobby"}]})
    with pytest.raises(InvalidParameter, match="The clip 'Menu' is in use by the board 'Lobby'"):
        run(view, CLIP, name="Menu", label="Karte", replace=True)
    assert tenant.sent == []
    assert run(view, CLIP, name="Menu", label="Karte", replace=True, force=True).changed


def test_after_a_failed_creation_the_next_run_creates(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant(CLIP, {"name": "Menu", "label": "Menu"})
    tenant.failing["POST"] = answers({"message": "Broken"}, 400)
    with pytest.raises(ApiError, match="Deleting the clip 'Menu' was accepted"):
        run(view, CLIP, name="Menu", label="Karte", replace=True)
    tenant.sent.clear()
    assert run(view, CLIP, name="Menu", label="Karte", replace=True).changed
    assert [method for method, _body in tenant.sent] == ["POST"]


def test_a_replacement_whose_response_is_lost_is_found_although_its_id_is_another_one(
    server: Server, view: TenantView
) -> None:
    tenant = Tenant(CLIP, {"name": "Menu", "label": "Menu"})

    def lose(request: Request) -> Reply:
        reply = tenant(request)
        return resets if request.method == "POST" else reply

    server.app = lose
    done = run(view, CLIP, id="1", name="Menu", label="Karte", replace=True)
    assert [method for method, _body in tenant.sent] == ["DELETE", "POST"]
    assert done.record is not None
    assert (done.record["id"], done.record["label"]) == ("102", "Karte")


def test_tenant_deletes_before_it_creates_in_one_plan(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant(CLIP, {"name": "Menu", "label": "Menu"}, {"name": "Old", "label": "Old"})
    options = {name: option.get("default") for name, option in CLIP.options.items()}
    tasks = [
        {"name": "Old", "state": "absent"},
        {"name": "Menu", "label": "Karte", "replace": True},
        {"name": "New", "label": "New"},
    ]
    items = [BatchItem(CLIP, f"clips[{number}]", {**options, **each}) for number, each in enumerate(tasks)]
    batch = Batch(view, items)
    batch.assign_keys()
    batch.plan_all(continue_on_error=False)
    batch.apply_all(on_progress=lambda _count, _total: None)
    assert [item.action for item in items] == ["deleted", "updated", "created"]
    sent = [method if body is None else f"{method} {body['name']}" for method, body in tenant.sent]
    assert sent.index("DELETE") < sent.index("POST Menu")
    assert sent[-1] == "DELETE"
    assert sorted(row["label"] for row in tenant.rows.values()) == ["Karte", "New"]


# --- names that only a filter knows, and numbers of the page --------------------------------------------------------


def test_a_name_is_found_by_the_filter_only(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant(CLIP, *({"name": f"Clip {number}", "label": "Same"} for number in range(7)))
    done = run(view, CLIP, name="Clip 3", label="Same")
    assert (done.changed, tenant.reads) == (False, ["/v2/clips?exact_name=Clip%203&limit=250"])
    assert done.record == {"id": "4", "name": "Clip 3", "label": "Same", "url": None}
    assert run(view, CLIP, name="clip 3", label="Same").changed
    assert tenant.sent == [("POST", {"name": "clip 3", "label": "Same"})]


def test_an_id_with_its_name_is_no_change(server: Server, view: TenantView) -> None:
    server.app = Tenant(CLIP, {"name": "Menu", "label": "Menu"}, {"name": "Map", "label": "Map"})
    assert not run(view, CLIP, id="1", name="Menu").changed
    assert not run(view, CLIP, id="1", label="Menu").changed
    with pytest.raises(InvalidParameter, match="Cannot change name of the clip '1'"):
        run(view, CLIP, id="1", name="Map")
    # Without its name, it cannot be created again.
    with pytest.raises(InvalidValues, match="name is required"):
        run(view, CLIP, id="1", label="Map", replace=True)


def test_a_number_of_the_page_does_not_end_the_list(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant(CLIP, *({"name": str(number), "label": str(number)} for number in range(5)))
    assert [row["label"] for row in info(view, CLIP)] == ["0", "1", "2", "3", "4"]
    assert len(tenant.reads) == 3


# --- properties that the list does not have ---------------------------------------------------------------------------


def test_a_property_is_read_only_if_a_task_needs_it(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant(SCRIPT, {"name": "Clean", "text": "a", "note": ""})
    assert not run(view, SCRIPT, name="Clean").changed
    assert not run(view, SCRIPT, name="Clean", text="a").changed
    assert tenant.reads == ["/v2/scripts/?name=Clean&limit=250"] * 2 + ["/v2/scripts/1/"]
    assert [row["text"] for row in info(view, SCRIPT)] == [None]
    assert [row["text"] for row in info(view, SCRIPT, texts=True)] == ["a"]


def test_the_result_has_what_the_response_to_a_create_lacks(server: Server, view: TenantView) -> None:
    server.app = Tenant(SCRIPT)
    created = run(view, SCRIPT, name="Clean", text="a").record
    assert created is not None
    assert created["text"] == "a"
    assert run(view, SCRIPT, name="Clean", text="a").record == created


def test_put_sends_only_what_differs_if_esper_keeps_the_rest(server: Server, view: TenantView) -> None:
    server.app = tenant = Tenant(SCRIPT, {"name": "Clean", "text": "a", "note": "", "every": 2})
    assert run(view, SCRIPT, name="Clean", note="New").changed
    assert tenant.sent == [("PUT", {"note": "New"})]


@pytest.mark.parametrize("exists", [True, False])
def test_values_that_do_not_fit_together_are_an_error(server: Server, view: TenantView, exists: bool) -> None:
    server.app = tenant = Tenant(SCRIPT, *([{"name": "Clean", "text": "a"}] if exists else []))
    with pytest.raises(InvalidValues, match="Invalid parameters for the script 'Clean': every must be even"):
        run(view, SCRIPT, name="Clean", text="a", every=3)
    assert tenant.sent == []


# --- texts in files ---------------------------------------------------------------------------------------------------


def test_a_file_stands_for_a_text_at_any_depth(server: Server, view: TenantView, tmp_path: Path) -> None:
    file = tmp_path / "script"
    file.write_bytes("Größe\r\n".encode())
    server.app = tenant = Tenant(SCRIPT)
    parts = [{"label": "a", "text_src": str(file)}, {"label": "b", "text": "inline"}]
    assert run(view, SCRIPT, name="Clean", text_src=str(file), parts=parts).changed
    assert tenant.sent == [
        (
            "POST",
            {
                "name": "Clean",
                "text": "Größe\r\n",
                "parts": [{"label": "a", "text": "Größe\r\n"}, {"label": "b", "text": "inline"}],
            },
        )
    ]
    assert not run(view, SCRIPT, name="Clean", text_src=str(file)).changed


def test_a_file_that_is_no_text_is_an_error(server: Server, view: TenantView, tmp_path: Path) -> None:
    server.app = tenant = Tenant(SCRIPT)
    (tmp_path / "binary").write_bytes(b"abc\xff")
    with pytest.raises(InvalidParameter, match="is not a text in UTF-8: its byte 4 is invalid"):
        run(view, SCRIPT, name="Clean", text_src=str(tmp_path / "binary"))
    with pytest.raises(InvalidParameter, match=r"Cannot read the file .*: Is a directory"):
        run(view, SCRIPT, name="Clean", text_src=str(tmp_path))
    with pytest.raises(InvalidParameter, match=r"Cannot read the file .*: No such file"):
        run(view, SCRIPT, name="Clean", text_src=str(tmp_path / "none"))
    assert tenant.sent == []


def test_a_file_option_is_an_option_that_is_found_on_the_controller() -> None:
    options = SCRIPT.options
    assert options["text_src"]["type"] == "path"
    assert options["parts"]["options"].keys() == {"label", "text", "text_src"}
    assert options["parts"]["mutually_exclusive"] == SCRIPT.rules["mutually_exclusive"] == [("text", "text_src")]
    assert SCRIPT.sources == ("text_src", "parts.text_src")
    assert options["state"]["choices"] == ["present"]
