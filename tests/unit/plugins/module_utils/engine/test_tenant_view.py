# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import typing as t
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import Ambiguous, ApiError, NotFound
from ansible_collections.esper.cloud.plugins.module_utils.engine.lookup import lookup_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Kind, Routes
from ansible_collections.esper.cloud.plugins.module_utils.model.plan import Effect, Step
from ansible_collections.esper.cloud.plugins.module_utils.model.unknowns import KnownAfterApply
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client


def kind_of(name: str, path: str, *, name_filter: str = "name") -> Kind:
    """Return a kind of objects with a name."""
    return Kind(
        name=name,
        title=name,
        plural=f"{name}s",
        routes=Routes(list=path, object=f"{path}{{id}}/", name_filter=name_filter),
        fields=(Field("id", writable=False), Field("name")),
    )


THING, OTHER = kind_of("thing", "/things/"), kind_of("other", "/others/")
# Esper cannot filter the list by name.
UNFILTERED = kind_of("thing", "/things/", name_filter="")
FIRST, SECOND = str(uuid.uuid4()), str(uuid.uuid4())


def things(request: Request) -> Reply:
    rows = [{"id": FIRST, "name": "Berlin"}, {"id": SECOND, "name": "Bremen"}, {"id": "3", "name": "Bremen"}]
    if identifier := request.path.partition("/things/")[2].rstrip("/"):
        found = [row for row in rows if row["id"] == identifier]
        return answers(found[0]) if found else answers({"message": "Not found."}, 404)
    found = [row for row in rows if request.query.get("name", "") in row["name"]]
    return answers({"count": len(found), "results": found})


@pytest.fixture
def view(server: Server, client: Client) -> TenantView:
    server.app = things
    return TenantView(client)


def test_a_list_is_read_once(server: Server, view: TenantView) -> None:
    first = view.list_objects(THING, {"name": "Berlin"})
    assert view.list_objects(THING, {"name": "Berlin"}) is first
    assert server.sent == ["GET /things/?name=Berlin&limit=250"]


def test_lists_are_told_apart_by_kind_and_query(server: Server, view: TenantView) -> None:
    for kind, query in ((THING, {}), (THING, {"name": "a"}), (THING, {"name": "b"}), (OTHER, {"name": "b"})):
        view.list_objects(kind, query)
    assert len(server.requests) == 4


def test_the_order_of_a_query_does_not_matter(server: Server, view: TenantView) -> None:
    view.list_objects(THING, {"a": "1", "b": "2"})
    view.list_objects(THING, {"b": "2", "a": "1"})
    assert len(server.requests) == 1


def test_what_was_written_to_is_read_anew_and_nothing_else(server: Server, view: TenantView) -> None:
    for _time in range(2):
        view.list_objects(THING)
        view.list_objects(OTHER)
        view.invalidate(THING)
    assert [sent.partition("?")[0] for sent in server.sent] == ["GET /things/", "GET /others/", "GET /things/"]


def test_what_belongs_to_one_object_is_read_once_and_as_it_comes(server: Server, view: TenantView) -> None:
    server.app = lambda _request: answers({"results": [{"part": "a"}, {"part": "b"}]})
    for _time in range(2):
        rows = view.list_at(f"/things/{FIRST}/parts", {"b": 1, "a": 2}, page_size=None, key="part", purpose="Reading")
        assert [row["part"] for row in rows] == ["a", "b"]
    view.list_at(f"/things/{SECOND}/parts", page_size=None, key="part", purpose="Reading")
    assert server.sent == [f"GET /things/{FIRST}/parts?b=1&a=2", f"GET /things/{SECOND}/parts"]


def test_what_belongs_to_what_was_written_to_is_read_anew(server: Server, view: TenantView) -> None:
    server.app = lambda _request: answers({"results": []})
    for _time in range(2):
        view.list_at(f"/things/{FIRST}/parts", purpose="Reading")
        view.list_at(f"/others/{FIRST}/parts", purpose="Reading")
        view.invalidate(THING)
    assert [sent.partition("/")[2].partition("/")[0] for sent in server.sent] == ["things", "others", "things"]


def test_a_failure_is_not_remembered(server: Server, view: TenantView) -> None:
    server.replies(answers({"message": "No."}, 403))
    with pytest.raises(ApiError, match="Reading the things failed"):
        view.list_objects(THING)
    assert len(view.list_objects(THING)) == 3


def test_a_name_becomes_an_object_by_one_request(server: Server, view: TenantView) -> None:
    for _time in range(2):
        assert lookup_of(view, THING).resolve("Berlin")["id"] == FIRST
    assert len(server.requests) == 1


def test_an_id_is_looked_up_as_such(server: Server, view: TenantView) -> None:
    assert lookup_of(view, THING).resolve(FIRST)["name"] == "Berlin"
    assert server.sent == [f"GET /things/{FIRST}/"]


def test_a_name_that_several_have_is_ambiguous(view: TenantView) -> None:
    with pytest.raises(Ambiguous) as caught:
        lookup_of(view, THING).resolve("Bremen")
    assert caught.value.candidates == sorted([f"Bremen (id {SECOND})", "Bremen (id 3)"])


def test_a_misspelt_name_is_answered_with_close_ones(view: TenantView) -> None:
    with pytest.raises(NotFound) as caught:
        lookup_of(view, THING).resolve("Berlni")
    assert str(caught.value) == "There is no thing 'Berlni'. Did you mean 'Berlin'?"


def test_a_name_like_no_other_is_answered_without_a_guess(view: TenantView) -> None:
    with pytest.raises(NotFound) as caught:
        lookup_of(view, THING).resolve("Xyz")
    assert str(caught.value) == "There is no thing 'Xyz'."


def test_an_id_that_belongs_to_nothing_is_not_found(view: TenantView) -> None:
    unknown = str(uuid.uuid4())
    with pytest.raises(NotFound, match=unknown):
        lookup_of(view, THING).resolve(unknown)


# --- what is planned --------------------------------------------------------------------------------------------------


def names(rows: list[t.Any]) -> list[str]:
    return [row["name"] for row in rows]


def test_what_is_planned_is_found_in_place_of_what_is_there(view: TenantView) -> None:
    pending = KnownAfterApply(Step("Creating", "POST", "/things/"), "id")
    view.add_effects(
        [
            Effect(THING, FIRST, {"id": FIRST, "name": "Bonn"}),
            Effect(THING, pending, {"id": pending, "name": "Bremen"}),
            Effect(THING, SECOND, None),
        ]
    )
    assert names(view.candidates_by_name(THING, "Berlin")) == []
    assert names(view.candidates_by_name(THING, " bonn ")) == ["Bonn"]
    assert [row["id"] for row in view.candidates_by_name(THING, "Bremen")] == ["3", pending]
    assert names(view.all_as_planned(THING)) == ["Bremen", "Bonn", "Bremen"]
    assert [row["id"] for row in view.replaced_candidates(THING, "Berlin")] == [FIRST]
    assert view.replaced_candidates(THING, "Bremen") == []
    assert view.is_deleted(THING, SECOND)
    assert not view.is_deleted(THING, FIRST)
    view.forget_plans()
    assert names(view.candidates_by_name(THING, "Berlin")) == ["Berlin"]
    assert len(view.candidates_by_name(THING, "Bremen")) == 2
    assert names(view.all_as_planned(THING)) == ["Berlin", "Bremen", "Bremen"]


def test_a_renamed_object_is_found_by_its_new_name_only(view: TenantView) -> None:
    view.add_effects([Effect(THING, FIRST, {"id": FIRST, "name": "Bonn"})])
    lookup = lookup_of(view, THING)
    assert lookup.resolve("Bonn")["id"] == FIRST
    assert lookup.find_by_name("Berlin") == []
    with pytest.raises(NotFound, match="There is no thing 'Berlin'"):
        lookup.resolve("Berlin")
    # An ID selects the object as Esper has it now.
    assert lookup.resolve(FIRST)["name"] == "Berlin"


def test_an_object_that_takes_the_name_of_a_renamed_one_is_the_only_one_of_that_name(view: TenantView) -> None:
    view.add_effects([Effect(THING, FIRST, {"id": FIRST, "name": "Bonn"})])
    pending = KnownAfterApply(Step("Creating", "POST", "/things/"), "id")
    view.add_effects([Effect(THING, pending, {"id": pending, "name": "Berlin"})])
    assert lookup_of(view, THING).resolve("Berlin")["id"] == pending


def test_a_deleted_object_is_not_found_by_name(view: TenantView) -> None:
    view.add_effects([Effect(THING, SECOND, None)])
    # Two objects have the name. Only one of them is left.
    assert lookup_of(view, THING).resolve("Bremen")["id"] == "3"
    view.add_effects([Effect(THING, "3", None)])
    with pytest.raises(NotFound, match="There is no thing 'Bremen'"):
        lookup_of(view, THING).resolve("Bremen")
    assert names(view.all_as_planned(THING)) == ["Berlin"]
    assert view.planned(THING) == []


def test_a_later_effect_replaces_the_former_one(view: TenantView) -> None:
    for name in ("Bonn", "Ulm"):
        view.add_effects([Effect(THING, FIRST, {"id": FIRST, "name": name})])
    assert view.candidates_by_name(THING, "Bonn") == []
    assert names(view.candidates_by_name(THING, "Ulm")) == ["Ulm"]
    assert names(view.planned(THING)) == ["Ulm"]
    view.add_effects([Effect(THING, FIRST, None)])
    assert view.candidates_by_name(THING, "Ulm") == []
    assert view.planned_object(THING, FIRST) is None
    assert view.is_deleted(THING, FIRST)


def test_a_deletion_that_is_replaced_is_none(view: TenantView) -> None:
    view.add_effects([Effect(THING, FIRST, None), Effect(THING, FIRST, {"id": FIRST, "name": "Berlin"})])
    assert not view.is_deleted(THING, FIRST)
    assert names(view.candidates_by_name(THING, "Berlin")) == ["Berlin"]


def test_planned_objects_are_told_apart_from_those_that_exist(view: TenantView) -> None:
    pending = KnownAfterApply(Step("Creating", "POST", "/things/"), "id")
    created: dict[str, t.Any] = {"id": pending, "name": "Ulm"}
    changed: dict[str, t.Any] = {"id": "3", "name": "Bonn"}
    view.add_effects([Effect(THING, pending, created), Effect(THING, 3, changed)])
    assert view.planned(THING) == [created, changed]
    assert view.planned_changes(THING) == [changed]
    # An ID is the same as a number and as a text.
    assert view.planned_object(THING, 3) is view.planned_object(THING, "3") is changed
    assert view.planned_object(THING, pending) is created
    assert view.planned_object(THING, FIRST) is None


def test_effects_on_one_kind_are_none_on_another(view: TenantView) -> None:
    view.add_effects([Effect(OTHER, FIRST, None), Effect(OTHER, SECOND, {"id": SECOND, "name": "Berlin"})])
    assert [row["id"] for row in view.candidates_by_name(THING, "Berlin")] == [FIRST]
    assert not view.is_deleted(THING, FIRST)
    assert view.planned(THING) == []


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (lambda view: view.add_effects([Effect(THING, FIRST, None)]), {"path": "A/B"}),
        (lambda view: view.invalidate(THING), {"path": "A/B"}),
        (lambda view: view.forget_plans(), {}),
    ],
    ids=["planned", "written", "applied"],
)
def test_what_is_derived_of_a_kind_is_kept_until_its_objects_change(
    view: TenantView, change: t.Callable[[TenantView], None], kept: dict[str, str]
) -> None:
    for kind in (THING, OTHER):
        view.derived(kind)["path"] = "A/B"
        assert view.derived(kind) == {"path": "A/B"}
    change(view)
    assert view.derived(THING) == {}
    assert view.derived(OTHER) == kept


def test_what_is_superseded_costs_nothing_where_nothing_is(server: Server, view: TenantView) -> None:
    assert view.replaced_candidates(THING, "Berlin") == []
    assert server.sent == []


def test_names_are_looked_up_in_the_whole_list_until_something_is_written(server: Server, view: TenantView) -> None:
    view.preload(THING)
    assert names(view.candidates_by_name(THING, "Berlin")) == ["Berlin"]
    assert len(view.candidates_by_name(THING, "bremen")) == 2
    assert view.candidates_by_name(THING, "Ulm") == []
    assert server.sent == ["GET /things/?limit=250"]
    view.invalidate(THING)
    view.candidates_by_name(THING, "Berlin")
    assert server.sent[1:] == ["GET /things/?name=Berlin&limit=250"]


@pytest.mark.parametrize("whole", [False, True])
def test_a_list_that_is_read_while_something_is_written_is_read_anew(
    server: Server, view: TenantView, whole: bool
) -> None:
    def meanwhile(request: Request) -> Reply:
        if len(server.requests) == 1:
            view.invalidate(THING)
        return things(request)

    server.app = meanwhile
    if whole:
        view.preload(THING)
    for _time in range(3):
        view.candidates_by_name(THING, "Berlin")
    # What the first one answered may lack what another thread wrote before the answer came.
    assert len(server.requests) == 2


def test_names_are_looked_up_while_others_write(server: Server, view: TenantView) -> None:
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            view.invalidate(THING)

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write)
        try:
            for _time in range(50):
                assert names(view.candidates_by_name(UNFILTERED, "Berlin")) == ["Berlin"]
        finally:
            over.set()
        writing.result()
