# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that assigns blueprints to devices before they enroll.

Based on /v2/seamless and /v2/seamless/upload of the contract (v2.yaml). No operation reads or deletes the assignments.

Choice: one request for each device, because the contract does not say whether ``unique_ids`` can name several.
Choice: ``unique_id_type`` 2 is a serial number and 3 a UUID, in the order of the texts in the response. The task fails
if the response has another type.
Choice: tags are sent as names.
Choice: a request whose response is lost is sent again, because the same assignment twice is the same assignment.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

from ..base.checksums import check_upload
from ..base.errors import EsperError, InvalidParameter, InvalidValues
from ..base.row import Params, Row
from ..base.text import counted, listed
from ..base.validators import max_items
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.forms import Form
from ..http.parallel import CONCURRENCY, in_parallel
from ..http.responses import Response
from ..kinds.blueprint import BLUEPRINT
from ..kinds.device import DISABLED
from ..kinds.device_group import device_groups
from ..kinds.device_list import list_devices
from ..model.conform import to_row, to_rows, to_text
from ..model.field import SEARCH_PATH
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..model.values import leaves
from ..task import ModuleDefinition, ModuleResult, RunContext

_PATH = "/v2/seamless"
_UPLOAD_PATH = "/v2/seamless/upload"
_FAILED = "FAILED"
_UNSUCCESSFUL = (_FAILED, None)
# Maximum number of devices that are looked up one by one.
_FEW = 5
_NAMED_DEVICES = 5
_error_of_tags = max_items(5)


class _IdType(t.NamedTuple):
    """A type of unique IDs: its option, its number in requests, its name in responses, and the filter and property of
    devices."""

    option: str
    number: int
    name: str
    key: str


_SERIAL = _IdType("serials", 2, "SERIAL", "serial")
_UUID = _IdType("uuids", 3, "UUID", "udid")

_MODULE = ModuleSpec(
    short_description="Assign Esper blueprints before devices enroll",
    description=(
        "Assigns a blueprint, a device group, an alias and tags to Apple, Linux and Windows devices. They get them when"
        " they enroll (seamless provisioning).",
        "Esper does not return earlier assignments, so the task sends them in each run and reports a change. Devices"
        " that are enrolled already are skipped.",
        "The task fails if Esper rejects a device. The other devices are assigned anyway.",
    ),
    options=(
        Option("serials", "Serial numbers of the devices.", type="list", elements="str", identifier=True),
        Option("uuids", "Hardware UUIDs of the devices.", type="list", elements="str", identifier=True),
        Option(
            "src",
            (
                "Path of a CSV file with the devices, on the controller. It is sent unchanged in each run, even if all"
                " devices are enrolled.",
                "Esper does not document its columns.",
                *SEARCH_PATH,
            ),
            type="path",
        ),
        Option("platform", "Platform of the devices.", choices=("APPLE", "LINUX", "WINDOWS"), default="APPLE"),
        Option("blueprint", "Blueprint of the devices, by name or ID.", identifier=True),
        Option("group", "Device group of the devices, by path, name or ID.", identifier=True),
        Option("alias", "Alias of the device. Requires exactly one serial number or UUID.", identifier=True),
        Option("tags", "Tags of the devices. At most 5 items.", type="list", elements="str", identifier=True),
        Option(
            "skip_enrolled",
            "If V(true), skips enrolled devices with O(blueprint), and in O(group) if it is set. If V(false), sends all"
            " devices.",
            type="bool",
            default=True,
        ),
    ),
    rules={
        "required_one_of": [("serials", "uuids", "src")],
        "mutually_exclusive": [
            ("serials", "uuids", "src"),
            *(("src", name) for name in ("blueprint", "group", "alias", "tags")),
        ],
        "required_by": {"serials": ["blueprint"], "uuids": ["blueprint"]},
    },
    sources=("src",),
    returns=(
        Value(
            "provisioning_requests",
            "The result for each device. In check mode, the devices that the task sends, except those in O(src).",
            type="list",
            elements="dict",
            contains=(
                Value("id", "ID of the provisioning request.", sample="8e0f5d1c-7b3a-4c55-9d2f-6a1b0c3e4d7f"),
                Value("unique_id", "Serial number or UUID of the device.", sample="DMPX2345ABCD"),
                Value(
                    "status",
                    "Status of the request, V(IN_QUEUE), V(IN_PROGRESS), V(SUCCESS) or V(FAILED). Null in check mode,"
                    " or without a response. Esper cannot return it later.",
                    sample="IN_QUEUE",
                ),
                Value("reason", "Reason of a failure.", sample=None),
            ),
        ),
        Value(
            "enrolled",
            "Serial numbers or UUIDs of the enrolled devices that the task skips.",
            type="list",
            elements="str",
            sample=["DMPX2345ABCE"],
        ),
    ),
    check_mode=Support("full", "Predicts the devices that the task sends."),
    diff_mode=Support("none", "Esper does not return earlier assignments."),
    seealso=("directory_record", "dep_sync", "blueprint"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    if params["src"] is not None:
        return _upload(view, params, context)
    id_type = _SERIAL if params["serials"] is not None else _UUID
    by_id: dict[str, str] = {}
    for text in params[id_type.option]:
        by_id.setdefault(text.strip().lower(), text.strip())
    unique_ids = list(by_id.values())
    _check(params, id_type, unique_ids)
    blueprint = lookup_of(view, BLUEPRINT).resolve(params["blueprint"])
    group = None if params["group"] is None else device_groups(view).resolve(params["group"])
    enrolled = set[str]()
    if params["skip_enrolled"]:
        enrolled = _enrolled(view, id_type, unique_ids, str(blueprint["id"]), None if group is None else group["id"])
    result: Row = {"enrolled": [each for each in unique_ids if each in enrolled]}
    needed = [each for each in unique_ids if each not in enrolled]
    if context.check_mode:
        planned = [_result(each) for each in needed]
        return ModuleResult({"changed": bool(planned), "provisioning_requests": planned, **result})
    body: Row = {"assigned_blueprint_id": str(blueprint["id"])}
    if group is not None:
        body["group_id"] = group["id"]
    if params["alias"] is not None:
        body["alias"] = params["alias"].strip()
    if params["tags"] is not None:
        body["tags"] = [tag.strip() for tag in params["tags"]]

    failures: list[EsperError] = []

    def send(unique_id: str) -> Row | None:
        """Send the request for a device, unless an earlier one failed."""
        if failures:
            return None
        info = {"unique_ids": unique_id, "unique_id_type": id_type.number, "platform": params["platform"]}
        purpose = f"Provisioning the device {unique_id}"
        try:
            response = view.client.request(
                "POST", _PATH, body={**body, "seamless_info": info}, purpose=purpose, idempotent=True
            )
            return _result_for(unique_id, id_type, _rows_of(view, response, purpose))
        except EsperError as error:
            # An exception in a thread would cancel the other requests without their results.
            failures.append(error)
            return None

    sent = [row for row in in_parallel(view.client, send, needed, CONCURRENCY) if row is not None]
    outcome = _outcome(sent, result)
    if not failures:
        return outcome
    context.effects.latest = {name: outcome.result[name] for name in ("provisioning_requests", "enrolled")}
    if outcome.result["changed"]:
        accepted = sum(row["status"] not in _UNSUCCESSFUL for row in sent)
        context.effects.add(f"{accepted} of {counted(len(needed))} were provisioned. Run the task again for the rest.")
    raise failures[0]


def _check(params: Params, id_type: _IdType, unique_ids: list[str]) -> None:
    """Raise InvalidValues if an option is invalid."""
    errors = []
    if not unique_ids:
        errors.append(f"{id_type.option} is empty; list a device, or skip the task")
    if params["alias"] is not None and len(unique_ids) > 1:
        errors.append(f"alias requires exactly one device, and {id_type.option} has {len(unique_ids)}")
    if params["tags"] is not None and (error := _error_of_tags(params["tags"])):
        errors.append(f"tags {error}")
    if errors:
        raise InvalidValues(errors)


def _enrolled(
    view: TenantView, id_type: _IdType, unique_ids: list[str], blueprint_id: str, group_id: str | None
) -> set[str]:
    """Return the unique IDs of the enrolled devices that have the blueprint, and are in the device group if it is
    set."""
    assigned = {"assigned_blueprint_id": blueprint_id}
    if len(unique_ids) <= _FEW:
        queries = [{**assigned, id_type.key: unique_id} for unique_id in unique_ids]
    else:
        queries = [assigned]
    lists = in_parallel(
        view.client,
        lambda query: list_devices(view.client, query, concurrency=CONCURRENCY if len(queries) == 1 else 1),
        queries,
        CONCURRENCY,
    )
    found = {
        str(row.get(id_type.key)).lower()
        for rows in lists
        for row in rows
        if row.get("state") != DISABLED and group_id in (None, row.get("group_id"))
    }
    return {each for each in unique_ids if each.lower() in found}


def _upload(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    """Send a CSV file, and return the result for the devices in it."""
    path = Path(params["src"])
    check_upload(path)
    if context.check_mode:
        return ModuleResult({"changed": True, "provisioning_requests": [], "enrolled": []})
    form = Form(fields={"platform": params["platform"]}, files={"csv_file": path})
    purpose = f"Provisioning the devices in {path.name}"
    response = view.client.request("POST", _UPLOAD_PATH, body=form, purpose=purpose, idempotent=True)
    rows = [_result_of(row) for row in _rows_of(view, response, purpose)]
    if not rows:
        raise InvalidParameter(f"Esper found no device in '{path}'. Check its columns, which Esper does not document.")
    return _outcome(rows, {"enrolled": []})


def _rows_of(view: TenantView, response: Response, purpose: str) -> list[Row]:
    """Return the results in a response. Raise TransportError if it has none."""
    results = to_row(response.body).get("results")
    if response.is_error or not isinstance(results, list):
        raise view.client.unusable(response, "POST", "no results", purpose)
    return to_rows(results)


def _result_for(unique_id: str, id_type: _IdType, rows: list[Row]) -> Row:
    """Return the result for the only device of a request."""
    row = next((row for row in rows if str(row.get("unique_ids")).strip().lower() == unique_id.lower()), None)
    if row is None:
        return _result(unique_id, reason="Esper returned no result for it")
    result = {**_result_of(row), "unique_id": unique_id}
    if row.get("unique_id_type") not in (id_type.name, None):
        # The contract does not document the numbers of the types.
        result |= {"status": _FAILED, "reason": f"Esper took it for a {row['unique_id_type']}, not a {id_type.name}"}
    return result


def _result_of(row: Row) -> Row:
    """Return a result in a response in the form of the module."""
    reasons = [leaf for leaf in leaves(row.get("meta")) if isinstance(leaf, str) and leaf.strip()]
    status = to_text(row.get("status"))
    reason = ", ".join(reasons) or ("Esper returned no reason" if status in _UNSUCCESSFUL else None)
    return {**_result(to_text(row.get("unique_ids"))), "id": to_text(row.get("id")), "status": status, "reason": reason}


def _result(unique_id: str | None, reason: str | None = None) -> Row:
    return {"id": None, "unique_id": unique_id, "status": None, "reason": reason}


def _outcome(rows: list[Row], result: Row) -> ModuleResult:
    """Return the result of the task. It fails if a device is not assigned."""
    failed = [row for row in rows if row["status"] in _UNSUCCESSFUL]
    result = {"changed": len(failed) < len(rows), "provisioning_requests": rows, **result}
    if failed:
        names = [f"{row['unique_id']} ({str(row['reason']).rstrip('.')})" for row in failed]
        shown = listed(names, _NAMED_DEVICES, "device")
        result |= {"failed": True, "msg": f"{len(failed)} of {counted(len(rows))} could not be provisioned: {shown}."}
    return ModuleResult(result)


SEAMLESS_PROVISIONING = ModuleDefinition("seamless_provisioning", _MODULE, _run)
