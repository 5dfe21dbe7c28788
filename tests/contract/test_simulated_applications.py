# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from apk import Manifest, made
from caller import Answer, Api, request

APPS, V1, UPLOAD = "{e}/application/", "/v1{e}/application/", "{e}/application/upload/"
NEW = Manifest("com.example.new", "1.0.0", 100, "New")
App = dict[str, Any]

families = pytest.mark.parametrize("apps", [APPS, V1])


def named(api: Api, package: str, apps: str = V1) -> App:
    (app,) = api.get(apps, package_name_exact=package)["results"]
    return dict(app)


def version_paths(api: Api, apps: str, app: App) -> list[str]:
    """The paths of the versions of an app, the newest first."""
    path = f"{apps}{app['id']}/version/"
    return [f"{path}{version['id']}/" for version in api.get(path)["results"]]


def upload(api: Api, manifest: Manifest, padding: int = 0) -> Answer:
    return api.upload(UPLOAD, app_file=("app.apk", made(manifest, padding)))


def test_an_app_comes_and_goes(api: Api) -> None:
    answer = upload(api, NEW)
    assert answer.status == 201
    app = answer.body["application"]
    (version,) = app["versions"]
    assert (app["application_name"], app["package_name"]) == ("New", "com.example.new")
    # The names are crossed: version_code is the name.
    assert (version["version_code"], version["build_number"]) == ("1.0.0", "100")
    assert version["hash_string"] == sha256(made(NEW)).hexdigest()
    assert request("GET", version["download_url"]).raw == made(NEW)
    assert api.get(f"{APPS}{app['id']}/") == app
    assert named(api, "com.example.new")["latest_version"]["id"] == version["id"]
    assert api("DELETE", f"{APPS}{app['id']}/").status == 204
    assert request("GET", version["download_url"]).status == 404
    for apps in (APPS, V1):
        assert api("GET", f"{apps}{app['id']}/").status == api("DELETE", f"{apps}{app['id']}/").status == 404


def test_another_version_comes_first(api: Api) -> None:
    upload(api, NEW)
    for name, code in (("1.1.0", 110), ("1.0.1", 101)):
        app = upload(api, Manifest("com.example.new", name, code, "Other")).body["application"]
    assert [version["build_number"] for version in app["versions"]] == ["101", "110", "100"]
    assert app["application_name"] == "New"
    assert named(api, "com.example.new")["latest_version"]["build_number"] == "101"


def test_the_same_version_again_is_rejected(api: Api) -> None:
    upload(api, NEW)
    for again in (NEW, Manifest("com.example.new", "other", 100)):
        answer = upload(api, again)
        assert answer.status == 400
        assert answer.body["errors"] == ["App Upload failed as this version already exists"]
    assert upload(api, Manifest("com.example.new", "1.0.0", 101)).status == 201
    assert upload(api, Manifest("com.android.chrome", "1", 1)).status == 201


@pytest.mark.parametrize(
    ("part", "error"),
    [
        (("app.apk", b""), "app_file: The submitted file is empty."),
        (("app.apk", b"PK nonsense"), "app_file: The package could not be read."),
        (b"PK", "app_file: The submitted data was not a file. Check the encoding type on the form."),
    ],
)
def test_a_flawed_upload_is_rejected(api: Api, part: Any, error: str) -> None:
    before = api.simulator.state()["applications"]
    answer = api.upload(UPLOAD, app_file=part)
    assert (answer.status, answer.body["errors"]) == (400, [error])
    assert api.simulator.state()["applications"] == before


def test_a_package_may_be_known_by_its_name(api: Api) -> None:
    for data in (b"PK nonsense", bytes(1024**2 + 1)):
        api.simulator.reset()
        app = api.upload(UPLOAD, app_file=("com.example.new-2.0-rc.1-200.apk", data)).body
        assert app["errors"] == ["app_file: The package could not be read."]
        app = api.upload(UPLOAD, app_file=("com.example.new-2.0rc.1-200.apk", data)).body["application"]
        assert app["package_name"] == app["application_name"] == "com.example.new"
        assert (app["versions"][0]["version_code"], app["versions"][0]["build_number"]) == ("2.0rc.1", "200")


def test_the_families_show_the_same_apps_but_for_google_play(api: Api) -> None:
    legacy, v1 = [{app["id"] for app in api.get(apps, limit=100)["results"]} for apps in (APPS, V1)]
    play = {app["id"] for app in api.get(V1, has_uploaded_version="false")["results"]}
    assert (len(play), v1 - legacy, legacy - v1) == (2, play, set())
    for app in play:
        assert api("GET", f"{APPS}{app}/").status == api("GET", f"{APPS}{app}/version/").status == 404
        (version,) = api.get(f"{V1}{app}/version/")["results"]
        assert (version["is_g_play"], version["app_file"], version["build_number"]) == (True, None, None)
    minimal = api.get("/v1{e}/applications-minimal/")["results"]
    hidden = api.get(V1, is_hidden="true")["results"]
    assert {app["id"] for app in minimal} == v1 | {app["id"] for app in hidden}
    assert [app["package_name"] for app in hidden] == ["io.shoonya.shoonyadpc"]


@families
def test_apps_are_filtered(api: Api, apps: str) -> None:
    def found(**query: object) -> list[str]:
        return [app["package_name"].removeprefix("com.example.") for app in api.get(apps, **query)["results"]]

    assert found(application_name="KIOSK") == found(package_name="Example.Kiosk") == ["kiosk", "kiosk.helper"]
    assert found(package_name_exact="com.example.kiosk") == ["kiosk"]
    assert found(package_name_exact="com.example.Kiosk") == []
    assert found(is_active="false") == ["player"]
    assert found(category="tools") == found(supported_sdk=20) == []
    assert "kiosk" in found(supported_sdk=21)
    created = api.simulator.state()["applications"][1]["created_on"]
    assert found(created_on_lt=created) == ["kiosk"]
    assert "till" not in found(created_on_gt=created)
    assert api("GET", apps, updated_on_gt="yesterday").status == 400


@families
def test_versions_are_filtered(api: Api, apps: str) -> None:
    def found(package: str, **query: object) -> list[tuple[str, str]]:
        results = api.get(f"{apps}{named(api, package, apps)['id']}/version/", **query)["results"]
        return [(version["version_code"], version["build_number"]) for version in results]

    assert found("com.example.till") == [("1.9.1", "191"), ("2.0.0", "200"), ("1.9.0", "190")]
    assert found("com.example.scanner", version_code="1.0") == [("1.0", "11"), ("1.0", "10")]
    assert found("com.example.scanner", version_code="1.0", build_number="10") == [("1.0", "10")]
    assert found("com.example.scanner", is_default="true") == found("com.example.scanner", is_g_play="true") == []
    assert found("com.example.till", ordering="-installed_count")[0] == ("2.0.0", "200")
    assert found("com.example.till", ordering="installed_count")[-1] == ("2.0.0", "200")


@families
def test_a_version_changes(api: Api, apps: str) -> None:
    first, second, *_others = version_paths(api, apps, named(api, "com.example.scanner", apps))
    before = api.get(first)
    assert before["release_name"] is None
    changed = api("PATCH", first, {"release_name": "Spring", "is_default": True}).body
    when = {"updated_on": changed["updated_on"]} if apps == APPS else {}
    assert changed == {**before, "release_name": "Spring", "is_default": True, **when}
    assert api("PATCH", second, {"is_default": True}).body["is_default"] is True
    assert api.get(first)["is_default"] is False
    assert api("PATCH", first, {"release_name": ""}).body["release_name"] is None
    for flawed in ({"version_code": ""}, {"release_name": "x" * 256}, {"approval_status": "PERHAPS"}):
        assert api("PATCH", first, flawed).status == 400


def test_a_text_that_a_version_lacks(api: Api) -> None:
    app = named(api, "com.example.menu", APPS)
    assert (app["versions"][0]["release_name"], app["versions"][0]["release_comments"]) == ("", "")
    assert named(api, "com.example.menu")["latest_version"]["release_name"] == ""
    assert api.get(version_paths(api, APPS, app)[0])["release_comments"] is None


@families
def test_a_version_that_nothing_uses_goes_at_once(api: Api, apps: str) -> None:
    app = named(api, "com.example.menu", apps)
    (path,) = version_paths(api, apps, app)
    assert api("DELETE", path).status == 204
    assert api("GET", path).status == api("DELETE", path).status == 404
    # The app stays.
    assert api.get(f"{apps}{app['id']}/version/")["results"] == []
    left = api.get(f"{apps}{app['id']}/")
    assert "latest_version" not in left
    assert left.get("versions", []) == []


@families
def test_a_version_in_use_goes_when_asked_twice(api: Api, apps: str) -> None:
    _newest, used, former = version_paths(api, apps, named(api, "com.example.kiosk", apps))
    # A blueprint had it once, but neither has it now nor is published with it.
    assert api("DELETE", former).status == 204
    first = api("DELETE", used)
    assert (first.status, [each["name"] for each in first.body["templates"]]) == (200, ["Retail Kiosk"])
    assert api.get(used)
    assert api("DELETE", used, request_id="0b1e7f3c-0000-4000-8000-000000000001").status == 400
    other = api("DELETE", version_paths(api, apps, named(api, "com.example.till", apps))[1]).body["request_id"]
    assert api("DELETE", used, request_id=other).status == 400
    assert api("DELETE", used, request_id=first.body["request_id"]).status == 204
    assert api("GET", used).status == 404


@families
def test_an_app_in_use_stays(api: Api, apps: str) -> None:
    path = f"{apps}{named(api, 'com.example.kiosk', apps)['id']}/"
    answer = api("DELETE", path)
    assert answer.status == 400
    assert "used by blueprints" in answer.body["message"]
    assert api.get(path)


@families
def test_apps_are_installed_where_blueprints_put_them(api: Api, apps: str) -> None:
    newest, used, _former = version_paths(api, apps, named(api, "com.example.kiosk", apps))
    blueprint = next(each for each in api.simulator.state()["blueprints"] if each["name"] == "Retail Kiosk")
    query = {"current_blueprint_id": blueprint["id"], "platform": "ANDROID", "limit": 1000}
    expected = {device["id"]: device for device in api.get("/v2/devices/", **query)["content"]["results"]}
    devices = api.get(f"{used}installdevices", limit=500)["results"]
    assert {device["id"] for device in devices} == set(expected)
    assert len(devices) == api.get(used)["installed_count"] > 0
    assert {bool(expected[device["id"]]["group_id"]) == bool(device["group_name"]) for device in devices} == {True}
    name = devices[0]["device_name"]
    assert api.get(f"{used}installdevices", search=name.lower())["results"] == [devices[0]]
    assert api.get(f"{newest}installdevices")["count"] == api.get(newest)["installed_count"] == 0


def test_what_can_be_downloaded_is_what_was_promised(api: Api) -> None:
    for app in api.get(APPS)["results"]:
        for version in app["versions"]:
            assert sha256(request("GET", version["download_url"]).raw).hexdigest() == version["hash_string"]
            shown = api.get(f"{APPS}{app['id']}/version/{version['id']}/")
            assert (shown["app_file"], shown["hash_string"]) == (version["download_url"], version["hash_string"])
