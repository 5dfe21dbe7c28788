# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices that a task names by name, alias, serial number or ID.

Rests on /v2/devices/ of the contract (v2.yaml). Its filter `search` finds any part of names, aliases, serial numbers
and other values, but no IDs, so the exact match is made here. An empty name matches no device, not even one whose
alias is empty.
"""

from __future__ import annotations

import math
import typing as t

from ..base.errors import Ambiguous, NotFound
from ..base.ids import is_uuid
from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..http.client import Client
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.device import DISABLED
from ..kinds.device_list import PAGE_SIZE, count_devices, list_devices

_ITEM = "/v2/devices/{id}"
# Maximum number of devices that are looked up one by one without counting all devices first.
_FEW = 5


def label_of(device: Row) -> str:
    """Return the name of a device, or its ID."""
    return str(device.get("name") or device["id"])


def find_devices(view: TenantView, wanted: t.Iterable[str]) -> dict[str, Row | None]:
    """Return the devices of names, aliases, serial numbers or IDs, each once; None for one that matches no device.

    Searches for each of them, or reads the list of all devices, whichever takes fewer requests. If a device was removed
    and enrolled again, the one in use is returned. Raises Ambiguous, and what Client.request raises.
    """
    names = list(dict.fromkeys(str(each).strip() for each in wanted))
    if len(names) > _FEW and _pages_of_all(view.client) < len(names):
        rows = list(list_devices(view.client, {}, concurrency=CONCURRENCY))
        return _found_in(rows, names)
    found = in_parallel(view.client, lambda name: _ask_for(view.client, name), names, CONCURRENCY)
    return dict(zip(names, found, strict=True))


def require_devices(view: TenantView, wanted: t.Iterable[str]) -> list[Row]:
    """Return the same devices, each once. Raises NotFound if one does not exist."""
    found = find_devices(view, wanted)
    missing = [name for name, row in found.items() if row is None]
    if missing:
        others = missing[1:]
        note = f"Also not found: {', '.join(repr(name) for name in others)}." if others else ""
        raise NotFound("device", missing[0], note=note)
    return each_once(found.values())


def each_once(rows: t.Iterable[Row | None]) -> list[Row]:
    """Return the devices among rows, each once."""
    return list({row["id"]: row for row in rows if row is not None}.values())


def labels_of(view: TenantView, ids: t.Iterable[str], known: t.Iterable[Row] = ()) -> dict[str, str]:
    """Return the names of devices by their IDs. ``known`` devices are not looked up."""
    names = {str(row["id"]): label_of(row) for row in known}
    unnamed = [each for each in ids if each not in names]
    names.update({id_: label_of(row) for id_, row in find_devices(view, unnamed).items() if row})
    return names


def _pages_of_all(client: Client) -> int:
    count = count_devices(client, {}, purpose="Counting the devices")
    return 1 if count is None else math.ceil(float(count) / PAGE_SIZE)


def _ask_for(client: Client, name: str) -> Row | None:
    if not name:
        # A search for an empty text finds all devices.
        return None
    if is_uuid(name):
        return client.find_object(_ITEM, ids={"id": name}, purpose=f"Reading the device {name}")
    rows = list_devices(client, {"search": name}, purpose=f"Looking for the device '{name}'")
    return _only([row for row in rows if name in _names_of(row)], name)


def _found_in(rows: list[Row], names: list[str]) -> dict[str, Row | None]:
    by_name: dict[str, list[Row]] = {name: [] for name in names}
    ids: dict[str, set[str]] = {}
    for name in names:
        if is_uuid(name):
            ids.setdefault(name.lower(), set()).add(name)
    for row in rows:
        called = _names_of(row) | ids.get(str(row["id"]).lower(), set())
        for name in called & by_name.keys():
            by_name[name].append(row)
    return {name: _only(found, name) for name, found in by_name.items()}


def _names_of(row: Row) -> set[str]:
    """Return the name, alias and serial number of a device, as far as it has them."""
    names = {str(row.get(key) or "").strip() for key in ("name", "alias", "serial")}
    return names - {""}


def _only(rows: list[Row], name: str) -> Row | None:
    in_use = [row for row in rows if row.get("state") != DISABLED]
    if len(in_use) > 1:
        labels = [f"{label_of(row)} (alias {row.get('alias')}, serial {row.get('serial')})" for row in in_use]
        raise Ambiguous("device", name, labels, "Use a name, serial number or ID that only one device has.")
    # If none is in use, the last one.
    return next(iter(in_use or rows[-1:]), None)
