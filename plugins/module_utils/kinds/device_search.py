# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for devices by name, alias, serial number or ID.

Based on /v2/devices/ of the contract (v2.yaml). Its filter `search` matches parts of names, aliases, serial numbers and
other values, but no IDs, so this file selects the exact matches. An empty name matches no device, not even one whose
alias is empty.
"""

from __future__ import annotations

import math
import typing as t

from ..base.errors import Ambiguous, EsperError, NotFound
from ..base.ids import is_uuid, normal_id
from ..base.row import Row
from ..base.text import composed, unicode_forms
from ..engine.lookup import Lookup
from ..engine.tenant_view import TenantView
from ..http.client import Client
from ..http.parallel import in_parallel
from ..model.conform import to_text
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape, not_in_tenant
from ..model.module_spec import Option
from .device import DISABLED
from .device_list import DEVICE_CONCURRENCY, PAGE_SIZE, count_devices, list_devices, sample_devices

_ITEM = "/v2/devices/{id}"
# Maximum number of devices that are looked up one by one without counting all devices first.
_FEW = 5


def devices_option(*more: str, required: bool = False) -> Option:
    """Return the option ``devices``, with more paragraphs of documentation."""
    return Option(
        "devices",
        (
            "Devices by name, alias, serial number or ID.",
            "The module looks up devices one by one, or in the list of all devices if this takes fewer requests.",
            *more,
        ),
        type="list",
        elements="str",
        required=required,
        aliases=("device",),
        identifier=True,
    )


def label_of(device: Row) -> str:
    """Return the name of a device, or its ID."""
    return to_text(device.get("name")) or str(device.get("id"))


def find_devices(view: TenantView, identifiers: t.Iterable[str]) -> dict[str, Row | None]:
    """Return the devices by name, alias, serial number or ID, None if no device matches.

    Search for each identifier, or read the list of all devices, whichever takes fewer requests. If a device was removed
    and enrolled again, return the enrolled one. Raise Ambiguous, and what Client.request raises.
    """
    found = find_each(view, identifiers)
    for row in found.values():
        if isinstance(row, Ambiguous):
            raise row
    return t.cast("dict[str, Row | None]", found)


def find_each(view: TenantView, identifiers: t.Iterable[str]) -> dict[str, Row | Ambiguous | None]:
    """Return the same as find_devices(), but with the error of each identifier that several devices have."""
    names = list(dict.fromkeys(str(identifier).strip() for identifier in identifiers))
    if len(names) > _FEW and _count_pages(view.client) < len(names):
        return _match_all(list_devices(view.client, {}, concurrency=DEVICE_CONCURRENCY), names)
    found = in_parallel(view.client, lambda name: _find_device(view.client, name), names, DEVICE_CONCURRENCY)
    return dict(zip(names, found, strict=True))


def require_devices(view: TenantView, identifiers: t.Iterable[str]) -> list[Row]:
    """Return the devices of find_devices() without duplicates. Raise NotFound if one does not exist."""
    found = find_devices(view, identifiers)
    if None in found.values():
        _raise_not_found(view.client, found)
    return unique_devices(found.values())


def not_found(view: TenantView, name: str) -> NotFound:
    """Return the error about a device that does not exist. It suggests similar names."""
    return _not_found(view.client, name)


def unique_devices(rows: t.Iterable[Row | None]) -> list[Row]:
    """Return devices without duplicates and None."""
    return list({row["id"]: row for row in rows if row is not None}.values())


def labels_of(view: TenantView, ids: t.Iterable[str], known: t.Iterable[Row] = ()) -> dict[str, str]:
    """Return the names of devices by their IDs. ``known`` devices are not looked up."""
    names = {str(row["id"]): label_of(row) for row in known}
    unknown = [id_ for id_ in ids if id_ not in names]
    names.update({id_: label_of(row) for id_, row in find_devices(view, unknown).items() if row})
    return names


class DeviceLookup(Lookup):
    """Finds the devices that properties of other kinds refer to. Tasks do not change devices as objects of a kind."""

    def prefetch(self, texts: t.Collection[str]) -> None:
        self.find_all(texts)

    def resolve_all(self, texts: t.Collection[str]) -> list[Row]:
        found = self.find_all(texts)
        return [row if (row := found[text.strip()]) else _raise_not_found(self.view.client, found) for text in texts]

    def resolve(self, name: str) -> Row:
        return self.resolve_all([name])[0]

    def names_of(self, ids: t.Collection[str]) -> dict[str, str]:
        return {text: label_of(row) for text, row in self.find_all(ids).items() if row}

    def find_all(self, texts: t.Collection[str]) -> dict[str, Row | None]:
        """Return the devices of find_devices(). A task looks up each device once."""
        found = self.view.derived(self.kind)
        if new := [text for text in texts if text.strip() not in found]:
            rows = find_devices(self.view, new)
            found.update({str(row["id"]): row for row in rows.values() if row}, **rows)
        return {text.strip(): found[text.strip()] for text in texts}


DEVICE = Kind(
    name="device",
    title="device",
    plural="devices",
    routes=Routes(list="/v2/devices/", object=_ITEM, name_filter="search"),
    shape=Shape.READ_ONLY,
    fields=(Field("id", writable=False), Field("name", writable=False)),
    label=label_of,
    lookup=DeviceLookup,
    tenant=not_in_tenant("Devices differ from tenant to tenant."),
)


def _raise_not_found(client: Client, found: t.Mapping[str, Row | None]) -> t.NoReturn:
    missing = [name for name, row in found.items() if row is None]
    others = ", ".join(f"'{name}'" for name in missing[1:])
    raise _not_found(client, missing[0], f"Also not found: {others}." if others else "")


def _not_found(client: Client, name: str, note: str = "") -> NotFound:
    return NotFound("device", name, [] if is_uuid(name) else _similar_names(client, name), note=note)


def _similar_names(client: Client, name: str) -> list[str]:
    """Return names, aliases and serial numbers of devices, among which those close to a mistyped one are.

    A typing error leaves one half of a name as it is, so a search for each half finds the device in a large tenant.
    """
    half = len(name) // 2
    texts = [text for text in (name[:half].strip(), name[half:].strip()) if text]
    purpose = f"Looking for devices with names like '{name}'"
    try:
        pages = [sample_devices(client, {"search": text}, number=PAGE_SIZE, purpose=purpose)[1] for text in texts]
    except EsperError:
        # The error about the name matters more.
        return []
    return sorted({text for page in pages for row in page if row.get("state") != DISABLED for text in _names_of(row)})


def _count_pages(client: Client) -> int:
    count = count_devices(client, {}, purpose="Counting the devices")
    return 1 if count is None else math.ceil(float(count) / PAGE_SIZE)


def _find_device(client: Client, name: str) -> Row | Ambiguous | None:
    if not name:
        # A search for an empty text matches all devices.
        return None
    if is_uuid(name):
        return client.find_object(_ITEM, ids={"id": normal_id(name)}, purpose=f"Reading the device {name}")
    for form in unicode_forms(name):
        rows = list_devices(client, {"search": form}, purpose=f"Looking for the device '{name}'")
        if found := [row for row in rows if composed(name) in _names_of(row)]:
            return _one_or_none(found, name)
    return None


def _match_all(rows: list[Row], names: list[str]) -> dict[str, Row | Ambiguous | None]:
    """Return the devices among rows by name, alias, serial number or ID, None if no device matches."""
    matches: dict[str, list[Row]] = {name: [] for name in names}
    names_by_text: dict[str, set[str]] = {}
    for name in names:
        names_by_text.setdefault(normal_id(composed(name)), set()).add(name)
    for row in rows:
        texts = {normal_id(text) for text in _names_of(row)} | {str(row["id"]).lower()}
        for text in texts & names_by_text.keys():
            for name in names_by_text[text]:
                matches[name].append(row)
    return {name: _one_or_none(found, name) for name, found in matches.items()}


def _names_of(row: Row) -> set[str]:
    """Return the name, alias and serial number of a device in composed Unicode form, without empty ones."""
    names = {composed(str(row.get(key) or "")).strip() for key in ("name", "alias", "serial")}
    return names - {""}


def _one_or_none(rows: list[Row], name: str) -> Row | Ambiguous | None:
    """Return the enrolled device, or else the last disabled one. Return Ambiguous if several are enrolled."""
    enrolled = [row for row in rows if row.get("state") != DISABLED]
    if len(enrolled) > 1:
        labels = [f"{label_of(row)} (alias {row.get('alias')}, serial {row.get('serial')})" for row in enrolled]
        return Ambiguous("device", name, labels, "Use a name, serial number or ID that only one device has.")
    return next(iter(enrolled or rows[-1:]), None)
