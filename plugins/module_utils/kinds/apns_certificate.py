# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push certificates (APNs), which modules read. tasks/apns_certificate.py changes them.

Based on GET /tenant/v0/apnscertificates/ and GET /tenant/v0/apnscertificates/{id}/ of the contract (v0.yaml).
"""

from __future__ import annotations

from ..base.row import Row
from ..base.times import days_until
from ..model.conform import to_row
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading
from .expiring import COMPLETED, REQUESTED, ExpiringReader, days_left_field, expiring_within


def _adapt(row: Row) -> Row:
    return {**row, "days_left": days_until(to_row(row.get("meta")).get("cert_expiry_on"))}


def _label(row: Row) -> str:
    return str(to_row(row.get("meta")).get("topic") or row.get("apple_id") or row.get("id"))


APNS_CERTIFICATE_ROWS = plain_reading(
    name="apns_certificate",
    title="APNs certificate",
    plural="apns_certificates",
    short_description="Get information about APNs certificates",
    doc=(
        "Returns the push certificates (APNs) of the tenant, and the signing requests that wait for one.",
        "If none matches, the list is empty.",
    ),
    routes=Routes(list="/tenant/v0/apnscertificates/", object="/tenant/v0/apnscertificates/{id}/", name_filter=""),
    adapt=_adapt,
    label=_label,
    reader=ExpiringReader,
    options=(
        Option("id", "ID of the APNs certificate.", identifier=True),
        Option(
            "state",
            f"V({REQUESTED}) returns only signing requests that wait for a certificate, V({COMPLETED}) only"
            " certificates.",
            choices=(REQUESTED, COMPLETED),
            query="state",
        ),
        expiring_within("APNs certificates"),
    ),
    rules={"mutually_exclusive": [("id", "state")]},
    seealso=("apns_certificate",),
    fields=(
        Field("id", "ID of the APNs certificate.", writable=False, sample="6f1d2c3b-4a5e-4f60-9b8a-7c6d5e4f3a2b"),
        Field("apple_id", "Apple Account that requested the certificate.", writable=False, sample="mdm@example.com"),
        Field(
            "state",
            f"V({REQUESTED}) if the signing request waits for its certificate, V({COMPLETED}) if it has one.",
            writable=False,
            sample=COMPLETED,
        ),
        Field(
            "topic",
            "Topic of the certificate, to which Apple devices subscribe when they are enrolled.",
            api="meta.topic",
            writable=False,
            sample="com.apple.mgmt.External.8f14e45f-ceea-467f-a0e6-5f0c6b1d2a3b",
        ),
        Field(
            "issued_at",
            "Time from which the certificate is valid.",
            api="meta.cert_created_at",
            writable=False,
            sample="2026-06-01T09:30:00Z",
        ),
        Field(
            "expires_at",
            "Time when the certificate expires.",
            api="meta.cert_expiry_on",
            writable=False,
            sample="2027-06-01T09:30:00Z",
        ),
        days_left_field("certificate"),
        Field("created_by", "ID of the user who created the signing request.", writable=False, sample="17"),
        Field("updated_by", "ID of the user who made the last change.", writable=False, sample="17"),
        Field("created_at", "Time of the signing request.", writable=False, sample="2026-06-01T09:00:00Z"),
        Field("updated_at", "Time of the last change.", writable=False, sample="2026-06-01T09:30:00Z"),
    ),
)
