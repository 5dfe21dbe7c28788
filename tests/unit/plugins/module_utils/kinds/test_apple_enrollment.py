# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""DEP profiles, and the apps of the stores of Apple, against the simulator: what is special about them."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.times import newest_first
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

PROFILES = "/tenant/v0/depprofiles/"
BROWSER, SCANNER = "361309726", "462054704"


def respond(world: World, path: str, content: t.Any) -> None:
    """Let the next GET of a path return this content."""
    world.simulator.fault(kind="status", status=200, method="GET", path=path, body=json.dumps({"content": content}))


def queries(run: Run) -> list[tuple[str, Row]]:
    return [(each["path"], each["query"]) for each in run.requests]


# --- DEP profiles -----------------------------------------------------------------------------------------------------


def test_a_change_creates_a_profile_with_the_values_that_the_task_omits(world: World) -> None:
    first = world.must("dep_profile", {"show_setup_items": ["TOS"], "auto_advance_setup": False})
    assert first.writes == [f"POST {PROFILES}"]
    run = world.must("dep_profile", {"show_setup_items": ["TOS", "Siri"]})
    (body,) = [each["body"] for each in run.requests if each["method"] == "POST"]
    assert body == {"show_setup_items": ["TOS", "Siri"], "auto_advance_setup": False}
    assert run.warnings == []
    assert not world.must("dep_profile", {"show_setup_items": ["Siri", "TOS", "Siri"]}).changed
    found = world.must("dep_profile_info", {}).result
    assert found["dep_profile"] == run.result["dep_profile"]
    assert found["dep_profiles"] == [run.result["dep_profile"], first.result["dep_profile"]]


def test_a_profile_of_another_client_at_the_same_time_is_merged(world: World) -> None:
    world.must("dep_profile", {"show_setup_items": ["TOS"]})
    tenant = world.simulator._server._service.tenant
    rivals = [tenant.new_id()]

    def create_another(method: str, path: str, body: t.Any) -> t.Any:
        if method == "POST" and path == PROFILES and rivals:
            identifier, now = rivals.pop(), tenant.now()
            row = {**body["content"], "id": identifier, "show_setup_items": ["Zoom"], "auto_advance_setup": False}
            tenant.objects[PROFILES.rstrip("/")][identifier] = {**row, "created_at": now, "updated_at": now}
        return body

    world.simulator.rewrites.append(create_another)
    run = world.must("dep_profile", {"show_setup_items": ["Siri"]})
    assert run.warnings == [
        "Another client changed the DEP profile at the same time. The module merged both changes.",
    ]
    found = world.must("dep_profile_info", {}).result["dep_profile"]
    assert (found["show_setup_items"], found["auto_advance_setup"]) == (["Siri"], False)


def test_a_tenant_without_a_profile_gets_one_for_an_empty_list(world: World) -> None:
    assert world.must("dep_profile_info", {}).result["dep_profile"] is None
    assert not world.must("dep_profile", {}).changed
    predicted = world.must("dep_profile", {"show_setup_items": []}, check_mode=True)
    run = world.must("dep_profile", {"show_setup_items": []})
    assert (predicted.changed, run.changed, predicted.diff) == (True, True, run.diff)
    assert run.result["dep_profile"]["auto_advance_setup"] is True
    assert not world.must("dep_profile", {"show_setup_items": []}).changed


def test_the_latest_profile_is_on_the_last_page(world: World) -> None:
    for number in range(12):
        world.must("dep_profile", {"auto_advance_setup": number % 2 > 0, "show_setup_items": ["TOS"]})
    run = world.must("dep_profile", {"auto_advance_setup": True})
    assert not run.changed
    assert queries(run) == [(PROFILES, {}), (PROFILES, {"offset": "10"})]


def test_a_lost_response_creates_no_second_profile(world: World) -> None:
    world.must("dep_profile", {"show_setup_items": ["TOS"]})
    world.simulator.fault(kind="drop_after", method="POST")
    run = world.must("dep_profile", {"show_setup_items": ["Siri"]})
    assert (run.writes, run.result["dep_profile"]["show_setup_items"]) == ([f"POST {PROFILES}"], ["Siri"])
    world.simulator.fault(kind="drop_before", method="POST")
    assert world.must("dep_profile", {"show_setup_items": []}).writes == [f"POST {PROFILES}"] * 2
    assert len(world.must("dep_profile_info", {}).result["dep_profiles"]) == 3


def test_setup_items_that_the_collection_does_not_know_are_kept(world: World) -> None:
    rows = [{"id": "p1", "show_setup_items": ["Telepathy"], "auto_advance_setup": True, "updated_at": None}]
    respond(world, PROFILES, {"count": 1, "results": rows})
    assert world.must("dep_profile_info", {}).result["dep_profile"]["show_setup_items"] == ["Telepathy"]
    assert "must be one or more of: " in world.run("dep_profile", {"show_setup_items": ["Telepathy"]}).message


def test_the_newest_object_is_the_first() -> None:
    rows = [
        {"id": 1, "a": "2026-05-04T22:00:00Z", "b": "2026-05-01"},
        {"id": 2, "a": "2026-05-05T00:30:00+02:00"},
        {"id": 3, "a": "2026-05-04T22:00:00", "b": "2026-05-01T01:00:00Z"},
        {"id": 4, "a": 5},
        {"id": 5},
    ]
    assert [row["id"] for row in newest_first(rows, "a", "b")] == [2, 3, 1, 4, 5]


# --- VPP apps ---------------------------------------------------------------------------------------------------------


def test_licenses_are_filtered_and_an_unknown_app_has_none(world: World) -> None:
    everything = world.must("vpp_license_info", {}).result["vpp_licenses"]
    assert [(row["apple_app_id"], row["available"]) for row in everything] == [(BROWSER, 5), (SCANNER, 40)]
    assert world.must("vpp_license_info", {"available_below": 40}).result["vpp_licenses"] == everything[:1]
    assert world.must("vpp_license_info", {"apple_app_id": SCANNER}).result["vpp_licenses"] == everything[1:]
    assert world.must("vpp_license_info", {"apple_app_id": 999}).result["vpp_licenses"] == []
    world.simulator.fault(kind="status", status=404, method="GET", path="/apps/v0/vpp/")
    assert world.must("vpp_license_info", {"apple_app_id": SCANNER}).result["vpp_licenses"] == []
    assert world.run("vpp_license_info", {"apple_app_id": "../x"}).message == (
        "Invalid apple_app_id: '../x' is not a number. It is in the link to the app."
    )


def test_an_app_is_found_by_either_id(world: World) -> None:
    app = world.must("vpp_app_info", {"apple_app_id": BROWSER, "country_code": "de"})
    (row,) = app.result["vpp_apps"]
    assert queries(app) == [("/v2/itunesapps", {"apple_app_id": BROWSER, "country_code": "de"})]
    assert "licenses" not in row
    found = world.must("vpp_app_info", {"id": row["id"], "licenses": True})
    assert found.result["vpp_apps"] == [{**row, "licenses": {"total": 100, "assigned": 95, "available": 5}}]
    assert [path for path, _query in queries(found)] == ["/v2/itunesapps", f"/apps/v0/vpp/{BROWSER}"]
    assert world.must("vpp_app_info", {"apple_app_id": "999"}).result["vpp_apps"] == []
    world.simulator.fault(kind="status", status=404, method="GET")
    assert world.must("vpp_app_info", {"apple_app_id": BROWSER}).result["vpp_apps"] == []


def test_all_apps_are_those_with_licenses(world: World) -> None:
    run = world.must("vpp_app_info", {"licenses": True})
    assert [(row["apple_app_id"], row["licenses"]["available"]) for row in run.result["vpp_apps"]] == [
        (BROWSER, 5),
        (SCANNER, 40),
    ]
    assert len(run.requests) == 3
    assert world.run("vpp_app_info", {"version_id": row_id()}).message == "version_id requires apple_app_id or id."
    assert "is not a UUID" in world.run("vpp_app_info", {"id": f" {row_id()}"}).message
    assert "'Germany' is not a two-letter" in world.run("vpp_app_info", {"country_code": "Germany"}).message


def test_an_app_without_the_id_of_apple_has_no_licenses(world: World) -> None:
    respond(world, "/v2/itunesapps", {"count": 1, "results": [{"app_id": row_id()}]})
    run = world.must("vpp_app_info", {"id": row_id(), "licenses": True})
    assert [row["licenses"] for row in run.result["vpp_apps"]] == [None]


def row_id() -> str:
    return "7d0e9c2b-5a41-4b8f-9c63-0e1f2a3b4c5d"


def test_only_another_version_is_a_change(world: World) -> None:
    options = {"apple_app_id": BROWSER, "refresh": True}
    predicted = world.must("vpp_app", options, check_mode=True)
    assert (predicted.changed, predicted.writes, predicted.diff) == (False, [], [])
    runs = [world.must("vpp_app", options) for _number in range(3)]
    assert [run.changed for run in runs] == [False, True, False]
    assert [run.result["vpp_app"]["version"] for run in runs] == ["1.0", "2.0", "2.0"]
    (diff,) = runs[1].diff
    assert (diff["before"]["version"], diff["after"]["version"]) == ("1.0", "2.0")
    identifier = runs[0].result["vpp_app"]["id"]
    assert runs[0].writes == [f"POST /v2/itunesapps/{identifier}/refresh-version"]
    respond_to_post = json.dumps({"content": {"message": "Later"}})
    world.simulator.fault(kind="status", status=200, method="POST", body=respond_to_post)
    failed = world.run("vpp_app", options)
    assert "Refreshing the VPP app 'Example Browser' failed" in failed.message
    assert not failed.changed


def test_the_preferred_region_is_sent_in_each_run(world: World) -> None:
    options = {"id": world.must("vpp_app_info", {"apple_app_id": SCANNER}).result["vpp_apps"][0]["id"]}
    assert world.must("vpp_app", options).changed is False
    for _run in range(2):
        assert world.must("vpp_app", {**options, "preferred_region": "DE"}, check_mode=True).writes == []
        run = world.must("vpp_app", {**options, "preferred_region": "DE"})
        assert (run.changed, run.writes) == (True, [f"PUT /v2/itunesapps/{SCANNER}/preferred-region"])
        assert run.requests[-1]["body"] == {"preferred_region": "DE"}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, "one of the following is required: apple_app_id, id"),
        ({"apple_app_id": "app"}, "Invalid apple_app_id: 'app' is not a number."),
        ({"apple_app_id": BROWSER, "preferred_region": "DEU"}, "Invalid preferred_region: 'DEU'"),
        ({"apple_app_id": "999"}, "The VPP app '999' was not found."),
        ({"id": BROWSER}, f"Invalid id: '{BROWSER}' is not a UUID. For the ID at Apple, set apple_app_id."),
        ({"apple_app_id": " "}, "apple_app_id is empty"),
    ],
    ids=str,
)
def test_an_app_that_does_not_exist_is_an_error(world: World, options: Row, error: str) -> None:
    run = world.run("vpp_app", options)
    assert error in run.message
    assert run.writes == []


# --- the stores -------------------------------------------------------------------------------------------------------


def test_the_store_is_searched_by_title_and_filtered_by_bundle_id(world: World) -> None:
    run = world.must("app_store_info", {"title": "scanner"})
    assert [row["bundle_id"] for row in run.result["apps"]] == ["com.example.scanner", "com.example.scanner.pro"]
    assert run.result["apps"][0]["size"] == 52428800
    one = world.must("app_store_info", {"title": "scanner", "bundle_id": "com.example.scanner.pro"})
    assert [row["name"] for row in one.result["apps"]] == ["Example Scanner Pro"]
    assert "title is empty" in world.run("app_store_info", {"title": ""}).message


def test_the_catalog_has_apps_of_all_types_and_their_codes_in_both_formats(world: World) -> None:
    run = world.must("app_catalog_info", {})
    assert run.requests[0]["query"]["legacy_format"] == "false"
    rows = run.result["apps"]
    assert {row["app_type"] for row in rows} == {"TENANT_IOS"}
    assert ("com.example.catalogue", "1.1", "11") in {
        (row["package_name"], row["version_name"], row["version_code"]) for row in rows
    }
    found = world.must("app_catalog_info", {"search": "guide", "app_type": "TENANT_IOS", "ordering": "created_at"})
    assert [row["name"] for row in found.result["apps"]] == ["Guide"]
    legacy = {"app_id": "a1", "app_version_id": None, "app_type": "WEBCLIP", "build_number": "7"}
    respond(world, "/v2/apps", {"count": 1, "results": [legacy]})
    assert world.must("app_catalog_info", {}).result["apps"][0]["version_code"] == "7"
    respond(world, "/v2/apps", {"count": 0, "results": None})
    assert world.must("app_catalog_info", {}).result["apps"] == []
