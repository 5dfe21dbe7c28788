# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of events: the same for changes that the source reads and for alerts that a webhook receives.

An event has the property ``esper`` and, if its device is known, the host of the device in ``meta.hosts``.

Values of Esper are data. ansible-rulebook and ansible-playbook evaluate templates in the variables of a run, so the
opening braces of templates are separated by a space in all texts of an event: ``{{`` becomes ``{ {``.
"""

from __future__ import annotations

import re
import typing as t
import uuid

from ..base.names import unique_hostnames
from ..base.row import Row

HOSTNAMES = ("name", "serial", "id")
"""The sources of the host name of a device in the order of preference, as in the inventory."""

# Any constant UUID. IDs of events depend on it.
_NAMESPACE = uuid.UUID("5b0f4d0e-5a7d-4c58-9a43-0f6f6f6b8f0d")
_TEMPLATE = re.compile(r"\{(?=[{%#])")


def event_id(*parts: str) -> str:
    """Return the ID of an event, the same for the same parts."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join(parts)))


def without_templates(value: t.Any) -> t.Any:
    """Return a value in whose texts no template starts."""
    if isinstance(value, str):
        return _TEMPLATE.sub("{ ", value)
    if isinstance(value, list):
        return [without_templates(item) for item in value]
    if isinstance(value, dict):
        return {without_templates(key): without_templates(item) for key, item in value.items()}
    return value


def host_of(device: t.Mapping[str, t.Any], hostnames: t.Sequence[str] = HOSTNAMES) -> str | None:
    """Return the host name of a device: the first of its names that is valid, None if there is none."""
    candidates = [None if device.get(name) is None else str(device[name]) for name in hostnames]
    return unique_hostnames([candidates], [str(device.get("id") or "")])[0][0]


def make_event(
    identifier: str,
    type_: str,
    time: str | None,
    device: Row | None,
    *,
    origin: str,
    hostnames: t.Sequence[str] = HOSTNAMES,
    **more: t.Any,
) -> Row:
    """Return an event. ``origin`` is ``poll`` or ``webhook``, ``more`` are further properties of ``esper``."""
    values = {"id": identifier, "type": type_, "time": time, "origin": origin, "device": device or {}, **more}
    # Persistence of ansible-rulebook recognizes an event by the UUID.
    meta: Row = {"uuid": identifier}
    host = host_of(device, hostnames) if device and hostnames else None
    if host is not None:
        meta["hosts"] = host
    return {"esper": without_templates(values), "meta": meta}
