# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of devices before they enroll.

Based on /v1/enterprise/{enterprise_id}/directory_record/ of the contract (v1.yaml). The list has no filter, so all of
it is read.

Choice: an identifier belongs to one record only, so two records with identifiers of one task are ambiguous.
Choice: serial numbers and IMEIs are compared in upper or lower case, MAC addresses also without ``:`` and ``-``.
Choice: the list accepts no ``limit``, and the links to its pages have an ``offset``.
Choice: tags are sent as names, and can be returned as names or IDs.
Choice: PUT empties what it omits, so the module sends all current values again.
Choice: nobody knows what the deletion of a record does to its device, so it takes ``force``.
"""

from __future__ import annotations

from ..base.errors import ApiError, InvalidParameter
from ..base.ids import is_uuid
from ..base.row import Params, Row
from ..base.validators import length, max_items
from ..engine.exporter import Exporter
from ..engine.lookup import Lookup, lookup_of
from ..engine.planner import Planner
from ..engine.reader import Reader
from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.kind import Guard, Routes, Tenant
from ..model.module_spec import Option
from ..model.names import Names
from ..model.plain import plain_kind
from ..model.plan import Plan
from .device_group import DEVICE_GROUP
from .directory_identifiers import IDENTIFIERS, key_of, keys_of, lost_identifiers, to_api, with_identifiers
from .tag import TAG


class DirectoryRecordLookup(Lookup):
    """Finds directory records by their identifiers."""

    def task_key(self, params: Params) -> str:
        """Return the first identifier in the task, or the ID if there is none."""
        return next((str(params[name]).strip() for name in IDENTIFIERS if params.get(name)), str(params.get("id")))

    def find(self, params: Params) -> Row | None:
        """Return the record with the ID, or with at least one of the identifiers, or None. Raise Ambiguous."""
        if params.get("id") is not None:
            row = self.find_by_id(str(params["id"]))
        else:
            row = self.one_or_none(self.find_by_keys(keys_of(params)), self.task_key(params))
        return row and with_tag_names(self.view, row)


def with_tag_names(view: TenantView, row: Row) -> Row:
    """Return a record with the names of its tags, if it has their IDs and the tenant returns the names."""
    tags = row.get("tags")
    ids = [tag for tag in tags if is_uuid(tag)] if isinstance(tags, list) else []
    if not ids:
        return row
    try:
        names = lookup_of(view, TAG).names_of(ids)
    except ApiError:
        return row
    return {**row, "tags": [names.get(tag, tag) if tag in ids else tag for tag in tags or ()]}


class DirectoryRecordPlanner(Planner):
    """Plans changes of directory records."""

    def plan_create(self, params: Params) -> Plan:
        """Return the plan of Planner, whose result has the names of tags."""
        return self._with_tag_names(super().plan_create(params))

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan of Planner. Raise InvalidParameter if it would lose identifiers.

        An identifier is not changed if it only differs in its form.
        """
        same = {
            name: current[name]
            for name in IDENTIFIERS
            if params.get(name) and current.get(name) and key_of(name, params[name]) == key_of(name, current[name])
        }
        plan = super().plan_update(current, {**params, **same})
        if plan.steps and (types := lost_identifiers(current)):
            raise InvalidParameter(
                f"The {self.kind.phrase(current)} is not changed, because the change would remove identifiers that the"
                f" module cannot send: {', '.join(types)}. Correct them in Esper first."
            )
        return self._with_tag_names(plan)

    def _with_tag_names(self, plan: Plan) -> Plan:
        for step in plan.steps:
            step.extract_object = lambda row: with_tag_names(self.view, row)
        return plan


class DirectoryRecordReader(Reader):
    """Reads directory records. The API has no filters, so they are applied here."""

    def read_rows(self, params: Params) -> list[Row]:
        """Return the records that match all options."""
        keys, status, enrolled = keys_of(params), params["approval_status"], params["enrolled"]
        group = params["group"] and lookup_of(self.view, DEVICE_GROUP).resolve(params["group"])["id"]
        return [
            with_tag_names(self.view, row)
            for row in super().read_rows(params)
            if keys <= keys_of(row)
            and group in (None, row.get("group_id"))
            and status in (None, row.get("approval_status"))
            and enrolled in (None, bool(row.get("device_id")))
        ]


class DirectoryRecordExporter(Exporter):
    """Exports directory records with the names of their tags."""

    def complete(self, rows: list[Row]) -> list[Row]:
        return [with_tag_names(self.view, row) for row in rows]


def _device_of(_view: object, row: Row) -> list[str]:
    return [f"the device '{row.get('name') or row['device_id']}'"] if row.get("device_id") else []


_TITLES = {
    "serial": "Serial number",
    "imei1": "First IMEI",
    "imei2": "Second IMEI",
    "mei": "MEI",
    "wifi_mac": "MAC address of the Wi-Fi interface",
    "ethernet_mac": "MAC address of the Ethernet interface",
}
_SAMPLES = {"serial": "R9W00000001", "imei1": "356938035643809", "wifi_mac": "00:11:22:33:44:55"}
_FILTERS = (*IDENTIFIERS, "group", "approval_status", "enrolled")
_STATUSES = ("WAITING_FOR_APPROVAL", "APPROVED", "REJECTED", "BLOCKED")


def _form(name: str) -> str:
    return "Compared without colons and hyphens." if name.endswith("_mac") else "Compared in upper or lower case."


def _identifier(name: str) -> Field:
    return Field(
        name,
        f"{_TITLES[name]} of the device. {_form(name)}",
        identifier=True,
        normalize=str.strip,
        validator=length(1),
        returns=f"{_TITLES[name]} of the device.",
        sample=_SAMPLES.get(name),
    )


DIRECTORY_RECORD = plain_kind(
    name="directory_record",
    doc=(
        "A directory record sets the device group, the alias and the tags that a device gets when it enrolls. Only"
        " tenants with the new onboarding of Esper have directory records.",
        "If O(id) is omitted, the record is the one that has at least one of the identifiers in the task. Identifiers"
        " of other types are kept.",
        "The module reads all directory records. Use M(esper.cloud.tenant) for many records, because it reads them only"
        " once.",
    ),
    keys=IDENTIFIERS,
    lookup=DirectoryRecordLookup,
    planner=DirectoryRecordPlanner,
    reader=DirectoryRecordReader,
    exporter=DirectoryRecordExporter,
    tenant=Tenant(
        export="on_request",
        prune=False,
        reason="A record belongs to one device. Esper does not document what its deletion does to the device.",
    ),
    adapt=with_identifiers,
    to_api=to_api,
    find_keys=keys_of,
    label=lambda row: str(next((row[name] for name in IDENTIFIERS if row.get(name)), row.get("id"))),
    routes=Routes(
        list="/v1/enterprise/{enterprise_id}/directory_record/",
        object="/v1/enterprise/{enterprise_id}/directory_record/{id}/",
        update="PUT",
        page_size=None,
        name_filter="",
    ),
    guards=(Guard(users=_device_of, advice="Keep the record", reads=("device_id",)),),
    info_options=(
        *(Option(name, f"{_TITLES[name]} of the device. {_form(name)}", identifier=True) for name in IDENTIFIERS),
        Option("group", "Path, name or ID of the device group of the records.", identifier=True),
        Option("approval_status", "Approval status of the records.", choices=_STATUSES),
        Option(
            "enrolled",
            "If V(true), returns records of enrolled devices only. If V(false), returns the other records only.",
            type="bool",
        ),
    ),
    info_rules={
        "mutually_exclusive": [("id", name) for name in (*IDENTIFIERS, "group", "approval_status", "enrolled")]
    },
    fields=(
        Field("id", "ID of the directory record.", writable=False, sample="5b6a3a0e-7d35-4f0f-9d0d-5f0a3c1e7b42"),
        *map(_identifier, IDENTIFIERS),
        Field(
            "group",
            "Path, name or ID of the device group that the device gets.",
            api="group_id",
            names=Names(DEVICE_GROUP, label="path"),
            returns="Path of the device group that the device gets. ID of the group if the task changes a record"
            " without setting the group.",
            sample="All devices/Stores/Germany",
            changed="All devices/Stores",
        ),
        Field("alias", "Alias that the device gets.", sample="POS terminal 1"),
        Field(
            "tags",
            "Names of the tags that the device gets. Compared without order. An empty list removes all tags.",
            type="list",
            elements="str",
            list_type="set",
            validator=length(1),
            list_validator=max_items(5),
            returns="Names of the tags that the device gets.",
            sample=["pos", "berlin"],
            changed=["pos"],
        ),
        Field(
            "device_id",
            "ID of the device. V(null) if it has not enrolled.",
            writable=False,
            sample="9a2f2b8f-6b0b-4d59-8a4e-f1f1b9a3c001",
        ),
        Field("device_name", "Name of the device.", api="name", writable=False, sample="ESP-MNT-AAAA1"),
        Field(
            "online_status",
            "Whether the device is online: V(ONLINE), V(OFFLINE) or V(NONE).",
            writable=False,
            sample="ONLINE",
        ),
        Field(
            "approval_status",
            f"Approval status of the record: {', '.join(f'V({status})' for status in _STATUSES[:-1])} or"
            f" V({_STATUSES[-1]}).",
            writable=False,
            sample="APPROVED",
        ),
        Field("provisioned_on", "Time of the enrollment.", writable=False, sample="2026-03-01T09:30:00Z"),
    ),
)
