# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection options: one table, and the validated connection.

The argument spec of the modules, the documentation fragment and the options of the inventory are made from the table.
"""

from __future__ import annotations

import ipaddress
import math
import re
import typing as t
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..base.errors import ConfigurationError
from ..base.ids import is_uuid


@dataclass(frozen=True)
class Option:
    """One connection option: its argument spec and its documentation."""

    name: str
    type: str
    description: tuple[str, ...]
    default: t.Any = None
    env: tuple[str, ...] = ()
    secret: bool = False


OPTIONS: tuple[Option, ...] = (
    Option(
        "tenant",
        "str",
        (
            "Name of the tenant, such as V(acme) or V(acme.esper.cloud), or the URL of its console or API.",
            "Either O(tenant) or O(api_url) is required.",
        ),
        env=("ESPER_TENANT", "ESPER_ENVIRONMENT"),
    ),
    Option(
        "api_url",
        "str",
        (
            "Base URL of the Esper API, such as V(https://acme-api.esper.cloud/api). Overrides O(tenant).",
            "Use it for a gateway, or for tests against the simulator.",
        ),
        env=("ESPER_API_URL",),
    ),
    Option(
        "api_key",
        "str",
        (
            "API key, from the page B(API Key Management) of the Esper console. Required.",
            "The key is never shown, logged or cached. It belongs to a user; create a user for automation.",
        ),
        env=("ESPER_API_KEY",),
        secret=True,
    ),
    Option(
        "enterprise_id",
        "str",
        (
            "UUID of the enterprise. If omitted, the module asks the Esper API, which costs one request for each task.",
            "The UUID never changes. Setting it makes each task faster.",
        ),
        env=("ESPER_ENTERPRISE_ID",),
    ),
    Option(
        "timeout",
        "float",
        ("Time limit in seconds for the connection, and for each part of a response.",),
        default=60.0,
        env=("ESPER_TIMEOUT",),
    ),
    Option(
        "retries",
        "int",
        (
            "Maximum number of retries after a lost connection, a server error (5xx) or a rate limit (429).",
            "A request that creates an object is not repeated before the object is looked up.",
        ),
        default=4,
        env=("ESPER_RETRIES",),
    ),
    Option(
        "deadline",
        "float",
        (
            "Time limit in seconds for all requests of a task, including waits and retries. V(0) sets no limit.",
            "A task never exceeds it by more than O(timeout).",
        ),
        default=300.0,
        env=("ESPER_DEADLINE",),
    ),
    Option(
        "max_response_size",
        "int",
        (
            "Maximum size in megabytes of the body of a response, after decompression. V(0) sets no limit.",
            "It limits the memory of a task. Downloads of files are not limited.",
        ),
        default=25,
        env=("ESPER_MAX_RESPONSE_SIZE",),
    ),
    Option(
        "validate_certs",
        "bool",
        ("If V(true), the TLS certificate of the server must be valid. Set it to V(false) only for tests.",),
        default=True,
        env=("ESPER_VALIDATE_CERTS",),
    ),
    Option(
        "ca_path",
        "path",
        ("Path of a file or directory with CA certificates that replace those of the system.",),
        env=("ESPER_CA_PATH",),
    ),
)

_HOST_SUFFIX = ".esper.cloud"
_TENANT = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True)
class Connection:
    """Valid connection options. Times are in seconds. A ``deadline`` of 0 sets no limit. ``max_response_size`` is in
    megabytes."""

    api_url: str
    api_key: str
    enterprise_id: str | None = None
    timeout: float = 60.0
    retries: int = 4
    deadline: float = 300.0
    max_response_size: int = 25
    validate_certs: bool = True
    ca_path: str | None = None

    def __repr__(self) -> str:
        # The default would show the API key.
        return f"Connection({self.api_url})"

    @classmethod
    def from_options(cls, options: t.Mapping[str, t.Any]) -> Connection:
        """Return the connection for the options of the table, by name.

        Raise ConfigurationError if they are invalid. It never shows the API key.
        """
        return cls(
            api_url=api_url_of(options),
            api_key=_api_key(options.get("api_key")),
            enterprise_id=_enterprise_id(options.get("enterprise_id")),
            timeout=_number(options, "timeout", above=0),
            retries=int(_number(options, "retries")),
            deadline=_number(options, "deadline"),
            max_response_size=int(_number(options, "max_response_size")),
            validate_certs=_value_of(options, "validate_certs"),
            ca_path=options.get("ca_path") or None,
        )

    @property
    def sends_key_in_clear(self) -> bool:
        """True if the API key is sent over a network without encryption."""
        url = urlsplit(self.api_url)
        return url.scheme == "http" and not _is_loopback(url.hostname or "")


def api_url_of(options: t.Mapping[str, t.Any]) -> str:
    """Return the base URL of the API for the options tenant and api_url, without a trailing slash.

    Raise ConfigurationError if they are invalid.
    """
    if api_url := (options.get("api_url") or "").strip():
        return _full_url(api_url, option="api_url")
    tenant = (options.get("tenant") or "").strip()
    if not tenant:
        raise ConfigurationError(
            "No tenant is set. Set tenant (ESPER_TENANT) to the name of the tenant, or api_url (ESPER_API_URL) to the"
            " URL of its API."
        )
    if "://" in tenant:
        return _full_url(tenant, option="tenant")
    host = tenant.lower().rstrip("/").removesuffix("/api")
    name = host.removesuffix(_HOST_SUFFIX).removesuffix("-api")
    if not _TENANT.fullmatch(name):
        # Not quoted, here and below, because it can be the API key in the wrong option.
        raise ConfigurationError(
            "Invalid tenant (ESPER_TENANT): use a name such as 'acme' or 'acme.esper.cloud', or set api_url"
            " (ESPER_API_URL) to the URL of the API."
        )
    return f"https://{name}-api{_HOST_SUFFIX}/api"


def _full_url(text: str, *, option: str) -> str:
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        host, port, url = "", None, urlsplit("")
    if url.scheme not in ("http", "https") or not host or url.username is not None:
        # Not quoted either, because a URL can contain a password.
        raise ConfigurationError(f"Invalid {option}: use the URL of the API, such as https://acme-api.esper.cloud/api.")
    if host.endswith(_HOST_SUFFIX) and port is None:
        # People know the URL of the console. The URL of the API is derived from it.
        return api_url_of({"tenant": host})
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/') or '/api'}"


def _api_key(key: object) -> str:
    text = str(key).strip() if key is not None else ""
    if not text:
        raise ConfigurationError("No API key is set. Set api_key or the environment variable ESPER_API_KEY.")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError(
            "Invalid api_key (ESPER_API_KEY): it contains whitespace or other characters that no key has. Copy the key"
            " again."
        )
    return text


def _enterprise_id(value: str | None) -> str | None:
    if not value or not value.strip():
        return None
    if not is_uuid(value.strip()):
        raise ConfigurationError(
            "Invalid enterprise_id (ESPER_ENTERPRISE_ID): it is not a UUID. Omit it, or copy it from the Esper console."
        )
    return value.strip().lower()


def _number(options: t.Mapping[str, t.Any], name: str, above: float | None = None) -> float:
    number = float(_value_of(options, name))
    if not math.isfinite(number) or number < 0 or (above is not None and number <= above):
        valid = "at least 0" if above is None else f"greater than {above:g}"
        raise ConfigurationError(f"Invalid {name}: {number:g}. Use a number that is {valid}.")
    return number


def _value_of(options: t.Mapping[str, t.Any], name: str) -> t.Any:
    """Return the value of an option, or its default if it is omitted or null."""
    value = options.get(name)
    return value if value is not None else next(option.default for option in OPTIONS if option.name == name)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
