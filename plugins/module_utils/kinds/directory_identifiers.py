# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The identifiers of directory records, which are read with the name of their type and written with its number."""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..model.conform import to_rows, to_text

# In the order of their numbers in the API.
_TYPES = {
    "imei1": "IMEI1",
    "imei2": "IMEI2",
    "serial": "SERIAL",
    "mei": "MEI",
    "wifi_mac": "WIFI_MAC_ID",
    "ethernet_mac": "ETHERNET_MAC_ID",
}
# Also by number, in case that Esper returns what it accepts.
_NAMES = {text: name for number, (name, type_) in enumerate(_TYPES.items()) for text in (type_, str(number))}
IDENTIFIERS = ("serial", "imei1", "imei2", "mei", "wifi_mac", "ethernet_mac")
"""The options for identifiers, the most common first."""

_LIST = "unique_identifiers"


def with_identifiers(row: Row) -> Row:
    """Return a record of the API with a key for each of its identifiers."""
    found = {name: value for _type, name, value in reversed(_pairs(row)) if name}
    return {**row, **found} if found else row


def to_api(body: Row) -> Row:
    """Return the body of a request with the identifiers as a list."""
    identifiers = [
        {"type": number, "unique_id": body[name]} for number, name in enumerate(_TYPES) if body.get(name) is not None
    ]
    return {_LIST: identifiers, **{name: value for name, value in body.items() if name not in _TYPES}}


def lost_identifiers(row: Row) -> list[str]:
    """Return the types of the identifiers of a record that to_api() would not send: unknown and repeated ones."""
    pairs = _pairs(row)
    return [
        type_ for index, (type_, name, _value) in enumerate(pairs) if name in ("", *(each[1] for each in pairs[:index]))
    ]


def _pairs(row: Row) -> list[tuple[str, str, t.Any]]:
    """Return the type, the option and the value of each identifier of a record. An unknown type has the option ""."""
    types = [(to_text(each.get("type")) or "", each.get("unique_id")) for each in to_rows(row.get(_LIST))]
    return [(type_, _NAMES.get(type_, ""), value) for type_, value in types]


def key_of(name: str, value: str) -> str:
    """Return the text by which a record with an identifier is found."""
    text = value.strip().casefold()
    return f"{name} {text.replace(':', '').replace('-', '')}" if name.endswith("_mac") else f"{name} {text}"


def keys_of(values: t.Mapping[str, t.Any]) -> set[str]:
    """Return the texts by which a record is found, from a record with a key for each identifier, or from options."""
    return {key_of(name, values[name]) for name in IDENTIFIERS if isinstance(values.get(name), str)}
