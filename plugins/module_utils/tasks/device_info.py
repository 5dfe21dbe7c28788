# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to know of devices: those that a task names, or that filters find.

Rests on /v2/devices/ and /v2/devices/{deviceId}/device-apps/ of the contract (v2.yaml), on
/enterprise/{enterprise_id}/device/{device_id}/app/ (legacy.yaml) for the apps of Android devices, which the former does
not tell of live ones, and on /enterprise/{enterprise_id}/device/{device_id}/event-feed/, which is not published but
which the vendor's own connectors use.
"""

from __future__ import annotations

import typing as t

from ..base.row import Params, Row
from ..engine.object_cache import References
from ..engine.resource import Resource
from ..http.paging import list_all
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.blueprint_list import BLUEPRINTS
from ..kinds.device import FULL, LEVELS, as_host, check_filters, resolve_filters
from ..kinds.device_group import DEVICE_GROUP, path_of
from ..kinds.device_list import list_devices
from ..kinds.tag import TAG
from ..task import Mode, Outcome, Task
from .device_search import each_once, find_devices

# So few are asked for one by one, rather than all that the tenant has.
_FEW = 5

OPTIONS: dict[str, dict[str, t.Any]] = {
    "devices": {"type": "list", "elements": "str", "aliases": ["device"]},
    "filters": {"type": "dict"},
    "level": {"type": "str", "choices": list(LEVELS), "default": FULL},
    "names": {"type": "bool", "default": True},
    "apps": {"type": "bool", "default": False},
    "events": {"type": "int", "default": 0},
}
RULES: dict[str, t.Any] = {
    "required_one_of": [("devices", "filters")],
    "mutually_exclusive": [("devices", "filters")],
}


def _work(references: References, params: Params, mode: Mode) -> Outcome:
    if params["filters"] is not None:
        query = resolve_filters(references, check_filters(params["filters"]))
        rows = list(list_devices(references.client, query, concurrency=CONCURRENCY, on_progress=_telling(mode)))
        missing = []
    else:
        found = find_devices(references, params["devices"])
        rows = each_once(found.values())
        missing = [name for name, row in found.items() if row is None]
    records = [as_host(row, params["level"]) for row in rows]
    if params["names"]:
        _add_names(references, records)
    details: tuple[tuple[str, bool, t.Callable[[Row], t.Any]], ...] = (
        ("apps", params["apps"], lambda row: _apps(references, row)),
        ("events", params["events"] > 0, lambda row: _events(references, row, params["events"])),
    )
    for name, wanted, read in details:
        if wanted:
            found_of = in_parallel(references.client, read, rows, CONCURRENCY)
            for record, value in zip(records, found_of, strict=True):
                record[name] = value
    return Outcome({"changed": False, "devices": records, "missing": missing})


def _telling(mode: Mode) -> t.Callable[[int, int | None], None]:
    def tell(read: int, count: int | None) -> None:
        mode.progress(f"{read} of {'an unknown number of' if count is None else count} devices are read")

    return tell


def _add_names(references: References, records: list[Row]) -> None:
    """Put the paths of groups, the names of tags and those of blueprints beside their ids."""
    groups = {row["id"]: path_of(row) for row in _rows(references, DEVICE_GROUP, records, "group_id")}
    blueprints = {row["id"]: row["name"] for row in _rows(references, BLUEPRINTS, records, "blueprint_id")}
    tagged = any(record["tag_ids"] for record in records)
    tags = {row["id"]: row["tag"] for row in references.rows(TAG, {})} if tagged else {}
    for record in records:
        record["group"] = groups.get(str(record["group_id"]).lower())
        record["tags"] = [tags.get(each, each) for each in record["tag_ids"]]
        record["blueprint"] = blueprints.get(record["blueprint_id"])


def _rows(references: References, kind: Resource, records: list[Row], key: str) -> list[Row]:
    """The objects of a kind that devices refer to: one by one, or all of them, whichever is less."""
    ids = sorted({str(record[key]) for record in records if record[key]})
    if len(ids) > _FEW:
        return references.rows(kind, {})
    found = (kind.get(references, each) for each in ids)
    return [row for row in found if row is not None]


def _apps(references: References, device: Row) -> list[Row]:
    android = device.get("platform") == "ANDROID"
    path = "/enterprise/{enterprise_id}/device/%s/app/" if android else "/v2/devices/%s/device-apps/"
    purpose = f"Reading the apps of the device {device['id']}"
    return [_app(row) for row in list_all(references.client, path % device["id"], purpose=purpose)]


def _app(row: Row) -> Row:
    """An installed app: Android's with their names, others with the ids that blueprints have, which is all there is."""
    return {
        "name": row.get("app_name"),
        "package_name": row.get("package_name"),
        "version_name": row.get("version_name"),
        "version_code": row.get("version_code"),
        "state": row.get("state"),
        "type": row.get("app_type"),
        "app_id": row.get("app_id"),
        "app_version_id": row.get("app_version_id"),
    }


def _events(references: References, device: Row, number: int) -> list[Row]:
    path = f"/enterprise/{{enterprise_id}}/device/{device['id']}/event-feed/"
    body = references.client.get(
        path, query={"limit": number}, purpose=f"Reading the events of the device {device['id']}"
    )
    rows = (body.get("results") if isinstance(body, dict) else None) or []
    return [{key: row.get(key) for key in ("id", "created_on", "message")} for row in rows]


DEVICE_INFO = Task(OPTIONS, RULES, _work)
