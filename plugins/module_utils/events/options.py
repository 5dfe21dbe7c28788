# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the event source, and their validation."""

from __future__ import annotations

import math
import os
import typing as t
from dataclasses import dataclass

from ..base.errors import ConfigurationError, InvalidParameter
from ..base.row import Row
from ..base.text import did_you_mean
from ..http.connection import OPTIONS, Connection, Place, combine, values_in_environment
from ..kinds.device import check_filters
from .forms import HOSTNAMES

OFFLINE, ONLINE, RETURNED = "device_offline", "device_online", "device_returned"
ENROLLED, REMOVED, MOVED, TAGGED = "device_enrolled", "device_removed", "device_moved", "device_tagged"
BLUEPRINT, ALARM = "blueprint_changed", "alarm"
COMMAND_FAILED, COMMAND_SUCCEEDED = "command_failed", "command_succeeded"
DEVICE_CHANGES = (OFFLINE, ONLINE, RETURNED, ENROLLED, REMOVED, MOVED, TAGGED, BLUEPRINT)
COMMAND_CHANGES = (COMMAND_FAILED, COMMAND_SUCCEEDED)
CHANGES = (*DEVICE_CHANGES, ALARM, *COMMAND_CHANGES)

_DAY = 86_400
# Arguments that ansible-rulebook adds to those of the rulebook or handles itself.
_FOREIGN = frozenset({"feedback", "eda_feedback_queue"})
_TRUE, _FALSE = ("true", "yes", "on", "1", "t", "y"), ("false", "no", "off", "0", "f", "n")


@dataclass(frozen=True)
class _Number:
    """An option with a number: its default and its range."""

    default: float
    minimum: float
    maximum: float


# In seconds, except the last two.
_NUMBERS = {
    "interval": _Number(60, 1, _DAY),
    "full_interval": _Number(3600, 1, 7 * _DAY),
    "overlap": _Number(3600, 0, 30 * _DAY),
    "command_window": _Number(_DAY, 60, 30 * _DAY),
    "returned_after": _Number(30, 0, 10_000),
    "max_seen": _Number(100_000, 100, 10_000_000),
}
_TEXTS = ("state_file", "set_hosts")
_LISTS = ("changes", "groups", "tags", "hostnames")


@dataclass(frozen=True)
class Options:
    """Valid options. Times are in seconds, ``returned_after`` too. ``filters`` are those of check_filters(). If
    ``hostnames`` are empty, events have no hosts."""

    connection: Connection
    changes: frozenset[str]
    filters: Row
    hostnames: tuple[str, ...]
    interval: float
    full_interval: float
    overlap: float
    command_window: float
    returned_after: float
    max_seen: int
    state_file: str

    @classmethod
    def from_args(cls, args: t.Mapping[str, t.Any], environment: t.Mapping[str, str] | None = None) -> Options:
        """Return the options of a rulebook. Raise ConfigurationError or InvalidParameter if they are invalid."""
        names = (*_NUMBERS, *_TEXTS, *_LISTS, "filters", *(option.name for option in OPTIONS))
        if unknown := next((name for name in args if name not in names and name not in _FOREIGN), None):
            hint = did_you_mean(str(unknown), names) or f"Valid options: {', '.join(sorted(names))}."
            raise InvalidParameter(f"Unknown option '{unknown}' of the event source. {hint}")
        numbers = {name: _number(name, args.get(name), number) for name, number in _NUMBERS.items()}
        changes = _list("changes", args.get("changes")) or [name for name in CHANGES if name != COMMAND_SUCCEEDED]
        hostnames = _list("hostnames", args.get("hostnames")) or list(HOSTNAMES)
        for name, values, valid in (("changes", changes, CHANGES), ("hostnames", hostnames, (*HOSTNAMES, "alias"))):
            if (wrong := next((value for value in values if value not in valid), None)) is not None:
                hint = did_you_mean(wrong, valid)
                raise InvalidParameter(
                    f"Invalid {name}: '{wrong}' is not one of {', '.join(valid)}.{' ' * bool(hint)}{hint}"
                )
        return cls(
            connection=_connection(args, os.environ if environment is None else environment),
            changes=frozenset(changes),
            filters=_filters(args),
            hostnames=tuple(hostnames) if _converted("set_hosts", "bool", args.get("set_hosts", True)) else (),
            interval=numbers["interval"],
            full_interval=max(numbers["full_interval"], numbers["interval"]),
            overlap=numbers["overlap"],
            command_window=numbers["command_window"],
            returned_after=numbers["returned_after"] * _DAY,
            max_seen=int(numbers["max_seen"]),
            state_file=str(args.get("state_file") or ""),
        )

    @property
    def scope(self) -> str:
        """The tenant and the devices of the source, to compare with those of a state file."""
        selected = "; ".join(f"{name}={self.filters[name]}" for name in sorted(self.filters))
        return f"{self.connection.api_url} {selected}".strip()

    @property
    def selects_groups(self) -> bool:
        """True if a device can get into the scope of the source by a move."""
        return any(name.startswith("group_multi") for name in self.filters)


def _connection(args: t.Mapping[str, t.Any], environment: t.Mapping[str, str]) -> Connection:
    """Return the connection of a rulebook. Its options take precedence over environment variables, like those of an
    inventory file."""
    own = {option.name: args[option.name] for option in OPTIONS if args.get(option.name) not in (None, "")}
    places = [Place("the rulebook", own), Place("the environment", values_in_environment(environment))]
    types = {option.name: option.type for option in OPTIONS}
    values = {name: _converted(name, types[name], value) for name, (_place, value) in combine(places).items()}
    return Connection.from_options(values)


def _converted(name: str, type_: str, value: t.Any) -> t.Any:
    """Return the value of a connection option with its type. A rulebook and the environment can have texts."""
    if type_ == "bool" and not isinstance(value, bool):
        text = str(value).strip().lower()
        if text not in (*_TRUE, *_FALSE):
            raise ConfigurationError(f"Invalid {name}: use true or false.")
        return text in _TRUE
    if type_ in ("int", "float"):
        try:
            return float(value)
        except (TypeError, ValueError):
            raise ConfigurationError(f"Invalid {name}: it is not a number.") from None
    return os.path.expanduser(str(value)) if type_ == "path" else value  # noqa: PTH111 - stays a text


def _filters(args: t.Mapping[str, t.Any]) -> Row:
    filters = args.get("filters")
    if filters is None:
        filters = {}
    if not isinstance(filters, dict):
        raise InvalidParameter("Invalid filters: it is not a dictionary.")
    if "state" in filters:
        raise InvalidParameter("Invalid filters: state is not allowed. Select the states with the option changes.")
    selected = dict(filters)
    for option, name in (("groups", "group_multi"), ("tags", "tags")):
        if values := _list(option, args.get(option)):
            # Checked here, so that the message has the name of the option.
            if not all(value.strip() for value in values):
                raise InvalidParameter(f"Invalid {option}: a value is empty.")
            if name in filters:
                raise InvalidParameter(f"Set either {option} or the filter {name}, not both.")
            selected[name] = values
    return check_filters(selected)


def _list(name: str, value: t.Any) -> list[str]:
    if value is None:
        return []
    values = [value] if isinstance(value, str) else value
    if values in ([], ()):
        raise InvalidParameter(f"Invalid {name}: the list is empty. Omit the option for its default.")
    if not isinstance(values, (list, tuple)) or not all(isinstance(each, str) for each in values):
        raise InvalidParameter(f"Invalid {name}: it is not a list of texts.")
    return list(values)


def _number(name: str, value: t.Any, number: _Number) -> float:
    try:
        found = number.default if value is None else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if isinstance(value, bool) or not number.minimum <= found <= number.maximum:
        raise InvalidParameter(f"Invalid {name}: use a number from {number.minimum:g} to {number.maximum:g}.")
    return found
