# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, as exceptions. Each message is one sentence, or a few, that a user can act on."""

from __future__ import annotations

import difflib
import typing as t


class EsperError(Exception):
    """Anything foreseeable: its text is fit to be shown to a user as it is."""

    def details(self) -> dict[str, t.Any]:
        """Facts for a program that reads the failure; merged into the failed task's result."""
        return {}


class ConfigurationError(EsperError):
    """The connection options are missing, contradict each other or make no sense."""


class InvalidParameter(EsperError):
    """What the user asks for cannot be asked of this kind of object."""


class NotFound(EsperError):
    """A name, path or id that the user gave belongs to no object.

    ``available`` are the names that do exist; the closest of them are offered. ``note`` is a sentence more.
    """

    def __init__(self, title: str, wanted: str, available: t.Iterable[str] = (), note: str = "") -> None:
        others = [name for name in dict.fromkeys(available) if name != wanted]
        near = difflib.get_close_matches(wanted, others, n=3, cutoff=0.6)
        quoted = [f"'{name}'" for name in near]
        hint = f"Did you mean {' or '.join(quoted)}?" if near else ""
        super().__init__(" ".join(filter(None, [f"There is no {title} '{wanted}'.", hint, note])))


class Ambiguous(EsperError):
    """A name that belongs to more than one object; ``candidates`` tell them apart."""

    def __init__(self, title: str, wanted: str, candidates: t.Iterable[str], advice: str) -> None:
        self.candidates = sorted(candidates)
        listing = ", ".join(self.candidates)
        super().__init__(f"The {title} '{wanted}' is ambiguous: {len(self.candidates)} match ({listing}). {advice}")

    def details(self) -> dict[str, t.Any]:
        return {"candidates": self.candidates}


class RequestFailed(EsperError):
    """A request did not do what it was sent for.

    ``outcome_unknown`` says that a write may have taken effect all the same: the answer was lost, or the server failed
    while it worked on the request. ``wait`` are the seconds that the service asks to wait before the next request.
    """

    def __init__(
        self, message: str, *, method: str, path: str, outcome_unknown: bool = False, wait: float | None = None
    ) -> None:
        super().__init__(message)
        self.wait = wait
        self.method = method
        self.path = path
        self.outcome_unknown = outcome_unknown

    @property
    def is_outage(self) -> bool:
        """Whether the same request may well succeed at another time."""
        return True

    def details(self) -> dict[str, t.Any]:
        return {"request": {"method": self.method, "path": self.path}}


class TransportError(RequestFailed):
    """No usable answer came: DNS, refused or lost connection, TLS, time-out, an answer that is not the API's."""


class ApiError(RequestFailed):
    """The API answered with an error status.

    ``errors`` is the server's own list (possibly empty), ``server_message`` its sentence (possibly empty).
    """

    def __init__(
        self,
        message: str,
        *,
        method: str,
        path: str,
        status: int,
        server_message: str = "",
        errors: t.Sequence[str] = (),
        outcome_unknown: bool = False,
        wait: float | None = None,
    ) -> None:
        super().__init__(message, method=method, path=path, outcome_unknown=outcome_unknown, wait=wait)
        self.status = status
        self.server_message = server_message
        self.errors = list(errors)

    @property
    def is_outage(self) -> bool:
        return self.status >= 500 or self.status == 429

    def details(self) -> dict[str, t.Any]:
        return {**super().details(), "status": self.status, "errors": self.errors}
