# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fixture `api` holds every answer against the contract: these tests make it see all of them."""

from __future__ import annotations

from typing import Any

import pytest
from caller import Api

MISSING = "0b1e7f3c-0000-4000-8000-000000000001"
LISTS = (
    "{e}/devicegroup/",
    "{e}/tags/",
    "{e}/policy/",
    "/v0{e}/content/",
    "{e}/application/",
    "/v1{e}/application/",
    "/user/",
    "/v2/devices/",
    "/v2/blueprints/",
)


def results(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body.get("content", body)["results"]
    return found


@pytest.mark.parametrize("path", [path for path in LISTS if path != "/user/"])
def test_pages_of_a_list_add_up(api: Api, path: str) -> None:
    every = results(api.get(path, limit=500))
    assert [
        item["id"] for offset in range(0, len(every), 7) for item in results(api.get(path, limit=7, offset=offset))
    ] == [item["id"] for item in every]
    assert results(api.get(path, offset=len(every))) == []


@pytest.mark.parametrize(
    ("path", "item"),
    [
        ("{e}/devicegroup/", "{e}/devicegroup/{id}/"),
        ("{e}/tags/", "{e}/tags/{id}/"),
        ("{e}/policy/", "{e}/policy/{id}/"),
        ("/v0{e}/content/", "/v0{e}/content/{id}/"),
        ("{e}/application/", "{e}/application/{id}/"),
        ("/v1{e}/application/", "/v1{e}/application/{id}/"),
        ("/user/", "/user/{id}/"),
        ("/v2/devices/", "/v2/devices/{id}"),
        ("/v2/devices/", "{e}/device/{id}/"),
        ("/v2/blueprints/", "/v2/blueprints/{id}/"),
    ],
)
def test_each_item_of_a_list_can_be_read_by_its_id(api: Api, path: str, item: str) -> None:
    for listed in results(api.get(path, limit=500)):
        body = api.get(item.replace("{id}", str(listed["id"])))
        assert body.get("content", body)["id"] == listed["id"]


@pytest.mark.parametrize("path", ["{e}/devicegroup/", "{e}/tags/"])
def test_a_legacy_list_never_has_more_than_500_a_page(api: Api, path: str) -> None:
    api.simulator.reset(groups=600, tags=600, devices=0)
    body = api.get(path, limit=1000)
    assert len(body["results"]) == 500
    assert body["next"].endswith("limit=500&offset=500")


@pytest.mark.parametrize("path", [path for path in LISTS if path != "/user/"])
def test_links_lead_to_another_host(api: Api, path: str) -> None:
    body = api.get(path, limit=1)
    assert body.get("content", body)["next"].startswith("http://tenant.invalid/api/")


def test_the_key_finds_its_enterprise(api: Api) -> None:
    token, user = api.get("/v1/token-info/"), api.get("/user_info/")
    assert token["enterprise"] == api.simulator.enterprise_id
    assert api.simulator.enterprise_id in user["profile"]["enterprise"]
    assert token["token"] == user["token"] == api.simulator.key


@pytest.mark.parametrize("path", ["{e}/devicegroup/", "/v1/token-info/", "/v2/devices/", "/v2/blueprints/"])
def test_a_wrong_key_is_401_in_the_shape_of_the_family(api: Api, path: str) -> None:
    assert api("GET", path, key="wrong").status == 401


@pytest.mark.parametrize(
    "path",
    [
        f"/enterprise/{MISSING}/devicegroup/",
        f"{{e}}/devicegroup/{MISSING}/",
        f"{{e}}/tags/{MISSING}/",
        "{e}/policy/99/",
        "/v0{e}/content/99/",
        f"{{e}}/application/{MISSING}/",
        f"/v1{{e}}/application/{MISSING}/version/",
        f"/v2/blueprints/{MISSING}/versions/",
        f"{{e}}/device/{MISSING}/",
        "/user/99/",
        f"/v2/devices/{MISSING}",
        f"/v2/blueprints/{MISSING}/",
        f"/device/v0/devices/{MISSING}/",
        f"/device/v0/devices/{MISSING}/devicestate",
        f"/v2/devices/{MISSING}/device-apps/",
        f"{{e}}/device/{MISSING}/app/",
        f"{{e}}/device/{MISSING}/status/?latest_event=1",
        f"{{e}}/device/{MISSING}/event-feed/",
        f"/commands/v0/commands/{MISSING}/",
        f"/commands/v0/commands/{MISSING}/stats/",
        f"/commands/v0/status/{MISSING}/",
        f"/v2/converge/{MISSING}",
        f"/v2/converge/{MISSING}/commands",
        f"/v0/operations/{MISSING}/",
        f"/v0/operations/{MISSING}/devices/",
        f"/v0/operations/{MISSING}/devices/{MISSING}/",
        f"/v0/devices/{MISSING}/operations/",
    ],
)
def test_what_does_not_exist_is_404(api: Api, path: str) -> None:
    assert api("GET", path).status == 404


def test_the_404_of_the_legacy_family_is_as_seen_live(api: Api) -> None:
    assert api("GET", f"{{e}}/devicegroup/{MISSING}/").body == {
        "errors": ["detail: Not found."],
        "message": "detail: Not found. ",
        "status": 404,
    }


def test_flaws_are_400_with_one_error_each(api: Api) -> None:
    answer = api("POST", "{e}/devicegroup/", {"parent": "x"})
    assert answer.status == 400
    assert sorted(answer.body["errors"]) == ["name: This field is required.", "parent: Must be a valid uuid."]


@pytest.mark.parametrize("query", [{"limit": 0}, {"offset": -1}, {"limit": "x"}, {"page": 2}])
@pytest.mark.parametrize("path", [*LISTS, "/commands/v0/commands/", "/v2/converge", "/v0/operations/"])
def test_a_query_out_of_bounds_is_400(api: Api, path: str, query: dict[str, Any]) -> None:
    assert api("GET", path, **query).status == 400


def test_an_unsupported_operation_is_501_with_the_reason(api: Api) -> None:
    answer = api("PUT", f"/v2/devices/{MISSING}/devicestate", {})
    assert answer.status == 501
    assert "PUT /v2/devices/{id}/devicestate: It is for devices" in answer.body["message"]


def test_a_missing_slash_is_301_on_get_only(api: Api) -> None:
    assert api.plain("GET", "/v2/devices").headers["Location"] == "/api/v2/devices/"
    path = f"/enterprise/{api.simulator.enterprise_id}/devicegroup"
    assert api.plain("POST", path, {"name": "x"}).status == 404
    assert api.plain("GET", "/v2/subgroups/").status == 404


def test_an_unknown_method_is_405(api: Api) -> None:
    assert api.plain("DELETE", "/v2/devices/").status == 405


def test_blueprints_are_found_by_name(api: Api) -> None:
    def names(**query: object) -> list[object]:
        return [item["name"] for item in results(api.get("/v2/blueprints/", **query))]

    assert names(name="RETAIL k") == ["Retail Kiosk", "retail kiosk"]
    assert names(name_exact="retail kiosk") == ["retail kiosk"]
    assert names(ordering="-name") == sorted(names(), key=str, reverse=True)
    app_id = "6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a001"
    assert names(settings__android__app_id=app_id) == ["Retail Kiosk"]
    assert names(settings__ios__app_id=app_id) == []
