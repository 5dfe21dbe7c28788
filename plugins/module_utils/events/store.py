# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of the event source: the devices as it last read them, the alarms and results that it reported, and the
events that it has yet to hand over.

A change and its event are written together. The event is deleted after it was handed over. So a process that is killed
at any moment misses nothing. If it is killed between the hand-over and the deletion, it hands the event over again with
the same ID.

A database of SQLite, so that a change of one device writes one row. The file has the mode 0600. It has no secrets:
names, states and times only. Another process cannot open it at the same time. Its size depends on the number of
devices, and on the number of alarms and results in the overlap, which is limited.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import typing as t
import uuid
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import ConfigurationError
from ..base.row import Row

_FORMAT = "1"
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS devices (
    id TEXT PRIMARY KEY, state TEXT, enrolling INTEGER NOT NULL, row TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS offline ON devices (id) WHERE state = 'offline';
CREATE INDEX IF NOT EXISTS enrolling ON devices (id) WHERE enrolling = 1;
CREATE TABLE IF NOT EXISTS seen (
    feed TEXT NOT NULL, key TEXT NOT NULL, time TEXT NOT NULL, PRIMARY KEY (feed, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_times ON seen (feed, time);
CREATE TABLE IF NOT EXISTS outbox (number INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS commands (id TEXT PRIMARY KEY, time TEXT NOT NULL, row TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Known:
    """A device as it was last read."""

    device: Row
    is_enrolling: bool


def _to_text(value: Row) -> str:
    return json.dumps(value, separators=(",", ":"))


class Store:
    """The memory of one event source. Used by one thread at a time."""

    def __init__(self, path: str, scope: str) -> None:
        """Open the file, or a database in memory if the path is "". ``scope`` is that of the options. If it differs
        from that of the file, ``has_new_scope`` is true until start_scope().

        Raise ConfigurationError if the file cannot be used.
        """
        self.has_new_scope = False
        self._scope = scope
        self._path = path
        # The number of transactions that are open. SQLite opens one with the first change.
        self._depth = 0
        with self.explained():
            if path:
                file = Path(path).expanduser()
                file.parent.mkdir(parents=True, exist_ok=True)
                # SQLite gives its other files the mode of the database.
                with contextlib.suppress(FileExistsError):
                    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                if not file.is_file():
                    raise ConfigurationError(f"Cannot use the state file '{path}': it is not a file.")
                file.chmod(0o600)
                path = str(file)
            self._base = sqlite3.connect(
                path or ":memory:", timeout=1, isolation_level="IMMEDIATE", check_same_thread=False
            )
            # One process only, and no file for shared memory, so that network file systems work too.
            self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = NORMAL")
            self._base.executescript(_TABLES)
            if self.value("format") not in ("", _FORMAT):
                raise ConfigurationError(f"The state file '{path}' has the format of another version. Delete it.")
            self.has_new_scope = self.value("scope") not in ("", scope)
            if not self.has_new_scope:
                self.start_scope()
        self.id = self.value("id")

    def start_scope(self) -> None:
        """Forget everything if the scope is new."""
        with self.transaction():
            if self.has_new_scope:
                for table in ("meta", "devices", "seen", "commands", "outbox"):
                    self._base.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
            self.set_value("format", _FORMAT)
            self.set_value("scope", self._scope)
            if not self.value("id"):
                self.set_value("id", str(uuid.uuid4()))
        self.has_new_scope = False
        self.id = self.value("id")

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    @contextlib.contextmanager
    def explained(self) -> t.Iterator[None]:
        """Raise ConfigurationError for an error of the file."""
        try:
            yield
        except sqlite3.Error as error:
            cause = "another process uses it" if "locked" in str(error) else str(error)
            raise ConfigurationError(f"Cannot use the state file '{self._path}': {cause}.") from None
        except OSError as error:
            raise ConfigurationError(f"Cannot use the state file '{self._path}': {error.strerror}.") from None

    @contextlib.contextmanager
    def transaction(self) -> t.Iterator[None]:
        """Write all or nothing. Within another transaction, it is a part of that."""
        with self.explained():
            self._depth += 1
            try:
                yield
            except BaseException:
                self._base.rollback()
                raise
            finally:
                self._depth -= 1
            if self._depth == 0:
                self._base.commit()

    # --- single values ------------------------------------------------------------------------------------------------

    def value(self, name: str) -> str:
        """Return a value, "" if it is not set."""
        found = self._base.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else ""

    def set_value(self, name: str, value: str) -> None:
        """Set a value."""
        self._base.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    # --- devices ------------------------------------------------------------------------------------------------------

    def device(self, identifier: str) -> Known | None:
        """Return a device, None if it is not known."""
        found = self._base.execute("SELECT row, enrolling FROM devices WHERE id = ?", (identifier,)).fetchone()
        return Known(json.loads(found[0]), bool(found[1])) if found else None

    def put_device(self, device: Row, *, is_enrolling: bool = False) -> None:
        """Store a device."""
        self._base.execute(
            "INSERT OR REPLACE INTO devices VALUES (?, ?, ?, ?)",
            (device["id"], device["state"], is_enrolling, _to_text(device)),
        )

    def forget_device(self, identifier: str) -> None:
        """Delete a device."""
        self._base.execute("DELETE FROM devices WHERE id = ?", (identifier,))

    def forget_devices(self) -> None:
        """Delete all devices."""
        self._base.execute("DELETE FROM devices")

    def count_devices(self) -> int:
        """Return the number of devices."""
        return int(self._base.execute("SELECT COUNT(*) FROM devices").fetchone()[0])

    def ids(self) -> set[str]:
        """Return the IDs of all devices."""
        return {row[0] for row in self._base.execute("SELECT id FROM devices")}

    def offline_ids(self) -> set[str]:
        """Return the IDs of the offline devices."""
        return {row[0] for row in self._base.execute("SELECT id FROM devices WHERE state = 'offline'")}

    def count_offline(self) -> int:
        """Return the number of offline devices."""
        return int(self._base.execute("SELECT COUNT(*) FROM devices WHERE state = 'offline'").fetchone()[0])

    def enrolling(self) -> list[Row]:
        """Return the devices whose enrollment was not reported."""
        return [json.loads(row[0]) for row in self._base.execute("SELECT row FROM devices WHERE enrolling = 1")]

    # --- reported alarms and results ----------------------------------------------------------------------------------

    def is_seen(self, feed: str, key: str) -> bool:
        """Return whether something of a feed was reported."""
        query = "SELECT 1 FROM seen WHERE feed = ? AND key = ?"
        return self._base.execute(query, (feed, key)).fetchone() is not None

    def mark(self, feed: str, key: str, time: str) -> None:
        """Remember that something was reported. Times of one feed are compared as texts."""
        self._base.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", (feed, key, time))

    def forget_until(self, feed: str, time: str) -> None:
        """Forget what was reported up to a time."""
        self._base.execute("DELETE FROM seen WHERE feed = ? AND time <= ?", (feed, time))

    def forget_results(self) -> None:
        """Forget what was reported of commands that are not read any more."""
        self._base.execute(
            "DELETE FROM seen WHERE feed LIKE 'result %' AND substr(feed, 8) NOT IN (SELECT id FROM commands)"
        )

    def oldest_beyond(self, feed: str, limit: int) -> str:
        """Return the time of the newest entry of a feed that exceeds a number of entries, "" if none does."""
        query = "SELECT time FROM seen WHERE feed = ? ORDER BY time DESC LIMIT 1 OFFSET ?"
        found = self._base.execute(query, (feed, limit)).fetchone()
        return str(found[0]) if found else ""

    def count_seen(self) -> int:
        """Return the number of entries of all feeds."""
        return int(self._base.execute("SELECT COUNT(*) FROM seen").fetchone()[0])

    # --- events -------------------------------------------------------------------------------------------------------

    def add_event(self, event: Row) -> None:
        """Store an event until it is handed over."""
        self._base.execute("INSERT INTO outbox (event) VALUES (?)", (_to_text(event),))

    def events(self, limit: int) -> list[tuple[int, Row]]:
        """Return the oldest events that were not handed over, with their numbers."""
        found = self._base.execute("SELECT number, event FROM outbox ORDER BY number LIMIT ?", (limit,))
        return [(number, json.loads(event)) for number, event in found]

    def remove_event(self, number: int) -> None:
        """Forget an event that was handed over."""
        with self.transaction():
            self._base.execute("DELETE FROM outbox WHERE number = ?", (number,))

    # --- commands -----------------------------------------------------------------------------------------------------

    def put_command(self, identifier: str, time: str, command: Row) -> None:
        """Store a command whose results are read."""
        self._base.execute("INSERT OR IGNORE INTO commands VALUES (?, ?, ?)", (identifier, time, _to_text(command)))

    def commands_since(self, time: str) -> dict[str, Row]:
        """Return the commands after a time by their IDs."""
        found = self._base.execute("SELECT id, row FROM commands WHERE time > ?", (time,))
        return {identifier: json.loads(row) for identifier, row in found}

    def forget_commands_until(self, time: str) -> None:
        """Delete the commands up to a time."""
        self._base.execute("DELETE FROM commands WHERE time <= ?", (time,))
