# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import threading
import typing as t
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import Ambiguous, ApiError, NotFound
from ansible_collections.esper.cloud.plugins.module_utils.engine.lookup import lookup_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Kind, Routes, Shape
from ansible_collections.esper.cloud.plugins.module_utils.model.plan import Effect, Step
from ansible_collections.esper.cloud.plugins.module_utils.model.unknowns import KnownAfterApply
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers, cuts_short

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


def test_lists_are_cached_by_kind_and_query(server: Server, view: TenantView) -> None:
    for kind, query in ((THING, {}), (THING, {"name": "a"}), (THING, {"name": "b"}), (OTHER, {"name": "b"})):
        view.list_objects(kind, query)
    assert len(server.requests) == 4


def test_the_order_of_a_query_does_not_matter(server: Server, view: TenantView) -> None:
    view.list_objects(THING, {"a": "1", "b": "2"})
    view.list_objects(THING, {"b": "2", "a": "1"})
    assert len(server.requests) == 1


def test_only_an_invalidated_kind_is_read_again(server: Server, view: TenantView) -> None:
    for _time in range(2):
        view.list_objects(THING)
        view.list_objects(OTHER)
        view.invalidate(THING)
    assert [sent.partition("?")[0] for sent in server.sent] == ["GET /things/", "GET /others/", "GET /things/"]


def test_a_list_below_an_object_is_read_once_in_its_order(server: Server, view: TenantView) -> None:
    server.app = lambda _request: answers({"results": [{"part": "a"}, {"part": "b"}]})
    for _time in range(2):
        rows = view.list_at(f"/things/{FIRST}/parts", {"b": 1, "a": 2}, page_size=None, key="part", purpose="Reading")
        assert [row["part"] for row in rows] == ["a", "b"]
    view.list_at(f"/things/{SECOND}/parts", page_size=None, key="part", purpose="Reading")
    assert server.sent == [f"GET /things/{FIRST}/parts?b=1&a=2", f"GET /things/{SECOND}/parts"]


def test_a_list_below_an_invalidated_kind_is_read_again(server: Server, view: TenantView) -> None:
    server.app = lambda _request: answers({"results": []})
    for _time in range(2):
        view.list_at(f"/things/{FIRST}/parts", purpose="Reading")
        view.list_at(f"/others/{FIRST}/parts", purpose="Reading")
        view.invalidate(THING)
    assert [sent.partition("/")[2].partition("/")[0] for sent in server.sent] == ["things", "others", "things"]


def test_objects_without_ids_are_all_listed_with_the_types_of_their_fields(server: Server, view: TenantView) -> None:
    rows = [{"level": "5"}, {"level": "five"}, {"level": 5}, {"level": []}, {"level": "5"}]
    server.app = lambda _request: answers({"count": len(rows), "results": rows})
    reading = Kind(
        name="reading",
        title="reading",
        plural="readings",
        routes=Routes(list="/readings/"),
        fields=(Field("level", type="int", writable=False),),
        shape=Shape.READ_ONLY,
        id_key="",
    )
    assert [row["level"] for row in view.list_objects(reading)] == [5, None, 5, None, 5]
    assert view.warnings() == ["Esper returned values of an unexpected type, which are null here: reading level."]


def test_a_failure_is_not_cached(server: Server, view: TenantView) -> None:
    server.replies(answers({"message": "No."}, 403))
    with pytest.raises(ApiError, match="Reading the things failed"):
        view.list_objects(THING)
    assert len(view.list_objects(THING)) == 3


def test_a_name_is_resolved_with_one_request(server: Server, view: TenantView) -> None:
    for _time in range(2):
        assert lookup_of(view, THING).resolve("Berlin")["id"] == FIRST
    assert len(server.requests) == 1


def test_an_id_is_resolved_by_the_path_of_the_object(server: Server, view: TenantView) -> None:
    assert lookup_of(view, THING).resolve(FIRST)["name"] == "Berlin"
    assert server.sent == [f"GET /things/{FIRST}/"]


def test_a_name_of_several_objects_is_ambiguous(view: TenantView) -> None:
    with pytest.raises(Ambiguous) as caught:
        lookup_of(view, THING).resolve("Bremen")
    assert caught.value.candidates == sorted([f"Bremen (ID {SECOND})", "Bremen (ID 3)"])


def test_close_names_are_suggested_for_a_misspelled_name(view: TenantView) -> None:
    with pytest.raises(NotFound) as caught:
        lookup_of(view, THING).resolve("Berlni")
    assert str(caught.value) == "The thing 'Berlni' was not found. Did you mean 'Berlin'?"


def test_no_name_is_suggested_if_none_is_close(view: TenantView) -> None:
    with pytest.raises(NotFound) as caught:
        lookup_of(view, THING).resolve("Xyz")
    assert str(caught.value) == "The thing 'Xyz' was not found."


def test_an_unknown_id_is_not_found(view: TenantView) -> None:
    unknown = str(uuid.uuid4())
    with pytest.raises(NotFound, match=unknown):
        lookup_of(view, THING).resolve(unknown)


# --- planned effects --------------------------------------------------------------------------------------------------


def names(rows: list[t.Any]) -> list[str]:
    return [row["name"] for row in rows]


def test_planned_objects_replace_existing_objects(view: TenantView) -> None:
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
    with pytest.raises(NotFound, match="The thing 'Berlin' was not found"):
        lookup.resolve("Berlin")
    # An ID selects the object with its current name in Esper.
    assert lookup.resolve(FIRST)["name"] == "Berlin"


def test_an_object_that_takes_the_name_of_a_renamed_one_is_the_only_one_of_that_name(view: TenantView) -> None:
    view.add_effects([Effect(THING, FIRST, {"id": FIRST, "name": "Bonn"})])
    pending = KnownAfterApply(Step("Creating", "POST", "/things/"), "id")
    view.add_effects([Effect(THING, pending, {"id": pending, "name": "Berlin"})])
    assert lookup_of(view, THING).resolve("Berlin")["id"] == pending


def test_a_deleted_object_is_not_found_by_name(view: TenantView) -> None:
    view.add_effects([Effect(THING, SECOND, None)])
    # Two objects have the name. One of them is not deleted.
    assert lookup_of(view, THING).resolve("Bremen")["id"] == "3"
    view.add_effects([Effect(THING, "3", None)])
    with pytest.raises(NotFound, match="The thing 'Bremen' was not found"):
        lookup_of(view, THING).resolve("Bremen")
    assert names(view.all_as_planned(THING)) == ["Berlin"]
    assert view.planned(THING) == []


def test_a_later_effect_replaces_an_earlier_one(view: TenantView) -> None:
    for name in ("Bonn", "Ulm"):
        view.add_effects([Effect(THING, FIRST, {"id": FIRST, "name": name})])
    assert view.candidates_by_name(THING, "Bonn") == []
    assert names(view.candidates_by_name(THING, "Ulm")) == ["Ulm"]
    assert names(view.planned(THING)) == ["Ulm"]
    view.add_effects([Effect(THING, FIRST, None)])
    assert view.candidates_by_name(THING, "Ulm") == []
    assert view.planned_object(THING, FIRST) is None
    assert view.is_deleted(THING, FIRST)


def test_a_replaced_deletion_has_no_effect(view: TenantView) -> None:
    view.add_effects([Effect(THING, FIRST, None), Effect(THING, FIRST, {"id": FIRST, "name": "Berlin"})])
    assert not view.is_deleted(THING, FIRST)
    assert names(view.candidates_by_name(THING, "Berlin")) == ["Berlin"]


def test_planned_changes_are_those_of_existing_objects(view: TenantView) -> None:
    pending = KnownAfterApply(Step("Creating", "POST", "/things/"), "id")
    created: dict[str, t.Any] = {"id": pending, "name": "Ulm"}
    changed: dict[str, t.Any] = {"id": "3", "name": "Bonn"}
    view.add_effects([Effect(THING, pending, created), Effect(THING, 3, changed)])
    assert view.planned(THING) == [created, changed]
    assert view.planned_changes(THING) == [changed]
    # A number and a text with the same digits are the same ID.
    assert view.planned_object(THING, 3) is view.planned_object(THING, "3") is changed
    assert view.planned_object(THING, pending) is created
    assert view.planned_object(THING, FIRST) is None


def test_effects_on_one_kind_do_not_affect_another(view: TenantView) -> None:
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
def test_derived_values_are_kept_until_objects_of_the_kind_change(
    view: TenantView, change: t.Callable[[TenantView], None], kept: dict[str, str]
) -> None:
    for kind in (THING, OTHER):
        view.derived(kind)["path"] = "A/B"
        assert view.derived(kind) == {"path": "A/B"}
    change(view)
    assert view.derived(THING) == {}
    assert view.derived(OTHER) == kept


def test_replaced_candidates_take_no_request_without_effects(server: Server, view: TenantView) -> None:
    assert view.replaced_candidates(THING, "Berlin") == []
    assert server.sent == []


def test_names_are_looked_up_in_a_preloaded_list_until_it_is_invalidated(server: Server, view: TenantView) -> None:
    view.preload(THING)
    assert names(view.candidates_by_name(THING, "Berlin")) == ["Berlin"]
    assert len(view.candidates_by_name(THING, "bremen")) == 2
    assert view.candidates_by_name(THING, "Ulm") == []
    assert server.sent == ["GET /things/?limit=250"]
    view.invalidate(THING)
    view.candidates_by_name(THING, "Berlin")
    assert server.sent[1:] == ["GET /things/?name=Berlin&limit=250"]


@pytest.mark.parametrize("whole", [False, True])
def test_a_list_that_is_read_during_a_write_request_is_read_again(
    server: Server, view: TenantView, whole: bool
) -> None:
    def invalidating(request: Request) -> Reply:
        if len(server.requests) == 1:
            view.invalidate(THING)
        return things(request)

    server.app = invalidating
    if whole:
        view.preload(THING)
    for _time in range(3):
        view.candidates_by_name(THING, "Berlin")
    # The first response can be older than the write request.
    assert len(server.requests) == 2


def test_names_can_be_looked_up_during_write_requests(server: Server, view: TenantView) -> None:
    stopped = threading.Event()

    def write() -> None:
        while not stopped.is_set():
            view.invalidate(THING)

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write)
        try:
            for _time in range(50):
                assert names(view.candidates_by_name(UNFILTERED, "Berlin")) == ["Berlin"]
        finally:
            stopped.set()
        writing.result()


def test_a_query_that_esper_rejects_is_left_out(server: Server, view: TenantView) -> None:
    people = Kind(
        name="person",
        title="person",
        plural="people",
        routes=Routes(list="/people/", object="/people/{id}/", list_query={"exclude_robots": True}),
        fields=(Field("id", writable=False), Field("name")),
    )
    rows = [{"id": FIRST, "name": "Anna"}]
    server.app = lambda request: answers(*(({}, 400) if "exclude_robots" in request.query else ({"results": rows},)))
    assert view.list_objects(people) == view.list_objects(people) == rows
    assert server.sent == ["GET /people/?exclude_robots=true&limit=250", "GET /people/?limit=250"]
    assert view.objects_by_id(people) == {FIRST: rows[0]}
    view.list_objects(people, {"name": "Anna"})
    assert server.sent[2:] == ["GET /people/?name=Anna&limit=250"]


def test_the_query_of_a_list_is_sent_with_each_request(server: Server, view: TenantView) -> None:
    people = Kind(
        name="person",
        title="person",
        plural="people",
        routes=Routes(list="/people/", object="/people/{id}/", list_query={"exclude_robots": True}),
        fields=(Field("id", writable=False), Field("name")),
    )
    server.app = lambda request: answers({"results": []})
    assert view.list_objects(people) == view.list_objects(people, {"name": "Anna"}) == []
    assert view.objects_by_id(people) == {}
    assert [each.partition("?")[2] for each in server.sent] == [
        "exclude_robots=true&limit=250",
        "exclude_robots=true&name=Anna&limit=250",
    ]
    server.app = lambda request: answers({"message": "Broken"}, 403)
    with pytest.raises(ApiError):
        view.list_objects(people, {"name": "Bo"})
    assert len(server.sent) == 3


# --- files ------------------------------------------------------------------------------------------------------------


def link_of(server: Server, signature: str = "1") -> str:
    return f"{server.url.removesuffix('/api')}/storage/summer.png?signature={signature}"


def test_a_file_behind_a_link_is_downloaded_once_and_without_the_key(server: Server, client: Client) -> None:
    view = TenantView(client)
    server.replies(cuts_short, answers(b"summer"))
    for signature in ("1", "2"):
        checksum = view.checksum_at(link_of(server, signature), purpose="Downloading the picture")
        assert checksum == hashlib.sha256(b"summer").hexdigest()
    assert len(server.requests) == 2
    assert not [request for request in server.requests if "authorization" in request.headers]


def test_after_a_write_request_a_link_can_have_another_file(server: Server, client: Client) -> None:
    view = TenantView(client)
    server.replies(answers(b"winter"), answers(b"summer"))
    before = view.checksum_at(link_of(server), purpose="Downloading the picture")
    view.invalidate(THING)
    assert view.checksum_at(link_of(server), purpose="Downloading the picture") != before


def test_the_error_of_a_download_shows_no_signature(server: Server, client: Client) -> None:
    server.replies(answers(b"", 404))
    with pytest.raises(ApiError, match="Downloading the picture failed: GET http") as caught:
        TenantView(client).checksum_at(link_of(server, "s3cret"), purpose="Downloading the picture")
    assert "s3cret" not in str(caught.value)
