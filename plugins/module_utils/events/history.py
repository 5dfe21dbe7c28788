# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alarms and results of commands: what happened once, at a time.

Based on /v1/enterprise/{enterprise_id}/alarmrules/{alarm_id}/alarmhistory/ (v1.yaml), /commands/v0/commands/ and
/commands/v0/status/ (v0.yaml) of the contract.

Choice: the alarms of a rule, and the commands of the tenant, are in the order of time. The first page shows whether the
newest or the oldest is the first. If there is no order, the whole list is read.
Choice: an alarm has no ID, so its rule, its device and its time identify it.
Choice: the results of a command are read for ``command_window`` seconds: in each poll in the first hour, and when all
devices are read after that.
"""

from __future__ import annotations

import time
import typing as t
from datetime import timedelta

from ..base.ids import last_uuid
from ..base.row import Row
from ..base.times import format_utc, parse_time
from ..engine.tenant_view import TenantView
from ..http.paging import list_all
from ..http.parallel import CONCURRENCY, in_parallel, in_parts
from ..kinds.alarm_rule import ALARM_RULE, HISTORY
from ..model.conform import to_text
from ..tasks.command import REQUEST
from ..tasks.statuses import IDS_PER_QUERY, STATUSES, api_state_of
from .changes import snapshot_of
from .forms import event_id, make_event
from .listing import Listing, read_newest, time_key
from .names import Names
from .options import ALARM, COMMAND_CHANGES, COMMAND_FAILED, COMMAND_SUCCEEDED, Options
from .store import Store

_PAGE_SIZE = 50
_COMMANDS = "commands"
_COMMANDS_READ = "commands read at"
_HOUR = timedelta(hours=1)
_STATES = {COMMAND_FAILED: ("failed", "timed_out"), COMMAND_SUCCEEDED: ("succeeded",)}
_DEVICE = "/v2/devices/{id}"


class History:
    """Reads alarms and results of commands into the store."""

    def __init__(self, options: Options, store: Store, names: Names, warn: t.Callable[[str], None]) -> None:
        self._options = options
        self._store = store
        self._names = names
        self._warn = warn

    def poll(self, view: TenantView) -> None:
        """Read what is new. The first time, only remember what exists. Raise what Client.request raises."""
        if ALARM in self._options.changes:
            self._poll_alarms(view)
        if not self._options.changes.isdisjoint(COMMAND_CHANGES):
            self._poll_commands(view)

    # --- alarms -------------------------------------------------------------------------------------------------------

    def _poll_alarms(self, view: TenantView) -> None:
        is_first = not self._store.value(ALARM)
        rules = [rule for rule in view.list_objects(ALARM_RULE) if is_first or rule.get("is_active") is not False]

        def read(rule: Row) -> Listing:
            return read_newest(
                view.client,
                HISTORY,
                ids={"id": str(rule["id"])},
                key="alert_time",
                until=self._floor(_feed_of(rule)),
                purpose=f"Reading the alarms of the rule {rule['id']}",
                page_size=_PAGE_SIZE,
                can_ascend=True,
                tolerance=self._options.overlap,
            )

        for rule, listing in zip(rules, in_parallel(view.client, read, rules, CONCURRENCY), strict=True):
            self._check_order(listing, "the alarms of a rule")
            self._add_alarms(view, rule, listing, is_first=is_first)
        with self._store.transaction():
            self._store.set_value(ALARM, "ready")

    def _add_alarms(self, view: TenantView, rule: Row, listing: Listing, *, is_first: bool) -> None:
        feed = _feed_of(rule)
        for row in sorted(listing.rows, key=lambda row: time_key(row.get("alert_time"))):
            moment, device = time_key(row.get("alert_time")), last_uuid(row.get("device_id"))
            key = f"{device} {moment}"
            if moment <= self._floor(feed) or self._store.is_seen(feed, key):
                continue
            event = None
            if not is_first and self._is_in_scope(device):
                event = make_event(
                    event_id(self._options.connection.api_url, feed, key),
                    ALARM,
                    to_text(row.get("alert_time")),
                    self._device(view, device, row),
                    origin="poll",
                    hostnames=self._options.hostnames,
                    alarm={name: to_text(rule.get(name)) for name in ("id", "name", "metric")},
                )
            self._record(view, feed, key, moment, event)
        self._raise_floor(feed, listing.newest("alert_time"))

    # --- commands -----------------------------------------------------------------------------------------------------

    def _poll_commands(self, view: TenantView) -> None:
        changes = sorted(self._options.changes.intersection(COMMAND_CHANGES))
        is_new = {change: not self._store.value(change) for change in changes}
        listing = read_newest(
            view.client,
            REQUEST.routes.list,
            key="created_at",
            until=self._floor(_COMMANDS),
            purpose="Reading the commands",
            page_size=_PAGE_SIZE,
            can_ascend=True,
            tolerance=self._options.overlap,
        )
        self._check_order(listing, "commands")
        newest = max(listing.newest("created_at"), self._store.value(f"newest {_COMMANDS}"))
        window = _earlier(newest, self._options.command_window)
        with self._store.transaction():
            for row in listing.rows:
                if (moment := time_key(row.get("created_at"))) > window and (id_ := last_uuid(row.get("id"))):
                    self._store.put_command(id_, moment, {"command": to_text(row.get("command"))})
            self._store.forget_commands_until(window)
        age = time.time() - float(self._store.value(_COMMANDS_READ) or 0)
        reads_all = any(is_new.values()) or not 0 <= age < self._options.full_interval
        since = window if reads_all else max(window, _earlier(newest, _HOUR.total_seconds()))
        commands = self._store.commands_since(since)
        for change in changes:
            for state in _STATES[change]:
                self._poll_results(view, commands, change, state, is_first=is_new[change])
        with self._store.transaction():
            for change in changes:
                self._store.set_value(change, "ready")
            self._store.set_value(f"newest {_COMMANDS}", newest)
            self._store.set_value(f"floor {_COMMANDS}", _earlier(newest, self._options.overlap))
            if reads_all:
                self._store.set_value(_COMMANDS_READ, str(time.time()))
            # Results of commands that are not read any more.
            self._store.forget_results()

    def _poll_results(
        self, view: TenantView, commands: dict[str, Row], change: str, state: str, *, is_first: bool
    ) -> None:
        def read(part: list[str]) -> list[Row]:
            query = {"request": ",".join(part), "state": api_state_of(state)}
            return list_all(view.client, STATUSES, query=query, purpose="Reading the results of commands")

        for rows in in_parallel(view.client, read, in_parts(IDS_PER_QUERY, sorted(commands)), CONCURRENCY):
            for row in rows:
                request, device = last_uuid(row.get("request")), last_uuid(row.get("device"))
                if request not in commands or row.get("state") != api_state_of(state):
                    continue
                feed, key = f"result {request}", f"{device} {state}"
                if self._store.is_seen(feed, key):
                    continue
                event = None
                if not is_first and self._is_in_scope(device):
                    event = make_event(
                        event_id(self._options.connection.api_url, feed, key),
                        change,
                        to_text(row.get("updated_at")),
                        self._device(view, device, {}),
                        origin="poll",
                        hostnames=self._options.hostnames,
                        command={
                            "id": request,
                            "name": commands[request]["command"],
                            "state": state,
                            "reason": to_text(row.get("reason")),
                        },
                    )
                self._record(view, feed, key, time_key(row.get("updated_at")), event)

    # --- parts of both ------------------------------------------------------------------------------------------------

    def _record(self, view: TenantView, feed: str, key: str, moment: str, event: Row | None) -> None:
        with self._store.transaction():
            if event is not None:
                self._store.add_event(view.client.redact_all(event))
            self._store.mark(feed, key, moment)

    def _is_in_scope(self, device: str | None) -> bool:
        return not self._options.filters or (device is not None and self._store.device(device) is not None)

    def _device(self, view: TenantView, identifier: str | None, alarm: Row) -> Row:
        """Return the device of an event. ``alarm`` has the values that are known if Esper does not return it."""
        if identifier is None:
            return {}
        known = self._store.device(identifier)
        if known is None:
            purpose = f"Reading the device {identifier}"
            row = view.client.find_object(_DEVICE, ids={"id": identifier}, purpose=purpose)
            if row is None:
                return {
                    "id": identifier,
                    "name": to_text(alarm.get("device_name")),
                    "group_name": to_text(alarm.get("group_name")),
                }
            device = snapshot_of(row)
        else:
            device = known.device
        self._names.update(view, [device])
        return self._names.add_to(device)

    def _check_order(self, listing: Listing, what: str) -> None:
        if not listing.is_ordered:
            self._warn(f"Esper does not return {what} in the order of time, so all of them are read in each poll.")

    def _floor(self, feed: str) -> str:
        """Return the time up to which everything of a feed was reported."""
        return self._store.value(f"floor {feed}")

    def _raise_floor(self, feed: str, newest: str) -> None:
        """Forget what was reported before the overlap, and the oldest entries above the limit."""
        with self._store.transaction():
            floor = max(
                self._floor(feed),
                _earlier(newest, self._options.overlap),
                self._store.oldest_beyond(feed, self._options.max_seen),
            )
            if floor != self._floor(feed):
                self._store.set_value(f"floor {feed}", floor)
                self._store.forget_until(feed, floor)


def _feed_of(rule: Row) -> str:
    return f"alarms {rule['id']}"


def _earlier(moment: str, seconds: float) -> str:
    """Return the time a number of seconds before a time, "" for ""."""
    found = parse_time(moment)
    return "" if found is None else time_key(format_utc(found - timedelta(seconds=seconds)))
