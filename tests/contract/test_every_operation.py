# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every operation of the contract answers, or is in `unsupported.yaml`; and what is created by it can be used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from behaviors import OPERATIONS
from contract import Contract, Operation
from dispatch import UNSUPPORTED
from every import Caller, found_ids
from exchange import Reply

CONTRACT = Contract()
NAMES = [f"{operation.method} {operation.path}" for operation in CONTRACT.operations()]


def _operation(method: str, path: str) -> Operation | None:
    """The operation of that path, with or without a final slash."""
    for form in (path, f"{path}/"):
        if f"{method} {form}" in NAMES:
            return CONTRACT.operation(method, form)
    return None


def _kinds() -> list[tuple[str, str]]:
    """The collections in which objects are created by a derived POST and have a path of their own, and that path."""
    items = {operation.path.rstrip("/") for operation in CONTRACT.operations() if operation.path.rstrip("/")[-1] == "}"}
    return sorted(
        (path, item)
        for item in items
        for path in [item.rpartition("/")[0]]
        for create in [_operation("POST", path)]
        if create and f"POST {create.path}" not in OPERATIONS
    )


@pytest.fixture(scope="module")
def shared() -> Caller:
    return Caller(CONTRACT)


@pytest.fixture
def caller(shared: Caller) -> Caller:
    shared.reset()
    return shared


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_answers_or_has_a_reason_not_to(caller: Caller, name: str) -> None:
    operation = CONTRACT.operation(*name.split(" "))
    values, body = caller.values(operation), caller.body(operation)
    # A valid request must succeed. The caller compares the response with the contract.
    assert CONTRACT.check_body(operation, body) == []
    reply = caller.call(operation, values, body, **caller.query(operation))
    if name in UNSUPPORTED:
        assert reply.status == 501
        assert UNSUPPORTED[name] in reply.body.decode()
    else:
        assert reply.status in operation.answers, reply.body
        assert reply.status < 300


def test_the_list_of_unsupported_operations_is_about_the_contract() -> None:
    assert UNSUPPORTED.keys() <= set(NAMES)
    assert UNSUPPORTED.keys().isdisjoint(OPERATIONS)
    assert all(reason.endswith(".") for reason in UNSUPPORTED.values())


def test_what_esper_s_own_clients_send_along_is_accepted_everywhere() -> None:
    for operation in CONTRACT.operations():
        without = CONTRACT.check_parameters(operation, {}, {})
        assert CONTRACT.check_parameters(operation, {}, {"legacy_format": "true"}) == without


def test_there_are_kinds_to_try() -> None:
    paths = [path for path, _item in _kinds()]
    assert "/v1/enterprise/{enterprise_id}/alertchannels" in paths
    assert "/pipelines/v0/pipelines/{pipeline_id}/stages" in paths
    assert len(paths) > 10


@pytest.mark.parametrize(("path", "item"), _kinds())
def test_what_is_created_is_listed_read_changed_and_deleted(caller: Caller, path: str, item: str) -> None:
    kind = _Kind(caller, path, item)
    before = kind.listed()
    sent, answer = kind.create()
    if before is not None:
        assert kind.listed() == [*before, kind.key]
    shown = kind.read() if kind.reads else answer
    _assert_shown(sent, shown)
    assert {name: shown[name] for name in answer if name in shown} == {
        name: answer[name] for name in answer if name in shown
    }
    for operation in kind.changes:
        sent, answer = kind.change(operation)
        _assert_shown(sent, kind.read() if kind.reads else answer)
    if kind.deletes:
        assert kind.call(kind.deletes).status < 300
        assert kind.call(kind.deletes).status == 404
        assert kind.reads is None or kind.call(kind.reads).status == 404
        assert kind.listed() == before


class _Kind:
    """One object of a kind, by the operations that the contract has for it."""

    def __init__(self, caller: Caller, path: str, item: str) -> None:
        creates = _operation("POST", path)
        assert creates
        self._caller = caller
        self._creates = creates
        self._lists = _operation("GET", path)
        self._name = item.rpartition("/")[2][1:-1]
        self._values = caller.values(creates)
        self.reads, self.deletes = _operation("GET", item), _operation("DELETE", item)
        self.changes = [change for method in ("PATCH", "PUT") if (change := _operation(method, item))]
        self.key = ""

    def create(self) -> tuple[Any, dict[str, Any]]:
        """Create it; what was sent, and what was answered."""
        before = self.listed() or []
        sent = self._caller.body(self._creates)
        reply = self.call(self._creates, sent)
        assert reply.status < 300, reply.body
        body = json.loads(reply.body) if reply.body else {}
        # Some answers have nothing of what was created.
        new = found_ids(body, self._name) or [key for key in self.listed() or [] if key not in before]
        self.key = new[0]
        return sent, _content(body)

    def change(self, operation: Operation) -> tuple[Any, dict[str, Any]]:
        """Change what can be changed."""
        sent = _other(self._caller.body(operation))
        reply = self.call(operation, sent)
        assert reply.status < 300, reply.body
        return sent, _content(json.loads(reply.body)) if reply.body else {}

    def read(self) -> dict[str, Any]:
        """The object as it is read."""
        assert self.reads
        reply = self.call(self.reads)
        assert reply.status == 200, reply.body
        content = _content(json.loads(reply.body))
        assert self.key in found_ids(content, self._name)
        return content

    def listed(self) -> list[str] | None:
        """The ids in the list, if there is one."""
        if self._lists is None:
            return None
        return found_ids(json.loads(self.call(self._lists).body), self._name)

    def call(self, operation: Operation, body: Any = None) -> Reply:
        """Call one of the operations."""
        values, query = self._values | {self._name: self.key}, self._caller.query(operation)
        return self._caller.call(operation, values, body, **query)


def _content(body: Any) -> dict[str, Any]:
    """Return the envelope of a response."""
    while isinstance(body, dict) and body.keys() <= {"code", "message", "content", "schema"} and body:
        body = body.get("content", body.get("schema"))
    return dict(body[0] if isinstance(body, list) else body)


def _other(value: Any) -> Any:
    """Another value of the same form."""
    if isinstance(value, dict):
        return {name: _other(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_other(item) for item in value]
    return value.replace("some ", "other ") if isinstance(value, str) else value


def _assert_shown(sent: Any, shown: Mapping[str, Any]) -> None:
    """Check that the response has the values of the request, except for IDs that the API turns into objects."""
    fixed = ("id", "created_at", "created_on", "updated_at", "updated_on")
    same = [
        name
        for name, value in (sent.items() if isinstance(sent, dict) else ())
        if name in shown
        and name not in fixed
        and isinstance(value, str | bool | int)
        and type(shown[name]) is type(value)
    ]
    assert {name: shown[name] for name in same} == {name: sent[name] for name in same}
