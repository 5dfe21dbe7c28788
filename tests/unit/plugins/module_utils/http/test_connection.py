# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math
import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ConfigurationError
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import OPTIONS, Connection, api_url_of
from hypothesis import example, given
from hypothesis import strategies as st

ACME = "https://acme-api.esper.cloud/api"
KEY = "k3y_Of.The-Tests"
PASSWORD = "hunter2"
GOOD: dict[str, t.Any] = {"tenant": "acme", "api_key": KEY}


def error_for(**options: t.Any) -> str:
    """Return the error message for invalid options."""
    with pytest.raises(ConfigurationError) as caught:
        Connection.from_options({**GOOD, **options})
    return str(caught.value)


@pytest.mark.parametrize(
    "tenant",
    [
        "acme",
        "ACME",
        " acme ",
        "acme.esper.cloud",
        "Acme.Esper.Cloud",
        "acme.esper.cloud/",
        "acme-api.esper.cloud",
        "ACME-API.ESPER.CLOUD",
        "acme-api.esper.cloud/api",
        "acme-api.esper.cloud/api/",
        "https://acme.esper.cloud",
        "https://acme.esper.cloud/",
        "https://acme.esper.cloud/devices?page=2#top",
        "https://acme-api.esper.cloud",
        "https://acme-api.esper.cloud/api",
        "https://acme-api.esper.cloud/api/",
        "HTTPS://ACME-API.ESPER.CLOUD/api",
        "http://acme.esper.cloud",
    ],
)
def test_a_tenant_may_be_written_in_many_ways(tenant: str) -> None:
    assert api_url_of({"tenant": tenant}) == ACME


@pytest.mark.parametrize(
    ("api_url", "taken"),
    [
        ("https://acme.esper.cloud", ACME),
        ("https://acme-api.esper.cloud/api/", ACME),
        ("http://127.0.0.1:8899", "http://127.0.0.1:8899/api"),
        ("http://127.0.0.1:8899/", "http://127.0.0.1:8899/api"),
        ("http://127.0.0.1:8899/api", "http://127.0.0.1:8899/api"),
        ("http://[::1]:8899/api", "http://[::1]:8899/api"),
        ("https://gateway.example/esper/v1/", "https://gateway.example/esper/v1"),
        (" https://gateway.example ", "https://gateway.example/api"),
        ("https://acme.esper.cloud.example/api", "https://acme.esper.cloud.example/api"),
    ],
)
def test_an_api_url_is_taken_as_it_is_but_for_a_missing_path(api_url: str, taken: str) -> None:
    assert api_url_of({"api_url": api_url}) == taken


def test_api_url_wins_over_tenant() -> None:
    assert api_url_of({"api_url": "http://127.0.0.1:1/api", "tenant": "acme"}) == "http://127.0.0.1:1/api"
    assert api_url_of({"api_url": "", "tenant": "acme"}) == ACME
    assert api_url_of({"api_url": None, "tenant": "acme"}) == ACME


@pytest.mark.parametrize("tenant", [None, "", "  "])
def test_without_a_tenant_the_error_says_how_to_give_one(tenant: str | None) -> None:
    told = error_for(tenant=tenant)
    assert "ESPER_TENANT" in told
    assert "ESPER_API_URL" in told


@pytest.mark.parametrize(
    "tenant",
    ["a b", "-acme", "acme-", "acme.example", "acme/stores", "..", "a.b.esper.cloud", ".esper.cloud", "größe", "x\ny"],
)
def test_an_invalid_tenant_fails_validation(tenant: str) -> None:
    assert "tenant" in error_for(tenant=tenant)


@pytest.mark.parametrize(
    "url",
    [
        "acme",
        "ftp://acme.esper.cloud",
        "https://",
        "https:///api",
        "https://[::1/api",
        "https://host:port/api",
        "https://host:99999/api",
        "file:///etc/passwd",
    ],
)
def test_an_invalid_url_fails_validation(url: str) -> None:
    assert "api_url" in error_for(api_url=url)


@pytest.mark.parametrize(
    "options",
    [
        {"api_url": f"https://user:{PASSWORD}@acme.esper.cloud/api"},
        {"api_url": f"https://{PASSWORD}@gateway.example/api"},
        {"api_url": f"user:{PASSWORD}@gateway.example"},
        {"tenant": f"https://user:{PASSWORD}@acme.esper.cloud"},
        {"tenant": f"user:{PASSWORD}@acme.esper.cloud"},
    ],
    ids=str,
)
def test_no_error_quotes_a_password(options: dict[str, str]) -> None:
    assert PASSWORD not in error_for(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"tenant": KEY},
        {"tenant": f"{KEY}.esper.cloud"},
        {"api_url": KEY},
        {"enterprise_id": KEY},
        {"api_key": f"{KEY} x"},
    ],
    ids=["tenant", "tenant's host", "api_url", "enterprise_id", "api_key"],
)
def test_no_error_quotes_the_key_even_where_it_was_put_into_another_option(options: dict[str, str]) -> None:
    assert KEY not in error_for(**options)


@pytest.mark.parametrize("key", [None, "", "  ", "\n"])
def test_the_error_for_a_missing_key_names_its_variable(key: str | None) -> None:
    assert "ESPER_API_KEY" in error_for(api_key=key)


@pytest.mark.parametrize(
    "key", ["abc def", "abc\ndef", "abc\r\nX-Header: 1", "abc\tdef", "schlüssel", "abc\x00", "a\u2028b"]
)
def test_an_invalid_key_fails_validation_and_is_not_quoted(key: str) -> None:
    told = error_for(api_key=key)
    assert "Copy the key again" in told
    assert key not in told


@pytest.mark.parametrize("key", [f'"{KEY}"', f"'{KEY}'", f"\u201c{KEY}\u201d", f"`{KEY}`", f" '{KEY}", f"{KEY}\u2019"])
def test_a_key_with_quotation_marks_has_a_message_of_its_own(key: str) -> None:
    error = error_for(api_key=key)
    assert "quotation marks" in error
    assert KEY not in error


def test_whitespace_around_a_key_is_removed() -> None:
    assert Connection.from_options({**GOOD, "api_key": f" {KEY}\n"}).api_key == KEY


@given(st.text(max_size=60))
@example("x" * 4000)
def test_any_key_is_valid_or_fails_validation(key: str) -> None:
    try:
        taken = Connection.from_options({**GOOD, "api_key": key}).api_key
    except ConfigurationError:
        return
    assert taken == key.strip()
    assert taken.isascii()
    assert not any(character.isspace() for character in taken)


@given(st.text(max_size=60))
@example("https://[")
@example("https://\u2100.example")
@example("x://esper.cloud")
@example("a" * 300)
def test_any_tenant_is_valid_or_fails_validation(tenant: str) -> None:
    for option in ("tenant", "api_url"):
        try:
            url = api_url_of({option: tenant})
        except ConfigurationError:
            continue
        assert url.startswith(("https://", "http://"))
        assert not url.endswith("/")


@pytest.mark.parametrize("value", [None, "", " "])
def test_an_enterprise_id_may_be_left_out(value: str | None) -> None:
    assert Connection.from_options({**GOOD, "enterprise_id": value}).enterprise_id is None


def test_an_enterprise_id_is_in_lower_case() -> None:
    given_id = " 0F5B8B52-6A1F-4C11-8E37-9B1A1FBB1C3D "
    assert Connection.from_options({**GOOD, "enterprise_id": given_id}).enterprise_id == given_id.strip().lower()


@pytest.mark.parametrize(
    "value", ["acme", "123", "0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d/", "0f5b8b526a1f4c118e379b1a1fbb1c3d"]
)
def test_an_enterprise_id_that_is_no_uuid_fails_validation(value: str) -> None:
    assert "enterprise_id" in error_for(enterprise_id=value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", 0),
        ("timeout", -1),
        ("timeout", math.nan),
        ("timeout", math.inf),
        ("retries", -1),
        ("max_response_size", -1),
        ("max_response_size", 10_001),
        ("deadline", -0.5),
        ("deadline", math.nan),
        ("deadline", 1e10),
        ("deadline", 604_801),
        ("deadline", 10**400),
        ("timeout", 604_801),
        ("timeout", 1e300),
        ("retries", 101),
        ("retries", 10**400),
    ],
)
def test_a_number_outside_its_range_fails_validation(name: str, value: float) -> None:
    assert name in error_for(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("retries", 0),
        ("retries", 100),
        ("deadline", 0),
        ("max_response_size", 0),
        ("max_response_size", 10_000),
        ("deadline", 604_800),
        ("timeout", 0.5),
        ("timeout", 604_800),
    ],
)
def test_the_smallest_and_largest_numbers_are_valid(name: str, value: float) -> None:
    assert getattr(Connection.from_options({**GOOD, name: value}), name) == value


def test_what_is_left_out_or_null_has_the_default_of_the_table() -> None:
    # A null must not turn off the validation of certificates.
    for options in (GOOD, {**dict.fromkeys(option.name for option in OPTIONS), **GOOD}):
        connection = Connection.from_options(options)
        for option in OPTIONS:
            if option.default is not None:
                assert getattr(connection, option.name) == option.default
    assert Connection(api_url=ACME, api_key=KEY) == Connection.from_options(GOOD)


@pytest.mark.parametrize(
    ("url", "in_clear"),
    [
        ("https://gateway.example/api", False),
        ("http://gateway.example/api", True),
        ("http://10.0.0.1:80/api", True),
        ("http://localhost.example/api", True),
        ("http://0.0.0.0/api", True),
        ("http://localhost:8899/api", False),
        ("http://LOCALHOST/api", False),
        ("http://127.0.0.1:8899/api", False),
        ("http://127.1.2.3/api", False),
        ("http://[::1]:8899/api", False),
        ("http://acme.esper.cloud/api", False),
    ],
)
def test_a_key_in_clear_is_a_warning(url: str, in_clear: bool) -> None:
    sentence = "The API key is sent unencrypted, because api_url is not an https URL."
    assert Connection.from_options({**GOOD, "tenant": None, "api_url": url}).warnings() == [sentence] * in_clear


@pytest.mark.parametrize("url", ["http://127.0.0.1:8899/api", "http://gateway.example/api", "http://[::1]:8899/api"])
def test_a_proxy_that_sees_the_key_is_a_warning(url: str) -> None:
    (warning,) = Connection.from_options({**GOOD, "tenant": None, "api_url": url, "validate_certs": False}).warnings(
        "proxy:3128"
    )
    assert "to the proxy proxy:3128" in warning
    assert "NO_PROXY" in warning
    assert Connection.from_options(GOOD).warnings("proxy:3128") == []


def test_certificates_that_are_not_validated_are_a_warning() -> None:
    (warning,) = Connection.from_options({**GOOD, "validate_certs": False}).warnings()
    assert "acme-api.esper.cloud is not validated, because validate_certs is false" in warning
    # There are no certificates without TLS.
    loopback = {**GOOD, "api_url": "http://127.0.0.1/api", "validate_certs": False}
    assert Connection.from_options(loopback).warnings() == []


@pytest.mark.parametrize(
    "options",
    [
        {"tenant": "abcdefgh1234"},
        {"tenant": "ABCDEFGH1234"},
        {"tenant": "abcdefgh1234.esper.cloud"},
        {"tenant": "https://abcdefgh1234-api.esper.cloud/api"},
        {"api_url": "https://AbcdEfgh1234/api"},
        {"api_url": "https://gateway.abcdefgh1234.example:8443/api"},
    ],
    ids=str,
)
def test_a_key_in_the_place_of_the_tenant_fails_validation(options: dict[str, str]) -> None:
    error = error_for(api_key="AbcDefGh1234", **options)
    assert f"The options {next(iter(options))} and api_key have the same value" in error
    assert "abcdefgh1234" not in error.lower()


def test_a_tenant_that_contains_the_key_is_valid() -> None:
    assert Connection.from_options({"tenant": "acme-west", "api_key": "acme"}).api_url.startswith("https://acme-west")


def test_the_key_is_not_shown() -> None:
    connection = Connection.from_options(GOOD)
    assert KEY not in f"{connection!r} {connection} {[connection]}"
    assert ACME in repr(connection)


@pytest.mark.parametrize(
    ("options", "ignored"),
    [
        ({"tenant": "acme", "api_url": "https://shop-api.esper.cloud/api"}, True),
        ({"tenant": "acme", "api_url": "https://acme-api.esper.cloud/api"}, False),
        ({"tenant": "acme", "api_url": "http://127.0.0.1:8899/api"}, False),
        ({"tenant": "acme"}, False),
    ],
)
def test_a_tenant_that_the_url_overrides_is_named(options: dict[str, str], ignored: bool) -> None:
    warnings = Connection.from_options({**GOOD, "api_url": None, **options}).warnings()
    sentence = (
        "The tenant 'acme' is ignored, because api_url or ESPER_API_URL is set. The requests are sent to"
        " shop-api.esper.cloud."
    )
    assert warnings == ([sentence] if ignored else [])
