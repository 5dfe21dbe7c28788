# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import typing as t
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import Ambiguous, ApiError, NotFound
from ansible_collections.esper.cloud.plugins.module_utils.engine.object_cache import References
from ansible_collections.esper.cloud.plugins.module_utils.engine.resource import Field, Resource
from ansible_collections.esper.cloud.plugins.module_utils.model.plan import Step
from ansible_collections.esper.cloud.plugins.module_utils.model.unknowns import ResultOf
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client


class Thing(Resource):
    kind = "thing"
    plural = "things"
    title = "thing"
    collection = "/things/"
    item = "/things/{id}/"
    fields = (Field("id", writable=False), Field("name"))


class Other(Thing):
    collection = "/others/"


class Nameless(Thing):
    """The list cannot be asked for a name."""

    name_filter = ""


THING, OTHER = Thing(), Other()
FIRST, SECOND = str(uuid.uuid4()), str(uuid.uuid4())


def things(request: Request) -> Reply:
    rows = [{"id": FIRST, "name": "Berlin"}, {"id": SECOND, "name": "Bremen"}, {"id": "3", "name": "Bremen"}]
    if identifier := request.path.partition("/things/")[2].rstrip("/"):
        found = [row for row in rows if row["id"] == identifier]
        return answers(found[0]) if found else answers({"message": "Not found."}, 404)
    found = [row for row in rows if request.query.get("name", "") in row["name"]]
    return answers({"count": len(found), "results": found})


@pytest.fixture
def references(server: Server, client: Client) -> References:
    server.app = things
    return References(client)


def test_a_list_is_read_once(server: Server, references: References) -> None:
    first = references.rows(THING, {"name": "Berlin"})
    assert references.rows(THING, {"name": "Berlin"}) is first
    assert server.sent == ["GET /things/?name=Berlin&limit=250"]


def test_lists_are_told_apart_by_kind_and_query(server: Server, references: References) -> None:
    for kind, query in ((THING, {}), (THING, {"name": "a"}), (THING, {"name": "b"}), (OTHER, {"name": "b"})):
        references.rows(kind, query)
    assert len(server.requests) == 4


def test_the_order_of_a_query_does_not_matter(server: Server, references: References) -> None:
    references.rows(THING, {"a": "1", "b": "2"})
    references.rows(THING, {"b": "2", "a": "1"})
    assert len(server.requests) == 1


def test_what_was_written_to_is_read_anew_and_nothing_else(server: Server, references: References) -> None:
    for _time in range(2):
        references.rows(THING, {})
        references.rows(OTHER, {})
        references.forget(THING)
    assert [sent.partition("?")[0] for sent in server.sent] == ["GET /things/", "GET /others/", "GET /things/"]


def test_what_belongs_to_one_object_is_read_once_and_as_it_comes(server: Server, references: References) -> None:
    server.app = lambda _request: answers({"results": [{"part": "a"}, {"part": "b"}]})
    for _time in range(2):
        rows = references.at(f"/things/{FIRST}/parts", {"b": 1, "a": 2}, page_size=None, key="part", purpose="Reading")
        assert [row["part"] for row in rows] == ["a", "b"]
    references.at(f"/things/{SECOND}/parts", page_size=None, key="part", purpose="Reading")
    assert server.sent == [f"GET /things/{FIRST}/parts?b=1&a=2", f"GET /things/{SECOND}/parts"]


def test_what_belongs_to_what_was_written_to_is_read_anew(server: Server, references: References) -> None:
    server.app = lambda _request: answers({"results": []})
    for _time in range(2):
        references.at(f"/things/{FIRST}/parts", purpose="Reading")
        references.at(f"/others/{FIRST}/parts", purpose="Reading")
        references.forget(THING)
    assert [sent.partition("/")[2].partition("/")[0] for sent in server.sent] == ["things", "others", "things"]


def test_a_failure_is_not_remembered(server: Server, references: References) -> None:
    server.replies(answers({"message": "No."}, 403))
    with pytest.raises(ApiError, match="Reading the things failed"):
        references.rows(THING, {})
    assert len(references.rows(THING, {})) == 3


def test_a_name_becomes_an_object_by_one_request(server: Server, references: References) -> None:
    for _time in range(2):
        assert THING.resolve(references, "Berlin")["id"] == FIRST
    assert len(server.requests) == 1


def test_an_id_is_looked_up_as_such(server: Server, references: References) -> None:
    assert THING.resolve(references, FIRST)["name"] == "Berlin"
    assert server.sent == [f"GET /things/{FIRST}/"]


def test_a_name_that_several_have_is_ambiguous(references: References) -> None:
    with pytest.raises(Ambiguous) as caught:
        THING.resolve(references, "Bremen")
    assert caught.value.candidates == sorted([f"Bremen (id {SECOND})", "Bremen (id 3)"])


def test_a_misspelt_name_is_answered_with_close_ones(references: References) -> None:
    with pytest.raises(NotFound) as caught:
        THING.resolve(references, "Berlni")
    assert str(caught.value) == "There is no thing 'Berlni'. Did you mean 'Berlin'?"


def test_a_name_like_no_other_is_answered_without_a_guess(references: References) -> None:
    with pytest.raises(NotFound) as caught:
        THING.resolve(references, "Xyz")
    assert str(caught.value) == "There is no thing 'Xyz'."


def test_an_id_that_belongs_to_nothing_is_not_found(references: References) -> None:
    unknown = str(uuid.uuid4())
    with pytest.raises(NotFound, match=unknown):
        THING.resolve(references, unknown)


# --- what is planned --------------------------------------------------------------------------------------------------


def names(rows: list[t.Any]) -> list[str]:
    return [row["name"] for row in rows]


def test_what_is_planned_is_found_in_place_of_what_is_there(references: References) -> None:
    pending = ResultOf(Step("Creating", "POST", "/things/"), "id")
    references.expect(THING, {"id": FIRST, "name": "Bonn"})
    references.expect(THING, {"id": pending, "name": "Bremen"})
    references.leave_out(THING, SECOND)
    assert names(references.called(THING, "Berlin")) == []
    assert names(references.called(THING, " bonn ")) == ["Bonn"]
    assert [row["id"] for row in references.called(THING, "Bremen")] == ["3", pending]
    assert names(references.all_as_planned(THING)) == ["Bremen", "Bonn", "Bremen"]
    assert [row["id"] for row in references.superseded(THING, "Berlin")] == [FIRST]
    assert references.superseded(THING, "Bremen") == []
    assert references.is_leaving(THING, SECOND)
    assert not references.is_leaving(THING, FIRST)
    references.forget_plans()
    assert names(references.called(THING, "Berlin")) == ["Berlin"]
    assert len(references.called(THING, "Bremen")) == 2
    assert names(references.all_as_planned(THING)) == ["Berlin", "Bremen", "Bremen"]


def test_what_is_superseded_costs_nothing_where_nothing_is(server: Server, references: References) -> None:
    assert references.superseded(THING, "Berlin") == []
    assert server.sent == []


def test_names_are_looked_up_in_the_whole_list_until_something_is_written(
    server: Server, references: References
) -> None:
    references.read_whole(THING)
    assert names(references.called(THING, "Berlin")) == ["Berlin"]
    assert len(references.called(THING, "bremen")) == 2
    assert references.called(THING, "Ulm") == []
    assert server.sent == ["GET /things/?limit=250"]
    references.forget(THING)
    references.called(THING, "Berlin")
    assert server.sent[1:] == ["GET /things/?name=Berlin&limit=250"]


@pytest.mark.parametrize("whole", [False, True])
def test_a_list_that_is_read_while_something_is_written_is_read_anew(
    server: Server, references: References, whole: bool
) -> None:
    def meanwhile(request: Request) -> Reply:
        if len(server.requests) == 1:
            references.forget(THING)
        return things(request)

    server.app = meanwhile
    if whole:
        references.read_whole(THING)
    for _time in range(3):
        references.called(THING, "Berlin")
    # What the first one answered may lack what another thread wrote before the answer came.
    assert len(server.requests) == 2


def test_names_are_looked_up_while_others_write(server: Server, references: References) -> None:
    nameless = Nameless()
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            references.forget(THING)

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write)
        try:
            for _time in range(50):
                assert names(references.called(nameless, "Berlin")) == ["Berlin"]
        finally:
            over.set()
        writing.result()
