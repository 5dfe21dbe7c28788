# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module api sends any request to the Esper API, and no request to another URL."""

from __future__ import annotations

import typing as t
from pathlib import Path
from urllib.parse import unquote

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ApiError, InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.tasks.api import CALL, call
from ansible_collections.esper.cloud.tests.unit.service import answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
    from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient
    from ansible_collections.esper.cloud.tests.unit.service import Server

DEFAULTS = {name: option.get("default") for name, option in CALL.options.items()}


def run(client: Client, check_mode: bool = False, **params: t.Any) -> dict[str, t.Any]:
    return call(client, {**DEFAULTS, **params}, check_mode=check_mode)


def test_a_read_changes_nothing(server: Server, client: Client) -> None:
    server.replies(answers({"content": {"a": 1}, "code": 201}))
    done = run(client, path="/v2/things/", query={"ids": ["a", "b"], "immediate": True}, check_mode=True)
    assert done == {"changed": False, "status": 200, "content": {"a": 1}}
    assert server.requests[0].query == {"ids": "a,b", "immediate": "true"}


def test_a_write_request_is_changed_and_is_not_sent_in_check_mode(server: Server, client: Client) -> None:
    server.replies(answers({"id": 1}, 201))
    assert run(client, method="POST", path="/v2/things/", body={"a": 1}, check_mode=True)["changed"]
    assert server.requests == []
    assert run(client, method="POST", path="/v2/things/", body={"a": 1})["status"] == 201
    assert server.requests[0].json == {"a": 1}


def test_keys_of_a_form_and_its_files_are_texts(server: Server, client: Client, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("hello")
    server.replies(answers({"id": 1}, 201))
    assert run(client, method="POST", path="/things/", form={1: 2}, files={3: str(tmp_path / "notes")})["status"] == 201
    assert b'name="1"\r\n\r\n2\r\n' in server.requests[0].body
    assert b'name="3"; filename="notes"' in server.requests[0].body


@pytest.mark.parametrize("file", [None, 1, "~nobody-has-this-name/notes", "a\0b"])
def test_a_file_without_a_usable_path_is_an_error(server: Server, client: Client, file: t.Any) -> None:
    with pytest.raises(InvalidParameter, match="does not exist or cannot be read"):
        run(client, method="POST", path="/things/", files={"a": file})
    assert server.requests == []


def test_all_pages_are_one_list(server: Server, client: Client) -> None:
    server.replies(
        answers({"count": 3, "results": [{"role": 1}, {"role": 2}]}), answers({"count": 3, "results": [{"role": 3}]})
    )
    done = run(client, path="/roles/", all_pages=True, page_size=2, key="role")
    assert done["content"] == [{"role": 1}, {"role": 2}, {"role": 3}]
    assert [request.query["limit"] for request in server.requests] == ["2", "2"]


@pytest.mark.parametrize(
    "path",
    [
        "v2/devices/",
        "//elsewhere/v2/",
        "https://elsewhere/api/",
        "/v2/../../secret",
        "/v2/./devices/",
        "/v2/devices//",
        "/v2/devices//apps/",
        "/v2/devices/?limit=1",
        "/v2/devices/#x",
        "/v2/a b/",
        "/v2/\\elsewhere",
        "/v2/devices/{id}",
        "/v2/..",
        "",
        "/v2/devices/%2e%2e/",
        "/v2/devices/%2E./%2e%2e/%2e%2e/secret",
        "/v2/devices/%252e%252e/",
        "/v2/devices/%%32e%2e/",
        "/v2/devices/..;a=b/",
        "/v2/devices/a%2Fb/",
        "/v2/devices/a%5cb/",
        "/v2/devices/a%0d%0ab/",
        "/v2/devices/%00",
        "/v2/devices/a\ud800b/",
    ],
)
def test_an_invalid_path_is_an_error(server: Server, client: Client, path: str) -> None:
    with pytest.raises(InvalidParameter, match="Invalid path"):
        run(client, path=path)
    assert server.requests == []


@pytest.mark.parametrize("path", ["/v2/devices", "/v2/100%/", "/v2/a%20b/", "/v2/a..b/.x/", "/v2/größe/"])
def test_an_unusual_path_is_sent(server: Server, client: Client, path: str) -> None:
    server.replies(answers({}))
    run(client, path=path)
    assert unquote(server.requests[0].target) == f"/api{unquote(path)}"


@pytest.mark.parametrize(
    "params",
    [{"body": {}}, {"form": {"a": "b"}}, {"method": "POST", "all_pages": True}, {"all_pages": True, "page_size": 0}],
)
def test_invalid_options_are_an_error(server: Server, client: Client, params: dict[str, t.Any]) -> None:
    with pytest.raises(InvalidParameter):
        run(client, path="/v2/things/", **params)
    assert server.requests == []


SECRETS: dict[str, t.Any] = {
    "token": "s3cret",
    "source_refresh_token": "s3cret",
    "settingsAppPassword": "s3cret",
    "passwords": ["s3cret", 5337],
    "pin": 5337,
    "wifi_access_points": [{"wifiSsid": "kept", "wifiPhrase": "s3cret"}],
    "wifi": {"psk": "s3cret"},
    "cert_data_base64": "s3cret",
    "api_key": "s3cret",
    "apiKey": "s3cret",
    "clientSecret": {"value": "s3cret", "id": "kept"},
    "download_url": "https://storage.example.com/s3cret",
    "app_file": "https://storage.example.com/s3cret",
    "icon_url": "https://storage.example.com/kept?X-Amz-Signature=s3cret",
    "invitation_url": "https://example.com/s3cret",
    "signup_url": "https://example.com/s3cret",
    "authentication_token": {"id": 5, "token": "s3cret"},
    "personal_access_tokens": [{"id": 6, "name": "kept"}],
}
PLAIN: dict[str, t.Any] = {
    "password_quality": "PASSWORD_QUALITY_COMPLEX",
    "minimumPasswordLength": 6,
    "default_password_changed": True,
    "token_name": "deploy",
    "token": None,
    "has_token": True,
    "key": "menu.txt",
    "issuer_url": "https://example.com/issuer?page=2",
    "zipcode": "10115",
}


def test_secrets_are_masked_unless_show_secrets_is_set(server: Server, client: Client) -> None:
    content = [SECRETS, PLAIN]
    server.replies(answers(content), answers(content))
    masked, plain = run(client, path="/v1/token-info/")["content"]
    assert not [secret for secret in ("s3cret", "5337") if secret in str(masked)]
    assert str(masked).count("kept") == 3
    assert (masked["authentication_token"]["id"], masked["personal_access_tokens"][0]["id"]) == (5, 6)
    assert plain == PLAIN
    assert run(client, path="/v1/token-info/", show_secrets=True)["content"] == content


def test_a_secret_in_the_query_is_in_no_message(server: Server, make_client: MakeClient) -> None:
    log: list[str] = []
    server.replies(answers({"message": "No."}, 400))
    with pytest.raises(ApiError) as caught:
        run(make_client(server, log=log.append), path="/v2/things/", query={"token": "hunter2", "limit": 5})
    assert server.requests[0].query == {"token": "hunter2", "limit": "5"}
    shown = str([caught.value, caught.value.details(), log])
    assert "hunter2" not in shown
    assert "/v2/things/?token=********&limit=5" in shown


def test_an_error_has_the_message_of_the_client(server: Server, client: Client) -> None:
    server.replies(answers({"message": "No."}, 400))
    with pytest.raises(
        ApiError, match=r"Calling PATCH /v2/things/1/ failed: PATCH /v2/things/1/ returned HTTP 400: No\."
    ):
        run(client, method="PATCH", path="/v2/things/1/", body={})
