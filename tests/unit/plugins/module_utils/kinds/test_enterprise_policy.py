# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.engine.apply import Result, ensure
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.kinds.enterprise_policy import ENTERPRISE_POLICY
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
    from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient

Row = dict[str, t.Any]
PASSWORD = "correct horse"


class Tenant:
    """A tenant with one policy, whose password was set in the console."""

    def __init__(self, shown: str | None) -> None:
        self.policy = {"adbDisabled": False, "settingsAppPassword": shown}
        self.row = {"id": 1, "name": "Kiosks", "description": "", "is_active": True, "policy": self.policy}
        self.writes: list[Row] = []

    def __call__(self, request: Request) -> Reply:
        if request.method == "GET":
            return answers({"count": 1, "next": None, "previous": None, "results": [self.row]})
        self.writes.append(request.json)
        return answers({**self.row, **request.json})


@pytest.fixture
def run(server: Server, make_client: MakeClient) -> t.Callable[..., Result]:
    client: Client = make_client(server)

    def work(tenant: Tenant, **params: t.Any) -> Result:
        server.app = tenant
        options = {name: option.get("default") for name, option in ENTERPRISE_POLICY.options.items()}
        options |= {"name": "Kiosks", **params}
        predicted = ensure(TenantView(client), ENTERPRISE_POLICY, options, check_mode=True)
        assert tenant.writes == []
        done = ensure(TenantView(client), ENTERPRISE_POLICY, options)
        assert (predicted.changed, predicted.changes) == (done.changed, done.changes)
        return done

    return work


def test_a_masked_password_is_not_lost_with_another_setting(run: t.Callable[..., Result]) -> None:
    tenant = Tenant("********")
    with pytest.raises(InvalidParameter) as caught:
        run(tenant, settings={"adb_disabled": True})
    assert str(caught.value) == (
        "Esper masks settings.settings_app_password of the enterprise policy 'Kiosks', so the module cannot resend the"
        " value. Set it in this task, or set confirm to true to remove it."
    )
    (change,) = run(tenant, settings={"adb_disabled": True}, confirm=True).changes
    assert (change.before["settings"], change.after["settings"]) == (
        {"adb_disabled": False, "settings_app_password": "(not shown)"},
        {"adb_disabled": True},
    )
    assert tenant.writes[-1]["policy"] == {"adbDisabled": True}


@pytest.mark.parametrize("confirm", [False, True])
@pytest.mark.parametrize(
    ("shown", "params", "sent"),
    [
        ("********", {"settings": {"adb_disabled": True, "settings_app_password": PASSWORD}}, PASSWORD),
        ("********", {"description": "Other"}, None),
        ("known", {"settings": {"adb_disabled": True}}, "known"),
        (None, {"settings": {"adb_disabled": True}}, None),
        ("", {"settings": {"adb_disabled": True}}, None),
    ],
)
def test_confirm_is_not_required_if_no_password_is_lost(
    run: t.Callable[..., Result], shown: str | None, params: Row, sent: str | None, confirm: bool
) -> None:
    tenant = Tenant(shown)
    assert run(tenant, **params, confirm=confirm).changed
    assert (tenant.writes[-1].get("policy") or {}).get("settingsAppPassword") == sent


@pytest.mark.parametrize(("shown", "changed"), [(None, True), ("", True), ("********", False), (PASSWORD, False)])
def test_a_password_is_set_if_the_policy_has_none(
    run: t.Callable[..., Result], shown: str | None, changed: bool
) -> None:
    tenant = Tenant(shown)
    result = run(tenant, settings={"settings_app_password": PASSWORD})
    assert result.changed is changed
    assert [body["policy"]["settingsAppPassword"] for body in tenant.writes] == [PASSWORD] * changed
