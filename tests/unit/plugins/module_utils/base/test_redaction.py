# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import html
import json
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, quote_plus, urlencode

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ApiError, EsperError
from ansible_collections.esper.cloud.plugins.module_utils.base.redaction import Disclosed, Redaction
from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient
from ansible_collections.esper.cloud.tests.unit.service import Server, answers
from hypothesis import given
from hypothesis import strategies as st

SECRET = 'Gr\u00fc\u00df "G\u00f6tt" & <w0rd>/+\\ 42'
ENCODERS: list[t.Callable[[str], str]] = [
    str,
    repr,
    html.escape,
    quote,
    quote_plus,
    json.dumps,
    lambda text: quote(text, safe=""),
    lambda text: urlencode({"password": text}),
    lambda text: json.dumps({"password": text}, ensure_ascii=False),
    lambda text: repr(json.dumps({"password": text}).encode()),
    lambda text: json.dumps({"message": json.dumps({"password": text})}),
]


@pytest.mark.parametrize("encode", ENCODERS)
@given(secret=st.text(min_size=8).filter(str.strip), around=st.text(max_size=5))
def test_an_escaped_secret_is_masked(encode: t.Callable[[str], str], secret: str, around: str) -> None:
    encoded = encode(secret)
    assert encoded not in Redaction([secret]).text(f"{around} {encoded} {around}")


def test_a_secret_that_is_a_part_of_another_is_masked() -> None:
    redaction = Redaction(["correct horse", "correct horse battery"])
    assert redaction.text("correct horse battery, correct horse") == "********, ********"


@pytest.mark.parametrize("join", ["\n", " "])
def test_a_secret_with_other_whitespace_is_masked(join: str) -> None:
    redaction = Redaction(["-----BEGIN KEY-----\nMIIC\n-----END KEY-----\n", "   pass   "])
    key = join.join(("-----BEGIN KEY-----", "MIIC", "-----END KEY-----"))
    assert redaction.text(f"Invalid key {key}.") == "Invalid key ********."
    assert redaction.text("pass, or '   pass   '") == "pass, or '********'"


@pytest.mark.parametrize("secret", ["1", "1234567", "pass"])
def test_a_short_secret_is_not_looked_for(secret: str) -> None:
    text = f"The password {secret} of 12345678 passes"
    assert Redaction([secret]).text(text) == text


def test_an_id_is_not_changed() -> None:
    identifier = "0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d"
    text = f"GET /0f5b8b52/{identifier}/"
    assert Redaction(["0f5b8b52"]).text(text) == f"GET /********/{identifier}/"
    assert Redaction([identifier]).text(text) == "GET /0f5b8b52/********/"


@pytest.mark.parametrize("offset", range(4096 - len(SECRET) - 2, 4098))
def test_no_part_of_a_secret_is_left_where_a_long_text_is_cut(offset: int) -> None:
    # The text before the secret becomes short, so the end of the part that is read is shown.
    other = "correct horse battery staple"
    text = f"{(other * 1000)[:offset]}{SECRET}{'.' * 5000}"
    assert "Gr" not in Redaction([SECRET, other]).start(text, 5000).replace("********", "")


def test_all_texts_of_a_value_are_masked() -> None:
    value = {"a": [f"no {SECRET}", 1, None], SECRET: {"b": True}}
    assert Redaction([SECRET]).all(value) == {"a": ["no ********", 1, None], "********": {"b": True}}


def test_a_secret_that_is_added_later_is_masked() -> None:
    redaction = Redaction(["correct horse"])
    assert redaction.text(f"correct horse {SECRET}") == f"******** {SECRET}"
    redaction.add([SECRET, "correct horse", "short"])
    assert redaction.text(f"correct horse {SECRET} {quote(SECRET)} short") == "******** ******** ******** short"
    assert redaction.learned == {SECRET}


def test_threads_add_secrets_and_mask_texts_at_the_same_time() -> None:
    redaction = Redaction([])

    def is_masked(number: int) -> bool:
        secret = f"secret <{number:04}>"
        redaction.add([secret])
        return redaction.text(f"{secret} {html.escape(secret)}") == "******** ********"

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(is_masked, range(400)))


def test_a_secret_that_a_task_asks_for_is_only_shown_in_its_place() -> None:
    shown = Redaction([SECRET]).all({"token": Disclosed(SECRET), "others": [SECRET]})
    assert shown == {"token": SECRET, "others": ["********"]}
    assert shown["token"].__class__ is str


@given(text=st.text())
def test_a_text_without_secrets_is_not_changed(text: str) -> None:
    assert Redaction(["", "  "]).text(text) == text


@pytest.mark.parametrize("status", [400, 409, 500])
@pytest.mark.parametrize("offset", [0, 30, 440, 495, 499])
@pytest.mark.parametrize("is_json", [True, False])
def test_no_part_of_a_secret_is_left_in_a_truncated_error(
    server: Server, make_client: MakeClient, status: int, offset: int, is_json: bool
) -> None:
    text = "." * offset + json.dumps({"password": SECRET})
    body: t.Any = {"message": text, "errors": [text], "content": {"password": SECRET}} if is_json else text.encode()
    server.replies(answers(body, status=status))
    client = make_client(server, secrets=[SECRET], retries=0)
    with pytest.raises(ApiError) as caught:
        client.request("POST", "/v2/devices/", body={"password": SECRET}, purpose="Writing")
    shown = json.dumps([str(caught.value), caught.value.details(), caught.value.server_message])
    assert "Gr" not in shown


def test_no_part_of_a_secret_is_left_in_the_title_of_a_web_page(server: Server, make_client: MakeClient) -> None:
    page = f"<html><title>{'.' * 70}{html.escape(SECRET)}</title></html>"
    server.replies(answers(page.encode(), status=200))
    with pytest.raises(EsperError) as caught:
        make_client(server, secrets=[SECRET]).get("/v2/devices/", purpose="Reading")
    assert "web page" in str(caught.value)
    assert "Gr" not in str(caught.value)


def test_thousands_of_secrets_are_masked_like_a_few() -> None:
    secrets = [f"{number:05}-of/{number:05}" for number in range(3000)]
    few, many = Redaction(secrets[:2]), Redaction([])
    for secret in secrets:
        many.add([secret])
    text = f"{secrets[0]} {secrets[1]}{secrets[0]} {quote(secrets[1], safe='')} 00000-of 123"
    assert many.text(text) == few.text(text) != text
    assert many.text(text.upper(), any_case=True) == few.text(text.upper(), any_case=True)
    assert many.start(text * 200, 50) == few.start(text * 200, 50)
    assert many.learned == frozenset(secrets)
    started = time.process_time()
    many.all({"rows": [f"{number} without a secret in it" for number in range(5000)]})
    assert time.process_time() - started < 1, "the time must not grow with the number of secrets"
