# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts that Esper sends to a webhook, in the form of events.

Choice: the published contract does not describe the body of an alert. So each value has a list of places where it can
be: the properties of AlarmHistory in the contract (v1.yaml), and usual names. The option ``fields`` replaces them.
Choice: an alert without an ID and without an event time gets an ID from its whole body, so equal alerts have one ID.
"""

from __future__ import annotations

import json
import typing as t

from ..base.errors import InvalidParameter
from ..base.row import Row
from ..base.times import format_utc, now
from .forms import HOSTNAMES, event_id, host_of, make_event
from .options import ALARM

FIELDS: dict[str, tuple[str, ...]] = {
    "id": ("id", "alert_id", "event_id"),
    "type": ("event_type", "type"),
    "time": ("alert_time", "time", "timestamp", "created_on"),
    "device_id": ("device_id", "device.id"),
    "name": ("device_name", "device.device_name", "device.name"),
    "alias": ("device_alias", "alias_name", "device.alias_name", "device.alias"),
    "serial": ("serial", "serial_number", "device.serial"),
    "group": ("group_path", "device.group", "group_name", "device.group_name"),
    "tags": ("tags", "device.tags"),
    "rule_id": ("alarm_id", "rule_id", "alarm.id"),
    "rule_name": ("alarm_name", "rule_name", "alarm.name"),
    "metric": ("metric", "alarm.metric"),
}
_DEVICE = {"device_id": "id", "name": "name", "alias": "alias", "serial": "serial", "group": "group", "tags": "tags"}


def normalize(
    event: Row,
    *,
    fields: t.Mapping[str, t.Any] | None = None,
    type_: str = "",
    hostnames: t.Sequence[str] = HOSTNAMES,
) -> Row:
    """Return an event of a webhook with the property ``esper`` and the host of its device. An event of the source
    devices is returned with its host, any other event unchanged.

    ``fields`` are the places of values in the body, as a path or a list of paths with dots. ``type_`` replaces the type
    of the alert. Raise InvalidParameter if a field does not exist.
    """
    if unknown := next((name for name in fields or () if name not in FIELDS), None):
        raise InvalidParameter(f"Unknown field '{unknown}'. Valid fields: {', '.join(FIELDS)}.")
    own = event.get("esper")
    if isinstance(own, dict) and "device" in own:
        return _with_host(event, hostnames)
    body = event.get("payload", event)
    if not isinstance(body, dict):
        return event
    places = {**FIELDS, **{name: _listed(paths) for name, paths in (fields or {}).items()}}
    found = {name: _first(body, paths) for name, paths in places.items()}
    device = {key: found[name] for name, key in _DEVICE.items()}
    if not any(device[key] for key in ("id", "name", "serial")):
        return event
    device["tags"] = _tags(device["tags"])
    identifier = str(found["id"] or event_id(json.dumps(body, sort_keys=True, default=str)))
    made = make_event(
        identifier,
        type_ or str(found["type"] or ALARM),
        str(found["time"] or format_utc(now())),
        device,
        origin="webhook",
        hostnames=hostnames,
        alarm={"id": found["rule_id"], "name": found["rule_name"], "metric": found["metric"]},
    )
    return {**event, "esper": made["esper"], "meta": {**made["meta"], **(event.get("meta") or {})}}


def _with_host(event: Row, hostnames: t.Sequence[str]) -> Row:
    host = host_of(event["esper"]["device"], hostnames)
    meta = event.get("meta") or {}
    return event if host is None or "hosts" in meta else {**event, "meta": {**meta, "hosts": host}}


def _listed(paths: t.Any) -> tuple[str, ...]:
    return (paths,) if isinstance(paths, str) else tuple(map(str, paths))


def _first(body: Row, paths: t.Iterable[str]) -> t.Any:
    """Return the first value at one of the paths, None if there is none."""
    for path in paths:
        value: t.Any = body
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value not in (None, "", []) and not isinstance(value, dict):
            return value
    return None


def _tags(value: t.Any) -> list[str]:
    if isinstance(value, str):
        return [tag.strip() for tag in value.split(",") if tag.strip()]
    return [str(tag) for tag in value] if isinstance(value, list) else []
