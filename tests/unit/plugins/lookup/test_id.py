# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup of IDs, loaded by Ansible's plugin loader."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.catalog import kind_of
from ansible_collections.esper.cloud.plugins.module_utils.index import MODULES
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

try:
    from ansible.template import trust_as_template as trust
except ImportError:  # before ansible-core 2.19

    def trust(text: str) -> str:
        return text


Row = dict[str, t.Any]
LookUp = t.Callable[..., list[t.Any]]
NAMES = ("Clerk", "Manager", "Auditor", "Guard", "Driver", "Cook", "Buyer")
ROLES = [{"id": f"00000000-0000-4000-8000-00000000000{number}", "name": name} for number, name in enumerate(NAMES)]


@pytest.fixture
def sent() -> list[Request]:
    return []


@pytest.fixture
def look_up(server: Server, enterprise: str, key: str, sent: list[Request], monkeypatch: pytest.MonkeyPatch) -> LookUp:
    def tenant(request: Request) -> Reply:
        sent.append(request)
        if request.path.endswith(ROLES[1]["id"]):
            return answers(ROLES[1])
        if request.path.startswith("/api/authz2/v1/roles/"):
            names = request.query.get("name"), request.query.get("search")
            rows = [row for row in ROLES if names == (None, None) or row["name"] in names]
            return answers({"count": len(rows), "next": None, "previous": None, "results": rows})
        policies = [{"id": 7, "name": "Kiosk"}]
        return answers({"count": 1, "next": None, "previous": None, "results": policies})

    server.app = tenant
    monkeypatch.setenv("ESPER_API_KEY", key)
    monkeypatch.setenv("ESPER_ENTERPRISE_ID", enterprise)

    def run(*terms: t.Any, variables: Row | None = None, **options: t.Any) -> list[t.Any]:
        loader, known = DataLoader(), {"esper_api_url": server.url} if variables is None else variables
        plugin = lookup_loader.get("esper.cloud.id", loader=loader, templar=Templar(loader, variables=known))
        found: list[t.Any] = plugin.run(list(terms), known, **{"retries": 0, **options})
        return found

    return run


def test_ids_have_the_order_and_the_type_of_the_terms(look_up: LookUp) -> None:
    ids = [ROLES[1]["id"], ROLES[0]["id"]]
    assert look_up("Manager", "Clerk", kind="role") == ids
    assert look_up(["Manager", "Clerk"], kind="role") == ids
    assert look_up(ids[0], kind="role") == ids[:1]
    assert look_up("Kiosk", kind="enterprise_policy") == [7]
    assert look_up(kind="role") == []


def test_the_connection_is_that_of_the_host(
    look_up: LookUp, server: Server, key: str, sent: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESPER_API_KEY", "the-key-of-another-tenant")
    variables = {"esper_api_url": server.url, "esper_api_key": trust("{{ secret }}"), "secret": key}
    assert look_up("Clerk", variables=variables, kind="role") == [ROLES[0]["id"]]
    assert look_up("Clerk", variables={}, api_url=server.url, api_key=key, kind="role") == [ROLES[0]["id"]]
    assert {request.headers["authorization"] for request in sent} == {f"Bearer {key}"}


def test_many_names_take_one_request(look_up: LookUp, sent: list[Request]) -> None:
    assert look_up(*NAMES, kind="role") == [row["id"] for row in ROLES]
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("terms", "options", "message"),
    [
        (["Manger"], {"kind": "role"}, "The role 'Manger' was not found. Did you mean 'Manager'?"),
        (["manager"], {"kind": "role"}, "Did you mean 'Manager'?"),
        (["Clerk"], {"kind": "rol"}, "Invalid kind 'rol'. Did you mean 'role'?"),
        (["Clerk"], {"kind": "enterprise"}, "Invalid kind 'enterprise'. Use the name of a module for objects"),
        (["Clerk", " "], {"kind": "role"}, "Name 2 is empty. Set a name or an ID."),
        ([None], {"kind": "role"}, "Name 1 must be a text, not NoneType."),
        (["Clerk"], {"kind": "role", "timeout": -1}, "Invalid timeout: -1."),
        (["Clerk"], {"kind": "role", "api_key": "two words"}, "Invalid api_key"),
        (["Clerk"], {"kind": "k3y-Of-The-Tests-0123456789"}, "Invalid kind '********'."),
        (["Clerk"], {}, "kind"),
    ],
)
def test_errors_say_what_to_do(look_up: LookUp, terms: list[t.Any], options: Row, message: str) -> None:
    with pytest.raises(AnsibleError) as error:
        look_up(*terms, **options)
    assert message in str(error.value)


def test_errors_do_not_show_the_key(look_up: LookUp, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROLES[0], "name", key)
    with pytest.raises(AnsibleError) as error:
        look_up(f"{key}x", kind="role")
    assert "********" in str(error.value)
    assert key not in str(error.value)


def _has_ids(name: str) -> bool:
    try:
        return bool(kind_of(name).id_key)
    except InvalidParameter:
        return False


def test_each_kind_with_names_and_ids_can_be_looked_up() -> None:
    names = {"device", *(module.removesuffix("_info") for module in MODULES)}
    found = {name for name in names if _has_ids(name)}
    assert found >= {"app", "blueprint", "content", "device", "device_group", "role", "tag", "user", "webclip"}
    assert found.isdisjoint({"api", "tenant", "enterprise", "device_location", "foundry_event"})
