# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from base64 import b64encode
from hashlib import md5
from typing import Any

import pytest
from caller import Api, request

CONTENT, UPLOAD = "/v0{e}/content/", "/v0{e}/content/upload/"
REMOTE = "/v0{e}/content/remote-file/"
Content = dict[str, Any]


def named(api: Api, name: str) -> list[Content]:
    return [content for content in api.get(CONTENT)["results"] if content["name"] == name]


def item(content: Content) -> str:
    return f"{CONTENT}{content['id']}/"


def test_content_comes_and_goes(api: Api) -> None:
    data = bytes(range(256)) * 1000
    uploaded = api.upload(UPLOAD, key=("shelf.bin", data))
    assert uploaded.status == 200
    content = uploaded.body
    assert (content["name"], content["kind"], content["size"]) == ("shelf.bin", "text/x-test", "256000")
    assert content["hash"] == md5(data).hexdigest()
    assert (content["tags"], content["description"]) == ([], None)
    assert api.get(item(content)) == content
    assert named(api, "shelf.bin") == [content]
    assert request("GET", content["download_url"]).raw == data
    assert api("DELETE", item(content)).status == 204
    assert api("GET", item(content)).status == api("DELETE", item(content)).status == 404
    assert request("GET", content["download_url"]).status == 404


def test_the_same_file_twice_is_two_contents(api: Api) -> None:
    first, second = [api.upload(UPLOAD, key=("a.txt", b"a")).body for _attempt in range(2)]
    assert first["id"] != second["id"]
    assert first["hash"] == second["hash"]
    assert len({content["hash"] for content in named(api, "menu.png")}) == 2


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("Preise Köln 東京.txt", "Preise Köln 東京.txt"), ("/tmp/a/b.txt", "b.txt")],
)
def test_a_file_keeps_its_name_but_not_its_folder(api: Api, sent: str, kept: str) -> None:
    assert api.upload(UPLOAD, key=(sent, b"a")).body["name"] == kept


def test_a_file_may_look_like_the_end_of_a_part(api: Api) -> None:
    data = b"\r\n--limi\r\n--\r\n" * 30_000
    assert api.upload(UPLOAD, key=("tricky.bin", data)).body["hash"] == md5(data).hexdigest()


def test_a_file_may_come_in_base64(api: Api) -> None:
    data = bytes(range(256)) * 1000
    head = 'Content-Disposition: form-data; name="key"; filename="a.bin"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    body = b"--x\r\n" + head.encode() + b64encode(data) + b"\r\n--x--\r\n"
    answer = api.send("POST", api.full(UPLOAD), body, {"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.body["hash"] == md5(data).hexdigest()


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({}, "key: No file was submitted."),
        ({"file": ("a.txt", b"a")}, "key: No file was submitted."),
        ({"key": ("", b"a")}, "key: No file was submitted."),
        ({"key": ("a.txt", b"")}, "key: The submitted file is empty."),
        ({"key": b"a"}, "key: The submitted data was not a file. Check the encoding type on the form."),
    ],
)
def test_a_flawed_upload_is_rejected(api: Api, parts: Any, error: str) -> None:
    before = api.simulator.state()["content"]
    answer = api.upload(UPLOAD, **parts)
    assert (answer.status, answer.body["errors"]) == (400, [error])
    assert api.simulator.state()["content"] == before


def test_an_upload_is_a_whole_form(api: Api) -> None:
    assert api("POST", UPLOAD, {"key": "a"}).status == 415
    for body in (b"", b"nonsense", b'--x\r\nContent-Disposition: form-data; name="key"; filename="a"\r\n\r\nhalf'):
        answer = api.send("POST", api.full(UPLOAD), body, {"Content-Type": "multipart/form-data; boundary=x"})
        assert answer.status == 400
    assert api.send("POST", api.full(UPLOAD), b"a", {"Content-Type": "multipart/form-data"}).status == 400
    assert api("PATCH", item(named(api, "menu.png")[0]), {"description": "x"}).status == 200


def test_the_journal_has_the_uploaded_files_but_not_their_bytes(api: Api) -> None:
    api.upload(UPLOAD, key=("a.txt", b"abc"), colour="red")
    (entry,) = api.simulator.writes()
    file = {"filename": "a.txt", "content_type": "text/x-test", "size": 3, "md5": md5(b"abc").hexdigest()}
    assert entry["body"] == {"key": file, "colour": "red"}


def test_tags_and_description_change(api: Api) -> None:
    before = named(api, "menu.png")[0]
    changed = api("PATCH", item(before), {"tags": ["a", "b"], "name": "other"}).body
    assert changed == {**before, "tags": ["a", "b"], "modified": changed["modified"]}
    assert changed["modified"] > before["modified"]
    assert api("PATCH", item(before), {"description": "x"}).body["tags"] == ["a", "b"]
    for flawed in ({"tags": "a"}, {"tags": ["x" * 256]}, {"description": None}):
        assert api("PATCH", item(before), flawed).status == 400


def test_search_looks_at_tags_and_description_only(api: Api) -> None:
    def found(search: str) -> list[str]:
        return [content["name"] for content in api.get(CONTENT, search=search)["results"]]

    assert found("SUMMER m") == ["menu.png"]
    assert found("menu") == ["menu.png", "menu.png"]
    assert found("kios") == ["config.json", "Config.json"]
    assert found("player.bin") == []


def test_what_can_be_downloaded_is_what_was_promised(api: Api) -> None:
    for content in api.get(CONTENT)["results"]:
        data = request("GET", content["download_url"]).raw
        assert (md5(data).hexdigest(), str(len(data))) == (content["hash"], content["size"])


def test_a_link_is_all_that_a_download_takes(api: Api) -> None:
    link = named(api, "config.json")[0]["download_url"]
    before = api.simulator.journal()
    assert link.startswith(api.simulator.url.removesuffix("/api") + "/_storage/content/")
    assert api.simulator.key not in link
    leaked = request("GET", link, headers={"Authorization": f"Bearer {api.simulator.key}"})
    assert (leaked.status, b"Only one auth mechanism" in leaked.raw) == (400, True)
    assert request("GET", link.partition("?")[0]).status == 403
    assert request("GET", link[:-1] + ("0" if link[-1] != "0" else "1")).status == 403
    assert api.simulator.journal() == before


def test_a_large_file_is_known_but_not_kept(api: Api) -> None:
    data = b"x" * (1024**2 + 1)
    content = api.upload(UPLOAD, key=("large.bin", data)).body
    assert (content["hash"], content["size"]) == (md5(data).hexdigest(), str(len(data)))
    assert request("GET", content["download_url"]).status == 404


def test_remote_files(api: Api) -> None:
    uploaded = api.upload(REMOTE, file=("log.txt", b"abc"), content_type="text/plain")
    assert uploaded.status == 201
    assert (uploaded.body["file_size"], uploaded.body["content_type"]) == (3, "text/plain")
    assert request("GET", uploaded.body["download_url"]).raw == b"abc"
    link = api(
        "POST", f"{REMOTE}generate_download_url/", {"file_key": uploaded.body["file_key"], "expires_in": 60}
    ).body
    assert (link["expires_in"], request("GET", link["download_url"]).raw) == (60, b"abc")
    assert link["download_url"] != uploaded.body["download_url"]
    assert api("POST", f"{REMOTE}generate_download_url/", {"file_key": "x"}, key="wrong").status == 401
    content = api.simulator.state()["content"][0]["key"]
    for flawed in ({"file_key": "x"}, {"file_key": content}, {**link, "expires_in": 59}, {}):
        assert api("POST", f"{REMOTE}generate_download_url/", flawed).status == 400
