# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ApiError, RequestFailed, TransportError
from ansible_collections.esper.cloud.plugins.module_utils.http.download import Download
from ansible_collections.esper.cloud.plugins.module_utils.http.transport import RawResponse
from ansible_collections.esper.cloud.tests.unit.authority import Authority
from ansible_collections.esper.cloud.tests.unit.service import (
    Clock,
    Exchange,
    Reply,
    Server,
    answers,
    cuts_short,
    redirects,
    resets,
)

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
    from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient

PURPOSE = "Downloading the menu"


def link_of(server: Server) -> str:
    return f"{server.url.removesuffix('/api')}/storage/menu.png?signature=s3cret"


def fetch(client: Client, link: str, *, size: int | None = None, needs_length: bool = False) -> bytes:
    file = io.BytesIO()
    client.download(Download(link, PURPOSE, size, needs_length), file)
    return file.getvalue()


def without_length(body: bytes, **headers: str) -> Reply:
    return lambda exchange: exchange.send(200, {name.replace("_", "-"): each for name, each in headers.items()}, body)


def test_a_download_starts_again_after_a_failure(server: Server, make_client: MakeClient) -> None:
    log: list[str] = []
    client = make_client(server, log=log.append)
    server.replies(answers(b"busy", 503), cuts_short, resets, answers(b"soup"))
    assert fetch(client, link_of(server)) == b"soup"
    assert not [request for request in server.requests if "authorization" in request.headers]
    assert {request.query["signature"] for request in server.requests} == {"s3cret"}
    assert len(log) == 4
    assert "s3cret" not in str(log)


def test_a_wait_that_one_host_asks_for_does_not_hold_for_another(server: Server, client: Client, clock: Clock) -> None:
    other = Server()
    other.replies(answers(b"soup"))
    server.replies(answers({}, 429, Retry_After="99999"))
    with pytest.raises(ApiError):
        client.get("/v2/devices/", purpose=PURPOSE)
    assert fetch(client, link_of(other)) == b"soup"
    other.close()
    assert clock.waits == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_the_storage_asks_for_is_obeyed(
    server: Server, make_client: MakeClient, clock: Clock, status: int
) -> None:
    server.replies(answers(b"busy", status, Retry_After="70"), answers(b"soup"))
    client = make_client(server)
    assert fetch(client, link_of(server)) == b"soup"
    assert 70 <= sum(clock.waits) <= 77
    assert client.throttle_count == 0


def test_a_message_names_the_storage_that_asks_for_a_long_wait(server: Server, client: Client, clock: Clock) -> None:
    server.replies(answers(b"busy", 503, Retry_After="9999"))
    for start in ("returned HTTP 503.", "failed before GET"):
        with pytest.raises(RequestFailed, match=rf"{start}.* 127\.0\.0\.1:{server.port} asks to wait 9999 s, but"):
            fetch(client, link_of(server))
    assert len(server.requests) == 1
    assert clock.waits == []


@pytest.mark.parametrize(("status", "hint"), [(403, "may have expired"), (404, "its storage does not have it")])
def test_a_link_that_leads_to_nothing_is_a_sentence(server: Server, client: Client, status: int, hint: str) -> None:
    server.replies(answers(b"<Error/>", status))
    said = rf"^{PURPOSE} failed: GET http://127\.0\.0\.1:{server.port}/storage/menu\.png returned HTTP {status}\."
    with pytest.raises(ApiError, match=said) as caught:
        fetch(client, link_of(server))
    assert hint in str(caught.value)
    assert "s3cret" not in f"{caught.value} {caught.value.details()}"


def test_a_download_names_the_host_that_it_leads_to(make_client: MakeClient, server: Server) -> None:
    with pytest.raises(TransportError) as caught:
        fetch(make_client(server, retries=0), "https://nowhere.invalid/a?b")
    assert "the host nowhere.invalid of the link to the file was not found." in str(caught.value)
    # These options have nothing to do with it.
    assert "api_url" not in str(caught.value)


def test_the_key_as_host_of_a_link_is_not_shown(make_client: MakeClient, server: Server, key: str) -> None:
    with pytest.raises(TransportError) as caught:
        fetch(make_client(server, retries=0), f"https://{key}.invalid/a")
    assert "the host ********.invalid of the link" in str(caught.value)
    assert key.lower() not in str(caught.value).lower()


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "user:hunter2@127.0.0.1:{port}"])
def test_the_link_in_a_message_has_its_port_and_no_password(server: Server, client: Client, host: str) -> None:
    server.replies(answers(b"<Error/>", 403))
    with pytest.raises(ApiError) as caught:
        fetch(client, f"http://{host.format(port=server.port)}/a.png?b=c")
    assert f"GET http://127.0.0.1:{server.port}/a.png returned" in str(caught.value)
    assert caught.value.path == f"http://127.0.0.1:{server.port}/a.png"


@pytest.mark.parametrize("link", ["", "None", "file:///etc/passwd", "http://[", "/storage/menu.png", "http://a:b/c"])
def test_what_is_no_link_is_a_sentence(client: Client, link: str) -> None:
    with pytest.raises(TransportError, match="Esper returned no download link"):
        fetch(client, link)


def test_a_file_that_cannot_be_written_is_not_the_connection_s_fault(server: Server, client: Client) -> None:
    class Full(io.BytesIO):
        def write(self, _data: t.Any) -> int:
            raise OSError(28, "No space left on device")

    server.replies(answers(b"soup"))
    with pytest.raises(OSError, match="No space left"):
        client.download(Download(link_of(server), PURPOSE), Full())
    assert len(server.requests) == 1


# --- redirects --------------------------------------------------------------------------------------------------------


def test_a_redirect_to_another_host_is_followed_without_credentials(
    server: Server, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login joe password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server.replies(redirects(f"http://localhost:{server.port}/other?signature=s3cret"), answers(b"soup"))
    assert fetch(client, link_of(server)) == b"soup"
    assert [request.headers["host"].partition(":")[0] for request in server.requests] == ["127.0.0.1", "localhost"]
    assert not [request for request in server.requests if "authorization" in request.headers]


@pytest.mark.parametrize("count", [3, 4])
def test_few_redirects_are_followed(server: Server, client: Client, count: int) -> None:
    server.replies(*[redirects("/again")] * count, answers(b"soup"))
    if count == 3:
        assert fetch(client, link_of(server)) == b"soup"
        return
    with pytest.raises(TransportError, match=r"GET http://127.*/storage/menu\.png was redirected more than 3 times\."):
        fetch(client, link_of(server))
    assert len(server.requests) == 4


def test_the_body_of_a_redirect_is_not_read(server: Server, client: Client) -> None:
    """The body never ends, so a client that reads it would wait."""

    def endless(exchange: Exchange) -> None:
        exchange.send(302, {"Location": "/file", "Content-Length": str(10**9)}, b"x" * 1000)
        exchange.closing.wait()

    server.replies(endless, answers(b"soup"))
    assert fetch(client, link_of(server)) == b"soup"


@pytest.mark.parametrize("location", ["http://[nonsense/", "file:///etc/passwd", "ftp://host/file", "http://a:b/"])
def test_a_redirect_to_an_invalid_url_is_not_followed(server: Server, client: Client, location: str) -> None:
    server.replies(redirects(location))
    with pytest.raises(TransportError, match="was redirected to an invalid URL"):
        fetch(client, link_of(server))
    assert len(server.requests) == 1


def test_a_redirect_from_https_to_http_is_not_followed(server: Server, make_client: MakeClient, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    secure = Server(authority.context())
    secure.replies(redirects(f"http://127.0.0.1:{server.port}/file?signature=s3cret"))
    try:
        said = rf"redirected to http://127\.0\.0\.1:{server.port}/file\. The redirect"
        with pytest.raises(TransportError, match=said) as caught:
            fetch(make_client(secure, ca_path=str(authority.path)), link_of(secure))
    finally:
        secure.close()
    assert "because it is not encrypted." in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert server.requests == []


# --- length -----------------------------------------------------------------------------------------------------------


def test_no_more_bytes_are_read_than_the_file_has(server: Server, client: Client) -> None:
    sent = 0

    def endless(exchange: Exchange) -> None:
        nonlocal sent
        exchange.send(200, {}, b"")
        while sent < 10**8 and not exchange.closing.is_set():
            exchange.write(bytes(10**5))
            sent += 10**5

    server.replies(endless)
    with pytest.raises(TransportError, match=r"returned more than the 4 bytes that Esper returns\."):
        fetch(client, link_of(server), size=4)
    assert sent < 10**8


def test_another_length_is_an_error_before_the_body_is_read(server: Server, client: Client) -> None:
    server.replies(answers(b"soups"))
    with pytest.raises(TransportError, match=r"returned 5 bytes, but the size in Esper is 4\."):
        fetch(client, link_of(server), size=4)


@pytest.mark.parametrize(
    "headers", [{}, {"Content_Encoding": "identity, gzip", "Content_Length": "4"}, {"Content_Length": "9" * 5000}]
)
def test_a_file_of_unknown_length_is_downloaded_only_if_it_can_be_verified(
    server: Server, client: Client, headers: dict[str, str]
) -> None:
    server.replies(without_length(b"soup"), without_length(b"soup", **headers), without_length(b"soup"))
    assert fetch(client, link_of(server)) == b"soup"
    with pytest.raises(TransportError, match="Set allow_unverified to true to download it anyway"):
        fetch(client, link_of(server), needs_length=True)
    assert fetch(client, link_of(server), size=4) == b"soup"


def test_a_file_that_ends_before_its_length_is_downloaded_again(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """urllib3 before 2.0 does not notice that bytes are missing."""
    read, bodies = RawResponse.chunks, iter([[b"sou"]])
    monkeypatch.setattr(RawResponse, "chunks", lambda raw: next(bodies, None) or read(raw))
    server.app = lambda _request: answers(b"soup")
    assert fetch(client, link_of(server)) == b"soup"
    assert len(server.requests) == 2
