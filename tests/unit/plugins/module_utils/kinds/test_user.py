# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users and invitations against the simulator: what is special about them."""

from __future__ import annotations

import re
import typing as t
from collections import Counter
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.preparations import Preparation
from ansible_collections.esper.cloud.tests.laws.world import KEY, EmbeddedSimulator, Run, World
from ansible_collections.esper.cloud.tests.unit.service import Clock
from contract import Contract
from process import ENTERPRISE_ID

Row = dict[str, t.Any]

ANNA, OWN = "anna@example.com", "automation@example.com"
INVITE = f"/authn2/v0/tenant/{ENTERPRISE_ID}/invite"
CUSTOM = ("role", {"name": "Technician", "scopes": ["read:device"]})
GROUP = ("device_group", {"path": "Berlin"})


@pytest.fixture
def world(running: EmbeddedSimulator, contract: Contract, clock: Clock, tmp_path: Path) -> World:
    """A tenant with a custom role and a device group. The waits of the client take no time."""
    made = World(running, contract, tmp_path)
    made.begin(Preparation(tasks=(CUSTOM, GROUP)))
    return made


def user(world: World, email: str = ANNA, **options: t.Any) -> Run:
    """Run a task that must not fail. Check that check mode predicts it, and that the contract allows its requests."""
    task = {"email": email, **options}
    predicted = world.must("user", task, check_mode=True)
    run = world.must("user", task)
    assert (predicted.changed, predicted.diff, predicted.writes) == (run.changed, run.diff, [])
    for each in run.requests:
        assert world.contract.validate_request(each["method"], each["path"], each["query"], each["body"]) == []
    return run


def joined(world: World, email: str = ANNA, **options: t.Any) -> Row:
    """Return a user who has accepted an invitation."""
    user(world, email, **{"role": "Viewer", **options})
    world.simulator.invitations(accept=[email])
    return info(world, email=email)[0]


def info(world: World, **options: t.Any) -> list[Row]:
    return list(world.must("user_info", options).result["users"])


def bodies(run: Run) -> list[Row]:
    return [each["body"] for each in run.requests if each["method"] != "GET"]


def reads(run: Run) -> list[str]:
    return [each["path"] for each in run.requests if each["method"] == "GET"]


def custom_role(world: World) -> Row:
    return dict(world.must("role_info", {"name": "Technician"}).result["roles"][0])


def group_id(world: World, path: str = "Berlin") -> str:
    return str(world.must("device_group_info", {"path": path}).result["device_groups"][0]["id"])


# --- invitations ------------------------------------------------------------------------------------------------------


def test_a_task_invites_a_person_and_manages_the_user_who_joins(world: World) -> None:
    task = {"role": "Technician", "groups": ["Berlin"], "first_name": "Anna", "can_factory_reset": True}
    run = user(world, " Anna@example.com", **task)
    role_id, group = custom_role(world)["id"], group_id(world)
    profile = {"role": "AuthZ Role User", "enterprise": ENTERPRISE_ID, "groups": [group], "authz_role_id": role_id}
    assert bodies(run) == [{"email": ANNA, "meta": {"email": ANNA, "profile": profile}}]
    shown = {"email": ANNA, "status": "invited", "role": "Technician", "groups": ["All devices/Berlin"]}
    invited = run.result["user"]
    assert {name: invited[name] for name in shown} == shown
    assert invited["id"] == invited["invite_id"]
    assert (invited["role_id"], invited["user_id"], invited["first_name"]) == (role_id, None, None)
    again = user(world, **task)
    assert (again.changed, again.writes, again.result["user"]) == (False, [], invited)
    assert info(world, email="ANNA@example.com") == info(world, id=invited["id"]) == [invited]
    world.simulator.invitations(accept=[ANNA])
    after = user(world, **task)
    assert [each.partition(" ")[0] for each in after.writes] == ["PUT", "PATCH"]
    assert bodies(after)[1] == {"first_name": "Anna"}
    one = after.result["user"]
    assert (one["status"], one["role"], one["first_name"], one["can_factory_reset"]) == (
        "active",
        "Technician",
        "Anna",
        True,
    )
    assert info(world, email=ANNA) == info(world, id=one["id"]) == info(world, id=one["user_id"]) == [one]
    assert not user(world, **task).changed


@pytest.mark.parametrize(
    "change", [{"role": "Group Viewer"}, {"groups": ["All devices"]}, {"role": "Technician"}, {"role": "Viewer"}]
)
def test_an_invitation_that_differs_is_withdrawn_and_sent_again(world: World, change: Row) -> None:
    first = user(world, role="Group Admin", groups=["Berlin"]).result["user"]
    run = user(world, **change)
    assert run.writes == [f"DELETE {INVITE}/{first['id']}", f"POST {INVITE}"]
    (name,) = change
    assert run.diff[0]["before"] == {name: first[name], "invitation": "pending"}
    assert run.diff[0]["after"] == {**change, "invitation": "withdrawn and sent again"}
    kept = {"role": "Group Admin", "groups": ["All devices/Berlin"]}
    assert {name: run.result["user"][name] for name in kept} == {**kept, **change}
    assert info(world, email=ANNA) == [run.result["user"]]
    assert user(world, **change).writes == []


def test_a_person_is_invited_again_in_each_run_with_reinvite(world: World) -> None:
    assert user(world, role="Viewer", reinvite=True).writes == [f"POST {INVITE}"]
    for _attempt in range(2):
        run = user(world, reinvite=True)
        assert [each.partition(" ")[0] for each in run.writes] == ["DELETE", "POST"]
        assert bodies(run)[1]["meta"]["profile"]["role"] == "Viewer"
        assert run.diff[0]["after"] == {"invitation": "withdrawn and sent again"}
    world.simulator.invitations(accept=[ANNA])
    assert user(world, reinvite=True).writes == []


@pytest.mark.parametrize(
    ("options", "warning"),
    [
        (
            {"active": False},
            f"{ANNA} has an invitation and can still join, so active=false has no effect. To withdraw the invitation,"
            " set state=absent.",
        ),
        (
            {"onboarding": "direct"},
            f"{ANNA} has an invitation, so onboarding=direct has no effect. To create the user, withdraw the invitation"
            " first with state=absent.",
        ),
    ],
)
def test_an_option_without_effect_on_an_invitation_is_a_warning(world: World, options: Row, warning: str) -> None:
    user(world, role="Viewer")
    run = user(world, **options)
    assert (run.changed, run.warnings) == (False, [warning])


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ({}, " with role 'Group Viewer' and groups ['All devices/Berlin']"),
        ({"role": "Viewer"}, " with groups ['All devices/Berlin']"),
        ({"role": "Group Viewer", "groups": ["Berlin"]}, ""),
    ],
)
def test_a_message_has_the_values_of_an_invitation_that_is_withdrawn_and_not_sent_again(
    world: World, options: Row, values: str
) -> None:
    user(world, role="Group Viewer", groups=["Berlin"])
    world.simulator.fault(kind="status", status=403, method="POST", times=None)
    run = world.run("user", {"email": ANNA, "reinvite": True, **options})
    assert f"Withdrawing the invitation of the user '{ANNA}'{values} was accepted." in run.message
    assert info(world, email=ANNA) == []


def test_an_invitation_without_its_properties_is_not_compared(world: World) -> None:
    user(world, role="Viewer")
    world.simulator.invitations(shows_meta=False)
    run = user(world, role="Enterprise Admin")
    assert not run.changed
    assert run.warnings == [
        f"Esper did not return the role and groups in the invitation of {ANNA}, so they are not compared. Set"
        " reinvite=true to send another invitation."
    ]
    assert user(world).warnings == []
    assert "role is required" in world.run("user", {"email": ANNA, "reinvite": True}).message
    assert user(world, role="Enterprise Admin", reinvite=True).result["user"]["role"] == "Enterprise Admin"


def test_an_invitation_whose_groups_cannot_be_read_is_not_replaced(world: World) -> None:
    user(world, role="Group Admin", groups=["Berlin"])

    def with_invalid_groups(method: str, path: str, body: t.Any) -> t.Any:
        for row in body["userinvites"] if (method, path) == ("GET", INVITE) else []:
            row["meta"]["profile"]["groups"] = "Berlin"
        return body

    world.simulator.rewrites.append(with_invalid_groups)
    run = world.run("user", {"email": ANNA, "role": "Group Viewer"})
    assert "is not changed, because Esper returned an unexpected type for groups" in run.message
    assert run.writes == []


def test_access_to_all_groups_is_that_to_the_root_in_an_invitation(world: World) -> None:
    run = user(world, role="Technician", all_groups=True)
    root = group_id(world, "All devices")
    assert bodies(run)[0]["meta"]["profile"]["groups"] == [root]
    assert run.result["user"]["groups"] == ["All devices"]
    assert not user(world, role="Technician", all_groups=True).changed
    world.simulator.invitations(accept=[ANNA])
    run = user(world, role="Technician", all_groups=True)
    assert bodies(run) == [
        {
            "role": "AuthZ Role User",
            "groups": [root],
            "authz_role_id": custom_role(world)["id"],
            "has_all_group_access": True,
            "can_factory_reset": False,
        }
    ]
    assert run.result["user"]["all_groups"]
    assert not user(world, role="Technician", all_groups=True).changed
    assert user(world, groups=["Berlin"]).warnings == [
        f"The user '{ANNA}' has access to all device groups, so groups has no effect. Set all_groups=false to restrict"
        " the access."
    ]
    run = user(world, all_groups=False)
    assert (run.result["user"]["groups"], run.result["user"]["all_groups"]) == (["All devices/Berlin"], False)
    assert user(world, groups=["Berlin"], all_groups=False).warnings == []


def test_a_lost_invitation_is_found(world: World) -> None:
    world.simulator.fault(kind="drop_after", method="POST")
    run = world.must("user", {"email": ANNA, "role": "Viewer"})
    assert run.changed
    assert run.writes == [f"POST {INVITE}"]
    assert [row["status"] for row in info(world, email=ANNA)] == ["invited"]


def test_a_lost_invitation_is_found_although_its_id_is_another_one(world: World) -> None:
    first = user(world, role="Viewer").result["user"]["id"]
    world.simulator.fault(kind="drop_after", method="POST")
    run = world.must("user", {"id": first, "role": "Enterprise Admin"})
    assert [each.partition(" ")[0] for each in run.writes] == ["DELETE", "POST"]
    (now,) = info(world, email=ANNA)
    assert now == run.result["user"]
    assert (now["role"], now["id"] == first) == ("Enterprise Admin", False)


def test_the_link_of_an_invitation_is_only_returned_if_the_task_asks_for_it(world: World) -> None:
    links: list[str] = []

    def learn(method: str, path: str, body: t.Any) -> t.Any:
        if method == "POST" and path == INVITE:
            links.append(body["invitation_url"])
        return body

    world.simulator.rewrites.append(learn)
    hidden = world.must("user", {"email": ANNA, "role": "Viewer"})
    assert hidden.result["user"]["invitation_url"] is None
    assert links[0] not in hidden.shown
    shown = world.must("user", {"email": ANNA, "reinvite": True, "show_invitation_url": True})
    assert shown.result["user"].pop("invitation_url") == links[1]
    assert links[1] not in shown.shown
    again = world.must("user", {"email": ANNA, "show_invitation_url": True})
    assert again.result["user"]["invitation_url"] is None


def test_the_connection_of_an_invitation_is_compared(world: World) -> None:
    connection = "3f0c7d2b-8e64-4c5e-9a51-0b525e9d1a7c"
    assert bodies(user(world, role="Viewer", connection=connection))[0]["connection_id"] == connection
    assert not user(world, connection=connection).changed
    run = user(world, connection=connection.replace("3f", "4f"))
    assert run.diff[0]["before"] == {"connection_id": connection, "invitation": "pending"}
    assert "connection_id" in bodies(user(world, role="Enterprise Admin"))[1], "the connection is kept"
    named = world.must("sso_connection_info", {}).result["sso_connections"][0]
    assert bodies(user(world, connection=named["name"]))[1]["connection_id"] == named["id"]


# --- users ------------------------------------------------------------------------------------------------------------


def test_one_request_replaces_the_role_and_the_groups_and_has_all_current_values(world: World) -> None:
    joined(world, role="Group Admin", groups=["Berlin"])
    assert bodies(user(world, can_factory_reset=True)) == [
        {
            "role": "Group Admin",
            "groups": [group_id(world)],
            "has_all_group_access": False,
            "can_factory_reset": True,
        }
    ]
    assert bodies(user(world, role="Group Viewer")) == [
        {"role": "Group Viewer", "groups": [group_id(world)], "can_factory_reset": True}
    ]
    run = user(world, role="Technician")
    expected = {"role": "AuthZ Role User", "groups": [group_id(world)], "can_factory_reset": True}
    assert bodies(run) == [{**expected, "authz_role_id": custom_role(world)["id"]}]
    assert run.result["user"]["role_id"] == custom_role(world)["id"]
    run = user(world, role="Viewer", groups=[])
    assert bodies(run) == [{"role": "Viewer", "groups": [], "can_factory_reset": True}]
    assert run.result["user"]["role_id"] is None
    assert info(world, email=ANNA) == [run.result["user"]]


def test_the_groups_of_a_user_are_read_only_if_the_task_needs_them(world: World) -> None:
    joined(world)
    assert reads(user(world, role="Viewer", can_factory_reset=False)) == ["/user/"]
    assert [path.rpartition("/")[2] for path in reads(user(world, groups=[]))] == ["", "groups"]


def test_a_role_that_has_the_id_of_a_fixed_role_is_that_role(world: World) -> None:
    """Esper does not document whether users with fixed roles have the ID of a role, too."""
    fixed = world.must("role_info", {"name": "Enterprise Admin"}).result["roles"][0]["id"]

    def with_id(_method: str, path: str, body: t.Any) -> t.Any:
        for row in body["results"] if path == "/user/" else []:
            row["profile"]["authz_role_id"] = fixed
        return body

    world.simulator.rewrites.append(with_id)
    assert not user(world, OWN, role="Enterprise Admin").changed
    refused = world.run("user", {"email": OWN, "role": "Technician", "groups": ["Berlin"]})
    assert "is in use by the API key" in refused.message


def test_the_uuid_that_the_list_lacks_is_read_by_the_number(world: World) -> None:
    number = joined(world)["id"]

    def without_uuid(_method: str, path: str, body: t.Any) -> t.Any:
        for row in body["results"] if path == "/user/" else []:
            del row["profile"]["authn_user_id"]
        return body

    world.simulator.rewrites.append(without_uuid)
    run = user(world, role="Enterprise User")
    assert {"legacy_user_id": number} in [each["query"] for each in run.requests]
    assert [each.partition(" ")[0] for each in run.writes] == ["PUT"]
    world.simulator.rewrites.append(
        lambda _method, path, body: {"content": {"results": []}} if path == "/authn2/v1/users/" else body
    )
    assert "returned no UUID" in world.run("user", {"email": ANNA, "role": "Viewer"}).message
    assert user(world, state="absent").writes == [f"DELETE /user/{number}/"]


def test_a_user_without_a_number_of_the_deprecated_path_is_deleted_by_its_uuid(world: World) -> None:
    row = joined(world)
    assert user(world, state="absent").writes == [f"DELETE /authn2/v0/tenant/{ENTERPRISE_ID}/user/{row['user_id']}/"]


def test_a_user_and_an_invitation_for_the_same_address_are_both_removed(world: World) -> None:
    row = joined(world)
    invitation = {"id": "7c1f5a0e-2b44-4f0e-8a53-1a3c1b8a2f55", "email": "ANNA@example.com", "meta": {}}

    def with_invitation(method: str, path: str, body: t.Any) -> t.Any:
        return {"count": 1, "userinvites": [invitation]} if (method, path) == ("GET", INVITE) else body

    world.simulator.rewrites.append(with_invitation)
    predicted = world.must("user", {"email": ANNA, "state": "absent"}, check_mode=True)
    assert predicted.changed
    run = world.must("user", {"email": ANNA, "state": "absent"})
    assert [each.rpartition("/")[0] for each in run.writes] == [
        f"DELETE /authn2/v0/tenant/{ENTERPRISE_ID}/user/{row['user_id']}",
        f"DELETE {INVITE}",
    ]


@pytest.mark.parametrize("change", [{"state": "absent"}, {"role": "Viewer"}, {"active": False}])
def test_the_user_of_the_key_is_only_changed_with_force(world: World, change: Row) -> None:
    refused = world.run("user", {"email": OWN, **change}, check_mode=True)
    assert refused.message == (
        f"The user '{OWN}' is in use by the API key of this task. Use the API key of another user, or set force=true."
    )
    assert world.must("user", {"email": OWN, "force": True, **change}, check_mode=True).changed
    joined(world)
    assert user(world, **({"role": "Enterprise Admin"} if "role" in change else change)).changed


def test_the_user_of_the_key_is_also_known_by_its_uuid(world: World) -> None:
    def with_other_id(_method: str, path: str, body: t.Any) -> t.Any:
        return {**body, "id": "another-number"} if path == "/user_info/" else body

    world.simulator.rewrites.append(with_other_id)
    assert "is in use by the API key of this task" in world.run("user", {"email": OWN, "state": "absent"}).message
    joined(world)
    assert user(world, state="absent").changed


def test_the_first_name_of_the_own_user_has_a_request_of_its_own(world: World) -> None:
    row = joined(world)
    run = user(world, OWN, first_name="Otto")
    own = info(world, email=OWN)[0]
    assert run.writes == [f"PUT /authn2/v0/user/{own['user_id']}"]
    assert (run.result["user"]["first_name"], own["full_name"]) == ("Otto", "Otto Mation")
    assert user(world, OWN, first_name="Auto", last_name="Bot").writes == [f"PATCH /user/{own['id']}/"]
    assert user(world, first_name="Ann").writes == [f"PATCH /user/{row['id']}/"]


def test_accounts_of_devices_are_only_returned_if_the_task_asks_for_them(world: World) -> None:
    joined(world)
    user(world, "bo@example.com", role="Technician", groups=["Berlin"])
    assert [row["email"] for row in info(world)] == [OWN, ANNA, "bo@example.com"]
    assert [row["email"] for row in info(world, invites=False)] == [OWN, ANNA]
    assert [row["email"] for row in info(world, role="Technician")] == ["bo@example.com"]
    assert [row["email"] for row in info(world, role="Viewer")] == [ANNA]
    assert len(info(world, system=True)) == 1004
    world.simulator.fault(kind="status", status=400, method="GET", path="/user/")
    assert len(info(world)) == 1004, "Esper can reject the filters"


def test_groups_below_those_of_a_user_are_returned_on_request(world: World) -> None:
    joined(world, role="Group Admin", groups=["Berlin"])
    world.must("device_group", {"path": "Berlin/Mitte"})
    assert info(world, email=ANNA)[0]["groups"] == ["All devices/Berlin"]
    both = ["All devices/Berlin", "All devices/Berlin/Mitte"]
    assert info(world, email=ANNA, subgroups=True)[0]["groups"] == both
    assert both in [row["groups"] for row in info(world, subgroups=True)]


def test_a_change_of_another_client_at_the_same_time_is_merged(world: World) -> None:
    row = joined(world, role="Group Admin", groups=["Berlin"])
    rivals = [{"can_factory_reset": True}]

    def interfere(method: str, path: str, body: t.Any) -> t.Any:
        if (method, path) == ("GET", f"/user/{row['id']}/") and rivals:
            body["profile"] |= rivals.pop()
            body["profile"]["role"] = "Group Admin"
        return body

    world.simulator.rewrites.append(interfere)
    run = world.must("user", {"email": ANNA, "role": "Group Viewer"})
    assert [body["can_factory_reset"] for body in bodies(run)] == [False, True]
    assert [body["role"] for body in bodies(run)] == ["Group Viewer", "Group Viewer"]
    assert "merged both changes" in run.warnings[0]


# --- users without an invitation --------------------------------------------------------------------------------------


def test_a_user_can_be_created_without_an_invitation(world: World) -> None:
    task = {"role": "Group Viewer", "groups": ["Berlin"], "onboarding": "direct", "password": "s3cret-Of-Anna"}
    run = user(world, **task, first_name="Anna", active=False)
    assert bodies(run) == [
        {
            "username": ANNA,
            "email": ANNA,
            "first_name": "Anna",
            "password": "s3cret-Of-Anna",
            "is_active": False,
            "profile": {"role": "Group Viewer", "enterprise": ENTERPRISE_ID, "groups": [group_id(world)]},
        }
    ]
    assert run.result["user"]["status"] == "inactive"
    assert info(world, email=ANNA) == [run.result["user"]]
    again = user(world, **{**task, "password": "another-Secret"})
    assert not again.changed
    refused = world.run("user", {"email": ANNA, "username": "anna"})
    assert refused.message == (
        f"Cannot change username of the user '{ANNA}', because Esper accepts it only on creation. Omit it."
    )
    assert KEY not in run.shown


# --- invalid tasks ----------------------------------------------------------------------------------------------------


_INVALID: list[tuple[Row, str]] = [
    ({}, f"Invalid parameters for the user '{ANNA}': role is required."),
    ({"role": "Group Admin"}, "groups is required for the role 'Group Admin'."),
    ({"role": "Technician"}, "groups is required for the role 'Technician' unless all_groups is true."),
    ({"role": "Technician", "groups": ["Berlin"], "all_groups": True}, "groups is set, but all_groups is true."),
    ({"role": "Viewer", "all_groups": True}, "all_groups is set, but 'Viewer' is not a custom role."),
    (
        {"role": "Enterprise User"},
        "role is 'Enterprise User', which is invalid here. Valid values: Enterprise Admin,",
    ),
    ({"role": "Support", "onboarding": "direct"}, "role is 'Support', which is invalid here."),
    (
        {"role": "Technician", "groups": ["Berlin"], "onboarding": "direct"},
        "role is the custom role 'Technician', which onboarding=direct does not support.",
    ),
    ({"role": "Tecnician"}, "The role 'Tecnician' was not found. Did you mean 'Technician'?"),
    ({"role": "Viewr"}, "The role 'Viewr' was not found. Did you mean 'Viewer'?"),
    ({"role": "Viewer", "groups": ["Berlim"]}, "The device group 'Berlim' was not found. Did you mean 'Berlin'?"),
    (
        {"role": "Viewer", "active": False},
        f"{ANNA} has no user, so active=false cannot be set. Omit active, or set state=absent.",
    ),
    ({"email": "anna", "role": "Viewer"}, "email is not a valid email address: 'anna'."),
    ({"id": "12", "email": ANNA}, "parameters are mutually exclusive: id|email"),
    (
        {"email": None, "id": "anna"},
        "Invalid ID of a user: 'anna'. It must be a number or a UUID. Set email instead.",
    ),
    ({"email": None, "id": "12"}, "The user '12' was not found."),
]


def test_an_invalid_task_fails_before_it_sends_a_change(world: World) -> None:
    """All in one tenant, which none of them changes."""
    for options, message in _INVALID:
        task = {name: value for name, value in {"email": ANNA, **options}.items() if value is not None}
        run = world.run("user", task)
        assert message in run.message, f"{options}: {run.message}"
        assert run.writes == [], options


# --- many users in one task -------------------------------------------------------------------------------------------


def tenant(world: World, **lists: list[Row]) -> Run:
    """Run tenant, and check that check mode predicts it."""
    predicted = world.must("tenant", lists, check_mode=True)
    run = world.must("tenant", lists)
    assert predicted.writes == []
    assert (predicted.result["counts"], predicted.diff) == (run.result["counts"], run.diff)
    return run


def test_groups_and_roles_are_created_before_the_users_who_have_them(world: World) -> None:
    lists = {
        "users": [{"email": ANNA, "role": "New", "groups": ["Hamburg"]}, {"email": "bo@example.com", "role": "Viewer"}],
        "roles": [{"name": "New", "scopes": ["read:device"]}],
        "device_groups": [{"path": "Hamburg"}],
    }
    run = tenant(world, **lists)
    assert run.result["counts"]["created"] == 4
    assert run.warnings == []
    invited = next(body for body in bodies(run) if body.get("email") == ANNA)["meta"]["profile"]
    assert invited["groups"] == [group_id(world, "Hamburg")]
    assert run.writes.index(f"POST {INVITE}") < len(run.writes)
    assert tenant(world, **lists).result["counts"]["unchanged"] == 4
    world.simulator.invitations(accept=[ANNA, "bo@example.com"])
    again = tenant(world, **lists)
    assert again.writes == []
    assert Counter(map(route, again.requests)) == {
        "/devicegroup/": 1,
        "/roles/": 2,
        "/scopes": 1,
        "/user/": 1,
        "/groups": 1,
    }


def route(request: Row) -> str:
    return re.findall("/[a-z]+/?", request["path"])[-1]


def test_a_role_is_deleted_after_its_users_get_another_one(world: World) -> None:
    joined(world, role="Technician", groups=["Berlin"])
    user(world, "bo@example.com", role="Technician", groups=["Berlin"])
    refused = world.run("role", {"name": "Technician", "state": "absent"})
    assert f"is in use by the user '{ANNA}'." in refused.message
    run = tenant(
        world,
        roles=[{"name": "Technician", "state": "absent"}],
        users=[{"email": ANNA, "role": "Viewer"}, {"email": "bo@example.com", "state": "absent"}],
    )
    assert [each.partition(" ")[0] for each in run.writes] == ["PUT", "DELETE", "DELETE"]
    assert "/invite/" in run.writes[1]
    assert "/roles/" in run.writes[2]
    joined(world, "carla@example.com", role="Viewer")


def test_a_role_is_kept_if_its_users_keep_it(world: World) -> None:
    joined(world, role="Technician", groups=["Berlin"])
    roles = [{"name": "Technician", "state": "absent"}]
    run = world.run("tenant", {"roles": roles, "users": [{"email": ANNA, "first_name": "Ann"}]})
    assert "is in use by the user" in run.message
    assert run.writes == []
    world.simulator.fault(kind="status", status=403, method="PUT", times=None)
    run = world.run("tenant", {"roles": roles, "users": [{"email": ANNA, "role": "Viewer"}], "on_error": "continue"})
    assert run.failed
    assert [each.partition(" ")[0] for each in run.writes] == ["PUT"]


def test_invitations_of_one_task_are_withdrawn_before_they_are_sent_again(world: World) -> None:
    emails = [f"user{number}@example.com" for number in range(8)]
    tenant(world, users=[{"email": email, "role": "Viewer"} for email in emails])
    run = tenant(world, users=[{"email": email, "role": "Enterprise Admin"} for email in emails])
    assert run.result["counts"]["updated"] == 8
    assert [row["role"] for row in info(world)][1:] == ["Enterprise Admin"] * 8
    run = world.run("tenant", {"users": [{"email": ANNA, "role": "Viewer"}, {"email": ANNA.upper(), "role": "Viewer"}]})
    assert f"users[0] and users[1] both refer to the user '{ANNA}'" in run.message


def test_two_tasks_for_one_user_in_tenant_are_an_error(world: World) -> None:
    row = joined(world)
    run = world.run("tenant", {"users": [{"email": ANNA}, {"id": row["user_id"], "role": "Viewer"}]})
    assert "both refer to the user" in run.message
