# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches of objects of kinds that exist only here, because batches know no kind by name. The tests of the module
tenant use the real kinds."""

from __future__ import annotations

import itertools
import threading
import typing as t
from dataclasses import dataclass, field, replace

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import EsperError
from ansible_collections.esper.cloud.plugins.module_utils.base.row import Params
from ansible_collections.esper.cloud.plugins.module_utils.engine import batch as batch_module
from ansible_collections.esper.cloud.plugins.module_utils.engine.batch import ACTIONS, Batch, BatchItem
from ansible_collections.esper.cloud.plugins.module_utils.engine.lookup import Lookup, lookup_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.planner import Planner
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.parallel import CONCURRENCY
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field, Reference
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Kind, Routes
from ansible_collections.esper.cloud.plugins.module_utils.model.plan import Effect, Plan
from ansible_collections.esper.cloud.plugins.module_utils.model.unknowns import KnownAfterApply
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client

Row = dict[str, t.Any]
PATIENCE = 20.0


class ReferringPlanner(Planner):
    """Plans objects that are created with the ID of another object, which an option names."""

    def plan_create(self, params: Params) -> Plan:
        """Return the plan that creates an object, with the IDs of those that it refers to."""
        ids = {
            each.name: lookup_of(self.view, self._kind_of(each)).resolve(params[each.name])["id"]
            for each in self.kind.fields
            if each.references and params.get(each.name) is not None
        }
        return super().plan_create({**params, **ids})

    def _kind_of(self, field: Field) -> Kind:
        return next(each for each in (SHELF, BOX, LID) if each.name == field.references[0].kind)


def kind_of(name: str, plural: str, *references: tuple[str, str]) -> Kind:
    """Return a kind whose objects refer to others: each reference is the name of a field, and of the other kind."""
    return Kind(
        name=name,
        title=name,
        plural=plural,
        routes=Routes(list=f"/v1/{plural}/", object=f"/v1/{plural}/{{id}}"),
        fields=(
            Field("id", writable=False),
            Field("name"),
            *(Field(field, references=(Reference(kind, (field,), (field,)),)) for field, kind in references),
        ),
        planner=ReferringPlanner,
    )


# A shelf can be above another.
SHELF = kind_of("shelf", "shelves", ("on", "shelf"))
BOX = kind_of("box", "boxes", ("shelf", "shelf"), ("other", "kind_that_is_not_in_the_task"))
LID = kind_of("lid", "lids", ("shelf", "shelf"), ("box", "box"))


@dataclass
class Store:
    """Keeps objects of any kind. ``before`` is called for each write, and can return another response."""

    rows: dict[str, Row] = field(default_factory=dict)
    before: t.Callable[[str, str], Reply | None] = lambda _method, _name: None
    numbers: t.Iterator[int] = field(default_factory=lambda: itertools.count(1))
    sent: list[str] = field(default_factory=list)
    completed: list[str] = field(default_factory=list)

    def add(self, kind: Kind, **values: t.Any) -> None:
        place = f"{kind.routes.list}{next(self.numbers)}"
        self.rows[place] = {"id": place.rpartition("/")[2], **values}

    def __call__(self, request: Request) -> Reply:
        path = request.path.removeprefix("/api")
        if request.method == "GET":
            if path in self.rows:
                return answers(self.rows[path])
            found = [row for place, row in list(self.rows.items()) if place.startswith(path)]
            name = request.query.get("name")
            found = [row for row in found if name in (None, row["name"])]
            return answers({"count": len(found), "next": None, "results": found})
        name = (request.json or self.rows.get(path) or {}).get("name", "")
        self.sent.append(f"{request.method} {name}")
        if instead := self.before(request.method, name):
            return instead
        if request.method == "DELETE":
            del self.rows[path]
            reply = answers(None, 204)
        elif request.method == "PATCH":
            self.rows[path].update(request.json)
            reply = answers(self.rows[path])
        else:
            place = f"{path}{next(self.numbers)}"
            self.rows[place] = {"id": place.rpartition("/")[2], **request.json}
            reply = answers(self.rows[place], 201)
        self.completed.append(name)
        return reply


@pytest.fixture
def store(server: Server) -> Store:
    server.app = made = Store()
    return made


def items_of(*several: tuple[Kind, Row]) -> list[BatchItem]:
    return [
        BatchItem(kind, f"{kind.plural}[{number}]", {"state": "present", **params})
        for number, (kind, params) in enumerate(several)
    ]


def prepared(client: Client, items: list[BatchItem], *, continue_on_error: bool = False) -> Batch:
    made = Batch(TenantView(client), items)
    made.assign_keys()
    made.plan_all(continue_on_error=continue_on_error)
    return made


def applied(client: Client, items: list[BatchItem], *, continue_on_error: bool = False) -> list[str]:
    made = prepared(client, items, continue_on_error=continue_on_error)
    made.apply_all(on_progress=lambda _count, _of: None)
    return [item.action for item in items]


def test_kinds_come_after_those_that_they_refer_to(client: Client, store: Store) -> None:
    items = items_of(
        (LID, {"name": "lid", "box": "box"}), (BOX, {"name": "box", "shelf": "shelf"}), (SHELF, {"name": "shelf"})
    )
    assert applied(client, items) == ["created"] * 3
    assert store.sent == ["POST shelf", "POST box", "POST lid"]
    items = items_of(*((item.kind, {"name": item.key, "state": "absent"}) for item in reversed(items)))
    assert applied(client, items) == ["deleted"] * 3
    assert store.sent[3:] == ["DELETE lid", "DELETE box", "DELETE shelf"]


def test_what_is_deleted_comes_after_all_else(client: Client, store: Store) -> None:
    store.add(LID, name="old")
    items = items_of((LID, {"name": "old", "state": "absent"}), (SHELF, {"name": "new"}), (BOX, {"name": "new"}))
    assert applied(client, items) == ["deleted", "created", "created"]
    assert store.sent == ["POST new", "POST new", "DELETE old"]


def test_objects_of_a_tree_are_deleted_after_those_below_them(client: Client, store: Store) -> None:
    class PathLookup(Lookup):
        def tree_path(self, row: Row) -> tuple[str, ...]:
            return tuple(row["name"].split("/"))

    tree = replace(SHELF, lookup=PathLookup)
    names = ["a", "a/b", "a/b/c", "d", "d/e"]
    for name in names:
        store.add(tree, name=name)
    other = threading.Event()

    def wait(_method: str, name: str) -> None:
        if name == "d":
            other.set()
        if name == "a/b/c":
            # A slow deletion delays only those of the objects above it.
            assert other.wait(PATIENCE)

    store.before = wait
    items = items_of(*((tree, {"name": name, "state": "absent"}) for name in names))
    assert applied(client, items) == ["deleted"] * 5
    assert [name for name in store.completed if name[0] == "a"] == ["a/b/c", "a/b", "a"]
    assert [name for name in store.completed if name[0] == "d"] == ["d/e", "d"]


def test_an_object_is_sent_with_the_id_of_the_one_that_it_names(client: Client, store: Store) -> None:
    names = [str(number) for number in range(5)]
    shelves = [(SHELF, {"name": name, "on": above}) for name, above in zip(names, [None, *names], strict=False)]
    items = items_of((BOX, {"name": "box", "shelf": "4"}), *reversed(shelves))
    assert applied(client, items) == ["created"] * 6
    assert store.sent == [f"POST {name}" for name in [*names, "box"]]
    rows = {row["name"]: row for row in store.rows.values()}
    assert rows["box"]["shelf"] == rows["4"]["id"]
    assert [rows[name]["on"] for name in names[1:]] == [rows[name]["id"] for name in names[:-1]]
    # Nothing of what was planned stands where it is shown.
    assert all(not isinstance(value, KnownAfterApply) for item in items for value in (item.record or {}).values())


def test_a_renamed_object_is_referred_to_by_its_new_name(client: Client, store: Store) -> None:
    store.add(SHELF, name="old")
    items = items_of(
        (BOX, {"name": "a", "shelf": "new"}), (BOX, {"name": "b", "shelf": "old"}), (SHELF, {"id": 1, "name": "new"})
    )
    assert applied(client, items, continue_on_error=True) == ["created", "failed", "updated"]
    assert str(items[1].error) == "The shelf 'old' was not found."
    assert store.sent == ["PATCH new", "POST a"]
    assert [row["shelf"] for row in store.rows.values() if row["name"] == "a"] == ["1"]


def test_a_new_object_can_take_the_name_of_a_renamed_one(client: Client, store: Store) -> None:
    store.add(SHELF, name="a")
    items = items_of((SHELF, {"id": 1, "name": "b"}), (SHELF, {"name": "a"}), (BOX, {"name": "box", "shelf": "a"}))
    assert applied(client, items) == ["updated", "created", "created"]
    # The names of shelves can be unique.
    assert store.sent == ["PATCH b", "POST a", "POST box"]
    shelves = {row["name"]: row["id"] for row in store.rows.values()}
    assert [row["shelf"] for row in store.rows.values() if row["name"] == "box"] == [shelves["a"]]
    assert shelves["b"] == "1"


def test_objects_in_any_order_release_a_name_before_another_takes_it(client: Client, store: Store) -> None:
    store.add(SHELF, name="a")
    store.add(SHELF, name="b")
    items = items_of((SHELF, {"id": 1, "name": "b"}), (SHELF, {"id": 2, "name": "c"}))
    assert applied(client, items) == ["updated", "updated"]
    assert store.sent == ["PATCH c", "PATCH b"]


def test_names_cannot_be_exchanged(client: Client, store: Store) -> None:
    store.add(SHELF, name="a")
    store.add(SHELF, name="b")
    items = items_of((SHELF, {"id": 1, "name": "b"}), (SHELF, {"id": 2, "name": "a"}))
    assert applied(client, items, continue_on_error=True) == ["failed", "failed"]
    assert str(items[0].error) == (
        "shelves[0] 'b' and shelves[1] 'a' exchange their names. Give one of them a temporary name in an earlier task."
    )
    assert store.sent == []


@pytest.mark.parametrize("other", [{"name": "a"}, {"id": 2, "name": "a"}], ids=["new", "renamed"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_name_of_a_deleted_object_is_free_for_another(
    client: Client, store: Store, other: Row, is_first: bool
) -> None:
    store.add(SHELF, name="a")
    store.add(SHELF, name="b")
    pair = [(SHELF, {"id": "1", "state": "absent"}), (SHELF, other)]
    items = items_of(*(pair if is_first else reversed(pair)), (BOX, {"name": "box", "shelf": "a"}))
    assert "failed" not in applied(client, items)
    # The names of shelves can be unique.
    assert store.sent == ["DELETE a", "PATCH a" if "id" in other else "POST a", "POST box"]
    shelves = [row["id"] for place, row in store.rows.items() if place.startswith(SHELF.routes.list)]
    assert "1" not in shelves
    box = next(row for row in store.rows.values() if row["name"] == "box")
    assert box["shelf"] in shelves


def test_a_name_is_not_taken_if_the_deletion_fails(client: Client, store: Store) -> None:
    store.add(SHELF, name="a")
    store.before = lambda method, _name: answers({"message": "In use."}, 409) if method == "DELETE" else None
    items = items_of((SHELF, {"id": "1", "state": "absent"}), (SHELF, {"name": "a"}), (SHELF, {"name": "b"}))
    assert applied(client, items, continue_on_error=True) == ["failed", "failed", "created"]
    assert str(items[1].error) == "Depends on shelves[0] '1', which failed."
    assert sorted(store.sent) == ["DELETE a", "POST b"]


class LooseBoxPlanner(ReferringPlanner):
    """Plans deletions of shelves that rely on the changes of all boxes of the task."""

    def plan_delete(self, current: Row, params: Params) -> Plan:
        """Return the plan that deletes a shelf."""
        plan = super().plan_delete(current, params)
        plan.relies_on = [(BOX, "2")]
        return plan


@pytest.mark.parametrize(
    "box", [{"id": "2", "state": "absent"}, {"id": "2", "name": "moved"}], ids=["deleted", "moved"]
)
def test_what_uses_an_object_changes_before_its_name_is_free(client: Client, store: Store, box: Row) -> None:
    shelf = replace(SHELF, planner=LooseBoxPlanner)
    store.add(shelf, name="a")
    store.add(BOX, name="box")
    items = items_of((shelf, {"name": "a"}), (shelf, {"id": "1", "state": "absent"}), (BOX, box))
    assert "failed" not in applied(client, items)
    assert store.sent == ["DELETE box" if "state" in box else "PATCH moved", "DELETE a", "POST a"]


def test_an_object_cannot_move_to_one_that_takes_the_name_of_its_own(client: Client, store: Store) -> None:
    shelf = replace(SHELF, planner=LooseBoxPlanner)
    store.add(shelf, name="a")
    store.add(BOX, name="box")

    class MovingPlanner(ReferringPlanner):
        def plan_update(self, current: Row, params: Params) -> Plan:
            new = lookup_of(self.view, SHELF).resolve("a")["id"]
            return super().plan_update(current, {**params, "shelf": new})

    items = items_of(
        (shelf, {"name": "a"}),
        (shelf, {"id": "1", "state": "absent"}),
        (replace(BOX, planner=MovingPlanner), {"id": "2"}),
    )
    assert applied(client, items, continue_on_error=True) == ["failed"] * 3
    assert "depend on each other, because one is deleted first. Use two tasks." in str(items[0].error)
    assert store.sent == []


def test_what_fails_in_a_circle_leaves_the_order_of_the_rest(client: Client, store: Store) -> None:
    store.add(SHELF, name="a")
    store.add(SHELF, name="b")
    items = items_of(
        (SHELF, {"id": 1, "name": "b"}),
        (SHELF, {"id": 2, "name": "a"}),
        (BOX, {"name": "box", "shelf": "new"}),
        (SHELF, {"name": "new"}),
    )
    assert applied(client, items, continue_on_error=True) == ["failed", "failed", "created", "created"]
    assert store.sent == ["POST new", "POST box"]


def test_independent_objects_are_created_at_the_same_time(client: Client, store: Store) -> None:
    together = threading.Barrier(CONCURRENCY)
    store.before = lambda _method, _name: together.wait(PATIENCE) and None
    items = items_of(*((SHELF, {"name": str(number)}) for number in range(CONCURRENCY)))
    assert applied(client, items) == ["created"] * CONCURRENCY
    assert not together.broken


def test_at_most_20_requests_are_in_flight(client: Client, store: Store) -> None:
    lock, in_flight, most = threading.Lock(), 0, 0

    def count(_method: str, _name: str) -> None:
        nonlocal in_flight, most
        with lock:
            in_flight += 1
            most = max(most, in_flight)
        threading.Event().wait(0.01)
        with lock:
            in_flight -= 1

    store.before = count
    shelves = [(SHELF, {"name": str(number), "on": str(number // 10) if number else None}) for number in range(150)]
    boxes = [(BOX, {"name": f"box {number}", "shelf": str(number)}) for number in range(50)]
    assert applied(client, items_of(*shelves, *boxes)) == ["created"] * 200
    assert 2 <= most <= 20


def test_a_slow_response_delays_only_what_depends_on_it(client: Client, store: Store) -> None:
    others = [f"{tree}{level}" for tree in "bcdefgh" for level in range(3)] + ["box of b", "lid of b"]
    completed = threading.Semaphore(0)

    def wait(method: str, name: str) -> None:
        if name == "a0":
            # The slow response: it comes after those for all objects that do not depend on it.
            assert all(completed.acquire(timeout=PATIENCE) for _other in others)

    def release(_count: int, _total: int) -> None:
        completed.release()

    store.before = wait
    items = items_of(
        *(
            (SHELF, {"name": f"{tree}{level}", "on": f"{tree}{level - 1}" if level else None})
            for tree in "abcdefgh"
            for level in range(3)
        ),
        (BOX, {"name": "box of a", "shelf": "a1"}),
        (BOX, {"name": "box of b", "shelf": "b2"}),
        (LID, {"name": "lid of b", "box": "box of b"}),
    )
    prepared(client, items).apply_all(on_progress=release)
    assert [item.action for item in items] == ["created"] * len(items)
    assert set(store.completed[: len(others)]) == set(others)
    assert store.completed[len(others) :][:2] == ["a0", "a1"]


def test_an_object_is_changed_after_those_that_it_refers_to(client: Client, store: Store) -> None:
    store.add(SHELF, name="shelf")
    store.add(SHELF, name="other shelf")
    seen: dict[str, list[str]] = {}
    store.before = lambda _method, name: seen.update({name: list(store.completed)})
    shelves = [(SHELF, {"id": "1", "name": "renamed"}), (SHELF, {"id": "2", "name": "other renamed"})]
    items = items_of((BOX, {"name": "box", "shelf": "renamed"}), *shelves)
    assert applied(client, items) == ["created", "updated", "updated"]
    assert "renamed" in seen["box"]
    # If that change fails, the object is created anyway, because what it refers to exists.
    store.before = lambda _method, name: answers({"message": "No."}, 403) if name == "last name" else None
    items = items_of((BOX, {"name": "second box", "shelf": "last name"}), (SHELF, {"id": "1", "name": "last name"}))
    assert applied(client, items, continue_on_error=True) == ["created", "failed"]


def test_no_object_starts_before_its_dependencies_are_complete(client: Client, store: Store) -> None:
    seen: dict[str, list[str]] = {}

    def note(_method: str, name: str) -> None:
        seen[name] = list(store.completed)

    store.before = note
    shelves = [
        (SHELF, {"name": f"{tree}{level}", "on": f"{tree}{level - 1}" if level else None})
        for level in (2, 1, 0)
        for tree in "abcdef"
    ]
    applied(client, items_of(*shelves))
    for name, done in seen.items():
        level = int(name[1])
        assert {f"{name[0]}{above}" for above in range(level)} <= set(done)


def test_nothing_starts_after_a_failure(client: Client, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although another request is in progress for longer."""
    failed = threading.Event()
    fail = batch_module.BatchItem.fail

    def failing(item: BatchItem, error: EsperError) -> None:
        fail(item, error)
        failed.set()

    def answer(_method: str, name: str) -> Reply | None:
        if name == "0":
            assert failed.wait(PATIENCE)
        return answers({"message": "No."}, 403) if name == "1" else None

    monkeypatch.setattr(batch_module, "CONCURRENCY", 2)
    monkeypatch.setattr(batch_module.BatchItem, "fail", failing)
    store.before = answer
    items = items_of(*((SHELF, {"name": str(number)}) for number in range(8)))
    assert applied(client, items) == ["created", "failed"] + ["skipped"] * 6
    assert sorted(store.sent) == ["POST 0", "POST 1"]


def test_on_error_continue_fails_only_what_depends_on_a_failed_object(client: Client, store: Store) -> None:
    store.add(SHELF, name="gone")
    store.before = lambda _method, name: answers({"message": "No."}, 403) if name == "a" else None
    items = items_of(
        (SHELF, {"name": "a"}),
        (SHELF, {"name": "b", "on": "a"}),
        (SHELF, {"name": "c", "on": "b"}),
        (BOX, {"name": "d", "shelf": "c"}),
        (BOX, {"name": "e"}),
        (SHELF, {"name": "gone", "state": "absent"}),
    )
    assert applied(client, items, continue_on_error=True) == ["failed"] * 4 + ["created", "deleted"]
    assert [str(item.error) for item in items[1:4]] == [
        "Depends on shelves[0] 'a', which failed.",
        "Depends on shelves[1] 'b', which failed.",
        "Depends on shelves[2] 'c', which failed.",
    ]


def test_a_plan_sends_nothing_and_can_be_skipped(client: Client, store: Store) -> None:
    items = items_of((SHELF, {"name": "a"}), (BOX, {"name": "b", "shelf": "a"}))
    made = prepared(client, items)
    assert store.sent == []
    assert [item.action for item in items] == ["created", "created"]
    made.mark_skipped()
    assert [item.action for item in items] == ["skipped", "skipped"]
    assert {item.action for item in items} <= set(ACTIONS)


def test_two_that_wait_for_each_other_are_not_found(client: Client, store: Store) -> None:
    items = items_of((SHELF, {"name": "a", "on": "b"}), (SHELF, {"name": "b", "on": "a"}), (SHELF, {"name": "c"}))
    made = prepared(client, items)
    assert made.failed == items[:2]
    assert [str(item.error) for item in made.failed] == ["The shelf 'b' was not found.", "The shelf 'a' was not found."]


def test_progress_counts_each_object_once(client: Client, store: Store) -> None:
    store.add(BOX, name="old")
    told: list[tuple[int, int]] = []
    items = items_of((SHELF, {"name": "a"}), (BOX, {"name": "old", "state": "absent"}), (BOX, {"name": "b"}))
    prepared(client, items).apply_all(on_progress=lambda done, of: told.append((len(done), len(of))))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_numbers_are_those_of_a_kind(client: Client, store: Store) -> None:
    store.rows["/v1/shelves/1"] = {"id": 1, "name": "shelf"}
    store.rows["/v1/boxes/1"] = {"id": 1, "name": "box"}
    items = items_of((LID, {"name": "lid", "shelf": "shelf"}), (BOX, {"name": "box", "state": "absent"}))
    assert applied(client, items) == ["created", "deleted"]
    items = items_of((BOX, {"name": "box", "state": "absent"}), (SHELF, {"name": "shelf", "state": "absent"}))
    assert applied(client, items) == ["unchanged", "deleted"]


def test_what_is_planned_of_one_kind_leaves_another_of_its_number(client: Client, store: Store) -> None:
    view = TenantView(client)
    store.rows["/v1/shelves/1"] = {"id": 1, "name": "shelf"}
    view.add_effects([Effect(BOX, 1, {"id": 1, "name": "box"}), Effect(LID, 1, None)])
    assert [row["name"] for row in view.candidates_by_name(SHELF, "shelf")] == ["shelf"]
    assert view.is_deleted(LID, "1")
    assert not view.is_deleted(SHELF, "1")


@pytest.mark.parametrize(
    ("status", "continue_on_error", "asked"), [(403, False, 1), (403, True, 4), (401, False, 1), (401, True, 1)]
)
def test_a_rejected_key_is_not_used_for_each_object(
    client: Client, server: Server, status: int, continue_on_error: bool, asked: int
) -> None:
    server.app = lambda _request: answers({"message": "No."}, status)
    items = items_of(*((SHELF, {"name": str(number)}) for number in range(3)), (BOX, {"name": "b", "state": "absent"}))
    assert applied(client, items, continue_on_error=continue_on_error) == ["failed"] * asked + ["skipped"] * (4 - asked)
    assert len(server.requests) == asked
