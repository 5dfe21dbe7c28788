# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from caller import Api, request

WALLPAPERS, ICONS = "/v1{e}/wallpaper/", "/v1{e}/tile-icons/"
THUMBNAILS, GROUPS = "{e}/devicegroup/thumbnail/", "{e}/devicegroup/"
TILES = "/v1{e}/report/device-tiles/"
APPLY, UNAPPLY = "/v1{e}/tile-icon-apply/", "/v1{e}/tile-icon-unapply/"


def wallpaper(api: Api, name: str = "summer.png", data: bytes = b"summer") -> dict[str, Any]:
    sent = api.upload(WALLPAPERS, image_file=(name, data), orientation="landscape")
    assert sent.status == 201, sent.body
    body: dict[str, Any] = sent.body
    return body


@pytest.mark.parametrize(
    ("name", "kept"),
    [("summer.png", "summer_"), ("Köln Süd (2).PNG", "K%C3%B6ln_S%C3%BCd_2_"), ("/tmp/a.b.jpg", "a.b_")],
)
def test_a_picture_has_another_name_in_its_link(api: Api, name: str, kept: str) -> None:
    link = wallpaper(api, name)["image_file"]
    stored = link.partition("?")[0].rpartition("/")[2]
    assert stored.startswith(kept)
    assert request("GET", link).raw == b"summer"
    assert request("GET", link.partition("?")[0]).status == 403


def test_pictures_are_not_unique(api: Api) -> None:
    first, second = wallpaper(api), wallpaper(api)
    assert first["id"] != second["id"]
    assert [row["id"] for row in api.get(WALLPAPERS)["results"]] == [first["id"], second["id"]]


def test_a_file_that_is_no_picture_is_rejected(api: Api) -> None:
    assert api.upload(WALLPAPERS, image_file=("summer.txt", b"a"), orientation="portrait").status == 415
    assert api.upload(WALLPAPERS, image_file=("summer.png", b"a"), orientation="square").status == 400
    assert api.upload(THUMBNAILS, image_file=("a.png", b"a")).status == 200


def test_an_upload_can_be_changed_on_the_way(api: Api) -> None:
    api.simulator.fault(kind="recode", method="POST")
    api.simulator.fault(kind="rename", method="POST")
    recoded, renamed = wallpaper(api)["image_file"], wallpaper(api)["image_file"]
    assert request("GET", recoded).raw == request("GET", renamed).raw == b"recoded summer"
    assert ("summer_" in recoded, "summer" in renamed) == (True, False)


def test_a_boolean_of_a_form_is_written_as_in_json(api: Api) -> None:
    fields = {"device_model": "X1", "enterprise": api.simulator.enterprise_id}
    answers = [
        api.upload(ICONS, icon_file=("a.png", b"a"), **fields, custom=custom) for custom in ("true", "True", "1")
    ]
    assert [answer.status for answer in answers] == [201, 400, 400]
    assert answers[0].body["custom"] is True
    assert {row["custom"] for row in api.get(ICONS)["results"]} == {True, False}


def test_the_icon_of_a_tile_is_a_link(api: Api) -> None:
    fields = {"device_model": "X1", "enterprise": api.simulator.enterprise_id, "custom": "true"}
    icon = api.upload(ICONS, icon_file=("a.png", b"a"), **fields).body
    tile = api.get(TILES)["results"][0]
    sent = {"icon": icon["id"], "apply_mode": "devices", "devices": [tile["device"]["id"]]}
    assert api("POST", APPLY, sent).status == 201
    assert api.get(TILES)["results"][0]["icon"] == icon["icon_file"]
    assert api("POST", UNAPPLY, {"model": tile["model"]}).status == 201
    assert api.get(TILES)["results"][0]["icon"] is None
    assert api("POST", APPLY, {**sent, "icon": tile["device"]["id"]}).status == 400
    assert api("POST", APPLY, {**sent, "devices": []}).status == 400


def test_a_group_shows_a_thumbnail_that_exists(api: Api) -> None:
    thumbnail = api.upload(THUMBNAILS, image_file=("a.png", b"a")).body["id"]
    group = api("POST", GROUPS, {"name": "A", "thumbnail": thumbnail}).body
    assert group["thumbnail"] == thumbnail
    path = f"{GROUPS}{group['id']}/"
    assert "thumbnail" not in api("PATCH", path, {"thumbnail": None}).body
    assert api("PATCH", path, {"thumbnail": group["id"]}).status == 400
    assert api.get(path)["name"] == "A"
