# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One source of events: the connection, the store, and what it reads in each poll."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..base.errors import ApiError, RequestFailed
from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..http.client import Client
from ..kinds.device import resolve_filters
from .devices import DeviceChanges
from .history import History
from .names import Names
from .options import Options
from .store import Store

_NO_ACCESS = frozenset({401, 403})


class Poller:
    """Reads changes of a tenant into a store. Its methods block, and one thread at a time may call them, except stop().

    ``warn`` gets a sentence for each problem, each once.
    """

    def __init__(self, options: Options, warn: t.Callable[[str], None]) -> None:
        """Open the store. Raise ConfigurationError if its file cannot be used."""
        self._options = options
        self._connection = options.connection
        self._warned: set[str] = set()
        self._show = warn
        self._client: Client | None = None
        self._is_stopped = False
        self.store = Store(options.state_file, options.scope)
        names = Names(self._warn)
        self._devices = DeviceChanges(options, self.store, names, self._warn)
        self._history = History(options, self.store, names, self._warn)

    def poll(self) -> None:
        """Read the changes since the poll before. After an error, what was read so far is in the store.

        Raise ConfigurationError, NotFound, Ambiguous, and the errors of Client.request().
        """
        with self.store.explained(), Client(self._connection, user_agent="event source") as client:
            self._client = client
            if self._is_stopped:
                client.stop()
            for warning in client.warnings:
                self._warn(warning)
            if self._connection.enterprise_id is None:
                # Each poll has a client of its own, because the deadline is that of a task.
                self._connection = replace(self._connection, enterprise_id=client.enterprise_id)
            view = TenantView(client)
            if self.store.has_new_scope:
                self._start_scope(view)
            if self._devices.is_needed:
                self._devices.poll(view)
            self._history.poll(view)

    def _start_scope(self, view: TenantView) -> None:
        """Forget the devices and events of other options, once the names in the options are known to exist. A typo in
        the name of a device group must not delete what happened since the last poll."""
        resolve_filters(view, self._options.filters)
        self.store.start_scope()
        self._warn(
            f"The state file '{self._options.state_file}' is for another tenant or other filters. It starts again, so"
            " earlier changes are not reported."
        )

    def events(self, limit: int) -> list[tuple[int, Row]]:
        """Return the oldest events that were not handed over, with their numbers. Those of other options are none."""
        with self.store.explained():
            return [] if self.store.has_new_scope else self.store.events(limit)

    def confirm(self, number: int) -> None:
        """Forget an event that was handed over."""
        self.store.remove_event(number)

    def stop(self) -> None:
        """Stop a poll in another thread."""
        self._is_stopped = True
        if self._client is not None:
            self._client.stop()

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def _warn(self, sentence: str) -> None:
        if sentence not in self._warned:
            self._warned.add(sentence)
            self._show(sentence)


def is_temporary(error: RequestFailed) -> bool:
    """Return whether another poll can succeed after an error."""
    return not (isinstance(error, ApiError) and error.status in _NO_ACCESS)
