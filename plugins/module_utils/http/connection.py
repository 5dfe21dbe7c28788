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
from ..base.limits import LONGEST_TIME


@dataclass(frozen=True)
class Option:
    """One connection option: its argument spec and its documentation."""

    name: str
    type: str
    description: tuple[str, ...]
    default: t.Any = None
    env: tuple[str, ...] = ()
    secret: bool = False

    @property
    def variable(self) -> str:
        """The name of the variable that sets the option."""
        return f"esper_{self.name}"


_MOST_RETRIES = 100
_MOST_MEGABYTES = 10_000

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
        (f"Time limit in seconds for the connection, and for each part of a response. At most V({LONGEST_TIME}).",),
        default=60.0,
        env=("ESPER_TIMEOUT",),
    ),
    Option(
        "retries",
        "int",
        (
            "Maximum number of retries after a lost connection, a server error (5xx) or a rate limit (429). At most"
            f" V({_MOST_RETRIES}).",
            "A request that creates an object is not repeated before the object is looked up.",
        ),
        default=4,
        env=("ESPER_RETRIES",),
    ),
    Option(
        "deadline",
        "float",
        (
            "Time limit in seconds for all requests of a task, including waits and retries. V(0) sets no limit. At most"
            f" V({LONGEST_TIME}), a week.",
            "A task never exceeds it by more than O(timeout).",
        ),
        default=300.0,
        env=("ESPER_DEADLINE",),
    ),
    Option(
        "max_response_size",
        "int",
        (
            "Maximum size in megabytes of the body of a response, after decompression. V(0) sets no limit. At most"
            f" V({_MOST_MEGABYTES}).",
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
_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"
_TENANT = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True)
class Connection:
    """Valid connection options. Times are in seconds. A ``deadline`` of 0 sets no limit. ``max_response_size`` is in
    megabytes. ``ignored_tenant`` is the option tenant if api_url is that of another one."""

    api_url: str
    api_key: str
    enterprise_id: str | None = None
    timeout: float = 60.0
    retries: int = 4
    deadline: float = 300.0
    max_response_size: int = 25
    validate_certs: bool = True
    ca_path: str | None = None
    ignored_tenant: str = ""

    def __repr__(self) -> str:
        # The default would show the API key.
        return f"Connection({self.api_url})"

    @classmethod
    def from_options(cls, options: t.Mapping[str, t.Any]) -> Connection:
        """Return the connection for the options of the table, by name.

        Raise ConfigurationError if they are invalid. It never shows the API key.
        """
        api_url, api_key = api_url_of(options), _api_key(options.get("api_key"))
        if _is_in_host(api_key, api_url):
            # A DNS lookup would show it in the network, and its error in the log.
            option = "api_url" if (options.get("api_url") or "").strip() else "tenant"
            raise ConfigurationError(
                f"The options {option} and api_key have the same value. Set {option} to the tenant, and api_key to its"
                " API key."
            )
        return cls(
            api_url=api_url,
            api_key=api_key,
            enterprise_id=_enterprise_id(options.get("enterprise_id")),
            timeout=_number(options, "timeout", LONGEST_TIME, above=0),
            retries=int(_number(options, "retries", _MOST_RETRIES)),
            deadline=_number(options, "deadline", LONGEST_TIME),
            max_response_size=int(_number(options, "max_response_size", _MOST_MEGABYTES)),
            validate_certs=_value_of(options, "validate_certs"),
            ca_path=options.get("ca_path") or None,
            ignored_tenant=_ignored_tenant(options, api_url),
        )

    def warnings(self, proxy: str = "") -> list[str]:
        """Return a sentence for each way in which the API key can be read by others, and one if another tenant than the
        named one gets the requests. ``proxy`` is the host of the proxy that gets them, "" if there is none."""
        host = urlsplit(self.api_url).hostname or ""
        ignored = []
        if self.ignored_tenant and not _is_loopback(host):
            ignored = [
                f"The tenant '{self.ignored_tenant}' is ignored, because api_url or ESPER_API_URL is set. The requests"
                f" are sent to {host}."
            ]
        return [*ignored, *self._readable(host, proxy)]

    def _readable(self, host: str, proxy: str) -> list[str]:
        url = urlsplit(self.api_url)
        if url.scheme == "http":
            if proxy:
                return [
                    f"The API key is sent unencrypted to the proxy {proxy}, because api_url is not an https URL. Add"
                    f" {host} to the environment variable NO_PROXY, or use an https URL."
                ]
            if not _is_loopback(host):
                return ["The API key is sent unencrypted, because api_url is not an https URL."]
        elif not self.validate_certs:
            return [
                f"The TLS certificate of {host} is not validated, because validate_certs is false. Others in the"
                " network can read the API key."
            ]
        return []


@dataclass(frozen=True)
class Place:
    """Values of connection options from one place, such as the variables of a host.

    ``title`` is the place in a message. If ``is_mixed``, the values can come from different files, so a tenant and a
    URL that differ mean that the API key can belong to either.
    """

    title: str
    values: t.Mapping[str, t.Any]
    is_mixed: bool = False

    @property
    def names_tenant(self) -> bool:
        """True if the place sets the tenant."""
        return any(text.strip() for text in self._tenant.values())

    @property
    def _tenant(self) -> dict[str, str]:
        return {name: str(self.values.get(name) or "") for name in _TENANT_OPTIONS}

    @property
    def url(self) -> str | None:
        """The URL of the tenant, None if the place does not set it, "" if it is not clear."""
        if not self.names_tenant:
            return None
        try:
            url = api_url_of(self._tenant)
            if self.is_mixed and self._tenant["tenant"].strip():
                return url if api_url_of({"tenant": self._tenant["tenant"]}) == url else ""
        except ConfigurationError:
            return ""
        return url


_TENANT_OPTIONS = ("tenant", "api_url")
# The options that belong to one tenant.
_OF_TENANT = ("api_key", "enterprise_id")


def combine(places: t.Sequence[Place]) -> dict[str, tuple[int, t.Any]]:
    """Return the value of each option that a place sets, with the index of the place. Earlier places take precedence.

    The first place that sets the tenant or the URL sets both. An API key and an enterprise ID are used for the tenant
    of their place only, or for any tenant if their place does not set one.

    Raise ConfigurationError if all API keys are those of other tenants.
    """
    urls = [place.url for place in places]
    first = next((index for index, place in enumerate(places) if place.names_tenant), None)
    combined: dict[str, tuple[int, t.Any]] = {}
    url = None
    if first is not None:
        combined |= {name: (first, places[first].values.get(name) or "") for name in _TENANT_OPTIONS}
        try:
            url = api_url_of({name: str(combined[name][1]) for name in _TENANT_OPTIONS})
        except ConfigurationError:
            # Connection.from_options() explains it.
            return {**combined, **_first_values(places)}
    for name, value in _first_values(places).items():
        if name in _OF_TENANT:
            usable = [place if urls[index] in (None, url) else Place("", {}) for index, place in enumerate(places)]
            if (found := _first_values(usable).get(name)) is not None:
                combined[name] = found
            elif name == "api_key":
                raise ConfigurationError(
                    f"The API key of {places[value[0]].title} is for another tenant than {urlsplit(url or '').netloc}."
                    " Set api_key, or the variable esper_api_key, for this tenant."
                )
        else:
            combined[name] = value
    return combined


def _first_values(places: t.Sequence[Place]) -> dict[str, tuple[int, t.Any]]:
    """Return the value of each option except those that set the tenant, from the first place that sets it."""
    names = [option.name for option in OPTIONS if option.name not in _TENANT_OPTIONS]
    return {
        name: next((index, place.values[name]) for index, place in enumerate(places) if name in place.values)
        for name in names
        if any(name in place.values for place in places)
    }


def values_in_environment(environment: t.Mapping[str, str]) -> dict[str, str]:
    """Return the options that environment variables set."""
    found = {option.name: next(filter(None, map(environment.get, option.env)), None) for option in OPTIONS}
    return {name: value for name, value in found.items() if value is not None}


def _ignored_tenant(options: t.Mapping[str, t.Any], api_url: str) -> str:
    """Return the option tenant if its API has another URL than the one that is used, otherwise ""."""
    tenant = (options.get("tenant") or "").strip()
    try:
        return tenant if tenant and api_url_of({"tenant": tenant}) != api_url else ""
    except ConfigurationError:
        # It can be the API key in the wrong option.
        return ""


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
    if text[0] in _QUOTES or text[-1] in _QUOTES:
        raise ConfigurationError("Invalid api_key (ESPER_API_KEY): it has quotation marks around it. Remove them.")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError(
            "Invalid api_key (ESPER_API_KEY): it contains whitespace or other characters that no key has. Copy the key"
            " again."
        )
    return text


def _is_in_host(key: str, url: str) -> bool:
    """Return whether a part of the host of a URL is the API key, in any case of letters."""
    parts = (urlsplit(url).hostname or "").split(".")
    return key.lower() in {*parts, *(part.removesuffix("-api") for part in parts), ".".join(parts)}


def _enterprise_id(value: str | None) -> str | None:
    if not value or not value.strip():
        return None
    if not is_uuid(value.strip()):
        raise ConfigurationError(
            "Invalid enterprise_id (ESPER_ENTERPRISE_ID): it is not a UUID. Omit it, or copy it from the Esper console."
        )
    return value.strip().lower()


def _number(options: t.Mapping[str, t.Any], name: str, maximum: float, above: float | None = None) -> float:
    value = _value_of(options, name)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not 0 <= number <= maximum or (above is not None and number <= above):
        valid = f"from 0 to {maximum}" if above is None else f"greater than {above:g}, up to {maximum}"
        raise ConfigurationError(f"Invalid {name}: {number:g}. Use a number {valid}.")
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
