# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Google enrollment, Play apps, web tokens and the service account against the simulator: what is special."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

CALLBACK = "https://it.example.com/google"
PLAY = {"package_name": "com.example.timeclock"}
PAGE = {"parent_url": "https://portal.example.com"}
ACCOUNT = {"key_id": "4f1c0d9e2b", "type": 1, "data": "private-key-of-google", "public_data": "MIIC"}


def enroll(world: World, **options: t.Any) -> Run:
    return world.run("google_enterprise", options)


def start(world: World, *, check_mode: bool = False, **options: t.Any) -> Run:
    args = {"state": "started", "callback_url": CALLBACK, **options}
    return world.run("google_enterprise", args, check_mode=check_mode)


def bind(world: World) -> None:
    """Enroll the tenant, with a person who signs up."""
    start(world)
    assert enroll(world, enterprise_token=world.simulator.sign_up()).changed


# --- enrollment -------------------------------------------------------------------------------------------------------


def test_the_tenant_is_enrolled_in_two_steps(world: World) -> None:
    predicted, started = start(world, check_mode=True), start(world)
    assert predicted.writes == []
    assert (predicted.changed, predicted.diff) == (started.changed, started.diff) == (True, started.diff)
    assert predicted.result["signup_url"] is None
    assert started.result["signup_url"].startswith("https://play.google.com/work/signup")
    again = start(world)
    assert (again.changed, again.writes) == (False, [])
    assert again.result["signup_url"] == started.result["signup_url"]
    details = world.must("google_enterprise_info", {}).result
    assert details["google_enterprise"]["signup_pending"] is True
    token = world.simulator.sign_up()
    check = world.run("google_enterprise", {"enterprise_token": token}, check_mode=True)
    assert check.writes == []
    completed = enroll(world, enterprise_token=token)
    assert (check.changed, check.diff) == (completed.changed, completed.diff) == (True, completed.diff)
    assert completed.writes == ["POST /v2/emm/enrollment/complete/"]
    record = completed.result["google_enterprise"]
    assert (record["enrolled"], record["signup_pending"], record["state_code"]) == (True, False, 2)
    for unchanged in (enroll(world), enroll(world, enterprise_token="another"), start(world, force=True)):
        assert (unchanged.changed, unchanged.writes) == (False, [])
    shown = "".join(run.shown for run in (check, completed))
    assert token not in shown


def test_a_secret_is_never_shown(world: World) -> None:
    started = start(world)
    url = str(started.result.pop("signup_url"))
    enroll(world, enterprise_token=world.simulator.sign_up())
    runs = [started, enroll(world), world.must("google_enterprise_info", {})]
    issued = list(world.simulator.state()["issued"])
    assert url in issued
    assert not [secret for run in runs for secret in issued if secret in run.shown]


def test_another_callback_or_force_starts_another_sign_up(world: World) -> None:
    first = start(world).result["signup_url"]
    other = start(world, callback_url=f"{CALLBACK}/2")
    forced = start(world, callback_url=f"{CALLBACK}/2", force=True)
    assert other.changed
    assert forced.changed
    assert len({str(url) for url in (first, other.result["signup_url"], forced.result["signup_url"])}) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "enterprise_token is required"),
        ({"enterprise_token": ""}, "enterprise_token is required"),
        ({"enterprise_token": "token"}, "No Google sign-up is pending."),
        ({"enterprise_token": "token", "completion_token": "unknown"}, "Esper does not know the completion token."),
        ({"state": "started", "callback_url": "http://a.example.com"}, "callback_url is not a URL that starts with"),
        ({"state": "started", "callback_url": ""}, "callback_url must not be empty"),
        ({"state": "started", "callback_url": CALLBACK, "enterprise_token": "x"}, "enterprise_token is not allowed"),
        ({"state": "recorded", "google_enterprise_id": "LC0"}, "state_code"),
    ],
)
def test_a_wrong_task_fails(world: World, options: Row, message: str) -> None:
    run = enroll(world, **options)
    assert run.failed
    assert message in run.message
    assert not run.changed


def test_a_wrong_token_fails_and_the_sign_up_stays(world: World) -> None:
    start(world)
    token = world.simulator.sign_up()
    run = enroll(world, enterprise_token="wrong-token-of-google")
    assert "Invalid enterprise token" in run.message
    assert "wrong-token-of-google" not in run.shown
    assert enroll(world, enterprise_token=token).changed


@pytest.mark.parametrize(("kind", "is_enrolled"), [("drop_after", True), ("drop_before", False)])
def test_a_completion_is_sent_once(world: World, kind: str, is_enrolled: bool) -> None:
    start(world)
    token = world.simulator.sign_up()
    world.simulator.fault(kind=kind, method="POST")
    run = enroll(world, enterprise_token=token)
    assert len(run.writes) == 1
    assert run.failed is not is_enrolled
    assert run.changed or "check the enrollment in the Esper Console" in run.message


def test_a_lost_completion_without_details_is_explained(world: World) -> None:
    start(world)
    token = world.simulator.sign_up()
    world.simulator.fault(kind="drop_after", method="POST")
    world.simulator.fault(kind="status", status=403, method="GET", path="/details/", after=1)
    run = enroll(world, enterprise_token=token)
    assert run.message.startswith("Completing the Google sign-up failed: ")
    assert "The module cannot read the enrollment. Google accepts a token only once" in run.message
    assert len(run.writes) == 1
    assert enroll(world).result["google_enterprise"]["enrolled"] is True


@pytest.mark.parametrize("status", [400, 404, 409])
def test_a_completion_of_another_client_counts(world: World, status: int) -> None:
    start(world)
    token = world.simulator.sign_up()
    world.simulator.fault(kind="status", status=status, method="POST", path="/complete/", processed=True)
    run = enroll(world, enterprise_token=token)
    assert (run.changed, len(run.writes)) == (True, 1)
    assert run.result["google_enterprise"]["enrolled"] is True


def test_whitespace_around_tokens_and_ids_is_ignored(world: World) -> None:
    start(world)
    token = world.simulator.sign_up()
    quoted = '{"errors": ["Invalid token wrong-token-of-google."]}'
    world.simulator.fault(kind="status", status=400, path="/complete/", body=quoted)
    wrong = enroll(world, enterprise_token=" wrong-token-of-google\n")
    assert wrong.message.endswith("returned HTTP 400: Invalid token ********.")
    assert "wrong-token-of-google" not in wrong.shown
    assert enroll(world, enterprise_token=f" {token}\n", completion_token=" ").changed
    issued = world.must("google_web_token", {"parent_url": f" {PAGE['parent_url']} "})
    assert [each["body"]["parent_url"] for each in issued.requests if each["method"] == "POST"] == [PAGE["parent_url"]]
    added = world.must("google_service_account", {**ACCOUNT, "key_id": f" {ACCOUNT['key_id']} "})
    assert added.result["google_service_account"]["key_id"] == ACCOUNT["key_id"]
    assert not world.must("google_service_account", ACCOUNT).changed


def test_a_private_key_in_an_error_is_masked(world: World) -> None:
    bind(world)
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----"
    quoted = json.dumps({"errors": [f"Invalid key {key}"]})
    world.simulator.fault(kind="status", status=400, method="POST", path="/accounts/", body=quoted)
    run = world.run("google_service_account", {**ACCOUNT, "data": f"{key}\n"})
    assert run.message.endswith("returned HTTP 400: Invalid key ********.")
    assert "MIIEvQIBADANBg" not in run.shown


def test_a_start_is_repeated(world: World) -> None:
    world.simulator.fault(kind="drop_after", method="POST")
    run = start(world)
    assert (run.changed, len(run.writes)) == (True, 2)


def test_another_recorded_enrollment_is_an_error(world: World) -> None:
    bind(world)
    secrets = {
        "signup_url": "https://play.google.com/1",
        "completion_token": "c-token-1",
        "enterprise_token": "e-token-1",
    }
    options = {"state": "recorded", "state_code": 2, "callback_url": CALLBACK, **secrets}
    same = enroll(world, **options, google_enterprise_id="LC02k9x4pz")
    other = enroll(world, **options, google_enterprise_id="LC0other")
    assert (same.changed, same.writes) == (False, [])
    assert "'LC0other' cannot be recorded" in other.message
    assert other.writes == []


def test_what_a_tenant_lacks_is_null_with_a_warning(world: World) -> None:
    world.simulator.fault(kind="status", status=404, path="/v2/emm/accounts/", times=None)
    run = world.must("google_enterprise_info", {})
    assert run.result["service_account"] is None
    assert run.result["google_bindings"] == []
    assert run.result["google_enterprise"]["enrolled"] is False
    assert "HTTP 404" in run.warnings[0]
    world.simulator.fault(kind="status", status=403, path="emm", times=None)
    assert world.run("google_enterprise_info", {}).failed


# --- objects of an enrolled tenant ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "options"), [("google_play_app", PLAY), ("google_web_token", PAGE)])
@pytest.mark.parametrize("is_pending", [False, True])
def test_a_tenant_without_google(world: World, module: str, options: Row, is_pending: bool) -> None:
    if is_pending:
        start(world)
    run = world.run(module, options)
    assert run.message.startswith("The tenant is not enrolled with Google yet.")
    assert run.writes == []
    assert not world.must(module, {**options, "state": "absent"}).changed
    assert world.must(f"{module}_info", {}).result[f"{module}s"] == []
    assert world.must(f"{module}_info", options).result[f"{module}s"] == []


def test_esper_says_that_the_tenant_is_not_enrolled(world: World) -> None:
    bind(world)
    world.simulator.fault(
        kind="status", status=400, path="/product/", body='{"message": "Enterprise not enrolled into EMM."}', times=None
    )
    for run in (world.run("google_play_app", PLAY), world.run("google_play_app_info", {})):
        assert "The tenant is not enrolled with Google yet." in run.message


def _with_second_binding(method: str, path: str, body: t.Any) -> t.Any:
    if not path.endswith("/emm"):
        return body
    (row,) = body["results"]
    other = {**row, "id": 9999, "google_enterprise_id": "LC0other", "name": "Other Stores"}
    return {**body, "count": 2, "results": [other, row]}


@pytest.mark.parametrize("state", ["present", "unapproved"])
def test_an_enterprise_without_valid_id_is_an_error(world: World, state: str) -> None:
    bind(world)

    def change(_method: str, path: str, body: Row) -> Row:
        for row in body["results"] if path.endswith("/emm") else ():
            row["id"] = "../x"
        return body

    world.simulator.rewrites.append(change)
    run = world.run("google_play_app", {**PLAY, "state": state})
    assert run.message == "Esper returned no valid ID of the Google enterprise."
    assert run.writes == []


def test_a_task_selects_one_of_several_enterprises(world: World) -> None:
    bind(world)
    world.simulator.rewrites.append(_with_second_binding)
    run = world.run("google_play_app", PLAY)
    assert run.result["candidates"] == ["LC02k9x4pz Example Stores", "LC0other Other Stores"]
    bindings = world.must("google_enterprise_info", {}).result["google_bindings"]
    number = next(each["id"] for each in bindings if each["name"] == "Example Stores")
    for name in ("LC02k9x4pz", "Example Stores", number):
        assert world.must("google_play_app_info", {"google_enterprise": name}).result["google_play_apps"]
    unknown = world.run("google_play_app", {**PLAY, "google_enterprise": "Example Store"})
    assert "Did you mean 'Example Stores'?" in unknown.message
    items = [{**PLAY, "google_enterprise": "LC02k9x4pz"}, {"package_name": "b.c", "google_enterprise": "LC0other"}]
    mixed = world.run("tenant", {"google_play_apps": items})
    assert "must have the same google_enterprise" in mixed.message
    assert mixed.writes == []


# --- Play apps --------------------------------------------------------------------------------------------------------


def test_a_play_app_is_approved_with_its_google_id(world: World) -> None:
    bind(world)
    run = world.must("google_play_app", {**PLAY, "min_sdk_version": 26})
    (body,) = [each["body"] for each in run.requests if each["method"] == "POST"]
    record = run.result["google_play_app"]
    assert body == {
        "package_name": "com.example.timeclock",
        "google_product_id": "app:com.example.timeclock",
        "google_enterprise": record["google_enterprise"],
        "min_sdk_version": "26",
    }
    assert record["min_sdk_version"] == 26
    update = world.must("google_play_app", {"id": record["id"], "min_sdk_version": 28})
    assert [each["body"] for each in update.requests if each["method"] == "PATCH"] == [{"min_sdk_version": 28}]
    moved = world.run("google_play_app", {"id": record["id"], "package_name": "com.example.other"})
    assert "Cannot change package_name" in moved.message


@pytest.mark.parametrize(
    "fault", [{}, {"kind": "status", "status": 404, "method": "PUT"}, {"kind": "drop_after", "method": "PUT"}]
)
def test_the_approval_of_a_play_app_is_removed(world: World, fault: Row) -> None:
    bind(world)
    world.must("google_play_app", PLAY)
    task = {**PLAY, "state": "unapproved"}
    predicted = world.must("google_play_app", task, check_mode=True)
    if fault:
        world.simulator.fault(processed=True, **fault)
    run = world.must("google_play_app", task)
    assert predicted.writes == []
    assert (predicted.changed, predicted.diff) == (run.changed, run.diff) == (True, run.diff)
    assert {write.split(" ")[0] for write in run.writes} == {"PUT"}
    assert "google_play_app" not in run.result
    again = world.must("google_play_app", task)
    assert (again.changed, again.writes) == (False, [])


def test_tenant_removes_the_approval_with_the_deletions(world: World) -> None:
    bind(world)
    world.must("tenant", {"google_play_apps": [PLAY]})
    new = {"package_name": "com.example.new"}
    run = world.must("tenant", {"google_play_apps": [{**PLAY, "state": "unapproved"}, new]})
    assert [write.split(" ")[0] for write in run.writes] == ["POST", "PUT"]
    assert [each["action"] for each in run.result["objects"]] == ["deleted", "created"]


@pytest.mark.parametrize("state", ["unapproved", "absent"])
def test_a_play_app_in_a_blueprint_needs_force(world: World, state: str) -> None:
    bind(world)
    android = {"apps": [{"package_name": "com.android.chrome", "version_name": "latest"}]}
    world.must("blueprint", {"name": "Tablets", "settings": {"android": android}, "publish": True})
    task = {"package_name": "com.android.chrome", "state": state}
    refused = world.run("google_play_app", task)
    assert "is in use by the blueprint 'Tablets' (published version)" in refused.message
    assert refused.writes == []
    assert world.must("google_play_app", {**task, "force": True}).changed


def test_tenant_deletes_a_play_app_after_the_change_of_its_blueprint(world: World) -> None:
    bind(world)
    apps = [{"package_name": "com.android.chrome", "version_name": "latest"}]
    world.must("blueprint", {"name": "Tablets", "settings": {"android": {"apps": apps}}, "publish": True})
    delete = {"package_name": "com.android.chrome", "state": "unapproved"}
    clear = {"name": "Tablets", "settings": {"android": {"apps": []}}, "exact": True, "publish": True}
    run = world.must("tenant", {"google_play_apps": [delete], "blueprints": [clear]})
    assert run.writes[0].split("/")[1:3] == ["v2", "blueprints"]
    assert run.writes[-1].startswith("PUT /v0/enterprise/")


def test_a_blueprint_of_the_same_task_cannot_use_a_new_play_app(world: World) -> None:
    bind(world)
    apps = [{"package_name": "com.example.new", "version_name": "latest", "type": "PLAYSTORE"}]
    blueprint = {"name": "Tablets", "settings": {"android": {"apps": apps}}}
    run = world.run("tenant", {"google_play_apps": [{"package_name": "com.example.new"}], "blueprints": [blueprint]})
    assert run.message.endswith("Approve it with esper.cloud.google_play_app in an earlier task.")
    assert run.writes == []


def test_an_update_that_deletes_the_app_is_an_error(world: World) -> None:
    """Esper can return HTTP 204 for PATCH, which means that the app is deleted."""
    bind(world)
    app = world.must("google_play_app", PLAY).result["google_play_app"]
    world.simulator.fault(kind="status", status=204, method="PATCH", body="")
    world.simulator.fault(kind="status", status=404, method="GET", path=f"/product/{app['id']}")
    run = world.run("google_play_app", {**PLAY, "active": False})
    assert "Esper deleted the Play app 'com.example.timeclock' instead of changing it." in run.message
    assert run.changed
    # If the app still exists, the update had no effect.
    world.simulator.fault(kind="status", status=204, method="PATCH", body="")
    assert "HTTP 204 without the object" in world.run("google_play_app", {**PLAY, "active": False}).message


def test_the_installations_of_a_play_app(world: World) -> None:
    bind(world)
    world.must("google_play_app", PLAY)
    everything = world.must("google_play_app_info", {**PLAY, "installs": True}).result["google_play_apps"]
    failed = world.must("google_play_app_info", {**PLAY, "installs": True, "install_state": "FAILED"})
    assert {each["state"] for each in everything[0]["installs"]} == {"INSTALLED", "FAILED"}
    assert [each["state"] for each in failed.result["google_play_apps"][0]["installs"]] == ["FAILED"]
    assert failed.result["google_play_apps"][0]["installs"][0]["reason"] == "Not enough storage"
    alone = world.run("google_play_app_info", {**PLAY, "install_state": "FAILED"})
    assert "Set installs to true." in alone.message


# --- web tokens -------------------------------------------------------------------------------------------------------


def test_a_web_token_is_issued_and_shown_in_the_result_only(world: World) -> None:
    bind(world)
    check = world.must("google_web_token", PAGE, check_mode=True)
    assert (check.changed, check.writes, check.result["token"]) == (True, [], None)
    run = world.must("google_web_token", PAGE)
    assert (run.changed, run.diff) == (True, check.diff)
    assert run.writes == ["POST /v2/emm/web-token/"]
    token = run.result.pop("token")
    assert token.startswith("web-")
    assert token not in run.shown
    assert world.must("google_web_token_info", {}).result["google_web_tokens"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parent_url": "http://portal.example.com"}, "starts with https://"),
        ({**PAGE, "active": True}, "active requires state=present"),
        ({**PAGE, "token": "x"}, "token requires state=present"),
        ({"id": 3}, "parent_url"),
    ],
)
def test_a_wrong_request_for_a_web_token_fails(world: World, options: Row, message: str) -> None:
    bind(world)
    run = world.run("google_web_token", options)
    assert run.failed
    assert message in run.message
    assert run.writes == []


def test_a_stored_web_token_gets_another_page(world: World) -> None:
    bind(world)
    stored = world.must("google_web_token", {**PAGE, "state": "present"}).result["google_web_token"]
    task = {"id": stored["id"], "parent_url": "https://other.example.com", "state": "present"}
    run = world.must("google_web_token", task)
    assert [each["body"] for each in run.requests if each["method"] == "PATCH"] == [
        {"parent_url": "https://other.example.com"}
    ]


# --- service account --------------------------------------------------------------------------------------------------


def test_the_service_account_is_added_once(world: World) -> None:
    bind(world)
    check = world.must("google_service_account", ACCOUNT, check_mode=True)
    world.simulator.fault(kind="drop_after", method="POST")
    run = world.must("google_service_account", ACCOUNT)
    assert (check.writes, check.changed, check.diff) == ([], run.changed, run.diff)
    assert len(run.writes) == 1
    again = world.must("google_service_account", {**ACCOUNT, "data": "another-private-key"})
    assert (again.changed, again.writes) == (False, [])
    other = world.run("google_service_account", {**ACCOUNT, "key_id": "other"})
    assert "Esper cannot change it to 'other'." in other.message
    info = world.must("google_enterprise_info", {})
    assert info.result["service_account"]["key_id"] == ACCOUNT["key_id"]
    assert not [each for each in (check, run, again, other, info) if ACCOUNT["data"] in each.shown]


def test_the_service_account_needs_an_enterprise(world: World) -> None:
    assert "not enrolled with Google yet" in world.run("google_service_account", ACCOUNT).message
    run = world.must("google_service_account", {**ACCOUNT, "google_enterprise_id": "LC0mine"})
    assert run.result["google_service_account"]["google_enterprise_id"] == "LC0mine"
    blank = world.run("google_service_account", {**ACCOUNT, "data": " "})
    assert "data must not be empty" in blank.message
