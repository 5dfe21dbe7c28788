# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scopes of roles, which have a route of their own."""

from __future__ import annotations

import threading
import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ApiError, EsperError, InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.engine.apply import Result, ensure
from ansible_collections.esper.cloud.plugins.module_utils.engine.batch import Batch, BatchItem
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.kinds.role import ROLE
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient

Row = dict[str, t.Any]
Run = t.Callable[..., Result]

ID = "1d9b4a70-0b47-4a0e-9a53-5a3c1b8a2f11"
ROLES, SCOPES = "/authz2/v1/roles/", f"/authz2/v1/roles/{ID}/scopes"
KNOWN = ("read:device", "read:group", "update:device:group")


class Tenant:
    """A tenant with at most one role. ``sent`` are the writes, and ``failures`` how many of them fail by path. A change
    of the scopes does not remove those in ``kept``."""

    def __init__(self, *scopes: str, exists: bool = False, users: t.Sequence[str] = ()) -> None:
        self.row: Row | None = {"id": ID, "name": "Technician", "description": ""} if exists else None
        self.scopes, self.users, self.kept = list(scopes), users, list[str]()
        self.sent: list[tuple[str, str, t.Any]] = []
        self.failures: dict[str, int] = {}
        self.scopes_body: t.Any = ...

    def __call__(self, request: Request) -> Reply:
        path = request.path.removeprefix("/api")
        if request.method == "GET":
            return self._read(path)
        self.sent.append((request.method, path, request.json))
        if self.failures.get(path, 0) > 0:
            self.failures[path] -= 1
            return answers({"message": "Broken"}, 400)
        if path == SCOPES:
            self.scopes = [name for name in request.json["scope_names"] if name in KNOWN] + self.kept
            return answers({"scopes": [{"id": name, "name": name} for name in self.scopes]})
        if request.method == "DELETE":
            self.row = None
            return answers(None, 204)
        self.row = {"id": ID, **(self.row or {}), **request.json}
        return answers(self.row, 201 if request.method == "POST" else 200)

    def _read(self, path: str) -> Reply:
        if path == SCOPES and self.scopes_body is not ...:
            return answers(self.scopes_body)
        if path == SCOPES:
            return answers([{"id": name, "name": name} for name in self.scopes])
        if path == "/user/":
            profile = {"authz_role_id": ID.upper()}
            rows = [{"id": n, "email": name, "profile": profile} for n, name in enumerate(self.users)]
            return answers({"count": len(rows), "next": None, "previous": None, "results": rows})
        return answers({"count": int(self.row is not None), "roles": [self.row] if self.row else []})


@pytest.fixture
def run(server: Server, make_client: MakeClient) -> Run:
    client = make_client(server)

    def work(tenant: Tenant, *, check_mode: bool = False, **params: t.Any) -> Result:
        server.app = tenant
        options = {name: option.get("default") for name, option in ROLE.options.items()}
        return ensure(TenantView(client), ROLE, {**options, "name": "Technician", **params}, check_mode=check_mode)

    return work


def test_a_new_role_gets_its_scopes_after_it_is_created(run: Run) -> None:
    tenant = Tenant()
    predicted = run(tenant, scopes=["read:device"], check_mode=True)
    assert tenant.sent == []
    done = run(tenant, scopes=["read:device"])
    assert tenant.sent == [
        ("POST", ROLES, {"name": "Technician", "description": ""}),
        ("PUT", SCOPES, {"scope_names": ["read:device"]}),
    ]
    assert done.record is not None
    assert (done.record["id"], done.record["scopes"]) == (ID, ["read:device"])
    assert predicted.changes == done.changes
    assert not run(tenant, scopes=["read:device"]).changed


def test_the_next_run_completes_an_interrupted_run(run: Run) -> None:
    tenant = Tenant()
    tenant.failures[SCOPES] = 1
    with pytest.raises(ApiError, match="Setting the scopes of the role 'Technician' failed"):
        run(tenant, scopes=["read:device"])
    tenant.sent.clear()
    assert run(tenant, scopes=["read:device"]).changed
    assert tenant.sent == [("PUT", SCOPES, {"scope_names": ["read:device"]})]


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({}, []),
        ({"scopes": ["read:group", "read:device"]}, []),
        ({"scopes": []}, [("PUT", SCOPES, {"scope_names": []})]),
        ({"description": "New"}, [("PATCH", f"{ROLES}{ID}", {"description": "New"})]),
        (
            {"description": "New", "scopes": ["read:device"]},
            [
                ("PATCH", f"{ROLES}{ID}", {"description": "New"}),
                ("PUT", SCOPES, {"scope_names": ["read:device"]}),
            ],
        ),
    ],
)
def test_each_route_is_written_only_if_its_property_differs(run: Run, params: Row, sent: list[t.Any]) -> None:
    tenant = Tenant("read:device", "read:group", exists=True)
    done = run(tenant, **params)
    assert tenant.sent == sent
    assert done.record is not None
    assert done.record["name"] == "Technician"
    assert done.record["description"] == params.get("description", "")
    assert done.record["scopes"] == params.get("scopes", done.record["scopes"]) or not sent


def test_a_scope_that_esper_does_not_store_is_an_error_that_names_it(run: Run) -> None:
    with pytest.raises(InvalidParameter) as caught:
        run(Tenant(exists=True), scopes=["read:device", "raed:group"])
    assert str(caught.value) == (
        "Esper did not store raed:group in the scopes of the role 'Technician'. Correct the names. Setting the scopes"
        f" of the role 'Technician' was accepted (ID {ID}). Run the task again to apply the rest."
    )


def test_a_scope_that_esper_does_not_remove_is_an_error_that_names_it(run: Run) -> None:
    tenant = Tenant("read:device", exists=True)
    tenant.kept = ["read:device"]
    with pytest.raises(EsperError, match="Esper did not remove read:device from the scopes of the role 'Technician'"):
        run(tenant, scopes=["read:group"])
    assert run(tenant, scopes=["read:group", "read:device"]).changed is False


@pytest.mark.parametrize(
    ("scopes", "warnings"),
    [
        (["read:device", "read:group"], []),
        (
            ["raed:group", "read:device"],
            [
                "Esper does not document the scope 'raed:group' of the role Technician. Did you mean 'read:group'?",
            ],
        ),
        (["tenant"], ["Esper does not document the scope 'tenant' of the role Technician. Check the name."]),
        # Only a change can add a wrong name.
        (["own:scope"], []),
    ],
)
def test_a_new_scope_that_is_not_documented_is_a_warning(run: Run, scopes: list[str], warnings: list[str]) -> None:
    assert run(Tenant("own:scope", exists=True), scopes=scopes, check_mode=True).warnings == warnings


@pytest.mark.parametrize("body", [None, ["read:device"], [{"name": None}], "read:device", {}])
def test_scopes_that_cannot_be_read_are_an_error(run: Run, body: t.Any) -> None:
    tenant = Tenant(exists=True)
    tenant.scopes_body = body
    with pytest.raises(EsperError, match="Reading the scopes of the role 'Technician' failed"):
        run(tenant, scopes=["read:device"])
    assert tenant.sent == []


def test_known_scopes_are_returned_after_another_change(run: Run) -> None:
    tenant = Tenant("read:device", exists=True)
    done = run(tenant, description="New", scopes=["read:device"])
    assert done.record is not None
    assert done.record["scopes"] == ["read:device"]


def test_whitespace_around_a_name_is_no_change(run: Run) -> None:
    assert not run(Tenant(exists=True), name=" Technician ").changed


def test_whitespace_around_scopes_and_repeated_scopes_are_no_change(run: Run) -> None:
    tenant = Tenant("read:device", "read:group", exists=True)
    assert not run(tenant, scopes=["read:device", " read:group", "read:device "]).changed
    run(tenant, scopes=[" read:group", "read:group"])
    assert tenant.sent == [("PUT", SCOPES, {"scope_names": ["read:group"]})]


def test_a_role_that_users_have_is_deleted_only_with_force(run: Run) -> None:
    tenant = Tenant(exists=True, users=["ops@example.com"])
    with pytest.raises(InvalidParameter) as caught:
        run(tenant, state="absent", check_mode=True)
    assert str(caught.value) == (
        "The role 'Technician' is in use by the user 'ops@example.com'. Assign another role to them first, or set"
        " force=true."
    )
    assert tenant.sent == []
    assert run(tenant, state="absent", force=True).changed
    assert tenant.sent == [("DELETE", f"{ROLES}{ID}", None)]


def test_the_scopes_of_many_roles_are_read_at_the_same_time(server: Server, make_client: MakeClient) -> None:
    ids = {f"1d9b4a70-0b47-4a0e-9a53-5a3c1b8a2f{number:02}": f"Role {number}" for number in range(20)}
    together = threading.Barrier(8, timeout=5)

    def tenant(request: Request) -> Reply:
        if request.path.endswith("/scopes"):
            if len(server.sent) <= 9:
                together.wait()
            return answers([{"name": "read:device"}])
        rows = [{"id": identifier, "name": name, "description": ""} for identifier, name in ids.items()]
        return answers({"count": len(rows), "roles": rows})

    server.app = tenant
    view = TenantView(make_client(server))
    params = {"state": "present", "scopes": ["read:device"]}
    batch = Batch(view, [BatchItem(ROLE, "roles[]", {**params, "name": name}) for name in ids.values()])
    batch.plan_all(continue_on_error=False)
    assert [item.action for item in batch.items] == ["unchanged"] * len(ids)
    assert len(server.sent) == 1 + len(ids)


def test_scopes_that_cannot_be_read_fail_their_role_only(server: Server, make_client: MakeClient) -> None:
    ids = {f"1d9b4a70-0b47-4a0e-9a53-5a3c1b8a2f{number:02}": f"Role {number}" for number in range(8)}

    def tenant(request: Request) -> Reply:
        if request.path.endswith("/scopes"):
            return answers({"message": "No"}, 403) if "2f03" in request.path else answers([])
        rows = [{"id": identifier, "name": name, "description": ""} for identifier, name in ids.items()]
        return answers({"count": len(rows), "roles": rows})

    server.app = tenant
    params = {"state": "present", "scopes": []}
    items = [BatchItem(ROLE, "roles[]", {**params, "name": name}) for name in ids.values()]
    Batch(TenantView(make_client(server)), items).plan_all(continue_on_error=True)
    assert [item.action for item in items] == [
        "failed" if "3" in item.params["name"] else "unchanged" for item in items
    ]
