# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of devices, with few requests for a large fleet.

Based on /v2/devices/ of the contract (v2.yaml), which can filter by state and order by ``last_seen`` and
``created_at``, but neither by the time of a change. So each poll reads

- the offline devices that Esper saw last, up to an overlap before the ones of the poll before,
- the devices that were created last, in the same way,
- all offline devices, if their number is not the expected one, because others are online again,
- each device that is no longer offline, and each one that was created in the last day and is not in use yet.

All devices are read at a longer interval. This finds moves, tags and blueprints of online devices, and removed devices.

Choice: a device keeps its ``last_seen`` while it is offline. Choice: if Esper ignores an order, or the filter for the
state, the source warns, does not use it any more, and finds these changes when it reads all devices.
"""

from __future__ import annotations

import time
import typing as t
import uuid
from datetime import timedelta

from ..base.row import Row
from ..base.times import format_utc, now, parse_time
from ..engine.tenant_view import TenantView
from ..http.parallel import in_parallel
from ..kinds.device import STATES, resolve_filters
from ..kinds.device_list import DEVICE_CONCURRENCY, PAGE_SIZE, fits_one_request, list_devices
from .changes import Change, changes_of, is_enrolling, needs_update, snapshot_of
from .forms import make_event
from .listing import Listing, read_newest, time_key
from .names import Names
from .options import DEVICE_CHANGES, ENROLLED, MOVED, OFFLINE, ONLINE, RETURNED, Options
from .store import Known, Store

_PATH = "/v2/devices/"
_ITEM = "/v2/devices/{id}"
_OFFLINE = str(next(code for code, word in STATES.items() if word == "offline"))
_PURPOSE = "Reading the changes of devices"
# Maximum number of devices that are read one by one in a small fleet. In a large one, all pages are the limit.
_FEW = 50
# Devices that were created longer before the newest one are not read one by one.
_ENROLLMENT = timedelta(days=1)
_READY, _FULL = "devices", "devices read at"
_SEEN, _CREATED = "newest last_seen", "newest created_at"


class DeviceChanges:
    """Reads the changes of devices into the store."""

    def __init__(self, options: Options, store: Store, names: Names, warn: t.Callable[[str], None]) -> None:
        self._options = options
        self._store = store
        self._names = names
        self._warn = warn
        self._changes = options.changes & set(DEVICE_CHANGES)
        self._query: Row | None = None
        # The orders and filters that Esper ignores.
        self._ignored: set[str] = set()

    @property
    def is_needed(self) -> bool:
        """True if devices are read. Alarms and results need the devices that the filters select."""
        return bool(self._changes or self._options.filters)

    def poll(self, view: TenantView) -> None:
        """Read what has changed. The first time, only remember the devices. Raise what Client.request raises, NotFound
        or Ambiguous for a filter, and ConfigurationError if the filters are too long."""
        age = time.time() - float(self._store.value(_FULL) or 0)
        is_due = not 0 <= age < self._options.full_interval
        if self._query is None or is_due:
            self._query = resolve_filters(view, self._options.filters)
        if not self._store.value(_READY):
            self._remember_all(view)
        elif is_due or not fits_one_request(self._query):
            self._compare_all(view)
        else:
            self._compare_newest(view)

    # --- all devices --------------------------------------------------------------------------------------------------

    def _remember_all(self, view: TenantView) -> None:
        """Store all devices without events."""
        newest = {_SEEN: "", _CREATED: ""}

        def convert(row: Row) -> Row:
            device = snapshot_of(row)
            self._store.put_device(device, is_enrolling=is_enrolling(device))
            self._note_newest(newest, device)
            return {"id": device["id"]}

        with self._store.transaction():
            self._store.forget_devices()
            found = {row["id"] for row in self._list_all(view, convert)}
            for removed in self._store.ids() - found:
                self._store.forget_device(removed)
            self._save_newest(newest)
            self._store.set_value(_READY, format_utc(now()))
            self._store.set_value(_FULL, str(time.time()))

    def _compare_all(self, view: TenantView) -> None:
        self._names.forget()
        newest = {_SEEN: "", _CREATED: ""}

        def convert(row: Row) -> Row:
            device = snapshot_of(row)
            self._note_newest(newest, device)
            known = self._store.device(device["id"])
            if known is None or known.is_enrolling or needs_update(known.device, device):
                return {"id": device["id"], "device": device}
            return {"id": device["id"]}

        rows = self._list_all(view, convert)
        found = {row["id"] for row in rows}
        self._compare(view, [row["device"] for row in rows if "device" in row])
        self._compare_each(view, self._store.ids() - found, is_outside=True)
        with self._store.transaction():
            self._save_newest(newest)
            self._store.set_value(_FULL, str(time.time()))

    def _list_all(self, view: TenantView, convert: t.Callable[[Row], Row]) -> list[Row]:
        query = self._query or {}
        return list_devices(
            view.client, query, concurrency=DEVICE_CONCURRENCY, purpose="Reading the devices", convert=convert
        )

    # --- the devices that changed last --------------------------------------------------------------------------------

    def _compare_newest(self, view: TenantView) -> None:
        newest = {_SEEN: "", _CREATED: ""}
        for key, name, changes in (
            ("last_seen", _SEEN, (OFFLINE, ONLINE, RETURNED)),
            ("created_at", _CREATED, (ENROLLED,)),
        ):
            if self._changes.isdisjoint(changes) or key in self._ignored:
                continue
            listing = self._read(view, key)
            if key in self._ignored:
                continue
            self._compare(view, listing.rows)
            newest[name] = listing.newest(key)
            if key == "last_seen":
                self._compare_returned(view, listing)
        if ENROLLED in self._changes:
            self._compare_each(view, self._recently_created())
        with self._store.transaction():
            self._save_newest(newest)

    def _read(self, view: TenantView, key: str, *, reads_all: bool = False) -> Listing:
        """Return the newest devices by a time. For ``last_seen``, only the offline ones."""
        is_offline = key == "last_seen"
        state: Row = {"state": [_OFFLINE]} if is_offline else {}
        listing = read_newest(
            view.client,
            _PATH,
            query={**(self._query or {}), **state, "ordering": f"-{key}"},
            key=key,
            until=self._horizon(_SEEN if is_offline else _CREATED),
            purpose=_PURPOSE,
            page_size=PAGE_SIZE,
            reads_all=reads_all,
            convert=snapshot_of,
        )
        what = ""
        if not listing.is_ordered:
            what = f"does not return devices in the order of {key}"
        elif is_offline and any(device["state"] != "offline" for device in listing.rows):
            what = "does not filter devices by their state"
        if what:
            self._ignored.add(key)
            self._warn(
                f"Esper {what}. These changes are found when all devices are read, each"
                f" {self._options.full_interval:g} s."
            )
        return listing

    def _compare_returned(self, view: TenantView, listing: Listing) -> None:
        """Compare the devices that are no longer offline. Their number shows whether there are any."""
        if listing.count is not None and listing.count == self._store.count_offline():
            return
        if not listing.is_complete:
            listing = self._read(view, "last_seen", reads_all=True)
            self._compare(view, listing.rows)
        self._compare_each(view, self._store.offline_ids() - {device["id"] for device in listing.rows})

    def _recently_created(self) -> set[str]:
        """Return the IDs of the devices whose enrollment is in progress. Some never complete it, so older ones are
        only compared with all devices."""
        newest = parse_time(self._store.value(_CREATED))
        first = "" if newest is None else time_key(format_utc(newest - _ENROLLMENT))
        created = ((time_key(device["created_at"]), device["id"]) for device in self._store.enrolling())
        return {id_ for time_, id_ in sorted(created, reverse=True)[:_FEW] if time_ >= first}

    def _compare_each(self, view: TenantView, ids: set[str], *, is_outside: bool = False) -> None:
        """Compare devices that are read one by one, or all devices if that takes fewer requests. ``is_outside`` is
        whether the list of all devices does not have them."""
        if not is_outside and len(ids) > max(_FEW, self._store.count_devices() / PAGE_SIZE):
            self._compare_all(view)
            return

        def read(id_: str) -> Row | None:
            return view.client.find_object(_ITEM, ids={"id": id_}, purpose=f"Reading the device {id_}")

        wanted = sorted(ids)
        found = in_parallel(view.client, read, wanted, DEVICE_CONCURRENCY)
        for id_, row in zip(wanted, found, strict=True):
            known = self._store.device(id_)
            if known is not None:
                device = snapshot_of(row) if row else {**known.device, "state": "disabled"}
                self._compare(view, [device])
            if row is None or is_outside:
                with self._store.transaction():
                    self._store.forget_device(id_)

    # --- one device ---------------------------------------------------------------------------------------------------

    def _compare(self, view: TenantView, devices: t.Iterable[Row]) -> None:
        for device in devices:
            known = self._store.device(device["id"])
            changes = self._new(device) if known is None else self._changed(known, device)
            wanted = [change for change in changes if change.type in self._changes]
            was_enrolling = self._is_new(device) if known is None else known.is_enrolling
            if not (wanted or known is None or was_enrolling or needs_update(known.device, device)):
                continue
            if wanted:
                previous = [change.previous for change in wanted]
                self._names.update(view, [device, *(each for each in previous if each)])
            with self._store.transaction():
                for change in wanted:
                    self._store.add_event(self._event(view, device, change))
                self._store.put_device(device, is_enrolling=was_enrolling and is_enrolling(device))

    def _new(self, device: Row) -> list[Change]:
        """Return the changes of a device that the store does not have."""
        if self._is_new(device):
            return [] if is_enrolling(device) or device["state"] in ("disabled", "wiping") else [Change(ENROLLED)]
        return [Change(MOVED, {"group_id": None})] if self._options.selects_groups else []

    def _changed(self, known: Known, device: Row) -> list[Change]:
        return changes_of(
            known.device,
            device,
            was_enrolling=known.is_enrolling,
            returned_after=self._options.returned_after,
        )

    def _is_new(self, device: Row) -> bool:
        """Return whether a device was created after the last ones of the poll before, or shortly before them."""
        return time_key(device["created_at"]) > self._horizon(_CREATED)

    def _event(self, view: TenantView, device: Row, change: Change) -> Row:
        event = make_event(
            str(uuid.uuid4()),
            change.type,
            device["last_seen"] if change.type in (ONLINE, RETURNED) else format_utc(now()),
            self._names.add_to(device),
            origin="poll",
            hostnames=self._options.hostnames,
            previous=self._names.add_to(change.previous),
            **change.more,
        )
        return t.cast(Row, view.client.redact_all(event))

    # --- times --------------------------------------------------------------------------------------------------------

    def _horizon(self, name: str) -> str:
        """Return the time up to which the poll before has read devices, less the overlap."""
        newest = parse_time(self._store.value(name))
        return "" if newest is None else time_key(format_utc(newest - timedelta(seconds=self._options.overlap)))

    @staticmethod
    def _note_newest(newest: dict[str, str], device: Row) -> None:
        if device["state"] == "offline":
            newest[_SEEN] = max(newest[_SEEN], time_key(device["last_seen"]))
        newest[_CREATED] = max(newest[_CREATED], time_key(device["created_at"]))

    def _save_newest(self, newest: t.Mapping[str, str]) -> None:
        for name, value in newest.items():
            if value > self._store.value(name):
                self._store.set_value(name, value)
