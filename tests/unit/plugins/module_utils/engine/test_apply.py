# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine, with kinds of objects that are made up here: it must not need to know any.

Two kinds, one written with PATCH and one with PUT, against a small tenant that keeps them.
"""

from __future__ import annotations

import itertools
import json
import re
import typing as t
from dataclasses import dataclass, field, replace
from urllib.parse import quote

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import (
    Ambiguous,
    ApiError,
    EsperError,
    NotFound,
    RequestFailed,
)
from ansible_collections.esper.cloud.plugins.module_utils.engine.apply import (
    Result,
    accepted_writes,
    apply,
    ensure,
    ensure_all,
    make_plan,
)
from ansible_collections.esper.cloud.plugins.module_utils.engine.lookup import lookup_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.reader import reader_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.responses import Response
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Kind, Routes
from ansible_collections.esper.cloud.plugins.module_utils.model.plan import ObjectDiff, Plan, Step
from ansible_collections.esper.cloud.plugins.module_utils.model.unknowns import KnownAfterApply
from ansible_collections.esper.cloud.tests.unit.service import (
    Clock,
    Reply,
    Request,
    Server,
    answers,
    cuts_short,
    damages_gzip,
    resets,
)

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
    from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient

Row = dict[str, t.Any]
PASSPHRASE = "correct horse battery staple"


def kind_of(name: str, update: t.Literal["PATCH", "PUT"]) -> Kind:
    """Return a kind of which the API calls the name something else, and rewrites types."""
    return Kind(
        name=name,
        title=name.replace("_", " "),
        plural=f"{name}s",
        routes=Routes(
            list="/v1/enterprise/{enterprise_id}/channels/",
            object="/v1/enterprise/{enterprise_id}/channels/{id}",
            update=update,
            name_filter="search",
        ),
        name_key="channel_name",
        fields=(
            Field("id", writable=False),
            Field("name", api="channel_name"),
            Field("email", normalize=str.lower),
            Field("limit"),
            Field("events", type="list", elements="str", list_type="set"),
            Field(
                "rules",
                type="list",
                elements="dict",
                fields=(Field("key"), Field("on", type="bool")),
                list_type="map",
                map_keys=(("key",),),
            ),
            Field("settings", type="dict"),
            Field("passphrase", secret=True),
            Field("created_on", writable=False),
        ),
    )


CHANNEL, DIRECTORY = kind_of("alert_channel", "PATCH"), kind_of("directory_record", "PUT")
KINDS = pytest.mark.parametrize("kind", [CHANNEL, DIRECTORY], ids=["PATCH", "PUT"])


@dataclass
class Trouble:
    """Something that goes wrong with the next request of a method: before it takes effect, or after."""

    method: str
    reply: Reply
    takes_effect: bool = False


@dataclass
class FakeTenant:
    """Keeps channels. It never says the passphrase, and rewrites the limit to text."""

    rows: dict[str, Row] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    before_create: t.Callable[[], None] = lambda: None
    taken: int = 400
    numbers: t.Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def add(self, **values: t.Any) -> Row:
        identifier = str(next(self.numbers))
        row = {"id": identifier, "created_on": "2026-03-01", "colour": "server's default", **values}
        self.rows[identifier] = row
        return row

    def __call__(self, request: Request) -> Reply:
        trouble = next((each for each in self.troubles if each.method == request.method), None)
        if trouble is None:
            return self._reply(request)
        self.troubles.remove(trouble)
        if trouble.takes_effect:
            self._reply(request)
        return trouble.reply

    def _reply(self, request: Request) -> Reply:
        identifier = request.path.partition("/channels/")[2]
        if not identifier:
            return self._create(request.json) if request.method == "POST" else self._list(request.query)
        row = self.rows.get(identifier)
        if row is None:
            return answers({"errors": ["detail: Not found."], "message": "detail: Not found. ", "status": 404}, 404)
        if request.method == "DELETE":
            del self.rows[identifier]
            return answers(None, 204)
        if request.method == "PUT":
            kept = {name: row[name] for name in ("id", "created_on", "colour")}
            row.clear()
            row.update(kept)
        row.update(self._stored(request.json or {}))
        return answers(self._shown(row))

    def _list(self, query: dict[str, str]) -> Reply:
        found = [row for row in self.rows.values() if query.get("search", "") in row["channel_name"]]
        return answers({"count": len(found), "next": None, "results": [self._shown(row) for row in found]})

    def _create(self, body: Row) -> Reply:
        self.before_create()
        if any(row["channel_name"] == body["channel_name"] for row in self.rows.values()):
            return answers({"message": "This name is taken."}, self.taken)
        return answers(self._shown(self.add(**self._stored(body))), 201)

    @staticmethod
    def _stored(body: Row) -> Row:
        return {name: str(value) if name == "limit" else value for name, value in body.items()}

    @staticmethod
    def _shown(row: Row) -> Row:
        return {name: value for name, value in row.items() if name != "passphrase"}


@pytest.fixture
def tenant(server: Server) -> FakeTenant:
    server.app = made = FakeTenant()
    return made


@pytest.fixture
def view(client: Client) -> TenantView:
    return TenantView(client)


@KINDS
@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_that_of_no_object(tenant: FakeTenant, view: TenantView, kind: Kind, name: str) -> None:
    tenant.add(channel_name="")
    tenant.add(channel_name=" ")
    assert lookup_of(view, kind).find_by_name(name) == []


class Run(t.Protocol):
    """Runs the engine as a new task would, with nothing remembered from the tasks before."""

    def __call__(self, kind: Kind, *, check_mode: bool = False, **params: t.Any) -> Result:
        """Run a task of a kind with these parameters."""


@pytest.fixture
def run(server: Server, make_client: MakeClient) -> Run:
    def run(kind: Kind, *, check_mode: bool = False, **params: t.Any) -> Result:
        server.requests.clear()
        return ensure(TenantView(make_client(server)), kind, {"state": "present", **params}, check_mode=check_mode)

    return run


WANTED: Row = {"name": "Ops", "email": "Ops@Example.org", "limit": 5, "events": ["a", "b"], "settings": {"x": {"y": 1}}}


def methods(server: Server) -> list[str]:
    return [request.method for request in server.requests]


# --- present ----------------------------------------------------------------------------------------------------------


@KINDS
def test_a_missing_object_is_created_with_one_request(server: Server, tenant: FakeTenant, run: Run, kind: Kind) -> None:
    result = run(kind, **WANTED)
    assert result.changed
    assert methods(server) == ["GET", "POST"]
    assert server.requests[1].json == {
        "channel_name": "Ops",
        "email": "ops@example.org",
        "limit": 5,
        "events": ["a", "b"],
        "settings": {"x": {"y": 1}},
    }
    assert result.record is not None
    assert result.record["id"] == "1"
    assert result.record["created_on"] == "2026-03-01"


@KINDS
def test_a_creation_is_named_after_what_it_creates(tenant: FakeTenant, run: Run, kind: Kind) -> None:
    # Its name has another key in the API than in the options.
    change = run(kind, **WANTED, check_mode=True).changes[0]
    assert change.title == f"{kind.title} Ops"
    assert change.before == {}
    tenant.troubles.append(Trouble("POST", answers({"message": "No."}, 403)))
    with pytest.raises(ApiError, match=f"Creating the {kind.title} 'Ops' failed"):
        run(kind, **WANTED)


@KINDS
def test_the_second_run_reads_once_and_writes_nothing(server: Server, tenant: FakeTenant, run: Run, kind: Kind) -> None:
    created = run(kind, **WANTED).record
    again = run(kind, **WANTED)
    assert not again.changed
    assert again.changes == []
    assert again.record == created
    assert methods(server) == ["GET"]


@KINDS
def test_by_id_an_unchanged_object_is_read_once(server: Server, tenant: FakeTenant, run: Run, kind: Kind) -> None:
    tenant.add(channel_name="Ops", email="ops@example.org")
    assert not run(kind, id="1", email="OPS@example.org").changed
    assert methods(server) == ["GET"]


def test_patch_sends_what_differs_and_nothing_else(server: Server, tenant: FakeTenant, run: Run) -> None:
    run(CHANNEL, **WANTED)
    result = run(CHANNEL, **{**WANTED, "limit": 6})
    assert result.changed
    assert methods(server) == ["GET", "PATCH"]
    assert server.requests[1].json == {"limit": 6}
    assert result.changes == [ObjectDiff("alert channel Ops", {"limit": "5"}, {"limit": 6})]


def test_put_sends_the_whole_object_with_the_difference(server: Server, tenant: FakeTenant, run: Run) -> None:
    run(DIRECTORY, **WANTED)
    result = run(DIRECTORY, name="Ops", limit=6)
    assert result.changed
    assert methods(server) == ["GET", "PUT", "GET"]
    assert server.requests[1].json == {
        "channel_name": "Ops",
        "email": "ops@example.org",
        "limit": 6,
        "events": ["a", "b"],
        "settings": {"x": {"y": 1}},
    }
    assert result.changes == [ObjectDiff("directory record Ops", {"limit": "5"}, {"limit": 6})]


@KINDS
@pytest.mark.parametrize(
    "said",
    [
        {},
        {"limit": "5"},
        {"limit": 5.0},
        {"email": "OPS@EXAMPLE.ORG"},
        {"events": ["b", "a"]},
        {"rules": [{"key": "r2", "on": True}]},
        {"settings": {"x": {"y": "1"}}},
        {"settings": {}},
        {"email": None},
    ],
    ids=str,
)
def test_what_only_looks_different_is_no_change(
    server: Server, tenant: FakeTenant, run: Run, kind: Kind, said: Row
) -> None:
    tenant.add(
        channel_name="Ops",
        email="Ops@example.org",
        limit="5",
        events=["a", "b"],
        rules=[{"key": "r1", "on": True}, {"key": "r2", "on": "true", "extra": 1}],
        settings={"x": {"y": 1, "default": 2}, "more": 3},
    )
    assert not run(kind, name="Ops", **said).changed
    assert methods(server) == ["GET"]


@KINDS
def test_a_nested_change_keeps_the_other_values(server: Server, tenant: FakeTenant, run: Run, kind: Kind) -> None:
    tenant.add(
        channel_name="Ops",
        rules=[{"key": "r1", "on": True}, {"key": "r2", "on": True}],
        settings={"x": {"y": 1, "default": 2}, "more": 3},
    )
    said: Row = {"name": "Ops", "rules": [{"key": "r2", "on": False}], "settings": {"x": {"y": 7}}}
    result = run(kind, **said)
    sent = server.writes()[0].json
    assert sent["rules"] == [{"key": "r1", "on": True}, {"key": "r2", "on": False}]
    assert sent["settings"] == {"x": {"y": 7, "default": 2}, "more": 3}
    assert set(result.changes[0].after) == {"rules", "settings"}
    assert not run(kind, **said).changed


@KINDS
def test_a_name_is_matched_exactly(server: Server, tenant: FakeTenant, run: Run, kind: Kind) -> None:
    # The filter of Esper finds all names that contain the text.
    tenant.add(channel_name="Ops Berlin")
    tenant.add(channel_name="ops")
    assert run(kind, name="Ops").changed
    assert [row["channel_name"] for row in tenant.rows.values()] == ["Ops Berlin", "ops", "Ops"]


def test_a_name_of_several_objects_is_ambiguous(tenant: FakeTenant, run: Run) -> None:
    tenant.add(channel_name="Ops")
    tenant.add(channel_name="Ops")
    with pytest.raises(Ambiguous) as caught:
        run(CHANNEL, name="Ops")
    assert caught.value.candidates == ["Ops (ID 1)", "Ops (ID 2)"]
    assert caught.value.details() == {"candidates": ["Ops (ID 1)", "Ops (ID 2)"]}


def test_an_id_that_belongs_to_nothing_is_not_created(server: Server, tenant: FakeTenant, run: Run) -> None:
    with pytest.raises(NotFound, match="The alert channel '99' was not found"):
        run(CHANNEL, id="99", name="Ops")
    assert server.writes() == []


# --- absent -----------------------------------------------------------------------------------------------------------


@KINDS
def test_what_is_there_is_deleted_once(server: Server, tenant: FakeTenant, run: Run, kind: Kind) -> None:
    tenant.add(channel_name="Ops", email="ops@example.org")
    first = run(kind, name="Ops", state="absent")
    assert first.changed
    assert first.record is None
    assert methods(server) == ["GET", "DELETE"]
    assert first.changes[0].before["email"] == "ops@example.org"
    assert first.changes[0].after == {}
    second = run(kind, name="Ops", state="absent")
    assert not second.changed
    assert second.record is None
    assert methods(server) == ["GET"]


def test_an_object_that_another_client_deleted_is_deleted(tenant: FakeTenant, run: Run) -> None:
    tenant.add(channel_name="Ops")
    tenant.troubles.append(Trouble("DELETE", answers({"message": "Not found."}, 404)))
    result = run(CHANNEL, name="Ops", state="absent")
    assert result.changed
    assert result.record is None


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
@pytest.mark.parametrize("explanation", ["Delete it in the console.", ""])
def test_a_step_can_explain_that_an_object_is_not_found(
    server: Server, tenant: FakeTenant, view: TenantView, method: str, explanation: str
) -> None:
    tenant.add(channel_name="Ops")
    view.list_objects(CHANNEL)
    step = Step(purpose="Changing it", method=method, path=CHANNEL.routes.object, ids={"id": "2"}, body={"limit": 1})
    reads: list[int] = []

    def explain() -> str:
        reads.append(len(view.list_objects(CHANNEL)))
        return explanation

    step.explain_not_found = explain
    if explanation or method == "PATCH":
        with pytest.raises(ApiError, match=rf"Changing it failed.*404.*\. ?{explanation}$"):
            apply(view, CHANNEL, Plan(None, [step]))
    else:
        apply(view, CHANNEL, Plan(None, [step]))
    assert (step.done, reads) == (not explanation and method == "DELETE", [1])
    assert methods(server) == ["GET", method, "GET"], "the list is read again"


def test_a_kind_can_adapt_the_objects_in_responses(tenant: FakeTenant, run: Run) -> None:
    kind = replace(CHANNEL, adapt=lambda row: {**row, "email": row["mail"]} if "mail" in row else row)
    tenant.add(channel_name="Ops", mail="ops@example.org")
    assert not run(kind, name="Ops", email="ops@example.org").changed
    record = run(kind, name="Ops", limit=3).record
    assert record is not None
    assert (record["email"], record["limit"]) == ("ops@example.org", "3")


def test_a_delete_whose_answer_was_lost_is_sent_again(server: Server, tenant: FakeTenant, run: Run) -> None:
    tenant.add(channel_name="Ops")
    tenant.troubles.append(Trouble("DELETE", resets, takes_effect=True))
    assert run(CHANNEL, name="Ops", state="absent").changed
    assert methods(server) == ["GET", "DELETE", "DELETE"]


def test_a_rejected_delete_is_an_error(tenant: FakeTenant, run: Run) -> None:
    tenant.add(channel_name="Ops")
    tenant.troubles.append(Trouble("DELETE", answers({"message": "It is in use."}, 400)))
    with pytest.raises(ApiError, match=r"Deleting the alert channel 'Ops' failed.*It is in use"):
        run(CHANNEL, name="Ops", state="absent")


# --- check mode -------------------------------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("said", [WANTED, {**WANTED, "limit": 6}, {"name": "Ops", "state": "absent"}], ids=str)
@pytest.mark.parametrize("there", [False, True])
def test_check_mode_says_the_same_and_writes_nothing(
    server: Server, tenant: FakeTenant, run: Run, kind: Kind, said: Row, there: bool
) -> None:
    if there:
        run(kind, **WANTED)
    before = json.dumps(tenant.rows)
    checked = run(kind, **said, check_mode=True)
    assert server.writes() == []
    assert json.dumps(tenant.rows) == before
    done = run(kind, **said)
    assert (checked.changed, checked.changes) == (done.changed, done.changes)
    assert (checked.record is None) == (done.record is None)
    if checked.record is not None and done.record is not None:
        known = {name: value for name, value in checked.record.items() if value is not None}
        # The server rewrites the limit to text.
        assert {**known, "limit": ""} == {name: done.record[name] for name in known} | {"limit": ""}


def test_planning_writes_nothing(server: Server, tenant: FakeTenant, view: TenantView) -> None:
    planned = make_plan(view, CHANNEL, {"name": "Ops", "limit": 1})
    assert [step.method for step in planned.steps] == ["POST"]
    assert server.writes() == []


@KINDS
def test_a_plan_states_its_effects(tenant: FakeTenant, view: TenantView, kind: Kind) -> None:
    tenant.add(channel_name="Ops", limit="5")
    created = make_plan(view, kind, {"name": "New", "limit": 1})
    renamed = make_plan(view, kind, {"id": "1", "name": "Renamed"})
    deleted = make_plan(view, kind, {"name": "Ops", "state": "absent"})
    identifier = KnownAfterApply(created.steps[0], "id")
    assert [(each.kind, each.id, each.row) for each in created.effects] == [
        (kind, identifier, {"id": identifier, "channel_name": "New", "limit": 1})
    ]
    (effect,) = renamed.effects
    assert (effect.kind, effect.id) == (kind, "1")
    assert effect.row is not None
    assert {"id": "1", "channel_name": "Renamed", "limit": "5"}.items() <= effect.row.items()
    assert [(each.kind, each.id, each.row) for each in deleted.effects] == [(kind, "1", None)]
    for params in ({"name": "Ops", "limit": 5}, {"name": "nobody", "state": "absent"}):
        assert make_plan(view, kind, params).effects == []


# --- create exactly once ----------------------------------------------------------------------------------------------

LOSSES: dict[str, Reply] = {
    "reset": resets,
    "cut short": cuts_short,
    "damaged": damages_gzip,
    "500": answers({}, 500),
    "502": answers("<html></html>", 502),
    "empty": answers(None, 201),
    "an empty object": answers({}, 201),
    "only a message": answers({"message": "created"}, 201),
    "a web page": answers("<html></html>"),
}


@KINDS
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_create_whose_answer_was_lost_is_adopted(
    server: Server, tenant: FakeTenant, run: Run, kind: Kind, loss: Reply
) -> None:
    tenant.troubles.append(Trouble("POST", loss, takes_effect=True))
    result = run(kind, **WANTED)
    assert result.changed
    assert len(tenant.rows) == 1
    assert methods(server).count("POST") == 1
    assert result.record is not None
    assert (result.record["id"], result.record["name"]) == ("1", "Ops")


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_create_that_did_not_take_effect_is_sent_again(
    server: Server, tenant: FakeTenant, run: Run, clock: Clock, loss: Reply
) -> None:
    tenant.troubles.append(Trouble("POST", loss))
    result = run(CHANNEL, **WANTED)
    assert len(tenant.rows) == 1
    assert methods(server) == ["GET", "POST", "GET", "POST"]
    assert len(clock.waits) == 1, "a server that is still at work gets time"
    assert result.record is not None
    assert result.record["id"] == "1"


def test_after_a_503_the_lookup_waits_as_esper_asks(server: Server, tenant: FakeTenant, run: Run, clock: Clock) -> None:
    tenant.troubles.append(Trouble("POST", answers({}, 503, Retry_After="20")))
    assert run(CHANNEL, **WANTED).changed
    assert methods(server) == ["GET", "POST", "GET", "POST"]
    assert 20 <= sum(clock.waits) <= 22
    assert len(tenant.rows) == 1


def test_a_503_that_asks_for_a_day_ends_a_create_at_once(
    server: Server, tenant: FakeTenant, run: Run, clock: Clock
) -> None:
    tenant.troubles.append(Trouble("POST", answers({}, 503, Retry_After="86400")))
    with pytest.raises(ApiError, match="asks to wait 86400 s, but the task can wait"):
        run(CHANNEL, **WANTED)
    assert methods(server) == ["GET", "POST"]
    assert clock.waits == []


def test_a_create_is_not_tried_for_ever(server: Server, tenant: FakeTenant, make_client: MakeClient) -> None:
    tenant.troubles += [Trouble("POST", resets)] * 20
    with pytest.raises(RequestFailed, match="Creating the alert channel"):
        ensure(TenantView(make_client(server, retries=2)), CHANNEL, {"state": "present", **WANTED})
    assert methods(server).count("POST") == 3


@KINDS
@pytest.mark.parametrize("status", [400, 409])
def test_where_somebody_else_was_faster_the_object_is_adopted_and_made_as_wanted(
    server: Server, tenant: FakeTenant, run: Run, kind: Kind, status: int
) -> None:
    def others() -> None:
        tenant.before_create = lambda: None
        tenant.add(channel_name="Ops", email="other@example.org", limit="5")

    tenant.before_create, tenant.taken = others, status
    result = run(kind, **WANTED)
    assert result.changed
    assert len(tenant.rows) == 1
    assert [request.method for request in server.writes()] == ["POST", kind.routes.update]
    assert tenant.rows["1"]["email"] == "ops@example.org"
    assert result.record is not None
    assert result.record["email"] == "ops@example.org"
    assert not run(kind, **WANTED).changed


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_rejected_create_is_an_error(server: Server, tenant: FakeTenant, run: Run, status: int) -> None:
    tenant.troubles.append(Trouble("POST", answers({"message": "The e-mail is no address."}, status)))
    with pytest.raises(ApiError, match="The e-mail is no address") as caught:
        run(CHANNEL, **WANTED)
    assert caught.value.status == status
    assert methods(server).count("POST") == 1


# --- steps ------------------------------------------------------------------------------------------------------------


def test_a_later_step_gets_the_values_of_an_earlier_step(server: Server, tenant: FakeTenant, view: TenantView) -> None:
    first = Step("Creating", "POST", CHANNEL.routes.list, body={"channel_name": "a"}, find_existing=lambda _body: None)
    nested = {"deep": [{"id": KnownAfterApply(first, "id")}, 1], "absent": KnownAfterApply(first, "nothing")}
    second = Step("Creating", "POST", CHANNEL.routes.list, body={"channel_name": "b", "settings": nested})
    record = apply(view, CHANNEL, Plan({"name": "b"}, [first, second]))
    assert server.writes()[1].json["settings"] == {"deep": [{"id": "1"}, 1], "absent": None}
    assert record is not None
    assert (record["id"], record["name"]) == ("2", "b")
    # What was planned stays as it was, for the same plan to be shown.
    assert isinstance(nested["deep"][0]["id"], KnownAfterApply)  # type: ignore[index]


def _create(name: str, phase: int, **body: t.Any) -> Step:
    body = {"channel_name": name, **body}
    return Step(f"Creating {name}", "POST", CHANNEL.routes.list, body=body, find_existing=lambda _: None, phase=phase)


def test_steps_of_one_phase_are_sent_at_the_same_time(server: Server, tenant: FakeTenant, view: TenantView) -> None:
    first = _create("first", 0)
    together = [_create(str(number), 1, settings={"of": KnownAfterApply(first, "id")}) for number in range(3)]
    last = _create("last", 2, settings={"of": [KnownAfterApply(each, "id") for each in together]})
    # The objects of a composite kind are the first one, and its parts.
    parts = {"settings": {"of": [KnownAfterApply(each, "id") for each in together]}}
    record = apply(view, CHANNEL, Plan({"name": "first"}, [first, *together, last], root=first, parts=parts))
    names = [each.json["channel_name"] for each in server.writes()]
    assert (names[0], sorted(names[1:4]), names[4]) == ("first", ["0", "1", "2"], "last")
    assert [each.json["settings"] for each in server.writes()[1:4]] == [{"of": "1"}] * 3
    assert record is not None
    assert (record["id"], record["name"], sorted(record["settings"]["of"])) == ("1", "first", ["2", "3", "4"])


def test_after_a_failure_no_later_phase_is_started(server: Server, tenant: FakeTenant, view: TenantView) -> None:
    tenant.troubles.append(Trouble("POST", answers({"message": "No more."}, 403)))
    steps = [*(_create(str(number), 1) for number in range(4)), _create("last", 2)]
    with pytest.raises(ApiError, match="No more"):
        apply(view, CHANNEL, Plan({}, steps))
    assert steps[-1].done is False
    assert sum(step.done for step in steps) == len(tenant.rows)


def test_another_request_is_sent_instead_if_an_object_is_not_found(
    server: Server, tenant: FakeTenant, view: TenantView
) -> None:
    tenant.add(channel_name="Ops")
    again = Step("Removing", "DELETE", CHANNEL.routes.object, {"id": "1"})
    step = Step("Removing", "DELETE", CHANNEL.routes.object, {"id": "7"}, alternative=again)
    apply(view, CHANNEL, Plan(None, [step]))
    assert (step.done, again.done, tenant.rows) == (True, True, {})


@pytest.mark.parametrize("readings", [0, 3, 100])
def test_the_engine_waits_until_the_effect_of_a_request_is_complete(
    tenant: FakeTenant, view: TenantView, clock: Clock, readings: int
) -> None:
    tenant.add(channel_name="Ops")
    waiting = [False] * readings
    settled = Step("Cancelling", "DELETE", CHANNEL.routes.object, {"id": "1"})
    settled.is_settled = lambda: waiting.pop() if waiting else True
    if readings == 100:
        with pytest.raises(EsperError, match="Cancelling was accepted, but is not complete after 60 seconds"):
            apply(view, CHANNEL, Plan(None, [settled]))
    else:
        apply(view, CHANNEL, Plan(None, [settled]))
        assert waiting == []


def test_a_request_that_must_be_confirmed_is_sent_again(server: Server, view: TenantView) -> None:
    def confirmed(answer: Response) -> Step | None:
        if answer.status == 204:
            return None
        return Step(
            "Deleting",
            "DELETE",
            CHANNEL.routes.object,
            {"id": "1"},
            {"request_id": answer.body["r"]},
            next_step=confirmed,
        )

    server.replies(answers({"r": "7"}), answers(None, 204))
    apply(
        view, CHANNEL, Plan(None, [Step("Deleting", "DELETE", CHANNEL.routes.object, {"id": "1"}, next_step=confirmed)])
    )
    assert [(request.method, request.query) for request in server.requests] == [
        ("DELETE", {}),
        ("DELETE", {"request_id": "7"}),
    ]


def test_the_object_may_be_anywhere_in_an_answer(server: Server, view: TenantView) -> None:
    server.replies(answers({"upload": {"id": "1", "channel_name": "a"}}, 201))
    step = Step(
        "Uploading",
        "POST",
        CHANNEL.routes.list,
        find_existing=lambda _body: None,
        extract_object=lambda body: body["upload"],
    )
    record = apply(view, CHANNEL, Plan({}, [step]))
    assert record is not None
    assert record["name"] == "a"
    assert not step.adopted


def test_the_object_may_be_the_only_property_of_an_answer(server: Server, view: TenantView) -> None:
    kind = replace(CHANNEL, routes=replace(CHANNEL.routes, object_key="schema"))
    nested = answers({"content": {"schema": {"id": "1", "channel_name": "a"}}})
    server.replies(nested, nested)
    found = view.find_object(kind, "1")
    assert (found or {})["channel_name"] == "a"
    step = Step("Changing", "PUT", kind.routes.object, ids={"id": "1"}, body={})
    record = apply(view, kind, Plan({}, [step]))
    assert (record or {})["name"] == "a"
    assert step.unconfirmed is None


def test_a_step_may_be_given_more_time(server: Server, clock: Clock, make_client: MakeClient) -> None:
    view = TenantView(make_client(server, deadline=10))
    server.replies(answers({"id": "1"}), answers({"id": "1"}), answers({"id": "1"}))
    apply(view, CHANNEL, Plan({}, [Step("Uploading", "PUT", CHANNEL.routes.object, {"id": "1"}, time_limit=3600)]))
    clock.advance(3000)
    apply(view, CHANNEL, Plan({}, [Step("Describing", "PATCH", CHANNEL.routes.object, {"id": "1"})]))
    clock.advance(1000)
    with pytest.raises(RequestFailed, match="deadline"):
        apply(view, CHANNEL, Plan({}, [Step("Describing", "PATCH", CHANNEL.routes.object, {"id": "1"})]))


def test_several_objects_are_planned_before_the_first_write(
    server: Server, tenant: FakeTenant, view: TenantView
) -> None:
    several = [{"name": name, "state": "present"} for name in ("a", "b", "c")]
    done = ensure_all(view, CHANNEL, several)
    assert [each.changed for each in done] == [True, True, True]
    assert methods(server) == ["GET"] * 3 + ["POST"] * 3


def test_a_plan_without_steps_sends_nothing(server: Server, view: TenantView) -> None:
    assert apply(view, CHANNEL, Plan({"name": "a"})) == {"name": "a"}
    assert server.requests == []


@pytest.mark.parametrize(
    "answer",
    [answers(None, 204), answers({}), answers({"message": "ok"}), answers({"content": None, "code": 200})],
    ids=["nothing", "an empty object", "a message", "an empty envelope"],
)
@KINDS
def test_a_change_whose_answer_is_not_the_object_still_gives_the_object(
    tenant: FakeTenant, run: Run, kind: Kind, answer: Reply
) -> None:
    tenant.add(channel_name="Ops", email="old@example.org")
    tenant.troubles.append(Trouble(kind.routes.update, answer, takes_effect=True))
    result = run(kind, name="Ops", email="new@example.org")
    assert result.record is not None
    assert (result.record["id"], result.record["name"]) == ("1", "Ops")
    assert result.record["email"] == "new@example.org"


def test_a_put_that_modifies_nothing_is_no_change(tenant: FakeTenant, run: Run) -> None:
    tenant.add(channel_name="Ops", email="old@example.org")
    # Another client made the same change in the meantime.
    tenant.troubles.append(Trouble("PUT", answers(None, 304), takes_effect=True))
    result = run(DIRECTORY, name="Ops", email="new@example.org")
    assert not result.changed
    assert (result.record or {})["email"] == "new@example.org"


def test_a_put_that_modifies_nothing_although_the_object_differs_is_an_error(tenant: FakeTenant, run: Run) -> None:
    tenant.add(channel_name="Ops", email="old@example.org")
    tenant.troubles.append(Trouble("PUT", answers(None, 304)))
    with pytest.raises(RequestFailed, match="returned HTTP 304 without the object"):
        run(DIRECTORY, name="Ops", email="new@example.org")


def test_a_changed_object_is_read_again(server: Server, tenant: FakeTenant, view: TenantView) -> None:
    for limit in (1, 2):
        assert ensure(view, CHANNEL, {"name": "Ops", "limit": limit, "state": "present"}).changed
    assert not ensure(view, CHANNEL, {"name": "Ops", "limit": 2, "state": "present"}).changed
    assert methods(server) == ["GET", "POST", "GET", "PATCH", "GET"]


def test_an_object_that_a_failed_request_changed_is_read_again(
    server: Server, tenant: FakeTenant, view: TenantView
) -> None:
    tenant.add(channel_name="Ops", limit="1")
    params = {"name": "Ops", "limit": 2, "state": "present"}
    tenant.troubles.append(Trouble("PATCH", answers({"message": "No."}, 403), takes_effect=True))
    with pytest.raises(ApiError):
        ensure(view, CHANNEL, params)
    assert not ensure(view, CHANNEL, params).changed


# --- responses that are not the object --------------------------------------------------------------------------------

ENTERPRISE_PATH = re.compile("{enterprise_id}")
WITHOUT_OBJECT = [answers({}), answers(None, 204), answers({"message": "ok"}), answers([]), answers('"text"')]
WITH_ERROR = [
    answers({"error": "No room is left."}),
    answers({"errors": ["No room is left."], "message": ""}),
    answers({"code": 400, "message": "No.", "errors": {"name": ["No room is left."]}, "content": None}),
]


@KINDS
@pytest.mark.parametrize("reply", WITHOUT_OBJECT)
def test_an_update_without_the_object_is_a_success_only_if_it_took_effect(
    server: Server, tenant: FakeTenant, run: Run, kind: Kind, reply: Reply
) -> None:
    tenant.add(channel_name="Ops", limit="1")
    tenant.troubles.append(Trouble(kind.routes.update, reply, takes_effect=True))
    result = run(kind, name="Ops", limit=2)
    assert result.changed
    assert result.record is not None
    assert result.record["created_on"] == "2026-03-01"
    assert methods(server) == ["GET", kind.routes.update, "GET"]
    tenant.troubles.append(Trouble(kind.routes.update, reply))
    with pytest.raises(RequestFailed, match=f"Updating the {kind.title} 'Ops' failed: .* HTTP 20. without the object"):
        run(kind, name="Ops", limit=3)


@KINDS
@pytest.mark.parametrize("method", ["POST", "UPDATE", "DELETE"])
@pytest.mark.parametrize("reply", WITH_ERROR)
def test_a_success_that_carries_an_error_is_none(
    server: Server, tenant: FakeTenant, make_client: MakeClient, kind: Kind, method: str, reply: Reply
) -> None:
    if method != "POST":
        tenant.add(channel_name="Ops", limit="1")
    method = kind.routes.update if method == "UPDATE" else method
    tenant.troubles.append(Trouble(method, reply))
    view = TenantView(make_client(server))
    state = "absent" if method == "DELETE" else "present"
    with pytest.raises(RequestFailed, match=r"returned HTTP 200 with an error: .*No room is left\.") as caught:
        ensure(view, kind, {"name": "Ops", "limit": 2, "state": state})
    assert methods(server).count(method) == 1
    assert accepted_writes(view) == ""
    assert not ENTERPRISE_PATH.search(str([caught.value, caught.value.details()]))


@pytest.mark.parametrize("reply", WITH_ERROR)
def test_an_error_instead_of_a_list_is_not_an_empty_list(
    server: Server, tenant: FakeTenant, run: Run, reply: Reply
) -> None:
    tenant.troubles.append(Trouble("GET", reply))
    with pytest.raises(RequestFailed, match=r"returned HTTP 200 with an error: .*No room is left\.") as caught:
        run(CHANNEL, **WANTED)
    assert methods(server) == ["GET"]
    assert not ENTERPRISE_PATH.search(str([caught.value, caught.value.details()]))


@pytest.mark.parametrize("reply", [answers({}), answers({"results": 5}), answers({"results": [{"name": "no id"}]})])
def test_a_message_contains_the_enterprise_id(
    server: Server, tenant: FakeTenant, run: Run, enterprise: str, reply: Reply
) -> None:
    for method in ("GET", "POST"):
        tenant.troubles += [Trouble(method, reply)] * 20
        with pytest.raises(RequestFailed, match=f"/v1/enterprise/{enterprise}/channels/") as caught:
            run(CHANNEL, **WANTED)
        assert not ENTERPRISE_PATH.search(str([caught.value, caught.value.details()]))
        tenant.troubles.clear()


# --- accepted write requests ------------------------------------------------------------------------------------------


def crash(_body: Row) -> Row:
    raise KeyError("unexpected")


@pytest.mark.parametrize("body", [{"id": "7"}, {}, [], "text"], ids=str)
def test_an_accepted_request_is_known_whatever_follows(server: Server, view: TenantView, body: t.Any) -> None:
    server.app = lambda _request: answers(json.dumps(body), 201)
    create = Step("Creating the channel 'Ops'", "POST", "/channels/", extract_object=crash, find_existing=crash)
    with pytest.raises((KeyError, AttributeError)):
        apply(view, CHANNEL, Plan({}, [create]))
    identifier = " (ID 7)" if body == {"id": "7"} else ""
    assert accepted_writes(view) == f"Creating the channel 'Ops' was accepted{identifier}."


def test_requests_before_a_failed_one_are_known(server: Server, view: TenantView) -> None:
    server.replies(answers({"id": "7"}), answers({"id": "8"}), answers(None, 204), answers({"message": "No."}, 400))
    create = Step("Creating the channel 'Ops'", "POST", "/channels/", find_existing=lambda _body: None)
    update = Step("Updating the channel 'Dev'", "PATCH", "/channels/{id}", ids={"id": "8"})
    delete = Step("Deleting the channel 'Old'", "DELETE", "/channels/{id}", ids={"id": "9"})
    failing = Step("Updating the channel 'Ops'", "PATCH", "/channels/{id}", ids={"id": KnownAfterApply(create, "id")})
    with pytest.raises(ApiError):
        apply(view, CHANNEL, Plan({}, [create, update, delete, failing]))
    assert accepted_writes(view) == (
        "Creating the channel 'Ops' was accepted (ID 7). Updating the channel 'Dev' was accepted (ID 8)."
        " Deleting the channel 'Old' was accepted (ID 9)."
    )
    assert accepted_writes(view, [update]) == "Updating the channel 'Dev' was accepted (ID 8)."


def test_a_deletion_that_must_be_confirmed_is_not_accepted_before(server: Server, view: TenantView) -> None:
    server.replies(answers({"request_id": "5"}))
    delete = Step("Deleting the channel 'Old'", "DELETE", "/channels/{id}", ids={"id": "9"}, next_step=crash)
    with pytest.raises(KeyError):
        apply(view, CHANNEL, Plan(None, [delete]))
    assert accepted_writes(view) == ""


# --- secrets ----------------------------------------------------------------------------------------------------------


@KINDS
def test_a_secret_is_sent_and_never_shown(server: Server, tenant: FakeTenant, run: Run, kind: Kind) -> None:
    created = run(kind, **WANTED, passphrase=PASSPHRASE)
    assert server.writes()[0].json["passphrase"] == PASSPHRASE
    unchanged = run(kind, **WANTED, passphrase="another one")
    assert not unchanged.changed, "what the server does not say cannot be compared"
    changed = run(kind, **{**WANTED, "limit": 9}, passphrase=PASSPHRASE)
    assert server.writes()[0].json["passphrase"] == PASSPHRASE
    checked = run(kind, **{**WANTED, "limit": 10}, passphrase=PASSPHRASE, check_mode=True)
    deleted = run(kind, name="Ops", state="absent", passphrase=PASSPHRASE)
    assert PASSPHRASE not in str([created, unchanged, changed, checked, deleted])
    assert "passphrase" not in str([created, unchanged, changed, checked, deleted])


def test_a_secret_that_the_server_says_is_not_shown(tenant: FakeTenant, view: TenantView) -> None:
    record = CHANNEL.to_result({"id": "1", "channel_name": "Ops", "passphrase": PASSPHRASE})
    assert record["name"] == "Ops"
    assert "passphrase" not in record


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_secret_in_a_response_is_hidden_before_a_message_can_quote_it(
    server: Server, view: TenantView, method: str
) -> None:
    row = {"id": "7", "channel_name": "Ops", "passphrase": PASSPHRASE}

    def reply(request: Request) -> Reply:
        if request.method == method:
            return answers({"results": [row]} if method == "GET" else row)
        return answers({"message": f"No {PASSPHRASE}, {quote(PASSPHRASE)}."}, 400)

    server.app = reply
    steps = [Step(f"Sending {each}", each, "/things/") for each in ("POST", "PUT")]
    if method == "GET":
        assert view.list_objects(CHANNEL) == [row]
        steps = steps[1:]
    with pytest.raises(ApiError) as caught:
        apply(view, CHANNEL, Plan(None, steps))
    assert "No ********, ********." in str(caught.value)
    assert view.client.redact(PASSPHRASE) == "********"


# --- reading ----------------------------------------------------------------------------------------------------------


def test_information_is_of_one_object_or_of_all(tenant: FakeTenant, view: TenantView) -> None:
    tenant.add(channel_name="a")
    tenant.add(channel_name="b")

    def names(**params: t.Any) -> list[str]:
        return [row["name"] for row in reader_of(view, CHANNEL).get_info(params)["alert_channels"]]

    assert names() == ["a", "b"]
    assert names(name="b") == ["b"]
    assert names(id="1") == ["a"]
    assert names(name="c") == []
    assert names(id="99") == []


def test_an_error_while_reading_is_not_taken_for_absence(tenant: FakeTenant, view: TenantView) -> None:
    tenant.troubles.append(Trouble("GET", answers({"message": "No."}, 403)))
    with pytest.raises(ApiError, match="Reading the alert channel 1 failed"):
        lookup_of(view, CHANNEL).find_by_id("1")
