# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import gzip
import json
import random
import re
import socket
import threading
import time
import typing as t
import zlib
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path

import pytest
import requests
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import (
    ApiError,
    ConfigurationError,
    InvalidParameter,
    RequestFailed,
    TransportError,
)
from ansible_collections.esper.cloud.plugins.module_utils.base.redaction import Redaction
from ansible_collections.esper.cloud.plugins.module_utils.http import transport as transport_module
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import Connection
from ansible_collections.esper.cloud.plugins.module_utils.http.responses import Transient, read_response
from ansible_collections.esper.cloud.tests.unit.authority import Authority
from ansible_collections.esper.cloud.tests.unit.service import (
    Clock,
    Exchange,
    Reply,
    Request,
    Server,
    Trickle,
    answers,
    cuts_short,
    damages_gzip,
    hangs,
    redirects,
    resets,
    resets_unread,
)

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient

PURPOSE = "Reading the thing"
A_DAY = 86400


def get(client: Client, path: str = "/things/") -> t.Any:
    return client.get(path, purpose=PURPOSE)


def error_of(client: Client, method: str = "GET", path: str = "/things/") -> RequestFailed:
    """The error that a request ends in."""
    with pytest.raises(RequestFailed) as caught:
        client.request(method, path, body=None if method == "GET" else {"name": "x"}, purpose=PURPOSE)
    return caught.value


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_the_key_is_sent_as_bearer_token(server: Server, client: Client, key: str) -> None:
    server.replies(answers({}))
    get(client)
    assert server.requests[0].headers["authorization"] == f"Bearer {key}"


def test_netrc_does_not_replace_the_key(
    server: Server, client: Client, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server.replies(redirects("/api/elsewhere/"), answers({}))
    get(client)
    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {key}"] * 2


def test_cookies_are_not_kept(server: Server, client: Client) -> None:
    server.replies(answers({}, Set_Cookie="session=1; Path=/"), answers({}))
    get(client)
    get(client)
    assert "cookie" not in server.requests[1].headers


def test_the_user_agent_names_the_collection_and_its_caller(server: Server, make_client: MakeClient) -> None:
    server.replies(answers({}))
    get(make_client(server, user_agent="ansible-core/2.99"))
    assert re.fullmatch(r"esper\.cloud/\d+\.\d+\.\d+\S* ansible-core/2\.99", server.requests[0].headers["user-agent"])


def test_the_path_is_sent_as_it_is_written(server: Server, client: Client) -> None:
    server.replies(answers({}), answers({}))
    get(client, "/v2/devices/")
    get(client, "/v2/subgroups")
    assert server.sent == ["GET /v2/devices/", "GET /v2/subgroups"]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("a?b#c", "a%3Fb%23c"),
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        ("{enterprise_id}", "%7Benterprise_id%7D"),
    ],
)
def test_what_fills_a_placeholder_is_quoted(server: Server, client: Client, given: str, sent: str) -> None:
    server.replies(answers({}))
    client.get("/things/{id}/", ids={"id": given}, purpose=PURPOSE)
    assert server.sent == [f"GET /things/{sent}/"]


@pytest.mark.parametrize(
    "identifier",
    [
        "..",
        ".",
        "",
        "..;a",
        "a/b",
        "../../other",
        "..\\other",
        "%2e%2e",
        "%2E.",
        "%252e%252e",
        "%" + "25" * 10,
        "%%32e%2e",
        "a%2fb",
        "a%252Fb",
        "a%5Cb",
        "a\x00b",
        "a%00b",
        "a\r\nb",
        "a\ud800b",
    ],
)
def test_an_id_cannot_change_the_path(server: Server, client: Client, identifier: str) -> None:
    # Quoting does not help: dots are resolved before sending, servers decode slashes, nothing is quoted to nothing.
    server.app = lambda _request: answers({})
    with pytest.raises(InvalidParameter, match="Invalid ID"):
        client.request("DELETE", "/things/{id}/", ids={"id": identifier}, purpose=PURPOSE)
    assert server.sent == []


def test_a_long_invalid_id_is_cut_and_does_not_show_the_key(server: Server, make_client: MakeClient, key: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        make_client(server).get("/things/{id}/", ids={"id": f"{key}/{'x' * 10**6}"}, purpose=PURPOSE)
    assert key not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_the_forms_of_query_values(server: Server, client: Client) -> None:
    server.replies(answers({}))
    query = {"yes": True, "no": False, "list": ["a", "b c"], "none": None, "number": 5, "text": "a&b=c/ö", "empty": ""}
    client.get("/things/", query=query, purpose=PURPOSE)
    assert server.requests[0].query == {
        "yes": "true",
        "no": "false",
        "list": "a,b c",
        "number": "5",
        "text": "a&b=c/ö",
        "empty": "",
    }


def test_a_message_quotes_only_the_start_of_a_long_query(server: Server, client: Client) -> None:
    server.replies(answers({"message": "Unknown group"}, 400))
    groups = [f"{number:08}" for number in range(500)]
    with pytest.raises(ApiError, match=r"GET /things/\?group=0{8},00000001,[0-9,]+\.\.\..*Unknown group") as caught:
        client.get("/things/", query={"group": groups}, purpose=PURPOSE)
    assert len(str(caught.value)) < 700
    assert server.requests[0].query == {"group": ",".join(groups)}


def test_a_query_that_is_not_valid_unicode_is_an_error(server: Server, client: Client) -> None:
    with pytest.raises(InvalidParameter, match="not valid Unicode"):
        client.get("/things/", query={"name": "a\ud800b"}, purpose=PURPOSE)
    assert server.sent == []


def test_a_body_is_sent_as_json_and_none_as_nothing(server: Server, client: Client) -> None:
    server.replies(answers({}), answers({}))
    client.request("POST", "/things/", body={"name": "größe"}, purpose=PURPOSE)
    client.request("DELETE", "/things/1/", purpose=PURPOSE)
    assert server.requests[0].json == {"name": "größe"}
    assert server.requests[0].headers["content-type"] == "application/json"
    assert server.requests[1].body == b""
    assert "content-type" not in server.requests[1].headers


# --- what is answered -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"-----BEGIN\r\n\xff\n", b"-----BEGIN\r\n\xff\n"),
        # Base64 can look like a number.
        (b"123456", b"123456"),
        ({"code": 200, "message": "success", "content": "text"}, b"text"),
        (b'"text"', b"text"),
    ],
)
def test_a_text_is_returned_byte_for_byte(server: Server, client: Client, body: t.Any, text: bytes) -> None:
    server.app = lambda _request: answers(body, Content_Type="text/plain; charset=utf-8")
    assert client.request_text("POST", "/keys/", body={}, purpose=PURPOSE) == text
    (request,) = server.requests
    assert request.headers["accept"] == "text/plain; charset=utf-8"
    assert request.json == {}


@pytest.mark.parametrize("body", [None, b" ", {"code": 200, "message": "no key"}, [], b"<html><title>Login</title>"])
def test_a_response_without_the_text_is_an_error(server: Server, client: Client, body: t.Any) -> None:
    server.app = lambda _request: answers(body)
    with pytest.raises(TransportError, match=r"no text|a web page") as caught:
        client.request_text("POST", "/keys/", purpose=PURPOSE)
    assert caught.value.outcome_unknown
    assert len(server.requests) == 1


def test_the_error_of_a_request_for_a_text_is_json(server: Server, client: Client) -> None:
    server.app = lambda _request: answers({"message": "No permission"}, 403)
    with pytest.raises(ApiError, match="HTTP 403: No permission"):
        client.request_text("POST", "/keys/", purpose=PURPOSE)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"content": {"schema": {"id": "1"}}}, {"id": "1"}),
        ({"content": {"id": "1", "schema": {"id": "2"}}}, {"id": "1", "schema": {"id": "2"}}),
    ],
)
def test_an_object_can_be_nested(server: Server, client: Client, body: t.Any, found: t.Any) -> None:
    server.app = lambda _request: answers(body)
    assert client.get_object("/things/1", object_key="schema", purpose=PURPOSE) == found


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        ({"id": 1}, {"id": 1}),
        ({"content": {"id": 1}}, {"id": 1}),
        ({"code": "201", "message": "made", "content": {"id": 1}}, {"id": 1}),
        ({"content": [1], "message": None}, [1]),
        ({"code": 1, "message": "made", "content": {"id": 1}, "brand_new": []}, {"id": 1}),
        ({"content": {"count": 0, "results": []}, "brand_new": []}, {"count": 0, "results": []}),
        ({"content": {"count": 0}, "results": []}, {"content": {"count": 0}, "results": []}),
        ({"content": "text", "brand_new": 1}, {"content": "text", "brand_new": 1}),
        ({"content": "text", "id": 1}, {"content": "text", "id": 1}),
        ({"code": 1, "message": "no content"}, {"code": 1, "message": "no content"}),
        ([1, 2], [1, 2]),
    ],
)
def test_the_envelope_is_taken_off(server: Server, client: Client, body: t.Any, taken: t.Any) -> None:
    server.replies(answers(body))
    assert get(client) == taken


@pytest.mark.parametrize("body", [[], "text", {}, {"id": None}, {"name": "Berlin"}], ids=str)
def test_what_is_no_object_is_not_taken_for_one(server: Server, client: Client, body: t.Any) -> None:
    server.replies(answers(json.dumps(body)))
    with pytest.raises(TransportError, match=f"{PURPOSE} failed: GET /things/1/ returned no object"):
        client.get_object("/things/{id}/", ids={"id": "1"}, purpose=PURPOSE)


def test_contradicting_lengths_are_damage_that_may_pass(server: Server, client: Client) -> None:
    server.replies(answers('{"id": 1}', Content_Length="9, 7"), answers({"id": 1}))
    assert get(client) == {"id": 1}
    server.app = lambda _request: answers('{"id": 1}', Content_Length="9, 7")
    error = error_of(client, "POST")
    assert "the response of 127.0.0.1 is damaged" in str(error)
    assert error.outcome_unknown


def test_a_conflict_is_explained(server: Server, client: Client) -> None:
    server.replies(answers({"message": "Busy"}, 409))
    assert str(error_of(client)).endswith(
        "returned HTTP 409: Busy. Another client may be changing the same object. Run the task again."
    )


def test_good_json_is_taken_whatever_its_content_type(server: Server, client: Client) -> None:
    server.replies(answers({"id": 1}, Content_Type="text/html"))
    assert get(client) == {"id": 1}


def test_a_compressed_answer_is_read(server: Server, client: Client) -> None:
    server.replies(answers(gzip.compress(b'{"id": 1}'), Content_Encoding="gzip"))
    assert get(client) == {"id": 1}


def test_the_response_to_a_write_request_can_be_empty(server: Server, client: Client) -> None:
    server.replies(answers(None, 204))
    answer = client.request("DELETE", "/things/1/", purpose=PURPOSE)
    assert (answer.status, answer.body) == (204, None)


@pytest.mark.parametrize("body", [b"", b" \n", b"null"])
def test_the_response_to_a_read_can_be_empty_if_the_caller_says_so(
    server: Server, make_client: MakeClient, body: bytes
) -> None:
    client = make_client(server, retries=0)
    server.replies(answers(body), answers(body))
    assert client.get("/things/", purpose=PURPOSE, can_be_empty=True) is None
    assert "returned HTTP 200 with invalid JSON" in str(error_of(client))


def test_a_web_page_is_no_empty_response(server: Server, client: Client) -> None:
    server.replies(answers("<html></html>"))
    with pytest.raises(TransportError, match="a web page instead of JSON"):
        client.get("/things/", purpose=PURPOSE, can_be_empty=True)


def test_a_read_without_an_answer_is_read_again(server: Server, client: Client) -> None:
    server.replies(answers(None), answers({"id": 1}))
    assert get(client) == {"id": 1}


def test_json_that_nests_without_end_is_an_error(server: Server, make_client: MakeClient) -> None:
    server.replies(answers(b"[" * 200_000))
    assert "invalid JSON" in str(error_of(make_client(server, retries=0)))


def test_a_web_page_with_status_200_is_an_error_without_a_retry(server: Server, client: Client) -> None:
    server.replies(answers("<html><head><title>Sign in</title></head></html>"))
    error = error_of(client)
    assert "a web page ('Sign in') instead of JSON" in str(error)
    assert len(server.requests) == 1


# --- the enterprise id ------------------------------------------------------------------------------------------------

TOKEN_INFO, USER_INFO, A_DEVICE = "GET /v1/token-info/", "GET /user_info/", "GET /v2/devices/?limit=1"


def a_device_of(enterprise: str) -> t.Any:
    return {"content": {"count": 1, "results": [{"id": "x", "tenant_id": enterprise}]}}


@pytest.mark.parametrize(
    "refusals",
    [[], [answers({}, 404)], [answers({}, 403), answers({}, 500)], [answers({"enterprise": None}), answers([1])]],
    ids=["token", "user", "device", "device after answers without it"],
)
def test_the_enterprise_id_is_asked_for_in_order(
    server: Server, make_client: MakeClient, enterprise: str, refusals: list[Reply]
) -> None:
    tells: list[t.Any] = [
        {"enterprise": enterprise.upper()},
        {"profile": {"enterprise": f"https://x/enterprise/{enterprise}/"}},
        a_device_of(enterprise),
    ]
    server.replies(*refusals, answers(tells[len(refusals)]))
    assert make_client(server, enterprise_id=None, retries=0).enterprise_id == enterprise
    assert server.sent == [TOKEN_INFO, USER_INFO, A_DEVICE][: len(refusals) + 1]


def test_the_enterprise_id_of_the_options_is_not_asked_for(server: Server, client: Client, enterprise: str) -> None:
    server.replies(answers({}))
    get(client, "/enterprise/{enterprise_id}/things/")
    assert server.sent == [f"GET /enterprise/{enterprise}/things/"]


def test_an_enterprise_id_that_is_not_found_is_an_error(server: Server, make_client: MakeClient) -> None:
    server.replies(answers({}, 404), answers({}), answers({"content": {"count": 0, "results": []}}))
    with pytest.raises(ConfigurationError) as caught:
        get(make_client(server, enterprise_id=None), "/enterprise/{enterprise_id}/things/")
    assert "GET /v1/token-info/ returned HTTP 404; GET /user_info/ does not return it; GET /v2/devices/" in str(
        caught.value
    )
    assert "ESPER_ENTERPRISE_ID" in str(caught.value)
    assert server.url in str(caught.value)


def test_a_service_that_fails_is_no_mistake_of_the_user_s(server: Server, make_client: MakeClient) -> None:
    server.replies(answers({}, 404), answers({}, 502), answers({"content": {"count": 0, "results": []}}))
    with pytest.raises(ApiError, match="Reading the enterprise ID failed: GET /user_info/ returned HTTP 502"):
        get(make_client(server, enterprise_id=None, retries=0), "/enterprise/{enterprise_id}/things/")


def test_a_rejected_key_ends_the_discovery(server: Server, make_client: MakeClient) -> None:
    server.replies(answers({"message": "bad key"}, 401))
    error = error_of(make_client(server, enterprise_id=None), path="/enterprise/{enterprise_id}/things/")
    assert isinstance(error, ApiError)
    assert error.status == 401
    assert "ESPER_API_KEY" in str(error)
    assert server.sent == [TOKEN_INFO]


def test_the_enterprise_id_is_asked_for_once_by_many_threads(
    server: Server, make_client: MakeClient, enterprise: str
) -> None:
    server.app = lambda request: answers({"enterprise": enterprise} if "token" in request.path else {})
    client = make_client(server, enterprise_id=None)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _number: get(client, "/enterprise/{enterprise_id}/things/"), range(16)))
    assert server.sent.count(TOKEN_INFO) == 1
    assert len(server.requests) == 17


@pytest.mark.parametrize(("path", "allowed"), [("/v2/devices/", 8), ("/things/", 12)])
def test_few_lists_of_devices_are_read_at_the_same_time(
    server: Server, client: Client, path: str, allowed: int
) -> None:
    lock, together, in_flight, most = threading.Lock(), threading.Barrier(allowed), 0, 0

    def count(_request: Request) -> Reply:
        nonlocal in_flight, most
        with lock:
            in_flight += 1
            most = max(most, in_flight)
        together.wait(20)
        with lock:
            in_flight -= 1
        return answers({})

    server.app = count
    with ThreadPoolExecutor(2 * allowed) as pool:
        list(pool.map(lambda _number: get(client, path), range(2 * allowed)))
    assert not together.broken
    assert path != "/v2/devices/" or most == allowed


# --- repeating --------------------------------------------------------------------------------------------------------

FAILURES: dict[str, Reply] = {
    "500": answers({}, 500),
    "502": answers("<html></html>", 502),
    "503": answers({}, 503),
    "504": answers("", 504),
    "reset after reading": resets,
    "reset before reading": resets_unread,
    "cut short": cuts_short,
    "damaged gzip": damages_gzip,
    "not whole JSON": answers('{"id": '),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_is_safe_to_repeat_is_repeated(server: Server, client: Client, method: str, failure: Reply) -> None:
    server.replies(failure, failure, answers({"id": 1}))
    assert client.request(method, "/things/", body={"a": 1}, purpose=PURPOSE).body == {"id": 1}
    assert not server.script
    assert not server.unexpected


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_change_that_may_have_taken_effect_is_not_repeated(
    server: Server, client: Client, method: str, failure: Reply
) -> None:
    server.replies(failure)
    assert error_of(client, method).outcome_unknown
    assert not server.unexpected


def test_an_idempotent_write_request_is_repeated(server: Server, client: Client) -> None:
    server.replies(resets, answers({}, 500), answers({"id": 1}))
    assert client.request("PATCH", "/things/1/", body={}, purpose=PURPOSE, idempotent=True).body == {"id": 1}


def test_a_create_that_was_turned_away_is_repeated(server: Server, client: Client) -> None:
    server.replies(answers({}, 429), answers({}, 429, Retry_After="1"), answers({"id": 1}, 201))
    assert client.request("POST", "/things/", body={}, purpose=PURPOSE).body == {"id": 1}


def test_a_create_with_a_refused_connection_is_repeated(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, refusals = socket.socket.connect, [ConnectionRefusedError(111, "refused")] * 2

    def refuse_at_first(connection: socket.socket, address: t.Any) -> None:
        if refusals:
            raise refusals.pop()
        connect(connection, address)

    monkeypatch.setattr(socket.socket, "connect", refuse_at_first)
    server.replies(answers({"id": 1}, 201))
    assert client.request("POST", "/things/", body={}, purpose=PURPOSE).body == {"id": 1}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 422])
def test_a_rejected_request_is_not_repeated(server: Server, client: Client, status: int) -> None:
    server.replies(answers({"message": "no"}, status))
    error = error_of(client)
    assert isinstance(error, ApiError)
    assert (error.status, error.outcome_unknown) == (status, False)
    assert not server.unexpected


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_repeats_are_bounded(server: Server, make_client: MakeClient, retries: int) -> None:
    server.app = lambda _request: answers({}, 503)
    error_of(make_client(server, retries=retries))
    assert len(server.requests) == retries + 1


def test_waits_double_up_to_a_minute(server: Server, make_client: MakeClient, clock: Clock, monkeypatch: t.Any) -> None:
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    server.app = lambda _request: answers({}, 500)
    error_of(make_client(server, retries=8, deadline=0))
    assert clock.waits == [2, 4, 8, 16, 32, 60, 60, 60]


def test_waits_are_spread_from_nothing_to_their_bound(server: Server, make_client: MakeClient, clock: Clock) -> None:
    server.app = lambda _request: answers({}, 500)
    for _time in range(60):
        error_of(make_client(server, retries=1, deadline=0))
    assert all(0 <= wait <= 2 for wait in clock.waits)
    assert min(clock.waits) < 0.5
    assert max(clock.waits) > 1.5


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_obeyed(server: Server, client: Client, clock: Clock, status: int) -> None:
    server.replies(answers({}, status, Retry_After="7"), answers({}))
    get(client)
    # A little longer is well: those who were turned away should not all come back at once.
    assert 7 <= sum(clock.waits) <= 8


def test_retry_after_as_a_date_is_obeyed(server: Server, client: Client, clock: Clock) -> None:
    server.replies(answers({}, 429, Retry_After=formatdate(clock.time() + 42, usegmt=True)), answers({}))
    get(client)
    assert 42 <= sum(clock.waits) <= 47


def test_retry_after_in_the_past_is_no_wait(server: Server, client: Client, clock: Clock) -> None:
    server.replies(answers({}, 429, Retry_After=formatdate(clock.time() - 42, usegmt=True)), answers({}))
    get(client)
    assert sum(clock.waits) == 0


@pytest.mark.parametrize("date_or_seconds", [formatdate(1, usegmt=True), "0", "-1"])
def test_only_the_first_attempt_needs_no_wait(
    server: Server,
    client: Client,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    date_or_seconds: str,
) -> None:
    """With clocks that differ, each date of a server is in the past."""
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    server.replies(*[answers({}, 429, Retry_After=date_or_seconds)] * 3, answers({}))
    get(client)
    assert clock.waits == [4, 8]


@pytest.mark.parametrize("header", ["soon", "", "nan", "Mon, 99 Foo 2026 99:99:99 GMT", None])
def test_without_a_usable_retry_after_the_wait_is_the_usual(
    server: Server, client: Client, clock: Clock, monkeypatch: pytest.MonkeyPatch, header: str | None
) -> None:
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    server.replies(answers({}, 429, **({} if header is None else {"Retry_After": header})), answers({}))
    get(client)
    assert clock.waits == [2]


@pytest.mark.parametrize("deadline", [0, 300, 2 * A_DAY])
def test_an_absurd_wait_is_an_error_at_once_that_says_so(
    server: Server, make_client: MakeClient, clock: Clock, deadline: float
) -> None:
    server.replies(answers({"message": "slow down"}, 429, Retry_After=str(A_DAY)))
    error = error_of(make_client(server, deadline=deadline))
    assert "slow down" in str(error)
    assert f"asks to wait {A_DAY} s, but the task can wait {min(deadline or 600, 600)} s at most" in str(error)
    assert clock.waits == []


def test_a_wait_beyond_the_deadline_is_an_error_at_once(server: Server, make_client: MakeClient, clock: Clock) -> None:
    server.replies(answers({}, 429, Retry_After="60"))
    assert "asks to wait" in str(error_of(make_client(server, deadline=30)))
    assert clock.waits == []


def test_an_absurd_wait_holds_for_other_paths_until_it_is_over(
    server: Server, make_client: MakeClient, clock: Clock
) -> None:
    client = make_client(server, deadline=0)
    server.replies(answers({}, 429, Retry_After="700"))
    error_of(client)
    error = error_of(client, "POST", "/others/")
    assert str(error) == (
        f"{PURPOSE} failed before POST /others/: Esper asks to wait 700 s, but the task can wait 600 s at most."
    )
    assert not error.outcome_unknown
    assert server.sent == ["GET /things/"]
    clock.advance(300)
    server.replies(answers({"id": 1}))
    assert get(client, "/others/") == {"id": 1}
    assert 399 <= sum(clock.waits) <= 400


@pytest.mark.parametrize("retries", [0, 1])
def test_a_wait_holds_for_other_paths_after_the_last_retry(
    server: Server, make_client: MakeClient, clock: Clock, retries: int
) -> None:
    client = make_client(server, retries=retries)
    server.replies(*[answers({}, 503, Retry_After="7")] * (retries + 1), answers({}))
    error_of(client)
    before = sum(clock.waits)
    get(client, "/others/")
    assert 7 <= sum(clock.waits) - before <= 8


def test_a_wait_ends_the_search_for_the_enterprise_id(server: Server, make_client: MakeClient, clock: Clock) -> None:
    server.replies(answers({"message": "slow down"}, 429, Retry_After="99999"))
    with pytest.raises(ApiError, match=r"slow down.* Esper asks to wait 99999 s"):
        assert not make_client(server, enterprise_id=None).enterprise_id
    assert server.sent == ["GET /v1/token-info/"]
    assert clock.waits == []


def test_a_wait_that_is_spread_does_not_outlast_the_deadline(
    server: Server, make_client: MakeClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    server.replies(answers({}, 429, Retry_After="299"))
    assert "deadline" in str(error_of(make_client(server, deadline=300)))
    assert sum(clock.waits) <= 300


def test_a_backoff_beyond_the_deadline_ends_in_the_failure_itself(
    server: Server, make_client: MakeClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    server.app = lambda _request: answers({"message": "sorry"}, 500)
    error = error_of(make_client(server, retries=50, deadline=20))
    assert "sorry" in str(error)
    assert sum(clock.waits) <= 20


def test_all_threads_wait_if_esper_asks_one_of_them(server: Server, client: Client, clock: Clock) -> None:
    server.replies(answers({}, 429, Retry_After="30"), answers({}), answers({}))
    get(client)
    before = list(clock.waits)
    get(client)
    assert 30 <= sum(before) <= 33
    assert clock.waits == before
    assert client.throttle_count == 1


def test_the_deadline_covers_all_requests_together(server: Server, make_client: MakeClient, clock: Clock) -> None:
    client = make_client(server, deadline=100)
    server.app = lambda _request: answers({})
    get(client)
    clock.advance(99)
    get(client)
    clock.advance(1)
    error = error_of(client, "PUT")
    assert "failed before PUT /things/: the task exceeded its deadline of 100 s. Increase deadline." in str(error)
    assert not error.outcome_unknown
    assert len(server.requests) == 2


def test_without_a_deadline_nothing_is_over(server: Server, make_client: MakeClient, clock: Clock) -> None:
    client = make_client(server, deadline=0)
    clock.advance(10 * A_DAY)
    server.replies(answers({"id": 1}))
    assert get(client) == {"id": 1}


def test_the_deadline_ends_an_answer_that_trickles_in(server: Server, make_client: MakeClient) -> None:
    trickle = Trickle()
    server.replies(trickle)
    error = error_of(make_client(server, deadline=0.5, retries=0))
    assert "the request to 127.0.0.1 timed out" in str(error)
    assert trickle.heard_out is not True, "the whole body was waited for, long after the deadline"


@pytest.mark.parametrize("head", [b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nX-Slow: "])
def test_the_deadline_ends_an_answer_whose_head_trickles_in(
    server: Server, make_client: MakeClient, head: bytes
) -> None:
    heard: list[bool] = []

    def trickles(exchange: Exchange) -> None:
        with contextlib.suppress(OSError):
            exchange.write(head)
            for _count in range(200):
                exchange.write(b"0")
                exchange.closing.wait(0.05)
            heard.append(True)

    server.replies(trickles)
    error = error_of(make_client(server, deadline=0.5, timeout=0.2, retries=0), "POST")
    assert "the request to 127.0.0.1 timed out" in str(error)
    assert error.outcome_unknown
    assert not heard, "the whole head was waited for, long after the deadline"


def test_a_host_with_several_addresses_is_tried_until_one_of_them_answers(
    server: Server, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = ("127.9.9.9", server.port), ("127.0.0.1", server.port)
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
    look_up = socket.getaddrinfo

    def look_up_tenant(host: t.Any, *rest: t.Any, **more: t.Any) -> t.Any:
        return found if host == "tenant.test" else look_up(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_tenant)
    server.replies(answers({"id": 1}))
    assert get(make_client(server, api_url=f"http://tenant.test:{server.port}/api", retries=0)) == {"id": 1}
    assert server.requests[0].headers["host"] == f"tenant.test:{server.port}"


def test_a_request_to_a_server_that_hangs_times_out(server: Server, make_client: MakeClient) -> None:
    server.replies(hangs)
    error = error_of(make_client(server, timeout=0.1, retries=0), "POST")
    assert "the request to 127.0.0.1 timed out" in str(error)
    assert error.outcome_unknown


# --- bodies -----------------------------------------------------------------------------------------------------------

A_BODY = b'{"id": 1}'
BODIES_IN_CODINGS = {
    "gzip": gzip.compress(A_BODY),
    "x-gzip": gzip.compress(A_BODY),
    "GZIP": gzip.compress(A_BODY[:3]) + gzip.compress(b"") + gzip.compress(A_BODY[3:]),
    "deflate": zlib.compress(A_BODY),
    "identity": A_BODY,
    "": A_BODY,
}


@pytest.mark.parametrize("coding", BODIES_IN_CODINGS)
def test_a_compressed_body_is_read(server: Server, client: Client, coding: str) -> None:
    server.replies(answers(BODIES_IN_CODINGS[coding], Content_Encoding=coding))
    assert get(client) == {"id": 1}
    assert server.requests[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("content", [gzip.compress(A_BODY)[:-1], gzip.compress(A_BODY) + b"\0", b"\x1f\x8b", b"{}"])
def test_a_compressed_body_with_missing_or_other_bytes_is_damaged(
    server: Server, make_client: MakeClient, content: bytes
) -> None:
    server.replies(answers(content, Content_Encoding="gzip"))
    assert "the response of 127.0.0.1 is damaged." in str(error_of(make_client(server, retries=0)))


def test_an_empty_body_is_no_damaged_gzip(server: Server, client: Client) -> None:
    server.replies(answers(b"", Content_Encoding="gzip"))
    assert client.request("DELETE", "/things/", purpose=PURPOSE).body is None


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "unknown"])
def test_a_body_in_a_coding_that_was_not_asked_for_is_an_error(server: Server, client: Client, coding: str) -> None:
    server.replies(answers(A_BODY, Content_Encoding=coding))
    assert "the response of 127.0.0.1 has an unsupported Content-Encoding." in str(error_of(client))


@pytest.mark.parametrize("coding", ["identity", "gzip", "deflate"])
def test_a_body_above_the_maximum_size_is_an_error_without_a_retry(
    server: Server, make_client: MakeClient, coding: str
) -> None:
    def sends(body: bytes) -> Reply:
        encoded = {"identity": body, "gzip": gzip.compress(body), "deflate": zlib.compress(body)}[coding]
        return answers(encoded, Content_Encoding=coding)

    text = b'"' + b"a" * 1_999_998 + b'"'
    server.replies(sends(text), sends(text + b" "), sends(text + b" "))
    client = make_client(server, max_response_size=2)
    assert len(get(client)) == 1_999_998
    error = error_of(client, "PUT")
    assert str(error).endswith("the response of 127.0.0.1 is larger than 2 MB. Increase max_response_size.")
    assert error.outcome_unknown
    assert len(server.requests) == 2
    assert len(get(make_client(server, max_response_size=0))) == 1_999_998


def test_a_large_error_is_not_read_to_its_end(server: Server, make_client: MakeClient) -> None:
    server.replies(answers(b"<title>Busy</title>" + b" " * 3_000_000, 502))
    error = error_of(make_client(server, max_response_size=2, retries=0))
    assert "returned HTTP 502: a web page ('Busy')" in str(error)


def test_an_early_hint_is_not_the_response(server: Server, client: Client) -> None:
    def hints(exchange: Exchange) -> None:
        exchange.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        answers({"message": "No."}, 400)(exchange)

    server.replies(hints)
    assert "returned HTTP 400: No." in str(error_of(client, "POST"))


# --- errors -----------------------------------------------------------------------------------------------------------

BODIES: dict[str, tuple[t.Any, list[str], list[str]]] = {
    # body, what the sentence holds, the list of errors
    "legacy": (
        {"errors": ["detail: Not found."], "message": "detail: Not found. ", "status": 404},
        ["detail: Not found."],
        ["detail: Not found."],
    ),
    "legacy, several": (
        {"errors": ["name: Too long.", "parent: Unknown."], "message": "Invalid ", "status": 400},
        ["Invalid; name: Too long.; parent: Unknown"],
        ["name: Too long.", "parent: Unknown."],
    ),
    "v2 with text": (
        {"code": "3456", "message": "Bad", "content": "the name is taken"},
        ["Bad; the name is taken"],
        [],
    ),
    "v2 with object": ({"code": 400, "message": "Bad", "content": {"field": "name"}}, ["Bad", "field", "name"], []),
    "v2 without content": ({"code": 400, "message": "Bad", "content": None}, ["Bad"], []),
    "error": ({"error": "no such thing"}, ["no such thing"], []),
    "message and code": ({"message": "no such thing", "code": 17}, ["no such thing"], []),
    "detail": ({"detail": "no such thing"}, ["no such thing"], []),
    "errors as dict": ({"errors": {"name": "taken"}, "message": "Bad"}, ["Bad", "name: taken"], ["name: taken"]),
    "errors as dict of lists": ({"errors": {"name": ["is taken"]}}, ["name:", "is taken"], ["name: is taken"]),
    "errors as text": ({"errors": "taken"}, ["taken"], ["taken"]),
    "errors as null": ({"errors": None, "message": "Bad"}, ["Bad"], []),
    "errors of other types": ({"errors": [1, None]}, ["1"], ["1"]),
    "fields": (
        {"name": ["This field is required.", "Too short."], "tags": ["Unknown."]},
        ["400: name: This field is required.; Too short.; tags: Unknown."],
        ["name: This field is required.; Too short.", "tags: Unknown."],
    ),
    "nested fields": (
        {"settings": {"android": {"limit": [250]}}},
        ["400: settings.android.limit: 250."],
        [],
    ),
    "no field": ({"non_field_errors": ["Not now."]}, ["400: Not now."], ["Not now."]),
    "list of texts": (["The name is taken."], ["400: The name is taken."], ["The name is taken."]),
    "list of objects": (
        [{"name": ["Taken."]}, {"detail": "Busy."}],
        ["name: Taken.; Busy."],
        ["name: Taken.", "Busy."],
    ),
    "problem": (
        {"title": "No such plan", "status": 400, "type": "about:blank", "reason": "it was deleted"},
        ["400: No such plan; it was deleted."],
        [],
    ),
    "errors as objects": (
        {"errors": [{"detail": "Taken.", "code": "unique", "source": {"pointer": "/name"}}]},
        ["400: Taken.; source.pointer: /name."],
        ["Taken.", "source.pointer: /name"],
    ),
    "number": (17, ["400: 17."], []),
    "nothing to quote": ({"code": 17, "count": None}, ['400: {"code": 17, "count": null}.'], []),
    "empty object": ({}, ["returned HTTP 400."], []),
    "web page": ("<html><title>502 Bad Gateway</title>", ["a web page ('502 Bad Gateway') instead of JSON"], []),
    "web page without title": ("  <!DOCTYPE html><p>x", ["a web page instead of JSON"], []),
    "empty": ("", ["returned HTTP 400."], []),
    "text": ("no healthy upstream", ["returned HTTP 400", "no healthy upstream"], []),
    "text in JSON": ('"no healthy upstream"', ["no healthy upstream"], []),
    "bytes": (b"\xff\xfe\x00", ["returned HTTP 400"], []),
}


@pytest.mark.parametrize(("body", "says", "errors"), BODIES.values(), ids=BODIES)
def test_an_error_says_what_was_done_and_what_the_server_said(
    server: Server, client: Client, body: t.Any, says: list[str], errors: list[str]
) -> None:
    server.replies(answers(body, 400))
    error = error_of(client, "PUT", "/things/1/")
    assert isinstance(error, ApiError)
    assert str(error).startswith("Reading the thing failed: PUT /things/1/ returned HTTP 400")
    assert str(error).endswith(".")
    assert ".." not in str(error)
    for text in says:
        assert text in str(error)
    assert error.errors == errors


def test_what_the_server_repeats_is_said_once(server: Server, client: Client) -> None:
    server.replies(answers(BODIES["legacy"][0], 404))
    assert str(error_of(client)).count("Not found") == 1


def test_the_details_of_an_error_are_for_programs(server: Server, client: Client) -> None:
    server.replies(answers({"message": "Bad", "errors": ["name: taken"]}, 409))
    assert error_of(client, "POST").details() == {
        "request": {"method": "POST", "path": "/things/"},
        "status": 409,
        "errors": ["name: taken"],
    }


LONG: dict[str, t.Any] = {
    "text": {"message": "x" * 100_000},
    "texts": {"errors": [{"name": [f"no {number}" for number in range(50)]}] * 1000},
    "keys": {f"field {number}" * 50: ["taken"] for number in range(10_000)},
    "nested": json.loads("[" * 500 + "]" * 500),
    "wide and nested": [[[[[]] * 20] * 20] * 20] * 20,
    "titles": "<title" * 200_000,
    "whitespace": " " * 1_000_000 + "<",
    "numbers": [10**4000] * 100,
}


@pytest.mark.parametrize("body", LONG.values(), ids=LONG)
@pytest.mark.parametrize("status", [200, 400])
def test_only_the_start_of_a_large_error_is_read(server: Server, client: Client, body: t.Any, status: int) -> None:
    # A secret with many encodings, which are looked for in each text.
    redaction = Redaction(["p\u00e4ss <word> 'and' \"more\" /"])
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    started = time.process_time()
    with contextlib.suppress(Transient, RequestFailed):
        read_response(
            status, content, None, redaction, method="GET", target="/things/", purpose=PURPOSE, can_be_empty=False
        )
    assert time.process_time() - started < 1
    server.replies(answers(body, 400))
    assert len(str(error_of(client))) < 1000


def test_a_shortened_message_says_so(server: Server, client: Client) -> None:
    server.replies(answers({"message": "too long " * 1000}, 400))
    assert str(error_of(client)).endswith("too long too l...")


@pytest.mark.parametrize(
    "body",
    [
        {"message": 'No: {"password": "hunter2", "pin": 1234, "name": "Ops"}'},
        {"errors": [{"wifiPhrase": "hunter2", "pin": 1234, "name": "Ops"}]},
        {"request": {"api_key": "hunter2", "passwords": ["1234"], "name": "Ops"}},
        {"message": "No: {'passwords': ['hunter2', '1234'], 'name': 'Ops'}"},
        {"password": {"value": "hunter2"}, "secret": {"data": [{"text": "1234"}]}, "name": "Ops"},
        "token=hunter2&pin=1234&name=Ops",
        "{'token': 'hunter2', 'pin': 1234, 'name': 'Ops'}",
    ],
    ids=str,
)
def test_the_values_of_secret_keys_are_not_quoted(server: Server, client: Client, body: t.Any) -> None:
    server.replies(answers(body, 400))
    error = error_of(client)
    shown = json.dumps([str(error), error.details()])
    assert not [secret for secret in ("hunter2", "1234") if secret in shown]
    assert "Ops" in shown


@pytest.mark.parametrize("text", ["This password is too short.", "required", "Invalid."])
def test_an_error_about_a_password_is_quoted(server: Server, client: Client, text: str) -> None:
    server.replies(answers({"password": [text]}, 400))
    assert f"password: {text}" in f"{error_of(client)}."


def test_control_characters_are_escaped(server: Server, client: Client) -> None:
    server.replies(answers({"message": "\x1b[2Jok: \u202eslave\x07\nchanged"}, 400))
    assert r": \x1b[2Jok: \u202eslave\x07 changed." in str(error_of(client))


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "ESPER_API_KEY"), (403, "role or scope"), (429, "rate limit is exceeded")]
)
def test_a_status_with_a_usual_cause_has_a_hint(
    server: Server, make_client: MakeClient, status: int, hint: str
) -> None:
    server.replies(answers({"message": "No."}, status))
    assert hint in str(error_of(make_client(server, retries=0)))


def test_a_host_that_is_not_known_is_a_sentence(
    server: Server, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[t.Any] = []

    def unknown(host: t.Any, *_rest: t.Any, **_more: t.Any) -> t.NoReturn:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = error_of(make_client(server, api_url="https://nobody-api.esper.cloud/api"), "POST")
    assert "POST /things/" in str(error)
    assert "the host nobody-api.esper.cloud was not found. Check tenant or api_url" in str(error)
    assert not error.outcome_unknown
    assert len(asked) == 1, "asking again would not help"


def test_a_name_service_that_is_busy_is_asked_again(
    server: Server, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up, failures = socket.getaddrinfo, [socket.gaierror(socket.EAI_AGAIN, "Temporary failure")]

    def busy(*arguments: t.Any, **more: t.Any) -> t.Any:
        if failures:
            raise failures.pop()
        return look_up(*arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", busy)
    server.replies(answers({"id": 1}))
    assert get(make_client(server)) == {"id": 1}


def test_a_refused_connection_is_a_sentence(make_client: MakeClient) -> None:
    gone = Server()
    gone.close()
    error = error_of(make_client(gone, retries=1), "POST")
    assert "POST /things/" in str(error)
    assert "the host 127.0.0.1 refused the connection" in str(error)
    assert not error.outcome_unknown


def test_a_lost_connection_is_a_sentence(server: Server, make_client: MakeClient) -> None:
    server.replies(resets)
    assert "the connection to 127.0.0.1 was lost" in str(error_of(make_client(server, retries=0)))


def test_a_damaged_answer_is_a_sentence(server: Server, make_client: MakeClient) -> None:
    server.replies(damages_gzip)
    assert "the response of 127.0.0.1 is damaged" in str(error_of(make_client(server, retries=0)))


def test_a_proxy_that_does_not_work_is_a_sentence_without_its_password(
    server: Server, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Server()
    gone.close()
    monkeypatch.setenv("HTTP_PROXY", f"http://user:hunter2@127.0.0.1:{gone.port}")
    error = str(error_of(make_client(server, api_url="http://esper.example/api", retries=0)))
    assert "proxy" in error
    assert "hunter2" not in error


@pytest.mark.parametrize("scheme", ["socks4", "socks5", "socks5h"])
def test_a_socks_proxy_without_its_library_is_a_sentence(
    server: Server, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setattr(requests.adapters, "SOCKSProxyManager", _no_socks)
    monkeypatch.setenv("HTTP_PROXY", f"{scheme}://user:hunter2@127.0.0.1:1080")
    error = str(error_of(make_client(server)))
    assert "requires the Python library PySocks. Install it for " in error
    assert "hunter2" not in error


def _no_socks(*_arguments: t.Any, **_options: t.Any) -> t.NoReturn:
    # As requests without the library does.
    raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")


@pytest.mark.parametrize("proxy", ["ftp://user:hunter2@h:1", "http://", "http://[::1", "http://user:hunter2@h:99999"])
def test_an_invalid_proxy_is_a_sentence_without_its_password(
    server: Server, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    error = str(error_of(make_client(server)))
    assert "the URL of the proxy in the environment variables is invalid" in error
    assert "hunter2" not in error


@pytest.mark.parametrize("host", ["a..b", "*.example", f"{'a' * 64}.example"])
def test_a_host_that_is_not_valid_is_a_sentence(server: Server, make_client: MakeClient, host: str) -> None:
    error = str(error_of(make_client(server, api_url=f"http://{host}/api")))
    assert error == f"{PURPOSE} failed: GET /things/: the host {host} is invalid. Check tenant or api_url."


def test_the_proxy_that_sees_the_key_is_named_without_its_password(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.warnings == []
    monkeypatch.setenv("HTTP_PROXY", "http://user:hunter2@proxy.example:3128")
    (warning,) = client.warnings
    assert "unencrypted to the proxy proxy.example:3128," in warning
    assert "hunter2" not in warning
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert client.warnings == []


def test_a_proxy_that_gets_an_encrypted_key_is_no_warning(
    server: Server, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert make_client(server, api_url="https://gateway.example/api").warnings == []


# --- redirects --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_read_follows_a_redirect_on_the_same_host(server: Server, client: Client, key: str, status: int) -> None:
    server.replies(redirects("/api/other/?a=1", status), answers({"id": 1}))
    assert get(client) == {"id": 1}
    assert server.sent == ["GET /things/", "GET /other/?a=1"]
    assert server.requests[1].headers["authorization"] == f"Bearer {key}"


def test_a_redirect_without_end_is_an_error(server: Server, client: Client) -> None:
    server.app = lambda request: redirects(request.target)
    assert "was redirected more than" in str(error_of(client))
    assert len(server.requests) < 10


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_redirect_of_a_write_request_is_not_followed(
    server: Server, client: Client, method: str, status: int
) -> None:
    server.replies(redirects("/api/other/", status))
    assert "It is not followed" in str(error_of(client, method))
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "location", ["http://localhost:{port}/api/", "//localhost:{port}/", "https://127.0.0.1:{port}/"]
)
def test_another_host_never_gets_the_key(server: Server, client: Client, method: str, location: str) -> None:
    other = Server()
    server.replies(redirects(location.format(port=other.port)))
    assert "It is not followed" in str(error_of(client, method))
    other.close()
    assert other.requests == []


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "location", ["http://[nonsense/", "http://h:99999/", "http://h:port/", "mailto:a@b", "https://"]
)
def test_a_redirect_to_nonsense_is_a_sentence(server: Server, client: Client, method: str, location: str) -> None:
    server.replies(redirects(location))
    error = str(error_of(client, method))
    assert error.startswith(
        f"{PURPOSE} failed: {method} /things/ returned HTTP 302, a redirect to an invalid URL. It is"
    )
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("status", "headers"), [(302, {}), (305, {}), (300, {"Location": "/api/other/"}), (302, {"Location": ""})]
)
def test_a_redirect_that_cannot_be_followed_is_no_success(
    server: Server, client: Client, method: str, status: int, headers: dict[str, str]
) -> None:
    server.replies(answers(None, status, **headers))
    error = str(error_of(client, method))
    assert f"{method} /things/ returned HTTP {status}, a redirect to an invalid URL" in error
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_only_a_put_can_return_that_nothing_is_modified(server: Server, client: Client, method: str) -> None:
    server.replies(answers(None, 304), answers(None, 304))
    assert client.request("PUT", "/things/", purpose=PURPOSE).status == 304
    assert f"{method} /things/ returned HTTP 304, a redirect" in str(error_of(client, method))


def test_the_body_of_a_redirect_is_not_read(server: Server, client: Client) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.send(302, {"Location": "/api/other/", "Content-Length": str(10**9)}, b"x")
        hangs(exchange)

    server.replies(endless, answers({"id": 1}))
    assert get(client) == {"id": 1}


def test_a_redirect_names_the_port_of_its_target(server: Server, client: Client) -> None:
    server.replies(redirects("https://user:hunter2@gateway.example:8443/api/?a=b"))
    error = str(error_of(client))
    assert "a redirect to https://gateway.example:8443. It is not followed" in error


@pytest.mark.parametrize("form", ["HTTP://127.0.0.1:{port}/api/other/", "/api/other/"])
def test_the_same_host_in_another_form_is_followed(server: Server, client: Client, form: str) -> None:
    server.replies(redirects(form.format(port=server.port)), answers({"id": 1}))
    assert get(client) == {"id": 1}


def test_a_redirect_with_a_user_is_not_followed(server: Server, client: Client) -> None:
    server.replies(redirects(f"http://user:hunter2@127.0.0.1:{server.port}/api/other/"))
    assert "hunter2" not in str(error_of(client))
    assert len(server.requests) == 1


def test_a_long_redirect_is_cut(server: Server, client: Client) -> None:
    server.replies(redirects(f"https://{'x' * 10_000}/"))
    assert len(str(error_of(client))) < 600


@pytest.mark.parametrize("change", [str, str.lower, str.upper, str.swapcase])
def test_a_redirect_does_not_show_the_key_in_any_case(
    server: Server, client: Client, key: str, change: t.Callable[[str], str]
) -> None:
    server.replies(redirects(f"https://{change(key)}.example/"))
    error = str(error_of(client))
    assert "a redirect to https://********.example. It is not followed" in error
    assert key.lower() not in error.lower()


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    pytest.importorskip("cryptography")
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls_server(authority: Authority, request: pytest.FixtureRequest) -> t.Iterator[Server]:
    """A server with TLS; a parameter gives the address and the days of its certificate."""
    running = Server(authority.context(*getattr(request, "param", ())))
    running.app = lambda _request: answers({"id": 1})
    yield running
    running.close()


def test_a_certificate_of_an_unknown_ca_is_an_error_without_a_retry(
    tls_server: Server, make_client: MakeClient
) -> None:
    error = error_of(make_client(tls_server))
    assert "the TLS certificate of 127.0.0.1 is invalid (" in str(error)
    assert "ca_path" in str(error)
    assert tls_server.requests == []


@pytest.mark.parametrize("tls_server", [("127.0.0.1", -1)], indirect=True)
def test_an_expired_certificate_is_an_error(tls_server: Server, make_client: MakeClient, authority: Authority) -> None:
    assert "expired" in str(error_of(make_client(tls_server, ca_path=str(authority.path))))
    assert tls_server.requests == []


@pytest.mark.parametrize("tls_server", [("127.0.0.2",)], indirect=True)
def test_a_certificate_of_another_host_is_an_error(
    tls_server: Server, make_client: MakeClient, authority: Authority
) -> None:
    error = str(error_of(make_client(tls_server, ca_path=str(authority.path))))
    assert "the TLS certificate of 127.0.0.1 is invalid (" in error
    assert tls_server.requests == []


def test_a_ca_of_one_s_own_is_trusted(tls_server: Server, make_client: MakeClient, authority: Authority) -> None:
    assert get(make_client(tls_server, ca_path=str(authority.path))) == {"id": 1}


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("bundle", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_validation_can_be_turned_off_whatever_the_environment_says(
    tls_server: Server, make_client: MakeClient, authority: Authority, monkeypatch: pytest.MonkeyPatch, bundle: str
) -> None:
    monkeypatch.setenv(bundle, str(authority.path))
    assert get(make_client(tls_server, api_url=tls_server.url, validate_certs=False)) == {"id": 1}


def test_ca_path_wins_over_the_environment(
    tls_server: Server, make_client: MakeClient, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    assert get(make_client(tls_server, ca_path=str(authority.path))) == {"id": 1}


@pytest.mark.parametrize("name", ["ca_path", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file or directory"), ("no certificate", "it has no certificate in PEM format"), ("", "PEM")],
)
def test_a_ca_file_that_cannot_be_read_is_an_error_that_names_the_option(
    tls_server: Server,
    make_client: MakeClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    content: str | None,
    reason: str,
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    if name == "ca_path":
        client = make_client(tls_server, ca_path=str(file))
    else:
        client = make_client(tls_server)
        monkeypatch.setenv(name, str(file))
    error = str(error_of(client))
    assert f"the file of CA certificates {file} cannot be read (" in error
    assert reason in error
    assert error.endswith(("Check ca_path (ESPER_CA_PATH).", f"Check the environment variable {name}."))
    assert tls_server.requests == []


def test_a_server_that_speaks_no_tls_is_a_sentence(server: Server, make_client: MakeClient) -> None:
    error = error_of(make_client(server, api_url=server.url.replace("http:", "https:"), retries=0))
    assert "TLS" in str(error)


# --- secrets ----------------------------------------------------------------------------------------------------------

SECRET = "s3cr3t0123456789abcdef"
ECHOES: dict[str, t.Callable[[Request], Reply]] = {
    "message": lambda _request: answers({"message": f"bad key {SECRET}"}, 400),
    "errors": lambda request: answers({"errors": [request.headers["authorization"]]}, 400),
    "errors as dict": lambda _request: answers({"errors": {SECRET: [SECRET]}}, 400),
    "content": lambda request: answers({"content": dict(request.headers)}, 400),
    "text": lambda request: answers(json.dumps(request.headers["authorization"]), 500),
    "plain text": lambda request: answers(request.headers["authorization"], 500),
    "title": lambda _request: answers(f"<title>{SECRET}</title>", 502),
    "title of a page": lambda _request: answers(f"<title>{SECRET}</title>"),
    "redirect": lambda _request: redirects(f"https://{SECRET}/{SECRET}"),
    "cut off in the message": lambda _request: answers({"message": f"{'x' * 490} {SECRET}"}, 400),
    "cut off in the errors": lambda _request: answers({"errors": [f"{'x' * 490} {SECRET}"]}, 400),
    "cut off in the title": lambda _request: answers(f"<title>{'x' * 70} {SECRET}</title>", 500),
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_the_key_is_in_no_error_and_no_log_even_when_the_server_echoes_it(
    server: Server, make_client: MakeClient, echo: t.Callable[[Request], Reply]
) -> None:
    log: list[str] = []
    server.app = echo
    client = make_client(server, api_key=SECRET, retries=1, log=log.append)
    error = error_of(client, path=f"/things/{SECRET}/")
    told = json.dumps([str(error), repr(error), vars(error).get("server_message"), log, repr(client)])
    told += json.dumps([error.details().get("errors")])
    # A part of the key is too much as well.
    assert SECRET[:6] not in told.replace(f"/things/{SECRET}/", "")


def test_the_key_is_not_in_the_cause_of_an_error(server: Server, make_client: MakeClient) -> None:
    server.replies(resets)
    error: BaseException | None = error_of(make_client(server, api_key=SECRET, retries=0))
    assert error is not None
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_the_log_gets_one_line_a_request(server: Server, make_client: MakeClient) -> None:
    log: list[str] = []
    client = make_client(server, log=log.append)
    server.replies(answers({}, 503), resets, redirects("/api/other/"), answers({}))
    get(client)
    assert [line.partition(" in ")[0] for line in log] == [
        "GET /things/: 503",
        "GET /things/: no response",
        "GET /things/: 302",
        "GET /things/: 200",
    ]
    assert all(re.search(r" in \d+ ms$", line) for line in log)


def test_without_the_library_requests_the_error_says_how_to_install_it(
    server: Server, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "HAS_REQUESTS", False)
    with pytest.raises(ConfigurationError, match="pip install requests"):
        make_client(server)


def test_threads_share_a_client(server: Server, client: Client) -> None:
    server.app = lambda request: answers({"path": request.path})
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: get(client, f"/things/{number}/")["path"], range(50)))
    assert found == [f"/api/things/{number}/" for number in range(50)]


def test_an_error_of_the_transport_has_details_too(server: Server, make_client: MakeClient) -> None:
    server.replies(resets)
    error = error_of(make_client(server, retries=0))
    assert isinstance(error, TransportError)
    assert error.details() == {"request": {"method": "GET", "path": "/things/"}}


def test_long_waits_are_announced_once(server: Server, client: Client, clock: Clock) -> None:
    announced: list[str] = []
    client._transport._progress = announced.append
    server.replies(answers({}, 429, Retry_After="45"), answers({}), answers({}, 429, Retry_After="5"), answers({}))
    get(client)
    get(client)
    assert len(announced) == 1
    assert re.fullmatch(r".*: Esper asks to wait[.] The next attempt is in 4[5-9] s[.]", announced[0])


def test_tls_to_a_port_without_it_fails_at_once() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        accepted: list[int] = []

        def respond() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _address = listener.accept()
                    accepted.append(1)
                    with connection:
                        connection.recv(4096)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=respond, daemon=True).start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/api"
        client = Client(Connection(url, "k", retries=4))
        with client, pytest.raises(TransportError, match="does not use TLS on this port"):
            get(client)
        assert accepted == [1]
