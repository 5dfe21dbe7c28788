# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exceptions of the collection. A message has one sentence or a few: what failed, on which object, why, and what to
do."""

from __future__ import annotations

import typing as t

from .text import did_you_mean, printable


class EsperError(Exception):
    """A foreseeable error. The module shows its message to the user.

    The text of the error is the message with control characters escaped, because it can quote texts from Esper.
    ``names_changes`` is true if the message says which write requests took effect.
    """

    names_changes = False

    def __str__(self) -> str:
        return printable(super().__str__())

    def details(self) -> dict[str, t.Any]:
        """Return facts for programs, which are added to the result of the failed task."""
        return {}


class ConfigurationError(EsperError):
    """The connection options are missing, invalid or inconsistent."""


class InvalidParameter(EsperError):
    """The options of the task are invalid, or the object does not allow the change."""


class InvalidValues(InvalidParameter):
    """Values of options are missing or invalid. ``errors`` has a sentence without a period for each of them, and
    ``phrase`` is the object in the message, "" if another part of the message names it."""

    def __init__(self, errors: t.Iterable[str], phrase: str = "") -> None:
        self.errors = list(errors)
        subject = f" for the {phrase}" if phrase else ""
        super().__init__(f"Invalid parameters{subject}: {'. '.join(self.errors)}.")


class NotFound(EsperError):
    """No object has the name, path or ID that the user set.

    ``available`` are the names that exist. The message suggests the closest ones. ``note`` is another sentence.
    """

    def __init__(self, title: str, name: str, available: t.Iterable[str] = (), note: str = "") -> None:
        hint = did_you_mean(name, (other for other in dict.fromkeys(available) if other != name), maximum=3)
        super().__init__(" ".join(filter(None, [f"The {title} '{name}' was not found.", hint, note])))


class Ambiguous(EsperError):
    """More than one object has the name that the user set. ``candidates`` are texts that differ for each of them."""

    def __init__(self, title: str, name: str, candidates: t.Iterable[str], advice: str) -> None:
        self.candidates = sorted(candidates)
        listing = ", ".join(self.candidates)
        super().__init__(
            f"The {title} '{name}' is ambiguous: {len(self.candidates)} objects match ({listing}). {advice}"
        )

    def details(self) -> dict[str, t.Any]:
        return {"candidates": self.candidates}


class RequestFailed(EsperError):
    """A request failed.

    ``outcome_unknown`` is true if a write request may have taken effect anyway, because the response was lost or the
    server failed while it processed the request. ``wait`` is the time in seconds that Esper asks the client to wait
    before the next request.
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
        """True if the same request can succeed later."""
        return True

    def details(self) -> dict[str, t.Any]:
        return {"request": {"method": self.method, "path": self.path}}


class TransportError(RequestFailed):
    """There was no valid response, because of DNS, the connection, TLS, a timeout, or a response that is not from the
    Esper API."""


class ApiError(RequestFailed):
    """The Esper API returned an error status.

    ``errors`` is the list of errors in the response, ``server_message`` the sentence in it. Both can be empty.
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
