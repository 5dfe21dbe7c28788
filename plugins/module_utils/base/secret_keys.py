# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the keys whose values give access: API keys, tokens, passwords, and links that do not require a key.

It serves the module api, the arguments in results, and the quotes of error responses. A test checks that it contains
all secret fields of the modules.
"""

from __future__ import annotations

import functools
import re
import typing as t

MASK = "********"

# In lower case without separators, so wifiPhrase and wifi_phrase are the same.
_SECRET = re.compile(
    r"""
    (?<!update)passw(or)?d(?!quality|policy|length|history|expir|changed|required|enabled|type|timeout|min|max|age|id$)
    | passphrase | wifiphrase | passcode(?!quality|policy|length|required|type) | sharedkey | privatekey | apikey
    | accesskey | secret(?!id$|name$|type$) | credential(?!id|name|type) | pushmagic | certdata | base64appconfig
    | downloadurl | downloadlink | (signup|invitation|invite)(url|link) | ^build(update|job)?url$
    | ^buildjobparams$
    | (token|tokenvalue|tokens|psk|pwd|appfile|wifiaccesspoints)$
    | ^(pin|pincode|otp|authorization|cookie)$
    """,
    re.VERBOSE,
)
# Keys that say nothing about their values, inside the value of a secret key.
_PLAIN = frozenset({"content", "data", "key", "text", "value"})
# Keys whose values give access if another key is in the same object.
SECRET_BESIDE = {"data": "public_data"}
# A link whose query contains its own permission.
_SIGNED_LINK = re.compile(r"https?://\S*[?&](x-(amz|goog)-)?(signature|sig|\w*token|security-token)=", re.IGNORECASE)
_QUOTED_VALUE = re.compile(
    r"""(["']) (?P<key>[\w-]{1,64}) \1 \s{0,4} : \s{0,4} (?P<value>"(?:[^"\\]|\\.)*"? | '(?:[^'\\]|\\.)*'?
    | \[[^\]]*\]? | \d+)""",
    re.VERBOSE,
)
_FORM_VALUE = re.compile(r"\b(?P<key>[\w-]{1,64})=(?P<value>[^\s&;,]+)")


@functools.lru_cache(maxsize=4096)
def is_secret_key(key: str) -> bool:
    """Return whether the value of a key gives access."""
    return _SECRET.search(re.sub(r"[^a-z0-9]", "", key.lower())) is not None


def is_secret_path(keys: t.Iterable[str]) -> bool:
    """Return whether the value below some keys, the outermost first, gives access."""
    return functools.reduce(lambda is_secret, key: _hides(key, is_secret), keys, False)


def mask_secrets(value: t.Any, *, is_secret: bool = False) -> t.Any:
    """Return a JSON value with masks in place of the texts and numbers of secret keys, and of signed links.

    ``is_secret`` is whether the key of the value itself is secret.
    """
    if isinstance(value, t.Mapping):
        return {key: mask_secrets(item, is_secret=_hides(key, is_secret, value)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask_secrets(item, is_secret=is_secret) for item in value]
    return MASK if _is_secret(value, is_secret) else value


def secret_values(value: t.Any, *, is_secret: bool = False) -> t.Iterator[str]:
    """Yield the texts and numbers that mask_secrets() masks, as texts. A response can be nested to any depth."""
    waiting = [(value, is_secret)]
    while waiting:
        value, is_secret = waiting.pop()
        if isinstance(value, t.Mapping):
            items = [(item, _hides(key, is_secret, value)) for key, item in value.items()]
            waiting += reversed(items)
        elif isinstance(value, (list, tuple)):
            waiting += ((item, is_secret) for item in reversed(value))
        elif _is_secret(value, is_secret):
            yield str(value)


def _hides(key: t.Any, is_secret: bool, others: t.Container[t.Any] = ()) -> bool:
    """Return whether the value of a key gives access. ``is_secret`` is whether that of its object does, ``others`` are
    the keys in the object."""
    return is_secret_key(str(key)) or (is_secret and key in _PLAIN) or SECRET_BESIDE.get(str(key), "") in others


def _is_secret(value: t.Any, is_secret: bool) -> bool:
    if value is None or isinstance(value, bool) or value == "":
        return False
    return is_secret or (isinstance(value, str) and _SIGNED_LINK.match(value) is not None)


def mask_pairs(text: str) -> str:
    """Return a text with masks in place of the values of secret keys in JSON, Python literals and forms in it."""

    def replace(found: re.Match[str]) -> str:
        if not is_secret_key(found["key"]):
            return found.group()
        whole, start = found.group(), found.start()
        return f"{whole[: found.start('value') - start]}{MASK}"

    return _FORM_VALUE.sub(replace, _QUOTED_VALUE.sub(replace, text))
